"""Colours, icons and the look of plots: one palette for everything, readable with any colour vision.

Palette: M. Okabe and K. Ito (2008), "Color Universal Design". No state is told by colour alone: each has an icon and
a word. Light and dark are the browser's `color-scheme`, which style.css follows with `light-dark()`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dashboard.texts.language import Language, escape

# Blue is a little lighter than theirs (#0072B2), so that lines stand out from the dark ground as well.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#1F86C8", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
GREY = "#8593A3"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, "#7A6A00", GREY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross", "star", "triangle-down")

TILE_COLUMNS, TILE_GAP_PX = range(2, 9), 11

STATE_COLOURS = {"none": GREEN, "warning": ORANGE, "critical": VERMILLION, "endOfLife": PURPLE, "unknown": GREY}

# 20×20 outlines; the shapes differ so that the state is seen without colour.
ICON_PATHS = {
    "none": '<circle cx="10" cy="10" r="7.2"/><path d="M6.6 10.3l2.3 2.3 4.5-4.8"/>',
    "warning": '<path d="M10 3.2l7.3 12.9H2.7z"/><path d="M10 8.2v3.8M10 13.9v.3"/>',
    "critical": '<path d="M6.7 2.8h6.6l3.9 3.9v6.6l-3.9 3.9H6.7l-3.9-3.9V6.7z"/><path d="M10 6.2v4.6M10 13.3v.4"/>',
    "endOfLife": '<rect x="3" y="3" width="14" height="14" rx="2"/><path d="M7 7l6 6M13 7l-6 6"/>',
    "unknown": '<circle cx="10" cy="10" r="7.2" stroke-dasharray="3 2.4"/><path d="M7 10h6"/>',
    "fleet": '<rect x="3" y="3" width="5.6" height="5.6" rx="1.2"/>'
    '<rect x="11.4" y="3" width="5.6" height="5.6" rx="1.2"/>'
    '<rect x="3" y="11.4" width="5.6" height="5.6" rx="1.2"/>'
    '<rect x="11.4" y="11.4" width="5.6" height="5.6" rx="1.2"/>',
    "cell": '<rect x="5.5" y="4.5" width="9" height="13" rx="2"/><path d="M8.2 2.5h3.6M8.3 13.8h3.4M8.3 10.6h3.4"/>',
    "live": '<path d="M2.5 10h3l2.2-5.6 4 11.2 2.3-5.6h3.5"/>',
    "simulation": '<path d="M3 6h8M15 6h2M3 14h2M9 14h8"/><circle cx="13" cy="6" r="1.9"/>'
    '<circle cx="7" cy="14" r="1.9"/>',
    "compare": '<path d="M3 16.5V3.5M3 16.5h14"/><path d="M5.5 6.2c3.5.6 6 2.6 10.5 6.6M5.5 9.4c3 1.2 6 3.2 9.6 4.8"/>',
    "alerts": '<path d="M10 3a4.6 4.6 0 0 0-4.6 4.6c0 4-1.6 5.3-1.6 5.3h12.4s-1.6-1.3-1.6-5.3A4.6 4.6 0 0 0 10 3z"/>'
    '<path d="M8.4 15.6a1.7 1.7 0 0 0 3.2 0"/>',
    "model": '<circle cx="4.5" cy="5.5" r="1.7"/><circle cx="4.5" cy="14.5" r="1.7"/>'
    '<circle cx="10.2" cy="10" r="1.7"/>'
    '<circle cx="16" cy="10" r="1.7"/><path d="M5.9 6.5l2.9 2.5M5.9 13.5l2.9-2.5M11.9 10h2.4"/>',
    "aas": '<path d="M10 2.8l6.6 3.3L10 9.4 3.4 6.1z"/><path d="M3.4 10l6.6 3.3 6.6-3.3M3.4 13.8l6.6 3.3 6.6-3.3"/>',
    "how": '<path d="M10 5.2C8.2 3.9 5.6 3.6 3 4v11.4c2.6-.4 5.2-.1 7 1.2 1.8-1.3 4.4-1.6 7-1.2V4"/>'
    '<path d="M17 4c-2.6-.4-5.2-.1-7 1.2"/>'
    '<path d="M10 5.2v11.4"/>',
    "record": '<circle cx="10" cy="10" r="7.2"/><path d="M10 6.6v6.8M6.6 10h6.8"/>',
}  # fmt: skip


def picture(svg: str) -> str:
    """An SVG as the address of an image: Streamlit lets no inline SVG through, which also keeps foreign markup out."""
    return "data:image/svg+xml," + quote(svg)


def icon(name: str, size: int = 18, title: str = "") -> str:
    """A symbol in the colour of the text around it; without `title` it is hidden from screen readers."""
    label = f'role="img" aria-label="{escape(title)}"' if title else 'aria-hidden="true"'
    return f'<i class="icon i-{name}" style="width:{size}px;height:{size}px" {label}></i>'


def state_badge(state: str, words: str) -> str:
    """Icon and word of a state ("none", "warning", "critical", "endOfLife", "unknown")."""
    return f'<span class="badge {state}">{icon(state, 15)}<span>{escape(words)}</span></span>'


def tile_columns() -> str:
    """Style rules that take as many columns of tiles as fit; pieces.tiles says how many it wants of so many."""
    rules = []
    for tiles, tile_px in ((".tiles", 140), (".tiles.narrow", 110)):
        for most in TILE_COLUMNS:
            width_px = most * tile_px + (most - 1) * TILE_GAP_PX
            columns = f"grid-template-columns: repeat(var(--of{most}), minmax(0, 1fr));"
            rules.append(f"@container (min-width: {width_px}px) {{ {tiles} {{ {columns} }} }}")
    return "\n".join(rules)


@cache
def stylesheet() -> str:
    """style.css, the columns of tiles and one mask per symbol."""
    masks = [tile_columns()]
    for name, path in ICON_PATHS.items():
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" fill="none" stroke="black" stroke-width="1.6" '
            f'stroke-linecap="round" stroke-linejoin="round">{path}</svg>'
        )
        masks.append(f'.i-{name} {{ mask-image: url("data:image/svg+xml,{quote(svg)}"); }}')
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8") + "\n".join(masks)


def upload_texts(words: Language) -> str:
    """Style rules that put the language's words on Streamlit's upload field, which knows English only."""
    button = '[data-testid="stFileUploaderDropzone"] button [data-testid="stMarkdownContainer"] p'
    return f"""
        {button} {{ font-size: 0; }}
        {button}::after {{ content: "{words("upload")}"; font-size: .95rem; }}
        [data-testid="stFileUploaderDropzoneInstructions"] {{ display: none; }}
    """


PLOT_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}


PLOT_BUTTONS = {
    "Download plot as a PNG": "plot.png",
    "Zoom": "plot.zoom",
    "Pan": "plot.pan",
    "Zoom in": "plot.zoom_in",
    "Zoom out": "plot.zoom_out",
    "Reset axes": "plot.reset",
}  # what Plotly calls its buttons


def plot_config(words: Language) -> dict[str, Any]:
    """Plotly's own buttons, in the language of the page; they stay away until the pointer is over the plot."""
    buttons = {english: words(key) for english, key in PLOT_BUTTONS.items()}
    return PLOT_CONFIG | {"locale": words.code, "locales": {words.code: {"dictionary": buttons, "format": {}}}}


def lay_out(figure: Any, words: Language, x: str, y: str, height: int = 380, legend: bool = True) -> Any:
    """The common layout of a plot: axis titles with their units, legend above, decimal sign of the language."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 34 if legend else 12, "b": 8},
        separators=words.plot_separators,
        hovermode="x unified",
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "title": None,
                "font": {"size": 12}},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": BLUE},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 12.5},
    )  # fmt: skip
    axis = {"showline": False, "zeroline": False, "gridcolor": "rgba(133,147,163,.22)", "automargin": True}
    figure.update_xaxes(title={"text": x, "standoff": 8, "font": {"size": 12.5}}, **axis)
    figure.update_yaxes(title={"text": y, "standoff": 16, "font": {"size": 12.5}}, **axis)
    return figure
