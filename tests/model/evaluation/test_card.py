"""The model card's figures are those of the evaluation, and of the training what that says of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from model.evaluation.report import CARD_END, CARD_START
from tests.servers import ROOT

RENEW = "renew with: python scripts/evaluate.py --card model/README.md\n"


def rows() -> list[str]:
    card = (ROOT / "model" / "README.md").read_text(encoding="utf-8")
    figures = card.partition(CARD_START)[2].partition(CARD_END)[0]
    return [line for line in figures.splitlines() if line.startswith("|") and not re.match(r"\|[-: |]+$", line)]


def test_figures_of_the_model_card_are_those_of_the_evaluation(evaluation: Any) -> None:
    assert len(rows()) > 20
    evaluated = {tuple(line.split()) for line in evaluation.text.splitlines()}
    stale = [row for row in rows() if tuple(row.replace("|", " ").split()) not in evaluated]
    assert not stale, RENEW + "\n".join(stale)


def test_the_trained_model_has_the_figures_of_the_card(model_dir: Path) -> None:
    """Leave one cell out is part of the training: no evaluation is needed to see that the card is of another model."""
    version = json.loads((model_dir / "serving.json").read_text(encoding="utf-8"))["version"]
    told = json.loads((model_dir / version / "model.json").read_text(encoding="utf-8"))["card"]["metrics"]
    written = {row.split("|")[1].strip(): [part.strip() for part in row.split("|")[2:-1]] for row in rows()}
    mae, mae4, rmse, alpha, cra = (told[f"rul_{name}"] for name in
                                   ("mae_cycles", "mae4_cycles", "rmse_cycles", "alpha_lambda", "cra"))  # fmt: skip
    each = [f"{told[f'rul_mae_cycles_{cell}']:.1f}" for cell in ("B0005", "B0006", "B0007", "B0018")]
    row = [f"{mae:.2f}", f"{mae4:.2f}", f"{rmse:.2f}", f"{rmse**2:.1f}", f"{alpha:.2f}", f"{cra:.2f}", *each]
    assert written["nested blend"] == row, RENEW
    for name, key in (("mean life", "mean_life"), ("linear fit of last 30", "linear_fit"),
                      ("trajectory similarity", "similarity"), ("plain XGBoost", "plain_xgboost")):  # fmt: skip
        assert written[name][0] == f"{told[f'rul_mae_cycles_{key}']:.2f}"
        assert mae < told[f"rul_mae_cycles_{key}"] and rmse < told[f"rul_rmse_cycles_{key}"]
    assert mae <= 4.34 and mae4 <= 9 and alpha >= 0.8 and cra >= 0.85
    assert told["capacity_rmse_Ah"] < told["capacity_rmse_Ah_persistence"]
    assert told["rul_coverage"] >= 0.87 and told["capacity_coverage"] >= 0.88


def test_every_file_of_the_model_stands_in_its_card() -> None:
    card = (ROOT / "model" / "README.md").read_text(encoding="utf-8").replace("\\_", "_")
    for path in (ROOT / "model").glob("*.py"):
        assert path.name == "__init__.py" or path.name in card, path.name
