"""scripts/replay.py: a real cell played into another one through the AAS."""

from __future__ import annotations

import pandas as pd
import pytest

from aasx import transfer
from aasx.client import AasClient
from aasx.identifiers import submodel_id
from model.records import data
from operations.cell import twin as mapping
from tests.broker import Broker
from tests.conftest import must_run, run_script
from tests.operations.feed.conftest import start_feeder


@pytest.fixture
def replayed(twin):
    name = "B0018_replay"
    yield name
    transfer.remove_cell(AasClient(twin.basyx_url), name)


def test_cycles_arrive_as_they_stand_in_the_tables_and_go_on_where_they_stopped(twin, replayed):
    options = ("B0018", "--speed", "0", "--basyx-url", twin.basyx_url)
    first = must_run("scripts/replay.py", *options, "--until", "4")
    assert f"created {replayed}" in first and f"{replayed}: cycle 4 of 4, SoH " in first
    must_run("scripts/replay.py", *options, "--until", "7")
    aas = AasClient(twin.basyx_url)
    records = aas.element_value(submodel_id(replayed, "OperationalData"), "Segments.InternalSegment.Records")
    expected = data.history("B0018").cycles.head(7).reset_index(drop=True)
    pd.testing.assert_frame_equal(mapping.cycle_table(records.values()), expected, check_dtype=False)
    details = aas.element_value(submodel_id(replayed, "Prediction"), "PredictionDetails")
    assert (details["InputLastCycle"], details["ModelKind"]) == (7, "crossFitted")
    curves = aas.attachment(submodel_id(replayed, "OperationalData"), "Segments.LatestCycle.Data").decode("utf-8")
    assert curves.startswith("id_cycle,type,Time") and "\n7,discharge," in curves
    assert "has all cycles up to 7 already" in must_run("scripts/replay.py", *options, "--until", "7")
    again = run_script("scripts/replay.py", *options, "--from", "30", "--until", "31")
    assert again.returncode == 2 and "ends at cycle 7; go on from 8" in again.stderr


@pytest.mark.parametrize("way", ["samples", "raw samples", "mqtt"])
def test_samples_alone_give_the_capacities_of_the_tables(twin, replayed, tmp_path, request, way):
    options = ["B0018", "--speed", "0", "--basyx-url", twin.basyx_url, "--until", "2", "--to", way.split()[-1]]
    env = {"TWIN_NASA_DIR": str(request.getfixturevalue("nasa_dir")) if way == "raw samples" else ""}
    told, tolerance = ("exact samples", 1e-3) if way == "raw samples" else ("thinned curves", 5e-3)
    if way == "mqtt":
        broker = Broker(tmp_path / "broker")
        feeder = start_feeder(twin.basyx_url, broker.port, tmp_path / "feed")
        env["TWIN_MQTT_BROKERS"] = f"lab=mqtt://127.0.0.1:{broker.port}"
    try:
        text = must_run("scripts/replay.py", *options, timeout_s=300, **env)
    finally:
        if way == "mqtt":
            feeder.stop()
            broker.stop()
    assert told in text and f"{replayed} has 2 cycles now" in text
    records = AasClient(twin.basyx_url).element_value(
        submodel_id(replayed, "OperationalData"), "Segments.InternalSegment.Records"
    )
    expected = data.history("B0018").cycles.head(2)["capacity_Ah"]
    assert [row["Capacity"] for row in records.values()] == pytest.approx(expected.tolist(), rel=tolerance)


@pytest.mark.lasting
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["B9999"], "B9999 is none of the cells"),
        (["B0005", "--into", "B0005"], "cannot be played into itself"),
        (["B0005", "--into", "no name"], "cannot name a cell"),
        (["B0005", "--speed", "-1"], "--speed must be 0 or more"),
        (["B0005", "--basyx-url", "http://127.0.0.1:9"], "nothing answers"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, told):
    done = run_script("scripts/replay.py", *arguments)
    assert done.returncode == 2
    assert told in done.stderr and "Traceback" not in done.stderr
