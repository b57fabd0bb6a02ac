"""A real browser walks the main paths against the whole running twin; the screenshots are for people to look at.

The HMI under test can connect to the AAS environment alone (see guard/), which the last test looks up.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from dashboard import state
from tests.dashboard.test_edges import client, crowd  # noqa: F401 (fixtures)
from tests.servers import start_hmi

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TALLEST = 3200
SETTLED = """() => {
    const busy = '[data-testid="stStatusWidget"], [data-testid="stSkeleton"], [data-stale="true"]';
    const plots = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    return !document.querySelector(busy) && plots.every((plot) => plot.querySelector(".main-svg"));
}"""

OVERFLOW = (
    "(() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollWidth - m.clientWidth })()"
)
HIDDEN = """() => [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].filter(
    (chart) => !chart.checkVisibility() && !chart.closest('[hidden], details:not([open])')
).length"""
WATCH = """() => {
    window.sameDocument = true;
    window.gone = 0;
    const roots = [...document.querySelectorAll('*')].map((node) => node.shadowRoot).filter(Boolean);
    window.player = roots.map((root) => root.querySelector('.player')).find(Boolean);
    const look = () => { if (!document.querySelector('.tiles')) window.gone += 1; };
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
}"""


class Watched:
    """A browser page that notes every console error and every failed script."""

    def __init__(self, page, address: str):
        self.page, self.address = page, address
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, view: str, wait_ms: int = 250, **query: object) -> None:
        words = "&".join(f"{name}={value}" for name, value in {"view": view, "lang": "en", **query}.items())
        self.page.goto(f"{self.address}/?{words}")
        self.settle(wait_ms)

    def settle(self, wait_ms: int = 250) -> None:
        self.page.wait_for_selector(".head h1", timeout=30_000)
        self.page.wait_for_function(SETTLED, timeout=30_000)
        self.page.wait_for_timeout(wait_ms)
        self.page.wait_for_function(SETTLED, timeout=30_000)

    def sound(self) -> None:
        assert self.page.locator('[data-testid="stException"]').count() == 0
        assert self.errors == []
        assert self.page.evaluate(OVERFLOW) <= 0, "the page is wider than the window"
        assert self.page.evaluate(HIDDEN) == 0, "a chart is not shown"

    def faults(self) -> list[str]:
        """What breaks WCAG 2 at level A or AA, contrast among it, by axe-core (a script of the installed package)."""
        reason = "python scripts/test.py installs it"
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason=reason).Axe()
        for _ in range(3):  # a part that is being drawn anew is faded for a moment
            found = axe.run(self.page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
            if not found:
                break
            self.settle(1000)
        return [f"{fault['id']} {[node['html'][:120] for node in fault['nodes']][:3]}" for fault in found]

    def picture(self, path) -> None:
        """The whole page: the window is made as tall as its content for a moment."""
        size = self.page.viewport_size
        tall = self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(tall, TALLEST))})
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=str(path))
        self.page.set_viewport_size(size)


@pytest.fixture
def watched(browser, guarded_hmi):
    """watched(viewport, theme) opens a browser of that size and colour scheme on the HMI."""
    contexts = []

    def start(viewport=DESKTOP, theme="light", address=None):
        context = browser.new_context(viewport=viewport, color_scheme=theme, locale="en-GB", reduced_motion="reduce")
        contexts.append(context)
        return Watched(context.new_page(), address or guarded_hmi.url)

    yield start
    for context in contexts:
        context.close()


LOOKS = {
    "desktop_light_en": (DESKTOP, "light", "en"),
    "desktop_dark_fr": (DESKTOP, "dark", "fr"),
    "phone_light_fr": (PHONE, "light", "fr"),
}
STATES: dict[str, dict[str, object]] = {
    "fleet": {"scope": "all"},
    "how": {"cell": "B0007"},
    "cell": {"cell": "B0005", "cycle": 80},
    "live": {"cell": "B0005", "mode": "replay", "cycle": 60},
    "simulation": {"cell": "B0005", "from": 60, "scenario": "A:T4;B:I4;C:T44"},
    "compare": {"cells": "B0005,B0006,B0007,B0018"},
    "aas": {"cell": "B0005"},
    "record": {"cell": "B0007"},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_view_is_sound_holds_to_wcag_aa_and_is_kept_as_a_picture(watched, screenshots, look):
    viewport, theme, lang = LOOKS[look]
    page, found = watched(viewport, theme), []
    for view in state.VIEWS:
        page.open(view, lang=lang, **STATES.get(view, {}))
        page.picture(screenshots / f"{view}_{look}.png")
        page.sound()
        found += [f"{view}: {fault}" for fault in page.faults()]
    assert found == []


def test_first_content_and_a_change_of_view(watched):
    """Prints how long a person waits; the limits are checked by the benchmark, not here."""
    page = watched()
    page.open("fleet", scope="all")
    started = time.perf_counter()
    page.page.goto(f"{page.address}/?scope=all")
    page.page.wait_for_selector("table.fleet", timeout=30_000)
    loaded = time.perf_counter() - started
    page.settle()
    started = time.perf_counter()
    page.page.get_by_role("link", name="B0007", exact=True).click()
    page.page.wait_for_selector(".ring", timeout=30_000)
    print(f"fleet of 30 cells: table after {loaded:.2f} s; cell view after {time.perf_counter() - started:.2f} s")
    page.settle()
    page.sound()
    assert "view=cell" in page.page.url and "cell=B0007" in page.page.url


def test_a_walk_by_links_keeps_the_page_and_the_state(watched):
    page = watched()
    page.open("fleet", scope="all")
    page.page.evaluate("window.sameDocument = true")
    page.page.get_by_role("link", name="B0005", exact=True).click()
    page.page.wait_for_selector(".ring")
    page.settle()
    page.page.get_by_role("link", name="FR", exact=True).click()
    page.page.wait_for_selector("h1:has-text('Cellule')")
    page.settle()
    assert "lang=fr" in page.page.url and "cell=B0005" in page.page.url
    assert "168" in page.page.locator(".tiles").first.inner_text()
    page.page.get_by_role("link", name="Simulation").first.click()
    page.page.wait_for_selector(".st-key-preset_cold")
    page.settle()
    page.page.locator(".st-key-preset_cold button").click()
    page.page.wait_for_function("location.search.includes('scenario=A')")
    page.settle()
    assert page.page.evaluate("window.sameDocument") is True, "the page was loaded again"
    page.sound()
    again = watched()
    again.page.goto(page.page.url)
    again.settle()
    assert "4 °C" in again.page.locator("table.grid").inner_text().replace("\u00a0", " ")
    again.sound()


def test_csv_and_aasx_are_downloaded(watched):
    page = watched()
    page.open("cell", cell="B0018")
    for label, start in (
        ("Cycle records (CSV: comma, decimal point)", "\ufeffid_cycle,".encode()),
        ("Cell with its history (AASX)", b"PK"),
    ):
        page.page.get_by_test_id("stPopoverButton").click()
        with page.page.expect_download(timeout=60_000) as download:
            page.page.get_by_role("button", name=label).click()
        content = Path(download.value.path()).read_bytes()
        assert content.startswith(start), content[:60]
        page.page.keyboard.press("Escape")
    page.sound()


def test_keyboard_reaches_navigation_and_cells(watched):
    page = watched()
    page.open("fleet", scope="all")
    seen = set()
    for _ in range(60):
        page.page.keyboard.press("Tab")
        seen.add(page.page.evaluate("document.activeElement.textContent.trim().slice(0, 40)"))
    assert {"Fleet", "Cell", "Model", "B0005"} <= seen
    page.page.get_by_role("link", name="B0006", exact=True).focus()
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(".ring")
    assert "cell=B0006" in page.page.url


def test_the_cycle_plays_pauses_and_is_scrubbed(watched):
    page = watched()
    page.open("live", mode="replay", cell="B0005", cycle=60)
    place = page.page.locator('[data-part="scrub"]')
    before = float(place.input_value())
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_timeout(700)
    page.page.get_by_role("button", name="Pause").click()
    played = float(place.input_value())
    assert played > before
    page.page.wait_for_timeout(300)
    assert float(place.input_value()) == played
    place.fill("0")
    level = page.page.locator('[data-part="level"]').inner_text()
    assert level.replace("\u00a0", " ") == "0 %"
    page.sound()


def test_the_film_of_ageing_plays(watched, screenshots):
    page = watched()
    page.open("live", mode="film", cell="B0006", wait_ms=1000)
    label = page.page.locator("text.slider-label").first
    first = label.text_content()
    page.page.locator(".updatemenu-button").nth(2).click()
    page.page.wait_for_timeout(1200)
    page.picture(screenshots / "film_desktop_light_en.png")
    assert label.text_content() != first
    page.sound()


@pytest.fixture
def fed_cell(twin):
    """A cell of the test's own, and how to feed it the next cycle."""
    aas, name = AasClient(twin.basyx_url), "HmiFed"
    transfer.add_cell(aas, from_mapping({"cell": name, "source": "made for a test", "rated_capacity_Ah": 2.0}))

    def feed(cycle: int) -> None:
        discharge = "Time,Voltage_measured,Current_measured,Temperature_measured\n" + "".join(
            f"{t},{4.1 - 1.5 * t / 3300:.3f},{0 if t == 0 else -2.0},{24 + t / 300:.2f}\n" for t in range(0, 3301, 60)
        )
        inputs = {"id_cycle": cycle, "ambient_temperature": 24.0, "Capacity": 1.86 - 0.004 * cycle,
                  "Time": f"2026-02-{cycle:02d}T08:00:00", "DischargeSamples": discharge}  # fmt: skip
        aas.invoke(submodel_id(name, "OperationalData"), "AppendCycle", inputs, timeout_s=60)

    for cycle in range(1, 4):
        feed(cycle)
    yield name, feed
    transfer.remove_cell(aas, name)


def test_live_follows_a_feeder_without_reloading_or_flicker(watched, fed_cell, screenshots):
    name, feed = fed_cell
    page = watched()
    page.open("live", mode="live", cell=name, wait_ms=1500)
    page.page.wait_for_selector("text=/with curves: 3/")
    page.page.evaluate(WATCH)
    feed(4)
    page.page.wait_for_selector("text=/with curves: 4/", timeout=20_000)
    assert page.page.evaluate("window.sameDocument && window.player.isConnected")
    assert page.page.evaluate("window.gone") == 0, "the tiles vanished for a moment"
    page.settle(1000)
    page.picture(screenshots / "live_following_desktop_light_en.png")
    page.sound()


def test_a_fleet_of_three_hundred_cells(watched, basyx, crowd, screenshots, tmp_path):  # noqa: F811
    hmi = start_hmi(basyx.url, tmp_path)
    try:
        page = watched(address=hmi.url)
        page.open("fleet")
        started = time.perf_counter()
        page.page.goto(page.address)
        page.page.wait_for_selector("table.fleet tbody tr:nth-child(50)", timeout=30_000)
        print(f"fleet of 300 cells: first page after {time.perf_counter() - started:.2f} s")
        page.settle()
        page.picture(screenshots / "fleet300_desktop_light_en.png")
        page.sound()
        page.open("fleet", layout="multiples", lang="fr")
        assert page.page.locator(".multiples a").count() == 50
        page.picture(screenshots / "fleet300_plots_desktop_light_fr.png")
        page.sound()
    finally:
        hmi.stop()


def test_a_critical_alert_is_acknowledged_in_the_browser(watched, fed_cell, twin, screenshots):
    name, _ = fed_cell
    aas = AasClient(twin.basyx_url)
    aas.invoke(submodel_id(name, "Prediction"), "SetThresholds",
               {"ChangedBy": "a test", "SoHCritical": 95.0, "SoHWarning": 98.0}, timeout_s=60)  # fmt: skip
    page = watched()
    page.open("fleet")
    page.page.get_by_role("link", name=re.compile("See alerts")).click()
    page.page.wait_for_selector("h1:has-text('Alerts')")
    page.open("alerts", of=name)
    boxes = page.page.locator("input[type=checkbox]")
    count = boxes.count()
    assert count
    boxes.first.focus()
    page.page.keyboard.press("Space")  # chosen, named and acknowledged without a mouse
    page.page.get_by_label("Your name").fill("Ada <script>alert(1)</script>")
    page.page.get_by_role("button", name="Acknowledge", exact=True).focus()
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector(".banner.none")
    page.settle()
    page.picture(screenshots / "alert_acknowledged_desktop_light_en.png")
    assert boxes.count() == count - 1
    page.sound()


def test_nothing_but_the_aas_environment_was_asked(guarded_hmi, watched):
    page = watched()
    page.open("cell", cell="B0005", cycle=90)
    page.page.wait_for_selector("text=/At cycle 90 the twin expects/")
    assert guarded_hmi.refused() == []
