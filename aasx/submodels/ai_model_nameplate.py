"""Submodel AIModelNameplate: IDTA 02060-1-0, on a shell of its own per model version.

One model serves all cells; each cell's Prediction refers to this submodel. TimeStamp of the data set is left out: it is
a Range, and BaSyx 2.0.0-milestone-05 fails on `$value` of Ranges that are not whole numbers.
"""

from collections.abc import Mapping
from typing import Any

from basyx.aas import model

from aasx.elements.build import (
    administration,
    collection,
    multi_language,
    own_property,
    property_,
    reference,
    reference_element,
    submodel,
)
from aasx.identifiers import base_iri, concept_id, model_asset_id, model_submodel_id

SEMANTIC_ID = "https://admin-shell.io/idta/SubmodelTemplate/AIModelNameplate/1/0"
TEMPLATE_ID = "https://admin-shell.io/idta-02060-1-0"


def template_id(name: str) -> str:
    """semanticId of an element of IDTA 02060-1-0."""
    return f"https://admin-shell.io/idta/AIModelNameplate/{name}/1/0"


def build(card: Mapping[str, Any]) -> model.Submodel:
    """The nameplate of a model.

    `card`: name, version, sha256, framework, training_cells (names), training_data (citation); may lack: data_sha256,
    metrics (name -> number), hyperparameters (name -> value), features (names), training_range (name -> lowest,
    highest, mean, standard deviation), columns (name -> unit), limits ({"en": text, "fr": text}).
    """
    version = str(card["version"])
    features = list(card.get("features") or [])
    return submodel(
        model_submodel_id(version),
        "AIModelNameplate",
        SEMANTIC_ID,
        [
            property_("URIOfTheProduct", "xs:string", model_asset_id(version), "0112/2///61987#ABN590#002"),
            property_("Version", "xs:string", version, "0173-1#02-AAS354#002"),
            reference_element("ContactInformation", reference(base_iri()), template_id("Contactinformation")),
            property_(
                "Storage",
                "xs:string",
                "directory of the trained model (TWIN_MODEL_DIR), identified by ModelFileSHA256",
                template_id("Storage"),
            ),
            multi_language("KindOfLearning", {"en": "supervised", "fr": "supervisé"}, template_id("KindOfLearning")),
            collection(
                "Inputs",
                [
                    property_(
                        "KindOfInput",
                        "xs:string",
                        "table, one row per discharge cycle of the history",
                        template_id("Inputs/KindOfInput"),
                    ),
                    collection(
                        "Dimension01",
                        [
                            property_("Size", "xs:string", str(len(features)), template_id("Inputs/DimensionN/Size")),
                            property_(
                                "Information",
                                "xs:string",
                                ", ".join(features) or None,
                                template_id("Inputs/DimensionN/Information"),
                            ),
                        ],
                        template_id("Inputs/DimensionN"),
                    ),
                ],
                template_id("Inputs"),
            ),
            collection(
                "Outputs",
                [
                    _output("Dimension01", {"en": "RUL [cycle]", "fr": "durée de vie restante [cycle]"}),
                    _output("Dimension02", {"en": "state of health [%]", "fr": "état de santé [%]"}),
                ],
                template_id("Outputs"),
            ),
            collection(
                "TrainingResults",
                [
                    *_texts(card.get("metrics") or {}, template_id("TrainingResults/Result")),
                    own_property("ModelFileSHA256", card["sha256"]),
                ],
                template_id("TrainingResults"),
            ),
            collection(
                "Details",
                [
                    property_("FileExtension", "xs:string", ".json, .ubj", template_id("Details/DataEnding")),
                    property_("AIFramework", "xs:string", str(card["framework"]), template_id("Details/AIFramework")),
                    property_("ProgramLanguage", "xs:string", "Python", template_id("Details/ProgramLanguage")),
                ],
                template_id("Details"),
            ),
            collection(
                "AIDataset",
                [
                    reference_element(
                        "AIDatasetReference",
                        reference("https://data.nasa.gov"),
                        template_id("AIDataset/DatasetReference"),
                    ),
                    own_property("DataSetCitation", _text(card["training_data"])),
                    own_property("TrainingDataSHA256", card.get("data_sha256")),
                    own_property("TrainingCells", ", ".join(card["training_cells"]), "TrainingCell"),
                    _training_range(card.get("training_range") or {}, card.get("columns") or {}),
                ],
                template_id("AIDataset"),
            ),
            collection(
                "AITypeSpecificInformation",
                [
                    multi_language(
                        "Type",
                        {
                            "en": f"{card['name']}: blend of predictors, among them gradient-boosted trees",
                            "fr": f"{card['name']} : mélange de prédicteurs, dont des arbres à gradient boosting",
                        },
                        template_id("AITypeSpecificInformation/Type"),
                    ),
                    collection(
                        "Hyperparameter",
                        _texts(card.get("hyperparameters") or {}, concept_id("HyperparameterValue")),
                        template_id("AITypeSpecificInformation/Hyperparameter"),
                    ),
                    *_known_limits(card.get("limits")),
                ],
                template_id("AITypeSpecificInformation"),
            ),
        ],
        administration("1", "0", TEMPLATE_ID),
        {"en": "AI model nameplate", "fr": "Plaque du modèle d'IA"},
        {"en": "The model behind the predictions", "fr": "Le modèle à l'origine des prédictions"},
    )


def _known_limits(limits: Mapping[str, str] | None) -> list[model.SubmodelElement]:
    return [multi_language("KnownLimits", dict(limits), concept_id("KnownLimits"))] if limits else []


def _training_range(
    ranges: Mapping[str, tuple[float, float, float, float]], units: Mapping[str, str]
) -> model.SubmodelElementCollection:
    """Lowest and highest value, mean and standard deviation of each quantity, named as in the model."""
    rows = []
    for name in sorted(ranges):
        numbers = zip(("Lowest", "Highest", "Mean", "StandardDeviation"), ranges[name], strict=True)
        children = [own_property(part, number) for part, number in numbers]
        rows.append(
            collection(_id_short(name), [*children, own_property("Unit", units.get(name))], concept_id("QuantityRange"))
        )
    return collection("TrainingRange", rows, concept_id("TrainingRange"))


def _output(id_short: str, result: dict[str, str]) -> model.SubmodelElementCollection:
    return collection(
        id_short,
        [
            property_("Size", "xs:string", "1", template_id("Outputs/DimensionN/Size")),
            multi_language("Result", result, template_id("Outputs/DimensionN/Result")),
        ],
        template_id("Outputs/DimensionN"),
    )


def _texts(named: Mapping[str, Any], semantic_id: str) -> list[model.SubmodelElement]:
    """One Property xs:string per entry; characters an idShort cannot have become underscores."""
    return [property_(_id_short(name), "xs:string", _text(named[name]), semantic_id) for name in sorted(named)]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(part)}" for key, part in sorted(value.items()))
    return str(value)


def _id_short(name: str) -> str:
    cleaned = "".join(character if character.isascii() and character.isalnum() else "_" for character in name)
    return cleaned if cleaned[:1].isalpha() else f"x{cleaned}"
