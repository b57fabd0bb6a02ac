"""Failed cells as siblings of others of their type: an index of them in the Fleet submodel, their histories remembered.

    Fleet.FailedCells.<type>.<cell> = "<end-of-life cycle> <its bench time>"

Each failed cell owns one Property, so that two delegates never write the same element; whoever asks for the siblings
of a type reads one small collection. A cell enters when its prediction says that it is past its end of life, and leaves
when it is not any more. Which of them may speak of a cell is the model's rule (`admitted` in
model/life/relative/siblings.py); here only as many as can matter are read, the last ones that failed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aasx.client import AasClient, AasError, Conflict, NotFound
from aasx.identifiers import fleet_submodel_id
from aasx.remembered import Remembered
from aasx.submodels import fleet
from model.life.relative.siblings import MOST_SIBLINGS
from model.prediction import PAST_END_OF_LIFE, Prediction
from model.records.facts import NASA_CELL_TYPE
from operations.cell import twin
from operations.request import deadline
from operations.request.errors import OperationError

if TYPE_CHECKING:
    from operations.cell.live_twin import CellHistory


class Siblings:
    """The failed cells of the twin by type. Thread-safe.

    `read` gives the history of a cell as the AAS holds it; one that is not `fresh` any more is read anew. `remembered`
    keeps them.
    """

    def __init__(
        self,
        client: AasClient,
        read: Callable[[str], CellHistory],
        fresh: Callable[[CellHistory], bool],
        remembered: Remembered[CellHistory],
    ) -> None:
        self._client, self._read, self._fresh, self._remembered = client, read, fresh, remembered
        self._marked: dict[str, str | None] = {}

    def of(self, history: CellHistory) -> list[CellHistory]:
        """The failed cells of a cell's type that failed last, the cell itself and its origin left out."""
        kind = type_of(history)
        if kind is None:
            return []
        index = self._index(kind)
        apart = {history.cell, history.replay_of, twin.training_cell(history.cell)}
        last = sorted((when, cell) for cell, when in index.items() if cell not in apart)[-MOST_SIBLINGS:]
        return [found for _, cell in last if (found := self._history(cell)) is not None]

    def mark(self, history: CellHistory, prediction: Prediction) -> None:
        """Bring the index up to what a prediction after the last cycle says of the cell."""
        kind = type_of(history)
        if kind is None or is_replay(history):
            return
        failed = prediction.status == PAST_END_OF_LIFE and prediction.end_of_life_cycle is not None
        value = _entry(history, prediction) if failed else None
        if history.cell in self._marked and self._marked[history.cell] == value:
            return
        path = f"{fleet.FAILED_CELLS_PATH}.{fleet.failed_cells_id_short(kind)}"
        deadline.remaining_s()
        if value is not None:
            self._put(kind, path, fleet.failed_cell_item(history.cell, value))
        elif history.cell in self._index(kind):
            with contextlib.suppress(NotFound):
                self._client.delete_element(fleet_submodel_id(), f"{path}.{history.cell}")
        self._marked[history.cell] = value

    def forget(self, cell: str) -> None:
        """The history of a cell is not what it was."""
        self._remembered.drop(cell)

    def _put(self, kind: str, path: str, item: dict[str, Any]) -> None:
        submodel = fleet_submodel_id()
        with contextlib.suppress(NotFound):
            self._client.put_element(submodel, f"{path}.{item['idShort']}", item)
            return
        for parent, element in (
            (path, item),
            (fleet.FAILED_CELLS_PATH, fleet.failed_cells_item(kind)),
            (None, fleet.failed_cells()),
            (fleet.FAILED_CELLS_PATH, fleet.failed_cells_item(kind)),
            (path, item),
        ):
            try:
                self._client.append_element(submodel, parent, element)
                if element is item:
                    return
            except (NotFound, Conflict):
                continue

    def _index(self, kind: str) -> dict[str, str]:
        """Failed cells of a type: when they failed, as text that sorts by time."""
        path = f"{fleet.FAILED_CELLS_PATH}.{fleet.failed_cells_id_short(kind)}"
        deadline.remaining_s()
        try:
            found = self._client.element_value(fleet_submodel_id(), path)
        except NotFound:
            return {}
        if not isinstance(found, dict):
            return {}
        return {cell: str(value).partition(" ")[2] for cell, value in found.items() if isinstance(value, str)}

    def _history(self, cell: str) -> CellHistory | None:
        known = self._remembered.get(cell)
        if known is not None and self._fresh(known):
            return known
        try:
            read = self._read(cell)
        except (AasError, OperationError):  # removed, or not to be read just now: the others speak
            return None
        self._remembered.keep(cell, read)
        return read


def type_of(history: CellHistory) -> str | None:
    """The type by which a cell has siblings; None without one, and for NASA's, which have models of their own."""
    kind = history.described.facts.cell_type
    return None if kind == NASA_CELL_TYPE else kind


def is_replay(history: CellHistory) -> bool:
    """Whether the cell lives again what another has lived."""
    return history.replay_of is not None or twin.training_cell(history.cell) != history.cell


def _entry(history: CellHistory, prediction: Prediction) -> str:
    """End-of-life cycle and its bench time (empty where it was not recorded)."""
    rows = history.cycles[history.cycles["cycle_number"] == prediction.end_of_life_cycle]
    when = twin.plain(rows["start_time"].iloc[0]) if len(rows) else None
    return f"{prediction.end_of_life_cycle} {when or ''}"
