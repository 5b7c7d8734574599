"""The ledger: what the papers print about their networks' sizes, beside what the package's networks really have.

Published figures are data below; ours are measured on the built network whenever they are asked for. A published figure
agrees if ours rounds to it. Where it does not, the row says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from d2lcnn.insight.depth import network_depth
from d2lcnn.insight.shapes import build_on_meta, run_for_shapes
from d2lcnn.insight.tables import LayerRow, layer_rows
from d2lcnn.layers.depthwise import DepthwiseSeparableConv
from d2lcnn.nets.alexnet import alexnet
from d2lcnn.nets.densenet import cifar_densenet, densenet121, densenet161, densenet169, densenet201
from d2lcnn.nets.googlenet import googlenet
from d2lcnn.nets.lenet import RBFOutput, Subsampling, lenet5
from d2lcnn.nets.mobilenet_v1 import mobilenet_v1
from d2lcnn.nets.mobilenet_v2 import mobilenet_v2
from d2lcnn.nets.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from d2lcnn.nets.nin import nin
from d2lcnn.nets.resnet import cifar_resnet, plain_resnet, resnet18, resnet34, resnet50, resnet101, resnet152
from d2lcnn.nets.vgg import vgg11, vgg11_lrn, vgg13, vgg16, vgg16_c, vgg19

Value = float | tuple[int, ...]


class _Subject(NamedTuple):
    """A network as its paper describes it: how it is built, the size of its images, their channels."""

    build: Callable[[], nn.Module]
    size: int
    channels: int = 3


IMAGENET, CIFAR = 224, 32
NETWORKS: dict[str, _Subject] = {
    "LeNet-5": _Subject(lenet5, 32, 1),
    "AlexNet": _Subject(partial(alexnet, variant="paper"), 227),
    "VGG A": _Subject(vgg11, IMAGENET),
    "VGG A-LRN": _Subject(vgg11_lrn, IMAGENET),
    "VGG B": _Subject(vgg13, IMAGENET),
    "VGG C": _Subject(vgg16_c, IMAGENET),
    "VGG D": _Subject(vgg16, IMAGENET),
    "VGG E": _Subject(vgg19, IMAGENET),
    "NiN": _Subject(nin, IMAGENET),
    "GoogLeNet": _Subject(partial(googlenet, variant="paper"), IMAGENET),
    "ResNet-18": _Subject(partial(resnet18, variant="paper"), IMAGENET),
    "ResNet-34": _Subject(partial(resnet34, variant="paper"), IMAGENET),
    "ResNet-50": _Subject(partial(resnet50, variant="paper"), IMAGENET),
    "ResNet-101": _Subject(partial(resnet101, variant="paper"), IMAGENET),
    "ResNet-152": _Subject(partial(resnet152, variant="paper"), IMAGENET),
    "plain-34": _Subject(partial(plain_resnet, 34), IMAGENET),
    "ResNet-20": _Subject(partial(cifar_resnet, 20), CIFAR),
    "ResNet-32": _Subject(partial(cifar_resnet, 32), CIFAR),
    "ResNet-44": _Subject(partial(cifar_resnet, 44), CIFAR),
    "ResNet-56": _Subject(partial(cifar_resnet, 56), CIFAR),
    "ResNet-110": _Subject(partial(cifar_resnet, 110), CIFAR),
    "ResNet-1202": _Subject(partial(cifar_resnet, 1202), CIFAR),
    "DenseNet-121": _Subject(densenet121, IMAGENET),
    "DenseNet-161": _Subject(densenet161, IMAGENET),
    "DenseNet-169": _Subject(densenet169, IMAGENET),
    "DenseNet-201": _Subject(densenet201, IMAGENET),
    "DenseNet (L=40, k=12)": _Subject(partial(cifar_densenet, 40, growth_rate=12), CIFAR),
    "DenseNet (L=100, k=12)": _Subject(partial(cifar_densenet, 100, growth_rate=12), CIFAR),
    "DenseNet (L=100, k=24)": _Subject(partial(cifar_densenet, 100, growth_rate=24), CIFAR),
    **{
        f"DenseNet-BC (L={depth}, k={k})": _Subject(
            partial(cifar_densenet, depth, growth_rate=k, bottleneck=True, compression=0.5), CIFAR
        )
        for depth, k in ((100, 12), (250, 24), (190, 40))
    },
    "MobileNetV1": _Subject(mobilenet_v1, IMAGENET),
    **{
        f"MobileNetV1 α={alpha}": _Subject(partial(mobilenet_v1, width_mult=alpha), IMAGENET)
        for alpha in (0.75, 0.5, 0.25)
    },
    **{f"MobileNetV1 at {size}": _Subject(mobilenet_v1, size) for size in (192, 160, 128)},
    # One inner layer of MobileNetV1 by itself, without the norms.
    "3×3 convolution": _Subject(partial(nn.Conv2d, 512, 512, 3, padding=1, bias=False), 14, 512),
    "depthwise separable": _Subject(partial(DepthwiseSeparableConv, 512, 512), 14, 512),
    "depthwise separable α=0.75": _Subject(partial(DepthwiseSeparableConv, 384, 384), 14, 384),
    "depthwise separable α=0.75 ρ=0.714": _Subject(partial(DepthwiseSeparableConv, 384, 384), 10, 384),
    "MobileNetV2": _Subject(mobilenet_v2, IMAGENET),
    "MobileNetV2 α=1.4": _Subject(partial(mobilenet_v2, width_mult=1.4), IMAGENET),
    "MobileNetV3-Large": _Subject(mobilenet_v3_large, IMAGENET),
    "MobileNetV3-Small": _Subject(mobilenet_v3_small, IMAGENET),
}


# What is measured of a network, or of one of its layers: each takes the names of both, the layer's "" for the whole.


@cache
def _network(network: str) -> nn.Module:
    build = NETWORKS[network].build
    # LeNet-5 reads its connection table while it is built, and is small.
    return build() if build is lenet5 else build_on_meta(build)


def _shape(network: str) -> tuple[int, ...]:
    _, size, channels = NETWORKS[network]
    return (1, channels, size, size)


@cache
def _all_rows(network: str) -> tuple[LayerRow, ...]:
    return tuple(layer_rows(_network(network), _shape(network)))


def _parts(layer: str) -> list[str]:
    """Split what a paper's table has in one line and our network in several layers."""
    return layer.split(" + ")


def _rows(network: str, layer: str) -> list[LayerRow]:
    return [
        row
        for row in _all_rows(network)
        if any(not part or f"{row.name}.".startswith(f"{part}.") for part in _parts(layer))
    ]


@cache
def _outputs(network: str) -> dict[str, tuple[int, ...]]:
    net, shapes = _network(network), {"input": _shape(network)[1:]}

    def note(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            shapes[name] = tuple(output.shape[1:])

    handles = [module.register_forward_hook(partial(note, name)) for name, module in net.named_modules()]
    modes = [module.training for module in net.modules()]
    try:
        run_for_shapes(net.eval(), _shape(network), lambda forward: forward())
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in zip(net.modules(), modes):
            module.training = mode
    return shapes


def _parameters(network: str, layer: str) -> int:
    return sum(p.numel() for p in _network(network).get_submodule(layer).parameters())


def _kernel_parameters(network: str, layer: str) -> int:
    layers = map(_network(network).get_submodule, _parts(layer))
    return sum(p.numel() for module in layers for p in module.parameters() if p.dim() > 1)


def _multiply_adds(network: str, layer: str) -> int:
    return sum(row.multiply_adds for row in _rows(network, layer))


@cache
def _depth(network: str, layer: str) -> int:
    return network_depth(_network(network).get_submodule(layer), _shape(network))


def _output(network: str, layer: str) -> tuple[int, ...]:
    return _outputs(network)[layer]


def _output_size(network: str, layer: str) -> tuple[int, ...]:
    return _outputs(network)[layer][1:]


def _neurons(network: str, layer: str) -> int:
    """Count the outputs of a layer, or of every layer with weights."""
    names = [layer] if layer else [row.name for row in _all_rows(network) if row.parameters]
    count = 0
    for name in names:
        product = 1
        for side in _outputs(network)[name]:
            product *= side
        count += product
    return count


def _connections(network: str, layer: str) -> int:
    """Count as LeCun et al. do: each use of a weight or bias is one."""
    total = 0
    for row in _rows(network, layer):
        module = _network(network).get_submodule(row.name)
        if isinstance(module, Subsampling):
            total += _neurons(network, row.name) * 5  # four inputs and a bias for each output
        elif isinstance(module, RBFOutput):
            total += module.codes.numel()
        elif row.parameters:
            height, width = (*row.output_shape[2:], 1, 1)[:2]
            total += row.parameters * height * width
    return total


def _trainable_layers(network: str, layer: str) -> int:
    return sum(row.parameters > 0 for row in _rows(network, layer))


def _blocks(network: str, layer: str) -> int:
    return sum(name.startswith("block") for name, _ in _network(network).named_children())


def _mebibytes(network: str, layer: str) -> float:
    """Size of the parameters in float32."""
    return 4 * _parameters(network, layer) / 2**20


# The four kinds of layers in MobileNetV1's Table 2.
_KINDS: dict[str, Callable[[nn.Module], bool]] = {
    "1×1": lambda m: isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1),
    "depthwise": lambda m: isinstance(m, nn.Conv2d) and m.groups > 1,
    "3×3": lambda m: isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3) and m.groups == 1,
    "dense": lambda m: isinstance(m, nn.Linear),
}


def _share(network: str, kind: str, count: Callable[[str, str], int]) -> float:
    """Give the percentage that falls on one kind of layer."""
    layers = [name for name, module in _network(network).named_modules() if _KINDS[kind](module)]
    return 100 * sum(count(network, layer) for layer in layers) / count(network, "")


QUANTITIES: dict[str, Callable[[str, str], Value]] = {
    "parameters": _parameters,
    "parameters without biases and norms": _kernel_parameters,
    "multiply-adds": _multiply_adds,
    "depth": _depth,
    "output": _output,
    "output size": _output_size,
    "neurons": _neurons,
    "connections": _connections,
    "trainable layers": _trainable_layers,
    "mlpconv blocks": _blocks,
    "MiB in float32": _mebibytes,
    "% of multiply-adds": partial(_share, count=_multiply_adds),
    "% of parameters without biases and norms": partial(_share, count=_kernel_parameters),
}


@dataclass(frozen=True)
class LedgerRow:
    """One published figure, and a way to measure ours.

    Args:
        paper: Authors and year.
        place: Table, figure or section where it stands.
        network: A network of the ledger.
        quantity: What is counted.
        published: The figure; a shape is a tuple.
        unit: Place of its last digit, such as 1e5 for 1.2 million; 0 if it is exact.
        layer: Name of the layer in our network that it is about, empty for the whole.
        explanation: Why ours differs, empty where it does not.

    Example:
        >>> row = LedgerRow("LeCun et al. 1998", "section II.B", "LeNet-5", "parameters", 60_000, 0)
        >>> row.ours, row.agrees
        (60000, True)
    """

    paper: str
    place: str
    network: str
    quantity: str
    published: Value
    unit: float = 0
    layer: str = ""
    explanation: str = ""

    @property
    def ours(self) -> Value:
        """What the package's network has, measured on the network itself."""
        return QUANTITIES[self.quantity](self.network, self.layer)

    @property
    def agrees(self) -> bool:
        """Whether ours, rounded as the published figure is, equals it."""
        ours = self.ours
        if isinstance(ours, tuple) or isinstance(self.published, tuple):
            return ours == self.published
        # The tiny allowance is for figures such as 0.1 that have no exact floating-point number.
        return abs(ours - self.published) <= self.unit / 2 + 1e-9 * abs(self.published)


Entry = tuple[str, Value] | tuple[str, Value, str]


def _of_networks(
    paper: str, place: str, quantity: str, unit: float, *entries: Entry, scale: float = 1
) -> Iterable[LedgerRow]:
    """Make a row for each (network, published[, explanation]); figures and unit stand in multiples of `scale`."""
    for network, published, *why in entries:
        value = published if isinstance(published, tuple) else published * scale
        yield LedgerRow(paper, place, network, quantity, value, unit * scale, "", "".join(why))


def _of_layers(
    paper: str, place: str, network: str, quantity: str, unit: float, *entries: Entry, scale: float = 1
) -> Iterable[LedgerRow]:
    """Make a row for each (layer, published[, explanation]) of one network."""
    for layer, published, *why in entries:
        value = published if isinstance(published, tuple) else published * scale
        yield LedgerRow(paper, place, network, quantity, value, unit * scale, layer, "".join(why))


MILLION, BILLION = 1e6, 1e9
LECUN, KRIZHEVSKY, LIN = "LeCun et al. 1998", "Krizhevsky et al. 2012", "Lin et al. 2014"
SIMONYAN, SZEGEDY, HE = "Simonyan & Zisserman 2015", "Szegedy et al. 2015", "He et al. 2016"
HUANG, HOWARD, SANDLER = "Huang et al. 2017", "Howard et al. 2017", "Sandler et al. 2018"
HOWARD19 = "Howard et al. 2019"

_NO_55 = "Figure 2 shows maps of 55×55, which make 55·55·96 = 290,400; 253,440 is 55·48·96, so one side is taken for 48."
_NO_224 = "An unpadded 11×11 window with stride 4 makes the figure's 55×55 of 227×227, not of 224×224: (227 − 11)/4 + 1."
_K = "The table's K is 1,024. "
_CHANNELS_PARAMETERS = (
    _K
    + "The row's own channel numbers give ours, and its operations, which follow from the same numbers, agree."
)
_CHANNELS_BOTH = (
    "The row's parameters and operations agree with each other, at this map size, but not with its channel numbers, "
    "which give ours."
)
_SEPARABLE = (
    "A 7×7 convolution has 7·7·3·64 = 9,408 weights. The row fits a separable one, 8 depthwise filters per colour and "
    "then 1×1: 7·7·3·8 + 24·64 = 2,712, times 112·112 positions 34 million."
)
_WIDER = (
    "Table 2's widths times 1.4, in multiples of eight, have 6.11 million parameters, 6.06 without biases and norms, and "
    "cost 582 million; 6.06 and 582 are also what the authors later list beside their trained weights."
)

LEDGER: tuple[LedgerRow, ...] = (
    # LeNet-5
    *_of_layers(
        LECUN, "section II.B", "LeNet-5", "parameters", 0,
        ("C1", 156), ("S2", 12), ("C3", 1_516), ("S4", 32), ("C5", 48_120), ("F6", 10_164), ("", 60_000),
    ),
    *_of_layers(
        LECUN, "section II.B", "LeNet-5", "connections", 0,
        ("C1", 122_304), ("S2", 5_880), ("C3", 151_600), ("S4", 2_000), ("", 340_908),
    ),
    *_of_layers(
        LECUN, "figure 2", "LeNet-5", "output", 0,
        ("C1", (6, 28, 28)), ("S2", (6, 14, 14)), ("C3", (16, 10, 10)), ("S4", (16, 5, 5)), ("C5", (120, 1, 1)),
        ("F6", (84,)), ("output", (10,)),
    ),
    LedgerRow(
        LECUN, "section II.B", "LeNet-5", "trainable layers", 7,
        explanation="The output layer's codes count for the paper; they are drawn by hand and kept fixed at first, "
        "as ours are throughout, and they are not among the 60,000 parameters.",
    ),
    # AlexNet
    LedgerRow(
        KRIZHEVSKY, "abstract", "AlexNet", "parameters", 60 * MILLION, MILLION,
        explanation="The layers of section 3.5 with two groups have 60.97 million: the figure is cut, not rounded.",
    ),
    LedgerRow(KRIZHEVSKY, "section 3.5", "AlexNet", "depth", 8),
    LedgerRow(
        KRIZHEVSKY, "abstract", "AlexNet", "neurons", 650_000, 10_000,
        explanation="The layers of figure 2 have 659,272 neurons; with the caption's 253,440 for the first, 622,312. "
        "650,000 is a round number between the two.",
    ),
    *_of_layers(
        KRIZHEVSKY, "figure 2", "AlexNet", "neurons", 0,
        ("input", 150_528, _NO_224), ("conv1", 253_440, _NO_55), ("conv2", 186_624), ("conv3", 64_896),
        ("conv4", 64_896), ("conv5", 43_264), ("dense6", 4_096), ("dense7", 4_096), ("output", 1_000),
    ),
    # VGG
    *_of_networks(
        SIMONYAN, "Table 2", "parameters", 1,
        ("VGG A", 133), ("VGG A-LRN", 133), ("VGG B", 133), ("VGG C", 134), ("VGG D", 138), ("VGG E", 144),
        scale=MILLION,
    ),
    *_of_networks(
        SIMONYAN, "Table 1", "depth", 0,
        ("VGG A", 11), ("VGG A-LRN", 11), ("VGG B", 13), ("VGG C", 16), ("VGG D", 16), ("VGG E", 19),
    ),
    *_of_networks(
        HE, "section 4.1", "multiply-adds", 0.1,
        ("VGG D", 15.3, "15.47 with the dense layers; the published number fits the 15.35 without them."),
        ("VGG E", 19.6),
        scale=BILLION,
    ),
    # NiN
    LedgerRow(LIN, "authors' model card", "NiN", "MiB in float32", 29, 1),
    LedgerRow(LIN, "authors' model card", "NiN", "mlpconv blocks", 4),
    # GoogLeNet
    *_of_layers(
        SZEGEDY, "Table 1", "GoogLeNet", "output", 0,
        ("features.conv1", (64, 112, 112)), ("features.pool1", (64, 56, 56)), ("features.conv3", (192, 56, 56)),
        ("features.pool2", (192, 28, 28)), ("features.inception3a", (256, 28, 28)),
        ("features.inception3b", (480, 28, 28)), ("features.inception4a", (512, 14, 14)),
        ("features.inception4d", (528, 14, 14)), ("features.inception4e", (832, 14, 14)),
        ("features.inception5a", (832, 7, 7)), ("features.inception5b", (1024, 7, 7)),
    ),
    LedgerRow(
        SZEGEDY, "Table 1", "GoogLeNet", "parameters without biases and norms", 2_700, 100, "features.conv1", _SEPARABLE
    ),
    # The table's K is 1,024: the lines 112K and 1000K are exactly that.
    *_of_layers(
        SZEGEDY, "Table 1", "GoogLeNet", "parameters without biases and norms", 1,
        ("features.conv2 + features.conv3", 112),
        ("features.inception3a", 159),
        ("features.inception3b", 380, _CHANNELS_PARAMETERS),
        ("features.inception4a", 364, _CHANNELS_BOTH),
        ("features.inception4b", 437, _CHANNELS_PARAMETERS),
        ("features.inception4c", 463, _CHANNELS_PARAMETERS),
        ("features.inception4d", 580, _CHANNELS_PARAMETERS),
        ("features.inception4e", 840, _CHANNELS_PARAMETERS),
        ("features.inception5a", 1072, _CHANNELS_BOTH),
        ("features.inception5b", 1388, _CHANNELS_PARAMETERS),
        ("output", 1000),
        scale=1024,
    ),
    *_of_layers(
        SZEGEDY, "Table 1", "GoogLeNet", "multiply-adds", 1,
        ("features.conv1", 34, _SEPARABLE), ("features.conv2 + features.conv3", 360),
        ("features.inception3a", 128), ("features.inception3b", 304),
        ("features.inception4a", 73, _CHANNELS_BOTH),
        ("features.inception4b", 88), ("features.inception4c", 100), ("features.inception4d", 119),
        ("features.inception4e", 170),
        ("features.inception5a", 54, _CHANNELS_BOTH),
        ("features.inception5b", 71), ("output", 1),
        scale=MILLION,
    ),
    LedgerRow(
        SZEGEDY, "Table 1, sum", "GoogLeNet", "parameters", 6.8 * MILLION, 0.1 * MILLION,
        explanation="The table's column adds up to 6,798 K, which is 6.8 million with K = 1,000. With the table's K of "
        "1,024 it is 6.96, and our weights without biases are 6.99 million.",
    ),
    LedgerRow(
        SZEGEDY, "section 1", "GoogLeNet", "multiply-adds", 1.5 * BILLION, 0.1 * BILLION,
        explanation="With the table's 34 million for the first convolution, in place of a full one's 118, it is 1.50.",
    ),
    LedgerRow(SZEGEDY, "section 5", "GoogLeNet", "depth", 22),
    # ResNet
    *_of_networks(
        HE, "Table 1", "depth", 0,
        ("ResNet-18", 18), ("ResNet-34", 34), ("ResNet-50", 50), ("ResNet-101", 101), ("ResNet-152", 152),
    ),
    *_of_networks(
        HE, "Table 1", "multiply-adds", 0.1,
        ("ResNet-18", 1.8),
        ("ResNet-34", 3.6, "3.66 with 1×1 convolutions on three shortcuts (option B); with the parameter-free shortcuts "
         "of figure 3 it costs what plain-34 does, 3.64."),
        ("ResNet-50", 3.8, "3.86: cut, where the other rows are rounded."),
        ("ResNet-101", 7.6), ("ResNet-152", 11.3),
        scale=BILLION,
    ),
    LedgerRow(HE, "figure 3", "plain-34", "multiply-adds", 3.6 * BILLION, 0.1 * BILLION),
    *_of_layers(
        HE, "Table 1", "ResNet-50", "output size", 0,
        ("conv1", (112, 112)), ("layer1", (56, 56)), ("layer2", (28, 28)), ("layer3", (14, 14)), ("layer4", (7, 7)),
    ),
    *_of_networks(
        HE, "Table 6", "parameters", 0.01,
        ("ResNet-20", 0.27), ("ResNet-32", 0.46), ("ResNet-44", 0.66), ("ResNet-56", 0.85),
        scale=MILLION,
    ),
    *_of_networks(
        HE, "Table 6", "parameters", 0.1, ("ResNet-110", 1.7), ("ResNet-1202", 19.4), scale=MILLION
    ),
    *_of_networks(HE, "Table 6", "depth", 0, ("ResNet-20", 20), ("ResNet-56", 56), ("ResNet-110", 110)),
    # DenseNet
    *_of_networks(
        HUANG, "Table 1", "depth", 0, ("DenseNet-121", 121), ("DenseNet-169", 169), ("DenseNet-201", 201)
    ),
    LedgerRow(HUANG, "Table 3", "DenseNet-161", "depth", 161),
    *_of_layers(
        HUANG, "Table 1", "DenseNet-121", "output size", 0,
        ("features.conv0", (112, 112)), ("features.denseblock1", (56, 56)), ("features.denseblock2", (28, 28)),
        ("features.denseblock3", (14, 14)), ("features.denseblock4", (7, 7)),
    ),
    LedgerRow(HUANG, "section 4.4", "DenseNet-201", "parameters", 20 * MILLION, MILLION),
    *_of_networks(
        HUANG, "Table 2", "parameters", 0.1,
        ("DenseNet (L=40, k=12)", 1.0), ("DenseNet (L=100, k=12)", 7.0), ("DenseNet (L=100, k=24)", 27.2),
        ("DenseNet-BC (L=100, k=12)", 0.8), ("DenseNet-BC (L=250, k=24)", 15.3), ("DenseNet-BC (L=190, k=40)", 25.6),
        scale=MILLION,
    ),
    # MobileNetV1
    LedgerRow(HOWARD, "section 3.2", "MobileNetV1", "depth", 28),
    *_of_networks(
        HOWARD, "Table 6", "multiply-adds", 1,
        ("MobileNetV1", 569), ("MobileNetV1 α=0.75", 325), ("MobileNetV1 α=0.5", 149), ("MobileNetV1 α=0.25", 41),
        scale=MILLION,
    ),
    *_of_networks(
        HOWARD, "Table 6", "parameters", 0.1,
        ("MobileNetV1", 4.2), ("MobileNetV1 α=0.75", 2.6), ("MobileNetV1 α=0.5", 1.3), ("MobileNetV1 α=0.25", 0.5),
        scale=MILLION,
    ),
    *_of_networks(
        HOWARD, "Table 7", "multiply-adds", 1,
        ("MobileNetV1 at 192", 418),
        ("MobileNetV1 at 160", 290, "290.7: cut, where the other rows are rounded."),
        ("MobileNetV1 at 128", 186),
        scale=MILLION,
    ),
    *_of_layers(
        HOWARD, "Table 2", "MobileNetV1", "% of multiply-adds", 0.01,
        ("1×1", 94.86), ("depthwise", 3.06),
        ("3×3", 1.19, "The published shares sum to 99.29; with 1.91 they would make 100: two digits have changed places."),
        ("dense", 0.18),
    ),
    *_of_layers(
        HOWARD, "Table 2", "MobileNetV1", "% of parameters without biases and norms", 0.01,
        ("1×1", 74.59), ("depthwise", 1.06), ("3×3", 0.02), ("dense", 24.33),
    ),
    LedgerRow(HOWARD, "Table 3", "3×3 convolution", "multiply-adds", 462 * MILLION, MILLION),
    *_of_networks(
        HOWARD, "Table 3", "multiply-adds", 0.1,
        ("depthwise separable", 52.3), ("depthwise separable α=0.75", 29.6),
        ("depthwise separable α=0.75 ρ=0.714", 15.1),
        scale=MILLION,
    ),
    *_of_networks(
        HOWARD, "Table 3", "parameters", 0.01,
        ("3×3 convolution", 2.36), ("depthwise separable", 0.27), ("depthwise separable α=0.75", 0.15),
        scale=MILLION,
    ),
    # MobileNetV2
    *_of_networks(
        SANDLER, "Table 4", "multiply-adds", 1,
        ("MobileNetV2", 300, "300.8: cut, not rounded."), ("MobileNetV2 α=1.4", 585, _WIDER),
        ("MobileNetV1", 575, "The first paper's own 569 agrees; this one counts 6 million more and does not say of what."),
        scale=MILLION,
    ),
    *_of_networks(
        SANDLER, "Table 4", "parameters", 0.1,
        ("MobileNetV2", 3.4, "3.50, or 3.47 without biases and norms, which is then cut, not rounded."),
        ("MobileNetV2 α=1.4", 6.9, _WIDER), ("MobileNetV1", 4.2),
        scale=MILLION,
    ),
    # MobileNetV3
    *_of_networks(
        HOWARD19, "Table 3", "multiply-adds", 1,
        ("MobileNetV3-Large", 219, "The layers of Table 1 cost 216.6; the paper does not say what else it counts."),
        ("MobileNetV3-Small", 56, "56.5: cut, not rounded."),
        scale=MILLION,
    ),
    *_of_networks(
        HOWARD19, "Table 3", "parameters", 0.1,
        ("MobileNetV3-Large", 5.4, "5.48, or 5.45 without biases and norms: cut, not rounded."), ("MobileNetV3-Small", 2.5),
        scale=MILLION,
    ),
)  # fmt: skip


def _print(value: Value) -> str:
    if isinstance(value, tuple):
        return "×".join(map(str, value))
    return f"{value:,.2f}" if value != round(value) else f"{round(value):,}"


class LedgerTable(list[LedgerRow]):
    """Rows of the ledger that print as an aligned table, each disagreement with its explanation in a note below.

    Example:
        >>> table = LedgerTable(row for row in ledger_table("VGG E") if row.quantity == "depth")
        >>> print(table)
        paper                      place    network  quantity  layer  published  ours
        Simonyan & Zisserman 2015  Table 1  VGG E    depth                   19    19
    """

    def __str__(self) -> str:
        rows = [("paper", "place", "network", "quantity", "layer", "published", "ours", "")]
        notes: list[str] = []
        for row in self:
            mark = ""
            if row.explanation:
                if row.explanation not in notes:
                    notes.append(row.explanation)
                mark = f"({notes.index(row.explanation) + 1})"
            figures = (_print(row.published), _print(row.ours))
            rows.append((row.paper, row.place, row.network, row.quantity, row.layer, *figures, mark))
        widths = [max(len(row[i]) for row in rows) for i in range(8)]
        lines = [
            "  ".join(
                cell.rjust(w) if i in (5, 6) else cell.ljust(w)
                for i, (cell, w) in enumerate(zip(row, widths))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *(f"({i}) {note}" for i, note in enumerate(notes, start=1))])

    __repr__ = __str__


def ledger_table(network: str | None = None) -> LedgerTable:
    """Give the ledger, or the rows whose network's name starts with what is given, to be printed or filtered.

    Args:
        network: Start of the networks' names, such as "VGG" or "MobileNetV2"; None for all.

    Raises:
        ValueError: If no network's name starts so.

    Example:
        >>> print(ledger_table("NiN"))
        paper            place                network  quantity        layer  published   ours
        Lin et al. 2014  authors' model card  NiN      MiB in float32                29  28.97
        Lin et al. 2014  authors' model card  NiN      mlpconv blocks                 4      4
    """
    rows = LedgerTable(row for row in LEDGER if network is None or row.network.startswith(network))
    if not rows:
        names = ", ".join(dict.fromkeys(row.network for row in LEDGER))
        raise ValueError(f"The ledger has no network whose name starts with {network!r}. It has: {names}.")
    return rows
