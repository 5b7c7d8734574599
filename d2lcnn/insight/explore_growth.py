"""A figure that moves: how wide a DenseNet becomes, layer by layer, under its growth rate and its compression."""

from __future__ import annotations

from collections.abc import Sequence

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, ORANGE, Drawing, label

BOTTLENECK_WIDTH = 4  # channels of a layer's 1×1 convolution, in growth rates


def dense_widths(growth_rate: int, num_layers: Sequence[int], compression: float) -> list[list[int]]:
    """Give the channels that enter each layer of each dense block, and at the end of each list those that leave it.

    Args:
        growth_rate: Number of channels that each layer adds, the paper's k.
        num_layers: Number of layers of each dense block.
        compression: Share θ of the channels that a transition lets through.

    Source:
        Huang et al. (2017), section 3; the first block gets 2k channels, as for ImageNet.

    Example:
        >>> dense_widths(32, (2, 1), 0.5)
        [[64, 96, 128], [64, 96]]
    """
    channels = 2 * growth_rate
    widths = []
    for i, number in enumerate(num_layers):
        if i > 0:
            channels = int(channels * compression)
        widths.append([channels + j * growth_rate for j in range(number + 1)])
        channels = widths[-1][-1]
    return widths


def dense_parameters(growth_rate: int, num_layers: Sequence[int], compression: float) -> int:
    """Count the parameters of an ImageNet DenseNet with bottlenecks, by adding up its layers.

    Args:
        growth_rate: Number of channels that each layer adds, the paper's k.
        num_layers: Number of layers of each dense block.
        compression: Share θ of the channels that a transition lets through.

    Example:
        >>> dense_parameters(32, (6, 12, 24, 16), 0.5)  # DenseNet-121
        7978856
    """
    k, inner = growth_rate, BOTTLENECK_WIDTH * growth_rate
    total = 3 * 2 * k * 49 + 2 * (2 * k)  # the first convolution and its norm
    widths = dense_widths(growth_rate, num_layers, compression)
    for i, block in enumerate(widths):
        # Norm and 1×1 convolution, norm and 3×3 convolution.
        total += sum(2 * m + m * inner + 2 * inner + 9 * inner * k for m in block[:-1])
        if i + 1 < len(widths):
            total += 2 * block[-1] + block[-1] * widths[i + 1][0]  # the transition
    return total + 2 * widths[-1][-1] + 1000 * (widths[-1][-1] + 1)


def explore_growth(
    growth_rates: Sequence[int] = (12, 16, 24, 32, 40, 48),
    compressions: Sequence[float] = (0.25, 0.5, 0.75, 1),
    num_layers: Sequence[int] = (6, 12, 24, 16),
    start: tuple[int, float] = (32, 0.5),
) -> Explorer:
    """Show how many channels enter each layer of a DenseNet, with the growth rate and the compression to be moved.

    Args:
        growth_rates: The values of k, all positive.
        compressions: The values of θ, all in (0, 1].
        num_layers: Number of layers of each dense block, DenseNet-121's by default.
        start: k and θ of the first frame.

    Raises:
        ValueError: If a growth rate is not positive, a compression is not in (0, 1], a block has no layer, or the values
            make no explorer.

    Example:
        >>> print(explore_growth(growth_rates=[16, 32], compressions=[0.5, 1]))  # doctest: +ELLIPSIS
        Channels that enter each layer of a DenseNet (figure that moves)
        growth rate k: 16, 32
        compression θ: 0.5, 1
        At growth rate k = 32, compression θ = 0.5: the widest layer gets 992 channels, 1024 leave the last block...
    """
    if min(growth_rates) < 1 or not all(0 < theta <= 1 for theta in compressions):
        raise ValueError(
            f"Growth rates are positive and compressions lie in (0, 1], got {list(growth_rates)} and "
            f"{list(compressions)}. The paper has k from 12 to 48, and θ of 0.5 and 1."
        )
    if not num_layers or min(num_layers) < 1:
        raise ValueError(
            f"Each dense block has at least one layer, got {list(num_layers)}. DenseNet-121 has 6, 12, 24, 16."
        )
    top = max(
        max(map(max, dense_widths(k, num_layers, theta))) for k in growth_rates for theta in compressions
    )
    count = sum(num_layers)

    def draw(k: int, theta: float) -> tuple[Drawing, str]:
        drawing = Drawing(400, 260)
        panel = drawing.panel((0, count), (0, top), left=44, top=24, right=8)
        widths = dense_widths(k, num_layers, theta)
        left = 0
        for block in widths:
            right = left + len(block) - 1
            steps = [(left + j + end, m) for j, m in enumerate(block[:-1]) for end in (0, 1)]
            panel.area([x for x, _ in steps], [m for _, m in steps], ORANGE)
            panel.area([left, right], [block[0], block[0]], BLUE)  # over it, what came into the block
            left = right
        panel.axes(
            xticks=[0, *(sum(num_layers[: i + 1]) for i in range(len(num_layers)))],
            yticks=[0, top // 2, top],
            xlabel="layer of a dense block",
        )
        drawing.text(44, 14, "channels: block's input, blue, and added, orange")
        widest = max(block[-2] for block in widths)
        size = dense_parameters(k, num_layers, theta) / 1e6
        return drawing, (
            f"the widest layer gets {widest} channels, {widths[-1][-1]} leave the last block, "
            f"and the network has {size:.1f} million parameters"
        )

    return Explorer(
        draw,
        {"growth rate k": list(growth_rates), "compression θ": list(compressions)},
        title="Channels that enter each layer of a DenseNet",
        caption=(
            f"A DenseNet with dense blocks of {', '.join(label(n) for n in num_layers)} layers. Within a block each "
            "layer gets k channels more than the one before it; at each transition θ of them stay. Raise k, and all "
            "widths grow in proportion; set θ to 1, and the teeth of the saw no longer fall."
        ),
        start=start,
    )
