"""What tests of several folders share: the real services, the trained model, the raw data where it is present.

`scripts/test.py` runs them in several processes (pytest-xdist), for most tests wait for a server; a plain `pytest` runs
them in one. What that asks of a test:

- It goes by its module to one of the processes, and modules that build on the same servers go together, so that each
  server is started once: see `group_of`. A test that starts a server of its own is a cost to all; take a fixture.
- What is made once and only read (a trained model, a package) comes from `made_once`, which all processes share.
- Ports are free ones, files lie in `tmp_path`; nothing is written into the checkout.
- What kills, loads, soaks or lasts more than half a minute is marked `long` (what needs a fixture of LONG is, too);
  `scripts/test.py --long` runs these, whoever changes their code runs them.
- `--quick` is for who develops: what starts a real server or a browser (mark `servers`, set by the fixtures of STARTED)
  and what works for some seconds by itself (mark `lasting`, set by those of LASTING) is no part of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import pytest

from dashboard.report.pdf import find_browser
from tests.servers import JAR, ROOT, Server, free_port, start_basyx, start_delegate, start_hmi

os.environ.setdefault("OMP_NUM_THREADS", "1")
signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the fixtures stop the servers they started


STARTED = {"basyx_jar", "basyx", "twin", "hmi", "browser"}  # fixtures of real servers; others build on them
SHARED = ("evaluation", "twin", "environment")  # session fixtures that are dear to make
LASTING = {"fleet_package"}  # fixtures that work for some seconds without a server
LONG = {"evaluation"}  # fixtures that work for minutes


def group_of(fixtures: set[str]) -> str | None:
    """Modules that use the same of SHARED go to one process together; any other goes by itself."""
    return next((name for name in SHARED if name in fixtures), None)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist writes the groups into the names
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks who needs servers, tells the scheduler who goes together, and puts first what lasts."""
    fixtures: dict[str, set[str]] = {}  # of all tests of a module
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        fixtures.setdefault(item.location[0], set()).update(names)
        if STARTED & names:
            item.add_marker("servers")
        if LASTING & names:
            item.add_marker("lasting")
        if LONG & names:
            item.add_marker("long")

    lasting = {item.location[0] for item in items if item.get_closest_marker("lasting")}

    def place(item: pytest.Item) -> int:
        module = item.location[0]
        if group := group_of(fixtures[module]):
            return SHARED.index(group)
        if module.startswith("tests/scripts/"):
            return len(SHARED)
        return len(SHARED) + (1 if STARTED & fixtures[module] or module in lasting else 2)

    for item in items:
        if group := group_of(fixtures[item.location[0]]):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a group go together, the others by their module, in the order of the collection."""
    from xdist.scheduler import LoadGroupScheduling

    class ByGroupOrModule(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).partition("::")[0]

    config.option.loadscopereorder = False
    return ByGroupOrModule(config, log)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` as `make(folder)` filled it, once in a test run, whatever number of processes share it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder = base / "made" / name
    folder.parent.mkdir(exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            part = folder.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


def run_script(*arguments: str | Path, timeout_s: float = 300, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs one of the project's commands with this Python; the caller looks at its exit code and output."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT, env=os.environ | env, capture_output=True, text=True, encoding="utf-8", timeout=timeout_s,
    )  # fmt: skip


def must_run(*arguments: str | Path, timeout_s: float = 300, **env: str) -> str:
    done = run_script(*arguments, timeout_s=timeout_s, **env)
    assert done.returncode == 0, f"{arguments} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wait_for(what: Callable[[], Any], timeout_s: float = 25) -> Any:
    """The first result that is true. Fails with what it was in the end."""
    end = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"did not come: {found!r}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def nasa_dir() -> Path:
    """The folder of NASA's raw .mat files, which users of the project do not have."""
    folder = Path(os.environ.get("TWIN_NASA_DIR", ROOT.parent / "shared" / "nasa"))
    if not any(folder.glob("B*.mat")):
        pytest.skip(f"needs NASA's raw .mat files in {folder} (set TWIN_NASA_DIR)")
    return folder


@pytest.fixture(scope="session")
def basyx_jar() -> Path:
    if shutil.which("java") is None:
        pytest.skip("needs a Java runtime >= 17 (python scripts/test.py sets it up)")
    if not JAR.exists():
        pytest.skip("needs the packaged AAS environment (python scripts/test.py builds it)")
    return JAR


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model: the one of the running installation when it fits data and code, otherwise trained here."""
    given = Path(os.environ.get("TWIN_MODEL_DIR", ROOT / ".twin" / "model"))

    def make(folder: Path) -> None:
        if given.exists():
            shutil.copytree(given, folder, dirs_exist_ok=True)
        must_run("-m", "model", "train", "--out", folder)

    return made_once(tmp_path_factory, "model", make)


@pytest.fixture(scope="session")
def basyx(basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An AAS environment with an empty store, for tests that clean up what they put in."""
    server = start_basyx(tmp_path_factory.mktemp("basyx") / "store")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def fleet_package(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The AASX of all cells, as up.py loads it."""

    def make(out: Path) -> None:
        must_run("scripts/build_aasx.py", "--out", out, "--fleet-only", "--json", TWIN_MODEL_DIR=str(model_dir))

    return made_once(tmp_path_factory, "package", make) / "fleet.aasx"


@dataclass
class Twin:
    basyx: Server
    delegate: Server

    @property
    def basyx_url(self) -> str:
        return self.basyx.url

    @property
    def delegate_url(self) -> str:
        return self.delegate.url


@pytest.fixture(scope="session")
def twin(
    basyx_jar: Path, model_dir: Path, fleet_package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Twin]:
    """The whole twin with all cells, shared: a test that writes does so on a cell of its own and removes it."""
    folder = tmp_path_factory.mktemp("twin")
    server = start_basyx(folder / "store", twin_http_names="twin.example", twin_proxies="127.0.0.1")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    must_run("scripts/load_twin.py", "--basyx-url", server.url, "--delegate-url", url, "--package", fleet_package)
    delegate = start_delegate(server.url, model_dir, folder, port)
    yield Twin(server, delegate)
    delegate.stop()
    server.stop()


@pytest.fixture(scope="session")
def hmi(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_hmi(twin.basyx_url, tmp_path_factory.mktemp("hmi"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium driven by Playwright."""
    path = find_browser()
    if path is None:
        pytest.skip("needs Chromium, Chrome or Edge on PATH (or its path in TWIN_BROWSER)")
    from playwright.sync_api import sync_playwright

    switches = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    switches += ["--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.example 127.0.0.1"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=switches)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser):
    """A page of 1280×800 with a profile of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()
