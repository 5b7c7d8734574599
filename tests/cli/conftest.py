"""Calling the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from d2lcnn.cli import main


class Outcome(NamedTuple):
    """What a command left: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def d2lcnn_(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command given as words, each of which may be a path or a number."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D2LCNN_FAST", "1")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run that has ended: LeNet with ReLU, on the digits of fast mode."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("D2LCNN_FAST", "1")
        words = [
            "train",
            "lenet_relu_max",
            "--out",
            str(folder),
            "--subset",
            "320",
            "--device",
            "cpu",
            "--seed",
            "3",
        ]
        assert main(words) == 0
    return folder
