"""Runs for shapes alone: quick where torch is slow, and with the shapes, errors and graph of a real run."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from d2lcnn.insight.depth import network_depth
from d2lcnn.insight.shapes import build_on_meta, run_for_shapes

ACTIVATIONS = [nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid]


class Recorder(TorchDispatchMode):
    """Notes the name of each operation that torch's kernels are asked for."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def shapes_of(net, run):
    """Run the network and give the shape and dtype that each of its layers gave."""
    noted = []
    handles = [
        layer.register_forward_hook(lambda m, i, out: noted.append((tuple(out.shape), out.dtype)))
        for layer in net
    ]
    run()
    for handle in handles:
        handle.remove()
    return noted


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_types_are_those_of_a_real_run(dtype):
    layers = [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), *(make() for make in ACTIVATIONS), nn.ReLU(inplace=True)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.BatchNorm1d(8 * 36), nn.ReLU6(inplace=True))
    net = net.to(dtype).eval()
    X = torch.rand(2, 3, 8, 8, dtype=dtype)
    real = shapes_of(net, lambda: net(X))
    assert shapes_of(net, lambda: run_for_shapes(net, X, lambda forward: forward())) == real
    assert len(real) == len(net)


@pytest.mark.parametrize(
    "layer", [nn.BatchNorm2d(4), *(make() for make in ACTIVATIONS)], ids=lambda layer: type(layer).__name__
)
def test_what_is_slow_on_meta_is_not_asked_for(layer):
    recorder = Recorder()
    net = nn.Sequential(nn.Conv2d(3, 4, 1), layer).eval()

    def run(forward):
        with recorder:
            return forward()

    assert run_for_shapes(net, (2, 3, 5, 5), run).shape == (2, 4, 5, 5)
    assert recorder.names - {"_to_copy"} == {"convolution", "clone"} | (
        {"view", "mul_"} if isinstance(layer, nn.BatchNorm2d) else set()
    )


def test_initial_values_are_drawn_where_there_is_room_for_them():
    recorder = Recorder()

    def build(device):
        layer = nn.Linear(3, 4)
        layer.register_buffer("table", torch.empty(100, 10, device=device))
        nn.init.kaiming_normal_(layer.table)
        return layer

    with recorder:
        assert build_on_meta(lambda: build(None)).table.is_meta
    assert "normal_" not in recorder.names
    layer = build_on_meta(lambda: build("cpu"))
    assert layer.weight.is_meta
    assert 0.4 < layer.table.std() < 0.5  # √(2 / 10)


@pytest.mark.parametrize("channels", [1, 5])  # a norm of one channel could be spread over all
def test_a_wrong_number_of_channels_is_torchs_own_error(channels):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(channels)).eval()
    with pytest.raises(RuntimeError, match="running_mean should contain 4 elements"):
        run_for_shapes(net, (2, 3, 8, 8), lambda forward: forward())


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(3).train(),
        nn.BatchNorm2d(3, track_running_stats=False),
        nn.BatchNorm2d(3, affine=False),
    ],
)
def test_other_batch_norms_run_too(norm):
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    assert run_for_shapes(norm, (2, 3, 8, 8), lambda forward: forward()).shape == (2, 3, 8, 8)
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


def test_the_graph_leads_to_the_weights_of_a_norm():
    assert network_depth(nn.BatchNorm2d(3), (2, 3, 8, 8)) == 0
    assert network_depth(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()), (2, 3, 8, 8)) == 1
