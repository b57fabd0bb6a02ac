"""What is known of a cell beside its cycles, and the limits on its measurements that follow from it.

A cell may be a module or pack: `series_count` cells one after another, `parallel_count` side by side. Capacities and
currents are those of the whole (the rated capacity counts the parallel cells already), voltage limits are per cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LARGEST_SHARE_OF_RATED = 1.25
"""A capacity above this share of the rated one is a fault of the bench or of the rating: makers' tolerances are 5 %,
cells delivered above their rating reach some 10 % at low rates."""

LARGEST_RATE_C = 20.0
"""Highest charge and discharge rate where no current limit is stated."""

LARGEST_CELL_VOLTAGE_V = 5.0
"""Highest voltage of any lithium cell in use, where no limit is stated."""

VOLTAGE_MARGIN = 1.2
"""A measured voltage may exceed the stated limit by this factor: overcharge happens, and is to be seen."""

PROVISIONAL_CAPACITY_Ah = 10_000.0
PROVISIONAL_CURRENT_A = 100_000.0
"""Limits until a rated capacity is known: no cell, module or container string goes above."""

FIRST_CYCLES = 10
LEAST_FIRST_CYCLES = 3
"""The rated capacity of a cell without one is the median of its first capacities, as soon as this many are known."""


@dataclass(frozen=True)
class CellFacts:
    """Facts of one cell, module or pack; None where not known.

    `cell_type` groups alike cells (maker, model or a name that the user gives): those of one type are siblings.
    `voltage_minimum_V`, `voltage_maximum_V`: limits of one cell of the series. `capacity_end_voltage_V`: voltage of the
    whole down to which a capacity counts. `highest_charge_A`, `highest_discharge_A`: currents of the whole, positive.
    `largest_capacity_share`: capacities above this share of the rated one are impossible.
    `rated_capacity_stated`: False where the rated capacity was taken from the first cycles (`rated_from_cycles`).
    """

    cell_type: str | None = None
    chemistry: str | None = None
    form: str | None = None
    voltage_minimum_V: float | None = None
    voltage_maximum_V: float | None = None
    capacity_end_voltage_V: float | None = None
    highest_charge_A: float | None = None
    highest_discharge_A: float | None = None
    series_count: int = 1
    parallel_count: int = 1
    largest_capacity_share: float = LARGEST_SHARE_OF_RATED
    rated_capacity_stated: bool = True


NASA_CELL_TYPE = "NASA 18650 2 Ah"
"""Cells of this type are answered by the models that NASA's worn out cells of that type taught."""

NASA_FACTS = CellFacts(
    cell_type=NASA_CELL_TYPE,
    form="18650",
    capacity_end_voltage_V=2.7,
    highest_charge_A=5.0,
    highest_discharge_A=20.0,
    largest_capacity_share=1.05,
)
"""The cells of NASA's archive: a 2 Ah cell delivers no 2.1 Ah, and every capacity counts down to 2.7 V (from its
samples: the trapezoid down to 2.7 V gives all values to 0.1 %, whatever the cell's own stop voltage)."""


def rated_from_cycles(capacity_Ah: np.ndarray) -> float | None:
    """Rated capacity in Ah of a cell that states none: median of its first (at most ten) capacities above 0.

    None before `LEAST_FIRST_CYCLES` are known. Does not change any more once ten are.
    """
    first = capacity_Ah[np.isfinite(capacity_Ah) & (capacity_Ah > 0)][:FIRST_CYCLES]
    return float(np.median(first)) if len(first) >= LEAST_FIRST_CYCLES else None


def limits(facts: CellFacts, rated_capacity_Ah: float | None) -> dict[str, tuple[float, float]]:
    """Lowest and highest possible value of each column of `model.records.cycle.COLUMNS` that depends on the cell.

    Without a rated capacity those of charge and current are provisional. NASA's cells get what `COLUMNS` states.
    """
    rated = math.nan if rated_capacity_Ah is None else rated_capacity_Ah
    known = math.isfinite(rated) and rated > 0
    capacity = rated * facts.largest_capacity_share if known else PROVISIONAL_CAPACITY_Ah
    otherwise = rated * LARGEST_RATE_C if known else PROVISIONAL_CURRENT_A
    charge_A = facts.highest_charge_A or otherwise
    discharge_A = facts.highest_discharge_A or otherwise
    largest_V = facts.voltage_maximum_V
    voltage = facts.series_count * (LARGEST_CELL_VOLTAGE_V if largest_V is None else VOLTAGE_MARGIN * largest_V)
    charge_Ah = 2.0 * (rated if known else PROVISIONAL_CAPACITY_Ah)
    # resistance of a stack grows with the cells in series and falls with the size of each
    size = max(1.0, 2.0 / rated) if known else 1000.0
    resistance = facts.series_count * size
    either_A = max(charge_A, discharge_A)
    return {
        "capacity_Ah": (0.0, capacity),
        "voltage_mean_V": (0.0, voltage),
        "current_mean_A": (-discharge_A, 0.0),
        "load_current_mean_A": (-either_A, either_A),
        "load_voltage_mean_V": (0.0, voltage),
        "discharge_current_A": (0.0, discharge_A),
        "voltage_drop_V": (-1.0 * facts.series_count, 3.0 * facts.series_count),
        "ohmic_resistance_ohm": (-resistance, 10.0 * resistance),
        "voltage_300s_V": (0.0, voltage),
        "voltage_600s_V": (0.0, voltage),
        "charge_3V8_3V6_Ah": (0.0, 0.75 * charge_Ah),
        "charge_3V7_3V5_Ah": (0.0, 0.75 * charge_Ah),
        "charge_to_3V5_Ah": (0.0, 0.75 * charge_Ah),
        "charge_Ah": (0.0, charge_Ah),
        "charge_since_previous_Ah": (0.0, 5.0 * charge_Ah),
        "cc_charge_Ah": (0.0, charge_Ah),
        "cv_charge_Ah": (0.0, charge_Ah),
        "cv_current_1000s_A": (-0.02 * charge_A, charge_A),
        "Re_ohm": (0.0, resistance),
        "Rct_ohm": (0.0, resistance),
    }
