"""The pool: how lives of many kinds of cells went on from a fade that looked like this one.

Boosted trees (XGBoost; Chen & Guestrin 2016, KDD) predict z = ln(life / age) from the features of the own fade, trained
on cells of all public sets with every set weighing the same, so strongly regularised that they hold between kinds.
Their mean is mixed with the cell's own power law and pulled towards a near end where it looks far:

    z = m / (1 + k m),   m = (1 - a) pool + a own

a and k are those that serve sets best that the trees have not seen (leave one data set out): what a set has taught does
not hold for the next one by itself, and the longer the life foreseen, the less.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from model.life.relative import features
from model.life.relative.curve import Curve
from model.life.relative.features import FEATURES, RISING
from model.life.relative.objective import loss, objective

THRESHOLDS = (0.95, 0.925, 0.9, 0.875, 0.85, 0.825, 0.8, 0.775, 0.75, 0.7)
"""Ends of life that the trees learn, in shares of the cell's own first capacity."""

FIRST_PLACE, FIRST_PLACE_SPARSE = 8, 3
SHORTEST_LIFE = 20.0
"""Cycles; a life of fewer between dense records is scatter."""

PLACES = 24
ROWS_OF_A_SET = 4000
LONGEST_OWN = 3.0

PARAMETERS: dict[str, Any] = {
    "max_depth": 3,
    "eta": 0.07,
    "subsample": 0.5,
    "lambda": 50.0,
    "min_child_weight": 30.0,
    "tree_method": "hist",
    "nthread": 1,
}
BOOSTERS: tuple[dict[str, Any], ...] = (
    {"colsample_bytree": 0.5, "rounds": 80, "seed": 4},
    {"colsample_bytree": 0.25, "rounds": 80, "seed": 7},
    {"colsample_bytree": 0.5, "rounds": 50, "seed": 8},
)
START = 0.8
"""z that the trees start from."""

OWN_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
PULLS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class PoolCell:
    """A cell of a public set; cells of one `group` are of one kind under one protocol."""

    dataset: str
    group: str
    curve: Curve
    threshold: float
    """End of life that the set's cells are judged at, share of the first capacity."""
    kind: str = ""
    """Cells of one make, under whatever protocol."""


@dataclass(frozen=True)
class Rows:
    """n rows of training: features, z, and which set, cell and threshold each is of."""

    values: np.ndarray
    z: np.ndarray
    dataset: np.ndarray
    cell: np.ndarray
    threshold: np.ndarray

    @property
    def own(self) -> np.ndarray:
        """z by the own power law."""
        return self.values[:, features.POWER_LAW]

    def where(self, wanted: np.ndarray) -> Rows:
        return Rows(*(part[wanted] for part in vars(self).values()))

    @property
    def weights(self) -> np.ndarray:
        """Every set the same, within it every cell, within it every threshold."""
        table = pd.DataFrame({"dataset": self.dataset, "cell": self.cell, "threshold": self.threshold})
        by_set, by_cell, by_life = (table.groupby(["dataset", "cell", "threshold"][: n + 1]) for n in range(3))
        cells, thresholds = by_set["cell"].transform("nunique"), by_cell["threshold"].transform("nunique")
        weight = 1.0 / (cells * thresholds * by_life["cell"].transform("size")).to_numpy(float)
        return weight / weight.mean()


def first_place(curve: Curve) -> int:
    """Place from which a life is told."""
    return FIRST_PLACE_SPARSE if curve.sparse else FIRST_PLACE


def lives(curve: Curve) -> dict[float, int]:
    """Place of the end of life at each threshold that the cell reached and that its records are long enough for."""
    ends = {threshold: curve.end(threshold) for threshold in THRESHOLDS}
    first = first_place(curve)
    return {
        threshold: end
        for threshold, end in ends.items()
        if end is not None and end >= first + 3 and (curve.sparse or curve.age[end] >= SHORTEST_LIFE)
    }


def rows_of(cells: Sequence[PoolCell]) -> Rows:
    """Training rows: `PLACES` places of each cell, for each end of life that lies behind the place."""
    values, z, dataset, names, thresholds = [], [], [], [], []
    for cell in cells:
        curve, ends = cell.curve, lives(cell.curve)
        if not ends:
            continue
        first, last = first_place(curve), max(ends.values()) - 1
        for place in np.unique(np.round(np.linspace(first, last, PLACES)).astype(int)):
            at = features.own(curve, int(place))
            for threshold, end in ends.items():
                if place < end:
                    values.append(features.row(at, threshold))
                    z.append(np.log(curve.age[end] / at.age))
                    dataset.append(cell.dataset)
                    names.append(curve.cell)
                    thresholds.append(threshold)
    sets, cell_names = np.array(dataset, dtype=str), np.array(names, dtype=str)
    return Rows(np.array(values), np.array(z), sets, cell_names, np.array(thresholds))


def thinned(rows: Rows) -> Rows:
    """At most `ROWS_OF_A_SET` rows of each set, drawn at random (always the same)."""
    kept = []
    for name in np.unique(rows.dataset):
        places = np.flatnonzero(rows.dataset == name)
        if len(places) > ROWS_OF_A_SET:
            places = np.sort(np.random.default_rng(0).choice(places, ROWS_OF_A_SET, replace=False))
        kept.append(places)
    return rows.where(np.concatenate(kept))


def train(rows: Rows) -> list[xgboost.Booster]:
    """The boosters on thinned rows."""
    weight = rows.weights
    signs = ",".join(str(int(name in RISING)) for name in FEATURES)
    result = []
    for own in BOOSTERS:
        matrix = xgboost.DMatrix(rows.values, label=rows.z, base_margin=np.full(len(rows.z), START), nthread=1)
        chosen = {name: value for name, value in own.items() if name != "rounds"}
        parameters = PARAMETERS | chosen | {"monotone_constraints": f"({signs})"}
        result.append(xgboost.train(parameters, matrix, own["rounds"], obj=objective(weight)))
    return result


def said(boosters: Sequence[xgboost.Booster], values: np.ndarray) -> np.ndarray:
    """Mean z of the boosters for n rows."""
    matrix = xgboost.DMatrix(values, base_margin=np.full(len(values), START), nthread=1)
    return np.mean([booster.predict(matrix, output_margin=True) for booster in boosters], axis=0).astype(float)


def mixed(pool: np.ndarray, own: np.ndarray, own_share: float, pull: float) -> np.ndarray:
    """z of pool and own power law together."""
    mean = (1.0 - own_share) * np.maximum(pool, 0.0) + own_share * np.minimum(own, LONGEST_OWN)
    return mean / (1.0 + pull * mean)


def calibrate(pool: np.ndarray, rows: Rows) -> tuple[float, float]:
    """Share of the own law and pull that give the smallest error on rows that the boosters have not seen."""
    weight = rows.weights
    choices = list(itertools.product(OWN_SHARES, PULLS))
    errors = [float(np.mean(weight * loss(mixed(pool, rows.own, *choice), rows.z))) for choice in choices]
    return choices[int(np.argmin(errors))]


@dataclass(frozen=True)
class Pool:
    """Trained on rows of some sets; `own_share` and `pull` as in the text above."""

    boosters: tuple[xgboost.Booster, ...]
    own_share: float
    pull: float

    def z(self, values: np.ndarray, own: np.ndarray) -> np.ndarray:
        """ln(life / age) of n feature rows with what their own power laws say."""
        return self.mixed(said(self.boosters, values), own)

    def mixed(self, pool: np.ndarray, own: np.ndarray) -> np.ndarray:
        """The same from what the boosters say."""
        return mixed(pool, own, self.own_share, self.pull)

    def effects(self, values: np.ndarray) -> dict[str, float]:
        """Effect of each feature on z of one row (SHAP values, without own law and pull)."""
        matrix = xgboost.DMatrix(values[None, :], base_margin=np.full(1, START), nthread=1)
        each = [booster.predict(matrix, pred_contribs=True)[0, :-1] for booster in self.boosters]
        return dict(zip(FEATURES, (float(value) for value in np.mean(each, axis=0)), strict=True))
