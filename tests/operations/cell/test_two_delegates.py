"""Two delegates on one AAS environment: neither overwrites a cycle, an alert or a threshold of the other.

Where the environment knows no ETags the last writer wins, and these tests are skipped.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests

from aasx import history
from aasx.client import AasClient
from aasx.elements.values import with_value
from aasx.identifiers import fleet_submodel_id, submodel_id
from aasx.submodels.operational_data import RECORDS_PATH, record_id_short, record_item
from operations.cell import running, twin
from operations.intake.cycles import CellRule
from tests.operations.conftest import Cell, Delegate, cycle, fading, serve
from tests.operations.intake.made_up import LIFE
from tests.operations.test_append_samples import csv

WRITERS = 8


def samples(rows: Any) -> dict[str, Any]:
    return {"Samples": csv(rows), "StartTime": "2027-01-05T08:00:00", "PositiveCurrent": "charge"}


@pytest.fixture(scope="module")
def other(settings, basyx) -> Iterator[Delegate]:
    running = serve(settings)
    yield running
    running.stop()


@pytest.fixture
def cell(new_cell, delegate, other, aas) -> Cell:
    made = new_cell(fading(10, start_Ah=1.52))
    if aas.tagged_submodel(made.prediction)[1] is None:
        pytest.skip("this AAS environment knows no ETags")
    made.invoke("Predict")
    return made


@pytest.fixture
def call(cell, delegate, other):
    """Invokes an operation on either delegate, again while it tells that the call can be repeated."""

    def invoke(path: str, body: dict[str, Any]) -> dict[str, Any]:
        for _ in range(50):
            url = random.choice((delegate, other)).url
            answer = requests.post(f"{url}/api/cells/{cell.name}/{path}", json=body, timeout=60).json()
            if answer.get("Status") not in ("unavailable", "timeout"):
                return answer
        raise AssertionError(answer)

    return invoke


@pytest.fixture
def before(monkeypatch, delegate):
    """Something done right before the first delegate's next use of a method that writes, as if it were slow."""

    def intervene(method: str, what: Any) -> list[Any]:
        done: list[Any] = []
        write = getattr(delegate.live, method)

        def slow(*arguments: Any, **more: Any) -> Any:
            if not done:
                done.append(None)
                done[0] = what()
            return write(*arguments, **more)

        monkeypatch.setattr(delegate.live, method, slow)
        return done

    return intervene


def through(one: Delegate, cell: Cell, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return requests.post(f"{one.url}/api/cells/{cell.name}/{path}", json=body, timeout=60).json()


def test_a_threshold_set_while_another_delegate_acknowledges_stays(cell, delegate, other, before):
    (alert, *_) = [one["AlertId"] for one in cell.value("ActiveAlerts") if one["AlertState"].endswith("Unacknowledged")]
    thresholds = {"ChangedBy": "B", "RULWarning": 77.0}
    done = before("put_prediction", lambda: through(other, cell, "set-thresholds", thresholds))
    answer = through(delegate, cell, "acknowledge-alert", {"AlertId": alert, "AcknowledgedBy": "A"})
    assert answer["Status"] == done[0]["Status"] == "ok"
    assert cell.value("RemainingUsefulLifePrediction.ListPreAlerts")[0]["PreAlertValue"] == 77.0
    everything = [*cell.value("ActiveAlerts"), *cell.value("AlertHistory")]
    assert next(one for one in everything if one["AlertId"] == alert)["AcknowledgedBy"] == "A"


def test_an_acknowledgement_while_another_delegate_predicts_stays(cell, delegate, other, before):
    (alert, *_) = [one["AlertId"] for one in cell.value("ActiveAlerts") if one["AlertState"].endswith("Unacknowledged")]
    acknowledgement = {"AlertId": alert, "AcknowledgedBy": "A"}
    done = before("put_prediction", lambda: through(other, cell, "acknowledge-alert", acknowledgement))
    assert through(delegate, cell, "append-cycle", cycle(11, 1.48))["Outcome"] == "appended"
    assert done[0]["Status"] == "ok"
    everything = [*cell.value("ActiveAlerts"), *cell.value("AlertHistory")]
    assert next(one for one in everything if one["AlertId"] == alert)["AcknowledgedBy"] == "A"
    unacknowledged = [one for one in cell.value("ActiveAlerts") if one["AlertState"].endswith("Unacknowledged")]
    assert cell.fleet()["UnacknowledgedAlerts"] == len(unacknowledged)


def test_a_prediction_that_another_delegate_was_first_with_is_read_before_it_is_made_again(cell, delegate, other):
    def predict(one: Delegate) -> Any:
        return through(one, cell, "predict", {})

    predict(delegate), predict(delegate)
    changed, read = delegate.live.metrics.changed, delegate.live.metrics.history_reads
    before, reused = changed._value.get(), read.labels("reused")._value.get()
    predict(delegate)
    assert (changed._value.get(), read.labels("reused")._value.get()) == (before, reused + 1)
    through(other, cell, "set-thresholds", {"ChangedBy": "B", "SoHEndOfLife": 65.0})
    answer = predict(delegate)
    assert changed._value.get() == before + 1
    assert answer["RUL"] == predict(other)["RUL"] == cell.value("PredictionDetails.RUL")


def test_a_live_state_that_somebody_else_has_touched_is_looked_at_and_the_history_kept(cell, delegate, aas):
    """Of the same cycle: other values than those that tell one history from another."""
    reads = delegate.live.metrics.history_reads
    through(delegate, cell, "append-cycle", cycle(11, 1.48)), through(delegate, cell, "predict", {})
    samples = {"StartTime": "2026-01-05T08:00:00", "PositiveCurrent": "charge"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("predict", {}),
        ("predict", {"AtCycle": 5}),
        ("append-samples", samples | {"Samples": "Time,Voltage_measured,Current_measured\n0,3.9,-1\n10,3.9,-1\n"}),
        ("append-cycle", cycle(12, 1.46)),
    ]
    read = reads.labels("read")._value.get()
    told: list[dict[str, Any]] = []
    for path, body in calls:
        aas.set_value(cell.operational_data, "LiveState.Voltage_measured", 3.5 + 0.01 * len(told))
        told.append(through(delegate, cell, path, body))
    assert [one["Status"] for one in told] == ["ok"] * len(calls), told
    assert (told[2]["SamplesTaken"], told[3]["Outcome"]) == (2, "appended")
    assert reads.labels("read")._value.get() == read


def test_what_is_wrong_for_a_history_that_another_delegate_has_changed_is_right_for_the_new_one(cell, delegate, other):
    through(delegate, cell, "predict", {})
    assert through(delegate, cell, "predict", {"AtCycle": 11})["Status"] == "invalidInput"
    assert through(other, cell, "append-cycle", cycle(11, 1.48))["Outcome"] == "appended"
    assert through(delegate, cell, "predict", {"AtCycle": 11})["Status"] == "ok"
    assert through(other, cell, "append-cycle", cycle(12, 1.47))["Outcome"] == "appended"
    assert through(delegate, cell, "append-cycle", cycle(12, 1.47))["Outcome"] == "alreadyPresent"
    withdrawal = {"id_cycle": 12, "CorrectedBy": "B", "Comment": "twice", "Withdrawn": True}
    assert through(other, cell, "correct-cycle", withdrawal)["Status"] == "ok"
    assert through(delegate, cell, "append-cycle", cycle(12, 1.47))["Status"] == "conflict"
    assert through(delegate, cell, "predict", {})["PredictedAtCycle"] == 11


def test_the_state_is_the_same_where_the_environment_takes_no_parts(new_cell, delegate, other, monkeypatch):
    """Written piece by piece, as into BaSyx as published."""
    cells = [new_cell(fading(10, start_Ah=1.52)) for _ in range(2)]
    assert delegate.live.client.takes_parts(cells[0].operational_data)
    monkeypatch.setattr(other.live.client, "_takes_parts", False)
    for one, cell in zip((delegate, other), cells, strict=True):
        for path, body in (("predict", {}), ("append-cycle", cycle(11, 1.48)), ("append-cycle", cycle(12, 1.46)),
                           ("predict", {}), ("predict", {"AtCycle": 7})):  # fmt: skip
            assert through(one, cell, path, body)["Status"] == "ok"
    states = []
    for cell in cells:
        found = [cell.value("LiveState", "OperationalData"), cell.value("Segments", "OperationalData")]
        found += [cell.value(name) for name in ("PredictionDetails", "CapacityTrajectory", "ActiveAlerts", "Drivers")]
        found.append(cell.aas.element_value(fleet_submodel_id(), f"Cells.{cell.name}"))
        text = json.dumps(found, default=str).replace(cell.name, "cell")
        states.append(re.sub(r"20\d\d-\d\d-\d\d[T ][\d:.]+", "time", text))
    assert states[0] == states[1]


def test_a_cycle_is_three_writes(cell, delegate):
    """What is measured, what is predicted, the line of the fleet, each in one step, and nothing is read."""
    through(delegate, cell, "append-cycle", cycle(11, 1.48))
    sent: list[str] = []
    delegate.live.client.on_answer = lambda answer: sent.append(str(answer.request.method))
    try:
        assert through(delegate, cell, "append-cycle", cycle(12, 1.46))["Outcome"] == "appended"
    finally:
        delegate.live.client.on_answer = None
    assert sent == ["PATCH"] * 3


def test_samples_are_one_request_or_three_where_the_environment_takes_no_parts(new_cell, delegate, other, monkeypatch):
    monkeypatch.setattr(other.live.client, "_takes_parts", False)
    monkeypatch.setattr(running, "BLOCK_SAMPLES", 300)
    kept, states = [], []
    for one, expected in ((delegate, ["PATCH"]), (other, ["GET", "PUT", "PUT"])):
        cell = new_cell(fading(10, start_Ah=1.52))
        sent: list[str] = []
        for at in range(0, 600, 100):
            sent.clear()
            one.live.client.on_answer = lambda answer, sent=sent: sent.append(str(answer.request.method))
            assert through(one, cell, "append-samples", samples(LIFE[at : at + 100]))["SamplesTaken"] == 100
            one.live.client.on_answer = None
            blocks = running.read(cell.aas, cell.name, CellRule()).blocks
            assert at != 100 or sent == expected
        assert any(part.sha256 for part in blocks.values()), "no block was written"
        kept.append(running.read(cell.aas, cell.name, CellRule()).stream.state())
        states.append(cell.value("LiveState", "OperationalData"))
    assert kept[0] == kept[1]
    times = {"ReceivedAt": None, "LastUpdate": None, "Battery": None}
    assert states[0] | times == states[1] | times


def test_a_record_that_somebody_else_has_put_there_is_not_replaced(cell, delegate, aas):
    """With nothing else that tells of it, before or after a cycle that is appended."""
    through(delegate, cell, "append-cycle", cycle(11, 1.48))
    for number in (12, 14):
        record = twin.record_values({"cycle_number": number, "capacity_Ah": 1.3}, 2.0)
        element = with_value(record_item(), record) | {"idShort": record_id_short(number)}
        aas.append_element(cell.operational_data, RECORDS_PATH, element)
    assert through(delegate, cell, "append-cycle", cycle(12, 1.46))["Status"] == "conflict"
    assert through(delegate, cell, "append-cycle", cycle(13, 1.45))["Status"] == "invalidInput"
    kept = {row["id_cycle"]: row["Capacity"] for row in history.read(aas, cell.name, [])}
    assert (kept[12], kept[14], 13 in kept) == (1.3, 1.3, False)


@pytest.mark.parametrize("method", ["_put_in_one_step", "put_prediction", "put_fleet_summary", "_put_fleet_row"])
def test_a_cycle_appended_while_another_delegate_still_writes_the_one_before_is_the_last(
    cell, delegate, other, before, method, monkeypatch
):
    monkeypatch.setattr(delegate.live, "_append_in_one_step", lambda *_: None)  # as with curves, or after other writes
    done = before(method, lambda: through(other, cell, "append-cycle", cycle(12, 1.46)))
    first = through(delegate, cell, "append-cycle", cycle(11, 1.48))
    assert first["Status"] == done[0]["Status"] == "ok", (first, done)
    assert cell.value("Segments.InternalSegment.RecordCount", "OperationalData") == 12
    assert cell.value("LiveState.id_cycle", "OperationalData") == 12
    assert cell.value("PredictionDetails.InputLastCycle") == cell.fleet()["AtCycle"] == 12
    assert cell.fleet()["Capacity"] == pytest.approx(1.46)


@pytest.mark.parametrize("method", ["_with_room", "_put_in_one_step"])
def test_the_same_cycle_that_another_delegate_was_first_with_is_present(cell, delegate, other, before, method):
    done = before(method, lambda: through(other, cell, "append-cycle", cycle(11, 1.48)))
    assert done == [] and through(delegate, cell, "append-cycle", cycle(11, 1.48))["Outcome"] == "alreadyPresent"
    assert done[0]["Outcome"] == "appended"


def test_samples_sent_while_another_delegate_takes_the_ones_before_are_added_to_them(
    cell, delegate, other, before, new_cell, monkeypatch
):
    monkeypatch.setattr(running, "BLOCK_SAMPLES", 100)
    first, second, third = (samples(LIFE[at : at + 250]) for at in (0, 250, 500))
    assert through(delegate, cell, "append-samples", first)["SamplesTaken"] == 250
    done = before("put_running", lambda: through(other, cell, "append-samples", second))
    answer = through(delegate, cell, "append-samples", third)
    assert (done[0]["SamplesTaken"], answer["SamplesTaken"]) == (250, 250), (done, answer)
    whole = new_cell(fading(10, start_Ah=1.52))
    through(delegate, whole, "append-samples", samples(LIFE[:750]))
    kept, expected = (running.read(one.aas, one.name, CellRule()).stream for one in (cell, whole))
    assert kept.state() == expected.state()
    for phase in expected.kept:
        np.testing.assert_array_equal(kept.kept[phase].rows(), expected.kept[phase].rows())


def test_cycles_withdrawn_through_both_are_both_withdrawn(cell, delegate, other, before):
    def withdrawal(number: int) -> dict[str, Any]:
        return {"id_cycle": number, "Withdrawn": True, "CorrectedBy": "A", "Comment": "aborted"}

    done = before("put_withdrawn", lambda: through(other, cell, "correct-cycle", withdrawal(5)))
    assert through(delegate, cell, "correct-cycle", withdrawal(4))["Status"] == done[0]["Status"] == "ok"
    assert cell.value("WithdrawnCycles", "OperationalData") == "4 5"
    told = [one["id_cycle"] for one in cell.value("Corrections", "OperationalData")]
    assert sorted(set(told)) == [4, 5]


def in_parallel(calls: list[tuple[Any, ...]], function: Any) -> list[Any]:
    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(lambda arguments: function(*arguments), calls))


def test_the_same_cycle_through_both_is_appended_once(cell, call):
    answers = in_parallel([("append-cycle", cycle(11, 1.48))] * 8, call)
    assert sorted(one["Outcome"] for one in answers) == ["alreadyPresent"] * 7 + ["appended"]
    assert [row["id_cycle"] for row in history.read(cell.aas, cell.name, [])] == list(range(1, 12))


def test_other_values_for_a_cycle_are_refused_whoever_comes_first(cell, call):
    answers = in_parallel([("append-cycle", cycle(11, 1.40 + 0.01 * one)) for one in range(8)], call)
    appended = [one for one in answers if one.get("Outcome") == "appended"]
    assert len(appended) == 1 and sum(one["Status"] == "conflict" for one in answers) == 7


def test_cycles_through_both_in_turn_leave_a_whole_state(cell, delegate, other, call):
    for number in range(11, 31):
        url = (delegate, other)[number % 2].url
        body = cycle(number, 1.5 - 0.002 * number)
        answer = requests.post(f"{url}/api/cells/{cell.name}/append-cycle", json=body, timeout=60).json()
        assert answer["Status"] == "ok" and answer["RecordCount"] == number, answer
    assert cell.value("Segments.InternalSegment.RecordCount", "OperationalData") == 30
    assert cell.value("LiveState.id_cycle", "OperationalData") == 30
    assert cell.value("PredictionDetails.InputLastCycle") == cell.fleet()["AtCycle"] == 30


def test_appends_acknowledgements_and_thresholds_at_once_are_all_there(cell, call):
    """What was acknowledged to a caller stands in the AAS afterwards, whoever wrote at the same time."""
    alerts = [one for one in cell.value("ActiveAlerts") if one["AlertState"] == "activeUnacknowledged"]
    assert alerts
    calls: list[tuple[str, dict[str, Any]]] = [
        ("acknowledge-alert", {"AlertId": one["AlertId"], "AcknowledgedBy": "A. Operator"}) for one in alerts
    ]
    for who, threshold in (
        ("B", {"RULWarning": 77.0}),
        ("C", {"TemperatureCritical": 61.0}),
        ("D", {"SoHWarning": 91.0}),
    ):
        calls.append(("set-thresholds", {"ChangedBy": who, **threshold}))
    calls += [("predict", {}), ("append-cycle", cycle(11, 1.48)), ("predict", {}), ("append-cycle", cycle(11, 1.48))]
    random.shuffle(calls)
    assert {one["Status"] for one in in_parallel(calls, call)} == {"ok"}
    assert call("append-cycle", cycle(12, 1.47))["Outcome"] == "appended"
    remaining = cell.value("RemainingUsefulLifePrediction.ListPreAlerts")
    assert remaining[0]["PreAlertValue"] == 77.0
    assert cell.value("TemperatureThresholds.Critical") == 61.0 and cell.value("SoHThresholds.Warning") == 91.0
    after = {one["AlertId"]: one for one in [*cell.value("ActiveAlerts"), *cell.value("AlertHistory")]}
    for one in alerts:
        assert after[one["AlertId"]]["AcknowledgedBy"] == "A. Operator"
    assert cell.value("PredictionDetails.InputLastCycle") == 12
    unacknowledged = [one for one in cell.value("ActiveAlerts") if one["AlertState"].endswith("Unacknowledged")]
    assert cell.fleet()["UnacknowledgedAlerts"] == len(unacknowledged) and cell.fleet()["AtCycle"] == 12


def test_ninety_appends_to_nine_cells_through_both_all_survive(new_cell, delegate, other, cell):
    cells = [new_cell(fading(3)) for _ in range(9)]

    def append_ten(one: Cell) -> None:
        for number in range(4, 14):
            for _ in range(50):
                url = random.choice((delegate, other)).url
                body = cycle(number, 1.8 - 0.003 * number)
                answer = requests.post(f"{url}/api/cells/{one.name}/append-cycle", json=body, timeout=60).json()
                if answer["Status"] == "ok":
                    break
            assert answer["Status"] == "ok", answer

    in_parallel([(one,) for one in cells], append_ten)
    for one in cells:
        rows = sorted(row["id_cycle"] for row in history.read(AasClient(one.aas.base_url), one.name, []))
        assert rows == list(range(1, 14))
        assert one.value("PredictionDetails.InputLastCycle") == one.fleet()["AtCycle"] == 13
        assert one.aas.element_value(submodel_id(one.name, "OperationalData"), "LiveState.id_cycle") == 13
