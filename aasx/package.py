"""AASX packages, and the way of a whole twin between packages and a running AAS environment.

    write, read        package file <-> Package (environment as JSON, supplementary files)
    load               Package -> AAS environment; never touches what is already alive there
    import_package     cells of a package -> twin; verifies first, refuses collisions
    export             AAS environment -> package file (history, predictions, alerts, files)
    add_cell, remove_cell

A package holds one part with the whole environment, JSON (/aasx/data.json) unless XML is asked for: the JSON form is
the only one that all of Package Explorer, both metamodel 3.x generations of the tools and BaSyx read. The same content
always gives the same bytes: everything is sorted, the zip entries have a fixed date.
"""

import concurrent.futures
import dataclasses
import io
import json
import pathlib
import posixpath
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import aas_core3.jsonization
import aas_core3.xmlization

from aasx import ai_model_nameplate, fleet, prediction, values
from aasx.cell_description import CellDescription
from aasx.client import AasClient, Conflict, NotFound
from aasx.files import CONTENT_TYPES, THUMBNAIL_PART, part_name
from aasx.identifiers import (
    base_iri,
    cell_of,
    fleet_shell_id,
    fleet_submodel_id,
    is_own,
    shell_id,
    submodel_id,
)
from aasx.operation_variables import DELEGATION
from aasx.shell import build_cell, build_fleet, cell_files
from aasx.verification import verify

JSON_PART, XML_PART = "/aasx/data.json", "/aasx/data.xml"
RELATIONSHIPS = "http://admin-shell.io/aasx/relationships"
THUMBNAIL_RELATIONSHIP = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
OPC = "http://schemas.openxmlformats.org/package/2006"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold; constant, so that packages are reproducible
LARGEST_PACKAGE_BYTES = 1_000_000_000  # unpacked; a guard against decompression bombs
LOAD_THREADS = 4

Environment = dict[str, list[dict]]
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
        identifiable = item if isinstance(item, dict) else values.to_json(item)
        found[collections[identifiable["modelType"]]][identifiable["id"]] = identifiable
    for shell in found["assetAdministrationShells"].values():
        if "submodels" in shell:
            shell["submodels"] = sorted(shell["submodels"], key=lambda reference: reference["keys"][-1]["value"])
    return {name: [found[name][key] for key in sorted(found[name])] for name in COLLECTIONS if found[name]}


def to_bytes(objects: Iterable[Any], files: Mapping[str, bytes], form: str = "json") -> bytes:
    """An AASX package of SDK objects (or their JSON) and supplementary files; `form` is "json" or "xml"."""
    environment = environment_of(objects)
    if form == "json":
        spec_part, spec = JSON_PART, json.dumps(environment, ensure_ascii=False, indent=1).encode("utf-8")
    elif form == "xml":
        parsed = aas_core3.jsonization.environment_from_jsonable(environment)
        spec_part, spec = XML_PART, aas_core3.xmlization.to_str(parsed).encode("utf-8")
    else:
        raise ValueError(f"{form!r} is not a form of a package: json or xml")
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


def write(objects: Iterable[Any], files: Mapping[str, bytes], path: pathlib.Path, form: str = "json") -> None:
    path.write_bytes(to_bytes(objects, files, form))


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
    """Read a package of metamodel 3.0, JSON or XML, whatever its parts are called. Raises PackageError."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_PACKAGE_BYTES:
                raise PackageError(f"the package unpacks to more than {LARGEST_PACKAGE_BYTES} bytes")
            names = {f"/{entry.filename}": entry.filename for entry in archive.infolist() if not entry.is_dir()}
            parts = {part: archive.read(name) for part, name in names.items()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise PackageError(f"not an AASX package: {error}") from error
    origins = _related(parts, "/_rels/.rels", "aasx-origin")
    specs = [spec for origin in origins for spec in _related(parts, _relationships_part(origin), "aas-spec")]
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
    return Package({name: found[name] for name in COLLECTIONS if found[name]}, files)


def _parse(part: str, content: bytes) -> Environment:
    try:
        if part.lower().endswith("json"):
            environment = json.loads(content.decode("utf-8-sig"))
        else:
            events = ElementTree.iterparse(io.BytesIO(content), ["start", "end"])
            environment = aas_core3.jsonization.to_jsonable(aas_core3.xmlization.environment_from_iterparse(events))
    except (ValueError, RecursionError, ElementTree.ParseError, aas_core3.xmlization.DeserializationException) as error:
        raise PackageError(f"{part} cannot be read as metamodel 3.0: {error}") from error
    if not isinstance(environment, dict) or not all(
        isinstance(environment.get(name, []), list) for name in COLLECTIONS
    ):
        raise PackageError(f"{part} does not hold an AAS environment")
    return environment


def _relationships_part(part: str) -> str:
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels"


def _related(parts: Mapping[str, bytes], relationships_part: str, kind: str) -> list[str]:
    """Names of the parts a relationships part points to; the type's end counts, its beginning has changed over time."""
    if relationships_part not in parts:
        return []
    try:
        root = ElementTree.fromstring(parts[relationships_part])
    except ElementTree.ParseError as error:
        raise PackageError(f"{relationships_part} is not XML: {error}") from error
    folder = posixpath.dirname(posixpath.dirname(relationships_part)) or "/"
    targets = [
        posixpath.normpath(posixpath.join(folder, row.get("Target", "")))
        for row in root
        if row.get("Type", "").endswith(f"/{kind}") and row.get("TargetMode") != "External"
    ]
    missing = [target for target in targets if target not in parts]
    if missing:
        raise PackageError(f"the package lacks its part {missing[0]}")
    return targets


# --- elements of a submodel


def walk(elements: Iterable[dict], prefix: str = "") -> Iterator[tuple[str, dict]]:
    """All elements below (not inside operation variables) with their idShort paths."""
    for element in elements:
        path = f"{prefix}{element['idShort']}"
        yield path, element
        yield from _walk_children(path, element)


def _walk_children(path: str, element: dict) -> Iterator[tuple[str, dict]]:
    kind = element.get("modelType")
    if kind == "SubmodelElementCollection":
        yield from walk(element.get("value") or [], f"{path}.")
    elif kind == "Entity":
        yield from walk(element.get("statements") or [], f"{path}.")
    elif kind == "SubmodelElementList":
        for index, item in enumerate(element.get("value") or []):
            yield f"{path}[{index}]", item
            yield from _walk_children(f"{path}[{index}]", item)


def file_elements(submodel: dict) -> list[tuple[str, dict]]:
    return [item for item in walk(submodel.get("submodelElements") or []) if item[1].get("modelType") == "File"]


def delegation_qualifiers(submodel: dict) -> Iterator[tuple[dict, dict]]:
    """The operations of a submodel, each with its qualifier that names the delegate's URL."""
    for element in submodel.get("submodelElements") or []:
        for qualifier in element.get("qualifiers") or []:
            if element.get("modelType") == "Operation" and qualifier["type"] == DELEGATION:
                yield element, qualifier


def _redirected(url: str, delegate_url: str) -> str:
    """The delegation URL on another delegate: what follows /delegation/ stays."""
    return f"{delegate_url.rstrip('/')}/delegation/{url.partition('/delegation/')[2]}"


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
    return values.without_empty_arrays(result)


# --- a package into a running environment


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What `load` did: ids of shells created and kept, and how many operations now point to another delegate."""

    created: list[str]
    kept: list[str]
    redirected: int


def load(
    client: AasClient,
    package: Package,
    delegate_url: str | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> LoadReport:
    """Bring a package into a running environment; can be repeated at any time.

    Shells that exist keep their submodels, with history, predictions, thresholds and alerts; only what is missing is
    created. With `delegate_url` the operations of all the package's submodels, new or alive, point to that delegate.
    A shell is written after its submodels and files: a load that was cut short is completed by the next one.
    """
    _load_concepts(client, package)
    present = {shell["id"] for shell in client.shells()}
    submodels = {submodel["id"]: submodel for submodel in package.submodels()}

    def load_shell(shell: dict) -> int:
        parts = [submodels[id_] for id_ in _submodel_ids(shell) if id_ in submodels]
        redirected = 0
        if shell["id"] not in present:
            for submodel in parts:
                _create_submodel(client, submodel, package.files, delegate_url)
            _create_shell(client, shell, package.files)
        else:
            redirected = sum(_keep_submodel(client, submodel, package.files, delegate_url) for submodel in parts)
        progress(shell["id"])
        return redirected

    redirected = sum(_in_threads(load_shell, package.shells()))
    ids = sorted(shell["id"] for shell in package.shells())
    return LoadReport([id_ for id_ in ids if id_ not in present], [id_ for id_ in ids if id_ in present], redirected)


def _load_concepts(client: AasClient, package: Package) -> None:
    stored = {concept["id"]: concept for concept in client.concept_descriptions()}
    new = [
        concept
        for concept in package.concept_descriptions()
        if concept["id"] not in stored or canonical(stored[concept["id"]]) != canonical(concept)
    ]
    _in_threads(client.put_concept_description, new)


def _in_threads(task: Callable[[dict], Any], items: Iterable[dict]) -> list[Any]:
    """Run `task` for each item and return the results; the first failure ends it and is raised."""
    with concurrent.futures.ThreadPoolExecutor(LOAD_THREADS) as pool:
        futures = [pool.submit(task, item) for item in items]
        try:
            return [future.result() for future in concurrent.futures.as_completed(futures)]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _submodel_ids(shell: dict) -> list[str]:
    return [reference["keys"][-1]["value"] for reference in shell.get("submodels") or []]


def _create_submodel(client: AasClient, submodel: dict, files: Mapping[str, bytes], delegate_url: str | None) -> None:
    """Write a submodel, then the content of its File elements. No path of the package goes to the server."""
    new = json.loads(json.dumps(submodel))
    attachments = []
    for path, element in file_elements(new):
        part = element.get("value", "")
        if part in files:
            element["value"] = posixpath.basename(part)
            attachments.append((path, part, element["contentType"]))
    if delegate_url is not None:
        for _, qualifier in delegation_qualifiers(new):
            qualifier["value"] = _redirected(qualifier["value"], delegate_url)
    client.put_submodel(new)
    for path, part, content_type in attachments:
        client.put_attachment(new["id"], path, posixpath.basename(part), files[part], content_type)


def _create_shell(client: AasClient, shell: dict, files: Mapping[str, bytes]) -> None:
    """Write a shell, then its thumbnail."""
    new = json.loads(json.dumps(shell))
    thumbnail = new["assetInformation"].pop("defaultThumbnail", None)
    client.put_shell(new)
    if thumbnail is not None and thumbnail["path"] in files:
        name = posixpath.basename(thumbnail["path"])
        content_type = thumbnail.get("contentType", "application/octet-stream")
        client.put_thumbnail(new["id"], name, files[thumbnail["path"]], content_type)


def _keep_submodel(client: AasClient, submodel: dict, files: Mapping[str, bytes], delegate_url: str | None) -> int:
    """Create a submodel that is missing; of one that is alive only redirect operations. Returns how many."""
    try:
        alive = client.submodel(submodel["id"])
    except NotFound:
        _create_submodel(client, submodel, files, delegate_url)
        return 0
    _add_missing_fleet_cells(client, alive, submodel)
    _refresh_model_facts(client, alive, submodel)
    return 0 if delegate_url is None else redirect(client, alive, delegate_url)


def _refresh_model_facts(client: AasClient, alive: dict, submodel: dict) -> None:
    """What the package says of the AI model replaces what is stored: its nameplate, and its range of validity."""
    kind = _semantic_id(submodel)
    if kind == ai_model_nameplate.SEMANTIC_ID and canonical(alive) != canonical(submodel):
        client.put_submodel(submodel)
    if kind == prediction.SEMANTIC_ID:
        path = prediction.BOUNDARY_CONDITIONS_PATH
        old, new = dict(walk(alive["submodelElements"])), dict(walk(submodel["submodelElements"]))
        if values.without_empty_arrays(old[path]) != new[path]:
            client.put_element(submodel["id"], path, new[path])


def _semantic_id(element: dict) -> str | None:
    keys = (element.get("semanticId") or {}).get("keys") or [{}]
    return keys[-1].get("value")


def _add_missing_fleet_cells(client: AasClient, alive: dict, submodel: dict) -> None:
    if submodel["id"] != fleet_submodel_id():
        return
    known = {path for path, _ in walk(alive.get("submodelElements") or [])}
    for path, element in walk(submodel["submodelElements"]):
        if path.count(".") == 1 and path.startswith(f"{fleet.CELLS_PATH}.") and path not in known:
            client.append_element(submodel["id"], fleet.CELLS_PATH, element)


def redirect(client: AasClient, submodel: dict, delegate_url: str) -> int:
    """Point the operations of a submodel that is alive to another delegate. Returns how many were changed."""
    changed = 0
    for element, qualifier in delegation_qualifiers(submodel):
        url = _redirected(qualifier["value"], delegate_url)
        if url != qualifier["value"]:
            qualifier["value"] = url
            client.put_element(submodel["id"], element["idShort"], element)
            changed += 1
    return changed


def import_package(
    client: AasClient, package: Package, delegate_url: str | None = None, replace: bool = False
) -> list[str]:
    """Bring the cells of a package, e.g. one exported from another twin, into a running twin. Returns their names.

    The package is verified first. `replace` removes cells that exist; without it they are a Conflict, and nothing is
    changed. Raises PackageError for a package that does not conform or holds no cell of this twin's base IRI.
    """
    problems = verify(package.environment)
    if problems:
        raise PackageError(f"the package does not conform to the metamodel: {problems[0]}")
    cells = sorted(filter(None, (cell_of(shell["id"]) for shell in package.shells())))
    if not cells:
        raise PackageError(f"the package holds no cell under {base_iri()} (TWIN_BASE_IRI)")
    present = _cells(client)
    clashes = [present[cell.lower()] for cell in cells if cell.lower() in present]
    if clashes and not replace:
        raise Conflict(f"the twin has already {', '.join(clashes)}")
    for cell in clashes:
        remove_cell(client, cell)
    fleet_alive = any(shell["id"] == fleet_shell_id() for shell in client.shells())
    target = delegate_url or (delegate_url_of(client) if fleet_alive else None)
    load(client, package, target)
    if not fleet_alive and fleet_shell_id() not in {shell["id"] for shell in package.shells()}:
        load(client, Package(environment_of(build_fleet({})), {}), target)
    _complete_fleet(client, cells)
    return cells


def _cells(client: AasClient) -> dict[str, str]:
    """Names of the cells in a running twin, by their lower case: names must differ in more than case."""
    names = filter(None, (cell_of(shell["id"]) for shell in client.shells()))
    return {name.lower(): name for name in names}


def _complete_fleet(client: AasClient, cells: Iterable[str]) -> None:
    """Give the fleet a summary of each cell that has none."""
    known = {path for path, _ in walk(client.submodel(fleet_submodel_id()).get("submodelElements") or [])}
    for cell in cells:
        if f"{fleet.CELLS_PATH}.{cell}" not in known:
            live = values.submodel_to_value(client.submodel(submodel_id(cell, "Prediction")))
            summary = values.to_json(fleet.cell_summary(cell, fleet.summary_of(live)))
            client.append_element(fleet_submodel_id(), fleet.CELLS_PATH, summary)


# --- a running environment into a package


def export(client: AasClient, cells: Iterable[str] | None = None, form: str = "json") -> bytes:
    """An AASX package of a running twin: all of it, or the named cells with the AI models they refer to.

    Raises NotFound when a named cell does not exist.
    """
    shells = {shell["id"]: shell for shell in client.shells()}
    if cells is not None:
        wanted = [shell_id(cell) for cell in cells]
        missing = [id_ for id_ in wanted if id_ not in shells]
        if missing:
            raise NotFound(f"there is no shell {missing[0]}")
        shells = {id_: shells[id_] for id_ in wanted}
    submodels: dict[str, dict] = {}
    files: dict[str, bytes] = {}

    def fetch(shell: dict) -> None:
        for id_ in _submodel_ids(shell):
            submodel = client.submodel(id_)
            for path, element in file_elements(submodel):
                if element.get("value"):
                    part = part_name(id_, path, element["contentType"])
                    files[part] = client.attachment(id_, path)
            submodels[id_] = canonical(submodel)
        if shell["assetInformation"].get("defaultThumbnail"):
            files[THUMBNAIL_PART] = client.thumbnail(shell["id"])

    _in_threads(fetch, list(shells.values()))
    if cells is not None:
        models = _referred_model_shells(client.shells(), submodels.values())
        _in_threads(fetch, models)
        shells |= {shell["id"]: shell for shell in models}
    used = {reference for submodel in submodels.values() for reference in semantic_ids(submodel)}
    concepts = [
        canonical(concept)
        for concept in client.concept_descriptions()
        if concept["id"] in used or is_own(concept["id"])
    ]
    return to_bytes([*map(canonical, shells.values()), *submodels.values(), *concepts], files, form)


def _referred_model_shells(shells: list[dict], submodels: Iterable[dict]) -> list[dict]:
    """Shells that hold a submodel the given ones refer to, without being among them."""
    submodels = list(submodels)
    referred = {id_ for submodel in submodels for id_ in referred_submodels(submodel)}
    referred -= {submodel["id"] for submodel in submodels}
    return [shell for shell in shells if referred & set(_submodel_ids(shell)) and cell_of(shell["id"]) is None]


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


# --- single cells of a running twin


def delegate_url_of(client: AasClient) -> str:
    """The delegate the fleet's operations point to. Raises NotFound when the twin is not loaded."""
    for _, qualifier in delegation_qualifiers(client.submodel(fleet_submodel_id())):
        return qualifier["value"].partition("/delegation/")[0]
    raise NotFound("the fleet has no operation that names a delegate")


def add_cell(client: AasClient, description: CellDescription, delegate_url: str | None = None) -> None:
    """Add a new cell without history to a running twin. `delegate_url` defaults to that of the fleet.

    Raises Conflict when a cell of this name exists, in any spelling of upper and lower case.
    """
    name = description.cell
    present = _cells(client).get(name.lower())
    if present is not None:
        raise Conflict(f"there is already a cell {present}")
    objects = build_cell(description, delegate_url=delegate_url or delegate_url_of(client))
    load(client, Package(environment_of(objects), cell_files(description)))
    try:
        client.append_element(fleet_submodel_id(), fleet.CELLS_PATH, fleet.cell_item(name))
    except Conflict:
        client.put_element(fleet_submodel_id(), f"{fleet.CELLS_PATH}.{name}", fleet.cell_item(name))


def remove_cell(client: AasClient, cell: str) -> None:
    """Remove a cell: its entry in the fleet, its submodels with their files, at last its shell.

    Raises NotFound when there is no such cell. A removal that was cut short can be repeated.
    """
    shell = client.shell(shell_id(cell))
    steps: list[tuple[Callable[..., None], tuple[str, ...]]] = [
        (client.delete_element, (fleet_submodel_id(), f"{fleet.CELLS_PATH}.{cell}")),
        *((client.delete_submodel, (id_,)) for id_ in _submodel_ids(shell)),
        (client.delete_shell, (shell["id"],)),
    ]
    for step, arguments in steps:
        try:
            step(*arguments)
        except NotFound:
            continue  # gone already, by a removal that was cut short
