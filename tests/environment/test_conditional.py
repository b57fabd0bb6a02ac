"""ETag and If-Match: of two clients that read, decide and write, the second is told; on both databases, and through two
environments that share one."""

from __future__ import annotations

from base64 import b64encode
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


def test_a_request_may_depend_on_something_else(session: Session):
    """If of RFC 4918, section 10.4: the ETag of another element or submodel, whatever the URL of the request names."""
    other, url = f"{ELEMENTS}/Large.C", f"{ELEMENTS}/Live.A/$value"
    conditions = {
        f"<{other}>": etag(session, other),
        f"<http://any.host/below{other}>": etag(session, other),
        f"<{ELEMENTS}/List%5B0%5D>": etag(session, f"{ELEMENTS}/List[0]"),
    }
    requests_: list[tuple[str, str, dict[str, Any]]] = [
        ("PATCH", url, {"json": "2"}),
        ("PATCH", SUBMODEL, {"json": {"submodelElements": [prop("New", "1")]}}),
        ("POST", f"{ELEMENTS}/List", {"json": record("second")}),
        ("PUT", f"{ELEMENTS}/Device", {"json": prop("Device", "1")}),
        ("PUT", f"{ELEMENTS}/File/attachment",
         {"files": {"file": ("a.csv", b"1", "text/csv"), "fileName": (None, "a.csv")}}),
        ("DELETE", f"{ELEMENTS}/Device", {}),
        ("GET", url, {}),
    ]  # fmt: skip
    before = session.json(SUBMODEL)
    for method, path, arguments in requests_:
        refused = session.request(method, path, headers={"If": f'<{other}> (["old"])'}, **arguments)
        assert refused.status_code == 412, (method, path)
        assert "Large.C" in refused.json()["messages"][0]["text"]
    assert session.json(SUBMODEL) == before
    for (method, path, arguments), (place, tag) in zip(requests_, [*conditions.items()] * 3, strict=False):
        answer = session.request(method, path, headers={"If": f"{place} ([{tag}])"}, **arguments)
        assert answer.ok, (method, path, answer.text)
    tag = etag(session, other)
    session.must("PATCH", f"{ELEMENTS}/Large.C.D/$value", json="2")
    assert session.request("PATCH", url, json="3", headers={"If": f"<{other}> ([{tag}])"}).status_code == 412
    gone = {"If": f'<{ELEMENTS}/Device> (["1"])'}
    assert session.request("PATCH", url, json="3", headers=gone).status_code == 412
    for wrong in (
        "*",
        f'<{other}> (["1"] ["2"])',
        f'<{other}> (["1"]) <{other}> (["2"])',
        f'(["{tag}"])',
        '</x> (["1"])',
    ):
        answer = session.request("PATCH", url, json="3", headers={"If": wrong})
        assert answer.status_code == 400 and "<URL> ([ETag])" in answer.text, wrong
    assert session.json(url) == "2"


def test_some_elements_of_a_submodel_are_changed_in_one_step(session: Session):
    """PATCH of a submodel: collections are merged at any depth, everything else is replaced or added."""
    tag, untouched = etag(session, SUBMODEL), etag(session, f"{ELEMENTS}/Device")
    given = [
        collection("Live", [prop("B", "2"), prop("C", "3")]),
        collection("Large", [prop("A", "2"), collection("C", [prop("E", "5")]), prop("New", "7")]),
        element_list("List", [record("second"), record("third")]),
        prop("Added", "4"),
    ]
    body = {"modelType": "Submodel", "id": IDENTIFIER, "submodelElements": given}
    assert conditional(session, '"old"', "PATCH", SUBMODEL, json=body).status_code == 412
    answer = conditional(session, tag, "PATCH", SUBMODEL, json=body)
    assert answer.status_code == 204 and answer.headers["ETag"] == etag(session, SUBMODEL) != tag
    for name in ("Live", "Large", "List", "Added"):
        assert etag(session, f"{ELEMENTS}/{name}") == answer.headers["ETag"], name
    assert etag(session, f"{ELEMENTS}/Device") == untouched
    found = {one["idShort"]: one for one in session.json(SUBMODEL)["submodelElements"]}
    assert [*found] == ["Live", "Large", "List", "Device", "File", "Added"]
    assert found["Live"]["value"] == [prop("A", "1"), prop("B", "2"), prop("C", "3")]
    assert found["Large"]["value"] == [
        prop("A", "2"), prop("B", LARGE), collection("C", [prop("D", "1"), prop("E", "5")]), prop("New", "7"),
    ]  # fmt: skip
    assert found["List"]["value"] == [record("second"), record("third")]
    for other in (prop("Large", "1"), prop("Live", "1"), collection("Live", [prop("A", "9")])):
        session.must("PATCH", SUBMODEL, json={"submodelElements": [other]})
        assert session.json(f"{ELEMENTS}/{other['idShort']}") == other


def test_some_elements_in_an_element_are_changed_in_one_step(session: Session):
    """PATCH of an element: the same below it, where it is a row of its own and where it lies in one."""
    whole, untouched = etag(session, SUBMODEL), etag(session, f"{ELEMENTS}/Device")
    for path, given, expected in (
        ("Live", [prop("B", "2"), prop("C", "3")], [prop("A", "1"), prop("B", "2"), prop("C", "3")]),
        ("Large.C", [prop("D", "2"), prop("E", "5")], [prop("D", "2"), prop("E", "5")]),
        ("Large.C", [prop("E", "6")], [prop("D", "2"), prop("E", "6")]),
        (
            "Large",
            [prop("A", "2")],
            [prop("A", "2"), prop("B", LARGE), collection("C", [prop("D", "2"), prop("E", "6")])],
        ),
        ("List[0]", [prop("P1", "x")], [prop("P0", "first"), prop("P1", "x"), *record("first")["value"][2:]]),
    ):
        url, name = f"{ELEMENTS}/{path}", None if "[" in path else path.rpartition(".")[2]
        tag = etag(session, url)
        assert conditional(session, '"old"', "PATCH", url, json=collection(name, given)).status_code == 412
        answer = conditional(session, tag, "PATCH", url, json=collection(name, given))
        assert answer.status_code == 204 and answer.headers["ETag"] == etag(session, url) != tag, path
        assert session.json(url)["value"] == expected, path
    session.must("PATCH", f"{ELEMENTS}/Live.A", json=prop("A", "2") | {"valueType": "xs:int"})
    assert session.json(f"{ELEMENTS}/Live.A") == prop("A", "2", "xs:int")
    session.must("PATCH", f"{ELEMENTS}/Large", json=prop("Large", "1"))
    assert session.json(f"{ELEMENTS}/Large") == prop("Large", "1")
    assert etag(session, f"{ELEMENTS}/Device") == untouched and etag(session, SUBMODEL) != whole


@pytest.mark.parametrize("path, body", [
    ("Live", collection("Other", [prop("A", "2")])), ("Live.A", prop("B", "2")), ("Live.A", prop(None, "2")),
    ("Large", collection("Other", [prop("A", "2")])), ("Live", []), ("Live", None), ("Live", {"idShort": "Live"}),
    ("Live", collection("Live", [prop("A", "2"), prop(None, "2")])),
    ("File", file_element("File", "data:a/b;base64,?")),
])  # fmt: skip
def test_a_patch_of_an_element_that_cannot_be_carried_out_changes_nothing(session: Session, path: str, body: Any):
    before = session.json(SUBMODEL)
    answer = session.request("PATCH", f"{ELEMENTS}/{path}", json=body)
    assert answer.status_code == 400, answer.text
    assert session.json(SUBMODEL) == before
    assert session.request("PATCH", f"{ELEMENTS}/No", json=prop("No", "1")).status_code == 404


def test_a_file_that_a_patch_replaces_goes(session: Session):
    content = {"file": ("a.csv", b"1", "text/csv"), "fileName": (None, "a.csv")}
    session.must("PUT", f"{ELEMENTS}/File/attachment", files=content)
    named = session.json(f"{ELEMENTS}/File")
    session.must("PATCH", SUBMODEL, json={"submodelElements": [prop("Live", "1")]})
    assert session.must("GET", f"{ELEMENTS}/File/attachment").content == b"1"
    session.must("PATCH", SUBMODEL, json={"submodelElements": [prop("File", "1")]})
    session.must("PUT", f"{ELEMENTS}/File", json=named)
    assert session.request("GET", f"{ELEMENTS}/File/attachment").status_code == 404
    session.must("PUT", f"{ELEMENTS}/File/attachment", files=content)
    named = session.json(f"{ELEMENTS}/File")
    url = f"data:text/csv;base64,{b64encode(b'2').decode()}"
    session.must("PATCH", f"{ELEMENTS}/File", json=file_element("File", url))
    assert session.must("GET", f"{ELEMENTS}/File/attachment").content == b"2"
    session.must("PUT", f"{ELEMENTS}/File", json=named)
    assert session.request("GET", f"{ELEMENTS}/File/attachment").status_code == 404


def test_a_patch_brings_files_as_data_urls(session: Session):
    def url(content: bytes, kind: str = "application/json") -> str:
        return f"data:{kind};base64,{b64encode(content).decode()}"

    def stored(path: str) -> bytes:
        return session.must("GET", f"{ELEMENTS}/{path}/attachment").content

    first, large = b'{"a": 1}', bytes(range(256)) * 2000
    files = [file_element("Latest", url(first)), file_element("Table", url(large, "text/csv;x=1"))]
    session.must("PATCH", SUBMODEL, json={"submodelElements": [collection("Running", files), prop("Live", "2")]})
    names = [session.json(f"{ELEMENTS}/Running.{name}")["value"] for name in ("Latest", "Table")]
    assert names[0].startswith("files/Latest.") and names[0].endswith(".json") and names[1].endswith(".csv")
    assert (stored("Running.Latest"), stored("Running.Table")) == (first, large)
    assert session.json(f"{ELEMENTS}/Live")["value"] == "2"
    again = file_element("Latest", url(b"second"))
    tag = session.must("PATCH", SUBMODEL, json={"submodelElements": [collection("Running", [again])]}).headers["ETag"]
    assert (stored("Running.Latest"), stored("Running.Table")) == (b"second", large)
    session.must("PUT", f"{ELEMENTS}/Running.Latest", json=file_element("Latest", names[0]))
    assert session.request("GET", f"{ELEMENTS}/Running.Latest/attachment").status_code == 404
    third = {"submodelElements": [collection("Running", [file_element("Latest", url(b"third"))])]}
    assert conditional(session, tag, "PATCH", SUBMODEL, json=third).status_code == 412
    for plain in ("data:,text", "https://example.org/a.json", "files/nothing.json"):  # these are values as any other
        session.must("PATCH", SUBMODEL, json={"submodelElements": [file_element("File", plain)]})
        assert session.json(f"{ELEMENTS}/File")["value"] == plain


@pytest.mark.parametrize("body", [
    {"submodelElements": [prop("Live", "1"), file_element("File", "data:text/plain;base64,no base64!")]},
    [], {}, {"submodelElements": None}, {"submodelElements": [None]}, {"submodelElements": [1]},
    {"submodelElements": [{"modelType": "Unheard", "idShort": "X"}]},
    {"submodelElements": [prop("Live", "1"), {"modelType": "Property", "valueType": "xs:string"}]},
    {"submodelElements": [prop("Device", "1"), collection("Live", [{"modelType": "Property", "valueType": "xs:int"}])]},
    {"submodelElements": [prop("Device", "1"), collection("Live", "text")]},
    {"submodelElements": [prop("Device", "1"), collection("Large", {"A": "1"})]},
    {"submodelElements": [prop("Device", "1"), collection("Large", [None])]},
    {"submodelElements": [prop("Device", "1"), collection("Live", [prop("A", "1")]) | {"semanticId": "urn:a"}]},
    {"submodelElements": [prop("Device", "1"), collection("Large", [prop("A", "1")]) | {"semanticId": "urn:a"}]},
    {"submodelElements": [prop("Device", "1"), collection("Live", [prop("A", "1") | {"valueType": "xs:what"}])]},
    {"submodelElements": [prop("Device", "1"), collection("Live", [prop("A", ["1"])])]},
    {"submodelElements": [prop("A", "1")], "id": "urn:another"},
    {"submodelElements": [prop("A", "1")], "administration": {"version": "2"}},
    {"submodelElements": [prop("A", "half \ud800")]},
])  # fmt: skip
def test_a_patch_that_cannot_be_carried_out_changes_nothing(session: Session, body: Any):
    before = session.json(SUBMODEL)
    answer = session.request("PATCH", SUBMODEL, json=body)
    assert answer.status_code == 400 and answer.json()["messages"][0]["text"], answer.text
    assert session.json(SUBMODEL) == before


def test_a_patch_of_an_unknown_submodel_is_not_found(session: Session):
    assert session.request("PATCH", f"/submodels/{encoded('urn:no')}", json={"submodelElements": []}).status_code == 404


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
