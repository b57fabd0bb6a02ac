"""All checks, in the order of the table; each works on what the ones before it left.

A check returns where all is as the twin wants it, and otherwise raises Differs, Missing or NotTried with what was seen.
Whatever else goes wrong on the way counts as missing.
"""

from __future__ import annotations

from collections.abc import Callable

from aasx.client import AasClient, AasError
from aasx.compatibility import elements, identifiables, operations, round_trips
from aasx.compatibility.report import (
    DIFFERS,
    MISSING,
    NOT_TRIED,
    OK,
    Check,
    Differs,
    Finding,
    Missing,
    NotTried,
    Report,
)
from aasx.compatibility.scratch import Scratch

LONGEST_SEEN = 400


def run(
    url: str,
    delegate_url: str | None = None,
    with_delegate: bool = True,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Tries everything. `delegate_url`: where the server reaches this machine, for an address it is allowed to call.

    Raises AasError where no AAS environment answers at all.
    """
    AasClient(url, timeout_s=10.0).shells_page()
    scratch = Scratch(url)
    checks = [*CHECKS, *(operations.checks(delegate_url) if with_delegate else ())]
    findings = []
    try:
        for number, check in enumerate(checks):
            progress(number, len(checks))
            findings.append(_find(check, scratch))
    finally:
        left = scratch.clean()
    return Report(url, findings, left)


def _find(check: Check, scratch: Scratch) -> Finding:
    try:
        check.run(scratch)
    except (Differs, Missing, NotTried, AasError, LookupError, TypeError, AttributeError, ValueError) as error:
        result = {Differs: DIFFERS, NotTried: NOT_TRIED}.get(type(error), MISSING)
        seen = str(error) if isinstance(error, Differs | Missing | NotTried | AasError) else f"odd answer ({error!r})"
        meaning, remedy = (check.if_differs, _NOTHING) if result == DIFFERS else (check.if_missing, check.remedy)
        return Finding(check.title, check.needed, result, " ".join(seen.split())[:LONGEST_SEEN], meaning, remedy)
    return Finding(check.title, check.needed, OK)


_REPORT = "report it to the maker of the server; the twin cannot do without"
_NOTHING = "none needed"

CHECKS = [
    Check(
        "shells and submodels are created, read, replaced",
        True,
        identifiables.created,
        "nothing can be loaded",
        _REPORT,
    ),
    Check(
        "ids of any characters",
        True,
        identifiables.odd_ids,
        "identifiers of your own base IRI may not work",
        "choose a TWIN_BASE_IRI of plain letters",
    ),
    Check(
        "ids with base64 padding",
        False,
        identifiables.padded,
        "other tools that pad ids do not work with this server; the twin does not pad",
        _NOTHING,
    ),
    Check(
        "lists in pages, by cursors",
        True,
        identifiables.paged,
        "of a fleet of more than 100 cells some are not seen",
        _REPORT,
    ),
    Check("$metadata of a submodel", True, identifiables.metadata, "loading again and the fleet's list fail", _REPORT),
    Check(
        "404 for what is not there",
        True,
        identifiables.not_found,
        "what is absent cannot be told from a fault",
        _REPORT,
        "what somebody else takes away while the twin writes there comes back",
    ),
    Check(
        "texts come back as written",
        True,
        round_trips.comes_back(round_trips.TEXTS),
        "names and messages get lost",
        _REPORT,
    ),
    Check(
        "numbers come back as written",
        True,
        round_trips.comes_back(round_trips.NUMBERS),
        "measured values get lost",
        _REPORT,
        "the same numbers in other words; the twin reads both",
    ),
    Check(
        "dates and times come back as written",
        True,
        round_trips.comes_back(round_trips.DATES),
        "times get lost",
        _REPORT,
        "the twin reads them; other tools show the time of a test bench, whose zone nobody knows, as UTC",
    ),
    Check(
        "INF comes back as written",
        False,
        round_trips.comes_back(round_trips.INFINITE),
        "a value of another client that is infinite reads as not known",
        _NOTHING,
        "the twin writes none, and reads it",
    ),
    Check(
        "a Range of xs:double comes back as written",
        True,
        round_trips.comes_back(round_trips.RANGES),
        "the interval of a prediction gets lost",
        _REPORT,
    ),
    Check(
        "entities, lists, references, qualifiers come back",
        True,
        round_trips.comes_back(round_trips.STRUCTURES),
        "parts of a twin get lost",
        _REPORT,
    ),
    Check(
        "the twin's own submodels are accepted and come back",
        True,
        round_trips.twins_own,
        "a cell is not loaded whole",
        "relax the server's verification (BaSyx Go: SERVER_STRICTVERIFICATION=off), or report it",
    ),
    Check(
        "a submodel of 1000 cycle records",
        True,
        round_trips.large,
        "long histories cannot be loaded",
        "raise the server's largest request, or its time-outs",
    ),
    Check(
        "concept descriptions",
        False,
        round_trips.concepts,
        "units and definitions are not shown in other tools",
        _NOTHING,
    ),
    Check(
        "a value is written by PATCH $value",
        True,
        elements.written,
        "predictions and live values cannot be written",
        _REPORT,
    ),
    Check(
        "$value of a Property",
        False,
        elements.value_of_element,
        "the twin reads the element instead",
        _NOTHING,
        "the twin takes it as no value",
    ),
    Check(
        "$value of a submodel",
        False,
        elements.value_of_submodel,
        "the twin reads the whole submodel instead, which takes longer",
        _NOTHING,
        "the twin takes it as no value",
    ),
    Check(
        "a value that is not of its type is refused",
        False,
        elements.types_are_kept,
        "",
        _NOTHING,
        "other clients can write such values; the twin marks them as foreign",
    ),
    Check(
        "an element is replaced by PUT",
        True,
        elements.replaced,
        "alerts, corrections and thresholds cannot be written",
        _REPORT,
    ),
    Check("an element is appended by POST", True, elements.appended, "cycles cannot be appended", _REPORT),
    Check("list items by index", True, elements.by_index, "alerts cannot be acknowledged", _REPORT),
    Check(
        "list items by index with plain brackets",
        False,
        elements.plain_brackets,
        "",
        _NOTHING,
        "other tools that do not encode brackets do not work with this server; the twin encodes them",
    ),
    Check("an element is deleted", True, elements.deleted, "cells and cycles cannot be taken away", _REPORT),
    Check(
        "appends side by side all count",
        True,
        elements.parallel,
        "acknowledged cycles get lost where several write",
        "another back-end of the server (BaSyx with MongoDB loses some); one feeder and one delegate at a time",
        "where several write into one cell, an append has to be sent again; nothing acknowledged is lost",
    ),
    Check("attachments", True, elements.attachments, "curves, older cycles and data sheets cannot be kept", _REPORT),
    Check(
        "a File without content",
        False,
        elements.empty_file,
        "the export of a twin stops there",
        _NOTHING,
        "the twin takes it as no content",
    ),
    Check("thumbnail of a shell", False, elements.thumbnail, "cells have no picture in other tools", _NOTHING),
    Check(
        "conditional writes (ETag, If-Match)",
        False,
        elements.etags,
        "of two writers on one value the last wins; one delegate works safely",
        "run one delegate, or this project's own environment",
    ),
]
