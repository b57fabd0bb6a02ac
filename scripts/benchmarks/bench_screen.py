"""What the screen waits for: a large fleet against a small one, a long life against a short one and its downloads, many
alerts against few.

Views run in Streamlit's own test harness against a real AAS environment, without a browser; the first look reads
everything anew, "filtered" and "page 2" are what a change of the list costs then. The delegate takes no part: nothing
is predicted.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from console import run  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.cell_description import from_mapping  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.elements import values  # noqa: E402
from aasx.packages import package  # noqa: E402
from aasx.shell import build_cell, build_fleet, cell_files  # noqa: E402
from aasx.submodels import prediction  # noqa: E402
from tests.servers import JAR, start_basyx  # noqa: E402

FLEETS = (30, 300, 2000)
CHANGES = ("", "filtered", "page 2")
LIVES = (168, 3500)
ALERTS = ((10, 1), (10, 50), (500, 1))
"""Cells, and alerts that wait of each."""

LOOKS = {"cell": "smalls", "live": "tiles", "compare": "table"}
"""Views of one life, and what each shows when its first content is there."""

MOST_S = {"fleet": 2.0, "cell": 2.0, "live": 2.0, "compare": 2.0, "alerts": 2.0, "export": 20.0}
"""What a person may wait for the first content, and for a download of a life."""

NOBODY = "http://127.0.0.1:9"


def fleet_rows(cells: int) -> dict[str, dict[str, Any]]:
    """Cells of five types, a sixth of them in each state or worse."""
    severities = ("none", "none", "none", "warning", "critical", "endOfLife")
    return {
        f"C{index:05d}": {
            "AtCycle": 157, "Capacity": 1.58 - index % 97 * 0.004, "StateOfHealth": 79.0 - index % 97 * 0.2,
            "StateOfHealthLower": 78.0 - index % 97 * 0.2, "StateOfHealthUpper": 80.0 - index % 97 * 0.2,
            "RUL": 95.0 + index % 97, "RULLower": 60.0, "RULUpper": 240.0, "EndOfLifeCycle": 252 + index % 97,
            "AlertSeverity": severities[index % 6], "UnacknowledgedAlerts": int(index % 6 > 3),
            "LastUpdate": "2026-01-01T00:00:00Z", "CellType": f"Type {index % 5}", "CyclesPerDay": 4.0,
            "LastCycleTime": "2026-01-01T00:00:00Z", "PredictionGrade": "validated",
            "CapacityTrend": " ".join(f"{k}:{1.9 - 0.002 * k - index % 97 * 0.0004:.4f}" for k in range(1, 160, 4)),
        }
        for index in range(cells)
    }  # fmt: skip


def life(cycles: int) -> list[dict[str, Any]]:
    return [
        {"id_cycle": k, "Time": f"20{20 + k // 8000:02d}-01-{1 + k % 28:02d}T{k % 24:02d}:00:00", "type": "discharge",
         "ambient_temperature": 24.0, "Capacity": 1.9 - 0.5 * k / cycles + 0.01 * math.sin(k),
         "Temperature_measured": 35.0, "Voltage_measured": 3.5, "ChargeCapacity": 2.0}
        for k in range(1, cycles + 1)
    ]  # fmt: skip


def load_alerts(client: AasClient, cells: int, each: int) -> None:
    """A fleet of cells with so many alerts each; only those of a page are read one by one."""
    rows = fleet_rows(cells)
    for row in rows.values():
        row |= {"AlertSeverity": "critical", "UnacknowledgedAlerts": each, "NewestAlertAt": "2026-01-28T08:00:00Z"}
    transfer.load(client, package.Package(package.environment_of(build_fleet(rows, NOBODY)), {}))
    for cell in rows:
        alerts = [
            {"AlertId": f"{cell}-{number}", "Indicator": "RUL", "Severity": ("warning", "critical")[number % 2],
             "ThresholdValue": 30.0, "ActualValue": 30.0 - number % 30, "AlertState": "activeUnacknowledged",
             "RaisedAt": f"2026-01-{1 + number % 28:02d}T08:00:00Z"}
            for number in range(each)
        ]  # fmt: skip
        made = prediction.build(from_mapping({"cell": cell, "source": "made here"}), NOBODY)
        (submodel,) = package.environment_of([made])["submodels"]
        client.put_submodel(values.with_values(submodel, {"ActiveAlerts": alerts}, prediction.list_items()))


def empty(client: AasClient) -> None:
    for shell in list(client.shells()):
        client.delete_shell(shell["id"])
    for submodel in list(client.submodels()):
        client.delete_submodel(submodel["id"])


def look(address: dict[str, str], change: str = "") -> tuple[float, str]:
    """Seconds of one look with nothing known, or of a change of what is looked at; and the HTML it shows."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    st.cache_resource.clear()
    page = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    for name, value in {"lang": "en", **address}.items():
        page.query_params[name] = value
    if change:
        page.run()
    if change == "filtered":
        page.text_input(key="fleet_q").set_value("7")
    elif change:
        page.query_params["page"] = "2"
    begun = time.perf_counter()
    page.run()
    took = time.perf_counter() - begun
    if page.exception:
        raise RuntimeError(str(page.exception[0].message))
    return took, "".join(element.proto.body for element in page.get("html"))


def measure(repetitions: int) -> dict[str, dict[str, float]]:
    """Median seconds of the first look by case; JSON-able."""
    found: dict[str, dict[str, float]] = {name: {} for name in MOST_S}
    with tempfile.TemporaryDirectory(prefix="bench-screen-") as folder:
        server = start_basyx(Path(folder) / "store")
        os.environ["TWIN_BASYX_URL"] = server.url
        try:
            client = AasClient(server.url)
            for cells in FLEETS:
                transfer.load(
                    client, package.Package(package.environment_of(build_fleet(fleet_rows(cells), NOBODY)), {})
                )
                for change in CHANGES if cells > FLEETS[0] else CHANGES[:1]:
                    name = f"{cells} cells{', ' if change else ''}{change}"
                    found["fleet"][name] = _median(repetitions, {"view": "fleet"}, "table", change)
                empty(client)
            for cells, each in ALERTS:
                load_alerts(client, cells, each)
                name = f"{cells * each} of {cells} cells"
                found["alerts"][name] = _median(repetitions, {"view": "alerts"}, 'class="alert"')
                empty(client)
            names = {cycles: f"Life{cycles}" for cycles in LIVES}
            fleet = build_fleet({name: {} for name in names.values()}, NOBODY)
            transfer.load(client, package.Package(package.environment_of(fleet), {}))
            for cycles, name in names.items():
                description, records = from_mapping({"cell": name, "source": "made here"}), life(cycles)
                objects = build_cell(description, records=records, delegate_url=NOBODY, older_in_tables=True)
                files = cell_files(description, None, records)
                transfer.load(client, package.Package(package.environment_of(objects), files))
                for view, shown in LOOKS.items():
                    address = {"view": view, "cell": name, "cells": ",".join(names.values())}
                    found[view][f"{cycles} cycles"] = _median(repetitions, address, shown)
                for kind, took in exported(server.url, name).items():
                    found["export"][f"{cycles} cycles as {kind}"] = took
        finally:
            server.stop()
    return found


def exported(url: str, cell: str) -> dict[str, float]:
    """Seconds of each download of a cell, with nothing known."""
    from dashboard.reading.twin import Twin
    from dashboard.views.cell import records_csv

    found = {}
    for kind in ("CSV", "AASX"):
        twin, begun = Twin(url), time.perf_counter()
        page: Any = SimpleNamespace(twin=twin, words=SimpleNamespace(code="fr"))
        content = records_csv(page, cell) if kind == "CSV" else twin.export([cell])
        found[kind] = round(time.perf_counter() - begun, 3)
        if not content:
            raise RuntimeError(f"the {kind} of {cell} is empty")
    return found


def _median(repetitions: int, address: dict[str, str], expected: str, change: str = "") -> float:
    times = []
    for _ in range(repetitions + 1):  # the first one imports
        took, html = look(address, change)
        if expected not in html:
            raise RuntimeError(f"{address} shows no {expected}")
        times.append(took)
    return round(median(times[1:]), 3)


def as_markdown(results: dict[str, dict[str, float]]) -> str:
    lines = ["| first look, change, or download | s | of the first | at most, s |", "|---|---:|---:|---:|"]
    for view, cases in results.items():
        least = next(iter(cases.values()))
        lines += [
            f"| {view}, {case} | {took:.2f} | {took / least:.1f} × | {MOST_S[view]:g} |" for case, took in cases.items()
        ]
    return "\n".join([*lines, *(f"MISSED: {line}" for line in missed(results))])


def missed(results: dict[str, dict[str, float]]) -> list[str]:
    return [
        f"{view}, {case}: {took:.2f} s, allowed {MOST_S[view]:g} s"
        for view, cases in results.items()
        for case, took in cases.items()
        if took > MOST_S[view]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3, help="looks per case (default 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if not JAR.exists():
        print(f"{JAR} is missing: build it with  mvn -q -B package  in aasx/environment", file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)
    results = measure(max(1, options.repetitions))
    print(json.dumps(results, indent=2) if options.json else as_markdown(results))
    return 1 if missed(results) else 0


if __name__ == "__main__":
    run(main)
