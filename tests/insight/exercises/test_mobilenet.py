"""The checks of MobileNet's exercises accept the solution and refuse plausible wrong answers."""

import math

import torch

import d2lcnn
from d2lcnn.insight.exercises import mobilenet as checks

from .both_ways import accepts, refuses


def cost(k, m, n, side, alpha, rho):
    return (k * k * alpha * m + alpha * m * alpha * n) * (rho * side) ** 2


def all_squared(k, m, n, side, alpha, rho):
    return alpha**2 * rho**2 * (k * k + n) * m * side**2


def full(k, m, n, side, alpha, rho):
    return k * k * alpha * m * alpha * n * (rho * side) ** 2


def rho_once(k, m, n, side, alpha, rho):
    return (k * k * alpha * m + alpha * m * alpha * n) * rho * side**2


def split(weight):
    n, m, k, _ = weight.shape
    picks = torch.eye(k * k, dtype=weight.dtype).reshape(k * k, 1, k, k)
    return picks.repeat(m, 1, 1, 1), weight.reshape(n, m * k * k, 1, 1)


def split_in_the_wrong_order(weight):
    picks, mixed = split(weight)
    return picks.repeat_interleave(4, dim=0)[:36], mixed


def split_rank_one(weight):
    picks, mixed = split(weight)
    return picks, mixed.mean(dim=1, keepdim=True).expand(-1, 36, -1, -1)


def lost(n, m):
    return sum(math.comb(n, i) for i in range(m)) / 2**n


def lost_in_single_precision(n, m):
    k = torch.arange(m, dtype=torch.float32)
    log_ways = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return (log_ways - n * math.log(2)).exp().sum()


def per_channel(weight, bits):
    return torch.stack([d2lcnn.fake_quantize(row, bits) for row in weight])


RIGHT = [
    (checks.check_mobilenet_layers, [1, 13, 13, 1]),
    (checks.check_mobilenet_layers, (1, 13, 13, 1)),
    (checks.check_mobilenet_layers, torch.tensor([1, 13, 13, 1])),
    (checks.check_mobilenet_ratio, 1 / 64 + 1 / 25),
    (checks.check_mobilenet_ratio, 0.0556),
    (checks.check_mobilenet_cost, cost),
    (checks.check_mobilenet_split, split),
    (checks.check_mobilenet_split, lambda weight: list(split(weight))),
    (checks.check_mobilenet_lost, lost),
    (checks.check_mobilenet_lost, lost_in_single_precision),
    (checks.check_mobilenet_per_channel, per_channel),
]
WRONG = [
    (checks.check_mobilenet_layers, [0, 13, 14, 1]),
    (checks.check_mobilenet_layers, [1, 13, 13, 0]),
    (checks.check_mobilenet_layers, [1, 26, 1]),
    (checks.check_mobilenet_layers, None),
    (checks.check_mobilenet_layers, torch.tensor(28)),
    (checks.check_mobilenet_ratio, 1 / 64 + 1 / 5),
    (checks.check_mobilenet_ratio, 64 * 25 / 89),  # upside down
    (checks.check_mobilenet_ratio, None),
    (checks.check_mobilenet_cost, all_squared),
    (checks.check_mobilenet_cost, full),
    (checks.check_mobilenet_cost, rho_once),
    (checks.check_mobilenet_cost, lambda *_: None),
    (checks.check_mobilenet_split, split_in_the_wrong_order),
    (checks.check_mobilenet_split, split_rank_one),
    (checks.check_mobilenet_split, lambda weight: split(weight)[::-1]),
    (checks.check_mobilenet_split, lambda weight: None),
    (checks.check_mobilenet_lost, lambda n, m: (n + 1) / 2**n),
    (checks.check_mobilenet_lost, lambda n, m: math.comb(n, m) / 2**n),
    (checks.check_mobilenet_lost, lambda n, m: sum(math.comb(n, i) for i in range(m + 1)) / 2**n),
    (checks.check_mobilenet_lost, lambda n, m: None),
    (checks.check_mobilenet_per_channel, d2lcnn.fake_quantize),
    (checks.check_mobilenet_per_channel, lambda weight, bits: weight),
    (checks.check_mobilenet_per_channel, lambda weight, bits: per_channel(weight, 8)),
    (checks.check_mobilenet_per_channel, lambda weight, bits: per_channel(weight, bits)[0]),
    (checks.check_mobilenet_per_channel, lambda weight, bits: None),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)
