"""The databases of the AAS environment's tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.environment.postgres import Postgres
from tests.servers import Server, start_basyx

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(basyx_jar: Path) -> Iterator[Postgres]:
    """A PostgreSQL server for tests that leave it running."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, basyx_jar: Path) -> dict[str, Any]:
    """The settings of an environment on an empty store, once on each database."""
    if request.param == "sqlite":
        return {}
    return request.getfixturevalue("postgres").database(f"t{next(_numbers)}")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def environment(
    request: pytest.FixtureRequest, basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A running environment on each database, for tests that clean up what they put in."""
    settings: dict[str, Any] = {}
    if request.param == "postgresql":
        settings = request.getfixturevalue("postgres").database(f"t{next(_numbers)}")
    server = start_basyx(tmp_path_factory.mktemp("environment") / "store", **settings)
    yield server
    server.stop()
