from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from model.errors import BadRawData, InvalidInput
from model.records import data
from model.records.cycle import COLUMNS, CAPACITY_LIMIT_Ah
from tests.model.raw_files import mat_bytes

HELD_OUT = {"B0031", "B0034", "B0048", "B0056"}


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Tables made from two small cells."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "B0005.mat").write_bytes(mat_bytes("B0005", [1.9, 1.8, 0.0, 1.7]))
    (raw / "B0006.mat").write_bytes(mat_bytes("B0006", [1.9, None]))
    data.build(raw, tmp_path / "data")
    return tmp_path / "data"


def test_thirty_cells_and_none_of_those_kept_apart() -> None:
    assert len(data.cells()) == 30
    assert not HELD_OUT & set(data.cells())
    assert {path.stem for path in (data.FOLDER / "curves").glob("*.npz")} == set(data.cells())


@pytest.mark.parametrize(("cell", "end_of_life"), [("B0005", 125), ("B0006", 109), ("B0018", 97), ("B0007", None)])
def test_end_of_life_of_the_reference_cells(cell: str, end_of_life: int | None) -> None:
    history = data.history(cell)
    below = np.flatnonzero(history.cycles["capacity_Ah"] < 1.4)
    assert history.end_of_life_capacity_Ah == 1.4
    assert (int(below[0]) + 1 if len(below) else None) == end_of_life


def test_valid_rows_are_valid_and_rejected_ones_say_why() -> None:
    table = data.load_cycles()
    valid = table[table["valid"]]
    assert valid["capacity_Ah"].between(0, CAPACITY_LIMIT_Ah, inclusive="right").all()
    assert (table.loc[~table["valid"], "reject_reason"] != "").all()
    for _, rows in valid.groupby("cell"):
        assert rows["cycle_number"].tolist() == list(range(1, len(rows) + 1))
    for name, column in COLUMNS.items():
        if name != "start_time":
            known = valid[name].dropna().astype(float)
            assert known.between(column.low, column.high).all(), name


def test_what_the_data_set_does_not_state_is_assumed() -> None:
    assert np.isnan(data.cell_facts().loc["B0025", "rated_capacity_Ah"])
    history = data.history("B0025")
    assert (history.rated_capacity_Ah, history.end_of_life_capacity_Ah) == (2.0, 1.4)
    assert data.history("B0033").end_of_life_capacity_Ah == 1.6


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(InvalidInput, match="B9999"):
        data.history("B9999")
    with pytest.raises(InvalidInput, match="B9999"):
        data.load_curves("B9999")


def test_curves_belong_to_their_cycle() -> None:
    curves = data.load_curves("B0005")
    discharge = curves[(curves["id_cycle"] == 100) & (curves["type"] == "discharge")]
    row = data.history("B0005").cycles.iloc[99]
    assert discharge["Time"].iloc[-1] == pytest.approx(row["duration_s"], abs=0.1)
    assert discharge["Temperature_measured"].max() == pytest.approx(row["temperature_max_degC"], abs=0.02)
    assert len(discharge) <= data.CURVE_POINTS
    charge = curves[(curves["id_cycle"] == 100) & (curves["type"] == "charge")]
    assert charge["Voltage_measured"].max() == pytest.approx(4.2, abs=0.02)
    assert (curves.groupby("operation_index")["Time"].diff().dropna() >= 0).all()


def test_curves_of_rejected_discharges_belong_to_no_cycle(tables: Path) -> None:
    curves = data.load_curves("B0005", tables)
    rejected = curves[curves["operation_index"] == 8]  # third discharge, capacity 0
    assert rejected["type"].eq("discharge").all() and rejected["id_cycle"].isna().all()
    assert curves.loc[curves["operation_index"] == 11, "id_cycle"].eq(3).all()


def test_tables_written_twice_are_the_same_bytes(tables: Path, tmp_path: Path) -> None:
    data.build(tmp_path / "raw", tmp_path / "again")
    for path in sorted(tables.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(tables)).read_bytes() == path.read_bytes(), path.name


def test_tables_match_what_they_were_made_from_and_nothing_else(tables: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    assert data.check(raw, tables) == []
    (raw / "B0005.mat").write_bytes(mat_bytes("B0005", [1.9, 1.8, 0.0, 1.71]))
    (raw / "B0006.mat").unlink()
    problems = data.check(raw, tables)
    assert any("B0005: column capacity_Ah differs" in problem for problem in problems)
    assert "B0006: not in the raw files" in problems


def test_a_failed_build_leaves_the_tables_as_they_were(tables: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()}
    (tmp_path / "raw" / "B0007.mat").write_bytes(b"broken")
    with pytest.raises(BadRawData):
        data.build(tmp_path / "raw", tables)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRawData, match="holds no cell"):
        data.build(tmp_path / "empty", tables)
    assert {path: path.read_bytes() for path in tables.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob(".new-*"))


def test_the_hash_of_a_table_follows_its_contents() -> None:
    table = data.load_cycles()
    changed = table.copy()
    changed.loc[5, "capacity_Ah"] += 1e-3
    assert data.data_sha256(table) == data.data_sha256(data.load_cycles())
    assert data.data_sha256(changed) != data.data_sha256(table)
    shuffled = pd.DataFrame({name: table[name] for name in reversed(table.columns)})
    assert data.data_sha256(shuffled) == data.data_sha256(table)
