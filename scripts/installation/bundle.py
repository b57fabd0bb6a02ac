"""A zip of the whole twin that starts without a network on a machine of the same kind: wheels, jars, model, AASX.

battery-twin-2.0.0/                  the project, as it stands
    bundle/manifest.json             what it is for: version, Python, platform, hash of what the parts were made from
    bundle/wheels/  bundle/environment/  bundle/state/
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

from installation import environment, packages
from installation.java import Java
from installation.places import ROOT, Places, SetupError, digest
from installation.steps import Steps

FOLDER = "bundle"
LEFT_OUT = {".git", ".venv", ".twin", "target", FOLDER}
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
MADE = ("model", "model.sha256", "aasx")  # of the state folder
TITLE = "Bundle"


def _manifest() -> dict[str, str]:
    return {
        "version": packages.version(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "platform": sysconfig.get_platform(),
        "sources": digest([packages.REQUIREMENTS, environment.SOURCES / "pom.xml", environment.SOURCES / "src"]),
    }


def _project() -> Iterator[Path]:
    """Files of the project: those that git knows, where there is git; nobody's notes that lie between them."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z"]
    try:
        listed = subprocess.run(git, capture_output=True, timeout=60)
        names = listed.stdout.decode("utf-8").split("\0") if listed.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        names = []
    for path in sorted(ROOT / name for name in names if name) or sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        in_environment = parts[:2] == ("aasx", "environment") and "target" in parts
        left_out = parts[0] in LEFT_OUT or in_environment or bool(CACHES & set(parts))
        if not left_out and path.is_file():
            yield path


def make(steps: Steps, places: Places, out: Path) -> Path:
    """Writes the zip from what is set up; `out`: its name, or a folder for it. Raises SetupError."""
    manifest = _manifest()
    name = f"battery-twin-{manifest['version']}"
    if out.is_dir():
        out = out / f"{name}-py{manifest['python']}-{manifest['platform']}.zip"
    wheels = places.state / "tmp" / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    pip: list[str | Path] = [places.python, "-m", "pip", "wheel", "--disable-pip-version-check", "--no-input"]
    steps.run("Wheels", [*pip, "-w", wheels, "-r", packages.REQUIREMENTS], "Check the network and start again.")
    part = out.with_name(out.name + ".part")
    with steps.step(TITLE):
        try:
            with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle:
                for path in _project():
                    bundle.write(path, f"{name}/{path.relative_to(ROOT).as_posix()}")
                for source, folder in (
                    (wheels, "wheels"),
                    (places.jar, "environment"),
                    (places.jar.parent / "lib", "environment/lib"),
                    *((places.state / made, f"state/{made}") for made in MADE),
                ):
                    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
                    for path in files:
                        steps.check()
                        inner = path.relative_to(source).as_posix() if source.is_dir() else path.name
                        target = folder if source.is_file() and folder.endswith(path.name) else f"{folder}/{inner}"
                        packed = path.suffix in (".whl", ".jar", ".aasx")
                        kind = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                        bundle.write(path, f"{name}/{FOLDER}/{target}", kind)
                bundle.writestr(f"{name}/{FOLDER}/manifest.json", json.dumps(manifest, indent=1))
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(out)
    shutil.rmtree(wheels)
    return out


def beside() -> Path | None:
    """The bundle that this project was unpacked from."""
    return ROOT / FOLDER if (ROOT / FOLDER / "manifest.json").is_file() else None


def open_(given: Path, places: Places, steps: Steps) -> Path:
    """The folder with a bundle's parts: of a zip (unpacked into the state folder), or of an unpacked one."""
    if given.is_dir():
        folder = next((f for f in (given, given / FOLDER) if (f / "manifest.json").is_file()), None)
        if folder is None:
            raise SetupError(f"{given} holds no bundle")
    else:
        folder = places.state / "tmp" / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        with steps.step("Unpacking"):
            try:
                with zipfile.ZipFile(given) as bundle:
                    for entry in bundle.infolist():
                        steps.check()
                        parts = Path(entry.filename).parts[1:]
                        if parts[:1] == (FOLDER,) and ".." not in parts and not entry.is_dir():
                            target = folder.joinpath(*parts[1:])
                            target.parent.mkdir(parents=True, exist_ok=True)
                            with bundle.open(entry) as source, target.open("wb") as out:
                                shutil.copyfileobj(source, out)
            except (zipfile.BadZipFile, OSError) as error:
                raise SetupError(f"{given} cannot be read as a bundle: {error}") from error
    _check(given, folder)
    return folder


def _check(given: Path, folder: Path) -> None:
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupError(f"{given} is no bundle of the twin ({error})") from error
    for name, wanted in _manifest().items():
        if found.get(name) != wanted:
            what = f"{found.get(name)}, here is {wanted}" if name != "sources" else "other sources than these"
            raise SetupError(
                f"{given} does not fit: its {name} is {what}. Make one with up.py --bundle on such a machine."
            )


def install(places: Places, java: Java, folder: Path) -> Path:
    """Puts the parts where the set-up looks for them; what is there and fits is left. Gives the folder of wheels."""
    if not environment.is_packaged(places, java):
        shutil.rmtree(places.jar.parent, ignore_errors=True)
        shutil.copytree(folder / "environment", places.jar.parent)
        environment.mark_packaged(places, java)
    for name in MADE:
        source, target = folder / "state" / name, places.state / name
        if target.exists() or not source.exists():
            continue
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return folder / "wheels"
