"""The report of the fleet: how many in which state, by type, cell by cell, alerts that wait, what-if of the cells that
end first, and where it is from."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from statistics import fmean

from aasx.vocabulary import IN_SERVICE
from dashboard.components import pieces, present
from dashboard.reading import outlook
from dashboard.reading.content import SEVERITIES, FleetRow, Forecast, natural
from dashboard.reading.twin import Trouble, Twin
from dashboard.report.cell import Outcome, Read, difference, life_said, outcomes, read
from dashboard.report.sheet import hint, section, sheet
from dashboard.texts.language import MISSING, Language

MOST_ROWS = 1000
MOST_ALERTED = 20
"""Cells whose alerts are read one by one; of the others the number is told."""
MOST_SIMULATED = 8
"""Cells that scenarios are asked for: those that end first. Each asks SimulateWhatIf four times."""


def report(twin: Twin, words: Language) -> str:
    """HTML of the report: the cells in service, and how many are not. Raises Trouble."""
    everyone, at = twin.fleet().value, datetime.now(UTC)
    rows = sorted((row for row in everyone if row.service == IN_SERVICE), key=lambda row: natural(row.name))
    first = soonest(twin, rows, at)
    parts = [
        section(words("report.state"), totals(words, rows, len(everyone) - len(rows))),
        section(words("layout.types"), types(words, rows, at)),
        section(words("report.cells"), cells(words, rows, at)),
        section(words("view.alerts"), alerts(twin, words, rows)),
        section(words("report.what_if"), what_if(twin, words, first)),
        section(words("cell.provenance"), provenance(words, rows, [one.forecast for one in first])),
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
        named = words("named", name=first.name, value=words.cycles(first.rul)) if first else MISSING
        lines.append([kind or words("fleet.types.none"), words.number(len(members)),
                      words.quantity(fmean(health) if health else None, "%", 1),
                      words.number(sum(row.outlier for row in members)),
                      named])  # fmt: skip
    return pieces.table(columns, lines, fold=False) if lines else ""


def cells(words: Language, rows: list[FleetRow], at: datetime) -> str:
    names = ("cell", "state", "soh", "rul", "end", "cycle")
    columns = [(words(f"fleet.column.{name}"), name == "cycle") for name in names]
    columns.append((words("report.last_data"), False))
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


def alerts(twin: Twin, words: Language, rows: list[FleetRow]) -> str:
    """Those that wait for somebody, worst cell first."""
    found = sorted((row for row in rows if row.unacknowledged), key=lambda row: SEVERITIES.index(row.severity))
    if not found:
        return hint(words("alerts.active.none"))
    columns = [(words(f"alerts.column.{name}"), False) for name in ("cell", "severity", "what", "raised")]
    lines = []
    for row in found[:MOST_ALERTED]:
        try:
            waits = [alert for alert in twin.prediction(row.cell).value.alerts if alert.waits and not alert.shelved]
        except Trouble as trouble:
            lines.append([row.name, words(f"severity.{row.state}"), trouble.detail or trouble.kind, MISSING])
            continue
        for alert in waits:
            grave = f"severity.{alert.severity}"
            said = words(grave) if words.has(grave) else alert.severity or MISSING
            what, when = present.alert_sentence(words, alert), words.moment(alert.raised_at)
            lines.append([row.name, said, what, when])
    more = sum(row.unacknowledged for row in found[MOST_ALERTED:])
    return pieces.table(columns, lines, fold=False) + (hint(words("report.more", count=more)) if more else "")


def soonest(twin: Twin, rows: list[FleetRow], at: datetime) -> list[Read]:
    """What the AAS says of the cells that end first, in days where their pace is known, else in cycles."""

    def ends(row: FleetRow) -> tuple[bool, float]:
        end = outlook.end_of(row, at)
        return end is None, end.days if end else row.rul or 0.0

    found = []
    for row in sorted((row for row in rows if row.rul), key=ends)[:MOST_SIMULATED]:
        try:
            found.append(read(twin, row.cell))
        except Trouble:  # one that cannot be read has no what-if; its row above says what is known
            continue
    return found


def what_if(twin: Twin, words: Language, known: list[Read]) -> str:
    """A line for each cell, a column for each scenario: its remaining life, and how far it is from that of the present
    use. After a cell that gets no answer at all no other one is asked."""
    asked = []
    for one in known:
        if found := outcomes(twin, words, one):
            asked.append((one, found))
            if not any(outcome.said for outcome in found):
                break
    if not asked:
        return hint(words("report.no_what_if"))
    columns = [(words("fleet.column.cell"), False), (words("simulation.as_now"), True)]
    columns += [(outcome.title, True) for outcome in asked[0][1]]
    lines = []
    for one, found in asked:
        baseline = next((outcome.said.baseline for outcome in found if outcome.said), None)
        line = [one.name, life_said(words, baseline) if baseline else MISSING]
        line += [changed(words, outcome) for outcome in found]
        lines.append(line)
    meant = dict.fromkeys(f"{outcome.title} ({outcome.change})" for _, found in asked for outcome in found)
    told = hint(words("report.what_if.first", count=len(asked))) + hint(" · ".join(meant))
    return told + pieces.table(columns, lines, fold=False) + hint(words("report.what_if.hint"))


def changed(words: Language, outcome: Outcome) -> str:
    said = outcome.said
    if said is None:
        return outcome.why
    if said.forecast.rul is None:
        return words("report.beyond")
    return f"{words.cycles(said.forecast.rul)} ({difference(words, said)})"


def provenance(words: Language, rows: list[FleetRow], forecasts: list[Forecast]) -> str:
    """Which model said so, when, and how far it is to be trusted; the model of the cells that were asked."""
    dated = sorted(row.last_update for row in rows if row.last_update)
    grades = Counter(row.grade for row in rows if words.has(f"grade.short.{row.grade}"))
    told = [
        words("named", name=words(f"grade.short.{grade}"), value=words.number(count))
        for grade, count in grades.most_common()
    ]
    when = dict.fromkeys(words.moment(one) for one in (dated[0], dated[-1])) if dated else {}
    facts = [
        (words("provenance.version"), ", ".join(sorted({one.model_version for one in forecasts if one.model_version}))),
        (words("provenance.hash"), ", ".join(sorted({one.model_hash for one in forecasts if one.model_hash}))),
        (words("provenance.at"), " – ".join(when)),
        (words("provenance.grade"), ", ".join(told)),
    ]
    return pieces.facts([(name, said or MISSING) for name, said in facts])
