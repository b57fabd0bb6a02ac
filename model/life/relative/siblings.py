"""Siblings: cells of one type that have passed their end of life, and what each says of the life of another.

A sibling that failed at age E and passed the present level of the cell at age p says, for the cell's present age x:

    level    x + (E - p)                 it lasts as long as the sibling did from there
    paced    x + (E - p) (r / r_s)^-1/3  the same, by the ratio of their fade rates at that level (exponent as in
                                         `model.life.fade`: the later net fade follows the rate so)
    rated    x + (E - p) (r / r_s)^-1    the same, if the later fade goes as the present rate
    life     E                           it lives as long as the sibling did
    scaled   x E / p                     it ages in the same way, only faster or slower
    pool     pool + what the pool missed on the sibling at such levels, shrunk with few siblings

Logs of the lives are averaged over the siblings. How well each of these serves the kind is seen on the siblings
themselves, each foretold by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from model.life.relative import features
from model.life.relative.curve import LEAST_RECORDS, Curve
from model.life.relative.objective import from_log_left, log_left, loss
from model.life.relative.pool import Pool, first_place, said
from model.records.cycle import History, remembered

MOST_SIBLINGS = 16
SHARES_OF_LIFE = np.arange(0.1, 0.95, 0.1)
"""Shares of a finished life at which it is looked back on."""

PACE_EXPONENT = 0.33
LARGEST_PACE = 1.5
LONGEST_SCALED = 1.0
"""ln by which a scaled life may exceed the one from the same level on: a flat start tells little of the scale."""

NEAR_LEVEL = 0.03
"""Levels this far apart are still alike (share of the first capacity)."""

HALF_TRUST = 0.5
"""What the pool missed on n siblings counts n / (n + this)."""

SAYINGS = ("own", "pool", "corrected", "paced", "level", "life", "scaled", "rated")
"""What is blended: own power law and pool without siblings, the others from them."""

PRIOR_ERROR = 0.18
"""Error that a saying is taken to have on a kind before it was seen on siblings, as one more sibling's worth."""


@dataclass(frozen=True)
class Places:
    """n places of cells: age, level, fade rate, z of own law and of the pool (also raw), wear, features; the true z."""

    age: np.ndarray
    level: np.ndarray
    rate: np.ndarray
    own: np.ndarray
    pool: np.ndarray
    raw: np.ndarray
    wear: np.ndarray
    values: np.ndarray
    z: np.ndarray

    @classmethod
    def of(cls, curve: Curve, places: np.ndarray, threshold: float, pool: Pool, life: float = np.nan) -> Places:
        """`life`: age at the end of life, where it is known."""
        values = np.array([features.row(features.own(curve, int(place)), threshold) for place in places])
        own = values[:, features.POWER_LAW]
        raw = said(pool.boosters, values)
        z = pool.mixed(raw, own)
        age = curve.age[places]
        wear = (1.0 - curve.level[places]) / (1.0 - threshold)
        return cls(age, curve.level[places], curve.rate[places], own, z, raw, wear, values, np.log(life / age))

    @classmethod
    def together(cls, parts: Sequence[Places]) -> Places:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])))

    def __len__(self) -> int:
        return len(self.age)


@dataclass(frozen=True)
class Sibling:
    """A finished life: its curve up to the end, the age there, and its own places looked back on."""

    curve: Curve
    life: float
    places: Places

    @classmethod
    def of(cls, curve: Curve, threshold: float, pool: Pool) -> Sibling | None:
        """None if the cell has not passed the threshold, or too early to be told from scatter.

        `threshold`: the sibling's own, in shares of its own first capacity.
        """
        end = curve.end(threshold)
        if end is None or end < first_place(curve) + 1:
            return None
        life = float(curve.age[end])
        looked = np.searchsorted(curve.age, SHARES_OF_LIFE * life, side="right") - 1
        looked = np.unique(np.clip(looked, min(first_place(curve), end - 1), end - 1))
        return cls(curve, life, Places.of(curve, looked, threshold, pool, life))

    def towards(self, own: float, threshold: float) -> Sibling:
        """The same life with levels stretched so that its threshold `own` is the one of the cell that it speaks of."""
        if own == threshold:
            return self
        factor = (1.0 - threshold) / (1.0 - own)
        curve = replace(self.curve, level=1.0 - factor * (1.0 - self.curve.level))
        places = replace(self.places, level=1.0 - factor * (1.0 - self.places.level), rate=factor * self.places.rate)
        return Sibling(curve, self.life, places)


def each_says(sibling: Sibling, at: Places) -> np.ndarray:
    """What one sibling says at n places: ln(left/age) by level, ln of the ratio of rates, ln(life/age), ln(left/age)
    scaled, and what the pool missed on it at such levels; (5, n)."""
    curve, life = sibling.curve, sibling.life
    end = int(curve.age.searchsorted(life))
    passed = np.minimum(curve.falling.searchsorted(-at.level, side="left"), end)
    before = np.maximum(passed - 1, 0)
    fall = curve.lowest[before] - curve.lowest[passed]
    share = np.divide(curve.lowest[before] - at.level, fall, out=np.ones_like(fall), where=fall > 0)
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    age = curve.age[before] + share * (curve.age[passed] - curve.age[before])  # between check-ups
    least = 0.5 * (curve.age[end] - curve.age[0]) / max(end, 1)
    left = np.log(np.maximum(life - age, least) / at.age)
    pace = np.minimum(np.maximum(np.log(at.rate / curve.rate[passed]), -LARGEST_PACE), LARGEST_PACE)
    scaled = log_left(np.log(np.maximum(life / np.maximum(age, curve.age[0]), 1.0)))
    near = np.exp(-0.5 * ((at.level[:, None] - sibling.places.level) / NEAR_LEVEL) ** 2) + 1e-9
    missed = near @ (log_left(sibling.places.z) - log_left(sibling.places.raw)) / near.sum(axis=1)
    return np.array([left, pace, np.log(life / at.age), scaled, missed])


@dataclass(frozen=True)
class Sayings:
    """z of each of `SAYINGS` at n places (n, 8), from a number of siblings; spread of two of them over the siblings;
    `errors` (7,): how far each but `own` was off on the siblings, as a share of their life, NaN with fewer than two."""

    z: np.ndarray
    pace: np.ndarray
    life: np.ndarray
    spread: np.ndarray
    siblings: int
    errors: np.ndarray = field(default_factory=lambda: np.full(len(SAYINGS) - 1, np.nan))

    @classmethod
    def together(cls, parts: Sequence[Sayings]) -> Sayings:
        """Places from equally many siblings one after another; what the errors were is the mean."""
        z, pace, life, spread = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("z", "pace", "life", "spread")
        )
        return cls(z, pace, life, spread, parts[0].siblings, np.mean([part.errors for part in parts], axis=0))


def siblings_say(siblings: Sequence[Sibling], at: Places) -> Sayings:
    """What siblings say together at n places."""
    return together_say(np.array([each_says(sibling, at) for sibling in siblings]), at)


def together_say(said: np.ndarray, at: Places) -> Sayings:
    """What several siblings (k, 5, n) say together at n places."""
    mean = said.mean(axis=0)
    spread = np.column_stack((said[:, 0].std(axis=0), said[:, 2].std(axis=0)))
    return Sayings(_z(mean, len(said), at), mean[1], mean[2], spread, len(said))


def _z(mean: np.ndarray, count: int, at: Places) -> np.ndarray:
    """z of each of `SAYINGS` at n places (n, 8), from the mean (5, n) of what so many siblings say."""
    level, pace, life, scaled, missed = mean
    corrected = log_left(at.raw) + count / (count + HALF_TRUST) * missed
    paced, lived = level - PACE_EXPONENT * pace, log_left(np.maximum(life, 0.03))
    columns = from_log_left(np.array([corrected, paced, level, lived, scaled, level - pace]))
    columns[4] = np.minimum(columns[4], columns[2] + LONGEST_SCALED)
    return np.column_stack((np.minimum(at.own, at.pool + 1.5), at.pool, *columns))


class Family:
    """Siblings, what each says of the places of all others, and of the places `at` of one more cell."""

    def __init__(self, siblings: Sequence[Sibling], at: Places | None = None) -> None:
        parts = [sibling.places for sibling in siblings] + ([at] if at is not None else [])
        self.at = Places.together(parts)
        self.said = np.array([each_says(sibling, self.at) for sibling in siblings])
        borders = np.cumsum([0, *(len(part) for part in parts)])
        self.parts = [slice(borders[i], borders[i + 1]) for i in range(len(parts))]
        self._places = parts

    def places(self, number: int) -> Places:
        """Places of one of them; the one more cell is the last."""
        return self._places[number]

    def sayings(self, number: int, members: Sequence[int]) -> Sayings:
        """What these siblings say of the places of another, and how far off they were on each other."""
        said = together_say(self._said(number, members), self.places(number))
        return replace(said, errors=self.errors(members))

    def errors(self, members: Sequence[int]) -> np.ndarray:
        """`Sayings.errors` of these siblings."""
        if len(members) < 2:
            return np.full(len(SAYINGS) - 1, np.nan)
        others = [[member for member in members if member != left_out] for left_out in members]
        means = [self._said(*each).mean(axis=0) for each in zip(members, others, strict=True)]
        at = Places.together([self.places(member) for member in members])
        off = loss(_z(np.concatenate(means, axis=1), len(members) - 1, at)[:, 1:], at.z[:, None])
        borders = np.cumsum([len(self.places(member)) for member in members])[:-1]
        return np.mean([part.mean(axis=0) for part in np.split(off, borders)], axis=0)

    def _said(self, number: int, members: Sequence[int]) -> np.ndarray:
        """What each of these siblings says of the places of another (k, 5, n)."""
        return self.said[list(members)][:, :, self.parts[number]]


# ---------------------------------------------------------------- who is a sibling


def failed_at(history: History) -> tuple[int, pd.Timestamp] | None:
    """Cycle and bench time (NaT: not recorded) at which a clean history fell below its own end of life; None: not."""
    return remembered(history, f"failed at {history.end_of_life_capacity_Ah}", lambda: _failed_at(history))


def _failed_at(history: History) -> tuple[int, pd.Timestamp] | None:
    curve = remembered(history, "curve", lambda: Curve.of_history(history))
    end = curve.end(history.end_of_life_capacity_Ah / curve.reference_Ah)
    if end is None:
        return None
    cycle = int(curve.age[end]) - 1 + curve.first_cycle
    row = history.cycles[history.cycles["cycle_number"] == cycle]
    return cycle, pd.Timestamp(row["start_time"].iloc[0])


def admitted(history: History, candidates: Sequence[History], past: bool = False) -> list[History]:
    """The failed cells that may speak of a cell: this is the one place for the rule that no cell sees its own future.

    - never the cell itself, nor the cell that it replays (`training_cell`), nor another replay of that;
    - a replay is nobody's sibling: what it lived, its origin has lived;
    - of the same, known `CellFacts.cell_type`;
    - that have passed their end of life; with `past` (the history was cut at an earlier cycle than the last) only those
      whose end was recorded before the time of the last cycle of `history`; without times that is not known: none.

    The `MOST_SIBLINGS` that failed last, by time, then by name. Histories are taken as they are: clean ones.
    """
    kind = history.facts.cell_type
    if kind is None:
        return []
    origin = history.training_cell or history.cell
    now = pd.Timestamp(history.cycles["start_time"].iloc[-1]) if len(history.cycles) else pd.NaT
    found: list[tuple[pd.Timestamp, str, History]] = []
    for other in candidates:
        replays = other.training_cell is not None and other.training_cell != other.cell
        if replays or other.cell in (history.cell, origin) or other.facts.cell_type != kind:
            continue
        if len(other.cycles) < LEAST_RECORDS or (failed := failed_at(other)) is None:
            continue
        if past and not failed[1] <= now:
            continue
        found.append((failed[1] if failed[1] is not pd.NaT else pd.Timestamp.min, other.cell, other))
    found.sort(key=lambda one: (one[0], one[1]))
    return [other for _, _, other in found[-MOST_SIBLINGS:]]
