"""Intervals by the cell's own past forecasts."""

from __future__ import annotations

import numpy as np
import pytest

from model.life.relative.curve import Curve
from model.life.relative.hindsight import LEAST_RATIO, QUANTILE_OVER_MEAN, TRUST, past_scores, recalibrated

THRESHOLD = 0.8


def curve(shape: float, cycles: int = 150, life: float = 180.0) -> Curve:
    number = np.arange(1, cycles + 1)
    return Curve.of("own", number, 3.0 * (1.0 - 0.2 * (number / life) ** shape))


@pytest.mark.parametrize("shape", [0.8, 1.2, 2.0, 12.0])
def test_the_interval_follows_how_the_own_past_was_foretold(model, shape):
    own, relative = curve(shape), model.relative
    told = relative.alone(relative.place(own, THRESHOLD))
    scores = past_scores(relative, own, len(own) - 1, [])
    after = recalibrated(relative, told, own, [len(own) - 1], [])
    ratio = QUANTILE_OVER_MEAN * scores.mean() / told.quantiles.at(0.9)
    share = len(scores) / (len(scores) + TRUST[0])
    assert len(scores) and after.factors == pytest.approx([max(ratio, LEAST_RATIO) ** share])
    (low, high), (least, most) = after.bounds(0.9), told.bounds(0.9)
    narrower = ratio < 1
    assert (low[0] >= least[0], high[0] <= most[0]) == (narrower, narrower)


def test_a_place_knows_nothing_of_what_comes_after_it(model):
    whole, cut, failed = curve(1.2), curve(1.2, cycles=100), curve(1.3, cycles=200)
    for siblings in ([], [failed]):
        known = past_scores(model.relative, cut, 99, siblings)
        assert len(known) and np.array_equal(past_scores(model.relative, whole, 99, siblings), known)


def test_a_young_cell_and_one_with_more_siblings_are_left_as_they_are(model):
    own, relative = curve(1.2), model.relative
    told = relative.alone(relative.place(own, THRESHOLD))
    assert recalibrated(relative, told, own, [len(own) - 1], [curve(1.3), curve(1.4)]) is told
    assert recalibrated(relative, told, own, [8], []).factors == pytest.approx([1.0])
