"""The checks of GoogLeNet's exercises accept the solution and refuse plausible wrong answers."""

import torch
from torch import nn

from d2lcnn.insight.exercises import googlenet as checks

from .both_ways import accepts, refuses

CHANNELS = [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def merge(one, three, five):
    pad = nn.functional.pad
    return torch.cat([pad(one, [2] * 4), pad(three, [1] * 4), five])


def merge_into_a_new_layer(one, three, five):
    layer = nn.Conv2d(one.shape[1], len(one) + len(three) + len(five), 5, bias=False)
    with torch.no_grad():
        layer.weight.copy_(merge(one, three, five))
    return layer.weight


def merge_in_a_corner(one, three, five):
    pad = nn.functional.pad
    return torch.cat([pad(one, [0, 4, 0, 4]), pad(three, [0, 2, 0, 2]), five])


def smoothed(logits, labels, eps):
    log = logits.log_softmax(dim=1)
    return (-(1 - eps) * log.gather(1, labels[:, None]).squeeze(1) - eps * log.mean(dim=1)).mean()


def spread_over_the_others(logits, labels, eps):
    log = logits.log_softmax(dim=1)
    right = log.gather(1, labels[:, None]).squeeze(1)
    return (-(1 - eps) * right - eps * (log.sum(dim=1) - right) / (log.shape[1] - 1)).mean()


RIGHT = [
    (checks.check_googlenet_channels, CHANNELS),
    (checks.check_googlenet_channels, torch.tensor(CHANNELS)),
    (checks.check_googlenet_cost, lambda m, r, c, k: m * r + k * k * r * c),
    (checks.check_googlenet_merge, merge),
    (checks.check_googlenet_merge, lambda *weights: merge(*(w.double() for w in weights))),
    (checks.check_googlenet_merge, merge_into_a_new_layer),
    (checks.check_googlenet_factors, (18 / 25, 2 / 7)),
    (checks.check_googlenet_factors, (0.72, 0.286)),
    (checks.check_googlenet_factors, torch.tensor([18 / 25, 2 / 7])),
    (checks.check_googlenet_smoothing, smoothed),
    (checks.check_googlenet_smoothing, lambda z, y, eps: smoothed(z, y, eps) + z.zero_().sum()),
]
WRONG = [
    (checks.check_googlenet_channels, [368, *CHANNELS[1:]]),  # with the reductions
    (checks.check_googlenet_channels, [*CHANNELS[:-1], 832]),
    (checks.check_googlenet_channels, CHANNELS[:-1]),
    (checks.check_googlenet_channels, None),
    (checks.check_googlenet_cost, lambda m, r, c, k: k * k * m * c),
    (checks.check_googlenet_cost, lambda m, r, c, k: k * k * (m * r + r * c)),
    (checks.check_googlenet_cost, lambda m, r, c, k: m * r + k * r * c),
    (checks.check_googlenet_cost, lambda m, r, c, k: None),
    (checks.check_googlenet_merge, merge_in_a_corner),
    (checks.check_googlenet_merge, lambda one, three, five: merge(one, three, five).flip(0)),
    (checks.check_googlenet_merge, lambda one, three, five: None),
    (checks.check_googlenet_factors, (9 / 25, 2 / 7)),
    (checks.check_googlenet_factors, (18 / 25, 1 / 7)),
    (checks.check_googlenet_factors, (18 / 25, 0.3)),
    (checks.check_googlenet_factors, 18 / 25),
    (checks.check_googlenet_smoothing, spread_over_the_others),
    (checks.check_googlenet_smoothing, lambda z, y, eps: smoothed(z, y, eps) * len(y)),
    (checks.check_googlenet_smoothing, lambda z, y, eps: None),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)
