"""A table and its confirmed mapping become cycles, row by row: what is taken, what is left out, and why.

    cycles    a row is a cycle. One without a usable capacity or number is skipped with its reason; another value that
              cannot be is left out of the cycle and told
    samples   a row is a sample; `operations.intake.cycles` finds the discharges in their stream

Nothing here knows the AAS: numbers and capacities that are recorded already come as a mapping.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Mapped
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from model.errors import InvalidInput
from model.records.cycle import COLUMNS
from model.records.features import cycle_features
from operations.intake import cycles, headers, values
from operations.intake import mapping as mapping_
from operations.intake.cycles import CellRule, Discharge, SampleStream
from operations.intake.mapping import CYCLES, GROWS_SHARE, Mapping, Option, Question, Said
from operations.intake.readers.table import Table
from operations.request.columns import ID_SHORT
from operations.request.errors import OperationError

CHUNK_SAMPLES = 50_000
WITNESS_SAMPLES = 300_000
"""Samples in which it is looked whether the source's number counts cycles."""

COLUMN = {id_short: column for column, id_short in ID_SHORT.items()}
SAME_CAPACITY = 1e-3
"""Relative difference up to which a recorded cycle is the one of the file."""

DISCHARGE_STATE = re.compile(r"^d$|^dch|^dis|discharge|dchg|放电|entlad|décharge|decharge", re.IGNORECASE)

Limits = Mapped[str, tuple[float, float]]
Features = Callable[[Discharge], Mapped[str, Any]]


class Refused(ValueError):
    """The table cannot be read by this mapping at all."""

    def __init__(self, said: Said) -> None:
        self.said = said
        super().__init__(said.text)


@dataclass(frozen=True)
class Row:
    """One cycle of a file: where it stands, its values by column of `model.records.cycle.COLUMNS`, what is told of it.

    `skipped` says why it is not taken. `number`: that of the source, None where it gives none.
    """

    line: int
    values: dict[str, Any]
    number: int | None = None
    skipped: Said | None = None
    notes: tuple[Said, ...] = ()
    discharge: Discharge | None = None
    """What its samples were, where it was found among samples."""

    @property
    def taken(self) -> bool:
        return self.skipped is None


@dataclass
class Progress:
    """How far the reading of a file has come, and what became of its samples."""

    done: int = 0
    total: int = 0
    notes: list[Said] = field(default_factory=list)


def rows_of(
    table: Table,
    mapping: Mapping,
    rule: CellRule,
    limits: Limits,
    progress: Progress | None = None,
    features: Features = lambda discharge: cycle_features(discharge.table()),
) -> Iterator[Row]:
    """The cycles of a table in their order. `features`: what the samples of a discharge tell. Raises Refused."""
    progress = progress or Progress()
    lacking = mapping_.missing(mapping)
    absent = [source.column for source in mapping.columns.values() if source.column not in table.cells]
    if lacking or absent:
        names = ", ".join(lacking or absent)
        text = f"no column for {names}" if lacking else f"the file has no column {names}"
        raise Refused(Said("missing" if lacking else "absent", text, {"columns": names}))
    if mapping.kind == CYCLES:
        progress.total = len(table)
        yield from _cycle_rows(table, mapping, rule, limits, progress)
    else:
        yield from _sample_rows(table, mapping, rule, limits, progress, features)


# --- a row is a cycle


def _cycle_rows(table: Table, mapping: Mapping, rule: CellRule, limits: Limits, progress: Progress) -> Iterator[Row]:
    found: dict[str, np.ndarray] = {}
    wrong: dict[str, np.ndarray] = {}
    for target, source in mapping.columns.items():
        column = table.cells[source.column]
        if target == "Time":
            found[target], wrong[target] = values.moments(column, mapping.dates, mapping.zone)
        elif headers.CYCLE_TARGETS.get(target) == "time":
            seconds, wrong[target] = values.durations_s(column, mapping.decimal, mapping.thousands, source.unit or "s")
            found[target] = seconds / (3600.0 if headers.RECORD_UNITS[target] == "h" else 1.0)
        else:
            numbers, wrong[target] = values.numbers(column, mapping.decimal, mapping.thousands)
            found[target] = values.to_base(numbers, source.unit if headers.CYCLE_TARGETS.get(target) else None)
    if "DischargeCurrent" in found:
        found["DischargeCurrent"] = np.abs(found["DischargeCurrent"])
    numbers_ = found.get("id_cycle")
    from_zero = numbers_ is not None and bool(np.nanmin(numbers_, initial=math.inf) == 0)
    if from_zero:
        progress.notes.append(Said("fromZero", "the file counts its cycles from 0; here they are counted from 1"))
    seen: dict[int, int] = {}
    last_time: np.datetime64 | None = None
    for at in range(len(table)):
        line, notes = int(table.lines[at]), []
        progress.done = at + 1
        row: dict[str, Any] = {}
        skipped = None
        if table.surplus[at]:
            text = "more values than the header has columns: decimal commas without quotes, or separators in a text"
            skipped = Said("surplus", text)
        number = None
        for target, column in found.items():
            if wrong[target][at]:
                shown = str(table.cells[mapping.columns[target].column].iloc[at])[:40]
                said = _unreadable(target, shown, mapping)
                if target in ("Capacity", "id_cycle"):
                    skipped = skipped or said
                else:
                    notes.append(said)
            elif target == "Time":
                if not np.isnat(column[at]):
                    row["start_time"] = pd.Timestamp(column[at])
            elif target == "id_cycle":
                value = float(column[at])
                if not (math.isfinite(value) and value == int(value) and value + from_zero >= 1):
                    skipped = skipped or Said("cycleNumber", "the cycle has no whole number", {})
                else:
                    number = int(value) + from_zero
            elif math.isfinite(column[at]):
                row[COLUMN[target]] = float(column[at])
        if mapping.ambient_temperature_degC is not None:
            row.setdefault("ambient_temperature_degC", mapping.ambient_temperature_degC)
        skipped = skipped or _capacity_fault(row, rule)
        if skipped is None and number is not None and number in seen:
            text = f"cycle {number} stands in line {seen[number]} already"
            skipped = Said("twice", text, {"cycle": number, "line": seen[number]})
        row, told = _within(row, limits)
        notes += told
        if skipped is None:
            if number is not None:
                seen[number] = line
            start = row.get("start_time")
            if start is not None and last_time is not None and start <= last_time:
                del row["start_time"]
                notes.append(Said("notLater", "its time is not after that of the cycle before and is left out"))
            last_time = row.get("start_time", last_time)
        yield Row(line, row, number, skipped, tuple(notes))


def _unreadable(target: str, shown: str, mapping: Mapping) -> Said:
    if "," in shown and mapping.decimal == "." and re.fullmatch(r"[+-]?\d+,\d+", shown.strip()):
        text = f"{target}: {shown} has a decimal comma, other values have points"
        return Said("comma", text, {"column": target, "value": shown})
    what = "date and time" if target == "Time" else "number"
    return Said("notReadable", f"{target}: {shown} is no {what}", {"column": target, "value": shown})


def _capacity_fault(row: Mapped[str, Any], rule: CellRule) -> Said | None:
    capacity = row.get("capacity_Ah")
    if capacity is None or capacity <= 0:
        return Said("noCapacity", "no capacity: aborted, or a charge only")
    rated, largest = rule.rated_capacity_Ah, rule.largest_capacity_Ah
    if rated is not None and capacity < cycles.SMALL_SHARE * rated:
        return Said("small", f"{capacity:.4g} Ah is an aborted discharge", {"value": f"{capacity:.4g} Ah"})
    if largest is not None and capacity > largest:
        text = f"{capacity:.4g} Ah is more than the cell can hold ({largest:.4g} Ah)"
        return Said("aboveLimit", text, {"value": f"{capacity:.4g} Ah", "limit": f"{largest:.4g} Ah"})
    return None


def _within(row: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], list[Said]]:
    """The row without values that this cell cannot have, and what is told of these."""
    kept, told = {}, []
    for name, value in row.items():
        low, high = limits.get(name) or (
            (COLUMNS[name].low, COLUMNS[name].high) if name in COLUMNS else (-math.inf, math.inf)
        )
        if name in ("start_time", "capacity_Ah") or low <= value <= high:
            kept[name] = value
        else:
            unit = COLUMNS[name].unit
            text = f"{ID_SHORT[name]} {value:.4g} is outside {low:g} to {high:g} {unit} and is left out"
            told.append(
                Said(
                    "outside",
                    text,
                    {"column": ID_SHORT[name], "value": f"{value:.4g}", "low": f"{low:g}", "high": f"{high:g} {unit}"},
                )
            )
    return kept, told


# --- a row is a sample


@dataclass(frozen=True)
class Samples:
    """Vectors of one length, on one clock: seconds from 1970 where `dated`, else from the start of the test."""

    time_s: np.ndarray
    voltage_V: np.ndarray
    current_A: np.ndarray
    temperature_degC: np.ndarray | None
    ambient_degC: np.ndarray | None
    number: np.ndarray | None
    dated: bool


def samples_of(table: Table, mapping: Mapping, notes: list[Said] | None = None) -> Samples:
    """The samples of a table. Raises Refused where no clock of it runs."""
    notes = [] if notes is None else notes

    def base(target: str) -> np.ndarray | None:
        source = mapping.columns.get(target)
        if source is None:
            return None
        read, wrong = values.numbers(table.cells[source.column], mapping.decimal, mapping.thousands)
        if wrong.any():
            line = int(table.lines[np.flatnonzero(wrong)[0]])
            shown = str(table.cells[source.column].iloc[int(np.flatnonzero(wrong)[0])])[:40]
            text = f"{source.column}: {int(wrong.sum())} values are no numbers, the first {shown} in line {line}"
            notes.append(
                Said(
                    "badNumbers",
                    text,
                    {"column": source.column, "count": int(wrong.sum()), "value": shown, "line": line},
                )
            )
        read = np.where(table.surplus, np.nan, read)
        return values.to_base(read, source.unit if headers.SAMPLE_TARGETS[target] else None)

    voltage, current = base("voltage"), base("current")
    assert voltage is not None and current is not None
    if table.surplus.any():
        line = int(table.lines[np.flatnonzero(table.surplus)[0]])
        text = f"{int(table.surplus.sum())} lines hold more values than the header has columns, the first is {line}"
        notes.append(Said("surplusLines", text, {"count": int(table.surplus.sum()), "line": line}))
    if mapping.sign == "byState":
        current = _signed(np.abs(current), table.cells[mapping.columns["state"].column])
    time_s, dated = _clock(table, mapping, notes)
    return Samples(time_s, voltage, current, base("temperature"), base("ambient"), base("cycle"), dated)


def _signed(current: np.ndarray, state: pd.Series) -> np.ndarray:
    text = state.astype(str).str.strip()
    discharge = text.str.contains(DISCHARGE_STATE).to_numpy(dtype=bool)
    return np.where(discharge, -current, current)


def _clock(table: Table, mapping: Mapping, notes: list[Said]) -> tuple[np.ndarray, bool]:
    """The time of each sample, s. The test's own time, dated by the date and time beside it; this alone where the
    other does not run (restarts at each step, runs backwards)."""
    time, moment = mapping.columns.get("time"), mapping.columns.get("moment")
    at = None
    if moment is not None:
        found = values.moments(table.cells[moment.column], mapping.dates, mapping.zone)[0]
        at = np.where(np.isnat(found), np.nan, (found - np.datetime64("1970-01-01")) / np.timedelta64(1, "s"))
        if not np.isfinite(at).any():
            notes.append(
                Said(
                    "noMoments", f"{moment.column} holds no dates and times that can be read", {"column": moment.column}
                )
            )
            at = None
    if time is None:
        if at is None:
            raise Refused(Said("noTime", "no column tells the time"))
        return at, True
    column = table.cells[time.column]
    time_s = values.durations_s(column, mapping.decimal, mapping.thousands, time.unit or "s")[0]
    back = np.diff(time_s) < 0
    if back.mean() > 1 - GROWS_SHARE or _restarts(time_s):
        if at is None:
            times = int(back.sum())
            text = (
                f"{time.column} starts anew {times} times and no other column tells the time: choose one that runs on"
            )
            raise Refused(Said("restarts", text, {"column": time.column, "count": times}))
        text = f"{time.column} does not run on; the date and time are used"
        notes.append(Said("secondClock", text, {"column": time.column}))
        return at, True
    if at is None:
        return time_s, False
    both = np.flatnonzero(np.isfinite(at) & np.isfinite(time_s))
    if not len(both):
        return at, True
    offset = at - time_s
    jumped = np.abs(offset[both] - offset[both[0]]) > 120.0
    if jumped.mean() > 0.5:
        notes.append(
            Said(
                "clocksDiffer",
                f"{time.column} and the date and time run apart; the date and time are used",
                {"column": time.column},
            )
        )
        return at, True
    return time_s + offset[both[0]], True


def _restarts(time_s: np.ndarray) -> bool:
    """Whether a time falls back to next to nothing more than once: the time of a step or cycle, not of the test."""
    back = np.flatnonzero(np.diff(time_s) < 0) + 1
    back = back[back + 1 < len(time_s)]
    stays = time_s[back + 1] < time_s[back - 1]  # one sample at 0 between others is a fault of the tester's export
    return bool(np.sum(stays & (time_s[back] < 0.02 * np.nanmax(time_s, initial=0.0))) > 1)


def _counts_cycles(samples: Samples, rule: CellRule, positive: bool | None) -> bool:
    """Whether the source's number changes with the cycles. In a file that numbers something else, or nothing, several
    whole discharges carry one number; the witness is what the samples themselves tell."""
    assert samples.number is not None
    part = slice(0, WITNESS_SAMPLES)
    stream = SampleStream(rule, positive)
    found = stream.add(samples.time_s[part], samples.voltage_V[part], samples.current_A[part]) + stream.finish()
    whole = [one.start_s for one in found if one.reason != cycles.SMALL]
    clock = np.maximum.accumulate(np.nan_to_num(samples.time_s[part], nan=-math.inf))
    at = np.minimum(np.searchsorted(clock, whole) + 1, len(clock) - 1)
    return len(whole) < 2 or len(np.unique(samples.number[at])) > 0.8 * len(whole)


def _sample_rows(
    table: Table, mapping: Mapping, rule: CellRule, limits: Limits, progress: Progress, features: Features
) -> Iterator[Row]:
    samples = samples_of(table, mapping, progress.notes)
    progress.total = len(samples.time_s)
    positive = {"chargePositive": True, "byState": True, "dischargePositive": False}.get(mapping.sign)
    if samples.number is not None and not _counts_cycles(samples, rule, positive):
        column = mapping.columns["cycle"].column
        text = f"{column} does not change from cycle to cycle; the current tells the cycles apart"
        progress.notes.append(Said("noCycleCount", text, {"column": column}))
        samples = replace(samples, number=None)
    stream = SampleStream(rule, positive)
    start_s = samples.time_s
    for first in range(0, progress.total, CHUNK_SAMPLES):
        part = slice(first, first + CHUNK_SAMPLES)
        given = (samples.temperature_degC, samples.number)
        temperature, number = (None if one is None else one[part] for one in given)
        found = stream.add(start_s[part], samples.voltage_V[part], samples.current_A[part], temperature, number)
        if first + CHUNK_SAMPLES >= progress.total:
            found += stream.finish()
        for one in found:
            yield _row_of(one, samples, table, mapping, rule, limits, features)
        progress.done = min(progress.total, first + CHUNK_SAMPLES)
    counts = stream.counts
    if counts.not_later:
        text = f"{counts.not_later} samples whose time is not after that of the sample before are left out"
        progress.notes.append(Said("notLaterSamples", text, {"count": counts.not_later}))
    if counts.unusable:
        text = f"{counts.unusable} samples without a usable voltage or current are left out"
        progress.notes.append(Said("unusable", text, {"count": counts.unusable}))
    if stream.sign.recognised and stream.sign.value is not None:
        word = "charge" if stream.sign.value > 0 else "discharge"
        text = f"the sign of the current was recognised: positive is {word}"
        progress.notes.append(Said("signCharge" if stream.sign.value > 0 else "signDischarge", text))


REASONS = {
    cycles.SMALL: "an aborted discharge",
    cycles.PARTIAL: "the discharge stops before the end voltage: no measure of the capacity",
    cycles.ABOVE_LIMIT: "more than the cell can hold", cycles.SIGN_UNKNOWN: "the sign of the current is not known",
    cycles.GAP_BRIDGED: "a gap in the samples was bridged", cycles.NO_CHARGE_BEFORE: "no charge is recorded before",
    cycles.THINNED: "very many samples were thinned", cycles.NO_END_VOLTAGE: "no end voltage is known for its capacity",
}  # fmt: skip


def _row_of(
    one: Discharge,
    samples: Samples,
    table: Table,
    mapping: Mapping,
    rule: CellRule,
    limits: Limits,
    features: Features,
) -> Row:
    """A discharge as a cycle with its features."""
    at = int(np.searchsorted(np.nan_to_num(np.maximum.accumulate(samples.time_s)), one.start_s))
    at = min(at, len(samples.time_s) - 1)
    row: dict[str, Any] = {}
    with contextlib.suppress(InvalidInput, OperationError):  # too few samples under load to say more than its capacity
        row |= features(one)
    for name in ("cycle_number", "start_time"):
        row.pop(name, None)
    row |= one.features | {"capacity_Ah": one.capacity_Ah}
    if samples.dated:
        row["start_time"] = pd.Timestamp(one.start_s, unit="s").round("ms")
    ambient = None if samples.ambient_degC is None else float(samples.ambient_degC[at])
    ambient = mapping.ambient_temperature_degC if ambient is None or not math.isfinite(ambient) else ambient
    if ambient is not None:
        row["ambient_temperature_degC"] = ambient
    row = {
        name: value for name, value in row.items() if name == "start_time" or (name in COLUMNS and math.isfinite(value))
    }
    row, told = _within(row, limits)
    shown = f"{one.capacity_Ah:.4g} Ah"
    skipped = None if one.reason is None else Said(one.reason, f"{shown}: {REASONS[one.reason]}", {"value": shown})
    if one.reason == cycles.ABOVE_LIMIT:
        skipped = _capacity_fault(row, rule) or skipped
    notes = [Said(name, REASONS[name]) for name in one.notes] + told
    return Row(int(table.lines[at]), row, one.number, skipped, tuple(notes), one)


# --- numbers


def numbered(rows: Sequence[Row], mapping: Mapping, known: Mapped[int, float]) -> tuple[list[Row], Question | None]:
    """The rows with the cycle numbers they get in a cell that holds `known` (capacity in Ah by number).

    Numbers of the source are kept; where they contradict what is recorded, that is asked. Rows that are recorded
    already are skipped, so that a file brought in twice doubles nothing.
    """
    taken = [row for row in rows if row.taken]
    by_source = mapping.numbering == "source" and bool(taken) and all(row.number is not None for row in taken)
    last = max(known, default=0)
    question = None
    if by_source:
        clash = next(
            (
                row
                for row in taken
                if row.number in known and not (_same(row, known) or math.isnan(known[row.number or 0]))
            ),
            None,
        )
        if clash is not None and "numbering" not in mapping.answered:
            here, there = clash.values["capacity_Ah"], known[clash.number or 0]
            text = f"cycle {clash.number} is recorded with {there:.4g} Ah, in the file it has {here:.4g} Ah"
            said = Said("numbering", text, {"cycle": clash.number, "last": last})
            options = (
                Option(f"number on from {last + 1}", {"numbering": "continue"}),
                Option("keep the file's numbers and skip what is recorded", {"numbering": "source"}),
            )
            question = Question("numbering", said, options)
    offset = 0
    if not by_source:
        base = min((row.number for row in taken if row.number is not None), default=1)
        offset = last - base + 1 if mapping.numbering == "continue" or (taken and taken[0].number is None) else 0
    result, position = [], 0
    for row in rows:
        if not row.taken:
            result.append(row)
            continue
        position += 1
        number = (row.number if row.number is not None else position) + (0 if by_source else offset)
        if by_source and number in known:
            if math.isnan(known[number]):
                said = Said("withdrawn", f"cycle {number} was withdrawn", {"cycle": number})
            else:
                same = _same(row, known)
                text = f"cycle {number} is recorded already" + ("" if same else " with another capacity")
                said = Said("recorded" if same else "recordedOther", text, {"cycle": number})
            result.append(replace(row, number=number, skipped=said))
        elif number <= last:
            text = f"cycle {number} would lie before the last recorded cycle, {last}"
            result.append(replace(row, number=number, skipped=Said("before", text, {"cycle": number, "last": last})))
        else:
            result.append(replace(row, number=number))
    return result, question


def _same(row: Row, known: Mapped[int, float]) -> bool:
    assert row.number is not None
    return math.isclose(row.values["capacity_Ah"], known[row.number], rel_tol=SAME_CAPACITY)
