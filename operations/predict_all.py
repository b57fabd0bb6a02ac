"""PredictAll: the present state of every cell in one call, in bounded time; one that fails does not stop the others."""

from __future__ import annotations

import contextvars
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from pydantic import BaseModel

from operations.cell.live_twin import LiveTwin
from operations.predict import PredictInputs, predict
from operations.request import deadline, remarks
from operations.request.edge import Inputs, Outputs, variable
from operations.request.errors import OperationError, as_operation_error
from operations.request.logs import request_id, say

DEFAULT_BUDGET_S = 20.0
WORKERS = 4


class PredictAllInputs(Inputs):
    TimeBudget_s: float | None = variable(None, ge=0.1, le=300)


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
    RequestId: str | None = variable(None)


def predict_all(live: LiveTwin, _fleet: str, inputs: PredictAllInputs) -> PredictAllOutputs:
    end = time.monotonic() + (inputs.TimeBudget_s or DEFAULT_BUDGET_S)
    cells = live.cells()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="predict-all") as pool:
        calls = [pool.submit(contextvars.copy_context().run, _predict_one, live, cell, end) for cell in cells]
        results = [call.result() for call in calls]
    failed = sum(result.ResultStatus != "ok" for result in results)
    message = f"{failed} of {len(results)} cells could not be predicted" if failed else None
    return PredictAllOutputs(Message=message, Results=results, RequestId=request_id.get())


def _predict_one(live: LiveTwin, cell: str, end: float) -> CellResult:
    try:
        remarks.start()
        deadline.start(min(live.settings.operation_timeout_s, end - time.monotonic()))
        with live.alone(cell):
            found = predict(live, cell, PredictInputs())
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
