"""Files brought into a cell: what OperationalData keeps of each, and how large a file may be.

    Imports.Import20261128T174500a1b2    one file: the File element `Data`, what it is, how it is read, how far it is

A client appends an item (`new_import`), puts the file as the attachment of its `Data` and invokes ImportFile with the
item's idShort (`ImportId`). When the import has ended the file goes, its name, checksum and mapping stay; it never
travels in a package.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from basyx.aas import model

from aasx.elements.build import collection, file, own_property, to_json
from aasx.elements.values import with_value
from aasx.identifiers import concept_id

MEGABYTE = 1 << 20
"""As files are measured by the HMI's upload (Streamlit), Spring and nginx."""

MOST_FILE_MB = 100
MOST_FILE_BYTES = MOST_FILE_MB * MEGABYTE
"""Largest file that an import takes; above it: convert to Parquet, thin, or split."""

TOO_LARGE = "a file may have at most {limit} MB, this one has {size} MB: convert it to Parquet, thin it, or split it"
IMPORTS = "Imports"
DATA = "Data"
FACTS = (
    "FileName", "FileSize", "FileSHA256", "KeepFile", "ImportState", "ImportMapping", "TableForm", "CyclesBefore",
    "RowsDone", "RowsTotal", "CyclesTaken", "CyclesKnown", "CyclesSkipped", "ImportRemarks", "LastUpdate",
)  # fmt: skip
UPLOADED, PROPOSED, RUNNING, CANCELLING = "uploaded", "proposed", "running", "cancelling"
ENDED, CANCELLED, FAILED = "ended", "cancelled", "failed"
AT_WORK = (RUNNING, CANCELLING)

ID = re.compile(r"^Import[0-9A-Za-z]{1,60}$")


def imports() -> model.SubmodelElementCollection:
    """The collection of all imports of a cell, empty."""
    return collection(IMPORTS, [], concept_id(IMPORTS))


def _import(id_short: str | None) -> model.SubmodelElementCollection:
    facts = [own_property(name) for name in FACTS]
    data = file(DATA, "application/octet-stream", None, concept_id("ImportData"))
    return collection(id_short, [*facts, data], concept_id("Import"))


@cache
def import_item() -> dict[str, Any]:
    """JSON of one import without idShort and values."""
    return to_json(_import(None))


def new_import(file_name: str, size: int, keep: bool = False) -> dict[str, Any]:
    """JSON of an import that is to be appended to `Imports`, before its file is put. Raises ValueError if too large."""
    check_size(size)
    now = datetime.now(UTC)
    values = {
        "FileName": re.sub(r"[\x00-\x1f\x7f]", "", file_name.replace("\\", "/").rpartition("/")[2])[-200:] or "file",
        "FileSize": size,
        "KeepFile": keep,
        "ImportState": UPLOADED,
        "LastUpdate": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return with_value(import_item(), values) | {"idShort": f"Import{now:%Y%m%dT%H%M%S}{secrets.token_hex(2)}"}


def check_size(size: int) -> None:
    """Raises ValueError with the limit and the remedy for a file that is too large, or empty."""
    if size > MOST_FILE_BYTES:
        raise ValueError(TOO_LARGE.format(limit=MOST_FILE_MB, size=-(-size // MEGABYTE)))
    if size == 0:
        raise ValueError("the file is empty")
