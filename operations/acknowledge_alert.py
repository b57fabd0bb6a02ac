"""AcknowledgeAlert: a person has seen an alert; who, when and a comment stay with it."""

from __future__ import annotations

from datetime import UTC, datetime

from aasx.elements.shape import mended, read
from aasx.elements.values import Json, with_items, with_value
from aasx.submodels import prediction
from operations.cell import alerts, outbox, present_state, twin
from operations.cell.live_twin import LiveTwin
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
    submodel = live.prediction_submodel(cell)
    stored = present_state.Stored.of(submodel)
    remarks.note(stored.foreign)
    active = stored.active
    found = next((alert for alert in active + stored.past if alert.AlertId == inputs.AlertId), None)
    if found is None:
        if answer := _end_foreign(live, cell, submodel, inputs):
            return answer
        raise OperationError("notFound", f"{cell} has no alert of this AlertId")
    if found.is_acknowledged and found.AcknowledgedBy != inputs.AcknowledgedBy:
        who, when = found.AcknowledgedBy, found.AcknowledgedAt
        raise OperationError("conflict", f"the alert was acknowledged already by {who} at {when}")
    if not found.is_acknowledged:
        now = twin.utc_text(datetime.now(UTC))
        change = alerts.acknowledge(active, found.AlertId, inputs.AcknowledgedBy, inputs.Comment, now)
        whole = mended(submodel, prediction.template())
        with outbox.telling(live, cell, outbox.events(active, change)):
            live.put_prediction(cell, present_state.with_alerts(whole, change))
        present_state.sum_up(live, cell)
        found = next(alert for alert in change.kept + change.closed if alert.AlertId == found.AlertId)
    return AcknowledgeAlertOutputs(
        AlertState=found.AlertState, AcknowledgedAt=found.AcknowledgedAt, RequestId=request_id.get()
    )


def _end_foreign(
    live: LiveTwin, cell: str, submodel: Json, inputs: AcknowledgeAlertInputs
) -> AcknowledgeAlertOutputs | None:
    """Ends an alert that is not the twin's (another Severity, another state): acknowledged, it goes to the history,
    since no evaluation will ever clear it. None when there is none of this AlertId."""
    items, shape = present_state.items_of(submodel), prediction.shape().part("ActiveAlerts").every
    assert shape is not None
    found = next((one for one in items if read(one, shape)["AlertId"] == inputs.AlertId), None)
    if found is None:
        return None
    now = twin.utc_text(datetime.now(UTC))
    acknowledgement = {
        "AlertState": "cleared", "AcknowledgedAt": now, "AcknowledgedBy": inputs.AcknowledgedBy,
        "AcknowledgementComment": inputs.Comment, "ClearedAt": now,
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
    live.put_prediction(cell, whole)
    present_state.sum_up(live, cell)
    return AcknowledgeAlertOutputs(AlertState="cleared", AcknowledgedAt=now, RequestId=request_id.get())
