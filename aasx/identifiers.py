"""Identifiers of everything in the twin, all under one base IRI.

    shell      {BASE}/aas/B0005                asset     {BASE}/asset/B0005
    submodel   {BASE}/sm/B0005/Prediction      concept   {BASE}/cd/Capacity/1/0
    fleet      {BASE}/aas/fleet                          {BASE}/sm/fleet/Fleet
    AI model   {BASE}/aas/model/<version>                {BASE}/sm/model/<version>/AIModelNameplate

The base is read from TWIN_BASE_IRI at each call; its default lies in the reserved `.example` domain (RFC 2606), so it
can never be someone else's name.
"""

import os
import re

DEFAULT_BASE_IRI = "https://battery-twin.example/ids"
CELL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
RESERVED_NAMES = ("fleet", "model")  # they have shells of their own


def base_iri() -> str:
    """The base IRI, without a slash at its end."""
    return os.environ.get("TWIN_BASE_IRI", DEFAULT_BASE_IRI).rstrip("/")


def check_cell_name(name: str) -> str:
    """Return `name` when it can name a cell; raise ValueError otherwise.

    A cell name becomes an idShort (AASd-002), a part of IRIs and a part of file names.
    """
    if not isinstance(name, str) or not CELL_NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a cell: a letter, then at most 31 letters, digits or underscores")
    if name.lower() in RESERVED_NAMES:
        raise ValueError(f"{name!r} cannot name a cell: the twin itself uses this name")
    return name


def shell_id(cell: str) -> str:
    return f"{base_iri()}/aas/{cell}"


def asset_id(cell: str) -> str:
    return f"{base_iri()}/asset/{cell}"


def submodel_id(cell: str, submodel: str) -> str:
    """`submodel` is the idShort: Nameplate, TechnicalData, OperationalData or Prediction."""
    return f"{base_iri()}/sm/{cell}/{submodel}"


def concept_id(name: str) -> str:
    """Identifier of one of our own concept descriptions (aasx/vocabulary.py)."""
    return f"{base_iri()}/cd/{name}/1/0"


def fleet_shell_id() -> str:
    return shell_id("fleet")


def fleet_submodel_id() -> str:
    return submodel_id("fleet", "Fleet")


def model_shell_id(version: str) -> str:
    return f"{base_iri()}/aas/model/{version}"


def model_asset_id(version: str) -> str:
    return f"{base_iri()}/asset/model/{version}"


def model_submodel_id(version: str) -> str:
    return f"{base_iri()}/sm/model/{version}/AIModelNameplate"


def cell_of(identifier: str) -> str | None:
    """The cell a shell, asset or submodel identifier belongs to; None for fleet, AI model and foreign identifiers."""
    for kind in ("aas", "asset", "sm"):
        prefix = f"{base_iri()}/{kind}/"
        if identifier.startswith(prefix):
            name = identifier[len(prefix) :].split("/")[0]
            if CELL_NAME.fullmatch(name) and name.lower() not in RESERVED_NAMES:
                return name
    return None


def is_own(identifier: str) -> bool:
    """True for identifiers under the base IRI, False for those of templates and dictionaries."""
    return identifier.startswith(base_iri() + "/")
