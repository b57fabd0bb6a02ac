"""Reports of a cell and of the fleet: what stands in them, from the command, as PDF."""

from datetime import UTC, datetime

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from dashboard.components import present
from dashboard.reading.twin import Trouble, Twin
from dashboard.report import cell as of_cell
from dashboard.report import fleet as of_fleet
from dashboard.report import pdf
from dashboard.report.plot import Line, plot, ticks
from dashboard.report.sheet import section, sheet
from dashboard.texts.language import Language, escape
from tests.conftest import run_script

WORDS = Language("fr")


def test_a_sheet_escapes_what_it_is_given_and_leaves_out_what_is_empty():
    at = datetime(2026, 1, 2, 8, tzinfo=UTC)
    page = sheet(WORDS, "<b>x</b>", "<i>", [section("Vide", ""), section("<u>", "gut")], "http://<host>", at)
    assert "<b>" not in page and "<i>" not in page and "<u>" not in page and "Vide" not in page and "gut" in page
    assert '<html lang="fr">' in page and "2 janv. 2026" in page


def test_a_plot_has_round_ticks_and_ends_below_the_end_of_life():
    assert ticks(0, 168, 8) == [0, 50, 100, 150]
    assert ticks(1.13, 1.87, 5) == [1.2, 1.4, 1.6, 1.8]
    drawn = plot(WORDS, [Line("a <b>", [(1, 1.9), (100, -50.0)], "#123456", "4 2")], [], 1.4, "x", "y", "label")
    assert "-50" not in drawn and "a &lt;b&gt;" in drawn and 'alt="label"' in drawn
    assert plot(WORDS, [], [], None, "x", "y", "label") == ""


def test_without_a_browser_the_remedy_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(pdf, "find_browser", lambda: None)
    with pytest.raises(pdf.NotPrinted, match="TWIN_BROWSER"):
        pdf.pdf_of("<p>")
    monkeypatch.setattr(pdf, "find_browser", lambda: str(tmp_path / "no browser"))
    with pytest.raises(pdf.NotPrinted, match="no browser"):
        pdf.pdf_of("<p>")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_report_of_a_cell_tells_state_forecast_alerts_what_if_and_provenance(twin, lang):
    words, known = Language(lang), Twin(twin.basyx_url)
    page = of_cell.report(known, words, "B0025")
    forecast = known.prediction("B0025").value.forecast
    said = [words("report.state"), words("report.forecast"), words("view.alerts"), words("preset.cold"),
            words("cell.provenance"), forecast.model_hash, words.number(forecast.rul), words("cell.capacity.estimated"),
            words.number(forecast.capacity_Ah, 3)]  # fmt: skip
    assert [one for one in said if escape(one) not in page] == []
    assert page.count("<tr>") >= 1 + len(of_cell.PRESETS) and "<script" not in page
    own = of_cell.report(known, words, "B0025", "A:T4_I3")
    assert escape(words("simulation.named", slot="A")) in own and escape(words("preset.hot")) not in own
    over = of_cell.report(known, words, "B0005")
    assert escape(words("report.no_what_if")) in over


@pytest.fixture(scope="module")
def worn(twin):
    """A cell in service that warns, with life left."""
    client, name = AasClient(twin.basyx_url), "HmiWorn"
    transfer.add_cell(client, from_mapping({"cell": name, "source": "made for a test", "rated_capacity_Ah": 2.0,
                                           "end_of_life_capacity_Ah": 1.4, "cut_off_voltage_V": 2.7,
                                           "cell_type": "NASA 18650 2 Ah", "rul_warning_cycles": 500,
                                           "rul_critical_cycles": 1}))  # fmt: skip
    for cycle in range(1, 13):
        inputs = {"id_cycle": cycle, "ambient_temperature": 24.0, "Capacity": round(1.85 - 0.01 * cycle, 3),
                  "Time": f"2026-01-{cycle:02d}T08:00:00"}  # fmt: skip
        client.invoke(submodel_id(name, "OperationalData"), "AppendCycle", inputs, timeout_s=60)
    yield name
    transfer.remove_cell(client, name)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_report_of_the_fleet_tells_cells_alerts_what_if_and_provenance(twin, worn, lang):
    known, words = Twin(twin.basyx_url), Language(lang)
    page = of_fleet.report(known, words)
    names = [row.name for row in known.fleet().value if row.service == "inService"]
    assert all(f">{name}</td>" in page for name in names)
    assert escape(words("report.cells.count", count=len(names))) in page
    prediction = known.prediction(worn).value
    waits = [alert for alert in prediction.alerts if alert.waits]
    assert waits and escape(present.alert_sentence(words, waits[0])) in page
    assert prediction.forecast.model_hash in page
    lines = page.partition(f"<h2>{escape(words('report.what_if'))}</h2>")[2].partition("</section>")[0]
    (line,) = [one for one in lines.split("<tr>") if f">{worn}</td>" in one]
    assert line.count("<td") == 2 + len(of_cell.PRESETS) and "%)" in line
    assert all(escape(words(f"preset.{name}")) in lines for name in of_cell.PRESETS)


def test_nobody_answers():
    with pytest.raises(Trouble):
        of_cell.report(Twin("http://127.0.0.1:9"), WORDS, "B0005")


def test_the_command_writes_files_and_refuses_unknown_cells(twin, tmp_path):
    asked = ("scripts/report.py", "--basyx-url", twin.basyx_url, "--out", tmp_path)
    done = run_script(*asked, "B0018", "--lang", "fr")
    assert done.returncode == 0, done.stderr
    assert "B0018" in (tmp_path / "report_B0018_fr.html").read_text(encoding="utf-8")
    refused = run_script(*asked, "B9999")
    assert refused.returncode == 2 and "B9999" in refused.stderr
    dead = run_script("scripts/report.py", "--basyx-url", "http://127.0.0.1:9", "--out", tmp_path)
    assert dead.returncode == 1 and "http://127.0.0.1:9" in dead.stderr


def test_a_browser_prints_it(twin, tmp_path):
    if pdf.find_browser() is None:
        pytest.skip("needs Chromium, Chrome or Edge on PATH (or its path in TWIN_BROWSER)")
    printed = pdf.pdf_of(of_fleet.report(Twin(twin.basyx_url), WORDS))
    assert printed.startswith(b"%PDF-") and len(printed) > 10_000
