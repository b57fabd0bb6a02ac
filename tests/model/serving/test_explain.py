from __future__ import annotations

import math

import pytest

from model.serving import explain


def test_largest_effects_first_as_percent_of_the_remaining_life() -> None:
    effects = {"a": math.log(1.1), "b": math.log(0.5), "c": 0.0}
    found = explain.drivers(effects, {"a": 3.0, "b": math.nan}, {"a": "Ah"}, most=2)
    assert [driver.feature for driver in found] == ["b", "a"]
    assert [driver.effect_percent for driver in found] == pytest.approx([-50.0, 10.0])
    assert (found[0].value, found[1].value, found[1].unit) == (None, 3.0, "Ah")


def test_most_similar_cells_first() -> None:
    found = explain.similar_cells({"B0005": 0.2, "B0006": 0.7, "B0018": 0.1}, most=2)
    assert [(cell.cell, cell.weight) for cell in found] == [("B0006", 0.7), ("B0005", 0.2)]
