"""Packages as files: reproducible, readable by others, damaged ones refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
        package.read(changed(small_twin.package("json"), name, new))


def test_what_is_no_package_is_refused(small_twin: SmallTwin, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="not an AASX package"):
        package.read(b"no zip")
    with pytest.raises(PackageError, match="not an AASX package"):
        package.read(tmp_path / "missing.aasx")
    with pytest.raises(PackageError, match=r"cannot be read as metamodel 3\.0"):
        xml = b'<environment xmlns="https://admin-shell.io/aas/2/0"></environment>'
        package.read(changed(small_twin.package("xml"), "aasx/data.xml", xml))
    with pytest.raises(ValueError, match="xml or json"):
        small_twin.package("pdf")


def test_a_package_that_unpacks_to_too_much_is_refused(small_twin: SmallTwin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "LARGEST_PACKAGE_BYTES", 1000)
    with pytest.raises(PackageError, match="unpacks to more"):
        package.read(small_twin.package())


def test_packages_whose_parts_have_other_names_are_read(small_twin: SmallTwin) -> None:
    """Package Explorer names the part after the package, and older tools use another beginning of the types."""
    content = small_twin.package("json")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        rels = archive.read("aasx/_rels/aasx-origin.rels")
        data = archive.read("aasx/data.json")
    rels = rels.replace(b"/aasx/data.json", b"B0005/b0005.aas.json").replace(b"http://admin", b"http://www.admin")
    content = changed(changed(content, "aasx/_rels/aasx-origin.rels", rels), "aasx/data.json", None)
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("aasx/B0005/b0005.aas.json", data)
    assert len(package.read(buffer.getvalue()).shells()) == 4


def renamed(content: bytes, new_name: Callable[[str], str]) -> bytes:
    """The package with other names of its parts in the zip, while all that refers to them stays."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as archive:
        for entry in old.namelist():
            archive.writestr(new_name(entry), old.read(entry))
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    "new_name",
    [str.upper, lambda name: name.replace("_", "%5F"), lambda name: name.replace("aasx/files/", "AASX/Files/")],
    ids=["upper case", "percent-encoded", "folder in other case"],
)
def test_names_of_parts_are_compared_as_opc_does(small_twin: SmallTwin, form: str, new_name: Any) -> None:
    content = small_twin.package(form)
    assert package.read(renamed(content, new_name)) == package.read(content)


def test_umlauts_and_blanks_in_names_of_parts(small_twin: SmallTwin) -> None:
    content = package.read(small_twin.package("json"))
    plate = next(item for item in content.submodels() if item["id"].endswith("B0005/Nameplate"))
    ((_, sheet),) = package.file_elements(plate)
    written = sheet["value"]
    for name in ("/aasx/files/Prüf ling.csv", "/aasx/files/Pr%C3%BCf%20ling.csv"):
        sheet["value"] = name
        items = [item for collection in content.environment.values() for item in collection]
        files = {(name if part == written else part): data for part, data in content.files.items()}
        again = package.read(renamed(package.to_bytes(items, files, "json"), lambda part: part.replace("ü", "%C3%BC")))
        assert again.files[name] == content.files[written]


@pytest.mark.parametrize("form", ["json", "xml"])
def test_parts_marked_external_that_are_in_the_package_are_read(small_twin: SmallTwin, form: str) -> None:
    """As BaSyx's own serialization marks them."""
    content = small_twin.package(form)
    for name in ("_rels/.rels", "aasx/_rels/aasx-origin.rels", f"aasx/_rels/data.{form}.rels"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            rels = archive.read(name).replace(b"<Relationship ", b'<Relationship TargetMode="External" ')
        content = changed(content, name, rels)
    assert package.read(content) == package.read(small_twin.package(form))


def test_files_that_are_no_supplementary_parts_are_found_by_the_elements_that_name_them(small_twin: SmallTwin) -> None:
    content = small_twin.package("json")
    bare = package.read(changed(content, "aasx/_rels/data.json.rels", None))
    assert bare.files == package.read(content).files


def test_metamodel_3_1_is_read_where_nothing_new_of_it_is_used(small_twin: SmallTwin) -> None:
    content = small_twin.package("xml")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("aasx/data.xml")
    newer = changed(content, "aasx/data.xml", xml.replace(b"admin-shell.io/aas/3/0", b"admin-shell.io/aas/3/1"))
    assert package.read(newer) == package.read(content)
    unknown = changed(content, "aasx/data.xml", xml.replace(b"admin-shell.io/aas/3/0", b"admin-shell.io/aas/9/9"))
    with pytest.raises(PackageError, match="cannot be read as metamodel"):
        package.read(unknown)


def test_what_xml_says_of_its_schema_is_passed_over(small_twin: SmallTwin) -> None:
    """As BaSyx's own serialization does at the root."""
    content = small_twin.package("xml")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("aasx/data.xml")
    told = (b'<environment xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            b'xsi:schemaLocation="https://admin-shell.io/aas/3/0 AAS.xsd" ')  # fmt: skip
    assert b"<environment " in xml
    assert package.read(changed(content, "aasx/data.xml", xml.replace(b"<environment ", told))) == package.read(content)


def test_a_package_saved_again_by_the_basyx_sdk_is_read_with_all_its_files(
    small_twin: SmallTwin, tmp_path: Path
) -> None:
    objects: basyx.aas.model.DictObjectStore = basyx.aas.model.DictObjectStore()
    files = basyx.aas.adapter.aasx.DictSupplementaryFileContainer()
    path = tmp_path / "ours.aasx"
    path.write_bytes(small_twin.package("json"))
    with basyx.aas.adapter.aasx.AASXReader(path) as reader:
        reader.read_into(objects, files)
    with basyx.aas.adapter.aasx.AASXWriter(tmp_path / "theirs.aasx") as writer:
        writer.write_all_aas_objects("/aasx/Data.json", objects, files, write_json=True)
    ours, theirs = package.read(path), package.read(tmp_path / "theirs.aasx")
    assert {item["id"] for item in theirs.submodels()} == {item["id"] for item in ours.submodels()}
    for submodel in theirs.submodels():
        for element_path, element in package.file_elements(submodel):
            if element.get("value"):
                assert theirs.files[element["value"]], element_path
