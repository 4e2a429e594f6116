"""What the project declares about itself is true, and consistent from file to file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points, requires, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import ganaug


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def declared(project: dict[str, Any]) -> list[Requirement]:
    """Return every direct requirement on another project, core and extras."""
    extras = project["optional-dependencies"].values()
    lines = project["dependencies"] + [line for extra in extras for line in extra]
    return [r for r in map(Requirement, lines) if r.name != "ganaug"]


def read_pins(path: Path) -> dict[str, Version]:
    """Return the versions of a constraints file, of which every line is ``name==version``."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    pins = {}
    for line in filter(None, lines):
        name, equals, pinned = line.partition("==")
        assert equals, f"{path.name}: {line!r} pins no version"
        assert canonicalize_name(name) not in pins, f"{path.name}: {name} stands there twice"
        pins[canonicalize_name(name)] = Version(pinned)
    return pins


def tracked_files(root: Path) -> list[Path]:
    """Return the text files that are, or would be, committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    files = [root / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()]


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_whole_package_and_nothing_else(root, wheel):
    names = set(wheel.namelist())
    in_package = {name for name in names if name.startswith("ganaug/")}
    sources = {p.relative_to(root).as_posix() for p in (root / "ganaug").rglob("*.py")}
    assert "ganaug/py.typed" in in_package
    assert sources <= in_package
    metadata = f"ganaug-{ganaug.__version__}.dist-info/"
    assert all(name.startswith(metadata) for name in names - in_package)


def test_the_wheel_carries_the_licence(wheel):
    (licence,) = [name for name in wheel.namelist() if name.endswith("LICENSE")]
    assert wheel.read(licence).startswith(b"MIT License")


def test_the_version_stands_in_one_place(project):
    assert "version" in project["dynamic"]
    assert version("ganaug") == ganaug.__version__


def test_the_changelog_begins_with_this_version(root):
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    assert releases[0] == ganaug.__version__


def test_the_installed_requirements_are_the_declared_ones(project):
    installed = {str(Requirement(r)) for r in requires("ganaug") or [] if "extra ==" not in r}
    assert installed == {str(Requirement(line)) for line in project["dependencies"]}


def test_the_command_is_declared():
    (command,) = entry_points(group="console_scripts", name="ganaug")
    assert command.value == "ganaug.cli:main"


def test_constraints_pin_a_version_that_every_requirement_allows(root, declared):
    pins = read_pins(root / "constraints.txt")
    missing = {r.name for r in declared if canonicalize_name(r.name) not in pins}
    assert not missing
    outside = {str(r) for r in declared if pins[canonicalize_name(r.name)] not in r.specifier}
    assert not outside


def test_minimum_constraints_are_the_declared_lower_bounds(root, project):
    pins = read_pins(root / "constraints-minimum.txt")
    for requirement in map(Requirement, project["dependencies"]):
        (bound,) = [s.version for s in requirement.specifier if s.operator == ">="]
        assert pins[canonicalize_name(requirement.name)] == Version(bound), requirement.name


def test_the_test_tools_have_the_same_version_in_both_constraints(root, project):
    tested, minimum = (
        read_pins(root / name) for name in ("constraints.txt", "constraints-minimum.txt")
    )
    for requirement in map(Requirement, project["optional-dependencies"]["test"]):
        name = canonicalize_name(requirement.name)
        assert minimum[name] == tested[name]


def test_all_takes_every_extra_that_users_need(project):
    extras = project["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - {"all", "bench", "dev", "docs", "lint", "test"}


def test_no_file_names_the_address_of_a_package_registry(root):
    address = re.compile(
        r"https?://[\w.-]*(pypi|pythonhosted|download\.pytorch|conda)[\w./-]*"
        r"|--(extra-)?index-url|--find-links"
    )
    me = Path(__file__).resolve()
    found = {
        f"{file.relative_to(root)}: {match[0]}"
        for file in tracked_files(root)
        if file != me
        for match in address.finditer(file.read_text("utf-8"))
    }
    assert not found


def test_no_lock_file_is_committed(root):
    names = {file.name for file in tracked_files(root)}
    assert not names & {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"}


def test_the_readme_marks_the_two_commands(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    fenced = re.findall(r"<!-- command: (\w+) -->\s*```\w*\n(.*?)```", readme, re.DOTALL)
    commands = dict(fenced)
    assert sorted(commands) == ["demo", "test"]
    assert commands["demo"].rstrip().endswith("ganaug demo")
    for command in commands.values():
        assert "-c constraints.txt" in command
