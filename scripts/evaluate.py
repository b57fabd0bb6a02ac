#!/usr/bin/env python3
"""Prints the honest figures of the predictors, target beside figure, with all baselines. Two to five minutes.

Every cell is predicted by a model that never saw it, and every choice is made inside the training cells (nested).
NASA's kind: leave one cell out. Cells of any kind: each public set by what the other sets taught, with 0, 1, 2, 4 and 8
failed siblings, and with all that have failed of its group or kind.

With --data the given cells are evaluated instead, by models trained on none of them: .mat files of NASA's layout, or a
folder with cells.csv and SET.csv.gz (form: model/data/public/README.md); where it holds batterylife_split.csv,
BatteryLife's task too. The project's sets of the same name are left out of the training.

--json writes: rul.nested, rul.untuned["1.45"|"1.50"|"1.55"], rul.baselines[NAME], each with mae, mae4, rmse, mse,
alpha_lambda, cra, per_cell (mean absolute error in cycles); capacity.four_cells_rmse_Ah,
capacity.all_cells_mae_percent, capacity.baselines[NAME]; intervals.rul (at 1.40 Ah), intervals.untuned["1.45"|...],
intervals.capacity, each with coverage_mean, coverage_worst, width; kinds.sets[SET] with unseen,
siblings["1"|"2"|"4"|"8"], known (each with error, in shares of the life, alpha_lambda, coverage, width),
baselines[NAME], cells; kinds.mean with the same over the sets, error_worst, coverage_worst and sets. With --data
FOLDER: kinds; present_capacity.sets[SET] and .mean with error_percent, persistence_percent, coverage, width_percent (of
the rated capacity); batterylife with figures[NAME] (mape, within_15_percent). With .mat files: cells[NAME] with
capacity, intervals, persistence, cycles.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from model.errors import InvalidInput  # noqa: E402
from model.evaluation import kinds_report, report  # noqa: E402
from model.evaluation.early_life import evaluate_early_life  # noqa: E402
from model.evaluation.evaluation import cells_to_json, evaluate, evaluate_cells  # noqa: E402
from model.evaluation.kinds import evaluate_kinds, pool_cells  # noqa: E402
from model.evaluation.present_capacity import evaluate_present_capacity  # noqa: E402
from model.records import data, public  # noqa: E402
from model.records.nasa import read_tables  # noqa: E402


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report with plots as one HTML page")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="cells to evaluate: folder, zip or file of .mat, or a folder with cells.csv and SET.csv.gz",
    )
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="which cells of --data (default: all)")
    parser.add_argument("--card", type=Path, metavar="FILE", help="renew the figures in a model card (model/README.md)")
    parser.add_argument("--quiet", action="store_true", help="no progress on the error output")
    chosen = parser.parse_args(arguments)
    if chosen.cells and chosen.data is None:
        parser.error("--cells needs --data")
    return chosen


def main() -> int:
    arguments = parse_arguments()

    def progress(message: str) -> None:
        if not arguments.quiet:
            print(message, file=sys.stderr, flush=True)

    if arguments.data is None:
        histories = data.histories()
        evaluation = evaluate(histories, progress)
        cells = pool_cells(list(histories.values()))
        kinds = evaluate_kinds(cells, cells, progress)
        more = kinds_report.tables(kinds)
        text = "\n\n".join([report.text(evaluation), report.tables_text(more)])
        figures = evaluation.to_json() | {"kinds": kinds.to_json()}
        page = report.page(evaluation, more) if arguments.html else ""
        if arguments.card:
            renewed = report.with_figures(arguments.card.read_text(encoding="utf-8"), evaluation, more)
            arguments.card.write_text(renewed, encoding="utf-8", newline="\n")
    elif (arguments.data / "cells.csv").is_file():
        chosen = set(arguments.cells or ())
        given = [cell for cell in public.read(arguments.data) if not chosen or cell.cell in chosen]
        if missing := sorted(chosen - {cell.cell for cell in given}):
            raise InvalidInput("--cells", ", ".join(missing), f"cells that {arguments.data} holds")
        kinds = evaluate_kinds(pool_cells(list(data.histories().values())), pool_cells([], given), progress)
        progress("capacity of the present cycle")
        present = evaluate_present_capacity(given)
        progress("BatteryLife's task")
        early = evaluate_early_life(arguments.data)
        more = kinds_report.tables(kinds, early, present)
        text, figures = report.tables_text(more), {"kinds": kinds.to_json()}
        if present is not None:
            figures["present_capacity"] = present.to_json()
        if early is not None:
            figures["batterylife"] = early.to_json()
        page = report.tables_page(more) if arguments.html else ""
    else:
        wanted = set(arguments.cells) if arguments.cells else None
        measured = {
            recording.cell: data.history_of(table, recording.cell)
            for recording, table in read_tables(arguments.data, wanted)
        }
        missing = sorted((wanted or set()) - set(measured))
        if missing or not measured:
            raise InvalidInput("--cells", ", ".join(missing) or None, f"cells that {arguments.data} holds")
        evaluated = evaluate_cells(measured, data.histories(), progress)
        text, figures = report.cells_text(evaluated), cells_to_json(evaluated)
        page = report.cells_page(evaluated) if arguments.html else ""
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if arguments.html:
        arguments.html.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    run(main)
