from __future__ import annotations

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aasx.elements import build, values


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_survive_text(number: float) -> None:
    assert values.from_text(values.to_text(number, "xs:double"), "xs:double") == number


@given(st.integers(-(2**31), 2**31 - 1))
def test_ints_survive_text(number: int) -> None:
    assert values.from_text(values.to_text(number, "xs:int"), "xs:int") == number


@pytest.mark.parametrize(
    ("value", "xs_type"),
    [
        (math.nan, "xs:double"), (math.inf, "xs:double"), (True, "xs:double"), ("1", "xs:double"),
        (1.5, "xs:int"), (2**31, "xs:int"), (True, "xs:int"), (2**63, "xs:long"),
        (1, "xs:boolean"), ("true", "xs:boolean"), (3, "xs:string"),
        ("2025/02/03 12:46:00", "xs:dateTime"), ("2025-02-03", "xs:dateTime"), ("abcTdef", "xs:dateTime"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(value, xs_type: str) -> None:
    with pytest.raises(ValueError):
        values.to_text(value, xs_type)


def test_values_of_every_type() -> None:
    assert values.to_text(True, "xs:boolean") == "true"
    assert values.from_text("0", "xs:boolean") is False
    assert values.to_text(3.0, "xs:int") == "3"
    utc = datetime.datetime(2026, 5, 1, 10, tzinfo=datetime.UTC)
    assert values.to_text(utc, "xs:dateTime") == "2026-05-01T10:00:00Z"
    assert values.to_text(None, "xs:double") is None
    with pytest.raises(ValueError, match="xs:boolean"):
        values.from_text("True", "xs:boolean")


def collection() -> dict:
    return build.collection_element(
        "Details", [build.property_element("RUL", 4.0, "xs:double"), build.property_element("Note", "x", "xs:string")]
    )


def test_with_value_keeps_what_is_not_named() -> None:
    old = collection()
    new = values.with_value(old, {"RUL": None})
    assert values.to_value(new) == {"RUL": None, "Note": "x"}
    assert "value" not in new["value"][0]
    assert values.to_value(old) == {"RUL": 4.0, "Note": "x"}, "the given element must stay as it was"


def test_with_value_refuses_unknown_names_and_wrong_values() -> None:
    with pytest.raises(values.MissingElement, match="Rul"):
        values.with_value(collection(), {"Rul": 1.0})
    with pytest.raises(ValueError, match="xs:double"):
        values.with_value(collection(), {"RUL": "soon"})


def test_lists_are_filled_from_their_first_item() -> None:
    item = build.property_element("x", 1, "xs:int", "https://example.org/cycle")
    numbers = build.list_element("Cycle", [item], "Property", "xs:int")
    filled = values.with_value(numbers, [3, 4, 5])
    assert values.to_value(filled) == [3, 4, 5]
    assert all("idShort" not in child and child["semanticId"] for child in filled["value"])
    assert "value" not in values.with_value(numbers, [])


def test_range_is_rounded_outward_and_open_ends_come_back_as_none() -> None:
    element = {"modelType": "Range", "idShort": "I", "valueType": "xs:double"}
    assert values.to_value(values.with_value(element, {"min": 35.4, "max": 49.6})) == {"min": 35.0, "max": 50.0}
    assert values.with_value(element, {"min": -1.5, "max": 2})["min"] == "-2"
    half_open = values.with_value(element, {"min": 3, "max": None})
    assert half_open["max"] == "2147483647"
    assert values.to_value(half_open) == {"min": 3.0, "max": None}


def test_other_elements() -> None:
    texts = {"modelType": "MultiLanguageProperty", "idShort": "N", "value": [{"language": "en", "text": "a"}]}
    assert values.to_value(texts) == {"en": "a"}
    assert values.to_value(values.with_value(texts, {"fr": "b", "en": "c"})) == {"en": "c", "fr": "b"}
    entity = {
        "modelType": "Entity",
        "idShort": "E",
        "entityType": "CoManagedEntity",
        "statements": collection()["value"],
    }
    assert values.to_value(values.with_value(entity, {"RUL": 7}))["statements"]["RUL"] == 7.0
    file = {"modelType": "File", "idShort": "F", "contentType": "text/csv", "value": "/a.csv"}
    assert values.to_value(file) == {"contentType": "text/csv", "value": "/a.csv"}
    with pytest.raises(ValueError, match="File F cannot be filled"):
        values.with_value(file, "x")


def test_items_of_a_list_of_collections_come_from_where_they_are_declared() -> None:
    alerts = build.list_element("Alerts", [], "SubmodelElementCollection")
    with pytest.raises(values.MissingElement, match="items of Alerts"):
        values.with_value(alerts, [{"RUL": 3.0}])
    submodel = {"submodelElements": [alerts, build.property_element("Other", 1, "xs:int")]}
    item = {key: part for key, part in collection().items() if key != "idShort"}
    new = values.with_values(submodel, {"Alerts": [{"RUL": 3.0}, {"Note": "y"}]}, {"Alerts": item})
    assert values.submodel_to_value(new) == {
        "Alerts": [{"RUL": 3.0, "Note": "x"}, {"RUL": 4.0, "Note": "y"}],
        "Other": 1,
    }
    assert "value" not in values.with_value(values.child(new, "Alerts"), [])
    with pytest.raises(values.MissingElement, match="Gone"):
        values.child(new, "Gone")


@pytest.mark.parametrize(
    ("text", "xs_type"),
    [("1_000", "xs:int"), ("٣", "xs:int"), ("1_0.5", "xs:double"), ("infinity", "xs:double"), ("1,5", "xs:double")],
)
def test_what_python_would_read_but_xml_schema_does_not_is_refused(text: str, xs_type: str) -> None:
    with pytest.raises(ValueError, match=xs_type):
        values.from_text(text, xs_type)


def test_a_reference_element_is_filled_by_the_id_of_a_submodel() -> None:
    element = {"modelType": "ReferenceElement", "idShort": "Model", "value": None}
    keys = values.with_value(element, "https://example.org/sm")["value"]["keys"]
    assert keys == [{"type": "Submodel", "value": "https://example.org/sm"}]


def _number(name: str, value: int) -> dict:
    return build.property_element(name, value, "xs:int")


def test_changes_are_what_is_new_and_nothing_else() -> None:
    before = [build.collection_element("C", [_number("A", 1), _number("B", 2)]), _number("D", 4)]
    inner = build.collection_element("C", [_number("A", 1), _number("B", 3), _number("E", 5)])
    after = [inner, _number("D", 4), _number("F", 6)]
    assert values.changes(before, before) == []
    assert values.changes(before, after) == [
        build.collection_element("C", [_number("B", 3), _number("E", 5)]), _number("F", 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "after",
    [
        [_number("A", 1)],
        [_number("B", 2), _number("A", 1)],
        [_number("A", 1), _number("C", 3), _number("B", 2)],
        [_number("A", 1), build.collection_element("B", [])],
        [_number("A", 1), build.collection_element("B", [_number("C", 3)]) | {"description": []}],
    ],
)
def test_what_has_gone_or_moved_is_no_change_of_parts(after: list[dict]) -> None:
    before = [_number("A", 1), build.collection_element("B", [_number("C", 3)])]
    assert values.changes(before, after) is None
