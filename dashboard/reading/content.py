"""Content of the AAS in the shapes the views show: rows, forecasts, alerts, curves.

Values come as the AAS gives them (`$value` is text, anything may be missing); what is not a finite number is None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from aasx import alerts
from aasx.elements.shape import Foreign, moment, number
from aasx.submodels import curves
from aasx.vocabulary import IN_SERVICE

SEVERITIES = ("endOfLife", "critical", "warning", "none")  # worst first
OPEN_ENDS = (-(2**31), 2**31 - 1)  # how an unknown end of a Range is written, see aasx.elements.values


@dataclass(frozen=True)
class FleetRow:
    """One cell in the fleet's overview; capacities in Ah, state of health in %, life in cycles, None = not known."""

    cell: str  # its idShort
    at_cycle: int | None = None
    capacity_Ah: float | None = None
    soh: float | None = None
    soh_lower: float | None = None
    soh_upper: float | None = None
    rul: float | None = None
    rul_lower: float | None = None
    rul_upper: float | None = None
    end_of_life_cycle: int | None = None
    severity: str = "none"
    counted: int = 0  # alerts that waited when the line was written
    shelved_until: tuple[datetime, ...] = ()  # when each of those that were shelved then waits again
    last_update: datetime | None = None
    trend: tuple[tuple[int, float], ...] = ()  # (cycle, capacity_Ah)
    foreign: dict[str, str] = field(default_factory=dict)  # idShort -> what somebody else wrote there
    known_as: str = ""  # what people call the cell, where it is not its idShort
    service: str = IN_SERVICE
    newest_alert: datetime | None = None  # when the newest one that waits was raised
    cell_type: str = ""
    grade: str = ""  # of the remaining life, as in Forecast
    cycles_per_day: float | None = None
    last_cycle_at: datetime | None = None  # without zone by the clock of a test bench
    gap: float | None = None  # points of state of health above the siblings' median at this cycle
    outlier: bool = False

    @property
    def name(self) -> str:
        return self.known_as or self.cell

    @property
    def unacknowledged(self) -> int:
        """How many alerts wait at this moment."""
        now = datetime.now(UTC)
        return self.counted + sum(end <= now for end in self.shelved_until)

    @property
    def has_alerts(self) -> bool:
        return self.severity != "none" or self.unacknowledged > 0 or self.newest_alert is not None

    @property
    def known(self) -> bool:
        return self.at_cycle is not None and self.capacity_Ah is not None

    @property
    def state(self) -> str:
        """The severity, or "unknown" without data, or where no alerts are raised: out of service, as long as the
        delegate has not looked at the cell, and while its health is not known for want of a rated capacity."""
        unknown = not self.known or "AlertSeverity" in self.foreign
        watched = self.service == IN_SERVICE and self.last_update is not None and self.soh is not None
        return "unknown" if unknown or (self.severity == "none" and not watched) else self.severity

    @property
    def rated_capacity_Ah(self) -> float | None:
        return self.capacity_Ah / self.soh * 100 if self.capacity_Ah and self.soh and self.soh > 1 else None

    def soh_trend(self) -> list[tuple[int, float]]:
        """(cycle, %); empty while the rated capacity is not known."""
        rated_Ah = self.rated_capacity_Ah
        return [(cycle, capacity / rated_Ah * 100) for cycle, capacity in self.trend] if rated_Ah else []


@dataclass(frozen=True)
class Forecast:
    """A prediction, stored in the AAS or just given by an operation. Units as in FleetRow; None = not known."""

    at_cycle: int | None = None
    rul: float | None = None
    rul_lower: float | None = None
    rul_upper: float | None = None
    soh: float | None = None
    soh_lower: float | None = None
    soh_upper: float | None = None
    end_of_life_cycle: int | None = None
    end_of_life_capacity_Ah: float | None = None
    confidence: float | None = None
    capacity_Ah: float | None = None
    trajectory: tuple[tuple[float, float, float | None, float | None], ...] = ()  # cycle, Ah, lower, upper
    drivers: tuple[dict[str, Any], ...] = ()
    similar: tuple[tuple[str, float], ...] = ()
    outside: tuple[str, ...] = ()
    grade: str = ""  # how far the remaining life can be trusted, as the vocabulary says; "" where nobody has said
    sources: tuple[tuple[str, float], ...] = ()  # what the remaining life rests on, weight 0..1
    siblings: tuple[str, ...] = ()
    guaranteed: float | None = None  # share of cells the interval holds for by the number of failed cells alone
    status: str = ""
    model_version: str = ""
    model_hash: str = ""
    model_kind: str = ""
    first_cycle: int | None = None
    last_cycle: int | None = None
    predicted_at: datetime | None = None

    @property
    def rated_capacity_Ah(self) -> float | None:
        return self.capacity_Ah / self.soh * 100 if self.capacity_Ah and self.soh and self.soh > 1 else None


@dataclass(frozen=True)
class Alert:
    """An alert of a cell as the AAS holds it, in the types that views show."""

    cell: str
    stored: alerts.Alert
    foreign: dict[str, str] = field(default_factory=dict)  # idShort -> what somebody else wrote there

    @property
    def alert_id(self) -> str:
        return text(self.stored.AlertId)

    @property
    def indicator(self) -> str:
        return text(self.stored.Indicator)

    @property
    def severity(self) -> str:
        return text(self.stored.Severity)

    @property
    def threshold(self) -> float | None:
        return number(self.stored.ThresholdValue)

    @property
    def actual(self) -> float | None:
        return number(self.stored.ActualValue)

    @property
    def state(self) -> str:
        return text(self.stored.AlertState)

    @property
    def raised_at(self) -> datetime | None:
        return moment(self.stored.RaisedAt)

    @property
    def acknowledged_at(self) -> datetime | None:
        return moment(self.stored.AcknowledgedAt)

    @property
    def acknowledged_by(self) -> str:
        return text(self.stored.AcknowledgedBy)

    @property
    def comment(self) -> str:
        return text(self.stored.AcknowledgementComment)

    @property
    def cleared_at(self) -> datetime | None:
        return moment(self.stored.ClearedAt)

    @property
    def waits(self) -> bool:
        """Whether a person has to look at it, now or when it comes back from the shelf."""
        return self.stored.waits

    @property
    def shelved(self) -> bool:
        return self.stored.is_shelved(datetime.now(UTC))


@dataclass(frozen=True)
class Thresholds(alerts.Thresholds):
    """The limits of one cell's alerts, with who set them, when and why."""

    changed_by: str
    changed_at: datetime | None
    comment: str


@dataclass(frozen=True)
class Condition:
    """The range of one input the model was trained on (an item of ListRULBoundaryConditions)."""

    name: str
    unit: str
    low: float | None
    high: float | None
    mean: float | None


@dataclass(frozen=True)
class PredictionSubmodel:
    forecast: Forecast
    alerts: tuple[Alert, ...]
    history: tuple[Alert, ...]
    thresholds: Thresholds
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Rating:
    """What TechnicalData says of a cell, module or pack that bounds what may be asked of it; None = not known.

    Capacities, currents and voltages of the whole at its terminals, but the two limits of a single cell.
    """

    rated_capacity_Ah: float | None = None
    series: int = 1
    lowest_cell_V: float | None = None
    highest_cell_V: float | None = None
    highest_discharge_A: float | None = None
    cut_off_V: float | None = None


@dataclass(frozen=True)
class Simulation:
    forecast: Forecast
    baseline: Forecast
    outside: tuple[str, ...]
    assumptions: str


@dataclass(frozen=True)
class Cycle:
    """Sampled curves of one cycle, its charge before its discharge, on one axis of time.

    `time` in s, `voltage` in V, `current` in A (negative on discharge), `temperature` in °C, `level` the share of the
    cycle's own charge that is in the cell (0..1, counted from the current); None where a sample lacks a value.
    `parts` says when the charge and when the discharge begins.
    """

    time: list[float]
    voltage: list[float | None]
    current: list[float | None]
    temperature: list[float | None]
    level: list[float | None]
    parts: list[tuple[float, str]]


def whole(value: Any) -> int | None:
    result = number(value)
    return None if result is None else round(result)


def bound(value: Any) -> float | None:
    """An end of a Range; None where it is open."""
    result = number(value)
    return None if result in OPEN_ENDS else result


def text(value: Any) -> str:
    return "" if value is None else str(value)


def natural(name: str) -> list[Any]:
    """Sort key under which B9 comes before B10."""
    return [(int(part), "") if part.isdecimal() else (0, part.lower()) for part in re.split(r"([0-9]+)", name)]


def foreign_below(path: str, noted: Iterable[Foreign]) -> dict[str, str]:
    """What is foreign below a path: idShort -> what stands there; the path itself stands under ""."""
    found = {}
    for one in noted:
        if one.path == path or one.path.startswith((f"{path}.", f"{path}[")):
            found[one.path[len(path) :].lstrip(".")] = one.found
    return found


def record(values: dict[str, Any]) -> dict[str, Any]:
    """A cycle record or the live state with its numbers converted."""
    texts = ("Battery", "type", "Time", "LastUpdate", "Clock", "SampleTime", "ReceivedAt", "FullChargeAt")
    row: dict[str, Any] = {name: (value if name in texts else number(value)) for name, value in values.items()}
    if row.get("id_cycle") is not None:
        row["id_cycle"] = round(row["id_cycle"])
    return row


def trend(written: Any) -> tuple[tuple[int, float], ...]:
    """Reads CapacityTrend, "k:Q k:Q ..."; pairs that are no numbers are left out."""
    points = []
    for pair in text(written).split():
        cycle, _, capacity = pair.partition(":")
        if whole(cycle) is not None and number(capacity) is not None:
            points.append((whole(cycle), number(capacity)))
    return tuple(points)  # type: ignore[arg-type]


def cycles_of(content: bytes) -> dict[int, Cycle]:
    """Reads a CSV of sampled curves, as of `aasx.submodels.curves`."""
    samples: dict[int, dict[str, list[tuple[float, float | None, float | None, float | None]]]] = {}
    for row in curves.rows(content):
        cycle, time_s = whole(row.get("id_cycle")), number(row.get(curves.SECONDS))
        if cycle is None or time_s is None or row.get("type") not in ("charge", "discharge"):
            continue
        values = [number(row.get(f"{name}_measured")) for name in ("Voltage", "Current", "Temperature")]
        samples.setdefault(cycle, {}).setdefault(row["type"], []).append((time_s, *values))  # type: ignore[arg-type]
    return {cycle: _join(parts) for cycle, parts in sorted(samples.items())}


def _join(parts: dict[str, list[tuple[float, float | None, float | None, float | None]]]) -> Cycle:
    joined = Cycle([], [], [], [], [], [])
    for kind in ("charge", "discharge"):
        rows = sorted(parts.get(kind, []), key=lambda row: row[0])
        if not rows:
            continue
        offset = joined.time[-1] + 60 - rows[0][0] if joined.time else -rows[0][0]
        joined.parts.append((rows[0][0] + offset, kind))
        moved = [0.0]
        for (t0, _, i0, _), (t1, _, i1, _) in pairwise(rows):
            moved.append(moved[-1] + ((i0 or 0) + (i1 or 0)) / 2 * (t1 - t0))
        total = moved[-1]
        for (time_s, *values), charge in zip(rows, moved, strict=True):
            share = charge / total if total else 0.0
            joined.time.append(round(time_s + offset, 1))
            joined.voltage.append(values[0])
            joined.current.append(values[1])
            joined.temperature.append(values[2])
            joined.level.append(round(min(1.0, max(0.0, share if kind == "charge" else 1 - share)), 4))
    return joined


def fleet_row(name: str, values: dict[str, Any], noted: Iterable[Foreign] = ()) -> FleetRow:
    severity, service = text(values.get("AlertSeverity")), text(values.get("ServiceState")) or IN_SERVICE
    return FleetRow(
        cell=name,
        known_as=text(values.get("Battery")),
        at_cycle=whole(values.get("AtCycle")),
        capacity_Ah=number(values.get("Capacity")),
        soh=number(values.get("StateOfHealth")),
        soh_lower=number(values.get("StateOfHealthLower")),
        soh_upper=number(values.get("StateOfHealthUpper")),
        rul=number(values.get("RUL")),
        rul_lower=number(values.get("RULLower")),
        rul_upper=number(values.get("RULUpper")),
        end_of_life_cycle=whole(values.get("EndOfLifeCycle")),
        severity=severity if severity in SEVERITIES else "none",
        counted=(whole(values.get("UnacknowledgedAlerts")) or 0) if service == IN_SERVICE else 0,
        shelved_until=alerts.ends_of_shelving(values) if service == IN_SERVICE else (),
        newest_alert=moment(values.get("NewestAlertAt")),
        last_update=moment(values.get("LastUpdate")),
        trend=trend(values.get("CapacityTrend")),
        service=service,
        cell_type=text(values.get("CellType")),
        grade=text(values.get("PredictionGrade")),
        cycles_per_day=number(values.get("CyclesPerDay")),
        last_cycle_at=moment(values.get("LastCycleTime")),
        foreign=foreign_below(f"Cells.{name}", noted),
    )


def _trajectory(values: Any) -> tuple[tuple[float, float, float | None, float | None], ...]:
    values = values or {}
    columns = [values.get(name) or [] for name in ("Cycle", "Capacity", "CapacityLower", "CapacityUpper")]
    points = []
    for index, cycle in enumerate(columns[0]):
        row = [number(column[index]) if index < len(column) else None for column in columns[1:]]
        at = number(cycle)
        if at is not None and row[0] is not None:
            points.append((at, row[0], row[1], row[2]))
    return tuple(points)


def sources(written: Any) -> tuple[tuple[str, float], ...]:
    """Reads PredictionSources, "siblings:0.60 ownHistory:0.40"; what is of another form is left out."""
    pairs = (pair.partition(":") for pair in text(written).replace(",", " ").split())
    return tuple((name.strip(), weight) for name, _, share in pairs if (weight := number(share)) is not None)


def forecast_of(values: dict[str, Any], trajectory: str = "CapacityTrajectory") -> Forecast:
    outside = text(values.get("OutsideTrainingRangeNames"))
    similar = [(text(item.get("Battery")), number(item.get("Weight"))) for item in values.get("SimilarCells") or []]
    drivers = [
        {
            "name": text(item.get("Feature")),
            "value": number(item.get("FeatureValue")),
            "unit": text(item.get("FeatureUnit")),
            "effect": number(item.get("Effect")),
        }
        for item in values.get("Drivers") or []
    ]
    return Forecast(
        at_cycle=whole(values.get("AtCycle", values.get("PredictedAtCycle"))),
        rul=number(values.get("RUL")),
        rul_lower=number(values.get("RULLower")),
        rul_upper=number(values.get("RULUpper")),
        soh=number(values.get("StateOfHealth")),
        soh_lower=number(values.get("StateOfHealthLower")),
        soh_upper=number(values.get("StateOfHealthUpper")),
        end_of_life_cycle=whole(values.get("EndOfLifeCycle")),
        end_of_life_capacity_Ah=number(values.get("EndOfLifeCapacity")),
        confidence=number(values.get("ConfidenceLevel")),
        capacity_Ah=number(values.get("Capacity")),
        trajectory=_trajectory(values.get(trajectory)),
        drivers=tuple(driver for driver in drivers if driver["name"] and driver["effect"] is not None),
        similar=tuple((cell, weight) for cell, weight in similar if cell and weight is not None),
        outside=tuple(name.strip() for name in outside.split(",") if name.strip()),
        grade=text(values.get("PredictionGrade")),
        sources=sources(values.get("PredictionSources")),
        siblings=tuple(name.strip() for name in text(values.get("Siblings")).split(",") if name.strip()),
        guaranteed=number(values.get("GuaranteedLevel")),
        status=text(values.get("PredictionStatus")),
        model_version=text(values.get("ModelVersion")),
        model_hash=text(values.get("ModelHash")),
        model_kind=text(values.get("ModelKind")),
        first_cycle=whole(values.get("InputFirstCycle")),
        last_cycle=whole(values.get("InputLastCycle")),
        predicted_at=moment(values.get("PredictedAt")),
    )


def simulation_of(values: dict[str, Any]) -> Simulation:
    baseline = {
        name.removeprefix("Baseline"): value
        for name, value in values.items()
        if name.startswith("Baseline") and name != "BaselineTrajectory"
    }
    scenario = forecast_of(values)
    return Simulation(
        forecast=scenario,
        baseline=forecast_of(baseline | {"BaselineTrajectory": values.get("BaselineTrajectory")}, "BaselineTrajectory"),
        outside=scenario.outside,
        assumptions=text(values.get("Assumptions")),
    )


def prediction_submodel(cell: str, values: dict[str, Any], noted: Sequence[Foreign] = ()) -> PredictionSubmodel:
    def listed(name: str) -> tuple[Alert, ...]:
        items = enumerate(values.get(name) or [])
        return tuple(
            Alert(cell, alerts.Alert.of(item), foreign_below(f"{name}[{index}]", noted)) for index, item in items
        )

    life = values.get("RemainingUsefulLifePrediction") or {}
    pre_alerts = [number(item.get("PreAlertValue")) for item in life.get("ListPreAlerts") or []] + [None, None]
    health = values.get("SoHThresholds") or {}
    temperature = values.get("TemperatureThresholds") or {}
    change = values.get("ThresholdChange") or {}
    flat = {name: values.get(name) for name in ("CapacityTrajectory", "Drivers", "SimilarCells")}
    flat |= values.get("StateOfHealthPrediction") or {}
    flat |= values.get("PredictionDetails") or {}
    conditions = []
    for item in life.get("ListRULBoundaryConditions") or []:
        bounds = item.get("BoundaryValueRange") or {}
        conditions.append(
            Condition(
                name=text(item.get("ConditionName")),
                unit=text(item.get("BoundaryEngineeringUnit")),
                low=bound(bounds.get("min")),
                high=bound(bounds.get("max")),
                mean=number(item.get("MeanValue")),
            )
        )
    return PredictionSubmodel(
        forecast=forecast_of(flat),
        alerts=listed("ActiveAlerts"),
        history=listed("AlertHistory"),
        thresholds=Thresholds(
            rul_warning=pre_alerts[0],
            rul_critical=pre_alerts[1],
            soh_warning=number(health.get("Warning")),
            soh_critical=number(health.get("Critical")),
            soh_end_of_life=number(health.get("EndOfLife")),
            temperature_warning=number(temperature.get("Warning")),
            temperature_critical=number(temperature.get("Critical")),
            changed_by=text(change.get("ChangedBy")),
            changed_at=moment(change.get("ChangedAt")),
            comment=text(change.get("Comment")),
        ),
        conditions=tuple(conditions),
    )


def rating_of(technical_data: dict[str, Any]) -> Rating:
    """From the values of a TechnicalData submodel, wherever in its areas they stand."""
    areas = technical_data.get("TechnicalPropertyAreas")
    stated: dict[str, Any] = {}
    for area in areas if isinstance(areas, list) else []:
        if isinstance(area, dict):
            stated = {name: value for name, value in area.items() if value not in (None, "")} | stated

    def positive(name: str) -> float | None:
        value = number(stated.get(name))
        return value if value is not None and value > 0 else None

    return Rating(
        rated_capacity_Ah=positive("RatedCapacity"),
        series=max(1, whole(stated.get("SeriesCount")) or 1),
        lowest_cell_V=positive("LowestCellVoltage"),
        highest_cell_V=positive("HighestCellVoltage"),
        highest_discharge_A=positive("HighestDischargeCurrent"),
        cut_off_V=positive("CutOffVoltage") or positive("MinVoltage"),
    )


def now() -> datetime:
    return datetime.now(UTC)
