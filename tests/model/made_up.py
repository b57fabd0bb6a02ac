"""Made-up cells that fade in a known way, so that a test knows the right answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from model.records.cycle import COLUMNS, History
from model.records.facts import CellFacts


def history(cell: str, capacity_Ah: np.ndarray, rest_h: float | np.ndarray = 3.0, **columns: float) -> History:
    """A history with the given capacities; everything not given is missing."""
    cycles = pd.DataFrame({name: np.full(len(capacity_Ah), np.nan) for name in COLUMNS})
    cycles["cycle_number"] = np.arange(1, len(capacity_Ah) + 1)
    cycles["capacity_Ah"] = capacity_Ah
    cycles["rest_before_h"] = rest_h
    for name, value in columns.items():
        cycles[name] = value
    return History(cell, 2.0, 1.4, 2.7, cycles)


def straight(cell: str, rate_Ah: float, cycles: int = 200, start_Ah: float = 1.9, **columns: float) -> History:
    """A cell that loses the same every cycle."""
    return history(cell, start_Ah - rate_Ah * np.arange(cycles), **columns)


def described(history: History, rated_capacity_Ah: float, facts: CellFacts) -> History:
    """The same cycles as those of another cell, worn out at 80 % of its rated capacity."""
    return replace(
        history, rated_capacity_Ah=rated_capacity_Ah, end_of_life_capacity_Ah=0.8 * rated_capacity_Ah, facts=facts
    )
