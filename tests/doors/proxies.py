"""nginx and Caddy with the examples of scripts/proxy/, on free ports and with a certificate of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.servers import ROOT

NAME = "twin.example"
USER, PASSWORD = "operator", "only-for-tests"
NGINX = """daemon off;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/twin.conf;
}}
"""


@dataclass
class Certificate:
    file: Path
    key: Path

    @classmethod
    def made(cls, folder: Path) -> Certificate:
        made = cls(folder / "twin.crt", folder / "twin.key")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
        command += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(made.key), "-out", str(made.file)]
        subprocess.run(command, check=True, capture_output=True)
        return made


def changed(example: str, changes: dict[str, str]) -> str:
    """The example with what a user changes in it; each must stand there."""
    text = (ROOT / "scripts" / "proxy" / example).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{example} has no {old}"
        text = text.replace(old, new)
    return text


class Proxy:
    """One of the two in front of the services at these ports (hmi, aas, delegate)."""

    def __init__(
        self, kind: str, program: str, port: int, ports: dict[str, int], certificate: Certificate, folder: Path
    ):
        self.port, self.certificate = port, certificate
        self.url = f"https://{NAME}:{port}"
        folder.mkdir()
        changes = {f"127.0.0.1:{usual}": f"127.0.0.1:{ports[name]}" for name, usual in
                   (("hmi", 8501), ("aas", 8081), ("delegate", 5000))}  # fmt: skip
        changes |= {"/etc/ssl/twin/twin.crt": str(certificate.file), "/etc/ssl/twin/twin.key": str(certificate.key)}
        command = self._nginx(program, folder, changes) if kind == "nginx" else self._caddy(program, folder, changes)
        with (folder / "proxy.log").open("wb") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        self._wait(folder / "proxy.log")

    def _nginx(self, program: str, folder: Path, changes: dict[str, str]) -> list[str]:
        self.env = dict(os.environ)
        hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True)
        (folder / "twin.htpasswd").write_text(f"{USER}:{hashed.stdout}", encoding="ascii")
        changes |= {
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "/etc/nginx/twin.htpasswd": f"{folder}/twin.htpasswd",
        }
        (folder / "twin.conf").write_text(changed("nginx.conf", changes), encoding="utf-8")
        user = "root" if os.geteuid() == 0 else f"{os.environ.get('USER', 'nobody')}"
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user), encoding="utf-8")
        return [program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]

    def _caddy(self, program: str, folder: Path, changes: dict[str, str]) -> list[str]:
        command = [program, "hash-password", "--plaintext", PASSWORD]
        hashed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.env = os.environ | {"TWIN_PASSWORD_HASH": hashed, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        changes[f"{NAME} {{"] = f"{NAME}:{self.port} {{\n\tbind 127.0.0.1"
        options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
        (folder / "Caddyfile").write_text(options + changed("Caddyfile", changes), encoding="utf-8")
        return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]

    def _wait(self, log: Path) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        pytest.fail(f"the proxy does not start:\n{log.read_text(encoding='utf-8')}")

    def ask(self, method: str, path: str, client: str = "127.0.0.1", **more: object) -> urllib3.BaseHTTPResponse:
        """From a client at that address, who trusts the certificate and knows the password."""
        known = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")["authorization"]
        headers = {"Host": f"{NAME}:{self.port}", "Authorization": known, **(more.pop("headers", None) or {})}  # type: ignore[dict-item]
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, ca_certs=str(self.certificate.file), server_hostname=NAME, assert_hostname=NAME,
            source_address=(client, 0), retries=False, timeout=30,
        ) as pool:  # fmt: skip
            return pool.request(method, path, headers=headers, redirect=False, **more)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
