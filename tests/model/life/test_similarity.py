from __future__ import annotations

import numpy as np
import pytest

from model.life.fade import MEDIAN, RECENT_MINIMUM, FadeRecord
from model.life.similarity import Similarity
from tests.model.made_up import straight


@pytest.fixture
def slow() -> FadeRecord:
    return FadeRecord.of(straight("slow", 0.004))


@pytest.fixture
def fast() -> FadeRecord:
    return FadeRecord.of(straight("fast", 0.012))


@pytest.mark.parametrize("signal", [RECENT_MINIMUM, MEDIAN])
def test_a_twin_of_a_reference_gets_about_its_true_remaining_life(slow, fast, signal):
    twin = FadeRecord.of(straight("twin", 0.004))
    places = np.array([40, 70])
    life = np.exp(Similarity([slow], 0.33, signal).log_life(twin, places, np.array([1.4]))[:, 0])
    np.testing.assert_allclose(life, slow.crossing(1.4) - (places + 1), rtol=0.1)


def test_matched_lives_are_stretched_by_the_fade_rates(slow, fast):
    at, threshold = np.array([25]), np.array([1.4])
    rigid, adapted = (Similarity([slow], rho).log_life(fast, at, threshold)[0, 0] for rho in (0.0, 0.5))
    assert adapted - rigid == pytest.approx(-0.5 * np.log(3), rel=0.02)


def test_similar_cells_share_one_and_favour_the_sibling(slow):
    other = FadeRecord.of(straight("other", 0.004, 60, start_Ah=1.55))
    shares = Similarity([slow, other], 0.33).explain(FadeRecord.of(straight("twin", 0.004)), 20, np.array([1.4]))[1]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["slow"] > 0.95


def test_a_threshold_that_no_reference_reaches_is_unknown(slow):
    short = FadeRecord.of(straight("short", 0.001, 60))
    assert np.isnan(Similarity([short], 0.33).log_life(slow, np.array([20]), np.array([1.0]))).all()


def test_a_single_cycle_is_enough_to_compare(slow):
    young = FadeRecord.of(straight("young", 0.004, 1))
    assert np.isfinite(Similarity([slow], 0.33).log_life(young, np.array([0]), np.array([1.4]))).all()
