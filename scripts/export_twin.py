#!/usr/bin/env python3
"""Exports a running twin as AASX package or plain JSON: all of it, or some cells with the AI model they refer to.

Both hold history, predictions, thresholds and alerts as they are at this moment; files are in the package only. The
demo's cells are left out of the whole twin unless asked for.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx import transfer  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.packages import package  # noqa: E402


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="twin.aasx, or twin.json for the environment without files"
    )
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these cells (default: the whole twin)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="JSON inside the package instead of XML: for tools of metamodel 3.1 that refuse 3.0 XML"
        " (basyx-python-sdk 2.2, aas-core 3.1)",
    )
    parser.add_argument("--demo", action="store_true", help="the demo's cells as well")
    add_basyx_url(parser)
    options = parser.parse_args(arguments)
    if options.file.suffix.lower() not in (".aasx", ".json"):
        parser.error(f"{options.file} must end in .aasx or .json")
    return options


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=60.0)
    plain = options.file.suffix.lower() == ".json"
    left_out: list[str] = []
    without = [] if options.demo or options.cells else transfer.demo_cells(client)
    content = transfer.export(client, options.cells, "json" if options.json or plain else "xml", left_out, without)
    if plain:
        content = package.without_files(package.read(content))
    options.file.write_bytes(content)
    print(f"{options.file}  {len(content):,} bytes")
    for line in left_out:
        print(f"left out, for no package can hold it: {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run(main)
