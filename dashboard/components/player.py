"""The player of one cycle: the battery drawn and animated beside its curves (player.html, .css, .js)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.reading.content import Cycle
from dashboard.texts.language import Language

SPEEDS = (10, 60, 300, 1000)  # seconds of the cycle per second of the screen
USUAL_SPEED = 300
TEXTS = (
    "play", "pause", "speed", "scrub", "voltage", "current", "temperature", "voltage-short", "current-short", "minutes",
    "level", "health", "heat", "charge", "discharge", "rest", "cold", "mild", "warm", "hot",
)  # fmt: skip

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "twin_player",
    html=(_FOLDER / "player.html").read_text(encoding="utf-8"),
    css=(_FOLDER / "player.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "player.js").read_text(encoding="utf-8"),
)


def play(words: Language, cycle: Cycle, health: float | None, key: str, identity: str, autoplay: bool = False) -> None:
    """Shows a cycle; as long as `identity` stays the same a new run of the page does not disturb the playing."""
    data: dict[str, Any] = {
        "id": identity,
        "locale": "fr-FR" if words.code == "fr" else "en-GB",
        "autoplay": autoplay,
        "start": cycle.time[-1] * 0.35 if cycle.time else 0,
        "speeds": SPEEDS,
        "speed": USUAL_SPEED,
        "time": cycle.time,
        "voltage": cycle.voltage,
        "current": cycle.current,
        "temperature": cycle.temperature,
        "level": cycle.level,
        "health": health,
        "marks": [{"time": time, "text": words(f"player.{kind}")} for time, kind in cycle.parts],
        "texts": {name: words(f"player.{name}") for name in TEXTS},
    }
    _component(key=key, data=data)
