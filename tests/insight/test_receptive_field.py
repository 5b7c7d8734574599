"""Receptive fields against the pixels that really move an output, and depth against networks counted by hand."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import d2lcnn
from d2lcnn.insight.depth import network_depth
from d2lcnn.insight.receptive_field import next_field, output_size, receptive_field
from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.nets.alexnet import alexnet
from d2lcnn.nets.lenet import lenet, lenet5
from d2lcnn.nets.mobilenet_v1 import mobilenet_v1
from d2lcnn.nets.mobilenet_v3 import mobilenet_v3_small
from d2lcnn.nets.resnet import resnet50
from d2lcnn.nets.vgg import vgg16


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 30), k=st.integers(1, 5), s=st.integers(1, 4), p=st.integers(0, 3), d=st.integers(1, 3)
)
def test_output_size_is_torchs(n, k, s, p, d):
    if d * (k - 1) + 1 > n + 2 * p:
        with pytest.raises(ValueError, match="must fit into the padded input.*padding of at least") as error:
            output_size(n, k, s, p, d)
        least = int(str(error.value).rpartition("least ")[2].rstrip("."))
        assert output_size(n, k, s, least, d) >= 1
        with pytest.raises(ValueError, match="must fit"):
            output_size(n, k, s, least - 1, d)
        return
    out = nn.functional.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p, dilation=d)
    assert output_size(n, k, s, p, d) == out.shape[-1]


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"kernel_size": 0}, {"stride": 0}, {"padding": -1}, {"dilation": 0}]
)
def test_output_size_refuses_sizes_out_of_range(wrong):
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=f"{name} must be at least .*got {value}"):
        output_size(**{"n": 10, "kernel_size": 3, **wrong})


def test_next_field_by_hand():
    assert next_field(1, 1, 11, stride=4) == (11, 4)
    assert next_field(11, 4, 3, stride=2) == (19, 8)
    assert next_field(5, 2, 3, dilation=4) == (21, 2)


def seen_pixels(net, layer, shape, row, column):
    """The rows and columns whose pixels have a gradient to one position of a layer's output, without its norms."""
    X = torch.rand(shape, dtype=torch.float64).requires_grad_()
    caught = []
    handle = net.get_submodule(layer).register_forward_hook(lambda m, i, out: caught.append(out))
    net(X)
    handle.remove()
    caught[0][0, :, row, column].sum().backward()
    rows, columns = X.grad[0].abs().sum(dim=0).nonzero(as_tuple=True)
    return (rows.min().item(), rows.max().item()), (columns.min().item(), columns.max().item())


def assert_fields_are_the_gradients(net, shape):
    net = net.double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            # Positive weights on positive pixels: no path cancels another; small ones, so that none saturates.
            parameter.uniform_(0.05, 0.15)
    table = receptive_field(net, shape)
    assert table
    for r in table:
        height, width = r.output_size
        for i, j in {(0, 0), (height // 2, width // 3), (height - 1, width - 1)}:
            seen = seen_pixels(net, r.name, shape, i, j)
            for axis, index in enumerate((i, j)):
                first = r.start[axis] + index * r.jump[axis]
                last = first + r.size[axis] - 1
                side = shape[2 + axis]
                assert seen[axis] == (max(first, 0), min(last, side - 1)), (r, i, j)
    return {r.name: r for r in table}


class Branches(nn.Module):
    """Paths of different fields and centres that meet in a sum and a concatenation, as in residual and Inception nets."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(2, 4, 5, stride=2, padding=2)
        self.narrow = nn.Conv2d(2, 4, 1, stride=2)
        self.even = nn.AvgPool2d(2)
        self.last = nn.Conv2d(6, 3, (3, 1), padding=(1, 0))

    def forward(self, x):
        both = torch.relu_(self.wide(x)) + self.narrow(x)
        return self.last(torch.cat([both, self.even(x)], dim=1))


class Shortcut(nn.Module):
    """The parameter-free shortcut: every second pixel, zeros for the new channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, stride=2, padding=1)
        self.after = nn.Conv2d(2, 1, 3)

    def forward(self, x):
        short = nn.functional.pad(x[:, :, 1::2, ::2], (0, 0, 0, 0, 0, 1))
        return self.after(self.conv(x) + short)


def test_lenet():
    fields = assert_fields_are_the_gradients(lenet(), (1, 1, 28, 28))
    assert [r.size for r in fields.values()] == [(5, 5), (6, 6), (14, 14), (16, 16)]
    fields = assert_fields_are_the_gradients(lenet5(), (1, 1, 32, 32))
    # C5 sees the whole image, the reason why the paper calls it a convolution and it is a dense layer too.
    assert (fields["C5"].size, fields["C5"].output_size) == ((32, 32), (1, 1))


def test_branches_even_windows_and_two_axes():
    fields = assert_fields_are_the_gradients(Branches(), (1, 2, 20, 26))
    assert fields["last"].size == (9, 5)
    assert fields["last"].start == (-4, -2)


def test_slices_and_padding():
    fields = assert_fields_are_the_gradients(Shortcut(), (1, 1, 20, 20))
    # Pixel 1 alone would be off the strided convolution's centre by one, yet inside its window.
    assert fields["after"].size == (7, 7)
    pad = nn.Sequential(nn.ZeroPad2d((2, 0, 1, 2)), nn.Conv2d(1, 1, 3))
    assert assert_fields_are_the_gradients(pad, (1, 1, 9, 9))["1"].start == (-1, -2)


def test_dilation_and_pooling_and_norms():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=2, dilation=2), nn.BatchNorm2d(2), nn.ReLU(inplace=True),
        nn.AvgPool2d(3, stride=2, padding=1), nn.Conv2d(2, 2, 3, groups=2), nn.AdaptiveAvgPool2d(3),
        nn.AdaptiveAvgPool2d(1),
    )  # fmt: skip
    fields = assert_fields_are_the_gradients(net, (1, 1, 22, 22))
    assert list(fields) == ["0", "3", "4", "5", "6"]
    assert fields["6"].output_size == (1, 1)


def test_maximum_pooling_over_many_images():
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(3, stride=2, padding=1)).double()
    row = receptive_field(net, (1, 1, 15, 15))[1]
    with torch.no_grad():
        net[0].weight.uniform_(0.5, 1.5)
    X = torch.rand(300, 1, 15, 15, dtype=torch.float64).requires_grad_()
    net(X)[:, 0, 2, 3].sum().backward()
    rows, columns = X.grad.abs().sum(dim=(0, 1)).nonzero(as_tuple=True)
    for axis, seen in enumerate((rows, columns)):
        first = row.start[axis] + (2, 3)[axis] * row.jump[axis]
        assert (seen.min(), seen.max()) == (first, first + row.size[axis] - 1)


def test_a_gate_over_the_whole_map_widens_the_field():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.squeeze = nn.AdaptiveAvgPool2d(1)
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(x * self.squeeze(x))

    fields = {row.name: row for row in receptive_field(Gated(), (1, 1, 8, 8))}
    assert fields["squeeze"].size == (8, 8)
    assert fields["conv"].size == (10, 10)
    assert fields["conv"].jump == (1, 1)


def test_local_response_norm_sees_only_its_own_pixel():
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.LocalResponseNorm(3), nn.AvgPool2d(2), nn.LocalResponseNorm(5))
    assert assert_fields_are_the_gradients(net, (1, 1, 12, 12))["2"].size == (4, 4)


# By hand from the tables: r + (k − 1)·j, layer by layer; Araujo et al. (2019) list the same.
@pytest.mark.parametrize(
    ("build", "size", "layer", "field", "jump"),
    [
        (partial(alexnet, variant="paper"), 227, "pool5", 195, 32),
        (vgg16, 224, "block5.6", 212, 32),
        (partial(resnet50, variant="paper"), 224, "layer4.2.conv3", 483, 32),
        (mobilenet_v1, 224, "separable13.pointwise", 315, 32),
    ],
)
def test_networks_of_the_course(build, size, layer, field, jump):
    rows = {row.name: row for row in receptive_field(build_on_meta(build), (1, 3, size, size))}
    assert (rows[layer].size, rows[layer].jump) == ((field, field), (jump, jump))


def test_gates_do_not_stretch_the_jump():
    rows = receptive_field(build_on_meta(mobilenet_v3_small), (1, 3, 224, 224))
    assert rows[-2].jump == (32, 32)
    assert (224, 224) < rows[-2].size < (3000, 3000)


def test_the_network_is_left_as_it_was_also_after_an_error():
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ConvTranspose2d(1, 1, 3, stride=2))
    with pytest.raises(
        ValueError, match=r"follow convolutions.*runs aten.convolution.default.*\(1, 1, 6, 6\)"
    ):
        receptive_field(net, (1, 1, 8, 8))
    assert net.training
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())
    assert net(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 13, 13)


@pytest.mark.parametrize("upset", [nn.Upsample(scale_factor=2), nn.AdaptiveAvgPool2d(4)])
def test_what_has_no_one_stride_is_refused(upset):
    with pytest.raises(ValueError, match="Take another image size|Measure the part"):
        receptive_field(nn.Sequential(upset), (1, 1, 10, 10))


def test_not_images():
    with pytest.raises(ValueError, match=r"N×C×H×W, and got the shape \(1, 28, 28\)"):
        receptive_field(lenet(), (1, 28, 28))


def test_depth_takes_the_longest_branch_and_leaves_the_rest_out():
    net = nn.Sequential(
        nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), Branches(), nn.Flatten(), nn.Linear(3 * 16, 5, bias=False)
    )
    with pytest.raises(RuntimeError):
        network_depth(net, (1, 2, 9, 9))
    assert network_depth(net, (1, 2, 8, 8)) == 4
    assert network_depth(lenet5(), (1, 1, 32, 32)) == 4
    assert net.training
    assert all(p.grad is None for p in net.parameters())


def test_depth_of_a_function_without_parameters():
    with pytest.raises(ValueError, match="depends on none"):
        network_depth(nn.ReLU(), (1, 3))
    assert network_depth(nn.Linear(3, 3).requires_grad_(False), (1, 3)) == 1


@pytest.mark.parametrize(
    "norm",
    [
        d2lcnn.GroupNorm(2, 4), d2lcnn.InstanceNorm2d(4), d2lcnn.LayerNorm([4, 16, 16]), d2lcnn.FilterResponseNorm2d(4),
        d2lcnn.EvoNormB0(4), d2lcnn.EvoNormS0(4, 2), d2lcnn.BatchNorm2d(4), d2lcnn.MeanOnlyLayerNorm(4),
    ],
    ids=lambda norm: type(norm).__name__,
)  # fmt: skip
def test_norms_of_the_package_count_pixel_by_pixel(norm):
    rows = d2lcnn.receptive_field(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.Conv2d(4, 4, 3)), (2, 1, 16, 16)
    )
    assert [(row.kind, row.size) for row in rows] == [("Conv2d", (3, 3)), ("Conv2d", (5, 5))]


def test_a_norm_of_the_package_may_be_called_by_keyword_and_on_what_no_image_enters():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.norm = d2lcnn.InstanceNorm2d(4)
            self.shift = nn.Parameter(torch.randn(1, 4, 14, 14))

        def forward(self, x):
            return self.norm(x=self.conv(x)) + self.norm(self.shift)

    rows = d2lcnn.receptive_field(nn.Sequential(Shifted(), nn.Conv2d(4, 4, 3)), (2, 1, 16, 16))
    assert [row.size for row in rows] == [(3, 3), (5, 5)]


class Rolled(nn.Module):
    def forward(self, x):
        return x.roll(1, 3)


@pytest.mark.parametrize("layer", [nn.ConvTranspose2d(1, 1, 5, padding=2), Rolled()])
def test_what_keeps_the_size_and_moves_pixels_is_refused(layer):
    with pytest.raises(ValueError, match="Receptive fields follow convolutions.*in front of it"):
        d2lcnn.receptive_field(nn.Sequential(nn.Conv2d(1, 1, 3), layer), (1, 1, 16, 16))
