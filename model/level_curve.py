"""RUL base: the way that the training cells took from the same capacity level to the threshold.

    ln RUL(k) = mean_c ln(E_c - p_c) - rho * (ln r(k) - mean_c ln r_c(p_c)),   correction clipped to +-1

E_c: cycle at which training cell c falls below the threshold; p_c: place at which its never rising capacity curve
passes the present level; r: uninterrupted fade rate; rho: `model.fade.fade_rate_exponent`. A degradation-path model in
the sense of Meeker & Escobar (1998), Statistical Methods for Reliability Data, ch. 13, with a stress ratio as in an
accelerated-life model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.fade import RECENT_MINIMUM, FadeRecord, Signal

LARGEST_CORRECTION = 1.0
"""Largest |ln| by which the fade rate may stretch a life (a factor of 2.7)."""

SMALLEST_GAP_Ah = 0.003
"""A level is taken at least this far above the threshold."""


def place_of(curve_Ah: np.ndarray, level_Ah: np.ndarray) -> np.ndarray:
    """Fractional cycle number (from 1) at which a never rising curve (n,) passes each level; ends where it ends."""
    falling = -curve_Ah
    after = np.searchsorted(falling, -level_Ah, side="left")
    inside = np.clip(after, 1, len(curve_Ah) - 1)
    step = np.maximum(curve_Ah[inside - 1] - curve_Ah[inside], 1e-9)
    place = inside + (curve_Ah[inside - 1] - level_Ah) / step
    return np.where(after == 0, 1.0, np.where(after >= len(curve_Ah), float(len(curve_Ah)), place))


@dataclass(frozen=True)
class LevelCurve:
    """Level-curve base on the given reference cells. `signal`: which level is followed, see `model.fade.Signal`."""

    references: Sequence[FadeRecord]
    exponent: float
    signal: Signal = RECENT_MINIMUM

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); NaN where no reference gets there."""
        result = np.full((len(places), len(thresholds_Ah)), np.nan)
        level = record.level_Ah(self.signal)[places]
        log_rate = np.log(record.rate_Ah[places])
        for column, threshold in enumerate(thresholds_Ah):
            target = np.maximum(level, threshold + SMALLEST_GAP_Ah)
            lives, rates = [], []
            for reference in self.references:
                end = reference.crossing(threshold)
                if end is None:
                    continue
                place = place_of(reference.curve_Ah(self.signal)[:end], target)
                nearest = np.clip(np.rint(place).astype(int), 1, len(reference)) - 1
                lives.append(np.log(np.maximum(end - place, 1.0)))
                rates.append(np.log(reference.rate_Ah[np.maximum(nearest, 3)]))
            if not lives:
                continue
            correction = -self.exponent * (log_rate - np.mean(rates, axis=0))
            correction = np.clip(np.nan_to_num(correction), -LARGEST_CORRECTION, LARGEST_CORRECTION)
            result[:, column] = np.mean(lives, axis=0) + correction
        return result
