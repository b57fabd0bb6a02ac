"""The tables of cells of any kind, for a terminal, a page and the model's card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.evaluation.early_life import PUBLISHED, EarlyLife
from model.evaluation.kinds import NUMBERS, KindsEvaluation, SetFigures
from model.evaluation.present_capacity import FIGURES, PresentCapacity

TARGETS: dict[tuple[str, int, str], tuple[float, float]] = {
    ("unseen", 0, "error"): (-np.inf, 0.27),
    ("unseen", 0, "error_worst"): (-np.inf, 0.60),
    ("siblings", 1, "error"): (-np.inf, 0.15),
    ("siblings", 2, "error"): (-np.inf, 0.120),
    ("siblings", 4, "error"): (-np.inf, 0.098),
    ("siblings", 8, "error"): (-np.inf, 0.078),
    ("known", 0, "error"): (-np.inf, 0.125),
    ("siblings", 1, "alpha_lambda"): (0.57, np.inf),
    ("siblings", 4, "alpha_lambda"): (0.70, np.inf),
    ("unseen", 0, "coverage"): (0.88, 0.95),
    ("siblings", 1, "coverage"): (0.88, 0.95),
    ("siblings", 4, "coverage"): (0.88, 0.95),
    ("unseen", 0, "coverage_worst"): (0.80, np.inf),
    ("siblings", 1, "coverage_worst"): (0.80, np.inf),
    ("siblings", 4, "coverage_worst"): (0.80, np.inf),
    ("unseen", 0, "width"): (-np.inf, 1.5),
    ("siblings", 1, "width"): (-np.inf, 1.0),
    ("siblings", 4, "width"): (-np.inf, 0.45),
}
"""Case, number of siblings and figure -> lowest and highest value aimed at, for the mean over the sets."""

NAMES = {
    "error": "error, lives",
    "error_worst": "error of the worst set, lives",
    "alpha_lambda": "alpha-lambda (0.2)",
    "coverage": "90 % interval: mean coverage",
    "coverage_worst": "90 % interval: worst set",
    "width": "90 % interval: width, lives",
}

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, column heads, rows."""


def tables(
    kinds: KindsEvaluation, early: EarlyLife | None = None, present: PresentCapacity | None = None
) -> list[Table]:
    """Target beside figure, errors by set beside the baselines, intervals by set; present capacity, BatteryLife's
    task."""
    result = [_targets(kinds), _errors(kinds), _intervals(kinds)]
    result += [] if present is None else [_present(present)]
    return result if early is None else [*result, _early(early)]


def _targets(kinds: KindsEvaluation) -> Table:
    rows = []
    for (case, number, figure), (low, high) in TARGETS.items():
        mean = kinds.over_sets(case, number)
        if figure not in mean:
            continue
        target = f"<= {high:g}" if np.isinf(low) else f">= {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
        met = "yes" if low <= round(mean[figure], 3) <= high else "no"
        rows.append([_called(case, number), NAMES[figure], target, f"{mean[figure]:.3f}", f"{mean['sets']:.0f}", met])
    heads = ["known beside the cell itself", "figure", "target", "reached", "sets", "met"]
    return "Cells of any kind: mean over the sets", heads, rows


def _called(case: str, number: int) -> str:
    if case == "siblings":
        return f"{number} failed sibling{'s' if number > 1 else ''}"
    return "nothing of its set" if case == "unseen" else "all failed of its group or kind"


def _errors(kinds: KindsEvaluation) -> Table:
    baselines = ["last 30 records", "plain XGBoost", *(f"mean life of {n}" for n in NUMBERS)]
    rows = []
    for name, one in kinds.sets.items():
        cells = " / ".join([str(one.cells["unseen"]), *(str(one.cells.get(str(n), 0)) for n in NUMBERS)])
        told = [one.unseen, *(one.siblings.get(n) for n in NUMBERS), one.known]
        rows.append([name, *(_number(figures) for figures in told), *_baselines(one, baselines), cells])
    mean = [kinds.over_sets("unseen"), *(kinds.over_sets("siblings", n) for n in NUMBERS), kinds.over_sets("known")]
    each = [
        [one.baselines[name]["error"] for one in kinds.sets.values() if name in one.baselines] for name in baselines
    ]
    rows.append(
        [
            "mean",
            *(_number(figures) for figures in mean),
            *(f"{np.mean(part):.3f}" if part else "-" for part in each),
            "",
        ]
    )
    heads = ["set", "unseen", *(f"n = {n}" for n in NUMBERS), "known", *baselines, "cells asked: unseen / n"]
    return "Cells of any kind: error in lives, each set by what the others taught; baselines beside", heads, rows


def _baselines(one: SetFigures, names: Sequence[str]) -> list[str]:
    return [_number(one.baselines.get(name)) for name in names]


def _number(figures: dict[str, float] | None) -> str:
    return f"{figures['error']:.3f}" if figures else "-"


def _intervals(kinds: KindsEvaluation) -> Table:
    def shown(figures: dict[str, float] | None) -> str:
        return f"{figures['coverage']:.2f} / {figures['width']:.2f}" if figures else "-"

    rows = [
        [name, *(shown(figures) for figures in (one.unseen, *(one.siblings.get(n) for n in NUMBERS), one.known))]
        for name, one in kinds.sets.items()
    ]
    heads = ["set", "unseen", *(f"n = {n}" for n in NUMBERS), "known"]
    return "Cells of any kind: coverage / width (lives) of the 90 % interval", heads, rows


def _present(present: PresentCapacity) -> Table:
    rows = [
        [name, *(f"{one[figure]:.3f}" for figure in FIGURES), f"{one['cells']:.0f}" if "cells" in one else ""]
        for name, one in [*present.sets.items(), ("mean", present.mean)]
    ]
    heads = ["set", "mean error, %", "persistence, %", "coverage of 90 %", "width, %", "cells"]
    return "Capacity of the present cycle, in % of the rated one", heads, rows


def _early(early: EarlyLife) -> Table:
    rows = [[name, f"{mape:.3f}", f"{share:.3f}"] for name, (mape, share) in early.figures.items()]
    rows += [[f"  of these in {name}", f"{mape:.3f}", f"{share:.3f}"] for name, (mape, share) in early.by_set.items()]
    rows += [
        [f"published: {name} (163 cells)", f"{mape:.3f}", f"{share:.3f}"] for name, (mape, share) in PUBLISHED.items()
    ]
    title = f"BatteryLife's split: life from the first 1 to 100 cycles, {early.test_cells} test cells at hand"
    return title, ["predictor", "MAPE", "within 15 %"], rows
