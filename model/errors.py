"""Errors of the model, one tree with one base class to catch.

    ModelError
    ├── InvalidInput        a caller's value is outside what is allowed; says field, value and what is allowed
    ├── NotEnoughHistory    the question needs measured cycles that the cell does not have
    ├── BadRawData          a .mat file, folder or archive is broken, partial, or holds something else
    └── BadArtifact         a stored model is missing, damaged, altered or of another version; says the remedy

`Model.predict` does not raise for a young or dirty cell: it answers with a status and a wide interval.
"""

from __future__ import annotations

from typing import Any


class ModelError(Exception):
    """Base of all errors that this package raises on purpose."""


class InvalidInput(ModelError):
    """A value that the caller gave cannot be used.

    Attributes: `field` (name of the input), `value` (what was given), `allowed` (text: what would be accepted).
    """

    def __init__(self, field: str, value: Any, allowed: str) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        super().__init__(f"{field} = {value!r} is not allowed: {allowed}")


class NotEnoughHistory(ModelError):
    """The cell has too few valid cycles for this question; a plain prediction still answers (status `noHistory`)."""


class BadRawData(ModelError):
    """Raw measurement data cannot be read as the NASA layout; nothing was changed."""


class BadArtifact(ModelError):
    """A stored model cannot be used: absent, truncated, altered or made by an incompatible version."""
