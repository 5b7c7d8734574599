"""`d2lcnn evaluate`."""

import json

import pytest
import torch

import d2lcnn
from d2lcnn.data.loaders import load_data_fashion_mnist


@pytest.fixture(autouse=True)
def _in_fast_mode(fast):
    pass


@pytest.fixture
def weights(finished, tmp_path):
    """The weights of the run alone, elsewhere."""
    path = tmp_path / "weights.pt"
    path.write_bytes((finished / "weights.pt").read_bytes())
    return path


def test_the_table_is_that_of_the_network(d2lcnn_, finished):
    outcome = d2lcnn_("evaluate", finished, "--json", "--device", "cpu")
    assert outcome.status == 0, outcome.err
    result = outcome.json
    history = json.loads((finished / "history.json").read_text())
    assert result["loss"] == pytest.approx(history["test_loss"][-1])
    assert result["accuracy"] == pytest.approx(history["test_acc"][-1])

    net = d2lcnn.RECIPES["lenet_relu_max"].build()
    net.load_state_dict(torch.load(finished / "weights.pt", weights_only=True))
    _, test_iter = load_data_fashion_mnist(512, device="cpu")
    table = [[0] * 10 for _ in range(10)]
    for X, y in test_iter:
        for true, given in zip(y.tolist(), net(X).argmax(dim=1).tolist(), strict=True):
            table[true][given] += 1
    assert result["confusion"] == table
    assert result["images"] == sum(map(sum, table)) == 360
    assert result["class_accuracy"] == [row[i] / sum(row) for i, row in enumerate(table)]
    assert result["classes"] == list("0123456789")


def test_the_text_names_who_is_taken_for_whom(d2lcnn_, finished):
    result = d2lcnn_("evaluate", finished, "--json").json
    text = d2lcnn_("evaluate", finished).out.splitlines()
    assert text[1] == f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.4f}"
    assert len(text) == 4 + 10
    taken_for_another = [k for k, row in enumerate(result["confusion"]) if row[k] < sum(row)]
    assert taken_for_another
    for k in taken_for_another:
        row = result["confusion"][k]
        wrong = max(n for i, n in enumerate(row) if i != k)
        words = text[4 + k].split()
        assert words[:3] == [str(k), str(sum(row)), f"{row[k] / sum(row):.4f}"]
        assert words[-1] == f"({wrong})"
        assert row[int(words[-2])] == wrong


def test_weights_alone_need_their_recipe(d2lcnn_, finished, weights):
    outcome = d2lcnn_("evaluate", weights)
    assert outcome.status == 1
    assert "--recipe RECIPE" in outcome.err
    assert d2lcnn_("evaluate", weights, "--recipe", "lenet_relu_max").out == d2lcnn_("evaluate", finished).out


def test_a_run_of_fast_mode_is_tested_in_fast_mode_only(d2lcnn_, finished, monkeypatch):
    monkeypatch.delenv("D2LCNN_FAST")
    outcome = d2lcnn_("evaluate", finished)
    assert outcome.status == 1
    assert "was made in fast mode: set D2LCNN_FAST=1 to test it on the like" in outcome.err


def test_scores_that_are_no_numbers_are_named(d2lcnn_, weights):
    spoiled = torch.load(weights, weights_only=True)
    spoiled["output.bias"].fill_(torch.nan)
    torch.save(spoiled, weights)
    outcome = d2lcnn_("evaluate", weights, "--recipe", "lenet_relu_max", "--json")
    assert outcome.status == 1
    assert "scores that are infinite or no numbers: its training diverged" in outcome.err


def test_what_cannot_be_evaluated(d2lcnn_, finished, weights, tmp_path):
    def error(*words):
        outcome = d2lcnn_("evaluate", *words)
        assert outcome.status == 1
        assert outcome.out == ""
        return outcome.err

    assert "There is no folder or file" in error(tmp_path / "nowhere")
    assert "No training run lies in" in error(tmp_path)
    assert "recipe lenet_relu_max, not lenet. Leave out --recipe" in error(finished, "--recipe", "lenet")
    assert "not those of the recipe resnet18" in error(weights, "--recipe", "resnet18")
    assert "is no state dict" in error(finished / "checkpoint.pt", "--recipe", "lenet")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "weights.pt cannot be read as weights" in error(weights, "--recipe", "lenet")
    (tmp_path / "run.json").write_text((finished / "run.json").read_text())
    weights.unlink()
    assert f"d2lcnn train lenet_relu_max --out {tmp_path} --resume" in error(tmp_path)
