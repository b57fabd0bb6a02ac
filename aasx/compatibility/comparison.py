"""What was written against what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aasx.compatibility.report import Differs, Missing
from aasx.elements import values

SHOWN = 3


def compare(written: Any, read: Any) -> None:
    """Raises Missing where content is lost, Differs where it has the same meaning in another form.

    What the server adds (`kind`, empty arrays) is left aside, and so is the order of elements, not of list items.
    """
    found = list(_differences(written, read, ""))
    lost = [text for text, same in found if not same]
    told = lost or [text for text, _ in found]
    more = f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    if told:
        raise (Missing if lost else Differs)("; ".join(told[:SHOWN]) + more)


def _differences(written: Any, read: Any, path: str) -> Iterator[tuple[str, bool]]:
    """Each difference in words, and whether the meaning is the same."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, part in written.items():
            if key in ("value", "min", "max") and written.get("modelType") in ("Property", "Range"):
                yield from _value_differences(part, read.get(key), written["valueType"], f"{path}.{key}")
            elif key not in read:
                yield f"{_shown(path)}.{key} is gone", part == []
            else:
                yield from _differences(part, read[key], f"{path}.{key}")
        if written.get("modelType") == "Property" and "value" not in written and read.get("value") is not None:
            yield f"{_shown(path)} without a value has {read['value']!r}", read["value"] == ""
    elif isinstance(written, list) and isinstance(read, list):
        if _named(written) and _named(read):
            there = {one["idShort"]: one for one in read}
            for one in written:
                below = f"{path}.{one['idShort']}"
                if one["idShort"] in there:
                    yield from _differences(one, there[one["idShort"]], below)
                else:
                    yield f"{_shown(below)} is gone", False
        elif len(written) != len(read):
            yield f"{_shown(path)} has {len(read)} of {len(written)} entries", False
        else:
            pairs = zip(sorted(written, key=_language), sorted(read, key=_language), strict=True)
            for index, (one, other) in enumerate(pairs):
                yield from _differences(one, other, f"{path}[{index}]")
    elif written != read:
        yield f"{_shown(path)}: {written!r} comes back as {read!r}", False


def _value_differences(written: Any, read: Any, xs_type: str, path: str) -> Iterator[tuple[str, bool]]:
    if written == read:
        return
    try:
        same = _meaning(written, xs_type) == _meaning(read, xs_type)
    except (ValueError, TypeError, AttributeError):
        same = False
    yield f"{xs_type} {written!r} comes back as {read!r}", same


def _meaning(text: Any, xs_type: str) -> Any:
    """A value; of a date and time the instant, one without zone taken for UTC (the twin has `Clock`)."""
    value = values.from_text(text, xs_type)
    if xs_type != "xs:dateTime" or value is None:
        return value
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _named(items: list) -> bool:
    return bool(items) and all(isinstance(one, dict) and isinstance(one.get("idShort"), str) for one in items)


def _language(text: Any) -> str:
    return str(text.get("language")) if isinstance(text, dict) else ""


def _shown(path: str) -> str:
    return path.lstrip(".").replace("submodelElements.", "").replace(".value.", ".").strip() or "it"
