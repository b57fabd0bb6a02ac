"""Plots that more than one view shows. Plotly is imported only when a plot is drawn."""

from __future__ import annotations

from typing import Any

from dashboard.components import theme
from dashboard.reading.content import Forecast
from dashboard.texts.language import Language

FILM_SPEEDS_MS = {"slow": 260, "normal": 110, "fast": 40}  # per frame


def fade(colour: str, opacity: float) -> str:
    """`#rrggbb` as rgba()."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def measured_capacity(records: list[dict[str, Any]]) -> tuple[list[int], list[float]]:
    points = [(row["id_cycle"], row["Capacity"]) for row in records if row.get("id_cycle") and row.get("Capacity")]
    return [cycle for cycle, _ in points], [capacity for _, capacity in points]


def add_forecast(
    figure: Any, words: Language, forecast: Forecast, name: str, colour: str, dash: str = "dash", band: bool = True
) -> None:
    """A predicted trajectory and, if wanted, its fan."""
    import plotly.graph_objects as go

    points = forecast.trajectory
    if not points:
        return
    fan = [point for point in points if point[2] is not None and point[3] is not None]
    if band and fan:
        figure.add_scatter(
            x=[p[0] for p in fan] + [p[0] for p in reversed(fan)],
            y=[p[3] for p in fan] + [p[2] for p in reversed(fan)],
            fill="toself", fillcolor=fade(colour, 0.16), line={"width": 0}, hoverinfo="skip", mode="lines",
            name=words("chart.fan", level=words.quantity((forecast.confidence or 0.9) * 100, "%")),
        )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[p[0] for p in points], y=[p[1] for p in points], mode="lines", name=name,
            line={"color": colour, "width": 2.4, "dash": dash}, hovertemplate="%{y:.3f} Ah",
        )
    )  # fmt: skip


def add_end_of_life(figure: Any, words: Language, capacity_Ah: float | None) -> None:
    if capacity_Ah:
        text = words("chart.eol", capacity=words.quantity(capacity_Ah, "Ah", 2))
        figure.add_hline(
            y=capacity_Ah, line={"color": theme.GREY, "width": 1.6, "dash": "dot"},
            annotation={"text": text, "font": {"size": 11.5}},
            annotation_position="bottom left",
        )  # fmt: skip


def capacity(
    words: Language, records: list[dict[str, Any]], forecast: Forecast, end_of_life_Ah: float | None, height: int = 400
) -> Any:
    """Capacity measured, capacity predicted with its fan, the end of life and when it is expected.

    Cycles after the prediction's own are drawn apart: they are what happened, which the prediction did not know.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    cycles, values = measured_capacity(records)
    at = forecast.at_cycle if forecast.at_cycle is not None else (cycles[-1] if cycles else 0)
    known = [(x, y) for x, y in zip(cycles, values, strict=True) if x <= at]
    later = [(x, y) for x, y in zip(cycles, values, strict=True) if x > at]
    for points, name, colour in (
        (known, "chart.measured", theme.BLUE),
        (later, "chart.measured_later", theme.SKY),
    ):
        if points:
            figure.add_scatter(
                x=[x for x, _ in points], y=[y for _, y in points], mode="lines+markers", name=words(name),
                line={"color": colour, "width": 1.4}, marker={"size": 4.5, "color": colour},
                hovertemplate="%{y:.3f} Ah",
            )  # fmt: skip
    add_forecast(figure, words, forecast, words("chart.predicted"), theme.VERMILLION)
    add_end_of_life(figure, words, end_of_life_Ah)
    if forecast.rul and forecast.at_cycle is not None and end_of_life_Ah:
        if forecast.rul_lower is not None and forecast.rul_upper is not None:
            span = [forecast.at_cycle + forecast.rul_lower, forecast.at_cycle + forecast.rul_upper]
            figure.add_scatter(
                x=span, y=[end_of_life_Ah] * 2, mode="lines+markers", name=words("chart.eol_interval"),
                line={"color": theme.PURPLE, "width": 5}, marker={"symbol": "line-ns", "size": 13,
                "line": {"width": 2.4, "color": theme.PURPLE}}, hovertemplate="%{x:.0f}",
            )  # fmt: skip
        figure.add_scatter(
            x=[forecast.at_cycle + forecast.rul], y=[end_of_life_Ah], mode="markers", name=words("chart.eol_predicted"),
            marker={"symbol": "diamond", "size": 12, "color": theme.PURPLE, "line": {"width": 1.5, "color": "white"}},
            hovertemplate="%{x:.0f}",
        )  # fmt: skip
        figure.add_vline(x=at, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    theme.lay_out(figure, words, words.concept("id_cycle"), words.concept("Capacity", unit=True), height)
    figure.update_layout(hovermode="closest")
    return figure


def add_player(figure: Any, words: Language, prefix: str) -> None:
    """Buttons that play the figure's frames slowly or fast, and a slider over them; `prefix` is said before a frame's
    name."""

    def animate(names: list[str] | None, duration_ms: int) -> list[Any]:
        return [names, {"frame": {"duration": duration_ms, "redraw": False}, "mode": "immediate",
                        "transition": {"duration": 0}, "fromcurrent": True}]  # fmt: skip

    buttons: list[dict[str, Any]] = [
        {"label": f"▶ {words(f'live.film.{name}')}", "method": "animate", "args": animate(None, pace)}
        for name, pace in FILM_SPEEDS_MS.items()
    ]
    buttons.append({"label": f"❚❚ {words('player.pause')}", "method": "animate", "args": animate([None], 0)})  # type: ignore[list-item]
    figure.update_layout(
        margin={"b": 156},
        updatemenus=[{"type": "buttons", "direction": "right", "buttons": buttons, "x": 0, "y": 0, "xanchor": "left",
                      "yanchor": "top", "pad": {"t": 54}, "bgcolor": "rgba(0,114,178,.10)", "bordercolor": theme.GREY,
                      "borderwidth": 1, "font": {"size": 12}, "showactive": False}],
        sliders=[{"active": 0, "x": 0, "len": 1, "y": 0, "pad": {"t": 98}, "ticklen": 0, "minorticklen": 0,
                  "currentvalue": {"prefix": f"{prefix} ", "font": {"size": 13, "color": theme.GREY}},
                  "font": {"color": "rgba(0,0,0,0)", "size": 1},
                  "steps": [{"label": frame.name, "method": "animate", "args": animate([frame.name], 0)}
                            for frame in figure.frames]}],
    )  # fmt: skip
