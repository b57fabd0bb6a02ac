"""Which reader reads a file: by its name and its first bytes. Vendors' binary formats are read by their libraries.

.csv .txt .tsv .mpt .bdf.csv (and .gz)   operations.intake.readers.text
.parquet (and .bdf.parquet)              pyarrow
.xlsx .xlsm                              openpyxl; the sheet with the widest table
.nda .ndax (Neware)                      fastnda, installed by those who need it
.mpr (BioLogic)                          galvani, installed by those who need it
.mat (NASA's layout, MATLAB v5)          model.records.nasa; v7.3 is refused with the remedy
"""

from __future__ import annotations

import gzip
import importlib
import io
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from model.errors import BadRawData
from model.records import nasa
from operations.intake.readers import bounds, text
from operations.intake.readers.table import Table, Unreadable

EXTRAS = {"fastnda": "fastnda==1.3.1", "galvani": "galvani==0.5.0"}
"""Packages that are only installed where a format needs them: heavy, or under the GPL."""


def read(name: str, content: bytes, most_rows: int | None = None) -> Table:
    """The table in a file; `most_rows`: no more than these, where only a look is wanted. Raises Unreadable."""
    lowered = name.lower()
    if content[:2] == b"\x1f\x8b":
        content, lowered = _unpacked(content), lowered.removesuffix(".gz")
    if not content.strip():
        raise Unreadable("empty", "the file is empty")
    if content[:4] == b"PAR1":
        return _parquet(content, most_rows)
    if content[:4] == b"PK\x03\x04" and lowered.endswith((".xlsx", ".xlsm")):
        return _excel(content)
    if lowered.endswith((".nda", ".ndax")):
        return _neware(lowered, content, most_rows)
    if lowered.endswith(".mpr"):
        return _biologic(content, most_rows)
    if lowered.endswith(".mat"):
        return _matlab(name, content)
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable("oldExcel", "an old Excel file (.xls); save it as .xlsx or CSV and import that")
    return text.read(content, most_rows)


def _unpacked(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            found = packed.read(bounds.UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable("broken", f"the packed file is broken: {error}", reason=str(error)) from None
    if len(found) > bounds.UNPACKED_BYTES:
        raise bounds.too_large()
    return found


def _parquet(content: bytes, most_rows: int | None) -> Table:
    """Its flat columns. Of texts those that differ are read once: a file may repeat one a million times."""
    from pyarrow import parquet, types

    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        flat = [one for one in file.schema_arrow if not types.is_nested(one.type)]
        texts = [one.name for one in flat if types.is_large_unicode(one.type) or types.is_unicode(one.type)]
        bounds.require_values(file.metadata.num_rows, len(flat))
        file = parquet.ParquetFile(io.BytesIO(content), read_dictionary=texts)
        cells = file.read([one.name for one in flat]).to_pandas()
        for name in texts:
            cells[name] = cells[name].astype(object)
        return Table.of(cells, "parquet", most_rows)
    except Unreadable:
        raise
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise Unreadable("broken", f"no readable Parquet file: {error}", reason=str(error)) from None


def _excel(content: bytes) -> Table:
    """The widest sheet, through the reader of text, so that header, units and marks are found the same way."""
    openpyxl = _library("openpyxl", "openpyxl==3.1.5", ".xlsx")
    bounds.require_zip(content)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = [_rows(sheet) for sheet in book.worksheets]
    except Unreadable:
        raise
    except Exception as error:  # openpyxl lets out whatever zipfile and XML raise
        raise Unreadable("broken", f"no readable Excel file: {error}", reason=str(error)) from None
    rows = max(sheets, key=lambda one: (max(map(len, one), default=0) > 1) * len(one), default=[])
    width = max(map(len, rows), default=0)
    bounds.require_values(len(rows), width)
    out = io.StringIO()
    for row in rows:
        written = (
            "" if value is None else value.isoformat() if hasattr(value, "isoformat") else value
            for value in (*row, *[None] * (width - len(row)))
        )  # fmt: skip
        line = "\t".join(str(value).replace("\t", " ").replace("\n", " ") for value in written)
        if out.tell() + len(line) > bounds.UNPACKED_BYTES:
            raise bounds.too_large()
        out.write(line + "\n")
    return text.read(out.getvalue().encode("utf-8"))


def _rows(sheet: Any) -> list[tuple]:
    sheet.reset_dimensions()  # a sheet may say it were as large as can be
    rows, values = [], 0
    for row in sheet.iter_rows(values_only=True):
        values += len(row) + 1
        bounds.require_values(values, 1)
        rows.append(row)
    return rows


def _neware(name: str, content: bytes, most_rows: int | None) -> Table:
    fastnda = _library("fastnda", EXTRAS["fastnda"], "Neware's .nda and .ndax")
    if name.endswith(".ndax"):
        bounds.require_zip(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{Path(name).suffix}"
        path.write_bytes(content)
        try:
            found = fastnda.read(path, cycle_mode="raw", columns="bdf")
            columns = {one: found[one].to_numpy() for one in found.columns}
        except Exception as error:  # of a file that is none; the library has no error of its own
            raise Unreadable("broken", f"no readable Neware file: {error}", reason=str(error)) from None
    return Table.of(pd.DataFrame(columns), "neware", most_rows, in_standard=True)


def _biologic(content: bytes, most_rows: int | None) -> Table:
    galvani = _library("galvani", EXTRAS["galvani"], "BioLogic's .mpr")
    try:
        found = pd.DataFrame(galvani.BioLogic.MPRfile(io.BytesIO(content)).data)
    except Exception as error:  # of a file that is none; the library has no error of its own
        raise Unreadable("broken", f"no readable BioLogic file: {error}", reason=str(error)) from None
    return Table.of(found, "biologic", most_rows)


def _matlab(name: str, content: bytes) -> Table:
    """NASA's layout: every charge and discharge as samples, on the clock of the bench, with its kind and cycle."""
    if content[:8] == b"\x89HDF\r\n\x1a\n" or b"MATLAB 7.3" in content[:128]:
        remedy = "save it in MATLAB with save(…, '-v7'), or write CSV or Parquet"
        raise Unreadable("matlab73", f"a MATLAB 7.3 file (HDF5) is not read here; {remedy}")
    bounds.require_matlab(content)
    try:
        recording = nasa.read_cell(nasa.CellFile(Path(name).stem, name, io.BytesIO(content)))
    except BadRawData as error:
        raise Unreadable("notNasa", f"no .mat file of NASA's layout: {error}", reason=str(error)) from None
    parts, starts_s = [], []
    for index, (kind, start) in enumerate(zip(recording.kinds, recording.starts, strict=True)):
        if kind not in ("charge", "discharge"):
            continue
        curve = recording.curve(index)
        start_s = pd.Timestamp(start).timestamp()
        part = pd.DataFrame({
            "Date_Time": pd.to_datetime(start_s + curve["Time"].to_numpy(float), unit="s"),
            "Voltage / V": curve["Voltage_measured"], "Current / A": curve["Current_measured"],
            "Temperature / degC": curve["Temperature_measured"],
            "Ambient Temperature / degC": float(recording.ambient_degC[index]),
        })  # fmt: skip
        parts.append(part)
        starts_s.append(start_s)
    if not parts:
        raise Unreadable("notNasa", "the .mat file holds no charge and no discharge", reason="empty")
    order = np.argsort(starts_s, kind="stable")
    return Table.of(pd.concat([parts[index] for index in order], ignore_index=True), "matlab", in_standard=True)


def _library(module: str, wanted: str, form: str) -> Any:
    try:
        found = importlib.import_module(module)
        return importlib.import_module("galvani.BioLogic") and found if module == "galvani" else found
    except ImportError:
        remedy = f"pip install {wanted}, where the delegate runs"
        message = f"reading {form} needs a package that is not installed: {remedy}; or export the file as CSV"
        raise Unreadable("needsPackage", message, package=wanted, form=form) from None
