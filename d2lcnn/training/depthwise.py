"""Depthwise convolutions with a stride, which a CPU is quick at in float32 alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class StridedDepthwiseInFloat32(TorchFunctionMode):
    """Within autocast on a CPU, computes depthwise convolutions with a stride in float32 all the same.

    oneDNN, by which PyTorch computes convolutions on a CPU, has no fast backward pass in bfloat16 for these: those of
    MobileNetV1, four of its 27 convolutions, would take two thirds of a training step.

    Example:
        >>> conv, images = torch.nn.Conv2d(2, 2, 3, stride=2, groups=2), torch.ones(1, 2, 5, 5)
        >>> with torch.autocast("cpu", torch.bfloat16), StridedDepthwiseInFloat32():
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
        if function is torch.conv2d and _is_strided_depthwise(*args, **kwargs):
            return _in_float32(*args, **kwargs)
        return function(*args, **kwargs)


def _is_strided_depthwise(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    strided = stride > 1 if isinstance(stride, int) else max(stride) > 1
    return strided and groups > 1 and weight.shape[1] == 1


def _in_float32(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **kwargs: Any
) -> Tensor:
    with torch.autocast("cpu", enabled=False):
        output = torch.conv2d(
            input.float(), weight.float(), None if bias is None else bias.float(), *args, **kwargs
        )
    # What follows would else go on in float32.
    return output.to(torch.get_autocast_dtype("cpu"))
