"""What operations that bring in or correct cycles share: a record's columns as inputs, the cell's state as outputs."""

from __future__ import annotations

from typing import Any

from model.records.cycle import COLUMNS
from operations.cell.described import OF_THE_CELL
from operations.predict import HIGHEST_CYCLE
from operations.request.columns import ID_SHORT
from operations.request.edge import DATE_TIME, LONG, CellTime, Outputs, variable


def column_inputs() -> dict[str, tuple[Any, Any]]:
    """Type and field of the input that carries each column of a record, by idShort.

    Where the range of a column follows from the description of the cell, it is looked at when the cell is known.
    """
    found: dict[str, tuple[Any, Any]] = {"id_cycle": (int, variable(ge=1, le=HIGHEST_CYCLE))}
    for column, id_short in ID_SHORT.items():
        known = COLUMNS[column]
        if column == "start_time":
            found[id_short] = (CellTime, variable(None, xs_type=DATE_TIME, description=known.meaning))
        elif column != "cycle_number":
            bounds: dict[str, Any] = {} if column in OF_THE_CELL else {"ge": known.low, "le": known.high}
            found[id_short] = (float | None, variable(None, **bounds))
    return found


class StateOutputs(Outputs):
    """The cell after what was done."""

    RecordCount: int | None = variable(None, xs_type=LONG)
    StateOfHealth: float | None = variable(None)
    StateOfHealthLower: float | None = variable(None)
    StateOfHealthUpper: float | None = variable(None)
    RUL: float | None = variable(None)
    RULLower: float | None = variable(None)
    RULUpper: float | None = variable(None)
    AlertsRaised: int | None = variable(None)
