"""Who may speak of a cell: no cell sees its own future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from model.life.relative.curve import Curve
from model.life.relative.gate import weighted_median
from model.life.relative.siblings import MOST_SIBLINGS, Places, Sibling, admitted, each_says
from model.records.cycle import History
from model.records.facts import CellFacts
from tests.model import made_up

START = pd.Timestamp("2024-01-01")


def cell(name: str, kind: str | None = "K", life: int = 100, cycles: int = 120, days: int = 0, of: str = "") -> History:
    """A 3 Ah cell that falls below 2.4 Ah at about `life`; one cycle an hour from `days` after the start."""
    history = made_up.history(name, 3.0 - 0.6 * np.arange(1, cycles + 1) / life)
    times = START + pd.Timedelta(days=days) + pd.to_timedelta(np.arange(cycles), unit="h")
    history = replace(history, cycles=history.cycles.assign(start_time=times), training_cell=of or name)
    return made_up.described(history, 3.0, CellFacts(cell_type=kind))


def names(history: History, candidates: list[History], past: bool = False) -> list[str]:
    return [one.cell for one in admitted(history, candidates, past)]


def test_failed_cells_of_the_same_type_are_siblings():
    young = cell("young", cycles=50)
    failed, alive, other, untyped = cell("failed"), cell("alive", cycles=80), cell("other", "L"), cell("untyped", None)
    assert names(young, [failed, alive, other, untyped, young]) == ["failed"]
    assert names(cell("x", None), [failed]) == []


def test_a_replay_has_neither_its_origin_nor_another_replay_beside_it_and_is_nobodys_sibling():
    origin, replay, second = cell("B"), cell("B_replay", of="B"), cell("B_replay2", of="B")
    failed = cell("failed")
    everybody = [origin, replay, second, failed]
    assert names(replay, everybody) == ["failed"]
    assert names(origin, everybody) == ["failed"]
    assert names(cell("new"), everybody) == ["B", "failed"]


@pytest.mark.parametrize(("days", "known"), [(-10, ["before"]), (0, []), (10, [])])
def test_at_a_past_cycle_only_cells_count_that_had_failed_by_then(days, known):
    now = cell("now", cycles=50)
    assert names(now, [cell("before", days=days)], past=True) == known
    assert names(now, [cell("before", days=days)]) == ["before"]


def test_without_times_a_past_cycle_has_no_siblings():
    timeless = made_up.described(made_up.history("t", 3.0 - 0.006 * np.arange(120)), 3.0, CellFacts(cell_type="K"))
    assert names(cell("now", cycles=50), [timeless], past=True) == []
    assert names(cell("now", cycles=50), [timeless]) == ["t"]


def test_those_that_failed_last_speak_and_not_too_many():
    many = [cell(f"c{i:02d}", days=i) for i in range(MOST_SIBLINGS + 4)]
    assert names(cell("now", cycles=50), many[::-1]) == [f"c{i:02d}" for i in range(4, MOST_SIBLINGS + 4)]


def places_of(curve: Curve, place: int) -> Places:
    one = np.array([1.0])
    level, rate = curve.level[[place]], curve.rate[[place]]
    return Places(curve.age[[place]], level, rate, one, one, one, one, one[:, None], one)


def test_a_level_between_two_check_ups_is_reached_between_them():
    """A sibling with check-ups every 100th cycle passed 0.95 at cycle 250, whatever its records' distance."""
    numbers = np.arange(1, 1100, 100)
    curve = Curve.of("s", numbers, 3.0 - 0.0006 * numbers)
    straight = Curve("s", curve.age, 1.0 - 0.0002 * curve.age, 3.0, 1, True)
    asked = Curve("x", np.arange(1.0, 300.0), 1.0 - 0.0002 * np.arange(1.0, 300.0), 3.0, 1, False)
    sibling = Sibling(straight, 1001.0, places_of(straight, -1))
    left = np.exp(each_says(sibling, places_of(asked, 249))[0]) * 250.0
    assert left == pytest.approx(1001 - 250, abs=1)


def test_the_weighted_median_is_moved_by_weight_and_not_by_distance():
    values = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 300.0]])
    assert weighted_median(values, np.full((2, 3), 1 / 3)) == pytest.approx([2.0, 2.0])
    heavy = weighted_median(values, np.tile([0.1, 0.2, 0.7], (2, 1)))
    assert 2.0 < heavy[0] < 3.0
    only = np.tile([0.0, 0.0, 1.0], (2, 1))
    assert weighted_median(values, only) == pytest.approx([3.0, 300.0])
