"""New values for elements that were read from the AAS; semanticIds, descriptions and all the rest stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aasx.elements import values
from aasx.submodels import prediction
from operations.request.errors import OperationError

Json = dict[str, Any]

LIST_ITEMS = {
    "Drivers": prediction.driver_item,
    "SimilarCells": prediction.similar_cell_item,
    "ActiveAlerts": prediction.alert_item,
    "AlertHistory": prediction.alert_item,
}


@cache
def list_item(id_short: str) -> Json:
    """An item of one of the Prediction submodel's lists, all its properties without a value."""
    return LIST_ITEMS[id_short]()


def with_values(submodel: Json, values_by_id_short: dict[str, Any]) -> Json:
    """The submodel with new values in some of its elements; raises OperationError when it lacks one of them."""
    return submodel | {"submodelElements": _replaced(submodel.get("submodelElements"), values_by_id_short)}


def with_value(element: Json, value: Any) -> Json:
    """The element with a new value: the text of a Property, some members of a collection, all items of a list, the
    identifier of the submodel that a ReferenceElement points to, the bounds of a Range."""
    match element["modelType"]:
        case "SubmodelElementCollection":
            return element | {"value": _replaced(element.get("value"), value)}
        case "Entity":
            return element | {"statements": _replaced(element.get("statements"), value)}
        case "SubmodelElementList":
            return with_items(element, [_item(element, part) for part in value])
        case "ReferenceElement":
            return element | {"value": reference(value)}
        case _:
            return values.filled(element, value)


def with_items(list_element: Json, items: list[Json]) -> Json:
    """The list with other items; an empty one has no `value` (the metamodel forbids an empty array)."""
    bare = {key: part for key, part in list_element.items() if key != "value"}
    return bare | {"value": items} if items else bare


def child(parent: Json, id_short: str) -> Json:
    """The element of that idShort in a submodel, collection or entity."""
    for name in ("submodelElements", "value", "statements"):
        for element in parent.get(name) or []:
            if element.get("idShort") == id_short:
                return element
    raise _lacks(id_short)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns what goes wrong on content that is not as this twin writes it into an OperationError that names `what`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        text = f"the AAS holds no readable {what}; look at it there, or load it anew"
        raise OperationError("unavailable", text) from error


def reference(submodel_id: str, *keys: tuple[str, str]) -> Json:
    """A ModelReference: into the submodel by (type, value) of each further key."""
    path = [("Submodel", submodel_id), *keys]
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in path]}


def _replaced(elements: list[Json] | None, new: dict[str, Any]) -> list[Json]:
    missing = set(new) - {element["idShort"] for element in elements or []}
    if missing:
        raise _lacks(*sorted(missing))
    return [
        with_value(element, new[element["idShort"]]) if element["idShort"] in new else element
        for element in elements or []
    ]


def _item(list_element: Json, value: Any) -> Json:
    if list_element["typeValueListElement"] == "Property":
        item = {"modelType": "Property", "valueType": list_element["valueTypeListElement"]}
        if semantic_id := list_element.get("semanticIdListElement"):
            item["semanticId"] = semantic_id
        return values.filled(item, value)
    if list_element["idShort"] in LIST_ITEMS:
        return with_value(list_item(list_element["idShort"]), value)
    raise _lacks(f"items of {list_element['idShort']}")


def _lacks(*id_shorts: str) -> OperationError:
    return OperationError("unavailable", f"the AAS of the cell lacks {', '.join(id_shorts)}; load it anew")
