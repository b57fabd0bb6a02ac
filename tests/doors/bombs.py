"""Documents that would take more memory or time than they look, or fetch what they should not."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib

MEGABYTE = 1_000_000
AAS = 'xmlns="https://admin-shell.io/aas/3/0"'
MARK = "https://evil.example/sm"  # the identifier that must not turn up afterwards
ORIGIN = "http://admin-shell.io/aasx/relationships/aasx-origin"
OPC = "http://schemas.openxmlformats.org/package/2006"
SUPPLEMENT = "http://admin-shell.io/aasx/relationships/aas-suppl"
SPEC = "http://admin-shell.io/aasx/relationships/aas-spec"


def xml_environment(value: str, head: str = "", depth: int = 0) -> bytes:
    """An environment of one submodel with a property of that value, in so many collections."""
    leaf = f"<property><idShort>P</idShort><valueType>xs:string</valueType><value>{value}</value></property>"
    opening, closing = "<submodelElementCollection><idShort>C</idShort><value>", "</value></submodelElementCollection>"
    elements = f"<submodelElements>{opening * depth}{leaf}{closing * depth}</submodelElements>"
    submodel = f"<submodel><id>{MARK}</id><idShort>Evil</idShort>{elements}</submodel>"
    return f'<?xml version="1.0"?>{head}<environment {AAS}><submodels>{submodel}</submodels></environment>'.encode()


def billion_laughs(root: str = "environment") -> str:
    """A document type whose entity `l9` is a billion times "lol" (3 GB)."""
    entities = '<!ENTITY l0 "lol">'
    entities += "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f"<!DOCTYPE {root} [{entities}]>"


def external_entity(address: str, root: str = "environment") -> str:
    return f'<!DOCTYPE {root} [<!ENTITY other SYSTEM "{address}">]>'


def external_dtd(address: str, root: str = "environment") -> str:
    return f'<!DOCTYPE {root} SYSTEM "{address}">'


def nested_json(depth: int) -> bytes:
    """A submodel with a property in so many collections."""
    opening = '{"modelType": "SubmodelElementCollection", "idShort": "C", "value": ['
    leaf = '{"modelType": "Property", "idShort": "P", "valueType": "xs:string", "value": "1"}'
    elements = f"[{opening * depth}{leaf}{']}' * depth}]"
    return f'{{"modelType": "Submodel", "id": "{MARK}", "idShort": "Evil", "submodelElements": {elements}}}'.encode()


def json_environment(submodel: bytes) -> bytes:
    return b'{"submodels": [' + submodel + b"]}"


def aasx(
    spec: bytes, name: str = "data.xml", more: dict[str, bytes] | None = None, supplements: list[str] | None = None
) -> bytes:
    """A package with this part as its specification, and others beside it."""
    kinds = {"rels": "application/vnd.openxmlformats-package.relationships+xml", "xml": "text/xml",
             "json": "application/json", "csv": "text/csv", "bin": "application/octet-stream"}  # fmt: skip
    rows = "".join(f'<Default Extension="{end}" ContentType="{kind}"/>' for end, kind in kinds.items())
    rows += '<Override PartName="/aasx/aasx-origin" ContentType="text/plain"/>'
    parts = {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{OPC}/content-types">{rows}</Types>'.encode(),
        "_rels/.rels": _related(ORIGIN, ["/aasx/aasx-origin"]),
        "aasx/aasx-origin": b"Intentionally empty.",
        "aasx/_rels/aasx-origin.rels": _related(SPEC, [f"/aasx/{name}"]),
        f"aasx/_rels/{name}.rels": _related(SUPPLEMENT, supplements or []),
        f"aasx/{name}": spec,
    }
    return zipped(parts | (more or {}))


def _related(kind: str, targets: list[str]) -> bytes:
    rows = "".join(f'<Relationship Id="r{n}" Type="{kind}" Target="{one}"/>' for n, one in enumerate(targets))
    return f'<?xml version="1.0"?><Relationships xmlns="{OPC}/relationships">{rows}</Relationships>'.encode()


def zipped(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def zip_bomb(parts: dict[str, bytes], name: str, unpacked_bytes: int) -> bytes:
    """The parts, and one of blanks that unpacks to so much; written piece by piece."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for other, content in parts.items():
            archive.writestr(other, content)
        with archive.open(name, "w", force_zip64=True) as part:
            for _ in range(unpacked_bytes // MEGABYTE):
                part.write(b" " * MEGABYTE)
    return out.getvalue()


def understated(package: bytes, name: str) -> bytes:
    """The package with a directory that says the part were a few bytes long."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        size = archive.getinfo(name).file_size
    assert size < 1 << 32
    return package.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


def gzip_bomb(unpacked_bytes: int, head: bytes = b"") -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as packed:
        packed.write(head)
        for _ in range(unpacked_bytes // MEGABYTE):
            packed.write(b"1" * MEGABYTE)
    return out.getvalue()


def yaml_bomb() -> bytes:
    """Ten lines of a YAML mapping whose value would be a billion texts."""
    lines = ["a0: &a0 [lol]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join([*lines, "cell: *a9", "source: *a9"]).encode()


def deep_json(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def nested_mat(depth: int) -> bytes:
    """A MATLAB 5 file (MAT-File Format, The MathWorks) with a cell array in a cell array in …"""
    element = struct.pack("<II", 14, 48) + _matrix_head(6)
    for _ in range(depth):
        body = _matrix_head(1) + element
        element = struct.pack("<II", 14, len(body)) + body
    return _mat_head() + element


def inflating_mat(unpacked_bytes: int) -> bytes:
    """A MATLAB 5 file with one packed array of zeros."""
    packer, parts = zlib.compressobj(9), []
    head = struct.pack("<II", 14, unpacked_bytes + 56)
    head += struct.pack("<IIII", 6, 8, 6, 0) + struct.pack("<IIii", 5, 8, 1, unpacked_bytes // 8)
    head += struct.pack("<II", 1, 1) + b"x".ljust(8, b"\0") + struct.pack("<II", 9, unpacked_bytes)
    parts.append(packer.compress(head))
    for _ in range(unpacked_bytes // MEGABYTE):
        parts.append(packer.compress(bytes(MEGABYTE)))
    packed = b"".join([*parts, packer.flush()])
    return _mat_head() + struct.pack("<II", 15, len(packed)) + packed


def _mat_head() -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"


def _matrix_head(kind: int) -> bytes:
    """Flags (cell array or numbers), one by one (numbers: nothing), without a name."""
    size = 1 if kind == 1 else 0
    head = struct.pack("<IIII", 6, 8, kind, 0) + struct.pack("<IIii", 5, 8, size, size) + struct.pack("<II", 1, 0)
    return head if kind == 1 else head + struct.pack("<II", 9, 0)
