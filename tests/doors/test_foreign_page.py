"""A page of somebody else in the operator's browser, against the real services: it reads, writes, deletes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import Twin, find_browser
from tests.environment.rest import Session, encoded, file_element, prop, submodel
from tests.servers import Server, free_port

PAGE = (Path(__file__).parent / "attack.html").read_text(encoding="utf-8")
VICTIM = "https://example.org/sm/victim"


@pytest.fixture(scope="module")
def careless(browser):
    """A browser that lets pages of the internet call this machine, as most do; Chromium by itself would stop them."""
    own = "LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,BlockInsecurePrivateNetworkRequests"
    switches = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.example 127.0.0.1"]
    started = browser.browser_type.launch(executable_path=find_browser(), args=[*switches, f"--disable-features={own}"])
    yield started
    started.close()


@pytest.fixture
def victim(twin: Twin) -> Iterator[str]:
    session = Session(twin.basyx_url)
    content = submodel(VICTIM, [prop("Secret", "untouched"), file_element("Page")])
    session.must("POST", "/submodels", json=content)
    yield encoded(VICTIM)
    session.request("DELETE", f"/submodels/{encoded(VICTIM)}")


def everything(twin: Twin) -> dict[str, object]:
    """What an attacker could have changed, and what would have been done for him."""
    session = Session(twin.basyx_url)
    metrics = requests.get(f"{twin.delegate_url}/metrics", timeout=10).text
    return {
        "shells": [shell["id"] for shell in session.json("/shells?limit=1000")["result"]],
        "submodels": [one["id"] for one in session.json("/submodels?limit=1000&level=core")["result"]],
        "victim": session.json(f"/submodels/{encoded(VICTIM)}"),
        "attachment": session.get(f"/submodels/{encoded(VICTIM)}/submodel-elements/Page/attachment").status_code,
        "prediction": session.json(f"/submodels/{encoded('https://battery-twin.example/ids/sm/B0005/Prediction')}"),
        "operations": sorted(line for line in metrics.splitlines() if line.startswith("twin_operations_total")),
    }


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def attack(careless, twin: Twin, hmi: Server, victim: str, site: str, target: str) -> list[tuple[str, str, int]]:
    """The page at `site` attacks the services, which it calls by the name `target`.

    Returns method, URL and status of what the services answered.
    """
    ports = {"aas": port_of(twin.basyx_url), "delegate": port_of(twin.delegate_url), "hmi": port_of(hmi.url)}
    targets = {name: f"http://{target}:{port}" for name, port in ports.items()} | {"submodel": victim, "cell": "B0005"}
    text = PAGE.replace("/*TARGETS*/", json.dumps(targets))
    context = careless.new_context(service_workers="block")
    answered: list[tuple[str, str, int]] = []
    try:
        page = context.new_page()
        context.on("response", lambda answer: answered.append((answer.request.method, answer.url, answer.status)))
        page.route(site, lambda route: route.fulfill(body=text, content_type="text/html"))
        page.goto(site)
        before = everything(twin)
        assert page.evaluate("attack()") == []
        page.wait_for_timeout(500)
        assert everything(twin) == before
    finally:
        context.close()
    return [one for one in answered if one[1] != site]


@pytest.mark.parametrize("target", ["127.0.0.1", "localhost"])
def test_a_page_of_another_site(careless, twin: Twin, hmi: Server, victim: str, target: str) -> None:
    answered = attack(careless, twin, hmi, victim, f"http://evil.example:{free_port()}/attack", target)
    assert len(answered) > 50 and {status for _, _, status in answered} == {403}, answered


@pytest.mark.parametrize("service", ["aas", "delegate", "hmi"])
def test_a_name_that_was_bound_to_this_machine(careless, twin: Twin, hmi: Server, victim: str, service: str) -> None:
    """DNS rebinding: to the browser the page and the service are one site."""
    url = {"aas": twin.basyx_url, "delegate": twin.delegate_url, "hmi": hmi.url}[service]
    site = f"http://evil.example:{port_of(url)}/attack"
    answered = attack(careless, twin, hmi, victim, site, "evil.example")
    own = [status for _, address, status in answered if address.startswith(site.removesuffix("attack"))]
    assert len(own) >= 20 and {status for _, _, status in answered} == {403}, answered


def test_a_page_of_another_program_on_this_machine(careless, twin: Twin, hmi: Server, victim: str) -> None:
    """To the browser it is the same site, another origin: it may ask for a picture, and sees nothing."""
    answered = attack(careless, twin, hmi, victim, f"http://127.0.0.1:{free_port()}/attack", "127.0.0.1")
    assert {status for method, _, status in answered if method not in ("GET", "HEAD")} == {403}, answered
