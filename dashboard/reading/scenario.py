"""Scenarios of use: what can be changed and how far, how they stand in an address, what the operation is asked.

A scenario is a set of changes by the letter of a factor. Conditions hold from the start, or (C) after so many further
cycles, until when all goes on as now. Temperature may swing with the seasons (S): then the time ahead is cut into
months by the pace, the middle of July being the warmest. The pace (D) itself changes no cycle, but when it comes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from aasx.elements.shape import number
from dashboard.reading.content import Forecast, Rating
from dashboard.texts.language import Language

SLOTS = ("A", "B", "C")
MOST_PHASES = 50  # of SimulateWhatIf
DAYS_PER_YEAR, SEASONS = 365.25, 12
WARMEST = (31 + 28 + 31 + 30 + 31 + 30 + 15) / DAYS_PER_YEAR  # share of the year: the middle of July
USUAL_CYCLES_PER_DAY = 1.0  # of a cell whose pace is not known


@dataclass(frozen=True)
class Factor:
    """One thing a scenario can change: its letter in the address, the operation's input, and the slider."""

    letter: str
    name: str
    unit: str
    low: float
    high: float
    step: float
    digits: int
    evidence: str  # "validated", "weak", "prior", "measured", "counted"; what it rests on stands in the texts


CONDITIONS = "TIVN"  # letters of the factors that are conditions of use
SCHEDULE = "DCS"  # those that say when and how often
MEASUREMENTS = "QERM"  # those that are present measurements
USUAL_CUT_OFF_V = 2.7  # of one cell, where neither the cell's own nor its limits are known
LEAST_HORIZON_CYCLES, MOST_HORIZON_CYCLES = 300, 20_000  # trajectories reach beyond the end of life
Scenarios = dict[str, dict[str, float]]  # slot -> letter -> value, only what differs from the present
Factors = dict[str, Factor]


def factors_of(rating: Rating, life_cycles: float | None, cycles_per_day: float | None = None) -> Factors:
    """What a scenario can change of a cell of this size, by letter; the model's training range is drawn below each.

    Currents from C/4 to 3 C, the capacity up to 1.05 of the rated one, voltages between the limits of a cell times the
    cells in series, resistances in proportion to series count and size; so many cycles ahead as the cell may live.
    """
    rated_Ah, series = rating.rated_capacity_Ah or 1.0, rating.series
    lowest_V = rating.lowest_cell_V or 2.0
    highest_V = 3.2 if rating.highest_cell_V is None else lowest_V + 0.7 * (rating.highest_cell_V - lowest_V)
    highest_A = min(3 * rated_Ah, rating.highest_discharge_A or math.inf)
    pace = max(10.0, 5 * (cycles_per_day or 0))
    ohm = 2.0 * series / rated_Ah  # of a 2 Ah cell: a tenth of an ohm
    cycles = min(MOST_HORIZON_CYCLES, max(1000, 1.5 * (life_cycles or 0)))
    found = (
        _factor("T", "ambient_temperature", "°C", -20, 60, 1, "temperature"),
        _factor("I", "DischargeCurrent", "A", rated_Ah / 4, highest_A, rated_Ah / 20, "weak"),
        _factor("V", "CutOffVoltage", "V", lowest_V * series, highest_V * series, 0.05 * series, "prior"),
        _factor("N", "HorizonCycles", "", cycles / 100, cycles, cycles / 100, "counted"),
        _factor("D", "CyclesPerDay", "", pace / 100, pace, pace / 100, "counted"),
        _factor("C", "ChangeAfter", "", 0, cycles, cycles / 100, "counted"),
        _factor("S", "SeasonalSwing", "K", 0, 30, 1, "temperature"),
        _factor("Q", "Capacity", "Ah", 0.3 * rated_Ah, 1.05 * rated_Ah, rated_Ah / 200, "measured"),
        _factor("E", "Re", "Ω", 0.01 * ohm, 0.3 * ohm, 0.005 * ohm, "measured"),
        _factor("R", "Rct", "Ω", 0.01 * ohm, 0.4 * ohm, 0.005 * ohm, "measured"),
        _factor("M", "Temperature_measured", "°C", 0, 80, 1, "measured"),
    )
    return {factor.letter: factor for factor in found}


def usual_further(factors: Factors) -> float:
    """After so many cycles the table states the capacity, unless a scenario says otherwise: 50 for a short life."""
    return 5 * factors["N"].low


def _factor(letter: str, name: str, unit: str, low: float, high: float, step: float, evidence: str) -> Factor:
    """A slider whose ends and step are round numbers (steps of 1, 2 or 5 times a power of ten)."""
    scale = 10.0 ** math.floor(math.log10(step) + 1e-9)
    step = next(round_step for n in (1, 2, 5, 10) if (round_step := n * scale) >= step * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    low, high = round(math.ceil(low / step - 1e-6) * step, digits), round(math.floor(high / step + 1e-6) * step, digits)
    return Factor(letter, name, unit, low, max(high, low + step), step, digits, evidence)


def presets_of(factors: Factors, rating: Rating) -> dict[str, dict[str, float]]:
    """Scenarios of one touch, by name."""

    def held(letter: str, value: float) -> dict[str, float]:
        return {letter: min(factors[letter].high, max(factors[letter].low, value))}

    return {
        "cycles": held("N", 0.15 * factors["N"].high),
        "hot": held("T", 44),
        "cold": held("T", 4),
        "deep": held("V", factors["V"].low),
        "current": held("I", 2 * (rating.rated_capacity_Ah or 1.0)),
        "seasons": held("S", 10),
        "late": held("T", 4) | held("C", 5 * factors["C"].step),
    }


def read_scenarios(written: str, factors: Factors) -> Scenarios:
    """Reads the address's form, "A:T44_I4;B:V2"; what is not understood is left out, values are held to the sliders."""
    found: Scenarios = {}
    for part in written.split(";"):
        slot, _, body = part.partition(":")
        if slot not in SLOTS:
            continue
        changes = {}
        for item in filter(None, body.split("_")):
            factor = factors.get(item[0])
            try:
                value = float(item[1:])
            except ValueError:
                continue
            if factor and number(value) is not None:
                changes[factor.letter] = min(factor.high, max(factor.low, value))
        found[slot] = changes
    return found


def not_understood(written: str, factors: Factors) -> list[str]:
    """Parts of an address's scenarios that are left out or held to the sliders; [] when it says what will be shown."""
    read = read_scenarios(written, factors)
    found = []
    for part in filter(None, written.split(";")):
        slot, _, body = part.partition(":")
        for item in filter(None, body.split("_")) if slot in SLOTS else [part]:
            known = read.get(slot, {}).get(item[0])
            if known is None or f"{known:g}" != f"{number(item[1:]) or 0:g}":
                found.append(item)
    return found


def write_scenarios(scenarios: Scenarios) -> str:
    return ";".join(
        f"{slot}:" + "_".join(f"{letter}{value:g}" for letter, value in scenarios[slot].items())
        for slot in SLOTS
        if slot in scenarios
    )


def changes_said(words: Language, changes: dict[str, float], factors: Factors) -> str:
    """What a scenario changes, in a few words; "" where it changes nothing."""
    changed = [(factors[letter], value) for letter, value in changes.items()]
    return ", ".join(
        f"{words(f'short.{factor.name}')} {words.quantity(value, factor.unit, factor.digits)}"
        for factor, value in changed
    )


def present_values(
    factors: Factors, rating: Rating, records: list[dict[str, Any]], cycles_per_day: float | None = None
) -> dict[str, float]:
    """Where each slider stands when nothing is changed: the last known measurement, else what is usual."""
    usual_V = rating.lowest_cell_V or USUAL_CUT_OFF_V
    usual = {"N": usual_further(factors), "T": 24.0, "I": rating.rated_capacity_Ah or 1.0}
    usual |= {"D": cycles_per_day or USUAL_CYCLES_PER_DAY, "C": 0.0, "S": 0.0}
    usual["V"] = rating.cut_off_V or usual_V * rating.series
    found = {}
    for factor in factors.values():
        values = [row[factor.name] for row in records if row.get(factor.name) is not None]
        value = values[-1] if values else usual.get(factor.letter)
        if value is not None:
            found[factor.letter] = round(min(factor.high, max(factor.low, value)), factor.digits)
    return found


def steps(factor: Factor) -> list[float]:
    """Where the slider can stand."""
    count = round((factor.high - factor.low) / factor.step)
    return [round(factor.low + index * factor.step, 4) for index in range(count + 1)]


def inputs_of(
    changes: dict[str, float], factors: Factors, first: int, present: dict[str, float], today: date
) -> dict[str, Any]:
    """The operation's inputs of one scenario; it looks ahead as far as the sliders do at least."""
    inputs: dict[str, Any] = {"FromCycle": first}
    least = LEAST_HORIZON_CYCLES if factors["N"].high <= 1000 else factors["N"].high
    inputs["HorizonCycles"] = round(max(least, changes.get("N", 0)))
    conditions = {factors[letter].name: changes[letter] for letter in "TIV" if letter in changes}
    inputs |= {factors[letter].name: value for letter, value in changes.items() if letter in MEASUREMENTS}
    start = round(changes.get("C", 0)) if conditions or "S" in changes else 0
    if "S" in changes:
        middle = conditions.pop("ambient_temperature", present["T"])
        pace = changes.get("D", present["D"])
        phases = _seasons(inputs["HorizonCycles"], start, pace, middle, changes["S"], factors["T"], today)
        phases = [phase | conditions for phase in phases]
    elif start:
        phases = [{"Cycles": inputs["HorizonCycles"], **conditions}]
    else:
        return inputs | conditions
    return inputs | {"Phases": [{"Cycles": start}, *phases] if start else phases}


def _seasons(
    cycles: int, start: int, pace: float, middle: float, swing: float, limits: Factor, today: date
) -> list[dict[str, Any]]:
    """Months (or longer spans, where they are too many) from `start` cycles on, each at its mean temperature."""
    step_d = DAYS_PER_YEAR / SEASONS
    if (cycles / pace) / step_d > MOST_PHASES - 1:  # a far horizon: whole years say nothing, so at most a quarter
        step_d = min(DAYS_PER_YEAR / 4, cycles / pace / (MOST_PHASES - 1))
    length = max(1, round(step_d * pace))
    found = []
    for place in range(min(MOST_PHASES - 1, math.ceil(cycles / length))):
        day = (start + (place + 0.5) * length) / pace
        share = (today.timetuple().tm_yday + day) / DAYS_PER_YEAR
        warm = middle + swing * math.cos(2 * math.pi * (share - WARMEST))
        found.append({"Cycles": length, "ambient_temperature": round(min(limits.high, max(limits.low, warm)), 1)})
    return found


def capacity_after(forecast: Forecast, cycles: float) -> float | None:
    """Capacity `cycles` after the trajectory's first point, on the line through its points; None beyond its end."""
    points = forecast.trajectory
    if not points:
        return None
    wanted = points[0][0] + cycles
    for (x0, y0, *_), (x1, y1, *_) in pairwise(points):
        if x0 <= wanted <= x1:
            return y0 + (y1 - y0) * (wanted - x0) / ((x1 - x0) or 1)
    return None
