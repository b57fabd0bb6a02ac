#!/usr/bin/env python3
"""Lists, adds and removes cells of a running twin.

cells.py list
cells.py add my_cell.yaml      a new cell without history, from a description (fields: aasx/cell_description.py)
cells.py remove MyCell         its shell, its submodels with all history, its entry in the fleet
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.cell_description import read_description  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.identifiers import cell_of, check_cell_name  # noqa: E402


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_basyx_url(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="names of the cells")
    add = commands.add_parser("add", help="add a cell from a YAML or JSON description")
    add.add_argument("file", type=Path, metavar="FILE")
    remove = commands.add_parser("remove", help="remove a cell with its history (asks)")
    remove.add_argument("cell", metavar="CELL")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=60.0)
    if options.command == "list":
        for cell in sorted(filter(None, (cell_of(shell["id"]) for shell in client.shells()))):
            print(cell)
    elif options.command == "add":
        description = read_description(options.file)
        transfer.add_cell(client, description)
        print(f"added {description.cell}")
    else:
        check_cell_name(options.cell)
        if not options.yes and input(f"Remove {options.cell} with all its history? [y/N] ").strip().lower() != "y":
            print("nothing removed")
            return 1
        transfer.remove_cell(client, options.cell)
        print(f"removed {options.cell}")
    return 0


if __name__ == "__main__":
    run(main)
