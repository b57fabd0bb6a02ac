"""What readers of the AAS, the delegate and the HMI, keep for reuse, bounded by bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cachetools import LRUCache

V = TypeVar("V")


class Remembered(Generic[V]):
    """Values by key, at most `limit_bytes` of them by the measure `size_bytes`: what was used least lately goes first.

    A value that is larger by itself is not kept. Thread-safe.
    """

    def __init__(self, limit_bytes: int, size_bytes: Callable[[V], int]) -> None:
        self._limit_bytes, self._size_bytes = limit_bytes, size_bytes
        self._kept: LRUCache[Any, V] = LRUCache(limit_bytes, size_bytes)
        self._lock = threading.Lock()

    def get(self, key: Any) -> V | None:
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Any, value: V) -> None:
        fits = self._size_bytes(value) <= self._limit_bytes
        with self._lock:
            self._kept.pop(key, None)
            if fits:
                self._kept[key] = value

    def drop(self, key: Any) -> None:
        with self._lock:
            self._kept.pop(key, None)

    @property
    def bytes(self) -> int:
        """How many are kept now."""
        return int(self._kept.currsize)
