"""Packages conform, for every cell and in both forms; and the check finds what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from aas_test_engines.result import AasTestResult

from aasx import shell, vocabulary
from aasx.cell_description import CellDescription, nasa_cells
from aasx.packages import conformance, package
from tests.aasx.conftest import CARD, PREDICTION, TRAINING_RANGE, SmallTwin, made_up_records

pytestmark = pytest.mark.lasting


def checked(cells: Iterable[CellDescription], form: str) -> AasTestResult:
    objects: list[Any] = [*vocabulary.concept_descriptions(), *shell.build_model(CARD)]
    files: dict[str, bytes] = {}
    for description in cells:
        objects += shell.build_cell(description, made_up_records(2), PREDICTION, None, "http://d", TRAINING_RANGE)
        files |= shell.cell_files(description)
    objects += shell.build_fleet({cell: {} for cell in nasa_cells()})
    return conformance.check_package(package.to_bytes(objects, files, form))


def test_every_cell_of_the_data_set_conforms() -> None:
    result = checked(nasa_cells().values(), "json")
    assert not conformance.has_findings(result), "\n".join(result.to_lines())


def test_a_cell_of_every_group_conforms_as_xml() -> None:
    """The cells of a group differ in their stop voltage only."""
    of_group = {description.source: description for description in nasa_cells().values()}
    assert len(of_group) == 9
    result = checked(of_group.values(), "xml")
    assert not conformance.has_findings(result), "\n".join(result.to_lines())


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_small_twin_conforms(small_twin: SmallTwin, form: str) -> None:
    result = conformance.check_package(small_twin.package(form))
    assert not conformance.has_findings(result), "\n".join(result.to_lines())


def test_every_deviation_that_is_listed_occurs(small_twin: SmallTwin) -> None:
    read = package.read(small_twin.package())
    tree = "\n".join(conformance.check_templates(read.submodels()).to_lines())
    for (_, path, property_), reason in conformance.deviations().items():
        assert f"deviates in {property_} of {path}: {reason}" in tree


def test_the_tables_fit_together() -> None:
    paths = {(fact.template, fact.path) for fact in conformance.facts()}
    assert len(paths) == len(conformance.facts())
    for template, path, _ in conformance.deviations():
        assert (template, path) in paths
    for fact in conformance.facts():
        assert fact.cardinality in conformance.AT_LEAST
        assert not fact.parent or (fact.template, fact.parent) in paths, fact.path


def element(environment: package.Environment, submodel: str, path: str) -> dict:
    holder = next(item for item in environment["submodels"] if item["id"].endswith(submodel))
    return dict(package.walk(holder["submodelElements"]))[path]


def without(holder: dict, name: str) -> None:
    holder["value"] = [child for child in holder["value"] if child.get("idShort") != name]


LIFE = "RemainingUsefulLifePrediction"
MUTATIONS: dict[str, tuple[Callable[[package.Environment], Any], str]] = {
    "mandatory element missing": (
        lambda e: without(element(e, "B0005/Prediction", LIFE), "ConfidenceInterval"),
        f"holds 0 of {LIFE}.ConfidenceInterval, the template wants One",
    ),
    "mandatory element of an entity missing": (
        lambda e: element(e, "B0005/Prediction", f"{LIFE}.RemainingUsefulLifetime")["statements"].pop(0),
        "holds 0 of RemainingUsefulLifePrediction.RemainingUsefulLifetime.IndicationType",
    ),
    "mandatory part of a list's item missing": (
        lambda e: without(element(e, "B0005/Prediction", f"{LIFE}.ListPreAlerts[1]"), "PreAlertValue"),
        "ListPreAlerts.1 holds 0 of RemainingUsefulLifePrediction.ListPreAlerts[].PreAlertValue",
    ),
    "element twice": (
        lambda e: element(e, "B0005/TechnicalData", "GeneralInformation")["value"].append(
            element(e, "B0005/TechnicalData", "GeneralInformation.ManufacturerName") | {"idShort": "Other"}
        ),
        "holds 2 of GeneralInformation.ManufacturerName",
    ),
    "wrong semanticId": (
        lambda e: element(e, "B0005/Nameplate", "ManufacturerName")["semanticId"]["keys"][0].update(value="x"),
        "Nameplate.ManufacturerName: semantic_id is x",
    ),
    "wrong kind of element": (
        lambda e: element(e, "B0005/TechnicalData", "GeneralInformation.ManufacturerProductDesignation").update(
            modelType="Property", valueType="xs:string", value="x"
        ),
        "element is Property, the template's is MultiLanguageProperty",
    ),
    "wrong value type": (
        lambda e: element(e, "B0005/Nameplate", "URIOfTheProduct").update(valueType="xs:string"),
        "value_type is xs:string, the template's is xs:anyURI",
    ),
    "wrong idShort": (
        lambda e: element(e, "B0005/Prediction", f"{LIFE}.RemainingUsfulLifeDateTime").update(idShort="Spelt"),
        "id_short is Spelt, the template's is RemainingUsfulLifeDateTime",
    ),
    "value that does not fit": (
        lambda e: element(e, "B0005/Prediction", "PredictionDetails.RUL").update(value="soon"),
        "soon",
    ),
    "empty list": (lambda e: element(e, "B0005/Prediction", "ActiveAlerts").update(value=[]), "mpty list"),
    "reference to nothing": (
        lambda e: e["submodels"].pop(next(i for i, s in enumerate(e["submodels"]) if "sm/model" in s["id"])),
        "AIModelNameplate, which is not there",
    ),
    "reference to an element that is not there": (
        lambda e: element(e, "B0005/Prediction", f"{LIFE}.PredictionModelInformation.SMAIModelNamePlate")["value"][
            "keys"
        ].append({"type": "Property", "value": "Nothing"}),
        "/ Nothing, which is not there",
    ),
    "submodel of no shell": (
        lambda e: e["assetAdministrationShells"].pop(0),
        "belongs to no shell",
    ),
    "concept without description": (
        lambda e: e["conceptDescriptions"].remove(
            next(concept for concept in e["conceptDescriptions"] if "/cd/Capacity/" in concept["id"])
        ),
        "has no concept description",
    ),
    "concept without French name": (
        lambda e: e["conceptDescriptions"][0]["embeddedDataSpecifications"][0]["dataSpecificationContent"][
            "preferredName"
        ].pop(1),
        "lacks a preferredName in fr",
    ),
    "file without its part": (
        lambda e: element(e, "B0005/Nameplate", "AssetSpecificProperties.DataSheet").update(value="/aasx/files/no.md"),
        "the package lacks /aasx/files/no.md",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_wrong_is_found(small_twin: SmallTwin, name: str) -> None:
    mutate, expected = MUTATIONS[name]
    environment = copy.deepcopy(package.environment_of(small_twin.objects))
    mutate(environment)
    items = [item for collection in environment.values() for item in collection]
    result = conformance.check_package(package.to_bytes(items, small_twin.files))
    tree = "\n".join(result.to_lines())
    assert conformance.has_findings(result) and not result.ok(), tree
    assert expected in tree, tree


def test_what_is_no_package_is_a_finding() -> None:
    result = conformance.check_package(b"no zip", "x.aasx")
    assert conformance.has_findings(result) and "not an AASX package" in "\n".join(result.to_lines())
