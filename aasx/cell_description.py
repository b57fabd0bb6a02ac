"""What is known of a cell before it is cycled: limits, test protocol, and where each fact is from.

A cell may also be a module or pack: `series_count` cells one after another, `parallel_count` side by side.

The descriptions of NASA's cells stand in nasa_cells.yaml, grouped as the data set groups them; a user's own cell is
described by a YAML or JSON file with the fields of `CellDescription`.
"""

import functools
import json
import math
import pathlib
from typing import Annotated, Any, Literal

import pydantic
import yaml

from aasx.identifiers import cell_name_of, check_cell_name, check_display_name

NASA_CELLS_FILE = pathlib.Path(__file__).with_name("nasa_cells.yaml")

# End of life in percent of the rated capacity where none is stated: the convention of the field.
DEFAULT_END_OF_LIFE_PERCENT = 80.0
MOST_CELLS_IN_A_ROW = 1000  # in series or in parallel: no pack or container has more
LONGEST_LIFE_CYCLES = 1_000_000
LONGEST_DESCRIPTION_BYTES = 100_000

# Thresholds of the remaining life where none are stated, as shares of the expected life. A prediction errs by some
# tenth of a life, so a warning that came later would come too late.
RUL_WARNING_SHARE, RUL_CRITICAL_SHARE = 0.15, 0.05

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, pydantic.Field(allow_inf_nan=False)]
Line = Annotated[str, pydantic.Field(min_length=1, max_length=500)]
Name = Annotated[str, pydantic.Field(min_length=1, max_length=100)]
Count = Annotated[int, pydantic.Field(ge=1, le=MOST_CELLS_IN_A_ROW, strict=True)]
Cycles = Annotated[float, pydantic.Field(gt=0, le=LONGEST_LIFE_CYCLES, allow_inf_nan=False)]
Percent = Annotated[float, pydantic.Field(ge=1, lt=100, allow_inf_nan=False)]


class CellDescription(pydantic.BaseModel):
    """Facts about one cell, module or pack; None (or an empty list) means that the source does not state it.

    `cell`: the name. Any laboratory name is taken: where it cannot be an idShort it becomes `name`, which people see,
    and the idShort is derived from it. `source` names the document the facts are from. `cell_type` groups alike cells:
    maker and model, or any name.

    Capacities, currents and voltages are those of the whole at its terminals, but `lowest_cell_voltage_V` and
    `highest_cell_voltage_V` are limits of each cell in series. `capacity_end_voltage_V` is the voltage down to which a
    capacity counts, which may lie above the `cut_off_voltage_V` that ends a discharge.

    End of life: `end_of_life_percent` of the rated capacity or `end_of_life_capacity_Ah`. Limits of alerts on the
    remaining life: `rul_warning_cycles` and `rul_critical_cycles`, else shares of `expected_life_cycles`, else of the
    life that is predicted.

    `rated_capacity_origin` is "stated", "derivedFromSource" (from the end-of-life capacity and the fade in percent) or
    "assumedSameCellType", `end_of_life_origin` "stated" or "assumedSameCellType". `replay_of` names the cell that a
    replay plays. Only a cell whose `service_state` is "inService" raises alerts.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    cell: str
    source: Line
    name: str | None = None
    citation: Line | None = None
    designation_en: Line | None = None
    designation_fr: Line | None = None
    cell_type: Name | None = None
    chemistry: Name | None = None
    form: Name | None = None
    series_count: Count = 1
    parallel_count: Count = 1
    rated_capacity_Ah: Positive | None = None
    rated_capacity_origin: Literal["stated", "derivedFromSource", "assumedSameCellType"] = "stated"
    end_of_life_percent: Percent | None = None
    end_of_life_capacity_Ah: Positive | None = None
    end_of_life_origin: Literal["stated", "assumedSameCellType"] = "stated"
    lowest_cell_voltage_V: Positive | None = None
    highest_cell_voltage_V: Positive | None = None
    highest_charge_current_A: Positive | None = None
    highest_discharge_current_A: Positive | None = None
    capacity_end_voltage_V: Positive | None = None
    capacity_end_voltage_source: Line | None = None
    expected_life_cycles: Cycles | None = None
    rul_warning_cycles: Cycles | None = None
    rul_critical_cycles: Cycles | None = None
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
    replay_of: str | None = None
    service_state: Literal["inService", "testEnded", "retired"] = "inService"
    note_en: Line | None = None
    note_fr: Line | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _derive_id_short(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("cell"), str):
            return given
        shown, derived = given["cell"].strip(), cell_name_of(given["cell"])
        return given | {"cell": derived} | ({} if derived == shown or given.get("name") else {"name": shown})

    @pydantic.field_validator("cell", "replay_of")
    @classmethod
    def _check_cell(cls, cell: str | None) -> str | None:
        return None if cell is None else check_cell_name(cell)

    @pydantic.field_validator("name")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        return None if name is None else check_display_name(name)

    @pydantic.model_validator(mode="after")
    def _check_together(self) -> "CellDescription":
        rated, end, percent = self.rated_capacity_Ah, self.end_of_life_capacity_Ah, self.end_of_life_percent
        if end is not None:
            if rated is None:
                raise ValueError("end_of_life_capacity_Ah needs rated_capacity_Ah; without it give end_of_life_percent")
            if end >= rated:
                raise ValueError("end_of_life_capacity_Ah must be below rated_capacity_Ah")
            if percent is not None and not math.isclose(percent, 100.0 * end / rated, abs_tol=0.5):
                raise ValueError("end_of_life_percent and end_of_life_capacity_Ah do not agree; give one of them")
        if (self.rul_warning_cycles is None) != (self.rul_critical_cycles is None):
            raise ValueError("give rul_warning_cycles and rul_critical_cycles together")
        for low, high in _RISING:
            below, above = getattr(self, low), getattr(self, high)
            if below is not None and above is not None and below >= above:
                raise ValueError(f"{low} must be below {high}")
        return self

    @property
    def display_name(self) -> str:
        """The name as people write it."""
        return self.name or self.cell

    @property
    def used_end_of_life_percent(self) -> float:
        """End of life in percent of the rated capacity: the stated one, else the convention of the field."""
        if self.end_of_life_capacity_Ah is not None and self.rated_capacity_Ah is not None:
            return round(100.0 * self.end_of_life_capacity_Ah / self.rated_capacity_Ah, 6)
        return DEFAULT_END_OF_LIFE_PERCENT if self.end_of_life_percent is None else self.end_of_life_percent

    @property
    def rul_thresholds_cycles(self) -> tuple[float, float] | None:
        """Remaining life at which to warn, and that is critical; None while they follow the predicted life."""
        if self.rul_warning_cycles is not None and self.rul_critical_cycles is not None:
            return self.rul_warning_cycles, self.rul_critical_cycles
        return None if self.expected_life_cycles is None else rul_thresholds_of_life(self.expected_life_cycles)

    @property
    def texts(self) -> dict[str, str]:
        """Designation in English and French."""
        whole = self.series_count * self.parallel_count > 1
        name = self.display_name
        return {
            "en": self.designation_en or f"Li-ion {'pack' if whole else 'cell'} {name}",
            "fr": self.designation_fr or f"{'Batterie' if whole else 'Cellule'} Li-ion {name}",
        }


_RISING = (
    ("lowest_cell_voltage_V", "highest_cell_voltage_V"),
    ("cut_off_voltage_V", "charge_voltage_V"),
    ("capacity_end_voltage_V", "charge_voltage_V"),
    ("rul_critical_cycles", "rul_warning_cycles"),
    ("impedance_sweep_min_Hz", "impedance_sweep_max_Hz"),
)


def rul_thresholds_of_life(life_cycles: float) -> tuple[float, float]:
    """Warning and critical remaining life of a cell that is expected to live so many cycles, to two digits."""
    warning, critical = (float(f"{share * life_cycles:.2g}") for share in (RUL_WARNING_SHARE, RUL_CRITICAL_SHARE))
    return max(2.0, math.ceil(warning)), max(1.0, math.ceil(critical))


def from_mapping(mapping: Any) -> CellDescription:
    """Check a description read from YAML, JSON or a form. Raises ValueError in one readable line."""
    if not isinstance(mapping, dict):
        raise ValueError("a cell description is a mapping of field names to values")
    try:
        return CellDescription.model_validate(mapping)
    except pydantic.ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc'])) or 'cell'}: {item['msg']}" for item in error.errors())
        raise ValueError("; ".join(problems)) from error


def read_description(path: pathlib.Path) -> CellDescription:
    """Read one description from a .yaml, .yml or .json file. Raises ValueError when it is not one."""
    with path.open("rb") as file:
        content = file.read(LONGEST_DESCRIPTION_BYTES + 1)
    try:
        mapping = read_mapping(content)
    except ValueError as error:
        raise ValueError(f"{path.name} {error}") from error
    return from_mapping(mapping)


def read_mapping(content: bytes) -> dict[str, Any]:
    """The mapping in a YAML or JSON file. Raises ValueError.

    Without aliases: ten lines of them can mean a billion values.
    """
    if len(content) > LONGEST_DESCRIPTION_BYTES:
        raise ValueError(f"is longer than {LONGEST_DESCRIPTION_BYTES // 1000} kB: this is no description of a cell")
    try:
        text = content.decode("utf-8-sig")
        mapping = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _PlainLoader)
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {' '.join(str(error).split())[:300]}") from error
    except RecursionError:
        raise ValueError("cannot be read: nested too deep") from None
    if not isinstance(mapping, dict):
        raise ValueError("a cell description is a mapping of field names to values")
    return mapping


class _PlainLoader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken; write the value again")
        return super().compose_node(parent, index)


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
