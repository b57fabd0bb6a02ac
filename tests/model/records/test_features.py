from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import InvalidInput
from model.records.cycle import COLUMNS
from model.records.facts import CellFacts
from model.records.features import (
    SAMPLE_NAMES,
    Samples,
    Scale,
    charge_features,
    cycle_features,
    discharge_features,
)
from tests.model.raw_files import CHARGE_A, LOAD_A, charge_samples, discharge_samples


def vectors(samples: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [samples[name] for name in SAMPLE_NAMES]


def test_discharge_of_a_straight_line() -> None:
    capacity = 1.8
    found = cycle_features(discharge_samples(capacity))
    loaded_s = capacity / LOAD_A * 3600
    # voltage falls from 4.0 V to 2.7 V in a straight line over the loaded time
    charge_per_volt = capacity / 1.3
    assert found["capacity_Ah"] == pytest.approx(capacity, rel=5e-3)
    assert found["voltage_mean_V"] == pytest.approx(3.35, abs=1e-3)
    assert found["current_mean_A"] == -LOAD_A
    assert found["discharge_current_A"] == LOAD_A
    assert found["duration_s"] == pytest.approx(loaded_s + 10)
    assert found["voltage_drop_V"] == pytest.approx(4.2 - (4.0 - 1.3 * 10 / loaded_s))
    assert found["ohmic_resistance_ohm"] == pytest.approx(found["voltage_drop_V"] / LOAD_A)
    assert found["temperature_rise_K"] == pytest.approx(10.0)
    assert found["temperature_max_degC"] == pytest.approx(34.0)
    assert found["voltage_300s_V"] == pytest.approx(4.0 - 1.3 * 290 / loaded_s, abs=1e-6)
    assert found["charge_3V8_3V6_Ah"] == pytest.approx(0.2 * charge_per_volt, rel=1e-3)
    assert found["charge_3V7_3V5_Ah"] == pytest.approx(0.2 * charge_per_volt, rel=1e-3)
    assert found["charge_to_3V5_Ah"] == pytest.approx(0.5 * charge_per_volt, rel=2e-2)
    assert set(found) <= set(COLUMNS)


def test_charge_of_a_straight_line_and_an_exponential() -> None:
    cc_s, tau_s = 3000.0, 800.0
    found = cycle_features(discharge_samples(1.8), charge_samples(cc_s, tau_s))
    # above 1.4 A the charger counts as constant current: a little of the decay belongs to it
    off_s = cc_s + math.floor(tau_s * math.log(CHARGE_A / 1.4) / 5) * 5
    current_off = CHARGE_A * math.exp(-(off_s - cc_s) / tau_s)
    assert found["cc_charge_Ah"] == pytest.approx(CHARGE_A * off_s / 3600, rel=5e-3)
    assert found["charge_time_3V9_4V0_s"] == pytest.approx(0.1 / 0.7 * cc_s, abs=5)
    assert found["charge_time_4V0_4V1_s"] == pytest.approx(0.1 / 0.7 * cc_s, abs=5)
    assert found["cv_time_0A5_s"] == pytest.approx(tau_s * math.log(current_off / 0.5), abs=5)
    assert found["cv_current_1000s_A"] == pytest.approx(current_off * math.exp(-1000 / tau_s), rel=1e-2)
    assert found["charge_Ah"] == pytest.approx(found["cc_charge_Ah"] + found["cv_charge_Ah"])
    assert found["charge_since_previous_Ah"] == found["charge_Ah"]


@pytest.mark.parametrize(("rated_Ah", "top_V"), [(0.05, 4.2), (1.1, 3.6), (280.0, 3.65)])
def test_constant_current_ends_where_the_cells_own_voltage_curve_says_so(rated_Ah: float, top_V: float) -> None:
    """Half an hour at C/2 from 80 % of the top voltage straight up, then a decay: of a coin cell as of a pack's."""
    scale = Scale.of(CellFacts(chemistry="LFP"), rated_Ah)
    time_s, current_A = np.arange(0.0, 4000.0, 5.0), rated_Ah / 2
    rising = time_s <= 1800.0
    charge = {
        "Time": time_s,
        "Voltage_measured": np.where(rising, top_V * (0.8 + 0.2 * time_s / 1800.0), top_V),
        "Current_measured": np.where(rising, current_A, current_A * np.exp(-(time_s - 1800.0) / 600.0)),
        "Temperature_measured": np.full_like(time_s, 25.0),
    }
    discharge = charge | {"Current_measured": np.full_like(time_s, -current_A)}
    found = cycle_features(discharge, charge, scale)
    put_in = current_A * 1800.0 / 3600.0
    assert found["cc_charge_Ah"] == pytest.approx(0.99 * put_in, rel=5e-3)
    assert found["charge_Ah"] == pytest.approx(found["cc_charge_Ah"] + found["cv_charge_Ah"])
    assert found["capacity_Ah"] == pytest.approx(current_A * time_s[-1] / 3600.0, rel=5e-3)


def test_many_cycles_together_give_what_each_gives_alone() -> None:
    discharges = [vectors(discharge_samples(capacity)) for capacity in (1.9, 1.2, 0.01, 1.5)]
    charges = [vectors(charge_samples(cc_s)) for cc_s in (3000.0, 60.0, 1500.0)]
    for together, cycles in ((discharge_features, discharges), (charge_features, charges)):
        many = together(Samples.of(cycles))
        for i, cycle in enumerate(cycles):
            alone = together(Samples.of([cycle]))
            for name, values in many.items():
                np.testing.assert_allclose(values[i], alone[name][0], rtol=1e-9, err_msg=name)


def test_samples_without_a_number_are_left_out() -> None:
    clean = discharge_samples(1.8)
    dirty = {name: values.copy() for name, values in clean.items()}
    dirty["Voltage_measured"][50] = np.nan
    dirty["Current_measured"][80] = np.inf
    expected, found = cycle_features(clean), cycle_features(dirty)
    assert found["capacity_Ah"] == pytest.approx(expected["capacity_Ah"])
    assert found["charge_3V7_3V5_Ah"] == pytest.approx(expected["charge_3V7_3V5_Ah"], rel=1e-3)


def test_what_a_discharge_does_not_show_is_absent() -> None:
    short = discharge_samples(0.05)  # 90 s
    found = cycle_features(short)
    assert "voltage_300s_V" not in found and "voltage_600s_V" not in found
    resting = discharge_samples(1.8)
    resting["Current_measured"] = np.zeros_like(resting["Time"])
    assert "voltage_mean_V" not in cycle_features(resting)


def test_a_window_is_absent_when_the_voltage_was_below_it_from_the_first() -> None:
    low = discharge_samples(1.0)
    low["Voltage_measured"] = np.minimum(low["Voltage_measured"], 3.4)
    found = cycle_features(low)
    assert "charge_3V8_3V6_Ah" not in found and "charge_3V7_3V5_Ah" not in found


@pytest.mark.parametrize(
    "table",
    [
        {"Time": [0.0, 1.0]},
        {name: [1.0, 2.0] for name in SAMPLE_NAMES},
        {name: [np.nan] * 50 for name in SAMPLE_NAMES},
        {name: ["x"] * 50 for name in SAMPLE_NAMES},
        pd.DataFrame(),
    ],
)
def test_unusable_samples_are_refused(table: object) -> None:
    with pytest.raises(InvalidInput):
        cycle_features(table)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=0, max_size=60))
def test_no_samples_whatever_crash_it(rows: list[tuple[float, ...]]) -> None:
    table = pd.DataFrame(rows, columns=list(SAMPLE_NAMES), dtype=float)
    try:
        found = cycle_features(table, table)
    except InvalidInput:
        return
    assert all(math.isfinite(value) for value in found.values())
