"""The model card's figures are those of the evaluation."""

from __future__ import annotations

import re
from typing import Any

from model.evaluation.report import CARD_END, CARD_START
from tests.servers import ROOT


def test_figures_of_the_model_card_are_those_of_the_evaluation(evaluation: Any) -> None:
    card = (ROOT / "model" / "README.md").read_text(encoding="utf-8")
    figures = card.partition(CARD_START)[2].partition(CARD_END)[0]
    rows = [line for line in figures.splitlines() if line.startswith("|") and not re.match(r"\|[-: |]+$", line)]
    assert len(rows) > 20
    evaluated = {tuple(line.split()) for line in evaluation.text.splitlines()}
    stale = [row for row in rows if tuple(row.replace("|", " ").split()) not in evaluated]
    assert not stale, "renew with: python scripts/evaluate.py --card model/README.md\n" + "\n".join(stale)


def test_every_file_of_the_model_stands_in_its_card() -> None:
    card = (ROOT / "model" / "README.md").read_text(encoding="utf-8").replace("\\_", "_")
    for path in (ROOT / "model").glob("*.py"):
        assert path.name == "__init__.py" or path.name in card, path.name
