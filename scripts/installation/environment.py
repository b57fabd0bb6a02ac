"""The AAS environment: Eclipse BaSyx from Maven Central, packaged with our store."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from installation.java import Java, utf8_locale
from installation.places import ROOT, Places, SetupError, digest, fits
from installation.steps import Steps

SOURCES = ROOT / "aasx" / "environment"
CENTRAL = "https://repo.maven.apache.org/maven2"
MAVEN_VERSION = "3.9.16"
# published beside the archive on Maven Central
MAVEN_SHA512 = (
    "ed41650d42485cfc243fad22158caf9cbb5dc408ce7a09ddb94dd42a019de929"
    "ca43065bfa450612cf12bf78b5cafa3884b96c090de326ff590448c933454af3"
)
SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Options of a Java that ends too soon to earn what it compiles."""
TITLE, CLASSES = "Eclipse BaSyx AAS environment", "Classes kept for later starts"


def user_settings() -> Path:
    return Path(os.path.expanduser("~")) / ".m2" / "settings.xml"


def repository() -> str:
    """Where Maven itself comes from: MVNW_REPOURL (Maven Wrapper's variable), or the user's mirror of Central."""
    if given := os.environ.get("MVNW_REPOURL"):
        return given.rstrip("/")
    try:
        root = ElementTree.parse(user_settings()).getroot()
    except (OSError, ElementTree.ParseError):
        return CENTRAL
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "").strip()
        if {"*", "external:*", "central"} & {part.strip() for part in of.split(",")} and url:
            return url.rstrip("/")
    return CENTRAL


def find_maven(steps: Steps, places: Places) -> Path:
    """`mvn` from PATH, otherwise Maven's own distribution, fetched once and checked against its hash."""
    if found := shutil.which("mvn"):
        return Path(found)
    program = places.tools / f"apache-maven-{MAVEN_VERSION}" / "bin" / ("mvn.cmd" if os.name == "nt" else "mvn")
    if program.exists():
        return program
    places.tools.mkdir(parents=True, exist_ok=True)
    url = f"{repository()}/org/apache/maven/apache-maven/{MAVEN_VERSION}/apache-maven-{MAVEN_VERSION}-bin.zip"
    archive = places.tools / "maven.zip"
    with steps.step(f"Maven {MAVEN_VERSION} (not on PATH)"):
        try:
            with urllib.request.urlopen(url, timeout=60) as answer, archive.open("wb") as out:
                while part := answer.read(1 << 16):
                    steps.check()
                    out.write(part)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise SetupError(
                f"{url} cannot be fetched ({error}). Install Maven, or set MVNW_REPOURL to a mirror."
            ) from error
        found_hash = hashlib.sha512(archive.read_bytes()).hexdigest()
        if found_hash != MAVEN_SHA512:
            archive.unlink()
            raise SetupError(
                f"{url} does not have the published SHA-512 (got {found_hash[:16]}…). Start again, or install Maven."
            )
        part_folder = places.tools / "maven.part"
        shutil.rmtree(part_folder, ignore_errors=True)
        with zipfile.ZipFile(archive) as bundle:
            bundle.extractall(part_folder)
        (part_folder / program.relative_to(places.tools)).chmod(0o755)
        (part_folder / program.parents[1].name).replace(program.parents[1])
        shutil.rmtree(part_folder)
        archive.unlink()
    return program


def proxy_settings() -> str:
    """Maven settings with the proxies of HTTPS_PROXY and HTTP_PROXY, which Maven ignores; empty without the first."""
    proxies = urllib.request.getproxies_environment()
    if not proxies.get("https"):
        return ""  # Maven would ask that of HTTP for Central, too, which pip and curl do not
    not_for = "|".join(re.sub(r"^\.", "*.", name.strip()) for name in proxies.get("no", "").split(",") if name.strip())
    parts = []
    for protocol in ("http", "https"):
        given = proxies.get(protocol)
        if not given:
            continue
        url = urlsplit(given if "//" in given else f"http://{given}")
        try:
            fields = {"id": f"environment-{protocol}", "active": "true", "protocol": protocol}
            fields |= {"host": url.hostname or "", "port": str(url.port or 80)}
        except ValueError as error:
            raise SetupError(f"{protocol.upper()}_PROXY is no address of a proxy: {error}") from error
        if url.username:
            fields |= {"username": unquote(url.username), "password": unquote(url.password or "")}
        fields["nonProxyHosts"] = not_for
        parts.append("<proxy>" + "".join(f"<{k}>{escape(v)}</{k}>" for k, v in fields.items()) + "</proxy>")
    return f"<settings><proxies>{''.join(parts)}</proxies></settings>" if parts else ""


def is_packaged(places: Places, java: Java, verify: bool = False) -> bool:
    stamp = places.jar.with_suffix(".verified" if verify else ".sha256")
    return places.jar.exists() and fits(stamp, _wanted(java))


def _wanted(java: Java) -> str:
    """The class archive beside the jar is of one Java."""
    return f"{digest([SOURCES / 'pom.xml', SOURCES / 'src'])} {java.version} {java.home}"


def mark_packaged(places: Places, java: Java, verified: bool = False) -> None:
    for name in (".sha256", *((".verified",) if verified else ())):
        places.jar.with_suffix(name).write_text(_wanted(java), encoding="utf-8")


def keep_classes(steps: Steps, places: Places, java: Java) -> None:
    """The loaded classes of one start, kept beside the jar: with them the next ones are faster (jvm.options)."""
    archive = places.jar.with_suffix(".jsa")
    if archive.exists():
        return
    part, store = archive.with_suffix(".part"), places.state / "tmp" / "empty-store"
    command: list[str | Path] = [java.program, "-Xlog:cds=off", "-Xlog:cds+dynamic=off", *SHORT_LIVED]
    command += [f"-XX:ArchiveClassesAtExit={part}", "-Dspring.context.exit=onRefresh", "-jar", places.jar]
    command += ["--server.port=0", "--logging.level.root=ERROR", f"--twin.store.dir={store}"]
    steps.run(CLASSES, command, "", utf8_locale())
    part.replace(archive)
    shutil.rmtree(store)


def package(steps: Steps, places: Places, java: Java, verify: bool = False) -> None:
    """The AAS environment's jar, again only when its sources or Java changed; `verify` runs its JUnit tests with it."""
    if is_packaged(places, java, verify):
        return
    if places.environment != SOURCES:
        shutil.rmtree(places.environment / "src", ignore_errors=True)
        shutil.copytree(SOURCES / "src", places.environment / "src")
        shutil.copyfile(SOURCES / "pom.xml", places.environment / "pom.xml")
    command: list[str | Path] = [find_maven(steps, places), "-B", "-f", places.environment / "pom.xml"]
    command += ["-Dstyle.color=never", "--no-transfer-progress", "verify" if verify else "package"]
    if not verify:
        command.append("-Dmaven.test.skip=true")
    home = Path(os.path.expanduser("~"))
    if not os.access(home / ".m2" if (home / ".m2").exists() else home, os.W_OK):
        command.append(f"-Dmaven.repo.local={places.tools / 'maven-repository'}")
    if settings := proxy_settings():
        file = places.tools / "maven-proxies.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(settings, encoding="utf-8")
        command += ["--global-settings", file]
    for name in (".sha256", ".verified", ".jsa"):
        places.jar.with_suffix(name).unlink(missing_ok=True)
    title = f"{TITLE}{' and its JUnit tests' if verify else ''}"
    remedy = "Check the network to Maven Central (a proxy: HTTPS_PROXY; a mirror: ~/.m2/settings.xml) and start again."
    env = {"JAVA_HOME": str(java.home), "MAVEN_OPTS": os.environ.get("MAVEN_OPTS", " ".join(SHORT_LIVED))}
    steps.run(title, command, remedy, env | utf8_locale())
    mark_packaged(places, java, verified=verify)
