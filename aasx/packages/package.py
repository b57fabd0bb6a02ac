"""AASX packages as files, and the JSON environment they hold.

A package holds one part with the whole environment. XML of metamodel 3.0 (/aasx/data.xml) is the form for people: AASX
Package Explorer opens it whole, with thumbnail and files, and what it saves opens again. JSON (/aasx/data.json) is for
tools of metamodel 3.1 that refuse 3.0 XML (basyx-python-sdk 2.2, aas-core 3.1). The same content always gives the same
bytes: everything is sorted, the zip entries have a fixed date.

`environment_of` collects built objects, `write` and `read` are the way to and from files (`without_files` gives the
environment as plain JSON), `walk` gives every element
with its idShort path, `canonical` is the form in which two twins are compared.
"""

import dataclasses
import io
import json
import pathlib
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import quoteattr

import aas_core3.jsonization
import aas_core3.xmlization
from defusedxml import DefusedXmlException
from defusedxml import ElementTree as DefusedTree

from aasx.elements import build
from aasx.packages.files import CONTENT_TYPES, THUMBNAIL_PART, part_name

SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
JSON_PART, XML_PART = "/aasx/data.json", "/aasx/data.xml"
RELATIONSHIPS = "http://admin-shell.io/aasx/relationships"
THUMBNAIL_RELATIONSHIP = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
OPC = "http://schemas.openxmlformats.org/package/2006"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold; constant, so that packages are reproducible
LARGEST_PACKAGE_BYTES = 1_000_000_000  # unpacked
LARGEST_DOCUMENT_BYTES = 300_000_000  # of JSON or XML, which takes some ten times as much memory
MOST_PARTS = 10_000
DEEPEST_JSON = 230  # of 100 elements in each other, each an object in a list, and what the innermost holds
BOMB_RATIO, BOMB_BYTES = 200, 10_000_000  # what is larger and packed closer than any table or text is a bomb

Environment = dict[str, list[dict]]
NAMESPACE_3_0, NAMESPACE_3_1 = b"https://admin-shell.io/aas/3/0", b"https://admin-shell.io/aas/3/1"

COLLECTIONS = ("assetAdministrationShells", "submodels", "conceptDescriptions")


class PackageError(ValueError):
    """The file is not an AASX package that can be read; the message says why."""


@dataclasses.dataclass(frozen=True)
class Package:
    """`environment` as in the JSON form of the metamodel; `files`: part name -> content."""

    environment: Environment
    files: dict[str, bytes]

    def shells(self) -> list[dict]:
        return self.environment.get("assetAdministrationShells", [])

    def submodels(self) -> list[dict]:
        return self.environment.get("submodels", [])

    def concept_descriptions(self) -> list[dict]:
        return self.environment.get("conceptDescriptions", [])


# --- packages


def environment_of(objects: Iterable[Any]) -> Environment:
    """JSON environment of SDK objects (or of their JSON), each identifiable once, sorted by id."""
    collections = dict(zip(("AssetAdministrationShell", "Submodel", "ConceptDescription"), COLLECTIONS, strict=True))
    found: dict[str, dict[str, dict]] = {name: {} for name in COLLECTIONS}
    for item in objects:
        identifiable = item if isinstance(item, dict) else build.to_json(item)
        found[collections[identifiable["modelType"]]][identifiable["id"]] = identifiable
    for shell in found["assetAdministrationShells"].values():
        if "submodels" in shell:
            shell["submodels"] = sorted(shell["submodels"], key=lambda reference: reference["keys"][-1]["value"])
    return {name: [found[name][key] for key in sorted(found[name])] for name in COLLECTIONS if found[name]}


def to_bytes(objects: Iterable[Any], files: Mapping[str, bytes], form: str = "xml") -> bytes:
    """An AASX package of SDK objects (or their JSON) and supplementary files; `form` is "xml" or "json"."""
    environment = environment_of(objects)
    if form == "json":
        spec_part, spec = JSON_PART, json.dumps(environment, ensure_ascii=False, indent=1).encode("utf-8")
    elif form == "xml":
        parsed = aas_core3.jsonization.environment_from_jsonable(environment)
        spec_part, spec = XML_PART, aas_core3.xmlization.to_str(parsed).encode("utf-8")
    else:
        raise ValueError(f"{form!r} is not a form of a package: xml or json")
    has_thumbnail = THUMBNAIL_PART in files
    roots = [(f"{RELATIONSHIPS}/aasx-origin", "/aasx/aasx-origin")]
    if has_thumbnail:
        roots.append((THUMBNAIL_RELATIONSHIP, THUMBNAIL_PART))
    parts = {
        "/[Content_Types].xml": _content_types([spec_part, *files]),
        "/_rels/.rels": _relationships(roots),
        "/aasx/aasx-origin": b"Intentionally empty.",
        "/aasx/_rels/aasx-origin.rels": _relationships([(f"{RELATIONSHIPS}/aas-spec", spec_part)]),
        spec_part: spec,
        f"/aasx/_rels/{posixpath.basename(spec_part)}.rels": _relationships(
            [(f"{RELATIONSHIPS}/aas-suppl", name) for name in sorted(files)]
        ),
        **{name: files[name] for name in sorted(files)},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name.lstrip("/"), ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0  # the same on every operating system
            archive.writestr(entry, content)
    return buffer.getvalue()


def write(objects: Iterable[Any], files: Mapping[str, bytes], path: pathlib.Path, form: str = "xml") -> None:
    path.write_bytes(to_bytes(objects, files, form))


def without_files(package: Package) -> bytes:
    """The environment alone, as plain JSON: File elements and thumbnails lose their value, for there are no files."""
    environment = json.loads(json.dumps(package.environment))
    for submodel in environment.get("submodels", []):
        for _, element in file_elements(submodel):
            element.pop("value", None)
    for shell in environment.get("assetAdministrationShells", []):
        shell["assetInformation"].pop("defaultThumbnail", None)
    return json.dumps(environment, ensure_ascii=False, indent=1).encode("utf-8")


def _relationships(targets: Iterable[tuple[str, str]]) -> bytes:
    rows = "".join(
        f"<Relationship Id={quoteattr(f'r{number}')} Type={quoteattr(kind)} Target={quoteattr(target)}/>"
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{OPC}/relationships">{rows}</Relationships>\n'
    ).encode()


def _content_types(part_names: Iterable[str]) -> bytes:
    extensions = sorted({name.rsplit(".", 1)[-1] for name in part_names})
    rows = "".join(
        f"<Default Extension={quoteattr(extension)}"
        f" ContentType={quoteattr(CONTENT_TYPES.get(extension, 'application/octet-stream'))}/>"
        for extension in extensions
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="{OPC}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'{rows}<Override PartName="/aasx/aasx-origin" ContentType="text/plain"/></Types>\n'
    ).encode()


def read(source: pathlib.Path | bytes) -> Package:
    """Read a package of metamodel 3.0, JSON or XML, whatever its parts are called, or a plain JSON environment.

    Names of parts are compared as OPC does (ECMA-376-2, 6.2.2: without regard to case, percent-encoding decoded), so
    that what another tool has saved is found. Metamodel 3.1 is read where nothing new of it is used.
    Raises PackageError.
    """
    if isinstance(source, pathlib.Path) and source.suffix.lower() == ".json":
        try:
            _require_size(source.name, source.stat().st_size)
            return Package(_parse(source.name, source.read_bytes()), {})
        except OSError as error:
            raise PackageError(f"{source} cannot be read: {error.strerror}") from error
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            _require_sizes(archive.infolist())
            parts = Parts(
                (f"/{entry.filename}", archive.read(entry)) for entry in archive.infolist() if not entry.is_dir()
            )
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"not an AASX package: {error}") from error
    origins = _related(parts, "/_rels/.rels", "aasx-origin")
    specs = [spec for origin in origins for spec in _related(parts, _relationships_part(origin), "aas-spec")]
    specs = list(dict.fromkeys(map(parts.name, specs)))
    if not specs:
        raise PackageError("not an AASX package: it has no aas-spec part")
    found: Environment = {name: [] for name in COLLECTIONS}
    files: dict[str, bytes] = {}
    for spec in specs:
        environment = _parse(spec, parts[spec])
        for name in COLLECTIONS:
            found[name] += environment.get(name, [])
        files |= {name: parts[name] for name in _related(parts, _relationships_part(spec), "aas-suppl")}
    files |= {name: parts[name] for name in _related(parts, "/_rels/.rels", "metadata/thumbnail")}
    files |= _named_files(found, parts, set(specs))
    return Package({name: found[name] for name in COLLECTIONS if found[name]}, files)


def _require_sizes(entries: list[zipfile.ZipInfo]) -> None:
    """Raises PackageError. What the directory says is believed: `zipfile` reads no more of a part than that."""
    if len(entries) > MOST_PARTS:
        raise PackageError(f"the package has more than {MOST_PARTS} parts")
    if sum(entry.file_size for entry in entries) > LARGEST_PACKAGE_BYTES:
        raise PackageError(f"the package unpacks to more than {LARGEST_PACKAGE_BYTES // 1_000_000} MB")
    for entry in entries:
        if entry.file_size > max(BOMB_BYTES, BOMB_RATIO * entry.compress_size):
            raise PackageError(f"the part {entry.filename[:100]} is packed more than {BOMB_RATIO} times: a zip bomb")


def _require_size(name: str, size_bytes: int) -> None:
    if size_bytes > LARGEST_DOCUMENT_BYTES:
        raise PackageError(
            f"{name} is larger than {LARGEST_DOCUMENT_BYTES // 1_000_000} MB; export fewer cells at a time"
        )


class Parts:
    """The parts of a package: names are equal when they differ in case or percent-encoding only."""

    def __init__(self, contents: Iterable[tuple[str, bytes]]) -> None:
        self._contents = dict(contents)
        self._names = {_plain_name(name): name for name in self._contents}

    def name(self, name: str) -> str:
        """How the package itself writes the name; KeyError when it has no such part."""
        return self._names[_plain_name(name)]

    def __contains__(self, name: str) -> bool:
        return _plain_name(name) in self._names

    def __getitem__(self, name: str) -> bytes:
        return self._contents[self.name(name)]


def _plain_name(name: str) -> str:
    return unquote(name).casefold()


def _named_files(found: Environment, parts: Parts, specs: set[str]) -> dict[str, bytes]:
    """Contents of what File elements and thumbnails name, under the name they use.

    Not every tool lists its files as supplementary parts, or writes a name in both places alike.
    """
    values = [element.get("value") for submodel in found["submodels"] for _, element in file_elements(submodel)]
    for shell in found["assetAdministrationShells"]:
        values.append(((shell.get("assetInformation") or {}).get("defaultThumbnail") or {}).get("path"))
    named: dict[str, bytes] = {}
    for value in values:
        path = (value or "").removeprefix("file:")
        part = posixpath.normpath(posixpath.join("/", path)) if path else ""
        if value and part in parts and parts.name(part) not in specs:
            named[value] = parts[part]
    return named


def _parse(part: str, content: bytes) -> Environment:
    _require_size(part, len(content))
    try:
        if part.lower().endswith("json"):
            environment = json.loads(content.decode("utf-8-sig"))
        else:
            content = content.replace(NAMESPACE_3_1, NAMESPACE_3_0)
            events = DefusedTree.iterparse(io.BytesIO(content), ["start", "end"], forbid_dtd=True)
            read = aas_core3.xmlization.environment_from_iterparse(_without_schema_attributes(events))
            environment = aas_core3.jsonization.to_jsonable(read)
    except DefusedXmlException as error:
        raise PackageError(f"{part} has a document type (<!DOCTYPE …>), which is not taken: remove it") from error
    except (ValueError, RecursionError, ParseError, aas_core3.xmlization.DeserializationException) as error:
        raise PackageError(f"{part} cannot be read as metamodel 3.0: {error}") from error
    if not isinstance(environment, dict) or not all(
        isinstance(environment.get(name, []), list) for name in COLLECTIONS
    ):
        raise PackageError(f"{part} does not hold an AAS environment")
    _require_shallow(part, environment)
    return environment


def _without_schema_attributes(events: Iterable[tuple[str, Element]]) -> Iterator[tuple[str, Element]]:
    """What any XML may say of its schema (xsi:schemaLocation, as BaSyx does) is no part of the metamodel."""
    for event, element in events:
        if event == "start":
            for name in [name for name in element.attrib if name.startswith(SCHEMA_INSTANCE)]:
                del element.attrib[name]
        yield event, element


def _require_shallow(part: str, environment: Environment) -> None:
    """Elements lie in each other no deeper than the AAS environment takes; what works on them calls itself."""
    level: list[Any] = [environment]
    for _ in range(DEEPEST_JSON):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise PackageError(f"{part} has elements in each other more than 100 deep")


def _relationships_part(part: str) -> str:
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels"


def _related(parts: Parts, relationships_part: str, kind: str) -> list[str]:
    """Names of the parts a relationships part points to; the type's end counts, its beginning has changed over time.

    A target marked External that the package holds is one of its parts: BaSyx marks its own so.
    """
    if relationships_part not in parts:
        return []
    try:
        root = DefusedTree.fromstring(parts[relationships_part], forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise PackageError(f"{relationships_part} is not XML: {error}") from error
    folder = posixpath.dirname(posixpath.dirname(relationships_part)) or "/"
    targets = [
        _target(folder, row)
        for row in root
        if row.get("Type", "").endswith(f"/{kind}")
        and (row.get("TargetMode") != "External" or _target(folder, row) in parts)
    ]
    missing = [target for target in targets if target not in parts]
    if missing:
        raise PackageError(f"the package lacks its part {missing[0]}")
    return targets


def _target(folder: str, relationship: Element) -> str:
    return posixpath.normpath(posixpath.join(folder, relationship.get("Target", "").removeprefix("file://")))


# --- elements of a submodel


def walk(elements: Iterable[dict], prefix: str = "") -> Iterator[tuple[str, dict]]:
    """All elements below (not inside operation variables) with their idShort paths."""
    for element in elements:
        path = f"{prefix}{element['idShort']}"
        yield path, element
        yield from walk_children(path, element)


def walk_children(path: str, element: dict) -> Iterator[tuple[str, dict]]:
    kind = element.get("modelType")
    if kind == "SubmodelElementCollection":
        yield from walk(element.get("value") or [], f"{path}.")
    elif kind == "Entity":
        yield from walk(element.get("statements") or [], f"{path}.")
    elif kind == "SubmodelElementList":
        for index, item in enumerate(element.get("value") or []):
            yield f"{path}[{index}]", item
            yield from walk_children(f"{path}[{index}]", item)


def file_elements(submodel: dict) -> list[tuple[str, dict]]:
    return [item for item in walk(submodel.get("submodelElements") or []) if item[1].get("modelType") == "File"]


def canonical(identifiable: dict) -> dict:
    """An identifiable as it was built, whatever a server added: no `kind: Instance` (the default), and File elements
    and thumbnails named as in a package. Two twins are equal when their canonical forms are equal.
    """
    result = json.loads(json.dumps(identifiable))
    if result["modelType"] == "Submodel":
        if result.get("kind") == "Instance":
            del result["kind"]
        for path, element in file_elements(result):
            if element.get("value"):
                element["value"] = part_name(result["id"], path, element["contentType"])
    if result["modelType"] == "AssetAdministrationShell":
        thumbnail = result["assetInformation"].get("defaultThumbnail")
        if thumbnail:
            result["assetInformation"]["defaultThumbnail"] = {"path": THUMBNAIL_PART, "contentType": "image/png"}
        if "submodels" in result:
            result["submodels"] = sorted(result["submodels"], key=lambda reference: reference["keys"][-1]["value"])
    return build.without_empty_arrays(result)


def model_references(part: Any) -> Iterator[dict]:
    """All ModelReferences below a piece of JSON."""
    if isinstance(part, dict):
        if part.get("type") == "ModelReference":
            yield part
        for value in part.values():
            yield from model_references(value)
    elif isinstance(part, list):
        for value in part:
            yield from model_references(value)


def referred_submodels(submodel: dict) -> set[str]:
    return {
        reference["keys"][0]["value"]
        for reference in model_references(submodel)
        if reference["keys"][0]["type"] == "Submodel"
    }


def semantic_ids(part: Any) -> set[str]:
    """Every semanticId, supplemental semanticId and semanticIdListElement below a piece of JSON."""
    found: set[str] = set()
    if isinstance(part, dict):
        references = [part[name] for name in ("semanticId", "semanticIdListElement") if name in part]
        references += part.get("supplementalSemanticIds") or []
        found |= {reference["keys"][-1]["value"] for reference in references}
        for value in part.values():
            if isinstance(value, dict | list):
                found |= semantic_ids(value)
    elif isinstance(part, list):
        for value in part:
            found |= semantic_ids(value)
    return found
