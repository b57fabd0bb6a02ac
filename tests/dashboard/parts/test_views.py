"""The views' own reckoning, without a browser and without a twin: files, scenarios, sorting, axes, drawn pieces."""

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aasx import alerts as stored
from aasx import vocabulary
from dashboard.components import pieces, present
from dashboard.page import Page
from dashboard.reading import scenario
from dashboard.reading.content import Alert, FleetRow, Forecast, Rating, forecast_of, rating_of
from dashboard.reading.twin import Twin
from dashboard.texts.language import Language
from dashboard.views import aas, alerts, cell, compare, fleet, model, record, simulation

OF_NASA = scenario.factors_of(Rating(rated_capacity_Ah=2.0), 100.0)
PAGE = Page(Twin("http://127.0.0.1:9", client=object()), Language("fr"))
HEADER = "id_cycle;Time;ambient_temperature;Capacity;Temperature_measured"


def table(*lines, header=HEADER):
    separator = ";" if ";" in header else ","
    names = header.split(separator)
    return [record.check_row(PAGE, dict(zip(names, line.split(separator), strict=False))) for line in lines]


def test_a_french_spreadsheet_is_read():
    (row,) = table("1;2026-01-05 08:00:00;24;1,856;38,9")
    assert row.problems == []
    assert row.values == {"id_cycle": 1, "Time": "2026-01-05T08:00:00", "ambient_temperature": 24.0, "Capacity": 1.856,
                          "Temperature_measured": 38.9}  # fmt: skip


def test_an_english_one_too():
    (row,) = table("1,24,1.856", header="id_cycle,ambient_temperature,Capacity")
    assert (row.problems, row.values["Capacity"]) == ([], 1.856)


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("x;2026-01-05T08:00:00;24;1,8;", "Numéro de cycle"),
        ("0;2026-01-05T08:00:00;24;1,8;", "numéro de cycle"),
        ("1.5;2026-01-05T08:00:00;24;1,8;", "numéro de cycle"),
        ("1;yesterday;24;1,8;", "yesterday"),
        ("1;2026-01-05T08:00:00Z;24;1,8;", "fuseau"),
        ("1;2026-01-05T08:00:00;warm;1,8;", "warm"),
        ("1;2026-01-05T08:00:00;24;NaN;", "NaN"),
        ("1;2026-01-05T08:00:00;24;;", "Capacité"),
    ],
)
def test_every_row_says_what_is_wrong_with_it(line, about):
    good, bad = table("7;2026-01-05T08:00:00;24;1,8;30", line)
    assert good.problems == []
    assert len(bad.problems) == 1 and about in bad.problems[0]


def test_a_cycle_without_ambient_temperature_is_taken_without_one():
    (row,) = table("1;2026-01-05T08:00:00;;1,8;")
    assert row.problems == [] and "ambient_temperature" not in row.values


def test_an_unknown_column_is_told_and_state_of_health_is_not_sent():
    (row,) = table("1;24;1,8;x;93", header="id_cycle;ambient_temperature;Capacity;Nonsense;StateOfHealth")
    assert "Nonsense" in row.problems[0]
    assert "StateOfHealth" not in row.values


def test_scenarios_survive_the_address():
    scenarios = {"A": {"T": 44.0, "I": 4.0}, "C": {"V": 2.05, "N": 150.0}}
    assert scenario.read_scenarios(scenario.write_scenarios(scenarios), OF_NASA) == scenarios


@given(some.text(max_size=60))
def test_no_address_breaks_the_scenarios(written):
    for changes in scenario.read_scenarios(written, OF_NASA).values():
        for letter, value in changes.items():
            assert OF_NASA[letter].low <= value <= OF_NASA[letter].high


def test_a_scenario_outside_the_sliders_is_held_to_them():
    assert scenario.read_scenarios("A:T999_Inan_Q", OF_NASA) == {"A": {"T": 60.0}}


NOW = {"T": 24.0, "D": 4.0}
JANUARY = date(2026, 1, 15)


def asked(changes):
    return scenario.inputs_of(changes, OF_NASA, 60, NOW, JANUARY)


def test_further_cycles_lengthen_the_horizon_only_when_needed():
    assert asked({"N": 100.0, "T": 4.0}) == {"FromCycle": 60, "HorizonCycles": 300, "ambient_temperature": 4.0}
    assert asked({"N": 800.0})["HorizonCycles"] == 800


def test_a_change_of_use_comes_after_so_many_cycles():
    assert asked({"C": 50.0, "T": 4.0, "I": 4.0, "Q": 1.5}) == {
        "FromCycle": 60, "HorizonCycles": 300, "Capacity": 1.5,
        "Phases": [{"Cycles": 50}, {"Cycles": 300, "ambient_temperature": 4.0, "DischargeCurrent": 4.0}],
    }  # fmt: skip
    assert "Phases" not in asked({"C": 50.0}), "nothing changes, so there is no change of use"


def test_seasons_are_months_at_the_pace_of_the_cell():
    phases = asked({"S": 10.0})["Phases"]
    assert [phase["Cycles"] for phase in phases] == [122, 122, 122]  # 300 cycles at 4 a day
    assert phases[0]["ambient_temperature"] == pytest.approx(14.2, abs=0.3)  # the winter
    slow = asked({"S": 10.0, "D": 0.5, "C": 30.0, "V": 2.2})["Phases"]
    assert slow[0] == {"Cycles": 30} and len(slow) <= scenario.MOST_PHASES
    warm = [phase["ambient_temperature"] for phase in slow[1:]]
    assert 33 < max(warm) <= 34 and 14 <= min(warm) < 15 and all(phase["CutOffVoltage"] == 2.2 for phase in slow[1:])


def test_seasons_of_a_long_time_stay_few_enough_for_the_operation():
    factors = scenario.factors_of(Rating(rated_capacity_Ah=2.0), 20_000.0)
    for pace in (0.1, 1.0, 10.0):
        phases = scenario.inputs_of({"S": 30.0, "D": pace, "C": 10.0}, factors, 1, NOW, JANUARY)["Phases"]
        assert len(phases) <= scenario.MOST_PHASES
        assert all(-20 <= phase["ambient_temperature"] <= 60 for phase in phases[1:])


def test_an_address_tells_what_of_it_was_not_understood():
    assert scenario.not_understood("A:T44_I4;B:V2", OF_NASA) == []
    assert scenario.not_understood("A:T999_Inan_Z3_Q1.8;X:T4", OF_NASA) == ["T999", "Inan", "Z3", "X:T4"]


def test_an_animation_draws_every_line_up_to_the_same_place():
    assert simulation.until([(0, 2.0), (10, 1.0), (20, 0.0)], 5) == [(0, 2.0), (5, 1.5)]
    assert simulation.until([(0, 2.0), (10, 1.0)], 30) == [(0, 2.0), (10, 1.0)]
    assert simulation.until([(5, 2.0), (10, 1.0)], 1) == [(5, 2.0)]


def test_sliders_of_nasas_cells_stay():
    found = {factor.letter: (factor.low, factor.high, factor.step, factor.digits) for factor in OF_NASA.values()}
    assert found == {
        "T": (-20, 60, 1, 0), "I": (0.5, 6.0, 0.1, 1), "V": (2.0, 3.2, 0.05, 2), "N": (10, 1000, 10, 0),
        "D": (0.1, 10, 0.1, 1), "C": (0, 1000, 10, 0), "S": (0, 30, 1, 0),
        "Q": (0.6, 2.1, 0.01, 2), "E": (0.01, 0.3, 0.005, 3), "R": (0.01, 0.4, 0.005, 3), "M": (0, 80, 1, 0),
    }  # fmt: skip
    assert scenario.presets_of(OF_NASA, Rating(rated_capacity_Ah=2.0)) == {
        "cycles": {"N": 150}, "hot": {"T": 44}, "cold": {"T": 4}, "deep": {"V": 2.0}, "current": {"I": 4.0},
        "seasons": {"S": 10}, "late": {"T": 4, "C": 50},
    }  # fmt: skip


def test_sliders_follow_the_size_of_the_cell():
    pack = Rating(rated_capacity_Ah=20.0, series=14, lowest_cell_V=3.0, highest_cell_V=4.2, highest_discharge_A=50.0)
    factors = scenario.factors_of(pack, life_cycles=3000)
    assert (factors["I"].low, factors["I"].high, factors["I"].step) == (5.0, 50.0, 1.0)
    assert (factors["V"].low, factors["V"].high, factors["V"].step) == (42.0, 53.0, 1.0)
    assert (factors["Q"].low, factors["Q"].high, factors["N"].high) == (6.0, 21.0, 4500.0)
    present = scenario.present_values(factors, pack, [])
    assert (present["I"], present["V"]) == (20.0, 42.0)


def test_the_size_of_a_cell_is_read_wherever_it_stands():
    areas = [{"RatedCapacity": "3.0", "MinVoltage": "2.5"}, {"SeriesCount": "2", "HighestCellVoltage": "x"}]
    assert rating_of({"TechnicalPropertyAreas": areas}) == Rating(rated_capacity_Ah=3.0, series=2, cut_off_V=2.5)
    assert rating_of({}) == rating_of({"TechnicalPropertyAreas": "?"}) == Rating()


def test_capacity_after_further_cycles_lies_on_the_trajectory():
    forecast = Forecast(trajectory=((100, 1.5, None, None), (110, 1.4, None, None), (120, 1.2, None, None)))
    assert scenario.capacity_after(forecast, 5) == pytest.approx(1.45)
    assert scenario.capacity_after(forecast, 20) == pytest.approx(1.2)
    assert scenario.capacity_after(forecast, 21) is None
    assert scenario.capacity_after(Forecast(), 5) is None


def test_assumptions_are_said_in_french():
    line = (
        "ambient_temperature_degC 24 -> 44: literature prior only (hot_activation_energy_kJ_mol = 26.5 kJ/mol, "
        "90 % interval 10.9 to 42.2; prior: Wang 2011)"
    )
    said = simulation.assumption(Language("fr"), line)
    assert said.startswith("Température ambiante 24 → 44") and "26,50 kJ/mol" in said and "Wang 2011" in said
    assert simulation.assumption(Language("fr"), "something new") == "something new"


LATELY = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [
    FleetRow("B2", 10, 1.8, 90.0, rul=50.0, severity="warning", trend=((1, 1.9), (10, 1.8))),
    FleetRow("B1", 10, 1.4, 70.0, rul=0.0, severity="endOfLife", counted=1, trend=((1, 1.9), (10, 1.4))),
    FleetRow("A9"),
]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("urgency", ["B1", "B2", "A9"]),
        ("name", ["A9", "B1", "B2"]),
        ("soh", ["B1", "B2", "A9"]),
        ("rul", ["B1", "B2", "A9"]),
    ],
)
def test_the_fleet_is_sorted_and_what_is_unknown_comes_last(order, names):
    assert [row.cell for row in fleet.pick(ROWS, "", "all", order)] == names


def test_a_cell_nobody_has_looked_at_is_not_called_healthy():
    seen = FleetRow("B1", 10, 1.9, 95.0, last_update=LATELY)
    unseen = FleetRow("B2", 10, 1.9, 95.0)
    assert (seen.state, unseen.state, FleetRow("B3").state) == ("none", "unknown", "unknown")
    assert replace(seen, service="testEnded").state == "unknown", "out of service nobody is said to be healthy"
    assert replace(seen, service="testEnded", severity="endOfLife").state == "endOfLife"
    assert replace(seen, soh=None).state == "unknown", "without a rated capacity nothing is said of health"
    assert [row.cell for row in fleet.pick([seen, unseen], "", "none", "name")] == ["B1"]


def test_days_and_throughput_are_counted_from_the_first_cycle():
    records: list[dict[str, Any]] = [
        {"id_cycle": 1, "Capacity": 2.0, "Time": "2026-01-01T00:00:00"},
        {"id_cycle": 2, "Capacity": None, "Time": "2026-01-02T00:00:00"},
        {"id_cycle": 3, "Capacity": 1.5, "Time": "2026-01-03T12:00:00"},
        {"id_cycle": 4, "Capacity": 1.0, "Time": None},
    ]
    assert compare.line(records, "cycles", False) == ([1, 3, 4], [2.0, 1.5, 1.0])
    assert compare.line(records, "throughput", False) == ([2.0, 3.5, 4.5], [2.0, 1.5, 1.0])
    assert compare.line(records, "days", True) == ([0.0, 2.5], [100.0, 75.0])
    assert compare.line([], "days", True) == ([], [])


@pytest.mark.parametrize(
    ("value", "state"), [(90, "none"), (79.9, "warning"), (74, "critical"), (69.9, "endOfLife"), (None, "unknown")]
)
def test_state_of_health_has_the_state_of_its_thresholds(value, state):
    assert present.health_state(value, 80, 75, 70) == state


def test_pieces_escape_everything():
    evil = "<script>alert('x')</script>\""
    drawn = [
        pieces.tile(evil, evil, evil), pieces.facts([(evil, evil)]), pieces.table([(evil, False)], [[evil]]),
        pieces.sparkline([(1, 1), (2, 2)], evil), pieces.ring(80, "none", evil, evil),
    ]  # fmt: skip
    assert not any("<script" in html for html in drawn)


def test_a_copied_call_is_what_the_gateway_sends():
    declared = [{"value": {"modelType": "Property", "idShort": "ConfidenceLevel", "valueType": "xs:double"}}]
    operation = {"idShort": "Predict", "modelType": "Operation", "inputVariables": declared}
    curl, _ = aas.snippets("http://host:8081", "https://x/sm/B0005/Prediction", operation)
    body = json.loads(curl.split("-d '")[1].rstrip("'"))
    assert body["inputArguments"][0]["value"]["value"] == "0.9"
    identifier = curl.split("/submodels/")[1].split("/")[0]
    assert base64.urlsafe_b64decode(identifier + "=" * (-len(identifier) % 4)) == b"https://x/sm/B0005/Prediction"


def test_the_tree_escapes_what_the_aas_holds():
    evil = {
        "modelType": "Property",
        "idShort": "<img onerror=x>",
        "valueType": "xs:string",
        "value": "<script>1</script>",
    }
    drawn = aas.tree(
        PAGE, {"submodelElements": [evil, {"modelType": "SubmodelElementCollection", "idShort": "C", "value": [evil]}]}
    )
    assert "<script" not in drawn and "<img" not in drawn


def test_a_long_list_shows_its_beginning_and_its_end():
    items = [{"modelType": "Property", "idShort": f"R{k}", "valueType": "xs:int", "value": str(k)} for k in range(2000)]
    drawn = aas.branch(PAGE, {"modelType": "SubmodelElementCollection", "idShort": "C", "value": items}, "C", 0)
    assert ">R0<" in drawn and ">R1999<" in drawn and ">R1000<" not in drawn


def test_figures_of_the_model_are_sorted_by_measure_method_and_cell():
    found = model.figures({"rul_mae_cycles": "4.4", "rul_mae_cycles_mean_life": "13.9", "rul_coverage_B0005": "0.93",
                           "capacity_rmse_Ah_persistence": "0.018", "ModelFileSHA256": "ab"})  # fmt: skip
    assert found == {"rul_mae_cycles": {"": 4.4, "mean_life": 13.9}, "rul_coverage": {"B0005": 0.93},
                     "capacity_rmse_Ah": {"persistence": 0.018}}  # fmt: skip


def test_an_aborted_test_is_no_end_of_life():
    capacities = [1.9, 1.8, 0.4, 1.7, 1.6, 1.41, 1.39, 1.3]
    cycles = [1, 2, 3, 40, 50, 60, 70, 80]
    assert cell.worn_out_at(cycles, capacities, 1.4) == 70
    assert cell.worn_out_at(cycles[:6], capacities[:6], 1.4) is None
    assert cell.worn_out_at([5], [1.2], 1.4) == 5


@pytest.mark.parametrize(
    ("value", "decimal", "in_table"),
    [
        (1.856, ",", "1,856"), (1.856, ".", "1.856"), (-2.0, ",", "-2,0"), (3, ",", "3"), (None, ",", ""),
        ("discharge", ",", "discharge"), ("=1+1", ",", "'=1+1"), ("+33", ".", "'+33"), ("-cmd", ".", "'-cmd"),
        ("@SUM(A1)", ".", "'@SUM(A1)"),
    ],
)  # fmt: skip
def test_cells_of_an_export_are_in_the_readers_notation_and_harmless(value, decimal, in_table):
    from dashboard.views.cell import written

    assert written(value, decimal) == in_table


def test_what_a_remaining_life_rests_on_is_told_in_both_languages():
    forecast = forecast_of(
        {
            "PredictionGrade": "orderOfMagnitude",
            "PredictionSources": "publicCells:0.70 ownHistory:0.30 strange other:x",
            "Siblings": "Lab_1,Lab_2",
            "GuaranteedLevel": "0.75",
        }
    )
    assert forecast.sources == (("publicCells", 0.7), ("ownHistory", 0.3))
    assert forecast.siblings == ("Lab_1", "Lab_2") and forecast.guaranteed == 0.75
    assert "public cells" in present.sources(Language("en"), forecast)
    assert "cellules publiques" in present.sources(Language("fr"), forecast)
    assert present.graded(Language("fr"), forecast) == "ordre de grandeur seulement"
    assert present.graded(Language("en"), Forecast(grade="of another client")) == "of another client"
    for grade in vocabulary.CHOICES["PredictionGrade"]:
        assert all(Language(language).has(f"grade.{grade}") for language in ("en", "fr"))


def test_a_pager_links_to_both_ends_and_the_neighbours():
    drawn = pieces.pager("<b>", 10, 40, lambda number: f"?page={number}&x")
    assert [number for number in range(1, 41) if f">{number}</a>" in drawn] == [1, 8, 9, 10, 11, 12, 40]
    assert drawn.count("…") == 2 and "<b>" not in drawn and 'href="?page=10&amp;x" aria-current="page"' in drawn
    assert pieces.pager("x", 1, 2, str).count("<a") == 2


def test_the_box_of_an_alert_stays_its_own_while_others_come_and_the_worst_stand_first():
    def alert(alert_id, severity):
        return Alert("B0005", stored.Alert.of({"AlertId": alert_id, "Severity": severity}))

    old, new = alert("SoH-warning-9", "warning"), alert("SoH-critical-12", "critical")
    (box,) = alerts.keys_of([old])
    found = sorted([old, alert("other", "grave"), new, old], key=alerts.urgency)
    boxes = alerts.keys_of(found)
    assert box in boxes and len(set(boxes)) == len(found)
    assert [one.severity for one in found] == ["critical", "warning", "warning", "grave"]
