"""pyproject.toml, environment.yml and requirements.txt agree about what the project needs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
# conda-forge's name -> PyPI's, where they differ.
PYPI_NAME = {"pytorch": "torch", "matplotlib-base": "matplotlib", "playwright-python": "playwright"}
# What conda provides and pip does not install.
CONDA_ONLY = {"python", "pip"}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Continued lines joined: one requirement with its hashes a line.
LOCK = re.sub(r"\\\n\s*", " ", (ROOT / "requirements.txt").read_text(encoding="utf-8")).splitlines()
LOCKED = [line.split(" --hash=")[0].strip() for line in LOCK if line and not line.lstrip().startswith("#")]


def floors(lines: list[str]) -> dict[str, SpecifierSet]:
    """Give the versions that each requirement allows, by normalized name."""
    requirements = [Requirement(line) for line in lines]
    assert len({r.name for r in requirements}) == len(requirements), "a name is listed twice"
    return {canonicalize_name(PYPI_NAME.get(r.name, r.name)): r.specifier for r in requirements}


def project_floors() -> dict[str, SpecifierSet]:
    extras = PROJECT["project"]["optional-dependencies"]
    return floors(
        [*PROJECT["project"]["dependencies"], *(line for extra in extras.values() for line in extra)]
    )


def conda_lines() -> list[str]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return list(environment["dependencies"])


def test_conda_and_project_agree_both_ways() -> None:
    lines = [line for line in conda_lines() if Requirement(line).name not in CONDA_ONLY]
    assert floors(lines) == project_floors()


def test_conda_python_is_the_project_s() -> None:
    (python,) = [Requirement(line) for line in conda_lines() if Requirement(line).name == "python"]
    assert python.specifier == SpecifierSet(PROJECT["project"]["requires-python"])


def test_conda_file_says_how_to_add_the_rest() -> None:
    comments = [
        line
        for line in (ROOT / "environment.yml").read_text(encoding="utf-8").splitlines()
        if line[:1] == "#"
    ]
    (peer,) = PROJECT["dependency-groups"]["peer"]
    assert any(f"pip install --no-deps {peer}" in line for line in comments)
    assert any("pip install --no-deps -e ." in line for line in comments)


def test_every_dependency_is_a_floor() -> None:
    for name, specifier in project_floors().items():
        assert any(part.operator == ">=" for part in specifier), f"{name} has no floor"
        assert not any(part.operator in ("==", "~=") for part in specifier), f"{name} is pinned"


@pytest.mark.parametrize("name", sorted(project_floors()))
def test_lock_has_the_dependency_above_its_floor(name: str) -> None:
    # More than one line where the version depends on Python's.
    locked = [r for r in map(Requirement, LOCKED) if canonicalize_name(r.name) == name]
    assert locked, f"{name} is missing in requirements.txt; run make lock"
    for requirement in locked:
        (pin,) = requirement.specifier
        assert Version(pin.version) in project_floors()[name]


def test_lock_has_the_peer_without_its_pins() -> None:
    (peer,) = PROJECT["dependency-groups"]["peer"]
    assert peer in LOCKED
    # d2l pins 1.23.5; with its pins nothing below would have been locked.
    numpys = [next(iter(r.specifier)).version for r in map(Requirement, LOCKED) if r.name == "numpy"]
    assert min(map(Version, numpys)) >= Version("2")


def test_every_direct_name_in_the_lock_is_a_dependency() -> None:
    """`via d2lcnn (pyproject.toml)` marks what was asked for; nothing else may have been."""
    asked = set()
    name = ""
    for line in LOCK:
        if line and not line.lstrip().startswith("#"):
            name = canonicalize_name(Requirement(line.split(" --hash=")[0].strip()).name)
        # In the comment after the requirement: "# via d2lcnn (pyproject.toml)" or one line of several.
        elif re.search(r"\bd2lcnn \(pyproject\.toml(:\w+)?\)", line):
            asked.add(name)
    assert asked == set(project_floors()) | {"d2l"}


def test_every_requirement_is_pinned_and_hashed() -> None:
    assert LOCKED
    for line in LOCK:
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line.split(" --hash=")[0].strip())
            assert [part.operator for part in requirement.specifier] == ["=="], line
            assert re.search(r" --hash=sha256:[0-9a-f]{64}\b", line), f"{requirement} has no hash"


def test_lock_names_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for word in ("index-url", "find-links", "http:", "https:", "file:", "@ "):
        assert word not in text
    assert not [line for line in LOCK if line.startswith("-")]
