#!/usr/bin/env python3
"""Measures what the twin costs, as ratios of things measured side by side in one run.

Parts: what durability costs (environment), feature extraction and prediction (model), Predict and AppendCycle through
the AAS (operations), the first look at a large fleet and a long life (screen); by themselves, starts beside those of
another commit (--start). Each is a command of its own, benchmarks/bench_<part>.py, with more options.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "benchmarks"
PARTS = sorted({path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py")} - {"start"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--start", metavar="COMMIT", help="only starts, beside those of this commit; takes minutes")
    options = parser.parse_args()
    if options.start:
        return subprocess.run([sys.executable, FOLDER / "bench_start.py", options.start]).returncode
    parts = options.parts or PARTS
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    worst = 0
    for part in parts:
        print(f"== {part}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, FOLDER / f"bench_{part}.py"]).returncode)
    return worst


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
