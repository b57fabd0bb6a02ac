"""Another client writes into the AAS: every element in every foreign way, and every view shows what is left."""

from __future__ import annotations

import json
import random

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient, Refused, ServerFault
from aasx.elements.build import to_json
from aasx.identifiers import fleet_submodel_id, submodel_id
from aasx.packages import package
from aasx.shell import build_cell, build_fleet, build_model, cell_files
from aasx.submodels import prediction
from tests.aasx.conftest import CARD
from tests.dashboard.test_views import assert_sound, shown
from tests.foreign import KINDS, changed, leaves, places

VIEWS = ("fleet", "cell", "live", "simulation", "compare", "alerts", "model", "aas", "record")
DELEGATE = "http://127.0.0.1:9"
ALERT = {
    "AlertId": "StateOfHealth-warning-3", "Indicator": "StateOfHealth", "Severity": "warning", "ThresholdValue": 80.0,
    "ActualValue": 79.0, "AlertState": "activeUnacknowledged", "RaisedAt": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture
def client(basyx):
    """A fleet of two cells in an AAS environment that is empty before and after."""
    client = AasClient(basyx.url)
    for name in ("Foreign", "Sound"):
        description = from_mapping({"cell": name, "source": "made for a test", "rated_capacity_Ah": 2.0})
        records = [
            {"id_cycle": k, "Time": f"2020-01-{k:02d}T00:00:00", "type": "discharge", "Capacity": 1.9 - 0.01 * k}
            for k in range(1, 9)
        ]
        objects = build_cell(description, records=records, delegate_url=DELEGATE)
        transfer.load(client, package.Package(package.environment_of(objects), cell_files(description)))
        whole = client.submodel(submodel_id(name, "Prediction"))
        for element in whole["submodelElements"]:
            if element["idShort"] in ("ActiveAlerts", "AlertHistory"):
                element["value"] = [to_json(prediction.alert(ALERT))]
                element["value"][0]["value"].pop()  # its Definition, which has no value here
        client.put_submodel(whole)
    row = {"AtCycle": 8, "Capacity": 1.82, "StateOfHealth": 91.0, "RUL": 40.0, "AlertSeverity": "warning",
           "UnacknowledgedAlerts": 1, "LastUpdate": "2026-01-01T00:00:00Z"}  # fmt: skip
    fleet = [*build_fleet({"Foreign": row, "Sound": row}, DELEGATE), *build_model(CARD)]
    transfer.load(client, package.Package(package.environment_of(fleet), {}))
    yield client
    for shell in client.shells():
        client.delete_shell(shell["id"])
    for submodel in client.submodels():
        client.delete_submodel(submodel["id"])


def put(client, submodel) -> bool:
    try:
        client.put_submodel(submodel)
    except (Refused, ServerFault):
        return False
    return True


def look(open_page, url) -> dict[str, str]:
    """What each view shows."""
    found = {}
    for view in VIEWS:
        address = {"view": view, "cell": "Foreign", "cells": "Foreign,Sound", "tab": "active"}
        if view in ("record", "live"):
            address.pop("tab")
        page = open_page(url, **address)
        assert_sound(page)
        found[view] = shown(page)
    for tab in ("acknowledged", "cleared", "limits"):
        page = open_page(url, view="alerts", tab=tab)
        assert_sound(page)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_shows_the_rest_and_marks_what_is_foreign(basyx, client, open_page, kind):
    taken = 0
    for name in ("Nameplate", "TechnicalData", "OperationalData", "Prediction"):
        whole = client.submodel(submodel_id("Foreign", name))
        for way in reversed(leaves(whole)):
            whole = changed(whole, way, kind)
        taken += put(client, whole)
    fleet = client.submodel(fleet_submodel_id())
    cells = next(index for index, one in enumerate(fleet["submodelElements"]) if one["idShort"] == "Cells")
    for way in reversed(leaves(fleet)):
        if way[:2] == [("submodelElements", cells), ("value", 0)]:
            fleet = changed(fleet, way, kind)
    taken += put(client, fleet)
    for card in [one for one in client.submodels() if one["idShort"] == "AIModelNameplate"]:
        whole = card
        for way in reversed(leaves(whole)):
            whole = changed(whole, way, kind)
        put(client, whole)
    if not taken:
        pytest.skip("the AAS environment takes none of these")
    seen = look(open_page, basyx.url)
    assert ">Sound<" in seen["fleet"] and "91" in seen["fleet"]
    if kind not in ("JSON number", "missing", "another type", "another kind"):
        assert "Not written by this twin" in seen["fleet"] and "⚠" in seen["fleet"]
        assert "Not written by this twin" in seen["cell"] and "⚠" in seen["cell"]
    assert "1e308" not in json.dumps(seen).replace("&#x27;1e308&#x27;", "").replace("⚠ 1e308", "") or kind == "huge"


@pytest.mark.parametrize("seed", range(6))
def test_views_with_foreign_things_in_any_company(basyx, client, open_page, seed):
    chance = random.Random(seed)
    for submodel in client.submodels():
        whole = submodel
        for _ in range(5):
            other = changed(whole, chance.choice(list(places(whole))), chance.choice(sorted(KINDS)))
            whole = other if put(client, other) else whole
    look(open_page, basyx.url)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_foreign_values_stand_beside_their_names_in_both_languages(basyx, client, open_page, language):
    identifier = submodel_id("Foreign", "Prediction")
    for path, text in {
        "PredictionDetails.RUL": "1e308", "StateOfHealthPrediction.StateOfHealth": "abc",
        "ActiveAlerts[0].Severity": "info", "ActiveAlerts[0].RaisedAt": "0001-01-01T00:00:00+14:00",
    }.items():  # fmt: skip
        client.put_element(identifier, path, client.element(identifier, path) | {"value": text})
    path = "Cells.Foreign.AlertSeverity"
    client.put_element(fleet_submodel_id(), path, client.element(fleet_submodel_id(), path) | {"value": "info"})
    client.append_element(
        fleet_submodel_id(), "Cells", client.element(fleet_submodel_id(), "Cells.Sound") | {"idShort": "²"}
    )
    cell = shown(open_page(basyx.url, view="cell", cell="Foreign", lang=language))
    assert "⚠ &#x27;1e308&#x27;" in cell and "⚠ &#x27;abc&#x27;" in cell
    sentence = {"en": "PredictionDetails.RUL is", "fr": "PredictionDetails.RUL vaut"}[language]
    assert sentence in cell
    alerts = shown(open_page(basyx.url, view="alerts", lang=language, tab="active"))
    assert "⚠ &#x27;info&#x27;" in alerts and "0001-01-01T00:00:00+14:00" in alerts and "Sound" in alerts
    fleet = shown(open_page(basyx.url, view="fleet", lang=language))
    assert "⚠ &#x27;info&#x27;" in fleet and "cell=%C2%B2" in fleet and ">Sound<" in fleet
