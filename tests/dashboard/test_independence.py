"""The screen knows the twin only through the AAS REST API."""

import ast
import os
import subprocess
import sys

import pytest

from tests.dashboard.conftest import GUARD
from tests.servers import ROOT, free_port

SOURCES = sorted((ROOT / "dashboard").rglob("*.py"))
FORBIDDEN = {"model", "operations", "scripts", "xgboost", "flask"}
NETWORK = {"requests", "urllib3", "http", "socket", "aiohttp", "httpx"}


def imported(source):
    """Every module name a file imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            yield ast.unparse(node.args[0])


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_neither_model_nor_operations_nor_network(source):
    names = list(imported(source))
    roots = {name.split(".")[0] for name in names}
    assert not roots & FORBIDDEN
    assert not roots & NETWORK
    assert "urllib.request" not in names


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_twin_talks_to_the_gateway(source):
    if source.name != "twin.py":
        gateways = ("aasx.client", "aasx.packages", "aasx.transfer")
        assert not {name for name in imported(source) if name.startswith(gateways)}


def test_loads_no_file_of_the_model_or_the_operations():
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        assert "TWIN_DELEGATE_URL" not in text
        assert "TWIN_MODEL_DIR" not in text


def test_importing_every_module_pulls_in_neither_model_nor_operations():
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in SOURCES
        if path.name not in ("app.py", "serve.py")
    ]
    code = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name.removesuffix('.__init__'))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('model', 'operations')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_the_guard_itself_refuses_and_notes(tmp_path):
    """So that an empty note after the browser's walk means something."""
    log, port = tmp_path / "refused.txt", free_port()
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
    env = os.environ | {"PYTHONPATH": str(GUARD), "GUARD_PORT": "1", "GUARD_LOG": str(log)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr
    assert log.read_text(encoding="utf-8") == f"127.0.0.1:{port}\n"
