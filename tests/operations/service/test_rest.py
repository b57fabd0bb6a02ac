"""The direct REST: Swagger, errors, ids, health, metrics, token, limits; and inputs generated from the Swagger."""

from __future__ import annotations

import collections
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from operations.request import logs
from operations.request.settings import Settings, networks
from operations.service.app import create_app
from operations.service.execution import OPERATIONS
from tests.operations.conftest import fading, serve
from tests.operations.line_model import LineModel
from tests.servers import ROOT

PATHS = {operation.path: operation for operation in OPERATIONS.values()}


def test_swagger_ui_at_the_root_needs_nothing_from_elsewhere(delegate):
    page = requests.get(delegate.url + "/", timeout=10)
    assert page.status_code == 200 and "swagger-ui" in page.text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert assets and all(asset.startswith("/") for asset in assets)
    for asset in assets:
        assert requests.get(delegate.url + asset, timeout=10).status_code == 200


def test_openapi_describes_every_operation_with_ranges_and_errors(delegate):
    swagger = requests.get(delegate.url + "/swagger.json", timeout=10).json()
    assert swagger["swagger"] == "2.0"
    assert {path.rsplit("/", 1)[1] for path in swagger["paths"]} == set(PATHS)
    for path, item in swagger["paths"].items():
        operation = PATHS[path.rsplit("/", 1)[1]]
        assert {"200", "400", "404", "409", "413", "422", "429", "503", "504"} <= set(item["post"]["responses"])
        inputs = swagger["definitions"][f"{operation.id_short}Inputs"]
        assert set(inputs["properties"]) == set(operation.inputs.model_fields)
        assert all("description" in one or one["type"] == "array" for one in inputs["properties"].values())
    predict = swagger["definitions"]["PredictInputs"]["properties"]
    assert (predict["ConfidenceLevel"]["minimum"], predict["ConfidenceLevel"]["maximum"]) == (0.5, 0.99)
    assert "[Ah]" in predict["EndOfLifeCapacity"]["description"]


@pytest.mark.parametrize("name", ["Predict", "SimulateWhatIf", "SetThresholds"])
def test_examples_work_as_they_stand(new_cell, name):
    operation = OPERATIONS[name]
    assert new_cell(fading(20)).post(operation.path, operation.example).status_code == 200


def test_examples_of_the_others_work_on_what_they_name(new_cell):
    assert new_cell([]).post("append-cycle", OPERATIONS["AppendCycle"].example).status_code == 200
    example = OPERATIONS["AcknowledgeAlert"].example
    cell = new_cell(fading(10, start_Ah=1.516))
    cell.post("predict")
    alert_id = cell.value("ActiveAlerts")[0]["AlertId"]
    assert cell.post("acknowledge-alert", example | {"AlertId": alert_id}).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"AtCycle": NaN}', "application/json", 400),
        (b'{"AtCycle": 1, "AtCycle": 2}', "application/json", 400),
        (b"[" * 50_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"AtCycle": 1.0}', "application/json", 422),
        (b'{"AtCycle": true}', "application/json", 422),
        (b'{"EndOfLifeCapacity": 1e999}', "application/json", 422),
        (b'{"AtCycle": ' + b"9" * 4000 + b"}", "application/json", 422),
        (b"x" * 4_000_001, "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"AtCycle=1", "application/x-www-form-urlencoded", 415),
    ],
)
def test_every_error_is_a_problem_that_tells_no_secret(new_cell, body, content_type, status):
    cell = new_cell(fading(3))
    before = cell.snapshot()
    url = f"{cell.delegate_url}/api/cells/{cell.name}/predict"
    answer = requests.post(url, data=body, headers={"Content-Type": content_type}, timeout=20)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["Status"]) == (status, "invalidInput")
    assert problem["RequestId"] == answer.headers["X-Request-ID"]
    assert problem["errors"][0]["allowed"]
    for secret in ("Traceback", str(ROOT), ".py", "127.0.0.1", cell.aas.base_url):
        assert secret not in answer.text
    assert cell.snapshot() == before


def test_unknown_paths_methods_and_cells_are_problems_too(delegate):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("POST", "/api/cells/Nobody/predict", 404),
        ("POST", "/api/cells/B%2F..%2F0005/predict", 404),
        ("GET", "/api/cells/B0005/predict", 405),
    ):
        answer = requests.request(method, delegate.url + path, json={}, timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")


def test_request_id_of_the_caller_comes_back_and_a_bad_one_does_not(new_cell):
    cell = new_cell(fading(3))
    answer = cell.post("predict", headers={"X-Request-ID": "shift-7.42"})
    assert answer.headers["X-Request-ID"] == answer.json()["RequestId"] == "shift-7.42"
    answer = cell.post("predict", headers={"X-Request-ID": "a b<script>"})
    assert re.fullmatch("[0-9a-f]{32}", answer.json()["RequestId"])
    assert re.fullmatch("[0-9a-f]{32}", cell.invoke("Predict")["RequestId"])


def test_health_and_metrics(new_cell, delegate, other_settings):
    cell = new_cell(fading(3))
    cell.post("predict")
    cell.post("predict", {"AtCycle": 9})
    assert requests.get(delegate.url + "/health/live", timeout=10).json() == {"status": "live"}
    ready = requests.get(delegate.url + "/health/ready", timeout=10)
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "aas_environment": True, "model": "line1"}
    text = requests.get(delegate.url + "/metrics", timeout=10).text
    assert 'twin_operations_total{caller="direct",operation="Predict",status="invalidInput"}' in text
    assert 'twin_operation_seconds_count{operation="Predict"}' in text
    alone = create_app(other_settings(basyx_url="http://127.0.0.1:9", aas_timeout_s=0.5), LineModel()).test_client()
    assert alone.get("/health/live").status_code == 200
    assert alone.get("/health/ready").status_code == 503


def test_token_guards_the_direct_rest_but_not_basyx(new_cell, other_settings):
    guarded = serve(other_settings(token="s3cret"))
    try:
        cell = new_cell(fading(3), delegate_url=guarded.url)
        assert cell.post("predict").status_code == 401
        assert cell.post("predict", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert cell.post("predict", headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert cell.invoke("Predict")["PredictedAtCycle"] == 3  # from the loopback address
        assert requests.get(guarded.url + "/health/ready", timeout=10).status_code == 200
    finally:
        guarded.stop()


def test_delegations_from_elsewhere_are_refused(other_settings):
    client = create_app(other_settings(), LineModel()).test_client()
    elsewhere = {"REMOTE_ADDR": "10.1.2.3"}
    assert client.post("/delegation/B0005/Predict", json=[], environ_base=elsewhere).status_code == 403
    assert client.post("/delegation/B0005/Predict", json=[]).status_code == 200


def test_with_a_secret_only_who_shows_it_may_call_from_wherever(other_settings):
    client = create_app(other_settings(delegation_secret="between-us"), LineModel()).test_client()

    def status(**headers: str) -> int:
        return client.post("/delegation/B0005/Predict", json=[], headers=headers).status_code

    assert status() == status(**{"X-Twin-Delegation": "other"}) == status(**{"X-Twin-Delegation": "ü"}) == 403
    assert status(**{"X-Twin-Delegation": "between-us"}) == 200


def test_wrong_secrets_by_the_thousand_cost_no_line_of_the_log_and_reach_no_cell(other_settings, capfd):
    guarded = serve(other_settings(delegation_secret="between-us", basyx_url="http://127.0.0.1:9"))
    try:
        capfd.readouterr()
        with requests.Session() as session:

            def status(secret: str, path: str = "B0005/Predict") -> int:
                headers = {"X-Twin-Delegation": secret, "Content-Type": "application/json"}
                url = f"{guarded.url}/delegation/{path}"
                return session.post(url, data=b"[" * 1000, headers=headers, timeout=10).status_code

            assert {status(f"guess {number}" * 10) for number in range(1000)} == {403}
            assert capfd.readouterr() == ("", "")
            assert b"twin_operations_total{" not in guarded.live.metrics.text()
            assert status("between-us", "x/none") == 404
    finally:
        guarded.stop()


def test_wrong_tokens_have_to_wait(other_settings):
    client = create_app(other_settings(token="s3cret"), LineModel()).test_client()

    def status(token: str, address: str = "127.0.0.1") -> int:
        headers, environment = {"Authorization": f"Bearer {token}"}, {"REMOTE_ADDR": address}
        path = "/api/cells/NoSuchCell/predict"
        return client.post(path, json={}, headers=headers, environ_base=environment).status_code

    assert {status("s3cret") for _ in range(15)} == {404}, "right tokens are not counted; there is no such cell"
    tried = [status(f"guess{number}") for number in range(1000)]
    assert tried[:10] == [401] * 10 and set(tried[10:]) == {429}
    assert status("s3cret") == 429 and status("s3cret", "10.1.2.3") == 404


@pytest.mark.parametrize("token", ["with blank", "müll", "line\nbreak", " "])
def test_a_token_that_no_request_could_send_is_refused_at_the_start(monkeypatch, token):
    for name in ("TWIN_TOKEN", "TWIN_DELEGATION_SECRET"):
        monkeypatch.setenv(name, token)
        with pytest.raises(ValueError, match=name):
            Settings.from_environment()
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil:5000"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "localhost:5000", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/swagger.json", "/api/cells/B0005/predict", "/delegation/B0005/Predict"])
def test_pages_of_others_and_foreign_names_are_refused(other_settings, headers, path):
    client = create_app(other_settings(), LineModel()).test_client()
    for method in ("GET", "POST"):
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:5000", "10.1.2.3:5000", "TWIN.example"])
def test_own_names_pass_and_answers_are_hardened(other_settings, host):
    client = create_app(other_settings(http_names=("twin.example",)), LineModel()).test_client()
    answer = client.get("/", headers={"Host": host, "Origin": f"http://{host}"})
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert loaded and all(address.startswith(("/swaggerui/", "data:")) for address in loaded)


def test_a_proxy_is_believed_where_it_is_named_and_nobody_else(other_settings):
    settings = other_settings(proxies=networks("10.0.0.0/8,fd00::1"), delegation_from=networks("127.0.0.1"))
    client = create_app(settings, LineModel()).test_client()
    headers = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Prefix": "/delegate", "X-Forwarded-Proto": "https"}

    def base_path(caller: str) -> str:
        answer = client.get("/swagger.json", headers=headers, environ_base={"REMOTE_ADDR": caller})
        return json.loads(answer.text)["basePath"]

    assert [base_path(caller) for caller in ("10.1.2.3", "fd00::1", "192.168.0.1", "fd00::2", "")] == [
        "/delegate/", "/delegate/", "/", "/", "/",
    ]  # fmt: skip
    page = client.get("/", headers=headers, environ_base={"REMOTE_ADDR": "10.1.2.3"}).text
    assert 'url: "/delegate/swagger.json"' in page and 'src="/delegate/swaggerui/' in page

    def delegated(caller: str, told: str) -> int:
        headers = {"X-Forwarded-For": told}
        environment = {"REMOTE_ADDR": caller}
        return client.post("/delegation/B0005/Predict", json=[], headers=headers, environ_base=environment).status_code

    assert delegated("10.1.2.3", "127.0.0.1") == 200, "the address of whom the proxy asks for counts"
    assert delegated("192.168.0.1", "127.0.0.1") == 403
    assert delegated("10.1.2.3", "127.0.0.1, 192.168.0.1") == 403, "what stands before is said by others"
    assert delegated("127.0.0.1", "192.168.0.1") == 200


@pytest.mark.parametrize(
    ("name", "value"), [("TWIN_PUBLIC_URL", "twin.example"), ("TWIN_PROXIES", "nginx"), ("TWIN_PROXIES", "10.0.0.1/8")]
)
def test_what_names_no_proxy_is_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name):
        Settings.from_environment()


def test_the_name_of_the_public_address_is_known(monkeypatch):
    monkeypatch.setenv("TWIN_PUBLIC_URL", "https://Twin.example:8443/plant")
    assert Settings.from_environment().http_names == ("twin.example",)


def test_requests_above_the_limit_are_refused_but_basyx_is_not_counted(new_cell, other_settings):
    limited = serve(other_settings(rate_limit="5 per minute"))
    try:
        cell = new_cell(fading(3), delegate_url=limited.url)
        statuses = [cell.post("predict").status_code for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        assert cell.post("predict").headers["Content-Type"] == "application/problem+json"
        with ThreadPoolExecutor(8) as callers:
            assert all(one["Status"] == "ok" for one in callers.map(lambda _: cell.invoke("Predict"), range(24)))
    finally:
        limited.stop()


def test_logs_are_json_lines_with_the_request_id(new_cell, delegate, capfd, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.start()
    new_cell(fading(3)).post("predict", headers={"X-Request-ID": "log-1"})
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    line = next(line for line in lines if line.get("request_id") == "log-1" and line["message"] == "operation")
    assert (line["operation"], line["status"], line["caller"]) == ("Predict", "ok", "direct")
    assert line["duration_ms"] > 0


# --- generated from the Swagger

CASES = {GenerationMode.POSITIVE: 120, GenerationMode.NEGATIVE: 220}
"""Per operation; with six operations more than two thousand."""


@pytest.mark.parametrize("mode", sorted(CASES, key=str))
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_generated_inputs_never_make_it_fail(new_cell, delegate, name, mode):
    """Schemathesis makes valid and invalid requests from the Swagger: no 5xx, every answer as documented."""
    cell, operation = new_cell(fading(12)), OPERATIONS[name]
    schema = schemathesis.openapi.from_wsgi("/swagger.json", delegate.app)
    path = f"/api/fleet/{operation.path}" if operation.of_fleet else f"/api/cells/{{cell}}/{operation.path}"
    statuses: collections.Counter[int] = collections.Counter()

    @settings(max_examples=CASES[mode], deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(schema[path]["POST"].as_strategy(generation_mode=mode))
    def run(case):
        if not operation.of_fleet and statuses.total() % 5:  # four of five go to a cell that exists
            case.path_parameters["cell"] = cell.name
        answer = case.call()
        statuses[answer.status_code] += 1
        case.validate_response(
            answer, checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
        )

    run()
    assert statuses.total() >= CASES[mode] / 2
    assert set(statuses) & ({200, 404, 409, 422} if mode is GenerationMode.POSITIVE else {400, 415, 422})


def test_every_route_stands_among_the_doors_of_security_md(other_settings):
    doors = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## The doors")[2]
    paths = re.findall("`(/[^`]*)`", "".join(line for line in doors.splitlines() if line.startswith("| delegate")))
    for rule in create_app(other_settings(), LineModel()).url_map.iter_rules():
        known = [path for path in paths if path.endswith("…") and rule.rule.startswith(path[:-1])]
        assert rule.rule in paths or known, f"{rule.rule} is no door of SECURITY.md"
