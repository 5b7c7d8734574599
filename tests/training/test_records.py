"""Recorded runs and the command that writes them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import d2lcnn
from d2lcnn import cli
from d2lcnn.training import records
from d2lcnn.training.recipes import RECIPES, Recipe
from d2lcnn.training.records import Run


@pytest.fixture
def small(monkeypatch):
    """A recipe that takes no time."""

    def load(batch_size, resize=None, *, device=None):
        own = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=own)
        make = lambda shuffle: d2lcnn.Batches(  # noqa: E731
            images, torch.arange(64) % 10, batch_size, shuffle=shuffle, device=device, name="noise"
        )
        return make(True), make(False)

    load.__name__ = "load_data_noise"
    monkeypatch.setitem(
        RECIPES, "small", Recipe(d2lcnn.lenet, 16, 28, 0.1, num_epochs=3, load=load, about="noise")
    )


def test_record_writes_what_was_run_and_nothing_else(small, tmp_path):
    path = records.record("small", 4, folder=tmp_path, device="cpu", held_out=8)
    assert [p.name for p in tmp_path.iterdir()] == [path.name] == ["small--cpu--float32--seed4.json"]
    data = json.loads(path.read_text())
    assert data["settings"]["lr"] == 0.1
    assert data["settings"]["num_epochs"] == 3
    assert data["settings"]["data"] == "noise"
    assert data["seed"] == 4
    assert data["held_out"] == 8
    assert data["device"]["type"] == "cpu"
    assert data["versions"]["torch"] == torch.__version__
    assert len(data["date"]) == 10
    assert len(data["history"]["test_loss"]) == len(data["history"]["validation_acc"]) == 3
    assert data["history"]["examples"] == [56] * 3
    assert data["throughput"]["examples_per_second"] > 0
    assert data["wall_seconds"] == pytest.approx(
        sum(data["history"]["seconds"]) + sum(data["history"]["evaluation_seconds"])
    )
    run = Run.from_file(path)
    assert run.file_name == path.name
    assert run.to_json() == path.read_text()


def test_a_record_that_is_there_is_not_run_again(small, tmp_path):
    path = records.record("small", 0, folder=tmp_path, device="cpu")
    before = path.stat().st_mtime_ns
    assert records.record("small", 0, folder=tmp_path, device="cpu") == path
    assert path.stat().st_mtime_ns == before


def test_another_run_of_the_same_name_is_refused_and_left(small, tmp_path):
    path = records.record("small", 0, folder=tmp_path, device="cpu")
    content = path.read_bytes()
    for other, message in (
        ({"num_epochs": 2}, r"\(num_epochs: 3 there, 2 asked for\)"),
        ({"held_out": 16}, r"\(held_out: 0 there, 16 asked for\)"),
        ({"compile": True}, r"\(compile: None there, True asked for\)"),
    ):
        with pytest.raises(ValueError, match=message):
            records.record("small", 0, folder=tmp_path, device="cpu", **other)
        assert path.read_bytes() == content


def test_the_seed_makes_the_run(small, tmp_path):
    histories = [
        Run.from_file(records.record("small", seed, folder=tmp_path / name, device="cpu")).history.train_loss
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    ]
    assert histories[0] == histories[1] != histories[2]


def test_an_interrupted_record_goes_on_and_ends_as_if_it_had_not_been(small, tmp_path, monkeypatch):
    whole = Run.from_file(records.record("small", 1, folder=tmp_path / "whole", device="cpu")).history
    folder = tmp_path / "broken"
    real = records.train_ch6

    def interrupted(net, *args, **choices):
        calls = []

        def stop(*_):
            calls.append(1)
            if len(calls) == 4 * 2 + 2 * 4 + 1 and choices["resume"] is None:  # in the third epoch
                raise KeyboardInterrupt

        net.register_forward_hook(stop)
        return real(net, *args, **choices)

    monkeypatch.setattr(records, "train_ch6", interrupted)
    with pytest.raises(KeyboardInterrupt):
        records.record("small", 1, folder=folder, device="cpu")
    assert [p.name for p in folder.iterdir()] == ["small--cpu--float32--seed1.partial.pt"]
    kept = torch.load(folder / "small--cpu--float32--seed1.partial.pt", weights_only=True)["history"][
        "seconds"
    ]
    assert len(kept) == 2
    path = records.record("small", 1, folder=folder, device="cpu")
    assert list(folder.iterdir()) == [path]
    history = Run.from_file(path).history
    assert history.seconds[:2] == kept  # trained then, and not once more
    assert history.train_loss == whole.train_loss
    assert history.test_acc == whole.test_acc
    assert history.interrupted is None


def test_fast_mode_is_never_recorded(small, tmp_path, monkeypatch):
    monkeypatch.setenv("D2LCNN_FAST", "1")
    with pytest.raises(ValueError, match="no results: unset D2LCNN_FAST"):
        records.record("small", 0, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments(small, tmp_path, capsys):
    with pytest.raises(ValueError, match="no recipe 'lenett'.*lenet, lenet_bn"):
        records.record("lenett", 0, folder=tmp_path)
    with pytest.raises(ValueError, match="seed must be a whole number of at least 0, got -1"):
        records.record("small", -1, folder=tmp_path)
    with pytest.raises(ValueError, match="num_epochs must be at least 1, got 0"):
        records.record("small", 0, folder=tmp_path, num_epochs=0)
    with pytest.raises(ValueError, match="No run of 'small'.*d2lcnn record small"):
        d2lcnn.load_runs("small", folder=tmp_path)
    assert (
        cli.main(
            ["record", "small", "--seed", "0", "--device", "cpu", "--epochs", "-2", "--out", str(tmp_path)]
        )
        == 1
    )
    assert "num_epochs" in capsys.readouterr().err
    assert cli.main(["record", "nothing", "--seed", "0"]) == 2


def test_damaged_records_are_named(tmp_path):
    path = tmp_path / "lenet--cpu--float32--seed0.json"
    good = d2lcnn.load_runs("lenet")[0].to_json()
    for text in (
        "",
        "{}",
        good[:500],
        good.replace('"format": 1', '"format": 99'),
        good.replace("train_loss", "loss"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"seed0.json is not a recorded run.*Record it again"):
            d2lcnn.load_runs("lenet", folder=tmp_path)


def test_the_command_records_and_says_what_it_wrote(small, tmp_path, capsys):
    assert cli.main(["record", "small", "--seed", "0", "1", "--device", "cpu", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "small--cpu--float32--seed1.json" in printed
    assert "epoch 3 of 3" in printed
    assert len(list(tmp_path.glob("*.json"))) == 2


@pytest.mark.realdata
@pytest.mark.weekly  # test_killed.py kills runs at every stage; this is the command, on the data that it records
def test_a_killed_process_goes_on_after_its_last_epoch(tmp_path):
    root = os.environ.get("D2LCNN_DATA", "")
    if not Path(root, "FashionMNIST").is_dir():
        pytest.skip("D2LCNN_DATA names no folder with FashionMNIST")
    command = [
        sys.executable,
        "-m",
        "d2lcnn",
        "record",
        "lenet",
        "--seed",
        "9",
        "--device",
        "cpu",
        "--epochs",
        "2",
    ]
    command += ["--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=tmp_path)
    partial = tmp_path / "lenet--cpu--float32--seed9.partial.pt"
    deadline = time.monotonic() + 300
    while not partial.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = torch.load(partial, weights_only=True)["history"]["seconds"]
    assert kept
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "epoch 2 of 2" in done.stdout
    run = Run.from_file(tmp_path / "lenet--cpu--float32--seed9.json")
    assert run.history.examples == [60_000] * 2
    assert run.history.seconds[: len(kept)] == kept


# ------------------------------------------------------------------------------- the records that we ship


TRAINING_IMAGES = {
    "fashion_mnist": 60_000,
    "mnist": 60_000,
    "cifar10": 50_000,
    "cifar10(subset=10000)": 10_000,
}


def every_record():
    return sorted(records.RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", every_record(), ids=lambda path: path.stem)
def test_shipped_records_are_whole_full_runs(path):
    run = Run.from_file(path)
    assert path.name == run.file_name
    assert run.recipe in RECIPES
    assert not run.history.fast
    assert run.history.interrupted is None
    recipe = RECIPES[run.recipe]
    # How long and by which means it ran is the run's own; all else is the recipe.
    same = run.settings | {"num_epochs": recipe.num_epochs}
    same.pop("compile", None)
    assert same == recipe.settings(), "the recipe has changed since this run: record it again"
    epochs = run.settings["num_epochs"]
    for curve in ("train_loss", "train_acc", "test_loss", "test_acc", "seconds", "examples"):
        assert len(getattr(run.history, curve)) == epochs, curve
    assert run.history.examples[0] + run.held_out == TRAINING_IMAGES[recipe.settings()["data"]]
    assert all(0 <= acc <= 1 for acc in run.history.test_acc)


def test_lenet_has_three_seeds_on_all_images_and_one_with_held_out_ones():
    assert sorted(run.seed for run in d2lcnn.load_runs("lenet"))[:3] == [0, 1, 2]
    assert all(run.held_out == 5000 for run in d2lcnn.load_runs("lenet", held_out=True))


def test_summary_states_mean_and_deviation_over_seeds():
    from statistics import mean, stdev

    runs = d2lcnn.load_runs("lenet")
    last = [run.history.test_acc[-1] for run in runs]
    assert f"test acc {mean(last):.3f} ± {stdev(last):.3f} after the last epoch" in d2lcnn.summarize_runs(
        runs
    )
    with pytest.raises(ValueError, match="no run"):
        d2lcnn.summarize_runs([])
    with pytest.raises(ValueError, match="one recipe"):
        d2lcnn.summarize_runs([*runs, *d2lcnn.load_runs("lenet_bn")])
