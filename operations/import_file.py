"""ImportFile: a file that lies in the AAS becomes cycles: proposal, confirmed mapping, work in the background, cancel.

    propose    what the columns are taken for, what must be answered first, which rows would come in, with reasons
    start      the mapping is confirmed; the work begins, goes on without the caller, and tells the AAS how far it is
    cancel     what has come in stays; the same file can be started again and doubles nothing
    discard    the file goes, nothing comes in

Everything about an import stands in the AAS (aasx.submodels.imports): a delegate that starts anew goes on with what was
running. Cycles are numbered as at the start (`CyclesBefore`), and a number that is recorded is never written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pydantic import ValidationError

from aasx.client import AasError, NotFound, Refused, ServerFault
from aasx.elements.shape import Foreign
from aasx.identifiers import submodel_id
from aasx.submodels import imports, operational_data
from aasx.submodels.imports import (
    AT_WORK,
    CANCELLED,
    CANCELLING,
    DATA,
    ENDED,
    FAILED,
    IMPORTS,
    PROPOSED,
    RUNNING,
    UPLOADED,
)
from aasx.submodels.operational_data import BENCH, UTC_CLOCK
from operations.cell import clock, growth, twin
from operations.cell.live_twin import CellHistory, LiveTwin, cell_rule
from operations.intake import conversion, values
from operations.intake import mapping as mapping_
from operations.intake.conversion import Progress, Row
from operations.intake.cycles import Discharge
from operations.intake.mapping import Mapping, Proposal, Said
from operations.intake.readers import formats
from operations.intake.readers.table import Table, Unreadable
from operations.request import deadline, remarks
from operations.request.columns import ID_SHORT
from operations.request.edge import Inputs, Outputs, line, variable
from operations.request.errors import InvalidInput, OperationError, Problem, as_operation_error
from operations.request.logs import request_id, say

LONGEST_MAPPING = 9_000
LOOKED_AT_ROWS = 200_000
"""Rows a proposal reads of a long file; the work reads them all."""

SHOWN_ROWS, SHOWN_PROBLEMS, TOLD_ROWS = 30, 200, 40
MOST_IMPORTS = 50
MOST_CELLS_ASKED = 50
"""Other cells in whose imports a mapping for this form of table is looked for."""

CHUNK_CYCLES = 100
CHUNK_s = 60.0
TELL_EVERY_s = 1.0
FILE_TIMEOUT_s = 120.0
CURVE_POINTS = 1000
PATIENCE_s = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Waits before work is tried again whose AAS environment was away; the last one again and again, for an hour."""
PATIENT_TRIES = 120
RESUME_AFTER_s = 8.0
"""An import that was running and has told nothing for this long is taken up by a delegate that starts."""

PROPOSE, START, CANCEL, DISCARD = "propose", "start", "cancel", "discard"


class ImportFileInputs(Inputs):
    ImportId: str = variable(min_length=1, max_length=80, pattern=imports.ID.pattern)
    ImportAction: str | None = line(None, longest=20)
    ImportMapping: str | None = variable(None, min_length=1, max_length=LONGEST_MAPPING)


class ImportFileOutputs(Outputs):
    ImportState: str | None = variable(None)
    ProposedMapping: str | None = variable(None)
    ImportPreview: str | None = variable(None)
    RequestId: str | None = variable(None)


def import_file(live: LiveTwin, cell: str, inputs: ImportFileInputs) -> ImportFileOutputs:
    action = inputs.ImportAction or PROPOSE
    known = {PROPOSE: _propose, START: _start, CANCEL: _cancel, DISCARD: _discard}
    if action not in known:
        raise InvalidInput(Problem("ImportAction", action, f"must be one of {', '.join(known)}"))
    one = Import(live, cell, inputs.ImportId)
    given = _given_mapping(inputs.ImportMapping)
    found = known[action](one, given)
    found.RequestId = request_id.get()
    return found


def _given_mapping(text: str | None) -> Mapping | None:
    if text is None:
        return None
    try:
        return Mapping.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise InvalidInput(Problem("ImportMapping", "", f"{where}: {first['msg']}")) from None


class Import:
    """One import in the AAS. Raises NotFound (OperationError) where there is none of this id."""

    def __init__(self, live: LiveTwin, cell: str, id_short: str) -> None:
        self.live, self.cell, self.id_short = live, cell, id_short
        self.path = f"{IMPORTS}.{id_short}"
        self.submodel = submodel_id(cell, "OperationalData")
        self.values = self.read()

    @property
    def key(self) -> tuple[str, str, str]:
        return ("import", self.cell, self.id_short)

    def read(self) -> dict[str, Any]:
        deadline.remaining_s()
        shape = operational_data.shape().part(IMPORTS).every
        assert shape is not None
        noted: list[Foreign] = []
        try:
            found = self.live.client.read_element(self.submodel, self.path, shape, noted)
        except NotFound:
            raise OperationError("notFound", f"{self.cell} has no import {self.id_short}") from None
        remarks.note(noted)
        return dict(found)

    def put(self, **values: Any) -> None:
        """New values, each in one write; the state last, so that what goes with it stands there."""
        for name, value in sorted(values.items(), key=lambda item: item[0] == "ImportState"):
            if self.values.get(name) != value:
                deadline.remaining_s()
                self.live.client.set_value(self.submodel, f"{self.path}.{name}", value)
                self.values[name] = value
        self.values["LastUpdate"] = now = twin.utc_text(datetime.now(UTC))
        self.live.client.set_value(self.submodel, f"{self.path}.LastUpdate", now)

    def content(self) -> bytes:
        """The file, of the checksum it had when it was proposed. Raises InvalidInput where it is gone or too large."""
        deadline.remaining_s()
        try:
            content = self.live.client.attachment(self.submodel, f"{self.path}.{DATA}", timeout_s=FILE_TIMEOUT_s)
        except (NotFound, Refused, ServerFault) as error:
            if not self.live.client.alive():
                raise
            text = "the file is not there (any more); upload it again"
            raise InvalidInput(Problem(DATA, self.values["FileName"] or "", text)) from error
        try:
            imports.check_size(len(content))
        except ValueError as error:
            raise InvalidInput(Problem(DATA, self.values["FileName"] or "", str(error))) from None
        return content

    def drop_file(self) -> None:
        deadline.remaining_s()
        with contextlib.suppress(NotFound):
            self.live.client.delete_attachment(self.submodel, f"{self.path}.{DATA}")

    def table(self, content: bytes, most_rows: int | None = None) -> Table:
        try:
            return formats.read(self.values["FileName"] or "file", content, most_rows)
        except Unreadable as error:
            raise InvalidInput(Problem(DATA, self.values["FileName"] or "", str(error))) from None


# --- the four actions


def _propose(one: Import, given: Mapping | None) -> ImportFileOutputs:
    if one.values["ImportState"] in AT_WORK:
        raise OperationError("conflict", "this import is running; cancel it first")
    content = one.content()
    table = one.table(content, LOOKED_AT_ROWS)
    history, form = one.live.history(one.cell), mapping_.fingerprint(table)
    known = given or _remembered(one, form)
    proposal = mapping_.propose(table, cell_rule(history), known, history.clock == BENCH)
    preview, asked = _preview(table, proposal, history)
    text = proposal.mapping.model_dump_json(exclude_defaults=True)
    one.put(
        FileSHA256=hashlib.sha256(content).hexdigest(), FileSize=len(content), TableForm=form, ImportMapping=text,
        ImportState=PROPOSED,
    )  # fmt: skip
    _forget_oldest(one)
    message = "; ".join(question["text"] for question in asked) or None
    return ImportFileOutputs(
        Message=message, ImportState=PROPOSED, ProposedMapping=text,
        ImportPreview=json.dumps(preview, ensure_ascii=False, allow_nan=False),
    )  # fmt: skip


def _start(one: Import, given: Mapping | None) -> ImportFileOutputs:
    state = one.values["ImportState"]
    if state in AT_WORK:
        begin(one.live, one.cell, one.id_short)
        return ImportFileOutputs(ImportState=state, Message="it is running already")
    mapping = given or _given_mapping(one.values["ImportMapping"])
    if mapping is None or one.values["FileSHA256"] is None:
        raise OperationError("conflict", "this import has no proposal yet; call it with ImportAction propose first")
    content = one.content()
    if hashlib.sha256(content).hexdigest() != one.values["FileSHA256"]:
        raise OperationError("conflict", "the file is another one than was proposed; propose it again")
    table = one.table(content, LOOKED_AT_ROWS)
    history = one.live.completed(one.live.history(one.cell))
    proposal = mapping_.propose(table, cell_rule(history), mapping, history.clock == BENCH)
    preview, asked = _preview(table, proposal, history)
    problems = [
        Problem("ImportMapping", question["code"], f"to be answered first: {question['text']}") for question in asked
    ]
    problems += [Problem("ImportMapping", name, "no column is given for it") for name in preview["missing"]]
    if preview["refused"]:
        problems.append(Problem("ImportMapping", "", preview["refused"]["text"]))
    if problems:
        raise InvalidInput(*problems)
    one.put(
        ImportMapping=proposal.mapping.model_dump_json(exclude_defaults=True), CyclesBefore=history.last_number or 0,
        RowsDone=0, RowsTotal=len(table), CyclesTaken=0, CyclesKnown=0, CyclesSkipped=0, ImportRemarks=None,
        ImportState=RUNNING,
    )  # fmt: skip
    begin(one.live, one.cell, one.id_short)
    return ImportFileOutputs(ImportState=RUNNING)


def _cancel(one: Import, _given: Mapping | None) -> ImportFileOutputs:
    if one.values["ImportState"] not in AT_WORK:
        return ImportFileOutputs(ImportState=one.values["ImportState"], Message="it is not running")
    stopped = one.live.background.stop(one.key)
    one.put(ImportState=CANCELLING if stopped or not _is_silent(one) else CANCELLED)
    return ImportFileOutputs(ImportState=one.values["ImportState"])


def _discard(one: Import, _given: Mapping | None) -> ImportFileOutputs:
    if one.values["ImportState"] in AT_WORK:
        raise OperationError("conflict", "this import is running; cancel it first")
    one.drop_file()
    if one.values["ImportState"] in (UPLOADED, PROPOSED):
        one.put(ImportState=CANCELLED)
    return ImportFileOutputs(ImportState=one.values["ImportState"])


def _is_silent(one: Import) -> bool:
    """Whether nobody has told anything of this import for a while: its delegate is gone."""
    try:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(str(one.values["LastUpdate"]))).total_seconds()
    except (ValueError, TypeError):
        return True
    return age_s > RESUME_AFTER_s


# --- what is known of the cell


def _capacities(history: CellHistory, last: int | None = None) -> dict[int, float]:
    """Capacity by cycle number, of cycles up to `last`; NaN for those that were withdrawn."""
    found = dict.fromkeys(history.withdrawn, math.nan)
    found |= dict(zip(history.cycles["cycle_number"].tolist(), history.cycles["capacity_Ah"].tolist(), strict=True))
    return found if last is None else {number: value for number, value in found.items() if number <= last}


def _rows(table: Table, mapping: Mapping, history: CellHistory, progress: Progress) -> Iterator[Row]:
    def features(discharge: Discharge) -> dict[str, Any]:
        return growth.sampled_row(history, discharge, discharge.number or 1, None)

    rule = cell_rule(history)
    for row in conversion.rows_of(table, mapping, rule, history.limits, progress, features):
        ambient = history.described.ambient_temperature_degC
        if ambient is not None and "ambient_temperature_degC" not in row.values:
            row = replace(row, values=row.values | {"ambient_temperature_degC": ambient})
        yield row


def _remembered(one: Import, form: str) -> Mapping | None:
    """The mapping that was confirmed last for a table of this form: of this cell, else of another."""
    mappings = operational_data.shape().part(IMPORTS)
    others = itertools.islice((cell for cell in one.live.cells() if cell != one.cell), MOST_CELLS_ASKED)
    for cell in itertools.chain([one.cell], others):
        try:
            found = one.live.client.read_element(submodel_id(cell, "OperationalData"), IMPORTS, mappings)
        except AasError:
            continue
        for _, stored in sorted((found or {}).items(), reverse=True):
            if stored["TableForm"] == form and stored["ImportState"] in (RUNNING, ENDED) and stored["ImportMapping"]:
                try:
                    mapping = Mapping.model_validate_json(stored["ImportMapping"])
                except ValidationError:
                    continue
                kept = [code for code in mapping.answered if code != "numbering"]
                return mapping.model_copy(update={"answered": kept, "numbering": "source"})
    return None


def _forget_oldest(one: Import) -> None:
    """Of finished imports the last `MOST_IMPORTS` stay."""
    deadline.remaining_s()
    found = one.live.client.read_element(one.submodel, IMPORTS, operational_data.shape().part(IMPORTS)) or {}
    finished = sorted(name for name, values in found.items() if values["ImportState"] not in AT_WORK)
    for name in finished[:-MOST_IMPORTS]:
        deadline.remaining_s()
        one.live.client.delete_element(one.submodel, f"{IMPORTS}.{name}")


# --- the preview


def _preview(table: Table, proposal: Proposal, history: CellHistory) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What would come in, as JSON, and the questions that are still open."""
    mapping, progress = proposal.mapping, Progress()
    lacking = mapping_.missing(mapping)
    questions = [question.json() for question in proposal.open]
    rows: list[Row] = []
    refused: Said | None = None
    times = _times(table, mapping)
    if history.clock == UTC_CLOCK and times is not None and not values.is_zoned(times):
        text = "the cell goes by UTC and the times of the file say no zone: give them one, or leave their column out"
        refused = Said("needsZone", text)
    if not lacking and refused is None:
        try:
            rows = [replace(row, discharge=None) for row in _rows(table, mapping, history, progress)]
            rows, numbering = conversion.numbered(rows, mapping, _capacities(history))
            questions += [] if numbering is None else [numbering.json()]
        except conversion.Refused as error:
            refused = error.said
    codes = Counter("taken" if row.skipped is None else row.skipped.code for row in rows)
    known = codes["recorded"]
    columns = [
        {"name": name, "example": str(next((v for v in table.cells[name].head(50).tolist() if str(v) != ""), ""))[:40]}
        for name in table.cells.columns[:200]
    ]
    preview = {
        "kind": mapping.kind,
        "form": table.form,
        "columns": columns,
        "rowCount": len(table),
        "whole": table.whole,
        "missing": lacking,
        "refused": refused.json() if refused else None,
        "questions": questions,
        "notes": [said.json() for said in [*proposal.notes, *progress.notes]],
        "counts": {"taken": codes["taken"], "known": known, "skipped": len(rows) - codes["taken"] - known},
        "rows": [_row_json(row) for row in rows[:SHOWN_ROWS]],
        "problems": [_row_json(row) for row in rows if row.skipped or row.notes][:SHOWN_PROBLEMS],
    }
    return preview, questions


def _row_json(row: Row) -> dict[str, Any]:
    values = {ID_SHORT[name]: twin.plain(value) for name, value in row.values.items()}
    return {
        "line": row.line,
        "cycle": row.number,
        "values": values,
        "skipped": row.skipped.json() if row.skipped else None,
        "notes": [said.json() for said in row.notes],
    }


# --- the work


def begin(live: LiveTwin, cell: str, id_short: str) -> bool:
    """Goes on with a running import in the background; False when this process does so already."""
    return live.background.start(("import", cell, id_short), lambda stop: _work(live, cell, id_short, stop))


def _work(live: LiveTwin, cell: str, id_short: str, stop: threading.Event) -> None:
    """Until it has ended, whatever becomes of the AAS environment meanwhile."""
    for attempt in range(PATIENT_TRIES):
        try:
            deadline.start(CHUNK_s)
            remarks.start()
            Worker(Import(live, cell, id_short), stop).run()
            return
        except Exception as error:
            known = as_operation_error(error)
            live.forget(cell)
            if known.status in ("unavailable", "timeout") and attempt < PATIENT_TRIES - 1:
                say(logging.WARNING, f"an import waits: {known.message}", cell=cell, import_id=id_short)
                if stop.wait(PATIENCE_s[min(attempt, len(PATIENCE_s) - 1)]):
                    continue  # asked to stop: the next try tells the AAS
                continue
            say(logging.ERROR, "an import failed", exc_info=error, cell=cell, import_id=id_short)
            _tell_failure(live, cell, id_short, known)
            return


def _tell_failure(live: LiveTwin, cell: str, id_short: str, error: OperationError) -> None:
    said = Said("failed", error.message, {"reason": error.message})
    try:
        deadline.start(CHUNK_s)
        told = json.dumps({"notes": [said.json()], "skipped": {}, "rows": []}, ensure_ascii=False)
        Import(live, cell, id_short).put(ImportRemarks=told, ImportState=FAILED)
    except Exception as failure:
        say(logging.ERROR, "the failure of an import cannot be told", exc_info=failure, cell=cell, import_id=id_short)


class Cancelled(Exception):
    """Somebody has asked for the end of this import."""


class Worker:
    """One run of an import, from its file to its last cycle."""

    def __init__(self, one: Import, stop: threading.Event) -> None:
        self.one, self.stop, self.told_at = one, stop, 0.0
        self.taken = 0

    def run(self) -> None:
        one = self.one
        if one.values["ImportState"] not in AT_WORK:
            return
        try:
            self._look()
            mapping = _given_mapping(one.values["ImportMapping"])
            assert mapping is not None
            table = one.table(one.content())
            with one.live.alone(one.cell):
                history = one.live.completed(one.live.history(one.cell))
                history = growth.decide_clock(one.live, history, history.clock or _clock_of(table, mapping))
            before, progress = one.values["CyclesBefore"] or 0, Progress()
            rows, last_discharge = [], None
            for row in _rows(table, mapping, history, progress):
                rows.append(replace(row, discharge=None))
                last_discharge = row.discharge if row.taken else last_discharge
                self._tell(RowsDone=0, RowsTotal=progress.total)
            del table
            rows, _ = conversion.numbered(rows, mapping, _capacities(history, before))
            self._add(rows, last_discharge)
            self._end(rows, progress)
        except Cancelled:
            deadline.start(CHUNK_s)
            one.put(ImportState=CANCELLED)

    def _look(self) -> None:
        """Raises Cancelled when that was asked for, here or of another delegate."""
        deadline.start(CHUNK_s)
        if self.stop.is_set() or self.one.read()["ImportState"] not in (RUNNING,):
            raise Cancelled

    def _tell(self, **values: Any) -> None:
        """Progress, now and then."""
        if time.monotonic() - self.told_at < TELL_EVERY_s:
            if self.stop.is_set():
                raise Cancelled
            return
        self._look()
        self.one.put(**values)
        self.told_at = time.monotonic()

    def _add(self, rows: Sequence[Row], last_discharge: Discharge | None) -> None:
        """The cycles of the rows that are not recorded yet, chunk by chunk; other operations come in between."""
        live, cell = self.one.live, self.one.cell
        wanted = [row for row in rows if row.taken]
        for first in range(0, len(wanted), CHUNK_CYCLES):
            self._tell(RowsDone=first, RowsTotal=len(wanted), CyclesTaken=self.taken)
            deadline.start(CHUNK_s)
            remarks.start()
            with live.alone(cell):
                history = live.completed(live.history(cell))
                last = history.last_number or 0
                chunk = [row for row in wanted[first : first + CHUNK_CYCLES] if (row.number or 0) > last]
                if chunk:
                    history = live.completed(live.append_records(history, [cycle_of(row, history) for row in chunk]))
            self.taken += len(chunk)
        deadline.start(CHUNK_s)
        with live.alone(cell):
            history = live.completed(live.history(cell))
            number = wanted[-1].number if wanted else None
            if last_discharge is not None and number is not None and number == history.last_cycle:
                discharge, charge = last_discharge.table(), last_discharge.charge_table()
                step = max(1, len(discharge) // CURVE_POINTS)
                start = clock.text(clock.moment(last_discharge.start_s), history.clock)
                live.put_latest_curves(cell, growth.curves_csv(number, discharge.iloc[::step], charge, start))
            if history.last_cycle is not None:
                growth.follow(live, history, grown=bool(wanted))

    def _end(self, rows: Sequence[Row], progress: Progress) -> None:
        one = self.one
        skipped = Counter(row.skipped.code for row in rows if row.skipped)
        known = skipped.pop("recorded", 0)
        told = [row for row in rows if (row.skipped and row.skipped.code != "recorded") or row.notes][:TOLD_ROWS]
        rows_told = [{key: value for key, value in _row_json(row).items() if key != "values"} for row in told]
        content = {
            "notes": [said.json() for said in progress.notes[:20]],
            "skipped": dict(skipped),
        }
        while (
            len(text := json.dumps(content | {"rows": rows_told}, ensure_ascii=False)) > LONGEST_MAPPING and rows_told
        ):
            rows_told = rows_told[: len(rows_told) // 2]
        taken = sum(row.taken for row in rows)
        deadline.start(CHUNK_s)
        if not one.values["KeepFile"]:
            one.drop_file()
        one.put(
            RowsDone=taken, RowsTotal=taken, CyclesTaken=taken, CyclesKnown=known, CyclesSkipped=sum(skipped.values()),
            ImportRemarks=text, ImportState=ENDED,
        )  # fmt: skip


def cycle_of(row: Row, history: CellHistory) -> dict[str, Any]:
    """A row as one of the model's table, without a time that is not after the last recorded one."""
    cycle = dict(row.values) | {"cycle_number": row.number}
    latest = history.latest_start
    if "start_time" in cycle and latest is not None and cycle["start_time"] <= latest:
        del cycle["start_time"]
    return cycle


def _times(table: Table, mapping: Mapping) -> pd.Series | None:
    """The column that holds dates and times."""
    source = mapping.columns.get("moment") or mapping.columns.get("Time")
    return None if source is None or source.column not in table.cells else table.cells[source.column]


def _clock_of(table: Table, mapping: Mapping) -> str | None:
    """The clock that the times of a table decide for a cell that has none: UTC if they say their zone."""
    times = _times(table, mapping)
    if times is None:
        return None
    return UTC_CLOCK if mapping.zone is None and values.is_zoned(times) else BENCH


# --- after a restart


def resume(live: LiveTwin, wait_s: float = RESUME_AFTER_s) -> None:
    """Takes up the imports that were running when their delegate ended. For a thread of its own."""
    shape = operational_data.shape().part(IMPORTS)

    def running() -> dict[tuple[str, str], Any]:
        found: dict[tuple[str, str], Any] = {}
        for cell in live.cells():
            try:
                stored = live.client.read_element(submodel_id(cell, "OperationalData"), IMPORTS, shape) or {}
            except NotFound:
                continue
            found |= {(cell, name): v["LastUpdate"] for name, v in stored.items() if v["ImportState"] in AT_WORK}
        return found

    while True:
        try:
            first = running()
            if first:
                time.sleep(wait_s)
                again = running()
                for (cell, name), told in again.items():
                    if first.get((cell, name)) == told:
                        say(logging.INFO, "an import goes on", cell=cell, import_id=name)
                        begin(live, cell, name)
                if set(again) - {key for key, told in again.items() if first.get(key) == told}:
                    continue  # another delegate is at them: look again
            return
        except (AasError, OperationError):
            time.sleep(PATIENCE_s[2])
