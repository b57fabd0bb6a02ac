from __future__ import annotations

import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import BadArtifact, InvalidInput, NotEnoughHistory
from model.prediction import (
    CROSS_FITTED,
    EARLY_LIFE,
    FULL,
    NO_HISTORY,
    OK,
    PAST_END_OF_LIFE,
    STATUSES,
    Phase,
    Prediction,
    Scenario,
)
from model.records import data
from model.records.cycle import COLUMNS, MEASURED, History
from model.serving import artifact
from model.serving.artifact import TwinModel


@pytest.fixture
def b0005() -> History:
    return data.history("B0005")


def stranger(history: History) -> History:
    """The same measurements as a cell that the model does not know: slightly lower capacities."""
    cycles = history.cycles.assign(capacity_Ah=history.cycles["capacity_Ah"] * 0.97)
    return replace(history, cell="Mine", training_cell=None, cycles=cycles)


def check_sound(answer: Prediction) -> None:
    """What holds for every prediction with a history."""
    assert answer.status in STATUSES
    assert answer.at_cycle is not None and answer.capacity_Ah is not None and answer.end_of_life_cycle is not None
    assert answer.rul_lower_cycles is not None and answer.rul_cycles is not None and answer.rul_upper_cycles is not None
    assert 0 <= answer.rul_lower_cycles <= answer.rul_cycles <= answer.rul_upper_cycles < math.inf
    assert answer.state_of_health_lower_percent is not None and answer.state_of_health_upper_percent is not None
    assert answer.state_of_health_lower_percent <= (answer.state_of_health_percent or 0)
    assert (answer.state_of_health_percent or 0) <= answer.state_of_health_upper_percent
    assert 2 <= len(answer.trajectory) <= 60
    assert answer.trajectory[0].cycle == answer.at_cycle
    for before, after in zip(answer.trajectory, answer.trajectory[1:], strict=False):
        assert before.cycle < after.cycle and before.capacity_Ah >= after.capacity_Ah
    for point in answer.trajectory:
        assert 0 <= point.lower_Ah <= point.capacity_Ah <= point.upper_Ah < math.inf
    assert all(math.isfinite(driver.effect_percent) for driver in answer.drivers)
    assert sum(cell.weight for cell in answer.similar_cells) == pytest.approx(1.0, abs=1e-6)
    if answer.status in (OK, EARLY_LIFE):
        assert answer.end_of_life_cycle > answer.at_cycle
        json.dumps(answer.__dict__, default=vars, allow_nan=False)


# ---------------------------------------------------------------- prediction


def test_prediction_of_a_training_cell_comes_from_a_model_without_it(model: TwinModel, b0005: History) -> None:
    answer = model.predict(b0005, at_cycle=80)
    check_sound(answer)
    assert (answer.model_kind, answer.status) == (CROSS_FITTED, OK)
    assert "B0005" not in {cell.cell for cell in answer.similar_cells}
    assert (answer.at_cycle, answer.first_cycle, answer.last_cycle) == (80, 1, 80)
    true = 125 - 80
    assert answer.rul_lower_cycles is not None and answer.rul_upper_cycles is not None
    assert answer.rul_lower_cycles < true < answer.rul_upper_cycles
    assert answer.capacity_Ah == pytest.approx(b0005.cycles["capacity_Ah"].iloc[79], abs=0.03)
    assert answer.outside_training_range == []
    assert len(answer.drivers) > 3 and {driver.unit for driver in answer.drivers} & {"Ah", "ohm", "s"}


def test_no_training_cell_ever_meets_its_own_measurements(model: TwinModel) -> None:
    for cell in model.card["training_cells"]:
        fitted = model.crossed[cell]
        assert cell not in {record.cell for record in fitted.life.references}
    for cell in model.card["reference_cells"]:
        assert model.crossed[cell].life.boosters.keys() == model.full.life.boosters.keys()
        assert all(
            bytes(mine.save_raw()) != bytes(model.full.life.boosters[name].save_raw())
            for name, mine in model.crossed[cell].life.boosters.items()
        )


def test_only_the_cycles_up_to_the_asked_one_matter(model: TwinModel, b0005: History) -> None:
    later = b0005.cycles.copy()
    later.loc[later["cycle_number"] > 60, MEASURED] = 0.5
    spoiled = replace(b0005, cycles=later)
    assert model.predict(spoiled, 60) == model.predict(b0005, 60) == model.predict(b0005.until(60))


def test_what_is_impossible_counts_from_its_cycle_on(model: TwinModel, b0005: History) -> None:
    cycles = b0005.cycles.copy()
    cycles.loc[cycles["cycle_number"] == 50, "cv_charge_Ah"] = -3.0
    broken = replace(b0005, cycles=cycles)
    assert "cv_charge_Ah" not in model.predict(broken, 49).outside_training_range
    assert "cv_charge_Ah" in model.predict(broken, 50).outside_training_range


def test_a_replay_under_another_name_is_still_cross_fitted(model: TwinModel, b0005: History) -> None:
    replay = replace(b0005.until(70), cell="B0005_replay", training_cell=None)
    answer = model.predict(replay)
    assert (answer.cell, answer.model_kind) == ("B0005_replay", CROSS_FITTED)
    assert answer.rul_cycles == model.predict(b0005, 70).rul_cycles


@pytest.mark.parametrize("every", [2, 5])
def test_a_history_with_gaps_is_told_by_cycle_numbers_and_not_by_records(
    model: TwinModel, b0005: History, every: int
) -> None:
    whole = b0005.until(80)
    thinned = replace(whole, cycles=whole.cycles[whole.cycles["cycle_number"] % every == 80 % every])
    assert model.predict(thinned).rul_cycles == pytest.approx(model.predict(whole).rul_cycles, rel=0.1)


def test_a_new_cell_gets_the_full_model(model: TwinModel, b0005: History) -> None:
    answer = model.predict(stranger(b0005), at_cycle=70)
    check_sound(answer)
    assert answer.model_kind == FULL and len(answer.similar_cells) == 4


def test_at_the_end_of_life_nothing_remains(model: TwinModel, b0005: History) -> None:
    answer = model.predict(b0005, at_cycle=140)
    check_sound(answer)
    assert (answer.status, answer.rul_cycles, answer.end_of_life_cycle) == (PAST_END_OF_LIFE, 0.0, 125)


@pytest.mark.parametrize("cell", ["B0005", "B0006", "B0018"])
def test_since_when_a_cell_is_worn_out_is_the_first_capacity_below(model: TwinModel, cell: str) -> None:
    history = data.history(cell)
    first_below = int(np.argmax(history.cycles["capacity_Ah"].to_numpy() < 1.4)) + 1
    answer = model.predict(history, at_cycle=first_below + 3)
    check_sound(answer)
    assert (answer.status, answer.end_of_life_cycle) == (PAST_END_OF_LIFE, first_below)


@pytest.mark.parametrize(("cell", "at_cycle"), [("B0026", 28), ("B0036", 60), ("B0038", 40)])
def test_low_capacities_from_which_a_cell_came_back_are_not_its_end(model: TwinModel, cell: str, at_cycle: int) -> None:
    history = data.history(cell)
    assert (history.cycles["capacity_Ah"].head(at_cycle) < history.end_of_life_capacity_Ah).any()
    answer = model.predict(history, at_cycle)
    check_sound(answer)
    assert answer.status == OK and (answer.rul_cycles or 0) >= 1


def test_lower_end_of_life_lasts_longer(model: TwinModel, b0005: History) -> None:
    lives = [model.predict(b0005, 60, end_of_life_capacity_Ah=q).rul_cycles for q in (1.6, 1.5, 1.4, 1.3)]
    assert all(life is not None for life in lives)
    assert lives == sorted(lives, key=lambda life: life or 0.0)


def test_more_confidence_is_a_wider_interval(model: TwinModel, b0005: History) -> None:
    answers = [model.predict(b0005, 60, confidence_level=level) for level in (0.5, 0.8, 0.9, 0.99)]
    widths = [(a.rul_upper_cycles or 0) - (a.rul_lower_cycles or 0) for a in answers]
    heights = [(a.state_of_health_upper_percent or 0) - (a.state_of_health_lower_percent or 0) for a in answers]
    assert widths == sorted(widths) and heights == sorted(heights)
    assert widths[0] < widths[-1] and heights[0] < heights[-1]


def test_without_history_the_answer_says_so(model: TwinModel, b0005: History) -> None:
    answer = model.predict(replace(b0005, cycles=b0005.cycles.iloc[:0]))
    assert (answer.status, answer.rul_cycles, answer.capacity_Ah, answer.trajectory) == (NO_HISTORY, None, None, [])
    only_dirt = b0005.cycles.head(3).assign(capacity_Ah=-1.0)
    assert model.predict(replace(b0005, cycles=only_dirt)).status == NO_HISTORY


@pytest.mark.parametrize("known", [1, 2, 3, 5, 9])
def test_early_life_is_answered_with_a_wide_interval(model: TwinModel, b0005: History, known: int) -> None:
    young, grown = model.predict(stranger(b0005), at_cycle=known), model.predict(stranger(b0005), at_cycle=12)
    check_sound(young)
    assert (young.status, grown.status) == (EARLY_LIFE, OK)

    def relative_width(answer: Prediction) -> float:
        return ((answer.rul_upper_cycles or 0) - (answer.rul_lower_cycles or 0)) / (answer.rul_cycles or 1)

    assert relative_width(young) > relative_width(grown)


def test_unseen_conditions_are_named(model: TwinModel) -> None:
    answer = model.predict(data.history("B0029"))
    check_sound(answer)
    assert {"ambient_temperature_degC", "discharge_current_A"} <= set(answer.outside_training_range)


def test_intervals_are_as_wide_as_unseen_conditions_need_them(model: TwinModel, b0005: History) -> None:
    def log_width(answer: Prediction) -> float:
        assert answer.rul_upper_cycles is not None and answer.rul_lower_cycles
        return math.log(answer.rul_upper_cycles / answer.rul_lower_cycles)

    ordinary = stranger(b0005.until(60))
    hot = replace(ordinary, cycles=ordinary.cycles.assign(ambient_temperature_degC=43.0))
    factor = float(np.median(list(model.widening.values())))
    assert factor > 1.5
    assert log_width(model.predict(hot)) == pytest.approx(factor * log_width(model.predict(ordinary)), rel=0.1)
    assert set(model.widening) <= set(model.card["training_cells"]) - set(model.card["reference_cells"])


def test_dirty_measurements_are_named_and_do_no_harm(model: TwinModel, b0005: History) -> None:
    history = stranger(b0005.until(60))
    cycles = history.cycles.copy()
    cycles.loc[50:, "Re_ohm"] = -5.0
    cycles.loc[55, "temperature_rise_K"] = 1e9
    answer = model.predict(replace(history, cycles=cycles))
    check_sound(answer)
    assert {"Re_ohm", "temperature_rise_K"} <= set(answer.outside_training_range)
    clean = model.predict(history)
    assert answer.rul_cycles == pytest.approx(clean.rul_cycles, rel=0.2)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"at_cycle": 0}, "at_cycle"),
        ({"at_cycle": 169}, "at_cycle"),
        ({"confidence_level": 0.3}, "confidence_level"),
        ({"confidence_level": math.nan}, "confidence_level"),
        ({"end_of_life_capacity_Ah": 0.0}, "end_of_life_capacity_Ah"),
        ({"end_of_life_capacity_Ah": math.inf}, "end_of_life_capacity_Ah"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    model: TwinModel, b0005: History, arguments: dict[str, float], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        model.predict(b0005, **arguments)  # type: ignore[arg-type]
    assert refused.value.field == field


value = st.one_of(
    st.just(math.nan), st.just(math.inf), st.just(-1.0), st.floats(0, 3), st.floats(-1e6, 1e6), st.just("x")
)


@pytest.mark.lasting
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.floats(0.2, 2.1), st.floats(1.3, 1.9), st.just(math.nan)), min_size=0, max_size=40),
    st.dictionaries(st.sampled_from(MEASURED), st.lists(value, min_size=1, max_size=4), max_size=6),
    st.sampled_from([0.9, 1.2, 1.4, 1.6]),
)
def test_no_history_whatever_crashes_it(
    model: TwinModel, capacities: list[float], dirt: dict[str, list[object]], end_of_life_Ah: float
) -> None:
    numbers = np.arange(1, len(capacities) + 1)
    cycles = pd.DataFrame({"cycle_number": numbers, "capacity_Ah": capacities}).reindex(columns=list(COLUMNS))
    for name, values in dirt.items():
        if name != "capacity_Ah":
            cycles[name] = [values[i % len(values)] for i in range(len(cycles))]
    history = History("Generated", 2.0, end_of_life_Ah, None, cycles)
    answer = model.predict(history)
    if np.isfinite(capacities).any():
        check_sound(answer)
        simulation = model.simulate(history, Scenario(ambient_temperature_degC=40.0, horizon_cycles=50))
        assert simulation.from_cycle == answer.at_cycle
    else:
        assert answer.status == NO_HISTORY


# ---------------------------------------------------------------- what-if


def test_present_conditions_give_the_baseline(model: TwinModel, b0005: History) -> None:
    found = model.simulate(b0005, Scenario(from_cycle=60))
    assert found.rul_cycles == pytest.approx(found.baseline.rul_cycles)
    assert found.rul_lower_cycles == pytest.approx(found.baseline.rul_lower_cycles)
    assert found.rul_upper_cycles == pytest.approx(found.baseline.rul_upper_cycles)
    assert found.baseline == model.predict(b0005, 60)
    assert found.trajectory[-1].cycle == 60 + 300


def test_hotter_colder_stronger_deeper_live_shorter(model: TwinModel, b0005: History) -> None:
    def life(**conditions: Any) -> float:
        return model.simulate(b0005, Scenario(from_cycle=60, **conditions)).rul_cycles or math.inf

    assert life(ambient_temperature_degC=45) < life(ambient_temperature_degC=35) < life()
    assert life(ambient_temperature_degC=4) < life(ambient_temperature_degC=15) < life()
    assert life(discharge_current_A=4) < life() < life(discharge_current_A=1)
    assert life(cut_off_voltage_V=2.2) < life() < life(cut_off_voltage_V=3.0)


def test_phases_lie_between_their_conditions(model: TwinModel, b0005: History) -> None:
    hot = Phase(20, ambient_temperature_degC=45.0)
    mixed = model.simulate(b0005, Scenario(from_cycle=60, phases=[hot, Phase(200)]))
    all_hot = model.simulate(b0005, Scenario(from_cycle=60, ambient_temperature_degC=45.0))
    assert all_hot.rul_cycles is not None and mixed.rul_cycles is not None
    assert all_hot.rul_cycles < mixed.rul_cycles < (mixed.baseline.rul_cycles or 0)
    first_20 = [point for point in mixed.trajectory if point.cycle <= 80]
    assert first_20[-1].capacity_Ah < mixed.baseline.trajectory[0].capacity_Ah


def test_a_change_that_is_only_prior_widens_the_interval_and_is_said(model: TwinModel, b0005: History) -> None:
    found = model.simulate(b0005, Scenario(from_cycle=60, ambient_temperature_degC=45.0))
    assert any("literature prior only" in text for text in found.assumptions)
    assert found.rul_upper_cycles is not None and found.rul_cycles and found.rul_lower_cycles
    base = found.baseline
    assert found.rul_upper_cycles / found.rul_lower_cycles > (base.rul_upper_cycles or 0) / (base.rul_lower_cycles or 1)


def test_a_scenario_outside_what_the_cells_saw_is_named(model: TwinModel, b0005: History) -> None:
    found = model.simulate(b0005, Scenario(from_cycle=60, discharge_current_A=7.0))
    assert "discharge_current_A" in found.outside_training_range


def test_an_end_of_life_beyond_the_horizon_is_not_told(model: TwinModel, b0005: History) -> None:
    found = model.simulate(b0005, Scenario(from_cycle=60, horizon_cycles=10))
    assert (found.rul_cycles, found.end_of_life_cycle) == (None, None)
    assert found.trajectory[-1].cycle == 70


def test_replaced_measurements_move_the_start(model: TwinModel, b0005: History) -> None:
    weaker = model.simulate(b0005, Scenario(from_cycle=60, replaced={"capacity_Ah": 1.55}))
    assert (weaker.rul_cycles or math.inf) < (weaker.baseline.rul_cycles or 0)
    assert weaker.trajectory[0].capacity_Ah == pytest.approx(1.55, abs=0.01)
    hotter = model.simulate(b0005, Scenario(from_cycle=60, replaced={"temperature_max_degC": 60.0}))
    assert (hotter.rul_cycles or math.inf) < (hotter.baseline.rul_cycles or 0)


def test_nothing_to_simulate_without_history(model: TwinModel, b0005: History) -> None:
    with pytest.raises(NotEnoughHistory):
        model.simulate(replace(b0005, cycles=b0005.cycles.iloc[:0]), Scenario())


# ---------------------------------------------------------------- storing


def test_saved_and_loaded_it_answers_the_same(model: TwinModel, b0005: History, tmp_path: Path) -> None:
    saved = model.save(tmp_path)
    again = TwinModel.load(tmp_path)
    assert saved.sha256 == again.sha256 == model.sha256
    assert again.card == model.card
    assert again.predict(b0005, 77) == model.predict(b0005, 77)
    scenario = Scenario(from_cycle=77, ambient_temperature_degC=10.0)
    assert again.simulate(b0005, scenario) == model.simulate(b0005, scenario)


def test_threads_may_ask_at_once(model: TwinModel, b0005: History) -> None:
    cycles = [40 + i % 8 for i in range(32)]
    alone = {cycle: model.predict(b0005, cycle) for cycle in set(cycles)}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda cycle: model.predict(b0005, cycle), cycles))
    assert together == [alone[cycle] for cycle in cycles]


@pytest.fixture
def stored(model: TwinModel, tmp_path: Path) -> Path:
    model.save(tmp_path)
    return tmp_path / model.version


def test_a_tampered_file_is_refused(stored: Path) -> None:
    text = (stored / artifact.STATE).read_text(encoding="utf-8")
    assert '"value": ' in text
    (stored / artifact.STATE).write_text(text.replace('"value": ', '"value": 1', 1), encoding="utf-8")
    with pytest.raises(BadArtifact, match=r"model\.json was altered"):
        TwinModel.load(stored)


def test_a_truncated_booster_is_refused(stored: Path) -> None:
    booster = next((stored / artifact.BOOSTERS).iterdir())
    booster.write_bytes(booster.read_bytes()[:-10])
    with pytest.raises(BadArtifact, match="was altered"):
        TwinModel.load(stored)


def test_missing_and_foreign_files_are_refused(stored: Path) -> None:
    booster = next((stored / artifact.BOOSTERS).iterdir())
    shutil.move(booster, stored / "elsewhere.ubj")
    with pytest.raises(BadArtifact, match=r"is missing|is not part of it"):
        TwinModel.load(stored)


def test_a_forged_manifest_is_refused(stored: Path) -> None:
    manifest = json.loads((stored / artifact.MANIFEST).read_text(encoding="utf-8"))
    manifest["sha256"] = "0" * 64
    (stored / artifact.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadArtifact, match="SHA-256"):
        TwinModel.load(stored)


def test_another_layout_is_refused(stored: Path) -> None:
    manifest = json.loads((stored / artifact.MANIFEST).read_text(encoding="utf-8"))
    manifest["format"] = 99
    (stored / artifact.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadArtifact, match="layout 99"):
        TwinModel.load(stored)


def test_an_empty_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match="python -m model train"):
        TwinModel.load(tmp_path)


def test_versions_live_side_by_side(model: TwinModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    other = replace(model, version="v9_other")
    other.save(tmp_path)
    assert artifact.versions(tmp_path) == sorted([model.version, "v9_other"])
    assert artifact.serving_version(tmp_path) == model.version
    artifact.serve(tmp_path, "v9_other")
    assert TwinModel.load(tmp_path).version == "v9_other"
    assert TwinModel.load(tmp_path / model.version).version == model.version
    with pytest.raises(InvalidInput):
        artifact.serve(tmp_path, "v1_unknown")
    with pytest.raises(InvalidInput):
        artifact.remove(tmp_path, "v9_other")
    artifact.remove(tmp_path, model.version)
    assert artifact.versions(tmp_path) == ["v9_other"]


# ---------------------------------------------------------------- training


def test_version_follows_data_and_code(model: TwinModel) -> None:
    cycles = data.load_cycles()
    assert artifact.version_of(cycles) == model.version == artifact.version_of(data.load_cycles())
    changed = cycles.copy()
    changed.loc[7, "capacity_Ah"] += 0.001
    assert artifact.version_of(changed) != model.version


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the code of `model`."""
    return Path(
        shutil.copytree(artifact.PACKAGE, tmp_path / "model", ignore=shutil.ignore_patterns("data", "__pycache__"))
    )


def test_fingerprint_covers_every_folder_of_the_code(package: Path) -> None:
    before = artifact.sha256_of_code(package)
    assert before == artifact.sha256_of_code(artifact.PACKAGE)
    folders = {path.parent for path in package.rglob("*.py")}
    assert len(folders) >= 5
    for folder in folders:
        name = next(path.relative_to(package).as_posix() for path in sorted(folder.glob("[a-z]*.py")))
        left_out = name in artifact.NOT_PART_OF_THE_MODEL
        code = (package / name).read_text(encoding="utf-8")
        (package / name).write_text(code + "# changed\n", encoding="utf-8")
        assert (artifact.sha256_of_code(package) == before) == left_out, name
        (package / name).write_text(code, encoding="utf-8")
    assert artifact.sha256_of_code(package) == before
    (package / "life" / "fade.py").rename(package / "records" / "fade.py")
    assert artifact.sha256_of_code(package) != before


def test_what_is_left_out_of_the_fingerprint_is_there() -> None:
    assert all((artifact.PACKAGE / name).is_file() for name in artifact.NOT_PART_OF_THE_MODEL)


def test_training_without_reference_cells_is_refused() -> None:
    cycles = data.load_cycles()
    with pytest.raises(NotEnoughHistory, match="B0005"):
        artifact.train(cycles[cycles["cell"].isin(["B0005", "B0006", "B0033"])])


def test_card_tells_what_a_person_should_know(model: TwinModel) -> None:
    card = model.card
    assert card["sha256"] == model.sha256 and card["version"] == model.version
    assert card["training_cells"] == data.cells()
    assert card["metrics"]["capacity_rmse_Ah"] < card["metrics"]["capacity_rmse_Ah_persistence"]
    assert card["metrics"]["rul_mae_cycles"] < 10
    low, high, mean, sd = card["training_range"]["ambient_temperature_degC"]
    assert (low, high, mean, sd) == (24.0, 24.0, 24.0, 0.0)
    json.dumps(card, allow_nan=False)
