from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import InvalidInput
from model.life.fade import FadeRecord
from model.life.intervals import LEVELS, QuantileTable, RulInterval, end_of_life_sharpness, rul_score
from tests.model.made_up import history

INTERVAL = RulInterval(QuantileTable.of_groups([np.linspace(0, 1, 101)]), 2.0)


def test_table_holds_the_mean_over_cells_of_each_cells_quantile():
    many, few = np.linspace(0, 1, 1001), np.linspace(0, 3, 11)
    assert QuantileTable.of_groups([many, few]).at(0.9) == pytest.approx((0.9 + 2.7) / 2)


def test_the_largest_of_several_tables_counts_at_each_level():
    flat, steep = QuantileTable((1.0,) * len(LEVELS)), QuantileTable((*LEVELS[:-1], 2.0))
    assert QuantileTable.largest([flat, steep]).values == (1.0,) * (len(LEVELS) - 1) + (2.0,)


def test_levels_between_are_interpolated():
    table = QuantileTable.of_groups([np.linspace(0, 1, 1001)])
    assert table.at(0.87) == pytest.approx(0.87)


@pytest.mark.parametrize("level", [0.49, 0.995, 1.0, -1, float("nan")])
def test_a_level_outside_is_refused(level):
    with pytest.raises(InvalidInput, match="confidence_level"):
        INTERVAL.scores.at(level)


@settings(deadline=None)
@given(st.floats(0, 1000), st.sampled_from(LEVELS))
def test_bounds_enclose_the_prediction_and_grow_with_the_level(rul, level):
    low, high = INTERVAL.bounds(rul, level)
    assert 0 <= low <= rul <= high
    wider_low, wider_high = INTERVAL.bounds(rul, LEVELS[-1])
    assert wider_low <= low
    assert high <= wider_high


def test_bounds_cover_exactly_the_scores_below_the_quantile():
    predicted = np.full(50, 40.0)
    true = np.linspace(5, 150, 50)
    low, high = INTERVAL.bounds(predicted, 0.8)
    inside = rul_score(true, predicted, 2.0) <= INTERVAL.scores.at(0.8)
    np.testing.assert_array_equal((low <= true) & (true <= high), inside)


def test_sharpness_is_scatter_over_fade():
    random = np.random.default_rng(0)
    capacity = 1.9 - 0.004 * np.arange(400) + random.normal(0, 0.01, 400)
    sharpness = end_of_life_sharpness([FadeRecord.of(history("C", capacity))])
    assert sharpness == pytest.approx(0.01 * np.sqrt(2) / 0.004, rel=0.2)
