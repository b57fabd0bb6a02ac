"""Two AAS environments on one PostgreSQL, each with a delegate of its own, serve one fleet."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from aasx import history
from aasx.client import AasClient
from aasx.packages.package import environment_of
from aasx.shell import build_fleet
from operations.request.settings import Settings
from tests.environment.postgres import Postgres
from tests.operations.conftest import Cell, cycle, fading, put_cell, serve
from tests.servers import start_basyx

WRITERS = 8
CELLS = [f"Shared{number}" for number in range(9)]


@pytest.fixture
def pair(basyx_jar: Path, tmp_path: Path) -> Iterator[list[tuple[AasClient, str]]]:
    """Of each environment a client and the URL of its delegate."""
    with ExitStack() as stack:
        postgres = Postgres()
        stack.callback(postgres.remove)
        database, found = postgres.database("twin"), []
        for number in range(2):
            server = start_basyx(tmp_path / str(number) / "store", start_timeout_s=300, **database)
            stack.callback(server.stop)
            settings = Settings(basyx_url=server.url, aas_timeout_s=30.0, operation_timeout_s=60.0)
            delegate = serve(settings)
            stack.callback(delegate.stop)
            found.append((AasClient(server.url, timeout_s=30.0), delegate.url))
        yield found


@pytest.mark.long
def test_ninety_appends_through_both_all_survive_and_no_alert_is_doubled(pair: list[tuple[AasClient, str]]):
    aas = pair[0][0]
    for submodel in environment_of(build_fleet({}, pair[0][1]))["submodels"]:
        aas.put_submodel(submodel)
    for name in CELLS:
        put_cell(aas, name, fading(3, 1.5), pair[0][1])

    def append_ten(name: str) -> None:
        for number in range(4, 14):
            for _ in range(50):  # a call that another has crossed is told so and may be repeated
                url, body = random.choice(pair)[1], cycle(number, 1.48 - 0.02 * number)
                answer = requests.post(f"{url}/api/cells/{name}/append-cycle", json=body, timeout=90).json()
                if answer["Status"] not in ("unavailable", "timeout"):
                    break
            assert answer["Status"] == "ok", answer

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(append_ten, CELLS))
    alerts = 0
    for client, url in pair:
        for name in CELLS:
            cell = Cell(name, client, url)
            rows = [row["id_cycle"] for row in history.read(client, name, [])]
            assert sorted(rows) == list(range(1, 14))
            assert cell.value("PredictionDetails.InputLastCycle") == cell.fleet()["AtCycle"] == 13
            every = [*cell.value("ActiveAlerts"), *cell.value("AlertHistory")]
            ids = [one["AlertId"] for one in every]
            active = [one["Indicator"] for one in cell.value("ActiveAlerts")]
            assert len(set(ids)) == len(ids) and len(set(active)) == len(active), every
            unacknowledged = [one for one in cell.value("ActiveAlerts") if one["AlertState"].endswith("Unacknowledged")]
            assert cell.fleet()["UnacknowledgedAlerts"] == len(unacknowledged)
            alerts += len(ids)
    assert alerts >= 2 * len(CELLS), "these cells have passed their end of life"
