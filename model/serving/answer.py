"""Answers of fitted predictors for one cell: prediction and what-if simulation.

Everything here is a function of its arguments. `model.serving.artifact.TwinModel` chooses the predictors and calls it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from model import degradation, prediction
from model.capacity import CapacityModel
from model.degradation import Conditions, Degradation
from model.life import trajectory
from model.life.boosting import FEATURES
from model.life.fade import trailing_median
from model.life.remaining_life import RemainingLife
from model.life.trajectory import Fade
from model.prediction import Driver, Phase, Prediction, Scenario, Simulation, Source, TrajectoryPoint
from model.records import validity
from model.records.cycle import History, remembered
from model.serving import explain

EARLY_CYCLES = 10
"""Below this many known cycles a prediction is `earlyLife`: the intervals were calibrated from here on."""

EARLY_WIDENING = 1.0
"""The half width of ln(RUL) grows by up to this share for a cell with a single known cycle (judged, not calibrated)."""

CONDITIONS = ("ambient_temperature_degC", "discharge_current_A")
"""Columns that, outside the training range, make the interval of the remaining life as wide as such cells needed it."""

PASSED_LEVELS_Ah = np.arange(1.0, 1.8, 0.05)
LEVEL_DISTANCE_Ah = (0.02, 0.25)
"""Capacities whose passing is predicted to see how far the intervals reach under unseen conditions: this much below the
present level (an end of life nearer than that is noise, one further off is seldom reached in these records)."""

FIRST_CYCLE_SPREAD = 0.1
"""Half width of the capacity interval at a cell's first cycle, as a share; no cycle before it to compare (judged)."""

LEVEL_CYCLES = 3
"""The present capacity level is the median of this many last capacities."""

RECOVERY_SHARE = 0.035
"""A level this share of the rated capacity above the end of life is a cell that is not worn out; less is what a rest
gives back for a while (after a day NASA's 2 Ah cells have some 0.07 Ah more, which a few cycles take away)."""


class Fitted(NamedTuple):
    """The predictors of one fit."""

    life: RemainingLife
    capacity: CapacityModel


class ModelIdentity(NamedTuple):
    """Which model answers."""

    version: str
    sha256: str
    kind: str


class Trust(NamedTuple):
    """How far the predictors may be trusted: training range, and the widening under conditions outside of it."""

    ranges: Mapping[str, validity.Range]
    widening: float


class Question(NamedTuple):
    """What is asked, checked: level of the intervals and capacity (Ah) below which the cell is worn out."""

    confidence_level: float
    end_of_life_Ah: float


@dataclass(frozen=True)
class Outlook:
    """Remaining life (cycles) with interval, and the fade expected from now on with a fast and a slow variant."""

    rul: float
    low: float
    high: float
    fades: tuple[Fade, Fade, Fade]
    similar_cells: Mapping[str, float]

    def points(self, at_cycle: int, last_cycle: int, present: tuple[float, float, float]) -> list[TrajectoryPoint]:
        """Trajectory from `at_cycle` to `last_cycle`; `present` is the present capacity with its interval, Ah."""
        end_of_life = at_cycle + whole_cycles(self.rul)
        keep = (end_of_life,) if at_cycle < end_of_life <= last_cycle else ()
        return trajectory.points(at_cycle, last_cycle, self.fades, present, keep)


def whole_cycles(rul: float) -> int:
    """Cycles from now until the first one below the threshold: whole, at least 1."""
    return max(1, round(rul))


def levels(capacity_Ah: np.ndarray) -> np.ndarray:
    """Capacity level at each cycle: median of the last `LEVEL_CYCLES` capacities up to it."""
    return trailing_median(capacity_Ah, LEVEL_CYCLES)


def _levels(history: History) -> np.ndarray:
    """`levels` of a history, worked out once for all that were cut from the same one."""
    whole = history.whole
    level = remembered(whole, "levels", lambda: levels(whole.columns["capacity_Ah"]))
    return level[: len(history.cycles)]


def end_of_life_cycle(history: History, end_of_life_Ah: float) -> int | None:
    """Cycle since which the cell has been worn out, None if it is not now.

    It is worn out since its level fell below the end of life, unless the level came back `RECOVERY_SHARE` above it: a
    failed test or a spell under a heavier load does not count, and the capacity regained by a rest does not heal.
    """
    capacity = history.columns["capacity_Ah"]
    level = _levels(history)
    back = np.flatnonzero(level >= end_of_life_Ah + RECOVERY_SHARE * history.rated_capacity_Ah)
    after = int(back[-1]) + 1 if len(back) else 0
    below = np.flatnonzero(level[after:] < end_of_life_Ah)
    if not len(below):
        return None
    start = max(0, after + int(below[0]) - LEVEL_CYCLES + 1)
    first = start + int(np.argmax(capacity[start:] < end_of_life_Ah))
    return int(history.columns["cycle_number"][first])


def present_capacity(model: CapacityModel, history: History, confidence_level: float) -> tuple[float, float, float]:
    """Capacity of the last cycle (Ah), with interval: estimated from its charge and the cycles before it.

    A cell's first cycle has no cycle before it: the measured capacity and a wide interval.
    """
    if len(history.cycles) < 2:
        measured = float(history.columns["capacity_Ah"][-1])
        return measured, measured * (1 - FIRST_CYCLE_SPREAD), measured * (1 + FIRST_CYCLE_SPREAD)
    capacity, low, high = model.predict_cycle(history, int(history.columns["cycle_number"][-1]), confidence_level)
    return float(capacity), float(low), float(high)


def needed_widening(life: RemainingLife, history: History) -> float | None:
    """Factor on the half widths of ln(RUL) with which 90 % intervals would have covered 90 % of what became of a cell.

    Every third cycle from `EARLY_CYCLES`, all levels of `PASSED_LEVELS_Ah` that the cell passed afterwards; None if
    there are none. At least 1: a cell is never given a narrower interval than the calibrated one.
    """
    capacity = history.columns["capacity_Ah"]
    level = levels(capacity)
    numbers = history.columns["cycle_number"]
    places = np.arange(EARLY_CYCLES - 1, len(capacity) - 1, 3)
    if not len(places):
        return None
    told = life.predict_grid(history, numbers[places], PASSED_LEVELS_Ah)
    low, high = life.interval(told, 0.9)
    factors = []
    for row, place in enumerate(places):
        for column, passed in enumerate(PASSED_LEVELS_Ah):
            near, far = LEVEL_DISTANCE_Ah
            below = np.flatnonzero(capacity[place + 1 :] < passed)
            if not (near < level[place] - passed < far and len(below) and told[row, column] > 0):
                continue
            error = math.log((below[0] + 1) / told[row, column])
            bound = (high if error > 0 else low)[row, column]
            factors.append(error / math.log(max(bound, 1e-9) / told[row, column]))
    return max(1.0, float(np.quantile(factors, 0.9))) if factors else None


def outlook(life: RemainingLife, history: History, question: Question, widening: float) -> tuple[Outlook, list[Driver]]:
    """Remaining life and expected fade from the last cycle of a clean, non-empty history on, and what drives it.

    `widening` multiplies the half widths of ln(RUL). The predictors count rows, so gaps in the numbers are filled.
    """
    level = float(_levels(history)[-1])
    capacities = trajectory.thresholds(level, min(question.end_of_life_Ah, level), history.rated_capacity_Ah)
    told = life.explain(history.every_cycle(), None, question.end_of_life_Ah, capacities)
    wide = widening * (1.0 + EARLY_WIDENING * max(0.0, 1.0 - len(history.cycles) / EARLY_CYCLES))

    def interval(rul: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = life.interval(rul, question.confidence_level)
        positive = np.maximum(rul, 1e-9)
        return rul * (low / positive) ** wide, rul * np.maximum(high / positive, 1.0) ** wide

    def fade(cycles: np.ndarray) -> Fade:
        return Fade(level, cycles, capacities)

    rul = told.estimate.rul_cycles
    low, high = interval(np.array([rul]))
    fast, slow = interval(told.lives)
    fades = (fade(told.lives), fade(fast), fade(slow))
    ahead = Outlook(rul, float(low[0]), float(high[0]), fades, told.estimate.similar_cells)
    return ahead, explain.drivers(told.effects, told.values, FEATURES)


def predict(
    fitted: Fitted,
    history: History,
    question: Question,
    trust: Trust,
    repaired: Sequence[str],
    identity: ModelIdentity,
) -> tuple[Prediction, Outlook]:
    """Prediction at the last cycle of a clean, non-empty history, and the outlook behind it.

    `repaired` are columns in which impossible values were set to missing; they count as outside the training range.
    """
    present = present_capacity(fitted.capacity, history, question.confidence_level)
    outside = validity.outside(history, trust.ranges)
    strange = set(CONDITIONS) & set(outside)
    ahead, drivers = outlook(fitted.life, history, question, trust.widening if strange else 1.0)
    return told(
        history,
        question,
        present,
        ahead,
        identity,
        drivers=drivers,
        outside_training_range=outside + [name for name in repaired if name not in outside],
        grade=prediction.EXTRAPOLATED if strange else prediction.VALIDATED,
        sources=[Source(prediction.NASA_CELLS, 1.0)],
        guaranteed_level=guaranteed(len(fitted.life.references), question.confidence_level),
    )


def told(
    history: History,
    question: Question,
    present: tuple[float, float, float],
    ahead: Outlook,
    identity: ModelIdentity,
    **more: Any,
) -> tuple[Prediction, Outlook]:
    """The prediction that an outlook gives at the last cycle of a clean, non-empty history, and the outlook; both end
    with the life of the cell. `present`: its capacity with the interval, Ah. `more`: further fields."""
    numbers = history.columns["cycle_number"]
    at_cycle = int(numbers[-1])
    ended = end_of_life_cycle(history, question.end_of_life_Ah)
    if ended is not None:
        status, more = prediction.PAST_END_OF_LIFE, more | {"drivers": []}
        ahead = replace(ahead, rul=0.0, low=0.0, high=0.0)
    else:
        status = prediction.OK if len(numbers) >= EARLY_CYCLES else prediction.EARLY_LIFE
        ended = at_cycle + whole_cycles(ahead.rul)
    bare = unknown(history, question.confidence_level, question.end_of_life_Ah, identity, status, present)
    made = replace(
        bare,
        rul_cycles=ahead.rul,
        rul_lower_cycles=ahead.low,
        rul_upper_cycles=ahead.high,
        end_of_life_cycle=ended,
        trajectory=ahead.points(at_cycle, at_cycle + math.ceil(ahead.fades[0].cycles[-1]), present),
        similar_cells=explain.similar_cells(ahead.similar_cells),
        **more,
    )
    return made, ahead


def unknown(
    history: History,
    confidence_level: float,
    end_of_life_Ah: float | None,
    identity: ModelIdentity,
    status: str,
    present: tuple[float, float, float] | None = None,
) -> Prediction:
    """The answer for a cell of whose life nothing is told: without a valid cycle, or with its `present` capacity and
    interval (Ah) alone."""
    numbers = history.columns["cycle_number"]
    first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (None, None)
    health: list[float | None] = [None, None, None]
    if present is not None and math.isfinite(history.rated_capacity_Ah):
        health = [100.0 / history.rated_capacity_Ah * value for value in present]
    return Prediction(
        cell=history.cell,
        at_cycle=last,
        capacity_Ah=None if present is None else present[0],
        state_of_health_percent=health[0],
        state_of_health_lower_percent=health[1],
        state_of_health_upper_percent=health[2],
        rul_cycles=None,
        rul_lower_cycles=None,
        rul_upper_cycles=None,
        confidence_level=confidence_level,
        end_of_life_capacity_Ah=end_of_life_Ah,
        end_of_life_cycle=None,
        trajectory=[],
        drivers=[],
        similar_cells=[],
        outside_training_range=[],
        status=status,
        model_version=identity.version,
        model_sha256=identity.sha256,
        model_kind=identity.kind,
        first_cycle=first,
        last_cycle=last,
    )


def guaranteed(failed_cells: int, confidence_level: float) -> float | None:
    """Level that an interval from this many failed cells holds whatever they are distributed like: n of n + 1.

    Distribution-free: one more exchangeable cell lies beyond the largest of n scores with probability 1 / (n + 1).
    """
    return min(confidence_level, failed_cells / (failed_cells + 1)) if failed_cells else None


def with_replaced(history: History, replaced: Mapping[str, float]) -> History:
    """The history as if the present measurements were others.

    A replaced capacity shifts all capacities, so that the level changes and the observed fade stays; the other columns
    get the new value in the cycles from which the present value is taken.
    """
    if not replaced:
        return history
    cycles = history.cycles.copy()
    for name, value in replaced.items():
        if name == "capacity_Ah":
            level = float(cycles[name].tail(LEVEL_CYCLES).median())
            cycles[name] = np.maximum(cycles[name] + (value - level), 1e-3)
        else:
            cycles.iloc[-validity.RECENT_CYCLES :, cycles.columns.get_loc(name)] = value
    return replace(history, cycles=cycles)


def warmer(conditions: Conditions, history: History, replaced: Mapping[str, float]) -> Conditions:
    """A replaced cell temperature acts like an ambient temperature that is higher by the same difference."""
    wanted = replaced.get("temperature_max_degC")
    measured = float(history.cycles["temperature_max_degC"].tail(validity.RECENT_CYCLES).median())
    if wanted is None or not math.isfinite(measured):
        return conditions
    low, high = degradation.CONDITIONS["ambient_temperature_degC"]
    shifted = conditions.ambient_temperature_degC + wanted - measured
    return replace(conditions, ambient_temperature_degC=min(max(shifted, low), high))


def stretched(
    ahead: Outlook, phases: Sequence[Phase], ratios: Sequence[tuple[float, float]], confidence_level: float
) -> Outlook:
    """The outlook when each phase fades exp(ratio) times as fast; `ratios` are (ln ratio, its standard deviation).

    The interval of the remaining life and the uncertainty of the ratio are independent: their log widths add in
    quadrature.
    """
    z = degradation.two_sided_z(confidence_level)

    def log_ratios(width: float, direction: float) -> list[float]:
        return [ratio + direction * (math.hypot(width, z * sd) - width) for ratio, sd in ratios]

    def slowed(fade: Fade, rates: Sequence[float]) -> Fade:
        cycles = np.array([degradation.cycles_for(phases, rates, worn) for worn in fade.cycles[1:]])
        return Fade(float(fade.capacity_Ah[0]), cycles, fade.capacity_Ah[1:])

    rul = max(ahead.rul, 1e-9)
    middle = log_ratios(0.0, 0.0)
    fast = log_ratios(math.log(rul / min(rul, max(ahead.low, 1e-9))), 1.0)
    slow = log_ratios(math.log(max(rul, ahead.high) / rul), -1.0)
    return Outlook(
        degradation.cycles_for(phases, middle, ahead.rul),
        degradation.cycles_for(phases, fast, ahead.low),
        degradation.cycles_for(phases, slow, ahead.high),
        (slowed(ahead.fades[0], middle), slowed(ahead.fades[1], fast), slowed(ahead.fades[2], slow)),
        ahead.similar_cells,
    )


Ask = Callable[[History], tuple[Prediction, Outlook]]
"""Predicts a history of the cell, with the outlook behind it. Raises `NotEnoughHistory` if it has none."""


def simulate(
    ask: Ask,
    capacity_of: Callable[[History], tuple[float, float, float]],
    equation: Degradation,
    history: History,
    scenario: Scenario,
    phases: Sequence[Phase],
    confidence_level: float,
) -> Simulation:
    """How a clean, non-empty history goes on under the phases of a scenario, beside going on as at present.

    `capacity_of` gives the present capacity of a history with its interval, Ah.
    """
    baseline, ahead = ask(history)
    changed = with_replaced(history, scenario.replaced)
    start = baseline
    if scenario.replaced:
        start, ahead = ask(changed)
    from_cycle = int(history.columns["cycle_number"][-1])
    present = degradation.present_conditions(history, from_cycle)
    wanted = [warmer(present.changed(phase), history, scenario.replaced) for phase in phases]
    ratios = [equation.log_ratio(conditions, present) for conditions in wanted]
    after = stretched(ahead, phases, ratios, confidence_level)
    over = start.status == prediction.PAST_END_OF_LIFE
    rul, low, high = (0.0, 0.0, 0.0) if over else (after.rul, after.low, after.high)

    def within(cycles: float) -> float | None:
        return cycles if cycles <= scenario.horizon_cycles else None

    outside, assumptions = list(start.outside_training_range), list[str]()
    for conditions in wanted:
        outside += [name for name in equation.outside(conditions) if name not in outside]
        assumptions += [text for text in equation.support(conditions, present) if text not in assumptions]
    assumptions += [f"{name} replaced by {value:g}" for name, value in sorted(scenario.replaced.items())]
    assumptions.append("capacity means capacity under the present conditions; the scenario changes how fast it fades")
    ended = start.end_of_life_cycle if over else from_cycle + whole_cycles(rul)
    capacity = capacity_of(changed)
    return Simulation(
        cell=history.cell,
        from_cycle=from_cycle,
        rul_cycles=within(rul),
        rul_lower_cycles=within(low),
        rul_upper_cycles=within(high),
        end_of_life_cycle=None if within(rul) is None else ended,
        trajectory=after.points(from_cycle, from_cycle + scenario.horizon_cycles, capacity),
        baseline=baseline,
        outside_training_range=outside,
        assumptions=assumptions,
    )
