#!/usr/bin/env python3
"""Sets up as up.py does, builds BaSyx with its JUnit tests, and runs all tests; other arguments go to pytest.

Tests that need what cannot be had (a browser, NASA's raw files) skip and say why. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import installation
from installation import ROOT, SetupError


def main() -> int:
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
        installation.ensure_browser(steps, not options.no_install)
        env = os.environ | {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
        env["PATH"] = f"{java / 'bin'}{os.pathsep}{env['PATH']}"
        train = [installation.PYTHON, "-m", "model", "train", "--out", state / "model"]
        steps.run("Model", train, "", {"OMP_NUM_THREADS": "1"})
        command = [str(installation.PYTHON), "-m", "pytest", *(pytest_arguments or ["tests"])]
        return subprocess.run(command, cwd=ROOT, env=env).returncode
    except SetupError as error:
        print(f"test.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
