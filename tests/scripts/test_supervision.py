"""The supervisor with real processes: order, hang, death, a supervisor that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port

sys.path.insert(0, str(ROOT / "scripts"))
import supervision
from supervision import Service, ServiceError, Supervisor

SERVER = """
import http.server, signal, sys
port, behaviour = int(sys.argv[1]), sys.argv[2]
if behaviour == "dies":
    sys.exit("no licence for this port")
if behaviour == "hangs":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def service(folder: Path, name: str, behaviour: str = "serves") -> Service:
    program = folder / "server.py"
    program.write_text(SERVER, encoding="utf-8")
    port = free_port()
    command = [sys.executable, str(program), str(port), behaviour, f"{folder}/{name}"]
    return Service(name, f"http://127.0.0.1:{port}", "/", command, folder / f"{name}.log")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "defunct" not in supervision.command_line(pid)


def wait_for(condition, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def test_stops_in_reverse_order_and_kills_what_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "GRACE_S", 1.0)
    said: list[str] = []
    services = [service(tmp_path, "first"), service(tmp_path, "second", "hangs"), service(tmp_path, "third")]
    supervisor = Supervisor(tmp_path, services, said.append)
    for one in services:
        one.start()
        one.wait_until_healthy(20, supervisor.stopping)
    pids = [one.process.pid for one in services if one.process]
    supervisor.stop()
    assert said == ["third stopped", "second hung and was killed", "first stopped"]
    assert not any(alive(pid) for pid in pids)


def test_a_service_that_does_not_start_is_told_with_its_log(tmp_path):
    one = service(tmp_path, "broken", "dies")
    one.start()
    with pytest.raises(ServiceError, match=r"(?s)broken ended at its start \(exit code 1\).*no licence for this port"):
        one.wait_until_healthy(20, lambda: False)


def test_a_service_that_dies_is_started_again(tmp_path):
    said: list[str] = []
    one = service(tmp_path, "mortal")
    one.back_off_s = 0.1
    supervisor = Supervisor(tmp_path, [one], said.append)
    one.start()
    one.wait_until_healthy(20, supervisor.stopping)
    assert one.process
    first = one.process.pid
    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    try:
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: any("started again" in line for line in said))
        wait_for(lambda: supervision.answers(one.url))
        assert one.process.pid != first
        assert one.back_off_s == 0.2  # the next time it waits longer
        run = supervision.read_run(tmp_path)
        assert run and run["services"]["mortal"]["pid"] == one.process.pid
    finally:
        supervisor.ask_to_stop()
        watcher.join()
        supervisor.stop()
    assert not (tmp_path / "run.json").exists()


def test_what_a_killed_supervisor_leaves_is_ended(tmp_path):
    one = service(tmp_path, "orphan")
    # started by a process that is gone at once, and without its death signal: as on an OS that has none
    starter = f"import subprocess; print(subprocess.Popen({one.command!r}, stdout=-3, start_new_session=True).pid)"
    pid = int(subprocess.run([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, timeout=30).stdout)
    wait_for(lambda: supervision.answers(one.url))
    entry = {"url": one.url, "health": one.url, "pid": pid, "log": "", "marker": one.marker}
    stranger = {**entry, "pid": os.getpid()}  # a pid that was given to another process since
    run = {"pid": 1, "ready": True, "services": {"orphan": entry, "stranger": stranger}}
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    said: list[str] = []
    supervision.end_leftovers(tmp_path, said.append)
    assert not alive(pid)
    assert len(said) == 1 and "orphan" in said[0]
    assert not (tmp_path / "run.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_services_end_when_the_supervisor_is_killed(tmp_path):
    one = service(tmp_path, "child")
    program = (
        f"import sys, time; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        f"from pathlib import Path; from supervision import Service\n"
        f"one = Service('child', {one.url!r}, '/', {one.command!r}, Path({str(one.log)!r}))\n"
        "one.start(); print(one.process.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        pid = int(supervisor.stdout.readline())
        wait_for(lambda: supervision.answers(one.url))
        supervisor.kill()
    wait_for(lambda: not alive(pid))


def test_the_lock_knows_the_living_from_the_dead(tmp_path):
    lock = supervision.Lock(tmp_path / "lock")
    assert lock.acquire()
    assert supervision.is_held(tmp_path / "lock")
    lock.release()
    assert not supervision.is_held(tmp_path / "lock")
