"""The check of an AAS environment: on a real one, and on one that is spoilt on purpose."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aasx.client import AasClient
from aasx.compatibility import probe
from aasx.compatibility.comparison import compare
from aasx.compatibility.report import DIFFERS, MISSING, NOT_TRIED, OK, Differs, Finding, Missing, Report
from tests.conftest import run_script
from tests.servers import Server, free_port, start_basyx

ONLY_DIFFERENCE = "a value that is not of its type is refused"
Spoil = Callable[[str, str, int, bytes], tuple[int, bytes] | None]


class Spoilt:
    """Hands everything on to `upstream`, but as `spoil(method, path, status, body)` changes the answer."""

    def __init__(self, upstream: str) -> None:
        self.spoil: Spoil = lambda method, path, status, body: None
        proxy, address = self, urlsplit(upstream)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                to = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=60)
                kept = ("content-type", "if-match", "accept")
                headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
                to.request(self.command, self.path, body or None, headers)
                answer = to.getresponse()
                status, content = answer.status, answer.read()
                status, content = proxy.spoil(self.command, self.path, status, content) or (status, content)
                self.send_response(status)
                for name, value in answer.getheaders():
                    if name.lower() in ("content-type", "etag") and proxy.etags | (name.lower() != "etag"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(content)
                to.close()

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *arguments: Any) -> None:
                """Says nothing."""

        self.etags = True
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def spoilt(basyx: Server) -> Iterator[Spoilt]:
    proxy = Spoilt(basyx.url)
    yield proxy
    proxy.server.shutdown()
    proxy.server.server_close()


def everything(url: str) -> list[str]:
    client = AasClient(url)
    return sorted(
        one["id"] for all_ in (client.shells, client.submodels, client.concept_descriptions) for one in all_()
    )


def by_title(report: Report) -> dict[str, Finding]:
    return {finding.title: finding for finding in report.findings}


def test_our_environment_has_all_and_keeps_nothing(basyx: Server) -> None:
    before = everything(basyx.url)
    done = run_script("scripts/check_environment.py", basyx.url, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(done.stdout)
    results = {one["title"]: one["result"] for one in content["findings"]}
    assert {title for title, result in results.items() if result != OK} == {ONLY_DIFFERENCE}
    assert results[ONLY_DIFFERENCE] == DIFFERS
    assert content["fits"] and not content["left_behind"]
    assert len(results) > 30
    assert everything(basyx.url) == before


def test_a_table_says_what_is_missing_and_what_to_do(basyx: Server, spoilt: Spoilt) -> None:
    spoilt.spoil = lambda method, path, status, body: (405, b"") if method == "PATCH" else None
    done = run_script("scripts/check_environment.py", spoilt.url, "--no-delegate")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("missing    a value is written by PATCH"))
    below = "\n".join(lines[at + 1 : at + 7])
    assert re.search(r"seen +PATCH (.|\n)*means +predictions (.|\n)*remedy +report it", below), done.stdout
    assert "The twin does not run on it" in done.stdout.splitlines()[-1]
    assert "handed over" not in done.stdout


def test_what_a_strange_server_does_is_found_under_its_name(basyx: Server, spoilt: Spoilt) -> None:
    """As other servers were seen to behave: one that forgets, one that pages badly, one that gives "" for nothing."""
    before = everything(basyx.url)

    def stamped(element: dict) -> dict:
        if element.get("valueType") == "xs:dateTime" and "value" in element:
            element["value"] += "+00:00" if element["value"][-1:].isdigit() and "+" not in element["value"] else ""
        return element

    def spoil(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes] | None:
        if path.endswith("/Empty/$value"):
            return 200, b'""'
        if path.endswith("File/attachment") and status == 404:
            return 500, b"{}"
        if method == "GET" and "/shells?limit=100" in path:
            return 200, json.dumps(json.loads(body) | {"paging_metadata": {"cursor": "Nzc"}}).encode()
        if method == "GET" and path.endswith("/Listed"):
            element = json.loads(body)
            return 200, json.dumps(element | {"value": element["value"][:20]}).encode()
        if method == "GET" and b"2008-04-02T15:25:41" in body:
            return status, json.dumps(json.loads(body, object_hook=stamped)).encode()
        if method == "GET" and b'"INF"' in body:
            return status, body.replace(b'INF"', b'Infinity"')
        return None

    spoilt.spoil, spoilt.etags = spoil, False
    report = probe.run(spoilt.url, with_delegate=False)
    found = {title: one.result for title, one in by_title(report).items() if one.result != OK}
    assert found == {
        "lists in pages, by cursors": MISSING,
        "dates and times come back as written": DIFFERS,
        "INF comes back as written": DIFFERS,
        "the twin's own submodels are accepted and come back": DIFFERS,
        "$value of a Property": DIFFERS,
        ONLY_DIFFERENCE: DIFFERS,
        "appends side by side all count": MISSING,
        "a File without content": DIFFERS,
        "conditional writes (ETag, If-Match)": MISSING,
    }
    assert not report.fits
    assert "of 40 appends" in by_title(report)["appends side by side all count"].seen
    assert all(one.seen and one.meaning and one.remedy for one in report.findings if one.result != OK)
    assert everything(basyx.url) == before


def test_an_environment_that_calls_only_its_own_delegate_says_nothing_of_others(
    basyx_jar: Path, tmp_path: Path
) -> None:
    """And what cannot be taken away is named."""
    server = start_basyx(tmp_path / "store", twin_delegate_urls=f"http://127.0.0.1:{free_port()}")
    try:
        report = probe.run(server.url)
        found = by_title(report)
        assert found["operations are handed over to a delegate"].result == NOT_TRIED
        assert "TWIN_DELEGATE_URLS" in found["operations are handed over to a delegate"].remedy
        assert report.fits
        proxy = Spoilt(server.url)
        proxy.spoil = lambda method, path, status, body: (403, b"") if method == "DELETE" else None
        assert len(probe.run(proxy.url, with_delegate=False).left_behind) > 10
        proxy.server.shutdown()
    finally:
        server.stop()


def test_nobody_there_is_one_line() -> None:
    done = run_script("scripts/check_environment.py", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 2
    assert re.fullmatch(r"check_environment: nothing answers at .*\n", done.stderr)


@pytest.mark.parametrize(
    ("written", "read", "outcome"),
    [
        ({"modelType": "Property", "valueType": "xs:double", "value": "1.5E-07"},
         {"modelType": "Property", "valueType": "xs:double", "value": "0.00000015"}, Differs),
        ({"modelType": "Property", "valueType": "xs:double", "value": "1.5"},
         {"modelType": "Property", "valueType": "xs:double", "value": "1"}, Missing),
        ({"modelType": "Property", "valueType": "xs:dateTime", "value": "2026-01-31T10:00:00+02:00"},
         {"modelType": "Property", "valueType": "xs:dateTime", "value": "2026-01-31T08:00:00Z"}, Differs),
        ({"modelType": "Property", "valueType": "xs:dateTime", "value": "2026-01-31T10:00:00+02:00"},
         {"modelType": "Property", "valueType": "xs:dateTime", "value": "2026-01-31T10:00:00Z"}, Missing),
        ({"modelType": "Property", "valueType": "xs:double"},
         {"modelType": "Property", "valueType": "xs:double", "value": ""}, Differs),
        ({"modelType": "Property", "valueType": "xs:double"},
         {"modelType": "Property", "valueType": "xs:double", "value": "0"}, Missing),
        ({"value": [1, 2]}, {"value": [2, 1]}, Missing),
        ({"value": [{"idShort": "a", "x": 1}, {"idShort": "b"}]},
         {"value": [{"idShort": "b"}, {"idShort": "a", "x": 1}]}, None),
        ({"value": [{"idShort": "a"}]}, {"value": [{"idShort": "b"}]}, Missing),
        ({"description": [{"language": "en", "text": "a"}, {"language": "fr", "text": "b"}]},
         {"description": [{"language": "fr", "text": "b"}, {"language": "en", "text": "a"}]}, None),
        ({"id": "x"}, {"id": "x", "kind": "Instance", "qualifiers": []}, None),
        ({"semanticId": {"type": "ExternalReference"}}, {}, Missing),
    ],
)  # fmt: skip
def test_meaning_lost_is_told_from_another_form(written: dict, read: dict, outcome: type[Exception] | None) -> None:
    if outcome is None:
        compare(written, read)
        return
    with pytest.raises(outcome):
        compare(written, read)
