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


@pytest.mark.parametrize("name", ["B0005", "a", "Lab_7", "x" * 32])
def test_good_cell_names(name: str) -> None:
    assert identifiers.check_cell_name(name) == name


@pytest.mark.parametrize("name", ["", "5", "_a", "a-b", "a b", "é", "a/b", "x" * 33, "Fleet", "MODEL", "a\n", None])
def test_bad_cell_names(name) -> None:
    with pytest.raises(ValueError, match="cannot name a cell"):
        identifiers.check_cell_name(name)
