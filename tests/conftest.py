"""Fixtures that more than one room's tests use."""

from __future__ import annotations

import gc
import sys
import warnings
from types import ModuleType

import pytest


def pytest_collection_finish() -> None:
    """Keep what the imports have made out of the searches for garbage, of which some tests ask for many."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let go of it at the end, else libraries that count their objects report those as lost."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts from the same random numbers, and outside fast mode unless it asks for it."""
    monkeypatch.delenv("D2LCNN_FAST", raising=False)
    # The tests of the site do without, and its import takes two seconds of each process.
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def d2l() -> ModuleType:
    """The real d2l 1.0.3, our peer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from d2l import torch as d2l_torch
    return d2l_torch
