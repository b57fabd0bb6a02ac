#!/usr/bin/env python3
"""Builds the AASX packages: one per NASA cell, and fleet.aasx with all cells, the fleet and the AI model.

History and curves come from the model's data. With a trained model (--model-dir, else TWIN_MODEL_DIR, else .twin/model)
each cell carries a prediction by a model fitted without it; without one the prediction part has no values.
The same content always gives the same bytes.
"""

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from aasx import (  # noqa: E402
    alerts,
    shell,
    vocabulary,
)
from aasx.cell_description import CellDescription, nasa_cells  # noqa: E402
from aasx.packages import package  # noqa: E402
from aasx.submodels import curves  # noqa: E402
from aasx.submodels.operational_data import BENCH  # noqa: E402
from model.records import data  # noqa: E402
from model.records.cycle import NOMINAL_CAPACITY_Ah  # noqa: E402
from operations.cell import twin  # noqa: E402
from operations.request.columns import ID_SHORT  # noqa: E402

FLEET_FILE = "fleet.aasx"
JSON_HELP = (
    "JSON inside instead of XML: for tools of metamodel 3.1 that refuse 3.0 XML (basyx-python-sdk 2.2, aas-core 3.1)"
)
UNDATED = datetime.fromtimestamp(0, UTC)  # taken out again: the time of the build would make every package differ


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the packages")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these cells (default: all)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("--fleet-only", action="store_true", help="only fleet.aasx")
    parser.add_argument(
        "--model-dir",
        type=Path,
        metavar="DIR",
        default=Path(os.environ.get("TWIN_MODEL_DIR", ROOT / ".twin" / "model")),
        help="trained model (TWIN_MODEL_DIR, else .twin/model)",
    )
    parser.add_argument(
        "--delegate-url",
        metavar="URL",
        default=os.environ.get("TWIN_DELEGATE_URL", shell.DEFAULT_DELEGATE_URL),
        help="delegate as the AAS environment reaches it (TWIN_DELEGATE_URL)",
    )
    options = parser.parse_args(arguments)
    known = data.cells()
    unknown = sorted(set(options.cells or []) - set(known))
    if unknown:
        parser.error(f"no data of {', '.join(unknown)}; there are {', '.join(known)}")
    options.cells = sorted(set(options.cells or known))
    return options


@dataclass(frozen=True)
class Built:
    """Objects of the concepts, the AI model, each cell and the fleet; each cell's supplementary files by part name."""

    concepts: list[Any]
    model: list[Any]
    cells: dict[str, list[Any]]
    fleet: list[Any]
    files: dict[str, dict[str, bytes]]

    def of_cell(self, cell: str) -> tuple[list[Any], dict[str, bytes]]:
        return [*self.cells[cell], *self.model, *self.concepts], self.files[cell]

    def of_all(self) -> tuple[list[Any], dict[str, bytes]]:
        objects = [*self.concepts, *self.model, *itertools.chain(*self.cells.values()), *self.fleet]
        return objects, {name: content for files in self.files.values() for name, content in files.items()}


def main() -> int:
    options = parse_arguments()
    built = build(options.cells, options.model_dir, options.delegate_url)
    options.out.mkdir(parents=True, exist_ok=True)
    packages = {} if options.fleet_only else {f"{cell}.aasx": built.of_cell(cell) for cell in options.cells}
    for name, (objects, files) in (packages | {FLEET_FILE: built.of_all()}).items():
        path = options.out / name
        package.write(objects, files, path, "json" if options.json else "xml")
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


def build(
    cells: Sequence[str],
    model_dir: Path,
    delegate_url: str,
    built: Callable[[list[Any], dict[str, bytes]], None] = lambda objects, files: None,
) -> Built:
    """What the packages hold. Without a trained model in that folder predictions have no values.

    `built` is given objects and files of the AI model, each cell and the fleet as soon as they are there.
    """
    model = load_model(model_dir)
    descriptions, ranges = nasa_cells(), training_range(model)
    of_model = [] if model is None else shell.build_model(model.card)
    built(of_model, {})
    objects, files, summaries = {}, {}, {}
    for cell in cells:
        objects[cell], files[cell], summaries[cell] = build_cell(descriptions[cell], model, ranges, delegate_url)
        built(objects[cell], files[cell])
    fleet = shell.build_fleet(summaries, delegate_url)
    built(fleet, {})
    return Built(vocabulary.concept_descriptions(), of_model, objects, fleet, files)


def load_model(folder: Path) -> Any:
    """The trained model (model.serving.artifact.TwinModel), or None when there is none."""
    if not folder.is_dir():
        print(f"no trained model in {folder}: predictions have no values", file=sys.stderr)
        return None
    from model.serving.artifact import TwinModel  # takes a second; not needed without a model

    return TwinModel.load(folder)


def build_cell(
    description: CellDescription,
    model: Any,
    ranges: dict[str, tuple[float, float, float, float]],
    delegate_url: str,
) -> tuple[list[Any], dict[str, bytes], dict[str, Any]]:
    """Objects, supplementary files and fleet summary of one cell."""
    history = data.history(description.cell)
    records = [twin.record_values(row, history.rated_capacity_Ah) for row in history.cycles.to_dict("records")]
    trend, service = twin.capacity_trend(history.cycles), description.service_state
    summary: dict[str, Any] = {"CapacityTrend": trend, "ServiceState": service}
    values = None
    if model is not None:
        prediction = model.predict(history)
        values = twin.prediction_values(prediction, UNDATED)
        values["StateOfHealthPrediction"]["PredictedAt"] = values["PredictionDetails"]["PredictedAt"] = None
        none = alerts.summary([], 0, True, UNDATED)
        summary = twin.fleet_values(description.cell, prediction, trend, none, UNDATED, service)
        summary |= {"LastUpdate": None}
    starts = {record["id_cycle"]: record["Time"] for record in records if record["Time"] is not None}
    csv = curves_csv(description.cell, starts)
    summary |= twin.use_values(history.cycles, description.cell_type, BENCH)
    objects = shell.build_cell(description, records, values, csv, delegate_url, ranges, older_in_tables=True)
    return objects, shell.cell_files(description, csv, records), summary


def curves_csv(cell: str, starts: Mapping[int, str]) -> bytes:
    """Sampled curves of the cycles with a record, as CSV; `starts`: when each discharge began."""
    table = data.load_curves(cell)
    table = table[table["id_cycle"].notna()]
    columns = [table["id_cycle"].astype(int), *(table[name] for name in ("type", "Time", *curves.MEASURED))]
    return curves.to_csv(zip(*(column.tolist() for column in columns), strict=True), starts).encode("utf-8")


def training_range(model: Any) -> dict[str, tuple[float, float, float, float]]:
    """Training ranges by idShort; the state of health's follows from the capacity's."""
    ranges: dict[str, tuple[float, float, float, float]] = {}
    for column, (low, high, mean, deviation) in ({} if model is None else model.card["training_range"]).items():
        ranges[ID_SHORT[column]] = (low, high, mean, deviation)
        if column == "capacity_Ah":
            percent = 100.0 / NOMINAL_CAPACITY_Ah
            ranges["StateOfHealth"] = (percent * low, percent * high, percent * mean, percent * deviation)
    return ranges


if __name__ == "__main__":
    run(main)
