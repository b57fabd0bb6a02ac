"""Alerts of the cells: acknowledge or shelve them, many at once; see who did; set the limits. All of it in the AAS."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import streamlit as st

from aasx.vocabulary import IN_SERVICE
from dashboard import state
from dashboard.components import pieces, present, theme
from dashboard.page import Page
from dashboard.reading.content import SEVERITIES, Alert, FleetRow, PredictionSubmodel, Thresholds, moment
from dashboard.reading.twin import Trouble
from dashboard.texts.language import MISSING, escape, parse_number

REFRESH_EVERY_S = 10
CELLS_PER_PAGE = 10  # each costs one request
TABS = ("active", "acknowledged", "shelved", "cleared", "limits")
YOUNGER_THAN = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
OLDER_THAN = {"older": timedelta(days=7)}
SHELVE_HOURS = (1, 8, 24, 168)
MOST_TOLD = 3
SEEN = "_alerts_seen"
"""In the session: when the newest alert was raised that the list has shown."""
ACTED = "_alerts_acted"
"""In the session: whether something has just been done with alerts."""
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
        one = st.session_state["alerts_tab"] == "limits"  # limits are those of one cell
        known = sorted(fleet.value, key=lambda row: (one and row.service != IN_SERVICE, row.name))
        options, key = [*([] if one else [""]), *[row.cell for row in known]], "limits_of" if one else "alerts_of"
        state.bound("of", key, options, options[0])
        st.selectbox(words("alerts.of"), options, key=key, on_change=state.keep("of", key),
                     format_func=lambda cell: page.name(cell) if cell else words("alerts.every"))  # fmt: skip
    if one:
        limits(page, st.session_state[key])
        return
    st.session_state.setdefault("operator", "")
    listing(page, st.session_state["alerts_tab"], st.session_state[key])


def candidates(rows: list[FleetRow], tab: str, cell: str, severity: str = "", age: str = "") -> list[FleetRow]:
    """Cells that can have alerts of this kind, worst first; cleared ones may be anywhere."""
    if cell:
        return [row for row in rows if row.cell == cell]
    wanted = [row for row in rows if tab == "cleared" or (row.service == IN_SERVICE and row.has_alerts)]
    if tab == "active":
        wanted = [row for row in wanted if row.unacknowledged]
    if tab == "active" and severity:
        wanted = [
            row for row in wanted if SEVERITIES.index(row.severity) <= SEVERITIES.index(severity) or not row.known
        ]
    if tab == "active" and age in YOUNGER_THAN:
        since = datetime.now(UTC) - YOUNGER_THAN[age]
        wanted = [row for row in wanted if row.newest_alert is None or row.newest_alert >= since]
    return sorted(wanted, key=lambda row: (SEVERITIES.index(row.severity), row.cell))


def fits(alert: Alert, severity: str, age: str) -> bool:
    """Whether an alert is among those asked for; one whose severity or time is not known always is."""
    if severity and alert.severity and alert.severity != severity:
        return False
    raised = alert.raised_at
    if not age or raised is None:
        return True
    old = datetime.now(UTC) - (raised if raised.tzinfo else raised.replace(tzinfo=UTC))
    return old <= YOUNGER_THAN[age] if age in YOUNGER_THAN else old > OLDER_THAN[age]


def filters(page: Page, tab: str) -> tuple[str, str]:
    """Severity and age asked for, "" for all."""
    words = page.words
    if tab == "cleared":
        return "", ""
    which, since, _ = st.columns([2.2, 2.2, 1.6], vertical_alignment="bottom")
    severities, ages = ["", *SEVERITIES[:-1]], ["", *YOUNGER_THAN, *OLDER_THAN]
    with which:
        state.bound("severity", "alerts_severity", severities, "")
        st.selectbox(words("alerts.severity"), severities, key="alerts_severity",
                     format_func=lambda name: words(f"severity.{name}") if name else words("alerts.severity.all"),
                     on_change=state.keep("severity", "alerts_severity"))  # fmt: skip
    with since:
        state.bound("age", "alerts_age", ages, "")
        st.selectbox(words("alerts.age"), ages, key="alerts_age",
                     format_func=lambda name: words(f"alerts.age.{name or 'all'}"),
                     on_change=state.keep("age", "alerts_age"))  # fmt: skip
    return st.session_state["alerts_severity"], st.session_state["alerts_age"]


@st.fragment(run_every=REFRESH_EVERY_S)
def listing(page: Page, tab: str, cell: str) -> None:
    words = page.words
    if st.session_state.pop(ACTED, False):
        st.rerun()  # the whole page: its count of alerts follows, and no row stays that is not there any more
    try:
        fleet = page.twin.fleet()
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    if tab == "active":
        see(fleet.value)
    notices = st.container()  # there with or without one, so that the form below keeps what is being typed
    said_at, said = st.session_state.get("_said", (0.0, []))
    if time.monotonic() - said_at < REFRESH_EVERY_S:
        with notices:
            for one in said:
                page.notice(*one)
    severity, age = filters(page, tab)
    rows = candidates(fleet.value, tab, cell, severity, age)
    pages = max(1, -(-len(rows) // CELLS_PER_PAGE))
    number = min(st.session_state.get("alerts_page", 1), pages)
    found: list[Alert] = []
    for row in rows[(number - 1) * CELLS_PER_PAGE : number * CELLS_PER_PAGE]:
        with notices:
            reading = page.read(lambda row=row: page.twin.prediction(row.cell))  # type: ignore[misc]
            if reading is not None:
                page.note_stale(reading)
                page.note_foreign(reading)
        if reading is not None:
            found += [alert for alert in of_kind(reading.value, tab) if fits(alert, severity, age)]
    if not found:
        page.notice("none", words("alerts.filtered.none" if severity or age else f"alerts.{tab}.none"))
    elif tab == "cleared":
        page.html(closed_table(page, found))
    else:
        open_alerts(page, sorted(found, key=urgency), tab)
    if pages > 1:
        key = "alerts.page.cleared" if tab == "cleared" else "alerts.page"
        page.html(f'<p class="hint">{escape(words(key, count=len(rows)))}</p>')
        st.pagination(pages, default=number, key="alerts_page")


def see(rows: list[FleetRow]) -> None:
    """Alerts raised up to now are no news any more to who looks at the list (see the banner of every page)."""
    newest = max((row.newest_alert for row in rows if row.newest_alert), default=None)
    if newest is not None:
        st.session_state[SEEN] = max(newest, st.session_state.get(SEEN, newest))


def of_kind(submodel: PredictionSubmodel, tab: str) -> list[Alert]:
    if tab == "cleared":
        return list(reversed(submodel.history))
    if tab == "shelved":
        return [alert for alert in submodel.alerts if alert.shelved]
    return [alert for alert in submodel.alerts if alert.waits == (tab == "active") and not alert.shelved]


def severity_of(alert: Alert) -> str:
    return alert.severity or "unknown"


def severity_words(page: Page, alert: Alert) -> str:
    return page.words.marked(page.words(f"severity.{severity_of(alert)}"), alert.foreign, "Severity")


def open_alerts(page: Page, found: list[Alert], tab: str) -> None:
    """Alerts to choose from, and what can be done with those that are chosen; nothing is sent before a button is."""
    words = page.words
    keys = keys_of(found)

    def choose(every: bool) -> None:
        for key, alert in zip(keys, found, strict=True):
            st.session_state[key] = every and bool(alert.alert_id)

    with st.container(horizontal=True):
        st.button(words("alerts.choose_all", count=len(found)), key="choose_all", on_click=choose, args=(True,))
        st.button(words("alerts.choose_none"), key="choose_none", on_click=choose, args=(False,))
    with st.form("alerts_form", border=True):
        rows = st.container(key="alert_rows")
        for key, alert in zip(keys, found, strict=True):
            box, text = rows.columns([0.34, 9], vertical_alignment="center", wrap=False)
            label = (
                words("named", name=page.name(alert.cell), value=severity_words(page, alert))
                + f", {present.alert_sentence(words, alert)}"
            )
            box.checkbox(label, key=key, disabled=not alert.alert_id, label_visibility="collapsed")
            with text:
                page.html(described(page, alert))
        who, why, hours = st.columns([2, 3, 1.5], vertical_alignment="bottom")
        who.text_input(words("alerts.your_name"), key="operator", max_chars=100,
                       placeholder=words("alerts.your_name.hint"))  # fmt: skip
        why.text_input(words("alert.comment"), key="alerts_comment", max_chars=500,
                       placeholder=words("alert.comment.hint"))  # fmt: skip
        with st.container(horizontal=True):
            if tab == "active":
                st.form_submit_button(words("alert.acknowledge"), key="acknowledge", type="primary",
                                      on_click=act, args=(page, found, keys, "acknowledge"))  # fmt: skip
            if tab == "shelved":
                st.form_submit_button(words("alerts.unshelve"), key="unshelve", type="primary",
                                      on_click=act, args=(page, found, keys, "unshelve"))  # fmt: skip
            else:
                hours.selectbox(words("alerts.shelve_for"), SHELVE_HOURS, key="shelve_h",
                                format_func=lambda value: words(f"alerts.shelve.{value}"))  # fmt: skip
                st.form_submit_button(words("alerts.shelve"), key="shelve",
                                      on_click=act, args=(page, found, keys, "shelve"))  # fmt: skip


def urgency(alert: Alert) -> int:
    return SEVERITIES.index(alert.severity) if alert.severity in SEVERITIES else len(SEVERITIES)


def keys_of(found: list[Alert]) -> list[str]:
    """Of their boxes: those of an alert stay what they are while others come and go. An id may stand there twice."""
    named, seen = [f"choose_{alert.cell}_{alert.alert_id}" for alert in found], Counter[str]()
    keys = []
    for name in named:
        keys.append(f"{name}_{seen[name]}")
        seen[name] += 1
    return keys


def described(page: Page, alert: Alert) -> str:
    """What an alert says, since when, who took care of it or put it on the shelf."""
    words, stored = page.words, alert.stored
    gone = f" · {words('alert.cleared_itself')}" if alert.state == "clearedUnacknowledged" else ""
    when = words.marked(words.moment(alert.raised_at), alert.foreign, "RaisedAt")
    state_note = words.marked("", alert.foreign, "AlertState")
    told = [f"{words('alert.raised', when=when)} · {words.age(alert.raised_at)}{gone} {state_note}".rstrip()]
    if alert.acknowledged_by:
        told.append(words("alert.by", name=alert.acknowledged_by, when=words.moment(alert.acknowledged_at)))
        told += [alert.comment] if alert.comment else []
    if alert.shelved:
        until = words.moment(moment(stored.ShelvedUntil))
        told.append(words("alert.shelved", until=until, name=stored.ShelvedBy or MISSING))
        told += [stored.ShelvingComment] if stored.ShelvingComment else []
    return (
        f'<div class="alert">{theme.state_badge(severity_of(alert), severity_words(page, alert))}'
        f'<a class="go" href="{escape(state.link("cell", cell=alert.cell))}">{escape(page.name(alert.cell))}</a>'
        f"<p>{escape(present.alert_sentence(page.words, alert))}</p><small>{escape(' · '.join(told))}</small></div>"
    )


def act(page: Page, found: list[Alert], keys: list[str], what: str) -> None:
    """Does it with all that are chosen, in one call; what became of which is told above the list."""
    words = page.words
    chosen = [alert for key, alert in zip(keys, found, strict=True) if st.session_state.get(key)]
    name = (st.session_state.get("operator") or "").strip()
    if not chosen or not name:
        tell([("warning", words("alerts.name_first" if chosen else "alerts.choose_first"))])
        return
    comment, named = (st.session_state.get("alerts_comment") or "").strip(), [(a.cell, a.alert_id) for a in chosen]
    try:
        if what == "acknowledge":
            results = page.twin.acknowledge_many(named, name, comment)
        else:
            hours = float(st.session_state["shelve_h"]) if what == "shelve" else 0.0
            results = page.twin.shelve(named, name, comment, hours)
    except Trouble as trouble:
        tell([("critical", page.explain(trouble))])
        return
    st.session_state[ACTED] = True
    for key in keys:
        st.session_state[key] = False
    st.session_state["alerts_comment"] = ""
    done = sum(result.get("ResultStatus") == "ok" for result in results)
    said = [("none", words(f"alerts.{what}.done", count=done, name=name))] if done else []
    failed = [result for result in results if result.get("ResultStatus") != "ok"]
    for one in failed[:MOST_TOLD]:
        why = Trouble(str(one.get("ResultStatus")), str(one.get("ResultMessage") or ""))
        said.append(("warning", words("named", name=page.name(str(one.get("Battery"))), value=page.explain(why))))
    if len(failed) > MOST_TOLD:
        said.append(("warning", words("alerts.more_failed", count=len(failed) - MOST_TOLD)))
    tell(said)


def tell(said: list[tuple[str, str]]) -> None:
    """Tone and text of notices above the list, for a while."""
    st.session_state["_said"] = time.monotonic(), said


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
            page.name(alert.cell), severity_words(page, alert), present.alert_sentence(page.words, alert),
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
    stored = reading.value.thresholds
    with page.card("limits"):
        page.title(words("limits.title", cell=page.name(cell)), words("limits.hint"))
        if stored.changed_by:
            note = words("limits.changed", name=stored.changed_by, when=words.moment(stored.changed_at))
            page.html(f'<p class="hint">{escape(note)} {escape(stored.comment)}</p>')
        with st.form(f"limits_{cell}", border=False):
            given: dict[str, str] = {}
            for index, (name, field, unit) in enumerate(LIMITS):
                if index % 4 == 0:  # a row of its own, so that the order stays when a phone stacks the columns
                    columns = st.columns(4)
                title = words(
                    "limits.label", name=words(f"limits.{name}"), unit=words(unit) if words.has(unit) else unit
                )
                with columns[index % 4]:
                    given[name] = st.text_input(title, words.plain(getattr(stored, field)), key=f"limit_{cell}_{name}")
            who, why = st.columns([1, 2])
            name = who.text_input(words("alerts.your_name"), max_chars=100, key="limits_name")
            reason = why.text_input(words("limits.reason"), max_chars=500, key="limits_reason")
            sent = st.form_submit_button(words("limits.save"), type="primary")
        if sent:
            save_limits(page, cell, given, stored, name.strip(), reason.strip())


def save_limits(page: Page, cell: str, given: dict[str, str], stored: Thresholds, name: str, reason: str) -> None:
    words, changes = page.words, {}
    for key, field, _ in LIMITS:
        try:
            value = parse_number(given[key]) if given[key].strip() else None
        except ValueError:
            page.notice("warning", words("not_a_number", field=words(f"limits.{key}"), value=given[key]))
            return
        if value is not None and value != getattr(stored, field):
            changes[key] = value
    if not name:
        page.notice("warning", words("alerts.name_first"))
    elif not changes:
        page.notice("info", words("limits.unchanged"))
    else:
        inputs = {**changes, "ChangedBy": name, "Comment": reason or None}
        if page.attempt(lambda: page.twin.set_thresholds(cell, inputs)) is not None:
            page.notice("none", words("limits.saved"))
