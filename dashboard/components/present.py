"""How a cell is now: the tiles that more than one view shows, so that one number is one number everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dashboard.components import pieces
from dashboard.reading.content import Alert, Forecast, Thresholds
from dashboard.reading.outlook import End
from dashboard.texts.language import MISSING, Language

ALERT_UNITS = {"RUL": "cycle", "StateOfHealth": "%", "Temperature_measured": "°C"}


def capacity_tiles(words: Language, forecast: Forecast, now: dict[str, Any], foreign: dict[str, str]) -> list[str]:
    """The capacity that was measured in the last cycle, and the one the model expected before; each with its state of
    health. `foreign`: of the LiveState, see content."""

    def health(percent: Any) -> str:
        return words("live.soh", soh=words.quantity(percent, "%", 1))

    measured = words.marked(words.quantity(now.get("Capacity"), "Ah", 3), foreign, "Capacity")
    estimated = words.quantity(forecast.capacity_Ah, "Ah", 3)
    return [
        pieces.tile(words("cell.capacity.measured"), measured, health(now.get("StateOfHealth")), icon="cell"),
        pieces.tile(words("cell.capacity.estimated"), estimated,
                    f"{health(forecast.soh)}, {words('cell.capacity.expected')}", icon="model"),
    ]  # fmt: skip


def end_of_life(words: Language, end: End, cycles_per_day: float | None) -> list[str]:
    """When it comes at the present pace: the date, or the days of such use; its interval, or why there is no date; and
    the pace."""
    pace = words("end.pace", pace=words.number(cycles_per_day, 1))
    if end.day is None:
        return [words.days(end.days), words(f"end.{end.why}"), pace]
    return [words.day(end.day), f"{words.day(end.earliest)} – {words.day(end.latest)}", pace]


def sample_tiles(words: Language, now: dict[str, Any], limits: Thresholds, foreign: dict[str, str]) -> list[str]:
    """Tiles of the last sample: when it came, voltage, current, temperature, cycle; `foreign`: see content."""

    def measured(name: str, unit: str, digits: int) -> str:
        return words.marked(words.quantity(now.get(name), unit, digits), foreign, name)

    heat = heat_state(now.get("Temperature_measured"), limits.temperature_warning, limits.temperature_critical)
    last, sampled, received = words("cell.last_sample"), now.get("SampleTime"), now.get("ReceivedAt")
    name = "LastUpdate" if received is None else "ReceivedAt"
    when = now.get(name)
    detail = words("cell.sampled", time=words.moment(sampled, seconds=True)) if sampled else words.moment(when)
    ambient = words("cell.ambient", temperature=words.quantity(now.get("ambient_temperature"), "°C"))
    kind = cycle_type(words, now.get("type"))
    return [
        pieces.tile(
            words("cell.updated"),
            words.marked(words.age(when), foreign, name),
            detail if when else words("cell.no_live"),
            icon="live",
        ),
        *([charge_tile(words, now, foreign)] if sampled else []),
        pieces.tile(words("cell.voltage"), measured("Voltage_measured", "V", 3), last),
        pieces.tile(words("cell.current"), measured("Current_measured", "A", 3), last),
        pieces.tile(words("cell.temperature"), measured("Temperature_measured", "°C", 1), ambient, heat),
        pieces.tile(words("cell.cycle"), measured("id_cycle", "", 0), kind, icon="record"),
    ]


def charge_tile(words: Language, now: dict[str, Any], foreign: dict[str, str]) -> str:
    """State of charge of a cell that sends samples, and how old the full charge is that it is counted from."""
    age_h = now.get("FullChargeAge")
    if age_h is not None:
        since = words("cell.charge.since", age=words.quantity(age_h, "h", 1))
    else:  # a charge without that age was counted by the sender
        since = words("cell.charge.unknown" if now.get("StateOfCharge") is None else "cell.last_sample")
    charge = words.marked(words.quantity(now.get("StateOfCharge"), "%", 0), foreign, "StateOfCharge")
    return pieces.tile(words("cell.charge"), charge, since)


def cycle_type(words: Language, name: Any) -> str:
    return words(f"cycle.{name}") if words.has(f"cycle.{name}") else MISSING


def health_state(value: float | None, warning: float | None, critical: float | None, end: float | None) -> str:
    """State of a value that is bad when low."""
    if value is None:
        return "unknown"
    for limit, name in ((end, "endOfLife"), (critical, "critical"), (warning, "warning")):
        if limit is not None and (value < limit if name != "endOfLife" or limit else value <= limit):
            return name
    return "none"


def heat_state(value: float | None, warning: float | None, critical: float | None) -> str:
    if value is None:
        return "unknown"
    if critical is not None and value >= critical:
        return "critical"
    return "warning" if warning is not None and value >= warning else "none"


def provenance_facts(words: Language, forecast: Forecast, name: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Where a prediction comes from, as names and values; `name` is what people call a cell."""
    kind = f"kind.{forecast.model_kind}"
    return [
        (words("provenance.version"), forecast.model_version or MISSING),
        (words("provenance.hash"), forecast.model_hash or MISSING),
        (words("provenance.kind"), words(kind) if words.has(kind) else forecast.model_kind or MISSING),
        (words("provenance.input"), words.interval(forecast.first_cycle or 1, forecast.last_cycle)),
        (words("provenance.at"), words.moment(forecast.predicted_at)),
        (words("provenance.level"), words.quantity((forecast.confidence or 0) * 100 or None, "%")),
        (words("provenance.grade"), graded(words, forecast)),
        (words("provenance.sources"), sources(words, forecast)),
        (words("provenance.siblings"), ", ".join(map(name, forecast.siblings)) or words("no")),
        (words("provenance.guaranteed"), words.quantity((forecast.guaranteed or 0) * 100 or None, "%")),
        (words("provenance.outside"), ", ".join(map(words.concept, forecast.outside)) or words("no")),
    ]


def graded(words: Language, forecast: Forecast) -> str:
    grade = f"grade.{forecast.grade}"
    return words(grade) if words.has(grade) else forecast.grade or MISSING


def sources(words: Language, forecast: Forecast) -> str:
    """What the remaining life rests on: "its own history 70 % · public cells 30 %"."""
    parts = []
    for name, weight in forecast.sources:
        said = words(f"source.{name}") if words.has(f"source.{name}") else name
        parts.append(f"{said} {words.quantity(weight * 100, '%')}")
    return " · ".join(parts) or MISSING


def alert_sentence(words: Language, alert: Alert) -> str:
    """What happened, with the value and the limit it crossed."""
    unit = ALERT_UNITS.get(alert.indicator, "")
    if alert.indicator == "ModelRange":
        return words("alert.ModelRange")
    if not alert.indicator:
        return words.marked(MISSING, alert.foreign, "Indicator", "")
    actual, limit = (
        words.marked(words.cycles(value) if unit == "cycle" else words.quantity(value, unit, 1), alert.foreign, name)
        for name, value in (("ActualValue", alert.actual), ("ThresholdValue", alert.threshold))
    )
    return words("alert.sentence", indicator=words.concept(alert.indicator), actual=actual, limit=limit)
