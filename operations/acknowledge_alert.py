"""AcknowledgeAlert: a person has seen an alert; who, when and a comment stay with it."""

from __future__ import annotations

from datetime import UTC, datetime

from aasx.elements.values import child, to_value
from operations.cell import alerts, present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.request.edge import DATE_TIME, Inputs, Outputs, line, variable
from operations.request.errors import OperationError, reading
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
    with reading(f"alerts of {cell}"):
        active, past = (
            [alerts.Alert.of(values) for values in to_value(child(submodel, name))]
            for name in ("ActiveAlerts", "AlertHistory")
        )
    found = next((alert for alert in active + past if alert.AlertId == inputs.AlertId), None)
    if found is None:
        raise OperationError("notFound", f"{cell} has no alert of this AlertId")
    if found.is_acknowledged and found.AcknowledgedBy != inputs.AcknowledgedBy:
        who, when = found.AcknowledgedBy, found.AcknowledgedAt
        raise OperationError("conflict", f"the alert was acknowledged already by {who} at {when}")
    if not found.is_acknowledged:
        now = twin.utc_text(datetime.now(UTC))
        change = alerts.acknowledge(active, found.AlertId, inputs.AcknowledgedBy, inputs.Comment, now)
        live.put_prediction(present_state.with_alerts(submodel, change))
        summary = {
            "AlertSeverity": alerts.highest_severity(change.kept),
            "UnacknowledgedAlerts": alerts.unacknowledged(change.kept),
        }
        live.update_fleet_summary(cell, summary)
        found = next(alert for alert in change.kept + change.closed if alert.AlertId == found.AlertId)
    return AcknowledgeAlertOutputs(
        AlertState=found.AlertState, AcknowledgedAt=found.AcknowledgedAt, RequestId=request_id.get()
    )
