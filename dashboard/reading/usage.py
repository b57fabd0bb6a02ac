"""What the records of a cell tell beside its capacity: how it was used, how it changed, and what a day brought.

A record is a cycle as `Twin.records` gives it; a series is a list of (cycle number, value), without the cycles in which
the value was not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from aasx.elements.shape import moment

Series = list[tuple[int, float]]
Records = Sequence[dict[str, Any]]

BELIEVED_EFFICIENCY = (0.5, 1.05)
"""Charge out over charge in; outside of it the charge before was not whole, or more than one lies between."""
DAY = timedelta(days=1)


def series(records: Records, name: str, factor: float = 1.0) -> Series:
    return [(row["id_cycle"], row[name] * factor) for row in records if row.get(name) is not None]


def throughput(records: Records) -> Series:
    """Charge delivered since the first recorded cycle, Ah; what a cycle without a capacity delivered is not known."""
    known = series(records, "Capacity")
    return list(zip([cycle for cycle, _ in known], accumulate(value for _, value in known), strict=True))


def energy_Wh(records: Records) -> float | None:
    """Energy delivered: charge times mean voltage under load; None unless every cycle with a charge has a voltage."""
    known = [row for row in records if row.get("Capacity") is not None]
    if not known or any(row.get("Voltage_measured") is None for row in known):
        return None
    return sum(row["Capacity"] * row["Voltage_measured"] for row in known)


def equivalent_full_cycles(records: Records, rated_capacity_Ah: float | None) -> Series:
    """Throughput of charge and discharge over twice the rated capacity, thus the charge delivered over the rated one:
    what is delivered has been charged before."""
    if not rated_capacity_Ah:
        return []
    return [(cycle, charge_Ah / rated_capacity_Ah) for cycle, charge_Ah in throughput(records)]


def efficiency(records: Records) -> Series:
    """Coulombic efficiency in %: charge delivered over the charge taken up before."""
    low, high = BELIEVED_EFFICIENCY
    found = []
    for row in records:
        delivered, taken = row.get("Capacity"), row.get("ChargeCapacity")
        if delivered is not None and taken and low <= delivered / taken <= high:
            found.append((row["id_cycle"], delivered / taken * 100))
    return found


def resistance(records: Records) -> tuple[str, Series]:
    """Values in mΩ of the resistance that is known, and its idShort: "" where it is the sum of Re and Rct (impedance
    spectra), otherwise that at load on."""
    spectra = [
        (row["id_cycle"], (row["Re"] + row["Rct"]) * 1000)
        for row in records
        if row.get("Re") is not None and row.get("Rct") is not None
    ]
    return ("", spectra) if len(spectra) > 1 else ("OhmicResistance", series(records, "OhmicResistance", 1000))


def rise(values: Series) -> float | None:
    """Change from the first to the last value in %, each the median of (up to) three: one odd value tells nothing."""
    if len(values) < 2:
        return None
    first, last = (sorted(value for _, value in part)[len(part) // 2] for part in (values[:3], values[-3:]))
    return (last - first) / first * 100 if first > 0 else None


def started_at(row: dict[str, Any]) -> datetime | None:
    """Start of a cycle by the clock of the cell, without zone (that of a cell by UTC is in UTC)."""
    when = moment(row.get("Time"))
    if when is None:
        return None
    return when.replace(tzinfo=None) if when.tzinfo is None else (when - when.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]


@dataclass(frozen=True)
class Day:
    """The cycles of a cell's last day: the record before it and the last one, and how many came in between.

    `until` is the start of the last cycle by the clock of the cell; None where the cell has no times: then `before` is
    the cycle before the last one.
    """

    before: dict[str, Any]
    last: dict[str, Any]
    cycles: int
    until: datetime | None


def last_day(records: Records) -> Day | None:
    """None with fewer than two cycles."""
    if len(records) < 2:
        return None
    last = records[-1]
    until = started_at(last)
    if until is not None:
        for place in range(len(records) - 2, -1, -1):
            started = started_at(records[place])
            if started is not None and started <= until - DAY:
                return Day(records[place], last, len(records) - 1 - place, until)
    return Day(records[0] if until else records[-2], last, len(records) - 1 if until else 1, until)
