"""Figures of cells of any kind: nothing is learned from the set that is judged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from model import running_capacity
from model.errors import BadRawData
from model.evaluation import kinds, kinds_report
from model.evaluation.early_life import evaluate_early_life
from model.evaluation.present_capacity import PresentCapacity, evaluate_present_capacity
from model.life.relative.pool import PoolCell
from model.records import public

pytestmark = pytest.mark.lasting


@pytest.fixture(scope="module")
def few() -> list[PoolCell]:
    """A few cells of each of four sets."""
    cells = kinds.pool_cells([])
    return [cell for name in ("HUST", "RWTH", "THU", "TJU") for cell in [c for c in cells if c.dataset == name][:14]]


@pytest.fixture(scope="module")
def judged(few: list[PoolCell]) -> kinds.KindsEvaluation:
    return kinds.evaluate_kinds(few, [cell for cell in few if cell.dataset == "THU"])


def test_a_set_is_told_by_the_others(few, judged):
    assert list(judged.sets) == ["THU"]
    shown = judged.sets["THU"]
    assert shown.cells["unseen"] == 14
    errors = [shown.unseen["error"], *(shown.siblings[n]["error"] for n in sorted(shown.siblings))]
    assert errors[1] < errors[0] and errors[-1] <= errors[1] < 0.15
    assert shown.siblings[1]["width"] < shown.unseen["width"]
    assert shown.unseen["error"] < shown.baselines["last 30 records"]["error"]


def test_cells_of_the_judged_set_among_the_training_change_nothing(few, judged):
    thu = [cell for cell in few if cell.dataset == "THU"]
    other = kinds.evaluate_kinds([cell for cell in few if cell.dataset != "THU"], thu)
    assert other.to_json() == judged.to_json()


def test_a_foreign_set_has_the_same_figures_in_json_and_tables(few):
    foreign = [replace(cell, dataset="Mine", group="Mine") for cell in few if cell.dataset == "RWTH"][:3]
    found = kinds.evaluate_kinds([cell for cell in few if cell.dataset != "RWTH"], foreign)
    written = json.loads(json.dumps(found.to_json()))
    assert set(written["sets"]["Mine"]) == {"unseen", "siblings", "known", "baselines", "cells"}
    assert set(written["mean"]) == {"unseen", "siblings", "known"} and written["mean"]["unseen"]["sets"] == 1
    assert set(written["sets"]["Mine"]["siblings"]) == {"1", "2"}
    for _, heads, rows in kinds_report.tables(found):
        assert rows and all(len(row) == len(heads) for row in rows)


def test_a_set_without_a_worn_out_cell_is_left_out(few):
    fresh = [replace(cell, dataset="Fresh", threshold=0.5) for cell in few if cell.dataset == "THU"][:2]
    found = kinds.evaluate_kinds(few, fresh)
    assert found.sets == {} and found.to_json()["mean"]["unseen"] == {}


def test_a_folder_of_tables_is_read_and_its_faults_are_named(tmp_path):
    with pytest.raises(BadRawData, match=r"cells\.csv"):
        public.read(tmp_path)
    listed = {"dataset": "Own", "cell": ["a", "b"], "rated_Ah": 3.0, "chemistry": "NMC"}
    pd.DataFrame(listed).to_csv(tmp_path / "cells.csv", index=False)
    with pytest.raises(BadRawData, match="Own"):
        public.read(tmp_path)
    cycles = np.tile(np.arange(1, 31), 2)
    capacity = 3.0 - 0.01 * cycles
    capacity[3] = 9.0  # no capacity of a 3 Ah cell
    table = pd.DataFrame({"cell": np.repeat(["a", "b"], 30), "cycle": cycles, "capacity_Ah": capacity})
    table.to_csv(tmp_path / "Own.csv.gz", index=False)
    cells = public.read(tmp_path)
    assert [len(cell.capacity_Ah) for cell in cells] == [29, 30] and cells[0].group == "Own"
    assert evaluate_early_life(tmp_path) is None
    table.drop(columns="capacity_Ah").to_csv(tmp_path / "Own.csv.gz", index=False)
    with pytest.raises(BadRawData, match="capacity_Ah"):
        public.read(tmp_path)


def test_the_projects_tables_hold_the_sets_with_clear_terms():
    cells = public.read()
    assert {cell.dataset for cell in cells} == set(public.SETS) and len(cells) == 412
    assert max(len(cell.capacity_Ah) for cell in cells) <= public.POINTS
    assert sum(path.stat().st_size for path in public.FOLDER.iterdir()) < 3_000_000


def present_capacity(cells: list[public.PublicCell]) -> PresentCapacity:
    found = evaluate_present_capacity(cells)
    assert found is not None
    return found


def test_the_present_capacity_is_told_from_what_came_before_and_beats_persistence_where_it_can():
    number, rng = np.arange(1, 301), np.random.default_rng(0)
    capacity = 3.0 - 0.001 * number + rng.normal(0, 0.005, 300)
    cells = [
        public.PublicCell("Own", name, "Own", 3.0, number, capacity, (), signals=signals)
        for name, signals in (("bare", {}), ("charged", {"charge_Ah": 1.01 * capacity}))
    ]
    alone, charged = (present_capacity([cell]).mean for cell in cells)
    assert charged["error_percent"] < 0.3 * alone["error_percent"] < 0.3 * alone["persistence_percent"]
    assert 0.85 < alone["coverage"] <= 1.0 and charged["width_percent"] < alone["width_percent"]
    both = present_capacity(cells)
    assert both.to_json()["sets"]["Own"]["cells"] == 2
    assert both.mean["error_percent"] == pytest.approx((alone["error_percent"] + charged["error_percent"]) / 2)
    title, heads, rows = kinds_report.tables(kinds.KindsEvaluation({}), present=both)[-1]
    assert "present" in title and all(len(row) == len(heads) for row in rows)
    blind = running_capacity.every_cycle(np.append(capacity, 9.0), np.arange(1, 302), np.full(301, np.nan))
    assert np.array_equal(blind[:-1], running_capacity.every_cycle(capacity, number, np.full(300, np.nan)))
    assert evaluate_present_capacity([]) is None
