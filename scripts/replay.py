#!/usr/bin/env python3
"""Plays a real cell's cycles into a replay cell, one after another, as a battery management system would.

Each cycle goes through the operation AppendCycle of the AAS: the measured values of the cycle and the curves of its
charge and discharge. The replay cell (B0005_replay for B0005) is created empty if it is missing, and continued if it
has cycles already. The curves kept in this project are thinned, so the values of the cycle, which need the full
curves, are taken from the project's tables.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pandas as pd  # noqa: E402
from console import add_basyx_url, run  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.cell_description import nasa_cells  # noqa: E402
from aasx.client import AasClient, AasError, NotFound  # noqa: E402
from aasx.identifiers import check_cell_name, shell_id, submodel_id  # noqa: E402
from aasx.vocabulary import IN_SERVICE  # noqa: E402
from model.records import data  # noqa: E402
from model.records.cycle import NASA_LIMITS  # noqa: E402
from model.records.features import SAMPLE_NAMES  # noqa: E402
from operations.append_cycle import sample_ranges  # noqa: E402
from operations.cell import twin  # noqa: E402

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
    add_basyx_url(parser)
    return parser.parse_args(arguments)


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


def send(client: AasClient, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Sends one cycle; while nobody answers, again: the same cycle twice does no harm."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.invoke(submodel_id(name, "OperationalData"), "AppendCycle", inputs, timeout_s=60)
        except AasError as error:
            away = getattr(error, "status", "unavailable") in ("unavailable", "timeout")
            if not away or time.monotonic() > end:
                raise
            print(f"\n{error}; sending cycle {inputs['id_cycle']} again", file=sys.stderr)
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
    curves = dict(list(data.load_curves(options.cell).groupby("id_cycle")))
    live = sys.stdout.isatty()
    try:
        for number in range(first, last + 1):
            begun = time.monotonic()
            inputs = cycle_inputs(cycles.loc[number].to_dict(), curves[number], history.rated_capacity_Ah)
            answer = send(client, name, inputs)
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
