"""The modules of benchmarks/, which lie in no package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def _module(name: str) -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="session")
def peer(d2l: ModuleType) -> ModuleType:
    return _module("peer")


@pytest.fixture(scope="session")
def agreement(d2l: ModuleType) -> ModuleType:
    return _module("agreement")


@pytest.fixture(scope="session")
def table(d2l: ModuleType) -> ModuleType:
    return _module("table")


@pytest.fixture(scope="session")
def against_d2l(d2l: ModuleType) -> ModuleType:
    return _module("against_d2l")
