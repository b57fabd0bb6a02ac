"""The examples of reverse proxies, tried: nginx and Caddy in front of the real services."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Twin
from tests.dashboard.test_browser import SETTLED
from tests.doors.proxies import NAME, PASSWORD, USER, Certificate, Proxy
from tests.environment.rest import encoded
from tests.servers import Server, free_port, start_delegate, start_hmi

REQUESTS_AN_HOUR = 40


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


@pytest.fixture(scope="module")
def public_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def behind(twin: Twin, model_dir: Path, public_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """HMI and delegate that know how they are reached; the shared AAS environment knows the name and the proxy, too."""
    folder = tmp_path_factory.mktemp("behind")
    told: dict[str, Any] = {"TWIN_PUBLIC_URL": f"https://{NAME}:{public_port}", "TWIN_PROXIES": "127.0.0.1"}
    delegate = start_delegate(twin.basyx_url, model_dir, folder, TWIN_RATE_LIMIT=f"{REQUESTS_AN_HOUR} per hour", **told)
    hmi = start_hmi(twin.basyx_url, folder, **told)
    yield {"hmi": hmi, "aas": twin.basyx, "delegate": delegate}
    hmi.stop()
    delegate.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.made(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, behind: dict[str, Server], public_port: int, certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proxy]:  # fmt: skip
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"needs {request.param} on PATH (python scripts/test.py installs it)")
    ports = {name: port_of(server.url) for name, server in behind.items()}
    folder = tmp_path_factory.mktemp("proxy") / request.param
    running = Proxy(request.param, program, public_port, ports, certificate, folder)
    running.kind = request.param  # type: ignore[attr-defined]
    yield running
    running.stop()


def predict_path(cell: str) -> str:
    submodel = encoded(f"https://battery-twin.example/ids/sm/{cell}/Prediction")
    return f"/aas/submodels/{submodel}/submodel-elements/Predict/invoke"


def test_nobody_comes_in_without_the_password(proxy: Proxy) -> None:
    for path in ("/hmi/", "/aas/shells", "/delegate/", "/delegate/metrics"):
        answer = proxy.ask("GET", path, headers={"Authorization": ""})
        assert answer.status == 401, (path, answer.data)


def test_programs_read_write_and_predict(proxy: Proxy) -> None:
    shells = proxy.ask("GET", "/aas/shells?limit=3").json()["result"]
    assert len(shells) == 3
    body = json.dumps({"inputArguments": [], "inoutputArguments": []})
    json_headers = {"Content-Type": "application/json"}
    answer = proxy.ask("POST", predict_path("B0005"), body=body, headers=json_headers)
    assert answer.status == 200 and answer.json()["success"] is True, answer.data
    identifier = "https://example.org/sm/behind a proxy/é"
    numbers = {"modelType": "SubmodelElementList", "idShort": "Numbers", "typeValueListElement": "Property",
               "valueTypeListElement": "xs:int",
               "value": [{"modelType": "Property", "valueType": "xs:int", "value": "7"}]}  # fmt: skip
    made = {"modelType": "Submodel", "id": identifier, "idShort": "Behind", "submodelElements": [numbers]}
    sent = proxy.ask("POST", "/aas/submodels", body=json.dumps(made).encode(), headers=json_headers)
    assert sent.status == 201, sent.data
    assert proxy.ask("GET", f"/aas/submodels/{encoded(identifier)}").json()["id"] == identifier
    for index in ("[0]", "%5B0%5D"):
        path = f"/aas/submodels/{encoded(identifier)}/submodel-elements/Numbers{index}/$value"
        assert proxy.ask("GET", path).json() == "7"
    assert proxy.ask("DELETE", f"/aas/submodels/{encoded(identifier)}").status == 204


def test_pages_of_others_are_refused_behind_it_too(proxy: Proxy) -> None:
    for path in ("/hmi/", "/aas/shells", "/delegate/swagger.json"):
        assert proxy.ask("GET", path, headers={"Origin": "https://evil.example"}).status == 403, path
        assert proxy.ask("GET", path, headers={"Origin": proxy.url}).status == 200, path


def test_delegations_do_not_come_through_it(proxy: Proxy) -> None:
    for path in ("/delegate/delegation/B0005/Predict", "/delegate//delegation/B0005/Predict",
                 "/delegate/x/../delegation/B0005/Predict", "/delegate/%64elegation/B0005/Predict"):  # fmt: skip
        answer = proxy.ask("POST", path, body="[]", headers={"Content-Type": "application/json"})
        assert answer.status in (400, 403, 404), (path, answer.data)


def test_each_client_has_its_own_address_whatever_it_says(proxy: Proxy) -> None:
    """The delegate limits requests by address."""
    busy, other = ("127.0.0.7", "127.0.0.8") if proxy.kind == "nginx" else ("127.0.0.9", "127.0.0.10")  # type: ignore[attr-defined]

    def status(client: str, **headers: str) -> int:
        sent = {"Content-Type": "application/json", **headers}
        return proxy.ask("POST", "/delegate/api/cells/NoCell/predict", client, body="{}", headers=sent).status

    told = [{"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.2"}, {"X-Real-IP": "10.0.0.3"}, {}]
    statuses = [status(busy, **told[number % 4]) for number in range(REQUESTS_AN_HOUR + 4)]
    assert statuses == [404] * REQUESTS_AN_HOUR + [429] * 4
    assert status(other) == 404


@pytest.fixture
def seen(browser, proxy: Proxy):
    """A browser page that knows the password, and what its console says."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, ignore_https_errors=True, locale="en-GB",
        http_credentials={"username": USER, "password": PASSWORD},
    )  # fmt: skip
    page = context.new_page()
    page.complaints, page.fetching = [], set()
    page.on("console", lambda said: page.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda request: page.complaints.append(f"{request.url} {request.failure}"))
    page.on("request", lambda request: page.fetching.add(request))
    for end in ("requestfinished", "requestfailed"):
        page.on(end, lambda request: page.fetching.discard(request))
    yield page
    context.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("TWIN_SCREENSHOTS") or tmp_path_factory.mktemp("seen"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def come_to_rest(page) -> None:
    """Until the view is drawn and nothing is fetched any more: whoever leaves earlier aborts scripts on their way."""
    page.wait_for_selector(".head h1", timeout=60_000)
    quiet = 0
    for _ in range(300):
        page.wait_for_timeout(100)
        quiet = quiet + 1 if not page.fetching and page.evaluate(SETTLED) else 0
        if quiet == 5:
            return
    pytest.fail(f"still not at rest, fetching {[request.url for request in page.fetching]}; {page.complaints}")


def test_the_screen_works_through_it(seen, proxy: Proxy, pictures: Path) -> None:
    for view, query in (("fleet", "&scope=all"), ("cell", "&cell=B0005"), ("aas", "&cell=B0005")):
        seen.goto(f"{proxy.url}/hmi/?view={view}&lang=en{query}")
        come_to_rest(seen)
        assert view != "cell" or seen.locator(".js-plotly-plot .main-svg").count(), "no chart is drawn"
        seen.screenshot(path=str(pictures / f"{proxy.kind}_{view}.png"))  # type: ignore[attr-defined]
    links = [link.get_attribute("href") for link in seen.locator('a[data-testid="stBaseLinkButton-secondary"]').all()]
    assert set(links) >= {f"{proxy.url}/aas/swagger-ui/index.html", f"{proxy.url}/delegate/"}
    assert f"{proxy.url}/aas/submodels/" in seen.inner_text("body")
    seen.goto(proxy.url)
    come_to_rest(seen)
    assert seen.url.startswith(f"{proxy.url}/hmi/")
    assert seen.complaints == []


def test_predict_is_executed_in_the_swagger_of_the_delegate(seen, proxy: Proxy, pictures: Path) -> None:
    seen.goto(f"{proxy.url}/delegate")
    operation = seen.locator("#operations-operations-Predict")
    operation.locator(".opblock-summary").click(timeout=30_000)
    operation.locator(".try-out__btn").click()
    operation.locator("textarea.body-param__text").fill('{"AtCycle": 60}')
    operation.locator("button.execute").click()
    operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for(timeout=30_000)
    assert "RUL" in operation.locator(".live-responses-table").inner_text()
    assert f"{proxy.url}/delegate/api/cells/B0005/predict" in operation.inner_text()
    seen.screenshot(path=str(pictures / f"{proxy.kind}_delegate_swagger.png"))  # type: ignore[attr-defined]
    assert seen.complaints == []


def test_the_swagger_of_the_aas_api_asks_below_its_path(seen, proxy: Proxy, pictures: Path) -> None:
    seen.goto(f"{proxy.url}/aas")
    seen.locator(".opblock").first.wait_for(timeout=60_000)
    assert f"{proxy.url}/aas" in seen.locator(".servers").inner_text()
    operation = seen.locator('.opblock-get:has([data-path="/shells"])')
    operation.locator(".opblock-summary").click()
    operation.locator(".try-out__btn").click()
    operation.locator("button.execute").click()
    operation.locator(".live-responses-table .response-col_status", has_text="200").wait_for(timeout=30_000)
    seen.screenshot(path=str(pictures / f"{proxy.kind}_aas_swagger.png"))  # type: ignore[attr-defined]
    assert seen.complaints == []
