#!/usr/bin/env python3
"""Measures a first start, a warm one and the predictions a second of this commit beside those of another, in one run.

Each is cloned afresh and started by its own up.py: from the command to the printed table of services. Both use the
caches of pip and Maven as they are: with --rounds 2 the second round finds them equally warm. For the predictions both
run side by side and are called in turns.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench_operations import CALLERS, Caller
from console import run

ROOT = Path(__file__).resolve().parents[2]
FIRST_LIMIT = 0.5
"""A first start, as a share of the other commit's."""
VENV_LIMIT_MB = 900
WARM_LIMIT_S = 8.0
SETTLES_S = 20.0
"""After the table a first start goes on with what later ones have of it."""
RATE_LIMIT = 1.25
"""Predictions a second, of those of the other commit."""
CELLS = ("B0033", "B0036", "B0005", "B0006", "B0007", "B0018", "B0042", "B0043")
"""Of NASA's cells, which both start with, those with the most cycles: one for each caller."""
SHORTEST = 111
"""So many cycles each of them has at least."""
ROUNDS, SECONDS = 5, 5.0
TABLE = re.compile(r"^ *service +URL", re.MULTILINE)


@contextmanager
def clone(commit: str) -> Iterator[Path]:
    """A clone of this repository at a commit, in a folder that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="bench-start-"))
    try:
        for command in (["clone", "--quiet", "--no-checkout", ROOT, folder], ["-C", folder, "checkout", "-q", commit]):
            if subprocess.run(["git", *map(str, command)]).returncode:
                raise ChildProcessError(f"git has no commit {commit} to clone")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(folder: Path, options: list[str]) -> Iterator[float]:
    """Runs its twin; seconds until the table is printed. Raises ChildProcessError with the output otherwise."""
    up = [sys.executable, str(folder / "scripts" / "up.py")]
    begun, told, took_s = time.perf_counter(), "", None
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen([*up, "--detach", *options], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        for line in running.stdout:  # until it goes into the background
            told += line
            if took_s is None and TABLE.match(line):
                took_s = time.perf_counter() - begun
        if running.wait() or took_s is None:
            raise ChildProcessError(f"{folder} did not start:\n{told}")
        yield took_s
    finally:
        running.wait()
        subprocess.run([*up, "--stop"], cwd=folder, stdout=subprocess.DEVNULL, check=False)


def measure(folder: Path, options: list[str]) -> dict[str, float]:
    found = {}
    for name in ("first_s", "warm_s"):
        with started(folder, options) as took_s:
            found[name] = took_s
            time.sleep(SETTLES_S)
    files = (path for path in (folder / ".venv").rglob("*") if path.is_file() and not path.is_symlink())
    return found | {"venv_MB": sum(path.stat().st_size for path in files) / 1e6}


def options_of(folder: Path) -> list[str]:
    """Options of its up.py: ports that are free, and no demo."""
    known = (folder / "scripts" / "starting" / "command.py").exists()
    return [*free_ports(), *(["--no-demo"] if known and "--no-demo" in _help(folder) else [])]


def rate(caller: Caller, past: bool, fresh: Iterator[int]) -> float:
    """Predictions a second of parallel callers, each on a cell of its own; `fresh` gives another number each time."""
    end, done = time.perf_counter() + SECONDS, [0] * CALLERS

    def call(number: int) -> None:
        while time.perf_counter() < end:
            inputs: dict[str, tuple[str, Any]] = {}
            if past:  # none of them twice, so that each is computed anew
                inputs["AtCycle"] = ("xs:int", 12 + done[number] % (SHORTEST - 12))
                inputs["ConfidenceLevel"] = ("xs:double", 0.8 + next(fresh) / 1e6)
            caller.invoke_ms(CELLS[number], "Prediction", "Predict", **inputs)
            done[number] += 1

    begun = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(call, range(CALLERS)))
    return sum(done) / (time.perf_counter() - begun)


def measure_rates(folders: dict[str, Path]) -> dict[str, dict[str, float]]:
    """Predictions a second: of the present state or a past cycle -> commit -> median of the rounds but the first."""
    with ExitStack() as running:
        callers = {}
        for name, folder in folders.items():
            options = options_of(folder)
            running.enter_context(started(folder, options))
            callers[name] = Caller(f"http://127.0.0.1:{options[1]}")
        fresh = itertools.count()
        found: dict[str, dict[str, list[float]]] = {}
        for kind in ("present", "past"):
            of_kind = found.setdefault(kind, {name: [] for name in folders})
            for _ in range(ROUNDS + 1):
                for name, caller in callers.items():
                    of_kind[name].append(rate(caller, kind == "past", fresh))
    return {
        kind: {name: statistics.median(values[1:]) for name, values in of_kind.items()}
        for kind, of_kind in found.items()
    }


def _help(folder: Path) -> str:
    command = [sys.executable, str(folder / "scripts" / "up.py"), "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def free_ports() -> list[str]:
    import socket

    options = []
    for name in ("--basyx-port", "--delegate-port", "--hmi-port"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            options += [name, str(probe.getsockname()[1])]
    return options


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("against", metavar="COMMIT", help="the other commit")
    parser.add_argument("--rounds", type=int, default=1, help="the last one is judged (1)")
    options = parser.parse_args()
    this = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    commits = {"other": options.against, "this": this.stdout.strip()}
    with ExitStack() as clones:
        for number in range(1, options.rounds + 1):
            found, folders = {}, {}
            for name, commit in commits.items():
                folders[name] = clones.enter_context(clone(commit))
                found[name] = measure(folders[name], options_of(folders[name]))
                figures = ", ".join(f"{key.replace('_', ' ')} {value:.0f}" for key, value in found[name].items())
                print(f"round {number}, {name} ({commit[:7]}): {figures}", flush=True)
        rates = measure_rates(folders)
    ratio = found["this"]["first_s"] / found["other"]["first_s"]
    print(f"first start: {ratio:.2f} of the other's (at most {FIRST_LIMIT:g})")
    print(f".venv: {found['this']['venv_MB']:.0f} MB (at most {VENV_LIMIT_MB})")
    print(f"warm start: {found['this']['warm_s']:.1f} s (at most {WARM_LIMIT_S:g} s on an idle machine)")
    for kind, of_kind in rates.items():
        print(
            f"{CALLERS} parallel callers, {kind}: {of_kind['this']:.0f} predictions/s, the other's "
            f"{of_kind['other']:.0f}: {of_kind['this'] / of_kind['other']:.2f} x (at least {RATE_LIMIT:g})"
        )
    return 0


if __name__ == "__main__":
    run(main)
