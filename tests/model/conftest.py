from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model.serving.artifact import TwinModel
from tests.conftest import must_run


@pytest.fixture(scope="session")
def model(model_dir: Path) -> TwinModel:
    """The trained model."""
    return TwinModel.load(model_dir)


@dataclass(frozen=True)
class EvaluationRun:
    """What one run of scripts/evaluate.py printed and wrote."""

    text: str
    figures: dict[str, Any]
    page: str


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> EvaluationRun:
    """The whole evaluation, run once."""
    folder = tmp_path_factory.mktemp("evaluation")
    output = ("--json", folder / "figures.json", "--html", folder / "report.html")
    text = must_run("scripts/evaluate.py", *output, timeout_s=900)
    figures = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    return EvaluationRun(text, figures, (folder / "report.html").read_text(encoding="utf-8"))
