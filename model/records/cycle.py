"""One discharge cycle of a cell, and the history made of them: names, units, physical ranges.

A cycle is one discharge with a valid capacity label, numbered from 1; what is known of the charge before it,
the rest before it and the last impedance measurement stands in the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from model.errors import InvalidInput
from model.records.facts import NASA_FACTS, CellFacts, limits

T = TypeVar("T")

NOMINAL_CAPACITY_Ah = 2.0
"""Capacity of the new cell type; README of cells 5, 6, 7, 18: "rated capacity (from 2Ahr to 1.4Ahr)"."""

CAPACITY_LIMIT_Ah = 2.1
"""Highest capacity that this 2 Ah cell type can deliver; labels above it are integration faults of the bench."""

DEFAULT_END_OF_LIFE_PERCENT = 70.0
"""End of life in percent of the rated capacity where none is stated (README of cells 5, 6, 7, 18: 30 % fade)."""


class Column(NamedTuple):
    """Unit, meaning and the range that is physically possible for one column of a cycle table."""

    unit: str
    meaning: str
    low: float
    high: float


COLUMNS: dict[str, Column] = {
    "cycle_number": Column("1", "number of the discharge cycle with a valid capacity, from 1", 1, 1e6),
    "start_time": Column("", "bench clock at the start of the discharge; the zone is not recorded", -np.inf, np.inf),
    "ambient_temperature_degC": Column("degC", "ambient temperature recorded for the cycle", -40, 100),
    "capacity_Ah": Column("Ah", "charge delivered by the discharge down to the stop voltage", 0, CAPACITY_LIMIT_Ah),
    "voltage_mean_V": Column("V", "mean cell voltage under load", 0, 5),
    "current_mean_A": Column("A", "mean cell current under load, negative on discharge", -20, 0),
    "temperature_max_degC": Column("degC", "highest cell temperature of the discharge", -40, 150),
    "load_current_mean_A": Column("A", "mean current at the load while the cell is under load", -20, 20),
    "load_voltage_mean_V": Column("V", "mean voltage at the load while the cell is under load", 0, 5),
    "duration_s": Column("s", "last minus first time of the discharge", 0, 1e6),
    "rest_before_h": Column("h", "time from the end of the discharge before to the start of this one", 0, 1e6),
    "discharge_current_A": Column("A", "95th percentile of the absolute current under load", 0, 20),
    "voltage_drop_V": Column("V", "cell voltage before minus just after the load is switched on", -1, 3),
    "ohmic_resistance_ohm": Column("ohm", "voltage drop divided by current when the load is switched on", -1, 10),
    "temperature_rise_K": Column("K", "highest minus first cell temperature of the discharge", 0, 120),
    "voltage_300s_V": Column("V", "cell voltage 300 s after the start of the discharge record", 0, 5),
    "voltage_600s_V": Column("V", "cell voltage 600 s after the start of the discharge record", 0, 5),
    "charge_3V8_3V6_Ah": Column("Ah", "charge delivered between 3.8 V and 3.6 V", 0, 3),
    "charge_3V7_3V5_Ah": Column("Ah", "charge delivered between 3.7 V and 3.5 V", 0, 3),
    "charge_to_3V5_Ah": Column("Ah", "charge delivered from full down to 3.5 V", 0, 3),
    "charge_Ah": Column("Ah", "charge put in by the last full charge before the discharge", 0, 4),
    "charge_since_previous_Ah": Column("Ah", "charge put in by all charges since the discharge before", 0, 20),
    "cc_charge_Ah": Column("Ah", "charge put in at constant current", 0, 4),
    "cv_charge_Ah": Column("Ah", "charge put in at constant voltage", 0, 4),
    "cv_time_0A5_s": Column("s", "time from the end of constant current until the current has fallen to 0.5 A", 0, 1e5),
    "cv_current_1000s_A": Column("A", "charge current 1000 s after the end of constant current", -0.1, 5),
    "charge_time_3V9_4V0_s": Column("s", "time from 3.9 V to 4.0 V while charging at constant current", 0, 1e5),
    "charge_time_4V0_4V1_s": Column("s", "time from 4.0 V to 4.1 V while charging at constant current", 0, 1e5),
    "Re_ohm": Column("ohm", "electrolyte resistance of the last impedance measurement", 0, 1),
    "Rct_ohm": Column("ohm", "charge transfer resistance of the last impedance measurement", 0, 1),
}
"""Columns of a cycle table in their order: name -> unit, meaning, physical range. Where the range depends on the cell
it is that of NASA's 2 Ah cells here; `History.limits` has that of any cell."""

MEASURED = [name for name in COLUMNS if name not in ("cycle_number", "start_time")]
"""Columns that hold a measured number."""

_COLUMN_NAMES, _MEASURED_NAMES = pd.Index(list(COLUMNS)), pd.Index(MEASURED)
_ALL_BUT_START = _COLUMN_NAMES.delete(1)

NASA_LIMITS = {name: (COLUMNS[name].low, COLUMNS[name].high) for name in MEASURED}
"""Lowest and highest possible value of each measured column of NASA's cells."""


MOST_ROWS = 5000
"""Rows up to which a history with gaps is filled: a life of NASA's kind is over long before."""


@dataclass(frozen=True)
class History:
    """All valid cycles of one cell up to now.

    `cycles` has one row per cycle, sorted by `cycle_number`, with every name of `COLUMNS` (NaN where not measured).
    `end_of_life_capacity_Ah` is the capacity below which the cell counts as worn out. `cut_off_voltage_V` is the
    voltage at which its discharges stop, None if unknown. `training_cell` names the training cell of which this
    history is a replay, if any, so that it is predicted by a model that never saw that cell. `facts`: what else is
    known of the cell. Cycle numbers are the source's and may have gaps: whatever counts cycles counts by them.
    `rated_capacity_Ah` is NaN while it is neither stated nor to be had from the first cycles (`rated_from_cycles`).
    """

    cell: str
    rated_capacity_Ah: float
    end_of_life_capacity_Ah: float
    cut_off_voltage_V: float | None
    cycles: pd.DataFrame
    training_cell: str | None = None
    facts: CellFacts = NASA_FACTS

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest possible value of each measured column for this cell."""
        own = limits(self.facts, self.rated_capacity_Ah)
        return {name: own.get(name, (COLUMNS[name].low, COLUMNS[name].high)) for name in MEASURED}

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All columns of `cycles` but `start_time`, as numbers that cannot be changed."""
        names = [name for name in self.cycles.columns if name != "start_time"]
        return _by_name(np.ascontiguousarray(self.cycles[names].to_numpy(float).T), names)

    @cached_property
    def clean(self) -> tuple[History, dict[str, int]]:
        """This history with `clean_cycles`, and what that says of repaired columns. Raises as `clean_cycles` does."""
        values, start, repaired, is_clean = _clean_values(self.cycles, self.limits)
        known = replace(self, cycles=self.cycles if is_clean else _table(values, start))
        vars(known)["columns"] = _by_name(values, [name for name in COLUMNS if name != "start_time"])
        return known, repaired

    def every_cycle(self) -> History:
        """The same with a row for each number between the first and the last: capacities straight between those that
        were measured, everything else not known. Itself without gaps, or with more rows than `MOST_ROWS`."""
        numbers = self.columns["cycle_number"].astype(int)
        wanted = int(numbers[-1]) - int(numbers[0]) + 1
        if wanted == len(numbers) or wanted > MOST_ROWS:
            return self
        every = np.arange(numbers[0], numbers[-1] + 1)
        table = self.cycles.set_index("cycle_number").reindex(pd.Index(every, name="cycle_number")).reset_index()
        return replace(self, cycles=table.assign(capacity_Ah=np.interp(every, numbers, self.columns["capacity_Ah"])))

    def until(self, cycle_number: int) -> History:
        """The same history as it was right after `cycle_number`."""
        end = int(np.searchsorted(self.columns["cycle_number"], cycle_number, side="right"))
        if end == len(self.cycles):
            return self
        known = replace(self, cycles=self.cycles.iloc[:end])
        vars(known)["columns"] = {name: values[:end] for name, values in self.columns.items()}  # need not be read anew
        vars(known)["_whole"] = self.whole
        return known

    @property
    def whole(self) -> History:
        """The history that `until` has cut this one from, else itself: what each of its rows tells of earlier ones
        alone is worked out there once for all of them."""
        whole: History = vars(self).get("_whole", self)
        return whole


def remembered(history: History, name: str, make: Callable[[], T], by: object = None) -> T:
    """What follows from a history alone, or from it and `by`, is worked out once and kept beside its columns, of each
    name for the last `by` only."""
    kept: dict[str, tuple[object, T]] = vars(history).setdefault("_worked_out", {})
    found = kept.get(name)
    if found is None or found[0] is not by:
        found = kept[name] = by, make()
    return found[1]


def clean_cycles(
    cycles: pd.DataFrame, limits: Mapping[str, tuple[float, float]] = NASA_LIMITS
) -> tuple[pd.DataFrame, dict[str, int]]:
    """A cycle table that the predictors can use, and in which columns something impossible was set to missing: by name
    the number of the first such cycle.

    Adds absent columns as missing, sorts by cycle number, sets numbers outside `limits` (see `History.limits`) and
    anything that is no number to NaN, and drops rows without a valid capacity (above 0, within its limit).
    Raises `InvalidInput` if cycle numbers are missing, not whole, below 1 or given twice.
    """
    values, start, repaired, _ = _clean_values(cycles, limits)
    return _table(values, start), repaired


def _clean_values(
    cycles: pd.DataFrame, limits: Mapping[str, tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray, dict[str, int], bool]:
    """What `clean_cycles` tells: n cycles as columns but the start (29, n), their start times, what was repaired; and
    whether `cycles` is the very table of them."""
    numbers = _numbers(cycles, "cycle_number")
    if not np.all(np.isfinite(numbers)) or np.any(numbers < 1) or np.any(numbers != np.floor(numbers)):
        raise InvalidInput("cycle_number", numbers.tolist(), "whole numbers from 1, one per cycle")
    is_rising = bool(np.all(np.diff(numbers) > 0))
    if not is_rising and len(np.unique(numbers)) != len(numbers):
        raise InvalidInput("cycle_number", numbers.tolist(), "each cycle number once")
    is_whole = cycles.columns.equals(_COLUMN_NAMES)
    measured = cycles.iloc[:, 2:] if is_whole else cycles.reindex(columns=_MEASURED_NAMES)
    no_number = np.zeros(measured.shape, dtype=bool)
    kinds = set(measured.dtypes)
    if all(isinstance(dtype, np.dtype) and dtype.kind == "f" for dtype in kinds):
        values = measured.to_numpy(dtype=float, copy=True)
    else:
        values = np.column_stack([_numbers(measured, name) for name in MEASURED])
        no_number = measured.notna().to_numpy() & np.isnan(values)
    low, high = np.array([limits[name] for name in MEASURED]).T
    with np.errstate(invalid="ignore"):
        possible = (values >= low) & (values <= high)
    capacity = MEASURED.index("capacity_Ah")
    possible[:, capacity] &= values[:, capacity] > 0
    wrong = no_number | (~np.isnan(values) & ~possible)
    repaired = {MEASURED[i]: int(numbers[wrong[:, i]].min()) for i in np.flatnonzero(wrong.any(axis=0))}
    values[~possible] = np.nan
    start = cycles["start_time"] if "start_time" in cycles else pd.Series(pd.NaT, index=cycles.index)
    order = np.arange(len(numbers)) if is_rising else np.argsort(numbers, kind="stable")
    order = order[possible[order, capacity]]
    are_times, is_in_order = start.dtype.kind == "M", np.array_equal(order, np.arange(len(numbers)))
    times = (start if are_times else pd.to_datetime(start, errors="coerce")).to_numpy()
    is_plain = is_whole and are_times and kinds == {np.dtype(float)} and cycles["cycle_number"].dtype == int
    is_clean = is_plain and is_in_order and not repaired and cycles.index.equals(pd.RangeIndex(len(cycles)))
    if not is_in_order:
        numbers, values, times = numbers[order], values[order], times[order]
    found = np.empty((1 + len(MEASURED), len(numbers)))
    found[0], found[1:] = numbers, values.T
    return found, times, repaired, is_clean


def _table(values: np.ndarray, start: np.ndarray) -> pd.DataFrame:
    """A cycle table of the columns but the start time (29, n), and the start times."""
    table = pd.DataFrame(values.T, columns=_ALL_BUT_START, copy=False)
    table.isetitem(0, values[0].astype(int))
    table.insert(1, _COLUMN_NAMES[1], start)
    return table


def _by_name(values: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns (m, n) by their names, that cannot be changed."""
    values.flags.writeable = False
    return dict(zip(names, values, strict=True))


def _numbers(cycles: pd.DataFrame, name: str) -> np.ndarray:
    """A column as floats; NaN where it holds no number or does not exist."""
    if name not in cycles:
        return np.full(len(cycles), np.nan)
    column = cycles[name]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fi":
        return column.to_numpy(dtype=float, copy=True)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
