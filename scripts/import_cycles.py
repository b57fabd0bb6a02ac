#!/usr/bin/env python3
"""Brings files of cyclers and other tables into a cell, through the AAS: proposal, mapping, progress.

At a terminal it asks what could be read in two ways; otherwise --mapping or --yes says that nothing is to be asked.
Ends with 0 when all came in, 1 when something of a file was skipped, 2 when a file could not be imported, 3 when a
question was open, 130 after Ctrl-C (the import is cancelled then; what has come in stays, and can be repeated).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from console import add_basyx_url, run  # noqa: E402

from aasx.client import AasClient  # noqa: E402
from aasx.identifiers import check_cell_name, submodel_id  # noqa: E402
from aasx.submodels import imports  # noqa: E402

TIMEOUT_S = 120.0
LOOK_EVERY_s = 0.5
SHOWN_PROBLEMS = 10


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=__doc__.split("\n\n")[1])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, TXT, Parquet, Excel, .mat, .ndax, …")
    parser.add_argument("--cell", required=True, metavar="NAME", help="cell that the files are of (its idShort)")
    parser.add_argument(
        "--mapping", type=Path, metavar="JSON", help="how the columns are read, as a proposal prints it"
    )
    parser.add_argument("--yes", action="store_true", help="take the proposal unless something would have to be asked")
    parser.add_argument("--show", action="store_true", help="only print proposal and mapping, bring nothing in")
    parser.add_argument("--keep", action="store_true", help="keep the raw file in the AAS after the import")
    add_basyx_url(parser)
    return parser.parse_args(arguments)


class OneFile:
    """One file on its way into the twin."""

    def __init__(self, client: AasClient, cell: str, path: Path, keep: bool) -> None:
        imports.check_size(path.stat().st_size)
        self.client, self.data = client, submodel_id(cell, "OperationalData")
        item = imports.new_import(path.name, path.stat().st_size, keep)
        self.id, content = item["idShort"], path.read_bytes()
        client.append_element(self.data, imports.IMPORTS, item)
        file = f"{imports.IMPORTS}.{self.id}.{imports.DATA}"
        client.put_attachment(self.data, file, path.name, content, "application/octet-stream", timeout_s=TIMEOUT_S)

    def call(self, action: str, mapping: dict[str, Any] | None = None) -> dict[str, Any]:
        inputs = {"ImportId": self.id, "ImportAction": action}
        if mapping is not None:
            inputs["ImportMapping"] = json.dumps(mapping, ensure_ascii=False)
        return self.client.invoke(self.data, "ImportFile", inputs, timeout_s=TIMEOUT_S)

    def proposed(self, mapping: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        answer = self.call("propose", mapping)
        return json.loads(answer["ProposedMapping"]), json.loads(answer["ImportPreview"])

    def values(self) -> dict[str, Any]:
        return self.client.element_value(self.data, f"{imports.IMPORTS}.{self.id}")


def show(mapping: dict[str, Any], preview: dict[str, Any]) -> None:
    counts = preview["counts"]
    print(
        f"  {preview['rowCount']} rows, read as {preview['kind']}"
        + ("" if preview["whole"] else " (the first of them)")
    )
    for name, source in mapping["columns"].items():
        print(f"    {name:22} {source['column']}" + (f" [{source['unit']}]" if source.get("unit") else ""))
    print(f"  cycles: {counts['taken']} to come in, {counts['known']} known already, {counts['skipped']} skipped")
    for said in preview["notes"]:
        print(f"  note: {said['text']}")
    for row in [one for one in preview["problems"] if one["skipped"]][:SHOWN_PROBLEMS]:
        print(f"  line {row['line']}: {row['skipped']['text']}")


def answered(mapping: dict[str, Any], question: dict[str, Any], choice: int) -> dict[str, Any]:
    new = json.loads(json.dumps(mapping))
    for name, value in question["options"][choice]["sets"].items():
        new[name] = new.get(name, {}) | value if name == "columns" else value
    return new | {"answered": [*new.get("answered", []), question["code"]]}


def ask(question: dict[str, Any]) -> int:
    print(f"  {question['text']}")
    options = question["options"]
    for number, option in enumerate(options, 1):
        print(f"    {number}: {option['label']}")
    while True:
        text = input(f"  1 to {len(options)}: ").strip()
        if text.isdigit() and 1 <= int(text) <= len(options):
            return int(text) - 1


def read_mapping(path: Path) -> dict[str, Any]:
    """Raises ValueError for a file that holds no mapping."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path}: nested too deep for a mapping") from None
    except ValueError as error:
        raise ValueError(f"{path}: no JSON ({error})") from None
    if not isinstance(given, dict):
        raise ValueError(f"{path}: a mapping is an object, as a proposal prints it")
    return given


def bring_in(options: argparse.Namespace, client: AasClient, path: Path) -> int:
    """The exit code for one file."""
    print(path.name)
    given = read_mapping(options.mapping) if options.mapping else None
    one = OneFile(client, options.cell, path, options.keep)
    asks = sys.stdin.isatty() and not options.yes and given is None and not options.show
    started = False
    try:
        mapping, preview = one.proposed(given)
        while preview["questions"] and asks:
            question = preview["questions"][0]
            mapping, preview = one.proposed(answered(mapping, question, ask(question)))
        show(mapping, preview)
        lacking = [f"no column for {name}" for name in preview["missing"]]
        lacking += [preview["refused"]["text"]] if preview["refused"] else []
        opened = [question["text"] for question in preview["questions"]]
        for text in [*lacking, *opened]:
            print(f"  {text}", file=sys.stderr)
        if options.show or lacking or opened or not (asks or options.yes or given):
            print(f"  mapping: {json.dumps(mapping, ensure_ascii=False)}")
            return 0 if options.show else 2 if lacking else 3
        if asks and input("  bring it in? [y/N] ").strip().lower() not in ("y", "yes", "o", "oui"):
            return 3
        one.call("start", mapping)
        started = True
        return followed(one)
    except KeyboardInterrupt:
        if started:
            one.call("cancel")
            print("\n  cancelled; what has come in stays, the same command goes on", file=sys.stderr)
        raise
    finally:
        if not started:
            one.call("discard")


def followed(one: OneFile) -> int:
    while True:
        values = one.values()
        state, total = values["ImportState"], values["RowsTotal"] or 0
        print(f"\r  {state}: {values['RowsDone'] or 0} of {total}   ", end="", flush=True)
        if state not in imports.AT_WORK:
            break
        time.sleep(LOOK_EVERY_s)
    print()
    if state != imports.ENDED:
        told = json.loads(values["ImportRemarks"] or "{}").get("notes") or []
        print(f"  {state}: {'; '.join(said['text'] for said in told)}", file=sys.stderr)
        return 2
    print(f"  {values['CyclesTaken']} cycles came in, {values['CyclesKnown']} known, {values['CyclesSkipped']} skipped")
    return 1 if values["CyclesSkipped"] else 0


def main() -> int:
    options = parse_arguments()
    check_cell_name(options.cell)
    client = AasClient(options.basyx_url)
    return max(bring_in(options, client, path) for path in options.files)


if __name__ == "__main__":
    run(main)
