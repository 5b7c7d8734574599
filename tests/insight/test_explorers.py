"""The course's moving figures: what they show against quadrature, samples and torch's own layers."""

import gzip
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch import nn

import d2lcnn
from d2lcnn.insight.explore_depth import (
    ACTIVATIONS,
    INITIALIZERS,
    activations_through_depth,
    explore_depth,
)
from d2lcnn.insight.explore_growth import dense_parameters, dense_widths, explore_growth
from d2lcnn.insight.explore_receptive_field import explore_receptive_field, levels, seen_units
from d2lcnn.insight.explore_sigmoid import expected_slope, explore_sigmoid, output_shares, sigmoid, slope
from d2lcnn.insight.explore_thinner import explore_thinner, thinner_costs
from d2lcnn.insight.initializers import variance_through_depth
from d2lcnn.insight.tables import layer_rows
from d2lcnn.nets.densenet import DenseLayer, DenseNet
from d2lcnn.nets.mobilenet_v1 import mobilenet_v1

EVERY = [explore_sigmoid, explore_depth, explore_receptive_field, explore_growth, explore_thinner]


def test_the_page_of_moving_figures_names_all():
    page = (Path(__file__).parents[2] / "book" / "moving-figures.ipynb").read_text(encoding="utf-8")
    names = [name for name in d2lcnn.__all__ if name.startswith("explore_")]
    assert len(names) >= 9
    assert [name for name in names if name not in page] == []


@pytest.mark.parametrize("build", EVERY)
def test_light_enough_for_a_page(build):
    page = build().html().encode()
    assert len(page) < 150_000
    assert len(gzip.compress(page)) < 25_000


@pytest.mark.parametrize("build", EVERY)
def test_every_frame_is_different_and_the_same_next_time(build):
    moving = build()
    assert moving.html() == build().html()
    pictures = [tuple(drawing.elements) for drawing, _ in moving.frames.values()]
    assert len(set(pictures)) == len(pictures)


def test_sigmoid_and_slope_are_torchs():
    z = torch.linspace(-40, 40, 801, dtype=torch.float64, requires_grad=True)
    torch.sigmoid(z).sum().backward()
    x = z.detach().numpy()
    np.testing.assert_allclose(sigmoid(x), special.expit(x), atol=1e-15)
    np.testing.assert_allclose(slope(x), special.expit(x) * special.expit(-x), rtol=1e-12)
    np.testing.assert_allclose(slope(x), z.grad.numpy(), atol=1e-15)


@pytest.mark.parametrize("mean", [-6, 0, 1.5, 6])
@pytest.mark.parametrize("std", [0.01, 0.5, 1, 6, 20])
def test_the_surviving_gradient_is_the_integral(mean, std):
    def integrand(t):
        return stats.norm.pdf(t) * special.expit(mean + std * t) * special.expit(-mean - std * t)

    near = max(-9.0, min(9.0, -mean / std))  # where the slope has its peak
    expected = sum(
        integrate.quad(integrand, a, b, epsabs=1e-14, epsrel=1e-13, limit=500)[0]
        for a, b in ((-10, near), (near, 10))
    )
    assert expected_slope(mean, std) == pytest.approx(expected, rel=1e-11)
    assert 0 < expected_slope(mean, std) < 0.25


def test_output_shares_are_those_of_samples():
    z = torch.randn(400_000, dtype=torch.float64) * 2 + 1
    counts, _ = np.histogram(torch.sigmoid(z).numpy(), bins=20, range=(0, 1))
    np.testing.assert_allclose(output_shares(1, 2), counts / len(z), atol=0.004)
    for mean, std in ((0, 0.5), (6, 6), (-6, 0.25)):
        assert math.fsum(output_shares(mean, std)) == pytest.approx(1)


def test_the_sentence_has_the_numbers():
    _, sentence = explore_sigmoid().frames[(0, 1)]
    assert sentence == (
        "the mean slope is 0.207, 83 % of the largest possible 0.25; 0 % of the outputs lie within 0.05 of 0 or 1."
    )
    drawing, _ = explore_sigmoid().frames[(0, 1)]
    assert any(">0.207</text>" in element for element in drawing.elements)
    wide = explore_sigmoid().frames[(6, 6)][1]
    assert float(wide.split(" is ")[1].split(",")[0]) == pytest.approx(expected_slope(6, 6), abs=0.0005)


def test_sigmoids_bad_input():
    with pytest.raises(ValueError, match="standard deviation is positive, got 0"):
        explore_sigmoid(stds=[0, 1], start=(0, 1))


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_depth_is_a_stack_of_torch_layers(name, activation):
    function, _ = ACTIVATIONS[activation]
    found = activations_through_depth(INITIALIZERS[name], function, 4, 30, 50, seed=3)
    torch.manual_seed(3)
    z = torch.randn(50, 30, dtype=torch.float64)
    for output in found:
        layer = nn.Linear(30, 30, dtype=torch.float64)
        INITIALIZERS[name](layer)
        z = getattr(torch, activation.lower())(layer(z))
        assert torch.equal(z, output)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_depth_tells_what_the_course_measures_elsewhere(name):
    outputs = activations_through_depth(INITIALIZERS[name], torch.relu, 8, 200, 200, seed=0)
    profile = variance_through_depth(8, 200, torch.relu, INITIALIZERS[name], batch_size=200)
    ours = [math.log(output.var(correction=0).item()) for output in outputs]
    np.testing.assert_allclose(ours, np.log(profile.activations), atol=0.7)


def test_histograms_hold_every_activation(monkeypatch):
    from d2lcnn.insight import svg

    drawn = []
    monkeypatch.setattr(svg.Panel, "bars", lambda panel, edges, heights, *_: drawn.append((edges, heights)))
    explore_depth(["std 1", "std 0.01"], ["ReLU", "tanh"], depth=2, width=20, batch_size=10)
    assert len(drawn) == 2 * 2 * 2
    for name in ("std 1", "std 0.01"):
        for activation in ("ReLU", "tanh"):
            function, (low, high) = ACTIVATIONS[activation]
            for output in activations_through_depth(INITIALIZERS[name], function, 2, 20, 10, 0):
                edges, heights = drawn.pop(0)
                assert (edges[0], edges[-1], len(edges)) == (low, high, 26)
                # Of 200 values the highest bar is 1, and what lies beyond the range counts in the last bar.
                beyond = (output > edges[-2]).sum().item()
                highest = 200 / heights.sum()
                assert heights.max() == 1
                assert heights[-1] * highest == pytest.approx(beyond)


def test_depths_sentence_and_start():
    moving = explore_depth(depth=5, start=("He √(2/n)", "ReLU"))
    outputs = activations_through_depth(INITIALIZERS["He √(2/n)"], torch.relu, 5, 100, 100, 0)
    first, last = (f"{outputs[i].std(correction=0).item():.2g}" for i in (0, -1))
    assert moving.frames[("He √(2/n)", "ReLU")][1] == (
        f"Behind layer 1 the activations have the standard deviation {first}, behind layer 5 {last}."
    )
    assert moving.start == (3, 1)


def test_depth_leaves_torchs_random_numbers():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    explore_depth(depth=1, width=2, batch_size=2)
    assert torch.equal(torch.rand(2), expected)


def test_depths_bad_input():
    with pytest.raises(ValueError, match="at least 1, got 0, 100 and 100"):
        explore_depth(depth=0)
    with pytest.raises(ValueError, match="'GELU' is not known here: choose among tanh, ReLU, sigmoid"):
        explore_depth(activations=["GELU", "tanh"])
    with pytest.raises(ValueError, match="'Kaiming' is not known here: choose among std 0.01"):
        explore_depth(initializers=["Kaiming", "Xavier"])


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("kernel_size", "stride"), [(1, 1), (2, 1), (3, 1), (3, 2), (2, 3)])
def test_the_pixels_that_are_seen_are_those_with_a_gradient(kernel_size, stride, depth, dilation, padding):
    stack = levels(41, kernel_size, stride, padding, dilation, depth)
    layers = [nn.Conv1d(1, 1, kernel_size, stride, padding, dilation, bias=False) for _ in range(depth)]
    for layer in layers:
        nn.init.ones_(layer.weight)
    x = torch.ones(1, 1, 41, requires_grad=True)
    out, sizes = x, [41]
    for layer in layers:
        out = layer(out)
        sizes.append(out.shape[-1])
    assert [level.units for level in stack] == sizes
    out[0, 0, (sizes[-1] - 1) // 2].backward()
    seen = seen_units(stack, kernel_size, stride, padding, dilation)[0]
    assert [i for i in seen if 0 <= i < 41] == x.grad[0, 0].nonzero().flatten().tolist()
    # Away from the border the field's formula and what is traced agree.
    if seen[0] >= 0 and seen[-1] < 41 and (padding == 0 or depth == 1):
        assert seen[-1] - seen[0] + 1 == stack[-1].size


def test_padding_between_layers_is_zero_and_sees_nothing():
    """Three pixels under two 5-wide layers: the second reads two padded zeros, which lead to no zeros further out."""
    stack = levels(3, 5, 1, 2, 1, 2)
    assert seen_units(stack, 5, 1, 2, 1) == [list(range(-2, 5)), list(range(-1, 4)), [1]]


def test_what_receptive_fields_say():
    moving = explore_receptive_field(28, [2, 5], [1, 2], padding=2, start=[5, 1])
    assert moving.start == (1, 0)
    said = {values: sentence for values, (_, sentence) in moving.frames.items()}
    assert (
        said[(5, 1)]
        == "28 pixels → 28 outputs. One sees 5 × 5 pixels; the next one as many, 1 pixel further on."
    )
    assert (
        said[(5, 2)]
        == "28 pixels → 14 outputs. One sees 5 × 5 pixels; the next one as many, 2 pixels further on."
    )
    dilated = explore_receptive_field(9, kernel_size=3, stride=1, dilation=[1, 4]).frames[(4,)][1]
    assert dilated == "9 pixels → 1 output. It sees 3 × 3 pixels, spread over 9 × 9."
    padded = explore_receptive_field(3, kernel_size=[3, 5], stride=1, padding=1).frames[(5,)][1]
    assert padded == "3 pixels → 1 output. It sees 5 × 5 pixels, padding included."


def test_every_pixel_and_output_is_drawn_and_lies_in_the_picture():
    moving = explore_receptive_field(10, kernel_size=[3, 5], stride=1, padding=[0, 2], num_layers=2)
    for (k, p), (drawing, _) in moving.frames.items():
        stack = levels(10, k, 1, p, 1, 2)
        rectangles = [e for e in drawing.elements if e.startswith("<rect")]
        units = sum(level.units for level in stack)
        assert len(rectangles) == units + 4 * p
        assert sum("dasharray" in e for e in rectangles) == 4 * p
        for rectangle in rectangles:
            x, y, side = (
                float(rectangle.split(f'{name}="')[1].split('"')[0]) for name in ("x", "y", "width")
            )
            assert 40 <= x <= x + side <= drawing.width - 20
            assert 0 <= y <= y + side <= drawing.height


def test_receptive_fields_bad_input():
    with pytest.raises(ValueError, match="must fit into the padded input: it spans 6 pixels"):
        explore_receptive_field(5)
    with pytest.raises(
        ValueError, match="sequences, for the reader to move; got kernel size k, stride s, layers"
    ):
        explore_receptive_field(num_layers=[1, 2])
    with pytest.raises(ValueError, match="to move; got none"):
        explore_receptive_field(kernel_size=3, stride=1)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got .0, 1."):
        explore_receptive_field(stride=1, num_layers=[0, 1])
    with pytest.raises(ValueError, match="at least two values.*got none for 'stride s'"):
        explore_receptive_field(stride=[])
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        explore_receptive_field(stride=[0, 1])


@pytest.mark.parametrize("k", [12, 48])
@pytest.mark.parametrize("compression", [0.3, 1])
def test_growth_is_that_of_the_network(k, compression):
    layers = (3, 5, 2)
    with torch.device("meta"):
        net = DenseNet(k, layers, compression=compression)
    assert dense_parameters(k, layers, compression) == sum(p.numel() for p in net.parameters())
    entering = [m.norm1.num_features for m in net.modules() if isinstance(m, DenseLayer)]
    widths = dense_widths(k, layers, compression)
    assert entering == [m for block in widths for m in block[:-1]]
    assert net.classifier.in_features == widths[-1][-1]


@pytest.mark.parametrize(
    ("rates", "compressions"), [([0, 12], [0.5, 1]), ([12, 24], [0, 1]), ([12, 24], [0.5, 1.5])]
)
def test_growth_refuses_what_no_densenet_has(rates, compressions):
    with pytest.raises(ValueError, match="Growth rates are positive and compressions lie in"):
        explore_growth(rates, compressions)
    with pytest.raises(ValueError, match=r"at least one layer, got \[2, 0\]"):
        explore_growth([12, 24], [0.5, 1], num_layers=(2, 0))


@pytest.mark.parametrize(("alpha", "size"), [(1, 224), (0.75, 160), (0.25, 130)])
def test_thinner_costs_are_those_of_the_network(alpha, size):
    with torch.device("meta"):
        net = mobilenet_v1(width_mult=alpha)
    costs = thinner_costs(alpha, size)
    rows = [row for row in layer_rows(net, (1, 3, size, size)) if row.kind in ("Conv2d", "Linear")]
    assert [cost.multiply_adds for cost in costs] == [row.multiply_adds for row in rows]
    assert sum(cost.parameters for cost in costs) == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(("alphas", "sizes"), [([0.01, 1], [128, 224]), ([0.5, 1], [0, 224])])
def test_thinner_refuses_nets_without_channels_or_pictures(alphas, sizes):
    with pytest.raises(ValueError, match="at least 1/32 and pictures have at least one pixel, got"):
        explore_thinner(alphas, sizes)


def test_thinner_ticks_lie_on_the_panel():
    small = explore_thinner([0.25, 0.5], [64, 96], start=(0.5, 96))
    for drawing, _ in small.frames.values():
        heights = [
            float(y) for element in drawing.elements for y in re.findall(r' y1?="(-?[\d.]+)"', element)
        ]
        assert heights
        assert min(heights) >= 0
