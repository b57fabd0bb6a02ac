"""A cell's capacity over its age in units of the cell itself: what makes a 1 Ah and a 300 Ah cell comparable.

Level: running median of the capacities so far, in shares of the cell's own first capacity. Age: cycles since the first
record, by the source's cycle numbers, so that gaps count. At most `MOST_POINTS` points are kept, spread evenly: a fade
has no finer features, and a cell of ten thousand cycles costs no more than one of two hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.errors import NotEnoughHistory
from model.life.fade import trailing_median
from model.records.cycle import History

MOST_POINTS = 200
LEAST_RECORDS = 4
"""Capacities below which nothing is said of a life."""

SPARSE_STEP = 4.0
"""With more cycles between two records (median) they are check-ups, and each counts more."""

MEDIAN_LENGTH, SPARSE_MEDIAN_LENGTH = 5, 3
FIRST_RECORDS, SPARSE_FIRST_RECORDS = 10, 3
"""Records whose median capacity is the cell's own reference."""

RATE_SHARE = 0.25
"""The recent fade rate is that over the last quarter of the age: it scales with the cell's life."""

SMALLEST_RATE = 1e-7
"""Share of the capacity lost per cycle that is told from nothing: a tenth in a million cycles."""


@dataclass(frozen=True)
class Curve:
    """n points of one cell: age in cycles (from 1, rising), level in shares of `reference_Ah`.

    `first_cycle`: the source's number of age 1. Place i knows only what was measured up to it.
    """

    cell: str
    age: np.ndarray
    level: np.ndarray
    reference_Ah: float
    first_cycle: int
    sparse: bool

    @classmethod
    def of(cls, cell: str, cycle_number: np.ndarray, capacity_Ah: np.ndarray) -> Curve:
        """From valid capacities in the order of their cycle numbers. Raises `NotEnoughHistory` below four."""
        if len(capacity_Ah) < LEAST_RECORDS:
            raise NotEnoughHistory(f"{cell}: {len(capacity_Ah)} capacities; {LEAST_RECORDS} tell something of a life")
        sparse = bool(np.median(np.diff(cycle_number)) > SPARSE_STEP)
        reference = float(np.median(capacity_Ah[: SPARSE_FIRST_RECORDS if sparse else FIRST_RECORDS]))
        level = trailing_median(capacity_Ah, SPARSE_MEDIAN_LENGTH if sparse else MEDIAN_LENGTH) / reference
        kept = np.arange(len(level))
        if len(level) > MOST_POINTS:
            kept = np.unique(np.round(np.linspace(0, len(level) - 1, MOST_POINTS)).astype(int))
        age = cycle_number[kept].astype(float) - float(cycle_number[0]) + 1.0
        return cls(cell, age, level[kept], reference, int(cycle_number[0]), sparse)

    @classmethod
    def of_history(cls, history: History) -> Curve:
        """From a clean history. Raises `NotEnoughHistory`."""
        columns = history.columns
        return cls.of(history.cell, columns["cycle_number"], columns["capacity_Ah"])

    def __len__(self) -> int:
        return len(self.age)

    def end(self, threshold: float) -> int | None:
        """Place of the first level below a threshold (share of the reference); None if it is not reached."""
        below = self.level < threshold
        return int(np.argmax(below)) if below.any() else None

    @cached_property
    def lowest(self) -> np.ndarray:
        """Lowest level so far at each place."""
        return np.minimum.accumulate(self.level)

    @cached_property
    def falling(self) -> np.ndarray:
        """`lowest` with its sign changed, so that it rises and a level can be searched in it."""
        return -self.lowest

    @cached_property
    def rate(self) -> np.ndarray:
        """Share of the reference lost per cycle over the last quarter of the age, at each place."""
        before = np.interp((1.0 - RATE_SHARE) * self.age, self.age, self.level)
        passed = np.maximum(RATE_SHARE * self.age, 1.0)
        return np.maximum((before - self.level) / passed, SMALLEST_RATE)
