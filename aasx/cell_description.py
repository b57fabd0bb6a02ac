"""What is known of a cell before it is cycled: limits, test protocol, and where each fact is from.

The descriptions of NASA's cells stand in nasa_cells.yaml, grouped as the data set groups them; a user's own cell is
described by a YAML or JSON file with the fields of `CellDescription`.
"""

import functools
import json
import pathlib
from typing import Annotated, Any, Literal

import pydantic
import yaml

from aasx.identifiers import check_cell_name

NASA_CELLS_FILE = pathlib.Path(__file__).with_name("nasa_cells.yaml")

# Rated capacity of NASA's cells where their group's notes do not state it: that of the groups that do.
ASSUMED_RATED_CAPACITY_AH = 2.0
# End of life in percent of the rated capacity where none is stated: the one most groups of NASA's cells have.
DEFAULT_END_OF_LIFE_PERCENT = 70.0

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
Line = Annotated[str, pydantic.Field(min_length=1, max_length=500)]


class CellDescription(pydantic.BaseModel):
    """Facts about one cell; None (or an empty list) means that the source does not state it.

    `rated_capacity_origin` is "stated", "derivedFromSource" (from the end-of-life capacity and the fade in percent) or
    "assumedSameCellType". `source` names the document the facts are from.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    cell: str
    source: Line
    citation: Line | None = None
    designation_en: Line | None = None
    designation_fr: Line | None = None
    rated_capacity_Ah: Positive | None = None
    rated_capacity_origin: Literal["stated", "derivedFromSource", "assumedSameCellType"] = "stated"
    end_of_life_capacity_Ah: Positive | None = None
    cut_off_voltage_V: Positive | None = None
    charge_current_A: Positive | None = None
    charge_voltage_V: Positive | None = None
    charge_cut_off_current_A: Positive | None = None
    discharge_currents_A: list[Positive] = []
    discharge_profile: Line | None = None
    ambient_temperatures_degC: list[Finite] = []
    ambient_temperature_source: Line | None = None
    impedance_sweep_min_Hz: Positive | None = None
    impedance_sweep_max_Hz: Positive | None = None
    note_en: Line | None = None
    note_fr: Line | None = None

    @pydantic.field_validator("cell")
    @classmethod
    def _check_cell(cls, cell: str) -> str:
        return check_cell_name(cell)

    @pydantic.model_validator(mode="after")
    def _check_end_of_life(self) -> "CellDescription":
        if self.end_of_life_capacity_Ah is not None and self.end_of_life_capacity_Ah >= self.used_rated_capacity_Ah:
            raise ValueError("end_of_life_capacity_Ah must be below rated_capacity_Ah")
        return self

    @property
    def used_rated_capacity_Ah(self) -> float:
        """The rated capacity the twin reckons with, Ah."""
        return ASSUMED_RATED_CAPACITY_AH if self.rated_capacity_Ah is None else self.rated_capacity_Ah

    @property
    def end_of_life_percent(self) -> float:
        """End of life in percent of the rated capacity: the stated one, else the default of the twin."""
        if self.end_of_life_capacity_Ah is None:
            return DEFAULT_END_OF_LIFE_PERCENT
        return round(100.0 * self.end_of_life_capacity_Ah / self.used_rated_capacity_Ah, 6)

    @property
    def texts(self) -> dict[str, str]:
        """Designation in English and French."""
        return {
            "en": self.designation_en or f"Li-ion cell {self.cell}",
            "fr": self.designation_fr or f"Cellule Li-ion {self.cell}",
        }


def from_mapping(mapping: Any) -> CellDescription:
    """Check a description read from YAML, JSON or a form. Raises ValueError in one readable line."""
    if not isinstance(mapping, dict):
        raise ValueError("a cell description is a mapping of field names to values")
    try:
        return CellDescription(**mapping)
    except pydantic.ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc'])) or 'cell'}: {item['msg']}" for item in error.errors())
        raise ValueError("; ".join(problems)) from error


def read_description(path: pathlib.Path) -> CellDescription:
    """Read one description from a .yaml, .yml or .json file. Raises ValueError when it is not one."""
    text = path.read_text(encoding="utf-8")
    try:
        mapping = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name} cannot be read: {' '.join(str(error).split())}") from error
    return from_mapping(mapping)


@functools.cache
def nasa_cells() -> dict[str, CellDescription]:
    """Descriptions of all 34 cells the data set documents, by name."""
    content = yaml.safe_load(NASA_CELLS_FILE.read_text(encoding="utf-8"))
    descriptions = {}
    for group in content["groups"]:
        for cell, own_facts in group["cells"].items():
            facts = content["all"] | group["facts"] | own_facts
            descriptions[cell] = from_mapping({"cell": cell, **facts})
    return dict(sorted(descriptions.items()))
