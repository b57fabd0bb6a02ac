from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.life import trajectory
from model.life.trajectory import Fade


@given(st.floats(0.3, 2.1), st.floats(0.2, 2.0))
def test_thresholds_fall_and_hold_the_end_of_life(level: float, end_of_life: float) -> None:
    end_of_life = min(level, end_of_life)
    capacities = trajectory.thresholds(level, end_of_life, 2.0)
    assert np.all(np.diff(capacities) <= 0)
    assert end_of_life in capacities.tolist()
    assert capacities[-1] < end_of_life


def test_fade_passes_its_points_and_goes_on_with_its_mean_slope() -> None:
    fade = Fade(1.8, np.array([0.0, 10.0, 10.0, 30.0]), np.array([1.79, 1.7, 1.6, 1.4]))
    assert fade.at(np.array([0.0, 10.0, 20.0, 30.0])) == pytest.approx([1.8, 1.6, 1.5, 1.4])
    assert fade.at(np.array([60.0]))[0] == pytest.approx(1.0)
    assert fade.at(np.array([1000.0]))[0] == 0.0


def test_a_difference_by_rounding_does_not_bend_the_fade() -> None:
    capacities, at = np.array([1.7, 1.6, 1.4]), np.linspace(0, 40, 9)
    exact, rounded = np.array([20.0, 20.0, 30.0]), np.array([np.nextafter(20.0, 0.0), 20.0, 30.0])
    np.testing.assert_allclose(Fade(1.8, rounded, capacities).at(at), Fade(1.8, exact, capacities).at(at))


@given(
    st.lists(
        st.floats(0.1, 500) | st.just(0.0) | st.just(float("nan")) | st.just(float("inf")), min_size=3, max_size=12
    ),
    st.floats(0.5, 2.0),
)
def test_a_fade_never_rises_whatever_the_predictor_says(cycles: list[float], level: float) -> None:
    capacities = np.linspace(level, level - 0.3, len(cycles) + 1)[1:]
    at = Fade(level, np.array(cycles), capacities).at(np.linspace(0, 600, 200))
    assert np.all(np.isfinite(at)) and np.all(np.diff(at) <= 1e-12)


def test_points_lie_in_their_band_and_hold_the_kept_cycle() -> None:
    capacities = np.array([1.6, 1.4, 1.2])
    fades = tuple(Fade(1.8, np.array([50.0, 100.0, 150.0]) * pace, capacities) for pace in (1.0, 0.7, 1.5))
    points = trajectory.points(40, 190, (fades[0], fades[1], fades[2]), (1.8, 1.75, 1.85), keep_cycles=(140,))
    assert len(points) <= trajectory.MAXIMUM_POINTS
    assert [point.cycle for point in points] == sorted({point.cycle for point in points})
    assert points[0].cycle == 40 and points[-1].cycle == 190
    end = next(point for point in points if point.cycle == 140)
    assert end.capacity_Ah == pytest.approx(1.4)
    for point in points:
        assert 0 <= point.lower_Ah <= point.capacity_Ah - 0.049
        assert point.upper_Ah >= point.capacity_Ah + 0.049
