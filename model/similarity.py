"""RUL base: what became of the training cells in the moments when their recent capacities looked like these.

    ln RUL(k) = sum_i w_i [ln(E_i - i) - rho * (ln r(k) - ln r_i)] / sum_i w_i,   w_i = exp(-d_i^2 / (2 h^2))

over all places i of all training cells that reach the threshold; d_i: root mean square difference of the last
capacities; r, rho as in `model.level_curve`. Similarity-based prognostics after Wang, Yu, Siegel & Lee (2008), "A
similarity-based prognostics approach for remaining useful life estimation of engineered systems", IEEE PHM; the
stretching of each matched life by the fade rates is an addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.fade import RECENT_MINIMUM, FadeRecord, Signal, trailing_median
from model.level_curve import LARGEST_CORRECTION

BANDWIDTH_Ah = 0.03
WINDOW = {RECENT_MINIMUM: 5, "median": 10}
"""Cycles compared. The recent minimum is smooth already, so fewer are needed."""


@dataclass(frozen=True)
class Similarity:
    """Similarity base on the given reference cells. `signal`: what is compared, see `model.fade.Signal`."""

    references: Sequence[FadeRecord]
    exponent: float
    signal: Signal = RECENT_MINIMUM

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); NaN where no reference gets there."""
        result = np.full((len(places), len(thresholds_Ah)), np.nan)
        matches = [self._match(record, places, reference) for reference in self.references]
        for column, threshold in enumerate(thresholds_Ah):
            logs, weights = [], []
            for reference, (exponent, correction) in zip(self.references, matches, strict=True):
                end = reference.crossing(threshold)
                if end is None:
                    continue
                at = np.arange(len(exponent[0]))
                alive = at + 1 < end
                logs.append(np.log(end - 1.0 - at[alive]) + correction[:, alive])
                weights.append(exponent[:, alive])
            if logs and sum(part.shape[1] for part in logs):
                exponents = np.concatenate(weights, axis=1)
                weight = np.exp(exponents - exponents.max(axis=1, keepdims=True))
                result[:, column] = (weight * np.concatenate(logs, axis=1)).sum(axis=1) / weight.sum(axis=1)
        return result

    def similar_cells(self, record: FadeRecord, place: int) -> dict[str, float]:
        """Share of each reference cell in the weights at one place; the shares sum to 1."""
        exponents = [self._match(record, np.array([place]), reference)[0][0] for reference in self.references]
        highest = max(part.max() for part in exponents)
        sums = [float(np.exp(part - highest).sum()) for part in exponents]
        return {reference.cell: part / sum(sums) for reference, part in zip(self.references, sums, strict=True)}

    def _match(self, record: FadeRecord, places: np.ndarray, reference: FadeRecord) -> tuple[np.ndarray, np.ndarray]:
        """-d^2/(2 h^2) and the fade-rate correction between n places and the l places of a reference: two (n, l)."""
        here, there = self._windows(record)[places], self._windows(reference)
        squared = np.mean((here[:, None, :] - there[None, :, :]) ** 2, axis=2)
        ratio = np.log(record.rate_Ah[places])[:, None] - np.log(reference.rate_Ah)[None, :]
        correction = np.clip(np.nan_to_num(-self.exponent * ratio), -LARGEST_CORRECTION, LARGEST_CORRECTION)
        return -squared / (2 * BANDWIDTH_Ah**2), correction

    def _windows(self, record: FadeRecord) -> np.ndarray:
        """Last `WINDOW` values of the signal at each place, (n, WINDOW); the first value stands for what was before."""
        running = self.signal == RECENT_MINIMUM
        values = record.recent_minimum_Ah if running else trailing_median(record.capacity_Ah, 5)
        length = WINDOW[self.signal]
        padded = np.concatenate((np.full(length - 1, values[0]), values))
        return np.lib.stride_tricks.sliding_window_view(padded, length)
