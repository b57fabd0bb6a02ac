"""Checks of a package, as a tree of findings that prints like that of aas_test_engines.

file           aas_test_engines on the package itself: OPC, JSON or XML schema, constraints of the metamodel
metamodel      aas-core3.0 reads it and verifies every constraint (the code behind Package Explorer's loader)
templates      the published submodel templates: mandatory elements, semanticIds, types, cardinalities
references     every reference into the package's own shells and submodels leads to an element
vocabulary     every semanticId of ours has its concept description: names and definition in EN and FR, unit
files          every File element's part is in the package, no part is left over
"""

import csv
import dataclasses
import functools
import io
import pathlib
from collections.abc import Iterable, Iterator

from aas_test_engines import file as engine
from aas_test_engines.result import AasTestResult, Level

from aasx.packages import package
from aasx.packages.package import Package, PackageError
from aasx.packages.verification import verify

TEMPLATES = pathlib.Path(__file__).parents[1] / "templates"
AT_LEAST = {"One": 1, "ZeroToOne": 0, "OneToMany": 1, "ZeroToMany": 0}
AT_MOST = {"One": 1, "ZeroToOne": 1}


@dataclasses.dataclass(frozen=True)
class Fact:
    """What a template says of one element, see templates/README.md."""

    template: str
    path: str
    element: str
    value_type: str
    item_element: str
    semantic_id: str
    item_semantic_id: str
    cardinality: str

    @property
    def parent(self) -> str:
        return self.path.removesuffix("[]") if self.path.endswith("[]") else self.path.rpartition(".")[0]

    @property
    def id_short(self) -> str | None:
        """None where the template leaves the name open: items of lists, and elements that may come several times."""
        if self.path.endswith("[]") or self.cardinality not in AT_MOST:
            return None
        return self.path.rpartition(".")[2]


Deviation = tuple[str, str, str]  # template, path, property


@functools.cache
def facts() -> tuple[Fact, ...]:
    with open(TEMPLATES / "facts.csv", encoding="utf-8", newline="") as lines:
        return tuple(Fact(**row) for row in csv.DictReader(lines))


@functools.cache
def deviations() -> dict[Deviation, str]:
    """Reason of every difference that is meant."""
    with open(TEMPLATES / "deviations.csv", encoding="utf-8", newline="") as lines:
        return {(row["template"], row["path"], row["property"]): row["reason"] for row in csv.DictReader(lines)}


def check_package(source: pathlib.Path | bytes, name: str = "package") -> AasTestResult:
    """The whole tree of findings on one package; `.ok()` tells whether there is none worse than a warning."""
    content = source if isinstance(source, bytes) else source.read_bytes()
    result = AasTestResult(f"Checking {name}")
    try:
        read = package.read(content)
    except PackageError as error:
        result.append(AasTestResult(str(error), Level.ERROR))
        return result
    result.append(engine.check_aasx_file(io.BytesIO(content)))  # type: ignore[arg-type] # annotated TextIO, reads bytes
    result.append(_branch("Verifying with aas-core3.0 (metamodel 3.0)", verify(read.environment)))
    if not result.ok():
        result.append(AasTestResult("Templates, references, concepts and files are checked when the metamodel is kept"))
        return result
    result.append(check_templates(read.submodels()))
    result.append(_branch("Checking references", reference_findings(read)))
    result.append(_branch("Checking concept descriptions", vocabulary_findings(read)))
    result.append(_branch("Checking supplementary files", file_findings(read)))
    return result


def has_findings(result: AasTestResult) -> bool:
    """True when anything in the tree is worse than information; warnings count too."""
    return result.level != Level.INFO


def _branch(title: str, findings: Iterable[str]) -> AasTestResult:
    result = AasTestResult(title)
    for finding in findings:
        result.append(AasTestResult(finding, Level.ERROR))
    return result


# --- templates


def check_templates(submodels: Iterable[dict]) -> AasTestResult:
    result = AasTestResult("Checking published submodel templates")
    for submodel in submodels:
        result.append(check_template(submodel))
    return result


def check_template(submodel: dict) -> AasTestResult:
    """One submodel against the template its semanticId names; a deviation that is meant is information."""
    rows = [fact for fact in facts() if fact.element == "Submodel" and fact.semantic_id == _semantic_id(submodel)]
    name = f"{submodel.get('idShort')} <{submodel['id']}>"
    if not rows:
        return AasTestResult(f"{name}: follows no published template")
    template = rows[0].template
    result = AasTestResult(f"{name}: {template}")
    found: set[Deviation] = set()
    for (path, property_), where in _differences(submodel, template):
        key = (template, path, property_)
        if key not in deviations():
            result.append(AasTestResult(where, Level.ERROR))
        elif key not in found:
            result.append(AasTestResult(f"deviates in {property_} of {path}: {deviations()[key]}"))
        found.add(key)
    return result


def _differences(submodel: dict, template: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Each difference as ((path in the template, property), text)."""
    of_template = [fact for fact in facts() if fact.template == template]
    (expected,) = (fact.path for fact in of_template if fact.element == "Submodel")
    if submodel.get("idShort") != expected:
        yield (expected, "id_short"), f"idShort is {submodel.get('idShort')}, the template's is {expected}"
    yield from _below(submodel, "", submodel.get("idShort", ""), of_template)


def _below(element: dict, path: str, where: str, of_template: list[Fact]) -> Iterator[tuple[tuple[str, str], str]]:
    children = _children(element)
    for fact in of_template:
        if fact.element == "Submodel" or fact.parent != path:
            continue
        matching = [child for child in children if _matches(child, fact)]
        if not AT_LEAST[fact.cardinality] <= len(matching) <= AT_MOST.get(fact.cardinality, len(matching)):
            text = f"{where} holds {len(matching)} of {fact.path}, the template wants {fact.cardinality}"
            yield (fact.path, "cardinality"), text
        for index, child in enumerate(matching):
            child_where = f"{where}.{child.get('idShort', index)}"
            for property_, ours, wanted in _properties(child, fact):
                if ours != wanted:
                    yield (fact.path, property_), f"{child_where}: {property_} is {ours}, the template's is {wanted}"
            yield from _below(child, fact.path, child_where, of_template)


def _matches(child: dict, fact: Fact) -> bool:
    """The same semanticId; an element with another one may still be meant by its idShort."""
    if fact.path.endswith("[]"):
        return True
    return _semantic_id(child) == fact.semantic_id or child.get("idShort") == fact.path.rpartition(".")[2]


def _properties(child: dict, fact: Fact) -> Iterator[tuple[str, str | None, str | None]]:
    yield "element", child["modelType"], fact.element
    yield "semantic_id", _semantic_id(child), fact.semantic_id
    if fact.value_type:
        yield "value_type", child.get("valueType"), fact.value_type
    if fact.item_element:
        yield "item_element", child.get("typeValueListElement"), fact.item_element
    if fact.item_semantic_id:
        yield "item_semantic_id", _last_key(child.get("semanticIdListElement")), fact.item_semantic_id
    if fact.id_short:
        yield "id_short", child.get("idShort"), fact.id_short


def _children(element: dict) -> list[dict]:
    kind = element["modelType"]
    if kind == "Submodel":
        return element.get("submodelElements") or []
    if kind == "Entity":
        return element.get("statements") or []
    return element.get("value") or [] if kind in ("SubmodelElementCollection", "SubmodelElementList") else []


def _semantic_id(element: dict) -> str | None:
    return _last_key(element.get("semanticId"))


def _last_key(reference: dict | None) -> str | None:
    keys = (reference or {}).get("keys") or [{}]
    return keys[-1].get("value")


# --- references, vocabulary, files


def reference_findings(read: Package) -> Iterator[str]:
    """References into shells and submodels that lead to nothing, in all shells and submodels of the package."""
    shells = {shell["id"]: shell for shell in read.shells()}
    submodels = {submodel["id"]: submodel for submodel in read.submodels()}
    paths = {id_: dict(package.walk(submodel.get("submodelElements") or [])) for id_, submodel in submodels.items()}
    for holder in [*shells.values(), *submodels.values()]:
        for reference in package.model_references(holder):
            first, *rest = reference["keys"]
            target = shells if first["type"] == "AssetAdministrationShell" else submodels
            text = " / ".join(key["value"] for key in reference["keys"])
            path = "".join(
                f"[{key['value']}]" if key["value"].isdigit() else f".{key['value']}" for key in rest
            ).removeprefix(".")
            if first["value"] not in target or (path and path not in paths[first["value"]]):
                yield f"{holder['id']} refers to {text}, which is not there"
    held = {reference["keys"][-1]["value"] for shell in shells.values() for reference in shell.get("submodels") or []}
    for id_ in sorted(submodels.keys() - held):
        yield f"{id_} belongs to no shell"


def vocabulary_findings(read: Package) -> Iterator[str]:
    """semanticIds under the base IRI of the package's shells that no complete concept description explains."""
    described = {concept["id"]: concept for concept in read.concept_descriptions()}
    bases = {shell["id"].partition("/aas/")[0] for shell in read.shells()}
    for id_ in sorted(package.semantic_ids(read.submodels())):
        if any(id_.startswith(f"{base}/") for base in bases) and id_ not in described:
            yield f"{id_} has no concept description"
    for id_, concept in described.items():
        for lack in _lacks(concept):
            yield f"{id_} lacks {lack}"


def _lacks(concept: dict) -> Iterator[str]:
    specifications = concept.get("embeddedDataSpecifications") or [{}]
    content = specifications[0].get("dataSpecificationContent") or {}
    for part in ("preferredName", "definition"):
        languages = {text["language"] for text in content.get(part) or []}
        yield from (f"a {part} in {language}" for language in ("en", "fr") if language not in languages)
    if content.get("dataType", "").endswith("_MEASURE") and "unit" not in content:
        yield "a unit"


def file_findings(read: Package) -> Iterator[str]:
    """File elements and thumbnails without their part, and parts nobody names."""
    named = set()
    for submodel in read.submodels():
        for path, element in package.file_elements(submodel):
            part = element.get("value")
            if part and "://" not in part:
                named.add(part)
                if part not in read.files:
                    yield f"{submodel['id']} {path}: the package lacks {part}"
    for shell in read.shells():
        thumbnail = shell["assetInformation"].get("defaultThumbnail")
        if thumbnail:
            named.add(thumbnail["path"])
            if thumbnail["path"] not in read.files:
                yield f"{shell['id']}: the package lacks {thumbnail['path']}"
    for part in sorted(read.files.keys() - named):
        yield f"no element names {part}"
