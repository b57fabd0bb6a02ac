from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost

from model.errors import NotEnoughHistory
from model.life.boosting import ROUNDS
from model.life.remaining_life import FORMS, BoosterCache, RemainingLife
from model.records import data
from model.records.cycle import History
from model.records.data import REFERENCE_CELLS
from tests.model.made_up import history

LEFT_OUT = "B0018"


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    return data.histories()


@pytest.fixture(scope="module")
def cache() -> BoosterCache:
    return {}


def fit(histories: dict[str, History], cache: BoosterCache | None) -> RemainingLife:
    reference = [histories[cell] for cell in REFERENCE_CELLS if cell != LEFT_OUT]
    return RemainingLife.fit(
        reference, [h for cell, h in histories.items() if cell not in REFERENCE_CELLS], cache=cache
    )


@pytest.fixture(scope="module")
def life(histories, cache) -> RemainingLife:
    return fit(histories, cache)


def test_predicts_a_cell_it_has_not_seen(life, histories):
    at = np.arange(10, 97)
    said = life.predict_grid(histories[LEFT_OUT], at, [1.4])[:, 0]
    assert np.abs(said - (97 - at)).mean() < 6


def test_single_and_grid_predictions_agree(life, histories):
    one = life.predict(histories[LEFT_OUT], 40, 1.45)
    assert one.at_cycle == 40
    assert one.rul_cycles == pytest.approx(life.predict_grid(histories[LEFT_OUT], [40], [1.45])[0, 0], rel=1e-5)
    assert sum(one.similar_cells.values()) == pytest.approx(1)
    assert min(one.by_base.values()) <= one.rul_cycles <= max(one.by_base.values())


def test_only_cycles_up_to_the_asked_one_count(life, histories):
    whole = histories[LEFT_OUT]
    known = life.predict(whole.until(40), None, 1.4).rul_cycles
    assert life.predict(whole, 40, 1.4).rul_cycles == known
    assert life.predict_grid(whole, [40], [1.4])[0, 0] == pytest.approx(known, rel=1e-5)


def test_life_never_rises_with_the_threshold(life, histories):
    grid = life.predict_grid(histories[LEFT_OUT], [5, 40, 90, 130], np.linspace(1.9, 1.0, 40))
    assert (np.diff(grid, axis=1) >= 0).all()
    assert np.isfinite(grid).all()


def test_a_life_that_is_over_has_nothing_left(life, histories):
    assert life.predict(histories[LEFT_OUT], 130, 1.4).rul_cycles == 0.0
    assert life.predict_grid(histories[LEFT_OUT], [130], [1.4])[0, 0] == 0.0


def test_a_single_dip_is_not_the_end(life, histories):
    capacity = np.full(30, 1.8)
    capacity[10] = 1.2
    assert life.predict(history("C", capacity), None, 1.4).rul_cycles > 20


@pytest.mark.parametrize("cycles", [1, 2, 3])
def test_a_young_cell_with_nothing_but_capacities_gets_a_number(life, cycles):
    young = history("young", np.full(cycles, 1.85), np.nan)
    assert 10 < life.predict(young, None, 1.4).rul_cycles < 1000


def test_a_threshold_that_no_reference_reached_gets_a_number(life, histories):
    assert 0 < life.predict(histories[LEFT_OUT], 40, 0.9).rul_cycles < 5000


def test_without_a_cycle_there_is_no_answer(life, histories):
    with pytest.raises(NotEnoughHistory):
        life.predict(histories[LEFT_OUT], 0)
    with pytest.raises(NotEnoughHistory):
        life.predict_grid(histories[LEFT_OUT].until(0), [1], [1.4])


def test_references_that_do_not_wear_out_are_too_few(histories):
    fresh = history("fresh", np.linspace(1.9, 1.8, 60))
    for reference in ([histories["B0005"]], [histories["B0005"], fresh]):
        with pytest.raises(NotEnoughHistory, match="at least two"):
            RemainingLife.fit(reference)


def test_a_reference_that_does_not_wear_out_does_no_harm(histories):
    fresh = history("fresh", np.linspace(1.9, 1.8, 60))
    life = RemainingLife.fit([histories["B0005"], histories["B0006"], fresh])
    assert 5 < life.predict(histories[LEFT_OUT], 40).rul_cycles < 200


def test_weights_and_forms_come_from_the_references(life):
    assert sum(life.weights.values()) == pytest.approx(1)
    assert set(life.weights) == set(FORMS)
    assert all(form in FORMS[name] for name, form in life.forms.items())
    assert min(life.weights.values()) > 0.1


def test_trees_stop_early_where_more_rounds_are_no_better_beyond_doubt(life):
    assert life.forms["boosting"] == FORMS["boosting"][0]
    assert life.boosters["rul"].num_boosted_rounds() == ROUNDS[0]


def test_an_explanation_has_every_feature_and_the_lives_asked_for(life, histories):
    told = life.explain(histories[LEFT_OUT], 40, 1.4, np.array([1.5, 1.45]))
    assert list(told.effects) == list(told.values)
    assert told.values["gap_Ah"] == pytest.approx(told.values["level_Ah"] - 1.4)
    np.testing.assert_allclose(told.lives, life.predict_grid(histories[LEFT_OUT], [40], [1.5, 1.45])[0], rtol=1e-5)


def test_fitting_again_gives_the_same(life, histories):
    again = fit(histories, None)
    assert again.to_state() == life.to_state()
    assert again.predict(histories[LEFT_OUT], 50) == life.predict(histories[LEFT_OUT], 50)


def test_state_and_boosters_restore_the_same_predictor(life, histories, tmp_path):
    boosters = {}
    for name, booster in life.boosters.items():
        booster.save_model(tmp_path / f"{name}.ubj")
        boosters[name] = xgboost.Booster(model_file=tmp_path / f"{name}.ubj")
    again = RemainingLife.from_state(json.loads(json.dumps(life.to_state())), boosters)
    assert again.predict(histories[LEFT_OUT], 50) == life.predict(histories[LEFT_OUT], 50)
    assert again.interval(50.0, 0.8) == life.interval(50.0, 0.8)
    explained = [one.explain(histories[LEFT_OUT], 50, 1.4, np.zeros(0)).effects for one in (again, life)]
    assert explained[0] == explained[1]
