"""The clock of a cell: its times are either those of its test bench, without zone, or UTC. The first one given decides.

Inside, a time is a date and time without zone, and a second of the clock counts from 1970-01-01T00:00:00 on it.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from aasx.submodels.operational_data import BENCH, UTC_CLOCK
from operations.request.errors import InvalidInput, Problem, shown

EPOCH = datetime(1970, 1, 1)


def on_clock(clock: str | None, field: str, text: str) -> tuple[str, datetime]:
    """The clock (that of the cell, or the one that this first time decides) and the time by it.

    Raises InvalidInput for a time of the other clock, with the remedy.
    """
    moment = datetime.fromisoformat(text)
    zoned = moment.tzinfo is not None
    clock = clock or (UTC_CLOCK if zoned else BENCH)
    if zoned and clock == BENCH:
        remedy = "must be without zone: this cell goes by the clock of its test bench; give the time of that clock"
        raise InvalidInput(Problem(field, shown(text), remedy))
    if not zoned and clock == UTC_CLOCK:
        remedy = "must have a zone, as 2026-01-05T07:00:00Z or 2026-01-05T08:00:00+01:00: this cell goes by UTC"
        raise InvalidInput(Problem(field, shown(text), remedy))
    return clock, moment.astimezone(UTC).replace(tzinfo=None) if zoned else moment


def now(clock: str | None) -> datetime | None:
    """The present time by the clock; None on a bench, whose clock this software does not see."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0) if clock == UTC_CLOCK else None


def seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()


def moment(seconds_s: float) -> pd.Timestamp:
    """To the millisecond, as records hold it."""
    return pd.Timestamp(round(1000 * seconds_s), unit="ms")


def text(moment: datetime, clock: str | None) -> str:
    """xs:dateTime: with Z on a UTC cell."""
    words = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return f"{words}Z" if clock == UTC_CLOCK else words
