"""Shells and what they hold: a cell (Nameplate, TechnicalData, OperationalData, Prediction), the fleet, an AI model.

Each `build_...` gives the objects of the basyx-python-sdk; `cell_files` the supplementary files they name.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from basyx.aas import model

from aasx.cell_description import CellDescription
from aasx.elements.build import administration, reference
from aasx.identifiers import (
    asset_id,
    fleet_shell_id,
    model_asset_id,
    model_shell_id,
    shell_id,
    submodel_id,
)
from aasx.packages.files import THUMBNAIL_PART, part_name
from aasx.submodels import (
    ai_model_nameplate,
    asset_interfaces,
    data_sheet,
    fleet,
    nameplate,
    operational_data,
    prediction,
    technical_data,
)

DEFAULT_DELEGATE_URL = "http://127.0.0.1:5000"
NASA_DATA = "https://data.nasa.gov"
THUMBNAIL_FILE = pathlib.Path(__file__).with_name("thumbnail.png")

__all__ = ["CellDescription", "build_cell", "build_fleet", "build_model", "cell_files"]


def build_cell(
    description: CellDescription,
    records: Sequence[operational_data.Record] = (),
    prediction_values: Mapping[str, Any] | None = None,
    curves_csv: bytes | None = None,
    delegate_url: str = DEFAULT_DELEGATE_URL,
    training_range: Mapping[str, tuple[float, float, float, float]] | None = None,
    older_in_tables: bool = False,
    feed: asset_interfaces.Feed | None = None,
) -> list[model.Identifiable]:
    """The shell of a cell and its four submodels, and a fifth one for a cell with a `feed` of live values.

    `records`: one mapping per discharge cycle, by idShort of the column; `prediction_values`: see prediction.build;
    `curves_csv`: sampled curves of all cycles (see submodels.curves), given so that the File elements name
    their parts, the content goes with cell_files. With `older_in_tables` the older cycles of a long history stand in
    files that go with cell_files as well, given the same records.
    """
    cell = description.cell
    data = submodel_id(cell, "OperationalData")
    submodels = [
        nameplate.build(description, _data_sheet_part(cell)),
        technical_data.build(description),
        operational_data.build(
            description,
            records,
            delegate_url,
            None if curves_csv is None else part_name(data, operational_data.CURVES_PATH, "text/csv"),
            None if curves_csv is None else part_name(data, operational_data.LATEST_CURVES_PATH, "text/csv"),
            (lambda path: part_name(data, path, "text/csv")) if older_in_tables else None,
        ),
        prediction.build(description, delegate_url, prediction_values, training_range),
        *([asset_interfaces.build(cell, feed)] if feed else []),
    ]
    is_nasa = description.citation is not None and "NASA" in description.citation
    name = model.SpecificAssetId(
        "Battery", description.display_name, external_subject_id=reference(NASA_DATA) if is_nasa else None
    )
    texts = {
        "en": f"{description.texts['en']}; source: {description.source}",
        "fr": f"{description.texts['fr']} ; source : {description.source}",
    }
    shell = _shell(shell_id(cell), cell, asset_id(cell), submodels, description.texts, texts, [name])
    return [shell, *submodels]


def cell_files(
    description: CellDescription,
    curves_csv: bytes | None = None,
    records: Sequence[operational_data.Record] = (),
) -> dict[str, bytes]:
    """Supplementary files of a cell by part name: thumbnail, data sheet, curves of all cycles and of the last one, and
    the tables of older cycles (of the same `records` as in `build_cell`)."""
    cell = description.cell
    data = submodel_id(cell, "OperationalData")
    files = {
        THUMBNAIL_PART: THUMBNAIL_FILE.read_bytes(),
        _data_sheet_part(cell): data_sheet.render(description).encode("utf-8"),
    }
    files |= {part_name(data, path, "text/csv"): table for path, table in operational_data.tables(records).items()}
    if curves_csv is not None:
        files[part_name(data, operational_data.CURVES_PATH, "text/csv")] = curves_csv
        files[part_name(data, operational_data.LATEST_CURVES_PATH, "text/csv")] = _last_cycle(curves_csv)
    return files


def build_fleet(
    cells: Mapping[str, Mapping[str, Any]], delegate_url: str = DEFAULT_DELEGATE_URL
) -> list[model.Identifiable]:
    """The shell of the fleet and its submodel; `cells`: cell -> known values (fleet.CELL_SUMMARY), may be empty."""
    texts = {"en": "Fleet of cells", "fr": "Parc de cellules"}
    submodel = fleet.build(cells, delegate_url)
    return [_shell(fleet_shell_id(), "fleet", asset_id("fleet"), [submodel], texts, texts), submodel]


def build_model(card: Mapping[str, Any]) -> list[model.Identifiable]:
    """The shell of one version of the AI model and its nameplate; `card`: see ai_model_nameplate.build."""
    version = str(card["version"])
    texts = {"en": f"Prediction model {version}", "fr": f"Modèle de prédiction {version}"}
    submodel = ai_model_nameplate.build(card)
    shell = _shell(model_shell_id(version), "PredictionModel", model_asset_id(version), [submodel], texts, texts)
    return [shell, submodel]


def _shell(
    identifier: str,
    id_short: str,
    asset: str,
    submodels: Sequence[model.Submodel],
    display_name: Mapping[str, str],
    description: Mapping[str, str],
    specific_asset_ids: Sequence[model.SpecificAssetId] = (),
) -> model.AssetAdministrationShell:
    thumbnail = model.Resource(THUMBNAIL_PART, "image/png") if specific_asset_ids else None
    return model.AssetAdministrationShell(
        model.AssetInformation(model.AssetKind.INSTANCE, asset, specific_asset_ids, default_thumbnail=thumbnail),
        identifier,
        id_short=id_short,
        display_name=model.MultiLanguageNameType(dict(display_name)),
        description=model.MultiLanguageTextType(dict(description)),
        administration=administration("1", "0"),
        submodel={model.ModelReference.from_referable(submodel) for submodel in submodels},
    )


def _data_sheet_part(cell: str) -> str:
    path = "AssetSpecificProperties.DataSheet"
    return part_name(submodel_id(cell, "Nameplate"), path, data_sheet.CONTENT_TYPE)


def _last_cycle(curves_csv: bytes) -> bytes:
    """Header and rows of the cycle that stands last in a file of curves (id_cycle is its first column)."""
    header, *rows = curves_csv.splitlines(keepends=True)
    last = rows[-1].split(b",")[0] if rows else b""
    return header + b"".join(row for row in rows if row.split(b",")[0] == last)
