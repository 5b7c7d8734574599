"""The figures that more than one chapter draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from d2lcnn.insight.tables import LayerRow, layer_rows
from d2lcnn.training.history import History
from d2lcnn.training.metrics import evaluation_mode
from d2lcnn.training.records import Run, check_alike, load_runs

# Distinct for colour-blind readers and on light and dark pages alike (Okabe and Ito's palette).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def show_images(
    images: Tensor, titles: Sequence[str] | None = None, *, columns: int = 8, scale: float = 1.2
) -> Any:
    """Draw images in a grid.

    Args:
        images: Grey or colour images with values in [0, 1], or single-channel maps of any range: each image's least
            value is drawn black and its greatest white unless all lie in [0, 1].
        titles: One for each image.
        columns: Images in a row.
        scale: Side of an image in inches.

    Shape:
        N×H×W, N×1×H×W or N×3×H×W → a matplotlib figure.

    Raises:
        ValueError: If the shape is another, the titles are not as many as the images, or there is no column.

    Example:
        >>> figure = show_images(torch.rand(3, 1, 8, 8), ["a", "b", "c"])
        >>> len(figure.axes)
        3
    """
    if images.dim() == 3:
        images = images.unsqueeze(1)
    if images.dim() != 4 or images.shape[1] not in (1, 3) or len(images) == 0:
        raise ValueError(
            f"Images must have the shape N×H×W, N×1×H×W or N×3×H×W with N of at least 1, got {tuple(images.shape)}. "
            "To see the channels of one image side by side, give image.unsqueeze(1)."
        )
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"Give one title for each image: got {len(titles)} for {len(images)} images.")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}. Eight images in a row are usual.")
    import matplotlib.pyplot as plt

    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    height = scale * rows * (images.shape[2] / images.shape[3] + (0.25 if titles else 0.05))
    figure, axes = plt.subplots(
        rows, columns, figsize=(scale * columns, height), squeeze=False, layout="constrained"
    )
    pictures = images.detach().cpu().float().permute(0, 2, 3, 1).numpy()
    in_range = bool(pictures.min() >= 0 and pictures.max() <= 1)
    for i, ax in enumerate(axes.flat):
        if i >= len(pictures):
            ax.remove()
            continue
        ax.imshow(pictures[i].squeeze(-1) if pictures.shape[-1] == 1 else pictures[i], cmap="gray",
                  **({"vmin": 0, "vmax": 1} if in_range else {}))  # fmt: skip
        ax.set_axis_off()
        if titles:
            ax.set_title(titles[i], fontsize=9)
    return figure


def plot_runs(*recipes: str, history: History | None = None, held_out: bool = False) -> Any:
    """Draw the recorded runs of one or more recipes: the mean over seeds and a band of one standard deviation.

    Args:
        *recipes: Keys in `RECIPES`.
        history: A run that the reader has just made; its test accuracy is drawn over the recorded ones, unless
            it comes from fast mode, whose digits say nothing about the recipe.
        held_out: Whether to draw the runs that held images out.

    Returns:
        A matplotlib figure. For a single recipe two panels, losses and accuracies; for several the test accuracies.

    Raises:
        ValueError: If no recipe is given, or one has no recorded run.

    Example:
        >>> figure = plot_runs("lenet")
        >>> [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
        ['train', 'test']
    """
    if not recipes:
        raise ValueError("Name at least one recipe to draw, such as plot_runs('lenet').")
    import matplotlib.pyplot as plt

    groups = {name: load_runs(name, held_out=held_out) for name in recipes}
    if len(recipes) == 1:
        figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        runs = groups[recipes[0]]
        for ax, quantity in zip(axes, ("loss", "acc")):
            for part, colour in zip(("train", "test", "validation")[: 3 if held_out else 2], COLOURS):
                _draw_band(ax, runs, f"{part}_{quantity}", part, colour)
        axes[0].set_ylabel("loss")
    else:
        figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
        axes = [ax]
        for (name, runs), colour in zip(groups.items(), itertools.cycle(COLOURS)):
            _draw_band(ax, runs, "test_acc", name, colour)
    axes[-1].set_ylabel("accuracy" if len(recipes) == 1 else "test accuracy")
    if history is not None and not history.fast and len(history):
        axes[-1].plot(range(1, len(history) + 1), history.test_acc, "k:", label="test, your run")
    for ax in axes:
        ax.set_xlabel("epoch")
        ax.grid(alpha=0.3)
        ax.legend()
        if all(len(run.history) == 1 for runs in groups.values() for run in runs):
            ax.set_xlim(0.5, 1.5)
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # no epoch 1.5
    return figure


def _draw_band(ax: Any, runs: Sequence[Run], curve: str, label: str, colour: str) -> None:
    check_alike(runs)
    values = np.array([getattr(run.history, curve) for run in runs])
    epochs = np.arange(1, values.shape[1] + 1)
    middle = values.mean(axis=0)
    # A line through a single point shows nothing.
    ax.plot(epochs, middle, color=colour, label=label, marker="o" if len(epochs) == 1 else None)
    if len(runs) > 1:
        deviation = values.std(axis=0, ddof=1)
        ax.fill_between(epochs, middle - deviation, middle + deviation, color=colour, alpha=0.2, linewidth=0)


def feature_maps(net: nn.Module, X: Tensor, layer: str) -> Tensor:
    """Run a batch through a network in evaluation mode and catch what one of its layers gives.

    Args:
        net: The network; it is left as it was.
        X: A batch of images.
        layer: Name of the layer, as `layer_table` prints it.

    Shape:
        N×C×H×W → what the layer gives, such as N×C′×H′×W′.

    Raises:
        ValueError: If the network has no layer of that name, or does not run it in evaluation mode.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3))
        >>> feature_maps(net, torch.zeros(1, 1, 8, 8), "0").shape
        torch.Size([1, 4, 6, 6])
    """
    modules = dict(net.named_modules())
    if layer not in modules or not layer:
        names = ", ".join(name for name in modules if name)
        raise ValueError(f"The network has no layer {layer!r}. Its layers are: {names}.")
    caught: list[Tensor] = []
    handle = modules[layer].register_forward_hook(lambda _module, _inputs, output: caught.append(output))
    try:
        with evaluation_mode(net), torch.no_grad():
            net(X)
    finally:
        handle.remove()
    if not caught:
        raise ValueError(
            f"The layer {layer!r} does not run in evaluation mode. Choose one that the output depends on."
        )
    return caught[0]


def draw_network(
    net: nn.Module,
    X: Tensor | Sequence[int],
    *,
    skip: Sequence[str] = (),
    whole: Sequence[type[nn.Module]] = (),
    columns: int | None = None,
) -> Any:
    """Draw what flows through a network, each stack of feature maps and each vector to scale, from the live module.

    Args:
        net: The network; it is run once and left as it was.
        X: A batch of images, or the shape of one.
        skip: Class names of layers that are not drawn, such as activations, which change no shape.
        whole: Classes whose modules are drawn as one, by what they give, such as a network's blocks.
        columns: Layers in a row; None draws all in one, which a phone cannot show if they are many.

    Returns:
        A matplotlib figure. Feature maps are drawn as stacked squares whose side is their height, at most twelve of
        a stack with their number below; vectors as columns whose height grows with the root of their length.

    Example:
        >>> from d2lcnn.nets.lenet import lenet
        >>> figure = draw_network(lenet(), (1, 1, 28, 28), skip=["Sigmoid", "Flatten"])
        >>> len(figure.axes)
        1
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    shape = tuple(X.shape) if isinstance(X, Tensor) else tuple(X)
    rows = [LayerRow("input", "input", shape, 0, 0), *layer_rows(net, X, whole=whole)]
    rows = [row for row in rows if row.kind not in skip]
    unit = float(shape[-1])
    longest = max((row.output_shape[-1] for row in rows if len(row.output_shape) != 4), default=1)
    columns = columns or len(rows)
    boxes = [_box(row.output_shape, unit, longest) for row in rows]
    shift = 0.045 * unit
    figure, ax = plt.subplots(layout="constrained")
    widest, floor = 0.0, 0.0
    for start in range(0, len(rows), columns):
        line = range(start, min(start + columns, len(rows)))
        if start:  # below the labels of the line above
            floor -= 0.4 * unit + max(boxes[i][2] / 2 + shift * (boxes[i][0] - 1) for i in line)
        middle, floor = floor, floor - max(boxes[i][2] for i in line) / 2 - 0.1 * unit
        x = 0.0
        for i in line:
            sheets, width, height = boxes[i]
            for k in range(sheets):
                corner = (x + shift * k, middle - height / 2 + shift * k)
                style: Any = {"facecolor": "white", "edgecolor": COLOURS[i % 2], "linewidth": 0.9}
                ax.add_patch(Rectangle(corner, width, height, **style))
            depth = shift * (sheets - 1)
            label = f"{rows[i].name}\n{'×'.join(map(str, rows[i].output_shape[1:]))}"
            ax.text(x + (width + depth) / 2, floor, label, ha="center", va="top", fontsize=9)
            x += max(width + depth, 0.5 * unit) + 0.45 * unit  # room for the label of a narrow column
        widest, floor = max(widest, x), floor - 0.4 * unit
    top = max(height / 2 + shift * (sheets - 1) for sheets, _, height in boxes[:columns])
    if columns < len(rows):
        figure.set_size_inches(widest / unit + 0.3, (top - floor) / unit + 0.1)
    else:
        figure.set_size_inches(len(rows), 2.7)
    ax.set_xlim(-0.3 * unit, widest)
    ax.set_ylim(floor, top + 0.1 * unit)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return figure


def _box(shape: tuple[int, ...], unit: float, longest: int) -> tuple[int, float, float]:
    """Number of sheets, width and height with which an output is drawn."""
    if len(shape) == 4:
        return min(shape[1], 12), float(shape[3]), float(shape[2])
    # The longest of several thousand is as high as the image: higher ones would run over the labels.
    return 1, 0.08 * unit, unit * math.sqrt(shape[-1] / max(400, longest))
