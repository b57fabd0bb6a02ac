"""The table of an older part of a history: CSV, one cycle a line, the columns of Metadata.Record in their order.

The latest cycles of a cell are Records of the InternalSegment; older ones stand in ExternalSegments (IDTA 02008-1-1),
`BLOCK` in each. `Segments.History0001` holds cycle 1 and those that follow, `Segments.History0201` the next block: the
number is that of its first cycle.

A table keeps the texts of the Properties as they stood in the AAS, foreign ones too, and a column more for each
Property that somebody has added to a record; what is read out of it is read as a Record would be.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aasx.elements import values
from aasx.elements.shape import LARGEST, Foreign, Shape, read
from aasx.vocabulary import RECORD_COLUMNS

LATEST = 200
"""Cycles that stay Records."""
BLOCK = 200
"""Cycles of one table."""

NAME = re.compile(r"History(\d{4,})")
COLUMNS = tuple(column.id_short for column in RECORD_COLUMNS)
NUMBER = "id_cycle"

Texts = dict[str, str]
"""One cycle: the text of each Property by idShort; what has no value is not there."""


def id_short(first_cycle: int) -> str:
    """Of the segment whose table begins with that cycle."""
    return f"History{first_cycle:04d}"


def first_cycle(segment: str) -> int | None:
    """The number in the name of a segment of the history; None for another segment."""
    found = NAME.fullmatch(segment)
    return int(found[1]) if found else None


def blocks(ordered: Sequence[Any]) -> tuple[list[Sequence[Any]], Sequence[Any]]:
    """Cycles in their order as whole blocks, and the rest: the `LATEST` and what is not yet a block beside them."""
    whole = max(0, len(ordered) - LATEST) // BLOCK
    return [ordered[BLOCK * number : BLOCK * (number + 1)] for number in range(whole)], ordered[BLOCK * whole :]


def texts(record: Mapping[str, Any]) -> Texts:
    """A cycle given by Python values. Raises ValueError for a value that does not fit its column."""
    found = (
        (column.id_short, values.to_text(record.get(column.id_short), column.xs_type)) for column in RECORD_COLUMNS
    )
    return {name: text for name, text in found if text is not None}


def to_csv(cycles: Sequence[Texts]) -> bytes:
    """The table of these cycles, in their order."""
    more = sorted({name for cycle in cycles for name in cycle} - set(COLUMNS))
    out = io.StringIO()
    table = csv.DictWriter(out, (*COLUMNS, *more), restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(cycles)
    return out.getvalue().encode("utf-8")


def from_csv(content: bytes) -> list[Texts]:
    """The cycles of a table. Raises ValueError for what is none."""
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        if NUMBER not in header:
            raise ValueError(f"a table without the column {NUMBER}")
        return [{name: text for name, text in zip(header, line, strict=False) if text} for line in lines if line]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"no table: {error}") from error


def records(cycles: Sequence[Texts], shape: Shape, noted: list[Foreign], where: str) -> list[dict[str, Any]]:
    """The cycles as Python values of every column; `shape` is that of a Record, `where` the path of the segment."""
    columns: dict[str, list[Any]] = {}
    for name, part in (shape.members or {}).items():
        column = [cycle.get(name) for cycle in cycles]
        known = _numbers(column, part.xs_type)
        if known is None:
            paths = (f"{where} {NUMBER} {cycle.get(NUMBER)} {name}" for cycle in cycles)
            known = [read(text, part, noted, path) for text, path in zip(column, paths, strict=True)]
        columns[name] = known
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _numbers(column: Iterable[str | None], xs_type: str) -> list[Any] | None:
    """A column of numbers, all of them as they should be; None where each has to be looked at by itself."""
    convert = {"xs:double": float, "xs:int": int, "xs:long": int}.get(xs_type)
    if convert is None:
        return None
    try:
        numbers = [None if text is None else convert(text) for text in column]
    except ValueError:
        return None
    given = [number for number in numbers if number is not None]
    within = not given or (math.isfinite(sum(given)) and max(map(abs, given)) <= LARGEST[xs_type])
    return numbers if within and not any(text and "_" in text for text in column) else None
