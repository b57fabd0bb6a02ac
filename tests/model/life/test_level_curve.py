from __future__ import annotations

import numpy as np
import pytest

from model.life.fade import MEDIAN, FadeRecord
from model.life.level_curve import LevelCurve, place_of
from tests.model.made_up import straight


def record(*arguments, **columns) -> FadeRecord:
    return FadeRecord.of(straight(*arguments, **columns))


def test_a_twin_of_the_reference_gets_its_true_remaining_life():
    reference, twin = record("A", 0.005), record("B", 0.005)
    places = np.array([20, 50, 80])
    life = np.exp(LevelCurve([reference], 0.33).log_life(twin, places, np.array([1.4]))[:, 0])
    np.testing.assert_allclose(life, reference.crossing(1.4) - (places + 1), rtol=1e-6)


def test_a_faster_cell_lives_shorter_by_the_power_of_its_rate():
    reference, fast = record("A", 0.005), record("B", 0.010)
    place, threshold = np.array([40]), np.array([1.4])  # level 1.5 Ah
    rigid, adapted = (np.exp(LevelCurve([reference], rho).log_life(fast, place, threshold)[0, 0]) for rho in (0, 0.5))
    assert adapted / rigid == pytest.approx(0.5**0.5, rel=1e-6)


def test_the_stretch_is_limited():
    reference, crawling = record("A", 0.02), record("B", 0.0003)
    base = LevelCurve([reference], 5.0).log_life(crawling, np.array([60]), np.array([1.6]))[0, 0]
    rigid = LevelCurve([reference], 0.0).log_life(crawling, np.array([60]), np.array([1.6]))[0, 0]
    assert base - rigid == pytest.approx(1.0)


def test_a_threshold_that_no_reference_reaches_is_unknown():
    reference = record("A", 0.001, 100)
    assert np.isnan(LevelCurve([reference], 0.33).log_life(reference, np.array([50]), np.array([1.0]))).all()


def test_an_unknown_rate_means_no_correction():
    reference, young = record("A", 0.005), record("B", 0.010, 2)
    curve = LevelCurve([reference], 0.5, MEDIAN)
    assert np.exp(curve.log_life(young, np.array([0]), np.array([1.4]))[0, 0]) == pytest.approx(101, abs=2)


def test_place_of_interpolates_and_ends_where_the_curve_ends():
    curve = np.array([1.9, 1.8, 1.8, 1.6])
    np.testing.assert_allclose(place_of(curve, np.array([2.0, 1.85, 1.7, 1.0]), 4), [1.0, 1.5, 3.5, 4.0])
