"""The table of SECURITY.md names every door there is, and what every door is hardened with."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import cast

import pytest
import requests
import werkzeug.test

from dashboard.serve import HEADERS, app
from operations.feed.__main__ import health_app
from operations.feed.feeder import Feeder
from operations.feed.metrics import Metrics as FeedMetrics
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


def test_the_feeder_answers_at_what_is_named_alone() -> None:
    named = doors("feeder")
    feeder = cast(Feeder, SimpleNamespace(ready=True, metrics=FeedMetrics()))
    client = werkzeug.test.Client(health_app(feeder, ("localhost",)))
    assert {path: client.get(path).status_code for path in named} == dict.fromkeys(named, 200)
    assert [client.get(path).status_code for path in ("/", "/health", "/metrics/", "/swagger.json")] == [404] * 4
    assert client.get("/metrics", headers={"Origin": "https://evil.example"}).status_code == 403


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
