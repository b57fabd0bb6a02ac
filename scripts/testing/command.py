"""Options of `test.py`: what is set up for the tests, and which of them run."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from installation import environment, java, packages, system
from installation.places import ROOT, Places, SetupError
from installation.steps import SideBySide, Steps
from starting.start import Model

DESCRIPTION = """Sets up as up.py does, builds BaSyx with its JUnit tests, and runs the tests but those marked `long`.
Other arguments go to pytest. Tests that need what cannot be had (a browser, NASA's raw files) skip and say why."""
EXTRAS = ("test", "cluster")
MOST_PROCESSES = 4  # each may start several servers


def run(command: list[str], env: dict[str, str]) -> int:
    """Runs pytest; when this is told to end, so is pytest, which stops the servers that it started."""
    tests = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        return tests.wait()
    except KeyboardInterrupt:  # the terminal has told pytest, too
        tests.wait()
        raise
    except SystemExit:
        tests.terminate()
        tests.wait()
        raise


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="test.py", description=DESCRIPTION)
    parser.add_argument("--no-install", action="store_true", help="never install system packages")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="no servers, no browser, no Java, nothing that lasts")
    which.add_argument("--long", action="store_true", help="those marked `long` alone: kills, load, soaks")
    options, pytest_arguments = parser.parse_known_args()
    places = Places(ROOT / ".twin")
    try:
        found = set_up(places, options.quick, not options.no_install)
    except SetupError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    marks = "not long and not servers and not lasting" if options.quick else "long" if options.long else "not long"
    if not any(argument == "-m" for argument in pytest_arguments):
        pytest_arguments = ["-m", marks, *pytest_arguments]
    if options.long:
        pytest_arguments = ["--timeout", "0", *pytest_arguments]
    processes = str(min(max(os.cpu_count() or 1, 2), MOST_PROCESSES))
    env = {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1", "PYTEST_XDIST_AUTO_NUM_WORKERS": processes}
    command = [str(places.python), "-m", "pytest", "-n", "auto", "--dist", "loadgroup", *pytest_arguments]
    try:
        return run(command, os.environ | found | env)
    except KeyboardInterrupt:
        return 130


def set_up(places: Places, quick: bool, install: bool) -> dict[str, str]:
    """Environment variables the tests are to have. Raises SetupError."""
    steps = Steps(places.state / "logs" / "test-setup.log")
    model = Model(places)

    def install_packages() -> None:
        packages.ensure(steps, places, install, EXTRAS)
        if not model.is_there():
            model.make(steps)

    jobs = SideBySide(steps)
    jobs.start(install_packages)
    if quick:
        list(jobs.finished())
        return {}
    found = java.ensure(steps, install)

    def package_environment() -> None:
        environment.package(steps, places, found, verify=True)
        environment.keep_classes(steps, places, found)

    jobs.start(package_environment)
    list(jobs.finished())
    programs = system.ensure_system_packages(steps, system.SYSTEM_PACKAGES, install)
    folders = [str(found.home / "bin"), *(os.path.dirname(program) for program in programs.values())]
    return {"PATH": os.pathsep.join([*folders[:1], os.environ["PATH"], *folders[1:]])}
