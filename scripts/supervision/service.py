"""One service: a process that listens, its log, and whether it answers; or one that works beside them unasked."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from supervision import network, processes

GRACE_S = 10.0  # a service that has not ended this long after it was asked to is killed
LONGEST_LOG_BYTES = 20_000_000


class ServiceError(Exception):
    """A service did not start; the message holds the last lines of its log."""


@dataclass
class Service:
    """`health_path` answers 200 when all is well; any other answer shows that the service lives.

    One without `url` is not asked: it is well while it runs, and may end by itself with exit code 0; what it says last
    is what its log ends with.
    """

    name: str
    url: str
    health_path: str
    command: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: Path = Path(__file__).resolve().parents[2]
    process: subprocess.Popen[bytes] | None = None
    began: str = ""
    started_at: float = 0.0

    ended: bool = False
    """Whether it has ended by itself, with nothing left to do."""

    @property
    def health(self) -> str:
        return self.url + self.health_path

    @property
    def listens(self) -> bool:
        return bool(self.url)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def start(self) -> None:
        """Raises OSError. To be called by a thread that stays: see processes.own_group."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                **processes.own_group(),
            )
        self.started_at = time.monotonic()
        self.began = processes.identity(self.process.pid)

    def wait_until_healthy(self, timeout_s: float, give_up: Callable[[], bool]) -> None:
        """Raises ServiceError, and KeyboardInterrupt when `give_up()`."""
        until = time.monotonic() + timeout_s
        while not network.answers(self.health):
            if give_up():
                raise KeyboardInterrupt
            if self.process is None or self.process.poll() is not None:
                code = self.process.returncode if self.process else "none"
                raise ServiceError(f"{self.name} ended at its start (exit code {code}). {self.last_lines()}")
            if time.monotonic() > until:
                raise ServiceError(
                    f"{self.name} is not healthy after {timeout_s:.0f} s at {self.url}. {self.last_lines()}"
                )
            time.sleep(0.1)

    def last_line(self) -> str:
        return self.last_lines(1).partition("\n")[2].strip()

    def last_lines(self, count: int = 12) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 20_000))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        return f"Last lines of {self.log}:\n" + "\n".join(f"    {line}" for line in lines[-count:])

    def stop(self, grace_s: float | None = None) -> bool:
        """Asks the service to end, kills its whole group when it does not in time. True: it ended by itself."""
        process, self.process = self.process, None
        return process is None or processes.end(process, GRACE_S if grace_s is None else grace_s)
