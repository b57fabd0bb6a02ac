"""The twin's three services as one unit: started in order, watched, restarted with back-off, stopped in reverse order.

Standard library only. `STATE/run.json` tells who runs where; a lock on `STATE/lock` is held as long as a supervisor
lives, so that a stale run.json is recognised; `STATE/stop` asks a running supervisor to stop, on every OS alike.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

POLL_S = 0.3
GRACE_S = 10.0  # a service that has not ended this long after it was asked to is killed
LONGEST_BACK_OFF_S = 60.0
STEADY_S = 60.0  # a service that ran this long starts with a short back-off again
LONGEST_LOG_BYTES = 20_000_000


class ServiceError(Exception):
    """A service did not start; the message holds the last lines of its log."""


def answers(url: str, timeout_s: float = 3.0) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        return False


def port_is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name != "nt":  # on Windows this option would allow a second listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class Lock:
    """An exclusive lock on a file that the OS drops when its holder ends, however it ends."""

    def __init__(self, path: Path):
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab+")
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


def is_held(path: Path) -> bool:
    probe = Lock(path)
    if probe.acquire():
        probe.release()
        return False
    return True


def _die_with_parent() -> None:
    """Linux: the kernel ends the service when the supervisor is killed (prctl(2), PR_SET_PDEATHSIG = 1)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def command_line(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    if sys.platform == "win32":
        query = f"(Get-CimInstance Win32_Process -Filter 'ProcessId={pid}').CommandLine"
        command = ["powershell", "-NoProfile", "-Command", query]
    else:
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


@dataclass
class Service:
    name: str
    url: str
    health_path: str
    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: Path = Path(__file__).resolve().parent.parent
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    back_off_s: float = 1.0
    next_start: float | None = None

    @property
    def marker(self) -> str:
        """What its command line holds and no other process' does: tells a left-over service from a re-used pid."""
        return self.command[-1]

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        # a group of its own: Ctrl-C in the terminal reaches the supervisor alone, which then stops all in order
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self.started_at, self.next_start = time.monotonic(), None

    def wait_until_healthy(self, timeout_s: float, give_up: Callable[[], bool]) -> None:
        end = time.monotonic() + timeout_s
        while not answers(self.url + self.health_path):
            if give_up():
                raise KeyboardInterrupt
            if self.process is None or self.process.poll() is not None:
                code = self.process.returncode if self.process else "none"
                raise ServiceError(f"{self.name} ended at its start (exit code {code}). {self.last_lines()}")
            if time.monotonic() > end:
                raise ServiceError(
                    f"{self.name} is not healthy after {timeout_s:.0f} s at {self.url}. {self.last_lines()}"
                )
            time.sleep(0.1)

    def last_lines(self, count: int = 12) -> str:
        lines = self.log.read_bytes()[-20_000:].decode("utf-8", "replace").splitlines() if self.log.exists() else []
        return f"Last lines of {self.log}:\n" + "\n".join(f"    {line}" for line in lines[-count:])

    def stop(self) -> bool:
        """Asks the service to end, kills its whole group when it does not within GRACE_S. True: it ended by itself."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return True
        process.terminate()
        try:
            process.wait(GRACE_S)
            return True
        except subprocess.TimeoutExpired:
            if sys.platform == "win32":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return False


class Supervisor:
    """Owns the services between `start` and `stop`; `services` are in starting order."""

    def __init__(self, state: Path, services: list[Service], say: Callable[[str], None]):
        self.state, self.services, self.say = state, services, say
        self._asked_to_stop = False

    def ask_to_stop(self, *_: object) -> None:
        self._asked_to_stop = True

    def stopping(self) -> bool:
        return self._asked_to_stop or (self.state / "stop").exists()

    def record(self, ready: bool) -> None:
        """Writes run.json, whole or not at all."""
        services = {
            s.name: {
                "url": s.url,
                "health": s.url + s.health_path,
                "pid": s.process.pid if s.process else None,
                "log": str(s.log),
                "marker": s.marker,
            }
            for s in self.services
        }
        part = self.state / "run.json.part"
        part.write_text(
            json.dumps({"pid": os.getpid(), "ready": ready, "services": services}, indent=1), encoding="utf-8"
        )
        part.replace(self.state / "run.json")

    def watch(self) -> None:
        """Until asked to stop: a service that died is reported with the end of its log and started again."""
        while not self.stopping():
            for service in self.services:
                now = time.monotonic()
                if service.process is not None and service.process.poll() is not None:
                    if now - service.started_at > STEADY_S:
                        service.back_off_s = 1.0
                    code, service.process = service.process.returncode, None
                    service.next_start = now + service.back_off_s
                    self.say(
                        f"{service.name} died (exit code {code}); next start in {service.back_off_s:.0f} s. "
                        + service.last_lines()
                    )
                    service.back_off_s = min(2 * service.back_off_s, LONGEST_BACK_OFF_S)
                    self.record(ready=True)
                elif service.next_start is not None and now >= service.next_start:
                    service.start()
                    self.record(ready=True)
                    self.say(f"{service.name} started again (pid {service.process.pid if service.process else '-'})")
            time.sleep(POLL_S)

    def stop(self) -> None:
        for service in reversed(self.services):
            if service.process is not None:
                ended = service.stop()
                self.say(f"{service.name} stopped" if ended else f"{service.name} hung and was killed")
        for name in ("run.json", "stop"):
            (self.state / name).unlink(missing_ok=True)


def read_run(state: Path) -> dict | None:
    """run.json of a supervisor, alive or not; None when there is none."""
    try:
        return json.loads((state / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def end_leftovers(state: Path, say: Callable[[str], None]) -> None:
    """Ends the services of a supervisor that was killed, known by run.json and by their command lines."""
    run = read_run(state)
    if run is None or is_held(state / "lock"):
        return
    for name, service in run["services"].items():
        pid = service["pid"]
        if pid and service["marker"] in command_line(pid):
            say(f"{name} (pid {pid}) was left over by a killed supervisor: ended")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                end = time.monotonic() + GRACE_S
                while time.monotonic() < end and service["marker"] in command_line(pid):
                    time.sleep(POLL_S)
                if service["marker"] in command_line(pid):
                    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    (state / "run.json").unlink(missing_ok=True)


def stop_running(state: Path, say: Callable[[str], None], timeout_s: float = 60.0) -> bool:
    """Stops the supervisor of `state` and its services. False when none was running."""
    if not is_held(state / "lock"):
        had = read_run(state) is not None
        end_leftovers(state, say)
        return had
    (state / "stop").touch()
    end = time.monotonic() + timeout_s
    while is_held(state / "lock"):
        if time.monotonic() > end:
            run = read_run(state)
            raise ServiceError(f"the supervisor (pid {run['pid'] if run else 'unknown'}) does not stop; end it by hand")
        time.sleep(POLL_S)
    return True


def status(state: Path) -> dict:
    """{"running", "ready", "services": [{name, url, pid, log, healthy}]}; what is not known is left out."""
    run = read_run(state) if is_held(state / "lock") else None
    if run is None:
        return {"running": False, "ready": False, "services": []}
    services = [
        {"name": name, "url": s["url"], "pid": s["pid"], "log": s["log"], "healthy": answers(s["health"])}
        for name, s in run["services"].items()
    ]
    return {"running": True, "ready": run["ready"], "pid": run["pid"], "services": services}
