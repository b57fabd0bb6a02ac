"""A real MQTT broker (mosquitto) for a test, on a free port; its sessions lie in a folder and outlive it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt import publish

from tests.servers import free_port

FOLDERS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin"


def mosquitto() -> str | None:
    return shutil.which("mosquitto", path=FOLDERS)


class Certificates:
    """An authority made here, and a certificate for 127.0.0.1 that it has signed."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("needs openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self.ca, ca_key = folder / f"{name}.pem", folder / f"{name}.key"
        self.cert, self.key = folder / "broker.pem", folder / "broker.key"
        made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        made += ["-days", "2"]
        subprocess.run(
            [*made, "-subj", f"/CN={name}", "-keyout", ca_key, "-out", self.ca], check=True, capture_output=True
        )
        signed = ["-CA", str(self.ca), "-CAkey", str(ca_key), "-addext", "subjectAltName=IP:127.0.0.1"]
        signed += ["-addext", "basicConstraints=CA:FALSE", "-subj", "/CN=broker"]
        subprocess.run([*made, *signed, "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)

    @property
    def lines(self) -> str:
        """Of the broker's configuration."""
        return f"cafile {self.ca}\ncertfile {self.cert}\nkeyfile {self.key}"


class Broker:
    """With `user` nobody else is admitted. `extra` are lines of its configuration, the first ones of its listener."""

    def __init__(self, folder: Path, user: str | None = None, extra: str = "", password: str = "secret") -> None:
        command = mosquitto()
        if command is None:
            pytest.skip("needs mosquitto (on Debian: apt-get install mosquitto)")
        self.port, self._command, self._config = free_port(), command, folder / "mosquitto.conf"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        lines += ["autosave_interval 1", "autosave_on_changes true", "user root"]
        if user is None:
            lines.append("allow_anonymous true")
        else:
            tool = shutil.which("mosquitto_passwd", path=FOLDERS)
            assert tool
            subprocess.run([tool, "-b", "-c", str(folder / "users"), user, password], check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {folder / 'users'}"]
        self._config.write_text("\n".join([*lines, extra]) + "\n", encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([self._command, "-c", str(self._config)], stdout=quiet, stderr=quiet)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "mosquitto ended at its start"
            time.sleep(0.05)
        raise AssertionError("mosquitto does not listen")

    def stop(self, kill: bool = False) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self.process.wait(10)

    def publish(
        self,
        *messages: tuple[str, str | bytes],
        qos: int = 1,
        retain: bool = False,
        auth: tuple[str, str] | None = None,
        ca: Path | None = None,
    ) -> None:
        """Returns when the broker has them all (QoS 1)."""
        publish.multiple(
            [(topic, payload, qos, retain) for topic, payload in messages], hostname="127.0.0.1", port=self.port,
            auth=None if auth is None else {"username": auth[0], "password": auth[1]},
            tls=None if ca is None else {"ca_certs": str(ca)},
        )  # fmt: skip


class Publisher:
    """One that stays connected; what the broker has not acknowledged it sends again over the next connection."""

    def __init__(self, port: int) -> None:
        self._acknowledged: set[int] = set()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_publish = lambda _client, _data, mid, _code, _properties: self._acknowledged.add(mid)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def send_all(self, topic: str, payloads: list[str], timeout_s: float = 120) -> None:
        """Returns when the broker has acknowledged all."""
        mids = {self._client.publish(topic, payload, qos=1).mid for payload in payloads}
        end = time.monotonic() + timeout_s
        while not mids <= self._acknowledged:
            assert time.monotonic() < end, "the broker does not acknowledge"
            time.sleep(0.02)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
