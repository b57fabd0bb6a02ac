"""Where a cell's live values come from (MQTT), and how that goes. In `record`.

The description stands in the AAS; the feeder reads it there and tells there what it receives. Which brokers it may dial
is its own setting: a broker that is named here alone is shown as not allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from aasx.submodels.asset_interfaces import DEFAULT_STALE_AFTER_S, NEEDED, QUANTITIES, UNITS, Feed, Source
from aasx.submodels.operational_data import BENCH, UTC_CLOCK
from dashboard.components import pieces
from dashboard.page import Page
from dashboard.reading.twin import Trouble
from dashboard.texts.language import MISSING, Language, escape, parse_number

FOLLOW_EVERY_S = 3
SILENT_AFTER_S = 90.0
"""The feeder writes its state every half minute at the latest."""
REPORTED_LATE_S = 8.0
"""A message that has just come may not have been reported yet."""
RECOGNISE = "recognise"
SIGNS = (RECOGNISE, "charge", "discharge")
NO_UNIT = "—"
OTHER_CLOCK = {BENCH: "must be without zone", UTC_CLOCK: "must have a zone"}
"""A cell's clock, and what stands in the refusal of times that go by the other one."""
V, A, T, TIME = "Voltage_measured", "Current_measured", "Temperature_measured", "Time"
EXAMPLES: Mapping[str, Mapping[str, Source]] = {
    "object": {V: Source("cells/{cell}", "/voltage"), A: Source("cells/{cell}", "/current"),
               T: Source("cells/{cell}", "/temperature"), TIME: Source("cells/{cell}", "/time")},
    "Victron": {name: Source(f"N/<id>/battery/<n>/Dc/0/{path}", "/value")
                for name, path in ((V, "Voltage"), (A, "Current"), (T, "Temperature"))},
    "batmon": {V: Source("<bms>/soc/total_voltage"), A: Source("<bms>/soc/current"), T: Source("<bms>/temperatures/1")},
    "Home Assistant": {name: Source(f"homeassistant/sensor/<sensor>_{path}/state")
                       for name, path in ((V, "voltage"), (A, "current"), (T, "temperature"))},
}  # fmt: skip


def feed_form(page: Page) -> None:
    words = page.words
    cell = page.choose_cell("record_cell", words("feed.of"))
    if cell is None:
        return
    stored = page.read(lambda: page.twin.feed(cell))
    if stored is None:
        return
    said = st.session_state.pop("_feed_saved", None)
    with page.card("feed_state"):
        page.title(words("feed.state"), words("feed.state.hint"))
        if said:
            page.notice("none", said)
        page.note_stale(stored)
        page.note_foreign(stored)
        follow(page, cell)
    with page.card("feed"):
        page.title(words("feed.title"), words("feed.hint"))
        edit(page, cell, stored.value[0] if stored.value else None)


@st.fragment(run_every=FOLLOW_EVERY_S)
def follow(page: Page, cell: str) -> None:
    """The state, as it changes."""
    try:
        found = page.twin.feed(cell).value
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    if found is None:
        page.html(f'<p class="hint">{escape(page.words("feed.none"))}</p>')
        return
    show_state(page, *found)


def standing(feed: Feed, state: Mapping[str, Any], now: datetime | None = None) -> tuple[str, str]:
    """How the feed stands, as the end of a text's name, and the tone in which it is said."""
    now = now or datetime.now(UTC)

    def age_s(name: str) -> float:
        at = state.get(name)
        return float("inf") if at is None else (now - at.replace(tzinfo=at.tzinfo or UTC)).total_seconds()

    status = state.get("FeedStatus")
    if state.get("ReportedAt") is None or status is None:
        return "unseen", "info"
    if age_s("ReportedAt") > SILENT_AFTER_S:
        return "silent", "warning"
    if status == "receiving":
        fresh = age_s("LastMessageAt") <= feed.stale_after_s + REPORTED_LATE_S
        return ("fresh", "none") if fresh else ("stale", "warning")
    tones = {"notAllowed": "critical", "error": "critical", "waiting": "info"}
    return status, tones.get(status, "warning")


def show_state(page: Page, feed: Feed, state: Mapping[str, Any]) -> None:
    words = page.words
    name, tone = standing(feed, state)
    page.notice(tone, words(f"feed.is.{name}", after=words.quantity(feed.stale_after_s, "s")))
    if name in ("notAllowed", "error", "brokerAway", "twinAway") and (said := str(state.get("FeedError") or "")):
        clock = next((clock for clock, sign in OTHER_CLOCK.items() if sign in said), None)
        if clock:
            page.notice("info", words(f"feed.clock.{clock}"))
        page.html(f'<p class="hint">{escape(said)}</p>')
    counts = ("MessagesReceived", "FeedSamplesTaken", "FeedSamplesNotTaken", "MessagesUnusable", "MessagesWaiting")
    tiles = [pieces.tile(words.concept("LastMessageAt"), words.age(state.get("LastMessageAt")),
                         words.moment(state.get("LastMessageAt"), seconds=True))]  # fmt: skip
    tiles += [pieces.tile(words.concept(one), words.number(state.get(one))) for one in counts]
    page.html(pieces.tiles(tiles, name in ("stale", "silent")))


# --- the description


def edit(page: Page, cell: str, feed: Feed | None) -> None:
    words = page.words
    examples = st.pills(words("feed.example"), list(EXAMPLES), key=f"feed_example_{cell}",
                        format_func=lambda name: words("feed.object") if name == "object" else name)  # fmt: skip
    shown = feed or Feed("mqtt://")
    if examples:
        sources = {
            name: Source(source.topic.replace("{cell}", cell), source.pointer, UNITS[name][0] if name != TIME else "")
            for name, source in EXAMPLES[examples].items()
        }
        shown = Feed(shown.base, sources, shown.qos, shown.positive_current, shown.stale_after_s, shown.title)
    key = f"{cell}_{examples}"
    with st.form(f"feed_{key}", border=False):
        first, second = st.columns(2)
        base = first.text_input(
            words("feed.base") + " *", shown.base, key=f"feed_base_{key}", help=words("feed.base.help")
        )
        title = second.text_input(words("feed.name"), shown.title, key=f"feed_title_{key}", max_chars=100)
        sources = rows(page, shown, key)
        qos_at, sign_at, stale_at = st.columns(3)
        qos = qos_at.selectbox(words("feed.qos"), (1, 0), (1, 0).index(shown.qos), key=f"feed_qos_{key}",
                               format_func=lambda value: words(f"feed.qos.{value}"))  # fmt: skip
        sign = sign_at.selectbox(
            words.concept("PositiveCurrent"), SIGNS, SIGNS.index(shown.positive_current or RECOGNISE),
            key=f"feed_sign_{key}", format_func=lambda name: words(f"feed.sign.{name}"),
        )  # fmt: skip
        stale = stale_at.text_input(
            words.concept("StaleAfter", unit=True), words.plain(shown.stale_after_s), key=f"feed_stale_{key}"
        )
        save = st.form_submit_button(words("feed.save"), type="primary", icon=":material/sensors:")
    if save:
        positive = None if sign == RECOGNISE else sign
        new = page.attempt(lambda: Feed(base.strip(), sources, qos, positive, stale_after(words, stale), title.strip()))
        if new is not None:
            keep(page, cell, new)
    if feed is not None:
        with st.popover(words("feed.remove"), icon=":material/delete:"):
            page.html(f'<p class="hint">{escape(words("feed.remove.hint"))}</p>')
            if st.button(words("feed.remove.sure"), key=f"feed_remove_{cell}"):
                store(page, cell, None, words("feed.removed", cell=page.name(cell)))


def rows(page: Page, shown: Feed, key: str) -> dict[str, Source]:
    """A row a quantity: topic, pointer, unit. Those without a topic are left out."""
    words = page.words
    sources: dict[str, Source] = {}
    for name in QUANTITIES:
        source, title = shown.sources.get(name, Source("")), quantity(page, name) + (" *" if name in NEEDED else "")
        topic_at, pointer_at, unit_at = st.columns([5, 3, 1.4])
        topic = topic_at.text_input(words("feed.topic", quantity=title), source.topic, key=f"feed_topic_{name}_{key}")
        pointer = pointer_at.text_input(words("feed.pointer"), source.pointer, key=f"feed_pointer_{name}_{key}",
                                        placeholder=words("feed.whole"), help=words("feed.pointer.help"))  # fmt: skip
        units = (NO_UNIT, *UNITS[name]) if name == TIME else UNITS[name]
        unit = unit_at.selectbox(words("feed.unit"), units, units.index(source.unit) if source.unit in units else 0,
                                 key=f"feed_unit_{name}_{key}",
                                 format_func=lambda one: NO_UNIT if one == "1" else one)  # fmt: skip
        if topic.strip():
            sources[name] = Source(topic.strip(), pointer.strip(), "" if unit == NO_UNIT else unit)
    return sources


def quantity(page: Page, name: str) -> str:
    """A record's Time is another one than the time in a cycle."""
    return page.words("feed.time") if name == TIME else page.words.concept(name)


def stale_after(words: Language, written: str) -> float:
    """Raises Trouble."""
    try:
        value = parse_number(written) if written.strip() else DEFAULT_STALE_AFTER_S
    except ValueError:
        value = 0.0
    if not 0 < value < 1e7:
        raise Trouble("invalidInput", words("not_a_number", field=words.concept("StaleAfter"), value=written))
    return value


def keep(page: Page, cell: str, feed: Feed) -> None:
    words, problems = page.words, feed.problems()
    for one in problems:
        quantity = (
            words("feed.time") if one.quantity == TIME else words.concept(one.quantity) if one.quantity else MISSING
        )
        page.notice(
            "critical", words(f"feed.problem.{one.code}", quantity=quantity, found=one.found, allowed=one.allowed)
        )
    if not problems:
        store(page, cell, feed, words("feed.saved", cell=page.name(cell)))


def store(page: Page, cell: str, feed: Feed | None, said: str) -> None:
    try:
        page.twin.put_feed(cell, feed)
    except Trouble as trouble:
        page.show_trouble(trouble)
        return
    st.session_state["_feed_saved"] = said
    st.rerun()
