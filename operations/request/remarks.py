"""What a caller should know beside an answer that is ok, told in its Message: what of the AAS is not the twin's, and
single remarks."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar

from aasx.elements import shape
from aasx.elements.shape import Foreign

_noted: ContextVar[list[Foreign] | None] = ContextVar("remarks", default=None)


_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


def start() -> None:
    """The operation of this thread (or context) begins, with nothing noted."""
    _noted.set([])
    _said.set([])


def note(found: Iterable[Foreign]) -> None:
    noted = _noted.get()
    if noted is not None:
        noted.extend(found)


def remark(text: str) -> None:
    said = _said.get()
    if said is not None and text not in said:
        said.append(text)


def told() -> str | None:
    """All that was noted, None for nothing."""
    return "; ".join(filter(None, (*(_said.get() or []), shape.told(_noted.get() or [])))) or None
