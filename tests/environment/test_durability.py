"""Whatever the environment acknowledged is there after a SIGKILL, whole; whatever it did not is either there or not."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
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
from tests.servers import start_basyx

KILLS = 2  # of each database's; 30 in the long run
LONG_KILLS = 30
SHARED = f"/submodels/{encoded('urn:shared')}/submodel-elements"  # of the submodel that most writers change
VALUES = ("Settings.Value", "Items[0].Value", "Device.Value")
NOTHING = object()  # the state of what does not exist


class Writer(threading.Thread):
    """One client that writes one thing after the other and notes what was acknowledged.

    `states` maps a key to what must be read for it; `pending` is the one write under way when the server died, of which
    either state may be read.
    """

    def __init__(self, url: str, name: str, states: dict, step: Callable[[Writer], None]):
        super().__init__(name=name, daemon=True)
        self.session, self.states, self.step = Session(url), states, step
        self.pending: tuple | None = None
        self.acknowledged = 0
        self.error: str | None = None

    def write(self, key, state, method: str, path: str, accepted: tuple[int, ...] = (200, 201, 204), **arguments):
        self.pending = (key, state)
        answer = self.session.request(method, path, **arguments)
        if answer.status_code == 503:
            raise requests.ConnectionError("the database was killed")  # the change may have happened or not
        if answer.status_code not in accepted:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        self.states[key] = state
        self.pending = None
        self.acknowledged += 1

    def run(self):
        try:
            while True:
                self.step(self)
        except requests.RequestException:
            return  # the server was killed
        except Exception as error:  # reported by the test, whose thread this is not
            self.error = f"{self.name}: {error!r}"


def patch_values(writer: Writer) -> None:
    for path in VALUES:
        number = int(writer.states["value", path]) + 1
        writer.write(("value", path), str(number), "PATCH", f"{SHARED}/{path}/$value", json=str(number))


def patch_collections(writer: Writer) -> None:
    """Two values in one write: never one without the other."""
    number = int(writer.states["pair", "Live"]) + 1
    both = {"A": str(number), "B": str(number)}
    writer.write(("pair", "Live"), str(number), "PATCH", f"{SHARED}/Live/$value", json=both)


def append_records(writer: Writer) -> None:
    number = writer.states["appended", writer.name] + 1
    body = record(f"{writer.name}-{number}")
    writer.write(("appended", writer.name), number, "POST", f"{SHARED}/List", json=body)


def change_elements(writer: Writer) -> None:
    """Adds, replaces and deletes elements on the first level and inside a collection and an Entity."""
    for parent in ("", "Settings", "Device"):
        name = f"E{random.randrange(6)}"
        key = ("element", parent, name)
        path = f"{parent}.{name}".strip(".")
        state = writer.states.get(key, NOTHING)
        text = str(random.random())
        if state is NOTHING:
            writer.write(key, text, "POST", f"{SHARED}/{parent}".rstrip("/"), json=prop(name, text))
        elif random.random() < 0.5:
            writer.write(key, text, "PUT", f"{SHARED}/{path}", json=prop(name, text))
        else:
            writer.write(key, NOTHING, "DELETE", f"{SHARED}/{path}")


def change_identifiables(writer: Writer, kind: str, make: Callable[[str, str], dict]) -> None:
    """Creates, replaces and deletes whole submodels, shells or concept descriptions."""
    identifier = f"urn:{kind}:{random.randrange(8)}"
    key = (kind, identifier)
    text = str(random.random())
    if writer.states.get(key, NOTHING) is NOTHING:
        writer.write(key, text, "POST", f"/{kind}", json=make(identifier, text))
    elif random.random() < 0.6:
        writer.write(key, text, "PUT", f"/{kind}/{encoded(identifier)}", json=make(identifier, text))
    else:
        writer.write(key, NOTHING, "DELETE", f"/{kind}/{encoded(identifier)}")


def change_shells(writer: Writer) -> None:
    change_identifiables(writer, "shells", shell)
    key = ("reference", "urn:fixed")
    path = f"/shells/{encoded('urn:fixed')}/submodel-refs"
    if writer.states.get(key, NOTHING) is NOTHING:
        reference = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": "urn:shared"}]}
        writer.write(key, "urn:shared", "POST", path, json=reference)
    else:
        writer.write(key, NOTHING, "DELETE", f"{path}/{encoded('urn:shared')}")


def change_submodels_and_concepts(writer: Writer) -> None:
    change_identifiables(writer, "submodels", lambda identifier, text: submodel(identifier, [prop("Text", text)]))
    change_identifiables(writer, "concept-descriptions", concept)


def change_files(writer: Writer) -> None:
    """Sets and removes attachments, at three depths, and a thumbnail."""
    paths = {path: f"/submodels/{encoded('urn:files')}/submodel-elements/{path}/attachment"
             for path in ("Top", "Nested.Inner", "List[0]", "Device.Inner")}  # fmt: skip
    paths["thumbnail"] = f"/shells/{encoded('urn:fixed')}/asset-information/thumbnail"
    for name, path in paths.items():
        key = ("file", path)
        if writer.states.get(key, NOTHING) is not NOTHING and random.random() < 0.25:
            writer.write(key, NOTHING, "DELETE", path)
        else:
            content = f"{name} {random.random()}\n" * random.choice((1, 2000))
            files = {"file": ("../up.csv", content.encode(), "text/csv"), "fileName": (None, "../up.csv")}
            writer.write(key, content, "PUT", path, files=files)


WRITERS: dict[str, Callable[[Writer], None]] = {
    "values": patch_values,
    "collections": patch_collections,
    "appender-1": append_records,
    "appender-2": append_records,
    "elements": change_elements,
    "shells": change_shells,
    "whole": change_submodels_and_concepts,
    "files": change_files,
}


def prepare(session: Session) -> None:
    session.must("POST", "/submodels", json=submodel("urn:shared", [
        collection("Settings", [prop("Value", "0")]),
        element_list("Items", [collection(None, [prop("Value", "0")])]),
        entity("Device", [prop("Value", "0")]),
        element_list("List", []),
        collection("Live", [prop("A", "0"), prop("B", "0")]),
    ]))  # fmt: skip
    session.must("POST", "/submodels", json=submodel("urn:files", [
        file_element("Top"),
        collection("Nested", [file_element("Inner")]),
        element_list("List", [file_element(None)], "File"),
        entity("Device", [file_element("Inner")]),
    ]))  # fmt: skip
    session.must("POST", "/shells", json=shell("urn:fixed", "fixed"))


def read_all(session: Session) -> Callable:
    """Reads the server's whole state once; the function returned gives the state of a key."""
    submodels = {item["id"]: item for item in session.json("/submodels?limit=1000")["result"]}
    shells = {item["id"]: item for item in session.json("/shells?limit=1000")["result"]}
    concepts = {item["id"]: item for item in session.json("/concept-descriptions?limit=1000")["result"]}
    shared = {element["idShort"]: element for element in submodels["urn:shared"]["submodelElements"]}
    records: dict[str, list[int]] = {}
    for item in shared["List"].get("value", []):
        assert len(item["value"]) == len(record("x-1")["value"]), "half a record"
        name, number = item["value"][0]["value"].rsplit("-", 1)
        records.setdefault(name, []).append(int(number))

    def children(parent: str) -> dict[str, dict]:
        element = shared[parent] if parent else {"value": list(shared.values())}
        return {child["idShort"]: child for child in element.get("value", element.get("statements", []))}

    def state(key: tuple):
        match key:
            case ("value", path):
                return session.json(f"{SHARED}/{path}/$value")
            case ("pair", parent):
                values = {child["value"] for child in children(parent).values()}
                assert len(values) == 1, f"half a change: {values}"
                return values.pop()
            case ("appended", name):
                numbers = records.get(name, [])
                assert numbers == list(range(1, len(numbers) + 1)), f"lost or doubled records of {name}: {numbers}"
                return len(numbers)
            case ("element", parent, name):
                return children(parent).get(name, {"value": NOTHING})["value"]
            case ("submodels", identifier):
                return submodels[identifier]["submodelElements"][0]["value"] if identifier in submodels else NOTHING
            case ("shells", identifier):
                return shells[identifier]["description"][0]["text"] if identifier in shells else NOTHING
            case ("concept-descriptions", identifier):
                return concepts[identifier]["description"][0]["text"] if identifier in concepts else NOTHING
            case ("reference", identifier):
                references = shells[identifier].get("submodels", [])
                return references[0]["keys"][0]["value"] if references else NOTHING
            case ("file", path):
                answer = session.get(path)
                assert answer.status_code in (200, 404), (path, answer.status_code)
                return answer.content.decode() if answer.status_code == 200 else NOTHING
        raise AssertionError(key)

    return state


def attachments_named(session: Session) -> Iterator[str]:
    def values(elements: list[dict]) -> Iterator[str]:
        for element in elements:
            if element["modelType"] == "File" and element.get("value"):
                yield element["value"]
            for children in (element.get("value"), element.get("statements")):
                if isinstance(children, list):
                    yield from values(children)

    for item in session.json("/submodels?limit=1000")["result"]:
        yield from values(item.get("submodelElements", []))
    for item in session.json("/shells?limit=1000")["result"]:
        path = item["assetInformation"].get("defaultThumbnail", {}).get("path")
        if path:
            yield path


def attachments_stored(store: Path, postgres: Postgres | None) -> set[str]:
    statement = "SELECT value FROM attachment"
    if postgres:
        return set(postgres.sql(statement, "twin").split())
    with contextlib.closing(sqlite3.connect(f"file:{store / 'twin.db'}?mode=ro", uri=True)) as database:
        return {value for (value,) in database.execute(statement)}


@pytest.fixture(params=["sqlite", "postgresql"])
def own_postgres(request: pytest.FixtureRequest, basyx_jar: Path) -> Iterator[Postgres | None]:
    """`None` for SQLite, otherwise a server that the test may kill."""
    if request.param == "sqlite":
        yield None
        return
    server = Postgres()
    server.database("twin")
    yield server
    server.remove()


@pytest.mark.parametrize("kills", [KILLS, pytest.param(LONG_KILLS, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_in_kills_under_load(own_postgres: Postgres | None, tmp_path: Path, kills: int):
    """The environment is killed, and every other time the database server as well, a moment before or after."""
    random.seed(4)
    store = tmp_path / "store"
    settings: dict[str, Any] = own_postgres.settings("twin") if own_postgres else {}
    states: dict[str, dict] = {name: {} for name in WRITERS}  # as prepare() makes them
    states["values"] = {("value", path): "0" for path in VALUES}
    states["collections"]["pair", "Live"] = "0"
    for name in ("appender-1", "appender-2"):
        states[name]["appended", name] = 0
    pending: dict[str, tuple | None] = dict.fromkeys(WRITERS)
    acknowledged = interrupted = 0
    server = start_basyx(store, **settings)
    prepare(Session(server.url))
    for round_number in range(kills + 1):
        if round_number:
            if own_postgres and not own_postgres.is_running():
                own_postgres.start()
            server = start_basyx(store, **settings)
            session = Session(server.url)
            read = read_all(session)
            for name, known in states.items():
                key, unanswered = pending[name] or (None, None)
                for asked in {*known, *([key] if key else [])}:
                    found = read(asked)
                    allowed = [known.get(asked, NOTHING)] + ([unanswered] if asked == key else [])
                    assert found in allowed, f"round {round_number}, {asked}: {found!r} instead of {allowed!r}"
                    known[asked] = found
            assert attachments_stored(store, own_postgres) == set(attachments_named(session))
        if round_number == kills:
            break
        writers = [Writer(server.url, name, states[name], step) for name, step in WRITERS.items()]
        for writer in writers:
            writer.start()
        enough, deadline = random.randrange(5 if kills > KILLS else 40, 150), time.monotonic() + 10
        while sum(writer.acknowledged for writer in writers) < enough and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.02))
        if own_postgres and round_number % 2:
            own_postgres.kill()
            time.sleep(random.uniform(0, 0.02))
        server.kill()
        for writer in writers:
            writer.join(30)
            assert not writer.is_alive(), writer.name
            assert writer.error is None, writer.error
            pending[writer.name] = writer.pending
        acknowledged += sum(writer.acknowledged for writer in writers)
        interrupted += sum(writer.pending is not None for writer in writers)
    server.stop()
    print(f"{kills} kills, {acknowledged} acknowledged writes, {interrupted} interrupted ones, none lost")
    assert len(WRITERS) == 8
    assert acknowledged > 20 * kills, "too little load to show anything"
    assert interrupted > kills, "the kills did not meet the writers at work"
