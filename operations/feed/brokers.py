"""The brokers that the feeder may dial: those of its settings, and no other.

    TWIN_MQTT_BROKERS        mqtt://192.168.1.20 lab=mqtts://twin:secret@broker.example:8883?ca=/etc/twin/ca.pem
    TWIN_MQTT_BROKERS_FILE   the same, one a line; # begins a remark

Each is `NAME=URL`, the name being the host's where none is given. `mqtts` is TLS: `ca` a file of certificates that are
trusted instead of the system's, `cert` and `key` the feeder's own. A description in the AAS names a broker as
`mqtt://NAME`, or by its address without user and password.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FILES = ("ca", "cert", "key")


@dataclass(frozen=True)
class Broker:
    name: str
    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """As people may see it: without user and password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def from_environment() -> tuple[Broker, ...]:
    """Raises ValueError that names the variable and the entry, never a password."""
    found: dict[str, Broker] = {}
    for variable, entries in _entries():
        for place, entry in enumerate(entries, 1):
            try:
                broker = read(entry)
            except ValueError as error:
                raise ValueError(f"{variable}, entry {place}: {error}") from None
            if found.setdefault(broker.name, broker) != broker:
                raise ValueError(f"{variable}: two brokers are called {broker.name}; write NAME=URL")
    return tuple(found.values())


def _entries() -> Sequence[tuple[str, list[str]]]:
    found = [("TWIN_MQTT_BROKERS", os.environ.get("TWIN_MQTT_BROKERS", "").split())]
    if path := os.environ.get("TWIN_MQTT_BROKERS_FILE"):
        try:
            lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"TWIN_MQTT_BROKERS_FILE {path} cannot be read: {error}") from None
        found.append(("TWIN_MQTT_BROKERS_FILE", [line for line in lines if line and not line.startswith("#")]))
    return found


def read(entry: str) -> Broker:
    """One entry. Raises ValueError without its password."""
    name, given, address = entry.partition("=")
    if not given or "://" in name:
        name, address = "", entry
    wrong = "is no broker, such as lab=mqtt://192.168.1.20:1883 or mqtts://user:password@broker.example"
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError(wrong) from None
    if url.scheme not in PORTS or not host or port == 0 or url.path not in ("", "/") or url.fragment:
        raise ValueError(wrong)
    options = {key: values[-1] for key, values in parse_qs(url.query).items()}
    if unknown := sorted(set(options) - {*FILES}):
        raise ValueError(f"option {unknown[0]!r} is none of {', '.join(FILES)}")
    if options and url.scheme != "mqtts":
        raise ValueError("certificates go with mqtts:// only")
    if missing := [path for path in options.values() if not Path(path).is_file()]:
        raise ValueError(f"there is no file {missing[0]}")
    if ("cert" in options) != ("key" in options):
        raise ValueError("cert and key go together")
    _must_be_certificates(options)
    name = name or host
    if not NAME.fullmatch(name) and name != host:
        raise ValueError(f"{name!r} cannot name a broker: letters, digits, points, - and _")
    return Broker(
        name, host, port or PORTS[url.scheme], url.scheme == "mqtts", unquote(url.username) if url.username else None,
        unquote(url.password) if url.password else None, **options,
    )  # fmt: skip


def _must_be_certificates(files: Mapping[str, str]) -> None:
    """Raises ValueError for files that TLS cannot use, which else would be found only when the broker is dialled."""
    try:
        if "ca" in files:
            ssl.create_default_context(cafile=files["ca"])
    except OSError:
        raise ValueError(f"{files['ca']} holds no certificate in PEM form") from None
    try:
        if "cert" in files:
            ssl.create_default_context().load_cert_chain(files["cert"], files["key"], password="")
    except OSError:
        text = f"{files['cert']} and {files['key']} are no certificate and key (without password) in PEM form"
        raise ValueError(text) from None


def allowed(base: str, brokers: Sequence[Broker]) -> Broker | None:
    """The configured broker that a description means; None for one that stands only there."""
    try:
        url = urlsplit(base.strip())
        host, port = url.hostname or "", url.port
    except ValueError:
        return None
    if url.scheme not in PORTS:
        return None
    for broker in brokers:
        if port is None and host == broker.name.lower():
            return broker
    address = (url.scheme == "mqtts", host, port or PORTS[url.scheme])
    return next((one for one in brokers if (one.tls, one.host, one.port) == address), None)
