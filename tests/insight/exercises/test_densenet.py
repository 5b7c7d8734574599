"""The checks of DenseNet's exercises accept the solution and refuse plausible wrong answers."""

import pytest
import torch

from d2lcnn.insight.exercises import densenet as checks
from d2lcnn.insight.exercises.answers import WrongAnswer


def dense(layers, x):
    for layer in layers:
        x = torch.cat([x, layer(x)], dim=1)
    return x


def new_first(layers, x):
    for layer in layers:
        x = torch.cat([layer(x), x], dim=1)
    return x


def twice(layers, x):
    features = x
    for layer in layers:
        features = torch.cat([features, layer(features) + layer(features)], dim=1)
    return features


def only_new(layers, x):
    for layer in list(layers)[:1]:
        x = layer(x)
    return x


def weights(num_layers, m, k):
    return 9 * k * (num_layers * m + k * num_layers * (num_layers - 1) // 2)


RIGHT = [
    (checks.check_densenet_channels, [256, 512, 1024, 1024]),
    (checks.check_densenet_channels, (256, 512, 1024, 1024)),
    (checks.check_densenet_bottleneck, 231),
    (checks.check_densenet_forward, dense),
    (checks.check_densenet_weights, weights),
    (checks.check_densenet_kept, (16 * 64 + 32 * 120, 64 + 512)),
]
WRONG = [
    (checks.check_densenet_channels, [256, 640, 1408, 1920]),  # no transition
    (checks.check_densenet_channels, [192, 480, 1008, 1008]),
    (checks.check_densenet_channels, [256, 512, 1024]),
    (checks.check_densenet_channels, None),
    (checks.check_densenet_bottleneck, 230),  # dearer by a little
    (checks.check_densenet_bottleneck, 230.4),
    (checks.check_densenet_bottleneck, 128),
    (checks.check_densenet_forward, new_first),
    (checks.check_densenet_forward, twice),
    (checks.check_densenet_forward, only_new),
    (checks.check_densenet_forward, lambda layers, x: None),
    (checks.check_densenet_weights, lambda n, m, k: 9 * k * (n * m + k * n * (n + 1) // 2)),
    (checks.check_densenet_weights, lambda n, m, k: 9 * k * n * (m + n * k)),
    (checks.check_densenet_weights, lambda n, m, k: weights(n, m, k) + n * k),  # with biases
    (checks.check_densenet_weights, lambda n, m, k: None),
    (checks.check_densenet_kept, (16 * 64 + 32 * 136, 576)),
    (checks.check_densenet_kept, (4864, 512)),
    (checks.check_densenet_kept, 4864),
]  # fmt: skip


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_accepts(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.startswith("Correct.")


@pytest.mark.parametrize(("check", "answer"), WRONG)
def test_refuses(check, answer):
    with pytest.raises(WrongAnswer, match="Your answer gives"):
        check(answer)
