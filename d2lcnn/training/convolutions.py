"""Convolutions in bfloat16 on a CPU, where oneDNN, by which PyTorch computes them, has no fast code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.grad import conv2d_input
from torch.overrides import TorchFunctionMode

# oneDNN goes image by image. Maps with few positions leave its tiles nearly empty, first of all where it adds up the
# weights' gradient.
FEW_POSITIONS, VERY_FEW_POSITIONS = 36, 9

Pair = tuple[int, int]


class FastConvolutions(TorchFunctionMode):
    """Within autocast on a CPU, computes two kinds of convolutions in another way than PyTorch does.

    * Depthwise with a stride: in float32. Their backward pass in bfloat16 is slow; the four of MobileNetV1, among 27
      convolutions, would take two thirds of a training step.
    * To maps of at most 6 × 6: the gradient of the weights as one product of matrices over all images, and to maps of at
      most 3 × 3 the rest as well. The usual way would take a third of a training step of ResNet-18.

    Example:
        >>> conv, images = torch.nn.Conv2d(2, 2, 3, stride=2, groups=2), torch.ones(1, 2, 5, 5)
        >>> with torch.autocast("cpu", torch.bfloat16), FastConvolutions():
        ...     conv(images).dtype
        torch.bfloat16
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Compute what PyTorch was asked for."""
        kwargs = kwargs or {}
        if function is torch.conv2d:
            return _convolve(*args, **kwargs)
        return function(*args, **kwargs)


def _convolve(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: str | int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    if groups > 1 and weight.shape[1] == 1 and max(_pair(stride)) > 1:
        return _in_float32(input, weight, bias, stride, padding, dilation, groups)
    if groups == 1 and _pair(dilation) == (1, 1) and not isinstance(padding, str) and input.dim() == 4:
        steps, margins = _pair(stride), _pair(padding)
        if _positions(input, weight, steps, margins) <= FEW_POSITIONS:
            number = torch.get_autocast_dtype("cpu")
            tensors = (None if t is None else t.to(number) for t in (input, weight, bias))
            result: Tensor = _ToSmallMap.apply(*tensors, steps, margins)
            return result
    return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _positions(input: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> int:
    """Give the number of positions of the map that a convolution gives."""
    height, width = (
        (size + 2 * margin - kernel) // step + 1
        for size, margin, kernel, step in zip(input.shape[2:], padding, weight.shape[2:], stride, strict=True)
    )
    return height * width


def _in_float32(input: Tensor, weight: Tensor, bias: Tensor | None, *settings: Any) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        output = torch.conv2d(
            input.float(), weight.float(), None if bias is None else bias.float(), *settings
        )
    # What follows would else go on in float32.
    return output.to(torch.get_autocast_dtype("cpu"))


class _ToSmallMap(torch.autograd.Function):
    """A convolution by products of matrices, with a row for each position of each map."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair
    ) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.stride, ctx.padding = stride, padding
        if _positions(input, weight, stride, padding) <= VERY_FEW_POSITIONS:
            return _product(input, weight, bias, stride, padding)
        return torch.conv2d(input, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        input, weight = ctx.saved_tensors
        wants_input, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        of_input = of_weight = None
        if wants_input:
            of_input = _gradient_of_input(gradient, input.shape, weight, ctx.stride, ctx.padding)
        rows = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight))
        if wants_weight:
            patches = _patches(input, weight.shape[2:], ctx.stride, ctx.padding).flatten(0, 2)
            size = weight.permute(0, 2, 3, 1).shape
            of_weight = (rows.t() @ patches).view(size).permute(0, 3, 1, 2)
        return of_input, of_weight, rows.sum(0) if wants_bias else None, None, None


def _gradient_of_input(
    gradient: Tensor, size: torch.Size, weight: Tensor, stride: Pair, padding: Pair
) -> Tensor:
    if stride != (1, 1) or gradient[0, 0].numel() > VERY_FEW_POSITIONS:
        usual: Tensor = conv2d_input(size, weight, gradient, stride, padding)
        return usual
    # Each input reaches the outputs through the kernel's weights in the opposite order.
    height, width = (kernel - 1 - margin for kernel, margin in zip(weight.shape[2:], padding, strict=True))
    return _product(gradient, weight.flip(2, 3).transpose(0, 1), None, stride, (height, width))


def _product(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """Convolve; the values lie in memory as those of the input do."""
    rows = weight.permute(0, 2, 3, 1).flatten(1)
    output = torch.nn.functional.linear(_patches(input, weight.shape[2:], stride, padding), rows, bias)
    last = input.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    return output.permute(0, 3, 1, 2).contiguous(memory_format=layout)


def _patches(input: Tensor, kernel: torch.Size, stride: Pair, padding: Pair) -> Tensor:
    """Give what the kernel sees at each position: image × row × column × its values, of which channels are innermost."""
    down, right = padding
    images = torch.nn.functional.pad(input.permute(0, 2, 3, 1), (0, 0, right, right, down, down))
    windows = images.unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
    return windows.permute(0, 1, 2, 4, 5, 3).flatten(3)
