"""The AAS of a cell and the types of the model, in both directions.

Values of the AAS are taken and given in the value-only form: nested dicts by idShort, lists for SubmodelElementLists,
None for a Property without value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from aasx.elements.shape import LARGEST, Foreign
from aasx.identifiers import model_submodel_id
from model.prediction import Prediction
from model.records.cycle import DEFAULT_END_OF_LIFE_PERCENT, History, NOMINAL_CAPACITY_Ah
from operations.request.columns import ID_SHORT

DISCHARGE = "discharge"
TREND_POINTS = 40


def training_cell(cell: str) -> str:
    """The cell whose data `cell` shows: itself, or for a replay (`B0005_replay`, `B0005_replay2`) the one played."""
    return re.sub(r"_replay\d*$", "", cell)


def record_values(row: Mapping[str, Any], rated_capacity_Ah: float) -> dict[str, Any]:
    """One cycle as the values of its Record: every column of the record, None where nothing was measured."""
    values: dict[str, Any] = {}
    for column, id_short in ID_SHORT.items():
        values[id_short] = plain(row.get(column))
        if column == "start_time":
            values["type"] = DISCHARGE
        if column == "capacity_Ah":
            capacity_Ah = values[id_short]
            values["StateOfHealth"] = None if capacity_Ah is None else 100 * capacity_Ah / rated_capacity_Ah
    return values


def cycle_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """One Record's values as a row of the model's table; a time with a zone becomes that of UTC without one."""
    row: dict[str, Any] = {}
    for column, id_short in ID_SHORT.items():
        value = record.get(id_short)
        if column == "cycle_number":
            row[column] = int(value)  # type: ignore[arg-type]
        elif column == "start_time":
            moment = pd.NaT if value is None else pd.Timestamp(value)
            row[column] = moment.tz_convert(None) if moment.tzinfo is not None else moment
        else:
            row[column] = math.nan if value is None else float(value)
    return row


def cycle_table(records: Iterable[Mapping[str, Any]], noted: list[Foreign] | None = None) -> pd.DataFrame:
    """The records' values (as read by the shape of OperationalData) as the model's table, sorted by cycle number.

    A record without a cycle number, or with one that stands in another already, is left out and noted.
    """
    found: dict[int, Mapping[str, Any]] = {}
    left_out: list[Foreign] = []
    for record in records:
        number = record.get("id_cycle")
        if number is None or number < 1:
            left_out.append(Foreign("id_cycle of a record", repr(number), "a number from 1"))
        elif number in found:
            left_out.append(Foreign(f"cycle {number}", "in two records", "in one; the first of them counts"))
        else:
            found[number] = record
    if noted is not None:
        noted += left_out
    cycles = pd.DataFrame([cycle_row(record) for record in found.values()], columns=list(ID_SHORT))
    cycles = cycles.astype({column: float for column in ID_SHORT if column not in ("cycle_number", "start_time")})
    cycles = cycles.astype({"cycle_number": int, "start_time": "datetime64[us]"})
    return cycles.sort_values("cycle_number", ignore_index=True)


def rated_capacity_Ah(technical_data: Mapping[str, Any], noted: list[Foreign] | None = None) -> float:
    """The rated capacity that TechnicalData states, else that of the cell type of NASA's set."""
    value = _technical_number(technical_data, "RatedCapacity", noted)
    return NOMINAL_CAPACITY_Ah if value is None else value


def cut_off_voltage_V(technical_data: Mapping[str, Any], noted: list[Foreign] | None = None) -> float | None:
    return _technical_number(technical_data, "MinVoltage", noted)


def end_of_life_capacity_Ah(end_of_life_percent: float | None, rated_Ah: float) -> float:
    """End-of-life capacity, from SoHThresholds.EndOfLife (% of the rated capacity)."""
    percent = DEFAULT_END_OF_LIFE_PERCENT if end_of_life_percent is None else end_of_life_percent
    return rated_Ah * percent / 100


def history(
    cell: str, cycles: pd.DataFrame, technical_data: Mapping[str, Any], end_of_life_percent: float | None
) -> History:
    rated_Ah = rated_capacity_Ah(technical_data)
    return History(
        cell=cell,
        rated_capacity_Ah=rated_Ah,
        end_of_life_capacity_Ah=end_of_life_capacity_Ah(end_of_life_percent, rated_Ah),
        cut_off_voltage_V=cut_off_voltage_V(technical_data),
        cycles=cycles,
        training_cell=training_cell(cell),
    )


def prediction_values(prediction: Prediction, predicted_at: datetime) -> dict[str, Any]:
    """A prediction as values of the Prediction submodel, nested by idShort; alerts and thresholds are not among them.

    `ConfidenceInterval` is rounded outwards to whole cycles, since BaSyx gives no `$value` of a Range with fractions;
    the exact bounds stand in PredictionDetails.
    """
    at = utc_text(predicted_at)
    lower, upper = prediction.rul_lower_cycles, prediction.rul_upper_cycles
    return {
        "RemainingUsefulLifePrediction": {
            "RemainingUsefulLifetime": {"DurationValue": prediction.rul_cycles, "StartValue": prediction.at_cycle},
            "ConfidenceInterval": {
                "min": None if lower is None else math.floor(lower),
                "max": None if upper is None else math.ceil(upper),
            },
            "PredictionModelInformation": {"SMAIModelNamePlate": model_submodel_id(prediction.model_version)},
            "AlertAfterExceedingRemainingUsableLife": {"MaintenanceRequired": prediction.status == "pastEndOfLife"},
        },
        "StateOfHealthPrediction": {
            "StateOfHealth": prediction.state_of_health_percent,
            "StateOfHealthLower": prediction.state_of_health_lower_percent,
            "StateOfHealthUpper": prediction.state_of_health_upper_percent,
            "PredictedAt": at,
        },
        "PredictionDetails": {
            "AtCycle": prediction.at_cycle,
            "RUL": prediction.rul_cycles,
            "RULLower": lower,
            "RULUpper": upper,
            "EndOfLifeCycle": prediction.end_of_life_cycle,
            "EndOfLifeCapacity": prediction.end_of_life_capacity_Ah,
            "ConfidenceLevel": prediction.confidence_level,
            "Capacity": prediction.capacity_Ah,
            "ModelVersion": prediction.model_version,
            "ModelHash": prediction.model_sha256,
            "ModelKind": prediction.model_kind,
            "InputFirstCycle": prediction.first_cycle,
            "InputLastCycle": prediction.last_cycle,
            "OutsideTrainingRange": bool(prediction.outside_training_range),
            "OutsideTrainingRangeNames": outside_names(prediction.outside_training_range),
            "PredictionStatus": prediction.status,
            "PredictedAt": at,
        },
        "CapacityTrajectory": trajectory_values(prediction),
        "Drivers": driver_values(prediction),
        "SimilarCells": similar_cell_values(prediction),
    }


def trajectory_values(forecast: Any) -> dict[str, list[float]]:
    """The `trajectory` of a Prediction or a Simulation as four lists of one length, in Ah over the cycle number."""
    points = forecast.trajectory
    return {
        "Cycle": [int(point.cycle) for point in points],
        "Capacity": [float(point.capacity_Ah) for point in points],
        "CapacityLower": [float(point.lower_Ah) for point in points],
        "CapacityUpper": [float(point.upper_Ah) for point in points],
    }


def driver_values(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {
            "Feature": ID_SHORT.get(driver.feature, driver.feature),
            "FeatureValue": plain(driver.value),
            "FeatureUnit": driver.unit,
            "Effect": plain(driver.effect_percent),
        }
        for driver in prediction.drivers
    ]


def similar_cell_values(prediction: Prediction) -> list[dict[str, Any]]:
    return [{"Battery": similar.cell, "Weight": float(similar.weight)} for similar in prediction.similar_cells]


def outside_names(columns: Sequence[str]) -> str | None:
    """The names of what is outside the training range, as idShorts, comma separated; None when nothing is."""
    return ",".join(ID_SHORT.get(column, column) for column in columns) or None


def fleet_values(
    cell: str, prediction: Prediction, trend: str | None, severity: str, unacknowledged: int, at: datetime
) -> dict[str, Any]:
    """The summary of one cell in the Fleet submodel; `trend` is that of `capacity_trend`."""
    return {
        "Battery": cell,
        "AtCycle": prediction.at_cycle,
        "Capacity": prediction.capacity_Ah,
        "StateOfHealth": prediction.state_of_health_percent,
        "StateOfHealthLower": prediction.state_of_health_lower_percent,
        "StateOfHealthUpper": prediction.state_of_health_upper_percent,
        "RUL": prediction.rul_cycles,
        "RULLower": prediction.rul_lower_cycles,
        "RULUpper": prediction.rul_upper_cycles,
        "EndOfLifeCycle": prediction.end_of_life_cycle,
        "AlertSeverity": severity,
        "UnacknowledgedAlerts": unacknowledged,
        "LastUpdate": utc_text(at),
        "CapacityTrend": trend,
    }


def capacity_trend(cycles: pd.DataFrame) -> str | None:
    """Measured capacities as "cycle:Ah cycle:Ah ...", at most `TREND_POINTS`, the newest always among them."""
    measured = cycles.loc[cycles["capacity_Ah"].notna(), ["cycle_number", "capacity_Ah"]].to_numpy()
    if not len(measured):
        return None
    step = math.ceil(len(measured) / TREND_POINTS)
    thinned = measured[::-1][::step][::-1]
    return " ".join(f"{int(number)}:{capacity:.4f}" for number, capacity in thinned)


def utc_text(moment: datetime) -> str:
    """xs:dateTime in UTC, with seconds' fractions so that two writes in one second differ."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _technical_number(technical_data: Mapping[str, Any], id_short: str, noted: list[Foreign] | None) -> float | None:
    """A positive number of TechnicalData; what stands there instead is noted."""
    areas = technical_data.get("TechnicalPropertyAreas")
    for area in areas if isinstance(areas, list) else []:
        stated = area.get(id_short) if isinstance(area, dict) else None
        if stated in (None, ""):
            continue
        try:
            value = float(stated)
        except (TypeError, ValueError):
            value = math.nan
        if 0 < value <= LARGEST["xs:double"]:
            return value
        if noted is not None:
            noted.append(Foreign(f"TechnicalData {id_short}", repr(stated)[:40], "a positive number"))
    return None


def plain(value: Any) -> Any:
    """numpy and pandas scalars as Python's own, missing values as None, times as xs:dateTime without zone."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
