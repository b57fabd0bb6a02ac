"""The present state of a cell in its Prediction submodel: what stands there, what is to be written, the alerts with it.

A prediction is written as a whole, in one write, so that result, thresholds and alerts always fit together; where
nothing but the time of the prediction is new, only that is written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from aasx import alerts as stored_alerts
from aasx.cell_description import rul_thresholds_of_life
from aasx.client import Changed
from aasx.elements.shape import Foreign, mended, read
from aasx.elements.values import Json, child, with_items, with_values
from aasx.submodels import fleet
from aasx.submodels import prediction as prediction_submodel
from aasx.vocabulary import IN_SERVICE
from model.prediction import (
    DEFAULT_CONFIDENCE_LEVEL,
    NO_HISTORY,
    PAST_END_OF_LIFE,
    UNTRUSTED_GRADES,
    Prediction,
)
from operations.cell import alerts, outbox, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.request import remarks
from operations.request.logs import say

WITH_THRESHOLDS = ("RemainingUsefulLifePrediction", "SoHThresholds", "TemperatureThresholds")


@dataclass(frozen=True)
class Stored:
    """What the AAS holds: the values of PredictionDetails, the thresholds, the active alerts.

    `active` and `past` are the alerts of this twin in ActiveAlerts and AlertHistory; `foreign_alerts` are the items of
    ActiveAlerts that are not: they stay as they are until a person acknowledges them. `foreign` is all that was left
    out of the values.
    """

    details: dict[str, Any]
    thresholds: stored_alerts.Thresholds
    active: list[alerts.Alert]
    past: list[alerts.Alert]
    foreign_alerts: list[Json]
    foreign: tuple[Foreign, ...] = ()
    time_tag: str | None = None
    """ETag of PredictedAt, once this process has written it or found it unchanged."""
    submodel: Json | None = field(default=None, repr=False)
    """What all this was read from, for one who is about to write it."""
    tag: str | None = None
    """ETag of the submodel that says all this."""

    @classmethod
    def of(cls, submodel: Json, tag: str | None = None) -> Stored:
        """From the JSON of the Prediction submodel."""
        noted: list[Foreign] = []
        values = read(submodel, prediction_submodel.shape(), noted)
        active, past = ([alerts.known(one) for one in values[name]] for name in ("ActiveAlerts", "AlertHistory"))
        foreign_alerts = [item for item, alert in zip(items_of(submodel), active, strict=True) if alert is None]
        return cls(
            values["PredictionDetails"], stored_alerts.thresholds_of(values), [one for one in active if one],
            [one for one in past if one], foreign_alerts, tuple(noted), tag=tag,
        )  # fmt: skip

    def with_thresholds(self, submodel: Json) -> Stored:
        """The same where `submodel` has other thresholds, and nothing else that is another."""
        elements = [one for one in submodel["submodelElements"] if one["idShort"] in WITH_THRESHOLDS]
        whole = prediction_submodel.shape()
        members = {name: whole.part(name) for name in WITH_THRESHOLDS}
        values = read({**submodel, "submodelElements": elements}, replace(whole, members=members))
        return replace(self, thresholds=stored_alerts.thresholds_of(values))

    def summary(self, service: str, now: datetime) -> dict[str, Any]:
        """What the alerts come to in the Fleet submodel; foreign ones wait for a person until one ends them."""
        return stored_alerts.summary(self.active, len(self.foreign_alerts), service == IN_SERVICE, now)

    def is_behind(self, history: CellHistory) -> bool:
        """True when the prediction does not know the last cycle: a write was interrupted, or there is none yet."""
        return self.details["InputLastCycle"] != history.last_cycle


def stored(live: LiveTwin, history: CellHistory, to_predict: bool = False, to_write: bool = False) -> Stored:
    """What the AAS holds now. Remembered as long as the time of the prediction there is the one remembered.

    `to_predict`: for a prediction of the present state, whose time is then written only in the place of the one
    remembered (`write`), so that it need not be read first. Nor need it where `live.confirm` is to follow. `to_write`:
    for one who writes it anew in any case, which the AAS environment refuses where it is another one by now than was
    read or written here last.

    As with the history (see live_twin), what somebody changes by hand is noticed when the history is read anew.
    """
    known: Stored | None = history.memory.stored
    is_looked_at = history.memory.check is not None
    if to_write and known is not None and (submodel := live.prediction_of(history.cell, known.tag)):
        known = replace(known, submodel=submodel)
    elif known is None or not (
        (to_predict and known.time_tag) or is_looked_at or live.prediction_time(history) == known.details["PredictedAt"]
    ):
        read_one = live.prediction_to_write if to_write else live.prediction_submodel
        submodel = read_one(history.cell)
        history.memory.stored = Stored.of(submodel, live.prediction_tag(history.cell))
        known = replace(history.memory.stored, submodel=submodel if to_write else None)
    remarks.note(known.foreign)
    return known


def items_of(submodel: Json, name: str = "ActiveAlerts") -> list[Json]:
    """The items of a list of alerts as they stand in the AAS; none when it is no list."""
    elements = submodel.get("submodelElements") or []
    found: Json = next((one for one in elements if one.get("idShort") == name), {})
    items = found.get("value") if found.get("modelType") == "SubmodelElementList" else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def present(live: LiveTwin, history: CellHistory, end_of_life_percent: float | None) -> Prediction:
    """The prediction after the last cycle."""
    last, level = history.last_cycle, DEFAULT_CONFIDENCE_LEVEL
    return live.predict(
        history, end_of_life_percent, at_cycle=last, confidence_level=level, end_of_life_capacity_Ah=None
    )


def ahead(live: LiveTwin, history: CellHistory) -> Callable[[CellHistory], None] | None:
    """What can be worked out of the history grown by a cycle before all of it is written; None where the end of life
    is not known without asking. What comes of it is remembered for `present` and the fleet's summary."""
    known: Stored | None = history.memory.stored
    if known is None:
        return None
    end_of_life_percent = known.thresholds.soh_end_of_life

    def work(grown: CellHistory) -> None:
        present(live, grown, end_of_life_percent)
        _ = grown.capacity_trend, grown.use_values

    return work


def complete(live: LiveTwin, history: CellHistory, found: Stored) -> None:
    """Writes what an interrupted call has left behind the history: the present state, or the fleet's summary."""
    if found.is_behind(history):
        write(live, history, found)
    elif history.memory.fleet_summary is None:
        prediction = present(live, history, found.thresholds.soh_end_of_life)
        put_fleet_summary(live, history, prediction, fleet_summary(history, prediction, found, datetime.now(UTC)))


def write(
    live: LiveTwin,
    history: CellHistory,
    found: Stored,
    prediction: Prediction | None = None,
    now: datetime | None = None,
) -> tuple[Prediction, list[alerts.Alert]]:
    """Writes a prediction of the present state (made here if not given), the alerts that follow, the fleet's summary.

    `found` is what the AAS holds now. Returns the prediction and the alerts newly raised.
    """
    now = now or datetime.now(UTC)
    begun, history.memory.ahead = history.memory.ahead, None
    if begun is not None:
        begun.exception()  # is waited for; what went wrong there goes wrong again below, and is told
    prediction = prediction or present(live, history, found.thresholds.soh_end_of_life)
    new = twin.details_values(prediction, now)
    if (
        not found.foreign
        and found.details | {"PredictedAt": None} == new | {"PredictedAt": None}
        and _alerts_after(found, history, prediction, now).kept == found.active
    ):
        time_tag = live.put_prediction_time(history, new["PredictedAt"], found.time_tag)
        history.memory.stored = replace(found, details=new, time_tag=time_tag, submodel=None, tag=None)
        put_fleet_summary(live, history, prediction, fleet_summary(history, prediction, found, now))
        return prediction, []
    if found.submodel is not None:
        return prediction, write_whole(live, history, found.submodel, prediction, now, found)
    submodel = live.prediction_to_write(history.cell)
    if Stored.of(submodel).thresholds.soh_end_of_life != found.thresholds.soh_end_of_life:
        raise Changed(f"{history.cell} has another end of life")
    return prediction, write_whole(live, history, submodel, prediction, now)


def write_whole(
    live: LiveTwin,
    history: CellHistory,
    submodel: Json,
    prediction: Prediction,
    now: datetime,
    read_before: Stored | None = None,
    new_thresholds: bool = False,
) -> list[alerts.Alert]:
    """Writes the Prediction submodel with the prediction and the alerts that follow, then the fleet's summary.

    `submodel` is the one read just now (`read_before`, where that is known), or that with new thresholds, which hold
    for its alerts without a margin. Returns the alerts newly raised.
    """
    is_own = live.is_own_prediction(history.cell, submodel)  # was mended then
    whole = submodel if is_own else mended(submodel, prediction_submodel.template())
    if not new_thresholds:
        whole = _with_life_thresholds(whole, prediction)
    if read_before is not None and not read_before.foreign:
        found = replace(read_before.with_thresholds(whole), submodel=None)
    else:
        found = Stored.of(whole)
    past = {alert.AlertId for alert in found.past}
    change = _alerts_after(found, history, prediction, now, past, with_margin=not new_thresholds)
    history.memory.stored = None
    if (found.details["InputLastCycle"] or 0) > (history.last_cycle or 0) and not live.is_current(history):
        raise Changed(f"{history.cell} has been predicted from more cycles")
    if change.raised and live.service_now(history.cell) != history.service:
        raise Changed(f"{history.cell} has another service state")
    summary = fleet_summary(history, prediction, replace(found, active=change.kept), now)
    begun = live.begin_fleet_summary(history.cell, summary)
    try:
        values = twin.prediction_values(prediction, now)
        whole = with_values(whole, values, prediction_submodel.list_items())
        with outbox.telling(live, history.cell, outbox.events(found.active, change)):
            whole = with_alerts(whole, change, found.foreign_alerts)
            live.put_prediction(history.cell, whole, None if new_thresholds else submodel, history)
    finally:
        if begun is not None:
            begun.exception()  # is waited for, and looked at in the end
    if not found.foreign:
        past_alerts = [*found.past, *change.closed][-alerts.HISTORY_LENGTH :]
        details = values["PredictionDetails"]
        tag = live.prediction_tag(history.cell)
        history.memory.stored = replace(found, details=details, active=change.kept, past=past_alerts, tag=tag)
    for alert in change.raised:
        live.metrics.alerts.labels(alert.Indicator, alert.Severity).inc()
        say(logging.WARNING, "alert raised", cell=history.cell, alert=alert.AlertId, value=alert.ActualValue)
    put_fleet_summary(live, history, prediction, summary, begun)
    return change.raised


def _with_life_thresholds(submodel: Json, prediction: Prediction) -> Json:
    """RUL thresholds that nobody has set, as shares of the life that is predicted now; others stay."""
    if prediction.end_of_life_cycle is None or not prediction_submodel.rul_thresholds_follow(submodel):
        return submodel
    return prediction_submodel.with_rul_thresholds(
        submodel, rul_thresholds_of_life(prediction.end_of_life_cycle), follow=True
    )


def _alerts_after(
    found: Stored,
    history: CellHistory,
    prediction: Prediction,
    now: datetime,
    past: Container[str] = (),
    with_margin: bool = True,
) -> alerts.Change:
    if history.service != IN_SERVICE:
        return alerts.close_all(found.active, twin.utc_text(now))
    known = prediction.status != NO_HISTORY
    temperature_degC = history.of_last("temperature_max_degC") if known else float("nan")
    states = alerts.conditions(
        found.thresholds,
        rul_cycles=prediction.rul_cycles,
        past_end_of_life=prediction.status == PAST_END_OF_LIFE,
        soh_percent=prediction.state_of_health_percent,
        temperature_degC=None if temperature_degC != temperature_degC else float(temperature_degC),
        outside_training_range=len(prediction.outside_training_range) if known else None,
        rul_trusted=prediction.grade not in UNTRUSTED_GRADES,
    )
    return alerts.evaluate(
        found.active,
        states,
        twin.utc_text(now),
        at_cycle=prediction.at_cycle,
        taken=past,
        with_margin=with_margin,
    )


def with_alerts(submodel: Json, change: alerts.Change, foreign: list[Json]) -> Json:
    """The Prediction submodel with the alerts after a change, the foreign ones behind them; closed ones join its
    AlertHistory."""
    kept = [alerts.to_element(alert, submodel["id"]) for alert in change.kept] + foreign
    closed = [alerts.to_element(alert, submodel["id"]) for alert in change.closed]
    past = [*(child(submodel, "AlertHistory").get("value") or []), *closed][-alerts.HISTORY_LENGTH :]
    new = {"ActiveAlerts": kept, "AlertHistory": past}
    elements = [
        with_items(element, new[element["idShort"]]) if element["idShort"] in new else element
        for element in submodel["submodelElements"]
    ]
    return submodel | {"submodelElements": elements}


def fleet_summary(history: CellHistory, prediction: Prediction, found: Stored, now: datetime) -> dict[str, Any]:
    """What the Fleet submodel says of the cell; `found` holds the alerts that are active now."""
    of_alerts = found.summary(history.service, now)
    summary = twin.fleet_values(history.name, prediction, history.capacity_trend, of_alerts, now, history.service)
    return summary | history.use_values


def put_fleet_summary(
    live: LiveTwin,
    history: CellHistory,
    prediction: Prediction,
    summary: dict[str, Any],
    begun: Future[bool] | None = None,
) -> None:
    try:
        live.put_fleet_summary(history, summary, begun)
    except Changed:
        sum_up(live, history.cell)
    live.siblings.mark(history, prediction)


def sum_up(live: LiveTwin, cell: str) -> None:
    """The cell's line in the Fleet submodel, if it has one, as its Prediction submodel is now."""
    live.forget_stored(cell)

    def attempt() -> None:
        stored, tag, _ = live.fleet_summary(cell)
        if stored is None:
            return
        submodel = live.prediction_submodel(cell)
        found, service = Stored.of(submodel), live.service_now(cell)
        summary = fleet.summary_of(read(submodel, prediction_submodel.shape()))
        summary |= {**found.summary(service, datetime.now(UTC)), "ServiceState": service}
        live.write_fleet_summary(cell, stored | summary, stored, tag)

    live.persistently(cell, attempt)
