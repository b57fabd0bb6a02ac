"""The documentation names what there is: every command, every setting, no dead link, no picture that is missing."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from operations.request.settings import Settings
from operations.service.app import create_app
from tests.operations.line_model import LineModel
from tests.servers import ROOT

TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
REQUIREMENTS = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
README = (ROOT / "README.md").read_text(encoding="utf-8")
IMPORTED_ONLY = {"scripts/console.py"}
COMMANDS = [
    path for path in TRACKED if re.fullmatch(r"scripts/(benchmarks/)?\w+\.py", path) and path not in IMPORTED_ONLY
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_is_in_the_readme(command, monkeypatch, capsys):
    """In this process, where most of what they import is there already."""
    assert command in README or command.startswith("scripts/benchmarks/")  # the parts of scripts/bench.py
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    monkeypatch.setattr(sys, "path", [str((ROOT / command).parent), *sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / command), run_name="__main__")
    assert not ended.value.code
    assert "usage:" in capsys.readouterr().out


def test_every_setting_is_in_the_readme():
    code = [p for p in TRACKED if p.endswith((".py", ".java", ".yml", "Dockerfile")) and not p.startswith("tests/")]
    used = {name for p in code for name in re.findall(r"\bTWIN_[A-Z_]*[A-Z]\b", (ROOT / p).read_text(encoding="utf-8"))}
    internal = {"TWIN_DETACHED"}  # up.py's word to itself
    assert used - internal - set(re.findall(r"\bTWIN_[A-Z_]*[A-Z]\b", README)) == set()


@pytest.mark.parametrize("page", [p for p in TRACKED if p.endswith(".md")])
def test_commands_that_need_the_packages_are_shown_with_the_python_that_has_them(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r"(?<![/\\])python scripts/(\w+)\.py", text)
    assert set(shown) <= {"up", "test"}, f"{page} shows them with any Python"


NAMES = re.compile(r"(?<![\w/.:{-])((?:aasx|model|operations|dashboard|scripts|tests)/[\w./-]*\w/?)(?![\w*{])")
PAGES = [p for p in TRACKED if p.endswith((".md", ".py", ".yml", ".yaml", "Dockerfile")) and not p.startswith("tests/")]


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_are_named_exist(page):
    """In documents, docstrings, comments and settings alike; what a program makes there later is left out."""
    made = ("aasx/environment/target", "aasx/files/", "aasx/data.", "aasx/aasx-origin", "aasx/_rels")
    for name in NAMES.findall((ROOT / page).read_text(encoding="utf-8")):
        there = (ROOT / name).exists() or (ROOT / page).parent.joinpath(name).exists()
        assert there or name.startswith(made), f"{page} names {name}"


@pytest.mark.parametrize("page", [p for p in TRACKED if p.endswith("README.md")])
def test_modules_that_a_readme_names_exist(page):
    """`fade.py` or `life/fade.py` in the README of a folder is meant from there."""
    folder = (ROOT / page).parent
    for name in re.findall(r"(?<![\w/<])([\w/]+\.py)\b", (ROOT / page).read_text(encoding="utf-8").replace("\\_", "_")):
        assert any((place / name).exists() for place in (folder, ROOT, ROOT / "scripts")), f"{page} names {name}"


@pytest.mark.parametrize("page", [p for p in TRACKED if p.endswith(".py") and not p.startswith("tests/")])
def test_modules_that_docstrings_name_exist(page):
    for node in ast.walk(ast.parse((ROOT / page).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value.strip():
            for first, second in re.findall(r"\b(aasx|operations|dashboard|model)\.([a-z_]+)\.[a-z_]", node.value):
                known = any((ROOT / first / f"{second}{end}").exists() for end in (".py", ""))
                assert known, f"{page} names {first}.{second}"


@pytest.mark.parametrize("page", [p for p in TRACKED if p.endswith(".md")])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_the_version_stands_in_pyproject_and_all_else_says_the_same():
    """The delegate's Swagger and the name of a bundle read it; what cannot read it has a copy."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    pom = ElementTree.parse(ROOT / "aasx" / "environment" / "pom.xml").getroot()
    assert pom.findtext("{*}version") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    swagger = create_app(Settings(), LineModel()).test_client().get("/swagger.json").get_json()
    assert swagger["info"]["version"] == version


def brought(names: set[NormalizedName]) -> set[NormalizedName]:
    """These packages and all that come along with them."""
    found: set[NormalizedName] = set()
    while names:
        found |= names
        required = [Requirement(one) for name in names for one in importlib.metadata.requires(name) or []]
        wanted = {canonicalize_name(one.name) for one in required if not one.marker or one.marker.evaluate()}
        names = wanted - found
    return found


@pytest.mark.parametrize("image", ["operations", "dashboard"])
def test_an_image_holds_the_packages_that_its_code_imports(image):
    text = (ROOT / image / "Dockerfile").read_text(encoding="utf-8")
    line = re.search(r"pip install .* -c requirements.txt([^&]+?)(?:&&|\n[A-Z])", text.replace("\\\n", " "))
    assert line
    pinned = {canonicalize_name(one.partition("==")[0]) for one in REQUIREMENTS if "==" in one}
    asked = {canonicalize_name(name) for name in line[1].split()}
    assert asked <= pinned
    there, homes = brought(asked), importlib.metadata.packages_distributions()
    copied = tuple(f"{name}/" for name in re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE) if name != "scripts")
    for path in TRACKED:
        if not (path.startswith(copied) and path.endswith(".py")) or path == "aasx/packages/conformance.py":
            continue  # the last one is a tool's, scripts/check_aasx.py
        for node in ast.parse(
            (ROOT / path).read_text(encoding="utf-8")
        ).body:  # at the head, not where it may be lacking
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.partition(".")[0] for name in names} & set(homes):
                assert {canonicalize_name(home) for home in homes[top]} & there, f"{path} imports {top}"


@pytest.mark.parametrize("file", [p for p in TRACKED if p.endswith("Dockerfile")])
def test_dockerfiles_follow_the_rules_of_hadolint(file):
    linter = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("needs hadolint (python scripts/test.py installs it)")
    done = subprocess.run([linter, file], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_web_ui_of_compose_asks_the_aas_environment_and_nobody_else():
    """With a template of more components it asks for registries, and shows an error for each cell."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    (twin,) = (
        one
        for name, one in yaml.safe_load(compose["configs"]["ui-infrastructure"]["content"])["infrastructures"].items()
        if name != "default"
    )
    assert twin["template"] == "mono-repo" and list(twin["components"]) == ["aasEnvironment"]
