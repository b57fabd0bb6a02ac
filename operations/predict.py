"""Predict: remaining useful life and state of health of a cell, from the history that the AAS holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from aasx.values import to_value
from model.prediction import CONFIDENCE_LEVELS, DEFAULT_CONFIDENCE_LEVEL, NO_HISTORY, PAST_END_OF_LIFE, Prediction
from operations import alerts, twin
from operations.edge import DATE_TIME, Inputs, Outputs, variable
from operations.elements import Json, child, reading, with_items, with_values
from operations.errors import InvalidInput, Problem, shown
from operations.live_twin import CellHistory, LiveTwin
from operations.logs import request_id, say

STATE = (
    "PredictionDetails", "ActiveAlerts", "RemainingUsefulLifePrediction", "SoHThresholds", "TemperatureThresholds",
)  # fmt: skip
"""What of the Prediction submodel decides about alerts and about what is to be written."""
HIGHEST_CYCLE = 1_000_000
CAPACITY_RANGE_AH = (0.05, 2.1)
"""End-of-life capacities that make sense for this cell type (model.cycle.CAPACITY_LIMIT_Ah above)."""


class Trajectory(BaseModel):
    """Expected capacity over the cycles, with its band: four lists of one length."""

    Cycle: list[int] = variable([])
    Capacity: list[float] = variable([])
    CapacityLower: list[float] = variable([])
    CapacityUpper: list[float] = variable([])


class Driver(BaseModel):
    Feature: str = variable()
    FeatureValue: float | None = variable(None)
    FeatureUnit: str | None = variable(None)
    Effect: float | None = variable(None)


class SimilarCell(BaseModel):
    Battery: str = variable()
    Weight: float = variable()


class PredictInputs(Inputs):
    AtCycle: int | None = variable(None, ge=1, le=HIGHEST_CYCLE)
    ConfidenceLevel: float | None = variable(None, ge=CONFIDENCE_LEVELS[0], le=CONFIDENCE_LEVELS[1])
    EndOfLifeCapacity: float | None = variable(None, ge=CAPACITY_RANGE_AH[0], le=CAPACITY_RANGE_AH[1])


class PredictOutputs(Outputs):
    RUL: float | None = variable(None)
    RULLower: float | None = variable(None)
    RULUpper: float | None = variable(None)
    StateOfHealth: float | None = variable(None)
    StateOfHealthLower: float | None = variable(None)
    StateOfHealthUpper: float | None = variable(None)
    EndOfLifeCycle: int | None = variable(None)
    PredictedAtCycle: int | None = variable(None)
    CapacityTrajectory: Trajectory | None = variable(None)
    Drivers: list[Driver] | None = variable(None)
    SimilarCells: list[SimilarCell] | None = variable(None)
    ModelVersion: str | None = variable(None)
    ModelHash: str | None = variable(None)
    ModelKind: str | None = variable(None)
    OutsideTrainingRange: bool | None = variable(None)
    OutsideTrainingRangeNames: str | None = variable(None)
    PredictionStatus: str | None = variable(None)
    PredictedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def predict(live: LiveTwin, cell: str, inputs: PredictInputs) -> PredictOutputs:
    """The present state is written into the AAS with the alerts that follow from it.

    A prediction at a past cycle, or to another end of life than the cell's own, is answered only.
    """
    history = live.completed(live.history(cell))
    submodel = live.prediction_submodel(cell)
    at_cycle = checked_cycle("AtCycle", inputs.AtCycle, history)
    is_present = at_cycle == history.last_cycle and inputs.EndOfLifeCapacity is None
    now = datetime.now(UTC)
    prediction = live.predict(
        history,
        end_of_life_percent(submodel),
        at_cycle=at_cycle,
        confidence_level=inputs.ConfidenceLevel or DEFAULT_CONFIDENCE_LEVEL,
        end_of_life_capacity_Ah=inputs.EndOfLifeCapacity,
    )
    if is_present:
        write_present(live, history, submodel, prediction, now)
    else:
        complete(live, history, submodel, now)
    return PredictOutputs(
        RUL=prediction.rul_cycles,
        RULLower=prediction.rul_lower_cycles,
        RULUpper=prediction.rul_upper_cycles,
        StateOfHealth=prediction.state_of_health_percent,
        StateOfHealthLower=prediction.state_of_health_lower_percent,
        StateOfHealthUpper=prediction.state_of_health_upper_percent,
        EndOfLifeCycle=prediction.end_of_life_cycle,
        PredictedAtCycle=prediction.at_cycle,
        CapacityTrajectory=Trajectory.model_validate(twin.trajectory_values(prediction)),
        Drivers=[Driver.model_validate(driver) for driver in twin.driver_values(prediction)],
        SimilarCells=[SimilarCell.model_validate(similar) for similar in twin.similar_cell_values(prediction)],
        ModelVersion=prediction.model_version,
        ModelHash=prediction.model_sha256,
        ModelKind=prediction.model_kind,
        OutsideTrainingRange=bool(prediction.outside_training_range),
        OutsideTrainingRangeNames=twin.outside_names(prediction.outside_training_range),
        PredictionStatus=prediction.status,
        PredictedAt=twin.utc_text(now),
        RequestId=request_id.get(),
    )


def predict_present(
    live: LiveTwin, history: CellHistory, submodel: Json, now: datetime, new_thresholds: bool = False
) -> tuple[Prediction, list[alerts.Alert]]:
    """Predicts and writes the present state as `write_present` does."""
    prediction = present(live, history, submodel)
    return prediction, write_present(live, history, submodel, prediction, now, new_thresholds)


def complete(live: LiveTwin, history: CellHistory, submodel: Json, now: datetime) -> None:
    """Writes the present state when an interrupted call has left it, or the fleet's summary, behind the history."""
    if is_behind(submodel, history):
        predict_present(live, history, submodel, now)
    elif history.memory.fleet_summary is None:
        with reading(f"alerts of {history.cell}"):
            open_alerts = [alerts.Alert.of(values) for values in to_value(child(submodel, "ActiveAlerts"))]
        put_fleet_summary(live, history, present(live, history, submodel), open_alerts, now)


def put_fleet_summary(
    live: LiveTwin, history: CellHistory, prediction: Prediction, current: list[alerts.Alert], now: datetime
) -> None:
    severity, open_alerts = alerts.highest_severity(current), alerts.unacknowledged(current)
    summary = twin.fleet_values(history.cell, prediction, history.cycles, severity, open_alerts, now)
    live.put_fleet_summary(history, summary)


def present(live: LiveTwin, history: CellHistory, submodel: Json) -> Prediction:
    """The prediction after the last cycle."""
    at_cycle, level = history.last_cycle, DEFAULT_CONFIDENCE_LEVEL
    percent = end_of_life_percent(submodel)
    return live.predict(history, percent, at_cycle=at_cycle, confidence_level=level, end_of_life_capacity_Ah=None)


def write_present(
    live: LiveTwin,
    history: CellHistory,
    submodel: Json,
    prediction: Prediction,
    now: datetime,
    new_thresholds: bool = False,
) -> list[alerts.Alert]:
    """Writes a prediction of the present state, the alerts that follow and the fleet's summary; returns alerts raised.

    `submodel` is the Prediction submodel as read, or with new thresholds, which then are written in the same go and
    hold for alerts without a margin.
    """
    with reading(f"prediction of {history.cell}"):
        current = {name: to_value(child(submodel, name)) for name in STATE}
        thresholds = alerts.Thresholds.of(current)
        before = [alerts.Alert.of(values) for values in current["ActiveAlerts"]]
    known = prediction.status != NO_HISTORY
    states = alerts.conditions(
        thresholds,
        rul_cycles=prediction.rul_cycles,
        past_end_of_life=prediction.status == PAST_END_OF_LIFE,
        soh_percent=prediction.state_of_health_percent,
        temperature_degC=_number(history.last_row["temperature_max_degC"]) if known else None,
        outside_training_range=len(prediction.outside_training_range) if known else None,
    )
    change = alerts.evaluate(before, states, twin.utc_text(now), with_margin=not new_thresholds)
    new = twin.prediction_values(prediction, now)
    if change.kept == before and not new_thresholds and _same_but_time(current["PredictionDetails"], new):
        live.put_prediction_time(submodel, now)
    else:
        live.put_prediction(with_alerts(with_values(submodel, new), change))
    for alert in change.raised:
        live.metrics.alerts.labels(alert.Indicator, alert.Severity).inc()
        say(30, "alert raised", cell=history.cell, alert=alert.AlertId, value=alert.ActualValue)
    put_fleet_summary(live, history, prediction, change.kept, now)
    return change.raised


def _same_but_time(details: Json, new: Json) -> bool:
    """True when the AAS holds this very prediction: it is written as a whole, so its details tell."""
    return details | {"PredictedAt": None} == new["PredictionDetails"] | {"PredictedAt": None}


def with_alerts(submodel: Json, change: alerts.Change) -> Json:
    """The Prediction submodel with the alerts after a change; closed ones join its AlertHistory."""
    kept = [alert.to_element(submodel["id"]) for alert in change.kept]
    closed = [alert.to_element(submodel["id"]) for alert in change.closed]
    past = [*(child(submodel, "AlertHistory").get("value") or []), *closed][-alerts.HISTORY_LENGTH :]
    new = {"ActiveAlerts": kept, "AlertHistory": past}
    elements = [
        with_items(element, new[element["idShort"]]) if element["idShort"] in new else element
        for element in submodel["submodelElements"]
    ]
    return submodel | {"submodelElements": elements}


def end_of_life_percent(submodel: Json) -> float | None:
    """SoHThresholds.EndOfLife of the Prediction submodel, in % of the rated capacity."""
    with reading("end of life of the cell"):
        text = child(child(submodel, "SoHThresholds"), "EndOfLife").get("value")
        return None if text is None else float(text)


def is_behind(submodel: Json, history: CellHistory) -> bool:
    """True when the stored prediction does not know the last cycle (a write was interrupted, or there is none yet)."""
    with reading(f"prediction of {history.cell}"):
        text = child(child(submodel, "PredictionDetails"), "InputLastCycle").get("value")
        return (None if text is None else int(text)) != history.last_cycle


def checked_cycle(name: str, cycle: int | None, history: CellHistory) -> int | None:
    """The given cycle or the last one. Raises InvalidInput for one that the history does not hold."""
    if cycle is None:
        return history.last_cycle
    if history.first_cycle is None or history.last_cycle is None:
        raise InvalidInput(Problem(name, shown(cycle), "this cell has no cycles yet; leave it out"))
    if not history.first_cycle <= cycle <= history.last_cycle:
        allowed = f"must be a cycle of this cell, from {history.first_cycle} to {history.last_cycle}"
        raise InvalidInput(Problem(name, shown(cycle), allowed))
    return cycle


def _number(value: Any) -> float | None:
    return None if value != value else float(value)
