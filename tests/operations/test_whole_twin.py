"""The operations with the trained model on NASA's cells, as up.py brings them up."""

from __future__ import annotations

import pytest
import requests

from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id, submodel_id
from model.prediction import ORDER_OF_MAGNITUDE, OWN_HISTORY_ONLY, VALIDATED, Scenario
from model.records import data, public
from model.records.public import PublicCell
from model.serving.artifact import TwinModel
from operations.cell import twin as mapping
from operations.service.execution import OPERATIONS
from tests.operations.conftest import Cell, cycle, delete_cell, put_records


@pytest.fixture(scope="module")
def aas(twin) -> AasClient:
    return AasClient(twin.basyx_url)


@pytest.fixture(scope="module")
def trained(model_dir) -> TwinModel:
    return TwinModel.load(model_dir)


@pytest.mark.parametrize("cell", ["B0005", "B0018", "B0033", "B0052"])
def test_predict_through_the_aas_is_the_models_own_answer(aas, trained, cell):
    answer = aas.invoke(submodel_id(cell, "Prediction"), "Predict", {})
    expected = trained.predict(data.history(cell))
    assert (answer["RUL"], answer["RULLower"], answer["RULUpper"]) == (
        expected.rul_cycles, expected.rul_lower_cycles, expected.rul_upper_cycles,
    )  # fmt: skip
    assert answer["CapacityTrajectory"] == mapping.trajectory_values(expected)
    assert answer["Drivers"] == mapping.driver_values(expected)
    assert (answer["ModelKind"], answer["ModelHash"]) == ("crossFitted", trained.sha256)


def test_what_the_twin_believed_at_a_past_cycle(aas, trained):
    answer = aas.invoke(submodel_id("B0006", "Prediction"), "Predict", {"AtCycle": 60})
    assert answer["RUL"] == trained.predict(data.history("B0006"), at_cycle=60).rul_cycles
    assert answer["RUL"] == trained.predict(data.history("B0006").until(60)).rul_cycles


def test_what_if_through_the_aas_is_the_models_own_answer(aas, trained):
    asked = {"FromCycle": 50, "ambient_temperature": 4.0, "DischargeCurrent": 1.0}
    answer = aas.invoke(submodel_id("B0007", "Prediction"), "SimulateWhatIf", asked)
    expected = trained.simulate(
        data.history("B0007"), Scenario(50, ambient_temperature_degC=4.0, discharge_current_A=1.0)
    )
    assert (answer["RUL"], answer["BaselineRUL"]) == pytest.approx((expected.rul_cycles, expected.baseline.rul_cycles))
    for name, points in mapping.trajectory_values(expected).items():
        assert answer["CapacityTrajectory"][name] == pytest.approx(points), name
    assert answer["Assumptions"].splitlines() == expected.assumptions


def test_every_cell_of_the_fleet_is_predicted(aas):
    answer = aas.invoke(fleet_submodel_id(), "PredictAll", {"TimeBudget_s": 60.0}, timeout_s=90)
    results = {one["Battery"]: one for one in answer["Results"]}
    assert set(data.cells()) <= set(results)
    assert {results[cell]["ResultStatus"] for cell in data.cells()} == {"ok"}
    summaries = aas.element_value(fleet_submodel_id(), "Cells")
    for cell in data.cells():
        assert summaries[cell]["RUL"] == results[cell]["RUL"]


def test_examples_of_the_swagger_ui_work_as_they_stand_on_the_cell_they_name(twin, aas):
    """On a copy of B0005, for the cells of the whole twin belong to all tests."""
    history, name = data.history("B0005"), "B0005_copy"
    rows = [mapping.record_values(row, history.rated_capacity_Ah) for row in history.cycles.to_dict("records")]
    put_records(aas, name, rows, twin.delegate_url)
    try:
        for operation in OPERATIONS.values():
            path = f"fleet/{operation.path}" if operation.of_fleet else f"cells/{name}/{operation.path}"
            answer = requests.post(f"{twin.delegate_url}/api/{path}", json=operation.example, timeout=60)
            needs_a_file = operation.id_short == "ImportFile"  # its example names a file that was put there before
            assert answer.status_code == (404 if needs_a_file else 200), (operation.id_short, answer.text)
    finally:
        delete_cell(aas, name)


POUCH = {"rated_capacity_Ah": 1.1, "chemistry": "NMC", "end_of_life_percent": 80.0, "cell_type": "Demo pouch 1.1 Ah"}
END_Ah = 0.88


def append(cell: Cell, measured: PublicCell, above_Ah: float, below_Ah: float) -> None:
    """The cycles of a public cell, by its own numbers, between two capacities; by its first five it is recognised."""
    known = dict(zip(measured.cycle_number.tolist(), measured.capacity_Ah.tolist(), strict=True))
    known |= dict(enumerate(measured.first_capacities_Ah, start=1))
    rows = [cycle(int(one), known[one]) for one in sorted(known) if above_Ah < known[one] <= below_Ah]
    table = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    assert cell.invoke("AppendCycles", CycleRows="\n".join(table))["CyclesAppended"] == len(rows)


def test_the_first_failures_of_a_type_narrow_the_interval_of_its_next_cell(aas, twin):
    """A fleet of real 1.1 Ah pouch cells (Tao et al. 2024, at 35 degC) whose first three fail; none of their set taught
    the model."""
    measured = [cell for cell in public.read() if cell.group == "THU/T35"][:4]
    *first, young = [Cell(f"Demo_{number}", aas, twin.delegate_url) for number in range(len(measured))]
    try:
        for one in (*first, young):
            put_records(aas, one.name, [], twin.delegate_url, **POUCH)
        append(young, measured[-1], 1.0, 1.2)
        for one, cell in zip(first, measured, strict=False):
            append(one, cell, 0.9, 1.2)
        before = young.invoke("Predict")
        for one, cell in zip(first, measured, strict=False):
            append(one, cell, 0.85, 0.9)
        after = young.invoke("Predict")
    finally:
        for one in (*first, young):
            delete_cell(aas, one.name)
    numbers, capacity = measured[-1].cycle_number, measured[-1].capacity_Ah
    left = numbers[capacity < END_Ah][0] - numbers[capacity > 1.0][-1]
    assert (before["Siblings"], before["ModelKind"]) == (None, "crossFitted")
    assert before["PredictionGrade"] in (ORDER_OF_MAGNITUDE, OWN_HISTORY_ONLY)
    assert sorted(after["Siblings"].split(",")) == [one.name for one in first]
    assert after["PredictionGrade"] == VALIDATED
    assert after["PredictionSources"].startswith("siblings:")
    assert after["RULUpper"] - after["RULLower"] < 0.5 * (before["RULUpper"] - before["RULLower"])
    assert after["RULLower"] <= left <= after["RULUpper"]
