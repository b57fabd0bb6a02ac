"""The shells behind the screen: every submodel as a tree, and how to call its operations from elsewhere."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from dashboard import state
from dashboard.components import pieces
from dashboard.page import Page
from dashboard.reading.content import bound
from dashboard.texts.language import FOREIGN_SIGN, escape

SUBMODELS = ("Nameplate", "TechnicalData", "OperationalData", "Prediction")
SHOWN_CHILDREN = 24  # of a long list the beginning and the end are drawn: 2000 records make no readable tree
SHOWN_AT_END = 4
SWAGGER_OF_BASYX = "/swagger-ui/index.html"
# Inputs that make a good first call; an operation that is not here is called without any.
EXAMPLES: dict[str, dict[str, Any]] = {
    "Predict": {"ConfidenceLevel": 0.9},
    "SimulateWhatIf": {"HorizonCycles": 300, "ambient_temperature": 4.0, "DischargeCurrent": 2.0},
    "AcknowledgeAlert": {"AlertId": "…", "AcknowledgedBy": "…", "Comment": "…"},
    "SetThresholds": {"ChangedBy": "…", "RULWarning": 40.0},
    "AppendCycle": {"id_cycle": 1, "ambient_temperature": 24.0, "Capacity": 1.85},
    "AppendCycles": {"CycleRows": "id_cycle,Capacity\n1,1.85\n2,1.84"},
    "AppendSamples": {
        "StartTime": "2026-01-05T08:00:00",
        "Samples": "Time,Voltage_measured,Current_measured\n0,4.19,0\n10,3.97,-2",
    },
    "PredictAll": {},
}


def show(page: Page) -> None:
    words = page.words
    choice, which = st.columns([2, 4], vertical_alignment="bottom")
    with choice:
        cell = page.choose_cell("aas_cell")
    if cell is None:
        return
    names = (*SUBMODELS, "Fleet")
    with which:
        state.bound("submodel", "aas_submodel", names, "Prediction")
        st.segmented_control(words("aas.submodel"), names, key="aas_submodel", required=True,
                             on_change=state.keep("submodel", "aas_submodel"))  # fmt: skip
    reading = page.read(lambda: page.twin.submodel(cell, st.session_state["aas_submodel"]))
    if reading is None:
        return
    page.note_stale(reading)
    submodel = reading.value
    left, right = st.columns([1.25, 1], gap="small")
    with left, page.card("tree"):
        page.title(submodel.get("idShort") or "", words("aas.tree.hint"))
        page.html(f'<div class="tree">{identity(page, submodel)}{tree(page, submodel)}</div>')
    with right:
        with page.card("invoke"):
            calls(page, submodel)
        with page.card("swagger"):
            links(page, submodel)


def identity(page: Page, submodel: dict) -> str:
    rows = [(page.words("aas.id"), submodel.get("id", ""))]
    if semantics(submodel):
        rows.append((page.words("aas.semantic"), semantics(submodel)))
    return pieces.facts(rows)


def semantics(element: dict) -> str:
    keys = (element.get("semanticId") or {}).get("keys") or []
    return str(keys[-1].get("value", "")) if keys else ""


def tree(page: Page, submodel: dict) -> str:
    return "".join(
        branch(page, element, element.get("idShort") or "", 0) for element in submodel.get("submodelElements") or []
    )


def children_of(element: dict) -> list[dict]:
    held = element.get("statements") if element.get("modelType") == "Entity" else element.get("value")
    return held if isinstance(held, list) and element.get("modelType") != "MultiLanguageProperty" else []


def branch(page: Page, element: dict, name: str, depth: int) -> str:
    """One element as HTML; everything from the AAS is escaped."""
    words, kind = page.words, element.get("modelType") or ""
    meaning = semantics(element)
    title = f'<span class="k">{escape(name)}</span><span class="t">{escape(kind)}</span>'
    note = f'<div class="s">{escape(meaning)}</div>' if meaning else ""
    children = children_of(element)
    if not children:
        return f'<div class="leaf">{title} <span class="v">{escape(leaf(page, element))}</span>{note}</div>'
    shown = list(enumerate(children))
    left_out = ""
    if len(children) > SHOWN_CHILDREN + SHOWN_AT_END:
        said = words("aas.left_out", count=len(children) - SHOWN_CHILDREN - SHOWN_AT_END)
        left_out = f'<div class="leaf s">{escape(said)}</div>'
        shown = shown[:SHOWN_CHILDREN] + shown[-SHOWN_AT_END:]
    inside = [branch(page, child, child.get("idShort") or f"[{index}]", depth + 1) for index, child in shown]
    if left_out:
        inside.insert(SHOWN_CHILDREN, left_out)
    count = f'<span class="s">{len(children)}</span>'
    return f"<details><summary>{title} {count}</summary>{note}{''.join(inside)}</details>"


def leaf(page: Page, element: dict) -> str:
    from aasx import vocabulary
    from aasx.elements import values

    kind, value = element.get("modelType"), element.get("value")
    if kind == "MultiLanguageProperty":
        return " / ".join(f"{text.get('language')}: {text.get('text')}" for text in value or []) or "—"
    if kind == "Range":
        ends = [bound(element.get(end)) for end in ("min", "max")]
        return " … ".join(page.words.plain(end) or "∞" for end in ends)
    if kind == "ReferenceElement":
        return " → ".join(str(key.get("value")) for key in (value or {}).get("keys") or []) or "—"
    if kind == "Operation":
        given = [variable["value"].get("idShort", "") for variable in element.get("inputVariables") or []]
        return f"({', '.join(given)})"
    if kind == "File":
        return str(value or "—")
    if value in (None, "", []):
        return "—"
    name = element.get("idShort") or ""
    try:
        values.from_text(value, element.get("valueType") or "xs:string")
    except (ValueError, AttributeError, TypeError):
        return f"{FOREIGN_SIGN} {value}"
    unit = vocabulary.unit_of(name) if name in vocabulary.CONCEPTS and element.get("valueType") == "xs:double" else None
    return f"{value} {unit}" if unit and unit != "1" else str(value)


def operations_of(submodel: dict) -> dict[str, dict]:
    return {
        element["idShort"]: element
        for element in submodel.get("submodelElements") or []
        if element.get("modelType") == "Operation"
    }


def public_url(page: Page) -> str:
    """The AAS environment's address as a person's browser reaches it, which may differ from the server's own."""
    found = behind_proxy("/aas") or os.environ.get("TWIN_BASYX_PUBLIC_URL") or page.twin.base_url
    return found.rstrip("/")


def behind_proxy(path: str) -> str:
    """The address below that of the reverse proxy in front of the twin; "" where there is none."""
    base = os.environ.get("TWIN_PUBLIC_URL", "").rstrip("/")
    return base and base + path


def calls(page: Page, submodel: dict) -> None:
    words, operations = page.words, operations_of(submodel)
    page.title(words("aas.invoke"), words("aas.invoke.hint"))
    if not operations:
        page.html(f'<p class="hint">{escape(words("aas.no_operation"))}</p>')
        return
    key = f"operation_{submodel.get('idShort')}"
    st.selectbox(words("aas.operation"), sorted(operations, key=usual_order), key=key)
    name = st.session_state[key]
    curl, python = snippets(public_url(page), submodel["id"], operations[name])
    st.caption("curl")
    st.code(curl, language="bash", wrap_lines=True)
    st.caption("Python")
    st.code(python, language="python", wrap_lines=True)


def usual_order(operation: str) -> int:
    """Place in the list of operations: the most asked for first."""
    return list(EXAMPLES).index(operation) if operation in EXAMPLES else len(EXAMPLES)


def snippets(base_url: str, submodel_id: str, operation: dict) -> tuple[str, str]:
    """The call of an operation as a shell command and as Python, with example inputs the operation declares."""
    from aasx.elements.build import argument

    declared = {variable["value"]["idShort"]: variable["value"] for variable in operation.get("inputVariables") or []}
    examples = EXAMPLES.get(operation["idShort"], {}).items()
    inputs = {key: value for key, value in examples if declared.get(key, {}).get("valueType")}
    arguments = [{"value": argument(declared[key], value)} for key, value in inputs.items()]
    body = json.dumps({"inputArguments": arguments, "inoutputArguments": []}, ensure_ascii=False)
    identifier = base64.urlsafe_b64encode(submodel_id.encode("utf-8")).decode("ascii").rstrip("=")
    url = f"{base_url}/submodels/{identifier}/submodel-elements/{operation['idShort']}/invoke"
    curl = f"curl -X POST '{url}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'"
    python = (
        "from aasx.client import AasClient\n\n"
        f"twin = AasClient({base_url!r})\n"
        f"outputs = twin.invoke({submodel_id!r}, {operation['idShort']!r}, {inputs!r})\n"
        "print(outputs)"
    )
    return curl, python


def delegate_of(submodel: dict) -> str:
    """Address of the delegate's own Swagger, from the operations' invocationDelegation qualifier; "" without one."""
    for operation in operations_of(submodel).values():
        for qualifier in operation.get("qualifiers") or []:
            if qualifier.get("type") == "invocationDelegation" and qualifier.get("value"):
                parts = urlsplit(qualifier["value"])
                return f"{parts.scheme}://{parts.netloc}/"
    return ""


def links(page: Page, submodel: dict) -> None:
    words = page.words
    page.title(words("aas.swagger"), words("aas.swagger.hint"))
    addresses = [(words("aas.swagger.basyx"), public_url(page) + SWAGGER_OF_BASYX)]
    delegate = delegate_of(submodel) and (behind_proxy("/delegate/") or delegate_of(submodel))
    if delegate:
        addresses.append((words("aas.swagger.delegate"), delegate))
    for title, address in addresses:
        st.link_button(title, address, icon=":material/open_in_new:", width="stretch", help=address)
