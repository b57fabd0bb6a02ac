"""The description of live values, edited in both languages; and how the state of a feed is told."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from aasx import transfer
from aasx.cell_description import from_mapping
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from aasx.submodels import asset_interfaces
from aasx.submodels.asset_interfaces import Feed, Source, feed_of
from aasx.submodels.operational_data import BENCH, UTC_CLOCK
from dashboard.page import Page
from dashboard.reading.twin import LIVE_AGE_S, Twin
from dashboard.texts.language import Language
from dashboard.views.recording.feed import EXAMPLES, show_state, standing
from operations.cell.clock import on_clock
from operations.request.errors import InvalidInput
from tests.dashboard.test_views import assert_sound, shown

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
V, A = "Voltage_measured", "Current_measured"


@pytest.fixture
def own_cell(twin):
    client, name = AasClient(twin.basyx_url), "FeedTest"
    transfer.add_cell(client, from_mapping({"cell": name, "source": "made for a test", "rated_capacity_Ah": 2.0}))
    yield name
    transfer.remove_cell(client, name)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, "unseen"),
        ({"FeedStatus": "receiving", "ReportedAt": 300, "LastMessageAt": 1}, "silent"),
        ({"FeedStatus": "receiving", "ReportedAt": 5, "LastMessageAt": 4}, "fresh"),
        ({"FeedStatus": "receiving", "ReportedAt": 5, "LastMessageAt": 75}, "stale"),
        ({"FeedStatus": "receiving", "ReportedAt": 5}, "stale"),
        ({"FeedStatus": "notAllowed", "ReportedAt": 5}, "notAllowed"),
        ({"FeedStatus": "error", "ReportedAt": 5, "LastMessageAt": 4}, "error"),
        ({"FeedStatus": "brokerAway", "ReportedAt": 5}, "brokerAway"),
        ({"FeedStatus": "waiting", "ReportedAt": 5}, "waiting"),
        ({"FeedStatus": None, "ReportedAt": 5}, "unseen"),
    ],
)
def test_how_a_feed_stands(state, expected):
    ages = {name: NOW - timedelta(seconds=age) if name.endswith("At") else age for name, age in state.items()}
    name, _ = standing(Feed("mqtt://lab"), ages, NOW)
    assert name == expected
    for code in ("en", "fr"):
        assert Language(code).has(f"feed.is.{name}")


def test_every_status_and_problem_has_its_words():
    for code in ("en", "fr"):
        words = Language(code)
        assert all(words.has(f"feed.is.{status}") for status in asset_interfaces.STATUSES if status != "receiving")
        assert all(words.has(f"feed.problem.{name}") for name in asset_interfaces.PROBLEMS)
    for sources in EXAMPLES.values():
        assert sources.keys() >= asset_interfaces.NEEDED


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("of_cell", "time"), [(BENCH, "2026-01-05T07:00:00Z"), (UTC_CLOCK, "2026-01-05T08:00:00")])
def test_a_time_of_the_other_clock_is_told_with_its_remedy(of_cell, time, language, monkeypatch):
    with pytest.raises(InvalidInput) as refusal:
        on_clock(of_cell, "Samples line 2: Time", time)
    page, said = Page(Twin("http://127.0.0.1:1"), Language(language)), []
    monkeypatch.setattr(Page, "notice", lambda self, tone, text: said.append(text))
    monkeypatch.setattr(Page, "html", lambda self, body: said.append(body))
    state = {"FeedStatus": "error", "ReportedAt": datetime.now(UTC), "FeedError": str(refusal.value)}
    show_state(page, Feed("mqtt://lab"), state)
    assert said[1] == page.words(f"feed.clock.{of_cell}")
    assert time in said[2]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_feed_is_described_seen_and_removed(twin, open_page, own_cell, language):
    words, client = Language(language), AasClient(twin.basyx_url)
    page = open_page(twin.basyx_url, view="record", tab="feed", cell=own_cell, lang=language)
    assert_sound(page)
    assert words("feed.none") in shown(page).replace("&#x27;", "'")
    key = f"{own_cell}_None"

    def save():
        next(one for one in page.button if one.label == words("feed.save")).click()
        page.run()
        assert_sound(page)

    save()
    assert words("feed.problem.noTopic", quantity=words.concept(V)) in shown(page)
    page.text_input(key=f"feed_base_{key}").input("mqtt://lab")
    page.text_input(key=f"feed_topic_{V}_{key}").input("cells/#")
    page.text_input(key=f"feed_topic_{A}_{key}").input("cells/1")
    page.text_input(key=f"feed_pointer_{A}_{key}").input("/I")
    page.selectbox(key=f"feed_unit_{A}_{key}").select("mA")
    page.text_input(key=f"feed_stale_{key}").input("2,5")
    page.selectbox(key=f"feed_sign_{key}").select("discharge")
    save()
    assert "cells/#" in shown(page) and not client.has_submodel(submodel_id(own_cell, asset_interfaces.ID_SHORT))
    page.text_input(key=f"feed_topic_{V}_{key}").input("cells/1")
    page.text_input(key=f"feed_pointer_{V}_{key}").input("/U")
    save()
    assert words("feed.saved", cell=own_cell) in shown(page).replace("&#x27;", "'")
    stored = client.element(submodel_id(own_cell, asset_interfaces.ID_SHORT), asset_interfaces.INTERFACE)
    expected = {V: Source("cells/1", "/U", "V"), A: Source("cells/1", "/I", "mA")}
    assert feed_of(stored) == Feed("mqtt://lab", expected, 1, "discharge", 2.5)
    assert words("feed.is.unseen") in shown(page).replace("&#x27;", "'")
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    state = {"FeedStatus": "notAllowed", "FeedError": "mqtt://lab is <b>none</b> of them", "ReportedAt": now}
    client.put_element(submodel_id(own_cell, asset_interfaces.ID_SHORT), asset_interfaces.FEED_STATE,
                       asset_interfaces.state_element(state))  # fmt: skip
    time.sleep(LIVE_AGE_S)
    page = open_page(twin.basyx_url, view="record", tab="feed", cell=own_cell, lang=language)
    assert words("feed.is.notAllowed") in shown(page).replace("&#x27;", "'") and "<b>none</b>" not in shown(page)
    assert page.text_input(key=f"feed_base_{key}").value == "mqtt://lab"
    next(one for one in page.button if one.label == words("feed.remove.sure")).click()
    page.run()
    assert words("feed.removed", cell=own_cell) in shown(page).replace("&#x27;", "'")
    assert not client.has_submodel(submodel_id(own_cell, asset_interfaces.ID_SHORT))


def test_what_others_wrote_there_is_told_and_can_be_put_right(twin, open_page, own_cell):
    client = AasClient(twin.basyx_url)
    transfer.put_feed(client, own_cell, Feed("mqtt://lab", {V: Source("v"), A: Source("a")}))
    foreign = asset_interfaces.state_element({"FeedStatus": "receiving"})
    foreign["value"][0]["value"], foreign["value"][4]["value"] = "sleepy", "many"
    id_ = submodel_id(own_cell, asset_interfaces.ID_SHORT)
    client.put_element(id_, asset_interfaces.FEED_STATE, foreign)
    text = {"modelType": "Property", "idShort": asset_interfaces.INTERFACE, "valueType": "xs:string", "value": "x"}
    client.put_element(id_, asset_interfaces.INTERFACE, text)
    page = open_page(twin.basyx_url, view="record", tab="feed", cell=own_cell)
    assert_sound(page)
    assert "sleepy" in shown(page)
    transfer.put_feed(client, own_cell, Feed("mqtt://lab", {V: Source("v"), A: Source("a")}))
    assert feed_of(client.element(id_, asset_interfaces.INTERFACE)).problems() == []
