"""Capacity of the present cycle for cells of any kind, from what every cell has: its capacities and charges so far.

Four forecasts, each from before the discharge in question:

    previous   the capacity before
    median     median of the three capacities before
    trend      the capacity before, less the recent median loss per cycle times the cycles since
    charge     the charge put in before, times the recent median of capacity over charge

are weighted by the inverse square of their errors on the last cycles of this very cell (Bates & Granger 1969,
Operational Research Quarterly 20:451); the interval is the running quantile of the cell's own past errors (adaptive
conformal prediction: Gibbs & Candes 2021, NeurIPS). Nothing is learned from other cells: from capacities alone nothing
does better than these.
"""

from __future__ import annotations

import numpy as np

from model.records.cycle import History

WINDOW = 20
"""Cycles whose errors decide about the weights."""

REMEMBERED = 100
"""Past errors of which the interval is the quantile."""

RATIO_CYCLES = 10
TREND_CYCLES = 6
PRIOR_SHARE = 0.01
PRIOR_CYCLES = 3
"""An error of this share of the capacity counts as this many cycles before a cell has errors of its own."""

FIRST_SHARE = 0.1
"""Half width at a cell's first cycle, as a share; nothing to compare with (judged)."""


def present(history: History, confidence_level: float) -> tuple[float, float, float]:
    """Capacity of the last cycle of a clean, non-empty history with its interval, Ah.

    The capacity of the last cycle itself is not looked at, unless it is the first.
    """
    recent = -(REMEMBERED + 2 * WINDOW)
    capacity, cycle, charge = (
        history.columns[name][recent:] for name in ("capacity_Ah", "cycle_number", "charge_since_previous_Ah")
    )
    if len(capacity) < 2:
        measured = float(capacity[-1])
        return measured, measured * (1 - FIRST_SHARE), measured * (1 + FIRST_SHARE)
    said = forecasts(capacity, cycle, charge)
    prior = PRIOR_SHARE * float(capacity[0])
    errors = np.abs(said - capacity[:, None])
    blended = np.full(len(capacity), np.nan)
    for place in range(max(1, len(capacity) - REMEMBERED - 1), len(capacity)):
        blended[place] = _blend(said[place], errors[max(1, place - WINDOW) : place], prior)
    own = np.abs(blended - capacity)[1:-1]
    known = np.sort(own[np.isfinite(own)][-REMEMBERED:])
    counted = np.concatenate((known, np.full(PRIOR_CYCLES, 2 * prior))) if len(known) < WINDOW else known
    half = float(np.quantile(counted, min(1.0, confidence_level * (1 + 1 / len(counted)))))
    value = float(blended[-1])
    return value, max(0.0, value - half), value + half


def forecasts(capacity: np.ndarray, cycle: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """The forecasts at n cycles (n, 4), Ah; the first cycle has none, and where a charge is missing its is NaN."""
    count = len(capacity)
    result = np.full((count, 4), np.nan)
    loss = -np.diff(capacity) / np.diff(cycle)
    for place in range(1, count):
        before = capacity[place - 1]
        result[place, 0] = before
        result[place, 1] = np.median(capacity[max(0, place - 3) : place])
        recent = loss[max(0, place - TREND_CYCLES) : place - 1]
        slope = float(np.median(recent)) if len(recent) else 0.0
        result[place, 2] = before - slope * (cycle[place] - cycle[place - 1])
        first = max(0, place - RATIO_CYCLES)
        ratio = capacity[first:place] / charge[first:place]
        ratio = ratio[np.isfinite(ratio)]
        if len(ratio) and np.isfinite(charge[place]):
            result[place, 3] = charge[place] * np.median(ratio)
    return result


def _blend(said: np.ndarray, errors: np.ndarray, prior: float) -> float:
    """Mean of the forecasts (4,) that there are, by their errors (m, 4) on the cycles before."""
    number = np.isfinite(errors).sum(axis=0)
    mean = (np.nansum(errors, axis=0) + PRIOR_CYCLES * prior) / (number + PRIOR_CYCLES)
    weight = np.where(np.isfinite(said), mean**-2.0, 0.0)
    return float(np.nansum(weight * np.nan_to_num(said)) / weight.sum())
