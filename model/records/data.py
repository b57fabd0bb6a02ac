"""The measured cells that come with the project: per-cycle tables and thinned raw curves, made from NASA's files.

`data/cells.csv` what the READMEs of the data set state of each cell (empty: not stated); `data/cycles.csv` one row per
discharge, valid or rejected; `data/curves/<cell>.npz` thinned raw curves of every charge and discharge.
`build` makes cycles.csv and curves from raw files, `check` compares them with raw files.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from model import cluster
from model.cluster import Run
from model.errors import BadRawData, InvalidInput
from model.records.cycle import COLUMNS, DEFAULT_END_OF_LIFE_PERCENT, MEASURED, History, NOMINAL_CAPACITY_Ah
from model.records.features import SAMPLE_NAMES
from model.records.nasa import TABLE_COLUMNS, Recording, plain_files, read_tables

FOLDER = Path(__file__).parents[1] / "data"
CURVE_POINTS = 100
"""Points kept of each raw curve, spread evenly over the length of the drawn line, so that its corners stay."""

STEP = {"Time": 0.1, "Voltage_measured": 0.001, "Current_measured": 0.001, "Temperature_measured": 0.01}
"""Resolution of the stored curves in the unit of each vector: s, V, A, degC."""

ROUNDING = 1e-6
"""Largest relative difference between a table and the raw files that is rounding (numbers are stored with 8 digits)."""

REFERENCE_CELLS = ("B0005", "B0006", "B0007", "B0018")
"""Cells from which the remaining life is learned and on which it is judged: run to failure at room temperature and 2 A.
The others serve for the capacity model, the fade-rate exponent and the degradation equation."""

LOTS = ((5, 18), (25, 28), (29, 32), (33, 36), (38, 40), (41, 44), (45, 48), (49, 52), (53, 56))
"""Test groups of the data set by cell number (READMEs), first and last."""

KINDS = ("charge", "discharge")
KEPT_FILES = ("cells.csv", "README.md")
KEPT_FOLDER = "public"
"""What of the data folder is not made from the raw files."""


# ---------------------------------------------------------------- reading


def lot_of(cell: str) -> str:
    """Test group of a NASA cell; any other cell is a lot of its own."""
    if cell[:1] == "B" and cell[1:].isdigit():
        for first, last in LOTS:
            if first <= int(cell[1:]) <= last:
                return f"B{first:04d}-B{last:04d}"
    return cell


def load_cycles(folder: Path = FOLDER) -> pd.DataFrame:
    """One row per discharge of every cell: cell, operation_index, valid, reject_reason and `cycle.COLUMNS`.

    `cycle_number` (Int64) is missing where `valid` is false.
    """
    return _load_cycles(folder).copy()


@lru_cache(maxsize=4)
def _load_cycles(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(
        folder / "cycles.csv",
        dtype={"cell": str, "cycle_number": "Int64", "reject_reason": str, **dict.fromkeys(MEASURED, float)},
        keep_default_na=False,
        na_values={name: [""] for name in COLUMNS},
        encoding="utf-8",
    )
    table["start_time"] = pd.to_datetime(table["start_time"]).astype("datetime64[ms]")
    return table


def cells(folder: Path = FOLDER) -> list[str]:
    """Names of the cells in the tables, sorted."""
    return sorted(_load_cycles(folder)["cell"].unique())


def cell_facts(folder: Path = FOLDER) -> pd.DataFrame:
    """Facts of the READMEs by cell: rated_capacity_Ah, end_of_life_capacity_Ah, cut_off_voltage_V; NaN: not stated."""
    return pd.read_csv(folder / "cells.csv", index_col="cell", encoding="utf-8")


def history_of(table: pd.DataFrame, cell: str, facts: pd.DataFrame | None = None) -> History:
    """The valid cycles of one cell of a cycle table as a `History`.

    Where the data set states no rated capacity, `NOMINAL_CAPACITY_Ah` is assumed, and without an end of life
    `DEFAULT_END_OF_LIFE_PERCENT` of it.
    """
    facts = cell_facts() if facts is None else facts
    stated = facts.loc[cell] if cell in facts.index else pd.Series(dtype=float)
    rated = _or_default(stated, "rated_capacity_Ah", NOMINAL_CAPACITY_Ah)
    end_of_life = _or_default(stated, "end_of_life_capacity_Ah", rated * DEFAULT_END_OF_LIFE_PERCENT / 100)
    cut_off = _or_default(stated, "cut_off_voltage_V", np.nan)
    rows = table[(table["cell"] == cell) & table["valid"]]
    cycles = rows[list(COLUMNS)].astype({"cycle_number": int}).sort_values("cycle_number").reset_index(drop=True)
    return History(cell, rated, end_of_life, None if np.isnan(cut_off) else cut_off, cycles, cell)


def _or_default(stated: pd.Series, name: str, default: float) -> float:
    value = float(stated.get(name, np.nan))
    return default if np.isnan(value) else value


def history(cell: str, folder: Path = FOLDER) -> History:
    """History of one cell of the tables. Raises `InvalidInput` for a cell that is not there."""
    if cell not in cells(folder):
        raise InvalidInput("cell", cell, f"one of {', '.join(cells(folder))}")
    return history_of(_load_cycles(folder), cell, cell_facts(folder))


def histories(folder: Path = FOLDER) -> dict[str, History]:
    """History of every cell of the tables, by name."""
    table, facts = _load_cycles(folder), cell_facts(folder)
    return {cell: history_of(table, cell, facts) for cell in cells(folder)}


def load_curves(cell: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Thinned raw curves of one cell, all operations in their order.

    Columns: operation_index, id_cycle (Int64; the valid discharge the operation belongs to: itself, or the next one
    after a charge; missing if there is none), type (charge | discharge), Time s since the start of the operation,
    Voltage_measured V, Current_measured A, Temperature_measured degC.
    """
    path = folder / "curves" / f"{cell}.npz"
    if not path.is_file():
        raise InvalidInput("cell", cell, f"a cell with curves in {path.parent}")
    with np.load(path) as stored:
        lengths = stored["length"]
        frame = pd.DataFrame(
            {
                "operation_index": np.repeat(stored["operation_index"], lengths),
                "type": np.repeat(np.array(KINDS)[stored["kind"]], lengths),
                **{name: np.round(np.cumsum(stored[name], dtype=np.int64) * STEP[name], 3) for name in SAMPLE_NAMES},
            }
        )
    discharges = _load_cycles(folder)
    valid = discharges[(discharges["cell"] == cell) & discharges["valid"]]
    place = np.searchsorted(valid["operation_index"].to_numpy(), frame["operation_index"].to_numpy())
    numbers = pd.array([*valid["cycle_number"], pd.NA], dtype="Int64").take(place)
    frame.insert(1, "id_cycle", numbers)
    # a rejected discharge lies before the next valid one, but is no part of it
    rejected = (frame["type"] == "discharge") & ~frame["operation_index"].isin(valid["operation_index"])
    frame.loc[rejected, "id_cycle"] = pd.NA
    return frame


def data_sha256(table: pd.DataFrame) -> str:
    """Hash of the contents of a cycle table, the same on every machine."""
    return hashlib.sha256(_csv(table).encode("utf-8")).hexdigest()


# ---------------------------------------------------------------- making


def build(
    source: str | Path,
    folder: Path = FOLDER,
    only: set[str] | None = None,
    required: Collection[str] = (),
    progress: Callable[[str], None] = lambda message: None,
    run: Run = cluster.here,
) -> list[str]:
    """Make cycles.csv and the curves of all cells in `source` and put them in the place of those in `folder`.

    `source` as in `nasa.cell_files`; on a cluster (`run`, see `model.cluster`) a folder that the workers see.
    Nothing in `folder` changes unless every cell could be read and none of
    `required` is missing. Returns the names of the cells. Raises `BadRawData`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-data-") as temporary:
        fresh = Path(temporary) / "data"
        names = _write(Path(source), fresh, only, progress, run)
        missing = sorted(set(required) - set(names))
        if missing:
            raise BadRawData(f"{source} lacks cells that the tables have now: {', '.join(missing)}")
        for name in KEPT_FILES:
            present = folder / name if (folder / name).is_file() else FOLDER / name
            shutil.copy2(present, fresh / name)
        if (folder / KEPT_FOLDER).is_dir():
            shutil.copytree(folder / KEPT_FOLDER, fresh / KEPT_FOLDER)
        old = Path(temporary) / "old"
        if folder.exists():
            os.replace(folder, old)
        try:
            os.replace(fresh, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise
    _load_cycles.cache_clear()
    return names


def _write(source: Path, folder: Path, only: set[str] | None, progress: Callable[[str], None], run: Run) -> list[str]:
    (folder / "curves").mkdir(parents=True)
    tables = []
    for cell, table, curves in _extracted(source, only, run):
        progress(f"{cell}: {len(table)} discharges, {int(table['valid'].sum())} valid")
        _save_arrays(folder / "curves" / f"{cell}.npz", curves)
        tables.append(table)
    if not tables:
        raise BadRawData(f"{source} holds no cell (files named like B0005.mat)")
    everything = pd.concat(tables, ignore_index=True).sort_values(["cell", "operation_index"], ignore_index=True)
    (folder / "cycles.csv").write_text(_csv(everything), encoding="utf-8", newline="\n")
    return sorted(everything["cell"].unique())


Extracted = tuple[str, pd.DataFrame, dict[str, np.ndarray]]
"""Cell, cycle table, thinned curves."""


def _extracted(source: Path, only: set[str] | None, run: Run) -> Iterator[Extracted]:
    """Table and curves of each cell of a source, one cell in memory at a time (per worker)."""
    if run is cluster.here:
        for recording, table in read_tables(source, only):
            yield recording.cell, table, thinned_curves(recording)
    elif not source.is_dir():
        raise InvalidInput("source", str(source), "on a cluster, a folder of .mat files that the workers see")
    else:
        yield from run(_extract_file, [(str(path.resolve()),) for path in plain_files(source, only).values()])


def _extract_file(path: str) -> Extracted:
    (only,) = read_tables(path)
    recording, table = only
    return recording.cell, table, thinned_curves(recording)


def _csv(table: pd.DataFrame) -> str:
    """The table as CSV text: 8 significant digits, clock times with milliseconds."""
    given = table[TABLE_COLUMNS].assign(start_time=table["start_time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3])
    return given.to_csv(index=False, float_format="%.8g", lineterminator="\n")


def thinned_curves(recording: Recording) -> dict[str, np.ndarray]:
    """At most `CURVE_POINTS` samples of each charge and discharge, as integer steps (differences) of `STEP`."""
    result: dict[str, list[np.ndarray]] = {name: [] for name in SAMPLE_NAMES}
    index, kind, length = [], [], []
    for i, name in enumerate(recording.kinds):
        if name not in KINDS:
            continue
        curve = recording.curve(i).to_numpy(dtype=float)
        curve = curve[np.isfinite(curve).all(axis=1)]
        curve = curve[_spread(curve)]
        index.append(i)
        kind.append(KINDS.index(name))
        length.append(len(curve))
        for j, column in enumerate(SAMPLE_NAMES):
            result[column].append(np.round(curve[:, j] / STEP[column]).astype(np.int64))
    steps = {}
    for column, parts in result.items():
        whole = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
        steps[column] = np.diff(whole, prepend=0).astype(np.int32)
    return {
        "operation_index": np.array(index, dtype=np.int32),
        "kind": np.array(kind, dtype=np.int8),
        "length": np.array(length, dtype=np.int32),
        **steps,
    }


def _spread(curve: np.ndarray) -> np.ndarray:
    """Indexes of at most `CURVE_POINTS` rows, evenly spread along the drawn lines of all columns together."""
    count = len(curve)
    if count <= CURVE_POINTS:
        return np.arange(count)
    extent = np.ptp(curve, axis=0)
    scaled = curve / np.where(extent > 0, extent, 1.0)
    length = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(scaled, axis=0)).sum(axis=1))))
    wanted = np.linspace(0.0, length[-1], CURVE_POINTS)
    return np.unique(np.clip(np.searchsorted(length, wanted), 0, count - 1))


def _save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a compressed .npz whose bytes depend on the contents only."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    path.write_bytes(buffer.getvalue())


# ---------------------------------------------------------------- checking


def check(source: str | Path, folder: Path = FOLDER) -> list[str]:
    """Differences between the tables in `folder` and raw files, as sentences; empty if they match.

    Cells of the tables that are absent from the raw files, and cells only in the raw files, are differences too.
    """
    problems = []
    stored = _load_cycles(folder)
    seen = set()
    for recording, table in read_tables(source):
        cell = recording.cell
        seen.add(cell)
        kept = stored[stored["cell"] == cell]
        if len(kept) != len(table):
            problems.append(f"{cell}: {len(kept)} discharges in the table, {len(table)} in the raw file")
            continue
        for name in TABLE_COLUMNS:
            if not _same(kept[name], table[name]):
                problems.append(f"{cell}: column {name} differs from the raw file")
        fresh = thinned_curves(recording)
        path = folder / "curves" / f"{cell}.npz"
        if not path.is_file():
            problems.append(f"{cell}: no curves")
            continue
        with np.load(path) as curves:
            problems += [
                f"{cell}: curves differ in {name}"
                for name, values in fresh.items()
                if name not in curves.files or not np.array_equal(curves[name], values)
            ]
    problems += [f"{cell}: not in the raw files" for cell in sorted(set(stored["cell"]) - seen)]
    return problems


def _same(stored: pd.Series, fresh: pd.Series) -> bool:
    if pd.api.types.is_float_dtype(fresh):
        a, b = stored.to_numpy(dtype=float), fresh.to_numpy(dtype=float)
        return bool(np.allclose(a, b, rtol=ROUNDING, atol=1e-9, equal_nan=True))
    return stored.astype(str).tolist() == fresh.astype(str).tolist()
