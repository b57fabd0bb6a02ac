"""A line plot with axes as SVG, for paper: no script, legible in grey."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.components import theme
from dashboard.components.pieces import line, polyline, thinned
from dashboard.texts.language import Language, escape

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 660.0, 250.0
LEFT, BOTTOM = 52.0, 36.0
INK = "#44525f"
SHOWN_BELOW = 0.18  # of the end-of-life capacity


@dataclass(frozen=True)
class Line:
    """A line of the plot with its name; `dashes` as in SVG."""

    name: str
    points: Points
    colour: str
    dashes: str = ""


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`."""
    raw = (high - low) / about or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def plot(
    words: Language, lines: Sequence[Line], band: Points, level: float | None, x_title: str, y_title: str, label: str
) -> str:
    """`band` is a closed outline that is filled; `level` a horizontal line. Returns an img, and its legend as text."""
    drawn = [one for one in lines if len(one.points) > 1]
    if level is not None:  # far below it nothing is left to read
        floor = (1 - SHOWN_BELOW) * level
        drawn = [replace(one, points=[(x, max(floor, y)) for x, y in one.points]) for one in drawn]
        band = [(x, max(floor, y)) for x, y in band]
    every = [point for one in drawn for point in one.points] + list(band)
    if not every:
        return ""
    levels = [] if level is None else [level]
    x_range = (min(x for x, _ in every), max(x for x, _ in every))
    y_low, y_high = min([y for _, y in every] + levels), max([y for _, y in every] + levels)
    margin = 0.04 * (y_high - y_low or 1)
    y_range = (y_low - margin, y_high + margin)

    def place(points: Points) -> str:
        return polyline(thinned(points), x_range, y_range, WIDTH, HEIGHT)

    def at(x: float, y: float) -> tuple[float, float]:
        px, py = polyline([(x, y)], x_range, y_range, WIDTH, HEIGHT).split(",")
        return float(px), float(py)

    shapes = []
    digits = 0 if y_range[1] - y_range[0] > 8 else 2
    text = f'font-family="sans-serif" font-size="12" fill="{INK}"'
    for value in ticks(*y_range, 5):
        _, y = at(x_range[0], value)
        shapes.append(f'<line x1="0" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="#d8dee4"/>')
        shapes.append(f'<text x="-6" y="{y + 4}" text-anchor="end" {text}>{escape(words.number(value, digits))}</text>')
    for value in ticks(*x_range, 8):
        x, _ = at(value, y_range[0])
        shapes.append(
            f'<text x="{x}" y="{HEIGHT + 16}" text-anchor="middle" {text}>{escape(words.number(value))}</text>'
        )
    if band:
        shapes.append(f'<polygon points="{place(band)}" fill="{theme.VERMILLION}" fill-opacity=".16"/>')
    shapes += [line(place(one.points), one.colour, 2, one.dashes) for one in drawn]
    if level is not None:
        _, y = at(x_range[0], level)
        shapes.append(f'<line x1="0" x2="{WIDTH}" y1="{y}" y2="{y}" stroke="{theme.GREY}" stroke-dasharray="2 3"/>')
    shapes.append(f'<text x="{WIDTH / 2}" y="{HEIGHT + 33}" text-anchor="middle" {text}>{escape(x_title)}</text>')
    shapes.append(f'<text transform="translate(-40 {HEIGHT / 2}) rotate(-90)" text-anchor="middle" {text}>'
                  f"{escape(y_title)}</text>")  # fmt: skip
    box = f"{-LEFT} -8 {WIDTH + LEFT + 12} {HEIGHT + BOTTOM + 10}"
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{"".join(shapes)}</svg>'
    legend = "".join(
        f'<span><i style="border-top:3px {"dashed" if one.dashes else "solid"} {one.colour}"></i>'
        f"{escape(one.name)}</span>"
        for one in drawn
    )
    return f'<img class="wide" alt="{escape(label)}" src="{theme.picture(svg)}"><p class="legend">{legend}</p>'
