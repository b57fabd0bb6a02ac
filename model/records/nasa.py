"""Reader of the NASA PCoE battery data set in its official .mat layout.

Source: B. Saha and K. Goebel (2007), "Battery Data Set", NASA Prognostics Data Repository, NASA Ames Research Center.
One file holds one cell: struct `B0005` with an array `cycle` of operations (charge, discharge, impedance). Discharge
operations hold `Current_load` and `Voltage_load`; the READMEs call them `Current_charge` and `Voltage_charge`.

A source is a folder of .mat files, one .mat file, or a zip archive, in which zips may lie inside the zip (as in NASA's
"5. Battery Data Set.zip"). Cells are read one at a time, so that memory is bounded by the largest single cell.
"""

from __future__ import annotations

import filecmp
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pandas as pd
import scipy.io
from scipy.io.matlab import MatReadError

from model.errors import BadRawData
from model.records.cycle import COLUMNS, CAPACITY_LIMIT_Ah
from model.records.features import CHARGE_FEATURES, SAMPLE_NAMES, Samples, charge_features, discharge_features

CELL_FILE = re.compile(r"(B\d{4})\.mat$", re.IGNORECASE)
DISCHARGE_VECTORS = (*SAMPLE_NAMES, "Current_load", "Voltage_load")
KINDS = ("charge", "discharge", "impedance")
FULL_CHARGE_s = 60.0
"""A charge counts as a full one, whose features describe the cell, from this long at constant current."""

TABLE_COLUMNS = ["cell", "operation_index", "valid", "reject_reason", *COLUMNS]


class CellFile(NamedTuple):
    """An open .mat file of one cell; usable until the next one is asked for. `place` is for messages."""

    cell: str
    place: str
    file: IO[bytes]


@dataclass(frozen=True)
class Recording:
    """All operations of one cell as read from its file, in their order.

    `kinds`: charge, discharge or impedance. `starts`: bench clock. `ambient_degC`. `data`: MATLAB structs.
    """

    cell: str
    kinds: list[str]
    starts: list[datetime]
    ambient_degC: np.ndarray
    data: np.ndarray

    def curve(self, operation_index: int) -> pd.DataFrame:
        """Raw samples of one operation (from 0) under the names of `SAMPLE_NAMES`: s, V, A, degC."""
        data = self.data[operation_index]
        return pd.DataFrame({name: data[name][0, 0].ravel() for name in SAMPLE_NAMES})


def cell_files(source: str | Path, only: set[str] | None = None) -> Iterator[CellFile]:
    """Every cell of a folder, zip archive or single .mat file, one at a time; `only` restricts to these cells.

    Of two files of one cell the larger is taken, as the fuller: NASA's archive holds some cells twice, first a part.
    Raises `BadRawData` if the source does not exist or is broken, or if two files of one cell are equally large but
    differ.
    """
    path = Path(source)
    if not path.exists():
        raise BadRawData(f"{path} does not exist")
    if path.is_dir() or path.suffix.lower() == ".mat":
        for cell, name in plain_files(path, only).items():
            with name.open("rb") as plain:
                yield CellFile(cell, str(name), plain)
        return
    chosen: dict[str, zipfile.ZipInfo] = {}
    for cell, place, entry, _ in _archived(path, unpack=False):
        other = chosen.setdefault(cell, entry)
        if other.file_size == entry.file_size and other.CRC != entry.CRC:
            raise BadRawData(f"{place}: cell {cell} is in the archive twice with different contents")
        if entry.file_size > other.file_size:
            chosen[cell] = entry
    for cell, place, entry, file in _archived(path, unpack=True):
        best = chosen.get(cell)
        if best is not None and best.CRC == entry.CRC and (only is None or cell in only):
            del chosen[cell]
            yield CellFile(cell, place, file)


def plain_files(path: Path, only: set[str] | None = None) -> dict[str, Path]:
    """The .mat file of each cell in a folder (or the one that `path` is), the largest where there are several."""
    chosen: dict[str, Path] = {}
    for name in sorted(path.rglob("*.mat")) if path.is_dir() else [path]:
        match = CELL_FILE.search(name.name)
        if match is None and path.is_dir():
            continue
        cell = match.group(1).upper() if match else name.stem
        other = chosen.setdefault(cell, name)
        size, other_size = name.stat().st_size, other.stat().st_size
        if size == other_size and not filecmp.cmp(name, other, shallow=False):
            raise BadRawData(f"{other} and {name} are the same cell with different contents")
        if size > other_size:
            chosen[cell] = name
    return {cell: name for cell, name in chosen.items() if only is None or cell in only}


def _archived(path: Path, unpack: bool) -> Iterator[tuple[str, str, zipfile.ZipInfo, IO[bytes]]]:
    """Cell, place, entry and, with `unpack`, the open temporary copy of each .mat file in a zip and the zips inside."""

    def inside(file: IO[bytes], place: str) -> Iterator[tuple[str, str, zipfile.ZipInfo, IO[bytes]]]:
        try:
            with zipfile.ZipFile(file) as archive:
                for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                    match = CELL_FILE.search(entry.filename)
                    inner = f"{place}/{entry.filename}"
                    if match and not unpack:
                        yield match.group(1).upper(), inner, entry, file
                    elif match or entry.filename.lower().endswith(".zip"):
                        with tempfile.TemporaryFile() as copy:
                            with archive.open(entry) as member:
                                shutil.copyfileobj(member, copy, 1 << 20)  # reading it whole verifies its checksum
                            copy.seek(0)
                            if match:
                                yield match.group(1).upper(), inner, entry, copy
                            else:
                                yield from inside(copy, inner)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadRawData(f"{place} is not a whole zip archive: {error}") from error

    with path.open("rb") as outer:
        yield from inside(outer, str(path))


def read_cell(found: CellFile) -> Recording:
    """The operations of one cell. Raises `BadRawData` if the file is damaged or of another layout."""
    try:
        content = scipy.io.loadmat(found.file)
        name = found.cell if found.cell in content else next(key for key in content if not key.startswith("__"))
        cycle = content[name]["cycle"][0, 0]
        kinds = [str(kind[0]) if kind.size else "" for kind in cycle["type"][0]]
        starts = [_start(vector.ravel()) for vector in cycle["time"][0]]
        ambient = np.array([value.ravel()[0] for value in cycle["ambient_temperature"][0]], dtype=float)
        data = cycle["data"][0]
        for kind, entry in zip(kinds, data, strict=True):
            wanted = {"charge": SAMPLE_NAMES, "discharge": SAMPLE_NAMES, "impedance": ("Re", "Rct")}.get(kind, ())
            absent = [vector for vector in wanted if vector not in (entry.dtype.names or ())]
            if absent:
                raise BadRawData(f"{found.place}: a {kind} operation lacks {', '.join(absent)}")
    except BadRawData:
        raise
    except (MatReadError, ValueError, KeyError, IndexError, TypeError, StopIteration, OSError, zlib.error) as error:
        raise BadRawData(f"{found.place} is not a NASA battery file: {type(error).__name__}: {error}") from error
    return Recording(name, kinds, starts, ambient, data)


def _start(vector: np.ndarray) -> datetime:
    """MATLAB date vector (year, month, day, hour, minute, second with fraction) rounded to milliseconds."""
    year, month, day, hour, minute = (int(part) for part in vector[:5])
    return datetime(year, month, day, hour, minute) + timedelta(milliseconds=round(float(vector[5]) * 1000))


def _sample_sets(recording: Recording, kind: str, names: tuple[str, ...]) -> tuple[np.ndarray, Samples]:
    """Operation indexes of one kind, and their samples."""
    at = [i for i, found in enumerate(recording.kinds) if found == kind]
    cycles = []
    for i in at:
        data = recording.data[i][0, 0]
        given = data.dtype.names
        cycles.append([data[name].ravel() for name in names if name in given])
    return np.array(at, dtype=int), Samples.of(cycles)


def cycle_table(recording: Recording) -> pd.DataFrame:
    """One row per discharge in the order of the test: `TABLE_COLUMNS`.

    `valid` says whether the capacity label is usable (0 < capacity <= 2.1 Ah); `reject_reason` is empty for valid rows.
    Valid rows are numbered from 1 in `cycle_number` (missing in rejected rows). Charge features come from the last
    full charge before the discharge, impedance from the last plausible measurement before it.
    """
    discharge_at, discharge_samples = _sample_sets(recording, "discharge", DISCHARGE_VECTORS)
    charge_at, charge_samples = _sample_sets(recording, "charge", SAMPLE_NAMES)
    table: dict[str, object] = dict(discharge_features(discharge_samples))
    charges = charge_features(charge_samples)

    capacity = np.array([_scalar(recording.data[i], "Capacity") for i in discharge_at], dtype=float)
    reasons = [_reject_reason(value) for value in capacity]
    valid = np.array([reason == "" for reason in reasons], dtype=bool)

    # the last full charge before each discharge, and everything charged since the discharge before
    full = np.flatnonzero(charges["cc_time_s"] > FULL_CHARGE_s)
    last_full = np.searchsorted(charge_at[full], discharge_at) - 1
    for name in CHARGE_FEATURES:
        values = np.append(charges[name][full], np.nan)  # index -1: no full charge yet
        table[name] = values[last_full]
    charged = np.concatenate(([0.0], np.cumsum(np.nan_to_num(charges["charge_Ah"]))))
    upto = charged[np.searchsorted(charge_at, discharge_at)]
    since = np.diff(upto, prepend=0.0)
    table["charge_since_previous_Ah"] = np.where(since > 0, since, np.nan)

    starts = np.array([recording.starts[i] for i in discharge_at], dtype="datetime64[ms]")
    seconds = np.nan_to_num(np.asarray(table["duration_s"], dtype=float))
    ends = starts + (seconds * 1000).round().astype("timedelta64[ms]")
    rest_h = np.full(len(starts), np.nan)
    rest_h[1:] = (starts[1:] - ends[:-1]) / np.timedelta64(1, "h")
    table["rest_before_h"] = rest_h

    table["Re_ohm"], table["Rct_ohm"] = _impedance_before(recording, discharge_at)
    table["cell"] = recording.cell
    table["operation_index"] = discharge_at
    table["valid"] = valid
    table["reject_reason"] = reasons
    table["cycle_number"] = pd.arrays.IntegerArray(np.cumsum(valid, dtype=np.int64), ~valid)
    table["start_time"] = starts
    table["ambient_temperature_degC"] = recording.ambient_degC[discharge_at]
    table["capacity_Ah"] = capacity
    return pd.DataFrame(table, columns=TABLE_COLUMNS)


def _scalar(data: np.ndarray, name: str) -> float:
    """The one real number in a field of an operation; NaN if absent, empty or complex."""
    if name not in (data.dtype.names or ()):
        return np.nan
    value = data[name][0, 0]
    return float(value.ravel()[0]) if value.size == 1 and not np.iscomplexobj(value) else np.nan


def _reject_reason(capacity_Ah: float) -> str:
    """Why a capacity label is not usable; empty if it is."""
    if np.isnan(capacity_Ah):
        return "no capacity in the file"
    if capacity_Ah <= 0:
        return "aborted test (capacity 0)"
    if capacity_Ah > CAPACITY_LIMIT_Ah:
        return f"capacity above {CAPACITY_LIMIT_Ah} Ah is impossible for this cell type"
    return ""


def _impedance_before(recording: Recording, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Re and Rct (ohm) of the last impedance operation before each index where they lie within their physical range."""
    measured = [i for i, kind in enumerate(recording.kinds) if kind == "impedance"]
    results = []
    for name, column in (("Re", COLUMNS["Re_ohm"]), ("Rct", COLUMNS["Rct_ohm"])):
        values = np.array([_scalar(recording.data[i], name) for i in measured], dtype=float)
        with np.errstate(invalid="ignore"):
            plausible = (values > column.low) & (values < column.high)
        place = np.searchsorted(np.array(measured, dtype=int)[plausible], at) - 1
        results.append(np.append(values[plausible], np.nan)[place])
    return results[0], results[1]


def read_tables(source: str | Path, only: set[str] | None = None) -> Iterator[tuple[Recording, pd.DataFrame]]:
    """Recording and cycle table of each cell of a source, one cell in memory at a time."""
    for found in cell_files(source, only):
        recording = read_cell(found)
        table = cycle_table(recording)
        yield recording, table
        del recording
