"""Packages of our own in and out: POST /upload takes a whole cell and tells what would change nothing; /serialization
gives it back in every form."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from aasx.compatibility.comparison import compare
from aasx.identifiers import cell_of, shell_id, submodel_id
from aasx.packages import package
from tests.aasx.conftest import CURVES, build_small_twin
from tests.environment.rest import Session, encoded, file_element, prop, submodel
from tests.servers import Server

ANY_PACKAGE = "application/asset-administration-shell-package"
PACKAGE_TYPE, JSON_PACKAGE = f"{ANY_PACKAGE}+xml", f"{ANY_PACKAGE}+json"


@pytest.fixture
def session(basyx: Server) -> Iterator[Session]:
    session = Session(basyx.url)
    yield session
    for kind in ("shells", "submodels", "concept-descriptions"):
        for one in session.json(f"/{kind}?limit=1000")["result"]:
            session.must("DELETE", f"/{kind}/{encoded(one['id'])}")


def test_a_package_comes_in_whole_again_and_again(session: Session) -> None:
    twin = build_small_twin()
    content = twin.package()

    def upload():
        return session.request("POST", "/upload", files={"file": ("fleet.aasx", content, PACKAGE_TYPE)})

    assert upload().status_code == 200
    built = package.read(content)
    assert {one["id"] for one in session.json("/shells")["result"]} == {one["id"] for one in built.shells()}
    data = f"/submodels/{encoded(submodel_id('B0005', 'OperationalData'))}/submodel-elements"
    assert session.must("GET", f"{data}/Segments.ExternalSegment.Data/attachment").content == CURVES
    sheet = (
        f"/submodels/{encoded(submodel_id('B0005', 'Nameplate'))}/submodel-elements/AssetSpecificProperties.DataSheet"
    )
    assert session.must("GET", f"{sheet}/attachment").headers["Content-Type"].startswith("text/html")
    assert session.must("GET", f"/shells/{encoded(shell_id('B0005'))}/asset-information/thumbnail").content

    again = upload()
    assert again.status_code == 409
    (message,) = again.json()["messages"]
    assert "nothing was changed" in message["text"] and shell_id("B0005") in message["text"]

    session.must("DELETE", f"/shells/{encoded(shell_id('B0005'))}")
    for one in built.submodels():
        if cell_of(one["id"]) == "B0005":
            session.must("DELETE", f"/submodels/{encoded(one['id'])}")
    assert upload().status_code == 200  # the others stay as they are
    assert session.must("GET", f"{data}/Segments.ExternalSegment.Data/attachment").content == CURVES


SHELL, SUBMODEL = "https://example.org/aas/serialized", "https://example.org/sm/serialized"
TABLE = b"0.0,0.0,0.0,0.0\n" * 200_000  # packs more than a hundredfold


def serialization(session: Session, accept: str | None, shell: str = SHELL) -> requests.Response:
    query = f"aasIds={encoded(shell)}&submodelIds={encoded(SUBMODEL)}&includeConceptDescriptions=false"
    return session.request("GET", f"/serialization?{query}", headers={"Accept": accept})


@pytest.fixture
def filled(session: Session) -> Session:
    """A shell with one submodel, which has a file."""
    reference = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": SUBMODEL}]}
    information = {"assetKind": "Instance", "globalAssetId": "urn:asset"}
    whole = {"modelType": "AssetAdministrationShell", "id": SHELL, "submodels": [reference]}
    session.must("POST", "/shells", json=whole | {"assetInformation": information})
    session.must("POST", "/submodels", json=submodel(SUBMODEL, [prop("Name", "Zelle é"), file_element("Table")]))
    path = f"/submodels/{encoded(SUBMODEL)}/submodel-elements/Table/attachment"
    session.must("PUT", path, files={"file": ("table.csv", TABLE, "text/csv"), "fileName": (None, "table.csv")})
    return session


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/json", "json"), ("application/xml", "xml"), (PACKAGE_TYPE, "xml package"),
        (JSON_PACKAGE, "json package"), (ANY_PACKAGE, "xml package"), ("*/*", "json"), (None, "json"),
        (f"text/html, application/xml;q=0.2, {JSON_PACKAGE};q=0.9, */*;q=0.1", "json package"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "xml"),
        ("application/json;q=0, */*", "json"),
    ],
)  # fmt: skip
def test_what_is_stored_comes_out_in_the_form_that_is_asked_for(filled: Session, accept: str, form: str) -> None:
    answer = serialization(filled, accept)
    assert answer.status_code == 200, answer.text
    if form == "json":
        assert answer.headers["Content-Type"].startswith("application/json")
        assert [one["id"] for one in answer.json()["submodels"]] == [SUBMODEL]
    elif form == "xml":
        assert answer.headers["Content-Type"].startswith("application/xml")
        assert SUBMODEL in answer.text and answer.content.lstrip().startswith(b"<?xml")
    else:
        kind = JSON_PACKAGE if form.startswith("json") else PACKAGE_TYPE
        assert answer.headers["Content-Type"] == kind
        content = package.read(answer.content)
        assert [one["id"] for one in content.submodels()] == [SUBMODEL]
        assert "Zelle é" in json.dumps(content.submodels(), ensure_ascii=False)
        assert list(content.files.values()) == [TABLE]
        filled.must("DELETE", f"/submodels/{encoded(SUBMODEL)}")
        files = {"file": ("again.aasx", answer.content, kind)}
        assert filled.request("POST", "/upload", files=files).status_code == 200
        table = filled.must("GET", f"/submodels/{encoded(SUBMODEL)}/submodel-elements/Table/attachment")
        assert table.content == TABLE


def test_other_forms_and_objects_that_are_not_there_are_told(filled: Session) -> None:
    for accept in ("text/html", "image/png, text/*", "nonsense"):
        answer = serialization(filled, accept)
        assert answer.status_code == 406 and JSON_PACKAGE in answer.json()["messages"][0]["text"]
    for accept in ("application/json", PACKAGE_TYPE, JSON_PACKAGE):
        assert serialization(filled, accept, "urn:nobody").status_code == 404


def test_a_cell_as_the_environment_itself_packs_it_is_read_as_it_was_built(session: Session) -> None:
    built = package.read(build_small_twin().package())
    files = {"file": ("fleet.aasx", build_small_twin().package(), PACKAGE_TYPE)}
    assert session.request("POST", "/upload", files=files).status_code == 200
    cell = {name: [one for one in found if cell_of(one["id"]) == "B0005"]
            for name, found in (("aasIds", built.shells()), ("submodelIds", built.submodels()))}  # fmt: skip
    query = "&".join(f"{name}={encoded(one['id'])}" for name, found in cell.items() for one in found)
    for kind in (PACKAGE_TYPE, JSON_PACKAGE):
        packed = package.read(session.must("GET", f"/serialization?{query}", headers={"Accept": kind}).content)
        there = {one["id"]: package.canonical(one) for one in (*packed.shells(), *packed.submodels())}
        for one in (*cell["aasIds"], *cell["submodelIds"]):
            compare(package.canonical(one), there[one["id"]])
        assert sorted(packed.files.values()) == sorted(
            content for name, content in built.files.items() if "b0025" not in name
        )
        assert len(packed.concept_descriptions()) > 50
