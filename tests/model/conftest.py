from __future__ import annotations

from pathlib import Path

import pytest

from model.artifact import TwinModel


@pytest.fixture(scope="session")
def model(model_dir: Path) -> TwinModel:
    """The trained model."""
    return TwinModel.load(model_dir)
