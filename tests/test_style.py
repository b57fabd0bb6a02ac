"""The rules a machine can check: format, lint, types, and which way dependencies point."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aasx.submodels.operation_variables import OPERATIONS
from tests.servers import ROOT

ALLOWED = {  # folder -> the project's other folders it may import
    "aasx": set(),
    "model": set(),
    "operations": {"model", "aasx"},
    "dashboard": {"aasx"},
}

ROOMS = {  # room (a folder or a module) -> the rooms of the same folder it may import; each stands above those it names
    "aasx.identifiers": "",
    "aasx.vocabulary": "identifiers",
    "aasx.cell_description": "identifiers",
    "aasx.doors": "",
    "aasx.elements": "identifiers vocabulary",
    "aasx.alerts": "vocabulary elements",
    "aasx.submodels": "identifiers vocabulary cell_description elements alerts",
    "aasx.packages": "elements",
    "aasx.client": "elements",
    "aasx.shell": "identifiers cell_description elements submodels packages",
    "aasx.remembered": "",
    "aasx.history": "identifiers elements submodels client remembered",
    "aasx.transfer": "identifiers vocabulary cell_description elements submodels packages client shell",
    "aasx.compatibility": "vocabulary cell_description elements submodels packages client shell",
    "model.errors": "",
    "model.prediction": "",
    "model.cluster": "errors",
    "model.records": "errors cluster",
    "model.life": "errors prediction cluster records",
    "model.capacity": "errors records life",
    "model.running_capacity": "records",
    "model.degradation": "errors prediction records",
    "model.evaluation": "errors records life capacity running_capacity",
    "model.serving": "errors prediction cluster records life capacity running_capacity degradation evaluation",
    "model.__main__": "errors cluster records serving",
    "operations.request": "",
    "operations.intake": "request",
    "operations.cell": "request intake",
    "operations.each": "request intake cell",  # the modules of the operations; they may use one another
    "operations.service": "request cell each",
    "operations.feed": "request intake",
    "dashboard.texts": "",
    "dashboard.reading": "texts",
    "dashboard.state": "",
    "dashboard.components": "texts reading state",
    "dashboard.page": "texts reading state components",
    "dashboard.report": "texts reading components page",
    "dashboard.views": "texts reading state components page report",
    "dashboard.app": "texts reading state components page",
    "dashboard.serve": "",
    "operations.__main__": "request each service",
}
MOST_MODULES = 12


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="lint"),
        pytest.param(["ruff", "format", "--check", "."], id="format"),
        pytest.param(["mypy", *ALLOWED, "scripts", "tests"], id="types", marks=pytest.mark.lasting),
    ],
)
def test_tools_find_nothing(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, `from package import name` as package.name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by a relative path"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("folder", ALLOWED)
def test_dependencies_point_one_way(folder):
    forbidden = {*ALLOWED, "scripts", "tests"} - {folder} - ALLOWED[folder]
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for file in files:
        for line, name in imports(file):
            assert name.split(".")[0] not in forbidden, f"{file.relative_to(ROOT)}:{line} imports {name}"


def room_of(name: str) -> str | None:
    each = {f"operations.{_snake(operation)}" for operation in OPERATIONS} | {"operations.recording"}
    if ".".join(name.split(".")[:2]) in each:
        return "operations.each"
    return next((room for room in ROOMS if name == room or name.startswith(f"{room}.")), None)


def test_rooms_stand_above_the_rooms_they_use():
    above = dict(zip(ROOMS, range(len(ROOMS)), strict=True))
    for room, used in ROOMS.items():
        top = room.split(".")[0]
        assert all(above[f"{top}.{name}"] < above[room] for name in used.split()), room


@pytest.mark.parametrize("folder", sorted({room.split(".")[0] for room in ROOMS}))
def test_rooms_know_only_the_rooms_below_them(folder):
    used = set()
    for file in (ROOT / folder).rglob("*.py"):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if module == f"{folder}.__init__":
            continue
        room = room_of(module)
        assert room, f"{module} stands in no room of the table above"
        for line, name in imports(file):
            other = room_of(name)
            if other and other.startswith(f"{folder}.") and other != room:
                used.add((room, other))
                allowed = {f"{folder}.{neighbour}" for neighbour in ROOMS[room].split()}
                assert other in allowed, f"{file.relative_to(ROOT)}:{line} imports {name}"
    said = {(room, f"{folder}.{name}") for room in ROOMS if room.startswith(folder) for name in ROOMS[room].split()}
    assert used == said, f"said in the table, but not so: {sorted(said - used)}"


@pytest.mark.parametrize(
    "top",
    ["aasx", "model", "operations", "dashboard", "tests/aasx", "tests/dashboard", "tests/model", "tests/operations"],
)
def test_no_folder_is_crowded(top):
    operations = {f"{_snake(name)}.py" for name in OPERATIONS}
    for folder in {path.parent for path in (ROOT / top).rglob("*.py")}:
        apart = {"__init__.py", "__main__.py", "conftest.py", *operations, *(f"test_{name}" for name in operations)}
        names = {path.name for path in folder.glob("*.py")} - apart
        assert len(names) <= MOST_MODULES, f"{folder.relative_to(ROOT)} holds {len(names)} modules"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
