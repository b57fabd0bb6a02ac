"""The supervisor with real processes: order, hang, death, silence, a full disk, a supervisor that was killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port

sys.path.insert(0, str(ROOT / "scripts"))
from supervision import network, processes, record, service, supervisor
from supervision.record import Run, RunningService, StopRequest
from supervision.service import Service, ServiceError
from supervision.supervisor import Supervisor

SERVER = """
import http.server, os, signal, subprocess, sys, time
port, behaviour = int(sys.argv[1]), sys.argv[2]
if behaviour == "dies":
    sys.exit("no licence for this port")
if behaviour == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if behaviour == "parent":
    print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.path.exists(sys.argv[3] + ".deaf"):
            time.sleep(600)
        self.send_response(503 if os.path.exists(sys.argv[3] + ".unready") else 200); self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def made(folder: Path, name: str, behaviour: str = "serves") -> Service:
    program = folder / "server.py"
    program.write_text(SERVER, encoding="utf-8")
    port = free_port()
    command = [sys.executable, str(program), str(port), behaviour, f"{folder}/{name}"]
    return Service(name, f"http://127.0.0.1:{port}", "/", command, folder / f"{name}.log")


def alive(pid: int) -> bool:
    return processes.identity(pid) != ""


def wait_for(condition, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


@contextmanager
def watched(folder: Path, said: list[str], *services: Service) -> Iterator[Supervisor]:
    """Services that are up, under a supervisor that watches."""
    stop = StopRequest(folder)
    one = Supervisor(folder, stop, said.append)
    one.manage(list(services))
    for each in services:
        one.start(each)
        if each.listens:
            one.wait_until_healthy(each, 20)
    watcher = threading.Thread(target=one.watch)
    watcher.start()
    try:
        yield one
    finally:
        stop.ask()
        watcher.join()
        one.stop()


@pytest.fixture
def impatient(monkeypatch):
    for name, seconds in {
        "PROBE_EVERY_S": 0.1,
        "PROBE_TIMEOUT_S": 0.5,
        "HUNG_AFTER_S": 1.0,
        "HUNG_GRACE_S": 0.5,
        "FIRST_BACK_OFF_S": 0.1,
        "TOLD_UNREADY_AFTER_S": 0.3,
    }.items():
        monkeypatch.setattr(supervisor, name, seconds)


def test_stops_in_reverse_order_and_kills_what_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "GRACE_S", 1.0)
    said: list[str] = []
    services = [made(tmp_path, "first"), made(tmp_path, "second", "hangs"), made(tmp_path, "third")]
    with watched(tmp_path, said, *services):
        pids = [one.pid for one in services if one.pid]
    assert said == ["third stopped", "second hung and was killed", "first stopped"]
    assert len(pids) == 3 and not any(alive(pid) for pid in pids)


def test_a_worker_that_does_not_listen_may_end_by_itself(tmp_path, impatient):
    said: list[str] = []
    log = tmp_path / "worker.log"
    worker = Service("worker", "", "", [sys.executable, "-c", "print('began'); print('nothing left to do')"], log)
    with watched(tmp_path, said, worker) as one:
        wait_for(lambda: worker.ended)
        wait_for(lambda: bool(said))
        assert said == ["worker has ended: nothing left to do"]
        (run,) = [Run.read(tmp_path)]
        assert run is not None and record.is_well(run.services[0])
        assert record.says(run.services[0]) == "nothing left to do"
        assert one.services == [worker] and worker.process is None
    assert len(said) == 1


def test_a_worker_that_fails_is_started_again(tmp_path, impatient):
    said: list[str] = []
    log = tmp_path / "worker.log"
    mark = f"{log}.2"
    code = f"import os, sys; again = os.path.exists({mark!r}); open({mark!r}, 'w'); sys.exit(3 - 3 * again)"
    with watched(tmp_path, said, Service("worker", "", "", [sys.executable, "-c", code], log)) as one:
        wait_for(lambda: one.services[0].ended)
        wait_for(lambda: any("has ended" in line for line in said))
    assert "worker died (exit code 3)" in said[0] and "worker started again" in said[1]


def test_what_a_service_started_ends_with_it(tmp_path):
    one = made(tmp_path, "family", "parent")
    with watched(tmp_path, [], one):
        child = int(one.log.read_text(encoding="utf-8"))
        assert alive(child)
    wait_for(lambda: not alive(child))


def test_a_service_that_does_not_start_is_told_with_its_log(tmp_path):
    one = made(tmp_path, "broken", "dies")
    one.start()
    with pytest.raises(ServiceError, match=r"(?s)broken ended at its start \(exit code 1\).*no licence for this port"):
        one.wait_until_healthy(20, lambda: False)


def test_a_service_that_dies_is_started_again(tmp_path, impatient):
    said: list[str] = []
    one = made(tmp_path, "mortal")
    with watched(tmp_path, said, one) as watch:
        assert one.process
        first = one.process.pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: any("started again" in line for line in said))
        wait_for(lambda: network.answers(one.url))
        assert one.pid != first
        assert watch.back_off_s["mortal"] == 0.2  # the next time it waits longer
        run = Run.read(tmp_path)
        assert run and run.services[0].pid == one.pid
    assert not (tmp_path / "run.json").exists()


@pytest.mark.lasting
def test_a_frozen_service_is_ended_and_started_again(tmp_path, impatient):
    said: list[str] = []
    one, other = made(tmp_path, "frozen"), made(tmp_path, "other")
    with watched(tmp_path, said, one, other):
        first, neighbour = one.pid, other.pid
        assert first
        os.kill(first, signal.SIGSTOP)
        wait_for(lambda: any("frozen has not answered for" in line for line in said))
        wait_for(lambda: network.answers(one.url))
        assert one.pid != first and not alive(first)
        assert other.pid == neighbour


@pytest.mark.lasting
def test_a_deaf_service_is_ended_and_started_again(tmp_path, impatient):
    """It takes connections, but answers none."""
    said: list[str] = []
    one = made(tmp_path, "deaf")
    with watched(tmp_path, said, one):
        first = one.pid
        (tmp_path / "deaf.deaf").touch()
        wait_for(lambda: any("deaf has not answered for" in line for line in said))
        (tmp_path / "deaf.deaf").unlink()
        wait_for(lambda: one.pid not in (None, first) and network.answers(one.url))


@pytest.mark.lasting
def test_a_service_that_waits_for_a_neighbour_is_told_but_left_alone(tmp_path, impatient):
    said: list[str] = []
    one = made(tmp_path, "patient")
    with watched(tmp_path, said, one):
        first = one.pid
        (tmp_path / "patient.unready").touch()
        wait_for(lambda: any("patient has not been healthy" in line for line in said))
        time.sleep(2 * supervisor.HUNG_AFTER_S)
        (tmp_path / "patient.unready").unlink()
        wait_for(lambda: "patient is healthy again" in said)
        assert one.pid == first
    assert len(said) == 3  # each once, and that it stopped


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_on_a_full_disk_a_service_that_dies_takes_nobody_with_it(tmp_path, impatient):
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        raise OSError(28, "No space left on device")

    one, other = made(tmp_path, "mortal"), made(tmp_path, "other")
    with watched(tmp_path, said, one, other) as watch:
        watch._say = say
        (tmp_path / "run.json.part").symlink_to("/dev/full")  # every write fails with ENOSPC
        first, neighbour = one.pid, other.pid
        assert first
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: one.pid not in (None, first) and network.answers(one.url))
        assert other.pid == neighbour and network.answers(other.url)
    assert sum("run.json cannot be written" in line for line in said) == 1


def test_a_service_whose_start_fails_is_tried_again(tmp_path, impatient):
    said: list[str] = []
    one = made(tmp_path, "homeless")
    with watched(tmp_path, said, one):
        first = one.pid
        assert first
        program, one.command[0] = one.command[0], str(tmp_path / "no such program")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: any("tried again" in line for line in said))
        one.command[0] = program
        wait_for(lambda: one.pid not in (None, first) and network.answers(one.url))


def orphan(folder: Path, one: Service) -> int:
    """Started by a process that is gone at once, and without its death signal: as on an OS that has none."""
    starter = f"import subprocess; print(subprocess.Popen({one.command!r}, stdout=-3, start_new_session=True).pid)"
    pid = int(subprocess.run([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, timeout=30).stdout)
    wait_for(lambda: network.answers(one.url))
    return pid


@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_killed_supervisor_leaves_is_ended_by_the_next_one(tmp_path, frozen):
    one = made(tmp_path, "orphan")
    pid = orphan(tmp_path, one)
    if frozen:
        os.kill(pid, signal.SIGSTOP)
    entry = RunningService("orphan", one.url, one.url, "", pid, processes.identity(pid))
    Run(1, True, (entry,)).write(tmp_path)
    lock = record.Lock(tmp_path / "lock")
    assert lock.acquire()  # as the next supervisor does before it looks for left-overs
    said: list[str] = []
    assert record.end_leftovers(tmp_path, said.append, grace_s=1.0)
    lock.release()
    assert not alive(pid)
    assert not network.answers(one.url)
    port = int(one.url.rpartition(":")[2])
    wait_for(lambda: network.port_is_free("127.0.0.1", port))  # another program may call from that number for a moment
    assert len(said) == 1 and "orphan" in said[0]
    assert not (tmp_path / "run.json").exists()


def test_a_number_that_another_process_got_since_is_left_alone(tmp_path):
    """A stale run.json names the pid of an innocent process, whose command line even holds the port."""
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "5000"])
    try:
        entry = RunningService("Operation delegate", "", "", "", innocent.pid, "1 since boot of another time")
        Run(1, True, (entry,)).write(tmp_path)
        (tmp_path / "lock").touch()
        assert not record.stop_running(tmp_path, print)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"pid": 1, "ready": true, "services": [{}]}', "\x00"])
def test_a_damaged_record_tells_nothing_and_breaks_nothing(tmp_path, content):
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    assert Run.read(tmp_path) is None
    lock = record.Lock(tmp_path / "lock")
    assert lock.acquire()
    assert record.status(tmp_path) == {"running": True, "ready": False, "pid": None, "services": []}
    assert not record.end_leftovers(tmp_path, print)
    lock.release()


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_services_end_when_the_supervisor_is_killed(tmp_path):
    one = made(tmp_path, "child")
    program = (
        f"import sys, time; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        f"from pathlib import Path; from supervision.service import Service\n"
        f"one = Service('child', {one.url!r}, '/', {one.command!r}, Path({str(one.log)!r}))\n"
        "one.start(); print(one.process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        pid = int(killed.stdout.readline())
        wait_for(lambda: network.answers(one.url))
        killed.kill()
    wait_for(lambda: not alive(pid))


def test_the_lock_knows_the_living_from_the_dead(tmp_path):
    lock = record.Lock(tmp_path / "lock")
    assert lock.acquire()
    assert record.is_running(tmp_path)
    lock.release()
    assert not record.is_running(tmp_path)


def test_asking_for_the_status_makes_no_folder(tmp_path):
    assert not record.status(tmp_path / "nowhere")["running"]
    assert not record.stop_running(tmp_path / "nowhere", print)
    assert not (tmp_path / "nowhere").exists()


def test_this_machine_is_never_asked_through_a_proxy(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")  # nobody listens there
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.delenv("NO_PROXY", raising=False)
    one = made(tmp_path, "direct")
    one.start()
    try:
        one.wait_until_healthy(20, lambda: False)
    finally:
        one.stop()
    names = network.without_proxy(("192.168.1.5",))["no_proxy"].split(",")
    assert names == ["example.org", "127.0.0.1", "localhost", "::1", "192.168.1.5"]


@pytest.mark.parametrize(
    "host, url",
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("192.168.1.5", "http://192.168.1.5:80"),
        ("::", "http://[::1]:80"),
        ("fe80::1", "http://[fe80::1]:80"),
        ("twin.example", "http://twin.example:80"),
    ],
)
def test_a_service_is_watched_where_it_listens(host, url):
    assert network.url(host, 80) == url


def test_services_are_told_the_names_they_are_asked_under(monkeypatch):
    from starting.services import known_names

    monkeypatch.setenv("TWIN_HTTP_NAMES", "twin.example")
    assert known_names(["192.168.1.5"]) == {"TWIN_HTTP_NAMES": "twin.example"}
    assert known_names(["127.0.0.1", "lab.example"]) == {"TWIN_HTTP_NAMES": "twin.example,lab.example"}
    told = known_names(["0.0.0.0"])["TWIN_HTTP_NAMES"].split(",")
    assert told[0] == "twin.example" and socket.gethostname() in told
    assert not [name for name in told if network.is_address(name)]


def test_a_port_is_looked_for_at_the_address_that_is_meant():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not network.port_is_free("127.0.0.1", port)
        if sys.platform == "linux":  # all of 127.0.0.0/8 is this machine
            assert network.port_is_free("127.0.0.2", port)
    for host in ("203.0.113.7", "no.such.host.invalid"):  # TEST-NET-3 (RFC 5737): nobody's
        with pytest.raises(ValueError, match="no address"):
            network.port_is_free(host, 80)


def test_what_is_no_http_is_no_answer():
    with socket.create_server(("127.0.0.1", 0)) as nonsense:

        def speak() -> None:
            connection, _ = nonsense.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 smtp ready\r\n")

        threading.Thread(target=speak, daemon=True).start()
        assert network.ask(f"http://127.0.0.1:{nonsense.getsockname()[1]}/") is None
