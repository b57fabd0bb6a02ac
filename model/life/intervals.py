"""Prediction intervals from what the model missed on cells it had not seen.

RUL: |ln((R + t) / (P + t))| of inner leave-one-cell-out predictions P of lives R; its quantile q at a confidence level
gives (P + t) exp(+-q) - t. t, in cycles, is how sharply a life's end is defined at all: scatter of a capacity over fade
per cycle. A cell's quantile is the mean of those at each end of life that it reached; the largest of the cells counts:
of n cells it is exceeded by one more with probability 1 / (n + 1), whatever they are distributed like, and a mean over
three or four is exceeded half the time (cross-conformal prediction with groups: Vovk (2015), Annals of Mathematics and
AI 74:9; Dunn, Wasserman & Ramdas (2023), JASA 118).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model.errors import InvalidInput
from model.life.fade import FadeRecord

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99)
"""Confidence levels at which quantiles are stored; between them they are interpolated."""


@dataclass(frozen=True)
class QuantileTable:
    """Quantile of a non-negative score at the confidence levels `LEVELS`."""

    values: tuple[float, ...]

    @classmethod
    def of_groups(cls, groups: Sequence[np.ndarray]) -> QuantileTable:
        """From the scores of each group (cell): the mean over groups of each group's quantile."""
        each = np.array([np.quantile(part, LEVELS) for part in groups if len(part)])
        return cls(tuple(float(value) for value in each.mean(axis=0)))

    @classmethod
    def largest(cls, tables: Sequence[QuantileTable]) -> QuantileTable:
        """The largest quantile of several at each level."""
        return cls(tuple(max(values) for values in zip(*(table.values for table in tables), strict=True)))

    def at(self, confidence_level: float) -> float:
        """Quantile at a confidence level. Raises `InvalidInput` outside 0.5 .. 0.99."""
        if not LEVELS[0] <= confidence_level <= LEVELS[-1]:
            raise InvalidInput("confidence_level", confidence_level, f"from {LEVELS[0]} to {LEVELS[-1]}")
        return float(np.interp(confidence_level, LEVELS, self.values))


def end_of_life_sharpness(references: Sequence[FadeRecord]) -> float:
    """Cycles by which noise moves the end of a life: robust scatter of a capacity step / mean fade per cycle."""
    each = []
    for reference in references:
        steps = np.diff(reference.capacity_Ah)
        scatter = 1.4826 * np.median(np.abs(steps - np.median(steps)))
        fade = (reference.capacity_Ah[0] - reference.capacity_Ah[-1]) / len(steps)
        each.append(scatter / max(fade, 1e-4))
    return float(np.mean(each))


@dataclass(frozen=True)
class RulInterval:
    """Interval of a RUL: `scores` and the sharpness t in cycles."""

    scores: QuantileTable
    sharpness: float

    def bounds(self, rul: Any, confidence_level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper RUL in cycles for RUL of any shape; the lower one is never negative."""
        factor = np.exp(self.scores.at(confidence_level))
        shifted = np.asarray(rul, float) + self.sharpness
        return np.maximum(shifted / factor - self.sharpness, 0.0), shifted * factor - self.sharpness


def rul_score(true: np.ndarray, predicted: np.ndarray, sharpness: float) -> np.ndarray:
    """|ln((true + t) / (predicted + t))| for RUL in cycles."""
    return np.abs(np.log((true + sharpness) / (predicted + sharpness)))
