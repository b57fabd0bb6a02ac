"""What is to be told of alerts: put into the AAS with the alerts themselves, taken from there and sent by any delegate.

An entry is an element of its own name in the fleet's Outbox. It is written before the alerts are, so that a crash in
between makes a notification that comes twice at worst, never one that is lost. Without receivers nothing is written.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from aasx.alerts import Alert
from aasx.client import AasError, Changed, Conflict, NotFound, TimedOut, Unreachable
from aasx.elements.build import to_json
from aasx.identifiers import fleet_submodel_id
from aasx.submodels import fleet
from aasx.vocabulary import SEVERITIES
from operations.cell import twin
from operations.cell.alerts import Change
from operations.cell.live_twin import LiveTwin
from operations.request import deadline
from operations.request.logs import say

RAISED, ACKNOWLEDGED, CLEARED = "raised", "acknowledged", "cleared"


def events(before: Iterable[Alert], change: Change) -> list[tuple[str, Alert]]:
    """What happened to alerts between `before` and a change. An alert that gives way to a worse one of its indicator is
    not cleared: the worse one is told."""
    was = {alert.AlertId: alert for alert in before}
    found, now = [], [*change.kept, *change.closed]
    worst: dict[str, int] = {}
    for alert in now:
        if alert.is_active:
            worst[alert.Indicator] = max(worst.get(alert.Indicator, 0), SEVERITIES.index(alert.Severity))
    for alert in now:
        known = was.get(alert.AlertId)
        if alert.is_active and (known is None or not known.is_active):
            found.append((RAISED, alert))
        is_over = known is not None and known.is_active and not alert.is_active
        if is_over and worst.get(alert.Indicator, 0) < SEVERITIES.index(alert.Severity):
            found.append((CLEARED, alert))
        if known is not None and alert.is_acknowledged and not known.is_acknowledged:
            found.append((ACKNOWLEDGED, alert))
    return found


@contextlib.contextmanager
def telling(live: LiveTwin, cell: str, found: Iterable[tuple[str, Alert]]) -> Iterator[None]:
    """Tells what happens to alerts in the block; nothing where another delegate has been first (Changed)."""
    names = put(live, cell, found)
    try:
        yield
    except Changed:
        for name in names:
            with contextlib.suppress(AasError):
                live.client.delete_element(fleet_submodel_id(), f"{fleet.OUTBOX_PATH}.{name}")
        raise


def put(live: LiveTwin, cell: str, found: Iterable[tuple[str, Alert]]) -> list[str]:
    """Writes what happened into the fleet's Outbox, if this delegate knows anybody to tell; returns the names."""
    names: list[str] = []
    if not live.settings.receivers:
        return names
    for event, alert in found:
        now = datetime.now(UTC)
        values = {
            "Event": event, "Battery": cell, "AlertId": alert.AlertId, "Indicator": alert.Indicator,
            "Severity": alert.Severity, "ActualValue": alert.ActualValue, "ThresholdValue": alert.ThresholdValue,
            "AcknowledgedBy": alert.AcknowledgedBy, "AcknowledgementComment": alert.AcknowledgementComment,
            "EventTime": twin.utc_text(now),
        }  # fmt: skip
        name = f"N{int(now.timestamp() * 1000):013d}_{secrets.token_hex(4)}"  # their order is that of time
        entry = to_json(fleet.notification(name, values))
        try:
            _append(live, entry)
            names.append(name)
        except (TimedOut, Unreachable):
            raise
        except AasError as error:
            say(logging.WARNING, f"a notification could not be put into the outbox: {error}", cell=cell)
    return names


def _append(live: LiveTwin, entry: dict) -> None:
    deadline.remaining_s()
    try:
        live.client.append_element(fleet_submodel_id(), fleet.OUTBOX_PATH, entry)
    except NotFound:  # a twin that was loaded before there was an outbox
        with contextlib.suppress(Conflict):  # another delegate was faster
            live.client.append_element(fleet_submodel_id(), None, to_json(fleet.outbox()))
        live.client.append_element(fleet_submodel_id(), fleet.OUTBOX_PATH, entry)
