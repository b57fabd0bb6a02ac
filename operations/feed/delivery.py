"""Samples go to AppendSamples of their cell through the AAS; refused ones are told apart from those it cannot take now.

A batch that is refused as a whole is halved, so that one bad sample does not take the others with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aasx.client import AasClient, AasError, OperationFailed
from aasx.identifiers import submodel_id
from aasx.submodels.asset_interfaces import Feed
from operations.feed.assembly import Sample, table

REFUSED = ("invalidInput", "notFound")
TIMEOUT_s = 30.0
MOST_HALVINGS = 6
FAULTS_UNTIL_REFUSED = 5
"""A sample that makes the twin fail again and again must not stop those that come after it."""


class Away(Exception):
    """Nobody took the samples; they can be sent again."""


@dataclass
class Outcome:
    taken: int = 0
    not_later: int = 0
    unusable: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)


class Delivery:
    def __init__(self, client: AasClient, told: Callable[[str], None] = lambda status: None) -> None:
        self._client, self._told = client, told
        self._faults: dict[str, int] = {}

    def send(self, cell: str, feed: Feed, samples: Sequence[Sample]) -> Outcome:
        """Raises Away; what was taken by then does no harm when it is sent again."""
        found = Outcome()
        self._send(cell, feed, samples, found, MOST_HALVINGS)
        return found

    def _send(self, cell: str, feed: Feed, samples: Sequence[Sample], found: Outcome, halvings: int) -> None:
        csv, ambient_degC = table(samples)
        inputs = {"Samples": csv, "ambient_temperature": ambient_degC, "PositiveCurrent": feed.positive_current}
        try:
            answer = self._client.invoke(
                submodel_id(cell, "OperationalData"), "AppendSamples", inputs, timeout_s=TIMEOUT_s
            )
        except (OperationFailed, AasError, ValueError) as error:
            reason = self._refusal(cell, error)
            if reason is None:
                self._told("away")
                raise Away(str(error)) from error
        else:
            self._faults.pop(cell, None)
            self._told("ok")
            self._count(found, answer)
            return
        self._told("refused")
        if len(samples) > 1 and halvings:
            middle = len(samples) // 2
            self._send(cell, feed, samples[:middle], found, halvings - 1)
            self._send(cell, feed, samples[middle:], found, halvings - 1)
            return
        found.refused += len(samples)
        if reason not in found.reasons:
            found.reasons.append(reason)

    def _refusal(self, cell: str, error: Exception) -> str | None:
        """Why the samples will never be taken; None where they may be later."""
        if not isinstance(error, OperationFailed):
            return str(error) if isinstance(error, ValueError) else None
        if error.status in REFUSED:
            return error.message
        if error.status == "internal":
            self._faults[cell] = self._faults.get(cell, 0) + 1
            if self._faults[cell] >= FAULTS_UNTIL_REFUSED:
                del self._faults[cell]
                return error.message
        return None

    @staticmethod
    def _count(found: Outcome, answer: dict[str, Any]) -> None:
        found.taken += answer.get("SamplesTaken") or 0
        found.not_later += answer.get("SamplesNotLater") or 0
        found.unusable += answer.get("SamplesUnusable") or 0
