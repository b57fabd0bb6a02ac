from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aasx.cell_description import from_mapping, nasa_cells, read_description
from aasx.submodels import data_sheet


def test_all_cells_of_the_data_set_are_described() -> None:
    assert len(nasa_cells()) == 34
    assert {cell.source for cell in nasa_cells().values()} >= {"README_05_06_07_18.txt", "README_53_54_55_56.txt"}


@pytest.mark.parametrize(
    ("cell", "cut_off_V", "end_of_life_Ah", "origin", "percent"),
    [
        ("B0005", 2.7, 1.4, "stated", 70.0),
        ("B0007", 2.2, 1.4, "stated", 70.0),
        ("B0025", 2.0, None, "assumedSameCellType", 70.0),
        ("B0036", 2.7, 1.6, "derivedFromSource", 80.0),
        ("B0052", 2.7, None, "assumedSameCellType", 70.0),
        ("B0056", 2.7, 1.4, "derivedFromSource", 70.0),
    ],
)
def test_facts_of_the_notes(
    cell: str, cut_off_V: float, end_of_life_Ah: float | None, origin: str, percent: float
) -> None:
    facts = nasa_cells()[cell]
    assert (facts.cut_off_voltage_V, facts.end_of_life_capacity_Ah) == (cut_off_V, end_of_life_Ah)
    assert (facts.rated_capacity_origin, facts.used_end_of_life_percent) == (origin, percent)


def test_notes_say_what_the_descriptions_say(nasa_dir: Path) -> None:
    """The numbers of a description stand in the note it names."""
    for facts in nasa_cells().values():
        note = (nasa_dir / facts.source).read_text(encoding="utf-8")
        assert f"{facts.charge_current_A:g}A" in note and f"{facts.charge_voltage_V:g}V" in note
        assert f"{facts.cut_off_voltage_V:.1f}V" in note or f"{facts.cut_off_voltage_V:g}V" in note, facts.cell
        if facts.end_of_life_capacity_Ah is not None:
            assert f"{facts.end_of_life_capacity_Ah:g}Ahr" in note, facts.cell
        else:
            assert "Ahr)." not in note and "fade" not in note, facts.cell
        for current in facts.discharge_currents_A:
            assert re.search(rf"\b{current:g}( ?A\b|, )", note), facts.cell
        if facts.ambient_temperature_source is None:
            for temperature in facts.ambient_temperatures_degC:
                assert f"{temperature:g} " in note, facts.cell


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"cell": "a\nb", "source": "x"}, "cannot name a cell"),
        ({"cell": " ", "source": "x"}, "cannot name a cell"),
        ({"cell": "A", "source": "x", "name": "x" * 101}, "cannot name a cell"),
        ({"cell": "A", "source": "x", "end_of_life_capacity_Ah": 1.0}, "needs rated_capacity_Ah"),
        (
            {
                "cell": "A",
                "source": "x",
                "rated_capacity_Ah": 2.0,
                "end_of_life_capacity_Ah": 1.4,
                "end_of_life_percent": 80,
            },
            "do not agree",
        ),
        ({"cell": "A", "source": "x", "series_count": 0}, "greater than or equal to 1"),
        ({"cell": "A", "source": "x", "series_count": 1.5}, "series_count"),
        ({"cell": "A", "source": "x", "lowest_cell_voltage_V": 4, "highest_cell_voltage_V": 3}, "must be below"),
        ({"cell": "A", "source": "x", "rul_warning_cycles": 30}, "together"),
        ({"cell": "A", "source": "x", "rul_warning_cycles": 30, "rul_critical_cycles": 40}, "must be below"),
        ({"cell": "A"}, "source: Field required"),
        ({"cell": "A", "source": "x", "rated_capacity": 2}, "rated_capacity: Extra inputs"),
        ({"cell": "A", "source": "x", "rated_capacity_Ah": -1}, "greater than 0"),
        ({"cell": "A", "source": "x", "rated_capacity_Ah": float("nan")}, "finite"),
        ({"cell": "A", "source": "x", "rated_capacity_Ah": 1.0, "end_of_life_capacity_Ah": 1.4}, "must be below"),
        (["A"], "mapping"),
    ],
)
def test_bad_descriptions_are_refused_in_one_line(mapping, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        from_mapping(mapping)
    assert "\n" not in str(caught.value)


def test_descriptions_are_read_from_yaml_and_json(tmp_path: Path) -> None:
    facts = {"cell": "Lab_7", "source": "note", "rated_capacity_Ah": 3.2}
    (tmp_path / "a.json").write_text(json.dumps(facts), encoding="utf-8")
    (tmp_path / "a.yaml").write_text("cell: Lab_7\nsource: note\nrated_capacity_Ah: 3.2\n", encoding="utf-8")
    assert read_description(tmp_path / "a.json") == read_description(tmp_path / "a.yaml") == from_mapping(facts)
    (tmp_path / "b.yaml").write_text("cell: [", encoding="utf-8")
    with pytest.raises(ValueError, match=r"b\.yaml cannot be read"):
        read_description(tmp_path / "b.yaml")


class Page(HTMLParser):
    """Heads and cells of the table, the tags, and what a browser would fetch or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append(["", ""])
        self.at = {"th": 0, "td": 1}.get(tag, -1)
        outside = {"script", "link", "img", "iframe"} & {tag} or {"src", "href"} & {name for name, _ in attributes}
        self.fetched += outside

    def handle_endtag(self, tag: str) -> None:
        self.at = -1

    def handle_data(self, text: str) -> None:
        if self.rows and self.at >= 0:
            self.rows[-1][self.at] += text


def test_data_sheet_is_a_page_that_says_what_is_not_stated() -> None:
    page = data_sheet.render(nasa_cells()["B0025"])
    assert page.startswith("<!DOCTYPE html>") and '<meta charset="utf-8">' in page
    found = Page(page)
    rows = {name: value for name, value in found.rows}
    assert rows["End-of-life capacity / Capacité de fin de vie"].startswith("not stated by the data set")
    assert "square wave of 0.05 Hz" in page and "README_25_26_27_28.txt" in page
    assert "1.4 Ah" not in page
    assert not found.fetched
    evil = from_mapping({"cell": "A", "source": "<script>alert(1)</script>\n& more"})
    evil_page = Page(data_sheet.render(evil))
    assert dict(evil_page.rows)["Source"] == "<script>alert(1)</script> & more" and not evil_page.fetched


def test_a_laboratory_name_is_shown_and_gives_the_id_short() -> None:
    described = from_mapping({"cell": "Zelle 7 – Prüfling Ä", "source": "x"})
    assert (described.cell, described.display_name) == ("Zelle_7_Pruefling_Ae", "Zelle 7 – Prüfling Ä")
    assert described.texts["fr"] == "Cellule Li-ion Zelle 7 – Prüfling Ä"
    assert from_mapping({"cell": "Lab_7", "source": "x"}).display_name == "Lab_7"


def test_what_is_not_stated_is_the_convention_of_the_field() -> None:
    silent = from_mapping({"cell": "A", "source": "x"})
    assert (silent.rated_capacity_Ah, silent.used_end_of_life_percent, silent.rul_thresholds_cycles) == (None, 80, None)
    assert (silent.series_count, silent.parallel_count) == (1, 1)


@pytest.mark.parametrize(
    ("facts", "thresholds"),
    [
        ({"expected_life_cycles": 3000}, (450.0, 150.0)),
        ({"expected_life_cycles": 500}, (75.0, 25.0)),
        ({"expected_life_cycles": 3}, (2.0, 1.0)),
        ({"expected_life_cycles": 3000, "rul_warning_cycles": 40, "rul_critical_cycles": 12}, (40.0, 12.0)),
    ],
)
def test_thresholds_of_the_remaining_life_follow_the_expected_life(facts, thresholds) -> None:
    assert from_mapping({"cell": "A", "source": "x"} | facts).rul_thresholds_cycles == thresholds


def test_nasas_thresholds_stay() -> None:
    assert {cell.rul_thresholds_cycles for cell in nasa_cells().values()} == {(30.0, 10.0)}
