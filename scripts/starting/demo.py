"""Which cells the demo plays and how fast: TWIN_DEMO, TWIN_DEMO_CELLS, TWIN_DEMO_CYCLE."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

DEFAULT_CELLS = "B0005:50 B0006:70 B0007:60 B0018:57 B0025:8 B0028:8 B0042:8-38 B0043:8-38"
"""Ages at which one is about to raise a warning, another a critical alert. The test of B0042 and B0043 changes later.
"""
DEFAULT_CYCLE_S = 30.0
MOST_CELLS = 20
LONGEST_CYCLE_S = 86_400.0
YES, NO = ("", "on", "1", "yes", "true"), ("off", "0", "no", "false")


@dataclass(frozen=True)
class Part:
    """A part of a cell's life: from cycle `first` (None: its middle) to cycle `last` (None: its end)."""

    cell: str
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class DemoSettings:
    wanted: bool = True
    parts: tuple[Part, ...] = ()
    cycle_s: float = DEFAULT_CYCLE_S
    """How long a cycle of a cell takes; 0: as fast as it goes."""

    @classmethod
    def from_environment(cls) -> DemoSettings:
        """Raises ValueError with the name of the variable that cannot be read."""
        asked = os.environ.get("TWIN_DEMO", "").strip().lower()
        if asked not in YES + NO:
            raise ValueError(f"TWIN_DEMO: {asked!r} must be on or off")
        try:
            cycle_s = float(os.environ.get("TWIN_DEMO_CYCLE", "").strip() or DEFAULT_CYCLE_S)
        except ValueError:
            cycle_s = math.nan
        if not 0 <= cycle_s <= LONGEST_CYCLE_S:
            raise ValueError(f"TWIN_DEMO_CYCLE: must be the seconds a cycle takes, from 0 to {LONGEST_CYCLE_S:.0f}")
        return cls(asked in YES, parts_of(os.environ.get("TWIN_DEMO_CELLS", "").strip() or DEFAULT_CELLS), cycle_s)


def parts_of(text: str) -> tuple[Part, ...]:
    """Reads "B0005:50 B0042:8-38 B0007". Raises ValueError."""
    found = []
    for word in text.split():
        match = re.fullmatch(r"(B\d{4})(?::(\d{1,4})(?:-(\d{1,4}))?)?", word)
        if match is None:
            raise ValueError(f"TWIN_DEMO_CELLS: {word!r} must be a cell of NASA's, as B0005, B0005:50 or B0005:50-120")
        cell, first, last = match[1], *(int(number) if number else None for number in match.groups()[1:])
        found.append(Part(cell, first, last))
    names = [part.cell for part in found]
    if len(set(names)) < len(names) or len(names) > MOST_CELLS:
        raise ValueError(f"TWIN_DEMO_CELLS: at most {MOST_CELLS} cells, each once")
    return tuple(found)
