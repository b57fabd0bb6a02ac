"""The payload of a message becomes values in the twin's units. Garbage becomes None, with the reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aasx.submodels.asset_interfaces import NEEDED, Feed, Source
from operations.intake.values import UNITS, unit_named

LONGEST_PAYLOAD_BYTES = 262_144
UNIX_s = (1e8, 4.2e9)
TEXT_MARKS = ("unavailable", "unknown", "none", "null", "")
"""What Home Assistant and others send for a sensor that has no value now."""


@dataclass(frozen=True)
class Moment:
    """A time of a payload: seconds from 1970 of its clock, and whether that is UTC or a bench's clock (no zone)."""

    seconds_s: float
    is_utc: bool


@dataclass(frozen=True)
class Values:
    """What one message says: numbers by quantity, the time if it has one, and what was not readable."""

    numbers: Mapping[str, float]
    moment: Moment | None = None
    problems: tuple[str, ...] = ()


def read(feed: Feed, topic: str, payload: bytes) -> Values:
    """Values of all quantities that stand in messages of this topic.

    The time is looked for in every message that says a voltage or a current; one without it says nothing.
    """
    content, problem = _decoded(payload)
    if problem:
        return Values({}, None, (problem,))
    numbers: dict[str, float] = {}
    problems: list[str] = []
    for name, source in feed.sources.items():
        if source.topic == topic and name != "Time":
            try:
                if (number := _number(at_pointer(content, source.pointer), source, name)) is not None:
                    numbers[name] = number
            except ValueError as error:
                problems.append(f"{name}: {error}")
    moment: Moment | None = None
    if (time := feed.sources.get("Time")) and any(name in numbers for name in NEEDED):
        try:
            moment = _moment(at_pointer(content, time.pointer), time)
        except ValueError as error:
            return Values({}, None, (*problems, f"Time: {error}"))
    return Values(numbers, moment, tuple(problems))


def _decoded(payload: bytes) -> tuple[Any, str | None]:
    if len(payload) > LONGEST_PAYLOAD_BYTES:
        return None, f"a payload of {len(payload)} bytes; at most {LONGEST_PAYLOAD_BYTES} are read"
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None, "a payload that is no text"
    try:
        return json.loads(text), None
    except (ValueError, RecursionError):
        if text[:1] in ("{", "["):
            return None, "a payload that is no JSON"
        return text, None  # one topic a quantity: the bare value, as 3.97 or on


def at_pointer(content: Any, pointer: str) -> Any:
    """RFC 6901. Raises ValueError where nothing stands there."""
    for token in pointer.split("/")[1:] if pointer else []:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(content, dict) and key in content:
            content = content[key]
        elif isinstance(content, list) and key.isdecimal() and len(key) < 7 and int(key) < len(content):
            content = content[int(key)]
        else:
            raise ValueError(f"the payload has nothing at {pointer[:80]}")
    return content


def _number(value: Any, source: Source, name: str) -> float | None:
    """In the twin's unit; None for a sensor that says it has no value now."""
    if value is None or (isinstance(value, str) and value.strip().lower() in TEXT_MARKS):
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{_shown(value)} is no number")
    unit = UNITS.get(unit_named(source.unit) or "") if source.unit and name != "id_cycle" else None
    if unit is None:
        return number
    return number * unit.factor + unit.offset if unit.factor >= 1 else number / (1 / unit.factor) + unit.offset


def _moment(value: Any, source: Source) -> Moment:
    if isinstance(value, str) and not _is_number(value):
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{_shown(value)} is no date and time") from None
        if not 1970 <= at.year < 2200:
            raise ValueError(f"{_shown(value)} is no time of a measurement")
        if at.tzinfo is None:
            return Moment((at - datetime(1970, 1, 1)).total_seconds(), False)
        return Moment(at.timestamp(), True)
    try:
        seconds_s = float(value) / (1000 if source.unit == "ms" else 1)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{_shown(value)} is no date and time") from None
    if isinstance(value, bool) or not UNIX_s[0] <= seconds_s <= UNIX_s[1]:
        hint = "; are these milliseconds?" if UNIX_s[0] <= seconds_s / 1000 <= UNIX_s[1] else ""
        raise ValueError(f"{_shown(value)} is no time in seconds since 1970{hint}")
    return Moment(seconds_s, True)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def utc_text(seconds_s: float) -> str:
    return datetime.fromtimestamp(seconds_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
