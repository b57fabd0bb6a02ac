"""Readers and writers at the same time: no half-done change, no error from a read, no lost record, no moved element."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.environment.rest import (
    Session,
    collection,
    element_list,
    encoded,
    entity,
    file_element,
    prop,
    record,
    submodel,
)
from tests.servers import Server

IDENTIFIER = "urn:concurrency"
SUBMODEL = f"/submodels/{encoded(IDENTIFIER)}"
WRITERS, WRITES = 8, 25


@pytest.fixture
def url(environment: Server) -> Iterator[str]:
    session = Session(environment.url)
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, [
        collection("Pair", [prop("A", "0"), prop("B", "0")]),
        element_list("List", [record("first-0")]),
        entity("Device", [prop("A", "0"), prop("B", "0")]),
        prop("Last", "0"),
        file_element("File"),
    ]))  # fmt: skip
    yield environment.url
    session.must("DELETE", SUBMODEL)


def elements(session: Session) -> list[dict]:
    return session.json(SUBMODEL)["submodelElements"]


def test_parallel_appends_to_one_list_keep_every_record(url: str):
    def append(writer: int) -> None:
        session = Session(url)
        for i in range(WRITES):
            session.must("POST", f"{SUBMODEL}/submodel-elements/List", json=record(f"{writer}-{i}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(append, range(WRITERS)))
    names = [item["value"][0]["value"] for item in elements(Session(url))[1]["value"]]
    assert sorted(names) == sorted(["first-0", *(f"{w}-{i}" for w in range(WRITERS) for i in range(WRITES))])
    for writer in range(WRITERS):
        own = [name for name in names if name.startswith(f"{writer}-")]
        assert own == [f"{writer}-{i}" for i in range(WRITES)], "the records of one writer changed order"


def test_readers_see_whole_changes_and_never_an_error(url: str):
    done = threading.Event()

    def write(_) -> None:
        session = Session(url)
        for i in range(WRITES):
            session.must("PATCH", f"{SUBMODEL}/submodel-elements/Pair/$value", json={"A": str(i), "B": str(i)})
            session.must("POST", f"{SUBMODEL}/submodel-elements/List", json=record(f"w-{i}"))
            device = entity("Device", [prop("A", str(i)), prop("B", str(i))])
            session.must("PUT", f"{SUBMODEL}/submodel-elements/Device", json=device)

    def read(path: str) -> int:
        session = Session(url)
        reads = 0
        while not done.is_set():
            answer = session.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            if path == SUBMODEL:
                pair, records, device, *_ = answer.json()["submodelElements"]
                assert len({child["value"] for child in pair["value"]}) == 1
                assert len({child["value"] for child in device["statements"]}) == 1
                assert all(len(item["value"]) == 12 for item in records["value"])
            reads += 1
        return reads

    paths = [SUBMODEL, f"{SUBMODEL}/$value", f"{SUBMODEL}/submodel-elements", "/submodels", f"{SUBMODEL}/$metadata"]
    with ThreadPoolExecutor(len(paths) + 4) as pool:
        readers = [pool.submit(read, path) for path in paths]
        try:
            list(pool.map(write, range(4)))
        finally:
            done.set()
        assert all(reader.result() > 5 for reader in readers)


def test_parallel_patches_of_different_values_all_count(url: str):
    """In-memory BaSyx and its database backend lose some of these."""

    def patch(path: str) -> None:
        session = Session(url)
        for i in range(1, WRITES + 1):
            session.must("PATCH", f"{SUBMODEL}/submodel-elements/{path}/$value", json=str(i))

    paths = ["Pair.A", "Pair.B", "Device.A", "Device.B", "Last", "List[0].P3"]
    with ThreadPoolExecutor(len(paths)) as pool:
        list(pool.map(patch, paths))
    session = Session(url)
    assert {path: session.json(f"{SUBMODEL}/submodel-elements/{path}/$value") for path in paths} == dict.fromkeys(
        paths, str(WRITES)
    )


def test_put_keeps_the_elements_place(url: str):
    session = Session(url)
    for i in range(3):
        session.must("POST", f"{SUBMODEL}/submodel-elements/List", json=record(f"n-{i}"))
    session.must("PUT", f"{SUBMODEL}/submodel-elements/Pair", json=collection("Pair", [prop("A", "1"), prop("B", "1")]))
    session.must("PUT", f"{SUBMODEL}/submodel-elements/Pair.A", json=prop("A", "2"))
    session.must("PUT", f"{SUBMODEL}/submodel-elements/Device.A", json=prop("A", "2"))
    session.must("PUT", f"{SUBMODEL}/submodel-elements/List[1]", json=record("put-1"))
    pair, records, device, last, _ = elements(session)
    assert [pair["idShort"], device["idShort"], last["idShort"]] == ["Pair", "Device", "Last"]
    assert [(child["idShort"], child["value"]) for child in pair["value"]] == [("A", "2"), ("B", "1")]
    assert [(child["idShort"], child["value"]) for child in device["statements"]] == [("A", "2"), ("B", "0")]
    assert [item["value"][0]["value"] for item in records["value"]] == ["first-0", "put-1", "n-1", "n-2"]


def test_an_attachment_is_read_whole_while_it_is_replaced(url: str):
    path = f"{SUBMODEL}/submodel-elements/File/attachment"
    contents = {str(i).encode() * 50_000 for i in range(4)}

    def put(content: bytes) -> None:
        files = {"file": ("curve.csv", content, "text/csv"), "fileName": (None, "curve.csv")}
        Session(url).must("PUT", path, files=files)

    def replace(_) -> None:
        for content in contents:
            put(content)

    def read(_) -> None:
        session = Session(url)
        for _ in range(WRITES):
            assert session.must("GET", path).content in contents

    put(next(iter(contents)))
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(replace, i) for i in range(4)]
        readers = [pool.submit(read, i) for i in range(4)]
        for done in writers + readers:
            done.result()
