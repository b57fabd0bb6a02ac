"""A long history through a real BaSyx: older cycles in tables, one reader for all, moves cut short, corrections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aasx import history, transfer
from aasx.cell_description import CellDescription
from aasx.client import AasClient, AasError, Changed
from aasx.elements.shape import Foreign
from aasx.elements.values import with_value
from aasx.history import Block
from aasx.identifiers import submodel_id
from aasx.packages import package
from aasx.packages.verification import verify
from aasx.shell import build_cell, build_fleet, cell_files
from aasx.submodels import history_table, operational_data
from aasx.submodels.operational_data import RECORDS_PATH, record_id_short
from tests.aasx.conftest import made_up_records

CELL = "Long_1"
DATA = submodel_id(CELL, "OperationalData")
NOW = "2026-05-01T10:00:00.000Z"


def cycles(count: int) -> list[dict[str, Any]]:
    rows = made_up_records(count)
    for row in rows:
        row["Time"] = f"2008-04-02T{row['id_cycle'] // 3600 % 24:02d}:{row['id_cycle'] // 60 % 60:02d}:00"
    return rows


def put(client: AasClient, rows: list[dict[str, Any]], in_tables: bool = False) -> None:
    description = CellDescription(cell=CELL, source="test")
    objects = [*build_cell(description, rows, older_in_tables=in_tables), *build_fleet({})]
    files = cell_files(description, None, rows if in_tables else ())
    transfer.load(client, package.Package(package.environment_of(objects), files))


@pytest.fixture
def client(basyx) -> Iterator[AasClient]:
    client = AasClient(basyx.url, timeout_s=30.0)
    yield client
    for stored in client.shells():
        client.delete_shell(stored["id"])
    for submodel in client.submodels():
        client.delete_submodel(submodel["id"])


def read(client: AasClient) -> list[dict[str, Any]]:
    noted: list[Foreign] = []
    found = list(history.read(client, CELL, noted))
    assert not noted
    return sorted(found, key=lambda row: row["id_cycle"])


def blocks(client: AasClient) -> list[Block]:
    shape = operational_data.history_shape().part("Segments")
    return history.blocks(client.read_element(DATA, "Segments", shape))


def move(client: AasClient) -> bool:
    return history.move_older(client, CELL, blocks(client), NOW)


def in_records(client: AasClient) -> list[int]:
    return [one["id_cycle"] for one in client.element_value(DATA, RECORDS_PATH).values()]


class Stops(Exception):
    pass


class CutShort(AasClient):
    """A gateway whose process dies before its n-th write, or right after it."""

    def __init__(self, base_url: str, writes: int, after: bool) -> None:
        super().__init__(base_url, timeout_s=30.0)
        self.left, self.after = writes, after

    def _send(self, method: str, *arguments: Any, **more: Any) -> Any:
        if method != "GET":
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Stops
        answer = super()._send(method, *arguments, **more)
        if method != "GET" and self.left == 0:
            raise Stops
        return answer


class WithoutTags(AasClient):
    """A gateway as to a server that knows no ETags."""

    def _send(self, method: str, *arguments: Any, **more: Any) -> Any:
        assert not more.get("if_match")
        answer = super()._send(method, *arguments, **more)
        answer.headers.pop("ETag", None)
        return answer


def test_a_table_gives_back_what_went_in():
    rows = cycles(5)
    texts = [history_table.texts(row) for row in rows]
    texts[2] |= {"Capacity": "much", "Remark": 'said "no",\nor so'}
    assert history_table.from_csv(history_table.to_csv(texts)) == texts
    noted: list[Foreign] = []
    shape = operational_data.record_shape()
    found = history_table.records(texts, shape, noted, "Segments.History0001")
    assert found[:2] == rows[:2] and found[2] == rows[2] | {"Capacity": None}
    assert [str(one) for one in noted] == ["Segments.History0001 id_cycle 3 Capacity is 'much', not number"]


@pytest.mark.parametrize("text", ["1E400", "INF", "NaN", "1_0", "2e9"])
def test_a_number_of_a_table_is_read_as_one_of_a_record(text):
    noted: list[Foreign] = []
    shape = operational_data.record_shape()
    found = history_table.records([{"id_cycle": "1", "Capacity": text}], shape, noted, "here")
    assert found[0]["Capacity"] is None and len(noted) == 1


@pytest.mark.parametrize("count", [0, 1, 200, 399, 400, 401, 1000])
def test_older_cycles_stand_in_whole_blocks(count):
    whole, rest = history_table.blocks(range(count))
    assert [*[one for block in whole for one in block], *rest] == list(range(count))
    assert all(len(block) == 200 for block in whole) and len(rest) <= count and len(rest) < 400
    assert count < 400 or len(rest) >= 200


@pytest.mark.parametrize("gateway", [AasClient, WithoutTags])
def test_older_cycles_move_and_are_read_as_before(client, gateway):
    rows = cycles(850)
    put(client, rows)
    assert history.move_older(gateway(client.base_url, 30.0), CELL, [], NOW)
    assert read(client) == rows and in_records(client) == [row["id_cycle"] for row in rows[600:]]
    assert [block.segment for block in blocks(client)] == ["History0001", "History0201", "History0401"]
    segment = client.element_value(DATA, "Segments.History0201")
    assert segment["RecordCount"] == 200 and segment["LastUpdate"] == NOW
    assert (segment["StartTime"], segment["EndTime"]) == (rows[200]["Time"], rows[399]["Time"])
    latest = client.element_value(DATA, "Segments.InternalSegment.RecordCount")
    start = client.element_value(DATA, "Segments.InternalSegment.StartTime")
    assert (latest, start) == (250, rows[600]["Time"])
    assert not history.move_older(gateway(client.base_url, 30.0), CELL, blocks(client), NOW)
    for number in (1, 450, 850):
        assert history.record(client, CELL, number) == rows[number - 1]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("gateway", [AasClient, WithoutTags])
def test_a_move_cut_short_at_any_write_loses_and_doubles_nothing(client, after, gateway):
    rows = cycles(403)
    put(client, rows)
    cut = type("Cut", (CutShort, gateway), {})
    for writes in (1, 2, 3, 4, 5, 6, 7, 60):  # without ETags the cycles go by 200 deletions
        try:
            history.move_older(cut(client.base_url, writes, after), CELL, blocks(client), NOW)
        except Stops:
            assert read(client) == rows
    move(client)
    assert read(client) == rows
    assert len(in_records(client)) == 203 and [block.count for block in blocks(client)] == [200]


def test_a_moved_cycle_is_corrected_by_its_record(client):
    rows = cycles(650)
    put(client, rows)
    move(client)
    rows[4] = rows[4] | {"Capacity": 1.2345}
    corrected = with_value(operational_data.record_item(), rows[4]) | {"idShort": record_id_short(5)}
    client.append_element(DATA, RECORDS_PATH, corrected)
    assert read(client) == rows and history.record(client, CELL, 5) == rows[4]
    for row in (more := cycles(800)[650:]):
        item = with_value(operational_data.record_item(), row) | {"idShort": record_id_short(row["id_cycle"])}
        client.append_element(DATA, RECORDS_PATH, item)
    assert move(client)
    assert read(client) == rows + more and 5 not in in_records(client)
    assert history.record(client, CELL, 5) == rows[4]


def test_what_a_table_cannot_hold_stays_a_record(client):
    rows = cycles(450)
    put(client, rows)
    inside = {"modelType": "SubmodelElementCollection", "idShort": "Note"}
    client.append_element(DATA, f"{RECORDS_PATH}.Record0007", inside)
    client.put_element(DATA, f"{RECORDS_PATH}.Record0009.id_cycle",
                       client.element(DATA, f"{RECORDS_PATH}.Record0009.id_cycle") | {"value": "nine"})  # fmt: skip
    noted: list[Foreign] = []
    before = list(history.read(client, CELL, noted))
    assert move(client)
    again: list[Foreign] = []
    assert sorted(history.read(client, CELL, again), key=repr) == sorted(before, key=repr) and again == noted
    assert client.element(DATA, f"{RECORDS_PATH}.Record0007.Note") and client.element(
        DATA, f"{RECORDS_PATH}.Record0009"
    )


def test_a_table_that_is_gone_or_broken_is_told(client):
    put(client, cycles(450))
    move(client)
    (block,) = blocks(client)
    client.put_attachment(DATA, block.path, "x.csv", b"\xff\x00", "text/csv")
    noted: list[Foreign] = []
    assert len(list(history.read(client, CELL, noted))) == 250
    assert [one.path for one in noted] == [block.path]
    client.put_element(DATA, block.path, client.element(DATA, block.path) | {"value": "gone.csv"})
    noted = []
    assert len(list(history.read(client, CELL, noted))) == 250
    assert "the table of 200 cycles at Segments.History0001.Data is missing" in map(str, noted)


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("in_tables", [True, False])
def test_packages_carry_the_whole_history(client, in_tables, form):
    rows = cycles(650)
    put(client, rows, in_tables)
    if not in_tables:
        move(client)
    exported = transfer.export(client, [CELL], form)
    held = package.read(exported)
    assert not verify(held.environment)
    assert sum("history" in name for name in held.files) == 2
    transfer.remove_cell(client, CELL)
    assert transfer.import_package(client, held) == [CELL]
    assert read(client) == rows
    transfer.load(client, held)  # brings no table back, and no Record
    assert read(client) == rows and in_records(client) == [row["id_cycle"] for row in rows[400:]]
    assert package.read(transfer.export(client, [CELL], form)).files == held.files


def test_loading_an_older_package_leaves_moved_cycles_where_they_are(client):
    rows = cycles(450)
    put(client, rows)
    move(client)
    put(client, rows)
    assert read(client) == rows and len(in_records(client)) == 250


def test_only_what_has_changed_since_is_refused(client):
    """Where the server knows ETags."""
    put(client, cycles(2))
    path = f"{RECORDS_PATH}.Record0001.Capacity"
    element, tag = client.tagged_element(DATA, path)
    if tag is None:
        pytest.skip("this AAS environment knows no ETags")
    client.set_value(DATA, path, 1.5)
    with pytest.raises(Changed):
        client.put_element(DATA, path, element, tag)
    with pytest.raises(AasError):
        client.delete_element(DATA, path, tag)
    assert client.element_value(DATA, path) == 1.5
