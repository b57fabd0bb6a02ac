"""All operations, and how one call runs: checked, alone on its cell, in bounded time, counted, logged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from aasx.identifiers import check_cell_name
from operations.acknowledge_alert import AcknowledgeAlertInputs, AcknowledgeAlertOutputs, acknowledge_alert
from operations.acknowledge_alerts import AcknowledgeAlertsInputs, AcknowledgeAlertsOutputs, acknowledge_alerts
from operations.append_cycle import AppendCycleInputs, AppendCycleOutputs, append_cycle
from operations.append_cycles import AppendCyclesInputs, AppendCyclesOutputs, append_cycles
from operations.append_samples import AppendSamplesInputs, AppendSamplesOutputs, append_samples
from operations.cell.live_twin import LiveTwin
from operations.correct_cycle import CorrectCycleInputs, CorrectCycleOutputs, correct_cycle
from operations.import_file import ImportFileInputs, ImportFileOutputs, import_file
from operations.predict import PredictInputs, PredictOutputs, predict
from operations.predict_all import PredictAllInputs, PredictAllOutputs, predict_all
from operations.request import deadline, remarks
from operations.request.edge import Inputs, Outputs, parse
from operations.request.errors import OperationError, as_operation_error
from operations.request.logs import say
from operations.set_service_state import SetServiceStateInputs, SetServiceStateOutputs, set_service_state
from operations.set_thresholds import SetThresholdsInputs, SetThresholdsOutputs, set_thresholds
from operations.shelve_alerts import ShelveAlertsInputs, ShelveAlertsOutputs, shelve_alerts
from operations.simulate_what_if import SimulateWhatIfInputs, SimulateWhatIfOutputs, simulate_what_if

FLEET = "fleet"


@dataclass(frozen=True)
class Operation:
    """An operation of the AAS: its idShort, its path in the direct REST, types, and an input that works as example."""

    id_short: str
    path: str
    inputs: type[Inputs]
    outputs: type[Outputs]
    run: Callable[[LiveTwin, str, Any], Outputs]
    summary: str
    example: dict[str, Any]
    of_fleet: bool = False


OPERATIONS = {
    operation.id_short: operation
    for operation in (
        Operation(
            "Predict", "predict", PredictInputs, PredictOutputs, predict,
            "Predict remaining useful life and state of health; the present state is written into the AAS",
            {"ConfidenceLevel": 0.9},
        ),
        Operation(
            "SimulateWhatIf", "simulate-what-if", SimulateWhatIfInputs, SimulateWhatIfOutputs, simulate_what_if,
            "Simulate ageing under other conditions; writes nothing",
            {"HorizonCycles": 200, "ambient_temperature": 40.0, "DischargeCurrent": 2.0},
        ),
        Operation(
            "AppendCycle", "append-cycle", AppendCycleInputs, AppendCycleOutputs, append_cycle,
            "Append one measured cycle to the history; the same cycle again is acknowledged",
            {"id_cycle": 1, "Time": "2008-04-02T15:25:41.593", "ambient_temperature": 24.0, "Capacity": 1.8564874},
        ),
        Operation(
            "CorrectCycle", "correct-cycle", CorrectCycleInputs, CorrectCycleOutputs, correct_cycle,
            "Correct the values of a recorded cycle, withdraw it, or record a withdrawn one again",
            {"id_cycle": 1, "CorrectedBy": "A. Operator", "Comment": "typing error", "Capacity": 1.8565},
        ),
        Operation(
            "AppendCycles", "append-cycles", AppendCyclesInputs, AppendCyclesOutputs, append_cycles,
            "Append many finished cycles; those known are acknowledged, wrong ones rejected with the reason",
            {"CycleRows": "id_cycle,Time,Capacity\n1,2026-01-05T08:00:00,1.856\n2,2026-01-06T08:00:00,1.846\n"},
        ),
        Operation(
            "AppendSamples", "append-samples", AppendSamplesInputs, AppendSamplesOutputs, append_samples,
            "Append raw samples, any number at a time; the live state follows, and cycles that end are appended",
            {"StartTime": "2026-01-05T08:00:00", "PositiveCurrent": "charge",
             "Samples": "Time,Voltage_measured,Current_measured,Temperature_measured\n0,4.19,0,24\n10,3.9,-2,24.3\n"},
        ),
        Operation(
            "ImportFile", "import-file", ImportFileInputs, ImportFileOutputs, import_file,
            "Read the file of an import in the AAS: propose how, start, cancel or discard it",
            {"ImportId": "Import20261128T080000a1b2", "ImportAction": "propose"},
        ),
        Operation(
            "AcknowledgeAlert", "acknowledge-alert", AcknowledgeAlertInputs, AcknowledgeAlertOutputs, acknowledge_alert,
            "Acknowledge an alert by its AlertId",
            {"AlertId": "StateOfHealth-endOfLife-168", "AcknowledgedBy": "A. Operator", "Comment": "seen"},
        ),
        Operation(
            "SetThresholds", "set-thresholds", SetThresholdsInputs, SetThresholdsOutputs, set_thresholds,
            "Set the limits at which alerts are raised; those not given stay",
            {"ChangedBy": "A. Operator", "Comment": "spare cells take longer now", "RULWarning": 40.0},
        ),
        Operation(
            "SetServiceState", "set-service-state", SetServiceStateInputs, SetServiceStateOutputs, set_service_state,
            "Put a cell into service or out of it; only a cell in service raises alerts",
            {"ServiceState": "retired", "ChangedBy": "A. Operator", "Comment": "replaced"},
        ),
        Operation(
            "PredictAll", "predict-all", PredictAllInputs, PredictAllOutputs, predict_all,
            "Predict the present state of all cells",
            {"TimeBudget_s": 20.0},
            of_fleet=True,
        ),
        Operation(
            "AcknowledgeAlerts", "acknowledge-alerts", AcknowledgeAlertsInputs, AcknowledgeAlertsOutputs,
            acknowledge_alerts, "Acknowledge many alerts, of any cells, with one comment; a result for each",
            {"Alerts": [{"Battery": "B0005", "AlertId": "StateOfHealth-endOfLife-168"}],
             "AcknowledgedBy": "A. Operator", "Comment": "spares are ordered"},
            of_fleet=True,
        ),
        Operation(
            "ShelveAlerts", "shelve-alerts", ShelveAlertsInputs, ShelveAlertsOutputs, shelve_alerts,
            "Take alerts out of sight for a time; they come back by themselves",
            {"Alerts": [{"Battery": "B0005", "AlertId": "StateOfHealth-endOfLife-168"}],
             "ShelvedBy": "A. Operator", "ShelvingTime_h": 8.0, "Comment": "bench is being repaired"},
            of_fleet=True,
        ),
    )
}  # fmt: skip


def execute(live: LiveTwin, operation: Operation, cell: str, values: Callable[[], Any], caller: str) -> Outputs:
    """Runs one call. `values` gives the inputs by name when called; `caller` is "basyx" or "direct".

    Raises OperationError only, whatever happens.
    """
    started, status = time.perf_counter(), "ok"
    live.metrics.running.inc()
    try:
        deadline.start(live.settings.operation_timeout_s)
        _check_cell(operation, cell)
        inputs = parse(operation.inputs, values())
        remarks.start()
        with nullcontext() if operation.of_fleet else live.alone(cell):
            outputs = live.persistently(cell, lambda: operation.run(live, cell, inputs))
        outputs.Message = "; ".join(filter(None, (outputs.Message, remarks.told()))) or None
        return outputs
    except Exception as error:
        known = as_operation_error(error)
        status = known.status
        if known.status == "internal":
            say(logging.ERROR, "an operation failed", exc_info=error, operation=operation.id_short, cell=cell)
        elif known is not error:
            say(logging.WARNING, str(error), operation=operation.id_short, cell=cell)
        if known is error:
            raise
        raise known from error
    finally:
        seconds = time.perf_counter() - started
        live.metrics.running.dec()
        live.metrics.seconds.labels(operation.id_short).observe(seconds)
        live.metrics.operations.labels(operation.id_short, caller, status).inc()
        say(
            logging.INFO, "operation", operation=operation.id_short, cell=cell, caller=caller, status=status,
            duration_ms=round(1000 * seconds, 1),
        )  # fmt: skip


def _check_cell(operation: Operation, cell: str) -> None:
    if operation.of_fleet != (cell == FLEET):
        raise OperationError("notFound", f"{operation.id_short} is not an operation of {cell}")
    if not operation.of_fleet:
        try:
            check_cell_name(cell)
        except ValueError:
            raise OperationError("notFound", "there is no cell of this name") from None
