"""The trained model as one object: train it, save it, load it, ask it.

`train` fits one model on all cells (`full`) and, for each training cell, one that never saw that cell
(`crossFitted`), so that a twin of a training cell is predicted as honestly as a new one. On disk a model is a folder:

    <version>/model.json      everything but the boosters: states of the predictors, card, training cells
    <version>/boosters/*.ubj  XGBoost boosters, named by the hash of their bytes (equal ones are stored once)
    <version>/manifest.json   SHA-256 of each file and one over all of them
    serving.json              which version answers when the folder above is loaded

Life cycle:

    model = train(model.records.data.load_cycles())
    model = model.save(Path("models"))
    prediction = TwinModel.load(Path("models")).predict(history)
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from model import cluster, degradation, prediction, running_capacity
from model.capacity import CapacityModel
from model.cluster import Run
from model.degradation import Degradation
from model.errors import BadArtifact, InvalidInput, NotEnoughHistory
from model.evaluation import evaluation
from model.evaluation.evaluation import END_OF_LIFE_Ah, Life, RulScore
from model.evaluation.kinds import pool_cells
from model.life.boosting import FEATURES, PARAMETERS
from model.life.fade import FadeRecord
from model.life.relative.blend import RelativeLife
from model.life.relative.siblings import admitted
from model.life.remaining_life import BoosterCache, RemainingLife
from model.prediction import Prediction, Scenario, Simulation
from model.records import data, public, validity
from model.records.cycle import COLUMNS, History, remembered
from model.records.data import REFERENCE_CELLS
from model.records.facts import NASA_CELL_TYPE
from model.records.public import KnownCells
from model.serving import answer, any_cell
from model.serving.answer import Fitted, ModelIdentity, Question, Trust

MODEL_NAME = "battery-twin-xgboost"

BASELINES = {
    "mean_life": evaluation.mean_life,
    "linear_fit": evaluation.linear_fit,
    "similarity": evaluation.plain_similarity,
    "plain_xgboost": evaluation.plain_boosting,
}
"""What the remaining life is compared with in the card."""

LIMITS = {
    "en": (
        "The remaining life is learned from four cells of one type, worn out by cycling at 24 degC and 2 A; "
        "other conditions are named as outside the training range, and errors there are larger than the interval "
        "tells. Expect 5 to 10 cycles of error for a new cell of the same kind. Of the what-if effects only that of "
        "cold is supported by these cells; those of heat and of the depth of discharge come from literature."
    ),
    "fr": (
        "La durée de vie restante est apprise de quatre cellules d'un même type, cyclées à 24 °C et 2 A jusqu'à leur "
        "fin de vie ; les autres conditions sont signalées comme hors du domaine d'entraînement, et l'erreur y dépasse "
        "l'intervalle indiqué. Pour une nouvelle cellule semblable, compter 5 à 10 cycles d'erreur. Parmi les effets "
        "simulés, seul celui du froid est confirmé par ces cellules ; ceux de la chaleur et de la profondeur de "
        "décharge viennent de la littérature."
    ),
}
"""What a person should know before trusting an answer."""

FORMAT = 2
"""Layout of the stored folder; a model of another layout is refused."""

SERVING, MANIFEST, STATE, BOOSTERS = "serving.json", "manifest.json", "model.json", "boosters"

PACKAGE = Path(__file__).parents[1]
"""The folder `model`."""

NOT_PART_OF_THE_MODEL = ("__main__.py", "cluster.py", "evaluation/report.py")
"""Files of this package, relative to it, whose change does not make another model."""

FOLDS = 10
"""The cells are left out in this many groups; a cell's cross-fitted model saw no cell of its group."""

END_OF_LIFE_RANGE = (0.3, 1.0)
"""Lowest and highest end-of-life capacity that can be asked for, as a share of the rated capacity."""


# ---------------------------------------------------------------- training


def fingerprint(cycles: pd.DataFrame) -> str:
    """SHA-256 over training data, code and library version: two models with the same are the same model."""
    digest = hashlib.sha256()
    digest.update(data.data_sha256(cycles).encode())
    digest.update(public.sha256().encode())
    digest.update(code_sha256().encode())
    digest.update(f"xgboost {xgboost.__version__} numpy {np.__version__} format {FORMAT}".encode())
    return digest.hexdigest()


@cache
def code_sha256() -> str:
    """SHA-256 over the source of this package (its parameters stand in it), whatever the line endings.

    Taken once: a file that is saved while this process runs is not what it runs.
    """
    return sha256_of_code(PACKAGE)


def sha256_of_code(package: Path) -> str:
    """SHA-256 over names, relative to the folder, and contents of the modules that make the model, at any depth."""
    digest = hashlib.sha256()
    names = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    for name in sorted(set(names) - set(NOT_PART_OF_THE_MODEL)):
        digest.update(name.encode())
        digest.update(names[name].read_text(encoding="utf-8").encode("utf-8"))
    return digest.hexdigest()


def version_of(cycles: pd.DataFrame) -> str:
    """Version name of the model of these data and this code."""
    return f"v{FORMAT}_{fingerprint(cycles)[:10]}"


def train(
    cycles: pd.DataFrame, progress: Callable[[str], None] = lambda message: None, run: Run = cluster.here
) -> TwinModel:
    """Fit the full model and one cross-fitted model per cell on a cycle table (`model.records.data.load_cycles`).

    Deterministic, wherever the fits `run` (see `model.cluster`). Raises `NotEnoughHistory` if fewer than three of
    `REFERENCE_CELLS` are in the table: each is left out once, and two must remain.
    """
    facts = data.cell_facts()
    valid = cycles[cycles["valid"]]
    histories = {cell: data.history_of(cycles, cell, facts) for cell in sorted(valid["cell"].unique())}
    reference = [histories[cell] for cell in REFERENCE_CELLS if cell in histories]
    others = [history for cell, history in histories.items() if cell not in REFERENCE_CELLS]
    if len(reference) < 3:
        raise NotEnoughHistory(f"training needs at least three of the cells {', '.join(REFERENCE_CELLS)}")
    groups = [set(list(histories)[i::FOLDS]) for i in range(min(FOLDS, len(histories)))]
    left_out = [set[str](), *groups]
    boosters: BoosterCache = {}
    lives = run(
        _fit_lives,
        [
            (reference, [[h for h in others if h.cell not in unseen] for unseen in left_out], boosters),
            *(([h for h in reference if h is not alone], [others], boosters) for alone in reference),
        ],
    )
    capacities = run(
        CapacityModel.fit, [([h for cell, h in histories.items() if cell not in unseen],) for unseen in left_out]
    )
    progress("any cell: cells of the public sets, and siblings, each set told by what the others taught")
    relative = RelativeLife.fit(pool_cells(list(histories.values())), run)
    progress(f"remaining life: full model on {len(histories)} cells and without each of {len(groups)} groups")
    full_life, *group_lives = next(lives)
    progress("capacity: full model")
    full = Fitted(full_life, next(capacities))
    crossed: dict[str, Fitted] = {}
    for unseen, life, capacity in zip(groups, group_lives, capacities, strict=True):
        progress(f"models without {', '.join(sorted(unseen))}")
        crossed |= {cell: Fitted(life, capacity) for cell in sorted(unseen)}
    for history, (life,) in zip(reference, lives, strict=True):  # each alone: every one counts where there are four
        progress(f"remaining life: model without {history.cell}")
        crossed[history.cell] = crossed[history.cell]._replace(life=life)
    ranges = {"": validity.training_range(reference)}
    for history in reference:
        ranges[history.cell] = validity.training_range([h for h in reference if h.cell != history.cell])
    progress("intervals under unseen conditions")
    needed = {history.cell: answer.needed_widening(crossed[history.cell].life, history) for history in others}
    widening = {cell: factor for cell, factor in needed.items() if factor is not None}
    model = TwinModel(
        version=version_of(cycles),
        sha256="",
        card={},
        full=full,
        crossed=crossed,
        degradation=Degradation.fit(list(histories.values())),
        known={cell: validity.first_capacities(history) for cell, history in histories.items()},
        ranges=ranges,
        widening=widening,
        relative=relative,
        public=KnownCells.of(public.read()),
    )
    progress("figures of the cross-fitted models")
    card = {
        "name": MODEL_NAME,
        "version": model.version,
        "framework": f"XGBoost {xgboost.__version__}",
        "training_cells": list(histories),
        "reference_cells": [history.cell for history in reference],
        "training_cycles": int(sum(len(history.cycles) for history in histories.values())),
        "training_data": "NASA PCoE Battery Data Set, Saha and Goebel (2007)",
        "public_sets": list(relative.unseen),
        "data_sha256": data.data_sha256(cycles),
        "code_sha256": code_sha256(),
        "fingerprint": fingerprint(cycles),
        "hyperparameters": {**PARAMETERS, "rounds": int(full.life.forms["boosting"][1]), "blend": full.life.weights},
        "features": dict(FEATURES),
        "columns": {name: column.unit for name, column in COLUMNS.items()},
        "training_range": {name: list(values) for name, values in ranges[""].items()},
        "limits": LIMITS,
        "degradation": model.degradation.to_state()["parameters"],
        "metrics": metrics(model, histories),
    }
    return replace(model, card=card)


def _fit_lives(
    reference: Sequence[History], others: Sequence[Sequence[History]], cache: BoosterCache
) -> list[RemainingLife]:
    """One fit per list of other cells, on the same reference cells."""
    return [RemainingLife.fit(reference, each, cache=cache) for each in others]


def metrics(model: TwinModel, histories: Mapping[str, History]) -> dict[str, float]:
    """Figures of the cross-fitted models on the reference cells, by the protocol of `model.evaluation.evaluation`.

    rul_mae_cycles, rul_mae4_cycles, rul_rmse_cycles, rul_alpha_lambda, rul_cra and rul_coverage (of the 90 % interval):
    cycles 10 to end of life at 1.4 Ah; capacity_rmse_Ah and capacity_coverage: all cycles from the second; means of the
    cells. `<name>_<method>` is the same of a baseline, `<name>_<cell>` of one cell.
    """
    cells = [cell for cell in REFERENCE_CELLS if cell in histories]
    lives = {cell: Life.of(FadeRecord.of(histories[cell]), END_OF_LIFE_Ah) for cell in cells}
    trains = {cell: [lives[other].record for other in cells if other != cell] for cell in cells}
    predicted = {
        cell: model.crossed[cell].life.predict_grid(histories[cell], life.cycles, [END_OF_LIFE_Ah])[:, 0]
        for cell, life in lives.items()
    }
    score = RulScore.of(lives, predicted)
    result = {
        "rul_mae_cycles": score.mae,
        "rul_mae4_cycles": score.mae4,
        "rul_rmse_cycles": score.rmse,
        "rul_alpha_lambda": score.alpha_lambda,
        "rul_cra": score.cra,
        **{f"rul_mae_cycles_{cell}": error for cell, error in score.per_cell.items()},
    }
    for name, method in BASELINES.items():
        baseline = RulScore.of(lives, {cell: method(trains[cell], life) for cell, life in lives.items()})
        result |= {f"rul_mae_cycles_{name}": baseline.mae, f"rul_rmse_cycles_{name}": baseline.rmse}

    means: dict[str, list[float]] = {}
    for cell in cells:
        fitted, capacity = model.crossed[cell], histories[cell].cycles["capacity_Ah"].to_numpy()
        bounds = fitted.life.interval(predicted[cell], prediction.DEFAULT_CONFIDENCE_LEVEL)
        told, label = fitted.capacity.predict(histories[cell]), capacity[1:]
        within = (told["lower_Ah"].to_numpy() <= label) & (label <= told["upper_Ah"].to_numpy())
        for name, value in (
            ("rul_coverage", lives[cell].covered(*bounds)),
            ("capacity_rmse_Ah", math.sqrt(((told["capacity_Ah"].to_numpy() - label) ** 2).mean())),
            ("capacity_rmse_Ah_persistence", math.sqrt((np.diff(capacity) ** 2).mean())),
            ("capacity_coverage", float(np.mean(within))),
        ):
            means.setdefault(name, []).append(value)
            result[f"{name}_{cell}"] = value
    return result | {name: float(np.mean(values)) for name, values in means.items()}


# ---------------------------------------------------------------- the model


@dataclass(frozen=True)
class TwinModel:
    """A trained model. Answers are deterministic; several threads may ask at once.

    `version` names data and code, `sha256` is the hash over the stored files (empty until saved or loaded), `card`
    what a person should know of the model. `crossed` holds per training cell the predictors that never saw it;
    `known` the capacities that recognise the training cells; `ranges` the training range by left-out cell ("": none);
    `widening` the factor by which each cell that the RUL was not learned from would have needed wider intervals.
    `relative` is for cells of any other kind, `public` recognises the cells that taught it.
    """

    version: str
    sha256: str
    card: dict[str, Any]
    full: Fitted
    crossed: dict[str, Fitted]
    degradation: Degradation
    known: dict[str, dict[int, float]]
    ranges: dict[str, dict[str, validity.Range]]
    widening: dict[str, float]
    relative: RelativeLife
    public: KnownCells

    # ------------------------------------------------------------ asking

    def predict(
        self,
        history: History,
        at_cycle: int | None = None,
        confidence_level: float = prediction.DEFAULT_CONFIDENCE_LEVEL,
        end_of_life_capacity_Ah: float | None = None,
        siblings: Sequence[History] = (),
    ) -> Prediction:
        """State of health and remaining life right after `at_cycle` (default: the last), from data up to that cycle.

        `siblings`: histories of other cells of the same `CellFacts.cell_type`, the more the better; which of them may
        speak is decided here (`model.life.relative.siblings.admitted`), so more than those, and the cell itself, may be
        given. What a history tells is worked out once and kept with the object: give the same ones again. They count
        for every kind of cell but NASA's, which has models of its own.

        A cell without valid cycles gives status `noHistory`, a young one `earlyLife` with a wide interval or, with
        grade `notKnown`, no figure of its life. Raises `InvalidInput` for a cycle that the cell does not have, or a
        level or capacity outside what is allowed.
        """
        wanted_Ah = _end_of_life(history, end_of_life_capacity_Ah)
        _check_level(confidence_level)
        known, repaired = _known(history, at_cycle)
        if known.cycles.empty:
            identity = ModelIdentity(self.version, self.sha256, prediction.FULL)
            return answer.unknown(known, confidence_level, wanted_Ah, identity, prediction.NO_HISTORY)
        ask = self._asking(known, confidence_level, wanted_Ah, repaired, siblings, known is not history.clean[0])
        try:
            return ask(known)[0]
        except NotEnoughHistory:
            identity = ModelIdentity(self.version, self.sha256, prediction.FULL)
            return any_cell.not_known(known, wanted_Ah, confidence_level, identity)

    def simulate(self, history: History, scenario: Scenario, siblings: Sequence[History] = ()) -> Simulation:
        """How the cell would age under other conditions, beside the baseline that goes on as at present.

        Raises `InvalidInput` for conditions outside what the equation is answered for, and `NotEnoughHistory` for a
        cell of whose remaining life nothing is known. `siblings` as of `predict`.
        """
        phases = degradation.check_scenario(scenario, history)
        wanted_Ah = _end_of_life(history, scenario.end_of_life_capacity_Ah)
        _check_level(scenario.confidence_level)
        known, repaired = _known(history, scenario.from_cycle)
        if known.cycles.empty:
            raise NotEnoughHistory(f"cell {history.cell} has no valid cycle to simulate from")
        level = scenario.confidence_level
        ask = self._asking(known, level, wanted_Ah, repaired, siblings, known is not history.clean[0])
        capacity = self._capacity(known, level)
        return answer.simulate(ask, capacity, self.degradation, known, scenario, phases, level)

    def _is_nasas(self, history: History) -> bool:
        """Whether NASA's own models answer: for their cells, replays of them, and cells of that type."""
        return history.facts.cell_type == NASA_CELL_TYPE or validity.recognise(history, self.known) is not None

    def _asking(
        self,
        known: History,
        confidence_level: float,
        end_of_life_Ah: float | None,
        repaired: Sequence[str],
        siblings: Sequence[History],
        past: bool,
    ) -> answer.Ask:
        """What predicts a history of this cell: models that never saw it. `past`: later cycles were cut off.

        Raises `NotEnoughHistory` where nothing can be said without a rated capacity.
        """
        if end_of_life_Ah is None:

            def refuse(history: History) -> tuple[Prediction, answer.Outlook]:
                raise NotEnoughHistory(f"{history.cell}: its rated capacity is not known yet")

            return refuse
        question = Question(float(confidence_level), end_of_life_Ah)
        if self._is_nasas(known):
            fitted, trust, identity = self._choose(known)
            return lambda history: answer.predict(fitted, history, question, trust, repaired, identity)
        family = admitted(known, [other.clean[0] for other in siblings], past)
        relative, kind = self._relative(known, family)
        identity = ModelIdentity(self.version, self.sha256, kind)
        return lambda history: any_cell.predict(relative, history, question, family, repaired, identity)

    def _capacity(self, known: History, confidence_level: float) -> Callable[[History], tuple[float, float, float]]:
        """What tells the present capacity of a history of this cell with its interval."""
        if self._is_nasas(known):
            fitted, _, _ = self._choose(known)
            return lambda history: answer.present_capacity(fitted.capacity, history, confidence_level)
        return lambda history: running_capacity.present(history, confidence_level)

    def _relative(self, history: History, siblings: Sequence[History]) -> tuple[RelativeLife, str]:
        """The blend that has learned nothing from the set that the cell, or a sibling, is of, and what it is called."""
        for one in (history, *siblings):
            dataset = remembered(one, f"set in {id(self.public)}", partial(self.public.set_of, one))
            if dataset is not None:
                return self.unseeing[dataset], prediction.CROSS_FITTED
        return self.relative, prediction.FULL

    @cached_property
    def unseeing(self) -> dict[str, RelativeLife]:
        """The blend without each of its sets, the same objects each time."""
        return {dataset: self.relative.without(dataset) for dataset in self.relative.unseen}

    def _choose(self, history: History) -> tuple[Fitted, Trust, ModelIdentity]:
        """Predictors that never saw this cell, how far to trust them, and what they are called."""
        cell = validity.recognise(history, self.known)
        widening = statistics.median([factor for other, factor in self.widening.items() if other != cell] or [1.0])
        if cell is None:
            trust = Trust(self.ranges[""], widening)
            return self.full, trust, ModelIdentity(self.version, self.sha256, prediction.FULL)
        trust = Trust(self.ranges.get(cell, self.ranges[""]), widening)
        return self.crossed[cell], trust, ModelIdentity(self.version, self.sha256, prediction.CROSS_FITTED)

    # ------------------------------------------------------------ storing

    def save(self, folder: str | Path) -> TwinModel:
        """Store this model as `folder`/<version>, whole or not at all; it serves if none serves yet.

        Returns the model with its `sha256`. An equal version that is there already is replaced.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
            fresh = Path(temporary) / self.version
            (fresh / BOOSTERS).mkdir(parents=True)
            state = {
                "format": FORMAT,
                "version": self.version,
                "card": {name: value for name, value in self.card.items() if name != "sha256"},
                "full": _stored(self.full, fresh / BOOSTERS),
                "crossed": {cell: _stored(fitted, fresh / BOOSTERS) for cell, fitted in self.crossed.items()},
                "degradation": self.degradation.to_state(),
                "known": {cell: list(capacities.items()) for cell, capacities in self.known.items()},
                "ranges": self.ranges,
                "widening": self.widening,
                "relative": self.relative.to_state(),
                "relative_boosters": _written(self.relative.boosters, fresh / BOOSTERS),
                "public": self.public.to_state(),
            }
            (fresh / STATE).write_text(json.dumps(state, indent=1), encoding="utf-8", newline="\n")
            files = _file_hashes(fresh)
            sha256 = _whole_hash(files)
            manifest = {"format": FORMAT, "version": self.version, "sha256": sha256, "files": files}
            (fresh / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8", newline="\n")
            target = folder / self.version
            if target.exists():
                os.replace(target, Path(temporary) / "old")
            os.replace(fresh, target)
        if not (folder / SERVING).exists():
            serve(folder, self.version)
        return replace(self, sha256=sha256, card={**self.card, "sha256": sha256})

    @classmethod
    def load(cls, folder: str | Path) -> TwinModel:
        """The serving model of `folder`, or the model that `folder` itself is.

        Raises `BadArtifact`, with the remedy, if there is none or its files are missing, cut short, altered, or of
        another layout.
        """
        folder = Path(folder)
        if not (folder / MANIFEST).is_file():
            folder = folder / serving_version(folder)
        manifest = _read_json(folder / MANIFEST)
        if manifest.get("format") != FORMAT:
            raise BadArtifact(f"{folder}: layout {manifest.get('format')} is not {FORMAT}; {REMEDY}")
        files = _file_hashes(folder)
        stated = manifest.get("files", {})
        for name in sorted(set(files) | set(stated)):
            if files.get(name) != stated.get(name):
                what = (
                    "is missing" if name not in files else "is not part of it" if name not in stated else "was altered"
                )
                raise BadArtifact(f"{folder}: {name} {what}; {REMEDY}")
        if _whole_hash(files) != manifest.get("sha256"):
            raise BadArtifact(f"{folder}: the SHA-256 over the whole does not match; {REMEDY}")
        state = _read_json(folder / STATE)
        try:
            boosters: dict[str, xgboost.Booster] = {}
            return cls(
                version=state["version"],
                sha256=manifest["sha256"],
                card={**state["card"], "sha256": manifest["sha256"]},
                full=_restored(state["full"], folder / BOOSTERS, boosters),
                crossed={
                    cell: _restored(stored, folder / BOOSTERS, boosters) for cell, stored in state["crossed"].items()
                },
                degradation=Degradation.from_state(state["degradation"]),
                known={cell: {int(k): q for k, q in capacities} for cell, capacities in state["known"].items()},
                ranges={
                    cell: {name: (low, high, mean, sd) for name, (low, high, mean, sd) in columns.items()}
                    for cell, columns in state["ranges"].items()
                },
                widening=dict(state["widening"]),
                relative=RelativeLife.from_state(
                    state["relative"], _read(state["relative_boosters"], folder / BOOSTERS, boosters)
                ),
                public=KnownCells.from_state(state["public"]),
            )
        except (KeyError, TypeError, ValueError, xgboost.core.XGBoostError) as error:
            raise BadArtifact(f"{folder}: made by another version of this software ({error!r}); {REMEDY}") from error


REMEDY = "train it again with `python -m model train --force`"


def _check_level(confidence_level: float) -> None:
    low, high = prediction.CONFIDENCE_LEVELS
    if not low <= confidence_level <= high:
        raise InvalidInput("confidence_level", confidence_level, f"{low} to {high}")


def _end_of_life(history: History, end_of_life_capacity_Ah: float | None) -> float | None:
    """The end of life that is asked for, else the cell's own, Ah; None while the rated capacity is not known (NaN)."""
    rated = history.rated_capacity_Ah
    if math.isnan(rated):
        return None
    if not (math.isfinite(rated) and rated > 0):
        raise InvalidInput("rated_capacity_Ah", rated, "a positive capacity")
    wanted = history.end_of_life_capacity_Ah if end_of_life_capacity_Ah is None else end_of_life_capacity_Ah
    low_Ah, high_Ah = (share * rated for share in END_OF_LIFE_RANGE)
    if not low_Ah <= wanted <= high_Ah:
        raise InvalidInput("end_of_life_capacity_Ah", wanted, f"{low_Ah:g} to {high_Ah:g} Ah")
    return float(wanted)


def _known(history: History, at_cycle: int | None) -> tuple[History, list[str]]:
    """The clean history up to `at_cycle`, and the columns with impossible values in it. Raises `InvalidInput`."""
    whole, repaired = history.clean
    if at_cycle is None:
        return whole, list(repaired)
    numbers = whole.columns["cycle_number"]
    if at_cycle not in numbers:
        span = f"one of the cycles {numbers[0]:g} to {numbers[-1]:g} of the cell" if len(numbers) else "no cycle yet"
        raise InvalidInput("at_cycle", at_cycle, span)
    return whole.until(at_cycle), [name for name, first in repaired.items() if first <= at_cycle]


def _stored(fitted: Fitted, folder: Path) -> dict[str, Any]:
    """State of the predictors; their boosters are written into `folder` and stand there by hash."""

    return {
        "life": fitted.life.to_state(),
        "life_boosters": _written(fitted.life.boosters, folder),
        "capacity": fitted.capacity.to_state(),
        "capacity_boosters": _written(fitted.capacity.boosters, folder),
    }


def _written(boosters: Mapping[str, xgboost.Booster], folder: Path) -> dict[str, str]:
    """Write boosters into a folder; the names of their files by their own."""
    names = {}
    for name, booster in boosters.items():
        content = bytes(booster.save_raw("ubj"))
        digest = hashlib.sha256(content).hexdigest()
        (folder / f"{digest[:32]}.ubj").write_bytes(content)
        names[name] = digest[:32]
    return names


def _read(names: Mapping[str, str], folder: Path, cache: dict[str, xgboost.Booster]) -> dict[str, xgboost.Booster]:
    """Inverse of `_written`; a booster that several fits share is read once."""
    for digest in names.values():
        if digest not in cache:
            booster = xgboost.Booster({"nthread": 1})
            booster.load_model(bytearray((folder / f"{digest}.ubj").read_bytes()))
            cache[digest] = booster
    return {name: cache[digest] for name, digest in names.items()}


def _restored(stored: Mapping[str, Any], folder: Path, cache: dict[str, xgboost.Booster]) -> Fitted:
    """Inverse of `_stored`."""
    return Fitted(
        RemainingLife.from_state(stored["life"], _read(stored["life_boosters"], folder, cache)),
        CapacityModel.from_state(stored["capacity"], _read(stored["capacity_boosters"], folder, cache)),
    )


def _file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a stored model but the manifest, by name relative to the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def _whole_hash(files: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{name} {files[name]}\n" for name in sorted(files)).encode()).hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadArtifact(f"no model at {path.parent}; {REMEDY}") from error
    except (OSError, ValueError) as error:
        raise BadArtifact(f"{path} is damaged ({error}); {REMEDY}") from error
    if not isinstance(content, dict):
        raise BadArtifact(f"{path} is damaged; {REMEDY}")
    return content


# ---------------------------------------------------------------- versions side by side


def versions(folder: str | Path) -> list[str]:
    """Versions stored in a model folder, by name."""
    return sorted(path.parent.name for path in Path(folder).glob(f"*/{MANIFEST}"))


def serving_version(folder: str | Path) -> str:
    """The version that answers when `folder` is loaded. Raises `BadArtifact` if none is named."""
    name = _read_json(Path(folder) / SERVING).get("version")
    if not isinstance(name, str):
        raise BadArtifact(f"{Path(folder) / SERVING} names no version; {REMEDY}")
    return name


def serve(folder: str | Path, version: str) -> None:
    """Let `version` answer from now on. Raises `InvalidInput` if it is not stored there."""
    folder = Path(folder)
    if version not in versions(folder):
        raise InvalidInput("version", version, f"one of {', '.join(versions(folder)) or 'none'}")
    temporary = folder / f".{SERVING}.new"
    temporary.write_text(json.dumps({"version": version}), encoding="utf-8")
    os.replace(temporary, folder / SERVING)


def remove(folder: str | Path, version: str) -> None:
    """Delete a stored version that does not serve. Raises `InvalidInput` for the serving one or an unknown one."""
    if version not in versions(folder) or version == serving_version(folder):
        raise InvalidInput("version", version, "a stored version that does not serve")
    shutil.rmtree(Path(folder) / version)
