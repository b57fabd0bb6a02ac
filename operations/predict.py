"""Predict: remaining useful life and state of health of a cell, from the history that the AAS holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pydantic import BaseModel

from model.prediction import CONFIDENCE_LEVELS, DEFAULT_CONFIDENCE_LEVEL, Prediction
from operations.cell import present_state, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.request.edge import DATE_TIME, Inputs, Outputs, variable
from operations.request.errors import InvalidInput, Problem, shown
from operations.request.logs import request_id

HIGHEST_CYCLE = 1_000_000
LEAST_CAPACITY_SHARE = 0.025
"""Of the rated capacity: no cell is used down to less."""


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
    EndOfLifeCapacity: float | None = variable(None)


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
    PredictionGrade: str | None = variable(None)
    PredictionSources: str | None = variable(None)
    Siblings: str | None = variable(None)
    GuaranteedLevel: float | None = variable(None)
    PredictedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


def predict(live: LiveTwin, cell: str, inputs: PredictInputs) -> PredictOutputs:
    """The present state is written into the AAS with the alerts that follow from it.

    A prediction at a past cycle, or to another end of life than the cell's own, is answered only.
    """
    is_present = inputs.AtCycle is None and inputs.EndOfLifeCapacity is None
    history = live.completed(live.history(cell, to_write=is_present, assume=True))
    try:
        at_cycle = checked_cycle("AtCycle", inputs.AtCycle, history)
        checked_capacity("EndOfLifeCapacity", inputs.EndOfLifeCapacity, history)
    except InvalidInput:
        live.make_sure(history)
        raise
    now = datetime.now(UTC)

    def predicted() -> tuple[present_state.Stored, Prediction]:
        found = present_state.stored(live, history, to_predict=is_present)
        prediction = live.predict(
            history,
            found.thresholds.soh_end_of_life,
            at_cycle=at_cycle,
            confidence_level=inputs.ConfidenceLevel or DEFAULT_CONFIDENCE_LEVEL,
            end_of_life_capacity_Ah=inputs.EndOfLifeCapacity,
        )
        return found, prediction

    found, prediction = predicted()
    if not live.confirm(history):  # somebody has predicted the cell meanwhile, or set other thresholds
        found, prediction = predicted()
    if at_cycle == history.last_cycle and inputs.EndOfLifeCapacity is None:
        present_state.write(live, history, found, prediction, now)
    else:
        present_state.complete(live, history, found)
    return PredictOutputs(
        **twin.state_values(prediction),
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
        **twin.grade_values(prediction),
        PredictedAt=twin.utc_text(now),
        RequestId=request_id.get(),
    )


def checked_cycle(name: str, cycle: int | None, history: CellHistory) -> int | None:
    """The given cycle or the last one. Raises InvalidInput for one that the history does not hold."""
    if cycle is None:
        return history.last_cycle
    if history.first_cycle is None or history.last_cycle is None:
        raise InvalidInput(Problem(name, shown(cycle), "this cell has no cycles yet; leave it out"))
    if cycle not in history.cycle_numbers:
        allowed = f"must be a cycle of this cell, from {history.first_cycle} to {history.last_cycle}"
        if history.first_cycle < cycle < history.last_cycle:
            before = max(number for number in history.cycle_numbers if number < cycle)
            after = min(number for number in history.cycle_numbers if number > cycle)
            allowed += f"; the cycles beside this gap are {before} and {after}"
        raise InvalidInput(Problem(name, shown(cycle), allowed))
    return cycle


def checked_capacity(name: str, capacity_Ah: float | None, history: CellHistory) -> None:
    """Raises InvalidInput for a capacity that makes no sense for a cell of this rated capacity."""
    rated_Ah, (lowest_Ah, highest_Ah) = history.rated_capacity_Ah, history.limits["capacity_Ah"]
    if math.isfinite(rated_Ah):
        lowest_Ah = LEAST_CAPACITY_SHARE * rated_Ah
    if capacity_Ah is not None and not lowest_Ah <= capacity_Ah <= highest_Ah:
        allowed = f"must be a number from {lowest_Ah:g} to {highest_Ah:g} Ah for {history.described_as}"
        raise InvalidInput(Problem(name, shown(capacity_Ah), allowed))
