"""The demo: its settings, what it plays, and the whole loop beside a real delegate and a real AAS environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id, submodel_id
from aasx.packages import package
from aasx.packages.package import Package, environment_of
from aasx.shell import build_fleet
from tests.conftest import must_run, run_script
from tests.servers import ROOT, Server, free_port, start_basyx, start_delegate

sys.path.insert(0, str(ROOT / "scripts"))

import demo
from starting.demo import DemoSettings, Part, parts_of

PARTS = "B0006:74-78 B0018:57-59"  # B0006 becomes critical at 76


def test_settings_are_read(monkeypatch):
    for name in ("TWIN_DEMO", "TWIN_DEMO_CELLS", "TWIN_DEMO_CYCLE"):
        monkeypatch.delenv(name, raising=False)
    default = DemoSettings.from_environment()
    assert default.wanted and len(default.parts) == 8 and default.cycle_s == 30
    assert parts_of("B0005 B0006:70 B0042:8-38") == (Part("B0005"), Part("B0006", 70), Part("B0042", 8, 38))
    monkeypatch.setenv("TWIN_DEMO", "off")
    assert not DemoSettings.from_environment().wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [("TWIN_DEMO", "maybe"), ("TWIN_DEMO_CYCLE", "-1"), ("TWIN_DEMO_CYCLE", "nan"), ("TWIN_DEMO_CYCLE", "soon"),
     ("TWIN_DEMO_CELLS", "B5"), ("TWIN_DEMO_CELLS", "B0005:5:6"), ("TWIN_DEMO_CELLS", "B0005 B0005:9")],
)  # fmt: skip
def test_wrong_settings_are_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name):
        DemoSettings.from_environment()


def test_each_default_part_can_be_played(monkeypatch):
    monkeypatch.delenv("TWIN_DEMO_CELLS", raising=False)
    for part in DemoSettings.from_environment().parts:
        played = demo.Played(part)
        assert played.go_to(played.first)
        description = played.description()
        assert description.replay_of == part.cell and description.service_state == "inService"
    with pytest.raises(ValueError, match="TWIN_DEMO_CELLS: B0052"):
        demo.Played(Part("B0052", 900))


def test_the_live_state_follows_the_measured_curves():
    played = demo.Played(Part("B0005", 50))
    played.go_to(50)
    shown = [played.live_values(share) for share in (0.0, 0.2, 0.39, 0.41, 0.7, 1.0)]
    assert [one["type"] for one in shown if one] == ["charge"] * 3 + ["discharge"] * 3
    charge = [one["StateOfCharge"] for one in shown if one]
    assert charge[0] < charge[1] < charge[2] and charge[3] > charge[4] > charge[5]
    assert all(2.0 < one["Voltage_measured"] < 4.3 for one in shown if one)


class Playing:
    """A demo that runs on its own twin."""

    def __init__(self, basyx: Server, delegate: Server, log: Path) -> None:
        self.client, self.url, self.delegate, self.log = AasClient(basyx.url), basyx.url, delegate, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = os.environ | {"TWIN_DEMO_CELLS": PARTS, "TWIN_DEMO_CYCLE": "0", "TWIN_BASYX_URL": self.url}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen([sys.executable, str(ROOT / "scripts" / "demo.py")], stdout=out, env=env)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def row(self, cell: str) -> dict:
        return self.client.element_value(fleet_submodel_id(), f"Cells.{cell}")  # type: ignore[no-any-return]


@pytest.fixture
def playing(basyx_jar, model_dir, tmp_path) -> Iterator[Playing]:
    basyx, port = start_basyx(tmp_path / "store"), free_port()
    delegate = start_delegate(basyx.url, model_dir, tmp_path, port)
    fleet = environment_of(build_fleet({}, delegate.url))
    transfer.load(AasClient(basyx.url), Package(fleet, {}))
    running = Playing(basyx, delegate, tmp_path / "demo.log")
    yield running
    running.stop()
    delegate.stop()
    basyx.stop()


def until(true, what: str, timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def test_the_demo_plays_starts_over_and_gives_way_to_a_cell_of_the_user(playing, tmp_path):
    client = playing.client
    playing.start()
    seen: set[str] = set()

    def alerts() -> bool:
        if "plays Demo_B0006" not in playing.said():
            return False
        found = client.element_value(submodel_id("Demo_B0006", "Prediction"), "ActiveAlerts") or []
        seen.update(alert["Severity"] for alert in found)
        return seen >= {"warning", "critical"} and "Demo_B0006 starts over at cycle 74" in playing.said()

    until(alerts, "a warning, a critical alert, and all over again")
    until(lambda: playing.said().count("Demo_B0018 starts over") > 1, "over and over")
    data = client.element_value(submodel_id("Demo_B0006", "OperationalData"), "Metadata")
    assert data["ReplayOf"] == "B0006"
    assert 74 <= playing.row("Demo_B0006")["AtCycle"] <= 78
    assert playing.process is not None and playing.process.poll() is None

    file = tmp_path / "twin.aasx"
    must_run("scripts/export_twin.py", file, "--basyx-url", playing.url)
    assert not any("Demo_" in shell["id"] for shell in package.read(file).shells())
    must_run("scripts/export_twin.py", file, "--demo", "--basyx-url", playing.url)
    assert sum("Demo_" in shell["id"] for shell in package.read(file).shells()) == 2

    transfer.add_cell(client, from_mapping({"cell": "Lab_7", "source": "test", "rated_capacity_Ah": 2.0}))
    client.invoke(submodel_id("Lab_7", "OperationalData"), "AppendCycle", {"id_cycle": 1, "Capacity": 1.9})
    assert playing.process.wait(60) == 0
    assert playing.said().splitlines()[-1].endswith("stopped: Lab_7 has data; the demo's cells are retired")
    for cell in ("Demo_B0006", "Demo_B0018"):
        assert (playing.row(cell)["ServiceState"], playing.row(cell)["UnacknowledgedAlerts"]) == ("retired", 0)
        change = client.element_value(submodel_id(cell, "OperationalData"), "ServiceChange")
        assert change["ChangedBy"] == "demo" and "Lab_7" in change["Comment"]
    assert playing.row("Lab_7")["ServiceState"] == "inService" and playing.row("Lab_7")["AtCycle"] == 1

    again = run_script("scripts/demo.py", TWIN_BASYX_URL=playing.url, TWIN_DEMO_CELLS=PARTS)
    assert again.returncode == 0 and "stopped: Lab_7 has data" in again.stdout
    must_run("scripts/demo.py", "--remove", "--basyx-url", playing.url)
    assert transfer.demo_cells(client) == [] and "Lab_7" in must_run(
        "scripts/cells.py", "--basyx-url", playing.url, "list"
    )
