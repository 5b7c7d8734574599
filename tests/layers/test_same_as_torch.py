"""Each layer that torch or torchvision has, against theirs: training steps, evaluation, gradients, buffers, states."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d
from d2lcnn.layers.dropout import Dropout
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.hard_swish import HardSigmoid, HardSwish
from d2lcnn.layers.layer_norm import LayerNorm
from d2lcnn.layers.local_response_norm import LocalResponseNorm
from d2lcnn.layers.squeeze_excitation import SqueezeExcitation
from d2lcnn.layers.weight_norm import WeightNormConv2d, WeightNormLinear

from .parity import assert_same_layer, randn, randomise

IMAGES, SEQUENCES, VECTORS = (4, 6, 3, 5), (4, 6, 7), (5, 6)
BN = [
    {},
    {"momentum": None},
    {"momentum": 0.3, "eps": 0.1},
    {"affine": False},
    {"track_running_stats": False},
]
IN = [{}, {"affine": True}, {"affine": True, "track_running_stats": True, "momentum": 0.3, "eps": 0.1}]
CASES = [
    *[(BatchNorm1d, nn.BatchNorm1d, (6,), k, shape) for k in BN for shape in (VECTORS, SEQUENCES)],
    *[(BatchNorm2d, nn.BatchNorm2d, (6,), k, IMAGES) for k in BN],
    *[(InstanceNorm2d, nn.InstanceNorm2d, (6,), k, IMAGES) for k in IN],
    *[(GroupNorm, nn.GroupNorm, (g, 6), {}, IMAGES) for g in (1, 2, 3, 6)],
    (GroupNorm, nn.GroupNorm, (2, 6), {}, VECTORS),
    (GroupNorm, nn.GroupNorm, (2, 6), {"affine": False, "eps": 0.1}, SEQUENCES),
    *[(LayerNorm, nn.LayerNorm, (shape,), {}, IMAGES) for shape in (5, [5], [3, 5], [6, 3, 5])],
    (LayerNorm, nn.LayerNorm, (7,), {"elementwise_affine": False, "eps": 0.1}, SEQUENCES),
    (LayerNorm, nn.LayerNorm, (7,), {"bias": False}, SEQUENCES),
    *[(LocalResponseNorm, nn.LocalResponseNorm, (n,), {"alpha": 2.0, "beta": 0.6, "k": 1.5}, shape)
      for n in (1, 2, 3, 4, 5, 20) for shape in (IMAGES, SEQUENCES)],
    (LocalResponseNorm, nn.LocalResponseNorm, (5,), {}, (2, 6, 2, 3, 4)),
    (HardSigmoid, nn.Hardsigmoid, (), {}, IMAGES),
    (HardSwish, nn.Hardswish, (), {}, IMAGES),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "args", "kwargs", "shape"), CASES)
def test_same_layer(ours, theirs, args, kwargs, shape):
    assert_same_layer(ours(*args, **kwargs), theirs(*args, **kwargs), 2 + 3 * randn(shape))


def test_defaults_are_theirs():
    for ours, theirs in [
        (BatchNorm2d(3), nn.BatchNorm2d(3)),
        (BatchNorm1d(3), nn.BatchNorm1d(3)),
        (InstanceNorm2d(3), nn.InstanceNorm2d(3)),
        (GroupNorm(1, 3), nn.GroupNorm(1, 3)),
        (LayerNorm(3), nn.LayerNorm(3)),
    ]:
        for name in ("eps", "momentum", "affine", "track_running_stats", "elementwise_affine"):
            assert getattr(ours, name, None) == getattr(theirs, name, None)
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    lrn, theirs = LocalResponseNorm(5), nn.LocalResponseNorm(5)
    assert (lrn.alpha, lrn.beta, lrn.k) == (theirs.alpha, theirs.beta, theirs.k)


def test_a_network_with_our_norms_loads_a_network_with_torchs():
    ours = nn.Sequential(nn.Conv2d(3, 6, 3), BatchNorm2d(6), nn.ReLU(), GroupNorm(2, 6))
    theirs = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.GroupNorm(2, 6))
    assert_same_layer(ours, theirs, randn(2, 3, 6, 6))


@pytest.mark.parametrize("bias", [True, False])
def test_weight_norm(bias):
    linear = WeightNormLinear(6, 4, bias=bias)
    assert_same_layer(linear, weight_norm(nn.Linear(6, 4, bias=bias)), randn(5, 6))
    conv = WeightNormConv2d(6, 4, (3, 2), stride=2, padding=1, groups=2, bias=bias)
    theirs = weight_norm(nn.Conv2d(6, 4, (3, 2), 2, 1, groups=2, bias=bias))
    assert_same_layer(conv, theirs, randn(2, 6, 5, 5))


def test_weight_norm_inside_a_network_loads_both_ways():
    ours = nn.Sequential(nn.Flatten(), WeightNormLinear(6, 4), nn.ReLU(), WeightNormLinear(4, 2))
    layers = [weight_norm(nn.Linear(6, 4)), weight_norm(nn.Linear(4, 2))]
    theirs = nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1])
    assert_same_layer(ours, theirs, randn(5, 6))


def test_weight_norm_starts_as_the_plain_layer_does():
    torch.manual_seed(1)
    plain = nn.Linear(6, 4)
    torch.manual_seed(1)
    layer = WeightNormLinear(6, 4)
    x = torch.randn(3, 6)
    torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize(
    ("gate", "their_gate"), [(nn.Sigmoid, nn.Sigmoid), (HardSigmoid, nn.Hardsigmoid)], ids=["paper", "V3"]
)
def test_squeeze_excitation(gate, their_gate):
    ours = SqueezeExcitation(6, 2, gate_layer=gate)
    theirs = torchvision.ops.SqueezeExcitation(6, 2, scale_activation=their_gate)
    assert_same_layer(ours, theirs, randn(4, 6, 3, 5))
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_activations_at_their_corners():
    x = torch.tensor([-3.0, 3.0, -3.0 - 1e-12, 3.0 + 1e-12, 0.0], dtype=torch.float64)
    for ours, theirs in [(HardSwish(), nn.Hardswish()), (HardSigmoid(), nn.Hardsigmoid())]:
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_draws_what_torchs_does(p):
    x = randn(1000).requires_grad_()
    gradients, outputs = [], []
    for layer in (Dropout(p), nn.Dropout(p)):
        torch.manual_seed(3)
        outputs.append(layer(x))
        gradients.append(torch.autograd.grad(outputs[-1].sum(), x)[0])
        assert torch.equal(layer.eval()(x), x)
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(*gradients)


def test_randomise_reaches_everything():
    layer = BatchNorm2d(5)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    randomise(layer)
    changed = {n for n, t in layer.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == {"weight", "bias", "running_mean", "running_var"}
