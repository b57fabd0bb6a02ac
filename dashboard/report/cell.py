"""The report of one cell: state, forecast, alerts, what-if, use and wear, provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dashboard.components import charts, history, pieces, present, theme
from dashboard.reading import outlook, scenario
from dashboard.reading.content import FleetRow, Forecast, PredictionSubmodel, Rating, Simulation
from dashboard.reading.twin import Trouble, Twin
from dashboard.report.plot import Line, plot
from dashboard.report.sheet import hint, section, sheet
from dashboard.texts.language import MISSING, Language

PRESETS = ("hot", "cold", "deep", "current")  # scenarios where the reader has none of his own
MOST_ALERTS = 20


@dataclass(frozen=True)
class Read:
    """What the AAS says of the cell at one moment."""

    cell: str
    name: str
    row: FleetRow | None
    prediction: PredictionSubmodel
    latest: dict[str, Any]
    records: list[dict[str, Any]]
    rating: Rating

    @property
    def forecast(self) -> Forecast:
        return self.prediction.forecast


def read(twin: Twin, cell: str) -> Read:
    """Raises Trouble; "missing" where there is no such cell."""
    row = next((row for row in twin.fleet().value if row.cell == cell), None)
    return Read(cell, row.name if row else cell, row, twin.prediction(cell).value, twin.live(cell).value,
                twin.records(cell).value, twin.rating(cell))  # fmt: skip


def report(twin: Twin, words: Language, cell: str, asked: str = "") -> str:
    """HTML of the report; `asked` are scenarios as they stand in an address. Raises Trouble."""
    known, at = read(twin, cell), datetime.now(UTC)
    rated_Ah = known.rating.rated_capacity_Ah or known.forecast.rated_capacity_Ah
    parts = [
        section(words("report.state"), state(words, known, at)),
        section(words("report.forecast"), capacity(words, known)),
        section(words("view.alerts"), alerts(words, known.prediction)),
        section(words("report.what_if"), what_if(twin, words, known, asked)),
        section(words("usage.title"), history.plots(words, known.records, rated_Ah)),
        section(words("cell.provenance"), pieces.facts(present.provenance_facts(words, known.forecast))),
    ]
    kind = known.row.cell_type if known.row else ""
    title = words("report.of_cell", name=known.name)
    return sheet(words, title, kind or words("fleet.types.none"), parts, twin.base_url, at)


def state(words: Language, known: Read, at: datetime) -> str:
    forecast, row = known.forecast, known.row
    end = outlook.end_of(row, at) if row else None
    severity = row.state if row else "unknown"
    interval = words.interval(forecast.rul_lower, forecast.rul_upper)
    updated = known.latest.get("ReceivedAt") or known.latest.get("LastUpdate")
    items = [
        pieces.tile(words("fleet.column.state"), words(f"severity.{severity}")),
        pieces.tile(words("cell.rul"), words.cycles(forecast.rul), interval),
        pieces.tile(words("cell.eol_cycle"), words.number(forecast.end_of_life_cycle),
                    words("cell.at_cycle", cycle=words.number(forecast.at_cycle))),
        *present.capacity_tiles(words, forecast, known.latest, {}),
        pieces.tile(words("cell.updated"), words.moment(updated),
                    words("report.cycles", count=words.number(len(known.records)))),
    ]  # fmt: skip
    if end and row:
        when, *more = present.end_of_life(words, end, row.cycles_per_day)
        items.append(pieces.tile(words("fleet.column.end"), when, ", ".join(more)))
    if row and row.gap is not None:
        said = words("fleet.outlier", gap=words.number(row.gap, 1, signed=True))
        items.append(pieces.tile(words("fleet.types.outliers"), words("report.outlier" if row.outlier else "no"), said))
    notes = [f"status.{forecast.status}", f"grade.{forecast.grade}.hint"]
    return pieces.tiles(items) + "".join(hint(words(key)) for key in notes if words.has(key))


def capacity(words: Language, known: Read) -> str:
    forecast = known.forecast
    cycles, values = charts.measured_capacity(known.records)
    ahead = forecast.trajectory
    fan = [point for point in ahead if point[2] is not None and point[3] is not None]
    band = [(p[0], p[3]) for p in fan] + [(p[0], p[2]) for p in reversed(fan)]
    lines = [
        Line(words("chart.measured"), list(zip(cycles, values, strict=True)), theme.BLUE),
        Line(words("chart.predicted"), [(p[0], p[1]) for p in ahead], theme.VERMILLION, "7 4"),
    ]
    drawn = plot(words, lines, band, forecast.end_of_life_capacity_Ah,  # type: ignore[arg-type]
                 words.concept("id_cycle"), words.concept("Capacity", unit=True), words("cell.history"))  # fmt: skip
    if not drawn:
        return hint(words("cell.no_history"))
    level = words("chart.fan", level=words.quantity((forecast.confidence or 0.9) * 100, "%"))
    end = words("chart.eol", capacity=words.quantity(forecast.end_of_life_capacity_Ah, "Ah", 2))
    return drawn + hint(f"{level} · {end}")


def alerts(words: Language, prediction: PredictionSubmodel) -> str:
    found = [*prediction.alerts, *reversed(prediction.history)]
    if not found:
        return hint(words("report.no_alerts"))
    columns = [(words(f"alerts.column.{name}"), False) for name in ("severity", "what", "raised", "by", "cleared")]
    rows = []
    for alert in found[:MOST_ALERTS]:
        grave = f"severity.{alert.severity}"
        by = ", ".join(filter(None, (alert.acknowledged_by, alert.comment))) or MISSING
        rows.append([words(grave) if words.has(grave) else alert.severity or MISSING,
                     present.alert_sentence(words, alert),
                     words.moment(alert.raised_at), by, words.moment(alert.cleared_at)])  # fmt: skip
    more = len(found) - len(rows)
    return pieces.table(columns, rows, fold=False) + (hint(words("report.more", count=more)) if more else "")


def life_said(words: Language, forecast: Forecast) -> str:
    if forecast.rul is None:
        return words("report.beyond")
    if forecast.rul_lower is None or forecast.rul_upper is None:
        return words.cycles(forecast.rul)
    return f"{words.cycles(forecast.rul)} ({words.interval(forecast.rul_lower, forecast.rul_upper)})"


@dataclass(frozen=True)
class Outcome:
    """A scenario and what SimulateWhatIf said of it; `why` it said nothing."""

    title: str
    change: str
    said: Simulation | None
    why: str = ""


def outcomes(twin: Twin, words: Language, known: Read, asked: str = "") -> list[Outcome]:
    """The scenarios of an address, or the usual ones, from the last cycle on; none where no life is left."""
    forecast = known.forecast
    if not known.records or not forecast.rul:
        return []
    pace = known.row.cycles_per_day if known.row else None
    factors = scenario.factors_of(known.rating, forecast.rul_upper or forecast.rul, pace)
    now = scenario.present_values(factors, known.rating, known.records, pace)
    own = scenario.read_scenarios(asked, factors)
    presets = scenario.presets_of(factors, known.rating)
    wanted = {words("simulation.named", slot=slot): changes for slot, changes in own.items()}
    wanted = wanted or {words(f"preset.{name}"): presets[name] for name in PRESETS}
    first, today = known.records[-1]["id_cycle"], datetime.now(UTC).date()
    far = math.ceil(3 * (forecast.rul_upper or forecast.rul))  # so that intervals end within the horizon
    found = []
    for title, changes in wanted.items():
        change = scenario.changes_said(words, changes, factors)
        try:
            inputs = scenario.inputs_of(changes, factors, first, now, today)
            inputs["HorizonCycles"] = min(scenario.MOST_HORIZON_CYCLES, max(inputs["HorizonCycles"], far))
            found.append(Outcome(title, change, twin.simulate(known.cell, inputs).value))
        except Trouble as trouble:
            found.append(Outcome(title, change, None, trouble.detail or trouble.kind))
    return found


def difference(words: Language, said: Simulation) -> str:
    """How much longer or shorter the remaining life is than that of the present use, in per cent."""
    rul, usual = said.forecast.rul, said.baseline.rul
    return MISSING if rul is None or not usual else words.quantity((rul - usual) / usual * 100, "%", 0, signed=True)


def what_if(twin: Twin, words: Language, known: Read, asked: str) -> str:
    found = outcomes(twin, words, known, asked)
    if not found:
        return hint(words("report.no_what_if"))
    rows = []
    baseline = next((one.said.baseline for one in found if one.said), None)
    if baseline is not None:
        rows.append([words("simulation.baseline"), words("simulation.as_now"), life_said(words, baseline), MISSING])
    for one in found:
        life = life_said(words, one.said.forecast) if one.said else one.why
        rows.append([one.title, one.change, life, difference(words, one.said) if one.said else ""])
    names = ("scenario", "change", "rul", "difference")
    columns = [(words(f"simulation.column.{name}"), name in ("rul", "difference")) for name in names]
    return pieces.table(columns, rows, fold=False) + hint(words("report.what_if.hint"))
