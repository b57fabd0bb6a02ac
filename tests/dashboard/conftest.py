"""Fixtures of the screen's tests: the page under test, a faulty proxy, a guarded HMI, a folder for screenshots."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter
from streamlit.testing.v1 import AppTest

from tests.dashboard.proxy import FaultyProxy
from tests.servers import ROOT, Server, start_hmi

APP = ROOT / "dashboard" / "app.py"
GUARD = Path(__file__).parent / "guard"
Open = Callable[..., AppTest]


@pytest.fixture
def own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit makes the page the program's main module; processes that are started later would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, own_main: None) -> Iterator[Open]:
    """open_page(url, view=..., lang=..., ...) runs the app once against the AAS environment at `url`."""
    import streamlit as st

    st.cache_resource.clear()

    def run(basyx_url: str, **address: object) -> AppTest:
        monkeypatch.setenv("TWIN_BASYX_URL", basyx_url)
        page = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in {"lang": "en", **address}.items():
            page.query_params[name] = str(value)
        return page.run()

    yield run
    st.cache_resource.clear()


@pytest.fixture
def proxied(twin) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(twin.basyx_url)
    yield proxy
    proxy.stop()


@dataclass
class Requests:
    made: list[str]

    def __len__(self) -> int:
        return len(self.made)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """Every HTTP request this process sends, as "METHOD url"."""
    made: list[str] = []
    send = HTTPAdapter.send

    def counting(self, request, *args, **kwargs):
        made.append(f"{request.method} {request.url}")
        return send(self, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", counting)
    return Requests(made)


@dataclass
class GuardedHmi:
    server: Server
    log: Path

    @property
    def url(self) -> str:
        return self.server.url

    def refused(self) -> list[str]:
        """Connections the HMI tried that are not to the AAS environment."""
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


@pytest.fixture(scope="session")
def guarded_hmi(twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedHmi]:
    """An HMI whose process can connect to the AAS environment and to nothing else."""
    folder = tmp_path_factory.mktemp("guarded")
    log, port = folder / "refused.txt", twin.basyx_url.rsplit(":", 1)[1]
    server = start_hmi(twin.basyx_url, folder, PYTHONPATH=str(GUARD), GUARD_PORT=port, GUARD_LOG=str(log))
    yield GuardedHmi(server, log)
    server.stop()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: TWIN_SCREENSHOTS, or a folder of this test run."""
    folder = (
        Path(os.environ["TWIN_SCREENSHOTS"]) if "TWIN_SCREENSHOTS" in os.environ else tmp_path_factory.mktemp("seen")
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder
