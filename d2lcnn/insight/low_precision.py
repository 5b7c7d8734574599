"""Networks in few bits: batch norms folded away, weights and activations rounded to evenly spaced values."""

from __future__ import annotations

import copy
from collections import Counter
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.layers.batch_norm import FOLDABLE, AnyBatchNorm, fold_batch_norm

ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.Hardswish)


def _on_grid(x: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    low, high = low.clamp(max=0), high.clamp(min=0)
    last = 2**bits - 1
    step = (high - low) / last
    step = torch.where(step > 0, step, torch.ones_like(step))  # all zeros stay zeros
    zero = (-low / step).round()
    return ((x / step).round() + zero).clamp(0, last).sub(zero) * step


def fake_quantize(x: Tensor, bits: int = 8, *, per_channel: bool = False) -> Tensor:
    """Round numbers to the nearest of 2^bits evenly spaced values, and give them as floating-point numbers again.

    The values reach from the least to the greatest number, or to zero if that lies outside, and are moved by up to half
    a step, so that zero is always one of them and padding stays what it is. q = round(x/s) + z is a whole number between
    0 and 2^bits − 1, and (q − z)·s comes back.

    Args:
        x: The numbers, such as a layer's weights.
        bits: Bits of the whole numbers.
        per_channel: Whether each x[i] gets values of its own, as output channels can; if not, all of x shares them.

    Shape:
        Any shape → the same shape.

    Raises:
        ValueError: If there is less than one bit, or no number.

    Source:
        Jacob et al. (2018), section 2.1.

    Example:
        >>> fake_quantize(torch.tensor([-1.0, 0.0, 0.4, 2.0]), bits=2)
        tensor([-1.,  0.,  0.,  2.])
    """
    if bits < 1 or x.numel() == 0:
        raise ValueError(
            f"Rounding needs at least 1 bit and 1 number, got {bits} bits and {x.numel()} numbers. Eight bits are usual."
        )
    if not per_channel or x.dim() == 0:
        return _on_grid(x, x.min(), x.max(), bits)
    rows, shape = x.reshape(len(x), -1), (-1, *[1] * (x.dim() - 1))
    return _on_grid(x, rows.amin(dim=1).reshape(shape), rows.amax(dim=1).reshape(shape), bits)


def fold_all_batch_norms(net: nn.Module) -> nn.Module:
    """Copy a network into evaluation mode with each batch norm folded into the layer in front of it.

    Args:
        net: The network; convolution or dense layer and norm are neighbours in one `nn.Sequential`, and what comes into
            such a dense layer is N×F.

    Returns:
        A copy that computes the same, with `nn.Identity` where the norms were.

    Raises:
        ValueError: If a batch norm has no such layer in front of it, or one of the two stands at several places.

    Example:
        >>> from d2lcnn.nets.mobilenet_v1 import MobileNetV1
        >>> net, x = MobileNetV1(width_mult=0.25).eval(), torch.rand(1, 1, 32, 32)
        >>> torch.allclose(fold_all_batch_norms(net)(x), net(x), atol=1e-5)
        True
    """
    net = copy.deepcopy(net).eval()
    places = Counter(id(child) for module in net.modules() for child in module._modules.values())
    for parent in [module for module in net.modules() if isinstance(module, nn.Sequential)]:
        # Not named_children(), which leaves out a module that stands at a second place.
        for (name, layer), (norm_name, norm) in pairwise(list(parent._modules.items())):
            if isinstance(layer, FOLDABLE) and isinstance(norm, AnyBatchNorm):
                if places[id(layer)] > 1 or places[id(norm)] > 1:
                    raise ValueError(
                        f"Layer {name} or the batch norm {norm_name} behind it stands at several places of the network, and "
                        "would be folded at each. Build it with a module of its own at each place."
                    )
                setattr(parent, name, fold_batch_norm(layer, norm))
                setattr(parent, norm_name, nn.Identity())
    left = [name for name, module in net.named_modules() if isinstance(module, AnyBatchNorm)]
    if left:
        raise ValueError(
            f"A batch norm folds into the convolution or dense layer right in front of it, and {', '.join(left)} has none. "
            "Give a network where the two are neighbours in an nn.Sequential, such as a MobileNet."
        )
    return net


def low_precision(
    net: nn.Module, calibration: Tensor, *, bits: int = 8, activation_bits: int = 8, per_channel: bool = False
) -> nn.Module:
    """Copy a network and round its weights and the outputs of its activations as arithmetic in whole numbers would.

    Biases stay as they are: they are kept in 32 bits, next to the sums that they are added to.

    Args:
        net: The network, its batch norms folded (`fold_all_batch_norms`).
        calibration: A batch; each activation's range is the one that it has there.
        bits: Bits of a weight.
        activation_bits: Bits of an activation.
        per_channel: Whether each output channel's weights get values of their own.

    Raises:
        ValueError: If the network still has batch norms, or there is less than one bit.

    Source:
        Jacob et al. (2018), section 2; ranges from data, without training for them.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        >>> x = torch.randn(100, 4)
        >>> low_precision(net, x, activation_bits=2)(x).unique().numel()
        4
    """
    if any(isinstance(module, AnyBatchNorm) for module in net.modules()):
        raise ValueError(
            f"Weights are rounded as they are used, without batch norms behind them, and {type(net).__name__} has some. "
            "Fold them first: fold_all_batch_norms(net)."
        )
    if activation_bits < 1:
        raise ValueError(
            f"Rounding needs at least 1 bit, got activation_bits={activation_bits}. Eight bits are usual."
        )
    ranges: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def note(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        low, high = ranges.get(module, (output.min(), output.max()))  # a module may run more than once
        ranges[module] = (torch.minimum(low, output.min()), torch.maximum(high, output.max()))

    def to_grid(module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return _on_grid(output, *ranges[module], activation_bits)

    net = copy.deepcopy(net).eval()
    activations = [module for module in net.modules() if isinstance(module, ACTIVATIONS)]
    handles = [module.register_forward_hook(note) for module in activations]
    with torch.no_grad():
        net(calibration)
        for handle in handles:
            handle.remove()
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.weight.copy_(fake_quantize(module.weight, bits, per_channel=per_channel))
    for module in activations:
        module.register_forward_hook(to_grid)
    return net
