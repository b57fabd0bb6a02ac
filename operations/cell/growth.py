"""What a finished cycle does to its cell, whoever brings it: record, curves, counters, live state, prediction, alerts.

AppendCycle, AppendCycles, AppendSamples and imports of files differ in how they come by the row of a cycle; from there
on all of them call `add` for each cycle and `follow` once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from aasx.client import Changed
from aasx.submodels import curves
from aasx.vocabulary import IN_SERVICE
from model.prediction import Prediction
from model.records.features import DISCHARGE_FEATURES, Scale, cycle_features
from operations.cell import alerts, clock, present_state, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.intake.cycles import CYCLE, GAP_BRIDGED, REJECTED, Discharge
from operations.request import remarks
from operations.request.columns import ID_SHORT
from operations.request.errors import InvalidInput, OperationError, Problem, shown

APPENDED, PRESENT = "appended", "alreadyPresent"
BEFORE_LAST, NUMBER_TAKEN, WITHDRAWN = "beforeLast", "numberTaken", "withdrawn"
RELATIVE_TOLERANCE = 1e-9
SAME_START = pd.Timedelta(seconds=1)


@dataclass(frozen=True)
class Ended:
    """What became of one cycle. `number` None where it is no cycle of the history; `reason` where it was rejected."""

    number: int | None
    start_time: pd.Timestamp | None
    capacity_Ah: float | None
    outcome: str
    reason: str | None = None
    notes: tuple[str, ...] = ()


def add(live: LiveTwin, history: CellHistory, row: Mapping[str, Any]) -> tuple[CellHistory, str]:
    """The history with the cycle, and whether it was `APPENDED` or `PRESENT` (the very same) before.

    `row`: columns of the model's table, those that are known. The history must be complete when the first one is added.
    Raises InvalidInput for a cycle that does not follow the last one, OperationError (conflict) for other values under
    a recorded number. Nothing is written then.
    """
    if is_present(history, row):
        return history, PRESENT
    return live.append_record(history, in_order(history, row)), APPENDED


def add_last(live: LiveTwin, history: CellHistory, row: Mapping[str, Any], has_curves: bool) -> CellHistory:
    """The history with a cycle that is not in it, which no other follows: what `follow` needs is worked out while the
    record is being written.

    `has_curves`: those of the cycle are put between the record and what follows from it.
    """
    return live.append_record(history, in_order(history, row), present_state.ahead(live, history), not has_curves)


def add_discharges(
    live: LiveTwin,
    history: CellHistory,
    found: Sequence[Discharge],
    ambient_temperature_degC: float | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[CellHistory, list[Ended]]:
    """Adds the discharges of a stream of samples (`operations.intake.cycles`), in their order, on the cell's clock.

    One that starts when a recorded one does is the same one; one that starts when a withdrawn one did stays out. What
    is no cycle goes into RejectedCycles. The curves of the last cycle become those of the cell. `check` is called
    before each write and may raise to end it there.
    """
    ended: list[Ended] = []
    last: Discharge | None = None
    gone = live.withdrawn_starts(history) if found else []
    for discharge in found:
        check()
        start, reason = clock.moment(discharge.start_s), discharge.reason
        number = _number_of(history, discharge)
        if discharge.outcome == CYCLE:
            present = present_at(history, start)
            if present is not None:
                ended.append(Ended(present, start, discharge.capacity_Ah, PRESENT, None, discharge.notes))
                continue
            if any(abs(start - one) <= SAME_START for one in gone):
                reason = WITHDRAWN
            elif history.latest_start is not None and start <= history.latest_start:
                reason = BEFORE_LAST
            elif number is None:
                reason = NUMBER_TAKEN
        if reason is None and number is not None:
            row = sampled_row(history, discharge, number, ambient_temperature_degC)
            history, last = live.append_record(history, in_order(history, row)), discharge
            ended.append(Ended(number, start, discharge.capacity_Ah, APPENDED, None, discharge.notes))
        else:
            ended.append(Ended(None, start, discharge.capacity_Ah, REJECTED, reason, discharge.notes))
    if last is not None and history.last_cycle is not None:
        check()
        start = clock.text(clock.moment(last.start_s), history.clock)
        csv = curves_csv(history.last_cycle, last.table(), last.charge_table(), start)
        live.put_latest_curves(history.cell, csv)
    keep_rejected(live, history.cell, history.clock, ended)
    return history, ended


def _number_of(history: CellHistory, discharge: Discharge) -> int | None:
    """The source's number if it goes on from the last cycle, the next one where the source gives none."""
    last = history.last_number or 0
    if discharge.number is None or discharge.number < 1:
        return last + 1
    return discharge.number if discharge.number > last else None


def present_at(history: CellHistory, start: pd.Timestamp) -> int | None:
    """The number of the recorded cycle that starts at this time."""
    apart = (history.cycles["start_time"] - start).abs()
    same = history.cycles["cycle_number"][apart <= SAME_START]
    return int(same.iloc[-1]) if len(same) else None


def sampled_row(
    history: CellHistory, discharge: Discharge, number: int, ambient_temperature_degC: float | None
) -> dict[str, Any]:
    """A discharge as a row of the model's table. What is impossible for the cell is left out."""
    table, series = discharge.table(), history.series_count
    measured = table["Temperature_measured"].notna()
    if measured.any():
        times = table["Time"].to_numpy()
        table["Temperature_measured"] = np.interp(times, times[measured], table["Temperature_measured"][measured])
    scale = Scale.of(history.described.facts, history.rated_capacity_Ah)
    found = cycle_features(twin.samples_per_cell(table.fillna({"Temperature_measured": 0.0}), series), scale=scale)
    unknown = () if measured.any() else ("temperature_max_degC", "temperature_rise_K")
    sparse = {name for name in DISCHARGE_FEATURES if name.endswith("_Ah")} if GAP_BRIDGED in discharge.notes else ()
    row: dict[str, Any] = twin.features_at_terminals(found, series) | discharge.features
    row |= {"capacity_Ah": discharge.capacity_Ah}
    if ambient_temperature_degC is not None:
        row["ambient_temperature_degC"] = ambient_temperature_degC
    for name, (low, high) in history.limits.items():
        if name in row and (name in unknown or name in sparse or not low <= row[name] <= high):
            del row[name]
    return row | {"cycle_number": number, "start_time": clock.moment(discharge.start_s)}


def keep_rejected(live: LiveTwin, cell: str, by_clock: str | None, ended: Sequence[Ended]) -> None:
    """The rejected ones into the cell's list, each once."""
    rejected = [
        {"Time": clock.text(one.start_time, by_clock), "Capacity": one.capacity_Ah, "Reason": one.reason}
        for one in ended
        if one.outcome == REJECTED and one.start_time is not None
    ]
    if rejected:
        live.put_rejected(cell, rejected)


def follow(
    live: LiveTwin, history: CellHistory, grown: bool, last_sample: dict[str, Any] | None = None
) -> tuple[CellHistory, Prediction, list[alerts.Alert]]:
    """Counters, live state, prediction and alerts after the last cycle, written where the AAS does not have them yet.

    `grown`: whether a cycle was added. Returns the alerts newly raised, too. Where another delegate has been first with
    something, it follows from what the AAS holds then; what was added stays added.
    """
    try:
        return _follow(live, history, grown, last_sample)
    except Changed:
        live.forget(history.cell)

    def anew() -> tuple[CellHistory, Prediction, list[alerts.Alert]]:
        now = live.history(history.cell)
        return _follow(live, now, grown, last_sample if now.last_cycle == history.last_cycle else None)

    return live.persistently(history.cell, anew)


def _follow(
    live: LiveTwin, history: CellHistory, grown: bool, last_sample: dict[str, Any] | None
) -> tuple[CellHistory, Prediction, list[alerts.Alert]]:
    history = live.completed(history, last_sample)
    found = present_state.stored(live, history, to_write=grown)
    if grown and history.service != IN_SERVICE:
        text = f"{history.cell} is not in service ({history.service}): recorded, but no alert is raised"
        remarks.remark(f"{text}; SetServiceState puts it into service")
    if grown:
        return history, *present_state.write(live, history, found)
    present_state.complete(live, history, found)
    return history, present_state.present(live, history, found.thresholds.soh_end_of_life), []


def decide_clock(live: LiveTwin, history: CellHistory, given: str | None) -> CellHistory:
    """The history of a cell that goes by `given` from now on, if it had no clock yet."""
    if given is None or history.clock == given:
        return history
    live.put_clock(history.cell, given)
    return replace(history, clock=given)


def in_order(history: CellHistory, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row, checked to follow the last one, with its time, the rest before it and the described ambient temperature.

    Raises InvalidInput.
    """
    highest, number, ambient = history.last_number, row["cycle_number"], history.described.ambient_temperature_degC
    if "ambient_temperature_degC" not in row and ambient is not None:
        row = {**row, "ambient_temperature_degC": ambient}
    if highest is not None and number <= highest:
        allowed = (
            f"must be above {highest}, the number of the last cycle; numbers may be left out, but none comes later"
        )
        raise InvalidInput(Problem("id_cycle", shown(number), allowed))
    if "start_time" not in row:
        now = clock.now(history.clock)
        return dict(row) if now is None else {**row, "start_time": pd.Timestamp(now)}
    latest = history.latest_start
    if latest is None:
        return dict(row)
    if row["start_time"] <= latest:
        allowed = f"must be after the start of the cycle before, {latest.isoformat()}"
        raise InvalidInput(Problem("Time", row["start_time"].isoformat(), allowed))
    duration_s, start = history.of_last("duration_s"), history.of_last("start_time")
    if "rest_before_h" not in row and not math.isnan(duration_s) and not pd.isna(start):
        apart_s = (row["start_time"] - start).total_seconds()
        return {**row, "rest_before_h": max(0.0, apart_s - float(duration_s)) / 3600}
    return dict(row)


def is_present(history: CellHistory, row: Mapping[str, Any]) -> bool:
    """True when the cycle is in the history with the same values; OperationError (conflict) when with others."""
    number = row["cycle_number"]
    if number in history.withdrawn:
        text = f"cycle {number} was withdrawn; CorrectCycle records it again, nothing was changed"
        raise OperationError("conflict", text)
    if history.last_cycle is None or number > history.last_cycle:
        return False
    stored = history.cycles[history.cycles["cycle_number"] == number]
    if not len(stored):
        return False
    known = stored.iloc[0].to_dict()
    different = [
        f"{ID_SHORT[column]} {twin.plain(known[column])}, not {twin.plain(value)}"
        for column, value in row.items()
        if not _same(value, known[column])
    ]
    if different:
        text = f"cycle {number} is recorded already with {', '.join(different)}"
        raise OperationError("conflict", f"{text}; nothing was changed")
    return True


def _same(value: Any, stored: Any) -> bool:
    if isinstance(value, pd.Timestamp):
        return value == stored
    return math.isclose(value, stored, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12)


def curves_csv(cycle_number: int, discharge: pd.DataFrame, charge: pd.DataFrame | None, start: str | None) -> str:
    """The samples as the CSV of the twin's curves: the charge before the discharge, then the discharge.

    `start`: when the discharge began, as xs:dateTime; None where nobody said.
    """
    parts = [("charge", charge), (curves.DISCHARGE, discharge)]
    samples = (
        (cycle_number, kind, *row)
        for kind, part in parts
        if part is not None
        for row in part[["Time", *curves.MEASURED]].itertuples(index=False, name=None)
    )
    return curves.to_csv(samples, {} if start is None else {cycle_number: start})


def start_of(row: Mapping[str, Any], by_clock: str | None) -> str | None:
    """The start of a row of the model's table, as xs:dateTime."""
    start = row.get("start_time")
    return None if start is None or pd.isna(start) else clock.text(start, by_clock)
