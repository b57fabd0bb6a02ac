"""The page of a report: title, sections, and where all of it was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

from dashboard.texts.language import Language, escape


@cache
def _style() -> str:
    return Path(__file__).with_name("sheet.css").read_text(encoding="utf-8")


def section(title: str, *parts: str) -> str:
    """`parts` are HTML; nothing where all are empty."""
    body = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def hint(text: str) -> str:
    return f'<p class="hint">{escape(text)}</p>'


def sheet(words: Language, title: str, about: str, sections: Iterable[str], source: str, at: datetime) -> str:
    """The whole page; `source` is the address of the AAS environment it was read from, at the moment `at` (UTC)."""
    made, read = words("report.made", when=words.moment(at)), words("report.source", source=source)
    return (
        f'<!doctype html><html lang="{words.code}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_style()}</style></head><body><header><h1>{escape(title)}</h1>"
        f"<p>{escape(about)}<br>{escape(made)}</p></header><main>{''.join(sections)}</main>"
        f"<footer>{escape(read)} {escape(words('report.safety'))}</footer></body></html>\n"
    )
