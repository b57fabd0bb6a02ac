"""All cells on one screen: how many need attention, which, and how each compares with the others."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import streamlit as st

from dashboard import state, theme
from dashboard.components import pieces
from dashboard.content import SEVERITIES, FleetRow, natural, now
from dashboard.language import MISSING, escape, is_number
from dashboard.page import Page

REFRESH_EVERY_S = 10
ORDERS = ("urgency", "name", "soh", "rul", "age")
LAYOUTS = ("table", "multiples")


def show(page: Page) -> None:
    words = page.words
    reading = page.read(page.twin.fleet)
    if reading is None:
        return
    if not reading.value:
        page.notice("info", words("fleet.empty"), href=state.link("record"), link=words("view.record"))
        return
    totals(page, reading.value, reading.stale)
    search, wanted, order, layout = st.columns([2.2, 4.2, 1.9, 1.9], vertical_alignment="bottom")
    with search:
        state.bound("q", "fleet_q", None, "")
        st.text_input(words("fleet.search"), key="fleet_q", placeholder=words("fleet.search.hint"),
                      on_change=state.keep("q", "fleet_q"), icon=":material/search:")  # fmt: skip
    with wanted:
        options = ["all", "none", "warning", "critical", "endOfLife"]
        state.bound("state", "fleet_state", options, "all")
        st.segmented_control(words("fleet.filter"), options, key="fleet_state", required=True,
                             format_func=lambda name: words(f"severity.{name}"),
                             on_change=state.keep("state", "fleet_state"))  # fmt: skip
    with order:
        state.bound("sort", "fleet_sort", ORDERS, "urgency")
        st.selectbox(words("fleet.sort"), ORDERS, key="fleet_sort", format_func=lambda name: words(f"sort.{name}"),
                     on_change=state.keep("sort", "fleet_sort"))  # fmt: skip
    with layout:
        state.bound("layout", "fleet_layout", LAYOUTS, "table")
        st.segmented_control(words("fleet.layout"), LAYOUTS, key="fleet_layout", required=True,
                             format_func=lambda name: words(f"layout.{name}"),
                             on_change=state.keep("layout", "fleet_layout"))  # fmt: skip
    body(page)
    actions(page)


def totals(page: Page, rows: list[FleetRow], stale: bool) -> None:
    words = page.words
    count = {severity: sum(row.state == severity for row in rows) for severity in SEVERITIES}
    health = [row.soh for row in rows if row.soh is not None]
    waiting = sum(row.unacknowledged for row in rows)
    unknown = sum(not row.known for row in rows)
    lowest = words("fleet.mean_soh.note", low=words.quantity(min(health), "%", 0)) if health else ""
    items = [
        pieces.tile(words("fleet.cells"), words.number(len(rows)),
                    words("fleet.unknown", count=unknown) if unknown else words("fleet.all_known"), icon="fleet"),
        *(pieces.tile(words(f"severity.{name}"), words.number(count[name]), words(f"severity.{name}.note"),
                      state=name if count[name] else "unknown") for name in reversed(SEVERITIES)),
        pieces.tile(words("fleet.waiting"), words.number(waiting), words("fleet.waiting.note"), icon="alerts"),
        pieces.tile(words("fleet.mean_soh"), words.quantity(fmean(health) if health else None, "%", 1), lowest,
                    icon="compare"),
    ]  # fmt: skip
    page.html(pieces.tiles(items, stale, 132))


def pick(rows: list[FleetRow], text: str, wanted: str, order: str) -> list[FleetRow]:
    """The rows that match the search text and the state, in the wanted order; unknown values come last."""

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
    found = [row for row in rows if asked in f"{row.name} {row.cell}".lower() and wanted in ("all", row.state)]
    return sorted(sorted(found, key=lambda row: natural(row.name)), key=keys[order])  # type: ignore[arg-type]


@st.fragment(run_every=REFRESH_EVERY_S)
def body(page: Page) -> None:
    words = page.words
    reading = page.read(page.twin.fleet)
    if reading is None:
        return
    page.note_stale(reading)
    page.note_foreign(reading)
    untouched = sum(row.known and row.last_update is None for row in reading.value)
    if untouched:
        page.notice("info", words("fleet.not_evaluated", count=untouched))
    rows = pick(
        reading.value,
        st.session_state.get("fleet_q") or "",
        st.session_state.get("fleet_state") or "all",
        st.session_state.get("fleet_sort") or "urgency",
    )
    if not rows:
        page.notice("info", words("fleet.no_match"))
    elif st.session_state.get("fleet_layout") == "multiples":
        page.html(multiples(page, rows, reading.value))
    else:
        page.html(table(page, rows, reading.stale))


def table(page: Page, rows: list[FleetRow], stale: bool) -> str:
    words, present = page.words, now()
    names = [words(f"fleet.column.{name}") for name in ("cell", "state", "soh", "rul", "eol", "trend", "cycle", "age")]
    numeric = (False, False, False, False, True, False, True, False)
    head = "".join(
        f'<th scope="col"{" class=n" if right else ""}>{escape(name)}</th>'
        for name, right in zip(names, numeric, strict=True)
    )
    longest = max((row.rul_upper or row.rul or 0 for row in rows), default=0) or 1
    body_rows = []
    for row in rows:
        severity = row.state
        badge = theme.state_badge(severity, words(f"severity.{severity}"))
        if "AlertSeverity" in row.foreign:
            badge += f"<br><small>{escape(words.marked('', row.foreign, 'AlertSeverity'))}</small>"
        if row.unacknowledged:
            badge += f"<br><small>{escape(words('fleet.unacknowledged', count=row.unacknowledged))}</small>"
        cells = [
            f'<a class="go" href="{escape(state.link("cell", cell=row.cell))}">{escape(row.name)}</a>',
            badge,
            health_cell(page, row),
            life_cell(page, row, longest),
            escape(words.marked(words.number(row.end_of_life_cycle), row.foreign, "EndOfLifeCycle")),
            pieces.sparkline(row.trend, words("fleet.trend.label", cell=row.name)),
            escape(words.marked(words.number(row.at_cycle), row.foreign, "AtCycle")),
            f'<span title="{escape(words.moment(row.last_update))}">'
            f"{escape(words.marked(words.age(row.last_update, present), row.foreign, 'LastUpdate'))}</span>",
        ]
        drawn = (
            f'<td class="{"n" if right else "lead" if cell is cells[0] else ""}" data-name="{escape(name)}">{cell}</td>'
            for cell, name, right in zip(cells, names, numeric, strict=True)
        )
        body_rows.append(f'<tr class="{severity}">{"".join(drawn)}</tr>')
    return (
        f'<div class="scroll{" stale" if stale else ""}"><table class="grid fold fleet"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body_rows)}</tbody></table></div>"
    )


def health_cell(page: Page, row: FleetRow) -> str:
    words = page.words
    if row.soh is None:
        return escape(words.marked(MISSING, row.foreign, "StateOfHealth", ""))
    half = ""
    if is_number(row.soh_lower) and is_number(row.soh_upper):
        half = f" <small>{escape(words.interval(row.soh_lower, row.soh_upper, '', 1))}</small>"
    width = min(100.0, max(0.0, row.soh))
    return f'{escape(words.quantity(row.soh, "%", 1))}{half}<div class="bar"><i style="width:{width:.0f}%"></i></div>'


def life_cell(page: Page, row: FleetRow, longest: float) -> str:
    """RUL with its interval, and the interval drawn on the scale of all rows."""
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
    return f"{escape(words.cycles(row.rul))} <small>{escape(interval)}</small>{drawn}"


def fleet_mean(rows: list[FleetRow]) -> list[tuple[int, float]]:
    """Mean state of health of all cells by cycle, where at least two of them have been."""
    by_cell = [trend for row in rows if len(trend := row.soh_trend()) > 1]
    if not by_cell:
        return []
    last = max(points[-1][0] for points in by_cell)
    step = max(1, last // 60)
    mean = []
    for cycle in range(1, last + 1, step):
        values = [at(points, cycle) for points in by_cell if points[0][0] <= cycle <= points[-1][0]]
        if len(values) >= min(2, len(by_cell)):
            mean.append((cycle, fmean(values)))
    return mean


def at(points: list[tuple[int, float]], cycle: int) -> float:
    """The value at `cycle` on the line through `points`, which must reach over it."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= cycle <= x1:
            return y0 + (y1 - y0) * (cycle - x0) / ((x1 - x0) or 1)
    return points[-1][1]


def multiples(page: Page, rows: list[FleetRow], everyone: list[FleetRow]) -> str:
    """One small plot per cell, all on the same axes, against the mean of the fleet."""
    words, mean = page.words, fleet_mean(everyone)
    trends = [trend for row in everyone if (trend := row.soh_trend())]
    x_range = (0.0, float(max((points[-1][0] for points in trends), default=1)))
    values = [value for points in trends for _, value in points]
    y_range = (min(values, default=0.0), max(values, default=100.0))
    width, height = 200, 66
    mean_line = pieces.line(pieces.polyline(mean, x_range, y_range, width, height), theme.GREY, 1.4, "4 3")
    cards = []
    for row in rows:
        severity = row.state
        points = row.soh_trend()
        gap = row.soh - at(mean, row.at_cycle) if mean and row.soh is not None and row.at_cycle is not None else None
        line = pieces.line(pieces.polyline(points, x_range, y_range, width, height), theme.BLUE, 2)
        address = escape(state.link("cell", cell=row.cell))
        cards.append(
            f'<a class="go" href="{address}"><div class="row"><b>{escape(row.name)}</b>'
            f"{theme.state_badge(severity, words(f'severity.{severity}'))}</div>"
            + pieces.drawing(mean_line + line, width, height, words("fleet.trend.label", cell=row.name), stretch=True)
            + f'<div class="foot"><span>{escape(words.quantity(row.soh, "%", 1))}</span>'
            f"<span>{escape(words('fleet.gap', gap=words.number(gap, 1, signed=True)))}</span></div></a>"
        )
    axes = words("fleet.multiples.note", low=words.quantity(y_range[0], "%"), high=words.quantity(y_range[1], "%"),
                 last=words.cycles(x_range[1]))  # fmt: skip
    return f'<p class="hint" style="margin:0 0 .5rem">{escape(axes)}</p><div class="multiples">{"".join(cards)}</div>'


def actions(page: Page) -> None:
    """Predict every cell anew, through the fleet's own operation."""
    words = page.words
    if st.button(words("fleet.predict_all"), key="predict_all", icon=":material/online_prediction:",
                 help=words("fleet.predict_all.help")):  # fmt: skip
        with st.spinner(words("working")):
            results = page.attempt(page.twin.predict_all)
        if results is not None:
            failed = [item for item in results if item.get("ResultStatus") != "ok"]
            names = ", ".join(f"{item.get('Battery')} ({item.get('ResultStatus')})" for item in failed[:8])
            text = words("fleet.predicted", count=len(results) - len(failed))
            page.notice("warning" if failed else "none",
                        text + (" " + words("fleet.not_predicted", cells=names) if failed else ""))  # fmt: skip
