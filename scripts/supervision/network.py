"""Addresses, ports and health of services. What runs on this machine is never asked through a proxy."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import urllib.error
import urllib.request

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
NEVER_THROUGH_A_PROXY = ("127.0.0.1", "localhost", "::1")

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, timeout_s: float = 3.0) -> int | None:
    """HTTP status that `url` answers, whatever it is; None when nothing answers in time."""
    try:
        with _direct.open(url, timeout=timeout_s) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError):  # also http.client's errors on what is not HTTP
        return None
    except Exception as error:
        if type(error).__module__ != "http.client":
            raise
        return None


def answers(url: str, timeout_s: float = 3.0) -> bool:
    return ask(url, timeout_s) == 200


def addresses(text: str) -> tuple[str, ...]:
    """The addresses to listen on, from a list with commas. Raises ValueError with what is wrong with it."""
    found = tuple(dict.fromkeys(part.strip().removeprefix("[").removesuffix("]") for part in text.split(",")))
    for host in found:
        if not host:
            raise ValueError(f"{text!r} names no address; separate several with one comma")
        if "/" in host or (host.count(":") == 1 and not is_address(host)):
            raise ValueError(
                f"{host!r} is no address but more; name the address alone (ports have options of their own)"
            )
        if "%" in host:
            raise ValueError(f"{host}: browsers reach no address of a single link; name a global one")
        if host in WILDCARDS and len(found) > 1:
            raise ValueError(f"{host} stands for all addresses; name it alone, or those that are meant")
    return found


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def within_reach(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    return WILDCARDS.get(host, host)


def own_names() -> list[str]:
    """Names and addresses by which others reach this machine, as far as it knows them itself."""
    names = [socket.gethostname(), socket.getfqdn()]
    with contextlib.suppress(OSError):
        names += [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)]
    for family, anywhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # RFC 5737, RFC 3849
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((anywhere, 9))  # sends nothing; tells the address that would be used
            names.append(probe.getsockname()[0])
    return [name for name in dict.fromkeys(name.partition("%")[0] for name in names) if name]


def url(host: str, port: int) -> str:
    name = within_reach(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def without_proxy(hosts: tuple[str, ...]) -> dict[str, str]:
    """Environment variables with which programs ask neither this machine nor `hosts` through a proxy."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    names += [name for name in (*NEVER_THROUGH_A_PROXY, *hosts) if name not in names]
    return {"NO_PROXY": ",".join(names), "no_proxy": ",".join(names)}


def port_is_free(host: str, port: int) -> bool:
    """Raises ValueError when `host` is no address of this machine."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ValueError(f"{host} is no address: {error.strerror or error}") from error
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            if os.name != "nt":  # on Windows this option would allow a second listener
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise ValueError(f"{host} is no address of this machine") from error
                return False
    return True
