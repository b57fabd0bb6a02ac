"""AppendSamples: raw samples as they come, any number at a time; the live state follows, and what ends becomes a cycle.

What is sent again does no harm: a sample counts once by its time, a cycle once by its start. Before a call is answered
its samples lie in the AAS, so whichever delegate takes the next one goes on with the cycle (`operations.cell.running`).
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from aasx.client import Changed
from model.records.features import SAMPLE_NAMES
from operations.cell import clock, growth, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.cell.running import Running
from operations.intake.cycles import REJECTED
from operations.recording import StateOutputs
from operations.request.edge import DATE_TIME, CellTime, Inputs, variable
from operations.request.errors import InvalidInput, OperationError, Problem, shown
from operations.request.logs import request_id

LONGEST_SAMPLES_CHARACTERS = 1_500_000
MOST_SAMPLES = 20_000
REQUIRED = SAMPLE_NAMES[:3]
MARK = "id_cycle"
EARLIEST_UNIX_s = 1e8
"""Times below are seconds of a test, not seconds since 1970."""
IMPLAUSIBLE_SHARE = 0.5
LATEST_AHEAD = timedelta(days=1)
"""A clock that is ahead by more is wrong; samples of such a time would hide all that come after."""


class EndedCycle(BaseModel):
    id_cycle: int | None = variable(None)
    Time: str | None = variable(None, xs_type=DATE_TIME)
    Capacity: float | None = variable(None)
    CycleOutcome: str | None = variable(None)
    Reason: str | None = variable(None)
    CycleRemarks: str | None = variable(None)


class CyclesOutputs(StateOutputs):
    """What became of the cycles of a call, and the state of the cell after it."""

    CyclesAppended: int | None = variable(None)
    CyclesPresent: int | None = variable(None)
    CyclesRejected: int | None = variable(None)
    EndedCycles: list[EndedCycle] = variable([])


class AppendSamplesInputs(Inputs):
    Samples: str = Field(min_length=1, max_length=LONGEST_SAMPLES_CHARACTERS)
    StartTime: CellTime = variable(None, xs_type=DATE_TIME)
    ambient_temperature: float | None = variable(None, ge=-40.0, le=100.0)
    PositiveCurrent: Literal["charge", "discharge"] | None = variable(None)
    EndOfData: bool | None = variable(None)


class AppendSamplesOutputs(CyclesOutputs):
    SamplesTaken: int | None = variable(None)
    SamplesNotLater: int | None = variable(None)
    SamplesUnusable: int | None = variable(None)
    SampleTime: str | None = variable(None, xs_type=DATE_TIME)
    CellPhase: str | None = variable(None)
    StateOfCharge: float | None = variable(None)
    FullChargeAge: float | None = variable(None)
    RequestId: str | None = variable(None)


@dataclass(frozen=True)
class Table:
    """Samples of a call: n × 4 as `SAMPLE_NAMES`, the time on the cell's clock; the source's cycle numbers, if any."""

    rows: np.ndarray
    numbers: np.ndarray | None
    clock: str | None
    notes: tuple[str, ...]


def append_samples(live: LiveTwin, cell: str, inputs: AppendSamplesInputs) -> AppendSamplesOutputs:
    history = live.history(cell, to_write=True, assume=True)
    try:
        table = read_table(inputs.Samples, inputs.StartTime, history)
        history = live.completed(history)
        known = live.running(history)
        _check_plausible(table.rows, history)
        _declare_sign(known, inputs.PositiveCurrent)
    except OperationError:
        live.make_sure(history)
        raise
    history = growth.decide_clock(live, history, table.clock)
    stream, counted = known.stream, vars(known.stream.counts).copy()
    found = stream.add(*table.rows.T, number=table.numbers)  # type: ignore[misc]
    if inputs.ambient_temperature is not None:
        known.ambient_temperature_degC = inputs.ambient_temperature
    if inputs.EndOfData:
        found += stream.finish()
    try:
        if found:
            live.make_sure(history, known)
        history, ended = growth.add_discharges(live, history, found, known.ambient_temperature_degC)
        grown = any(one.outcome == growth.APPENDED for one in ended)
        prediction, raised = None, 0
        if ended or not history.complete:
            history, prediction, alerts = growth.follow(live, history, grown)
            raised = len(alerts)
        live_state = live_values(known, history)
        live.put_running(history, known, live_state)
    except Changed:
        live.forget_running(cell)  # the stream has gone on, what is stored has not
        raise
    except Exception:
        live.forget(cell)
        raise
    counts = {name: value - counted[name] for name, value in vars(stream.counts).items()}
    for what, number in counts.items():
        live.metrics.samples.labels(what).inc(number)
    answer = outcomes(ended)
    return AppendSamplesOutputs(
        Message="; ".join(table.notes) or None,
        SamplesTaken=counts["taken"],
        SamplesNotLater=counts["not_later"],
        SamplesUnusable=counts["unusable"],
        SampleTime=live_state.get("SampleTime"),
        CellPhase=stream.phase,
        StateOfCharge=live_state.get("StateOfCharge"),
        FullChargeAge=live_state.get("FullChargeAge"),
        RecordCount=len(history.cycles),
        AlertsRaised=raised,
        **answer,
        **twin.state_values(prediction),
        RequestId=request_id.get(),
    )


def outcomes(ended: list[growth.Ended]) -> dict[str, Any]:
    """Counts and list of what became of cycles, by the names of the outputs."""
    counts = Counter(one.outcome for one in ended)
    return {
        "CyclesAppended": counts[growth.APPENDED],
        "CyclesPresent": counts[growth.PRESENT],
        "CyclesRejected": counts[REJECTED],
        "EndedCycles": [
            EndedCycle(
                id_cycle=one.number,
                Time=None if one.start_time is None else clock.text(one.start_time, None),
                Capacity=one.capacity_Ah,
                CycleOutcome=one.outcome,
                Reason=one.reason,
                CycleRemarks=",".join(one.notes) or None,
            )
            for one in ended
        ],
    }


def live_values(known: Running, history: CellHistory) -> dict[str, Any]:
    """What the last sample says of the cell, as values of LiveState; nothing before the first one."""
    stream = known.stream
    if stream.last is None:
        return {}
    time_s, voltage_V, current_A, temperature_degC = stream.last
    percent = stream.soc.percent(_capacity_Ah(history))
    full_at_s = None if percent is None else stream.soc.full_at_s
    kept = stream.kept["charge" if stream.charging.open else "discharge"]
    in_phase_s = time_s - float(kept.rows()[0, 0]) if kept.count else 0.0
    return {
        "type": stream.phase,
        "Time": in_phase_s,
        "ambient_temperature": known.ambient_temperature_degC,
        "Voltage_measured": voltage_V,
        "Current_measured": current_A,
        "Temperature_measured": None if math.isnan(temperature_degC) else temperature_degC,
        "Clock": history.clock,
        "SampleTime": clock.text(clock.moment(time_s), history.clock),
        "StateOfCharge": percent,
        "FullChargeAt": None if full_at_s is None else clock.text(clock.moment(full_at_s), history.clock),
        "FullChargeAge": None if full_at_s is None else (time_s - full_at_s) / 3600.0,
    }


def _capacity_Ah(history: CellHistory) -> float | None:
    """What the state of charge is a share of: the last capacity, else the rated one."""
    if history.last_cycle is not None and history.of_last("capacity_Ah") > 0:
        return float(history.of_last("capacity_Ah"))
    return history.rated_capacity_Ah


# --- what is sent


def read_table(text: str, start_time: str | None, history: CellHistory) -> Table:
    """The samples of a call. Raises InvalidInput for what is no such table or of another clock; single values that are
    no number are NaN, and counted as unusable later."""
    lines = csv.reader(io.StringIO(text), skipinitialspace=True)
    try:
        header, *rows = [[field.strip() for field in line] for line in lines if line]
    except (csv.Error, ValueError) as error:
        raise InvalidInput(Problem(f"Samples line {lines.line_num}", "", f"must be CSV: {error}")) from None
    if not set(REQUIRED) <= set(header) or len(set(header)) != len(header):
        wanted = f"must have the header {','.join(SAMPLE_NAMES)} (temperature where known), each once"
        raise InvalidInput(Problem("Samples line 1", shown(",".join(header)), wanted))
    if len(rows) > MOST_SAMPLES:
        raise InvalidInput(Problem("Samples", str(len(rows)), f"must have at most {MOST_SAMPLES} samples a call"))
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InvalidInput(Problem(f"Samples line {number}", "", f"must have {len(header)} fields, as the header"))
    given = {name: [row[index] for row in rows] for index, name in enumerate(header)}
    by_clock, time_s = _times(given["Time"], start_time, history)
    missing = np.full(len(rows), math.nan)
    columns = [time_s, *(_numbers(given[name]) if name in given else missing for name in SAMPLE_NAMES[1:])]
    other = sorted(given.keys() - {*SAMPLE_NAMES, MARK})
    notes = (f"columns that are not used: {', '.join(other)[:200]}",) if other else ()
    return Table(np.column_stack(columns), _numbers(given[MARK]) if MARK in given else None, by_clock, notes)


def _numbers(texts: list[str]) -> np.ndarray:
    """NaN for what is no number."""
    try:
        if all(text.isascii() and "_" not in text for text in texts):  # which float takes, too
            return np.array([float(text or "nan") for text in texts])
    except ValueError:
        pass
    return pd.to_numeric(pd.Series(texts, dtype=str), errors="coerce").to_numpy(float)


def _times(given: list[str], start_time: str | None, history: CellHistory) -> tuple[str | None, np.ndarray]:
    """The clock and its seconds; NaN for what is no time. The first time that is one says which form they have."""
    numbers = _numbers(given)
    by_clock: str | None
    if start_time is not None:
        by_clock, start = clock.on_clock(history.clock, "StartTime", start_time)
        found = clock.seconds(start) + numbers
    elif np.isfinite(numbers).any():
        first = float(numbers[np.isfinite(numbers)][0])
        if first < EARLIEST_UNIX_s:
            text = "are seconds of a test: give StartTime, the date and time that they count from"
            raise InvalidInput(Problem("Time", shown(first), text))
        by_clock, _ = clock.on_clock(history.clock, "Time", _unix_text(first))
        found = numbers.copy()  # pandas gives an array that cannot be written to
    else:
        by_clock, found = history.clock, np.full(len(given), math.nan)
        for at, text in enumerate(given):
            try:
                by_clock, moment = clock.on_clock(by_clock, f"Samples line {at + 2}: Time", text)
            except ValueError:
                continue
            found[at] = clock.seconds(moment)
    latest = clock.seconds(datetime.now(UTC).replace(tzinfo=None) + LATEST_AHEAD)
    if by_clock == clock.UTC_CLOCK:
        found[found > latest] = math.nan
    found[(found < 0) | (found > clock.seconds(datetime(2200, 1, 1)))] = math.nan
    return by_clock, found


def _unix_text(seconds_s: float) -> str:
    try:
        return datetime.fromtimestamp(seconds_s, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(Problem("Time", shown(seconds_s), "must be seconds since 1970")) from None


def _check_plausible(rows: np.ndarray, history: CellHistory) -> None:
    """A table of another unit, or of another cell, is refused as a whole; single faults are counted instead."""
    either_A = max(abs(limit) for limit in history.limits["load_current_mean_A"])
    for index, unit, (low, high) in ((1, "V", history.limits["voltage_mean_V"]), (2, "A", (-either_A, either_A))):
        values = rows[np.isfinite(rows[:, index]), index]
        outside = values[(values < low) | (values > high)]
        if len(outside) > IMPLAUSIBLE_SHARE * len(values):
            allowed = f"must be in {unit}, from {low:g} to {high:g} for {history.described_as}"
            raise InvalidInput(Problem(SAMPLE_NAMES[index], f"{outside[0]:g}", allowed))


def _declare_sign(known: Running, positive: str | None) -> None:
    """Raises OperationError (conflict) where samples were read with the other sign and are still running."""
    if positive is None:
        return
    stream, value = known.stream, 1 if positive == "charge" else -1
    other = (stream.sign.value or 1) == -value
    if other and (stream.charging.open or stream.discharging.open):
        text = f"the running cycle was begun with a positive current as {'dis' if value == 1 else ''}charge"
        raise OperationError("conflict", f"{text}; end it first (EndOfData true), then declare the other sign")
    stream.sign.value, stream.sign.recognised = value, False
