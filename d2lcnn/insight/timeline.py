"""When each network of the course was first shown, with what idea, and a figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from d2lcnn.insight.figures import COLOURS


@dataclass(frozen=True)
class Milestone:
    """A network, or something that networks needed, when it was first made public.

    A paper's year in its references is often a year later, when the conference that it was written for took place.

    Args:
        name: Its name; a network's is the ledger's where the ledger has it.
        year: Year in which it was first public: the preprint, else the conference or the issue of the journal.
        month: The month, 1 to 12.
        idea: What was new, in a few words.
        source: Its key in the book's references.
        network: Whether it is a network.

    Example:
        >>> [milestone.year for milestone in MILESTONES if milestone.name == "ResNet"]
        [2015]
    """

    name: str
    year: int
    month: int
    idea: str
    source: str
    network: bool = True

    @property
    def time(self) -> float:
        """The middle of its month, in years."""
        return self.year + (self.month - 0.5) / 12


MILESTONES: tuple[Milestone, ...] = (
    Milestone("zip-code network", 1989, 12, "shared weights, learned by gradient", "lecun1989"),
    Milestone("LeNet-5", 1998, 11, "convolution, subsampling, dense layers", "lecun1998"),
    Milestone("ImageNet", 2009, 6, "millions of labelled photographs", "deng2009", network=False),
    Milestone("Xavier's weights", 2010, 5, "signals that keep their size", "glorot2010", network=False),
    Milestone("AlexNet", 2012, 12, "ReLU, dropout, two graphics cards", "krizhevsky2012"),
    Milestone("NiN", 2013, 12, "1 × 1 convolutions, global average", "lin2014"),
    Milestone("VGG", 2014, 9, "3 × 3 kernels in stacks", "simonyan2015"),
    Milestone("GoogLeNet", 2014, 9, "several scales side by side", "szegedy2015"),
    Milestone("batch norm", 2015, 2, "each channel normalized by its batch", "ioffe2015", network=False),
    Milestone("ResNet", 2015, 12, "adding the input to the output", "he2016residual"),
    Milestone("DenseNet", 2016, 8, "keeping features instead of adding", "huang2017"),
    Milestone("MobileNetV1", 2017, 4, "one kernel a channel, then 1 × 1", "howard2017"),
    Milestone("MobileNetV2", 2018, 1, "wide inside, linear and narrow at the ends", "sandler2018"),
    Milestone("MobileNetV3", 2019, 5, "found by search, timed on a phone", "howard2019"),
)


def first_year(network: str) -> int:
    """Give the year in which a network of the ledger, or its family, was first public.

    Args:
        network: A network of the ledger, such as "VGG D" or "ResNet-50".

    Raises:
        ValueError: If no milestone's name is the start of the network's.

    Example:
        >>> first_year("DenseNet-121"), first_year("NiN")
        (2016, 2013)
    """
    for milestone in MILESTONES:
        if milestone.network and network.startswith(milestone.name):
            return milestone.year
    names = ", ".join(milestone.name for milestone in MILESTONES if milestone.network)
    raise ValueError(f"No milestone's name begins {network!r}. The networks are: {names}.")


def plot_timeline(milestones: Sequence[Milestone] = MILESTONES) -> Any:
    """Draw milestones on an axis of years, each on a line of its own with its name and idea.

    Args:
        milestones: In the order of time.

    Returns:
        A matplotlib figure.

    Raises:
        ValueError: If there is none, or they are out of order.

    Example:
        >>> figure = plot_timeline()
        >>> len(figure.axes[0].texts) == len(MILESTONES)
        True
    """
    times = [milestone.time for milestone in milestones]
    if not times or times != sorted(times):
        raise ValueError(f"Milestones must be in the order of time, at least one, got the times {times}.")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6, 0.32 * len(milestones) + 0.6), layout="constrained")
    begin, end = times[0] - 1, times[-1] + 1
    for row, milestone in enumerate(milestones):
        colour = COLOURS[0] if milestone.network else COLOURS[1]
        marker, face = ("o", colour) if milestone.network else ("D", "none")
        ax.plot(milestone.time, row, marker, color=colour, markerfacecolor=face, markersize=7)
        left = milestone.time - begin > (end - begin) / 2  # there the room is
        ax.annotate(
            f"{milestone.name}: {milestone.idea}",
            (milestone.time, row),
            xytext=(-9 if left else 9, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
        )
    ax.set_xlim(begin, end)
    ax.set_ylim(len(milestones) - 0.4, -0.6)
    ax.set_yticks([])
    ax.set_xticks([year for year in range(1980, 2100, 5) if begin <= year <= end])
    ax.xaxis.set_ticks_position("top")
    ax.grid(axis="x", alpha=0.3)
    for side in ("left", "right", "bottom"):
        ax.spines[side].set_visible(False)
    return figure
