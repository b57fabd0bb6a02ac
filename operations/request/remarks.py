"""What an operation found in the AAS that is not the twin's: told in the Message of an answer that is ok."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

from aasx.elements import shape
from aasx.elements.shape import Foreign

_noted: ContextVar[list[Foreign] | None] = ContextVar("remarks", default=None)


def start() -> None:
    """The operation of this thread (or context) begins, with nothing noted."""
    _noted.set([])


def note(found: Iterable[Foreign]) -> None:
    noted = _noted.get()
    if noted is not None:
        noted.extend(found)


def told() -> str | None:
    """One sentence on all that was noted, None for nothing."""
    return shape.told(_noted.get() or [])
