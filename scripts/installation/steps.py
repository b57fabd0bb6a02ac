"""Steps of a set-up, several of them side by side: how far the whole is, and how long it will take."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from supervision import processes

from installation.places import ROOT, SetupError

GRACE_S = 5.0
TICK_S = 1.0
TELL_EVERY_S = 15.0  # where there is no terminal
PRIOR_S = 20.0  # of work as fast as expected: so that the pace of one short step does not decide on the estimate


class Forecast:
    """How far the whole is. Lanes run side by side; what is expected in `then` begins when all of them are through."""

    def __init__(self, lanes: Sequence[Mapping[str, float]], then: Mapping[str, float]):
        self._lanes, self._then = lanes, then
        self._expected_s = {title: seconds for part in (*lanes, then) for title, seconds in part.items()}
        self._begun: dict[str, float] = {}
        self._took: dict[str, float] = {}
        self._share = 0.0

    def begin(self, title: str, now: float) -> None:
        self._begun[title] = now

    def end(self, title: str, now: float) -> None:
        self._took[title] = now - self._begun[title]

    def tell(self, now: float) -> str:
        """For instance "[ 42 %, about 35 s left]"; empty when nothing is expected to take long."""
        whole_s = self._left(self._expected_s)
        if whole_s <= 0:
            return ""
        left = {title: self._left_of(title, now) for title in self._expected_s}
        done = [title for title in self._took if title in self._expected_s]
        pace = (sum(self._took[title] for title in done) + PRIOR_S) / (
            sum(self._expected_s[title] for title in done) + PRIOR_S
        )
        self._share = max(self._share, 1 - self._left(left) / whole_s)
        return f"[{100 * self._share:3.0f} %, about {max(1, self._left(left) * pace):.0f} s left]"

    def _left(self, seconds: Mapping[str, float]) -> float:
        lanes = [sum(seconds[title] for title in lane) for lane in self._lanes]
        return max(lanes, default=0.0) + sum(seconds[title] for title in self._then)

    def _left_of(self, title: str, now: float) -> float:
        if title in self._took:
            return 0.0
        expected_s = self._expected_s[title]
        spent_s = now - self._begun.get(title, now)
        return max(expected_s - spent_s, expected_s / 10)


class Steps:
    """Prints what is done. When `stopping` says so, commands are ended and KeyboardInterrupt is raised."""

    def __init__(self, log: Path, stopping: Callable[[], bool] = lambda: False):
        self.log, self.stopping = log, stopping
        log.parent.mkdir(parents=True, exist_ok=True)
        self._live = sys.stdout is not None and sys.stdout.isatty()
        self._running: dict[str, float] = {}
        self._forecast = Forecast([], {})
        self._lock = threading.Lock()
        self._given_up = threading.Event()
        self._told_at = time.monotonic()
        self._clock: threading.Thread | None = None

    def expect(self, lanes: Sequence[Mapping[str, float]], then: Mapping[str, float]) -> None:
        """What will be done: titles and typical seconds, by what runs side by side and what comes after."""
        self._forecast = Forecast(lanes, then)

    def note(self, text: str) -> None:
        self.print(f"  {text}")

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step: told with its duration at its end; meanwhile a line with all that runs."""
        begin = time.monotonic()
        with self._lock:
            self._running[title] = begin
            self._forecast.begin(title, begin)
            if self._clock is None:
                self._clock = threading.Thread(target=self._tick, daemon=True)
                self._clock.start()
        if not self._live:
            self.print(f"  {title} …")
        outcome = "failed after"
        try:
            yield
            outcome = "done in"
        except KeyboardInterrupt:
            outcome = "stopped after"
            raise
        finally:
            now = time.monotonic()
            with self._lock:
                del self._running[title]
                if outcome == "done in":
                    self._forecast.end(title, now)
                far = "" if self._live else f"  {self._forecast.tell(now)}".rstrip()
            self.print(f"  {title}: {outcome} {now - begin:.1f} s{far}")

    def run(
        self,
        title: str,
        command: Sequence[str | Path],
        remedy: str,
        env: Mapping[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        """Runs a command as a step; raises SetupError with its last lines and the remedy when it fails."""
        log_file = self.log.with_name(f"{self.log.stem}-{_file_name(title)}.log")
        with self.step(title):
            with log_file.open("wb") as log:
                try:
                    process = subprocess.Popen(
                        [str(part) for part in command],
                        cwd=folder,
                        env=os.environ | dict(env or {}),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        **processes.own_group(),
                    )
                except OSError as error:
                    raise SetupError(
                        f"{title} failed: {command[0]} cannot be run ({error.strerror}). {remedy}"
                    ) from error
                code = self._wait(process)
            if code:
                last = log_file.read_bytes()[-20_000:].decode("utf-8", "replace").splitlines()[-15:]
                told = f"{remedy} Whole output: {log_file}".strip()
                raise SetupError("\n".join([f"{title} failed (exit code {code}):", *last, told]))

    def check(self) -> None:
        """Raises KeyboardInterrupt when the set-up is to stop."""
        if self.stopping() or self._given_up.is_set():
            raise KeyboardInterrupt

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(0.1)
                self.check()
        except BaseException:
            processes.end(process, GRACE_S, whole_group=True)
            raise

    def _tick(self) -> None:
        while True:
            time.sleep(TICK_S)
            with self._lock:
                if not self._running:
                    continue
                now = time.monotonic()
                parts = [f"{title} {now - begin:.0f} s" for title, begin in self._running.items()]
                text = "  " + f"{self._forecast.tell(now)} {', '.join(parts)}".strip()
                if self._live:
                    width = shutil.get_terminal_size().columns - 1
                    _write(f"\r{text[:width].ljust(width)}", end="")
                elif now - self._told_at > TELL_EVERY_S:
                    self._told_at = now
                    _write(text)

    def print(self, text: str) -> None:
        with self._lock:
            self._told_at = time.monotonic()
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                text = f"\r{text.ljust(width)}"
            _write(text)

    def give_up(self) -> None:
        self._given_up.set()


def _write(text: str, end: str = "\n") -> None:
    """A closed pipe or a full disk does not end a set-up."""
    with contextlib.suppress(OSError, ValueError):
        print(text, end=end, flush=True)


def _file_name(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")


class SideBySide:
    """Jobs in threads of their own; `finished` gives them back, in the caller's thread, as they end.

    When one fails, or the set-up is to stop, the others are ended; the first failure is raised.
    """

    def __init__(self, steps: Steps):
        self._steps = steps
        self._pool = ThreadPoolExecutor()
        self._jobs: dict[Future[None], Callable[[], None]] = {}

    def start(self, job: Callable[[], None]) -> None:
        self._jobs[self._pool.submit(job)] = job

    def finished(self) -> Iterator[Callable[[], None]]:
        try:
            while self._jobs:
                self._steps.check()
                done, _ = wait(self._jobs, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in done:
                    job = self._jobs.pop(future)
                    future.result()
                    yield job
        except BaseException:
            self._steps.give_up()
            raise
        finally:
            self._pool.shutdown(wait=True)
