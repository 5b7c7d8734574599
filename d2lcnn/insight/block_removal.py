"""Taking a block out of a trained network: what is lost without it?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from d2lcnn.nets.resnet import Block


def _keeps_shape(block: nn.Module) -> bool:
    convs = [module for module in block.children() if isinstance(module, nn.Conv2d)]
    return convs[0].in_channels == convs[-1].out_channels and all(conv.stride == (1, 1) for conv in convs)


def removable_blocks(net: nn.Module) -> list[str]:
    """List the blocks of a ResNet, or of its plain twin, that can be taken out without changing a shape.

    Args:
        net: A network of basic, bottleneck or pre-activation blocks.

    Returns:
        Names of all blocks with a shortcut, and of those without one that keep number and size of their maps.

    Raises:
        ValueError: If the network has no such block.

    Example:
        >>> from d2lcnn.nets.resnet import cifar_plain, cifar_resnet
        >>> removable_blocks(cifar_resnet(8)), removable_blocks(cifar_plain(8))
        (['layer1.0', 'layer2.0', 'layer3.0'], ['layer1.0'])
    """
    names = [
        name
        for name, module in net.named_modules()
        if isinstance(module, Block) and (module.downsample is not None or _keeps_shape(module))
    ]
    if not names:
        raise ValueError(
            f"{type(net).__name__} has no block that can be taken out. Give a ResNet such as cifar_resnet(20), or its "
            "plain twin."
        )
    return names


@contextmanager
def without_block(net: nn.Module, name: str) -> Iterator[nn.Module]:
    """Run a network without one of its blocks: x + F(x) becomes x, and a block without a shortcut the identity.

    With a shortcut, F's last layer gives zeros, so a projection and the ReLU behind the sum stay. At the end of the
    `with` block the network is as it was.

    Args:
        net: A network of basic, bottleneck or pre-activation blocks.
        name: Name of the block, one of `removable_blocks(net)`.

    Raises:
        ValueError: If the block is unknown, or has no shortcut and gives another shape than it gets.

    Source:
        Veit, Wilber and Belongie (2016), section 4.1.

    Example:
        >>> import torch
        >>> from d2lcnn.nets.resnet import cifar_plain
        >>> net, images = cifar_plain(8).eval(), torch.rand(1, 3, 32, 32)
        >>> with without_block(net, "layer1.0"):
        ...     shorter = net(images)
        >>> torch.equal(shorter, net(images))
        False
    """
    names = removable_blocks(net)
    if name not in names:
        raise ValueError(
            f"The block must be one that can be taken out, got {name!r}. Choose one of: {', '.join(names)}."
        )
    block: Any = net.get_submodule(name)

    def zeros(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return output * 0

    def same(_module: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> Tensor:
        return inputs[0]

    if block.downsample is None:
        handle = block.register_forward_hook(same)
    else:
        handle = block.get_submodule(block.last).register_forward_hook(zeros)
    try:
        yield net
    finally:
        handle.remove()
