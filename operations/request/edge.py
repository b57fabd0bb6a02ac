"""The edge: what a caller sends becomes a typed request, or an InvalidInput that names field, value and allowed range.

Requests are strict: no unknown field, no text where a number belongs, no NaN, no infinity, every number with a range.
The range of a field is declared once, in its `Field`, or follows from the description of the cell, when its operation
looks at it; `allowed` words it for messages, `swagger_schema` for Swagger.
"""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from aasx import vocabulary
from operations.request.errors import InvalidInput, Problem, shown

ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
EARLIEST, LATEST = datetime(1970, 1, 1), datetime(2200, 1, 1)


class Inputs(BaseModel):
    """Base of the inputs of an operation; the names of its fields are the idShorts of the variables."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Outputs(BaseModel):
    """Base of the outputs of an operation; a field is None when there is nothing to say."""

    model_config = ConfigDict(allow_inf_nan=False)

    Status: str = Field(default="ok", description="ok, or why the operation was not done")
    Message: str | None = Field(default=None, description="more about the status, for people")


DATE_TIME = "xs:dateTime"
LONG = "xs:long"


def _date_and_time(text: str | None) -> str | None:
    if text is not None:
        moment = datetime.fromisoformat(text)
        without_zone = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        if len(text) < len("2008-04-02T15:25:41") or text[10] != "T" or not EARLIEST <= without_zone < LATEST:
            raise ValueError("not a date and time of a cell")
    return text


CellTime = Annotated[str | None, AfterValidator(_date_and_time)]
"""Date and time of a cell, with zone or by the clock of its test bench (`operations.cell.clock`); needs
`xs_type=DATE_TIME`."""


def variable(default: Any = ..., *, unit: str | None = None, xs_type: str | None = None, **more: Any) -> Any:
    """A field of Inputs or Outputs. `unit` and description default to those of its concept in aasx.vocabulary."""
    return Field(default, json_schema_extra={"unit": unit, "xs_type": xs_type}, **more)


def line(default: Any = ..., *, longest: int, **more: Any) -> Any:
    """A field for one line of text that people read: not blank, no control characters."""
    return Field(default, min_length=1, max_length=longest, pattern=ONE_LINE, **more)


T = TypeVar("T", bound=Inputs)


def parse(inputs: type[T], values: dict[str, Any]) -> T:
    """The typed request. Raises InvalidInput that names every field which is not allowed."""
    try:
        return inputs.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = [_problem(inputs, one["type"], one["loc"], one["input"]) for one in found[:10]]
        raise InvalidInput(*dict.fromkeys(problems)) from None


def parse_json(body: bytes) -> Any:
    """JSON as RFC 8259 means it: UTF-8, no NaN or Infinity, no name twice. Raises InvalidInput (400)."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InvalidInput(Problem("body", "", f"must be JSON: {reason[:200]}"), http_status=400) from None


def allowed(name: str, field: FieldInfo) -> str:
    """What a field accepts, in words: "a whole number from 1 to 1000000", "a number from 0 to 5 V"."""
    kind = _kind(_type(field))
    low, high = _bound(field, "ge"), _bound(field, "le")
    if _extra(field, "xs_type") == DATE_TIME:
        return "a date and time, as 2008-04-02T15:25:41 or, with a zone, 2026-01-05T07:00:00Z"
    if get_origin(_plain(_type(field))) is Literal:
        return f"one of {', '.join(get_args(_plain(_type(field))))}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list"}
    word = words.get(kind, "an object")
    if kind in (int, float) and low is not None and high is not None:
        word += f" from {low:g} to {high:g}" if kind is float else f" from {low} to {high}"
    elif _bound(field, "max_length") is not None:
        least, most = _bound(field, "min_length") or 0, _bound(field, "max_length")
        word += f" of {least} to {most} {'characters on one line' if kind is str else 'items'}"
    unit = _unit(name, field)
    return f"{word} {unit}" if unit and unit != "1" and kind in (int, float) else word


def xs_type(field: FieldInfo) -> str | None:
    """XML Schema type of the variable that carries the field; None for collections and lists."""
    kinds = {int: "xs:int", float: "xs:double", bool: "xs:boolean", str: "xs:string"}
    return _extra(field, "xs_type") or kinds.get(_kind(_type(field)))


def item_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of the field's value, or of the items of its list, where these are objects."""
    return _item_model(_type(field))


@cache
def _item_model(annotation: Any) -> type[BaseModel] | None:
    for candidate in (_plain(annotation), *get_args(_plain(annotation))):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def is_list(field: FieldInfo) -> bool:
    return _kind(_type(field)) is list


def swagger_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model as an object of Swagger 2.0, which can say less than the JSON Schema that pydantic makes."""
    fields = model.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    return {
        "type": "object",
        "properties": {name: _field_schema(name, field) for name, field in fields.items()},
        **({"required": required} if required else {}),
        **({"additionalProperties": False} if issubclass(model, Inputs) else {}),
    }


def _field_schema(name: str, field: FieldInfo) -> dict[str, Any]:
    kind = _kind(_type(field))
    words = {int: "integer", float: "number", bool: "boolean", str: "string", list: "array"}
    schema: dict[str, Any] = {"type": words.get(kind, "object")}
    item = item_model(field)
    if kind is list:
        schema["items"] = swagger_schema(item) if item else _field_schema("", FieldInfo(annotation=item_type(field)))
    elif item:
        schema = swagger_schema(item)
    names = {"ge": "minimum", "le": "maximum", "pattern": "pattern"}
    names |= {"min_length": "minItems", "max_length": "maxItems"} if kind is list else {}
    names |= {"min_length": "minLength", "max_length": "maxLength"} if kind is str else {}
    for constraint, keyword in names.items():
        if (bound := _bound(field, constraint)) is not None:
            schema[keyword] = bound
    if _extra(field, "xs_type") == DATE_TIME:
        schema["example"] = "2008-04-02T15:25:41"
    if type(None) in get_args(_type(field)):
        schema["x-nullable"] = True
    if field.default is not None and not field.is_required():
        schema["default"] = field.default
    if description := describe(name, field):
        schema["description"] = description
    return schema


def describe(name: str, field: FieldInfo) -> str:
    """Description and unit of a variable: its own, else those of its concept in the AAS's vocabulary."""
    concept = vocabulary.CONCEPTS.get(name)
    words = field.description or (concept.definition_en if concept else "")
    unit = _unit(name, field)
    return f"{words} [{unit}]" if unit and unit != "1" else words


def _unit(name: str, field: FieldInfo) -> str | None:
    concept = vocabulary.CONCEPTS.get(name)
    return _extra(field, "unit") or (concept.unit if concept else None)


def _problem(model: type[BaseModel], kind: str, location: Sequence[int | str], value: Any) -> Problem:
    """One error of pydantic in the words of this twin."""
    name = ".".join(str(part) for part in location)
    field, last = _field_at(model, location), str(location[-1]) if location else ""
    if kind == "extra_forbidden":
        return Problem(name[:80], "", f"unknown; known are {', '.join(model.model_fields)}")
    if kind == "missing":
        return Problem(name, "", f"missing; it must be {allowed(last, field) if field else 'given'}")
    return Problem(name or "body", shown(value), f"must be {allowed(last, field) if field else 'an object'}")


def _field_at(model: type[BaseModel], location: Sequence[int | str]) -> FieldInfo | None:
    field = None
    for part in location:
        if isinstance(part, int):
            field = None
        elif part in model.model_fields:
            field = model.model_fields[part]
            model = item_model(field) or model
    return field


def _type(field: FieldInfo) -> Any:
    """The annotation of a field; mypy does not take what pydantic says of it for hashable."""
    return field.annotation


@cache
def _plain(annotation: Any) -> Any:
    """The annotation without None and without Annotated."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation


@cache
def _kind(annotation: Any) -> Any:
    plain = _plain(annotation)
    if get_origin(plain) is Literal:
        return str
    return get_origin(plain) or plain


def item_type(field: FieldInfo) -> Any:
    """Type of the items of a list."""
    return get_args(_plain(_type(field)))[0]


def _bound(field: FieldInfo, name: str) -> Any:
    return next((getattr(part, name) for part in field.metadata if getattr(part, name, None) is not None), None)


def _extra(field: FieldInfo, name: str) -> Any:
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
