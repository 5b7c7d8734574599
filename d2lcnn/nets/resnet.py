"""ResNet: the course's version, the papers' for ImageNet and CIFAR, with pre-activation, and the plain twins."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images

# ---------------------------------------------------------------- the course's net, in d2l's names


class Residual(nn.Module):
    """The course's residual block, ReLU(g(x) + x) with g two 3×3 convolutions, each with batch norm.

    Args:
        input_channels: Number of channels that come in.
        num_channels: Number of channels that go out.
        use_1x1conv: Map the shortcut by a 1×1 convolution; needed where channels or size change.
        strides: Stride of the first convolution and of the shortcut's.

    Shape:
        N×input_channels×H×W → N×num_channels×⌈H/strides⌉×⌈W/strides⌉.

    Raises:
        ValueError: If g(x) and x differ in shape, and there is no 1×1 convolution to make up for it.

    Source:
        Dive into Deep Learning, Chinese second edition, section 7.6.

    Differs from:
        He et al. (2016a): the convolutions have biases, which the batch norm behind them takes out again, and
        the shortcut has no batch norm. `BasicBlock` is the paper's.

    Example:
        >>> import torch
        >>> Residual(3, 6, use_1x1conv=True, strides=2)(torch.zeros(4, 3, 6, 6)).shape
        torch.Size([4, 6, 3, 3])
    """

    def __init__(
        self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1
    ) -> None:
        super().__init__()
        if not use_1x1conv and (input_channels != num_channels or strides != 1):
            raise ValueError(
                "The shortcut is added to the block's output, so both need the same shape, and here they have "
                f"input_channels={input_channels}, num_channels={num_channels} and strides={strides}. "
                "Pass use_1x1conv=True."
            )
        # The biases, and a conv3 without a norm, are d2l's and not the paper's.
        self.conv1 = nn.Conv2d(input_channels, num_channels, 3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(num_channels, num_channels, 3, padding=1)
        self.conv3 = nn.Conv2d(input_channels, num_channels, 1, stride=strides) if use_1x1conv else None
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)

    def forward(self, X: Tensor) -> Tensor:
        """Add the shortcut to the two convolutions."""
        Y = nn.functional.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3 is not None:
            X = self.conv3(X)
        return nn.functional.relu(Y + X)


def resnet_block(
    input_channels: int, num_channels: int, num_residuals: int, first_block: bool = False
) -> list[nn.Module]:
    """List the residual blocks of one stage; the first halves the size, unless the stage is the network's first.

    Args:
        input_channels: Number of channels that come in.
        num_channels: Number of channels of every block's output.
        num_residuals: Number of blocks.
        first_block: Keep the size: the stem has reduced it enough.

    Raises:
        ValueError: If a stage that keeps the size is to change the number of channels.

    Source:
        Dive into Deep Learning, Chinese second edition, section 7.6.

    Example:
        >>> import torch
        >>> nn.Sequential(*resnet_block(64, 128, 2))(torch.zeros(1, 64, 8, 8)).shape
        torch.Size([1, 128, 4, 4])
    """
    if first_block and input_channels != num_channels:
        raise ValueError(
            "The network's first stage keeps its channels, and got "
            f"input_channels={input_channels} and num_channels={num_channels}. Make them equal, or leave "
            "first_block=False."
        )
    blocks: list[nn.Module] = []
    for i in range(num_residuals):
        if i == 0 and not first_block:
            blocks.append(Residual(input_channels, num_channels, use_1x1conv=True, strides=2))
        else:
            blocks.append(Residual(num_channels, num_channels))
    return blocks


class CourseResNet18(nn.Sequential):
    """ResNet-18 of `Residual` blocks: a 7×7 convolution, four stages of two blocks, and one dense layer.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Shape:
        N×in_channels×H×W → N×num_classes; the course uses 96×96.

    Raises:
        ValueError: If the input is not a batch of images with `in_channels` channels.

    Source:
        Layer for layer the network of Dive into Deep Learning, Chinese second edition, section 7.6.

    Differs from:
        He et al. (2016a): see `Residual`. `resnet18` is the paper's.

    Example:
        >>> import torch
        >>> CourseResNet18()(torch.zeros(2, 1, 96, 96)).shape
        torch.Size([2, 10])
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__(
            nn.Sequential(
                nn.Conv2d(in_channels, 64, 7, stride=2, padding=3),
                nn.BatchNorm2d(64),
                nn.ReLU(),
                nn.MaxPool2d(3, stride=2, padding=1),
            ),  # N×64×H/4×W/4
            nn.Sequential(*resnet_block(64, 64, 2, first_block=True)),
            nn.Sequential(*resnet_block(64, 128, 2)),
            nn.Sequential(*resnet_block(128, 256, 2)),
            nn.Sequential(*resnet_block(256, 512, 2)),  # N×512×H/32×W/32
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(512, num_classes),
        )
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def course_resnet18(in_channels: int = 1, num_classes: int = 10) -> CourseResNet18:
    """Build the course's ResNet-18, 11,178,378 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> sum(p.numel() for p in course_resnet18().parameters())
        11178378
    """
    return CourseResNet18(in_channels, num_classes)


# ---------------------------------------------------------------- the papers' blocks


class ZeroPadShortcut(nn.Module):
    """Shortcut without parameters: every stride-th pixel, and zeros for the channels that are new.

    Args:
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out, at least as many.
        stride: Distance between the pixels that are kept.

    Shape:
        N×in_channels×H×W → N×out_channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If channels would have to be left out.

    Source:
        He et al. (2016a), section 3.3, option A.

    Example:
        >>> import torch
        >>> ZeroPadShortcut(1, 2, stride=2)(torch.ones(1, 1, 4, 4)).sum(dim=(2, 3))
        tensor([[4., 0.]])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(
                f"Zeros can only be added, and {in_channels} channels are to become {out_channels}. "
                "Take shortcut='B', which projects."
            )
        self.new_channels, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Thin out and pad."""
        kept = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(kept, (0, 0, 0, 0, 0, self.new_channels))


def make_shortcut(
    option: str | None,
    in_channels: int,
    out_channels: int,
    stride: int,
    norm_layer: Callable[[int], nn.Module] | None,
) -> nn.Module | None:
    """Build what a block adds to its output: the input itself, or something of the output's shape made from it.

    Args:
        option: "A" pads with zeros where the shape changes, "B" projects there by a 1×1 convolution, "C"
            projects everywhere; None leaves the shortcut out.
        in_channels: Number of channels that come in.
        out_channels: Number of channels that go out.
        stride: Stride of the block.
        norm_layer: Makes the norm after a projection, called with the channels; None leaves it out.

    Raises:
        ValueError: If there is no such option.

    Source:
        He et al. (2016a), section 3.3 and Table 3.

    Example:
        >>> make_shortcut("B", 64, 64, 1, nn.BatchNorm2d)
        Identity()
    """
    if option not in ("A", "B", "C", None):
        raise ValueError(
            f"There is no shortcut {option!r}. Choose 'A', 'B', 'C', or None for a plain network."
        )
    if option is None:
        return None
    if option != "C" and stride == 1 and in_channels == out_channels:
        return nn.Identity()
    if option == "A":
        return ZeroPadShortcut(in_channels, out_channels, stride)
    projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False))
    if norm_layer is not None:
        projection.append(norm_layer(out_channels))
    return projection


class BasicBlock(nn.Module):
    """The residual block of ResNet-18 and 34, ReLU(F(x) + x) with F two 3×3 convolutions, each with a norm.

    Args:
        in_channels: Number of channels that come in.
        channels: Number of channels of the convolutions, and of the output.
        stride: Stride of the first convolution and of the shortcut.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If there is no such shortcut.

    Source:
        He et al. (2016a), figure 5 left.

    Example:
        >>> import torch
        >>> BasicBlock(64, 128, stride=2)(torch.zeros(1, 64, 8, 8)).shape
        torch.Size([1, 128, 4, 4])
    """

    expansion = 1
    # The layer that ends F: all zeros there make a fresh block the identity.
    last = "bn2"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str | None = "B",
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = norm_layer(channels)
        self.act1 = activation_layer()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = norm_layer(channels)
        self.downsample = make_shortcut(shortcut, in_channels, channels, stride, norm_layer)
        self.act2 = activation_layer()

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the two convolutions."""
        y: Tensor = self.act1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            y = y + self.downsample(x)
        out: Tensor = self.act2(y)
        return out


class Bottleneck(nn.Module):
    """The residual block of ResNet-50 and deeper: 1×1 to few channels, 3×3 there, 1×1 to four times as many.

    Args:
        in_channels: Number of channels that come in.
        channels: Number of channels of the 3×3 convolution; the output has four times as many.
        stride: Stride of the 3×3 convolution and of the shortcut.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×4·channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If there is no such shortcut.

    Source:
        He et al. (2016a), figure 5 right.

    Differs from:
        The authors' published model, where the first 1×1 convolution has the stride and so throws away three
        pixels of four unseen: `PaperBottleneck`. This one, as in torchvision, is called version 1.5.

    Example:
        >>> import torch
        >>> Bottleneck(256, 128, stride=2)(torch.zeros(1, 256, 8, 8)).shape
        torch.Size([1, 512, 4, 4])
    """

    expansion = 4
    last = "bn3"
    stride_first = False

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str | None = "B",
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        out_channels = self.expansion * channels
        strides = (stride, 1) if self.stride_first else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, strides[0], bias=False)
        self.bn1 = norm_layer(channels)
        self.act1 = activation_layer()
        self.conv2 = nn.Conv2d(channels, channels, 3, strides[1], padding=1, bias=False)
        self.bn2 = norm_layer(channels)
        self.act2 = activation_layer()
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = norm_layer(out_channels)
        self.downsample = make_shortcut(shortcut, in_channels, out_channels, stride, norm_layer)
        self.act3 = activation_layer()

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the three convolutions."""
        y: Tensor = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            y = y + self.downsample(x)
        out: Tensor = self.act3(y)
        return out


class PaperBottleneck(Bottleneck):
    """The bottleneck as first published, "version 1": the stride is on the first 1×1 convolution.

    Args:
        in_channels: Number of channels that come in.
        channels: Number of channels of the 3×3 convolution; the output has four times as many.
        stride: Stride of the first 1×1 convolution and of the shortcut.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×4·channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If there is no such shortcut.

    Source:
        The authors' published model; Table 1 of He et al. (2016a) says which blocks have a stride, not where in them.

    Example:
        >>> block = PaperBottleneck(256, 128, stride=2)
        >>> block.conv1.stride, block.conv2.stride
        ((2, 2), (1, 1))
    """

    stride_first = True


class PreActBlock(nn.Module):
    """Basic block with norm and activation in front of each convolution: x + F(x), with nothing after the sum.

    Where the shape changes, the shortcut starts from the activated input, as in the paper. It has no norm: the
    next block's norm follows.

    Args:
        in_channels: Number of channels that come in.
        channels: Number of channels of the convolutions, and of the output.
        stride: Stride of the first convolution and of the shortcut.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If there is no such shortcut.

    Source:
        He et al. (2016b), figure 4(e) and appendix.

    Example:
        >>> import torch
        >>> PreActBlock(16, 32, stride=2)(torch.zeros(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    expansion = 1
    last = "conv2"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str | None = "B",
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.bn1: nn.Module = norm_layer(in_channels)
        self.act1: nn.Module = activation_layer()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = norm_layer(channels)
        self.act2 = activation_layer()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.downsample = make_shortcut(shortcut, in_channels, channels, stride, None)

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the two convolutions."""
        activated = self.act1(self.bn1(x))
        y: Tensor = self.conv1(activated)
        y = self.conv2(self.act2(self.bn2(y)))
        if self.downsample is None:
            return y
        shortcut: Tensor = self.downsample(x if isinstance(self.downsample, nn.Identity) else activated)
        return y + shortcut


class PreActBottleneck(nn.Module):
    """Bottleneck with norm and activation in front of each of its three convolutions: x + F(x).

    Args:
        in_channels: Number of channels that come in.
        channels: Number of channels of the 3×3 convolution; the output has four times as many.
        stride: Stride of the 3×3 convolution and of the shortcut.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×4·channels×⌈H/stride⌉×⌈W/stride⌉.

    Raises:
        ValueError: If there is no such shortcut.

    Source:
        He et al. (2016b), figure 4(e) and appendix.

    Example:
        >>> import torch
        >>> PreActBottleneck(64, 32, stride=2)(torch.zeros(1, 64, 8, 8)).shape
        torch.Size([1, 128, 4, 4])
    """

    expansion = 4
    last = "conv3"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: str | None = "B",
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        out_channels = self.expansion * channels
        self.bn1: nn.Module = norm_layer(in_channels)
        self.act1: nn.Module = activation_layer()
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn2 = norm_layer(channels)
        self.act2 = activation_layer()
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn3 = norm_layer(channels)
        self.act3 = activation_layer()
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.downsample = make_shortcut(shortcut, in_channels, out_channels, stride, None)

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the three convolutions."""
        activated = self.act1(self.bn1(x))
        y: Tensor = self.conv1(activated)
        y = self.conv2(self.act2(self.bn2(y)))
        y = self.conv3(self.act3(self.bn3(y)))
        if self.downsample is None:
            return y
        shortcut: Tensor = self.downsample(x if isinstance(self.downsample, nn.Identity) else activated)
        return y + shortcut


Block = BasicBlock | Bottleneck | PreActBlock | PreActBottleneck

# ---------------------------------------------------------------- the papers' networks

# Table 1 of He et al. (2016a): the block, and how many of it each of the four stages has.
IMAGENET: dict[int, tuple[type[Block], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
IMAGENET_CHANNELS = (64, 128, 256, 512)
# Section 4.2: three stages of n blocks, on maps of 32, 16 and 8 pixels.
CIFAR_CHANNELS = (16, 32, 64)
VARIANTS = ("torchvision", "paper")


class ResNet(nn.Sequential):
    """A stem, stages of residual blocks, global average pooling and one dense layer.

    Each stage after the first halves the size and doubles the channels. With `small_images` the stem is a 3×3
    convolution and the channels start at 16, else a 7×7 one with stride 2, then pooling, and 64 channels.

    Args:
        block: Class of the blocks. With a pre-activation block a norm and an activation end the last stage.
        num_blocks: Number of blocks of each stage.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        small_images: Use the form for CIFAR's 32×32 images.
        shortcut: "A", "B", "C" or None; see `make_shortcut`.
        zero_init_residual: Start with zeros in the layer that ends F in every block: the last norm's weight (γ),
            or with pre-activation the last convolution. A fresh block is then the identity (before its ReLU).
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Shape:
        N×in_channels×H×W → N×num_classes.

    Raises:
        ValueError: If there is no such shortcut, if there are more stages than widths, or if the input is not a
            batch of images with `in_channels` channels.

    Source:
        He, Zhang, Ren and Sun: (2016a) "Deep residual learning", Table 1 and section 4.2; (2016b) "Identity
        mappings", appendix. Zeros at the start: Goyal et al. (2017), section 5.1.

    Differs from:
        torchvision: without changes its tensors, under its names in its order; no activation works in place.

    Example:
        >>> import torch
        >>> net = ResNet(BasicBlock, (1, 1, 1, 1), num_classes=10)
        >>> net(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        block: type[Block],
        num_blocks: tuple[int, ...],
        in_channels: int = 3,
        num_classes: int = 1000,
        *,
        small_images: bool = False,
        shortcut: str | None = "B",
        zero_init_residual: bool = False,
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        widths = CIFAR_CHANNELS if small_images else IMAGENET_CHANNELS
        if not 1 <= len(num_blocks) <= len(widths):
            raise ValueError(
                f"This form has 1 to {len(widths)} stages, of {', '.join(map(str, widths))} channels, and "
                f"num_blocks={num_blocks} asks for {len(num_blocks)}."
            )
        channels = widths[0]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if small_images:
            layers["conv1"] = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        else:
            layers["conv1"] = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
        layers["bn1"] = norm_layer(channels)
        layers["relu"] = activation_layer()
        if not small_images:
            layers["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
        for i, (width, number) in enumerate(zip(widths, num_blocks), start=1):
            stage = nn.Sequential()
            for j in range(number):
                stride = 2 if i > 1 and j == 0 else 1
                stage.append(
                    block(
                        channels,
                        width,
                        stride,
                        shortcut=shortcut,
                        norm_layer=norm_layer,
                        activation_layer=activation_layer,
                    )
                )
                channels = block.expansion * width
            layers[f"layer{i}"] = stage  # Table 1 calls layer1 to layer4 conv2_x to conv5_x
        if issubclass(block, (PreActBlock, PreActBottleneck)):
            # The stem's norm and activation are those of the first block, before its two paths part.
            first = layers["layer1"].get_submodule("0")
            first.bn1, first.act1 = nn.Identity(), nn.Identity()
            layers["bn2"] = norm_layer(channels)
            layers["relu2"] = activation_layer()
        layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        layers["fc"] = nn.Linear(channels, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # He et al. (2015) with the variance of the backward pass, as in the authors' code.
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Block):
                    weight = getattr(module.get_submodule(module.last), "weight", None)
                    if weight is None:
                        raise ValueError(
                            "zero_init_residual sets the weight of each block's last norm to zero, and the norm "
                            f"{module.get_submodule(module.last)} has none. Take a norm with a weight, or "
                            "leave zero_init_residual=False."
                        )
                    nn.init.zeros_(weight)

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, min_size=1)
        logits: Tensor = super().forward(input)
        return logits


def _resnet(
    depth: int,
    in_channels: int,
    num_classes: int,
    variant: str,
    zero_init_residual: bool,
    norm_layer: Callable[[int], nn.Module],
    activation_layer: Callable[[], nn.Module],
) -> ResNet:
    if variant not in VARIANTS:
        raise ValueError(f"ResNet has no variant {variant!r}. Choose one of {', '.join(VARIANTS)}.")
    block, num_blocks = IMAGENET[depth]
    return ResNet(
        PaperBottleneck if variant == "paper" and block is Bottleneck else block,
        num_blocks,
        in_channels,
        num_classes,
        zero_init_residual=zero_init_residual,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def resnet18(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build ResNet-18: two basic blocks in each stage, 11,689,512 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" or "paper", which differ only from ResNet-50 on. (For the parameter-free
            shortcuts of the paper's first comparison build `ResNet` with shortcut="A".)
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no such variant.

    Source:
        He et al. (2016a), Table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = resnet18()
        >>> sum(p.numel() for p in net.parameters())
        11689512
    """
    return _resnet(18, in_channels, num_classes, variant, zero_init_residual, norm_layer, activation_layer)


def resnet34(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build ResNet-34: 3, 4, 6 and 3 basic blocks, 21,797,672 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" or "paper", which differ only from ResNet-50 on. (For the parameter-free
            shortcuts of the paper's first comparison build `ResNet` with shortcut="A".)
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no such variant.

    Source:
        He et al. (2016a), Table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = resnet34()
        >>> sum(p.numel() for p in net.parameters())
        21797672
    """
    return _resnet(34, in_channels, num_classes, variant, zero_init_residual, norm_layer, activation_layer)


def resnet50(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build ResNet-50: 3, 4, 6 and 3 bottlenecks, 25,557,032 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" has the stride on the 3×3 convolution, "paper" on the first 1×1.
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no such variant.

    Source:
        He et al. (2016a), Table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = resnet50()
        >>> sum(p.numel() for p in net.parameters())
        25557032
    """
    return _resnet(50, in_channels, num_classes, variant, zero_init_residual, norm_layer, activation_layer)


def resnet101(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build ResNet-101: 3, 4, 23 and 3 bottlenecks, 44,549,160 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" has the stride on the 3×3 convolution, "paper" on the first 1×1.
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no such variant.

    Source:
        He et al. (2016a), Table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = resnet101()
        >>> sum(p.numel() for p in net.parameters())
        44549160
    """
    return _resnet(101, in_channels, num_classes, variant, zero_init_residual, norm_layer, activation_layer)


def resnet152(
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    variant: str = "torchvision",
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build ResNet-152: 3, 8, 36 and 3 bottlenecks, 60,192,808 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        variant: "torchvision" has the stride on the 3×3 convolution, "paper" on the first 1×1.
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no such variant.

    Source:
        He et al. (2016a), Table 1.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = resnet152()
        >>> sum(p.numel() for p in net.parameters())
        60192808
    """
    return _resnet(152, in_channels, num_classes, variant, zero_init_residual, norm_layer, activation_layer)


def preact_resnet(
    depth: int = 50,
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build a pre-activation ResNet for ImageNet: norm and ReLU in front of the convolutions, nothing on the sum.

    Args:
        depth: 18, 34, 50, 101 or 152 layers.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no network of this depth.

    Source:
        He et al. (2016b), section 4.1 and appendix. Of its ImageNet nets the one with 152 layers has the stages of
        2016a, as have the other depths here; the one with 200 is not built.

    Differs from:
        The authors' code in the place of a bottleneck's stride, which is here the 3×3 convolution.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = preact_resnet(18)
        >>> [type(block.bn1).__name__ for block in net.layer1]
        ['Identity', 'BatchNorm2d']
    """
    if depth not in IMAGENET:
        raise ValueError(f"There is no ResNet with {depth} layers. Choose {', '.join(map(str, IMAGENET))}.")
    block, num_blocks = IMAGENET[depth]
    return ResNet(
        PreActBlock if block is BasicBlock else PreActBottleneck,
        num_blocks,
        in_channels,
        num_classes,
        zero_init_residual=zero_init_residual,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def plain_resnet(
    depth: int = 34,
    in_channels: int = 3,
    num_classes: int = 1000,
    *,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build the plain twin of a ResNet for ImageNet: the layers of the one with shortcuts A, without them.

    Args:
        depth: 18, 34, 50, 101 or 152 layers; the paper compares 18 with 34.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If there is no network of this depth.

    Source:
        He et al. (2016a), figure 3 middle, and section 4.1: the plain net of 34 layers trains worse than that of
        18, which is the degradation that shortcuts put right.

    Example:
        >>> import torch
        >>> with torch.device("meta"):
        ...     net = plain_resnet(34)
        >>> net.layer1[0].downsample is None
        True
    """
    if depth not in IMAGENET:
        raise ValueError(f"There is no ResNet with {depth} layers. Choose {', '.join(map(str, IMAGENET))}.")
    block, num_blocks = IMAGENET[depth]
    return ResNet(
        block,
        num_blocks,
        in_channels,
        num_classes,
        shortcut=None,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def cifar_resnet(
    depth: int = 20,
    in_channels: int = 3,
    num_classes: int = 10,
    *,
    shortcut: str | None = "A",
    preactivation: bool = False,
    bottleneck: bool = False,
    zero_init_residual: bool = False,
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> ResNet:
    """Build the slim ResNet for 32×32 images: three stages of n blocks with 16, 32 and 64 channels.

    Args:
        depth: Number of layers, 6n + 2 (20, 32, 44, 56, 110, 1202 in the paper), or with bottlenecks 9n + 2 (164, 1001).
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        shortcut: "A", as in 2016a, without parameters; "B", which gives the sizes published in 2016b for 164 and
            1001 layers; "C" or None; see `make_shortcut`.
        preactivation: Put norm and activation in front of the convolutions.
        bottleneck: Build of bottlenecks, which go out with four times as many channels.
        zero_init_residual: Start each block as the identity; see `ResNet`.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activations.

    Raises:
        ValueError: If the blocks cannot make up the depth, or if there is no such shortcut.

    Source:
        He et al. (2016a), section 4.2 and Table 6; with pre-activation and bottlenecks He et al. (2016b).

    Differs from:
        With bottlenecks, the papers' published code in the place of the stride, here the 3×3 convolution.

    Example:
        >>> sum(p.numel() for p in cifar_resnet(20).parameters())
        269722
    """
    layers_per_n = 9 if bottleneck else 6
    if depth <= 2 or (depth - 2) % layers_per_n:
        raise ValueError(
            f"The depth must be {layers_per_n}n + 2 for three stages of n blocks, and {depth} is not. "
            f"Take {max(depth - 2, layers_per_n) // layers_per_n * layers_per_n + 2}, for example."
        )
    block: type[Block]
    if preactivation:
        block = PreActBottleneck if bottleneck else PreActBlock
    else:
        block = Bottleneck if bottleneck else BasicBlock
    return ResNet(
        block,
        ((depth - 2) // layers_per_n,) * len(CIFAR_CHANNELS),
        in_channels,
        num_classes,
        small_images=True,
        shortcut=shortcut,
        zero_init_residual=zero_init_residual,
        norm_layer=norm_layer,
        activation_layer=activation_layer,
    )


def cifar_plain(depth: int = 20, in_channels: int = 3, num_classes: int = 10) -> ResNet:
    """Build the plain twin of `cifar_resnet`: the same convolutions and norms, so as many parameters, no shortcut.

    Args:
        depth: Number of layers, 6n + 2.
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Raises:
        ValueError: If the depth is not 6n + 2.

    Source:
        He et al. (2016a), section 4.2 and figure 6 left.

    Example:
        >>> sum(p.numel() for p in cifar_plain(20).parameters())
        269722
    """
    return cifar_resnet(depth, in_channels, num_classes, shortcut=None)
