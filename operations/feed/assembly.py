"""Messages become samples, whether one message holds all quantities or each has a topic of its own.

Values of topics of their own that come within `WINDOW_s`, or bear the same time, are one sample; a quantity that did
not come anew holds its last value for `HOLD_s`. A function of what came, so that whoever starts anew comes to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aasx.submodels.asset_interfaces import NEEDED, Feed
from operations.feed.payload import Moment, read

WINDOW_s = 1.0
HOLD_s = 300.0
EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Message:
    """One message as it came; `id` is its place in the spool, `received_s` by this machine's clock (1970, UTC)."""

    id: int
    topic: str
    payload: bytes
    received_s: float
    retained: bool = False


@dataclass(frozen=True)
class Sample:
    moment: Moment
    numbers: Mapping[str, float]
    ids: tuple[int, ...]


Held = Mapping[str, tuple[float, float]]
"""Quantity -> its last value and when it came."""


@dataclass
class Assembled:
    samples: list[Sample] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    """Messages that are in no sample and need not be looked at again."""
    held: dict[str, tuple[float, float]] = field(default_factory=dict)
    unusable: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    open: bool = False
    """Whether the last messages wait for others that belong to them."""


@dataclass
class _Pending:
    received_s: float
    moment: Moment | None
    numbers: dict[str, float]
    ids: list[int]


def assemble(feed: Feed, held: Held, messages: Sequence[Message], now_s: float) -> Assembled:
    """Samples of `messages`, in their order. The last ones stay for the next time while others may belong to them."""
    found = Assembled(held=dict(held))
    pending: _Pending | None = None
    for message in messages:
        values = read(feed, message.topic, message.payload)
        found.problems.update(values.problems)
        numbers, moment = dict(values.numbers), values.moment
        if message.retained and moment is None and numbers:
            found.problems["a retained message without a time: nobody knows how old it is"] += 1
            numbers = {}
        if not numbers:
            found.unusable += 1 if values.problems or message.retained else 0
            found.done.append(message.id)
            continue
        if not NEEDED & numbers.keys():
            found.held |= {name: (value, message.received_s) for name, value in numbers.items()}
            found.done.append(message.id)
            continue
        if pending is not None and _is_next(pending, numbers, moment, message.received_s):
            _close(found, pending)
            pending = None
        if pending is None:
            pending = _Pending(message.received_s, moment, numbers, [message.id])
        else:
            pending.numbers |= numbers
            pending.ids.append(message.id)
        if pending.numbers.keys() >= NEEDED:
            _close(found, pending)
            pending = None
    if pending is not None:
        if 0 <= now_s - pending.received_s <= WINDOW_s:
            found.open = True
        else:
            _close(found, pending)
    return found


def _is_next(pending: _Pending, numbers: Mapping[str, float], moment: Moment | None, received_s: float) -> bool:
    if moment != pending.moment or NEEDED & numbers.keys() & pending.numbers.keys():
        return True
    return moment is None and not 0 <= received_s - pending.received_s <= WINDOW_s


def _close(found: Assembled, pending: _Pending) -> None:
    numbers = {
        name: value for name, (value, at_s) in found.held.items() if abs(pending.received_s - at_s) <= HOLD_s
    } | pending.numbers
    found.held |= {name: (value, pending.received_s) for name, value in pending.numbers.items()}
    if lacking := sorted(NEEDED - numbers.keys()):
        found.problems[f"{lacking[0]} has not come within {HOLD_s:g} s of the other"] += 1
        found.unusable += len(pending.ids)
        found.done += pending.ids
        return
    moment = pending.moment or Moment(pending.received_s, True)
    found.samples.append(Sample(moment, numbers, tuple(pending.ids)))


def table(samples: Sequence[Sample]) -> tuple[str, float | None]:
    """The samples as CSV of AppendSamples, and the latest ambient temperature. All must be of one kind of clock."""
    optional = [name for name in ("Temperature_measured", "id_cycle") if any(name in one.numbers for one in samples)]
    names = ["Voltage_measured", "Current_measured", *optional]
    lines = [",".join(["Time", *names])]
    for one in samples:
        fields = [_time(one.moment), *(_text(one.numbers.get(name), name) for name in names)]
        lines.append(",".join(fields))
    ambient = [one.numbers["ambient_temperature"] for one in samples if "ambient_temperature" in one.numbers]
    return "\n".join(lines) + "\n", ambient[-1] if ambient else None


def _time(moment: Moment) -> str:
    """Seconds since 1970, which are UTC; date and time without zone on a bench's clock."""
    if moment.is_utc:
        return f"{moment.seconds_s:.3f}"
    return (EPOCH + timedelta(seconds=round(moment.seconds_s, 3))).isoformat(timespec="milliseconds")


def _text(value: float | None, name: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if name == "id_cycle" else repr(value)
