"""`d2lcnn train`: the folder of a run, its settings, interruption and continuation."""

import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn

from d2lcnn import History, RandomCrops, RandomFlips, lenet
from d2lcnn.cli import settings as settings_
from d2lcnn.cli import team, train
from d2lcnn.data.loaders import load_data_fashion_mnist
from d2lcnn.layers.color_noise import PCAColorNoise
from d2lcnn.training.recipes import RECIPES
from d2lcnn.training.team import Team

# Quick, and on each machine the same.
SHORT = ("--subset", 64, "--device", "cpu")


@pytest.fixture(autouse=True)
def _in_fast_mode(fast):
    pass


@pytest.fixture
def seen(monkeypatch):
    """What train_ch6 is called with, in place of its training."""
    calls = []

    def remember(net, train_iter, test_iter, num_epochs, lr, device, **choices):
        calls.append({"num_epochs": num_epochs, "lr": lr, "device": device, "data": train_iter, **choices})
        return History(
            num_epochs=num_epochs, device="cpu", device_name="a CPU", precision=choices["precision"]
        )

    monkeypatch.setattr(train, "train_ch6", remember)
    return calls


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_leaves_its_four_files(finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        "checkpoint.pt",
        "history.json",
        "run.json",
        "weights.pt",
    ]
    run = json.loads((finished / "run.json").read_text())
    assert run["recipe"] == "lenet_relu_max"
    assert run["settings"] == settings_.own_settings(RECIPES["lenet_relu_max"]) | {"subset": 320, "seed": 3}
    assert run["recipe_settings"] == RECIPES["lenet_relu_max"].settings()
    assert (run["image"], run["classes"][3], run["fast"], run["processes"]) == ([1, 28, 28], "3", True, 1)
    assert run["versions"]["torch"] == torch.__version__
    net = lenet()
    net.load_state_dict(weights(finished))
    history = History.from_dict(json.loads((finished / "history.json").read_text()))
    assert len(history) == history.num_epochs == 2
    assert history.examples == [320, 320]


def test_without_choices_the_plain_call_is_made(d2lcnn_, seen, tmp_path):
    assert d2lcnn_("train", "lenet", "--out", tmp_path / "run").status == 0
    (call,) = seen
    recipe = RECIPES["lenet"]
    assert (call["num_epochs"], call["lr"], call["seed"]) == (recipe.num_epochs, recipe.lr, 0)
    assert call["optimizer"] is torch.optim.SGD
    assert call["precision"] == "float32"
    for choice in ("schedule", "augment", "clip_norm", "validation", "resume"):
        assert call[choice] is None, choice
    for choice in ("compile", "sync_batch_norm", "label_smoothing"):
        assert not call[choice], choice


def test_every_option_reaches_the_training(d2lcnn_, seen, tmp_path):
    words = "--epochs 4 --lr 0.2 --batch-size 16 --subset 100 --held-out 20 --seed 5 --device cpu --precision bfloat16"
    words += " --optimizer sgd --momentum 0.9 --weight-decay 0.001 --schedule cosine --warmup 0.25 --label-smoothing 0.1"
    words += " --clip-norm 2 --crop 3 --flip --color-noise 0.2 --compile --sync-batch-norm"
    outcome = d2lcnn_("train", "norm_bn", *words.split(), "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    (call,) = seen
    assert (call["num_epochs"], call["lr"], call["seed"]) == (4, 0.2, 5)
    assert call["data"].batch_size == 16
    assert (call["data"].num_examples, call["validation"].num_examples) == (80, 20)
    assert call["device"] == torch.device("cpu")
    assert call["precision"] == "bfloat16"
    made = call["optimizer"](nn.Linear(2, 2).parameters(), lr=0.2)
    assert type(made) is torch.optim.SGD
    assert (made.defaults["momentum"], made.defaults["weight_decay"]) == (0.9, 0.001)
    assert [call["schedule"](x) for x in (0.125, 0.625, 1)] == pytest.approx([0.5, 0.5, 0])
    assert (call["label_smoothing"], call["clip_norm"]) == (0.1, 2)
    (changes,) = call["augment"].args
    assert [type(change) for change in changes] == [RandomCrops, RandomFlips, PCAColorNoise]
    assert (changes[0].padding, changes[2].std) == (3, 0.2)
    assert call["compile"]
    assert call["sync_batch_norm"]


def test_adamw_decays_weights_as_torch_does_unless_told(d2lcnn_, seen, tmp_path):
    for i, words in enumerate((["--weight-decay", 0], [])):
        d2lcnn_(
            "train",
            "norm_bn",
            *SHORT,
            "--optimizer",
            "adamw",
            "--lr",
            0.01,
            *words,
            "--out",
            tmp_path / f"{i}",
        )
    decays = [
        call["optimizer"](nn.Linear(2, 2).parameters(), lr=0.01).defaults["weight_decay"] for call in seen
    ]
    assert decays == [0, 0.01]


def test_a_recipe_s_own_optimizer_stays(d2lcnn_, seen, tmp_path):
    d2lcnn_("train", "norm_bn", *SHORT, "--out", tmp_path / "run")
    assert seen[0]["optimizer"] is torch.optim.Adam


def test_all_changes_of_images_work_together():
    data, _ = load_data_fashion_mnist(32, resize=20, device="cpu", subset=64)
    augment = settings_.make_augment({"crop": 2, "flip": True, "color_noise": 0.5}, data)
    X, _ = next(iter(data))
    assert augment(X).shape == X.shape
    assert not torch.equal(augment(X), X)
    # Equal words in each run: a checkpoint that is resumed compares them.
    again = settings_.make_augment({"crop": 2, "flip": True, "color_noise": 0.5}, data)
    assert repr(again.args) == repr(augment.args)
    assert torch.equal(again.args[0][2].eigenvectors, augment.args[0][2].eigenvectors)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("lenet --optimizer adamw", "learning rate, 0.9, is one for sgd.*--lr 0.001"),
        ("norm_bn --momentum 0.9", "--momentum is for sgd, and the optimizer is adam"),
        ("norm_bn --weight-decay 0.1", "recipe's optimizer is adam. Add --optimizer adamw"),
        ("lenet --schedule step --warmup 0.6", "must be over before the first step"),
        ("lenet --subset 64 --held-out 64", "must be between 1 and 63; got 64"),
        (
            "lenet --subset 64 --sync-batch-norm --device cpu",
            "sync_batch_norm is for several processes on GPUs",
        ),
    ],
)
def test_settings_that_do_not_fit_together(d2lcnn_, tmp_path, words, why):
    outcome = d2lcnn_("train", *words.split(), "--out", tmp_path / "run")
    assert outcome.status == 1
    assert outcome.err.startswith("d2lcnn train: ")
    assert re.search(why, outcome.err), outcome.err
    # Nothing lies in the way of the mended command.
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        "lenett",
        "lenet --epochs 0",
        "lenet --lr nan",
        "lenet --lr -1",
        "lenet --warmup 1",
        "lenet --crop 0",
        "lenet --optimizer rmsprop",
        "lenet --device cuda:99",
        "lenet --precision float16",
        "lenet --epoch 3",  # shortened
    ],
)
def test_wrong_commands(d2lcnn_, tmp_path, words):
    outcome = d2lcnn_("train", *words.split(), "--out", tmp_path / "run")
    assert outcome.status == 2
    assert words.split()[-1].removeprefix("--") in outcome.err
    assert not (tmp_path / "run").exists()


def test_json_is_all_that_standard_output_holds(d2lcnn_, tmp_path):
    outcome = d2lcnn_("train", "lenet", *SHORT, "--epochs", 1, "--out", tmp_path / "run", "--json")
    assert outcome.status == 0
    result = outcome.json
    assert result["folder"] == str(tmp_path / "run")
    assert result["epochs"] == result["num_epochs"] == result["settings"]["epochs"] == 1
    assert 0 <= result["test_acc"] <= 1
    assert result["examples_per_second"] > 0


def test_a_job_s_log_gets_a_line_after_each_epoch(d2lcnn_, tmp_path):
    outcome = d2lcnn_("train", "lenet", *SHORT, "--epochs", 2, "--out", tmp_path / "run")
    first, second = outcome.err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d epoch 1 of 2: loss \d.*test acc 0\.\d.*, \d+ s", first)
    assert "epoch 2 of 2" in second
    # The result alone, as before; and outside of the command nothing is said.
    assert "epoch 1 of 2" not in outcome.out
    assert not logging.getLogger("d2lcnn").isEnabledFor(logging.INFO)


def test_a_folder_with_a_run_is_not_overwritten(d2lcnn_, finished):
    before = {path: path.read_bytes() for path in finished.iterdir()}
    outcome = d2lcnn_("train", "lenet_relu_max", "--out", finished)
    assert outcome.status == 1
    assert f"--out {finished} --resume" in outcome.err
    assert "choose another folder: --out" in outcome.err
    assert {path: path.read_bytes() for path in finished.iterdir()} == before


def test_an_interrupted_run_goes_on_to_the_same_end(d2lcnn_, tmp_path, monkeypatch):
    choices = ("--held-out", 16, "--momentum", 0.9, "--schedule", "cosine", "--crop", 2, "--flip")
    assert d2lcnn_("train", "lenet", *SHORT, *choices, "--out", tmp_path / "whole").status == 0
    broken = tmp_path / "broken"
    real = train.train_ch6

    def interrupted(net, *args, **kwargs):
        calls = []

        def stop(*_):
            calls.append(1)
            if (
                kwargs["resume"] is None
                and net.training
                and len(calls) > 4
                and (broken / "checkpoint.pt").exists()
            ):
                raise KeyboardInterrupt

        net.register_forward_hook(stop)
        return real(net, *args, **kwargs)

    monkeypatch.setattr(train, "train_ch6", interrupted)
    outcome = d2lcnn_("train", "lenet", *SHORT, *choices, "--out", broken)
    assert outcome.status == 130
    assert f"d2lcnn train lenet --out {broken} --resume" in outcome.err
    assert not (broken / "weights.pt").exists()

    kept = torch.load(broken / "checkpoint.pt", weights_only=True)["history"]["seconds"]
    assert kept

    assert "--lr 0.9, not 0.5" in d2lcnn_("train", "lenet", "--out", broken, "--resume", "--lr", 0.5).err
    assert "recipe lenet, not lenet_bn" in d2lcnn_("train", "lenet_bn", "--out", broken, "--resume").err
    outcome = d2lcnn_("train", "lenet", "--out", broken, "--resume", "--momentum", 0.9, "--device", "cpu")
    assert outcome.status == 0, outcome.err
    assert same(weights(broken), weights(tmp_path / "whole"))
    histories = [json.loads((folder / "history.json").read_text()) for folder in (broken, tmp_path / "whole")]
    for curve in ("train_loss", "test_loss", "validation_loss"):
        assert histories[0][curve] == histories[1][curve]
    assert histories[0]["seconds"][: len(kept)] == kept  # trained then, and not once more


def test_ctrl_c_in_the_first_epoch_leaves_the_folder_free(d2lcnn_, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train_ch6", interrupted)
    outcome = d2lcnn_("train", "lenet", *SHORT, "--out", tmp_path)
    assert outcome.status == 130
    assert "nothing was kept" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_anew(d2lcnn_, finished, tmp_path):
    run = json.loads((finished / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert d2lcnn_("train", "lenet_relu_max", "--out", tmp_path, "--resume").status == 0
    assert same(weights(tmp_path), weights(finished))


@pytest.mark.parametrize("missing", [["history.json"], ["weights.pt", "history.json"]])
def test_a_run_that_was_killed_before_its_last_files_gets_them_by_resuming(
    d2lcnn_, finished, tmp_path, missing
):
    folder = shutil.copytree(finished, tmp_path / "run")
    for name in missing:
        (folder / name).unlink()
    assert d2lcnn_("train", "lenet_relu_max", "--out", folder, "--resume").status == 0
    assert same(weights(folder), weights(finished))
    assert json.loads((folder / "history.json").read_text()) == json.loads(
        (finished / "history.json").read_text()
    )


def test_resuming_what_cannot_be_resumed(d2lcnn_, finished, tmp_path, monkeypatch):
    assert "No training run lies in" in d2lcnn_("train", "lenet", "--out", tmp_path, "--resume").err
    run = (finished / "run.json").read_text()
    for text, why in (
        (run[:50], "run.json is damaged"),
        (run.replace('"format": 1', '"format": 99'), "of another version of d2lcnn"),
        (run.replace('"resize": 28', '"resize": 32'), r"has changed since the run in .* \(resize\)"),
    ):
        (tmp_path / "run.json").write_text(text)
        outcome = d2lcnn_("train", "lenet_relu_max", "--out", tmp_path, "--resume")
        assert outcome.status == 1
        assert re.search(why, outcome.err), outcome.err
    monkeypatch.setenv("D2LCNN_FAST", "0")
    assert (
        "in fast mode: set D2LCNN_FAST=1"
        in d2lcnn_("train", "lenet_relu_max", "--out", finished, "--resume").err
    )


def test_of_two_runs_that_start_at_once_one_is_refused(d2lcnn_, tmp_path, monkeypatch):
    real = train._description

    def meanwhile(*args):
        (tmp_path / "run.json").write_text("another's")
        return real(*args)

    monkeypatch.setattr(train, "_description", meanwhile)
    outcome = d2lcnn_("train", "lenet", *SHORT, "--out", tmp_path)
    assert outcome.status == 1
    assert "Another run has just started" in outcome.err
    assert (tmp_path / "run.json").read_text() == "another's"


def test_a_rate_that_diverges_is_explained(d2lcnn_, tmp_path):
    outcome = d2lcnn_("train", "lenet_relu", *SHORT, "--lr", 1e30, "--out", tmp_path)
    assert outcome.status == 1
    assert "Try a learning rate below 1e+30" in outcome.err


# The page "Growing" runs the same two commands in every run, and tests/training/test_team.py the loop behind them.
@pytest.mark.weekly
@pytest.mark.slow
def test_two_processes_give_what_one_gives(d2lcnn_, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    choices = [str(word) for word in (*SHORT, "--batch-size", 16, "--held-out", 16)]
    command = [sys.executable, "-m", "d2lcnn", "train", "lenet", *choices, "--out", str(two), "--json"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    # What torchrun sets, without the time that it needs itself.
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            command,
            env=os.environ | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=500) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[1][0] == ""  # the first alone writes and prints
    assert json.loads((two / "run.json").read_text())["processes"] == 2
    assert d2lcnn_("train", "lenet", *choices, "--out", one).status == 0
    ours, theirs = weights(one), weights(two)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)
    losses = json.loads((one / "history.json").read_text())["test_loss"]
    assert json.loads(outputs[0][0])["test_loss"] == pytest.approx(losses[-1], abs=1e-5)


@pytest.mark.parametrize("fails", [False, True])
def test_of_several_processes_the_first_acts_and_the_others_learn_of_it(monkeypatch, fails):
    sent = []
    monkeypatch.setattr(team.dist, "broadcast_object_list", sent.extend)
    done = []

    def act():
        done.append(1)
        if fails:
            raise ValueError("the folder is taken")
        return "settings"

    monkeypatch.setattr(team.Team, "current", lambda: Team(0, 2))
    if fails:
        with pytest.raises(ValueError, match="the folder is taken"):
            team.by_the_first(act)
    else:
        assert team.by_the_first(act) == "settings"

    def receive(outcome):
        outcome[:] = sent

    monkeypatch.setattr(team.dist, "broadcast_object_list", receive)
    monkeypatch.setattr(team.Team, "current", lambda: Team(1, 2))
    if fails:
        with pytest.raises(SystemExit) as exit_:
            team.by_the_first(act)
        assert exit_.value.code == 1
    else:
        assert team.by_the_first(act) == "settings"
    assert done == [1]


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="this machine has 2"), team.join_team(torch.device("cuda")):
        pass
