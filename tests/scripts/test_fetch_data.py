"""scripts/fetch_data.py against an archive in the layout of NASA's, made here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model.records import data
from tests.conftest import run_script
from tests.model.raw_files import mat_bytes, nasa_archive

pytestmark = pytest.mark.lasting


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return nasa_archive(
        folder / "archive.zip",
        {
            "1. BatteryAgingARC-FY08Q4": {"B0005": mat_bytes("B0005", [1.9, 1.8]), "B0018": mat_bytes("B0018", [1.9])},
            "2. BatteryAgingARC_25_26_27_28_P1": {"B0025": mat_bytes("B0025", [1.8])},
            "3. BatteryAgingARC_25-44": {"B0025": mat_bytes("B0025", [1.8, 1.7, 0.0])},
        },
    )


@pytest.fixture
def tables(archive: Path, tmp_path: Path) -> Path:
    done = run_script("scripts/fetch_data.py", "--from", archive, "--tables", tmp_path / "tables")
    assert done.returncode == 0, done.stderr
    return tmp_path / "tables"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def server(archive: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(archive.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_local_copy_becomes_tables_of_all_its_cells(tables: Path, archive: Path) -> None:
    assert data.cells(tables) == ["B0005", "B0018", "B0025"]
    table = data.load_cycles(tables)
    assert table.groupby("cell").size().to_dict() == {"B0005": 2, "B0018": 1, "B0025": 3}
    check = run_script("scripts/fetch_data.py", "--from", archive, "--tables", tables, "--check")
    assert check.returncode == 0 and "match" in check.stdout


def test_download(server: str, tables: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "downloaded"
    done = run_script("scripts/fetch_data.py", "--url", f"{server}/archive.zip", "--tables", fresh)
    assert done.returncode == 0, done.stderr
    assert contents(fresh) == contents(tables)


def test_what_cannot_be_fetched_changes_nothing(server: str, tables: Path) -> None:
    before = contents(tables)
    done = run_script("scripts/fetch_data.py", "--url", f"{server}/absent.zip", "--tables", tables)
    assert done.returncode == 2
    assert "404" in done.stderr and "nothing was changed" in done.stderr
    assert contents(tables) == before


@pytest.mark.parametrize("fault", ["truncated", "altered", "other", "lacking", "absent"])
def test_broken_partial_or_wrong_archives_change_nothing(fault: str, tables: Path, archive: Path) -> None:
    before = contents(tables)
    content = bytearray(archive.read_bytes())
    if fault == "truncated":
        archive.write_bytes(content[: len(content) // 2])
    elif fault == "altered":
        content[len(content) // 2] ^= 0xFF
        archive.write_bytes(content)
    elif fault == "other":
        nasa_archive(archive, {"photos": {}})
    elif fault == "lacking":
        nasa_archive(archive, {"1. BatteryAgingARC-FY08Q4": {"B0005": mat_bytes("B0005", [1.9, 1.8])}})
    else:
        archive.unlink()
    done = run_script("scripts/fetch_data.py", "--from", archive, "--tables", tables)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and len(done.stderr.strip().splitlines()) == 1
    assert contents(tables) == before
    if fault == "lacking":
        assert "B0018, B0025" in done.stderr
        allowed = run_script("scripts/fetch_data.py", "--from", archive, "--tables", tables, "--allow-missing")
        assert allowed.returncode == 0 and data.cells(tables) == ["B0005"]
