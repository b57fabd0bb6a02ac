"""OperationVariables of the AAS <-> the typed request and answer of an operation.

BaSyx posts the input variables as a bare JSON array of OperationVariable, `[{"value": {"modelType": "Property",
"idShort": "AtCycle", "valueType": "xs:int", "value": "80"}}]`, without checking anything, and takes the same form back
(IDTA-01002 knows no other form of delegation; seen on 2.0.0-milestone-05 and -14).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from aasx.elements import build, values
from operations.request.edge import Inputs, Outputs, allowed, is_list, item_model, item_type, xs_type
from operations.request.errors import InvalidInput, Problem, shown

ACCEPTED_TYPES = {
    "xs:int": values.INTEGER_TYPES,
    "xs:long": values.INTEGER_TYPES,
    "xs:double": (*values.DOUBLE_TYPES, *values.INTEGER_TYPES),
    "xs:boolean": ("xs:boolean",),
    "xs:string": ("xs:string",),
    "xs:dateTime": ("xs:dateTime", "xs:string"),
}


def from_variables(inputs: type[Inputs], variables: Any) -> dict[str, Any]:
    """Values by idShort, to be parsed by `edge.parse`. Raises InvalidInput for anything that is no such variable.

    A generic client sends the operation's own variables back, filled or not: what has no value, or an empty text, is
    not given, nor is an item of a list in which nothing is given.
    """
    if not isinstance(variables, list):
        raise InvalidInput(Problem("body", shown(variables), "must be an array of operation variables"))
    return _children(inputs, [_element(variable) for variable in variables], "")


def to_variables(outputs: Outputs) -> bytes:
    """All outputs of the operation as JSON, those without a value too."""
    return to_json([{"value": element} for element in _elements(outputs)])


def _element(variable: Any) -> Any:
    return variable.get("value") if isinstance(variable, dict) else variable


def _children(model: type[BaseModel], elements: Any, prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for element in elements if isinstance(elements, list) else [elements]:
        name = element.get("idShort") if isinstance(element, dict) else None
        if not isinstance(name, str):
            raise InvalidInput(Problem(prefix or "body", shown(element), "must be an element with an idShort"))
        if name in found:
            raise InvalidInput(Problem(prefix + name, "", "given twice"))
        field = model.model_fields.get(name)
        found[name] = None if field is None else _value(name, field, element, prefix + name)
    return {name: value for name, value in found.items() if value is not None or name not in model.model_fields}


def _value(name: str, field: FieldInfo, element: dict[str, Any], path: str) -> Any:
    item, kind = item_model(field), element.get("modelType")
    if is_list(field) and item:
        _must_be("SubmodelElementList", kind, path)
        parts = element.get("value") or []
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise InvalidInput(Problem(path, shown(parts), "must be a list of collections"))
        items = [_children(item, part.get("value") or [], f"{path}.{index}.") for index, part in enumerate(parts)]
        return [item for item in items if item] or None
    _must_be("Property", kind, path)
    return _property_value(name, field, element, path)


def _must_be(expected: str, kind: Any, path: str) -> None:
    if kind != expected:
        raise InvalidInput(Problem(path, shown(kind), f"must be a {expected}"))


def _property_value(name: str, field: FieldInfo, element: dict[str, Any], path: str) -> Any:
    declared = xs_type(field) or "xs:string"
    text, given = element.get("value"), element.get("valueType") or declared
    if text is None or text == "":
        return None
    if given not in ACCEPTED_TYPES[declared]:
        raise InvalidInput(Problem(path, shown(text), f"must be {declared}, not {str(given)[:40]}"))
    wrong = InvalidInput(Problem(path, shown(text), f"must be {allowed(name, field)}"))
    if not isinstance(text, str):
        raise wrong
    try:
        return values.from_text(text, declared)  # a number that is not finite is refused by the edge
    except ValueError:
        raise wrong from None


def _elements(model: BaseModel) -> list[dict[str, Any]]:
    return [element(getattr(model, name)) for name, element in _outputs(type(model))]


@cache
def _outputs(model: type[BaseModel]) -> list[tuple[str, Callable[[Any], dict[str, Any]]]]:
    """The fields of a model, each with what makes an element of its value."""
    return [(name, _output(name, field)) for name, field in model.model_fields.items()]


def _output(name: str, field: FieldInfo) -> Callable[[Any], dict[str, Any]]:
    item = item_model(field)
    if is_list(field) and item:

        def collections(parts: list[BaseModel] | None) -> dict[str, Any]:
            items = [build.collection_element(None, _elements(part)) for part in parts or []]
            return build.list_element(name, items, "SubmodelElementCollection")

        return collections
    if is_list(field):
        kind = {int: "xs:int", float: "xs:double"}[item_type(field)]

        def properties(parts: list[Any] | None) -> dict[str, Any]:
            items = [build.property_element(None, part, kind) for part in parts or []]
            return build.list_element(name, items, "Property", kind)

        return properties
    if item:
        return lambda value: build.collection_element(name, _elements(value if value is not None else item()))
    declared = xs_type(field) or "xs:string"
    return lambda value: build.property_element(name, value, declared)
