"""French and English: texts, numbers, units, dates. Everything the screen says passes through a `Language`."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal

from aasx import vocabulary
from aasx.elements.shape import Foreign
from dashboard.texts.texts_en import TEXTS as ENGLISH
from dashboard.texts.texts_fr import TEXTS as FRENCH

MISSING = "—"
UNIT_SPACE = "\u00a0"
# French sets a space before these signs, at which no line ends
FRENCH_TEXTS = {key: re.sub("(?<=«) | (?=[:;?!»])", UNIT_SPACE, text) for key, text in FRENCH.items()}
LANGUAGES = {"en": ("English", ENGLISH, "en_GB"), "fr": ("Français", FRENCH_TEXTS, "fr_FR")}
FOREIGN_SIGN = "⚠"
SETTING = re.compile(r" \([A-Z_]{5,}\)")
EXPECTED = ("number", "whole number", "true or false", "date and time", "text", "one of", "a structure", "a list",
            "a range")  # fmt: skip
"""What belongs in the place of a foreign value, as aasx.elements.shape says it."""


def escape(text: object) -> str:
    """`text` made safe for HTML; every name that comes from an AAS passes here before it is shown as HTML."""
    return html.escape(str(text), quote=True)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def parse_number(written: str) -> float:
    """A number as people write it in either language: "1,85", "1.85", "1 200". Raises ValueError."""
    cleaned = written.strip().replace("\u00a0", "").replace("\u202f", "").replace(" ", "").replace("\u2212", "-")
    if cleaned.count(",") == 1 and "." not in cleaned:
        cleaned = cleaned.replace(",", ".")
    value = float(cleaned)
    if not math.isfinite(value):
        raise ValueError(f"{written!r} is not a finite number")
    return value


class Language:
    """One language of the screen; `code` is "en" or "fr", any other falls back to English."""

    def __init__(self, code: str):
        self.code = code if code in LANGUAGES else "en"
        self.name, self._texts, self._locale = LANGUAGES[self.code]

    def __call__(self, key: str, **values: Any) -> str:
        """The text named `key` with `values` filled in. Raises KeyError on an unknown key."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        return key in self._texts

    def number(self, value: Any, digits: int = 0, signed: bool = False) -> str:
        """`value` with `digits` decimals in the language's own notation; a dash for None and NaN."""
        if not is_number(value):
            return MISSING
        shown = format_decimal(round(value, digits) + 0.0, format="#,##0." + "0" * digits if digits else "#,##0",
                               locale=self._locale)  # fmt: skip
        return f"+{shown}" if signed and round(value, digits) > 0 else shown

    def plain(self, value: Any) -> str:
        """A number for an input field: no more decimals than it has (at most six), no grouping; "" for none."""
        if not is_number(value):
            return ""
        return format_decimal(value, format="0.######", locale=self._locale)

    def quantity(self, value: Any, unit: str, digits: int = 0, signed: bool = False) -> str:
        """`value` with its unit ("1.86 Ah", "1,86 Ah"); a dash alone when there is no value."""
        shown = self.number(value, digits, signed)
        return shown if shown == MISSING or not unit else f"{shown}{UNIT_SPACE}{unit}"

    def cycles(self, value: Any, digits: int = 0, signed: bool = False) -> str:
        shown = abs(round(value, digits)) if is_number(value) else None
        single = shown is not None and (shown < 2 if self.code == "fr" else shown == 1)
        return self.quantity(value, self("unit.cycle" if single else "unit.cycles"), digits, signed)

    def interval(self, lower: Any, upper: Any, unit: str = "", digits: int = 0) -> str:
        """ "43–62 cycles"; a dash when either bound is missing."""
        if not (is_number(lower) and is_number(upper)):
            return MISSING
        first, last = self.number(lower, digits), self.number(upper, digits)
        shown = first if first == last else f"{first}–{last}"
        return f"{shown}{UNIT_SPACE}{unit}" if unit else shown

    def moment(self, when: datetime | None, seconds: bool = False) -> str:
        """Date and time; those with a zone are shown in UTC and say so."""
        if when is None:
            return MISSING
        zone = ""
        if when.tzinfo is not None:
            when, zone = when.astimezone(UTC), " UTC"
        pattern = "d MMM y, HH:mm" + (":ss" if seconds else "")
        return format_datetime(when.replace(tzinfo=None), pattern, locale=self._locale) + zone

    def day(self, when: datetime | None) -> str:
        """A date; a dash for None."""
        return MISSING if when is None else format_date(when, "d MMM y", locale=self._locale)

    def days(self, number: float | None) -> str:
        """A span of days, of long ones in years."""
        if number is not None and number > 730:
            return self.quantity(number / 365.25, self("unit.years"), 1)
        single = number is not None and (round(number) < 2 if self.code == "fr" else round(number) == 1)
        return self.quantity(number, self("unit.day" if single else "unit.days"), 0)

    def age(self, when: datetime | None, now: datetime | None = None) -> str:
        """ "5 minutes ago" / « il y a 5 minutes »; a dash for None."""
        if when is None:
            return MISSING
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        passed = (now or datetime.now(UTC)) - when
        if abs(passed) < timedelta(seconds=2):
            return self("time.now")
        return format_timedelta(-passed, add_direction=True, locale=self._locale, threshold=1.2)

    def concept(self, name: str, unit: bool = False) -> str:
        """What people call an AAS element, with its unit if wanted; its idShort when nobody named it."""
        if self.has(f"concept.{name}"):
            title, measured_in = self(f"concept.{name}"), None
        elif name in vocabulary.CONCEPTS:
            title, measured_in = vocabulary.name_of(name, self.code), vocabulary.unit_of(name)
        else:
            title, measured_in = name, None
        return f"{title} ({measured_in})" if unit and measured_in and measured_in != "1" else title

    def stated(self, text: str) -> str:
        """What a shell states in English alone: in this language, without the name of a setting, where the sentence is
        the twin's own."""
        key = f"stated.{SETTING.sub('', text)}"
        return self(key) if self.has(key) else text

    def foreign(self, one: Foreign) -> str:
        """Where somebody else's value stands, what it is and what belongs there."""
        if not one.found:
            return self("foreign.missing", path=one.path)
        kind = next((name for name in EXPECTED if one.expected.startswith(name)), "")
        expected = self(f"foreign.expected.{kind}") + one.expected[len(kind) :] if kind else one.expected
        return self("foreign.value", path=one.path, found=one.found, expected=expected)

    @staticmethod
    def marked(shown: str, foreign: Mapping[str, str], *names: str) -> str:
        """What is shown for a value, or the sign that somebody else wrote another one there, with that one."""
        found = next((foreign[name] for name in names if name in foreign), None)
        return shown if found is None else f"{FOREIGN_SIGN} {found or MISSING}"

    @property
    def plot_separators(self) -> str:
        """Plotly's `layout.separators`: the decimal sign, then the thousands sign."""
        return ",\u202f" if self.code == "fr" else ".,"
