"""Another client writes into the AAS: every element of a cell in every foreign way, and the operations go on."""

from __future__ import annotations

import random
from typing import Any

import pytest

from aasx import transfer
from aasx.client import AasClient, OperationFailed, Refused, ServerFault
from aasx.identifiers import fleet_submodel_id
from aasx.packages import package
from aasx.packages.verification import verify
from tests.foreign import KINDS, Json, changed, element_at, leaves, places
from tests.operations.conftest import Cell, cycle, fading

SUBMODELS = ("OperationalData", "Prediction", "TechnicalData", "Nameplate")
KEPT_RECORDS = 8
"""So many records stay as they were, so that there is something to go on with."""


def put(aas: AasClient, submodel: Json) -> bool:
    """Writes it as any client can; False when the server itself refuses it."""
    try:
        aas.put_submodel(submodel)
    except (Refused, ServerFault):
        return False
    return True


def is_kept(submodel: Json, way: list[tuple[str, int]]) -> bool:
    """Whether the way leads into one of the records that stay."""
    names = [element_at(submodel, way[:depth]).get("idShort") for depth in range(1, len(way) + 1)]
    return any(name in [f"Record{number:04d}" for number in range(1, KEPT_RECORDS + 1)] for name in names)


def foreign_everywhere(cell: Cell, kind: str) -> int:
    """Writes `kind` into every value of the cell, also in the fleet, but for the kept records. How many were taken."""
    count = 0
    for name in SUBMODELS:
        submodel = cell.aas.submodel(cell.prediction.removesuffix("Prediction") + name)
        ways = [way for way in leaves(submodel) if not is_kept(submodel, way)]
        whole = submodel
        for way in reversed(ways):  # from the end, since an element that goes moves those behind it
            whole = changed(whole, way, kind)
        if put(cell.aas, whole):
            count += len(ways)
    row = cell.aas.element(fleet_submodel_id(), f"Cells.{cell.name}")
    for index in reversed(range(len(row["value"]))):
        row = changed(row, [("value", index)], kind)
    try:
        cell.aas.put_element(fleet_submodel_id(), f"Cells.{cell.name}", row)
        count += 1
    except (Refused, ServerFault):
        pass
    return count


def answered(cell: Cell, operation: str, **inputs: Any) -> dict[str, Any]:
    """The outputs; a refusal has its Status, and none is an internal error."""
    try:
        return cell.invoke(operation, **inputs)
    except OperationFailed as failed:
        assert failed.status != "internal", (operation, failed.message)
        return {"Status": failed.status, "Message": failed.message}


@pytest.fixture
def worn(new_cell, delegate) -> Cell:
    """A cell with an active alert and one in the history."""
    cell = new_cell(fading(12, start_Ah=1.5))
    cell.invoke("Predict")
    cell.invoke("SetThresholds", ChangedBy="test", TemperatureWarning=30.0)
    cell.invoke("SetThresholds", ChangedBy="test", TemperatureWarning=50.0)
    assert cell.value("ActiveAlerts")
    delegate.live.forget(cell.name)
    return cell


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_goes_on_with_what_is_left(worn, delegate, kind, aas):
    if foreign_everywhere(worn, kind) == 0:
        pytest.skip("the AAS environment takes none of these")
    delegate.live.forget(worn.name)
    answer = answered(worn, "Predict")
    assert answer["Status"] == "ok", answer["Message"]
    assert answer["PredictedAtCycle"] >= KEPT_RECORDS
    if kind != "JSON number":
        assert answer["Message"].startswith("left out, since it is not the twin's: ")
    assert worn.value("PredictionDetails.AtCycle") == answer["PredictedAtCycle"], "mended by the prediction"
    assert worn.fleet()["AtCycle"] == answer["PredictedAtCycle"]
    assert answered(worn, "SimulateWhatIf", HorizonCycles=10)["Status"] == "ok"
    changed_to = answered(worn, "SetThresholds", ChangedBy="test", RULWarning=33.0)
    assert changed_to["Status"] == "ok" or "must be below" in changed_to["Message"], changed_to
    answered(worn, "AcknowledgeAlert", AlertId="StateOfHealth-endOfLife-12", AcknowledgedBy="test")
    added = answered(worn, "AppendCycle", **cycle(answer["PredictedAtCycle"] + 1, 1.45))
    assert added["Status"] in ("ok", "unavailable"), added["Message"]  # where the record's place is taken by another
    results = aas.invoke(fleet_submodel_id(), "PredictAll", {})["Results"]
    assert [one["ResultStatus"] for one in results if one["Battery"] == worn.name] == ["ok"]


@pytest.mark.parametrize("kind", ["text", "another kind", "a collection", "missing"])
def test_each_structure_may_be_another_thing(worn, delegate, kind):
    """Collections, lists and entities, one after another."""
    for name in ("Prediction", "OperationalData"):
        submodel = worn.aas.submodel(worn.prediction.removesuffix("Prediction") + name)
        for way in places(submodel):
            element = element_at(submodel, way)
            if element["modelType"] in ("Property", "Range") or is_kept(submodel, way):
                continue
            if not put(worn.aas, changed(submodel, way, kind)):
                continue
            delegate.live.forget(worn.name)
            answer = answered(worn, "Predict")
            gone = name == "OperationalData" and element.get("idShort") in ("Segments", "InternalSegment", "Records")
            assert answer["Status"] in (["unavailable"] if gone else ["ok"]), (element.get("idShort"), answer)
            assert answered(worn, "SetThresholds", ChangedBy="test", RULWarning=33.0)["Status"] == answer["Status"]
            put(worn.aas, submodel)


@pytest.mark.parametrize("seed", range(8))
def test_foreign_things_in_any_company(worn, delegate, seed):
    chance = random.Random(seed)
    for name in SUBMODELS:
        whole = worn.aas.submodel(worn.prediction.removesuffix("Prediction") + name)
        for _ in range(6):
            ways = [way for way in places(whole) if not is_kept(whole, way)]
            other = changed(whole, chance.choice(ways), chance.choice(sorted(KINDS)))
            whole = other if put(worn.aas, other) else whole
    delegate.live.forget(worn.name)
    answered(worn, "Predict")
    answered(worn, "SimulateWhatIf", HorizonCycles=10)
    answered(worn, "SetThresholds", ChangedBy="x", SoHWarning=99.0)
    answered(worn, "AcknowledgeAlert", AlertId="x", AcknowledgedBy="x")
    answered(worn, "AppendCycle", **cycle(13, 1.4))


def test_foreign_alert_stays_until_a_person_ends_it(worn, aas):
    """Severity "info" in a state nobody knows: it waits, it is told, and an acknowledgement ends it."""
    items = aas.element(worn.prediction, "ActiveAlerts")
    known = {"AlertId": "mine-1", "Severity": "info", "AlertState": "raised", "RaisedAt": "0001-01-01T00:00:00+14:00"}
    alert = items["value"][0]
    parts = [part | ({"value": known[part["idShort"]]} if part["idShort"] in known else {}) for part in alert["value"]]
    aas.put_element(worn.prediction, "ActiveAlerts", items | {"value": [*items["value"], alert | {"value": parts}]})
    answer = worn.append(13, 1.45)
    assert "].Severity is 'info', not one of warning, critical, endOfLife" in answer["Message"]
    assert [one["AlertId"] for one in worn.value("ActiveAlerts")][-1] == "mine-1"
    waiting = worn.fleet()["UnacknowledgedAlerts"]
    done = worn.invoke("AcknowledgeAlert", AlertId="mine-1", AcknowledgedBy="A. Operator")
    assert done["AlertState"] == "cleared"
    assert "mine-1" not in [one["AlertId"] for one in worn.value("ActiveAlerts")]
    ended = worn.value("AlertHistory")[-1]
    assert (ended["AlertId"], ended["Severity"], ended["AcknowledgedBy"]) == ("mine-1", "info", "A. Operator")
    assert worn.fleet()["UnacknowledgedAlerts"] == waiting - 1


@pytest.mark.parametrize("kind", KINDS)
def test_export_and_load_go_on(worn, delegate, kind):
    """What is exported conforms and can be read; the start's load tells and ends well."""
    before = transfer.export(worn.aas, [worn.name])
    foreign_everywhere(worn, kind)
    left_out: list[str] = []
    content = package.read(transfer.export(worn.aas, [worn.name], left_out=left_out))
    assert verify(content.environment) == []
    if kind in ("text", "year one", "superscript"):
        assert left_out
    report = transfer.load(worn.aas, package.read(before), delegate.url)
    assert any(shell.endswith(worn.name) for shell in report.kept)


def test_fleet_whose_parts_are_foreign(worn, aas, delegate):
    """The rows of all cells are another thing: every operation goes on, the start too; then the rows come back."""
    whole = aas.submodel(fleet_submodel_id())
    try:
        for kind in ("another kind", "missing", "a collection"):
            for index, element in enumerate(whole["submodelElements"]):
                other = changed(whole, [("submodelElements", index)], kind)
                if element["modelType"] != "Operation" and put(aas, other):
                    delegate.live.forget(worn.name)
                    assert answered(worn, "Predict")["Status"] == "ok"
                    assert transfer.removed_cells(aas) == set()
                    transfer.load(aas, package.read(transfer.export(aas, [worn.name])), delegate.url)
    finally:
        aas.put_submodel(whole)
