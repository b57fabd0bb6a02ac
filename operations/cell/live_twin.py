"""The cells as they live in the AAS environment: read cheaply, written in an order that a crash cannot spoil.

The AAS is the system of record; this process only remembers the history of a cell, so that an operation need not read
a thousand records again. Before a remembered history is used, LiveState is read: its cycle, capacity and time of last
update must be the ones seen, else everything is read anew. Thus an import, a restored backup, a cell removed and added
again and a cycle appended by another delegate are noticed at once. What somebody writes into single elements by hand,
past the operations, is noticed after `history_max_age_s` at the latest, when everything is read anew anyway.

Order of the writes of one cycle, each atomic in the AAS environment: the record; the curves of the latest cycle; the
segment's counters; LiveState; the Prediction submodel as a whole with its alerts, and beside it the fleet's summary.
The record comes first because everything else follows from it: whoever finds LiveState, counters or Prediction behind
the records completes them before anything else (`completed`, `present_state.complete`). A failure in the middle makes
this process forget the cell, so that the next call reads it anew and completes it; a new process reads it anew in any
case. Record, counters and LiveState are one write where no curves come between and nothing else has been written of the
cell's data since the history was all of it (`Memory.version`).

Several delegates may serve one environment that knows ETags (aasx.client). A record is added only where there is none;
LiveState, Prediction and the fleet's summary are written only as long as each is the one that was read before the
operation has decided. `Changed` tells that it is not: then the operation reads anew and runs again (`persistently`).

An environment that minds conditions on other elements (aasx.client.Seen) need not be asked beforehand whether LiveState
is still the one of the remembered history: an operation may assume it (`history`), and its write, or a look beside its
work (`confirm`), is refused where it is not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import pandas as pd
from pydantic_core import from_json, to_json

from aasx import history as one_history
from aasx.client import AasClient, AasError, Changed, Conflict, NotFound, Refused, Seen, ServerFault
from aasx.elements.build import collection_element
from aasx.elements.shape import Foreign, mended, read, told
from aasx.elements.values import Json, changes, with_items, with_value
from aasx.identifiers import cell_of, fleet_submodel_id, submodel_id
from aasx.remembered import Remembered
from aasx.submodels import fleet, operational_data, prediction
from aasx.submodels.history_table import BLOCK, LATEST
from aasx.submodels.operational_data import BENCH, LATEST_CURVES_PATH, RECORDS_PATH, record_id_short, record_item
from aasx.submodels.technical_data import measured_rated_capacity
from aasx.vocabulary import IN_SERVICE
from model.prediction import DEFAULT_CONFIDENCE_LEVEL, Prediction, Scenario, Simulation
from model.records.cycle import History
from model.records.facts import FIRST_CYCLES
from operations.cell import running, twin
from operations.cell.background import Background
from operations.cell.described import Described, Limits, column_limits
from operations.cell.running import Running
from operations.cell.siblings import Siblings
from operations.intake.cycles import CellRule
from operations.request import deadline, remarks
from operations.request.errors import OperationError, reading
from operations.request.logs import say
from operations.request.metrics import Metrics
from operations.request.settings import Settings

SEGMENT = "Segments.InternalSegment"
PREDICTION_TIME = "PredictionDetails.PredictedAt"

WRITTEN_WITH_RECORDS = ("LiveState", f"{SEGMENT}.RecordCount")
"""What is written again where something foreign stands in it, but for `SERVICE_STATE`: that a person sets."""

SERVICE_STATE = "LiveState.ServiceState"

HISTORY_FACTOR = 6
"""Bytes of a remembered history by those of its table of cycles: the model keeps its own forms of it."""

TAGS_BYTES = 1_000_000

ATTEMPTS = 8
"""Times an operation is run while others keep changing what it was about to write."""

LONGEST_PAUSE_s = 0.1
"""Between two of them, at random."""

MOVE_EVERY = 20
"""Appends after which it is tried again to move older cycles into tables."""

FLEET_LINE_SEEN_s = 2.0
"""How long a line of the fleet counts as being there: it goes when somebody removes the cell."""

MOST_REJECTED = 100
LIVE_STATE_BYTES, LIVE_ELEMENT_BYTES, FLEET_ROW_BYTES = 5_000, 30_000, 2_000

PREDICTION_BYTES = 800_000
"""Of one that is remembered as it is, at most about: 3 to 4 times its JSON, which has some 110 kB."""

BESIDE = 16
"""Threads for what runs beside other work of the same operation."""

T = TypeVar("T")
Stamp = tuple[int | None, float | None, str | None, str]
Table = tuple[pd.DataFrame, list[Foreign]]


class Predictor(Protocol):
    """What the operations need of model.serving.artifact.TwinModel: deterministic and thread-safe."""

    @property
    def version(self) -> str: ...

    def predict(
        self,
        history: History,
        at_cycle: int | None = None,
        confidence_level: float = DEFAULT_CONFIDENCE_LEVEL,
        end_of_life_capacity_Ah: float | None = None,
        siblings: Sequence[History] = (),
    ) -> Prediction: ...

    def simulate(self, history: History, scenario: Scenario, siblings: Sequence[History] = ()) -> Simulation: ...


@dataclass
class Memory:
    """What follows from one history and need not be worked out or written again while it holds.

    The model is deterministic, so a prediction from the same history with the same arguments is the same.
    """

    token: object = field(default_factory=object)
    """Of this memory alone: predictions are remembered under it."""
    for_model: dict[float | None, History] = field(default_factory=dict)
    """The history as the model takes it, by end of life in percent."""
    told: dict[str, Any] = field(default_factory=dict)
    """What the cycles tell by themselves (`CellHistory.capacity_trend`, `use_values`)."""
    ahead: Future[None] | None = None
    """The prediction after the last cycle, being worked out beside the writes that come before it."""
    stored: Any = None
    """What the AAS holds of the present state (present_state.Stored)."""
    predicted_at: Future[tuple[str | None, str | None]] | None = None
    """The time of the prediction in the AAS, and its ETag, being read beside LiveState."""
    check: Future[bool] | None = None
    """Whether LiveState and the prediction are still the ones remembered, being asked beside the operation's work."""
    live_state_tag: str | None = None
    """The ETag of the LiveState that was found to be the one of this history."""
    version: str | None = None
    """The ETag that OperationalData had when this history was all that stood there; None once more was written."""
    assumed: bool = False
    """Whether the operation under way has not looked whether it still is."""
    fleet_summary: dict[str, Any] | None = None
    fleet_seen_at: float = 0.0
    """When `fleet_summary` was seen in the AAS, by the monotonic clock."""


@dataclass(frozen=True)
class CellHistory:
    """What the AAS says of a cell's past. `complete` is False where an append was interrupted after its record."""

    cell: str
    cycles: pd.DataFrame
    described: Described
    stamp: Stamp
    complete: bool
    read_at: float
    name: str
    """As people call the cell."""
    replay_of: str | None = None
    in_records: frozenset[int] = frozenset()
    """Cycles that are Records of the InternalSegment; the others stand in the tables of `blocks`."""
    blocks: tuple[one_history.Block, ...] = ()
    clock: str | None = None
    """What its times are by (operations.cell.clock); None before the first one."""
    foreign: tuple[Foreign, ...] = ()
    """What was left out of `cycles` and `described`."""
    withdrawn: frozenset[int] = frozenset()
    """Numbers of cycles that were taken out; none of them is given again."""
    service: str = IN_SERVICE
    """Its service state; only a cell in service raises alerts."""
    memory: Memory = field(default_factory=Memory, compare=False)

    @cached_property
    def rated_capacity_Ah(self) -> float:
        """Stated, or of the first cycles; NaN while neither is known."""
        return self.described.rated_Ah(self.cycles)

    @cached_property
    def limits(self) -> Limits:
        """Lowest and highest possible value of each measured column of this cell, at its terminals."""
        return column_limits(self.described.facts, self.rated_capacity_Ah)

    @property
    def has_settled_rating(self) -> bool:
        """Whether the rated capacity is stated, or written as it follows from the first cycles."""
        described = self.described
        return described.stated_Ah is not None or described.measured_Ah == self.rated_capacity_Ah

    @property
    def described_as(self) -> str:
        """What the limits follow from, in words."""
        rated_Ah, series = self.rated_capacity_Ah, self.series_count
        size = f"{rated_Ah:g} Ah" if math.isfinite(rated_Ah) else "a rated capacity that is not known yet"
        return f"this cell of {size}" if series == 1 else f"this pack of {size} with {series} cells in series"

    @property
    def series_count(self) -> int:
        return self.described.facts.series_count

    @cached_property
    def cycle_numbers(self) -> frozenset[int]:
        return frozenset(self.cycles["cycle_number"].tolist())

    @cached_property
    def first_cycle(self) -> int | None:
        return int(self.cycles["cycle_number"].iloc[0]) if len(self.cycles) else None

    @cached_property
    def last_cycle(self) -> int | None:
        return int(self.cycles["cycle_number"].iloc[-1]) if len(self.cycles) else None

    @property
    def last_number(self) -> int | None:
        """The highest cycle number that was ever given, be the cycle withdrawn or not."""
        return max((*self.withdrawn, *([] if self.last_cycle is None else [self.last_cycle])), default=None)

    @property
    def size_bytes(self) -> int:
        """Of the memory it takes, about."""
        return HISTORY_FACTOR * _size_bytes(self.cycles) + 50_000

    @property
    def last_row(self) -> dict[str, Any]:
        return cast(dict[str, Any], self.cycles.iloc[-1].to_dict())

    def of_last(self, column: str) -> Any:
        """One value of the last row, much sooner than all of them."""
        return self.cycles[column].iloc[-1]

    @cached_property
    def latest_start(self) -> pd.Timestamp | None:
        """Start of the latest cycle whose time is known."""
        starts = self.cycles["start_time"].to_numpy()
        started = starts[~np.isnat(starts)]
        return pd.Timestamp(started.max()) if len(started) else None

    @property
    def capacity_trend(self) -> str | None:
        return cast("str | None", self._told("trend", lambda: twin.capacity_trend(self.cycles)))

    @property
    def use_values(self) -> dict[str, Any]:
        use = self._told("use", lambda: twin.use_values(self.cycles, self.described.facts.cell_type, self.clock))
        return cast(dict[str, Any], use)

    def _told(self, name: str, work_out: Callable[[], Any]) -> Any:
        told = self.memory.told
        if name not in told:
            told[name] = work_out()
        return told[name]

    def path_of(self, cycle: int) -> str:
        """Where the AAS holds a cycle of this history: its Record, or the file with the table it is in."""
        before = [block for block in self.blocks if block.first_cycle <= cycle]
        if before and cycle not in self.in_records:
            return before[-1].path
        return f"{RECORDS_PATH}.{record_id_short(cycle)}"

    def for_model(self, end_of_life_percent: float | None) -> History:
        """The same object each time, so that what it keeps of its cycles is worked out once."""
        kept = self.memory.for_model
        if end_of_life_percent not in kept:
            kept[end_of_life_percent] = twin.history(
                self.cell, self.cycles, self.described, end_of_life_percent, self.replay_of
            )
        return kept[end_of_life_percent]


class _Gate:
    """The lock of one cell; an object of its own so that it can be weakly referenced."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class LiveTwin:
    """All cells behind one AAS environment, with the model that predicts them. Thread-safe."""

    def __init__(self, settings: Settings, model: Predictor, metrics: Metrics) -> None:
        self.settings, self.model, self.metrics = settings, model, metrics
        self.client = AasClient(settings.basyx_url, timeout_s=settings.aas_timeout_s)
        half = settings.memory_bytes // 2
        self._known: Remembered[CellHistory] = Remembered(half // 2, lambda history: history.size_bytes)
        self._tables: Remembered[Table] = Remembered(half // 4, lambda table: _size_bytes(table[0]))
        self._predictions: Remembered[Prediction] = Remembered(half // 4, _prediction_bytes)
        self._running: Remembered[Running] = Remembered(half // 4, lambda known: known.size_bytes)
        self._live_states: Remembered[dict[str, Any]] = Remembered(half // 4, lambda _: LIVE_STATE_BYTES)
        self._live_elements: Remembered[Json] = Remembered(half // 8, lambda _: LIVE_ELEMENT_BYTES)
        self._prediction_texts: Remembered[tuple[str, bytes]] = Remembered(half // 8, lambda kept: len(kept[1]))
        self._predictions_read: Remembered[tuple[str, Json, bool]] = Remembered(
            half // 16, lambda _: PREDICTION_BYTES, self._keep_prediction_text
        )
        self._fleet_rows: Remembered[tuple[str, dict[str, Any]]] = Remembered(TAGS_BYTES, lambda _: FLEET_ROW_BYTES)
        self.background = Background()
        self._tags: Remembered[str] = Remembered(TAGS_BYTES, len)
        self._gates: weakref.WeakValueDictionary[str, _Gate] = weakref.WeakValueDictionary()
        self._gates_lock = threading.Lock()
        self._beside = ThreadPoolExecutor(BESIDE, thread_name_prefix="beside")
        failed: Remembered[CellHistory] = Remembered(half // 2, lambda history: history.size_bytes)
        self.siblings = Siblings(self.client, self._sibling, self._is_fresh, failed)

    @contextmanager
    def alone(self, cell: str) -> Iterator[None]:
        """Operations on one cell one after another; after a failure in the middle the cell is read anew."""
        with self._gates_lock:
            gate = self._gates.setdefault(cell, _Gate())
        if not gate.lock.acquire(timeout=deadline.remaining_s()):
            raise OperationError("timeout", f"another operation on {cell} did not end in time; repeat the call")
        try:
            yield
        except OperationError as error:
            if error.status not in ("invalidInput", "conflict"):
                self.forget(cell)
            raise
        except Exception:
            self.forget(cell)
            raise
        finally:
            gate.lock.release()

    def forget(self, cell: str) -> None:
        self._known.drop(cell)
        self._running.drop(cell)
        self._drop_prediction(cell)
        self.siblings.forget(cell)

    def forget_running(self, cell: str) -> None:
        self._running.drop(cell)

    def persistently(self, cell: str, run: Callable[[], T]) -> T:
        """What `run` gives. Where somebody else has changed meanwhile what it was about to write, the cell is read anew
        and it is run again, some times."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return run()
            except Changed:
                self._doubt(cell)
                if attempt == ATTEMPTS:
                    raise
                self.metrics.changed.inc()
                time.sleep(random.uniform(0, LONGEST_PAUSE_s) if attempt > 1 else 0)
        raise AssertionError

    def _doubt(self, cell: str) -> None:
        """What was assumed is looked at from now on; where nothing was, the cell is read anew."""
        known = self._known.get(cell)
        if known is not None and known.memory.assumed:
            known.memory.assumed, known.memory.live_state_tag, known.memory.stored = False, None, None
        else:
            self.forget(cell)

    def _keep_tag(self, cell: str, name: str, tag: str | None) -> None:
        """The ETag of what is on hand of a cell's LiveState or Prediction: a write is for that version only."""
        if tag is None:
            self._tags.drop((cell, name))
        else:
            self._tags.keep((cell, name), tag)

    # --- reading

    def cells(self) -> Iterator[str]:
        """Names of all cells that have a shell, page after page as they are taken."""
        found, cursor = self.cells_page()
        yield from found
        while cursor:
            found, cursor = self.cells_page(cursor)
            yield from found

    def cells_page(self, cursor: str = "") -> tuple[list[str], str]:
        """Names of some cells, as the AAS lists their shells, and the cursor of the next page, "" after the last."""
        deadline.remaining_s()
        shells, following = self.client.shells_page(cursor)
        return [cell for shell in shells if (cell := cell_of(shell["id"]))], following

    def history(self, cell: str, to_write: bool = False, assume: bool = False) -> CellHistory:
        """The history of a cell as the AAS holds it now; NotFound when there is no such cell.

        `to_write`: for an operation that writes the present state, and so needs no look at the one there beforehand.
        `assume`: the one remembered is given without a look, where the environment will tell by `confirm`, or by a
        write `while_seen`, that another holds.
        """
        known = self._known.get(cell)
        if known is not None and self._still_holds(known, to_write, assume):
            self.metrics.history_reads.labels("reused").inc()
        else:
            self.metrics.history_reads.labels("read").inc()
            known = self._remember(self._read_to_write(cell))
        remarks.note(known.foreign)
        return known

    def prediction_submodel(self, cell: str) -> Json:
        deadline.remaining_s()
        submodel, tag = self.client.tagged_submodel(submodel_id(cell, "Prediction"))
        if submodel.get("id") != submodel_id(cell, "Prediction"):
            raise OperationError("unavailable", f"the AAS holds another submodel as the prediction of {cell}")
        self._keep_prediction(cell, submodel, tag)
        return submodel

    def prediction_to_write(self, cell: str) -> Json:
        """The Prediction submodel for one who will write it: as it was read or written here last, where the AAS
        environment refuses the write if it is another one by now; else as the AAS holds it."""
        return self.prediction_of(cell, self.prediction_tag(cell)) or self.prediction_submodel(cell)

    def prediction_of(self, cell: str, tag: str | None) -> Json | None:
        """The Prediction submodel as it was read or written here last, where that was the one of this ETag."""
        if tag is None or tag != self.prediction_tag(cell):
            return None
        of_tag, known, _ = self._predictions_read.get(cell) or (None, {}, False)
        if of_tag == tag:
            return known
        of_tag, text = self._prediction_texts.get(cell) or (None, b"")
        return cast(Json, from_json(text)) if of_tag == tag else None

    def prediction_tag(self, cell: str) -> str | None:
        """The ETag of the Prediction submodel that was read or written here last."""
        return self._tags.get((cell, "Prediction"))

    def is_own_prediction(self, cell: str, submodel: Json) -> bool:
        """Whether this is the Prediction submodel as it was written here last."""
        _, known, is_own = self._predictions_read.get(cell) or (None, None, False)
        return is_own and known is submodel

    def _keep_prediction(self, cell: str, submodel: Json, tag: str | None, is_own: bool = False) -> None:
        """Of some cells as it is, which nobody changes; of more as text."""
        self._keep_tag(cell, "Prediction", tag)
        self._drop_prediction(cell)
        if tag is not None:
            self._predictions_read.keep(cell, (tag, submodel, is_own))

    def _keep_prediction_text(self, cell: str, kept: tuple[str, Json, bool]) -> None:
        self._beside.submit(lambda: self._prediction_texts.keep(cell, (kept[0], to_json(kept[1]))))

    def _drop_prediction(self, cell: str) -> None:
        self._prediction_texts.drop(cell)
        self._predictions_read.drop(cell)

    def prediction_time(self, history: CellHistory) -> str | None:
        """When the prediction that the AAS holds now was made. Where it is the one remembered, it is known by its ETag
        from then on."""
        deadline.remaining_s()
        begun, history.memory.predicted_at = history.memory.predicted_at, None
        stored = history.memory.stored
        found, tag = begun.result() if begun else self._prediction_time(history.cell, stored)
        if stored is not None and found == stored.details["PredictedAt"]:
            history.memory.stored = replace(stored, time_tag=tag)
        return found

    def _prediction_time(self, cell: str, stored: Any = None) -> tuple[str | None, str | None]:
        """With its ETag. `stored` is what is known of the present state."""
        submodel, tag = submodel_id(cell, "Prediction"), stored and stored.time_tag
        try:
            if tag and self.client.is_unchanged(submodel, PREDICTION_TIME, tag):
                return stored.details["PredictedAt"], tag
            return self.client.read_tagged(submodel, PREDICTION_TIME, prediction.shape().part(PREDICTION_TIME))
        except NotFound:
            return None, None

    def _still_holds(self, known: CellHistory, to_write: bool, assume: bool) -> bool:
        if known.last_cycle is None or not self._is_fresh(known):
            return False
        deadline.remaining_s()
        stored = known.memory.stored
        known.memory.check, known.memory.assumed = None, False
        if assume and (seen := self.while_seen(known)) and (to_write or (stored and stored.time_tag)):
            if not to_write:
                known.memory.check = self._beside.submit(self._is_as_seen, known.cell, stored.time_tag, seen)
            self._keep_tag(known.cell, "LiveState", seen.tag)
            known.memory.assumed = True
            return True
        if stored is not None and not to_write:
            known.memory.predicted_at = self._beside.submit(self._prediction_time, known.cell, stored)
        return self.is_current(known)

    def while_seen(self, known: CellHistory) -> Seen | None:
        """The LiveState of this history, for a request that is to be refused where it is another one by now; None where
        the environment cannot do so."""
        tag, submodel = known.memory.live_state_tag, submodel_id(known.cell, "OperationalData")
        if tag is None or not self._live_states.get(known.cell) or not self.client.takes_parts(submodel):
            return None
        return Seen(submodel, "LiveState", tag)

    def _is_as_seen(self, cell: str, time_tag: str, seen: Seen) -> bool:
        try:
            return self.client.is_unchanged(submodel_id(cell, "Prediction"), PREDICTION_TIME, time_tag, seen)
        except NotFound:
            return False

    def make_sure(self, history: CellHistory, known: Running | None = None) -> None:
        """Looks whether an assumed history still holds, and `known` is its running cycle: Changed if not. Before
        something else is told than that it was written."""
        if history.memory.assumed and not self.is_current(history):
            raise Changed(f"{history.cell} has another history")
        if known is not None and known.state_tag != self._tags.get((history.cell, "LiveState")):
            raise Changed(f"{history.cell} has another running cycle")
        history.memory.assumed = False

    def confirm(self, history: CellHistory) -> bool:
        """Whether the prediction in the AAS is still the one remembered, where the history was assumed and nothing is
        about to be written. Raises Changed where the history is another one."""
        check, history.memory.check = history.memory.check, None
        deadline.remaining_s()
        return check is None or check.result()

    def is_current(self, known: CellHistory) -> bool:
        """True while LiveState is the one of this history."""
        deadline.remaining_s()
        noted: list[Foreign] = []
        tag = known.memory.live_state_tag if self._live_states.get(known.cell) else None
        if tag is None or not self.client.is_unchanged(submodel_id(known.cell, "OperationalData"), "LiveState", tag):
            live_state, element, tag = self._read_live_state(known.cell, noted)
            if _stamp(live_state) != known.stamp or any(one.path != SERVICE_STATE for one in noted):
                return False
            known.memory.live_state_tag = tag
            self._live_elements.keep(known.cell, element)
        self._keep_tag(known.cell, "LiveState", tag)
        return True

    def _put_live_state(self, cell: str, element: Json) -> None:
        """LiveState as a whole, unless somebody else has written it since the history was read: Changed."""
        submodel = submodel_id(cell, "OperationalData")
        deadline.remaining_s()
        try:
            tag = self.client.put_element(submodel, "LiveState", element, self._tags.get((cell, "LiveState")))
        except NotFound:
            self.client.append_element(submodel, None, element)
            tag = None
        self._keep_tag(cell, "LiveState", tag)
        self._live_elements.keep(cell, element)

    def _live_element_with(self, cell: str, values: dict[str, Any]) -> Json:
        """LiveState to be written with these values: as it was when its tag was, where the AAS environment refuses the
        write if it is another one by now; else as the AAS holds it, or the twin's own where there is none."""
        known, template = self._live_elements.get(cell), operational_data.template("LiveState")
        if known is None or self._tags.get((cell, "LiveState")) is None:
            deadline.remaining_s()
            try:
                known = self.client.element(submodel_id(cell, "OperationalData"), "LiveState")
            except NotFound:
                known = template
        return with_value(mended(known, template), values)

    def _read_live_state(self, cell: str, noted: list[Foreign]) -> tuple[dict[str, Any], Json, str | None]:
        """Its values, the element, its ETag."""
        element, tag = self.client.tagged_element(submodel_id(cell, "OperationalData"), "LiveState")
        found = read(element, operational_data.shape().part("LiveState"), noted, "LiveState")
        self._live_states.keep(cell, found)
        return found, element, tag

    def live_state(self, cell: str) -> dict[str, Any]:
        """The values of LiveState as this operation has read or written them last."""
        return self._live_states.get(cell) or self._read_live_state(cell, [])[0]

    def _sibling(self, cell: str) -> CellHistory:
        """The history of a failed cell for its siblings: the one remembered, as it was last seen, or read anew."""
        known = self._known.get(cell)
        return known if known is not None and self._is_fresh(known) else self._read(cell)

    def _is_fresh(self, known: CellHistory) -> bool:
        return time.monotonic() - known.read_at <= self.settings.history_max_age_s

    def _read_to_write(self, cell: str) -> CellHistory:
        """The history anew, for an operation that is alone on the cell and may write."""
        deadline.remaining_s()
        try:  # its tag first: what is read after it is as new or newer
            element, tag = self.client.tagged_element(submodel_id(cell, "OperationalData"), "LiveState")
            self._keep_tag(cell, "LiveState", tag)
            self._live_elements.keep(cell, element)
        except NotFound:
            self._keep_tag(cell, "LiveState", None)
        return self._read(cell)

    def _read(self, cell: str) -> CellHistory:
        self._known.drop(cell)
        deadline.remaining_s()
        noted: list[Foreign] = []
        operational, version = self.client.read_tagged_submodel(
            submodel_id(cell, "OperationalData"), operational_data.history_shape(), noted
        )
        _must_hold_records(cell, noted)
        deadline.remaining_s()
        described = Described.of(self.client.submodel(submodel_id(cell, "TechnicalData")), noted)
        segment, live = operational["Segments"]["InternalSegment"], operational["LiveState"]
        self._live_states.keep(cell, live)
        withdrawn = operational_data.withdrawn_cycles(operational["WithdrawnCycles"])
        blocks = one_history.blocks(operational["Segments"])
        recent = twin.without(twin.cycle_table(segment["Records"].values(), noted), withdrawn)
        cycles = twin.one_table([*(self._table(cell, block, noted) for block in blocks), recent])
        if not len(cycles) and (segment["Records"] or (segment["RecordCount"] or 0) > len(withdrawn)):
            text = f"none of the records of {cell} can be read; {told(noted) or 'there are none, though counted'}"
            raise OperationError("unavailable", text)
        cycles = twin.without(cycles, withdrawn)
        stamp = _stamp(live)
        last = int(cycles["cycle_number"].iloc[-1]) if len(cycles) else None
        written = not any(one.path.startswith(WRITTEN_WITH_RECORDS) and one.path != SERVICE_STATE for one in noted)
        complete = last is None or (segment["RecordCount"] == len(recent) and written and stamp[0] == last)
        return CellHistory(
            cell, cycles, described, stamp, complete, time.monotonic(), live["Battery"] or cell,
            operational_data.replay_of(operational), frozenset(recent["cycle_number"].tolist()), tuple(blocks),
            live["Clock"] or _clock_of(cycles), tuple(noted), withdrawn, operational_data.service_state(live),
            Memory(version=None if noted else version),
        )  # fmt: skip

    def _table(self, cell: str, block: one_history.Block, noted: list[Foreign]) -> pd.DataFrame:
        """The cycles of a block, read once as long as it stays the same."""
        key = (cell, block)
        table = self._tables.get(key)
        if table is None:
            deadline.remaining_s()
            foreign: list[Foreign] = []
            table = (twin.cycle_table(one_history.table(self.client, cell, block, foreign), foreign), foreign)
            self._tables.keep(key, table)
        noted += table[1]
        return table[0]

    def _remember(self, history: CellHistory) -> CellHistory:
        self._known.keep(history.cell, history)
        return history

    def predict(self, history: CellHistory, end_of_life_percent: float | None, **arguments: Any) -> Prediction:
        """The model's prediction for a history; `arguments` as of `Predictor.predict`, without the siblings.

        What is remembered holds for the same siblings with the same histories only.
        """
        siblings = self.siblings.of(history)
        spoken = tuple((one.cell, one.memory.token) for one in siblings)
        key = (history.memory.token, end_of_life_percent, spoken, *sorted(arguments.items()))
        prediction = self._predictions.get(key)
        if prediction is None:
            known = [one.for_model(end_of_life_percent) for one in siblings]
            prediction = self.model.predict(history.for_model(end_of_life_percent), **arguments, siblings=known)
            prediction = twin.at_terminals(prediction, history.series_count)
            self._predictions.keep(key, prediction)
        return prediction

    def simulate(self, history: CellHistory, end_of_life_percent: float | None, scenario: Scenario) -> Simulation:
        """The model's simulation of a scenario, asked and answered at the terminals of the cell."""
        series = history.series_count
        asked = twin.per_cell_scenario(scenario, series)
        siblings = [one.for_model(end_of_life_percent) for one in self.siblings.of(history)]
        found = self.model.simulate(history.for_model(end_of_life_percent), asked, siblings)
        return replace(found, baseline=twin.at_terminals(found.baseline, series))

    # --- writing

    def append_record(
        self,
        history: CellHistory,
        row: dict[str, Any],
        meanwhile: Callable[[CellHistory], None] | None = None,
        is_whole: bool = False,
    ) -> CellHistory:
        """Adds the record of one cycle; counters and LiveState follow with `completed`.

        `meanwhile` is begun with the new history, beside what is written of it. `is_whole`: nothing else is to be
        written of this cycle before they follow, so that they are written with it where that can be.
        """
        history = self._with_room(history)
        values = twin.record_values(row, history.rated_capacity_Ah)
        added = twin.cycle_table([values])
        self._known.drop(history.cell)
        cycles = pd.concat([history.cycles, added], ignore_index=True) if len(history.cycles) else added
        in_records = history.in_records | {row["cycle_number"]}
        memory = Memory(stored=history.memory.stored)
        grown = replace(history, cycles=cycles, in_records=in_records, complete=False, memory=memory)
        deadline.remaining_s()
        if meanwhile is not None:
            grown.memory.ahead = self._beside.submit(copy_context().run, meanwhile, grown)
        if is_whole and (whole := self._append_in_one_step(grown, values, history.memory.version)):
            return whole
        submodel, seen = submodel_id(history.cell, "OperationalData"), self.while_seen(history)
        try:
            self.client.append_element(submodel, RECORDS_PATH, _record(values), seen)
        except Conflict as error:
            raise Changed(f"somebody else has added a cycle to {history.cell}") from error
        except Changed:
            self._remember(history)
            raise
        return grown

    def _with_room(self, history: CellHistory, every: int = MOVE_EVERY) -> CellHistory:
        """The history with its older cycles moved into tables, where a block of them is due.

        Where that fails the cycles stay where they are, and it is tried again `every` appends later.
        """
        older = len(history.in_records) - LATEST
        if older < BLOCK or older % every:
            return history
        self.forget(history.cell)
        try:
            deadline.remaining_s()
            one_history.move_older(self.client, history.cell, history.blocks, twin.utc_text(datetime.now(UTC)))
        except (AasError, ValueError) as error:
            text = "the older cycles of a cell stay where they are for now"
            say(logging.WARNING, text, cell=history.cell, reason=str(error))
        return self.completed(self._read_to_write(history.cell))

    # --- correcting

    def keep_correction(self, cell: str, values: dict[str, Any]) -> None:
        """An entry in the list of corrections, unless it is the last one there already (a call that is repeated)."""
        submodel, shape = submodel_id(cell, "OperationalData"), operational_data.shape().part("Corrections")
        new = with_value(operational_data.correction_item(), values)
        deadline.remaining_s()
        try:
            present, tag = self.client.tagged_element(submodel, "Corrections")
            present = mended(present, operational_data.template("Corrections"))
        except NotFound:
            present = operational_data.template("Corrections")
            self.client.append_element(submodel, None, with_items(present, [new]))
            return
        known = read(present, shape)
        if not known or {**known[-1], "CorrectedAt": None} != {**values, "CorrectedAt": None}:
            kept = [*(present.get("value") or []), new][-operational_data.MOST_CORRECTIONS :]
            deadline.remaining_s()
            self.client.put_element(submodel, "Corrections", with_items(present, kept), tag)

    def put_withdrawn(self, history: CellHistory, numbers: frozenset[int]) -> None:
        """The numbers of the cycles that do not count, unless somebody else has changed them: Changed.

        This is what decides, whether their records are still there.
        """
        submodel, path = submodel_id(history.cell, "OperationalData"), "WithdrawnCycles"
        element = with_value(operational_data.template(path), " ".join(map(str, sorted(numbers))) or None)
        deadline.remaining_s()
        try:
            shape = operational_data.history_shape().part(path)
            text, tag = self.client.read_tagged(submodel, path, shape)
            if operational_data.withdrawn_cycles(text) != history.withdrawn:
                raise Changed(f"other cycles of {history.cell} have been withdrawn just now")
            self.client.put_element(submodel, path, element, tag)
        except NotFound:
            self.client.append_element(submodel, None, element)

    def withdrawn_starts(self, history: CellHistory) -> list[pd.Timestamp]:
        """When the cycles began that were withdrawn, as far as the list of corrections still tells."""
        if not history.withdrawn:
            return []
        deadline.remaining_s()
        try:
            shape = operational_data.shape().part("Corrections")
            entries = self.client.read_element(submodel_id(history.cell, "OperationalData"), "Corrections", shape)
        except NotFound:
            return []
        found = []
        for entry in entries:
            with contextlib.suppress(ValueError, TypeError, KeyError):  # what others wrote there tells nothing
                if entry["id_cycle"] in history.withdrawn:
                    start = pd.Timestamp(json.loads(entry["OldValues"])["Time"])
                    found += [] if pd.isna(start) else [start.tz_localize(None)]
        return found

    def put_record(self, history: CellHistory, row: dict[str, Any]) -> None:
        """Other values in the record of a cycle, or a new record for one that was withdrawn."""
        id_short = record_id_short(row["cycle_number"])
        record = record_item() | {"idShort": id_short}
        record = with_value(record, twin.record_values(row, history.rated_capacity_Ah))
        submodel = submodel_id(history.cell, "OperationalData")
        self.forget(history.cell)
        deadline.remaining_s()
        try:
            self.client.put_element(submodel, f"{RECORDS_PATH}.{id_short}", record)
        except NotFound:
            self.client.append_element(submodel, RECORDS_PATH, record)

    def delete_record(self, cell: str, number: int) -> None:
        deadline.remaining_s()
        with contextlib.suppress(NotFound):
            path = f"{RECORDS_PATH}.{record_id_short(number)}"
            self.client.delete_element(submodel_id(cell, "OperationalData"), path)

    def corrected(self, cell: str, latest_changed: bool) -> CellHistory:
        """The history anew after a correction, with counters and live state brought up to it.

        LiveState gets another LastUpdate in any case: by it every delegate notices that its history is no longer true.
        """
        history = self._read_to_write(cell)
        submodel, now = submodel_id(cell, "OperationalData"), twin.utc_text(datetime.now(UTC))
        if latest_changed and len(history.cycles):
            return self.completed(replace(history, complete=False))
        template = operational_data.template("LiveState")
        deadline.remaining_s()
        element = mended(self.client.element(submodel, "LiveState"), template)
        live = read(element, operational_data.shape().part("LiveState"))
        if not len(history.cycles):
            kept = {name: live[name] for name in ("Clock", "ServiceState")}
            live = dict.fromkeys(live) | kept | {"Battery": history.name}
        live["LastUpdate"] = now
        self._put_counter(submodel, "RecordCount", len(history.in_records))
        self._put_live_state(cell, with_value(template, live))
        self._live_states.keep(cell, live)
        return self._remember(replace(history, stamp=_stamp(live), complete=True, memory=Memory()))

    def append_records(self, history: CellHistory, rows: Sequence[dict[str, Any]]) -> CellHistory:
        """Adds the records of many cycles, in their order; what follows from them is left to `completed`.

        A record that is there already (of an attempt whose answer was lost) stays as it is.
        """
        history = self._with_room(history, every=1)
        self.forget(history.cell)
        values = [twin.record_values(row, history.rated_capacity_Ah) for row in rows]
        for of_row in values:
            deadline.remaining_s()
            try:
                self.client.append_element(submodel_id(history.cell, "OperationalData"), RECORDS_PATH, _record(of_row))
            except Conflict:
                say(logging.WARNING, "a record is there already", cell=history.cell, cycle=of_row["id_cycle"])
        added = twin.cycle_table(values)
        cycles = pd.concat([history.cycles, added], ignore_index=True) if len(history.cycles) else added
        in_records = history.in_records | {row["cycle_number"] for row in rows}
        return replace(history, cycles=cycles, in_records=in_records, complete=False, memory=Memory())

    def put_latest_curves(self, cell: str, csv: str) -> None:
        """Raw samples of the cycle just appended, as CSV."""
        deadline.remaining_s()
        submodel = submodel_id(cell, "OperationalData")
        self.client.put_attachment(submodel, LATEST_CURVES_PATH, "latest_cycle.csv", csv.encode("utf-8"), "text/csv")

    def completed(self, history: CellHistory, last_sample: dict[str, Any] | None = None) -> CellHistory:
        """Counters and LiveState brought up to the last record, if they are not.

        `last_sample`: the values of the last sample for LiveState, where samples are known.
        """
        if history.complete:
            return history
        history = self._with_measured_rating(history)
        record = twin.record_values(history.last_row, history.rated_capacity_Ah)
        counters, live = self._after_last(history, record, last_sample)
        if not self._put_in_one_step(history.cell, _in_segment(_counters(counters)), live):
            for name, value in counters.items():
                self._put_counter(submodel_id(history.cell, "OperationalData"), name, value)
            self._put_live_state(history.cell, self._live_element_with(history.cell, live))
        return self._completed(history, live)

    def _after_last(
        self, history: CellHistory, record: Mapping[str, Any], last_sample: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The counters of the segment, and what LiveState says, after this record, the last one."""
        now = twin.utc_text(datetime.now(UTC))
        counters = {"RecordCount": len(history.in_records), "EndTime": record["Time"], "LastUpdate": now}
        live = {name: record[name] for name in ("id_cycle", "type", "ambient_temperature", "Capacity", "StateOfHealth")}
        measured = ("Voltage_measured", "Current_measured", "Temperature_measured", "Current_charge", "Voltage_charge")
        live |= {name: record[name] for name in measured} | {"Time": record["Duration"]} | (last_sample or {})
        return counters, live | {"Clock": history.clock, "LastUpdate": now}

    def _completed(self, history: CellHistory, live: dict[str, Any]) -> CellHistory:
        """The history once counters and LiveState are written."""
        self._live_states.keep(history.cell, (self._live_states.get(history.cell) or {}) | live)
        history.memory.live_state_tag = self._tags.get((history.cell, "LiveState"))
        stamp = _stamp(live | {"ServiceState": history.service})
        return self._remember(replace(history, stamp=stamp, complete=True))

    def _append_in_one_step(
        self, grown: CellHistory, record: dict[str, Any], version: str | None
    ) -> CellHistory | None:
        """The record of the last cycle with counters and LiveState, as long as OperationalData is of this `version`, so
        that no record is replaced; None, and nothing written, where it is not, or where more has to be written."""
        if version is None or not grown.has_settled_rating:
            return None
        counters, live = self._after_last(grown, record)
        records = collection_element(RECORDS_PATH.rpartition(".")[2], [_record(record)])
        segment = _in_segment([*_counters(counters), records])
        try:
            grown.memory.version = self._put_in_one_step(grown.cell, segment, live, version)
        except Changed:
            return None
        return self._completed(grown, live) if grown.memory.version else None

    def _put_in_one_step(
        self, cell: str, element: Json, live: dict[str, Any], version: str | None = None
    ) -> str | None:
        """This element of OperationalData, and LiveState with these values, unless somebody else has written that since
        the history was read, or OperationalData is not of this `version`: Changed.

        Returns the new ETag of OperationalData; None where the environment can write them one by one only.
        """
        submodel, tag = submodel_id(cell, "OperationalData"), self._tags.get((cell, "LiveState"))
        deadline.remaining_s()
        if tag is None or not self.client.takes_parts(submodel):
            return None
        known, live_element = self._live_elements.get(cell), self._live_element_with(cell, live)
        news = (known and changes([known], [live_element])) or [live_element]
        seen = Seen(submodel, "LiveState", tag)
        new_tag = self.client.patch_submodel(submodel, [element, *news], version, seen)
        self._keep_tag(cell, "LiveState", new_tag)
        self._live_elements.keep(cell, live_element)
        return new_tag

    def _put_counter(self, submodel: str, name: str, value: Any) -> None:
        """A value of the segment; an element of another kind gives way to the twin's own."""
        deadline.remaining_s()
        path = f"{SEGMENT}.{name}"
        try:
            self.client.set_value(submodel, path, value)
        except (NotFound, ValueError):
            element = with_value(operational_data.template(path), value)
            try:
                self.client.put_element(submodel, path, element)
            except NotFound:
                self.client.append_element(submodel, SEGMENT, element)

    def _with_measured_rating(self, history: CellHistory) -> CellHistory:
        """The rated capacity of the first cycles, where none is stated, in TechnicalData and in their states of health.

        It moves while the first cycles come in, and stands still from then on.
        """
        described, rated_Ah = history.described, history.rated_capacity_Ah
        if history.has_settled_rating or not math.isfinite(rated_Ah):
            return history
        if described.rated_path is not None:
            deadline.remaining_s()
            element = measured_rated_capacity(rated_Ah)
            self.client.put_element(submodel_id(history.cell, "TechnicalData"), described.rated_path, element)
        submodel, in_records = submodel_id(history.cell, "OperationalData"), history.in_records
        for row in history.cycles.head(FIRST_CYCLES).to_dict("records"):
            values = twin.record_values(row, rated_Ah)
            deadline.remaining_s()
            if row["cycle_number"] not in in_records:  # a Record corrects what its table says (aasx.history)
                self.client.append_element(submodel, RECORDS_PATH, _record(values))
                in_records |= {row["cycle_number"]}
                continue
            path = f"{RECORDS_PATH}.{record_id_short(row['cycle_number'])}.StateOfHealth"
            with reading(f"records of {history.cell}"):
                self.client.set_value(submodel, path, values["StateOfHealth"])
        described = replace(described, measured_Ah=rated_Ah)
        return replace(history, described=described, in_records=in_records, memory=Memory())

    # --- samples

    def running(self, history: CellHistory) -> Running:
        """The running cycle, as this process remembers it while LiveState is the one it has written, else as stored."""
        known, tag = self._running.get(history.cell), self._tags.get((history.cell, "LiveState"))
        received_at = self.live_state(history.cell)["ReceivedAt"]
        if known is None or (known.received_at, known.state_tag) != (received_at, tag):
            known = running.read(self.client, history.cell, cell_rule(history))
            known.state_tag = tag
        known.stream.rule = cell_rule(history)
        return known

    def put_running(self, history: CellHistory, known: Running, live_state: dict[str, Any]) -> None:
        """The running cycle, and the live state that goes with it: values of some of its elements."""
        received_at, cell = twin.utc_text(datetime.now(UTC)), history.cell
        template, written = operational_data.template("LiveState"), False
        values = {name: self.live_state(cell).get(name) for name in operational_data.LIVE_STATE}
        values |= live_state | {"ReceivedAt": received_at}

        def in_one_step(latest: Json) -> bool:
            nonlocal written
            written = self._put_in_one_step(cell, latest, values) is not None
            return written

        history.memory.version = None
        running.write(self.client, cell, known, received_at, self.while_seen(history), in_one_step)
        if not written:
            self._put_live_state(cell, with_value(template, values))
        self._live_states.keep(cell, values)
        known.state_tag = history.memory.live_state_tag = self._tags.get((cell, "LiveState"))
        self._running.keep(cell, known)

    def put_rejected(self, cell: str, rejected: list[dict[str, Any]]) -> None:
        """Discharges that are no cycle, each once (by its start), of which the last `MOST_REJECTED` stay."""
        submodel, path = submodel_id(cell, "OperationalData"), operational_data.REJECTED_CYCLES
        deadline.remaining_s()
        try:
            element, tag = self.client.tagged_element(submodel, path)
        except NotFound:
            element, tag = operational_data.template(path), None
            self.client.append_element(submodel, None, element)
        kept = read(element, operational_data.rejected_shape(), [])
        known = {one["Time"] for one in kept}
        new = [one for one in rejected if one["Time"] not in known]
        if new:
            deadline.remaining_s()
            item, kept = operational_data.rejected_item(), [*kept, *new][-MOST_REJECTED:]
            self.client.put_element(submodel, path, with_items(element, [with_value(item, one) for one in kept]), tag)

    def put_clock(self, cell: str, clock: str) -> None:
        """What the times of the cell are by, before the first of them is written."""
        submodel, template = submodel_id(cell, "OperationalData"), operational_data.template("LiveState")
        deadline.remaining_s()
        element = mended(self.client.element(submodel, "LiveState"), template)
        self._put_live_state(cell, with_value(element, {"Clock": clock}))

    def put_service_state(self, cell: str, state: str, change: dict[str, Any]) -> None:
        """First who says so, when and why, then the state itself, by which every delegate notices (`Stamp`)."""
        submodel = submodel_id(cell, "OperationalData")
        element = with_value(operational_data.template("ServiceChange"), change)
        deadline.remaining_s()
        try:
            self.client.put_element(submodel, "ServiceChange", element)
        except NotFound:  # of a twin that was loaded before there were service states
            self.client.append_element(submodel, None, element)
        template = operational_data.template("LiveState")
        deadline.remaining_s()
        live_state = mended(self.client.element(submodel, "LiveState"), template)
        self._put_live_state(cell, with_value(live_state, {"ServiceState": state}))
        self.forget(cell)

    def service_now(self, cell: str) -> str:
        """The service state as it stands in the AAS at this moment."""
        deadline.remaining_s()
        try:
            return operational_data.service_state(self._read_live_state(cell, [])[0])
        except NotFound:
            return IN_SERVICE

    def service_change(self, cell: str) -> dict[str, Any]:
        """Who has changed the service state last, when and why; None for each while nobody has."""
        shape = operational_data.shape().part("ServiceChange")
        deadline.remaining_s()
        try:
            found = self.client.read_element(submodel_id(cell, "OperationalData"), "ServiceChange", shape, [])
            return cast(dict[str, Any], found)
        except NotFound:
            return dict.fromkeys(operational_data.SERVICE_CHANGE)

    def put_prediction(self, cell: str, new: Json, known: Json | None, history: CellHistory | None = None) -> None:
        """The Prediction submodel, `mended`, with result, thresholds and alerts, in one write, unless somebody else has
        written it since it was read, or the `history` that it follows from is another one: Changed. Where the one that
        was read is `known`, only what is new is sent."""
        deadline.remaining_s()
        tag, elements = self.prediction_tag(cell), None
        is_like = known and {**known, "submodelElements": None} == {**new, "submodelElements": None}
        if tag and known and is_like and self.client.takes_parts(new["id"]):
            elements = changes(known["submodelElements"], new["submodelElements"])
        if elements is None:
            tag = self.client.put_submodel(new, tag)
        else:
            seen = self.while_seen(history) if history else None
            tag = self.client.patch_submodel(new["id"], elements, tag, seen)
        self._keep_prediction(cell, new, tag, is_own=True)

    def put_prediction_time(self, history: CellHistory, predicted_at: str, if_match: str | None) -> str | None:
        """Only when the prediction was made, where all the rest in the AAS is as it would be written again.

        Returns the ETag of this time; Changed where it is no longer the one of `if_match`, or the history another one.
        """
        deadline.remaining_s()
        self._drop_prediction(history.cell)
        submodel, seen = submodel_id(history.cell, "Prediction"), self.while_seen(history)
        with reading(f"prediction of {history.cell}"):
            return self.client.set_value(submodel, PREDICTION_TIME, predicted_at, if_match, seen)

    def begin_fleet_summary(self, cell: str, summary: dict[str, Any]) -> Future[bool] | None:
        """Begins to write the cell's line in the Fleet submodel beside other writes, for `put_fleet_summary`: where it
        has changed, and only while it is the one that was written here last."""
        tag, written = self._fleet_rows.get(cell) or (None, {})
        if tag is None or written == _without_time(summary):
            return None
        news = {name: value for name, value in summary.items() if name not in written or written[name] != value}
        return self._beside.submit(copy_context().run, self._put_fleet_row, cell, summary, tag, news)

    def put_fleet_summary(
        self, history: CellHistory, summary: dict[str, Any], begun: Future[bool] | None = None
    ) -> None:
        """The cell's line in the Fleet submodel, when it has changed; a twin without fleet shell has none."""
        cell, news = history.cell, _without_time(summary)
        if history.memory.fleet_summary == news and time.monotonic() < history.memory.fleet_seen_at + FLEET_LINE_SEEN_s:
            return
        begun = begun or self.begin_fleet_summary(cell, summary)
        if begun and begun.result():
            history.memory.fleet_summary = news
            return
        stored, tag, is_foreign = self.fleet_summary(cell)
        if stored is None or is_foreign or not stored.get("LastUpdate") or _without_time(stored) != news:
            known = None if stored is None else self.prediction_tag(cell)
            deadline.remaining_s()
            if known is not None and self.client.submodel_tag(submodel_id(cell, "Prediction")) != known:
                raise Changed(f"the prediction of {cell} is no longer the one that is summed up")
            self.write_fleet_summary(cell, summary, stored, tag)
        history.memory.fleet_summary, history.memory.fleet_seen_at = news, time.monotonic()

    def fleet_summary(self, cell: str) -> tuple[dict[str, Any] | None, str | None, bool]:
        """The cell's line in the Fleet submodel, None if there is none; its ETag; and whether some of it is foreign."""
        noted: list[Foreign] = []
        deadline.remaining_s()
        try:
            shape = fleet.summary_shape()
            stored, tag = self.client.read_tagged(fleet_submodel_id(), f"Cells.{cell}", shape, noted)
        except NotFound:
            return None, None, False
        return stored, tag, bool(noted)

    def write_fleet_summary(
        self, cell: str, summary: dict[str, Any], stored: dict[str, Any] | None, tag: str | None
    ) -> None:
        """The line anew, unless somebody else has written it since `stored` was read with `tag`: Changed."""
        if stored is None:
            self._add_fleet_summary(cell, with_value(fleet.cell_item(cell), summary))
        else:
            self._put_fleet_row(cell, summary, tag)

    def _put_fleet_row(
        self, cell: str, summary: dict[str, Any], tag: str | None, news: dict[str, Any] | None = None
    ) -> bool:
        """False where there is no line of the cell. `news` is what is new in it, where that of `tag` is known."""
        self._fleet_rows.drop(cell)
        submodel, path = fleet_submodel_id(), f"{fleet.CELLS_PATH}.{cell}"
        deadline.remaining_s()
        try:
            if news is not None and self.client.takes_parts(submodel):
                new = self.client.patch_element(submodel, path, fleet.cell_parts(cell, news), tag)
            else:
                new = self.client.put_element(submodel, path, with_value(fleet.cell_item(cell), summary), tag)
        except NotFound:
            return False
        if new is not None:
            self._fleet_rows.keep(cell, (new, _without_time(summary)))
        return True

    def forget_stored(self, cell: str) -> None:
        """What is remembered of the cell's Prediction and of its line in the Fleet submodel."""
        if known := self._known.get(cell):
            known.memory.fleet_summary = known.memory.stored = None

    def _add_fleet_summary(self, cell: str, entry: Json) -> None:
        try:
            deadline.remaining_s()
            self.client.append_element(fleet_submodel_id(), "Cells", entry)
        except NotFound:
            say(logging.WARNING, "there is no fleet shell to hold the summary of a cell", cell=cell)
        except (Conflict, Refused, ServerFault) as error:  # of a fleet whose Cells are no collection any more
            if isinstance(error, Conflict) and self.fleet_summary(cell)[0] is not None:
                raise Changed(f"somebody else has added the summary of {cell}") from error
            say(logging.WARNING, "the fleet's submodel takes no summary of a cell", cell=cell)
            remarks.note([Foreign("Fleet Cells", "of another kind", "a collection of summaries")])


def _counters(values: Mapping[str, Any]) -> list[Json]:
    """The counters of the internal segment."""
    return [with_value(operational_data.template(f"{SEGMENT}.{name}"), value) for name, value in values.items()]


def _in_segment(elements: list[Json]) -> Json:
    """What of OperationalData holds these elements of the internal segment."""
    for parent in reversed(SEGMENT.split(".")):
        elements = [collection_element(parent, elements)]
    return elements[0]


def _record(values: Mapping[str, Any]) -> Json:
    """The Record of one cycle as it is appended."""
    return with_value(record_item(), values) | {"idShort": record_id_short(values["id_cycle"])}


def _size_bytes(cycles: pd.DataFrame) -> int:
    """About: pandas would add up the memory of each column, which takes longer than all else here."""
    return 8 * cycles.size + 2_000


def _prediction_bytes(prediction: Prediction) -> int:
    return 4_000 + 250 * len(prediction.trajectory)


def _without_time(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary without the time of its last change."""
    return {name: value for name, value in summary.items() if name != "LastUpdate"}


def _stamp(live_state: Mapping[str, Any]) -> Stamp:
    """What tells one state of a cell's history from another."""
    service = operational_data.service_state(live_state)
    return (live_state["id_cycle"], live_state["Capacity"], live_state["LastUpdate"], service)


def cell_rule(history: CellHistory) -> CellRule:
    """What decides about samples of the cell, at its terminals."""
    described = history.described
    return CellRule.of(described.facts, history.rated_capacity_Ah, history.limits, described.cut_off_voltage_V)


def _clock_of(cycles: pd.DataFrame) -> str | None:
    """The clock of a cell loaded before there were clocks: its times had no zone."""
    return BENCH if cycles["start_time"].notna().any() else None


def _must_hold_records(cell: str, noted: list[Foreign]) -> None:
    """Raises OperationError where the records as a whole are gone, unlike those of a cell without cycles."""
    parents = {".".join(RECORDS_PATH.split(".")[:length]) for length in (1, 2, 3)}
    for one in noted:
        if one.path in parents:
            text = f"the AAS holds no readable history of {cell}: {one}; put it right there, or load the cell anew"
            raise OperationError("unavailable", text)
