"""ETag and If-Match: of two clients that read, decide and write, the second is told; on both databases, and through two
environments that share one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.environment.postgres import Postgres
from tests.environment.rest import (
    Session,
    collection,
    concept,
    element_list,
    encoded,
    entity,
    file_element,
    prop,
    record,
    shell,
    submodel,
)
from tests.servers import Server, start_basyx

IDENTIFIER = "urn:conditional"
SUBMODEL = f"/submodels/{encoded(IDENTIFIER)}"
ELEMENTS = f"{SUBMODEL}/submodel-elements"
LARGE = "x" * 20_000


@pytest.fixture
def session(environment: Server) -> Iterator[Session]:
    session = Session(environment.url)
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, [
        collection("Live", [prop("A", "1"), prop("B", "1")]),
        collection("Large", [prop("A", "1"), prop("B", LARGE), collection("C", [prop("D", "1")])]),
        element_list("List", [record("first")]),
        entity("Device", [prop("A", "1")]),
        file_element("File"),
    ]))  # fmt: skip
    yield session
    session.must("DELETE", SUBMODEL)


def etag(session: Session, path: str) -> str:
    tag = session.must("GET", path).headers["ETag"]
    assert tag.startswith('"')
    return tag


def conditional(session: Session, tag: str, method: str, path: str, **arguments) -> requests.Response:
    return session.request(method, path, headers={"If-Match": tag}, **arguments)


@pytest.mark.parametrize("path", ["Live", "Live.A", "Large", "Large.A", "Large.C", "Large.C.D", "List", "List[0]",
                                  "Device", "Device.A", "File"])  # fmt: skip
def test_an_elements_tag_covers_the_element_with_everything_in_it(session: Session, path: str):
    url = f"{ELEMENTS}/{path}"
    before = etag(session, url)
    assert etag(session, url) == before
    if not path.startswith("Device"):
        session.must("PUT", f"{ELEMENTS}/Device.A", json=prop("A", "2"))
        assert etag(session, url) == before, "a neighbour changed it"
    element = session.json(url)
    while (inner := element.get("value", element.get("statements"))) and isinstance(inner, list):
        element = inner[0]
    element["description"] = [{"language": "en", "text": "changed"}]
    whole = session.json(url)
    innermost = whole
    while (inner := innermost.get("value", innermost.get("statements"))) and isinstance(inner, list):
        innermost = inner[0]
    innermost["description"] = [{"language": "en", "text": "changed"}]
    answer = conditional(session, before, "PUT", url, json=whole)
    assert answer.status_code == 204
    after = etag(session, url)
    assert after == answer.headers["ETag"] != before
    refused = conditional(session, before, "PUT", url, json=whole)
    assert refused.status_code == 412
    assert refused.headers["ETag"] == after
    assert "changed since it was read" in refused.json()["messages"][0]["text"]


@pytest.mark.parametrize("path", ["", "/$metadata", "/$value", "/submodel-elements/Live", "/submodel-elements/Live.A",
                                  "/submodel-elements/Live.A/$value", "/submodel-elements/Large",
                                  "/submodel-elements/Large.C.D"])  # fmt: skip
def test_what_the_reader_knows_is_not_sent_again(session: Session, path: str):
    url = SUBMODEL + path
    tag = etag(session, url)
    known = session.request("GET", url, headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", tag)
    assert session.request("GET", url, headers={"If-None-Match": '"other"'}).status_code == 200
    session.must("PATCH", f"{ELEMENTS}/Live.A/$value", json="2")
    session.must("PATCH", f"{ELEMENTS}/Large.C.D/$value", json="2")
    changed = session.request("GET", url, headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["ETag"] != tag


def test_every_way_to_write_an_element_asks_the_tag(session: Session):
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", "Live.A/$value", {"json": "2"}),
        ("PATCH", "Live/$value", {"json": {"A": "2", "B": "3"}}),
        ("PATCH", "Large.A/$value", {"json": "2"}),
        ("PUT", "Live.A", {"json": prop("A", "3")}),
        ("POST", "List", {"json": record("second")}),
        ("POST", "Live", {"json": prop("C", "1")}),
        ("POST", "Large", {"json": prop("E", "1")}),
        ("POST", "", {"json": prop("New", "1")}),
        ("PUT", "File/attachment", {"files": {"file": ("a.csv", b"1", "text/csv"), "fileName": (None, "a.csv")}}),
        ("DELETE", "File/attachment", {}),
        ("DELETE", "Live.C", {}),
        ("DELETE", "List[0]", {}),
    ]
    for method, path, arguments in writes:
        url = f"{ELEMENTS}/{path}".rstrip("/")
        read = url.removesuffix("/attachment")
        before = session.json(SUBMODEL)
        assert conditional(session, '"old"', method, url, **arguments).status_code == 412, (method, path)
        assert session.json(SUBMODEL) == before, (method, path)
        tag = etag(session, read)
        assert etag(session, read.removesuffix("/$value")) == (tag if path else etag(session, SUBMODEL))
        answer = conditional(session, f'"other", {tag}', method, url, **arguments)
        assert answer.ok, (method, path, answer.text)
        if method != "DELETE":
            assert answer.headers["ETag"] == etag(session, read) != tag, (method, path)
        if method == "PUT" and path.endswith("/attachment"):
            assert etag(session, url) == etag(session, read)


def test_identifiables_have_a_tag_as_a_whole(environment: Server):
    session = Session(environment.url)
    for kind, make in {
        "submodels": lambda text: submodel("urn:tag", [prop("P", text)]),
        "shells": lambda text: shell("urn:tag", text),
        "concept-descriptions": lambda text: concept("urn:tag", text),
    }.items():
        url = f"/{kind}/{encoded('urn:tag')}"
        created = session.must("POST", f"/{kind}", json=make("1")).headers["ETag"]
        assert etag(session, url) == created
        assert conditional(session, created, "PUT", url, json=make("2")).status_code == 204
        assert conditional(session, created, "PUT", url, json=make("3")).status_code == 412
        assert conditional(session, created, "DELETE", url).status_code == 412
        assert conditional(session, "*", "PUT", url, json=make("4")).status_code == 204
        last = etag(session, url)
        assert conditional(session, last, "DELETE", url).status_code == 204
        session.must("POST", f"/{kind}", json=make("1"))
        assert etag(session, url) not in (created, last), "a new one must not look like the deleted one"
        assert conditional(session, last, "DELETE", url).status_code == 412
        session.must("DELETE", url)
        assert conditional(session, "*", "DELETE", url).status_code == 404


def test_metadata_and_values_of_a_submodel_have_its_tag(session: Session):
    tag = etag(session, SUBMODEL)
    assert etag(session, f"{SUBMODEL}/$metadata") == etag(session, f"{SUBMODEL}/$value") == tag
    assert etag(session, ELEMENTS) == tag
    session.must("PATCH", f"{ELEMENTS}/Large.C.D/$value", json="2")
    assert etag(session, SUBMODEL) != tag


@pytest.fixture(scope="module")
def pair(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Two environments on one PostgreSQL."""
    settings = postgres.database("pair")
    servers = [start_basyx(tmp_path_factory.mktemp("pair") / "store", **settings) for _ in range(2)]
    yield servers
    for server in servers:
        server.kill()


def test_counting_with_if_match_through_two_environments_counts_each_once(pair: list[Server]):
    """Eight clients add one to the same value, each a few times; without If-Match most would overwrite each other."""
    Session(pair[0].url).must("POST", "/submodels", json=submodel("urn:count", [prop("N", "0")]))
    url = f"/submodels/{encoded('urn:count')}/submodel-elements/N/$value"

    def count(client: int) -> None:
        session = Session(pair[client % 2].url)
        for _ in range(10):
            while True:
                answer = session.must("GET", url)
                written = conditional(session, answer.headers["ETag"], "PATCH", url, json=str(int(answer.json()) + 1))
                if written.status_code == 204:
                    break
                assert written.status_code == 412

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert Session(pair[1].url).json(url) == "80"


def test_two_environments_see_each_others_writes_and_one_may_die(pair: list[Server], tmp_path: Path):
    first, second = (Session(server.url) for server in pair)
    first.must("POST", "/submodels", json=submodel("urn:shared", [element_list("List", []), prop("P", "0")]))
    elements = f"/submodels/{encoded('urn:shared')}/submodel-elements"
    for i in range(20):
        writer, reader = (first, second) if i % 2 else (second, first)
        writer.must("PATCH", f"{elements}/P/$value", json=str(i))
        assert reader.json(f"{elements}/P/$value") == str(i)

    def append(number: int) -> None:
        session = Session(pair[number % 2].url)
        for i in range(number, 90, 8):
            session.must("POST", f"{elements}/List", json=record(f"r-{i}", 36))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(8)))
    for session in (first, second):
        names = [item["value"][0]["value"] for item in session.json(f"{elements}/List")["value"]]
        assert sorted(names) == sorted(f"r-{i}" for i in range(90))
    pair[0].kill()
    second.must("PATCH", f"{elements}/P/$value", json="alone")
    assert second.json(f"{elements}/P/$value") == "alone"
