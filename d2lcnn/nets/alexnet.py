"""AlexNet: the network of 2012 with LRN and its two-GPU grouping, torchvision's later one, and the course's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images


class AlexNetConv(NamedTuple):
    """What all variants' i-th convolution has in common.

    Attributes:
        kernel_size: Side of the square kernels.
        stride: Step of the kernels, in pixels.
        padding: Zeros on each side, in pixels.
        split: Each half of the channels lies on a GPU of its own in the paper, and sees only that GPU's maps.
        norm: The paper normalizes after the activation.
        pool: 3×3 maximum pooling with stride 2 follows.

    Example:
        >>> CONVS[0].kernel_size, CONVS[0].stride
        (11, 4)
    """

    kernel_size: int
    stride: int
    padding: int
    split: bool
    norm: bool
    pool: bool


class AlexNetVariant(NamedTuple):
    """What sets a variant apart.

    Attributes:
        out_channels: Kernels of each convolution.
        padding: Zeros on each side of the images, in pixels.
        image_size: Side of the images, or None if maps of any size are pooled to `map_size`.
        map_size: Side of the maps that the dense layers are built for.
        groups: Groups of the convolutions that the paper splits.
        dropout_first: Dropout stands in front of the first two dense layers, not behind them.

    Example:
        >>> VARIANTS["paper"].out_channels
        (96, 256, 384, 384, 256)
    """

    out_channels: tuple[int, ...]
    padding: int
    image_size: int | None
    map_size: int
    groups: int
    dropout_first: bool


# Sections 3.2 to 3.5 and figure 2.
CONVS = (
    AlexNetConv(11, stride=4, padding=0, split=False, norm=True, pool=True),
    AlexNetConv(5, stride=1, padding=2, split=True, norm=True, pool=True),
    AlexNetConv(3, stride=1, padding=1, split=False, norm=False, pool=False),
    AlexNetConv(3, stride=1, padding=1, split=True, norm=False, pool=False),
    AlexNetConv(3, stride=1, padding=1, split=True, norm=False, pool=True),
)
DENSE = (4096, 4096)
VARIANTS = {
    # Figure 2. It says 224 pixels; it is 227 of which the first layer makes the figure's 55.
    "paper": AlexNetVariant((96, 256, 384, 384, 256), 0, 227, 6, groups=2, dropout_first=False),
    # After Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks", whose text has
    # 384 channels in conv4; 256, and dropout in front of each dense layer, are torchvision's.
    "torchvision": AlexNetVariant((64, 192, 384, 256, 256), 2, None, 6, groups=1, dropout_first=True),
    # Dive into Deep Learning, Chinese second edition, section 7.1.
    "course": AlexNetVariant((96, 256, 384, 384, 256), 1, 224, 5, groups=1, dropout_first=False),
}


def paper_lrn(channels: int) -> nn.LocalResponseNorm:
    """Build the paper's local response normalization, b = a / (2 + 10⁻⁴ · Σa²)^0.75, over five channels.

    Args:
        channels: Number of channels; the norm has the same five-channel window for any.

    Source:
        Krizhevsky et al. (2012), section 3.3; `LocalResponseNorm` writes it out. torch divides its `alpha` by
        the five, so 5·10⁻⁴ stands here.

    Example:
        >>> paper_lrn(96)
        LocalResponseNorm(5, alpha=0.0005, beta=0.75, k=2.0)
    """
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


class AlexNet(nn.Sequential):
    """AlexNet: five convolutions, three of them pooled, and three dense layers, two of them with dropout.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision", "paper" or "course".
        groups: Groups of convolutions 2, 4 and 5, which the paper spreads over two GPUs; by default 2 in the
            paper's variant and 1 in the others. Convolution 3 and the dense layers see everything.
        dropout: Probability with which an output is dropped in training.
        norm_layer: Makes the norm after the activations of convolutions 1 and 2, called with the channels. By
            default local response normalization in the paper's variant and none in the others; `nn.Identity`
            leaves the paper's out.
        activation_layer: Makes the activation after each layer but the last.

    Shape:
        N×in_channels×H×W → N×num_classes, where H and W are 227 in the paper's variant, 224 in the course's,
        and at least 63 in torchvision's.

    Raises:
        ValueError: If the variant is unknown, if the groups do not divide the channels, or if the input has
            other channels or another size.

    Source:
        Krizhevsky, Sutskever and Hinton (2012), sections 3 and 4.2.

    Differs from:
        The paper: dropout scales in training, not in use (`Dropout` has both), and the weights start as torch's
        do. The default variant is torchvision's network, not the paper's.
        torchvision: its tensors in its order, but named layers and no in-place activations.

    Example:
        >>> import torch
        >>> net = AlexNet(1, 10, variant="course")
        >>> net(torch.zeros(1, 1, 224, 224)).shape
        torch.Size([1, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        variant: str = "torchvision",
        groups: int | None = None,
        dropout: float = 0.5,
        norm_layer: Callable[[int], nn.Module] | None = None,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"AlexNet has no variant {variant!r}. Choose one of {', '.join(VARIANTS)}.")
        form = VARIANTS[variant]
        groups = form.groups if groups is None else groups
        if groups < 1 or any(channels % groups for channels in form.out_channels):
            raise ValueError(
                f"The groups must divide the channels {form.out_channels} of the convolutions, and {groups} does "
                "not. The paper has groups=2, one for each GPU; groups=1 connects everything."
            )
        if norm_layer is None and variant == "paper":
            norm_layer = paper_lrn

        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for i, (conv, out_channels) in enumerate(zip(CONVS, form.out_channels, strict=True), start=1):
            layers[f"conv{i}"] = nn.Conv2d(
                channels,
                out_channels,
                conv.kernel_size,
                conv.stride,
                form.padding if i == 1 else conv.padding,
                groups=groups if conv.split else 1,
            )
            layers[f"conv{i}_act"] = activation_layer()
            if conv.norm and norm_layer is not None:
                layers[f"conv{i}_norm"] = norm_layer(out_channels)
            if conv.pool:
                layers[f"pool{i}"] = nn.MaxPool2d(3, stride=2)
            channels = out_channels
        if form.image_size is None:
            layers["avgpool"] = nn.AdaptiveAvgPool2d(form.map_size)
        layers["flatten"] = nn.Flatten()  # N×9216, in the course's variant N×6400
        features = channels * form.map_size**2
        for i, out_features in enumerate(DENSE, start=len(CONVS) + 1):
            if form.dropout_first:
                layers[f"dropout{i}"] = nn.Dropout(dropout)
            layers[f"dense{i}"] = nn.Linear(features, out_features)
            layers[f"dense{i}_act"] = activation_layer()
            if not form.dropout_first:
                layers[f"dropout{i}"] = nn.Dropout(dropout)
            features = out_features
        layers["output"] = nn.Linear(features, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels
        self.image_size = form.image_size

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, exact_size=self.image_size, min_size=63)
        logits: Tensor = super().forward(input)
        return logits


def alexnet(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    groups: int | None = None,
    dropout: float = 0.5,
    norm_layer: Callable[[int], nn.Module] | None = None,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> AlexNet:
    """Build AlexNet: torchvision's (61,100,840 parameters), or the paper's (60,965,224; without groups 62,378,344).

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision", "paper" or "course".
        groups: Groups of convolutions 2, 4 and 5; by default 2 in the paper's variant, else 1.
        dropout: Probability with which an output is dropped in training.
        norm_layer: Makes the norm after convolutions 1 and 2; by default LRN in the paper's variant, else none.
        activation_layer: Makes the activation after each layer but the last.

    Raises:
        ValueError: If the variant is unknown, or if the groups do not divide the channels.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = alexnet(variant="paper")
        >>> net.conv2
        Conv2d(96, 256, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2), groups=2)
    """
    return AlexNet(
        in_channels,
        num_classes,
        variant=variant,
        groups=groups,
        dropout=dropout,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def course_alexnet(in_channels: int = 1, num_classes: int = 10) -> AlexNet:
    """Build the course's AlexNet for 224×224 images: one tower, no LRN, 46,764,746 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Source:
        Layer for layer the network of Dive into Deep Learning, Chinese second edition, section 7.1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = course_alexnet()
        >>> sum(p.numel() for p in net.parameters())
        46764746
    """
    return AlexNet(in_channels, num_classes, variant="course")
