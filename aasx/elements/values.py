"""AAS values <-> Python values.

The JSON of the AAS writes every value as text beside its XML Schema type (`"valueType": "xs:double", "value": "1.5"`).
Python sees int, float, bool, str or None; date and time stay text (ISO 8601) as the AAS holds them.

`to_value` reads any element, `filled` gives a copy of an element with new values, `property_element` and its sisters
make new elements, `to_json` turns an object of the basyx-python-sdk into the JSON of packages and of the REST API.
"""

import copy
import datetime
import json
import math
from typing import Any

from basyx.aas.adapter.json import AASToJsonEncoder

# XML Schema Part 2: bounds of the integer types used here.
INTEGER_BOUNDS = {"xs:int": 2**31, "xs:long": 2**63}
NUMBERS = (int, float)


def from_text(text: str | None, xs_type: str) -> Any:
    """The Python value of a lexical `text`. Raises ValueError when the text does not belong to the type."""
    if text is None:
        return None
    if xs_type in INTEGER_BOUNDS or xs_type in ("xs:integer", "xs:short", "xs:unsignedInt", "xs:nonNegativeInteger"):
        return int(text)
    if xs_type in ("xs:double", "xs:float", "xs:decimal"):
        return float(text)
    if xs_type == "xs:boolean":
        if text not in ("true", "false", "1", "0"):
            raise ValueError(f"{text!r} is not an xs:boolean")
        return text in ("true", "1")
    return text


def to_text(value: Any, xs_type: str) -> str | None:
    """The lexical text of a Python value. Raises ValueError when the value does not fit the type.

    Python bool fits only xs:boolean; NaN and infinities are refused: "not known" is None.
    """
    if value is None:
        return None
    if xs_type in INTEGER_BOUNDS:
        if isinstance(value, bool) or not isinstance(value, NUMBERS) or value != int(value):
            raise ValueError(f"{value!r} is not an {xs_type}")
        bound = INTEGER_BOUNDS[xs_type]
        if not -bound <= value < bound:
            raise ValueError(f"{value!r} is outside {xs_type}")
        return str(int(value))
    if xs_type == "xs:double":
        if isinstance(value, bool) or not isinstance(value, NUMBERS) or not math.isfinite(value):
            raise ValueError(f"{value!r} is not a finite xs:double")
        return repr(float(value)).replace("e", "E")
    if xs_type == "xs:boolean":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not an xs:boolean")
        return "true" if value else "false"
    if xs_type == "xs:dateTime":
        return _date_time_text(value)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not an {xs_type}")
    return value


def _date_time_text(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and "T" in value:
        datetime.datetime.fromisoformat(value)  # raises ValueError
        return value
    raise ValueError(f"{value!r} is not an xs:dateTime")


def to_value(element: dict) -> Any:
    """Python value of an element's JSON, shaped as the value-only form of IDTA-01001 (`$value`), but typed.

    Property -> value; SubmodelElementCollection -> dict; SubmodelElementList -> list; MultiLanguageProperty ->
    {language: text}; Range -> {"min", "max"}, None for an open end; Entity -> {"entityType", "statements": dict};
    ReferenceElement -> the reference's JSON or None; File -> {"contentType", "value"}; Operation and others -> None.
    """
    kind = element.get("modelType")
    if kind == "Property":
        return from_text(element.get("value"), element["valueType"])
    if kind == "SubmodelElementCollection":
        return {child["idShort"]: to_value(child) for child in element.get("value") or []}
    if kind == "SubmodelElementList":
        return [to_value(child) for child in element.get("value") or []]
    if kind == "MultiLanguageProperty":
        return {text["language"]: text["text"] for text in element.get("value") or []}
    if kind == "Range":
        ends = {"min": OPEN_LOW, "max": OPEN_HIGH}
        return {
            end: None if element.get(end) in (None, unknown) else from_text(element[end], element["valueType"])
            for end, unknown in ends.items()
        }
    if kind == "Entity":
        statements = {child["idShort"]: to_value(child) for child in element.get("statements") or []}
        return {"entityType": element["entityType"], "statements": statements}
    if kind == "ReferenceElement":
        return element.get("value")
    if kind in ("File", "Blob"):
        return {"contentType": element.get("contentType"), "value": element.get("value")}
    return None


def submodel_to_value(submodel: dict) -> dict[str, Any]:
    """Values of a whole submodel's JSON by idShort; Operations are left out, as `$value` does."""
    return {
        element["idShort"]: to_value(element)
        for element in submodel.get("submodelElements") or []
        if element.get("modelType") != "Operation"
    }


def filled(element: dict, value: Any) -> dict:
    """A copy of an element's JSON that holds `value`, everything else (semanticId, descriptions) kept.

    Property: a Python value, None empties it. Collection and Entity: dict with some or all idShorts, others are kept.
    List: a list of values, each filled into a copy of the first present item (an empty list needs list_element).
    Range: {"min", "max"}, rounded outward to whole numbers (see range_bounds). MultiLanguageProperty: {language: text}.
    Raises KeyError for an unknown idShort, ValueError for a value that does not fit.
    """
    result = {key: part for key, part in element.items() if key not in ("value", "min", "max", "statements")}
    result = copy.deepcopy(result)
    kind = element["modelType"]
    if kind == "Property":
        text = to_text(value, element["valueType"])
        return result if text is None else result | {"value": text}
    if kind in ("SubmodelElementCollection", "Entity"):
        members = "value" if kind == "SubmodelElementCollection" else "statements"
        children = {child["idShort"]: child for child in element.get(members) or []}
        for name in value:
            children[name] = filled(children[name], value[name])
        return result | ({members: list(children.values())} if children else {})
    if kind == "SubmodelElementList":
        if not value:
            return result
        if not element.get("value"):
            raise ValueError(f"{element.get('idShort')} is empty: make its items with list_element")
        return result | {"value": [filled(element["value"][0], item) for item in value]}
    if kind == "Range":
        low, high = range_bounds(value["min"], value["max"])
        return result | {"min": low, "max": high}
    if kind == "MultiLanguageProperty":
        return result | {"value": [{"language": lang, "text": text} for lang, text in sorted(value.items())]}
    raise ValueError(f"{kind} {element.get('idShort')} cannot be filled")


# An end of a Range that is not known: the smallest and largest xs:int, see range_bounds.
OPEN_LOW, OPEN_HIGH = "-2147483648", "2147483647"


def range_bounds(low: float | None, high: float | None) -> tuple[str, str]:
    """Texts for a Range, rounded outward to whole numbers; an open end (None) is OPEN_LOW or OPEN_HIGH.

    BaSyx 2.0.0-milestone-05 reads both bounds of a Range as int: with any other number, or none, it answers 400 to
    `$value` of the Range and of all that holds it. Exact bounds belong into Properties beside the Range.
    """
    return (
        OPEN_LOW if low is None else str(math.floor(low)),
        OPEN_HIGH if high is None else str(math.ceil(high)),
    )


def property_element(id_short: str | None, value: Any, xs_type: str, semantic_id: str | None = None) -> dict:
    """JSON of a Property; without `value` when the value is None. Raises ValueError when it does not fit the type."""
    element: dict[str, Any] = {"modelType": "Property", "valueType": xs_type}
    if id_short is not None:
        element["idShort"] = id_short
    if semantic_id is not None:
        element["semanticId"] = external_reference(semantic_id)
    text = to_text(value, xs_type)
    if text is not None:
        element["value"] = text
    return element


def collection_element(id_short: str | None, children: list[dict], semantic_id: str | None = None) -> dict:
    """JSON of a SubmodelElementCollection; `id_short` None for an item of a list (AASd-120)."""
    element: dict[str, Any] = {"modelType": "SubmodelElementCollection"}
    if id_short is not None:
        element["idShort"] = id_short
    if semantic_id is not None:
        element["semanticId"] = external_reference(semantic_id)
    if children:
        element["value"] = children
    return element


def list_element(
    id_short: str, items: list[dict], item_type: str, item_xs_type: str | None = None, **more: Any
) -> dict:
    """JSON of a SubmodelElementList of `item_type` (a modelType; for Property with its XML Schema type).

    The items lose their idShort (AASd-120); an empty list has no `value` (an empty array is not allowed).
    """
    element: dict[str, Any] = {
        "modelType": "SubmodelElementList",
        "idShort": id_short,
        "typeValueListElement": item_type,
        **({"valueTypeListElement": item_xs_type} if item_xs_type else {}),
        **more,
    }
    if items:
        element["value"] = [
            {key: part for key, part in item.items() if key != "idShort"} if "idShort" in item else item
            for item in items
        ]
    return element


def external_reference(value: str) -> dict:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def to_json(sdk_object: Any) -> dict:
    """JSON (as dict) of an object of the basyx-python-sdk, with one spelling for each value.

    Empty arrays are left out (the metamodel forbids them), UTC is written Z, bounds of a Range are whole numbers.
    """
    return _normal(json.loads(json.dumps(sdk_object, cls=AASToJsonEncoder)))


def _normal(part: Any) -> Any:
    if isinstance(part, list):
        return [_normal(value) for value in part]
    if not isinstance(part, dict):
        return part
    result = {key: _normal(value) for key, value in part.items() if value != []}
    if result.get("valueType") == "xs:dateTime" and "value" in result:
        result["value"] = result["value"].replace("+00:00", "Z")
    if result.get("modelType") == "Range" and result["valueType"] == "xs:double":
        result["min"], result["max"] = range_bounds(float(result["min"]), float(result["max"]))
    return result


def without_empty_arrays(part: Any) -> Any:
    """JSON of the AAS without its empty arrays, which the metamodel forbids."""
    if isinstance(part, dict):
        return {key: without_empty_arrays(value) for key, value in part.items() if value != []}
    if isinstance(part, list):
        return [without_empty_arrays(value) for value in part]
    return part
