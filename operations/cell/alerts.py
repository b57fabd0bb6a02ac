"""Alerts of a cell: raised once when a threshold is crossed, cleared with their cause, kept in a history.

    activeUnacknowledged --acknowledge--> activeAcknowledged
            |        ^                            |
      cause gone   cause back                 cause gone
            v        |                            v
    clearedUnacknowledged --acknowledge-->     cleared  (moves from ActiveAlerts to AlertHistory)

Any of them in ActiveAlerts may be shelved for a time (aasx.alerts); its state goes on meanwhile.

Of each indicator the most severe condition that holds is alerted, no other: a worsening cell raises the next severity
and the one below is closed with it, since whoever sees the one knows the other. A cell that gets better clears the
severe alert as above and raises the lower one anew. The end of life is a matter of StateOfHealth (severity endOfLife,
as the model judges it over several cycles); RUL knows warning and critical.

An alert is raised at its threshold and clears only beyond a margin (hysteresis), because capacity regenerates after a
rest and predictions move by a cycle or two: an alert that comes and goes with every cycle is soon ignored.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from aasx.alerts import Alert, Thresholds
from aasx.elements.values import Json, model_reference, with_value
from aasx.submodels.prediction import list_items
from aasx.vocabulary import SEVERITIES

RUL_MARGIN_CYCLES = 2.0
RUL_MARGIN_SHARE = 0.1
SOH_MARGIN_PERCENT = 1.0
TEMPERATURE_MARGIN_K = 1.0
HISTORY_LENGTH = 200
"""Cleared alerts kept in AlertHistory; the oldest go first."""

RULP = ("SubmodelElementCollection", "RemainingUsefulLifePrediction")
DEFINITIONS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("RUL", "warning"): (RULP, ("SubmodelElementList", "ListPreAlerts"), ("SubmodelElementCollection", "0")),
    ("RUL", "critical"): (RULP, ("SubmodelElementList", "ListPreAlerts"), ("SubmodelElementCollection", "1")),
    ("StateOfHealth", "warning"): (("SubmodelElementCollection", "SoHThresholds"), ("Property", "Warning")),
    ("StateOfHealth", "critical"): (("SubmodelElementCollection", "SoHThresholds"), ("Property", "Critical")),
    ("StateOfHealth", "endOfLife"): (("SubmodelElementCollection", "SoHThresholds"), ("Property", "EndOfLife")),
    ("Temperature_measured", "warning"): (
        ("SubmodelElementCollection", "TemperatureThresholds"),
        ("Property", "Warning"),
    ),
    ("Temperature_measured", "critical"): (
        ("SubmodelElementCollection", "TemperatureThresholds"),
        ("Property", "Critical"),
    ),
    ("ModelRange", "warning"): (RULP, ("SubmodelElementList", "ListRULBoundaryConditions")),
}
"""Where the threshold of an alert is defined in the Prediction submodel, as keys of a ModelReference."""


class Condition(NamedTuple):
    """A value against a threshold. `sign` is -1 where low values are bad, 1 where high ones are."""

    indicator: str
    severity: str
    value: float | None
    threshold: float | None
    sign: int
    margin: float
    at_threshold: bool = True
    judged: bool | None = None
    """Whether it holds, where that is not told by the value alone."""

    @property
    def holds(self) -> bool:
        excess = self._excess
        if self.judged is not None:
            return self.judged
        return excess is not None and (excess > 0 or (excess == 0 and self.at_threshold))

    def is_over(self, with_margin: bool) -> bool:
        """True when the cause is gone; not known is not gone, but a threshold taken away is."""
        if self.threshold is None and not self.judged:
            return True
        excess = self._excess
        return excess is not None and not self.holds and (not with_margin or excess <= -self.margin)

    @property
    def _excess(self) -> float | None:
        return None if self.value is None or self.threshold is None else self.sign * (self.value - self.threshold)


def conditions(
    thresholds: Thresholds,
    *,
    rul_cycles: float | None,
    past_end_of_life: bool,
    soh_percent: float | None,
    temperature_degC: float | None,
    outside_training_range: int | None,
    rul_trusted: bool = True,
) -> list[Condition]:
    """All conditions of a cell in its present state; a value that is not known is None.

    A remaining life that is not trusted (`rul_trusted`) is known well enough for a warning only.
    """

    def rul_condition(severity: str, threshold: float | None) -> Condition:
        margin = max(RUL_MARGIN_CYCLES, RUL_MARGIN_SHARE * (threshold or 0))
        value = rul_cycles if rul_trusted or severity == "warning" else None
        return Condition("RUL", severity, value, threshold, -1, margin)

    def soh_condition(severity: str, threshold: float | None) -> Condition:
        return Condition("StateOfHealth", severity, soh_percent, threshold, -1, SOH_MARGIN_PERCENT, at_threshold=False)

    def temperature_condition(severity: str, threshold: float | None) -> Condition:
        return Condition("Temperature_measured", severity, temperature_degC, threshold, 1, TEMPERATURE_MARGIN_K)

    outside = None if outside_training_range is None else float(outside_training_range)
    return [
        rul_condition("warning", thresholds.rul_warning),
        rul_condition("critical", thresholds.rul_critical),
        soh_condition("warning", thresholds.soh_warning),
        soh_condition("critical", thresholds.soh_critical),
        soh_condition("endOfLife", thresholds.soh_end_of_life)._replace(judged=past_end_of_life),
        temperature_condition("warning", thresholds.temperature_warning),
        temperature_condition("critical", thresholds.temperature_critical),
        Condition("ModelRange", "warning", outside, 0.0, 1, 0.0, at_threshold=False),
    ]


def known(values: dict[str, Any]) -> Alert | None:
    """An alert out of its values; None for one that lacks what the twin goes by, or has it of another kind."""
    needed = ("AlertId", "Indicator", "Severity", "AlertState", "RaisedAt")
    is_ours = all(values[name] is not None for name in needed)
    return Alert.of(values) if is_ours and (values["Indicator"], values["Severity"]) in DEFINITIONS else None


def to_element(alert: Alert, submodel_id: str) -> Json:
    """The alert as an item of the Prediction submodel `submodel_id`."""
    item = with_value(list_items()["ActiveAlerts"], asdict(alert))
    definition = model_reference(submodel_id, *DEFINITIONS[(alert.Indicator, alert.Severity)])
    elements = [
        element | {"value": definition} if element["idShort"] == "Definition" else element for element in item["value"]
    ]
    return item | {"value": elements}


class Change(NamedTuple):
    """Alerts after an evaluation or acknowledgement: those to keep, those for the history, those newly raised."""

    kept: list[Alert]
    closed: list[Alert]
    raised: list[Alert]


def evaluate(
    alerts: Iterable[Alert],
    states: Sequence[Condition],
    now: str,
    *,
    at_cycle: int | None = None,
    taken: Container[str] = (),
    with_margin: bool = True,
) -> Change:
    """The alerts after looking at the present state, which is that at `at_cycle`.

    `taken` are AlertIds of the history; without margin when thresholds have just been set.
    """
    known = {(alert.Indicator, alert.Severity): alert for alert in alerts}
    raised: list[Alert] = []
    for indicator in dict.fromkeys(state.indicator for state in states):
        of_indicator = [state for state in states if state.indicator == indicator]
        worst = max(
            (SEVERITIES.index(one.severity) for one in of_indicator if _is_on(one, known, with_margin)), default=0
        )
        for state in of_indicator:
            key, level = (indicator, state.severity), SEVERITIES.index(state.severity)
            alert = known.get(key)
            if level == worst and alert is None:
                known[key] = _raised(state, now, at_cycle, taken)
                raised.append(known[key])
            elif alert and level == worst and not alert.is_active:
                known[key] = replace(alert, AlertState="activeUnacknowledged", ClearedAt=None)
            elif alert and level < worst:
                known[key] = replace(alert, AlertState="cleared", ClearedAt=alert.ClearedAt or now)
            elif alert and level > worst and alert.is_active:
                after = "cleared" if alert.is_acknowledged else "clearedUnacknowledged"
                known[key] = replace(alert, AlertState=after, ClearedAt=now)
    return _sorted_out(known.values(), raised)


def _is_on(state: Condition, known: dict[tuple[str, str], Alert], with_margin: bool) -> bool:
    """True when the condition holds, or has held and is not over yet."""
    alert = known.get((state.indicator, state.severity))
    return state.holds or (alert is not None and alert.is_active and not state.is_over(with_margin))


def _raised(state: Condition, now: str, at_cycle: int | None, taken: Container[str]) -> Alert:
    """A new alert. Its AlertId tells what it is and at which cycle it came: StateOfHealth-warning-42."""
    first = f"{state.indicator}-{state.severity}-{at_cycle or 0}"
    alert_id = next(one for n in itertools.count(1) if (one := first if n == 1 else f"{first}-{n}") not in taken)
    return Alert(alert_id, state.indicator, state.severity, state.threshold, state.value, "activeUnacknowledged", now)


def close_all(alerts: Iterable[Alert], now: str) -> Change:
    """No alert any more, of a cell that is out of service; they go to the history as they were acknowledged or not."""
    closed = [replace(alert, AlertState="cleared", ClearedAt=alert.ClearedAt or now) for alert in alerts]
    return Change([], closed, [])


def acknowledge(alerts: Iterable[Alert], ids: Container[str], by: str, comment: str | None, now: str) -> Change:
    """The alerts after some of them were acknowledged; the caller has looked that they are there and are not yet."""
    return _sorted_out(
        (
            replace(
                alert,
                AlertState="activeAcknowledged" if alert.is_active else "cleared",
                AcknowledgedAt=now,
                AcknowledgedBy=by,
                AcknowledgementComment=comment,
            )
            if alert.AlertId in ids
            else alert
            for alert in alerts
        ),
        [],
    )


def shelve(alerts: Iterable[Alert], ids: Container[str], by: str, comment: str | None, until: str | None) -> Change:
    """The alerts with some of them shelved until a time, or taken back from the shelf (None)."""
    return _sorted_out(
        (
            replace(alert, ShelvedUntil=until, ShelvedBy=by, ShelvingComment=comment) if alert.AlertId in ids else alert
            for alert in alerts
        ),
        [],
    )


def _sorted_out(alerts: Iterable[Alert], raised: list[Alert]) -> Change:
    alerts = list(alerts)
    return Change(
        [alert for alert in alerts if alert.AlertState != "cleared"],
        [alert for alert in alerts if alert.AlertState == "cleared"],
        raised,
    )
