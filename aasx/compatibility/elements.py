"""Checks of single elements: values, PUT, appends, lists, files, conditional writes."""

from __future__ import annotations

import concurrent.futures

from aasx import shell
from aasx.client import AasError, Changed, Conflict, NotFound
from aasx.compatibility.comparison import compare
from aasx.compatibility.report import Differs, Missing
from aasx.compatibility.scratch import Scratch, collection, prop
from aasx.elements import build, values

WRITERS, APPENDS_EACH = 8, 5


def written(scratch: Scratch) -> None:
    client, submodel = scratch.client, scratch.submodel
    for value in (42.5, 42.5, 1e-7):  # the second time the same
        client.set_value(submodel, "Number", value)
        if (found := client.element_value(submodel, "Number")) != value:
            raise Missing(f"PATCH $value with {value!r} leaves {found!r}")
    client.set_value(submodel, "Records.Record0001.id_cycle", 2)
    client.set_value(submodel, "Number", None)
    if client.element_value(submodel, "Number") is not None:
        raise Missing("a Property cannot be emptied by PUT")
    client.set_value(submodel, "Number", 1.5)


def value_of_element(scratch: Scratch) -> None:
    found = scratch.answer("GET", scratch.at("Number/$value"))
    if values.from_text(str(found), "xs:double") != 1.5:
        raise Missing(f"GET $value of a Property gives {found!r}")
    empty = scratch.answer("GET", scratch.at("Empty/$value"))
    if empty is not None:
        raise Differs(f"GET $value of a Property without value gives {empty!r} instead of null")
    if not isinstance(found, str):
        raise Differs(f"GET $value of an xs:double gives the JSON value {found!r} instead of text")


def value_of_submodel(scratch: Scratch) -> None:
    found = scratch.client.submodel_value(scratch.submodel)
    if values.from_text(str(found["Number"]), "xs:double") != 1.5 or "Record0001" not in found["Records"]:
        raise Missing(f"GET $value of a submodel gives {str(found)[:100]}")
    if found.get("Empty") is not None:
        raise Differs(f"in GET $value of a submodel a Property without value is {found.get('Empty')!r}, not null")


def types_are_kept(scratch: Scratch) -> None:
    answer = scratch.request("PATCH", scratch.at("Number/$value"), json="abc")
    scratch.client.put_element(scratch.submodel, "Number", prop("Number", "1.5", "xs:double"))
    if answer.status_code < 300:
        raise Differs('PATCH $value stores "abc" in an xs:double')


def replaced(scratch: Scratch) -> None:
    before = [one["idShort"] for one in scratch.client.submodel(scratch.submodel)["submodelElements"]]
    record = collection("Record0001", [prop("id_cycle", "3", "xs:int"), prop("type", "discharge")])
    scratch.client.put_element(scratch.submodel, "Records.Record0001", record)
    compare(record, scratch.client.element(scratch.submodel, "Records.Record0001"))
    scratch.client.put_element(scratch.submodel, "Number", prop("Number", "1.5", "xs:double"))
    after = [one["idShort"] for one in scratch.client.submodel(scratch.submodel)["submodelElements"]]
    if sorted(before) != sorted(after):
        raise Missing(f"after PUT of an element the submodel holds {', '.join(after)}")
    if before != after:
        raise Differs("after PUT of an element the elements stand in another order")


def appended(scratch: Scratch) -> None:
    client, submodel = scratch.client, scratch.submodel
    client.append_element(submodel, "Records", collection("Record0002", [prop("id_cycle", "4", "xs:int")]))
    client.append_element(submodel, "Items", collection(None, [prop("Name", "second")]))
    client.append_element(submodel, None, prop("Added", "1", "xs:int"))
    if client.element_value(submodel, "Records.Record0002") != {"id_cycle": 4}:
        raise Missing("an element appended to a collection is not there")
    if client.element_value(submodel, "Items") != [{"Name": "first"}, {"Name": "second"}]:
        raise Missing(f"a list reads {client.element_value(submodel, 'Items')} after an append")
    try:
        client.append_element(submodel, "Records", collection("Record0002", []))
    except Conflict:
        return
    except AasError as error:
        raise Differs(f"POST of an idShort that exists: {error}") from error
    raise Missing("POST of an idShort that exists is accepted")


def by_index(scratch: Scratch) -> None:
    client, submodel = scratch.client, scratch.submodel
    client.put_element(submodel, "Items[1]", collection(None, [prop("Name", "other"), prop("Note", None)]))
    if client.element_value(submodel, "Items") != [{"Name": "first"}, {"Name": "other", "Note": None}]:
        raise Missing(f"a list reads {client.element_value(submodel, 'Items')} after PUT of its second item")
    client.set_value(submodel, "Items[1].Name", "third")
    client.delete_element(submodel, "Items[0]")
    if client.element_value(submodel, "Items") != [{"Name": "third", "Note": None}]:
        raise Missing(f"a list reads {client.element_value(submodel, 'Items')} after DELETE of its first item")


def plain_brackets(scratch: Scratch) -> None:
    status = scratch.status_of_plain(scratch.at("Items[0]"))
    if status != 200:
        raise Differs(f"GET …/Items[0] with plain brackets gives {status}")


def deleted(scratch: Scratch) -> None:
    scratch.client.delete_element(scratch.submodel, "Records.Record0002")
    scratch.client.delete_element(scratch.submodel, "Added")
    for path in ("Records.Record0002", "Added"):
        try:
            scratch.client.element(scratch.submodel, path)
        except NotFound:
            continue
        raise Missing(f"{path} is there after DELETE")


def parallel(scratch: Scratch) -> None:
    client, submodel = scratch.client, scratch.submodel
    for path in ("Appended", "Listed"):
        kind = collection(path, []) if path == "Appended" else build.list_element(path, [], "SubmodelElementCollection")
        client.append_element(submodel, None, kind)

    def append(number: int) -> None:
        client.append_element(submodel, "Appended", collection(f"Record{number:04}", [prop("N", str(number))]))
        client.append_element(submodel, "Listed", collection(None, [prop("N", str(number))]))

    of = WRITERS * APPENDS_EACH
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        done = [pool.submit(append, number) for number in range(of)]
    refused = [error for one in done if (error := one.exception()) is not None]
    for path in ("Appended", "Listed"):
        there = len(client.element_value(submodel, path))
        if there < of - len(refused):
            raise Missing(f"of {of} appends side by side, all acknowledged, {there} are there ({path})")
    if refused:
        raise Differs(f"{len(refused)} of {of} appends side by side are refused: {refused[0]}")


def attachments(scratch: Scratch) -> None:
    for path in ("File", "Folder.File"):
        for content in (b"id_cycle,Capacity\n1,1.86\n", "id_cycle,é\n2,1.85\n".encode() * 5000):
            scratch.client.put_attachment(scratch.submodel, path, "table 1.csv", content, "text/csv")
            if scratch.client.attachment(scratch.submodel, path) != content:
                raise Missing(f"the content of {path} comes back changed")
    kind = scratch.request("GET", scratch.at("File/attachment")).headers.get("Content-Type", "")
    scratch.client.delete_attachment(scratch.submodel, "File")
    if "value" in (element := scratch.client.element(scratch.submodel, "File")) and element["value"]:
        raise Differs(f"after DELETE of the attachment the File's value is {element['value']!r}")
    if not kind.startswith("text/csv"):
        raise Differs(f"a text/csv comes back as {kind or 'no content type'}")


def empty_file(scratch: Scratch) -> None:
    status = scratch.request("GET", scratch.at("File/attachment")).status_code
    try:
        scratch.client.attachment(scratch.submodel, "File")
    except NotFound:
        if status != 404:
            raise Differs(f"GET attachment of a File without content gives {status} instead of 404") from None
        return
    raise Missing(f"GET attachment of a File without content gives {status}")


def thumbnail(scratch: Scratch) -> None:
    picture = shell.THUMBNAIL_FILE.read_bytes()
    scratch.client.put_thumbnail(scratch.shells[0], "thumbnail.png", picture, "image/png")
    if scratch.client.thumbnail(scratch.shells[0]) != picture:
        raise Missing("the picture comes back changed")


def etags(scratch: Scratch) -> None:
    element, tag = scratch.client.tagged_element(scratch.submodel, "Number")
    if tag is None:
        raise Missing("answers have no ETag")
    scratch.client.put_element(scratch.submodel, "Number", element, if_match=tag)
    scratch.client.put_element(scratch.submodel, "Number", prop("Number", "2.5", "xs:double"))
    try:
        scratch.client.put_element(scratch.submodel, "Number", element, if_match=tag)
    except Changed:
        return
    raise Missing("PUT with the ETag of an older version is carried out")
