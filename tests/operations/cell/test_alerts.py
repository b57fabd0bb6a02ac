"""Alerts: raised once, cleared with their cause, acknowledged by a person, kept; and the thresholds they hang on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aasx.alerts import Alert, ends_of_shelving, highest_severity, summary
from operations.cell import alerts
from operations.cell.alerts import Condition, acknowledge, evaluate
from tests.operations.conftest import fading

NOW, LATER = "2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z"


def rul(value: float | None, threshold: float | None = 30.0) -> list[Condition]:
    return [Condition("RUL", "warning", value, threshold, -1, 3.0)]


def states(found: alerts.Change) -> list[str]:
    return [alert.AlertState for alert in found.kept]


def test_raised_once_while_the_cause_lasts():
    first = evaluate([], rul(30), NOW)
    assert states(first) == ["activeUnacknowledged"] and len(first.raised) == 1
    assert (first.kept[0].ThresholdValue, first.kept[0].ActualValue, first.kept[0].RaisedAt) == (30, 30, NOW)
    again = evaluate(first.kept, rul(5), LATER)
    assert again.kept == first.kept and again.raised == []


def test_not_raised_above_the_threshold_or_without_a_value_or_threshold():
    for state in (rul(30.1), rul(None), rul(5, None)):
        assert evaluate([], state, NOW).kept == []


def test_clears_only_beyond_the_margin():
    raised = evaluate([], rul(29), NOW).kept
    assert states(evaluate(raised, rul(32.9), LATER)) == ["activeUnacknowledged"]
    cleared = evaluate(raised, rul(33.1), LATER)
    assert states(cleared) == ["clearedUnacknowledged"] and cleared.kept[0].ClearedAt == LATER
    assert states(evaluate(raised, rul(30.1), LATER, with_margin=False)) == ["clearedUnacknowledged"]


def test_a_value_that_is_not_known_clears_nothing_but_a_threshold_taken_away_does():
    raised = evaluate([], rul(29), NOW).kept
    assert states(evaluate(raised, rul(None), LATER)) == ["activeUnacknowledged"]
    assert states(evaluate(raised, rul(29, None), LATER)) == ["clearedUnacknowledged"]


def test_cause_that_comes_back_makes_the_same_alert_active_again():
    raised = evaluate([], rul(29), NOW).kept
    cleared = evaluate(raised, rul(40), LATER).kept
    back = evaluate(cleared, rul(28), LATER)
    assert back.kept == raised and back.raised == []


def test_acknowledged_alert_goes_to_the_history_when_its_cause_goes():
    raised = evaluate([], rul(29), NOW).kept
    seen = acknowledge(raised, [raised[0].AlertId], "Ann", "ordered", LATER)
    assert states(seen) == ["activeAcknowledged"] and seen.kept[0].AcknowledgedBy == "Ann"
    gone = evaluate(seen.kept, rul(50), LATER)
    assert gone.kept == [] and gone.closed[0].AlertState == "cleared"
    assert (gone.closed[0].AcknowledgementComment, gone.closed[0].ClearedAt) == ("ordered", LATER)


def test_cleared_alert_stays_until_it_is_acknowledged():
    cleared = evaluate(evaluate([], rul(29), NOW).kept, rul(50), LATER).kept
    seen = acknowledge(cleared, [cleared[0].AlertId], "Ann", None, LATER)
    assert seen.kept == [] and seen.closed[0].AlertState == "cleared"


def two(value: float) -> list[Condition]:
    """Warning at 30, critical at 10."""
    return [*rul(value), Condition("RUL", "critical", value, 10.0, -1, 2.0)]


def test_a_worsening_cell_has_one_alert_of_an_indicator_the_most_severe():
    warned = evaluate([], two(20), NOW)
    assert [alert.Severity for alert in warned.kept] == ["warning"]
    worse = evaluate(warned.kept, two(9), LATER)
    assert [alert.Severity for alert in worse.kept] == ["critical"] and len(worse.raised) == 1
    assert [(alert.AlertId, alert.AlertState) for alert in worse.closed] == [(warned.kept[0].AlertId, "cleared")]
    assert [alert.Severity for alert in evaluate([], two(5), NOW).kept] == ["critical"]


def test_a_cell_that_gets_better_clears_the_severe_alert_and_raises_the_lower_one():
    critical = evaluate([], two(9), NOW).kept
    assert evaluate(critical, two(11), LATER).kept == critical  # within the margin
    better = evaluate(critical, two(15), LATER)
    assert [(alert.Severity, alert.AlertState) for alert in better.kept] == [
        ("critical", "clearedUnacknowledged"), ("warning", "activeUnacknowledged"),
    ]  # fmt: skip
    well = evaluate(better.kept, two(90), LATER)
    assert states(well) == ["clearedUnacknowledged"] * 2


def test_temperature_is_bad_when_high_and_health_when_low():
    limits = alerts.Thresholds(30, 10, 80, 75, 70, 55, 60)
    given: Any = {"past_end_of_life": False, "outside_training_range": 0}
    hot = alerts.conditions(limits, rul_cycles=100, soh_percent=90, temperature_degC=57.0, **given)
    assert [(one.indicator, one.severity) for one in hot if one.holds] == [("Temperature_measured", "warning")]
    worn = alerts.conditions(limits, rul_cycles=9, soh_percent=74, temperature_degC=30, **given)
    assert [(one.indicator, one.severity) for one in worn if one.holds] == [
        ("RUL", "warning"), ("RUL", "critical"), ("StateOfHealth", "warning"), ("StateOfHealth", "critical"),
    ]  # fmt: skip


def test_end_of_life_is_the_models_judgement_not_that_of_one_low_value():
    limits = alerts.Thresholds(30, 10, 80, 75, 70, 55, 60)
    given: Any = {"rul_cycles": 100, "temperature_degC": 30, "outside_training_range": 0}
    dip = alerts.conditions(limits, soh_percent=65, past_end_of_life=False, **given)
    raised = evaluate([], dip, NOW).kept
    assert [(alert.Indicator, alert.Severity) for alert in raised] == [("StateOfHealth", "critical")]
    past = alerts.conditions(limits, soh_percent=70.5, past_end_of_life=True, **given)
    assert [alert.Severity for alert in evaluate(raised, past, LATER).kept] == ["endOfLife"]


def test_alert_ids_tell_what_and_when_and_are_never_used_twice():
    assert evaluate([], rul(5), NOW, at_cycle=42).kept[0].AlertId == "RUL-warning-42"
    again = evaluate([], rul(5), NOW, at_cycle=42, taken={"RUL-warning-42", "RUL-warning-42-2"})
    assert again.kept[0].AlertId == "RUL-warning-42-3"


def test_highest_severity_counts_active_alerts_only():
    warning = Alert("a", "RUL", "warning", 30, 20, "activeAcknowledged", NOW)
    critical = Alert("b", "RUL", "critical", 10, 5, "clearedUnacknowledged", NOW)
    assert highest_severity([warning, critical]) == "warning"
    assert highest_severity([]) == "none"


def test_shelved_alerts_count_again_when_their_time_is_over():
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    soon, late = "2026-11-28T13:00:00Z", "2026-11-28T15:00:00Z"
    waiting = Alert("a", "RUL", "warning", 30, 20, "activeUnacknowledged", "2026-11-28T10:00:00Z")
    shelved = [replace(waiting, AlertId=one, ShelvedUntil=until) for one, until in (("b", soon), ("c", late))]
    seen = replace(waiting, AlertId="d", AlertState="activeAcknowledged", AcknowledgedAt=NOW, ShelvedUntil=late)
    of = summary([waiting, *shelved, seen], 1, True, now)
    assert of == {
        "AlertSeverity": "warning", "UnacknowledgedAlerts": 2, "ShelvedAlertsUntil": f"{soon} {late}",
        "NewestAlertAt": waiting.RaisedAt,
    }  # fmt: skip
    assert [end.hour for end in ends_of_shelving(of)] == [13, 15]
    assert summary([waiting], 1, False, now)["UnacknowledgedAlerts"] == 0
    assert ends_of_shelving({"ShelvedAlertsUntil": "tomorrow or so"}) == ()


# --- through the AAS


def active(cell) -> dict[tuple[str, str], dict]:
    return {(one["Indicator"], one["Severity"]): one for one in cell.value("ActiveAlerts")}


def worn_cell(new_cell):
    """RUL 14 cycles: below the warning of 30, above the critical 10; SoH 74 %: below 80 and 75, above 70."""
    cell = new_cell(fading(10, start_Ah=1.516))
    cell.invoke("Predict")
    return cell


def test_alerts_are_raised_in_the_aas_and_stay_the_same(new_cell):
    cell = worn_cell(new_cell)
    first = active(cell)
    assert set(first) == {("RUL", "warning"), ("StateOfHealth", "critical")}
    warning = first["RUL", "warning"]
    assert warning["AlertState"] == "activeUnacknowledged" and warning["ThresholdValue"] == 30
    assert [key["value"] for key in warning["Definition"]["keys"]] == [
        cell.prediction, "RemainingUsefulLifePrediction", "ListPreAlerts", "0",
    ]  # fmt: skip
    cell.invoke("Predict")
    cell.append(11, 1.475)
    assert {key: one["AlertId"] for key, one in active(cell).items()} == {
        key: one["AlertId"] for key, one in first.items()
    }
    assert (cell.fleet()["AlertSeverity"], cell.fleet()["UnacknowledgedAlerts"]) == ("critical", 2)


def test_definition_of_every_alert_points_to_an_element_that_exists(new_cell):
    cell = new_cell(fading(3))
    submodel = cell.aas.submodel(cell.prediction)
    for keys in alerts.DEFINITIONS.values():
        elements = submodel["submodelElements"]
        for kind, name in keys:
            found = elements[int(name)] if name.isdigit() else next(e for e in elements if e["idShort"] == name)
            assert found["modelType"] == kind
            elements = found.get("value")


def test_life_of_an_alert_in_the_aas(new_cell):
    cell = worn_cell(new_cell)
    alert_id = active(cell)["RUL", "warning"]["AlertId"]
    answer = cell.invoke("AcknowledgeAlert", AlertId=alert_id, AcknowledgedBy="Ann", Comment="seen")
    assert answer["AlertState"] == "activeAcknowledged"
    assert active(cell)["RUL", "warning"]["AcknowledgedAt"] == answer["AcknowledgedAt"]
    assert cell.fleet()["UnacknowledgedAlerts"] == 1
    again = cell.invoke("AcknowledgeAlert", AlertId=alert_id, AcknowledgedBy="Ann")
    assert again["AcknowledgedAt"] == answer["AcknowledgedAt"]
    failed = cell.refused("AcknowledgeAlert", AlertId=alert_id, AcknowledgedBy="Bob")
    assert failed.status == "conflict"
    assert f"by Ann at {answer['AcknowledgedAt']}" in failed.message
    cell.append(11, 1.85)  # regenerated: the line points upwards
    assert ("RUL", "warning") not in active(cell)
    history = cell.value("AlertHistory")
    assert [(one["AlertId"], one["AlertState"], one["AcknowledgedBy"]) for one in history] == [
        (alert_id, "cleared", "Ann")
    ]
    assert active(cell)["StateOfHealth", "critical"]["AlertState"] == "clearedUnacknowledged"
    assert cell.fleet()["AlertSeverity"] == "none"
    cleared_id = active(cell)["StateOfHealth", "critical"]["AlertId"]
    assert cell.invoke("AcknowledgeAlert", AlertId=cleared_id, AcknowledgedBy="Bob")["AlertState"] == "cleared"
    assert [one["AlertId"] for one in cell.value("AlertHistory")] == [alert_id, cleared_id]


def test_unknown_alert_is_not_found(new_cell):
    cell = new_cell(fading(3))
    assert cell.refused("AcknowledgeAlert", AlertId="nothing", AcknowledgedBy="Ann").status == "notFound"
    answer = cell.post("acknowledge-alert", {"AlertId": "nothing", "AcknowledgedBy": "Ann"})
    assert answer.status_code == 404 and answer.json()["detail"] == f"{cell.name} has no alert of this AlertId"


def test_temperature_and_model_range_raise_alerts(new_cell):
    cell = new_cell(fading(5))
    cell.append(6, 1.8, Temperature_measured=61.0, ambient_temperature=50.0)
    assert set(active(cell)) == {
        ("Temperature_measured", "critical"), ("ModelRange", "warning"),
    }  # fmt: skip
    assert cell.value("PredictionDetails.OutsideTrainingRangeNames") == "ambient_temperature"
    cell.append(7, 1.795, Temperature_measured=40.0)
    assert {one["AlertState"] for one in active(cell).values()} == {"clearedUnacknowledged"}


def test_end_of_life_is_said_everywhere(new_cell):
    cell = new_cell(fading(5, start_Ah=1.41))
    cell.append(6, 1.38)
    assert set(active(cell)) == {("RUL", "critical"), ("StateOfHealth", "endOfLife")}
    after = cell.value("RemainingUsefulLifePrediction.AlertAfterExceedingRemainingUsableLife")
    assert after["MaintenanceRequired"] is True
    assert cell.fleet()["AlertSeverity"] == "endOfLife"


def test_history_of_alerts_is_bounded(new_cell, monkeypatch):
    monkeypatch.setattr(alerts, "HISTORY_LENGTH", 1)
    cell = worn_cell(new_cell)
    for alert in active(cell).values():
        cell.invoke("AcknowledgeAlert", AlertId=alert["AlertId"], AcknowledgedBy="Ann")
    cell.append(11, 1.85)
    assert len(cell.value("AlertHistory")) == 1


# --- thresholds


def test_thresholds_are_stored_with_who_when_and_why(new_cell):
    cell = worn_cell(new_cell)
    answer = cell.invoke("SetThresholds", ChangedBy="Ann", Comment="spares are near", RULWarning=12.5, SoHWarning=76.0)
    life = cell.value("RemainingUsefulLifePrediction")
    assert [one["PreAlertValue"] for one in life["ListPreAlerts"]] == [12.5, 10]
    assert cell.value("SoHThresholds") == {"Warning": 76, "Critical": 75, "EndOfLife": 70}
    assert cell.value("ThresholdChange") == {
        "ChangedBy": "Ann", "ChangedAt": answer["ChangedAt"], "Comment": "spares are near",
    }  # fmt: skip
    assert active(cell)["RUL", "warning"]["AlertState"] == "clearedUnacknowledged"  # 14 cycles are more than 12.5
    assert active(cell)["StateOfHealth", "critical"]["AlertState"] == "activeUnacknowledged"


def test_alert_raised_twice_at_one_cycle_has_two_ids(new_cell):
    cell = worn_cell(new_cell)
    for warning in (12.0, 30.0, 12.0, 30.0):
        cell.invoke("SetThresholds", ChangedBy="Ann", RULWarning=warning)
        for alert in active(cell).values():
            cell.invoke("AcknowledgeAlert", AlertId=alert["AlertId"], AcknowledgedBy="Ann")
    ids = [one["AlertId"] for one in [*cell.value("AlertHistory"), *cell.value("ActiveAlerts")]]
    assert sorted(ids) == ["RUL-warning-10", "RUL-warning-10-2", "RUL-warning-10-3", "StateOfHealth-critical-10"]


def test_new_end_of_life_changes_the_prediction_at_once(new_cell):
    cell = new_cell(fading(50))
    before = cell.invoke("Predict")["RUL"]
    cell.invoke("SetThresholds", ChangedBy="Ann", SoHEndOfLife=60.0)
    assert cell.value("PredictionDetails.EndOfLifeCapacity") == pytest.approx(1.2)
    assert cell.value("PredictionDetails.RUL") == pytest.approx(before + 50)  # 0.2 Ah at 0.004 Ah a cycle
    assert cell.invoke("Predict")["RUL"] == pytest.approx(before + 50)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"RULWarning": 5.0}, "RULCritical = 10: must be below RULWarning = 5"),
        ({"SoHCritical": 85.0}, "SoHCritical = 85: must be below SoHWarning = 80"),
        ({"SoHEndOfLife": 75.0}, "SoHEndOfLife = 75: must be below SoHCritical = 75"),
        ({"TemperatureCritical": 50.0}, "TemperatureWarning = 55: must be below TemperatureCritical = 50"),
        ({"RULWarning": -1.0}, "RULWarning = -1.0: must be a number from 0 to 100000 cycle"),
        ({}, "RULWarning: give at least one threshold to change"),
    ],
)
def test_thresholds_that_contradict_each_other_are_refused(new_cell, given, told):
    cell = new_cell(fading(3))
    before = cell.snapshot()
    failed = cell.refused("SetThresholds", ChangedBy="Ann", **given)
    assert (failed.status, failed.message) == ("invalidInput", told)
    assert cell.snapshot() == before


def test_who_changes_or_acknowledges_must_be_said(new_cell):
    cell = new_cell(fading(3))
    for name in ("", "   ", "two\nlines", "x" * 101):
        told = cell.post("set-thresholds", {"ChangedBy": name, "RULWarning": 20.0}).json()["detail"]
        assert told.endswith("must be text of 1 to 100 characters on one line")
