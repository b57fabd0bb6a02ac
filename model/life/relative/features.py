"""What a cell's own fade tells of its life, free of its size: features at a place, and the power law through them.

The answer of everything here is z = ln(life / age), life and age in cycles: 0 at the end of life, 0.69 at half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from model.life.relative.curve import SMALLEST_RATE, Curve

WINDOWS = (0.1, 0.25, 0.5, 1.0)
"""Shares of the age over which the loss per cycle is taken."""

LAW_WEIGHTS = (0.0, 0.5, 0.3, 0.2)
"""Constant-rate law: weights of the windows, mostly the last quarter."""

SLOPE_POINTS = 25
SMALLEST_GAP = 2e-3
SMALLEST_LOSS = 1e-4
VISIBLE_LOSS = 2e-3
"""A loss below this share is scatter; when shares of it were reached is not asked then."""

LONGEST_AHEAD = 30.0
"""No law is followed for more than this many of the present ages."""

LAW_POINTS = 60
EXPONENTS = np.array([0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.6, 2.0, 2.6, 3.5, 5.0, 7.0])
EXPONENT_PRIOR = np.exp(-0.5 * ((np.log(EXPONENTS) - np.log(1.25)) / 0.55) ** 2)
"""loss = d0 + a (age)^b: exponents b offered and their prior: half (diffusion limited) to seven (a knee)."""

INDEPENDENT_POINTS = 25
LEAST_SCATTER = 2e-3

FEATURES: dict[str, str] = {
    "life_at_rate_of_last_tenth": "ln ages",
    "life_at_rate_of_last_quarter": "ln ages",
    "life_at_rate_of_last_half": "ln ages",
    "life_at_mean_rate": "ln ages",
    "life_at_constant_rate": "ln ages",
    "slowing_down": "ln",
    "rate_spread": "ln",
    "gap": "1",
    "log_gap": "ln",
    "loss": "1",
    "log_loss_over_gap": "ln",
    "above_recent_low": "1",
    "age_of_highest_level": "ages",
    "age_of_quarter_loss": "ages",
    "age_of_half_loss": "ages",
    "age_of_three_quarters_loss": "ages",
    "log_age": "ln cycles",
    "life_by_power_law": "ln ages",
    "log_rate_of_last_quarter": "ln 1/cycle",
    "log_mean_rate": "ln 1/cycle",
    "level": "1",
    "wear": "1",
}
"""Feature -> unit. Gap: level above the threshold; loss: below the highest level; wear: share of the way to the
threshold that is gone. Lives in ln of present ages."""

POWER_LAW = list(FEATURES).index("life_by_power_law")
"""Which of the values is z by the power law."""

RISING = ("gap", "log_gap")
"""A larger gap never shortens a predicted life."""


@dataclass(frozen=True)
class Own:
    """What does not depend on the threshold, at one place."""

    age: float
    level: float
    low: float
    loss: float
    rates: np.ndarray
    highest_at: float
    loss_at: tuple[float, float, float]
    law: tuple[np.ndarray, np.ndarray, np.ndarray]
    law_points: int

    @cached_property
    def posterior(self) -> np.ndarray:
        """Of the exponents of the power law, not normalised, given the residuals on the own history."""
        variance = self.law[2]
        scatter = LEAST_SCATTER**2 / 4 + variance.min() + 4e-6
        points = min(self.law_points, INDEPENDENT_POINTS)
        return EXPONENT_PRIOR * np.exp(-0.5 * points * (variance - variance.min()) / scatter)


@cache
def _spread(count: int, most: int) -> np.ndarray:
    """Places of at most so many of `count` points, evenly spread, without a repetition."""
    return np.unique(np.round(np.linspace(0, count - 1, most)).astype(int))


@cache
def _pairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second place of all pairs of at most `SLOPE_POINTS` of `count` points."""
    kept = _spread(count, SLOPE_POINTS) if count > SLOPE_POINTS else np.arange(count)
    first, second = np.triu_indices(len(kept), 1)
    return kept[first], kept[second]


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Median slope over all pairs of at most `SLOPE_POINTS` points (Theil-Sen); 0 for a single point."""
    if len(x) < 2:
        return 0.0
    first, second = _pairs(len(x))
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    middle = len(slopes) // 2, (len(slopes) - 1) // 2
    slopes.partition(middle)  # np.median looks for NaN as well, in twice the time
    return float((slopes[middle[0]] + slopes[middle[1]]) / 2)


def own(curve: Curve, place: int) -> Own:
    """The features of a cell's own fade up to a place."""
    x, level = curve.age[: place + 1], curve.level[: place + 1]
    age, count = float(x[-1]), len(x)
    highest = float(level.max())
    loss = max(highest - float(level[-1]), SMALLEST_LOSS)
    rates = []
    for share in WINDOWS:
        start = min(int(np.searchsorted(x, age * (1.0 - share))), max(count - 6, 0))
        rates.append(-slope(x[start:], level[start:]))

    def reached(share: float) -> float:
        return float(x[np.argmax(highest - level >= share * loss)]) / age if loss > VISIBLE_LOSS else np.nan

    return Own(
        age=age,
        level=float(level[-1]),
        low=float(level[-max(3, int(0.1 * count)) :].min()),
        loss=loss,
        rates=np.array(rates),
        highest_at=float(x[np.argmax(level)]) / age,
        loss_at=(reached(0.25), reached(0.5), reached(0.75)),
        law=_power_laws(x / age, 1.0 - np.minimum(level, 1.1)),
        law_points=min(count, LAW_POINTS),
    )


def _power_laws(share_of_age: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares of loss = d0 + a u^b for each b of `EXPONENTS`: a, d0, mean squared residual, later points more."""
    kept = _spread(len(loss), LAW_POINTS)
    u, d = share_of_age[kept], loss[kept]
    weight = 0.3 + u
    weight = weight / weight.sum()
    powers = u[None, :] ** EXPONENTS[:, None]
    mean_power, mean_loss = powers @ weight, float(d @ weight)
    centred, loss_centred = powers - mean_power[:, None], d - mean_loss
    a = (centred * loss_centred) @ weight / ((centred**2) @ weight + 1e-12)
    residual = loss_centred - a[:, None] * centred
    return a, mean_loss - a * mean_power, (residual**2) @ weight


def power_law_life(at: Own, threshold: float) -> float:
    """z by the power law: posterior mean over the exponents, given the residuals on the own history."""
    a, start, _ = at.law
    needed = np.maximum(1.0 - threshold - start, 1e-5) / np.maximum(a, 1e-5)
    ahead = np.log(np.minimum(np.maximum(needed ** (1.0 / EXPONENTS) - 1.0, 0.01), LONGEST_AHEAD))
    return float(np.log1p(np.exp(at.posterior @ ahead / at.posterior.sum())))


def row(at: Own, threshold: float) -> list[float]:
    """The values of `FEATURES` for a threshold (share of the reference)."""
    gap = max(at.level - threshold, SMALLEST_GAP)
    lives = np.log(np.clip(gap / (np.maximum(at.rates, 1e-9) * at.age), 1e-3, LONGEST_AHEAD))
    return [
        *lives.tolist(),
        float(lives @ np.array(LAW_WEIGHTS)),
        float(lives[0] - lives[3]),
        float(lives.max() - lives.min()),
        gap,
        float(np.log(gap)),
        at.loss,
        float(np.log(at.loss / gap)),
        at.level - at.low,
        at.highest_at,
        *at.loss_at,
        float(np.log(at.age)),
        power_law_life(at, threshold),
        float(np.log(max(at.rates[1], SMALLEST_RATE))),
        float(np.log(max(at.loss / at.age, SMALLEST_RATE))),
        at.level,
        (1.0 - at.level) / (1.0 - threshold),
    ]
