"""How the columns of a foreign table are to be read: the proposal, what has to be asked first, and what is told.

`propose` looks at a table and at what is known of the cell and says which column is which quantity, in which unit and
form. What could be meant in two ways is a `Question`, with what may be answered; no row is taken before each has an
answer. A mapping is plain JSON: the caller corrects it, the twin remembers it by the form of the table (`fingerprint`).
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from operations.intake import headers, values
from operations.intake.cycles import CellRule
from operations.intake.readers.table import Table

SAMPLES, CYCLES = "samples", "cycles"
LOOK_ROWS = 20_000
"""Rows that a proposal looks at."""

STEEPEST_C = 12.0
"""Above this rate a cell is not cycled to the end: a duration or current that says so has another unit."""

GROWS_SHARE = 0.99
"""A clock runs if it grows at this share of the samples."""

COMMA = re.compile(r"^[+-]?\d+,\d+$")
COMMA_3 = re.compile(r"^[+-]?[1-9]\d{0,2},\d{3}$")
POINT = re.compile(r"^[+-]?\d*\.\d+([eE][+-]?\d+)?$")
GROUPED = re.compile(r"^[+-]?\d{1,3}([., '\u00a0\u202f]\d{3})+([.,]\d+)?$")


class Source(BaseModel):
    """Where one quantity comes from: a column of the file and its unit (None: none, or as the standard says)."""

    model_config = ConfigDict(extra="forbid")
    column: str = Field(max_length=300)
    unit: str | None = Field(None, max_length=8)


class Mapping(BaseModel):
    """All that decides how a table is read; see the module. Raises pydantic's ValidationError for what is none."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["samples", "cycles"]
    columns: dict[str, Source] = Field(max_length=40)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    dates: Literal["dmy", "mdy"] | None = None
    zone: str | None = Field(None, max_length=60)
    sign: Literal["recognise", "chargePositive", "dischargePositive", "byState"] = "recognise"
    numbering: Literal["source", "continue"] = "source"
    ambient_temperature_degC: float | None = Field(None, ge=-60, le=150)
    answered: list[str] = Field([], max_length=60)
    """Codes of the questions that a person has answered."""


@dataclass(frozen=True)
class Said:
    """Something told of a table: `code` and `values` for those who word it themselves, `text` in English."""

    code: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return {"code": self.code, "text": self.text, "values": self.values}


@dataclass(frozen=True)
class Option:
    """One answer: what it says, and what it sets in the mapping (`columns` by quantity)."""

    label: str
    sets: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What must be answered before anything is taken; `code` is put into `Mapping.answered`."""

    code: str
    said: Said
    options: tuple[Option, ...]

    def json(self) -> dict[str, Any]:
        options = [{"label": option.label, "sets": option.sets} for option in self.options]
        return self.said.json() | {"code": self.code, "about": self.said.code, "options": options}


@dataclass(frozen=True)
class Proposal:
    mapping: Mapping
    questions: tuple[Question, ...]
    notes: tuple[Said, ...]

    @property
    def open(self) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if question.code not in self.mapping.answered)


def fingerprint(table: Table) -> str:
    """The form of a table: its kind of file and the names of its columns. Files of one export have the same."""
    names = "\n".join([table.form, *map(str, table.cells.columns), *sorted(table.units.items()).__str__().split()])
    return hashlib.sha256(names.encode("utf-8")).hexdigest()[:16]


def answered(mapping: Mapping, question: Question, option: Option) -> Mapping:
    """The mapping with one question answered."""
    content = mapping.model_dump()
    for name, value in option.sets.items():
        content[name] = content[name] | value if name == "columns" else value
    content["columns"] = {name: source for name, source in content["columns"].items() if source is not None}
    return Mapping.model_validate(content | {"answered": [*mapping.answered, question.code]})


def propose(table: Table, rule: CellRule, known: Mapping | None = None, cell_has_times: bool = False) -> Proposal:
    """The mapping of a table, from its headers or from one that was confirmed for this form before (`known`).

    `rule`: what the cell's description says. `cell_has_times`: the cell's clock is that of a bench whose zone the AAS
    does not say, so times with a zone have to be put on it.
    """
    look = table.cells.head(LOOK_ROWS)
    if known is not None and all(source.column in look for source in known.columns.values()):
        mapping, notes = known, [Said("remembered", "read as a file of this form was read before")]
    else:
        mapping, notes = _by_headers(table, look), []
    asked = [*_decimal_questions(mapping, look)]
    mapping, date_questions = _dates(mapping, look, cell_has_times)
    asked += date_questions
    mapping, found, told = _units(mapping, look, table, rule)
    asked += found
    notes += told
    ignored = [name for name in look.columns if name not in {source.column for source in mapping.columns.values()}]
    if ignored:
        listed = ", ".join(ignored[:8]) + (" …" if len(ignored) > 8 else "")
        notes.append(Said("ignored", f"columns that are not taken: {listed}", {"columns": listed}))
    if table.left_out:
        text = f"{table.left_out} lines with far too many values are left out"
        notes.append(Said("leftOut", text, {"count": table.left_out}))
    return Proposal(mapping, tuple(asked), tuple(notes))


def missing(mapping: Mapping) -> list[str]:
    """Quantities without which a table of this kind cannot be read."""
    have = set(mapping.columns)
    if mapping.kind == CYCLES:
        return [] if "Capacity" in have else ["Capacity"]
    lacking = [name for name in ("voltage", "current") if name not in have]
    return lacking if have & {"time", "moment"} else ["time", *lacking]


# --- which column is which


def _by_headers(table: Table, look: pd.DataFrame) -> Mapping:
    samples = _matched(table, look, headers.SAMPLE_NAMES)
    cycles = _matched(table, look, headers.CYCLE_NAMES)
    own = {headers.own_column(name): name for name in look.columns if headers.own_column(name)}
    for target, column in own.items():
        if target in headers.CYCLE_TARGETS:
            unit = headers.taken_apart(column)[1] or headers.RECORD_UNITS.get(target)
            cycles[target] = Source(column=column, unit=unit if unit in values.UNITS else None)
    as_samples = {"voltage", "current"} <= set(samples) and bool({"time", "moment"} & set(samples))
    as_cycles = "Capacity" in cycles and ("id_cycle" not in cycles or _one_row_each(look[cycles["id_cycle"].column]))
    numbered = look[cycles["id_cycle"].column] if "id_cycle" in cycles else None
    if as_cycles and (not as_samples or "id_cycle" in own or _one_row_each(numbered)):
        return Mapping(kind="cycles", columns=cycles, **_marks(look, cycles))
    if not as_samples and len(samples) < len(cycles):
        return Mapping(kind="cycles", columns=cycles, **_marks(look, cycles))
    mapping = Mapping(kind="samples", columns=samples, **_marks(look, samples))
    if as_samples:
        mapping = mapping.model_copy(update={"sign": _sign(table, look, mapping)})
    return mapping


def _matched(table: Table, look: pd.DataFrame, names: dict[str, tuple[str, int]]) -> dict[str, Source]:
    found: dict[str, tuple[int, Source]] = {}
    for header in look.columns:
        name, unit = headers.taken_apart(header)
        unit = unit or values.unit_named(table.units.get(header, ""))
        target, rank = names.get(name, (None, 0))
        if target in ("time", "Time") and values.is_moment(look[header]):
            target = "moment" if "moment" in {one for one, _ in names.values()} else target
        elif target in ("moment", "Time") and not values.is_moment(look[header]):
            target = None
        if target and (target not in found or rank < found[target][0]):
            found[target] = (rank, Source(column=header, unit=unit))
    return {target: source for target, (_, source) in found.items()}


def _one_row_each(column: pd.Series | None) -> bool:
    """Whether nearly every row has a cycle number of its own."""
    if column is None:
        return False
    numbers = values.numbers(column, ",")[0] if column.dtype == object else values.numbers(column)[0]
    numbers = numbers[np.isfinite(numbers)]
    return len(numbers) > 0 and len(np.unique(numbers)) > 0.8 * len(numbers)


def _sign(table: Table, look: pd.DataFrame, mapping: Mapping) -> str:
    standard = table.in_standard or {"voltage_volt", "current_ampere"} <= set(look.columns)
    if standard or {"Voltage / V", "Current / A"} <= set(look.columns):
        return "chargePositive"  # Battery Data Format: positive while charging
    current = values.numbers(look[mapping.columns["current"].column], mapping.decimal, mapping.thousands)[0]
    unsigned = not np.any(current < 0)
    return "byState" if "state" in mapping.columns and unsigned else "recognise"


# --- decimal marks


def _texts(look: pd.DataFrame, columns: dict[str, Source]) -> list[pd.Series]:
    wanted = [source.column for target, source in columns.items() if target not in ("state", "moment", "Time")]
    series = [look[name] for name in wanted if name in look]
    return [one.astype(str) for one in series if not pd.api.types.is_numeric_dtype(one.dtype)]


def _marks(look: pd.DataFrame, columns: dict[str, Source]) -> dict[str, Any]:
    """Decimal mark and thousands separator that the numbers show."""
    text = pd.concat([one.head(3000) for one in _texts(look, columns)] or [pd.Series([], dtype=str)]).str.strip()
    grouped = text[text.str.match(GROUPED.pattern) & text.str.contains(r"[.,].*[.,]", regex=True)]
    if len(grouped):
        last = grouped.iloc[0][max(grouped.iloc[0].rfind("."), grouped.iloc[0].rfind(","))]
        alone = grouped.str.count(re.escape(last)).max() > 1
        decimal = ({",": ".", ".": ","}[last]) if alone else last
        return {"decimal": decimal, "thousands": "," if decimal == "." else "."}
    comma, point = text.str.match(COMMA.pattern).sum(), text.str.match(POINT.pattern).sum()
    return {"decimal": "," if comma > point else "."}


def _decimal_questions(mapping: Mapping, look: pd.DataFrame) -> list[Question]:
    """`3,690` is 3.69 or 3690 where nothing else in the file tells: asked. A comma among points is, too."""
    text = pd.concat(_texts(look, mapping.columns) or [pd.Series([], dtype=str)]).str.strip()
    commas = text[text.str.match(COMMA.pattern)]
    if not len(commas) or mapping.thousands:
        return []
    three, points = commas[commas.str.match(COMMA_3.pattern)], text.str.match(POINT.pattern).sum()
    if not points and len(three) < len(commas):
        return []
    example = (three if len(three) else commas).iloc[0]
    with_point = example.replace(",", ".")
    without = example.replace(",", "")
    said = Said(
        "decimal", f"{example} can be {with_point} or {without}", {"value": example, "a": with_point, "b": without}
    )
    options = (
        Option(with_point, {"decimal": ",", "thousands": ""}),
        Option(without, {"decimal": ".", "thousands": ","}),
    )
    return [Question("decimal", said, options)]


# --- times


def _dates(mapping: Mapping, look: pd.DataFrame, cell_has_times: bool) -> tuple[Mapping, list[Question]]:
    source = mapping.columns.get("moment") or (mapping.columns.get("Time") if mapping.kind == CYCLES else None)
    if source is None or source.column not in look:
        return mapping, []
    column, asked = look[source.column], []
    order = values.date_order(column)
    if order == "either" and mapping.dates is None:
        order = _growing_order(column)
    if order in ("dmy", "mdy") and mapping.dates is None:
        mapping = mapping.model_copy(update={"dates": order})
    elif order == "either" and mapping.dates is None:
        example = str(column[column.astype(str) != ""].iloc[0])
        said = Said("dates", f"{example}: day or month first?", {"value": example})
        asked.append(Question("dates", said, (Option("d/m/y", {"dates": "dmy"}), Option("m/d/y", {"dates": "mdy"}))))
    if cell_has_times and mapping.zone is None and values.is_zoned(column):
        text = (
            "the times say their zone, the cell's clock is that of the test bench: in which zone does the bench stand?"
        )
        options = tuple(
            Option(zone, {"zone": zone}) for zone in ("UTC", "Europe/Paris", "America/New_York", "Asia/Shanghai")
        )
        asked.append(Question("zone", Said("zone", text), options))
    return mapping, asked


def _growing_order(column: pd.Series) -> str:
    """The order of day and month in which the times of the file grow, where they do in one order only."""
    grows = {}
    for order in ("dmy", "mdy"):
        found = values.moments(column, order)[0]
        found = found[~np.isnat(found)]
        days = np.unique(found.astype("datetime64[D]"))
        grows[order] = len(found) == (column.astype(str) != "").sum() and len(days) > 1 and bool(
            (np.diff(found) >= np.timedelta64(0)).all() and np.diff(found).max() < np.timedelta64(20, "D")
        )  # fmt: skip
    return "either" if grows["dmy"] == grows["mdy"] else "dmy" if grows["dmy"] else "mdy"


# --- units, against what is known of the cell


def _units(
    mapping: Mapping, look: pd.DataFrame, table: Table, rule: CellRule
) -> tuple[Mapping, list[Question], list[Said]]:
    """Units that the headers do not say, where the cell's description tells them apart; else questions."""
    columns, asked, notes = dict(mapping.columns), [], []
    targets = headers.SAMPLE_TARGETS if mapping.kind == SAMPLES else headers.CYCLE_TARGETS
    for target, source in mapping.columns.items():
        dimension = targets.get(target)
        if dimension is None or source.column not in look or f"unit:{target}" in mapping.answered:
            continue
        column = look[source.column]
        if dimension == "time" and values.is_clock(column):
            columns[target] = Source(column=source.column, unit="s")
            continue
        if source.unit is not None and values.UNITS[source.unit].dimension != dimension:
            columns[target] = source.model_copy(update={"unit": None})
            source = columns[target]
        numbers = np.abs(values.numbers(column, mapping.decimal, mapping.thousands)[0])
        numbers = numbers[np.isfinite(numbers)]
        stated = source.unit is not None
        candidates = [str(source.unit)] if stated else _candidates(target, dimension, numbers, mapping, look, rule)
        if target == "time":
            by_clock = _by_second_clock(mapping, look, source.unit)
            if by_clock:
                candidates = [by_clock]
                if by_clock != (source.unit or "s"):
                    text = f"{source.column} counts in {by_clock}, as the column of date and time shows"
                    notes.append(Said("byClock", text, {"column": source.column, "unit": by_clock}))
        if len(candidates) == 1:
            columns[target] = Source(column=source.column, unit=candidates[0])
            if not stated and not table.in_standard and headers.own_column(source.column) is None:
                text = f"{source.column} has no unit and is read as {candidates[0]}"
                notes.append(Said("unitTaken", text, {"column": source.column, "unit": candidates[0]}))
            if stated and not _fits(target, numbers, source.unit, mapping, look, rule):
                asked.append(_fit_question(target, source, numbers, dimension, rule))
            continue
        shown = _short(float(np.median(numbers))) if len(numbers) else "—"
        text = f"{source.column} has no unit; its values are about {shown}"
        options = tuple(
            Option(one, {"columns": {target: {"column": source.column, "unit": one}}}) for one in candidates
        )
        said = Said("unit", text, {"column": source.column, "value": shown})
        asked.append(Question(f"unit:{target}", said, options))
    return mapping.model_copy(update={"columns": columns}), asked, notes


_CHOICES = {"time": ["s", "min", "h"], "voltage": ["V", "mV"], "current": ["A", "mA"], "charge": ["Ah", "mAh"],
            "temperature": ["degC", "K"], "resistance": ["ohm", "mohm"]}  # fmt: skip


def _candidates(
    target: str, dimension: str, numbers: np.ndarray, mapping: Mapping, look: pd.DataFrame, rule: CellRule
) -> list[str]:
    """Units in which a column without one fits the cell: the base unit alone where it does and no other better."""
    choices = _CHOICES[dimension]
    if not len(numbers) or not np.any(numbers > 0):
        return choices[:1]
    fitting = [unit for unit in choices if _fits(target, numbers, unit, mapping, look, rule)]
    return choices[:1] if choices[0] in fitting else choices


def _fits(
    target: str, numbers: np.ndarray, unit: str | None, mapping: Mapping, look: pd.DataFrame, rule: CellRule
) -> bool:
    """Whether a column's values (amounts, as in the file) can be those of this cell in this unit."""
    if not len(numbers) or unit is None or not np.any(numbers > 0):
        return True
    values_ = values.to_base(numbers, unit)
    middle, high = float(np.median(values_[numbers > 0])), float(np.quantile(values_, 0.999))
    rated = rule.rated_capacity_Ah
    if target in ("Capacity", "ChargeCapacity"):
        largest = rule.largest_capacity_Ah or math.inf
        return 0.02 * (rated or 0.0) <= middle <= largest if rated else 0.001 <= middle <= 400.0
    if target in ("current", "DischargeCurrent", "Current_measured", "Current_charge"):
        top = max(abs(rule.lowest_A), abs(rule.highest_A))
        least = 0.002 * rated if rated else 0.0
        return least <= high <= (top if math.isfinite(top) else 1000.0)
    if target.lower().startswith("voltage") and target != "VoltageDrop":
        top = rule.highest_V if math.isfinite(rule.highest_V) else 1500.0
        return middle <= top and middle >= 0.002 * top
    if target in ("temperature", "ambient", "Temperature_measured", "ambient_temperature"):
        return -60.0 <= middle <= 150.0
    if target == "Duration":
        source = mapping.columns.get("Capacity")
        capacity = values.numbers(look[source.column], mapping.decimal, mapping.thousands)[0] if source else np.zeros(0)
        capacity = values.to_base(capacity, source.unit if source else None)
        capacity = capacity[np.isfinite(capacity)]
        if not len(capacity) or not rated:
            return middle >= 120.0
        rate_C = float(np.median(capacity)) / rated / (middle / 3600.0)
        return 0.002 <= rate_C <= STEEPEST_C
    return True


def _fit_question(target: str, source: Source, numbers: np.ndarray, dimension: str, rule: CellRule) -> Question:
    """A stated unit under which the values cannot be those of the cell: another unit, or all the same."""
    shown, unit = _short(float(np.median(numbers[numbers > 0]))), str(source.unit)
    rated = f"{rule.rated_capacity_Ah:g} Ah" if rule.rated_capacity_Ah else None
    about = f"rated capacity {rated}" if rated else "limits of the description"
    text = f"{source.column} is about {shown} {unit}, which does not fit the cell ({about})"
    others = [one for one in _CHOICES[dimension] if one != unit]
    options = tuple(
        Option(one, {"columns": {target: {"column": source.column, "unit": one}}}) for one in [*others, unit]
    )
    return Question(
        f"unit:{target}",
        Said(
            "fit" if rated else "fitLimits", text, {"column": source.column, "value": f"{shown} {unit}", "rated": rated}
        ),
        options,
    )


def _by_second_clock(mapping: Mapping, look: pd.DataFrame, unit: str | None) -> str | None:
    """The unit of the time that makes it run as fast as the date and time beside it; None where these do not tell."""
    moment, time = mapping.columns.get("moment"), mapping.columns.get("time")
    if moment is None or time is None or moment.column not in look:
        return None
    at = values.moments(look[moment.column], mapping.dates)[0]
    t = values.durations_s(look[time.column], mapping.decimal, mapping.thousands, "s")[0]
    good = ~np.isnat(at) & np.isfinite(t)
    if good.sum() < 10:
        return None
    seconds = (at[good] - at[good][0]) / np.timedelta64(1, "s")
    if not seconds.max() > 60 or not np.ptp(t[good]) > 0 or np.mean(np.diff(t[good]) < 0) > 1 - GROWS_SHARE:
        return None
    ratio = np.ptp(seconds) / np.ptp(t[good])
    near = {"s": 1.0, "min": 60.0, "h": 3600.0, "ms": 1e-3}
    return next((one for one, factor in near.items() if abs(ratio / factor - 1) < 0.03), None)


def _short(value: float) -> str:
    return f"{value:.4g}"
