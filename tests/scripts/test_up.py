"""`up.py` as a user runs it: starts, tells, survives a dead service, stops, leaves nothing."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id, submodel_id
from tests.conftest import must_run, run_script
from tests.servers import ROOT, free_port

sys.path.insert(0, str(ROOT / "scripts"))
import installation
import up


@pytest.fixture(scope="module")
def options(basyx_jar, model_dir, fleet_package, tmp_path_factory) -> list[str]:
    """Options of a twin of its own, with the trained model taken over."""
    state = tmp_path_factory.mktemp("up") / "état du jumeau"  # people have spaces and accents in their paths
    shutil.copytree(model_dir, state / "model")
    ports = [str(free_port()) for _ in range(3)]
    names = ("--basyx-port", "--delegate-port", "--hmi-port")
    return ["--state", str(state), *(part for pair in zip(names, ports, strict=True) for part in pair)]


@pytest.fixture(scope="module")
def running(options):
    text = must_run("scripts/up.py", "--detach", *options, timeout_s=400)
    yield text
    run_script("scripts/up.py", "--stop", *options, timeout_s=90)


def services(options: list[str]) -> dict[str, dict]:
    answer = run_script("scripts/up.py", "--status", "--json", *options)
    return {service["name"]: service for service in json.loads(answer.stdout)["services"]}


def test_says_what_it_did_and_where_all_is(running, options):
    assert "ready after" in running
    for name, service in services(options).items():
        assert name in running
        assert service["url"] in running
        assert service["healthy"], service


def test_the_cells_are_there_and_predict_answers(running, options):
    url = services(options)[up.BASYX]["url"]
    table = must_run("scripts/predict.py", "--basyx-url", url)
    assert {"B0005", "B0006", "B0007", "B0018"} <= {line.split()[0] for line in table.splitlines()}
    past = must_run("scripts/predict.py", "B0005", "--at-cycle", "60", "--basyx-url", url)
    assert re.search(r"^B0005 +SoH +\d+\.\d % +RUL \d+ \(\d+ to \d+\) cycles$", past.strip())
    client = AasClient(url)
    fleet = client.element_value(fleet_submodel_id(), "Cells")
    assert all(cell["LastUpdate"] for cell in fleet.values())  # each was predicted when the twin came up
    details = client.element_value(submodel_id("B0005", "Prediction"), "PredictionDetails")
    assert details["ModelVersion"] and details["AtCycle"] == fleet["B0005"]["AtCycle"] != 60


def test_wrong_names_and_a_dead_address_are_told_in_one_line(running, options):
    url = services(options)[up.BASYX]["url"]
    for arguments in (["B0999"], ["../B0005"], ["B0005", "--at-cycle", "100000"]):
        answer = run_script("scripts/predict.py", *arguments, "--basyx-url", url)
        assert answer.returncode == 2, arguments
        assert len(answer.stderr.splitlines()) == 1
    answer = run_script("scripts/predict.py", "--basyx-url", f"http://127.0.0.1:{free_port()}")
    assert answer.returncode == 2
    assert "TWIN_BASYX_URL" in answer.stderr


def test_a_second_start_tells_that_and_where_it_runs(running, options):
    again = run_script("scripts/up.py", *options)
    assert again.returncode == 1
    assert "runs already" in again.stdout
    assert services(options)[up.HMI]["url"] in again.stdout


def test_a_killed_delegate_comes_back(running, options):
    before = services(options)[up.DELEGATE]
    os.kill(before["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
    end = time.monotonic() + 60
    while True:
        after = services(options)[up.DELEGATE]
        if after["healthy"] and after["pid"] not in (None, before["pid"]):
            break
        assert time.monotonic() < end, after
        time.sleep(0.5)
    log = Path(options[1]) / "logs" / "up.log"
    assert f"{up.DELEGATE} died" in log.read_text(encoding="utf-8")


def test_stop_ends_every_service_and_a_warm_start_keeps_the_store(running, options):
    pids = [service["pid"] for service in services(options).values()]
    assert "is stopped" in must_run("scripts/up.py", "--stop", *options, timeout_s=90)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert run_script("scripts/up.py", "--status", *options).returncode == 3
    assert any((Path(options[1]) / "store").rglob("*.json"))


def test_a_busy_port_is_named_with_its_option(options):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run_script("scripts/up.py", *options, "--hmi-port", str(port))
    assert answer.returncode == 1
    assert f"Port {port}" in answer.stderr
    assert "--hmi-port" in answer.stderr


def test_the_delegates_default_port_moves_on_when_it_is_taken(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setitem(up.DEFAULT_PORTS, up.DELEGATE, port)
        ports = {"basyx_port": free_port(), "hmi_port": free_port(), "delegate_port": None}
        chosen = up.choose_ports(argparse.Namespace(host="127.0.0.1", **ports))
    assert chosen[up.DELEGATE] > port
    assert f"port {port} is taken" in capsys.readouterr().out


@pytest.mark.parametrize("bad", [["--hmi-port", "0"], ["--hmi-port", "http"], ["--json"], ["--yes"], ["--unknown"]])
def test_bad_options_are_refused(bad):
    answer = run_script("scripts/up.py", *bad)
    assert answer.returncode == 2
    assert "error:" in answer.stderr


def test_fresh_does_not_delete_without_an_answer(tmp_path):
    (tmp_path / "store").mkdir()
    answer = run_script("scripts/up.py", "--fresh", "--state", str(tmp_path))
    assert answer.returncode == 1
    assert "--yes" in answer.stderr
    assert (tmp_path / "store").exists()


def test_without_a_jdk_the_install_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    steps = installation.Steps(tmp_path / "setup.log")
    with pytest.raises(installation.SetupError, match=r"No JDK >= 17.*(apt|brew|winget) install"):
        installation.find_java(steps, install=False)


def test_a_maven_archive_with_a_wrong_hash_is_refused(tmp_path, monkeypatch):
    version = installation.MAVEN_VERSION
    folder = tmp_path / "org" / "apache" / "maven" / "apache-maven" / version
    folder.mkdir(parents=True)
    (folder / f"apache-maven-{version}-bin.zip").write_bytes(b"not Maven")
    monkeypatch.setenv("MVNW_REPOURL", tmp_path.as_uri())
    monkeypatch.setattr(installation.shutil, "which", lambda name: None)
    monkeypatch.setattr(installation, "VENV", tmp_path)
    with pytest.raises(installation.SetupError, match="SHA-512"):
        installation.find_maven(installation.Steps(tmp_path / "setup.log"))
    assert not (tmp_path / "maven.zip").exists()
