"""The layer table's run without arithmetic: the same rows as a real one, whatever the device, and nothing changed."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from d2lcnn.insight.shapes import build_on_meta, run_for_shapes
from d2lcnn.insight.tables import layer_rows, layer_table
from d2lcnn.nets.lenet import lenet, lenet5, lenet_bn
from d2lcnn.nets.mobilenet_v1 import MobileNetV1
from d2lcnn.nets.resnet import Residual, course_resnet18


def grouped():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, stride=2, groups=2))


def depthwise():
    return MobileNetV1(width_mult=0.25)


@pytest.mark.parametrize(
    ("build", "size"), [(lenet, 28), (lenet_bn, 28), (lenet5, 32), (grouped, 9), (depthwise, 32)]
)
def test_costs_are_those_of_a_real_run(build, size):
    net = build().eval()
    X = torch.rand(3, 1, size, size)
    with FlopCounterMode(display=False) as counter:
        out = net(X)
    rows = layer_rows(net, X)
    assert 2 * sum(row.multiply_adds for row in rows) == counter.get_total_flops()
    assert rows[-1].output_shape == out.shape
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in net.parameters())


def test_a_network_without_values_has_the_same_rows():
    assert layer_rows(build_on_meta(lenet_bn), (2, 1, 28, 28)) == layer_rows(lenet_bn(), (2, 1, 28, 28))


def test_nothing_is_computed_and_nothing_is_changed():
    net = lenet_bn()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    devices = []
    with torch.no_grad():
        net.conv1.weight.fill_(float("nan"))
    handle = net.conv1.register_forward_hook(lambda m, i, out: devices.append(out.device.type))
    layer_table(net, torch.rand(2, 1, 28, 28))
    handle.remove()
    assert devices == ["meta"]
    for name, tensor in net.state_dict().items():
        assert tensor.device.type == "cpu"
        if name != "conv1.weight":
            assert torch.equal(tensor, before[name])
    assert all(isinstance(p, nn.Parameter) for p in net.parameters())


def test_a_network_far_too_large_for_memory():
    net = build_on_meta(lambda: nn.Sequential(nn.Linear(10**6, 10**6), nn.ReLU()))
    rows = layer_rows(net, (1, 10**6))
    assert rows[0].parameters == 10**12 + 10**6
    assert rows[0].multiply_adds == 10**12


class LooksAtValues(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x):
        y = self.layer(x)
        return y if y.sum().item() < 1e9 else -y


def test_a_network_that_looks_at_values_runs_for_real():
    rows = layer_rows(LooksAtValues(), (2, 3))
    assert [(row.name, row.output_shape, row.parameters, row.multiply_adds) for row in rows] == [
        ("layer", (2, 4), 16, 24)
    ]
    with pytest.raises(RuntimeError, match="meta"):
        layer_rows(build_on_meta(LooksAtValues), (2, 3))


def test_tied_parameters_are_counted_once():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    assert [row.parameters for row in layer_rows(net, (1, 3))] == [12, 3]


def test_a_wrong_batch_gives_torchs_own_error():
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        run_for_shapes(nn.Linear(3, 2), (1, 4), lambda forward: forward())


def test_blocks_are_one_row_each_with_all_that_is_in_them():
    net = build_on_meta(course_resnet18)
    rows, leaves = layer_rows(net, (1, 1, 96, 96), whole=[Residual]), layer_rows(net, (1, 1, 96, 96))
    blocks = [row for row in rows if row.kind == "Residual"]
    assert [row.output_shape[1:] for row in blocks[1::2]] == [
        (64, 24, 24),
        (128, 12, 12),
        (256, 6, 6),
        (512, 3, 3),
    ]
    assert not any("conv" in row.name for row in rows)
    for quantity in ("parameters", "multiply_adds"):
        assert sum(getattr(row, quantity) for row in rows) == sum(getattr(row, quantity) for row in leaves)
        inside = sum(getattr(row, quantity) for row in leaves if row.name.startswith("2.0."))
        assert getattr(blocks[2], quantity) == inside > 0


def test_the_network_itself_is_no_block():
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), nn.Linear(2, 1))
    rows = layer_rows(net, (1, 3), whole=[nn.Sequential])
    assert [(row.name, row.parameters) for row in rows] == [("0", 8), ("1", 3)]


def test_work_inside_of_a_row_is_not_counted_in_it_again():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.conv = nn.Conv2d(1, 1, 3, bias=False)

        def forward(self, x):
            return self.scale * self.conv(x)

    rows = layer_rows(nn.Sequential(Scaled(), nn.Conv2d(1, 2, 1, bias=False)), (1, 1, 8, 8))
    assert [(row.kind, row.multiply_adds) for row in rows] == [("Conv2d", 324), ("Scaled", 0), ("Conv2d", 72)]
