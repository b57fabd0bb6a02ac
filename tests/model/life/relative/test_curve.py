"""A fade in units of the cell itself, and the laws through it."""

from __future__ import annotations

import numpy as np
import pytest

from model.errors import NotEnoughHistory
from model.life.relative import features
from model.life.relative.curve import LEAST_RECORDS, MOST_POINTS, Curve


def straight(cycles: np.ndarray, life: float, scale: float = 1.0) -> Curve:
    """Loses 20 % of its capacity over `life`."""
    return Curve.of("A", cycles.astype(float), scale * (1.0 - 0.2 * cycles / life))


@pytest.mark.parametrize("scale", [0.05, 3.2, 300.0])
def test_the_size_of_a_cell_does_not_matter(scale):
    cycles = np.arange(1, 600)
    small, large = straight(cycles, 1000.0), straight(cycles, 1000.0, scale)
    assert large.level == pytest.approx(small.level)
    assert large.reference_Ah == pytest.approx(scale * small.reference_Ah)


def test_gaps_count_and_points_are_few():
    every, tenth = straight(np.arange(1, 6000), 8000.0), straight(np.arange(1, 6000, 100), 8000.0)
    assert len(every) == MOST_POINTS and tenth.sparse and not every.sparse
    assert np.interp(4000.0, tenth.age, tenth.level) == pytest.approx(
        np.interp(4000.0, every.age, every.level), abs=0.01
    )
    assert tenth.rate[-1] == pytest.approx(0.2 / 8000.0, rel=0.05)


def test_a_curve_that_starts_late_counts_from_its_first_record():
    late = straight(np.arange(501, 901), 4000.0)
    assert late.age[0] == 1.0 and late.first_cycle == 501


def test_a_place_knows_nothing_of_what_comes_after():
    rng = np.random.default_rng(0)
    capacity = 1.0 - 0.0005 * np.arange(150) + rng.normal(0, 0.002, 150)
    whole = Curve.of("A", np.arange(1, 151.0), capacity)
    part = Curve.of("A", np.arange(1, 101.0), capacity[:100])
    assert features.row(features.own(whole, 99), 0.8) == pytest.approx(features.row(features.own(part, 99), 0.8))
    assert whole.rate[99] == pytest.approx(part.rate[99])


def test_a_straight_fade_is_followed_by_the_laws():
    curve = straight(np.arange(1, 500), 1000.0)
    at = features.own(curve, len(curve) - 1)
    threshold = 0.8 / (curve.reference_Ah)
    row = dict(zip(features.FEATURES, features.row(at, threshold), strict=True))
    assert row["life_at_mean_rate"] == pytest.approx(np.log(500 / 499), abs=0.1)
    assert features.power_law_life(at, threshold) == pytest.approx(np.log(1000 / 499), abs=0.15)


def test_too_few_records_say_nothing():
    with pytest.raises(NotEnoughHistory):
        straight(np.arange(1, LEAST_RECORDS), 100.0)
