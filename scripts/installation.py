"""What `up.py` and `test.py` set up before they run: virtual environment, JDK, Maven, the AAS environment, Chromium.

Standard library only: it runs before anything is installed. Each part is skipped when it is there already and fits.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
ENVIRONMENT = ROOT / "aasx" / "environment"
JAR = ENVIRONMENT / "target" / "aas-environment.jar"

MAVEN_VERSION = "3.9.16"
# published beside the archive on Maven Central
MAVEN_SHA512 = (
    "ed41650d42485cfc243fad22158caf9cbb5dc408ce7a09ddb94dd42a019de929"
    "ca43065bfa450612cf12bf78b5cafa3884b96c090de326ff590448c933454af3"
)
OLDEST_JAVA = 17
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that names the remedy."""


class Steps:
    """Prints what is done and how long it took; the commands' own output goes to a log file."""

    def __init__(self, log: Path):
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("", encoding="utf-8")
        self._live = sys.stdout.isatty()

    def note(self, text: str) -> None:
        print(f"  {text}", flush=True)

    @contextlib.contextmanager
    def step(self, title: str):
        """A long step: in a terminal a running clock, in a log a line at its start; its duration at its end."""
        begin, over = time.monotonic(), threading.Event()

        def tick() -> None:
            while not over.wait(1):
                print(f"\r  {title} … {time.monotonic() - begin:.0f} s ", end="", flush=True)

        clock = threading.Thread(target=tick, daemon=True) if self._live else None
        print(f"  {title} …", end="" if clock else "\n", flush=True)
        if clock:
            clock.start()
        outcome = "failed after"
        try:
            yield
            outcome = "done in"
        finally:
            over.set()
            if clock:
                clock.join()
            print(f"{chr(13) if clock else ''}  {title}: {outcome} {time.monotonic() - begin:.1f} s   ", flush=True)

    def run(self, title: str, command: Sequence[str | Path], remedy: str, env: dict[str, str] | None = None) -> None:
        """Runs a command as a step; raises SetupError with its last lines and the remedy when it fails."""
        with self.step(title), self.log.open("ab") as log:
            start = log.tell()
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT,
                env=os.environ | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code:
            with self.log.open("rb") as log:
                log.seek(start)
                last = log.read().decode("utf-8", "replace").splitlines()[-15:]
            raise SetupError(
                "\n".join([f"{title} failed (exit code {code}):", *last, f"{remedy} Whole output: {self.log}"])
            )


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over names and contents of files and of all files below folders (caches and build output left out)."""
    total = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and not {"__pycache__", "target"} & set(file.relative_to(ROOT).parts):
                total.update(file.relative_to(ROOT).as_posix().encode())
                total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def fits(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8").strip() == wanted


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (this file runs on whatever Python the user has)
        raise SetupError(
            f"This is Python {sys.version.split()[0]}; the twin needs 3.11 or newer: https://www.python.org/downloads/"
        )


def apt_install(steps: Steps, packages: Sequence[str], what: str, allowed: bool) -> bool:
    """Installs Debian packages where that is possible without asking; False where it is not."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not (allowed and as_root and shutil.which("apt-get")):
        return False
    steps.note(f"{what} not found: installing Debian's {' '.join(packages)} (--no-install forbids this)")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = f"Install {what} by hand and start again."
    steps.run("Package lists", ["apt-get", "update", "-q"], remedy, quiet)
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    steps.run(what, install, remedy, quiet)
    return True


def make_venv(steps: Steps, install: bool) -> None:
    """`.venv` with requirements.txt; again only when requirements.txt or the Python changed."""
    requirements = ROOT / "requirements.txt"
    wanted = digest([requirements]) + f" {sys.version_info.major}.{sys.version_info.minor}"
    stamp = VENV / "requirements.sha256"
    if PYTHON.exists() and fits(stamp, wanted):
        return
    stamp.unlink(missing_ok=True)
    if not PYTHON.exists():
        try:
            import ensurepip  # noqa: F401  (Debian ships venv without it)
        except ImportError:
            name = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
            if not apt_install(steps, [name], "Python's venv", install):
                raise SetupError(f"Python's venv is missing: sudo apt install {name}") from None
        steps.run("Virtual environment", [sys.executable, "-m", "venv", VENV], "Delete .venv and start again.")
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-r", requirements]
    steps.run("Python packages", pip, "Check the network (a proxy: HTTPS_PROXY) and start again.")
    stamp.write_text(wanted, encoding="utf-8")


def java_home() -> Path | None:
    """The folder of a JDK >= 17: JAVA_HOME, or the one `javac` on PATH belongs to."""
    places = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    if found := shutil.which("javac"):
        places.append(Path(found).resolve().parent.parent)
    for home in places:
        try:
            command = [str(home / "bin" / "javac"), "-version"]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = re.search(r"javac (\d+)", answer.stdout + answer.stderr)
        if version and int(version[1]) >= OLDEST_JAVA:
            return home
    return None


def find_java(steps: Steps, install: bool) -> Path:
    """The JDK's folder, installed where possible. Raises SetupError naming the install command of this OS."""
    home = java_home()
    if home is None and apt_install(steps, ["default-jdk-headless"], f"a JDK >= {OLDEST_JAVA}", install):
        home = java_home()
    if home is None:
        command = {
            "win32": "winget install EclipseAdoptium.Temurin.21.JDK",
            "darwin": "brew install --cask temurin@21",
        }.get(sys.platform, "sudo apt install default-jdk-headless")
        raise SetupError(f"No JDK >= {OLDEST_JAVA} found (JAVA_HOME, PATH). Install one: {command}")
    return home


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
def _no_service_starts():
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


def find_maven(steps: Steps) -> Path:
    """`mvn` from PATH, otherwise Maven's own distribution, fetched once into .venv and checked against its hash."""
    if found := shutil.which("mvn"):
        return Path(found)
    folder = VENV / f"apache-maven-{MAVEN_VERSION}"
    program = folder / "bin" / ("mvn.cmd" if os.name == "nt" else "mvn")
    if program.exists():
        return program
    base = os.environ.get("MVNW_REPOURL", "https://repo.maven.apache.org/maven2").rstrip(
        "/"
    )  # Maven Wrapper's variable
    url = f"{base}/org/apache/maven/apache-maven/{MAVEN_VERSION}/apache-maven-{MAVEN_VERSION}-bin.zip"
    archive = VENV / "maven.zip"
    with steps.step(f"Maven {MAVEN_VERSION} (not on PATH)"):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, archive.open("wb") as out:
                shutil.copyfileobj(answer, out)
        except (urllib.error.URLError, TimeoutError) as error:
            raise SetupError(
                f"{url} cannot be fetched ({error}). Install Maven, or set MVNW_REPOURL to a mirror."
            ) from error
        found_hash = hashlib.sha512(archive.read_bytes()).hexdigest()
        if found_hash != MAVEN_SHA512:
            archive.unlink()
            raise SetupError(
                f"{url} does not have the published SHA-512 (got {found_hash[:16]}…). Start again, or install Maven."
            )
        with zipfile.ZipFile(archive) as bundle:
            bundle.extractall(VENV)
        archive.unlink()
        program.chmod(0o755)
    return program


def package_environment(steps: Steps, java: Path, verify: bool = False) -> None:
    """The AAS environment's jar, again only when its sources changed; `verify` runs its JUnit tests with it."""
    stamp = JAR.with_suffix(".verified" if verify else ".sha256")
    wanted = digest([ENVIRONMENT / "pom.xml", ENVIRONMENT / "src"])
    if JAR.exists() and fits(stamp, wanted):
        return
    command: list[str | Path] = [find_maven(steps), "-B", "-f", ENVIRONMENT / "pom.xml"]
    command += ["-Dstyle.color=never", "--no-transfer-progress", "verify" if verify else "package"]
    if not verify:
        command.append("-DskipTests")
    title = f"Eclipse BaSyx AAS environment{' and its JUnit tests' if verify else ''}"
    steps.run(title, command, "Check the network to Maven Central and start again.", {"JAVA_HOME": str(java)})
    for name in [".sha256", *([".verified"] if verify else [])]:
        JAR.with_suffix(name).write_text(wanted, encoding="utf-8")
