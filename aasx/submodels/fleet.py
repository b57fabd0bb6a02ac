"""The fleet: a shell of its own with one submodel that sums up every cell, so that a view need not ask each cell.

The delegate of the operations writes it; nobody else. No published template fits, so all of it is our vocabulary.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from basyx.aas import model

from aasx.alerts import Alert, summary
from aasx.elements.build import administration, collection, collection_element, own_property, submodel, to_json
from aasx.elements.shape import Shape, shape_of
from aasx.elements.values import with_value
from aasx.identifiers import cell_name_of, concept_id, fleet_submodel_id
from aasx.submodels.operation_variables import ACKNOWLEDGE_ALERTS, PREDICT_ALL, SHELVE_ALERTS, operation
from aasx.vocabulary import IN_SERVICE, choices

SEMANTIC_CONCEPT = "FleetSubmodel"
CELLS_PATH = "Cells"
REMOVED_CELLS_PATH = "RemovedCells"
OUTBOX_PATH = "Outbox"
NOTIFICATION = (
    "Event", "Battery", "AlertId", "Indicator", "Severity", "ActualValue", "ThresholdValue", "AcknowledgedBy",
    "AcknowledgementComment", "EventTime",
)  # fmt: skip
FAILED_CELLS_PATH = "FailedCells"
CELL_SUMMARY = (
    "Battery", "AtCycle", "Capacity", "StateOfHealth", "StateOfHealthLower", "StateOfHealthUpper", "RUL", "RULLower",
    "RULUpper", "EndOfLifeCycle", "AlertSeverity", "UnacknowledgedAlerts", "LastUpdate", "CapacityTrend",
    "ServiceState", *(ALERTS := ("ShelvedAlertsUntil", "NewestAlertAt")),
    *(USE := ("PredictionGrade", "CellType", "CyclesPerDay", "LastCycleTime")),
)  # fmt: skip


def build(cells: Mapping[str, Mapping[str, Any]], delegate_url: str) -> model.Submodel:
    """The fleet's submodel; `cells`: cell -> values by idShort (CELL_SUMMARY), may be empty."""
    return submodel(
        fleet_submodel_id(),
        "Fleet",
        concept_id(SEMANTIC_CONCEPT),
        [
            collection("Cells", cell_summaries(cells), concept_id("Cells")),
            removed_cells(None),
            outbox(),
            collection(FAILED_CELLS_PATH, [], concept_id(FAILED_CELLS_PATH)),
            *(operation(one, delegate_url, "fleet") for one in (PREDICT_ALL, ACKNOWLEDGE_ALERTS, SHELVE_ALERTS)),
        ],
        administration("1", "0"),
        {"en": "Fleet", "fr": "Parc"},
        {"en": "Last prediction and alerts of every cell", "fr": "Dernière prédiction et alertes de chaque cellule"},
    )


def outbox() -> model.SubmodelElementCollection:
    """Notifications to be sent, each an element of its own name, so that it can be taken by one delegate only."""
    return collection(OUTBOX_PATH, [], concept_id("Outbox"))


def notification(id_short: str, known: Mapping[str, Any]) -> model.SubmodelElementCollection:
    return collection(
        id_short, [own_property(name, known.get(name)) for name in NOTIFICATION], concept_id("Notification")
    )


def taken(generation: int, by: str, until: str) -> model.SubmodelElementCollection:
    """The claim on a notification: an element of this name can be added once, so only one delegate has it."""
    parts = [own_property("TakenBy", by), own_property("TakenUntil", until)]
    return collection(f"Taken{generation}", parts, concept_id("Taken"))


@cache
def notification_shape() -> Shape:
    """What the twin expects of a notification."""
    return shape_of(to_json(notification("x", {})), choices())


def removed_cells(names: str | None) -> model.Property:
    """Cells that a person has removed, separated by blanks: loading a package does not bring them back."""
    return own_property(REMOVED_CELLS_PATH, names)


def failed_cells() -> dict:
    """JSON of the index of failed cells, empty: for each type a collection, in it a Property for each cell."""
    return to_json(collection(FAILED_CELLS_PATH, [], concept_id(FAILED_CELLS_PATH)))


def failed_cells_id_short(cell_type: str) -> str:
    """idShort of the collection of a type: what can be read of its name, and a checksum that tells like names apart."""
    return f"{cell_name_of(cell_type)[:40]}_{zlib.crc32(cell_type.encode('utf-8')):08x}"


def failed_cells_item(cell_type: str) -> dict:
    """JSON of the collection of a type, empty."""
    return to_json(collection(failed_cells_id_short(cell_type), [], concept_id("FailedCellsOfType")))


def failed_cell_item(cell: str, value: str) -> dict:
    """JSON of a failed cell in the collection of its type."""
    return to_json(own_property(cell, value, "FailedCell"))


def cell_summaries(cells: Mapping[str, Mapping[str, Any]]) -> Sequence[model.SubmodelElementCollection]:
    return [cell_summary(cell, cells[cell]) for cell in sorted(cells)]


def cell_summary(cell: str, known: Mapping[str, Any]) -> model.SubmodelElementCollection:
    row = {"Battery": cell, "AlertSeverity": "none", "UnacknowledgedAlerts": 0, "ServiceState": IN_SERVICE, **known}
    return collection(cell, [own_property(name, row.get(name)) for name in CELL_SUMMARY], concept_id("CellSummary"))


def cell_item(cell: str, display_name: str | None = None) -> dict:
    """JSON of a cell's summary of which nothing is known yet but its name."""
    return with_value(_summary_item(), {"Battery": display_name or cell}) | {"idShort": cell}


def cell_parts(cell: str, known: Mapping[str, Any]) -> dict:
    """JSON of a cell's summary with no more than these values, to come into the one that is there."""
    parts = [with_value(part, known[part["idShort"]]) for part in _summary_item()["value"] if part["idShort"] in known]
    return collection_element(cell, parts)


@cache
def _summary_item() -> dict:
    return to_json(cell_summary("cell", {}))


@cache
def summary_shape() -> Shape:
    """What the twin expects of a cell's summary."""
    whole = shape_of(cell_item("cell"), choices())
    for name in ("ServiceState", *ALERTS, *USE):  # not in twins of before
        whole = whole.with_part(name, replace(whole.part(name), optional=True))
    return whole


@cache
def shape() -> Shape:
    """What the twin expects of the fleet's submodel: any number of summaries."""
    built = to_json(build({}, ""))
    kept = [element for element in built["submodelElements"] if element["idShort"] != OUTBOX_PATH]
    whole = shape_of(built | {"submodelElements": kept}, choices())
    return whole.with_part(CELLS_PATH, replace(whole.part(CELLS_PATH), every=summary_shape()))


def summary_of(prediction: Mapping[str, Any], in_service: bool = True) -> dict[str, Any]:
    """The summary of a cell from the values of its Prediction submodel, read by prediction.shape."""
    details = prediction["PredictionDetails"]
    health = prediction["StateOfHealthPrediction"]
    alerts = [Alert.of(values) for values in prediction["ActiveAlerts"]]
    return {
        **{name: details[name] for name in ("AtCycle", "Capacity", "RUL", "RULLower", "RULUpper", "EndOfLifeCycle")},
        "PredictionGrade": details["PredictionGrade"],
        **{name: health[name] for name in ("StateOfHealth", "StateOfHealthLower", "StateOfHealthUpper")},
        **summary(alerts, 0, in_service, datetime.now(UTC)),
        "LastUpdate": details["PredictedAt"],
    }
