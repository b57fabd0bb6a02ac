"""What the RUL predictors see of a cell: its capacity level, its uninterrupted fade rate, when it falls below a level.

A RUL is a first passage: the life ends at the first cycle whose capacity is below the threshold. So the level that
counts is the lowest recent capacity, which a recovery after a rest does not raise. A single low value between normal
ones is an aborted test and no level.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from model.records.cycle import History

PAUSE_h = 8.0
"""A longer rest lets the cell recover capacity and hides its fade; such a step is no part of the fade rate."""

RATE_WINDOW = 30
"""Capacity differences that the fade rate is the mean of."""

MINIMUM_RATE_STEPS = 3
SMALLEST_RATE_Ah = 0.3e-3
"""Lowest fade rate that is told from none: the scatter of a capacity (about 7 mAh) over 30 differences."""

Signal = str
RECENT_MINIMUM: Signal = "recent minimum"
MEDIAN: Signal = "median"
"""How a base reads the present level: the lowest of the recent capacities, or a short trailing median."""

RECENT = 20
"""Cycles of which the lowest capacity counts: about twice as long as the recovery after a rest lasts."""

LOWEST_SHARE = 0.9
"""A lower share of the present median is an aborted test or belongs to other conditions: no recovery is that large."""

MEDIAN_LENGTH = 3


def trailing_median(values: np.ndarray, length: int) -> np.ndarray:
    """Median of the last `length` values (fewer at the start) at each place. The values hold no NaN."""
    start = [statistics.median(values[: end + 1].tolist()) for end in range(min(length - 1, len(values)))]
    if len(values) < length:
        return np.array(start, dtype=float)
    if length == 3:  # the middle of three needs no sorting, which takes long for many
        first, second, third = values[:-2], values[1:-1], values[2:]
        middle = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))
        return np.concatenate((start, middle))
    ordered = np.sort([values[first : len(values) - length + 1 + first] for first in range(length)], axis=0)
    return np.concatenate((start, (ordered[(length - 1) // 2] + ordered[length // 2]) / 2))


def recent_median(values: np.ndarray, places: np.ndarray, length: int) -> np.ndarray:
    """Median of the known ones among the last `length` values of each row at each place, NaN where none is known.

    values (rows, n), NaN or infinite where not known; places (p,); result (rows, p).
    """
    which = places - np.arange(length)[:, None]
    last = np.where(which >= 0, values[:, np.maximum(which, 0)], np.nan)
    ordered = np.sort(np.where(np.isfinite(last), last, np.nan), axis=1)
    known = np.isfinite(ordered).sum(axis=1)
    rows, columns = np.ogrid[: known.shape[0], : known.shape[1]]
    return (ordered[rows, np.maximum(known - 1, 0) // 2, columns] + ordered[rows, known // 2, columns]) / 2


def centred_median(values: np.ndarray, length: int) -> np.ndarray:
    """Median of `length` values around each place (fewer at the ends). Looks ahead: for finished curves only."""
    padded = np.pad(values.astype(float), length // 2, constant_values=np.nan)
    return np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, length), axis=1)


def recent_minimum_Ah(capacity_Ah: np.ndarray) -> np.ndarray:
    """Lowest of the last `RECENT` capacities within 10 % of the present median, at each place, Ah."""
    median = trailing_median(capacity_Ah, MEDIAN_LENGTH)
    padded = np.concatenate((np.full(RECENT - 1, np.inf), capacity_Ah))
    windows = np.lib.stride_tricks.sliding_window_view(padded, RECENT)
    lowest = np.where(windows >= LOWEST_SHARE * median[:, None], windows, np.inf).min(axis=1)
    return np.minimum(lowest, median)


def fade_rate_Ah(capacity_Ah: np.ndarray, rest_h: np.ndarray) -> np.ndarray:
    """Mean loss per cycle over the last 30 differences without those across a pause > 8 h, Ah per cycle.

    NaN until three differences are known, never below `SMALLEST_RATE_Ah`. A missing rest counts as no pause.
    """
    loss = -np.diff(capacity_Ah)
    counted = ~(rest_h[1:] > PAUSE_h)
    total = np.concatenate(([0.0], np.cumsum(np.where(counted, loss, 0.0))))
    number = np.concatenate(([0], np.cumsum(counted)))
    first = np.maximum(np.arange(len(capacity_Ah)) - RATE_WINDOW, 0)
    steps = number - number[first]
    rate = (total - total[first]) / np.maximum(steps, 1)
    return np.where(steps >= MINIMUM_RATE_STEPS, np.maximum(rate, SMALLEST_RATE_Ah), np.nan)


@dataclass(frozen=True)
class FadeRecord:
    """One cell's cycles as arrays of length n; place k-1 knows only cycles 1..k."""

    cell: str
    capacity_Ah: np.ndarray
    rest_h: np.ndarray
    rate_Ah: np.ndarray
    recent_minimum_Ah: np.ndarray
    columns: dict[str, np.ndarray]

    @classmethod
    def of(cls, history: History) -> FadeRecord:
        """The record of all cycles of a history."""
        columns = history.columns
        return cls.from_arrays(history.cell, columns["capacity_Ah"], columns["rest_before_h"], columns)

    @classmethod
    def from_arrays(
        cls, cell: str, capacity_Ah: np.ndarray, rest_h: np.ndarray, columns: dict[str, np.ndarray] | None = None
    ) -> FadeRecord:
        """The record of n capacities and rests before the cycles; `columns` are further measurements by name."""
        return cls(
            cell,
            capacity_Ah,
            rest_h,
            fade_rate_Ah(capacity_Ah, rest_h),
            recent_minimum_Ah(capacity_Ah),
            columns or {},
        )

    def to_state(self) -> dict[str, Any]:
        """JSON-able state without the further measurements."""
        rests = [None if np.isnan(rest) else rest for rest in self.rest_h.tolist()]
        return {"cell": self.cell, "capacity_Ah": self.capacity_Ah.tolist(), "rest_h": rests}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> FadeRecord:
        """Inverse of `to_state`."""
        return cls.from_arrays(state["cell"], np.array(state["capacity_Ah"], float), np.array(state["rest_h"], float))

    def __len__(self) -> int:
        return len(self.capacity_Ah)

    @cached_property
    def median_Ah(self) -> np.ndarray:
        """Median of the last three capacities at each place."""
        return trailing_median(self.capacity_Ah, MEDIAN_LENGTH)

    @cached_property
    def log_rate(self) -> np.ndarray:
        """ln of the fade rate in Ah per cycle at each place."""
        return np.log(self.rate_Ah)

    @cached_property
    def recovered_Ah(self) -> np.ndarray:
        """Capacity that came back across pauses, in all so far, at each place, Ah."""
        return np.cumsum(np.where(self._paused, np.maximum(self._change_Ah, 0.0), 0.0))

    @cached_property
    def uninterrupted_loss_Ah(self) -> np.ndarray:
        """Mean loss per cycle without those across a pause, over all so far, at each place, Ah per cycle."""
        loss = np.cumsum(np.where(self._paused, 0.0, -self._change_Ah))
        return loss / np.maximum(np.cumsum(~self._paused) - 1, 1)

    @property
    def _change_Ah(self) -> np.ndarray:
        """Capacity above the one before, 0 at the first place."""
        return np.diff(self.capacity_Ah, prepend=self.capacity_Ah[0])

    @property
    def _paused(self) -> np.ndarray:
        """Whether there was a pause before each place; before the first there was nothing."""
        paused = self.rest_h >= PAUSE_h
        paused[0] = False
        return paused

    def level_Ah(self, signal: Signal = MEDIAN) -> np.ndarray:
        """Present level at each place: recent minimum, or median of the last three capacities."""
        return self.recent_minimum_Ah if signal == RECENT_MINIMUM else self.median_Ah

    def curve_Ah(self, signal: Signal) -> np.ndarray:
        """Never rising curve of the whole life, for a finished (training) cell only: it may look ahead."""
        return self._curves[signal]

    @cached_property
    def _curves(self) -> dict[Signal, np.ndarray]:
        signals = {RECENT_MINIMUM: self.recent_minimum_Ah, MEDIAN: centred_median(self.capacity_Ah, 5)}
        return {signal: np.minimum.accumulate(values) for signal, values in signals.items()}

    def crossing(self, threshold_Ah: float) -> int | None:
        """Number (from 1) of the first cycle with a capacity below the threshold; None if not reached (censored)."""
        end = self.crossings(np.array([threshold_Ah]))[0]
        return None if np.isnan(end) else int(end)

    def crossings(self, thresholds_Ah: np.ndarray) -> np.ndarray:
        """The same for thresholds of any shape; NaN where not reached."""
        before = np.searchsorted(self._rising_loss, -thresholds_Ah, side="right")
        return np.where(before < len(self), before + 1.0, np.nan)

    @cached_property
    def _rising_loss(self) -> np.ndarray:
        """Minus the lowest capacity so far at each place."""
        return -np.minimum.accumulate(self.capacity_Ah)


def fade_rate_exponent(records: Sequence[FadeRecord]) -> tuple[float, float]:
    """How the later net fade follows the uninterrupted fade rate: net ~ rate**exponent; and its standard error.

    Log-log regression over stretches of at least 24 cycles under constant ambient temperature and current. The
    standard error is a jackknife over cells. With fewer than two usable cells: (1/3, 0.15), the value of NASA's cells.
    """
    points = [part for part in (_rate_and_later_fade(record) for record in records) if len(part)]
    if len(points) < 2:
        return 1 / 3, 0.15
    slope = _slope(np.concatenate(points))
    without = np.array([_slope(np.concatenate(points[:i] + points[i + 1 :])) for i in range(len(points))])
    count = len(points)
    error = float(np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2)))
    return float(slope), error


def _slope(points: np.ndarray) -> float:
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[0])


def _rate_and_later_fade(record: FadeRecord) -> np.ndarray:
    """Rows (log rate until k, log net fade after k), mAh per cycle, of each constant stretch of a cell."""
    capacity = record.capacity_Ah
    smooth = centred_median(capacity, 5)
    ambient, current = record.columns["ambient_temperature_degC"], record.columns["discharge_current_A"]
    jumps = np.abs(np.diff(smooth)) > 0.12
    jumps |= (np.diff(ambient) != 0) | (np.abs(np.diff(current)) > 0.5)
    cuts = [0, *(np.flatnonzero(jumps) + 1), len(capacity)]
    rows = []
    for start, end in pairwise(cuts):
        stretch, pauses = capacity[start:end], record.rest_h[start:end] >= PAUSE_h
        for k in (10, 15, 20, 25, 30, 40, 50, 60, 80, 100):
            if end - start < 24 or k + 12 > len(stretch):
                break
            loss = -np.diff(stretch[:k])
            counted = ~pauses[1:k] & (np.abs(loss) <= 0.1)
            if not counted.any():
                continue
            rate = loss[counted].mean() * 1e3
            later = (np.median(stretch[k - 3 : k]) - np.median(stretch[-3:])) / (len(stretch) - k - 1) * 1e3
            if rate > 0.3 and later > 0.3:
                rows.append((np.log(rate), np.log(later)))
    return np.array(rows).reshape(-1, 2)
