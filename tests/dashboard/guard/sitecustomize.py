"""Loaded by Python before anything else when this folder is on PYTHONPATH: lets a process connect to one port only.

The port is GUARD_PORT on the loopback interface; any other attempt is refused and written to GUARD_LOG.
"""

import os
import socket

_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex
_allowed = int(os.environ["GUARD_PORT"])


def _check(family: int, address: object) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host, port = address[0], address[1]  # type: ignore[index]
    if host in ("127.0.0.1", "::1", "localhost") and port == _allowed:
        return
    with open(os.environ["GUARD_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{host}:{port}\n")
    raise PermissionError(f"connection to {host}:{port} is not allowed here")


def _guarded_connect(self: socket.socket, address: object) -> None:
    _check(self.family, address)
    _connect(self, address)  # type: ignore[arg-type]


def _guarded_connect_ex(self: socket.socket, address: object) -> int:
    _check(self.family, address)
    return _connect_ex(self, address)  # type: ignore[arg-type]


socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment]
socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign, assignment]
