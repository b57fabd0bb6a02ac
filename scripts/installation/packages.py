"""The virtual environment with the Python packages that are asked for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib import invalidate_caches, metadata
from importlib.util import find_spec
from pathlib import Path

from installation.places import ROOT, Places, SetupError
from installation.steps import Steps
from installation.system import apt_install

REQUIREMENTS = ROOT / "requirements.txt"
TITLE_VENV, TITLE_TRAINING, TITLE_PACKAGES = "Virtual environment", "Python packages for training", "Python packages"
TRAINING = ("numpy", "pandas", "pyarrow", "scipy", "xgboost", "xgboost-cpu")
"""What training imports, and pandas with it: the model is trained while the other packages are installed."""
PIP = "26.3"
FAST_PIP = 25
"""Earlier ones, as Python brings them, look at every file of every version: they take twice as long."""
REACHES_OUT = 23
"""A pip of this Python from that version on installs into a venv that has none (`--python`): two thirds less work than
to let the venv unpack and compile the one that Python brings, only to replace it."""
PIP_INSTALL = ("install", "--no-compile", "--no-input", "--disable-pip-version-check", "--no-warn-script-location")
"""Each module is compiled when it is first used: most never are, and it takes half the time and 150 MB."""


def extra(name: str) -> list[str]:
    """Requirements of an extra of pyproject.toml, e.g. "test"."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["optional-dependencies"][name]


def _own_pip() -> int:
    """Major version of the pip beside this Python; 0 without one."""
    try:
        return int(metadata.version("pip").partition(".")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return 0


def wanted(extras: Sequence[str]) -> dict[str, str]:
    """What .venv is to hold: a hash for requirements.txt and for each extra."""
    texts = {"requirements": REQUIREMENTS.read_text(encoding="utf-8")}
    texts |= {name: "\n".join(extra(name)) for name in extras}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def training_requirements() -> list[str]:
    """The lines of requirements.txt that training needs."""
    lines = [line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.partition("==")[0].lower() in TRAINING]


class Venv:
    """A virtual environment and its stamp, which tells what was installed whole; what has none is made anew."""

    def __init__(self, places: Places):
        self.folder, self.python, self._env = places.venv, places.python, places.bytecode_env()
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

    def make(self, steps: Steps, install: bool, wheels: Path | None) -> None:
        """Anew, unless the one that is there runs and was not left half done."""
        if self.installed():
            return
        if find_spec("ensurepip") is None:  # Debian ships venv without it
            name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
            if not apt_install(steps, [name], "Python's venv", install):
                raise SetupError(f"Python's venv is missing: sudo apt install {name}")
            invalidate_caches()
        command = [sys.executable, "-m", "venv", "--clear", self.folder]
        remedy = f"Delete {self.folder} and start again."
        fast_pip = ["--retries", "1", f"pip=={PIP}"]
        if not wheels and _own_pip() >= REACHES_OUT:
            steps.run(TITLE_VENV, [*command, "--without-pip"], remedy)
            with contextlib.suppress(SetupError):  # an index without it: the venv's own way does as well
                pip = [sys.executable, "-m", "pip", "--python", self.python]
                steps.run(f"pip {PIP}", [*pip, *PIP_INSTALL, *fast_pip], "", self._env)
                return
        steps.run(TITLE_VENV, command, remedy)

        import ensurepip

        if int(ensurepip.version().partition(".")[0]) < FAST_PIP and not wheels:
            with contextlib.suppress(SetupError):  # an index without it: the other one does as well
                steps.run(f"pip {PIP}", [*self._pip(), *PIP_INSTALL, *fast_pip], "")

    def fill_for_training(self, steps: Steps, wheels: Path | None) -> None:
        """What training needs, unless it is there."""
        lines = training_requirements()
        value = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        there = self.installed()
        if lines and there.get("training") != value:
            self._install(steps, TITLE_TRAINING, lines, wheels)
            self._note({name: has for name, has in there.items() if name != "requirements"} | {"training": value})

    def fill(self, steps: Steps, extras: Sequence[str], wheels: Path | None) -> None:
        there, lacking = self.installed(), self.lacks(extras)
        if not lacking:
            return
        requirements: list[str | Path] = ["-r", REQUIREMENTS]
        requirements += [line for name in lacking if name != "requirements" for line in extra(name)]
        self._install(steps, TITLE_PACKAGES, requirements, wheels)
        self._note(there | wanted(extras))

    def _install(self, steps: Steps, title: str, requirements: Sequence[str | Path], wheels: Path | None) -> None:
        offline = ["--no-index", "--find-links", wheels] if wheels else []
        self._stamp.unlink(missing_ok=True)
        remedy = "Check the network (a proxy: HTTPS_PROXY; an index of your own: PIP_INDEX_URL) and start again."
        steps.run(title, [*self._pip(), *PIP_INSTALL, *offline, *requirements], remedy, self._env)

    def _pip(self) -> list[str | Path]:
        return [self.python, "-m", "pip"]

    def _note(self, packages: dict[str, str]) -> None:
        self._stamp.write_text(json.dumps({"python": self._version(), "packages": packages}), encoding="utf-8")


def ensure_for_training(steps: Steps, places: Places, install: bool, wheels: Path | None = None) -> None:
    """`.venv` with what training needs, unless all packages are there."""
    venv = Venv(places)
    if venv.lacks([]):
        venv.make(steps, install, wheels)
        venv.fill_for_training(steps, wheels)


def ensure(steps: Steps, places: Places, install: bool, extras: Sequence[str] = (), wheels: Path | None = None) -> None:
    """`.venv` with requirements.txt and these extras, each only when it is not there yet or was changed."""
    venv = Venv(places)
    if venv.lacks(extras):
        venv.make(steps, install, wheels)
        venv.fill(steps, extras, wheels)


def version() -> str:
    """Version of the project: it stands in pyproject.toml."""
    found = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SetupError("pyproject.toml names no version")
    return found[1]
