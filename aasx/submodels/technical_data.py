"""Submodel TechnicalData: the frame of IDTA 02003-2-0 with battery passport properties (IDTA 02035-4) inside.

Two property areas: [0] capacity and voltage, [1] ageing protocol. Every value says in its description where it is from.
What the source does not state has no value and the qualifier ValueAvailability; what it does not state as such but the
twin reckons with has the qualifier ValueOrigin (derivedFromSource, assumedSameCellType).
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
    value_origin,
)
from aasx.identifiers import submodel_id

SEMANTIC_ID = "0173-1#01-AHX837#002"
TEMPLATE_ID = "https://admin-shell.io/idta-02003-2-0"
AREAS_SEMANTIC_ID = "0173-1#02-ABK163#002"
AREA_SEMANTIC_ID = "0173-1#02-ABL358#002/0173-1#01-AHX773#002"
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
}


def build(description: CellDescription) -> model.Submodel:
    return submodel(
        submodel_id(description.cell, "TechnicalData"),
        "TechnicalData",
        SEMANTIC_ID,
        [
            _general_information(description),
            collection_list(
                "TechnicalPropertyAreas",
                [_capacity_and_voltage(description), _ageing_protocol(description)],
                AREAS_SEMANTIC_ID,
                AREA_SEMANTIC_ID,
            ),
        ],
        administration("2", "0", TEMPLATE_ID),
        {
            "en": f"Limits and test protocol of {description.cell}, from {description.source}",
            "fr": f"Limites et protocole d'essai de {description.cell}, d'après {description.source}",
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
    source = description.source
    origin = description.rated_capacity_origin if description.rated_capacity_Ah else "assumedSameCellType"
    end_of_life = description.end_of_life_capacity_Ah
    threshold = None if end_of_life is None else description.end_of_life_percent
    return collection(
        None,
        [
            _passport_property(
                "RatedCapacity",
                description.used_rated_capacity_Ah,
                {language: f"Ah; {text} ({source})" for language, text in _ORIGIN_TEXTS[origin].items()},
                [] if origin == "stated" else [value_origin(origin)],
            ),
            _passport_property(
                "MaxVoltage",
                description.charge_voltage_V,
                {
                    "en": f"V; voltage at which the charge is held ({source}): a limit of the test protocol",
                    "fr": f"V ; tension maintenue en fin de charge ({source}) : limite du protocole d'essai",
                },
            ),
            _passport_property(
                "MinVoltage",
                description.cut_off_voltage_V,
                {
                    "en": f"V; voltage at which the discharge ends ({source}): a limit of the test protocol",
                    "fr": f"V ; tension d'arrêt de la décharge ({source}) : limite du protocole d'essai",
                },
            ),
            _own("EndOfLifeCapacity", end_of_life, _from(source)),
            _passport_property(
                "CapacityThresholdExhaustion",
                threshold,
                {
                    "en": f"%; end-of-life capacity divided by rated capacity ({source})",
                    "fr": f"% ; capacité de fin de vie divisée par la capacité assignée ({source})",
                },
            ),
        ],
        AREA_SEMANTIC_ID,
        display_name={"en": "Capacity and voltage", "fr": "Capacité et tension"},
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
