"""Dates at the present pace, comparison with siblings, and how the fleet's table tells both."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.page import Page
from dashboard.reading import outlook
from dashboard.reading.content import FleetRow, fleet_row
from dashboard.reading.twin import Twin
from dashboard.texts.language import Language
from dashboard.views import fleet

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALIVE = FleetRow("A", 10, 1.8, 90.0, rul=40.0, rul_lower=20.0, rul_upper=80.0, cycles_per_day=4.0,
                 last_cycle_at=NOW - timedelta(hours=3))  # fmt: skip


def changed(**values: Any) -> FleetRow:
    return FleetRow(**(vars(ALIVE) | values))


def test_a_remaining_life_becomes_dates_at_the_present_pace():
    end = outlook.end_of(ALIVE, NOW)
    assert end and ALIVE.last_cycle_at and (end.days, end.why) == (10.0, "")
    assert end.day == ALIVE.last_cycle_at + timedelta(days=10)
    assert (end.earliest, end.latest) == tuple(ALIVE.last_cycle_at + timedelta(days=d) for d in (5, 20))
    faster = outlook.end_of(ALIVE, NOW, pace=8.0)
    assert faster and faster.days == 5.0


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"last_cycle_at": datetime(2008, 5, 1)}, "bench"),
        ({"last_cycle_at": NOW - timedelta(days=3)}, "idle"),
        ({"rul": 1e6}, "far"),
    ],
)
def test_where_there_is_no_date_the_reason_is_told(values, why):
    end = outlook.end_of(changed(**values), NOW)
    assert end and (end.day, end.why) == (None, why)
    for language in ("en", "fr"):
        assert Language(language).has(f"end.{why}")


@pytest.mark.parametrize("values", [{"rul": None}, {"rul": 0.0}, {"cycles_per_day": None}, {"last_cycle_at": None}])
def test_without_pace_or_end_nothing_is_said(values):
    assert outlook.end_of(changed(**values), NOW) is None


def test_a_slow_cell_is_not_at_rest_between_two_cycles():
    end = outlook.end_of(changed(cycles_per_day=0.5, last_cycle_at=NOW - timedelta(days=15)), NOW)
    assert end and end.why == ""


def fading(cell: str, per_cycle: float, cycles: int = 100, cell_type: str = "T") -> FleetRow:
    trend = tuple((k, 2.0 * (1 - per_cycle * k)) for k in range(1, cycles + 1, 5))
    last = trend[-1][1]
    return FleetRow(cell, cycles, last, last / 2 * 100, trend=trend, cell_type=cell_type)


def test_a_cell_apart_from_its_siblings_is_marked():
    rows = [fading(f"C{n}", 0.001 + n * 1e-5) for n in range(6)]
    compared = {row.cell: row for row in outlook.among_siblings([*rows, fading("Odd", 0.003)])}
    assert [cell for cell, row in compared.items() if row.outlier] == ["Odd"]
    assert compared["Odd"].gap == pytest.approx(-19, abs=1) and compared["C3"].gap == pytest.approx(0, abs=1)


def test_too_few_siblings_and_cells_of_no_type_are_not_compared():
    demo = outlook.among_siblings([*(fading(f"C{n}", 0.001) for n in range(6)), fading("Demo_1", 0.003)])
    assert demo[-1].gap is None and demo[0].gap is not None
    few = [fading(f"C{n}", 0.001 * (n + 1)) for n in range(outlook.LEAST_SIBLINGS)]
    none = [fading(f"N{n}", 0.001 * (n + 1), cell_type="") for n in range(9)]
    assert all(row.gap is None and not row.outlier for row in outlook.among_siblings([*few, *none]))


def test_groups_come_by_size_and_those_of_no_type_last():
    rows = [FleetRow("A"), FleetRow("B"), FleetRow("C", cell_type="x"), *(FleetRow(n, cell_type="y") for n in "DE")]
    assert list(outlook.by_type(rows)) == ["y", "x", ""]
    assert outlook.loss_per_100_cycles(fading("A", 0.001)) == pytest.approx(10.0)
    assert outlook.loss_per_100_cycles(FleetRow("A")) is None


def test_the_fleet_opens_on_what_is_in_service_and_filters():
    rows = [FleetRow("A"), FleetRow("B", service="testEnded"), FleetRow("C", service="retired", outlier=True)]
    assert [[row.cell for row in fleet.of_scope(rows, scope)] for scope in fleet.SCOPES] == [
        ["A"], ["B", "C"], ["A", "B", "C"]]  # fmt: skip
    assert [row.cell for row in fleet.pick(rows, "", "outlier", "name")] == ["C"]
    assert [row.cell for row in fleet.pick([*rows, FleetRow("D", cell_type="x")], "", "all", "name", "x")] == ["D"]


def test_a_twin_of_before_has_all_its_cells_in_service():
    assert fleet_row("A", {}).service == "inService"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_table_tells_dates_grades_and_outliers(language):
    words = Language(language)
    page = Page(Twin("http://127.0.0.1:9", client=object()), words)
    row = changed(grade="validated", gap=-7.25, outlier=True, cell_type="<b>", service="testEnded",
                  last_cycle_at=datetime.now(UTC))  # fmt: skip
    drawn = "".join((fleet.state_cell(page, row), fleet.health_cell(page, row), fleet.life_cell(page, row, 100),
                     fleet.end_cell(page, row, outlook.end_of(row, datetime.now(UTC)))))  # fmt: skip
    said = [words("grade.short.validated"), words("service.testEnded"), words.number(-7.2, 1, signed=True),
            words.day(datetime.now(UTC) + timedelta(days=10)), words.number(4.0, 1)]  # fmt: skip
    assert all(one in drawn for one in said)
    assert "<b>" not in fleet.types_table(page, [row])
