"""Remaining life of any cell: the pool of public cells, its own fade and its failed siblings in one blend.

Everything is learned and judged between kinds of cells: what serves a set is what was learned from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xgboost

from model import cluster
from model.cluster import Run
from model.life.intervals import QuantileTable
from model.life.relative import pool as pooling
from model.life.relative.curve import Curve
from model.life.relative.gate import Gate, Lesson, weighted_median
from model.life.relative.objective import life_left
from model.life.relative.pool import Pool, PoolCell
from model.life.relative.siblings import SAYINGS, Family, Places, Sayings, Sibling, siblings_say

NUMBERS = (1, 2, 4, 8)
"""Numbers of siblings that the gate learns with, and intervals are calibrated for (beside none)."""

DRAWS = 3
"""Drawn sets of siblings of each number for each cell."""

TARGETS_OF_A_GROUP = 12
CELLS_OF_A_GROUP = 24
LESSON_STEPS = (0.0, 0.05, 0.1)
"""Ends of life of the lessons: that of the set and higher ones."""

HIGHEST_THRESHOLD = 0.95


@dataclass(frozen=True)
class Kin:
    """Cells of one group that reach an end of life, and the seed by which some are drawn as siblings of another."""

    threshold: float
    members: tuple[Curve, ...]
    seed: int


def kin(cells: Sequence[PoolCell]) -> dict[str, list[Kin]]:
    """By data set the groups with at least two members that reach an end of life of the lessons."""
    groups: dict[tuple[str, str], list[PoolCell]] = {}
    for cell in cells:
        groups.setdefault((cell.dataset, cell.group), []).append(cell)
    result: dict[str, list[Kin]] = {}
    seed = 0
    for (dataset, _), members in groups.items():
        for step in LESSON_STEPS:
            threshold = round(members[0].threshold + step, 4)
            if threshold > HIGHEST_THRESHOLD:
                continue
            fitting = [cell.curve for cell in members if threshold in pooling.lives(cell.curve)][:CELLS_OF_A_GROUP]
            if len(fitting) > 1:
                result.setdefault(dataset, []).append(Kin(threshold, tuple(fitting), seed))
                seed += 1
    return result


@dataclass(frozen=True)
class Told:
    """What siblings drawn k times say of cells of their groups, all of one data set.

    `lesson`: the rows that the gate learns from; `pool` what the pool says at each of them. `siblings` and `rows` (k,):
    how many spoke each time, and of how many places.
    """

    lesson: Lesson
    pool: np.ndarray
    siblings: np.ndarray
    rows: np.ndarray


def drawn(kins: Sequence[Kin], pool: Pool) -> Told:
    """For cells of each group what randomly drawn siblings, `NUMBERS` of them, say of them; the places of all are told
    by a pool that has not seen the data set."""
    told: list[tuple[Sayings, Places]] = []
    for one in kins:
        siblings = [Sibling.of(curve, one.threshold, pool) for curve in one.members]
        family = Family([sibling for sibling in siblings if sibling is not None])
        chance = np.random.default_rng(one.seed)
        count = len(one.members)
        for target in range(min(count, TARGETS_OF_A_GROUP)):
            for _ in range(DRAWS):
                others = chance.permutation([other for other in range(count) if other != target]).tolist()
                for n in (n for n in NUMBERS if n <= len(others)):
                    told.append((family.sayings(target, others[:n]), family.places(target)))
    return Told(
        _of_equal_numbers([(sayings.siblings, Lesson.of(sayings, at)) for sayings, at in told]),
        np.concatenate([at.pool for _, at in told]),
        np.array([sayings.siblings for sayings, _ in told]),
        np.array([len(at) for _, at in told]),
    )


def _of_equal_numbers(lessons: Sequence[tuple[int, Lesson]]) -> Lesson:
    """The lessons together; every number of siblings weighs the same."""
    rows: dict[int, int] = {}
    for siblings, lesson in lessons:
        rows[siblings] = rows.get(siblings, 0) + len(lesson)
    weight = [np.full(len(lesson), 1.0 / rows[siblings]) for siblings, lesson in lessons]
    return replace(Lesson.together([lesson for _, lesson in lessons]), weight=np.concatenate(weight))


@dataclass(frozen=True)
class Estimate:
    """z = ln(life / age) at n places, the weight of each saying (n, 8), and the quantiles of the interval's score with
    the factor on them at each place (n or 1, see `hindsight`)."""

    z: np.ndarray
    weights: np.ndarray
    quantiles: QuantileTable
    factors: np.ndarray = field(default_factory=lambda: np.ones(1))

    def bounds(self, confidence_level: float) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the remaining lives in ages."""
        return bounds(life_left(self.z), self.factors * self.quantiles.at(confidence_level))


@dataclass(frozen=True)
class Kinship:
    """What siblings told of each other: how far off each saying was (7,), with two and more the interval's score."""

    errors: np.ndarray
    own: QuantileTable | None


@dataclass(frozen=True)
class RelativeLife:
    """The fitted blend.

    `unseen` by data set: pool and gate that have not seen that set. `scores` by number of siblings: what the interval's
    score was on kinds that nothing had learned from.
    """

    pool: Pool
    gate: Gate
    unseen: Mapping[str, tuple[Pool, Gate]]
    scores: Mapping[int, QuantileTable]

    @classmethod
    def fit(cls, cells: Sequence[PoolCell], run: Run = cluster.here) -> RelativeLife:
        """Learn from cells of at least three sets; the fits `run` where they are sent (see `model.cluster`)."""
        rows = pooling.thinned(pooling.rows_of(cells))
        sets = sorted(set(rows.dataset.tolist()))
        parts = [*(rows.where(rows.dataset != name) for name in sets), rows]
        pools = run(pooling.train, [(part,) for part in parts])
        without = {name: next(pools) for name in sets}
        unseen = np.full(len(rows.z), np.nan)
        for name, boosters in without.items():
            its = rows.dataset == name
            unseen[its] = pooling.said(boosters, rows.values[its])
        share, pull = pooling.calibrate(unseen, rows)
        unseeing = {name: Pool(tuple(boosters), share, pull) for name, boosters in without.items()}
        kins = kin(cells)
        each = run(drawn, [(kins_of_set, unseeing[name]) for name, kins_of_set in kins.items()])
        told = dict(zip(kins, each, strict=True))
        others = [[one.lesson for of, one in told.items() if of != name] for name in (*sets, "")]
        gates = run(Gate.train, [(Lesson.together(lessons),) for lessons in others])
        pairs = {name: (unseeing[name], next(gates)) for name in sets}
        whole = Pool(tuple(next(pools)), share, pull)
        return cls(whole, next(gates), pairs, _scores(told, {name: gate for name, (_, gate) in pairs.items()}))

    def without(self, dataset: str) -> RelativeLife:
        """The blend as it is for a cell of one of the sets: nothing of that set has taught it."""
        pool, gate = self.unseen[dataset]
        return replace(self, pool=pool, gate=gate)

    def place(self, curve: Curve, threshold: float) -> Places:
        """The last place of a curve."""
        return Places.of(curve, np.array([len(curve) - 1]), threshold, self.pool)

    def alone(self, at: Places) -> Estimate:
        """Without a sibling."""
        weights = np.zeros((len(at), len(SAYINGS)))
        weights[:, SAYINGS.index("own")] = self.pool.own_share
        weights[:, SAYINGS.index("pool")] = 1.0 - self.pool.own_share
        return Estimate(at.pool, weights, self.scores[0])

    def among(self, family: Family, number: int, members: Sequence[int]) -> Estimate:
        """What the siblings `members` of a family and the pool say of another of it."""
        own = self._own_scores(family, members)
        return self._estimate(family.sayings(number, members), family.places(number), own)

    def kinship(self, siblings: Sequence[Sibling]) -> Kinship:
        """What siblings told of each other; it does not depend on the cell that they speak of."""
        family, members = Family(siblings), list(range(len(siblings)))
        return Kinship(family.errors(members), self._own_scores(family, members))

    def beside(self, siblings: Sequence[Sibling], at: Places, kinship: Kinship) -> Estimate:
        """What siblings and the pool say at places of another cell."""
        return self._estimate(replace(siblings_say(siblings, at), errors=kinship.errors), at, kinship.own)

    def _estimate(self, sayings: Sayings, at: Places, own: QuantileTable | None) -> Estimate:
        """`own`: the score on the siblings themselves, where there are two."""
        weights = self.gate.weights(sayings, at.wear)
        quantiles = self._quantiles(sayings.siblings)
        if own is not None:
            pairs = zip(own.values, quantiles.values, strict=True)
            mixed = [mine + other / (sayings.siblings + 1) for mine, other in pairs]
            quantiles = QuantileTable(tuple(mixed))  # (n mine (1 + 1 / n) + other) / (n + 1)
        return Estimate(weighted_median(sayings.z, weights), weights, quantiles)

    def _quantiles(self, siblings: int) -> QuantileTable:
        """The scores for a number of siblings, between those calibrated by the logarithm of the number."""
        known = [n for n in sorted(self.scores) if n > 0]
        table = np.array([self.scores[n].values for n in known])
        place = np.log(siblings)
        return QuantileTable(tuple(float(np.interp(place, np.log(known), column)) for column in table.T))

    def _own_scores(self, family: Family, members: Sequence[int]) -> QuantileTable | None:
        """The score on the siblings themselves, each foretold by the others; None with fewer than two."""
        if len(members) < 2:
            return None
        said = [family.sayings(one, [other for other in members if other != one]) for one in members]
        at = Places.together([family.places(one) for one in members])
        weights = self.gate.weights(Sayings.together(said), at.wear)
        z = weighted_median(np.concatenate([one.z for one in said]), weights)
        borders = np.cumsum([len(one.z) for one in said])[:-1]
        return QuantileTable.of_groups(np.split(score(z, at.z), borders))

    # ------------------------------------------------------------ keeping

    @property
    def boosters(self) -> dict[str, xgboost.Booster]:
        """The boosters by name: those of all sets, and `SET/...` without that set."""
        result: dict[str, xgboost.Booster] = {}
        for name, (pool, gate) in {"": (self.pool, self.gate), **self.unseen}.items():
            result |= {f"{name}/pool{number}": booster for number, booster in enumerate(pool.boosters)}
            result[f"{name}/gate"] = gate.booster
        return result

    def to_state(self) -> dict[str, Any]:
        """JSON-able state, everything but the boosters."""
        return {
            "own_share": self.pool.own_share,
            "pull": self.pool.pull,
            "sets": list(self.unseen),
            "scores": [[number, list(table.values)] for number, table in self.scores.items()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], boosters: Mapping[str, xgboost.Booster]) -> RelativeLife:
        """Inverse of `to_state` with the boosters of `boosters`."""

        def pair(name: str) -> tuple[Pool, Gate]:
            count = len(pooling.BOOSTERS)
            each = tuple(boosters[f"{name}/pool{number}"] for number in range(count))
            return Pool(each, state["own_share"], state["pull"]), Gate(boosters[f"{name}/gate"])

        scores = {int(number): QuantileTable(tuple(values)) for number, values in state["scores"]}
        return cls(*pair(""), {name: pair(name) for name in state["sets"]}, scores)


RAISED = {0: 0.5, 1: 1.5}
"""Raise of the interval's score by number of siblings, else 1 (judged on the table of the sets: without siblings
predictions are careful already; with one there is no second that tells how far it speaks for the kind)."""

SHARPNESS = 0.02
"""Share of the age by which scatter moves the end of a life."""


def score(z: np.ndarray, true: np.ndarray) -> np.ndarray:
    """|ln((R + h) / (P + h))| of true and predicted remaining lives in ages, h = `SHARPNESS`."""
    return np.abs(np.log((np.expm1(true) + SHARPNESS) / (life_left(z) + SHARPNESS)))


def bounds(left: np.ndarray, quantile: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Interval of remaining lives in ages from the quantile of the score."""
    factor, shifted = np.exp(quantile), left + SHARPNESS
    return np.maximum(shifted / factor - SHARPNESS, 0.0), shifted * factor - SHARPNESS


def _scores(told: Mapping[str, Told], gates: Mapping[str, Gate]) -> dict[int, QuantileTable]:
    """By number of siblings, the quantiles of the score on the set where they are largest, and more for few sets.

    Within a set the quantile is taken per cell and averaged over cells, so that no long life dominates. The largest of
    k is exceeded by the next one with probability 1 / (k + 1): it is raised by `RAISED` / k.
    """
    found: dict[int, dict[str, list[np.ndarray]]] = {}
    for name, one in told.items():
        lesson, borders = one.lesson, np.cumsum(one.rows)[:-1]
        z = weighted_median(lesson.z, gates[name].weights_of(lesson.inputs, lesson.margins))
        among, alone = (np.split(score(each, lesson.true), borders) for each in (z, one.pool))
        for number, of_gate, of_pool in zip(one.siblings.tolist(), among, alone, strict=True):
            found.setdefault(number, {}).setdefault(name, []).append(of_gate)
            if number == NUMBERS[0]:
                found.setdefault(0, {}).setdefault(name, []).append(of_pool)
    result = {}
    for siblings, by_set in found.items():
        tables = np.array([QuantileTable.of_groups(scores).values for scores in by_set.values()])
        raised = tables.max(axis=0) * (1.0 + RAISED.get(siblings, 1.0) / len(tables))
        result[siblings] = QuantileTable(tuple(float(value) for value in raised))
    return result
