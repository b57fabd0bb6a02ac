#!/usr/bin/env python3
"""Measures the operations through BaSyx, beside an echo delegate through the same BaSyx.

Starts an AAS environment, a delegate and an HMI of its own, with cells named Bench.... Everything that is compared is
measured in turns in one run, so that other load on the machine meets both alike. Needs a trained model (--model-dir).
"""

import argparse
import base64
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import requests  # noqa: E402
from console import run  # noqa: E402

from aasx import shell  # noqa: E402
from aasx.cell_description import nasa_cells  # noqa: E402
from aasx.client import AasClient, AasError  # noqa: E402
from aasx.identifiers import fleet_submodel_id, submodel_id  # noqa: E402
from aasx.packages import package  # noqa: E402
from aasx.submodels import fleet, imports, operational_data  # noqa: E402
from model.records import data  # noqa: E402
from operations.cell import twin  # noqa: E402
from tests.servers import JAR, start_basyx, start_delegate, start_hmi  # noqa: E402

CALLERS = 8
ROUNDS = 27
PER_ROUND = 5
SHORT, LONG = 200, 20_000
PRESENT_LIMIT, PAST_LIMIT = 2.0, 2.5
"""95th percentile of Predict as a multiple of the echo's: of the present state, and of 168 cycles computed anew."""
RATE_LIMIT = 25.0
"""Predictions a second for CALLERS parallel callers."""
HALF_OPEN, HALF_OPEN_LIMIT = 300, 2.0
HALF_OPEN_TURNS, CALLS_A_TURN = 6, 25
"""Requests at each service that begin and never end; Predict's 95th percentile then, as a multiple of that without."""
GROWTH_LIMIT = 2.0
"""Cost of AppendCycle, and of a Predict whose history is remembered, at LONG cycles as a multiple of that at SHORT."""
COST_LIMITS = {"append_cycle": 6.0, "append_samples": 3.0}
"""95th percentile of AppendCycle, and of AppendSamples with `SAMPLES_A_CALL`, as multiples of the echo's."""
SAMPLES_A_CALL = 60
IMPORTED_CYCLES, IMPORT_LIMIT_s = 3_500, 60.0
"""Cycles of one file, and seconds until all that follows from them stands in the AAS, on two idle cores."""
BENCH = "Bench"
WARM_UP, COSTS_WARM_UP = 3, 30
"""Calls that are not counted. Of AppendCycle and AppendSamples more: the echo beside them has had hundreds by then, and
Java compiles what is called often; both are to be those of a server that has run for a while."""
FIRST_PAST = 12


def serve_echo(port: int) -> None:
    """The echo delegate: answers the variables it was given. Served as the delegate itself is."""
    import flask
    import waitress

    app = flask.Flask("echo")

    @app.post("/delegation/<cell>/<name>")
    def echo(cell: str, name: str) -> flask.Response:
        return flask.Response(flask.request.get_data(), content_type="application/json")

    waitress.serve(app, host="127.0.0.1", port=port, threads=16, _quiet=True)


@contextlib.contextmanager
def echo_delegate() -> Iterator[str]:
    """A running echo delegate in a process of its own; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, "--serve-echo", str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(100):
            with contextlib.suppress(requests.ConnectionError):
                requests.post(f"{url}/delegation/x/y", json=[], timeout=1)
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def records(cycles: int) -> list[dict[str, Any]]:
    """Records of B0005, or a longer history made of them: its cycles again and again, the capacity slowly falling."""
    history = data.history("B0005")
    rows = history.cycles.to_dict("records")
    start, made = rows[0]["start_time"], []
    for number in range(1, cycles + 1):
        row = rows[(number - 1) % len(rows)] | {"cycle_number": number}
        row["capacity_Ah"] = 1.9 - 0.45 * number / max(cycles, LONG) - 0.002 * (number % 5)
        row["start_time"] = start + twin.pd.Timedelta(hours=8 * number)
        made.append(twin.record_values(row, history.rated_capacity_Ah))
    return made


def put_cell(client: AasClient, name: str, cycles: int, delegate_url: str) -> None:
    """A cell made of B0005, with its line in the fleet's submodel."""
    description = nasa_cells()["B0005"].model_copy(update={"cell": name})
    rows = records(cycles)
    environment = package.environment_of(
        shell.build_cell(description, rows, delegate_url=delegate_url, older_in_tables=True)
    )
    for submodel in environment["submodels"]:
        client.put_submodel(submodel)
    for path, table in operational_data.tables(rows).items():
        client.put_attachment(submodel_id(name, "OperationalData"), path, "history.csv", table, "text/csv")
    for one in environment["assetAdministrationShells"]:
        del one["assetInformation"]["defaultThumbnail"]
        client.put_shell(one)
    client.append_element(fleet_submodel_id(), fleet.CELLS_PATH, fleet.cell_item(name))


def put_all(client: AasClient, environment: dict[str, Any]) -> None:
    for submodel in environment["submodels"]:
        client.put_submodel(submodel)
    for one in environment["assetAdministrationShells"]:
        client.put_shell(one)


class Caller:
    """Invokes operations as cheaply as a caller can: one kept connection, no decoding of the answer."""

    def __init__(self, basyx_url: str) -> None:
        self.basyx_url = basyx_url
        self.of_thread = threading.local()

    def invoke_ms(self, cell: str, submodel: str, operation: str, **inputs: tuple[str, Any]) -> float:
        """Milliseconds of one call. Raises AasError unless it is answered with Status ok (or by the echo)."""
        if not hasattr(self.of_thread, "session"):
            self.of_thread.session = requests.Session()
            self.of_thread.session.trust_env = False
        identifier = base64.urlsafe_b64encode(submodel_id(cell, submodel).encode()).decode().rstrip("=")
        url = f"{self.basyx_url}/submodels/{identifier}/submodel-elements/{operation}/invoke"
        arguments = [
            {"value": {"modelType": "Property", "idShort": name, "valueType": xs_type, "value": str(value)}}
            for name, (xs_type, value) in inputs.items()
        ]
        begun = time.perf_counter()
        answer = self.of_thread.session.post(url, json={"inputArguments": arguments}, timeout=60)
        took_ms = 1000 * (time.perf_counter() - begun)
        content = answer.json() if answer.status_code == 200 else {}
        outputs = {one["value"]["idShort"]: one["value"].get("value") for one in content.get("outputArguments") or []}
        if answer.status_code != 200 or outputs.get("Status", "ok") != "ok":
            raise AasError(f"{operation} of {cell} answered {answer.status_code} {outputs.get('Message')}")
        return took_ms


def measure_predict(caller: Caller) -> dict[str, float]:
    """Milliseconds of Predict and of the echo, in turns: the present state, and a past cycle another each time."""
    times: dict[str, list[float]] = {"echo": [], "predict": [], "past": []}
    level = {"ConfidenceLevel": ("xs:double", 0.9)}
    for turn in range(-WARM_UP, ROUNDS):
        for index in range(PER_ROUND):
            at_cycle = {"AtCycle": ("xs:int", FIRST_PAST + (turn + WARM_UP) * PER_ROUND + index)}
            found = (
                ("echo", caller.invoke_ms(f"{BENCH}Echo", "Prediction", "Predict", **level)),
                ("predict", caller.invoke_ms(f"{BENCH}0", "Prediction", "Predict", **level)),
                ("past", caller.invoke_ms(f"{BENCH}1", "Prediction", "Predict", **at_cycle)),
            )
            for name, took_ms in found if turn >= 0 else ():
                times[name].append(took_ms)
    result = {f"{name}_median_ms": statistics.median(values) for name, values in times.items()}
    result |= {f"{name}_p95_ms": percentile(values, 95) for name, values in times.items()}
    return result | {
        "p95_ratio": result["predict_p95_ms"] / result["echo_p95_ms"],
        "past_p95_ratio": result["past_p95_ms"] / result["echo_p95_ms"],
    }


def measure_rate(caller: Caller, seconds: float = 6.0) -> dict[str, float]:
    """Predictions a second of parallel callers: each on a cell of its own, and all over past cycles, computed anew."""
    result = {}
    for name in ("present", "past"):
        end, done = time.perf_counter() + seconds, [0] * CALLERS

        def call(number: int, end: float = end, done: list[int] = done, past: bool = name == "past") -> None:
            while time.perf_counter() < end:
                at_cycle = {"AtCycle": ("xs:int", 30 + done[number] % 138)} if past else {}
                caller.invoke_ms(f"{BENCH}{number}", "Prediction", "Predict", **at_cycle)
                done[number] += 1

        begun = time.perf_counter()
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(call, range(CALLERS)))
        result[f"{name}_per_s"] = sum(done) / (time.perf_counter() - begun)
    return result


def measure_length(caller: Caller) -> dict[str, float]:
    """Milliseconds of Predict on a short and on a long history: the first, that reads it, and later ones, in turns."""
    first = {length: caller.invoke_ms(f"{BENCH}{length}", "Prediction", "Predict") for length in (SHORT, LONG)}
    times: dict[int, list[float]] = {SHORT: [], LONG: []}
    for _ in range(ROUNDS):
        for length, found in times.items():
            found.append(caller.invoke_ms(f"{BENCH}{length}", "Prediction", "Predict"))
    short, long = statistics.median(times[SHORT]), statistics.median(times[LONG])
    return {
        "first_short_ms": first[SHORT], "first_long_ms": first[LONG], "length_short_ms": short, "length_long_ms": long,
        "length_ratio": long / short,
    }  # fmt: skip


def measure_append(caller: Caller, cycles: int = 25) -> dict[str, float]:
    """Milliseconds of AppendCycle on a short and on a long history, in turns."""
    times: dict[int, list[float]] = {SHORT: [], LONG: []}
    for added in range(1, cycles + 1):
        for length, found in times.items():
            values = {"id_cycle": ("xs:int", length + added), "ambient_temperature": ("xs:double", 24.0)}
            capacity = {"Capacity": ("xs:double", 1.45 - 0.0001 * added), "Duration": ("xs:double", 3000.0)}
            took_ms = caller.invoke_ms(f"{BENCH}{length}", "OperationalData", "AppendCycle", **values, **capacity)
            if added > 5:
                found.append(took_ms)
    short, long = statistics.median(times[SHORT]), statistics.median(times[LONG])
    return {f"append_{SHORT}_median_ms": short, f"append_{LONG}_median_ms": long, "append_ratio": long / short}


def measure_costs(caller: Caller) -> dict[str, float]:
    """Milliseconds of the echo, of AppendCycle and of AppendSamples with a minute of samples at 1 Hz, in turns."""
    times: dict[str, list[float]] = {"costs_echo": [], "append_cycle": [], "append_samples": []}
    start = twin.pd.Timestamp("2030-01-01")
    for turn in range(-COSTS_WARM_UP, ROUNDS * PER_ROUND):
        number = turn + COSTS_WARM_UP + 1
        cycle = {"id_cycle": ("xs:int", 168 + number), "Capacity": ("xs:double", 1.45 - 0.0001 * number)}
        cycle |= {"ambient_temperature": ("xs:double", 24.0), "Duration": ("xs:double", 3000.0)}
        cycle["Time"] = ("xs:dateTime", (start + twin.pd.Timedelta(hours=8 * number)).isoformat())
        rows = [f"{second},{3.8 - 0.0001 * (60 * number + second):.4f},-0.5" for second in range(SAMPLES_A_CALL)]
        samples = {
            "Samples": ("xs:string", "\n".join(["Time,Voltage_measured,Current_measured", *rows])),
            "StartTime": ("xs:dateTime", (start + twin.pd.Timedelta(minutes=number)).isoformat()),
            "PositiveCurrent": ("xs:string", "charge"),
        }
        found = (
            ("costs_echo", caller.invoke_ms(f"{BENCH}Echo", "Prediction", "Predict")),
            ("append_cycle", caller.invoke_ms(f"{BENCH}Cycle", "OperationalData", "AppendCycle", **cycle)),
            ("append_samples", caller.invoke_ms(f"{BENCH}Samples", "OperationalData", "AppendSamples", **samples)),
        )
        for name, took_ms in found if turn >= 0 else ():
            times[name].append(took_ms)
    result = {f"{name}_median_ms": statistics.median(values) for name, values in times.items()}
    result |= {f"{name}_p95_ms": percentile(values, 95) for name, values in times.items()}
    return result | {f"{name}_cost": result[f"{name}_p95_ms"] / result["costs_echo_p95_ms"] for name in COST_LIMITS}


def measure_import(client: AasClient) -> dict[str, float]:
    """Seconds from the upload of a long life as a table to the end of its import."""
    cell = f"{BENCH}Import"
    lines = ["cycle,date,capacity (Ah),max temperature (°C)"]
    for row in records(IMPORTED_CYCLES):
        lines.append(f"{row['id_cycle']},{row['Time']},{row['Capacity']:.4f},{row['Temperature_measured']:.1f}")
    content, data = "\n".join(lines).encode(), submodel_id(cell, "OperationalData")
    begun, item = time.perf_counter(), imports.new_import("life.csv", len(content))
    path, asked = f"{imports.IMPORTS}.{item['idShort']}", {"ImportId": item["idShort"]}
    client.append_element(data, imports.IMPORTS, item)
    client.put_attachment(data, f"{path}.{imports.DATA}", "life.csv", content, "text/csv")
    client.invoke(data, "ImportFile", asked)
    client.invoke(data, "ImportFile", asked | {"ImportAction": "start"})
    while (found := client.element_value(data, path))["ImportState"] in imports.AT_WORK:
        time.sleep(0.2)
    if found["CyclesTaken"] != IMPORTED_CYCLES:
        raise AasError(f"the import took {found['CyclesTaken']} of {IMPORTED_CYCLES} cycles: {found['ImportRemarks']}")
    return {"import_s": time.perf_counter() - begun}


@contextlib.contextmanager
def half_open(urls: Sequence[str], count: int = HALF_OPEN) -> Iterator[None]:
    """So many requests at each of these services that begin and never end."""
    with contextlib.ExitStack() as opened:
        for url in urls:
            place = urlsplit(url)
            for _ in range(count):
                held = socket.create_connection((place.hostname or "", place.port or 80), 10)
                opened.enter_context(held)
                held.sendall(b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-")
        yield


def measure_half_open(caller: Caller, urls: Sequence[str]) -> dict[str, float]:
    """Predict while requests at all services are half sent, and without them, in turns; each turn's first call, while
    the connections are still being taken, is not counted."""
    times: dict[str, list[float]] = {"undisturbed": [], "half_open": []}
    for _ in range(HALF_OPEN_TURNS):
        for name, held in (("undisturbed", contextlib.nullcontext()), ("half_open", half_open(urls))):
            with held:
                found = [caller.invoke_ms(f"{BENCH}0", "Prediction", "Predict") for _ in range(CALLS_A_TURN + 1)]
            times[name] += found[1:]
    p95 = {name: percentile(values, 95) for name, values in times.items()}
    return {f"{name}_p95_ms": value for name, value in p95.items()} | {
        "half_open_ratio": p95["half_open"] / p95["undisturbed"]
    }


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


@contextlib.contextmanager
def services(model_dir: Path) -> Iterator[tuple[str, str, str]]:
    """URLs of an AAS environment, a delegate and an HMI that run while the block does."""
    with tempfile.TemporaryDirectory(prefix="bench-operations-") as folder, contextlib.ExitStack() as started:
        basyx = start_basyx(Path(folder) / "store")
        started.callback(basyx.stop)
        delegate = start_delegate(basyx.url, model_dir, Path(folder))
        started.callback(delegate.stop)
        hmi = start_hmi(basyx.url, Path(folder))
        started.callback(hmi.stop)
        yield basyx.url, delegate.url, hmi.url


def measure(basyx_url: str, delegate_url: str, hmi_url: str) -> dict[str, float]:
    """All figures of this script."""
    client, caller = AasClient(basyx_url, timeout_s=60.0), Caller(basyx_url)
    put_all(client, package.environment_of(shell.build_fleet({})))
    with echo_delegate() as echo_url:
        cells = {f"{BENCH}{number}": (168, delegate_url) for number in range(CALLERS)}
        cells |= {f"{BENCH}{length}": (length, delegate_url) for length in (SHORT, LONG)}
        cells |= {f"{BENCH}{name}": (168, delegate_url) for name in ("Cycle", "Samples")}
        cells |= {f"{BENCH}Echo": (168, echo_url), f"{BENCH}Import": (0, delegate_url)}
        for name, (cycles, url) in cells.items():
            put_cell(client, name, cycles, url)
        found = measure_predict(caller) | measure_half_open(caller, (basyx_url, delegate_url, hmi_url))
        found |= measure_costs(caller) | measure_rate(caller) | measure_import(client)
        return found | measure_length(caller) | measure_append(caller)


def report(figures: dict[str, float]) -> list[str]:
    def ms(name: str) -> str:
        return f"{figures[f'{name}_median_ms']:.1f} ms (p95 {figures[f'{name}_p95_ms']:.1f} ms)"

    return [
        f"echo through BaSyx: {ms('echo')}",
        f"Predict, present state: {ms('predict')}, p95 {figures['p95_ratio']:.1f} x the echo's (at most "
        f"{PRESENT_LIMIT:g})",
        f"Predict, a new past cycle each time: {ms('past')}, p95 {figures['past_p95_ratio']:.1f} x the echo's "
        f"(at most {PAST_LIMIT:g})",
        f"Predict while {HALF_OPEN} requests are half sent to each service: p95 {figures['half_open_p95_ms']:.1f} ms, "
        f"without {figures['undisturbed_p95_ms']:.1f} ms: {figures['half_open_ratio']:.2f} x "
        f"(at most {HALF_OPEN_LIMIT:g})",
        f"{CALLERS} parallel callers: {figures['present_per_s']:.0f} predictions/s of the present state, "
        f"{figures['past_per_s']:.0f}/s of past cycles (at least {RATE_LIMIT:g})",
        f"Predict at {SHORT} cycles {figures['length_short_ms']:.1f} ms, at {LONG} {figures['length_long_ms']:.1f} ms: "
        f"{figures['length_ratio']:.2f} x (at most {GROWTH_LIMIT:g}); the first, that reads the history, "
        f"{figures['first_short_ms']:.0f} and {figures['first_long_ms']:.0f} ms",
        f"AppendCycle: {figures[f'append_{SHORT}_median_ms']:.1f} ms at {SHORT} cycles, "
        f"{figures[f'append_{LONG}_median_ms']:.1f} ms at {LONG}: {figures['append_ratio']:.2f} x "
        f"(at most {GROWTH_LIMIT:g})",
        *(
            f"{title}: {ms(name)}, p95 {figures[f'{name}_cost']:.1f} x the echo's (at most {COST_LIMITS[name]:g})"
            for name, title in (
                ("append_cycle", "AppendCycle"),
                ("append_samples", f"AppendSamples of {SAMPLES_A_CALL} samples"),
            )
        ),
        f"ImportFile of {IMPORTED_CYCLES} cycles: {figures['import_s']:.1f} s "
        f"(at most {IMPORT_LIMIT_s:g} s on two idle cores)",
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--model-dir", type=Path, default=Path(os.environ.get("TWIN_MODEL_DIR", ROOT / ".twin" / "model"))
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--serve-echo", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve_echo:
        serve_echo(options.serve_echo)
        return 0
    if not JAR.exists():
        print(f"{JAR} is missing: build it with  mvn -q -B package  in aasx/environment", file=sys.stderr)
        return 2
    with services(options.model_dir.resolve()) as urls:
        figures = measure(*urls)
    print(json.dumps(figures, indent=1) if options.json else "\n".join(report(figures)))
    return 0


if __name__ == "__main__":
    run(main)
