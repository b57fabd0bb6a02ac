"""The rules a machine can check: format, lint, types, and which way dependencies point."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.servers import ROOT

ALLOWED = {  # folder -> the project's other folders it may import
    "aasx": set(),
    "model": set(),
    "operations": {"model", "aasx"},
    "dashboard": {"aasx"},
}


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy", *ALLOWED, "scripts", "tests"]],
    ids=["lint", "format", "types"],
)  # fmt: skip
def test_tools_find_nothing(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ALLOWED)
def test_dependencies_point_one_way(folder):
    forbidden = {*ALLOWED, "scripts", "tests"} - {folder} - ALLOWED[folder]
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            wrong = {name for name in names if name.split(".")[0] in forbidden}
            assert not wrong, f"{file.relative_to(ROOT)}:{node.lineno} imports {wrong}"
