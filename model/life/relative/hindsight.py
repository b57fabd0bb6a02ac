"""An interval recalibrated by the cell's own past forecasts: when would it come down to where it is by now?

At earlier ages of the cell the blend is asked for the end of life at its present level, which has been reached. With
the scores s of k such forecasts (`blend.score`) the quantile q of the interval becomes

    q' = q max(c mean(s) / q90, 1/4)^(k / (k + trust)),   c = 2.06: 90 % quantile over mean of a normal error

so a kind whose cells are foretold better than the worst known set gets a narrower interval, one told worse a wider.
Few forecasts of one cell are shrunk towards what whole cells of other sets have needed. (Single steps of adaptive
conformal prediction, Gibbs & Candes 2021, NeurIPS, served less.) With two failed siblings and more their own scores say
the same, and the interval is left (figures in model/README.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model.life.relative.blend import Estimate, RelativeLife, score
from model.life.relative.curve import Curve
from model.life.relative.pool import first_place
from model.life.relative.siblings import Places, Sibling

TRUST = {0: 16.0, 1: 8.0}
"""By number of failed siblings: forecasts that what was calibrated on other sets counts for."""

LOOKED_BACK = np.array([0.25, 0.4, 0.55, 0.7, 0.85])
"""Shares of the present age at which the cell is asked again."""

HIGHEST_LEVEL, LEAST_FALL = 0.985, 0.01
"""A cell above this level is not asked, nor at a place from which it has hardly fallen: that is scatter."""

QUANTILE_OVER_MEAN = 2.06
LEAST_RATIO = 0.25


def recalibrated(
    relative: RelativeLife, told: Estimate, curve: Curve, places: Sequence[int], siblings: Sequence[Curve]
) -> Estimate:
    """The estimate at some places of a curve, its intervals by the cell's own past forecasts at each; as it is with
    more siblings than `TRUST` knows. A place knows nothing of what comes after it."""
    trust = TRUST.get(len(siblings))
    if trust is None:
        return told
    factors = np.ones(len(places))
    for number, place in enumerate(places):
        scores = past_scores(relative, curve, place, siblings)
        if len(scores):
            ratio = QUANTILE_OVER_MEAN * float(scores.mean()) / told.quantiles.at(0.9)
            factors[number] = max(ratio, LEAST_RATIO) ** (len(scores) / (len(scores) + trust))
    return replace(told, factors=factors)


def past_scores(relative: RelativeLife, curve: Curve, place: int, siblings: Sequence[Curve]) -> np.ndarray:
    """Scores of the forecasts made before a place of when its lowest level would be reached; none of a young cell."""
    now = float(curve.lowest[place])
    if now > HIGHEST_LEVEL:
        return np.zeros(0)
    reached = float(curve.age[int(np.argmax(curve.level <= now))])
    looked = np.unique(curve.age[:place].searchsorted(LOOKED_BACK * curve.age[place], side="right") - 1)
    looked = looked[looked >= first_place(curve)]
    looked = looked[(curve.lowest[looked] > now + LEAST_FALL) & (curve.age[looked] < reached)]
    if not len(looked):
        return np.zeros(0)
    at = Places.of(curve, looked, now, relative.pool, reached)
    known = [found for other in siblings if (found := Sibling.of(other, now, relative.pool)) is not None]
    said = relative.beside(known, at, relative.kinship(known)) if known else relative.alone(at)
    return score(said.z, at.z)
