"""Who is believed: the weight of each saying of pool, own law and siblings, learned over kinds of cells.

    s = softmax(prior - 2 ln(error_k / e0) (n - 1) / n + trees(place)),   w = (s + 1 / 8) / 2,   z = median of z_k by w

So every answer lies among what its sources say, and each has its weight. With two siblings and more the error that a
saying had on the siblings themselves counts (inverse variance: Bates & Granger 1969, Operational Research Quarterly
20:451); the rest is learned by gradient-boosted trees on lives of all public sets, each set's with a pool that has not
seen it (a mixture of experts: Jacobs et al. 1991, Neural Computation 3:79; they learn the mean by s). What was learned
on other kinds is trusted half, and a median is not moved by one saying that is far off (combinations shrunk to equal
weights, and medians, hold best out of sample: Stock & Watson 2004, Journal of Forecasting 23:405).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from model.life.relative.objective import slope_and_curvature
from model.life.relative.siblings import PRIOR_ERROR, SAYINGS, Places, Sayings

PRIOR = np.array([-2.0, -1.0, 0.3, 0.6, -0.3, -1.0, -1.0, -0.5])
"""Before anything is learned: paced level curve and corrected pool first, as in order of `SAYINGS`."""

LEARNED_SHARE = 0.5
OWN_ERROR = 0.25
ROUNDS = 60
PARAMETERS: dict[str, Any] = {
    "max_depth": 2,
    "eta": 0.2,
    "subsample": 0.5,
    "colsample_bytree": 0.5,
    "lambda": 50.0,
    "min_child_weight": 2.0,
    "num_class": len(SAYINGS),
    "disable_default_eval_metric": 1,
    "tree_method": "hist",
    "nthread": 1,
    "seed": 0,
}


def inputs(sayings: Sayings, wear: np.ndarray) -> np.ndarray:
    """What the trees see at n places: how the sayings differ from the middle one, wear, number and spread."""
    z = sayings.z
    middle = from_middle(z)
    differences = np.delete(z, SAYINGS.index("corrected"), axis=1) - middle[:, None]
    number = np.full(len(z), float(sayings.siblings))
    return np.column_stack((differences, sayings.pace, wear, number, sayings.spread, middle, sayings.life))


def from_middle(z: np.ndarray) -> np.ndarray:
    """Mean of the two sayings that serve best without learning."""
    return (z[:, SAYINGS.index("paced")] + z[:, SAYINGS.index("corrected")]) / 2


def margins(sayings: Sayings) -> np.ndarray:
    """Prior and errors on the siblings as what the trees start from (n, 8)."""
    count = sayings.siblings
    seen = np.where(np.isnan(sayings.errors), PRIOR_ERROR, sayings.errors)
    error = (seen * (count - 1) + PRIOR_ERROR) / count
    errors = np.concatenate(([OWN_ERROR], error))
    margin = PRIOR - 2.0 * np.log(errors / PRIOR_ERROR) * (count - 1) / count
    return np.tile(margin, (len(sayings.z), 1))


def softmax(values: np.ndarray) -> np.ndarray:
    shifted = np.exp(values - _over_row(np.maximum, values))
    return shifted / _over_row(np.add, shifted)


def _over_row(both: np.ufunc, values: np.ndarray) -> np.ndarray:
    """A row's largest value or sum (n, 1) of the values (n, 8) in pairs, the order of numpy's own at twice its pace."""
    while values.shape[1] > 1:
        values = both(values[:, ::2], values[:, 1::2])
    return values


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from: inputs, margins, sayings (m, 8), the true z and the weight of each row."""

    inputs: np.ndarray
    margins: np.ndarray
    z: np.ndarray
    true: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, sayings: Sayings, at: Places) -> Lesson:
        """Rows of equal weight."""
        return cls(inputs(sayings, at.wear), margins(sayings), sayings.z, at.z, np.ones(len(at)))

    @classmethod
    def together(cls, lessons: Sequence[Lesson]) -> Lesson:
        return cls(*(np.concatenate([getattr(lesson, name) for lesson in lessons]) for name in vars(lessons[0])))

    def __len__(self) -> int:
        return len(self.true)


@dataclass(frozen=True)
class Gate:
    """The trained trees."""

    booster: xgboost.Booster

    @classmethod
    def train(cls, lesson: Lesson) -> Gate:
        """Learn the weights from the rows of a lesson."""
        rows, weight = lesson.z, lesson.weight / lesson.weight.mean()

        def derivatives(margin: np.ndarray, matrix: xgboost.DMatrix) -> tuple[np.ndarray, np.ndarray]:
            share = softmax(margin.reshape(rows.shape))
            mean = _over_row(np.add, share * rows)
            first, _ = slope_and_curvature(mean[:, 0] - lesson.true, weight)
            pull = share * (rows - mean)
            curvature = weight[:, None] * np.maximum(0.5 * np.abs(pull), 1e-3)
            return first[:, None] * pull, curvature

        matrix = xgboost.DMatrix(lesson.inputs, label=lesson.true, base_margin=lesson.margins, nthread=1)
        return cls(xgboost.train(PARAMETERS, matrix, ROUNDS, obj=derivatives))

    def weights(self, sayings: Sayings, wear: np.ndarray) -> np.ndarray:
        """Weight of each saying at n places (n, 8), rows sum to 1."""
        return self.weights_of(inputs(sayings, wear), margins(sayings))

    def weights_of(self, inputs: np.ndarray, margins: np.ndarray) -> np.ndarray:
        """The same from what the trees see and start from."""
        matrix = xgboost.DMatrix(inputs, base_margin=margins, nthread=1)
        learned = softmax(self.booster.predict(matrix, output_margin=True).reshape(margins.shape).astype(float))
        return LEARNED_SHARE * learned + (1.0 - LEARNED_SHARE) / len(SAYINGS)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median over each row (n, k) by weights that sum to 1, straight between the middles of the weights."""
    order = np.argsort(values, axis=1)
    values, weights = (np.take_along_axis(each, order, axis=1) for each in (values, weights))
    middles = np.cumsum(weights, axis=1) - weights / 2
    rows, beyond = np.arange(len(values)), np.count_nonzero(middles <= 0.5, axis=1)
    before, after = np.maximum(beyond - 1, 0), np.minimum(beyond, values.shape[1] - 1)
    left, low = middles[rows, before], values[rows, before]
    apart = np.where(before < after, middles[rows, after] - left, 1.0)
    return (values[rows, after] - low) / apart * (0.5 - left) + low
