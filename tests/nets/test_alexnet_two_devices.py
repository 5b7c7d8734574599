"""AlexNet on two devices is the whole network: the same output, the same gradients, and maps that cross in four places."""

import pytest
import torch
from torch import nn

from d2lcnn.nets.alexnet import AlexNet, paper_lrn
from d2lcnn.nets.alexnet_two_devices import EXCHANGES, HalvesLRN, TwoDeviceAlexNet

from .measures import num_parameters, on_meta, thin


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(0)
    net = thin(on_meta(AlexNet, 3, 10, variant="paper", norm_layer=HalvesLRN))
    return net.double().eval()


def images(n=2):
    return 50 * torch.randn(n, 3, 227, 227, dtype=torch.float64)


def test_same_output_and_gradients(whole):
    parted = TwoDeviceAlexNet(whole, ["cpu", "cpu"]).eval()
    x = images()
    torch.testing.assert_close(parted(x), whole(x), rtol=1e-10, atol=1e-10)
    for net in (whole, parted):
        net.zero_grad()
        net(x).square().sum().backward()
    for name, parameter in whole.named_parameters():
        halves = torch.cat([half.get_parameter(name).grad for half in (parted.first, parted.second)])
        torch.testing.assert_close(halves, parameter.grad, rtol=1e-9, atol=1e-9)


def test_no_parameter_is_held_twice(whole):
    parted = TwoDeviceAlexNet(whole, ["cpu", "cpu"])
    assert num_parameters(parted.first) == num_parameters(parted.second)
    assert num_parameters(parted) == num_parameters(whole)


def test_layers_between_exchanges_see_their_own_half_alone(whole):
    parted = TwoDeviceAlexNet(whole, ["cpu", "cpu"]).eval()
    seen = {}
    for name, layer in parted.first.named_children():
        layer.register_forward_hook(lambda _m, _i, output, name=name: seen.setdefault(name, output.detach()))
    x = images(1)
    parted(x)
    before, differs = dict(seen), set()
    for other in ("conv1", "conv4"):  # spoil the second device's maps
        seen.clear()
        with torch.no_grad():
            parted.second.get_submodule(other).weight.add_(1)
        parted(x)
        differs |= {name for name in before if not torch.equal(before[name], seen[name])}
        first = next(name for name in before if not torch.equal(before[name], seen[name]))
        assert first == "conv3"
    assert not differs & {"conv1", "conv2", "pool2"}
    parted = TwoDeviceAlexNet(whole, ["cpu", "cpu"]).eval()
    with torch.no_grad():
        parted.second.conv4.weight.add_(1)
    seen.clear()
    for name, layer in parted.first.named_children():
        layer.register_forward_hook(lambda _m, _i, output, name=name: seen.setdefault(name, output.detach()))
    parted(x)
    assert next(name for name in before if not torch.equal(before[name], seen[name])) == "dense6"


def test_each_half_is_on_its_device_and_maps_travel(whole):
    parted = TwoDeviceAlexNet(whole, ["meta", "cpu"]).eval()
    assert {p.device.type for p in parted.first.parameters()} == {"meta"}
    assert {p.device.type for p in parted.second.parameters()} == {"cpu"}
    # The first exchange sends maps both ways, and what is on the meta device cannot come from there.
    with pytest.raises(NotImplementedError, match=r"[Cc]annot copy out of meta tensor"):
        parted(images(1))


def test_exchanges_are_where_the_paper_has_them():
    names = [name for name, _ in on_meta(AlexNet, variant="paper").named_children()]
    assert all(name in names for name in EXCHANGES)
    whole = on_meta(AlexNet, variant="paper", norm_layer=HalvesLRN)
    first = TwoDeviceAlexNet(whole, ["meta", "meta"]).first
    assert [first.get_submodule(f"conv{i}").in_channels for i in range(1, 6)] == [3, 48, 256, 192, 192]
    assert [first.get_submodule(f"dense{i}").in_features for i in (6, 7)] == [9216, 4096]


def test_halves_lrn():
    x = torch.rand(2, 12, 3, 3, dtype=torch.float64) * 100
    halves, all_channels = HalvesLRN(12)(x), paper_lrn(12)(x)
    torch.testing.assert_close(halves, torch.cat([paper_lrn(6)(x[:, :6]), paper_lrn(6)(x[:, 6:])], dim=1))
    differs = [c for c in range(12) if not torch.allclose(halves[:, c], all_channels[:, c])]
    assert differs == [4, 5, 6, 7]


def test_refuses_what_has_no_halves():
    whole = on_meta(AlexNet, variant="paper", norm_layer=HalvesLRN)
    for devices in (["cpu"], ["cpu"] * 3):
        with pytest.raises(ValueError, match="need two devices, got"):
            TwoDeviceAlexNet(whole, devices)
    for settings, layer in [
        ({"groups": 1}, "conv2"),
        ({"norm_layer": paper_lrn}, "conv1_norm"),
        ({"norm_layer": nn.BatchNorm2d}, "conv1_norm"),
        ({"num_classes": 7}, "output"),
    ]:
        net = on_meta(AlexNet, **{"variant": "paper", "norm_layer": HalvesLRN} | settings)
        with pytest.raises(ValueError, match=f"'{layer}' has no halves.*HalvesLRN"):
            TwoDeviceAlexNet(net, ["meta", "meta"])
    with pytest.raises(ValueError, match="even number of channels, got 5"):
        HalvesLRN(5)
    with pytest.raises(ValueError, match="227×227"):
        TwoDeviceAlexNet(whole, ["meta", "meta"])(torch.zeros(1, 3, 224, 224, device="meta"))
