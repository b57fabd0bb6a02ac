"""Submodel Prediction: IDTA 02048-1-0, Predictive Maintenance, with the parts the template does not know.

    RemainingUsefulLifePrediction    the template: RUL, interval, boundary conditions, model, pre-alerts
    StateOfHealthPrediction          own; exact bounds, for the template has RUL only
    PredictionDetails                own; exact values of the last prediction and where they come from
    CapacityTrajectory, Drivers, SimilarCells
    SoHThresholds, TemperatureThresholds, ThresholdChange    (the RUL thresholds are the template's ListPreAlerts)
    ActiveAlerts, AlertHistory       own; the template has no acknowledgement
    Predict, SimulateWhatIf, AcknowledgeAlert, SetThresholds    operations

Misspelt idShorts (RemainingUsfulLifeDateTime) and semanticIds (PreAlerts for one pre-alert) are the template's own and
are kept. What is not known has no value; an empty list has no value either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from basyx.aas import model

from aasx.cell_description import CellDescription
from aasx.elements import values
from aasx.elements.build import (
    VALUE_ORIGIN,
    Texts,
    administration,
    collection,
    collection_list,
    double_range,
    list_item,
    own_property,
    property_,
    reference,
    reference_element,
    submodel,
    submodel_reference,
    to_json,
    value_origin,
)
from aasx.elements.shape import Shape, mended, shape_of
from aasx.elements.values import OPEN_HIGH, OPEN_LOW
from aasx.identifiers import concept_id, submodel_id
from aasx.submodels import ai_model_nameplate
from aasx.submodels.operation_variables import (
    ACKNOWLEDGE_ALERT,
    PREDICT,
    SET_THRESHOLDS,
    SIMULATE_WHAT_IF,
    operation,
    trajectory,
)
from aasx.vocabulary import CONCEPTS, choices, concept_names

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/PredictiveMaintenance/1/0"
TEMPLATE_ID = SEMANTIC_ID  # the template file has no administration; this is the id it gives itself

# Thresholds a new twin starts with; SetThresholds changes them. Those of the remaining life: cell_description.
SOH_WARNING_MARGIN_PERCENT = 10.0  # above the end of life, at most half of the way to 100 %; critical: half of that
FOLLOWS_LIFE = "followsPredictedLife"  # ValueOrigin of a threshold that is a share of the predicted life
DEFAULT_TEMPERATURE_WARNING_degC, DEFAULT_TEMPERATURE_CRITICAL_degC = 55.0, 60.0

# idShorts of the collections, each a concept of our vocabulary
STATE_OF_HEALTH_PREDICTION = ("StateOfHealth", "StateOfHealthLower", "StateOfHealthUpper", "PredictedAt")
PREDICTION_DETAILS = (
    "AtCycle", "RUL", "RULLower", "RULUpper", "EndOfLifeCycle", "EndOfLifeCapacity", "ConfidenceLevel", "Capacity",
    "ModelVersion", "ModelHash", "ModelKind", "InputFirstCycle", "InputLastCycle", "OutsideTrainingRange",
    "OutsideTrainingRangeNames", "PredictionStatus", "PredictionGrade", "PredictionSources", "Siblings",
    "GuaranteedLevel", "PredictedAt",
)  # fmt: skip
DRIVER = ("Feature", "FeatureValue", "FeatureUnit", "Effect")
SIMILAR_CELL = ("Battery", "Weight")
ALERT = (
    "AlertId", "Indicator", "Severity", "ThresholdValue", "ActualValue", "AlertState", "RaisedAt", "AcknowledgedAt",
    "AcknowledgedBy", "AcknowledgementComment", "ClearedAt", "ShelvedUntil", "ShelvedBy", "ShelvingComment",
)  # fmt: skip

BOUNDARY_CONDITIONS_PATH = "RemainingUsefulLifePrediction.ListRULBoundaryConditions"
# Conditions whose training range is always listed, also while no model is known.
BOUNDARY_CONDITIONS = ("StateOfHealth", "ambient_temperature", "DischargeCurrent")

OPEN_ENDS_EN = f"{OPEN_LOW} and {OPEN_HIGH} stand for open ends"
OPEN_ENDS_FR = f"{OPEN_LOW} et {OPEN_HIGH} : bornes ouvertes"

Values = Mapping[str, Any]


def build(
    description: CellDescription,
    delegate_url: str,
    prediction: Values | None = None,
    training_range: Mapping[str, tuple[float, float, float, float]] | None = None,
) -> model.Submodel:
    """The prediction of a cell.

    `prediction`: values nested by idShort as in the submodel, e.g. {"PredictionDetails": {"RUL": 42.0}}; None for a
    cell that was never predicted. `training_range`: idShort -> (lowest, highest, mean, standard deviation).
    """
    cell = description.cell
    known = prediction or {}
    end_of_life_percent = description.used_end_of_life_percent
    margin_percent = min(SOH_WARNING_MARGIN_PERCENT, (100.0 - end_of_life_percent) / 2)
    return submodel(
        submodel_id(cell, "Prediction"),
        "Prediction",
        SEMANTIC_ID,
        [
            _remaining_useful_life_prediction(
                known.get("RemainingUsefulLifePrediction") or {}, training_range or {}, description
            ),
            _own_collection(
                "StateOfHealthPrediction", STATE_OF_HEALTH_PREDICTION, known.get("StateOfHealthPrediction") or {}
            ),
            _own_collection("PredictionDetails", PREDICTION_DETAILS, known.get("PredictionDetails") or {}),
            trajectory("CapacityTrajectory", known.get("CapacityTrajectory") or {}),
            _own_list("Drivers", "Driver", [driver(row) for row in known.get("Drivers") or []]),
            _own_list("SimilarCells", "SimilarCell", [similar_cell(row) for row in known.get("SimilarCells") or []]),
            collection(
                "SoHThresholds",
                [
                    own_property("Warning", end_of_life_percent + margin_percent, "SoHWarning"),
                    own_property("Critical", end_of_life_percent + margin_percent / 2, "SoHCritical"),
                    own_property("EndOfLife", end_of_life_percent, "SoHEndOfLife"),
                ],
                concept_id("SoHThresholds"),
                description={
                    "en": "configuration of this twin; end of life in % of the rated capacity: TechnicalData says why",
                    "fr": "réglage de ce jumeau ; fin de vie en % de la capacité assignée : voir TechnicalData",
                },
            ),
            collection(
                "TemperatureThresholds",
                [
                    own_property("Warning", DEFAULT_TEMPERATURE_WARNING_degC, "TemperatureWarning"),
                    own_property("Critical", DEFAULT_TEMPERATURE_CRITICAL_degC, "TemperatureCritical"),
                ],
                concept_id("TemperatureThresholds"),
                description={
                    "en": "configuration of this twin, not a statement of the data set",
                    "fr": "réglage de ce jumeau, non une indication du jeu de données",
                },
            ),
            _own_collection("ThresholdChange", ("ChangedBy", "ChangedAt", "Comment"), {}),
            _own_list("ActiveAlerts", "Alert", [], order_relevant=False),
            _own_list("AlertHistory", "Alert", []),
            operation(PREDICT, delegate_url, cell),
            operation(SIMULATE_WHAT_IF, delegate_url, cell),
            operation(ACKNOWLEDGE_ALERT, delegate_url, cell),
            operation(SET_THRESHOLDS, delegate_url, cell),
        ],
        administration("1", "0", TEMPLATE_ID),
        {"en": "Prediction", "fr": "Prédiction"},
        {
            "en": "Predictive maintenance (IDTA 02048-1-0; there idShort PredictiveMaintenance), health, alerts",
            "fr": "Maintenance prédictive (IDTA 02048-1-0 ; idShort PredictiveMaintenance), état de santé, alertes",
        },
    )


@cache
def shape() -> Shape:
    """What the twin expects of a Prediction submodel."""
    whole = shape_of(to_json(build(CellDescription(cell="cell", source="-"), "")), choices())
    for name, item in list_items().items():
        whole = whole.with_part(name, replace(whole.part(name), every=shape_of(item, choices())))
    return whole


@cache
def template() -> dict:
    """JSON of the submodel of a cell that was never predicted, without its operations."""
    whole = to_json(build(CellDescription(cell="cell", source="-"), ""))
    kept = [element for element in whole["submodelElements"] if element["modelType"] != "Operation"]
    return whole | {"submodelElements": kept}


def template_id(name: str) -> str:
    """semanticId of an element of IDTA 02048-1-0."""
    return f"https://admin-shell.io/idta/PredictiveMaintenance/{name}/1/0"


def _template_property(id_short: str, xs_type: str, value: Any = None, **common: Any) -> model.Property:
    return property_(id_short, xs_type, value, template_id(id_short), **common)


def _remaining_useful_life_prediction(
    known: Values, training_range: Mapping[str, tuple[float, float, float, float]], description: CellDescription
) -> model.SubmodelElementCollection:
    warning, critical = description.rul_thresholds_cycles or (None, None)
    interval = known.get("ConfidenceInterval") or {}
    after_end = known.get("AlertAfterExceedingRemainingUsableLife") or {}
    return collection(
        "RemainingUsefulLifePrediction",
        [
            _remaining_useful_lifetime(known.get("RemainingUsefulLifetime") or {}),
            _template_property(
                "RemainingUsfulLifeDateTime",
                "xs:dateTime",
                display_name={"en": "Remaining useful life date and time", "fr": "Date de fin de vie utile"},
                description={
                    "en": "no value: the remaining useful life is counted in cycles",
                    "fr": "sans valeur : la durée de vie restante se compte en cycles",
                },
            ),
            double_range(
                "ConfidenceInterval",
                interval.get("min"),
                interval.get("max"),
                template_id("ConfidenceInterval"),
                description={
                    "en": f"cycles, rounded outward to whole numbers; {OPEN_ENDS_EN}; exact: PredictionDetails",
                    "fr": f"cycles, arrondis vers l'extérieur ; {OPEN_ENDS_FR} ; exactes : PredictionDetails",
                },
            ),
            boundary_conditions(training_range),
            collection(
                "PredictionModelInformation",
                [
                    _template_property("ModelType", "xs:string", "ModelTypeDataDriven"),
                    _template_property(
                        "ModelDescription",
                        "xs:string",
                        "blend of predictors fitted to the histories of training cells; see SMAIModelNamePlate",
                    ),
                    reference_element(
                        "SMAIModelNamePlate",
                        model_reference(known),
                        template_id("SMAIModelNamePlate"),
                        description={
                            "en": "the model of the last prediction; the template while there is none",
                            "fr": "le modèle de la dernière prédiction ; le modèle type tant qu'il n'y en a pas",
                        },
                    ),
                ],
                template_id("PredictionModelInformation"),
            ),
            collection_list(
                "ListPreAlerts",
                [
                    _pre_alert({"en": "Warning", "fr": "Avertissement"}, "Plan the replacement of the cell", warning),
                    _pre_alert({"en": "Critical", "fr": "Critique"}, "Replace the cell now", critical),
                ],
                template_id("ListPreAlerts"),
                template_id("PreAlerts"),
                description={
                    "en": f"[0] warning, [1] critical: raised at or below this remaining useful life in cycles; those "
                    f"with ValueOrigin={FOLLOWS_LIFE} are a share of the predicted life and move with it",
                    "fr": "[0] avertissement, [1] critique : levée à partir de cette durée de vie restante en cycles ; "
                    f"avec ValueOrigin={FOLLOWS_LIFE}, part de la durée de vie prédite, qui la suit",
                },
            ),
            collection(
                "AlertAfterExceedingRemainingUsableLife",
                [
                    _template_property("AlertMessage", "xs:string", "The cell has reached its end of life"),
                    _template_property(
                        "MaintenanceRequired", "xs:boolean", bool(after_end.get("MaintenanceRequired", False))
                    ),
                ],
                template_id("AlertAfterExceedingRemainingUsableLife"),
            ),
        ],
        template_id("RemainingUsefulLifePrediction"),
    )


def _remaining_useful_lifetime(known: Values) -> model.Entity:
    """DurationValue counts from StartValue, the cycle of the prediction; both change at each prediction."""
    return model.Entity(
        "RemainingUsefulLifetime",
        model.EntityType.CO_MANAGED_ENTITY,
        [
            _template_property("IndicationType", "xs:string", "cycles"),
            _template_property("DurationValue", "xs:double", known.get("DurationValue")),
            _template_property("EngineeringUnit", "xs:string", "cycle"),
            _template_property("StartValue", "xs:double", known.get("StartValue")),
            _template_property(
                "Description", "xs:string", "discharge cycles until the capacity falls below the end-of-life capacity"
            ),
        ],
        semantic_id=reference(template_id("RemainingUsefulLifetime")),
    )


def boundary_conditions(
    training_range: Mapping[str, tuple[float, float, float, float]],
) -> model.SubmodelElementList:
    """The ranges the model was trained in: validity of the model, not alarms.

    The template file makes BoundaryValueRange a Property xs:double, which cannot hold a range; its PDF, its name and
    its concept description say Range, so it is a Range here.
    """
    names = [*BOUNDARY_CONDITIONS, *(name for name in training_range if name not in BOUNDARY_CONDITIONS)]
    conditions = []
    for name in names:
        low, high, mean, deviation = training_range.get(name, (None, None, None, None))
        conditions.append(
            list_item(
                [
                    _template_property("ConditionName", "xs:string", name),
                    _template_property("IsBoundaryConditionUsedInModel", "xs:boolean", name in training_range),
                    double_range(
                        "BoundaryValueRange",
                        low,
                        high,
                        template_id("BoundaryValueRange"),
                        description={"en": OPEN_ENDS_EN, "fr": OPEN_ENDS_FR},
                    ),
                    _template_property("BoundaryEngineeringUnit", "xs:string", CONCEPTS[name].unit),
                    _template_property("MeanValue", "xs:double", mean),
                    _template_property("Standarddeviation", "xs:double", deviation),
                    _template_property(
                        "BoundaryDescription",
                        "xs:string",
                        "range of the training data, rounded outward; exact in the AIModelNameplate (TrainingRange)",
                    ),
                ],
                template_id("RULCondition"),
                display_name=concept_names(concept_id(name)),
            )
        )
    return collection_list(
        "ListRULBoundaryConditions", conditions, template_id("ListRULBoundaryConditions"), template_id("RULCondition")
    )


def model_reference(known: Values) -> model.Reference:
    """The reference to the AIModelNameplate; its submodel id stands under PredictionModelInformation.

    While no model has predicted, it refers to the template instead: a ReferenceElement without value makes BaSyx
    2.0.0-milestone-05 fail on `$value` of all that holds it.
    """
    identifier = (known.get("PredictionModelInformation") or {}).get("SMAIModelNamePlate")
    return reference(ai_model_nameplate.SEMANTIC_ID) if identifier is None else submodel_reference(identifier)


def _pre_alert(name: Texts, message: str, cycles: float | None) -> model.SubmodelElementCollection:
    """`cycles` None: a share of the predicted life, without value until there is one."""
    follows = [value_origin(FOLLOWS_LIFE)] if cycles is None else []
    return list_item(
        [
            _template_property("PreAlertMessage", "xs:string", message),
            _template_property("PreAlertValue", "xs:double", cycles, qualifiers=follows),
        ],
        template_id("PreAlerts"),
        display_name=name,
    )


def rul_thresholds_follow(submodel: dict) -> bool:
    """Whether the RUL thresholds of a Prediction submodel (JSON) follow the predicted life: nobody has set them."""
    return all(FOLLOWS_LIFE in _origins(item) for item in _pre_alerts(submodel))


def with_rul_thresholds(submodel: dict, cycles: Sequence[float | None], follow: bool) -> dict:
    """The Prediction submodel (JSON) with other thresholds of the remaining life, warning before critical.

    `follow`: whether they follow the predicted life from now on, as long as nobody sets them.
    """
    life = values.child(submodel, "RemainingUsefulLifePrediction")
    list_element = values.child(life, "ListPreAlerts")
    present = _pre_alerts(submodel)
    items = [
        _with_origin(values.with_value(item, {"PreAlertValue": value}), follow)
        for item, value in zip(present, cycles, strict=False)
    ] + present[len(cycles) :]
    parts = [values.with_items(list_element, items) if part is list_element else part for part in life["value"]]
    elements = [element | {"value": parts} if element is life else element for element in submodel["submodelElements"]]
    return submodel | {"submodelElements": elements}


def _pre_alerts(submodel: dict) -> list[dict]:
    """The items of ListPreAlerts, at least warning and critical, each with all its elements."""

    def items(of: dict) -> list[dict]:
        return values.child(values.child(of, "RemainingUsefulLifePrediction"), "ListPreAlerts").get("value") or []

    present, standard = items(submodel), items(template())
    return [mended(item, standard[0]) for item in present] + standard[len(present) :]


def _origins(pre_alert: dict) -> list[str]:
    qualifiers = values.child(pre_alert, "PreAlertValue").get("qualifiers") or []
    return [qualifier.get("value") for qualifier in qualifiers if qualifier.get("type") == VALUE_ORIGIN]


def _with_origin(pre_alert: dict, follow: bool) -> dict:
    """The pre-alert with or without the mark that its value follows the predicted life."""

    def marked(element: dict) -> dict:
        others = [one for one in element.get("qualifiers") or [] if one.get("type") != VALUE_ORIGIN]
        mark = [to_json(value_origin(FOLLOWS_LIFE))] if follow else []
        bare = {key: part for key, part in element.items() if key != "qualifiers"}
        return bare | ({"qualifiers": others + mark} if others + mark else {})

    changed = values.child(pre_alert, "PreAlertValue")
    return pre_alert | {"value": [marked(part) if part is changed else part for part in pre_alert["value"]]}


def _own_collection(id_short: str, names: tuple[str, ...], known: Values) -> model.SubmodelElementCollection:
    return collection(id_short, [own_property(name, known.get(name)) for name in names], concept_id(id_short))


def _own_list(
    id_short: str, item_concept: str, items: list[model.SubmodelElementCollection], order_relevant: bool = True
) -> model.SubmodelElementList:
    return collection_list(id_short, items, concept_id(id_short), concept_id(item_concept), order_relevant)


def driver(row: Values) -> model.SubmodelElementCollection:
    return list_item([own_property(name, row.get(name)) for name in DRIVER], concept_id("Driver"))


def similar_cell(row: Values) -> model.SubmodelElementCollection:
    return list_item([own_property(name, row.get(name)) for name in SIMILAR_CELL], concept_id("SimilarCell"))


def alert(row: Values) -> model.SubmodelElementCollection:
    """An alert; Definition is empty and must refer to the element that holds the threshold before it is written."""
    return list_item(
        [
            *(own_property(name, row.get(name)) for name in ALERT),
            reference_element("Definition", None, concept_id("Definition")),
        ],
        concept_id("Alert"),
    )


@cache
def list_items() -> Mapping[str, dict]:
    """JSON of an item without values, by list, to be filled (aasx.elements.values.with_value)."""
    alert_item = to_json(alert({}))
    return {
        "Drivers": to_json(driver({})),
        "SimilarCells": to_json(similar_cell({})),
        "ActiveAlerts": alert_item,
        "AlertHistory": alert_item,
    }
