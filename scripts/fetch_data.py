#!/usr/bin/env python3
"""Gets NASA's battery data set and rebuilds the project's tables and curves from it.

Without --from the official archive is downloaded. The archive is verified (checksums of every zip, layout of every
cell) and the tables are replaced only when everything could be read. --check changes nothing and tells whether the
tables match the raw files. A local copy may be NASA's zip, a folder of .mat files, or one .mat file.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import requests  # noqa: E402

from model import cluster  # noqa: E402
from model.errors import BadRawData, ModelError  # noqa: E402
from model.records import data  # noqa: E402

OFFICIAL_ARCHIVE = "https://phm-datasets.s3.amazonaws.com/NASA/5.+Battery+Data+Set.zip"
"""NASA Prognostics Center of Excellence Data Set Repository, "5. Battery Data Set", about 200 MB."""

TIMEOUT_s = 30.0


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--from", dest="source", type=Path, metavar="PATH", help="local copy: zip, folder or .mat file")
    parser.add_argument("--url", default=OFFICIAL_ARCHIVE, help="where to download the archive (default: NASA's)")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="only these cells, for instance B0005 B0006")
    parser.add_argument("--check", action="store_true", help="compare the tables with the raw files; change nothing")
    parser.add_argument(
        "--allow-missing", action="store_true", help="accept a source that lacks cells which the tables have now"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="extract features on the Dask cluster of this scheduler (folders only)"
    )
    parser.add_argument("--tables", type=Path, default=data.FOLDER, metavar="DIR", help="folder of the tables")
    return parser.parse_args(arguments)


def download(url: str, target: Path) -> None:
    """Fetch `url` into `target`. Raises `BadRawData` if it cannot be reached or breaks off."""
    try:
        with requests.get(url, stream=True, timeout=TIMEOUT_s) as answer:
            answer.raise_for_status()
            expected = int(answer.headers.get("Content-Length", 0))
            received, told = 0, 0
            with target.open("wb") as file:
                for block in answer.iter_content(1 << 20):
                    file.write(block)
                    received += len(block)
                    if received - told >= 10 << 20:
                        told = received
                        print(f"{received >> 20} of {expected >> 20} MB", flush=True)
    except requests.RequestException as error:
        raise BadRawData(f"{url} cannot be fetched: {error}") from error
    if expected and received != expected:
        raise BadRawData(f"{url} broke off after {received} of {expected} bytes")


def rebuild(source: Path, options: argparse.Namespace) -> int:
    only = set(options.cells) if options.cells else None
    if options.check:
        problems = data.check(source, options.tables)
        for problem in problems:
            print(problem)
        print(f"{len(problems)} differences" if problems else "the tables match the raw files")
        return 1 if problems else 0
    now = set(data.cells(options.tables)) if (options.tables / "cycles.csv").is_file() else set()
    required = set() if options.allow_missing or only else now
    with cluster.on_scheduler(options.scheduler) as run:
        names = data.build(source, options.tables, only, required, lambda text: print(text, flush=True), run)
    print(f"tables of {len(names)} cells -> {options.tables}; the model is trained anew at the next start")
    return 0


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        if options.source is not None:
            return rebuild(options.source, options)
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "archive.zip"
            download(options.url, archive)
            return rebuild(archive, options)
    except (ModelError, OSError) as error:
        print(f"error: {error}; nothing was changed", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing was changed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
