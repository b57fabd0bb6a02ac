"""Checks of shells and submodels: ids, pages, what is not there."""

from __future__ import annotations

from aasx.client import NotFound
from aasx.compatibility.comparison import compare
from aasx.compatibility.report import Differs, Missing
from aasx.compatibility.scratch import Scratch, collection, encoded, prop
from aasx.elements import build

SEMANTIC_ID = "https://battery-twin.example/ids/cd/Check/1/0"
MOST_PAGES = 1000


def created(scratch: Scratch) -> None:
    for identifier in scratch.shells:
        scratch.client.put_shell(
            {
                "modelType": "AssetAdministrationShell", "id": identifier, "idShort": "Check",
                "assetInformation": {"assetKind": "Instance", "globalAssetId": f"{identifier}:asset"},
            }
        )  # fmt: skip
        scratch.client.put_shell(scratch.client.shell(identifier))
    scratch.client.put_submodel(
        {
            "modelType": "Submodel", "id": scratch.submodel, "idShort": "Check",
            "semanticId": build.external_reference(SEMANTIC_ID),
            "submodelElements": [
                prop("Number", "1.5", "xs:double"), prop("Empty", None, "xs:double"), prop("CalledBack", "no"),
                collection("Records", [collection("Record0001", [prop("id_cycle", "1", "xs:int")])]),
                build.list_element("Items", [collection(None, [prop("Name", "first")])], "SubmodelElementCollection"),
                {"modelType": "File", "idShort": "File", "contentType": "text/csv"},
                collection("Folder", [{"modelType": "File", "idShort": "File", "contentType": "text/csv"}]),
            ],
        }
    )  # fmt: skip
    read = scratch.client.submodel(scratch.submodel)
    compare({"id": scratch.submodel, "idShort": "Check"}, read)


def padded(scratch: Scratch) -> None:
    identifier = next(
        one for one in (scratch.submodel, scratch.submodel + "-") if encoded(one, padded=True).endswith("=")
    )
    if identifier != scratch.submodel:
        scratch.submodels.append(identifier)
        scratch.client.put_submodel({"modelType": "Submodel", "id": identifier, "idShort": "Check"})
    scratch.answer("GET", f"/submodels/{encoded(identifier, padded=True)}")


def odd_ids(scratch: Scratch) -> None:
    identifier = f"https://check.example/ids/{scratch.base[9:]}?a=1&b=ü/%2F#{'x' * 200}"
    scratch.submodels.append(identifier)
    scratch.client.put_submodel({"modelType": "Submodel", "id": identifier, "idShort": "Check"})
    compare({"id": identifier}, scratch.client.submodel(identifier))


def paged(scratch: Scratch) -> None:
    first = scratch.answer("GET", "/shells?limit=1")
    if len(first["result"]) != 1:
        raise Differs(f"limit=1 gives {len(first['result'])} shells")
    if not (first.get("paging_metadata") or {}).get("cursor"):
        raise Missing("the first of several shells comes without a cursor")
    second, _ = scratch.client.shells_page(first["paging_metadata"]["cursor"])
    seen: set[str] = set()
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page, cursor = scratch.client.shells_page(cursor)
        ids = {one["id"] for one in page}
        if ids & seen or (pages := pages + 1) > MOST_PAGES:
            raise Missing(f"page {pages} brings shells again" if ids & seen else f"more than {MOST_PAGES} pages")
        seen |= ids
    if missing := set(scratch.shells) - seen:
        raise Missing(f"{len(missing)} of the shells are on no page")
    if first["result"][0]["id"] in {one["id"] for one in second}:
        raise Missing("the cursor leads to the same page again")


def metadata(scratch: Scratch) -> None:
    if not scratch.client.has_submodel(scratch.submodel):
        raise Missing("$metadata of a submodel that exists gives 404")


def not_found(scratch: Scratch) -> None:
    gone = f"/submodels/{encoded(scratch.base + ':none')}"
    for path in (gone, f"/shells/{encoded(scratch.base + ':none')}", scratch.at("None"), scratch.at("Records.None"),
                 scratch.at("Items%5B99%5D"), scratch.at("Number.Below")):  # fmt: skip
        status = scratch.request("GET", path).status_code
        if status != 404:
            told = path.rpartition("/submodel-elements/")[2] if path is not gone else "a submodel that does not exist"
            raise (Differs if status in (400, 405) else Missing)(f"GET {told} gives {status} instead of 404")
    for path in ("None", "Records.Record9999"):
        try:
            scratch.client.put_element(scratch.submodel, path, prop(path.rpartition(".")[2], "1"))
        except NotFound:
            continue
        raise Differs(f"PUT to {path}, which does not exist, creates it")
