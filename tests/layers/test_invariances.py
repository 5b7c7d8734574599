"""Which scalings of weights and data each norm does not notice: a table, computed, and compared line by line."""

import pytest
import torch
from torch import nn

from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d
from d2lcnn.layers.cosine_norm import CosineConv2d, CosineLinear
from d2lcnn.layers.evonorm import EvoNormB0, EvoNormS0
from d2lcnn.layers.filter_response_norm import FilterResponseNorm2d
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm
from d2lcnn.layers.weight_norm import (
    MeanOnlyBatchNorm,
    MeanOnlyLayerNorm,
    WeightNormConv2d,
    WeightNormLinear,
)
from d2lcnn.layers.weight_standardization import WSConv2d

from .parity import randn, randomise

LAMBDA = 3.0
EPS = 1e-30  # negligible, so that what holds holds to rounding


def linear():
    return nn.Linear(6, 8, bias=False)


def conv():
    return nn.Conv2d(6, 8, 3, bias=False)


# name: the layer with weights, the norm after it (or None), and every change that leaves the output as it is.
LINEAR = {
    "none": (linear, None, set()),
    "BN": (linear, lambda: BatchNorm1d(8, EPS), {"matrix", "neuron", "data", "shift"}),
    "LN": (linear, lambda: LayerNorm(8, EPS), {"matrix", "same for all neurons", "data", "sample"}),
    "GN": (linear, lambda: GroupNorm(2, 8, EPS), {"matrix", "same for all neurons", "data", "sample"}),
    "WN": (lambda: WeightNormLinear(6, 8), None, {"matrix", "neuron"}),
    "WN, BN's mean": (
        lambda: WeightNormLinear(6, 8, False), lambda: MeanOnlyBatchNorm(8), {"matrix", "neuron", "shift"}
    ),
    "WN, LN's mean": (lambda: WeightNormLinear(6, 8, False), lambda: MeanOnlyLayerNorm(8), {"matrix", "neuron"}),
    "cosine": (lambda: CosineLinear(6, 8, eps=EPS), None, {"matrix", "neuron", "data", "sample"}),
    "centred cosine": (
        lambda: CosineLinear(6, 8, centered=True, eps=EPS), None, {"matrix", "neuron", "within a neuron", "data", "sample"}
    ),
}  # fmt: skip
CONV = {
    "none": (conv, None, set()),
    "BN": (conv, lambda: BatchNorm2d(8, EPS), {"matrix", "neuron", "data", "shift"}),
    "LN": (conv, lambda: LayerNorm([8, 3, 3], EPS), {"matrix", "data", "sample"}),
    "GN": (conv, lambda: GroupNorm(2, 8, EPS), {"matrix", "data", "sample"}),
    "IN": (conv, lambda: InstanceNorm2d(8, EPS), {"matrix", "neuron", "data", "sample", "shift"}),
    "FRN": (conv, lambda: FilterResponseNorm2d(8, EPS), {"matrix", "neuron", "data", "sample"}),
    "EvoNorm-B0": (conv, lambda: EvoNormB0(8, EPS), {"matrix", "neuron", "data"}),
    "EvoNorm-S0": (conv, lambda: EvoNormS0(8, 4, EPS), set()),
    "WN": (lambda: WeightNormConv2d(6, 8, 3), None, {"matrix", "neuron"}),
    "WS": (lambda: WSConv2d(6, 8, 3, eps=EPS), None, {"matrix", "neuron", "within a neuron"}),
    "WS, GN": (
        lambda: WSConv2d(6, 8, 3, bias=False, eps=EPS), lambda: GroupNorm(2, 8, EPS),
        {"matrix", "neuron", "within a neuron", "data", "sample"},
    ),
    "cosine": (lambda: CosineConv2d(6, 8, 3, eps=EPS), None, {"matrix", "neuron", "data", "sample"}),
}  # fmt: skip
CASES = [pytest.param(*case, (5, 6), id=f"linear {name}") for name, case in LINEAR.items()]
CASES += [pytest.param(*case, (5, 6, 5, 5), id=f"conv {name}") for name, case in CONV.items()]


def build(layer, norm):
    """The pair, with random scales and shifts; and its weight, the one that is scaled."""
    net = nn.Sequential(layer()) if norm is None else nn.Sequential(layer(), norm())
    net.double()
    randomise(net)
    return net, (net[0].weight_v if hasattr(net[0], "weight_v") else net[0].weight)


def scaled_row(weight):
    factors = torch.ones(len(weight), dtype=weight.dtype)
    factors[2] = LAMBDA
    return factors.reshape(-1, *[1] * (weight.dim() - 1))


def scaled_sample(x):
    return torch.cat([LAMBDA * x[:1], x[1:]])


def changes(weight, x):
    """Every change to weights or data, by name, as the pair after it."""
    rows, columns = [1] * (weight.dim() - 1), [1] * (x.dim() - 2)
    return {
        "matrix": (LAMBDA * weight, x),  # all weights times λ
        "neuron": (scaled_row(weight) * weight, x),  # one neuron's weights times λ
        "same for all neurons": (weight + randn(weight.shape[1:]), x),  # w_i + u, the same u
        "within a neuron": (weight + randn(len(weight)).reshape(-1, *rows), x),  # w_i + c_i
        "data": (weight, LAMBDA * x),  # all samples times λ
        "sample": (weight, scaled_sample(x)),  # one sample times λ
        "shift": (weight, x + randn(x.shape[1]).reshape(-1, *columns)),  # all samples plus one vector
    }


def invariances(net, weight, x):
    """Find which changes leave the output as it is."""
    before, plain = net(x).detach(), weight.detach().clone()
    unnoticed = set()
    for name, (new_weight, new_x) in changes(plain, x).items():
        with torch.no_grad():
            weight.copy_(new_weight)
            change = ((net(new_x) - before).abs().max() / before.abs().max()).item()
            weight.copy_(plain)
        assert change < 1e-9 or change > 1e-2, f"{name}: {change} is neither nothing nor something"
        if change < 1e-9:
            unnoticed.add(name)
    return unnoticed


@pytest.mark.parametrize(("layer", "norm", "expected", "shape"), CASES)
def test_table(layer, norm, expected, shape):
    net, weight = build(layer, norm)
    assert invariances(net, weight, randn(shape)) == expected


def test_the_table_of_ba_kiros_and_hinton():
    # Table 1 of the paper, its six columns in our words.
    columns = ["matrix", "same for all neurons", "neuron", "data", "shift", "sample"]
    paper = {"BN": "yes no yes yes yes no", "WN": "yes no yes no no no", "LN": "yes yes no yes no yes"}
    for name, row in paper.items():
        assert {c for c, word in zip(columns, row.split()) if word == "yes"} == LINEAR[name][2]


@pytest.mark.parametrize(("layer", "norm", "expected", "shape"), [case for case in CASES if case.values[2]])
def test_the_gradient_is_divided_by_the_scale(layer, norm, expected, shape):
    net, weight = build(layer, norm)
    x = randn(shape).requires_grad_()
    upstream = randn(net(x).shape)
    plain = weight.detach().clone()

    def gradients():
        return torch.autograd.grad(net(x), [weight, x], upstream)

    for_weight, for_x = gradients()
    # Along w nothing changes, so the gradient is orthogonal to it.
    assert (for_weight * plain).sum().abs() < 1e-9 * for_weight.norm() * plain.norm()
    for factor, name in [(LAMBDA, "matrix"), (scaled_row(plain), "neuron")]:
        if name not in expected:
            continue
        with torch.no_grad():
            weight.copy_(factor * plain)
        scaled, same = gradients()
        torch.testing.assert_close(scaled, for_weight / factor)
        torch.testing.assert_close(same, for_x)  # the Jacobian in x is unchanged


def test_the_gradient_is_not_divided_without_a_norm():
    net, weight = build(linear, None)
    x = randn(5, 6)
    before = torch.autograd.grad(net(x).square().sum(), weight)[0]
    with torch.no_grad():
        weight.mul_(LAMBDA)
    after = torch.autograd.grad(net(x).square().sum(), weight)[0]
    torch.testing.assert_close(after, LAMBDA * before)
