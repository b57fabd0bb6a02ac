"""The cycle that is running, kept in the AAS: whoever reads it there goes on where another delegate stopped.

    RunningCycle.Latest           JSON: state of the stream, the last samples, and which blocks lie before them
    RunningCycle.Discharge0_00 …  CSV: `Blocks.size` samples each, written once and named by their SHA-256 in Latest

A call writes Latest and seldom a block, however long the cycle runs; its samples are bounded by
`operations.intake.cycles.MOST_SAMPLES`.

All of it is written in one step with the LiveState that goes with it, where the AAS environment can do so. Elsewhere
Latest is written last, so it always fits its blocks: those of a phase that has just begun go into other files than
those that Latest still names. Before blocks, it is written with all the samples that go into them: then any other
writes the same blocks, if any. Of two delegates that go on from the same Latest one writes it, the other is told
`Changed` and reads anew (by the ETag of LiveState, or of Latest where that is written by itself).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import to_json

from aasx.client import AasClient, Changed, NotFound, Seen
from aasx.elements.build import collection_element
from aasx.elements.shape import Foreign
from aasx.elements.values import Json
from aasx.identifiers import submodel_id
from aasx.submodels import operational_data
from aasx.submodels.operational_data import RUNNING_CYCLE, RUNNING_LATEST_PATH
from model.records.features import SAMPLE_NAMES
from operations.intake.cycles import CellRule, Kept, SampleStream
from operations.request import deadline, remarks

BLOCK_SAMPLES = 768
"""Of a phase that begins: one call in some 13 with a minute of samples at 1 Hz writes a block."""
FIRST_BLOCK_SAMPLES = 1024
"""Of the blocks of a Latest that does not say it."""
VERSION = 1
LATEST = RUNNING_LATEST_PATH.rpartition(".")[2]
JSON = "application/json"
File = tuple[str, str, bytes]
"""A file of the running cycle: its idShort, the type of its content, the content."""
NOT_READABLE = (ValueError, LookupError, TypeError, AttributeError, UnicodeError)


@dataclass
class Blocks:
    """What of one phase lies in blocks: `turn` of its samples, which of two sets of files, SHA-256 of each block,
    number of samples in each."""

    turn: int = -1
    files: int = 0
    sha256: list[str] = field(default_factory=list)
    size: int = field(default_factory=lambda: BLOCK_SAMPLES)


@dataclass
class Running:
    """The stream of a cell. `received_at`: what LiveState says with it, so that another's writing is noticed."""

    stream: SampleStream
    ambient_temperature_degC: float | None = None
    received_at: str | None = None
    blocks: dict[str, Blocks] = field(default_factory=lambda: {"discharge": Blocks(), "charge": Blocks()})
    tag: str | None = None
    """ETag of Latest as it was read or written last by itself."""
    state_tag: str | None = None
    """ETag of the LiveState that goes with it."""

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about."""
        kept = sum(part.count for part in self.stream.kept.values()) + len(self.stream.since.curve)
        return 10_000 + 2 * 8 * len(SAMPLE_NAMES) * kept


def read(client: AasClient, cell: str, rule: CellRule) -> Running:
    """The running cycle as the AAS holds it; a new one where there is none, told where it cannot be read."""
    submodel = submodel_id(cell, "OperationalData")
    deadline.remaining_s()
    content, tag = b"", None
    with contextlib.suppress(NotFound):
        tag = client.tagged_element(submodel, RUNNING_LATEST_PATH)[1]
        content, tag = client.tagged_attachment(submodel, RUNNING_LATEST_PATH)
    found = Running(SampleStream(rule))
    if content:
        try:
            found = _restored(client, submodel, rule, json.loads(content.decode("utf-8")))
        except (*NOT_READABLE, NotFound):
            remarks.note([Foreign(RUNNING_LATEST_PATH, "not readable", "a running cycle, which begins anew")])
    found.tag = tag
    return found


def _restored(client: AasClient, submodel: str, rule: CellRule, found: dict[str, Any]) -> Running:
    if found["version"] != VERSION:
        raise ValueError("of another version")
    samples: dict[str, np.ndarray] = {}
    blocks: dict[str, Blocks] = {}
    for name, part in found["samples"].items():
        size = int(part.get("size", FIRST_BLOCK_SAMPLES))
        if size < 1:
            raise ValueError("blocks without samples")
        blocks[name] = Blocks(int(part["turn"]), int(part["files"]), [str(one) for one in part["sha256"]], size)
        rows = []
        for number, expected in enumerate(blocks[name].sha256):
            deadline.remaining_s()
            path = f"{RUNNING_CYCLE}.{_block_name(name, blocks[name].files, number)}"
            content = client.attachment(submodel, path)
            if hashlib.sha256(content).hexdigest() != expected:
                raise ValueError("a block is not the one that was written")
            rows.append(_block(content))
        rows.append(np.array(part["rows"], dtype=float).reshape(-1, len(SAMPLE_NAMES)))
        samples[name] = np.concatenate(rows)
    stream = SampleStream.restored(rule, found["stream"], samples)
    ambient = found["ambient_temperature_degC"]
    return Running(stream, None if ambient is None else float(ambient), found["received_at"], blocks)


def write(
    client: AasClient,
    cell: str,
    running: Running,
    received_at: str,
    only_while: Seen | None = None,
    in_one_step: Callable[[Json], bool] = lambda _: False,
) -> None:
    """New full blocks, and Latest. Raises Changed where somebody else has written Latest since it was read, or where
    what is to be as it was seen is not.

    `in_one_step` writes what is given, as the collection that holds it, together with what goes with it; False where
    that cannot be.
    """
    submodel, kept = submodel_id(cell, "OperationalData"), running.stream.kept
    before = {name: _continued(kept[name], running.blocks[name]) for name in kept}
    after = {name: replace(blocks, sha256=list(blocks.sha256)) for name, blocks in before.items()}
    new = [block for name in kept for block in _new_blocks(name, kept[name], after[name])]
    latest = _latest(running, after, received_at)
    files = [*new, (LATEST, JSON, latest)]
    if in_one_step(collection_element(RUNNING_CYCLE, [_with_content(*file) for file in files])):
        running.tag = None
    elif running.tag is None and running.received_at is not None:
        raise Changed(f"the running cycle of {cell} has to be read again")
    else:
        if new and running.tag is not None:
            whole = (LATEST, JSON, _latest(running, before, received_at))
            running.tag = _put(client, submodel, *whole, running.tag, only_while)
        for file in new:
            _put(client, submodel, *file)
        running.tag = _put(client, submodel, *files[-1], running.tag, only_while)
    running.blocks, running.received_at = after, received_at


def _latest(running: Running, blocks: dict[str, Blocks], received_at: str) -> bytes:
    parts = {}
    for name, kept in running.stream.kept.items():
        latest = kept.rows()[blocks[name].size * len(blocks[name].sha256) :]
        parts[name] = {"rows": latest.tolist(), **vars(blocks[name])}
    content = {
        "version": VERSION,
        "received_at": received_at,
        "ambient_temperature_degC": running.ambient_temperature_degC,
        "stream": running.stream.state(),
        "samples": parts,
    }
    return to_json(content, inf_nan_mode="null")


def _continued(kept: Kept, before: Blocks) -> Blocks:
    """The blocks there are of a phase; none of one that has begun anew."""
    if before.turn == kept.turn:
        return Blocks(kept.turn, before.files, list(before.sha256), before.size)
    return Blocks(kept.turn, 1 - before.files)


def _new_blocks(name: str, kept: Kept, found: Blocks) -> Iterator[File]:
    """The blocks that are full and not among those found, which they join."""
    while (end := found.size * (len(found.sha256) + 1)) <= kept.count:
        rows = kept.rows()[end - found.size : end]
        content = pd.DataFrame(rows, columns=list(SAMPLE_NAMES)).to_csv(index=False, lineterminator="\n").encode()
        yield _block_name(name, found.files, len(found.sha256)), "text/csv", content
        found.sha256.append(hashlib.sha256(content).hexdigest())


def _with_content(id_short: str, content_type: str, content: bytes) -> Json:
    url = f"data:{content_type};base64,{base64.b64encode(content).decode('ascii')}"
    return operational_data.running_file(id_short, content_type, url)


def _block(content: bytes) -> np.ndarray:
    """The samples of a block, to the last digit."""
    lines = content.decode("utf-8").splitlines()[1:]
    return np.array([[float(field or "nan") for field in line.split(",")] for line in lines])


def _block_name(name: str, files: int, number: int) -> str:
    return f"{name.capitalize()}{files}_{number:02d}"


def _put(
    client: AasClient,
    submodel: str,
    id_short: str,
    content_type: str,
    content: bytes,
    tag: str | None = None,
    only_while: Seen | None = None,
) -> str | None:
    """Content of a file of the running cycle, which is made where there is none yet."""
    path = f"{RUNNING_CYCLE}.{id_short}"
    filename = f"{id_short.lower()}.{'json' if content_type == JSON else 'csv'}"
    deadline.remaining_s()
    try:
        return client.put_attachment(submodel, path, filename, content, content_type, tag, only_while=only_while)
    except NotFound:
        element = operational_data.running_file(id_short, content_type, filename)
        try:
            client.append_element(submodel, RUNNING_CYCLE, element)
        except NotFound:  # of a twin that was loaded before there were running cycles
            client.append_element(submodel, None, operational_data.template(RUNNING_CYCLE))
            if id_short != LATEST:
                client.append_element(submodel, RUNNING_CYCLE, element)
        return client.put_attachment(submodel, path, filename, content, content_type)
