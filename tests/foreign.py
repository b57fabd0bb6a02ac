"""What another client may make of the elements of an AAS, for tests that the twin goes on all the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

KINDS: dict[str, Callable[[Json], Json | None]] = {
    "text": lambda element: element | {"value": "abc"},
    "huge": lambda element: element | {"value": "1e308"},
    "many digits": lambda element: element | {"value": "9" * 400},
    "infinite": lambda element: element | {"value": "Infinity"},
    "no number": lambda element: element | {"value": "NaN"},
    "year one": lambda element: element | {"value": "0001-01-01T00:00:00+14:00"},
    "superscript": lambda element: element | {"value": "²"},
    "JSON number": lambda element: element | {"value": -7.5},
    "structure": lambda element: element | {"value": {"a": [1]}},
    "another type": lambda element: element | {"valueType": "xs:duration", "value": "P1D"},
    "another kind": lambda element: {"modelType": "Capability", "idShort": element.get("idShort", "x")},
    "a collection": lambda element: {
        "modelType": "SubmodelElementCollection", "idShort": element.get("idShort", "x"),
        "value": [{"modelType": "Property", "idShort": "²", "valueType": "xs:string", "value": "x"}],
    },
    "missing": lambda element: None,
}  # fmt: skip
"""What another client may make of an element; None takes it away."""


Way = list[tuple[str, int]]


def places(element: Json) -> Iterator[Way]:
    """The way to each element below: (name of the children, index) by (name, index)."""
    for name in ("submodelElements", "statements", "value"):
        children = element.get(name)
        if isinstance(children, list) and element["modelType"] not in ("Operation", "MultiLanguageProperty"):
            for index, child in enumerate(children):
                if child["modelType"] != "Operation":
                    yield [(name, index)]
                    yield from ([(name, index), *rest] for rest in places(child))


def changed(submodel: Json, way: Way, kind: str) -> Json:
    result = json.loads(json.dumps(submodel))
    parent = result
    for name, index in way[:-1]:
        parent = parent[name][index]
    name, index = way[-1]
    new = KINDS[kind](parent[name][index])
    parent[name][index : index + 1] = [] if new is None else [new]
    return result


def element_at(submodel: Json, way: Way) -> Json:
    for name, index in way:
        submodel = submodel[name][index]
    return submodel


def leaves(submodel: Json) -> list[Way]:
    """The ways to all Properties and Ranges."""
    ways = places(submodel)
    return [way for way in ways if element_at(submodel, way)["modelType"] in ("Property", "Range")]
