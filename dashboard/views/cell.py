"""One cell: how it is, how it got there, what is expected of it and why, and where that comes from."""

from __future__ import annotations

import csv
import io
from statistics import median
from typing import Any

import streamlit as st

from aasx.elements.shape import number as content_number
from aasx.vocabulary import IN_SERVICE, SERVICE_STATES
from dashboard import state
from dashboard.components import charts, history, pieces, present, theme
from dashboard.page import Page
from dashboard.reading import outlook, usage
from dashboard.reading.content import Forecast, PredictionSubmodel, foreign_below, now
from dashboard.reading.twin import Reading, Trouble
from dashboard.report import buttons
from dashboard.report import cell as of_cell
from dashboard.texts.language import FOREIGN_SIGN, Language, escape
from dashboard.views.alerts import described

LIVE_EVERY_S = 4
BEFORE_THE_END = 0.9  # of the life of a worn-out cell: there what drove its prediction is told
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
        shown = as_it_was(page, cell, records.value, reading.value)
    with page.card("usage"):
        page.title(words("usage.title"), words("usage.hint"))
        rated_Ah = page.twin.rating(cell).rated_capacity_Ah or reading.value.forecast.rated_capacity_Ah
        page.html(history.plots(words, records.value, rated_Ah))
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        with page.card("alerts"):
            own_alerts(page, cell, reading.value)
        with page.card("day"):
            last_day(page, cell, records.value, reading.value)
        with page.card("drivers"):
            drivers(page, cell, records.value, shown)
    with right:
        with page.card("provenance"):
            provenance(page, shown)
        with page.card("service"):
            service(page, cell)
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
        sample, reading, ends = twin.live(cell), twin.prediction(cell), end_tile(page, cell)
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    prediction, latest = reading.value, sample.value
    forecast, limits = prediction.forecast, prediction.thresholds
    details = foreign_below("PredictionDetails", reading.foreign)
    live_foreign = foreign_below("LiveState", sample.foreign)
    soh, caption = forecast.soh, "soh.estimated"
    if soh is None:
        soh, caption = latest.get("StateOfHealth"), "soh.measured"
    severity = present.health_state(soh, limits.soh_warning, limits.soh_critical, limits.soh_end_of_life)
    interval = words.interval(forecast.soh_lower, forecast.soh_upper, "%", 1)
    ring, figures = st.columns([1, 4.4], vertical_alignment="center")
    with ring:
        marks = [mark for mark in (limits.soh_warning, limits.soh_critical, limits.soh_end_of_life) if mark is not None]
        health = foreign_below("StateOfHealthPrediction", reading.foreign)
        health_text = words.marked(words.quantity(soh, "%", 1), health, "StateOfHealth")
        drawn = pieces.ring(soh, severity, health_text, words(caption), marks)
        page.html(
            f'<div class="gauge{" stale" if reading.stale else ""}">{drawn}'
            f"{theme.state_badge(severity, words(f'severity.{severity}'))}<small>{escape(interval)}</small></div>"
        )
    life = present.health_state(forecast.rul, limits.rul_warning, limits.rul_critical, 0)
    life_interval = words.interval(
        forecast.rul_lower, forecast.rul_upper,
        words("cell.interval", level=words.quantity((forecast.confidence or 0.9) * 100, "%")),
    )  # fmt: skip
    end_at = words("cell.eol_at", capacity=words.quantity(forecast.end_of_life_capacity_Ah, "Ah", 2))
    items = [
        pieces.tile(words("cell.rul"), words.marked(words.cycles(forecast.rul), details, "RUL"), life_interval,
                    state=life),
        *ends,
        pieces.tile(words("cell.eol_cycle"),
                    words.marked(words.number(forecast.end_of_life_cycle), details, "EndOfLifeCycle"),
                    f"{words('cell.at_cycle', cycle=words.number(forecast.at_cycle))}, {end_at}", icon="compare"),
        *present.capacity_tiles(words, forecast, latest, live_foreign),
        *present.sample_tiles(words, latest, limits, live_foreign),
    ]  # fmt: skip
    with figures:
        page.html(pieces.tiles(items, sample.stale or reading.stale))
    if forecast.status and forecast.status != "ok":
        page.notice("info", words(f"status.{forecast.status}"))
    if words.has(f"grade.{forecast.grade}.hint"):
        page.notice("info", words(f"grade.{forecast.grade}.hint"))
    if forecast.outside:
        names = ", ".join(words.concept(name) for name in forecast.outside)
        page.notice("warning", words("cell.outside", names=names))


def end_tile(page: Page, cell: str) -> list[str]:
    """When the end of life comes at the present pace; nothing where no pace or no end is known."""
    row = next((row for row in page.twin.fleet().value if row.cell == cell), None)
    end = outlook.end_of(row, now()) if row else None
    if row is None or end is None:
        return []
    when, *more = present.end_of_life(page.words, end, row.cycles_per_day)
    return [pieces.tile(page.words("fleet.column.end"), when, ", ".join(more), icon="live")]


def downloads(page: Page, cell: str) -> None:
    words = page.words
    with st.popover(words("cell.download"), icon=":material/download:", width="stretch"):
        st.download_button(words("cell.download.csv"), lambda: records_csv(page, cell), f"{cell}.csv", "text/csv",
                           on_click="ignore", key="download_csv", icon=":material/table:", width="stretch")  # fmt: skip
        st.download_button(words("cell.download.aasx"), lambda: page.twin.export([cell]), f"{cell}.aasx",
                           "application/asset-administration-shell-package", on_click="ignore", key="download_aasx",
                           icon=":material/deployed_code:", width="stretch")  # fmt: skip
        buttons.buttons(page, cell, lambda: of_cell.report(page.twin, words, cell, state.get("scenario")))


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


def as_it_was(page: Page, cell: str, records: list[dict[str, Any]], prediction: PredictionSubmodel) -> Forecast:
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
    cycles, capacities = charts.measured_capacity(records)
    reached = worn_out_at(cycles, capacities, end_of_life) if end_of_life else None
    if shown.rul == 0 and reached is not None:
        return words("cell.belief.over", cycle=words.number(shown.at_cycle), end=words.number(reached))
    expected = words("cell.belief", cycle=words.number(shown.at_cycle), rul=words.cycles(shown.rul),
                     interval=words.interval(shown.rul_lower, shown.rul_upper),
                     eol=words.number(shown.at_cycle + shown.rul))  # fmt: skip
    if reached is None:
        return f"{expected} {words('cell.belief.open', cycle=words.number(cycles[-1]))}"
    if reached <= shown.at_cycle:
        return f"{expected} {words('cell.belief.past', cycle=words.number(reached))}"
    error = shown.at_cycle + shown.rul - reached
    inside = shown.rul_lower is not None and shown.rul_upper is not None
    inside = inside and shown.rul_lower <= reached - shown.at_cycle <= shown.rul_upper  # type: ignore[operator]
    verdict = words("cell.belief.inside" if inside else "cell.belief.missed")
    came = words("cell.belief.came", cycle=words.number(reached), error=words.cycles(error, signed=True))
    return f"{expected} {came} {verdict}"


def worn_out_at(cycles: list[int], capacities: list[float], end_of_life: float) -> int | None:
    """Cycle since which the capacity lies below the end of life, by the median of three: no aborted test counts."""
    for place in range(len(cycles)):
        first = max(0, place - 2)
        if median(capacities[first : place + 1]) < end_of_life:
            return next(cycles[at] for at in range(first, place + 1) if capacities[at] < end_of_life)
    return None


def own_alerts(page: Page, cell: str, prediction: PredictionSubmodel) -> None:
    """Its alerts that are not over, and the way to where something is done about them."""
    words = page.words
    page.title(words("cell.alerts"))
    if not prediction.alerts:
        page.html(f'<p class="hint">{escape(words("cell.alerts.none"))}</p>')
        return
    link = f'<a class="go" href="{escape(state.link("alerts", of=cell))}">{escape(words("cell.alerts.go"))}</a>'
    page.html("".join(described(page, alert) for alert in prediction.alerts) + f'<p class="links">{link}</p>')


def last_day(page: Page, cell: str, records: list[dict[str, Any]], prediction: PredictionSubmodel) -> None:
    """What changed since the cycle a day before the last one; the prediction of then is asked for again."""
    words, day = page.words, usage.last_day(records)
    if day is None:
        page.title(words("day.title"), words("cell.no_history"))
        return
    hint = words("day.since", cycle=day.before["id_cycle"], until=words.moment(day.until))
    page.title(words("day.title"), hint if day.until else words("day.untimed", cycle=day.before["id_cycle"]))
    then = page.read(lambda: page.twin.predict_as_of(cell, day.before["id_cycle"]))
    since = now() - usage.DAY
    known = [*prediction.alerts, *prediction.history]
    raised = [one for one in known if one.raised_at and one.raised_at.tzinfo and one.raised_at >= since]
    facts = history.of_last_day(words, day, prediction.forecast, then.value if then else None, raised)
    page.html(pieces.facts(facts))


def explained(page: Page, cell: str, records: list[dict[str, Any]], forecast: Forecast) -> Forecast:
    """A prediction with what drives it: of a worn-out cell the one of nine tenths of its life."""
    end = forecast.end_of_life_cycle
    if forecast.drivers or forecast.status != "pastEndOfLife" or end is None:
        return forecast
    earlier = [row["id_cycle"] for row in records if row["id_cycle"] <= min(end - 1, BEFORE_THE_END * end)]
    reading = page.read(lambda: page.twin.predict_as_of(cell, earlier[-1])) if earlier else None
    return forecast if reading is None else reading.value


def drivers(page: Page, cell: str, records: list[dict[str, Any]], shown: Forecast) -> None:
    """What moves this prediction, as the model itself accounts for it."""
    words, forecast = page.words, explained(page, cell, records, shown)
    page.title(words("cell.drivers"), words("cell.drivers.hint"))
    if forecast is not shown:
        said = words("cell.drivers.before", cycle=words.number(forecast.at_cycle), rul=words.cycles(forecast.rul),
                     end=words.number(shown.end_of_life_cycle))  # fmt: skip
        page.html(f'<p class="hint">{escape(said)}</p>')
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
        names = " · ".join(
            f"{page.name(cell)} {words.quantity(weight * 100, '%')}" for cell, weight in forecast.similar[:5]
        )
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
    page.html(pieces.facts(present.provenance_facts(words, forecast, page.name)))
    if st.button(
        words("cell.predict"), key="predict_now", icon=":material/online_prediction:", help=words("cell.predict.help")
    ):
        cell = st.session_state["cell_choice"]
        if page.attempt(lambda: page.twin.predict(cell)) is not None:
            state.put(cycle=None)
            st.rerun()


def service(page: Page, cell: str) -> None:
    """Whether the cell is in service, who has said so, and the form that changes it."""
    words = page.words
    row = next((row for row in page.twin.fleet().value if row.cell == cell), None)
    present_state = row.service if row else IN_SERVICE
    named = words(f"service.{present_state}") if words.has(f"service.{present_state}") else present_state
    page.title(words("service.title", state=named), words("service.hint"))
    if said := st.session_state.pop("_service_set", None):
        page.notice("none", said)
    asked = present_state != IN_SERVICE and st.toggle(words("service.who"), key=f"service_who_{cell}")
    change = page.read(lambda: page.twin.service_change(cell)) if asked else None
    if change is not None and change.value.get("ChangedBy"):
        by, when = change.value["ChangedBy"], words.moment(change.value["ChangedAt"])
        told = [words("service.changed", name=by, when=when), change.value.get("Comment") or ""]
        page.html(f'<p class="hint">{escape(" ".join(filter(None, told)))}</p>')
    others = [name for name in SERVICE_STATES if name != present_state]
    with st.form(f"service_{cell}_{present_state}", border=False):
        first, second = st.columns(2)
        wanted = first.selectbox(words("service.to"), others, format_func=lambda name: words(f"service.{name}"),
                                 key=f"service_to_{cell}_{present_state}")  # fmt: skip
        name = second.text_input(words("alerts.your_name"), max_chars=100, key="service_name").strip()
        comment = st.text_input(words("limits.reason"), max_chars=500, key=f"service_reason_{cell}").strip()
        sent = st.form_submit_button(words("service.set"))
    if sent and not name:
        page.notice("warning", words("alerts.name_first"))
    elif sent:
        inputs = {"ServiceState": wanted, "ChangedBy": name, "Comment": comment or None}
        if page.attempt(lambda: page.twin.set_service_state(cell, inputs)) is not None:
            done = words("service.done", cell=page.name(cell), state=words(f"service.{wanted}"))
            st.session_state["_service_set"] = done
            st.rerun()


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
        digits = min(len(str(value).partition(".")[2].rstrip("0")), 4)
        if unit == "cycle":
            return words.cycles(number, digits) + origin(element, words)
        return words.quantity(number, "" if unit in (None, "1") else unit, digits) + origin(element, words)
    return words.stated(str(value)) + origin(element, words)


def origin(element: dict, words: Language) -> str:
    """Where a value is from that the source does not state as such; "" for a stated one."""
    found = [item.get("value") for item in element.get("qualifiers") or [] if item.get("type") == "ValueOrigin"]
    return f" ({words(f'origin.{found[0]}')})" if found and words.has(f"origin.{found[0]}") else ""
