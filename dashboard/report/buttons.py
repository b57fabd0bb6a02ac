"""The buttons that make a report: as HTML, and as PDF where this machine has a browser."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.page import Page
from dashboard.report.pdf import find_browser, pdf_of


def buttons(page: Page, name: str, make: Callable[[], str]) -> None:
    """`make` gives the report's HTML; it runs when a button is pressed."""
    words = page.words
    stem = f"report_{name}_{words.code}"
    st.download_button(words("report"), make, f"{stem}.html", "text/html", on_click="ignore",
                       key=f"report_html_{name}", icon=":material/summarize:", width="stretch")  # fmt: skip
    if find_browser():
        st.download_button(words("report.pdf"), lambda: pdf_of(make()), f"{stem}.pdf", "application/pdf",
                           on_click="ignore", key=f"report_pdf_{name}", icon=":material/picture_as_pdf:",
                           width="stretch")  # fmt: skip
