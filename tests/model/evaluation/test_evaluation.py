from __future__ import annotations

import json

import numpy as np
import pytest

from model.errors import NotEnoughHistory
from model.evaluation.evaluation import (
    BASELINES,
    REFERENCE_CELLS,
    CapacityScore,
    IntervalScore,
    Life,
    RulScore,
    UNTUNED_THRESHOLDS_Ah,
    evaluate_cells,
    persistence,
)
from model.life.fade import FadeRecord
from model.life.remaining_life import RemainingLife
from model.records import data
from tests.conftest import must_run, run_script
from tests.model.made_up import history, straight

RUL_KEYS = {"mae", "mae4", "rmse", "mse", "alpha_lambda", "cra", "per_cell"}
INTERVAL_KEYS = {"coverage_mean", "coverage_worst", "width"}


# ---------------------------------------------------------------- metrics, by hand


def test_rul_metrics_are_those_of_the_definitions():
    record = FadeRecord.of(straight("C", 0.01, 60, start_Ah=1.6051))  # below 1.4 Ah from cycle 22 on
    life = Life.of(record, 1.4)
    assert life.true is not None
    assert list(life.cycles) == list(range(10, 22))
    assert list(life.true) == list(range(12, 0, -1))
    score = RulScore.of({"C": life}, {"C": life.true + 2})
    assert (score.mae, score.rmse, score.mse) == (2, 2, 4)
    assert score.alpha_lambda == pytest.approx(3 / 12)  # 2 cycles are within 20 % of 12, 11 and 10
    assert score.cra == pytest.approx(np.mean([max(0, 1 - 2 / rul) for rul in range(1, 13)]))


def test_a_cell_that_lives_on_is_only_in_error_by_what_is_too_early():
    survivor = Life.of(FadeRecord.of(straight("S", 0.001, 60)), 1.4)
    assert survivor.true is None
    assert survivor.absolute_error(np.full(51, 500.0)).max() == 0
    early = survivor.absolute_error(np.full(51, 11.0))
    assert early[0] == 61 - (10 + 11)
    assert early[-1] == 0
    assert survivor.covered(np.zeros(51), np.full(51, 100.0)) == 1
    dead = Life.of(FadeRecord.of(straight("D", 0.01, 60)), 1.4)
    assert dead.true is not None
    score = RulScore.of({"S": survivor, "D": dead}, {"S": np.full(51, 11.0), "D": dead.true})
    assert score.mae == 0
    assert score.mae4 == pytest.approx(early.mean() / 2)


def test_baselines_on_straight_lives():
    train = [FadeRecord.of(straight(f"T{start}", 0.005, 200, start_Ah=start)) for start in (1.85, 1.95)]
    life = Life.of(FadeRecord.of(straight("C", 0.005, 200)), 1.4)
    assert life.true is not None
    np.testing.assert_allclose(BASELINES["mean life"](train, life), life.true, atol=1)
    np.testing.assert_allclose(BASELINES["linear fit of last 30"](train, life), life.true, atol=1)
    assert np.abs(BASELINES["trajectory similarity"](train, life) - life.true).mean() < 3
    assert np.abs(BASELINES["plain XGBoost"](train, life) - life.true).mean() < 5


def test_capacity_metrics_are_those_of_the_definitions():
    true, said = np.array([1.0, 1.0, 1.0, 1.0]), np.array([1.1, 0.9, 1.1, 1.3])
    score = CapacityScore.of(true, said, said - 0.15, said + 0.15)
    assert score.rmse_Ah == pytest.approx(np.sqrt((3 * 0.01 + 0.09) / 4))
    assert score.mae_percent == pytest.approx(0.15 / 2 * 100)
    assert score.coverage == 0.75
    assert score.width == pytest.approx(0.3)


def test_interval_figures_are_mean_and_worst_over_cells():
    assert IntervalScore.of([0.8, 1.0], [10, 20]) == IntervalScore(0.9, 0.8, 15)


# ---------------------------------------------------------------- the whole evaluation


def test_json_has_exactly_the_promised_keys(evaluation):
    figures = evaluation.figures
    assert set(figures) == {"rul", "capacity", "intervals", "kinds"}
    assert set(figures["rul"]) == {"nested", "untuned", "baselines"}
    assert set(figures["rul"]["untuned"]) == {f"{threshold:.2f}" for threshold in UNTUNED_THRESHOLDS_Ah}
    assert set(figures["rul"]["baselines"]) == set(BASELINES)
    scores = [figures["rul"]["nested"], *figures["rul"]["untuned"].values(), *figures["rul"]["baselines"].values()]
    for score in scores:
        assert set(score) == RUL_KEYS
        assert set(score["per_cell"]) == set(REFERENCE_CELLS)
    assert set(figures["capacity"]) == {"four_cells_rmse_Ah", "all_cells_mae_percent", "baselines"}
    assert set(figures["intervals"]) == {"rul", "capacity", "untuned"}
    for interval in _intervals(figures):
        assert set(interval) == INTERVAL_KEYS


def _intervals(figures):
    """Those at 1.4 Ah, of the capacity, and at the thresholds that nothing was tuned to."""
    return [figures["intervals"]["rul"], figures["intervals"]["capacity"], *figures["intervals"]["untuned"].values()]


def test_macro_figures_follow_from_the_cells(evaluation):
    for threshold, score in {
        "1.40": evaluation.figures["rul"]["nested"],
        **evaluation.figures["rul"]["untuned"],
    }.items():
        each = score["per_cell"]
        reached = [cell for cell in each if not (threshold == "1.40" and cell == "B0007")]
        assert score["mae"] == pytest.approx(np.mean([each[cell] for cell in reached]))
        assert score["mae4"] == pytest.approx(np.mean(list(each.values())))
        assert score["mse"] == pytest.approx(score["rmse"] ** 2)


def test_simple_baselines_have_their_known_figures(evaluation):
    """Mean life, linear fit and persistence follow from the data alone."""
    baselines = evaluation.figures["rul"]["baselines"]
    assert baselines["mean life"]["mae"] == pytest.approx((19.8 + 2.0 + 20.0) / 3, abs=0.05)
    assert baselines["linear fit of last 30"]["mae"] == pytest.approx(32.4, abs=0.1)
    capacity = data.histories()["B0005"].cycles["capacity_Ah"].to_numpy()
    assert (persistence([], data.histories()["B0005"]) == capacity[:-1]).all()
    assert evaluation.figures["capacity"]["baselines"]["persistence"]["four_cells_rmse_Ah"] == pytest.approx(
        0.0184, abs=1e-4
    )


def test_better_than_every_baseline(evaluation):
    figures = evaluation.figures
    for key in ("mae", "mae4", "rmse"):
        assert figures["rul"]["nested"][key] < min(one[key] for one in figures["rul"]["baselines"].values())
    for key in ("four_cells_rmse_Ah", "all_cells_mae_percent"):
        assert figures["capacity"][key] < min(one[key] for one in figures["capacity"]["baselines"].values())


def test_reached_targets_stay_reached(evaluation):
    rul, capacity = (evaluation.figures[name] for name in ("rul", "capacity"))
    rul_14, of_capacity, *untuned = _intervals(evaluation.figures)
    assert rul["nested"]["mae"] <= 4.34
    assert rul["nested"]["mae4"] <= 9
    assert rul["nested"]["alpha_lambda"] >= 0.8
    assert rul["nested"]["cra"] >= 0.85
    assert max(one["mae4"] for one in rul["untuned"].values()) <= 7.9
    assert capacity["four_cells_rmse_Ah"] <= 0.010
    assert capacity["all_cells_mae_percent"] <= 2.0
    assert 0.87 <= np.mean([one["coverage_mean"] for one in (rul_14, *untuned)]) <= 0.95
    assert min(one["coverage_worst"] for one in (rul_14, *untuned)) >= 0.75
    assert rul_14["width"] < 53
    assert of_capacity["coverage_mean"] >= 0.88
    assert of_capacity["coverage_worst"] >= 0.85


def test_text_and_page_show_the_figures_of_the_json(evaluation):
    nested = evaluation.figures["rul"]["nested"]
    line = next(line for line in evaluation.text.splitlines() if line.startswith("nested blend"))
    assert line.split()[2:4] == [f"{nested['mae']:.2f}", f"{nested['mae4']:.2f}"]
    for content in (evaluation.text, evaluation.page):
        for name in BASELINES:
            assert name in content
    assert evaluation.page.count("Plotly.newPlot") == 3
    assert "<script src" not in evaluation.page


def test_a_part_recomputed_gives_the_same_figure(evaluation):
    histories = data.histories()
    others = [one for cell, one in histories.items() if cell not in REFERENCE_CELLS]
    life = RemainingLife.fit([histories[cell] for cell in REFERENCE_CELLS if cell != "B0005"], others)
    for threshold, score in (
        ("1.40", evaluation.figures["rul"]["nested"]),
        *evaluation.figures["rul"]["untuned"].items(),
    ):
        test = Life.of(FadeRecord.of(histories["B0005"]), float(threshold))
        said = life.predict_grid(histories["B0005"], test.cycles, [float(threshold)])[:, 0]
        assert np.abs(said - test.true).mean() == pytest.approx(score["per_cell"]["B0005"], rel=1e-6)


# ---------------------------------------------------------------- cells of the user


@pytest.mark.lasting
def test_a_training_cell_that_is_given_is_left_out_of_training():
    histories = {cell: data.history(cell) for cell in ("B0005", "B0006", "B0018")}
    told = evaluate_cells({"B0005": histories["B0005"]}, histories, lambda message: None)
    without = evaluate_cells(
        {"B0005": histories["B0005"]}, {c: histories[c] for c in ("B0006", "B0018")}, lambda message: None
    )
    assert told == without


def test_a_given_cell_with_one_cycle_is_refused():
    histories = {cell: data.history(cell) for cell in ("B0005", "B0006")}
    with pytest.raises(NotEnoughHistory, match="C has 1"):
        evaluate_cells({"C": history("C", np.array([1.8]))}, histories, lambda message: None)


@pytest.mark.lasting
def test_given_cells_are_evaluated_from_their_raw_files(nasa_dir, tmp_path):
    arguments = (
        "scripts/evaluate.py",
        "--data",
        nasa_dir,
        "--cells",
        "B0025",
        "--json",
        tmp_path / "one.json",
        "--quiet",
    )
    text = must_run(*arguments, "--html", tmp_path / "one.html")
    assert must_run(*arguments) == text
    cell = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))["cells"]["B0025"]
    assert set(cell) == {"capacity", "intervals", "persistence", "cycles"}
    assert cell["cycles"] == len(data.history("B0025").cycles)
    assert cell["capacity"]["mae_percent"] < cell["persistence"]["mae_percent"]
    assert 0.8 < cell["intervals"]["coverage"] <= 1
    assert "B0025" in (tmp_path / "one.html").read_text(encoding="utf-8")


@pytest.mark.lasting
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "no/such/folder"), "does not exist"),
        (("--cells", "B0005"), "--cells needs --data"),
        (("--nonsense",), "unrecognized arguments"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    done = run_script("scripts/evaluate.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.lasting
def test_a_cell_that_the_folder_lacks_is_named(nasa_dir):
    done = run_script("scripts/evaluate.py", "--data", nasa_dir, "--cells", "B0025", "B9999")
    assert done.returncode == 2
    assert "B9999" in done.stderr


@pytest.mark.lasting
def test_help_names_the_keys():
    text = must_run("scripts/evaluate.py", "--help")
    for key in (*RUL_KEYS, *INTERVAL_KEYS, "four_cells_rmse_Ah", "all_cells_mae_percent", "--data", "--html"):
        assert key in text
