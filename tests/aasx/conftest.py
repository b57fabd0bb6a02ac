"""A small made-up twin: two cells with a few cycles, one of them predicted, the fleet and an AI model."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from aasx import shell, vocabulary
from aasx.cell_description import CellDescription, nasa_cells
from aasx.identifiers import model_submodel_id
from aasx.packages import package

CURVES = (
    b"id_cycle,type,Time,Voltage_measured,Current_measured,Temperature_measured\n"
    b"1,charge,0.0,3.5,1.5,24.1\n1,discharge,0.0,4.19,-2.0,24.3\n2,discharge,0.0,4.18,-2.0,24.2\n"
)

PREDICTION: dict[str, Any] = {
    "RemainingUsefulLifePrediction": {
        "RemainingUsefulLifetime": {"DurationValue": 42.3, "StartValue": 3},
        "ConfidenceInterval": {"min": 35, "max": 50},
        "PredictionModelInformation": {"SMAIModelNamePlate": model_submodel_id("1.2.3")},
        "AlertAfterExceedingRemainingUsableLife": {"MaintenanceRequired": False},
    },
    "StateOfHealthPrediction": {"StateOfHealth": 92.1, "StateOfHealthLower": 91.0, "StateOfHealthUpper": 93.4},
    "PredictionDetails": {
        "AtCycle": 3, "RUL": 42.3, "RULLower": 35.4, "RULUpper": 49.6, "OutsideTrainingRange": False,
        "PredictionStatus": "ok", "PredictedAt": "2026-05-01T10:00:00Z",
    },
    "CapacityTrajectory": {
        "Cycle": [3, 4], "Capacity": [1.8, 1.7], "CapacityLower": [1.7, 1.6], "CapacityUpper": [1.9, 1.8],
    },
    "Drivers": [{"Feature": "Rct", "FeatureValue": 0.07, "FeatureUnit": "Ω", "Effect": -3.5}],
    "SimilarCells": [{"Battery": "B0006", "Weight": 0.6}],
}  # fmt: skip

CARD: dict[str, Any] = {
    "name": "RUL blend",
    "version": "1.2.3",
    "sha256": "ab" * 32,
    "framework": "XGBoost 3",
    "training_cells": ["B0006", "B0007"],
    "training_data": "a citation",
    "data_sha256": "cd" * 32,
    "metrics": {"rul_mae_cycles": 6.4, "rul_mae_cycles_B0005": 5.5},
    "hyperparameters": {"max_depth": 3, "learning rate": 0.03},
    "features": {"level": "Ah", "step": "Ah"},
    "columns": {"capacity_Ah": "Ah"},
    "training_range": {"capacity_Ah": (1.3, 2.05, 1.7, 0.2)},
    "limits": {"en": "only 24 °C", "fr": "seulement 24 °C"},
}

TRAINING_RANGE = {"DischargeCurrent": (1.96, 2.04, 2.0, 0.01), "Rct": (0.05, 0.11, 0.08, 0.02)}


def made_up_records(count: int) -> list[dict[str, Any]]:
    """`count` cycles in which every column has a number of its own; what a first cycle lacks is None."""
    records = []
    for cycle in range(1, count + 1):
        record: dict[str, Any] = {
            column.id_short: round(cycle + index / 64, 6) for index, column in enumerate(vocabulary.RECORD_COLUMNS)
        }
        record |= {"id_cycle": cycle, "type": "discharge", "Time": f"2008-04-{cycle:02d}T15:25:41"}
        record["RestBefore"] = None if cycle == 1 else 6.5
        records.append(record)
    return records


@dataclasses.dataclass(frozen=True)
class SmallTwin:
    objects: list[Any]
    files: dict[str, bytes]

    def package(self, form: str = "xml") -> bytes:
        return package.to_bytes(self.objects, self.files, form)


def build_small_twin(delegate_url: str = "http://127.0.0.1:5000") -> SmallTwin:
    """B0005 with history and prediction, B0025 (nothing stated) with history only, fleet, model, vocabulary."""
    known, bare = nasa_cells()["B0005"], nasa_cells()["B0025"]
    objects = [
        *shell.build_cell(known, made_up_records(3), PREDICTION, CURVES, delegate_url, TRAINING_RANGE),
        *shell.build_cell(bare, made_up_records(2), delegate_url=delegate_url),
        *shell.build_fleet({"B0005": {"RUL": 42.3}, "B0025": {}}, delegate_url),
        *shell.build_model(CARD),
        *vocabulary.concept_descriptions(),
    ]
    return SmallTwin(objects, shell.cell_files(known, CURVES) | shell.cell_files(bare))


@pytest.fixture(scope="session")
def small_twin() -> SmallTwin:
    return build_small_twin()


@pytest.fixture
def own_cell() -> CellDescription:
    """A user's cell of which little is known."""
    return CellDescription(cell="Lab_7", source="laboratory note 7", rated_capacity_Ah=3.2)
