"""What the model answers: a prediction for one cell, a what-if scenario and its simulation. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

DEFAULT_CONFIDENCE_LEVEL = 0.9
CONFIDENCE_LEVELS = (0.5, 0.99)
"""Lowest and highest confidence level of an interval that can be asked for."""

DEFAULT_HORIZON_CYCLES = 300
MAXIMUM_HORIZON_CYCLES = 20_000

OK = "ok"
EARLY_LIFE = "earlyLife"
PAST_END_OF_LIFE = "pastEndOfLife"
NO_HISTORY = "noHistory"
NO_RATED_CAPACITY = "noRatedCapacity"
STATUSES = (OK, EARLY_LIFE, PAST_END_OF_LIFE, NO_HISTORY, NO_RATED_CAPACITY)
"""ok: as evaluated; earlyLife: fewer cycles than the evaluation starts at, the interval is wide; pastEndOfLife: the
capacity has been below the end of life, RUL is 0; noHistory: no valid cycle, every figure is None;
noRatedCapacity: none is stated and the first cycles do not give one yet, so nothing is said of health and life."""

VALIDATED = "validated"
EXTRAPOLATED = "extrapolated"
OWN_HISTORY_ONLY = "ownHistoryOnly"
ORDER_OF_MAGNITUDE = "orderOfMagnitude"
NOT_KNOWN = "notKnown"
GRADES = (VALIDATED, EXTRAPOLATED, OWN_HISTORY_ONLY, ORDER_OF_MAGNITUDE, NOT_KNOWN)
"""How far the remaining life can be trusted. validated: a kind whose failed cells were seen (at least three failed
siblings, or NASA's kind within its training range); extrapolated: one or two failed siblings, or NASA's kind under
other conditions; ownHistoryOnly: no cell of the kind has failed yet, but the cell's own fade is well under way;
orderOfMagnitude: nor is that; notKnown: no figure at all."""

UNTRUSTED_GRADES = (ORDER_OF_MAGNITUDE, NOT_KNOWN)
"""Grades that say "do not know": nobody should be woken up by them."""

OWN_HISTORY, SIBLINGS, PUBLIC_CELLS, NASA_CELLS = "ownHistory", "siblings", "publicCells", "nasaCells"
"""Sources of a remaining life: the power law through the cell's own fade; failed cells of its type in this twin; what
cells of many public sets taught; NASA's worn out cells, for cells of that type."""

CROSS_FITTED = "crossFitted"
FULL = "full"
"""crossFitted: a training cell, predicted by a model that never saw it; full: the model trained on all cells."""


@dataclass(frozen=True)
class TrajectoryPoint:
    """Expected capacity at a cycle, with its band."""

    cycle: int
    capacity_Ah: float
    lower_Ah: float
    upper_Ah: float


@dataclass(frozen=True)
class Driver:
    """What one feature did to one prediction: the remaining life is `effect_percent` longer (or shorter) by it."""

    feature: str
    value: float | None
    unit: str
    effect_percent: float


@dataclass(frozen=True)
class SimilarCell:
    """A training cell and its share (0 to 1, all together 1) in the trajectory similarity."""

    cell: str
    weight: float


@dataclass(frozen=True)
class Source:
    """One source of a remaining life and its weight (0 to 1, all together 1) in it."""

    name: str
    weight: float


@dataclass(frozen=True)
class Prediction:
    """State of health and remaining useful life of one cell right after cycle `at_cycle`.

    Capacities in Ah, states of health in percent of the rated capacity, remaining lives in discharge cycles.
    `outside_training_range` names the columns of `records.cycle.COLUMNS` whose present values no training cell showed.
    With status `noHistory` all figures are None; with grade `notKnown` all of the remaining life.
    `siblings`: cells of the same type whose failures have spoken. `guaranteed_level`: confidence level that holds
    whatever the kinds are like, by the number of failed cells behind the interval alone (n of n + 1); None: none.
    """

    cell: str
    at_cycle: int | None
    capacity_Ah: float | None
    state_of_health_percent: float | None
    state_of_health_lower_percent: float | None
    state_of_health_upper_percent: float | None
    rul_cycles: float | None
    rul_lower_cycles: float | None
    rul_upper_cycles: float | None
    confidence_level: float
    end_of_life_capacity_Ah: float | None
    end_of_life_cycle: int | None
    trajectory: list[TrajectoryPoint]
    drivers: list[Driver]
    similar_cells: list[SimilarCell]
    outside_training_range: list[str]
    status: str
    model_version: str
    model_sha256: str
    model_kind: str
    first_cycle: int | None
    last_cycle: int | None
    grade: str = NOT_KNOWN
    sources: list[Source] = field(default_factory=list)
    siblings: list[str] = field(default_factory=list)
    guaranteed_level: float | None = None


@dataclass(frozen=True)
class Phase:
    """Conditions that hold for a number of cycles; None means as at present."""

    cycles: int
    ambient_temperature_degC: float | None = None
    discharge_current_A: float | None = None
    cut_off_voltage_V: float | None = None


@dataclass(frozen=True)
class Scenario:
    """A what-if question: how a cell would age from cycle `from_cycle` on (None: its last) under other conditions.

    Either one constant set of conditions, or `phases` one after another (the last one goes on until the horizon).
    `replaced` gives other present measurements than the measured ones, by column name of `model.records.cycle.COLUMNS`
    (`capacity_Ah`, `Re_ohm`, `Rct_ohm`, `temperature_max_degC`).
    """

    from_cycle: int | None = None
    horizon_cycles: int = DEFAULT_HORIZON_CYCLES
    ambient_temperature_degC: float | None = None
    discharge_current_A: float | None = None
    cut_off_voltage_V: float | None = None
    phases: list[Phase] = field(default_factory=list)
    replaced: dict[str, float] = field(default_factory=dict)
    end_of_life_capacity_Ah: float | None = None
    confidence_level: float = DEFAULT_CONFIDENCE_LEVEL


@dataclass(frozen=True)
class Simulation:
    """Answer to a `Scenario`, beside the baseline that goes on as at present.

    `rul_cycles` and `end_of_life_cycle` are None if the end of life lies beyond the horizon. `assumptions` says of each
    factor that was changed whether these cells support it, support it weakly, or it is taken from literature.
    """

    cell: str
    from_cycle: int
    rul_cycles: float | None
    rul_lower_cycles: float | None
    rul_upper_cycles: float | None
    end_of_life_cycle: int | None
    trajectory: list[TrajectoryPoint]
    baseline: Prediction
    outside_training_range: list[str]
    assumptions: list[str]
