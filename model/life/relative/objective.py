"""What all learned parts here are trained on: the error of a life as a share of the true life.

For z = ln(life / age) an error e in z is |exp(e) - 1| of the life: too long a life is punished without bound, too short
a one by at most 1. Trees that learn it stay careful where kinds of cells differ. The corner at 0 is rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xgboost

CORNER = 0.1
LARGEST_ERROR = 2.5


def slope_and_curvature(error: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and (positive, approximate) second derivative of the loss in z."""
    ratio = np.exp(np.clip(error, -5.0, LARGEST_ERROR))
    rounded = np.tanh((ratio - 1.0) / CORNER)
    curvature = 0.5 * ratio**2 * (1.0 - rounded**2) / CORNER + 0.3 * ratio
    return weight * rounded * ratio, weight * np.maximum(curvature, 0.15)


def loss(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Error of the life as a share of the true life, for z of any shape."""
    return np.abs(np.exp(np.minimum(np.maximum(predicted - true, -5.0), 3.0)) - 1.0)


def objective(weight: np.ndarray) -> Callable[[np.ndarray, xgboost.DMatrix], tuple[np.ndarray, np.ndarray]]:
    """The loss as XGBoost takes it, for rows of these weights."""

    def derivatives(predicted: np.ndarray, rows: xgboost.DMatrix) -> tuple[np.ndarray, np.ndarray]:
        return slope_and_curvature(predicted - rows.get_label(), weight)

    return derivatives


def life_left(z: np.ndarray | float) -> np.ndarray:
    """Ages that are left: exp(z) - 1."""
    return np.expm1(np.maximum(z, 0.0))


def from_log_left(log_left: np.ndarray) -> np.ndarray:
    """z of ln(remaining life / age)."""
    return np.log1p(np.exp(np.minimum(np.maximum(log_left, -6.0), 8.0)))


def log_left(z: np.ndarray) -> np.ndarray:
    """ln(remaining life / age) of z, from 1 % of an age on."""
    return np.log(np.maximum(np.expm1(z), 0.01))
