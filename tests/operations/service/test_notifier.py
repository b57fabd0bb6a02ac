"""Alerts are told: raised, acknowledged, cleared; taken once by any number of delegates; later, when nobody answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id
from operations.request.metrics import Metrics
from operations.request.settings import Settings
from operations.service.notifier import FIRST_WAIT_S, MOST_WAITING, Notifier, receivers_of, text_of
from tests.operations.conftest import Cell, fading, serve
from tests.servers import free_port


class Inbox:
    """A receiver on this machine: webhook that keeps what it gets, or answers 503 while it is `away`."""

    def __init__(self) -> None:
        inbox = self
        self.got: list[dict] = []
        self.away, self.delay_s = False, 0.0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(inbox.delay_s)
                self.send_response(503 if inbox.away else 200)
                self.end_headers()
                if not inbox.away:
                    inbox.got.append(json.loads(json.loads(body)["message"]))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://127.0.0.1:{self.server.server_port}/alerts"

    def events(self) -> list[tuple[str, str]]:
        return [(one["Event"], one["AlertId"]) for one in self.got]


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    running = Inbox()
    yield running
    running.server.shutdown()


@pytest.fixture
def telling(settings, inbox, other_settings, fleet_shell, aas) -> Iterator:
    """A delegate that puts what happens into the outbox, and an outbox that is empty before and after."""
    empty_outbox(aas)
    delegate = serve(other_settings(receivers=(inbox.url,)))
    yield delegate
    delegate.stop()
    empty_outbox(aas)


def empty_outbox(aas: AasClient) -> None:
    for name in outbox(aas):
        aas.delete_element(fleet_submodel_id(), f"Outbox.{name}")


def outbox(aas: AasClient) -> dict:
    return aas.element_value(fleet_submodel_id(), "Outbox") or {}


def notifier(aas: AasClient, *urls: str, **more) -> Notifier:
    return Notifier(AasClient(aas.base_url), receivers_of(urls), Metrics(), **more)


@pytest.fixture
def cell(new_cell, telling) -> Cell:
    """About to cross the limit of the state of health."""
    return new_cell(fading(10, start_Ah=1.52), delegate_url=telling.url)


def test_raised_acknowledged_and_cleared_are_told_once(cell, inbox, aas):
    cell.append(11, 1.3)
    cell.invoke("AcknowledgeAlert", AlertId="StateOfHealth-endOfLife-11", AcknowledgedBy="A. Operator", Comment="seen")
    cell.invoke("CorrectCycle", id_cycle=11, CorrectedBy="A. Operator", Comment="typing error", Capacity=1.48)
    assert len(outbox(aas)) >= 3, "what is to be sent stands in the AAS"
    teller = notifier(aas, inbox.url)
    teller.round()
    told = [one for one in inbox.got if one["AlertId"] == "StateOfHealth-endOfLife-11"]
    assert [one["Event"] for one in told] == ["raised", "acknowledged", "cleared"]
    assert told[0]["Battery"] == cell.name and told[0]["ActualValue"] == 65.0 and told[0]["Severity"] == "endOfLife"
    assert (told[1]["AcknowledgedBy"], told[1]["AcknowledgementComment"]) == ("A. Operator", "seen")
    assert outbox(aas) == {}
    assert teller.round() == 0 and len(inbox.got) >= 3
    before = len(inbox.got)
    cell.invoke("Predict")
    assert teller.round() == 0 and len(inbox.got) == before, "nothing new, nothing told"


def test_without_receivers_nothing_is_kept(new_cell, aas, fleet_shell):
    empty_outbox(aas)
    new_cell(fading(10, start_Ah=1.52)).append(11, 1.3)
    assert outbox(aas) == {}


def test_several_delegates_send_each_once(cell, inbox, aas):
    for number, capacity_Ah in ((11, 1.3), (12, 1.29)):
        cell.append(number, capacity_Ah)
        cell.invoke("SetThresholds", ChangedBy="test", TemperatureWarning=30.0)
        cell.invoke("SetThresholds", ChangedBy="test", TemperatureWarning=60.0, TemperatureCritical=80.0)
    waiting = len(outbox(aas))
    assert waiting >= 3
    inbox.delay_s = 0.05
    tellers = [notifier(aas, inbox.url) for _ in range(4)]
    threads = [threading.Thread(target=teller.round) for teller in tellers for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(inbox.got) == waiting and outbox(aas) == {}


def test_a_receiver_that_is_away_delays_nobody_and_gets_it_a_day_later(cell, inbox, aas):
    other = Inbox()
    clock = [datetime.now(UTC)]
    inbox.away = True
    teller = notifier(aas, inbox.url, other.url, now=lambda: clock[0])
    started = time.monotonic()
    cell.append(11, 1.3)
    assert time.monotonic() - started < 5, "the operation does not wait for receivers"
    count = len(outbox(aas))
    assert teller.round() == count and len(other.got) == count and inbox.got == []
    assert len(outbox(aas)) == count
    assert teller.round() == 0, "not before its time"
    for _ in range(30):  # the wait grows; others that look meanwhile do not send it to those who have it
        clock[0] += timedelta(seconds=FIRST_WAIT_S * 20)
        notifier(aas, inbox.url, other.url, now=lambda: clock[0]).round()
    assert len(other.got) == count
    (first, *_) = outbox(aas).values()
    assert len([name for name in first if name.startswith("Taken")]) == 1, "old claims go"
    clock[0] += timedelta(days=1)
    inbox.away = False
    assert notifier(aas, inbox.url, other.url, now=lambda: clock[0]).round() == count
    assert len(inbox.got) == count and len(other.got) == count and outbox(aas) == {}
    other.server.shutdown()


def test_a_delegate_that_died_while_sending_leaves_it_to_another(cell, inbox, aas):
    cell.append(11, 1.3)
    now = datetime.now(UTC)
    dying = notifier(aas, inbox.url, now=lambda: now)
    dying._send = lambda *_: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign, assignment]
    with pytest.raises(SystemExit):
        dying.round()
    count = len(outbox(aas))
    first = next(iter(sorted(outbox(aas))))
    notifier(aas, inbox.url, now=lambda: now).round()
    assert sorted(outbox(aas)) == [first], "claimed by the dead one until its time is over"
    notifier(aas, inbox.url, now=lambda: now + timedelta(seconds=FIRST_WAIT_S + 1)).round()
    assert len(inbox.got) == count and outbox(aas) == {}


def test_the_outbox_is_bounded_in_number_and_age(cell, inbox, aas):
    cell.append(11, 1.3)
    inbox.away = True
    entry = next(iter(aas.element(fleet_submodel_id(), "Outbox")["value"]))
    for number in range(MOST_WAITING + 5):
        aas.append_element(fleet_submodel_id(), "Outbox", entry | {"idShort": f"M{number:04d}"})
    notifier(aas, inbox.url).round()
    assert len(outbox(aas)) == MOST_WAITING
    notifier(aas, inbox.url, now=lambda: datetime.now(UTC) + timedelta(days=8)).round()
    assert outbox(aas) == {}


def test_foreign_things_in_the_outbox_stop_nothing(cell, inbox, aas):
    aas.append_element(fleet_submodel_id(), "Outbox", {"modelType": "Capability", "idShort": "A"})
    strange = {"modelType": "Property", "idShort": "Event", "valueType": "xs:string", "value": "exploded"}
    aas.append_element(
        fleet_submodel_id(), "Outbox", {"modelType": "SubmodelElementCollection", "idShort": "B", "value": [strange]}
    )
    cell.append(11, 1.3)
    notifier(aas, inbox.url).round()
    assert ("raised", "StateOfHealth-endOfLife-11") in inbox.events()
    assert set(outbox(aas)) <= {"A"}


def test_a_twin_that_was_loaded_before_there_was_an_outbox(cell, inbox, aas):
    aas.delete_element(fleet_submodel_id(), "Outbox")
    assert notifier(aas, inbox.url).round() == 0
    cell.append(11, 1.3)
    notifier(aas, inbox.url).round()
    assert ("raised", "StateOfHealth-endOfLife-11") in inbox.events()


def test_receivers_come_from_environment_and_file_never_from_the_aas(monkeypatch, tmp_path):
    file = tmp_path / "receivers.txt"
    file.write_text("# who is told\njson://127.0.0.1:9/a\n\nntfy://topic\n", encoding="utf-8")
    monkeypatch.setenv("TWIN_NOTIFY", "json://127.0.0.1:9/b  json://127.0.0.1:9/a")
    monkeypatch.setenv("TWIN_NOTIFY_FILE", str(file))
    settings = Settings.from_environment()
    assert settings.receivers == ("json://127.0.0.1:9/b", "json://127.0.0.1:9/a", "ntfy://topic")
    assert "127.0.0.1:9" not in repr(settings)
    assert len({one.key for one in receivers_of(settings.receivers)}) == 3
    with pytest.raises(ValueError, match=r"receiver 2 \(carrierpigeon://…\) is no notification URL") as told:
        receivers_of(["json://127.0.0.1:9/b", "carrierpigeon://user:secret@loft"])
    assert "secret" not in str(told.value)
    monkeypatch.setenv("TWIN_NOTIFY_FILE", str(tmp_path / "none.txt"))
    with pytest.raises(ValueError, match=r"TWIN_NOTIFY_FILE .*none\.txt cannot be read"):
        Settings.from_environment()


def test_texts_in_both_languages():
    values = {
        "Event": "acknowledged", "Battery": "B0005", "AlertId": "StateOfHealth-critical-42",
        "Indicator": "StateOfHealth", "Severity": "critical", "ActualValue": 74.26, "ThresholdValue": 75.0,
        "AcknowledgedBy": "A. Operator",
        "AcknowledgementComment": "seen", "EventTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    title, body = text_of(values, "en")
    assert title == "B0005: alert critical acknowledged by A. Operator"
    assert "State of health: 74.3 %, limit 75.0 %" in body and "Comment: seen" in body
    title, body = text_of(values, "fr")
    assert title == "B0005 : alerte critique acquittée par A. Operator" and "seuil 75.0 %" in body


@pytest.fixture
def broker(tmp_path) -> Iterator[int]:
    command = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if command is None:
        pytest.skip("needs mosquitto")
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    process = subprocess.Popen([command, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    yield port
    process.terminate()
    process.wait(10)


def test_alerts_go_to_mqtt(cell, aas, broker):
    from paho.mqtt import client as mqtt

    got: list[dict] = []
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _client, _data, message: got.append(json.loads(message.payload))
    listener.connect("127.0.0.1", broker)
    listener.subscribe("twin/alerts")
    listener.loop_start()
    time.sleep(0.5)
    cell.append(11, 1.3)
    notifier(aas, f"mqtt://127.0.0.1:{broker}/twin/alerts").round()
    end = time.monotonic() + 10
    while not got and time.monotonic() < end:
        time.sleep(0.1)
    listener.loop_stop()
    assert got and got[-1]["Battery"] == cell.name and outbox(aas) == {}


def test_a_running_notifier_tells_by_itself_and_stops(cell, inbox, aas):
    teller = notifier(aas, inbox.url, poll_s=0.2)
    teller.start()
    cell.append(11, 1.3)
    end = time.monotonic() + 20
    while ("raised", "StateOfHealth-endOfLife-11") not in inbox.events() and time.monotonic() < end:
        time.sleep(0.1)
    teller.stop()
    assert ("raised", "StateOfHealth-endOfLife-11") in inbox.events()
