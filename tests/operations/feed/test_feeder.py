"""Live values by a real broker into a real AAS environment; and what must not lose any."""

from __future__ import annotations

import dataclasses
import json
import socket
import threading
import time
from typing import Any

import pytest
import requests

from aasx import transfer
from aasx.identifiers import submodel_id
from aasx.submodels import asset_interfaces
from aasx.submodels.asset_interfaces import Feed, Source
from operations.feed import feeder as feeding
from tests.broker import Broker, Certificates
from tests.conftest import run_script, wait_for
from tests.operations.conftest import serve
from tests.operations.feed.conftest import (
    A,
    START_s,
    V,
    as_csv,
    discharge,
    one_object,
    payloads,
    recorded,
    start_feeder,
    state,
)
from tests.servers import free_port


def live(cell) -> dict:
    return cell.value("LiveState", "OperationalData")


def test_a_discharge_over_mqtt_is_as_append_samples_gives_it(new_cell, aas, broker, topic, new_feeder, feed_cell):
    cell, direct = new_cell(), new_cell()
    rows = discharge()
    feed_cell(cell.name, one_object(topic))
    feeder = new_feeder()
    wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
    broker.publish(*((topic, one) for one in payloads(rows)))
    wait_for(lambda: recorded(aas, cell.name))
    direct.invoke("AppendSamples", Samples=as_csv(rows), PositiveCurrent="charge")
    (fed,), (expected,) = recorded(aas, cell.name), recorded(aas, direct.name)
    assert fed == expected and fed["Capacity"] > 1.5
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedSamplesTaken"] == len(rows) and one)
    assert (found["FeedStatus"], found["FeedError"], found["MessagesReceived"]) == ("receiving", None, len(rows))
    assert found["LastMessageAt"] and found["SamplesAt"] and found["MessagesWaiting"] == 0
    session = feeder._sessions["lab"]
    wait_for(lambda: session.unacknowledged == 0)
    text = feeder.metrics.text().decode()
    assert f'twin_feed_samples_total{{cell="{cell.name}",outcome="taken"}} {float(len(rows))}' in text
    assert 'twin_feed_connected{broker="lab"} 1.0' in text
    feeder.stop()
    again = new_feeder()
    time.sleep(1.5)
    assert again._fed[cell.name].received == 0  # all were acknowledged


def test_a_topic_a_quantity_at_qos_0_is_dated_on_arrival(new_cell, aas, broker, topic, new_feeder, feed_cell):
    cell = new_cell()
    names = {V: "Dc/0/Voltage", A: "Dc/0/Current"}
    feed_cell(cell.name, Feed("mqtt://lab", {n: Source(f"{topic}/{part}", "/value") for n, part in names.items()}, 0))
    feeder = new_feeder()
    wait_for(lambda: feeder._sessions["lab"].connected and feeder._routes)
    before = time.time()
    for voltage in (3.95, 3.94):
        values = zip(names.values(), (voltage, -2.0), strict=True)
        broker.publish(*((f"{topic}/{part}", json.dumps({"value": value})) for part, value in values), qos=0)
        time.sleep(0.5)
    wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 2)
    now = live(cell)
    assert (now["Voltage_measured"], now["Current_measured"], now["Clock"]) == (3.94, -2.0, "UTC")
    sampled = feeding.utc_text(before)[:16]
    assert now["SampleTime"][:16] >= sampled


def test_an_address_that_stands_only_in_the_aas_is_never_dialled(new_cell, aas, topic, new_feeder, feed_cell):
    cell, dialled = new_cell(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            listener.accept()
            dialled.set()
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    feed_cell(cell.name, one_object(topic, base=f"mqtt://127.0.0.1:{listener.getsockname()[1]}"))
    new_feeder()
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedStatus"] and one)
    assert found["FeedStatus"] == "notAllowed" and "none of the brokers that the feeder may dial" in found["FeedError"]
    time.sleep(1)
    assert not dialled.is_set()
    listener.close()


def test_changes_in_the_aas_are_followed(new_cell, aas, broker, topic, new_feeder, feed_cell):
    cell = new_cell()
    feeder = new_feeder()
    feed_cell(cell.name, one_object(topic))
    wait_for(lambda: feeder._routes)
    rows = payloads(discharge(points=4, rest=0))
    broker.publish((topic, rows[0]))
    wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 1)
    transfer.put_feed(aas, cell.name, dataclasses.replace(one_object(f"{topic}/new"), stale_after_s=5))
    wait_for(lambda: ("lab", f"{topic}/new") in feeder._routes)
    broker.publish((topic, rows[1]), (f"{topic}/new", rows[2]))
    wait_for(lambda: live(cell)["Voltage_measured"] == json.loads(rows[2])["U"])
    wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 2)
    broken = asset_interfaces.element(cell.name, one_object(f"{topic}/#"))
    aas.put_element(submodel_id(cell.name, asset_interfaces.ID_SHORT), asset_interfaces.INTERFACE, broken)
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedStatus"] == "error" and one)
    assert "is no single topic" in found["FeedError"]
    text = {"modelType": "Property", "idShort": "x", "valueType": "xs:string"}
    for content in ([text | {"idShort": "title"}], [text]):
        foreign = {"value": content}
        aas.put_element(submodel_id(cell.name, asset_interfaces.ID_SHORT), asset_interfaces.INTERFACE,
                        {"modelType": "SubmodelElementCollection", "idShort": "InterfaceMQTT", **foreign})  # fmt: skip
        wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "notAllowed")
    transfer.put_feed(aas, cell.name, one_object(topic))
    wait_for(lambda: ("lab", topic) in feeder._routes)
    transfer.remove_feed(aas, cell.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeding, "GONE_s", 0.5)
        wait_for(lambda: not feeder._routes and not feeder._fed)


def test_qos_1_is_not_acknowledged_while_the_delegate_is_away(
    new_cell, aas, broker, topic, new_feeder, feed_cell, settings
):
    port = free_port()
    cell = new_cell(delegate_url=f"http://127.0.0.1:{port}")
    feed_cell(cell.name, one_object(topic))
    feeder = new_feeder()
    wait_for(lambda: feeder._routes)
    rows = discharge(points=5, rest=0)
    broker.publish(*((topic, one) for one in payloads(rows)))
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedStatus"] == "twinAway" and one)
    assert found["FeedError"] and found["MessagesWaiting"] == 5 and found["FeedSamplesTaken"] == 0
    assert feeder._sessions["lab"].unacknowledged == 5
    delegate = serve(settings, port)
    try:
        wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 5)
        wait_for(lambda: feeder._sessions["lab"].unacknowledged == 0)
        assert live(cell)["Voltage_measured"] == rows[-1]["U"]
        assert state(aas, cell.name)["FeedStatus"] == "receiving"
    finally:
        delegate.stop()


@pytest.mark.parametrize("qos", [0, 1])
def test_a_feeder_that_is_killed_loses_nothing(new_cell, basyx, aas, broker, topic, feed_cell, settings, tmp_path, qos):
    port = free_port()
    cell, direct = new_cell(delegate_url=f"http://127.0.0.1:{port}"), new_cell()
    rows = discharge()
    feed_cell(cell.name, one_object(topic, qos))
    feeder = start_feeder(basyx.url, broker.port, tmp_path / "feed")
    wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
    sent = payloads(rows)
    broker.publish(*((topic, one) for one in sent[:15]), qos=qos)
    wait_for(lambda: 'outcome="kept"} 15.0' in requests.get(f"{feeder.url}/metrics", timeout=5).text)
    assert requests.get(f"{feeder.url}/health/ready", timeout=5).status_code == 200
    assert requests.get(f"{feeder.url}/metrics", timeout=5, headers={"Host": "evil.example"}).status_code == 403
    feeder.kill()
    if qos:  # the broker keeps them; of QoS 0 it does not
        broker.publish(*((topic, one) for one in sent[15:20]))
    delegate = serve(settings, port)
    again = start_feeder(basyx.url, broker.port, tmp_path / "feed")
    try:
        wait_for(lambda: requests.get(f"{again.url}/health/ready", timeout=5).status_code == 200)
        broker.publish(*((topic, one) for one in sent[20 if qos else 15 :]), qos=qos)
        wait_for(lambda: recorded(aas, cell.name))
        direct.invoke("AppendSamples", Samples=as_csv(rows), PositiveCurrent="charge")
        assert recorded(aas, cell.name) == recorded(aas, direct.name)
        assert 'outcome="not_later"' not in requests.get(f"{again.url}/metrics", timeout=5).text  # and nothing twice
        again.stop()
        assert again.process.returncode == 0
    finally:
        again.kill()
        delegate.stop()


def test_garbage_and_a_burst_are_told_and_stop_nothing(new_cell, aas, broker, topic, new_feeder, feed_cell):
    cell = new_cell()
    feed_cell(cell.name, one_object(topic))
    new_feeder()
    wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
    broker.publish((topic, b"\xff\xfe"), (topic, "{"), (topic, '{"U": 3.9, "I": -2, "t": "never"}'), (topic, b""))
    found = wait_for(lambda: (one := state(aas, cell.name))["MessagesUnusable"] == 4 and one)
    assert found["FeedStatus"] == "error" and found["FeedError"]
    rows = [row | {"t": START_s + 0.01 * index} for index, row in enumerate(discharge(points=1500, rest=0))]
    broker.publish(*((topic, one) for one in payloads(rows)))
    wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 1500, 60)
    assert state(aas, cell.name)["FeedStatus"] == "receiving"
    broker.publish((topic, payloads([rows[0]])[0]))  # a clock that jumped back
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedSamplesNotTaken"] == 1 and one)
    assert "not later" in found["FeedError"]
    wrong_unit = [{"t": START_s + 9000 + n, "U": 3900.0, "I": -2.0, "T": 24} for n in range(3)]
    good = {"t": START_s + 9010, "U": 3.8, "I": -2.0, "T": 24}
    broker.publish(*((topic, one) for one in payloads([*wrong_unit, good])))
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedSamplesNotTaken"] == 4 and one)
    assert found["FeedSamplesTaken"] == 1501 and "must be in V" in found["FeedError"]
    assert live(cell)["Voltage_measured"] == 3.8


def test_a_broker_that_goes_and_comes_is_told_and_met_again(new_cell, aas, broker, topic, new_feeder, feed_cell):
    cell = new_cell()
    feed_cell(cell.name, one_object(topic))
    new_feeder()
    wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
    broker.stop(kill=True)
    found = wait_for(lambda: (one := state(aas, cell.name))["FeedStatus"] == "brokerAway" and one)
    assert "lab" in found["FeedError"]
    broker.start()
    wait_for(lambda: state(aas, cell.name)["FeedStatus"] in ("waiting", "receiving"), 60)
    broker.publish((topic, payloads(discharge(points=2, rest=0))[0]))
    wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 1)


def test_a_broker_that_refuses_is_told(new_cell, aas, topic, new_feeder, feed_cell, tmp_path):
    cell = new_cell()
    feed_cell(cell.name, one_object(topic))
    guarded = Broker(tmp_path / "guarded", "twin")
    try:
        feeder = new_feeder(port=guarded.port, user="twin", password="wrong")
        found = wait_for(
            lambda: (one := state(aas, cell.name))["FeedStatus"] == "brokerAway" and one["FeedError"] and one
        )
        wait_for(lambda: "refuses the connection" in state(aas, cell.name)["FeedError"])
        assert "wrong" not in str(found)
        feeder.stop()
        new_feeder(port=guarded.port, user="twin", password="secret")
        wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
    finally:
        guarded.stop()


def test_a_broker_with_tls_is_believed_by_its_authority_alone(new_cell, aas, topic, new_feeder, feed_cell, tmp_path):
    cell, made = new_cell(), Certificates(tmp_path / "tls")
    feed_cell(cell.name, one_object(topic, base="mqtts://lab"))
    guarded = Broker(tmp_path / "guarded", "twin", made.lines)

    def told_with(text: str, host: str = "127.0.0.1", **more: Any) -> str:
        feeder = new_feeder(port=guarded.port, host=host, user="twin", tls=True, **more)
        try:
            found = wait_for(lambda: text in ((one := state(aas, cell.name))["FeedError"] or "") and one)
            assert found["FeedStatus"] == "brokerAway"
            return str(found["FeedError"])
        finally:
            feeder.stop()

    try:
        wrong = Certificates(tmp_path / "elsewhere", "stranger")
        assert "?ca=FILE" in told_with("is not trusted", password="secret", ca=str(wrong.ca))
        told_with("not valid for", password="secret", ca=str(made.ca), host="localhost")
        assert "guess" not in told_with("refuses the connection", password="guess", ca=str(made.ca))
        new_feeder(port=guarded.port, user="twin", password="secret", tls=True, ca=str(made.ca))
        wait_for(lambda: state(aas, cell.name)["FeedStatus"] == "waiting")
        guarded.publish((topic, payloads(discharge(points=2, rest=0))[0]), auth=("twin", "secret"), ca=made.ca)
        wait_for(lambda: state(aas, cell.name)["FeedSamplesTaken"] == 1)
    finally:
        guarded.stop()


def test_without_a_broker_the_feeder_says_what_to_set():
    done = run_script("-m", "operations.feed", TWIN_MQTT_BROKERS="")
    assert done.returncode == 2 and "set TWIN_MQTT_BROKERS" in done.stderr
    done = run_script("-m", "operations.feed", TWIN_MQTT_BROKERS="mqtt://u:secret@x/y")
    assert done.returncode == 2 and "entry 1" in done.stderr and "secret" not in done.stderr
