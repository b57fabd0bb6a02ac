from __future__ import annotations

import pytest

from aasx import identifiers


def test_identifiers_follow_the_base_iri(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identifiers.submodel_id("B0005", "Prediction") == "https://battery-twin.example/ids/sm/B0005/Prediction"
    monkeypatch.setenv("TWIN_BASE_IRI", "https://plant.example/twin/")
    assert identifiers.shell_id("B0005") == "https://plant.example/twin/aas/B0005"
    assert identifiers.cell_of("https://battery-twin.example/ids/aas/B0005") is None


@pytest.mark.parametrize(
    "make", [identifiers.shell_id, identifiers.asset_id, lambda cell: identifiers.submodel_id(cell, "X")]
)
def test_cell_of_is_the_inverse(make) -> None:
    assert identifiers.cell_of(make("B0005_replay")) == "B0005_replay"


@pytest.mark.parametrize(
    "identifier",
    [
        identifiers.fleet_shell_id(),
        identifiers.fleet_submodel_id(),
        identifiers.model_shell_id("1.0"),
        identifiers.model_submodel_id("1.0"),
        identifiers.concept_id("Capacity"),
        "https://elsewhere.example/aas/B0005",
        identifiers.base_iri() + "/aas/",
    ],
)
def test_what_belongs_to_no_cell(identifier: str) -> None:
    assert identifiers.cell_of(identifier) is None


@pytest.mark.parametrize("name", ["B0005", "a", "Lab_7", "x" * 64])
def test_good_cell_names(name: str) -> None:
    assert identifiers.check_cell_name(name) == name


@pytest.mark.parametrize("name", ["", "5", "_a", "a-b", "a b", "é", "a/b", "x" * 65, "Fleet", "MODEL", "a\n", None])
def test_bad_cell_names(name) -> None:
    with pytest.raises(ValueError, match="cannot name a cell"):
        identifiers.check_cell_name(name)


@pytest.mark.parametrize(
    ("name", "derived"),
    [
        ("Lab_7", "Lab_7"),
        ("127-1-3", "Cell_127_1_3"),
        ("Zelle 7 – Prüfling Ä", "Zelle_7_Pruefling_Ae"),
        ("HNEI_18650_NMC_LCO_25C_0-100_0.5/1.5C_a", "HNEI_18650_NMC_LCO_25C_0_100_0_5_1_5C_a"),
        ("  é-mobil  ", "e_mobil"),
        ("fleet", "Cell_fleet"),
        ("x" * 100, "x" * 64),
    ],
)
def test_any_laboratory_name_gives_an_id_short(name: str, derived: str) -> None:
    assert identifiers.cell_name_of(name) == derived == identifiers.check_cell_name(derived)


def test_names_without_latin_letters_stay_apart() -> None:
    first, second = (identifiers.cell_name_of(name) for name in ("电池一", "电池二"))
    assert first != second and identifiers.check_cell_name(first)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, None, 7])
def test_names_nobody_can_read_are_refused(name) -> None:
    with pytest.raises(ValueError, match="cannot name a cell"):
        identifiers.cell_name_of(name)


def test_a_taken_name_gets_a_number() -> None:
    assert identifiers.free_cell_name("Lab_7", ["Lab_8"]) == "Lab_7"
    assert identifiers.free_cell_name("Lab_7", ["lab_7", "Lab_7_2"]) == "Lab_7_3"
    assert identifiers.free_cell_name("x" * 64, ["x" * 64]) == "x" * 62 + "_2"
