"""One cell: how it is, how it got there, what is expected of it and why, and where that comes from."""

from __future__ import annotations

import csv
import io
from statistics import median
from typing import Any

import streamlit as st

from dashboard import charts, state, theme
from dashboard.components import pieces
from dashboard.content import Forecast, PredictionSubmodel, Thresholds, foreign_below
from dashboard.content import number as content_number
from dashboard.language import FOREIGN_SIGN, MISSING, Language, escape
from dashboard.page import Page
from dashboard.twin import Reading, Trouble

LIVE_EVERY_S = 4
# Units of the elements that carry no unit of their own because a published template names them.
TEMPLATE_UNITS = {"RatedCapacity": "Ah", "MaxVoltage": "V", "MinVoltage": "V", "CapacityThresholdExhaustion": "%"}


def show(page: Page) -> None:
    words = page.words
    choice, shortcuts, download = st.columns([2.4, 3.9, 1.7], vertical_alignment="bottom")
    with choice:
        cell = page.choose_cell("cell_choice")
    if cell is None:
        return
    with shortcuts:
        anchors = "".join(
            f'<a class="go shortcut" href="{escape(state.link(view, cell=cell))}">{theme.icon(view, 16)}'
            f"{escape(words(f'view.{view}'))}</a>"
            for view in ("live", "simulation", "alerts")
        )
        page.html(f'<div class="shortcuts">{anchors}</div>')
    with download:
        downloads(page, cell)
    live(page, cell)
    reading = page.read(lambda: page.twin.prediction(cell))
    records = page.read(lambda: page.twin.records(cell))
    if reading is None or records is None:
        return
    page.note_stale(reading, records)
    page.note_foreign(reading, records)
    with page.card("capacity"):
        shown = history(page, cell, records.value, reading.value)
    left, right = st.columns([1.15, 1], gap="small")
    with left, page.card("drivers"):
        drivers(page, shown)
    with right, page.card("provenance"):
        provenance(page, shown)
    left, right = st.columns(2, gap="small")
    for column, name in ((left, "Nameplate"), (right, "TechnicalData")):
        with column, page.card(name):
            page.title(words(f"cell.{name}"))
            sheet = page.read(lambda name=name: page.twin.data_sheet(cell, name))  # type: ignore[misc]
            if sheet is not None:
                page.html(pieces.facts(facts_of(sheet.value, words)))


@st.fragment(run_every=LIVE_EVERY_S)
def live(page: Page, cell: str) -> None:
    """Ring and tiles; follows the cell by itself."""
    words, twin = page.words, page.twin
    try:
        sample, reading = twin.live(cell), twin.prediction(cell)
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    prediction, now = reading.value, sample.value
    forecast, limits = prediction.forecast, prediction.thresholds
    details = foreign_below("PredictionDetails", reading.foreign)
    soh = forecast.soh if forecast.soh is not None else now.get("StateOfHealth")
    severity = health_state(soh, limits.soh_warning, limits.soh_critical, limits.soh_end_of_life)
    interval = words.interval(forecast.soh_lower, forecast.soh_upper, "%", 1)
    ring, figures = st.columns([1, 4.4], vertical_alignment="center")
    with ring:
        marks = [mark for mark in (limits.soh_warning, limits.soh_critical, limits.soh_end_of_life) if mark is not None]
        health = foreign_below("StateOfHealthPrediction", reading.foreign)
        health_text = words.marked(words.quantity(soh, "%", 1), health, "StateOfHealth")
        drawn = pieces.ring(soh, severity, health_text, words("soh.short"), marks)
        page.html(
            f'<div class="gauge{" stale" if reading.stale else ""}">{drawn}'
            f"{theme.state_badge(severity, words(f'severity.{severity}'))}<small>{escape(interval)}</small></div>"
        )
    life = health_state(forecast.rul, limits.rul_warning, limits.rul_critical, 0)
    life_interval = words.interval(
        forecast.rul_lower, forecast.rul_upper,
        words("cell.interval", level=words.quantity((forecast.confidence or 0.9) * 100, "%")),
    )  # fmt: skip
    end_at = words("cell.eol_at", capacity=words.quantity(forecast.end_of_life_capacity_Ah, "Ah", 2))
    items = [
        pieces.tile(words("cell.rul"), words.marked(words.cycles(forecast.rul), details, "RUL"), life_interval,
                    state=life),
        pieces.tile(words("cell.eol_cycle"),
                    words.marked(words.number(forecast.end_of_life_cycle), details, "EndOfLifeCycle"),
                    words("cell.at_cycle", cycle=words.number(forecast.at_cycle)), icon="compare"),
        pieces.tile(words("cell.capacity"), words.quantity(forecast.capacity_Ah or now.get("Capacity"), "Ah", 3),
                    end_at, icon="cell"),
        *sample_tiles(words, now, limits, foreign_below("LiveState", sample.foreign)),
    ]  # fmt: skip
    with figures:
        page.html(pieces.tiles(items, sample.stale or reading.stale, 165))
    if forecast.status and forecast.status != "ok":
        page.notice("info", words(f"status.{forecast.status}"))
    if words.has(f"grade.{forecast.grade}.hint"):
        page.notice("info", words(f"grade.{forecast.grade}.hint"))
    if forecast.outside:
        names = ", ".join(words.concept(name) for name in forecast.outside)
        page.notice("warning", words("cell.outside", names=names))


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
    if age_h is None:
        since = words("cell.charge.unknown")
    else:
        since = words("cell.charge.since", age=words.quantity(age_h, "h", 1))
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


def downloads(page: Page, cell: str) -> None:
    words = page.words
    with st.popover(words("cell.download"), icon=":material/download:", width="stretch"):
        st.download_button(words("cell.download.csv"), lambda: records_csv(page, cell), f"{cell}.csv", "text/csv",
                           on_click="ignore", key="download_csv", icon=":material/table:", width="stretch")  # fmt: skip
        st.download_button(words("cell.download.aasx"), lambda: page.twin.export([cell]), f"{cell}.aasx",
                           "application/asset-administration-shell-package", on_click="ignore", key="download_aasx",
                           icon=":material/deployed_code:", width="stretch")  # fmt: skip


def records_csv(page: Page, cell: str) -> bytes:
    """The cell's cycle records under their idShorts, as a spreadsheet in the reader's language opens them: in French
    with semicolons and decimal commas, in English with commas and decimal points; the import reads both again."""
    rows = page.twin.records(cell).value
    columns = list(dict.fromkeys(name for row in rows for name in row))
    french = page.words.code == "fr"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if french else ",", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[written(row.get(name), "," if french else ".") for name in columns] for row in rows])
    return out.getvalue().encode("utf-8-sig")  # by the mark Excel knows UTF-8


def written(value: Any, decimal: str) -> str:
    """A value in a cell of a table. Text that a spreadsheet would take for a formula is made harmless by an apostrophe
    (OWASP, CSV Injection)."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value).replace(".", decimal)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def history(page: Page, cell: str, records: list[dict[str, Any]], prediction: PredictionSubmodel) -> Forecast:
    """The capacity chart and the slider "as of cycle k". Returns the forecast that is shown."""
    words, stored = page.words, prediction.forecast
    numbers = [row["id_cycle"] for row in records if row.get("id_cycle") is not None]
    last = numbers[-1] if numbers else 0
    page.title(words("cell.history"), words("cell.history.hint"))
    shown, asked = stored, last
    if len(numbers) > 1:
        key = f"as_of_{cell}"
        state.bound("cycle", key, numbers, last, int)
        asked = st.session_state[key]
    if asked != last:
        answer: Reading[Forecast] | None = page.read(lambda: page.twin.predict_as_of(cell, asked))
        if answer is not None:
            shown = answer.value
    end_of_life = shown.end_of_life_capacity_Ah or stored.end_of_life_capacity_Ah
    figure = charts.capacity(words, records, shown, end_of_life)
    st.plotly_chart(figure, key=f"capacity_{cell}", config=theme.plot_config(words), alt=words("cell.history"))
    if not records:
        page.notice("info", words("cell.no_history"))
    if len(numbers) > 1:
        page.choose_cycle(words("cell.as_of"), numbers, key, "cycle", words("cell.as_of.help"))
        page.html(f'<p class="hint">{escape(belief(words, records, shown, end_of_life))}</p>')
    return shown


def belief(words: Language, records: list[dict[str, Any]], shown: Forecast, end_of_life: float | None) -> str:
    """What was expected at that cycle, and what came of it."""
    if shown.rul is None or shown.at_cycle is None:
        return words("cell.belief.none")
    expected = words("cell.belief", cycle=words.number(shown.at_cycle), rul=words.cycles(shown.rul),
                     interval=words.interval(shown.rul_lower, shown.rul_upper),
                     eol=words.number(shown.at_cycle + shown.rul))  # fmt: skip
    cycles, capacities = charts.measured_capacity(records)
    reached = worn_out_at(cycles, capacities, end_of_life) if end_of_life else None
    if reached is None:
        return f"{expected} {words('cell.belief.open', cycle=words.number(cycles[-1]))}"
    if reached <= shown.at_cycle:
        return f"{expected} {words('cell.belief.past', cycle=words.number(reached))}"
    error = shown.at_cycle + shown.rul - reached
    inside = shown.rul_lower is not None and shown.rul_upper is not None
    inside = inside and shown.rul_lower <= reached - shown.at_cycle <= shown.rul_upper  # type: ignore[operator]
    verdict = words("cell.belief.inside" if inside else "cell.belief.missed")
    came = words("cell.belief.came", cycle=words.number(reached), error=words.number(error, 0, signed=True))
    return f"{expected} {came} {verdict}"


def worn_out_at(cycles: list[int], capacities: list[float], end_of_life: float) -> int | None:
    """Cycle since which the capacity lies below the end of life, by the median of three: no aborted test counts."""
    for place in range(len(cycles)):
        first = max(0, place - 2)
        if median(capacities[first : place + 1]) < end_of_life:
            return next(cycles[at] for at in range(first, place + 1) if capacities[at] < end_of_life)
    return None


def drivers(page: Page, forecast: Forecast) -> None:
    """What moves this prediction, as the model itself accounts for it."""
    words = page.words
    page.title(words("cell.drivers"), words("cell.drivers.hint"))
    if not forecast.drivers:
        page.html(f'<p class="hint">{escape(words("cell.drivers.none"))}</p>')
        return
    items = sorted(forecast.drivers, key=lambda item: -abs(item["effect"]))[:8]
    widest = max(abs(item["effect"]) for item in items) or 1
    rows = []
    for item in items:
        share = abs(item["effect"]) / widest * 50
        side = f"left:{50 - share:.1f}%" if item["effect"] < 0 else "left:50%"
        tone = "#d55e00" if item["effect"] < 0 else "#0072b2"
        name, value = escape(words.concept(item["name"])), escape(measure(words, item))
        rows.append(
            f'<div class="driver"><span>{name}<small>{value}</small></span>'
            f'<div class="split"><i style="{side};width:{share:.1f}%;background:{tone}"></i></div>'
            f"<b>{escape(words.quantity(item['effect'], '%', 1, signed=True))}</b></div>"
        )
    page.html("".join(rows))
    if forecast.similar:
        names = " · ".join(f"{cell} {words.quantity(weight * 100, '%')}" for cell, weight in forecast.similar[:5])
        page.html(
            f'<p class="hint" style="margin-top:.6rem"><b>{escape(words("cell.similar"))}</b> {escape(names)}</p>'
        )


def measure(words: Language, item: dict[str, Any]) -> str:
    value = item["value"]
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4
    unit = {"1": "", "ohm": "Ω", "degC": "°C"}.get(item["unit"], item["unit"])
    return words.quantity(value, unit, digits)


def provenance(page: Page, forecast: Forecast) -> None:
    words = page.words
    page.title(words("cell.provenance"), words("cell.provenance.hint"))
    kind = f"kind.{forecast.model_kind}"
    cycles = words.interval(forecast.first_cycle or 1, forecast.last_cycle)
    page.html(
        pieces.facts(
            [
                (words("provenance.version"), forecast.model_version or MISSING),
                (words("provenance.hash"), forecast.model_hash or MISSING),
                (words("provenance.kind"), words(kind) if words.has(kind) else forecast.model_kind or MISSING),
                (words("provenance.input"), cycles),
                (words("provenance.at"), words.moment(forecast.predicted_at)),
                (words("provenance.level"), words.quantity((forecast.confidence or 0) * 100 or None, "%")),
                (words("provenance.grade"), graded(words, forecast)),
                (words("provenance.sources"), sources(words, forecast)),
                (words("provenance.siblings"), ", ".join(forecast.siblings) or words("no")),
                (words("provenance.guaranteed"), words.quantity((forecast.guaranteed or 0) * 100 or None, "%")),
                (words("provenance.outside"), ", ".join(map(words.concept, forecast.outside)) or words("no")),
            ]
        )
    )
    if st.button(
        words("cell.predict"), key="predict_now", icon=":material/online_prediction:", help=words("cell.predict.help")
    ):
        cell = st.session_state["cell_choice"]
        if page.attempt(lambda: page.twin.predict(cell)) is not None:
            state.put(cycle=None)
            st.rerun()


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


def facts_of(submodel: dict, words: Language) -> list[tuple[str, str]]:
    """Names and values of a submodel's leaves, in its own order; what the source does not state is said to be so."""
    found: list[tuple[str, str]] = []

    def walk(elements: list[dict]) -> None:
        for element in elements:
            kind, value = element.get("modelType"), element.get("value")
            if kind in ("SubmodelElementCollection", "SubmodelElementList"):
                walk(value or [])
            elif kind in ("Property", "MultiLanguageProperty"):
                found.append((label(element, words), leaf(element, words)))

    walk(submodel.get("submodelElements") or [])
    return found


def label(element: dict, words: Language) -> str:
    names = {text.get("language"): text.get("text") for text in element.get("displayName") or []}
    short = element.get("idShort") or ""
    return names.get(words.code) or names.get("en") or words.concept(short)


def leaf(element: dict, words: Language) -> str:
    from aasx import vocabulary
    from aasx.elements.values import to_value

    value = element.get("value")
    unstated = any(item.get("type") == "ValueAvailability" for item in element.get("qualifiers") or [])
    if not value or unstated:
        return words("not_stated")
    if element["modelType"] == "MultiLanguageProperty":
        texts = to_value(element)
        return texts.get(words.code) or texts.get("en") or next(iter(texts.values()), None) or words("not_stated")
    short = element.get("idShort") or ""
    if element.get("valueType") in ("xs:double", "xs:int", "xs:long"):
        unit = vocabulary.unit_of(short) if short in vocabulary.CONCEPTS else TEMPLATE_UNITS.get(short)
        number = content_number(value)
        if number is None:
            return f"{FOREIGN_SIGN} {str(value)[:60]}"
        digits = len(str(value).partition(".")[2].rstrip("0"))
        return words.quantity(number, "" if unit in (None, "1") else unit, min(digits, 4)) + origin(element, words)
    return str(value) + origin(element, words)


def origin(element: dict, words: Language) -> str:
    """Where a value is from that the source does not state as such; "" for a stated one."""
    found = [item.get("value") for item in element.get("qualifiers") or [] if item.get("type") == "ValueOrigin"]
    return f" ({words(f'origin.{found[0]}')})" if found and words.has(f"origin.{found[0]}") else ""
