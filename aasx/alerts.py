"""Alerts and their thresholds as the Prediction submodel holds them, and what a cell's alerts come to.

States as in operations.cell.alerts. A shelved alert (ISA-18.2, 5.4.4: suppressed by a person for a limited time) is
`ShelvedUntil` a time to come: until then it asks for nobody, afterwards it is as any other, with nobody doing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aasx.elements.shape import moment
from aasx.vocabulary import SEVERITIES


@dataclass(frozen=True)
class Alert:
    """One item of ActiveAlerts or AlertHistory; the fields are its idShorts, times are xs:dateTime in UTC."""

    AlertId: str
    Indicator: str
    Severity: str
    ThresholdValue: float | None
    ActualValue: float | None
    AlertState: str
    RaisedAt: str
    AcknowledgedAt: str | None = None
    AcknowledgedBy: str | None = None
    AcknowledgementComment: str | None = None
    ClearedAt: str | None = None
    ShelvedUntil: str | None = None
    ShelvedBy: str | None = None
    ShelvingComment: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Alert:
        """From values read by the shape of the list; those that lack are None."""
        return cls(**{name: values.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]

    @property
    def is_active(self) -> bool:
        return (self.AlertState or "").startswith("active")

    @property
    def is_acknowledged(self) -> bool:
        return self.AcknowledgedAt is not None

    @property
    def waits(self) -> bool:
        """Whether a person has to look at it, shelved or not; an alert in a state that nobody knows waits too."""
        return self.AlertState in ("activeUnacknowledged", "clearedUnacknowledged", "", None)

    def is_shelved(self, now: datetime) -> bool:
        until = in_utc(self.ShelvedUntil)
        return until is not None and now < until


@dataclass(frozen=True)
class Thresholds:
    """Limits as the AAS holds them; None where none is set. RUL in cycles, SoH in %, temperature in degC."""

    rul_warning: float | None
    rul_critical: float | None
    soh_warning: float | None
    soh_critical: float | None
    soh_end_of_life: float | None
    temperature_warning: float | None
    temperature_critical: float | None


def thresholds_of(prediction_values: Mapping[str, Any]) -> Thresholds:
    """From the values of a Prediction submodel, read by its shape."""
    pre_alerts = [
        *prediction_values["RemainingUsefulLifePrediction"]["ListPreAlerts"],
        *[{"PreAlertValue": None}] * 2,
    ]
    soh, temperature = prediction_values["SoHThresholds"], prediction_values["TemperatureThresholds"]
    return Thresholds(
        pre_alerts[0]["PreAlertValue"], pre_alerts[1]["PreAlertValue"],
        soh["Warning"], soh["Critical"], soh["EndOfLife"],
        temperature["Warning"], temperature["Critical"],
    )  # fmt: skip


def in_utc(text: str | None) -> datetime | None:
    """A time of an alert; None for none, or for what is no time. One without a zone is UTC."""
    found = moment(text)
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def highest_severity(alerts: Iterable[Alert]) -> str:
    """The highest severity among the active alerts, or none."""
    return max((alert.Severity or "none" for alert in alerts if alert.is_active), key=SEVERITIES.index, default="none")


def summary(alerts: Iterable[Alert], foreign: int, in_service: bool, now: datetime) -> dict[str, Any]:
    """What the cell's alerts come to, by idShorts of the Fleet submodel; `foreign` more wait that are not the twin's.

    Those that wait and are shelved are counted when their times are over: these stand in ShelvedAlertsUntil.
    """
    alerts = list(alerts)
    waiting = [alert for alert in alerts if alert.waits] if in_service else []
    shelved = sorted(str(alert.ShelvedUntil) for alert in waiting if alert.is_shelved(now))
    return {
        "AlertSeverity": highest_severity(alerts),
        "UnacknowledgedAlerts": len(waiting) - len(shelved) + (foreign if in_service else 0),
        "ShelvedAlertsUntil": " ".join(shelved) or None,
        "NewestAlertAt": max((alert.RaisedAt for alert in waiting if alert.RaisedAt), default=None),
    }


def ends_of_shelving(row: Mapping[str, Any]) -> tuple[datetime, ...]:
    """When each shelved alert of a cell waits again, by its line in the Fleet submodel; what is no time is left out."""
    return tuple(end for text in str(row.get("ShelvedAlertsUntil") or "").split() if (end := in_utc(text)) is not None)
