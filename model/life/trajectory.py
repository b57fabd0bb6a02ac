"""Expected capacity over the coming cycles, with a band, from remaining lives at many capacity thresholds.

A predictor of the remaining life at any threshold is a trajectory seen from the other side: the capacity reaches
threshold q after RUL(q) cycles. The band comes from the interval of the remaining life (the same curve, worn faster or
slower) and, near the present, from the interval of the present capacity.
"""

from __future__ import annotations

import numpy as np

from model.prediction import TrajectoryPoint

THRESHOLDS = 24
"""Capacity thresholds at which the remaining life is asked for one trajectory."""

MAXIMUM_POINTS = 40
"""A fade has fewer corners; every point costs each reader of the AAS."""

DECIMALS = 6
"""Of a capacity in Ah: a microampere-hour is far below what can be predicted."""

BEYOND_END_OF_LIFE = 0.25
"""The trajectory goes on below the end of life by this share of the capacity left above it."""
LEAST_BEYOND_SHARE = 0.025
"""At least this share of the rated capacity."""

SAME_CYCLE = 1e-6
"""Remaining lives that differ by less, in cycles, differ by rounding only."""


def thresholds(level_Ah: float, end_of_life_Ah: float, rated_Ah: float) -> np.ndarray:
    """Falling capacities from just below the present level to beyond the end of life, which is one of them."""
    above = np.linspace(level_Ah, end_of_life_Ah, THRESHOLDS - 4)[1:]
    beyond = max(BEYOND_END_OF_LIFE * (level_Ah - end_of_life_Ah), LEAST_BEYOND_SHARE * rated_Ah)
    return np.concatenate((above, end_of_life_Ah - beyond * np.linspace(0.25, 1.0, 4)))


class Fade:
    """Capacity as a falling function of the cycles from now: straight between points, beyond them the mean slope.

    It starts at `level_Ah` and passes `capacity_Ah` (n,) (falling) after `cycles` (n,). Where several capacities are
    reached in the same cycle the lowest counts.
    """

    def __init__(self, level_Ah: float, cycles: np.ndarray, capacity_Ah: np.ndarray) -> None:
        rising = np.maximum.accumulate(np.where(np.isfinite(cycles) & (cycles > 0), cycles, 0.0))
        last_of_each = np.append(np.diff(rising) > SAME_CYCLE, True) & (rising > SAME_CYCLE)
        self.cycles = np.concatenate(([0.0], rising[last_of_each]))
        self.capacity_Ah = np.minimum.accumulate(np.concatenate(([level_Ah], capacity_Ah[last_of_each])))

    def at(self, cycles: np.ndarray) -> np.ndarray:
        """Capacity (Ah) after these cycles, not below 0."""
        inside = np.interp(cycles, self.cycles, self.capacity_Ah)
        if len(self.cycles) < 2:
            return inside
        mean_slope = (self.capacity_Ah[-1] - self.capacity_Ah[0]) / self.cycles[-1]
        return np.maximum(inside + mean_slope * np.maximum(cycles - self.cycles[-1], 0.0), 0.0)


def points(
    at_cycle: int,
    last_cycle: int,
    fades: tuple[Fade, Fade, Fade],
    present: tuple[float, float, float],
    keep_cycles: tuple[int, ...] = (),
) -> list[TrajectoryPoint]:
    """At most `MAXIMUM_POINTS` points from `at_cycle` to `last_cycle` (cycle numbers).

    `fades`: expected, fast and slow. `present`: the present capacity with its interval (Ah), whose half widths widen
    the band. `keep_cycles`: cycles that must be among the points.
    """
    spread = np.linspace(at_cycle, max(last_cycle, at_cycle + 1), MAXIMUM_POINTS - len(keep_cycles))
    numbers = np.unique(np.concatenate((np.round(spread).astype(int), np.array(keep_cycles, dtype=int))))
    expected, fast, slow = (fade.at((numbers - at_cycle).astype(float)) for fade in fades)
    capacity, low, high = present
    lower = np.maximum(np.minimum(fast, expected) - max(0.0, capacity - low), 0.0)
    upper = np.maximum(slow, expected) + max(0.0, high - capacity)
    capacities = (part.round(DECIMALS).tolist() for part in (expected, lower, upper))
    return [TrajectoryPoint(*row) for row in zip(numbers.tolist(), *capacities, strict=True)]
