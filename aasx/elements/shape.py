"""What the twin expects an element to hold, and the one reader that content of the AAS passes through.

Any client may write into an AAS, so anything may stand there: no value, a text where a number belongs, a date of the
year 1, another kind of element, elements nobody knows. `read` never fails on content. It gives exactly what a `Shape`
expects, by its idShorts, with Python values of its types; whatever does not fit is None (or empty), and is noted as a
`Foreign` with its path and what stands there, so that it can be told while everything else goes on.

A Shape is taken from an element as this twin builds it (`shape_of`), thus what is read is what is written.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aasx.elements import values

LARGEST = {"xs:int": 1e6, "xs:long": 1e9, "xs:double": 1e9}
"""No number of a cell, in the units of the twin, has a larger amount; an xs:int counts cycles."""
LONGEST_TEXT = 10_000
EARLIEST, LATEST = datetime.datetime(1970, 1, 1), datetime.datetime(2200, 1, 1)
MOST_TOLD = 3
SHOWN_CHARACTERS = 40
TOO_LONG_A_LIST = 10_000

EXPECTED = {
    "xs:double": "number", "xs:int": "whole number", "xs:long": "whole number", "xs:boolean": "true or false",
    "xs:dateTime": "date and time", "xs:string": "text", "xs:anyURI": "text",
}  # fmt: skip

Json = dict[str, Any]


@dataclass(frozen=True)
class Foreign:
    """Content that is not the twin's: where, what stands there (shortened), what belongs there.

    `expected` is "number", "whole number", "true or false", "date and time", "text", "one of …", "a structure" or
    "an element", where one is missing.
    """

    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path} is {self.found}, not {self.expected}" if self.found else f"{self.path} is missing"


@dataclass(frozen=True)
class Shape:
    """`members` of a collection or entity by idShort; `every` is the shape of each item of a list, or of each element
    of a collection that holds any number of them (records, cells)."""

    kind: str
    xs_type: str = "xs:string"
    members: Mapping[str, Shape] | None = None
    every: Shape | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    """Whether it may be missing, as in a twin that was loaded before there was such an element."""

    def part(self, path: str) -> Shape:
        """The shape below, by idShorts separated by points. Raises KeyError."""
        found = self
        for name in path.split("."):
            found = (found.members or {})[name]
        return found

    def with_part(self, path: str, part: Shape) -> Shape:
        """The same shape with another one below."""
        name, _, rest = path.partition(".")
        members = dict(self.members or {})
        members[name] = members[name].with_part(rest, part) if rest else part
        return replace(self, members=members)


def shape_of(element: Json, choices: Mapping[str, tuple[str, ...]] | None = None) -> Shape:
    """The shape of an element's or submodel's JSON. `choices`: semanticId -> the only texts a Property may have.

    A list takes the shape of its first item; one without items expects Properties of its own type, or nothing.
    """
    kind = element["modelType"]
    if kind == "Submodel":
        children = [child for child in element.get("submodelElements") or [] if child["modelType"] != "Operation"]
        return Shape(kind, members={child["idShort"]: shape_of(child, choices) for child in children})
    if kind in ("SubmodelElementCollection", "Entity"):
        children = element.get("value" if kind == "SubmodelElementCollection" else "statements") or []
        return Shape(kind, members={child["idShort"]: shape_of(child, choices) for child in children})
    if kind == "SubmodelElementList":
        items = element.get("value")
        item = shape_of(items[0], choices) if items else Shape("Property", element.get("valueTypeListElement", ""))
        return Shape(kind, every=item)
    if kind == "Property":
        keys = (element.get("semanticId") or {}).get("keys") or [{}]
        return Shape(kind, element["valueType"], choices=(choices or {}).get(keys[-1].get("value", ""), ()))
    return Shape(kind, element.get("valueType", "xs:string"))


def read(content: Any, shape: Shape, noted: list[Foreign] | None = None, path: str = "") -> Any:
    """The value of an element, of a submodel, or of the value-only form of either, as `shape` expects it.

    As values.to_value gives it: Property -> value or None; collection -> dict with all of its members; list -> list;
    Range -> {"min", "max"}; Entity -> {"entityType", "statements"}; others -> as they are or None. What is foreign is
    appended to `noted`.
    """
    plain = content_of(content) if isinstance(content, dict) and "modelType" in content else content
    return _read(plain, shape, [] if noted is None else noted, path)


def number(content: Any) -> float | None:
    """A finite number out of a single value, which may be text; None for anything else."""
    if isinstance(content, int | float) and not isinstance(content, bool):
        return float(content) if abs(content) <= LARGEST["xs:double"] else None
    return read(content, Shape("Property", "xs:double"))


def moment(content: Any) -> datetime.datetime | None:
    """Date and time out of a single value, with its zone when it has one; None for anything else."""
    text = read(content, Shape("Property", "xs:dateTime"))
    return None if text is None else datetime.datetime.fromisoformat(text)


def told(noted: Iterable[Foreign]) -> str | None:
    """One sentence on what was found foreign, for the caller of an operation; None for nothing."""
    distinct = list(dict.fromkeys(noted))
    if not distinct:
        return None
    more = f"; and {len(distinct) - MOST_TOLD} more" if len(distinct) > MOST_TOLD else ""
    return f"left out, since it is not the twin's: {'; '.join(map(str, distinct[:MOST_TOLD]))}{more}"


def content_of(element: Json) -> Any:
    """An element's or submodel's JSON in the value-only form, every value as it stands there.

    Never fails: an element without idShort where one belongs is left out, an element of an unknown kind is None.
    """
    match element.get("modelType"):
        case "Property":
            return element.get("value")
        case "Submodel":
            return _by_id_short(element.get("submodelElements"))
        case "SubmodelElementCollection":
            return _by_id_short(element.get("value"))
        case "SubmodelElementList":
            items = element.get("value")
            return [content_of(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else items
        case "Entity":
            return {"entityType": element.get("entityType"), "statements": _by_id_short(element.get("statements"))}
        case "Range":
            return {"min": element.get("min"), "max": element.get("max")}
        case "MultiLanguageProperty":
            texts = element.get("value")
            return [text for text in texts if isinstance(text, dict)] if isinstance(texts, list) else texts
        case "ReferenceElement":
            return element.get("value")
        case "File" | "Blob":
            return {"contentType": element.get("contentType"), "value": element.get("value")}
        case _:
            return None


def _by_id_short(children: Any) -> Any:
    if children is not None and not isinstance(children, list):
        return children
    return {
        child["idShort"]: content_of(child)
        for child in children or []
        if isinstance(child, dict) and isinstance(child.get("idShort"), str) and child.get("modelType") != "Operation"
    }


def _read(content: Any, shape: Shape, noted: list[Foreign], path: str, in_item: bool = False) -> Any:
    match shape.kind:
        case "Property":
            return _read_property(content, shape, noted, path)
        case "SubmodelElementCollection" | "Submodel":
            return _read_members(content, shape, noted, path, in_item)
        case "SubmodelElementList":
            return _read_items(content, shape, noted, path)
        case "Entity":
            content = content if isinstance(content, dict) else {}
            statements = content.get("statements")
            if isinstance(statements, list):  # so BaSyx 2.0.0-milestone-05 gives them in `$value`, one by one
                single = (part for part in statements if isinstance(part, dict))
                statements = {name: value for part in single for name, value in part.items()}
            return {
                "entityType": content.get("entityType"),
                "statements": _read_members(statements, shape, noted, path, in_item),
            }
        case "Range":
            return _read_range(content, shape, noted, path)
        case _:
            return content


def _read_members(content: Any, shape: Shape, noted: list[Foreign], path: str, in_item: bool) -> dict[str, Any]:
    if not isinstance(content, dict):
        if content not in (None, ""):
            noted.append(Foreign(path or "the submodel", _shown(content), "a structure"))
        elif shape.members and not in_item:
            noted.append(Foreign(path or "the submodel", "empty", "a structure"))
        content, in_item = {}, True  # what lies below is not told apart
    found = {}
    for name, part in (shape.members or {}).items():
        below = f"{path}.{name}" if path else name
        needed = part.kind not in ("File", "Operation", "MultiLanguageProperty") and not part.optional
        if name not in content and not in_item and needed:
            noted.append(Foreign(below, "", "an element"))
        found[name] = _read(content.get(name), part, noted, below, in_item or name not in content)
    if shape.every is not None:
        for name, part_content in content.items():
            if name not in found:
                found[name] = _read(part_content, shape.every, noted, f"{path}.{name}" if path else name, True)
    return found


def _read_items(content: Any, shape: Shape, noted: list[Foreign], path: str) -> list[Any]:
    if content in (None, ""):
        return []
    if not isinstance(content, list) or len(content) > TOO_LONG_A_LIST:
        noted.append(Foreign(path, _shown(content), "a list"))
        return []
    assert shape.every is not None
    return [_read(item, shape.every, noted, f"{path}[{index}]", True) for index, item in enumerate(content)]


def _read_range(content: Any, shape: Shape, noted: list[Foreign], path: str) -> dict[str, Any]:
    ends = content if isinstance(content, dict) else {}
    if content not in (None, "") and ends is not content:
        noted.append(Foreign(path, _shown(content), "a range"))
    number = Shape("Property", shape.xs_type)
    unknown = {"min": values.OPEN_LOW, "max": values.OPEN_HIGH}
    return {
        end: None
        if ends.get(end) in (None, open_end, int(open_end))
        else _read_property(ends[end], number, noted, f"{path}.{end}")
        for end, open_end in unknown.items()
    }


def _read_property(content: Any, shape: Shape, noted: list[Foreign], path: str) -> Any:
    if content is None or content == "":
        return None
    expected = EXPECTED.get(shape.xs_type, shape.xs_type)
    try:
        value = values.from_text(_as_text(content), shape.xs_type)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("not finite")
    except ValueError:
        noted.append(Foreign(path, _shown(content), expected))
        return None
    if shape.choices and value not in shape.choices:
        expected = f"one of {', '.join(shape.choices)}"
    elif shape.xs_type in LARGEST and abs(value) > LARGEST[shape.xs_type]:
        expected = f"{expected} of at most {LARGEST[shape.xs_type]:g}"
    elif shape.xs_type == "xs:dateTime" and not _is_of_our_time(value):
        pass
    elif isinstance(value, str) and len(value) > LONGEST_TEXT:
        expected = f"text of at most {LONGEST_TEXT} characters"
    else:
        return value
    noted.append(Foreign(path, _shown(content), expected))
    return None


def _as_text(content: Any) -> str:
    """A value as its text; other servers give numbers and booleans of JSON. Raises ValueError for a structure."""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, int | float):
        return repr(content)
    if not isinstance(content, str):
        raise ValueError("a structure")
    return content


def _is_of_our_time(text: str) -> bool:
    return EARLIEST <= datetime.datetime.fromisoformat(text).replace(tzinfo=None) < LATEST


def _shown(content: Any) -> str:
    if isinstance(content, dict):
        return "a structure"
    if isinstance(content, list):
        return f"a list of {len(content)}"
    text = repr(content[: SHOWN_CHARACTERS + 1] if isinstance(content, str) else content)
    return text if len(text) <= SHOWN_CHARACTERS + 2 else f"{text[:SHOWN_CHARACTERS]}…"


def mended(element: Json, template: Json) -> Json:
    """An element or submodel in which all is there that `template` has, each of its kind and type.

    What is missing or of another kind is taken from the template; a Property of another value type keeps its value
    where that fits. Items of lists, operations and whatever the template does not have stay as they are.
    """
    kind = template["modelType"]
    if element.get("modelType") != kind:
        return template
    name = {"Submodel": "submodelElements", "SubmodelElementCollection": "value", "Entity": "statements"}.get(kind)
    if name is not None:
        present = element.get(name)
        children = [child for child in present if isinstance(child, dict)] if isinstance(present, list) else []
        wanted = {child["idShort"]: child for child in template.get(name) or [] if child["modelType"] != "Operation"}
        kept = [
            mended(child, wanted[child["idShort"]]) if child.get("idShort") in wanted else child for child in children
        ]
        there = {child.get("idShort") for child in children}
        kept += [child for id_short, child in wanted.items() if id_short not in there]
        return element | {name: kept} if kept or present else element
    if kind == "Property" and element.get("valueType") != template["valueType"]:
        value = read(element.get("value"), Shape("Property", template["valueType"]))
        return values.with_value(template, value)
    if kind == "SubmodelElementList":
        if not _is_list_like(element, template):
            return template
        items = [item for item in element.get("value") or [] if is_item_of(element, item)]
        return values.with_items(element, items)
    return element


def is_item_of(list_element: Json, item: Any) -> bool:
    """Whether a list may hold the item: one of its kind and value type (AASd-108 and 109)."""
    if not isinstance(item, dict) or item.get("modelType") != list_element.get("typeValueListElement"):
        return False
    return item["modelType"] not in ("Property", "Range") or item.get("valueType") == list_element.get(
        "valueTypeListElement"
    )


def _is_list_like(element: Json, template: Json) -> bool:
    types = ("typeValueListElement", "valueTypeListElement")
    return isinstance(element.get("value") or [], list) and all(element.get(one) == template.get(one) for one in types)
