#!/usr/bin/env python3
"""Loads a package into a running AAS environment: shells, submodels, concept descriptions and files.

Can be repeated at any time: what is alive keeps its history, predictions, thresholds and alerts; only what is missing
is created. The operations are pointed to the delegate, and facts about the AI model are brought up to date.
"""

import argparse
import hashlib
import itertools
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx import shell, transfer, vocabulary  # noqa: E402
from aasx.client import AasClient  # noqa: E402
from aasx.elements.build import to_json  # noqa: E402
from aasx.identifiers import DEMO_PREFIX, base_iri, cell_of  # noqa: E402
from aasx.packages import package  # noqa: E402

TOLD_EVERY = 10


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_basyx_url(parser)
    parser.add_argument(
        "--delegate-url",
        metavar="URL",
        default=os.environ.get("TWIN_DELEGATE_URL", shell.DEFAULT_DELEGATE_URL),
        help="delegate as the AAS environment reaches it (TWIN_DELEGATE_URL)",
    )
    parser.add_argument("--no-demo", action="store_true", help="without the demo's cells, if the package holds some")
    parser.add_argument("--package", type=Path, required=True, metavar="FILE", help="package, e.g. fleet.aasx")
    parser.add_argument(
        "--build",
        type=Path,
        metavar="DIR",
        help="build the package first, of all cells, with the trained model of this folder",
    )
    parser.add_argument(
        "--note",
        type=Path,
        metavar="FILE",
        help="note there what was loaded, and do nothing when all of it is there still",
    )
    return parser.parse_args(arguments)


def is_loaded(client: AasClient, note: Path, wanted: dict[str, str]) -> bool:
    """Whether the note is of a load of this package for this delegate, and all its shells and submodels stand."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        same = noted["wanted"] == wanted
        shells, submodels = noted["shells"], noted["submodels"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return same and transfer.stand(client, shells, submodels)


def build(client: AasClient, loader: transfer.Loader, model_dir: Path) -> package.Package:
    """What `build_aasx.py` writes as the package of all cells; each is loaded as soon as it is built."""
    with ThreadPoolExecutor(1) as beside:  # the environment has nothing else to do before the first of them
        concepts = beside.submit(load_concepts, client)
        import build_aasx  # takes seconds; not needed for a package that is there

        parts: list[package.Package] = []

        def begin(objects: list[Any], files: dict[str, bytes]) -> None:
            parts.append(package.Package(package.environment_of(objects), files))
            loader.begin(parts[-1])

        build_aasx.build(build_aasx.data.cells(), model_dir, shell.DEFAULT_DELEGATE_URL, begin)
        objects = [one for part in parts for ones in part.environment.values() for one in ones]
        files = {name: content for part in parts for name, content in part.files.items()}
        return package.Package(package.environment_of([*concepts.result(), *objects]), files)


def load_concepts(client: AasClient) -> list[dict]:
    """Returns the concept descriptions."""
    concepts = list(map(to_json, vocabulary.concept_descriptions()))
    transfer.load_concepts(client, concepts)
    return concepts


def write(content: package.Package, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    package.write(itertools.chain(*content.environment.values()), content.files, path)


def bring(client: AasClient, options: argparse.Namespace) -> tuple[package.Package, transfer.LoadReport]:
    """Loads, builds before what is to be built, and tells what was done."""
    start = time.monotonic()

    def tell(done: int) -> None:
        if done % TOLD_EVERY == 0:
            print(f"{done} shells", flush=True)

    without: list[str] = []
    if options.build:
        with transfer.Loader(client, options.delegate_url, tell) as loader, ThreadPoolExecutor(1) as beside:
            content = build(client, loader, options.build)
            written = beside.submit(write, content, options.package)
            report = loader.report()
        written.result()
    else:
        content = package.read(options.package)
        names = filter(None, (cell_of(shell["id"]) for shell in content.shells()))
        without = [name for name in names if options.no_demo and name.startswith(DEMO_PREFIX)]
        report = transfer.load(client, content, options.delegate_url, tell, without)
    print(
        f"{len(report.created)} shells created, {len(report.kept)} kept, {report.redirected} operations redirected"
        f" in {time.monotonic() - start:.1f} s"
    )
    for line in report.troubled:
        print(f"left as it is: {line}", file=sys.stderr)
    if report.left_out:
        why = "since they were removed, or are the demo's" if without else "since they were removed"
        print(f"left out, {why}: {', '.join(report.left_out)} (import_twin.py brings a cell back)")
    return content, report


def main() -> int:
    options = parse_arguments()
    client = AasClient(options.basyx_url, timeout_s=60.0)

    def wanted() -> dict[str, str]:
        package_hash = hashlib.sha256(options.package.read_bytes()).hexdigest()
        return {"package": package_hash, "delegate": options.delegate_url, "base": base_iri()}

    if options.note and not options.build and is_loaded(client, options.note, wanted()):
        print("all shells and submodels of this package are there")
        return 0
    content, report = bring(client, options)
    if options.note and not report.troubled:
        shells = [shell for shell in content.shells() if shell["id"] not in report.left_out]
        submodels = [key["value"] for shell in shells for reference in shell["submodels"] for key in reference["keys"]]
        noted = {"wanted": wanted(), "shells": [shell["id"] for shell in shells], "submodels": submodels}
        options.note.write_text(json.dumps(noted, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    run(main)
