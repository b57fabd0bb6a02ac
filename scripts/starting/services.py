"""The services of the twin: where they listen, how they are started; and the demo, which listens nowhere."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installation.java import Java, utf8_locale
from installation.places import ROOT, Places, SetupError
from supervision import network
from supervision.service import Service

BASYX, DELEGATE, HMI, FEED = "BaSyx AAS environment", "Operation delegate", "HMI", "MQTT feed"
DEMO = "Demo"
DEFAULT_PORTS = {BASYX: 8081, DELEGATE: 5000, HMI: 8501, FEED: 5200}
OPTIONS = {BASYX: "--basyx-port", DELEGATE: "--delegate-port", HMI: "--hmi-port", FEED: "--feed-port"}
MOVES_ON = (DELEGATE, FEED)
"""Their default port may be taken: then they use the next free one, which only `up.py` has to know."""
JVM_OPTIONS = ROOT / "aasx" / "environment" / "jvm.options"
CLASS_ARCHIVE = "-XX:SharedArchiveFile="


@dataclass(frozen=True)
class Address:
    """The services are reached and watched at `host`; `more` are further addresses that they listen on."""

    host: str
    ports: dict[str, int]
    more: tuple[str, ...] = ()

    def url(self, name: str) -> str:
        return network.url(self.host, self.ports[name])

    @property
    def hosts(self) -> tuple[str, ...]:
        return (self.host, *self.more)


def choose_ports(hosts: Sequence[str], wanted: dict[str, int | None]) -> dict[str, int]:
    """The ports to use, of the services in `wanted`. Raises SetupError for a busy one that may not move on."""

    def is_free(port: int) -> bool:
        try:
            return all(network.port_is_free(host, port) for host in hosts)
        except ValueError as error:
            raise SetupError(f"--host: {error}") from error

    ports = {}
    for name, given in wanted.items():
        port = given or DEFAULT_PORTS[name]
        if name in MOVES_ON and given is None:
            while not is_free(port) and port < DEFAULT_PORTS[name] + 100:
                port += 1
            if port != DEFAULT_PORTS[name]:
                short = "delegate" if name == DELEGATE else name
                print(f"  port {DEFAULT_PORTS[name]} is taken: the {short} uses {port}")
        if not is_free(port):
            option = OPTIONS[name]
            on = " and ".join(hosts)
            raise SetupError(f"Port {port} on {on} is busy: choose another one for the {name} with {option} PORT")
        ports[name] = port
    if len(set(ports.values())) < len(ports):
        raise SetupError(f"Each service needs a port of its own, not {', '.join(map(str, ports.values()))}")
    return ports


def delegation_secret(state: Path) -> Path:
    """The file with what the environment shows the delegate, made at the first start, readable by this user only."""
    file = state / "delegation.secret"
    if not file.exists():
        state.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
            opened.write(secrets.token_urlsafe(32))
    return file


def known_names(hosts: Sequence[str]) -> dict[str, str]:
    """The environment variable that tells the services under which names they are asked, as they listen on `hosts`."""
    given = os.environ.get("TWIN_HTTP_NAMES", "")
    names = network.own_names() if set(hosts) & set(network.WILDCARDS) else hosts
    asked = [name for name in names if not network.is_address(name)]
    return {"TWIN_HTTP_NAMES": ",".join([given, *asked] if given else asked)}


def services(places: Places, address: Address, java: Java, demo: bool = False) -> list[Service]:
    """In starting order; the demo, if it is wanted, last."""
    state, host, ports = places.state, address.host, address.ports
    url = {name: address.url(name) for name in ports}
    logs, model, temporary = state / "logs", state / "model", state / "tmp" / "basyx"
    temporary.mkdir(parents=True, exist_ok=True)
    env = network.without_proxy(tuple(map(network.within_reach, address.hosts))) | known_names(address.hosts)
    python_env = env | places.python_env()
    python_env |= {"TWIN_BASYX_URL": url[BASYX], "TWIN_DELEGATE_URL": url[DELEGATE], "TWIN_MODEL_DIR": str(model)}
    python_env["TWIN_DEMO"] = "on" if demo else "off"
    basyx = [java.program, f"@{JVM_OPTIONS}", f"-Djava.io.tmpdir={temporary}"]
    if not places.writable:
        basyx.append(f"{CLASS_ARCHIVE}{places.jar.with_suffix('.jsa')}")
    basyx += ["-jar", str(places.jar), f"--server.address={host}", f"--server.port={ports[BASYX]}"]
    basyx += [f"--twin.http.more-addresses={','.join(address.more)}", f"--twin.store.dir={state / 'store'}"]
    secret = delegation_secret(state)
    basyx += [f"--twin.delegate.urls={url[DELEGATE]}", f"--twin.delegation.secret-file={secret}"]
    python_env["TWIN_DELEGATION_SECRET_FILE"] = str(secret)
    delegate = [str(places.python), "-m", "operations", "--basyx-url", url[BASYX], "--model-dir", str(model)]
    delegate += ["--host", ",".join(address.hosts), "--port", str(ports[DELEGATE])]
    hmi = [str(places.python), "-m", "streamlit", "run", str(ROOT / "dashboard" / "serve.py"), "--server.headless=true"]
    hmi += ["--browser.gatherUsageStats=false", f"--server.port={ports[HMI]}"]
    if host in network.WILDCARDS:  # each of this machine's addresses is an origin from which the HMI is opened
        hmi += [f"--server.corsAllowedOrigins={network.url(name, ports[HMI])}" for name in network.own_names()]
    found = [
        Service(BASYX, url[BASYX], "/shells?limit=1", basyx, logs / "basyx.log", env | utf8_locale()),
        Service(DELEGATE, url[DELEGATE], "/health/ready", delegate, logs / "delegate.log", python_env),
    ]
    for number, one in enumerate(address.hosts):  # Streamlit listens on one address
        name, log = (f"{HMI} on {one}", f"hmi-{number + 1}.log") if number else (HMI, "hmi.log")
        command = [*hmi, f"--server.address={one}"]
        found.append(Service(name, network.url(one, ports[HMI]), "/_stcore/health", command, logs / log, python_env))
    if FEED in ports:
        feed = [str(places.python), "-m", "operations.feed", "--basyx-url", url[BASYX], "--folder", str(state / "feed")]
        feed += ["--host", host, "--port", str(ports[FEED])]
        found.append(Service(FEED, url[FEED], "/health/ready", feed, logs / "feed.log", python_env))
    if demo:
        play = [str(places.python), str(ROOT / "scripts" / "demo.py")]
        found.append(Service(DEMO, "", "", play, logs / "demo.log", python_env))
    return found
