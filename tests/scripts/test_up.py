"""`up.py` as a user runs it: starts, tells, survives a dead service, stops, leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from aasx.client import AasClient
from aasx.identifiers import fleet_submodel_id, submodel_id
from tests.broker import Broker, mosquitto
from tests.conftest import must_run, run_script, wait_for
from tests.servers import ROOT, free_port

sys.path.insert(0, str(ROOT / "scripts"))
from installation.places import Places, SetupError
from starting import command
from starting import services as twin
from starting.services import choose_ports
from starting.start import FleetPackage, Model
from supervision import network, processes

PYTHONS = [Path("/usr/bin/python2"), *sorted((Path.home() / ".pyenv" / "versions").glob("[23].*/bin/python"))]
NEW_PYTHONS = [path for path in PYTHONS if re.search(r"/3\.1[1-9]", str(path))]
OLD_PYTHONS = [path for path in PYTHONS if path.exists() and path not in NEW_PYTHONS]


@pytest.fixture(scope="module")
def options(basyx_jar, model_dir, fleet_package, tmp_path_factory) -> list[str]:
    """Options of a twin of its own, with the trained model taken over."""
    state = tmp_path_factory.mktemp("up") / "état du jumeau"  # people have spaces and accents in their paths
    shutil.copytree(model_dir, state / "model")
    ports = [str(free_port()) for _ in range(3)]
    names = ("--basyx-port", "--delegate-port", "--hmi-port")
    return ["--state", str(state), *(part for pair in zip(names, ports, strict=True) for part in pair)]


TOKEN, STORE_PASSWORD, RECEIVER_PASSWORD = "token-of-this-test", "password-of-the-store", "password-of-bob"
BROKER_PASSWORD = "password-of-the-broker"
SECRETS = {
    "TWIN_TOKEN": TOKEN,
    "TWIN_STORE_PASSWORD": STORE_PASSWORD,
    "TWIN_NOTIFY": f"json://bob:{RECEIVER_PASSWORD}@127.0.0.1:9/alerts",  # where nobody answers
}


@pytest.fixture(scope="module")
def running(options, tmp_path_factory):
    """With a broker configured, where there is one."""
    broker = Broker(tmp_path_factory.mktemp("broker"), "twin", password=BROKER_PASSWORD) if mosquitto() else None
    env = {"TWIN_MQTT_BROKERS": f"lab=mqtt://twin:{BROKER_PASSWORD}@127.0.0.1:{broker.port}"} if broker else {}
    text = must_run("scripts/up.py", "--detach", "--no-demo", *options, timeout_s=400, **SECRETS, **env)
    yield text
    run_script("scripts/up.py", "--stop", *options, timeout_s=90)
    if broker:
        broker.stop()


def services(options: list[str]) -> dict[str, dict]:
    answer = run_script("scripts/up.py", "--status", "--json", *options)
    return {service["name"]: service for service in json.loads(answer.stdout)["services"]}


def test_says_what_it_did_and_where_all_is(running, options):
    assert "ready after" in running
    for name, service in services(options).items():
        assert name in running
        assert service["url"] in running
        assert service["healthy"] or name == twin.FEED, service


@pytest.mark.skipif(mosquitto() is None, reason="needs mosquitto")
def test_a_configured_broker_brings_the_feed_up_which_comes_back_when_it_is_killed(running, options):
    def feed() -> dict:
        return services(options)[twin.FEED]

    first = wait_for(lambda: (one := feed())["healthy"] and one, 60)
    os.kill(first["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
    again = wait_for(lambda: (one := feed())["healthy"] and one["pid"] not in (None, first["pid"]) and one, 60)
    assert "twin_feed_connected" in requests.get(f"{again['url']}/metrics", timeout=5).text


def test_the_cells_are_there_and_predict_answers(running, options):
    url = services(options)[twin.BASYX]["url"]
    table = must_run("scripts/predict.py", "--basyx-url", url)
    assert {"B0005", "B0006", "B0007", "B0018"} <= {line.split()[0] for line in table.splitlines()}
    past = must_run("scripts/predict.py", "B0005", "--at-cycle", "60", "--basyx-url", url)
    assert re.search(r"^B0005 +SoH +\d+\.\d % +RUL \d+ \(\d+ to \d+\) cycles$", past.strip())
    client = AasClient(url)
    fleet = client.element_value(fleet_submodel_id(), "Cells")
    assert all(cell["LastUpdate"] for cell in fleet.values())  # each was predicted when the twin came up
    details = client.element_value(submodel_id("B0005", "Prediction"), "PredictionDetails")
    assert details["ModelVersion"] and details["AtCycle"] == fleet["B0005"]["AtCycle"] != 60


def command_lines() -> str:
    """Of all processes of this machine."""
    texts = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            texts.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(texts)


def test_no_secret_is_told_anywhere(running, options):
    """Not in logs, in the status, in command lines, in figures, in errors."""
    state, found = Path(options[1]), services(options)
    secret = (state / "delegation.secret").read_text(encoding="ascii")
    assert (state / "delegation.secret").stat().st_mode & 0o077 == 0 or os.name == "nt"
    delegate, basyx = found[twin.DELEGATE]["url"], found[twin.BASYX]["url"]
    guess = {"Authorization": "Bearer guess", "X-Twin-Delegation": "guess"}
    errors = [
        requests.post(f"{delegate}/{path}", json=body, headers=headers, timeout=10)
        for path in ("api/cells/B0005/predict", "delegation/B0005/Predict", "api/cells/none/predict")
        for body in ({}, {"AtCycle": -1})
        for headers in (guess, {"Authorization": f"Bearer {TOKEN}", "X-Twin-Delegation": secret})
    ]
    errors += [requests.get(f"{basyx}{path}", timeout=10) for path in ("/actuator/env", "/actuator", "/nothing")]
    assert {401, 403, 422, 404} <= {answer.status_code for answer in errors}
    told = {
        "output": running,
        "status": run_script("scripts/up.py", "--status", "--json", *options).stdout,
        "processes": command_lines() if Path("/proc").is_dir() else "",
        "metrics": requests.get(f"{delegate}/metrics", timeout=10).text,
        "errors": "\n".join(f"{answer.headers}{answer.text}" for answer in errors),
        "run.json": (state / "run.json").read_text(encoding="utf-8"),
        **{file.name: file.read_text(encoding="utf-8", errors="replace") for file in (state / "logs").rglob("*.log")},
    }
    assert {"basyx.log", "delegate.log", "hmi.log"} <= set(told)
    assert "alerts are told" in told["delegate.log"]
    if mosquitto():
        feed = wait_for(lambda: (one := services(options)[twin.FEED])["healthy"] and one, 60)["url"]
        told["feed's figures"] = requests.get(f"{feed}/metrics", timeout=10).text
        told["feed's health"] = requests.get(f"{feed}/health/ready", timeout=10).text
        told["feed.log"] = (state / "logs" / "feed.log").read_text(encoding="utf-8", errors="replace")
        assert "connected" in told["feed.log"]
    for name, text in told.items():
        leaked = [word for word in (secret, TOKEN, STORE_PASSWORD, RECEIVER_PASSWORD, BROKER_PASSWORD) if word in text]
        assert leaked == [], name


def test_a_host_that_others_reach_is_warned_of():
    for host in ("127.0.0.1", "127.0.0.2", "::1", "localhost"):
        assert command.exposure(host) == ""
    for host in ("0.0.0.0", "::", "192.0.2.1", "twin.example"):
        told = command.exposure(host)
        assert host in told and "may read and write" in told and "SECURITY.md" in told


def test_wrong_names_and_a_dead_address_are_told_in_one_line(running, options):
    url = services(options)[twin.BASYX]["url"]
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
    assert services(options)[twin.HMI]["url"] in again.stdout


def test_a_killed_delegate_comes_back(running, options):
    before = services(options)[twin.DELEGATE]
    os.kill(before["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
    end = time.monotonic() + 60
    while True:
        after = services(options)[twin.DELEGATE]
        if after["healthy"] and after["pid"] not in (None, before["pid"]):
            break
        assert time.monotonic() < end, after
        time.sleep(0.5)
    log = Path(options[1]) / "logs" / "up.log"
    assert f"{twin.DELEGATE} died" in log.read_text(encoding="utf-8")


def test_what_is_noted_as_loaded_is_loaded_again_only_when_it_is_not_there(running, options, tmp_path):
    url = services(options)[twin.BASYX]["url"]
    package = Path(options[1]) / "aasx" / "fleet.aasx"
    client, lost = AasClient(url), submodel_id("B0005", "Nameplate")
    note = tmp_path / "loaded.json"
    note.write_text("{}", encoding="utf-8")  # as good as none
    load = ["scripts/load_twin.py", "--basyx-url", url, "--package", package, "--note", note]
    load += ["--delegate-url", services(options)[twin.DELEGATE]["url"]]
    assert "0 shells created" in must_run(*load)
    assert "are there" in must_run(*load)
    client.delete_submodel(lost)
    assert "0 shells created" in must_run(*load)
    assert client.has_submodel(lost)


def test_a_fleet_package_that_was_cut_does_not_fit(tmp_path, running, options):
    places = Places(Path(options[1]))
    package, model = FleetPackage(places), Model(places)
    assert package.is_there() and model.is_there()
    content = package.file.read_bytes()
    try:
        package.file.write_bytes(content[:1000])
        assert not package.is_there()
    finally:
        package.file.write_bytes(content)
    assert package.is_there()


def test_stop_ends_every_service_and_a_warm_start_keeps_the_store(running, options):
    pids = [service["pid"] for service in services(options).values()]
    assert "is stopped" in must_run("scripts/up.py", "--stop", *options, timeout_s=90)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert run_script("scripts/up.py", "--status", *options).returncode == 3
    assert (Path(options[1]) / "store" / "twin.db").is_file()
    log = Path(options[1]) / "logs" / "up.log"
    assert "hung and was killed" not in log.read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "LAN", "127.0.0.1,::1,LAN"])
def test_the_twin_listens_and_answers_at_any_address(options, host):
    """At the address that is asked for and, of wildcards, at those of the network, the HMI's web socket included."""
    names = [name for name in network.own_names() if re.fullmatch(r"[\d.]+|[\da-f:]+", name)]
    outside = [name for name in names if not network.is_loopback(name)]
    if "LAN" in host and not outside:
        pytest.skip("this machine has no address but its loopback")
    listens = host.replace("LAN", (outside or [""])[0])
    reached = [network.within_reach(one) for one in listens.split(",")]
    reached += [name for name in outside if listens in network.WILDCARDS and (":" in name) == (":" in listens)]
    must_run("scripts/up.py", "--detach", "--no-demo", *options, "--host", listens, timeout_s=400)
    try:
        running = services(options)
        assert all(service["healthy"] for service in running.values()), running
        ports = {name: int(service["url"].rpartition(":")[2]) for name, service in running.items()}
        for name in reached:
            for service, path in ((twin.BASYX, "/shells?limit=1"), (twin.DELEGATE, "/health/ready")):
                assert network.answers(network.url(name, ports[service]) + path), (service, name)
            url = network.url(name, ports[twin.HMI])
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Origin": url}
            upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
            with requests.get(f"{url}/_stcore/stream", headers=upgrade, stream=True, timeout=10) as answer:
                assert answer.status_code == 101, name
    finally:
        must_run("scripts/up.py", "--stop", *options, timeout_s=90)


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
        monkeypatch.setitem(twin.DEFAULT_PORTS, twin.DELEGATE, port)
        wanted = {twin.BASYX: free_port(), twin.HMI: free_port(), twin.DELEGATE: None}
        chosen = choose_ports(["127.0.0.1"], wanted)
    assert chosen[twin.DELEGATE] > port
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


def test_an_address_of_another_machine_is_refused_before_anything_is_set_up(tmp_path):
    answer = run_script("scripts/up.py", "--state", str(tmp_path), "--host", "203.0.113.7")  # RFC 5737: nobody's
    assert answer.returncode == 1
    assert "203.0.113.7 is no address of this machine" in answer.stderr
    with pytest.raises(SetupError, match="--host"):
        choose_ports(["no.such.host.invalid"], {twin.BASYX: None, twin.DELEGATE: None, twin.HMI: None})


@pytest.mark.parametrize(
    "host, told",
    [
        ("", "names no address"),
        ("127.0.0.1,,::1", "names no address"),
        ("http://127.0.0.1", "name the address alone"),
        ("127.0.0.1:8081", "name the address alone"),
        ("192.168.1.0/24", "name the address alone"),
        ("fe80::1%eth0", "name a global one"),
        ("0.0.0.0,::1", "name it alone"),
    ],
)
def test_what_is_no_list_of_addresses_is_refused_with_a_sentence(host, told):
    with pytest.raises(ValueError, match=told):
        network.addresses(host)


def test_addresses_come_in_a_list_with_commas():
    assert network.addresses("127.0.0.1, [::1],lab.example,127.0.0.1") == ("127.0.0.1", "::1", "lab.example")
    assert network.addresses("::") == ("::",)


@pytest.mark.parametrize(
    "name, bad",
    [
        ("TWIN_RATE_LIMIT", "abc"),
        ("TWIN_RATE_LIMIT", "100"),
        ("TWIN_MAX_BODY_BYTES", "-1"),
        ("TWIN_AAS_TIMEOUT", "nan"),
        ("TWIN_OPERATION_TIMEOUT", "0"),
        ("TWIN_DELEGATION_FROM", "10.0.0.0/99"),
        ("TWIN_BASYX_URL", "127.0.0.1:8081"),
        ("TWIN_BASE_IRI", "not an iri"),
    ],
)
def test_a_setting_that_cannot_work_is_named_before_anything_is_set_up(tmp_path, name, bad):
    answer = run_script("scripts/up.py", "--state", str(tmp_path / "state"), **{name: bad})
    assert answer.returncode == 1
    assert name in answer.stderr and len(answer.stderr.splitlines()) == 1
    assert not (tmp_path / "state").exists()


def test_a_state_folder_that_is_none_is_told_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    for state in (tmp_path / "file", tmp_path / "file" / "below"):
        for option in ([], ["--detach"], ["--status"], ["--stop"]):
            answer = run_script("scripts/up.py", *option, "--state", str(state))
            assert "Traceback" not in answer.stderr
            if option in ([], ["--detach"]):
                assert answer.returncode == 1
                assert "--state DIR" in answer.stderr and len(answer.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_failure(tmp_path):
    """As in `up.py --status | grep -q`: the pipe is closed before anything is written."""
    program = [sys.executable, "scripts/up.py", "--status", "--state", str(tmp_path)]
    status = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert status.stdout and status.stderr
    status.stdout.close()
    assert status.stderr.read() == ""
    status.wait(30)


def test_the_command_that_stops_can_be_typed_as_it_is_printed(tmp_path, monkeypatch):
    state = tmp_path / "it's a state; $HOME"
    printed = command.stop_command(state)
    assert shlex.split(printed)[-2:] == ["--state", str(state)]
    monkeypatch.chdir(ROOT)
    assert command.stop_command(ROOT / ".twin").endswith(" scripts/up.py --stop")
    monkeypatch.chdir(tmp_path)
    script = shlex.split(command.stop_command(ROOT / ".twin"))[1]
    assert Path(script).is_absolute() and Path(script).exists()


@pytest.mark.parametrize("name", ["up", "test"])
def test_an_old_python_is_told_so_in_a_sentence(name):
    if not OLD_PYTHONS:
        pytest.skip("no Python older than 3.11 here")
    for python in OLD_PYTHONS:
        answer = subprocess.run([python, f"scripts/{name}.py"], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert answer.returncode == 1
        assert "needs 3.11 or newer" in answer.stderr.replace("need ", "needs ")
        assert "Traceback" not in answer.stderr and "SyntaxError" not in answer.stderr


@pytest.mark.parametrize("name", ["up", "test"])
def test_any_newer_python_runs_it_before_a_package_is_installed(name, tmp_path):
    if not NEW_PYTHONS:
        pytest.skip("no other Python >= 3.11 here")
    for python in NEW_PYTHONS:
        alone = [str(python), "-E", "-s", "-W", "error", f"scripts/{name}.py"]  # today's warning is tomorrow's error
        wanted = ["--status", "--state", str(tmp_path)] if name == "up" else ["--help"]
        answer = subprocess.run([*alone, *wanted], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert answer.returncode == (3 if name == "up" else 0), answer.stderr
        assert answer.stderr == "", python


def test_told_to_stop_while_it_is_set_up_it_stops_at_once_and_leaves_nothing(tmp_path):
    """A step that takes for ever stands for pip or Maven."""
    ports = ["--basyx-port", str(free_port()), "--hmi-port", str(free_port())]
    pid_file = tmp_path / "pid"
    endless = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid()) + '.'); time.sleep(600)"
    program = (
        f"import sys; sys.path[:0] = [{str(ROOT / 'scripts')!r}]\n"
        "from installation import packages\n"
        "from starting import command\n"
        f"packages.ensure = lambda steps, *_, **__: steps.run('Long', [sys.executable, '-c', {endless!r}], '')\n"
        f"sys.argv[1:] = ['--state', {str(tmp_path / 'state')!r}, *{ports!r}]\n"
        "raise SystemExit(command.main())\n"
    )
    for how in ("stop", signal.SIGTERM, signal.SIGINT):
        starting = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not (pid_file.exists() and pid_file.read_text().endswith(".")):
            assert time.monotonic() < end and starting.poll() is None
            time.sleep(0.1)
        pid = int(pid_file.read_text()[:-1])
        pid_file.unlink()
        if isinstance(how, str):
            assert "is stopped" in must_run("scripts/up.py", "--stop", "--state", tmp_path / "state", timeout_s=30)
        else:
            starting.send_signal(how)
        assert starting.wait(30) == 0
        assert not processes.identity(pid)
        assert not (tmp_path / "state" / "run.json").exists()
