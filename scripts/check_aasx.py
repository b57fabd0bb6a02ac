#!/usr/bin/env python3
"""Checks AASX packages and prints the conformance tree; exits with 1 on any finding, 2 when a file cannot be read.

Checked are the package and the metamodel (aas_test_engines, aas-core3.0), the published submodel templates, references,
concept descriptions and supplementary files.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from aasx.packages import conformance  # noqa: E402

COLOUR = re.compile(r"\033\[\d+m")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="AASX package")
    parser.add_argument("--quiet", action="store_true", help="one line per package unless something is found")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse_arguments()
    found = 0
    for path in options.files:
        result = conformance.check_package(path, path.name)
        if conformance.has_findings(result):
            found += 1
        if options.quiet and not conformance.has_findings(result):
            print(f"{path.name}: conforms")
            continue
        for line in result.to_lines():
            print(line if sys.stdout.isatty() else COLOUR.sub("", line))
    print(f"{len(options.files)} packages checked, {found} with findings")
    return 1 if found else 0


if __name__ == "__main__":
    run(main)
