"""The mapping between the AAS and the model, both ways, over the whole data set."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest

from aasx.cell_description import from_mapping, nasa_cells
from aasx.elements import values
from aasx.elements.build import to_json
from aasx.elements.shape import Foreign, read
from aasx.submodels import operational_data, technical_data
from aasx.vocabulary import RECORD_COLUMNS
from model.prediction import Scenario
from model.records import data
from model.records.cycle import COLUMNS, NASA_LIMITS
from model.records.facts import NASA_FACTS, CellFacts
from operations.cell import twin
from operations.cell.described import Described, column_limits
from operations.request.columns import ID_SHORT


def test_every_column_of_the_model_has_its_place_in_the_record():
    assert list(ID_SHORT) == list(COLUMNS)
    in_record = {column.id_short for column in RECORD_COLUMNS} - {"type", "StateOfHealth"}
    assert set(ID_SHORT.values()) == in_record
    assert len(set(ID_SHORT.values())) == len(ID_SHORT)


def test_a_bench_time_that_a_server_stamps_as_utc_stays_what_it_was():
    """BaSyx Go gives every date and time a zone; which clock a cell goes by stands in LiveState.Clock."""
    as_written, as_given = "2008-04-02T15:25:41.593", "2008-04-02T15:25:41.593+00:00"
    shape = operational_data.shape().part(operational_data.RECORDS_PATH).every
    assert shape is not None
    times = []
    for text in (as_written, as_given):
        record = read({"id_cycle": "1", "Time": text, "Capacity": "1.86"}, shape)
        times.append(twin.cycle_table([record])["start_time"].iloc[0])
    assert times[0] == times[1] == pd.Timestamp(as_written)


@pytest.mark.parametrize("cell", data.cells())
def test_history_comes_back_from_the_aas_as_it_went_in(cell):
    """To texts, as BaSyx gives them in $value, and back: bit for bit."""
    history = data.history(cell)
    types = {column.id_short: column.xs_type for column in RECORD_COLUMNS}
    stored = []
    for row in history.cycles.to_dict("records"):
        record = twin.record_values(row, history.rated_capacity_Ah)
        assert list(record) == list(types)
        stored.append(json.loads(json.dumps({name: values.to_text(record[name], types[name]) for name in record})))
    every = operational_data.shape().part(operational_data.RECORDS_PATH).every
    assert every is not None
    back = twin.cycle_table(read(record, every) for record in reversed(stored))
    pd.testing.assert_frame_equal(back, history.cycles.reset_index(drop=True), check_dtype=False)


def test_a_cycle_number_that_stands_twice_or_nowhere_is_left_out_and_told():
    noted: list[Foreign] = []
    first, second = {"id_cycle": 1, "Capacity": 1.8}, {"id_cycle": 1, "Capacity": 1.2}
    cycles = twin.cycle_table([first, second, {"id_cycle": None}, {"id_cycle": -3}], noted)
    assert list(cycles["capacity_Ah"]) == [1.8]
    assert [str(one) for one in noted] == [
        "cycle 1 is in two records, not in one; the first of them counts",
        "id_cycle of a record is None, not a number from 1",
        "id_cycle of a record is -3, not a number from 1",
    ]


@pytest.mark.parametrize(
    ("name", "played"),
    [("B0005", "B0005"), ("B0005_replay", "B0005"), ("B0005_replay2", "B0005"), ("X_reply", "X_reply")],
)
def test_a_replay_is_known_by_its_name(name, played):
    assert twin.training_cell(name) == played


def described(**facts: Any) -> Described:
    """Of a description, as the AAS gives it."""
    return Described.of(to_json(technical_data.build(from_mapping({"cell": "A", "source": "x"} | facts))))


@pytest.mark.parametrize("cell", data.cells())
def test_the_aas_says_of_nasas_cells_what_the_tables_say(cell):
    """So that their predictions are those of the model on its own tables."""
    facts, wanted = nasa_cells()[cell], data.history(cell)
    of_aas = Described.of(to_json(technical_data.build(facts)))
    made = twin.history(cell, wanted.cycles, of_aas, facts.used_end_of_life_percent)
    assert made.facts == NASA_FACTS and made.cycles is wanted.cycles
    for name in ("rated_capacity_Ah", "end_of_life_capacity_Ah", "cut_off_voltage_V", "training_cell"):
        assert getattr(made, name) == pytest.approx(getattr(wanted, name)), name
    limits = column_limits(of_aas.facts, made.rated_capacity_Ah)
    for name, (low, high) in NASA_LIMITS.items():
        assert limits[name] == pytest.approx((1e-3 if name == "capacity_Ah" else low, high)), name


def test_facts_of_a_cell_come_from_its_description():
    found = described(
        cell_type="Maker X", chemistry="LFP", form="18650", series_count=14, parallel_count=2, rated_capacity_Ah=2.2,
        lowest_cell_voltage_V=2.0, highest_cell_voltage_V=3.6, highest_discharge_current_A=12.5, cut_off_voltage_V=30.0,
        capacity_end_voltage_V=35.0,
    )  # fmt: skip
    assert found.facts == CellFacts(
        cell_type="Maker X", chemistry="LFP", form="18650", series_count=14, parallel_count=2, voltage_minimum_V=2.0,
        voltage_maximum_V=3.6, highest_discharge_A=12.5, capacity_end_voltage_V=35.0,
    )  # fmt: skip
    assert (found.stated_Ah, found.measured_Ah, found.cut_off_voltage_V) == (2.2, None, 30.0)
    assert found.rated_path == "TechnicalPropertyAreas[0].RatedCapacity"


def test_a_rated_capacity_that_nobody_states_is_that_of_the_first_cycles():
    silent = described()
    cycles = pd.DataFrame({"cycle_number": [1, 2, 3], "capacity_Ah": [3.1, 3.0, 3.05]})
    assert math.isnan(silent.rated_Ah(cycles.head(2))) and silent.rated_Ah(cycles) == 3.05
    assert twin.record_values({"cycle_number": 1, "capacity_Ah": 3.1}, math.nan)["StateOfHealth"] is None
    submodel = to_json(technical_data.build(from_mapping({"cell": "A", "source": "x"})))
    area = submodel["submodelElements"][1]["value"][0]
    area["value"] = [
        technical_data.measured_rated_capacity(3.05) if element["idShort"] == "RatedCapacity" else element
        for element in area["value"]
    ]
    written = Described.of(submodel)
    assert (written.stated_Ah, written.measured_Ah) == (None, 3.05)
    assert not twin.history("A", cycles, written, None).facts.rated_capacity_stated
    assert described(rated_capacity_Ah=2.0).rated_Ah(cycles) == 2.0


def test_a_pack_is_predicted_as_its_mean_cell():
    pack = described(series_count=14, parallel_count=4, rated_capacity_Ah=20.0, cut_off_voltage_V=42.0)
    row = {"cycle_number": 1, "capacity_Ah": 19.0, "voltage_mean_V": 51.8, "ohmic_resistance_ohm": 0.14}
    cycles = pd.DataFrame([row | {"discharge_current_A": 20.0}])
    of_cell = twin.history("P", cycles, pack, 80.0)
    assert (of_cell.cut_off_voltage_V, of_cell.facts.series_count, of_cell.rated_capacity_Ah) == (3.0, 1, 20.0)
    assert of_cell.cycles.iloc[0].to_dict() == pytest.approx(
        row | {"voltage_mean_V": 3.7, "ohmic_resistance_ohm": 0.01, "discharge_current_A": 20.0}
    )
    asked = twin.per_cell_scenario(Scenario(cut_off_voltage_V=42.0, replaced={"Re_ohm": 0.28, "capacity_Ah": 18.0}), 14)
    assert (asked.cut_off_voltage_V, asked.replaced) == (3.0, {"Re_ohm": pytest.approx(0.02), "capacity_Ah": 18.0})
    samples = pd.DataFrame({"Time": [0.0], "Voltage_measured": [56.0], "Current_measured": [-20.0]})
    assert twin.samples_per_cell(samples, 14)["Voltage_measured"].tolist() == [4.0]
    assert twin.features_at_terminals({"voltage_mean_V": 4.0, "capacity_Ah": 5.0}, 14) == {
        "voltage_mean_V": 56.0, "capacity_Ah": 5.0,
    }  # fmt: skip


def test_the_pace_is_that_of_the_last_cycles_by_the_clock_of_the_cell():
    """Two cycles a day after a start of one a day; a cycle without a time counts for nothing."""
    starts = [pd.Timestamp("2026-01-01") + pd.Timedelta(days=min(k, 10) + max(0, k - 10) / 2) for k in range(40)]
    cycles = pd.DataFrame({"cycle_number": range(1, 41), "start_time": [*starts[:-1], pd.NaT]})
    told = twin.use_values(cycles, "T", "UTC")
    assert told == {"CellType": "T", "CyclesPerDay": 2.0, "LastCycleTime": "2026-01-25T00:00:00Z"}
    assert twin.use_values(cycles, None, "bench")["LastCycleTime"] == "2026-01-25T00:00:00"
    assert twin.use_values(cycles.head(1), None, None)["CyclesPerDay"] is None
    assert twin.use_values(cycles.iloc[:0], None, None) == {
        "CellType": None, "CyclesPerDay": None, "LastCycleTime": None}  # fmt: skip
