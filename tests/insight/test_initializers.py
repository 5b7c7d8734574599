"""Initializers against their formulas and torch.nn.init, LSUV on nets that need it, variance against theory."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from d2lcnn.insight.initializers import (
    gain,
    init_he,
    init_lecun,
    init_normal,
    init_orthogonal,
    init_xavier,
    lsuv,
    variance_through_depth,
)
from d2lcnn.nets.lenet import lenet

FILLS = [init_normal, init_lecun, init_xavier, init_he, init_orthogonal]


def wide_net():
    """A dense layer, a convolution and one in four groups, large enough to measure a variance."""
    return nn.Sequential(
        nn.Conv2d(64, 128, 3), nn.ReLU(), nn.Conv2d(128, 256, 3, groups=4), nn.Linear(300, 200)
    )


# Inputs and outputs of one group's weights, kernel positions counted.
FANS = {"0": (64 * 9, 128 * 9), "2": (32 * 9, 64 * 9), "3": (300, 200)}


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(
    ("fill", "variance"),
    [
        (partial(init_lecun, gain=3.0), lambda i, o: 9 / i),
        (init_lecun, lambda i, o: 1 / i),
        (init_xavier, lambda i, o: 2 / (i + o)),
        (partial(init_xavier, gain=5 / 3), lambda i, o: 25 / 9 * 2 / (i + o)),
        (init_he, lambda i, o: 2 / i),
        (partial(init_he, mode="fan_out"), lambda i, o: 2 / o),
        (partial(init_he, negative_slope=0.5), lambda i, o: 2 / 1.25 / i),
    ],
)
def test_variance_and_shape_of_the_distribution(fill, variance, distribution):
    net = wide_net()
    for layer in (net[0], net[2], net[3]):
        nn.init.ones_(layer.bias)
    assert fill(net, distribution=distribution) is net
    for name, fans in FANS.items():
        weight, expected = net.get_submodule(name).weight, variance(*fans)
        # The relative standard error of a variance from n normal numbers is √(2/n), at most 0.6 % here.
        assert weight.var().item() == pytest.approx(expected, rel=0.03)
        assert abs(weight.mean().item()) < 0.02 * math.sqrt(expected)
        kurtosis = (weight**4).mean().item() / expected**2
        assert kurtosis == pytest.approx(3.0 if distribution == "normal" else 1.8, rel=0.08)
        if distribution == "uniform":
            assert weight.abs().max().item() <= math.sqrt(3 * expected) * (1 + 1e-6)
        assert not net.get_submodule(name).bias.any()


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        (init_xavier, nn.init.xavier_uniform_),
        (partial(init_xavier, distribution="normal", gain=2.0), partial(nn.init.xavier_normal_, gain=2.0)),
        (init_he, partial(nn.init.kaiming_normal_, nonlinearity="relu")),
        (partial(init_he, mode="fan_out", distribution="uniform", negative_slope=0.2),
         partial(nn.init.kaiming_uniform_, a=0.2, mode="fan_out")),
        (partial(init_orthogonal, gain=1.5), partial(nn.init.orthogonal_, gain=1.5)),
        (partial(init_normal, std=0.02), partial(nn.init.normal_, std=0.02)),
    ],
)  # fmt: skip
def test_equal_to_torchs_on_ungrouped_layers(ours, torchs):
    net, twin = lenet(), lenet()
    torch.manual_seed(3)
    ours(net)
    torch.manual_seed(3)
    for layer in twin:
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            torchs(layer.weight)
            nn.init.zeros_(layer.bias)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p, q)


def test_orthogonal_rows_or_columns_in_each_group():
    net = init_orthogonal(wide_net().double(), gain=2.0)
    for name in FANS:
        layer = net.get_submodule(name)
        for weight in layer.weight.chunk(getattr(layer, "groups", 1)):
            W = weight.flatten(1)
            W = W if len(W) <= W.shape[1] else W.T
            torch.testing.assert_close(W @ W.T, 4 * torch.eye(len(W), dtype=torch.float64), atol=1e-9, rtol=0)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("linear", 1),
        ("sigmoid", 1),
        ("tanh", 5 / 3),
        ("relu", 2**0.5),
        ("leaky_relu", (2 / 1.0001) ** 0.5),
        ("selu", 0.75),
    ],
)
def test_gains(activation, expected):
    assert gain(activation) == pytest.approx(expected)


def test_gain_of_a_leaky_slope_and_of_the_unknown():
    assert gain("leaky_relu", 1.0) == 1.0
    with pytest.raises(ValueError, match="gain of 'swish' is not known.*tanh.*or give a number"):
        gain("swish")


def test_other_layers_keep_their_values():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose2d(2, 2, 3))
    nn.init.constant_(net[1].weight, 7.0)
    before = net[2].weight.detach().clone()
    for fill in FILLS:
        fill(net)
    assert net[1].weight.tolist() == [7.0, 7.0]
    assert torch.equal(net[2].weight, before)
    assert all(p.requires_grad for p in net.parameters())


def test_bad_arguments():
    for fill in (init_lecun, init_xavier, init_he):
        with pytest.raises(ValueError, match='"normal" or "uniform", got \'cauchy\''):
            fill(lenet(), distribution="cauchy")
    with pytest.raises(ValueError, match='"fan_in" or "fan_out", got \'fan_avg\''):
        init_he(lenet(), mode="fan_avg")
    for fill in FILLS:
        with pytest.raises(ValueError, match="ReLU has none"):
            fill(nn.ReLU())
    for wrong in ({"tolerance": 0.0}, {"max_steps": 0}):
        with pytest.raises(ValueError, match="positive tolerance and at least one step"):
            lsuv(lenet(), torch.rand(2, 1, 28, 28), **wrong)
    with pytest.raises(ValueError, match="at least 1, got 0, 256 and 128"):
        variance_through_depth(0)


def deep_net(activation=nn.ReLU):
    layers = [nn.Conv2d(3, 16, 3, padding=1), activation()]
    for _ in range(6):
        layers += [nn.Conv2d(16, 16, 3, padding=1), activation()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), nn.Linear(16 * 64, 10))


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_lsuv_gives_every_layer_unit_variance(activation):
    net = deep_net(activation).double()
    X = 5 * torch.randn(16, 3, 8, 8, dtype=torch.float64)
    report = lsuv(net, X, tolerance=0.01)
    layers = [name for name, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert list(report) == layers
    caught = {}
    for name in layers:
        net.get_submodule(name).register_forward_hook(lambda m, i, out, name=name: caught.update({name: out}))
    net.eval()(X)
    for name, (before, after, steps) in report.items():
        assert caught[name].var(correction=0).item() == pytest.approx(after)
        assert abs(after - 1) < 0.01
        assert steps >= 1 or abs(before - 1) < 0.01
        W = net.get_submodule(name).weight.flatten(1)
        gram = W @ W.T if len(W) <= W.shape[1] else W.T @ W
        # Rescaled, and still orthogonal: the Gram matrix is a multiple of the identity.
        torch.testing.assert_close(
            gram, gram[0, 0] * torch.eye(len(gram), dtype=torch.float64), atol=1e-9, rtol=1e-9
        )


def test_lsuv_takes_the_order_of_running_and_stops_as_asked():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(6, 6)
            self.first = nn.Linear(6, 6)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)))

    net = Backwards()
    net.first.eval()
    X = 100 * torch.randn(50, 6)
    report = lsuv(net, X)
    assert list(report) == ["first", "last"]
    assert report["first"][0] > 1000
    assert (net.training, net.first.training) == (True, False)
    assert all(not m._forward_hooks for m in net.modules())
    # After one rescaling a layer without bias is exact, so a second is never made.
    assert [steps for _, _, steps in report.values()] == [1, 1]


@pytest.mark.parametrize(("options", "steps"), [({}, 10), ({"max_steps": 3}, 3)])
def test_lsuv_rescales_ten_times_at_most_unless_told_otherwise(options, steps):
    # So close to one no variance comes: without an end it would go on for ever.
    report = lsuv(nn.Linear(6, 6), torch.randn(50, 6), tolerance=1e-300, **options)
    assert [made for _, _, made in report.values()] == [steps]


def test_lsuv_says_which_layer_is_dead_and_leaves_no_hook():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    with pytest.raises(ValueError, match="Layer '0' gives values of variance 0.0"):
        lsuv(net, torch.zeros(8, 4))
    with pytest.raises(ValueError, match="Layer '0' gives values of variance nan"):
        lsuv(net, torch.full((8, 4), torch.nan))
    assert all(not m._forward_hooks for m in net.modules())
    assert net.training


def test_variance_equals_a_loop_written_out():
    profile = variance_through_depth(3, 8, torch.sigmoid, partial(init_normal, std=0.5), batch_size=5, seed=4)
    torch.manual_seed(4)
    layers = [nn.Linear(8, 8, bias=False, dtype=torch.float64) for _ in range(3)]
    z = torch.randn(5, 8, dtype=torch.float64)
    weights, sums, outputs = [], [], [z]
    for layer in layers:
        layer.weight.data.normal_(std=0.5)
        weights.append(layer.weight.detach())
        sums.append(outputs[-1] @ weights[-1].T)
        outputs.append(1 / (1 + torch.exp(-sums[-1])))
    delta = torch.randn(5, 8, dtype=torch.float64)
    gradients, weight_gradients = [], []
    for i in (2, 1, 0):
        delta = delta * outputs[i + 1] * (1 - outputs[i + 1])
        gradients.insert(0, delta)
        weight_gradients.insert(0, delta.T @ outputs[i])
        delta = delta @ weights[i]
    expected = [outputs[1:], sums, gradients, weight_gradients]
    measured = [profile.activations, profile.pre_activations, profile.gradients, profile.weight_gradients]
    for tensors, array in zip(expected, measured):
        assert array.dtype == np.float64
        np.testing.assert_allclose(array, [t.numpy().var() for t in tensors], rtol=1e-10)


def test_variance_follows_glorots_equations():
    """Without activation each layer multiplies both variances by n·Var(w), up to the noise of a finite width."""
    n, depth = 300, 8
    for std in (0.01, 1 / math.sqrt(n), 0.1):
        profile = variance_through_depth(depth, n, lambda a: a, partial(init_normal, std=std))
        factor = n * std**2
        layers = np.arange(1, depth + 1)
        np.testing.assert_allclose(profile.activations, factor**layers, rtol=0.15)
        np.testing.assert_allclose(profile.gradients, factor ** (depth - layers), rtol=0.15)


def test_what_the_course_says_of_fifty_layers():
    relu = partial(variance_through_depth, 50, 200, torch.relu, batch_size=64)
    he, xavier, small = (relu(init) for init in (init_he, init_xavier, partial(init_normal, std=0.01)))
    assert 0.05 < he.activations[-1] / he.activations[0] < 20
    assert 0.05 < he.gradients[0] / he.gradients[-1] < 20
    # Half of the signal is cut away by each layer: Xavier loses about 2⁻⁴⁹.
    assert math.log2(xavier.activations[-1] / xavier.activations[0]) == pytest.approx(-49, abs=4)
    assert small.activations[-1] < 1e-50
    tanh = partial(variance_through_depth, 50, 200, torch.tanh, batch_size=64)
    assert 0 < tanh(init_xavier).activations[-1] < 0.1
    assert tanh(partial(init_xavier, gain=gain("tanh"))).activations[-1] > 0.2


def test_seeded_and_nobody_elses_random_numbers_are_used():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = variance_through_depth(2, 4)
    assert torch.equal(torch.rand(3), expected)
    with torch.no_grad():
        second = variance_through_depth(2, 4)
    assert np.array_equal(first.weight_gradients, second.weight_gradients)
    assert not np.array_equal(first.gradients, variance_through_depth(2, 4, seed=1).gradients)
