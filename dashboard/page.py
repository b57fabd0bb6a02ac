"""What every view is given: the twin, the language, and the few ways in which all views show things."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from dashboard import state
from dashboard.components import theme
from dashboard.reading.twin import Reading, Trouble, Twin
from dashboard.texts.language import Language, escape

T = TypeVar("T")
PASSING = ("busy", "slow", "unreachable", "delegate", "unavailable", "timeout")  # troubles that end by themselves
MOST_FOREIGN = 5  # of the values that are not the twin's: named on the page
RETRY = "_retry"  # of the session's state: something could not be read, the page is to be drawn again


@dataclass(frozen=True)
class Page:
    twin: Twin
    words: Language

    def html(self, body: str) -> None:
        """Shows HTML; every text in it that is not the program's own must have passed `escape`."""
        st.html(body)

    def title(self, text: str, hint: str = "") -> None:
        self.html(f'<p class="title">{escape(text)}</p>' + (f'<p class="hint">{escape(hint)}</p>' if hint else ""))

    def card(self, name: str) -> Any:
        """A bordered container; `name` is unique on the page."""
        return st.container(key=f"card_{name}")

    def notice(self, tone: str, text: str, icon: str = "", href: str = "", link: str = "") -> None:
        """A sentence that must be seen; `tone` is critical, warning, info or none."""
        self.html(self.noticed(tone, text, icon, href, link))

    def noticed(self, tone: str, text: str, icon: str = "", href: str = "", link: str = "") -> str:
        """The HTML of a notice."""
        symbol = theme.icon(icon or {"info": "unknown"}.get(tone, tone), 20)
        anchor = f'<a class="go" href="{escape(href)}">{escape(link)}</a>' if href else ""
        return f'<div class="banner {tone}" role="status">{symbol}<span>{escape(text)}</span>{anchor}</div>'

    def explain(self, trouble: Trouble) -> str:
        """A sentence a person can act on; a refusal by the twin itself is given in its own words."""
        key = f"trouble.{trouble.kind}"
        sentence = self.words(key if self.words.has(key) else "trouble.refused")
        if trouble.kind in ("invalidInput", "conflict", "notFound", "refused", "internal", "unreadable"):
            return f"{sentence} {trouble.detail}".strip()
        return sentence

    def show_trouble(self, trouble: Trouble) -> None:
        self.notice("critical", self.explain(trouble))

    def note_stale(self, *readings: Reading[Any]) -> bool:
        """Says so when what follows is older than it should be. True when it is."""
        stale = [reading for reading in readings if reading.stale]
        if stale:
            oldest = min(reading.read_at for reading in stale)
            age = self.words.quantity(time.time() - oldest, "s")
            self.notice("warning", f"{self.explain(stale[0].trouble)} {self.words('stale.shown', age=age)}")  # type: ignore[arg-type]
        return bool(stale)

    def note_foreign(self, *readings: Reading[Any]) -> bool:
        """Says which values somebody else has written, so that they cannot be shown. True when there are any."""
        noted = list(dict.fromkeys(one for reading in readings for one in reading.foreign))
        if noted:
            listed = "; ".join(self.words.foreign(one) for one in noted[:MOST_FOREIGN])
            more = self.words("foreign.more", count=len(noted) - MOST_FOREIGN) if len(noted) > MOST_FOREIGN else ""
            self.notice("warning", f"{self.words('foreign', count=len(noted))} {listed}{more}")
        return bool(noted)

    def attempt(self, action: Callable[[], T]) -> T | None:
        """The action's result; when it fails, says why on the page and gives None."""
        try:
            return action()
        except Trouble as trouble:
            self.show_trouble(trouble)
            return None

    def read(self, reading: Callable[[], T]) -> T | None:
        """As `attempt`, for what only reads: the page tries again by itself until it works."""
        try:
            return reading()
        except Trouble as trouble:
            self.show_trouble(trouble)
            st.session_state[RETRY] = trouble.kind in PASSING
            return None

    def choose_cell(self, key: str, label: str | None = None) -> str | None:
        """The selection box of one cell, tied to the address. None when there is no cell at all."""
        names = self.read(self.twin.cells)
        if names is None:
            return None
        asked = state.get("cell")
        if asked and asked not in names:  # it may be newer than what is known
            self.twin.forget(asked)
            names = self.twin.cells()
            if asked not in names:
                self.notice("warning", self.words("cell.unknown", cell=asked))
        if not names:
            self.notice("info", self.words("fleet.empty"), href=state.link("record"), link=self.words("view.record"))
            return None
        state.bound("cell", key, names, names[0])
        st.selectbox(label or self.words("cell"), names, key=key, on_change=state.keep("cell", key),
                     format_func=self.name)  # fmt: skip
        return st.session_state[key]

    def name(self, cell: str) -> str:
        """What people call a cell."""
        try:
            return self.twin.names().get(cell, cell)
        except Trouble:
            return cell

    def choose_cycle(self, label: str, numbers: list[int], key: str, parameter: str, hint: str) -> None:
        """A slider over the cycles there are; between them there may be gaps."""
        kept = state.keep(parameter, key)
        if numbers[-1] - numbers[0] + 1 == len(numbers):
            st.slider(label, numbers[0], numbers[-1], key=key, on_change=kept, help=hint)
        else:
            st.select_slider(label, numbers, key=key, on_change=kept, help=hint, format_func=self.words.number)
