"""The door before the screen: pages of others and foreign names are refused, answers are hardened."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from dashboard.serve import HEADERS, Door
from tests.servers import ROOT


def ask(headers: dict[str, str], kind: str = "http") -> list[dict[str, Any]]:
    """What the door sends back for a page or for a websocket."""
    sent: list[dict[str, Any]] = []

    async def screen(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await PlainTextResponse("screen")(scope, receive, send)

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.request" if kind == "http" else "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    given = {"host": "localhost:8501"} | {name.lower(): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    scope = {"type": kind, "method": "GET", "path": "/", "headers": raw}
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's driver may hold this thread's event loop
        elsewhere.submit(asyncio.run, Door(screen)(scope, receive, send)).result()  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_pages_of_others_are_refused(headers: dict[str, str]) -> None:
    assert ask(headers)[0]["status"] == 403
    assert [message["type"] for message in ask(headers, "websocket")] == ["websocket.close"]


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:1", "[::1]:8501", "twin.example", "HMI:8501"])
def test_own_names_pass_hardened(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_HTTP_NAMES", "twin.example, hmi")
    headers = {"Host": host, "Origin": f"http://{host}"}
    start, body = ask(headers)
    assert start["status"] == 200 and body["body"] == b"screen"
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    assert {name: answered[name.lower()] for name in HEADERS} == HEADERS
    assert ask(headers, "websocket") == [{"type": "websocket.accept"}]


def test_it_is_found_from_the_scripts_folder_alone(tmp_path):
    """As `streamlit run` of a container starts it: neither the working folder nor PYTHONPATH leads to the project."""
    command = [sys.executable, "-I", str(ROOT / "dashboard" / "serve.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
