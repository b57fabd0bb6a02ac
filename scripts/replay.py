#!/usr/bin/env python3
"""Plays a real cell's cycles into a replay cell, one after another, as a battery management system would.

Each cycle goes through the operation AppendCycle of the AAS: the measured values of the cycle and the curves of its
charge and discharge. The replay cell (B0005_replay for B0005) is created empty if it is missing, and continued if it
has cycles already. The curves kept in this project are thinned, so the values of the cycle, which need the full
curves, are taken from the project's tables.

With `--to samples` or `--to mqtt` only samples go, through AppendSamples or an MQTT broker of TWIN_MQTT_BROKERS (for
which a feeder runs), and the twin finds the cycles: exact ones out of NASA's raw files where TWIN_NASA_DIR has them,
else the thinned curves, from which a capacity comes out within 0.5 %.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from console import add_basyx_url, run  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.cell_description import nasa_cells  # noqa: E402
from aasx.client import AasClient, AasError, NotFound  # noqa: E402
from aasx.identifiers import check_cell_name, shell_id, submodel_id  # noqa: E402
from aasx.submodels.asset_interfaces import Feed, Source  # noqa: E402
from aasx.vocabulary import IN_SERVICE  # noqa: E402
from model.records import data  # noqa: E402
from model.records.cycle import NASA_LIMITS  # noqa: E402
from model.records.features import SAMPLE_NAMES  # noqa: E402
from model.records.nasa import CellFile, plain_files, read_cell  # noqa: E402
from operations.append_cycle import sample_ranges  # noqa: E402
from operations.append_samples import MOST_SAMPLES  # noqa: E402
from operations.cell import clock, twin  # noqa: E402
from operations.feed import brokers  # noqa: E402

CYCLES, SAMPLES, MQTT = "cycles", "samples", "mqtt"
REST_s = 60.0
"""Between a charge and its discharge where only the start of the discharge is known (thinned curves)."""
AT_ONCE = 500
"""Messages that are published before the twin has taken the ones before: a broker keeps some 1,000."""
COMPUTED = ("StateOfHealth", "type")
PATIENCE_S = 60.0
"""So long a cycle is sent again and again while the AAS environment or the delegate is away."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cell", metavar="CELL", help=f"one of {data.cells()[0]} ... {data.cells()[-1]}")
    parser.add_argument("--into", metavar="NAME", help="the cell to play into (default: CELL_replay)")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="N", help="cycles a second, 0: no pause (default 1)"
    )
    parser.add_argument("--from", dest="first", type=int, metavar="K", help="first cycle (default: the next one)")
    parser.add_argument("--until", dest="last", type=int, metavar="K", help="last cycle (default: the cell's last)")
    parser.add_argument(
        "--to", choices=(CYCLES, SAMPLES, MQTT), default=CYCLES,
        help="AppendCycle, AppendSamples, or a broker from which a feeder takes the samples (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--broker", metavar="NAME", help="with --to mqtt: of TWIN_MQTT_BROKERS (default: the first)")
    add_basyx_url(parser)
    return parser.parse_args(arguments)


class Block(NamedTuple):
    """The samples of one cycle: what came after the discharge before it, and its discharge; s by the bench's clock."""

    number: int
    rows: np.ndarray
    ambient_degC: float | None


def blocks(cell: str, first: int, last: int) -> tuple[bool, Iterator[Block]]:
    """Whether the samples are the exact ones, and those of the cycles from `first` to `last`."""
    folder = os.environ.get("TWIN_NASA_DIR")
    files = plain_files(Path(folder), {cell}) if folder else {}
    cycles = data.history(cell).cycles.set_index("cycle_number", drop=False).loc[first:last]
    if cell in files:
        return True, _raw_blocks(files[cell], cell, cycles)
    return False, _thinned_blocks(cell, cycles)


def _raw_blocks(path: Path, cell: str, cycles: pd.DataFrame) -> Iterator[Block]:
    with path.open("rb") as file:
        recording = read_cell(CellFile(cell, str(path), file))
    at_s = [clock.seconds(start) for start in recording.starts]
    edges = [clock.seconds(row["start_time"]) for row in cycles.to_dict("records")]
    before = clock.seconds(start) if (start := _start_before(cell, cycles)) is not None else -np.inf
    for low, row in zip([before, *edges], cycles.to_dict("records"), strict=False):
        high = clock.seconds(row["start_time"])
        parts = [
            recording.curve(i).to_numpy(dtype=float) + np.array([at_s[i], 0.0, 0.0, 0.0])
            for i, kind in enumerate(recording.kinds)
            if kind != "impedance" and low + 1 < at_s[i] <= high + 1
        ]
        rows = np.vstack(parts)
        yield _block(row, rows[np.argsort(rows[:, 0], kind="stable")])


def _start_before(cell: str, cycles: pd.DataFrame) -> datetime | None:
    """When the cycle before the first of these began."""
    earlier = data.history(cell).cycles
    earlier = earlier[earlier["cycle_number"] < cycles["cycle_number"].iloc[0]]
    return None if earlier.empty else earlier["start_time"].iloc[-1].to_pydatetime()


def _thinned_blocks(cell: str, cycles: pd.DataFrame) -> Iterator[Block]:
    """The starts of charges are not kept: each is placed before its discharge, and after what was before it."""
    curves, end_s = data.load_curves(cell), -np.inf
    for row in cycles.to_dict("records"):
        of_cycle = curves[curves["id_cycle"] == row["cycle_number"]]
        at_s = clock.seconds(row["start_time"])
        parts, latest_s = [], at_s
        for _, part in reversed(list(of_cycle.groupby("operation_index"))):
            samples = part[list(SAMPLE_NAMES)].to_numpy(dtype=float)
            discharges = part["type"].iloc[0] == "discharge"
            start_s = at_s if discharges else max(end_s + 1.0, latest_s - REST_s - samples[-1, 0])
            samples = samples + np.array([start_s, 0.0, 0.0, 0.0])
            parts.append(samples if discharges else samples[samples[:, 0] < latest_s])
            latest_s = start_s
        rows = np.vstack(parts[::-1])
        end_s = rows[-1, 0]
        yield _block(row, rows)


def _block(row: dict[str, Any], rows: np.ndarray) -> Block:
    ambient = row["ambient_temperature_degC"]
    return Block(int(row["cycle_number"]), rows, None if pd.isna(ambient) else float(ambient))


def send_samples(client: AasClient, name: str, block: Block, end: bool) -> dict[str, Any]:
    """One cycle's samples through AppendSamples; the answer to the last call."""
    answer: dict[str, Any] = {}
    chunks = np.array_split(block.rows, -(-len(block.rows) // MOST_SAMPLES))
    for index, rows in enumerate(chunks):
        start = clock.moment(rows[0, 0])
        table = pd.DataFrame(rows - np.array([clock.seconds(start), 0.0, 0.0, 0.0]), columns=list(SAMPLE_NAMES))
        inputs = {"Samples": table.to_csv(index=False), "StartTime": start.isoformat(), "PositiveCurrent": "charge"}
        inputs |= {"ambient_temperature": block.ambient_degC, "EndOfData": end and index == len(chunks) - 1}
        answer = send(client, name, "AppendSamples", inputs, f"samples of cycle {block.number}")
    return answer


class Publisher:
    """Publishes samples for a cell and waits until the twin has them: a broker keeps only so many."""

    def __init__(self, client: AasClient, name: str, wanted: str | None) -> None:
        """Raises ValueError without such a broker, OSError when it cannot be reached."""
        from paho.mqtt import client as mqtt

        known = brokers.from_environment()
        broker = next((one for one in known if wanted in (None, one.name)), None)
        if broker is None:
            named = ", ".join(one.name for one in known) or "none"
            raise ValueError(f"--to mqtt needs a broker of TWIN_MQTT_BROKERS; there are: {named}")
        self._client, self._name, self._topic = client, name, f"battery-twin/{name}"
        names = {"Time": "/t", "Voltage_measured": "/U", "Current_measured": "/I", "Temperature_measured": "/T"}
        sources = {quantity: Source(self._topic, pointer) for quantity, pointer in names.items()}
        sources["ambient_temperature"] = Source(self._topic, "/ambient")
        transfer.put_feed(client, name, Feed(f"mqtt://{broker.name}", sources, 1, "charge", title="replay"))
        self._mqtt = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if broker.user is not None:
            self._mqtt.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._mqtt.tls_set(broker.ca, broker.cert, broker.key)
        self._mqtt.connect(broker.host, broker.port)
        self._mqtt.loop_start()
        self._wait("a feeder takes up the description", lambda: self._status() in ("waiting", "receiving"))

    def close(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def publish(self, block: Block) -> None:
        for rows in np.array_split(block.rows, -(-len(block.rows) // AT_ONCE)):
            sent = [self._mqtt.publish(self._topic, payload(row, block.ambient_degC), qos=1) for row in rows]
            for info in sent:
                info.wait_for_publish(PATIENCE_S)
            last = clock.moment(rows[-1, 0])
            self._wait(f"the samples of cycle {block.number} are taken", partial(self._has, last))

    def _has(self, last: pd.Timestamp) -> bool:
        text = self._client.element_value(submodel_id(self._name, "OperationalData"), "LiveState.SampleTime")
        return text is not None and pd.Timestamp(text) >= last

    def _status(self) -> Any:
        return self._client.element_value(submodel_id(self._name, "AssetInterfacesDescription"), "FeedState.FeedStatus")

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done():
            if time.monotonic() > end:
                raise ValueError(f"{PATIENCE_S:.0f} s have passed until {what}: does `python -m operations.feed` run?")
            time.sleep(0.2)


def payload(row: np.ndarray, ambient_degC: float | None) -> str:
    values = {"t": clock.text(clock.moment(row[0]), None), "U": row[1], "I": row[2], "T": row[3]}
    return json.dumps(values if ambient_degC is None else values | {"ambient": ambient_degC})


def replay_samples(client: AasClient, cell: str, name: str, first: int, last: int, options: argparse.Namespace) -> None:
    exact, found = blocks(cell, first, last)
    told = "exact samples of the raw file" if exact else "thinned curves: a capacity comes out within 0.5 %"
    print(f"{name}: cycles {first} to {last}, {told}")
    publisher = Publisher(client, name, options.broker) if options.to == MQTT else None
    try:
        for block in found:
            begun = time.monotonic()
            if publisher is not None:
                publisher.publish(block)
            if publisher is None or block.number == last:  # a broker's messages have no end; AppendSamples has one
                rows = block.rows if publisher is None else block.rows[-1:]
                answer = send_samples(client, name, block._replace(rows=rows), block.number == last)
            took_s = time.monotonic() - begun
            state = client.element_value(submodel_id(name, "OperationalData"), "LiveState")
            soc = "" if state["StateOfCharge"] is None else f", charged to {state['StateOfCharge']:.0f} %"
            print(f"{name}: samples of cycle {block.number} of {last}, {len(block.rows)} samples{soc} "
                  f"({1000 * took_s:.0f} ms)", flush=True)  # fmt: skip
            if options.speed and block.number < last:
                time.sleep(max(0.0, 1 / options.speed - took_s))
        ended = answer["RecordCount"]
        print(f"{name} has {ended} cycles now")
    finally:
        if publisher is not None:
            publisher.close()


def replay_cell(client: AasClient, source: str, name: str) -> int:
    """Creates the cell when it is missing; returns the number of its last cycle, 0 when it has none."""
    try:
        client.shell(shell_id(name))
    except NotFound:
        played = {"cell": name, "replay_of": source, "service_state": IN_SERVICE}
        transfer.add_cell(client, nasa_cells()[source].model_copy(update=played))
        print(f"created {name}")
    return client.element_value(submodel_id(name, "OperationalData"), "LiveState.id_cycle") or 0


def cycle_inputs(cycle: dict[str, Any], curves: pd.DataFrame, rated_capacity_Ah: float) -> dict[str, Any]:
    """Inputs of AppendCycle for one row of the cell's table and the curves that belong to it."""
    values = twin.record_values(cycle, rated_capacity_Ah)
    inputs = {name: value for name, value in values.items() if name not in COMPUTED}
    for kind, name in (("discharge", "DischargeSamples"), ("charge", "ChargeSamples")):
        samples = curves[curves["type"] == kind]
        samples = samples[samples["operation_index"] == samples["operation_index"].max()]  # the last charge of several
        for column, (low, high) in sample_ranges(NASA_LIMITS).items():
            samples = samples[samples[column].between(low, high)]  # a sensor's glitch in a raw file
        if len(samples):
            inputs[name] = samples[list(SAMPLE_NAMES)].to_csv(index=False)
    return inputs


def send(client: AasClient, name: str, operation: str, inputs: dict[str, Any], what: str) -> dict[str, Any]:
    """Invokes an operation; while nobody answers, again: the same twice does no harm."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.invoke(submodel_id(name, "OperationalData"), operation, inputs, timeout_s=60)
        except AasError as error:
            away = getattr(error, "status", "unavailable") in ("unavailable", "timeout")
            if not away or time.monotonic() > end:
                raise
            print(f"\n{error}; sending {what} again", file=sys.stderr)
            time.sleep(2)


def progress(name: str, number: int, last: int, answer: dict[str, Any], took_s: float) -> str:
    alerts = f", {answer['AlertsRaised']} alerts raised" if answer["AlertsRaised"] else ""
    interval = f"{answer['RUL']:.0f} [{answer['RULLower']:.0f}, {answer['RULUpper']:.0f}] cycles"
    health = f"SoH {answer['StateOfHealth']:.1f} %, RUL {interval}"
    return f"{name}: cycle {number} of {last}, {health}{alerts} ({1000 * took_s:.0f} ms)"


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.cell not in data.cells():
        raise ValueError(f"{options.cell} is none of the cells {', '.join(data.cells())}")
    if options.speed < 0:
        raise ValueError("--speed must be 0 or more cycles a second")
    name = check_cell_name(options.into or f"{options.cell}_replay")
    if name == options.cell:
        raise ValueError("a cell cannot be played into itself; name another with --into")
    history = data.history(options.cell)
    cycles = history.cycles.set_index("cycle_number", drop=False)
    client = AasClient(options.basyx_url)
    done = replay_cell(client, options.cell, name)
    first, last = options.first or done + 1, options.last or int(cycles.index[-1])
    if not 1 <= first <= last <= cycles.index[-1]:
        if done and not options.first:
            print(f"{name} has all cycles up to {last} already")
            return 0
        raise ValueError(f"cycles {first} to {last} are not within 1 to {cycles.index[-1]}")
    if done and first > done + 1:
        raise ValueError(f"{name} ends at cycle {done}; go on from {done + 1}, or choose another --into")
    if options.to != CYCLES:
        replay_samples(client, options.cell, name, first, last, options)
        return 0
    curves = dict(list(data.load_curves(options.cell).groupby("id_cycle")))
    live = sys.stdout.isatty()
    try:
        for number in range(first, last + 1):
            begun = time.monotonic()
            inputs = cycle_inputs(cycles.loc[number].to_dict(), curves[number], history.rated_capacity_Ah)
            answer = send(client, name, "AppendCycle", inputs, f"cycle {number}")
            took_s = time.monotonic() - begun
            line = progress(name, number, last, answer, took_s)
            over_the_last = live and not answer["AlertsRaised"]
            print(f"\r\x1b[K{line}" if over_the_last else line, end="" if live else "\n", flush=True)
            if options.speed and number < last:
                time.sleep(max(0.0, 1 / options.speed - took_s))
    finally:
        if live:
            print()
    return 0


if __name__ == "__main__":
    run(main)
