"""The operator's screen of the battery twin: `streamlit run dashboard/serve.py`.

Draws the frame (navigation, language, state of the connection, the banner of critical alerts) and one view into it.
The address of the AAS environment comes from TWIN_BASYX_URL.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st

from aasx.identifiers import DEMO_PREFIX
from aasx.vocabulary import IN_SERVICE
from dashboard import state
from dashboard.components import theme
from dashboard.components.links import follow_links
from dashboard.page import RETRY, Page
from dashboard.reading.content import SEVERITIES, FleetRow
from dashboard.reading.twin import Trouble, Twin
from dashboard.texts.language import LANGUAGES, Language, escape

DEFAULT_BASYX_URL = "http://127.0.0.1:8081"
STATUS_EVERY_S = 5
ALERTS_EVERY_S = 10  # as the fleet's own table: what runs by itself should seldom meet what a person is doing
DEMO_TOLD_FOR = timedelta(days=1)
DEMO_COMES_WITHIN_S = 120.0
GROUPS = (("fleet", "cell", "live"), ("simulation", "compare", "alerts"), ("model", "aas", "how", "record"))


@st.cache_resource(show_spinner=False)
def connect(base_url: str) -> Twin:
    """One connection and one cache for all sessions."""
    return Twin(base_url)


@st.cache_resource(show_spinner=False)
def first_looked_at() -> float:
    """When somebody first opened a page (time.monotonic(), in s)."""
    return time.monotonic()


@st.fragment(run_every=ALERTS_EVERY_S)
def navigation(page: Page) -> None:
    """Links to the views, with the number of alerts that wait, and to the other language."""
    words, waiting, groups = page.words, sum(row.unacknowledged for row in known_rows(page)), []
    for group in GROUPS:
        items = []
        for name in group:
            current = ' aria-current="page"' if name == state.view() else ""
            count = f'<span class="count">{waiting}</span>' if name == "alerts" and waiting else ""
            items.append(
                f'<a class="go" href="{escape(state.link(name))}"{current}>{theme.icon(name)}'
                f"<span>{escape(words(f'view.{name}'))}</span>{count}</a>"
            )
        groups.append("".join(items))
    here = {name: value for name, value in state.parameters().items() if name != "lang"}
    view = here.pop("view", "fleet")
    languages = "".join(
        f'<a class="go stay" href="{escape(state.link(view, **here, lang=code))}" lang="{code}" '
        f'title="{name}"{" aria-current=true" if code == words.code else ""}>{code.upper()}</a>'
        for code, (name, _, _) in LANGUAGES.items()
    )
    st.html(
        f'<div class="brand">{theme.icon("cell", 30)}<span><b>{escape(words("brand"))}</b>'
        f"<small>{escape(words('brand.sub'))}</small></span></div>"
        f'<nav class="views" aria-label="{escape(words("views"))}">{"<hr>".join(groups)}</nav>'
        f'<div class="languages" role="group" aria-label="{escape(words("language"))}">{languages}</div>'
        f'<div class="sidenote">{escape(words("brand.note"))}</div>'
    )


def head(page: Page) -> None:
    """Title of the view on the left; on the right the state of the connection, which looks after itself."""
    words, view = page.words, state.view()
    title, status = st.columns([6, 5], vertical_alignment="center")
    with title:
        name, about = escape(words(f"view.{view}")), escape(words(f"view.{view}.sub"))
        st.html(f'<div class="head"><h1>{name}</h1><p>{about}</p></div>')
    with status, st.container(key="status", horizontal=True, vertical_alignment="center", wrap=False):
        connection(page)
        if st.button(words("refresh"), key="refresh", icon=":material/refresh:"):
            page.twin.refresh()
            st.rerun()


@st.fragment(run_every=STATUS_EVERY_S)
def connection(page: Page) -> None:
    words, twin = page.words, page.twin
    up = twin.ping()
    drawn_as = st.session_state.get("_drawn_up")
    st.session_state["_drawn_up"] = up
    if (drawn_as is not None and drawn_as != up) or st.session_state.pop(RETRY, False):
        st.rerun()
    if up:
        age = max(0.0, time.time() - twin.fleet().read_at)
        text = words("status.up", age=words.quantity(age, "s"))
    else:
        trouble = twin.trouble or Trouble("unreachable")
        text = words("status.slow" if trouble.kind == "slow" else "status.down")
    st.html(f'<div class="status{"" if up else " bad"}" role="status"><span class="dot"></span>{escape(text)}</div>')


def demo_note(page: Page, rows: list[FleetRow]) -> str:
    """Where the fleet is looked at: that a demo's cells are about to come, that some cells are a demo's, or for a day
    that it has stopped."""
    if state.view() != "fleet":
        return ""
    demo = [row for row in rows if row.cell.startswith(DEMO_PREFIX)]
    living = [row for row in rows if row.service == IN_SERVICE and row.known]
    last = max((row.last_update for row in demo if row.last_update), default=None)
    begun_s = time.monotonic() - first_looked_at()
    if any(row in living for row in demo):
        said = "demo.running"
    elif os.environ.get("TWIN_DEMO") == "on" and not living and last is None and begun_s < DEMO_COMES_WITHIN_S:
        said = "demo.starting"
    elif last is not None and datetime.now(UTC) - last < DEMO_TOLD_FOR:
        said = "demo.stopped"
    else:
        return ""
    return page.noticed("info", page.words(said))


def known_rows(page: Page) -> list[FleetRow]:
    try:
        return page.twin.fleet().value
    except Trouble:
        return []


@st.fragment(run_every=ALERTS_EVERY_S)
def banner(page: Page) -> None:
    """The red line on every page while a critical alert waits that the list of alerts has not shown in this session.

    It is always one element: of several, the browser may keep one for a while that is not drawn any more.
    """
    rows = known_rows(page)
    lines = [demo_note(page, rows)]
    waiting = [row for row in rows if row.unacknowledged]
    seen = st.session_state.get("_alerts_seen")
    grave = [
        row
        for row in waiting
        if row.severity in ("critical", "endOfLife") and (seen is None or (row.newest_alert or seen) > seen)
    ]
    if grave and state.view() != "alerts":
        grave.sort(key=lambda row: (SEVERITIES.index(row.severity), row.cell))
        names = ", ".join(row.name for row in grave[:6]) + (" …" if len(grave) > 6 else "")
        said = page.words("banner.one" if len(grave) == 1 else "banner.many", count=len(grave), cells=names)
        lines.append(page.noticed("critical", said, href=state.link("alerts"), link=page.words("banner.link")))
    page.html(f'<div class="banners">{"".join(lines)}</div>')


def main() -> None:
    words = Language(state.language_code())
    st.set_page_config(
        page_title=f"{words(f'view.{state.view()}')} · {words('brand')}", page_icon="🔋", layout="wide",
        initial_sidebar_state="auto",
    )  # fmt: skip
    st.html(f"<style>{theme.stylesheet()}{theme.upload_texts(words)}</style>")
    follow_links(words.code)
    page = Page(connect(os.environ.get("TWIN_BASYX_URL", DEFAULT_BASYX_URL)), words)
    head(page)
    banner(page)
    with st.sidebar:
        navigation(page)
    view = importlib.import_module(f"dashboard.views.{state.view()}")  # only what is looked at is imported
    try:
        view.show(page)
    except Trouble as trouble:
        page.show_trouble(trouble)


main()
