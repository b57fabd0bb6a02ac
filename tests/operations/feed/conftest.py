"""A broker, a feeder beside it, and what a cell sends in the course of a discharge."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aasx import transfer
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from aasx.submodels import asset_interfaces
from aasx.submodels.asset_interfaces import Feed, Source
from operations.feed import feeder as feeding
from operations.feed.brokers import Broker as Configured
from operations.feed.feeder import Feeder
from operations.feed.metrics import Metrics
from operations.feed.spool import Spool
from tests.broker import Broker
from tests.servers import Server, free_port

V, A, T = "Voltage_measured", "Current_measured", "Temperature_measured"
START_s = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()
STEP_s = 30


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path / "mosquitto")
    yield running
    running.stop()


@pytest.fixture
def topic(new_cell) -> str:
    return f"cells/{time.monotonic_ns()}"


def one_object(topic: str, qos: int = 1, base: str = "mqtt://lab") -> Feed:
    names = {V: "/U", A: "/I", T: "/T", "Time": "/t"}
    return Feed(base, {name: Source(topic, pointer) for name, pointer in names.items()}, qos, "charge")


def discharge(start_s: float = START_s, points: int = 110, rest: int = 12) -> list[dict[str, float]]:
    """Samples of one discharge of 2 A down to 2.6 V and a rest that ends it, oldest first."""
    rows = []
    for index in range(points + rest):
        share = min(1.0, index / (points - 1))
        resting = index >= points
        voltage = 3.3 if resting else 4.1 - 1.5 * share
        rows.append({"t": start_s + STEP_s * index, "U": round(voltage, 4), "I": 0.0 if resting else -2.0, "T": 24.0})
    return rows


def as_csv(rows: list[dict[str, float]]) -> str:
    lines = [f"{row['t']},{row['U']},{row['I']},{row['T']}" for row in rows]
    return "\n".join(["Time,Voltage_measured,Current_measured,Temperature_measured", *lines])


def payloads(rows: list[dict[str, float]]) -> list[str]:
    return [json.dumps(row) for row in rows]


def state(aas: AasClient, cell: str) -> dict[str, Any]:
    id_ = submodel_id(cell, asset_interfaces.ID_SHORT)
    return dict(aas.read_element(id_, asset_interfaces.FEED_STATE, asset_interfaces.state_shape()))


def recorded(aas: AasClient, cell: str) -> list[dict[str, Any]]:
    found = aas.element_value(submodel_id(cell, "OperationalData"), "Segments.InternalSegment.Records") or {}
    return list(found.values())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are good for a plant are long for a test."""
    for name, value in (
        ("FOLLOW_s", 0.3),
        ("DISCOVER_s", 0.3),
        ("REPORT_s", 0.2),
        ("LINGER_s", 0.3),
        ("LONGEST_WAIT_s", 1.0),
    ):
        monkeypatch.setattr(feeding, name, value)


@pytest.fixture
def feed_cell(aas: AasClient) -> Iterator[Callable[[str, Feed], None]]:
    """Describes the feed of a cell; it goes after the test."""
    fed: list[str] = []

    def describe(cell: str, feed: Feed) -> None:
        fed.append(cell)
        transfer.put_feed(aas, cell, feed)

    yield describe
    for cell in fed:
        transfer.remove_feed(aas, cell)


@pytest.fixture
def new_feeder(aas: AasClient, broker: Broker, tmp_path: Path, quick: None) -> Iterator[Callable[..., Feeder]]:
    made: list[Feeder] = []

    def make(most_bytes: int = 10_000_000, port: int | None = None, host: str = "127.0.0.1", **more: Any) -> Feeder:
        lab = Configured("lab", host, port or broker.port, **more)
        feeder = Feeder(aas, [lab], Spool(tmp_path / "spool", most_bytes), Metrics())
        feeder.start()
        made.append(feeder)
        return feeder

    yield make
    for feeder in made:
        if not feeder._stopping.is_set():
            feeder.stop()


def start_feeder(basyx_url: str, broker_port: int, folder: Path, **env: str) -> Server:
    """The feeder as a process of its own, as up.py starts it."""
    port = free_port()
    command = [sys.executable, "-m", "operations.feed", "--port", str(port), "--basyx-url", basyx_url]
    command += ["--folder", str(folder)]
    env = {"TWIN_MQTT_BROKERS": f"lab=mqtt://127.0.0.1:{broker_port}"} | env
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Server(command, f"http://127.0.0.1:{port}", "/health/live", folder.parent / f"feed-{port}.log", env, 30)
