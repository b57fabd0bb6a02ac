"""Which brokers the feeder may dial, and how they are told."""

from __future__ import annotations

import pytest

from operations.feed import brokers
from operations.feed.brokers import Broker, allowed, read
from tests.broker import Certificates

LAB = Broker("lab", "broker.example", 8883, True, "twin", "s:e/c")
SITE = Broker("192.168.1.20", "192.168.1.20", 1883)


@pytest.fixture(autouse=True)
def no_brokers(monkeypatch):
    for name in ("TWIN_MQTT_BROKERS", "TWIN_MQTT_BROKERS_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_several_come_from_the_environment_and_a_file(monkeypatch, tmp_path):
    assert brokers.from_environment() == ()
    listed = tmp_path / "brokers"
    listed.write_text("# of the lab\n\nlab=mqtts://twin:s%3Ae%2Fc@broker.example\n", encoding="utf-8")
    monkeypatch.setenv("TWIN_MQTT_BROKERS", "mqtt://192.168.1.20")
    monkeypatch.setenv("TWIN_MQTT_BROKERS_FILE", str(listed))
    assert brokers.from_environment() == (SITE, LAB)
    assert "s:e/c" not in repr(LAB) and LAB.address == "mqtts://broker.example:8883"


def test_tls_takes_files(tmp_path):
    made = Certificates(tmp_path)
    found = read(f"mqtts://b.example?ca={made.ca}&cert={made.cert}&key={made.key}")
    assert (found.ca, found.cert, found.key) == (str(made.ca), str(made.cert), str(made.key))
    (tmp_path / "text").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="text holds no certificate in PEM form"):
        read(f"mqtts://b.example?ca={tmp_path}/text")
    with pytest.raises(ValueError, match="are no certificate and key"):
        read(f"mqtts://b.example?cert={made.cert}&key={made.ca}")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("http://x", "is no broker"),
        ("lab", "is no broker"),
        ("lab=", "is no broker"),
        ("mqtt://", "is no broker"),
        ("mqtt://x:99999", "is no broker"),
        ("mqtt://x:0", "is no broker"),
        ("mqtt://x/topic", "is no broker"),
        ("mqtt://[::1", "is no broker"),
        ("mqtt://x?ca=/etc/hosts", "go with mqtts"),
        ("mqtts://x?ca=/nowhere", "there is no file /nowhere"),
        ("mqtts://x?insecure=1", "is none of ca, cert, key"),
        ("mqtts://x?cert=/etc/hosts", "cert and key go together"),
        ("mqtts://x?ca=/etc/hosts", "holds no certificate"),
        ("a b=mqtt://x", "cannot name a broker"),
    ],
)
def test_a_wrong_entry_is_told_without_its_password(monkeypatch, entry, told):
    with pytest.raises(ValueError, match=told):
        read(entry)
    monkeypatch.setenv("TWIN_MQTT_BROKERS", "mqtt://user:hidden@x/topic")
    with pytest.raises(ValueError, match="TWIN_MQTT_BROKERS, entry 1") as caught:
        brokers.from_environment()
    assert "hidden" not in str(caught.value)


def test_two_of_one_name_are_refused(monkeypatch):
    monkeypatch.setenv("TWIN_MQTT_BROKERS", "mqtt://x:1 mqtt://x:2")
    with pytest.raises(ValueError, match="two brokers are called x"):
        brokers.from_environment()


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("mqtt://lab", LAB),
        ("mqtts://broker.example", LAB),
        ("mqtts://broker.example:8883/", LAB),
        ("mqtt://192.168.1.20:1883", SITE),
        ("mqtt://broker.example", None),  # without TLS it is another one
        ("mqtt://other.example", None),
        ("mqtt://lab:1883", None),
        ("mqtt://lab.evil.example", None),
        ("http://broker.example:8883", None),
        ("", None),
        ("mqtt://[", None),
        ("mqtt://x:abc", None),
    ],
)
def test_what_stands_in_the_aas_is_dialled_only_where_it_is_configured(base, expected):
    assert allowed(base, (SITE, LAB)) == expected
