"""What the page shows, kept in its address: a link opens the same view, cell, cycle, scenarios and language again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

VIEWS = ("fleet", "cell", "live", "simulation", "compare", "alerts", "model", "aas", "how", "record")
KEPT_ACROSS_VIEWS = ("lang", "cell")
CROSSED_S = 2.0  # a message of the browser that comes this long after a change may have been sent before it


def parameters() -> dict[str, str]:
    """What the address says.

    What runs by itself on a page is asked for with the address that the browser has at that moment. If such a message
    crosses a change, the address of before comes in after it: the change, which is younger, is put back.
    """
    here: dict[str, str] = st.query_params.to_dict()
    latest: dict[str, str] = st.session_state.get("_address", here)
    left = addresses_left()
    if not left or here == latest:
        return here
    if all(here != address for _, address in left):  # a person went on to another
        st.session_state["_left"] = []
        return here
    st.query_params.from_dict(latest)
    return latest


def addresses_left() -> list[tuple[float, dict[str, str]]]:
    """The addresses that the page gave up of late, with the time of each in seconds."""
    now = time.monotonic()
    return [(at, address) for at, address in st.session_state.get("_left", []) if now - at < CROSSED_S]


def change(address: dict[str, str]) -> None:
    """Gives the page this address."""
    before = parameters()
    if address != before:
        st.session_state["_left"] = [*addresses_left(), (time.monotonic(), before)]
        st.session_state["_address"] = address
        st.query_params.from_dict(address)


def get(name: str, default: str = "") -> str:
    return parameters().get(name, default)


def put(**changes: object) -> None:
    """Writes into the address; None or "" removes the parameter."""
    written = {name: str(value) for name, value in changes.items() if value not in (None, "")}
    change({name: value for name, value in parameters().items() if name not in changes or name in written} | written)


def view() -> str:
    asked = get("view", "fleet")
    return asked if asked in VIEWS else "fleet"


def language_code() -> str:
    """The address's language, otherwise the browser's first one."""
    asked = get("lang") or (st.context.locale or "en")
    return "fr" if asked.lower().startswith("fr") else "en"


def link(view_name: str, **more: object) -> str:
    """The address of a view with the language (and the cell, unless another is given) of the present one."""
    query: dict[str, object] = {"view": view_name}
    query |= {name: get(name) for name in KEPT_ACROSS_VIEWS if get(name)}
    query |= more
    return "?" + urlencode({name: value for name, value in query.items() if value not in (None, "")})


def follow(address: str) -> None:
    """Goes to an address made by `link` without loading the page again."""
    change(dict(parse_qsl(address.lstrip("?"))))


def bound(name: str, key: str, options: Sequence[Any] | None, default: Any, read: Callable[[str], Any] = str) -> None:
    """Ties the widget `key` to the address's parameter `name`: call it just before the widget is made.

    A changed address sets the widget (a value that is not among `options` gives `default`); the widget's
    `on_change` must be `keep(name, key)`.
    """
    asked = get(name)
    seen = st.session_state.get(f"_seen_{key}")
    known = key in st.session_state and (options is None or st.session_state[key] in options)
    if known and asked == seen:
        return
    try:
        value = read(asked) if asked else default
    except ValueError:
        value = default
    st.session_state[key] = value if options is None or value in options else default
    st.session_state[f"_seen_{key}"] = asked


def keep(name: str, key: str, write: Callable[[Any], Any] = str) -> Callable[[], None]:
    """The `on_change` that writes the widget `key` into the address's parameter `name`."""

    def changed() -> None:
        value = st.session_state.get(key)
        put(**{name: None if value is None else write(value)})
        st.session_state[f"_seen_{key}"] = get(name)

    return changed
