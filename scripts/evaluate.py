#!/usr/bin/env python3
"""Prints the honest figures of the predictors, target beside figure, with all baselines. Half a minute to two.

Every cell is predicted by a model that never saw it, and every choice is made inside the training cells (nested).
With --data the given cells are evaluated instead, by models trained on all cells of the project but these.

--json writes: rul.nested, rul.untuned["1.45"|"1.50"|"1.55"], rul.baselines[NAME], each with mae, mae4, rmse, mse,
alpha_lambda, cra, per_cell (mean absolute error in cycles); capacity.four_cells_rmse_Ah,
capacity.all_cells_mae_percent, capacity.baselines[NAME]; intervals.rul and intervals.capacity with coverage_mean,
coverage_worst, width. With --data: cells[NAME] with capacity, intervals, persistence, cycles.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from model.errors import InvalidInput, ModelError  # noqa: E402
from model.evaluation import report  # noqa: E402
from model.evaluation.evaluation import cells_to_json, evaluate, evaluate_cells  # noqa: E402
from model.records import data  # noqa: E402
from model.records.nasa import read_tables  # noqa: E402


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report with plots as one HTML page")
    parser.add_argument("--data", type=Path, metavar="PATH", help="folder, zip or file of .mat with cells to evaluate")
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
        evaluation = evaluate(data.histories(), progress)
        text, figures = report.text(evaluation), evaluation.to_json()
        page = report.page(evaluation) if arguments.html else ""
        if arguments.card:
            renewed = report.with_figures(arguments.card.read_text(encoding="utf-8"), evaluation)
            arguments.card.write_text(renewed, encoding="utf-8", newline="\n")
    else:
        wanted = set(arguments.cells) if arguments.cells else None
        given = {
            recording.cell: data.history_of(table, recording.cell)
            for recording, table in read_tables(arguments.data, wanted)
        }
        missing = sorted((wanted or set()) - set(given))
        if missing or not given:
            raise InvalidInput("--cells", ", ".join(missing) or None, f"cells that {arguments.data} holds")
        cells = evaluate_cells(given, data.histories(), progress)
        text, figures = report.cells_text(cells), cells_to_json(cells)
        page = report.cells_page(cells) if arguments.html else ""
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if arguments.html:
        arguments.html.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (ModelError, OSError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        sys.exit(2)
