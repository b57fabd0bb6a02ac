"""What is set up before the twin runs: steps, Python packages, Java, Maven, proxies."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest

from aasx.client import AasClient
from tests.servers import ROOT, start_basyx

sys.path.insert(0, str(ROOT / "scripts"))
from installation import bundle, environment, java, packages, places, system
from installation.places import Places, SetupError
from installation.steps import Forecast, SideBySide, Steps
from supervision import processes

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX shell scripts")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def wait_for(condition, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


# --- steps


def test_a_step_that_fails_is_not_called_done(tmp_path, capsys):
    failing = [sys.executable, "-c", "print('cause'); raise SystemExit(3)"]
    with pytest.raises(SetupError, match=r"(?s)Works failed \(exit code 3\):\ncause\nTry again. Whole output: .*works"):
        Steps(tmp_path / "setup.log").run("Works", failing, "Try again.")
    told = capsys.readouterr().out
    assert "Works: failed after" in told and "done" not in told


def test_a_program_that_is_missing_is_told_in_a_line(tmp_path):
    with pytest.raises(SetupError, match=r"^Works failed: /no/such/program cannot be run .* Install it\.$"):
        Steps(tmp_path / "setup.log").run("Works", ["/no/such/program"], "Install it.")


@posix
def test_told_to_stop_a_step_ends_its_command_and_what_that_started(tmp_path):
    stop = threading.Event()
    pid_file = tmp_path / "pid"
    parent = f"import subprocess, sys, time; p = subprocess.Popen({SLEEP!r}); "
    parent += f"open({str(pid_file)!r}, 'w').write(str(p.pid)); time.sleep(600)"
    one = Steps(tmp_path / "setup.log", stop.is_set)

    def stop_soon() -> None:
        wait_for(lambda: pid_file.exists() and pid_file.read_text())
        stop.set()

    threading.Thread(target=stop_soon).start()
    with pytest.raises(KeyboardInterrupt):
        one.run("Long", [sys.executable, "-c", parent], "")
    wait_for(lambda: not processes.identity(int(pid_file.read_text())))


def test_of_steps_side_by_side_the_first_failure_ends_the_others(tmp_path):
    one = Steps(tmp_path / "setup.log")
    jobs = SideBySide(one)
    jobs.start(lambda: one.run("Endless", SLEEP, ""))
    jobs.start(lambda: one.run("Short", [sys.executable, "-c", "raise SystemExit(1)"], ""))
    with pytest.raises(SetupError, match="Short failed"):
        list(jobs.finished())


def test_what_follows_a_job_is_started_by_the_callers_thread(tmp_path):
    seen = []
    jobs = SideBySide(Steps(tmp_path / "setup.log"))

    def first() -> None: ...

    def second() -> None: ...

    jobs.start(first)
    for job in jobs.finished():
        seen.append((job, threading.current_thread()))
        if job is first:
            jobs.start(second)
    assert seen == [(first, threading.main_thread()), (second, threading.main_thread())]


def test_the_forecast_follows_the_longest_lane_and_never_goes_back():
    forecast = Forecast([{"a": 30, "b": 10}, {"c": 20}], {"d": 10})
    assert forecast.tell(0) == "[  0 %, about 50 s left]"
    forecast.begin("a", 0)
    forecast.begin("c", 0)
    assert forecast.tell(10) == "[ 20 %, about 40 s left]"
    forecast.end("c", 20)
    forecast.end("a", 30)
    assert forecast.tell(30) == "[ 60 %, about 20 s left]"
    forecast.begin("b", 30)
    assert forecast.tell(300) == "[ 78 %, about 11 s left]"  # longer than expected: close to its end, not beyond
    forecast.end("b", 330)
    assert forecast.tell(330).startswith("[ 80 %, about 4")  # this machine is slower than expected
    assert Forecast([], {}).tell(0) == ""


def test_a_closed_output_does_not_end_a_setup(tmp_path, monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdout", Closed())
    one = Steps(tmp_path / "setup.log")
    one.note("nobody reads this")
    with one.step("Works"):
        pass


# --- Python packages


@pytest.fixture
def apart(tmp_path, monkeypatch) -> Places:
    """Places outside the checkout, as for one that cannot be written, with no packages asked for."""
    monkeypatch.setattr(Places, "writable", False)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# none\n", encoding="utf-8")
    monkeypatch.setattr(packages, "REQUIREMENTS", requirements)
    monkeypatch.setattr(packages, "extra", {"test": [], "cluster": []}.get)
    return Places(tmp_path / "état")


@pytest.mark.lasting
def test_the_environment_is_made_once_and_again_when_it_was_left_half_done(apart, capsys):
    one = Steps(apart.state / "logs" / "setup.log")
    venv = packages.Venv(apart)
    packages.ensure(one, apart, False)
    assert venv.lacks([]) == [] and packages.TITLE_VENV in capsys.readouterr().out
    packages.ensure(one, apart, False)
    assert capsys.readouterr().out == ""

    # Ctrl-C while it is made: a Python that runs, without pip
    for folder in apart.venv.glob("lib/python*/site-packages/pip"):
        folder.rename(folder.with_name("half"))
    (apart.venv / "installed.json").unlink()
    packages.ensure(one, apart, False)
    assert venv.lacks([]) == [] and packages.TITLE_VENV in capsys.readouterr().out


@posix
@pytest.mark.lasting
def test_an_environment_whose_python_is_gone_is_made_anew(apart, capsys):
    one = Steps(apart.state / "logs" / "setup.log")
    packages.ensure(one, apart, False)
    apart.python.unlink()
    apart.python.symlink_to("/opt/python3.11.1/bin/python3")  # upgraded since
    packages.ensure(one, apart, False)
    assert subprocess.run([apart.python, "-m", "pip", "--version"], capture_output=True).returncode == 0


@pytest.mark.lasting
def test_extras_are_added_and_are_not_missed_by_who_does_not_ask_for_them(apart, capsys):
    one = Steps(apart.state / "logs" / "setup.log")
    venv = packages.Venv(apart)
    packages.ensure(one, apart, False)
    assert venv.lacks(["test"]) == ["test"]
    capsys.readouterr()
    packages.ensure(one, apart, False, ["test"])
    assert packages.TITLE_VENV not in capsys.readouterr().out
    assert venv.lacks(["test"]) == venv.lacks([]) == []


def test_a_venv_that_debian_left_out_is_installed_and_made(apart, monkeypatch):
    installed, ran = [], []

    def apt_install(steps, names, what, allowed):
        installed.extend(names)
        monkeypatch.delitem(sys.modules, "ensurepip")
        return True

    one = Steps(apart.state / "logs" / "setup.log")
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # what makes its import fail
    monkeypatch.setattr(packages, "apt_install", apt_install)
    monkeypatch.setattr(one, "run", lambda title, *_: ran.append(title))
    packages.Venv(apart).make(one, True, None)
    assert installed == [f"python3.{sys.version_info.minor}-venv"]
    assert ran[0] == packages.TITLE_VENV


@pytest.mark.parametrize("stamp", ["", "{}", "[]", "null", '{"python": 3}'])
def test_a_damaged_stamp_counts_for_none(apart, stamp):
    apart.venv.mkdir(parents=True)
    (apart.venv / "installed.json").write_text(stamp, encoding="utf-8")
    assert packages.Venv(apart).lacks([]) == ["requirements"]


def test_training_finds_the_packages_that_are_installed_for_it_first():
    homes = importlib.metadata.packages_distributions()
    later = {"plotly", "distributed"}  # of a report, and of training on a cluster
    for path in (ROOT / "model").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.partition(".")[0] for name in names} & set(homes) - later:
                assert set(homes[top]) & set(packages.TRAINING), f"{path} imports {top}"
    assert len(packages.training_requirements()) == len(packages.TRAINING)


def test_every_package_has_one_exact_version_and_one_home():
    pinned = [line.split("#")[0].strip() for line in packages.REQUIREMENTS.read_text(encoding="utf-8").splitlines()]
    pinned = [line for line in pinned if line]
    for name in ("test", "cluster"):
        pinned += packages.extra(name)
    names = [line.split("==")[0].lower() for line in pinned]
    assert len(names) == len(set(names))
    assert all("==" in line for line in pinned)


# --- Java


def fake_java(folder: Path, script: str) -> Path:
    program = folder / "java"
    folder.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def home_of_java() -> Path:
    found = java.find(compiles=True)
    if found is None:
        pytest.skip("needs a JDK >= 17")
    return found.home


@posix
def test_java_behind_a_shim_tells_its_home(tmp_path, monkeypatch):
    home = home_of_java()
    shim = fake_java(tmp_path / "shims", f'exec "{home}/bin/java" "$@"')  # asdf, jenv, mise
    monkeypatch.setenv("PATH", f"{shim.parent}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    found = java.find(compiles=True)
    assert found and found.home.samefile(home) and found.compiles and found.major >= 17


@posix
def test_an_old_java_a_bare_runtime_and_a_wrong_home_are_passed_over(tmp_path, monkeypatch):
    home = home_of_java()
    old = fake_java(tmp_path / "old" / "bin", "printf '    java.home = /old\\n    java.version = 1.8.0_412\\n' >&2")
    runtime = f"printf '    java.home = {tmp_path}/bare\\n    java.version = 21.0.2\\n' >&2"
    bare = fake_java(tmp_path / "bare" / "bin", runtime)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing here"))
    monkeypatch.setenv("PATH", f"{old.parent}:{bare.parent}:{home}/bin")
    found = java.find(compiles=True)
    assert found and found.home.samefile(home)
    found = java.find(compiles=False)  # for a bundle a runtime will do
    assert found and found.home == tmp_path / "bare" and found.major == 21


@pytest.mark.long
def test_the_environment_runs_on_every_java_that_is_here(basyx_jar, tmp_path, monkeypatch):
    """Those that up.py would take: the class archive beside the jar is of one of them, and the others do without it."""
    found = {one.version: one for program in java._candidates() if (one := java.ask(program)) and one.major >= 17}
    assert found
    for version, one in found.items():
        monkeypatch.setenv("PATH", f"{one.home}/bin{os.pathsep}{os.environ['PATH']}")
        server = start_basyx(tmp_path / version / "store")
        try:
            if sys.platform == "linux":
                assert Path(f"/proc/{server.process.pid}/exe").resolve().is_relative_to(one.home.resolve())
            assert list(AasClient(server.url).shells()) == []
            print(f"Java {version}: answers")
        finally:
            server.stop()


def test_without_a_jdk_the_install_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "HOMES", ())
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SetupError, match=r"No JDK >= 17.*(apt|brew|winget) install"):
        java.ensure(Steps(tmp_path / "setup.log"), install=False)


@pytest.mark.skipif(sys.platform != "linux", reason="Java takes UTF-8 names everywhere else")
@pytest.mark.parametrize("ascii_only", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LANG": "C"}, {}])
def test_in_an_ascii_locale_java_opens_files_with_umlauts(tmp_path, monkeypatch, ascii_only):
    home = home_of_java()
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ascii_only.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "Zellen für Müller"
    folder.mkdir()
    (folder / "Umläute.java").write_text(
        "class U { public static void main(String[] a) { System.out.println(new java.io.File(a[0]).exists()); } }",
        encoding="utf-8",
    )
    command = [str(home / "bin" / "java"), str(folder / "Umläute.java"), str(folder)]
    plain = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "true" not in plain.stdout  # the fault of such a locale
    helped = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | java.utf8_locale())
    assert helped.stdout.strip() == "true", helped.stderr


# --- Maven


def test_a_maven_archive_with_a_wrong_hash_is_refused(tmp_path, monkeypatch):
    version = environment.MAVEN_VERSION
    folder = tmp_path / "org" / "apache" / "maven" / "apache-maven" / version
    folder.mkdir(parents=True)
    (folder / f"apache-maven-{version}-bin.zip").write_bytes(b"not Maven")
    monkeypatch.setenv("MVNW_REPOURL", tmp_path.as_uri())
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    with pytest.raises(SetupError, match="SHA-512"):
        environment.find_maven(Steps(tmp_path / "setup.log"), Places(tmp_path / "state"))
    assert not list((tmp_path / "state").rglob("*.zip"))


def no_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_maven_is_told_the_proxies_of_the_environment(monkeypatch):
    no_proxies(monkeypatch)
    assert environment.proxy_settings() == ""
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")  # of HTTP alone: not for Central, which is HTTPS
    assert environment.proxy_settings() == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://j%C3%BCrgen:p%40ss%26@proxy.example:3128")
    monkeypatch.setenv("http_proxy", "proxy.example")
    monkeypatch.setenv("NO_PROXY", "localhost,.corp.example")
    root = ElementTree.fromstring(environment.proxy_settings())
    told = {proxy.findtext("protocol"): {part.tag: part.text for part in proxy} for proxy in root.iter("proxy")}
    secure = told["https"]
    assert (secure["host"], secure["port"]) == ("proxy.example", "3128")
    assert (secure["username"], secure["password"]) == ("jürgen", "p@ss&")
    assert secure["nonProxyHosts"] == "localhost|*.corp.example"
    assert told["http"]["host"] == "proxy.example" and "username" not in told["http"]
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:port")
    with pytest.raises(SetupError, match="HTTPS_PROXY"):
        environment.proxy_settings()


def test_maven_itself_comes_from_the_mirror_of_the_users_settings(tmp_path, monkeypatch):
    monkeypatch.delenv("MVNW_REPOURL", raising=False)
    file = tmp_path / "settings.xml"
    monkeypatch.setattr(environment, "user_settings", lambda: file)
    assert environment.repository() == environment.CENTRAL
    mirror = "<mirror><mirrorOf>{}</mirrorOf><url>https://mirror.example/maven/</url></mirror>"
    for of, used in (("*", True), ("central", True), ("external:*,!snapshots", True), ("other", False)):
        text = f"<mirrors>{mirror.format(of)}</mirrors>"
        file.write_text(f'<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">{text}</settings>')
        assert (environment.repository() == "https://mirror.example/maven") is used, of
    file.write_text("<settings>")
    assert environment.repository() == environment.CENTRAL


# --- programs of the system


def test_a_program_is_found_on_the_path_and_where_debian_keeps_servers(tmp_path, monkeypatch):
    for version in ("9", "15"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "made-up-server").touch()
    monkeypatch.setattr(system, "SERVER_FOLDERS", (f"{tmp_path}/*/bin",))
    found = system.find_program(["no-such-program", "made-up-server"])
    assert found and Path(found) == tmp_path / "15" / "bin" / "made-up-server"
    assert system.find_program(["no-such-program"]) is None


def test_what_cannot_be_had_is_told_and_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(system.SYSTEM_PACKAGES, "Made-up", (("no-such-program",), ("no-such-package",)))
    assert system.ensure_system_packages(Steps(tmp_path / "setup.log"), ["Made-up"], install=False) == {}
    assert "Made-up is not here: tests that need it will skip" in capsys.readouterr().out


def test_what_is_made_stands_in_the_state_folder_when_the_checkout_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    there = Places(tmp_path)
    for path in (there.venv, there.python, there.environment, there.jar, there.tools):
        assert tmp_path in path.parents
    assert there.python_env()["PYTHONPYCACHEPREFIX"]


def test_bytecode_is_kept_where_the_checkout_is_to_stay_free_of_it(tmp_path, monkeypatch):
    """Packages are installed without: each service would compile them anew at each start."""
    there = Places(tmp_path)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    assert there.bytecode_env() == {}
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"
    env = os.environ | there.python_env()
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert told.stdout.split(maxsplit=1) == ["False", f"{tmp_path / 'pycache'}\n"]


# --- what is told to people


def test_the_version_stands_in_one_place_and_all_that_tell_it_agree():
    version = packages.version()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first and first[1] == version


# --- bundles


def test_a_bundle_that_does_not_fit_is_refused_before_anything_is_unpacked_into_place(tmp_path):
    one, there = Steps(tmp_path / "setup.log"), Places(tmp_path / "state")
    with pytest.raises(SetupError, match="cannot be read as a bundle"):
        bundle.open_(tmp_path / "missing.zip", there, one)
    (tmp_path / "text.zip").write_text("no zip", encoding="utf-8")
    with pytest.raises(SetupError, match="cannot be read as a bundle"):
        bundle.open_(tmp_path / "text.zip", there, one)
    with pytest.raises(SetupError, match="holds no bundle"):
        bundle.open_(tmp_path, there, one)
    for name in ("version", "python", "platform", "sources"):
        manifest = bundle._manifest() | {name: "another"}
        with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
            other.writestr("battery-twin-9/bundle/manifest.json", json.dumps(manifest))
            other.writestr("battery-twin-9/bundle/../../escaped", "out of its folder")
        with pytest.raises(SetupError, match=f"does not fit: its {name} is"):
            bundle.open_(tmp_path / "other.zip", there, one)
    assert not list(tmp_path.rglob("escaped"))
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as good:
        good.writestr("battery-twin-9/bundle/manifest.json", json.dumps(bundle._manifest()))
        good.writestr("battery-twin-9/bundle/wheels/one.whl", "wheel")
    opened = bundle.open_(tmp_path / "good.zip", there, one)
    assert (opened / "wheels" / "one.whl").read_text() == "wheel"
    assert bundle.open_(opened, there, one) == opened


def test_a_bundle_holds_the_project_and_nothing_that_was_made():
    names = {path.relative_to(ROOT).as_posix() for path in bundle._project()}
    assert {
        "README.md",
        "scripts/up.py",
        "requirements.txt",
        "aasx/environment/pom.xml",
        ".streamlit/config.toml",
    } <= names
    assert not [name for name in names if re.match(r"\.(git|venv|twin)/|aasx/environment/target/", name)]
    assert not [name for name in names if "__pycache__" in name]
