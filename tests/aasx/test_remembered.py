"""What is kept for reuse never outgrows its bytes."""

from __future__ import annotations

from aasx.remembered import Remembered


def test_what_was_not_used_for_longest_goes_first():
    kept: Remembered[bytes] = Remembered(10, len)
    for key in "abc":
        kept.keep(key, b"123")
    assert kept.get("a") == b"123"
    kept.keep("d", b"1234")
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"] and kept.bytes == 10
    kept.keep("d", b"1")
    kept.drop("a")
    assert kept.bytes == 4


def test_what_is_too_large_is_not_kept_and_drives_nothing_out():
    kept: Remembered[bytes] = Remembered(10, len)
    kept.keep("a", b"1234")
    kept.keep("b", b"12345678901")
    kept.keep("a", b"12345678901")
    assert kept.get("a") is None and kept.get("b") is None and kept.bytes == 0


def test_what_has_no_room_is_told():
    told: list[tuple[str, bytes]] = []
    kept: Remembered[bytes] = Remembered(10, len, lambda key, value: told.append((key, value)))
    kept.keep("a", b"1234")
    kept.keep("b", b"123456")
    kept.keep("b", b"12345")
    kept.drop("b")
    assert told == []
    kept.keep("c", b"12345678")
    kept.keep("d", b"12345678901")
    assert told == [("a", b"1234"), ("d", b"12345678901")]
