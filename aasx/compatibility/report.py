"""What a check of an AAS environment found: a line for each thing that was tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

OK, DIFFERS, MISSING, NOT_TRIED = "ok", "differs", "missing", "not tried"


class Differs(Exception):
    """It works, but not as the API says or as the twin would have it; the twin copes."""


class Missing(Exception):
    """It does not work."""


class NotTried(Exception):
    """Nothing can be said."""


@dataclasses.dataclass(frozen=True)
class Check:
    """`if_missing`, `if_differs`: what it means for the twin; `remedy`: what a person can do where it is missing."""

    title: str
    needed: bool
    run: Callable[[Any], None]
    if_missing: str
    remedy: str
    if_differs: str = "the twin copes with it"


@dataclasses.dataclass(frozen=True)
class Finding:
    """`seen`: what the server did; `meaning`: what that means for the twin; `remedy`: what a person can do.

    All three are empty where the result is "ok". `needed`: the twin does not work without it.
    """

    title: str
    needed: bool
    result: str
    seen: str = ""
    meaning: str = ""
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """`left_behind`: ids of scratch objects that could not be taken away."""

    url: str
    findings: Sequence[Finding]
    left_behind: Sequence[str]

    @property
    def fits(self) -> bool:
        """Whether nothing is missing that the twin needs."""
        return not any(one.needed and one.result == MISSING for one in self.findings)
