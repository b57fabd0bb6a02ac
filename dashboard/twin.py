"""The screen's only way to the twin: reads and operates AAS content over REST and gives it shapes the views can show.

Reading is cached for seconds and shared by all sessions. When the AAS environment is slow or down, the last known value
comes back marked stale; the first read that works again clears the mark by itself. Errors the views have to know:

    Trouble             something could not be read or done; `.kind` names why, `.detail` is the service's own sentence
      kinds: unreachable, slow, missing, unreadable, refused, busy (an operation is still at work),
             delegate (the prediction service does not answer), and the twin's own statuses:
             invalidInput, notFound, conflict, unavailable, timeout, internal
"""

from __future__ import annotations

import csv
import math
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Generic, TypeVar

from aasx import client as aas
from aasx.identifiers import cell_of, fleet_submodel_id, submodel_id

T = TypeVar("T")

LIVE_AGE_S = 1.0
SHORT_AGE_S = 4.0  # what an operator watches: fleet, prediction, alerts
LONG_AGE_S = 120.0  # what changes only with a new cell or a new model: nameplates, technical data, concept texts
PATIENCE_S = 1.5  # how long a page waits for a fresh value while it could show the last known one
PATIENCE_IN_TROUBLE_S = 0.1
OPERATION_PATIENCE_S = 3.0  # how long a page waits for an operation before it shows itself without the answer
OPERATION_TIMEOUT_S = 20.0
EXPORT_TIMEOUT_S = 120.0

SEVERITIES = ("endOfLife", "critical", "warning", "none")  # worst first
RECORDS_PATH = "Segments.InternalSegment.Records"
CONFIDENCE_LEVEL = 0.9  # of the intervals this screen asks for; the level stored predictions have too
FALLBACK_RATED_CAPACITY_AH = 2.0  # NASA PCoE README: "from 2Ahr to 1.4Ahr"; used where a cell's data does not say


class Trouble(Exception):
    def __init__(self, kind: str, detail: str = ""):
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Reading(Generic[T]):
    """A value, how old it is, and what is wrong when it is older than it should be."""

    value: T
    read_at: float  # time.time()
    trouble: Trouble | None = None

    @property
    def stale(self) -> bool:
        return self.trouble is not None


@dataclass(frozen=True)
class FleetRow:
    """One cell in the fleet's overview; capacities in Ah, state of health in %, life in cycles, None = not known."""

    cell: str
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
    unacknowledged: int = 0
    last_update: datetime | None = None
    trend: tuple[tuple[int, float], ...] = ()  # (cycle, capacity_Ah)

    @property
    def known(self) -> bool:
        return self.at_cycle is not None and self.capacity_Ah is not None

    @property
    def state(self) -> str:
        """The severity, or "unknown" without data, or as long as the delegate has not looked at the cell."""
        return "unknown" if not self.known or (self.severity == "none" and self.last_update is None) else self.severity

    @property
    def rated_capacity_Ah(self) -> float:
        if self.capacity_Ah and self.soh:
            return self.capacity_Ah / self.soh * 100
        return FALLBACK_RATED_CAPACITY_AH

    def soh_trend(self) -> list[tuple[int, float]]:
        return [(cycle, capacity / self.rated_capacity_Ah * 100) for cycle, capacity in self.trend]


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
    status: str = ""
    model_version: str = ""
    model_hash: str = ""
    model_kind: str = ""
    first_cycle: int | None = None
    last_cycle: int | None = None
    predicted_at: datetime | None = None


@dataclass(frozen=True)
class Alert:
    cell: str
    alert_id: str
    indicator: str
    severity: str
    threshold: float | None
    actual: float | None
    state: str
    raised_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    comment: str
    cleared_at: datetime | None

    @property
    def waits(self) -> bool:
        return self.state in ("activeUnacknowledged", "clearedUnacknowledged")


@dataclass(frozen=True)
class Thresholds:
    """Limits of one cell's alerts: RUL in cycles, SoH in %, temperature in °C; None = not set."""

    rul_warning: float | None
    rul_critical: float | None
    soh_warning: float | None
    soh_critical: float | None
    soh_end_of_life: float | None
    temperature_warning: float | None
    temperature_critical: float | None
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


@dataclass
class _Entry:
    value: Any
    read_at: float
    expired: bool = False  # something was written or a refresh was asked for


@dataclass
class Twin:
    """All the screen does with the twin at `base_url`. Safe for many threads."""

    base_url: str
    client: Any = None
    _cache: dict[Any, _Entry] = field(default_factory=dict)
    _running: dict[Any, Future] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _trouble: tuple[Trouble, float] | None = None

    def __post_init__(self) -> None:
        self.client = self.client or aas.AasClient(self.base_url)
        self._threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="twin")

    # ---- reading, with cache and staleness -------------------------------------------------------------------

    def read(
        self, key: Any, fetch: Callable[[], T], max_age_s: float, first_patience_s: float | None = None
    ) -> Reading[T]:
        """The value of `fetch`, at most `max_age_s` old, or the last known one marked stale. Raises Trouble.

        Without a known value it waits until `fetch` ends, or for `first_patience_s`: then Trouble "busy" is raised,
        while the fetch goes on and its value is there for a later read.
        """
        with self._lock:
            entry = self._cache.get(key)
            if entry and not entry.expired and time.time() - entry.read_at <= max_age_s:
                return Reading(entry.value, entry.read_at)
            future = self._running.get(key)
            if future is None:
                future = self._threads.submit(self._fetch, key, fetch)
                self._running[key] = future
        patience_s = first_patience_s
        if entry:
            patience_s = PATIENCE_IN_TROUBLE_S if self.trouble and self.trouble.kind == "slow" else PATIENCE_S
        try:
            return Reading(future.result(patience_s), time.time())
        except NotYet:
            if entry is None:
                raise Trouble("busy") from None
            trouble = Trouble("slow")
            self._trouble = (trouble, time.time())
        except Trouble as raised:
            trouble = raised
            if trouble.kind == "missing":
                with self._lock:
                    self._cache.pop(key, None)
                raise
        if entry is None:
            raise trouble
        return Reading(entry.value, entry.read_at, trouble)

    def _fetch(self, key: Any, fetch: Callable[[], T]) -> T:
        try:
            value = fetch()
            with self._lock:
                self._cache[key] = _Entry(value, time.time())
            self._trouble = None
            return value
        except aas.AasError as error:
            trouble = _trouble_of(error)
            if trouble.kind in ("unreachable", "slow"):
                self._trouble = (trouble, time.time())
            raise trouble from error
        except (KeyError, TypeError, ValueError, AttributeError, csv.Error) as error:  # content that is not the twin's
            raise Trouble("unreadable", repr(error)) from error
        finally:
            with self._lock:
                self._running.pop(key, None)

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong with the AAS environment at present; None when the last read worked."""
        return self._trouble[0] if self._trouble else None

    def refresh(self) -> None:
        """Makes everything be read anew at the next look, but keeps the values in case that fails."""
        with self._lock:
            for entry in self._cache.values():
                entry.expired = True

    def forget(self, cell: str) -> None:
        """Makes what belongs to `cell` and the fleet be read anew (after something was written)."""
        with self._lock:
            for key, entry in self._cache.items():
                if cell in key or key[0] in ("fleet", "shells"):
                    entry.expired = True

    def ping(self) -> bool:
        """Whether the AAS environment answers now; costs at most one small request per SHORT_AGE_S."""
        try:
            return not self.fleet().stale
        except Trouble:
            return False

    # ---- what the views show ---------------------------------------------------------------------------------

    def fleet(self) -> Reading[list[FleetRow]]:
        """Every row of the Fleet submodel, in one request."""

        def fetch() -> list[FleetRow]:
            cells = self.client.submodel_value(fleet_submodel_id()).get("Cells") or {}
            return [_fleet_row(name, values) for name, values in cells.items()]

        return self.read(("fleet",), fetch, SHORT_AGE_S)

    def _shells(self) -> Reading[list[dict]]:
        return self.read(("shells",), self.client.shells, LONG_AGE_S)

    def cells(self) -> list[str]:
        """Names of all cells, those without a row in the Fleet submodel too."""
        names = {row.cell for row in self.fleet().value}
        for shell in self._shells().value:
            name = cell_of(shell["id"])
            if name:
                names.add(name)
        return sorted(names, key=_natural)

    def records(self, cell: str) -> Reading[list[dict[str, Any]]]:
        """The cell's discharge cycles, oldest first: {idShort: number, text or None}."""

        def fetch() -> list[dict[str, Any]]:
            records = self.client.element_value(submodel_id(cell, "OperationalData"), RECORDS_PATH) or {}
            rows = [_record(values) for values in records.values()]
            return sorted(rows, key=lambda row: row.get("id_cycle") or 0)

        return self.read(("records", cell), fetch, SHORT_AGE_S)

    def live(self, cell: str) -> Reading[dict[str, Any]]:
        """The cell's last sample (LiveState), numbers converted, LastUpdate a datetime."""

        def fetch() -> dict[str, Any]:
            state = _record(self.client.element_value(submodel_id(cell, "OperationalData"), "LiveState") or {})
            return state | {"LastUpdate": _moment(state.get("LastUpdate"))}

        return self.read(("live", cell), fetch, LIVE_AGE_S)

    def prediction(self, cell: str) -> Reading[PredictionSubmodel]:
        def fetch() -> PredictionSubmodel:
            return _prediction_submodel(cell, self.client.submodel_value(submodel_id(cell, "Prediction")))

        return self.read(("prediction", cell), fetch, SHORT_AGE_S)

    def curves(self, cell: str) -> Reading[dict[int, Cycle]]:
        """The sampled curves of the cell's cycles by cycle number, {} when the AAS holds none."""

        def fetch() -> dict[int, Cycle]:
            return cycles_of(self._file(cell, "Segments.ExternalSegment.Data"))

        return self.read(("curves", cell), fetch, LONG_AGE_S)

    def latest_curves(self, cell: str) -> Reading[dict[int, Cycle]]:
        """The sampled curves of the last appended cycle, {} when none came with samples."""

        def fetch() -> dict[int, Cycle]:
            return cycles_of(self._file(cell, "Segments.LatestCycle.Data"))

        return self.read(("latest", cell), fetch, SHORT_AGE_S)

    def _file(self, cell: str, path: str) -> bytes:
        try:
            return self.client.attachment(submodel_id(cell, "OperationalData"), path)
        except (aas.NotFound, aas.Refused):  # an empty File element is answered like a missing one
            return b""

    def submodel(self, cell: str, name: str) -> Reading[dict]:
        """The whole JSON of one submodel, for the tree of the AAS view."""
        identifier = fleet_submodel_id() if name == "Fleet" else submodel_id(cell, name)
        return self.read(("submodel", cell, name), lambda: self.client.submodel(identifier), SHORT_AGE_S)

    def data_sheet(self, cell: str, name: str) -> Reading[dict]:
        """The whole JSON of Nameplate or TechnicalData: it changes rarely and is kept longer."""
        return self.read(("sheet", cell, name), lambda: self.client.submodel(submodel_id(cell, name)), LONG_AGE_S)

    def shell_ids(self, cell: str) -> dict[str, str]:
        """Names and ids of the shell's submodels, {} when the shell is not there."""
        for shell in self._shells().value:
            if cell_of(shell["id"]) == cell:
                ids = [reference["keys"][-1]["value"] for reference in shell.get("submodels") or []]
                return {identifier.rsplit("/", 1)[-1]: identifier for identifier in ids}
        return {}

    def model_versions(self) -> list[tuple[str, str]]:
        """(version, submodel id) of every AI model in the twin."""
        found = []
        for shell in self._shells().value:
            if "/aas/model/" in shell["id"] and shell.get("submodels"):
                found.append((shell["id"].rsplit("/", 1)[-1], shell["submodels"][0]["keys"][-1]["value"]))
        return sorted(found, key=lambda item: _natural(item[0]))

    def model_card(self, identifier: str) -> Reading[dict]:
        return self.read(("model", identifier), lambda: self.client.submodel(identifier), LONG_AGE_S)

    # ---- what the views do -----------------------------------------------------------------------------------

    def _invoke(self, identifier: str, operation: str, inputs: dict[str, Any]) -> dict[str, Any]:
        wanted = {name: value for name, value in inputs.items() if value is not None}
        try:
            return self.client.invoke(identifier, operation, wanted, timeout_s=OPERATION_TIMEOUT_S)
        except ValueError as error:
            raise Trouble("invalidInput", str(error)) from error
        except aas.AasError as error:
            raise _trouble_of(error) from error

    def predict_as_of(self, cell: str, cycle: int) -> Reading[Forecast]:
        """What the model says with only the cycles up to `cycle`; the same question is not asked twice in a while."""

        def fetch() -> Forecast:
            inputs = {"AtCycle": cycle, "ConfidenceLevel": CONFIDENCE_LEVEL}
            answer = _forecast(self._invoke(submodel_id(cell, "Prediction"), "Predict", inputs))
            return replace(answer, confidence=CONFIDENCE_LEVEL, last_cycle=cycle)

        return self.read(("as of", cell, cycle), fetch, LONG_AGE_S, OPERATION_PATIENCE_S)

    def predict(self, cell: str) -> Forecast:
        """Predicts anew from the whole history; the delegate stores the result in the AAS."""
        answer = self._invoke(submodel_id(cell, "Prediction"), "Predict", {})
        self.forget(cell)
        return _forecast(answer)

    def predict_all(self) -> list[dict[str, Any]]:
        answer = self._invoke(fleet_submodel_id(), "PredictAll", {})
        self.refresh()
        return answer.get("Results") or []

    def simulate(self, cell: str, inputs: dict[str, Any]) -> Reading[Simulation]:
        def fetch() -> Simulation:
            return _simulation(self._invoke(submodel_id(cell, "Prediction"), "SimulateWhatIf", inputs))

        return self.read(("simulation", cell, repr(sorted(inputs.items()))), fetch, LONG_AGE_S, OPERATION_PATIENCE_S)

    def acknowledge(self, cell: str, alert_id: str, name: str, comment: str) -> dict[str, Any]:
        inputs = {"AlertId": alert_id, "AcknowledgedBy": name, "Comment": comment or None}
        try:
            return self._invoke(submodel_id(cell, "Prediction"), "AcknowledgeAlert", inputs)
        finally:
            self.forget(cell)

    def set_thresholds(self, cell: str, changes: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "Prediction"), "SetThresholds", changes)
        finally:
            self.forget(cell)

    def append_cycle(self, cell: str, inputs: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "OperationalData"), "AppendCycle", inputs)
        finally:
            self.forget(cell)

    def add_cell(self, description: Any) -> None:
        from aasx import transfer

        try:
            transfer.add_cell(self.client, description)
        except aas.AasError as error:
            raise _trouble_of(error) from error
        finally:
            self.refresh()

    def export(self, cells: list[str] | None) -> bytes:
        """The AASX of some or all cells, with their whole history."""
        from aasx import transfer

        try:
            return transfer.export(self.client, cells)
        except aas.AasError as error:
            raise _trouble_of(error) from error


# ---- AAS values -> numbers, moments, rows --------------------------------------------------------------------


def number(value: Any) -> float | None:
    """A finite number out of an AAS value (`$value` gives text), None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def whole(value: Any) -> int | None:
    result = number(value)
    return None if result is None else round(result)


OPEN_ENDS = (-(2**31), 2**31 - 1)  # how an unknown end of a Range is written, see aasx.values


def bound(value: Any) -> float | None:
    """An end of a Range; None where it is open."""
    result = number(value)
    return None if result in OPEN_ENDS else result


def text(value: Any) -> str:
    return "" if value is None else str(value)


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None


def _natural(name: str) -> list[Any]:
    return [(int(part), "") if part.isdigit() else (0, part.lower()) for part in re.split(r"(\d+)", name)]


def _record(values: dict[str, Any]) -> dict[str, Any]:
    texts = ("Battery", "type", "Time", "LastUpdate")
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
    """Reads a CSV of sampled curves (id_cycle,type,Time,Voltage_measured,Current_measured,Temperature_measured)."""
    samples: dict[int, dict[str, list[tuple[float, float | None, float | None, float | None]]]] = {}
    for row in csv.DictReader(content.decode("utf-8", errors="replace").splitlines()):
        cycle, time_s = whole(row.get("id_cycle")), number(row.get("Time"))
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


def _fleet_row(name: str, values: dict[str, Any]) -> FleetRow:
    severity = text(values.get("AlertSeverity"))
    return FleetRow(
        cell=name,
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
        unacknowledged=whole(values.get("UnacknowledgedAlerts")) or 0,
        last_update=_moment(values.get("LastUpdate")),
        trend=trend(values.get("CapacityTrend")),
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


def _forecast(values: dict[str, Any], trajectory: str = "CapacityTrajectory") -> Forecast:
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
        status=text(values.get("PredictionStatus")),
        model_version=text(values.get("ModelVersion")),
        model_hash=text(values.get("ModelHash")),
        model_kind=text(values.get("ModelKind")),
        first_cycle=whole(values.get("InputFirstCycle")),
        last_cycle=whole(values.get("InputLastCycle")),
        predicted_at=_moment(values.get("PredictedAt")),
    )


def _simulation(values: dict[str, Any]) -> Simulation:
    baseline = {
        name.removeprefix("Baseline"): value
        for name, value in values.items()
        if name.startswith("Baseline") and name != "BaselineTrajectory"
    }
    scenario = _forecast(values)
    return Simulation(
        forecast=scenario,
        baseline=_forecast(baseline | {"BaselineTrajectory": values.get("BaselineTrajectory")}, "BaselineTrajectory"),
        outside=scenario.outside,
        assumptions=text(values.get("Assumptions")),
    )


def _alert(cell: str, values: dict[str, Any]) -> Alert:
    return Alert(
        cell=cell,
        alert_id=text(values.get("AlertId")),
        indicator=text(values.get("Indicator")),
        severity=text(values.get("Severity")),
        threshold=number(values.get("ThresholdValue")),
        actual=number(values.get("ActualValue")),
        state=text(values.get("AlertState")),
        raised_at=_moment(values.get("RaisedAt")),
        acknowledged_at=_moment(values.get("AcknowledgedAt")),
        acknowledged_by=text(values.get("AcknowledgedBy")),
        comment=text(values.get("AcknowledgementComment")),
        cleared_at=_moment(values.get("ClearedAt")),
    )


def _prediction_submodel(cell: str, values: dict[str, Any]) -> PredictionSubmodel:
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
        forecast=_forecast(flat),
        alerts=tuple(_alert(cell, item) for item in values.get("ActiveAlerts") or []),
        history=tuple(_alert(cell, item) for item in values.get("AlertHistory") or []),
        thresholds=Thresholds(
            rul_warning=pre_alerts[0],
            rul_critical=pre_alerts[1],
            soh_warning=number(health.get("Warning")),
            soh_critical=number(health.get("Critical")),
            soh_end_of_life=number(health.get("EndOfLife")),
            temperature_warning=number(temperature.get("Warning")),
            temperature_critical=number(temperature.get("Critical")),
            changed_by=text(change.get("ChangedBy")),
            changed_at=_moment(change.get("ChangedAt")),
            comment=text(change.get("Comment")),
        ),
        conditions=tuple(conditions),
    )


def _trouble_of(error: aas.AasError) -> Trouble:
    if isinstance(error, aas.TimedOut):
        return Trouble("slow", str(error))
    if isinstance(error, aas.Unreachable):
        return Trouble("unreachable", str(error))
    if isinstance(error, aas.NotFound):
        return Trouble("missing", str(error))
    if isinstance(error, aas.OperationFailed):
        return Trouble(error.status, error.message)
    if isinstance(error, aas.DelegateFailed):
        return Trouble("delegate", str(error))
    return Trouble("refused", str(error))


def now() -> datetime:
    return datetime.now(UTC)
