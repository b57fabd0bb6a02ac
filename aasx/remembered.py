"""What readers of the AAS, the delegate and the HMI, keep for reuse, bounded by bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from cachetools import LRUCache

V = TypeVar("V")


class _Kept(LRUCache):  # type: ignore[type-arg]
    """With what had no room any more since somebody looked."""

    def __init__(self, limit_bytes: int, size_bytes: Callable[[Any], int]) -> None:
        super().__init__(limit_bytes, size_bytes)
        self.gone: list[tuple[Any, Any]] = []

    def popitem(self) -> tuple[Any, Any]:
        item = super().popitem()
        self.gone.append(item)
        return item


class Remembered(Generic[V]):
    """Values by key, at most `limit_bytes` of them by the measure `size_bytes`: what was used least lately goes first.

    A value that is larger by itself is not kept. `tell` is called with the key and the value of each for which there is
    no room. Thread-safe.
    """

    def __init__(
        self, limit_bytes: int, size_bytes: Callable[[V], int], tell: Callable[[Any, V], object] = lambda *_: None
    ) -> None:
        self._limit_bytes, self._size_bytes, self._tell = limit_bytes, size_bytes, tell
        self._kept = _Kept(limit_bytes, size_bytes)
        self._lock = threading.Lock()

    def get(self, key: Any) -> V | None:
        with self._lock:
            return cast("V | None", self._kept.get(key))

    def keep(self, key: Any, value: V) -> None:
        fits = self._size_bytes(value) <= self._limit_bytes
        with self._lock:
            self._kept.pop(key, None)
            if fits:
                self._kept[key] = value
            gone, self._kept.gone = self._kept.gone, []
        for one in gone if fits else [(key, value)]:
            self._tell(*one)

    def drop(self, key: Any) -> None:
        with self._lock:
            self._kept.pop(key, None)

    @property
    def bytes(self) -> int:
        """How many are kept now."""
        return int(self._kept.currsize)
