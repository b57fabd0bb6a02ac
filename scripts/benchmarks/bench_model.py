#!/usr/bin/env python3
"""Measures the model: feature extraction against scipy's reading alone, the time of one prediction, that of a long
life with many siblings against a short one without, and training, size and memory against an earlier version.

Needs NASA's raw files (--raw) for the first, a trained model (--model-dir) for the next two, and for the last a
checkout of the earlier version (--reference), with whose code the same Python trains and answers (not on Windows).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy.io  # noqa: E402

from model.errors import ModelError  # noqa: E402
from model.prediction import Scenario  # noqa: E402
from model.records import data, nasa  # noqa: E402
from model.records.cycle import COLUMNS, History  # noqa: E402
from model.records.facts import CellFacts  # noqa: E402
from model.serving.artifact import TwinModel  # noqa: E402

EXTRACTION_LIMIT = 1.5
"""Reading and feature extraction of all cells may take this multiple of scipy's reading alone."""

LONG_CYCLES, SIBLINGS = 3500, 16
LONG_LIMIT = 1.5
"""A prediction of LONG_CYCLES cycles with SIBLINGS remembered siblings as long, as a multiple of one of 168 without."""

REFERENCE_LIMITS = {"train_cpu_s": 2.0, "stored_MB": 3.0, "memory_MB": 1.5}
"""Training, stored model, and memory of a process that answers, as multiples of an earlier version's."""

ANSWERING = """
import resource, sys
try:
    from model.serving.artifact import TwinModel
    from model.records import data
except ImportError:  # as the folders were in version 1
    from model.artifact import TwinModel
    from model import data
model = TwinModel.load(sys.argv[1])
for history in data.histories().values():
    model.predict(history)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def measure_extraction(raw: Path, rounds: int = 5) -> dict[str, float]:
    """CPU seconds for scipy's reading alone and for cycle tables of all cells (reading included), and their ratio.

    Both are measured in turns in one run; the ratio is the median of those of the rounds.
    """
    files = sorted(raw.glob("*.mat"))
    if not files:
        raise ModelError(f"no .mat files in {raw}")
    reading, extracting = [], []
    cycles = sum(len(table) for _, table in nasa.read_tables(raw))  # warms up the disk cache and the libraries
    for _ in range(rounds):
        start = time.process_time()
        for file in files:
            scipy.io.loadmat(file)
        middle = time.process_time()
        for _ in nasa.read_tables(raw):
            pass
        reading.append(middle - start)
        extracting.append(time.process_time() - middle)
    ratio = statistics.median(b / a for a, b in zip(reading, extracting, strict=True))
    return {
        "cells": len(files),
        "discharges": cycles,
        "scipy_reading_s": statistics.median(reading),
        "extraction_s": statistics.median(extracting),
        "ratio": ratio,
    }


def measure_answers(model: TwinModel, questions: int = 100) -> dict[str, float]:
    """Milliseconds (median, 95th percentile) of one prediction, and of one what-if simulation, one after another."""
    histories = list(data.histories().values())
    result: dict[str, float] = {}
    for name, ask in (
        ("predict", lambda history: model.predict(history)),
        ("simulate", lambda history: model.simulate(history, Scenario(ambient_temperature_degC=40.0))),
    ):
        times = []
        for i in range(questions):
            history = histories[i % len(histories)]
            start = time.perf_counter()
            ask(history)
            times.append(1e3 * (time.perf_counter() - start))
        result[f"{name}_median_ms"] = statistics.median(times)
        result[f"{name}_p95_ms"] = sorted(times)[int(0.95 * len(times))]
    return result


def long_life(name: str, life: int, cycles: int = LONG_CYCLES) -> History:
    """A made-up 1.1 Ah cell that falls below 80 % at about `life`, its fade growing faster."""
    number = np.arange(1, cycles + 1)
    table = pd.DataFrame({column: np.full(cycles, np.nan) for column in COLUMNS})
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(number, unit="h")
    capacity = 1.1 * (1.0 - 0.2 * (number / life) ** 1.5) + 0.001 * np.sin(number)
    cells = table.assign(cycle_number=number, capacity_Ah=capacity, start_time=start)
    facts = CellFacts(cell_type="bench", chemistry="LFP")
    return History(name, 1.1, 0.88, None, cells, facts=facts)


def measure_long(model: TwinModel, rounds: int = 60) -> dict[str, float]:
    """CPU milliseconds (95th percentile) of a prediction of a long life with siblings and of a short one, in turns."""
    family = [long_life(f"failed{number}", 3000 + 20 * number) for number in range(SIBLINGS)]
    asked = long_life("asked", 2 * LONG_CYCLES)
    short = replace(long_life("short", 400, 168), facts=CellFacts(chemistry="LFP"))
    times: dict[str, list[float]] = {"long": [], "short": []}
    for turn in range(-1, rounds):  # the first reads the histories, as a delegate does once
        for name, ask in (
            ("long", lambda: model.predict(asked, siblings=family)),
            ("short", lambda: model.predict(short)),
        ):
            start = time.process_time()
            ask()
            if turn >= 0:
                times[name].append(1e3 * (time.process_time() - start))
    result = {f"{name}_p95_ms": sorted(each)[int(0.95 * len(each))] for name, each in times.items()}
    return result | {"ratio": result["long_p95_ms"] / result["short_p95_ms"]}


def measure_reference(reference: Path) -> dict[str, tuple[float, float]]:
    """By figure of `REFERENCE_LIMITS` that of this version and of an earlier one: CPU seconds of training, MB of the
    stored model and of a process that has answered for every training cell."""
    import resource

    result: dict[str, list[float]] = {name: [] for name in REFERENCE_LIMITS}
    for root in (ROOT, reference.resolve()):
        with tempfile.TemporaryDirectory() as folder:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [sys.executable, "-m", "model", "train", "--out", folder]
            subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            result["train_cpu_s"].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            result["stored_MB"].append(sum(file.stat().st_size for file in Path(folder).rglob("*.*")) / 1e6)
            answering = [sys.executable, "-c", ANSWERING, folder]
            told = subprocess.run(answering, cwd=root, check=True, capture_output=True, text=True).stdout
            result["memory_MB"].append(float(told) / 1e3)
    return {name: (mine, earlier) for name, (mine, earlier) in result.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--raw",
        type=Path,
        metavar="DIR",
        default=os.environ.get("TWIN_NASA_DIR"),
        help="folder of NASA's .mat files (default: TWIN_NASA_DIR)",
    )
    parser.add_argument(
        "--model-dir", type=Path, default=Path(os.environ.get("TWIN_MODEL_DIR", ROOT / ".twin" / "model"))
    )
    parser.add_argument("--reference", type=Path, metavar="DIR", help="checkout of an earlier version to compare with")
    options = parser.parse_args(arguments)
    try:
        if options.raw is None:
            print("feature extraction: not measured (needs --raw or TWIN_NASA_DIR)")
        else:
            found = measure_extraction(options.raw)
            print(
                f"features of {found['cells']} cells, {found['discharges']} discharges: "
                f"{found['extraction_s']:.2f} s CPU; scipy's reading alone {found['scipy_reading_s']:.2f} s; "
                f"ratio {found['ratio']:.2f} (at most {EXTRACTION_LIMIT})"
            )
        model = TwinModel.load(options.model_dir)
        for name, value in measure_answers(model).items():
            print(f"{name}: {value:.1f}")
        found = measure_long(model)
        print(
            f"predict of {LONG_CYCLES} cycles with {SIBLINGS} siblings: p95 {found['long_p95_ms']:.1f} ms CPU; of 168 "
            f"without {found['short_p95_ms']:.1f} ms; ratio {found['ratio']:.2f} (at most {LONG_LIMIT})"
        )
        if options.reference is not None:
            for name, (mine, earlier) in measure_reference(options.reference).items():
                limit = REFERENCE_LIMITS[name]
                print(f"{name}: {mine:.1f}, earlier {earlier:.1f}, ratio {mine / earlier:.2f} (at most {limit})")
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
