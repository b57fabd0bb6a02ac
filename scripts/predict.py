#!/usr/bin/env python3
"""Predicts cells through the AAS, as any AAS client can, and prints state of health and remaining useful life.

Without names all cells of the fleet are predicted (the operation PredictAll), otherwise each by its own Predict.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx.client import AasClient  # noqa: E402
from aasx.identifiers import check_cell_name, fleet_submodel_id, submodel_id  # noqa: E402

TIMEOUT_S = 120.0


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help="only these cells (default: the fleet)")
    parser.add_argument("--at-cycle", type=int, metavar="K", help="as seen at this cycle; changes nothing in the AAS")
    parser.add_argument(
        "--if-never", action="store_true", help="the fleet only if one of its cells was never predicted, else one cell"
    )
    add_basyx_url(parser)
    options = parser.parse_args(arguments)
    if options.at_cycle is not None and not options.cells:
        parser.error("--at-cycle goes with the name of a cell")
    if options.if_never and options.cells:
        parser.error("--if-never goes without names")
    return options


def number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def line(cell: str, outputs: dict) -> str:
    rul = f"{number(outputs['RUL'])} ({number(outputs['RULLower'])} to {number(outputs['RULUpper'])}) cycles"
    return f"{cell:20} SoH {number(outputs['StateOfHealth'], 1):>5} %   RUL {rul}"


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=TIMEOUT_S)
    cells = [check_cell_name(cell) for cell in options.cells]
    if options.if_never:
        fleet = client.element_value(fleet_submodel_id(), "Cells") or {}
        if not fleet:
            print("the fleet is empty")
            return 0
        if all(entry["LastUpdate"] for entry in fleet.values()):
            cells = [min(fleet)]
    inputs = {} if options.at_cycle is None else {"AtCycle": options.at_cycle}
    for cell in cells:
        print(line(cell, client.invoke(submodel_id(cell, "Prediction"), "Predict", inputs)))
    if cells:
        return 0
    results = client.invoke(fleet_submodel_id(), "PredictAll", {})["Results"] or []
    for result in results:
        failed = result["ResultStatus"] != "ok"
        print(f"{result['Battery']:20} {result['ResultMessage']}" if failed else line(result["Battery"], result))
    return 1 if any(result["ResultStatus"] != "ok" for result in results) else 0


if __name__ == "__main__":
    run(main)
