"""AcknowledgeAlerts: a person has seen many alerts, of any cells; who, when and one comment stay with each."""

from __future__ import annotations

from operations.acknowledge_alert import acknowledge_in
from operations.cell.live_twin import LiveTwin
from operations.cell.many_alerts import MOST_ALERTS, AlertAddress, AlertResult, in_cells, told
from operations.request.edge import Inputs, Outputs, line, variable
from operations.request.logs import request_id


class AcknowledgeAlertsInputs(Inputs):
    Alerts: list[AlertAddress] = variable(min_length=1, max_length=MOST_ALERTS)
    AcknowledgedBy: str = line(longest=100)
    Comment: str | None = line(None, longest=500)


class AcknowledgeAlertsOutputs(Outputs):
    AlertResults: list[AlertResult] | None = variable(None)
    RequestId: str | None = variable(None)


def acknowledge_alerts(live: LiveTwin, _fleet: str, inputs: AcknowledgeAlertsInputs) -> AcknowledgeAlertsOutputs:
    """All alerts of a cell in one write. What could not be acknowledged says why, and keeps no other from it."""
    results = in_cells(
        live,
        inputs.Alerts,
        lambda cell, ids: acknowledge_in(live, cell, ids, inputs.AcknowledgedBy, inputs.Comment),
    )
    return AcknowledgeAlertsOutputs(Message=told(results), AlertResults=results, RequestId=request_id.get())
