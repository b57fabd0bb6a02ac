"""What is known of a cell beside its cycles: the limits that follow from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model.records.cycle import COLUMNS, MEASURED, NASA_LIMITS
from model.records.facts import NASA_FACTS, CellFacts, limits, rated_from_cycles
from tests.model import made_up


def test_limits_of_nasas_cells_are_those_of_the_columns():
    history = made_up.straight("A", 0.003)
    assert history.facts == NASA_FACTS
    for name, limit in history.limits.items():
        assert limit == pytest.approx(NASA_LIMITS[name], rel=1e-12), name
    assert list(history.limits) == MEASURED
    assert set(limits(NASA_FACTS, 2.0)) <= set(COLUMNS)


def test_limits_follow_the_cell():
    pack = CellFacts(series_count=14, parallel_count=4, voltage_maximum_V=4.2, highest_discharge_A=50.0)
    found = limits(pack, 12.0)
    assert found["capacity_Ah"] == (0.0, 15.0)
    assert found["current_mean_A"] == (-50.0, 0.0)
    assert found["cv_current_1000s_A"][1] == 240.0  # 20 C, since no charge current is stated
    assert found["voltage_mean_V"][1] == pytest.approx(14 * 4.2 * 1.2)
    assert found["ohmic_resistance_ohm"][1] == 140.0
    small = limits(CellFacts(), 0.05)
    assert small["ohmic_resistance_ohm"][1] == 400.0
    assert small["voltage_mean_V"][1] == 5.0


@pytest.mark.parametrize("rated", [None, math.nan, 0.0])
def test_without_a_rated_capacity_the_limits_are_provisional(rated):
    found = limits(CellFacts(), rated)
    assert found["capacity_Ah"][1] >= 1000 and found["discharge_current_A"][1] >= 1000


def test_the_first_cycles_give_a_rated_capacity():
    assert rated_from_cycles(np.array([3.0, 3.1])) is None
    assert rated_from_cycles(np.array([3.0, 0.0, np.nan, 3.1, 2.9])) == 3.0
    assert rated_from_cycles(np.linspace(3.0, 1.0, 100)) == rated_from_cycles(np.linspace(3.0, 1.0, 100)[:10])


def test_a_large_cell_keeps_its_cycles():
    history = made_up.history("L", np.full(5, 3.1))
    assert len(history.clean[0].cycles) == 0
    large = made_up.described(history, 3.0, CellFacts(chemistry="NMC"))
    assert len(large.clean[0].cycles) == 5
