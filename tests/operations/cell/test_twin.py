"""The mapping between the AAS and the model, both ways, over the whole data set."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from aasx.elements import values
from aasx.elements.shape import Foreign, read
from aasx.submodels import operational_data
from aasx.vocabulary import RECORD_COLUMNS
from model.records import data
from model.records.cycle import COLUMNS
from operations.cell import twin
from operations.request.columns import ID_SHORT


def test_every_column_of_the_model_has_its_place_in_the_record():
    assert list(ID_SHORT) == list(COLUMNS)
    in_record = {column.id_short for column in RECORD_COLUMNS} - {"type", "StateOfHealth"}
    assert set(ID_SHORT.values()) == in_record
    assert len(set(ID_SHORT.values())) == len(ID_SHORT)


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


def test_rated_capacity_is_assumed_only_where_none_is_stated():
    stated = {"TechnicalPropertyAreas": [{"RatedCapacity": "1.5", "MinVoltage": "2.5"}, {}]}
    assert (twin.rated_capacity_Ah(stated), twin.cut_off_voltage_V(stated)) == (1.5, 2.5)
    silent = {"TechnicalPropertyAreas": [{"RatedCapacity": None}]}
    assert (twin.rated_capacity_Ah(silent), twin.cut_off_voltage_V(silent)) == (2.0, None)
