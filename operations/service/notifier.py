"""Sends what stands in the fleet's Outbox to the receivers of the settings: any URL of apprise, mqtt:// among them.

Several delegates may do so at once: an entry is taken by adding an element `Taken1` to it, which the AAS environment
lets only one of them do. It holds until when nobody else may try; then `Taken2` is the next one to be added. A receiver
that got it leaves a mark in the entry, and the entry goes when all have got it. So each receiver gets it once, unless a
delegate dies between sending and marking; then it comes again.

A receiver that is away delays neither operations nor the other receivers; it is tried again after longer and longer
waits, for a week. Receivers are known to the settings alone: an address in the AAS is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aasx.client import AasClient, AasError, Conflict, NotFound
from aasx.elements.build import own_property, to_json
from aasx.elements.shape import read, shape_of
from aasx.identifiers import fleet_submodel_id
from aasx.submodels import fleet
from aasx.vocabulary import name_of, unit_of
from operations.cell.twin import utc_text
from operations.request.logs import say
from operations.request.metrics import Metrics

POLL_S = 5.0
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 900.0
"""Until a receiver that was away is tried again: doubled each time, up to a quarter of an hour."""
LONGEST_KEPT = timedelta(days=7)
MOST_WAITING = 200
"""Entries kept for receivers that are away; the oldest go first."""
SENT = "Sent"
TAKEN_SHAPE = shape_of(to_json(fleet.taken(1, "x", "2026-01-01T00:00:00Z")))

Json = dict[str, Any]


@dataclass
class Receiver:
    """One receiver. `key` tells it apart in the AAS without giving its address away."""

    key: str
    takes_json: bool
    is_mqtt: bool
    send: Callable[[str, str], bool]
    away_until: datetime | None = None
    failures: int = 0


def receivers_of(urls: Sequence[str]) -> list[Receiver]:
    """Raises ValueError that says which one of the URLs apprise does not know, without showing it."""
    import apprise  # takes its time, so only where there is somebody to tell

    found = []
    for place, url in enumerate(urls, 1):
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            scheme = url.partition("://")[0][:20]
            raise ValueError(f"receiver {place} ({scheme}://…) is no notification URL that apprise knows")
        key = hashlib.sha256(url.encode("utf-8")).hexdigest()[:10]
        scheme = url.partition("://")[0].lower()
        is_mqtt = scheme in ("mqtt", "mqtts")
        takes_json = is_mqtt or scheme in ("json", "jsons", "xml", "xmls", "form", "forms")
        found.append(Receiver(key, takes_json, is_mqtt, _sender(service)))
    return found


def _sender(service: Any) -> Callable[[str, str], bool]:
    def send(title: str, body: str) -> bool:
        return bool(service.notify(title=title, body=body))

    return send


class Notifier:
    """Looks into the outbox every few seconds, in a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        client: AasClient,
        receivers: Sequence[Receiver],
        metrics: Metrics,
        language: str = "en",
        poll_s: float = POLL_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._receivers, self._metrics, self._language = client, receivers, metrics, language
        self._poll_s, self._now = poll_s, now
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}-{id(self):x}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="notifier")
        self._pool = ThreadPoolExecutor(max(1, len(receivers)), thread_name_prefix="notify")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self.round()
            except AasError as error:
                say(logging.DEBUG, f"the outbox cannot be read: {error}")
            except Exception as error:  # whatever stands in an entry, the next round comes
                say(logging.ERROR, "a round of notifications failed", exc_info=error)

    def round(self) -> int:
        """Looks at every entry once; gives how many receivers got something."""
        try:
            outbox = self._client.element(fleet_submodel_id(), fleet.OUTBOX_PATH)
        except NotFound:
            return 0
        entries = [entry for entry in outbox.get("value") or [] if isinstance(entry, dict) and entry.get("value")]
        entries.sort(key=lambda entry: str(entry.get("idShort")))
        self._metrics.notifications_waiting.set(len(entries))
        for entry in entries[:-MOST_WAITING]:
            self._drop(entry, "too many are waiting")
        return sum(self._handle(entry) for entry in entries[-MOST_WAITING:])

    def _handle(self, entry: Json) -> int:
        if self._stopping.is_set():
            return 0
        values, now = read(entry, fleet.notification_shape()), self._now()
        if values["Event"] is None or values["AlertId"] is None or values["EventTime"] is None:
            self._drop(entry, "it is not of this twin")
            return 0
        if now - moment(values["EventTime"]) > LONGEST_KEPT:
            self._drop(entry, "it is too old")
            return 0
        if not is_free(entry, now):
            return 0
        path = f"{fleet.OUTBOX_PATH}.{entry['idShort']}"
        try:
            entry = self._client.element(fleet_submodel_id(), path)  # as it is now; the outbox was read a while ago
        except NotFound:
            return 0
        generation, _ = last_claim(entry)
        if not is_free(entry, now):
            return 0
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(generation, 10))
        claim = fleet.taken(generation + 1, self._name, utc_text(now + timedelta(seconds=wait_s)))
        try:
            self._client.append_element(fleet_submodel_id(), path, to_json(claim))
            entry = self._client.element(fleet_submodel_id(), path)  # with the marks that others have left
        except (Conflict, NotFound):
            return 0  # another delegate was faster
        if generation:
            self._delete(f"{path}.Taken{generation}")
        return self._send(path, entry, values)

    def _send(self, path: str, entry: Json, values: Json) -> int:
        """To all receivers that have no mark yet, side by side; the entry goes when none is left."""
        marks = {part.get("idShort") for part in entry.get("value") or []}
        missing = [one for one in self._receivers if f"{SENT}_{one.key}" not in marks]
        results = list(self._pool.map(lambda receiver: self._send_to(receiver, values), missing))
        for receiver, sent in zip(missing, results, strict=True):
            if sent:
                mark = own_property(f"{SENT}_{receiver.key}", utc_text(self._now()), "SentAt")
                self._client.append_element(fleet_submodel_id(), path, to_json(mark))
        if all(results):
            self._delete(path)
        return sum(results)

    def _send_to(self, receiver: Receiver, values: Json) -> bool:
        now = self._now()
        if receiver.away_until is not None and now < receiver.away_until:
            return False
        title, body = text_of(values, self._language)
        if receiver.takes_json:  # of mqtt the title would stand before it in the message
            title = "" if receiver.is_mqtt else title
            body = json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False)
        try:
            sent = receiver.send(title, body)
        except Exception as error:  # of a plug-in of apprise
            say(logging.WARNING, f"a receiver of notifications failed: {type(error).__name__}", receiver=receiver.key)
            sent = False
        receiver.failures = 0 if sent else receiver.failures + 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(receiver.failures - 1, 10))
        receiver.away_until = None if sent else now + timedelta(seconds=wait_s)
        self._metrics.notifications.labels(receiver.key, "sent" if sent else "failed").inc()
        if not sent:
            say(logging.WARNING, "a receiver of notifications did not take one", receiver=receiver.key)
        return sent

    def _drop(self, entry: Json, reason: str) -> None:
        say(logging.WARNING, f"a notification is given up: {reason}", entry=str(entry.get("idShort"))[:60])
        self._metrics.notifications.labels("any", "dropped").inc()
        self._delete(f"{fleet.OUTBOX_PATH}.{entry['idShort']}")

    def _delete(self, path: str) -> None:
        with contextlib.suppress(NotFound):
            self._client.delete_element(fleet_submodel_id(), path)


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def is_free(entry: Json, now: datetime) -> bool:
    """Whether nobody sends the entry now, nor has lately tried to."""
    _, until = last_claim(entry)
    return until is None or now >= until


def last_claim(entry: Json) -> tuple[int, datetime | None]:
    """The number of the last claim on an entry and until when it holds; 0 for none."""
    found: tuple[int, datetime | None] = (0, None)
    for part in entry.get("value") or []:
        number = str(part.get("idShort", "")).removeprefix("Taken")
        if number.isdecimal() and len(number) < 7 and int(number) > found[0]:
            until = read(part, TAKEN_SHAPE)["TakenUntil"]
            found = (int(number), None if until is None else moment(until))
    return found


TEXTS = {
    "en": {
        "raised": "{cell}: alert {severity}", "cleared": "{cell}: alert {severity} is over",
        "acknowledged": "{cell}: alert {severity} acknowledged by {by}",
        "warning": "warning", "critical": "critical", "endOfLife": "end of life", "None": "",
        "value": "{name}: {value}, limit {limit}", "comment": "Comment: {comment}", "at": "Time: {time}",
    },
    "fr": {
        "raised": "{cell} : alerte {severity}", "cleared": "{cell} : fin de l'alerte {severity}",
        "acknowledged": "{cell} : alerte {severity} acquittée par {by}",
        "warning": "d'avertissement", "critical": "critique", "endOfLife": "de fin de vie", "None": "",
        "value": "{name} : {value}, seuil {limit}", "comment": "Commentaire : {comment}", "at": "Heure : {time}",
    },
}  # fmt: skip


def text_of(values: Json, language: str) -> tuple[str, str]:
    """Title and body of a notification for people."""
    texts = TEXTS[language]
    severity = texts[str(values["Severity"])]
    title = texts[values["Event"]].format(cell=values["Battery"], severity=severity, by=values["AcknowledgedBy"])
    lines = []
    if values["Indicator"] and values["Indicator"] != "ModelRange" and values["ActualValue"] is not None:
        unit = {"RUL": "cycles", "StateOfHealth": "%"}.get(values["Indicator"]) or unit_of(values["Indicator"]) or ""
        actual, limit = (
            "-" if values[name] is None else f"{values[name]:.1f} {unit}" for name in ("ActualValue", "ThresholdValue")
        )
        name = name_of(values["Indicator"], language)
        lines.append(texts["value"].format(name=name, value=actual, limit=limit))
    if values["AcknowledgementComment"] and values["Event"] == "acknowledged":
        lines.append(texts["comment"].format(comment=values["AcknowledgementComment"]))
    lines += [texts["at"].format(time=values["EventTime"]), values["AlertId"]]
    return title, "\n".join(lines)
