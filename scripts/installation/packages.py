"""The virtual environment with the Python packages that are asked for."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from installation.places import ROOT, Places, SetupError
from installation.steps import Steps
from installation.system import apt_install

REQUIREMENTS = ROOT / "requirements.txt"
TITLE_VENV, TITLE_PACKAGES = "Virtual environment", "Python packages"


def extra(name: str) -> list[str]:
    """Requirements of an extra of pyproject.toml, e.g. "test"."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["optional-dependencies"][name]


def wanted(extras: Sequence[str]) -> dict[str, str]:
    """What .venv is to hold: a hash for requirements.txt and for each extra."""
    texts = {"requirements": REQUIREMENTS.read_text(encoding="utf-8")}
    texts |= {name: "\n".join(extra(name)) for name in extras}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


class Venv:
    """A virtual environment and its stamp, which tells what was installed whole; what has none is made anew."""

    def __init__(self, places: Places):
        self.folder, self.python = places.venv, places.python
        self._stamp = self.folder / "installed.json"

    def installed(self) -> dict[str, str]:
        """What the stamp tells; empty unless it is the stamp of a Python that still runs."""
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            return stamp["packages"] if stamp["python"] == self._version() else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def lacks(self, extras: Sequence[str]) -> list[str]:
        there = self.installed()
        return [name for name, value in wanted(extras).items() if there.get(name) != value]

    def _version(self) -> str:
        """Version of its Python, seen to run with pip; "none" when either is missing."""
        try:
            code = "import pip, sys; print(sys.version.split()[0])"
            answer = subprocess.run([str(self.python), "-c", code], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            return "none"
        return answer.stdout.strip() or "none"

    def make(self, steps: Steps, install: bool) -> None:
        """Anew, unless the one that is there runs and was not left half done."""
        if self.installed():
            return
        try:
            import ensurepip  # noqa: F401  (Debian ships venv without it)
        except ImportError:
            name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
            if not apt_install(steps, [name], "Python's venv", install):
                raise SetupError(f"Python's venv is missing: sudo apt install {name}") from None
        command = [sys.executable, "-m", "venv", "--clear", self.folder]
        steps.run(TITLE_VENV, command, f"Delete {self.folder} and start again.")

    def fill(self, steps: Steps, extras: Sequence[str], wheels: Path | None) -> None:
        there, lacking = self.installed(), self.lacks(extras)
        if not lacking:
            return
        requirements: list[str | Path] = ["-r", REQUIREMENTS]
        requirements += [line for name in lacking if name != "requirements" for line in extra(name)]
        # each module is compiled when it is first used: most never are, and it takes half the time and 150 MB
        pip: list[str | Path] = [self.python, "-m", "pip", "install", "--no-compile", "--no-input"]
        pip += ["--disable-pip-version-check", "--no-warn-script-location"]
        if wheels:
            pip += ["--no-index", "--find-links", wheels]
        self._stamp.unlink(missing_ok=True)
        remedy = "Check the network (a proxy: HTTPS_PROXY; an index of your own: PIP_INDEX_URL) and start again."
        steps.run(TITLE_PACKAGES, [*pip, *requirements], remedy)
        packages = there | wanted(extras)
        self._stamp.write_text(json.dumps({"python": self._version(), "packages": packages}), encoding="utf-8")


def ensure(steps: Steps, places: Places, install: bool, extras: Sequence[str] = (), wheels: Path | None = None) -> None:
    """`.venv` with requirements.txt and these extras, each only when it is not there yet or was changed."""
    venv = Venv(places)
    if venv.lacks(extras):
        venv.make(steps, install)
        venv.fill(steps, extras, wheels)


def version() -> str:
    """Version of the project: it stands in pyproject.toml."""
    found = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SetupError("pyproject.toml names no version")
    return found[1]
