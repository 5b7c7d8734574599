"""DenseNet: the course's version, the paper's for ImageNet, and its plain and BC forms for CIFAR."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from d2lcnn.layers.checks import check_images

# ---------------------------------------------------------------- the course's net, in d2l's names


def conv_block(input_channels: int, num_channels: int) -> nn.Sequential:
    """Build the course's layer of a dense block: batch norm, ReLU, 3×3 convolution. It is no bottleneck.

    Args:
        input_channels: Number of channels that come in.
        num_channels: Number of channels that go out.

    Source:
        Dive into Deep Learning, Chinese second edition, section 7.7.

    Differs from:
        Huang et al. (2017): the convolution has a bias.

    Example:
        >>> conv_block(3, 10)(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 10, 8, 8])
    """
    return nn.Sequential(
        nn.BatchNorm2d(input_channels), nn.ReLU(), nn.Conv2d(input_channels, num_channels, 3, padding=1)
    )


class DenseBlock(nn.Module):
    """The course's dense block: each layer sees the input and what all layers before it gave, x ← [x, H(x)].

    The paper's, with bottlenecks and recomputation, is `DenseStage`.

    Args:
        num_convs: Number of layers.
        input_channels: Number of channels that come in.
        num_channels: Number of channels that each layer adds, the growth rate.

    Shape:
        N×input_channels×H×W → N×(input_channels + num_convs·num_channels)×H×W.

    Source:
        Dive into Deep Learning, Chinese second edition, section 7.7.

    Example:
        >>> DenseBlock(2, 3, 10)(torch.zeros(4, 3, 8, 8)).shape
        torch.Size([4, 23, 8, 8])
    """

    def __init__(self, num_convs: int, input_channels: int, num_channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            *(conv_block(input_channels + i * num_channels, num_channels) for i in range(num_convs))
        )

    def forward(self, X: Tensor) -> Tensor:
        """Append each layer's output to its input."""
        for layer in self.net:
            X = torch.cat((X, layer(X)), dim=1)
        return X


def transition_block(input_channels: int, num_channels: int) -> nn.Sequential:
    """Build the course's transition: batch norm, ReLU, a 1×1 convolution to fewer channels, 2×2 average pooling.

    Args:
        input_channels: Number of channels that come in.
        num_channels: Number of channels that go out.

    Source:
        Dive into Deep Learning, Chinese second edition, section 7.7.

    Differs from:
        Huang et al. (2017): the convolution has a bias.

    Example:
        >>> transition_block(23, 10)(torch.zeros(4, 23, 8, 8)).shape
        torch.Size([4, 10, 4, 4])
    """
    return nn.Sequential(
        nn.BatchNorm2d(input_channels),
        nn.ReLU(),
        nn.Conv2d(input_channels, num_channels, 1),
        nn.AvgPool2d(2, stride=2),
    )


# The course's four dense blocks of four layers, and its growth rate.
COURSE_BLOCKS = (4, 4, 4, 4)
COURSE_GROWTH_RATE = 32


class CourseDenseNet(nn.Sequential):
    """The course's DenseNet: ResNet's stem, four dense blocks of four layers with transitions that halve between.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Shape:
        N×in_channels×H×W → N×num_classes, where H and W are at least 29; the course uses 96.

    Raises:
        ValueError: If the input is not a batch of such images with `in_channels` channels.

    Source:
        Layer for layer the network of Dive into Deep Learning, Chinese second edition, section 7.7.

    Example:
        >>> CourseDenseNet()(torch.zeros(2, 1, 96, 96)).shape
        torch.Size([2, 10])
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        channels = 64
        stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 7, stride=2, padding=3),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        layers: list[nn.Module] = [stem]
        for i, num_convs in enumerate(COURSE_BLOCKS):
            if i > 0:
                layers.append(transition_block(channels, channels // 2))
                channels //= 2
            layers.append(DenseBlock(num_convs, channels, COURSE_GROWTH_RATE))
            channels += num_convs * COURSE_GROWTH_RATE
        super().__init__(
            *layers,
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=29)
        logits: Tensor = super().forward(input)
        return logits


def course_densenet(in_channels: int = 1, num_classes: int = 10) -> CourseDenseNet:
    """Build the course's DenseNet, 758,226 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> sum(p.numel() for p in course_densenet().parameters())
        758226
    """
    return CourseDenseNet(in_channels, num_classes)


# ---------------------------------------------------------------- the paper's blocks

# Width of the 1×1 convolutions ("B"), in growth rates.
BOTTLENECK_WIDTH = 4


class DenseLayer(nn.Sequential):
    """The paper's layer H: norm, ReLU and 3×3 convolution; with a bottleneck a 1×1 convolution before these.

    Args:
        in_channels: Number of channels that come in.
        growth_rate: Number of channels that go out, the paper's k.
        bottleneck: Put norm, ReLU and a 1×1 convolution to 4k channels in front.
        dropout: Probability with which an output is dropped in training.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×growth_rate×H×W.

    Source:
        Huang et al. (2017), section 3: "Composite function" and "Bottleneck layers".

    Example:
        >>> list(dict(DenseLayer(64, 32).named_children()))
        ['norm1', 'act1', 'conv1', 'norm2', 'act2', 'conv2']
    """

    def __init__(
        self,
        in_channels: int,
        growth_rate: int,
        *,
        bottleneck: bool = True,
        dropout: float = 0.0,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["norm1"] = norm_layer(in_channels)
        layers["act1"] = activation_layer()
        if bottleneck:
            width = BOTTLENECK_WIDTH * growth_rate
            layers["conv1"] = nn.Conv2d(in_channels, width, 1, bias=False)
            if dropout > 0:
                # The paper drops after every convolution; torchvision only after the second.
                layers["drop1"] = nn.Dropout(dropout)
            layers["norm2"] = norm_layer(width)
            layers["act2"] = activation_layer()
            layers["conv2"] = nn.Conv2d(width, growth_rate, 3, padding=1, bias=False)
        else:
            layers["conv1"] = nn.Conv2d(in_channels, growth_rate, 3, padding=1, bias=False)
        if dropout > 0:
            layers["drop2"] = nn.Dropout(dropout)
        super().__init__(layers)


class CopiedBuffers:
    """Context in which a module works on copies of its buffers, so that a second pass moves no statistics.

    Args:
        module: The module; its own buffers are put back at the end, as they were.

    Example:
        >>> norm = nn.BatchNorm2d(3)
        >>> with CopiedBuffers(norm):
        ...     _ = norm(torch.ones(2, 3, 4, 4))
        >>> norm.running_mean
        tensor([0., 0., 0.])
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.own: list[tuple[nn.Module, str, Tensor]] = []

    def __enter__(self) -> None:
        for module in self.module.modules():
            self.own += [(module, name, buffer) for name, buffer in module.named_buffers(recurse=False)]
        for module, name, buffer in self.own:
            setattr(module, name, buffer.clone())

    def __exit__(self, *_: object) -> None:
        while self.own:
            module, name, buffer = self.own.pop()
            setattr(module, name, buffer)


class DenseStage(nn.Sequential):
    """The paper's dense block: layer i sees the input and all outputs before it, xᵢ = Hᵢ([x₀, x₁, …, xᵢ₋₁]).

    Args:
        num_layers: Number of layers.
        in_channels: Number of channels that come in.
        growth_rate: Number of channels that each layer adds.
        bottleneck: Build the layers with 1×1 convolutions in front.
        dropout: Probability with which an output is dropped in training.
        recompute: Keep only what each layer gives, and compute its inside anew in the backward pass: the memory
            kept grows with the number of layers, not with its square, at the price of a second forward pass.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×(in_channels + num_layers·growth_rate)×H×W.

    Source:
        Huang et al. (2017), equation 2; recomputation: Pleiss et al. (2017), "Memory-efficient implementation of
        DenseNets".

    Differs from:
        `DenseBlock`, d2l's, whose convolutions have biases and no bottleneck. With `recompute`
        running statistics still move only once in a step.

    Example:
        >>> DenseStage(6, 64, 32)(torch.zeros(1, 64, 8, 8)).shape
        torch.Size([1, 256, 8, 8])
    """

    def __init__(
        self,
        num_layers: int,
        in_channels: int,
        growth_rate: int,
        *,
        bottleneck: bool = True,
        dropout: float = 0.0,
        recompute: bool = False,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            layer = DenseLayer(
                in_channels + i * growth_rate,
                growth_rate,
                bottleneck=bottleneck,
                dropout=dropout,
                norm_layer=norm_layer,
                activation_layer=activation_layer,
            )
            self.add_module(f"denselayer{i + 1}", layer)
        self.recompute = recompute

    def forward(self, input: Tensor) -> Tensor:
        """Concatenate the input with every layer's output."""
        features = [input]
        for layer in self:
            if self.recompute and torch.is_grad_enabled():
                contexts = partial(_contexts, layer)
                new: Tensor = checkpoint(
                    _concatenate_and_run, layer, *features, use_reentrant=False, context_fn=contexts
                )
            else:
                new = _concatenate_and_run(layer, *features)
            features.append(new)
        return torch.cat(features, dim=1)


# The concatenation is part of what is recomputed: kept, the copies would fill the memory again.
def _concatenate_and_run(layer: nn.Module, *features: Tensor) -> Tensor:
    output: Tensor = layer(torch.cat(features, dim=1))
    return output


def _contexts(layer: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Give the contexts of the first and of the second run."""
    return nullcontext(), CopiedBuffers(layer)


class Transition(nn.Sequential):
    """The paper's transition: norm, activation, a 1×1 convolution to fewer channels, 2×2 average pooling.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out, θ·in_channels.
        dropout: Probability with which an output of the convolution is dropped in training.
        norm_layer: Makes the norm, called with the channels.
        activation_layer: Makes the activation.

    Shape:
        N×in_channels×H×W → N×out_channels×⌊H/2⌋×⌊W/2⌋.

    Source:
        Huang et al. (2017), section 3: "Pooling layers" and "Compression". The paper's text leaves the ReLU out;
        Table 1's caption and the authors' code have it.

    Example:
        >>> Transition(256, 128)(torch.zeros(1, 256, 8, 8)).shape
        torch.Size([1, 128, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dropout: float = 0.0,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["norm"] = norm_layer(in_channels)
        layers["act"] = activation_layer()
        layers["conv"] = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        if dropout > 0:
            layers["drop"] = nn.Dropout(dropout)
        layers["pool"] = nn.AvgPool2d(2, stride=2)
        super().__init__(layers)


# ---------------------------------------------------------------- the paper's networks

# Table 1 (with 161 as in the conference's paper and torchvision): growth rate, and the layers of each dense block.
IMAGENET = {
    121: (32, (6, 12, 24, 16)),
    161: (48, (6, 12, 36, 24)),
    169: (32, (6, 12, 32, 32)),
    201: (32, (6, 12, 48, 32)),
}
# Section 3, "Implementation details": channels of the first convolution for CIFAR, unless both B and C hold.
PLAIN_STEM_CHANNELS = 16


class DenseNet(nn.Sequential):
    """A stem, dense blocks with transitions between, global average pooling and one dense layer.

    Args:
        growth_rate: Number of channels that each layer adds, the paper's k.
        num_layers: Number of layers of each dense block.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        small_images: Begin with one 3×3 convolution, for CIFAR's 32×32 images, not with a 7×7 one and pooling.
        bottleneck: Build the layers with 1×1 convolutions in front, the paper's "B".
        compression: Share θ of the channels that a transition lets through, in (0, 1]; below 1 the paper's "C".
        dropout: Probability with which an output of each convolution but the first is dropped in training.
        recompute: Save memory in training by computing the layers' insides twice; see `DenseStage`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×num_classes. With four blocks H and W are at least 29; with `small_images` and
        three blocks, at least 4.

    Raises:
        ValueError: If the compression is not in (0, 1], or if the input has other channels or is too small.

    Source:
        Huang, Liu, van der Maaten and Weinberger (2017), Table 1, and section 3, "Implementation details".

    Differs from:
        torchvision: without changes its tensors, under its names in its order; with dropout the paper's, which
        torchvision has after 3×3 convolutions only; its recomputation moves the running statistics twice.

    Example:
        >>> net = DenseNet(12, (2, 2, 2), num_classes=10, small_images=True)
        >>> net(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        growth_rate: int,
        num_layers: tuple[int, ...],
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        small_images: bool = False,
        bottleneck: bool = True,
        compression: float = 0.5,
        dropout: float = 0.0,
        recompute: bool = False,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        if not 0 < compression <= 1:
            raise ValueError(
                f"The compression is the share of channels that is kept, in (0, 1], and got {compression}. "
                "The paper takes 0.5, and 1 for no compression."
            )
        # Twice the growth rate for ImageNet and for BC; the other forms for CIFAR start with 16.
        channels = 2 * growth_rate
        if small_images and not (bottleneck and compression < 1):
            channels = PLAIN_STEM_CHANNELS
        features: OrderedDict[str, nn.Module] = OrderedDict()
        if small_images:
            features["conv0"] = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        else:
            features["conv0"] = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
            features["norm0"] = norm_layer(channels)
            features["act0"] = activation_layer()
            features["pool0"] = nn.MaxPool2d(3, stride=2, padding=1)
        for i, number in enumerate(num_layers, start=1):
            if i > 1:
                kept = int(channels * compression)
                if kept < 1:
                    raise ValueError(
                        f"A transition must give at least 1 channel, and compression={compression} leaves none of "
                        f"{channels}. Take at least {math.ceil(1000 / channels) / 1000}."
                    )
                features[f"transition{i - 1}"] = Transition(
                    channels, kept, dropout=dropout, norm_layer=norm_layer, activation_layer=activation_layer
                )
                channels = kept
            features[f"denseblock{i}"] = DenseStage(
                number,
                channels,
                growth_rate,
                bottleneck=bottleneck,
                dropout=dropout,
                recompute=recompute,
                norm_layer=norm_layer,
                activation_layer=activation_layer,
            )
            channels += number * growth_rate
        features["norm5"] = norm_layer(channels)  # torchvision's name, whatever the number of blocks
        features["act5"] = activation_layer()
        super().__init__(
            OrderedDict(
                features=nn.Sequential(features),
                avgpool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
                classifier=nn.Linear(channels, num_classes),
            )
        )
        self.in_channels = in_channels
        # Each transition halves the maps, and the stem for large images quarters them, rounding up.
        maps = 2 ** (len(num_layers) - 1)
        self.min_size = maps if small_images else 4 * (maps - 1) + 1

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=self.min_size)
        logits: Tensor = super().forward(input)
        return logits


def densenet121(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.0,
    recompute: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> DenseNet:
    """Build DenseNet-121: growth rate 32, 6, 12, 24 and 16 layers, 7,978,856 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of each convolution but the first is dropped in training.
        recompute: Save memory in training by computing the layers' insides twice.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Source:
        Huang et al. (2017), Table 1.

    Example:
        >>> with torch.device("meta"):
        ...     net = densenet121()
        >>> sum(p.numel() for p in net.parameters())
        7978856
    """
    return DenseNet(
        *IMAGENET[121],
        in_channels,
        num_classes,
        dropout=dropout,
        recompute=recompute,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def densenet161(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.0,
    recompute: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> DenseNet:
    """Build DenseNet-161: growth rate 48, 6, 12, 36 and 24 layers, 28,681,000 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of each convolution but the first is dropped in training.
        recompute: Save memory in training by computing the layers' insides twice.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Source:
        Huang et al. (2017), Table 1.

    Example:
        >>> with torch.device("meta"):
        ...     net = densenet161()
        >>> sum(p.numel() for p in net.parameters())
        28681000
    """
    return DenseNet(
        *IMAGENET[161],
        in_channels,
        num_classes,
        dropout=dropout,
        recompute=recompute,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def densenet169(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.0,
    recompute: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> DenseNet:
    """Build DenseNet-169: growth rate 32, 6, 12, 32 and 32 layers, 14,149,480 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of each convolution but the first is dropped in training.
        recompute: Save memory in training by computing the layers' insides twice.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Source:
        Huang et al. (2017), Table 1.

    Example:
        >>> with torch.device("meta"):
        ...     net = densenet169()
        >>> sum(p.numel() for p in net.parameters())
        14149480
    """
    return DenseNet(
        *IMAGENET[169],
        in_channels,
        num_classes,
        dropout=dropout,
        recompute=recompute,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def densenet201(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    dropout: float = 0.0,
    recompute: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> DenseNet:
    """Build DenseNet-201: growth rate 32, 6, 12, 48 and 32 layers, 20,013,928 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        dropout: Probability with which an output of each convolution but the first is dropped in training.
        recompute: Save memory in training by computing the layers' insides twice.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Source:
        Huang et al. (2017), Table 1.

    Example:
        >>> with torch.device("meta"):
        ...     net = densenet201()
        >>> sum(p.numel() for p in net.parameters())
        20013928
    """
    return DenseNet(
        *IMAGENET[201],
        in_channels,
        num_classes,
        dropout=dropout,
        recompute=recompute,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def cifar_densenet(
    depth: int = 40,
    in_channels: int = 3,
    num_classes: int = 10,
    *,
    growth_rate: int = 12,
    bottleneck: bool = False,
    compression: float = 1.0,
    dropout: float = 0.0,
    recompute: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> DenseNet:
    """Build a DenseNet for 32×32 images: three equal dense blocks; DenseNet-BC with bottlenecks and compression 0.5.

    Args:
        depth: Number of layers, 3n + 4, or with bottlenecks 6n + 4, for blocks of n layers.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        growth_rate: Number of channels that each layer adds, the paper's k.
        bottleneck: Build the layers with 1×1 convolutions in front.
        compression: Share θ of the channels that a transition lets through, in (0, 1].
        dropout: Probability with which an output of each convolution but the first is dropped in training; the
            paper has 0.2 on data that is not augmented.
        recompute: Save memory in training by computing the layers' insides twice.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If the blocks cannot make up the depth, or if the compression is not in (0, 1].

    Source:
        Huang et al. (2017), section 3, "Implementation details", and Table 2.

    Example:
        >>> sum(p.numel() for p in cifar_densenet(40).parameters())
        1019722
        >>> net = cifar_densenet(100, bottleneck=True, compression=0.5)
        >>> sum(p.numel() for p in net.parameters())
        769162
    """
    layers_per_n = 6 if bottleneck else 3
    if depth <= 4 or (depth - 4) % layers_per_n:
        raise ValueError(
            f"The depth must be {layers_per_n}n + 4 for three blocks of n layers, and {depth} is not. "
            f"Take {max(depth - 4, layers_per_n) // layers_per_n * layers_per_n + 4}, for example."
        )
    return DenseNet(
        growth_rate,
        ((depth - 4) // layers_per_n,) * 3,
        in_channels,
        num_classes,
        small_images=True,
        bottleneck=bottleneck,
        compression=compression,
        dropout=dropout,
        recompute=recompute,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )
