"""A figure that moves: from which values each norm takes its mean and deviation, found out from the layers themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, INK, ORANGE, Drawing
from d2lcnn.layers.batch_norm import BatchNorm2d
from d2lcnn.layers.cosine_norm import CosineConv2d
from d2lcnn.layers.evonorm import EvoNormS0
from d2lcnn.layers.filter_response_norm import FilterResponseNorm2d
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm
from d2lcnn.layers.weight_norm import MeanOnlyBatchNorm, WeightNormConv2d
from d2lcnn.layers.weight_standardization import WSConv2d

SAMPLES, CHANNELS, SIDE, INPUTS = 4, 6, 2, 5
SAMPLE, CELL = 1, 14  # the sample that is looked at, and the side of a cell in pixels


def _plain() -> nn.Module:
    return nn.Conv2d(INPUTS, CHANNELS, 1, bias=False)


class _Case(NamedTuple):
    """A layer with weights, the norm after it, and what the four letters of the formula stand for."""

    layer: Callable[[], nn.Module]
    norm: Callable[[], nn.Module]
    letters: tuple[str, str, str, str]


_AFFINE = ("γ, one per channel", "β, one per channel")
CASES = {
    "batch": _Case(_plain, lambda: BatchNorm2d(CHANNELS), ("mean of the blue", "deviation of the blue", *_AFFINE)),
    "layer": _Case(
        _plain,
        lambda: LayerNorm([CHANNELS, SIDE, SIDE]),
        ("mean of the blue", "deviation of the blue", "γ, one per element", "β, one per element"),
    ),
    "group": _Case(_plain, lambda: GroupNorm(2, CHANNELS), ("mean of the blue", "deviation of the blue", *_AFFINE)),
    "instance": _Case(
        _plain, lambda: InstanceNorm2d(CHANNELS), ("mean of the blue", "deviation of the blue", "1, or γ", "0, or β")
    ),
    "filter response": _Case(
        _plain, lambda: FilterResponseNorm2d(CHANNELS), ("0", "root mean square of the blue", *_AFFINE)
    ),
    "EvoNorm-S0": _Case(
        _plain,
        lambda: EvoNormS0(CHANNELS, groups=2),
        ("0", "deviation of the blue", "γ · sigmoid(v·x)", "β, one per channel"),
    ),
    "weight": _Case(
        lambda: WeightNormConv2d(INPUTS, CHANNELS, 1), nn.Identity, ("0", "length of the row v", "g, one per row", "bias")
    ),
    "weight, mean of batch": _Case(
        lambda: WeightNormConv2d(INPUTS, CHANNELS, 1, bias=False),
        lambda: MeanOnlyBatchNorm(CHANNELS),
        ("mean of the blue", "length of the row v", "g, one per row", "β, one per channel"),
    ),
    "weight standardization": _Case(
        lambda: WSConv2d(INPUTS, CHANNELS, 1, eps=1e-12),
        nn.Identity,
        ("mean of the row × sum of patch", "deviation of the row", "1", "bias"),
    ),
    "cosine": _Case(
        lambda: CosineConv2d(INPUTS, CHANNELS, 1, eps=1e-12), nn.Identity, ("0", "length of row × of patch", "1", "0")
    ),
}  # fmt: skip


def statistics_set(norm: nn.Module, x: Tensor, element: Sequence[int]) -> Tensor:
    """Find the values from which a norm takes the statistics for one element: those that change its output.

    The output of an element depends on itself and on what enters its mean and deviation, so the set is where the
    output's derivative is not zero. Nothing is looked up: a norm over the wrong axes shows the wrong set.

    Args:
        norm: A layer that keeps the shape; its running statistics are left as they were.
        x: A batch, best random, so that no derivative is zero by chance.
        element: Position of the element in x.

    Shape:
        Any shape → the same shape, of bool.

    Raises:
        ValueError: If the position has other dimensions than x.

    Example:
        >>> x = torch.randn(4, 6, 2, 2, dtype=torch.float64)
        >>> int(statistics_set(BatchNorm2d(6).double(), x, (1, 0, 0, 0)).sum())  # 4 samples of 2×2 positions
        16
    """
    if len(element) != x.dim():
        raise ValueError(
            f"An element has one index for each of the {x.dim()} dimensions, got {tuple(element)}. "
            f"Give {x.dim()} indices."
        )
    kept = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(norm(leaf)[tuple(element)], leaf)
    with torch.no_grad():
        for name, buffer in norm.named_buffers():
            buffer.copy_(kept[name])
    return gradient.abs() > 1e-9


@torch.no_grad()
def _unnoticed(layer: nn.Module, x: Tensor, channel: int) -> tuple[bool, bool]:
    """Tell whether a longer row of weights, and whether a longer input, leave a layer's channel as it is."""
    parameters = dict(layer.named_parameters())
    weight = parameters["weight_v" if "weight_v" in parameters else "weight"]
    before = layer(x)[:, channel]
    longer = torch.allclose(layer(3 * x)[:, channel], before)
    weight[channel] *= 3
    row = torch.allclose(layer(x)[:, channel], before)
    weight[channel] /= 3
    return row, longer


def _grid(drawing: Drawing, x: float, y: float, blue: Tensor, orange: tuple[int, int] | None) -> None:
    """Draw rows and columns of cells from their upper left corner."""
    for i, row in enumerate(blue.tolist()):
        for j, inside in enumerate(row):
            fill = ORANGE if (i, j) == orange else BLUE if inside else "none"
            drawing.rectangle(x + CELL * j, y + CELL * i, CELL, CELL, fill, INK)


def explore_norms(channel: int = 1) -> Explorer:
    """Show, for each norm, which values of an N×C×H×W cube and which weights enter μ and σ of one element.

    The cube is cut into its samples, 4 of 6 channels at 2 × 2 positions; below stand the weights, a row for each
    channel, and the patch of input that a row is multiplied with. What is coloured is computed: a value if the
    element's output changes with it, a row or a patch if making it longer changes nothing.

    Args:
        channel: The channel of the element in the first frame, 1 to 6.

    Raises:
        ValueError: If there is no such channel.

    Example:
        >>> print(explore_norms(3))  # doctest: +ELLIPSIS
        From what each norm takes its statistics (figure that moves)
        norm: batch, layer, ...
        channel: 1, 2, 3, 4, 5, 6
        At norm = batch, channel = 3: 16 of the cube's 96 values enter: 4 samples × 1 channel × 4 positions...
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inputs = torch.randn(SAMPLES, INPUTS, SIDE, SIDE, dtype=torch.float64)
        layers = {name: (case.layer().double(), case.norm().double()) for name, case in CASES.items()}

    def draw(name: str, number: int) -> tuple[Drawing, str]:
        layer, norm = layers[name]
        c = number - 1
        chosen = statistics_set(norm, layer(inputs).detach(), (SAMPLE, c, 0, 0)).flatten(2)
        row, patch = _unnoticed(layer, inputs, c)
        drawing = Drawing(400, 318)
        _draw_cube(drawing, chosen, c)
        drawing.text(12, 196, "weights, a row for each channel")
        rows = torch.zeros(CHANNELS, INPUTS, dtype=torch.bool)
        rows[c] = row
        _grid(drawing, 26, 206, rows, None)
        drawing.text(18, 217 + CELL * c, str(number), "end", 11)
        _grid(drawing, 112, 206, torch.full((INPUTS, 1), patch), None)
        drawing.text(119, 206 + CELL * CHANNELS + 4, "patch", "middle", 11)
        for i, (letter, meaning) in enumerate(zip("μσgb", CASES[name].letters)):
            drawing.text(160, 220 + 24 * i, f"{letter}:  {meaning}", size=13)
        return drawing, _sentence(chosen, row, patch)

    return Explorer(
        draw,
        {"norm": list(CASES), "channel": list(range(1, CHANNELS + 1))},
        title="From what each norm takes its statistics",
        caption=(
            "The cube of pre-activations, cut into its four samples: rows are channels, columns positions. The element "
            "that is normalized is orange; blue is what enters its mean or deviation, in the cube, the weights or the "
            "input patch. Choose a norm, then move the channel: which sets move with it, and which stay?"
        ),
        start=("batch", channel),
    )


def _draw_cube(drawing: Drawing, chosen: Tensor, channel: int) -> None:
    """Draw the samples side by side, as slices of the cube."""
    width, height, depth = CELL * SIDE**2, CELL * CHANNELS, 8
    for n in range(SAMPLES):
        x, y = 26 + 93 * n, 50
        back = [(x, y), (x + depth, y - depth), (x + depth + width, y - depth)]
        drawing.line([*back, (x + depth + width, y - depth + height), (x + width, y + height)])
        drawing.line([(x + width, y), (x + depth + width, y - depth)])
        _grid(drawing, x, y, chosen[n], (channel, 0) if n == SAMPLE else None)
        drawing.text(x + width / 2, y + height + 17, f"sample {n + 1}", "middle", 11)
    drawing.text(12, 20, "pre-activations: 6 channels × 4 positions each")
    drawing.text(18, 61 + CELL * channel, str(channel + 1), "end", 11)


def _sentence(chosen: Tensor, row: bool, patch: bool) -> str:
    """Say what is coloured."""
    if int(chosen.sum()) > 1:
        counts = [int(chosen.any(dim=dims).sum()) for dims in ((1, 2), (0, 2), (0, 1))]
        parts = [f"{n} {word}{'s' * (n > 1)}" for n, word in zip(counts, ("sample", "channel", "position"))]
        cube = f"{int(chosen.sum())} of the cube's {chosen.numel()} values enter: {' × '.join(parts)}"
    else:
        cube = "No other value of the cube enters"
    length = {
        (False, False): "",
        (True, False): "; the length of the row of weights does not count",
        (True, True): "; neither the length of the row of weights nor that of the patch counts",
    }[row, patch]
    return f"{cube}{length}."
