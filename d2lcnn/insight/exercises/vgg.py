"""Self-checks of the chapter on VGG."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, is_close, require

# Receptive fields behind the last convolution of Table 1's configurations.
_FIELDS = {"A": 134, "B": 140, "C": 140, "D": 196, "E": 252}
_PARAMETERS = 138_357_544  # configuration D
_SAVED = 48 * 512 * 4096  # weights that the first dense layer loses when 49 places become one


def check_vgg_layers(answer: Callable[[int], int]) -> None:
    """Check how many 3×3 convolutions of stride 1 see as much as one k×k convolution.

    Args:
        answer: A function of the odd kernel size k.

    Raises:
        WrongAnswer: If it gives another number.

    Example:
        >>> check_vgg_layers(lambda k: k // 3)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Another number of layers sees 5×5 pixels. Your answer gives 1...
    """
    for k in (3, 5, 7, 11):
        got = answer(k)
        require(
            is_close(got, (k - 1) // 2),
            f"Another number of layers sees {k}×{k} pixels.",
            got=got,
            hint="By how many pixels does one more 3×3 layer widen the field, and what is seen without any layer?",
        )
    accept("Each layer adds one pixel at either end.")


def check_vgg_ratio(answer: Callable[[int], float]) -> None:
    """Check the weights of a stack of 3×3 convolutions per weight of the k×k convolution that sees as much.

    Args:
        answer: A function of the odd kernel size k; all layers have as many channels as they get, and no biases.

    Raises:
        WrongAnswer: If it gives another ratio.

    Example:
        >>> check_vgg_ratio(lambda k: 9 / k**2)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The ratio is another for k = 5. Your answer gives 0.36...
    """
    for k in (3, 5, 7, 11):
        got = answer(k)
        require(
            is_close(got, 9 * (k - 1) / 2 / k**2),
            f"The ratio is another for k = {k}.",
            got=got,
            hint="Count the layers of the stack first; then the weights of each. Do the channels cancel?",
        )
    accept("The larger the window, the more the stack saves.")


def check_vgg_doubling(answer: Callable[[int], float]) -> None:
    """Check the weights of a stack of 3×3 convolutions per weight of the k×k one, if the first layer doubles channels.

    Args:
        answer: A function of the odd kernel size k; the channels go from C/2 to C, in the stack in its first layer.

    Raises:
        WrongAnswer: If it gives another ratio.

    Example:
        >>> check_vgg_doubling(lambda k: 9 * (k - 1) / (2 * k**2))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The ratio is another for k = 5. Your answer gives 0.72...
    """
    for k in (3, 5, 7, 11):
        got = answer(k)
        require(
            is_close(got, 9 * (k - 2) / k**2),
            f"The ratio is another for k = {k}.",
            got=got,
            hint="How many weights has the first layer of the stack, how many each further one, how many the large kernel?",
        )
    accept(
        "Where the channels double, two small kernels cost more than the 5×5 one; from 7×7 on the stack saves."
    )


def check_vgg_pooled(answer: float) -> None:
    """Check how many parameters VGG-16 has when its first dense layer reads one average per map instead of 7 × 7 values.

    Args:
        answer: The number of parameters of the whole network.

    Raises:
        WrongAnswer: If it is another.

    Example:
        >>> check_vgg_pooled(14714688)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The network has another number of parameters. Your answer gives...
    """
    require(
        is_close(answer, _PARAMETERS - _SAVED, tolerance=1e-12),
        "The network has another number of parameters.",
        got=answer,
        hint="Only the first dense layer changes: how many inputs has it now, and what about its biases?",
    )
    accept("Nearly three quarters of the network were the weights of one layer for 48 further places.")


def check_vgg_fields(answer: Mapping[str, int]) -> None:
    """Check what one output of the last convolution sees in configurations A to E.

    Args:
        answer: For "A", "B", "C", "D" and "E" the side of the receptive field in pixels, as a dict.

    Raises:
        WrongAnswer: If it is no dict, a configuration is missing or its field is another.

    Example:
        >>> check_vgg_fields({"A": 150})
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Configuration A sees another square, or this is not one number, ...
    """
    require(
        isinstance(answer, Mapping),
        "The answer is a dict from a configuration's name to one number.",
        got=answer,
        hint='Give the side in pixels for each of "A" to "E", as in the dict above the check.',
    )
    for name, size in _FIELDS.items():
        got = answer.get(name)
        require(
            is_close(got, size),
            f"Configuration {name} sees another square, or this is not one number, its side.",
            got=got,
            hint="Walk from the input: which layers widen the field, by how much at which jump, and which double the jump?",
        )
    accept("A 1×1 convolution adds depth, and not a pixel.")


def check_vgg_convolution(answer: Callable[[Tensor, int, int], Tensor | nn.Conv2d]) -> None:
    """Check the kernel with which a convolution does the work of a dense layer that read maps channels last.

    Args:
        answer: A function of the dense layer's weight, outputs × inputs, the number of maps and their side; it gives
            the convolution's, outputs × maps × side × side, as a tensor or array or within a convolution.

    Raises:
        WrongAnswer: If the convolution gives other numbers than the dense layer.

    Example:
        >>> check_vgg_convolution(lambda weight, channels, side: weight)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The kernel has another shape. Your answer gives...
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3 * 3 * 2, dtype=torch.float64, generator=generator)
    maps = torch.randn(5, 2, 3, 3, dtype=torch.float64, generator=generator)
    given = answer(weight.clone(), 2, 3)
    kernel = given.weight if isinstance(given, nn.Conv2d) else given
    kernel = torch.as_tensor(kernel, dtype=torch.float64) if hasattr(kernel, "shape") else kernel
    require(
        isinstance(kernel, Tensor) and kernel.shape == (4, 2, 3, 3),
        "The kernel has another shape.",
        got=kernel,
        hint="A kernel has an axis for outputs, one for the maps it reads, and two for places.",
    )
    got = nn.functional.conv2d(maps, kernel).flatten(1)
    wanted = maps.permute(0, 2, 3, 1).flatten(1) @ weight.T
    require(
        is_close(got, wanted, tolerance=1e-4),  # a kernel in float32 is right up to rounding
        "The convolution gives other numbers than the dense layer.",
        got=got,
        hint="In which order did flattening lay out rows, columns and channels, and which of them moved fastest?",
    )
    accept("The same weights, which can now slide over a larger picture.")


def check_vgg_deviation(answer: Callable[[int, int], float]) -> None:
    """Check the deviation of weights with which ReLU convolutions keep the mean square of their input.

    Args:
        answer: A function of the number of input channels and the kernel size.

    Raises:
        WrongAnswer: If it gives another deviation.

    Example:
        >>> check_vgg_deviation(lambda channels, kernel_size: (2 / channels) ** 0.5)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The deviation is another for 64 channels and 3×3. Your answer gives...
    """
    for channels, kernel_size in ((64, 3), (512, 3), (512, 1)):
        got = answer(channels, kernel_size)
        require(
            is_close(got, (2 / (channels * kernel_size**2)) ** 0.5),
            f"The deviation is another for {channels} channels and {kernel_size}×{kernel_size}.",
            got=got,
            hint="How many terms does one weighted sum have, and which share of its mean square is left behind the ReLU?",
        )
    accept("One deviation for all layers cannot do it: the wide layers need smaller weights.")
