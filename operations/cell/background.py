"""Long work on a cell that goes on after its call was answered: one thread each, few at a time, each can be stopped.

Nothing of it is kept here: what is to be done, and how far it is, stands in the AAS, so that another process (or the
next one) can go on with it.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Hashable

AT_ONCE = 1
"""More would only take the processor from those who wait for an answer."""


class Background:
    def __init__(self) -> None:
        self._running: dict[Hashable, threading.Event] = {}
        self._lock = threading.Lock()
        self._places = threading.Semaphore(AT_ONCE)

    def start(self, key: Hashable, work: Callable[[threading.Event], None]) -> bool:
        """Begins `work`, which looks at the event to know when to stop; False when work of this key runs already."""
        with self._lock:
            if key in self._running:
                return False
            stop = self._running[key] = threading.Event()
        context = contextvars.copy_context()
        name = "-".join(map(str, key)) if isinstance(key, tuple) else str(key)
        threading.Thread(target=context.run, args=(self._run, key, work, stop), name=name, daemon=True).start()
        return True

    def _run(self, key: Hashable, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        try:
            with self._places:
                work(stop)
        finally:
            with self._lock:
                self._running.pop(key, None)

    def runs(self, key: Hashable) -> bool:
        return key in self._running

    def stop(self, key: Hashable) -> bool:
        """Asks the work of this key to stop; False when none runs here."""
        event = self._running.get(key)
        if event is None:
            return False
        event.set()
        return True
