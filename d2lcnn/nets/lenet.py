"""LeNet: the course's version for 28×28 images, and the LeNet-5 of 1998 with all that it had besides."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

from d2lcnn.layers.checks import check_images

# Both convolutions, as (out_channels, kernel_size, padding); each is followed by 2×2 pooling.
# The padding of 2 lets a 28×28 image stand in for the paper's 32×32.
CONVS = ((6, 5, 2), (16, 5, 0))
DENSE = (120, 84)
IMAGE_SIZE = 28

# Table I of LeCun et al. (1998): row i lists the S2 maps that map i of C3 looks at.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class LeNet(nn.Sequential):
    """LeNet for 28×28 images: two convolutions with pooling, then three dense layers.

    The parts of the 1998 network that a modern course keeps: its sizes, a squashing activation and average
    pooling, with plain pooling, full connections and a linear output in place of the paper's specialities,
    which `lenet5` has.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.
        activation_layer: Makes the activation after each layer but the last.
        pool_layer: Makes the pooling after each convolution, called as `pool_layer(2, stride=2)`.
        norm_layer: Makes a norm between convolution and activation, called with the channels; None leaves it out.
        dense_norm_layer: Likewise for the dense layers, called with the features.

    Shape:
        N×in_channels×28×28 → N×num_classes.

    Raises:
        ValueError: If the input is not a batch of 28×28 images with `in_channels` channels.

    Source:
        LeCun, Bottou, Bengio and Haffner (1998), section II.B. With default arguments layer for layer the
        network of Dive into Deep Learning, Chinese second edition, section 6.6: sigmoid for the paper's
        scaled tanh, a plain average for its trainable subsampling.

    Example:
        >>> net = LeNet()
        >>> net(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
        >>> sum(p.numel() for p in net.parameters())
        61706
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        *,
        activation_layer: Callable[[], nn.Module] = nn.Sigmoid,
        pool_layer: Callable[..., nn.Module] = nn.AvgPool2d,
        norm_layer: Callable[[int], nn.Module] | None = None,
        dense_norm_layer: Callable[[int], nn.Module] | None = None,
    ) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels, size = in_channels, IMAGE_SIZE
        for i, (out_channels, kernel_size, padding) in enumerate(CONVS, start=1):
            layers[f"conv{i}"] = nn.Conv2d(channels, out_channels, kernel_size, padding=padding)
            if norm_layer is not None:
                layers[f"conv{i}_norm"] = norm_layer(out_channels)
            layers[f"conv{i}_act"] = activation_layer()
            layers[f"pool{i}"] = pool_layer(2, stride=2)
            channels, size = out_channels, (size + 2 * padding - kernel_size + 1) // 2
        layers["flatten"] = nn.Flatten()
        features = channels * size * size
        for i, out_features in enumerate(DENSE, start=1):
            layers[f"dense{i}"] = nn.Linear(features, out_features)
            if dense_norm_layer is not None:
                layers[f"dense{i}_norm"] = dense_norm_layer(out_features)
            layers[f"dense{i}_act"] = activation_layer()
            features = out_features
        layers["output"] = nn.Linear(features, num_classes)
        super().__init__(layers)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Map images to logits."""
        check_images(input, self.in_channels, exact_size=IMAGE_SIZE)
        logits: Tensor = super().forward(input)
        return logits


def lenet(in_channels: int = 1, num_classes: int = 10) -> LeNet:
    """Build the course's LeNet: sigmoid and average pooling, 61,706 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> type(lenet().conv1_act).__name__, type(lenet().pool1).__name__
        ('Sigmoid', 'AvgPool2d')
    """
    return LeNet(in_channels, num_classes)


def lenet_bn(in_channels: int = 1, num_classes: int = 10) -> LeNet:
    """Build LeNet with batch normalization before each activation, 62,158 parameters.

    Args:
        in_channels: Number of channels of the images.
        num_classes: Number of outputs.

    Example:
        >>> sum(p.numel() for p in lenet_bn().parameters())
        62158
    """
    return LeNet(in_channels, num_classes, norm_layer=nn.BatchNorm2d, dense_norm_layer=nn.BatchNorm1d)


class ScaledTanh(nn.Module):
    """The squashing function of LeNet-5, f(a) = 1.7159 · tanh(2a/3), so that f(1) = 1 and f(−1) = −1.

    Shape:
        Any shape → the same shape.

    Source:
        LeCun et al. (1998), equation 6 and appendix A.

    Example:
        >>> ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=3)
        tensor([-1.,  0.,  1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply f to each element."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """Trainable subsampling: the sum of each 2×2 block, times a weight, plus a bias, one pair per channel.

    Args:
        channels: Number of channels C.

    Shape:
        N×C×H×W → N×C×H/2×W/2.

    Source:
        LeCun et al. (1998), section II.B, layers S2 and S4.

    Example:
        >>> layer = Subsampling(1)
        >>> layer(torch.ones(1, 1, 2, 2)).item() == 4 * layer.weight.item()
        True
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        # A quarter makes the fresh layer an average pooling.
        self.weight = nn.Parameter(torch.full((channels,), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Sum, scale and shift."""
        block_sum = 4 * nn.functional.avg_pool2d(x, 2)
        return self.weight.reshape(-1, 1, 1) * block_sum + self.bias.reshape(-1, 1, 1)


class TableConv2d(nn.Module):
    """Convolution in which each output map sees only the input maps that a table lists for it.

    Args:
        table: For each output map the indices of the input maps that it sees.
        kernel_size: Side k of the square kernels.

    Shape:
        N×C×H×W → N×len(table)×(H−k+1)×(W−k+1).

    Source:
        LeCun et al. (1998), Table I: with its 60 connections layer C3 has 60·25 + 16 = 1,516 parameters. The
        weights start uniform within ±2.4 / fan-in, as in its appendix A.

    Example:
        >>> layer = TableConv2d(C3_TABLE, 5)
        >>> layer.weight.shape, layer.bias.shape
        (torch.Size([60, 5, 5]), torch.Size([16]))
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        connections = [(row, column) for row, inputs in enumerate(table) for column in inputs]
        rows, columns = torch.tensor(connections).T
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.weight = nn.Parameter(torch.empty(len(connections), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(table)))
        with torch.no_grad():
            for weight, row in zip(self.weight, rows.tolist()):
                bound = 2.4 / (len(table[row]) * kernel_size**2)
                weight.uniform_(-bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Put the kernels into their places, zero elsewhere, and convolve."""
        kernel = self.weight.new_zeros(len(self.bias), x.shape[1], *self.weight.shape[1:])
        kernel[self.rows, self.columns] = self.weight
        return nn.functional.conv2d(x, kernel, self.bias)


# Targets of the output layer: 7×12 pictures of the digits, +1 for ink and −1 for paper. The idea is the paper's
# (its figure 3 shows the ASCII set); these ten are our own drawings.
DIGIT_BITMAPS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  ..###..  ..###..  ....##.  .#####.  ...###.  #######  ..###..  ..###..
.##.##.  ..##...  .##.##.  .##.##.  ...###.  .#.....  ..##...  #....##  .##.##.  .##.##.
##...##  .###...  ##...##  ##...##  ...###.  .#.....  .##....  .....##  ##...##  ##...##
##...##  ...#...  .....##  .....##  ..####.  .#.....  ##.....  ....##.  ##...##  ##...##
##...##  ...#...  ....##.  ...###.  ..#.##.  .####..  ##.##..  ....##.  .##.##.  .##.###
##...##  ...#...  ...##..  ...###.  .##.##.  .##.##.  ###.##.  ...##..  ..###..  ..##.##
##...##  ...#...  ..##...  .....##  .#..##.  .....##  ##...##  ...##..  .##.##.  .....##
##...##  ...#...  .##....  .....##  #######  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...#...  ##.....  ##...##  ....##.  ##...##  ##...##  ..##...  ##...##  ....##.
.##.##.  ...#...  ##.....  .##.##.  ....##.  .##.##.  .##.##.  ..##...  .##.##.  ...##..
..###..  .#####.  #######  ..###..  ....##.  ..###..  ..###..  ..##...  ..###..  .###...
"""


def digit_codes() -> Tensor:
    """Give the ten target codes of LeNet-5's output layer, ±1, read off 7×12 pictures of the digits.

    Shape:
        10×84.

    Example:
        >>> codes = digit_codes()
        >>> codes.shape, codes.unique().tolist()
        (torch.Size([10, 84]), [-1.0, 1.0])
    """
    rows = [line.split() for line in DIGIT_BITMAPS.strip().splitlines()]
    pictures = ["".join(row[digit] for row in rows) for digit in range(10)]
    return torch.tensor([[1.0 if pixel == "#" else -1.0 for pixel in picture] for picture in pictures])


class RBFOutput(nn.Module):
    """Output layer of LeNet-5: minus the squared distance to each class's fixed code, −Σⱼ (xⱼ − wᵢⱼ)².

    The paper's unit i gives the distance itself, a penalty. With the sign turned the largest output wins, and
    cross-entropy over these outputs is the paper's discriminative criterion (its equation 9) without the
    constant "rubbish class".

    Args:
        codes: The target codes, one row for each class; they are a buffer, not trained.

    Shape:
        N×F → N×classes, for codes of shape classes×F.

    Source:
        LeCun et al. (1998), equation 7.

    Example:
        >>> RBFOutput(torch.eye(2))(torch.tensor([[1.0, 0.0]]))
        tensor([[-0., -2.]])
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        """Measure the distance to each code."""
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)


class LeNet5(nn.Sequential):
    """LeNet-5 as published: 32×32 images, 60,000 trainable parameters, layers C1 to F6 and the RBF output.

    Shape:
        N×1×32×32 → N×10, minus the squared distance to each digit's code.

    Raises:
        ValueError: If the input is not a batch of 32×32 images with one channel.

    Source:
        LeCun et al. (1998), section II.B and figure 2.

    Differs from:
        The paper in the pictures behind the codes (our drawings), in the sign of the output (see `RBFOutput`) and in the
        first weights, which are torch's in all layers but C3. The paper puts a bounded input range of about
        [−0.1, 1.175] in front, which is the data's business.

    Example:
        >>> net = LeNet5()
        >>> net(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
        >>> sum(p.numel() for p in net.parameters())
        60000
    """

    def __init__(self) -> None:
        super().__init__(
            OrderedDict(
                C1=nn.Conv2d(1, 6, 5),
                C1_act=ScaledTanh(),
                S2=Subsampling(6),
                S2_act=ScaledTanh(),
                C3=TableConv2d(C3_TABLE, 5),
                C3_act=ScaledTanh(),
                S4=Subsampling(16),
                S4_act=ScaledTanh(),
                C5=nn.Conv2d(16, 120, 5),
                C5_act=ScaledTanh(),
                flatten=nn.Flatten(),
                F6=nn.Linear(120, 84),
                F6_act=ScaledTanh(),
                output=RBFOutput(digit_codes()),
            )
        )

    def forward(self, input: Tensor) -> Tensor:
        """Map images to minus the distances to the digits' codes."""
        check_images(input, 1, exact_size=32)
        scores: Tensor = super().forward(input)
        return scores


def lenet5() -> LeNet5:
    """Build LeNet-5 as it was published in 1998.

    Example:
        >>> [name for name, _ in lenet5().named_children() if "act" not in name]
        ['C1', 'S2', 'C3', 'S4', 'C5', 'flatten', 'F6', 'output']
    """
    return LeNet5()
