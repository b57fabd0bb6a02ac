"""PDF of a report: printed by a browser of this machine, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TIMEOUT_S = 60.0
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
WINDOWS = (
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)


class NotPrinted(Exception):
    """There is no browser, or it failed; the text says what to do."""


def find_browser() -> str | None:
    """Chromium, Chrome or Edge: TWIN_BROWSER, on PATH, or where Windows has it."""
    named = os.environ.get("TWIN_BROWSER") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return named or next((path for path in WINDOWS if os.path.exists(path)), None)


def pdf_of(html: str) -> bytes:
    """The page as PDF, A4. Raises NotPrinted."""
    browser = find_browser()
    if browser is None:
        raise NotPrinted("no Chromium, Chrome or Edge found: set TWIN_BROWSER, or print the HTML from any browser")
    with tempfile.TemporaryDirectory(prefix="battery-report-") as folder:
        page, out = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html, encoding="utf-8")
        switches = ["--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--no-pdf-header-footer"]
        switches += ["--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            switches.append("--no-sandbox")  # Chromium refuses to run as root with it; the page is our own, no script
        command = [browser, *switches, f"--print-to-pdf={out}", page.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotPrinted(f"{browser} did not print the report: {error}") from error
        if not out.exists():
            said = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise NotPrinted(f"{browser} did not print the report: {said[-1] if said else done.returncode}")
        return out.read_bytes()
