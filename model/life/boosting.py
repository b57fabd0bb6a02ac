"""RUL base: gradient-boosted trees (XGBoost) on ln(cycles to a threshold) at many thresholds.

Each training life gives one row per second cycle and threshold, so that the gap to the threshold is a feature and any
end of life can be asked for. The trees start from the constant-rate law of `model.life.gaussian_process` and learn what
it lacks; after how many rounds they stop is chosen by `model.life.remaining_life`. Each round adds the mean of several
trees grown on different samples, so that no unlucky sample counts much. Neither the cycle number nor a charge
throughput is a feature: sibling cells share such a clock. Chen & Guestrin (2016), "XGBoost: A scalable tree boosting
system", KDD; SHAP values after Lundberg et al. (2020), Nature Machine Intelligence 2:56.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import xgboost

from model.life.fade import FadeRecord, recent_median, trailing_median
from model.life.gaussian_process import (
    FIRST_CYCLE,
    TYPICAL_LIFE,
    TRAINING_THRESHOLDS_Ah,
    constant_rate_log_life,
    rate_effect,
)

ROUNDS = (20, 50, 100, 200, 300)
"""Rounds after which the trees may stop, fewest first."""

PARAMETERS = {
    "num_parallel_tree": 3,
    "max_depth": 3,
    "eta": 0.03,
    "subsample": 0.6,
    "colsample_bytree": 0.6,
    "lambda": 10.0,
    "tree_method": "hist",
    "nthread": 1,
    "seed": 0,
}
"""For a few hundred rows of three or four cells: shallow, slow, strongly shrunk, each step the mean of three trees.
One thread: more are slower here."""

STRIDE = 2
EXPONENT_STEP = 0.1
"""The law that the trees start from needs the exponent only so exactly; so the same trees serve again and again."""

FEATURES: dict[str, str] = {
    "level_Ah": "Ah",
    "median_capacity_Ah": "Ah",
    "first_capacity_Ah": "Ah",
    "fade_rate_life_Ah": "Ah",
    "trend_30_Ah": "Ah",
    "trend_60_Ah": "Ah",
    "fade_rate_30_Ah": "Ah",
    "fade_rate_uninterrupted_Ah": "Ah",
    "recovery_per_cycle_Ah": "Ah",
    "Re_ohm": "ohm",
    "Rct_ohm": "ohm",
    "cv_share": "1",
    "cv_time_0A5_s": "s",
    "charge_time_per_capacity_s_Ah": "s/Ah",
    "window_share": "1",
    "share_to_3V5": "1",
    "voltage_600s_V": "V",
    "temperature_rise_K": "K",
    "ohmic_resistance_ohm": "ohm",
    "ambient_temperature_degC": "degC",
    "discharge_current_A": "A",
    "gap_Ah": "Ah",
}
"""Feature name -> unit. A rate is the loss per cycle. `gap_Ah` is the level minus the threshold."""

FALLING_LIFE = ("fade_rate_30_Ah", "fade_rate_uninterrupted_Ah")
"""A faster fade never lengthens a predicted life; a larger gap never shortens it."""

FIRST = 5
"""Cycles whose median is the first capacity."""

RECENT = 5
RECENT_COLUMNS = (
    "Re_ohm",
    "Rct_ohm",
    "cv_charge_Ah",
    "charge_Ah",
    "cv_time_0A5_s",
    "charge_time_3V9_4V0_s",
    "charge_3V7_3V5_Ah",
    "charge_to_3V5_Ah",
    "voltage_600s_V",
    "temperature_rise_K",
    "ohmic_resistance_ohm",
    "ambient_temperature_degC",
    "discharge_current_A",
)


def trends(values: np.ndarray, places: np.ndarray, length: int) -> np.ndarray:
    """Median slope over all pairs of the last `length` values (fewer at the start) at each place (Theil-Sen); 0 for
    fewer than four."""
    result = np.zeros(len(places))
    counts = np.minimum(places + 1, length)
    for count in set(counts.tolist()):
        if count >= 4:
            these = counts == count
            windows = values[places[these, None] + np.arange(1 - count, 1)]
            first, second, apart = _pairs(count)
            slopes = (windows[:, second] - windows[:, first]) / apart
            low, high = (len(apart) - 1) // 2, len(apart) // 2
            slopes.partition((low, high), axis=1)
            result[these] = (slopes[:, low] + slopes[:, high]) / 2
    return result


@cache
def _pairs(length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and second place of all pairs of places, and how far apart they are."""
    first, second = np.triu_indices(length, 1)
    return first, second, second - first


def features(record: FadeRecord, places: np.ndarray) -> np.ndarray:
    """All features but the gap at n places (k-1), shape (n, 21); NaN where a measurement is missing."""
    capacity = record.capacity_Ah
    first = trailing_median(capacity[:FIRST], FIRST)[np.minimum(places, FIRST - 1)]
    missing = np.full(len(record), np.nan)
    measured = np.stack([record.columns.get(name, missing) for name in RECENT_COLUMNS])
    recent = dict(zip(RECENT_COLUMNS, recent_median(measured, places, RECENT), strict=True))
    level = record.median_Ah[places]
    charge_Ah = np.where(recent["charge_Ah"] > 0, recent["charge_Ah"], np.nan)  # of nothing there is no share
    cv_share = recent["cv_charge_Ah"] / charge_Ah
    return np.array(
        (
            record.recent_minimum_Ah[places],
            level,
            first,
            (first - level) / np.maximum(places - 2, 3),
            -trends(capacity, places, 30),
            -trends(capacity, places, 60),
            record.rate_Ah[places],
            record.uninterrupted_loss_Ah[places],
            record.recovered_Ah[places] / (places + 1),
            recent["Re_ohm"],
            recent["Rct_ohm"],
            cv_share,
            recent["cv_time_0A5_s"],
            recent["charge_time_3V9_4V0_s"] / level,
            recent["charge_3V7_3V5_Ah"] / level,
            recent["charge_to_3V5_Ah"] / level,
            recent["voltage_600s_V"],
            recent["temperature_rise_K"],
            recent["ohmic_resistance_ohm"],
            recent["ambient_temperature_degC"],
            recent["discharge_current_A"],
        )
    ).T


class Explanation(NamedTuple):
    """ln RUL in cycles (1, m), and of the first column: effect of each feature on it, and the features' values.

    Effects are SHAP values (against the mean of the training rows); gap and fade rate also have what they do in the law
    that the trees start from, against its typical gap and rate. So differences of the sums are those of ln RUL. A value
    is NaN where not measured; units as in `FEATURES`.
    """

    log_life: np.ndarray
    effects: dict[str, float]
    values: dict[str, float]


@dataclass(frozen=True)
class Boosting:
    """Boosted-trees base. Made by `train_boosting`, or from a stored booster."""

    booster: xgboost.Booster
    exponent: float

    def after(self, rounds: int) -> Boosting:
        """The same, stopped after that many rounds."""
        return Boosting(self.booster[:rounds], self.exponent)

    def log_life(self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray) -> np.ndarray:
        """ln RUL in cycles at n places (k-1) for m thresholds, shape (n, m); never NaN."""
        return self.log_lives(record, places, thresholds_Ah, [0])[0]

    def log_lives(
        self, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray, rounds: Sequence[int]
    ) -> list[np.ndarray]:
        """`log_life` after each of so many rounds; 0: after all."""
        rows, start = _grid_rows(features(record, places), record, places, thresholds_Ah, self.exponent)
        matrix = xgboost.DMatrix(rows, base_margin=start, nthread=1)
        totals = [self.booster.predict(matrix, iteration_range=(0, end)) for end in rounds]
        return [total.reshape(len(places), len(thresholds_Ah)).astype(float) for total in totals]

    def explain(self, record: FadeRecord, place: int, thresholds_Ah: np.ndarray) -> Explanation:
        """ln RUL at one place for m thresholds, and the effect of each feature on the first of them."""
        places = np.array([place])
        rows, start = _grid_rows(features(record, places), record, places, thresholds_Ah, self.exponent)
        matrix = xgboost.DMatrix(rows, base_margin=start, nthread=1)
        shares = self.booster.predict(matrix.slice([0]), pred_contribs=True)[0, :-1]
        effects = {name: float(share) for name, share in zip(FEATURES, shares, strict=True)}
        of_rate = rate_effect(record.log_rate[place], self.exponent)
        effects["fade_rate_30_Ah"] += float(of_rate)
        effects["gap_Ah"] += float(start[0] - of_rate - np.log(TYPICAL_LIFE))
        values = {name: float(value) for name, value in zip(FEATURES, rows[0], strict=True)}
        return Explanation(self.booster.predict(matrix).astype(float)[None, :], effects, values)


def _grid_rows(
    known: np.ndarray, record: FadeRecord, places: np.ndarray, thresholds_Ah: np.ndarray, exponent: float
) -> tuple[np.ndarray, np.ndarray]:
    """Feature rows of all places x thresholds, and the value that the trees start from at each."""
    number = len(thresholds_Ah)
    level = np.repeat(record.recent_minimum_Ah[places], number)
    threshold = np.tile(thresholds_Ah, len(places))
    rows = np.column_stack((np.repeat(known, number, axis=0), np.maximum(level - threshold, 0.0)))
    log_rate = np.repeat(record.log_rate[places], number)
    return rows, constant_rate_log_life(level, threshold, log_rate, exponent)


def rounded_exponent(exponent: float) -> float:
    """The exponent as the trees' law uses it."""
    return round(round(exponent / EXPONENT_STEP) * EXPONENT_STEP, 6)


def train_boosting(references: Sequence[FadeRecord], exponent: float) -> Boosting:
    """Train all rounds on the lives of the reference cells; every cell and threshold weighs the same.

    Raises `ValueError` if no reference reaches any of `TRAINING_THRESHOLDS_Ah`.
    """
    exponent = rounded_exponent(exponent)
    rows, lives, weights, starts = [], [], [], []
    for reference in references:
        known = features(reference, np.arange(len(reference)))
        for threshold in TRAINING_THRESHOLDS_Ah:
            cycles = np.arange(FIRST_CYCLE, reference.crossing(threshold) or 0, STRIDE)
            if not len(cycles):
                continue
            row, start = _grid_rows(known[cycles - 1], reference, cycles - 1, np.array([threshold]), exponent)
            rows.append(row)
            starts.append(start)
            lives.append(np.log((reference.crossing(threshold) or 0) - cycles))
            weights.append(np.full(len(cycles), 1.0 / len(cycles)))
    if not rows:
        raise ValueError("no reference cell reaches a training threshold")
    weight = np.concatenate(weights)
    matrix = xgboost.DMatrix(
        np.concatenate(rows),
        label=np.concatenate(lives),
        weight=weight / weight.mean(),
        base_margin=np.concatenate(starts),
        nthread=1,
    )
    signs = [-1 if name in FALLING_LIFE else int(name == "gap_Ah") for name in FEATURES]
    parameters = PARAMETERS | {"monotone_constraints": f"({','.join(map(str, signs))})"}
    return Boosting(xgboost.train(parameters, matrix, ROUNDS[-1]), exponent)
