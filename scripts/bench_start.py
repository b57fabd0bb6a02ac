#!/usr/bin/env python3
"""Measures a first start and a warm one of this commit beside those of another one, each in a fresh clone, in one run.

From the command to the printed table of services. Both use the caches of pip and Maven as they are: with --rounds 2 the
second round finds them equally warm.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST_LIMIT = 0.5
"""A first start, as a share of the other commit's."""
VENV_LIMIT_MB = 900
WARM_LIMIT_S = 8.0
TABLE = re.compile(r"^ *service +URL", re.MULTILINE)


@contextmanager
def clone(commit: str) -> Iterator[Path]:
    """A clone of this repository at a commit, in a folder that goes away."""
    folder = Path(tempfile.mkdtemp(prefix="bench-start-"))
    try:
        for command in (["clone", "--quiet", "--no-checkout", ROOT, folder], ["-C", folder, "checkout", "-q", commit]):
            subprocess.run(["git", *map(str, command)], check=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start_s(folder: Path, options: list[str]) -> float:
    """Seconds until the table is printed; the twin is stopped again. Raises RuntimeError with the output otherwise."""
    up = [sys.executable, str(folder / "scripts" / "up.py")]
    begun, told = time.perf_counter(), ""
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen([*up, "--detach", *options], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        for line in running.stdout:
            told += line
            if TABLE.match(line):
                return time.perf_counter() - begun
        raise RuntimeError(f"{folder} did not start:\n{told}")
    finally:
        running.stdout.read()  # type: ignore[union-attr]  # until it goes into the background
        running.wait()
        subprocess.run([*up, "--stop"], cwd=folder, stdout=subprocess.DEVNULL, check=False)


def measure(commit: str, options: list[str]) -> dict[str, float]:
    with clone(commit) as folder:
        known = (folder / "scripts" / "starting" / "command.py").exists()
        own = [option for option in ("--no-demo",) if known and option in _help(folder)]
        found = {"first_s": start_s(folder, [*options, *own]), "warm_s": start_s(folder, [*options, *own])}
        files = (path for path in (folder / ".venv").rglob("*") if path.is_file() and not path.is_symlink())
        return found | {"venv_MB": sum(path.stat().st_size for path in files) / 1e6}


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
    for number in range(1, options.rounds + 1):
        found = {}
        for name, commit in (("other", options.against), ("this", this.stdout.strip())):
            found[name] = measure(commit, free_ports())
            figures = ", ".join(f"{key.replace('_', ' ')} {value:.0f}" for key, value in found[name].items())
            print(f"round {number}, {name} ({commit[:7]}): {figures}", flush=True)
    ratio = found["this"]["first_s"] / found["other"]["first_s"]
    print(f"first start: {ratio:.2f} of the other's (at most {FIRST_LIMIT:g})")
    print(f".venv: {found['this']['venv_MB']:.0f} MB (at most {VENV_LIMIT_MB})")
    print(f"warm start: {found['this']['warm_s']:.1f} s (at most {WARM_LIMIT_S:g} s on an idle machine)")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench_start.py: {error}")
