"""VGG: blocks of small convolutions; the paper's configurations A to E, and the course's network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images

# Table 1: for each of the five blocks the kernel sizes of its convolutions; pooling ends each block.
LRN = "LRN"
CONFIGURATIONS: dict[str, tuple[tuple[int | str, ...], ...]] = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "A-LRN": ((3, LRN), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
CHANNELS = (64, 128, 256, 512, 512)
DENSE = (4096, 4096)
MAP_SIZE = 7

# Configuration A with a quarter of the channels, as pairs (num_convs, out_channels).
COURSE_CONV_ARCH = ((1, 16), (1, 32), (2, 64), (2, 128), (2, 128))


def vgg_block(
    num_convs: int | Sequence[int | str],
    in_channels: int,
    out_channels: int,
    *,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Build a VGG block: convolutions that keep the size, each with its activation, then 2×2 maximum pooling.

    Args:
        num_convs: Number of 3×3 convolutions; or the list of odd kernel sizes, in which "LRN" stands for local
            response normalization.
        in_channels: Number of channels that come in.
        out_channels: Number of channels of every convolution.
        norm_layer: Makes a norm before each activation, called with the channels; None: no norm.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×out_channels×⌊H/2⌋×⌊W/2⌋.

    Raises:
        ValueError: If there is no convolution, or a kernel size is even.

    Source:
        Simonyan and Zisserman (2015), section 2.1. Its LRN has AlexNet's constants.

    Example:
        >>> [type(layer).__name__ for layer in vgg_block(2, 3, 64)]
        ['Conv2d', 'ReLU', 'Conv2d', 'ReLU', 'MaxPool2d']
    """
    row = (3,) * num_convs if isinstance(num_convs, int) else tuple(num_convs)
    kernels = [item for item in row if item != LRN]
    if not kernels or any(not isinstance(item, int) or item < 1 or item % 2 == 0 for item in kernels):
        raise ValueError(
            f"A VGG block has at least one convolution, with odd kernel sizes that keep the size; got {num_convs!r}. "
            'Give their number, such as 2, or the list of their kernel sizes, such as (3, 3, 1) or (3, "LRN").'
        )
    layers: list[nn.Module] = []
    for item in row:
        if isinstance(item, str):
            layers.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))  # torch divides alpha by 5
            continue
        layers.append(nn.Conv2d(in_channels, out_channels, kernel_size=item, padding=item // 2))
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        layers.append(activation_layer())
        in_channels = out_channels
    layers.append(nn.MaxPool2d(2, stride=2))
    return nn.Sequential(*layers)


class VGG(nn.Sequential):
    """VGG: five blocks that halve the size while the channels double, up to 512, then three dense layers.

    Args:
        conv_arch: The name of one of Table 1's configurations, "A" to "E" or "A-LRN"; or for each block the pair
            (num_convs, out_channels), as `vgg_block` takes them.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        adaptive: Average the last maps to 7×7, so that images of any size fit; without it they must have 7
            pixels for the last maps, doubled by every block: 224 for five blocks.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Shape:
        N×in_channels×H×W → N×num_classes, with H and W at least 32 for five blocks.

    Raises:
        ValueError: If there is no such configuration, or the input has other channels or a wrong size.

    Source:
        Simonyan and Zisserman (2015), Table 1 and section 2.1.

    Differs from:
        The paper, which has neither batch normalization nor the adaptive pooling; both are torchvision's.
        torchvision in the initial values: here they are torch's, there He's.

    Example:
        >>> import torch
        >>> net = VGG([(1, 4), (2, 8)], in_channels=1, num_classes=10)
        >>> net(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        conv_arch: str | Sequence[tuple[int | Sequence[int | str], int]],
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        adaptive: bool = True,
        dropout: float = 0.5,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        if isinstance(conv_arch, str):
            if conv_arch not in CONFIGURATIONS:
                raise ValueError(
                    f"VGG has no configuration {conv_arch!r}. Choose one of {', '.join(CONFIGURATIONS)}, or give the "
                    "blocks as pairs (num_convs, out_channels)."
                )
            conv_arch = tuple(zip(CONFIGURATIONS[conv_arch], CHANNELS, strict=True))
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for i, (num_convs, out_channels) in enumerate(conv_arch, start=1):
            layers[f"block{i}"] = vgg_block(
                num_convs, channels, out_channels, norm_layer=norm_layer, activation_layer=activation_layer
            )
            channels = out_channels
        if adaptive:
            layers["avgpool"] = nn.AdaptiveAvgPool2d(MAP_SIZE)
        layers["flatten"] = nn.Flatten()  # N×512·7·7
        features = channels * MAP_SIZE**2
        for i, out_features in enumerate(DENSE, start=1):
            layers[f"dense{i}"] = nn.Linear(features, out_features)
            layers[f"dense{i}_act"] = activation_layer()
            layers[f"dropout{i}"] = nn.Dropout(dropout)
            features = out_features
        layers["output"] = nn.Linear(features, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels
        self.min_size = 2 ** len(conv_arch)
        self.exact_size = None if adaptive else MAP_SIZE * self.min_size

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, exact_size=self.exact_size, min_size=self.min_size)
        logits: Tensor = super().forward(input)
        return logits


def vgg(
    conv_arch: Sequence[tuple[int | Sequence[int | str], int]], in_channels: int = 1, num_classes: int = 10
) -> VGG:
    """Build a VGG network of any blocks, for images of 224×224 pixels if there are five.

    Args:
        conv_arch: For each block the pair (num_convs, out_channels).
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Raises:
        ValueError: If a block has no convolution.

    Source:
        Layer for layer the function of Dive into Deep Learning, Chinese second edition, section 7.2.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg(((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)))
        >>> sum(p.numel() for p in net.parameters())
        128806154
    """
    return VGG(conv_arch, in_channels, num_classes, adaptive=False)


def course_vgg11(in_channels: int = 1, num_classes: int = 10) -> VGG:
    """Build the course's VGG-11, with a quarter of the paper's channels: 43,093,322 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = course_vgg11()
        >>> net.block1[0]
        Conv2d(1, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """
    return vgg(COURSE_CONV_ARCH, in_channels, num_classes)


def vgg11(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-11, configuration A.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg11()
        >>> sum(p.numel() for p in net.parameters())
        132863336
    """
    return VGG(
        "A",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg11_bn(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-11, configuration A, with batch normalization.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes the norm before each convolution's activation, called with the channels.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg11_bn()
        >>> sum(p.numel() for p in net.parameters())
        132868840
    """
    return VGG(
        "A",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg11_lrn(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-11 with local response normalization after the first convolution, configuration A-LRN.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg11_lrn()
        >>> sum(p.numel() for p in net.parameters())
        132863336
    """
    return VGG(
        "A-LRN",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg13(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-13, configuration B.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg13()
        >>> sum(p.numel() for p in net.parameters())
        133047848
    """
    return VGG(
        "B",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg13_bn(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-13, configuration B, with batch normalization.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes the norm before each convolution's activation, called with the channels.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg13_bn()
        >>> sum(p.numel() for p in net.parameters())
        133053736
    """
    return VGG(
        "B",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg16(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-16, configuration D.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg16()
        >>> sum(p.numel() for p in net.parameters())
        138357544
    """
    return VGG(
        "D",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg16_bn(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-16, configuration D, with batch normalization.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes the norm before each convolution's activation, called with the channels.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg16_bn()
        >>> sum(p.numel() for p in net.parameters())
        138365992
    """
    return VGG(
        "D",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg16_c(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-16 with 1×1 convolutions at the end of blocks three to five, configuration C.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg16_c()
        >>> sum(p.numel() for p in net.parameters())
        133638952
    """
    return VGG(
        "C",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg19(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-19, configuration E.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes a norm before each convolution's activation, called with the channels; None: no norm.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg19()
        >>> sum(p.numel() for p in net.parameters())
        143667240
    """
    return VGG(
        "E",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def vgg19_bn(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> VGG:
    """Build VGG-19, configuration E, with batch normalization.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of the first two dense layers is dropped in training.
        norm_layer: Makes the norm before each convolution's activation, called with the channels.
        activation_layer: Makes the activation after each layer but the last.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = vgg19_bn()
        >>> sum(p.numel() for p in net.parameters())
        143678248
    """
    return VGG(
        "E",
        in_channels,
        num_classes,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )
