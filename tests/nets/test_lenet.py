"""LeNet against the peer's listing and the paper's numbers."""

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn.nets.lenet import C3_TABLE, RBFOutput, ScaledTanh, Subsampling, TableConv2d, digit_codes


def listing(norm=False):
    """The network as one would write it out by hand."""
    bn2, bn1 = (nn.BatchNorm2d, nn.BatchNorm1d) if norm else (lambda c: None, lambda c: None)
    layers = [
        nn.Conv2d(1, 6, 5, padding=2), bn2(6), nn.Sigmoid(), nn.AvgPool2d(2, 2),
        nn.Conv2d(6, 16, 5), bn2(16), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten(),
        nn.Linear(400, 120), bn1(120), nn.Sigmoid(), nn.Linear(120, 84), bn1(84), nn.Sigmoid(), nn.Linear(84, 10),
    ]  # fmt: skip
    return nn.Sequential(*[layer for layer in layers if layer is not None])


def randomise(net):
    """Fresh affine parameters and running statistics would hide a wrong mapping."""
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)


@pytest.mark.parametrize(("build", "norm"), [(d2lcnn.lenet, False), (d2lcnn.lenet_bn, True)])
def test_equal_to_the_network_written_out(build, norm):
    net, twin = build().double(), listing(norm).double()
    for layer in twin:
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            randomise(layer)
    net.load_state_dict(dict(zip(net.state_dict(), twin.state_dict().values(), strict=True)))
    X = torch.rand(8, 1, 28, 28, dtype=torch.float64)
    for mode in (False, True):
        net.train(mode)
        twin.train(mode)
        assert torch.equal(net(X), twin(X))
    net(X).square().sum().backward()
    twin(X).square().sum().backward()
    for ours, theirs in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)
    for ours, theirs in zip(net.buffers(), twin.buffers(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("build", "size", "count"),
    [(d2lcnn.lenet, 28, 61_706), (d2lcnn.lenet_bn, 28, 62_158), (d2lcnn.lenet5, 32, 60_000)],
)
def test_parameter_counts_and_gradients(build, size, count):
    net = build()
    assert sum(p.numel() for p in net.parameters()) == count
    net(torch.rand(4, 1, size, size)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_other_channels_and_classes():
    assert d2lcnn.lenet(3, 7)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)
    assert d2lcnn.lenet_bn(3, 7)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 28, 28), r"built for 1 channel\(s\) and got 3"),
        ((2, 1, 32, 32), r"28×28 pixels and got.*resize=28"),
        ((28, 28), r"N×C×H×W.*\(28, 28\).*unsqueeze"),
    ],
)
def test_wrong_input(shape, message):
    with pytest.raises(ValueError, match=message):
        d2lcnn.lenet()(torch.zeros(shape))


def test_lenet5_refuses_28_pixels():
    with pytest.raises(ValueError, match="resize=32"):
        d2lcnn.lenet5()(torch.zeros(2, 1, 28, 28))


# Trainable parameters and connections that section II.B of the paper gives for each layer.
PAPER = {
    "C1": (156, 122_304), "S2": (12, 5_880), "C3": (1_516, 151_600), "S4": (32, 2_000),
    "C5": (48_120, 48_120), "F6": (10_164, 10_164), "output": (0, 840),
}  # fmt: skip


def test_lenet5_has_the_papers_parameters_and_connections_in_every_layer():
    net = d2lcnn.lenet5()
    x = torch.zeros(1, 1, 32, 32)
    connections = {}
    for name, layer in net.named_children():
        x = layer(x)
        if name not in PAPER:
            continue
        parameters = sum(p.numel() for p in layer.parameters())
        assert parameters == PAPER[name][0], name
        if name in ("S2", "S4"):
            connections[name] = x.numel() * 5  # four inputs and a bias for each unit
        elif name == "output":
            connections[name] = 10 * 84
        else:
            connections[name] = parameters * x.shape[-1] ** 2 if x.dim() == 4 else parameters
        assert connections[name] == PAPER[name][1], name
    assert sum(connections.values()) == 340_908


# A row for each map of S2, a column for each map of C3.
TABLE_I = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


def test_c3_table_is_the_papers():
    rows = [line.split() for line in TABLE_I.split("\n")[1:-1]]
    columns = [tuple(i for i, row in enumerate(rows) if row[k] == "X") for k in range(16)]
    assert [tuple(sorted(inputs)) for inputs in C3_TABLE] == columns


def test_table_convolution_is_a_full_one_with_the_missing_weights_zero():
    table = TableConv2d(C3_TABLE, 5).double()
    full = nn.Conv2d(6, 16, 5).double()
    with torch.no_grad():
        full.weight.zero_()
        table.bias.normal_()
        full.bias.copy_(table.bias)
        kernels = iter(table.weight)
        for i, row in enumerate(C3_TABLE):
            for j in row:
                full.weight[i, j] = next(kernels)
    x = torch.randn(2, 6, 14, 14, dtype=torch.float64)
    torch.testing.assert_close(table(x), full(x))


def test_subsampling():
    layer = Subsampling(2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([2.0, 3.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0]))
    x = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(1, 2, 1, 1)
    sums = torch.tensor([[10.0, 18.0], [42.0, 50.0]])
    assert torch.equal(layer(x)[0], torch.stack([2 * sums, 3 * sums + 1]))
    fresh = Subsampling(2)
    torch.testing.assert_close(fresh(x), nn.functional.avg_pool2d(x, 2))


def test_scaled_tanh_is_the_papers():
    a = torch.tensor([-1.0, 0.0, 1.0, 100.0])
    torch.testing.assert_close(ScaledTanh()(a), torch.tensor([-1.0, 0.0, 1.0, 1.7159]), atol=1e-4, rtol=0)


def test_rbf_output_and_its_criterion():
    codes = digit_codes()
    assert codes.shape == (10, 84)
    assert len({tuple(code.tolist()) for code in codes}) == 10
    x = torch.randn(5, 84)
    output = RBFOutput(codes)(x)
    distances = torch.stack([((x - code) ** 2).sum(dim=1) for code in codes], dim=1)
    torch.testing.assert_close(output, -distances)
    # Equation 9 without its constant: the distance to the right code plus the log of the sum over all.
    labels = torch.tensor([3, 1, 4, 1, 5])
    expected = (distances.gather(1, labels[:, None])[:, 0] + torch.logsumexp(-distances, dim=1)).mean()
    torch.testing.assert_close(nn.functional.cross_entropy(output, labels), expected)
    assert list(RBFOutput(codes).parameters()) == []
    # An input that is a digit's own code is that digit.
    assert RBFOutput(codes)(codes).argmax(dim=1).tolist() == list(range(10))
