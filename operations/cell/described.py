"""What TechnicalData says of a cell: its facts for the model, and the limits on its measurements that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from aasx.cell_description import DEFAULT_END_OF_LIFE_PERCENT, MOST_CELLS_IN_A_ROW
from aasx.elements.build import VALUE_ORIGIN
from aasx.elements.shape import LARGEST, Foreign
from aasx.elements.values import Json
from aasx.submodels.technical_data import AREAS_PATH, MEASURED
from model.records.cycle import COLUMNS
from model.records.cycle import DEFAULT_END_OF_LIFE_PERCENT as NASA_END_OF_LIFE_PERCENT
from model.records.cycle import MEASURED as MEASURED_COLUMNS
from model.records.facts import NASA_CELL_TYPE, NASA_FACTS, CellFacts, limits, rated_from_cycles

Limits = dict[str, tuple[float, float]]
"""Lowest and highest possible value of each measured column of a cycle, at the terminals."""

RATED_CAPACITY = "RatedCapacity"
FACTS = {
    "cell_type": ("CellType", str),
    "chemistry": ("Chemistry", str),
    "form": ("FormFactor", str),
    "voltage_minimum_V": ("LowestCellVoltage", float),
    "voltage_maximum_V": ("HighestCellVoltage", float),
    "capacity_end_voltage_V": ("CapacityEndVoltage", float),
    "highest_charge_A": ("HighestChargeCurrent", float),
    "highest_discharge_A": ("HighestDischargeCurrent", float),
    "series_count": ("SeriesCount", int),
    "parallel_count": ("ParallelCount", int),
}
"""Where each fact of `CellFacts` stands in TechnicalData, and what it is."""

EXPECTED = {float: "a positive number", int: "a whole number from 1", str: "a text of at most 100 characters"}
LONGEST_TEXT = 100

OF_THE_CELL = frozenset(limits(CellFacts(), None))
"""Columns whose limits follow from what is known of the cell."""


@dataclass(frozen=True)
class Described:
    """A cell as TechnicalData describes it, at its terminals; None where nothing is stated.

    `measured_Ah` is the rated capacity that this twin took from the first cycles and wrote down, `rated_path` the place
    of RatedCapacity in the submodel.
    """

    facts: CellFacts
    stated_Ah: float | None = None
    measured_Ah: float | None = None
    cut_off_voltage_V: float | None = None
    rated_path: str | None = None
    ambient_temperature_degC: float | None = None

    @classmethod
    def of(cls, submodel: Json, noted: list[Foreign] | None = None) -> Described:
        """From the JSON of a TechnicalData submodel; what is not of its type is left out and noted."""
        found = _Found(submodel, [] if noted is None else noted)
        facts = {name: found.value(id_short, kind) for name, (id_short, kind) in FACTS.items()}
        stated = {name: value for name, value in facts.items() if value is not None}
        base = vars(NASA_FACTS if stated.get("cell_type") == NASA_CELL_TYPE else CellFacts())
        rated = found.value(RATED_CAPACITY, float)
        is_measured = MEASURED in found.origins(RATED_CAPACITY)
        cut_off = found.value("CutOffVoltage", float)
        return cls(
            CellFacts(**base | stated),
            stated_Ah=None if is_measured else rated,
            measured_Ah=rated if is_measured else None,
            cut_off_voltage_V=found.value("MinVoltage", float) if cut_off is None else cut_off,
            rated_path=found.path(RATED_CAPACITY),
            ambient_temperature_degC=found.value("ambient_temperature", float),
        )

    def rated_Ah(self, cycles: pd.DataFrame) -> float:
        """The rated capacity that is stated, else that of the first cycles; NaN while there are too few of them."""
        if self.stated_Ah is not None:
            return self.stated_Ah
        measured = rated_from_cycles(cycles["capacity_Ah"].to_numpy(float)) if len(cycles) else None
        return math.nan if measured is None else measured

    @cached_property
    def default_end_of_life_percent(self) -> float:
        """Where the thresholds of the AAS name none."""
        is_nasas = self.facts.cell_type == NASA_CELL_TYPE
        return NASA_END_OF_LIFE_PERCENT if is_nasas else DEFAULT_END_OF_LIFE_PERCENT


def column_limits(facts: CellFacts, rated_capacity_Ah: float) -> Limits:
    """Of every measured column; a capacity above 0 (0 is an aborted test, not a cycle)."""
    own = limits(facts, rated_capacity_Ah)
    found = {name: own.get(name, (COLUMNS[name].low, COLUMNS[name].high)) for name in MEASURED_COLUMNS}
    low_Ah = 1e-3 if not math.isfinite(rated_capacity_Ah) else min(1e-3, 1e-3 * rated_capacity_Ah)
    return found | {"capacity_Ah": (low_Ah, found["capacity_Ah"][1])}


class _Found:
    """The properties in the areas of a TechnicalData submodel, wherever they stand."""

    def __init__(self, submodel: Json, noted: list[Foreign]) -> None:
        self._noted = noted
        areas = next((one for one in _children(submodel, "submodelElements") if one.get("idShort") == AREAS_PATH), {})
        self._properties = [
            (f"{AREAS_PATH}[{index}].{element['idShort']}", element)
            for index, area in enumerate(_children(areas, "value"))
            for element in _children(area, "value")
            if element.get("modelType") == "Property" and element.get("idShort")
        ]

    def _named(self, id_short: str) -> list[tuple[str, Json]]:
        return [(path, element) for path, element in self._properties if element["idShort"] == id_short]

    def path(self, id_short: str) -> str | None:
        return next((path for path, _ in self._named(id_short)), None)

    def origins(self, id_short: str) -> list[Any]:
        """What the qualifiers ValueOrigin say."""
        qualifiers = [one for _, element in self._named(id_short) for one in _children(element, "qualifiers")]
        return [one.get("value") for one in qualifiers if one.get("type") == VALUE_ORIGIN]

    def value(self, id_short: str, kind: type) -> Any:
        """The first value that fits, None for none: a positive number (float), a count (int) or a short text (str)."""
        for _, element in self._named(id_short):
            stated = element.get("value")
            if stated in (None, ""):
                continue
            value = _as_kind(stated, kind)
            if value is not None:
                return value
            self._noted.append(Foreign(f"TechnicalData {id_short}", repr(stated)[:40], EXPECTED[kind]))
        return None


def _children(element: Json, name: str) -> list[Json]:
    children = element.get(name)
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _as_kind(stated: Any, kind: type) -> Any:
    if kind is str:
        return stated if isinstance(stated, str) and len(stated) <= LONGEST_TEXT else None
    try:
        value = float(stated)
    except (TypeError, ValueError):
        return None
    if kind is int:
        return int(value) if 1 <= value <= MOST_CELLS_IN_A_ROW and value == int(value) else None
    return value if 0 < value <= LARGEST["xs:double"] else None
