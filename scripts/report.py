"""Writes reports of cells or of the whole fleet: HTML that prints to A4, and PDF where a browser is at hand.

Reads the running twin through its AAS environment alone; what-if scenarios are asked of SimulateWhatIf.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from dashboard.reading.twin import Trouble, Twin  # noqa: E402
from dashboard.report import cell as of_cell  # noqa: E402
from dashboard.report import fleet as of_fleet  # noqa: E402
from dashboard.report.pdf import NotPrinted, pdf_of  # noqa: E402
from dashboard.texts.language import LANGUAGES, Language  # noqa: E402

DEFAULT_URL = "http://127.0.0.1:8081"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help="idShort or name of a cell; none: the fleet")
    parser.add_argument("--lang", choices=sorted(LANGUAGES), default="en", help="language of the report (en)")
    parser.add_argument("--out", type=Path, default=Path(), metavar="FOLDER", help="where the files go (here)")
    parser.add_argument("--pdf", action="store_true", help="print it as PDF too; needs Chromium, Chrome or Edge")
    parser.add_argument("--scenario", default="", metavar="A:T4_I3;B:…",
                        help="scenarios as the address of the simulation page has them")  # fmt: skip
    parser.add_argument("--basyx-url", default=os.environ.get("TWIN_BASYX_URL", DEFAULT_URL),
                        help="AAS environment (%(default)s)")  # fmt: skip
    options = parser.parse_args()
    twin, words = Twin(options.basyx_url), Language(options.lang)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        names = {name: cell for cell, name in twin.names().items()} if options.cells else {}
        known = {*names.values()}
        if unknown := [name for name in options.cells if name not in names and name not in known]:
            print(f"report: the twin has no cell {', '.join(unknown)}", file=sys.stderr)
            return 2
        wanted = [names.get(name, name) for name in options.cells]
        for cell in wanted or [""]:
            html = of_cell.report(twin, words, cell, options.scenario) if cell else of_fleet.report(twin, words)
            path = options.out / f"report_{cell or 'fleet'}_{options.lang}.html"
            path.write_text(html, encoding="utf-8")
            print(path, flush=True)
            if options.pdf:
                path.with_suffix(".pdf").write_bytes(pdf_of(html))
                print(path.with_suffix(".pdf"), flush=True)
    except Trouble as trouble:
        print(f"report: the AAS environment at {options.basyx_url}: {trouble}", file=sys.stderr)
        return 1
    except (NotPrinted, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    run(main)
