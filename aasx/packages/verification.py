"""The metamodel's own check: aas-core3.0, the generated code that is also behind the loader of Package Explorer."""

import re
from typing import Any

from aas_core3 import jsonization, stringification, verification

from aasx.elements.shape import is_item_of

ID_SHORT = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # AASd-002


def verify(environment: dict) -> list[str]:
    """Findings on a JSON environment against IDTA-01001-3-0; an empty list when it conforms."""
    try:
        parsed = jsonization.environment_from_jsonable(environment)
    except jsonization.DeserializationException as error:
        return [f"{error.path}: {error.cause}"]
    return [f"{error.path}: {error.cause}" for error in verification.verify(parsed)]


def without_foreign(element: dict, left_out: list[str], path: str = "") -> dict:
    """A submodel or element as the metamodel allows it: values that do not fit their type and elements of impossible
    idShorts, which servers take from any client, are gone and named in `left_out`."""
    result = dict(element)
    for name in ("submodelElements", "statements", "value"):
        children = element.get(name)
        if not isinstance(children, list) or element.get("modelType") == "MultiLanguageProperty":
            continue
        is_list, kept = element.get("modelType") == "SubmodelElementList", []
        for index, child in enumerate(children):
            id_short = child.get("idShort")
            below = f"{path}[{index}]" if is_list else f"{path}.{id_short}".lstrip(".")
            if is_list and not is_item_of(element, child):
                left_out.append(f"{below}: not of the list's kind")
            elif is_list or ID_SHORT.fullmatch(id_short or ""):
                kept.append(without_foreign(child, left_out, below))
            else:
                left_out.append(f"{below}: no idShort that the metamodel allows")
        result[name] = kept
        if not kept:
            del result[name]
    for name in {"Property": ("value",), "Range": ("min", "max")}.get(element.get("modelType", ""), ()):
        if name in element and not _fits(element[name], element.get("valueType")):
            left_out.append(f"{path} = {str(element[name])[:40]!r}: no {element.get('valueType')}")
            del result[name]
    return result


def _fits(text: Any, value_type: Any) -> bool:
    xs_type = stringification.data_type_def_xsd_from_str(str(value_type))
    return isinstance(text, str) and xs_type is not None and verification.value_consistent_with_xsd_type(text, xs_type)
