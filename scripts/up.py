#!/usr/bin/env python3
"""Brings the whole battery twin up with one command: BaSyx AAS environment, operation delegate, HMI.

Does all the set-up first (virtual environment, JDK check, BaSyx from Maven Central, model training, AASX), each part
only when it is missing or changed. Standard library only. Stop it with Ctrl-C, or `up.py --stop` after `--detach`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import installation
import supervision
from installation import ROOT, SetupError
from supervision import Service, ServiceError, Supervisor

BASYX, DELEGATE, HMI = "BaSyx AAS environment", "Operation delegate", "HMI"
DEFAULT_PORTS = {BASYX: 8081, DELEGATE: 5000, HMI: 8501}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
JVM_OPTIONS = ROOT / "aasx" / "environment" / "jvm.options"


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="Ports: BaSyx 8081, delegate 5000 (or the next free one), HMI 8501.",
    )
    parser.add_argument("--detach", action="store_true", help="go on in the background once all is healthy")
    parser.add_argument("--stop", action="store_true", help="stop the running twin")
    parser.add_argument("--status", action="store_true", help="tell what runs; exit code 0 healthy, 3 not")
    parser.add_argument("--json", action="store_true", help="with --status: name, URL, pid and health as JSON")
    parser.add_argument("--state", type=Path, default=ROOT / ".twin", metavar="DIR", help="logs, model, store (.twin/)")
    parser.add_argument("--host", default="127.0.0.1", help="address the services listen on (127.0.0.1)")
    parser.add_argument("--basyx-port", type=port_number, metavar="PORT", help="AAS environment (8081)")
    parser.add_argument("--delegate-port", type=port_number, metavar="PORT", help="delegate (5000, else the next free)")
    parser.add_argument("--hmi-port", type=port_number, metavar="PORT", help="HMI (8501)")
    parser.add_argument("--fresh", action="store_true", help="throw the store away first (asks)")
    parser.add_argument("--yes", action="store_true", help="with --fresh: do not ask")
    parser.add_argument("--no-install", action="store_true", help="never install system packages")
    options = parser.parse_args(arguments)
    if options.json and not options.status:
        parser.error("--json goes with --status")
    if options.yes and not options.fresh:
        parser.error("--yes goes with --fresh")
    options.state = options.state.resolve()
    return options


def port_number(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return int(text)


def choose_ports(options: argparse.Namespace) -> dict[str, int]:
    """The ports to use. Raises SetupError for a busy one; only the delegate's default may move on to the next free."""
    ports = {}
    for name, option in ((BASYX, "basyx_port"), (DELEGATE, "delegate_port"), (HMI, "hmi_port")):
        wanted = getattr(options, option)
        port = wanted or DEFAULT_PORTS[name]
        if name == DELEGATE and wanted is None:
            while not supervision.port_is_free(options.host, port) and port < DEFAULT_PORTS[DELEGATE] + 100:
                port += 1
            if port != DEFAULT_PORTS[DELEGATE]:
                print(f"  port {DEFAULT_PORTS[DELEGATE]} is taken: the delegate uses {port}")
        if not supervision.port_is_free(options.host, port):
            flag = "--" + option.replace("_", "-")
            raise SetupError(
                f"Port {port} on {options.host} is busy: choose another one for the {name} with {flag} PORT"
            )
        ports[name] = port
    if len(set(ports.values())) < len(ports):
        raise SetupError(f"Each service needs a port of its own, not {', '.join(map(str, ports.values()))}")
    return ports


def services(options: argparse.Namespace, ports: dict[str, int], java: Path) -> list[Service]:
    state, host = options.state, options.host
    local = host if host in LOOPBACK else "127.0.0.1"
    reach = f"[{local}]" if ":" in local else local
    url = {name: f"http://{reach}:{port}" for name, port in ports.items()}
    logs, model = state / "logs", state / "model"
    (state / "tmp").mkdir(parents=True, exist_ok=True)
    (state / "tmp" / "basyx").mkdir(exist_ok=True)
    python = str(installation.PYTHON)
    env = {"TWIN_BASYX_URL": url[BASYX], "TWIN_DELEGATE_URL": url[DELEGATE], "TWIN_MODEL_DIR": str(model)}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    basyx = [str(java / "bin" / "java"), f"@{JVM_OPTIONS}", f"-Djava.io.tmpdir={state / 'tmp' / 'basyx'}"]
    basyx += ["-jar", str(installation.JAR), f"--server.address={host}", f"--server.port={ports[BASYX]}"]
    basyx += [f"--twin.store.dir={state / 'store'}"]
    delegate = [python, "-m", "operations", "--basyx-url", url[BASYX], "--model-dir", str(model)]
    delegate += ["--host", host, "--port", str(ports[DELEGATE])]
    hmi = [python, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py"), "--server.headless=true"]
    hmi += ["--browser.gatherUsageStats=false", f"--server.address={host}", f"--server.port={ports[HMI]}"]
    return [
        Service(BASYX, url[BASYX], "/shells?limit=1", basyx, logs / "basyx.log", env),
        Service(DELEGATE, url[DELEGATE], "/health/ready", delegate, logs / "delegate.log", env),
        Service(HMI, url[HMI], "/_stcore/health", hmi, logs / "hmi.log", env),
    ]


def build_package(steps: installation.Steps, state: Path) -> Path:
    """The fleet's AASX; again only when the model, the data or the builder changed."""
    package, stamp = state / "aasx" / "fleet.aasx", state / "aasx" / "inputs.sha256"
    mapping = ("operations/cell/twin.py", "operations/request/columns.py")  # from the model to the AAS
    sources = [ROOT / name for name in ("aasx", "model", *mapping, "requirements.txt")]
    serving = state / "model" / "serving.json"  # names the model version that answers
    wanted = installation.digest(sources) + serving.read_text(encoding="utf-8") + os.environ.get("TWIN_BASE_IRI", "")
    if package.exists() and installation.fits(stamp, wanted):
        return package
    build = [installation.PYTHON, ROOT / "scripts" / "build_aasx.py", "--out", package.parent, "--fleet-only", "--json"]
    steps.run("AASX of all cells", build, "", {"TWIN_MODEL_DIR": str(state / "model")})
    stamp.write_text(wanted, encoding="utf-8")
    return package


def confirm_fresh(options: argparse.Namespace) -> None:
    store = options.state / "store"
    if not store.exists():
        return
    if not options.yes:
        if not sys.stdin.isatty():
            raise SetupError(f"--fresh would delete {store}: say --yes as well, there is nobody to ask here")
        if input(f"Delete {store} with all history, predictions and alerts? [y/N] ").strip().lower() not in (
            "y",
            "yes",
        ):
            raise SetupError("Nothing deleted, nothing started.")
    shutil.rmtree(store)
    print(f"  deleted {store}")


def table(entries: list[tuple[str, str, str]]) -> str:
    widths = [max(len(entry[i]) for entry in entries) for i in range(3)]
    return "\n".join(
        "  " + "  ".join(part.ljust(width) for part, width in zip(e, widths, strict=True)).rstrip() for e in entries
    )


def print_table(services_: list[Service], package: Path) -> None:
    links = {BASYX: "/swagger-ui/index.html", DELEGATE: "/", HMI: "/"}
    rows = [("service", "URL", "log"), *((s.name, s.url + links[s.name], str(s.log)) for s in services_)]
    print(f"\n{table(rows)}\n\n  AASX of the fleet: {package}\n")


def run(options: argparse.Namespace) -> int:
    """Set-up, start, watch, stop, in this process. The lock is held by the caller."""
    steps = installation.Steps(options.state / "logs" / "setup.log")
    begin = time.monotonic()
    installation.check_python()
    supervision.end_leftovers(options.state, steps.note)
    if options.fresh:
        confirm_fresh(options)
    ports = choose_ports(options)
    if options.host not in LOOPBACK:
        steps.note(f"listening on {options.host}: everyone who reaches this address can read and write the twin")
    java = installation.find_java(steps, not options.no_install)
    installation.make_venv(steps, not options.no_install)
    installation.package_environment(steps, java)

    basyx, delegate, hmi = all_services = services(options, ports, java)
    supervisor = Supervisor(options.state, all_services, lambda text: print(f"  {text}", flush=True))
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), supervisor.ask_to_stop)
    try:
        basyx.start()
        supervisor.record(ready=False)
        model = [installation.PYTHON, "-m", "model", "train", "--out", options.state / "model"]
        steps.run("Model", model, "", {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
        package = build_package(steps, options.state)
        with steps.step(basyx.name):
            basyx.wait_until_healthy(120, supervisor.stopping)
        load = [installation.PYTHON, ROOT / "scripts" / "load_twin.py", "--basyx-url", basyx.url]
        load += ["--delegate-url", delegate.url, "--package", package]
        hmi.start()
        delegate.start()
        supervisor.record(ready=False)
        steps.run("Cells' shells into BaSyx", load, "")
        for service in (delegate, hmi):
            with steps.step(service.name):
                service.wait_until_healthy(90, supervisor.stopping)
        predict = [installation.PYTHON, ROOT / "scripts" / "predict.py", "--if-never", "--basyx-url", basyx.url]
        steps.run("Predict through the AAS", predict, f"See {delegate.log} as well.")
        supervisor.record(ready=True)
        print(f"  ready after {time.monotonic() - begin:.0f} s")
        print_table(all_services, package)
        if not os.environ.get("TWIN_DETACHED"):
            print("  Ctrl-C stops all.", flush=True)
        supervisor.watch()
    except KeyboardInterrupt:
        print(flush=True)
    finally:
        # a second Ctrl-C must not leave a service behind
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.stop()
    return 0


def detach(arguments: list[str], state: Path) -> int:
    """Runs this command again in a session of its own and follows its output until the twin is ready or failed."""
    log = state / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "DETACHED_PROCESS", 0)
    command = [sys.executable, "-u", __file__, *(a for a in arguments if a != "--detach")]
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
                run_ = supervision.read_run(state)
                if child.poll() is not None:
                    print(shown.read(), end="", flush=True)
                    return child.returncode or 1
                if run_ and run_["pid"] == child.pid and run_["ready"]:
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
    return "python scripts/up.py --stop" + ("" if state == ROOT / ".twin" else f" --state {state}")


def show_status(options: argparse.Namespace) -> int:
    found = supervision.status(options.state)
    healthy = found["ready"] and all(service["healthy"] for service in found["services"])
    if options.json:
        print(json.dumps(found, indent=1))
    elif not found["running"]:
        print("The twin is not running. Start it: python scripts/up.py")
    else:
        rows = [("service", "URL", "health")]
        rows += [
            (s["name"], s["url"], f"{'healthy' if s['healthy'] else 'NOT HEALTHY'}, pid {s['pid']}")
            for s in found["services"]
        ]
        print(table(rows))
    return 0 if healthy else 3


def main() -> int:
    options = parse_arguments()
    state: Path = options.state
    try:
        if options.status:
            return show_status(options)
        if options.stop:
            was_running = supervision.stop_running(state, print)
            print("The twin is stopped." if was_running else "The twin was not running.")
            return 0
        if supervision.is_held(state / "lock"):
            found = supervision.status(state)
            where = ", ".join(f"{s['name']} {s['url']}" for s in found["services"]) or "starting"
            print(f"The twin runs already (pid {found.get('pid', '-')}): {where}. Stop it: {stop_command(state)}")
            return 1
        if options.detach:
            if options.fresh:
                confirm_fresh(options)
            return detach([a for a in sys.argv[1:] if a not in ("--fresh", "--yes")], state)
        lock = supervision.Lock(state / "lock")
        if not lock.acquire():
            print("The twin is being started by another process.")
            return 1
        (state / "stop").unlink(missing_ok=True)
        try:
            return run(options)
        finally:
            lock.release()
    except (SetupError, ServiceError) as error:
        print(f"up.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130


if __name__ == "__main__":
    sys.exit(main())
