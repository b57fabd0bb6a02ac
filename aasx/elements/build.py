"""Constructors of submodel elements, so that a submodel module reads like the template it follows.

`semantic_id` is always the text of a global reference: an IRI or IRDI of a template, or `concept_id(...)` for our own.
`own_property` takes type and semanticId from the vocabulary. Values are Python values as in aasx.elements.values.
The first half makes objects of the basyx-python-sdk, which packages are built of; `to_json` turns them into the JSON of
packages and of the REST API. The second half, `…_element`, makes such JSON directly, for single elements and operation
variables.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from basyx.aas import model
from basyx.aas.adapter.json import AASToJsonEncoder
from basyx.aas.model import datatypes

from aasx.elements import values
from aasx.identifiers import concept_id
from aasx.vocabulary import CONCEPTS, concept_names

SDK_TYPES: dict[str, type] = {
    "xs:double": datatypes.Double,
    "xs:int": datatypes.Int,
    "xs:long": datatypes.Long,
    "xs:string": datatypes.String,
    "xs:boolean": datatypes.Boolean,
    "xs:dateTime": datatypes.DateTime,
    "xs:anyURI": datatypes.AnyURI,
}

GIVEN = "given"  # no name of the metamodel
Texts = dict[str, str]  # language -> text
NOT_STATED: Texts = {"en": "not stated by the data set", "fr": "non indiqué par le jeu de données"}


def concept_qualifier(kind: str, value: str) -> model.Qualifier:
    """Qualifiers of instances must be ConceptQualifiers: a TemplateQualifier needs kind=Template (AASd-129)."""
    return model.Qualifier(kind, datatypes.String, value, kind=model.QualifierKind.CONCEPT_QUALIFIER)


def not_stated() -> model.Qualifier:
    """Marks an element whose value the source does not give, although the template wants the element."""
    return concept_qualifier("ValueAvailability", "notStatedBySource")


VALUE_ORIGIN = "ValueOrigin"


def value_origin(origin: str) -> model.Qualifier:
    """Marks a value that the source does not state as such, e.g. "derivedFromSource" or "assumedSameCellType"."""
    return concept_qualifier(VALUE_ORIGIN, origin)


@functools.cache
def reference(value: str) -> model.ExternalReference:
    return model.ExternalReference((model.Key(model.KeyTypes.GLOBAL_REFERENCE, value),))


def _common(
    semantic_id: str | None,
    supplemental: Iterable[str] = (),
    description: Texts | None = None,
    display_name: Texts | None = None,
    qualifiers: Iterable[model.Qualifier] = (),
) -> dict[str, Any]:
    return {
        "semantic_id": None if semantic_id is None else reference(semantic_id),
        "supplemental_semantic_id": [reference(value) for value in supplemental],
        "description": None if description is None else model.MultiLanguageTextType(description),
        "display_name": None if display_name is None else model.MultiLanguageNameType(display_name),
        "qualifier": qualifiers,
    }


def property_(
    id_short: str | None, xs_type: str, value: Any = None, semantic_id: str | None = None, **common: Any
) -> model.Property:
    """A Property; no value when `value` is None. `common`: supplemental, description, display_name, qualifiers."""
    sdk_type = SDK_TYPES[xs_type]
    text = values.to_text(value, xs_type)
    sdk_value = None if text is None else datatypes.from_xsd(text, sdk_type)
    return model.Property(id_short, sdk_type, sdk_value, **_common(semantic_id, **common))


def own_property(id_short: str, value: Any = None, concept: str | None = None, **common: Any) -> model.Property:
    """A Property of our vocabulary; `concept` where it is not the idShort."""
    name = concept or id_short
    xs_type = CONCEPTS[name].xs_type
    if xs_type is None:
        raise ValueError(f"{name} has no value type")
    return property_(id_short, xs_type, value, concept_id(name), **common)


def multi_language(
    id_short: str, texts: Texts | None, semantic_id: str | None = None, **common: Any
) -> model.MultiLanguageProperty:
    value = None if texts is None else model.MultiLanguageTextType(texts)
    return model.MultiLanguageProperty(id_short, value, **_common(semantic_id, **common))


def collection(
    id_short: str | None, children: Sequence[model.SubmodelElement], semantic_id: str | None = None, **common: Any
) -> model.SubmodelElementCollection:
    """`id_short` None for one that gets its name later; for an item of a list see `list_item`."""
    return model.SubmodelElementCollection(id_short, children, **_common(semantic_id, **common))


class JsonCollection(model.SubmodelElementCollection):
    """A collection whose children are JSON already: an object for each of very many costs ten times as much."""

    def __init__(self, id_short: str, children: list[dict], semantic_id: str | None = None):
        super().__init__(id_short, (), **_common(semantic_id))
        self.children = children


def list_item(
    children: Sequence[model.SubmodelElement], semantic_id: str, display_name: Texts | None = None, **common: Any
) -> model.SubmodelElementCollection:
    """An item of a list. It has no idShort, so tools show its `display_name`; if none is given, the concept's name."""
    return collection(None, children, semantic_id, display_name=display_name or concept_names(semantic_id), **common)


def collection_list(
    id_short: str,
    items: Sequence[model.SubmodelElementCollection],
    semantic_id: str | None,
    item_semantic_id: str,
    order_relevant: bool = True,
    **common: Any,
) -> model.SubmodelElementList:
    """A SubmodelElementList of collections."""
    return model.SubmodelElementList(
        id_short,
        model.SubmodelElementCollection,
        items,
        semantic_id_list_element=reference(item_semantic_id),
        order_relevant=order_relevant,
        **_common(semantic_id, **common),
    )


def value_list(id_short: str, numbers: Sequence[Any], concept: str, **common: Any) -> model.SubmodelElementList:
    """A SubmodelElementList of Properties of one concept of our vocabulary."""
    xs_type = CONCEPTS[concept].xs_type
    assert xs_type is not None
    return model.SubmodelElementList(
        id_short,
        model.Property,
        [property_(None, xs_type, number) for number in numbers],
        value_type_list_element=SDK_TYPES[xs_type],
        **_common(concept_id(concept), **common),
    )


def double_range(id_short: str, low: float | None, high: float | None, semantic_id: str, **common: Any) -> model.Range:
    """A Range xs:double, bounds rounded outward to whole numbers, None for an open end (see values.range_bounds)."""
    low_text, high_text = values.range_bounds(low, high)
    return model.Range(id_short, datatypes.Double, float(low_text), float(high_text), **_common(semantic_id, **common))


def file(id_short: str, content_type: str, path: str | None, semantic_id: str, **common: Any) -> model.File:
    return model.File(id_short, content_type, path, **_common(semantic_id, **common))


def reference_element(
    id_short: str, value: model.Reference | None, semantic_id: str, **common: Any
) -> model.ReferenceElement:
    return model.ReferenceElement(id_short, value, **_common(semantic_id, **common))


def submodel_reference(submodel_id: str) -> model.ModelReference:
    return model.ModelReference((model.Key(model.KeyTypes.SUBMODEL, submodel_id),), model.Submodel)


def submodel(
    identifier: str,
    id_short: str,
    semantic_id: str,
    children: Sequence[model.SubmodelElement],
    administration: model.AdministrativeInformation,
    display_name: Texts,
    description: Texts,
    supplemental: Iterable[str] = (),
) -> model.Submodel:
    return model.Submodel(
        identifier,
        children,
        id_short=id_short,
        administration=administration,
        semantic_id=reference(semantic_id),
        supplemental_semantic_id=[reference(value) for value in supplemental],
        display_name=model.MultiLanguageNameType(display_name),
        description=model.MultiLanguageTextType(description),
    )


def administration(version: str, revision: str, template_id: str | None = None) -> model.AdministrativeInformation:
    """Constant for a submodel that holds history: BaSyx overwrites a stored one when version or revision differ."""
    return model.AdministrativeInformation(version=version, revision=revision, template_id=template_id)


# --- JSON


def property_element(id_short: str | None, value: Any, xs_type: str, semantic_id: str | None = None) -> dict:
    """JSON of a Property; without `value` when the value is None. Raises ValueError when it does not fit the type."""
    element: dict[str, Any] = {"modelType": "Property", "valueType": xs_type}
    if id_short is not None:
        element["idShort"] = id_short
    if semantic_id is not None:
        element["semanticId"] = external_reference(semantic_id)
    text = values.to_text(value, xs_type)
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
    encoder = _Encoder()
    return _normal(json.loads(encoder.encode(sdk_object)), encoder.given)


class _Encoder(AASToJsonEncoder):
    """What is JSON already stays aside: `given`; in its place stands where."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[list[dict]] = []

    def default(self, obj: object) -> Any:
        found: Any = super().default(obj)
        if isinstance(obj, JsonCollection) and obj.children:
            found["value"] = {GIVEN: len(self.given)}
            self.given.append(obj.children)
        return found


def _normal(part: Any, given: list[list[dict]]) -> Any:
    if isinstance(part, list):
        return [_normal(value, given) for value in part]
    if not isinstance(part, dict):
        return part
    if GIVEN in part:
        return given[part[GIVEN]]
    result = {key: _normal(value, given) for key, value in part.items() if value != []}
    if result.get("valueType") == "xs:dateTime" and "value" in result:
        result["value"] = result["value"].replace("+00:00", "Z")
    if result.get("modelType") == "Range" and result["valueType"] == "xs:double":
        result["min"], result["max"] = values.range_bounds(float(result["min"]), float(result["max"]))
    return result


def without_empty_arrays(part: Any) -> Any:
    """JSON of the AAS without its empty arrays, which the metamodel forbids."""
    if isinstance(part, dict):
        return {key: without_empty_arrays(value) for key, value in part.items() if value != []}
    if isinstance(part, list):
        return [without_empty_arrays(value) for value in part]
    return part


def argument(declared: dict, value: Any) -> dict:
    """The declared variable with `value`, without descriptions and qualifiers; parts not given are not sent.

    Raises KeyError for a part that is not declared, ValueError for a value that does not fit.
    """
    kind = declared["modelType"]
    if kind == "SubmodelElementCollection":
        parts = {part["idShort"]: part for part in declared.get("value") or []}
        given = [argument(parts[name], part) for name, part in value.items() if part is not None]
        return collection_element(declared.get("idShort"), given)
    if kind == "SubmodelElementList":
        item = declared["value"][0]  # the declaration holds one item that shows what an item looks like
        items = [argument(item, part) for part in value]
        return list_element(
            declared["idShort"], items, declared["typeValueListElement"], declared.get("valueTypeListElement")
        )
    return property_element(declared.get("idShort"), value, declared["valueType"])
