from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import InvalidInput
from model.records import data
from model.records.cycle import COLUMNS, MEASURED, clean_cycles
from tests.model import made_up


def test_the_projects_tables_are_clean_already() -> None:
    for history in data.histories().values():
        cleaned, repaired = clean_cycles(history.cycles)
        assert repaired == {}, history.cell
        pd.testing.assert_frame_equal(cleaned[MEASURED], history.cycles[MEASURED])


def test_impossible_values_become_missing_and_are_named() -> None:
    cycles = data.history("B0005").cycles.astype(object)
    cycles.loc[3, "Re_ohm"] = "broken sensor"
    cycles.loc[4, "temperature_max_degC"] = 900.0
    cycles.loc[5, "capacity_Ah"] = float("inf")
    cycles.loc[6, "capacity_Ah"] = -1.0
    cycles.loc[7, "Rct_ohm"] = None
    cleaned, repaired = clean_cycles(cycles)
    assert repaired == {"capacity_Ah": 6, "temperature_max_degC": 5, "Re_ohm": 4}
    assert len(cleaned) == len(cycles) - 2
    assert 6 not in cleaned["cycle_number"].tolist() and 7 not in cleaned["cycle_number"].tolist()
    assert np.isnan(cleaned.loc[3, "Re_ohm"]) and np.isnan(cleaned.loc[4, "temperature_max_degC"])


def test_a_clean_history_keeps_its_table_and_any_other_gets_a_clean_one() -> None:
    history = data.history("B0005")
    table, _ = clean_cycles(history.cycles)
    assert replace(history, cycles=table).clean[0].cycles is table
    others = [
        table.iloc[::-1], table.iloc[3:], table.assign(more=1.0), table[table.columns[::-1]],
        table.drop(columns="Re_ohm"), table.astype({"Re_ohm": object}), table.astype({"Re_ohm": "float32"}),
        table.astype({"cycle_number": float}), table.astype({"start_time": str}),
        table.assign(temperature_max_degC=900.0), table.assign(capacity_Ah=-1.0),
    ]  # fmt: skip
    for other in others:
        known, _ = replace(history, cycles=other).clean
        assert {*known.cycles[MEASURED].dtypes} == {np.dtype(float)}
        assert known.cycles["cycle_number"].dtype == np.dtype(int)
        pd.testing.assert_frame_equal(known.cycles, clean_cycles(other, history.limits)[0])
        assert known.columns["capacity_Ah"].tolist() == known.cycles["capacity_Ah"].tolist()


def test_a_history_until_a_cycle_is_what_was_known_then() -> None:
    whole = data.history("B0005")
    known = whole.until(60)
    assert known.cycles["cycle_number"].tolist() == list(range(1, 61)) and len(whole.cycles) == 168
    anew = replace(known)
    for name, values in known.columns.items():
        np.testing.assert_array_equal(values, anew.columns[name])
    with pytest.raises(ValueError, match="read-only"):
        known.columns["capacity_Ah"][0] = 0.0


def test_rows_are_sorted_and_absent_columns_added() -> None:
    cycles = pd.DataFrame({"cycle_number": [3, 1, 2], "capacity_Ah": [1.7, 1.9, 1.8]})
    cleaned, repaired = clean_cycles(cycles)
    assert list(cleaned.columns) == list(COLUMNS)
    assert cleaned["capacity_Ah"].tolist() == [1.9, 1.8, 1.7]
    assert repaired == {}


@pytest.mark.parametrize("numbers", [[1, 1], [0, 1], [1.5, 2], [None, 1], ["one", 2]])
def test_cycle_numbers_must_be_whole_and_unique(numbers: list[Any]) -> None:
    with pytest.raises(InvalidInput, match="cycle_number"):
        clean_cycles(pd.DataFrame({"cycle_number": numbers, "capacity_Ah": [1.8, 1.7]}))


def test_an_empty_table_is_an_empty_history() -> None:
    cleaned, repaired = clean_cycles(pd.DataFrame())
    assert cleaned.empty and list(cleaned.columns) == list(COLUMNS) and repaired == {}


anything = st.one_of(st.none(), st.text(max_size=3), st.booleans(), st.floats(), st.integers(-10, 10))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries({name: anything for name in MEASURED[:6]}), max_size=6))
def test_whatever_comes_in_only_possible_numbers_go_out(rows: list[dict[str, Any]]) -> None:
    cycles = pd.DataFrame([{"cycle_number": i, **row} for i, row in enumerate(rows, start=1)])
    cleaned, _ = clean_cycles(cycles)
    for name in MEASURED:
        known = cleaned[name].dropna()
        assert known.between(COLUMNS[name].low, COLUMNS[name].high).all()
    assert (cleaned["capacity_Ah"] > 0).all()


def test_gaps_are_filled_with_capacities_between_those_measured_and_nothing_else():
    whole = made_up.history("C", np.array([2.0, 1.9, 1.8, 1.7, 1.6, 1.5]))
    thinned = replace(whole, cycles=whole.cycles.iloc[[0, 3, 5]])
    filled = thinned.every_cycle()
    assert filled.columns["cycle_number"].tolist() == [1, 2, 3, 4, 5, 6]
    assert filled.columns["capacity_Ah"] == pytest.approx([2.0, 1.9, 1.8, 1.7, 1.6, 1.5])
    assert np.isnan(filled.columns["Re_ohm"][[1, 2, 4]]).all()
    assert whole.every_cycle() is whole
    far = replace(whole, cycles=whole.cycles.assign(cycle_number=[1, 2, 3, 4, 5, 10**6]))
    assert far.every_cycle() is far
