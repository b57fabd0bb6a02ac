"""Names and content types of the supplementary files of a package."""

import re

THUMBNAIL_PART = "/aasx/files/thumbnail.png"

CONTENT_TYPES = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "pdf": "application/pdf",
    "png": "image/png",
    "txt": "text/plain",
    "xml": "application/xml",
}
_EXTENSIONS = {content_type: extension for extension, content_type in CONTENT_TYPES.items()}


def extension_of(content_type: str) -> str:
    return _EXTENSIONS.get(content_type.split(";")[0].strip().lower(), "bin")


def part_name(submodel_id: str, path: str, content_type: str) -> str:
    """Part name of a File element's content: made of the submodel's id and the idShort path, so it is the same whether
    a package is built or exported from a running twin.

    In lower case: OPC compares part names without case, and not every reader does.
    """
    name = re.sub(r"[^a-z0-9]+", "_", "/".join([*submodel_id.split("/")[-2:], path]).lower()).strip("_")
    return f"/aasx/files/{name}.{extension_of(content_type)}"
