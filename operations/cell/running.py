"""The cycle that is running, kept in the AAS: whoever reads it there goes on where another delegate stopped.

    RunningCycle.Latest           JSON: state of the stream, the last samples, and which blocks lie before them
    RunningCycle.Discharge0_00 …  CSV: `Blocks.size` samples each, written once and named by their SHA-256 in Latest

Latest is written last, so it always fits its blocks: those of a phase that has just begun go into other files than
those that Latest still names. A call writes Latest and seldom a block, however long the cycle runs; its samples are
bounded by `operations.intake.cycles.MOST_SAMPLES`.

Of two delegates that go on from the same Latest one writes it, the other is told `Changed` and reads anew (by ETag).
Before blocks, Latest is written with all the samples that go into them: then any other writes the same blocks, if any.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import to_json

from aasx.client import AasClient, NotFound, Seen
from aasx.elements.shape import Foreign
from aasx.identifiers import submodel_id
from aasx.submodels import operational_data
from aasx.submodels.operational_data import RUNNING_CYCLE, RUNNING_LATEST_PATH
from model.records.features import SAMPLE_NAMES
from operations.intake.cycles import CellRule, Kept, SampleStream
from operations.request import deadline, remarks

BLOCK_SAMPLES = 1536
"""Of a phase that begins: one call in some 25 with a minute of samples at 1 Hz writes a block."""
FIRST_BLOCK_SAMPLES = 1024
"""Of the blocks of a Latest that does not say it."""
VERSION = 1
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
    """ETag of Latest as it was read or written last."""

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
            content = client.attachment(submodel, _block_path(name, blocks[name].files, number))
            if hashlib.sha256(content).hexdigest() != expected:
                raise ValueError("a block is not the one that was written")
            rows.append(_block(content))
        rows.append(np.array(part["rows"], dtype=float).reshape(-1, len(SAMPLE_NAMES)))
        samples[name] = np.concatenate(rows)
    stream = SampleStream.restored(rule, found["stream"], samples)
    ambient = found["ambient_temperature_degC"]
    return Running(stream, None if ambient is None else float(ambient), found["received_at"], blocks)


def write(client: AasClient, cell: str, running: Running, received_at: str, only_while: Seen | None = None) -> None:
    """New full blocks, then Latest. Raises Changed where somebody else has written Latest since it was read, or where
    what is to be as it was seen is not."""
    submodel, kept = submodel_id(cell, "OperationalData"), running.stream.kept
    blocks = {name: _continued(kept[name], running.blocks[name]) for name in kept}
    if any(_has_new(kept[name], blocks[name]) for name in kept):
        if running.tag is not None:
            running.tag = _put_latest(client, submodel, running, blocks, received_at, only_while)
        for name in kept:
            _put_new_blocks(client, submodel, name, kept[name], blocks[name])
    running.tag = _put_latest(client, submodel, running, blocks, received_at, only_while)
    running.blocks, running.received_at = blocks, received_at


def _put_latest(
    client: AasClient,
    submodel: str,
    running: Running,
    blocks: dict[str, Blocks],
    received_at: str,
    only_while: Seen | None,
) -> str | None:
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
    written = to_json(content, inf_nan_mode="null")
    return _put(client, submodel, RUNNING_LATEST_PATH, written, "application/json", running.tag, only_while)


def _continued(kept: Kept, before: Blocks) -> Blocks:
    """The blocks there are of a phase; none of one that has begun anew."""
    if before.turn == kept.turn:
        return Blocks(kept.turn, before.files, list(before.sha256), before.size)
    return Blocks(kept.turn, 1 - before.files)


def _has_new(kept: Kept, blocks: Blocks) -> bool:
    return blocks.size * (len(blocks.sha256) + 1) <= kept.count


def _put_new_blocks(client: AasClient, submodel: str, name: str, kept: Kept, found: Blocks) -> None:
    while _has_new(kept, found):
        end = found.size * (len(found.sha256) + 1)
        rows = kept.rows()[end - found.size : end]
        content = pd.DataFrame(rows, columns=list(SAMPLE_NAMES)).to_csv(index=False, lineterminator="\n").encode()
        _put(client, submodel, _block_path(name, found.files, len(found.sha256)), content, "text/csv")
        found.sha256.append(hashlib.sha256(content).hexdigest())


def _block(content: bytes) -> np.ndarray:
    """The samples of a block, to the last digit."""
    lines = content.decode("utf-8").splitlines()[1:]
    return np.array([[float(field or "nan") for field in line.split(",")] for line in lines])


def _block_path(name: str, files: int, number: int) -> str:
    return f"{RUNNING_CYCLE}.{name.capitalize()}{files}_{number:02d}"


def _put(
    client: AasClient,
    submodel: str,
    path: str,
    content: bytes,
    content_type: str,
    tag: str | None = None,
    only_while: Seen | None = None,
) -> str | None:
    """Content of a file of the running cycle, which is made where there is none yet."""
    id_short = path.rpartition(".")[2]
    filename = f"{id_short.lower()}.{'json' if content_type == 'application/json' else 'csv'}"
    deadline.remaining_s()
    try:
        return client.put_attachment(submodel, path, filename, content, content_type, tag, only_while=only_while)
    except NotFound:
        element = operational_data.running_file(id_short, content_type, filename)
        try:
            client.append_element(submodel, RUNNING_CYCLE, element)
        except NotFound:  # of a twin that was loaded before there were running cycles
            client.append_element(submodel, None, operational_data.template(RUNNING_CYCLE))
            if id_short != RUNNING_LATEST_PATH.rpartition(".")[2]:
                client.append_element(submodel, RUNNING_CYCLE, element)
        return client.put_attachment(submodel, path, filename, content, content_type)
