"""AppendSamples through the real BaSyx: cycles come out as AppendCycle makes them, and nothing that runs is lost."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pandas as pd
import pytest

from aasx.submodels import curves
from aasx.submodels.operational_data import LATEST_CURVES_PATH, RUNNING_LATEST_PATH
from operations.cell import running
from operations.intake import cycles
from tests.operations.conftest import delegated_samples, fading, serve
from tests.operations.intake.made_up import CHARGE, FULL_REST, LIFE, REST, TAIL, ride

START = "2026-01-05T08:00:00"
EPOCH_s = (pd.Timestamp(START) - pd.Timestamp(0)).total_seconds()
HEADER = "Time,Voltage_measured,Current_measured,Temperature_measured"


def csv(rows: np.ndarray, header: str = HEADER) -> str:
    fields = ("" if math.isnan(value) else repr(float(value)) for row in rows for value in row)
    width, texts = rows.shape[1], list(fields)
    return "\n".join([header, *(",".join(texts[at : at + width]) for at in range(0, len(texts), width))])


def send(cell, rows: np.ndarray, **more):
    return cell.invoke(
        "AppendSamples", **{"Samples": csv(rows), "StartTime": START, "PositiveCurrent": "charge"} | more
    )


def live(cell):
    return cell.value("LiveState", "OperationalData")


def records(cell):
    return cell.value("Segments.InternalSegment.Records", "OperationalData")


def test_cycles_that_end_are_appended_with_all_that_follows(new_cell):
    cell = new_cell([])
    answer = send(cell, LIFE, ambient_temperature=23.0, EndOfData=True)
    assert (answer["SamplesTaken"], answer["CyclesAppended"], answer["CyclesRejected"]) == (len(LIFE), 2, 0)
    assert [one["CycleOutcome"] for one in answer["EndedCycles"]] == ["appended", "appended"]
    assert answer["RUL"] is not None and answer["StateOfHealth"] == pytest.approx(
        answer["EndedCycles"][1]["Capacity"] / 0.02
    )
    second = records(cell)["Record0002"]
    assert second["Time"] == (pd.Timestamp(START) + pd.Timedelta(seconds=18_390)).isoformat()
    assert second["ambient_temperature"] == 23.0 and second["ChargeSincePrevious"] == pytest.approx(1.8, rel=0.02)
    assert second["TemperatureRise"] == 0.0 and second["Voltage600s"] is not None
    details = cell.value("PredictionDetails")
    assert (details["InputLastCycle"], details["AtCycle"]) == (2, 2) and cell.fleet()["AtCycle"] == 2
    samples = list(curves.rows(cell.aas.attachment(cell.operational_data, LATEST_CURVES_PATH)))
    assert {one["type"] for one in samples} == {"charge", "discharge"}
    of_discharge = [one for one in samples if one["type"] == "discharge"]
    assert pd.Timestamp(of_discharge[0]["Time"]) == pd.Timestamp(second["Time"])
    apart_s = (pd.Timestamp(of_discharge[-1]["Time"]) - pd.Timestamp(second["Time"])).total_seconds()
    assert apart_s == pytest.approx(float(of_discharge[-1]["Time_s"]), abs=1e-3) and apart_s > 1000


def test_a_cycle_is_what_append_cycle_makes_of_the_same_samples(new_cell):
    """The features of the discharge to the last digit; the capacity where the samples go on below the end voltage."""
    whole = new_cell([])
    send(whole, LIFE, EndOfData=True)
    (one, _) = cycles_of(LIFE)
    apart = new_cell([])
    text = csv(one.samples)
    apart.invoke("AppendCycle", id_cycle=1, Time="2026-01-05T10:04:50", DischargeSamples=text, Capacity=one.capacity_Ah)
    first, other = records(whole)["Record0001"], records(apart)["Record0001"]
    of_charge = {"ChargeCapacity", "ChargeSincePrevious", "CCCharge", "CVCharge", "CVTimeTo0A5", "CVCurrentAt1000s"}
    of_charge |= {"ChargeTime3V9To4V0", "ChargeTime4V0To4V1"}
    for name in set(first) - of_charge:
        assert first[name] == (pytest.approx(other[name], rel=1e-9) if isinstance(other[name], float) else other[name])
    assert all(other[name] is None for name in of_charge) and first["ChargeSincePrevious"] is not None


def cycles_of(rows: np.ndarray) -> list[cycles.Discharge]:
    stream = cycles.SampleStream(cycles.CellRule(2.0, 2.7, 2.5), True)
    return stream.add(*rows.T) + stream.finish()


@pytest.mark.parametrize("size", [97, 1000])
def test_however_it_is_cut_sent_again_and_whoever_takes_it_the_same_cycles_come_out(new_cell, other_settings, size):
    whole, cut = new_cell([]), new_cell([])
    send(whole, LIFE, EndOfData=True)
    other = serve(other_settings())
    try:
        parts = [LIFE[at : at + size] for at in range(0, len(LIFE), size)]
        for number, part in enumerate(parts):
            if number % 2:  # two delegates in turns, as behind a load balancer, and each call twice
                send(cut, part)
                again = delegated_samples(other.url, cut.name, Samples=csv(part), StartTime=START)
                assert (again["SamplesTaken"], again["SamplesNotLater"]) == (0, len(part))
            else:
                delegated_samples(other.url, cut.name, Samples=csv(part), StartTime=START, PositiveCurrent="charge")
        send(cut, LIFE[-1:], EndOfData=True)
    finally:
        other.stop()
    assert records(cut) == records(whole)
    ignored = {"ReceivedAt", "LastUpdate", "Battery"}
    assert {k: v for k, v in live(cut).items() if k not in ignored} == {
        k: v for k, v in live(whole).items() if k not in ignored
    }


def test_the_live_state_follows_with_state_of_charge_and_the_age_of_its_anchor(new_cell):
    cell = new_cell(fading(3, 2.0, 0.0))
    send(cell, ride(REST, CHARGE), StartTime="2026-02-01T08:00:00")
    state = live(cell)
    assert (state["type"], state["StateOfCharge"], state["FullChargeAt"]) == ("charge", None, None)
    assert (state["Voltage_measured"], state["Current_measured"], state["id_cycle"]) == (4.2, 1.2, 3)
    rows = ride(TAIL, FULL_REST, (1800.0, -1.0, 4.0, 3.7), start_s=6000.0)
    answer = send(cell, rows, StartTime="2026-02-01T08:00:00")
    state = live(cell)
    assert state["StateOfCharge"] == answer["StateOfCharge"] == pytest.approx(75.0, abs=0.5)
    assert state["FullChargeAt"] == "2026-02-01T09:54:50" and state["FullChargeAge"] == pytest.approx(2400 / 3600)
    assert state["SampleTime"] == "2026-02-01T10:34:50" and state["type"] == answer["CellPhase"] == "discharge"
    assert state["Time"] == pytest.approx(1800.0) and state["Clock"] == "bench"
    assert abs(pd.Timestamp.now("UTC") - pd.Timestamp(state["ReceivedAt"])) < pd.Timedelta(minutes=1)
    assert cell.invoke("Predict")["PredictedAtCycle"] == 3 and live(cell) == state  # other operations leave it alone


def test_a_long_cycle_lies_in_bounded_blocks_and_a_new_delegate_goes_on(new_cell, other_settings, monkeypatch):
    monkeypatch.setattr(running, "BLOCK_SAMPLES", 100)
    cell, rows = new_cell([]), ride(CHARGE, FULL_REST, (3_400.0, -2.0, 4.0, 2.65), REST, step_s=2.0)
    for at in range(0, len(rows), 700):
        send(cell, rows[at : at + 700])
        latest = json.loads(cell.aas.attachment(cell.operational_data, RUNNING_LATEST_PATH))
        for name, part in latest["samples"].items():
            assert len(part["rows"]) < 100
            for number, expected in enumerate(part["sha256"]):
                path = f"RunningCycle.{name.capitalize()}{part['files']}_{number:02d}"
                assert hashlib.sha256(cell.aas.attachment(cell.operational_data, path)).hexdigest() == expected
        fresh = serve(other_settings())
        try:
            known = running.read(fresh.live.client, cell.name, cycles.CellRule())
        finally:
            fresh.stop()
        assert known.stream.state() == latest["stream"]
        kept = known.stream.kept["discharge"].rows()
        assert np.array_equal(kept, rows[:, :4][np.searchsorted(rows[:, 0], kept[:, 0] - EPOCH_s)] + [EPOCH_s, 0, 0, 0])
    assert len(records(cell)) == 1


def test_a_cycle_that_was_begun_with_blocks_of_another_size_goes_on_with_them(new_cell, delegate, monkeypatch):
    """As an older program left them, whose Latest does not tell the size."""
    cell, path = new_cell([]), RUNNING_LATEST_PATH
    monkeypatch.setattr(running, "BLOCK_SAMPLES", 60)
    monkeypatch.setattr(running, "FIRST_BLOCK_SAMPLES", 60)
    rows = ride(CHARGE, FULL_REST, (3_400.0, -2.0, 4.0, 2.65), REST, step_s=10.0)
    send(cell, rows[:500])
    latest = json.loads(cell.aas.attachment(cell.operational_data, path))
    assert {part.pop("size") for part in latest["samples"].values()} == {60}
    assert any(part["sha256"] for part in latest["samples"].values())
    cell.aas.put_attachment(cell.operational_data, path, "latest.json", json.dumps(latest).encode(), "application/json")
    delegate.live.forget(cell.name)
    monkeypatch.setattr(running, "BLOCK_SAMPLES", 90)
    answer = send(cell, rows[500:], EndOfData=True)
    assert answer["Message"] is None and answer["SamplesTaken"] == len(rows) - 500
    other = new_cell([])
    send(other, rows, EndOfData=True)
    assert (
        [one["Capacity"] for one in records(cell).values()]
        == [one["Capacity"] for one in records(other).values()]
        != []
    )


def test_what_is_stored_and_not_readable_begins_anew_and_is_told(new_cell, delegate):
    cell = new_cell([])
    send(cell, LIFE[:300])
    delegate.live.forget(cell.name)
    cell.aas.put_attachment(cell.operational_data, RUNNING_LATEST_PATH, "latest.json", b"{}", "application/json")
    answer = send(cell, LIFE[300:400])
    assert "RunningCycle.Latest" in answer["Message"] and answer["SamplesTaken"] == 100


def test_a_failure_in_the_middle_doubles_and_loses_nothing(new_cell, delegate, monkeypatch):
    cell = new_cell([])
    send(cell, LIFE[:1000])
    write = running.write
    monkeypatch.setattr(running, "write", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
    assert cell.refused("AppendSamples", Samples=csv(LIFE[1000:1300]), StartTime=START).status == "internal"
    monkeypatch.setattr(running, "write", write)
    assert len(records(cell)) == 1  # the record was written, the stream was not
    answer = send(cell, LIFE[1000:1300])
    assert [one["CycleOutcome"] for one in answer["EndedCycles"]] == ["alreadyPresent"]
    send(cell, LIFE[1300:], EndOfData=True)
    assert len(records(cell)) == 2


def test_rejected_discharges_are_kept_once_with_their_reason(new_cell):
    cell = new_cell([])
    rows = ride(
        CHARGE, TAIL, (80.0, -2.0, 4.0, 3.9), REST, (1800.0, -2.0, 4.0, 3.5), CHARGE, (5400.0, -2.0, 4.0, 2.65), REST
    )
    answer = send(cell, rows, EndOfData=True)
    assert (answer["CyclesAppended"], answer["CyclesRejected"], answer["RecordCount"]) == (0, 3, 0)
    kept = cell.value("RejectedCycles", "OperationalData")
    assert [one["Reason"] for one in kept] == ["small", "partial", "aboveLimit"]
    assert [one["Reason"] for one in answer["EndedCycles"]] == ["small", "partial", "aboveLimit"]
    assert kept[2]["Capacity"] == pytest.approx(2.9, rel=0.01)


def test_a_stream_from_before_the_last_cycle_is_told_and_not_recorded(new_cell):
    cell = new_cell(fading(3))  # January 2024
    answer = send(cell, LIFE, StartTime="2023-01-05T08:00:00", EndOfData=True)
    assert [one["Reason"] for one in answer["EndedCycles"]] == ["beforeLast", "beforeLast"]
    assert len(records(cell)) == 3


def test_temperatures_may_be_missing_and_other_columns_are_named(new_cell):
    cell = new_cell([])
    table = np.column_stack([LIFE[:, :3], np.ones(len(LIFE))])
    answer = send(cell, LIFE, Samples=csv(table, "Time, Voltage_measured, Current_measured, StepIndex"), EndOfData=True)
    record = records(cell)["Record0001"]
    assert record["Temperature_measured"] is None and record["TemperatureRise"] is None
    assert record["ambient_temperature"] is None and record["Voltage300s"] is not None
    assert "StepIndex" in answer["Message"]


def test_numbers_of_the_source_are_kept(new_cell):
    cell = new_cell([])
    numbers = np.where(LIFE[:, 0] < 11_500, 41, 44)
    rows = np.column_stack([LIFE, numbers])
    answer = send(cell, rows, Samples=csv(rows, HEADER + ",id_cycle"), EndOfData=True)
    assert [one["id_cycle"] for one in answer["EndedCycles"]] == [41, 44] and list(records(cell)) == [
        "Record0041",
        "Record0044",
    ]


UNIX = 1_767_600_000.0


@pytest.mark.parametrize(
    "times",
    [
        [f"{UNIX + t:.0f}" for t in (0, 10, 20)],
        ["2026-01-05T08:00:00Z", "2026-01-05T09:00:10+01:00", "2026-01-05T08:00:20.000Z"],
    ],
    ids=["unix", "zones"],
)
def test_times_of_a_utc_cell(new_cell, times):
    cell = new_cell([])
    text = "\n".join([HEADER, *(f"{time},4.0,-2.0,24" for time in times)])
    answer = cell.invoke("AppendSamples", Samples=text, PositiveCurrent="charge")
    assert answer["SamplesTaken"] == 3 and answer["SampleTime"] == "2026-01-05T08:00:20Z"
    assert live(cell)["Clock"] == "UTC"
    told = cell.refused("AppendSamples", Samples=text, StartTime="2026-01-05T08:00:00").message
    assert "must have a zone" in told


def test_a_time_in_the_future_would_hide_what_comes_after_and_is_not_taken(new_cell):
    cell = new_cell([])
    rows = ["2026-01-05T08:00:00Z,4,0,24", "2126-01-05T08:00:00Z,4,0,24", "2026-01-05T08:00:10Z,4,0,24"]
    answer = cell.invoke("AppendSamples", Samples="\n".join([HEADER, *rows]))
    assert (answer["SamplesTaken"], answer["SamplesUnusable"], answer["SampleTime"]) == (2, 1, "2026-01-05T08:00:10Z")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Samples": "Time,Voltage_measured\n0,4"}, "Samples line 1 = 'Time,Voltage_measured': must have the header"),
        ({"Samples": HEADER + "\n0,4000,-2000,24\n9,3990,-2000,24"}, "Voltage_measured = 4000: must be in V, from 0"),
        ({"Samples": HEADER + "\n0,4,-2000,24\n9,3.99,-2000,24"}, "Current_measured = -2000: must be in A, from -20"),
        ({"Samples": HEADER + "\n0,4,-2,24", "StartTime": None}, "Time = 0.0: are seconds of a test: give StartTime"),
        ({"StartTime": "2026-01-05T08:00:00Z"}, "StartTime = '2026-01-05T08:00:00Z': must be without zone"),
        ({"PositiveCurrent": "up"}, "PositiveCurrent = 'up': must be"),
        ({"Samples": HEADER + "\n0,4,-2,24,7,8,9\n1,2"}, "Samples line 2: must have 4 fields, as the header"),
        ({"Samples": HEADER + "\n0,4,-2,24" * 20_001}, "Samples = 20001: must have at most 20000 samples a call"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_named_and_nothing_is_written(new_cell, changes, told):
    cell = new_cell(fading(3))
    before = cell.snapshot()
    given = {"Samples": csv(LIFE[:10]), "StartTime": START} | changes
    failed = cell.refused("AppendSamples", **{name: value for name, value in given.items() if value is not None})
    assert failed.status == "invalidInput" and failed.message.startswith(told)
    assert cell.snapshot() == before


def test_the_sign_is_recognised_and_kept_and_another_one_is_refused_while_a_cycle_runs(new_cell):
    cell = new_cell([])
    turned = LIFE * np.array([1.0, 1.0, -1.0, 1.0])
    for at in range(0, 800, 60):
        answer = cell.invoke("AppendSamples", Samples=csv(turned[at : at + 60]), StartTime=START)
    assert answer["CellPhase"] == "discharge" and live(cell)["Current_measured"] == -2.0
    failed = cell.refused("AppendSamples", Samples=csv(turned[840:850]), StartTime=START, PositiveCurrent="charge")
    assert failed.status == "conflict" and "EndOfData" in failed.message
    answer = cell.invoke("AppendSamples", Samples=csv(turned[840:]), StartTime=START, EndOfData=True)
    assert answer["CyclesAppended"] == 2


def test_a_twin_loaded_before_there_were_running_cycles_takes_samples(new_cell):
    cell = new_cell(fading(3))
    submodel = cell.aas.submodel(cell.operational_data)
    kept = [one for one in submodel["submodelElements"] if one["idShort"] not in ("RunningCycle", "RejectedCycles")]
    for element in kept:
        if element["idShort"] == "LiveState":
            element["value"] = [
                one for one in element["value"] if one["idShort"] not in ("Clock", "ReceivedAt", "StateOfCharge")
            ]
    cell.aas.put_submodel(submodel | {"submodelElements": kept})
    answer = send(cell, LIFE, EndOfData=True)
    assert answer["CyclesAppended"] == 2 and live(cell)["StateOfCharge"] is not None and live(cell)["Clock"] == "bench"
    send(cell, ride((80.0, -2.0, 4.0, 3.9), REST, start_s=30_000.0), EndOfData=True)
    assert len(cell.value("RejectedCycles", "OperationalData")) == 1
