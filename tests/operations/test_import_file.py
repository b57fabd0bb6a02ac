"""ImportFile through BaSyx: proposal, questions, work in the background, cancel, repeat, a delegate that was killed."""

from __future__ import annotations

import json
import re
import time
import tomllib
from typing import Any

import pytest

from aasx import history, transfer
from aasx.client import NotFound, OperationFailed, Refused, ServerFault
from aasx.packages import package
from aasx.submodels import imports
from operations import import_file
from tests.conftest import wait_for
from tests.operations.conftest import Cell, fading
from tests.servers import ROOT, free_port, start_delegate

HEADER = "cycle,start time,discharge capacity (Ah),max temperature (°C)\n"


def table(cycles: int, first: int = 1, header: str = HEADER) -> str:
    rows = (
        f"{n},2025-{1 + n // 600:02d}-{1 + n // 24 % 25:02d}T{n % 24:02d}:30:00,{1.9 - 0.0001 * n:.4f},{30 + n % 5}\n"
        for n in range(first, first + cycles)
    )
    return header + "".join(rows)


class Importer:
    """A client that brings a file into a cell."""

    def __init__(self, cell: Cell, content: str | bytes, name: str = "cycles.csv") -> None:
        self.cell, self.aas, self.data = cell, cell.aas, cell.operational_data
        content = content.encode("utf-8") if isinstance(content, str) else content
        item = imports.new_import(name, len(content))
        self.id: str = item["idShort"]
        self.aas.append_element(self.data, imports.IMPORTS, item)
        self.path = f"{imports.IMPORTS}.{self.id}"
        self.aas.put_attachment(self.data, f"{self.path}.Data", name, content, "application/octet-stream")

    def call(self, action: str | None = None, mapping: dict[str, Any] | None = None) -> dict[str, Any]:
        inputs = {"ImportId": self.id, "ImportAction": action, "ImportMapping": mapping and json.dumps(mapping)}
        given = {name: value for name, value in inputs.items() if value is not None}
        return self.aas.invoke(self.data, "ImportFile", given, timeout_s=30)

    def proposed(self, mapping: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        answer = self.call("propose", mapping)
        return json.loads(answer["ProposedMapping"]), json.loads(answer["ImportPreview"])

    @property
    def values(self) -> dict[str, Any]:
        return self.aas.element_value(self.data, self.path)

    def ended(self, timeout_s: float = 60) -> dict[str, Any]:
        end = time.monotonic() + timeout_s
        while (found := self.values)["ImportState"] in imports.AT_WORK:
            assert time.monotonic() < end, found
            time.sleep(0.1)
        return found

    def has_file(self) -> bool:
        try:
            return bool(self.aas.attachment(self.data, f"{self.path}.Data"))
        except (NotFound, Refused, ServerFault):
            return False


def numbers(cell: Cell) -> list[int]:
    return sorted(record["id_cycle"] for record in history.read(cell.aas, cell.name, []))


def came_in(cell: Cell, at_least: int) -> None:
    wait_for(lambda: len(numbers(cell)) >= at_least, 300)


def test_a_file_is_proposed_and_brought_in_and_everything_follows(new_cell):
    cell = new_cell([])
    one = Importer(cell, table(150))
    mapping, preview = one.proposed()
    assert mapping["columns"]["Capacity"] == {"column": "discharge capacity (Ah)", "unit": "Ah"}
    assert preview["counts"] == {"taken": 150, "known": 0, "skipped": 0} and not preview["questions"]
    assert preview["rows"][0]["values"]["Capacity"] == pytest.approx(1.8999)
    assert not numbers(cell) and one.values["ImportState"] == "proposed"
    assert one.call("start")["ImportState"] == "running"
    found = one.ended()
    assert (found["ImportState"], found["CyclesTaken"], found["FileName"]) == ("ended", 150, "cycles.csv")
    assert numbers(cell) == list(range(1, 151)) and not one.has_file()
    assert len(found["FileSHA256"]) == 64 and json.loads(found["ImportMapping"])["kind"] == "cycles"
    assert cell.value("LiveState", "OperationalData")["id_cycle"] == 150
    assert cell.value("PredictionDetails.InputLastCycle") == 150 and cell.fleet()["AtCycle"] == 150


def test_the_same_file_again_doubles_nothing_and_the_next_one_goes_on(new_cell):
    cell = new_cell([])
    for content, taken, known in ((table(20), 20, 0), (table(20), 0, 20), (table(30), 10, 20)):
        one = Importer(cell, content)
        one.call()
        one.call("start")
        found = one.ended()
        assert (found["CyclesTaken"], found["CyclesKnown"]) == (taken, known)
    assert numbers(cell) == list(range(1, 31))


def test_questions_must_be_answered_and_the_answers_are_remembered(new_cell):
    cell = new_cell([])
    content = "cycle,capacity\n1,1856\n2,1846\n"
    one = Importer(cell, content)
    mapping, preview = one.proposed()
    (question,) = preview["questions"]
    assert question["code"] == "unit:Capacity" and [option["label"] for option in question["options"]] == ["Ah", "mAh"]
    with pytest.raises(OperationFailed, match="to be answered first"):
        one.call("start", mapping)
    assert not numbers(cell)
    mapping["columns"] |= question["options"][1]["sets"]["columns"]
    one.call("start", mapping | {"answered": [question["code"]]})
    one.ended()
    assert cell.value("Segments.InternalSegment.Records.Record0001", "OperationalData")["Capacity"] == 1.856
    _, again = Importer(new_cell([]), "cycle,capacity\n1,1900\n2,1890\n").proposed()
    assert not again["questions"] and again["rows"][0]["values"]["Capacity"] == 1.9


def test_other_values_under_recorded_numbers_are_asked(new_cell):
    cell = new_cell(fading(5))
    one = Importer(cell, "cycle,capacity (Ah)\n1,1.5\n2,1.49\n")
    mapping, preview = one.proposed()
    (question,) = preview["questions"]
    assert question["code"] == "numbering"
    one.call("start", mapping | question["options"][0]["sets"] | {"answered": ["numbering"]})
    one.ended()
    assert numbers(cell) == [1, 2, 3, 4, 5, 6, 7]


def test_a_cancelled_import_leaves_what_came_in_and_can_be_repeated(new_cell, monkeypatch):
    monkeypatch.setattr(import_file, "CHUNK_CYCLES", 10)
    monkeypatch.setattr(import_file, "TELL_EVERY_s", 0.0)
    cell = new_cell([])
    one = Importer(cell, table(600))
    one.call()
    one.call("start")
    while not numbers(cell):
        time.sleep(0.05)
    one.call("cancel")
    assert one.ended()["ImportState"] == "cancelled"
    came_in = numbers(cell)
    assert 0 < len(came_in) < 600 and one.has_file()
    one.call("start")
    assert one.ended()["ImportState"] == "ended" and numbers(cell) == list(range(1, 601))


def test_a_delegate_that_starts_goes_on_with_what_was_running(new_cell, delegate):
    cell = new_cell([])
    one = Importer(cell, table(40))
    one.call()
    for name, value in (("CyclesBefore", 0), ("ImportState", "running")):  # as a killed delegate leaves it
        cell.aas.set_value(one.data, f"{one.path}.{name}", value)
    import_file.resume(delegate.live, wait_s=0.2)
    assert one.ended()["ImportState"] == "ended" and numbers(cell) == list(range(1, 41))


@pytest.mark.long
def test_an_import_of_a_long_life_goes_on_whenever_its_delegate_is_killed(new_cell, basyx, model_dir, tmp_path):
    """`kill -9` of the real process: before the first cycle, and twice among them."""
    port, cycles = free_port(), 3500
    served = start_delegate(basyx.url, model_dir, tmp_path, port)
    try:
        cell = new_cell([], delegate_url=served.url)
        one = Importer(cell, table(cycles))
        one.call()
        one.call("start")
        for so_many in (0, 700, 2000):
            came_in(cell, so_many)
            served.kill()
            assert one.values["ImportState"] == "running" and len(numbers(cell)) < cycles
            served = start_delegate(basyx.url, model_dir, tmp_path, port)
        found = one.ended(600)
        assert (found["ImportState"], found["CyclesTaken"], found["CyclesSkipped"]) == ("ended", cycles, 0)
        assert numbers(cell) == list(range(1, cycles + 1)), "each once"
        rows = {row["id_cycle"]: row["Capacity"] for row in history.read(cell.aas, cell.name, [])}
        assert all(rows[n] == round(1.9 - 0.0001 * n, 4) for n in rows)
        assert cell.value("LiveState", "OperationalData")["id_cycle"] == cycles
        assert cell.value("PredictionDetails.InputLastCycle") == cycles and cell.fleet()["AtCycle"] == cycles
        assert not one.has_file() and served.process.poll() is None
        again = Importer(cell, table(cycles))
        again.call()
        again.call("start")
        assert again.ended(120)["CyclesKnown"] == cycles and len(numbers(cell)) == cycles
    finally:
        served.kill()


def test_raw_files_travel_in_no_package(new_cell):
    cell = new_cell(fading(3))
    one = Importer(cell, table(5), "secret_of_the_lab.csv")
    found = package.read(transfer.export(cell.aas, [cell.name]))
    assert one.has_file()
    assert not any("secret" in name or b"discharge capacity" in content for name, content in found.files.items())
    assert one.values["FileName"] == "secret_of_the_lab.csv"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"1,2,3\n4,5,6\n", "header line"), (b"\x89HDF\r\n\x1a\n" + bytes(600), "neither text")],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(new_cell, content, told):
    cell = new_cell([])
    with pytest.raises(OperationFailed, match=told) as refused:
        Importer(cell, content).call()
    assert refused.value.status == "invalidInput"


def test_what_is_no_import_or_no_mapping_is_refused(new_cell):
    cell = new_cell([])
    one = Importer(cell, table(3))
    with pytest.raises(OperationFailed, match="must be one of propose, start, cancel, discard"):
        one.call("explode")
    with pytest.raises(OperationFailed, match="no proposal yet"):
        one.call("start")
    with pytest.raises(OperationFailed, match="kind"):
        one.call("propose", {"kind": "poem", "columns": {}})
    assert one.call("cancel")["Message"] == "it is not running"
    one.call("discard")
    assert not one.has_file() and one.values["ImportState"] == "cancelled"
    one.id = "Import00000000"
    with pytest.raises(OperationFailed, match="no import") as refused:
        one.call()
    assert refused.value.status == "notFound"


def test_a_file_that_is_too_large_is_refused_before_it_is_sent():
    with pytest.raises(
        ValueError, match=r"at most 100 MB, this one has 101 MB: convert it to Parquet, thin it, or split"
    ):
        imports.new_import("large.csv", 100 * 2**20 + 1)


def test_the_limit_of_a_file_is_one_number_from_the_browser_to_the_store():
    """What the upload of the HMI takes, every door behind it takes, too, with what a multipart body adds."""
    shown = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["server"]["maxUploadSize"]
    assert shown == imports.MOST_FILE_MB
    for file, setting in (
        ("aasx/environment/src/main/resources/application.properties", r"multipart\.max-(?:file|request)-size=(\d+)MB"),
        ("docker-compose.yml", r"MULTIPART_MAX(?:FILE|REQUEST)SIZE: (\d+)MB|client_max_body_size (\d+)m"),
        ("scripts/proxy/nginx.conf", r"client_max_body_size +(\d+)m"),
        ("scripts/proxy/Caddyfile", r"max_size (\d+)MiB"),
    ):
        found = [max(one) if isinstance(one, tuple) else one
                 for one in re.findall(setting, (ROOT / file).read_text(encoding="utf-8"))]  # fmt: skip
        assert found and set(map(int, found)) == {imports.MOST_FILE_MB + 1}, file
