"""Probes against numbers computed by hand, and that nothing of them stays behind."""

import gc
import math
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from d2lcnn.insight.probes import record_activations, record_gradients, record_updates, select_layers
from d2lcnn.nets.lenet import LeNet, ScaledTanh, lenet, lenet_bn


def hooks(net, optimizer=None):
    """All hooks that hang on a network, its parameters and an optimizer."""
    found = []
    for module in net.modules():
        found += [*module._forward_hooks, *module._forward_pre_hooks, *module._backward_hooks]
    for parameter in net.parameters():
        found += [*(parameter._backward_hooks or {})]
    if optimizer is not None:
        found += [*optimizer._optimizer_step_pre_hooks, *optimizer._optimizer_step_post_hooks]
    return found


def probes(net, optimizer):
    return [
        lambda: record_activations(net),
        lambda: record_gradients(net),
        lambda: record_updates(net, optimizer),
    ]


def test_activations_by_hand():
    net = nn.Sequential(nn.Flatten(0, 1), nn.ReLU())
    X = torch.tensor([[[-1.0, 2.0, 0.0]], [[-3.0, -4.0, 7.0]]])
    with record_activations(net, ["1"], bins=4) as record:
        net(X)
    (stats,) = record["1"]
    out = np.array([0.0, 2, 0, 0, 0, 7])
    assert (stats.mean, stats.zero) == (1.5, pytest.approx(4 / 6))
    assert stats.std == pytest.approx(out.std())
    assert stats.dead == pytest.approx(1 / 3)  # the first column alone is zero in both rows
    assert math.isnan(stats.saturated)
    counts, edges = np.histogram(out, bins=4)
    assert np.array_equal(stats.histogram[0], counts)
    assert np.allclose(stats.histogram[1], edges)


def test_dead_units_are_channels_that_are_zero_everywhere():
    net = nn.Sequential(nn.ReLU())
    X = torch.ones(2, 4, 3, 3)
    X[:, 0] = -1
    X[0, 1] = -1  # for one example only
    X[:, 2, 0, 0] = -1  # at one place only
    with record_activations(net) as record:
        net(X)
    assert record["0"][0].dead == 0.25
    assert record["0"][0].zero == pytest.approx((18 + 9 + 2) / 72)


@pytest.mark.parametrize(
    ("activation", "saturated"),
    [
        (nn.Sigmoid(), [-9.0, 5.0]),
        (nn.Tanh(), [-9.0, 4.0, 5.0]),
        (ScaledTanh(), [-9.0, 5.0]),
        (nn.Hardtanh(-2, 2), [-9.0, 4.0, 5.0]),
        (nn.ReLU6(), [-9.0, -0.5, 0.0, 9.0]),
        (nn.Hardsigmoid(), [-9.0, 4.0, 5.0]),
    ],
)
def test_saturation_is_a_hundredth_from_a_bound(activation, saturated):
    X = torch.tensor([-9.0, -0.5, 0.0, 0.5, 4.0, 5.0])
    if isinstance(activation, nn.ReLU6):
        X[-1] = 9.0
    if isinstance(activation, ScaledTanh):
        X[-2] = 2.0  # tanh(4/3) = 0.87
    with record_activations(activation, [""]) as record:
        activation(X)
    assert record[""][0].saturated == pytest.approx(len(saturated) / 6)


def test_own_bounds_and_subclasses():
    class Mine(nn.Tanh):
        pass

    X = torch.full((2, 2), 9.0)
    with record_activations(Mine(), [""]) as record:
        Mine()  # another object is not watched
    assert record == {}
    net = nn.Sequential(Mine(), nn.Identity())
    with record_activations(net, saturation={nn.Identity: (0.0, 1.0)}) as record:
        net(X)
    assert math.isnan(record["0"][0].saturated)
    assert record["1"][0].saturated == 1.0
    with record_activations(net) as record:
        net(X)
    assert record["0"][0].saturated == 1.0


def test_what_a_layer_gave_is_noted_before_the_next_changes_it_in_place():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(inplace=True))
    X = torch.randn(8, 3)
    with record_activations(net) as activations, record_gradients(net) as gradients:
        net(X).sum().backward()
    a = nn.functional.linear(X, net[0].weight, net[0].bias)
    assert activations["0"][0].mean == pytest.approx(a.mean().item(), abs=1e-6)
    assert activations["0"][0].zero == 0.0
    # The gradient at the sums is the step function of their sign.
    assert gradients["0"][0].mean == pytest.approx((a > 0).float().mean().item())
    assert gradients["1"][0].mean == 1.0


def test_half_precision_has_float32_moments():
    net = nn.Sequential(nn.Identity())
    X = torch.full((300, 300), 300.0, dtype=torch.float16)
    with record_activations(net) as record:
        net(X)
    assert (record["0"][0].mean, record["0"][0].std) == (300.0, 0.0)


def test_values_that_overflowed_do_not_end_the_run():
    net = nn.Sequential(nn.Identity())
    with record_activations(net, bins=3) as record:
        net(torch.tensor([[1.0, 2.0, math.inf, math.nan]]))
    assert record["0"][0].histogram[0].sum() == 2
    assert math.isnan(record["0"][0].mean)


def test_gradients_equal_autograds():
    net = lenet_bn()
    X, y = torch.rand(8, 1, 28, 28), torch.arange(8)
    caught = {}
    for name in ("conv2", "conv1_act"):
        net.get_submodule(name).register_forward_hook(lambda m, i, out, name=name: caught.update({name: out}))
    left = len(hooks(net))
    with record_gradients(net, ["conv2", nn.Sigmoid], bins=5) as record:
        loss = nn.functional.cross_entropy(net(X), y)
        wanted = [*caught.values(), net.conv2.weight, net.conv2.bias]
        expected = dict(
            zip([*caught, "conv2.weight", "conv2.bias"], torch.autograd.grad(loss, wanted, retain_graph=True))
        )
        record.clear()
        loss.backward()
    assert len(hooks(net)) == left
    assert set(record) == {
        "conv2",
        "conv2.weight",
        "conv2.bias",
        "conv1_act",
        "conv2_act",
        "dense1_act",
        "dense2_act",
    }
    for name, gradient in expected.items():
        (stats,) = record[name]
        assert stats.mean == pytest.approx(gradient.mean().item(), abs=1e-7)
        assert stats.std == pytest.approx(gradient.std(correction=0).item(), rel=1e-4)
        assert stats.norm == pytest.approx(gradient.norm().item(), rel=1e-4)
        assert stats.zero == pytest.approx((gradient == 0).double().mean().item())
        assert stats.histogram[0].sum() == gradient.numel()


def test_gradients_of_each_pass_and_not_of_their_sum():
    net = nn.Linear(1, 1, bias=False)
    with record_gradients(net) as record:
        for x in (1.0, 2.0, 3.0):
            net(torch.tensor([[x]])).backward()
    assert record.series("norm")["weight"].tolist() == [1.0, 2.0, 3.0]
    assert net.weight.grad.item() == 6.0


def test_frozen_parameters_and_no_grad():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    with record_gradients(net) as record:
        with torch.no_grad():
            net(torch.ones(1, 2))
        assert record == {}
        net(torch.ones(1, 2)).sum().backward()
    assert sorted(record) == ["1", "1.bias", "1.weight"]


def test_a_backward_pass_after_the_block_is_not_noted():
    net = lenet()
    with record_gradients(net) as record:
        loss = net(torch.rand(2, 1, 28, 28)).sum()
    loss.backward()
    assert record == {}


def test_a_shared_layer_has_an_entry_for_each_run():
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(2.0)
    net = nn.Sequential(layer, layer)
    with record_activations(net) as activations, record_gradients(net) as gradients:
        net(torch.tensor([[3.0]])).backward()
    assert activations.series("mean")["0"].tolist() == [6.0, 12.0]
    assert gradients.series("mean")["0"].tolist() == [1.0, 2.0]  # last run first
    assert gradients.series("mean")["0.weight"].tolist() == [12.0]


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_updates_by_hand(kind):
    net = lenet()
    optimizer = kind(net.parameters(), lr=0.01)
    with record_updates(net, optimizer, ["conv1", "dense1"]) as record:
        for _ in range(3):
            before = net.conv1.weight.detach().clone()
            optimizer.zero_grad()
            net(torch.rand(4, 1, 28, 28)).square().sum().backward()
            optimizer.step()
            after = net.conv1.weight.detach()
            stats = record["conv1.weight"][-1]
            assert stats.weight == before.norm().item()
            assert stats.update == (after - before).norm().item() > 0
            assert stats.ratio == stats.update / stats.weight
    assert list(record) == ["conv1.weight", "conv1.bias", "dense1.weight", "dense1.bias"]
    assert all(len(entries) == 3 for entries in record.values())
    optimizer.step()
    assert len(record["conv1.weight"]) == 3


def test_the_ratio_at_zero():
    net = nn.Linear(2, 2)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    with record_updates(net, optimizer) as record:
        net(torch.zeros(1, 2)).sum().backward()
        optimizer.step()
    assert record["bias"][0].ratio == math.inf
    assert math.isnan(record["weight"][0].ratio)


def test_updates_need_a_parameter_that_the_optimizer_holds():
    net, other = lenet(), lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    for watched, layers in ((other, None), (net, ["conv1_act"])):
        with (
            pytest.raises(ValueError, match="holds none of the parameters"),
            record_updates(watched, optimizer, layers),
        ):
            pass
    assert hooks(net, optimizer) == hooks(other) == []


@pytest.mark.parametrize("which", range(3))
def test_nothing_stays_behind_and_the_network_computes_the_same(which):
    net = lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    X = torch.rand(4, 1, 28, 28)
    plain = net(X)
    with probes(net, optimizer)[which]():
        assert hooks(net, optimizer)
        assert torch.equal(net(X), plain)
    assert hooks(net, optimizer) == []
    with pytest.raises(KeyError, match="mine"), probes(net, optimizer)[which]():  # noqa: PT012
        net(X).sum().backward()
        raise KeyError("mine")
    assert hooks(net, optimizer) == []
    with pytest.raises(ValueError, match="28×28"), probes(net, optimizer)[which]():
        net(torch.rand(4, 1, 30, 30))
    assert hooks(net, optimizer) == []


def test_a_record_keeps_no_tensor_alive():
    net = nn.Sequential(nn.Linear(2, 2))
    with record_activations(net, bins=2) as activations, record_gradients(net, bins=2) as gradients:
        out = net(torch.ones(1, 2))
        reference = weakref.ref(out)
        out.sum().backward()
        del out
    gc.collect()
    assert reference() is None
    assert activations["0"][0].histogram is not None
    assert gradients["0"]


def test_probes_inside_each_other():
    net = lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    X = torch.rand(4, 1, 28, 28)
    with record_activations(net, ["conv1"]) as outer:
        net(X)
        with (
            record_activations(net, ["conv1", "conv2"]) as inner,
            record_gradients(net, ["conv1"]) as gradients,
            record_updates(net, optimizer, ["conv1"]) as updates,
        ):
            net(X).sum().backward()
            optimizer.step()
        net(X)
    assert (len(outer["conv1"]), len(inner["conv1"]), len(inner["conv2"])) == (3, 1, 1)
    assert outer["conv1"][1] == inner["conv1"][0]
    assert outer["conv1"][0].mean == outer["conv1"][1].mean != outer["conv1"][2].mean
    assert updates["conv1.weight"][0].update == pytest.approx(
        0.1 * gradients["conv1.weight"][0].norm, rel=1e-4
    )
    assert hooks(net, optimizer) == []


def test_layers_by_name_and_type():
    net = LeNet(activation_layer=nn.ReLU)
    assert list(select_layers(net)) == [name for name, _ in net.named_children()]
    assert list(select_layers(net, ["dense1", nn.Conv2d])) == ["conv1", "conv2", "dense1"]
    assert list(select_layers(nn.Sequential(net), ["0"])) == ["0"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["conv9"], "no layer 'conv9'. Its layers are: conv1, conv1_act"),
        ([nn.Tanh], "no layer of type Tanh. Its types are: AvgPool2d, Conv2d.*Sigmoid"),
        ("conv1", r"as a list, got 'conv1'.*\['conv1'\]"),
        ([nn.Tanh()], "by name or by class, got a Tanh"),
    ],
)
def test_unknown_layers(layers, message):
    net = lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for probe in (
        record_activations,
        record_gradients,
        lambda net, layers: record_updates(net, optimizer, layers),
    ):
        with pytest.raises(ValueError, match=message), probe(net, layers):
            pass
    assert hooks(net, optimizer) == []


def test_bins_and_quantities_out_of_range():
    net = lenet()
    for probe in (record_activations, record_gradients):
        with pytest.raises(ValueError, match="got -1"), probe(net, bins=-1):
            pass
    with record_activations(net, ["conv1"]) as record:
        net(torch.rand(1, 1, 28, 28))
    with pytest.raises(ValueError, match="no 'norm'.*mean, std, zero, dead, saturated"):
        record.series("norm")
