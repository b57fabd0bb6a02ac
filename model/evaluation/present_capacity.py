"""Honest figures for the capacity of the present cycle, of cells of any kind: each cycle from what was known before it.

Nothing is learned from other cells, so no set is left out. Beside it stands persistence, the capacity before. Figures
are means over the cycles of a cell from the second on, then over the cells of a set, then over the sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from model import running_capacity
from model.records.public import PublicCell

CONFIDENCE_LEVEL = 0.9
FIGURES = ("error_percent", "persistence_percent", "coverage", "width_percent")
"""Mean absolute error, that of persistence, coverage and width of the 90 % interval; percentages are of the rating."""


@dataclass(frozen=True)
class PresentCapacity:
    """`FIGURES` and the number of cells by set."""

    sets: dict[str, dict[str, float]]

    @property
    def mean(self) -> dict[str, float]:
        """Over the sets."""
        return {name: float(np.mean([one[name] for one in self.sets.values()])) for name in FIGURES}

    def to_json(self) -> dict[str, Any]:
        """JSON-able: by set, and the mean over them."""
        return {"sets": self.sets, "mean": self.mean}


def evaluate_present_capacity(cells: Sequence[PublicCell]) -> PresentCapacity | None:
    """Figures of cells with every capacity as it was measured (charges where their tables have `charge_Ah`)."""
    by_set: dict[str, list[list[float]]] = {}
    for cell in cells:
        if len(cell.capacity_Ah) > 1:
            by_set.setdefault(cell.dataset, []).append(_figures(cell))
    means = {name: np.mean(each, axis=0).tolist() for name, each in sorted(by_set.items())}
    if not means:
        return None
    return PresentCapacity(
        {name: dict(zip(FIGURES, mean, strict=True)) | {"cells": len(by_set[name])} for name, mean in means.items()}
    )


def _figures(cell: PublicCell) -> list[float]:
    capacity = cell.capacity_Ah
    charge = cell.signals.get("charge_Ah", np.full(len(capacity), np.nan))
    value, low, high = running_capacity.every_cycle(capacity, cell.cycle_number, charge, CONFIDENCE_LEVEL)[1:].T
    true, percent = capacity[1:], 100.0 / cell.rated_capacity_Ah
    return [
        percent * float(np.mean(np.abs(value - true))),
        percent * float(np.mean(np.abs(np.diff(capacity)))),
        float(np.mean((low <= true) & (true <= high))),
        percent * float(np.mean(high - low)),
    ]
