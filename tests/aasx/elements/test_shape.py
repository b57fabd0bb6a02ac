"""Content of the AAS against what the twin expects: foreign content of every kind, at every element there is."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from aasx.cell_description import CellDescription
from aasx.elements.build import to_json
from aasx.elements.shape import Foreign, Shape, content_of, mended, read, told
from aasx.submodels import fleet, operational_data, prediction
from tests.foreign import KINDS, Json, changed, places


def submodels() -> dict[str, tuple[Json, Shape]]:
    """A living cell's submodels and the fleet's, every element filled, with what the twin expects of them."""
    description = CellDescription(cell="X1", source="test")
    row = {"id_cycle": 1, "Time": "2024-01-01T00:00:00", "type": "discharge", "Capacity": 1.8, "StateOfHealth": 90.0}
    whole = to_json(prediction.build(description, "http://127.0.0.1:9"))
    for element in whole["submodelElements"]:
        if item := prediction.list_items().get(element["idShort"]):
            element["value"] = [item]
    return {
        "OperationalData": (
            to_json(operational_data.build(description, [row, row | {"id_cycle": 2}], "http://127.0.0.1:9")),
            operational_data.shape(),
        ),
        "Prediction": (whole, prediction.shape()),
        "Fleet": (to_json(fleet.build({"X1": {"Capacity": 1.8}}, "http://127.0.0.1:9")), fleet.shape()),
    }


def has_shape(value: Any, shape: Shape) -> bool:
    types = {"xs:double": float, "xs:int": int, "xs:long": int, "xs:boolean": bool}
    match shape.kind:
        case "Property":
            return value is None or isinstance(value, types.get(shape.xs_type, str))
        case "SubmodelElementCollection" | "Submodel":
            parts: dict[str, Shape] = {} if shape.every is None else dict.fromkeys(value, shape.every)
            parts |= shape.members or {}
            return set(value) == set(parts) and all(has_shape(value[name], part) for name, part in parts.items())
        case "SubmodelElementList":
            assert shape.every is not None
            return isinstance(value, list) and all(has_shape(item, shape.every) for item in value)
        case _:
            return True


CASES = [(name, kind) for name in submodels() for kind in KINDS]


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[f"{name}-{kind}" for name, kind in CASES])
def test_each_element_may_be_foreign(name, kind):
    """One after another: what comes out has the expected shape, and what could not be read is noted with its place."""
    submodel, shape = submodels()[name]
    ways = list(places(submodel))
    assert len(ways) > 15
    for way in ways:
        noted: list[Foreign] = []
        value = read(changed(submodel, way, kind), shape, noted)
        assert has_shape(value, shape), way
        assert all(one.path and str(one) for one in noted)
        json.dumps(value, allow_nan=False)


def test_what_is_told_is_short_and_names_place_and_text():
    submodel, shape = submodels()["Prediction"]
    details = next(one for one in submodel["submodelElements"] if one["idShort"] == "PredictionDetails")
    for element in details["value"]:
        element["value"] = "²" * 1000
    noted: list[Foreign] = []
    read(submodel, shape, noted)
    text = told(noted)
    assert text is not None and text.startswith(
        "left out, since it is not the twin's: PredictionDetails.AtCycle is '²²"
    )
    assert "not whole number" in text and text.endswith(f"; and {len(noted) - 3} more") and len(text) < 400


def test_other_servers_spellings_are_not_foreign():
    noted: list[Foreign] = []
    assert read("", Shape("Property", "xs:double"), noted) is None
    assert read(1.5, Shape("Property", "xs:double"), noted) == 1.5
    assert read(True, Shape("Property", "xs:boolean"), noted) is True
    assert read("2026-01-01T00:00:00+00:00", Shape("Property", "xs:dateTime"), noted) == "2026-01-01T00:00:00Z"
    assert noted == []
    assert read("Infinity", Shape("Property", "xs:double"), noted) is None and len(noted) == 1


def test_a_prediction_as_basyx_go_gives_it_is_the_twins_own():
    """Recorded of BaSyx Go 1.0.9: `$value` of a Prediction that had been loaded and never been written again."""
    answer = json.loads(
        Path(__file__).with_name("answers").joinpath("basyx_go_prediction_value.json").read_text("utf-8")
    )
    noted: list[Foreign] = []
    found = read(answer, prediction.shape(), noted)
    assert noted == []
    details = found["PredictionDetails"]
    assert details["RUL"] == 132.486764040715 and details["AtCycle"] == 28 and details["OutsideTrainingRange"] is True
    assert details["PredictedAt"] is None and details["Siblings"] is None  # "" there
    assert found["CapacityTrajectory"]["Cycle"] == [28, 33] and found["ActiveAlerts"] == []
    assert found["RemainingUsefulLifePrediction"]["RemainingUsefulLifetime"]["statements"]["EngineeringUnit"] == "cycle"


def test_value_only_form_is_read_as_the_elements_are():
    submodel, shape = submodels()["OperationalData"]
    assert read(content_of(submodel), shape) == read(submodel, shape)


def test_a_thing_that_was_changed_anywhere_is_mended():
    """Every element of the twin is there again, of its kind, and what nobody touched keeps its value."""
    submodel, shape = submodels()["Prediction"]
    chance = random.Random(1)
    for _ in range(200):
        broken = submodel
        for _ in range(3):
            broken = changed(broken, chance.choice(list(places(broken))), chance.choice(sorted(KINDS)))
        noted: list[Foreign] = []
        read(mended(broken, prediction.template()), shape, noted)
        assert not [one for one in noted if not one.found and "[" not in one.path], noted


def test_statements_of_an_entity_may_come_one_by_one():
    """As BaSyx 2.0.0-milestone-05 gives them in `$value`."""
    noted: list[Foreign] = []
    shape = Shape("Entity", members={"StartValue": Shape("Property", "xs:double"), "Unit": Shape("Property")})
    given = {"entityType": "CoManagedEntity", "statements": [{"StartValue": "7.0"}, {"Unit": "cycle"}]}
    found = read(given, shape, noted)
    assert found == {"entityType": "CoManagedEntity", "statements": {"StartValue": 7.0, "Unit": "cycle"}} and not noted
