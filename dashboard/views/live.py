"""A cell in motion: the cycle that is coming in, any cycle played again, and the film of its ageing."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import state
from dashboard.components import charts, pieces, present, theme
from dashboard.components.player import play
from dashboard.page import Page
from dashboard.reading.content import Cycle, foreign_below
from dashboard.reading.twin import Trouble

FOLLOW_EVERY_S = 2
FILM_FRAMES = 70
MODES = ("live", "replay", "film")


def show(page: Page) -> None:
    words = page.words
    choice, mode = st.columns([2, 3.4], vertical_alignment="bottom")
    with choice:
        cell = page.choose_cell("live_cell")
    if cell is None:
        return
    with mode:
        state.bound("mode", "live_mode", MODES, "live")
        st.segmented_control(words("live.mode"), MODES, key="live_mode", required=True,
                             format_func=lambda name: words(f"live.{name}"), label_visibility="collapsed",
                             on_change=state.keep("mode", "live_mode"))  # fmt: skip
    {"live": follow, "replay": replay, "film": film}[st.session_state["live_mode"]](page, cell)


@st.fragment(run_every=FOLLOW_EVERY_S)
def follow(page: Page, cell: str) -> None:
    """Follows whatever feeds the cell; only what changed is drawn again."""
    words, twin = page.words, page.twin
    try:
        sample = twin.live(cell)
        now = sample.value
        mark = (cell, now.get("id_cycle"), now.get("LastUpdate"))
        if st.session_state.get("_followed", mark)[0] == cell and st.session_state.get("_followed", mark) != mark:
            twin.forget(cell)
        st.session_state["_followed"] = mark
        records, prediction = twin.records(cell), twin.prediction(cell)
        cycle, number = newest_cycle(page, cell)
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    page.note_stale(sample, records, prediction)
    page.note_foreign(sample, records)
    forecast = prediction.value.forecast
    life = words.interval(forecast.rul_lower, forecast.rul_upper)
    foreign = foreign_below("LiveState", sample.foreign)
    items = [
        *present.sample_tiles(words, now, prediction.value.thresholds, foreign),
        *present.capacity_tiles(words, forecast, now, foreign),
        pieces.tile(words("cell.rul"), words.cycles(forecast.rul), life),
    ]
    page.html(pieces.tiles(items, sample.stale))
    with page.card("live_player"):
        page.title(words("live.latest", cycle=words.number(number)), words("live.latest.hint"))
        if cycle is None:
            page.notice("info", words("live.no_curves"))
        else:
            play(words, cycle, now.get("StateOfHealth"), "player_live", f"{cell}/{number}", autoplay=True)
    with page.card("live_history"):
        page.title(words("cell.history"))
        figure = charts.capacity(words, records.value, forecast, forecast.end_of_life_capacity_Ah, 320)
        st.plotly_chart(figure, key=f"live_capacity_{cell}", config=theme.plot_config(words), alt=words("cell.history"))


def newest_cycle(page: Page, cell: str) -> tuple[Cycle | None, int | None]:
    """The curves of the last appended cycle; before the first one, those of the last cycle in the cell's file."""
    for read in (page.twin.latest_curves, page.twin.curves):
        cycles = read(cell).value
        if cycles:
            number = max(cycles)
            return cycles[number], number
    return None, None


def replay(page: Page, cell: str) -> None:
    words = page.words
    curves = page.read(lambda: page.twin.curves(cell))
    records = page.read(lambda: page.twin.records(cell))
    if curves is None or records is None:
        return
    page.note_stale(curves, records)
    numbers = [cycle for cycle in curves.value if cycle > 0]
    if not numbers:
        page.notice("info", words("live.no_curves"))
        return
    with page.card("replay"):
        key = f"replay_{cell}"
        state.bound("cycle", key, numbers, numbers[0], int)
        number = st.session_state[key]
        row: dict[str, Any] = next((row for row in records.value if row.get("id_cycle") == number), {})
        page.title(
            words("live.replay.title", cycle=words.number(number)),
            words("live.replay.hint", capacity=words.quantity(row.get("Capacity"), "Ah", 3),
                  ambient=words.quantity(row.get("ambient_temperature"), "°C")),
        )  # fmt: skip
        play(words, curves.value[number], row.get("StateOfHealth"), "player_replay", f"{cell}/{number}/replay")
        if len(numbers) > 1:
            st.select_slider(words("concept.cycle"), numbers, key=key, on_change=state.keep("cycle", key),
                             help=words("live.replay.help"))  # fmt: skip


def film(page: Page, cell: str) -> None:
    """The cell's life as a film: one picture per cycle (thinned for long lives), with Plotly's own frames."""
    words = page.words
    records = page.read(lambda: page.twin.records(cell))
    curves = page.read(lambda: page.twin.curves(cell))
    prediction = page.read(lambda: page.twin.prediction(cell))
    if records is None or curves is None or prediction is None:
        return
    cycles, capacities = charts.measured_capacity(records.value)
    if len(cycles) < 2:
        page.notice("info", words("cell.no_history"))
        return
    with page.card("film"):
        page.title(words("live.film.title"), words("live.film.hint"))
        figure = film_figure(page, cycles, capacities, curves.value, prediction.value.forecast.end_of_life_capacity_Ah)
        st.plotly_chart(
            figure, key=f"film_{cell}_{words.code}", config=theme.plot_config(words), alt=words("live.film.title")
        )


def film_figure(
    page: Page, cycles: list[int], capacities: list[float], curves: dict[int, Cycle], end_of_life_Ah: float | None
) -> Any:
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    words = page.words
    step = max(1, -(-len(cycles) // FILM_FRAMES))
    shown = list(range(0, len(cycles), step))
    if shown[-1] != len(cycles) - 1:
        shown.append(len(cycles) - 1)

    def discharge(number: int) -> tuple[list[float], list[float | None]]:
        cycle = curves.get(number)
        if cycle is None:
            return [], []
        start = next((time for time, kind in cycle.parts if kind == "discharge"), None)
        if start is None:
            return [], []
        first = cycle.time.index(start)
        return [(time - start) / 60 for time in cycle.time[first:]], cycle.voltage[first:]

    def traces(index: int) -> list[Any]:
        minutes, volts = discharge(cycles[index])
        return [
            go.Scatter(x=minutes, y=volts, xaxis="x", yaxis="y"),
            go.Scatter(x=cycles[: index + 1 : step], y=capacities[: index + 1 : step], xaxis="x2", yaxis="y2"),
            go.Scatter(x=[cycles[index]], y=[capacities[index]], xaxis="x2", yaxis="y2"),
        ]

    figure = make_subplots(rows=1, cols=2, column_widths=[0.5, 0.5], horizontal_spacing=0.07)
    first_minutes, first_volts = discharge(cycles[0])
    new, old = traces(shown[0]), go.Scatter(x=first_minutes, y=first_volts, xaxis="x", yaxis="y")
    old.update(mode="lines", line={"color": theme.GREY, "dash": "dot", "width": 1.6},
               name=words("live.film.first", cycle=words.number(cycles[0])), hoverinfo="skip")  # fmt: skip
    new[0].update(mode="lines", line={"color": theme.BLUE, "width": 2.6}, name=words("live.film.curve"))
    new[1].update(mode="lines", line={"color": theme.BLUE, "width": 2}, name=words("chart.measured"))
    new[2].update(mode="markers", marker={"color": theme.VERMILLION, "size": 11}, name=words("live.film.now"))
    figure.add_traces([*new, old])
    figure.frames = [
        go.Frame(name=words.number(cycles[index]), data=traces(index), traces=[0, 1, 2]) for index in shown
    ]
    theme.lay_out(figure, words, "", "", 480)
    longest = max((discharge(number)[0][-1] for number in curves if discharge(number)[0]), default=60)
    low, high = min(capacities), max(capacities)
    figure.update_xaxes(title_text=words("live.film.time"), range=[0, longest * 1.02], row=1, col=1)
    figure.update_yaxes(title_text=words.concept("Voltage_measured", unit=True), range=[1.9, 4.3], row=1, col=1)
    figure.update_xaxes(title_text=words.concept("id_cycle"), range=[0, cycles[-1] * 1.03], row=1, col=2)
    margin = 0.08 * (high - low + 0.1)
    around = [low - margin, high + margin]
    figure.update_yaxes(title_text=words.concept("Capacity", unit=True), range=around, side="right", row=1, col=2)
    if end_of_life_Ah and low < end_of_life_Ah * 1.1:
        figure.add_hline(y=end_of_life_Ah, line={"color": theme.GREY, "dash": "dot", "width": 1.6}, row=1, col=2)

    charts.add_player(figure, words, words("live.film.cycle"))
    return figure
