"""The program as a whole: its commands, their help, and how errors, Ctrl-C and closed pipes end."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from d2lcnn.cli import program

ROOT = Path(__file__).resolve().parents[2]
NAMES = [command.__name__.rpartition(".")[2] for command in program.COMMANDS]
PAGES = ("README.md", "CONTRIBUTING.md", "book/api/cli.md", "book/run-it-yourself.md")
# A command in a page or a help text; what follows after several spaces, or a closing backtick, says what it does.
IN_TEXT = re.compile(rf"(?:^|[\s`/])d2lcnn ((?:{'|'.join(NAMES)}) [^\n`]*?)(?=  |`|$)", re.MULTILINE)


def test_each_file_is_one_command(d2lcnn_):
    help_ = d2lcnn_("--help")
    assert help_.status == 0
    listed = re.findall(r"^    (\w+) +\S", help_.out, re.MULTILINE)
    assert listed == NAMES
    room = Path(program.__file__).parent
    files = {path.stem for path in room.glob("*.py")}
    with_add = {name for name in files if "def add(" in (room / f"{name}.py").read_text()}
    assert with_add == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_has_examples_that_are_right(d2lcnn_, name):
    help_ = d2lcnn_(name, "--help")
    assert help_.status == 0
    assert "--json" in help_.out
    examples = IN_TEXT.findall(help_.out.partition("examples:")[2])
    assert len(examples) >= 2
    assert all(example.split()[0] == name for example in examples)
    for example in examples:
        program.make_parser().parse_args(shlex.split(example))


@pytest.mark.parametrize("page", PAGES)
def test_commands_in_the_pages_are_right(page):
    found = IN_TEXT.findall((ROOT / page).read_text(encoding="utf-8"))
    assert found or page == "book/run-it-yourself.md"
    for command in found:
        if not {"…", "--help"} & set(command.split()) and not re.search(r"\b[A-Z]{3,}\b", command):
            program.make_parser().parse_args(shlex.split(command, comments=True))


def test_the_page_names_every_command():
    page = (ROOT / "book/api/cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `d2lcnn (\w+)", page, re.MULTILINE) == NAMES


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("too small"), 1, "d2lcnn summary: too small\n"),
        (
            PermissionError(13, "Permission denied", "/x"),
            1,
            "d2lcnn summary: [Errno 13] Permission denied: '/x'\n",
        ),
        (MemoryError("a batch of 8 fits"), 1, "d2lcnn summary: a batch of 8 fits\n"),
        (KeyboardInterrupt("go on so"), 130, "interrupted: go on so\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_how_a_command_ends(d2lcnn_, monkeypatch, error, status, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("d2lcnn.cli.summary.networks", fail)
    outcome = d2lcnn_("summary", "lenet")
    assert (outcome.status, outcome.out, outcome.err) == (status, "", said)


def test_a_defect_is_not_hidden(d2lcnn_, monkeypatch):
    def fail():
        raise AttributeError("a defect of ours")

    monkeypatch.setattr("d2lcnn.cli.summary.networks", fail)
    with pytest.raises(AttributeError):
        d2lcnn_("summary", "lenet")


def test_without_a_command(d2lcnn_):
    nothing = d2lcnn_()
    assert nothing.status == 2
    assert "COMMAND" in nothing.err


def test_a_reader_who_has_seen_enough():
    command = [sys.executable, "-m", "d2lcnn", "summary", "lenet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 1
    assert error == ""
