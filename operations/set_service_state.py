"""SetServiceState: whether a cell is in service, its test has ended, or it is retired; who says so, when and why.

A cell that is not in service is recorded and predicted as any other, but raises no alerts: those it has are closed into
its AlertHistory as they stand. Back in service it is judged anew, with the state that it has then.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from operations.cell import present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.request import remarks
from operations.request.edge import DATE_TIME, Inputs, Outputs, line, variable
from operations.request.logs import request_id


class SetServiceStateInputs(Inputs):
    ServiceState: Literal["inService", "testEnded", "retired"] = variable()
    ChangedBy: str = line(longest=100)
    Comment: str | None = line(None, longest=500)


class SetServiceStateOutputs(Outputs):
    ChangedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def set_service_state(live: LiveTwin, cell: str, inputs: SetServiceStateInputs) -> SetServiceStateOutputs:
    """The state it has already stays with who set it; what an interrupted call has left undone is done in any case."""
    history = live.completed(live.history(cell))
    now = datetime.now(UTC)
    if live.live_state(cell)["ServiceState"] == inputs.ServiceState:
        change = live.service_change(cell)
        since = f" since {change['ChangedAt']}, by {change['ChangedBy']}" if change["ChangedAt"] else ""
        remarks.remark(f"{cell} is {inputs.ServiceState} already{since}")
    else:
        change = {"ChangedBy": inputs.ChangedBy, "ChangedAt": twin.utc_text(now), "Comment": inputs.Comment}
        live.put_service_state(cell, inputs.ServiceState, change)
        history = live.completed(live.history(cell))
    present_state.write(live, history, present_state.stored(live, history), now=now)
    return SetServiceStateOutputs(ChangedAt=change["ChangedAt"], RequestId=request_id.get())
