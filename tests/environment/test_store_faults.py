"""What the environment does when its store is taken, damaged or cannot be written: it says so and changes nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment.rest import Session, collection, element_list, encoded, file_element, prop, record, submodel
from tests.servers import Server, start_basyx

IDENTIFIER = "https://battery-twin.example/ids/sm/B0005/Test"
ELEMENTS = f"/submodels/{encoded(IDENTIFIER)}/submodel-elements"


def fill(session: Session) -> None:
    elements = [prop("P", "1"), element_list("List", []), collection("C", [file_element("File")])]
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, elements))
    session.must("PUT", f"{ELEMENTS}/C.File/attachment", files={"file": ("a.csv", b"first", "text/csv"),
                                                               "fileName": (None, "a.csv")})  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip


@pytest.fixture(scope="module")
def filled(basyx_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A running environment with one submodel, and its store."""
    store = tmp_path_factory.mktemp("filled") / "store"
    server = start_basyx(store)
    fill(Session(server.url))
    yield server, store
    server.kill()


def test_a_second_environment_on_the_same_store_refuses_to_start(filled: tuple[Server, Path]):
    server, store = filled
    before = contents(store)
    with pytest.raises(RuntimeError, match=r"(?s)in use by another.*--twin\.store\.dir"):
        start_basyx(store)
    assert contents(store) == before
    assert Session(server.url).json(f"{ELEMENTS}/P/$value") == "1"


@pytest.mark.parametrize("ending", [".json", ".journal"])
def test_a_damaged_file_stops_the_start_with_its_name_and_the_remedy(
    filled: tuple[Server, Path], tmp_path: Path, ending: str
):
    Session(filled[0].url).must("PATCH", f"{ELEMENTS}/P/$value", json="1")
    store = tmp_path / "store"
    shutil.copytree(filled[1], store, ignore=shutil.ignore_patterns("lock"))
    (damaged,) = (store / "submodels").glob(f"*{ending}")
    content = damaged.read_bytes()
    damaged.write_bytes(content[: len(content) // 2] + b"\0" + content[len(content) // 2 + 1 :])
    (store / "submodels" / "unfinished.json.tmp").write_bytes(b"{")
    before = contents(store)
    with pytest.raises(RuntimeError, match=r"(?s)damaged.*backup") as failure:
        start_basyx(store)
    assert damaged.name in str(failure.value)
    assert {name: digest for name, digest in contents(store).items() if name != "lock"} == before


def test_a_clean_stop_leaves_plain_documents_that_start_anywhere(basyx_jar: Path, tmp_path: Path):
    """Stop, copy the folder, start on the copy: the backup of the README."""
    server = start_basyx(tmp_path / "first" / "store")
    session = Session(server.url)
    fill(session)
    for i in range(3):
        session.must("POST", f"{ELEMENTS}/List", json=record(f"r-{i}"))
    before = session.json(f"/submodels/{encoded(IDENTIFIER)}")
    server.stop()
    names = [path.name for path in (tmp_path / "first" / "store" / "submodels").iterdir()]
    assert [name.split(".")[0] for name in names] == ["B0005-Test"], "named so that a person finds it, and no journal"
    shutil.copytree(tmp_path / "first" / "store", tmp_path / "second" / "store")
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "small" / "disk"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


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
    big = "x" * 3_000_000
    refused("POST", list_path, json=record(big))
    refused("PATCH", f"{ELEMENTS}/P/$value", json=big)
    refused("PUT", f"{ELEMENTS}/P", json=prop("P", big))
    refused("PUT", f"/submodels/{encoded(IDENTIFIER)}", json=submodel(IDENTIFIER, [prop("P", big)]))
    refused("POST", "/submodels", json=submodel("urn:new", [prop("P", big)]))
    refused(
        "POST",
        "/concept-descriptions",
        json={"modelType": "ConceptDescription", "id": "urn:c", "idShort": "c" * 3_000_000},
    )
    refused("PUT", f"{ELEMENTS}/C.File/attachment", files={"file": ("b.csv", big.encode(), "text/csv"),
                                                          "fileName": (None, "b.csv")})  # fmt: skip
    assert not list(small_disk.rglob("*.tmp"))

    session.must("DELETE", f"/submodels/{encoded('urn:ballast')}")  # room again
    session.must("PATCH", f"{ELEMENTS}/P/$value", json="2")
    session.must("PUT", f"{ELEMENTS}/C.File/attachment", files={"file": ("b.csv", b"second", "text/csv"),
                                                               "fileName": (None, "b.csv")})  # fmt: skip
    before = state()
    server.kill()
    server = start_basyx(small_disk)
    session = Session(server.url)
    assert state() == before
    assert before[1] == b"second"
    server.kill()
