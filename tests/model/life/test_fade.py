from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.life.fade import (
    MEDIAN,
    RECENT_MINIMUM,
    FadeRecord,
    PAUSE_h,
    SMALLEST_RATE_Ah,
    fade_rate_Ah,
    fade_rate_exponent,
    recent_median,
    recent_minimum_Ah,
    trailing_median,
)
from tests.model.made_up import history

capacities = st.lists(st.floats(0.1, 2.1), min_size=1, max_size=40).map(np.array)


@settings(deadline=None)
@given(capacities, st.integers(1, 7))
def test_trailing_median_is_the_median_of_the_last_values(values, length):
    expected = [np.median(values[max(0, i - length + 1) : i + 1]) for i in range(len(values))]
    np.testing.assert_allclose(trailing_median(values, length), expected)


measurements = st.lists(st.floats(0.1, 2.1) | st.just(np.nan) | st.just(np.inf), min_size=1, max_size=20).map(np.array)


@settings(deadline=None)
@given(measurements, st.integers(1, 6))
def test_recent_median_is_the_median_of_the_known_ones_among_the_last_values(values, length):
    places = np.arange(len(values))
    windows = [values[max(0, place - length + 1) : place + 1] for place in places]
    medians = [np.median(known) if len(known := part[np.isfinite(part)]) else np.nan for part in windows]
    expected = np.array(medians, dtype=float)
    found = recent_median(np.stack([values, -values]), places, length)
    np.testing.assert_allclose(found, np.stack([expected, -expected]))
    np.testing.assert_array_equal(recent_median(values[None, :], places[-1:], length)[:, 0], found[:1, -1])


@settings(deadline=None)
@given(capacities, capacities)
def test_levels_and_rate_know_only_the_past(past, future):
    longer = np.concatenate((past, future))
    one, two = (FadeRecord.of(history("C", capacity)) for capacity in (past, longer))
    for signal in (RECENT_MINIMUM, MEDIAN):
        np.testing.assert_array_equal(one.level_Ah(signal), two.level_Ah(signal)[: len(past)])
    np.testing.assert_allclose(one.rate_Ah, two.rate_Ah[: len(past)], rtol=1e-9, atol=1e-12)


def test_fade_rate_leaves_out_recovery_across_a_pause():
    capacity = 1.9 - 0.005 * np.arange(40)
    capacity[20:] += 0.08  # what a long rest gave back
    rest = np.full(40, 3.0)
    assert fade_rate_Ah(capacity, rest)[-1] < 0.003
    rest[20] = PAUSE_h + 1
    assert fade_rate_Ah(capacity, rest)[-1] == pytest.approx(0.005)


def test_fade_rate_is_unknown_at_first_and_never_below_the_smallest():
    rate = fade_rate_Ah(np.linspace(1.5, 1.9, 10), np.full(10, 3.0))
    assert np.isnan(rate[:3]).all()
    assert (rate[3:] == SMALLEST_RATE_Ah).all()


def test_a_missing_rest_counts_as_no_pause():
    capacity = 1.9 - 0.005 * np.arange(10)
    assert fade_rate_Ah(capacity, np.full(10, np.nan))[-1] == pytest.approx(0.005)


def test_recent_minimum_keeps_low_through_a_recovery_but_not_through_an_aborted_test():
    recovered = np.array([1.60, 1.58, 1.56, 1.66, 1.65])
    assert recent_minimum_Ah(recovered)[-1] == 1.56
    aborted = np.array([1.81, 1.81, 1.39, 1.82, 1.81])
    assert recent_minimum_Ah(aborted)[-1] == 1.81


def test_recent_minimum_follows_a_lasting_fall():
    assert recent_minimum_Ah(np.array([1.8, 1.8, 1.2, 1.2, 1.2]))[-1] == 1.2


def test_crossing_is_the_first_cycle_below():
    record = FadeRecord.of(history("C", np.array([1.5, 1.39, 1.45, 1.3])))
    assert record.crossing(1.4) == 2
    assert record.crossing(1.0) is None


def test_curve_never_rises():
    record = FadeRecord.of(history("C", np.array([1.8, 1.7, 1.75, 1.6, 1.65, 1.5])))
    for signal in (RECENT_MINIMUM, MEDIAN):
        assert (np.diff(record.curve_Ah(signal)) <= 0).all()


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_exponent_finds_the_law_that_made_the_cells(exponent):
    records = []
    for rate in (2e-3, 4e-3, 8e-3, 16e-3):
        steps = np.concatenate((np.full(10, rate), np.full(16, 4e-3 * (rate / 4e-3) ** exponent)))
        made = history(f"C{rate}", 2.0 - np.cumsum(steps), ambient_temperature_degC=24.0, discharge_current_A=2.0)
        records.append(FadeRecord.of(made))
    found, error = fade_rate_exponent(records)
    assert found == pytest.approx(exponent, abs=0.1)
    assert error < 0.1


def test_exponent_without_cells_is_the_stated_prior():
    assert fade_rate_exponent([]) == (1 / 3, 0.15)


def test_record_survives_json():
    record = FadeRecord.of(history("C", np.array([1.9, 1.8, 1.7, 1.6]), np.array([np.nan, 3.0, 9.0, 3.0])))
    again = FadeRecord.from_state(json.loads(json.dumps(record.to_state())))
    np.testing.assert_array_equal(again.capacity_Ah, record.capacity_Ah)
    np.testing.assert_array_equal(again.rate_Ah, record.rate_Ah)
