"""PredictAll in pages: bounded calls that go on from one another and reach every cell."""

from __future__ import annotations

import pytest

from aasx.client import OperationFailed
from aasx.identifiers import fleet_submodel_id
from tests.operations.conftest import fading


def pages(aas, **inputs):
    """Results of call after call, until there is no cursor."""
    found, cursor = [], None
    while True:
        given = inputs if cursor is None else inputs | {"Cursor": cursor}
        answer = aas.invoke(fleet_submodel_id(), "PredictAll", given, timeout_s=30)
        found.append(answer["Results"])
        if answer["NextCursor"] is None:
            return found
        assert answer["NextCursor"] != cursor, "it does not go on"
        cursor = answer["NextCursor"]


def test_calls_of_two_cells_reach_each_cell_once(new_cell, aas):
    cells = {new_cell(fading(12)).name for _ in range(5)}
    found = pages(aas, MostCells=2)
    names = [one["Battery"] for page in found for one in page]
    assert all(len(page) <= 2 for page in found) and cells <= set(names) and len(names) == len(set(names))
    assert {one["Battery"] for page in pages(aas) for one in page} == set(names)


def test_a_call_that_runs_out_of_time_is_resumed(new_cell, aas, delegate):
    cells = {new_cell(fading(12)).name for _ in range(14)}
    delegate.model.delay_s = 1.0
    try:
        found = pages(aas, TimeBudget_s=3.0)
    finally:
        delegate.model.delay_s = 0.0
    assert len(found) > 1
    done = {one["Battery"] for page in found for one in page if one["ResultStatus"] == "ok"}
    assert cells <= done


@pytest.mark.parametrize("cursor", ["x", "bm9uZQ==", "WzEsIDJd", "é"])
def test_a_cursor_that_no_call_has_given_is_refused(new_cell, aas, cursor):
    new_cell(fading(3))
    with pytest.raises(OperationFailed) as caught:
        aas.invoke(fleet_submodel_id(), "PredictAll", {"Cursor": cursor})
    assert caught.value.status == "invalidInput" and "Cursor" in caught.value.message
