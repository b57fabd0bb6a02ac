"""Static HTML and SVG: tiles, sparklines, rings, tables. All text given to these functions is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import pi

from dashboard.components import theme
from dashboard.texts.language import MISSING, UNIT_SPACE, escape


def tile(name: str, value: str, note: str = "", state: str = "", icon: str = "") -> str:
    """One figure. `state` colours it and adds the state's icon unless another is given."""
    symbol = theme.icon(icon or state, 15) if icon or state else ""
    figure, _, unit = value.partition(UNIT_SPACE)
    shown = escape(figure) + (f" <small>{escape(unit)}</small>" if unit else "")
    size = " words" if len(figure) > 9 and not unit else ""
    below = f'<div class="note">{escape(note)}</div>' if note else ""
    return (
        f'<div class="tile {state}"><div class="name">{symbol}{escape(name)}</div>'
        f'<div class="value{size}">{shown}</div>{below}</div>'
    )


def tiles(items: Iterable[str], stale: bool = False, narrow: bool = False) -> str:
    """Tiles in rows that are as even as can be, however wide the page is (see theme.tile_columns)."""
    shown = list(items)
    columns = ";".join(f"--of{most}:{even_columns(len(shown), most)}" for most in theme.TILE_COLUMNS)
    classes = "tiles" + " stale" * stale + " narrow" * narrow
    return f'<div class="tilebox"><div class="{classes}" style="{columns}">{"".join(shown)}</div></div>'


def even_columns(count: int, most: int) -> int:
    """How many of at most `most` columns: as many as leave no more than half of the last row empty."""
    return next(columns for columns in range(min(count, most) or 1, 0, -1) if -count % columns <= columns // 2)


def polyline(
    points: Sequence[tuple[float, float]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    width: float,
    height: float,
) -> str:
    """The `points` attribute of a polyline that fits the ranges into width × height."""
    x_span = (x_range[1] - x_range[0]) or 1
    y_span = (y_range[1] - y_range[0]) or 1
    return " ".join(
        f"{(x - x_range[0]) / x_span * width:.1f},{height - (y - y_range[0]) / y_span * height:.1f}" for x, y in points
    )


def drawing(inner: str, width: float, height: float, label: str, stretch: bool = False) -> str:
    """An image of SVG shapes; it has to be legible on light and on dark ground, since it knows of neither."""
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-3 -3 {width + 6} {height + 6}"{ratio}>{inner}</svg>'
    size = f'style="width:100%;height:{height + 6}px"' if stretch else f'width="{width + 6}" height="{height + 6}"'
    return f'<img class="plot" alt="{escape(label)}" {size} src="{theme.picture(svg)}">'


def line(points: str, colour: str, width: float = 1.8, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" '
        f'vector-effect="non-scaling-stroke"{dashed}/>'
    )


def sparkline(points: Sequence[tuple[float, float]], label: str, width: int = 124, height: int = 24) -> str:
    if len(points) < 2:
        return f'<span class="soft">{MISSING}</span>'
    xs, ys = [x for x, _ in points], [y for _, y in points]
    drawn = polyline(points, (min(xs), max(xs)), (min(ys), max(ys)), width, height)
    end_x, end_y = drawn.split()[-1].split(",")
    end = f'<circle cx="{end_x}" cy="{end_y}" r="2.8" fill="{theme.BLUE}"/>'
    return drawing(line(drawn, theme.BLUE) + end, width, height, label)


def small_chart(
    title: str, value: str, foot: Sequence[str], lines: Sequence[tuple[Sequence[tuple[float, float]], str, str]]
) -> str:
    """A plot of a few words: title and present value above, `foot` (left, right) below; `lines` are (points, colour,
    dashes), all on the same axes, which fit them."""
    every = [point for points, _, _ in lines for point in points]
    if len(every) < 2:
        drawn = f'<p class="hint">{escape(foot[0])}</p>'
        return f'<figure class="small"><figcaption><span>{escape(title)}</span></figcaption>{drawn}</figure>'
    x_range = (min(x for x, _ in every), max(x for x, _ in every))
    y_range = (min(y for _, y in every), max(y for _, y in every))
    width, height = 240, 76
    shapes = "".join(
        line(polyline(thinned(points), x_range, y_range, width, height), colour, 2, dashes)
        for points, colour, dashes in lines
        if points
    )
    said = f"{title}: {value}; {'; '.join(foot)}"
    return (
        f'<figure class="small"><figcaption><span>{escape(title)}</span><b>{escape(value)}</b></figcaption>'
        f"{drawing(shapes, width, height, said, stretch=True)}"
        f'<div class="foot">{"".join(f"<span>{escape(part)}</span>" for part in foot)}</div></figure>'
    )


def thinned(points: Sequence[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """At most so many points, the last one always among them: more than that no eye tells apart in a small plot."""
    step = max(1, -(-len(points) // most))
    return list(points[::-1][::step][::-1])


def ring(percent: float | None, state: str, value: str, caption: str, marks: Sequence[float] = ()) -> str:
    """A gauge from 50 to 100 %; `marks` are thresholds on it."""
    low, high, radius, sweep = 50.0, 100.0, 56.0, 0.75

    def share(number: float) -> float:
        return min(1.0, max(0.0, (number - low) / (high - low)))

    length = 2 * pi * radius
    arc = f'fill="none" stroke-width="11" cx="70" cy="70" r="{radius}" transform="rotate(135 70 70)"'
    drawn = sweep * length * (share(percent) if percent is not None else 0)
    colour = theme.STATE_COLOURS.get(state, theme.GREY)
    ticks = "".join(
        f'<line x1="116" x2="135" y1="70" y2="70" stroke="{theme.GREY}" stroke-width="2.4" '
        f'transform="rotate({135 + 270 * share(mark):.1f} 70 70)"/>'
        for mark in marks
    )
    shapes = (
        f'<circle {arc} stroke="{theme.GREY}" stroke-opacity=".25" '
        f'stroke-dasharray="{sweep * length:.1f} {length:.1f}"/>'
        f'<circle {arc} stroke="{colour}" stroke-dasharray="{drawn:.1f} {length:.1f}"/>{ticks}'
    )
    picture = drawing(shapes, 140, 126, f"{caption}: {value}")
    return f'<div class="ring">{picture}<div><b>{escape(value)}</b>{escape(caption)}</div></div>'


def facts(items: Iterable[tuple[str, str]]) -> str:
    """A list of names and values."""
    return '<dl class="facts">' + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in items) + "</dl>"


def pager(label: str, number: int, pages: int, link: Callable[[int], str]) -> str:
    """Links to the first, last and neighbouring pages of a list."""
    near = [page for page in range(1, pages + 1) if page in (1, pages) or abs(page - number) <= 2]
    parts = []
    for before, page in zip([0, *near], near, strict=False):
        if page > before + 1:
            parts.append("<span>…</span>")
        current = ' aria-current="page"' if page == number else ""
        parts.append(f'<a class="go" href="{escape(link(page))}"{current}>{page}</a>')
    return f'<nav class="pager" aria-label="{escape(label)}">{"".join(parts)}</nav>'


def table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]], fold: bool = True) -> str:
    """A plain table; `columns` are (title, is a number). On a phone each row folds into a block."""
    head = "".join(f'<th{" class=n" if numeric else ""} scope="col">{escape(title)}</th>' for title, numeric in columns)
    body = []
    for row in rows:
        cells = []
        for index, ((title, numeric), value) in enumerate(zip(columns, row, strict=True)):
            classes = " ".join(name for name, wanted in (("n", numeric), ("lead", index == 0)) if wanted)
            cells.append(f'<td class="{classes}" data-name="{escape(title)}">{escape(value)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="scroll" tabindex="0"><table class="grid{" fold" if fold else ""}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
