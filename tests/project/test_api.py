"""The package's surface: names, docstrings, and which room imports which."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import d2lcnn

PACKAGE = Path(d2lcnn.__file__).parent
ROOMS = ("data", "layers", "nets", "training", "insight", "cli")
# What each room may import of the others; data flows in this order.
ALLOWED = {
    "data": set(),
    "layers": set(),
    "nets": {"layers"},
    "training": {"data", "layers"},
    "insight": {"data", "layers", "nets", "training"},
    "cli": {"data", "layers", "nets", "training", "insight"},
}
# The command line is a program: its names are not the package's.
PROGRAM = "cli"
# The file of training that knows the networks: the table of recipes.
KNOW_NETS = {"training/recipes.py"}
NEVER = ("d2l", "timm", "torchvision.models")

ARGS_SECTION = re.compile(r"^Args:\n((?:[ \t]+.*\n|\n)+)", re.MULTILINE)
ARGUMENT = re.compile(r"^ {4}\*{0,2}(\w+):", re.MULTILINE)

PUBLIC = {name: getattr(d2lcnn, name) for name in d2lcnn.__all__}
DOCUMENTED = {
    name: item for name, item in PUBLIC.items() if inspect.isclass(item) or inspect.isfunction(item)
}
METHODS = {
    f"{name}.{attribute}": method
    for name, item in DOCUMENTED.items()
    if inspect.isclass(item)
    for attribute, method in vars(item).items()
    if inspect.isfunction(method) and not attribute.startswith("_")
}


def documented_arguments(docstring: str) -> list[str]:
    """Give the names under `Args:`, in order."""
    section = ARGS_SECTION.search(inspect.cleandoc(docstring) + "\n")
    return ARGUMENT.findall(section.group(1)) if section else []


def parameters(item: Any) -> list[str]:
    """Give the parameters of a function, or of making an object of a class whose `__init__` is the package's."""
    function = item
    if inspect.isclass(item):
        maker = next(base for base in item.__mro__ if "__init__" in vars(base))
        if maker.__module__.partition(".")[0] != "d2lcnn":
            return []
        function = maker.__init__  # type: ignore[misc]
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_all_is_sorted_and_importable() -> None:
    assert list(d2lcnn.__all__) == sorted(set(d2lcnn.__all__))
    assert DOCUMENTED


def test_all_is_complete() -> None:
    bound = {
        name for name, item in vars(d2lcnn).items() if not name.startswith("_") and not inspect.ismodule(item)
    }
    assert bound == set(d2lcnn.__all__)
    for room in set(ROOMS) - {PROGRAM}:
        module = getattr(d2lcnn, room, None)
        assert set(getattr(module, "__all__", ())) <= set(d2lcnn.__all__)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_names_the_arguments(name: str) -> None:
    docstring = DOCUMENTED[name].__doc__
    assert docstring, f"d2lcnn.{name} has no docstring"
    assert documented_arguments(docstring) == parameters(DOCUMENTED[name])
    assert ">>> " in docstring, f"d2lcnn.{name} shows no example"


@pytest.mark.parametrize("name", METHODS)
def test_method_has_a_docstring(name: str) -> None:
    docstring = METHODS[name].__doc__
    assert docstring, f"d2lcnn.{name} has no docstring"
    # A short method says all in its first line; arguments that it does list are the ones it takes.
    assert documented_arguments(docstring) in ([], parameters(METHODS[name]))


def test_the_check_of_arguments_can_fail() -> None:
    def function(first: int, second: int) -> None:
        """Do it.

        Args:
            first: In metres.
                More: about it.
            **other: Not there.

        Raises:
            ValueError: If not.
        """

    assert documented_arguments(function.__doc__ or "") == ["first", "other"] != parameters(function)


def imported(path: Path) -> Iterator[str]:
    """Give the full names that a file of the package imports, wherever in the file that happens."""
    package = ("d2lcnn", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_follow_the_arrows(path: Path) -> None:
    inside = path.relative_to(PACKAGE)
    names = list(imported(path))
    forbidden = [n for n in names for module in NEVER if n == module or n.startswith(f"{module}.")]
    assert not forbidden
    room = inside.parts[0]
    if room not in ROOMS:
        return
    allowed = ALLOWED[room] | {room} | ({"nets"} if inside.as_posix() in KNOW_NETS else set())
    reached = {name.split(".")[1] for name in names if name.startswith("d2lcnn.")}
    assert reached & set(ROOMS) <= allowed
    # The top imports every room, so a room that imports the top imports them all.
    assert "d2lcnn" not in names
    assert reached <= set(ROOMS), f"{inside} imports names from the top of the package"


def test_imports_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "nets").mkdir()
    path = tmp_path / "nets" / "file.py"
    path.write_text(
        "from . import a\nfrom ..data import b\nimport timm.models\ndef f():\n    from torchvision import models\n"
    )
    assert list(imported(path)) == ["d2lcnn.nets.a", "d2lcnn.data.b", "timm.models", "torchvision.models"]
