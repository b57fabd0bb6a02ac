"""Identifiers of everything in the twin, all under one base IRI.

    shell      {BASE}/aas/B0005                asset     {BASE}/asset/B0005
    submodel   {BASE}/sm/B0005/Prediction      concept   {BASE}/cd/Capacity/1/0
    fleet      {BASE}/aas/fleet                          {BASE}/sm/fleet/Fleet
    AI model   {BASE}/aas/model/<version>                {BASE}/sm/model/<version>/AIModelNameplate

The base is read from TWIN_BASE_IRI at each call; its default lies in the reserved `.example` domain (RFC 2606), so it
can never be someone else's name.
"""

import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

DEFAULT_BASE_IRI = "https://battery-twin.example/ids"
LONGEST_CELL_NAME = 64
CELL_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_CELL_NAME - 1}}}")
RESERVED_NAMES = ("fleet", "model")  # they have shells of their own
LONGEST_DISPLAY_NAME = 100  # "Li-ion cell <name>" must fit into a display name of the metamodel (128 characters)
# Letters that are more than a letter with an accent: as German and Scandinavian passports write them.
SPELT_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "å": "aa"}


def base_iri() -> str:
    """The base IRI, without a slash at its end."""
    return os.environ.get("TWIN_BASE_IRI", DEFAULT_BASE_IRI).rstrip("/")


def check_cell_name(name: str) -> str:
    """Return `name` when it can name a cell; raise ValueError otherwise.

    A cell name becomes an idShort (AASd-002), a part of IRIs and a part of file names.
    """
    if not isinstance(name, str) or not CELL_NAME.fullmatch(name):
        most = LONGEST_CELL_NAME - 1
        raise ValueError(f"{name!r} cannot name a cell: a letter, then at most {most} letters, digits or underscores")
    if name.lower() in RESERVED_NAMES:
        raise ValueError(f"{name!r} cannot name a cell: the twin itself uses this name")
    return name


def check_display_name(name: str) -> str:
    """Return `name` without blanks around it when people can read it on one line; raise ValueError otherwise."""
    shown = name.strip() if isinstance(name, str) else ""
    if not (1 <= len(shown) <= LONGEST_DISPLAY_NAME and shown.isprintable()):
        raise ValueError(f"{name!r} cannot name a cell: 1 to {LONGEST_DISPLAY_NAME} characters on one line")
    return shown


def cell_name_of(display_name: str) -> str:
    """The idShort for a cell that people call `display_name`: the name itself where it can be one.

    Otherwise accents go (ä becomes ae), everything between letters and digits becomes an underscore, and a name that
    begins with a digit, or that the twin itself uses, gets `Cell_` before it. Letters that have no spelling in ASCII
    are replaced by a few digits of a hash of the name, so that names that differ in them only stay apart.
    """
    name = check_display_name(display_name)
    if CELL_NAME.fullmatch(name) and name.lower() not in RESERVED_NAMES:
        return name
    composed = unicodedata.normalize("NFC", name)
    spelt = "".join(_spelt_out(letter) for letter in composed)
    ascii_only = "".join(part for part in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(part))
    parts = re.findall(r"[A-Za-z0-9]+", ascii_only)
    lost = any(letter.isalnum() and not letter.isascii() for letter in ascii_only)
    if lost or not parts:
        parts.append(hashlib.sha256(composed.encode("utf-8")).hexdigest()[:6])
    derived = "_".join(parts)
    if not derived[0].isalpha() or derived.lower() in RESERVED_NAMES:
        derived = f"Cell_{derived}"
    return derived[:LONGEST_CELL_NAME].rstrip("_")


def _spelt_out(letter: str) -> str:
    spelt = SPELT_OUT.get(letter.lower(), letter)
    return spelt.capitalize() if letter.isupper() else spelt


def free_cell_name(name: str, taken: Collection[str]) -> str:
    """`name`, or with the first number behind it that makes it differ from all `taken`, in more than case."""
    used = {one.lower() for one in taken}

    def numbered(number: int) -> str:
        return name if number == 1 else f"{name[: LONGEST_CELL_NAME - len(str(number)) - 1]}_{number}"

    return next(one for number in itertools.count(1) if (one := numbered(number)).lower() not in used)


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


DEMO_PREFIX = "Demo_"
"""How the names of the demo's cells begin (scripts/demo.py)."""


def cell_of(identifier: str) -> str | None:
    """The cell a shell, asset or submodel identifier belongs to; None for fleet, AI model and foreign identifiers."""
    for kind in ("aas", "asset", "sm"):
        prefix = f"{base_iri()}/{kind}/"
        if identifier.startswith(prefix):
            name = identifier[len(prefix) :].split("/")[0]
            if CELL_NAME.fullmatch(name) and name.lower() not in RESERVED_NAMES:
                return name
    return None


def display_name_of(shell: Mapping[str, Any]) -> str | None:
    """The name of a cell as people write it, out of the JSON of its shell; None for a shell that has none."""
    known = (shell.get("assetInformation") or {}).get("specificAssetIds") or []
    return next((one.get("value") for one in known if one.get("name") == "Battery"), None)


def is_own(identifier: str) -> bool:
    """True for identifiers under the base IRI, False for those of templates and dictionaries."""
    return identifier.startswith(base_iri() + "/")
