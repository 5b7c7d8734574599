"""Runs that are killed, that find the disk full, the folder read-only or too little memory: what is lost, what not."""

import os
import subprocess
import sys

import pytest
import torch

from . import fault_job
from .fault_job import EPOCHS, KILLED_IN, PHASES, STEPS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

KILLED = -9
NAMES = {"result.pt", "state.pt"}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What came of all faults."""
    folder = tmp_path_factory.mktemp("faults")
    job = subprocess.run(
        [sys.executable, fault_job.__file__, str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert job.returncode == 0, job.stderr
    return torch.load(folder / "found.pt", weights_only=True)


def same(a, b):
    """Tell whether two runs ended with the same weights and measured the same, bit for bit."""
    weights = all(torch.equal(a["net"][name], b["net"][name]) for name in a["net"])
    return weights and all(a[curve] == b[curve] for curve in a if curve not in ("net", "steps here"))


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_run_goes_on_bit_for_bit(found, phase):
    run, whole = found[phase], found["whole"]["result"]
    assert len(whole["test_acc"]) == EPOCHS
    assert whole["examples"] == [8 * STEPS] * EPOCHS
    assert run["ended"] == KILLED
    # The lock file of the dead run lies there still, and keeps nobody out.
    assert "state.pt.lock" in run["left"]
    assert run["went on"] == 0
    assert same(run["result"], whole)
    # It went on after the last whole epoch, and did not begin anew.
    assert run["result"]["steps here"] == STEPS * (EPOCHS - run["epochs"])


@pytest.mark.parametrize("phase", PHASES)
def test_the_checkpoint_of_a_killed_run_is_whole_and_no_litter_stays(found, phase):
    run = found[phase]
    after = {"first epoch": 0, "after the checkpoint": KILLED_IN}
    assert run["epochs"] == after.get(phase, KILLED_IN - 1)
    half = [name for name in run["left"] if name.startswith(".state.pt.")]
    assert len(half) == (phase in ("in mid-write", "before the checkpoint"))
    assert set(run["left then"]) == NAMES


def test_a_recording_that_is_killed_at_its_end_is_finished_by_the_same_command(found):
    runs = found["records"]
    assert runs["whole"]["ended"] == 0
    # Before: the last checkpoint and the half-written record; after: the record and a checkpoint that nobody needs.
    assert ".pt" in runs["before the record"]["left"]
    assert ".json" not in runs["before the record"]["left"]
    assert {".json", ".pt"} <= set(runs["after the record"]["left"])
    for name in ("before the record", "after the record"):
        assert runs[name]["ended"] == KILLED
        assert runs[name]["again"] == 0
        assert runs[name]["losses"] == runs["whole"]["losses"]


def test_a_disk_that_is_really_full_for_a_while_costs_nothing(found):
    run = found["full for a while"]
    assert run["ended"] == 0
    assert run["said"].count("could not be written") == 1
    assert "of epoch 2 could not be written" in run["said"]
    assert "File too large" in run["said"]  # the system's words, not PyTorch's
    assert same(run["result"], found["whole"]["result"])


def test_a_disk_that_stays_full_costs_what_came_after_the_last_checkpoint(found):
    run = found["full to the end"]
    assert run["ended"] == KILLED
    assert run["left"] == ["state.pt", "state.pt.lock"]
    assert run["went on"] == 0
    assert same(run["result"], found["whole"]["result"])


def test_a_read_only_folder_is_refused_before_training(found):
    assert found["read-only"] == 0


def test_a_folder_that_is_read_only_for_a_while_costs_nothing(found):
    run = found["read-only for a while"]
    assert run["ended"] == 0
    assert run["said"].count("could not be written") == 1
    assert "of epoch 2 could not be written" in run["said"]
    assert same(run["result"], found["whole"]["result"])


def test_a_batch_that_memory_does_not_hold_is_refused_with_one_that_it_does(found):
    run = found["memory"]
    assert run["ended"] == 0
    assert "does not hold a step with 512 images of (1, 64, 64)" in run["result"]["said"]
    assert 1 <= run["result"]["fits"] < 512
    assert run["result"]["examples"] == [512]
