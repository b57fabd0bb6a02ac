"""Per-cycle features from raw samples of a discharge and of the charge before it.

All cycles of a cell are worked on together: their samples lie one after another in flat arrays, and a feature is a
handful of array operations over the whole cell. The same functions serve one single cycle (`cycle_features`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from model.errors import InvalidInput
from model.records.cycle import COLUMNS
from model.records.facts import NASA_CELL_TYPE, CellFacts

LOAD_ON_A = 0.1
"""A cell counts as under load above this absolute current; the loads of the data set are 1 A to 4 A."""

CHARGE_ON_A = 0.005
"""Current above which charge is counted; the charger stops at 0.02 A (README of the data set)."""

CONSTANT_CURRENT_A = 1.4
"""Charge current above which the charger is in its constant-current phase of 1.5 A (README of the data set)."""

TOP_SHARE = 0.998
"""In a charge of any other cell the voltage is constant from where it first comes to this share of its highest."""

LOAD_ON_C, CHARGE_ON_C = 0.02, 0.001
"""Small cells are under load, or charged, above these shares of 1C, which are less than the currents above."""

DISCHARGE_GAP_s = 60.0
CHARGE_GAP_s = 200.0
"""Longest time between two samples over which current is integrated; a longer one is a hole in the record."""

MINIMUM_DISCHARGE_SAMPLES = 5
MINIMUM_LOAD_SAMPLES = 3
MINIMUM_CHARGE_SAMPLES = 20
MINIMUM_CONSTANT_CURRENT_SAMPLES = 5

DISCHARGE_FEATURES = (
    "voltage_mean_V",
    "current_mean_A",
    "temperature_max_degC",
    "load_current_mean_A",
    "load_voltage_mean_V",
    "duration_s",
    "discharge_current_A",
    "voltage_drop_V",
    "ohmic_resistance_ohm",
    "temperature_rise_K",
    "voltage_300s_V",
    "voltage_600s_V",
    "charge_3V8_3V6_Ah",
    "charge_3V7_3V5_Ah",
    "charge_to_3V5_Ah",
)
CHARGE_FEATURES = (
    "charge_Ah",
    "cc_charge_Ah",
    "cv_charge_Ah",
    "cv_time_0A5_s",
    "cv_current_1000s_A",
    "charge_time_3V9_4V0_s",
    "charge_time_4V0_4V1_s",
)
SAMPLE_NAMES = ("Time", "Voltage_measured", "Current_measured", "Temperature_measured")
"""Names of the sample vectors in the data set and in CSV text: s, V, A (negative on discharge), degC."""


class Scale(NamedTuple):
    """Currents (A) above which a cell is under load, is charged, and at constant current; as they stand NASA's.

    None: where the constant current ends is told by the voltage of each charge.
    """

    load_on_A: float = LOAD_ON_A
    charge_on_A: float = CHARGE_ON_A
    constant_current_A: float | None = CONSTANT_CURRENT_A

    @classmethod
    def of(cls, facts: CellFacts, rated_capacity_Ah: float) -> Scale:
        """Of a cell with these facts; `rated_capacity_Ah` is NaN where it is not known."""
        if facts.cell_type == NASA_CELL_TYPE:
            return cls()
        rated = rated_capacity_Ah if math.isfinite(rated_capacity_Ah) else math.inf
        return cls(min(LOAD_ON_A, LOAD_ON_C * rated), min(CHARGE_ON_A, CHARGE_ON_C * rated), None)


NASA_SCALE = Scale()


@dataclass(frozen=True)
class Samples:
    """Samples of n cycles laid one after another; cycle i is `[bounds[i]:bounds[i + 1]]` of each array.

    Only samples with finite time, voltage, current and temperature are kept.
    """

    time_s: np.ndarray
    voltage_V: np.ndarray
    current_A: np.ndarray
    temperature_degC: np.ndarray
    load_current_A: np.ndarray | None
    load_voltage_V: np.ndarray | None
    bounds: np.ndarray

    @classmethod
    def of(cls, cycles: Sequence[Sequence[np.ndarray]]) -> Samples:
        """From one sequence per cycle: time, voltage, current, temperature[, load current, load voltage].

        Vectors of one cycle that differ in length are cut to the shortest.
        """
        width = min((len(cycle) for cycle in cycles), default=len(SAMPLE_NAMES))
        lengths = np.zeros(len(cycles), dtype=np.intp)
        parts: list[list[np.ndarray]] = [[] for _ in range(width)]
        for i, cycle in enumerate(cycles):
            length = min(vector.size for vector in cycle)
            lengths[i] = length
            for j in range(width):
                parts[j].append(cycle[j][:length])
        flat = [np.concatenate(part) if part else np.zeros(0) for part in parts]
        bounds = np.concatenate(([0], np.cumsum(lengths)))
        if not all(np.isfinite(column.sum()) for column in flat[:4]):
            keep = np.isfinite(flat[0]) & np.isfinite(flat[1]) & np.isfinite(flat[2]) & np.isfinite(flat[3])
            kept_before = np.concatenate(([0], np.cumsum(keep)))
            bounds = kept_before[bounds]
            flat = [column[keep] for column in flat]
        load_current, load_voltage = (flat[4], flat[5]) if width > 5 else (None, None)
        return cls(flat[0], flat[1], flat[2], flat[3], load_current, load_voltage, bounds)

    @property
    def count(self) -> int:
        """Number of cycles."""
        return len(self.bounds) - 1

    def select(self, wanted: np.ndarray) -> Samples:
        """Only the cycles where `wanted` (n booleans) is true."""
        lengths = np.diff(self.bounds)
        if wanted.all():
            return self
        keep = np.repeat(wanted, lengths)
        bounds = np.concatenate(([0], np.cumsum(lengths[wanted])))
        load = [None if x is None else x[keep] for x in (self.load_current_A, self.load_voltage_V)]
        return Samples(
            self.time_s[keep],
            self.voltage_V[keep],
            self.current_A[keep],
            self.temperature_degC[keep],
            load[0],
            load[1],
            bounds,
        )


def _first(mask: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Per cycle the first index in [start, end) where mask is true, -1 if nowhere."""
    rising = np.flatnonzero(mask[1:] & ~mask[:-1]) + 1  # few, where the mask itself may be true nearly everywhere
    rising = np.append(rising, len(mask))
    after = rising[np.searchsorted(rising, starts)]
    found = np.where(mask[starts], starts, after)
    return np.where(found < ends, found, -1)


def _sums(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Sum over each (non-empty) cycle."""
    return np.add.reduceat(values, bounds[:-1], dtype=float)


def _time_steps(samples: Samples, longest_s: float) -> np.ndarray:
    """Seconds since the sample before, 0 at each cycle's first sample, never negative nor above `longest_s`."""
    steps = np.empty(len(samples.time_s), dtype=float)
    np.subtract(samples.time_s[1:], samples.time_s[:-1], out=steps[1:])
    steps[samples.bounds[:-1]] = 0.0
    return np.clip(steps, 0.0, longest_s, out=steps)


def _crossing(at: np.ndarray, level: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y where x passes `level` between samples at-1 and at (linear); NaN where `at` is -1."""
    j = np.maximum(at, 1)
    before, after = x[j - 1].astype(float), x[j].astype(float)
    span = after - before
    share = np.where(span == 0, 1.0, (level - before) / np.where(span == 0, 1.0, span))
    return np.where(at < 0, np.nan, y[j - 1] + np.clip(share, 0.0, 1.0) * (y[j].astype(float) - y[j - 1]))


def discharge_features(samples: Samples, scale: Scale = NASA_SCALE) -> dict[str, np.ndarray]:
    """Features of n discharges: name -> n values, NaN where a discharge does not show it.

    Names, units and meanings are those of `model.records.cycle.COLUMNS`.
    """
    result = {name: np.full(samples.count, np.nan) for name in DISCHARGE_FEATURES}
    usable = np.diff(samples.bounds) >= MINIMUM_DISCHARGE_SAMPLES
    if not usable.any():
        return result
    inner = samples.select(usable)
    values = _discharge_features(inner, scale.load_on_A)
    for name, column in values.items():
        result[name][usable] = column
    return result


def _discharge_features(s: Samples, load_on_A: float) -> dict[str, np.ndarray]:
    starts, ends = s.bounds[:-1], s.bounds[1:]
    strength = np.abs(s.current_A)
    loaded = strength > load_on_A
    loaded_count = _sums(loaded, s.bounds)
    shown = loaded_count >= MINIMUM_LOAD_SAMPLES
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(shown, 1.0 / loaded_count, np.nan)

    def mean(values: np.ndarray | None) -> np.ndarray:
        return np.full(s.count, np.nan) if values is None else _sums(np.where(loaded, values, 0), s.bounds) * share

    hottest = np.maximum.reduceat(s.temperature_degC, starts).astype(float)
    on = np.where(shown, _first(loaded, starts, ends), starts)
    after = np.minimum(on + 1, ends - 1)
    drop = np.where(shown, s.voltage_V[starts] - s.voltage_V[after], np.nan)
    delivered = np.cumsum(strength * _time_steps(s, DISCHARGE_GAP_s)) / 3600.0
    delivered_start = delivered[starts]
    elapsed = s.time_s - np.repeat(s.time_s[starts], np.diff(s.bounds))

    def at_voltage(level: float) -> tuple[np.ndarray, np.ndarray]:
        """Charge delivered when the voltage passes `level`, and whether it lay below from the first load on."""
        index = _first(s.voltage_V <= level, after, ends)
        below = (index >= 0) & (index == after)
        charge = np.where(below, delivered[index], _crossing(index, level, s.voltage_V, delivered))
        return np.where(shown, charge - delivered_start, np.nan), below

    def window(high: float, low: float) -> np.ndarray:
        """Charge delivered between two voltages; NaN if the voltage lay below both from the first."""
        (to_high, _), (to_low, below) = at_voltage(high), at_voltage(low)
        return np.where(below, np.nan, to_low - to_high)

    def at_time(time_s: float) -> np.ndarray:
        index = _first(elapsed >= time_s, starts, ends)
        long_enough = shown & (elapsed[ends - 1] > time_s + 50.0)
        return np.where(long_enough, _crossing(index, time_s, elapsed, s.voltage_V), np.nan)

    return {
        "voltage_mean_V": mean(s.voltage_V),
        "current_mean_A": mean(s.current_A),
        "temperature_max_degC": np.where(shown, hottest, np.nan),
        "load_current_mean_A": mean(s.load_current_A),
        "load_voltage_mean_V": mean(s.load_voltage_V),
        "duration_s": (s.time_s[ends - 1] - s.time_s[starts]).astype(float),
        "discharge_current_A": _percentile_95(strength, loaded, s.bounds, shown),
        "voltage_drop_V": drop,
        "ohmic_resistance_ohm": drop / np.maximum(strength[after], load_on_A),
        "temperature_rise_K": np.where(shown, hottest - s.temperature_degC[starts], np.nan),
        "voltage_300s_V": at_time(300.0),
        "voltage_600s_V": at_time(600.0),
        "charge_3V8_3V6_Ah": window(3.8, 3.6),
        "charge_3V7_3V5_Ah": window(3.7, 3.5),
        "charge_to_3V5_Ah": at_voltage(3.5)[0],
    }


def _percentile_95(strength: np.ndarray, loaded: np.ndarray, bounds: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """95th percentile (lower neighbour) of the current under load of each cycle."""
    result = np.full(len(bounds) - 1, np.nan)
    under_load = strength[loaded]
    limits = np.concatenate(([0], np.cumsum(loaded)))[bounds]
    for i in np.flatnonzero(shown):
        part = under_load[limits[i] : limits[i + 1]]
        rank = int(0.95 * (len(part) - 1))
        result[i] = np.partition(part, rank)[rank]
    return result


def charge_features(samples: Samples, scale: Scale = NASA_SCALE) -> dict[str, np.ndarray]:
    """Features of n charges: name -> n values, and `cc_time_s`, the time at constant current (0 if none).

    Names, units and meanings are those of `model.records.cycle.COLUMNS`; NaN where a charge does not show it.
    """
    result = {name: np.full(samples.count, np.nan) for name in CHARGE_FEATURES}
    result["cc_time_s"] = np.zeros(samples.count)
    usable = np.diff(samples.bounds) >= MINIMUM_CHARGE_SAMPLES
    if not usable.any():
        return result
    values = _charge_features(samples.select(usable), scale)
    for name, column in values.items():
        result[name][usable] = column
    return result


def _charge_features(s: Samples, scale: Scale) -> dict[str, np.ndarray]:
    starts, ends = s.bounds[:-1], s.bounds[1:]
    steps = _time_steps(s, CHARGE_GAP_s)
    charging = np.where(s.current_A > scale.charge_on_A, s.current_A, 0)
    put_in = np.cumsum(charging * steps)
    put_in /= 3600.0
    put_in_start = put_in[starts]
    total = put_in[ends - 1] - put_in_start

    if scale.constant_current_A is None:
        shown, on, off = _until_constant_voltage(s, scale.charge_on_A)
        cc_time = np.zeros(s.count)
    else:
        strong_at = np.flatnonzero(s.current_A > scale.constant_current_A)
        low, high = np.searchsorted(strong_at, starts), np.searchsorted(strong_at, ends)
        shown = high - low >= MINIMUM_CONSTANT_CURRENT_SAMPLES
        on, off = starts.copy(), starts.copy()
        on[shown], off[shown] = strong_at[low[shown]], strong_at[high[shown] - 1]
        strong_time = np.concatenate(([0.0], np.cumsum(steps[strong_at])))
        cc_time = strong_time[high] - strong_time[low]
    cc_charge = put_in[off] - put_in_start
    off_time = s.time_s[off].astype(float)

    def reached(voltage_V: float) -> np.ndarray:
        index = _first(s.voltage_V >= voltage_V, on, off + 1)
        return np.where(shown & (index > on), s.time_s[np.maximum(index, 0)], np.nan)

    half = _first(s.current_A <= 0.5, off, ends)
    since_off = s.time_s - np.repeat(off_time, np.diff(s.bounds))
    later = _first(since_off >= 1000.0, off, ends)
    decayed = shown & (since_off[ends - 1] > 1000.0)
    at_4V0 = reached(4.0)
    return {
        "charge_Ah": total,
        "cc_charge_Ah": np.where(shown, cc_charge, np.nan),
        "cv_charge_Ah": np.where(shown, total - cc_charge, np.nan),
        "cv_time_0A5_s": np.where(shown & (half > off), s.time_s[np.maximum(half, 0)] - off_time, np.nan),
        "cv_current_1000s_A": np.where(decayed, _crossing(later, 1000.0, since_off, s.current_A), np.nan),
        "charge_time_3V9_4V0_s": at_4V0 - reached(3.9),
        "charge_time_4V0_4V1_s": reached(4.1) - at_4V0,
        "cc_time_s": cc_time,
    }


def _until_constant_voltage(s: Samples, charge_on_A: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each charge whether it shows how its voltage rises, the first sample of that, and the one at the top."""
    shown, on, off = np.zeros(s.count, dtype=bool), s.bounds[:-1].copy(), s.bounds[:-1].copy()
    for i, (start, end) in enumerate(zip(s.bounds[:-1], s.bounds[1:], strict=True)):
        charging = start + np.flatnonzero(s.current_A[start:end] > charge_on_A)
        if len(charging) >= MINIMUM_CONSTANT_CURRENT_SAMPLES:
            top = np.argmax(s.voltage_V[charging] >= TOP_SHARE * s.voltage_V[charging].max())
            shown[i] = top + 1 >= MINIMUM_CONSTANT_CURRENT_SAMPLES
            on[i], off[i] = charging[0], charging[top]
    return shown, on, off


def discharged_charge_Ah(samples: Samples, scale: Scale = NASA_SCALE) -> np.ndarray:
    """Charge drawn from the cell in each of n discharges by integrating the current under load, Ah."""
    lengths = np.diff(samples.bounds)
    strength = np.where(samples.current_A < -scale.load_on_A, -samples.current_A, 0.0)
    total = np.concatenate(([0.0], np.cumsum(strength * _time_steps(samples, DISCHARGE_GAP_s))))
    return np.where(lengths > 0, total[samples.bounds[1:]] - total[samples.bounds[:-1]], np.nan) / 3600.0


def cycle_features(discharge: Any, charge: Any = None, scale: Scale = NASA_SCALE) -> dict[str, float]:
    """Columns of one cycle from its raw samples (what can be said from them; others are absent).

    `discharge` and `charge` are tables (DataFrame or mapping of vectors) with the columns of `SAMPLE_NAMES`, and
    optionally `Current_load`/`Voltage_load` for the discharge. `capacity_Ah` is integrated from the current.
    `scale`: see `Scale.of`; without one the cell is of NASA's kind.
    Raises `InvalidInput` if a column is missing or too few samples are finite.
    """
    drawn = _one(discharge, "discharge", MINIMUM_DISCHARGE_SAMPLES)
    found = {name: float(column[0]) for name, column in discharge_features(drawn, scale).items()}
    found["capacity_Ah"] = float(discharged_charge_Ah(drawn, scale)[0])
    if charge is not None:
        given = charge_features(_one(charge, "charge", MINIMUM_CHARGE_SAMPLES), scale)
        found.update({name: float(given[name][0]) for name in CHARGE_FEATURES})
        found["charge_since_previous_Ah"] = found["charge_Ah"]
    return {name: found[name] for name in COLUMNS if name in found and np.isfinite(found[name])}


def _one(table: Any, what: str, minimum: int) -> Samples:
    """Samples of one cycle out of a table."""
    names = list(table.columns) if hasattr(table, "columns") else list(table)
    missing = [name for name in SAMPLE_NAMES if name not in names]
    if missing:
        raise InvalidInput(what, names, f"columns {', '.join(SAMPLE_NAMES)}; missing: {', '.join(missing)}")
    wanted = list(SAMPLE_NAMES)
    if "Current_load" in names and "Voltage_load" in names:
        wanted += ["Current_load", "Voltage_load"]
    try:
        vectors = [np.asarray(table[name], dtype=float).ravel() for name in wanted]
    except (TypeError, ValueError) as error:
        raise InvalidInput(what, str(error), "numbers in every sample column") from error
    samples = Samples.of([vectors])
    if len(samples.time_s) < minimum:
        raise InvalidInput(what, len(samples.time_s), f"at least {minimum} samples with finite numbers")
    return samples
