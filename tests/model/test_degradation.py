from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import degradation
from model.degradation import PRIOR_ONLY, SUPPORTED, Conditions, Degradation
from model.errors import InvalidInput
from model.prediction import Phase, Scenario
from model.records import data
from tests.model import made_up

ROOM = Conditions(24.0, 2.0, 2.7)


@pytest.fixture(scope="module")
def equation() -> Degradation:
    return Degradation.fit(list(data.histories().values()))


def ratio(equation: Degradation, new: Conditions, present: Conditions = ROOM) -> float:
    return math.exp(equation.log_ratio(new, present)[0])


def test_cold_is_supported_and_agrees_with_the_cells_that_changed_temperature(equation: Degradation) -> None:
    assert equation.parameters["cold_activation_energy_kJ_mol"].support == SUPPORTED
    segments = degradation.fade_segments([data.history(cell) for cell in ("B0042", "B0043", "B0044")])
    observed = []
    for _, rows in segments.groupby("cell"):
        room, cold = rows.iloc[0], rows.iloc[-1]
        assert (room["ambient_temperature_degC"], cold["ambient_temperature_degC"]) == (22, 4)
        observed.append(math.exp(cold["ln_k"] - room["ln_k"]))
    others = [history for cell, history in data.histories().items() if cell not in ("B0042", "B0043", "B0044")]
    unseen = ratio(Degradation.fit(others), Conditions(4, 1, 2.2), Conditions(22, 2, 2.2))
    assert 0.8 * min(observed) < unseen < 1.25 * max(observed)


def test_what_the_cells_cannot_tell_is_called_prior(equation: Degradation) -> None:
    assert equation.parameters["depth_per_V"].support == PRIOR_ONLY
    sentences = equation.support(Conditions(45.0, 2.0, 2.2), ROOM)
    assert len(sentences) == 2
    assert all(PRIOR_ONLY in sentence for sentence in sentences)
    assert sentences[0].startswith("ambient_temperature_degC 24 -> 45")


def test_intervals_hold_their_value_and_no_effect_is_negative(equation: Degradation) -> None:
    for parameter in equation.parameters.values():
        assert 0 <= parameter.low <= parameter.value <= parameter.high
    assert 0.3e-3 < equation.fade_per_Ah < 2e-3


temperatures = st.floats(-20, 60)
currents = st.floats(0.1, 8)
voltages = st.floats(2.0, 3.6)


@given(temperatures, temperatures, currents, currents, voltages, voltages)
def test_never_slower_further_from_room_temperature_with_more_current_or_deeper(
    equation: Degradation, t1: float, t2: float, i1: float, i2: float, v1: float, v2: float
) -> None:
    room = degradation.REFERENCE_TEMPERATURE_K - degradation.KELVIN
    milder, harsher = sorted((t1, t2), key=lambda t: abs(t - room))
    if (milder - room) * (harsher - room) >= 0:
        assert ratio(equation, replace(ROOM, ambient_temperature_degC=harsher)) >= ratio(
            equation, replace(ROOM, ambient_temperature_degC=milder)
        )
    assert ratio(equation, replace(ROOM, discharge_current_A=max(i1, i2))) >= ratio(
        equation, replace(ROOM, discharge_current_A=min(i1, i2))
    )
    assert ratio(equation, replace(ROOM, cut_off_voltage_V=min(v1, v2))) >= ratio(
        equation, replace(ROOM, cut_off_voltage_V=max(v1, v2))
    )


def test_no_change_is_ratio_one_without_uncertainty(equation: Degradation) -> None:
    assert equation.log_ratio(ROOM, ROOM) == (0.0, 0.0)


def test_conditions_outside_what_the_cells_saw_are_named(equation: Degradation) -> None:
    assert equation.outside(ROOM) == []
    assert equation.outside(Conditions(55.0, 6.0, 2.7)) == ["ambient_temperature_degC", "discharge_current_A"]


def test_state_goes_through_json(equation: Degradation) -> None:
    again = Degradation.from_state(json.loads(json.dumps(equation.to_state())))
    assert again == equation


def test_present_conditions_are_those_of_the_last_cycles() -> None:
    history = data.history("B0042")
    assert degradation.present_conditions(history, 30).ambient_temperature_degC == 22
    late = degradation.present_conditions(history, 110)
    assert late.ambient_temperature_degC == 4 and late.discharge_current_A == pytest.approx(1.0, abs=0.02)


PHASES = [Phase(10), Phase(20), Phase(5)]
LOG_RATIOS = [math.log(2.0), math.log(0.5), math.log(3.0)]


def test_wear_adds_up_over_phases() -> None:
    worn = degradation.equivalent_cycles(PHASES, LOG_RATIOS, np.array([0.0, 5.0, 10.0, 30.0, 35.0, 50.0]))
    assert worn == pytest.approx([0.0, 10.0, 20.0, 30.0, 45.0, 90.0])


@given(st.floats(0, 200))
def test_cycles_for_is_the_inverse_of_equivalent_cycles(worn: float) -> None:
    cycles = degradation.cycles_for(PHASES, LOG_RATIOS, worn)
    assert float(degradation.equivalent_cycles(PHASES, LOG_RATIOS, np.array([cycles]))[0]) == pytest.approx(worn)


@pytest.mark.parametrize(
    ("scenario", "field"),
    [
        (Scenario(horizon_cycles=0), "horizon_cycles"),
        (Scenario(horizon_cycles=20_001), "horizon_cycles"),
        (Scenario(ambient_temperature_degC=200.0), "ambient_temperature_degC"),
        (Scenario(discharge_current_A=0.0), "discharge_current_A"),
        (Scenario(cut_off_voltage_V=math.nan), "cut_off_voltage_V"),
        (Scenario(phases=[Phase(0)]), "phases.cycles"),
        (Scenario(phases=[Phase(10, ambient_temperature_degC=math.inf)]), "ambient_temperature_degC"),
        (Scenario(phases=[Phase(10)], discharge_current_A=1.0), "phases"),
        (Scenario(replaced={"charge_Ah": 1.0}), "replaced"),
        (Scenario(replaced={"capacity_Ah": -1.0}), "capacity_Ah"),
    ],
)
def test_scenarios_that_make_no_sense_are_refused(scenario: Scenario, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        degradation.check_scenario(scenario, made_up.straight("A", 0.003))
    assert refused.value.field == field
