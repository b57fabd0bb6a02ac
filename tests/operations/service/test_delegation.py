"""What BaSyx passes on unchecked: the delegate answers 200 with Status and Message, whatever arrives."""

from __future__ import annotations

import base64

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from aasx.elements import build, values
from aasx.submodels import operation_variables
from operations.predict import PredictInputs
from operations.request.edge import is_list, item_model, xs_type
from operations.request.errors import InvalidInput
from operations.service import delegation
from operations.service.execution import OPERATIONS
from tests.operations.conftest import fading


def variable(name: str, value: str | None, value_type: str | None = "xs:int", **more) -> dict:
    element = {"modelType": "Property", "idShort": name, "valueType": value_type, "value": value} | more
    return {"value": {key: part for key, part in element.items() if part is not None}}


def delegated(url: str, cell: str, body, operation: str = "Predict", **more) -> dict:
    """Posts as BaSyx does; gives the outputs by name."""
    answer = requests.post(f"{url}/delegation/{cell}/{operation}", json=body, timeout=20, **more)
    assert answer.status_code == 200, answer.text
    return {one["value"]["idShort"]: values.to_value(one["value"]) for one in answer.json()}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_inputs_and_outputs_are_those_the_aas_declares(name):
    """aasx declares the variables in the AAS, operations reads and answers them; both must say the same."""
    declared, own = operation_variables.OPERATIONS[name], OPERATIONS[name]
    for variables, model in ((declared.inputs, own.inputs), (declared.outputs, own.outputs)):
        assert sorted(one.id_short for one in variables) == sorted(model.model_fields)
        for one in variables:
            field = model.model_fields[one.id_short]
            element = build.to_json(operation_variables.variable_element(one))
            if model is own.inputs:
                assert field.is_required() == one.required, one.id_short
            if item := item_model(field):
                parts = {p["idShort"]: p for p in (element["value"][0] if is_list(field) else element)["value"]}
                assert sorted(parts) == sorted(item.model_fields)
            else:
                assert element["valueType"] == xs_type(field), one.id_short


def test_outputs_begin_with_status_and_message(new_cell, delegate):
    outputs = delegated(delegate.url, new_cell(fading(3)).name, [])
    assert list(outputs)[:2] == ["Status", "Message"] and outputs["Status"] == "ok"
    assert list(outputs) == [one.id_short for one in operation_variables.OPERATIONS["Predict"].outputs]


def test_an_error_has_all_outputs_too(new_cell, delegate):
    outputs = delegated(delegate.url, new_cell(fading(3)).name, [variable("AtCycle", "99")])
    assert outputs["Status"] == "invalidInput" and outputs["RequestId"]
    assert list(outputs) == [one.id_short for one in operation_variables.OPERATIONS["Predict"].outputs]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "body = {}: must be an array of operation variables"),
        ("x", "body = 'x': must be an array of operation variables"),
        ([1], "body = 1: must be an element with an idShort"),
        ([{"value": None}], "body = None: must be an element with an idShort"),
        ([variable("Speed", "1")], "Speed: unknown; known are AtCycle, ConfidenceLevel, EndOfLifeCapacity"),
        ([variable("AtCycle", "1"), variable("AtCycle", "2")], "AtCycle: given twice"),
        ([variable("AtCycle", "two")], "AtCycle = 'two': must be a whole number from 1 to 1000000"),
        ([variable("AtCycle", "2.5")], "AtCycle = '2.5': must be a whole number from 1 to 1000000"),
        ([variable("AtCycle", "1_0")], "AtCycle = '1_0': must be a whole number from 1 to 1000000"),
        ([variable("AtCycle", "0")], "AtCycle = 0: must be a whole number from 1 to 1000000"),
        ([variable("AtCycle", "2", "xs:string")], "AtCycle = '2': must be xs:int, not xs:string"),
        ([variable("AtCycle", 2)], "AtCycle = 2: must be a whole number"),  # type: ignore[arg-type]
        ([variable("AtCycle", "2", valueType=5)], "AtCycle = '2': must be xs:int, not 5"),
        ([variable("AtCycle", "2", modelType="File")], "AtCycle = 'File': must be a Property"),
        ([variable("ConfidenceLevel", "NaN", "xs:double")], "ConfidenceLevel = nan: must be a number from 0.5 to 0.99"),
        ([variable("ConfidenceLevel", "INF", "xs:double")], "ConfidenceLevel = inf: must be a number from 0.5 to 0.99"),
        (
            [variable("ConfidenceLevel", "1e999", "xs:double")],
            "ConfidenceLevel = inf: must be a number from 0.5 to 0.99",
        ),
        ([variable("ConfidenceLevel", "0x1p3", "xs:double")], "ConfidenceLevel = '0x1p3': must be a number"),
    ],
)
def test_nonsense_is_answered_200_with_what_is_wrong(new_cell, delegate, body, told):
    outputs = delegated(delegate.url, new_cell(fading(3)).name, body)
    assert outputs["Status"] == "invalidInput"
    assert outputs["Message"].startswith(told)


def test_type_and_missing_type_that_can_be_understood_are(new_cell, delegate):
    cell = new_cell(fading(30))
    for one in (variable("AtCycle", "20", "xs:long"), variable("AtCycle", "20", None), variable("AtCycle", None)):
        assert delegated(delegate.url, cell.name, [one])["Status"] == "ok"
    assert delegated(delegate.url, cell.name, [variable("EndOfLifeCapacity", "1", "xs:int")])["Status"] == "ok"


def test_body_that_is_no_json_or_too_large_is_answered_200(new_cell, delegate):
    url = f"{delegate.url}/delegation/{new_cell(fading(3)).name}/Predict"
    json_type = {"Content-Type": "application/json"}
    for body, told in ((b"{", "must be JSON"), (b"[NaN]", "NaN is not"), (b" " * 5_000_000, "at most 4000000 bytes")):
        answer = requests.post(url, data=body, headers=json_type, timeout=20)
        assert answer.status_code == 200
        assert answer.json()[0]["value"]["value"] == "invalidInput" and told in answer.json()[1]["value"]["value"]


def test_cell_that_does_not_exist(delegate):
    for name in ("Nobody", "no-name", "1x", "fleet"):
        assert delegated(delegate.url, name, [])["Status"] == "notFound"


def test_basyx_hands_a_refusal_on_to_its_caller(new_cell):
    """424 would drop the body; 200 with Status does not."""
    cell = new_cell(fading(3))
    submodel = base64.urlsafe_b64encode(cell.prediction.encode()).decode().rstrip("=")
    url = f"{cell.aas.base_url}/submodels/{submodel}/submodel-elements/Predict/invoke"
    answer = requests.post(url, json={"inputArguments": [variable("Speed", "1")]}, timeout=20)
    assert answer.status_code == 200
    assert "Speed: unknown" in answer.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "modelType": st.sampled_from(["Property", "SubmodelElementList", "Range"]) | JSON,
        "idShort": st.sampled_from(sorted(PredictInputs.model_fields)) | JSON,
        "valueType": st.sampled_from(["xs:int", "xs:double", "xs:string"]) | JSON,
        "value": st.text(max_size=30) | JSON,
    },
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.fixed_dictionaries({"value": ELEMENTS}) | JSON, max_size=4) | JSON)
def test_anything_is_either_read_or_refused(body):
    """Generated input: no other exception than InvalidInput comes out of reading variables."""
    try:
        found = delegation.from_variables(PredictInputs, body)
    except InvalidInput as refused:
        assert refused.message
    else:
        assert isinstance(found, dict)


def own_variables(name: str, empty: str | None) -> list[dict]:
    """The operation's own input variables, sent back without a value, or with an empty one."""

    def emptied(element: dict) -> dict:
        children = [emptied(child) for child in element.get("value") or []] if "value" in element else None
        if element["modelType"] == "Property":
            return element if empty is None else element | {"value": empty}
        return element if children is None else element | {"value": children}

    declared = operation_variables.OPERATIONS[name].inputs
    elements = [build.to_json(operation_variables.variable_element(one, is_input=True)) for one in declared]
    return [{"value": emptied(element)} for element in elements]


@pytest.mark.parametrize("empty", [None, ""], ids=["no value", "empty text"])
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_own_variables_sent_back_are_not_given(name, empty):
    """Numbers, dates, booleans, texts and the template item of a list."""
    assert delegation.from_variables(OPERATIONS[name].inputs, own_variables(name, empty)) == {}


def test_template_phase_beside_real_inputs(new_cell, delegate):
    cell = new_cell(fading(20))
    plain = delegated(delegate.url, cell.name, [variable("HorizonCycles", "50")], "SimulateWhatIf")
    sent = [one for one in own_variables("SimulateWhatIf", "") if one["value"]["idShort"] != "HorizonCycles"]
    outputs = delegated(delegate.url, cell.name, [variable("HorizonCycles", "50"), *sent], "SimulateWhatIf")
    assert outputs["Status"] == "ok", outputs["Message"]
    assert outputs["RUL"] == plain["RUL"] and outputs["CapacityTrajectory"] == plain["CapacityTrajectory"]


def test_what_is_required_may_not_be_empty(new_cell, delegate):
    outputs = delegated(delegate.url, new_cell(fading(3)).name, own_variables("SetThresholds", ""), "SetThresholds")
    assert outputs["Status"] == "invalidInput" and outputs["Message"].startswith("ChangedBy: missing")


def test_ranges_that_the_aas_tells_are_those_that_are_checked():
    def check(model: type, where: str) -> None:
        for name, field in model.model_fields.items():  # type: ignore[attr-defined]
            low, high = (next((getattr(part, end) for part in field.metadata if hasattr(part, end)), None)
                         for end in ("ge", "le"))  # fmt: skip
            if name in operation_variables.RANGES:
                assert operation_variables.RANGES[name] == (low, high), f"{where}.{name}"
            if item := item_model(field):
                check(item, f"{where}.{name}")

    for one in OPERATIONS.values():
        check(one.inputs, one.id_short)
