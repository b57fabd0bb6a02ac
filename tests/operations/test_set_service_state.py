"""In service or not: who says so, and what it does to the alerts of the cell."""

from __future__ import annotations

import pytest

from aasx.identifiers import fleet_submodel_id
from operations.cell import live_twin
from tests.operations.conftest import cycle, fading, serve


def states(cell):
    """(state of the alert in ActiveAlerts by its id, that in AlertHistory)"""
    return tuple(
        {one["AlertId"]: one["AlertState"] for one in cell.value(name) or []}
        for name in ("ActiveAlerts", "AlertHistory")
    )


@pytest.fixture
def worn(new_cell):
    cell = new_cell(fading(10, 1.5))  # 73.2 %, some 16 cycles left: critical state of health, RUL warning
    cell.invoke("Predict")
    return cell


def test_new_cell_is_in_service(new_cell):
    cell = new_cell(fading(3))
    assert cell.value("LiveState.ServiceState", "OperationalData") == "inService"
    cell.invoke("Predict")
    assert cell.fleet()["ServiceState"] == "inService"


@pytest.mark.parametrize("state", ["testEnded", "retired"])
def test_cell_out_of_service_asks_for_nothing_and_loses_nothing(worn, state):
    first, _ = states(worn)
    some, *_ = first
    worn.invoke("AcknowledgeAlert", AlertId=some, AcknowledgedBy="Ann", Comment="spare is ordered")
    before, was = states(worn), worn.value("ActiveAlerts")
    answer = worn.invoke("SetServiceState", ServiceState=state, ChangedBy="Bob", Comment="bench is free")
    assert worn.value("LiveState.ServiceState", "OperationalData") == state
    assert worn.value("ServiceChange", "OperationalData") == {
        "ChangedBy": "Bob", "ChangedAt": answer["ChangedAt"], "Comment": "bench is free",
    }  # fmt: skip
    assert states(worn) == ({}, dict.fromkeys(before[0], "cleared"))
    kept = {one["AlertId"]: one for one in worn.value("AlertHistory")}
    for alert in was:
        now = kept[alert["AlertId"]]
        assert all(now[name] == alert[name] for name in ("RaisedAt", "AcknowledgedBy", "AcknowledgementComment"))
    line = worn.fleet()
    assert (line["ServiceState"], line["AlertSeverity"], line["UnacknowledgedAlerts"]) == (state, "none", 0)
    assert line["RUL"] is not None


def test_cell_out_of_service_is_recorded_without_alerts_and_says_so(new_cell):
    cell = new_cell(fading(3))
    cell.invoke("SetServiceState", ServiceState="testEnded", ChangedBy="Bob")
    answer = cell.append(4, 1.2)
    assert (answer["Outcome"], answer["AlertsRaised"]) == ("appended", 0)
    assert "is not in service (testEnded)" in answer["Message"] and "SetServiceState" in answer["Message"]
    assert cell.value("ActiveAlerts") == [] and cell.fleet()["UnacknowledgedAlerts"] == 0
    assert cell.fleet()["AtCycle"] == 4 and cell.fleet()["ServiceState"] == "testEnded"
    assert cell.append(4, 1.2)["Message"] is None  # sent again: nothing new to tell


def test_back_in_service_the_cell_is_judged_anew(worn):
    before, _ = states(worn)
    worn.invoke("SetServiceState", ServiceState="retired", ChangedBy="Bob")
    worn.invoke("Predict")
    assert states(worn)[0] == {}
    worn.invoke("SetServiceState", ServiceState="inService", ChangedBy="Bob")
    after, past = states(worn)
    assert set(after.values()) == {"activeUnacknowledged"} and len(after) == len(before) == len(past)
    assert worn.fleet()["UnacknowledgedAlerts"] == len(after)


def test_same_state_again_stays_with_who_set_it(worn):
    first = worn.invoke("SetServiceState", ServiceState="retired", ChangedBy="Bob")
    again = worn.invoke("SetServiceState", ServiceState="retired", ChangedBy="Eve")
    assert again["ChangedAt"] == first["ChangedAt"]
    assert f"retired already since {first['ChangedAt']}, by Bob" in again["Message"]
    assert worn.value("ServiceChange.ChangedBy", "OperationalData") == "Bob"


def test_healthy_cell_that_leaves_service_is_summed_up_so(new_cell):
    cell = new_cell(fading(10))  # no alerts: nothing but the time of its prediction is written
    cell.invoke("Predict")
    cell.invoke("SetServiceState", ServiceState="retired", ChangedBy="Bob")
    assert cell.fleet()["ServiceState"] == "retired"


def test_unknown_state_is_refused(worn):
    before = worn.snapshot()
    failed = worn.refused("SetServiceState", ServiceState="asleep", ChangedBy="Bob")
    assert failed.status == "invalidInput" and "testEnded" in failed.message
    assert worn.refused("SetServiceState", ServiceState="retired").status == "invalidInput"
    assert worn.snapshot() == before


@pytest.mark.parametrize("foreign", ["Asleep", ""])
def test_foreign_state_counts_as_in_service_and_is_told(new_cell, aas, foreign):
    cell = new_cell(fading(10, 1.5))
    aas.set_value(cell.operational_data, "LiveState.ServiceState", foreign)
    answer = cell.invoke("Predict")
    assert cell.value("ActiveAlerts")
    assert cell.fleet()["ServiceState"] == "inService"
    assert ("LiveState.ServiceState is 'Asleep'" in (answer["Message"] or "")) == bool(foreign)
    assert cell.append(11, 1.45)["AlertsRaised"] is not None
    assert (cell.value("LiveState.ServiceState", "OperationalData") or "") == foreign  # a person decides
    cell.invoke("SetServiceState", ServiceState="inService", ChangedBy="Bob")
    assert cell.value("LiveState.ServiceState", "OperationalData") == "inService"
    assert cell.invoke("Predict")["Message"] is None


def test_twin_of_before_knows_no_service_state(new_cell, aas):
    cell = new_cell(fading(10, 1.5))
    aas.delete_element(cell.operational_data, "LiveState.ServiceState")
    aas.delete_element(cell.operational_data, "ServiceChange")
    assert cell.invoke("Predict")["Message"] is None
    assert cell.value("ActiveAlerts")
    aas.delete_element(fleet_submodel_id(), f"Cells.{cell.name}.ServiceState")
    cell.invoke("SetServiceState", ServiceState="testEnded", ChangedBy="Bob")
    assert cell.fleet()["ServiceState"] == "testEnded" and states(cell)[0] == {}


def test_another_delegate_notices_at_once(worn, settings):
    other = serve(settings)
    try:
        worn.post("set-service-state", {"ServiceState": "retired", "ChangedBy": "Bob"})
        worn.delegate_url = other.url
        assert worn.post("append-cycle", cycle(11, 1.45)).json()["AlertsRaised"] == 0
        assert worn.post("set-service-state", {"ServiceState": "inService", "ChangedBy": "Bob"}).status_code == 200
    finally:
        other.stop()
    worn.append(12, 1.44)
    assert states(worn)[0]


def test_alerts_judged_while_the_cell_leaves_service_are_not_written(new_cell, delegate, monkeypatch):
    """Another delegate takes the cell out of service after this one has read its history."""
    cell = new_cell(fading(10, 1.5))
    read = live_twin.LiveTwin.prediction_submodel
    done: list[str] = []

    def slow(live, name):
        if not done:
            done.append(name)
            cell.aas.set_value(cell.operational_data, "LiveState.ServiceState", "retired")
        return read(live, name)

    monkeypatch.setattr(live_twin.LiveTwin, "prediction_submodel", slow)
    cell.invoke("Predict")
    assert done and cell.value("ActiveAlerts") == []
