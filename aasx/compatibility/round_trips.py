"""Checks that what is written comes back: every kind of value and element, the twin's own submodels, a long history."""

from __future__ import annotations

import json
from collections.abc import Callable

from aasx import shell
from aasx.cell_description import CellDescription
from aasx.client import AasError
from aasx.compatibility.comparison import compare
from aasx.compatibility.report import Differs, Missing
from aasx.compatibility.scratch import Scratch, collection, encoded, prop
from aasx.elements import build, values
from aasx.packages.package import environment_of
from aasx.vocabulary import concept_descriptions

SEMANTIC_ID = "https://battery-twin.example/ids/cd/Check/1/0"
MANY_RECORDS, COLUMNS = 1000, 12
TEXT = "Zelle „7“\n<&>\t\\ é 電 🔋"


def comes_back(children: list[dict]) -> Callable[[Scratch], None]:
    def run_it(scratch: Scratch) -> None:
        identifier = f"{scratch.base}:{len(scratch.submodels)}"
        scratch.submodels.append(identifier)
        submodel = {"modelType": "Submodel", "id": identifier, "idShort": "Check", "submodelElements": children}
        scratch.client.put_submodel(json.loads(json.dumps(submodel).replace("{submodel}", identifier)))
        compare(json.loads(json.dumps(submodel).replace("{submodel}", identifier)), scratch.client.submodel(identifier))

    return run_it


TEXTS = [prop("Text", TEXT), prop("Long", "x" * 20_000), prop("type", "discharge"), prop("Empty", None)]
NUMBERS = [
    prop("Small", "1.5E-07", "xs:double"), prop("Exact", "0.1", "xs:double"), prop("Zero", "0.0", "xs:double"),
    prop("Int", "-7", "xs:int"), prop("Long", "9007199254740993", "xs:long"), prop("Boolean", "true", "xs:boolean"),
    prop("Empty", None, "xs:double"),
]  # fmt: skip
DATES = [
    prop("Utc", "2026-01-31T10:00:00Z", "xs:dateTime"), prop("Local", "2008-04-02T15:25:41", "xs:dateTime"),
    prop("Zone", "2026-01-31T10:00:00+02:00", "xs:dateTime"),
    prop("Fraction", "2026-01-31T10:00:00.123456Z", "xs:dateTime"), prop("Empty", None, "xs:dateTime"),
]  # fmt: skip
INFINITE = [prop("High", "INF", "xs:double"), prop("Low", "-INF", "xs:double")]
RANGES = [{"modelType": "Range", "idShort": "Range", "valueType": "xs:double", "min": "35", "max": "50"}]
STRUCTURES: list[dict] = [
    {
        "modelType": "MultiLanguageProperty", "idShort": "Names",
        "displayName": [{"language": "en", "text": "Names"}, {"language": "fr", "text": "Noms"}],
        "description": [{"language": "en", "text": TEXT}],
        "semanticId": build.external_reference("0173-1#02-AAO677#004"),
        "supplementalSemanticIds": [build.external_reference("0112/2///61987#ABA565#009")],
        "value": [{"language": "en", "text": "cell"}, {"language": "fr", "text": "cellule"}],
    },
    {
        "modelType": "Entity", "idShort": "Entity", "entityType": "CoManagedEntity",
        "statements": [prop("DurationValue", "42.5", "xs:double"), collection("Parts", [prop("Name", "a")])],
    },
    build.list_element("Numbers", [prop(None, str(one), "xs:double") for one in (3.5, 1.5, 2.5)], "Property",
                       "xs:double", orderRelevant=True, semanticIdListElement=build.external_reference(SEMANTIC_ID)),
    build.list_element("Alerts", [collection(None, [prop("AlertId", str(one))]) for one in range(3)],
                       "SubmodelElementCollection", orderRelevant=False),
    build.list_element("NoItems", [], "SubmodelElementCollection"),
    {"modelType": "ReferenceElement", "idShort": "Model", "value": values.model_reference(
        "{submodel}", ("SubmodelElementList", "Alerts"), ("SubmodelElementCollection", "0"))},
    prop("Marked", None)
    | {"qualifiers": [{"type": "Origin", "kind": "ConceptQualifier", "valueType": "xs:string", "value": "stated"}]},
]  # fmt: skip


def twins_own(scratch: Scratch) -> None:
    """A cell as the twin makes it, under ids of its own."""
    description = CellDescription(cell="CheckCell", source="check", rated_capacity_Ah=2.0)
    records = [{"id_cycle": 1, "type": "discharge", "Time": "2008-04-02T15:25:41", "Capacity": 1.86}]
    objects = json.dumps(environment_of(shell.build_cell(description, records)))
    refused: list[str] = []
    changed: list[Exception] = []
    for submodel in json.loads(objects)["submodels"]:
        text = json.dumps(submodel).replace(submodel["id"], f"{scratch.base}:{submodel['idShort']}")
        written = build.without_empty_arrays(json.loads(text))
        scratch.submodels.append(written["id"])
        try:
            scratch.client.put_submodel(written)
            compare(written, scratch.client.submodel(written["id"]))
        except (Differs, Missing) as error:
            changed.append(type(error)(f"{written['idShort']}: {error}"))
        except AasError as error:
            refused.append(f"{written['idShort']}: {error}")
    if refused:
        raise Missing("; ".join(refused))
    for kind in (Missing, Differs):
        for one in changed:
            if isinstance(one, kind):
                raise one


def large(scratch: Scratch) -> None:
    """A history of a thousand cycles in one body, some 1 MB."""
    identifier = f"{scratch.base}:large"
    scratch.submodels.append(identifier)
    rows = [
        collection(f"Record{number:04}", [prop(f"Column{column}", repr(number / 7 + column), "xs:double")
                                           for column in range(COLUMNS)])
        for number in range(1, MANY_RECORDS + 1)
    ]  # fmt: skip
    submodel = {"modelType": "Submodel", "id": identifier, "idShort": "Check",
                "submodelElements": [collection("Records", rows)]}  # fmt: skip
    scratch.client.put_submodel(submodel)
    compare(submodel, scratch.client.submodel(identifier))
    scratch.client.append_element(identifier, "Records", collection("Record9999", [prop("Column0", "1", "xs:double")]))


def concepts(scratch: Scratch) -> None:
    concept = build.to_json(concept_descriptions()[0]) | {"id": f"{scratch.base}:cd"}
    scratch.concepts.append(concept["id"])
    scratch.client.put_concept_description(concept)
    scratch.client.put_concept_description(concept)
    compare(concept, scratch.answer("GET", f"/concept-descriptions/{encoded(concept['id'])}"))
