"""A proxy before the AAS environment that fails on purpose, at a chosen request: slow, trickling, cut, nonsense."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NONSENSE = {
    "error 500": (
        500,
        "application/json",
        b'{"messages": [{"text": "java.lang.NullPointerException at /srv/secret"}]}',
    ),
    "error 409": (409, "application/json", b"{}"),
    "html": (200, "text/html", b"<html>It works!</html>"),
    "half json": (200, "application/json", b'{"modelType": "Submodel", "submodelElem'),
    "other json": (200, "application/json", b'{"hello": "world"}'),
}
CUT = ("refused", "cut before", "cut after")
"""refused: closed at once; cut before: closed after reading the request; cut after: forwarded, then closed."""
SLOW_S = 3.0


class FaultyProxy:
    """Forwards to `upstream`. With `failing(fault, ...)` the requests that match get the fault instead."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self._rule: tuple[str, str, str] | None = None
        self.hits = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                proxy.handle(self)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @contextlib.contextmanager
    def failing(self, fault: str, method: str = "", path: str = "") -> Iterator[FaultyProxy]:
        """Requests of `method` whose path contains `path` fail; each must have happened at least once."""
        self.hits, self._rule = 0, (fault, method, path)
        try:
            yield self
        finally:
            self._rule = None
        assert self.hits, f"no {method} {path} came by"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        rule = self._rule
        fault = rule[0] if rule and rule[1] in ("", request.command) and rule[2] in request.path else None
        if fault:
            self.hits += 1
        if fault in NONSENSE:
            status, content_type, content = NONSENSE[fault]
            self._answer(request, status, content_type, content)
        elif fault in ("refused", "cut before"):
            self._cut(request)
        elif fault == "slow":
            time.sleep(SLOW_S)
            self._cut(request)
        elif fault == "trickle":
            self._trickle(request)
        else:
            status, content_type, content = self._forward(request, body)
            if fault == "cut after":
                self._cut(request)
            elif fault == "slow after":
                time.sleep(SLOW_S)
                self._cut(request)
            else:
                self._answer(request, status, content_type, content)

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        headers = {"Content-Type": request.headers["Content-Type"]} if request.headers["Content-Type"] else {}
        connection.request(request.command, request.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheader("Content-Type") or "application/json", content

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, status: int, content_type: str, content: bytes) -> None:
        request.send_response(status)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    @staticmethod
    def _trickle(request: BaseHTTPRequestHandler) -> None:
        """An answer that goes on as long as somebody listens."""
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(2**40))
        request.end_headers()
        request.close_connection = True
        with contextlib.suppress(OSError):
            while True:
                request.wfile.write(b" ")
                time.sleep(0.05)

    @staticmethod
    def _cut(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.connection.shutdown(socket.SHUT_RDWR)
