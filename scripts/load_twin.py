#!/usr/bin/env python3
"""Loads a package into a running AAS environment: shells, submodels, concept descriptions and files.

Can be repeated at any time: what is alive keeps its history, predictions, thresholds and alerts; only what is missing
is created. The operations are pointed to the delegate, and facts about the AI model are brought up to date.
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx import shell, transfer  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.packages import package  # noqa: E402


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_basyx_url(parser)
    parser.add_argument(
        "--delegate-url",
        metavar="URL",
        default=os.environ.get("TWIN_DELEGATE_URL", shell.DEFAULT_DELEGATE_URL),
        help="delegate as the AAS environment reaches it (TWIN_DELEGATE_URL)",
    )
    parser.add_argument("--package", type=Path, required=True, metavar="FILE", help="package, e.g. fleet.aasx")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse_arguments()
    content = package.read(options.package)
    start = time.monotonic()
    report = transfer.load(AasClient(options.basyx_url, timeout_s=60.0), content, options.delegate_url)
    print(
        f"{len(report.created)} shells created, {len(report.kept)} kept, {report.redirected} operations redirected"
        f" in {time.monotonic() - start:.1f} s"
    )
    for line in report.troubled:
        print(f"left as it is: {line}", file=sys.stderr)
    if report.left_out:
        print(f"left out, since they were removed: {', '.join(report.left_out)} (import_twin.py brings a cell back)")
    return 0


if __name__ == "__main__":
    run(main)
