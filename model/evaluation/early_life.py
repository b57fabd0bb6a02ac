"""BatteryLife's task: the whole life of a cell from its first S cycles (Tan et al., KDD 2025, Ruifeng-Tan/BatteryLife).

Life: first cycle whose median of three capacities is at most 80 % of the rated one, extrapolated where the records end
between 80 and 82.5 %; S = 1, 5, 10 ... 100; training, validation and test cells as published; figures over all samples
of the test cells: mean absolute percentage error (MAPE) and the share of samples within 15 %.

Boosted trees predict the ratio of the life to that of the failed training cells of the same group, from what is known
after S cycles: capacities and charge times so far, and the conditions of the test. The mean of two depths is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from model.errors import BadRawData
from model.records import public
from model.records.public import PublicCell

SPLIT_FILE = "batterylife_split.csv"
"""Columns dataset, cell, part (train, val, test)."""

END_OF_LIFE, EXTRAPOLATED_TO = 0.8, 0.825
CYCLES = (1, *range(5, 101, 5))
WITHIN = 0.15
SHRINK = 0.5
"""The set's mean life counts as so many siblings."""

SIGNALS = ("cc_window_s", "cv_window_s", "energy_efficiency")
CONDITIONS = ("rated_Ah", "temperature_degC", "charge_C", "discharge_C", "depth_percent")
SEEDS = 5
BOOSTING: dict[str, Any] = {
    "objective": "reg:absoluteerror", "eta": 0.05, "max_depth": 0, "grow_policy": "lossguide",
    "subsample": 0.8, "colsample_bytree": 0.6, "tree_method": "hist", "nthread": 1,
}  # fmt: skip
DEEPER: dict[str, Any] = {"max_leaves": 12, "min_child_weight": 15}
FLATTER: dict[str, Any] = {"max_leaves": 8, "min_child_weight": 20}
ROUNDS, FLATTER_ROUNDS, OWN_ROUNDS = 200, 150, 300

PUBLISHED = {"Dummy": (0.831, 0.296), "MLP": (0.233, 0.503), "CPTransformer": (0.184, 0.573), "CPMLP": (0.179, 0.620)}
"""MAPE and share within 15 % of their table for Li-ion: 163 test cells of twelve sets, raw curves."""


@dataclass(frozen=True)
class _Cell:
    cell: PublicCell
    health: np.ndarray
    life: float


@dataclass(frozen=True)
class EarlyLife:
    """`figures` by predictor: (MAPE, share within 15 %) on the test cells; `by_set` the same of the blend."""

    training_cells: int
    test_cells: int
    figures: dict[str, tuple[float, float]]
    by_set: dict[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        def pairs(figures: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
            return {name: {"mape": mape, "within_15_percent": share} for name, (mape, share) in figures.items()}

        return {
            "training_cells": self.training_cells,
            "test_cells": self.test_cells,
            "figures": pairs(self.figures),
            "by_set": pairs(self.by_set),
            "published": pairs(PUBLISHED),
        }


def _life_of(cell: PublicCell) -> _Cell | None:
    """None if the life is not known or hardly longer than what is seen of it."""
    if len(cell.capacity_Ah) < 2:
        return None
    health = pd.Series(cell.capacity_Ah / cell.rated_capacity_Ah).rolling(3, min_periods=1).median().to_numpy()
    below = np.flatnonzero(health <= END_OF_LIFE)
    if len(below):
        life = float(cell.cycle_number[below[0]])
    elif health[-1] < EXTRAPOLATED_TO and len(health) > 20:
        life = float(np.polyval(np.polyfit(health[-20:], cell.cycle_number[-20:], 1), END_OF_LIFE))
    else:
        return None
    return _Cell(cell, health, life) if life > CYCLES[-1] else None


def evaluate_early_life(folder: Path) -> EarlyLife | None:
    """Figures on the published split of a folder of whole tables; None if the folder has no split."""
    path = folder / SPLIT_FILE
    if not path.is_file():
        return None
    split = pd.read_csv(path, dtype=str)
    if not {"dataset", "cell", "part"} <= set(split.columns):
        raise BadRawData(f"{path} lacks the columns dataset, cell, part")
    part = {(row.dataset, row.cell): row.part for row in split.itertuples()}
    cells = public.read(folder, set(split["dataset"]))
    known = [(part[c.dataset, c.cell], one) for c in cells if (c.dataset, c.cell) in part and (one := _life_of(c))]
    train = [one for name, one in known if name == "train"]
    test = [one for name, one in known if name == "test"]
    if not train or not test:
        return None
    names = sorted({str(one.cell.facts.get("chemistry")) for one in train})
    sets = sorted({one.cell.dataset for one in train})
    x, base = _rows(train, train, names, sets)
    z, base_z = _rows(test, train, names, sets)
    y, t = (np.repeat(np.log([one.life for one in cells]), len(CYCLES)) for cells in (train, test))
    deeper = _boosted(DEEPER, x, y - base, z, ROUNDS) + base_z
    flatter = _boosted(FLATTER, x, y - base, z, FLATTER_ROUNDS) + base_z
    blend = (deeper + flatter) / 2
    said = {
        "Dummy (mean life of the training cells)": np.full(len(t), np.log(np.mean(np.exp(y)))),
        "siblings, shrunk to their set": base_z,
        "boosting on the life itself": _boosted(DEEPER, x, y, z, OWN_ROUNDS),
        "boosting on the ratio to the siblings": blend,
    }
    which = np.repeat([one.cell.dataset for one in test], len(CYCLES))
    return EarlyLife(
        len(train),
        len(test),
        {name: _figures(each, t) for name, each in said.items()},
        {name: _figures(blend[which == name], t[which == name]) for name in sorted(set(which.tolist()))},
    )


def _figures(log_life: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    off = np.abs(np.expm1(log_life - true))
    return float(np.mean(off)), float(np.mean(off <= WITHIN))


def _boosted(shape: dict[str, Any], x: np.ndarray, y: np.ndarray, z: np.ndarray, rounds: int) -> np.ndarray:
    """Mean of boosters of several seeds."""
    matrix, asked = xgboost.DMatrix(x, label=y), xgboost.DMatrix(z)
    each = [xgboost.train(BOOSTING | shape | {"seed": seed}, matrix, rounds).predict(asked) for seed in range(SEEDS)]
    return np.mean(each, axis=0)


def _rows(cells: Sequence[_Cell], train: Sequence[_Cell], names: list[str], sets: list[str]) -> tuple[Any, Any]:
    """Feature rows of each cell at each number of cycles, and the mean log life of its siblings."""
    rows, bases = [], []
    for one in cells:
        base, count = _siblings(one, train)
        for cycles in CYCLES:
            rows.append([*_features(one, cycles, names, sets), base, float(count)])
            bases.append(base)
    return np.array(rows, dtype=float), np.array(bases)


def _siblings(one: _Cell, train: Sequence[_Cell]) -> tuple[float, int]:
    """Mean log life of the other training cells of the group, shrunk to that of the set; their number."""
    same_set = [other for other in train if other.cell.dataset == one.cell.dataset and other is not one]
    logs = np.log([other.life for other in same_set]) if same_set else np.log([other.life for other in train])
    group = [np.log(other.life) for other in same_set if other.cell.group == one.cell.group]
    return float((sum(group) + SHRINK * logs.mean()) / (len(group) + SHRINK)), len(group)


def _features(one: _Cell, cycles: int, names: list[str], sets: list[str]) -> list[float]:
    """What is known after a number of cycles."""
    cell = one.cell
    seen = cell.cycle_number <= cycles
    seen[0] = True
    x, health = cell.cycle_number[seen], one.health[seen]

    def slope(values: np.ndarray, last: int) -> float:
        return float(np.polyfit(x[-last:], values[-last:], 1)[0] * 1e4) if len(x) > 4 else np.nan

    def number(name: str) -> float:
        value = cell.facts.get(name)
        return float(value) if isinstance(value, (int, float)) else np.nan

    chemistry = str(cell.facts.get("chemistry"))
    result = [float(names.index(chemistry)) if chemistry in names else np.nan, float(sets.index(cell.dataset))]
    result += [number(name) for name in CONDITIONS]
    result += [float(cycles), health[0], health[-1], health.max(), health[-1] / health[0]]
    result += [slope(health, 1000), slope(health, 20), float(health.std())]
    for name in SIGNALS:
        values = cell.signals.get(name)
        if values is None or not np.isfinite(values[0]) or values[0] == 0:
            result += [np.nan] * 3
        else:
            result += [values[seen][-1] / values[0], values[0], slope(values[seen] / values[0], 1000)]
    return result
