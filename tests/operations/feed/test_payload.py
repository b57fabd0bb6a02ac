"""Payloads as Victron, batmon and Home Assistant send them, and garbage."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime

import pytest

from aasx.submodels.asset_interfaces import Feed, Source
from operations.feed.assembly import HOLD_s, Message, WINDOW_s, assemble, table
from operations.feed.payload import Moment, at_pointer, read

V, A, T = "Voltage_measured", "Current_measured", "Temperature_measured"
OBJECT = Feed(
    "mqtt://lab",
    {V: Source("c/1", "/battery/U", "mV"), A: Source("c/1", "/battery/I"), T: Source("c/1", "/temps/0", "K"),
     "Time": Source("c/1", "/ts")},
)  # fmt: skip
VICTRON = Feed(
    "mqtt://gx",
    {name: Source(f"N/c0619ab1/battery/512/Dc/0/{path}", "/value")
     for name, path in ((V, "Voltage"), (A, "Current"), (T, "Temperature"))},
)  # fmt: skip
BATMON = Feed(
    "mqtt://pi", {V: Source("daly/soc/total_voltage"), A: Source("daly/soc/current"), T: Source("daly/temperatures/1")}
)
HOME_ASSISTANT = Feed(
    "mqtt://ha",
    {V: Source("homeassistant/sensor/cell_voltage/state"),
     A: Source("homeassistant/sensor/cell_current/state", "", "mA")},
)  # fmt: skip
NOON_s = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()


def messages(*contents: tuple[str, str], start_s: float = NOON_s, step_s: float = 0.1) -> list[Message]:
    return [
        Message(number, topic, payload.encode("utf-8"), start_s + step_s * number)
        for number, (topic, payload) in enumerate(contents, 1)
    ]


def test_one_object_with_pointers_units_and_a_time():
    payload = json.dumps({"battery": {"U": 3970, "I": "-2.01"}, "temps": [298.15], "ts": "2026-01-05T13:00:00+01:00"})
    values = read(OBJECT, "c/1", payload.encode())
    assert values.numbers == {V: 3.97, A: -2.01, T: pytest.approx(25.0)}
    assert values.moment == Moment(NOON_s, True) and not values.problems


@pytest.mark.parametrize(
    ("time", "unit", "expected"),
    [
        (NOON_s, "", Moment(NOON_s, True)),
        (NOON_s * 1000, "ms", Moment(NOON_s, True)),
        (str(NOON_s), "s", Moment(NOON_s, True)),
        ("2026-01-05T12:00:00Z", "", Moment(NOON_s, True)),
        ("2026-01-05 12:00:00", "", Moment(NOON_s, False)),
    ],
)
def test_times_of_a_payload(time, unit, expected):
    feed = Feed("x", {V: Source("t", "/v"), A: Source("t", "/i"), "Time": Source("t", "/at", unit)})
    assert read(feed, "t", json.dumps({"v": 3.9, "i": -2, "at": time}).encode()).moment == expected


@pytest.mark.parametrize("time", [NOON_s * 1000, 12, True, None, "yesterday", "0001-01-01T00:00:00+14:00", [], 1e300])
def test_a_message_whose_time_cannot_be_read_says_nothing(time):
    feed = Feed("x", {V: Source("t", "/v"), A: Source("t", "/i"), "Time": Source("t", "/at")})
    values = read(feed, "t", json.dumps({"v": 3.9, "i": -2, "at": time}).encode())
    assert not values.numbers and values.problems[0].startswith("Time: ")


def test_pointers_are_those_of_rfc_6901():
    content = {"a/b": 1, "m~n": 2, "": 3, "list": [{"x": 4}]}
    assert [at_pointer(content, one) for one in ("/a~1b", "/m~0n", "/", "/list/0/x")] == [1, 2, 3, 4]
    for nothing in ("/c", "/list/1", "/list/-", "/list/x", "/a~1b/c"):
        with pytest.raises(ValueError, match="nothing at"):
            at_pointer(content, nothing)


GARBAGE = [
    b"", b"\xff\xfe\x00", b"{", b"[1,", b'{"battery": 3}', b"null", b"true", b'{"battery": {"U": true, "I": []}}',
    b'{"battery": {"U": "NaN", "I": 1e999}}', b"[" * 100_000, b"9" * 5_000, b'{"battery": {"U": {}}}', b"x" * 300_000,
    "ünavailable".encode("utf-16"),
]  # fmt: skip


@pytest.mark.parametrize("payload", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("feed", [OBJECT, BATMON])
def test_garbage_has_no_values_and_stops_nothing(payload, feed):
    topic = feed.sources[V].topic
    good = json.dumps({"battery": {"U": 3970, "I": -2}, "temps": [298.15], "ts": NOON_s}).encode()
    values = read(feed, topic, payload)
    assert all(math.isfinite(number) for number in values.numbers.values())
    if feed is OBJECT:
        found = assemble(
            feed, {}, [Message(1, topic, payload, NOON_s), Message(2, topic, good, NOON_s + 1)], NOON_s + 9
        )
        assert [one.numbers[V] for one in found.samples] == [3.97] and found.done == [1]


def test_random_bytes_stop_nothing():
    chance = random.Random(7)
    for _ in range(300):
        payload = bytes(chance.randrange(256) for _ in range(chance.randrange(40)))
        assemble(OBJECT, {}, [Message(1, "c/1", payload, NOON_s)], NOON_s)


def test_victron_sends_a_topic_a_quantity_and_null_for_a_sensor_without_value():
    topics = [VICTRON.sources[name].topic for name in (V, A, T)]
    found = assemble(
        VICTRON, {},
        messages((topics[2], '{"value": 24.5}'), (topics[0], '{"value": 13.21}'), (topics[1], '{"value": -2.1}'),
                 (topics[2], '{"value": null}'), (topics[0], '{"value": 13.2}'), (topics[1], '{"value": -2.0}')),
        NOON_s + 5,
    )  # fmt: skip
    assert [dict(one.numbers) for one in found.samples] == [{T: 24.5, V: 13.21, A: -2.1}, {T: 24.5, V: 13.2, A: -2.0}]
    assert found.unusable == 0 and not found.open


def test_what_is_published_on_change_alone_holds_its_last_value_for_a_while():
    voltage, current = (VICTRON.sources[name].topic for name in (V, A))
    first = assemble(VICTRON, {}, messages((current, '{"value": -2.0}'), (voltage, '{"value": 13.2}')), NOON_s + 9)
    alone = messages((voltage, '{"value": 13.1}'), start_s=NOON_s + 60)
    later = assemble(VICTRON, first.held, alone, NOON_s + 70)
    assert [dict(one.numbers) for one in later.samples] == [{V: 13.1, A: -2.0}]
    much_later = messages((voltage, '{"value": 13.1}'), start_s=NOON_s + HOLD_s + 60)
    lost = assemble(VICTRON, first.held, much_later, NOON_s + HOLD_s + 70)
    assert not lost.samples and lost.unusable == 1 and "Current_measured has not come" in str(lost.problems)


def test_a_value_waits_for_the_others_of_its_moment():
    voltage = messages((VICTRON.sources[V].topic, '{"value": 13.2}'))
    waiting = assemble(VICTRON, {A: (-2.0, NOON_s)}, voltage, NOON_s + 0.5)
    assert waiting.open and not waiting.samples and not waiting.done
    over = assemble(VICTRON, {A: (-2.0, NOON_s)}, voltage, NOON_s + 1 + WINDOW_s)
    assert len(over.samples) == 1 and not over.open
    set_back = assemble(VICTRON, {A: (-2.0, NOON_s)}, voltage, NOON_s - 3600)
    assert len(set_back.samples) == 1  # the machine's clock went back: nothing waits for an hour


def test_batmon_and_home_assistant_send_bare_values():
    found = assemble(
        BATMON, {}, messages(("daly/soc/total_voltage", "13.25"), ("daly/soc/current", "-1.5")), NOON_s + 5
    )
    assert [dict(one.numbers) for one in found.samples] == [{V: 13.25, A: -1.5}]
    states = [
        ("cell_current", "-1500"),
        ("cell_voltage", "3.7"),
        ("cell_voltage", "unavailable"),
        ("cell_voltage", "3.6"),
    ]
    sent = messages(*((f"homeassistant/sensor/{name}/state", text) for name, text in states))
    found = assemble(HOME_ASSISTANT, {}, sent, NOON_s + 5)
    assert [dict(one.numbers) for one in found.samples] == [{V: 3.7, A: -1.5}, {V: 3.6, A: -1.5}]
    assert found.unusable == 0 and found.done == [3]


def test_values_of_topics_of_their_own_with_a_time_belong_together_by_it():
    feed = Feed("x", {V: Source("v", "/x"), A: Source("a", "/x"), "Time": Source("v", "/t")})
    sent = messages(
        ("v", json.dumps({"x": 3.9, "t": NOON_s})),
        ("a", json.dumps({"x": -2, "t": NOON_s})),
        ("v", json.dumps({"x": 3.8, "t": NOON_s + 10})),
        ("a", json.dumps({"x": -2, "t": NOON_s + 10})),
        step_s=0.0,
    )
    found = assemble(feed, {}, sent, NOON_s + 60)
    assert [one.moment.seconds_s - NOON_s for one in found.samples] == [0, 10]


def test_a_retained_message_counts_only_with_a_time():
    topic = BATMON.sources[V].topic
    found = assemble(BATMON, {A: (-1.0, NOON_s)}, [Message(1, topic, b"13.2", NOON_s, True)], NOON_s + 5)
    assert not found.samples and found.unusable == 1 and "retained" in str(found.problems)
    payload = json.dumps({"battery": {"U": 3970, "I": -2}, "temps": [298.15], "ts": NOON_s}).encode()
    assert len(assemble(OBJECT, {}, [Message(1, "c/1", payload, NOON_s + 999, True)], NOON_s + 999).samples) == 1


def test_the_table_is_what_append_samples_takes():
    payloads = [{"battery": {"U": 3970, "I": -2}, "temps": [298.15], "ts": NOON_s + n / 10} for n in range(2)]
    found = assemble(OBJECT, {}, messages(*(("c/1", json.dumps(one)) for one in payloads)), NOON_s + 9)
    csv, ambient = table(found.samples)
    assert csv.splitlines()[0] == "Time,Voltage_measured,Current_measured,Temperature_measured" and ambient is None
    assert csv.splitlines()[2].startswith(f"{NOON_s + 0.1:.3f},3.97,-2.0,2")
    bench = Feed("x", {V: Source("t", "/v"), A: Source("t", "/i"), "Time": Source("t", "/at"),
                       "ambient_temperature": Source("t", "/a"), "id_cycle": Source("t", "/n")})  # fmt: skip
    payload = json.dumps({"v": 3.9, "i": -2, "at": "2008-04-02T13:08:17.921", "a": 24, "n": 3})
    csv, ambient = table(assemble(bench, {}, messages(("t", payload)), NOON_s).samples)
    assert csv.splitlines()[1] == "2008-04-02T13:08:17.921,3.9,-2.0,3" and ambient == 24.0
