"""POST /upload of our own packages: a whole cell comes in, and an upload that would change nothing is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aasx.identifiers import cell_of, shell_id, submodel_id
from aasx.packages import package
from tests.aasx.conftest import CURVES, build_small_twin
from tests.environment.rest import Session, encoded
from tests.servers import Server

PACKAGE_TYPE = "application/asset-administration-shell-package+xml"


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
