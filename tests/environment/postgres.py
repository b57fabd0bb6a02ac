"""A PostgreSQL server of its own for a test: Debian's programs, a free port, a temporary folder."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port

USER, PASSWORD = "twin", "a'secret"


def server_programs() -> Path | None:
    """The newest folder with PostgreSQL's server programs, which Debian keeps off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return folders[-1] if folders else None


def _account() -> str | None:
    """PostgreSQL does not run as root; the user it runs as, `None` for the present one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("PostgreSQL does not run as root, and there is no other user")


class Postgres:
    """A running server. It can be killed like by a power cut and started again."""

    def __init__(self, folder: Path | None = None, options: str = "") -> None:
        """`folder` must be empty, or is a new temporary one; `options` are those of the server."""
        programs = server_programs()
        if programs is None:
            pytest.skip("needs PostgreSQL's server programs (python scripts/test.py installs them; apt: postgresql)")
        self._programs, self._account = programs, _account()
        self.port = free_port()
        self.folder = folder or Path(tempfile.mkdtemp(prefix="twin-postgres-"))
        self._options = options
        if self._account:
            shutil.chown(self.folder, self._account)
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._data = self.folder / "data"
        self._run("initdb", "--pgdata", self._data, "--username", USER, "--pwfile", password, "--auth", "scram-sha-256",
                  "--encoding", "UTF8", "--locale", "C", "--no-sync")  # fmt: skip
        atexit.register(self.remove)
        self.start()

    def _run(self, program: str, *arguments: str | Path) -> str:
        done = subprocess.run([self._programs / program, *arguments], user=self._account, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} "
        options += f"-c max_connections=200 -c shared_buffers=64MB {self._options}"
        self._run("pg_ctl", "start", "--pgdata", self._data, "--wait", "-o", options, "--log", self.folder / "log")

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--pgdata", self._data, "--mode", "fast", "--wait")

    def kill(self) -> None:
        """Ends the server and its processes at once, without a last write."""
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True).stdout
        for process in (first, *map(int, children.split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{first}").exists():
            time.sleep(0.01)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def is_running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def sql(self, statement: str, database: str = "postgres") -> str:
        command = [shutil.which("psql") or self._programs / "psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1"]
        command += ["-p", str(self.port), "-U", USER, "-d", database, "-v", "ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(command, env=os.environ | {"PGPASSWORD": PASSWORD}, capture_output=True, text=True,
                              timeout=60)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def database(self, name: str) -> dict[str, Any]:
        """Makes an empty database; gives the environment's settings for it."""
        self.sql(f"CREATE DATABASE {name}")
        return self.settings(name)

    def settings(self, name: str) -> dict[str, Any]:
        url = f"jdbc:postgresql://127.0.0.1:{self.port}/{name}"
        return {"twin_store_url": url, "twin_store_user": USER, "twin_store_password": PASSWORD}

    def remove(self) -> None:
        if self.folder.exists():
            with contextlib.suppress(AssertionError, FileNotFoundError):
                self._run("pg_ctl", "stop", "--pgdata", self._data, "--mode", "immediate")
            shutil.rmtree(self.folder, ignore_errors=True)
