"""Cells side by side: capacity over cycles, charge throughput or days, in Ah or against each cell's own beginning."""

from __future__ import annotations

from datetime import datetime
from itertools import accumulate
from typing import Any

import streamlit as st

from dashboard import state
from dashboard.components import pieces, theme
from dashboard.page import Page

MOST_CELLS = 8  # one request each; more lines than this cannot be told apart anyway
AXES = ("cycles", "throughput", "days")
DEFAULT_CELLS = 4


def show(page: Page) -> None:
    words = page.words
    names = page.read(page.twin.cells)
    if names is None:
        return
    if not names:
        page.notice("info", words("fleet.empty"), href=state.link("record"), link=words("view.record"))
        return
    choice, axis, scale = st.columns([4, 2.6, 1.5], vertical_alignment="bottom")
    with choice:
        asked = [name for name in state.get("cells").split(",") if name in names][:MOST_CELLS]
        if st.session_state.get("_seen_compare") != state.get("cells") or "compare_cells" not in st.session_state:
            st.session_state["compare_cells"] = asked or names[:DEFAULT_CELLS]
            st.session_state["_seen_compare"] = state.get("cells")
        st.multiselect(
            words("compare.cells", most=MOST_CELLS), names, key="compare_cells", max_selections=MOST_CELLS,
            placeholder=words("compare.choose"), on_change=keep_cells, format_func=page.name,
        )  # fmt: skip
    with axis:
        state.bound("axis", "compare_axis", AXES, "cycles")
        st.segmented_control(words("compare.axis"), AXES, key="compare_axis", required=True,
                             format_func=lambda name: words(f"compare.{name}"),
                             on_change=state.keep("axis", "compare_axis"))  # fmt: skip
    with scale:
        state.bound("normal", "compare_normal", (False, True), False, lambda written: written == "True")
        st.toggle(words("compare.normalised"), key="compare_normal", on_change=state.keep("normal", "compare_normal"))
    chosen = st.session_state["compare_cells"]
    if not chosen:
        page.notice("info", words("compare.choose"))
        return
    histories = {}
    for cell in chosen:
        reading = page.read(lambda cell=cell: page.twin.records(cell))  # type: ignore[misc]
        if reading is not None:
            page.note_stale(reading)
            page.note_foreign(reading)
            histories[cell] = reading.value
    draw(page, histories, st.session_state["compare_axis"], st.session_state["compare_normal"])


def keep_cells() -> None:
    state.put(cells=",".join(st.session_state["compare_cells"]))
    st.session_state["_seen_compare"] = state.get("cells")


def line(records: list[dict[str, Any]], axis: str, normalised: bool) -> tuple[list[float], list[float]]:
    """x (cycle, Ah discharged so far, or days since the first cycle) and y (Ah, or % of the first capacity)."""
    rows = [row for row in records if row.get("Capacity") and row.get("id_cycle")]
    if not rows:
        return [], []
    first = rows[0]["Capacity"]
    y = [row["Capacity"] / first * 100 if normalised else row["Capacity"] for row in rows]
    if axis == "cycles":
        return [row["id_cycle"] for row in rows], y
    if axis == "throughput":
        return list(accumulate(row["Capacity"] for row in rows)), y
    x, kept, start = [], [], None
    for row, value in zip(rows, y, strict=True):
        try:
            when = datetime.fromisoformat(str(row.get("Time")).replace("Z", "+00:00")).replace(tzinfo=None)
        except ValueError:
            continue
        start = start or when
        x.append((when - start).total_seconds() / 86400)
        kept.append(value)
    return x, kept


def draw(page: Page, histories: dict[str, list[dict[str, Any]]], axis: str, normalised: bool) -> None:
    import plotly.graph_objects as go

    words = page.words
    fleet = {row.cell: row for row in page.twin.fleet().value}
    figure, rows = go.Figure(), []
    for index, (cell, records) in enumerate(histories.items()):
        x, y = line(records, axis, normalised)
        unit = "%" if normalised else "Ah"
        figure.add_scatter(
            x=x, y=y, name=page.name(cell), mode="lines+markers", hovertemplate=f"%{{y:.3f}} {unit}",
            line={"color": theme.SERIES[index], "dash": theme.DASHES[index], "width": 2},
            marker={"symbol": theme.SYMBOLS[index], "size": 6, "maxdisplayed": 14},
        )  # fmt: skip
        known = fleet.get(cell)
        loss = (y[0] - y[-1]) / (len(y) - 1) * 1000 if len(y) > 1 and not normalised else None
        rows.append([
            page.name(cell),
            words.number(len(y)),
            words.quantity(y[0] if y else None, unit, 1 if normalised else 3),
            words.quantity(y[-1] if y else None, unit, 1 if normalised else 3),
            words.quantity(loss, "mAh", 2) if not normalised else words.quantity((y[0] - y[-1]) if y else None, "%", 1),
            words.cycles(known.rul) if known else "—",
        ])  # fmt: skip
    y_title = words("compare.share") if normalised else words.concept("Capacity", unit=True)
    theme.lay_out(figure, words, words(f"compare.{axis}.axis"), y_title, 460)
    with page.card("compare"):
        page.title(words("compare.title"), words("compare.hint"))
        st.plotly_chart(figure, key="compare_chart", config=theme.plot_config(words), alt=words("compare.title"))
        columns = [
            (words("cell"), False), (words("compare.column.cycles"), True), (words("compare.column.first"), True),
            (words("compare.column.last"), True),
            (words("compare.column.lost" if normalised else "compare.column.loss"), True),
            (words("cell.rul"), True),
        ]  # fmt: skip
        page.html(pieces.table(columns, rows))
