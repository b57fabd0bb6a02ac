"""Files that are larger, deeper or wider than they look: every reader refuses them, in a bounded memory."""

from __future__ import annotations

import io
import json
import sys

import pyarrow
import pytest
from pyarrow import parquet

from tests.conftest import must_run
from tests.doors import bombs

MEMORY_BYTES = 3_500_000_000
"""Of addresses: Python with pandas and pyarrow takes one and a half; each of the files would take more than all."""

SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def parts_of_book(sheet: str, strings: str = "") -> dict[str, bytes]:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
    book = f'<workbook xmlns="{main}" xmlns:r="{OFFICE}">{sheets}</workbook>'
    related = f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    types = f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
    types += f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
    types += f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/>'
    types += '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    types += '<Default Extension="xml" ContentType="application/xml"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{bombs.OPC}/content-types">{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{related}</Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
    }
    return {name: text.encode() for name, text in parts.items()}


def book(sheet: str, strings: str = "") -> bytes:
    return bombs.zipped(parts_of_book(sheet, strings))


def long_parquet() -> bytes:
    """60 million rows of one number, in some kB."""
    out, part = io.BytesIO(), pyarrow.table({"Voltage / V": pyarrow.array([3.7] * 1_000_000)})
    with parquet.ParquetWriter(out, part.schema) as writer:
        for _ in range(60):
            writer.write_table(part)
    return out.getvalue()


def repeating_parquet() -> bytes:
    """A million times the same text of a megabyte."""
    words = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1_000_000, pyarrow.int32()), ["x" * 1_000_000])
    out = io.BytesIO()
    parquet.write_table(pyarrow.table({"State": words}), out, compression="gzip")
    return out.getvalue()


def row(number: int, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


ONE = '<c r="A1"><v>1</v></c>'
BOMBS = {
    "gzip": ("a.csv.gz", lambda: bombs.gzip_bomb(510 * bombs.MEGABYTE, b"Time,Voltage\n")),
    "gzip in gzip": ("a.csv.gz.gz", lambda: bombs.gzip_bomb(0, bombs.gzip_bomb(510 * bombs.MEGABYTE))),
    "long parquet": ("a.parquet", long_parquet),
    "repeating parquet": ("a.parquet", repeating_parquet),
    "blanks in xlsx": ("a.xlsx", lambda: bombs.zip_bomb(
        parts_of_book(SHEET.format("")), "xl/more.xml", 510 * bombs.MEGABYTE)),
    "claimed size": ("a.xlsx", lambda: book(SHEET.format(
        f'<dimension ref="A1:XFD1048576"/><sheetData>{row(1, ONE)}</sheetData>'))),
    "far cells": ("a.xlsx", lambda: book(SHEET.format("<sheetData>" + "".join(
        row(number, f'<c r="A{number}"><v>1</v></c><c r="XFD{number}"><v>2</v></c>') for number in range(1, 5000))
        + "</sheetData>"))),
    "last row": ("a.xlsx", lambda: book(SHEET.format(
        "<sheetData>" + row(1_048_576, '<c r="XFD1048576"><v>1</v></c>') + "</sheetData>"))),
    "shared text": ("a.xlsx", lambda: book(
        SHEET.format("<sheetData>" + "".join(
            row(number, f'<c r="A{number}" t="s"><v>0</v></c>') for number in range(1, 700)) + "</sheetData>"),
        f"<si><t>{'x' * 1_000_000}</t></si>")),
    "entities in xlsx": ("a.xlsx", lambda: book(
        bombs.billion_laughs("worksheet") + SHEET.format("<sheetData>" + row(
            1, '<c r="A1" t="inlineStr"><is><t>&l9;</t></is></c>') + "</sheetData>"))),
    "packed mat": ("B0005.mat", lambda: bombs.inflating_mat(510 * bombs.MEGABYTE)),
    "deep mat": ("B0005.mat", lambda: bombs.nested_mat(10_000)),
    "neware": ("a.ndax", lambda: bombs.zip_bomb({}, "data.ndc", 510 * bombs.MEGABYTE)),
    "wide line": ("a.csv", lambda: b"," * 20_000_000),
    "many columns": ("a.csv", lambda: b",".join(b"c%d" % n for n in range(200_000)) + b"\n" + b"1," * 200_000),
    "quote without end": ("a.csv", lambda: b'Time,Voltage\n0,"' + b"\n" * 20_000_000),
}  # fmt: skip

REFUSED = {
    "gzip": "tooLarge", "gzip in gzip": "notText", "long parquet": "tooLarge", "blanks in xlsx": "tooLarge",
    "claimed size": "noHeader", "far cells": "tooLarge", "last row": "tooLarge", "shared text": "tooLarge",
    "entities in xlsx": "broken", "packed mat": "tooLarge", "deep mat": "tooDeep", "wide line": "noHeader",
    "many columns": "tooWide", "quote without end": "noHeader",
}  # fmt: skip
PROGRAM = """
import json, resource, sys
from operations.intake.readers import formats
from operations.intake.readers.table import Unreadable
from tests.operations.intake.test_bounds import BOMBS

if hasattr(resource, "RLIMIT_AS"):
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
told = {}
for name, (file, make) in BOMBS.items():
    content = make()
    try:
        told[name] = ["read", len(formats.read(file, content))]
    except Unreadable as error:
        told[name] = [error.code, str(error)]
print(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no memory of a process")
@pytest.mark.lasting
def test_every_reader_is_bounded() -> None:
    told = json.loads(must_run("-c", PROGRAM, str(MEMORY_BYTES), timeout_s=300))
    assert {name: told[name][0] for name in REFUSED} == REFUSED
    assert told["repeating parquet"] == ["read", 1_000_000]
    assert told["neware"][0] in ("tooLarge", "needsPackage")
    assert set(told) - set(REFUSED) == {"repeating parquet", "neware"}
