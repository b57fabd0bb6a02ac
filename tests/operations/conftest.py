"""A delegate in this process, before the real BaSyx, with a model that tests see through; and cells to try it on."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests
import waitress

from aasx.client import AasClient, NotFound, OperationFailed
from aasx.identifiers import fleet_submodel_id, shell_id, submodel_id
from aasx.packages.package import environment_of
from aasx.shell import CellDescription, build_cell, build_fleet
from model.records.facts import NASA_CELL_TYPE
from operations.cell import twin
from operations.cell.live_twin import LiveTwin
from operations.request import deadline
from operations.request.columns import ID_SHORT
from operations.request.settings import Settings
from operations.service.app import create_app
from tests.operations.line_model import LineModel
from tests.servers import Server, free_port


@pytest.fixture(autouse=True)
def no_deadline() -> None:
    """What a test before has set in this thread ends nothing here."""
    deadline.start(math.inf)


@dataclass
class Delegate:
    """A running delegate: `.url`, and what is inside for tests that look there."""

    url: str
    live: LiveTwin
    model: LineModel
    server: Any
    thread: threading.Thread
    app: Any

    def stop(self) -> None:
        self.server.close()
        self.thread.join(1)  # a kept-alive connection of a test holds it longer; it is a daemon


def serve(settings: Settings, port: int | None = None) -> Delegate:
    """A delegate on waitress in a thread, as `python -m operations` serves it."""
    port, model = port or free_port(), LineModel()
    app = create_app(settings, model)
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=16, clear_untrusted_proxy_headers=True)
    thread = threading.Thread(target=_run, args=(server,), daemon=True)
    thread.start()
    return Delegate(f"http://127.0.0.1:{port}", app.extensions["twin"], model, server, thread, app)


def _run(server: Any) -> None:
    try:
        server.run()
    except OSError:  # waitress's select on a socket that close() has closed under it
        logging.getLogger(__name__).debug("server closed")


@dataclass
class Cell:
    """A cell in the AAS environment with ways to use it."""

    name: str
    aas: AasClient
    delegate_url: str
    made: list[str] = field(default_factory=list)

    @property
    def operational_data(self) -> str:
        return submodel_id(self.name, "OperationalData")

    @property
    def prediction(self) -> str:
        return submodel_id(self.name, "Prediction")

    def invoke(self, operation: str, **inputs: Any) -> dict[str, Any]:
        """Through BaSyx. Raises OperationFailed when the Status is not ok."""
        of_data = operation.startswith(("Append", "Correct", "Import")) or operation == "SetServiceState"
        submodel = self.operational_data if of_data else self.prediction
        return self.aas.invoke(submodel, operation, inputs, timeout_s=30)

    def refused(self, operation: str, **inputs: Any) -> OperationFailed:
        """Through BaSyx, when it must be refused."""
        with pytest.raises(OperationFailed) as caught:
            self.invoke(operation, **inputs)
        return caught.value

    def post(self, path: str, body: Any = None, **more: Any) -> requests.Response:
        """Directly."""
        url = f"{self.delegate_url}/api/cells/{self.name}/{path}"
        return requests.post(url, json={} if body is None else body, timeout=30, **more)

    def append(self, number: int, capacity_Ah: float, **more: Any) -> dict[str, Any]:
        return self.invoke("AppendCycle", **cycle(number, capacity_Ah, **more))

    def value(self, path: str, submodel: str = "Prediction") -> Any:
        return self.aas.element_value(submodel_id(self.name, submodel), path)

    def snapshot(self) -> tuple[dict, dict]:
        return self.aas.submodel(self.operational_data), self.aas.submodel(self.prediction)

    def fleet(self) -> dict[str, Any]:
        return self.aas.element_value(fleet_submodel_id(), f"Cells.{self.name}")


def delegated_samples(delegate_url: str, cell: str, **inputs: Any) -> dict[str, Any]:
    """AppendSamples of one certain delegate, directly."""
    answer = requests.post(f"{delegate_url}/api/cells/{cell}/append-samples", json=inputs, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def cycle(number: int, capacity_Ah: float, **more: Any) -> dict[str, Any]:
    """Inputs of AppendCycle; one cycle a day."""
    day = twin.pd.Timestamp("2024-01-01T08:00:00") + twin.pd.Timedelta(days=number)
    common = {"id_cycle": number, "Time": day.isoformat(), "ambient_temperature": 24.0, "Capacity": capacity_Ah}
    return common | {"Duration": 3600.0, "Temperature_measured": 35.0} | more


def records(capacities_Ah: list[float]) -> list[dict[str, Any]]:
    """Records of an AAS, one per capacity."""
    rows = []
    for number, capacity_Ah in enumerate(capacities_Ah, 1):
        given = cycle(number, capacity_Ah)
        row = {column: given[id_short] for column, id_short in ID_SHORT.items() if id_short in given}
        row["start_time"] = twin.pd.Timestamp(given["Time"])
        rows.append(twin.record_values(row, 2.0))
    return rows


def put_cell(aas: AasClient, name: str, capacities_Ah: list[float], delegate_url: str) -> None:
    put_records(aas, name, records(capacities_Ah), delegate_url)


LIKE_NASA = {
    "rated_capacity_Ah": 2.0, "cut_off_voltage_V": 2.7, "end_of_life_percent": 70.0, "cell_type": NASA_CELL_TYPE,
    "rul_warning_cycles": 30.0, "rul_critical_cycles": 10.0,
}  # fmt: skip


def put_records(aas: AasClient, name: str, rows: list[dict[str, Any]], delegate_url: str, **facts: Any) -> None:
    """`facts`: what is stated of the cell, else what is of NASA's cells."""
    description = CellDescription(cell=name, source="test", **(facts or LIKE_NASA))
    environment = environment_of(build_cell(description, rows, delegate_url=delegate_url))
    for submodel in environment["submodels"]:
        aas.put_submodel(submodel)
    for shell in environment["assetAdministrationShells"]:
        shell["assetInformation"].pop("defaultThumbnail", None)
        aas.put_shell(shell)


@pytest.fixture(scope="session")
def aas(basyx: Server) -> AasClient:
    return AasClient(basyx.url)


@pytest.fixture(scope="session")
def settings(basyx: Server) -> Settings:
    return Settings(basyx_url=basyx.url, aas_timeout_s=10.0, operation_timeout_s=25.0, rate_limit="100000 per second")


@pytest.fixture(scope="session")
def delegate(settings: Settings) -> Iterator[Delegate]:
    running = serve(settings)
    yield running
    running.stop()


@pytest.fixture
def other_settings(settings: Settings) -> Callable[..., Settings]:
    return lambda **changes: replace(settings, **changes)


@pytest.fixture(scope="module")
def fleet_shell(aas: AasClient, delegate: Delegate) -> Iterator[None]:
    environment = environment_of(build_fleet({}, delegate.url))
    for submodel in environment["submodels"]:
        aas.put_submodel(submodel)
    for shell in environment["assetAdministrationShells"]:
        aas.put_shell(shell)
    yield
    for shell in environment["assetAdministrationShells"]:
        aas.delete_shell(shell["id"])
    for submodel in environment["submodels"]:
        aas.delete_submodel(submodel["id"])


@pytest.fixture
def new_cell(aas: AasClient, delegate: Delegate, fleet_shell: None) -> Iterator[Callable[..., Cell]]:
    """Makes cells with a history of the given capacities; they are removed after the test."""
    made: list[str] = []

    def make(capacities_Ah: list[float] | None = None, delegate_url: str | None = None, **facts: Any) -> Cell:
        name = f"T{uuid.uuid4().hex[:10]}"
        made.append(name)
        put_records(aas, name, records(capacities_Ah or []), delegate_url or delegate.url, **facts)
        return Cell(name, aas, delegate_url or delegate.url)

    yield make
    for name in made:
        delete_cell(aas, name)


def delete_cell(aas: AasClient, name: str) -> None:
    aas.delete_shell(shell_id(name))
    with contextlib.suppress(NotFound):
        aas.delete_element(fleet_submodel_id(), f"Cells.{name}")
    for part in ("Nameplate", "TechnicalData", "OperationalData", "Prediction"):
        aas.delete_submodel(submodel_id(name, part))


def fading(cycles: int, start_Ah: float = 1.85, per_cycle_Ah: float = 0.004) -> list[float]:
    return [round(start_Ah - per_cycle_Ah * number, 6) for number in range(cycles)]
