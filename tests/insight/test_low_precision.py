"""Rounding to few bits against torch's own fake quantization and against arithmetic in whole numbers."""

import copy

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn.nets.mobilenet_v2 import InvertedResidual


def randomised(net):
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, d2lcnn.BatchNorm2d)):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net.double().eval()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_same_as_torchs_fake_quantization(bits):
    x = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(1))
    step = ((x.max() - x.min()) / (2**bits - 1)).item()
    zero = round(-x.min().item() / step)
    theirs = torch.fake_quantize_per_tensor_affine(x, step, zero, 0, 2**bits - 1)
    torch.testing.assert_close(d2lcnn.fake_quantize(x, bits), theirs)


def test_each_channel_by_itself():
    x = torch.randn(4, 3, 2, 2) * torch.tensor([1.0, 10.0, 0.1, 0.0]).reshape(4, 1, 1, 1)
    got = d2lcnn.fake_quantize(x, 4, per_channel=True)
    for ours, row in zip(got, x):
        torch.testing.assert_close(ours, d2lcnn.fake_quantize(row, 4))
        assert ours.unique().numel() <= 16


@pytest.mark.parametrize("sign", [1, -1])
def test_zero_stays_zero_and_the_ends_stay_near(sign):
    x = sign * torch.tensor([0.0, 3.0, 5.0])
    got = d2lcnn.fake_quantize(x, 3)
    assert got[0] == 0
    assert got[2] == pytest.approx(x[2].item())
    assert (got - x).abs().max() <= 5 / 7 / 2 + 1e-6
    assert torch.equal(d2lcnn.fake_quantize(torch.zeros(3)), torch.zeros(3))


@pytest.mark.parametrize(("bits", "count"), [(0, 3), (-1, 3), (8, 0)])
def test_refuses_to_round_to_nothing(bits, count):
    with pytest.raises(ValueError, match=f"at least 1 bit and 1 number, got {bits} bits and {count} numbers"):
        d2lcnn.fake_quantize(torch.ones(count), bits)


def with_our_norms():
    return nn.Sequential(nn.Conv2d(3, 4, 3), d2lcnn.BatchNorm2d(4), nn.ReLU())


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: d2lcnn.mobilenet_v1(width_mult=0.25), (2, 3, 64, 64)),
        (lambda: d2lcnn.mobilenet_v2(width_mult=0.35), (2, 3, 64, 64)),
        (lambda: d2lcnn.mobilenet_v3_small(width_mult=0.35), (2, 3, 64, 64)),
        (d2lcnn.lenet_bn, (2, 1, 28, 28)),  # with norms behind dense layers
        (with_our_norms, (2, 3, 8, 8)),
    ],
)
def test_folding_changes_no_output_and_no_network(build, shape):
    net = randomised(build())
    before = copy.deepcopy(net.state_dict())
    x = torch.rand(shape, dtype=torch.float64)
    folded = d2lcnn.fold_all_batch_norms(net)
    torch.testing.assert_close(folded(x), net(x))
    assert not any("BatchNorm" in type(m).__name__ for m in folded.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_a_norm_without_a_convolution_in_front_is_refused():
    with pytest.raises(ValueError, match=r"right in front of it, and 0 has none"):
        d2lcnn.fold_all_batch_norms(nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1)))
    with pytest.raises(ValueError, match="and Sequential has some. Fold them first"):
        d2lcnn.low_precision(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), torch.rand(1, 3, 4, 4))
    with pytest.raises(ValueError, match="and Sequential has some. Fold them first"):
        d2lcnn.low_precision(nn.Sequential(nn.Linear(3, 3), d2lcnn.BatchNorm1d(3)), torch.rand(4, 3))


def test_modules_at_several_places_are_not_folded_as_neighbours():
    """A ReLU that stands twice separates convolution and norm the second time too."""
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(3, 4, 1), relu, nn.Conv2d(4, 4, 1), relu, nn.BatchNorm2d(4))
    with pytest.raises(ValueError, match="right in front of it, and 4 has none"):
        d2lcnn.fold_all_batch_norms(net)
    conv = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match="Layer 2 or the batch norm 3 behind it stands at several places"):
        d2lcnn.fold_all_batch_norms(nn.Sequential(conv, nn.ReLU(), conv, nn.BatchNorm2d(3)))


def test_an_activation_that_runs_twice_has_the_range_of_both():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(100 * x) + self.relu(x)

    x = torch.linspace(0, 1, 11, dtype=torch.float64)
    torch.testing.assert_close(
        d2lcnn.low_precision(Twice(), x, activation_bits=16)(x), 101 * x, rtol=0, atol=0.01
    )


def test_activations_have_at_least_one_bit():
    with pytest.raises(ValueError, match="at least 1 bit, got activation_bits=0"):
        d2lcnn.low_precision(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.rand(3, 2), activation_bits=0)


def test_each_number_of_a_vector_by_itself_stays():
    x = torch.tensor([-1.5, 0.3, 2.0])
    torch.testing.assert_close(d2lcnn.fake_quantize(x, bits=2, per_channel=True), x)


def test_many_bits_change_nothing_and_few_do():
    net = d2lcnn.fold_all_batch_norms(randomised(InvertedResidual(4, 4)))
    x = torch.rand(8, 4, 6, 6, dtype=torch.float64)
    exact = net(x)
    errors = [
        (d2lcnn.low_precision(net, x, bits=b, activation_bits=b)(x) - exact).abs().max().item()
        for b in (2, 4, 8, 30)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6 < errors[-2]


@pytest.mark.parametrize("per_channel", [False, True])
def test_it_is_arithmetic_in_whole_numbers(per_channel):
    """Weights and activations as whole numbers, summed as such, give what the rounded network gives."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 5, 1, bias=False)).double()
    x = torch.rand(6, 3, 4, 4, dtype=torch.float64)
    rounded = d2lcnn.low_precision(net, x, per_channel=per_channel)
    step = net[1](net[0](x)).max() / 255
    hidden = rounded[1](rounded[0](x))
    weight, before = rounded[2].weight.detach().flatten(1), net[2].weight.detach().flatten(1)
    ends = before if per_channel else before.reshape(1, -1).expand(5, -1)
    steps = (ends.amax(1).clamp(min=0) - ends.amin(1).clamp(max=0)).div(255).unsqueeze(1)
    whole, whole_weight = (hidden / step).round().long(), (weight / steps).round().long()
    torch.testing.assert_close(whole * step, hidden)
    torch.testing.assert_close(whole_weight * steps, weight)
    assert whole.min() >= 0
    assert whole.max() <= 255
    assert whole_weight.abs().max() <= 255
    sums = torch.einsum("oc,nchw->nohw", whole_weight, whole)
    torch.testing.assert_close(sums * (steps * step).reshape(1, -1, 1, 1), rounded(x))
