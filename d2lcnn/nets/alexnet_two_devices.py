"""The paper's AlexNet on two devices at once: each holds half of every layer and sends its maps over at four places."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_images
from d2lcnn.nets.alexnet import AlexNet, paper_lrn

# Layers in front of which the two devices exchange what they have: the third convolution and the dense layers see both
# halves; all others see only their own (section 3.5 of the paper).
EXCHANGES = ("conv3", "dense6", "dense7", "output")


class HalvesLRN(nn.Module):
    """The paper's local response normalization for each half of the channels by itself, as each device has it.

    Over all channels at once, the windows of the four channels in the middle would reach into the other half.

    Args:
        channels: Number of channels, an even number.

    Shape:
        N×channels×H×W → N×channels×H×W.

    Raises:
        ValueError: If the number of channels is odd.

    Differs from:
        The paper, which does not say whether a window may reach across. This is the case that needs no exchange.

    Example:
        >>> x = torch.rand(1, 4, 1, 1) * 100
        >>> y = HalvesLRN(4)(x)
        >>> torch.equal(y[:, :2], paper_lrn(2)(x[:, :2]))
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"Two halves need an even number of channels, got {channels}. Give an even one.")
        self.norm = paper_lrn(channels // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Normalize both halves."""
        return torch.cat([self.norm(half) for half in x.chunk(2, dim=1)], dim=1)


class TwoDeviceAlexNet(nn.Module):
    """The paper's AlexNet with half of each layer's outputs on each of two devices, from the weights of a whole one.

    Each device has half of the kernels of every convolution and half of the units of every dense layer, the last
    included. The maps cross in front of `EXCHANGES` alone. Output and gradients are those of the whole network,
    but for what dropout draws in training.

    Args:
        whole: A network `alexnet(variant="paper", norm_layer=HalvesLRN)`; its weights are copied.
        devices: The two devices, such as ["cuda:0", "cuda:1"]. They may be one and the same.

    Shape:
        N×in_channels×227×227 → N×num_classes, on the first device.

    Raises:
        ValueError: If there are not two devices, or a layer of the network does not come in two halves.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), section 3.5 and figure 2.

    Differs from:
        The paper, whose figure does not say where the last layer's 1,000 units are; here 500 are on each device.

    Example:
        >>> with torch.device("meta"):
        ...     whole = AlexNet(variant="paper", norm_layer=HalvesLRN)
        >>> TwoDeviceAlexNet(whole, ["meta", "meta"]).first.conv2
        Conv2d(48, 128, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    """

    def __init__(self, whole: AlexNet, devices: Sequence[str | torch.device]) -> None:
        super().__init__()
        if len(devices) != 2:
            raise ValueError(
                f'Two halves need two devices, got {list(devices)}. Give two, such as ["cpu", "cpu"].'
            )
        self.devices = [torch.device(device) for device in devices]
        self.in_channels, self.image_size = whole.in_channels, whole.image_size
        self.first, self.second = (
            nn.Sequential(
                OrderedDict((name, half_of(layer, name, i)) for name, layer in whole.named_children())
            )
            for i in (0, 1)
        )
        self.first.to(self.devices[0])
        self.second.to(self.devices[1])

    def forward(self, input: Tensor) -> Tensor:
        """Run both halves layer by layer; two GPUs work at the same time, since nobody waits for either."""
        check_images(input, self.in_channels, exact_size=self.image_size)
        maps = [input.to(device) for device in self.devices]
        for (name, first), second in zip(self.first.named_children(), self.second):
            if name in EXCHANGES:
                maps = [torch.cat([x.to(device) for x in maps], dim=1) for device in self.devices]
            maps = [first(maps[0]), second(maps[1])]
        return torch.cat([x.to(self.devices[0]) for x in maps], dim=1)


def half_of(layer: nn.Module, name: str, i: int) -> nn.Module:
    """Copy the first (i = 0) or second (i = 1) half of a layer of a whole AlexNet.

    Args:
        layer: The layer.
        name: Its name in the network.
        i: Which half.

    Raises:
        ValueError: If the layer has no halves that could stand on two devices.

    Example:
        >>> half_of(nn.Linear(4, 6), "dense6", 1)
        Linear(in_features=4, out_features=3, bias=True)
    """
    sees_both = name == "conv1" or name in EXCHANGES
    half: nn.Module
    with torch.device("meta"):  # the weights follow
        if isinstance(layer, nn.Conv2d) and layer.groups == (1 if sees_both else 2):
            sizes = layer.in_channels // layer.groups, layer.out_channels // 2
            half = nn.Conv2d(*sizes, layer.kernel_size, layer.stride, layer.padding)  # type: ignore[arg-type]
        elif isinstance(layer, nn.Linear) and layer.out_features % 2 == 0:
            half = nn.Linear(layer.in_features, layer.out_features // 2)
        elif isinstance(layer, HalvesLRN):
            return copy.deepcopy(layer.norm)
        elif not isinstance(layer, nn.LocalResponseNorm) and not any(True for _ in layer.parameters()):
            return copy.deepcopy(layer)
        else:
            raise ValueError(
                f"Layer {name!r} has no halves for two devices: {layer}. The network must be "
                'alexnet(variant="paper", norm_layer=HalvesLRN), with an even number of classes.'
            )
    state = {key: tensor.detach().chunk(2)[i].clone() for key, tensor in layer.state_dict().items()}
    half.load_state_dict(state, assign=True)
    return half
