"""What the submodels say, and what they must not say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aasx import shell, vocabulary
from aasx.cell_description import CellDescription, nasa_cells
from aasx.client import AasClient
from aasx.elements import build, values
from aasx.packages import package
from aasx.submodels import operational_data, prediction
from aasx.submodels.operation_variables import OPERATIONS, operation
from tests.aasx.conftest import PREDICTION, SmallTwin, made_up_records


def submodel(objects: list[Any], id_short: str) -> dict:
    return build.to_json(next(item for item in objects if item.id_short == id_short))


def elements(objects: list[Any], id_short: str) -> dict[str, dict]:
    return dict(package.walk(submodel(objects, id_short)["submodelElements"]))


@pytest.fixture(scope="module")
def stated() -> list[Any]:
    return shell.build_cell(nasa_cells()["B0005"], made_up_records(3), PREDICTION)


@pytest.fixture(scope="module")
def not_stated() -> list[Any]:
    return shell.build_cell(nasa_cells()["B0025"])


def availability(element: dict) -> str | None:
    return {q["type"]: q["value"] for q in element.get("qualifiers", [])}.get("ValueAvailability")


def test_unknown_values_are_marked_and_never_invented(not_stated: list[Any]) -> None:
    plate = elements(not_stated, "Nameplate")
    assert values.to_value(plate["ManufacturerName"])["en"] == "not stated by the data set"
    for path in ("OrderCodeOfManufacturer", "AddressInformation.NationalCode", "AddressInformation.Street"):
        assert "value" not in plate[path] and availability(plate[path]) == "notStatedBySource"
    assert "SerialNumber" not in plate
    data = elements(not_stated, "TechnicalData")
    end_of_life = data["TechnicalPropertyAreas[0].EndOfLifeCapacity"]
    assert "value" not in end_of_life and availability(end_of_life) == "notStatedBySource"
    rated = data["TechnicalPropertyAreas[0].RatedCapacity"]
    assert rated["value"] == "2.0" and rated["qualifiers"][0]["value"] == "assumedSameCellType"
    chemistry = data["TechnicalPropertyAreas[0].Chemistry"]
    assert "value" not in chemistry and availability(chemistry) == "notStatedBySource"
    threshold = data["TechnicalPropertyAreas[0].CapacityThresholdExhaustion"]
    assert threshold["value"] == "70.0" and threshold["qualifiers"][0]["value"] == "assumedSameCellType"
    assert not any("NominalVoltage" in path for path in data)


def test_stated_values_name_their_source(stated: list[Any]) -> None:
    data = elements(stated, "TechnicalData")
    rated = data["TechnicalPropertyAreas[0].RatedCapacity"]
    assert rated["value"] == "2.0" and "qualifiers" not in rated
    for path, element in data.items():
        if path.startswith("TechnicalPropertyAreas[") and "." in path and "value" in element:
            said = str(element["description"])
            elsewhere = ("room temperature", "the samples: ")  # facts that stand in the data only
            assert "README_05_06_07_18.txt" in said or any(words in said for words in elsewhere), path


def test_a_described_pack_says_all_that_follows() -> None:
    pack = CellDescription(
        cell="Pack_1", source="data sheet", cell_type="Maker 21700", chemistry="NMC", series_count=14, parallel_count=4,
        rated_capacity_Ah=20.0, lowest_cell_voltage_V=3.0, highest_cell_voltage_V=4.2, cut_off_voltage_V=43.4,
    )  # fmt: skip
    objects = shell.build_cell(pack)
    data = elements(objects, "TechnicalData")
    found = {path.rpartition(".")[2]: element.get("value") for path, element in data.items()}
    assert (found["MaxVoltage"], found["MinVoltage"], found["CutOffVoltage"]) == ("58.8", "42.0", "43.4")
    assert (found["SeriesCount"], found["ParallelCount"], found["Chemistry"]) == ("14", "4", "NMC")
    threshold = data["TechnicalPropertyAreas[0].CapacityThresholdExhaustion"]
    assert threshold["value"] == "80.0" and threshold["qualifiers"][0]["value"] == "conventionOfTheField"
    alerts = elements(objects, "Prediction")["RemainingUsefulLifePrediction.ListPreAlerts[0].PreAlertValue"]
    assert "value" not in alerts and alerts["qualifiers"][0]["value"] == prediction.FOLLOWS_LIFE


def test_a_quantity_with_several_values_has_no_single_one() -> None:
    data = elements(shell.build_cell(nasa_cells()["B0038"]), "TechnicalData")
    current = data["TechnicalPropertyAreas[1].DischargeCurrent"]
    assert "value" not in current and current["description"][0]["text"].startswith("1, 2, 4 A")
    assert availability(current) == "severalValuesSeeDescription"


def test_every_record_holds_every_column(stated: list[Any]) -> None:
    found = elements(stated, "OperationalData")
    columns = [column.id_short for column in vocabulary.RECORD_COLUMNS]
    for name in ("Record0001", "Record0003"):
        record = found[f"{operational_data.RECORDS_PATH}.{name}"]
        assert [child["idShort"] for child in record["value"]] == columns
    assert values.to_value(found[f"{operational_data.RECORDS_PATH}.Record0001"])["RestBefore"] is None
    assert values.to_value(found["Segments.InternalSegment.RecordCount"]) == 3
    assert values.to_value(found["LiveState"])["Capacity"] == made_up_records(3)[-1]["Capacity"]


def test_records_refuse_unknown_columns_and_wrong_values() -> None:
    with pytest.raises(ValueError, match="no column Capacitance"):
        operational_data.record_element("Record0001", {"Capacitance": 1.0})
    with pytest.raises(ValueError, match="xs:double"):
        operational_data.record_element("Record0001", {"Capacity": "1,85"})


def test_the_longest_lives_fit(stated: list[Any]) -> None:
    assert operational_data.record_id_short(1) == "Record0001"
    assert operational_data.record_id_short(12345) == "Record12345"


def test_a_prediction_stands_in_the_template_and_exactly(stated: list[Any]) -> None:
    found = elements(stated, "Prediction")
    life = "RemainingUsefulLifePrediction"
    assert values.to_value(found[f"{life}.RemainingUsefulLifetime"])["statements"]["DurationValue"] == 42.3
    assert found[f"{life}.ConfidenceInterval"]["min"] == "35"
    assert values.to_value(found["PredictionDetails"])["RULLower"] == 35.4
    assert values.to_value(found["CapacityTrajectory"])["Cycle"] == [3, 4]
    assert values.to_value(found["SoHThresholds"]) == {"Warning": 80.0, "Critical": 75.0, "EndOfLife": 70.0}
    assert values.to_value(found[f"{life}.ListPreAlerts[1].PreAlertValue"]) == 10.0


def test_without_prediction_nothing_is_claimed(not_stated: list[Any]) -> None:
    found = elements(not_stated, "Prediction")
    assert set(values.to_value(found["PredictionDetails"]).values()) == {None}
    interval = found["RemainingUsefulLifePrediction.ConfidenceInterval"]
    assert values.to_value(interval) == {"min": None, "max": None}
    for path in ("ActiveAlerts", "AlertHistory", "Drivers", "CapacityTrajectory.Cycle"):
        assert "value" not in found[path], path
    used = "RemainingUsefulLifePrediction.ListRULBoundaryConditions[0].IsBoundaryConditionUsedInModel"
    assert values.to_value(found[used]) is False


def test_training_range_becomes_boundary_conditions() -> None:
    conditions = values.to_value(build.to_json(prediction.boundary_conditions({"Rct": (0.05, 0.11, 0.08, 0.02)})))
    assert [row["ConditionName"] for row in conditions] == [*prediction.BOUNDARY_CONDITIONS, "Rct"]
    assert conditions[-1]["BoundaryValueRange"] == {"min": 0.0, "max": 1.0}
    assert conditions[-1]["MeanValue"] == 0.08 and conditions[-1]["BoundaryEngineeringUnit"] == "Ω"


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_declare_their_variables(name: str) -> None:
    json = build.to_json(operation(OPERATIONS[name], "http://delegate.example/", "B0005"))
    inputs = {variable["value"]["idShort"]: variable["value"] for variable in json["inputVariables"]}
    outputs = [variable["value"]["idShort"] for variable in json["outputVariables"]]
    assert outputs[:2] == ["Status", "Message"] and outputs[-1] == "RequestId"
    assert not set(inputs) & set(outputs), "AASd-134"
    assert json["qualifiers"][0]["value"] == f"http://delegate.example/delegation/B0005/{name}"
    for variable in inputs.values():
        assert variable["qualifiers"][0]["value"] in ("One", "ZeroToOne")


def test_only_top_level_operations(small_twin: SmallTwin) -> None:
    """Nested operations break `$value` of BaSyx."""
    for item in package.environment_of(small_twin.objects)["submodels"]:
        for path, element in package.walk(item["submodelElements"]):
            assert element["modelType"] != "Operation" or "." not in path


def test_items_to_fill_hold_every_property() -> None:
    alert = prediction.list_items()["ActiveAlerts"]
    filled = values.with_value(alert, {"AlertId": "B0005-RUL-1", "ThresholdValue": 30.0})
    assert "idShort" not in filled and values.to_value(filled)["AlertId"] == "B0005-RUL-1"
    assert values.to_value(operational_data.record_item())["Capacity"] is None
    assert values.to_value(prediction.list_items()["Drivers"]) == dict.fromkeys(prediction.DRIVER)
    assert values.to_value(prediction.list_items()["SimilarCells"]) == dict.fromkeys(prediction.SIMILAR_CELL)


def test_submodels_and_list_items_have_a_name_that_tools_show(small_twin: SmallTwin) -> None:
    shown = [*prediction.list_items().values(), operational_data.correction_item(), operational_data.rejected_item()]
    for whole in package.environment_of(small_twin.objects)["submodels"]:
        shown.append(whole)
        shown += [element for path, element in package.walk(whole["submodelElements"])
                  if path.endswith("]") and element["modelType"] != "Property"]  # fmt: skip
    assert len(shown) > 30
    for one in shown:
        assert [text["language"] for text in one["displayName"]] == ["en", "fr"], one
    stored = [operational_data.record_item(), operational_data.template("Segments")]
    assert not any("displayName" in one for one in stored), "an idShort is name enough"


def test_client_can_encode_every_declared_input() -> None:
    """Every input of every operation takes a value of its type."""

    examples = {
        "xs:boolean": True,
        "xs:double": 1.5,
        "xs:int": 3,
        "xs:string": "x",
        "xs:dateTime": "2026-05-01T10:00:00",
        "xs:long": 3,
    }
    items = {"Phases": [{"Cycles": 3}], "Alerts": [{"Battery": "x"}]}
    assert AasClient("http://x").base_url == "http://x"
    for definition in OPERATIONS.values():
        for variable in build.to_json(operation(definition, "http://d", "B0005")).get("inputVariables", []):
            element = variable["value"]
            value: Any = (
                items[element["idShort"]]
                if element["modelType"] == "SubmodelElementList"
                else examples[element["valueType"]]
            )
            assert values.to_value(build.argument(element, value)) == value


def declared(variables: list[dict]) -> Iterator[dict]:
    """The elements of operation variables and all below them."""
    for variable in variables:
        yield variable["value"]
        yield from (element for _, element in package.walk_children("", variable["value"]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_variables_tell_a_form_what_to_show(name: str) -> None:
    json = build.to_json(operation(OPERATIONS[name], "http://d", "B0005"))
    for element in declared(json.get("inputVariables") or []):
        if element.get("idShort"):
            texts = {text["language"]: text["text"] for text in element["description"]}
            cardinality = next(item["value"] for item in element["qualifiers"] if item["type"] == "Cardinality")
            assert ("required" if cardinality == "One" else "optional") in texts["en"]
            assert ("obligatoire" if cardinality == "One" else "facultatif") in texts["fr"]
    for element in declared(json["outputVariables"]):
        if element["modelType"] == "SubmodelElementList":
            assert len(element["value"]) == 1, f"{element['idShort']}: a strict server wants an item"


def test_every_semantic_id_has_a_concept_description(small_twin: SmallTwin) -> None:
    environment = package.environment_of(small_twin.objects)
    described = {concept["id"] for concept in environment["conceptDescriptions"]}
    assert package.semantic_ids(environment["submodels"]) - described == set()
    assert set(vocabulary.template_concepts()) <= package.semantic_ids(environment["submodels"]), "used no more"
