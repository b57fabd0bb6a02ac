"""Programs that neither pip nor Maven brings: Debian's packages, where the system lets them be installed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from installation.places import SetupError
from installation.steps import Steps

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")

# what tests use beside Python and Java: name -> (programs, any of which will do; Debian's packages)
SYSTEM_PACKAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Chromium": (BROWSERS, ("chromium", "fonts-noto-core", "fonts-noto-color-emoji")),
    "PostgreSQL": (("postgres",), ("postgresql",)),
    "mosquitto": (("mosquitto",), ("mosquitto", "mosquitto-clients")),
    "nginx": (("nginx",), ("nginx-light",)),
    "caddy": (("caddy",), ("caddy",)),
}
SERVER_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
)  # often not on PATH

_one_apt = threading.Lock()


def apt_install(steps: Steps, packages: Sequence[str], what: str, allowed: bool) -> bool:
    """Installs Debian packages where that is possible without asking; False where it is not."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not (allowed and as_root and shutil.which("apt-get")):
        return False
    steps.note(f"{what} not found: installing Debian's {' '.join(packages)} (--no-install forbids this)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = f"Install {what} by hand and start again."
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    with _one_apt:
        steps.run(f"Package lists for {what}", ["apt-get", "update", "-q"], remedy, quiet)
        steps.run(what, command, remedy, quiet)
    return True


def find_program(names: Iterable[str]) -> str | None:
    """The first of these programs on PATH, or where Debian keeps servers (the newest version of several)."""
    for name in names:
        if found := shutil.which(name):
            return found
        places = [place for pattern in SERVER_FOLDERS for place in Path("/").glob(f"{pattern[1:]}/{name}")]
        if places:
            return str(max(places, key=lambda place: [int(number) for number in re.findall(r"\d+", str(place))]))
    return None


def ensure_system_packages(steps: Steps, names: Iterable[str], install: bool) -> dict[str, str]:
    """Program of each of these (see SYSTEM_PACKAGES) that is there, installed where the system lets it (Debian, root).

    What cannot be had is told; the tests that need it skip and say so.
    """
    for name in names:
        programs, packages = SYSTEM_PACKAGES[name]
        if find_program(programs) is None:
            try:
                with _no_service_starts():
                    apt_install(steps, packages, name, install)
            except SetupError as error:
                steps.note(str(error).splitlines()[0])
    found = {name: program for name in names if (program := find_program(SYSTEM_PACKAGES[name][0]))}
    if "Chromium" in names and os.environ.get("TWIN_BROWSER"):
        found["Chromium"] = os.environ["TWIN_BROWSER"]
    for name in names:
        if name not in found:
            steps.note(f"{name} is not here: tests that need it will skip")
    return found


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """While Debian installs servers for tests, none is started (invoke-rc.d asks policy-rc.d, which says 101: no)."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists() or not os.access(policy.parent, os.W_OK):
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)
