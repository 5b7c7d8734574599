"""The image transformation network of fast style transfer, where instance normalization lives."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from d2lcnn.layers.checks import check_images

# Johnson et al. (2016), supplementary material, Table 1.
CHANNELS = (32, 64, 128)
NUM_RESIDUAL = 5
# The residual blocks do not pad, so they take 5·2·2 pixels of the quarter-size maps away: 40 of the image, on each side.
REFLECTION = 40


class UnpaddedResidual(nn.Module):
    """A residual block without padding: conv, norm, activation, conv, norm, plus the middle of the input.

    Args:
        channels: Number of channels C.
        norm_layer: Makes the norms, called with the channels.
        activation_layer: Makes the activation; there is none after the sum.

    Shape:
        N×C×H×W → N×C×(H−4)×(W−4).

    Source:
        Johnson, Alahi and Fei-Fei (2016), supplementary material, figure 1.

    Example:
        >>> import torch
        >>> UnpaddedResidual(4)(torch.zeros(1, 4, 9, 9)).shape
        torch.Size([1, 4, 5, 5])
    """

    def __init__(
        self,
        channels: int,
        *,
        norm_layer: Callable[[int], nn.Module] = nn.InstanceNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3),
            norm_layer(channels),
            activation_layer(),
            nn.Conv2d(channels, channels, kernel_size=3),
            norm_layer(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Add the body's output to the middle of the input, which is as large."""
        out: Tensor = x[:, :, 2:-2, 2:-2] + self.body(x)
        return out


class StyleTransferNet(nn.Sequential):
    """The image transformation network: down to a quarter of the size, five residual blocks, and up again; then tanh.

    Args:
        in_channels: Number of channels of the pictures, in and out.
        norm_layer: Makes the norm after each convolution but the last, called with the channels.
        activation_layer: Makes the activation after each norm outside the residual sums.

    Shape:
        N×in_channels×H×W → N×in_channels×H×W, in (−1, 1); H and W are multiples of 4 and at least 44.

    Raises:
        ValueError: If the input has other channels, or H or W is too small or no multiple of 4.

    Source:
        Johnson, Alahi and Fei-Fei (2016), section 3.1 and Table 1 of the supplementary material; instance
        normalization, here without scale and shift: Ulyanov, Vedaldi and Lempitsky (2016).

    Differs from:
        Johnson et al., who have batch normalization (`norm_layer=nn.BatchNorm2d`) and scale the tanh to [0, 255].

    Example:
        >>> import torch
        >>> net = StyleTransferNet()
        >>> net(torch.zeros(1, 3, 64, 48)).shape
        torch.Size([1, 3, 64, 48])
        >>> sum(p.numel() for p in net.parameters())
        1676035
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        norm_layer: Callable[[int], nn.Module] = nn.InstanceNorm2d,
        activation_layer: Callable[[], nn.Module] = nn.ReLU,
    ) -> None:
        few, more, most = CHANNELS  # shapes for pictures of 256×256
        layers: OrderedDict[str, nn.Module] = OrderedDict()

        def add(name: str, conv: nn.Module, channels: int) -> None:
            layers.update(
                {name: conv, f"{name}_norm": norm_layer(channels), f"{name}_act": activation_layer()}
            )

        layers["pad"] = nn.ReflectionPad2d(REFLECTION)  # N×3×336×336
        add("conv1", nn.Conv2d(in_channels, few, kernel_size=9, padding=4), few)  # N×32×336×336
        add("down1", nn.Conv2d(few, more, kernel_size=3, stride=2, padding=1), more)  # N×64×168×168
        add("down2", nn.Conv2d(more, most, kernel_size=3, stride=2, padding=1), most)  # N×128×84×84
        for i in range(1, NUM_RESIDUAL + 1):  # at the end N×128×64×64
            layers[f"residual{i}"] = UnpaddedResidual(
                most, norm_layer=norm_layer, activation_layer=activation_layer
            )
        # "Stride 1/2": a transposed convolution doubles the size.
        for name, channels, out_channels in (("up1", most, more), ("up2", more, few)):
            up = nn.ConvTranspose2d(
                channels, out_channels, kernel_size=3, stride=2, padding=1, output_padding=1
            )
            add(name, up, out_channels)  # N×64×128×128, then N×32×256×256
        layers["output"] = nn.Conv2d(few, in_channels, kernel_size=9, padding=4)  # N×3×256×256
        layers["tanh"] = nn.Tanh()
        super().__init__(layers)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        """Turn pictures into pictures of the same size."""
        # Reflection needs more pixels than it adds; of the multiples of 4 that is 44.
        check_images(input, self.in_channels, min_size=REFLECTION + 4)
        height, width = input.shape[2:]
        if height % 4 or width % 4:
            raise ValueError(
                "Height and width must be multiples of 4, to be halved twice and doubled twice; got a batch of shape "
                f"{tuple(input.shape)}. Crop it to {height // 4 * 4}×{width // 4 * 4}."
            )
        pictures: Tensor = super().forward(input)
        return pictures


def style_transfer(
    in_channels: int = 3,
    *,
    norm_layer: Callable[[int], nn.Module] = nn.InstanceNorm2d,
    activation_layer: Callable[[], nn.Module] = nn.ReLU,
) -> StyleTransferNet:
    """Build the style-transfer network, 1,676,035 parameters.

    Args:
        in_channels: Number of channels of the pictures, in and out.
        norm_layer: Makes the norm after each convolution but the last, called with the channels.
        activation_layer: Makes the activation after each norm outside the residual sums.

    Example:
        >>> sum(p.numel() for p in style_transfer(norm_layer=nn.BatchNorm2d).parameters())
        1679235
    """
    return StyleTransferNet(in_channels, norm_layer=norm_layer, activation_layer=activation_layer)
