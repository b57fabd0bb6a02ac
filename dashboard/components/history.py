"""What the history of a cell shows beside its capacity, as small plots, and what its last day brought, as facts."""

from __future__ import annotations

from collections import Counter

from dashboard.components import pieces, theme
from dashboard.reading import usage
from dashboard.reading.content import Alert, Forecast
from dashboard.texts.language import MISSING, Language


def plots(words: Language, records: usage.Records, rated_capacity_Ah: float | None) -> str:
    """Efficiency, resistance, equivalent full cycles, throughput and temperature over the cycles."""
    efficiency = usage.efficiency(records)
    name, resistance = usage.resistance(records)
    full = usage.equivalent_full_cycles(records, rated_capacity_Ah)
    throughput = usage.throughput(records)
    heat = usage.series(records, "Temperature_measured")
    ambient = usage.series(records, "ambient_temperature")
    energy_Wh = usage.energy_Wh(records)
    delivered = words.quantity(None if energy_Wh is None else energy_Wh / 1000, "kWh", 2)
    spectra = words("usage.resistance")
    growth = words("usage.rise", rise=words.quantity(usage.rise(resistance), "%", 0, signed=True))
    parts = [
        plot(words, "efficiency", efficiency, "%", 1, words("usage.efficiency.hint")),
        plot(words, "resistance", resistance, "mΩ", 1, growth, title=spectra if name == "" else words.concept(name)),
        plot(words, "efc", full, "", 1, words("usage.efc.hint", rated=words.quantity(rated_capacity_Ah, "Ah", 2))),
        plot(words, "throughput", throughput, "Ah", 0, words("usage.throughput.hint", energy=delivered)),
        plot(words, "temperature", heat, "°C", 1, words("usage.temperature.hint"), ambient, theme.VERMILLION),
    ]  # fmt: skip
    return f'<div class="smalls">{"".join(parts)}</div>'


def plot(
    words: Language, name: str, values: usage.Series, unit: str, digits: int, note: str, beside: usage.Series = [],  # noqa: B006
    colour: str = theme.BLUE, title: str = "",
) -> str:  # fmt: skip
    """One small plot: its last value, its range and the cycles it reaches over."""
    title = title or words(f"usage.{name}")
    if len(values) < 2:
        return pieces.small_chart(title, MISSING, [words("usage.none")], [])
    every = [value for _, value in [*values, *beside]]
    span = words("usage.span", range=words.interval(min(every), max(every), unit, digits),
                 cycles=words.interval(values[0][0], values[-1][0]))  # fmt: skip
    drawn = [(values, colour, ""), (beside, theme.GREY, "5 4")]
    return pieces.small_chart(title, words.quantity(values[-1][1], unit, digits), [note, span], drawn)


def of_last_day(
    words: Language, day: usage.Day, now: Forecast, then: Forecast | None, alerts: list[Alert]
) -> list[tuple[str, str]]:
    """Names and values: what was before, what is now. `then` is what was predicted before; `alerts` those raised."""

    def change(name: str, unit: str, digits: int, before: float | None, after: float | None) -> tuple[str, str]:
        told = f"{words.quantity(before, unit, digits)} → {words.quantity(after, unit, digits)}"
        if before is not None and after is not None:
            apart = words("unit.points") if unit == "%" else unit
            told += f" ({words.quantity(after - before, apart, digits, signed=True)})"
        return name, told

    def measured(name: str) -> tuple[float | None, float | None]:
        return day.before.get(name), day.last.get(name)

    found = [
        (words("day.cycles"), words("day.cycles.value", count=words.cycles(day.cycles), last=day.last["id_cycle"])),
        change(words("cell.capacity.measured"), "Ah", 3, *measured("Capacity")),
        change(words("soh.estimated"), "%", 1, None if then is None else then.soh, now.soh),
        change(words("cell.rul"), words("unit.cycles"), 0, None if then is None else then.rul, now.rul),
        change(words.concept("Temperature_measured"), "°C", 1, *measured("Temperature_measured")),
    ]
    named = Counter(f"{words.concept(alert.indicator)} ({words(f'severity.{alert.severity}')})"
                    for alert in alerts if words.has(f"severity.{alert.severity}"))  # fmt: skip
    raised = ", ".join(f"{said} × {count}" if count > 1 else said for said, count in named.items())
    return [*found, (words("day.alerts"), raised or words("day.alerts.none"))]
