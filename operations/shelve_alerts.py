"""ShelveAlerts: a person takes alerts out of sight for a time (ISA-18.2); they come back by themselves.

Until when, by whom and why stand in the alert. Its state goes on meanwhile, and an alert of a higher severity of the
same indicator is another alert, not shelved.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aasx.elements.shape import mended
from aasx.submodels import prediction
from operations.cell import alerts, present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.cell.many_alerts import MOST_ALERTS, AlertAddress, AlertResult, Outcome, in_cells, told
from operations.request.edge import DATE_TIME, Inputs, Outputs, line, variable
from operations.request.logs import request_id

LONGEST_h = 720.0


class ShelveAlertsInputs(Inputs):
    Alerts: list[AlertAddress] = variable(min_length=1, max_length=MOST_ALERTS)
    ShelvedBy: str = line(longest=100)
    ShelvingTime_h: float = variable(ge=0, le=LONGEST_h)
    Comment: str | None = line(None, longest=500)


class ShelveAlertsOutputs(Outputs):
    AlertResults: list[AlertResult] | None = variable(None)
    ShelvedUntil: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def shelve_alerts(live: LiveTwin, _fleet: str, inputs: ShelveAlertsInputs) -> ShelveAlertsOutputs:
    end = datetime.now(UTC) + timedelta(hours=inputs.ShelvingTime_h)
    until = twin.utc_text(end) if inputs.ShelvingTime_h else None
    results = in_cells(
        live, inputs.Alerts, lambda cell, ids: shelve_in(live, cell, ids, inputs.ShelvedBy, inputs.Comment, until)
    )
    return ShelveAlertsOutputs(
        Message=told(results), AlertResults=results, ShelvedUntil=until, RequestId=request_id.get()
    )


def shelve_in(
    live: LiveTwin, cell: str, ids: list[str], by: str, comment: str | None, until: str | None
) -> dict[str, Outcome]:
    """What became of alerts of one cell, by AlertId; `until` None takes them back."""
    submodel = live.prediction_submodel(cell)
    stored = present_state.Stored.of(submodel)
    active = stored.active
    states = {alert.AlertId: alert.AlertState for alert in active}
    wanted = [one for one in ids if one in states]
    if wanted:
        change = alerts.shelve(active, wanted, by, comment, until)
        whole = mended(submodel, prediction.template())
        live.put_prediction(cell, present_state.with_alerts(whole, change, stored.foreign_alerts), submodel)
        present_state.sum_up(live, cell)
    missing = Outcome("notFound", f"{cell} has no such alert that could be shelved")
    return {one: Outcome("ok", state=states[one], at=until) if one in states else missing for one in ids}
