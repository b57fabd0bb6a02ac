"""The way of a twin between packages and a running AAS environment.

load               package -> AAS environment; never touches what is already alive there
import_package     cells of a package -> twin; verifies first, refuses collisions
export             twin -> package file, with history, predictions, alerts and files as they are now
add_cell, remove_cell
put_feed, remove_feed
"""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

from aasx.cell_description import CellDescription
from aasx.client import AasClient, BadAnswer, Conflict, NotFound, Refused, ServerFault
from aasx.elements import build
from aasx.identifiers import (
    DEMO_PREFIX,
    base_iri,
    cell_of,
    display_name_of,
    fleet_shell_id,
    fleet_submodel_id,
    free_cell_name,
    is_own,
    shell_id,
    submodel_id,
)
from aasx.packages.files import THUMBNAIL_PART, part_name
from aasx.packages.package import (
    Package,
    PackageError,
    canonical,
    environment_of,
    file_elements,
    referred_submodels,
    semantic_ids,
    to_bytes,
    walk,
)
from aasx.packages.verification import verify, without_foreign
from aasx.shell import build_cell, build_fleet, cell_files
from aasx.submodels import (
    ai_model_nameplate,
    asset_interfaces,
    data_sheet,
    fleet,
    imports,
    operational_data,
    prediction,
)
from aasx.submodels.operation_variables import DELEGATION, PREDICT_ALL
from aasx.vocabulary import IN_SERVICE

LOAD_THREADS = 4


# --- a package into a running environment


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What `load` did: ids of shells created, kept, and left out because a person had removed the cell; how many
    operations now point to another delegate; and what could not be completed because of what stands there, a line each.
    """

    created: list[str]
    kept: list[str]
    left_out: list[str]
    redirected: int
    troubled: list[str] = dataclasses.field(default_factory=list)


def load(
    client: AasClient,
    package: Package,
    delegate_url: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
    without: Iterable[str] = (),
) -> LoadReport:
    """Bring a package into a running environment; can be repeated at any time.

    Shells that exist keep their submodels, with history, predictions, thresholds and alerts; only what is missing is
    created, down to single elements, so that a twin takes up what a newer version of the package adds. Cells that were
    removed stay away. With `delegate_url` the operations of all the package's submodels point to that delegate.
    A shell is written after its submodels and files: a load that was cut short is completed by the next one.
    What somebody else has put in the place of an element stays, is told, and stops nothing else.
    `progress` is told how many shells are done. The cells `without` are left out.
    """
    load_concepts(client, package.concept_descriptions())
    with Loader(client, delegate_url, progress, without) as loader:
        loader.begin(package)
        return loader.report()


class Loader:
    """Loads shells with their submodels and files, while more of them may still be built: see `load`.

    As a context manager it waits for what has begun; an error ends what has not.
    """

    def __init__(
        self,
        client: AasClient,
        delegate_url: str | None = None,
        progress: Callable[[int], None] = lambda done: None,
        without: Iterable[str] = (),
    ) -> None:
        self._client, self._delegate_url, self._progress = client, delegate_url, progress
        self._present = {shell["id"] for shell in client.shells()}
        self._removed = removed_cells(client) | set(without)
        self._through = itertools.count(1)
        self._shells: list[str] = []
        self._left_out: list[str] = []
        self._troubled: list[str] = []
        self._pool = concurrent.futures.ThreadPoolExecutor(LOAD_THREADS)
        self._begun: list[concurrent.futures.Future[int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, package: Package) -> None:
        """Hand out the shells of a package; its concept descriptions are not looked at."""
        submodels = {submodel["id"]: submodel for submodel in package.submodels()}
        for shell in package.shells():
            if cell_of(shell["id"]) in self._removed:
                self._left_out.append(shell["id"])
                continue
            self._shells.append(shell["id"])
            parts = [submodels[id_] for id_ in _submodel_ids(shell) if id_ in submodels]
            self._begun.append(self._pool.submit(self._load, shell, parts, package.files))

    def report(self) -> LoadReport:
        """What was done, once all is; the first failure ends it and is raised."""
        redirected = sum(future.result() for future in concurrent.futures.as_completed(self._begun))
        ids = sorted(self._shells)
        created, kept = ([id_ for id_ in ids if (id_ in self._present) is known] for known in (False, True))
        return LoadReport(created, kept, sorted(self._left_out), redirected, sorted(self._troubled))

    def _load(self, shell: dict, submodels: Sequence[dict], files: Mapping[str, bytes]) -> int:
        """One shell. Returns how many operations were redirected."""
        parts = [_prepared(submodel, self._delegate_url, self._removed) for submodel in submodels]
        redirected = 0
        if shell["id"] in self._present:
            redirected = sum(self._keep(submodel, files) for submodel in parts)
        else:
            for submodel in parts:
                _write_submodel(self._client, submodel, files, new=True)
            _write_shell(self._client, shell, files, new=True)
        self._progress(next(self._through))
        return redirected

    def _keep(self, submodel: dict, files: Mapping[str, bytes]) -> int:
        try:
            return _keep_submodel(self._client, submodel, files, self._delegate_url, self._troubled)
        except (Refused, ServerFault, BadAnswer, Conflict, LookupError, TypeError, AttributeError, ValueError) as error:
            self._troubled.append(f"{submodel['id']}: {error or repr(error)}")
            return 0


def stand(client: AasClient, shell_ids: Iterable[str], submodel_ids: Iterable[str]) -> bool:
    """Whether all of these are there; what they hold is not read."""
    if not set(shell_ids) <= {shell["id"] for shell in client.shells()}:
        return False
    return all(_in_threads(client.has_submodel, submodel_ids))


def _prepared(submodel: dict, delegate_url: str | None, removed: set[str]) -> dict:
    """A copy of a package's submodel as it goes to the server: its delegate, and no removed cells in the fleet."""
    new: dict = build.without_empty_arrays(submodel)
    if delegate_url is not None:
        for _, qualifier in delegation_qualifiers(new):
            qualifier["value"] = _redirected(qualifier["value"], delegate_url)
    if new["id"] == fleet_submodel_id():
        new = build.without_empty_arrays(_without_cells(new, removed))
    return new


def _without_cells(submodel: dict, cells: set[str]) -> dict:
    """The Fleet submodel without the summaries of some cells; any other as it is."""
    for element in submodel["submodelElements"] if submodel["id"] == fleet_submodel_id() else []:
        if element["idShort"] == fleet.CELLS_PATH and "value" in element:
            element["value"] = [summary for summary in element["value"] if summary["idShort"] not in cells]
    return submodel


def load_concepts(client: AasClient, concepts: Sequence[dict]) -> None:
    """Create concept descriptions, and replace those that stand there with another content."""
    if not concepts:
        return
    stored = {concept["id"]: concept for concept in client.concept_descriptions()}

    def put(concept: dict) -> None:
        if concept["id"] not in stored:
            client.put_concept_description(concept, new=True)
        elif canonical(stored[concept["id"]]) != canonical(concept):
            client.put_concept_description(concept)

    _in_threads(put, concepts)


def _in_threads(task: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
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


def _write_submodel(client: AasClient, submodel: dict, files: Mapping[str, bytes], new: bool = False) -> None:
    """Write a `_prepared` submodel, then the content of its File elements. No path of the package goes to the server:
    they are changed in place."""
    attachments = []
    for path, element in file_elements(submodel):
        part = element.get("value", "")
        if part in files:
            element["value"] = posixpath.basename(part)
            attachments.append((path, part, element["contentType"]))
    client.put_submodel(submodel, new=new)
    for path, part, content_type in attachments:
        client.put_attachment(submodel["id"], path, posixpath.basename(part), files[part], content_type)


def _write_shell(client: AasClient, shell: dict, files: Mapping[str, bytes], new: bool = False) -> None:
    """Write a shell, then its thumbnail."""
    asset = dict(shell["assetInformation"])
    thumbnail = asset.pop("defaultThumbnail", None)
    client.put_shell(shell | {"assetInformation": asset}, new=new)
    if thumbnail is not None and thumbnail["path"] in files:
        name = posixpath.basename(thumbnail["path"])
        content_type = thumbnail.get("contentType", "application/octet-stream")
        client.put_thumbnail(shell["id"], name, files[thumbnail["path"]], content_type)


def _keep_submodel(
    client: AasClient, submodel: dict, files: Mapping[str, bytes], delegate_url: str | None, troubled: list[str]
) -> int:
    """Complete a submodel that is alive without touching what it holds. Returns how many operations were redirected.

    An element of another kind than the package's is left as it is, with all that belongs into it, and named.
    """
    try:
        is_fleet = submodel["id"] == fleet_submodel_id()
        alive = _alive_fleet(client, submodel) if is_fleet else client.submodel(submodel["id"])
    except NotFound:
        _write_submodel(client, submodel, files, new=True)
        return 0
    redirected = 0 if delegate_url is None else redirect(client, alive, delegate_url)
    _add_missing_elements(client, alive, submodel, troubled)
    _refresh_operations(client, alive, submodel)
    _refresh_model_facts(client, alive, submodel)
    _refresh_data_sheet(client, alive, submodel, files)
    return redirected


def _alive_fleet(client: AasClient, package: dict) -> dict:
    """The Fleet submodel that is alive as far as the package goes: of the elements of its collections, which may be
    very many, only those that the package has. Raises NotFound when there is none.
    """
    if not client.has_submodel(package["id"]):
        raise NotFound(f"there is no submodel {package['id']}")

    def found(path: str) -> list[dict]:
        try:
            return [client.element(package["id"], path)]
        except NotFound:
            return []

    elements: list[dict] = []
    for element in package["submodelElements"]:
        name = element["idShort"]
        if element["modelType"] != "SubmodelElementCollection":
            elements += found(name)
            continue
        try:
            next(client.value_pages(package["id"], name))
        except NotFound:
            continue
        except (Refused, ServerFault, BadAnswer):  # something else stands there
            elements += found(name)
            continue
        parts = [part for inner in element.get("value") or [] for part in found(f"{name}.{inner['idShort']}")]
        elements.append(element | {"value": parts})
    return package | {"submodelElements": elements}


def _add_missing_elements(client: AasClient, alive: dict, submodel: dict, troubled: list[str]) -> None:
    """Elements that a newer package has and the submodel lacks; items of lists and cycle records are content."""
    kinds = {path: element.get("modelType") for path, element in walk(alive.get("submodelElements") or [])}
    known = set(kinds)
    for path, element in walk(submodel.get("submodelElements") or []):
        parent = path.rpartition(".")[0]
        is_content = path.endswith("]") or operational_data.is_content(path)
        if not is_content and kinds.get(path, element["modelType"]) != element["modelType"]:
            troubled.append(f"{submodel['id']}: {path} is a {kinds[path]}, not a {element['modelType']}")
            known = {other for other in known if other != path and not other.startswith(f"{path}.")}
        elif path not in known and not is_content and (not parent or parent in known):
            client.append_element(submodel["id"], parent or None, element)
            known |= {path, *(below for below, _ in walk([element], path.removesuffix(element["idShort"])))}


def _refresh_operations(client: AasClient, alive: dict, submodel: dict) -> None:
    """Operations whose variables or texts have changed; they hold nothing that could be lost."""
    stored = {element["idShort"]: element for element, _ in delegation_qualifiers(alive)}
    for element, _ in delegation_qualifiers(submodel):
        old = stored.get(element["idShort"])
        if old is not None:
            new = element | {"qualifiers": old["qualifiers"]}
            if build.without_empty_arrays(old) != new:
                client.put_element(submodel["id"], element["idShort"], new)


def _refresh_model_facts(client: AasClient, alive: dict, submodel: dict) -> None:
    """What the package says of the AI model replaces what is stored: its nameplate, and its range of validity."""
    kind = _semantic_id(submodel)
    if kind == ai_model_nameplate.SEMANTIC_ID and canonical(alive) != canonical(submodel):
        client.put_submodel(submodel)
    if kind == prediction.SEMANTIC_ID:
        path = prediction.BOUNDARY_CONDITIONS_PATH
        old, new = dict(walk(alive["submodelElements"])), dict(walk(submodel["submodelElements"]))
        if path in old and build.without_empty_arrays(old[path]) != new[path]:
            client.put_element(submodel["id"], path, new[path])


def _refresh_data_sheet(client: AasClient, alive: dict, submodel: dict, files: Mapping[str, bytes]) -> None:
    """A data sheet of an earlier version, which was Markdown, gives way to the package's."""
    old = dict(file_elements(alive))
    for path, element in file_elements(submodel):
        part = element.get("value", "")
        if part in files and old.get(path, {}).get("contentType") == data_sheet.EARLIER_CONTENT_TYPE:
            name = posixpath.basename(part)
            client.put_element(submodel["id"], path, element | {"value": name})
            client.put_attachment(submodel["id"], path, name, files[part], element["contentType"])


def _semantic_id(element: dict) -> str | None:
    keys = (element.get("semanticId") or {}).get("keys") or [{}]
    return keys[-1].get("value")


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

    The package is verified first. Cells that exist are a Conflict, and nothing is changed; with `replace` they become
    what the package holds. Raises PackageError for a package that does not conform or holds no cell of this twin's base
    IRI.
    """
    problems = verify(package.environment)
    if problems:
        raise PackageError(f"the package does not conform to the metamodel: {problems[0]}")
    cells = sorted(filter(None, (cell_of(shell["id"]) for shell in package.shells())))
    if not cells:
        raise PackageError(f"the package holds no cell under {base_iri()} (TWIN_BASE_IRI)")
    present = _cells(client)
    clashes = [present[cell.lower()] for cell in cells if cell.lower() in present]
    if clashes and not (replace and set(clashes) <= set(cells)):
        raise Conflict(f"the twin has already {', '.join(clashes)}")
    fleet_alive = any(shell["id"] == fleet_shell_id() for shell in client.shells())
    target = delegate_url or (delegate_url_of(client) if fleet_alive else None)
    if fleet_alive:
        _remember_removed(client, removed_cells(client) - set(cells))
    _replace_shells(client, package, clashes, target)
    load(client, package, target)
    if not fleet_alive and fleet_shell_id() not in {shell["id"] for shell in package.shells()}:
        load(client, Package(environment_of(build_fleet({})), {}), target)
    _write_summaries(client, cells, replaced=clashes)
    return cells


def _replace_shells(client: AasClient, package: Package, cells: Iterable[str], delegate_url: str | None) -> None:
    """Write the package's submodels over those of living cells."""
    submodels = {submodel["id"]: submodel for submodel in package.submodels()}
    shells = {shell["id"]: shell for shell in package.shells()}
    for cell in cells:
        shell = shells[shell_id(cell)]
        for id_ in _submodel_ids(shell):
            if id_ in submodels:
                _write_submodel(client, _prepared(submodels[id_], delegate_url, set()), package.files)
        _write_shell(client, shell, package.files)


def _cells(client: AasClient) -> dict[str, str]:
    """Names of the cells in a running twin, by their lower case: names must differ in more than case."""
    names = filter(None, (cell_of(shell["id"]) for shell in client.shells()))
    return {name.lower(): name for name in names}


def _write_summaries(client: AasClient, cells: Iterable[str], replaced: Iterable[str]) -> None:
    """The fleet's summary of cells that have none or were replaced, from their predictions and alerts."""
    replaced = set(replaced)
    for cell in cells:
        path = f"{fleet.CELLS_PATH}.{cell}"
        try:
            old = client.read_element(fleet_submodel_id(), path, fleet.summary_shape())
        except NotFound:
            old = None
        if old is not None and cell not in replaced:
            continue
        shape = operational_data.shape().part("LiveState")
        state = client.read_element(submodel_id(cell, "OperationalData"), "LiveState", shape)
        service = operational_data.service_state(state)
        predicted = client.read_submodel(submodel_id(cell, "Prediction"), prediction.shape())
        live = fleet.summary_of(predicted, service == IN_SERVICE) | {"ServiceState": service}
        live["Battery"] = display_name_of(client.shell(shell_id(cell))) or cell
        if old is not None:
            client.put_element(fleet_submodel_id(), path, build.to_json(fleet.cell_summary(cell, old | live)))
        else:
            summary = build.to_json(fleet.cell_summary(cell, live))
            client.append_element(fleet_submodel_id(), fleet.CELLS_PATH, summary)


# --- a running environment into a package


def export(
    client: AasClient,
    cells: Iterable[str] | None = None,
    form: str = "xml",
    left_out: list[str] | None = None,
    without: Iterable[str] = (),
) -> bytes:
    """An AASX package of a running twin: all of it but the cells `without`, or the named cells with the AI models they
    refer to.

    What somebody else has put there and the metamodel does not allow, and files that are gone, are not in it: they are
    named in `left_out`, a line each, so that every package can be opened and imported again.
    Raises NotFound when a named cell does not exist.
    """
    apart = set(without)
    found = client.shells() if cells is None else map(partial(_shell_of, client), cells)
    shells = {shell["id"]: shell for shell in found if cell_of(shell["id"]) not in apart}
    submodels: dict[str, dict] = {}
    files: dict[str, bytes] = {}
    told = [] if left_out is None else left_out

    def fetch(shell: dict) -> None:
        for id_ in _submodel_ids(shell):
            submodel = client.submodel(id_)
            foreign: list[str] = []
            submodel = _without_cells(_without_raw_files(without_foreign(submodel, foreign)), apart)
            for path, element in file_elements(submodel):
                if element.get("value"):
                    part = part_name(id_, path, element["contentType"])
                    try:
                        files[part] = client.attachment(id_, path)
                    except (NotFound, Refused, ServerFault):
                        del element["value"]
                        foreign.append(f"{path}: its file is gone")
            submodels[id_] = canonical(submodel)
            told.extend(f"{id_}: {one}" for one in foreign)
        if shell["assetInformation"].get("defaultThumbnail"):
            try:
                files[THUMBNAIL_PART] = client.thumbnail(shell["id"])
            except (NotFound, Refused, ServerFault):
                told.append(f"{shell['id']}: its picture is gone")
                del shell["assetInformation"]["defaultThumbnail"]

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


def _shell_of(client: AasClient, cell: str) -> dict:
    try:
        return client.shell(shell_id(cell))
    except NotFound as error:
        raise NotFound(f"there is no shell {shell_id(cell)}") from error


def _without_raw_files(submodel: dict) -> dict:
    """The submodel without the contents of its imports: a raw file stays where it was brought in."""
    for element in submodel.get("submodelElements") or []:
        if element.get("idShort") == imports.IMPORTS:
            for path, part in file_elements({"submodelElements": [element]}):
                if path.startswith(f"{imports.IMPORTS}."):
                    part.pop("value", None)
    return submodel


def _referred_model_shells(shells: Iterable[dict], submodels: Iterable[dict]) -> list[dict]:
    """Shells that hold a submodel the given ones refer to, without being among them."""
    submodels = list(submodels)
    referred = {id_ for submodel in submodels for id_ in referred_submodels(submodel)}
    referred -= {submodel["id"] for submodel in submodels}
    return [shell for shell in shells if referred & set(_submodel_ids(shell)) and cell_of(shell["id"]) is None]


# --- operations and single cells of a running twin


def delegation_qualifiers(submodel: dict) -> Iterator[tuple[dict, dict]]:
    """The operations of a submodel, each with its qualifier that names the delegate's URL."""
    for element in submodel.get("submodelElements") or []:
        for qualifier in element.get("qualifiers") or []:
            is_url = qualifier.get("type") == DELEGATION and isinstance(qualifier.get("value"), str)
            if element.get("modelType") == "Operation" and is_url:
                yield element, qualifier


def _redirected(url: str, delegate_url: str) -> str:
    """The delegation URL on another delegate: what follows /delegation/ stays."""
    return f"{delegate_url.rstrip('/')}/delegation/{url.partition('/delegation/')[2]}"


def delegate_url_of(client: AasClient) -> str:
    """The delegate the fleet's operations point to. Raises NotFound when the twin is not loaded."""
    operation = client.element(fleet_submodel_id(), PREDICT_ALL.name)
    for _, qualifier in delegation_qualifiers({"submodelElements": [operation]}):
        return qualifier["value"].partition("/delegation/")[0]
    raise NotFound("the fleet has no operation that names a delegate")


def add_cell(client: AasClient, description: CellDescription, delegate_url: str | None = None) -> CellDescription:
    """Add a new cell without history to a running twin. `delegate_url` defaults to that of the fleet.

    Returns the description as it was added: where the idShort derived from its name is taken by a cell of another name,
    it gets a number. Raises Conflict when a cell of this name exists, in any spelling of upper and lower case.
    """
    shown = description.display_name
    names = {cell: display_name_of(shell) or cell for shell in client.shells() if (cell := cell_of(shell["id"]))}
    for cell, known in names.items():
        if shown.casefold() in (known.casefold(), cell.casefold()):
            raise Conflict(f"there is already a cell {known}")
    name = free_cell_name(description.cell, names)
    description = description.model_copy(update={"cell": name, "name": None if shown == name else shown})
    objects = build_cell(description, delegate_url=delegate_url or delegate_url_of(client))
    _remember_removed(client, removed_cells(client) - {name})
    load(client, Package(environment_of(objects), cell_files(description)))
    item = fleet.cell_item(name, shown)
    try:
        client.append_element(fleet_submodel_id(), fleet.CELLS_PATH, item)
    except Conflict:
        client.put_element(fleet_submodel_id(), f"{fleet.CELLS_PATH}.{name}", item)
    return description


def remove_cell(client: AasClient, cell: str, remember: bool = True) -> None:
    """Remove a cell: its entry in the fleet, its submodels with their files, at last its shell.

    The fleet remembers the name, so that loading the package again does not bring the cell back (unless told not to);
    adding or importing it does. Raises NotFound when there is no such cell. A removal that was cut short can be
    repeated.
    """
    shell = client.shell(shell_id(cell))
    if remember:
        _remember_removed(client, removed_cells(client) | {cell})
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


def put_feed(client: AasClient, cell: str, feed: asset_interfaces.Feed) -> None:
    """Describe where a cell's live values come from; what the feeder has told of the feed stays.

    Raises NotFound when there is no such cell, ValueError for a description that nothing can be read by.
    """
    if problems := feed.problems():
        raise ValueError("; ".join(map(str, problems)))
    shell, id_ = client.shell(shell_id(cell)), submodel_id(cell, asset_interfaces.ID_SHORT)
    try:
        client.put_element(id_, asset_interfaces.INTERFACE, asset_interfaces.element(cell, feed))
    except NotFound:
        client.put_submodel(build.to_json(asset_interfaces.build(cell, feed)))
    if id_ not in _submodel_ids(shell):
        reference = build.to_json(build.submodel_reference(id_))
        client.put_shell(shell | {"submodels": [*(shell.get("submodels") or []), reference]})


def remove_feed(client: AasClient, cell: str) -> None:
    """The opposite; also where there is none. Raises NotFound when there is no such cell."""
    shell, id_ = client.shell(shell_id(cell)), submodel_id(cell, asset_interfaces.ID_SHORT)
    if id_ in _submodel_ids(shell):
        kept = [one for one in shell["submodels"] if one["keys"][-1]["value"] != id_]
        client.put_shell({key: part for key, part in (shell | {"submodels": kept}).items() if part != []})
    with contextlib.suppress(NotFound):
        client.delete_submodel(id_)


def demo_cells(client: AasClient) -> list[str]:
    """Names of the demo's cells, sorted: those of its prefix that are replays."""
    named = [cell for shell in client.shells() if (cell := cell_of(shell["id"])) and cell.startswith(DEMO_PREFIX)]
    return sorted(cell for cell in named if _is_replay(client, cell))


def _is_replay(client: AasClient, cell: str) -> bool:
    try:
        path = f"Metadata.{operational_data.REPLAY_OF}"
        return bool(client.element_value(submodel_id(cell, "OperationalData"), path))
    except NotFound:
        return False


def removed_cells(client: AasClient) -> set[str]:
    """Names of the cells that a person has removed and that loading leaves out; empty for a twin without fleet."""
    try:
        names = client.element_value(fleet_submodel_id(), fleet.REMOVED_CELLS_PATH)
    except NotFound:
        return set()
    return set(names.split()) if isinstance(names, str) else set()


def _remember_removed(client: AasClient, cells: set[str]) -> None:
    names = " ".join(sorted(cells)) or None
    try:
        client.set_value(fleet_submodel_id(), fleet.REMOVED_CELLS_PATH, names)
    except NotFound:
        if names is not None:
            element = build.to_json(fleet.removed_cells(names))
            client.append_element(fleet_submodel_id(), None, element)
