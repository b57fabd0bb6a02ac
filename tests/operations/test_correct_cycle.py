"""CorrectCycle: other values or a withdrawal, with who and why; everything that follows from the history follows."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from operations.cell import clock, growth
from operations.cell.live_twin import cell_rule
from operations.intake.cycles import SampleStream
from operations.service.execution import OPERATIONS
from tests.operations.conftest import Cell, cycle, fading, serve
from tests.operations.intake.made_up import LIFE
from tests.operations.test_append_samples import csv

WHO = {"CorrectedBy": "A. Operator", "Comment": "typing error"}


def correct(cell: Cell, number: int, **values):
    return cell.invoke("CorrectCycle", id_cycle=number, **WHO, **values)


def record_numbers(cell: Cell) -> list[int]:
    records = cell.value("Segments.InternalSegment.Records", "OperationalData")
    return sorted(record["id_cycle"] for record in records.values())


def test_other_values_with_all_that_follows(new_cell):
    cell = new_cell(fading(20))
    cell.append(21, 1.2)  # should have been 1.72
    assert [one["Severity"] for one in cell.value("ActiveAlerts") if one["Indicator"] == "StateOfHealth"] == [
        "endOfLife"
    ]
    answer = correct(cell, 21, Capacity=1.72)
    assert (answer["Outcome"], answer["RecordCount"]) == ("corrected", 21)
    assert answer["StateOfHealth"] == pytest.approx(86)
    record = cell.value("Segments.InternalSegment.Records.Record0021", "OperationalData")
    assert (record["Capacity"], record["StateOfHealth"], record["Duration"]) == (1.72, pytest.approx(86), 3600)
    live = cell.value("LiveState", "OperationalData")
    assert (live["Capacity"], live["id_cycle"]) == (1.72, 21)
    assert cell.value("PredictionDetails.Capacity") == 1.72
    assert cell.fleet()["Capacity"] == 1.72 and cell.fleet()["CapacityTrend"].endswith("21:1.7200")
    states = [one["AlertState"] for one in cell.value("ActiveAlerts") if one["Severity"] == "endOfLife"]
    assert states == ["clearedUnacknowledged"]
    (kept,) = cell.value("Corrections", "OperationalData")
    assert (kept["id_cycle"], kept["CorrectedBy"], kept["Comment"], kept["Outcome"]) == (
        21, "A. Operator", "typing error", "corrected",
    )  # fmt: skip
    assert json.loads(kept["OldValues"]) == {"Capacity": 1.2} and json.loads(kept["NewValues"]) == {"Capacity": 1.72}
    assert kept["CorrectedAt"] == answer["CorrectedAt"]


def test_a_cycle_in_the_middle(new_cell):
    cell = new_cell(fading(20))
    before = cell.invoke("Predict")
    live = cell.value("LiveState", "OperationalData")
    answer = correct(cell, 15, Capacity=1.9, Duration=3700.0)
    assert answer["Outcome"] == "corrected" and answer["RUL"] != before["RUL"]
    after = cell.value("LiveState", "OperationalData")
    assert after | {"LastUpdate": None} == live | {"LastUpdate": None}
    assert "15:1.9000" in cell.fleet()["CapacityTrend"]
    assert cell.append(21, 1.75)["RecordCount"] == 21


def test_the_same_correction_again_changes_nothing(new_cell):
    cell = new_cell(fading(10))
    correct(cell, 10, Capacity=1.8)
    before = cell.value("Corrections", "OperationalData")
    assert correct(cell, 10, Capacity=1.8)["Outcome"] == "alreadySo"
    assert cell.value("Corrections", "OperationalData") == before


@pytest.mark.parametrize("number", [5, 10])
def test_withdrawal_leaves_a_gap_for_ever(new_cell, number):
    cell = new_cell(fading(10))
    old = cell.value(f"Segments.InternalSegment.Records.Record{number:04d}", "OperationalData")
    answer = correct(cell, number, Withdrawn=True)
    assert (answer["Outcome"], answer["RecordCount"]) == ("withdrawn", 9)
    assert record_numbers(cell) == [one for one in range(1, 11) if one != number]
    assert cell.value("WithdrawnCycles", "OperationalData") == str(number)
    assert cell.value("Segments.InternalSegment.RecordCount", "OperationalData") == 9
    last = 9 if number == 10 else 10
    assert cell.value("LiveState.id_cycle", "OperationalData") == last
    assert cell.value("PredictionDetails.InputLastCycle") == last and cell.fleet()["AtCycle"] == last
    (kept,) = cell.value("Corrections", "OperationalData")
    stored = json.loads(kept["OldValues"])
    assert stored == {name: old[name] for name in stored} and {"Capacity", "Time", "Duration"} <= set(stored)
    assert kept["NewValues"] is None
    again = cell.refused("AppendCycle", **cycle(number, fading(10)[number - 1]))
    assert again.status == "conflict" and "was withdrawn" in again.message
    assert cell.append(11, 1.79)["RecordCount"] == 10
    assert correct(cell, number, Withdrawn=True)["Outcome"] == "alreadySo"


def test_a_withdrawn_cycle_is_recorded_again(new_cell):
    cell = new_cell(fading(10))
    correct(cell, 6, Withdrawn=True)
    assert cell.refused("CorrectCycle", id_cycle=6, **WHO, Duration=3600.0).message.startswith("Capacity: missing")
    answer = correct(cell, 6, Capacity=1.83, Time="2024-01-07T08:00:00")
    assert (answer["Outcome"], answer["RecordCount"]) == ("restored", 10)
    assert record_numbers(cell) == list(range(1, 11))
    assert cell.value("WithdrawnCycles", "OperationalData") is None
    assert [one["Outcome"] for one in cell.value("Corrections", "OperationalData")] == ["withdrawn", "restored"]


def test_the_only_cycle_withdrawn(new_cell):
    cell = new_cell([1.8])
    cell.invoke("Predict")
    answer = correct(cell, 1, Withdrawn=True)
    assert (answer["Outcome"], answer["RecordCount"], answer["RUL"]) == ("withdrawn", 0, None)
    assert cell.value("PredictionDetails.PredictionStatus") == "noHistory"
    assert cell.value("LiveState.Capacity", "OperationalData") is None
    assert cell.append(2, 1.8)["RecordCount"] == 1


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"id_cycle": 11, "Capacity": 1.8}, "id_cycle = 11: is no cycle of this cell; they run from 1 to 10"),
        ({"id_cycle": 3}, "Capacity: give at least one new value, or Withdrawn true"),
        ({"id_cycle": 3, "Withdrawn": True, "Capacity": 1.8}, "Withdrawn = true: goes without new values"),
        ({"id_cycle": 3, "Capacity": 0.0}, "Capacity = 0.0: must be"),
        ({"id_cycle": 3, "Time": "2024-01-09T08:00:00"}, "Time = 2024-01-09T08:00:00: must be before the start of"),
        ({"id_cycle": 3, "Time": "2023-01-09T08:00:00"}, "Time = 2023-01-09T08:00:00: must be after the start of"),
        ({"id_cycle": 3, "Capacity": 1.8, "CorrectedBy": " "}, "CorrectedBy = ' ': must be text of 1 to 100"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_changes_nothing(new_cell, inputs, told):
    cell = new_cell(fading(10))
    before = cell.snapshot()
    failed = cell.refused("CorrectCycle", **(WHO | inputs))
    assert failed.status == "invalidInput" and failed.message.startswith(told)
    assert cell.snapshot() == before


def test_who_and_why_are_required(new_cell):
    cell = new_cell(fading(3))
    assert cell.refused("CorrectCycle", id_cycle=3, Capacity=1.8).message.startswith("CorrectedBy: missing")
    assert all(OPERATIONS["CorrectCycle"].inputs.model_fields[name].is_required() for name in WHO)


def test_another_delegate_notices_a_correction_in_the_middle(new_cell, settings):
    cell = new_cell(fading(12))
    other = serve(settings)
    try:
        remote = Cell(cell.name, cell.aas, other.url)
        first = remote.post("predict").json()["RUL"]
        answer = correct(cell, 8, Capacity=1.5)
        assert remote.post("predict").json()["RUL"] == answer["RUL"] != first
    finally:
        other.stop()


def test_a_cell_that_was_made_before_there_were_corrections(new_cell, delegate):
    cell = new_cell(fading(10))
    for name in ("Corrections", "WithdrawnCycles"):
        cell.aas.delete_element(cell.operational_data, name)
    assert correct(cell, 4, Withdrawn=True)["Message"] is None
    assert cell.value("WithdrawnCycles", "OperationalData") == "4"
    assert len(cell.value("Corrections", "OperationalData")) == 1


def test_a_cycle_that_has_moved_into_a_table(new_cell, delegate):
    """Older cycles stand in tables of their own: they are corrected and withdrawn like the latest ones."""
    cell = new_cell(fading(440, start_Ah=1.95, per_cycle_Ah=0.0005))
    cell.append(441, 1.72)
    assert min(record_numbers(cell)) > 10, "the older ones have moved"
    assert correct(cell, 5, Capacity=1.9)["Outcome"] == "corrected"
    answer = correct(cell, 6, Withdrawn=True)
    assert (answer["Outcome"], answer["RecordCount"]) == ("withdrawn", 440)
    delegate.live.forget(cell.name)
    history = delegate.live.history(cell.name)
    known = dict(zip(history.cycles["cycle_number"], history.cycles["capacity_Ah"], strict=True))
    assert known[5] == 1.9 and 6 not in known and len(known) == 440
    assert correct(cell, 6, Capacity=1.94)["Outcome"] == "restored"
    entries = cell.value("Corrections", "OperationalData")
    assert [json.loads(one["OldValues"] or "null") is not None for one in entries] == [True, True, False]
    assert cell.append(442, 1.71)["Outcome"] == "appended"


def test_the_rest_before_a_cycle_follows_its_time_and_that_of_the_cycle_before(new_cell):
    cell = new_cell()
    for number in (1, 2, 3):
        cell.append(number, 1.8)  # one a day, an hour long
    path = "Segments.InternalSegment.Records.Record000{}.RestBefore"

    def rests() -> list:
        return [cell.value(path.format(number), "OperationalData") for number in (2, 3)]

    assert rests() == [23.0, 23.0]
    correct(cell, 2, Duration=7200.0)
    assert rests() == [23.0, 22.0]
    correct(cell, 2, Time="2024-01-03T10:00:00")
    assert rests() == [25.0, 20.0]
    entry = cell.value("Corrections", "OperationalData")[-1]
    assert json.loads(entry["OldValues"]) == {"Time": "2024-01-03T08:00:00", "RestBefore": 23.0}
    correct(cell, 2, Withdrawn=True)
    assert cell.value(path.format(3), "OperationalData") == 47.0
    correct(cell, 3, Capacity=1.79)
    assert cell.value(path.format(3), "OperationalData") == 47.0


def test_a_withdrawn_cycle_does_not_come_again_with_its_samples(new_cell, delegate):
    cell, live = new_cell(), delegate.live
    cell.invoke("AppendSamples", Samples=csv(LIFE), StartTime="2026-01-05T08:00:00", EndOfData=True)
    assert record_numbers(cell) == [1, 2]
    correct(cell, 2, Withdrawn=True)
    history = live.history(cell.name)
    stream = SampleStream(cell_rule(history), positive_is_charge=True)
    start_s = clock.seconds(datetime(2026, 1, 5, 8))
    times, *others = LIFE.T
    found = stream.add(times + start_s, *others) + stream.finish()
    _, ended = growth.add_discharges(live, live.completed(history), found)
    assert [(one.outcome, one.reason) for one in ended] == [("alreadyPresent", None), ("rejected", "withdrawn")]
    assert record_numbers(cell) == [1]
