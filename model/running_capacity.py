"""Capacity of the present cycle for cells of any kind, from what every cell has: its capacities and charges so far.

Four forecasts, each from before the discharge in question:

    previous   the capacity before
    median     median of the three capacities before
    trend      the capacity before, less the recent median loss per cycle times the cycles since
    charge     the charge put in before, times the recent median of capacity over charge

are weighted by their errors on the last cycles of this very cell (Bates & Granger 1969, Operational Research Quarterly
20:451); the interval is the running quantile of the cell's own past errors (adaptive conformal prediction: Gibbs &
Candes 2021, NeurIPS). Nothing is learned from other cells. The charge within a window of the cell's own voltage curve
was tried as a fifth: where the capacity before is known it does not serve (figures in model/README.md).
"""

from __future__ import annotations

import numpy as np

from model.records.cycle import History

WINDOW = 20
"""Cycles whose errors decide about the weights."""

ERROR_POWER = 12.0
"""Weights go as the mean error to the minus this power: nearly all to whichever has served this cell best. On seven
public sets the inverse square (2) errs 0.83 times as much as the capacity before, 8: 0.67, 12: 0.65; whichever set is
left out, the other six say the same."""

REMEMBERED = 100
"""Past errors of which the interval is the quantile."""

RATIO_CYCLES = 10
TREND_STEPS = 5
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
    value, low, high = every_cycle(capacity, cycle, charge, confidence_level)[-1].tolist()
    return value, low, high


def every_cycle(
    capacity: np.ndarray, cycle: np.ndarray, charge: np.ndarray, confidence_level: float = 0.9
) -> np.ndarray:
    """Capacity of each of n cycles, lower and upper bound (n, 3), Ah, from what was known before its discharge.

    The first has nothing before it: its own capacity and a wide interval.
    """
    prior = PRIOR_SHARE * float(capacity[0])
    said = forecasts(capacity, cycle, charge)
    errors = np.abs(said - capacity[:, None])
    past = _before(errors, WINDOW)
    known = np.isfinite(past).sum(axis=1)
    mean = (np.nansum(past, axis=1) + PRIOR_CYCLES * prior) / (known + PRIOR_CYCLES)
    weight = np.where(np.isfinite(said), (mean / prior) ** -ERROR_POWER, 0.0)
    weight[0] = 1.0
    blended = (weight * np.nan_to_num(said)).sum(axis=1) / weight.sum(axis=1)
    blended[0] = np.nan
    half = _half_widths(_before(np.abs(blended - capacity), REMEMBERED), prior, confidence_level)
    blended[0], half[0] = capacity[0], FIRST_SHARE * capacity[0]
    return np.column_stack((blended, np.maximum(blended - half, 0.0), blended + half))


def forecasts(capacity: np.ndarray, cycle: np.ndarray, charge: np.ndarray) -> np.ndarray:
    """The forecasts at n cycles (n, 4), Ah; the first cycle has none, and where a charge is missing its is NaN."""
    passed = np.diff(cycle, prepend=np.nan)
    before = _before(capacity, 1)[:, 0]
    slope = np.nan_to_num(_median(_before(-np.diff(capacity, prepend=np.nan) / passed, TREND_STEPS)))
    known = charge > 0
    ratio = np.divide(capacity, charge, out=np.full(len(capacity), np.nan), where=known)
    in_proportion = np.where(known, charge, np.nan) * _median(_before(ratio, RATIO_CYCLES))
    return np.column_stack((before, _median(_before(capacity, 3)), before - slope * passed, in_proportion))


def _before(values: np.ndarray, length: int) -> np.ndarray:
    """The `length` values before each place, NaN where there are none: (n, length), of (n, k) values (n, length, k)."""
    padded = np.concatenate((np.full((length, *values.shape[1:]), np.nan), values))
    windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)[: len(values)]
    return np.moveaxis(windows, -1, 1)


def _median(windows: np.ndarray) -> np.ndarray:
    """Median of the numbers in each row, NaN where there is none."""
    ordered, count = np.sort(windows, axis=1), np.isfinite(windows).sum(axis=1)
    return _at(ordered, (count - 1) / 2)


def _half_widths(errors: np.ndarray, prior: float, confidence_level: float) -> np.ndarray:
    """Quantile of each row of past errors; few of them count together with `PRIOR_CYCLES` of twice the prior."""
    few = np.isfinite(errors).sum(axis=1) < WINDOW
    assumed = np.where(few[:, None], np.full(PRIOR_CYCLES, 2 * prior), np.nan)
    ordered = np.sort(np.concatenate((errors, assumed), axis=1), axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    return _at(ordered, np.minimum(1.0, confidence_level * (1 + 1 / count)) * (count - 1))


def _at(ordered: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The value at a place of each row, straight between two; NaN for a place below 0."""
    lower = np.maximum(np.floor(place), 0).astype(int)
    upper = np.maximum(np.ceil(place), 0).astype(int)
    low, high = (np.take_along_axis(ordered, at[:, None], axis=1)[:, 0] for at in (lower, upper))
    return np.where(place < 0, np.nan, low + (place - lower) * (high - low))
