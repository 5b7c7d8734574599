"""What is printed about accuracy: the papers' errors on ImageNet, and the accuracies of d2l's runs.

Like the ledger these are data with their sources. Unlike its rows they cannot be measured on a network that is built:
an error on ImageNet takes the authors' training, and d2l's accuracies are single runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from d2lcnn.insight.ledger import (
    HE,
    HOWARD,
    HOWARD19,
    HUANG,
    KRIZHEVSKY,
    LIN,
    NETWORKS,
    SANDLER,
    SIMONYAN,
    SZEGEDY,
)

# How a picture is shown to the network when it is tested. Many views of it give a lower error, at that many times the work.
ONE, TEN, WHOLE, UNSAID = "1 crop", "10 crops", "whole picture", "not said"
WAYS = (TEN, ONE, WHOLE, UNSAID)


@dataclass(frozen=True)
class PublishedError:
    """One published error on ImageNet's validation set, of one network alone, in per cent.

    Args:
        paper: Authors and year of the paper that prints it, not always the network's own.
        place: Table or section where it stands.
        network: A network of the ledger.
        tested: What the network saw of each picture: "1 crop", "10 crops" (corners and centre, with their mirror images,
            averaged), "whole picture" (every place of it, averaged) or "not said".
        top1: Share of pictures whose class was not the first guess; None if it is not printed.
        top5: Share whose class was not among the five first guesses; None if it is not printed.

    Example:
        >>> published_errors("AlexNet")[0].top5
        18.2
    """

    paper: str
    place: str
    network: str
    tested: str
    top1: float | None
    top5: float | None = None

    @property
    def source(self) -> str:
        """Where it stands, in words."""
        return f"{self.paper}, {self.place}"


def _errors(
    paper: str, place: str, tested: str, *entries: tuple[str, float | None, float | None]
) -> Iterable[PublishedError]:
    for network, top1, top5 in entries:
        yield PublishedError(paper, place, network, tested, top1, top5)


def _accuracies(paper: str, place: str, *entries: tuple[str, float]) -> Iterable[PublishedError]:
    """Make rows of accuracies with one decimal, as the MobileNets' papers print them; they do not say how they test."""
    for network, accuracy in entries:
        yield PublishedError(paper, place, network, UNSAID, round(100 - accuracy, 1))


IMAGENET_ERRORS: tuple[PublishedError, ...] = (
    PublishedError(KRIZHEVSKY, "Table 2", "AlexNet", TEN, 40.7, 18.2),
    # The card says that ten crops would do better, and its settings cut one square from the middle.
    PublishedError(LIN, "authors' model card", "NiN", ONE, 40.64),
    # Trained and tested with the shorter side at 256 pixels; the table has further rows for other sides.
    *_errors(
        SIMONYAN, "Table 3", WHOLE,
        ("VGG A", 29.6, 10.4), ("VGG A-LRN", 29.7, 10.5), ("VGG B", 28.7, 9.9), ("VGG C", 28.1, 9.4),
        ("VGG D", 27.0, 8.8), ("VGG E", 27.3, 9.0),
    ),
    PublishedError(SZEGEDY, "Table 3", "GoogLeNet", ONE, None, 10.07),
    PublishedError(SZEGEDY, "Table 3", "GoogLeNet", TEN, None, 9.15),
    # The paper's, with shortcuts that have no parameters (option A); Table 3's have them where channels change (B).
    PublishedError(HE, "Table 2", "ResNet-18", TEN, 27.88),
    *_errors(
        HE, "Table 3", TEN,
        ("VGG D", 28.07, 9.33), ("plain-34", 28.54, 10.02), ("ResNet-34", 24.52, 7.46), ("ResNet-50", 22.85, 6.71),
        ("ResNet-101", 21.75, 6.05), ("ResNet-152", 21.43, 5.71),
    ),
    # DenseNet-161 is in the conference's paper; the last preprint has DenseNet-264 in its place.
    *_errors(
        HUANG, "Table 3", ONE,
        ("DenseNet-121", 25.02, 7.71), ("DenseNet-169", 23.80, 6.85), ("DenseNet-201", 22.58, 6.34),
        ("DenseNet-161", 22.33, 6.15),
    ),
    *_errors(
        HUANG, "Table 3", TEN,
        ("DenseNet-121", 23.61, 6.66), ("DenseNet-169", 22.08, 5.92), ("DenseNet-201", 21.46, 5.54),
        ("DenseNet-161", 20.85, 5.30),
    ),
    *_accuracies(
        HOWARD, "Table 6",
        ("MobileNetV1", 70.6), ("MobileNetV1 α=0.75", 68.4), ("MobileNetV1 α=0.5", 63.7), ("MobileNetV1 α=0.25", 50.6),
    ),
    *_accuracies(
        HOWARD, "Table 7", ("MobileNetV1 at 192", 69.1), ("MobileNetV1 at 160", 67.2), ("MobileNetV1 at 128", 64.4)
    ),
    *_accuracies(HOWARD, "Table 8", ("GoogLeNet", 69.8), ("VGG D", 71.5)),
    *_accuracies(HOWARD, "Table 9", ("AlexNet", 57.2)),
    *_accuracies(SANDLER, "Table 4", ("MobileNetV2", 72.0), ("MobileNetV2 α=1.4", 74.7)),
    *_accuracies(HOWARD19, "Table 3", ("MobileNetV3-Large", 75.2), ("MobileNetV3-Small", 67.4)),
)  # fmt: skip


@dataclass(frozen=True)
class PublishedAccuracy:
    """What *Dive into Deep Learning* prints for one of its runs on Fashion-MNIST.

    Each is the last of ten epochs of a single run without a seed, in float32.

    Args:
        place: Section of the Chinese second edition.
        recipe: The same training run's key in `RECIPES`.
        train_acc: Training accuracy of the last epoch.
        test_acc: Test accuracy after it.

    Example:
        >>> [figure.test_acc for figure in D2L_ACCURACIES if figure.recipe == "lenet_bn"]
        [0.807, 0.708]
    """

    place: str
    recipe: str
    train_acc: float
    test_acc: float


D2L_ACCURACIES: tuple[PublishedAccuracy, ...] = (
    PublishedAccuracy("section 6.6", "lenet", 0.823, 0.779),
    PublishedAccuracy("section 7.1", "alexnet", 0.878, 0.883),
    PublishedAccuracy("section 7.2", "vgg11", 0.935, 0.920),
    PublishedAccuracy("section 7.3", "nin", 0.786, 0.790),
    PublishedAccuracy("section 7.4", "googlenet", 0.900, 0.886),
    PublishedAccuracy("section 7.5, from scratch", "lenet_bn", 0.899, 0.807),
    PublishedAccuracy("section 7.5, concise", "lenet_bn", 0.902, 0.708),
    PublishedAccuracy("section 7.6", "resnet18", 0.997, 0.893),
    PublishedAccuracy("section 7.7", "densenet", 0.948, 0.885),
)
D2L_EPOCHS = 10


def published_errors(network: str | None = None, *, tested: str | None = None) -> list[PublishedError]:
    """Give the published errors on ImageNet of one network or of all, tested in one way or in any.

    Args:
        network: A network of the ledger; None for all.
        tested: "1 crop", "10 crops", "whole picture" or "not said"; None for any. Errors that were tested in different
            ways are not to be compared with one another.

    Raises:
        ValueError: If there is no such network or way.

    Example:
        >>> len(published_errors("DenseNet-121")), published_errors("DenseNet-121", tested="10 crops")[0].top1
        (2, 23.61)
    """
    if network is not None and network not in NETWORKS:
        raise ValueError(f"The ledger has no network {network!r}. It has: {', '.join(NETWORKS)}.")
    if tested is not None and tested not in WAYS:
        raise ValueError(f"Nothing was tested on {tested!r}. Choose one of: {', '.join(WAYS)}.")
    return [row for row in IMAGENET_ERRORS if network in (None, row.network) and tested in (None, row.tested)]
