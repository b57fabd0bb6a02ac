"""Whether a model may be trusted with a history: which training cell it is, and what of it no training cell showed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from model.records.cycle import History

CONDITIONS_AND_STATE = (
    "ambient_temperature_degC",
    "discharge_current_A",
    "capacity_Ah",
    "temperature_max_degC",
    "temperature_rise_K",
    "voltage_mean_V",
    "voltage_600s_V",
    "ohmic_resistance_ohm",
    "cv_time_0A5_s",
    "Re_ohm",
    "Rct_ohm",
)
"""Columns whose present value is compared with the training cells."""

RECENT_CYCLES = 5
"""The present value of a column is the median of this many last cycles, as in the features of the predictors."""

MARGIN_OF_RANGE = 0.1
MARGIN_OF_MEAN = 0.05
"""A value is outside when it exceeds the training range by more than the larger of these shares of range and mean,
and than `LEAST_MARGIN`."""

LEAST_MARGIN = {"ambient_temperature_degC": 5.0, "discharge_current_A": 0.2}
"""Conditions are the same within these: 22 degC and 24 degC are both room temperature here; loads are 1, 2 and 4 A."""

RECOGNISED_CYCLES = 5
SAME_MEASUREMENT = 1e-4
"""Relative difference of capacities up to which they are the same measurement (stored with fewer digits)."""
SAME_CELL = 0.02
"""Relative difference of the first capacities up to which a cell of a training cell's name is taken for it."""

Range = tuple[float, float, float, float]
"""Lowest, highest, mean and standard deviation."""


def training_range(histories: Sequence[History]) -> dict[str, Range]:
    """Range of each column of `CONDITIONS_AND_STATE` over all cycles of the training cells."""
    ranges = {}
    for name in CONDITIONS_AND_STATE:
        values = np.concatenate([history.cycles[name].to_numpy(dtype=float) for history in histories])
        values = values[np.isfinite(values)]
        if len(values):
            ranges[name] = (float(values.min()), float(values.max()), float(values.mean()), float(values.std()))
    return ranges


def outside(history: History, ranges: Mapping[str, Range]) -> list[str]:
    """Columns whose present value lies outside the training range, or that the training had and this cell lacks."""
    names = []
    for name, (low, high, mean, _) in ranges.items():
        values = [value for value in history.columns[name][-RECENT_CYCLES:].tolist() if math.isfinite(value)]
        margin = max(MARGIN_OF_RANGE * (high - low), MARGIN_OF_MEAN * abs(mean), LEAST_MARGIN.get(name, 0.0))
        if not values or not low - margin <= statistics.median(values) <= high + margin:
            names.append(name)
    return names


def first_capacities(history: History) -> dict[int, float]:
    """Capacity (Ah) of the cell by cycle number: what recognises it again."""
    cycles = history.cycles
    return dict(zip(cycles["cycle_number"].tolist(), cycles["capacity_Ah"].tolist(), strict=True))


def recognise(history: History, known: Mapping[str, Mapping[int, float]]) -> str | None:
    """The training cell that this history is (a replay of), None if it is a new cell.

    By what the history says (`training_cell`); by its name, if its first capacities are those of that training cell;
    or by content, if its first capacities equal those of a training cell to the last stored digit.
    """
    if history.training_cell in known:
        return history.training_cell
    numbers, capacities = (history.columns[name][:RECOGNISED_CYCLES] for name in ("cycle_number", "capacity_Ah"))
    given = list(zip(numbers.astype(int).tolist(), capacities.tolist(), strict=True))

    def matches(cell: str, tolerance: float) -> bool:
        return all(number in known[cell] and abs(known[cell][number] - q) <= tolerance * q for number, q in given)

    if history.cell in known and matches(history.cell, SAME_CELL):
        return history.cell
    if len(given) < RECOGNISED_CYCLES:
        return None
    return next((cell for cell in sorted(known) if matches(cell, SAME_MEASUREMENT)), None)
