from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from model.errors import BadRawData
from model.records import data, nasa
from tests.model.raw_files import mat_bytes, nasa_archive

LABELS: list[float | None] = [1.85, 1.80, 0.0, 1.78, None, 2.4, 1.75]


def tables_of(source: Path, only: set[str] | None = None) -> dict[str, pd.DataFrame]:
    return {recording.cell: table for recording, table in nasa.read_tables(source, only)}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    fuller, part = mat_bytes("B0025", LABELS), mat_bytes("B0025", LABELS[:3])
    return nasa_archive(
        tmp_path / "5. Battery Data Set.zip",
        {
            "1. BatteryAgingARC-FY08Q4": {"B0005": mat_bytes("B0005", LABELS), "B0006": mat_bytes("B0006", [1.9, 1.8])},
            "2. BatteryAgingARC_25_26_27_28_P1": {"B0025": part},
            "3. BatteryAgingARC_25-44": {"B0025": fuller},
        },
    )


def test_rows_are_numbered_and_rejected_with_a_reason(archive: Path) -> None:
    table = tables_of(archive)["B0005"]
    assert table["valid"].tolist() == [True, True, False, True, False, False, True]
    assert table["cycle_number"].dropna().tolist() == [1, 2, 3, 4]
    reasons = table.loc[~table["valid"], "reject_reason"].tolist()
    assert reasons == [
        "aborted test (capacity 0)",
        "no capacity in the file",
        "capacity above 2.1 Ah is impossible for this cell type",
    ]
    assert table.loc[table["valid"], "reject_reason"].eq("").all()


def test_start_rest_and_impedance_come_from_the_operations(archive: Path) -> None:
    table = tables_of(archive)["B0005"]
    # charge 3 h, impedance 0.5 h, discharge 2 h slots; the discharge itself lasts capacity / 2 A + 10 s
    assert table["start_time"].iloc[0] == pd.Timestamp("2008-04-02 16:38:17.250")
    expected_rest_h = 5.5 - (1.85 / 2.0 + 10 / 3600)
    assert table["rest_before_h"].iloc[1] == pytest.approx(expected_rest_h, abs=1e-3)
    assert np.isnan(table["rest_before_h"].iloc[0])
    assert table["Re_ohm"].tolist() == pytest.approx([0.05 + 0.001 * i for i in range(len(LABELS))])


def test_the_same_cells_from_folder_file_zip_and_nested_zip(archive: Path, tmp_path: Path) -> None:
    content = mat_bytes("B0006", [1.9, 1.8])
    folder = tmp_path / "folder" / "group"
    folder.mkdir(parents=True)
    (folder / "B0006.mat").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as flat:
        flat.writestr("B0006.mat", content)
    expected = tables_of(archive, {"B0006"})
    assert list(expected) == ["B0006"]
    for source in (tmp_path / "folder", folder / "B0006.mat", tmp_path / "flat.zip"):
        found = tables_of(source)
        assert list(found) == ["B0006"]
        pd.testing.assert_frame_equal(found["B0006"], expected["B0006"])


def test_the_fuller_of_two_files_of_one_cell_is_taken(archive: Path) -> None:
    assert len(tables_of(archive)["B0025"]) == len(LABELS)


def test_two_different_files_of_one_cell_and_size_are_refused(tmp_path: Path) -> None:
    content = bytearray(mat_bytes("B0005", [1.9]))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "B0005.mat").write_bytes(content)
    content[60] ^= 1  # in the free text of the header
    (tmp_path / "b" / "B0005.mat").write_bytes(content)
    with pytest.raises(BadRawData, match="same cell with different contents"):
        tables_of(tmp_path)


def test_a_truncated_archive_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(BadRawData, match="not a whole zip archive"):
        tables_of(archive)


def test_an_altered_byte_in_an_inner_zip_is_found(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BadRawData):
        tables_of(archive)


def test_other_files_than_nasas_are_refused(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "B0005.mat", {"something": np.arange(3.0)})
    with pytest.raises(BadRawData, match="not a NASA battery file"):
        tables_of(tmp_path)
    (tmp_path / "B0005.mat").write_bytes(b"no MATLAB file at all")
    with pytest.raises(BadRawData, match="not a NASA battery file"):
        tables_of(tmp_path)
    with pytest.raises(BadRawData, match="does not exist"):
        tables_of(tmp_path / "nowhere")


def test_raw_curve_on_demand(tmp_path: Path) -> None:
    (tmp_path / "B0005.mat").write_bytes(mat_bytes("B0005", [1.9]))
    (recording,) = [nasa.read_cell(found) for found in nasa.cell_files(tmp_path)]
    curve = recording.curve(2)
    assert recording.kinds == ["charge", "impedance", "discharge"]
    assert curve["Current_measured"].min() == -2.0
    assert curve["Voltage_measured"].iloc[-1] == pytest.approx(2.7)


def test_complex_or_absurd_impedance_is_not_taken(tmp_path: Path) -> None:
    found = scipy.io.loadmat(io.BytesIO(mat_bytes("B0005", [1.9, 1.85, 1.8])))
    cycle = found["B0005"]["cycle"][0, 0]
    cycle["data"][0, 4]["Re"][0, 0] = np.array([[0.06 + 0.02j]])
    cycle["data"][0, 7]["Re"][0, 0] = np.array([[-9.7e14]])
    scipy.io.savemat(tmp_path / "B0005.mat", {"B0005": {"cycle": cycle}})
    assert tables_of(tmp_path)["B0005"]["Re_ohm"].tolist() == pytest.approx([0.05, 0.05, 0.05])


def test_known_facts_of_the_real_files(nasa_dir: Path) -> None:
    table = tables_of(nasa_dir, {"B0005"})["B0005"]
    assert len(table) == 168 and table["valid"].all()
    first = table.iloc[0]
    assert first["capacity_Ah"] == pytest.approx(1.8564874)
    assert first["start_time"] == pd.Timestamp("2008-04-02 15:25:41.593")
    assert (table["capacity_Ah"] < 1.4).to_numpy().argmax() + 1 == 125


@pytest.mark.lasting
def test_the_tables_of_the_project_match_the_real_files(nasa_dir: Path) -> None:
    assert data.check(nasa_dir) == []
