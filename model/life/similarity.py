"""RUL base: what became of the training cells in the moments when their recent capacities looked like these.

    ln RUL(k) = sum_i w_i [ln(E_i - i) - rho * (ln r(k) - ln r_i)] / sum_i w_i,   w_i = exp(-d_i^2 / (2 h^2))

over all places i of all training cells that reach the threshold; d_i: root mean square difference of the last
capacities; r, rho as in `model.life.level_curve`. Similarity-based prognostics after Wang, Yu, Siegel & Lee (2008), "A
similarity-based prognostics approach for remaining useful life estimation of engineered systems", IEEE PHM; the
stretching of each matched life by the fade rates is an addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from model.life.fade import RECENT_MINIMUM, FadeRecord, Signal, trailing_median
from model.life.level_curve import limited

BANDWIDTH_Ah = 0.03
WINDOW = {RECENT_MINIMUM: 5, "median": 10}
"""Cycles compared. The recent minimum is smooth already, so fewer are needed."""


@dataclass(frozen=True)
class Similarity:
    """Similarity base on the given reference cells. `signal`: what is compared, see `fade.Signal`."""

    references: Sequence[FadeRecord]
    exponent: float
    signal: Signal = RECENT_MINIMUM

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); NaN where no reference gets there."""
        return self._log_life(record, places, thresholds_Ah, self._exponents(record, places))

    def explain(self, record: FadeRecord, place: int, thresholds_Ah: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        """`log_life` at one place, and the share of each reference cell in the weights there; the shares sum to 1."""
        places = np.array([place])
        exponents = self._exponents(record, places)
        weight = np.exp(exponents[0] - exponents[0].max())
        first = np.flatnonzero(self._cycles == 1)
        shares = (np.add.reduceat(weight, first) / weight.sum()).tolist()
        names = [cell.cell for cell in self.references]
        return self._log_life(record, places, thresholds_Ah, exponents), dict(zip(names, shares, strict=True))

    def _log_life(
        self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray, exponents: np.ndarray
    ) -> np.ndarray:
        """`log_life` by the `_exponents` of the same places."""
        ends = [cell.crossings(thresholds_Ah) for cell in self.references]
        left = np.repeat(ends, [len(cell) for cell in self.references], axis=0) - self._cycles[:, None]
        alive = left > 0
        ratio = record.log_rate[places][:, None] - np.concatenate([cell.log_rate for cell in self.references])
        logs = np.log(np.where(alive, left, 1.0)) + limited(-self.exponent * ratio)[:, :, None]
        exponents = np.where(alive, exponents[:, :, None], -np.inf)
        highest = np.max(exponents, axis=1, keepdims=True)
        weight = np.exp(exponents - np.where(np.isfinite(highest), highest, 0.0))
        total = weight.sum(axis=1)
        return (weight * logs).sum(axis=1) / np.where(total > 0, total, np.nan)

    def _exponents(self, record: FadeRecord, places: np.ndarray) -> np.ndarray:
        """-d^2/(2 h^2) between n places and the l places of all references, (n, l)."""
        here = self._windows(record, places)
        return -np.mean((here[:, None, :] - self._there) ** 2, axis=2) / (2 * BANDWIDTH_Ah**2)

    @cached_property
    def _cycles(self) -> np.ndarray:
        """Cycle numbers of the l places of all references, one reference after another."""
        return np.concatenate([np.arange(1, len(cell) + 1) for cell in self.references])

    @cached_property
    def _there(self) -> np.ndarray:
        return np.concatenate([self._windows(cell, np.arange(len(cell))) for cell in self.references])

    def _windows(self, record: FadeRecord, places: np.ndarray) -> np.ndarray:
        """Last `WINDOW` values of the signal at n places, (n, WINDOW); the first value stands for what was before."""
        running = self.signal == RECENT_MINIMUM
        values = record.recent_minimum_Ah if running else trailing_median(record.capacity_Ah, 5)
        return values[np.maximum(places[:, None] + np.arange(1 - WINDOW[self.signal], 1), 0)]
