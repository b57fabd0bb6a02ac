"""Why a prediction came out as it did: effect of each feature, and the training cells it resembles.

Effects are XGBoost's own SHAP values (`pred_contribs`, S. M. Lundberg et al., "From local explanations to global
understanding with explainable AI for trees", Nature Machine Intelligence 2 (2020) 56-67). The learned part predicts
the logarithm of the remaining life, so a SHAP value s times the weight of the learned part in the blend is a factor
exp(s) on the remaining life, given here in percent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from model.prediction import Driver, SimilarCell

MOST_DRIVERS = 8
MOST_SIMILAR_CELLS = 5


def drivers(
    log_effects: Mapping[str, float], values: Mapping[str, float], units: Mapping[str, str], most: int = MOST_DRIVERS
) -> list[Driver]:
    """The features with the largest effects on one prediction, largest first."""
    ranked = sorted(log_effects, key=lambda name: (-abs(log_effects[name]), name))[:most]
    result = []
    for name in ranked:
        value = values.get(name, math.nan)
        known = float(value) if math.isfinite(value) else None
        result.append(Driver(name, known, units.get(name, ""), 100.0 * math.expm1(log_effects[name])))
    return result


def similar_cells(weights: Mapping[str, float], most: int = MOST_SIMILAR_CELLS) -> list[SimilarCell]:
    """The training cells that this one resembles most, most similar first."""
    ranked = sorted(weights, key=lambda cell: (-weights[cell], cell))[:most]
    return [SimilarCell(cell, float(weights[cell])) for cell in ranked]
