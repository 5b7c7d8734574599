"""What each layer of a network makes of its input, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from d2lcnn.insight.shapes import run_for_shapes
from d2lcnn.training.metrics import evaluation_mode


@dataclass(frozen=True)
class LayerRow:
    """One layer: its name in the network, its type, the shape it gives, its parameters and multiply-adds.

    Args:
        name: Name of the module in the network.
        kind: Name of its class.
        output_shape: Shape of what it gives, with the batch dimension.
        parameters: Number of its parameters.
        multiply_adds: Multiply-add operations of matrix products and convolutions for the whole batch.

    Example:
        >>> layer_rows(nn.Sequential(nn.Linear(4, 2)), torch.zeros(1, 4))[0].parameters
        10
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


class LayerTable(list[LayerRow]):
    """Rows of `layer_rows` that print as an aligned table with their sums.

    Example:
        >>> print(layer_table(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), torch.zeros(1, 4)))
        layer  type    output  parameters  multiply-adds
        0      Linear  1×2             10              8
        1      ReLU    1×2              0              0
        total                          10              8
    """

    def __str__(self) -> str:
        rows = [("layer", "type", "output", "parameters", "multiply-adds")]
        for row in self:
            shape = "×".join(map(str, row.output_shape))
            rows.append((row.name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
        totals = (sum(row.parameters for row in self), sum(row.multiply_adds for row in self))
        rows.append(("total", "", "", f"{totals[0]:,}", f"{totals[1]:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = (
            "  ".join(
                cell.rjust(w) if i > 2 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))
            )
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def layer_table(
    net: nn.Module, X: Tensor | Sequence[int], *, whole: Sequence[type[nn.Module]] = ()
) -> LayerTable:
    """Run a batch through a network and list what each of its layers gives and costs.

    Shapes are all that is needed, so the run is one on torch's `meta` device, without arithmetic: the largest
    network takes a second, also one that was built there and has no values at all.

    Args:
        net: The network; it is run in evaluation mode and left as it was.
        X: A batch, or the shape of one.
        whole: Classes whose modules are one row each, such as a network's blocks.

    Returns:
        One row for each module without children of its own, and for each that has parameters besides its children's, in
        the order in which they end; a module that runs twice has two rows, and its parameters are counted in the first.

    Raises:
        ValueError or RuntimeError: If the network cannot take the batch; it is the network's own error.

    Example:
        >>> from d2lcnn.nets.lenet import lenet
        >>> sum(row.multiply_adds for row in layer_table(lenet(), (1, 1, 28, 28)))
        416520
    """
    return LayerTable(layer_rows(net, X, whole=whole))


def layer_rows(
    net: nn.Module, X: Tensor | Sequence[int], *, whole: Sequence[type[nn.Module]] = ()
) -> list[LayerRow]:
    """Give the rows of `layer_table` as a plain list.

    Args:
        net: The network.
        X: A batch, or the shape of one.
        whole: Classes whose modules are one row each.

    Example:
        >>> [row.kind for row in layer_rows(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), (1, 2, 2))]
        ['Flatten', 'Linear']
    """
    from torch.utils.flop_counter import FlopCounterMode  # imports triton, a third of a second

    # The network itself is no block: a row for it would count everything twice.
    blocks = [name for name, module in net.named_modules() if name and isinstance(module, tuple(whole))]
    inside = tuple(f"{name}." for name in blocks)
    # Parameters that a module holds itself, besides its children's, make it a row of its own too.
    layers = {
        name: module
        for name, module in net.named_modules()
        if not name.startswith(inside)
        and (
            name in blocks
            or not any(True for _ in module.children())
            or any(True for _ in module.parameters(recurse=False))
        )
    }
    own = {name: list(module.parameters(recurse=name in blocks)) for name, module in layers.items()}

    def run(forward: Callable[[], Any]) -> list[LayerRow]:
        rows: list[LayerRow] = []
        seen: set[int] = set()
        flops_before: list[int] = []
        in_rows = [0]  # of what runs inside of each row that is open, and of the network

        def before(*_: Any) -> None:
            flops_before.append(counter.get_total_flops())
            in_rows.append(0)

        def after(name: str) -> Any:
            def hook(module: nn.Module, _: Any, output: Any) -> None:
                new = [p for p in own[name] if id(p) not in seen]
                seen.update(map(id, new))
                whole_flops = counter.get_total_flops() - flops_before.pop()
                flops = whole_flops - in_rows.pop()
                in_rows[-1] += whole_flops
                shape = tuple(output.shape) if isinstance(output, Tensor) else ()
                parameters = sum(p.numel() for p in new)
                rows.append(LayerRow(name, type(module).__name__, shape, parameters, flops // 2))

            return hook

        with ExitStack() as stack:
            for name, module in layers.items():
                stack.callback(module.register_forward_pre_hook(before).remove)
                stack.callback(module.register_forward_hook(after(name)).remove)
            # A multiply-add is two of the floating-point operations that torch counts.
            with evaluation_mode(net), torch.no_grad(), FlopCounterMode(display=False) as counter:
                forward()
        return rows

    return run_for_shapes(net, X, run)
