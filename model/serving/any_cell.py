"""Answers for cells of any kind: remaining life by the relative blend, trajectory, drivers, grade and sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_

import numpy as np

from model import prediction, running_capacity
from model.life import trajectory
from model.life.relative import features
from model.life.relative.blend import Estimate, Kinship, RelativeLife
from model.life.relative.curve import Curve
from model.life.relative.features import FEATURES
from model.life.relative.hindsight import recalibrated
from model.life.relative.objective import life_left
from model.life.relative.siblings import SAYINGS, Sibling
from model.life.trajectory import Fade
from model.prediction import Driver, Prediction, Source
from model.records.cycle import History, remembered
from model.serving import answer, explain
from model.serving.answer import ModelIdentity, Outlook, Question

ENOUGH_SIBLINGS = 3
"""Failed siblings from which a prediction counts as validated: each is then foretold by two others at least."""

WELL_UNDER_WAY = 0.4
"""Share of the foreseen life from which a cell's own fade tells more than an order of magnitude."""

SOURCE_OF = {"own": prediction.OWN_HISTORY, "pool": prediction.PUBLIC_CELLS}
"""Source of each saying; the others are the siblings'."""


@dataclass(frozen=True)
class Ahead:
    """The remaining life of a cell by the blend, and what it came from."""

    curve: Curve
    threshold: float
    at: features.Own
    estimate: Estimate
    siblings: list[Sibling]

    @property
    def left(self) -> float:
        """Remaining life in present ages."""
        return float(life_left(self.estimate.z)[0])


def look_ahead(relative: RelativeLife, history: History, end_of_life_Ah: float, siblings: Sequence[History]) -> Ahead:
    """The blend for the last cycle of a clean history; `siblings` as `relative.siblings.admitted` admits them.

    Raises `NotEnoughHistory` if too little is known for any figure.
    """
    curve = _curve(history)
    threshold = min(end_of_life_Ah / curve.reference_Ah, float(curve.level[-1]) - features.SMALLEST_GAP, 0.99)
    at = relative.place(curve, threshold)
    share = end_of_life_Ah / history.rated_capacity_Ah
    family = _family(relative, siblings, share) if siblings else None
    failed = family.towards(threshold) if family else []
    told = relative.beside(failed, at, family.kinship) if family and family.kinship else relative.alone(at)
    last = len(curve) - 1
    told = recalibrated(relative, told, curve, [last], [sibling.curve for sibling in failed])
    return Ahead(curve, threshold, features.own(curve, last), told, failed)


@dataclass
class _Family:
    """What some siblings say of whichever cell asks: their lives with their own thresholds, and of each other.

    The last answer of `towards` is kept with its threshold: a cell asks again and again for the same.
    """

    relative: RelativeLife
    share: float
    curves: list[Curve]
    lives: list[tuple[Sibling, float]]
    kinship: Kinship | None
    last: tuple[float, list[Sibling]] = (math.nan, [])

    def towards(self, threshold: float) -> list[Sibling]:
        """The lives as `Sibling.towards` has them for a cell with this threshold."""
        known, failed = self.last
        if known != threshold:
            failed = [life.towards(own, threshold) for life, own in self.lives]
            self.last = threshold, failed
        return failed


def _family(relative: RelativeLife, siblings: Sequence[History], share: float) -> _Family:
    """The family of these siblings; the last one is kept with the first of their histories."""
    kept: dict[str, _Family] = vars(siblings[0]).setdefault("_family", {})
    curves, last = [_curve(other) for other in siblings], kept.get("last")
    same = last is not None and (last.relative is relative, last.share, len(last.curves)) == (True, share, len(curves))
    if last and same and all(map(is_, last.curves, curves)):
        return last
    lives = [one for other in siblings if (one := _life(relative, other, share)) is not None]
    kinship = relative.kinship([life.towards(own, lives[0][1]) for life, own in lives]) if lives else None
    kept["last"] = _Family(relative, share, curves, lives, kinship)
    return kept["last"]


def _curve(history: History) -> Curve:
    return remembered(history, "curve", lambda: Curve.of_history(history))


def _life(relative: RelativeLife, other: History, share: float) -> tuple[Sibling, float] | None:
    """A sibling's life down to the same share of its rated capacity, and that in shares of its own first capacity;
    looked back on once for one pool and share."""
    curve = _curve(other)
    own = min(share * other.rated_capacity_Ah / curve.reference_Ah, 0.99)
    name = f"sibling {id(relative.pool)} {own:.6f}"
    found = remembered(other, name, lambda: Sibling.of(curve, own, relative.pool))
    return None if found is None else (found, own)


def predict(
    relative: RelativeLife,
    history: History,
    question: Question,
    siblings: Sequence[History],
    repaired: Sequence[str],
    identity: ModelIdentity,
) -> tuple[Prediction, Outlook]:
    """Prediction at the last cycle of a clean, non-empty history with a rated capacity, and the outlook behind it.

    Raises `NotEnoughHistory` if nothing can be said of the remaining life.
    """
    present = running_capacity.present(history, question.confidence_level)
    ahead = look_ahead(relative, history, question.end_of_life_Ah, siblings)
    over = answer.end_of_life_cycle(history, question.end_of_life_Ah) is not None
    names = [sibling.curve.cell for sibling in ahead.siblings]
    return answer.told(
        history,
        question,
        present,
        _outlook(ahead, history, question),
        identity,
        drivers=_drivers(relative, ahead),
        outside_training_range=list(repaired),
        grade=prediction.VALIDATED if over else _grade(ahead),
        sources=_sources(ahead.estimate),
        siblings=names,
        guaranteed_level=answer.guaranteed(len(names), question.confidence_level),
    )


def not_known(
    history: History, end_of_life_Ah: float | None, confidence_level: float, identity: ModelIdentity
) -> Prediction:
    """The answer for a cell of which only the present capacity is told: too few cycles, or no rated capacity yet."""
    known = math.isfinite(history.rated_capacity_Ah)
    status = prediction.EARLY_LIFE if known else prediction.NO_RATED_CAPACITY
    present = running_capacity.present(history, confidence_level)
    return answer.unknown(history, confidence_level, end_of_life_Ah, identity, status, present)


def _grade(ahead: Ahead) -> str:
    if len(ahead.siblings) >= ENOUGH_SIBLINGS:
        return prediction.VALIDATED
    if ahead.siblings:
        return prediction.EXTRAPOLATED
    lived = 1.0 / (1.0 + ahead.left)
    return prediction.OWN_HISTORY_ONLY if lived >= WELL_UNDER_WAY else prediction.ORDER_OF_MAGNITUDE


def _sources(estimate: Estimate) -> list[Source]:
    """The sources with their weights, the heaviest first."""
    total: dict[str, float] = {}
    for saying, weight in zip(SAYINGS, estimate.weights[0].tolist(), strict=True):
        name = SOURCE_OF.get(saying, prediction.SIBLINGS)
        total[name] = total.get(name, 0.0) + weight
    ranked = sorted(total.items(), key=lambda one: (-one[1], one[0]))
    return [Source(name, weight) for name, weight in ranked if weight > 0]


def _outlook(ahead: Ahead, history: History, question: Question) -> Outlook:
    """Remaining life with its interval, and the way of the capacity there, faster and slower."""
    age = float(ahead.curve.age[-1])
    low, high = ahead.estimate.bounds(question.confidence_level)
    rul, least, most = (value * age for value in (ahead.left, float(low[0]), float(high[0])))
    level_Ah = float(answer.levels(history.columns["capacity_Ah"][-answer.LEVEL_CYCLES :])[-1])
    capacities = trajectory.thresholds(level_Ah, min(question.end_of_life_Ah, level_Ah), history.rated_capacity_Ah)
    shape = _shape(ahead, capacities / ahead.curve.reference_Ah)

    def fade(life: float) -> Fade:
        return Fade(level_Ah, shape * max(life, 1.0), capacities)

    count = len(ahead.siblings)
    similar: Mapping[str, float] = {sibling.curve.cell: 1.0 / count for sibling in ahead.siblings}
    return Outlook(rul, least, most, (fade(rul), fade(least), fade(most)), similar)


def _shape(ahead: Ahead, levels: np.ndarray) -> np.ndarray:
    """When each level is reached, in shares of the remaining life: as the siblings did, or by the cell's power law."""

    def scaled(reached: np.ndarray, end: float) -> np.ndarray | None:
        return reached / end if end > 0 and np.isfinite(end) else None

    shapes = []
    for sibling in ahead.siblings:
        lowest, age = sibling.curve.lowest, sibling.curve.age
        start = float(np.interp(-ahead.at.level, -lowest, age))
        reached = np.interp(-levels, -lowest, age) - start
        slope = (sibling.life - start) / max(ahead.at.level - ahead.threshold, features.SMALLEST_GAP)
        beyond = levels < lowest[-1]
        reached[beyond] = age[-1] - start + slope * (lowest[-1] - levels[beyond])
        shapes.append(scaled(reached, sibling.life - start))
    known = [shape for shape in shapes if shape is not None]
    if not known:
        laws = np.array([features.power_law_life(ahead.at, min(float(level), 0.99)) for level in levels])
        law = scaled(life_left(laws), float(life_left(features.power_law_life(ahead.at, ahead.threshold))))
        known = [law if law is not None else np.linspace(0, 1, len(levels))]
    return np.mean(known, axis=0)


def _drivers(relative: RelativeLife, ahead: Ahead) -> list[Driver]:
    """Effects of the own fade's features through the pool, by its weight in the blend."""
    weight = float(sum(ahead.estimate.weights[0, SAYINGS.index(name)] for name in ("pool", "corrected")))
    values = np.array(features.row(ahead.at, ahead.threshold))
    effects = {name: effect * weight for name, effect in relative.pool.effects(values).items()}
    return explain.drivers(effects, dict(zip(FEATURES, values.tolist(), strict=True)), FEATURES)
