#!/usr/bin/env python3
"""Imports the cells of an AASX package or JSON environment, e.g. exported from another twin, into a running twin.

The package is verified first. Cells that exist are refused, nothing is changed then; --replace removes them before.
"""

import argparse
import os
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
    parser.add_argument("file", type=Path, metavar="FILE", help="package (.aasx) or environment (.json) to read")
    parser.add_argument("--replace", action="store_true", help="remove cells of the same name first")
    add_basyx_url(parser)
    parser.add_argument(
        "--delegate-url",
        metavar="URL",
        default=os.environ.get("TWIN_DELEGATE_URL"),
        help="delegate as the AAS environment reaches it (TWIN_DELEGATE_URL, else that of the twin)",
    )
    return parser.parse_args(arguments)


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=60.0)
    cells = transfer.import_package(client, package.read(options.file), options.delegate_url, options.replace)
    print(f"imported {', '.join(cells)}")
    return 0


if __name__ == "__main__":
    run(main)
