"""A file as a table: what every reader gives, and what it says where it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

MOST_COLUMNS = 5000


class Unreadable(ValueError):
    """A file that no reader reads; `code` and `values` name the reason, the message tells it with the remedy."""

    def __init__(self, code: str, message: str, **values: Any) -> None:
        self.code, self.values = code, values
        super().__init__(message)


@dataclass(frozen=True)
class Table:
    """Rows of a file as they stand there, numbers not yet read where they are text.

    `cells`: one column of the file each, named as in its header, text ("" for nothing) or numbers. `lines`: the file's
    line (or row) of each. `surplus`: rows that hold more values than the header has names. `form`: what kind of file.
    `units`: of columns whose unit stands in a line of its own below the header. `head`: lines above the header.
    `left_out`: lines that are no rows of the table at all. `whole`: False where the table was cut (see `read`).
    `in_standard`: the columns follow a published form whose units and signs need not be asked for.
    """

    cells: pd.DataFrame
    lines: np.ndarray
    form: str
    surplus: np.ndarray
    units: dict[str, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()
    left_out: int = 0
    whole: bool = True
    in_standard: bool = False

    def __len__(self) -> int:
        return len(self.cells)

    @classmethod
    def of(cls, cells: pd.DataFrame, form: str, most_rows: int | None = None, in_standard: bool = False) -> Table:
        """A table of numbers or text that has no lines of its own: row 1 is the first below the header."""
        whole = most_rows is None or len(cells) <= most_rows
        cells = (cells if whole else cells.iloc[:most_rows]).reset_index(drop=True)
        cells.columns = unique(str(name).strip() for name in cells.columns)
        lines = np.arange(1, len(cells) + 1)
        return cls(cells, lines, form, np.zeros(len(cells), dtype=bool), whole=whole, in_standard=in_standard)


def unique(names: Any) -> list[str]:
    """Names of columns: those without one are called `column 3`, those that stand twice get a number."""
    found: list[str] = []
    for position, name in enumerate(names, 1):
        if position > MOST_COLUMNS:
            raise Unreadable("tooWide", f"the table has more than {MOST_COLUMNS} columns", limit=MOST_COLUMNS)
        name = name or f"column {position}"
        count = 1 + sum(other == name or other.startswith(f"{name} #") for other in found)
        found.append(name if count == 1 else f"{name} #{count}")
    return found
