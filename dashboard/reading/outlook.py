"""What a remaining life means in days, and how a cell stands among its siblings: for rows of the fleet.

The pace is that of the last cycles. Only a cell whose times have a zone (its clock is UTC) has dates: the times of a
test bench need not be of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from aasx.identifiers import DEMO_PREFIX
from aasx.vocabulary import IN_SERVICE
from dashboard.reading.content import FleetRow

LONGEST_d = 365 * 50
IDLE_CYCLES, IDLE_d = 10.0, 2.0
"""A cell is at rest once the last cycle is so many cycles' times, and days, ago: then the pace says nothing."""
LEAST_SIBLINGS = 4
LEAST_GAP = 3.0
"""Points of state of health; what is nearer to the siblings is no outlier however alike they are."""
SPREADS = 3.0
OF_MAD = 1.4826  # of the median absolute deviation to the standard deviation of a normal distribution
GRID = 60


@dataclass(frozen=True)
class End:
    """When the end of life comes at the present pace: in days of such use, as dates where there are any.

    `why` names why there is no date: "bench" (its clock is that of a test bench), "idle", "far" (beyond 50 years) or
    "" with a date.
    """

    days: float
    day: datetime | None
    earliest: datetime | None
    latest: datetime | None
    why: str


def end_of(row: FleetRow, now: datetime, pace: float | None = None) -> End | None:
    """At the cell's own pace or another one, cycles a day; None where life or pace is not known, or life is over."""
    pace = row.cycles_per_day if pace is None else pace
    if not pace or pace <= 0 or not row.rul or row.last_cycle_at is None:
        return None
    days, last = row.rul / pace, row.last_cycle_at
    if last.tzinfo is None:
        return End(days, None, None, None, "bench")
    resting = (now - last) / timedelta(days=1)
    if resting > max(IDLE_d, IDLE_CYCLES / pace):
        return End(days, None, None, None, "idle")
    if days > LONGEST_d:
        return End(days, None, None, None, "far")

    def day_of(cycles: float | None) -> datetime | None:
        return None if cycles is None or cycles / pace > LONGEST_d else last + timedelta(days=cycles / pace)

    return End(days, day_of(row.rul), day_of(row.rul_lower), day_of(row.rul_upper), "")


@dataclass(frozen=True)
class Middle:
    """Median state of health of cells over the cycle, and its spread (a robust standard deviation), on a grid."""

    cycles: np.ndarray
    health: np.ndarray
    spread: np.ndarray

    def at(self, cycle: float) -> tuple[float, float] | None:
        """Median and spread at a cycle; None where too few cells have been."""
        if not self.cycles[0] <= cycle <= self.cycles[-1]:
            return None
        return float(np.interp(cycle, self.cycles, self.health)), float(np.interp(cycle, self.cycles, self.spread))

    def points(self) -> list[tuple[float, float]]:
        return list(zip(self.cycles.tolist(), self.health.tolist(), strict=True))


def middle_of(rows: Iterable[FleetRow], least: int = 2) -> Middle | None:
    """Of the cells whose trend is known, where at least so many of them have been; None where that is nowhere."""
    drawn = [trend for row in rows if len(trend := row.soh_trend()) > 1]
    if len(drawn) < least:
        return None
    grid = np.linspace(1, max(points[-1][0] for points in drawn), GRID)
    values = np.full((len(drawn), GRID), np.nan)
    for place, points in enumerate(drawn):
        cycles, health = np.array(points, float).T
        within = (grid >= cycles[0]) & (grid <= cycles[-1])
        values[place, within] = np.interp(grid[within], cycles, health)
    enough = np.isfinite(values).sum(axis=0) >= least
    if enough.sum() < 2:
        return None
    health = np.nanmedian(values[:, enough], axis=0)
    return Middle(grid[enough], health, OF_MAD * np.nanmedian(np.abs(values[:, enough] - health), axis=0))


def among_siblings(rows: Sequence[FleetRow]) -> list[FleetRow]:
    """The rows with `gap`: points of state of health above the median of their type at the same cycle; `outlier` marks
    those further off than three (robust) standard deviations. Nothing is said with fewer than four siblings, or of the
    demo's cells, which are nobody's siblings."""
    compared: dict[str, FleetRow] = {}
    for cell_type, members in by_type(filter(counts, rows)).items():
        middle = middle_of(members, LEAST_SIBLINGS + 1) if cell_type else None
        for row in members if middle else ():
            points = row.soh_trend()
            there = middle.at(points[-1][0]) if points else None  # type: ignore[union-attr]
            if there:
                gap = points[-1][1] - there[0]
                compared[row.cell] = replace(row, gap=gap, outlier=abs(gap) > max(LEAST_GAP, SPREADS * there[1]))
    return [compared.get(row.cell, row) for row in rows]


def counts(row: FleetRow) -> bool:
    """Whether a cell is anybody's sibling: the demo's cells are not."""
    return not row.cell.startswith(DEMO_PREFIX)


def by_type(rows: Iterable[FleetRow]) -> dict[str, list[FleetRow]]:
    """Rows by cell type, "" for those of none, the largest group first and that of none last."""
    found: dict[str, list[FleetRow]] = {}
    for row in rows:
        found.setdefault(row.cell_type, []).append(row)
    return dict(sorted(found.items(), key=lambda item: (not item[0], -len(item[1]), item[0])))


def loss_per_100_cycles(row: FleetRow) -> float | None:
    """Points of state of health lost per 100 cycles over the second half of the known life."""
    points = row.soh_trend()
    if len(points) < 2:
        return None
    (x0, y0), (x1, y1) = points[(len(points) - 1) // 2], points[-1]
    return (y0 - y1) / (x1 - x0) * 100 if x1 > x0 else None


def soonest(rows: Iterable[FleetRow], now: datetime | None = None) -> FleetRow | None:
    """The cell in service whose end of life comes first: in days where a pace is known, cycles else."""
    alive = [row for row in rows if row.rul and row.service == IN_SERVICE]
    now = now or datetime.now(UTC)

    def key(row: FleetRow) -> tuple[bool, float]:
        end = end_of(row, now)
        return (end is None, row.rul if end is None else end.days)  # type: ignore[return-value]

    return min(alive, key=key, default=None)
