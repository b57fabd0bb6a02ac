"""SetThresholds: new limits for the alerts of a cell, with who changed them and why; the alerts follow at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aasx.elements.shape import mended
from aasx.elements.values import Json, with_values
from aasx.submodels import prediction as prediction_submodel
from operations.cell import present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.request import remarks
from operations.request.edge import DATE_TIME, Inputs, Outputs, line, variable
from operations.request.errors import InvalidInput, Problem
from operations.request.logs import request_id

HIGHEST_RUL_CYCLES = 100_000
RUL = {"RULWarning", "RULCritical"}
TEMPERATURE_RANGE_degC = (-40.0, 150.0)


class SetThresholdsInputs(Inputs):
    ChangedBy: str = line(longest=100)
    Comment: str | None = line(None, longest=500)
    RULWarning: float | None = variable(None, ge=0, le=HIGHEST_RUL_CYCLES)
    RULCritical: float | None = variable(None, ge=0, le=HIGHEST_RUL_CYCLES)
    SoHWarning: float | None = variable(None, ge=1, le=105)
    SoHCritical: float | None = variable(None, ge=1, le=105)
    SoHEndOfLife: float | None = variable(None, ge=1, le=105)
    TemperatureWarning: float | None = variable(None, ge=TEMPERATURE_RANGE_degC[0], le=TEMPERATURE_RANGE_degC[1])
    TemperatureCritical: float | None = variable(None, ge=TEMPERATURE_RANGE_degC[0], le=TEMPERATURE_RANGE_degC[1])


class SetThresholdsOutputs(Outputs):
    ChangedAt: str | None = variable(None, xs_type=DATE_TIME)
    RequestId: str | None = variable(None)


RISING = (("RULCritical", "RULWarning"), ("SoHEndOfLife", "SoHCritical"), ("SoHCritical", "SoHWarning"),
          ("TemperatureWarning", "TemperatureCritical"))  # fmt: skip
"""Pairs of thresholds of which the first must be below the second."""


def set_thresholds(live: LiveTwin, cell: str, inputs: SetThresholdsInputs) -> SetThresholdsOutputs:
    """Thresholds that are not given stay. The present state is predicted anew, since the end of life may be another."""
    given = inputs.model_dump(exclude={"ChangedBy", "Comment"}, exclude_none=True)
    if not given:
        raise InvalidInput(Problem("RULWarning", "", "give at least one threshold to change"))
    history = live.completed(live.history(cell))
    submodel = mended(live.prediction_submodel(cell), prediction_submodel.template())
    thresholds = in_force(submodel) | given
    problems = [
        Problem(low, f"{thresholds[low]:g}", f"must be below {high} = {thresholds[high]:g}")
        for low, high in RISING
        if None not in (thresholds[low], thresholds[high]) and not thresholds[low] < thresholds[high]
    ]
    if problems:
        raise InvalidInput(*problems)
    now = datetime.now(UTC)
    change = {"ChangedBy": inputs.ChangedBy, "ChangedAt": twin.utc_text(now), "Comment": inputs.Comment}
    prediction = present_state.present(live, history, thresholds["SoHEndOfLife"])
    changed = with_thresholds(submodel, thresholds, set(given), change)
    present_state.write_whole(live, history, changed, prediction, now, new_thresholds=True)
    return SetThresholdsOutputs(ChangedAt=change["ChangedAt"], RequestId=request_id.get())


def in_force(submodel: Json) -> dict[str, Any]:
    """The thresholds of a Prediction submodel under the names of the inputs."""
    stored = present_state.Stored.of(submodel)
    remarks.note(stored.foreign)
    current = stored.thresholds
    return {
        "RULWarning": current.rul_warning,
        "RULCritical": current.rul_critical,
        "SoHWarning": current.soh_warning,
        "SoHCritical": current.soh_critical,
        "SoHEndOfLife": current.soh_end_of_life,
        "TemperatureWarning": current.temperature_warning,
        "TemperatureCritical": current.temperature_critical,
    }


def with_thresholds(submodel: Json, thresholds: dict[str, Any], given: set[str], change: dict[str, Any]) -> Json:
    """The Prediction submodel with other thresholds; its predictions and alerts are left.

    Thresholds of the remaining life follow the predicted life until somebody gives one of them.
    """
    follow = prediction_submodel.rul_thresholds_follow(submodel) and not RUL & given
    return with_values(
        prediction_submodel.with_rul_thresholds(
            submodel, [thresholds["RULWarning"], thresholds["RULCritical"]], follow
        ),
        {
            "SoHThresholds": {name: thresholds[f"SoH{name}"] for name in ("Warning", "Critical", "EndOfLife")},
            "TemperatureThresholds": {name: thresholds[f"Temperature{name}"] for name in ("Warning", "Critical")},
            "ThresholdChange": change,
        },
    )
