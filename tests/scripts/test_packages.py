"""The commands around packages, as a person runs them."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

from aasx import shell, transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.elements import values
from aasx.identifiers import submodel_id
from aasx.packages import package
from model.records import data
from tests.conftest import must_run, run_script
from tests.servers import ROOT, start_basyx

sys.path.insert(0, str(ROOT / "scripts"))
import build_aasx

pytestmark = pytest.mark.lasting


@pytest.fixture(scope="module")
def small(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the two shortest histories."""
    out = tmp_path_factory.mktemp("packages")
    must_run("scripts/build_aasx.py", "--out", out, "--cells", "B0052", "B0050", "--model-dir", model_dir)
    return out


def parts(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as content:
        return [f"/{name}" for name in content.namelist()]


def prediction_of(content: package.Package, cell: str) -> dict:
    (found,) = (item for item in content.submodels() if item["id"] == submodel_id(cell, "Prediction"))
    return values.submodel_to_value(found)


def test_packages_of_all_cells_conform(fleet_package: Path) -> None:
    """Every cell of the data with its whole history and its prediction, in one package."""
    done = run_script("scripts/check_aasx.py", fleet_package)
    assert done.returncode == 0, done.stdout
    for cell in data.cells():
        assert f"Prediction <{submodel_id(cell, 'Prediction')}>: IDTA 02048-1-0" in done.stdout
    content = package.read(fleet_package)
    for cell in data.cells():
        details = prediction_of(content, cell)["PredictionDetails"]
        assert details["ModelVersion"] and details["RUL"] is not None, cell
        # B0005 and its like must not be predicted by a model that has seen them
        assert details["ModelKind"] == "crossFitted", cell


def test_what_is_built_is_what_its_package_reads_as(small: Path, model_dir: Path) -> None:
    """A first start loads what was built, later ones what the package holds."""
    objects, files = build_aasx.build(["B0050", "B0052"], model_dir, shell.DEFAULT_DELEGATE_URL).of_all()
    found = package.read(small / "fleet.aasx")
    assert package.environment_of(objects) == found.environment
    assert files == found.files


def test_one_package_per_cell_and_one_of_the_fleet(small: Path, model_dir: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in small.iterdir()) == ["B0050.aasx", "B0052.aasx", "fleet.aasx"]
    again: list[str | Path] = ["scripts/build_aasx.py", "--cells", "B0050", "B0052", "--model-dir", model_dir]
    must_run(*again, "--out", tmp_path / "again", PYTHONHASHSEED="17")
    for path in small.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    must_run(*again, "--out", tmp_path / "json", "--json")
    made = [*small.iterdir(), *(tmp_path / "json").iterdir()]
    assert "6 packages checked, 0 with findings" in must_run("scripts/check_aasx.py", "--quiet", *made)
    assert package.read(tmp_path / "json" / "B0052.aasx") == package.read(small / "B0052.aasx")
    assert package.XML_PART in parts(small / "B0052.aasx"), "what everybody's tools open"
    assert package.JSON_PART in parts(tmp_path / "json" / "B0052.aasx")


def test_without_a_model_predictions_are_empty(tmp_path: Path) -> None:
    arguments: list[str | Path] = ["--out", tmp_path, "--cells", "B0052", "--model-dir", tmp_path / "none"]
    done = run_script("scripts/build_aasx.py", *arguments)
    assert done.returncode == 0 and "predictions have no values" in done.stderr
    details = prediction_of(package.read(tmp_path / "B0052.aasx"), "B0052")["PredictionDetails"]
    assert set(details.values()) == {None}


@pytest.mark.parametrize(
    "arguments",
    [
        ["scripts/build_aasx.py", "--out", "x", "--cells", "B9999"],
        ["scripts/load_twin.py", "--package", "missing.aasx"],
        ["scripts/load_twin.py", "--package", "README.md"],
        ["scripts/check_aasx.py", "missing.aasx"],
        ["scripts/export_twin.py", "x.aasx", "--basyx-url", "http://127.0.0.1:1"],
        ["scripts/cells.py", "--basyx-url", "http://127.0.0.1:1", "list"],
        ["scripts/cells.py", "add", "README.md"],
        ["scripts/cells.py", "remove", "no-name", "--yes"],
    ],
)
def test_bad_input_ends_with_one_clear_line_and_exit_code_2(arguments: list[str]) -> None:
    done = run_script(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr.strip()


def test_check_exits_with_1_on_a_finding(small: Path, tmp_path: Path) -> None:
    content = package.read(small / "B0052.aasx")
    plate = next(item for item in content.submodels() if item["idShort"] == "Nameplate")
    plate["submodelElements"] = plate["submodelElements"][1:]
    items = [item for collection in content.environment.values() for item in collection]
    package.write(items, content.files, tmp_path / "broken.aasx")
    done = run_script("scripts/check_aasx.py", "--quiet", tmp_path / "broken.aasx", small / "B0052.aasx")
    assert done.returncode == 1
    assert "holds 0 of URIOfTheProduct, the template wants One" in done.stdout
    assert "B0052.aasx: conforms" in done.stdout


def test_a_twin_is_loaded_exported_and_imported(basyx_jar: Path, small: Path, tmp_path: Path) -> None:
    basyx = start_basyx(tmp_path / "store")
    at = ["--basyx-url", basyx.url]
    try:
        said = must_run("scripts/load_twin.py", *at, "--package", small / "fleet.aasx")
        assert said.splitlines()[-1].startswith("4 shells created, 0 kept")
        said = must_run("scripts/load_twin.py", *at, "--package", small / "fleet.aasx")
        assert said.splitlines()[-1].startswith("0 shells created")
        must_run("scripts/export_twin.py", tmp_path / "B0052.aasx", "--cells", "B0052", *at)
        assert "0 with findings" in must_run("scripts/check_aasx.py", tmp_path / "B0052.aasx")
        assert package.XML_PART in parts(tmp_path / "B0052.aasx")
        must_run("scripts/cells.py", *at, "remove", "B0052", "--yes")
        assert must_run("scripts/cells.py", *at, "list").split() == ["B0050"]
        must_run("scripts/import_twin.py", tmp_path / "B0052.aasx", *at)
        again = run_script("scripts/import_twin.py", tmp_path / "B0052.aasx", *at)
        assert again.returncode == 2 and "already B0052" in again.stderr
        must_run("scripts/import_twin.py", tmp_path / "B0052.aasx", "--replace", *at)
        must_run("scripts/export_twin.py", tmp_path / "twin.json", *at)
        as_json = package.read(tmp_path / "twin.json")
        assert len(as_json.shells()) == 4 and not as_json.files
        client = AasClient(basyx.url)
        records = client.element(submodel_id("B0052", "OperationalData"), "Segments.InternalSegment.Records")
        must_run("scripts/cells.py", *at, "remove", "B0052", "--yes")
        must_run("scripts/import_twin.py", tmp_path / "twin.json", "--replace", *at)
        assert must_run("scripts/cells.py", *at, "list").split() == ["B0050", "B0052"]
        back = client.element(submodel_id("B0052", "OperationalData"), "Segments.InternalSegment.Records")
        assert back == records
        own = tmp_path / "own.json"
        own.write_text(json.dumps({"cell": "Lab_7", "source": "laboratory note"}), encoding="utf-8")
        must_run("scripts/cells.py", *at, "add", own)
        assert must_run("scripts/cells.py", *at, "list").split() == ["B0050", "B0052", "Lab_7"]
    finally:
        basyx.stop()


def test_a_living_cell_with_predictions_and_alerts_is_exported_conforming(twin, tmp_path: Path) -> None:
    client = AasClient(twin.basyx_url, timeout_s=60.0)
    cell = "ExportedCell"
    transfer.add_cell(client, from_mapping({"cell": cell, "source": "made for a test", "rated_capacity_Ah": 2.0}))
    try:
        for cycle, capacity in enumerate((1.9, 1.6, 1.3, 1.3, 1.3), start=1):
            inputs = {"id_cycle": cycle, "ambient_temperature": 24.0, "Capacity": capacity}
            client.invoke(submodel_id(cell, "OperationalData"), "AppendCycle", inputs, timeout_s=60.0)
        alerts = client.element_value(submodel_id(cell, "Prediction"), "ActiveAlerts")
        acknowledged = {"AlertId": alerts[0]["AlertId"], "AcknowledgedBy": "Ève", "Comment": "seen"}
        client.invoke(submodel_id(cell, "Prediction"), "AcknowledgeAlert", acknowledged)
        for form in ([], ["--json"]):
            file = tmp_path / "exported.aasx"
            must_run("scripts/export_twin.py", file, "--cells", cell, "--basyx-url", twin.basyx_url, *form)
            assert "0 with findings" in must_run("scripts/check_aasx.py", file)
            exported = prediction_of(package.read(file), cell)
            assert {alert["AcknowledgedBy"] for alert in exported["ActiveAlerts"]} >= {"Ève"}
            assert exported["PredictionDetails"]["AtCycle"] == 5
    finally:
        transfer.remove_cell(client, cell)
