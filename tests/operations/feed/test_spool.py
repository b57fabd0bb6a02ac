"""What waits on disk: it outlives its feeder, is bounded, and knows what a broker sends again."""

from __future__ import annotations

import pytest

from operations.feed.spool import Acknowledgement, Spool


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path, 10_000)
    yield made
    made.close()


def put(spool: Spool, payload: bytes, mid: int | None = None, cells: tuple[str, ...] = ("B1",)) -> int:
    return spool.add(cells, "lab", "t", payload, 1.0, False, 0 if mid is None else 1, mid)


def test_what_waits_is_there_after_a_restart_with_what_is_held_and_the_name_at_the_broker(tmp_path):
    first = Spool(tmp_path, 1000)
    put(first, b"a", 1)
    put(first, b"b")
    first.done("B1", [], {"Current_measured": (-2.0, 5.0)})
    first.put_interfaces({"B1": {"idShort": "InterfaceMQTT"}})
    name = first.client_id  # not closed: as after a kill
    again = Spool(tmp_path, 1000)
    assert [one.payload for one in again.messages("B1", 10)] == [b"a", b"b"] and again.bytes == 1
    assert again.held("B1") == {"Current_measured": (-2.0, 5.0)} and again.client_id == name
    assert again.interfaces() == {"B1": {"idShort": "InterfaceMQTT"}} and again.waiting() == {"B1": (2, 1.0)}


def test_the_oldest_of_qos_0_go_when_it_is_full_and_those_of_qos_1_never(spool):
    put(spool, b"kept", 7)
    dropped = sum(put(spool, bytes([number]) * 1000) for number in range(30))
    left = [one.payload for one in spool.messages("B1", 100)]
    assert left[0] == b"kept" and left[-1] == bytes([29]) * 1000
    assert dropped == 30 - (len(left) - 1) and spool.bytes == 1000 * (len(left) - 1) <= 10_000


def test_a_message_of_qos_1_may_be_acknowledged_when_every_cell_has_taken_it(spool):
    put(spool, b"x", 3, ("B1", "B2"))
    one, two = (spool.messages(cell, 9)[0].id for cell in ("B1", "B2"))
    assert spool.done("B1", [one]) == []
    assert spool.known("lab", "t", b"x", 3) == "waiting"
    assert spool.done("B2", [two]) == [Acknowledgement("lab", 3)]
    assert spool.done("B2", [two]) == [] and spool.waiting() == {}
    assert spool.known("lab", "t", b"x", 3) == "done" and spool.known("lab", "t", b"y", 3) is None


def test_numbers_of_a_session_that_the_broker_has_forgotten_mean_nothing(spool):
    put(spool, b"x", 3)
    spool.new_session("lab")
    assert spool.known("lab", "t", b"x", 3) is None
    assert spool.done("B1", [spool.messages("B1", 1)[0].id]) == [] and spool.waiting() == {}


def test_what_is_done_is_forgotten_in_time(spool, monkeypatch):
    monkeypatch.setattr("operations.feed.spool.KEPT_DONE", 10)
    for number in range(1, 50):
        put(spool, b"x", number)
        spool.done("B1", [one.id for one in spool.messages("B1", 9)])
    assert spool._one("SELECT count(*) FROM message") <= 12


def test_what_waits_for_a_cell_that_is_fed_no_more_goes(spool):
    put(spool, b"x", 3)
    put(spool, b"y")
    assert spool.drop("B1") == (2, [Acknowledgement("lab", 3)]) and spool.bytes == 0
