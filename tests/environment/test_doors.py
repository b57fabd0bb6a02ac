"""Who may ask the AAS environment, and whom it asks: foreign pages, foreign delegates, answers without end."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.environment.rest import Session, encoded, file_element, submodel
from tests.servers import Server, free_port, start_basyx

UI = "http://localhost:3000"
SECRET = "between environment and delegate"
OUTPUT = [{"value": {"modelType": "Property", "idShort": "Status", "valueType": "xs:string", "value": "ok"}}]
MANY: list[Any] = [
    *OUTPUT,
    {"value": {"modelType": "SubmodelElementList", "idShort": "Kräfte", "typeValueListElement": "Property",
               "valueTypeListElement": "xs:double",
               "value": [{"modelType": "Property", "valueType": "xs:double", "value": "1.5E-3"},
                         {"modelType": "Property", "valueType": "xs:double"}]}},
    {"value": {"idShort": "Line", "valueType": "xs:string", "value": "\"{}[]\\ ℃ 😀", "modelType": "Property"}},
]  # fmt: skip
NO_VARIABLES = {
    "empty": "",
    "text": "done",
    "object": '{"value": {"modelType": "Property", "idShort": "Status"}}',
    "number": "[1]",
    "null": "[null]",
    "novalue": '[{"idShort": "Status"}]',
    "nullvalue": '[{"value": null}]',
    "scalar": '[{"value": "ok"}]',
    "two": '[{"value": {"modelType": "Property"}, "more": 1}]',
    "cut": json.dumps(OUTPUT)[:-4],
    "after": json.dumps(OUTPUT) + "[]",
    "nokind": '[{"value": {"idShort": "Status"}}]',
    "kind": '[{"value": {"modelType": "Oracle", "idShort": "Status"}}]',
    "submodel": '[{"value": {"modelType": "Submodel", "id": "urn:x"}}]',
    "type": '[{"value": {"modelType": "Property", "idShort": "A", "valueType": "xs:oracle"}}]',
    "inside": '[{"value": {"modelType": "SubmodelElementCollection", "idShort": "A", "value": [{"modelType": 7}]}}]',
    "utf16": json.dumps(OUTPUT),
    "deep": '[{"value": {"value": ' + "[" * 2000 + "]" * 2000 + "}}]",
}
"""What is no array of operation variables, by the last part of the path."""
REFUSED = [
    {"value": {"modelType": "Property", "idShort": "Status", "valueType": "xs:string", "value": "invalidInput"}},
    {"value": {"modelType": "Property", "idShort": "Message", "valueType": "xs:string", "value": "AtCycle = 0"}},
]


class Delegate(BaseHTTPRequestHandler):
    """Answers by the last part of the path."""

    def do_POST(self) -> None:
        self.server.asked.append((self.path, self.headers.get("X-Twin-Delegation")))  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.path.rsplit("/", 1)[-1]
        if kind == "redirect":
            self.send_response(307)
            self.send_header("Location", f"http://{self.headers['Host']}/delegation/Cell/ok")
            self.end_headers()
            return
        if kind == "broken":
            return
        self.send_response(500 if kind == "fault" else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if kind == "endless":
            self._trickle()
        elif kind == "large":
            self._flood()
        else:
            answers = {"refused": REFUSED, "many": MANY}
            text = NO_VARIABLES.get(kind, json.dumps(answers.get(kind, OUTPUT)))
            self.wfile.write(text.encode("utf-16" if kind == "utf16" else "utf-8"))

    def _trickle(self) -> None:
        while not self.server.ended.wait(0.05):  # type: ignore[attr-defined]
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                return

    def _flood(self) -> None:
        try:
            for _ in range(1024):
                self.wfile.write(b" " * 1_048_576)
        except OSError:
            self.server.cut_off = True  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def delegate() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Delegate)
    server.asked, server.ended, server.cut_off = [], threading.Event(), False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.ended.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def guarded(
    basyx_jar: Path, delegate: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = start_basyx(
        tmp_path_factory.mktemp("doors") / "store",
        twin_delegate_urls=f"http://127.0.0.1:{delegate.server_port}",
        twin_delegation_secret=SECRET,
        twin_delegation_timeout="2s",
        twin_http_names="twin.example",
        basyx_cors_allowed__origins=UI,
    )
    yield server
    server.stop()


def operation(name: str, url: str) -> dict:
    qualifier = {"type": "invocationDelegation", "valueType": "xs:string", "value": url, "kind": "ConceptQualifier"}
    return {"modelType": "Operation", "idShort": name, "qualifiers": [qualifier]}


def invoke(server: Server, url: str, **headers: str) -> requests.Response:
    """The answer to an operation that says it is delegated to `url`."""
    identifier = "https://example.org/sm/doors"
    elements = [operation("Ask", url)]
    requests.put(f"{server.url}/submodels/{encoded(identifier)}", json=submodel(identifier, elements), timeout=10)
    requests.post(f"{server.url}/submodels", json=submodel(identifier, elements), timeout=10)
    return requests.post(
        f"{server.url}/submodels/{encoded(identifier)}/submodel-elements/Ask/invoke",
        json={"inputArguments": [], "inoutputArguments": []}, headers=headers, timeout=30,
    )  # fmt: skip


def message(answer: requests.Response) -> str:
    return answer.json()["messages"][0]["text"]


# --- whom it asks


def test_the_delegate_is_called_with_the_secret(guarded: Server, delegate: ThreadingHTTPServer) -> None:
    answer = invoke(guarded, f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/ok")
    assert answer.status_code == 200 and answer.json()["success"] is True
    assert delegate.asked[-1] == ("/delegation/Cell/ok", SECRET)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:{other}/x", "http://localhost:{port}/x", "http://127.0.0.2:{port}/x", "https://127.0.0.1:{port}/x",
     "http://user@127.0.0.1:{port}/x", "http://169.254.169.254/latest", "file:///etc/passwd", "http://[::1]:{port}/x",
     "ftp://127.0.0.1:{port}/x", "nonsense", "http://127.0.0.1:{port}@evil.example/x", "http://127.0.0.1:{port}0/x"],
)  # fmt: skip
def test_no_other_address_is_called(guarded: Server, delegate: ThreadingHTTPServer, url: str) -> None:
    asked = len(delegate.asked)  # type: ignore[attr-defined]
    answer = invoke(guarded, url.format(port=delegate.server_port, other=free_port()))
    assert answer.status_code == 424
    assert "TWIN_DELEGATE_URLS" in message(answer) or "holds no address" in message(answer)
    assert len(delegate.asked) == asked  # type: ignore[attr-defined]


def test_operations_of_another_twin_are_taken_to_the_own_delegate(
    guarded: Server, delegate: ThreadingHTTPServer
) -> None:
    answer = invoke(guarded, "http://other-twin.example:5000/delegation/B0005/ok")
    assert answer.status_code == 200
    assert delegate.asked[-1] == ("/delegation/B0005/ok", SECRET)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("redirect", "status 307"),
        ("fault", "status 500"),
        ("endless", "within 2 s"),
        ("broken", "broke the connection"),
    ],
)
def test_what_a_delegate_may_not_do_is_told(
    guarded: Server, delegate: ThreadingHTTPServer, kind: str, told: str
) -> None:
    answer = invoke(guarded, f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/{kind}")
    assert answer.status_code == 424 and told in message(answer)


def test_the_caller_gets_the_variables_as_the_delegate_wrote_them(
    guarded: Server, delegate: ThreadingHTTPServer
) -> None:
    answer = invoke(guarded, f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/many")
    assert answer.status_code == 200 and answer.json()["outputArguments"] == MANY


def test_a_variable_that_goes_in_and_out_is_told_apart(guarded: Server, delegate: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/many"
    invoke(guarded, url)
    answer = requests.post(
        f"{guarded.url}/submodels/{encoded('https://example.org/sm/doors')}/submodel-elements/Ask/invoke",
        json={"inputArguments": [], "inoutputArguments": MANY[2:]}, timeout=10,
    ).json()  # fmt: skip
    assert answer["inoutputArguments"] == MANY[2:] and answer["outputArguments"] == MANY[:2]


@pytest.mark.parametrize("kind", NO_VARIABLES)
def test_what_is_no_operation_variable_is_told(guarded: Server, delegate: ThreadingHTTPServer, kind: str) -> None:
    answer = invoke(guarded, f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/{kind}")
    assert answer.status_code == 424, answer.text
    assert "answered something else than operation variables" in message(answer)


def test_a_large_answer_is_cut_off(basyx_jar: Path, delegate: ThreadingHTTPServer, tmp_path: Path) -> None:
    server = start_basyx(tmp_path / "store", twin_delegate_urls="*", twin_delegation_largest__answer__bytes="1000000")
    try:
        answer = invoke(server, f"http://localhost:{delegate.server_port}/delegation/Cell/large")
        assert answer.status_code == 424 and "more than 1000000 bytes" in message(answer)
        end = time.monotonic() + 10
        while not delegate.cut_off and time.monotonic() < end:  # type: ignore[attr-defined]
            time.sleep(0.05)
        assert delegate.cut_off  # type: ignore[attr-defined]
        assert invoke(server, f"http://127.0.0.1:{delegate.server_port}/any/ok").status_code == 200, "* allows any"
    finally:
        server.stop()


def test_a_delegate_that_is_away_is_told(
    guarded: Server, delegate: ThreadingHTTPServer, basyx_jar: Path, tmp_path: Path
):
    server = start_basyx(tmp_path / "store", twin_delegate_urls=f"http://127.0.0.1:{(port := free_port())}")
    try:
        answer = invoke(server, f"http://127.0.0.1:{port}/delegation/Cell/ok")
        assert answer.status_code == 424 and "is the delegate running?" in message(answer)
    finally:
        server.stop()


def test_a_refused_operation_does_not_look_like_success(guarded: Server, delegate: ThreadingHTTPServer) -> None:
    answer = invoke(guarded, f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/refused").json()
    assert answer["success"] is False and answer["executionState"] == "Failed"
    assert answer["messages"][0]["code"] == "invalidInput" and answer["messages"][0]["text"] == "AtCycle = 0"
    assert [variable["value"]["value"] for variable in answer["outputArguments"]] == ["invalidInput", "AtCycle = 0"]


@pytest.mark.parametrize("end", ["invoke-async", "invoke-async/$value", "invoke/$value", "invoke?async=true"])
def test_other_ways_to_invoke_get_a_defined_answer(guarded: Server, end: str) -> None:
    answer = requests.post(
        f"{guarded.url}/submodels/{encoded('x')}/submodel-elements/Ask/{end}", json={"inputArguments": []}, timeout=10
    )
    assert answer.status_code == 501 and "synchronous" in message(answer)


def test_a_client_may_say_how_long_it_waits(guarded: Server, delegate: ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{delegate.server_port}/delegation/Cell/ok"
    invoke(guarded, url)
    answer = requests.post(
        f"{guarded.url}/submodels/{encoded('https://example.org/sm/doors')}/submodel-elements/Ask/invoke",
        json={"inputArguments": [], "inoutputArguments": [], "clientTimeoutDuration": "PT30S"}, timeout=10,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


# --- who may ask


def ask(server: Server, method: str = "GET", path: str = "/shells?limit=1", **headers: str) -> requests.Response:
    return requests.request(method, server.url + path, headers=headers, timeout=10)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8081", "127.0.0.1.nip.io", "twin.example.evil", "LOCALHOST.evil"]
)
def test_a_name_that_is_not_its_own_is_refused(guarded: Server, host: str) -> None:
    answer = ask(guarded, Host=host)
    assert answer.status_code == 403 and "TWIN_HTTP_NAMES" in message(answer)


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8081", "127.0.0.1:1", "[::1]:8081", "10.1.2.3", "twin.example"]
)
def test_its_own_names_and_addresses_pass(guarded: Server, host: str) -> None:
    assert ask(guarded, Host=host).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3001", "http://127.0.0.1"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_pages_of_others_are_refused(guarded: Server, origin: str, method: str) -> None:
    answer = ask(guarded, method, Origin=origin)
    assert answer.status_code == 403 and "Access-Control-Allow-Origin" not in answer.headers


def test_its_own_pages_and_named_ones_pass(guarded: Server) -> None:
    assert ask(guarded, Origin=guarded.url).status_code == 200
    for path in ("/shells?limit=1", "/shells/bm9uZQ", "/no/such/path"):
        answer = ask(guarded, path=path, Origin=UI, **{"Sec-Fetch-Site": "cross-site"})
        assert answer.headers["Access-Control-Allow-Origin"] == UI, path
    for path in ("/shells?limit=1", "/serialization"):
        answer = ask(guarded, path=path, Origin=UI, Accept="image/png")
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (406, UI), path
    preflight = ask(guarded, "OPTIONS", Origin=UI, **{"Access-Control-Request-Method": "PUT"})
    assert preflight.status_code == 200


def test_what_the_browser_says_to_come_from_another_site_is_refused(guarded: Server) -> None:
    site = {"Sec-Fetch-Site": "cross-site"}
    assert ask(guarded, **site, **{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}).status_code == 403
    link = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ask(guarded, "POST", **site, **link).status_code == 403
    assert ask(guarded, path="/swagger-ui/index.html", **site, **link).status_code == 200


def test_files_are_handed_out_so_that_a_browser_runs_nothing_in_them(guarded: Server) -> None:
    identifier = "https://example.org/sm/files"
    page_element = file_element("Page") | {"contentType": "text/html"}
    Session(guarded.url).must("POST", "/submodels", json=submodel(identifier, [page_element]))
    path = f"{guarded.url}/submodels/{encoded(identifier)}/submodel-elements/Page/attachment"
    page = ("page.html", b"<script>alert(1)</script>", "text/html")
    assert requests.put(path, files={"file": page}, data={"fileName": "page.html"}, timeout=10).ok
    answer = requests.get(path, timeout=10)
    assert answer.content == page[1] and "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_index_in_a_path_need_not_be_encoded(guarded: Server) -> None:
    identifier = "https://example.org/sm/list"
    items = [{"modelType": "Property", "valueType": "xs:int", "value": "7"}]
    numbers = {"modelType": "SubmodelElementList", "idShort": "Numbers", "typeValueListElement": "Property",
               "valueTypeListElement": "xs:int", "value": items}  # fmt: skip
    requests.post(f"{guarded.url}/submodels", json=submodel(identifier, [numbers]), timeout=10)
    host, port = guarded.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", f"/submodels/{encoded(identifier)}/submodel-elements/Numbers[0]/$value")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'"7"')


def test_identifiers_with_padding_are_understood(guarded: Server) -> None:
    identifier = "https://example.org/sm/padded"
    requests.post(f"{guarded.url}/submodels", json=submodel(identifier, []), timeout=10)
    bare = encoded(identifier)
    padded = bare + "=" * (-len(bare) % 4)
    assert padded != bare
    assert requests.get(f"{guarded.url}/submodels/{padded}", timeout=10).json()["id"] == identifier
