"""A figure that moves: what a sigmoid does to Gaussian pre-activations, and to the gradient on its way back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from d2lcnn.insight.explorer import Explorer
from d2lcnn.insight.svg import BLUE, GREEN, ORANGE, Drawing

Array = np.ndarray[Any, Any]

RANGE = 8.0  # the pre-activations that are drawn
BINS = 20  # of the outputs


def sigmoid(z: Array) -> Array:
    """Give 1 / (1 + e^−z), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def slope(z: Array) -> Array:
    """Give the sigmoid's derivative, a(1 − a) with a = sigmoid(z), written so that small ones keep all their digits."""
    return 0.25 / np.cosh(0.5 * z) ** 2


def expected_slope(mean: float, std: float) -> float:
    """Give E[slope(z)] for z ~ N(mean, std²), by the trapezoidal rule in float64.

    The rule converges exponentially for an integrand that is analytic near the real line: with this step its
    error lies below the rounding up to std = 20.

    Args:
        mean: The mean of the pre-activations.
        std: Their standard deviation, positive.
    """
    t = np.arange(-2000, 2001) / 200
    return math.fsum(np.exp(-0.5 * t * t) * slope(mean + std * t)) / 200 / math.sqrt(2 * math.pi)


def output_shares(mean: float, std: float, bins: int = BINS) -> list[float]:
    """Give the probability that sigmoid(z) falls into each of equal parts of (0, 1), from the normal distribution function.

    Args:
        mean: The mean of the pre-activations.
        std: Their standard deviation, positive.
        bins: The number of parts.
    """
    edges = [math.log(i / (bins - i)) for i in range(1, bins)]
    below = [0.0, *(0.5 * math.erfc((mean - z) / (std * math.sqrt(2))) for z in edges), 1.0]
    return [high - low for low, high in itertools.pairwise(below)]


def explore_sigmoid(
    means: Sequence[float] = (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6),
    stds: Sequence[float] = (0.5, 1, 1.5, 2, 3, 4, 6),
    start: tuple[float, float] = (0, 1),
) -> Explorer:
    """Show what a sigmoid makes of Gaussian pre-activations, and how much gradient it lets through.

    z ~ N(μ, σ²) goes in, sigmoid(z) comes out; on the way back each gradient is multiplied by the slope there, so that
    on average the share E[slope(z)] survives the layer, never more than a quarter.

    Args:
        means: The values of μ.
        stds: The values of σ, all positive.
        start: μ and σ of the first frame.

    Raises:
        ValueError: If a standard deviation is not positive, or the values make no explorer.

    Example:
        >>> print(explore_sigmoid(means=[-4, 0, 4], stds=[1, 4]))  # doctest: +ELLIPSIS
        Pre-activations through a sigmoid (figure that moves)
        mean μ of z: −4, 0, 4
        standard deviation σ of z: 1, 4
        At mean μ of z = 0, standard deviation σ of z = 1: the mean slope is 0.207, 83 % of the largest possible 0.25...
    """
    for std in stds:
        if not std > 0:
            raise ValueError(
                f"A standard deviation is positive, got {std}. Give values such as 0.25, 1 and 4."
            )
    z = np.arange(-40, 41) / 5
    left, right = 34.0, 292.0

    def draw(mean: float, std: float) -> tuple[Drawing, str]:
        drawing = Drawing(400, 330)
        above = drawing.panel((-RANGE, RANGE), (0, 1), left, 22, 400 - right, 150)
        above.curve(z, sigmoid(z), BLUE)
        above.curve(z, slope(z), ORANGE)
        above.axes(yticks=[0, 0.25, 0.5, 0.75, 1])
        drawing.text(left + 8, 14, "sigmoid(z), blue, and its slope, orange")
        # The bell is drawn with the same height for every σ; its part under the slope is what survives.
        bell = np.exp(-0.5 * ((z - mean) / std) ** 2)
        below = drawing.panel((-RANGE, RANGE), (0, 1.05), left, 208, 400 - right, 36)
        below.area(z, bell, GREEN)
        below.area(z, bell * slope(z) / 0.25, ORANGE)
        below.axes(xticks=[-8, -4, 0, 4, 8], xlabel="z")
        drawing.text(left + 8, 202, "z, green, and what the slope leaves, orange")
        # The outputs lie sideways, at the height where the sigmoid has them.
        top, bottom = above.up[1], above.up[0]
        shares = output_shares(mean, std)
        outline = [(310.0, bottom)]
        for i, share in enumerate(shares):
            y, above_y = (bottom + (top - bottom) * j / BINS for j in (i, i + 1))
            width = 80 * share / max(shares)
            outline += [(310 + width, y), (310 + width, above_y)]
        drawing.area([*outline, (310, top)], BLUE)
        drawing.line([(310, top), (310, bottom)])
        drawing.text(310, 14, "outputs")
        survives = expected_slope(mean, std)
        drawing.text(310, 240, "mean slope")
        drawing.text(310, 264, f"{survives:.3f}", size=22)
        drawing.text(310, 284, "survives")
        ends = shares[0] + shares[-1]
        return drawing, (
            f"the mean slope is {survives:.3f}, {survives / 0.25:.0%} of the largest possible 0.25; "
            f"{ends:.0%} of the outputs lie within 0.05 of 0 or 1.".replace("%", " %")
        )

    return Explorer(
        draw,
        {"mean μ of z": means, "standard deviation σ of z": stds},
        title="Pre-activations through a sigmoid",
        caption=(
            "Below the pre-activations z, above the sigmoid and its slope, at the right what comes out. A gradient on "
            "its way back is multiplied by the slope, and the slope is a quarter at best. Move the mean away from "
            "zero, or widen the bell: the outputs gather at the ends, and less of the gradient survives."
        ),
        start=start,
    )
