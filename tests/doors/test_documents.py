"""Documents that are larger, deeper or more curious than they look, at the AAS environment: refused, none written."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tests.doors import bombs
from tests.environment.rest import Session, encoded
from tests.servers import Server, start_basyx

XML, JSON = "application/xml", "application/json"
AASX = "application/asset-administration-shell-package"
HEAP_MB = 512
NAMES = {XML: "e.xml", JSON: "e.json", AASX: "e.aasx"}


@pytest.fixture(scope="module")
def environment(basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a small heap, which a bomb would break."""
    server = start_basyx(tmp_path_factory.mktemp("documents") / "store", jvm=[f"-Xmx{HEAP_MB}m"])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadingHTTPServer]:
    """What an external entity would fetch: `.asked` holds who did."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fetched")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def upload(environment: Server, content: bytes, kind: str) -> requests.Response:
    files = {"file": (NAMES[kind], content, kind)}
    return requests.post(f"{environment.url}/upload", files=files, timeout=120)


def assert_refused(environment: Server, answer: requests.Response, status: int, told: str) -> None:
    """With a reason, and it goes on with nothing of it written."""
    assert answer.status_code == status, answer.text
    assert told in answer.json()["messages"][0]["text"]
    session = Session(environment.url)
    assert session.json("/submodels")["result"] == session.json("/shells")["result"] == []
    assert session.json("/actuator/health")["status"] == "UP"


def test_a_sound_document_comes_in(environment: Server) -> None:
    session = Session(environment.url)
    sound = bombs.xml_environment("fine")
    for content, kind in (
        (sound, XML),
        (bombs.aasx(sound), AASX),
        (bombs.json_environment(bombs.nested_json(3)), JSON),
    ):
        assert upload(environment, content, kind).status_code == 200
        session.must("DELETE", f"/submodels/{encoded(bombs.MARK)}")


@pytest.mark.parametrize("kind", [XML, AASX])
@pytest.mark.parametrize("how", ["laughs", "file", "http", "dtd of a file", "dtd of http", "parameter"])
def test_xml_with_a_document_type(
    environment: Server, elsewhere: ThreadingHTTPServer, tmp_path: Path, kind: str, how: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOPSECRET", encoding="ascii")
    site = f"http://127.0.0.1:{elsewhere.server_port}/x"
    head, value = {
        "laughs": (bombs.billion_laughs(), "&l9;"),
        "file": (bombs.external_entity(secret.as_uri()), "&other;"),
        "http": (bombs.external_entity(site), "&other;"),
        "dtd of a file": (bombs.external_dtd(secret.as_uri()), "x"),
        "dtd of http": (bombs.external_dtd(site), "x"),
        "parameter": (f'<!DOCTYPE environment [<!ENTITY % p SYSTEM "{site}"> %p;]>', "x"),
    }[how]
    document = bombs.xml_environment(value, head)
    answer = upload(environment, bombs.aasx(document) if kind == AASX else document, kind)
    assert_refused(environment, answer, 400, "document type")
    assert elsewhere.asked == [] and "TOPSECRET" not in answer.text  # type: ignore[attr-defined]


def test_a_document_type_in_the_relationships_of_a_package(environment: Server, elsewhere: ThreadingHTTPServer) -> None:
    head = bombs.external_entity(f"http://127.0.0.1:{elsewhere.server_port}/x", "Relationships")
    package = bombs.zipped({"_rels/.rels": f"{head}<Relationships>&other;</Relationships>".encode()})
    assert_refused(environment, upload(environment, package, AASX), 400, "document type")
    assert elsewhere.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [150, 10_000])
@pytest.mark.parametrize("kind", [XML, JSON, "xml in aasx", "json in aasx"])
def test_what_is_nested_without_end(environment: Server, kind: str, depth: int) -> None:
    xml, json_ = bombs.xml_environment("x", depth=depth), bombs.json_environment(bombs.nested_json(depth))
    content, sent_as = {
        XML: (xml, XML), JSON: (json_, JSON),
        "xml in aasx": (bombs.aasx(xml), AASX), "json in aasx": (bombs.aasx(json_, "data.json"), AASX),
    }[kind]  # fmt: skip
    told = "nested" if depth == 150 else "Depth" if "xml" in kind else "nesting depth"
    assert_refused(environment, upload(environment, content, sent_as), 400, told)


@pytest.mark.parametrize("path", ["/submodels", "/shells", "/concept-descriptions", "/submodels/eA/$value"])
def test_bodies_that_are_nested_without_end(environment: Server, elsewhere: ThreadingHTTPServer, path: str) -> None:
    def status(body: bytes, kind: str) -> int:
        method = "PATCH" if path.endswith("$value") else "POST"
        headers = {"Content-Type": kind}
        return requests.request(method, environment.url + path, data=body, headers=headers, timeout=30).status_code

    for body in (bombs.deep_json(10_000), bombs.nested_json(10_000), b"[" * 10_000):
        assert status(body, JSON) == 400
    fetching = bombs.external_entity(f"http://127.0.0.1:{elsewhere.server_port}/x")
    for head, value in ((bombs.billion_laughs(), "&l9;"), (fetching, "&other;")):
        assert status(bombs.xml_environment(value, head), XML) in (400, 415)
    assert status(bombs.yaml_bomb(), "application/yaml") in (400, 415)
    assert elsewhere.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("part", ["aasx/data.xml", "aasx/other.bin", "aasx/other.xml"])
def test_packages_that_unpack_to_more_than_there_is_room_for(environment: Server, part: str) -> None:
    sound = zipfile.ZipFile(io.BytesIO(bombs.aasx(bombs.xml_environment("x"))))
    parts = {name: sound.read(name) for name in sound.namelist() if name != part}
    package = bombs.zip_bomb(parts, part, 400 * bombs.MEGABYTE)
    assert len(package) < bombs.MEGABYTE
    assert_refused(environment, upload(environment, package, AASX), 413, "more than")
    understated = bombs.understated(package, part)
    assert_refused(environment, upload(environment, understated, AASX), 413, "more than")


def test_packages_of_many_parts(environment: Server) -> None:
    package = bombs.zipped({f"aasx/{number}": b"" for number in range(10_001)})
    assert_refused(environment, upload(environment, package, AASX), 400, "10000 parts")


@pytest.mark.parametrize("kind", [XML, JSON])
def test_documents_that_are_larger_than_there_is_room_for(environment: Server, kind: str) -> None:
    """They broke a heap of this size."""
    text = "x" * 60 * bombs.MEGABYTE
    whole = {"modelType": "Submodel", "id": bombs.MARK, "description": [{"language": "en", "text": text}]}
    document = bombs.xml_environment(text) if kind == XML else json.dumps({"submodels": [whole]}).encode()
    answer = upload(environment, document, kind)
    assert answer.status_code in (400, 413)
    assert_refused(environment, answer, answer.status_code, "")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", XML), (b"x", XML), (b"<open>", XML), (b"", JSON), (b'{"submodels": 1}', JSON), (b'{"submodels": [', JSON),
        (b"", AASX), (b"PK..", AASX), (bombs.zipped({"a.txt": b"x"}), AASX), (bombs.aasx(b"<open>"), AASX),
        (bombs.aasx(bombs.xml_environment("x"))[:900], AASX),
    ],
    # of a zip's content pytest would make another name every two seconds, as it holds the time
    ids=["no XML", "text", "open tag", "no JSON", "number", "open list", "no package", "two letters", "other zip",
         "broken XML within", "cut package"],
)  # fmt: skip
def test_what_is_no_document_is_the_callers_fault(environment: Server, content: bytes, kind: str) -> None:
    assert_refused(environment, upload(environment, content, kind), 400, "")


def test_of_an_environment_with_a_fault_nothing_comes_in(environment: Server) -> None:
    good = {"modelType": "Submodel", "id": "https://example.org/good", "idShort": "Good"}
    shell = {"modelType": "AssetAdministrationShell", "id": "urn:shell", "assetInformation": {"assetKind": "Instance"}}
    whole = {"assetAdministrationShells": [shell], "submodels": [good, json.loads(bombs.nested_json(150))]}
    assert_refused(environment, upload(environment, json.dumps(whole).encode(), JSON), 400, "Nothing was changed")
    assert upload(environment, json.dumps({"submodels": [good]}).encode(), JSON).status_code == 200
    session = Session(environment.url)
    assert [found["id"] for found in session.json("/submodels")["result"]] == [good["id"]]
    session.must("DELETE", f"/submodels/{encoded(good['id'])}")


def test_files_of_a_package_come_in_with_it(environment: Server) -> None:
    file = "<file><idShort>Curve</idShort><value>/aasx/curve.csv</value><contentType>text/csv</contentType></file>"
    document = bombs.xml_environment("x").replace(b"<submodelElements>", f"<submodelElements>{file}".encode())
    parts = {"aasx/curve.csv": b"1,2\n" * 1000}
    package = bombs.aasx(document, more=parts, supplements=["/aasx/curve.csv"])
    assert upload(environment, package, AASX).status_code == 200
    session = Session(environment.url)
    path = f"/submodels/{encoded(bombs.MARK)}/submodel-elements/Curve/attachment"
    assert session.must("GET", path).content == parts["aasx/curve.csv"]
    session.must("DELETE", f"/submodels/{encoded(bombs.MARK)}")


def test_its_log_tells_no_fault_of_its_own(environment: Server) -> None:
    assert "OutOfMemoryError" not in environment.log.read_text(encoding="utf-8")
