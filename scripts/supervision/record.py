"""What a state folder tells about its twin: `run.json` (who runs where), `lock` (a supervisor lives), `stop` (please).

The OS drops the lock when its holder ends, however it ends; so a run.json that nobody stands behind is recognised.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO

from supervision.network import answers
from supervision.processes import end_stranger

POLL_S = 0.3


class Lock:
    """An exclusive lock on a file."""

    def __init__(self, path: Path):
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Raises OSError when the file cannot be made."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._lock(self._path.open("ab+"))

    def is_held(self) -> bool:
        """Whether somebody holds it; makes no file and no folder."""
        try:
            free = self._lock(self._path.open("rb+" if sys.platform == "win32" else "rb"))
        except OSError:
            return False
        self.release()
        return not free

    def _lock(self, file: IO[bytes]) -> bool:
        try:
            if sys.platform == "win32":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


class StopRequest:
    """Whether the twin is to stop: a signal asked for it, or somebody by the file `stop`."""

    def __init__(self, state: Path):
        self._file = state / "stop"
        self._asked = threading.Event()

    def ask(self, *_: object) -> None:
        self._asked.set()

    def __call__(self) -> bool:
        return self._asked.is_set() or self._file.exists()

    def wait(self, timeout_s: float) -> bool:
        self._asked.wait(timeout_s)
        return self()


@dataclass(frozen=True)
class RunningService:
    name: str
    url: str
    health: str
    log: str
    pid: int | None
    began: str
    """identity() of the process: a number that was given to another process since is recognised."""
    ended: bool = False
    """Whether it has ended by itself, as one without URL may."""


@dataclass(frozen=True)
class Run:
    pid: int
    ready: bool
    services: tuple[RunningService, ...]

    def write(self, state: Path) -> None:
        """Whole or not at all. Raises OSError."""
        part = state / "run.json.part"
        part.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        part.replace(state / "run.json")

    @classmethod
    def read(cls, state: Path) -> Run | None:
        """None when there is none, or one that tells nothing."""
        try:
            content = json.loads((state / "run.json").read_text(encoding="utf-8"))
            names = {each.name for each in fields(RunningService)}
            services = tuple(
                RunningService(**{name: entry[name] for name in names if name in entry or name != "ended"})
                for entry in content["services"]
            )
            return cls(int(content["pid"]), bool(content["ready"]), services)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def is_running(state: Path) -> bool:
    return Lock(state / "lock").is_held()


def end_leftovers(state: Path, say: Callable[[str], None], grace_s: float = 10.0) -> bool:
    """Ends the services of a supervisor that was killed. The caller holds the lock. True: there were any."""
    run = Run.read(state)
    ended = False
    for service in run.services if run else ():
        if isinstance(service.pid, int) and end_stranger(service.pid, service.began, grace_s):
            say(f"{service.name} (pid {service.pid}) was left over by a killed supervisor: ended")
            ended = True
    (state / "run.json").unlink(missing_ok=True)
    return ended


def stop_running(state: Path, say: Callable[[str], None], timeout_s: float = 60.0) -> bool:
    """Stops the supervisor of `state` and its services. False when none was running. Raises TimeoutError."""
    if not (state / "lock").exists():
        return False
    lock = Lock(state / "lock")
    if lock.acquire():
        try:
            return end_leftovers(state, say)
        finally:
            lock.release()
    (state / "stop").touch()
    until = time.monotonic() + timeout_s
    while lock.is_held():
        if time.monotonic() > until:
            run = Run.read(state)
            raise TimeoutError(f"the supervisor (pid {run.pid if run else 'unknown'}) does not stop; end it by hand")
        time.sleep(POLL_S)
    return True


def is_well(service: RunningService) -> bool:
    if not service.url:
        return service.ended or service.pid is not None
    return service.pid is not None and answers(service.health)


def says(service: RunningService) -> str:
    """The last line of the log of one that is not asked for its health; "" for others."""
    if service.url:
        return ""
    try:
        with Path(service.log).open("rb") as log:
            log.seek(max(0, Path(service.log).stat().st_size - 2_000))
            return log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    except OSError:
        return ""


def status(state: Path) -> dict:
    """{"running", "ready", "pid", "services": [{name, url, pid, log, healthy, says}]}; pid None where it is not known.

    `says` is the last line of the log of one that is not asked for its health.
    """
    running = is_running(state)
    run = Run.read(state) if running else None
    if run is None:
        return {"running": running, "ready": False, "pid": None, "services": []}
    services = [
        {"name": s.name, "url": s.url, "pid": s.pid, "log": s.log, "healthy": is_well(s), "says": says(s)}
        for s in run.services
    ]
    return {"running": True, "ready": run.ready, "pid": run.pid, "services": services}
