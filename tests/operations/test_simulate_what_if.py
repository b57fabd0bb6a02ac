"""SimulateWhatIf and PredictAll."""

from __future__ import annotations

import time

import pytest
import requests

from aasx.identifiers import fleet_submodel_id, submodel_id
from tests.operations.conftest import fading


def test_scenario_and_baseline_are_answered_and_nothing_is_written(new_cell):
    cell = new_cell(fading(50))
    before = cell.snapshot()
    answer = cell.invoke("SimulateWhatIf", HorizonCycles=100, ambient_temperature=40.0)
    assert answer["BaselineRUL"] == pytest.approx(63.5)
    assert answer["RUL"] == pytest.approx(63.5 / 2)
    assert answer["EndOfLifeCycle"] == 50 + 32 and answer["BaselineEndOfLifeCycle"] == 50 + 64
    assert len(answer["CapacityTrajectory"]["Cycle"]) == len(answer["BaselineTrajectory"]["CapacityUpper"]) == 30
    assert answer["OutsideTrainingRange"] is False and answer["Assumptions"] == "heat: literature\ncurrent: weak"
    assert cell.snapshot() == before


def test_phases_and_replaced_measurements_reach_the_model(new_cell):
    cell = new_cell(fading(50))
    phases = [{"Cycles": 100, "ambient_temperature": 45.0}, {"Cycles": 50, "DischargeCurrent": 1.0}]
    answer = cell.invoke("SimulateWhatIf", Phases=phases, Capacity=1.6, Re=0.07, FromCycle=40)
    assert answer["RUL"] == pytest.approx(answer["BaselineRUL"] / 2)
    assert answer["OutsideTrainingRangeNames"] == "Re,Capacity"  # what the stand-in answers: what was replaced
    direct = cell.post("simulate-what-if", {"Phases": phases, "FromCycle": 40}).json()
    assert direct["RUL"] == pytest.approx(answer["RUL"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"HorizonCycles": 20001}, "HorizonCycles = 20001: must be a whole number from 1 to 20000 cycle"),
        ({"CutOffVoltage": 0.5}, "CutOffVoltage = 0.5: must be a number from 1.5 to 3.6 V"),
        ({"DischargeCurrent": -2.0}, "DischargeCurrent = -2.0: must be a number from 0.1 to 10 A"),
        ({"Phases": [{"Cycles": 0}]}, "Phases.0.Cycles = 0: must be a whole number from 1 to 20000 cycle"),
        ({"Phases": [{"ambient_temperature": 20.0}]}, "Phases.0.Cycles: missing; it must be a whole number"),
        ({"Phases": [{"Cycles": 5}], "DischargeCurrent": 2.0}, "Phases: give either phases or ambient_temperature"),
        ({"FromCycle": 51}, "FromCycle = 51: must be a cycle of this cell, from 1 to 50"),
        ({"EndOfLifeCapacity": 2.5}, "EndOfLifeCapacity = 2.5: must be a number from 0.05 to 2.1 Ah"),
    ],
)
def test_what_a_scenario_may_not_ask(new_cell, given, told):
    cell = new_cell(fading(50))
    failed = cell.refused("SimulateWhatIf", **given)
    assert failed.status == "invalidInput" and failed.message.startswith(told)
    assert cell.post("simulate-what-if", given).json()["detail"] == failed.message


def test_predict_all_reports_results_and_failures_side_by_side(new_cell, delegate):
    good, other, broken = new_cell(fading(20)), new_cell(fading(30)), new_cell(fading(10))
    broken.aas.delete_submodel(submodel_id(broken.name, "TechnicalData"))
    answer = good.aas.invoke(fleet_submodel_id(), "PredictAll", {})
    results = {one["Battery"]: one for one in answer["Results"]}
    assert results[good.name]["ResultStatus"] == results[other.name]["ResultStatus"] == "ok"
    assert results[good.name]["RUL"] == good.value("PredictionDetails.RUL")
    assert results[broken.name]["ResultStatus"] == "notFound" and results[broken.name]["RUL"] is None
    assert answer["Message"] == f"1 of {len(results)} cells could not be predicted"
    direct = requests.post(f"{delegate.url}/api/fleet/predict-all", json={}, timeout=30).json()
    assert {one["Battery"] for one in direct["Results"]} == set(results)
    put_back = good.aas.submodel(submodel_id(good.name, "TechnicalData"))
    broken.aas.put_submodel(put_back | {"id": submodel_id(broken.name, "TechnicalData")})


def test_predict_all_ends_in_time_and_names_cells_it_did_not_reach(new_cell, delegate):
    cells = [new_cell(fading(5)) for _ in range(8)]
    delegate.model.delay_s = 0.4
    try:
        begun = time.monotonic()
        answer = cells[0].aas.invoke(fleet_submodel_id(), "PredictAll", {"TimeBudget_s": 0.5}, timeout_s=30)
        took_s = time.monotonic() - begun
    finally:
        delegate.model.delay_s = 0.0
    outcomes = [one["ResultStatus"] for one in answer["Results"] if one["Battery"] in {cell.name for cell in cells}]
    assert "timeout" in outcomes and set(outcomes) <= {"ok", "timeout"}
    assert took_s < 5  # all eight in a row would not hold it up either: two rounds of 0.4 s begin within the budget


def test_predict_all_is_an_operation_of_the_fleet_only(new_cell, delegate):
    url = f"{delegate.url}/delegation/{new_cell(fading(3)).name}/PredictAll"
    answer = requests.post(url, json=[], timeout=10)
    assert answer.status_code == 200
    assert answer.json()[0]["value"]["value"] == "notFound"
