"""Failed cells serve their siblings: found by the index in the Fleet submodel, read from the AAS, told to the model."""

from __future__ import annotations

import contextlib
import uuid

import pytest

from aasx.client import NotFound
from aasx.identifiers import fleet_submodel_id
from aasx.submodels import fleet
from model.prediction import ORDER_OF_MAGNITUDE, VALIDATED
from tests.operations.conftest import fading

FACTS = {"rated_capacity_Ah": 2.0, "end_of_life_percent": 80.0, "rul_warning_cycles": 30.0, "rul_critical_cycles": 10.0}


@pytest.fixture
def kind(aas):
    """A cell type of its own, with the facts of its cells."""
    name = f"Type {uuid.uuid4().hex[:8]}"
    yield FACTS | {"cell_type": name}
    with contextlib.suppress(NotFound):
        aas.delete_element(fleet_submodel_id(), f"FailedCells.{fleet.failed_cells_id_short(name)}")


def index(aas, kind):
    try:
        return aas.element_value(fleet_submodel_id(), f"FailedCells.{fleet.failed_cells_id_short(kind['cell_type'])}")
    except NotFound:
        return {}


def test_a_cell_that_fails_serves_its_siblings_from_then_on(new_cell, delegate, aas, kind):
    young, old = new_cell(fading(20), **kind), new_cell(fading(59), **kind)
    young.invoke("Predict")
    old.invoke("Predict")
    assert delegate.model.siblings == [] and index(aas, kind) == {}
    old.append(60, 1.59)  # below 80 % of 2 Ah
    assert list(index(aas, kind)) == [old.name] and index(aas, kind)[old.name].startswith("60 2024-")
    young.invoke("Predict")
    assert delegate.model.siblings == [old.name]
    old.invoke("Predict", AtCycle=50)
    assert delegate.model.siblings == []


def test_a_replay_never_has_its_origin_beside_it_and_is_nobodys_sibling(new_cell, delegate, aas, kind):
    origin = new_cell(fading(70), **kind)
    origin.invoke("Predict")
    replay, other = new_cell(fading(20), replay_of=origin.name, **kind), new_cell(fading(20), **kind)
    other.invoke("Predict")
    assert delegate.model.siblings == [origin.name]
    replay.invoke("Predict")
    assert delegate.model.siblings == []
    again = new_cell(fading(70), replay_of=origin.name, **kind)
    again.invoke("Predict")
    assert delegate.model.siblings == [] and list(index(aas, kind)) == [origin.name]


def test_a_cell_that_recovers_serves_no_more(new_cell, delegate, aas, kind):
    cell = new_cell(fading(70), **kind)
    cell.invoke("Predict")
    assert list(index(aas, kind)) == [cell.name]
    cell.append(71, 1.8)
    assert index(aas, kind) == {}


def test_other_types_and_cells_without_one_are_no_siblings(new_cell, delegate, kind):
    other, untyped, young = (
        new_cell(fading(70), **(FACTS | {"cell_type": "Other"})),
        new_cell(fading(70), **FACTS),
        new_cell(fading(20), **kind),
    )
    for cell in (other, untyped, young):
        cell.invoke("Predict")
    assert delegate.model.siblings == []


def test_the_answer_is_not_remembered_when_a_sibling_has_failed_meanwhile(new_cell, delegate, kind):
    young, old = new_cell(fading(20), **kind), new_cell(fading(70), **kind)
    young.invoke("Predict", AtCycle=20)
    delegate.model.siblings = ["nobody asked"]
    young.invoke("Predict", AtCycle=20)
    assert delegate.model.siblings == ["nobody asked"]  # remembered
    old.invoke("Predict")
    young.invoke("Predict", AtCycle=20)
    assert delegate.model.siblings == [old.name]


def test_a_sibling_that_was_removed_is_no_more(new_cell, delegate, aas, kind):
    old, young = new_cell(fading(70), **kind), new_cell(fading(20), **kind)
    old.invoke("Predict")
    assert list(index(aas, kind)) == [old.name]
    delegate.live.forget(old.name)
    kept = aas.submodel(old.operational_data)
    aas.delete_submodel(old.operational_data)
    try:
        young.invoke("Predict")
        assert delegate.model.siblings == []
    finally:
        aas.put_submodel(kept)


def test_no_critical_alert_on_a_life_that_is_not_known(new_cell, delegate, kind):
    cell = new_cell(fading(59), **kind)  # some three cycles left by its straight line
    delegate.model.grade = ORDER_OF_MAGNITUDE
    try:
        answer = cell.invoke("Predict")
        severities = {alert["Severity"] for alert in cell.value("ActiveAlerts") if alert["Indicator"] == "RUL"}
        assert severities == {"warning"} and answer["PredictionGrade"] == ORDER_OF_MAGNITUDE
        assert cell.value("PredictionDetails.PredictionGrade") == ORDER_OF_MAGNITUDE
    finally:
        delegate.model.grade = VALIDATED
    delegate.live.forget(cell.name)
    cell.invoke("Predict")
    severities = {alert["Severity"] for alert in cell.value("ActiveAlerts") if alert["Indicator"] == "RUL"}
    assert severities == {"critical"}


def test_what_if_tells_how_far_it_can_be_trusted(new_cell):
    answer = new_cell(fading(40)).invoke("SimulateWhatIf", ambient_temperature=40.0)
    assert answer["PredictionGrade"] == VALIDATED
