"""Ageing tables of public data sets: capacity per cycle of many cells of many kinds.

One form for the tables that come with the project (`model/data/public`, see its README) and for a folder of the user:
`cells.csv` with dataset, cell and what is known of each (chemistry, form, rated_Ah, temperature_degC, charge_C,
discharge_C, v_min, v_max, depth_percent, group), and for each set `SET.csv.gz` with cell, cycle, capacity_Ah.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model.errors import BadRawData
from model.records.cycle import History
from model.records.data import lot_of
from model.records.facts import LARGEST_SHARE_OF_RATED

FOLDER = Path(__file__).parents[1] / "data" / "public"
NASA = "NASA"
FIRST = 5
"""Capacities by which a cell is recognised."""

LEAST_SHARE_OF_RATED = 0.15
"""A capacity below this share of the rated one is an aborted test in these sets."""

END_OF_LIFE = {"MATR": 0.9}
DEFAULT_END_OF_LIFE = 0.8
"""End of life in shares of a cell's first capacity; MATR's tables end before 80 %."""


@dataclass(frozen=True)
class PublicCell:
    """One cell: its valid capacities (Ah) by cycle number, the kind it is of, and what else its tables say."""

    dataset: str
    cell: str
    group: str
    rated_capacity_Ah: float
    cycle_number: np.ndarray
    capacity_Ah: np.ndarray
    first_capacities_Ah: tuple[float, ...]
    facts: dict[str, object] = field(default_factory=dict)
    signals: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def end_of_life(self) -> float:
        """Share of the first capacity at which the cell counts as worn out."""
        return END_OF_LIFE.get(self.dataset, DEFAULT_END_OF_LIFE)


def read(folder: Path = FOLDER, only: set[str] | None = None) -> list[PublicCell]:
    """The cells of a folder of tables, set after set. Raises `BadRawData` that says what is wrong with which file."""
    listed = _table(folder / "cells.csv", ("dataset", "cell", "rated_Ah"))
    result = []
    for dataset, described in listed.groupby("dataset", sort=True):
        if only is not None and dataset not in only:
            continue
        path = folder / f"{dataset}.csv.gz"
        if not path.exists():
            path = folder / f"{dataset}.csv"
        cycles = _table(path, ("cell", "cycle", "capacity_Ah"))
        by_cell = dict(iter(cycles.groupby("cell", sort=False)))
        for facts in described.to_dict("records"):
            if facts["cell"] in by_cell:
                result.append(_cell(str(dataset), facts, by_cell[facts["cell"]], path))
    if not result:
        raise BadRawData(f"{folder}: no cell of {folder / 'cells.csv'} has rows in a table of its set")
    return result


def _table(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    text = {"cell": str, "dataset": str, "group": str, "chemistry": str, "form": str, "first_capacities_Ah": str}
    try:
        table = pd.read_csv(path, dtype=text, encoding="utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise BadRawData(f"{path} cannot be read: {error}") from error
    missing = [name for name in needed if name not in table]
    if missing:
        raise BadRawData(f"{path} lacks the columns {', '.join(missing)}")
    numbers = [name for name in needed if name not in text]
    for name in numbers:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def _cell(dataset: str, facts: dict[str, object], rows: pd.DataFrame, path: Path) -> PublicCell:
    rated = float(facts["rated_Ah"])  # type: ignore[arg-type]
    if not rated > 0:
        raise BadRawData(f"{path.parent / 'cells.csv'}: {dataset} {facts['cell']} has no rated capacity")
    rows = rows.sort_values("cycle", kind="stable")
    cycle, capacity = rows["cycle"].to_numpy(float), rows["capacity_Ah"].to_numpy(float)
    valid = np.isfinite(cycle) & (capacity > LEAST_SHARE_OF_RATED * rated) & (capacity < LARGEST_SHARE_OF_RATED * rated)
    valid[1:] &= cycle[1:] > cycle[:-1]
    stated = facts.get("first_capacities_Ah")
    first = [float(value) for value in stated.split()] if isinstance(stated, str) else capacity[valid][:FIRST].tolist()
    group = facts.get("group")
    known = {"cell", "capacity_Ah", "cycle"}
    signals = {
        name: pd.to_numeric(rows[name], errors="coerce").to_numpy(float)[valid] for name in rows if name not in known
    }
    return PublicCell(
        dataset,
        str(facts["cell"]),
        f"{dataset}/{group}" if isinstance(group, str) else dataset,
        rated,
        cycle[valid],
        capacity[valid],
        tuple(first),
        dict(facts),
        signals,
    )


def of_nasa(history: History) -> PublicCell:
    """A cell of NASA's archive as one of the public sets; cells of one test group (lot) are of one kind."""
    columns = history.columns
    capacity = columns["capacity_Ah"]
    return PublicCell(
        NASA,
        history.cell,
        f"{NASA}/{lot_of(history.cell)}",
        history.rated_capacity_Ah,
        columns["cycle_number"],
        capacity,
        tuple(capacity[:FIRST].tolist()),
    )


SAME_MEASUREMENT = 1e-4
"""Relative difference up to which two capacities are the same measurement (stored with fewer digits)."""


@dataclass(frozen=True)
class KnownCells:
    """The first five capacities (Ah) of each cell of some sets, by which a cell is recognised again."""

    datasets: list[str]
    first_Ah: np.ndarray

    @classmethod
    def of(cls, cells: list[PublicCell]) -> KnownCells:
        full = [cell for cell in cells if len(cell.first_capacities_Ah) == FIRST]
        return cls([cell.dataset for cell in full], np.array([cell.first_capacities_Ah for cell in full]))

    def set_of(self, history: History) -> str | None:
        """The set that a history with at least five cycles is a cell of; None for a new cell."""
        first = history.columns["capacity_Ah"][:FIRST]
        if len(first) < FIRST:
            return None
        same = (np.abs(self.first_Ah - first) <= SAME_MEASUREMENT * first).all(axis=1)
        return self.datasets[int(np.argmax(same))] if same.any() else None

    def to_state(self) -> dict[str, Any]:
        """JSON-able state."""
        return {"datasets": self.datasets, "first_Ah": self.first_Ah.tolist()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> KnownCells:
        """Inverse of `to_state`."""
        return cls(state["datasets"], np.array(state["first_Ah"], dtype=float))


# ---------------------------------------------------------------- making

SETS = ("HUST", "MATR", "RWTH", "THU", "TJU")
"""Sets whose terms are clear; `model/data/public/README.md` has them."""

POINTS = 200
RUNNING_MEDIAN, SPARSE_RUNNING_MEDIAN = 5, 3
SPARSE_STEP = 4.0
LISTED = (
    "dataset", "cell", "chemistry", "form", "rated_Ah", "temperature_degC", "charge_C", "discharge_C", "v_min", "v_max",
    "depth_percent", "group",
)  # fmt: skip


def build(source: Path, folder: Path = FOLDER) -> dict[str, int]:
    """Make the compact tables of `SETS` from whole ones; number of cells by set. Raises `BadRawData`.

    At most `POINTS` cycles a cell, spread evenly, with the running median of its capacities, which keeps what the other
    cycles say. cells.csv keeps the first five capacities as they were measured, by which a cell is recognised again.
    """
    cells = read(source, set(SETS))
    missing = sorted(set(SETS) - {cell.dataset for cell in cells})
    if missing:
        raise BadRawData(f"{source} lacks the sets {', '.join(missing)}")
    folder.mkdir(parents=True, exist_ok=True)
    listed, tables = [], dict[str, list[pd.DataFrame]]()
    for cell in cells:
        count = len(cell.capacity_Ah)
        sparse = count > 1 and float(np.median(np.diff(cell.cycle_number))) > SPARSE_STEP
        length = SPARSE_RUNNING_MEDIAN if sparse else RUNNING_MEDIAN
        smooth = pd.Series(cell.capacity_Ah).rolling(length, min_periods=1).median().to_numpy()
        kept = np.unique(np.round(np.linspace(0, count - 1, min(count, POINTS))).astype(int))
        table = {"cell": cell.cell, "cycle": cell.cycle_number[kept].astype(int), "capacity_Ah": smooth[kept].round(4)}
        tables.setdefault(cell.dataset, []).append(pd.DataFrame(table))
        first = " ".join(f"{value:.5g}" for value in cell.first_capacities_Ah)
        listed.append({name: cell.facts.get(name) for name in LISTED} | {"first_capacities_Ah": first})
    pd.DataFrame(listed).to_csv(folder / "cells.csv", index=False, lineterminator="\n", encoding="utf-8")
    for dataset, parts in tables.items():
        text = pd.concat(parts).to_csv(index=False, lineterminator="\n")
        (folder / f"{dataset}.csv.gz").write_bytes(gzip.compress(text.encode("utf-8"), 9, mtime=0))
    return {dataset: len(parts) for dataset, parts in tables.items()}


def sha256(folder: Path = FOLDER) -> str:
    """Hash over the tables of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.csv*")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
