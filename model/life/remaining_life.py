"""Remaining useful life: blend of four bases, each of which sees the training cells in its own way.

    ln RUL = sum_b w_b ln RUL_b,    w_b ~ 1 / (mean squared ln error of base b in inner leave-one-cell-out)

Inverse-variance weights: Bates & Granger (1969), Operational Research Quarterly 20:451. They stay close to equal
weights on purpose: with three or four training cells a sharper choice mostly follows noise (Smith & Wallis (2009),
Oxford Bulletin of Economics and Statistics 71:331, "the forecast combination puzzle"). Two signals of a base compete,
where there are two, by the same inner error. The trees stop after the fewest rounds whose inner error is within one
standard error of the least (Breiman et al. (1984), Classification and Regression Trees, sec. 3.4.3): three cells do not
tell more. Nothing is chosen by looking at the cell that is predicted.

Tried beside, with the macro MAE in cycles at 1.4 Ah / at thresholds that nothing was tuned to: a particle filter on
level, fade rate and recovery (15 to 23 / 13 to 19); choosing one combination of bases by inner error instead of
weighting (4.3 to 7.6 / 9.0 to 12); level curves in shares of the first capacity (none for B0006 / 8.9 to 10);
correcting a cell by its own errors at levels it has passed (5.7 to 19 / 8.4 to 18); exponents of 0.2 and 0.45 instead
of the estimated 0.33 in the level curve (5.2, 8.5 / 9.9, 10.1); shrinking the fade rate of short records (4.1 to 4.5 /
8.4 to 8.9); drawing censored B0007 on to 1.4 Ah (8.5 to 11 / unchanged); trees that start from a constant instead of a
law (3.8 to 4.6 / 7.5 to 8.7); always 300 rounds of trees (4.3 / 7.9 to 8.5), the rounds of the least inner error (4.1 /
7.9 to 8.3), the mean over all rounds (4.1 / 7.7 to 8.2), 50 as the fewest (3.9 / 7.5 to 8.0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost

from model.errors import NotEnoughHistory
from model.life.boosting import ROUNDS, Boosting, rounded_exponent, train_boosting
from model.life.fade import MEDIAN, RECENT_MINIMUM, FadeRecord, fade_rate_exponent
from model.life.gaussian_process import FIRST_CYCLE, GaussianProcess, TRAINING_THRESHOLDS_Ah
from model.life.intervals import QuantileTable, RulInterval, end_of_life_sharpness, rul_score
from model.life.level_curve import LevelCurve
from model.life.similarity import Similarity
from model.records.cycle import History, remembered

Base = LevelCurve | Similarity | GaussianProcess | Boosting

Form = tuple[str, str]
"""Name of a base and the form of it: the signal that it follows, or the rounds of its trees."""

FORMS: dict[str, tuple[Form, ...]] = {
    "level curve": (("level curve", RECENT_MINIMUM), ("level curve", MEDIAN)),
    "similarity": (("similarity", RECENT_MINIMUM), ("similarity", MEDIAN)),
    "gaussian process": (("gaussian process", RECENT_MINIMUM),),
    "boosting": tuple(("boosting", str(rounds)) for rounds in ROUNDS),
}
"""The bases, and the forms in which each is offered."""

BoosterCache = dict[tuple[Any, ...], Boosting]
"""Trained boosters by (cells, exponent), so that fits on the same cells of one data set share them."""


@dataclass(frozen=True)
class RulEstimate:
    """RUL in cycles at a cycle, what each base says, and how much each training cell resembles this one."""

    rul_cycles: float
    by_base: dict[str, float]
    similar_cells: dict[str, float]
    at_cycle: int


@dataclass(frozen=True)
class RulExplanation:
    """An estimate, the lives (m,) in cycles at m further thresholds, and why.

    `effects`: effect of each boosting feature on ln RUL of the blend, SHAP values times the weight of that base;
    `values`: the features' values in the units of `model.life.boosting.FEATURES`, NaN where not measured.
    """

    estimate: RulEstimate
    lives: np.ndarray
    effects: dict[str, float]
    values: dict[str, float]


def _make_base(
    form: Form, references: Sequence[FadeRecord], exponent: float, exponent_error: float, cache: BoosterCache
) -> Base:
    """One base in one form on the given cells."""
    name, kind = form
    if name == "level curve":
        return LevelCurve(references, exponent, kind)
    if name == "similarity":
        return Similarity(references, exponent, kind)
    if name == "gaussian process":
        return GaussianProcess(references, exponent, exponent_error)
    key = (tuple(reference.cell for reference in references), rounded_exponent(exponent))
    if key not in cache:
        cache[key] = train_boosting(references, exponent)
    return cache[key].after(int(kind))


@dataclass(frozen=True)
class _Trial:
    """What every form of every base says of one reference cell that it has not seen: inner leave-one-cell-out.

    `lives` and each of `log_lives`: (cycles, training thresholds), NaN where there is no life left or none is known.
    """

    lives: np.ndarray
    log_lives: dict[Form, np.ndarray]

    @classmethod
    def of(
        cls, left_out: FadeRecord, rest: Sequence[FadeRecord], make: Callable[[Form, Sequence[FadeRecord]], Base]
    ) -> _Trial:
        cycles = np.arange(FIRST_CYCLE, len(left_out) + 1)
        lives = np.full((len(cycles), len(TRAINING_THRESHOLDS_Ah)), np.nan)
        for column, threshold in enumerate(TRAINING_THRESHOLDS_Ah):
            end = left_out.crossing(threshold)
            if end is not None and any(other.crossing(threshold) for other in rest):
                lives[:, column] = np.where(cycles < end, float(end) - cycles, np.nan)
        asked = left_out, cycles - 1, TRAINING_THRESHOLDS_Ah
        logs: dict[Form, np.ndarray] = {}
        for offered in FORMS.values():
            most = make(offered[-1], rest)
            if isinstance(most, Boosting):  # of all rounds
                rounds = [int(kind) for _, kind in offered]
                logs |= dict(zip(offered, most.log_lives(*asked, rounds), strict=True))
            else:
                logs |= {form: make(form, rest).log_life(*asked) for form in offered}
        return cls(lives, logs)

    def mean_squared(self, form: Form) -> float:
        """Mean over thresholds of the mean squared ln error; NaN if the cell has no life to judge by."""
        squared = (np.maximum(self.log_lives[form], 0.0) - np.log(self.lives)) ** 2
        columns = [np.nanmean(column) for column in squared.T if np.isfinite(column).any()]
        return float(np.mean(columns)) if columns else np.nan

    def scores(self, forms: dict[str, Form], weights: dict[str, float], sharpness: float) -> list[np.ndarray]:
        """Interval scores of the blend over all cycles, for each threshold that the cell reaches."""
        life = np.exp(_blend({name: self.log_lives[form] for name, form in forms.items()}, weights))
        score = rul_score(self.lives, life, sharpness).T
        return [column[np.isfinite(column)] for column in score if np.isfinite(column).any()]


def _chosen(offered: Sequence[Form], trials: Sequence[_Trial]) -> tuple[Form, float]:
    """The form of a base with the least mean inner error, and that error; of trees the fewest rounds that do as well
    within one standard error."""
    each = np.array([[trial.mean_squared(form) for trial in trials] for form in offered])
    errors = np.nanmean(each, axis=1)
    best = int(np.argmin(errors))
    if offered[best][0] == "boosting":
        known = each[best][np.isfinite(each[best])]
        spread = float(np.std(known, ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
        best = int(np.argmax(errors <= errors[best] + spread))
    return offered[best], float(errors[best])


@dataclass(frozen=True)
class RemainingLife:
    """Predictor of the RUL at any end-of-life capacity.

    `fit` learns from complete histories; `predict` needs one cell's history. Holds no mutable state.
    """

    references: Sequence[FadeRecord]
    exponent: float
    exponent_error: float
    forms: dict[str, Form]
    weights: dict[str, float]
    bases: dict[str, Base]
    uncertainty: RulInterval

    @classmethod
    def fit(
        cls,
        reference: Sequence[History],
        others: Sequence[History] = (),
        progress: Callable[[str], None] | None = None,
        cache: BoosterCache | None = None,
    ) -> RemainingLife:
        """Learn from `reference` cells; `others` only give the fade-rate exponent.

        `cache` shares boosters between fits on one data set. Raises `NotEnoughHistory` unless two references get below
        one of `TRAINING_THRESHOLDS_Ah`.
        """
        references = [FadeRecord.of(history) for history in reference]
        if sum(record.crossing(max(TRAINING_THRESHOLDS_Ah)) is not None for record in references) < 2:
            raise NotEnoughHistory("a RUL model needs at least two reference cells that wear out")
        cache = {} if cache is None else cache
        exponent, error = fade_rate_exponent([FadeRecord.of(history) for history in others])

        def make(form: Form, cells: Sequence[FadeRecord]) -> Base:
            return _make_base(form, cells, exponent, error, cache)

        trials = []
        for left_out in references:
            if progress:
                progress(f"inner fit without {left_out.cell}")
            rest = [record for record in references if record is not left_out]
            trials.append(_Trial.of(left_out, rest, make))
        chosen = {name: _chosen(offered, trials) for name, offered in FORMS.items()}
        forms = {name: form for name, (form, _) in chosen.items()}
        inverse = {name: 1.0 / error for name, (_, error) in chosen.items()}
        weights = {name: value / sum(inverse.values()) for name, value in inverse.items()}
        sharpness = end_of_life_sharpness(references)
        scores = [trial.scores(forms, weights, sharpness) for trial in trials]
        widest = QuantileTable.largest([QuantileTable.of_groups(each) for each in scores if each])
        uncertainty = RulInterval(widest, sharpness)
        bases = {name: make(form, references) for name, form in forms.items()}
        return cls(references, exponent, error, forms, weights, bases, uncertainty)

    # ------------------------------------------------------------ asking

    def predict(
        self, history: History, at_cycle: int | None = None, end_of_life_capacity_Ah: float = 1.4
    ) -> RulEstimate:
        """RUL in cycles after `at_cycle` (default: the last), knowing only cycles up to it. 0 once it is over.

        Raises `NotEnoughHistory` if no cycle is known by then.
        """
        return self.explain(history, at_cycle, end_of_life_capacity_Ah, np.zeros(0)).estimate

    def explain(
        self, history: History, at_cycle: int | None, end_of_life_capacity_Ah: float, thresholds_Ah: np.ndarray
    ) -> RulExplanation:
        """The estimate, the lives at further thresholds, and what the features did to it; all in one pass."""
        record, place = self._record_at(history, at_cycle)
        places = np.array([place])
        wanted = np.concatenate(([end_of_life_capacity_Ah], thresholds_Ah))
        boosting, similarity = self.bases["boosting"], self.bases["similarity"]
        assert isinstance(boosting, Boosting) and isinstance(similarity, Similarity)
        told = boosting.explain(record, place, wanted)
        alike, similar_cells = similarity.explain(record, place, wanted)
        known = {"boosting": told.log_life, "similarity": alike}
        logs = {
            name: known[name] if name in known else base.log_life(record, places, wanted)
            for name, base in self.bases.items()
        }
        lives = self._lives(record, places, wanted, logs)[0]
        estimate = RulEstimate(
            rul_cycles=float(lives[0]),
            by_base={name: float(np.exp(log[0, 0])) for name, log in logs.items() if np.isfinite(log[0, 0])},
            similar_cells=similar_cells,
            at_cycle=int(record.columns["cycle_number"][place]),
        )
        return RulExplanation(
            estimate=estimate,
            lives=lives[1:],
            effects={name: effect * self.weights["boosting"] for name, effect in told.effects.items()},
            values=told.values,
        )

    def predict_grid(self, history: History, at_cycles: Any, thresholds_Ah: Any) -> np.ndarray:
        """RUL in cycles at n cycles for m thresholds, shape (n, m), never rising with the threshold.

        Each row knows only the cycles up to its own. 0 where the threshold is already crossed.
        """
        places = np.searchsorted(history.columns["cycle_number"], np.asarray(at_cycles), side="right") - 1
        if np.any(places < 0):
            raise NotEnoughHistory(f"{history.cell} has no cycle up to {at_cycles}")
        record, thresholds = FadeRecord.of(history), np.asarray(thresholds_Ah, float)
        logs = {name: base.log_life(record, places, thresholds) for name, base in self.bases.items()}
        return self._lives(record, places, thresholds, logs)

    def _lives(
        self, record: FadeRecord, places: np.ndarray, thresholds: np.ndarray, logs: dict[str, np.ndarray]
    ) -> np.ndarray:
        """RUL in cycles (n, m) from what the bases say."""
        life = np.exp(_blend(logs, self.weights))
        order = np.argsort(-thresholds, kind="stable")
        life[:, order] = np.maximum.accumulate(life[:, order], axis=1)
        return np.where(record.level_Ah()[places][:, None] < thresholds[None, :], 0.0, life)

    def interval(self, rul_cycles: Any, confidence_level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bound in cycles for RUL of any shape."""
        return self.uncertainty.bounds(rul_cycles, confidence_level)

    def _record_at(self, history: History, at_cycle: int | None) -> tuple[FadeRecord, int]:
        known = history if at_cycle is None else history.until(at_cycle)
        if not len(known.cycles):
            raise NotEnoughHistory(f"{history.cell} has no cycle up to {at_cycle}")
        return remembered(known.whole, "fade", lambda: FadeRecord.of(known.whole)), len(known.cycles) - 1

    # ------------------------------------------------------------ keeping

    @property
    def boosters(self) -> dict[str, xgboost.Booster]:
        """The boosters by name."""
        boosting = self.bases["boosting"]
        assert isinstance(boosting, Boosting)
        return {"rul": boosting.booster}

    def to_state(self) -> dict[str, Any]:
        """JSON-able state, everything but the boosters."""
        boosting = self.bases["boosting"]
        assert isinstance(boosting, Boosting)
        return {
            "references": [record.to_state() for record in self.references],
            "exponent": self.exponent,
            "exponent_error": self.exponent_error,
            "forms": {name: form for name, (_, form) in self.forms.items()},
            "weights": self.weights,
            "boosting_exponent": boosting.exponent,
            "interval": {"scores": list(self.uncertainty.scores.values), "sharpness": self.uncertainty.sharpness},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], boosters: dict[str, xgboost.Booster]) -> RemainingLife:
        """Inverse of `to_state` with the boosters of `boosters`."""
        references = [FadeRecord.from_state(one) for one in state["references"]]
        exponent, error = state["exponent"], state["exponent_error"]
        forms: dict[str, Form] = {name: (name, kind) for name, kind in state["forms"].items()}
        boosting = Boosting(boosters["rul"], state["boosting_exponent"])
        bases: dict[str, Base] = {
            name: boosting if name == "boosting" else _make_base(form, references, exponent, error, {})
            for name, form in forms.items()
        }
        stored = state["interval"]
        uncertainty = RulInterval(QuantileTable(tuple(stored["scores"])), stored["sharpness"])
        return cls(references, exponent, error, forms, state["weights"], bases, uncertainty)


def _blend(logs: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    """Weighted mean of ln RUL (floored at one cycle) over the bases that can say something."""
    stacked = np.stack(list(logs.values()))
    known = np.isfinite(stacked)
    share = known * np.array([weights[name] for name in logs])[:, None, None]
    return np.sum(share * np.where(known, np.maximum(stacked, 0.0), 0.0), axis=0) / share.sum(axis=0)
