"""The style-transfer network against its paper's table and what its norm is for."""

from functools import partial

import pytest
import torch
from torch import nn

from d2lcnn.nets.style_transfer import StyleTransferNet, UnpaddedResidual, style_transfer

from .measures import depth, modules, multiply_adds, num_parameters, on_meta, without_gradient
from .parity import assert_same_network

# Table 1 of the supplementary material, for pictures of 256×256.
TABLE_1 = {
    "pad": (3, 336, 336), "conv1": (32, 336, 336), "down1": (64, 168, 168), "down2": (128, 84, 84),
    "residual1": (128, 80, 80), "residual2": (128, 76, 76), "residual3": (128, 72, 72),
    "residual4": (128, 68, 68), "residual5": (128, 64, 64), "up1": (64, 128, 128), "up2": (32, 256, 256),
    "output": (3, 256, 256), "tanh": (3, 256, 256),
}  # fmt: skip


def test_maps_of_table_1():
    x, found = torch.zeros(1, 3, 256, 256, device="meta"), {}
    for name, layer in on_meta(style_transfer).named_children():
        x = layer(x)
        found[name] = tuple(x.shape[1:])
    assert TABLE_1.items() <= found.items()


def test_published_numbers():
    net = on_meta(style_transfer)
    assert num_parameters(net) == 1_676_035
    # Norms with a scale and a shift add two numbers for each of their channels.
    normed = 32 + 64 + 128 + 10 * 128 + 64 + 32
    for norm_layer in (nn.BatchNorm2d, partial(nn.InstanceNorm2d, affine=True)):
        assert num_parameters(on_meta(style_transfer, norm_layer=norm_layer)) == 1_676_035 + 2 * normed
    # Three convolutions, two in each residual block, two transposed ones and the last.
    assert depth(net, (1, 3, 256, 256)) == 3 + 2 * 5 + 2 + 1
    residual = sum(9 * 128**2 * ((s - 2) ** 2 + (s - 4) ** 2) for s in (84, 80, 76, 72, 68))
    down = 243 * 32 * 336**2 + 9 * 32 * 64 * 168**2 + 9 * 64 * 128 * 84**2
    up = 9 * 128 * 64 * 64**2 + 9 * 64 * 32 * 128**2 + 81 * 32 * 3 * 256**2
    assert multiply_adds(net, (1, 3, 256, 256)) == residual + down + up


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(128, 128, 3), nn.Conv2d(128, 128, 3)

    def forward(self, x):
        out = torch.relu(nn.functional.instance_norm(self.conv1(x)))
        return nn.functional.pad(x, (-2, -2, -2, -2)) + nn.functional.instance_norm(self.conv2(out))


def test_equal_to_the_network_written_out():
    def norm(channels):
        return [nn.InstanceNorm2d(channels), nn.ReLU()]

    listing = nn.Sequential(
        nn.ReflectionPad2d(40), nn.Conv2d(3, 32, 9, 1, 4), *norm(32), nn.Conv2d(32, 64, 3, 2, 1), *norm(64),
        nn.Conv2d(64, 128, 3, 2, 1), *norm(128), *[Block() for _ in range(5)],
        nn.ConvTranspose2d(128, 64, 3, 2, 1, 1), *norm(64), nn.ConvTranspose2d(64, 32, 3, 2, 1, 1), *norm(32),
        nn.Conv2d(32, 3, 9, 1, 4), nn.Tanh(),
    )  # fmt: skip
    assert_same_network(style_transfer(), listing, torch.randn(1, 3, 44, 48))


def test_pictures_go_out_within_the_range_of_tanh():
    out = style_transfer()(100 * torch.randn(2, 3, 44, 52))
    assert out.shape == (2, 3, 44, 52)
    assert out.abs().max() <= 1
    assert out.std() > 0


def test_instance_norm_removes_contrast_and_batch_norm_does_not():
    """The first convolution's mean and deviation are gone before anything nonlinear has seen them."""
    x = torch.rand(2, 3, 48, 48, dtype=torch.float64)
    faded = x * torch.tensor([1.0, 0.3], dtype=torch.float64).reshape(2, 1, 1, 1)
    changes = []
    for norm_layer in (partial(nn.InstanceNorm2d, eps=1e-12), partial(nn.BatchNorm2d, eps=1e-12)):
        net = StyleTransferNet(norm_layer=norm_layer).double()
        changes.append((net(x) - net(faded)).abs().max().item())
    assert changes[0] < 1e-6 < 1e-2 < changes[1]


def test_a_norm_after_every_convolution_but_the_last_and_none_left_after_a_swap():
    net = on_meta(style_transfer)
    assert len(modules(net, nn.InstanceNorm2d)) == 3 + 10 + 2
    assert [type(layer).__name__ for layer in list(net)[-2:]] == ["Conv2d", "Tanh"]
    assert not any(norm.affine or norm.track_running_stats for norm in modules(net, nn.InstanceNorm2d))
    swapped = on_meta(style_transfer, norm_layer=nn.BatchNorm2d, activation_layer=nn.SiLU)
    assert len(modules(swapped, nn.BatchNorm2d)) == 15
    assert len(modules(swapped, nn.SiLU)) == 3 + 5 + 2
    assert not modules(swapped, nn.InstanceNorm2d) + modules(swapped, nn.ReLU)


def test_every_parameter_learns():
    net = style_transfer(1, norm_layer=nn.BatchNorm2d)
    assert without_gradient(net, (2, 1, 48, 48)) == []


def test_residual_block_is_the_middle_of_its_input_plus_the_body():
    block = UnpaddedResidual(3)
    nn.init.zeros_(block.body[3].weight)
    x = torch.randn(1, 3, 9, 10)
    torch.testing.assert_close(block(x), x[:, :, 2:7, 2:8])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 40, 44), r"at least 44×44.*resize=44"),
        ((1, 3, 46, 64), r"multiples of 4.*\(1, 3, 46, 64\).*Crop it to 44×64"),
        ((1, 1, 64, 64), r"built for 3 channel\(s\) and got 1"),
    ],
)
def test_wrong_input(shape, message):
    with pytest.raises(ValueError, match=message):
        on_meta(style_transfer)(torch.zeros(shape, device="meta"))
