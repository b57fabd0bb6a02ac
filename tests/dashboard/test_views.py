"""Every view against the real AAS environment and the real delegate, run by Streamlit's own test harness."""

import time

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id, submodel_id
from aasx.packages import package
from dashboard import state
from dashboard.reading import twin as twin_module
from dashboard.texts.language import Language, escape
from tests.conftest import wait_for
from tests.dashboard.proxy import FaultyProxy

MOST_REQUESTS = {"compare": 12, "alerts": 16}  # up to eight cells, up to ten cells a page
MOST_REQUESTS_ELSEWHERE = 10


def shown(page) -> str:
    """All HTML of the page in one text."""
    return "\n".join(element.proto.body for element in page.get("html"))


def assert_sound(page):
    assert not page.exception
    assert "<h1>" in shown(page)


@pytest.fixture
def client(twin):
    return AasClient(twin.basyx_url)


@pytest.fixture
def own_cell(client):
    """A cell of the test's own with a few cycles, the last ones below its end of life."""
    name = "HmiTest"
    transfer.add_cell(client, from_mapping({"cell": name, "source": "made for a test", "rated_capacity_Ah": 2.0,
                                           "end_of_life_capacity_Ah": 1.4, "cut_off_voltage_V": 2.7,
                                           "cell_type": "NASA 18650 2 Ah", "rul_warning_cycles": 30,
                                           "rul_critical_cycles": 10}))  # fmt: skip
    for cycle, capacity in enumerate((1.85, 1.6, 1.39, 1.385, 1.38), start=1):
        client.invoke(submodel_id(name, "OperationalData"), "AppendCycle",
                      {"id_cycle": cycle, "ambient_temperature": 24.0, "Capacity": capacity,
                       "Time": f"2026-01-{cycle:02d}T08:00:00"}, timeout_s=60)  # fmt: skip
    yield name
    transfer.remove_cell(client, name)


@pytest.fixture
def empty_cell(client):
    name = "HmiEmpty"
    transfer.add_cell(client, from_mapping({"cell": name, "source": "<script>alert('source')</script>",
                                           "designation_en": "<script>alert('name')</script>",
                                           "designation_fr": "<b>nom</b>"}))  # fmt: skip
    yield name
    transfer.remove_cell(client, name)


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("view", state.VIEWS)
def test_each_view_shows_in_both_languages_with_few_requests(twin, open_page, counted, view, lang):
    page = open_page(twin.basyx_url, view=view, lang=lang, cell="B0006")
    assert_sound(page)
    assert escape(Language(lang)(f"view.{view}")) in shown(page)
    assert 0 < len(counted) <= MOST_REQUESTS.get(view, MOST_REQUESTS_ELSEWHERE), counted.made
    delegate_port = twin.delegate_url.rsplit(":", 1)[1]
    assert not [request for request in counted.made if f":{delegate_port}/" in request]


def test_a_second_look_at_once_costs_no_request(twin, open_page, counted):
    page = open_page(twin.basyx_url, view="cell", cell="B0006")
    before = [request for request in counted.made if "LiveState" not in request]
    page.run()
    assert [request for request in counted.made if "LiveState" not in request] == before


def test_refresh_reads_again(twin, open_page, counted):
    page = open_page(twin.basyx_url, view="fleet")
    before = len(counted)
    page.button(key="refresh").click().run()
    assert len(counted) > before


def test_fleet_shows_every_cell_in_one_request(twin, open_page, counted, client):
    page = open_page(twin.basyx_url, view="fleet", scope="all")
    cells = client.submodel_value(fleet_submodel_id())["Cells"]
    assert all(f">{cell}</a>" in shown(page) for cell in cells)
    assert len([request for request in counted.made if "/shells" in request]) == 0


def test_fleet_searches_filters_and_sorts(twin, open_page):
    page = open_page(twin.basyx_url, view="fleet", scope="all", q="b000", sort="name")
    table = shown(page)
    places = [table.index(f">{cell}</a>") for cell in ("B0005", "B0006", "B0007")]
    assert places == sorted(places)
    assert ">B0018</a>" not in table
    page.text_input(key="fleet_q").set_value("nothing like it").run()
    assert Language("en")("fleet.no_match") in shown(page)
    assert page.query_params["q"] == "nothing like it"


def test_cell_as_of_a_cycle_asks_the_twin(twin, open_page):
    page = open_page(twin.basyx_url, view="cell", cell="B0005", cycle=80)
    assert_sound(page)
    assert "At cycle 80 the twin expects" in shown(page)
    assert "It was measured at cycle 125" in shown(page)
    page.slider(key="as_of_B0005").set_value(100).run()
    assert "At cycle 100 the twin expects" in shown(page)
    assert page.query_params["cycle"] == "100"


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_capacity_and_health_are_the_same_numbers_on_cell_and_live_page(twin, open_page, lang):
    words = Language(lang)
    cell, live = (shown(open_page(twin.basyx_url, view=view, cell="B0005", lang=lang)) for view in ("cell", "live"))
    known = twin_module.Twin(twin.basyx_url)
    forecast, sample = known.prediction("B0005").value.forecast, known.live("B0005").value
    for name, capacity, health in (
        ("measured", sample["Capacity"], sample["StateOfHealth"]),
        ("estimated", forecast.capacity_Ah, forecast.soh),
    ):
        figure = f"{words.number(capacity, 3)} <small>Ah</small>"
        for page in (cell, live):
            tile = page.partition(words(f"cell.capacity.{name}"))[2][:300]
            assert figure in tile and escape(words("live.soh", soh=words.quantity(health, "%", 1))) in tile
    assert words("soh.estimated") in cell


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_worn_out_cell_is_explained_by_what_drove_it_before(twin, open_page, lang):
    words = Language(lang)
    page = shown(open_page(twin.basyx_url, view="cell", cell="B0005", lang=lang))
    assert escape(words("cell.drivers.none")) not in page and 'class="driver"' in page
    before = words("cell.drivers.before", cycle=112, rul="|", end=125).partition("|")[0]
    assert escape(before) in page
    assert escape(words("day.title")) in page and escape(words("usage.efc")) in page


def test_downloads(twin, open_page):
    """The data behind both buttons: records as CSV, the cell as an AASX that reads back."""
    from dashboard.page import Page
    from dashboard.reading.twin import Twin
    from dashboard.views.cell import records_csv

    page = Page(Twin(twin.basyx_url), Language("fr"))
    lines = records_csv(page, "B0018").decode("utf-8-sig").splitlines()
    assert lines[0].startswith("id_cycle;")
    assert len(lines) == 1 + len(page.twin.records("B0018").value)
    assert package.read(page.twin.export(["B0018"])).environment


def test_simulation_compares_scenarios_and_writes_nothing(twin, open_page, client):
    before = client.submodel(submodel_id("B0005", "Prediction"))
    page = open_page(twin.basyx_url, view="simulation", cell="B0005", scenario="A:T4_I4;B:V2", **{"from": 60})
    assert_sound(page)
    assert "ambient 4" in shown(page) and "current 4.0" in shown(page)
    page.button(key="preset_hot").click().run()
    assert page.query_params["scenario"] == "A:T44;B:V2"
    page.button(key="clear").click().run()
    assert page.query_params["scenario"] == "B:V2"
    assert client.submodel(submodel_id("B0005", "Prediction")) == before


def test_a_number_typed_with_a_comma_is_the_slider_too(twin, open_page):
    page = open_page(twin.basyx_url, view="simulation", cell="B0005", lang="fr", **{"from": 60})
    page.text_input(key="number_A_I").set_value("3,5").run()
    assert page.query_params["scenario"] == "A:I3.5"
    assert page.select_slider(key="slider_A_I").value == 3.5
    page.text_input(key="number_A_I").set_value("beaucoup").run()
    assert page.query_params["scenario"] == "A:I3.5"


@pytest.mark.parametrize("axis", ["cycles", "throughput", "days"])
@pytest.mark.parametrize("normal", [False, True])
def test_compare(twin, open_page, axis, normal):
    page = open_page(twin.basyx_url, view="compare", cells="B0005,B0007,B0018", axis=axis, normal=normal)
    assert_sound(page)
    assert page.multiselect(key="compare_cells").value == ["B0005", "B0007", "B0018"]
    assert all(f">{cell}<" in shown(page) for cell in ("B0005", "B0007", "B0018"))


def waiting(client, cell):
    alerts = client.submodel_value(submodel_id(cell, "Prediction")).get("ActiveAlerts") or []
    return [alert for alert in alerts if alert["AlertState"].endswith("Unacknowledged")]


def chosen(page, cell, alert_id):
    """The box of an alert on the page of alerts."""
    return next(box for box in page.checkbox if box.key.startswith(f"choose_{cell}_{alert_id}_"))


def act(page, button):
    next(one for one in page.button if one.key and one.key.endswith(button)).click().run()


def test_alerts_are_acknowledged_once_and_the_second_person_is_told(twin, open_page, client, own_cell):
    first = open_page(twin.basyx_url, view="alerts", of=own_cell)
    second = open_page(twin.basyx_url, view="alerts", of=own_cell)
    alert = waiting(client, own_cell)[0]["AlertId"]
    first.text_input(key="operator").set_value("Ada <b>L.</b>")
    act(first, "acknowledge")
    assert Language("en")("alerts.choose_first") in shown(first)
    chosen(first, own_cell, alert).check()
    first.text_input(key="operator").set_value("")
    act(first, "acknowledge")
    assert Language("en")("alerts.name_first") in shown(first)
    chosen(first, own_cell, alert).check()
    first.text_input(key="operator").set_value("Ada <b>L.</b>")
    first.text_input(key="alerts_comment").set_value("seen on site")
    act(first, "acknowledge")
    assert "1 acknowledged by Ada &lt;b&gt;L.&lt;/b&gt;" in shown(first)
    assert alert not in [item["AlertId"] for item in waiting(client, own_cell)]
    second.text_input(key="operator").set_value("Grace")
    chosen(second, own_cell, alert).check()
    act(second, "acknowledge")
    assert Language("en")("trouble.conflict") in shown(second)
    assert "Ada &lt;b&gt;L.&lt;/b&gt;" in shown(second)


def test_all_alerts_of_a_page_are_shelved_and_taken_back(twin, open_page, client, own_cell):
    page = open_page(twin.basyx_url, view="alerts", of=own_cell)
    count = len(waiting(client, own_cell))
    act(page, "choose_all")
    page.text_input(key="operator").set_value("Ada")
    act(page, "shelve")
    assert f"{count} shelved by Ada" in shown(page)
    assert Language("en")("alerts.active.none") in shown(page)
    shelf = open_page(twin.basyx_url, view="alerts", of=own_cell, tab="shelved", lang="fr")
    assert "Ada" in shown(shelf)
    act(shelf, "choose_all")
    shelf.text_input(key="operator").set_value("Grace")
    act(shelf, "unshelve")
    assert f"{count} reprise(s) par Grace" in shown(shelf)
    assert not any(item.get("ShelvedUntil") for item in waiting(client, own_cell))


@pytest.mark.parametrize(("asked", "there"), [({"age": "hour"}, True), ({"age": "older"}, False)])
def test_alerts_are_filtered_by_age(twin, open_page, client, own_cell, asked, there):
    page = open_page(twin.basyx_url, view="alerts", of=own_cell, **asked)
    assert bool([box for box in page.checkbox if box.key.startswith("choose_")]) == there
    assert (Language("en")("alerts.filtered.none") in shown(page)) != there


def test_alerts_are_filtered_by_severity(twin, open_page, client, own_cell):
    wanted = waiting(client, own_cell)[0]["Severity"]
    page = open_page(twin.basyx_url, view="alerts", of=own_cell, severity=wanted)
    ids = {item["AlertId"] for item in waiting(client, own_cell) if item["Severity"] == wanted}
    assert len([box for box in page.checkbox if box.key.startswith("choose_")]) == len(ids)


def test_the_cell_page_shows_its_alerts(twin, open_page, client, own_cell):
    page = open_page(twin.basyx_url, view="cell", cell=own_cell)
    assert Language("en")("cell.alerts.go") in shown(page)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_demo_that_is_about_to_come_is_announced_until_its_cells_are_there(twin, open_page, monkeypatch, lang):
    words, announced = Language(lang), escape(Language(lang)("demo.starting"))
    monkeypatch.setenv("TWIN_DEMO", "on")
    page = open_page(twin.basyx_url, view="fleet", lang=lang)
    assert announced in shown(page)
    assert escape(words("demo.running")) not in shown(page)
    monkeypatch.setattr("time.monotonic", lambda now=time.monotonic: now() + 3600)  # none has come
    assert announced not in shown(page.run())
    monkeypatch.setenv("TWIN_DEMO", "off")
    assert announced not in shown(open_page(twin.basyx_url, view="fleet", lang=lang))


def test_the_banner_names_only_what_the_list_has_not_shown(twin, open_page, own_cell):
    page = open_page(twin.basyx_url, view="fleet")
    assert "banner critical" in shown(page)
    page.query_params["view"] = "alerts"
    page.run()
    page.query_params["view"] = "fleet"
    page.run()
    assert "banner critical" not in shown(page)


def test_the_banner_is_on_every_page_while_a_critical_alert_waits(twin, open_page, own_cell):
    for view in ("fleet", "cell", "model"):
        page = open_page(twin.basyx_url, view=view)
        assert "banner critical" in shown(page)


def test_limits_are_set_through_the_aas(twin, open_page, client, own_cell):
    page = open_page(twin.basyx_url, view="alerts", tab="limits", of=own_cell, lang="fr")
    page.text_input(key=f"limit_{own_cell}_SoHWarning").set_value("82,5")
    page.text_input(key="limits_name").set_value("Ada")
    page.button[-1].click().run()
    assert Language("fr")("limits.saved") in shown(page)
    thresholds = client.submodel_value(submodel_id(own_cell, "Prediction"))
    assert float(thresholds["SoHThresholds"]["Warning"]) == 82.5
    assert thresholds["ThresholdChange"]["ChangedBy"] == "Ada"


def test_a_cell_leaves_service_and_comes_back_by_its_page(twin, open_page, client, own_cell):
    words = Language("en")
    page = open_page(twin.basyx_url, view="cell", cell=own_cell)

    def press() -> None:
        next(button for button in page.button if button.label == words("service.set")).click().run()

    press()
    assert words("alerts.name_first") in shown(page)
    page.text_input(key="service_name").set_value("Ada")
    page.text_input(key=f"service_reason_{own_cell}").set_value("its test is over")
    press()
    assert not page.exception
    assert client.element_value(submodel_id(own_cell, "OperationalData"), "LiveState.ServiceState") == "testEnded"
    assert words("service.title", state="test ended") in shown(page)
    page.toggle(key=f"service_who_{own_cell}").set_value(True).run()
    assert "Set by Ada" in shown(page) and "its test is over" in shown(page)
    page.text_input(key="service_name").set_value("Ada")
    page.selectbox(key=f"service_to_{own_cell}_testEnded").set_value("inService")
    press()
    assert client.element_value(submodel_id(own_cell, "OperationalData"), "LiveState.ServiceState") == "inService"


def test_a_cycle_is_recorded_by_form(twin, open_page, client, own_cell):
    page = open_page(twin.basyx_url, view="record", cell=own_cell, lang="fr")
    page.text_input(key=f"in_capacity_{own_cell}_6").set_value("abc")
    page.button[-1].click().run()
    assert "« abc »" in shown(page).replace("\u00a0", " ")
    page.text_input(key=f"in_capacity_{own_cell}_6").set_value("1,37")
    page.text_input(key=f"in_time_{own_cell}_6").set_value("2026-01-06T08:00:00")
    page.button[-1].click().run()
    assert not page.exception
    records = client.element_value(submodel_id(own_cell, "OperationalData"), "Segments.InternalSegment.Records")
    assert records["Record0006"]["Capacity"] == 1.37


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_file_is_looked_at_mended_and_brought_in(twin, open_page, client, own_cell, language):
    words = Language(language)

    def states() -> list[str]:
        found = client.element_value(submodel_id(own_cell, "OperationalData"), "Imports") or {}
        return sorted(values["ImportState"] for values in found.values())

    def choose(text: str) -> str:
        page.file_uploader(key="import_upload").set_value(("of_the_lab.csv", text.encode(), "text/csv"))
        page.run()
        assert_sound(page)
        return shown(page).replace("&#x27;", "'")

    def press(name: str) -> None:
        next(one for one in page.button if name in (one.key, one.label)).click()
        page.run()
        assert_sound(page)

    page = open_page(twin.basyx_url, view="record", tab="table", cell=own_cell, lang=language)
    strange = choose("Messung;Ladung;Temp\n6;1,37;31\n7;1,36;32\n")
    assert words("import.missing", column=words("import.quantity.voltage")) in strange
    asked = choose("cycle;capacity\n6;1370\n7;1360\n8;9500\n")
    assert words("import.said.unit", column="capacity", value="1370") in asked
    assert next(one for one in page.button if one.key == "import_start").disabled
    press("mAh")
    assert words("import.said.aboveLimit", value="9.5\u00a0Ah" if language == "en" else "9,5\u00a0Ah") in shown(page)
    assert words("import.counts", taken="2", known="0", skipped="1") in shown(page)
    press("import_start")
    wait_for(lambda: "ended" in states(), 60)
    assert states() == ["cancelled", "ended"], "what was only looked at was put away with its file"
    page = open_page(twin.basyx_url, view="record", tab="table", cell=own_cell, lang=language)
    told = words("import.file", name="of_the_lab.csv", state=words("import.state.ended"))
    wait_for(lambda: told in shown(page.run()), 30)
    assert words("import.state.cancelled") not in shown(page)


def test_a_cell_is_added_by_form(twin, open_page, client):
    page = open_page(twin.basyx_url, view="record", tab="cell")
    page.text_input(key="new_cell").set_value("HmiAdded")
    page.text_input(key="new_source").set_value("a test")
    page.text_input(key="new_rated_capacity_Ah").set_value("1.9")
    page.button[-1].click().run()
    try:
        assert Language("en")("record.cell.added", cell="HmiAdded") in shown(page)
    finally:
        transfer.remove_cell(client, "HmiAdded")


def test_a_bad_cell_name_is_refused_in_words(twin, open_page):
    page = open_page(twin.basyx_url, view="record", tab="cell")
    page.text_input(key="new_cell").set_value("<script>" + "x" * 100)
    page.text_input(key="new_source").set_value("a test")
    page.button[-1].click().run()
    assert Language("en")("trouble.invalidInput") in shown(page)
    assert "<script>" not in shown(page)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_pack_of_any_name_is_described_by_the_form_and_shown_by_that_name(twin, open_page, client, lang):
    page = open_page(twin.basyx_url, view="record", tab="cell", lang=lang)
    given = {"cell": "Modul 7 – Prüfling Ä <b>", "source": "a test", "chemistry": "NMC", "series_count": "14",
             "rated_capacity_Ah": "20,5", "highest_cell_voltage_V": "4,2", "expected_life_cycles": "800"}  # fmt: skip
    for name, written in given.items():
        page.text_input(key=f"new_{name}").set_value(written)
    page.button[-1].click().run()
    cell = "Modul_7_Pruefling_Ae_b"
    try:
        assert_sound(page)
        assert escape(given["cell"]) in shown(page) and "<b>" not in shown(page).partition("Modul 7")[2][:60]
        areas = client.submodel_value(submodel_id(cell, "TechnicalData"))["TechnicalPropertyAreas"]
        assert (areas[0]["RatedCapacity"], areas[0]["SeriesCount"], areas[0]["MaxVoltage"]) == ("20.5", "14", "58.8")
        page = open_page(twin.basyx_url, view="cell", cell=cell, lang=lang)
        assert given["cell"] in page.selectbox(key="cell_choice").options
        assert Language(lang)("origin.conventionOfTheField") in shown(page)
        fleet = open_page(twin.basyx_url, view="fleet", scope="all", q="prüfling", lang=lang)
        assert escape(given["cell"]) in shown(fleet)
    finally:
        transfer.remove_cell(client, cell)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_live_view_shows_the_state_of_charge_and_how_old_its_full_charge_is(
    twin, open_page, client, own_cell, language
):
    """A charge that tails off at 4.2 V, then half an hour at 1 A."""
    words, rows = Language(language), ["Time,Voltage_measured,Current_measured"]
    rows += [f"{10 * step},{3.5 + 0.7 * step / 300:.3f},1.5" for step in range(300)]
    rows += [f"{3000 + 10 * step},4.2,0.05" for step in range(20)]
    charged, rested = len(rows), ["3200,4.15,0", *(f"{3210 + 10 * step},4.0,-1" for step in range(180))]
    send = {"StartTime": "2026-02-01T08:00:00", "PositiveCurrent": "charge"}
    submodel = submodel_id(own_cell, "OperationalData")
    client.invoke(submodel, "AppendSamples", send | {"Samples": "\n".join(rows[:charged])}, timeout_s=60)
    client.invoke(submodel, "AppendSamples", send | {"Samples": "\n".join([rows[0], *rested])}, timeout_s=60)
    page = open_page(twin.basyx_url, view="live", cell=own_cell, lang=language)
    assert_sound(page)
    charge = client.element_value(submodel, "LiveState.StateOfCharge")
    assert 60 < charge < 70  # half an ampere-hour out of 1.38 Ah, the last capacity
    assert f"{words.number(charge)} <small>%</small>" in shown(page) and escape(words("cell.charge")) in shown(page)
    assert escape(words("cell.charge.since", age=words.quantity(0.5, "h", 1))) in shown(page)
    assert escape(words("cycle.discharge")) in shown(page)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_cycle_is_corrected_and_withdrawn_by_form(twin, open_page, client, own_cell, language):
    words = Language(language)
    page = open_page(twin.basyx_url, view="record", tab="correction", cell=own_cell, cycle=4, lang=language)
    assert_sound(page)

    def submit():
        name = words("record.correction.send")
        next(one for one in page.button if one.label == name).click()
        page.run()
        assert_sound(page)

    submit()
    assert words("record.correction.who") in shown(page).replace("&#x27;", "'")
    page.text_input(key="correct_name").input("A. Operator")
    page.text_input(key=f"correct_reason_{own_cell}_4").input("typing error")
    page.text_input(key=f"correct_Capacity_{own_cell}_4").input("1,5" if language == "fr" else "1.5")
    submit()
    assert words("record.correction.corrected", cycle="4", cell=own_cell) in shown(page)
    path = "Segments.InternalSegment.Records.Record0004.Capacity"
    assert client.element_value(submodel_id(own_cell, "OperationalData"), path) == 1.5
    assert "A. Operator" in shown(page) and words("record.correction.did.corrected") in shown(page)
    page.checkbox(key=f"withdraw_{own_cell}_4").check()
    page.text_input(key=f"correct_reason_{own_cell}_4").input("aborted")
    submit()
    assert words("record.correction.withdrawn", cycle="4", cell=own_cell) in shown(page)
    assert client.element_value(submodel_id(own_cell, "OperationalData"), "WithdrawnCycles") == "4"
    assert words("record.correction.gone", cycle=4) in page.selectbox(key=f"correct_{own_cell}").options


@pytest.mark.parametrize("view", ["fleet", "cell", "live", "simulation", "compare", "aas", "record"])
def test_a_cell_without_history_and_with_hostile_names(twin, open_page, empty_cell, view):
    page = open_page(twin.basyx_url, view=view, cell=empty_cell, cells=empty_cell, submodel="Nameplate")
    assert_sound(page)
    assert "<script>" not in shown(page)


def test_aas_view_gives_calls_that_can_be_copied(twin, open_page):
    page = open_page(twin.basyx_url, view="aas", cell="B0005", submodel="Prediction")
    curl, python = page.code[0].value, page.code[1].value
    assert curl.startswith("curl -X POST") and "/submodel-elements/Predict/invoke" in curl
    compile(python, "copied", "exec")
    links = [element.proto.url for element in page.get("link_button")]
    assert links == [f"{twin.basyx_url}/swagger-ui/index.html", f"{twin.delegate_url}/"]


def test_slow_and_down_and_back(twin, open_page, proxied):
    page = open_page(proxied.url, view="fleet", scope="all")
    english = Language("en")
    assert english("trouble.unreachable") not in shown(page)
    proxied.mode = "down"
    page.button(key="refresh").click().run()
    assert_sound(page)
    assert english("trouble.unreachable") in shown(page)
    assert ">B0005</a>" in shown(page), "the last known values stay"
    proxied.mode = "slow"
    page.button(key="refresh").click().run()
    assert english("trouble.slow") in shown(page) and ">B0005</a>" in shown(page)
    proxied.mode = "ok"
    end = time.monotonic() + 30
    while english("trouble.slow") in shown(page) and time.monotonic() < end:
        page.run()
    assert english("trouble.slow") not in shown(page)
    assert english("trouble.unreachable") not in shown(page)


@pytest.mark.parametrize("view", state.VIEWS)
def test_down_from_the_start_is_said_not_crashed(open_page, view):
    page = open_page("http://127.0.0.1:9", view=view)
    assert not page.exception
    assert Language("en")("trouble.unreachable") in shown(page)


def test_a_dead_delegate_is_told_and_what_is_stored_stays(twin, open_page, client, own_cell):
    """The cell's own operations are pointed to nobody, as if its delegate had died."""
    prediction = client.submodel(submodel_id(own_cell, "Prediction"))
    text = Language("en")("trouble.delegate")
    dead = prediction | {
        "submodelElements": [pointed(element, "http://127.0.0.1:9") for element in prediction["submodelElements"]]
    }
    client.put_submodel(dead)
    page = open_page(twin.basyx_url, view="cell", cell=own_cell, cycle=3)
    assert_sound(page)
    assert text in shown(page)
    client.put_submodel(prediction)
    page.run()
    assert text not in shown(page)


def test_a_slow_delegate_is_told_and_its_answer_comes_later(twin, open_page, client, own_cell, monkeypatch):
    monkeypatch.setattr(twin_module, "OPERATION_PATIENCE_S", 0.3)
    slow = FaultyProxy(twin.delegate_url, delay_s=2.0)
    slow.mode = "slow"
    prediction = client.submodel(submodel_id(own_cell, "Prediction"))
    elements = [pointed(element, element_url(element, slow.url)) for element in prediction["submodelElements"]]
    client.put_submodel(prediction | {"submodelElements": elements})
    page = open_page(twin.basyx_url, view="cell", cell=own_cell, cycle=3)
    text = Language("en")("trouble.busy")
    assert_sound(page)
    assert text in shown(page)
    end = time.monotonic() + 30
    while text in shown(page) and time.monotonic() < end:
        time.sleep(0.3)
        page.run()
    assert "At cycle 3 the twin" in shown(page) and text not in shown(page)
    slow.stop()


def element_url(element, base_url):
    """The operation's address with another delegate."""
    for qualifier in element.get("qualifiers") or []:
        if qualifier.get("type") == "invocationDelegation":
            return base_url + "/delegation/" + qualifier["value"].partition("/delegation/")[2]
    return base_url


def pointed(element, address):
    qualifiers = [
        {**qualifier, "value": address} if qualifier.get("type") == "invocationDelegation" else qualifier
        for qualifier in element.get("qualifiers") or []
    ]
    return {**element, "qualifiers": qualifiers} if qualifiers else element


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_schedule_is_simulated_from_its_address(twin, open_page, lang):
    """A change of use after twenty cycles, seasons at one cycle a day, and twice as many cycles a day."""
    words = Language(lang)
    page = open_page(twin.basyx_url, view="simulation", cell="B0005", scenario="A:T4_C20;B:S15_D1;C:D8", lang=lang,
                     over="days", **{"from": 60})  # fmt: skip
    assert_sound(page)
    rows = shown(page).partition("<tbody>")[2].split("<tr>")[1:]
    assert len(rows) == 4
    life = [row.split("<td")[3] for row in rows]
    assert life[0] == life[3] != life[1] != life[2], "the pace alone changes no cycle"
    end = [row.split("<td")[5] for row in rows]
    assert end[0] != end[3]
    assert escape(words("short.SeasonalSwing")) in rows[2] and escape(words("short.ChangeAfter")) in rows[1]
    asked = dict(state.parse_qsl(page.code[0].value.partition("?")[2]))
    assert asked["scenario"] == "A:T4_C20;B:S15_D1;C:D8" and (asked["from"], asked["lang"]) == ("60", lang)
    wrong = open_page(twin.basyx_url, view="simulation", cell="B0005", scenario="A:T999_Z1", lang=lang)
    assert escape(words("simulation.not_understood", parts="T999, Z1")) in shown(wrong)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_fleet_in_service_in_the_archive_and_by_type(twin, open_page, lang):
    words = Language(lang)
    page = open_page(twin.basyx_url, view="fleet", scope="all", layout="types", lang=lang)
    assert_sound(page)
    assert "NASA 18650 2 Ah" in shown(page) and escape(words("fleet.types.loss")) in shown(page)
    page.segmented_control(key="fleet_layout").set_value("table").run()
    assert escape(words("end.bench")) in shown(page) and escape(words("grade.short.validated")) in shown(page)
    page.segmented_control(key="fleet_state").set_value("outlier").run()
    assert_sound(page)
    assert page.query_params["state"] == "outlier"


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_how_it_works_shows_the_requests_that_were_made_and_links_to_the_real_things(twin, open_page, client, lang):
    before = client.submodel(submodel_id("B0007", "Prediction"))
    words = Language(lang)
    page = open_page(twin.basyx_url, view="how", cell="B0007", lang=lang)
    assert_sound(page)
    assert escape(words("how.not_yet")) in shown(page)
    page.button(key="lesson").click().run()
    assert_sound(page)
    html = shown(page)
    for step in ("shell", "operation", "invoke", "stored"):
        assert escape(words(f"how.step.{step}.text")) in html
    assert submodel_id("B0007", "Prediction") in html and '<span class="status-code">200</span>' in html
    assert f"{twin.basyx_url}/swagger-ui/index.html" in html and f"{twin.delegate_url}/" in html
    code = "\n".join(block.value for block in page.code)
    assert '"idShort": "AtCycle"' in code and '"outputArguments"' in code
    assert 'class="pictures"' in html
    assert client.submodel(submodel_id("B0007", "Prediction")) == before
