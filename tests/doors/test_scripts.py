"""Documents given to the project's commands: a sentence instead of a trace, in a bounded memory, nothing written."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Twin
from tests.doors import bombs
from tests.environment.rest import Session
from tests.servers import ROOT

MEMORY_BYTES = 3_000_000_000  # of addresses


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, preexec_fn=bounded,
    )  # fmt: skip


def packages() -> dict[str, bytes]:
    laughs, sound = bombs.xml_environment("&l9;", bombs.billion_laughs()), bombs.xml_environment("x")
    entity = bombs.xml_environment("&other;", bombs.external_entity("file:///etc/passwd"))
    deep = bombs.json_environment(bombs.nested_json(10_000))
    rather_deep = bombs.json_environment(bombs.nested_json(450))
    return {
        "laughs.aasx": bombs.aasx(laughs),
        "entity.aasx": bombs.aasx(entity),
        "dtd.aasx": bombs.aasx(bombs.xml_environment("x", bombs.external_dtd("http://127.0.0.1:9/x"))),
        "relationships.aasx": bombs.zipped(
            {"_rels/.rels": f"{bombs.billion_laughs('R')}<R>&l9;</R>".encode(), "aasx/data.xml": sound}
        ),
        "deep_xml.aasx": bombs.aasx(bombs.xml_environment("x", depth=10_000)),
        "rather_deep_xml.aasx": bombs.aasx(bombs.xml_environment("x", depth=300)),
        "deep_json.aasx": bombs.aasx(deep, "data.json"),
        "rather_deep_json.aasx": bombs.aasx(rather_deep, "data.json"),
        "bomb.aasx": bombs.zip_bomb({}, "aasx/data.xml", 600 * bombs.MEGABYTE),
        "understated.aasx": bombs.understated(bombs.zip_bomb({}, "aasx/a.xml", 50 * bombs.MEGABYTE), "aasx/a.xml"),
        "parts.aasx": bombs.zipped({str(number): b"" for number in range(10_001)}),
        "none.aasx": b"PK..",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documents")
    for name, content in packages().items():
        (made / name).write_bytes(content)
    (made / "deep.json").write_bytes(bombs.json_environment(bombs.nested_json(10_000)))
    (made / "rather_deep.json").write_bytes(bombs.json_environment(bombs.nested_json(450)))
    (made / "aliases.yaml").write_bytes(bombs.yaml_bomb())
    (made / "deep.yaml").write_bytes(b"cell: " + b"[" * 10_000)
    (made / "deep_cell.json").write_bytes(bombs.deep_json(10_000))
    (made / "long.yaml").write_bytes(b"cell: A\nsource: " + b"x" * 50_000_000)
    (made / "number.yaml").write_bytes(b"1: x\n")
    (made / "sound.csv").write_text("id_cycle,Capacity\n1,1.8\n", encoding="ascii")
    return made


def assert_a_sentence(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "root:" not in done.stdout + done.stderr
    assert len(done.stderr) < 2000


def test_check_aasx_reads_them_all(folder: Path) -> None:
    files = sorted(folder.glob("*.aasx"))
    done = run("scripts/check_aasx.py", *files)
    assert_a_sentence(done)
    assert f"{len(files)} packages checked, {len(files)} with findings" in done.stdout, done.stdout


@pytest.mark.parametrize("name", [*packages(), "deep.json", "rather_deep.json"])
def test_import_twin(folder: Path, twin: Twin, name: str) -> None:
    before = Session(twin.basyx_url).json("/submodels?limit=1000&level=core")["result"]
    assert_a_sentence(run("scripts/import_twin.py", folder / name, "--basyx-url", twin.basyx_url))
    assert Session(twin.basyx_url).json("/submodels?limit=1000&level=core")["result"] == before


@pytest.mark.parametrize("name", ["aliases.yaml", "deep.yaml", "deep_cell.json", "long.yaml", "number.yaml"])
def test_cells(folder: Path, twin: Twin, name: str) -> None:
    assert_a_sentence(run("scripts/cells.py", "add", folder / name, "--basyx-url", twin.basyx_url))


@pytest.mark.parametrize("name", ["deep_cell.json", "aliases.yaml"])
def test_mappings_of_import_cycles(folder: Path, twin: Twin, name: str) -> None:
    done = run("scripts/import_cycles.py", folder / "sound.csv", "--cell", "B0005", "--mapping", folder / name,
               "--basyx-url", twin.basyx_url)  # fmt: skip
    assert_a_sentence(done)


def test_load_twin(folder: Path, twin: Twin) -> None:
    for name in ("bomb.aasx", "laughs.aasx", "deep_xml.aasx"):
        done = run("scripts/load_twin.py", "--package", folder / name, "--basyx-url", twin.basyx_url)
        assert_a_sentence(done)
    assert json.dumps(bombs.MARK) not in Session(twin.basyx_url).get("/submodels?limit=1000&level=core").text
