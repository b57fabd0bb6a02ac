"""AppendCycle: what is accepted, what is refused, and that a cycle sent again changes nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aasx.cell_description import rul_thresholds_of_life
from aasx.identifiers import submodel_id
from aasx.vocabulary import RECORD_COLUMNS
from model.records.features import cycle_features
from operations.request.columns import ID_SHORT
from tests.operations.conftest import cycle, fading, serve


def discharge_csv(points: int = 200, voltage_end: float = 2.7) -> str:
    """A discharge at 2 A over one hour: 2 Ah."""
    time_s = np.linspace(0, 3600, points)
    voltage_V = np.linspace(4.1, voltage_end, points)
    current_A = np.where(time_s < 20, 0.0, -1.8)
    temperature_degC = 24 + 12 * time_s / 3600
    table = {"Time": time_s, "Voltage_measured": voltage_V, "Current_measured": current_A}
    return pd.DataFrame(table | {"Temperature_measured": temperature_degC}).to_csv(index=False)


def test_cycle_is_recorded_and_everything_follows(new_cell):
    cell = new_cell(fading(20))
    answer = cell.append(21, 1.7)
    assert answer["Outcome"] == "appended"
    assert answer["RecordPath"] == "Segments.InternalSegment.Records.Record0021"
    assert answer["RecordCount"] == 21
    assert answer["StateOfHealth"] == pytest.approx(85)
    record = cell.value(answer["RecordPath"], "OperationalData")
    assert list(record) == [column.id_short for column in RECORD_COLUMNS]
    assert (record["id_cycle"], record["Capacity"], record["StateOfHealth"]) == (21, 1.7, pytest.approx(85))
    assert record["RestBefore"] == pytest.approx(23)  # a day apart, one hour of discharge
    assert record["Re"] is None
    segment = cell.value("Segments.InternalSegment", "OperationalData")
    assert segment["RecordCount"] == 21 and segment["EndTime"] == record["Time"]
    live = cell.value("LiveState", "OperationalData")
    assert (live["id_cycle"], live["Capacity"], live["Battery"]) == (21, 1.7, cell.name)
    assert cell.value("PredictionDetails.InputLastCycle") == 21
    assert cell.fleet()["AtCycle"] == 21 and cell.fleet()["StateOfHealth"] == pytest.approx(85)


def test_first_cycles_of_an_empty_cell(new_cell):
    cell = new_cell([])
    for number in (1, 2, 3):
        assert cell.append(number, 1.9 - 0.01 * number)["RecordCount"] == number
    assert cell.invoke("Predict")["PredictedAtCycle"] == 3


def test_same_cycle_again_is_acknowledged_and_changes_nothing(new_cell):
    cell = new_cell(fading(10))
    first = cell.append(11, 1.8)
    before = cell.snapshot()
    again = cell.append(11, 1.8)
    assert again["Outcome"] == "alreadyPresent"
    assert {name: again[name] for name in ("RUL", "RecordPath", "RecordCount")} == {
        name: first[name] for name in ("RUL", "RecordPath", "RecordCount")
    }
    assert cell.snapshot() == before


def test_an_old_cycle_again_is_acknowledged(new_cell):
    cell = new_cell(fading(10))
    assert cell.append(4, fading(10)[3])["Outcome"] == "alreadyPresent"


def test_other_values_under_the_same_number_are_refused(new_cell):
    cell = new_cell(fading(10))
    before = cell.snapshot()
    failed = cell.refused("AppendCycle", **cycle(10, 1.2))
    assert failed.status == "conflict"
    assert failed.message == "cycle 10 is recorded already with Capacity 1.814, not 1.2; nothing was changed"
    assert cell.post("append-cycle", cycle(10, 1.2)).status_code == 409
    assert cell.snapshot() == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id_cycle": 0}, "id_cycle = 0: must be a whole number from 1 to 1000000"),
        ({"Time": "2024-01-05T08:00:00"}, "Time = 2024-01-05T08:00:00: must be after the start of the cycle before"),
        ({"Capacity": None}, "Capacity: missing; give it, or DischargeSamples at most 60 s apart to compute it from"),
        ({"Capacity": 3.0}, "Capacity = 3.0: must be a number from 0.001 to 2.1 Ah for this cell of 2 Ah"),
        ({"ambient_temperature": 297.0}, "ambient_temperature = 297.0: must be a number from -40 to 100 °C"),
        ({"Current_measured": 2.0}, "Current_measured = 2.0: must be a number from -20 to 0 A"),
        ({"ChargeSamples": discharge_csv()}, "ChargeSamples: need the DischargeSamples of the cycle with them"),
    ],
)
def test_what_is_not_allowed_is_named_and_nothing_is_written(new_cell, changes, told):
    cell = new_cell(fading(10))
    before = cell.snapshot()
    inputs = {name: value for name, value in (cycle(11, 1.8) | changes).items() if value is not None}
    failed = cell.refused("AppendCycle", **inputs)
    assert failed.status == "invalidInput"
    assert failed.message.startswith(told)
    problem = cell.post("append-cycle", inputs)
    assert problem.status_code == 422
    assert problem.json()["detail"] == failed.message
    assert cell.snapshot() == before


@pytest.mark.parametrize("text", ["2024-01-30", "30.01.2024", "2024-01-30_08:00:00", "x"])
def test_times_are_dates_and_times(new_cell, text):
    told = cell_post(new_cell, Time=text)
    example = "2008-04-02T15:25:41 or, with a zone, 2026-01-05T07:00:00Z"
    assert told == f"Time = {text!r}: must be a date and time, as {example}"


@pytest.mark.parametrize("text", ["2024-01-30T08:00:00Z", "2024-01-30T08:00:00+01:00"])
def test_times_with_a_zone_are_refused_on_a_cell_that_goes_by_its_bench(new_cell, text):
    told = cell_post(new_cell, Time=text)
    assert told.startswith(f"Time = {text!r}: must be without zone: this cell goes by the clock of its test bench")


def cell_post(new_cell, **changes):
    response = new_cell(fading(2)).post("append-cycle", cycle(3, 1.8) | changes)
    assert response.status_code == 422
    return response.json()["detail"]


def test_features_come_from_raw_samples_and_the_curves_are_kept(new_cell):
    cell = new_cell(fading(5))
    text = discharge_csv()
    inputs = {name: value for name, value in cycle(6, 0).items() if name in ("id_cycle", "Time", "ambient_temperature")}
    answer = cell.invoke("AppendCycle", **inputs, DischargeSamples=text, Re=0.05)
    record = cell.value(answer["RecordPath"], "OperationalData")
    samples = pd.read_csv(pd.io.common.StringIO(text))
    for column, value in cycle_features(samples).items():
        assert record[ID_SHORT[column]] == pytest.approx(value), column
    assert record["Re"] == 0.05
    live = cell.value("LiveState", "OperationalData")
    assert (live["Time"], live["Voltage_measured"]) == (3600.0, pytest.approx(2.7))
    curves = pd.read_csv(pd.io.common.BytesIO(cell.aas.attachment(cell.operational_data, "Segments.LatestCycle.Data")))
    assert list(curves)[:2] == ["id_cycle", "type"] and len(curves) == 200
    assert set(curves["id_cycle"]) == {6}
    assert cell.invoke("AppendCycle", **inputs, DischargeSamples=text, Re=0.05)["Outcome"] == "alreadyPresent"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: lines[1:], "DischargeSamples line 1"),
        (
            lambda lines: [*lines[:3], "5,3.9,-2", *lines[3:]],
            "DischargeSamples line 4 = '5,3.9,-2': must have 4 numbers",
        ),
        (lambda lines: [*lines[:3], "x,3.9,-2,24"], "DischargeSamples line 4 = 'x': Time must be a number from 0"),
        (
            lambda lines: [*lines, "9999,nan,-2,24"],
            "DischargeSamples line 202 = 'nan': Voltage_measured must be a number",
        ),
        (lambda lines: [*lines, "9999,12.0,-2,24"], "DischargeSamples line 202 = '12.0': Voltage_measured must be"),
        (lambda lines: [*lines, "3,3.0,-2,24"], "DischargeSamples line 202 = 3.0: Time must grow from line to line"),
        (lambda lines: lines[:3], "DischargeSamples = 2: at least 5 samples with finite numbers"),
    ],
)
def test_bad_samples_are_named_by_line(new_cell, change, told):
    cell = new_cell(fading(5))
    inputs = {"id_cycle": 6, "ambient_temperature": 24.0}
    text = "\n".join(change(discharge_csv().splitlines()))
    assert cell.refused("AppendCycle", **inputs, DischargeSamples=text).message.startswith(told)


def test_samples_too_far_apart_to_integrate_give_no_charges(new_cell):
    cell = new_cell(fading(5))
    inputs = {"id_cycle": 6, "ambient_temperature": 24.0, "DischargeSamples": discharge_csv(points=40)}
    assert cell.refused("AppendCycle", **inputs).message.startswith("Capacity: missing")
    answer = cell.invoke("AppendCycle", **inputs, Capacity=1.8)
    record = cell.value(answer["RecordPath"], "OperationalData")
    assert record["ChargeTo3V5"] is None and record["Duration"] == 3600


def test_what_is_not_given_and_not_described_is_missing(new_cell):
    """No time either: the clock of a bench is not seen from here, and a later file may bring earlier true times."""
    cell = new_cell(fading(3))
    record = cell.value(cell.invoke("AppendCycle", id_cycle=4, Capacity=1.8)["RecordPath"], "OperationalData")
    assert (record["Time"], record["ambient_temperature"], record["RestBefore"]) == (None, None, None)
    assert cell.append(5, 1.79)["Outcome"] == "appended"


def test_the_first_time_decides_about_the_clock_of_a_cell(new_cell):
    cell = new_cell([])
    first = cell.invoke("AppendCycle", id_cycle=1, Capacity=1.85, Time="2026-01-05T08:00:00+01:00")
    assert cell.value(first["RecordPath"], "OperationalData")["Time"] == "2026-01-05T07:00:00"
    assert cell.value("LiveState", "OperationalData")["Clock"] == "UTC"
    told = cell.refused("AppendCycle", id_cycle=2, Capacity=1.84, Time="2026-01-06T08:00:00")
    assert told.status == "invalidInput" and "must have a zone" in told.message
    now = cell.invoke("AppendCycle", id_cycle=2, Capacity=1.84)  # without a time it is now, by UTC
    record = cell.value(now["RecordPath"], "OperationalData")
    assert abs(pd.Timestamp.now("UTC").tz_localize(None) - pd.Timestamp(record["Time"])) < pd.Timedelta(minutes=5)


def put_record_by_hand(cell, number: int, capacity_Ah: float) -> None:
    """Past the operations, as somebody with the AAS REST might."""
    path = "Segments.InternalSegment.Records"
    record = cell.aas.element(cell.operational_data, f"{path}.Record{number - 1:04d}")
    new = {"id_cycle": str(number), "Capacity": str(capacity_Ah), "Time": "2024-02-01T00:00:00"}
    elements = [one | {"value": new[one["idShort"]]} if one["idShort"] in new else one for one in record["value"]]
    cell.aas.append_element(cell.operational_data, path, record | {"idShort": f"Record{number:04d}", "value": elements})


def test_record_written_by_hand_is_noticed_when_the_history_has_got_old(new_cell, other_settings):
    watchful = serve(other_settings(history_max_age_s=0.0))
    try:
        cell = new_cell(fading(10), delegate_url=watchful.url)
        cell.invoke("Predict")
        put_record_by_hand(cell, 11, 1.2)
        answer = cell.invoke("Predict")
        assert answer["PredictedAtCycle"] == 11 and answer["PredictionStatus"] == "pastEndOfLife"
        assert cell.value("LiveState.id_cycle", "OperationalData") == 11
        assert cell.value("Segments.InternalSegment.RecordCount", "OperationalData") == 11
    finally:
        watchful.stop()


def test_record_written_by_hand_is_never_overwritten(new_cell):
    cell = new_cell(fading(10))
    cell.invoke("Predict")
    put_record_by_hand(cell, 11, 1.2)
    first = cell.refused("AppendCycle", **cycle(11, 1.8))
    assert first.status == "conflict" and "nothing was changed" in first.message
    assert cell.value("Segments.InternalSegment.Records.Record0011.Capacity", "OperationalData") == 1.2
    assert cell.invoke("Predict")["PredictedAtCycle"] == 11


def test_cell_replaced_by_an_import_is_noticed(new_cell, aas):
    cell, other = new_cell(fading(10)), new_cell(fading(25))
    cell.invoke("Predict")
    imported = aas.submodel(other.operational_data) | {"id": cell.operational_data}
    aas.put_submodel(imported)
    assert cell.invoke("Predict")["PredictedAtCycle"] == 25


def test_cycle_numbers_may_have_gaps_and_are_kept(new_cell):
    cell = new_cell(fading(10))
    assert cell.append(60, 1.6)["RecordPath"].endswith("Record0060")
    assert cell.value("PredictionDetails.InputLastCycle") == 60
    told = cell.refused("AppendCycle", **cycle(40, 1.7))
    assert told.message.startswith("id_cycle = 40: must be above 60, the number of the last cycle")
    told = cell.refused("Predict", AtCycle=30)
    assert told.message.endswith("from 1 to 60; the cycles beside this gap are 10 and 60")
    assert cell.invoke("Predict", AtCycle=10)["PredictedAtCycle"] == 10


def test_limits_follow_the_description(new_cell):
    """A 3 Ah cell takes what a 2 Ah cell refuses, and a pack its voltage; what they cannot do is refused."""
    cell = new_cell(rated_capacity_Ah=3.0, highest_cell_voltage_V=4.2)
    assert cell.append(1, 3.1)["StateOfHealth"] == pytest.approx(100 * 3.1 / 3.0)
    told = cell.refused("AppendCycle", **cycle(2, 3.8)).message
    assert told == "Capacity = 3.8: must be a number from 0.001 to 3.75 Ah for this cell of 3 Ah"
    assert cell.refused("AppendCycle", **cycle(2, 3.0, DischargeCurrent=61.0)).message.endswith("Ah")
    assert cell.refused("AppendCycle", **cycle(2, 3.0, Voltage_measured=5.1)).status == "invalidInput"
    pack = new_cell(rated_capacity_Ah=20.0, series_count=14, highest_cell_voltage_V=4.2, highest_discharge_current_A=50)
    pack.append(1, 19.5, Voltage_measured=51.8, DischargeCurrent=49.0)
    told = pack.refused("AppendCycle", **cycle(2, 19.5, DischargeCurrent=51.0)).message
    assert (
        told
        == "DischargeCurrent = 51.0: must be a number from 0 to 50 A for this pack of 20 Ah with 14 cells in series"
    )


def test_samples_of_a_pack_are_looked_at_per_cell_and_kept_at_the_terminals(new_cell):
    single, pack = new_cell(rated_capacity_Ah=2.0), new_cell(rated_capacity_Ah=2.0, series_count=14)
    inputs = {name: value for name, value in cycle(1, 0).items() if name in ("id_cycle", "Time", "ambient_temperature")}
    samples = pd.read_csv(pd.io.common.StringIO(discharge_csv()))
    of_pack = samples.assign(Voltage_measured=14 * samples["Voltage_measured"]).to_csv(index=False)
    of_one = single.invoke("AppendCycle", **inputs, DischargeSamples=discharge_csv())
    of_14 = pack.invoke("AppendCycle", **inputs, DischargeSamples=of_pack)
    one, whole = (cell.value(of_one["RecordPath"], "OperationalData") for cell in (single, pack))
    assert of_14["RUL"] == of_one["RUL"]
    for name in ("Capacity", "Charge3V8To3V6", "DischargeCurrent", "TemperatureRise"):
        assert whole[name] == pytest.approx(one[name]), name
    for name in ("Voltage_measured", "VoltageDrop", "OhmicResistance", "Voltage300s"):
        assert whole[name] == pytest.approx(14 * one[name]), name


def test_without_a_rated_capacity_the_first_cycles_give_it(new_cell):
    cell = new_cell(cut_off_voltage_V=2.5)
    rated = "TechnicalPropertyAreas[0].RatedCapacity"
    for number, capacity_Ah in ((1, 5.0), (3, 5.2)):
        answer = cell.append(number, capacity_Ah)
        assert answer["RUL"] is None and answer["StateOfHealth"] is None and answer["AlertsRaised"] == 0
    assert cell.value(rated, "TechnicalData") is None
    assert cell.value("PredictionDetails.PredictionStatus") == "noRatedCapacity"
    assert cell.value("PredictionDetails.EndOfLifeCapacity") is None
    assert cell.fleet()["Capacity"] == 5.2 and cell.fleet()["RUL"] is None
    assert "needs the rated capacity" in cell.refused("SimulateWhatIf").message
    assert cell.append(100, 5.1)["StateOfHealth"] == pytest.approx(100)
    element = cell.aas.element(submodel_id(cell.name, "TechnicalData"), rated)
    assert element["value"] == "5.1" and element["qualifiers"][0]["value"] == "measuredFirstCycles"
    first = cell.value("Segments.InternalSegment.Records.Record0001", "OperationalData")
    assert first["StateOfHealth"] == pytest.approx(100 * 5.0 / 5.1)
    assert cell.value("PredictionDetails.EndOfLifeCapacity") == pytest.approx(0.8 * 5.1)
    for number in range(101, 120):
        cell.append(number, 5.1 - 0.01 * (number - 100))
    assert cell.value(rated, "TechnicalData") == pytest.approx(5.065)  # of the first ten, and no more
    assert cell.refused("AppendCycle", **cycle(120, 6.5)).message.endswith("this cell of 5.065 Ah")


def test_limits_of_the_remaining_life_follow_the_predicted_one_until_somebody_sets_them(new_cell):
    cell = new_cell(rated_capacity_Ah=2.0)
    thresholds = "RemainingUsefulLifePrediction.ListPreAlerts"

    def warn_at() -> list[float]:
        return [one["PreAlertValue"] for one in cell.value(thresholds)]

    assert warn_at() == [None, None]
    for number in range(1, 6):
        cell.append(number * 100, 2.0 - 0.02 * number)
    life = cell.value("PredictionDetails.EndOfLifeCycle")
    assert warn_at() == list(rul_thresholds_of_life(life)) and life > 500
    cell.append(600, 1.8)
    assert warn_at() != list(rul_thresholds_of_life(life))
    cell.invoke("SetThresholds", ChangedBy="A. Operator", RULWarning=77.0)
    cell.append(700, 1.7)
    assert warn_at()[0] == 77.0
