"""Running a network for its shapes alone, without memory for its values and without its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

T = TypeVar("T")
# What changes each value by itself, and so gives a tensor like its input.
ELEMENTWISE = (F.relu, F.relu6, F.hardtanh, F.hardswish, F.hardsigmoid)


class _QuickShapes(TorchFunctionMode):
    """While it is on, tensors on `meta` pass activations and norms of running statistics as copies.

    Shapes come out the same. What torch itself does there is written in Python and takes 0.4 to 2 ms for each of the
    hundreds of layers of a deep network, a copy a hundredth of that. Nor are normal initial values drawn, for the same
    reason; uniform ones take torch no time.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if isinstance(first, Tensor) and first.is_meta:
            if func == Tensor.normal_:
                return first
            if func in ELEMENTWISE and not kwargs.get("inplace"):
                return first.clone()
            if func is F.batch_norm and _scales_channels(*args, **kwargs):
                # The weight takes part, so that the gradient's graph leads to it.
                return first.clone().mul_(kwargs["weight"].view(-1, *[1] * (first.dim() - 2)))
        return func(*args, **kwargs)


def _scales_channels(X: Tensor, mean: Any, _: Any, *, weight: Any, training: bool, **__: Any) -> bool:
    """Tell whether a call of batch norm scales and shifts each channel; any other, also a wrong one, is torch's."""
    return not training and mean is not None and weight is not None and X.shape[1:2] == mean.shape


def build_on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on torch's `meta` device: layers and shapes without memory or initial values.

    Args:
        build: Makes the network.

    Example:
        >>> net = build_on_meta(lambda: nn.Linear(10**6, 10**6))
        >>> net.weight.device.type, net.weight.shape
        ('meta', torch.Size([1000000, 1000000]))
    """
    with torch.device("meta"), _QuickShapes():
        return build()


def as_batch(net: nn.Module, X: Tensor | Sequence[int]) -> Tensor:
    """Give a batch that is on the network's device and has its dtype.

    Args:
        net: The network.
        X: A batch, or the shape of one.

    Example:
        >>> as_batch(nn.Linear(3, 2).double(), (1, 3)).dtype
        torch.float64
    """
    parameter = next(net.parameters(), None)
    if isinstance(X, Tensor):
        return X if parameter is None else X.to(parameter.device, parameter.dtype)
    device = None if parameter is None else parameter.device
    return torch.zeros(*X, device=device, dtype=None if parameter is None else parameter.dtype)


def run_for_shapes(net: nn.Module, X: Tensor | Sequence[int], run: Callable[[Callable[[], Any]], T]) -> T:
    """Run a network on the `meta` device, whatever device it is on, and leave it as it was.

    Hooks see meta tensors of the right shapes. A network that looks at values, which meta tensors have not, is run
    again for real.

    Args:
        net: The network.
        X: A batch, or the shape of one.
        run: Called with a function of no arguments that runs the network; a second time if the first fails.

    Example:
        >>> run_for_shapes(nn.Linear(3, 2), (5, 3), lambda forward: forward())
        tensor(..., device='meta', size=(5, 2), grad_fn=<AddmmBackward0>)
    """
    batch = as_batch(net, X)
    state: dict[str, Tensor] = {}
    for name, tensor in (*net.named_parameters(), *net.named_buffers()):
        state[name] = torch.empty_like(tensor, device="meta").requires_grad_(isinstance(tensor, nn.Parameter))
    try:
        with _QuickShapes():
            return run(lambda: torch.func.functional_call(net, state, (batch.to("meta"),)))
    except (NotImplementedError, RuntimeError):
        if batch.is_meta:
            raise
    return run(lambda: net(batch))
