"""Which Java to use.

Java itself is asked for its home: what is on PATH is often a link or a shim (asdf, jenv, mise, SDKMAN).
"""

from __future__ import annotations

import glob
import locale
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from installation.places import SetupError
from installation.steps import Steps
from installation.system import apt_install

OLDEST = 17
HOMES = (  # where installers put JDKs
    "/usr/lib/jvm/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*",
    "~/.sdkman/candidates/java/*",
    "~/.asdf/installs/java/*",
    "~/.local/share/mise/installs/java/*",
    "~/.jdks/*",
    "C:/Program Files/Java/*",
    "C:/Program Files/Eclipse Adoptium/*",
    "C:/Program Files/Microsoft/jdk*",
    "C:/Program Files/Zulu/*",
)


@dataclass(frozen=True)
class Java:
    """`version`: as it says itself, e.g. "17.0.15"; `compiles`: a JDK, not a bare runtime."""

    home: Path
    version: str
    compiles: bool

    @property
    def program(self) -> str:
        return str(self.home / "bin" / "java")

    @property
    def major(self) -> int:
        """17 of "17.0.15", and 8 of "1.8.0_412"."""
        found = re.match(r"(?:1\.)?(\d+)", self.version)
        return int(found[1]) if found else 0


def ask(program: str) -> Java | None:
    """What `java` (or a shim of that name) says of itself; None when it is none."""
    try:
        command = [program, "-XshowSettings:properties", "-version"]
        answer = subprocess.run(command, capture_output=True, timeout=60, env=os.environ | utf8_locale())
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = (answer.stdout + answer.stderr).decode("utf-8", "replace")
    told = {name: value.strip() for name, value in re.findall(r"^\s*(java\.\w+) = (.*)$", text, re.MULTILINE)}
    if "java.home" not in told or "java.version" not in told:
        return None
    home = Path(told["java.home"])
    if home.name == "jre" and (home.parent / "bin" / "java").exists():  # Java 8
        home = home.parent
    return Java(home, told["java.version"], shutil.which("javac", path=str(home / "bin")) is not None)


def _candidates() -> Iterator[str]:
    if home := os.environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if found := shutil.which("java", path=folder):
            yield found
    for pattern in HOMES:
        for home in sorted(glob.glob(os.path.expanduser(pattern)), reverse=True):
            yield str(Path(home) / "bin" / "java")


def find(compiles: bool) -> Java | None:
    """The first Java >= 17 of JAVA_HOME, PATH and the folders of the usual installers; `compiles`: a JDK only."""
    for program in dict.fromkeys(_candidates()):
        java = ask(program)
        if java and java.major >= OLDEST and (java.compiles or not compiles):
            return java
    return None


def ensure(steps: Steps, install: bool, compiles: bool = True) -> Java:
    """A Java, installed where possible. Raises SetupError naming the install command of this OS."""
    what = f"a {'JDK' if compiles else 'Java runtime'} >= {OLDEST}"
    java = find(compiles)
    if java is None and apt_install(steps, ["default-jdk-headless"], what, install):
        java = find(compiles)
    if java is None:
        command = {
            "win32": "winget install EclipseAdoptium.Temurin.21.JDK",
            "darwin": "brew install --cask temurin@21",
        }.get(sys.platform, "sudo apt install default-jdk-headless")
        raise SetupError(f"No {what[2:]} found (JAVA_HOME, PATH). Install one: {command}")
    return java


def utf8_locale() -> dict[str, str]:
    """Java on Linux cannot open files with umlauts in an ASCII locale (cron, systemd): a UTF-8 one in its place."""
    if sys.platform != "linux":
        return {}
    effective = next((os.environ[n] for n in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(n)), "C")
    if re.search(r"utf-?8", effective, re.IGNORECASE):
        return {}
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8", "fr_FR.UTF-8", "de_DE.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return {"LC_ALL": name}
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return {}
