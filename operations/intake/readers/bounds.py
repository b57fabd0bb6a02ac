"""What a file may become in memory, looked at before a library reads it: packed it can be a thousand times smaller.

Raises Unreadable `tooLarge`, `broken` or `tooDeep`.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from operations.intake.readers.table import Unreadable

UNPACKED_BYTES = 500_000_000
MOST_VALUES = UNPACKED_BYTES // 10
MOST_PARTS = 10_000
CHUNK = 1 << 20

MATRIX, PACKED = 14, 15
DEEPEST_MATRIX = 32
"""Of arrays in arrays; NASA's files have four. The library that reads them crashes at some thousands."""


def too_large(limit_bytes: int = UNPACKED_BYTES) -> Unreadable:
    limit = f"{limit_bytes // 1_000_000} MB"
    return Unreadable("tooLarge", f"the file unpacks to more than {limit}; thin or split it", limit=limit)


def require_values(rows: int, columns: int) -> None:
    """A table of so many rows and columns can be had."""
    if rows * max(columns, 1) > MOST_VALUES:
        raise too_large()


def require_zip(content: bytes) -> None:
    """The parts of a zip (.xlsx, .ndax) are together no larger than may be; the readers read no more than it says."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable("broken", f"the packed file is broken: {error}", reason=str(error)) from None
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > UNPACKED_BYTES:
        raise too_large()


def require_matlab(content: bytes) -> None:
    """A MATLAB 5 file unpacks to no more than may be, and its arrays hold arrays only so deep.

    Layout: MAT-File Format, The MathWorks: 128 bytes of header, then elements of kind, length and content.
    """
    order = ">" if content[126:128] == b"MI" else "<"
    left, position = UNPACKED_BYTES, 128
    while position + 8 <= len(content):
        kind, length = struct.unpack_from(f"{order}II", content, position)
        element = memoryview(content)[position : position + 8 + length]
        if kind == PACKED:
            element = memoryview(_unpacked(element[8:], left))
        left -= len(element)
        if left < 0:
            raise too_large()
        _require_shallow(element, order)
        position += 8 + length


def _unpacked(packed: memoryview, limit: int) -> bytes:
    unpacker, found, size = zlib.decompressobj(), [], 0
    try:
        part = unpacker.decompress(packed, CHUNK)
        while part:
            found.append(part)
            size += len(part)
            if size > limit:
                raise too_large()
            part = unpacker.decompress(unpacker.unconsumed_tail, CHUNK)
    except zlib.error as error:
        raise Unreadable("broken", f"the packed file is broken: {error}", reason=str(error)) from None
    return b"".join(found)


def _require_shallow(element: memoryview, order: str) -> None:
    """Walks the arrays in the array without calling itself; `ends` are those of the arrays around a place."""
    ends: list[int] = []
    position = 0
    while position + 8 <= len(element):
        while ends and position >= ends[-1]:
            ends.pop()
        kind, length = struct.unpack_from(f"{order}II", element, position)
        if kind >> 16:  # a small element: its length stands in the upper half, its content in the last four bytes
            position += 8
        elif kind == MATRIX:
            ends.append(position + 8 + length)
            if len(ends) > DEEPEST_MATRIX:
                raise Unreadable("tooDeep", f"arrays lie in arrays more than {DEEPEST_MATRIX} deep")
            position += 8
        else:
            position += 8 + length + -length % 8
