"""Two processes as torchrun starts them train one network, and nothing but the documented differs from one process."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from . import team_job

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("team")]

PATIENCE = 600  # seconds: a start takes about ten, on a machine with other work a hundred
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
ENDS_WITHIN = 60  # seconds after one of the processes died


def run(*command):
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the jobs have left what came of them."""
    folder = tmp_path_factory.mktemp("team")
    job = run(team_job.__file__, str(folder))
    assert job.returncode == 0, job.stderr
    return folder


@pytest.fixture(scope="module")
def both(folder):
    """What each of the two processes found."""
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def differences(a, b):
    """The greatest difference of weights, and the greatest relative one of a measured number."""
    weights = max((a["net"][name] - b["net"][name]).abs().max().item() for name in a["net"])
    numbers = [
        abs(x - y) / max(abs(x), 1e-9)
        for curve in a["history"]
        for x, y in zip(a["history"][curve], b["history"][curve], strict=True)
    ]
    return weights, max(numbers)


@pytest.mark.parametrize(
    ("name", "run"), [("lenet", team_job.lenet_run), ("group norm", team_job.group_norm_run)]
)
def test_two_processes_give_what_one_gives_up_to_rounding(both, name, run):
    alone = run()
    weights, numbers = differences(alone, both[0][name])
    assert weights < 2e-6
    assert numbers < 2e-6
    # They have learned enough for the bounds to mean something.
    assert alone["history"]["test_loss"][1] < alone["history"]["test_loss"][0] - 0.1


def test_both_end_with_the_same_network_and_the_same_numbers(both):
    for name in ("lenet", "group norm", "uninterrupted", "resumed", "batch norm"):
        assert differences(both[0][name], both[1][name]) == (0, 0), name


def test_every_image_is_seen_once_by_one_of_them(both):
    training = [rank["lenet"]["training"] for rank in both]
    sizes = [[len(numbers) for numbers in batches] for batches in training]
    assert sizes == [[8, 8, 8, 3] * 2, [8, 8, 8, 4] * 2]
    passes = []
    for epoch in (0, 1):
        seen = [n for batches in training for numbers in batches[4 * epoch : 4 * epoch + 4] for n in numbers]
        assert sorted(seen) == list(range(55))
        passes.append(seen)
    assert passes[0] != passes[1]
    # After each epoch 33 test images and 20 held-out ones; the last test batch has one, which the second takes.
    measured = [n for rank in both for numbers in rank["lenet"]["measuring"] for n in numbers]
    assert sorted(measured) == sorted(2 * [*range(33), *range(20)])
    assert both[0]["lenet"]["history"]["examples"] == [55, 55]


def test_they_take_the_batches_that_one_process_takes(both):
    alone = team_job.lenet_run()["training"]
    together = [a + b for a, b in zip(both[0]["lenet"]["training"], both[1]["lenet"]["training"])]
    assert together == alone


def test_one_of_them_writes_and_shows_a_bar(both):
    assert [rank["written"] for rank in both] == [["another.pt"] * 4, []]  # one checkpoint an epoch
    assert "8/8" in both[0]["bar"]
    assert both[1]["bar"] == ""


def test_dropout_draws_differently_in_each(both):
    first, second = both[0]["dropped"], both[1]["dropped"]
    assert len(first) == len(second) == 2
    drawn = [mask for masks in (first, second) for mask in masks]
    assert all(0.4 < mask.float().mean() < 0.6 for mask in drawn)
    # Independent draws agree on half of the inputs.
    assert all(0.4 < (a == b).float().mean() < 0.6 for a in first for b in second)


def test_batch_norm_takes_each_processes_statistics_by_itself(both):
    pixels = torch.cat([X for X, _ in team_job.numbered(8, 8)]).flatten(1)
    labels = torch.arange(8)
    together = both[0]["batch norm"]
    # Running statistics are those of the first process's images, for all of them.
    ours = pixels[:4]
    assert torch.allclose(together["net"]["1.running_mean"], 0.1 * ours.mean(0), atol=1e-6)
    assert torch.allclose(together["net"]["1.running_var"], 0.9 + 0.1 * ours.var(0), atol=1e-6)
    # The loss is that of two halves, each normalized by its own statistics, and not of the whole batch.
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10))
    with torch.no_grad():
        halves = torch.cat([net(pixels[:4]), net(pixels[4:])])
        whole = net(pixels)
    loss = together["history"]["train_loss"][0]
    assert loss == pytest.approx(nn.functional.cross_entropy(halves, labels).item(), rel=1e-5)
    assert loss != pytest.approx(nn.functional.cross_entropy(whole, labels).item(), rel=1e-3)


def test_data_that_cannot_be_divided_are_refused_by_both(both):
    for rank in both:
        assert "2 processes can share the course's Batches only, got list" in rank["another loader"]
        assert "last batch of numbered has 1 image(s) for 2 processes" in rank["small last batch"]
        assert "has 1 image(s) for 2 processes. Choose a batch size" in rank["small batch"]


def test_a_nan_in_one_process_ends_both(both):
    for words, epochs in (rank["NaN"] for rank in both):
        assert "infinite or NaN in epoch 2, step 2" in words
        assert epochs == 1


def test_a_killed_process_ends_the_other_with_an_error(folder):
    job = torch.load(folder / "killed.pt", weights_only=True)
    assert job["ended"] == [1, -signal.SIGKILL]
    assert job["took"] < ENDS_WITHIN
    assert job["epochs"] == team_job.KILLED_IN - 1


@pytest.mark.weekly  # torchrun imports torch for itself, too
def test_torchrun_starts_them_and_tells_of_one_that_was_killed(tmp_path):
    job = run(*TORCHRUN, team_job.__file__, str(tmp_path))
    took = time.time() - float((tmp_path / "killed").read_text())
    assert job.returncode != 0
    assert "SIGKILL" in job.stderr
    assert took < ENDS_WITHIN
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert len(state["history"]["test_acc"]) == team_job.KILLED_IN - 1


def test_resuming_after_the_kill_gives_the_uninterrupted_run_bit_for_bit(both):
    for rank in both:
        assert differences(rank["uninterrupted"], rank["resumed"]) == (0, 0)
        assert len(rank["resumed"]["history"]["test_acc"]) == 4
        assert len(rank["resumed steps"]) == 5 * (
            4 - (team_job.KILLED_IN - 1)
        )  # the others were not trained again


def test_the_checkpoint_of_two_processes_is_not_continued_by_one(folder):
    with pytest.raises(ValueError, match="processes: 2 in the checkpoint, 1 now"):
        team_job.long_run(resume=folder / "state.pt")
