from __future__ import annotations

import numpy as np
import pytest

from model.life.boosting import FEATURES, ROUNDS, Boosting, features, train_boosting
from model.life.fade import FadeRecord
from tests.model.made_up import straight


@pytest.fixture(scope="module")
def references() -> list[FadeRecord]:
    return [FadeRecord.of(straight(f"C{rate}", rate, Re_ohm=0.05)) for rate in (0.004, 0.006, 0.009)]


@pytest.fixture(scope="module", params=[ROUNDS[0], ROUNDS[-1]])
def boosting(request, references) -> Boosting:
    return train_boosting(references, 0.33).after(request.param)


def test_features_have_one_value_per_name_but_the_gap(references):
    assert features(references[0], np.array([5, 50])).shape == (2, len(FEATURES) - 1)
    assert list(FEATURES)[-1] == "gap_Ah"


def test_no_clock_is_a_feature():
    assert not [name for name in FEATURES if "cycle_number" in name or "throughput" in name or "time_since" in name]


def test_features_know_only_the_past(references):
    whole = straight("C", 0.005, 120, Re_ohm=0.05, charge_Ah=1.8, cv_charge_Ah=0.4)
    changed = whole.cycles.copy()
    changed.loc[60:, ["capacity_Ah", "Re_ohm", "charge_Ah"]] *= 0.5
    one = features(FadeRecord.of(whole), np.arange(60))
    two = features(FadeRecord.of(type(whole)("C", 2.0, 1.4, 2.7, changed)), np.arange(60))
    np.testing.assert_array_equal(one, two)


def test_a_charge_of_nothing_has_no_share_at_constant_voltage(references, boosting):
    record = FadeRecord.of(straight("C", 0.005, Re_ohm=0.05, charge_Ah=0.0, cv_charge_Ah=0.4))
    assert not np.isinf(features(record, np.array([20]))).any()
    assert np.isfinite(boosting.explain(record, 20, np.array([1.4])).log_life).all()


def test_learns_the_lives_of_its_references(references):
    boosting = train_boosting(references, 0.33)
    for record in references:
        places = np.arange(15, record.crossing(1.4) - 15, 5)
        true = record.crossing(1.4) - (places + 1)
        said = np.exp(boosting.log_life(record, places, np.array([1.4]))[:, 0])
        assert np.mean(np.abs(said - true) / true) < 0.25


def test_a_lower_threshold_is_never_reached_earlier(boosting, references):
    thresholds = np.linspace(1.7, 1.3, 20)
    life = boosting.log_life(references[1], np.array([15, 30]), thresholds)
    assert (np.diff(life, axis=1) >= -1e-5).all()


def test_effects_add_up_to_the_prediction(boosting, references):
    record = references[1]
    one, two = boosting.explain(record, 30, np.array([1.4, 1.3])), boosting.explain(record, 60, np.array([1.5]))
    assert list(one.effects) == list(one.values) == list(FEATURES)
    difference = one.log_life[0, 0] - two.log_life[0, 0]
    assert sum(one.effects.values()) - sum(two.effects.values()) == pytest.approx(difference, abs=1e-4)


def test_explained_life_and_values_are_those_of_the_prediction(boosting, references):
    record, thresholds = references[1], np.array([1.4, 1.3])
    told = boosting.explain(record, 30, thresholds)
    np.testing.assert_array_equal(told.log_life, boosting.log_life(record, np.array([30]), thresholds))
    assert told.values["gap_Ah"] == pytest.approx(record.recent_minimum_Ah[30] - 1.4)


def test_missing_measurements_give_a_number(boosting):
    bare = FadeRecord.of(straight("bare", 0.005, 1))
    assert np.isfinite(boosting.log_life(bare, np.array([0]), np.array([1.4, 0.9]))).all()


def test_training_twice_gives_the_same(references):
    one, two = (train_boosting(references[:2], 0.33) for _ in range(2))
    assert one.booster.save_raw("ubj") == two.booster.save_raw("ubj")


def test_references_without_a_life_are_refused():
    with pytest.raises(ValueError, match="no reference"):
        train_boosting([FadeRecord.of(straight("C", 0.0001, 30))], 0.33)
