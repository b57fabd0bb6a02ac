"""What durability costs: the AAS environment's store against BaSyx's in-memory backend, in one run.

Environments run side by side (in memory; SQLite; SQLite without fsync; PostgreSQL where it is installed) and get the
same requests in turn, so that whatever else the machine does hits all alike. Times are client times of one HTTP
request, keep-alive.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.environment.postgres import Postgres, server_programs  # noqa: E402
from tests.environment.rest import Session, collection, element_list, encoded, prop, record, submodel  # noqa: E402
from tests.servers import JAR, Server, start_basyx  # noqa: E402

BACKENDS: dict[str, dict[str, Any]] = {
    "in memory": {"basyx_backend": "InMemory"},
    "SQLite": {"basyx_backend": "Database"},
    "SQLite without fsync": {"basyx_backend": "Database", "twin_store_fsync": "false"},
}
POSTGRES = "PostgreSQL"
RECORD_PROPERTIES = 36  # about as many as the twin's own records have
LIST_LENGTHS = (100, 500, 1000, 2000)
VALUE_RECORDS = 1000
ALLOWED = {  # of the time in memory; values are read there with BaSyx's own writer, as they were here before
    "patch_small": {"SQLite": 2.0, POSTGRES: 4.0},
    "append_to_1000": {"SQLite": 2.0, POSTGRES: 4.0},
    f"value_of_{VALUE_RECORDS}": {"SQLite": 0.2, POSTGRES: 0.2},
}


def times_ms(sessions: dict[str, Session], repetitions: int, method: str, path: str, body) -> dict[str, list[float]]:
    """Sends `body(i)` to every session in turn, `repetitions` times; the first tenth is warm-up and not counted."""
    found: dict[str, list[float]] = {name: [] for name in sessions}
    for i in range(repetitions + repetitions // 10):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.must(method, path, json=body(i))
            found[name].append((time.perf_counter() - start) * 1000)
    return {name: values[repetitions // 10 :] for name, values in found.items()}


def summary(values: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    return {name: {"median_ms": round(median(all_ms), 3), "p95_ms": round(quantiles(all_ms, n=20)[-1], 3)}
            for name, all_ms in values.items()}  # fmt: skip


def measure(repetitions: int = 300) -> dict:
    """Starts the environments and measures; the result is JSON-able: operation -> backend -> median_ms, p95_ms."""
    with tempfile.TemporaryDirectory(prefix="bench-environment-") as folder:
        servers: dict[str, Server] = {}
        database = Postgres() if server_programs() else None
        try:
            backends = BACKENDS | ({POSTGRES: database.database("bench")} if database else {})
            for name, properties in backends.items():
                servers[name] = start_basyx(Path(folder) / name.replace(" ", "-") / "store", **properties)
            return _measure({name: Session(server.url) for name, server in servers.items()}, repetitions)
        finally:
            for server in servers.values():
                server.stop()
            if database:
                database.remove()


def _measure(sessions: dict[str, Session], repetitions: int) -> dict:
    results: dict = {"repetitions": repetitions, "record_properties": RECORD_PROPERTIES}
    small = [collection("Live", [prop(f"P{i}", "0", "xs:double") for i in range(12)])]
    for session in sessions.values():
        session.must("POST", "/submodels", json=submodel("urn:bench:small", small))
    path = f"/submodels/{encoded('urn:bench:small')}/submodel-elements/Live.P3/$value"
    times_ms(sessions, repetitions, "PATCH", path, str)  # warms up the servers; not counted
    results["patch_small"] = summary(times_ms(sessions, repetitions, "PATCH", path, str))
    for length in LIST_LENGTHS:
        identifier = f"urn:bench:list{length}"
        records = [record(f"r-{i}", RECORD_PROPERTIES) for i in range(length)]
        for session in sessions.values():
            session.must("POST", "/submodels", json=submodel(identifier, [element_list("List", records)]))
        path = f"/submodels/{encoded(identifier)}/submodel-elements/List"
        appended = times_ms(sessions, repetitions // 3, "POST", path, lambda i: record(f"n-{i}", RECORD_PROPERTIES))
        results[f"append_to_{length}"] = summary(appended)
        if length == VALUE_RECORDS:
            read = times_ms(sessions, 30, "GET", f"{path}/$value", lambda i: None)
            results[f"value_of_{length}"] = summary(read)
    results["ratios"] = {
        operation: {name: _ratio(results[operation], name) for name in sessions if name != "in memory"}
        for operation in ALLOWED
    }
    return results


def _ratio(by_backend: dict[str, dict[str, float]], name: str) -> float:
    return round(by_backend[name]["median_ms"] / by_backend["in memory"]["median_ms"], 2)


def missed(results: dict) -> list[str]:
    """What is slower, against BaSyx in memory, than allowed."""
    return [
        f"{operation} on {name}: {results['ratios'][operation][name]} × in memory, allowed {allowed:g}"
        for operation, by_name in ALLOWED.items()
        for name, allowed in by_name.items()
        if results["ratios"][operation].get(name, 0) > allowed
    ]


def as_markdown(results: dict) -> str:
    names = list(results["patch_small"])
    lines = [f"| median (p95), ms | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for operation, values in results.items():
        if isinstance(values, dict) and operation != "ratios":
            cells = [f"{values[name]['median_ms']:.2f} ({values[name]['p95_ms']:.2f})" for name in names]
            lines.append(f"| {operation.replace('_', ' ')} | {' | '.join(cells)} |")
    lines.append("")
    for operation, by_name in results["ratios"].items():
        told = ", ".join(f"{name} {ratio} ×" for name, ratio in by_name.items())
        lines.append(f"{operation.replace('_', ' ')}, of in memory: {told}")
    return "\n".join(lines + [f"MISSED: {line}" for line in missed(results)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=300, help="requests per operation and backend (default 300)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.repetitions < 30:
        print("--repetitions must be at least 30", file=sys.stderr)
        return 2
    if not JAR.exists():
        print(f"{JAR} is missing: build it with  mvn -q -B package  in aasx/environment", file=sys.stderr)
        return 2
    try:
        results = measure(options.repetitions)
    except (RuntimeError, requests.RequestException) as error:
        print(f"the environment failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(results, indent=2) if options.json else as_markdown(results))
    return 1 if missed(results) else 0


if __name__ == "__main__":
    sys.exit(main())
