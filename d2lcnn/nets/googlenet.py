"""GoogLeNet: Inception blocks; torchvision's network, the paper's, the course's; and one factorized block."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_images
from d2lcnn.nets.alexnet import paper_lrn

# Table 1, the stem: convolution 7×7, 3×3 reduce, 3×3.
STEM_CHANNELS = (64, 64, 192)
# Table 1, columns #1×1, (#3×3 reduce, #3×3), (#5×5 reduce, #5×5), pool proj: the channels of the four paths.
INCEPTIONS = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
POOL_BEFORE = ("4a", "5a")
# Figure 3: the auxiliary heads look at the outputs of these two.
HEADS_AFTER = ("4a", "4d")


class GoogLeNetVariant(NamedTuple):
    """What sets a form of the network apart.

    Attributes:
        kernel_size: Side of the kernels of the third path.
        norm_layer: Makes the norm after each convolution; None: no norm, and biases instead.
        lrn: Local response normalization stands around the stem's second and third convolution.
        last_pool: Side of the windows of the last maximum pooling.
        head_pool: Makes the pooling of the auxiliary heads, to maps of 4×4.
        head_size: Side of the images that the heads' dense layers are built for, the paper's, or None if any.
        dropout: Probability with which an input of the last layer is dropped in training.
        min_size: The least side of the images, in pixels.

    Example:
        >>> VARIANTS["paper"].kernel_size, VARIANTS["torchvision"].kernel_size
        (5, 3)
    """

    kernel_size: int
    norm_layer: Callable[[int], nn.Module] | None
    lrn: bool
    last_pool: int
    head_pool: Callable[[], nn.Module]
    head_size: int | None
    dropout: float
    min_size: int


# The epsilon of TensorFlow's models, which torchvision's GoogLeNet and Inception v3 keep.
batch_norm = partial(nn.BatchNorm2d, eps=1e-3)

VARIANTS = {
    # Table 1, figure 3 and section 5. The paper gives no constants for LRN: these are AlexNet's.
    "paper": GoogLeNetVariant(5, None, True, 3, partial(nn.AvgPool2d, 5, stride=3), 224, 0.4, 31),
    # A later port from TensorFlow: batch normalization, and 3×3 kernels where the paper has 5×5 (its issue 906).
    "torchvision": GoogLeNetVariant(3, batch_norm, False, 2, partial(nn.AdaptiveAvgPool2d, 4), None, 0.2, 15),
}


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int | tuple[int, int],
    *,
    stride: int = 1,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Build a convolution that keeps the size at stride 1, its norm (which then replaces the bias), its activation.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        kernel_size: Side of the kernels, or (height, width); odd.
        stride: Step of the kernels, in pixels.
        norm_layer: Makes the norm, called with the channels; None: a bias instead.
        activation_layer: Makes the activation.

    Shape:
        N×in_channels×H×W → N×out_channels×⌈H/stride⌉×⌈W/stride⌉.

    Example:
        >>> [type(layer).__name__ for layer in conv_norm_act(3, 8, 3, norm_layer=nn.BatchNorm2d)]
        ['Conv2d', 'BatchNorm2d', 'ReLU']
    """
    height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    padding = (height // 2, width // 2)
    conv = nn.Conv2d(
        in_channels, out_channels, (height, width), stride=stride, padding=padding, bias=norm_layer is None
    )
    norm = [] if norm_layer is None else [norm_layer(out_channels)]
    return nn.Sequential(conv, *norm, activation_layer())


def _check_pairs(c2: tuple[int, int], c3: tuple[int, int]) -> None:
    """Refuse path widths that are not pairs."""
    for name, pair in (("c2", c2), ("c3", c3)):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ValueError(
                f"{name} holds the channels of two convolutions, as a pair (reduced, out); got {pair!r}. "
                "Write for example (96, 128)."
            )


class Inception(nn.Module):
    """The Inception block: four paths side by side whose outputs are concatenated along the channels.

    The paths are 1×1; 1×1 then 3×3; 1×1 then 5×5; 3×3 maximum pooling then 1×1. The first 1×1 of the second and the
    third reduces the channels before the costly kernels.

    Args:
        in_channels: Number of channels that come in.
        c1: Channels of the first path.
        c2: Channels of the second path, as a pair (reduced, out).
        c3: Channels of the third path, as a pair (reduced, out).
        c4: Channels of the fourth path.
        kernel_size: Side of the third path's kernels.
        norm_layer: Makes the norm after each convolution, called with the channels; None: a bias instead.
        activation_layer: Makes the activation after each convolution.

    Shape:
        N×in_channels×H×W → N×(c1 + c2[1] + c3[1] + c4)×H×W.

    Raises:
        ValueError: If c2 or c3 is not a pair.

    Source:
        Szegedy et al. (2015), section 4 and figure 2(b).

    Differs from:
        torchvision, which has batch normalization and 3×3 kernels on the third path: `kernel_size=3`.

    Example:
        >>> Inception(192, 64, (96, 128), (16, 32), 32)(torch.zeros(1, 192, 28, 28)).shape
        torch.Size([1, 256, 28, 28])
    """

    def __init__(
        self,
        in_channels: int,
        c1: int,
        c2: tuple[int, int],
        c3: tuple[int, int],
        c4: int,
        *,
        kernel_size: int = 5,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        _check_pairs(c2, c3)
        conv = partial(conv_norm_act, norm_layer=norm_layer, activation_layer=activation_layer)
        self.path1 = conv(in_channels, c1, 1)
        self.path2 = nn.Sequential(conv(in_channels, c2[0], 1), conv(c2[0], c2[1], 3))
        self.path3 = nn.Sequential(conv(in_channels, c3[0], 1), conv(c3[0], c3[1], kernel_size))
        self.path4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(in_channels, c4, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Take the four paths and concatenate."""
        return torch.cat([self.path1(x), self.path2(x), self.path3(x), self.path4(x)], dim=1)


class FactorizedInception(nn.Module):
    """The later Inception block without large kernels: n×n as 1×n and n×1, 5×5 as two 3×3.

    The paths are 1×1; 1×1 then n×n; 1×1 then n×n twice; 3×3 average pooling then 1×1. Two 3×3 kernels see what one
    5×5 sees, for 18/25 of its weights; 1×n and n×1 after it see what n×n sees, for 2/n.

    Args:
        in_channels: Number of channels that come in.
        c1: Channels of the first path.
        c2: Channels of the second path, as a pair (reduced, out); the path widens in its last convolution.
        c3: Channels of the third path, as a pair (reduced, out), likewise.
        c4: Channels of the fourth path.
        kernel_size: Side n of the kernels, odd.
        asymmetric: Split each n×n into 1×n and n×1.
        norm_layer: Makes the norm after each convolution, called with the channels; None: a bias instead.
        activation_layer: Makes the activation after each convolution.

    Shape:
        N×in_channels×H×W → N×(c1 + c2[1] + c3[1] + c4)×H×W.

    Raises:
        ValueError: If c2 or c3 is not a pair, or n is even.

    Source:
        Szegedy et al. (2016), sections 3.1 and 3.2: figure 5 as it stands, figure 6 with `kernel_size=7` and
        `asymmetric=True`.

    Differs from:
        torchvision's InceptionC, whose third path takes n×1 first.

    Example:
        >>> block = FactorizedInception(768, 192, (128, 192), (128, 192), 192, kernel_size=7, asymmetric=True)
        >>> [conv[0].kernel_size for conv in block.path2]
        [(1, 1), (1, 7), (7, 1)]
    """

    def __init__(
        self,
        in_channels: int,
        c1: int,
        c2: tuple[int, int],
        c3: tuple[int, int],
        c4: int,
        *,
        kernel_size: int = 3,
        asymmetric: bool = False,
        norm_layer: Callable[[int], nn.Module] | None = batch_norm,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        _check_pairs(c2, c3)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd to keep the size; got {kernel_size}. Take 3, or 7.")
        conv = partial(conv_norm_act, norm_layer=norm_layer, activation_layer=activation_layer)
        n = kernel_size
        square = [(1, n), (n, 1)] if asymmetric else [(n, n)]

        def path(reduced: int, out_channels: int, kernels: list[tuple[int, int]]) -> nn.Sequential:
            inner = [conv(reduced, reduced, kernel) for kernel in kernels[:-1]]
            return nn.Sequential(
                conv(in_channels, reduced, 1), *inner, conv(reduced, out_channels, kernels[-1])
            )

        self.path1 = conv(in_channels, c1, 1)
        self.path2 = path(*c2, square)
        self.path3 = path(*c3, square * 2)
        self.path4 = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(in_channels, c4, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Take the four paths and concatenate."""
        return torch.cat([self.path1(x), self.path2(x), self.path3(x), self.path4(x)], dim=1)


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet gives in training with auxiliary heads; the paper adds their losses, times 0.3, to the main one.

    Attributes:
        logits: Logits of the network.
        aux_logits2: Logits of the head after block 4d.
        aux_logits1: Logits of the head after block 4a.

    Example:
        >>> GoogLeNetOutputs._fields
        ('logits', 'aux_logits2', 'aux_logits1')
    """

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class GoogLeNet(nn.Module):
    """GoogLeNet: a stem of three convolutions, nine Inception blocks, global average pooling and one dense layer.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" or "paper".
        aux_logits: Add the two auxiliary heads, which are used in training only.
        dropout: Probability with which an input of the last layer is dropped in training; by default 0.4 in the
            paper's variant and 0.2 in torchvision's.
        dropout_aux: Likewise for the auxiliary heads.
        norm_layer: Makes the norm after each convolution, called with the channels; by default batch normalization in
            torchvision's variant, and in the paper's none but the stem's local response normalization, which a
            given norm replaces.
        activation_layer: Makes the activation after each layer but the last.

    Shape:
        N×in_channels×H×W → N×num_classes; in training with auxiliary heads a `GoogLeNetOutputs` of three such.
        H and W are at least 15, in the paper's variant 31, and there with auxiliary heads 224.

    Raises:
        ValueError: If the variant is unknown, or the input has other channels or a wrong size.

    Source:
        Szegedy et al. (2015), Table 1, figure 3 and section 5.

    Differs from:
        The paper, unless variant="paper": batch normalization, 3×3 kernels for the paper's 5×5, no LRN, a last
        dropout of 0.2. In both, pooling rounds sizes up, which at 224 pixels is figure 3's "S"; on maps with an
        odd side the paper's padding would give one pixel more.
        torchvision: its tensors, in its order, but the heads must be asked for (there a network without pretrained
        weights has them), the initial values are torch's, and there is no `transform_input`.

    Example:
        >>> net = GoogLeNet(num_classes=10)
        >>> net.eval()(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        variant: str = "torchvision",
        aux_logits: bool = False,
        dropout: float | None = None,
        dropout_aux: float = 0.7,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"GoogLeNet has no variant {variant!r}. Choose one of {', '.join(VARIANTS)}.")
        form = VARIANTS[variant]
        lrn = form.lrn and norm_layer is None
        norm_layer = form.norm_layer if norm_layer is None else norm_layer
        conv = partial(conv_norm_act, norm_layer=norm_layer, activation_layer=activation_layer)
        pool = partial(nn.MaxPool2d, stride=2, ceil_mode=True)

        first, second, third = STEM_CHANNELS  # shapes for images of 224×224
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = conv(in_channels, first, 7, stride=2)  # N×64×112×112
        layers["pool1"] = pool(3)  # N×64×56×56
        if lrn:
            layers["lrn1"] = paper_lrn(first)
        layers["conv2"] = conv(first, second, 1)
        layers["conv3"] = conv(second, third, 3)  # N×192×56×56
        if lrn:
            layers["lrn2"] = paper_lrn(third)
        layers["pool2"] = pool(3)  # N×192×28×28
        channels, head_channels = third, []
        for name, (c1, c2, c3, c4) in INCEPTIONS.items():
            if name in POOL_BEFORE:  # N×480×14×14 and N×832×7×7
                last = name == POOL_BEFORE[-1]
                layers[f"pool_before_{name}"] = pool(form.last_pool if last else 3)
            layers[f"inception{name}"] = Inception(
                channels,
                c1,
                c2,
                c3,
                c4,
                kernel_size=form.kernel_size,
                norm_layer=norm_layer,
                activation_layer=activation_layer,
            )
            channels = c1 + c2[1] + c3[1] + c4
            if name in HEADS_AFTER:
                head_channels.append(channels)
        self.features = nn.Sequential(layers)  # N×1024×7×7

        def head(channels: int) -> nn.Sequential:
            return nn.Sequential(
                form.head_pool(),  # N×channels×4×4
                conv(channels, 128, 1),
                nn.Flatten(),
                nn.Linear(128 * 4 * 4, 1024),
                activation_layer(),
                nn.Dropout(dropout_aux),
                nn.Linear(1024, num_classes),
            )

        self.aux1, self.aux2 = (head(n) if aux_logits else None for n in head_channels)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(form.dropout if dropout is None else dropout)
        self.output = nn.Linear(channels, num_classes)
        self.in_channels = in_channels
        self.min_size = form.min_size
        self.exact_size = form.head_size if aux_logits else None

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Map images to logits, in training with auxiliary heads to three of them."""
        check_images(x, self.in_channels, exact_size=self.exact_size, min_size=self.min_size)
        heads = dict(zip(HEADS_AFTER, (self.aux1, self.aux2), strict=True))
        aux_logits: list[Tensor] = []
        for name, layer in self.features.named_children():
            x = layer(x)
            head = heads.get(name.removeprefix("inception"))
            if self.training and head is not None:
                aux_logits.append(head(x))
        logits: Tensor = self.output(self.dropout(self.avgpool(x).flatten(1)))
        if not aux_logits:
            return logits
        aux_logits1, aux_logits2 = aux_logits
        return GoogLeNetOutputs(logits, aux_logits2, aux_logits1)


def googlenet(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    aux_logits: bool = False,
    dropout: float | None = None,
    dropout_aux: float = 0.7,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> GoogLeNet:
    """Build GoogLeNet: torchvision's (6,624,904 parameters, with heads 13,004,888) or the paper's (6,998,552).

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" or "paper".
        aux_logits: Add the two auxiliary heads, which are used in training only.
        dropout: Probability of dropping in front of the last layer; by default the variant's.
        dropout_aux: Likewise in the auxiliary heads.
        norm_layer: Makes the norm after each convolution, called with the channels; by default the variant's.
        activation_layer: Makes the activation after each layer but the last.

    Raises:
        ValueError: If the variant is unknown.

    Example:
        >>> sum(p.numel() for p in googlenet(variant="paper").parameters())
        6998552
    """
    return GoogLeNet(
        in_channels,
        num_classes,
        variant=variant,
        aux_logits=aux_logits,
        dropout=dropout,
        dropout_aux=dropout_aux,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


class CourseGoogLeNet(nn.Sequential):
    """The course's GoogLeNet: the paper's blocks in five stages and a dense layer, no norm and no dropout.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        norm_layer: Makes the norm after each convolution, called with the channels; None: a bias instead.
        activation_layer: Makes the activation after each convolution.

    Shape:
        N×in_channels×H×W → N×num_classes, for any H and W.

    Raises:
        ValueError: If the input has other channels.

    Source:
        Layer for layer the network of Dive into Deep Learning, Chinese second edition, section 7.4.

    Example:
        >>> net = CourseGoogLeNet()
        >>> net(torch.zeros(1, 1, 96, 96)).shape
        torch.Size([1, 10])
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        *,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        conv = partial(conv_norm_act, norm_layer=norm_layer, activation_layer=activation_layer)
        inception = partial(Inception, norm_layer=norm_layer, activation_layer=activation_layer)
        pool = partial(nn.MaxPool2d, 3, stride=2, padding=1)
        first, second, third = STEM_CHANNELS
        stages: OrderedDict[str, nn.Sequential] = OrderedDict()
        stages["stage1"] = nn.Sequential(*conv(in_channels, first, 7, stride=2), pool())
        stages["stage2"] = nn.Sequential(*conv(first, second, 1), *conv(second, third, 3), pool())
        channels = third
        for stage in ("3", "4", "5"):
            blocks = []
            for name, (c1, c2, c3, c4) in INCEPTIONS.items():
                if name.startswith(stage):
                    blocks.append(inception(channels, c1, c2, c3, c4))
                    channels = c1 + c2[1] + c3[1] + c4
            end = [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()] if stage == "5" else [pool()]
            stages[f"stage{stage}"] = nn.Sequential(*blocks, *end)
        super().__init__(OrderedDict(stages, output=nn.Linear(channels, num_classes)))
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels)
        logits: Tensor = super().forward(input)
        return logits


def course_googlenet(in_channels: int = 1, num_classes: int = 10) -> CourseGoogLeNet:
    """Build the course's GoogLeNet, 5,977,530 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> sum(p.numel() for p in course_googlenet().parameters())
        5977530
    """
    return CourseGoogLeNet(in_channels, num_classes)
