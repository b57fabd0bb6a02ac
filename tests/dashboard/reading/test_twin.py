"""Reading with a short cache, staleness, and AAS values turned into what the views show."""

import threading
import time

import pytest

from aasx import client as aas
from aasx.elements.shape import number
from aasx.identifiers import base_iri
from aasx.submodels import curves, fleet
from dashboard.reading import twin as twin_module
from dashboard.reading.content import cycles_of, fleet_row, trend
from dashboard.reading.twin import Reading, Trouble, Twin


@pytest.fixture
def twin():
    return Twin("http://127.0.0.1:9", client=object())


def test_a_value_is_fetched_once_while_it_is_fresh(twin):
    values = iter(range(5))
    assert [twin.read(("k",), lambda: next(values), 60).value for _ in range(5)] == [0] * 5


def test_refresh_fetches_again(twin):
    values = iter((1, 2))
    assert twin.read(("k",), lambda: next(values), 60).value == 1
    twin.refresh()
    assert twin.read(("k",), lambda: next(values), 60).value == 2


def fail(error):
    def fetch():
        raise error

    return fetch


def test_the_last_known_value_is_kept_and_marked_stale(twin):
    twin.read(("k",), lambda: "known", 60)
    twin.refresh()
    reading = twin.read(("k",), fail(aas.Unreachable("gone")), 60)
    assert (reading.value, reading.stale, reading.trouble.kind) == ("known", True, "unreachable")
    assert twin.trouble.kind == "unreachable"


def test_it_recovers_by_itself(twin):
    twin.read(("k",), lambda: "known", 60)
    twin.refresh()
    assert twin.read(("k",), fail(aas.Unreachable("gone")), 60).stale
    reading = twin.read(("k",), lambda: "new", 60)
    assert (reading.value, reading.stale, twin.trouble) == ("new", False, None)


def test_without_a_known_value_the_trouble_is_raised(twin):
    with pytest.raises(Trouble) as caught:
        twin.read(("k",), fail(aas.Unreachable("gone")), 60)
    assert caught.value.kind == "unreachable"


def test_a_slow_answer_is_not_waited_for_when_a_value_is_known(twin, monkeypatch):
    monkeypatch.setattr(twin_module, "PATIENCE_S", 0.05)
    twin.read(("k",), lambda: "known", 60)
    twin.refresh()
    answered = threading.Event()
    reading = twin.read(("k",), lambda: answered.wait(30) and "new", 60)
    assert (reading.value, reading.trouble.kind) == ("known", "slow")
    answered.set()
    twin._threads.shutdown(wait=True)
    assert twin.read(("k",), fail(AssertionError("not asked again")), 60).value == "new"


def test_many_readers_of_one_value_cost_one_request(twin):
    go, fetched = threading.Event(), []

    def fetch():
        go.wait(30)
        fetched.append(1)
        return "value"

    seen = []
    readers = [threading.Thread(target=lambda: seen.append(twin.read(("k",), fetch, 60).value)) for _ in range(8)]
    for reader in readers:
        reader.start()
    go.set()
    for reader in readers:
        reader.join(30)
    assert seen == ["value"] * 8
    assert len(fetched) == 1


def test_what_is_gone_is_not_shown_any_more(twin):
    twin.read(("k",), lambda: "known", 60)
    twin.refresh()
    with pytest.raises(Trouble) as caught:
        twin.read(("k",), fail(aas.NotFound("no such cell")), 60)
    assert caught.value.kind == "missing"


def test_foreign_content_is_trouble_not_a_crash(twin):
    with pytest.raises(Trouble) as caught:
        twin.read(("k",), fail(KeyError("Cells")), 60)
    assert caught.value.kind == "unreadable"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aas.TimedOut("x"), "slow"),
        (aas.Unreachable("x"), "unreachable"),
        (aas.DelegateFailed("x"), "delegate"),
        (aas.NotFound("x"), "missing"),
        (aas.OperationFailed("conflict", "by A. at 10:00", {}), "conflict"),
        (aas.ServerFault("x"), "refused"),
    ],
)
def test_every_failure_of_the_gateway_has_a_kind(twin, error, kind):
    with pytest.raises(Trouble) as caught:
        twin.read(("k",), fail(error), 60)
    assert caught.value.kind == kind


@pytest.mark.parametrize("value", [None, "NaN", "INF", "abc", "", True, [], {}])
def test_what_is_no_finite_number_is_not_known(value):
    assert number(value) is None


def test_trend_leaves_out_what_is_no_number():
    assert trend("1:1.85 2:NaN x:1.8 3:1.83 4") == ((1, 1.85), (3, 1.83))
    assert trend(None) == ()


def test_a_row_of_the_fleet_with_nothing_known():
    row = fleet_row("New", {"Battery": "New", "AtCycle": None, "AlertSeverity": None})
    assert (row.known, row.severity, row.soh_trend()) == (False, "none", [])


CURVES = """id_cycle,type,Time,Voltage_measured,Current_measured,Temperature_measured
1,charge,0,3.5,1.5,24
1,charge,3600,4.2,1.5,25
1,discharge,10,4.2,-2,24
1,discharge,1810,3.5,-2,30
1,discharge,3610,2.7,-2,
2,impedance,0,1,1,1
x,discharge,0,1,1,1
"""


def test_curves_are_joined_charge_before_discharge_and_the_level_counted():
    cycles = cycles_of(CURVES.encode())
    assert list(cycles) == [1]
    cycle = cycles[1]
    assert cycle.parts == [(0, "charge"), (3660, "discharge")]
    assert cycle.time == sorted(cycle.time)
    assert cycle.level == [0, 1, 1, 0.5, 0]
    assert cycle.temperature[-1] is None


def test_curves_of_today_are_read_as_those_of_yesterday():
    """Today `Time` is a date and time, and the seconds stand beside it."""
    samples: list[curves.Sample] = [(1, "charge", 0.0, 3.5, 1.5, 24.0), (1, "charge", 3600.0, 4.2, 1.5, 25.0)]
    samples += [(1, "discharge", 10.0, 4.2, -2.0, 24.0), (1, "discharge", 1810.0, 3.5, -2.0, 30.0)]
    samples += [(1, "discharge", 3610.0, 2.7, -2.0, None)]
    today = curves.to_csv(samples, {1: "2008-04-02T15:25:41"})
    assert cycles_of(today.encode()) == cycles_of(CURVES.encode())


def test_no_curves():
    assert cycles_of(b"") == {}


def test_a_reading_without_trouble_is_not_stale():
    assert not Reading(1, 0.0).stale


def test_what_is_remembered_is_bounded_by_bytes(twin, monkeypatch):
    monkeypatch.setattr(twin_module, "CACHE_BYTES", 100_000)
    bounded = Twin("http://127.0.0.1:9", client=object())
    for at in range(50):
        assert len(bounded.read(("k", at), lambda: "x" * 5_000, 60).value) == 5_000
    assert 0 < len(bounded._cache) < 5
    assert len(bounded.read(("large",), lambda: "x" * 500_000, 60).value) == 500_000
    assert ("large",) not in bounded._cache and ("k", 49) in bounded._cache


def test_what_took_long_to_read_is_read_less_often(twin, monkeypatch):
    values = iter(range(5))

    def slow():
        time.sleep(0.05)
        return next(values)

    assert [twin.read(("k",), slow, 0.0).value for _ in range(3)] == [0] * 3
    twin.refresh()
    assert twin.read(("k",), slow, 0.0).value == 1


class Fleet:
    """A client whose Fleet submodel has the values it is given."""

    def __init__(self, cells):
        self.cells = cells

    def value_pages(self, submodel_id, path):
        if not isinstance(self.cells, dict):
            raise aas.BadAnswer("no JSON object")
        for name, row in self.cells.items():
            yield {name: row}

    def submodel(self, submodel_id):
        return {"Cells": self.cells, "RemovedCells": None}

    def shells(self):
        known_as = {"specificAssetIds": [{"name": "Battery", "value": "Ten"}]}
        yield {"id": f"{base_iri()}/aas/A10", "assetInformation": known_as}


def test_rows_of_the_fleet_are_worked_out_anew_when_they_change(monkeypatch):
    known = {name: None for name in fleet.CELL_SUMMARY}
    cells = {name: known | {"Battery": name, "AtCycle": "7"} for name in ("A9", "A10", "B")}
    twin = Twin("http://127.0.0.1:9", client=Fleet(cells))
    worked_out = []

    def watched(name, values, noted):
        worked_out.append(name)
        return fleet_row(name, values, noted)

    monkeypatch.setattr(twin_module, "fleet_row", watched)
    first = {row.cell: row for row in twin.fleet().value}
    assert list(first) == ["A9", "A10", "B"] == worked_out
    twin.client.cells = {"B": cells["B"] | {"AtCycle": "8"}, "A10": dict(cells["A10"])}
    twin.refresh()
    second = {row.cell: row for row in twin.fleet().value}
    assert worked_out == ["A9", "A10", "B", "B"]
    assert list(second) == ["B", "A10"] and second["A10"] is first["A10"] and second["B"] != first["B"]
    twin.client.cells = {"B": "foreign", "A10": cells["A10"] | {"AtCycle": "x"}}
    for _ in range(2):
        twin.refresh()
        told = [one.path for one in twin.fleet().foreign]
        assert {"Cells.B", "Cells.A10.AtCycle"} <= set(told), "what is foreign is told as long as it stands there"
    twin.client.cells = "foreign"
    twin.refresh()
    assert twin.fleet().value == [] and twin.fleet().foreign


def test_cells_are_in_the_order_of_their_names():
    known = {name: None for name in fleet.CELL_SUMMARY}
    cells = {name: known | {"Battery": f"Cell {name}"} for name in ("A10", "A9", "A100")}
    twin = Twin("http://127.0.0.1:9", client=Fleet(cells))
    assert twin.names() == {"A10": "Ten", "A9": "Cell A9", "A100": "Cell A100"}
    assert twin.cells() == ["A9", "A100", "A10"]
    assert twin.names() is twin.names(), "a list of ten thousand asks for each of its names"
