"""RUL base: the way that the training cells took from the same capacity level to the threshold.

    ln RUL(k) = mean_c ln(E_c - p_c) - rho * (ln r(k) - mean_c ln r_c(p_c)),   correction clipped to +-1

E_c: cycle at which training cell c falls below the threshold; p_c: place at which its never rising capacity curve
passes the present level; r: uninterrupted fade rate; rho: `fade.fade_rate_exponent`. A degradation-path model in
the sense of Meeker & Escobar (1998), Statistical Methods for Reliability Data, ch. 13, with a stress ratio as in an
accelerated-life model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.life.fade import RECENT_MINIMUM, FadeRecord, Signal

LARGEST_CORRECTION = 1.0
"""Largest |ln| by which the fade rate may stretch a life (a factor of 2.7)."""

SMALLEST_GAP_Ah = 0.003
"""A level is taken at least this far above the threshold."""


def limited(correction: np.ndarray) -> np.ndarray:
    """A correction of ln RUL by the fade rate, within its limits; none where a rate is not known."""
    known = np.where(np.isnan(correction), 0.0, correction)
    return np.minimum(np.maximum(known, -LARGEST_CORRECTION), LARGEST_CORRECTION)


def place_of(curve_Ah: np.ndarray, level_Ah: np.ndarray, end: np.ndarray | int) -> np.ndarray:
    """Fractional cycle number (from 1) at which a never rising curve (n,) passes each level, at most `end`.

    `end` (cycle numbers up to n) has the shape of the levels or one that broadcasts to it.
    """
    after = np.searchsorted(-curve_Ah, -level_Ah, side="left")
    inside = np.minimum(np.maximum(after, 1), end - 1)
    step = np.maximum(curve_Ah[inside - 1] - curve_Ah[inside], 1e-9)
    place = inside + (curve_Ah[inside - 1] - level_Ah) / step
    return np.where(after == 0, 1.0, np.where(after >= end, end, place))


@dataclass(frozen=True)
class LevelCurve:
    """Level-curve base on the given reference cells. `signal`: which level is followed, see `fade.Signal`."""

    references: Sequence[FadeRecord]
    exponent: float
    signal: Signal = RECENT_MINIMUM

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); NaN where no reference gets there."""
        target = np.maximum(record.level_Ah(self.signal)[places][:, None], thresholds_Ah + SMALLEST_GAP_Ah)
        lives, rates, reached_by = np.zeros_like(target), np.zeros_like(target), np.zeros(len(thresholds_Ah))
        for reference in self.references:
            ends = reference.crossings(thresholds_Ah)
            reached = np.isfinite(ends)
            end = ends[reached].astype(int)
            place = place_of(reference.curve_Ah(self.signal), target[:, reached], end)
            nearest = np.minimum(np.maximum(np.rint(place).astype(int), 1), len(reference)) - 1
            lives[:, reached] += np.log(np.maximum(end - place, 1.0))
            rates[:, reached] += reference.log_rate[np.maximum(nearest, 3)]
            reached_by += reached
        number = np.where(reached_by > 0, reached_by, np.nan)
        correction = -self.exponent * (record.log_rate[places][:, None] - rates / number)
        return lives / number + limited(correction)
