"""SimulateWhatIf: how a cell would age under other conditions or with other present measurements. Writes nothing."""

from __future__ import annotations

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
from operations.cell import present_state, twin
from operations.cell.live_twin import LiveTwin
from operations.predict import CAPACITY_RANGE_AH, HIGHEST_CYCLE, Trajectory, checked_cycle
from operations.request.columns import ID_SHORT
from operations.request.edge import Inputs, Outputs, variable
from operations.request.errors import InvalidInput, Problem
from operations.request.logs import request_id

AMBIENT_RANGE_degC = (-40.0, 80.0)
DISCHARGE_CURRENT_RANGE_A = (0.1, 10.0)
CUT_OFF_VOLTAGE_RANGE_V = (1.5, 3.6)
"""What a scenario may ask of a 2 Ah Li-ion cell; the training range is narrower and reported beside the answer."""
MAXIMUM_PHASES = 50
REPLACEABLE = ("capacity_Ah", "Re_ohm", "Rct_ohm", "temperature_max_degC")


def _conditions() -> tuple[Any, Any, Any]:
    low, high = AMBIENT_RANGE_degC
    ambient = variable(None, ge=low, le=high)
    low, high = DISCHARGE_CURRENT_RANGE_A
    current = variable(None, ge=low, le=high)
    low, high = CUT_OFF_VOLTAGE_RANGE_V
    return ambient, current, variable(None, ge=low, le=high)


def _measured(column: str) -> Any:
    return variable(None, ge=COLUMNS[column].low, le=COLUMNS[column].high)


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
    Capacity: float | None = variable(None, ge=CAPACITY_RANGE_AH[0], le=CAPACITY_RANGE_AH[1])
    Re: float | None = _measured("Re_ohm")
    Rct: float | None = _measured("Rct_ohm")
    Temperature_measured: float | None = _measured("temperature_max_degC")
    EndOfLifeCapacity: float | None = variable(None, ge=CAPACITY_RANGE_AH[0], le=CAPACITY_RANGE_AH[1])
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
    RequestId: str | None = variable(None)


def simulate_what_if(live: LiveTwin, cell: str, inputs: SimulateWhatIfInputs) -> SimulateWhatIfOutputs:
    constant = (inputs.ambient_temperature, inputs.DischargeCurrent, inputs.CutOffVoltage)
    if inputs.Phases and any(value is not None for value in constant):
        allowed = "give either phases or ambient_temperature, DischargeCurrent, CutOffVoltage for the whole time"
        raise InvalidInput(Problem("Phases", "", allowed))
    history = live.history(cell)
    from_cycle = checked_cycle("FromCycle", inputs.FromCycle, history)
    simulation = live.model.simulate(
        history.for_model(present_state.stored(live, history).thresholds.soh_end_of_life),
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
        RequestId=request_id.get(),
    )
