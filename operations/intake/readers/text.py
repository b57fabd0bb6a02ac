"""Delimited text of any make: its encoding, its separator, the line its header stands in, units below the header.

Encodings: UTF-8 and UTF-16 (with and without mark), GBK, Windows-1252. A first line `sep=;` is Excel's and is obeyed.
Nested exports (a line for each cycle, step and record, each level indented by an empty field) become one table.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re

import numpy as np
import pandas as pd

from operations.intake.readers.table import Table, Unreadable, unique

SEPARATORS = ("\t", ";", ",", "|")
LOOKED_AT_RUNS = 100_000
HEADER_LINES = 200
"""A header is looked for in this many lines."""

NUMBER = re.compile(r"^[+-]?[\d\s.,'\u00a0\u202f]*\d[\d.,]*([eE][+-]?\d+)?%?$")
MOMENT = re.compile(r"^\d{1,4}[-./:]\d{1,2}([-./:]\d{1,4})?([ T_]|$)|^\d+[d-]\s?\d+:\d\d:\d\d")
UNIT = re.compile(
    r"^[\[(]?\s*(ms|s|sec|min|h|V|mV|A|mA|Ah|mAh|Wh|mWh|W|mW|°C|degC|K|°F|Ω|ohm|mΩ|mohm|%|-|1)?\s*[\])]?$"
)


def read(content: bytes, most_rows: int | None = None) -> Table:
    """The table of a text file; of a long one its first `most_rows` rows. Raises Unreadable."""
    text = decoded(content)
    lines = text.splitlines() if most_rows is None else text[: 2000 * (most_rows + HEADER_LINES)].splitlines()
    first, separator = 0, None
    if lines and (said := re.match(r'^"?sep=(.)"?\s*$', lines[0], re.IGNORECASE)):
        first, separator = 1, said[1]
    at, separator = _header(lines, first, separator)
    header = [name.strip() for name in _fields(lines[at], separator)]
    if (nested := _nested(lines, at, separator, most_rows)) is not None:
        return nested
    while len(header) > 1 and not header[-1]:
        header.pop()
    names, below = unique(header), at + 1
    units: dict[str, str] = {}
    following = next((i for i in range(below, min(len(lines), below + 3)) if lines[i].strip()), None)
    if following is not None:
        fields = [field.strip() for field in _fields(lines[following], separator)]
        if any(fields) and all(UNIT.match(field) for field in fields) and any(re.search("[A-Za-z]", f) for f in fields):
            units = {
                name: unit.strip("[]() ") for name, unit in zip(names, fields, strict=False) if unit.strip("[]() ")
            }
            below = following + 1
    end = len(lines) if most_rows is None else min(len(lines), below + most_rows)
    return _body(lines, below, end, names, separator, units, tuple(lines[first:at]))


def decoded(content: bytes) -> str:
    """The text of a file, by its mark, or by what its bytes can be. Raises Unreadable for what is no text."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    head = content[:4000]
    if len(head) // 4 < head.count(0) < 0.55 * len(head):
        encoding = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        return content.decode(encoding, errors="replace")
    if 0 in head:
        raise Unreadable("notText", "the file is neither text nor of a format that is read here")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # GBK writes every Chinese character in two bytes above 0x80; in Western text such bytes mostly stand alone
    runs = itertools.islice(re.finditer(rb"[\x80-\xff]+", content), LOOKED_AT_RUNS)
    if all(len(run[0]) % 2 == 0 for run in runs):
        try:
            return content.decode("gbk")
        except UnicodeDecodeError:
            pass
    return content.decode("cp1252", errors="replace")


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def is_value(text: str) -> bool:
    return bool(NUMBER.match(text) or MOMENT.match(text))


def _header(lines: list[str], first: int, separator: str | None) -> tuple[int, str]:
    """Index of the header's line and the separator: the widest line of names that a line with values follows."""
    best: tuple[int, int, str] | None = None
    ends = min(len(lines), first + HEADER_LINES)
    for candidate in [separator] if separator else SEPARATORS:
        rows = [[field.strip() for field in _fields(line, candidate)] for line in lines[first:ends]]
        for position, names in enumerate(rows):
            filled = [name for name in names if name]
            worded = sum(any(letter.isalpha() for letter in name) and not is_value(name) for name in filled)
            if len(filled) < 2 or 2 * worded < len(filled):
                continue
            following = [row for row in rows[position + 1 : position + 6] if any(row)]
            values = max((sum(map(is_value, row)) for row in following), default=0)
            if values < 2 or max(map(len, following)) < len(filled):
                continue
            if best is None or len(filled) > best[0]:
                best = (len(filled), first + position, candidate)
    if best is None:
        text = "no line with the names of at least two columns was found above lines of numbers; add a header line"
        raise Unreadable("noHeader", text)
    return best[1], best[2]


def _body(
    lines: list[str],
    below: int,
    end: int,
    names: list[str],
    separator: str,
    units: dict[str, str],
    head: tuple[str, ...],
) -> Table:
    used = [index for index in range(below, end) if lines[index].strip(' \t;,|"')]
    width = 2 * len(names) + 1  # decimal commas without quotes double the values of a line
    columns = [*names, *(f"\x00{i}" for i in range(width - len(names)))]
    if not used:
        raise Unreadable("noRows", "the file has a header but no rows below it")
    cells = pd.read_csv(
        io.StringIO("\n".join(lines[index] for index in used)),
        sep=separator, names=columns, header=None, index_col=False, dtype=str, keep_default_na=False, na_values=[],
        skip_blank_lines=False, skipinitialspace=True, on_bad_lines="skip", low_memory=False,
    )  # fmt: skip
    cells = cells.fillna("")
    surplus = np.zeros(len(cells), dtype=bool)
    for name in columns[len(names) :]:
        surplus |= (cells[name].str.strip() != "").to_numpy()
    left_out = len(used) - len(cells)
    numbers = np.array(used if left_out == 0 else used[: len(cells)]) + 1
    whole = end == len(lines)
    cells = cells[names].apply(lambda column: column.str.strip())
    return Table(cells, numbers, "text", surplus, units, head, left_out, whole)


# --- cycles, steps and records one below the other, as Neware's BTSDA writes them


def _nested(lines: list[str], at: int, separator: str, most_rows: int | None) -> Table | None:
    """The records of a nested export with the cycle and the kind of step above them; None for any other file."""
    start = next(
        (i for i in range(max(0, at - 2), at + 1) if len(lines) > i + 2 and _levels(lines, i, separator)), None
    )
    if start is None:
        return None
    levels = [[name.strip() for name in _fields(lines[start + level], separator)] for level in range(3)]
    kind = next(
        (i for i, name in enumerate(levels[1]) if re.search("step (name|type)|工步(名称|类型)|^name$", name, re.I)),
        None,
    )
    records, numbers, cycle, step = [], [], "", ""
    for number, line in enumerate(lines[start + 3 :], start + 4):
        fields = [field.strip() for field in _fields(line, separator)]
        if len(fields) < 2 or not any(fields):
            continue
        if fields[0]:
            cycle = fields[0]
        elif fields[1]:
            step = fields[kind] if kind is not None and kind < len(fields) else ""
        else:
            width = len(levels[2])
            records.append([cycle, step, *(fields + [""] * width)[2:width]])
            numbers.append(number)
            if most_rows is not None and len(records) >= most_rows:
                break
    if not records:
        return None
    names = unique(["Cycle ID", "Step Type", *levels[2][2:]])
    rows = pd.DataFrame(records, columns=names, dtype=str)
    whole = most_rows is None or len(records) < most_rows
    return Table(rows, np.array(numbers), "nested", np.zeros(len(rows), dtype=bool), whole=whole)


def _levels(lines: list[str], at: int, separator: str) -> bool:
    """True where three lines of names follow one another, each one empty field further in."""
    for level in range(3):
        fields = [field.strip() for field in _fields(lines[at + level], separator)]
        if len(fields) < level + 2 or any(fields[:level]) or not fields[level] or is_value(fields[level]):
            return False
    return True
