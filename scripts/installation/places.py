"""Where things are put: into the checkout, or into the state folder when the checkout cannot be written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that names the remedy, and may be followed by a log's last lines."""


@dataclass(frozen=True)
class Places:
    state: Path

    @property
    def writable(self) -> bool:
        return os.access(ROOT, os.W_OK)

    @property
    def venv(self) -> Path:
        return ROOT / ".venv" if self.writable else self.state / "venv"

    @property
    def python(self) -> Path:
        return self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def environment(self) -> Path:
        """Where the AAS environment is built."""
        return ROOT / "aasx" / "environment" if self.writable else self.state / "environment"

    @property
    def jar(self) -> Path:
        return self.environment / "target" / "aas-environment.jar"

    @property
    def tools(self) -> Path:
        return self.state / "tools"

    def python_env(self) -> dict[str, str]:
        """Environment of the project's own Python programs."""
        env = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
        return env | self.bytecode_env()

    def bytecode_env(self) -> dict[str, str]:
        """Bytecode is kept in any case, for packages are installed without: in the state folder where the checkout
        cannot be written, or is to stay free of it (PYTHONDONTWRITEBYTECODE)."""
        if self.writable and not os.environ.get("PYTHONDONTWRITEBYTECODE"):
            return {}
        folder = os.environ.get("PYTHONPYCACHEPREFIX") or str(self.state / "pycache")
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def digest(paths: Iterable[Path], root: Path = ROOT) -> str:
    """SHA-256 over names (below `root`) and contents of files and of folders (caches and build output left out)."""
    total = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and not {"__pycache__", "target"} & set(file.relative_to(root).parts):
                total.update(file.relative_to(root).as_posix().encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def fits(stamp: Path, wanted: str) -> bool:
    try:
        return stamp.read_text(encoding="utf-8").strip() == wanted
    except (OSError, ValueError):
        return False
