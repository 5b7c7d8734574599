"""The checks of DenseNet's exercises accept the solution and refuse plausible wrong answers."""

import numpy as np
import pytest
import torch

from d2lcnn.insight.exercises import densenet as checks
from d2lcnn.insight.exercises.answers import WrongAnswer

from .both_ways import accepts, refuses


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


def as_list(layers, x):
    features = [x]
    for layer in layers:
        features.append(layer(torch.cat(features, dim=1)))
    return features


def chain(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def along_batch(layers, x):
    return torch.cat([x, layers[0](x)])


def weights(num_layers, m, k):
    return 9 * k * (num_layers * m + k * num_layers * (num_layers - 1) // 2)


RIGHT = [
    (checks.check_densenet_channels, [256, 512, 1024, 1024]),
    (checks.check_densenet_channels, (256, 512, 1024, 1024)),
    (checks.check_densenet_channels, torch.tensor([256, 512, 1024, 1024])),
    (checks.check_densenet_channels, np.array([256, 512, 1024, 1024])),
    (checks.check_densenet_bottleneck, 231),
    (checks.check_densenet_forward, dense),
    (checks.check_densenet_forward, lambda layers, x: torch.cat(as_list(layers, x), dim=1)),
    (checks.check_densenet_weights, weights),
    (checks.check_densenet_kept, (16 * 64 + 32 * 120, 64 + 512)),
    (checks.check_densenet_kept, torch.tensor([4864, 576])),
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
    (checks.check_densenet_forward, as_list),
    (checks.check_densenet_weights, lambda n, m, k: 9 * k * (n * m + k * n * (n + 1) // 2)),
    (checks.check_densenet_weights, lambda n, m, k: 9 * k * n * (m + n * k)),
    (checks.check_densenet_weights, lambda n, m, k: weights(n, m, k) + n * k),  # with biases
    (checks.check_densenet_weights, lambda n, m, k: None),
    (checks.check_densenet_kept, (16 * 64 + 32 * 136, 576)),
    (checks.check_densenet_kept, (4864, 512)),
    (checks.check_densenet_kept, 4864),
    (checks.check_densenet_kept, torch.tensor(4864)),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


@pytest.mark.parametrize("answer", [chain, along_batch])
def test_says_what_to_look_at_where_the_forward_pass_does_not_run(answer):
    with pytest.raises(WrongAnswer, match=r"does not run: .* how many channels each layer expects"):
        checks.check_densenet_forward(answer)
