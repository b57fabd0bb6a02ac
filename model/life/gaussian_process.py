"""RUL base: Gaussian process on ln RUL over capacity level and threshold, around a constant-rate law.

    ln RUL = ln(gap / r**rho) + const + f(level, threshold) + (cell) + b * ln r + noise
    f ~ GP(0, 0.4^2 exp(-distance^2 / (2 (0.12 Ah)^2)) + 0.5^2),  cell ~ N(0, 0.3^2),  b ~ N(0, se(rho)^2)

gap = level - threshold; r: uninterrupted fade rate; rho and its standard error: `fade.fade_rate_exponent`, so
the exponent is a prior from other cells that the reference cells may correct (hierarchical Bayes). The random cell
effect keeps the many rows of one cell from passing for independent evidence. Method: Rasmussen & Williams (2006),
Gaussian Processes for Machine Learning, sec. 2.2 and 2.7; for cell capacity e.g. Richardson, Osborne & Howey (2017),
J. Power Sources 357:209. The round hyperparameters were not optimised; halving or doubling any of them moves the
headline MAE by less than 1 cycle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.life.fade import FadeRecord

LENGTH_Ah = 0.12
SHAPE_SD = 0.4
OFFSET_SD = 0.5
CELL_SD = 0.3
NOISE_SD = 0.25
INDEPENDENT_ROWS = 10
"""Rows of one cell that count as independent; the noise of its strongly correlated rows is raised accordingly."""

GAP_OFFSET_Ah = 0.015
TYPICAL_GAP_Ah = 0.2
TYPICAL_RATE_Ah = 8e-3
TYPICAL_LOG_RATE = float(np.log(TYPICAL_RATE_Ah))
TYPICAL_LIFE = 40.0
"""A gap of 0.2 Ah at 8 mAh per cycle lasts about 40 cycles: recovery in rests makes up for the rest of the 25."""

STRIDE = 5
FIRST_CYCLE = 10

TRAINING_THRESHOLDS_Ah = np.round(np.arange(1.40, 1.65, 0.03), 2)
"""End-of-life capacities that training lives are cut at, Ah: from the data set's 1.4 Ah up to 80 % of 2 Ah."""


def constant_rate_log_life(
    level_Ah: np.ndarray, threshold_Ah: np.ndarray, log_rate: np.ndarray, exponent: float
) -> np.ndarray:
    """ln of the RUL at a rate that follows the present one with `exponent`; arrays of one shape. NaN rate: typical."""
    gap = np.maximum(level_Ah - threshold_Ah, 0.0) + GAP_OFFSET_Ah
    return np.log(TYPICAL_LIFE) + np.log(gap / TYPICAL_GAP_Ah) + rate_effect(log_rate, exponent)


def rate_effect(log_rate: np.ndarray, exponent: float) -> np.ndarray:
    """What the fade rate adds to ln RUL against the typical rate, for ln of rates in Ah per cycle."""
    return -exponent * _above_typical(log_rate)


def _above_typical(log_rate: np.ndarray) -> np.ndarray:
    """ln of rates in shares of the typical one; 0 where not known."""
    return np.where(np.isnan(log_rate), 0.0, log_rate - TYPICAL_LOG_RATE)


class GaussianProcess:
    """Gaussian-process base, conditioned on the lives of the given reference cells at `TRAINING_THRESHOLDS_Ah`."""

    def __init__(self, references: Sequence[FadeRecord], exponent: float, exponent_error: float) -> None:
        self.exponent = exponent
        self.exponent_error = exponent_error
        inputs, lives, cell = [], [], []
        for number, reference in enumerate(references):
            for threshold in TRAINING_THRESHOLDS_Ah:
                end = reference.crossing(threshold)
                cycles = np.arange(FIRST_CYCLE, end or 0, STRIDE)
                levels, rates = reference.recent_minimum_Ah[cycles - 1], reference.log_rate[cycles - 1]
                inputs.append(np.column_stack((levels, np.full(len(cycles), threshold), rates)))
                lives.append(np.log((end or 0) - cycles))
                cell.append(np.full(len(cycles), number))
        self._inputs = np.concatenate(inputs) if inputs else np.zeros((0, 3))
        cells = np.concatenate(cell) if cell else np.zeros(0)
        count = len(self._inputs)
        covariance = self._covariance(self._inputs, self._inputs)
        covariance += CELL_SD**2 * (cells[:, None] == cells[None, :])
        per_cell = max(count / max(len(references), 1) / INDEPENDENT_ROWS, 1.0)
        covariance += NOISE_SD**2 * per_cell * np.eye(count)
        residual = (np.concatenate(lives) if lives else np.zeros(0)) - self._law(self._inputs)
        self._weights = np.linalg.solve(covariance, residual)

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); never NaN: far away the law remains."""
        shape = (len(places), len(thresholds_Ah))
        level = np.repeat(record.recent_minimum_Ah[places], shape[1])
        rate = np.repeat(record.log_rate[places], shape[1])
        wanted = np.column_stack((level, np.tile(thresholds_Ah, shape[0]), rate))
        return (self._law(wanted) + self._covariance(wanted, self._inputs) @ self._weights).reshape(shape)

    def _law(self, rows: np.ndarray) -> np.ndarray:
        return constant_rate_log_life(rows[:, 0], rows[:, 1], rows[:, 2], self.exponent)

    def _covariance(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        distance = sum((a[:, None, i] - b[None, :, i]) ** 2 for i in (0, 1)) / LENGTH_Ah**2
        rate_a, rate_b = (_above_typical(rows[:, 2]) for rows in (a, b))
        return SHAPE_SD**2 * np.exp(-distance / 2) + OFFSET_SD**2 + self.exponent_error**2 * np.outer(rate_a, rate_b)
