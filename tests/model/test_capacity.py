from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from model.capacity import CapacityModel
from model.errors import InvalidInput, NotEnoughHistory
from model.records import data
from model.records.cycle import CAPACITY_LIMIT_Ah, History
from model.records.data import REFERENCE_CELLS
from tests.model.made_up import history

LEFT_OUT = "B0005"


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    return data.histories()


@pytest.fixture(scope="module")
def capacity(histories) -> CapacityModel:
    return CapacityModel.fit([histories[cell] for cell in REFERENCE_CELLS if cell != LEFT_OUT])


def test_is_better_than_persistence_on_a_cell_it_has_not_seen(capacity, histories):
    said = capacity.predict(histories[LEFT_OUT])
    true = histories[LEFT_OUT].cycles["capacity_Ah"].to_numpy()
    persistence = np.sqrt(np.mean(np.diff(true) ** 2))
    assert np.sqrt(np.mean((said["capacity_Ah"] - true[1:]) ** 2)) < 0.7 * persistence
    assert list(said.index) == list(range(2, len(true) + 1))


def test_the_cycle_itself_is_not_looked_at(capacity, histories):
    known = histories[LEFT_OUT].until(50)
    discharge = ["capacity_Ah", "duration_s", "voltage_300s_V", "charge_3V7_3V5_Ah", "temperature_max_degC"]
    blind = known.cycles.copy()
    blind.loc[blind.index[-1], discharge] = np.nan
    hidden = History(known.cell, known.rated_capacity_Ah, known.end_of_life_capacity_Ah, None, blind)
    assert capacity.predict_cycle(hidden, 50) == capacity.predict_cycle(known, 50)


def test_only_earlier_cycles_count(capacity, histories):
    whole = capacity.predict(histories[LEFT_OUT])
    cut = capacity.predict(histories[LEFT_OUT].until(60))
    np.testing.assert_allclose(cut, whole.loc[:60], rtol=1e-6)
    assert capacity.predict_cycle(histories[LEFT_OUT], 60) == pytest.approx(tuple(whole.loc[60]), rel=1e-6)


def test_one_history_may_be_asked_by_several_models(capacity, histories):
    asked, others = histories[LEFT_OUT], [histories[cell] for cell in REFERENCE_CELLS]
    once = capacity.predict_cycle(asked, 60)
    assert CapacityModel.fit(others).predict_cycle(asked, 60) != once
    assert capacity.predict_cycle(asked, 60) == once == capacity.predict_cycle(replace(asked).until(60), 60)


def test_the_interval_encloses_and_grows(capacity, histories):
    narrow, wide = (capacity.predict(histories[LEFT_OUT], level) for level in (0.6, 0.95))
    assert (narrow["lower_Ah"] <= narrow["capacity_Ah"]).all()
    assert (narrow["capacity_Ah"] <= narrow["upper_Ah"]).all()
    assert (wide["lower_Ah"] <= narrow["lower_Ah"]).all()
    assert (wide["upper_Ah"] >= narrow["upper_Ah"]).all()
    assert wide["upper_Ah"].max() <= CAPACITY_LIMIT_Ah


def test_an_erratic_cell_gets_a_wider_interval(capacity):
    random = np.random.default_rng(0)
    steady, erratic = (capacity.predict(history("C", 1.7 + random.normal(0, scatter, 60))) for scatter in (0.002, 0.1))
    width = [(said["upper_Ah"] - said["lower_Ah"]).iloc[30:].mean() for said in (steady, erratic)]
    assert width[1] > 5 * width[0]


def test_capacities_alone_are_enough(capacity):
    value, low, high = capacity.predict_cycle(history("C", np.array([1.80, 1.79]), np.nan), 2)
    assert low < value < high
    assert value == pytest.approx(1.79, abs=0.1)


def test_the_first_cycle_and_an_unknown_one_have_no_answer(capacity, histories):
    for cycle in (0, 1, 9999):
        with pytest.raises(NotEnoughHistory):
            capacity.predict_cycle(histories[LEFT_OUT], cycle)
    assert capacity.predict(histories[LEFT_OUT].until(1)).empty


def test_a_level_outside_is_refused(capacity, histories):
    with pytest.raises(InvalidInput):
        capacity.predict(histories[LEFT_OUT], 0.999)


def test_one_cell_is_too_few(histories):
    with pytest.raises(NotEnoughHistory):
        CapacityModel.fit([histories["B0005"]])


def test_fitting_again_gives_the_same(capacity, histories):
    again = CapacityModel.fit([histories[cell] for cell in REFERENCE_CELLS if cell != LEFT_OUT])
    assert again.to_state() == capacity.to_state()


def test_state_and_boosters_restore_the_same_model(capacity, histories, tmp_path):
    boosters = {}
    for name, booster in capacity.boosters.items():
        booster.save_model(tmp_path / f"{name}.ubj")
        boosters[name] = xgboost.Booster(model_file=tmp_path / f"{name}.ubj")
    again = CapacityModel.from_state(json.loads(json.dumps(capacity.to_state())), boosters)
    np.testing.assert_array_equal(again.predict(histories[LEFT_OUT]), capacity.predict(histories[LEFT_OUT]))
