"""The value of a File, the path of a thumbnail or the name of an upload can never reach a file outside the store."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment.rest import Session, collection, encoded, file_element, shell, submodel
from tests.servers import Server

SECRET = b"not for the network"
IDENTIFIER = "urn:paths"
ATTACHMENT = f"/submodels/{encoded(IDENTIFIER)}/submodel-elements/Files.File/attachment"
ELEMENT = ATTACHMENT.removesuffix("/attachment")
THUMBNAIL = f"/shells/{encoded(IDENTIFIER)}/asset-information/thumbnail"


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "secret.0123456789ab.txt"
    path.write_bytes(SECRET)
    yield path
    assert path.read_bytes() == SECRET, "the server changed a file outside its store"


@pytest.fixture
def session(environment: Server) -> Iterator[Session]:
    session = Session(environment.url)
    session.must("POST", "/submodels", json=submodel(IDENTIFIER, [collection("Files", [file_element("File")])]))
    session.must("POST", "/shells", json=shell(IDENTIFIER, "paths"))
    yield session
    session.request("DELETE", f"/submodels/{encoded(IDENTIFIER)}")
    session.request("DELETE", f"/shells/{encoded(IDENTIFIER)}")


def upload(session: Session, path: str, name: str, content: bytes = b"1,2\n"):
    return session.must("PUT", path, files={"file": (name, content, "text/csv"), "fileName": (None, name)})


def escapes(secret: Path, own: str) -> dict[str, str]:
    """Values that mean the secret to a careless reader; `own` is a value that the store itself gave."""
    up = "../" * 12
    folder = own.split("/")[0]
    return {
        "absolute": str(secret),
        "url": secret.as_uri(),
        "relative to the working folder": os.path.relpath(secret),
        "up from the store": up.rstrip("/") + str(secret),
        "up from an own folder": f"{folder}/{up}".rstrip("/") + str(secret),
        "percent-encoded": (folder + "/" + up).replace("../", "%2e%2e%2f") + str(secret).lstrip("/"),
        "backslashes": (folder + "/" + up).replace("/", "\\") + str(secret).lstrip("/"),
        "system file": "/etc/passwd",
        "the store's own lock": "../lock",
        "a folder": folder,
        "null byte": own + "\0.txt",
    }


def test_a_files_value_reads_and_deletes_nothing_outside(session: Session, secret: Path):
    upload(session, ATTACHMENT, "curve.csv")
    own = session.json(ELEMENT)["value"]
    for case, value in escapes(secret, own).items():
        session.must("PUT", ELEMENT, json=file_element("File", value))
        assert session.get(ATTACHMENT).status_code == 404, case
        assert session.request("DELETE", ATTACHMENT).status_code == 404, case
        assert secret.exists(), case
        upload(session, ATTACHMENT, "new.csv", b"new")
        assert session.get(ATTACHMENT).content == b"new", case
        session.must("PUT", ELEMENT, json=file_element("File", value))
        session.must("PUT", ELEMENT, json=file_element("File"))


def test_a_value_patched_or_posted_is_followed_no_further(session: Session, secret: Path):
    session.must("PATCH", f"{ELEMENT}/$value", json={"contentType": "text/plain", "value": str(secret)})
    assert session.get(ATTACHMENT).status_code == 404
    session.must("POST", f"/submodels/{encoded(IDENTIFIER)}/submodel-elements", json=file_element("Other", str(secret)))
    other = f"/submodels/{encoded(IDENTIFIER)}/submodel-elements/Other"
    assert session.get(f"{other}/attachment").status_code == 404
    session.must("DELETE", other)
    session.must(
        "PUT", f"/submodels/{encoded(IDENTIFIER)}", json=submodel(IDENTIFIER, [file_element("F", str(secret))])
    )
    session.must("DELETE", f"/submodels/{encoded(IDENTIFIER)}/submodel-elements/F")


def test_a_thumbnails_path_leads_nowhere_else(session: Session, secret: Path):
    upload(session, THUMBNAIL, "picture.png")
    own = session.json(f"/shells/{encoded(IDENTIFIER)}")["assetInformation"]["defaultThumbnail"]["path"]
    assert session.get(THUMBNAIL).content == b"1,2\n"
    for case, path in escapes(secret, own).items():
        changed = shell(IDENTIFIER, "paths")
        changed["assetInformation"]["defaultThumbnail"] = {"path": path, "contentType": "image/png"}
        session.must("PUT", f"/shells/{encoded(IDENTIFIER)}", json=changed)
        assert session.get(THUMBNAIL).status_code == 404, case
        upload(session, THUMBNAIL, "new.png", b"new")
        assert session.get(THUMBNAIL).content == b"new", case
        session.must("DELETE", THUMBNAIL)


@pytest.mark.parametrize("name", ["../../evil.csv", "/tmp/evil.csv", "..\\..\\evil.csv", "a/b/evil.csv", "évil ;.csv"])
def test_the_name_of_an_upload_places_it_nowhere_else(session: Session, tmp_path: Path, name: str):
    upload(session, ATTACHMENT, name)
    value = session.json(ELEMENT)["value"]
    assert value.count("/") == 1
    assert ".." not in value
    assert value.endswith(".csv")
    assert session.get(ATTACHMENT).content == b"1,2\n"


def test_an_export_packs_nothing_from_outside(session: Session, secret: Path):
    session.must("PUT", ELEMENT, json=file_element("File", str(secret)))
    query = f"?aasIds={encoded(IDENTIFIER)}&submodelIds={encoded(IDENTIFIER)}&includeConceptDescriptions=false"
    accept = {"Accept": "application/asset-administration-shell-package+xml"}
    answer = session.must("GET", f"/serialization{query}", headers=accept)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as package:
        assert package.namelist()
        assert not [name for name in package.namelist() if SECRET in package.read(name)]
