"""The history of a cell as one, wherever its cycles stand.

The latest some 200 are Records of the InternalSegment, older ones stand in the tables of segments of their own
(aasx.submodels.history_table). `read` gives them all, one table at a time in memory. A cycle that stands in both counts
once, as its Record says. So it is while `move_older` is at work or was cut short; and so a cycle of a table is
corrected: by adding its Record again, which a later move works into the table.

`move_older` writes tables first and takes the Records away when all of them stand there. Killed in between, it loses
and doubles nothing, and its repetition goes on from there. On a server with ETags both steps are conditional, so that
it may run while others append, correct or move.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aasx.client import AasClient, Changed, Conflict, NotFound, Refused
from aasx.elements.shape import Foreign, content_of
from aasx.elements.values import Json, with_items, with_value
from aasx.identifiers import submodel_id
from aasx.remembered import Remembered
from aasx.submodels import history_table, operational_data
from aasx.submodels.history_table import NUMBER, Texts
from aasx.submodels.operational_data import RECORDS_PATH, record_id_short, table_path_of

Record = dict[str, Any]  # idShort of the column -> Python value or None

RECORD_BYTES = 3_000
"""Of memory that a record takes, about."""

TABLE_FILE = "history.csv"
"""Also the value of a File element whose table is just being written; some servers keep it afterwards."""


@dataclass(frozen=True)
class Block:
    """A segment of older cycles. What its table holds is the same as long as the block is equal."""

    segment: str
    file: str | None
    """Value of the File element; None as long as there is no table, and the cycles are still Records."""
    count: int | None
    last_update: str | None

    @property
    def first_cycle(self) -> int:
        return history_table.first_cycle(self.segment) or 0

    @property
    def path(self) -> str:
        return table_path_of(self.segment)


def blocks(segments: Mapping[str, Any]) -> list[Block]:
    """The older cycles' segments, from the values of Segments (operational_data.history_shape), in their order."""
    found = [
        Block(name, (values["Data"] or {}).get("value") or None, values["RecordCount"], values["LastUpdate"])
        for name, values in segments.items()
        if history_table.first_cycle(name) is not None
    ]
    return sorted(found, key=lambda block: block.first_cycle)


def table(client: AasClient, cell: str, block: Block, noted: list[Foreign]) -> list[Record]:
    """The cycles of one block; none, and that is noted, where its file is gone or is no table."""
    shape = operational_data.record_shape()
    if block.file is None:
        return []
    try:
        content = client.attachment(submodel_id(cell, "OperationalData"), block.path)
        return history_table.records(history_table.from_csv(content), shape, noted, f"Segments.{block.segment}")
    except (NotFound, Refused):
        if block.file != TABLE_FILE:
            noted.append(Foreign(f"the table of {block.count} cycles at {block.path}", "", "a file"))
    except ValueError as error:
        noted.append(Foreign(block.path, str(error), "a table of cycles"))
    return []


Tables = Remembered[tuple[list[Record], list[Foreign]]]
"""Tables that were read before, by cell and block, each with what was noted of it."""


def tables(limit_bytes: int) -> Tables:
    """Room for tables to be remembered between calls of `read`."""
    return Remembered(limit_bytes, lambda kept: RECORD_BYTES * (1 + len(kept[0])))


def read(client: AasClient, cell: str, noted: list[Foreign], known: Tables | None = None) -> Iterator[Record]:
    """Every cycle that counts once, roughly in order. Tables that are `known` are not read again, nor must the records
    they give be changed. Raises NotFound when there is no such cell."""
    values = client.read_submodel(submodel_id(cell, "OperationalData"), operational_data.history_shape(), noted)
    segments = values["Segments"]
    withdrawn = operational_data.withdrawn_cycles(values["WithdrawnCycles"])
    latest = segments["InternalSegment"]["Records"].values()
    older = (_known_table(client, cell, block, noted, known) for block in blocks(segments))
    yield from (cycle for cycle in merged(older, latest) if cycle[NUMBER] not in withdrawn)


def _known_table(
    client: AasClient, cell: str, block: Block, noted: list[Foreign], known: Tables | None
) -> list[Record]:
    found = known.get((cell, block)) if known else None
    if found is None:
        foreign: list[Foreign] = []
        found = (table(client, cell, block, foreign), foreign)
        if known:
            known.keep((cell, block), found)
    noted += found[1]
    return found[0]


def merged(tables: Iterable[Iterable[Record]], records: Iterable[Record]) -> Iterator[Record]:
    """The cycles of tables and Records, those that stand in both as the Record says."""
    latest = list(records)
    numbers = {record[NUMBER] for record in latest}
    for older in tables:
        yield from (cycle for cycle in older if cycle[NUMBER] not in numbers)
    yield from latest


def record(client: AasClient, cell: str, cycle: int) -> Record:
    """One cycle, wherever it stands. Raises NotFound."""
    shape = operational_data.record_shape()
    try:
        path = f"{RECORDS_PATH}.{record_id_short(cycle)}"
        found: Record = client.read_element(submodel_id(cell, "OperationalData"), path, shape)
        return found
    except NotFound:
        for one in read(client, cell, []):
            if one[NUMBER] == cycle:
                return one
        raise


# --- moving


def move_older(client: AasClient, cell: str, known: Iterable[Block], now: str) -> bool:
    """Moves Records that are old enough, in whole blocks, and those that correct older ones. True if there were any.

    `known`: the blocks there are; `now`: xs:dateTime of the change. Raises Changed where somebody else has changed what
    was to be moved: tables and Records hold all cycles then, and the call can be repeated.
    """
    submodel = submodel_id(cell, "OperationalData")
    records, tag = client.tagged_element(submodel, RECORDS_PATH)
    movable = _movable(records)
    due = _due(client, submodel, list(known), movable)
    if not due:
        return False
    tables = {
        segment: _opened(client, submodel, segment, [movable[number][1] for number in numbers], now)
        for segment, numbers in due.items()
    }
    if tag is not None and client.tagged_element(submodel, RECORDS_PATH)[1] != tag:
        raise Changed(f"the Records of {cell} have changed just now")  # a table opened since may say more than these
    for table_ in tables.values():
        table_.write(client, submodel, now)
    moved = {number for numbers in due.values() for number in numbers}
    gone = {id(movable[number][0]) for number in moved}
    kept = [element for element in records["value"] if id(element) not in gone]
    if tag is not None:
        client.put_element(submodel, RECORDS_PATH, with_items(records, kept), tag)
    else:  # a Record that somebody appends meanwhile must not go
        for element in records["value"]:
            if id(element) in gone:
                client.delete_element(submodel, f"{RECORDS_PATH}.{element['idShort']}")
    first = next(movable[number][1] for number in movable if number not in moved)
    for name, value in {"RecordCount": len(kept), "StartTime": first.get("Time")}.items():
        client.set_value(submodel, f"Segments.InternalSegment.{name}", value)
    return True


def _movable(records: Json) -> dict[int, tuple[Json, Texts]]:
    """Element and texts of each Record that a table can hold as it is, by cycle, in order.

    Left where they are: what has no cycle number or one that stands twice, and what holds more than Properties.
    """
    found: dict[int, list[tuple[Json, Texts]]] = {}
    for element in records.get("value") or []:
        parts = element.get("value") or []
        content = content_of(element)
        number = content.get(NUMBER) if isinstance(content, dict) else None
        plain = isinstance(parts, list) and all(part.get("modelType") == "Property" for part in parts)
        if isinstance(number, str) and number.isdecimal() and int(number) > 0:
            texts = {name: text for name, text in content.items() if isinstance(text, str) and text}
            found.setdefault(int(number), []).append((element, texts if plain else {}))
    return {number: found[number][0] for number in sorted(found) if len(found[number]) == 1 and found[number][0][1]}


def _due(
    client: AasClient, submodel: str, known: list[Block], movable: Mapping[int, tuple[Json, Texts]]
) -> dict[str, list[int]]:
    """Which cycles go into which segment."""
    older = list(movable)[: -history_table.LATEST]
    due: dict[str, list[int]] = {}
    if known:
        last, _ = _stored(client, submodel, known[-1].segment)
        moved_to = max((int(cycle[NUMBER]) for cycle in last if cycle.get(NUMBER, "").isdecimal()), default=0)
        for number in older:
            if number <= moved_to:
                at = [block for block in known if block.first_cycle <= number] or known[:1]
                due.setdefault(at[-1].segment, []).append(number)
        older = [number for number in older if number > moved_to]
    whole, _ = history_table.blocks([*older, *list(movable)[-history_table.LATEST :]])
    return due | {history_table.id_short(block[0]): list(block) for block in whole}


def _stored(client: AasClient, submodel: str, segment: str) -> tuple[list[Texts], str | None]:
    """The cycles of a segment's table, none of one without, and the ETag of its File element."""
    path = table_path_of(segment)
    element, tag = client.tagged_element(submodel, path)
    if not element.get("value"):
        return [], tag
    try:
        content, tag = client.tagged_attachment(submodel, path)
    except (NotFound, Refused):
        if element["value"] != TABLE_FILE:
            raise
        return [], tag
    return history_table.from_csv(content), tag


@dataclass(frozen=True)
class _Table:
    """A table that cycles go into: what it holds, and the ETag that this has."""

    segment: str
    stored: list[Texts]
    cycles: list[Texts]
    """What the table shall say of them, whatever it says now."""
    tag: str | None
    is_new: bool

    def write(self, client: AasClient, submodel: str, now: str) -> None:
        numbers = {cycle[NUMBER] for cycle in self.cycles}
        others = [cycle for cycle in self.stored if cycle.get(NUMBER) not in numbers]
        whole = sorted([*others, *self.cycles], key=lambda cycle: int(cycle.get(NUMBER, "0")))
        if whole != self.stored:
            content, path = history_table.to_csv(whole), table_path_of(self.segment)
            client.put_attachment(submodel, path, TABLE_FILE, content, "text/csv", self.tag)
        if not self.is_new:
            for name, value in (operational_data.history_facts(whole) | {"LastUpdate": now}).items():
                client.set_value(submodel, f"Segments.{self.segment}.{name}", value)


def _opened(client: AasClient, submodel: str, segment: str, cycles: list[Texts], now: str) -> _Table:
    """The table of a segment, which is made if there is none."""
    new = with_value(operational_data.history_segment(cycles) | {"idShort": segment}, {"LastUpdate": now})
    try:
        client.append_element(submodel, "Segments", new)
        is_new = True
    except Conflict:
        is_new = False
    stored, tag = _stored(client, submodel, segment)
    return _Table(segment, stored, cycles, tag, is_new)
