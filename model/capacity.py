"""Capacity of the present cycle from the charge before it and the capacities of earlier cycles.

Nothing measured during the discharge in question is used, only its settings (ambient temperature, load current).
Three gradient-boosted models (Chen & Guestrin (2016), "XGBoost", KDD) each predict the difference to a base value:

    steps   Q(k) - Q(k-1), learned from ordinary cycles (no jump above 0.15 Ah)
    jumps   Q(k) - Q(k-1), learned from all cycles, differences clipped to 0.25 Ah
    robust  Q(k) - median of the last three capacities under the same settings, pseudo-Huber loss, cells weigh the same

    Q = sum_i w_i Q_i,   w_i ~ 1 / e_i^2,   e_i: mean error of model i over the last 20 cycles of this very cell

so a cell with aborted tests leans on `robust`, a steady one on `steps` (adaptive forecast combination: Bates & Granger
(1969), Operational Research Quarterly 20:451). Interval: quantile of |error| / (own recent mean error), calibrated on
training cells that the models had not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from model.errors import NotEnoughHistory
from model.life.fade import trailing_median
from model.life.intervals import QuantileTable
from model.records.cycle import CAPACITY_LIMIT_Ah, History, remembered

CHARGE_COLUMNS = (
    "charge_Ah",
    "charge_since_previous_Ah",
    "cc_charge_Ah",
    "cv_charge_Ah",
    "cv_time_0A5_s",
    "cv_current_1000s_A",
    "charge_time_3V9_4V0_s",
    "charge_time_4V0_4V1_s",
)
ORDINARY_STEP_Ah = 0.15
LARGEST_STEP_Ah = 0.25
LARGEST_SCORED_ERROR_Ah = 0.5
"""One aborted test says no more about a model than this."""

ERROR_WINDOW = 20
DECIDING_CYCLES = 2 * ERROR_WINDOW + 2
"""Cycles that decide the last one's answer: its errors' window, that of the first in it, the last, the one before."""

PRIOR_CYCLES = 3
"""The mean error on training cells counts as this many cycles before a cell has cycles of its own."""

FOLDS = 3
TREES = 100
PARAMETERS = {
    "max_depth": 3,
    "eta": 0.15,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "lambda": 5.0,
    "tree_method": "hist",
    "nthread": 1,
    "seed": 0,
}
EXPERTS: dict[str, dict[str, Any]] = {
    "steps": {"min_child_weight": 3.0},
    "jumps": {"min_child_weight": 3.0},
    "robust": {"objective": "reg:pseudohubererror", "huber_slope": 0.03, "min_child_weight": 1e-3},
}


def _inputs(column: Mapping[str, np.ndarray], last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (n, features), previous capacity (n,) and robust base (n,) of the last n cycles, 0 for all; the first one
    of all has no previous one."""
    capacity = column["capacity_Ah"]
    before = [_shifted(capacity, lag) for lag in (1, 2, 3)]
    medians = [_shifted(trailing_median(capacity, length), 1) for length in (3, 5, 9)]
    recent_step = _shifted(trailing_median(np.abs(np.diff(capacity)), 10), 1)
    recent_step = np.concatenate(([np.nan], recent_step))
    ambient, current = column["ambient_temperature_degC"], column["discharge_current_A"]
    current = np.rint(np.where(np.isfinite(current), current, _shifted(current, 1)))
    same, base, since = _under_same_settings(capacity, np.rint(ambient / 10), current)
    base = np.where(np.isfinite(base), base, before[0])
    same = np.where(np.isfinite(same), same, before[0])
    charge, charge_all = column["charge_Ah"], column["charge_since_previous_Ah"]
    rest = np.log1p(np.clip(column["rest_before_h"], 0, 400))
    inputs = [
        *(before[0] - before[1], before[1] - before[2], before[0], *medians, recent_step),
        *(rest, ambient, current, ambient - _shifted(ambient, 1), current - _shifted(current, 1), since),
        *(charge_all / before[0], charge / before[0], charge / medians[1], charge - before[0], charge_all - before[0]),
        *(before[0] - base, before[1] - base, medians[1] - base, same - base, charge - base),
        *(column[name] - _shifted(column[name], 1) for name in CHARGE_COLUMNS),
    ]
    return np.array([values[-last:] for values in inputs]).T, before[0][-last:], base[-last:]


def _shifted(values: np.ndarray, lag: int) -> np.ndarray:
    """Values of `lag` places before, NaN at the start."""
    result = np.full(len(values), np.nan)
    result[lag:] = values[: len(values) - min(lag, len(values))]
    return result


def _under_same_settings(
    capacity: np.ndarray, ambient_class: np.ndarray, current_class: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Earlier cycles under the settings of each cycle: last capacity, median of the last three, cycles since then."""
    last, median, since = (np.full(len(capacity), np.nan) for _ in range(3))
    settings = np.nan_to_num(ambient_class) + 1j * np.nan_to_num(current_class)  # both in one number
    for one in np.unique(settings):
        places = np.flatnonzero(settings == one)
        before, later = places[:-1], places[1:]
        last[later], since[later] = capacity[before], later - before
        median[later] = trailing_median(capacity[places], 3)[:-1]
    return last, median, since


@dataclass(frozen=True)
class CapacityModel:
    """Capacity of a cycle with its interval.

    `fit` learns from complete histories; `predict` and `predict_cycle` need one cell's history up to the cycle.
    """

    boosters: dict[str, xgboost.Booster]
    prior_errors_Ah: dict[str, float]
    scores: QuantileTable

    @classmethod
    def fit(cls, histories: Sequence[History]) -> CapacityModel:
        """Learn from the given cells; the interval comes from `FOLDS` inner fits that each leave out some cells.

        Raises `NotEnoughHistory` with fewer than two cells.
        """
        cells = [_Cell.of(history) for history in histories if len(history.cycles) > 1]
        if len(cells) < 2:
            raise NotEnoughHistory("a capacity model needs at least two cells with two cycles each")
        unseen: dict[int, np.ndarray] = {}
        for fold in range(min(FOLDS, len(cells))):
            boosters = _train([cell for i, cell in enumerate(cells) if i % FOLDS != fold])
            unseen |= {i: _expert_capacities(boosters, cells[i]) for i in range(fold, len(cells), FOLDS)}
        each = [np.abs(unseen[i] - cell.capacity[1:, None]) for i, cell in enumerate(cells)]
        prior = np.mean([np.minimum(error, LARGEST_SCORED_ERROR_Ah).mean(axis=0) for error in each], axis=0)
        groups = []
        for i, cell in enumerate(cells):
            blended, scale = _blend(unseen[i], cell.capacity[1:], prior)
            groups.append(np.abs(blended - cell.capacity[1:]) / scale)
        priors = {name: float(value) for name, value in zip(EXPERTS, prior, strict=True)}
        return cls(_train(cells), priors, QuantileTable.of_groups(groups))

    def predict(self, history: History, confidence_level: float = 0.9) -> pd.DataFrame:
        """Capacity of every cycle from the second on, each only from what was known before its discharge.

        Index `cycle_number`; columns capacity_Ah, lower_Ah, upper_Ah. Empty for fewer than two cycles.
        """
        numbers = pd.Index(history.cycles["cycle_number"], name="cycle_number")[1:]
        columns = ["capacity_Ah", "lower_Ah", "upper_Ah"]
        told = np.zeros((0, len(columns)))
        if len(numbers):
            said = _expert_capacities(self.boosters, _Cell.of(history))
            told = self._predict(said, history.columns["capacity_Ah"][1:], confidence_level)
        return pd.DataFrame(told, columns=columns, index=numbers)

    def predict_cycle(
        self, history: History, at_cycle: int, confidence_level: float = 0.9
    ) -> tuple[float, float, float]:
        """Capacity of one cycle, lower and upper bound in Ah; its own `capacity_Ah` is not looked at and may be NaN.

        Raises `NotEnoughHistory` if the cycle is not there or has none before it.
        """
        known = history.until(at_cycle)
        if len(known.cycles) < 2 or known.columns["cycle_number"][-1] != at_cycle:
            raise NotEnoughHistory(f"{history.cell}: cycle {at_cycle} is not there or has no cycle before it")
        whole, end = known.whole, len(known.cycles) - 1
        if known is whole:  # its last cycle is asked for once
            said = _expert_capacities(self.boosters, _Cell.of(known, last=DECIDING_CYCLES))
        else:
            every = remembered(whole, "capacities", lambda: _expert_capacities(self.boosters, _Cell.of(whole)), by=self)
            said = every[max(0, end + 1 - DECIDING_CYCLES) : end]
        told = self._predict(said, known.columns["capacity_Ah"][-len(said) :], confidence_level)
        capacity, low, high = told[-1].tolist()
        return capacity, low, high

    def _predict(self, said: np.ndarray, true: np.ndarray, confidence_level: float) -> np.ndarray:
        """Capacity, lower and upper bound in Ah (n, 3) of cycles one after another, arguments as of `_blend`."""
        prior = np.array([self.prior_errors_Ah[name] for name in EXPERTS])
        capacity, scale = _blend(said, true, prior)
        half = self.scores.at(confidence_level) * scale
        bounds = np.clip(np.column_stack((capacity - half, capacity + half)), 0.0, CAPACITY_LIMIT_Ah)
        return np.column_stack((capacity, bounds))

    def to_state(self) -> dict[str, Any]:
        """JSON-able state, everything but the boosters."""
        return {"prior_errors_Ah": self.prior_errors_Ah, "scores": list(self.scores.values)}

    @classmethod
    def from_state(cls, state: dict[str, Any], boosters: dict[str, xgboost.Booster]) -> CapacityModel:
        """Inverse of `to_state` with the boosters of `boosters`."""
        return cls(boosters, state["prior_errors_Ah"], QuantileTable(tuple(state["scores"])))


@dataclass(frozen=True)
class _Cell:
    """Inputs and capacities of one cell, n cycles."""

    inputs: np.ndarray
    previous: np.ndarray
    base: np.ndarray
    capacity: np.ndarray

    @classmethod
    def of(cls, history: History, last: int = 0) -> _Cell:
        """Of the last cycles (0: of all), with all inputs that earlier ones gave them."""
        return cls(*_inputs(history.columns, last), history.columns["capacity_Ah"][-last:])


def _train(cells: Sequence[_Cell]) -> dict[str, xgboost.Booster]:
    """One booster per expert."""
    inputs = np.concatenate([cell.inputs[1:] for cell in cells])
    step = np.concatenate([cell.capacity[1:] - cell.previous[1:] for cell in cells])
    above_base = np.concatenate([cell.capacity[1:] - cell.base[1:] for cell in cells])
    equal = np.concatenate([np.full(len(cell.capacity) - 1, 1.0 / (len(cell.capacity) - 1)) for cell in cells])
    ordinary = np.abs(step) < ORDINARY_STEP_Ah
    rows = {
        "steps": (inputs[ordinary], step[ordinary], None),
        "jumps": (inputs, np.clip(step, -LARGEST_STEP_Ah, LARGEST_STEP_Ah), None),
        "robust": (inputs, above_base, equal / equal.mean()),
    }
    boosters = {}
    for name, (x, y, weight) in rows.items():
        matrix = xgboost.DMatrix(x, label=y, weight=weight, base_margin=np.zeros(len(y)), nthread=1)
        boosters[name] = xgboost.train(PARAMETERS | EXPERTS[name], matrix, TREES)
    return boosters


def _expert_capacities(boosters: dict[str, xgboost.Booster], cell: _Cell) -> np.ndarray:
    """What each expert says of each cycle from the second on, (n-1, experts), Ah."""
    rows = cell.inputs[1:]
    matrix = xgboost.DMatrix(rows, base_margin=np.zeros(len(rows)), nthread=1)
    above = np.column_stack([boosters[name].predict(matrix) for name in EXPERTS])
    base = np.column_stack([cell.base[1:] if name == "robust" else cell.previous[1:] for name in EXPERTS])
    return np.clip(base + above.astype(float), 0.0, CAPACITY_LIMIT_Ah)


def _blend(said: np.ndarray, true: np.ndarray, prior_errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blend and error scale of each of n cycles, from the errors of the experts on the cycles before it.

    said (n, experts); true (n,), the last may be NaN. A cycle's own capacity does not enter its row.
    """
    experts = _running_mean(np.minimum(np.abs(said - true[:, None]), LARGEST_SCORED_ERROR_Ah), prior_errors)
    weight = experts**-2.0
    blended = (weight * said).sum(axis=1) / weight.sum(axis=1)
    error = np.minimum(np.abs(blended - true), LARGEST_SCORED_ERROR_Ah)[:, None]
    return blended, _running_mean(error, prior_errors.min(keepdims=True))[:, 0]


def _running_mean(errors: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Mean of the up to `ERROR_WINDOW` rows before each row and `PRIOR_CYCLES` times the prior."""
    counted = np.where(np.isnan(errors), 0.0, errors)
    total = np.concatenate((np.zeros((1, errors.shape[1])), np.cumsum(counted, axis=0)))[:-1]
    first = np.maximum(np.arange(len(errors)) - ERROR_WINDOW, 0)
    count = np.arange(len(errors)) - first
    return (total - total[first] + PRIOR_CYCLES * prior) / (count + PRIOR_CYCLES)[:, None]
