"""An invocation step by step, with the requests that really went over the wire, for the page that explains the twin."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

import requests

from aasx.client import AasClient, AasError
from aasx.identifiers import shell_id, submodel_id

TIMEOUT_S = 20.0
MOST_ITEMS, MOST_CHARACTERS = 3, 4000
STEPS = ("shell", "operation", "invoke", "stored")
"""What the requests of a lesson are for, in their order; each has a text of its name."""


@dataclass(frozen=True)
class Call:
    """A request and its answer as they were sent; `body` and `answer` are JSON, shortened for reading."""

    method: str
    path: str
    status: int
    took_ms: float
    body: str
    answer: str

    @property
    def identifier(self) -> str:
        """The id that the path holds base64url-encoded; "" where there is none."""
        parts = self.path.split("/")
        return decoded(parts[2]) if len(parts) > 2 else ""


@dataclass(frozen=True)
class Lesson:
    """The calls that were made, and why the last one failed, if it did."""

    calls: tuple[Call, ...]
    failure: str = ""


def give(base_url: str, cell: str, at_cycle: int | None, client: AasClient | None = None) -> Lesson:
    """Finds a cell's shell, reads its operation Predict, invokes it and reads what is stored.

    With `at_cycle` the prediction is one of then, and nothing is written.
    """
    client = client or AasClient(base_url, timeout_s=TIMEOUT_S)
    calls: list[Call] = []
    client.on_answer = lambda answer: calls.append(call_of(answer, base_url))
    prediction = submodel_id(cell, "Prediction")
    try:
        client.shell(shell_id(cell))
        client.invoke(prediction, "Predict", {"AtCycle": at_cycle, "ConfidenceLevel": 0.9}, timeout_s=TIMEOUT_S)
        client.element(prediction, "PredictionDetails.RUL")
    except (AasError, ValueError) as error:
        return Lesson(tuple(calls), str(error))
    return Lesson(tuple(calls))


def call_of(answer: requests.Response, base_url: str) -> Call:
    body = answer.request.body
    sent = body.decode("utf-8") if isinstance(body, bytes) else str(body or "")
    path = (answer.request.url or "").removeprefix(base_url.rstrip("/"))
    return Call(answer.request.method or "", path, answer.status_code, answer.elapsed.total_seconds() * 1000,
                readable(sent), readable(answer.text))  # fmt: skip


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
