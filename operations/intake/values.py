"""Text of a table becomes numbers with units and moments: decimal marks, units, forms of time.

Nothing here guesses: what a text is read as follows from the arguments, and what cannot be read so comes back as NaN or
NaT, to be told.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd


class Unit(NamedTuple):
    """A unit of a dimension: base value = value × factor + offset, base units being s, V, A, Ah, degC, ohm, Wh."""

    dimension: str
    factor: float
    offset: float = 0.0


UNITS = {
    "s": Unit("time", 1.0), "ms": Unit("time", 1e-3), "min": Unit("time", 60.0), "h": Unit("time", 3600.0),
    "d": Unit("time", 86400.0), "V": Unit("voltage", 1.0), "mV": Unit("voltage", 1e-3), "A": Unit("current", 1.0),
    "mA": Unit("current", 1e-3), "Ah": Unit("charge", 1.0), "mAh": Unit("charge", 1e-3), "As": Unit("charge", 1 / 3600),
    "degC": Unit("temperature", 1.0), "K": Unit("temperature", 1.0, -273.15),
    "degF": Unit("temperature", 5 / 9, -160 / 9), "ohm": Unit("resistance", 1.0), "mohm": Unit("resistance", 1e-3),
    "Wh": Unit("energy", 1.0), "mWh": Unit("energy", 1e-3), "W": Unit("power", 1.0), "%": Unit("share", 1.0),
}  # fmt: skip

ALIASES = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "millisecond": "ms", "minute": "min", "minutes": "min",
    "mins": "min", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "day": "d", "days": "d", "volt": "V",
    "volts": "V", "millivolt": "mV", "ampere": "A", "amps": "A", "amp": "A", "milliampere": "mA", "a.h": "Ah",
    "ma.h": "mAh", "a·h": "Ah", "a*h": "Ah", "ampere_hour": "Ah", "ampere hour": "Ah", "milliampere_hour": "mAh",
    "c": "degC", "°c": "degC", "℃": "degC", "celsius": "degC", "deg c": "degC", "degree_celsius": "degC",
    "kelvin": "K", "°f": "degF", "fahrenheit": "degF", "ω": "ohm", "ohms": "ohm", "mω": "mohm", "milliohm": "mohm",
    "秒": "s", "分": "min", "小时": "h", "伏": "V", "安": "A", "安时": "Ah", "毫安时": "mAh", "w.h": "Wh",
    "watt_hour": "Wh",
    "watt": "W", "stunden": "h", "sekunden": "s", "heures": "h", "secondes": "s",
}  # fmt: skip
_LOWERED = {name.lower(): name for name in UNITS} | {"mv": "mV", "ma": "mA", "mah": "mAh", "mwh": "mWh", "ms": "ms"}

CLOCK = re.compile(r"^(?:(\d+)\s*(?:d|days?|-)\s*)?(\d+):(\d{1,2})(?::(\d{1,2}(?:[.,]\d+)?))?$")
ISO = re.compile(r"^\d{4}[-/.年]\d{1,2}")
NUMERIC_DATE = re.compile(r"^(\d{1,2})([./-])(\d{1,2})[./-](\d{2,4})(?!\d)")
ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")
UNIX_s = (3e8, 4.2e9)
EXCEL_DAYS = (25_000.0, 80_000.0)


def unit_named(text: str) -> str | None:
    """The unit a header means: "mAh", "A.h", "°C", "ampere"; None for what is no unit known here."""
    text = text.strip().strip("[]()").strip()
    if text in UNITS:
        return text
    lowered = text.lower()
    return ALIASES.get(lowered) or _LOWERED.get(lowered)


def to_base(values: np.ndarray, unit: str | None) -> np.ndarray:
    known = UNITS[unit] if unit else None
    if known is None:
        return values
    scaled = values * known.factor if known.factor >= 1 else values / (1 / known.factor)  # 1900 mAh are 1.9 Ah exactly
    return scaled + known.offset


def numbers(column: pd.Series, decimal: str = ".", thousands: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Values of a column (NaN where nothing stands) and where something stands that is no number."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan), np.zeros(len(column), dtype=bool)
    text = column.astype(str).str.strip().str.replace("\u2212", "-", regex=False)
    empty = (
        text.str.lower().isin(["", "nan", "null", "none", "na", "n/a", "-", "--", "inf", "#n/a"]).to_numpy(dtype=bool)
    )
    text = text.str.replace(r"[\u00a0\u202f ]", "", regex=True)
    wrong = np.zeros(len(text), dtype=bool)
    if thousands and thousands != " ":
        text = text.str.replace(thousands, "", regex=False)
    if decimal == ",":
        wrong = text.str.contains(".", regex=False).to_numpy(dtype=bool) if thousands != "." else wrong
        text = text.str.replace(",", ".", regex=False)
    found = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    found = np.where(wrong | ~np.isfinite(found), np.nan, found)
    return found, np.isnan(found) & ~empty


def durations_s(
    column: pd.Series, decimal: str = ".", thousands: str = "", unit: str | None = "s"
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of a column of numbers in `unit` or of clock readings (`1:02:03.5`, `2-03:04:05`, `1d 02:03:04`)."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        text = column.astype(str).str.strip()
        if text.head(50).str.contains(":", regex=False).any():
            parts = text.str.extract(CLOCK)
            spans = [pd.to_numeric(parts[i].str.replace(",", "."), errors="coerce").fillna(0.0) for i in range(4)]
            found = spans[0] * 86400 + spans[1] * 3600 + spans[2] * 60 + spans[3]
            good = parts[1].notna().to_numpy(dtype=bool)
            values = np.where(good, found.to_numpy(dtype=float, na_value=np.nan), np.nan)
            return values, ~good & (text != "").to_numpy(dtype=bool)
    values, wrong = numbers(column, decimal, thousands)
    return to_base(values, unit), wrong


def is_clock(column: pd.Series) -> bool:
    """Whether the column holds clock readings, which need no unit."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    text = column[column.astype(str) != ""].head(20).astype(str).str.strip()
    return bool(len(text)) and bool(text.str.match(CLOCK.pattern).all())


def date_order(column: pd.Series) -> str | None:
    """ "dmy" or "mdy" where the dates of the column can be read in one way only, "either" where in both, None else."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    text = column[column.astype(str) != ""].astype(str)
    parts = text.str.extract(NUMERIC_DATE)
    parts = parts[parts[0].notna()]
    if not len(parts):
        return None
    first, second = (pd.to_numeric(parts[i]).max() for i in (0, 2))
    if (parts[1] == ".").all() or (first > 12 and second <= 12):
        return "dmy"
    return "mdy" if second > 12 and first <= 12 else "either"


def is_zoned(column: pd.Series) -> bool:
    """Whether the column's times say their zone, or count seconds from 1970 (which are UTC)."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return True
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return False
    values, wrong = numbers(column.head(200))
    if not wrong.any() and np.isfinite(values).any():
        return _is_unix(values)
    text = column[column.astype(str) != ""].head(200).astype(str).str.strip()
    return bool(len(text)) and bool(text.str.contains(ZONED).all()) and not text.str.fullmatch(r"[\d./-]+").any()


def is_moment(column: pd.Series) -> bool:
    """Whether most of the column can be read as date and time, the order of day and month left open."""
    found = moments(column.head(500), "dmy" if date_order(column) == "either" else date_order(column), "UTC")[0]
    return bool(len(found)) and float((~np.isnat(found)).mean()) > 0.5


def _is_unix(values: np.ndarray) -> bool:
    middle = float(np.nanmedian(values))
    return UNIX_s[0] < middle < UNIX_s[1] or UNIX_s[0] < middle / 1000 < UNIX_s[1]


def moments(column: pd.Series, order: str | None = None, zone: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Date and time without zone (datetime64[us], NaT where none), and where something stands that is none.

    `order` "dmy" or "mdy" for dates of numbers. Times with a zone, and seconds from 1970, become those of `zone`
    (UTC where None). Raises ValueError for a zone that is none.
    """
    try:
        target = ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no zone {zone!r}; zones are named as Europe/Paris or UTC") from None
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        found = column.dt.tz_convert(target).dt.tz_localize(None) if column.dt.tz is not None else column
        return found.to_numpy(dtype="datetime64[us]"), np.zeros(len(column), dtype=bool)
    values, wrong = numbers(column)
    present = np.isfinite(values)
    if present.any() and not wrong.any():
        if _is_unix(values):
            seconds = values / 1000 if np.nanmedian(values) > UNIX_s[1] else values
            seconds = np.where((seconds > UNIX_s[0]) & (seconds < UNIX_s[1]), seconds, np.nan)
            at = pd.to_datetime(pd.Series(np.round(seconds * 1e6) / 1e6), unit="s", utc=True, errors="coerce")
            found = at.dt.tz_convert(target).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
            return found, present & np.isnat(found)
        if EXCEL_DAYS[0] < np.nanmedian(values) < EXCEL_DAYS[1]:
            at = pd.to_datetime(pd.Series(values), unit="D", origin="1899-12-30", errors="coerce").dt.round("ms")
            return at.to_numpy(dtype="datetime64[us]"), np.zeros(len(column), dtype=bool)
        return np.full(len(column), np.datetime64("NaT", "us")), present
    text = column.astype(str).str.strip().str.replace(r"(?<=\d)_(?=\d)", "T", regex=True)
    text = text.str.replace(r"(\d),(\d+)(?=$|Z|[+-])", r"\1.\2", regex=True).str.replace(r"[年月]", "-", regex=True)
    text = text.str.replace("日", "", regex=False).str.replace(r"^(\d{4})/(\d{1,2})/", r"\1-\2-", regex=True)
    day_first = order == "dmy"
    dated = text.str.extract(NUMERIC_DATE)
    if dated[0].notna().any():
        day, month = (dated[0], dated[2]) if day_first else (dated[2], dated[0])
        year = dated[3].where(dated[3].str.len() != 2, "20" + dated[3])
        rest = text.str.replace(NUMERIC_DATE, "", regex=True).str.strip()
        written = (year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2) + " " + rest).str.strip()
        text = written.where(dated[0].notna(), text)
    text = text.mask(text.str.match(CLOCK), "no date")  # 0:00:10 is a duration, which pandas would date today
    empty = (text == "").to_numpy(dtype=bool)
    zoned = text.str.contains(ZONED) & text.str.contains(":", regex=False)
    found = np.full(len(text), np.datetime64("NaT", "us"))
    for has_zone in (False, True):
        chosen = (zoned if has_zone else ~zoned).to_numpy(dtype=bool) & ~empty
        if not chosen.any():
            continue
        part = text[chosen]
        at = pd.to_datetime(part, format="ISO8601", errors="coerce", utc=has_zone)
        if at.isna().any():
            at = at.fillna(pd.to_datetime(part[at.isna()], format="mixed", errors="coerce", utc=has_zone))
        at = at.dt.tz_convert(target).dt.tz_localize(None) if has_zone else at
        found[chosen] = at.to_numpy(dtype="datetime64[us]")
    plausible = (found > np.datetime64("1970-01-01")) & (found < np.datetime64("2200-01-01"))
    found = np.where(plausible, found, np.datetime64("NaT", "us"))
    return found, np.isnat(found) & ~empty
