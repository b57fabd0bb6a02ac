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

from aasx.client import AasClient, OperationFailed  # noqa: E402
from aasx.elements.shape import read  # noqa: E402
from aasx.identifiers import cell_of, check_cell_name, fleet_submodel_id, submodel_id  # noqa: E402
from aasx.submodels import fleet  # noqa: E402
from aasx.vocabulary import IN_SERVICE  # noqa: E402

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
    told = f"   {outputs.get('Message') or outputs.get('ResultMessage') or ''}".rstrip()
    rul = f"{number(outputs['RUL'])} ({number(outputs['RULLower'])} to {number(outputs['RULUpper'])}) cycles"
    return f"{cell:20} SoH {number(outputs['StateOfHealth'], 1):>5} %   RUL {rul}{told}"


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=TIMEOUT_S)
    cells = [check_cell_name(cell) for cell in options.cells]
    if options.if_never:
        return predict_if_never(client)
    inputs = {} if options.at_cycle is None else {"AtCycle": options.at_cycle}
    for cell in cells:
        print(line(cell, client.invoke(submodel_id(cell, "Prediction"), "Predict", inputs)))
    return 0 if cells or predict_fleet(client) else 1


def predict_if_never(client: AasClient) -> int:
    """As a start needs it: a cell that cannot be predicted is told, and keeps nobody from starting."""
    names = sorted(filter(None, (cell_of(shell["id"]) for shell in client.shells())))
    if not names:
        print("the fleet is empty")
        return 0
    known: dict[str, dict] = {}
    for page in client.value_pages(fleet_submodel_id(), fleet.CELLS_PATH):
        known |= read(page, fleet.shape().part(fleet.CELLS_PATH))
    out_of_service = [row for row in known.values() if row["ServiceState"] not in (None, IN_SERVICE)]
    asked_in_vain = any(row["UnacknowledgedAlerts"] for row in out_of_service)  # as before there were service states
    if asked_in_vain or not all(known.get(name, {}).get("LastUpdate") for name in names):
        predict_fleet(client)
        return 0
    for name in names:
        try:
            print(line(name, client.invoke(submodel_id(name, "Prediction"), "Predict", {})))
            return 0
        except OperationFailed as error:
            print(f"{name:20} {error}")
    return 0


def predict_fleet(client: AasClient) -> bool:
    """Predicts all cells; True when each of them could be."""
    known: dict[str, dict] = {}
    inputs: dict[str, str] = {}
    while True:
        answer = client.invoke(fleet_submodel_id(), "PredictAll", inputs)
        for result in answer["Results"] or []:
            done = result["ResultStatus"] == "ok"
            print(line(result["Battery"], result) if done else f"{result['Battery']:20} {result['ResultMessage']}")
            known[result["Battery"]] = result
        if answer.get("NextCursor") in (None, inputs.get("Cursor")):
            return all(result["ResultStatus"] == "ok" for result in known.values())
        inputs = {"Cursor": answer["NextCursor"]}


if __name__ == "__main__":
    run(main)
