#!/usr/bin/env python3
"""Measures a large store beside a small one: 2,000 cells of 168 cycles and one of 20,000, against 30 cells.

Both environments run side by side with -Xmx512m, each with a delegate, and get the same requests in turn. The small
store is filled through the API; the large one is a copy of its SQLite file, whose cells are then multiplied there.
Needs a trained model (--model-dir).
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from bench_operations import LONG, Caller, put_all, put_cell  # noqa: E402
from console import run  # noqa: E402

from aasx import shell  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.identifiers import submodel_id  # noqa: E402
from aasx.packages import package  # noqa: E402
from aasx.submodels.operational_data import RECORDS_PATH  # noqa: E402
from tests.servers import JAR, Server, free_port, start_basyx, start_delegate  # noqa: E402

SMALL, LARGE, CYCLES = 30, 2000, 168
FILLED = "filled"
HEAP = "-Xmx512m"
LIMITS = {"start": 3.0, "patch": 1.5, "live_state": 1.5, "append": 1.5, "predict": 1.5}
"""Of the large store's times as multiples of the small one's: the median of the starts, the 95th percentile of the
others."""
RESIDENT_LIMIT_MB = 900
START_TIMEOUT_s = 300.0
STARTS = 3
ROUNDS = 300
PREDICTED = 30
"""So many cells are predicted in turn, as many in both stores; their histories are remembered by then."""


def name_of(number: int) -> str:
    return f"Bench{number:05d}"


def fill(folder: Path, told: Callable[[str], None]) -> dict[str, Path]:
    """Two store folders: the small one, and the large one made of it."""
    stores = {"small": folder / "small" / "store", "large": folder / "large" / "store"}
    if (folder / FILLED).exists():
        return stores
    server = start_basyx(stores["small"])
    client = AasClient(server.url, timeout_s=60.0)
    put_all(client, package.environment_of(shell.build_fleet({})))
    for number in range(SMALL):
        put_cell(client, name_of(number), CYCLES, "http://127.0.0.1:5000")
    server.stop()
    told(f"{SMALL} cells of {CYCLES} cycles in the small store")
    stores["large"].mkdir(parents=True)
    shutil.copy(stores["small"] / "twin.db", stores["large"])
    multiply(stores["large"] / "twin.db")
    server = start_basyx(stores["large"])
    put_cell(AasClient(server.url, timeout_s=300.0), name_of(LARGE), LONG, "http://127.0.0.1:5000")
    server.stop()
    size_MB = (stores["large"] / "twin.db").stat().st_size / 1e6
    (folder / FILLED).touch()
    told(f"{LARGE} cells of {CYCLES} cycles and one of {LONG} in the large one: {size_MB:.0f} MB")
    return stores


def multiply(file: Path) -> None:
    """Copies the rows of the cells, renamed, until there are LARGE cells."""
    with closing(sqlite3.connect(file)) as database, database:
        database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")
        heads = database.execute("SELECT MAX(nr) + 1 FROM identifiable").fetchone()[0]
        elements = database.execute("SELECT MAX(nr) + 1 FROM element").fetchone()[0]
        cells_nr, fleet_nr = database.execute(
            "SELECT e.nr, e.owner FROM element e JOIN identifiable i ON e.owner = i.nr WHERE e.parent = 0"
            " AND e.name = 'Cells' AND i.json LIKE '%\"idShort\":\"Fleet\"%'"
        ).fetchone()
        for number in range(SMALL, LARGE):
            old, new = name_of(number % SMALL), name_of(number)
            times = number // SMALL
            database.execute(
                "INSERT INTO identifiable (nr, kind, name, meaning, version, json) SELECT nr + ?, kind,"
                " REPLACE(name, ?, ?), meaning, version, REPLACE(json, ?, ?) FROM identifiable WHERE name LIKE ?"
                " AND nr < ?",
                (times * heads, old, new, old, new, f"%{old}%", heads),
            )
            columns = [row[1] for row in database.execute("PRAGMA table_info(element)")]
            changed = {"nr": "nr + :elements", "owner": "owner + :heads", "json": "REPLACE(json, :old, :new)",
                       "parent": "CASE parent WHEN 0 THEN 0 ELSE parent + :elements END"}  # fmt: skip
            values = {"elements": times * elements, "heads": times * heads, "old": old, "new": new, "last": heads}
            database.execute(
                f"INSERT INTO element ({', '.join(columns)}) SELECT"
                f" {', '.join(changed.get(column, column) for column in columns)} FROM element WHERE owner IN"
                " (SELECT nr FROM identifiable WHERE name LIKE '%' || :old || '%' AND nr < :last)",
                values,
            )
            line = changed | {"owner": "owner", "parent": "parent", "name": ":new", "position": "position + :times",
                              "nr": "nr + :elements"}  # fmt: skip
            database.execute(
                f"INSERT INTO element ({', '.join(columns)}) SELECT"
                f" {', '.join(line.get(column, column) for column in columns)} FROM element WHERE owner = :fleet"
                " AND parent = :cells AND name = :old",
                values | {"fleet": fleet_nr, "cells": cells_nr, "times": times * SMALL},
            )


@contextmanager
def running(stores: dict[str, Path], **more: Any) -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        servers = {}
        for name, store in stores.items():
            servers[name] = start_basyx(
                store, start_timeout_s=START_TIMEOUT_s, jvm=[HEAP], **{k: v[name] for k, v in more.items()}
            )
            stack.callback(servers[name].stop)
        yield servers


def measure_starts(stores: dict[str, Path]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(STARTS):
        for name, store in stores.items():
            begun = time.perf_counter()
            server = start_basyx(store, start_timeout_s=START_TIMEOUT_s, jvm=[HEAP])
            times[name].append(time.perf_counter() - begun)
            server.stop()
    return {name: median(values) for name, values in times.items()}


def measure(folder: Path, model_dir: Path, rounds: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Fills and measures; the result is JSON-able: operation -> store -> p95 in ms, and the ratios."""
    stores = fill(folder, told)
    result: dict[str, Any] = {"start_s": measure_starts(stores)}
    told("started; measuring requests")
    ports = {name: free_port() for name in stores}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    with running(stores, twin_delegate_urls=urls) as servers, ExitStack() as stack:
        for name, server in servers.items():
            delegate = start_delegate(server.url, model_dir, folder, ports[name])
            stack.callback(delegate.stop)
        result |= measure_requests({name: server.url for name, server in servers.items()}, rounds)
        result["resident_MB"] = {name: resident_MB(server) for name, server in servers.items()}
    result["ratios"] = {
        operation: round(figures["large"] / figures["small"], 2)
        for operation, figures in ((one, result.get(f"{one}_p95_ms", result["start_s"])) for one in LIMITS)
    }
    return result


def measure_requests(urls: dict[str, str], rounds: int) -> dict[str, Any]:
    """Milliseconds (95th percentile) of one request at a cell taken at random, in turns through both stores."""
    clients = {name: AasClient(url, timeout_s=60.0) for name, url in urls.items()}
    callers = {name: Caller(url) for name, url in urls.items()}
    count, chosen = {"small": SMALL, "large": LARGE}, random.Random(14)
    this_run = int(time.time())  # the stores may have records of earlier ones
    predicted = {name: [name_of(number) for number in chosen.sample(range(count[name]), PREDICTED)] for name in urls}
    item = clients["small"].element(submodel_id(name_of(0), "OperationalData"), f"{RECORDS_PATH}.Record0001")

    def of_random(name: str) -> str:
        return submodel_id(name_of(chosen.randrange(count[name])), "OperationalData")

    def patch(name: str, turn: int) -> None:
        clients[name].set_value(of_random(name), "LiveState.Capacity", 1.5 + turn / 1e4)

    def live_state(name: str, turn: int) -> None:
        clients[name].element(of_random(name), "LiveState")

    def append(name: str, turn: int) -> None:
        new = {"idShort": f"Run{this_run}_{turn + 1000}"}
        clients[name].append_element(of_random(name), RECORDS_PATH, item | new)

    def predict(name: str, turn: int) -> None:
        callers[name].invoke_ms(predicted[name][turn % PREDICTED], "Prediction", "Predict")

    found = {}
    for step in (patch, live_state, predict, append):
        times: dict[str, list[float]] = {name: [] for name in urls}
        for turn in range(-2 * PREDICTED, rounds):
            for name, measured in times.items():
                begun = time.perf_counter()
                step(name, turn)
                if turn >= 0:
                    measured.append(1000 * (time.perf_counter() - begun))
        found[f"{step.__name__}_p95_ms"] = {name: quantiles(values, n=20)[-1] for name, values in times.items()}
    return found


def resident_MB(server: Server) -> float:
    """The most that was resident of the process until now."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def report(result: dict[str, Any]) -> list[str]:
    lines = []
    for operation, limit in LIMITS.items():
        figures = result.get(f"{operation}_p95_ms", result["start_s"])
        unit = "s" if operation == "start" else "ms, p95"
        lines.append(
            f"{operation}: {figures['small']:.1f} and {figures['large']:.1f} {unit}: "
            f"{result['ratios'][operation]:.2f} x (at most {limit:g})"
        )
    resident = result["resident_MB"]
    lines.append(
        f"resident, at the most: {resident['small']:.0f} and {resident['large']:.0f} MB (at most {RESIDENT_LIMIT_MB})"
    )
    return lines


def missed(result: dict[str, Any]) -> bool:
    over = any(result["ratios"][operation] > limit for operation, limit in LIMITS.items())
    return over or result["resident_MB"]["large"] > RESIDENT_LIMIT_MB


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"requests of each kind (default {ROUNDS})")
    parser.add_argument(
        "--model-dir", type=Path, default=Path(os.environ.get("TWIN_MODEL_DIR", ROOT / ".twin" / "model"))
    )
    parser.add_argument("--stores", type=Path, metavar="DIR", help="folder where the filled stores stay for later runs")
    parser.add_argument("--fill", action="store_true", help="only fill the stores")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    if not JAR.exists():
        print(f"{JAR} is missing: build it with  mvn -q -B package  in aasx/environment", file=sys.stderr)
        return 2
    begun = time.monotonic()

    def told(text: str) -> None:
        print(f"{time.monotonic() - begun:4.0f} s: {text}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench-store-") as temporary:
        folder = (options.stores or Path(temporary)).resolve()
        if options.fill:
            fill(folder, told)
            return 0
        result = measure(folder, options.model_dir.resolve(), options.rounds, told)
    print(json.dumps(result, indent=1) if options.json else "\n".join(report(result)))
    return 1 if missed(result) else 0


if __name__ == "__main__":
    run(main)
