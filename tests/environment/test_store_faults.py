"""What the environment does when its store is taken, damaged, away or full: it says so and changes nothing."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.environment.postgres import USER, Postgres
from tests.environment.rest import Session, collection, element_list, encoded, file_element, prop, record, submodel
from tests.servers import Server, start_basyx

IDENTIFIER = "https://battery-twin.example/ids/sm/B0005/Test"
ELEMENTS = f"/submodels/{encoded(IDENTIFIER)}/submodel-elements"


def upload(session: Session, name: str, content: bytes, status: int = 200) -> None:
    files = {"file": (name, content, "text/csv"), "fileName": (None, name)}
    assert session.request("PUT", f"{ELEMENTS}/C.File/attachment", files=files).status_code == status


def fill(session: Session) -> None:
    elements = [prop("P", "1"), element_list("List", []), collection("C", [file_element("File")])]
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, elements))
    upload(session, "a.csv", b"first")


def sentence(session: Session, status: int, method: str, path: str, **arguments) -> str:
    """The text with which a request is refused."""
    answer = session.request(method, path, **arguments)
    assert answer.status_code == status, answer.text
    return answer.json()["messages"][0]["text"]


@pytest.fixture(scope="module")
def filled(basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A running environment with one submodel, and its store (SQLite)."""
    store = tmp_path_factory.mktemp("filled") / "store"
    server = start_basyx(store)
    fill(Session(server.url))
    yield server, store
    server.kill()


def copied(filled: tuple[Server, Path], to: Path) -> Path:
    """The store as a crash would leave it."""
    shutil.copytree(filled[1], to, ignore=shutil.ignore_patterns("*.lock", "*.reserve"))
    return to / "twin.db"


def test_a_second_environment_on_the_same_file_refuses_to_start(filled: tuple[Server, Path]):
    server, store = filled
    with pytest.raises(RuntimeError, match=r"(?s)in use by another.*--twin\.store\.dir"):
        start_basyx(store)
    assert Session(server.url).json(f"{ELEMENTS}/P/$value") == "1"


def test_a_damaged_file_stops_the_start_with_its_name_and_the_remedy(filled: tuple[Server, Path], tmp_path: Path):
    file = copied(filled, tmp_path / "store")
    file.write_bytes(b"no database" * 1000)
    (tmp_path / "store" / "twin.db-wal").unlink()
    with pytest.raises(RuntimeError, match=r"(?s)twin\.db of the store is damaged.*restore the last backup"):
        start_basyx(tmp_path / "store")
    assert file.read_bytes() == b"no database" * 1000


def test_tables_of_a_newer_version_are_left_alone(filled: tuple[Server, Path], tmp_path: Path):
    file = copied(filled, tmp_path / "store")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE store SET value = '99' WHERE name = 'version'")
    with pytest.raises(RuntimeError, match=r"(?s)tables of version 99.*newer version of the program"):
        start_basyx(tmp_path / "store")
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT COUNT(*) FROM element").fetchone()[0] == 3


def test_tables_of_an_older_version_are_brought_up_to_date(filled: tuple[Server, Path], tmp_path: Path):
    """Version 1 had no values beside the elements; what $value tells is the same with and without them."""
    server, _ = filled
    session = Session(server.url)
    odd = collection("Odd", [
        prop("Quoted", 'a "quoted", \\ text\u2028 of 20 \u00b0C'),
        {"modelType": "Property", "valueType": "xs:double", "idShort": "Missing"},
        {"modelType": "Range", "valueType": "xs:double", "idShort": "Range", "min": "1.50", "max": "1e-3"},
        {"modelType": "Range", "valueType": "xs:string", "idShort": "Texts", "min": "01", "max": "INF"},
        {"modelType": "Operation", "idShort": "Operation"},
        element_list("Inner", [prop(None, "1"), prop("NamedAll", "2")], "Property"),
        {"modelType": "MultiLanguageProperty", "idShort": "Texts2", "value": [{"language": "en", "text": "x"}]},
    ])  # fmt: skip
    of_foreign = element_list("Named", [record("x", 200) | {"idShort": f"Item{i}"} for i in range(3)])
    large = element_list("List", [record(f"r-{i}", 36) for i in range(20)])
    records = collection("Records", [record(f"r-{i}", 36) | {"idShort": f"R{i}"} for i in range(20)] + [odd])
    operation = {"modelType": "Operation", "idShort": "Run"}
    elements = [large, records, of_foreign, prop("P", "1"), operation, file_element("F", "x.csv")]
    session.must("POST", "/submodels", json=submodel("urn:values", elements))
    path = f"/submodels/{encoded('urn:values')}"
    session.must("PATCH", f"{path}/submodel-elements/Records.R3.P5/$value", json="patched")
    before = session.get(f"{path}/$value").text
    assert '"P5":"patched"' in before
    file = copied(filled, tmp_path / "store")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        kept = database.execute("SELECT COUNT(*) FROM element WHERE value_only LIKE '{\"P0\":%'").fetchone()[0]
        assert kept == 43, "every record has its values beside it"
        database.execute("ALTER TABLE element DROP COLUMN value_only")
        database.execute("UPDATE store SET value = '1' WHERE name = 'version'")
    older = start_basyx(tmp_path / "store")
    assert Session(older.url).get(f"{path}/$value").text == before
    older.stop()
    assert "to version 2" in older.log.read_text()
    session.must("DELETE", path)


def test_a_file_that_another_program_has_locked_is_told_and_then_written(filled: tuple[Server, Path]):
    server, store = filled
    session = Session(server.url)
    with contextlib.closing(sqlite3.connect(store / "twin.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "locked by another program" in sentence(session, 503, "PATCH", f"{ELEMENTS}/P/$value", json="2")
        assert session.json(f"{ELEMENTS}/P/$value") == "1", "reading goes on"
        other.execute("ROLLBACK")
    session.must("PATCH", f"{ELEMENTS}/P/$value", json="1")


def test_a_stop_leaves_one_file_that_starts_anywhere(basyx_jar: Path, tmp_path: Path):
    server = start_basyx(tmp_path / "first" / "store")
    session = Session(server.url)
    fill(session)
    for i in range(3):
        session.must("POST", f"{ELEMENTS}/List", json=record(f"r-{i}"))
    before = session.json(f"/submodels/{encoded(IDENTIFIER)}")
    server.stop()
    left = {path.name for path in (tmp_path / "first" / "store").iterdir()}
    assert left == {"twin.db", "twin.db.lock", "twin.db.reserve"}
    (tmp_path / "second" / "store").mkdir(parents=True)
    shutil.copy(tmp_path / "first" / "store" / "twin.db", tmp_path / "second" / "store")
    server = start_basyx(tmp_path / "second" / "store")
    session = Session(server.url)
    assert session.json(f"/submodels/{encoded(IDENTIFIER)}") == before
    assert session.get(f"{ELEMENTS}/C.File/attachment").content == b"first"
    server.stop()


def test_the_backend_is_a_setting(basyx_jar: Path, tmp_path: Path):
    """In memory: the API works, and no store is made."""
    store = tmp_path / "unused" / "store"
    server = start_basyx(store, basyx_backend="InMemory")
    session = Session(server.url)
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, [prop("P", "1")]))
    session.must("PATCH", f"{ELEMENTS}/P/$value", json="2")
    assert session.json(f"{ELEMENTS}/P/$value") == "2"
    assert not store.exists()
    server.stop()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"twin_store_password": "wrong"}, rf"(?s)refuses user {USER}.*TWIN_STORE_PASSWORD"),
        ({"twin_store_url": "jdbc:mysql://127.0.0.1/twin"}, r"(?s)neither jdbc:sqlite.*TWIN_STORE_URL"),
        ({"twin_store_password_file": "/nowhere/password"}, r"(?s)cannot be read.*TWIN_STORE_PASSWORD_FILE"),
    ],
)
def test_wrong_settings_end_the_start_with_a_remedy(
    postgres: Postgres, tmp_path: Path, settings: dict[str, Any], message: str
):
    settings = {name.replace("password_file", "password-file"): value for name, value in settings.items()}
    with pytest.raises(RuntimeError, match=message):
        start_basyx(tmp_path / "store", **postgres.settings("postgres") | settings)


def test_a_database_that_is_missing_or_not_there_is_named(postgres: Postgres, tmp_path: Path):
    with pytest.raises(RuntimeError, match=r"(?s)nowhere is not as it should be.*CREATE DATABASE"):
        start_basyx(tmp_path / "store", **postgres.settings("nowhere"), twin_store_wait="1s")
    away: dict[str, Any] = {"twin_store_url": "jdbc:postgresql://127.0.0.1:9/twin", "twin_store_wait": "1s"}
    with pytest.raises(RuntimeError, match=r"(?s)does not answer.*TWIN_STORE_URL"):
        start_basyx(tmp_path / "store", **away)


def test_a_database_that_goes_away_is_told_and_comes_back(basyx_jar: Path, tmp_path: Path):
    server = Postgres()
    settings = server.database("twin")
    environment = start_basyx(tmp_path / "store", **settings)
    session = Session(environment.url)
    fill(session)
    server.stop()
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{ELEMENTS}/P", {}),
        ("GET", "/submodels", {}),
        ("PATCH", f"{ELEMENTS}/P/$value", {"json": "2"}),
    ]
    with ThreadPoolExecutor() as callers:  # each waits for some seconds
        told = [callers.submit(sentence, Session(environment.url), 503, *one[:2], **one[2]) for one in asked]
        health = callers.submit(Session(environment.url).get, "/actuator/health").result()
    assert all("does not answer" in one.result() for one in told)
    assert (health.status_code, health.json()["status"]) == (503, "DOWN")
    server.start()
    end = time.monotonic() + 30
    while session.get("/actuator/health").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.1)
    session.must("PATCH", f"{ELEMENTS}/P/$value", json="2")
    assert session.json(f"{ELEMENTS}/P/$value") == "2"
    environment.stop()
    server.remove()


@contextlib.contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "small" / "disk", "12m") as folder:
        yield folder


def test_a_full_disk_gives_an_error_and_changes_nothing(basyx_jar: Path, small_disk: Path):
    server = start_basyx(small_disk)
    session = Session(server.url)
    fill(session)
    session.must("POST", "/submodels", json=submodel("urn:ballast", [prop("P", "x" * 500_000)]))
    list_path = f"{ELEMENTS}/List"
    for i in range(100):
        answer = session.request("POST", list_path, json=record(f"{i}-{'x' * 100_000}"))
        if answer.status_code != 201:
            break
    assert answer.status_code == 507
    assert "did not happen" in answer.json()["messages"][0]["text"]

    def state() -> tuple:
        return session.json("/submodels")["result"], session.get(f"{ELEMENTS}/C.File/attachment").content

    def refused(method: str, path: str, **arguments) -> None:
        assert session.request(method, path, **arguments).status_code == 507, (method, path)
        assert state() == before, (method, path)

    before = state()
    assert len(before[0]) == 2
    big = "x" * 12_000_000
    refused("POST", list_path, json=record(big))
    refused("PATCH", f"{ELEMENTS}/P/$value", json=big)
    refused("PUT", f"{ELEMENTS}/P", json=prop("P", big))
    refused("PUT", f"/submodels/{encoded(IDENTIFIER)}", json=submodel(IDENTIFIER, [prop("P", big)]))
    refused("POST", "/submodels", json=submodel("urn:new", [prop("P", big)]))
    refused(
        "POST",
        "/concept-descriptions",
        json={"modelType": "ConceptDescription", "id": "urn:c", "idShort": "c" * 12_000_000},
    )
    upload(session, "b.csv", big.encode(), 507)
    assert state() == before

    session.must("DELETE", f"/submodels/{encoded('urn:ballast')}")  # room again
    session.must("PATCH", f"{ELEMENTS}/P/$value", json="2")
    upload(session, "b.csv", b"second")
    before = state()
    server.kill()
    server = start_basyx(small_disk)
    session = Session(server.url)
    assert state() == before
    assert before[1] == b"second"
    server.kill()


@pytest.mark.long
def test_a_full_disk_of_postgresql_gives_an_error_and_changes_nothing(basyx_jar: Path, tmp_path: Path):
    """A small disk for all of the server, which keeps little of its write-ahead log: the tables meet the end first."""
    reachable = Path(tempfile.mkdtemp(prefix="twin-disk-"))  # for PostgreSQL's account, which tmp_path is not
    reachable.chmod(0o755)
    with contextlib.ExitStack() as after:
        after.callback(shutil.rmtree, reachable)
        folder = after.enter_context(disk(reachable / "disk", "160m"))
        server = Postgres(Path(tempfile.mkdtemp(dir=folder)), "-c max_wal_size=32MB -c min_wal_size=32MB")
        environment = start_basyx(tmp_path / "store", **server.database("twin"))
        session = Session(environment.url)
        fill(session)
        ballast = folder / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb") as out:
            while shutil.disk_usage(folder).free > 24_000_000:
                out.write(b"x" * 1_000_000)
        text = random.Random(1).randbytes(250_000).hex()  # PostgreSQL would compress an even one
        number, answer = 0, session.request("POST", f"{ELEMENTS}/List", json=record(f"0-{text}"))
        while answer.status_code == 201:
            number += 1
            assert number < 200, "the disk is never full"
            answer = session.request("POST", f"{ELEMENTS}/List", json=record(f"{number}-{text}"))
        told = answer.json()["messages"][0]["text"]
        assert (answer.status_code, "did not happen" in told) in ((507, True), (503, False)), told
        ballast.unlink()
        end = time.monotonic() + 60
        while session.get("/actuator/health").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.2)
        names = [item["value"][0]["value"].partition("-")[0] for item in session.json(f"{ELEMENTS}/List")["value"]]
        assert names == [str(i) for i in range(number)], "what was acknowledged, and nothing else"
        session.must("POST", f"{ELEMENTS}/List", json=record("after"))
        environment.stop()
        server.remove()


@pytest.mark.long
def test_a_disk_that_is_full_while_version_1_is_taken_over_changes_nothing(basyx_jar: Path, tmp_path: Path):
    with disk(tmp_path / "small" / "disk", "12m") as folder:
        (folder / "submodels").mkdir()
        (folder / "store.json").write_text('{"format": "battery twin store", "version": 1}')
        for i in range(7):
            identifiable = submodel(f"urn:old:{i}", [prop("P", f"{i}" * 1_000_000)])
            (folder / "submodels" / f"old.{i}.json").write_text(json.dumps(identifiable))
        before = {file: file.read_bytes() for file in folder.rglob("*.json")}
        with pytest.raises(RuntimeError, match=r"(?s)could not be written.*See that the disk is not full"):
            start_basyx(folder)
        assert {file: file.read_bytes() for file in folder.rglob("*.json")} == before
        subprocess.run(["mount", "-o", "remount,size=60m", str(folder)], check=True)
        server = start_basyx(folder)
        session = Session(server.url)
        for i in range(7):
            found = session.json(f"/submodels/{encoded(f'urn:old:{i}')}/$value")
            assert found == {"P": f"{i}" * 1_000_000}
        assert (folder / "version-1" / "submodels" / "old.6.json").exists()
        server.stop()
