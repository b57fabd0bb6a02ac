from __future__ import annotations

import numpy as np
import pytest

from model.life.fade import FadeRecord
from model.life.gaussian_process import GaussianProcess, constant_rate_log_life
from tests.model.made_up import straight


@pytest.fixture
def references() -> list[FadeRecord]:
    return [FadeRecord.of(straight(f"C{rate}", rate)) for rate in (0.004, 0.005, 0.006)]


def test_learns_the_lives_of_its_references_better_than_the_bare_law(references):
    process = GaussianProcess(references, 0.33, 0.17)
    record = references[1]
    places = np.arange(20, 90, 10)
    true = np.log(record.crossing(1.4) - (places + 1))
    said = process.log_life(record, places, np.array([1.4]))[:, 0]
    law = constant_rate_log_life(
        record.recent_minimum_Ah[places], np.full(len(places), 1.4), np.log(record.rate_Ah[places]), 0.33
    )
    assert np.abs(said - true).mean() < 0.15
    assert np.abs(said - true).mean() < 0.5 * np.abs(law - true).mean()


def test_a_larger_gap_lives_longer(references):
    lives = GaussianProcess(references, 0.33, 0.17).log_life(references[0], np.array([30]), np.array([1.4, 1.5, 1.6]))
    assert (np.diff(lives[0]) < 0).all()


def test_without_references_the_law_remains():
    record = FadeRecord.of(straight("C", 0.005))
    alone = GaussianProcess([], 0.33, 0.17).log_life(record, np.array([30]), np.array([1.4]))[0, 0]
    level, rate = record.recent_minimum_Ah[30], np.log(record.rate_Ah[30])
    assert alone == pytest.approx(float(constant_rate_log_life(level, np.array(1.4), rate, 0.33)))


def test_an_unknown_rate_counts_as_typical(references):
    young = FadeRecord.of(straight("young", 0.02, 1))
    assert np.isfinite(GaussianProcess(references, 0.33, 0.17).log_life(young, np.array([0]), np.array([1.4]))).all()
