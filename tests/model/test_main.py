from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.__main__ import main
from model.serving import artifact
from model.serving.artifact import TwinModel


@pytest.fixture
def folder(model: TwinModel, tmp_path: Path) -> Path:
    model.save(tmp_path)
    return tmp_path


def with_error(model: TwinModel, version: str, factor: float) -> TwinModel:
    """The model under another version, as if its RUL error were `factor` times as large."""
    metrics = {**model.card["metrics"], "rul_mae_cycles": factor * model.card["metrics"]["rul_mae_cycles"]}
    return replace(model, version=version, card={**model.card, "version": version, "metrics": metrics})


def test_the_same_data_and_code_are_not_trained_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--out", str(folder)]) == 0
    assert "same data, code and parameters" in capsys.readouterr().out


def test_a_worse_model_does_not_serve_by_itself(
    model: TwinModel, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_error(model, "v1_older", 0.5).save(folder)
    artifact.serve(folder, "v1_older")
    assert main(["train", "--out", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "v1_older goes on serving" in told and "worse in RUL error" in told
    assert artifact.serving_version(folder) == "v1_older"
    assert main(["serve", model.version, "--out", str(folder)]) == 0
    assert artifact.serving_version(folder) == model.version


def test_a_better_model_serves_and_the_older_stays(
    model: TwinModel, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_error(model, "v1_older", 2.0).save(folder)
    artifact.serve(folder, "v1_older")
    assert main(["train", "--out", str(folder)]) == 0
    assert f"{model.version} serves instead of v1_older" in capsys.readouterr().out
    assert artifact.versions(folder) == sorted(["v1_older", model.version])


def test_list_shows_figures_of_all_versions(model: TwinModel, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_error(model, "v9_other", 1.0).save(folder)
    assert main(["list", "--out", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["serving", model.version], ["stored", "v9_other"]]


def test_a_damaged_serving_model_gives_way(model: TwinModel, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_error(model, "v1_older", 0.5).save(folder)
    artifact.serve(folder, "v1_older")
    (folder / "v1_older" / artifact.STATE).write_text("{}", encoding="utf-8")
    assert main(["train", "--out", str(folder)]) == 0
    assert "model.json was altered" in capsys.readouterr().out
    assert artifact.serving_version(folder) == model.version


def test_what_goes_wrong_is_one_line_and_exit_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "v1_unknown", "--out", str(folder)]) == 2
    assert main(["list", "--out", str(folder / "nowhere")]) == 2
    (folder / artifact.SERVING).write_text("{", encoding="utf-8")
    assert main(["list", "--out", str(folder)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and all(line.startswith("error: ") for line in errors)
    assert "damaged" in errors[2]
