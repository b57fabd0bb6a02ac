"""A cell with more cycles than stay Records: older ones move into tables while it is appended to."""

from __future__ import annotations

import dataclasses
import random
import sys
import threading

import pytest
import requests

from aasx import history, transfer
from aasx.packages.package import Package, environment_of
from aasx.shell import CellDescription, build_cell, cell_files
from aasx.submodels import history_table
from aasx.submodels.operational_data import RECORDS_PATH, history_shape
from operations.cell import live_twin
from tests.operations.conftest import Cell, cycle, fading, records, serve
from tests.operations.faulty_proxy import FaultyProxy
from tests.servers import Server, free_port

LONG = fading(400, start_Ah=1.9, per_cycle_Ah=0.001)
SEGMENTS = "Segments.InternalSegment"


@pytest.fixture
def blocks_of_twenty(monkeypatch):
    """So that a block is whole soon."""
    for module in (history_table, live_twin):
        monkeypatch.setattr(module, "BLOCK", 20)
        monkeypatch.setattr(module, "LATEST", 20)


def in_records(cell: Cell) -> list[int]:
    return [one["id_cycle"] for one in cell.value(RECORDS_PATH, "OperationalData").values()]


def whole(cell: Cell) -> list[float]:
    """Capacities of all cycles in their order, each cycle once."""
    rows = sorted(history.read(cell.aas, cell.name, []), key=lambda row: row["id_cycle"])
    assert [row["id_cycle"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["Capacity"] for row in rows]


def test_older_cycles_move_when_a_block_is_whole(new_cell, delegate):
    cell = new_cell(LONG[:399])
    assert cell.append(400, LONG[399])["RecordCount"] == 400 and len(in_records(cell)) == 400
    answer = cell.append(401, 1.5)
    assert answer["RecordCount"] == 401 and answer["RecordPath"] == f"{RECORDS_PATH}.Record0401"
    assert in_records(cell) == list(range(201, 402)) and whole(cell) == [*LONG, 1.5]
    segment = cell.value(SEGMENTS, "OperationalData")
    assert segment["RecordCount"] == 201 and segment["StartTime"] == cycle(201, 1.0)["Time"]
    assert cell.value("LiveState.id_cycle", "OperationalData") == 401
    assert delegate.live.history(cell.name).complete
    assert cell.value("PredictionDetails")["InputFirstCycle"] == 1


def test_operations_see_one_history_remembered_or_read_anew(new_cell, delegate):
    cell = new_cell(LONG)
    cell.append(401, 1.5)
    remembered = cell.invoke("Predict")
    past = cell.invoke("Predict", AtCycle=150)
    for block in delegate.live.history(cell.name).blocks:
        delegate.live._tables.drop((cell.name, block))
    delegate.live.forget(cell.name)
    for name in ("RUL", "StateOfHealth", "CapacityTrajectory", "PredictedAtCycle"):
        assert cell.invoke("Predict")[name] == remembered[name]
        assert cell.invoke("Predict", AtCycle=150)[name] == past[name]
    as_records = new_cell([*LONG, 1.5])
    assert as_records.invoke("Predict")["RUL"] == remembered["RUL"]


def test_a_moved_cycle_sent_again_is_acknowledged_or_refused_as_any_other(new_cell):
    cell = new_cell(LONG)
    cell.append(401, 1.5)
    again = cell.append(7, LONG[6])
    assert again["Outcome"] == "alreadyPresent" and again["RecordPath"] == "Segments.History0001.Data"
    assert cell.aas.attachment(cell.operational_data, again["RecordPath"]).count(b"\n") == 201
    assert cell.refused("AppendCycle", **cycle(7, 1.0)).status == "conflict"


def test_a_moved_cycle_is_corrected_withdrawn_and_recorded_again(new_cell, blocks_of_twenty):
    cell = new_cell(LONG[:40])
    cell.append(41, 1.5)
    assert in_records(cell) == list(range(21, 42))
    who = {"id_cycle": 7, "CorrectedBy": "A. Operator", "Comment": "wrong counter"}

    def of_seven() -> list[float]:
        return [row["Capacity"] for row in history.read(cell.aas, cell.name, []) if row["id_cycle"] == 7]

    assert cell.invoke("CorrectCycle", **who, Capacity=1.7)["Outcome"] == "corrected"
    assert of_seven() == [1.7] and cell.invoke("Predict", AtCycle=7)["StateOfHealth"] == pytest.approx(85)
    assert cell.invoke("CorrectCycle", **who, Withdrawn=True)["RecordCount"] == 40
    assert of_seven() == []
    assert cell.invoke("CorrectCycle", **who, Capacity=1.75, ambient_temperature=24.0)["Outcome"] == "restored"
    assert of_seven() == [1.75]
    for number in range(42, 62):
        assert cell.append(number, 1.5)["RecordCount"] == number
    assert 7 not in in_records(cell) and len(in_records(cell)) == 21 and of_seven() == [1.75]
    assert whole(cell) == [*LONG[:6], 1.75, *LONG[7:40], *[1.5] * 21]


def test_a_cell_built_with_tables_is_appended_to(new_cell, aas, delegate):
    cell = new_cell()
    rows = records(LONG + [1.45] * 250)
    description = CellDescription(cell=cell.name, source="test", rated_capacity_Ah=2.0, cut_off_voltage_V=2.7)
    built = build_cell(description, rows, delegate_url=delegate.url, older_in_tables=True)
    transfer.import_package(aas, Package(environment_of(built), cell_files(description, None, rows)), replace=True)
    delegate.live.forget(cell.name)
    assert cell.append(651, 1.44)["RecordCount"] == 651
    assert whole(cell) == [*LONG, *[1.45] * 250, 1.44]
    assert len(in_records(cell)) == 251


@pytest.fixture(scope="module")
def proxy(basyx):
    running = FaultyProxy(basyx.url)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def behind(proxy, settings):
    running = serve(dataclasses.replace(settings, basyx_url=proxy.url, aas_timeout_s=1.0, operation_timeout_s=6.0))
    yield running
    running.stop()


@pytest.mark.parametrize("fault", ["cut before", "cut after", "error 500"])
@pytest.mark.parametrize(
    "write",
    [("PUT", "History0001.Data"), ("PUT", "/attachment"), ("DELETE", "Record0010"),
     ("PATCH", "InternalSegment.StartTime")],
    ids=lambda write: " ".join(write),
)  # fmt: skip
def test_a_move_that_fails_keeps_no_cycle_from_being_appended(new_cell, behind, proxy, blocks_of_twenty, fault, write):
    cell = new_cell(LONG[:40], delegate_url=behind.url)
    with proxy.failing(fault, *write):
        first = cell.append(41, 1.5)
    assert first["RecordCount"] == 41 and whole(cell) == [*LONG[:40], 1.5]
    for number in range(42, 63):
        cell.append(number, 1.5)
    assert whole(cell) == [*LONG[:40], *[1.5] * 22]
    values = cell.aas.read_submodel(cell.operational_data, history_shape())["Segments"]
    assert values["InternalSegment"]["RecordCount"] == len(in_records(cell)) < 40
    assert {block.count for block in history.blocks(values)} == {20}


def test_a_delegate_with_little_memory_works_as_with_much(new_cell, other_settings):
    small = serve(other_settings(memory_bytes=1))
    try:
        cell = new_cell(fading(20), delegate_url=small.url)
        assert cell.append(21, 1.5)["RecordCount"] == 21
        assert cell.invoke("Predict")["RUL"] == cell.invoke("Predict")["RUL"]
        assert small.live.metrics.history_reads.labels("reused")._value.get() == 0
    finally:
        small.stop()


KILLS = 20
SLOW_MOVER = """
import signal, sys, time
from aasx import history
from aasx.client import AasClient
from aasx.submodels import history_table
from operations.cell import live_twin
from operations.request.settings import Settings
from tests.operations.conftest import serve
for module in (history_table, live_twin):
    module.BLOCK = module.LATEST = 5
live_twin.LiveTwin._with_room.__defaults__ = (1,)  # after every append
moving = []
def move_slowly(*arguments, move=history.move_older):
    print("a move begins", flush=True)
    moving.append(None)
    moved = move(*arguments)
    moving.clear()
    print("a move has ended", flush=True)
    return moved
history.move_older = move_slowly
for name in ("put_attachment", "put_element", "set_value", "append_element"):
    def slowly(*arguments, write=getattr(AasClient, name), **named):
        time.sleep(0.4 if moving else 0)
        done = write(*arguments, **named)
        time.sleep(0.4 if moving else 0)
        return done
    setattr(AasClient, name, slowly)
serve(Settings(basyx_url=sys.argv[1], aas_timeout_s=30.0, operation_timeout_s=60.0), int(sys.argv[2]))
signal.pause()
"""


@pytest.mark.long
def test_a_delegate_killed_while_it_moves_blocks_loses_and_doubles_nothing(new_cell, aas, tmp_path):
    """Small blocks and slow moves: many kills meet one, before, between or after its steps."""
    random.seed(14)
    cell, acknowledged, cut, last = new_cell(fading(9, 1.9, 0.001)), 9, 0, 9
    for kill in range(KILLS):
        port = free_port()
        command = [sys.executable, "-c", SLOW_MOVER, aas.base_url, str(port)]
        url = f"http://127.0.0.1:{port}"
        delegate = Server(command, url, "/health/live", tmp_path / f"{kill}.log", {"OMP_NUM_THREADS": "1"}, 120)
        timer = threading.Timer(random.uniform(0.2, 8.0), delegate.kill)
        timer.start()
        while True:
            body = cycle(last + 1, round(1.9 - 0.001 * last, 6))
            try:
                answer = requests.post(f"{url}/api/cells/{cell.name}/append-cycle", json=body, timeout=60).json()
            except requests.RequestException:
                break
            assert answer["Status"] == "ok", answer
            last = acknowledged = last + 1
        timer.join()
        capacities = whole(cell)
        assert len(capacities) in (acknowledged, acknowledged + 1), kill
        assert capacities == fading(len(capacities), 1.9, 0.001)
        log = delegate.log.read_text()
        cut += log.count("begins") > log.count("ended")
        last = acknowledged = len(capacities)
    segments = cell.value("Segments", "OperationalData")
    moved = [name for name in segments if history_table.first_cycle(name)]
    print(f"{KILLS} kills, {cut} of them in a move; {acknowledged} cycles, {len(moved)} blocks, none lost or doubled")
    assert len(moved) >= 2 and cut >= 3
