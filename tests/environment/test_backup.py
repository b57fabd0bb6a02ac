"""One command makes a backup of a running store, another restores it, on both databases and from one into the other."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.environment.postgres import Postgres
from tests.environment.rest import Session, element_list, encoded, file_element, record, shell, submodel
from tests.servers import JAR, JVM_OPTIONS, ROOT, start_basyx

ELEMENTS = f"/submodels/{encoded('urn:backup')}/submodel-elements"


def command(action: str, file: Path, store: Path, settings: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    options = [f"--{name.replace('_', '.')}={value}" for name, value in settings.items()]
    return subprocess.run(
        ["java", f"@{JVM_OPTIONS}", "-jar", str(JAR), action, str(file), f"--twin.store.dir={store}", *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_a_backup_of_a_running_store_is_one_state_of_it(database: dict[str, Any], postgres: Postgres, tmp_path: Path):
    """Made of each database and restored into the other."""
    server = start_basyx(tmp_path / "store", **database)
    session = Session(server.url)
    records = [record(f"r-{i}", 36) for i in range(50)]
    session.must("POST", "/submodels", json=submodel("urn:backup", [element_list("List", records), file_element("F")]))
    session.must("POST", "/shells", json=shell("urn:shell", "text"))
    content = bytes(range(256)) * 3000
    files = {"file": ("a.bin", content, "application/octet-stream"), "fileName": (None, "a.bin")}
    session.must("PUT", f"{ELEMENTS}/F/attachment", files=files)
    stop = threading.Event()

    def write() -> None:
        own, number = Session(server.url), 50
        while not stop.is_set():
            own.must("POST", f"{ELEMENTS}/List", json=record(f"r-{number}", 36))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    backup = tmp_path / "twin.backup"
    made = command("backup", backup, tmp_path / "store", database)
    stop.set()
    writer.join()
    assert made.returncode == 0, made.stderr
    assert "rows written to" in made.stdout
    server.stop()

    settings = {} if database else postgres.database("restored")
    restored = command("restore", backup, tmp_path / "restored", settings)
    assert restored.returncode == 0, restored.stderr
    again = command("restore", backup, tmp_path / "restored", settings)
    assert again.returncode == 1
    assert "not empty" in again.stderr
    server = start_basyx(tmp_path / "restored", **settings)
    session = Session(server.url)
    names = [item["value"][0]["value"] for item in session.json(f"{ELEMENTS}/List")["value"]]
    assert names == [f"r-{i}" for i in range(len(names))]
    assert len(names) >= 50
    assert session.get(f"{ELEMENTS}/F/attachment").content == content
    session.must("POST", f"{ELEMENTS}/List", json=record("after", 36))
    session.must("PUT", f"{ELEMENTS}/F/attachment", files=files)
    assert session.json(f"/shells/{encoded('urn:shell')}")["description"][0]["text"] == "text"
    server.stop()


def test_a_backup_that_is_not_whole_restores_nothing(basyx_jar: Path, tmp_path: Path):
    missing = command("backup", tmp_path / "b", tmp_path / "nothing", {})
    assert missing.returncode == 1
    assert "There is no store" in missing.stderr
    server = start_basyx(tmp_path / "store")
    Session(server.url).must("POST", "/submodels", json=submodel("urn:backup", [file_element("F")]))
    server.stop()
    backup = tmp_path / "twin.backup"
    assert command("backup", backup, tmp_path / "store", {}).returncode == 0
    lines = gzip.decompress(backup.read_bytes()).splitlines(keepends=True)
    broken = tmp_path / "broken"
    for content in (backup.read_bytes()[:-20], gzip.compress(b"".join(lines[:-1])), b"nothing", gzip.compress(b"{}\n"),
                    gzip.compress(b"".join(lines[:1] + lines[2:]))):  # fmt: skip
        broken.write_bytes(content)
        refused = command("restore", broken, tmp_path / "restored", {})
        assert refused.returncode == 1
        assert "cannot be read" in refused.stderr
    assert command("restore", backup, tmp_path / "restored", {}).returncode == 0
    rows = [json.loads(line) for line in lines]
    older = [
        rows[0] | {"version": 1},
        *({"element": row["element"][:-1]} if "element" in row else row for row in rows[1:]),
    ]
    broken.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in older).encode()))
    assert command("restore", broken, tmp_path / "older", {}).returncode == 0
