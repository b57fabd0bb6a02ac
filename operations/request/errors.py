"""Errors of an operation, as its caller sees them.

    OperationError          one of STATUSES and a message that names the cause and, where there is one, the remedy
    └── InvalidInput        a value of the caller is not allowed; `problems` lists field, value and what is allowed

An error of the AAS environment or of the model becomes one of these by `as_operation_error`; what a message says is
safe to show: no address, no path, no stack trace. Through BaSyx it travels as the outputs Status and Message of an
answer 200 (BaSyx drops the body of any other), directly as an `application/problem+json` (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aasx import client
from aasx.elements.values import MissingElement
from model import errors as model_errors
from operations.request.columns import ID_SHORT

STATUSES = {
    "invalidInput": (422, "The input is not valid"),
    "notFound": (404, "Not found"),
    "conflict": (409, "Conflict with the present state"),
    "unavailable": (503, "A part of the twin is not available"),
    "timeout": (504, "Not finished in time"),
    "internal": (500, "Internal error"),
}
"""Status -> HTTP status of the direct REST, title."""

SHOWN_CHARACTERS = 60
"""A value of the caller is repeated in a message up to this length."""


class OperationError(Exception):
    def __init__(self, status: str, message: str) -> None:
        if status not in STATUSES:
            raise ValueError(f"unknown status {status!r}")
        self.status = status
        self.message = message
        super().__init__(f"{status}: {message}")

    @property
    def http_status(self) -> int:
        return STATUSES[self.status][0]

    @property
    def title(self) -> str:
        return STATUSES[self.status][1]


@dataclass(frozen=True)
class Problem:
    """One value that is not allowed: dotted name of the field, the value as shown, what is allowed."""

    field: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.allowed}" if self.value else f"{self.field}: {self.allowed}"


class InvalidInput(OperationError):
    def __init__(self, *problems: Problem, http_status: int = 422) -> None:
        self.problems = problems
        self._http_status = http_status
        super().__init__("invalidInput", "; ".join(map(str, problems)))

    @property
    def http_status(self) -> int:
        return self._http_status


def shown(value: Any) -> str:
    """A value of the caller as a message repeats it: on one line and short."""
    try:
        text = repr(value)
    except ValueError:  # an int too long to be written out
        return "a number with too many digits"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns what goes wrong on content that is not as this twin writes it into an OperationError that names `what`."""
    try:
        yield
    except MissingElement:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        text = f"the AAS holds no readable {what}; look at it there, or load it anew"
        raise OperationError("unavailable", text) from error


def as_operation_error(error: Exception) -> OperationError:
    """What a failure of the AAS environment, the model or this code means for the caller of an operation."""
    match error:
        case OperationError():
            return error
        case client.TimedOut():
            return OperationError("timeout", "the AAS environment did not answer in time; the call can be repeated")
        case client.Unreachable():
            return OperationError("unavailable", "the AAS environment cannot be reached; the call can be repeated")
        case client.NotFound():
            return OperationError("notFound", "the AAS holds no such cell, or a submodel of the cell is missing")
        case client.Changed():
            text = "others keep changing the cell at the same time; nothing was overwritten, the call can be repeated"
            return OperationError("unavailable", text)
        case client.AasError():
            return OperationError("unavailable", "the AAS environment gave no usable answer; the call can be repeated")
        case MissingElement():
            lacking = ", ".join(error.id_shorts)
            return OperationError("unavailable", f"the AAS of the cell lacks {lacking}; load it anew")
        case model_errors.InvalidInput():
            name = ID_SHORT.get(error.field, error.field)
            return InvalidInput(Problem(name, shown(error.value), error.allowed))
        case model_errors.NotEnoughHistory():
            return OperationError("conflict", str(error))
        case _:
            return OperationError("internal", "the operation failed; the delegate's log tells more under the RequestId")
