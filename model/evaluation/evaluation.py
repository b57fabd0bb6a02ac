"""Honest figures of the predictors: leave one cell out, with every choice made inside the training cells.

Protocol for RUL: cells `REFERENCE_CELLS`; each is predicted by a model that learned from the three others (and the
fade-rate exponent from all cells but these four) at every cycle from 10 to one before the end of life, from data up to
that cycle. A cell that never gets below the threshold is in error only by the cycles that its predicted end of life
lies before the end of its record; it counts in `mae4` only. Metrics after Saxena et al. (2010), "Metrics for offline
evaluation of prognostic performance", Int. J. Prognostics and Health Management 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from model.capacity import CapacityModel
from model.errors import NotEnoughHistory
from model.life.boosting import features
from model.life.fade import FadeRecord
from model.life.gaussian_process import FIRST_CYCLE
from model.life.intervals import LEVELS
from model.life.remaining_life import BoosterCache, RemainingLife
from model.records.cycle import History, NOMINAL_CAPACITY_Ah
from model.records.data import REFERENCE_CELLS

END_OF_LIFE_Ah = 1.4
"""README of cells 5, 6, 7, 18: end of life at 30 % fade, from 2 Ah to 1.4 Ah."""

UNTUNED_THRESHOLDS_Ah = (1.45, 1.50, 1.55)
ALPHA = 0.2
CONFIDENCE_LEVEL = 0.9

Progress = Callable[[str], None]


# ---------------------------------------------------------------- RUL


@dataclass(frozen=True)
class Life:
    """One cell under test for one threshold: n cycles and the true RUL at them (None: the cell never gets there)."""

    record: FadeRecord
    threshold_Ah: float
    cycles: np.ndarray
    true: np.ndarray | None

    @classmethod
    def of(cls, record: FadeRecord, threshold_Ah: float) -> Life:
        end = record.crossing(threshold_Ah)
        cycles = np.arange(FIRST_CYCLE, len(record) + 1 if end is None else end)
        return cls(record, threshold_Ah, cycles, None if end is None else float(end) - cycles)

    def absolute_error(self, predicted: np.ndarray) -> np.ndarray:
        """Error of n predicted RUL (at least 1) in cycles; one-sided if the cell never gets there."""
        predicted = np.maximum(predicted, 1.0)
        if self.true is None:
            return np.maximum(len(self.record) + 1 - (self.cycles + predicted), 0.0)
        return np.abs(predicted - self.true)

    def covered(self, low: np.ndarray, high: np.ndarray) -> float:
        """Share of cycles whose true RUL lies in the interval; for a cell that never gets there: reaches its record."""
        if self.true is None:
            return float(np.mean(self.cycles + high >= len(self.record) + 1))
        return float(np.mean((low <= self.true) & (self.true <= high)))


@dataclass(frozen=True)
class RulScore:
    """Macro figures over cells. `mae`, `rmse`, `mse`, `alpha_lambda`, `cra`: cells that reach the threshold.

    mae4 adds the others; per_cell: mean absolute error in cycles; alpha_lambda: share of predictions within 20 % of
    the true RUL; cra: mean of max(0, 1 - |error| / RUL).
    """

    mae: float
    mae4: float
    rmse: float
    mse: float
    alpha_lambda: float
    cra: float
    per_cell: dict[str, float]

    @classmethod
    def of(cls, lives: Mapping[str, Life], predicted: Mapping[str, np.ndarray]) -> RulScore:
        errors = {cell: life.absolute_error(predicted[cell]) for cell, life in lives.items()}
        reached = {cell: life.true for cell, life in lives.items() if life.true is not None}
        share = {cell: errors[cell] / true for cell, true in reached.items()}
        mse = float(np.mean([np.mean(errors[cell] ** 2) for cell in reached]))
        per_cell = {cell: float(error.mean()) for cell, error in errors.items()}
        return cls(
            mae=float(np.mean([per_cell[cell] for cell in reached])),
            mae4=float(np.mean(list(per_cell.values()))),
            rmse=float(np.sqrt(mse)),
            mse=mse,
            alpha_lambda=float(np.mean([np.mean(value <= ALPHA) for value in share.values()])),
            cra=float(np.mean([np.mean(np.maximum(1 - value, 0)) for value in share.values()])),
            per_cell=per_cell,
        )


def mean_life(train: Sequence[FadeRecord], life: Life) -> np.ndarray:
    """Baseline: mean life of the training cells minus the cycles so far."""
    ends = [end for record in train if (end := record.crossing(life.threshold_Ah)) is not None]
    return np.mean(ends) - life.cycles


def linear_fit(train: Sequence[FadeRecord], life: Life) -> np.ndarray:
    """Baseline: straight line through the last 30 capacities, from 1 to 300 cycles."""
    result = []
    for cycle in life.cycles:
        last = life.record.capacity_Ah[max(0, cycle - 30) : cycle]
        fade = -np.polyfit(np.arange(len(last)), last, 1)[0]
        result.append(np.clip((last[-1] - life.threshold_Ah) / max(fade, 1e-4), 1, 300))
    return np.array(result)


def plain_similarity(train: Sequence[FadeRecord], life: Life) -> np.ndarray:
    """Baseline: trajectory similarity over the last 20 capacities, Gaussian weight of width 0.01 Ah (Wang 2008)."""
    result = []
    for cycle in life.cycles:
        recent = life.record.capacity_Ah[max(0, cycle - 20) : cycle]
        logs, distances = [], []
        for record in train:
            end = record.crossing(life.threshold_Ah)
            if end is None:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(record.capacity_Ah[: end - 1], len(recent))
            distances.append(np.mean((windows - recent) ** 2, axis=1))
            logs.append(np.log(end - np.arange(len(recent), end)))
        distance = np.concatenate(distances)
        weight = np.exp(-(distance - distance.min()) / (2 * 0.01**2))
        result.append(np.exp(weight @ np.concatenate(logs) / weight.sum()))
    return np.array(result)


def plain_boosting(train: Sequence[FadeRecord], life: Life) -> np.ndarray:
    """Baseline: XGBoost straight on the RUL at this threshold: no law, no gap, no recent minimum among the features."""

    def rows_of(record: FadeRecord, cycles: np.ndarray) -> np.ndarray:
        return features(record, cycles - 1)[:, 1:]

    rows, lives = [], []
    for record in train:
        end = record.crossing(life.threshold_Ah)
        if end is not None:
            cycles = np.arange(FIRST_CYCLE, end)
            rows.append(rows_of(record, cycles))
            lives.append(float(end) - cycles)
    parameters = {"max_depth": 3, "eta": 0.05, "subsample": 0.7, "colsample_bytree": 0.7, "nthread": 1, "seed": 0}
    booster = xgboost.train(parameters, xgboost.DMatrix(np.concatenate(rows), label=np.concatenate(lives)), 300)
    return booster.predict(xgboost.DMatrix(rows_of(life.record, life.cycles))).astype(float)


BASELINES: dict[str, Callable[[Sequence[FadeRecord], Life], np.ndarray]] = {
    "mean life": mean_life,
    "linear fit of last 30": linear_fit,
    "trajectory similarity": plain_similarity,
    "plain XGBoost": plain_boosting,
}


@dataclass(frozen=True)
class RulEvaluation:
    """Nested figures by threshold (Ah), those of the baselines, the intervals, and what was predicted.

    `chosen`: by cell the form and the weight of each base that the inner leave-one-cell-out gave.
    `coverage`: (levels of `model.life.intervals.LEVELS`) mean over cells at 1.4 Ah. `intervals` by threshold.
    """

    nested: dict[float, RulScore]
    baselines: dict[float, dict[str, RulScore]]
    alone: dict[float, dict[str, RulScore]]
    intervals: dict[float, IntervalScore]
    coverage: list[float]
    chosen: dict[str, dict[str, tuple[str, float]]]
    lives: dict[str, Life]
    predicted: dict[str, np.ndarray]
    bounds: dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class IntervalScore:
    """Coverage of 90 % intervals: mean over cells, worst cell; mean width over cells (cycles or Ah)."""

    coverage_mean: float
    coverage_worst: float
    width: float

    @classmethod
    def of(cls, coverage: Sequence[float], width: Sequence[float]) -> IntervalScore:
        return cls(float(np.mean(coverage)), float(np.min(coverage)), float(np.mean(width)))


def evaluate_rul(histories: Mapping[str, History], progress: Progress) -> RulEvaluation:
    """RUL figures of the headline cells at 1.4 Ah and the thresholds that nothing was tuned to."""
    records = {cell: FadeRecord.of(histories[cell]) for cell in REFERENCE_CELLS}
    others = [history for cell, history in histories.items() if cell not in REFERENCE_CELLS]
    cache: BoosterCache = {}
    models = {}
    for cell in REFERENCE_CELLS:
        progress(f"RUL: model without {cell}")
        models[cell] = RemainingLife.fit([histories[c] for c in REFERENCE_CELLS if c != cell], others, cache=cache)
    nested, baselines, alone, intervals = {}, {}, {}, {}
    for threshold in (END_OF_LIFE_Ah, *UNTUNED_THRESHOLDS_Ah):
        progress(f"RUL: baselines at {threshold:.2f} Ah")
        lives = {cell: Life.of(record, threshold) for cell, record in records.items()}
        predicted = {
            cell: models[cell].predict_grid(histories[cell], life.cycles, [threshold])[:, 0]
            for cell, life in lives.items()
        }
        bounds = {cell: models[cell].interval(rul, CONFIDENCE_LEVEL) for cell, rul in predicted.items()}
        nested[threshold] = RulScore.of(lives, predicted)
        intervals[threshold] = IntervalScore.of(
            [life.covered(*bounds[cell]) for cell, life in lives.items()],
            [float(np.mean(high - low)) for low, high in bounds.values()],
        )
        trains = {cell: [records[c] for c in REFERENCE_CELLS if c != cell] for cell in REFERENCE_CELLS}
        baselines[threshold] = {
            name: RulScore.of(lives, {cell: predict(trains[cell], life) for cell, life in lives.items()})
            for name, predict in BASELINES.items()
        }
        alone[threshold] = {
            name: RulScore.of(
                lives,
                {
                    cell: np.exp(
                        models[cell].bases[name].log_life(life.record, life.cycles - 1, np.array([threshold]))[:, 0]
                    )
                    for cell, life in lives.items()
                },
            )
            for name in models[REFERENCE_CELLS[0]].bases
        }
        if threshold == END_OF_LIFE_Ah:
            shown = lives, predicted, bounds
    lives, predicted, bounds = shown
    coverage = [
        float(np.mean([life.covered(*models[cell].interval(predicted[cell], level)) for cell, life in lives.items()]))
        for level in LEVELS
    ]
    chosen = {
        cell: {name: (form[1], model.weights[name]) for name, form in model.forms.items()}
        for cell, model in models.items()
    }
    return RulEvaluation(nested, baselines, alone, intervals, coverage, chosen, lives, predicted, bounds)


# ---------------------------------------------------------------- capacity


@dataclass(frozen=True)
class CapacityScore:
    """Figures of one cell from its second cycle on; `coverage` and `width` (Ah) of the 90 % interval."""

    rmse_Ah: float
    mae_percent: float
    coverage: float
    width: float

    @classmethod
    def of(cls, true: np.ndarray, predicted: np.ndarray, low: np.ndarray, high: np.ndarray) -> CapacityScore:
        """`mae_percent`: of the nominal 2 Ah."""
        error = predicted - true
        return cls(
            rmse_Ah=float(np.sqrt(np.mean(error**2))),
            mae_percent=float(np.mean(np.abs(error)) / NOMINAL_CAPACITY_Ah * 100),
            coverage=float(np.mean((low <= true) & (true <= high))),
            width=float(np.mean(high - low)),
        )


@dataclass(frozen=True)
class CapacityEvaluation:
    """Capacity of cycle k >= 2 without data of discharge k: four cells among themselves, and all cells.

    `four_rmse_Ah` is over all rows of the four cells, `all_mae_percent` the mean over cells; `baselines` by name:
    (four_rmse_Ah, all_mae_percent). `predicted`: cell -> (true, predicted, low, high) of the four cells.
    """

    four_rmse_Ah: float
    all_mae_percent: float
    baselines: dict[str, tuple[float, float]]
    four: dict[str, CapacityScore]
    all: dict[str, CapacityScore]
    coverage: list[float]
    predicted: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]

    def intervals(self, scores: Mapping[str, CapacityScore]) -> IntervalScore:
        """Interval figures over the cells of `four` or `all`."""
        return IntervalScore.of([s.coverage for s in scores.values()], [s.width for s in scores.values()])


def evaluate_capacity(histories: Mapping[str, History], progress: Progress) -> CapacityEvaluation:
    """Leave-one-cell-out figures of the capacity model on the four headline cells and on all cells."""
    four, predicted = {}, {}
    covered: list[list[float]] = []
    for cell in REFERENCE_CELLS:
        progress(f"capacity of four cells: model without {cell}")
        model = CapacityModel.fit([histories[c] for c in REFERENCE_CELLS if c != cell])
        four[cell], predicted[cell] = _capacity_of(model, histories[cell])
        true = predicted[cell][0]
        tables = [model.predict(histories[cell], level) for level in LEVELS]
        covered.append([float(np.mean((t["lower_Ah"] <= true) & (true <= t["upper_Ah"]))) for t in tables])
    everything = {}
    for number, cell in enumerate(histories, start=1):
        progress(f"capacity of all cells: model without {cell} ({number}/{len(histories)})")
        model = CapacityModel.fit([history for c, history in histories.items() if c != cell])
        everything[cell], _ = _capacity_of(model, histories[cell])
    baselines = {
        name: (
            _four_rmse(_each(predict, {cell: histories[cell] for cell in REFERENCE_CELLS})),
            _all_mae_percent(_each(predict, histories)),
        )
        for name, predict in {"persistence": persistence, "charge Ah only, linear": charge_only}.items()
    }
    return CapacityEvaluation(
        four_rmse_Ah=_four_rmse({cell: (true, said) for cell, (true, said, _, _) in predicted.items()}),
        all_mae_percent=float(np.mean([score.mae_percent for score in everything.values()])),
        baselines=baselines,
        four=four,
        all=everything,
        coverage=[float(value) for value in np.mean(covered, axis=0)],
        predicted=predicted,
    )


def _capacity_of(
    model: CapacityModel, history: History
) -> tuple[CapacityScore, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Figures of one cell, and its true, predicted, low and high capacity from the second cycle on."""
    said = model.predict(history, CONFIDENCE_LEVEL)
    true = history.cycles["capacity_Ah"].to_numpy()[1:]
    parts = true, said["capacity_Ah"].to_numpy(), said["lower_Ah"].to_numpy(), said["upper_Ah"].to_numpy()
    return CapacityScore.of(*parts), parts


def persistence(train: Sequence[History], history: History) -> np.ndarray:
    """Baseline: the capacity of the cycle before, from the second cycle on."""
    return history.cycles["capacity_Ah"].to_numpy()[:-1]


def charge_only(train: Sequence[History], history: History) -> np.ndarray:
    """Baseline: straight line in the charge put in before, from the second cycle on; mean capacity where missing."""
    charge = np.concatenate([h.cycles["charge_Ah"].to_numpy(float)[1:] for h in train])
    capacity = np.concatenate([h.cycles["capacity_Ah"].to_numpy()[1:] for h in train])
    known = np.isfinite(charge)
    slope, offset = np.polyfit(charge[known], capacity[known], 1)
    own = history.cycles["charge_Ah"].to_numpy(float)[1:]
    return np.where(np.isfinite(own), slope * own + offset, capacity.mean())


def _each(
    predict: Callable[[Sequence[History], History], np.ndarray], histories: Mapping[str, History]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """True and predicted capacity of every cell by a baseline that learned from the others."""
    return {
        cell: (
            history.cycles["capacity_Ah"].to_numpy()[1:],
            predict([other for c, other in histories.items() if c != cell], history),
        )
        for cell, history in histories.items()
    }


def _four_rmse(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.sqrt(np.mean(np.concatenate([(said - true) ** 2 for true, said in pairs.values()]))))


def _all_mae_percent(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([np.mean(np.abs(said - true)) for true, said in pairs.values()]) / NOMINAL_CAPACITY_Ah * 100)


# ---------------------------------------------------------------- cells of the user


@dataclass(frozen=True)
class CellEvaluation:
    """Capacity figures of one cell that no model has seen, beside persistence (rmse_Ah, mae_percent)."""

    capacity: CapacityScore
    persistence: tuple[float, float]
    cycles: int


def evaluate_cells(
    given: Mapping[str, History], training: Mapping[str, History], progress: Progress
) -> dict[str, CellEvaluation]:
    """Figures of given cells by models trained on all training cells but the cell itself.

    Raises `NotEnoughHistory` for a cell with fewer than two valid cycles.
    """
    unseen = [history for cell, history in training.items() if cell not in given]
    shared: CapacityModel | None = None
    result = {}
    for cell, history in given.items():
        if len(history.cycles) < 2:
            raise NotEnoughHistory(f"{cell} has {len(history.cycles)} valid cycles; at least two are needed")
        progress(f"{cell}: {len(history.cycles)} valid cycles")
        if shared is None:
            shared = CapacityModel.fit(unseen)
        score, (true, *_) = _capacity_of(shared, history)
        error = persistence([], history) - true
        percent = float(np.mean(np.abs(error)) / NOMINAL_CAPACITY_Ah * 100)
        result[cell] = CellEvaluation(score, (float(np.sqrt(np.mean(error**2))), percent), len(history.cycles))
    return result


# ---------------------------------------------------------------- the whole


@dataclass(frozen=True)
class Evaluation:
    """Everything that `scripts/evaluate.py` reports of the project's own cells."""

    rul: RulEvaluation
    capacity: CapacityEvaluation

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON-able values, see the keys in `scripts/evaluate.py --help`."""
        return {
            "rul": {
                "nested": vars(self.rul.nested[END_OF_LIFE_Ah]),
                "untuned": {f"{t:.2f}": vars(self.rul.nested[t]) for t in UNTUNED_THRESHOLDS_Ah},
                "baselines": {name: vars(score) for name, score in self.rul.baselines[END_OF_LIFE_Ah].items()},
            },
            "capacity": {
                "four_cells_rmse_Ah": self.capacity.four_rmse_Ah,
                "all_cells_mae_percent": self.capacity.all_mae_percent,
                "baselines": {
                    name: {"four_cells_rmse_Ah": rmse, "all_cells_mae_percent": percent}
                    for name, (rmse, percent) in self.capacity.baselines.items()
                },
            },
            "intervals": {
                "rul": vars(self.rul.intervals[END_OF_LIFE_Ah]),
                "capacity": vars(self.capacity.intervals(self.capacity.four)),
                "untuned": {f"{t:.2f}": vars(self.rul.intervals[t]) for t in UNTUNED_THRESHOLDS_Ah},
            },
        }


def evaluate(histories: Mapping[str, History], progress: Progress = lambda message: None) -> Evaluation:
    """All figures from the histories of all cells, which must hold the four headline cells. About half a minute."""
    missing = [cell for cell in REFERENCE_CELLS if cell not in histories]
    if missing:
        raise NotEnoughHistory(f"the evaluation needs the cells {', '.join(missing)}")
    return Evaluation(evaluate_rul(histories, progress), evaluate_capacity(histories, progress))


def cells_to_json(cells: Mapping[str, CellEvaluation]) -> dict[str, Any]:
    """Figures of given cells as JSON-able values."""
    return {
        "cells": {
            cell: {
                "capacity": {"rmse_Ah": one.capacity.rmse_Ah, "mae_percent": one.capacity.mae_percent},
                "intervals": {"coverage": one.capacity.coverage, "width": one.capacity.width},
                "persistence": {"rmse_Ah": one.persistence[0], "mae_percent": one.persistence[1]},
                "cycles": one.cycles,
            }
            for cell, one in cells.items()
        }
    }
