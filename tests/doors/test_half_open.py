"""Requests that begin and never end, 300 at each service, while the twin predicts."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest
import requests

from aasx.client import AasClient
from aasx.identifiers import submodel_id
from tests.conftest import Twin
from tests.servers import Server

HELD = 300
POST = b"POST /submodels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BEGINNINGS = {
    "no line": b"",
    "headers": POST + b"Content-",
    "short body": POST + b"Content-Length: 9999\r\n\r\n{",
    "long body": POST + b"Content-Length: 16000000\r\n\r\n{",
    "chunked body": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
}


@contextlib.contextmanager
def half_open(url: str, beginning: bytes) -> Iterator[list[socket.socket]]:
    host, port = url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as opened:
        held = []
        for _ in range(HELD):
            connection = opened.enter_context(socket.create_connection((host, int(port)), 10))
            connection.sendall(beginning)
            held.append(connection)
        yield held


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_all_services_go_on(twin: Twin, hmi: Server, beginning: str) -> None:
    aas = AasClient(twin.basyx_url)
    begun = BEGINNINGS[beginning]
    with half_open(twin.basyx_url, begun), half_open(twin.delegate_url, begun), half_open(hmi.url, begun):
        for _ in range(10):
            assert aas.invoke(submodel_id("B0005", "Prediction"), "Predict", {}, timeout_s=30)["Status"] == "ok"
        assert requests.get(f"{hmi.url}/", timeout=10).status_code == 200
        assert requests.get(f"{twin.delegate_url}/health/ready", timeout=10).status_code == 200
        assert sum(1 for _ in aas.shells()) >= 30
