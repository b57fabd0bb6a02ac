"""The AAS of a cell and the types of the model, in both directions.

Values of the AAS are taken and given in the value-only form: nested dicts by idShort, lists for SubmodelElementLists,
None for a Property without value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from aasx.elements.shape import Foreign
from aasx.identifiers import model_submodel_id
from aasx.submodels.operational_data import UTC_CLOCK
from model.prediction import Prediction, Scenario
from model.records.cycle import COLUMNS, History
from operations.cell.described import Described
from operations.request.columns import ID_SHORT

DISCHARGE = "discharge"
_COLUMNS = pd.Index(list(ID_SHORT))
_MEASURED = list(ID_SHORT.values())[2:]
"""idShorts of all columns but the first two, cycle number and start time."""
TREND_POINTS = 40
PACE_CYCLES = 20
"""The present pace is that of so many last cycles."""


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
            values["StateOfHealth"] = state_of_health_percent(capacity_Ah, rated_capacity_Ah)
    return values


def state_of_health_percent(capacity_Ah: float | None, rated_capacity_Ah: float) -> float | None:
    """Capacity in % of the rated one; None where either is not known (NaN)."""
    if capacity_Ah is None or not math.isfinite(rated_capacity_Ah):
        return None
    return 100 * capacity_Ah / rated_capacity_Ah


def _moment(text: str | None) -> datetime | None:
    """A time with a zone becomes that of UTC without one."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


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
    known = list(found.values())
    values = np.full((len(ID_SHORT), len(known)), np.nan)
    values[2:] = [[record.get(id_short) for record in known] for id_short in _MEASURED]
    cycles = pd.DataFrame(values.T, columns=_COLUMNS, copy=False)
    cycles.isetitem(0, np.array([*found], dtype=int))
    cycles.isetitem(1, np.array([_moment(record.get("Time")) for record in known], dtype="datetime64[us]"))
    return cycles if len(cycles) < 2 else cycles.sort_values("cycle_number", ignore_index=True)


def without(cycles: pd.DataFrame, numbers: Collection[int]) -> pd.DataFrame:
    """A table of cycles without some of them."""
    return cycles[~cycles["cycle_number"].isin(numbers)].reset_index(drop=True) if numbers else cycles


def one_table(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of `cycle_table` as one; of a cycle that stands in several the last one counts."""
    known = [table for table in tables if len(table)]
    if len(known) < 2:
        return known[0] if known else tables[-1]
    whole = pd.concat(known, ignore_index=True)
    numbers = whole["cycle_number"]
    if numbers.is_monotonic_increasing and numbers.is_unique:
        return whole
    return whole.drop_duplicates("cycle_number", keep="last").sort_values("cycle_number", ignore_index=True)


def history(
    cell: str,
    cycles: pd.DataFrame,
    described: Described,
    end_of_life_percent: float | None,
    replay_of: str | None = None,
) -> History:
    """The history as the model takes it: of one cell of the series, see `per_cell`.

    `end_of_life_percent` is that of SoHThresholds.EndOfLife, in % of the rated capacity.
    """
    rated_Ah = described.rated_Ah(cycles)
    percent = described.default_end_of_life_percent if end_of_life_percent is None else end_of_life_percent
    at_terminals = History(
        cell=cell,
        rated_capacity_Ah=rated_Ah,
        end_of_life_capacity_Ah=rated_Ah * percent / 100,
        cut_off_voltage_V=described.cut_off_voltage_V,
        cycles=cycles,
        training_cell=replay_of or training_cell(cell),
        facts=replace(described.facts, rated_capacity_stated=described.stated_Ah is not None),
    )
    return per_cell(at_terminals)


# --- at the terminals, and of one cell
#
# What is measured and written is that of the whole at its terminals; the model knows single cells. Cells in parallel
# are one larger cell: capacities and currents stay, the rated capacity is that of all of them. Cells in series share
# voltage and resistance: these are divided by their number on the way to the model, and multiplied on the way back.

IN_SERIES = ("V", "ohm")
"""Units of what the cells in series share."""


def per_cell(history: History) -> History:
    """The history of the mean cell of a series, of a history at the terminals. The very same for a single cell."""
    series = history.facts.series_count
    if series == 1:
        return history
    shared = [name for name, column in COLUMNS.items() if column.unit in IN_SERIES and name in history.cycles]
    cycles = history.cycles.assign(**{name: history.cycles[name] / series for name in shared})
    end_V = history.facts.capacity_end_voltage_V
    facts = replace(history.facts, series_count=1, capacity_end_voltage_V=None if end_V is None else end_V / series)
    cut_off_V = history.cut_off_voltage_V
    return replace(
        history, cycles=cycles, facts=facts, cut_off_voltage_V=None if cut_off_V is None else cut_off_V / series
    )


def samples_per_cell(samples: pd.DataFrame | None, series: int) -> Any:
    """Samples at the terminals as those of the mean cell of a series (voltages in columns that begin with Voltage)."""
    if samples is None or series == 1:
        return samples
    shared = [name for name in samples.columns if name.startswith("Voltage")]
    return samples.assign(**{name: samples[name] / series for name in shared})


def features_at_terminals(features: Mapping[str, float], series: int) -> dict[str, float]:
    """Columns of a cycle computed for the mean cell of a series, as those of the whole."""
    return {
        name: value * series if series > 1 and COLUMNS[name].unit in IN_SERIES else value
        for name, value in features.items()
    }


def per_cell_scenario(scenario: Scenario, series: int) -> Scenario:
    """What is asked at the terminals, asked of the mean cell of a series."""
    if series == 1:
        return scenario

    def shared(value: float | None) -> float | None:
        return None if value is None else value / series

    return replace(
        scenario,
        cut_off_voltage_V=shared(scenario.cut_off_voltage_V),
        phases=[replace(phase, cut_off_voltage_V=shared(phase.cut_off_voltage_V)) for phase in scenario.phases],
        replaced={
            name: value / series if COLUMNS[name].unit in IN_SERIES else value
            for name, value in scenario.replaced.items()
        },
    )


def at_terminals(prediction: Prediction, series: int) -> Prediction:
    """A prediction for the mean cell of a series, as one of the whole: the values of its drivers."""
    if series == 1:
        return prediction
    drivers = [
        replace(driver, value=driver.value * series)
        if driver.value is not None and driver.unit.split("/")[0] in IN_SERIES
        else driver
        for driver in prediction.drivers
    ]
    return replace(prediction, drivers=drivers)


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
        "PredictionDetails": details_values(prediction, predicted_at),
        "CapacityTrajectory": trajectory_values(prediction),
        "Drivers": driver_values(prediction),
        "SimilarCells": similar_cell_values(prediction),
    }


def details_values(prediction: Prediction, predicted_at: datetime) -> dict[str, Any]:
    """The values of PredictionDetails."""
    return {
        "AtCycle": prediction.at_cycle,
        "RUL": prediction.rul_cycles,
        "RULLower": prediction.rul_lower_cycles,
        "RULUpper": prediction.rul_upper_cycles,
        "EndOfLifeCycle": prediction.end_of_life_cycle,
        "EndOfLifeCapacity": plain(prediction.end_of_life_capacity_Ah),
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
        **grade_values(prediction),
        "PredictedAt": utc_text(predicted_at),
    }


def grade_values(prediction: Prediction) -> dict[str, Any]:
    """How far the remaining life can be trusted, and what it came from."""
    sources = " ".join(f"{source.name}:{source.weight:.2f}" for source in prediction.sources)
    return {
        "PredictionGrade": prediction.grade,
        "PredictionSources": sources or None,
        "Siblings": ",".join(prediction.siblings) or None,
        "GuaranteedLevel": prediction.guaranteed_level,
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


def state_values(prediction: Prediction | None) -> dict[str, Any]:
    """State of health in % and remaining life in cycles, each with its interval, by idShort; nothing for None."""
    if prediction is None:
        return {}
    return {
        "StateOfHealth": prediction.state_of_health_percent,
        "StateOfHealthLower": prediction.state_of_health_lower_percent,
        "StateOfHealthUpper": prediction.state_of_health_upper_percent,
        "RUL": prediction.rul_cycles,
        "RULLower": prediction.rul_lower_cycles,
        "RULUpper": prediction.rul_upper_cycles,
    }


def fleet_values(
    name: str, prediction: Prediction, trend: str | None, alerts: Mapping[str, Any], at: datetime, service: str
) -> dict[str, Any]:
    """The summary of a cell, by the name people know, in the Fleet submodel; `trend` is that of `capacity_trend`,
    `alerts` what aasx.alerts.summary says of them, `service` its service state."""
    return {
        "Battery": name,
        "AtCycle": prediction.at_cycle,
        "Capacity": prediction.capacity_Ah,
        **state_values(prediction),
        "EndOfLifeCycle": prediction.end_of_life_cycle,
        **alerts,
        "LastUpdate": utc_text(at),
        "CapacityTrend": trend,
        "ServiceState": service,
        "PredictionGrade": prediction.grade,
    }


def use_values(cycles: pd.DataFrame, cell_type: str | None, clock: str | None) -> dict[str, Any]:
    """What the fleet's summary says of a cell's kind and use: `clock` is what its times are by."""
    starts, numbers = cycles["start_time"].to_numpy(), cycles["cycle_number"].to_numpy()
    known = np.flatnonzero(~np.isnat(starts))[-PACE_CYCLES - 1 :]
    pace = last = None
    if len(known):
        first_start, last_start = (pd.Timestamp(starts[known[at]]) for at in (0, -1))
        last = last_start.isoformat(timespec="seconds") + ("Z" if clock == UTC_CLOCK else "")
        passed_d = (last_start - first_start).total_seconds() / 86_400
        if passed_d > 0:
            pace = float(numbers[known[-1]] - numbers[known[0]]) / passed_d
    return {"CellType": cell_type, "CyclesPerDay": pace, "LastCycleTime": last}


def capacity_trend(cycles: pd.DataFrame) -> str | None:
    """Measured capacities as "cycle:Ah cycle:Ah ...", at most `TREND_POINTS`, the newest always among them."""
    capacities_Ah, numbers = cycles["capacity_Ah"].to_numpy(), cycles["cycle_number"].to_numpy()
    measured = np.flatnonzero(~np.isnan(capacities_Ah))
    step = math.ceil(len(measured) / TREND_POINTS) or 1
    thinned = measured[::-1][::step][::-1]
    return " ".join(f"{numbers[at]}:{capacities_Ah[at]:.4f}" for at in thinned) or None


def utc_text(moment: datetime) -> str:
    """xs:dateTime in UTC, with seconds' fractions so that two writes in one second differ."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
