"""What several networks' tests measure: parameters, multiply-adds, depth, and which parameters learn."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.insight.tables import layer_rows

from .parity import randomise, tensors


def on_meta(build: Callable[..., nn.Module], *args: Any, **kwargs: Any) -> nn.Module:
    """Build a network without memory or initial values: shapes and costs are all there, and free."""
    return build_on_meta(lambda: build(*args, **kwargs))


def with_memory(net: nn.Module) -> nn.Module:
    """Give a network from the meta device memory, and random values."""
    net = net.to_empty(device="cpu")
    for tensor in net.state_dict().values():
        tensor.zero_()
    randomise(net)
    return net


def thin(net: nn.Module, width: int = 32) -> nn.Module:
    """Narrow the dense layers between the first one's inputs and the last one's outputs: they cost most time."""
    names = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    for name in names:
        features = net.get_submodule(name).in_features if name == names[0] else width
        outputs = net.get_submodule(name).out_features if name == names[-1] else width
        parent, _, child = name.rpartition(".")
        setattr(net.get_submodule(parent), child, nn.Linear(features, outputs))
    return with_memory(net)


def shapes(net: nn.Module) -> list[tuple[int, ...]]:
    """Give the shapes of all parameters and buffers, in the order of registration."""
    return [tuple(tensor.shape) for tensor in net.state_dict().values()]


def leaves(net: nn.Module) -> list[tuple[type[nn.Module], str]]:
    """Give each layer's type and settings, in order; flattening is no module of torchvision's."""
    layers = [module for module in net.modules() if not list(module.children())]
    return [(type(layer), _settings(layer)) for layer in layers if not isinstance(layer, nn.Flatten)]


def _settings(layer: nn.Module) -> str:
    """Give what a layer prints of itself, without what changes no value; a square window in one way."""
    shown = layer.extra_repr().replace(", inplace=True", "").replace("inplace=True", "")
    return re.sub(r"=\((\d+), \1\)", r"=\1", shown)


def num_parameters(net: nn.Module) -> int:
    """Count the parameters."""
    return sum(p.numel() for p in net.parameters())


def multiply_adds(net: nn.Module, shape: Sequence[int]) -> int:
    """Count the multiply-adds of a batch."""
    return sum(row.multiply_adds for row in layer_rows(net, shape))


def depth(net: nn.Module, shape: Sequence[int]) -> int:
    """Count the convolutions and dense layers on the longest way through the network, as papers count layers."""
    out = tensors(net.eval()(torch.zeros(*shape, device=next(net.parameters()).device)))[0]
    longest: dict[Any, int] = {}
    stack = [out.grad_fn]
    while stack:
        node = stack[-1]
        inputs = [n for n, _ in node.next_functions if n is not None]
        missing = [n for n in inputs if n not in longest]
        if missing:
            stack += missing
            continue
        layer = node.name().startswith(("Convolution", "Addmm"))
        longest[stack.pop()] = layer + max((longest[n] for n in inputs), default=0)
    return longest[out.grad_fn]


def modules(net: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    """Give the modules of a kind, in the order of registration."""
    return [module for module in net.modules() if isinstance(module, kind)]


def without_gradient(net: nn.Module, shape: Sequence[int]) -> list[str]:
    """Name the parameters that a backward pass in training mode leaves without a gradient."""
    randomise(net)
    outputs = tensors(net.train()(torch.randn(*shape)))
    sum((output * torch.randn_like(output)).sum() for output in outputs).backward()
    return [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
