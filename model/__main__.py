"""Train the model and keep its versions: `python -m model train | list | serve VERSION`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the boosters are small: more threads are slower on shared cores

from model import cluster
from model.errors import BadArtifact, ModelError
from model.records import data
from model.serving import artifact

DEFAULT_FOLDER = Path(".twin") / "model"
MUCH_WORSE = 1.05
"""A new model serves at once unless one of its figures is worse than this multiple of the serving one's."""

COMPARED = {"rul_mae_cycles": "RUL error (cycles)", "capacity_rmse_Ah": "capacity error (Ah)"}


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code (2: bad input or a broken model folder)."""
    parser = argparse.ArgumentParser(prog="python -m model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("train", "train on the data in the project, unless this very model is there already"),
        ("list", "stored versions with their figures"),
        ("serve", "let another stored version answer"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--out", type=Path, default=Path(os.environ.get("TWIN_MODEL_DIR", DEFAULT_FOLDER)), help="model folder"
        )
        if name == "train":
            command.add_argument("--force", action="store_true", help="train again and let the new model serve")
            command.add_argument("--jobs", type=int, default=1, metavar="N", help="fit in so many processes (1)")
            command.add_argument("--scheduler", metavar="ADDRESS", help="fit on the Dask cluster of this scheduler")
        if name == "serve":
            command.add_argument("version")
    options = parser.parse_args(arguments)
    if options.command == "train" and not 1 <= options.jobs <= 64:
        parser.error("--jobs: 1 to 64 processes")
    try:
        if options.command == "train":
            _train(options.out, options.force, options.scheduler, options.jobs)
        elif options.command == "list":
            _list(options.out)
        else:
            artifact.serve(options.out, options.version)
            print(f"{options.version} serves from the next start of the delegate on")
    except (ModelError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was changed", file=sys.stderr)
        return 130
    return 0


def _train(folder: Path, force: bool, scheduler: str | None, jobs: int) -> None:
    cycles = data.load_cycles()
    version = artifact.version_of(cycles)
    serving = _readable(folder, (folder / artifact.SERVING).exists())
    if serving is not None and serving.version == version and not force:
        print(f"{folder} serves {version} already: same data, code and parameters")
        return
    new = None if force else _readable(folder / version, version in artifact.versions(folder))
    if new is not None:
        print(f"{version} is stored already: same data, code and parameters")
    else:
        start = time.monotonic()

        def progress(text: str) -> None:
            print(f"[{time.monotonic() - start:5.1f} s] {text}", flush=True)

        with cluster.on_scheduler(scheduler) if scheduler else cluster.on_processes(jobs) as run:
            new = artifact.train(cycles, progress, run)
        new = new.save(folder)
        print(f"trained {version} in {time.monotonic() - start:.1f} s -> {folder / version}")
    _print_figures(new, "new")
    if serving is None or serving.version == version:
        artifact.serve(folder, version)
        print(f"{version} serves")
        return
    _print_figures(serving, "serving")
    worse = [
        text
        for name, text in COMPARED.items()
        if new.card["metrics"][name] > MUCH_WORSE * serving.card["metrics"][name]
    ]
    if worse and not force:
        print(
            f"{serving.version} goes on serving: the new model is worse in {' and '.join(worse)}. "
            f"To let it serve all the same: python -m model serve {version} --out {folder}"
        )
        return
    artifact.serve(folder, version)
    print(f"{version} serves instead of {serving.version}, which stays stored")


def _readable(folder: Path, exists: bool) -> artifact.TwinModel | None:
    """The model at `folder`; None if there is none or, after saying why, none that can be read."""
    if not exists:
        return None
    try:
        return artifact.TwinModel.load(folder)
    except BadArtifact as error:
        print(f"not used: {error}")
        return None


def _list(folder: Path) -> None:
    serving = artifact.serving_version(folder)
    for version in artifact.versions(folder):
        _print_figures(artifact.TwinModel.load(folder / version), "serving" if version == serving else "stored")


def _print_figures(model: artifact.TwinModel, what: str) -> None:
    figures = model.card["metrics"]
    print(
        f"{what:8s} {model.version}  RUL MAE {figures['rul_mae_cycles']:.1f} cycles, "
        f"90 % interval covers {100 * figures['rul_coverage']:.0f} %; capacity RMSE "
        f"{1000 * figures['capacity_rmse_Ah']:.1f} mAh, covers {100 * figures['capacity_coverage']:.0f} %  "
        f"(cross-fitted, {len(model.card['training_cells'])} cells)"
    )


if __name__ == "__main__":
    sys.exit(main())
