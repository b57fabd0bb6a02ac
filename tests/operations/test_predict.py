"""Predict, through the real BaSyx and directly."""

from __future__ import annotations

import pytest
import requests

from aasx import transfer
from aasx.client import NotFound
from aasx.elements.values import submodel_to_value
from aasx.identifiers import model_submodel_id
from aasx.packages import package
from operations.cell import live_twin, twin
from tests.operations.conftest import fading


def test_present_state_is_answered_and_stands_in_the_aas_afterwards(new_cell):
    cell = new_cell(fading(50))
    answer = cell.invoke("Predict")
    # 1.85 Ah - 49 * 0.004 Ah = 1.654 Ah; 0.254 Ah above 1.4 Ah at 0.004 Ah a cycle
    assert answer["RUL"] == round(answer["RUL"], 3) or abs(answer["RUL"] - 63.5) < 1e-6
    assert abs(answer["RUL"] - 63.5) < 1e-6
    assert abs(answer["StateOfHealth"] - 82.7) < 1e-9
    assert answer["PredictedAtCycle"] == 50
    assert answer["CapacityTrajectory"]["Cycle"][:2] == [50, 52]
    assert answer["Drivers"][0] == {"Feature": "Capacity", "FeatureValue": 1.654, "FeatureUnit": "Ah", "Effect": 3.5}
    stored = submodel_to_value(cell.aas.submodel(cell.prediction))
    details = stored["PredictionDetails"]
    assert details["RUL"] == answer["RUL"]
    assert details["InputLastCycle"] == 50
    assert details["PredictedAt"] == answer["PredictedAt"]
    assert details["ModelHash"] == answer["ModelHash"]
    assert stored["CapacityTrajectory"] == answer["CapacityTrajectory"]
    assert stored["Drivers"] == answer["Drivers"]
    assert stored["SimilarCells"] == [{"Battery": "B0005", "Weight": 0.75}, {"Battery": "B0006", "Weight": 0.25}]
    assert stored["StateOfHealthPrediction"]["StateOfHealth"] == answer["StateOfHealth"]
    life = stored["RemainingUsefulLifePrediction"]
    assert life["RemainingUsefulLifetime"]["statements"]["DurationValue"] == answer["RUL"]
    assert life["RemainingUsefulLifetime"]["statements"]["StartValue"] == 50
    assert (
        life["ConfidenceInterval"]["min"] <= answer["RULLower"]
        and life["ConfidenceInterval"]["max"] >= answer["RULUpper"]
    )
    reference = life["PredictionModelInformation"]["SMAIModelNamePlate"]
    assert reference["keys"] == [{"type": "Submodel", "value": model_submodel_id("line1")}]
    assert cell.fleet()["RUL"] == answer["RUL"]
    assert cell.fleet()["CapacityTrend"].endswith("50:1.6540")


def test_value_only_form_stays_readable_after_a_prediction(new_cell):
    cell = new_cell(fading(30))
    cell.invoke("Predict")
    assert cell.aas.submodel_value(cell.prediction)["PredictionDetails"]["AtCycle"] == "30"


def test_past_cycle_is_answered_without_touching_the_present_state(new_cell):
    cell = new_cell(fading(50))
    cell.invoke("Predict")
    before = cell.snapshot()
    answer = cell.invoke("Predict", AtCycle=20)
    assert answer["PredictedAtCycle"] == 20
    assert cell.snapshot() == before


def test_other_end_of_life_is_answered_without_touching_the_present_state(new_cell):
    cell = new_cell(fading(50))
    cell.invoke("Predict")
    before = cell.snapshot()
    assert cell.invoke("Predict", EndOfLifeCapacity=1.6)["RUL"] < 20
    assert cell.snapshot() == before


def test_confidence_level_reaches_the_model_and_the_aas(new_cell):
    cell = new_cell(fading(20))
    cell.invoke("Predict", ConfidenceLevel=0.5)
    assert cell.value("PredictionDetails.ConfidenceLevel") == 0.5


def test_cell_without_cycles_has_a_defined_answer(new_cell):
    cell = new_cell([])
    answer = cell.invoke("Predict")
    assert answer["PredictionStatus"] == "noHistory"
    assert answer["RUL"] is None and answer["CapacityTrajectory"]["Cycle"] == []
    assert cell.value("ActiveAlerts") == []
    assert "no cycles yet" in cell.refused("Predict", AtCycle=3).message


def test_cycle_the_cell_does_not_have_is_refused_with_its_range(new_cell):
    cell = new_cell(fading(12))
    failed = cell.refused("Predict", AtCycle=13)
    assert failed.status == "invalidInput"
    assert failed.message == "AtCycle = 13: must be a cycle of this cell, from 1 to 12"


def test_direct_call_gives_the_same_as_through_basyx(new_cell):
    cell = new_cell(fading(40))
    through, direct = cell.invoke("Predict"), cell.post("predict").json()
    changing = ("PredictedAt", "RequestId")
    assert {k: v for k, v in direct.items() if k not in changing} == {
        k: v for k, v in through.items() if k not in changing
    }


def test_capacity_trend_is_short_and_keeps_the_newest():
    cycles = twin.cycle_table(
        [{"id_cycle": number, "Capacity": "1.5", "Time": "2024-01-01T00:00:00"} for number in range(1, 1001)]
    )
    points = (twin.capacity_trend(cycles) or "").split()
    assert len(points) <= twin.TREND_POINTS
    assert points[-1] == "1000:1.5000"


def test_a_cell_that_was_removed_and_uploaded_again_gets_its_line_in_the_fleet(new_cell, aas, monkeypatch):
    """The delegate still remembers the cell, and finds in the package what it had written itself."""
    cell = new_cell(fading(5))
    for _ in range(2):
        cell.invoke("Predict")
    line, exported = cell.fleet(), package.read(transfer.export(aas, [cell.name]))
    transfer.remove_cell(aas, cell.name)
    with pytest.raises(NotFound):
        cell.fleet()
    content = package.to_bytes([*exported.shells(), *exported.submodels()], exported.files)
    part = ("cell.aasx", content, "application/asset-administration-shell-package+xml")
    assert requests.post(f"{aas.base_url}/upload", files={"file": part}, timeout=30).status_code == 200
    monkeypatch.setattr(live_twin, "FLEET_LINE_SEEN_s", 0.0)
    cell.invoke("Predict")
    assert cell.fleet() | {"LastUpdate": None} == line | {"LastUpdate": None}
