"""All cells on one screen: how many need attention, which, when they end, and how each compares with its siblings."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, median

import streamlit as st

from aasx.vocabulary import IN_SERVICE
from dashboard import state
from dashboard.components import pieces, present, theme
from dashboard.page import Page
from dashboard.reading import outlook
from dashboard.reading.content import SEVERITIES, FleetRow, natural, now
from dashboard.report import buttons
from dashboard.report import fleet as of_fleet
from dashboard.texts.language import MISSING, Language, escape, is_number

REFRESH_EVERY_S = 10
ROWS_PER_PAGE = 50
SCOPES = ("service", "archive", "all")
STATES = ("all", "none", "warning", "critical", "endOfLife", "outlier")
ORDERS = ("urgency", "name", "soh", "rul", "age")
LAYOUTS = ("table", "multiples", "types")


def show(page: Page) -> None:
    words = page.words
    reading = page.read(page.twin.fleet)
    if reading is None:
        return
    if not reading.value:
        page.notice("info", words("fleet.empty"), href=state.link("record"), link=words("view.record"))
        return
    state.bound("scope", "fleet_scope", SCOPES, "service")
    summary(page)
    controls(page, reading.value)
    body(page)
    actions(page)


def of_scope(rows: list[FleetRow], scope: str) -> list[FleetRow]:
    return [row for row in rows if scope == "all" or (row.service == IN_SERVICE) == (scope == "service")]


@st.fragment(run_every=REFRESH_EVERY_S)
def summary(page: Page) -> None:
    reading = page.read(page.twin.fleet)
    if reading is None:
        return
    counted = Counter(row.service for row in reading.value)
    drawn = st.session_state.get("_fleet_counted")
    st.session_state["_fleet_counted"] = counted
    if drawn not in (None, counted):  # what can be chosen says how many there are
        st.rerun()
    totals(page, of_scope(reading.value, st.session_state["fleet_scope"]), reading.value, reading.stale)


def totals(page: Page, rows: list[FleetRow], everyone: list[FleetRow], stale: bool) -> None:
    words, moment = page.words, now()
    count = {severity: sum(row.state == severity for row in rows) for severity in SEVERITIES}
    health = [row.soh for row in rows if row.soh is not None]
    waiting = sum(row.unacknowledged for row in rows)
    unknown = sum(not row.known for row in rows)
    lowest = words("fleet.mean_soh.note", low=words.quantity(min(health), "%", 1)) if health else ""
    first = outlook.soonest(rows, moment)
    end = outlook.end_of(first, moment) if first else None
    when = MISSING if first is None else words.cycles(first.rul)
    if end:
        when = words.days(end.days) if end.day is None else words.day(end.day)
    beyond = words("fleet.of_all", count=len(everyone) - len(rows)) if len(everyone) > len(rows) else ""
    known = words("fleet.unknown", count=unknown) if unknown else words("fleet.all_known")
    items = [
        pieces.tile(words("fleet.cells"), words.number(len(rows)), beyond or known, icon="fleet"),
        *(pieces.tile(words(f"severity.{name}"), words.number(count[name]), words(f"severity.{name}.note"),
                      state=name if count[name] else "unknown") for name in reversed(SEVERITIES)),
        pieces.tile(words("fleet.waiting"), words.number(waiting), words("fleet.waiting.note"), icon="alerts"),
        pieces.tile(words("fleet.mean_soh"), words.quantity(fmean(health) if health else None, "%", 1), lowest,
                    icon="compare"),
        pieces.tile(words("fleet.next_end"), when, first.name if first else "", icon="live"),
    ]  # fmt: skip
    page.html(pieces.tiles(items, stale, narrow=True))


def controls(page: Page, everyone: list[FleetRow]) -> None:
    words = page.words
    counted = {scope: len(of_scope(everyone, scope)) for scope in SCOPES}
    rows = of_scope(everyone, st.session_state["fleet_scope"])
    types = ["", *(name for name in outlook.by_type(rows) if name)]
    scope, search, kind = st.columns([3.2, 2.4, 2.4], vertical_alignment="bottom")
    with scope:
        st.segmented_control(words("fleet.scope"), SCOPES, key="fleet_scope", required=True, on_change=restart,
                             args=("scope", "fleet_scope"),
                             format_func=lambda name: f"{words(f'scope.{name}')} ({counted[name]})")  # fmt: skip
    with search:
        state.bound("q", "fleet_q", None, "")
        st.text_input(words("fleet.search"), key="fleet_q", placeholder=words("fleet.search.hint"),
                      on_change=restart, args=("q", "fleet_q"), icon=":material/search:")  # fmt: skip
    with kind:
        state.bound("type", "fleet_type", types, "")
        st.selectbox(words("fleet.type"), types, key="fleet_type", on_change=restart, args=("type", "fleet_type"),
                     format_func=lambda name: name or words("fleet.type.all"))  # fmt: skip
    wanted, order, layout = st.columns([4.6, 1.7, 2.4], vertical_alignment="bottom")
    with wanted:
        state.bound("state", "fleet_state", STATES, "all")
        st.segmented_control(words("fleet.filter"), STATES, key="fleet_state", required=True, on_change=restart,
                             args=("state", "fleet_state"),
                             format_func=lambda name: words(f"severity.{name}"))  # fmt: skip
    with order:
        state.bound("sort", "fleet_sort", ORDERS, "urgency")
        st.selectbox(words("fleet.sort"), ORDERS, key="fleet_sort", format_func=lambda name: words(f"sort.{name}"),
                     on_change=restart, args=("sort", "fleet_sort"))  # fmt: skip
    with layout:
        state.bound("layout", "fleet_layout", LAYOUTS, "table")
        st.segmented_control(words("fleet.layout"), LAYOUTS, key="fleet_layout", required=True,
                             format_func=lambda name: words(f"layout.{name}"),
                             on_change=state.keep("layout", "fleet_layout"))  # fmt: skip


def restart(name: str, key: str) -> None:
    """What is chosen goes into the address, and the list starts at its first page."""
    state.keep(name, key)()
    state.put(page=None)


def pick(rows: list[FleetRow], text: str, wanted: str, order: str, cell_type: str = "") -> list[FleetRow]:
    """The rows that match the search text, the state and the type, in the wanted order; unknown values come last."""

    def unknown_last(value: float | None, sign: int = 1) -> tuple[bool, float]:
        return value is None, sign * (value or 0)

    keys = {
        "urgency": lambda row: (SEVERITIES.index(row.severity), not row.unacknowledged, unknown_last(row.rul)),
        "name": lambda row: 0,
        "soh": lambda row: unknown_last(row.soh),
        "rul": lambda row: unknown_last(row.rul),
        "age": lambda row: unknown_last(row.last_update.timestamp() if row.last_update else None),
    }
    asked = text.strip().lower()
    found = [
        row
        for row in rows
        if asked in f"{row.name} {row.cell}".lower()
        and (wanted in ("all", row.state) or (wanted == "outlier" and row.outlier))
        and cell_type in ("", row.cell_type)
    ]
    return sorted(sorted(found, key=lambda row: natural(row.name)), key=keys[order])  # type: ignore[arg-type]


@st.fragment(run_every=REFRESH_EVERY_S)
def body(page: Page) -> None:
    words, chosen = page.words, st.session_state
    reading = page.read(page.twin.fleet)
    if reading is None:
        return
    page.note_stale(reading)
    page.note_foreign(reading)
    scope = chosen.get("fleet_scope") or "service"
    inside = of_scope(reading.value, scope)
    untouched = sum(row.known and row.last_update is None and row.service == IN_SERVICE for row in inside)
    if untouched:
        page.notice("info", words("fleet.not_evaluated", count=untouched))
    rows = pick(
        inside,
        chosen.get("fleet_q") or "",
        chosen.get("fleet_state") or "all",
        chosen.get("fleet_sort") or "urgency",
        chosen.get("fleet_type") or "",
    )
    if not inside and scope == "service":
        said = words("fleet.none_in_service", count=len(reading.value))
        page.notice("info", said, href=state.link("fleet", scope="archive"), link=words("fleet.to_archive"))
    elif not rows:
        page.notice("info", words("fleet.no_match"))
    elif chosen.get("fleet_layout") == "types":
        page.html(types_table(page, rows))
    else:
        pages = -(-len(rows) // ROWS_PER_PAGE)
        asked = state.get("page")
        number = min(pages, max(1, int(asked))) if asked.isdecimal() and len(asked) < 6 else 1
        part = rows[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE]
        drawn = multiples if chosen.get("fleet_layout") == "multiples" else table
        page.html(drawn(page, part, reading.value, reading.stale))
        if pages > 1:
            first = (number - 1) * ROWS_PER_PAGE + 1
            range_said = words.interval(first, first + len(part) - 1)
            page.html(f'<p class="hint">{escape(words("fleet.page", range=range_said, count=len(rows)))}</p>')
            page.html(pieces.pager(words("fleet.pages"), number, pages, page_link))


def page_link(number: int) -> str:
    """The address of the same list at another page."""
    kept = {name: value for name, value in state.parameters().items() if name not in ("view", "page")}
    return state.link("fleet", **kept, page=number)


def table(page: Page, rows: list[FleetRow], everyone: list[FleetRow], stale: bool) -> str:
    words, moment = page.words, now()
    columns = ("cell", "state", "soh", "rul", "end", "trend", "cycle", "age")
    names = [words(f"fleet.column.{name}") for name in columns]
    numeric = (False, False, False, False, False, False, True, False)
    head = "".join(
        f'<th scope="col"{" class=n" if right else ""}>{escape(name)}</th>'
        for name, right in zip(names, numeric, strict=True)
    )
    longest = max((row.rul_upper or row.rul or 0 for row in rows), default=0) or 1
    body_rows = []
    for row in rows:
        cells = [
            f'<a class="go" href="{escape(state.link("cell", cell=row.cell))}">{escape(row.name)}</a>'
            f"<br><small>{escape(row.cell_type)}</small>",
            state_cell(page, row),
            health_cell(page, row),
            life_cell(page, row, longest),
            end_cell(page, row, outlook.end_of(row, moment)),
            pieces.sparkline(row.trend, words("fleet.trend.label", cell=row.name)),
            escape(words.marked(words.number(row.at_cycle), row.foreign, "AtCycle")),
            f'<span title="{escape(words.moment(row.last_update))}">'
            f"{escape(words.marked(words.age(row.last_update, moment), row.foreign, 'LastUpdate'))}</span>",
        ]
        drawn = (
            f'<td class="{"n" if right else "lead" if cell is cells[0] else ""}" data-name="{escape(name)}">{cell}</td>'
            for cell, name, right in zip(cells, names, numeric, strict=True)
        )
        body_rows.append(f'<tr class="{row.state}">{"".join(drawn)}</tr>')
    return (
        f'<div class="scroll{" stale" if stale else ""}" tabindex="0"><table class="grid fold fleet"><thead><tr>{head}'
        f"</tr></thead><tbody>{''.join(body_rows)}</tbody></table></div>"
    )


def state_said(words: Language, row: FleetRow) -> str:
    """The state in a word; of a cell out of service, which raises no alerts, that it is so."""
    service = f"service.{row.service}"
    if row.service != IN_SERVICE and row.state in ("none", "unknown") and words.has(service):
        return words(service)
    return words(f"severity.{row.state}")


def state_cell(page: Page, row: FleetRow) -> str:
    words = page.words
    lines = [theme.state_badge(row.state, state_said(words, row))]
    if "AlertSeverity" in row.foreign:
        lines.append(f"<small>{escape(words.marked('', row.foreign, 'AlertSeverity'))}</small>")
    if row.unacknowledged:
        key = "fleet.unacknowledged.one" if row.unacknowledged == 1 else "fleet.unacknowledged.many"
        lines.append(f"<small>{escape(words(key, count=row.unacknowledged))}</small>")
    if row.service != IN_SERVICE and row.state not in ("none", "unknown"):
        said = words(f"service.{row.service}") if words.has(f"service.{row.service}") else row.service
        lines.append(f"<small>{escape(said)}</small>")
    return "<br>".join(lines)


def health_cell(page: Page, row: FleetRow) -> str:
    words = page.words
    if row.soh is None:
        return escape(words.marked(MISSING, row.foreign, "StateOfHealth", ""))
    half = ""
    if is_number(row.soh_lower) and is_number(row.soh_upper):
        half = f" <small>{escape(words.interval(row.soh_lower, row.soh_upper, '', 1))}</small>"
    apart = ""
    if row.outlier:
        said = words("fleet.outlier", gap=words.number(row.gap, 1, signed=True))
        apart = f'<small class="apart">{theme.icon("warning", 12)} {escape(said)}</small>'
    width = min(100.0, max(0.0, row.soh))
    bar = f'<div class="bar"><i style="width:{width:.0f}%"></i></div>'
    return f"{escape(words.quantity(row.soh, '%', 1))}{half}{bar}{apart}"


def life_cell(page: Page, row: FleetRow, longest: float) -> str:
    """RUL with its interval, the interval drawn on the scale of all rows, and how far it can be trusted."""
    words = page.words
    if row.rul is None:
        return escape(words.marked(MISSING, row.foreign, "RUL", ""))
    drawn = ""
    if row.rul_lower is not None and row.rul_upper is not None:
        left, right = row.rul_lower / longest * 100, row.rul_upper / longest * 100
        drawn = (
            f'<div class="bar"><i style="left:{left:.1f}%;width:{max(1.0, right - left):.1f}%;opacity:.45"></i>'
            f'<b style="left:{row.rul / longest * 100:.1f}%"></b></div>'
        )
    interval = words.interval(row.rul_lower, row.rul_upper) if row.rul_upper else ""
    grade = f"grade.short.{row.grade}"
    trust = f"<small>{escape(words(grade))}</small>" if words.has(grade) else ""
    return f"{escape(words.cycles(row.rul))} <small>{escape(interval)}</small>{drawn}{trust}"


def end_cell(page: Page, row: FleetRow, end: outlook.End | None) -> str:
    """The date that the remaining life means at the present pace, or why there is none; and the cycle."""
    words = page.words
    eol = words.marked(words.number(row.end_of_life_cycle), row.foreign, "EndOfLifeCycle")
    cycle = "" if eol == MISSING else f"<br><small>{escape(words('fleet.end.cycle', cycle=eol))}</small>"
    if end is None:
        said = words("fleet.end.reached") if row.rul == 0 else MISSING
        return f"{escape(said)}{cycle}"
    when, *more = present.end_of_life(words, end, row.cycles_per_day)
    below = "<br>".join(escape(one) for one in more)
    return f"{escape(when)}<br><small>{below}</small>{cycle}"


def types_table(page: Page, rows: list[FleetRow]) -> str:
    """One line for each cell type: how many, in which state, how they fade, and what ends first."""
    words, moment = page.words, now()
    names = ("type", "cells", "states", "mean_soh", "loss", "rul", "next", "outliers")
    columns = [(words(f"fleet.types.{name}"), name not in ("type", "states", "next")) for name in names]
    lines = []
    for cell_type, members in outlook.by_type(rows).items():
        counted = Counter(state_said(words, row).lower() for row in members)
        states = ", ".join(words("named", name=said, value=count) for said, count in counted.most_common())
        health = [row.soh for row in members if row.soh is not None]
        losses = [loss for row in members if (loss := outlook.loss_per_100_cycles(row)) is not None]
        lives = [row.rul for row in members if row.rul is not None]
        first = outlook.soonest(members, moment)
        lines.append([
            cell_type or words("fleet.types.none"), words.number(len(members)), states,
            words.quantity(fmean(health) if health else None, "%", 1),
            words.number(median(losses) if losses else None, 2), words.cycles(median(lives) if lives else None),
            words("named", name=first.name, value=words.cycles(first.rul)) if first else MISSING,
            words.number(sum(row.outlier for row in members)),
        ])  # fmt: skip
    hint = f'<p class="hint" style="margin:0 0 .5rem">{escape(words("fleet.types.hint"))}</p>'
    return hint + pieces.table(columns, lines)


def multiples(page: Page, rows: list[FleetRow], everyone: list[FleetRow], stale: bool) -> str:
    """One small plot per cell, all on the same axes, against the median of its type."""
    words = page.words
    trends = [trend for row in rows if (trend := row.soh_trend())]
    middles = {
        kind: outlook.middle_of(row for row in everyone if row.cell_type == kind and outlook.counts(row))
        for kind in {row.cell_type for row in rows}
    }
    x_range = (0.0, float(max((points[-1][0] for points in trends), default=1)))
    values = [value for points in trends for _, value in points]
    y_range = (min(values, default=0.0), max(values, default=100.0))
    width, height = 200, 66
    cards = []
    for row in rows:
        middle = middles[row.cell_type]
        usual = [point for point in middle.points() if point[0] <= x_range[1]] if middle else []
        fitted = [(x, y) for x, y in usual if y_range[0] <= y <= y_range[1]]
        dashed = pieces.line(pieces.polyline(fitted, x_range, y_range, width, height), theme.GREY, 1.4, "4 3")
        line = pieces.line(pieces.polyline(row.soh_trend(), x_range, y_range, width, height), theme.BLUE, 2)
        gap = words("fleet.gap", gap=words.number(row.gap, 1, signed=True)) if row.gap is not None else ""
        cards.append(
            f'<a class="go" href="{escape(state.link("cell", cell=row.cell))}"><div class="row">'
            f"<b>{escape(row.name)}</b>{theme.state_badge(row.state, state_said(words, row))}</div>"
            + pieces.drawing(dashed + line, width, height, words("fleet.trend.label", cell=row.name), stretch=True)
            + f'<div class="foot"><span>{escape(words.quantity(row.soh, "%", 1))}</span>'
            f"<span>{escape(gap)}</span></div></a>"
        )
    axes = words("fleet.multiples.note", low=words.quantity(y_range[0], "%"), high=words.quantity(y_range[1], "%"),
                 last=words.cycles(x_range[1]))  # fmt: skip
    drawn = f'<div class="multiples{" stale" if stale else ""}">{"".join(cards)}</div>'
    return f'<p class="hint" style="margin:0 0 .5rem">{escape(axes)}</p>{drawn}'


def actions(page: Page) -> None:
    """Predict every cell anew, through the fleet's own operation; the report of the fleet."""
    words = page.words
    left, right, _ = st.columns([1.6, 1.6, 4])
    with right, st.popover(words("fleet.report"), icon=":material/summarize:", width="stretch"):
        buttons.buttons(page, "fleet", lambda: of_fleet.report(page.twin, words))
    if left.button(words("fleet.predict_all"), key="predict_all", icon=":material/online_prediction:",
                 width="stretch", help=words("fleet.predict_all.help")):  # fmt: skip
        with st.spinner(words("working")):
            results = page.attempt(page.twin.predict_all)
        if results is not None:
            failed = [item for item in results if item.get("ResultStatus") != "ok"]
            names = ", ".join(f"{item.get('Battery')} ({item.get('ResultStatus')})" for item in failed[:8])
            text = words("fleet.predicted", count=len(results) - len(failed))
            page.notice("warning" if failed else "none",
                        text + (" " + words("fleet.not_predicted", cells=names) if failed else ""))  # fmt: skip
