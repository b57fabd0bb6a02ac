#!/usr/bin/env python3
"""Plays the middle of the lives of some of NASA's cells into cells of their own, over and over, as a demo.

Demo_B0005 replays B0005: it begins with the cycles up to an age, then lives on cycle by cycle through the operation
AppendCycle, its live state moved by the measured curves in between, and starts over at the end of its part. The demo
ends by itself, and retires its cells, as soon as a cell of the user has data. up.py runs it beside the services.

demo.py            until a cell of the user has data (TWIN_DEMO_CELLS, TWIN_DEMO_CYCLE)
demo.py --remove   removes the demo's cells
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from console import add_basyx_url, run  # noqa: E402
from replay import cycle_inputs  # noqa: E402
from starting.demo import DemoSettings, Part  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.cell_description import CellDescription, nasa_cells  # noqa: E402
from aasx.client import AasClient, AasError, Changed, NotFound, OperationFailed, TimedOut, Unreachable  # noqa: E402
from aasx.elements.values import Json, with_value  # noqa: E402
from aasx.identifiers import DEMO_PREFIX, fleet_submodel_id, shell_id, submodel_id  # noqa: E402
from aasx.packages.package import Package, environment_of  # noqa: E402
from aasx.shell import build_cell, cell_files  # noqa: E402
from aasx.submodels import fleet, operational_data  # noqa: E402
from aasx.vocabulary import IN_SERVICE, RETIRED  # noqa: E402
from model.records import data  # noqa: E402
from model.records.features import SAMPLE_NAMES  # noqa: E402
from operations.cell import twin  # noqa: E402

SHARE = 0.1
"""Of one core, that the demo may cost on all sides. Live samples are left out while it costs more."""
SIDES = 6
"""What it costs on all sides (here, the delegate, the AAS environment) by what it costs here: measured."""
LOOK_EVERY_s = 10.0
AGAIN_AFTER_s = 2.0
SAMPLES_A_CYCLE = 10
CHARGE_SHARE = 0.4  # of the time that a cycle is played in
MOST_LOOKED_INTO = 20
"""Cells without cycles whose live state one look reads."""


@dataclass(frozen=True)
class Curve:
    """What LiveState shows of one phase of a cycle: times in s from its start, and the values at them."""

    kind: str
    samples: pd.DataFrame
    charge: np.ndarray
    """State of charge in %, of the charge moved in this phase."""

    @classmethod
    def of(cls, kind: str, curves: pd.DataFrame) -> "Curve | None":
        samples = curves[curves["type"] == kind]
        samples = samples[samples["operation_index"] == samples["operation_index"].max()]
        if len(samples) < 2:
            return None
        times, current = samples["Time"].to_numpy(float), samples["Current_measured"].to_numpy(float)
        moved = np.concatenate([[0.0], np.cumsum(np.abs(current[1:] + current[:-1]) / 2 * np.diff(times))])
        share = moved / moved[-1] if moved[-1] else moved
        return cls(kind, samples, 100 * (share if kind == "charge" else 1 - share))

    def at(self, share: float) -> dict[str, Any]:
        times = self.samples["Time"].to_numpy(float)
        time_s = times[0] + share * (times[-1] - times[0])
        values = {name: float(np.interp(time_s, times, self.samples[name])) for name in SAMPLE_NAMES if name != "Time"}
        state = {"StateOfCharge": float(np.interp(time_s, times, self.charge)), "Time": float(time_s - times[0])}
        return {"type": self.kind, **values, **state}


@dataclass(eq=False)
class Played:
    """A cell of the demo: what it plays, and where it is."""

    part: Part
    cycles: pd.DataFrame = field(init=False)
    rated_Ah: float = field(init=False)
    curves: dict[int, pd.DataFrame] = field(init=False)
    first: int = field(init=False)
    at: int = 0
    """The cycle that is played."""
    begun: float = 0.0
    told: int = -1
    live: tuple[Json, str | None] | None = None

    def __post_init__(self) -> None:
        history = data.history(self.part.cell)
        self.rated_Ah = history.rated_capacity_Ah
        self.cycles = history.cycles.set_index("cycle_number", drop=False)
        self.curves = {int(number): of for number, of in data.load_curves(self.part.cell).groupby("id_cycle")}
        numbers = self.cycles.index
        middle = int(numbers[len(numbers) // 2])
        self.first = middle if self.part.first is None else self.part.first
        self.cycles = self.cycles[numbers <= (self.part.last or numbers[-1])]
        if not numbers[0] <= self.first < self.cycles.index.max():
            raise ValueError(f"TWIN_DEMO_CELLS: {self.part.cell} has no cycles after {self.first} to play")

    @property
    def name(self) -> str:
        return DEMO_PREFIX + self.part.cell

    def description(self) -> CellDescription:
        source = self.part.cell
        return nasa_cells()[source].model_copy(update={
            "cell": self.name, "name": f"Demo {source}", "replay_of": source, "service_state": IN_SERVICE,
            "source": f"demo: replay of NASA's cell {source} from cycle {self.first}",
            "designation_en": f"Demo: replay of {source}", "designation_fr": f"Démo : relecture de {source}",
        })  # fmt: skip

    def package(self, delegate_url: str) -> tuple[list[Any], dict[str, bytes]]:
        lived = self.cycles[self.cycles.index <= self.first].to_dict("records")
        records = [twin.record_values(row, self.rated_Ah) for row in lived]
        description = self.description()
        objects = build_cell(description, records, delegate_url=delegate_url, older_in_tables=True)
        return objects, cell_files(description, records=records)

    def go_to(self, last_cycle: int) -> bool:
        """Makes the cycle after `last_cycle` the one that is played; False at the end of the part."""
        following = self.cycles.index[self.cycles.index > last_cycle]
        self.told, self.live = -1, None
        if not len(following):
            return False
        self.at = int(following[0])
        return True

    def live_values(self, share: float) -> dict[str, Any] | None:
        """What LiveState shows when `share` of the cycle's time has gone."""
        of_cycle = self.curves.get(self.at)
        if of_cycle is None:
            return None
        charging = share < CHARGE_SHARE
        curve = Curve.of("charge" if charging else "discharge", of_cycle)
        if curve is None:
            return None
        within = share / CHARGE_SHARE if charging else (share - CHARGE_SHARE) / (1 - CHARGE_SHARE)
        values = curve.at(min(1.0, within))
        start = self.cycles.loc[self.at, "start_time"]
        if not pd.isna(start):
            values["SampleTime"] = twin.plain(start + pd.Timedelta(seconds=round(values["Time"])))
        return values | {"ReceivedAt": twin.utc_text(datetime.now(UTC))}


class UserHasData(Exception):
    """A cell that is not the demo's has data of its own; its name."""


class Demo:
    def __init__(self, client: AasClient, settings: DemoSettings, say: Callable[[str], None]) -> None:
        self.client, self.settings, self.say = client, settings, say
        self.cells = [Played(part) for part in settings.parts]
        self.replays: set[str] = set()
        self.last_of_nasa = {cell: int(data.history(cell).cycles["cycle_number"].max()) for cell in data.cells()}
        self.spent_s, self.since = 0.0, 0.0
        self.troubled = False

    def play(self) -> str:
        """Until a cell of the user has data: returns its name; "" when there is no cell to play."""
        looked, begun = -math.inf, False
        try:
            while True:
                if time.monotonic() - looked >= LOOK_EVERY_s:
                    looked = time.monotonic()
                    self._safely(self.look_for_data)
                    if not begun:
                        begun = self._safely(self.begin)
                        self.spent_s, self.since = time.process_time(), time.monotonic()
                if begun and not self.cells:
                    return ""
                if begun:
                    for cell in list(self.cells):
                        self._safely(lambda cell=cell: self.step(cell), cell)  # type: ignore[misc]
                self._rest()
        except UserHasData as found:
            self.retire(str(found))
            return str(found)

    def _safely(self, task: Callable[[], None], cell: Played | None = None) -> bool:
        """A neighbour that is away is waited for, told once; a cell that somebody else has changed starts over."""
        try:
            task()
        except (AasError, OperationFailed) as error:
            status = getattr(error, "status", "")
            away = isinstance(error, (TimedOut, Unreachable)) or status in ("unavailable", "timeout")
            if not self.troubled:
                self.say(f"{cell.name if cell else 'the twin'}: {error}; tried again")
            self.troubled = True
            time.sleep(AGAIN_AFTER_s)
            if cell is not None and not away:
                self._safely(lambda: self.start_over([cell]))
            return False
        self.troubled = False
        return True

    def _rest(self) -> None:
        pause_s = 0.05 if not self.settings.cycle_s else min(0.5, self.settings.cycle_s / SAMPLES_A_CYCLE / 4)
        time.sleep(0.0 if self.settings.cycle_s < 1 else pause_s)

    def is_over_its_share(self) -> bool:
        """Whether it has cost more than it may since it began."""
        cost_s = SIDES * (time.process_time() - self.spent_s)
        return cost_s > SHARE * (time.monotonic() - self.since)

    # --- the cells

    def begin(self) -> None:
        """Cells that are not there are made, others go on where they are; those that a person has removed stay away."""
        removed = transfer.removed_cells(self.client)
        self.cells = [cell for cell in self.cells if cell.name not in removed and not self._is_of_another(cell)]
        new = []
        for index, cell in enumerate(self.cells):
            last = self._last_cycle(cell)
            if last is None or last < cell.first or not cell.go_to(last):
                new.append(cell)
            elif self._value(cell, "LiveState.ServiceState") == RETIRED:
                self._set_service(cell, IN_SERVICE, "the demo goes on")
            cell.begun = time.monotonic() - self.settings.cycle_s * index / len(self.cells)
        if new:
            self.start_over(new, at_once=True)
        names = ", ".join(cell.name for cell in self.cells)
        self.say(f"plays {names}" if names else "its cells were removed by a person: nothing to play")

    def start_over(self, cells: list[Played], at_once: bool = False) -> None:
        """The cells with the first part of their lives only, as if they had not been played."""
        delegate_url, removed = transfer.delegate_url_of(self.client), transfer.removed_cells(self.client)
        for cell in (gone := [cell for cell in cells if cell.name in removed]):
            self.cells.remove(cell)
            self.say(f"{cell.name} was removed by a person: it stays away")
        cells = [cell for cell in cells if cell not in gone]
        objects: list[Any] = []
        files: dict[str, bytes] = {}
        if not cells:
            return
        for cell in cells:
            of_cell, with_files = cell.package(delegate_url)
            objects, files = [*objects, *of_cell], files | with_files
        transfer.import_package(self.client, Package(environment_of(objects), files), delegate_url, replace=True)
        for cell in cells:
            cell.go_to(cell.first)
            if not at_once:
                cell.begun = time.monotonic()
                self.say(f"{cell.name} starts over at cycle {cell.first}")
            self.client.invoke(submodel_id(cell.name, "Prediction"), "Predict", {}, timeout_s=60)

    def step(self, cell: Played) -> None:
        """Moves the live state, or ends the cycle when its time has come."""
        cycle_s = self.settings.cycle_s
        share = (time.monotonic() - cell.begun) / cycle_s if cycle_s else 1.0
        if share >= 1:
            self._append(cell)
        elif (tick := int(share * SAMPLES_A_CYCLE)) != cell.told and not self.is_over_its_share():
            cell.told = tick
            if values := cell.live_values(share):
                self._put_live(cell, values)

    def _append(self, cell: Played) -> None:
        inputs = cycle_inputs(cell.cycles.loc[cell.at].to_dict(), cell.curves.get(cell.at, _no_curves()), cell.rated_Ah)
        self.client.invoke(submodel_id(cell.name, "OperationalData"), "AppendCycle", inputs, timeout_s=60)
        cell.begun = max(cell.begun + self.settings.cycle_s, time.monotonic() - self.settings.cycle_s)
        if not cell.go_to(cell.at):
            self.start_over([cell])

    def _put_live(self, cell: Played, values: dict[str, Any]) -> None:
        submodel = submodel_id(cell.name, "OperationalData")
        if cell.live is None:
            cell.live = self.client.tagged_element(submodel, "LiveState")
        element, tag = cell.live
        try:
            cell.live = element, self.client.put_element(submodel, "LiveState", with_value(element, values), tag)
        except Changed:
            cell.live = None

    def _last_cycle(self, cell: Played) -> int | None:
        return self._value(cell, "LiveState.id_cycle")

    def _value(self, cell: Played, path: str) -> Any:
        try:
            return self.client.element_value(submodel_id(cell.name, "OperationalData"), path)
        except NotFound:
            return None

    def _is_of_another(self, cell: Played) -> bool:
        """Whether a cell of this name stands there that is no replay of the demo's."""
        try:
            self.client.shell(shell_id(cell.name))
        except NotFound:
            return False
        mine = self._value(cell, f"Metadata.{operational_data.REPLAY_OF}") == cell.part.cell
        if not mine:
            self.say(f"{cell.name} is somebody else's cell: left alone")
        return not mine

    # --- the end

    def look_for_data(self) -> None:
        """Raises UserHasData for a cell with data that is neither the demo's, nor NASA's own, nor a replay of one."""
        rows = self.client.element_value(fleet_submodel_id(), fleet.CELLS_PATH)
        own, looked_into = {cell.name for cell in self.cells}, 0
        for name, row in (rows if isinstance(rows, dict) else {}).items():
            if name in own or name in self.replays or not isinstance(row, dict):
                continue
            at = row.get("AtCycle")
            if name in self.last_of_nasa:
                if isinstance(at, int) and at > self.last_of_nasa[name]:
                    raise UserHasData(name)
            elif at is not None or looked_into < MOST_LOOKED_INTO:
                looked_into += 1
                submodel = self.client.element_value(submodel_id(name, "OperationalData"), "Metadata")
                if isinstance(submodel, dict) and submodel.get(operational_data.REPLAY_OF):
                    self.replays.add(name)
                elif at is not None or self._has_samples(name):
                    raise UserHasData(name)

    def _has_samples(self, name: str) -> bool:
        path = "LiveState.ReceivedAt"
        try:
            return self.client.element_value(submodel_id(name, "OperationalData"), path) is not None
        except NotFound:
            return False

    def retire(self, because_of: str) -> None:
        """The demo's cells leave service; nothing of them is removed."""
        for cell in self.cells:
            state = self._value(cell, "LiveState.ServiceState")
            if state not in (None, RETIRED) and not self._is_of_another(cell):
                self._set_service(cell, RETIRED, f"the demo has stopped: {because_of} has data")

    def _set_service(self, cell: Played, state: str, comment: str) -> None:
        inputs = {"ServiceState": state, "ChangedBy": "demo", "Comment": comment}
        self.client.invoke(submodel_id(cell.name, "OperationalData"), "SetServiceState", inputs, timeout_s=60)


def _no_curves() -> pd.DataFrame:
    return pd.DataFrame(columns=["type", "operation_index", *SAMPLE_NAMES])


def say(text: str) -> None:
    print(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}", flush=True)


def remove(client: AasClient) -> int:
    names = transfer.demo_cells(client)
    for name in names:
        transfer.remove_cell(client, name, remember=False)
        print(f"removed {name}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_basyx_url(parser)
    parser.add_argument("--remove", action="store_true", help="remove the demo's cells with their history, and end")
    options = parser.parse_args(arguments)
    client = AasClient(options.basyx_url, timeout_s=60.0)
    if options.remove:
        return remove(client)
    settings = DemoSettings.from_environment()
    if not settings.wanted:
        say("TWIN_DEMO is off")
        return 0
    stopped_by = Demo(client, settings, say).play()
    say(f"stopped: {stopped_by} has data; the demo's cells are retired" if stopped_by else "stopped: no cells to play")
    return 0


if __name__ == "__main__":
    run(main)
