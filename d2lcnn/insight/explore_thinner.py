"""A figure that moves: what each layer of MobileNetV1 costs under its width multiplier and its resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, GREEN, ORANGE, Drawing
from d2lcnn.nets.mobilenet_v1 import BLOCKS, STEM_CHANNELS

COLOURS = {"full": GREEN, "depthwise": ORANGE, "1×1": BLUE, "dense": GREEN}
IMAGENET_CLASSES = 1000


class LayerCost(NamedTuple):
    """What one layer costs.

    Args:
        kind: "full", "depthwise", "1×1" or "dense".
        multiply_adds: Multiply-adds for one picture.
        parameters: Parameters, those of the norm behind it included.

    Example:
        >>> thinner_costs(1, 224)[0]
        LayerCost(kind='full', multiply_adds=10838016, parameters=928)
    """

    kind: str
    multiply_adds: int
    parameters: int


def thinner_costs(width_mult: float, size: int) -> list[LayerCost]:
    """Count what the 28 layers of an ImageNet MobileNetV1 cost, by its formulas.

    Args:
        width_mult: Factor on every layer's channels, the paper's α.
        size: Side of the picture in pixels; the paper's ρ is size/224.

    Source:
        Howard et al. (2017), sections 3.1 to 3.4.

    Example:
        >>> sum(cost.multiply_adds for cost in thinner_costs(1, 224))
        568740352
    """
    channels, side = int(STEM_CHANNELS * width_mult), (size + 1) // 2
    costs = [LayerCost("full", 27 * channels * side**2, 27 * channels + 2 * channels)]
    for full_width, stride in BLOCKS:
        wide, side = int(full_width * width_mult), (side + stride - 1) // stride
        costs.append(LayerCost("depthwise", 9 * channels * side**2, 11 * channels))
        costs.append(LayerCost("1×1", channels * wide * side**2, (channels + 2) * wide))
        channels = wide
    costs.append(LayerCost("dense", channels * IMAGENET_CLASSES, (channels + 1) * IMAGENET_CLASSES))
    return costs


def explore_thinner(
    width_mults: Sequence[float] = (0.25, 0.5, 0.75, 1),
    sizes: Sequence[int] = (128, 160, 192, 224),
    start: tuple[float, int] = (1, 224),
) -> Explorer:
    """Show the multiply-adds of each layer of MobileNetV1, with the width multiplier and the resolution to be moved.

    Args:
        width_mults: The values of α, at least 1/32 each.
        sizes: Sides of the pictures in pixels, all positive.
        start: α and side of the first frame.

    Raises:
        ValueError: If a layer would have no channel or a picture no pixel, or the values make no explorer.

    Example:
        >>> print(explore_thinner(width_mults=[0.5, 1], sizes=[128, 224]))  # doctest: +ELLIPSIS
        Multiply-adds of MobileNetV1's layers (figure that moves)
        width multiplier α: 0.5, 1
        side of the picture: 128, 224
        At width multiplier α = 1, side of the picture = 224: 569 million multiply-adds, 95 % of them in 1×1...
    """
    if min(width_mults) * STEM_CHANNELS < 1 or min(sizes) < 1:
        raise ValueError(
            f"Width multipliers are at least 1/{STEM_CHANNELS} and pictures have at least one pixel, got "
            f"{list(width_mults)} and {list(sizes)}. The paper has 0.25 to 1, and 128 to 224 pixels."
        )
    top = max(
        cost.multiply_adds for alpha in width_mults for size in sizes for cost in thinner_costs(alpha, size)
    )
    millions = top / 1e6

    def draw(alpha: float, size: int) -> tuple[Drawing, str]:
        drawing = Drawing(400, 260)
        costs = thinner_costs(alpha, size)
        panel = drawing.panel((0, len(costs)), (0, millions), left=36, top=28, right=8)
        for i, cost in enumerate(costs):
            panel.bars([i + 0.1, i + 0.9], [cost.multiply_adds / 1e6], COLOURS[cost.kind])
        panel.axes(
            xticks=[1, 10, 20, 28], yticks=[tick for tick in (0, 25, 50) if tick <= millions], xlabel="layer"
        )
        x = 36.0
        for words, colour in (("1×1", BLUE), ("depthwise", ORANGE), ("the other two", GREEN)):
            drawing.rectangle(x, 8, 10, 10, colour)
            drawing.text(x + 14, 18, words)
            x += 34 + 7 * len(words)
        total = sum(cost.multiply_adds for cost in costs)
        pointwise = sum(cost.multiply_adds for cost in costs if cost.kind == "1×1")
        parameters = sum(cost.parameters for cost in costs)
        return drawing, (
            f"{total / 1e6:.0f} million multiply-adds, {100 * pointwise / total:.0f} % of them in 1×1 convolutions, and "
            f"{parameters / 1e6:.1f} million parameters"
        )

    return Explorer(
        draw,
        {"width multiplier α": list(width_mults), "side of the picture": list(sizes)},
        title="Multiply-adds of MobileNetV1's layers",
        caption=(
            "MobileNetV1 for 1,000 classes, layer by layer, in millions of multiply-adds. Make the net thinner, and the "
            "1×1 convolutions fall with the square of α, the depthwise ones with α alone; make the picture smaller, and "
            "every convolution falls with the square of its side, while the parameters stay."
        ),
        start=start,
    )
