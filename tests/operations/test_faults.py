"""The AAS environment slow, cut off, restarted or answering nonsense in the middle: a defined error, and recovery.

The AAS is never left half-written for longer than until the next call on the cell, which completes it.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasx.client import AasClient
from aasx.elements.values import submodel_to_value
from aasx.identifiers import submodel_id
from tests.operations.conftest import Cell, cycle, delete_cell, fading, put_cell, serve
from tests.operations.faulty_proxy import FaultyProxy
from tests.operations.test_append_cycle import discharge_csv
from tests.servers import free_port, start_basyx

RECORDS = "/submodel-elements/Segments.InternalSegment.Records"
WRITES = {
    "record": ("POST", RECORDS),
    "count": ("PATCH", "RecordCount"),
    "end": ("PATCH", "EndTime"),
    "live state": ("PUT", "/submodel-elements/LiveState"),
    "prediction": ("PUT", "/submodels/"),
    "fleet": ("PUT", "/submodel-elements/Cells."),
}
READS = {
    "live state": ("GET", "/submodel-elements/LiveState"),
    "prediction time": ("GET", "/submodel-elements/PredictionDetails.PredictedAt"),
}
CHANGING = {"PredictedAt", "LastUpdate", "NewestAlertAt", "AlertId", "RaisedAt", "Battery", "Definition"}


@pytest.fixture(scope="module")
def proxy(basyx):
    running = FaultyProxy(basyx.url)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def behind(proxy, settings):
    """A delegate that reaches the AAS environment through the proxy."""
    changes: dict[str, Any] = {"basyx_url": proxy.url, "aas_timeout_s": 1.0, "operation_timeout_s": 4.0}
    running = serve(dataclasses.replace(settings, **changes))
    yield running
    running.stop()


@pytest.fixture
def cell(new_cell, behind) -> Cell:
    made = new_cell(fading(10, start_Ah=1.52), delegate_url=behind.url)
    made.invoke("Predict")
    return made


def told(cell: Cell, capacity_Ah: float = 1.48) -> str:
    """Status of an append through the direct REST."""
    answer = cell.post("append-cycle", cycle(11, capacity_Ah))
    for secret in ("Traceback", "/srv/secret", "NullPointer", "127.0.0.1"):
        assert secret not in answer.text
    return answer.json().get("Status")


def state(cell: Cell) -> Any:
    """Everything the operations write, without times, ids and the cell's name."""
    operational, prediction = map(submodel_to_value, cell.snapshot())
    return _plain([operational["Segments"]["InternalSegment"], operational["LiveState"], prediction, cell.fleet()])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name not in CHANGING}
    return [_plain(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def undisturbed(behind, basyx) -> Any:
    """What the AAS holds after the same calls without a fault."""
    aas = AasClient(basyx.url)
    put_cell(aas, "Undisturbed", fading(10, start_Ah=1.52), behind.url)
    cell = Cell("Undisturbed", aas, behind.url)
    cell.invoke("Predict")
    cell.append(11, 1.48)
    found = state(cell)
    delete_cell(aas, cell.name)
    return found


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("fault", ["cut before", "cut after", "error 500", "slow after"])
def test_append_interrupted_at_any_write_is_completed_when_repeated(cell, proxy, undisturbed, write, fault, new_cell):
    with proxy.failing(fault, *WRITES[write]):
        assert told(cell) in ("unavailable", "timeout")
    again = cell.invoke("AppendCycle", **cycle(11, 1.48))
    assert again["Outcome"] in ("appended", "alreadyPresent") and again["RecordCount"] == 11
    assert state(cell) == undisturbed


@pytest.mark.parametrize("fault", ["cut before", "cut after", "error 500"])
def test_curves_that_did_not_arrive_come_with_the_repeated_call(cell, proxy, fault):
    inputs = cycle(11, 1.48) | {"DischargeSamples": discharge_csv()}
    with proxy.failing(fault, "PUT", "/attachment"):
        assert cell.post("append-cycle", inputs).json()["Status"] == "unavailable"
    assert cell.invoke("AppendCycle", **inputs)["Outcome"] == "alreadyPresent"
    curves = cell.aas.attachment(cell.operational_data, "Segments.LatestCycle.Data").decode("utf-8")
    assert curves.count("\n11,discharge,") == 200
    assert cell.value("LiveState.Time", "OperationalData") == 3600


def test_curves_come_with_the_repeated_call_after_another_has_completed_the_rest(cell, proxy):
    inputs = cycle(11, 1.48) | {"DischargeSamples": discharge_csv()}
    with proxy.failing("cut before", "PUT", "/attachment"):
        assert cell.post("append-cycle", inputs).json()["Status"] == "unavailable"
    assert cell.invoke("Predict")["PredictedAtCycle"] == 11
    assert cell.invoke("AppendCycle", **inputs)["Outcome"] == "alreadyPresent"
    curves = cell.aas.attachment(cell.operational_data, "Segments.LatestCycle.Data").decode("utf-8")
    assert curves.count("\n11,discharge,") == 200


@pytest.mark.parametrize("write", ["record", "count", "live state", "prediction", "fleet"])
def test_any_next_call_completes_an_interrupted_append(cell, proxy, undisturbed, write):
    """Not only the repeated call: here a prediction at a past cycle, which writes nothing of its own."""
    with proxy.failing("cut after", *WRITES[write]):
        assert told(cell) == "unavailable"
    assert cell.invoke("Predict", AtCycle=5)["PredictedAtCycle"] == 5
    assert state(cell) == undisturbed


@pytest.mark.parametrize("write", ["record", "live state", "prediction", "fleet"])
def test_a_new_delegate_completes_what_a_dead_one_left(cell, proxy, behind, undisturbed, write):
    with proxy.failing("cut after", *WRITES[write]):
        assert told(cell) == "unavailable"
    fresh = serve(behind.live.settings)
    try:
        Cell(cell.name, cell.aas, fresh.url).post("predict", {"AtCycle": 5})
        assert state(cell) == undisturbed
    finally:
        fresh.stop()


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "fault", ["refused", "slow", "trickle", "html", "half json", "other json", "error 500", "error 409"]
)
def test_failing_read_is_a_defined_error_and_writes_nothing(cell, proxy, read, fault):
    before = cell.snapshot()
    with proxy.failing(fault, *READS[read]):
        failed = cell.post("predict")
    assert failed.status_code in (503, 504) and failed.json()["Status"] in ("unavailable", "timeout")
    assert cell.snapshot() == before
    assert cell.post("predict").status_code == 200


def test_through_basyx_a_fault_is_a_status_not_an_error_of_the_server(cell, proxy):
    with proxy.failing("refused"):
        assert cell.refused("Predict").status == "unavailable"


def test_operation_gives_up_in_time_when_everything_is_slow(cell, proxy, behind):
    begun = time.monotonic()
    with proxy.failing("slow"):
        assert cell.post("predict").json()["Status"] == "timeout"
    limits = behind.live.settings
    assert time.monotonic() - begun < limits.operation_timeout_s + limits.aas_timeout_s + 2


def test_health_tells_and_recovers_without_a_restart(cell, proxy, behind):
    client = behind.app.test_client()
    with proxy.failing("refused"):
        assert client.get("/health/ready").status_code == 503
    assert client.get("/health/ready").status_code == 200
    assert cell.post("predict").status_code == 200


def test_basyx_killed_and_started_again_on_its_store(basyx_jar, tmp_path, settings):
    port = free_port()
    first = start_basyx(tmp_path / "store", port)
    aas = AasClient(first.url)
    delegate = serve(dataclasses.replace(settings, basyx_url=first.url))
    try:
        put_cell(aas, "Survivor", fading(10), delegate.url)
        cell = Cell("Survivor", aas, delegate.url)
        cell.append(11, 1.8)
        first.kill()
        assert cell.post("append-cycle", cycle(12, 1.79)).json()["Status"] == "unavailable"
        second = start_basyx(tmp_path / "store", port)
        try:
            assert cell.append(12, 1.79)["RecordCount"] == 12
            assert cell.value("PredictionDetails.InputLastCycle") == 12
        finally:
            second.stop()
    finally:
        first.kill()
        delegate.stop()


def test_two_callers_on_one_cell_are_serialised_and_others_run_beside(new_cell, delegate):
    cells = [new_cell(fading(10)) for _ in range(4)]
    for cell in cells:
        cell.invoke("Predict")
    delegate.model.delay_s, delegate.model.most_at_once = 0.1, 0
    try:
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(lambda level: cells[0].invoke("Predict", ConfidenceLevel=level), [0.6, 0.7, 0.8, 0.95]))
            assert delegate.model.most_at_once == 1
            list(callers.map(lambda cell: cell.invoke("Predict", ConfidenceLevel=0.55), cells))
            assert delegate.model.most_at_once > 1
    finally:
        delegate.model.delay_s = 0.0


def test_many_appends_at_once_make_one_history(new_cell):
    """Four callers send the next cycles in any order: one that comes after a later one is refused, none is lost."""
    cell = new_cell(fading(3))
    barrier = threading.Barrier(4)

    def feed(number: int) -> int | None:
        barrier.wait()
        answer = cell.post("append-cycle", cycle(number, 1.8 - 0.001 * number))
        assert answer.status_code == 200 or "must be above" in answer.json()["detail"], answer.text
        return number if answer.status_code == 200 else None

    with ThreadPoolExecutor(4) as callers:
        accepted = [number for number in callers.map(feed, range(4, 8)) if number is not None]
    records = cell.value("Segments.InternalSegment.Records", "OperationalData")
    assert [one["id_cycle"] for one in records.values()] == [1, 2, 3, *accepted] and accepted[-1] == 7
    assert cell.value("Segments.InternalSegment.RecordCount", "OperationalData") == 3 + len(accepted)
    assert cell.value("PredictionDetails.InputLastCycle") == 7


def test_caller_that_waits_too_long_for_its_cell_is_told(new_cell, other_settings):
    impatient = serve(other_settings(operation_timeout_s=0.5))
    try:
        cell = new_cell(fading(5), delegate_url=impatient.url)
        impatient.model.delay_s = 1.5
        with ThreadPoolExecutor(2) as callers:
            levels = [{"ConfidenceLevel": 0.6}, {"ConfidenceLevel": 0.7}]
            answers = list(callers.map(lambda body: cell.post("predict", body).json(), levels))
        assert {one["Status"] for one in answers} == {"timeout"} or {"ok", "timeout"} == {
            one["Status"] for one in answers
        }
        waited = next(one for one in answers if one["Status"] == "timeout")
        assert "repeat" in waited["detail"]
    finally:
        impatient.stop()


@pytest.mark.parametrize(
    ("submodel", "path", "value"),
    [
        ("Prediction", "SoHThresholds.EndOfLife", "abc"),
        ("Prediction", "PredictionDetails.InputLastCycle", "x"),
        ("OperationalData", "Segments.InternalSegment.Records.Record0003.Capacity", "?"),
        ("TechnicalData", "TechnicalPropertyAreas[0].RatedCapacity", "two"),
    ],
)
def test_unreadable_value_in_the_aas_is_left_out_and_named(new_cell, delegate, submodel, path, value):
    """BaSyx stores "abc" in an xs:double; whoever did it must be able to see what is wrong, and all else goes on."""
    cell = new_cell(fading(5))
    element = cell.aas.element(submodel_id(cell.name, submodel), path)
    cell.aas.put_element(submodel_id(cell.name, submodel), path, element | {"value": value})
    answer = cell.invoke("Predict")
    assert answer["PredictedAtCycle"] == 5
    assert answer["Message"].startswith("left out, since it is not the twin's: ")
    assert path.rpartition(".")[2] in answer["Message"] and f"is {value!r}, not " in answer["Message"]
    cell.aas.put_element(submodel_id(cell.name, submodel), path, element)
    delegate.live.forget(cell.name)
    assert cell.invoke("Predict")["Message"] is None
