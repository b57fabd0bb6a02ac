"""What-if: how fast a cell fades under other conditions, by a semi-empirical equation.

Fade per charge drawn (throughput), at ambient temperature T, discharge current I and cut-off voltage V:

    dQ/dAh = -k Q
    k = k0 exp[(E_hot/R) max(0, 1/T0 - 1/T)] exp[(E_cold/R) max(0, 1/T - 1/T0)] (I/I0)^b exp[g (V0 - V)]

Sources of the form:
- Loss in proportion to throughput, driven by temperature, rate and depth of discharge: J. Wang et al., "Degradation of
  lithium ion batteries employing graphite negatives and nickel-cobalt-manganese oxide + spinel manganese oxide
  positives: Part 1", J. Power Sources 269 (2014) 937-948.
- Arrhenius term of the hot side: J. Wang et al., "Cycle-life model for graphite-LiFePO4 cells", J. Power Sources 196
  (2011) 3942-3948.
- Two branches that cross near 25 degC, film growth above and lithium plating below: T. Waldmann et al., "Temperature
  dependent ageing mechanisms in lithium-ion batteries", J. Power Sources 262 (2014) 129-135; M. Feinauer et al.,
  "Temperature-driven path dependence in Li-ion battery cyclic aging", J. Power Sources 594 (2024) 233948.

The parameters are fitted to all segments of constant conditions in the training cells, with a prior for each parameter
(maximum a posteriori; linear, because ln k is linear in them). `Parameter.support` says how much the data moved and
narrowed the prior. A cell is never predicted by k0: only the *ratio* of k under new conditions to k under its present
ones acts, by stretching time along the cell's own predicted trajectory. That calibrates the equation per cell.

The ratio never falls when the ambient temperature moves away from T0 on either side, when the current rises, or when
the discharge goes deeper: negative estimates are set to zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from model.errors import InvalidInput
from model.prediction import MAXIMUM_HORIZON_CYCLES, Phase, Scenario
from model.records.cycle import History, NOMINAL_CAPACITY_Ah
from model.records.data import lot_of

GAS_CONSTANT_J_molK = 8.314462618
"""CODATA 2018."""

KELVIN = 273.15
REFERENCE_TEMPERATURE_K = 297.15
"""T0: 24 degC, room temperature of the data set; the two ageing branches cross near 25 degC (Feinauer 2024)."""

REFERENCE_CURRENT_A = 2.0
REFERENCE_CUT_OFF_V = 2.7

MINIMUM_SEGMENT_CYCLES = 20
SAME_CURRENT_A = 0.5
MINIMUM_SEGMENT_CAPACITY_Ah = 1.0
"""Below half the rated capacity a discharge ends by its voltage drop under load and hardly shows ageing."""

LOT_SPREAD = 0.88
"""Prior standard deviation of ln k between test groups (lots): they scatter by a factor of 2.4."""

SEGMENT_SPREAD = 0.4
"""Standard deviation of ln k between cells of one lot under one condition (B0005 to B0007 span a factor of 1.8)."""

CONDITIONS = {
    "ambient_temperature_degC": (-20.0, 60.0),
    "discharge_current_A": (0.1, 8.0),
    "cut_off_voltage_V": (2.0, 3.6),
}
"""Conditions that a scenario can set, and the range for which the equation is answered at all."""

REPLACEABLE = {
    "capacity_Ah": (0.2, 2.1),
    "Re_ohm": (0.001, 1.0),
    "Rct_ohm": (0.001, 1.0),
    "temperature_max_degC": (-20.0, 90.0),
}
"""Present measurements that a scenario can replace, with their allowed ranges."""

SUPPORTED, WEAK, PRIOR_ONLY = "supported by these cells", "weakly supported by these cells", "literature prior only"


@dataclass(frozen=True)
class Parameter:
    """One fitted parameter: value, 90 % interval, prior (mean, standard deviation), how far the data support it."""

    value: float
    low: float
    high: float
    unit: str
    prior_mean: float
    prior_sd: float
    support: str
    source: str


PRIORS = {
    "hot_activation_energy_kJ_mol": (31.5, 10.0, "kJ/mol", "Wang 2011: 31.7 kJ/mol less 0.37 kJ/mol per C"),
    "cold_activation_energy_kJ_mol": (40.0, 25.0, "kJ/mol", "Waldmann 2014, Feinauer 2024 for the sign; width judged"),
    "current_exponent": (0.5, 0.4, "1", "Wang 2014 for the sign (loss rises with rate); size and width judged"),
    "depth_per_V": (0.2, 0.15, "1/V", "Wang 2014 for the sign (loss rises with depth); size and width judged"),
}
"""Prior of each parameter: mean, standard deviation, unit, source."""

ACTS_THROUGH = {
    "ambient_temperature_degC": ("hot_activation_energy_kJ_mol", "cold_activation_energy_kJ_mol"),
    "discharge_current_A": ("current_exponent",),
    "cut_off_voltage_V": ("depth_per_V",),
}


@dataclass(frozen=True)
class Conditions:
    """Ambient temperature degC, discharge current A, cut-off voltage V of a cell, module or pack.

    `size`: rated capacity in shares of NASA's 2 Ah; `series`: cells in series. The equation is one of rates and of
    volts per cell: what it was fitted to counts for a cell of another size at the same rate.
    """

    ambient_temperature_degC: float
    discharge_current_A: float
    cut_off_voltage_V: float
    size: float = 1.0
    series: int = 1

    @property
    def of_fitted_size(self) -> Conditions:
        """The same for one cell of the size that the equation was fitted to."""
        return replace(
            self,
            discharge_current_A=self.discharge_current_A / self.size,
            cut_off_voltage_V=self.cut_off_voltage_V / self.series,
            size=1.0,
            series=1,
        )

    def terms(self) -> np.ndarray:
        """Factors of the parameters in ln k, in the order of `PRIORS` (energies in kJ/mol)."""
        inverse = 1000.0 / GAS_CONSTANT_J_molK
        distance = 1.0 / REFERENCE_TEMPERATURE_K - 1.0 / (self.ambient_temperature_degC + KELVIN)
        one = self.of_fitted_size
        return np.array(
            [
                inverse * max(0.0, distance),
                inverse * max(0.0, -distance),
                math.log(one.discharge_current_A / REFERENCE_CURRENT_A),
                REFERENCE_CUT_OFF_V - one.cut_off_voltage_V,
            ]
        )

    def changed(self, phase: Phase | Scenario) -> Conditions:
        """These conditions with those that a phase sets."""
        given = {name: getattr(phase, name) for name in CONDITIONS}
        return Conditions(**{**asdict(self), **{name: value for name, value in given.items() if value is not None}})


def present_conditions(history: History, at_cycle: int) -> Conditions:
    """Conditions of the last five cycles up to `at_cycle` (medians); the reference where nothing was measured."""
    recent = history.cycles[history.cycles["cycle_number"] <= at_cycle].tail(5)

    def median(name: str, default: float) -> float:
        value = float(recent[name].median())
        low, high = ranges[name]
        return min(max(value, low), high) if math.isfinite(value) else default

    ranges, size, series = condition_ranges(history), _size(history), history.facts.series_count
    cut_off = REFERENCE_CUT_OFF_V * series if history.cut_off_voltage_V is None else history.cut_off_voltage_V
    lowest_V, highest_V = ranges["cut_off_voltage_V"]
    return Conditions(
        median("ambient_temperature_degC", REFERENCE_TEMPERATURE_K - KELVIN),
        median("discharge_current_A", REFERENCE_CURRENT_A * size),
        min(max(cut_off, lowest_V), highest_V),
        size,
        series,
    )


def fade_segments(histories: Sequence[History]) -> pd.DataFrame:
    """Segments of constant conditions: cell, lot, first_cycle, last_cycle, the conditions, ln_k and its error.

    k (1/Ah) is the Theil-Sen slope of ln(median-5 capacity) over the charge drawn. Segments that do not fade, are
    shorter than `MINIMUM_SEGMENT_CYCLES`, or deliver less than `MINIMUM_SEGMENT_CAPACITY_Ah` are left out.
    """
    from scipy.stats import theilslopes  # takes half a second to import, and only training needs it

    rows = []
    for history in histories:
        cycles = history.cycles
        capacity = cycles["capacity_Ah"].to_numpy()
        ambient = cycles["ambient_temperature_degC"].to_numpy()
        current = cycles["discharge_current_A"].to_numpy()
        smooth = pd.Series(capacity).rolling(5, center=True, min_periods=1).median().to_numpy()
        changes = (np.diff(ambient) != 0) | (np.abs(np.diff(current)) > SAME_CURRENT_A)
        borders = [0, *(np.flatnonzero(changes) + 1), len(capacity)]
        for start, end in itertools.pairwise(borders):
            part = slice(start, end)
            if end - start < MINIMUM_SEGMENT_CYCLES or np.median(capacity[part]) < MINIMUM_SEGMENT_CAPACITY_Ah:
                continue
            throughput_Ah = np.cumsum(capacity[part]) - capacity[start]
            slope, _, low, high = theilslopes(np.log(smooth[part]), throughput_Ah, alpha=0.9)
            if not (slope < 0 and np.isfinite(current[part]).any()) or history.cut_off_voltage_V is None:
                continue
            error = (high - low) / (2 * ndtri(0.95)) / -slope
            rows.append(
                {
                    "cell": history.cell,
                    "lot": lot_of(history.cell),
                    "first_cycle": int(cycles["cycle_number"].iloc[start]),
                    "last_cycle": int(cycles["cycle_number"].iloc[end - 1]),
                    "ambient_temperature_degC": float(ambient[start]),
                    "discharge_current_A": float(np.nanmedian(current[part])),
                    "cut_off_voltage_V": history.cut_off_voltage_V,
                    "ln_k": math.log(-slope),
                    "error": float(error),
                }
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Degradation:
    """The fitted equation; `covariance` of the parameters in the order of `PRIORS`, `ranges` of the fitted segments."""

    parameters: dict[str, Parameter]
    covariance: tuple[tuple[float, ...], ...]
    fade_per_Ah: float
    ranges: dict[str, tuple[float, float]]
    segments: int

    @classmethod
    def fit(cls, histories: Sequence[History]) -> Degradation:
        """Maximum a posteriori fit with an offset per lot. Deterministic."""
        table = fade_segments(histories)
        terms = np.array([Conditions(*row).terms() for row in table[list(CONDITIONS)].itertuples(index=False)])
        lots = sorted(table["lot"].unique())
        in_lot = np.array([[float(lot == name) for name in lots] for lot in table["lot"]])
        design = np.hstack([np.ones((len(table), 1)), terms, in_lot])
        weight = 1.0 / (SEGMENT_SPREAD**2 + table["error"].to_numpy() ** 2)
        prior_mean = np.array([math.log(1e-3), *(p[0] for p in PRIORS.values()), *(0.0 for _ in lots)])
        prior_sd = np.array([3.0, *(p[1] for p in PRIORS.values()), *(LOT_SPREAD for _ in lots)])
        precision = design.T @ (design * weight[:, None]) + np.diag(prior_sd**-2)
        covariance = np.linalg.inv(precision)
        estimate = covariance @ (design.T @ (weight * table["ln_k"].to_numpy()) + prior_mean / prior_sd**2)
        width = ndtri(0.95) * np.sqrt(np.diag(covariance))
        parameters = {}
        for i, (name, (mean, sd, unit, source)) in enumerate(PRIORS.items(), start=1):
            narrowed = math.sqrt(covariance[i, i]) / sd
            support = SUPPORTED if narrowed < 0.5 else WEAK if narrowed < 0.85 else PRIOR_ONLY
            low, high = max(0.0, estimate[i] - width[i]), max(0.0, estimate[i] + width[i])
            parameters[name] = Parameter(
                float(max(0.0, estimate[i])), float(low), float(high), unit, mean, sd, support, source
            )
        inner = covariance[1 : 1 + len(PRIORS), 1 : 1 + len(PRIORS)]
        ranges = {name: (float(table[name].min()), float(table[name].max())) for name in CONDITIONS}
        return cls(
            parameters,
            tuple(tuple(float(x) for x in row) for row in inner),
            float(math.exp(estimate[0])),
            ranges,
            len(table),
        )

    def log_ratio(self, new: Conditions, present: Conditions) -> tuple[float, float]:
        """ln(k under new / k under present conditions) and its standard deviation."""
        difference = new.terms() - present.terms()
        values = np.array([self.parameters[name].value for name in PRIORS])
        variance = float(difference @ np.array(self.covariance) @ difference)
        return float(difference @ values), math.sqrt(max(0.0, variance))

    def support(self, new: Conditions, present: Conditions) -> list[str]:
        """One sentence per condition that was changed: what its effect rests on."""
        sentences = []
        for name, acting in ACTS_THROUGH.items():
            before, after = getattr(present, name), getattr(new, name)
            if before == after:
                continue
            moved = np.abs(new.terms() - present.terms())
            for i, parameter in enumerate(PRIORS):
                if parameter in acting and moved[i] > 0:
                    p = self.parameters[parameter]
                    sentences.append(
                        f"{name} {before:g} -> {after:g}: {p.support} "
                        f"({parameter} = {p.value:.3g} {p.unit}, 90 % interval {p.low:.3g} to {p.high:.3g}; "
                        f"prior: {p.source})"
                    )
        return sentences

    def outside(self, conditions: Conditions) -> list[str]:
        """Names of the conditions that lie outside what the fitted cells saw."""
        one = conditions.of_fitted_size
        return [name for name, (low, high) in self.ranges.items() if not low <= getattr(one, name) <= high]

    def to_state(self) -> dict[str, Any]:
        """JSON-able state."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Degradation:
        """Inverse of `to_state`."""
        return cls(
            {name: Parameter(**values) for name, values in state["parameters"].items()},
            tuple(tuple(row) for row in state["covariance"]),
            state["fade_per_Ah"],
            {name: (low, high) for name, (low, high) in state["ranges"].items()},
            state["segments"],
        )


def condition_ranges(history: History) -> dict[str, tuple[float, float]]:
    """`CONDITIONS` for a cell: currents by its rated capacity, voltages by its cells in series."""
    ranges = dict(CONDITIONS)
    low, high = ranges["discharge_current_A"]
    size = _size(history)
    ranges["discharge_current_A"] = (low * size, high * size)
    low, high = ranges["cut_off_voltage_V"]
    ranges["cut_off_voltage_V"] = (low * history.facts.series_count, high * history.facts.series_count)
    return ranges


def replaceable_ranges(history: History) -> dict[str, tuple[float, float]]:
    """`REPLACEABLE` for a cell: capacities by its rated one, resistances by cells in series and size."""
    ranges = dict(REPLACEABLE)
    limits = history.limits
    ranges["capacity_Ah"] = (0.1 * NOMINAL_CAPACITY_Ah * _size(history), limits["capacity_Ah"][1])
    for name in ("Re_ohm", "Rct_ohm"):
        ranges[name] = (REPLACEABLE[name][0] * min(1.0, 1.0 / _size(history)), limits[name][1])
    return ranges


def _size(history: History) -> float:
    """Rated capacity in shares of that of NASA's cells; 1 where it is not known."""
    rated = history.rated_capacity_Ah
    return rated / NOMINAL_CAPACITY_Ah if math.isfinite(rated) and rated > 0 else 1.0


def check_scenario(scenario: Scenario, history: History) -> list[Phase]:
    """The phases of a scenario; constant conditions are one phase. Raises `InvalidInput` for what is not allowed."""
    if not 1 <= scenario.horizon_cycles <= MAXIMUM_HORIZON_CYCLES:
        raise InvalidInput("horizon_cycles", scenario.horizon_cycles, f"1 to {MAXIMUM_HORIZON_CYCLES}")
    constant = {name: getattr(scenario, name) for name in CONDITIONS}
    if scenario.phases and any(value is not None for value in constant.values()):
        raise InvalidInput("phases", len(scenario.phases), "either constant conditions or phases, not both")
    phases = list(scenario.phases) or [Phase(scenario.horizon_cycles, **constant)]
    for phase in phases:
        if phase.cycles < 1:
            raise InvalidInput("phases.cycles", phase.cycles, "at least 1")
        for name, (low, high) in condition_ranges(history).items():
            value = getattr(phase, name)
            if value is not None and not low <= value <= high:
                raise InvalidInput(name, value, f"{low:g} to {high:g}")
    replaceable = replaceable_ranges(history)
    for name, value in scenario.replaced.items():
        if name not in REPLACEABLE:
            raise InvalidInput("replaced", name, f"one of {', '.join(REPLACEABLE)}")
        low, high = replaceable[name]
        if not low <= value <= high:
            raise InvalidInput(name, value, f"{low:g} to {high:g}")
    return phases


def equivalent_cycles(phases: Sequence[Phase], log_ratios: Sequence[float], cycles: np.ndarray) -> np.ndarray:
    """Cycles at present conditions that fade as much as `cycles` (from now) under the phases.

    `log_ratios[i]` is ln of the fade of phase i relative to present conditions; the last phase goes on for ever.
    """
    borders = np.concatenate(([0.0], np.cumsum([phase.cycles for phase in phases[:-1]], dtype=float)))
    rates = np.exp(np.asarray(log_ratios, dtype=float))
    worn = np.concatenate(([0.0], np.cumsum(rates[:-1] * np.diff(borders)))) if len(phases) > 1 else np.zeros(1)
    phase_at = np.clip(np.searchsorted(borders, cycles, side="right") - 1, 0, len(phases) - 1)
    return worn[phase_at] + rates[phase_at] * (cycles - borders[phase_at])


def cycles_for(phases: Sequence[Phase], log_ratios: Sequence[float], worn: float) -> float:
    """Inverse of `equivalent_cycles`: cycles under the phases until the wear of `worn` present cycles is reached."""
    borders = np.concatenate(([0.0], np.cumsum([phase.cycles for phase in phases[:-1]], dtype=float)))
    reached = equivalent_cycles(phases, log_ratios, borders)
    at = int(np.clip(np.searchsorted(reached, worn, side="right") - 1, 0, len(phases) - 1))
    return float(borders[at] + (worn - reached[at]) / math.exp(log_ratios[at]))


def two_sided_z(confidence_level: float) -> float:
    """Standard normal quantile of a two-sided interval."""
    return float(ndtri(0.5 + confidence_level / 2))
