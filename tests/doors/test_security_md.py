"""The table of SECURITY.md names every door there is, and what every door is hardened with."""

from __future__ import annotations

import re

import pytest
import requests

from dashboard.serve import HEADERS, app
from tests.conftest import Twin
from tests.servers import ROOT, Server


def doors(service: str) -> list[str]:
    table = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## The doors")[2]
    return re.findall("`(/[^`]*)`", "".join(line for line in table.splitlines() if line.startswith(f"| {service} ")))


def is_named(path: str, named: list[str]) -> bool:
    return any(path == one or (one.endswith("…") and path.startswith(one[:-1])) for one in named)


def test_every_path_of_the_aas_environment_is_named(twin: Twin) -> None:
    named = doors("AAS environment")
    paths = set(requests.get(f"{twin.basyx_url}/v3/api-docs", timeout=30).json()["paths"])
    links = requests.get(f"{twin.basyx_url}/actuator", timeout=10).json()["_links"]
    assert len(paths) > 20 and set(links) <= {"self", "health", "health-path"}
    assert [path for path in sorted(paths) if not is_named(path, named)] == []


def test_every_path_of_the_screen_is_named() -> None:
    named = doors("HMI")
    paths = {route.path for route in app._build_starlette_app().routes}  # type: ignore[attr-defined]
    assert "/_stcore/stream" in paths
    assert [path for path in sorted(paths) if not is_named(path or "/", named)] == []


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/favicon.png", "/no/such"])
def test_every_answer_of_the_screen_is_hardened(hmi: Server, path: str) -> None:
    page = requests.get(f"{hmi.url}/", timeout=10).text
    scripts = re.findall(r'src="\./(static/[^"]+)"', page)
    assert scripts
    for one in (path, f"/{scripts[0]}"):
        answer = requests.get(hmi.url + one, timeout=10)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, one


@pytest.mark.parametrize(
    "path", ["/", "/swagger.json", "/health/live", "/metrics", "/no/such", "/swaggerui/swagger-ui.css"]
)
def test_every_answer_of_the_delegate_is_hardened(twin: Twin, path: str) -> None:
    headers = requests.get(twin.delegate_url + path, timeout=10).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer" and "default-src 'self'" in headers["Content-Security-Policy"]
