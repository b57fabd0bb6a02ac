"""Bodies, nesting and texts that would take too much memory, or could not be read back: told, and it serves on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aasx.client import AasClient
from tests.environment.rest import Session, collection, element_list, encoded, prop, record, submodel
from tests.servers import Server, start_basyx

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def small(basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An environment with a heap of 512 MB."""
    server = start_basyx(tmp_path_factory.mktemp("small") / "store", jvm=["-Xmx512m"])
    yield server
    server.stop()


def test_bodies_that_are_too_long_are_refused_at_once_and_it_serves_on(small: Server):
    body = json.dumps(submodel("urn:long", [prop("P", "x" * 100 * MEGABYTE)])).encode()

    def post(chunked: bool) -> int:
        data = (body[i : i + MEGABYTE] for i in range(0, len(body), MEGABYTE)) if chunked else body
        headers = {"Content-Type": "application/json"}
        try:
            return Session(small.url).request("POST", "/submodels", data=data, headers=headers).status_code
        except OSError:
            return 413  # closed while it was being sent

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(post, [False, False, True, True])) <= {400, 413}
    session = Session(small.url)
    assert session.json("/submodels")["result"] == []
    assert session.json("/actuator/health")["status"] == "UP"


def test_many_large_bodies_at_the_same_time_wait_for_each_other(small: Server):
    records = [record(f"r-{i}", 36) for i in range(3000)]
    body = json.dumps(submodel("urn:large", [element_list("List", records)])).encode()
    assert 7 * MEGABYTE < len(body) < 16 * MEGABYTE

    def post(number: int) -> int:
        mine = body.replace(b"urn:large", f"urn:large{number}".encode())
        answer = Session(small.url, 120).request(
            "POST", "/submodels", data=mine, headers={"Content-Type": "application/json"}
        )
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(post, range(6)))
    assert set(statuses) <= {201, 503}
    session = Session(small.url, 120)
    path = f"/submodels/{encoded(f'urn:large{statuses.index(201)}')}"
    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(lambda _: len(Session(small.url, 120).must("GET", path).content), range(6)))) == 1
    assert len(session.json(path)["submodelElements"][0]["value"]) == 3000
    assert len(session.json(f"{path}/$value")["List"]) == 3000
    assert len(session.json("/submodels")["result"]) == statuses.count(201)


def nested(depth: int) -> str:
    """JSON of a property in so many collections."""
    opening = '{"modelType": "SubmodelElementCollection", "idShort": "C", "value": ['
    return opening * depth + json.dumps(prop("P", "1")) + "]}" * depth


def test_what_is_nested_too_deep_is_refused_and_listings_go_on(environment: Server):
    session = Session(environment.url)
    as_json = {"headers": {"Content-Type": "application/json"}}
    for depth in (499, 150):
        whole = json.dumps(submodel("urn:nested", [{}])).replace("{}", nested(depth))
        answer = session.request("POST", "/submodels", data=whole, **as_json)
        assert answer.status_code == 400
    assert "nested" in answer.json()["messages"][0]["text"]
    session.must("POST", "/submodels", json=submodel("urn:nested", [collection("C", [])]))
    elements = f"/submodels/{encoded('urn:nested')}/submodel-elements"
    session.must("POST", f"{elements}/C", data=nested(98), **as_json)
    assert session.request("POST", f"{elements}/C.C", data=nested(98), **as_json).status_code == 400
    assert session.json("/submodels")["result"]
    assert session.json(f"{elements}/{'.'.join(['C'] * 99)}.P/$value") == "1"
    session.must("DELETE", f"/submodels/{encoded('urn:nested')}")


def test_odd_texts_are_kept_or_refused_with_a_reason(environment: Server):
    session = Session(environment.url)
    for identifier in ("urn:\ud800", "urn:\udc00", "urn:\0null", "urn:line\nbreak"):
        raw = json.dumps(submodel(identifier, []))
        answer = session.request("POST", "/submodels", data=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, identifier.encode("unicode_escape")
    for identifier in ("urn:" + "x" * 1996, "urn:" + "é" * 1996, "urn:🔋" + "y" * 1990, "urn:🔋" + "y" * 1989 + "z"):
        texts = ["a\0b", "🔋", "\u2028", "'; DROP TABLE element; --", "\\", '"', "\x7f"]
        elements = [prop(f"P{i}", text) for i, text in enumerate(texts)]
        session.must("POST", "/submodels", json=submodel(identifier, elements))
        url = f"/submodels/{encoded(identifier)}"
        assert [element["value"] for element in session.json(url)["submodelElements"]] == texts
        assert session.json(f"{url}/$value") == {f"P{i}": text for i, text in enumerate(texts)}
    listed = {item["id"] for item in session.json("/submodels?limit=2")["result"]}
    assert len(listed) == 2
    for identifier in ("urn:" + "x" * 1996, "urn:" + "é" * 1996, "urn:🔋" + "y" * 1990, "urn:🔋" + "y" * 1989 + "z"):
        session.must("DELETE", f"/submodels/{encoded(identifier)}")
    assert session.json("/submodels")["result"] == []


def test_the_values_of_a_large_collection_come_in_pages_where_they_are_asked_for(environment: Server):
    session = Session(environment.url)
    cells = [collection(f"Cell_{i:02}", [prop("P", "x" * 1000)]) for i in range(29)]
    rows = {cell["idShort"]: {"P": "x" * 1000} for cell in cells}
    session.must("POST", "/submodels", json=submodel("urn:pages", [collection("Cells", cells), prop("P", "1")]))
    elements = f"/submodels/{encoded('urn:pages')}/submodel-elements"
    first = session.must("GET", f"{elements}/Cells/$value?limit=10")
    assert list(first.json()) == list(rows)[:10]
    address, pages = f"{elements}/Cells/$value", [first]
    while following := pages[-1].links.get("next"):
        pages.append(session.must("GET", address + following["url"]))
    assert [len(page.json()) for page in pages] == [10, 10, 9]
    assert {name: row for page in pages for name, row in page.json().items()} == rows
    assert session.json(address) == rows, "all at once where nothing is asked for"
    assert session.json(f"{elements}/P/$value?limit=10") == "1"
    assert session.request("GET", f"{address}?limit=many").status_code == 400
    client = AasClient(environment.url)
    assert [len(page) for page in client.value_pages("urn:pages", "Cells")] == [29]
    session.must("DELETE", f"/submodels/{encoded('urn:pages')}")
