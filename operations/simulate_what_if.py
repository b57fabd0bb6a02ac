"""SimulateWhatIf: how a cell would age under other conditions or with other present measurements. Writes nothing."""

from __future__ import annotations

import math
from typing import Any

from model.prediction import (
    CONFIDENCE_LEVELS,
    DEFAULT_CONFIDENCE_LEVEL,
    DEFAULT_HORIZON_CYCLES,
    MAXIMUM_HORIZON_CYCLES,
    Phase,
    Scenario,
)
from model.records.cycle import COLUMNS
from model.records.facts import LEAST_FIRST_CYCLES
from operations.cell import present_state, twin
from operations.cell.live_twin import CellHistory, LiveTwin
from operations.predict import HIGHEST_CYCLE, Trajectory, checked_capacity, checked_cycle
from operations.request.columns import ID_SHORT
from operations.request.edge import Inputs, Outputs, variable
from operations.request.errors import InvalidInput, Problem, shown
from operations.request.logs import request_id

AMBIENT_RANGE_degC = (-40.0, 80.0)
DISCHARGE_RATES_C = (0.05, 5.0)
CUT_OFF_VOLTAGE_RANGE_V = (1.5, 3.6)
"""What a scenario may ask of a Li-ion cell where its description states no limits; the training range is narrower and
reported beside the answer."""
TEMPERATURE = COLUMNS["temperature_max_degC"]
MAXIMUM_PHASES = 50
REPLACEABLE = ("capacity_Ah", "Re_ohm", "Rct_ohm", "temperature_max_degC")


def _conditions() -> tuple[Any, Any, Any]:
    low, high = AMBIENT_RANGE_degC
    ambient = variable(None, ge=low, le=high)
    return ambient, variable(None), variable(None)  # current and voltage: see `scenario_limits`


class PhaseInputs(Inputs):
    Cycles: int = variable(ge=1, le=MAXIMUM_HORIZON_CYCLES)
    ambient_temperature: float | None = _conditions()[0]
    DischargeCurrent: float | None = _conditions()[1]
    CutOffVoltage: float | None = _conditions()[2]


class SimulateWhatIfInputs(Inputs):
    FromCycle: int | None = variable(None, ge=1, le=HIGHEST_CYCLE)
    HorizonCycles: int | None = variable(None, ge=1, le=MAXIMUM_HORIZON_CYCLES)
    ambient_temperature: float | None = _conditions()[0]
    DischargeCurrent: float | None = _conditions()[1]
    CutOffVoltage: float | None = _conditions()[2]
    Phases: list[PhaseInputs] | None = variable(None, max_length=MAXIMUM_PHASES)
    Capacity: float | None = variable(None)
    Re: float | None = variable(None)
    Rct: float | None = variable(None)
    Temperature_measured: float | None = variable(None, ge=TEMPERATURE.low, le=TEMPERATURE.high)
    EndOfLifeCapacity: float | None = variable(None)
    ConfidenceLevel: float | None = variable(None, ge=CONFIDENCE_LEVELS[0], le=CONFIDENCE_LEVELS[1])


class SimulateWhatIfOutputs(Outputs):
    RUL: float | None = variable(None)
    RULLower: float | None = variable(None)
    RULUpper: float | None = variable(None)
    EndOfLifeCycle: int | None = variable(None)
    CapacityTrajectory: Trajectory | None = variable(None)
    BaselineRUL: float | None = variable(None)
    BaselineRULLower: float | None = variable(None)
    BaselineRULUpper: float | None = variable(None)
    BaselineEndOfLifeCycle: int | None = variable(None)
    BaselineTrajectory: Trajectory | None = variable(None)
    OutsideTrainingRange: bool | None = variable(None)
    OutsideTrainingRangeNames: str | None = variable(None)
    Assumptions: str | None = variable(None)
    PredictionGrade: str | None = variable(None)
    PredictionSources: str | None = variable(None)
    Siblings: str | None = variable(None)
    GuaranteedLevel: float | None = variable(None)
    RequestId: str | None = variable(None)


def check_scenario(history: CellHistory, inputs: SimulateWhatIfInputs) -> None:
    """Raises InvalidInput where the scenario asks for what this cell cannot do, or nothing is known of its rating."""
    rated_Ah = history.rated_capacity_Ah
    if not math.isfinite(rated_Ah):
        allowed = f"needs the rated capacity of the cell: describe it, or append at least {LEAST_FIRST_CYCLES} cycles"
        raise InvalidInput(Problem("FromCycle", "", allowed))
    conditions = scenario_limits(history)
    asked = [("", inputs), *((f"Phases.{place}.", phase) for place, phase in enumerate(inputs.Phases or []))]
    found = [
        Problem(
            f"{path}{name}",
            shown(value),
            f"must be a number from {low:g} to {high:g} {unit} for {history.described_as}",
        )
        for path, given in asked
        for name, (low, high, unit) in conditions.items()
        if (value := getattr(given, name)) is not None and not low <= value <= high
    ]
    measured = [(name, ID_SHORT[name]) for name in ("Re_ohm", "Rct_ohm")]
    found += [
        Problem(id_short, shown(value), f"must be a number from {low:g} to {high:g} Ω for {history.described_as}")
        for name, id_short in measured
        for low, high in [history.limits[name]]
        if (value := getattr(inputs, id_short)) is not None and not low <= value <= high
    ]
    if found:
        raise InvalidInput(*found)
    for name in ("Capacity", "EndOfLifeCapacity"):
        checked_capacity(name, getattr(inputs, name), history)


def scenario_limits(history: CellHistory) -> dict[str, tuple[float, float, str]]:
    """Lowest and highest discharge current (A) and cut-off voltage (V) at the terminals, by idShort, with the unit."""
    facts, rated_Ah = history.described.facts, history.rated_capacity_Ah
    low_C, high_C = DISCHARGE_RATES_C
    low_V, high_V = CUT_OFF_VOLTAGE_RANGE_V
    lowest_V = low_V if facts.voltage_minimum_V is None else min(low_V, facts.voltage_minimum_V)
    highest_V = high_V if facts.voltage_maximum_V is None else facts.voltage_maximum_V
    highest_A = high_C * rated_Ah
    if facts.highest_discharge_A is not None:
        highest_A = min(highest_A, facts.highest_discharge_A)
    return {
        "DischargeCurrent": (low_C * rated_Ah, highest_A, "A"),
        "CutOffVoltage": (lowest_V * facts.series_count, highest_V * facts.series_count, "V"),
    }


def simulate_what_if(live: LiveTwin, cell: str, inputs: SimulateWhatIfInputs) -> SimulateWhatIfOutputs:
    constant = (inputs.ambient_temperature, inputs.DischargeCurrent, inputs.CutOffVoltage)
    if inputs.Phases and any(value is not None for value in constant):
        allowed = "give either phases or ambient_temperature, DischargeCurrent, CutOffVoltage for the whole time"
        raise InvalidInput(Problem("Phases", "", allowed))
    history = live.history(cell)
    from_cycle = checked_cycle("FromCycle", inputs.FromCycle, history)
    check_scenario(history, inputs)
    simulation = live.simulate(
        history,
        present_state.stored(live, history).thresholds.soh_end_of_life,
        Scenario(
            from_cycle=from_cycle,
            horizon_cycles=inputs.HorizonCycles or DEFAULT_HORIZON_CYCLES,
            ambient_temperature_degC=inputs.ambient_temperature,
            discharge_current_A=inputs.DischargeCurrent,
            cut_off_voltage_V=inputs.CutOffVoltage,
            phases=[
                Phase(phase.Cycles, phase.ambient_temperature, phase.DischargeCurrent, phase.CutOffVoltage)
                for phase in inputs.Phases or []
            ],
            replaced={
                column: value for column in REPLACEABLE if (value := getattr(inputs, ID_SHORT[column])) is not None
            },
            end_of_life_capacity_Ah=inputs.EndOfLifeCapacity,
            confidence_level=inputs.ConfidenceLevel or DEFAULT_CONFIDENCE_LEVEL,
        ),
    )
    baseline = simulation.baseline
    return SimulateWhatIfOutputs(
        RUL=simulation.rul_cycles,
        RULLower=simulation.rul_lower_cycles,
        RULUpper=simulation.rul_upper_cycles,
        EndOfLifeCycle=simulation.end_of_life_cycle,
        CapacityTrajectory=Trajectory.model_validate(twin.trajectory_values(simulation)),
        BaselineRUL=baseline.rul_cycles,
        BaselineRULLower=baseline.rul_lower_cycles,
        BaselineRULUpper=baseline.rul_upper_cycles,
        BaselineEndOfLifeCycle=baseline.end_of_life_cycle,
        BaselineTrajectory=Trajectory.model_validate(twin.trajectory_values(baseline)),
        OutsideTrainingRange=bool(simulation.outside_training_range),
        OutsideTrainingRangeNames=twin.outside_names(simulation.outside_training_range),
        Assumptions="\n".join(simulation.assumptions) or None,
        **twin.grade_values(baseline),
        RequestId=request_id.get(),
    )
