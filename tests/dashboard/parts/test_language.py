"""French and English say the same things, and numbers are written as each language writes them."""

import ast
import string
from datetime import UTC, datetime, timedelta

import pytest

from aasx.cell_description import nasa_cells
from dashboard.texts import texts_en, texts_fr
from dashboard.texts.language import Language, parse_number
from tests.servers import ROOT

ENGLISH, FRENCH = texts_en.TEXTS, texts_fr.TEXTS
SOURCES = sorted((ROOT / "dashboard").rglob("*.py"))


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts():
    assert ENGLISH.keys() == FRENCH.keys()


def test_both_languages_fill_in_the_same_values():
    different = [key for key in ENGLISH if placeholders(ENGLISH[key]) != placeholders(FRENCH[key])]
    assert different == []
    assert [key for key in ENGLISH if not (ENGLISH[key].strip() and FRENCH[key].strip())] == []


def test_every_text_the_program_names_exists():
    named = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "words" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    named.add(first.value)
                elif isinstance(first, ast.IfExp):
                    named |= {part.value for part in (first.body, first.orelse) if isinstance(part, ast.Constant)}
    assert len(named) > 100
    assert named <= ENGLISH.keys()


def test_french_has_no_english_left():
    """Whole sentences that are the same in both languages are forgotten translations."""
    same = [key for key, text in ENGLISH.items() if FRENCH[key] == text and len(text.split()) > 3]
    assert same == []


def test_what_the_shells_of_nasas_cells_state_is_said_in_french_too():
    profiles = {cell.discharge_profile for cell in nasa_cells().values() if cell.discharge_profile}
    worded = {profile for profile in profiles if len(profile.split()) > 2}
    assert "constant current of 2 A" in worded
    for profile in worded:
        assert Language("en").stated(profile) == profile != Language("fr").stated(profile)
    assert Language("fr").stated("a sentence of somebody else") == "a sentence of somebody else"


@pytest.mark.parametrize(
    ("code", "value", "digits", "written"),
    [
        ("en", 1.8564, 3, "1.856"),
        ("fr", 1.8564, 3, "1,856"),
        ("en", 12345.6, 0, "12,346"),
        ("fr", 12345.6, 0, "12\u202f346"),
        ("en", float("nan"), 2, "—"),
        ("fr", None, 2, "—"),
        ("en", float("inf"), 2, "—"),
        ("en", -0.0004, 2, "0.00"),
    ],
)
def test_numbers(code, value, digits, written):
    assert Language(code).number(value, digits) == written


def test_units_stay_with_their_number():
    assert Language("fr").quantity(1.4, "Ah", 2) == "1,40\u00a0Ah"
    assert Language("fr").quantity(None, "Ah", 2) == "—"
    assert Language("en").interval(31, 78, "cycles") == "31–78\u00a0cycles"
    assert Language("en").interval(31, None, "cycles") == "—"


def test_cycles_are_counted_as_each_language_counts():
    english, french = Language("en"), Language("fr")
    assert [english.cycles(n) for n in (0, 1, 2)] == ["0\u00a0cycles", "1\u00a0cycle", "2\u00a0cycles"]
    assert [french.cycles(n) for n in (0, 1, 2)] == ["0\u00a0cycle", "1\u00a0cycle", "2\u00a0cycles"]
    assert (english.cycles(1.7), french.cycles(1.7)) == ("2\u00a0cycles", "2\u00a0cycles")


def test_dates_and_ages():
    when = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)
    assert Language("fr").moment(when) == "1 mars 2026, 14:05 UTC"
    assert Language("en").moment(when) == "1 Mar 2026, 14:05 UTC"
    assert Language("fr").age(when, when + timedelta(minutes=5)) == "il y a 5 minutes"
    assert Language("en").age(when, when + timedelta(hours=3)) == "3 hours ago"
    assert Language("en").age(None) == "—"


@pytest.mark.parametrize(
    ("written", "value"), [("1,85", 1.85), ("1.85", 1.85), (" 1 200 ", 1200), ("−4", -4), ("4e-3", 0.004)]
)
def test_numbers_are_read_in_either_notation(written, value):
    assert parse_number(written) == value


@pytest.mark.parametrize("written", ["", "abc", "nan", "inf", "1,2,3", "1.2.3"])
def test_what_is_no_number_is_refused(written):
    with pytest.raises(ValueError):
        parse_number(written)


def test_an_unknown_language_is_english():
    assert Language("de").code == "en"


def test_no_line_of_french_begins_with_a_sign_that_a_space_precedes():
    assert Language("fr")("cell.belief.came", cycle=125, error="+1") == (
        "Elle a été mesurée au cycle 125\u00a0: une erreur de +1,"
    )


def test_what_rounds_to_nothing_has_no_sign():
    words = Language("en")
    assert [words.number(value, 0, signed=True) for value in (0.4, -0.4, 0.6, -0.6)] == ["0", "0", "+1", "-1"]
