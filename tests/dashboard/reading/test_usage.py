"""What the records of a cell tell beside its capacity, and how it is drawn."""

from datetime import datetime
from typing import Any

import pytest

from dashboard.components import history
from dashboard.reading import usage
from dashboard.reading.content import Forecast
from dashboard.texts.language import Language


def cycle(number: int, **values: Any) -> dict[str, Any]:
    return {"id_cycle": number, **values}


def test_throughput_and_equivalent_full_cycles_leave_out_what_was_not_measured():
    records = [cycle(1, Capacity=2.0), cycle(2, Capacity=None), cycle(4, Capacity=1.5)]
    assert usage.throughput(records) == [(1, 2.0), (4, 3.5)]
    assert usage.equivalent_full_cycles(records, 2.0) == [(1, 1.0), (4, 1.75)]
    assert usage.equivalent_full_cycles(records, None) == []


def test_energy_needs_the_voltage_of_every_cycle():
    assert usage.energy_Wh([cycle(1, Capacity=2.0, Voltage_measured=3.5)]) == 7.0
    assert usage.energy_Wh([cycle(1, Capacity=2.0, Voltage_measured=3.5), cycle(2, Capacity=2.0)]) is None


def test_an_efficiency_that_cannot_be_is_left_out():
    records = [
        cycle(1, Capacity=1.9, ChargeCapacity=0.8),  # begun with a charge that had been there
        cycle(2, Capacity=1.9, ChargeCapacity=2.0),
        cycle(3, Capacity=0.1, ChargeCapacity=2.0),
        cycle(4, Capacity=1.8, ChargeCapacity=0.0),
    ]
    assert usage.efficiency(records) == [(2, 95.0)]


def test_the_resistance_of_spectra_goes_before_that_of_the_load_step():
    records = [cycle(n, OhmicResistance=0.1, Re=0.05, Rct=0.05 + 0.01 * n) for n in range(1, 8)]
    name, values = usage.resistance(records)
    assert name == "" and values[0][1] == pytest.approx(110)
    assert usage.rise(values) == pytest.approx((160 - 120) / 120 * 100)
    assert usage.resistance([cycle(1, OhmicResistance=0.1)]) == ("OhmicResistance", [(1, 100.0)])
    assert usage.rise([(1, 100.0)]) is None


def test_the_last_day_is_counted_by_the_clock_of_the_cell():
    records = [cycle(n, Time=f"2026-01-0{1 + n // 3}T{6 * (n % 3):02d}:00:00") for n in range(1, 9)]
    day = usage.last_day(records)
    assert day and (day.before["id_cycle"], day.cycles, day.until) == (5, 3, datetime(2026, 1, 3, 12))
    mixed = usage.last_day([cycle(1, Time="2026-01-01T08:00:00Z"), cycle(2, Time="2026-01-02T09:00:00+01:00")])
    assert mixed and mixed.cycles == 1
    untimed = usage.last_day([cycle(1, Time=None), cycle(2, Time="soon")])
    assert untimed and untimed.until is None and untimed.before["id_cycle"] == 1
    assert usage.last_day(records[:1]) is None


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_plots_tell_their_numbers_and_what_is_missing(language):
    words = Language(language)
    records = [cycle(n, Capacity=2.0 - n / 100, Temperature_measured=30.0 + n) for n in range(1, 5)]
    drawn = history.plots(words, records, 2.0)
    assert words.quantity(34.0, "°C", 1) in drawn and words.quantity(7.9, "Ah", 0) in drawn
    assert drawn.count(words("usage.none")) == 2  # neither efficiency nor resistance was measured
    assert history.plots(words, [], None).count(words("usage.none")) == 5


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_last_day_is_told_with_what_is_known(language):
    words = Language(language)
    day = usage.last_day([cycle(1, Capacity=1.9), cycle(2, Capacity=1.88)])
    assert day
    told = dict(history.of_last_day(words, day, Forecast(rul=40.0), None, []))
    assert words.quantity(-0.02, "Ah", 3, signed=True) in told[words("cell.capacity.measured")]
    assert told[words("cell.rul")].startswith("— →") and told[words("day.alerts")] == words("day.alerts.none")
