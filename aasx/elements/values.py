"""AAS values <-> Python values.

The JSON of the AAS writes every value as text beside its XML Schema type (`"valueType": "xs:double", "value": "1.5"`).
Python sees int, float, bool, str or None; date and time stay text (ISO 8601) as the AAS holds them.

`from_text` and `to_text` take one value; `to_value` reads an element and `with_value` gives a copy of it with another
value, semanticIds, descriptions and all the rest as they were. Elements are made in `aasx.elements.build`.
"""

import datetime
import math
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# XML Schema Part 2: bounds of the integer types used here.
INTEGER_BOUNDS = {"xs:int": 2**31, "xs:long": 2**63}
INTEGER_TYPES = ("xs:int", "xs:integer", "xs:long", "xs:short", "xs:byte", "xs:unsignedInt", "xs:nonNegativeInteger")
DOUBLE_TYPES = ("xs:double", "xs:float", "xs:decimal")
NUMBERS = (int, float)
INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?INF|[+-]?Infinity|NaN")


class MissingElement(LookupError):
    """An element that the AAS is expected to hold is not there; `id_shorts` names it."""

    def __init__(self, *id_shorts: str) -> None:
        self.id_shorts = id_shorts
        super().__init__(f"there is no element {', '.join(id_shorts)}")


def from_text(text: str | None, xs_type: str) -> Any:
    """The Python value of a lexical `text` (XML Schema Part 2, blanks around it collapsed), None for None.

    Some servers give an empty Property as "", INF as Infinity and UTC as +00:00: these are None, infinity and Z.
    Raises ValueError when the text does not belong to the type.
    """
    if text is None or text == "":
        return None
    if xs_type in INTEGER_TYPES:
        if not INTEGER.fullmatch(text.strip()):
            raise ValueError(f"{text!r} is not an {xs_type}")
        bound = INTEGER_BOUNDS.get(xs_type, 2**63)
        if not -bound <= int(text) < bound:
            raise ValueError(f"{text!r} is outside {xs_type}")
        return int(text)
    if xs_type in DOUBLE_TYPES:
        if not DOUBLE.fullmatch(text.strip()):
            raise ValueError(f"{text!r} is not an {xs_type}")
        return float(text)
    if xs_type == "xs:boolean":
        if text.strip() not in ("true", "false", "1", "0"):
            raise ValueError(f"{text!r} is not an xs:boolean")
        return text.strip() in ("true", "1")
    if xs_type == "xs:dateTime":
        return _date_time_text(text).replace("+00:00", "Z")
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
    What does not belong to its type is None; where that has to be told, or where certain elements are needed, content
    is read by aasx.elements.shape.
    """
    kind = element.get("modelType")
    if kind == "Property":
        return _or_none(element.get("value"), element.get("valueType"))
    if kind == "SubmodelElementCollection":
        return {child["idShort"]: to_value(child) for child in _children(element, "value") if "idShort" in child}
    if kind == "SubmodelElementList":
        return [to_value(child) for child in _children(element, "value")]
    if kind == "MultiLanguageProperty":
        return {text["language"]: text.get("text") for text in _children(element, "value") if "language" in text}
    if kind == "Range":
        ends = {"min": OPEN_LOW, "max": OPEN_HIGH}
        return {
            end: None if element.get(end) == unknown else _or_none(element.get(end), element.get("valueType"))
            for end, unknown in ends.items()
        }
    if kind == "Entity":
        children = _children(element, "statements")
        statements = {child["idShort"]: to_value(child) for child in children if "idShort" in child}
        return {"entityType": element.get("entityType"), "statements": statements}
    if kind == "ReferenceElement":
        return element.get("value")
    if kind in ("File", "Blob"):
        return {"contentType": element.get("contentType"), "value": element.get("value")}
    return None


def _or_none(text: Any, xs_type: Any) -> Any:
    try:
        return from_text(text, xs_type)
    except (ValueError, TypeError, AttributeError):
        return None


def _children(element: dict, name: str) -> list[dict]:
    children = element.get(name)
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def submodel_to_value(submodel: dict) -> dict[str, Any]:
    """Values of a whole submodel's JSON by idShort; Operations are left out, as `$value` does."""
    return {
        element["idShort"]: to_value(element)
        for element in submodel.get("submodelElements") or []
        if element.get("modelType") != "Operation"
    }


def variables_to_value(variables: list[Json]) -> dict[str, Any]:
    """Values of operation variables (`[{"value": element}, …]`) by idShort."""
    return {variable["value"]["idShort"]: to_value(variable["value"]) for variable in variables}


def child(parent: Json, id_short: str) -> Json:
    """The element of that idShort in a submodel, collection or entity; raises MissingElement."""
    for name in ("submodelElements", "value", "statements"):
        for element in parent.get(name) or []:
            if element.get("idShort") == id_short:
                return element
    raise MissingElement(id_short)


def with_values(submodel: Json, new: Mapping[str, Any], items: Mapping[str, Json] | None = None) -> Json:
    """The submodel with new values in some of its elements, by idShort; others stay. See `with_value`."""
    return submodel | {"submodelElements": _replaced(submodel.get("submodelElements"), new, items or {})}


def with_value(element: Json, value: Any, items: Mapping[str, Json] | None = None) -> Json:
    """The element with a new value, shaped as `to_value` gives it; None empties it.

    Property: a Python value. Collection and Entity: dict with some or all idShorts, others are kept. List: all its
    values, each filled into a copy of its entry in `items` (list's idShort -> item without values), or of the first
    present item, or for Properties into one of the declared type. Range: {"min", "max"}, rounded outward to whole
    numbers (see range_bounds). MultiLanguageProperty: {language: text}. ReferenceElement: id of a submodel.
    Raises MissingElement for an idShort that is not there, ValueError for a value that does not fit.
    """
    bare = {key: part for key, part in element.items() if key not in ("value", "min", "max")}
    match element["modelType"]:
        case "Property":
            text = to_text(value, element["valueType"])
            return bare if text is None else bare | {"value": text}
        case "SubmodelElementCollection" | "Entity" as kind:
            members = "value" if kind == "SubmodelElementCollection" else "statements"
            children = _replaced(element.get(members), value, items or {})
            return element | {members: children} if children else element
        case "SubmodelElementList":
            item = _list_item(element, items or {}) if value else {}
            if item.get("modelType") == "Property":  # as below, without looking at the item for each anew
                bare, kind = {key: part for key, part in item.items() if key != "value"}, item["valueType"]
                texts = (to_text(part, kind) for part in value)
                return with_items(element, [bare if text is None else {**bare, "value": text} for text in texts])
            return with_items(element, [with_value(item, part, items) for part in value or []])
        case "Range":
            low, high = range_bounds(value["min"], value["max"])
            return bare | {"min": low, "max": high}
        case "MultiLanguageProperty":
            return bare | {"value": [{"language": lang, "text": text} for lang, text in sorted(value.items())]}
        case "ReferenceElement":
            return bare | {"value": model_reference(value)}
        case kind:
            raise ValueError(f"{kind} {element.get('idShort')} cannot be filled")


def changes(before: list[Json], after: list[Json]) -> list[Json] | None:
    """The elements that make `after` of `before` when they come into it as with AasClient.patch_submodel: collections
    with what is new in them, the others as they are in `after`. None where something has gone or changed its place."""
    known = {one.get("idShort"): one for one in before}
    if [*known] != [one.get("idShort") for one in after[: len(before)]]:
        return None
    found = []
    for element in after:
        old = known.get(element.get("idShort"))
        if element == old:
            continue
        if old is not None and old["modelType"] == element["modelType"] == "SubmodelElementCollection":
            inner = changes(old.get("value") or [], element.get("value") or [])
            if inner is None or {**old, "value": None} != {**element, "value": None}:
                return None
            element = {**element, "value": inner}
        found.append(element)
    return found


def with_items(list_element: Json, items: list[Json]) -> Json:
    """The list with other items; an empty one has no `value` (the metamodel forbids an empty array)."""
    bare = {key: part for key, part in list_element.items() if key != "value"}
    return bare | {"value": items} if items else bare


def model_reference(submodel_id: str, *keys: tuple[str, str]) -> Json:
    """A ModelReference to a submodel, or into it by (type, value) of each further key."""
    path = [("Submodel", submodel_id), *keys]
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in path]}


def _replaced(elements: list[Json] | None, new: Mapping[str, Any], items: Mapping[str, Json]) -> list[Json]:
    if missing := set(new) - {element["idShort"] for element in elements or []}:
        raise MissingElement(*sorted(missing))
    return [
        with_value(element, new[element["idShort"]], items) if element["idShort"] in new else element
        for element in elements or []
    ]


def _list_item(list_element: Json, items: Mapping[str, Json]) -> Json:
    """An item as those of the list are, to be filled."""
    if item := items.get(list_element["idShort"]) or next(iter(list_element.get("value") or []), {}):
        return item
    if list_element["typeValueListElement"] == "Property":
        item = {"modelType": "Property", "valueType": list_element["valueTypeListElement"]}
        semantic_id = list_element.get("semanticIdListElement")
        return item | {"semanticId": semantic_id} if semantic_id else item
    raise MissingElement(f"items of {list_element['idShort']}")


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
