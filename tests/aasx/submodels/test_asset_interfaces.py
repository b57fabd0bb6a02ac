"""The description of a cell's live values: written, read, taken by the check of packages, exported and imported."""

from __future__ import annotations

import dataclasses

import pytest

from aasx import shell, vocabulary
from aasx.cell_description import nasa_cells
from aasx.packages import conformance, package
from aasx.submodels import asset_interfaces
from aasx.submodels.asset_interfaces import INTERFACE, QUANTITIES, Feed, Source, element, feed_of

UNITS = {"Voltage_measured": "mV", "Current_measured": "A", "Temperature_measured": "K", "ambient_temperature": "°C",
         "id_cycle": "1"}  # fmt: skip
WHOLE = Feed(
    "mqtt://lab",
    {name: Source("cells/1", f"/values/{name}", UNITS.get(name, "")) for name in QUANTITIES},
    0, "discharge", 90.0, "Bench 3",
)  # fmt: skip


def packed(form: str) -> bytes:
    description = nasa_cells()["B0005"]
    objects = [*vocabulary.concept_descriptions(), *shell.build_cell(description, feed=WHOLE), *shell.build_fleet({})]
    return package.to_bytes(objects, shell.cell_files(description), form)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_it_follows_the_published_template(form: str) -> None:
    result = conformance.check_package(packed(form))
    assert not conformance.has_findings(result), "\n".join(result.to_lines())
    assert any("AssetInterfacesDescription" in line and "IDTA 02017-1-1" in line for line in result.to_lines())


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("EndpointMetadata.base", "holds 0 of InterfaceTemplateForMQTT.EndpointMetadata.base"),
        ("InteractionMetadata.properties.Voltage_measured.forms.href", "holds 0 of InterfaceTemplateForMQTT.Inter"),
        ("title", "holds 0 of InterfaceTemplateForMQTT.title"),
    ],
)
def test_what_the_template_wants_and_lacks_is_found(path: str, told: str) -> None:
    read = package.read(packed("json"))
    submodel = next(one for one in read.submodels() if one["idShort"] == asset_interfaces.ID_SHORT)
    *parents, name = f"{INTERFACE}.{path}".split(".")
    holder = dict(package.walk(submodel["submodelElements"]))[".".join(parents)]
    holder["value"] = [part for part in holder["value"] if part["idShort"] != name]
    assert told in "\n".join(conformance.check_template(submodel).to_lines())


def test_what_is_written_is_read() -> None:
    assert feed_of(element("B0005", WHOLE)) == WHOLE and WHOLE.problems() == []
    plain = Feed("mqtt://lab", {"Voltage_measured": Source("v"), "Current_measured": Source("i")})
    found = feed_of(element("B0005", plain))
    assert found.sources["Voltage_measured"] == Source("v", "", "V") and found.qos == 1 and found.problems() == []


def test_members_of_an_object_as_the_template_nests_them_are_read_by_their_keys() -> None:
    key = {"modelType": "Property", "idShort": "key", "valueType": "xs:string", "value": "u/1"}
    member = {"modelType": "SubmodelElementCollection", "idShort": "Voltage_measured", "value": [key]}
    whole = element("B0005", Feed("mqtt://lab", {"Voltage_measured": Source("cells/1")}))
    properties = next(one for one in whole["value"] if one["idShort"] == "InteractionMetadata")["value"][0]
    properties["value"][0] |= {"idShort": "battery"}
    inner = {"modelType": "SubmodelElementCollection", "idShort": "properties", "value": [member]}
    properties["value"][0]["value"].append(inner)
    assert feed_of(whole).sources["Voltage_measured"] == Source("cells/1", "/u~11", "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"base": ""}, "names no broker"),
        ({"sources": {"Voltage_measured": Source("v")}}, "Current_measured has no topic"),
        ({"sources": {**WHOLE.sources, "Current_measured": Source("cells/#")}}, "no single topic"),
        ({"sources": {**WHOLE.sources, "Current_measured": Source("c", "I")}}, "begins with /"),
        ({"sources": {**WHOLE.sources, "Current_measured": Source("c", "/I", "V")}}, "none of A, mA"),
        ({"sources": {**WHOLE.sources, "Time": Source("time")}}, "must be one of theirs"),
    ],
)
def test_what_cannot_be_read_by_is_told(changes: dict, told: str) -> None:
    assert any(told in str(one) for one in dataclasses.replace(WHOLE, **changes).problems())


@pytest.mark.parametrize(
    "foreign",
    [None, [], {}, {"modelType": "Property", "idShort": "InterfaceMQTT", "valueType": "xs:int", "value": "1"},
     {"modelType": "SubmodelElementCollection", "value": [{"modelType": "Blob", "idShort": "EndpointMetadata"}]},
     {"modelType": "SubmodelElementCollection", "value": [
         {"modelType": "Property", "idShort": "StaleAfter", "valueType": "xs:double", "value": "soon"}]}],
)  # fmt: skip
def test_what_others_wrote_there_is_a_feed_without_use(foreign: object) -> None:
    found = feed_of(foreign)
    assert found.problems() and found.stale_after_s == asset_interfaces.DEFAULT_STALE_AFTER_S
