"""An invocation step by step, with the requests that really went over the wire, for the page that explains the twin."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import Any

from aasx.identifiers import shell_id, submodel_id
from dashboard.reading.twin import Exchange, Twin

MOST_ITEMS, MOST_CHARACTERS = 3, 4000
STEPS = ("shell", "operation", "invoke", "stored")
"""What the requests of a lesson are for, in their order; each has a text of its name."""


@dataclass(frozen=True)
class Lesson:
    """The calls that were made, their JSON shortened for reading, and why the last one failed, if it did."""

    calls: tuple[Exchange, ...]
    failure: str = ""


def give(twin: Twin, cell: str, at_cycle: int | None) -> Lesson:
    """Finds a cell's shell, reads its operation Predict, invokes it and reads what is stored.

    With `at_cycle` the prediction is one of then, and nothing is written.
    """
    prediction = submodel_id(cell, "Prediction")

    def steps(client: Any) -> None:
        client.shell(shell_id(cell))
        client.invoke(prediction, "Predict", {"AtCycle": at_cycle, "ConfidenceLevel": 0.9})
        client.element(prediction, "PredictionDetails.RUL")

    seen, failure = twin.exchanges(steps)
    return Lesson(
        tuple(replace(one, sent=readable(one.sent), answered=readable(one.answered)) for one in seen), failure
    )


def identifier_in(path: str) -> str:
    """The id that a path of the AAS API holds base64url-encoded; "" where there is none."""
    parts = path.split("/")
    return decoded(parts[2]) if len(parts) > 2 else ""


def readable(text: str) -> str:
    """JSON with its long lists and texts shortened, indented; other text as it is; at most some 4,000 characters."""
    try:
        shown = json.dumps(shortened(json.loads(text)), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        shown = text
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]}\n…"


def shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shortened(part) for name, part in value.items() if name not in ("description", "displayName")}
    if isinstance(value, list):
        left = len(value) - MOST_ITEMS
        return [shortened(part) for part in value[:MOST_ITEMS]] + ([f"… {left} more"] if left > 0 else [])
    return f"{value[:200]}…" if isinstance(value, str) and len(value) > 200 else value


def decoded(part: str) -> str:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def handed_on(body: str) -> str:
    """What the AAS environment sends to the delegate: the input arguments as a bare list."""
    try:
        return json.dumps(json.loads(body).get("inputArguments") or [], indent=2, ensure_ascii=False)
    except (ValueError, AttributeError):
        return "[]"
