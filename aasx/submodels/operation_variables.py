"""The operations of the twin: inputs, outputs, and the AAS Operation elements that declare them.

Each operation is an Operation element at the top level of its submodel (nested ones break `$value` of BaSyx). BaSyx
hands an invocation over to the delegate named in the qualifier `invocationDelegation`; the URL ends in
/delegation/<cell>/<operation>, so the delegate knows which twin called.

Every operation answers `Status` ("ok" or an error code) and `Message` first, for BaSyx drops the body of an HTTP error.
Inputs and outputs of one operation must not share an idShort (AASd-134), hence AtCycle (in) and PredictedAtCycle (out).
Whether an input is required is not in the metamodel: the qualifier `Cardinality` (One, ZeroToOne) says so, and the
description, which forms of generic clients show. Lists hold one item without value, so that strict servers accept them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from basyx.aas import model

from aasx.elements.build import (
    Texts,
    collection,
    collection_list,
    concept_qualifier,
    list_item,
    own_property,
    property_,
    reference,
    value_list,
)
from aasx.identifiers import concept_id
from aasx.vocabulary import CONCEPTS, LONG, RECORD_COLUMNS

DELEGATION = "invocationDelegation"  # type of the qualifier in which BaSyx looks for the delegate's URL
RECORD_COUNT_SEMANTIC_ID = "https://admin-shell.io/idta/TimeSeries/Segment/RecordCount/1/1"  # IDTA 02008-1-1


@dataclass(frozen=True)
class Variable:
    """An input or output. `concept` where it is not the idShort; `items` for a list of collections.

    `trajectory` marks a collection of the lists Cycle, Capacity, CapacityLower and CapacityUpper.
    """

    id_short: str
    required: bool = False
    concept: str | None = None
    item_concept: str | None = None
    items: tuple["Variable", ...] = ()
    trajectory: bool = False


@dataclass(frozen=True)
class OperationDefinition:
    name: str
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]


def _variables(names: str, required: bool = False) -> tuple[Variable, ...]:
    return tuple(Variable(name, required) for name in names.split())


STATUS = _variables("Status Message")
RUL = _variables("RUL RULLower RULUpper")
STATE_OF_HEALTH = _variables("StateOfHealth StateOfHealthLower StateOfHealthUpper")
CONDITIONS = _variables("ambient_temperature DischargeCurrent CutOffVoltage")
DRIVERS = Variable("Drivers", item_concept="Driver", items=_variables("Feature FeatureValue FeatureUnit Effect"))
SIMILAR_CELLS = Variable("SimilarCells", item_concept="SimilarCell", items=_variables("Battery Weight"))
GRADE = _variables("PredictionGrade PredictionSources Siblings GuaranteedLevel")
REQUEST_ID = Variable("RequestId")

PREDICT = OperationDefinition(
    "Predict",
    inputs=_variables("AtCycle ConfidenceLevel EndOfLifeCapacity"),
    outputs=(
        *STATUS, *RUL, *STATE_OF_HEALTH, *_variables("EndOfLifeCycle PredictedAtCycle"),
        Variable("CapacityTrajectory", trajectory=True), DRIVERS, SIMILAR_CELLS,
        *_variables("ModelVersion ModelHash ModelKind OutsideTrainingRange OutsideTrainingRangeNames"),
        *_variables("PredictionStatus"), *GRADE, *_variables("PredictedAt"), REQUEST_ID,
    ),
)  # fmt: skip

SIMULATE_WHAT_IF = OperationDefinition(
    "SimulateWhatIf",
    inputs=(
        *_variables("FromCycle HorizonCycles"), *CONDITIONS,
        Variable("Phases", item_concept="Phase", items=(Variable("Cycles"), *CONDITIONS)),
        *_variables("Capacity Re Rct Temperature_measured"),  # replace present measurements
        *_variables("EndOfLifeCapacity ConfidenceLevel"),
    ),
    outputs=(
        *STATUS, *RUL, Variable("EndOfLifeCycle"), Variable("CapacityTrajectory", trajectory=True),
        *_variables("BaselineRUL BaselineRULLower BaselineRULUpper BaselineEndOfLifeCycle"),
        Variable("BaselineTrajectory", trajectory=True),
        *_variables("OutsideTrainingRange OutsideTrainingRangeNames Assumptions"), *GRADE, REQUEST_ID,
    ),
)  # fmt: skip

_COMPUTED_COLUMNS = ("StateOfHealth", "type")  # of the record; never given by the caller
_CYCLE = Variable("id_cycle", required=True)
_COLUMNS = tuple(
    Variable(column.id_short, concept=column.concept.id)
    for column in RECORD_COLUMNS
    if column.id_short not in (*_COMPUTED_COLUMNS, "id_cycle")
)
_STATE = (Variable("RecordCount"), *STATE_OF_HEALTH, *RUL, Variable("AlertsRaised"))
"""The cell after what was done."""

APPEND_CYCLE = OperationDefinition(
    "AppendCycle",
    inputs=(_CYCLE, *_COLUMNS, *_variables("DischargeSamples ChargeSamples")),
    outputs=(*STATUS, *_STATE, *_variables("RecordPath Outcome"), REQUEST_ID),
)

CORRECT_CYCLE = OperationDefinition(
    "CorrectCycle",
    inputs=(_CYCLE, *_variables("CorrectedBy Comment", required=True), Variable("Withdrawn"), *_COLUMNS),
    outputs=(*STATUS, *_STATE, *_variables("Outcome CorrectedAt"), REQUEST_ID),
)

ENDED_CYCLES = Variable(
    "EndedCycles",
    item_concept="EndedCycle",
    items=(
        Variable("id_cycle"), Variable("Time", concept="CycleStartTime"), *_variables("Capacity CycleOutcome Reason"),
        Variable("CycleRemarks"),
    ),
)  # fmt: skip
_OF_CYCLES = (*_STATE, *_variables("CyclesAppended CyclesPresent CyclesRejected"), ENDED_CYCLES)

APPEND_CYCLES = OperationDefinition(
    "AppendCycles",
    inputs=(Variable("CycleRows", required=True),),
    outputs=(*STATUS, *_OF_CYCLES, REQUEST_ID),
)

APPEND_SAMPLES = OperationDefinition(
    "AppendSamples",
    inputs=(
        Variable("Samples", required=True),
        *_variables("StartTime ambient_temperature PositiveCurrent EndOfData"),
    ),
    outputs=(
        *STATUS, *_OF_CYCLES, *_variables("SamplesTaken SamplesNotLater SamplesUnusable"),
        *_variables("SampleTime CellPhase StateOfCharge FullChargeAge"), REQUEST_ID,
    ),
)  # fmt: skip

IMPORT_FILE = OperationDefinition(
    "ImportFile",
    inputs=(Variable("ImportId", required=True), *_variables("ImportAction ImportMapping")),
    outputs=(*STATUS, *_variables("ImportState ProposedMapping ImportPreview"), REQUEST_ID),
)

ACKNOWLEDGE_ALERT = OperationDefinition(
    "AcknowledgeAlert",
    inputs=(*_variables("AlertId AcknowledgedBy", required=True), Variable("Comment")),
    outputs=(*STATUS, *_variables("AlertState AcknowledgedAt"), REQUEST_ID),
)

_MANY_ALERTS = Variable("Alerts", True, item_concept="AlertAddress", items=_variables("Battery AlertId", required=True))
_ALERT_RESULTS = Variable(
    "AlertResults",
    item_concept="AlertResult",
    items=_variables("Battery AlertId ResultStatus ResultMessage AlertState"),
)
ACKNOWLEDGE_ALERTS = OperationDefinition(
    "AcknowledgeAlerts",
    inputs=(_MANY_ALERTS, Variable("AcknowledgedBy", required=True), Variable("Comment")),
    outputs=(*STATUS, _ALERT_RESULTS, REQUEST_ID),
)

SHELVE_ALERTS = OperationDefinition(
    "ShelveAlerts",
    inputs=(_MANY_ALERTS, *_variables("ShelvedBy ShelvingTime_h", required=True), Variable("Comment")),
    outputs=(*STATUS, _ALERT_RESULTS, Variable("ShelvedUntil"), REQUEST_ID),
)

SET_THRESHOLDS = OperationDefinition(
    "SetThresholds",
    inputs=(
        Variable("ChangedBy", required=True),
        *_variables("Comment RULWarning RULCritical SoHWarning SoHCritical SoHEndOfLife"),
        *_variables("TemperatureWarning TemperatureCritical"),
    ),
    outputs=(*STATUS, Variable("ChangedAt"), REQUEST_ID),
)

SET_SERVICE_STATE = OperationDefinition(
    "SetServiceState",
    inputs=(*_variables("ServiceState ChangedBy", required=True), Variable("Comment")),
    outputs=(*STATUS, Variable("ChangedAt"), REQUEST_ID),
)

PREDICT_ALL = OperationDefinition(
    "PredictAll",
    inputs=_variables("TimeBudget_s MostCells Cursor"),
    outputs=(
        *STATUS,
        Variable(
            "Results",
            item_concept="CellResult",
            items=(*_variables("Battery ResultStatus ResultMessage"), *RUL, Variable("StateOfHealth")),
        ),
        *_variables("NextCursor"),
        REQUEST_ID,
    ),
)

OPERATIONS = {
    definition.name: definition
    for definition in (
        PREDICT,
        SIMULATE_WHAT_IF,
        APPEND_CYCLE,
        CORRECT_CYCLE,
        APPEND_CYCLES,
        APPEND_SAMPLES,
        IMPORT_FILE,
        ACKNOWLEDGE_ALERT,
        SET_THRESHOLDS,
        SET_SERVICE_STATE,
        PREDICT_ALL,
        ACKNOWLEDGE_ALERTS,
        SHELVE_ALERTS,
    )
}


RANGES: dict[str, tuple[float, float]] = {
    "AtCycle": (1, 1_000_000),
    "FromCycle": (1, 1_000_000),
    "id_cycle": (1, 1_000_000),
    "HorizonCycles": (1, 20_000),
    "Cycles": (1, 20_000),
    "ConfidenceLevel": (0.5, 0.99),
    "SoHWarning": (1, 105),
    "SoHCritical": (1, 105),
    "SoHEndOfLife": (1, 105),
    "TemperatureWarning": (-40, 150),
    "TemperatureCritical": (-40, 150),
    "TimeBudget_s": (0.1, 300),
    "MostCells": (1, 1000),
    "ShelvingTime_h": (0, 720),
}
"""What an input may be, where that does not depend on the cell; the delegate checks it."""


def delegation_url(delegate_url: str, cell: str, operation: str) -> str:
    """Where BaSyx sends an invocation; `cell` is "fleet" for the operations of the fleet."""
    return f"{delegate_url.rstrip('/')}/delegation/{cell}/{operation}"


def operation(definition: OperationDefinition, delegate_url: str, cell: str) -> model.Operation:
    """The Operation element of `cell`."""
    concept = CONCEPTS[definition.name]
    return model.Operation(
        definition.name,
        input_variable=[variable_element(variable, is_input=True) for variable in definition.inputs],
        output_variable=[variable_element(variable) for variable in definition.outputs],
        semantic_id=reference(concept_id(definition.name)),
        description=model.MultiLanguageTextType({"en": concept.definition_en, "fr": concept.definition_fr}),
        qualifier=[concept_qualifier(DELEGATION, delegation_url(delegate_url, cell, definition.name))],
    )


def variable_element(variable: Variable, is_input: bool = False) -> model.SubmodelElement:
    """The element that declares a variable, without values; a list holds one item that shows what its items are."""
    concept = variable.concept or variable.id_short
    qualifiers = [concept_qualifier("Cardinality", "One" if variable.required else "ZeroToOne")] if is_input else []
    common: dict[str, Any] = {"qualifiers": qualifiers, "description": explained(variable, is_input)}
    if variable.trajectory:
        empty = {name: (None,) for name in ("Cycle", "Capacity", "CapacityLower", "CapacityUpper")}
        return trajectory(variable.id_short, empty, **common)
    if variable.items:
        assert variable.item_concept is not None
        item_concept = concept_id(variable.item_concept)
        shown = list_item([variable_element(part, is_input) for part in variable.items], item_concept)
        return collection_list(variable.id_short, [shown], concept_id(concept), item_concept, **common)
    if concept == "RecordCount":
        return property_("RecordCount", LONG, None, RECORD_COUNT_SEMANTIC_ID, **common)
    return own_property(variable.id_short, None, concept, **common)


def explained(variable: Variable, is_input: bool) -> Texts | None:
    """What a form shows beside the field: meaning, unit, whether it must be given, and the allowed range."""
    concept = CONCEPTS.get(variable.concept or variable.id_short)
    if concept is None:
        return None
    unit = f" [{concept.unit}]" if concept.unit not in (None, "1") else ""
    texts = {"en": concept.definition_en + unit, "fr": concept.definition_fr + unit}
    if is_input:
        said = ("required", "obligatoire") if variable.required else ("optional", "facultatif")
        texts = {language: f"{text}; {word}" for (language, text), word in zip(texts.items(), said, strict=True)}
        if variable.id_short in RANGES:
            low, high = RANGES[variable.id_short]
            texts = {"en": f"{texts['en']}; from {low} to {high}", "fr": f"{texts['fr']} ; de {low} à {high}"}
    return texts


def trajectory(
    id_short: str, points: Mapping[str, Sequence[float | None]], **common: Any
) -> model.SubmodelElementCollection:
    """Predicted capacity over cycles: four lists of equal length (Cycle; Capacity, CapacityLower, CapacityUpper Ah)."""
    return collection(
        id_short,
        [
            value_list("Cycle", points.get("Cycle", ()), "TrajectoryCycle"),
            value_list("Capacity", points.get("Capacity", ()), "TrajectoryCapacity"),
            value_list("CapacityLower", points.get("CapacityLower", ()), "CapacityLower"),
            value_list("CapacityUpper", points.get("CapacityUpper", ()), "CapacityUpper"),
        ],
        concept_id(id_short),
        **common,
    )
