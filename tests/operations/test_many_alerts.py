"""AcknowledgeAlerts and ShelveAlerts: many alerts of many cells in one call, a result for each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aasx.alerts import in_utc
from aasx.client import OperationFailed
from aasx.identifiers import fleet_submodel_id
from tests.operations.conftest import fading


@pytest.fixture
def worn_cells(new_cell):
    cells = [new_cell(fading(10, 1.5)) for _ in range(3)]
    for cell in cells:
        cell.invoke("Predict")
    return cells


def addresses(cells):
    return [
        {"Battery": cell.name, "AlertId": alert["AlertId"]} for cell in cells for alert in cell.value("ActiveAlerts")
    ]


def of_fleet(aas, operation, alerts, **inputs):
    return aas.invoke(fleet_submodel_id(), operation, {"Alerts": alerts, **inputs}, timeout_s=60)


def test_many_alerts_are_acknowledged_with_one_comment(aas, worn_cells):
    alerts = addresses(worn_cells)
    answer = of_fleet(aas, "AcknowledgeAlerts", alerts, AcknowledgedBy="Ann", Comment="spares are ordered")
    assert answer["Message"] is None
    assert [(one["Battery"], one["AlertId"]) for one in answer["AlertResults"]] == [
        (one["Battery"], one["AlertId"]) for one in alerts
    ]
    assert {(one["ResultStatus"], one["AlertState"]) for one in answer["AlertResults"]} == {
        ("ok", "activeAcknowledged")
    }
    for cell in worn_cells:
        assert {one["AcknowledgementComment"] for one in cell.value("ActiveAlerts")} == {"spares are ordered"}
        assert cell.fleet()["UnacknowledgedAlerts"] == 0


def test_each_alert_has_its_own_result(aas, worn_cells, new_cell):
    first, second, third = worn_cells
    (one, *_), (two, *_) = (addresses([cell]) for cell in (first, second))
    second.invoke("AcknowledgeAlert", AlertId=two["AlertId"], AcknowledgedBy="Eve")
    gone = addresses([third])[0]
    third.invoke("SetServiceState", ServiceState="retired", ChangedBy="Bob")
    asked = [one, two, gone, {"Battery": first.name, "AlertId": "none"}, {"Battery": "NoSuchCell", "AlertId": "x"},
             {"Battery": "no name/at all", "AlertId": "x"}]  # fmt: skip
    answer = of_fleet(aas, "AcknowledgeAlerts", asked, AcknowledgedBy="Ann")
    assert [result["ResultStatus"] for result in answer["AlertResults"]] == [
        "ok", "conflict", "conflict", "notFound", "notFound", "notFound",
    ]  # fmt: skip
    assert "by Eve" in answer["AlertResults"][1]["ResultMessage"]
    assert "nothing to acknowledge" in answer["AlertResults"][2]["ResultMessage"]
    assert answer["Message"] == "5 of 6 alerts were left as they are"


def test_shelved_alerts_ask_for_nobody_until_their_time_is_over(aas, worn_cells):
    cell = worn_cells[0]
    alerts, before = addresses([cell]), datetime.now(UTC)
    answer = of_fleet(aas, "ShelveAlerts", alerts, ShelvedBy="Ann", ShelvingTime_h=2.0, Comment="bench is repaired")
    until = in_utc(answer["ShelvedUntil"])
    assert until is not None
    assert before + timedelta(hours=2) <= until <= datetime.now(UTC) + timedelta(hours=2)
    for alert in cell.value("ActiveAlerts"):
        assert (alert["ShelvedUntil"], alert["ShelvedBy"]) == (answer["ShelvedUntil"], "Ann")
        assert (alert["ShelvingComment"], alert["AlertState"]) == ("bench is repaired", "activeUnacknowledged")
    line = cell.fleet()
    assert line["UnacknowledgedAlerts"] == 0 and line["AlertSeverity"] == "critical"
    assert line["ShelvedAlertsUntil"].split() == [answer["ShelvedUntil"]] * len(alerts)
    cell.append(11, 1.45)  # what happens to the cell meanwhile leaves them on the shelf
    assert cell.fleet()["UnacknowledgedAlerts"] == 0
    back = of_fleet(aas, "ShelveAlerts", alerts, ShelvedBy="Bob", ShelvingTime_h=0.0)
    assert back["ShelvedUntil"] is None and cell.fleet()["UnacknowledgedAlerts"] == len(alerts)
    assert {(one["ShelvedUntil"], one["ShelvedBy"]) for one in cell.value("ActiveAlerts")} == {(None, "Bob")}


@pytest.mark.parametrize(
    ("operation", "inputs", "named"),
    [
        ("AcknowledgeAlerts", {"Alerts": [], "AcknowledgedBy": "Ann"}, "Alerts"),
        ("AcknowledgeAlerts", {"Alerts": [{"Battery": "B", "AlertId": "x"}] * 501, "AcknowledgedBy": "Ann"}, "Alerts"),
        ("AcknowledgeAlerts", {"Alerts": [{"Battery": "B"}], "AcknowledgedBy": "Ann"}, "AlertId"),
        ("AcknowledgeAlerts", {"Alerts": [{"Battery": "B", "AlertId": "x"}], "AcknowledgedBy": " "}, "AcknowledgedBy"),
        ("ShelveAlerts", {"Alerts": [{"Battery": "B", "AlertId": "x"}], "ShelvedBy": "A", "ShelvingTime_h": 721.0},
         "ShelvingTime_h"),
        ("ShelveAlerts", {"Alerts": [{"Battery": "B", "AlertId": "x"}], "ShelvedBy": "A"}, "ShelvingTime_h"),
    ],
)  # fmt: skip
def test_wrong_calls_are_refused(aas, fleet_shell, operation, inputs, named):
    with pytest.raises(OperationFailed) as caught:
        aas.invoke(fleet_submodel_id(), operation, inputs, timeout_s=30)
    assert caught.value.status == "invalidInput" and named in caught.value.message
