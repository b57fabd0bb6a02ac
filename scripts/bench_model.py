#!/usr/bin/env python3
"""Measures the model: feature extraction against scipy's reading alone, and the time of one prediction.

Needs NASA's raw files (--raw) for the first and a trained model (--model-dir) for the second.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import scipy.io  # noqa: E402

from model.errors import ModelError  # noqa: E402
from model.prediction import Scenario  # noqa: E402
from model.records import data, nasa  # noqa: E402
from model.serving.artifact import TwinModel  # noqa: E402

EXTRACTION_LIMIT = 1.5
"""Reading and feature extraction of all cells may take this multiple of scipy's reading alone."""


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
        for name, value in measure_answers(TwinModel.load(options.model_dir)).items():
            print(f"{name}: {value:.1f}")
    except ModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
