"""Options of `up.py`, and what it does with them: start, go into the background, tell the status, stop."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from installation.places import ROOT, Places, SetupError
from supervision import network, record
from supervision.service import ServiceError

from starting import services
from starting.demo import DemoSettings
from starting.services import Address, choose_ports
from starting.start import Start, make_bundle, table

DESCRIPTION = "Brings the whole battery twin up with one command: BaSyx AAS environment, operation delegate, HMI."


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="up.py",
        description=DESCRIPTION,
        epilog="Ports: BaSyx 8081, HMI 8501, delegate 5000 and MQTT feed 5200 (or the next free ones).",
    )
    parser.add_argument("--detach", action="store_true", help="go on in the background once all is healthy")
    parser.add_argument("--stop", action="store_true", help="stop the running twin")
    parser.add_argument("--status", action="store_true", help="tell what runs; exit code 0 healthy, 3 not")
    parser.add_argument("--json", action="store_true", help="with --status: name, URL, pid and health as JSON")
    parser.add_argument("--state", type=Path, default=ROOT / ".twin", metavar="DIR", help="logs, model, store (.twin/)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="addresses the services listen on, IPv4 or IPv6, several with commas (127.0.0.1: this machine only)",
    )
    parser.add_argument("--basyx-port", type=port_number, metavar="PORT", help="AAS environment (8081)")
    parser.add_argument("--delegate-port", type=port_number, metavar="PORT", help="delegate (5000, else the next free)")
    parser.add_argument("--hmi-port", type=port_number, metavar="PORT", help="HMI (8501)")
    parser.add_argument(
        "--feed-port",
        type=port_number,
        metavar="PORT",
        help="health of the MQTT feed (5200, else the next free)",
    )
    parser.add_argument("--fresh", action="store_true", help="throw the store away first (asks)")
    parser.add_argument("--yes", action="store_true", help="with --fresh: do not ask")
    parser.add_argument("--no-demo", action="store_true", help="without the demo's cells (TWIN_DEMO=off)")
    parser.add_argument("--no-install", action="store_true", help="never install system packages")
    parser.add_argument("--bundle", type=Path, metavar="ZIP", help="write a zip that starts without a network, and end")
    parser.add_argument("--from-bundle", type=Path, metavar="ZIP", help="set up from such a zip (or its folder)")
    options = parser.parse_args(arguments)
    if options.json and not options.status:
        parser.error("--json goes with --status")
    if options.yes and not options.fresh:
        parser.error("--yes goes with --fresh")
    try:
        options.hosts = network.addresses(options.host)
    except ValueError as error:
        parser.error(f"--host: {error}")
    options.state = options.state.resolve()
    return options


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return int(text)


def check_settings() -> None:
    """Raises SetupError for an environment variable that no part could work with, before anything is set up."""
    sys.path.insert(0, str(ROOT))
    from operations.feed import brokers
    from operations.request.settings import Settings

    try:
        Settings.from_environment()
        brokers.from_environment()
        DemoSettings.from_environment()
    except ValueError as error:
        raise SetupError(str(error)) from error
    base = os.environ.get("TWIN_BASE_IRI", "https://battery-twin.example/ids")
    has_host = bool(urlsplit(base).hostname) or not base.startswith("http")
    if not (has_host and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", base)):
        raise SetupError(f"TWIN_BASE_IRI: {base!r} is no IRI, such as https://example.org/ids")


def has_feed() -> bool:
    """Whether a broker is configured, so that there is something to feed from."""
    from operations.feed import brokers

    return bool(brokers.from_environment())


def exposure(host: str) -> str:
    """What it means to listen there; "" where only this machine reaches it."""
    if network.is_loopback(host):
        return ""
    return (
        f"WARNING: listening on {host}: everybody who reaches this address may read and write the whole twin. "
        "SECURITY.md says what is promised; scripts/proxy/ has reverse proxies with TLS and a password."
    )


def confirm_fresh(options: argparse.Namespace) -> None:
    store = options.state / "store"
    if not store.exists():
        return
    if not options.yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise SetupError(f"--fresh would delete {store}: say --yes as well, there is nobody to ask here")
        question = f"Delete {store} with all history, predictions and alerts? [y/N] "
        if input(question).strip().lower() not in ("y", "yes"):
            raise SetupError("Nothing deleted, nothing started.")
    shutil.rmtree(store)
    print(f"  deleted {store}")


def start(options: argparse.Namespace) -> int:
    """Set-up, start, watch, stop, in this process. The lock is held by the caller."""
    if options.bundle:
        out = make_bundle(Places(options.state), options.bundle.resolve(), not options.no_install)
        print(f"  {out}  {out.stat().st_size / 1e6:.0f} MB")
        return 0
    record.end_leftovers(options.state, lambda text: print(f"  {text}", flush=True))
    if options.fresh:
        confirm_fresh(options)
    wanted = {
        services.BASYX: options.basyx_port,
        services.DELEGATE: options.delegate_port,
        services.HMI: options.hmi_port,
    }
    if has_feed():
        wanted[services.FEED] = options.feed_port
    host, *more = options.hosts
    address = Address(host, choose_ports(options.hosts, wanted), tuple(more))
    for told in filter(None, map(exposure, options.hosts)):
        print(f"  {told}")
    demo = DemoSettings.from_environment().wanted and not options.no_demo
    Start(Places(options.state), address, not options.no_install, options.from_bundle, demo).run()
    return 0


def detach(arguments: list[str], state: Path) -> int:
    """Runs this command again in a session of its own and follows its output until the twin is ready or failed."""
    log = state / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "DETACHED_PROCESS", 0)
    command = [sys.executable, "-u", str(ROOT / "scripts" / "up.py"), *(a for a in arguments if a != "--detach")]
    with log.open("wb") as out:
        child = subprocess.Popen(
            command,
            env=os.environ | {"TWIN_DETACHED": "1", "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=os.name != "nt",
            creationflags=flags,
        )
    with log.open(encoding="utf-8", errors="replace") as shown:
        try:
            while True:
                print(shown.read(), end="", flush=True)
                run = record.Run.read(state)
                if child.poll() is not None:
                    print(shown.read(), end="", flush=True)
                    return child.returncode or 1
                if run and run.pid == child.pid and run.ready:
                    time.sleep(0.2)
                    print(shown.read(), end="")
                    print(f"  In the background (pid {child.pid}). Stop it: {stop_command(state)}")
                    return 0
                time.sleep(0.1)
        except KeyboardInterrupt:
            (state / "stop").touch()
            child.wait()
            return 130


def stop_command(state: Path) -> str:
    """As it can be typed where the user is."""
    python = next((name for name in ("python", "python3", "py") if shutil.which(name)), sys.executable)
    script = ROOT / "scripts" / "up.py"
    command = [python, "scripts/up.py" if Path.cwd() == ROOT else str(script), "--stop"]
    if state != (ROOT / ".twin").resolve():
        command += ["--state", str(state)]
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)


def show_status(options: argparse.Namespace) -> int:
    found = record.status(options.state)
    healthy = found["ready"] and all(service["healthy"] for service in found["services"])
    if options.json:
        print(json.dumps(found, indent=1))
    elif not found["running"]:
        print("The twin is not running. Start it: python scripts/up.py")
    elif not found["services"]:
        print("The twin is being set up.")
    else:
        rows = [("service", "URL", "health")]
        rows += [
            (s["name"], s["url"], f"{'healthy' if s['healthy'] else 'NOT HEALTHY'}, pid {s['pid'] or '-'}")
            if s["url"]
            else (s["name"], "", s["says"] or ("running" if s["healthy"] else "NOT RUNNING"))
            for s in found["services"]
        ]
        print(table(rows))
    return 0 if healthy else 3


def run(options: argparse.Namespace, arguments: list[str]) -> int:
    state: Path = options.state
    if options.status:
        return show_status(options)
    if options.stop:
        was_running = record.stop_running(state, print)
        print("The twin is stopped." if was_running else "The twin was not running.")
        return 0
    check_settings()
    if record.is_running(state):
        found = record.status(state)
        where = ", ".join(f"{s['name']} {s['url']}" for s in found["services"]) or "being set up"
        print(f"The twin runs already (pid {found['pid'] or '-'}): {where}. Stop it: {stop_command(state)}")
        return 1
    if options.detach:
        if options.fresh:
            confirm_fresh(options)
        return detach([a for a in arguments if a not in ("--fresh", "--yes")], state)
    lock = record.Lock(state / "lock")
    if not lock.acquire():
        print("The twin is being started by another process.")
        return 1
    try:
        (state / "stop").unlink(missing_ok=True)
        return start(options)
    finally:
        lock.release()


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that has no "…"
    options = parse_arguments()
    try:
        code = run(options, sys.argv[1:])
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # up.py --status | grep -q
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (SetupError, ServiceError, TimeoutError) as error:
        print(f"up.py: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"up.py: {told}. The state folder is {options.state}; --state DIR takes another one.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130
