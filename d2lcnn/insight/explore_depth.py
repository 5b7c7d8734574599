"""A figure that moves: what activations look like layer by layer, for each way to draw the first weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.initializers import init_he, init_lecun, init_normal, init_xavier
from d2lcnn.insight.svg import Drawing

INITIALIZERS: dict[str, Callable[[nn.Module], Any]] = {
    "std 0.01": partial(init_normal, std=0.01),
    "LeCun 1/√n": init_lecun,
    "Xavier": init_xavier,
    "He √(2/n)": init_he,
    "std 1": partial(init_normal, std=1.0),
}
# The function, and the range in which its outputs are drawn; what lies beyond counts in the last bar.
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[float, float]]] = {
    "tanh": (torch.tanh, (-1.0, 1.0)),
    "ReLU": (torch.relu, (0.0, 4.0)),
    "sigmoid": (torch.sigmoid, (0.0, 1.0)),
}
BINS = 25


def activations_through_depth(
    init: Callable[[nn.Module], Any],
    activation: Callable[[Tensor], Tensor],
    depth: int,
    width: int,
    batch_size: int,
    seed: int,
) -> list[Tensor]:
    """Send N(0, 1) noise through a stack of dense layers in float64, and give what each activation gives.

    Args:
        init: Called with each layer.
        activation: Works on each element.
        depth: Number of layers.
        width: Inputs and outputs of each layer.
        batch_size: Number of examples.
        seed: Of the weights and the examples; torch's own random numbers are left as they were.
    """
    outputs = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        z = torch.randn(batch_size, width, dtype=torch.float64)
        for _ in range(depth):
            layer = nn.Linear(width, width, dtype=torch.float64)
            init(layer)
            z = activation(layer(z))
            outputs.append(z)
    return outputs


def explore_depth(
    initializers: Sequence[str] = tuple(INITIALIZERS),
    activations: Sequence[str] = tuple(ACTIVATIONS),
    depth: int = 8,
    width: int = 100,
    *,
    batch_size: int = 100,
    seed: int = 0,
    start: tuple[str, str] | None = None,
) -> Explorer:
    """Show histograms of activations, layer below layer, for each initialization and activation.

    N(0, 1) noise goes through a stack of dense layers, in float64 on the CPU.

    Args:
        initializers: Names of `INITIALIZERS` in this function's file.
        activations: "tanh", "ReLU", "sigmoid".
        depth: Number of layers.
        width: Inputs and outputs of each layer.
        batch_size: Number of examples.
        seed: Of the weights and the examples.
        start: The initialization and the activation of the first frame.

    Raises:
        ValueError: If a size is below 1, or a name is unknown.

    Source:
        Glorot and Bengio (2010), section 3, for the picture.

    Example:
        >>> explore_depth(["std 0.01", "Xavier"], ["tanh", "ReLU"], depth=3).start
        (0, 0)
    """
    if min(depth, width, batch_size) < 1:
        raise ValueError(
            f"Depth, width and batch size must be at least 1, got {depth}, {width} and {batch_size}. Give larger ones."
        )
    for names, table in ((initializers, INITIALIZERS), (activations, ACTIVATIONS)):
        _check_names(names, table)

    def draw(initializer: str, activation: str) -> tuple[Drawing, str]:
        function, (low, high) = ACTIVATIONS[activation]
        outputs = activations_through_depth(
            INITIALIZERS[initializer], function, depth, width, batch_size, seed
        )
        drawing = Drawing(400, 34 * depth + 62)
        drawing.text(346, 14, "std")
        edges = np.linspace(low, high, BINS + 1)
        spreads = []
        for i, output in enumerate(outputs):
            counts, _ = np.histogram(output.clamp(low, high).numpy(), edges)
            top = 20 + 34 * i
            row = drawing.panel((low, high), (0, 1), 62, top, 62, drawing.height - top - 30)
            row.bars(edges, counts / counts.max())
            last = i == depth - 1
            row.axes([low, (low + high) / 2, high] if last else (), xlabel="activation" if last else "")
            drawing.text(4, top + 29, f"layer {i + 1}")
            spreads.append(_two_digits(output.std(correction=0).item()))
            drawing.text(346, top + 29, spreads[-1])
        return drawing, (
            f"Behind layer 1 the activations have the standard deviation {spreads[0]}, behind layer {depth} {spreads[-1]}."
        )

    return Explorer(
        draw,
        {"initialization": initializers, "activation": activations},
        title="Activations through depth",
        caption=(
            f"Normal noise goes through {depth} dense layers of {width} units; each row is the histogram behind one "
            "layer's activation, scaled to its highest bar, with the standard deviation at the right. Weights too small "
            "let the signal die, weights too large drive it to the ends. With equal widths LeCun's and Xavier's rules "
            "give the same variance; try them and He's with ReLU, which cuts away half of the signal at each layer."
        ),
        start=start,
    )


def _check_names(names: Sequence[str], table: Mapping[str, Any]) -> None:
    for name in names:
        if name not in table:
            raise ValueError(f"{name!r} is not known here: choose among {', '.join(table)}.")


def _two_digits(x: float) -> str:
    """Write a positive number with two digits that count, as 0.0071 or 2.1·10⁻⁹."""
    if x == 0 or 0.001 <= x < 1000:
        return f"{x:.2g}" if x < 10 else f"{x:.0f}"
    digits, power = f"{x:.1e}".split("e")
    return f"{digits}·10{str(int(power)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
