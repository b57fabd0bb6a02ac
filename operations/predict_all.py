"""PredictAll: the present state of every cell, in calls of bounded time and size that go on from one another; a cell
that fails does not stop the others."""

from __future__ import annotations

import base64
import contextvars
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pydantic import BaseModel

from operations.cell.live_twin import LiveTwin
from operations.predict import PredictInputs, predict
from operations.request import deadline, remarks
from operations.request.edge import Inputs, Outputs, variable
from operations.request.errors import InvalidInput, OperationError, Problem, as_operation_error, shown
from operations.request.logs import request_id, say

DEFAULT_BUDGET_S = 20.0
DEFAULT_CELLS = 200
WORKERS = 4


class PredictAllInputs(Inputs):
    TimeBudget_s: float | None = variable(None, ge=0.1, le=300)
    MostCells: int | None = variable(None, ge=1, le=1000)
    Cursor: str | None = variable(None, max_length=2000)


class CellResult(BaseModel):
    Battery: str = variable()
    ResultStatus: str = variable()
    ResultMessage: str | None = variable(None)
    RUL: float | None = variable(None)
    RULLower: float | None = variable(None)
    RULUpper: float | None = variable(None)
    StateOfHealth: float | None = variable(None)


class PredictAllOutputs(Outputs):
    Results: list[CellResult] | None = variable(None)
    NextCursor: str | None = variable(None)
    RequestId: str | None = variable(None)


@dataclass(frozen=True)
class Position:
    """Where in the cells a call goes on: a page of shells, and the cell of it that was done last."""

    page: str = ""
    after: str = ""

    @classmethod
    def of(cls, cursor: str | None) -> Position:
        """Raises InvalidInput for a text that no call has given."""
        if not cursor:
            return cls()
        try:
            page, after = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        except ValueError:
            page = after = None
        if not isinstance(page, str) or not isinstance(after, str):
            raise InvalidInput(Problem("Cursor", shown(cursor), "must be the NextCursor of the call before"))
        return cls(page, after)

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.page, self.after]).encode()).decode("ascii")


def predict_all(live: LiveTwin, _fleet: str, inputs: PredictAllInputs) -> PredictAllOutputs:
    """The cells of one call, in the order of their shells; `NextCursor` is where the next call goes on.

    Cells that the time was too short for are told, and are the first of the next call.
    """
    end = time.monotonic() + (inputs.TimeBudget_s or DEFAULT_BUDGET_S)
    most, position = inputs.MostCells or DEFAULT_CELLS, Position.of(inputs.Cursor)
    results: list[CellResult] = []
    following: Position | None = position
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="predict-all") as pool:
        while following is not None and len(results) < most and time.monotonic() < end:
            position = following
            cells, next_page = live.cells_page(position.page)
            if position.after in cells:
                cells = cells[cells.index(position.after) + 1 :]
            taken = cells[: most - len(results)]
            calls = [pool.submit(contextvars.copy_context().run, _predict_one, live, cell, end) for cell in taken]
            found = [call.result() for call in calls]
            first = 0 if results else 1  # the first of a call had all its time: if that was too short, others go on
            results += found
            reached = next(
                (at for at, one in enumerate(found) if at >= first and one.ResultStatus == "timeout"), len(found)
            )
            if reached < len(cells):
                following = Position(position.page, cells[reached - 1] if reached else position.after)
                break
            following = Position(next_page) if next_page else None
    failed = sum(result.ResultStatus != "ok" for result in results)
    message = f"{failed} of {len(results)} cells could not be predicted" if failed else None
    cursor = None if following is None else str(following)
    return PredictAllOutputs(Message=message, Results=results, NextCursor=cursor, RequestId=request_id.get())


def _predict_one(live: LiveTwin, cell: str, end: float) -> CellResult:
    try:
        remarks.start()
        deadline.start(min(live.settings.operation_timeout_s, end - time.monotonic()))
        with live.alone(cell):
            found = live.persistently(cell, lambda: predict(live, cell, PredictInputs()))
    except Exception as error:
        known = as_operation_error(error)
        unexpected = None if isinstance(error, OperationError) else error
        level = logging.ERROR if known.status == "internal" else logging.WARNING
        say(level, str(known), exc_info=unexpected or False, cell=cell)
        return CellResult(Battery=cell, ResultStatus=known.status, ResultMessage=known.message)
    return CellResult(
        Battery=cell, ResultStatus="ok", ResultMessage=remarks.told(), RUL=found.RUL, RULLower=found.RULLower,
        RULUpper=found.RULUpper, StateOfHealth=found.StateOfHealth,
    )  # fmt: skip
