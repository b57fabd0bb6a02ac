"""AppendCycle: one measured cycle, checked and added to the history; live state, prediction and alerts follow.

A battery management system repeats a call that it got no answer to; so the same cycle again is acknowledged (Outcome
alreadyPresent) and completes what an interrupted call left open, while other values under its number are refused.
"""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pandas as pd
from pydantic import Field, create_model

from aasx.vocabulary import unit_of
from model import errors as model_errors
from model.records.features import (
    CHARGE_FEATURES,
    DISCHARGE_FEATURES,
    SAMPLE_NAMES,
    CHARGE_GAP_s,
    DISCHARGE_GAP_s,
    Scale,
    cycle_features,
)
from operations.cell import clock, growth, twin
from operations.cell.described import Limits
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.recording import StateOutputs, column_inputs
from operations.request.columns import ID_SHORT
from operations.request.edge import Inputs, variable
from operations.request.errors import InvalidInput, OperationError, Problem, shown
from operations.request.logs import request_id

LONGEST_SAMPLES_CHARACTERS = 1_500_000
MOST_SAMPLES = 20_000
LONGEST_SAMPLED_s = 1e6
SAMPLES = "CSV text, one sample a line, with the header " + ",".join(SAMPLE_NAMES) + " (s, V, A, degC)"


def _samples_field() -> Any:
    return Field(None, min_length=1, max_length=LONGEST_SAMPLES_CHARACTERS, description=SAMPLES)


AppendCycleInputs: Any = create_model(
    "AppendCycleInputs",
    __base__=Inputs,
    **column_inputs(),
    **{name: (str | None, _samples_field()) for name in ("DischargeSamples", "ChargeSamples")},
)  # type: ignore[call-overload]


class AppendCycleOutputs(StateOutputs):
    RecordPath: str | None = variable(None)
    Outcome: str | None = variable(None, description="appended, or alreadyPresent for a cycle sent again")
    RequestId: str | None = variable(None)


def append_cycle(live: LiveTwin, cell: str, inputs: Any) -> AppendCycleOutputs:
    history = live.history(cell, to_write=True, assume=True)
    try:
        samples = read_samples("DischargeSamples", inputs.DischargeSamples, history.limits)
        charge = read_samples("ChargeSamples", inputs.ChargeSamples, history.limits)
        given_clock, row = measured_row(inputs, samples, charge, history)
        is_new = not growth.is_present(history, row)
        if is_new:
            growth.in_order(history, row)
    except OperationError:
        live.make_sure(history)
        raise
    if is_new:
        history = growth.decide_clock(live, live.completed(history), given_clock)
        history = growth.add_last(live, history, row, has_curves=samples is not None)
    else:
        live.make_sure(history)
    if samples is not None and row["cycle_number"] == history.last_cycle:
        start = growth.start_of(row, history.clock)
        live.put_latest_curves(cell, growth.curves_csv(row["cycle_number"], samples, charge, start))
    last_sample = None if samples is None else {name: float(samples[name].iloc[-1]) for name in SAMPLE_NAMES}
    history, prediction, raised = growth.follow(
        live, history, is_new, last_sample if row["cycle_number"] == history.last_cycle else None
    )
    return AppendCycleOutputs(
        RecordPath=history.path_of(row["cycle_number"]),
        RecordCount=len(history.cycles),
        AlertsRaised=len(raised),
        Outcome=growth.APPENDED if is_new else growth.PRESENT,
        RequestId=request_id.get(),
        **twin.state_values(prediction),
    )


def sample_ranges(limits: Limits) -> dict[str, tuple[float, float]]:
    """Physical limits of one sample of a cell: s, V, A (negative on discharge), degC."""
    return {
        "Time": (0.0, LONGEST_SAMPLED_s),
        "Voltage_measured": limits["voltage_mean_V"],
        "Current_measured": limits["load_current_mean_A"],
        "Temperature_measured": limits["temperature_max_degC"],
    }


def read_samples(field: str, text: str | None, limits: Limits) -> pd.DataFrame | None:
    """Samples of one discharge or charge. Raises InvalidInput that names the line and what is wrong there."""
    if text is None:
        return None
    ranges = sample_ranges(limits)
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        if sorted(header) != sorted(SAMPLE_NAMES):
            raise _bad_samples(field, 1, ",".join(header), f"must be the header {','.join(SAMPLE_NAMES)}")
        rows = [_sample(field, number, header, line, ranges) for number, line in enumerate(lines, 2) if line]
    except csv.Error as error:
        raise _bad_samples(field, lines.line_num, str(error), "must be CSV") from None
    if len(rows) > MOST_SAMPLES:
        raise InvalidInput(Problem(field, str(len(rows)), f"must have at most {MOST_SAMPLES} samples"))
    samples = pd.DataFrame(rows, columns=header)[list(SAMPLE_NAMES)]
    backwards = (samples["Time"].diff() <= 0).to_numpy().nonzero()[0]
    if len(backwards):
        at = int(backwards[0])
        raise _bad_samples(field, at + 2, float(samples["Time"].iloc[at]), "Time must grow from line to line")
    return samples


def _sample(
    field: str, number: int, header: list[str], line: list[str], ranges: dict[str, tuple[float, float]]
) -> list[float]:
    if len(line) != len(header):
        raise _bad_samples(field, number, ",".join(line), f"must have {len(header)} numbers")
    values = []
    for name, text in zip(header, line, strict=True):
        low, high = ranges[name]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise _bad_samples(field, number, text, f"{name} must be a number from {low:g} to {high:g}")
        values.append(value)
    return values


def _bad_samples(field: str, line: int, value: Any, allowed: str) -> InvalidInput:
    return InvalidInput(Problem(f"{field} line {line}", shown(value), allowed))


def measured_row(
    inputs: Any, samples: pd.DataFrame | None, charge: pd.DataFrame | None, history: CellHistory
) -> tuple[str | None, dict[str, Any]]:
    """The clock that its time is of, and the cycle as a row of the model's table: what was given, and what follows from
    the samples only.

    A value that is given stands above the one computed from samples. Raises InvalidInput when there is no capacity, and
    for a value that is impossible for this cell.
    """
    row: dict[str, Any] = {}
    given_clock: str | None = None
    if samples is not None:
        row |= sampled_features(samples, charge, history)
    elif charge is not None:
        raise InvalidInput(Problem("ChargeSamples", "", "need the DischargeSamples of the cycle with them"))
    for column, id_short in ID_SHORT.items():
        if (value := getattr(inputs, id_short)) is not None:
            if column == "start_time":
                given_clock, moment = clock.on_clock(history.clock, id_short, value)
                value = pd.Timestamp(moment)
            row[column] = value
    if "capacity_Ah" not in row:
        text = f"missing; give it, or DischargeSamples at most {DISCHARGE_GAP_s:g} s apart to compute it from"
        raise InvalidInput(Problem("Capacity", "", text))
    problems = [
        Problem(ID_SHORT[column], shown(row[column]), _allowed(inputs, column, low, high, history))
        for column, (low, high) in history.limits.items()
        if column in row and not low <= row[column] <= high
    ]
    if problems:
        raise InvalidInput(*problems)
    return given_clock, row


def _allowed(inputs: Any, column: str, low: float, high: float, history: CellHistory) -> str:
    """What this cell can deliver, and where that comes from."""
    computed = "" if getattr(inputs, ID_SHORT[column]) is not None else "computed from the samples, "
    unit = unit_of(ID_SHORT[column]) or ""
    return f"{computed}must be a number from {low:g} to {high:g} {unit} for {history.described_as}"


def sampled_features(discharge: pd.DataFrame, charge: pd.DataFrame | None, history: CellHistory) -> dict[str, float]:
    """What the samples tell of the cycle. Charges in Ah only from samples that are close enough to integrate them.

    The windows of voltage hold for one cell: those of several in series are looked at as their mean, and voltages and
    resistances given as those of the whole again.
    """
    series, scale = history.series_count, Scale.of(history.described.facts, history.rated_capacity_Ah)
    each, charged = (twin.samples_per_cell(samples, series) for samples in (discharge, charge))
    try:
        found = twin.features_at_terminals(cycle_features(each, charged, scale), series)
    except model_errors.InvalidInput as error:
        raise InvalidInput(Problem("DischargeSamples", shown(error.value), error.allowed)) from None
    too_sparse: set[str] = set()
    if discharge["Time"].diff().max() > DISCHARGE_GAP_s:
        too_sparse |= {"capacity_Ah", *DISCHARGE_FEATURES}
    if charge is not None and charge["Time"].diff().max() > CHARGE_GAP_s:
        too_sparse |= {"charge_since_previous_Ah", *CHARGE_FEATURES}
    return {name: value for name, value in found.items() if not (name in too_sparse and name.endswith("_Ah"))}
