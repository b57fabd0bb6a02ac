from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.records import data, validity
from model.records.cycle import History

REFERENCE = ("B0005", "B0006", "B0018")


@pytest.fixture(scope="module")
def known() -> dict[str, dict[int, float]]:
    return {cell: validity.first_capacities(history) for cell, history in data.histories().items()}


def renamed(history: History, cell: str) -> History:
    return replace(history, cell=cell, training_cell=None)


def test_a_training_cell_is_recognised_by_its_name_and_first_cycles(known: dict[str, dict[int, float]]) -> None:
    assert validity.recognise(renamed(data.history("B0006").until(1), "B0006"), known) == "B0006"


def test_another_cell_of_the_same_name_is_a_new_cell(known: dict[str, dict[int, float]]) -> None:
    assert validity.recognise(renamed(data.history("B0006").until(3), "B0005"), known) is None


def test_a_replay_is_recognised_by_what_it_says_or_by_its_content(known: dict[str, dict[int, float]]) -> None:
    replay = renamed(data.history("B0018"), "B0018_replay")
    assert validity.recognise(replay, known) == "B0018"
    assert validity.recognise(replay.until(2), known) is None  # too short to tell
    assert validity.recognise(replace(replay.until(2), training_cell="B0018"), known) == "B0018"


def test_a_seeded_replay_that_starts_late_is_recognised(known: dict[str, dict[int, float]]) -> None:
    history = data.history("B0007")
    late = replace(history, cell="mine", training_cell=None, cycles=history.cycles.iloc[40:])
    assert validity.recognise(late, known) == "B0007"


def test_every_training_cell_is_inside_its_own_range_and_hot_or_cold_ones_are_not() -> None:
    ranges = validity.training_range([data.history(cell) for cell in REFERENCE])
    for cell in REFERENCE:
        assert validity.outside(data.history(cell).until(60), ranges) == []
    hot = validity.outside(data.history("B0029"), ranges)
    assert "ambient_temperature_degC" in hot and "discharge_current_A" in hot
    assert "ambient_temperature_degC" not in validity.outside(data.history("B0042").until(30), ranges)  # 22 degC


def test_what_is_not_measured_counts_as_outside() -> None:
    ranges = validity.training_range([data.history(cell) for cell in REFERENCE])
    history = data.history("B0005").until(60)
    blind = replace(history, cycles=history.cycles.assign(Re_ohm=np.nan))
    assert validity.outside(blind, ranges) == ["Re_ohm"]
