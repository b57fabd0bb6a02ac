#!/usr/bin/env python3
"""Makes the compact ageing tables of model/data/public from whole ones (cells.csv, SET.csv.gz; see the README there).

The model is trained on them; after a change it is trained anew at the next start.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import run  # noqa: E402

from model.records import public  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", type=Path, metavar="FOLDER", help="folder with cells.csv and SET.csv.gz")
    parser.add_argument("--tables", type=Path, default=public.FOLDER, metavar="DIR", help="where the tables go")
    chosen = parser.parse_args()
    for dataset, cells in public.build(chosen.source, chosen.tables).items():
        print(f"{dataset}: {cells} cells")
    return 0


if __name__ == "__main__":
    run(main)
