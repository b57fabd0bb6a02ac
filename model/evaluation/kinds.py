"""Honest figures for cells of any kind: each set is told by a blend that has learned nothing from it.

A cell is asked at 10, 20 ... 90 % of its life, from what was measured up to then. Its life ends at the first level
(running median) below `PublicCell.end_of_life` of its own first capacity; cells that never get there are left out.
Errors are shares of the whole life: |predicted - true remaining life| / life. Figures are means over the cells of a
set, and the table's last line is the mean over the sets, so that none counts more for being large.

`unseen`    no cell of the set is known
`siblings`  n failed cells of its group (one kind under one protocol) are known, drawn at random twice for each cell
`known`     all failed cells of its group are known (at most 16), or those of its set with its chemistry and size
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from model.life.relative import pool as pooling
from model.life.relative.blend import Estimate, RelativeLife
from model.life.relative.curve import Curve
from model.life.relative.features import FEATURES
from model.life.relative.hindsight import recalibrated
from model.life.relative.objective import life_left, log_left
from model.life.relative.pool import PoolCell, Rows
from model.life.relative.siblings import MOST_SIBLINGS, Family, Places, Sibling
from model.records import public
from model.records.cycle import History
from model.records.public import PublicCell

LEAST_RECORDS = 12
"""A cell with fewer capacities is no life to learn from."""

NUMBERS = (1, 2, 4, 8)
DRAWS = 2
MOST_ASKED = 16
"""Cells of a group that are asked with drawn siblings."""

ALPHA = 0.2
CONFIDENCE_LEVEL = 0.9
FIGURES = ("error", "alpha_lambda", "coverage", "width")
"""Mean error in lives; share of predictions within 20 % of the true remaining life; coverage and width (in lives) of
the 90 % interval."""

LINE_RECORDS = 30
PLAIN_FEATURES = ("level", "log_rate_of_last_quarter", "log_mean_rate", "log_age", "gap")
PLAIN_PARAMETERS: dict[str, Any] = {
    "max_depth": 4, "eta": 0.05, "subsample": 0.6, "colsample_bytree": 0.6, "tree_method": "hist", "nthread": 1,
}  # fmt: skip
PLAIN_ROUNDS = 200

Progress = Callable[[str], None]


def pool_cells(nasa: Sequence[History], others: Sequence[PublicCell] | None = None) -> list[PoolCell]:
    """The cells of the project's tables (or `others`) and NASA's, as curves; those with hardly a record left out."""
    cells = [*(public.read() if others is None else others), *(public.of_nasa(history) for history in nasa)]
    result = []
    for cell in cells:
        if len(cell.capacity_Ah) >= LEAST_RECORDS:
            curve = Curve.of(cell.cell, cell.cycle_number, cell.capacity_Ah)
            result.append(PoolCell(cell.dataset, cell.group, curve, cell.end_of_life, kind_of(cell)))
    return result


def kind_of(cell: PublicCell) -> str:
    """Data set, chemistry and size."""
    return f"{cell.dataset} {cell.facts.get('chemistry', '')} {cell.rated_capacity_Ah:g}"


# ---------------------------------------------------------------- what is told of one cell


@dataclass(frozen=True)
class Asked:
    """A cell that is judged: its life as a sibling, and the numbers of cells of its group and kind in the set."""

    cell: PoolCell
    sibling: Sibling


def _asked(cells: Sequence[PoolCell], relative: RelativeLife) -> list[Asked]:
    """The cells of one set that reach their end of life and whose records are long enough to be asked."""
    result = []
    for cell in cells:
        if cell.threshold in pooling.lives(cell.curve):
            sibling = Sibling.of(cell.curve, cell.threshold, relative.pool)
            if sibling is not None:
                result.append(Asked(cell, sibling))
    return result


def _figures(estimate: Estimate, at: Places) -> dict[str, float]:
    left, true = life_left(estimate.z), np.expm1(at.z)
    low, high = estimate.bounds(CONFIDENCE_LEVEL)
    return {
        **_errors(left, at),
        "coverage": float(np.mean((low <= true) & (true <= high))),
        "width": float(np.mean((high - low) / np.exp(at.z))),
    }


def _errors(left: np.ndarray, at: Places) -> dict[str, float]:
    """Figures of remaining lives in present ages."""
    true = np.expm1(at.z)
    off = np.abs(left - true)
    return {"error": float(np.mean(off / np.exp(at.z))), "alpha_lambda": float(np.mean(off <= ALPHA * true))}


def line(asked: Asked) -> np.ndarray:
    """Baseline: straight line through the last levels down to the threshold, in present ages; at most 50."""
    curve = asked.cell.curve
    result = []
    for age in asked.sibling.places.age:
        place = int(np.searchsorted(curve.age, age))
        recent = slice(max(0, place + 1 - LINE_RECORDS), place + 1)
        rate = -np.polyfit(curve.age[recent], curve.level[recent], 1)[0] if place else 0.0
        gap = max(float(curve.level[place]) - asked.cell.threshold, 0.0)
        result.append(min(gap / max(float(rate), 1e-9) / age, 50.0))
    return np.array(result)


def plain_boosting(rows: Rows) -> xgboost.Booster:
    """Baseline: XGBoost on ln of the remaining life from level, rates, age and gap, squared error."""
    columns = [list(FEATURES).index(name) for name in PLAIN_FEATURES]
    label = log_left(rows.z) + rows.values[:, columns[3]]
    matrix = xgboost.DMatrix(rows.values[:, columns], label=label, weight=rows.weights, nthread=1)
    return xgboost.train(PLAIN_PARAMETERS, matrix, PLAIN_ROUNDS)


def _plain(booster: xgboost.Booster, asked: Asked) -> np.ndarray:
    columns = [list(FEATURES).index(name) for name in PLAIN_FEATURES]
    matrix = xgboost.DMatrix(asked.sibling.places.values[:, columns], nthread=1)
    return np.exp(booster.predict(matrix)) / asked.sibling.places.age


# ---------------------------------------------------------------- one set


@dataclass(frozen=True)
class SetFigures:
    """Figures of one set; `siblings` by their number, absent where no group is large enough. Baselines have errors
    only. `cells`: asked without siblings, and with n."""

    unseen: dict[str, float]
    siblings: dict[int, dict[str, float]]
    known: dict[str, float]
    baselines: dict[str, dict[str, float]]
    cells: dict[str, int] = field(default_factory=dict)


def evaluate_set(cells: Sequence[PoolCell], relative: RelativeLife, plain: xgboost.Booster) -> SetFigures | None:
    """Figures of the cells of one set by a blend and a baseline that have not seen it; None if no cell wears out."""
    asked = _asked(cells, relative)
    if not asked:
        return None
    unseen = []
    for one in asked:
        estimate = _recalibrated(relative.alone(one.sibling.places), one, relative)
        unseen.append(_figures(estimate, one.sibling.places))
    baselines = {
        "last 30 records": [_errors(line(one), one.sibling.places) for one in asked],
        "plain XGBoost": [_errors(_plain(plain, one), one.sibling.places) for one in asked],
    }
    told: dict[int, list[dict[str, float]]] = {}
    lives: dict[int, list[dict[str, float]]] = {}
    for members in _groups(asked, lambda one: one.cell.group):
        family = Family([one.sibling for one in members])
        chance = np.random.default_rng(0)
        for target in range(min(len(members), MOST_ASKED)):
            others = [other for other in range(len(members)) if other != target]
            places = family.places(target)
            for _ in range(DRAWS):
                order = chance.permutation(others).tolist()
                for n in (n for n in NUMBERS if n <= len(others)):
                    estimate = relative.among(family, target, order[:n])
                    beside = [members[other].sibling for other in order[:n]]
                    estimate = _recalibrated(estimate, members[target], relative, beside)
                    told.setdefault(n, []).append(_figures(estimate, places))
                    mean = np.mean([members[other].sibling.life for other in order[:n]])
                    left = np.maximum(mean - places.age, 0.0) / places.age
                    lives.setdefault(n, []).append(_errors(left, places))
    baselines |= {f"mean life of {n}": each for n, each in lives.items()}
    return SetFigures(
        _mean(unseen),
        {n: _mean(each) for n, each in sorted(told.items())},
        _mean(_known(asked, relative)),
        {name: _mean(each) for name, each in baselines.items()},
        {"unseen": len(asked), **{str(n): len(each) // DRAWS for n, each in sorted(told.items())}},
    )


def _known(asked: Sequence[Asked], relative: RelativeLife) -> list[dict[str, float]]:
    """Every cell with all failed cells of its group, or of its kind where it is alone in its group."""
    result = []
    for members in _groups(asked, lambda one: one.cell.kind):
        groups = [one.cell.group for one in members]
        for target, one in enumerate(members):
            others = [i for i in range(len(members)) if i != target and groups[i] == groups[target]]
            others = (others or [i for i in range(len(members)) if i != target])[:MOST_SIBLINGS]
            places = one.sibling.places
            beside = [members[i].sibling for i in others]
            if beside:
                estimate = relative.among(Family(beside, places), len(beside), list(range(len(beside))))
            else:
                estimate = relative.alone(places)
            result.append(_figures(_recalibrated(estimate, one, relative, beside), places))
    return result


def _recalibrated(
    estimate: Estimate, asked: Asked, relative: RelativeLife, siblings: Sequence[Sibling] = ()
) -> Estimate:
    """An estimate at the places at which a cell is asked, as the cell's own past forecasts let it be."""
    curve = asked.cell.curve
    places = curve.age.searchsorted(asked.sibling.places.age).tolist()
    return recalibrated(relative, estimate, curve, places, [sibling.curve for sibling in siblings])


def _groups(asked: Sequence[Asked], key: Callable[[Asked], str]) -> list[list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for one in asked:
        found.setdefault(key(one), []).append(one)
    return [members for members in found.values() if len(members) > 1 or key(members[0]) == members[0].cell.kind]


def _mean(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}


# ---------------------------------------------------------------- all sets


@dataclass(frozen=True)
class KindsEvaluation:
    """Figures by data set."""

    sets: dict[str, SetFigures]

    def over_sets(self, case: str, number: int = 0) -> dict[str, float]:
        """Mean over the sets of the figures of a case (`unseen`, `known`, `siblings` with their number), the worst of
        error and coverage, and the number of sets."""
        chosen = [one for each in self.sets.values() if (one := _case(each, case, number)) is not None]
        if not chosen:
            return {}
        mean = _mean(chosen)
        worst = {"error_worst": max(one["error"] for one in chosen), "sets": float(len(chosen))}
        if "coverage" in chosen[0]:
            worst["coverage_worst"] = min(one["coverage"] for one in chosen)
        return mean | worst

    def to_json(self) -> dict[str, Any]:
        """JSON-able: by set, and the means over them."""
        return {
            "sets": {
                name: {
                    "unseen": one.unseen,
                    "siblings": {str(n): figures for n, figures in one.siblings.items()},
                    "known": one.known,
                    "baselines": one.baselines,
                    "cells": one.cells,
                }
                for name, one in self.sets.items()
            },
            "mean": {
                "unseen": self.over_sets("unseen"),
                "siblings": {str(n): mean for n in NUMBERS if (mean := self.over_sets("siblings", n))},
                "known": self.over_sets("known"),
            },
        }


def _case(figures: SetFigures, case: str, number: int) -> dict[str, float] | None:
    if case == "siblings":
        return figures.siblings.get(number)
    return figures.unseen if case == "unseen" else figures.known


def evaluate_kinds(
    training: Sequence[PoolCell], judged: Sequence[PoolCell], progress: Progress = lambda message: None
) -> KindsEvaluation:
    """Figures of the judged cells, set by set, by blends trained on the training cells of the other sets."""
    fitted: dict[tuple[str, ...], tuple[RelativeLife, xgboost.Booster]] = {}
    result = {}
    names = sorted({cell.dataset for cell in judged})
    for number, name in enumerate(names, start=1):
        progress(f"any kind of cell: {name} by what the other sets taught ({number}/{len(names)})")
        learned = [cell for cell in training if cell.dataset != name]
        sets = tuple(sorted({cell.dataset for cell in learned}))
        if sets not in fitted:
            rows = pooling.thinned(pooling.rows_of(learned))
            fitted[sets] = RelativeLife.fit(learned), plain_boosting(rows)
        figures = evaluate_set([cell for cell in judged if cell.dataset == name], *fitted[sets])
        if figures is not None:
            result[name] = figures
    return KindsEvaluation(result)


def frame(evaluation: KindsEvaluation) -> pd.DataFrame:
    """Errors of all cases by set, for a glance."""
    rows = {}
    for name, one in evaluation.sets.items():
        rows[name] = {"unseen": one.unseen["error"], **{f"n={n}": f["error"] for n, f in one.siblings.items()}}
        rows[name]["known"] = one.known["error"]
    return pd.DataFrame(rows).T
