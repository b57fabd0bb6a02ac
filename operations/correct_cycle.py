"""CorrectCycle: other values for a recorded cycle, or the cycle withdrawn; who, why and the old values are kept.

A withdrawn cycle leaves a gap: its number is never given to another cycle, and no other cycle is renumbered. With
values for it, it is recorded again. Counters, live state, prediction, alerts and the fleet follow as after any cycle.

Order of the writes: the entry in Corrections (what stood there), then what decides (the record, or WithdrawnCycles),
then what follows from it. The same call again completes what an interrupted one left open.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pydantic import create_model

from aasx.submodels import curves
from model.records.cycle import COLUMNS
from operations.cell import clock, present_state, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.recording import StateOutputs, column_inputs
from operations.request.columns import ID_SHORT
from operations.request.edge import DATE_TIME, Inputs, line, variable
from operations.request.errors import InvalidInput, Problem, shown
from operations.request.logs import request_id

CORRECTED, WITHDRAWN, RESTORED, ALREADY_SO = "corrected", "withdrawn", "restored", "alreadySo"


CorrectCycleInputs: Any = create_model(
    "CorrectCycleInputs",
    __base__=Inputs,
    CorrectedBy=(str, line(longest=100)),
    Comment=(str, line(longest=500)),
    Withdrawn=(bool | None, variable(None)),
    **column_inputs(),
)  # type: ignore[call-overload]


class CorrectCycleOutputs(StateOutputs):
    Outcome: str | None = variable(None)
    CorrectedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def correct_cycle(live: LiveTwin, cell: str, inputs: Any) -> CorrectCycleOutputs:
    """Raises InvalidInput for a cycle that is not recorded, for values that do not fit, and when nothing is given."""
    history = live.completed(live.history(cell))
    number, given = inputs.id_cycle, given_values(history, inputs)
    before = present_row(history, number)
    if before is None and number not in history.withdrawn:
        raise InvalidInput(Problem("id_cycle", shown(number), f"is no cycle of this cell; {_known(history)}"))
    after = None if inputs.Withdrawn else (before or {"cycle_number": number}) | given
    if after is not None and "start_time" in given and "rest_before_h" not in given:
        earlier = history.cycles["cycle_number"][history.cycles["cycle_number"] < number]
        rest_h = rest_before_h(present_row(history, int(earlier.iloc[-1])) if len(earlier) else None, after)
        after = after if rest_h is None else after | {"rest_before_h": rest_h}
    if after is not None:
        check(history, after)
    outcome = _outcome(before, after)
    now = twin.utc_text(datetime.now(UTC))
    if outcome != ALREADY_SO:
        changed = set(COLUMNS) if before is None or after is None else {*given, "rest_before_h"} & after.keys()
        if before is not None and after is not None and before.get("rest_before_h") == after.get("rest_before_h"):
            changed.discard("rest_before_h")
        entry = {"id_cycle": number, "CorrectedBy": inputs.CorrectedBy, "CorrectedAt": now, "Comment": inputs.Comment}
        entry |= {"Outcome": outcome, "OldValues": as_json(before, changed), "NewValues": as_json(after, changed)}
        live.keep_correction(cell, entry)
        write(live, history, number, after)
        write_rest_after(live, history, number, after)
        history = live.corrected(cell, latest_changed=number >= (history.last_cycle or 0))
    found = present_state.stored(live, history)
    prediction, raised = present_state.write(live, history, found)
    return CorrectCycleOutputs(
        Outcome=outcome,
        CorrectedAt=None if outcome == ALREADY_SO else now,
        RecordCount=len(history.cycles),
        AlertsRaised=len(raised),
        RequestId=request_id.get(),
        **twin.state_values(prediction),
    )


def given_values(history: CellHistory, inputs: Any) -> dict[str, Any]:
    """The new values by column. Raises InvalidInput when there are none, or a withdrawal has some."""
    given = {
        column: pd.Timestamp(clock.on_clock(history.clock, name, value)[1]) if column == "start_time" else value
        for column, name in ID_SHORT.items()
        if column != "cycle_number" and (value := getattr(inputs, name)) is not None
    }
    if inputs.Withdrawn and given:
        names = ", ".join(ID_SHORT[column] for column in given)
        raise InvalidInput(Problem("Withdrawn", "true", f"goes without new values, but {names} given"))
    if not inputs.Withdrawn and not given:
        raise InvalidInput(Problem("Capacity", "", "give at least one new value, or Withdrawn true"))
    return given


def present_row(history: CellHistory, number: int) -> dict[str, Any] | None:
    """The recorded cycle, its known values only."""
    found = history.cycles[history.cycles["cycle_number"] == number]
    if not len(found):
        return None
    return {name: value for name, value in found.iloc[0].to_dict().items() if not pd.isna(value)}


def check(history: CellHistory, row: dict[str, Any]) -> None:
    """Raises InvalidInput for a cycle without capacity, with a value that is impossible for this cell, or that would
    start before the one before it."""
    number = row["cycle_number"]
    if "capacity_Ah" not in row:
        raise InvalidInput(Problem("Capacity", "", "missing; a cycle that is recorded again needs it"))
    for column, (low, high) in history.limits.items():
        if column in row and not low <= row[column] <= high:
            allowed = f"must be a number from {low:g} to {high:g} {COLUMNS[column].unit} for {history.described_as}"
            raise InvalidInput(Problem(ID_SHORT[column], shown(row[column]), allowed))
    if "start_time" not in row:
        return
    timed = history.cycles[history.cycles["start_time"].notna()]
    for others, is_wrong, where in (
        (timed[timed["cycle_number"] < number].tail(1), lambda other: row["start_time"] <= other, "after"),
        (timed[timed["cycle_number"] > number].head(1), lambda other: row["start_time"] >= other, "before"),
    ):
        for other, neighbour in zip(others["start_time"], others["cycle_number"], strict=True):
            if is_wrong(other):
                allowed = f"must be {where} the start of cycle {neighbour}, {other.isoformat()}"
                raise InvalidInput(Problem("Time", row["start_time"].isoformat(), allowed))


def write(live: LiveTwin, history: CellHistory, number: int, after: dict[str, Any] | None) -> None:
    """The record, or its withdrawal."""
    if after is None:
        live.put_withdrawn(history, history.withdrawn | {number})
        live.delete_record(history.cell, number)
        if number == history.last_cycle:  # whose curves are no longer those of the last cycle
            live.put_latest_curves(history.cell, curves.HEADER)
    else:
        live.put_record(history, after)
        if number in history.withdrawn:
            live.put_withdrawn(history, history.withdrawn - {number})


def rest_before_h(before: dict[str, Any] | None, row: dict[str, Any]) -> float | None:
    """Hours between the end of the cycle before and the start of this one; None where that is not known."""
    if before is None or not {"start_time", "duration_s"} <= before.keys() or "start_time" not in row:
        return None
    apart_s = (row["start_time"] - before["start_time"]).total_seconds()
    return max(0.0, apart_s - before["duration_s"]) / 3600


def write_rest_after(live: LiveTwin, history: CellHistory, number: int, after: dict[str, Any] | None) -> None:
    """The rest before the cycle that comes next, where this one was moved, lasted otherwise, or is no more."""
    numbers = history.cycles["cycle_number"]
    later, earlier = numbers[numbers > number], numbers[numbers < number]
    following = present_row(history, int(later.iloc[0])) if len(later) else None
    if following is None or "rest_before_h" not in following:
        return
    before = after if after is not None else present_row(history, int(earlier.iloc[-1])) if len(earlier) else None
    was = present_row(history, number)
    span = ("start_time", "duration_s")
    if was is not None and after is not None and all(was.get(name) == after.get(name) for name in span):
        return
    rest_h = rest_before_h(before, following)
    known = {name: value for name, value in following.items() if name != "rest_before_h"}
    live.put_record(history, known if rest_h is None else known | {"rest_before_h": rest_h})


def as_json(row: dict[str, Any] | None, columns: set[str]) -> str | None:
    """Values by idShort, those of `columns` only; None for no row."""
    if row is None:
        return None
    found = {ID_SHORT[name]: twin.plain(value) for name, value in row.items() if name in columns}
    return json.dumps(found, ensure_ascii=False)


def _outcome(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    if before == after:
        return ALREADY_SO
    if after is None:
        return WITHDRAWN
    return RESTORED if before is None else CORRECTED


def _known(history: CellHistory) -> str:
    if history.last_cycle is None:
        return "it has none yet"
    return f"they run from {history.first_cycle} to {history.last_cycle}"
