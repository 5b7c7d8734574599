"""Batch norm beyond torch's: running statistics by the formula, population statistics, folding, wrong input."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from d2lcnn.layers.batch_norm import BatchNorm1d, BatchNorm2d, fold_batch_norm, population_statistics
from d2lcnn.layers.weight_standardization import WSConv2d

from .parity import randn, randomise


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.floats(-100, 100))
def test_any_shape_is_centred_and_scaled(n, c, h, w, offset):
    x = offset + 5 * randn(n, c, h, w)
    layer = BatchNorm2d(c, eps=1e-12).double()
    if n * h * w < 2:
        with pytest.raises(ValueError, match="at least 2 values"):
            layer(x)
        return
    y = layer(x)
    zeros = torch.zeros(c, dtype=torch.float64)
    torch.testing.assert_close(y.mean((0, 2, 3)), zeros, atol=1e-9, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3), correction=0), zeros + 1, atol=1e-6, rtol=0)
    # The same numbers as vectors: rows are samples, columns channels.
    rows = x.movedim(1, -1).reshape(-1, c)
    twin = BatchNorm1d(c, eps=1e-12).double()
    torch.testing.assert_close(twin(rows), y.movedim(1, -1).reshape(-1, c))
    torch.testing.assert_close(twin.state_dict(), layer.state_dict())


def test_running_statistics_are_the_formula():
    layer = BatchNorm1d(1, momentum=0.25).double()
    layer(torch.tensor([[1.0], [3.0]], dtype=torch.float64))  # mean 2, unbiased variance 2
    assert layer.running_mean.item() == 0.25 * 2
    assert layer.running_var.item() == 0.75 + 0.25 * 2
    layer(torch.tensor([[0.0], [4.0]], dtype=torch.float64))  # mean 2, unbiased variance 8
    assert layer.running_mean.item() == 0.75 * 0.5 + 0.25 * 2
    assert layer.running_var.item() == 0.75 * 1.25 + 0.25 * 8
    assert layer.num_batches_tracked.item() == 2


def test_without_momentum_every_batch_counts_alike():
    layer = BatchNorm2d(3, momentum=None).double()
    batches = [i + randn(4, 3, 2, 2) for i in range(5)]
    for batch in batches:
        layer(batch)
    mean = torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0)
    var = torch.stack([b.var((0, 2, 3), correction=1) for b in batches]).mean(0)
    torch.testing.assert_close(layer.running_mean, mean)
    torch.testing.assert_close(layer.running_var, var)


def test_evaluation_changes_nothing_and_looks_at_no_other_sample():
    layer = BatchNorm2d(3)
    layer(torch.randn(4, 3, 2, 2))
    layer.eval()
    before = copy.deepcopy(layer.state_dict())
    x = torch.randn(4, 3, 2, 2)
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))
    torch.testing.assert_close(layer.state_dict(), before, rtol=0, atol=0)
    with torch.no_grad():  # the mode is training or evaluation, whether gradients are on or off
        layer.train()(x)
    assert not torch.equal(layer.running_mean, before["running_mean"])


def test_population_statistics_of_one_layer_are_those_of_all_data():
    batches = [i + randn(n, 3, 2, 2) for i, n in enumerate((4, 4, 3))]  # means apart, sizes unequal
    everything = torch.cat(batches)
    for layer in (BatchNorm2d(3), nn.BatchNorm2d(3)):
        layer.double()
        population_statistics(layer, batches)
        torch.testing.assert_close(layer.running_mean, everything.mean((0, 2, 3)))
        torch.testing.assert_close(layer.running_var, everything.var((0, 2, 3), correction=1))
        torch.testing.assert_close(
            layer.eval()(everything), BatchNorm2d(3).double()(everything), atol=0.1, rtol=0.1
        )


def test_population_statistics_of_the_paper_leave_out_the_spread_of_means():
    batches = [i + randn(8, 2) for i in range(5)]
    pooled, average = BatchNorm1d(2).double(), BatchNorm1d(2, momentum=None).double()
    population_statistics(pooled, batches)
    for batch in batches:
        average(batch)
    torch.testing.assert_close(pooled.running_mean, average.running_mean)
    between = torch.stack([b.mean(0) for b in batches]).var(0, correction=0)
    total = 40 / 39 * (7 / 8 * average.running_var + between)
    torch.testing.assert_close(pooled.running_var, total)
    assert (pooled.running_var > average.running_var + 1).all()


def test_population_statistics_in_a_network():
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3), BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(16, 3), nn.BatchNorm1d(3)
    ).double()
    randomise(net)
    net[1].eval()  # someone froze it; it shall stay so
    modes = [m.training for m in net.modules()]
    batches = [(randn(5, 2, 4, 4), torch.zeros(5)) for _ in range(3)]
    population_statistics(net, iter(batches))
    assert [m.training for m in net.modules()] == modes
    assert net[1].momentum == net[5].momentum == 0.1
    assert not any(m._forward_hooks for m in net.modules())
    # By hand: each batch normalized by its own statistics in the first layer, nothing dropped.
    first = torch.cat([net[0](x) for x, _ in batches])
    torch.testing.assert_close(net[1].running_mean, first.mean((0, 2, 3)))
    torch.testing.assert_close(net[1].running_var, first.var((0, 2, 3)))
    twin = copy.deepcopy(net[1]).train()
    second = torch.cat([net[4](twin(net[0](x)).flatten(1)) for x, _ in batches])
    torch.testing.assert_close(net[5].running_mean, second.mean(0))
    torch.testing.assert_close(net[5].running_var, second.var(0))


def test_population_statistics_count_no_batch():
    layer = BatchNorm1d(3, momentum=None)
    layer(torch.randn(4, 3))
    population_statistics(layer, [torch.randn(4, 3)] * 3)
    assert layer.num_batches_tracked == 1


def test_population_statistics_leave_all_as_it_was_when_the_pass_fails():
    layer = BatchNorm1d(3)
    before = copy.deepcopy(layer.state_dict())
    with pytest.raises(ValueError, match="built for 3 channel"):
        population_statistics(layer, [torch.randn(4, 3), torch.randn(4, 2)])
    assert layer.training
    assert layer.momentum == 0.1
    for name in ("running_mean", "running_var"):
        assert torch.equal(layer.state_dict()[name], before[name])
    assert not layer._forward_hooks
    with pytest.raises(ValueError, match="at least 1 batch and got 0"):
        population_statistics(layer, [])


PAIRS = {
    "conv": (lambda: nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False), BatchNorm2d, (2, 3, 6, 6)),
    "conv with bias": (lambda: nn.Conv2d(3, 6, 3), BatchNorm2d, (2, 3, 6, 6)),
    "grouped conv, torch's norm": (lambda: nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d, (2, 3, 6, 6)),
    "sequence": (lambda: nn.Conv1d(3, 6, 3), BatchNorm1d, (2, 3, 6)),
    "linear": (lambda: nn.Linear(3, 6), BatchNorm1d, (2, 3)),
    "linear without bias": (lambda: nn.Linear(3, 6, bias=False), nn.BatchNorm1d, (2, 3)),
}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("pair", PAIRS)
def test_folding(pair, affine):
    build, norm_layer, shape = PAIRS[pair]
    layer, norm = build().double(), norm_layer(6, eps=0.1, affine=affine).double().eval()
    randomise(layer)
    randomise(norm)
    before = copy.deepcopy(layer.state_dict())
    folded = fold_batch_norm(layer, norm)
    x = randn(shape)
    torch.testing.assert_close(folded(x), norm(layer(x)))
    assert type(folded) is type(layer)
    assert all(p.requires_grad and p.is_leaf for p in folded.parameters())
    torch.testing.assert_close(layer.state_dict(), before, rtol=0, atol=0)
    assert fold_batch_norm(layer.bfloat16(), norm.float()).weight.dtype == torch.bfloat16


def test_folding_refuses_what_does_not_fit():
    conv = nn.Conv2d(3, 6, 3)
    with pytest.raises(ValueError, match="one channel per output of the layer, 6, and has 3"):
        fold_batch_norm(conv, BatchNorm2d(3))
    with pytest.raises(ValueError, match="running statistics and got track_running_stats=False"):
        fold_batch_norm(conv, BatchNorm2d(6, track_running_stats=False))
    with pytest.raises(ValueError, match="Linear, Conv1d or Conv2d and got ConvTranspose2d"):
        fold_batch_norm(nn.ConvTranspose2d(3, 6, 3), BatchNorm2d(6))
    with pytest.raises(
        ValueError, match="and got WSConv2d"
    ):  # which would standardize the folded weights again
        fold_batch_norm(WSConv2d(3, 6, 3), BatchNorm2d(6))


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (
            lambda: BatchNorm2d(3),
            (1, 3, 1, 1),
            "at least 2 values per channel.*got 1.*evaluate with running statistics",
        ),
        (lambda: BatchNorm1d(3), (1, 3), "at least 2 values per channel.*drop_last"),
        (
            lambda: BatchNorm1d(3, track_running_stats=False).eval(),
            (1, 3),
            "at least 2 values.*evaluate with running statistics",
        ),
        (lambda: BatchNorm2d(3), (4, 3), r"takes N×C×H×W and got 2 dimensions.*\(4, 3\).*1d layer"),
        (lambda: BatchNorm2d(3), (3, 8, 8), "got 3 dimensions.*unsqueeze"),
        (lambda: BatchNorm1d(3), (4, 3, 2, 2), "takes N×F or N×C×L and got 4 dimensions.*2d layer"),
        (lambda: BatchNorm2d(3), (4, 5, 2, 2), r"built for 3 channel\(s\) and got 5"),
    ],
)
def test_wrong_input(build, shape, message):
    with pytest.raises(ValueError, match=message):
        build()(torch.zeros(shape))


def test_one_sample_is_enough_in_evaluation_and_for_images():
    assert BatchNorm1d(3).eval()(torch.zeros(1, 3)).shape == (1, 3)
    assert BatchNorm2d(3)(torch.randn(1, 3, 2, 2)).shape == (1, 3, 2, 2)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"eps": 0}, "eps must be above 0 and is 0"),
        ({"eps": -1e-5}, "eps must be above 0"),
        ({"momentum": 1.5}, r"momentum must lie in \[0, 1\] and is 1.5"),
        ({"momentum": -0.1}, "momentum must lie in"),
        ({"num_features": 0}, "num_features must be at least 1 and is 0"),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        BatchNorm2d(**{"num_features": 3, **kwargs})


def test_whole_numbers_are_refused():
    with pytest.raises(ValueError, match=r"floating-point numbers and got torch.uint8.*x.float\(\)"):
        BatchNorm2d(3)(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
