"""Submodel Nameplate: IDTA 02006-3-0, Digital Nameplate for Industrial Equipment.

Mandatory elements whose value the data set does not give follow one rule: text for people says "not stated by the data
set", a code, number or address has no value, and all carry the qualifier ValueAvailability=notStatedBySource. Optional
elements the data set says nothing about are left out; "B0005" is NASA's test number, not a serial number.
"""

from basyx.aas import model

from aasx.cell_description import CellDescription
from aasx.elements.build import (
    NOT_STATED,
    administration,
    collection,
    file,
    multi_language,
    not_stated,
    own_property,
    property_,
    submodel,
)
from aasx.identifiers import asset_id, concept_id, submodel_id
from aasx.submodels import data_sheet

SEMANTIC_ID = "https://admin-shell.io/idta/nameplate/3/0/Nameplate"
TEMPLATE_ID = "https://admin-shell.io/idta-02006-3-0"
ADDRESS_SEMANTIC_ID = "https://admin-shell.io/zvei/nameplate/1/0/ContactInformations/AddressInformation"
ADDRESS_SUPPLEMENTAL = (
    "https://admin-shell.io/smt-dropin/smt-dropin-use/1/0",
    "0112/2///61360_7#AAS002#001",
    "0173-1#02-AAQ837#008/0173-1#01-ADR448#008",
)


def build(description: CellDescription, data_sheet_path: str | None = None) -> model.Submodel:
    """The nameplate of a cell; `data_sheet_path` is the part name of its data sheet in a package."""
    return submodel(
        submodel_id(description.cell, "Nameplate"),
        "Nameplate",
        SEMANTIC_ID,
        [
            property_(
                "URIOfTheProduct", "xs:anyURI", asset_id(description.cell),
                "0112/2///61987#ABN590#002", supplemental=["0173-1#02-ABH173#003"],
            ),
            multi_language(
                "ManufacturerName", NOT_STATED,
                "0112/2///61987#ABA565#009", supplemental=["0173-1#02-AAO677#004"], qualifiers=[not_stated()],
            ),
            multi_language(
                "ManufacturerProductDesignation", description.texts,
                "0112/2///61987#ABA567#009", supplemental=["0173-1#02-AAW338#003"],
            ),
            _address(),
            property_(
                "OrderCodeOfManufacturer", "xs:string", None,
                "0112/2///61987#ABA950#008", supplemental=["0173-1#02-AAO227#004"], qualifiers=[not_stated()],
            ),
            collection(
                "AssetSpecificProperties",
                _asset_specific(description, data_sheet_path),
                "0173-1#02-ABI218#003/0173-1#01-AGZ672#004",
            ),
        ],
        administration("3", "0", TEMPLATE_ID),
        {"en": "Nameplate", "fr": "Plaque signalétique"},
        {
            "en": f"Nameplate of {description.display_name}; the data set names no manufacturer",
            "fr": f"Plaque signalétique de {description.display_name} ; le jeu de données ne nomme pas de fabricant",
        },
    )  # fmt: skip


def _address() -> model.SubmodelElementCollection:
    """The four parts the specification's text wants, without placeholder texts: the BaSyx web UI looks addresses up."""
    return collection(
        "AddressInformation",
        [
            multi_language("Street", None, "0173-1#02-AAO128#002", qualifiers=[not_stated()]),
            multi_language("Zipcode", None, "0173-1#02-AAO129#002", qualifiers=[not_stated()]),
            multi_language("CityTown", None, "0173-1#02-AAO132#002", qualifiers=[not_stated()]),
            multi_language("NationalCode", None, "0173-1#02-AAO134#002", qualifiers=[not_stated()]),
        ],
        ADDRESS_SEMANTIC_ID,
        supplemental=ADDRESS_SUPPLEMENTAL,
    )


def _asset_specific(description: CellDescription, data_sheet_path: str | None) -> list[model.SubmodelElement]:
    elements: list[model.SubmodelElement] = [own_property("Battery", description.display_name)]
    if description.citation is not None:
        elements.append(own_property("DataSetCitation", description.citation))
    if data_sheet_path is not None:
        elements.append(file("DataSheet", data_sheet.CONTENT_TYPE, data_sheet_path, concept_id("DataSheet")))
    return elements
