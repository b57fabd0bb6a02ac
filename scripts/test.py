#!/usr/bin/env python3
"""Sets up as up.py does, builds BaSyx with its JUnit tests, and runs all tests; other arguments go to pytest.

Tests that need what cannot be had (a browser, NASA's raw files) skip and say why. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

import installation
from installation import ROOT, SetupError


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
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--no-install", action="store_true", help="never install system packages")
    options, pytest_arguments = parser.parse_known_args()
    try:
        installation.check_python()
        state = ROOT / ".twin"
        steps = installation.Steps(state / "logs" / "test-setup.log")
        java = installation.find_java(steps, not options.no_install)
        installation.make_venv(steps, not options.no_install)
        installation.package_environment(steps, java, verify=True)
        installation.ensure_system_packages(steps, installation.SYSTEM_PACKAGES, not options.no_install)
        env = os.environ | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
        env["PATH"] = f"{java / 'bin'}{os.pathsep}{env['PATH']}"
        train = [installation.PYTHON, "-m", "model", "train", "--out", state / "model"]
        steps.run("Model", train, "", {"OMP_NUM_THREADS": "1"})
        command = [str(installation.PYTHON), "-m", "pytest", *(pytest_arguments or ["tests"])]
        return run(command, env)
    except SetupError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
