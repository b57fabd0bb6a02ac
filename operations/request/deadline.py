"""The time an operation may take: set when it starts, looked at before each request to the AAS environment."""

from __future__ import annotations

import time
from contextvars import ContextVar

from operations.request.errors import OperationError

_end: ContextVar[float] = ContextVar("operation_end", default=float("inf"))


def start(seconds: float) -> None:
    """The operation of this thread ends in `seconds`."""
    _end.set(time.monotonic() + seconds)


def remaining_s() -> float:
    """Seconds left; raises OperationError (timeout) when there are none."""
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise OperationError("timeout", "the operation took too long and was given up; the call can be repeated")
    return left
