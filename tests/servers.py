"""The real services, started for a test on free ports and stopped with it."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
JAR = ROOT / "aasx" / "environment" / "target" / "aas-environment.jar"
JVM_OPTIONS = ROOT / "aasx" / "environment" / "jvm.options"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A started service: `.url`, `.process`, `.log` (a file). Ends with the test run even when nobody stops it."""

    def __init__(
        self, command: list[str], url: str, health: str, log: Path, env: dict[str, str], start_timeout_s: float
    ):
        self.url, self.log = url, log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        atexit.register(self.kill)
        self._wait_until_healthy(url + health, start_timeout_s)

    def _wait_until_healthy(self, url: str, timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"exited with {self.process.returncode} at start:\n{self.tail()}")
            try:
                if requests.get(url, timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"not healthy within {timeout_s:.0f} s: {url}\n{self.tail()}")

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def stop(self, timeout_s: float = 20) -> None:
        """Ends it as an operator does; a service that does not end by itself in time fails the test."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def start_basyx(
    store_dir: Path, port: int | None = None, start_timeout_s: float = 90, jvm: Sequence[str] = (), **properties: str
) -> Server:
    """The AAS environment of aasx/environment/ on `store_dir`; `properties` are Spring's, `_` for `.` and `__` for `-`.

    `jvm` are options of Java beside those of jvm.options.

    Unless said otherwise it hands operations over to any delegate, for tests start their own.
    """
    properties = {"twin_delegate_urls": "*"} | properties
    port = port or free_port()
    store_dir.parent.mkdir(parents=True, exist_ok=True)
    command = ["java", f"@{JVM_OPTIONS}", *jvm, "-jar", str(JAR)]
    command += ["--server.address=127.0.0.1", f"--server.port={port}", f"--twin.store.dir={store_dir}"]
    command += [f"--{name.replace('__', '-').replace('_', '.')}={value}" for name, value in properties.items()]
    log = store_dir.parent / f"basyx-{port}.log"
    return Server(command, f"http://127.0.0.1:{port}", "/shells?limit=1", log, {}, start_timeout_s)


def start_delegate(basyx_url: str, model_dir: Path, log_dir: Path, port: int | None = None, **env: str) -> Server:
    port = port or free_port()
    command = [sys.executable, "-m", "operations", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--basyx-url", basyx_url, "--model-dir", str(model_dir)]
    log = log_dir / f"delegate-{port}.log"
    return Server(command, f"http://127.0.0.1:{port}", "/health/ready", log, {"OMP_NUM_THREADS": "1", **env}, 90)


def start_hmi(basyx_url: str, log_dir: Path, port: int | None = None, **env: str) -> Server:
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/serve.py", "--server.headless=true"]
    command += ["--server.address=127.0.0.1", f"--server.port={port}", "--browser.gatherUsageStats=false"]
    log = log_dir / f"hmi-{port}.log"
    return Server(command, f"http://127.0.0.1:{port}", "/_stcore/health", log, {"TWIN_BASYX_URL": basyx_url, **env}, 60)
