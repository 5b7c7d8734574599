"""All networks in one table: what papers print, what was recorded, how fast it ran, and what d2l prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from textwrap import wrap

from d2lcnn.insight.depth import network_depth
from d2lcnn.insight.grouped_runs import RunGroup, Setting, by_setting, run_groups
from d2lcnn.insight.ledger import NETWORKS, LedgerRow
from d2lcnn.insight.published import D2L_ACCURACIES, D2L_EPOCHS, WAYS, PublishedError, published_errors
from d2lcnn.insight.shapes import build_on_meta
from d2lcnn.insight.tables import layer_rows
from d2lcnn.insight.timeline import first_year
from d2lcnn.training.records import find_recipe, spread
from d2lcnn.training.speeds import Speed, load_speeds

# Networks of the papers, in the order in which they were shown.
COMPARED = (
    "LeNet-5", "AlexNet", "NiN", "VGG A", "VGG D", "VGG E", "GoogLeNet", "ResNet-18", "ResNet-34", "ResNet-50",
    "ResNet-101", "ResNet-152", "DenseNet-121", "DenseNet-169", "DenseNet-201", "DenseNet-161", "MobileNetV1",
    "MobileNetV2", "MobileNetV3-Large", "MobileNetV3-Small",
)  # fmt: skip
# The recipes of the chapters, in the same order.
COURSE = ("lenet", "lenet_bn", "alexnet", "nin", "vgg11", "googlenet", "resnet18", "densenet", "mobilenet_v1")
SIZES = ("depth", "params, M", "m-adds, M")  # heads of columns
WIDTH = 88  # the longest line that a page shows without scrolling it
LETTERS = "abcdefghijklmnopqrstuvwxyz"
D2L_SETTING = Setting("Fashion-MNIST", 60_000, D2L_EPOCHS, "float32")


@dataclass(frozen=True)
class PaperRow:
    """A network as its paper describes it, for pictures of the size that the paper uses.

    Args:
        network: A network of the ledger.
        year: When it was first shown.
        depth: Convolutions and dense layers on the longest path.
        parameters: Number of its parameters.
        multiply_adds: Multiply-adds for one picture.
        error: Its published error on ImageNet; None if there is none.

    Example:
        >>> compare_networks().papers[0].network
        'LeNet-5'
    """

    network: str
    year: int
    depth: int
    parameters: int
    multiply_adds: int
    error: PublishedError | None


@dataclass(frozen=True)
class CourseRow:
    """A recipe of the course, and the size of its network for one picture of Fashion-MNIST.

    Args:
        recipe: Key in `RECIPES`.
        side: Side to which the picture is enlarged.
        depth: Convolutions and dense layers on the longest path.
        parameters: Number of its parameters.
        multiply_adds: Multiply-adds for one picture.

    Example:
        >>> course_row("lenet").parameters
        61706
    """

    recipe: str
    side: int
    depth: int
    parameters: int
    multiply_adds: int


@cache
def paper_row(network: str) -> PaperRow:
    """Measure a network of the ledger and look up its error, tested on ten crops if such an error is printed.

    Args:
        network: A network of the ledger.

    Raises:
        ValueError: If the ledger has no such network, or no milestone of the timeline is its family's.

    Example:
        >>> row = paper_row("DenseNet-121")
        >>> row.depth, row.error.tested
        (121, '10 crops')
    """
    # The sort is stable: of several errors that were tested alike, the first in the list counts.
    errors = sorted(published_errors(network), key=lambda row: WAYS.index(row.tested))
    depth, parameters, multiply_adds = (
        _count(network, quantity) for quantity in ("depth", "parameters", "multiply-adds")
    )
    error = errors[0] if errors else None
    return PaperRow(network, first_year(network), depth, parameters, multiply_adds, error)


def _count(network: str, quantity: str) -> int:
    value = LedgerRow("", "", network, quantity, 0).ours
    assert isinstance(value, int)
    return value


@cache
def course_row(recipe: str) -> CourseRow:
    """Measure the network of a recipe.

    Args:
        recipe: Key in `RECIPES`.

    Raises:
        ValueError: If there is no such recipe, or it is not one for grey images.

    Example:
        >>> course_row("resnet18").side
        96
    """
    known = find_recipe(recipe)
    side = known.resize
    net, shape = build_on_meta(known.build), (1, 1, side, side)
    rows = layer_rows(net, shape)
    parameters, multiply_adds = sum(r.parameters for r in rows), sum(r.multiply_adds for r in rows)
    return CourseRow(recipe, side, network_depth(net, shape), parameters, multiply_adds)


def unlike_d2l(setting: Setting) -> str:
    """Say in what a recorded run differs from d2l's published ones, besides their seed, which nobody knows.

    Args:
        setting: The setting of the recorded run.

    Returns:
        Empty if it differs in nothing else.

    Example:
        >>> unlike_d2l(Setting("Fashion-MNIST", 60_000, 3, "bfloat16"))
        '3 epochs in place of 10, bfloat16 in place of float32'
    """
    said = []
    for ours, theirs, unit in zip(setting, D2L_SETTING, ("", " images", " epochs", "")):
        if ours != theirs:
            amount = f"{ours:,}{unit[:-1] if ours == 1 else unit}" if isinstance(ours, int) else ours
            said.append(f"{amount} in place of {f'{theirs:,}' if isinstance(theirs, int) else theirs}")
    return ", ".join(said)


@dataclass(frozen=True)
class Comparison:
    """All networks of the course in one table of four parts, because no page is wide enough for one.

    Args:
        papers: The papers' networks.
        groups: Recorded runs of the course's recipes, in groups that differ in seed and device alone.
        speeds: Speeds measured by the benchmark.

    Example:
        >>> print(compare_networks().of_papers().splitlines()[2])
        LeNet-5            1998      4       0.06        0.4      –      –  –              –
    """

    papers: tuple[PaperRow, ...]
    groups: tuple[RunGroup, ...]
    speeds: tuple[Speed, ...]

    def of_papers(self) -> str:
        """Write the first part: the papers' networks on ImageNet."""
        head = ["network", "year", *SIZES, "top-1", "top-5", "tested on", "from"]
        sources = list(dict.fromkeys(row.error.source for row in self.papers if row.error))
        rows = []
        for row in self.papers:
            error = [_percent(row.error, which) for which in ("top1", "top5")]
            told = [row.error.tested, LETTERS[sources.index(row.error.source)]] if row.error else ["–", "–"]
            rows.append([row.network, str(row.year), *_sizes(row), *error, *told])
        return "\n".join(
            [
                "1. As published: error on ImageNet in per cent",
                *_align([head, *rows], "<>>>>>><<"),
                *_keys(sources),
            ]
        )

    def of_networks(self) -> str:
        """Write the second part: how large the course's networks are, and the side of the pictures that they take."""
        head = ["recipe", "side", *SIZES]
        rows = [
            [row.recipe, str(row.side), *_sizes(row)]
            for row in map(course_row, dict.fromkeys(group.recipe for group in self.groups))
        ]
        return "\n".join(
            ["2. The course's networks, for one picture of one channel", *_align([head, *rows], "<>>>>")]
        )

    def of_runs(self) -> str:
        """Write the third part: test accuracies of the recorded runs, only those of one setting under one heading."""
        lines = ["3. As recorded: test accuracy; d2l: the last of ten epochs of one run, float32"]
        for setting, groups in by_setting(self.groups).items():
            head = ["recipe", "last epoch", "best epoch", "d2l", "runs"]
            rows = []
            for group in groups:
                d2l = " ".join(f"{a.test_acc:.3f}" for a in D2L_ACCURACIES if a.recipe == group.recipe) or "–"
                rows.append([group.recipe, spread(group.last), spread(group.best), d2l, group.seeds])
            lines += ["", f"{setting}", *_align([head, *rows], "<>>><")]
            lines.append(
                f"not as d2l: {why}" if (why := unlike_d2l(setting)) else "as d2l, whose seed nobody knows"
            )
        return "\n".join(lines)

    def of_speeds(self) -> str:
        """Write the fourth part: images per second in training, on each device."""
        names = list(dict.fromkeys([*(s.recipe for s in self.speeds), *(g.recipe for g in self.groups)]))
        columns: dict[str, dict[str, float]] = {}
        benchmarks: dict[str, list[Speed]] = {}
        for speed in self.speeds:
            benchmarks.setdefault(f"benchmark: {speed.device}, {speed.precision}", []).append(speed)
        for title, speeds in benchmarks.items():
            compiled = ", ".join(speed.recipe for speed in speeds if speed.compiled)
            key = f"{title} (compiled: {compiled})" if compiled else title
            columns[key] = {speed.recipe: speed.images_per_second for speed in speeds}
        for group in self.groups:
            for device in dict.fromkeys(run.device["name"] for run in group.runs):
                rates = [
                    run.history.examples_per_second for run in group.runs if run.device["name"] == device
                ]
                column = columns.setdefault(f"recorded runs: {device}, {group.setting.precision}", {})
                column[group.recipe] = max(median(rates), column.get(group.recipe, 0.0))
        head = ["recipe", *LETTERS[: len(columns)]]
        rows = [[name, *(_rate(column.get(name)) for column in columns.values())] for name in names]
        lines = _align([head, *rows], "<" + ">" * len(columns))
        return "\n".join(["4. Speed: training images per second, data included", *lines, *_keys(columns)])

    def __str__(self) -> str:
        return "\n\n".join([self.of_papers(), self.of_networks(), self.of_runs(), self.of_speeds()])

    __repr__ = __str__


def compare_networks(networks: Sequence[str] = COMPARED, recipes: Sequence[str] = COURSE) -> Comparison:
    """Compare the papers' networks, and the course's runs of them, as far as they can be compared.

    Args:
        networks: Networks of the ledger.
        recipes: Keys in `RECIPES` of runs on one-channel pictures.

    Raises:
        ValueError: If a network or recipe is unknown, or none of the recipes is recorded.

    Example:
        >>> table = compare_networks(["AlexNet", "NiN"], ["lenet"])
        >>> [row.parameters for row in table.papers]
        [60965224, 7595176]
    """
    unknown = [network for network in networks if network not in NETWORKS]
    if unknown:
        raise ValueError(
            f"The ledger has no network {', '.join(map(repr, unknown))}. It has: {', '.join(NETWORKS)}."
        )
    groups = run_groups(*recipes)
    speeds = (speed for speed in load_speeds() if speed.recipe in recipes)
    return Comparison(tuple(map(paper_row, networks)), tuple(groups), tuple(speeds))


def _sizes(row: PaperRow | CourseRow) -> list[str]:
    """Write what stands under `SIZES`."""
    return [str(row.depth), f"{row.parameters / 1e6:,.2f}", _rate(row.multiply_adds / 1e6)]


def _percent(error: PublishedError | None, which: str) -> str:
    value = getattr(error, which) if error else None
    if value is None:
        return "–"
    # Many papers print one decimal: a blank in the place of the second keeps the points under one another.
    return f"{value:.2f}".removesuffix("0").ljust(len(f"{value:.2f}"))


def _keys(keys: Iterable[str]) -> list[str]:
    """Say what letters stand for, the first key's first."""
    return [
        line
        for letter, key in zip(LETTERS, keys)
        for line in wrap(f"{letter}: {key}", WIDTH, subsequent_indent="   ")
    ]


def _rate(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _align(rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    """Put cells under one another, to the left (<) or right (>) of their column."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(sides))]
    return [
        "  ".join(
            cell.rjust(w) if side == ">" else cell.ljust(w) for cell, w, side in zip(row, widths, sides)
        ).rstrip()
        for row in rows
    ]
