"""How deep a network is, counted as papers count it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.insight.shapes import run_for_shapes
from d2lcnn.training.metrics import evaluation_mode

# Names of the steps of the gradient's graph that apply a weight.
WEIGHTED = ("Convolution", "Addmm", "Mm", "Linear")


def network_depth(net: nn.Module, X: Tensor | Sequence[int]) -> int:
    """Count the convolutions and dense layers on the longest path from the input to the (first) output.

    Pooling, norms and activations do not count, and of parallel branches the longest does.

    Args:
        net: The network; it is left as it was, and runs on the `meta` device, without arithmetic.
        X: A batch, or the shape of one.

    Raises:
        ValueError: If the output depends on no parameter.

    Source:
        Simonyan and Zisserman (2015), Table 1, "weight layers"; He et al. (2016), Table 1.

    Example:
        >>> from d2lcnn.nets.lenet import lenet
        >>> network_depth(lenet(), (1, 1, 28, 28))
        5
    """

    def run(forward: Callable[[], Any]) -> int:
        with evaluation_mode(net), torch.enable_grad():
            output = next(_tensors(forward()))
        if output.grad_fn is None:
            raise ValueError(
                "A network's depth is counted where its parameters act, and its output depends on none that takes a "
                "gradient. Unfreeze its parameters."
            )
        return _longest_path(output.grad_fn)

    return run_for_shapes(net, X, run)


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        yield from _tensors(list(output.values()))
    elif isinstance(output, (list, tuple)):
        for item in output:
            yield from _tensors(item)


def _longest_path(end: Any) -> int:
    """Walk the gradient's graph from its end, each step after all the steps that feed it."""
    depth: dict[Any, int] = {}
    pending = [end]
    while pending:
        step = pending[-1]
        feeding = [source for source, _ in step.next_functions if source is not None]
        waiting = [source for source in feeding if source not in depth]
        if waiting:
            pending.extend(waiting)
            continue
        pending.pop()
        deepest = max((depth[source] for source in feeding), default=0)
        depth[step] = deepest + step.name().startswith(WEIGHTED)
    return depth[end]
