"""AppendCycles: many finished cycles in one call, each as AppendCycle takes it; one prediction after the last."""

from __future__ import annotations

import csv
import io
from typing import Any

from pydantic import Field

from operations import append_cycle
from operations.append_samples import CyclesOutputs, outcomes
from operations.cell import growth, twin
from operations.cell.growth import Ended
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.intake.cycles import REJECTED
from operations.request.columns import ID_SHORT
from operations.request.edge import Inputs, parse, variable
from operations.request.errors import InvalidInput, OperationError, Problem, shown
from operations.request.logs import request_id

MOST_CYCLES = 1000
LONGEST_ROWS_CHARACTERS = 1_500_000


class AppendCyclesInputs(Inputs):
    CycleRows: str = Field(min_length=1, max_length=LONGEST_ROWS_CHARACTERS)


class AppendCyclesOutputs(CyclesOutputs):
    RequestId: str | None = variable(None)


def append_cycles(live: LiveTwin, cell: str, inputs: AppendCyclesInputs) -> AppendCyclesOutputs:
    """A row that is not allowed is rejected with its reason, and the others go on."""
    rows = read_rows(inputs.CycleRows)
    history, ended = live.completed(live.history(cell, to_write=True)), []
    for row in rows:
        try:
            history, one = _add(live, history, row)
        except OperationError as error:
            if error.status not in ("invalidInput", "conflict"):
                raise
            one = Ended(None, None, None, REJECTED, f"id_cycle {shown(row.get('id_cycle'))}: {error.message}")
        ended.append(one)
    grown = any(one.outcome == growth.APPENDED for one in ended)
    history, prediction, raised = growth.follow(live, history, grown)
    return AppendCyclesOutputs(
        RecordCount=len(history.cycles),
        AlertsRaised=len(raised),
        **outcomes(ended),
        **twin.state_values(prediction),
        RequestId=request_id.get(),
    )


def _add(live: LiveTwin, history: CellHistory, given: dict[str, Any]) -> tuple[CellHistory, Ended]:
    inputs: Any = parse(append_cycle.AppendCycleInputs, given)
    given_clock, row = append_cycle.measured_row(inputs, None, None, history)
    if not growth.is_present(history, row):
        growth.in_order(history, row)
        history = growth.decide_clock(live, history, given_clock)
    history, outcome = growth.add(live, history, row)
    return history, Ended(row["cycle_number"], row.get("start_time"), row["capacity_Ah"], outcome)


def read_rows(text: str) -> list[dict[str, Any]]:
    """The inputs of AppendCycle of each line, typed; an empty field is not given. Raises InvalidInput."""
    lines = csv.DictReader(io.StringIO(text), strict=True, skipinitialspace=True)
    try:
        header = [name.strip() for name in lines.fieldnames or []]
        unknown = sorted(set(header) - set(ID_SHORT.values()))
        if unknown or len(set(header)) != len(header) or "id_cycle" not in header:
            names = ", ".join(ID_SHORT.values())
            raise InvalidInput(Problem("CycleRows line 1", shown(",".join(header)), f"must be a header of {names}"))
        lines.fieldnames = header
        found = [_typed(number, line) for number, line in enumerate(lines, 2)]
    except csv.Error as error:
        raise InvalidInput(Problem(f"CycleRows line {lines.line_num}", "", f"must be CSV: {error}")) from None
    if len(found) > MOST_CYCLES:
        raise InvalidInput(Problem("CycleRows", str(len(found)), f"must be at most {MOST_CYCLES} cycles a call"))
    return found


def _typed(number: int, line: dict[str, Any]) -> dict[str, Any]:
    if None in line or None in line.values():
        raise InvalidInput(Problem(f"CycleRows line {number}", "", "must have as many fields as the header"))
    return {name: _value(name, text.strip()) for name, text in line.items() if text.strip()}


def _value(name: str, text: str) -> Any:
    """A number where one belongs; what is none stays text, and is refused with the row."""
    if name == ID_SHORT["start_time"]:
        return text
    try:
        return int(text) if name == ID_SHORT["cycle_number"] else float(text)
    except ValueError:
        return text
