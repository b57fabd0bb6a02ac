"""Watches services: one that died or hangs is told and started again; nothing that goes wrong here ends the others."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervision import network
from supervision.record import Run, RunningService, StopRequest
from supervision.service import Service

POLL_S = 0.3
PROBE_EVERY_S = 2.0
PROBE_TIMEOUT_S = 5.0
HUNG_AFTER_S = 30.0  # an answer of any kind counts: a service that waits for a dead neighbour is not hung
HUNG_AT_START_S = 180.0
FEWEST_FAILURES = 3
TOLD_UNREADY_AFTER_S = 10.0
HUNG_GRACE_S = 3.0
FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 60.0
STEADY_S = 60.0  # a service that ran this long starts with a short back-off again


@dataclass
class Health:
    """What the probes of one service found since it was started."""

    heard_at: float | None = None
    failures: int = 0
    unready_since: float | None = None
    told_unready: bool = False

    def heard(self, status: int | None, now: float) -> None:
        if status is None:
            self.failures += 1
        else:
            self.heard_at, self.failures = now, 0
        if status == 200:
            self.unready_since = None
        elif self.unready_since is None:
            self.unready_since = now


class Supervisor:
    """Owns the services between their `start` and `stop`."""

    def __init__(self, state: Path, stop: StopRequest, say: Callable[[str], None]):
        self.state = state
        self.services: list[Service] = []
        self.back_off_s: dict[str, float] = {}
        self.next_start: dict[str, float] = {}
        self._say, self._told = say, ""
        self._ready = False
        self._stop = stop
        self._health: dict[str, Health] = {}

    def manage(self, services: list[Service]) -> list[Service]:
        """Takes these on, in starting order."""
        self.services = services
        for service in services:
            self.back_off_s[service.name], self._health[service.name] = FIRST_BACK_OFF_S, Health()
        return services

    def say(self, text: str) -> None:
        """A full disk or a closed pipe must not end the twin."""
        with contextlib.suppress(OSError, ValueError):
            self._say(text)

    def start(self, service: Service) -> None:
        service.start()
        self._health[service.name] = Health()
        self.record()

    def wait_until_healthy(self, service: Service, timeout_s: float) -> None:
        """Raises ServiceError, and KeyboardInterrupt when the twin is to stop."""
        service.wait_until_healthy(timeout_s, self._stop)
        self._health[service.name].heard(200, time.monotonic())

    def record(self, ready: bool | None = None) -> None:
        """Writes run.json; when that fails it is told, and the twin goes on."""
        self._ready = self._ready if ready is None else ready
        services = (RunningService(s.name, s.url, s.health, str(s.log), s.pid, s.began, s.ended) for s in self.services)
        try:
            Run(os.getpid(), self._ready, tuple(services)).write(self.state)
        except OSError as error:
            self._tell_once(f"{self.state / 'run.json'} cannot be written ({error.strerror}): --status is out of date")

    def watch(self) -> None:
        """Until asked to stop."""
        for service in (one for one in self.services if one.listens):
            threading.Thread(target=self._probe, args=(service,), daemon=True).start()
        while not self._stop():
            for service in self.services:
                try:
                    self._look_after(service, time.monotonic())
                except OSError as error:  # no disk, no memory, no process number: later
                    self._tell_once(f"{service.name}: {error}; tried again")
                    self._start_later(service)
            self._stop.wait(POLL_S)

    def stop(self) -> None:
        self._stop.ask()
        for service in reversed(self.services):
            if service.process is not None:
                ended = service.stop()
                self.say(f"{service.name} stopped" if ended else f"{service.name} hung and was killed")
        for name in ("run.json", "run.json.part", "stop"):
            with contextlib.suppress(OSError):
                (self.state / name).unlink(missing_ok=True)

    def _probe(self, service: Service) -> None:
        while not self._stop.wait(PROBE_EVERY_S):
            process, health = service.process, self._health[service.name]
            if process is not None:
                status = network.ask(service.health, PROBE_TIMEOUT_S)
                if service.process is process:
                    health.heard(status, time.monotonic())

    def _look_after(self, service: Service, now: float) -> None:
        if service.ended:
            return
        if service.process is None:
            if now >= self.next_start.get(service.name, now):
                self.start(service)
                self.say(f"{service.name} started again (pid {service.pid})")
        elif (code := service.process.poll()) is not None:
            service.stop()
            if code == 0 and not service.listens:
                service.ended = True
                self.record()
                self.say(f"{service.name} has ended: {service.last_line()}")
                return
            self._start_later(service)
            self.say(f"{service.name} died (exit code {code}); {self._when(service)}. {service.last_lines()}")
        elif not service.listens:
            return
        elif silent_s := self._hangs(service, now):
            service.stop(HUNG_GRACE_S)
            self._start_later(service)
            self.say(f"{service.name} has not answered for {silent_s:.0f} s and was ended; {self._when(service)}")
        else:
            self._tell_readiness(service, now)

    def _start_later(self, service: Service) -> None:
        now, name = time.monotonic(), service.name
        if now - service.started_at > STEADY_S:
            self.back_off_s[name] = FIRST_BACK_OFF_S
        self.next_start[name] = now + self.back_off_s[name]
        self.back_off_s[name] = min(2 * self.back_off_s[name], LONGEST_BACK_OFF_S)
        self.record()

    def _when(self, service: Service) -> str:
        return f"next start in {self.next_start[service.name] - time.monotonic():.0f} s"

    def _hangs(self, service: Service, now: float) -> float:
        """For how long a service has been silent, if that is too long; otherwise 0."""
        health = self._health[service.name]
        silent_s = now - (service.started_at if health.heard_at is None else health.heard_at)
        limit_s = HUNG_AT_START_S if health.heard_at is None else HUNG_AFTER_S
        return silent_s if silent_s > limit_s and health.failures >= FEWEST_FAILURES else 0.0

    def _tell_readiness(self, service: Service, now: float) -> None:
        health = self._health[service.name]
        since = health.unready_since
        if since is None:
            if health.told_unready:
                self.say(f"{service.name} is healthy again")
            health.told_unready = False
        elif now - since > TOLD_UNREADY_AFTER_S and not health.told_unready and health.heard_at is not None:
            health.told_unready = True
            self.say(f"{service.name} has not been healthy for {now - since:.0f} s ({service.health})")

    def _tell_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self.say(text)
