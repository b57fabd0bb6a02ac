"""`python -m operations` as a process: starts, says what is wrong, stops when told."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading

import pytest
import requests

from tests.conftest import run_script
from tests.servers import free_port, start_delegate

pytestmark = pytest.mark.lasting  # a process of its own for each


def test_serves_on_the_loopback_address_and_stops_cleanly(basyx, model_dir, tmp_path):
    delegate = start_delegate(basyx.url, model_dir, tmp_path)
    assert requests.get(delegate.url + "/health/ready", timeout=10).json()["status"] == "ready"
    delegate.stop(timeout_s=10)
    if os.name == "posix":  # Windows knows no SIGTERM: there it is ended at once
        assert delegate.process.returncode == 0
        lines = [json.loads(line) for line in delegate.log.read_text(encoding="utf-8").splitlines()]
        assert [line["message"] for line in lines if line["level"] == "INFO"][-1] == "stopped"
        assert next(line for line in lines if line["message"] == "serving")["host"] == "127.0.0.1"
        assert not [line for line in lines if "exception" in line]


def test_stops_while_a_call_waits_for_the_aas_environment(model_dir, tmp_path):
    """The AAS environment accepts the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log_dir = tmp_path
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        port = free_port()
        starter = threading.Thread(target=_answer_once, args=(silent,), daemon=True)
        starter.start()
        delegate = start_delegate(url, model_dir, log_dir, port, TWIN_AAS_TIMEOUT="3")
        waiting = threading.Thread(target=_call, args=(delegate.url,), daemon=True)
        waiting.start()
        delegate.stop(timeout_s=15)


def _answer_once(silent: socket.socket) -> None:
    """Answers the readiness check, then nothing more."""
    while True:
        connection, _ = silent.accept()
        request = connection.recv(65536)
        if not request.startswith(b"GET /shells?limit=1"):
            break
        body = b'{"result": []}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)
        connection.close()


def _call(url: str) -> None:
    with contextlib.suppress(requests.ConnectionError):  # cut off when the delegate ends
        requests.post(f"{url}/api/cells/B0005/predict", json={}, timeout=20)


def test_missing_model_is_one_clear_line(tmp_path):
    done = run_script("-m", "operations", "--model-dir", tmp_path / "none", "--port", str(free_port()))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("operations: ") and "Traceback" not in done.stderr


def test_busy_port_is_one_clear_line(model_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run_script("-m", "operations", "--model-dir", model_dir, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("operations: ") and "Traceback" not in done.stderr


def test_setting_that_cannot_be_read_is_one_clear_line():
    done = run_script("-m", "operations", TWIN_AAS_TIMEOUT="soon")
    assert (done.returncode, done.stderr.strip()) == (
        2, "operations: TWIN_AAS_TIMEOUT: 'soon' is no number of seconds (up to 86400)",
    )  # fmt: skip


def test_half_sent_requests_block_nobody(twin):
    """As many as were seen to silence the delegate, twice over."""
    address = ("127.0.0.1", int(twin.delegate_url.rsplit(":", 1)[1]))
    open_ended = []
    try:
        for _ in range(300):
            connection = socket.create_connection(address, 5)
            connection.sendall(b"POST /api/cells/B0005/predict HTTP/1.1\r\nHost: localhost\r\nContent-")
            open_ended.append(connection)
        assert requests.get(twin.delegate_url + "/health/live", timeout=5).status_code == 200
    finally:
        for connection in open_ended:
            connection.close()
