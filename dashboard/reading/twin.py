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
import json
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from aasx import client as aas
from aasx import history
from aasx.elements.shape import Foreign, content_of, moment, read
from aasx.identifiers import cell_of, display_name_of, fleet_submodel_id, submodel_id
from aasx.submodels import asset_interfaces, fleet, imports, operational_data, prediction
from aasx.submodels.asset_interfaces import Feed
from aasx.submodels.operational_data import LATEST_CURVES_PATH
from dashboard.reading.content import (
    Cycle,
    FleetRow,
    Forecast,
    PredictionSubmodel,
    Rating,
    Simulation,
    cycles_of,
    fleet_row,
    forecast_of,
    natural,
    prediction_submodel,
    rating_of,
    record,
    simulation_of,
)
from dashboard.reading.outlook import among_siblings

T = TypeVar("T")

LIVE_AGE_S = 1.0
SHORT_AGE_S = 4.0  # what an operator watches: fleet, prediction, alerts
LONG_AGE_S = 120.0  # what changes only with a new cell or a new model: nameplates, technical data, concept texts
PATIENCE_S = 1.5  # how long a page waits for a fresh value while it could show the last known one
PATIENCE_IN_TROUBLE_S = 0.1
OPERATION_PATIENCE_S = 3.0  # how long a page waits for an operation before it shows itself without the answer
OPERATION_TIMEOUT_S = 20.0
UPLOAD_TIMEOUT_S = 120.0
CACHE_BYTES = 128_000_000  # of all that is remembered, and as much again of tables of older cycles
MEMORY_PER_PICKLED = 5  # bytes in memory per byte of its pickled form, about
LARGE_BYTES = 1_000_000  # of what cannot be pickled
AGE_PER_READING, LONGEST_AGE_S = 5.0, 30.0
CALL_S = 10.0  # of one call of PredictAll; the next one goes on from there

CONFIDENCE_LEVEL = 0.9  # of the intervals this screen asks for; the level stored predictions have too


class Trouble(Exception):
    def __init__(self, kind: str, detail: str = ""):
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Reading(Generic[T]):
    """A value, how old it is, what is wrong when it is older than it should be, and what was left out of it because
    somebody else wrote it."""

    value: T
    read_at: float  # time.time()
    trouble: Trouble | None = None
    foreign: tuple[Foreign, ...] = ()

    @property
    def stale(self) -> bool:
        return self.trouble is not None


@dataclass(frozen=True)
class Found(Generic[T]):
    """What a fetch found, where some of it may be foreign."""

    value: T
    foreign: tuple[Foreign, ...] = ()


@dataclass
class _Entry:
    value: Any
    read_at: float
    foreign: tuple[Foreign, ...] = ()
    expired: bool = False  # something was written or a refresh was asked for
    took_s: float = 0.0

    @cached_property
    def size_bytes(self) -> int:
        """Of the memory it takes, about."""
        try:
            return 1_000 + MEMORY_PER_PICKLED * len(pickle.dumps(self.value, pickle.HIGHEST_PROTOCOL))
        except (pickle.PicklingError, TypeError, AttributeError):
            return LARGE_BYTES

    def is_fresh(self, max_age_s: float) -> bool:
        """What took long is kept longer, so that reading it is never most of what the twin does."""
        return not self.expired and time.time() - self.read_at <= max(
            max_age_s, min(AGE_PER_READING * self.took_s, LONGEST_AGE_S)
        )


class Shells(NamedTuple):
    """What the screen shows of the shells."""

    cells: dict[str, str | None]
    """idShort -> displayName."""
    models: list[tuple[str, str]]
    """Version and submodel id of every AI model."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer as they went over the wire."""

    method: str
    path: str
    status: int
    took_ms: float
    sent: str
    answered: str


@dataclass
class Twin:
    """All the screen does with the twin at `base_url`. Safe for many threads."""

    base_url: str
    client: Any = None
    _cache: Any = None  # LRUCache of _Entry by key, under _lock
    _tables: history.Tables = field(default_factory=lambda: history.tables(CACHE_BYTES))
    _names: tuple[Any, Any, dict[str, str]] | None = None
    _rows: dict[str, tuple[Any, FleetRow]] = field(default_factory=dict)
    _running: dict[Any, Future] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _trouble: tuple[Trouble, float] | None = None

    def __post_init__(self) -> None:
        self.client = self.client or aas.AasClient(self.base_url)
        self._cache = LRUCache(CACHE_BYTES, lambda entry: entry.size_bytes)
        self._threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="twin")

    def exchanges(self, ask: Callable[[Any], object]) -> tuple[list[Exchange], str]:
        """What goes over the wire while `ask` uses an AasClient of its own; and why it ended early, if it did."""
        client, seen = aas.AasClient(self.base_url, timeout_s=OPERATION_TIMEOUT_S), []

        def note(answer: Any) -> None:
            body = answer.request.body
            sent = body.decode("utf-8") if isinstance(body, bytes) else str(body or "")
            path = (answer.request.url or "").removeprefix(self.base_url.rstrip("/"))
            took_ms = answer.elapsed.total_seconds() * 1000
            seen.append(Exchange(answer.request.method or "", path, answer.status_code, took_ms, sent, answer.text))

        client.on_answer = note
        try:
            ask(client)
        except (aas.AasError, ValueError) as error:
            return seen, str(error)
        return seen, ""

    # ---- reading, with cache and staleness -------------------------------------------------------------------

    def read(
        self, key: Any, fetch: Callable[[], T | Found[T]], max_age_s: float, first_patience_s: float | None = None
    ) -> Reading[T]:
        """The value of `fetch`, at most `max_age_s` old, or the last known one marked stale. Raises Trouble.

        Without a known value it waits until `fetch` ends, or for `first_patience_s`: then Trouble "busy" is raised,
        while the fetch goes on and its value is there for a later read.
        """
        with self._lock:
            entry = self._cache.get(key)
            if entry and entry.is_fresh(max_age_s):
                return Reading(entry.value, entry.read_at, None, entry.foreign)
            future = self._running.get(key)
            if future is None:
                future = self._threads.submit(self._fetch, key, fetch)
                self._running[key] = future
        patience_s = first_patience_s
        if entry:
            patience_s = PATIENCE_IN_TROUBLE_S if self.trouble and self.trouble.kind == "slow" else PATIENCE_S
        try:
            found = future.result(patience_s)
            return Reading(found.value, time.time(), None, found.foreign)
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
        return Reading(entry.value, entry.read_at, trouble, entry.foreign)

    def _fetch(self, key: Any, fetch: Callable[[], T | Found[T]]) -> Found[T]:
        begun = time.time()
        try:
            value = fetch()
            found = value if isinstance(value, Found) else Found(value)
            entry = _Entry(found.value, time.time(), found.foreign, took_s=time.time() - begun)
            if entry.size_bytes <= CACHE_BYTES:
                with self._lock:
                    self._cache[key] = entry
            self._trouble = None
            return found
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
        """Every row of the Fleet submodel, page after page; only those that have changed are worked out anew."""

        def fetch() -> Found[list[FleetRow]]:
            noted: list[Foreign] = []
            rows: dict[str, Any] = {}
            try:
                for page in self.client.value_pages(fleet_submodel_id(), fleet.CELLS_PATH):
                    rows |= page
            except (aas.NotFound, aas.Refused, aas.ServerFault, aas.BadAnswer):  # not the twin's, or none is loaded
                whole = read(self.client.submodel(fleet_submodel_id()), fleet.shape(), noted)[fleet.CELLS_PATH]
                self._rows = {}
                every = [fleet_row(name, values, noted) for name, values in whole.items()]
                return Found(among_siblings(every), tuple(noted))
            same = {name: self._rows[name] for name, row in rows.items() if self._rows.get(name, (None,))[0] == row}
            new = {name: row for name, row in rows.items() if name not in same}
            changed = read(new, fleet.shape().part(fleet.CELLS_PATH), noted, fleet.CELLS_PATH)
            found = {name: fleet_row(name, values, noted) for name, values in changed.items()}
            plain = {name: (rows[name], row) for name, row in found.items() if not row.foreign}
            self._rows = same | plain
            found |= {name: row for name, (_, row) in same.items()}
            return Found(among_siblings([found[name] for name in rows if name in found]), tuple(noted))

        return self.read(("fleet",), fetch, SHORT_AGE_S)

    def _shells(self) -> Reading[Shells]:
        """What is shown of all shells; they themselves are read page after page."""

        def fetch() -> Shells:
            found = Shells({}, [])
            for shell in self.client.shells():
                if cell := cell_of(shell["id"]):
                    found.cells[cell] = display_name_of(shell)
                elif "/aas/model/" in shell["id"] and shell.get("submodels"):
                    version = shell["id"].rsplit("/", 1)[-1]
                    found.models.append((version, shell["submodels"][0]["keys"][-1]["value"]))
            return found

        return self.read(("shells",), fetch, LONG_AGE_S)

    def cells(self) -> list[str]:
        """idShorts of all cells, those without a row in the Fleet submodel too, in the order of their names."""
        return list(self.names())

    def names(self) -> dict[str, str]:
        """The name that people know of every cell, by its idShort, in the order of the names."""
        shells, rows, known = self._shells().value, self.fleet().value, self._names
        if known is None or known[0] is not shells or known[1] is not rows:
            of_fleet = {row.cell: row.name for row in rows}
            names = {cell: shells.cells.get(cell) or of_fleet.get(cell) or cell for cell in {*shells.cells, *of_fleet}}
            in_order = dict(sorted(names.items(), key=lambda item: natural(item[1])))
            known = self._names = (shells, rows, in_order)
        return known[2]

    def rating(self, cell: str) -> Rating:
        """What TechnicalData says of the cell's size and limits; nothing known where it cannot be read."""
        try:
            return rating_of(content_of(self.data_sheet(cell, "TechnicalData").value))
        except Trouble:
            return Rating()

    def records(self, cell: str) -> Reading[list[dict[str, Any]]]:
        """The cell's discharge cycles, oldest first: {idShort: number, text or None}."""

        def fetch() -> Found[list[dict[str, Any]]]:
            noted: list[Foreign] = []
            rows = [
                record(values)
                for values in history.read(self.client, cell, noted, self._tables)
                if values["id_cycle"] is not None
            ]
            return Found(sorted(rows, key=lambda row: row["id_cycle"]), tuple(noted))

        return self.read(("records", cell), fetch, SHORT_AGE_S)

    def withdrawn(self, cell: str) -> frozenset[int]:
        """Numbers of the cell's cycles that were taken out; none in a twin that knows no corrections."""

        def fetch() -> frozenset[int]:
            shape = operational_data.shape().part("WithdrawnCycles")
            try:
                text = self.client.read_element(submodel_id(cell, "OperationalData"), "WithdrawnCycles", shape)
            except aas.NotFound:
                return frozenset()
            return operational_data.withdrawn_cycles(text)

        return self.read(("withdrawn", cell), fetch, SHORT_AGE_S).value

    def corrections(self, cell: str) -> Reading[list[dict[str, Any]]]:
        """The corrections of the cell's cycles, newest last; CorrectedAt is a datetime."""

        def fetch() -> Found[list[dict[str, Any]]]:
            noted: list[Foreign] = []
            shape = operational_data.shape().part("Corrections")
            try:
                items = self.client.read_element(submodel_id(cell, "OperationalData"), "Corrections", shape, noted)
            except aas.NotFound:
                return Found([])
            return Found([one | {"CorrectedAt": moment(one["CorrectedAt"])} for one in items], tuple(noted))

        return self.read(("corrections", cell), fetch, SHORT_AGE_S)

    def service_change(self, cell: str) -> Reading[dict[str, Any]]:
        """Who has put the cell into or out of service last: ChangedBy, ChangedAt (a datetime), Comment; or {}."""

        def fetch() -> Found[dict[str, Any]]:
            noted: list[Foreign] = []
            shape = operational_data.shape().part("ServiceChange")
            try:
                found = self.client.read_element(submodel_id(cell, "OperationalData"), "ServiceChange", shape, noted)
            except aas.NotFound:
                return Found({})
            return Found(found | {"ChangedAt": moment(found["ChangedAt"])}, tuple(noted))

        return self.read(("service", cell), fetch, SHORT_AGE_S)

    def live(self, cell: str) -> Reading[dict[str, Any]]:
        """The cell's last sample (LiveState), numbers converted, times as datetimes."""

        def fetch() -> Found[dict[str, Any]]:
            noted: list[Foreign] = []
            shape = operational_data.shape().part("LiveState")
            state = record(self.client.read_element(submodel_id(cell, "OperationalData"), "LiveState", shape, noted))
            times = ("LastUpdate", "SampleTime", "ReceivedAt", "FullChargeAt")
            return Found(state | {name: moment(state.get(name)) for name in times}, tuple(noted))

        return self.read(("live", cell), fetch, LIVE_AGE_S)

    def prediction(self, cell: str) -> Reading[PredictionSubmodel]:
        def fetch() -> Found[PredictionSubmodel]:
            noted: list[Foreign] = []
            values = self.client.read_submodel(submodel_id(cell, "Prediction"), prediction.shape(), noted)
            return Found(prediction_submodel(cell, values, noted), tuple(noted))

        return self.read(("prediction", cell), fetch, SHORT_AGE_S)

    def curves(self, cell: str) -> Reading[dict[int, Cycle]]:
        """The sampled curves of the cell's cycles by cycle number, {} when the AAS holds none."""

        def fetch() -> dict[int, Cycle]:
            return cycles_of(self._file(cell, "Segments.ExternalSegment.Data"))

        return self.read(("curves", cell), fetch, LONG_AGE_S)

    def latest_curves(self, cell: str) -> Reading[dict[int, Cycle]]:
        """The sampled curves of the last appended cycle, {} when none came with samples."""

        def fetch() -> dict[int, Cycle]:
            return cycles_of(self._file(cell, LATEST_CURVES_PATH))

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

    def model_versions(self) -> list[tuple[str, str]]:
        """(version, submodel id) of every AI model in the twin."""
        return sorted(self._shells().value.models, key=lambda item: natural(item[0]))

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
            answer = forecast_of(self._invoke(submodel_id(cell, "Prediction"), "Predict", inputs))
            return replace(answer, confidence=CONFIDENCE_LEVEL, last_cycle=cycle)

        return self.read(("as of", cell, cycle), fetch, LONG_AGE_S, OPERATION_PATIENCE_S)

    def predict(self, cell: str) -> Forecast:
        """Predicts anew from the whole history; the delegate stores the result in the AAS."""
        answer = self._invoke(submodel_id(cell, "Prediction"), "Predict", {})
        self.forget(cell)
        return forecast_of(answer)

    def predict_all(self) -> list[dict[str, Any]]:
        """A result for every cell; one that a call did not reach in time is reached by the next one."""
        found: dict[str, dict[str, Any]] = {}
        cursor, before = None, None
        try:
            while True:
                answer = self._invoke(fleet_submodel_id(), "PredictAll", {"Cursor": cursor, "TimeBudget_s": CALL_S})
                found |= {str(one.get("Battery")): one for one in answer.get("Results") or []}
                before, cursor = cursor, answer.get("NextCursor")
                if cursor in (None, before):
                    return list(found.values())
        finally:
            self.refresh()

    def simulate(self, cell: str, inputs: dict[str, Any]) -> Reading[Simulation]:
        def fetch() -> Simulation:
            return simulation_of(self._invoke(submodel_id(cell, "Prediction"), "SimulateWhatIf", inputs))

        return self.read(("simulation", cell, repr(sorted(inputs.items()))), fetch, LONG_AGE_S, OPERATION_PATIENCE_S)

    def acknowledge(self, cell: str, alert_id: str, name: str, comment: str) -> dict[str, Any]:
        inputs = {"AlertId": alert_id, "AcknowledgedBy": name, "Comment": comment or None}
        try:
            return self._invoke(submodel_id(cell, "Prediction"), "AcknowledgeAlert", inputs)
        finally:
            self.forget(cell)

    def acknowledge_many(self, alerts: list[tuple[str, str]], name: str, comment: str) -> list[dict[str, Any]]:
        """Alerts as (cell, AlertId); what became of each."""
        return self._of_many("AcknowledgeAlerts", alerts, {"AcknowledgedBy": name, "Comment": comment or None})

    def shelve(self, alerts: list[tuple[str, str]], name: str, comment: str, hours: float) -> list[dict[str, Any]]:
        """The same out of sight for some hours, or with 0 back at once."""
        inputs = {"ShelvedBy": name, "ShelvingTime_h": hours, "Comment": comment or None}
        return self._of_many("ShelveAlerts", alerts, inputs)

    def _of_many(self, operation: str, alerts: list[tuple[str, str]], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        named = [{"Battery": cell, "AlertId": alert_id} for cell, alert_id in alerts]
        try:
            answer = self._invoke(fleet_submodel_id(), operation, {"Alerts": named, **inputs})
            return answer.get("AlertResults") or []
        finally:
            for cell in {cell for cell, _ in alerts}:
                self.forget(cell)

    def set_thresholds(self, cell: str, changes: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "Prediction"), "SetThresholds", changes)
        finally:
            self.forget(cell)

    def set_service_state(self, cell: str, inputs: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "OperationalData"), "SetServiceState", inputs)
        finally:
            self.forget(cell)

    def append_cycle(self, cell: str, inputs: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "OperationalData"), "AppendCycle", inputs)
        finally:
            self.forget(cell)

    def correct_cycle(self, cell: str, inputs: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._invoke(submodel_id(cell, "OperationalData"), "CorrectCycle", inputs)
        finally:
            self.forget(cell)

    def upload(self, cell: str, name: str, content: bytes) -> str:
        """Puts a file into the AAS, to be read by ImportFile; the idShort of its import. Raises Trouble."""
        identifier = submodel_id(cell, "OperationalData")
        try:
            item = imports.new_import(name, len(content))
            self.client.append_element(identifier, imports.IMPORTS, item)
            path = f"{imports.IMPORTS}.{item['idShort']}.{imports.DATA}"
            kind = "application/octet-stream"
            self.client.put_attachment(identifier, path, name, content, kind, timeout_s=UPLOAD_TIMEOUT_S)
        except ValueError as error:
            raise Trouble("invalidInput", str(error)) from error
        except aas.AasError as error:
            raise _trouble_of(error) from error
        return str(item["idShort"])

    def import_file(self, cell: str, name: str, action: str, mapping: dict[str, Any] | None = None) -> dict[str, Any]:
        text = None if mapping is None else json.dumps(mapping, ensure_ascii=False)
        inputs = {"ImportId": name, "ImportAction": action, "ImportMapping": text}
        try:
            return self._invoke(submodel_id(cell, "OperationalData"), "ImportFile", inputs)
        finally:
            self.forget(cell)

    def imports(self, cell: str) -> Reading[dict[str, dict[str, Any]]]:
        """The files brought into the cell, by idShort."""

        def fetch() -> dict[str, dict[str, Any]]:
            expected = operational_data.shape().part(imports.IMPORTS)
            try:
                found = self.client.read_element(submodel_id(cell, "OperationalData"), imports.IMPORTS, expected)
            except aas.NotFound:
                return {}
            return found or {}

        return self.read(("imports", cell), fetch, LIVE_AGE_S)

    def feed(self, cell: str) -> Reading[tuple[Feed, dict[str, Any]] | None]:
        """Where live values come from and what the feeder tells of it (times as datetimes); None for no feed."""

        def fetch() -> Found[tuple[Feed, dict[str, Any]] | None]:
            try:
                submodel = self.client.submodel(submodel_id(cell, asset_interfaces.ID_SHORT))
            except aas.NotFound:
                return Found(None)
            noted: list[Foreign] = []
            parts = {part.get("idShort"): part for part in submodel.get("submodelElements") or []}
            told = parts.get(asset_interfaces.FEED_STATE)
            state = read(told, asset_interfaces.state_shape(), noted, asset_interfaces.FEED_STATE)
            times = {name: moment(state[name]) for name in ("LastMessageAt", "SamplesAt", "ReportedAt")}
            return Found((asset_interfaces.feed_of(parts.get(asset_interfaces.INTERFACE)), state | times), tuple(noted))

        return self.read(("feed", cell), fetch, LIVE_AGE_S)

    def put_feed(self, cell: str, feed: Feed | None) -> None:
        """Describes where live values come from, or with None that they come no more. Raises Trouble."""
        from aasx import transfer

        try:
            if feed is None:
                transfer.remove_feed(self.client, cell)
            else:
                transfer.put_feed(self.client, cell, feed)
        except ValueError as error:
            raise Trouble("invalidInput", str(error)) from error
        except aas.AasError as error:
            raise _trouble_of(error) from error
        finally:
            self.forget(cell)

    def add_cell(self, description: Any) -> Any:
        """The description as it was added: its idShort may have got a number."""
        from aasx import transfer

        try:
            return transfer.add_cell(self.client, description)
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
