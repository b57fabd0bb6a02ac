"""AcknowledgeAlert: a person has seen an alert; who, when and a comment stay with it."""

from __future__ import annotations

from datetime import UTC, datetime

from aasx.alerts import Alert
from aasx.elements.shape import mended, read
from aasx.elements.values import with_items, with_value
from aasx.submodels import prediction
from operations.cell import alerts, outbox, present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.cell.many_alerts import Outcome
from operations.request import remarks
from operations.request.edge import DATE_TIME, Inputs, Outputs, line, variable
from operations.request.errors import OperationError
from operations.request.logs import request_id


class AcknowledgeAlertInputs(Inputs):
    AlertId: str = line(longest=100)
    AcknowledgedBy: str = line(longest=100)
    Comment: str | None = line(None, longest=500)


class AcknowledgeAlertOutputs(Outputs):
    AlertState: str | None = variable(None)
    AcknowledgedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def acknowledge_alert(live: LiveTwin, cell: str, inputs: AcknowledgeAlertInputs) -> AcknowledgeAlertOutputs:
    """Acknowledged already: by the same person it is said again, by another it is a conflict naming who and when."""
    found = acknowledge_in(live, cell, [inputs.AlertId], inputs.AcknowledgedBy, inputs.Comment)[inputs.AlertId]
    if found.status != "ok":
        raise OperationError(found.status, found.message or "")
    return AcknowledgeAlertOutputs(AlertState=found.state, AcknowledgedAt=found.at, RequestId=request_id.get())


def acknowledge_in(live: LiveTwin, cell: str, ids: list[str], by: str, comment: str | None) -> dict[str, Outcome]:
    """What became of alerts of one cell, by AlertId; those of the twin in one write, foreign ones one by one."""
    submodel = live.prediction_submodel(cell)
    stored = present_state.Stored.of(submodel)
    remarks.note(stored.foreign)
    known = {alert.AlertId: alert for alert in [*reversed(stored.past), *reversed(stored.active)]}
    new = {one for one in ids if one in known and known[one].waits and not known[one].is_acknowledged}
    if new:
        change = alerts.acknowledge(stored.active, new, by, comment, twin.utc_text(datetime.now(UTC)))
        whole = mended(submodel, prediction.template())
        with outbox.telling(live, cell, outbox.events(stored.active, change)):
            live.put_prediction(cell, present_state.with_alerts(whole, change, stored.foreign_alerts), submodel)
        present_state.sum_up(live, cell)
        known |= {alert.AlertId: alert for alert in change.kept + change.closed}
    return {
        one: _outcome(known[one], by) if one in known else _end_foreign(live, cell, one, by, comment)
        for one in dict.fromkeys(ids)
    }


def _outcome(alert: Alert, by: str) -> Outcome:
    if not alert.is_acknowledged:
        return Outcome("conflict", f"the alert was closed at {alert.ClearedAt}: there is nothing to acknowledge")
    if alert.AcknowledgedBy != by:
        text = f"the alert was acknowledged already by {alert.AcknowledgedBy} at {alert.AcknowledgedAt}"
        return Outcome("conflict", text)
    return Outcome("ok", None, alert.AlertState, alert.AcknowledgedAt)


def _end_foreign(live: LiveTwin, cell: str, alert_id: str, by: str, comment: str | None) -> Outcome:
    """Ends an alert that is not the twin's (another Severity, another state): acknowledged, it goes to the history,
    since no evaluation will ever clear it."""
    submodel = live.prediction_submodel(cell)
    items, shape = present_state.items_of(submodel), prediction.shape().part("ActiveAlerts").every
    assert shape is not None
    found = next((one for one in items if read(one, shape)["AlertId"] == alert_id), None)
    if found is None:
        return Outcome("notFound", f"{cell} has no alert of this AlertId")
    now = twin.utc_text(datetime.now(UTC))
    acknowledgement = {
        "AlertState": "cleared", "AcknowledgedAt": now, "AcknowledgedBy": by, "AcknowledgementComment": comment,
        "ClearedAt": now,
    }  # fmt: skip
    ended = with_value(mended(found, prediction.list_items()["ActiveAlerts"]), acknowledgement)
    ended["value"] = [part for part in ended["value"] if part["modelType"] != "ReferenceElement" or part.get("value")]
    whole = mended(submodel, prediction.template())
    new = {
        "ActiveAlerts": [one for one in items if one is not found],
        "AlertHistory": [*present_state.items_of(whole, "AlertHistory"), ended][-alerts.HISTORY_LENGTH :],
    }
    elements = [
        with_items(one, new[one["idShort"]]) if one["idShort"] in new else one for one in whole["submodelElements"]
    ]
    whole = whole | {"submodelElements": elements}
    live.put_prediction(cell, whole, submodel)
    present_state.sum_up(live, cell)
    return Outcome("ok", None, "cleared", now)
