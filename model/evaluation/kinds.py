"""Cells of the public sets and of NASA as what the relative blend learns from and is judged on."""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import NotEnoughHistory
from model.life.relative.curve import Curve
from model.life.relative.pool import PoolCell
from model.records import public
from model.records.cycle import History
from model.records.public import PublicCell

LEAST_RECORDS = 12
"""A cell with fewer capacities is no life to learn from."""


def pool_cells(nasa: Sequence[History], others: Sequence[PublicCell] | None = None) -> list[PoolCell]:
    """The cells of the project's tables (or `others`) and NASA's, as curves."""
    cells = [*(public.read() if others is None else others), *(public.of_nasa(history) for history in nasa)]
    return [as_pool_cell(cell) for cell in cells if len(cell.capacity_Ah) >= LEAST_RECORDS]


def as_pool_cell(cell: PublicCell) -> PoolCell:
    """A public cell as a curve. Raises `NotEnoughHistory` for one with hardly a record."""
    if len(cell.capacity_Ah) < LEAST_RECORDS:
        raise NotEnoughHistory(f"{cell.cell}: {len(cell.capacity_Ah)} records; {LEAST_RECORDS} are needed")
    curve = Curve.of(cell.cell, cell.cycle_number, cell.capacity_Ah)
    return PoolCell(cell.dataset, cell.group, curve, cell.end_of_life)
