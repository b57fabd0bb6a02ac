"""Answers for kinds that NASA's models do not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from model import prediction
from model.prediction import Scenario
from model.records import data, public
from model.records.cycle import History
from model.records.facts import CellFacts
from tests.model import made_up


def cell(name: str, life: float, cycles: int, rated: float = 3.0, knee: float = 1.5, step: int = 1) -> History:
    """A cell that loses 20 % over `life`, the faster the older, with records every `step` cycles."""
    numbers = np.arange(1, cycles + 1, step)
    noise = np.random.default_rng(len(name) + cycles).normal(0, 0.0005 * rated, len(numbers))
    history = made_up.history(name, rated * (1.0 - 0.2 * (numbers / life) ** knee) + noise)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(numbers, unit="h")
    history = replace(history, cycles=history.cycles.assign(cycle_number=numbers, start_time=times), training_cell=name)
    return made_up.described(history, rated, CellFacts(cell_type="K", chemistry="NMC"))


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    return data.histories()


def failed(count: int, rated: float = 3.0) -> list[History]:
    return [cell(f"f{i}", 900.0 + 40.0 * i, 1100, rated) for i in range(count)]


def test_siblings_make_the_answer_better_and_narrower(model):
    young = cell("young", 1000.0, 500)
    alone = model.predict(young)
    assert alone.siblings == [] and alone.grade in (prediction.OWN_HISTORY_ONLY, prediction.ORDER_OF_MAGNITUDE)
    assert alone.rul_lower_cycles < 500 < alone.rul_upper_cycles
    before = alone.rul_upper_cycles - alone.rul_lower_cycles
    for count, grade in ((1, prediction.EXTRAPOLATED), (4, prediction.VALIDATED)):
        told = model.predict(young, siblings=failed(count))
        assert told.grade == grade
        assert told.siblings == [f"f{i}" for i in range(count)]
        assert told.rul_cycles == pytest.approx(500, rel=0.25)
        assert told.rul_upper_cycles - told.rul_lower_cycles < before
        assert told.guaranteed_level == pytest.approx(min(0.9, count / (count + 1)))
        weights = {source.name: source.weight for source in told.sources}
        assert sum(weights.values()) == pytest.approx(1.0) and weights[prediction.SIBLINGS] > 0.5


@pytest.mark.parametrize("rated", [0.05, 300.0])
def test_the_size_does_not_matter(model, rated):
    small, large = (model.predict(cell("young", 1000.0, 500, size), siblings=failed(2, size)) for size in (3.0, rated))
    assert large.rul_cycles == pytest.approx(small.rul_cycles, rel=0.01)
    assert large.trajectory[0].capacity_Ah == pytest.approx(rated / 3.0 * small.trajectory[0].capacity_Ah, rel=0.01)


def test_the_way_passes_the_end_of_life_where_the_life_ends(model):
    told = model.predict(cell("young", 1000.0, 500), siblings=failed(3))
    at_end = next(point for point in told.trajectory if point.cycle == told.end_of_life_cycle)
    assert at_end.capacity_Ah == pytest.approx(told.end_of_life_capacity_Ah, rel=0.005)
    capacities = [point.capacity_Ah for point in told.trajectory]
    assert capacities == sorted(capacities, reverse=True)
    assert all(point.lower_Ah <= point.capacity_Ah <= point.upper_Ah for point in told.trajectory)


def test_sparse_check_ups_and_slow_fades_give_a_figure(model):
    sparse = model.predict(cell("s", 1000.0, 700, step=100))
    assert sparse.rul_cycles > 0 and sparse.at_cycle == 601
    slow = model.predict(cell("slow", 9000.0, 3500, rated=1.1))
    assert slow.rul_cycles > 300 and slow.rul_upper_cycles > 3000
    knee = model.predict(cell("knee", 600.0, 560, knee=12.0))
    assert 0 < knee.rul_cycles < 560


def test_a_rest_that_gives_capacity_back_ends_no_life_and_starts_none(model):
    """A tenth of the loss comes back every 100 cycles and is gone after five."""
    steady = cell("rested", 1000.0, 600)
    rested = steady.cycles["capacity_Ah"].to_numpy(copy=True)
    number = np.arange(1, len(rested) + 1)
    rested += 0.1 * (3.0 - rested) * (number > 100) * np.clip(1.0 - (number % 100) / 5.0, 0.0, None)
    told = [
        model.predict(replace(steady, cycles=steady.cycles.assign(capacity_Ah=capacity))).rul_cycles
        for capacity in (steady.cycles["capacity_Ah"], rested)
    ]
    assert told[1] == pytest.approx(told[0], rel=0.25)


def test_what_is_not_known_is_not_told(model):
    few = model.predict(cell("few", 1000.0, 3))
    assert (
        few.grade == prediction.NOT_KNOWN and few.rul_cycles is None and few.capacity_Ah == pytest.approx(3.0, rel=0.01)
    )
    unrated = replace(cell("u", 1000.0, 300), rated_capacity_Ah=float("nan"), end_of_life_capacity_Ah=float("nan"))
    told = model.predict(unrated)
    assert told.grade == prediction.NOT_KNOWN and told.state_of_health_percent is None
    assert told.rul_cycles is None and told.end_of_life_capacity_Ah is None and told.capacity_Ah is not None


def test_a_worn_out_cell_is_told_so(model):
    told = model.predict(failed(1)[0])
    assert told.status == prediction.PAST_END_OF_LIFE and told.rul_cycles == 0.0
    assert told.end_of_life_cycle == pytest.approx(900, abs=25)


def test_the_capacity_interval_covers_what_was_measured(model):
    history = cell("c", 1000.0, 400)
    measured = history.columns["capacity_Ah"]
    inside = []
    for number in range(100, 400, 10):
        told = model.predict(history, number)
        low, high = (told.state_of_health_lower_percent * 0.03, told.state_of_health_upper_percent * 0.03)
        inside.append(low <= measured[number - 1] <= high)
    assert np.mean(inside) >= 0.75


def test_a_cell_of_a_public_set_is_told_by_what_has_not_seen_its_set(model):
    one = next(c for c in public.read() if c.dataset == "HUST")
    first = np.array(one.first_capacities_Ah)
    capacity = np.concatenate((first, np.linspace(first[-1], 0.9 * first[-1], 300)))
    history = made_up.described(made_up.history("mine", capacity), 1.1, CellFacts(cell_type="A"))
    assert model.predict(history).model_kind == prediction.CROSS_FITTED
    other = made_up.described(made_up.history("mine", capacity * 1.01), 1.1, CellFacts(cell_type="A"))
    assert model.predict(other).model_kind == prediction.FULL


def test_what_if_counts_in_rates(model):
    small, large = cell("young", 1000.0, 500, 3.0), cell("young", 1000.0, 500, 30.0)
    hot = Scenario(ambient_temperature_degC=45.0, horizon_cycles=2000)
    assert model.simulate(small, hot).rul_cycles < model.simulate(small, Scenario(horizon_cycles=2000)).rul_cycles
    fast = [
        model.simulate(one, Scenario(discharge_current_A=2 * one.rated_capacity_Ah, horizon_cycles=2000)).rul_cycles
        for one in (small, large)
    ]
    assert fast[0] == pytest.approx(fast[1], rel=0.01)


def test_nasas_cells_and_replays_keep_their_own_models(model, histories):
    alone = model.predict(histories["B0005"], 60)
    beside = model.predict(histories["B0005"], 60, siblings=list(histories.values()))
    assert alone == beside and alone.siblings == [] and alone.grade == prediction.VALIDATED
    assert [source.name for source in alone.sources] == [prediction.NASA_CELLS]
    typed = CellFacts(cell_type="K")
    replay = replace(histories["B0005"], cell="B0005_replay", training_cell="B0005", facts=typed)
    others = [replace(history, facts=typed) for history in histories.values()]
    told = model.predict(replay, siblings=others)
    assert "B0005" not in told.siblings and told.model_kind == prediction.CROSS_FITTED
