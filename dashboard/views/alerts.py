"""Alerts of the cells: acknowledge them, see who did, and set the limits. All of it lives in the AAS."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.components import pieces, theme
from dashboard.page import Page
from dashboard.reading.content import SEVERITIES, Alert, FleetRow, PredictionSubmodel, Thresholds
from dashboard.reading.twin import Trouble
from dashboard.texts.language import MISSING, escape, parse_number

REFRESH_EVERY_S = 10
CELLS_PER_PAGE = 10  # each costs one request
TABS = ("active", "acknowledged", "cleared", "limits")
UNITS = {"RUL": "cycle", "StateOfHealth": "%", "Temperature_measured": "°C", "ModelRange": ""}
# Input of SetThresholds -> field of Thresholds, unit
LIMITS = (
    ("RULWarning", "rul_warning", "unit.cycles"),
    ("RULCritical", "rul_critical", "unit.cycles"),
    ("SoHWarning", "soh_warning", "%"),
    ("SoHCritical", "soh_critical", "%"),
    ("SoHEndOfLife", "soh_end_of_life", "%"),
    ("TemperatureWarning", "temperature_warning", "°C"),
    ("TemperatureCritical", "temperature_critical", "°C"),
)


def show(page: Page) -> None:
    words = page.words
    fleet = page.read(page.twin.fleet)
    if fleet is None:
        return
    page.note_stale(fleet)
    if not fleet.value:
        page.notice("info", words("fleet.empty"), href=state.link("record"), link=words("view.record"))
        return
    tab, who = st.columns([3.4, 2], vertical_alignment="bottom")
    with tab:
        state.bound("tab", "alerts_tab", TABS, "active")
        st.segmented_control(words("alerts.show"), TABS, key="alerts_tab", required=True,
                             format_func=lambda name: words(f"alerts.{name}"), label_visibility="collapsed",
                             on_change=state.keep("tab", "alerts_tab"))  # fmt: skip
    with who:
        options = ["", *[row.cell for row in sorted(fleet.value, key=lambda row: row.name)]]
        state.bound("of", "alerts_of", options, "")
        st.selectbox(words("alerts.of"), options, key="alerts_of", on_change=state.keep("of", "alerts_of"),
                     format_func=lambda cell: page.name(cell) if cell else words("alerts.every"))  # fmt: skip
    if st.session_state["alerts_tab"] == "limits":
        limits(page, st.session_state["alerts_of"] or options[1])
        return
    st.session_state.setdefault("operator", "")
    listing(page, st.session_state["alerts_tab"], st.session_state["alerts_of"])


def candidates(rows: list[FleetRow], tab: str, cell: str) -> list[FleetRow]:
    """Cells that can have alerts of this kind, worst first; cleared ones may be anywhere."""
    if cell:
        return [row for row in rows if row.cell == cell]
    wanted = [row for row in rows if tab == "cleared" or row.severity != "none" or row.unacknowledged]
    if tab == "active":
        wanted = [row for row in wanted if row.unacknowledged]
    return sorted(wanted, key=lambda row: (SEVERITIES.index(row.severity), row.cell))


@st.fragment(run_every=REFRESH_EVERY_S)
def listing(page: Page, tab: str, cell: str) -> None:
    words = page.words
    try:
        fleet = page.twin.fleet()
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    said = st.session_state.pop("_said", None)
    if said:
        page.notice(*said)
    rows = candidates(fleet.value, tab, cell)
    pages = max(1, -(-len(rows) // CELLS_PER_PAGE))
    number = min(st.session_state.get("alerts_page", 1), pages)
    found: list[Alert] = []
    for row in rows[(number - 1) * CELLS_PER_PAGE : number * CELLS_PER_PAGE]:
        reading = page.read(lambda row=row: page.twin.prediction(row.cell))  # type: ignore[misc]
        if reading is not None:
            page.note_stale(reading)
            page.note_foreign(reading)
            found += of_kind(reading.value, tab)
    if not found:
        page.notice("none", words(f"alerts.{tab}.none"))
    elif tab == "active":
        st.text_input(words("alerts.your_name"), key="operator", max_chars=100, width=360,
                      placeholder=words("alerts.your_name.hint"))  # fmt: skip
        for index, alert in enumerate(found):
            open_alert(page, alert, index)
    else:
        page.html(closed_table(page, found))
    if pages > 1:
        page.html(f'<p class="hint">{escape(words("alerts.page", count=len(rows)))}</p>')
        st.pagination(pages, default=number, key="alerts_page")


def of_kind(submodel: PredictionSubmodel, tab: str) -> list[Alert]:
    if tab == "cleared":
        return list(reversed(submodel.history))
    return [alert for alert in submodel.alerts if alert.waits == (tab == "active")]


def sentence(page: Page, alert: Alert) -> str:
    """What happened, with the value and the limit it crossed."""
    words = page.words
    unit = UNITS.get(alert.indicator, "")
    if alert.indicator == "ModelRange":
        return words("alert.ModelRange")
    if not alert.indicator:
        return words.marked(MISSING, alert.foreign, "Indicator", "")
    actual, limit = (
        words.marked(words.cycles(value) if unit == "cycle" else words.quantity(value, unit, 1), alert.foreign, name)
        for name, value in (("ActualValue", alert.actual), ("ThresholdValue", alert.threshold))
    )
    return words("alert.sentence", indicator=words.concept(alert.indicator), actual=actual, limit=limit)


def severity_of(alert: Alert) -> str:
    return alert.severity or "unknown"


def severity_words(page: Page, alert: Alert) -> str:
    return page.words.marked(page.words(f"severity.{severity_of(alert)}"), alert.foreign, "Severity")


def open_alert(page: Page, alert: Alert, index: int) -> None:
    """`index` tells alerts apart that somebody else has given the same AlertId, or none."""
    words = page.words
    with page.card(f"alert_{alert.cell}_{alert.alert_id}_{index}"):
        text, comment, button = st.columns([3.2, 2, 1.15], vertical_alignment="bottom")
        with text:
            gone = f" · {words('alert.cleared_itself')}" if alert.state == "clearedUnacknowledged" else ""
            when = words.marked(words.moment(alert.raised_at), alert.foreign, "RaisedAt")
            state_note = words.marked("", alert.foreign, "AlertState")
            raised = f"{words('alert.raised', when=when)} · {words.age(alert.raised_at)}{gone} {state_note}".rstrip()
            page.html(
                f'<div class="alert">{theme.state_badge(severity_of(alert), severity_words(page, alert))}'
                f'<a class="go" href="{escape(state.link("cell", cell=alert.cell))}">'
                f"{escape(page.name(alert.cell))}</a>"
                f"<p>{escape(sentence(page, alert))}</p><small>{escape(raised)}</small></div>"
            )
        key = f"{alert.cell}_{alert.alert_id}_{index}"
        comment.text_input(words("alert.comment"), key=f"comment_{key}", max_chars=500,
                           placeholder=words("alert.comment.hint"))  # fmt: skip
        button.button(words("alert.acknowledge"), key=f"acknowledge_{key}", type="primary", width="stretch",
                      disabled=not alert.alert_id, on_click=acknowledge, args=(page, alert, key))  # fmt: skip


def acknowledge(page: Page, alert: Alert, key: str) -> None:
    words = page.words
    name = (st.session_state.get("operator") or "").strip()
    if not name:
        st.session_state["_said"] = ("warning", words("alerts.name_first"))
        return
    comment = (st.session_state.get(f"comment_{key}") or "").strip()
    try:
        page.twin.acknowledge(alert.cell, alert.alert_id, name, comment)
    except Trouble as trouble:
        st.session_state["_said"] = ("critical", page.explain(trouble))
        return
    st.session_state["_said"] = ("none", words("alerts.acknowledged_by", cell=page.name(alert.cell), name=name))


def closed_table(page: Page, found: list[Alert]) -> str:
    words = page.words
    columns = [
        (words(f"alerts.column.{name}"), False)
        for name in ("cell", "severity", "what", "raised", "by", "comment", "cleared")
    ]
    rows = []
    for alert in found:
        by = f"{alert.acknowledged_by} · {words.moment(alert.acknowledged_at)}" if alert.acknowledged_by else "—"
        rows.append([
            page.name(alert.cell), severity_words(page, alert), sentence(page, alert),
            words.marked(words.moment(alert.raised_at), alert.foreign, "RaisedAt"), by, alert.comment or "—",
            words.moment(alert.cleared_at),
        ])  # fmt: skip
    return pieces.table(columns, rows)


def limits(page: Page, cell: str) -> None:
    """The thresholds of one cell, to be changed with a name and a reason."""
    words = page.words
    reading = page.read(lambda: page.twin.prediction(cell))
    if reading is None:
        return
    page.note_stale(reading)
    page.note_foreign(reading)
    present = reading.value.thresholds
    with page.card("limits"):
        page.title(words("limits.title", cell=page.name(cell)), words("limits.hint"))
        if present.changed_by:
            note = words("limits.changed", name=present.changed_by, when=words.moment(present.changed_at))
            page.html(f'<p class="hint">{escape(note)} {escape(present.comment)}</p>')
        with st.form(f"limits_{cell}", border=False):
            given: dict[str, str] = {}
            columns = st.columns(4)
            for index, (name, field, unit) in enumerate(LIMITS):
                title = words(
                    "limits.label", name=words(f"limits.{name}"), unit=words(unit) if words.has(unit) else unit
                )
                with columns[index % 4]:
                    given[name] = st.text_input(title, words.plain(getattr(present, field)), key=f"limit_{cell}_{name}")
            who, why = st.columns([1, 2])
            name = who.text_input(words("alerts.your_name"), max_chars=100, key="limits_name")
            reason = why.text_input(words("limits.reason"), max_chars=500, key="limits_reason")
            sent = st.form_submit_button(words("limits.save"), type="primary")
        if sent:
            save_limits(page, cell, given, present, name.strip(), reason.strip())


def save_limits(page: Page, cell: str, given: dict[str, str], present: Thresholds, name: str, reason: str) -> None:
    words, changes = page.words, {}
    for key, field, _ in LIMITS:
        try:
            value = parse_number(given[key]) if given[key].strip() else None
        except ValueError:
            page.notice("warning", words("not_a_number", field=words(f"limits.{key}"), value=given[key]))
            return
        if value is not None and value != getattr(present, field):
            changes[key] = value
    if not name:
        page.notice("warning", words("alerts.name_first"))
    elif not changes:
        page.notice("info", words("limits.unchanged"))
    else:
        inputs = {**changes, "ChangedBy": name, "Comment": reason or None}
        if page.attempt(lambda: page.twin.set_thresholds(cell, inputs)) is not None:
            page.notice("none", words("limits.saved"))
