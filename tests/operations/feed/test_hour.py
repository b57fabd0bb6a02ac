"""An hour of a cell's life over MQTT with every service killed in between: nothing is lost, nothing comes twice."""

from __future__ import annotations

import time

import pytest

from aasx import transfer
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from aasx.packages.package import environment_of
from aasx.shell import build_fleet
from tests.broker import Broker, Publisher
from tests.conftest import wait_for
from tests.operations.conftest import Cell, put_records
from tests.operations.feed.conftest import START_s, as_csv, one_object, payloads, recorded, start_feeder, state
from tests.servers import free_port, start_basyx, start_delegate

MINUTE = 60
LEGS = ((6, 3.2, 3.4, 4.15), (1, 0.0, 4.1, 4.1), (8, -4.0, 4.0, 2.6))  # minutes, A, V from and to: four of them an hour


def hour() -> list[dict[str, float]]:
    """3,600 samples at 1 Hz."""
    rows: list[dict[str, float]] = []
    for minutes, current, first, last in LEGS * 4:
        for second in range(minutes * MINUTE):
            voltage = first + (last - first) * second / (minutes * MINUTE - 1)
            rows.append({"t": START_s + len(rows), "U": round(voltage, 4), "I": current, "T": 24.0})
    return rows


@pytest.mark.long
def test_an_hour_over_mqtt_with_services_killed_in_between_loses_nothing(basyx_jar, model_dir, tmp_path):
    ports = {name: free_port() for name in ("basyx", "delegate")}
    broker = Broker(tmp_path / "mosquitto", extra="max_queued_messages 0")
    delegate_url = f"http://127.0.0.1:{ports['delegate']}"
    running = {"basyx": start_basyx(tmp_path / "store", ports["basyx"], 300)}

    def start(name: str) -> None:
        if name == "basyx":
            running[name] = start_basyx(tmp_path / "store", ports[name], 300)
        elif name == "delegate":
            running[name] = start_delegate(running["basyx"].url, model_dir, tmp_path, ports[name])
        else:
            running[name] = start_feeder(running["basyx"].url, broker.port, tmp_path / "feed" / "spool")

    start("delegate")
    aas = AasClient(running["basyx"].url, timeout_s=30.0)
    environment = environment_of(build_fleet({}, delegate_url))
    for submodel in environment["submodels"]:
        aas.put_submodel(submodel)
    for shell in environment["assetAdministrationShells"]:
        aas.put_shell(shell)
    for name in ("Fed", "Direct"):
        put_records(aas, name, [], delegate_url)
    transfer.put_feed(aas, "Fed", one_object("cells/fed"))
    start("feeder")
    publisher, rows = Publisher(broker.port), hour()
    killed = {8: "feeder", 18: "delegate", 28: "basyx", 38: "broker", 48: "feeder", 50: "delegate"}
    try:
        wait_for(lambda: state(aas, "Fed")["FeedStatus"], 120)
        for minute in range(60):
            one = killed.get(minute)
            if one == "broker":
                time.sleep(3)  # it writes what it has acknowledged to its disk every second
                broker.stop(kill=True)
                broker.start()
            elif one:
                running[one].kill()
            publisher.send_all("cells/fed", payloads(rows[minute * MINUTE : (minute + 1) * MINUTE]))
            for earlier in (killed.get(minute - 3),):
                if earlier and earlier != "broker":
                    start(earlier)
        last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(rows[-1]["t"]))
        wait_for(lambda: aas.element_value(submodel_id("Fed", "OperationalData"), "LiveState.SampleTime") == last, 600)
        direct = Cell("Direct", aas, delegate_url)
        direct.invoke("AppendSamples", Samples=as_csv(rows), PositiveCurrent="charge")
        assert len(recorded(aas, "Fed")) == 3 and recorded(aas, "Fed") == recorded(aas, "Direct")
        for cell in ("Fed", "Direct"):
            Cell(cell, aas, delegate_url).invoke("AppendSamples", Samples=as_csv(rows[-1:]), EndOfData=True)
        assert len(recorded(aas, "Fed")) == 4 and recorded(aas, "Fed") == recorded(aas, "Direct")
        states = [aas.element_value(submodel_id(cell, "OperationalData"), "LiveState") for cell in ("Fed", "Direct")]
        for name in ("Voltage_measured", "StateOfCharge", "SampleTime", "id_cycle"):
            assert states[0][name] == states[1][name], name
    finally:
        publisher.close()
        for server in running.values():
            server.kill()
        broker.stop()
