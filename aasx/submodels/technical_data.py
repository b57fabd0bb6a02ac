"""Submodel TechnicalData: the frame of IDTA 02003-2-0 with battery passport properties (IDTA 02035-4) inside.

Two property areas: [0] the cell, its capacity and limits, [1] ageing protocol. Every value says in its description
where it is from. What the source does not state has no value and the qualifier ValueAvailability; what it does not
state as such but the twin reckons with has the qualifier ValueOrigin: derivedFromSource, assumedSameCellType,
conventionOfTheField, or measuredFirstCycles for a rated capacity that the twin took from the first cycles.

Voltages, currents and capacities are those at the terminals of the whole; LowestCellVoltage and HighestCellVoltage are
limits of each cell in series.
"""

from typing import Any

from basyx.aas import model

from aasx.cell_description import CellDescription
from aasx.elements.build import (
    NOT_STATED,
    Texts,
    administration,
    collection,
    collection_list,
    concept_qualifier,
    multi_language,
    not_stated,
    own_property,
    property_,
    submodel,
    to_json,
    value_origin,
)
from aasx.identifiers import submodel_id

SEMANTIC_ID = "0173-1#01-AHX837#002"
TEMPLATE_ID = "https://admin-shell.io/idta-02003-2-0"
AREAS_SEMANTIC_ID = "0173-1#02-ABK163#002"
AREA_SEMANTIC_ID = "0173-1#02-ABL358#002/0173-1#01-AHX773#002"
AREAS_PATH = "TechnicalPropertyAreas"
MEASURED = "measuredFirstCycles"  # ValueOrigin of a rated capacity that the twin took from the first cycles
SAMM = "urn:samm:io.admin-shell.idta.batterypass.technical_data:1.0.0#"  # IDTA 02035-4

# idShort -> (semanticId, supplemental) of the battery passport's properties (IDTA 02035-4)
BATTERY_PASSPORT = {
    "RatedCapacity": ("0173-1#02-ABL869#002", SAMM + "ratedCapacity"),
    "MaxVoltage": ("0173-1#02-ABL589#001", SAMM + "maximumVoltage"),
    "MinVoltage": ("0173-1#02-ABL587#001", SAMM + "minimumVoltage"),
    "CapacityThresholdExhaustion": ("0173-1#02-ABL838#002", SAMM + "capacityThresholdForExhaustion"),
}

_ORIGIN_TEXTS = {
    "stated": {"en": "stated", "fr": "indiqué"},
    "derivedFromSource": {
        "en": "derived from the end-of-life capacity and the fade in percent",
        "fr": "déduit de la capacité de fin de vie et de la perte en pourcentage",
    },
    "assumedSameCellType": {
        "en": "not stated; assumed to be that of the groups for which it is stated",
        "fr": "non indiqué ; supposé identique aux groupes pour lesquels il est indiqué",
    },
    MEASURED: {
        "en": "not stated; median of the first capacities that this twin was given",
        "fr": "non indiqué ; médiane des premières capacités reçues par ce jumeau",
    },
}


def build(description: CellDescription) -> model.Submodel:
    return submodel(
        submodel_id(description.cell, "TechnicalData"),
        "TechnicalData",
        SEMANTIC_ID,
        [
            _general_information(description),
            collection_list(
                AREAS_PATH,
                [_capacity_and_voltage(description), _ageing_protocol(description)],
                AREAS_SEMANTIC_ID,
                AREA_SEMANTIC_ID,
            ),
        ],
        administration("2", "0", TEMPLATE_ID),
        {"en": "Technical data", "fr": "Données techniques"},
        {
            "en": f"Limits and test protocol of {description.display_name}, from {description.source}",
            "fr": f"Limites et protocole d'essai de {description.display_name}, d'après {description.source}",
        },
        supplemental=["https://api.eclass-cdp.com/0173-1-01-AHX837-002"],
    )


def _general_information(description: CellDescription) -> model.SubmodelElementCollection:
    return collection(
        "GeneralInformation",
        [
            property_(
                "ManufacturerName", "xs:string", NOT_STATED["en"], "0173-1#02-AAO677#004", qualifiers=[not_stated()]
            ),
            multi_language("ManufacturerProductDesignation", description.texts, "0173-1#02-AAW338#003"),
            property_(
                "ManufacturerArticleNumber", "xs:string", None, "0173-1#02-AAO676#005", qualifiers=[not_stated()]
            ),
            property_("ManufacturerOrderCode", "xs:string", None, "0173-1#02-AAO227#004", qualifiers=[not_stated()]),
        ],
        "0173-1#02-ABK161#002/0173-1#01-AHX838#002",
    )


def _capacity_and_voltage(description: CellDescription) -> model.SubmodelElementCollection:
    source = _from(description.source)
    return collection(
        None,
        [
            _rated_capacity(description),
            _voltage_limit("MaxVoltage", description),
            _voltage_limit("MinVoltage", description),
            _own("EndOfLifeCapacity", description.end_of_life_capacity_Ah, source),
            _end_of_life(description),
            _own("CellType", description.cell_type, source),
            _own("Chemistry", description.chemistry, source),
            _own("FormFactor", description.form, source),
            _own("SeriesCount", description.series_count, source),
            _own("ParallelCount", description.parallel_count, source),
            _own("LowestCellVoltage", description.lowest_cell_voltage_V, source),
            _own("HighestCellVoltage", description.highest_cell_voltage_V, source),
            _own("HighestChargeCurrent", description.highest_charge_current_A, source),
            _own("HighestDischargeCurrent", description.highest_discharge_current_A, source),
            _capacity_end_voltage(description),
            _own("ExpectedLife", description.expected_life_cycles, source),
        ],
        AREA_SEMANTIC_ID,
        display_name={"en": "Cell, capacity and limits", "fr": "Cellule, capacité et limites"},
    )


def _rated_capacity(description: CellDescription) -> model.Property:
    origin = description.rated_capacity_origin
    if description.rated_capacity_Ah is None:
        text = {
            "en": "Ah; not stated: the twin takes it from the first cycles",
            "fr": "Ah ; non indiqué : le jumeau le déduit des premiers cycles",
        }
        return _passport_property("RatedCapacity", None, text)
    text = {language: f"Ah; {text} ({description.source})" for language, text in _ORIGIN_TEXTS[origin].items()}
    qualifiers = [] if origin == "stated" else [value_origin(origin)]
    return _passport_property("RatedCapacity", description.rated_capacity_Ah, text, qualifiers)


def measured_rated_capacity(capacity_Ah: float) -> dict:
    """JSON of RatedCapacity as the twin writes it when no source states one: its value is from the first cycles."""
    text = {language: f"Ah; {text}" for language, text in _ORIGIN_TEXTS[MEASURED].items()}
    return to_json(_passport_property("RatedCapacity", capacity_Ah, text, [value_origin(MEASURED)]))


def _voltage_limit(id_short: str, description: CellDescription) -> model.Property:
    """The stated limit of a cell times the cells in series, else what the test protocol says."""
    highest = id_short == "MaxVoltage"
    limit = description.highest_cell_voltage_V if highest else description.lowest_cell_voltage_V
    if limit is not None:
        text = {
            "en": f"V; limit of a cell times the cells in series ({description.source})",
            "fr": f"V ; limite d'une cellule multipliée par le nombre en série ({description.source})",
        }
        return _passport_property(id_short, round(limit * description.series_count, 6), text)
    if highest:
        what = ("voltage at which the charge is held", "tension maintenue en fin de charge")
    else:
        what = ("voltage at which the discharge ends", "tension d'arrêt de la décharge")
    text = {
        "en": f"V; {what[0]} ({description.source}): a limit of the test protocol",
        "fr": f"V ; {what[1]} ({description.source}) : limite du protocole d'essai",
    }
    value = description.charge_voltage_V if highest else description.cut_off_voltage_V
    return _passport_property(id_short, value, text)


def _end_of_life(description: CellDescription) -> model.Property:
    """End of life in percent of the rated capacity, the twin's own choice too: it reckons with it."""
    if description.end_of_life_capacity_Ah is not None:
        origin, text = "stated", {
            "en": f"%; end-of-life capacity divided by rated capacity ({description.source})",
            "fr": f"% ; capacité de fin de vie divisée par la capacité assignée ({description.source})",
        }  # fmt: skip
    elif description.end_of_life_percent is not None:
        origin = description.end_of_life_origin
        text = {language: f"%; {words} ({description.source})" for language, words in _ORIGIN_TEXTS[origin].items()}
    else:
        origin, text = "conventionOfTheField", {
            "en": "%; not stated: the convention of the field",
            "fr": "% ; non indiqué : convention du domaine",
        }  # fmt: skip
    qualifiers = [] if origin == "stated" else [value_origin(origin)]
    return _passport_property("CapacityThresholdExhaustion", description.used_end_of_life_percent, text, qualifiers)


def _capacity_end_voltage(description: CellDescription) -> model.Property:
    origin = description.capacity_end_voltage_source
    text = _from(origin or description.source)
    if description.capacity_end_voltage_V is None:
        return _own("CapacityEndVoltage", None, text)
    qualifiers = [] if origin is None else [value_origin("derivedFromSource")]
    return own_property(
        "CapacityEndVoltage", description.capacity_end_voltage_V, description=text, qualifiers=qualifiers
    )


def _ageing_protocol(description: CellDescription) -> model.SubmodelElementCollection:
    source = _from(description.source)
    ambient_source = _from(description.ambient_temperature_source or description.source)
    return collection(
        None,
        [
            _own("ChargeCurrentCC", description.charge_current_A, source),
            _own("ChargeVoltageCV", description.charge_voltage_V, source),
            _own("ChargeCutOffCurrent", description.charge_cut_off_current_A, source),
            _one_of_several("DischargeCurrent", description.discharge_currents_A, "A", source),
            _own("CutOffVoltage", description.cut_off_voltage_V, source),
            _own("DischargeProfile", description.discharge_profile, source),
            _one_of_several("ambient_temperature", description.ambient_temperatures_degC, "°C", ambient_source),
            _own("ImpedanceSweepMin", description.impedance_sweep_min_Hz, source),
            _own("ImpedanceSweepMax", description.impedance_sweep_max_Hz, source),
        ],
        AREA_SEMANTIC_ID,
        display_name={"en": "Ageing protocol", "fr": "Protocole de vieillissement"},
    )


def _from(source: str) -> Texts:
    return {"en": f"from {source}", "fr": f"d'après {source}"}


def _passport_property(
    id_short: str, value: float | None, text: Texts, qualifiers: list[model.Qualifier] | None = None
) -> model.Property:
    semantic_id, supplemental = BATTERY_PASSPORT[id_short]
    return property_(
        id_short,
        "xs:double",
        value,
        semantic_id,
        supplemental=[supplemental],
        description=text,
        qualifiers=[not_stated()] if value is None else qualifiers or [],
    )


def _own(id_short: str, value: Any, text: Texts) -> model.Property:
    return own_property(id_short, value, description=text, qualifiers=[not_stated()] if value is None else [])


def _one_of_several(id_short: str, numbers: list[float], unit: str, text: Texts) -> model.Property:
    """A quantity with one value, or several over the test: then it has no single value and the text lists them."""
    if len(numbers) <= 1:
        return _own(id_short, numbers[0] if numbers else None, text)
    listed = ", ".join(f"{number:g}" for number in numbers)
    return own_property(
        id_short,
        None,
        description={language: f"{listed} {unit}; {part}" for language, part in text.items()},
        qualifiers=[concept_qualifier("ValueAvailability", "severalValuesSeeDescription")],
    )
