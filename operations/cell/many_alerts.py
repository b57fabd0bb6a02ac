"""Operations on alerts of many cells in one call: cell by cell, each alone, with a result for each alert."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from pydantic import BaseModel

from aasx.identifiers import check_cell_name
from operations.cell.live_twin import LiveTwin
from operations.request import deadline, remarks
from operations.request.edge import Inputs, line, variable
from operations.request.errors import OperationError, as_operation_error
from operations.request.logs import say

MOST_ALERTS = 500
"""Of one call."""
WORKERS = 4


class AlertAddress(Inputs):
    Battery: str = line(longest=100)
    AlertId: str = line(longest=100)


class AlertResult(BaseModel):
    Battery: str = variable()
    AlertId: str = variable()
    ResultStatus: str = variable()
    ResultMessage: str | None = variable(None)
    AlertState: str | None = variable(None)


class Outcome(NamedTuple):
    """What became of one alert. `at` is the time it was acknowledged at, or is shelved until."""

    status: str
    message: str | None = None
    state: str | None = None
    at: str | None = None


def in_cells(
    live: LiveTwin, addresses: Sequence[AlertAddress], change: Callable[[str, list[str]], dict[str, Outcome]]
) -> list[AlertResult]:
    """A result for each alert, in their order; `change` does all of one cell. A cell that fails stops no other."""
    by_cell: dict[str, list[str]] = {}
    for one in addresses:
        by_cell.setdefault(one.Battery, []).append(one.AlertId)
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="alerts") as pool:
        calls = {
            cell: pool.submit(contextvars.copy_context().run, _in_cell, live, cell, ids, change)
            for cell, ids in by_cell.items()
        }
        found = {cell: call.result() for cell, call in calls.items()}
    return [_result(one, found[one.Battery][one.AlertId]) for one in addresses]


def _in_cell(
    live: LiveTwin, cell: str, ids: list[str], change: Callable[[str, list[str]], dict[str, Outcome]]
) -> dict[str, Outcome]:
    try:
        remarks.start()
        deadline.remaining_s()
        try:
            check_cell_name(cell)
        except ValueError:
            raise OperationError("notFound", "there is no cell of this name") from None
        with live.alone(cell):
            return live.persistently(cell, lambda: change(cell, ids))
    except Exception as error:
        known = as_operation_error(error)
        unexpected = None if isinstance(error, OperationError) else error
        level = logging.ERROR if known.status == "internal" else logging.WARNING
        say(level, str(known), exc_info=unexpected or False, cell=cell)
        return dict.fromkeys(ids, Outcome(known.status, known.message))


def _result(one: AlertAddress, outcome: Outcome) -> AlertResult:
    return AlertResult(
        Battery=one.Battery, AlertId=one.AlertId, ResultStatus=outcome.status, ResultMessage=outcome.message,
        AlertState=outcome.state,
    )  # fmt: skip


def told(results: Sequence[AlertResult]) -> str | None:
    failed = sum(result.ResultStatus != "ok" for result in results)
    return f"{failed} of {len(results)} alerts were left as they are" if failed else None
