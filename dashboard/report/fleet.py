"""The report of the fleet: how many in which state, by type, cell by cell, alerts that wait, and where it is from."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import fmean

from aasx.vocabulary import IN_SERVICE
from dashboard.components import pieces, present
from dashboard.reading import outlook
from dashboard.reading.content import SEVERITIES, FleetRow, natural
from dashboard.reading.twin import Trouble, Twin
from dashboard.report.sheet import hint, section, sheet
from dashboard.texts.language import MISSING, Language

MOST_ROWS = 1000


def report(twin: Twin, words: Language) -> str:
    """HTML of the report: the cells in service, and how many are not. Raises Trouble."""
    everyone, at = twin.fleet().value, datetime.now(UTC)
    rows = sorted((row for row in everyone if row.service == IN_SERVICE), key=lambda row: natural(row.name))
    parts = [
        section(words("report.state"), totals(words, rows, len(everyone) - len(rows))),
        section(words("layout.types"), types(words, rows, at)),
        section(words("report.cells"), cells(words, rows, at)),
        section(words("view.alerts"), waiting(words, rows)),
        section(words("view.model"), model(twin, words)),
    ]
    return sheet(words, words("report.of_fleet"), words("report.cells.count", count=words.number(len(rows))), parts,
                 twin.base_url, at)  # fmt: skip


def totals(words: Language, rows: list[FleetRow], archived: int) -> str:
    health = [row.soh for row in rows if row.soh is not None]
    items = [
        pieces.tile(words("scope.service"), words.number(len(rows)), words("report.archived", count=archived)),
        *(pieces.tile(words(f"severity.{name}"), words.number(sum(row.state == name for row in rows)))
          for name in reversed(SEVERITIES)),
        pieces.tile(words("fleet.waiting"), words.number(sum(row.unacknowledged for row in rows))),
        pieces.tile(words("fleet.mean_soh"), words.quantity(fmean(health) if health else None, "%", 1)),
        pieces.tile(words("fleet.types.outliers"), words.number(sum(row.outlier for row in rows))),
    ]  # fmt: skip
    return pieces.tiles(items)


def types(words: Language, rows: list[FleetRow], at: datetime) -> str:
    columns = [(words(f"fleet.types.{name}"), name != "type") for name in ("type", "cells", "mean_soh", "outliers")]
    columns.append((words("fleet.types.next"), False))
    lines = []
    for kind, members in outlook.by_type(rows).items():
        health = [row.soh for row in members if row.soh is not None]
        first = outlook.soonest(members, at)
        lines.append([kind or words("fleet.types.none"), words.number(len(members)),
                      words.quantity(fmean(health) if health else None, "%", 1),
                      words.number(sum(row.outlier for row in members)),
                      f"{first.name}: {words.cycles(first.rul)}" if first else MISSING])  # fmt: skip
    return pieces.table(columns, lines, fold=False) if lines else ""


def cells(words: Language, rows: list[FleetRow], at: datetime) -> str:
    names = ("cell", "state", "soh", "rul", "end", "cycle", "age")
    columns = [(words(f"fleet.column.{name}"), name == "cycle") for name in names]
    lines = []
    for row in rows[:MOST_ROWS]:
        end = outlook.end_of(row, at)
        when = MISSING if end is None else ", ".join(present.end_of_life(words, end, row.cycles_per_day)[:2])
        life = words.cycles(row.rul)
        if row.rul and row.rul_lower is not None and row.rul_upper is not None:
            life += f" ({words.interval(row.rul_lower, row.rul_upper)})"
        grade = f"grade.short.{row.grade}"
        lines.append([row.name, words(f"severity.{row.state}"), words.quantity(row.soh, "%", 1),
                      f"{life} {words(grade) if words.has(grade) else ''}".strip(), when, words.number(row.at_cycle),
                      words.moment(row.last_update)])  # fmt: skip
    more = len(rows) - len(lines)
    return pieces.table(columns, lines, fold=False) + (hint(words("report.more", count=more)) if more else "")


def waiting(words: Language, rows: list[FleetRow]) -> str:
    found = sorted((row for row in rows if row.unacknowledged), key=lambda row: SEVERITIES.index(row.severity))
    if not found:
        return hint(words("alerts.active.none"))
    columns = [
        (words("fleet.column.cell"), False),
        (words("fleet.column.state"), False),
        (words("fleet.waiting"), True),
    ]
    lines = [[row.name, words(f"severity.{row.state}"), words.number(row.unacknowledged)] for row in found[:MOST_ROWS]]
    return pieces.table(columns, lines, fold=False)


def model(twin: Twin, words: Language) -> str:
    try:
        versions = twin.model_versions()
    except Trouble:
        versions = []
    named = [(words("provenance.version"), name) for name, _ in versions]
    return pieces.facts(named) if named else hint(words("model.none"))
