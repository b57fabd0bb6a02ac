"""Packages as files: reproducible, readable by others, damaged ones refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import basyx.aas.adapter.aasx
import basyx.aas.model
import pytest

from aasx.packages import package
from aasx.packages.package import PackageError
from tests.aasx.conftest import SmallTwin, build_small_twin


def canonical(environment: package.Environment) -> dict[str, dict]:
    return {item["id"]: package.canonical(item) for items in environment.values() for item in items}


@pytest.mark.parametrize("form", ["json", "xml"])
def test_two_builds_are_byte_identical(form: str) -> None:
    assert build_small_twin().package(form) == build_small_twin().package(form)


def test_order_of_objects_does_not_matter(small_twin: SmallTwin) -> None:
    files = dict(reversed(small_twin.files.items()))
    assert package.to_bytes(reversed(small_twin.objects), files) == small_twin.package()


@pytest.mark.parametrize("form", ["json", "xml"])
def test_what_is_read_is_what_was_built(small_twin: SmallTwin, form: str) -> None:
    read = package.read(small_twin.package(form))
    assert canonical(read.environment) == canonical(package.environment_of(small_twin.objects))
    assert read.files == small_twin.files


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_basyx_python_sdk_reads_both_forms(small_twin: SmallTwin, form: str) -> None:
    store: basyx.aas.model.DictObjectStore = basyx.aas.model.DictObjectStore()
    files = basyx.aas.adapter.aasx.DictSupplementaryFileContainer()
    with basyx.aas.adapter.aasx.AASXReader(io.BytesIO(small_twin.package(form))) as reader:
        reader.read_into(store, files)
        assert reader.get_thumbnail() == small_twin.files[package.THUMBNAIL_PART]
    assert {item.id for item in store} == {item.id for item in small_twin.objects}
    data = next(item for item in store if item.id_short == "OperationalData" and "B0005" in item.id)
    assert len(list(data.get_referable(["Segments", "InternalSegment", "Records"]).value)) == 3
    assert {name for name in files if name.endswith(".csv")} == {name for name in small_twin.files if "csv" in name}


def test_file_names_are_lower_case_and_of_one_cell(small_twin: SmallTwin) -> None:
    with zipfile.ZipFile(io.BytesIO(small_twin.package())) as archive:
        names = [name for name in archive.namelist() if name.startswith("aasx/files/")]
    assert names and all(name == name.lower() for name in names)
    assert "aasx/files/b0005_operationaldata_segments_latestcycle_data.csv" in names


def test_the_last_cycle_stands_alone_in_its_file(small_twin: SmallTwin) -> None:
    text = small_twin.files["/aasx/files/b0005_operationaldata_segments_latestcycle_data.csv"].decode()
    assert text.splitlines()[1:] == ["2,discharge,0.0,4.18,-2.0,24.2"]


def changed(content: bytes, name: str, new: bytes | None) -> bytes:
    """The package with one part replaced, or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as archive:
        for entry in old.namelist():
            if entry != name:
                archive.writestr(entry, old.read(entry))
            elif new is not None:
                archive.writestr(entry, new)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "new", "message"),
    [
        ("_rels/.rels", None, "no aas-spec part"),
        ("_rels/.rels", b"<x", "is not XML"),
        ("aasx/data.json", None, r"lacks its part /aasx/data\.json"),
        ("aasx/data.json", b"{", "cannot be read as metamodel"),
        ("aasx/data.json", b"[]", "does not hold an AAS environment"),
        ("aasx/files/thumbnail.png", None, "lacks its part"),
    ],
)
def test_damaged_packages_are_refused(small_twin: SmallTwin, name: str, new: bytes | None, message: str) -> None:
    with pytest.raises(PackageError, match=message):
        package.read(changed(small_twin.package(), name, new))


def test_what_is_no_package_is_refused(small_twin: SmallTwin, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="not an AASX package"):
        package.read(b"no zip")
    with pytest.raises(PackageError, match="not an AASX package"):
        package.read(tmp_path / "missing.aasx")
    with pytest.raises(PackageError, match=r"cannot be read as metamodel 3\.0"):
        xml = b'<environment xmlns="https://admin-shell.io/aas/3/1"></environment>'
        package.read(changed(small_twin.package("xml"), "aasx/data.xml", xml))
    with pytest.raises(ValueError, match="json or xml"):
        small_twin.package("pdf")


def test_a_package_that_unpacks_to_too_much_is_refused(small_twin: SmallTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LARGEST_PACKAGE_BYTES", 1000)
    with pytest.raises(PackageError, match="unpacks to more"):
        package.read(small_twin.package())


def test_packages_whose_parts_have_other_names_are_read(small_twin: SmallTwin) -> None:
    """Package Explorer names the part after the package, and older tools use another beginning of the types."""
    content = small_twin.package()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rels = archive.read("aasx/_rels/aasx-origin.rels")
        data = archive.read("aasx/data.json")
    rels = rels.replace(b"/aasx/data.json", b"B0005/b0005.aas.json").replace(b"http://admin", b"http://www.admin")
    content = changed(changed(content, "aasx/_rels/aasx-origin.rels", rels), "aasx/data.json", None)
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("aasx/B0005/b0005.aas.json", data)
    assert len(package.read(buffer.getvalue()).shells()) == 4
