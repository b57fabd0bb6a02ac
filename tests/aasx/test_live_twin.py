"""The way of a twin through a real BaSyx: loaded, read back, exported, imported, changed."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
import requests

from aasx import shell, transfer, vocabulary
from aasx.cell_description import CellDescription, nasa_cells
from aasx.client import AasClient, Conflict, DelegateFailed, NotFound, OperationFailed, TimedOut
from aasx.elements import build, values
from aasx.identifiers import fleet_submodel_id, model_submodel_id, shell_id, submodel_id
from aasx.packages import conformance, package
from aasx.packages.package import Package, PackageError
from aasx.submodels import asset_interfaces, fleet, operational_data, prediction
from aasx.submodels.asset_interfaces import Feed, Source
from tests.aasx.conftest import CARD, CURVES, SmallTwin, made_up_records

DATA = submodel_id("B0005", "OperationalData")
PREDICTION = submodel_id("B0005", "Prediction")


def submodel_ids(client: AasClient) -> list[str]:
    return sorted(submodel["id"] for submodel in client.submodels())


def clear(client: AasClient) -> None:
    for stored in client.shells():
        client.delete_shell(stored["id"])
    for id_ in submodel_ids(client):
        client.delete_submodel(id_)


@pytest.fixture
def client(basyx) -> Iterator[AasClient]:
    """A gateway to an AAS environment without shells and submodels; they are removed afterwards."""
    client = AasClient(basyx.url, timeout_s=30.0)
    clear(client)
    yield client
    clear(client)


@pytest.fixture
def loaded(client: AasClient, small_twin: SmallTwin) -> AasClient:
    transfer.load(client, package.read(small_twin.package()))
    return client


def contents(read: Package) -> tuple[dict[str, dict], dict[str, bytes]]:
    items = [item for collection in read.environment.values() for item in collection]
    return {item["id"]: package.canonical(item) for item in items}, read.files


def test_built_loaded_read_back_exported_and_imported_are_equal(client: AasClient, small_twin: SmallTwin) -> None:
    built = package.read(small_twin.package())
    for concept in client.concept_descriptions():
        client.delete_concept_description(concept["id"])
    report = transfer.load(client, built)
    assert (len(report.created), report.kept) == (4, [])
    stored = [*client.shells(), *client.concept_descriptions(), *map(client.submodel, submodel_ids(client))]
    assert {item["id"]: package.canonical(item) for item in stored} == contents(built)[0]
    exported = {form: package.read(transfer.export(client, form=form)) for form in ("json", "xml")}
    for form in ("json", "xml"):
        assert contents(exported[form]) == contents(built)
        clear(client)
        assert transfer.import_package(client, exported[form]) == ["B0005", "B0025"]
        assert contents(package.read(transfer.export(client))) == contents(built)


def upload(basyx_url: str, content: bytes) -> int:
    part = ("twin.aasx", content, "application/asset-administration-shell-package")
    return requests.post(f"{basyx_url}/upload", files={"file": part}, timeout=60).status_code


@pytest.mark.parametrize("form", ["json", "xml"])
def test_basyx_itself_takes_the_package(client: AasClient, small_twin: SmallTwin, form: str) -> None:
    """Not through our loader. The AAS4J of BaSyx 2.0.0-milestone-05 loses parts of XML, so that is not compared."""
    built = package.read(small_twin.package(form))
    for concept in client.concept_descriptions():
        client.delete_concept_description(concept["id"])
    assert upload(client.base_url, small_twin.package(form)) == 200
    assert submodel_ids(client) == sorted(submodel["id"] for submodel in built.submodels())
    for id_ in submodel_ids(client):
        client.submodel_value(id_)
    assert client.attachment(DATA, operational_data.CURVES_PATH) == CURVES
    if form == "json":
        assert contents(package.read(transfer.export(client))) == contents(built)


def test_values_of_every_submodel_can_be_read(loaded: AasClient) -> None:
    ids = submodel_ids(loaded)
    assert len(ids) == 10
    for id_ in ids:
        assert loaded.submodel_value(id_), id_


def test_loading_again_turns_a_data_sheet_of_markdown_into_a_page(loaded: AasClient, small_twin: SmallTwin) -> None:
    id_, path = submodel_id("B0005", "Nameplate"), "AssetSpecificProperties.DataSheet"
    page = loaded.attachment(id_, path)
    earlier = loaded.element(id_, path) | {"contentType": "text/markdown"}
    loaded.put_element(id_, path, earlier)
    loaded.put_attachment(id_, path, "sheet.md", b"# B0005", "text/markdown")
    transfer.load(loaded, package.read(small_twin.package()))
    assert loaded.attachment(id_, path) == page
    assert loaded.element(id_, path)["contentType"] == "text/html"


def test_loading_again_keeps_what_is_alive(loaded: AasClient, small_twin: SmallTwin) -> None:
    loaded.set_value(PREDICTION, "SoHThresholds.Warning", 91.5)
    record = values.with_value(operational_data.record_item(), made_up_records(4)[-1]) | {"idShort": "Record0004"}
    loaded.append_element(DATA, operational_data.RECORDS_PATH, record)
    loaded.put_attachment(DATA, operational_data.LATEST_CURVES_PATH, "new.csv", b"id_cycle\n4\n", "text/csv")
    loaded.delete_submodel(submodel_id("B0025", "TechnicalData"))
    report = transfer.load(loaded, package.read(small_twin.package()), "http://other.example:7000/")
    submodels = package.read(small_twin.package()).submodels()
    operations = sum(1 for submodel in submodels for _ in transfer.delegation_qualifiers(submodel))
    assert operations > 11
    assert (report.created, len(report.kept), report.left_out, report.redirected) == ([], 4, [], operations)
    assert loaded.element_value(PREDICTION, "SoHThresholds.Warning") == 91.5
    assert loaded.element_value(DATA, f"{operational_data.RECORDS_PATH}.Record0004")["id_cycle"] == 4
    assert loaded.attachment(DATA, operational_data.LATEST_CURVES_PATH) == b"id_cycle\n4\n"
    assert loaded.submodel(submodel_id("B0025", "TechnicalData"))["idShort"] == "TechnicalData"
    (qualifier,) = loaded.element(PREDICTION, "Predict")["qualifiers"]
    assert qualifier["value"] == "http://other.example:7000/delegation/B0005/Predict"
    assert transfer.load(loaded, package.read(small_twin.package()), "http://other.example:7000").redirected == 0


def test_a_load_that_was_cut_short_is_completed(loaded: AasClient, small_twin: SmallTwin) -> None:
    """The shell is written last, so without it everything of the cell is written again."""
    loaded.delete_shell(shell_id("B0005"))
    loaded.put_element(DATA, "LiveState", build.collection_element("LiveState", []))
    report = transfer.load(loaded, package.read(small_twin.package()))
    assert report.created == [shell_id("B0005")]
    assert contents(package.read(transfer.export(loaded))) == contents(package.read(small_twin.package()))


def test_whether_all_of_a_package_stands_is_seen_without_reading_it(loaded: AasClient) -> None:
    shells, submodels = [shell_id("B0005"), shell_id("B0025")], [PREDICTION, DATA]
    assert transfer.stand(loaded, shells, submodels)
    assert not transfer.stand(loaded, [*shells, shell_id("B9999")], submodels)
    loaded.delete_submodel(DATA)
    assert not transfer.stand(loaded, shells, submodels)


def test_loading_a_new_model_refreshes_its_facts(loaded: AasClient) -> None:
    card = CARD | {"metrics": {"rul_mae_cycles": 5.0}}
    cell = shell.build_cell(nasa_cells()["B0005"], training_range={"Re": (0.04, 0.06, 0.05, 0.01)})
    new = shell.build_model(card | {"version": "2.0.0"})
    transfer.load(loaded, Package(package.environment_of([*cell, *new, *shell.build_model(card)]), {}))
    conditions = loaded.element_value(PREDICTION, prediction.BOUNDARY_CONDITIONS_PATH)
    assert conditions[-1]["ConditionName"] == "Re"
    assert loaded.element_value(model_submodel_id("1.2.3"), "TrainingResults.rul_mae_cycles") == "5"
    assert loaded.element_value(model_submodel_id("2.0.0"), "Version") == "2.0.0"
    assert loaded.element_value(PREDICTION, "PredictionDetails.RUL") == 42.3, "the prediction itself stays"


def test_one_cell_is_exported_with_its_model_and_imported_elsewhere(loaded: AasClient, small_twin: SmallTwin) -> None:
    exported = package.read(transfer.export(loaded, ["B0005"]))
    ids = {item["id"] for item in exported.shells()}
    assert len(ids) == 2 and shell_id("B0005") in ids, "the cell and the model its prediction refers to"
    with pytest.raises(Conflict, match="the twin has already B0005"):
        transfer.import_package(loaded, exported)
    loaded.set_value(PREDICTION, "PredictionDetails.RUL", 1.0)
    assert transfer.import_package(loaded, exported, replace=True) == ["B0005"]
    assert loaded.element_value(PREDICTION, "PredictionDetails.RUL") == 42.3
    summary = loaded.element_value(fleet_submodel_id(), "Cells.B0005")
    assert (summary["RUL"], summary["AlertSeverity"]) == (42.3, "none")
    clear(loaded)
    transfer.import_package(loaded, exported, "http://here.example")
    assert [item["idShort"] for item in loaded.element(fleet_submodel_id(), "Cells")["value"]] == ["B0005"]
    assert transfer.delegate_url_of(loaded) == "http://here.example"


def test_import_refuses_what_does_not_belong_here(
    client: AasClient, small_twin: SmallTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = package.read(small_twin.package())
    broken = package.read(small_twin.package())
    broken.submodels()[0]["idShort"] = "5 x"
    with pytest.raises(PackageError, match="does not conform to the metamodel"):
        transfer.import_package(client, broken)
    monkeypatch.setenv("TWIN_BASE_IRI", "https://plant.example/twin")
    with pytest.raises(PackageError, match=r"no cell under https://plant\.example/twin"):
        transfer.import_package(client, built)
    assert [*client.shells()] == []


def test_a_cell_is_added_and_removed(loaded: AasClient, own_cell: CellDescription) -> None:
    before = submodel_ids(loaded)
    transfer.add_cell(loaded, own_cell)
    assert loaded.element_value(fleet_submodel_id(), "Cells.Lab_7")["Battery"] == "Lab_7"
    area = "TechnicalPropertyAreas[0].RatedCapacity"
    assert loaded.element_value(submodel_id("Lab_7", "TechnicalData"), area) == 3.2
    sheet = loaded.attachment(submodel_id("Lab_7", "Nameplate"), "AssetSpecificProperties.DataSheet")
    assert sheet.startswith(b"<!DOCTYPE html>") and b"laboratory note 7" in sheet
    assert loaded.thumbnail(shell_id("Lab_7")).startswith(b"\x89PNG")
    (qualifier,) = loaded.element(submodel_id("Lab_7", "Prediction"), "Predict")["qualifiers"]
    assert qualifier["value"] == "http://127.0.0.1:5000/delegation/Lab_7/Predict"
    for name in ("Lab_7", "LAB_7"):
        with pytest.raises(Conflict, match="already a cell Lab_7"):
            transfer.add_cell(loaded, own_cell.model_copy(update={"cell": name}))
    transfer.remove_cell(loaded, "Lab_7")
    assert submodel_ids(loaded) == before
    with pytest.raises(NotFound):
        loaded.element(fleet_submodel_id(), "Cells.Lab_7")
    with pytest.raises(NotFound):
        transfer.remove_cell(loaded, "Lab_7")


def test_a_removal_that_was_cut_short_can_be_repeated(loaded: AasClient) -> None:
    loaded.delete_element(fleet_submodel_id(), f"{fleet.CELLS_PATH}.B0025")
    loaded.delete_submodel(submodel_id("B0025", "Nameplate"))
    transfer.remove_cell(loaded, "B0025")
    assert not [id_ for id_ in submodel_ids(loaded) if "B0025" in id_]


def test_a_removed_cell_stays_away_until_it_is_brought_back(loaded: AasClient, small_twin: SmallTwin) -> None:
    built = package.read(small_twin.package())
    transfer.remove_cell(loaded, "B0025")
    assert transfer.removed_cells(loaded) == {"B0025"}
    report = transfer.load(loaded, built)
    assert (report.left_out, report.created) == ([shell_id("B0025")], [])
    with pytest.raises(NotFound):
        loaded.element(fleet_submodel_id(), "Cells.B0025")
    assert not [id_ for id_ in submodel_ids(loaded) if "B0025" in id_]
    transfer.add_cell(loaded, nasa_cells()["B0025"])
    assert transfer.removed_cells(loaded) == set()
    assert transfer.load(loaded, built).left_out == []
    transfer.remove_cell(loaded, "B0005")
    one = [item for item in small_twin.objects if item.id_short != "Fleet" and "B0025" not in item.id]
    transfer.import_package(loaded, package.read(package.to_bytes(one, small_twin.files)))
    assert transfer.removed_cells(loaded) == set() and loaded.shell(shell_id("B0005"))


def test_a_living_twin_takes_up_what_a_newer_package_adds(loaded: AasClient, small_twin: SmallTwin) -> None:
    """As if an older version had written it: elements, an operation and an input of an operation are missing."""
    built = package.read(small_twin.package())
    loaded.set_value(PREDICTION, "SoHThresholds.Warning", 91.5)
    for path in ("TemperatureThresholds", "PredictionDetails.ModelHash", "SetThresholds"):
        loaded.delete_element(PREDICTION, path)
    predict = loaded.element(PREDICTION, "Predict")
    loaded.put_element(PREDICTION, "Predict", predict | {"inputVariables": predict["inputVariables"][:1]})
    loaded.delete_element(fleet_submodel_id(), "RemovedCells")
    loaded.delete_element(fleet_submodel_id(), "Cells.B0025")
    transfer.load(loaded, built, "http://127.0.0.1:5000")
    assert loaded.element_value(PREDICTION, "TemperatureThresholds")["Warning"] == 55.0
    assert loaded.element_value(PREDICTION, "PredictionDetails.ModelHash") is None
    assert loaded.element_value(PREDICTION, "SoHThresholds.Warning") == 91.5
    assert loaded.element_value(fleet_submodel_id(), "Cells.B0025")["Battery"] == "B0025"
    loaded.set_value(PREDICTION, "SoHThresholds.Warning", 80.0)

    def unordered(part):
        if isinstance(part, list):
            return sorted(map(unordered, part), key=lambda item: json.dumps(item, sort_keys=True))
        return {key: unordered(value) for key, value in part.items()} if isinstance(part, dict) else part

    now = {id_: unordered(item) for id_, item in contents(package.read(transfer.export(loaded)))[0].items()}
    assert now == {id_: unordered(item) for id_, item in contents(built)[0].items()}


def test_exporting_a_cell_that_is_not_there(loaded: AasClient) -> None:
    with pytest.raises(NotFound, match="B0099"):
        transfer.export(loaded, ["B0099"])


def test_files_are_replaced_and_first_written(loaded: AasClient) -> None:
    data = submodel_id("B0025", "OperationalData")  # built without curves: a File element without value
    with pytest.raises(NotFound):
        loaded.attachment(data, operational_data.LATEST_CURVES_PATH)
    for content in (b"first", b"second"):
        loaded.put_attachment(data, operational_data.LATEST_CURVES_PATH, "latest.csv", content, "text/csv")
        assert loaded.attachment(data, operational_data.LATEST_CURVES_PATH) == content


def test_elements_are_written_and_read(loaded: AasClient) -> None:
    alert = values.with_value(prediction.list_items()["ActiveAlerts"], {"AlertId": "a1", "ThresholdValue": 30.0})
    loaded.append_element(PREDICTION, "ActiveAlerts", alert)
    assert loaded.element_value(PREDICTION, "ActiveAlerts[0]")["AlertId"] == "a1"
    loaded.set_value(PREDICTION, "ActiveAlerts[0].AcknowledgedBy", "Ève")
    assert loaded.element_value(PREDICTION, "ActiveAlerts[0].AcknowledgedBy") == "Ève"
    loaded.set_value(PREDICTION, "ActiveAlerts[0].AcknowledgedBy", None)
    assert loaded.element_value(PREDICTION, "ActiveAlerts[0].AcknowledgedBy") is None
    loaded.delete_element(PREDICTION, "ActiveAlerts[0]")
    assert loaded.element_value(PREDICTION, "ActiveAlerts") == []
    with pytest.raises(NotFound):
        loaded.element(PREDICTION, "Nothing.Here")
    with pytest.raises(ValueError, match="xs:double"):
        loaded.set_value(PREDICTION, "PredictionDetails.RUL", "soon")
    with pytest.raises(ValueError, match="not a Property"):
        loaded.set_value(PREDICTION, "PredictionDetails", 1.0)
    assert loaded.alive()


def test_whole_twin_is_read_by_pages(client: AasClient, small_twin: SmallTwin) -> None:
    """More than one page of concept descriptions: the vocabulary alone is longer than a page."""
    transfer.load(client, package.read(small_twin.package()))
    assert len(client.concept_descriptions()) == len(vocabulary.concept_descriptions()) > 100


class Delegate(http.server.BaseHTTPRequestHandler):
    """Answers every invocation as the test says, and remembers what came."""

    answer: list[dict] | int = 500
    delay_s = 0.0
    received: ClassVar[list[tuple[str, list]]]
    release: threading.Event  # ends the delay

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.release.wait(self.delay_s)
        status = self.answer if isinstance(self.answer, int) else 200
        content = json.dumps(self.answer).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def delegate() -> Iterator[tuple[type[Delegate], str]]:
    class Handler(Delegate):
        received: ClassVar[list[tuple[str, list]]] = []
        release = threading.Event()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler, f"http://127.0.0.1:{server.server_port}"
    Handler.release.set()
    server.shutdown()
    server.server_close()


def outputs(**given: str) -> list[dict]:
    return [{"value": build.property_element(name, value, "xs:string")} for name, value in given.items()]


def test_invocations_reach_the_delegate_and_come_back(loaded: AasClient, small_twin: SmallTwin, delegate) -> None:
    handler, url = delegate
    transfer.load(loaded, package.read(small_twin.package()), url)
    handler.answer = outputs(Status="ok", Message="done")
    phases = [{"Cycles": 50, "ambient_temperature": 24.0}]
    assert loaded.invoke(PREDICTION, "SimulateWhatIf", {"HorizonCycles": 90, "Phases": phases})["Message"] == "done"
    ((path, body),) = handler.received
    assert path == "/delegation/B0005/SimulateWhatIf"
    assert [values.to_value(argument["value"]) for argument in body] == [90, phases]
    handler.answer = outputs(Status="notFound", Message="no such alert")
    with pytest.raises(OperationFailed, match="no such alert"):
        loaded.invoke(PREDICTION, "AcknowledgeAlert", {"AlertId": "x", "AcknowledgedBy": "y"})
    handler.answer = 500
    with pytest.raises(DelegateFailed):
        loaded.invoke(PREDICTION, "Predict", {})
    handler.answer, handler.delay_s = outputs(Status="ok"), 30.0
    with pytest.raises(TimedOut):
        loaded.invoke(PREDICTION, "Predict", {}, timeout_s=0.3)
    transfer.load(loaded, package.read(small_twin.package()), "http://127.0.0.1:1")
    with pytest.raises(DelegateFailed):
        loaded.invoke(PREDICTION, "Predict", {})


FEED = Feed("mqtt://lab", {"Voltage_measured": Source("c/1", "/V", "V"), "Current_measured": Source("c/1", "/I", "A")})


def test_a_feed_goes_with_its_cell(loaded: AasClient) -> None:
    transfer.put_feed(loaded, "B0005", FEED)
    with pytest.raises(ValueError, match="names no broker"):
        transfer.put_feed(loaded, "B0005", Feed(""))
    exported = transfer.export(loaded, ["B0005"])
    assert not conformance.has_findings(conformance.check_package(exported))
    transfer.remove_cell(loaded, "B0005")
    transfer.import_package(loaded, package.read(exported))
    stored = loaded.element(submodel_id("B0005", asset_interfaces.ID_SHORT), asset_interfaces.INTERFACE)
    assert asset_interfaces.feed_of(stored) == FEED
    transfer.remove_feed(loaded, "B0005")
    transfer.remove_feed(loaded, "B0005")
    assert not loaded.has_submodel(submodel_id("B0005", asset_interfaces.ID_SHORT))
    assert len(loaded.shell(shell_id("B0005"))["submodels"]) == 4
