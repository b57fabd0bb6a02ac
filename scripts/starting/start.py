"""Set-up and start, what does not depend on each other side by side; then the watch, until the twin is told to stop.

Packages for training ─┬─ model ────────────────┬─ delegate and HMI start ──────────────────┐
                       └─ all Python packages ──┤                                           ├─ first predictions
Java ─ AAS environment ─ BaSyx starts ──────────┴─ AASX of all cells, and cells into BaSyx ─┘
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from pathlib import Path

from installation import bundle, environment, java, packages
from installation.java import Java
from installation.places import ROOT, Places, SetupError, digest, fits
from installation.steps import SideBySide, Steps
from supervision import network
from supervision.record import StopRequest
from supervision.service import Service
from supervision.supervisor import Supervisor

from starting.services import BASYX, DEMO, FEED, Address, services

MODEL, PACKAGE, LOAD, PREDICT = "Model", "AASX of all cells", "Cells' shells into BaSyx", "First predictions"
PACKAGE_AND_LOAD = "AASX of all cells, and into BaSyx"
TYPICAL_S = {  # on two cores, when it has to be done
    packages.TITLE_TRAINING: 8.0,
    packages.TITLE_PACKAGES: 12.0,
    MODEL: 20.0,
    environment.TITLE: 12.0,
    BASYX: 4.0,
    PACKAGE_AND_LOAD: 13.0,
    LOAD: 7.0,
    PREDICT: 2.0,
}
START_TIMEOUT_S = 120.0
MOST_JOBS = 4  # of the training; more find nothing to do


class Model:
    """The trained model; again only when data, code or libraries changed, or a file is not the one that was stored."""

    def __init__(self, places: Places):
        self._places, self.folder = places, places.state / "model"
        self._stamp = places.state / "model.sha256"

    def _wanted(self) -> str:
        return f"{digest([ROOT / 'model', ROOT / 'requirements.txt'])} {digest([self.folder], self._places.state)}"

    def is_there(self) -> bool:
        return (self.folder / "serving.json").exists() and fits(self._stamp, self._wanted())

    def make(self, steps: Steps) -> None:
        jobs = min(os.cpu_count() or 1, MOST_JOBS)
        command = [self._places.python, "-m", "model", "train", "--out", self.folder, "--jobs", str(jobs)]
        steps.run(MODEL, command, "", self._places.python_env())
        self._stamp.write_text(self._wanted(), encoding="utf-8")


class FleetPackage:
    """The fleet's AASX; again only when model, data or builder changed, or the file is not the one that was built."""

    def __init__(self, places: Places):
        self._places = places
        self.file = places.state / "aasx" / "fleet.aasx"
        self._stamp = places.state / "aasx" / "inputs.sha256"

    def _wanted(self) -> str:
        mapping = ("operations/cell/twin.py", "operations/request/columns.py")  # from the model to the AAS
        sources = digest(ROOT / name for name in ("aasx", "model", *mapping, "requirements.txt"))
        serving = (self._places.state / "model" / "serving.json").read_text(
            encoding="utf-8"
        )  # the version that answers
        built = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return f"{sources} {serving.strip()} {os.environ.get('TWIN_BASE_IRI', '')} {built}"

    def is_there(self) -> bool:
        try:
            return fits(self._stamp, self._wanted())
        except OSError:
            return False

    def make(self, steps: Steps) -> None:
        command: list[str | Path] = [self._places.python, ROOT / "scripts" / "build_aasx.py", "--fleet-only"]
        command += ["--out", self.file.parent]
        env = self._places.python_env() | {"TWIN_MODEL_DIR": str(self._places.state / "model")}
        steps.run(PACKAGE, command, "", env)
        self.was_made()

    def was_made(self) -> None:
        self._stamp.write_text(self._wanted(), encoding="utf-8")


def make_bundle(places: Places, out: Path, install: bool) -> Path:
    """Sets up what a bundle holds, and writes it."""
    steps, model, package = Steps(places.state / "logs" / "bundle.log"), Model(places), FleetPackage(places)
    found = java.ensure(steps, install)
    jobs = SideBySide(steps)
    jobs.start(lambda: environment.package(steps, places, found))
    packages.ensure(steps, places, install)
    for part in (model, package):
        if not part.is_there():
            part.make(steps)
    list(jobs.finished())
    return bundle.make(steps, places, out)


class Start:
    """One start of the twin. The caller holds the lock of the state folder."""

    def __init__(
        self, places: Places, address: Address, install: bool, from_bundle: Path | None = None, demo: bool = False
    ):
        self.places, self.address, self.install, self.demo = places, address, install, demo
        self.from_bundle = from_bundle or bundle.beside()
        self._stop = StopRequest(places.state)
        self.steps = Steps(places.state / "logs" / "setup.log", self._stop)
        self.supervisor = Supervisor(places.state, self._stop, self.steps.note)
        self.model, self.package = Model(places), FleetPackage(places)
        self.begin = time.monotonic()
        self._afterwards: threading.Thread | None = None

    def run(self) -> None:
        """Until the twin is told to stop. Raises SetupError or ServiceError when it cannot be brought up."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._stop.ask)
        try:
            self.supervisor.record(ready=False)
            found = java.ensure(self.steps, self.install, compiles=self.from_bundle is None)
            self._bring_up(found)
            self.supervisor.record(ready=True)
            self.steps.expect([], {})
            self.steps.note(f"ready after {time.monotonic() - self.begin:.0f} s")
            self._print_table([service for service in self.supervisor.services if service.listens])
            self._start_demo()
            self._afterwards = threading.Thread(target=self._keep_classes, args=(found,))
            self._afterwards.start()
            self.supervisor.watch()
        except KeyboardInterrupt:
            pass
        finally:
            self.supervisor.stop()
            if self._afterwards:
                self._afterwards.join()

    def _keep_classes(self, found: Java) -> None:
        """Not before the twin is there: only later starts have something of it."""
        try:
            environment.keep_classes(self.steps, self.places, found)
        except (SetupError, OSError) as error:
            self.steps.note(f"later starts will take some seconds more: {error}")
        except KeyboardInterrupt:
            pass  # the twin is told to stop; the next start keeps them

    def _bring_up(self, found: Java) -> None:
        wheels = None
        if self.from_bundle:
            opened = bundle.open_(self.from_bundle, self.places, self.steps)
            wheels = bundle.install(self.places, found, opened)
        managed = self.supervisor.manage(services(self.places, self.address, found, self.demo))
        basyx, delegate, *others = [service for service in managed if service.listens]
        feeds = [service for service in others if service.name == FEED]
        hmis = [service for service in others if service.name != FEED]
        python = self.places.python
        jobs = SideBySide(self.steps)

        def install_for_training() -> None:
            packages.ensure_for_training(self.steps, self.places, self.install, wheels)

        def install_packages() -> None:
            packages.ensure(self.steps, self.places, self.install, wheels=wheels)

        def package_environment() -> None:
            environment.package(self.steps, self.places, found)

        def make_model() -> None:
            if not self.model.is_there():
                self.model.make(self.steps)

        self._expect(environment.is_packaged(self.places, found))
        jobs.start(package_environment)
        jobs.start(install_for_training)
        for job in jobs.finished():
            # services are started here, by the thread that stays
            if job is package_environment:
                self.supervisor.start(basyx)
            elif job is install_for_training:
                jobs.start(make_model)
                jobs.start(install_packages)
        for service in (delegate, *hmis):
            self.supervisor.start(service)
        self._wait_for(basyx)
        load: list[str | Path] = [python, ROOT / "scripts" / "load_twin.py", "--basyx-url", basyx.url]
        load += ["--delegate-url", delegate.url, "--package", self.package.file]
        load += ["--note", self.places.state / "loaded.json"]
        env = self.places.python_env() | network.without_proxy(tuple(map(network.within_reach, self.address.hosts)))
        remedy = f"See {basyx.log} as well."
        if self.package.is_there():
            self.steps.run(LOAD, load, remedy, env)
        else:
            self.steps.run(PACKAGE_AND_LOAD, [*load, "--build", self.model.folder], remedy, env)
            self.package.was_made()
        self._wait_for(delegate)
        for hmi in hmis:
            self._wait_for(hmi)
        for feed in feeds:  # healthy when its brokers are, which may be away
            self.supervisor.start(feed)
        predict = [python, ROOT / "scripts" / "predict.py", "--if-never", "--basyx-url", basyx.url]
        self.steps.run(PREDICT, predict, f"See {delegate.log} as well.", env)

    def _start_demo(self) -> None:
        for service in self.supervisor.services:
            if service.name == DEMO:
                self.supervisor.start(service)
                self.steps.note(f"The demo plays cells of NASA's until one of yours has data: {service.log}")

    def _wait_for(self, service: Service) -> None:
        with self.steps.step(service.name):
            self.supervisor.wait_until_healthy(service, START_TIMEOUT_S)

    def _expect(self, packaged: bool) -> None:
        """Tells the steps what is still to be done."""
        no_packages = bool(packages.Venv(self.places).lacks([]))
        lacking = {
            packages.TITLE_TRAINING: no_packages,
            packages.TITLE_PACKAGES: no_packages,
            MODEL: not self.model.is_there(),
            environment.TITLE: not packaged,
        }
        first = packages.TITLE_TRAINING
        lanes = [(first, MODEL), (first, packages.TITLE_PACKAGES), (environment.TITLE,)]
        todo = [{title: TYPICAL_S[title] for title in lane if lacking[title]} for lane in lanes]
        load = LOAD if self.package.is_there() else PACKAGE_AND_LOAD
        self.steps.expect(todo, {title: TYPICAL_S[title] for title in (BASYX, load, PREDICT)})

    def _print_table(self, all_services: list[Service]) -> None:
        links = {BASYX: "/swagger-ui/index.html", FEED: "/metrics"}
        rows = [
            ("service", "URL", "log"),
            *((s.name, s.url + links.get(s.name, "/"), str(s.log)) for s in all_services),
        ]
        self.steps.print(f"\n{table(rows)}\n\n  AASX of the fleet: {self.package.file}\n")
        if not os.environ.get("TWIN_DETACHED"):
            self.steps.note("Ctrl-C stops all.")


def table(entries: list[tuple[str, str, str]]) -> str:
    widths = [max(len(entry[i]) for entry in entries) for i in range(3)]
    return "\n".join(
        "  " + "  ".join(part.ljust(width) for part, width in zip(e, widths, strict=True)).rstrip() for e in entries
    )
