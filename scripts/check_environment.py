#!/usr/bin/env python3
"""Tries on a running AAS environment what the twin needs of one; exits with 1 if something is missing.

Works on scratch objects and takes them away again. Operations are tried with a delegate that this command starts here;
--delegate-url says where the server reaches this machine, if not at the address it is asked from.
"""

import argparse
import dataclasses
import json
import shutil
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from aasx.compatibility import probe  # noqa: E402
from aasx.compatibility.report import DIFFERS, MISSING, NOT_TRIED, OK, Finding, Report  # noqa: E402

WIDEST = 110


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("url", metavar="URL", help="AAS environment, e.g. http://127.0.0.1:8081")
    parser.add_argument(
        "--delegate-url", metavar="URL", help="this machine as the server reaches it, e.g. http://10.0.0.5:5000"
    )
    parser.add_argument("--no-delegate", action="store_true", help="leave operations out")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser.parse_args(arguments)


def lines(finding: Finding, width: int) -> list[str]:
    needed = "" if finding.needed else "  (not needed)"
    first = f"{finding.result:<9}  {finding.title}{needed}"
    rows = (
        [] if finding.result == OK else [("seen", finding.seen), ("means", finding.meaning), ("remedy", finding.remedy)]
    )
    return [
        first,
        *(
            line
            for name, text in rows
            for line in textwrap.wrap(text, width, initial_indent=f"{'':11}{name:<8}", subsequent_indent=" " * 19)
        ),
    ]


def summary(report: Report) -> str:
    count = {
        result: sum(one.result == result for one in report.findings) for result in (OK, DIFFERS, MISSING, NOT_TRIED)
    }
    told = ", ".join(f"{number} {result}" for result, number in count.items() if number)
    needed = [one.title for one in report.findings if one.needed and one.result == MISSING]
    if needed:
        return f"{told}. The twin does not run on it: {'; '.join(needed)}."
    untried = any(one.needed and one.result == NOT_TRIED for one in report.findings)
    return f"{told}. The twin runs on it{', if what was not tried works' if untried else ''}."


def main() -> int:
    options = parse_arguments()

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {of}", end="\r", file=sys.stderr, flush=True)

    report = probe.run(options.url, options.delegate_url, not options.no_delegate, tell)
    if options.json:
        content = dataclasses.asdict(report) | {"fits": report.fits}
        print(json.dumps(content, ensure_ascii=False, indent=1))
    else:
        width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        for finding in report.findings:
            print("\n".join(lines(finding, width)))
        print(summary(report))
    if report.left_behind:
        print(f"could not be taken away: {', '.join(report.left_behind)}", file=sys.stderr)
    return 0 if report.fits else 1


if __name__ == "__main__":
    run(main)
