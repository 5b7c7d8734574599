"""Self-checks of the chapter on AlexNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, is_close, listed, require, require_function


def _draw(*shape: int, seed: int = 0) -> Tensor:
    """Give the same numbers each time without touching the global generator."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def check_alexnet_sides(sides: Sequence[int] | Tensor) -> None:
    """Check the sides of the maps behind conv1, pool1, conv2, pool2, conv3, conv4, conv5 and pool5 at 259 pixels.

    Args:
        sides: The eight sides in the paper's network, if its images were of 259 × 259 pixels.

    Raises:
        WrongAnswer: If a side is another.

    Example:
        >>> check_alexnet_sides([63, 31, 31, 15, 15, 15, 15, 7])
        Correct. Convolutions 2 to 5 keep the side; the first one and the three poolings shrink it.
    """
    wanted = [63, 31, 31, 15, 15, 15, 15, 7]
    hints = [
        "How many steps of 4 does a window of 11 make in 259 pixels, without padding?",
        "Pooling has a window of 3 and a stride of 2.",
        "The second convolution has a padding; is it as wide as half its kernel?",
        "It is the first pooling once more.",
        *["The convolutions with 3 × 3 kernels have a padding of 1."] * 3,
        "The last pooling is like the others.",
    ]
    names = ["conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5"]
    given = listed(sides)
    require(len(given) == 8, "There are eight sides.", got=sides, hint="Give one for each layer named.")
    for name, side, right, hint in zip(names, given, wanted, hints, strict=True):
        require(is_close(side, right), f"The maps of {name} have another side.", got=side, hint=hint)
    accept("Convolutions 2 to 5 keep the side; the first one and the three poolings shrink it.")


def check_alexnet_grouped(count: Callable[[int, int, int, int], int]) -> None:
    """Check the number of parameters of a convolution in groups, biases included.

    Args:
        count: Called as `count(in_channels, out_channels, kernel_size, groups)`.

    Raises:
        WrongAnswer: If a number is another.

    Example:
        >>> check_alexnet_grouped(lambda c, o, k, g: o * (c // g) * k * k + o)
        Correct. Each output has a kernel of its own, only thinner: nothing is shared between groups.
    """
    require_function(count)
    for arguments, hint in [
        ((3, 4, 2, 1), "With one group it is a plain convolution. Does each output have a bias?"),
        ((96, 256, 5, 2), "How many input channels does one kernel see if there are two groups?"),
        (
            (12, 12, 3, 12),
            "With as many groups as channels each kernel sees one; outputs stay as many as they are.",
        ),
    ]:
        wanted = sum(
            p.numel() for p in nn.Conv2d(*arguments[:3], groups=arguments[3], device="meta").parameters()
        )
        got = count(*arguments)
        require(
            is_close(got, wanted), f"A convolution with {arguments} has another number.", got=got, hint=hint
        )
    accept("Each output has a kernel of its own, only thinner: nothing is shared between groups.")


def check_alexnet_lrn(function: Callable[[Tensor, int, float, float, float], Tensor]) -> None:
    """Check local response normalization in the paper's convention, called as `function(a, n, k, alpha, beta)`.

    Args:
        function: Gives b from a, N×C×H×W, with an odd number n of channels in a window.

    Raises:
        WrongAnswer: If the output is another.

    Example:
        >>> def lrn(a, n, k, alpha, beta):
        ...     return nn.functional.local_response_norm(a, n, n * alpha, beta, k)
        >>> check_alexnet_lrn(lrn)
        Correct. The window runs over channels, is cut off at the first and the last, and α is not divided.
    """
    require_function(function)
    a = 3 * _draw(2, 5, 3, 4).float()
    for n, k, alpha, beta, hint in [
        (
            1,
            1.0,
            0.5,
            1.0,
            "With n = 1 a value is divided by a function of itself alone; where does k stand?",
        ),
        (3, 0.0, 1.0, 0.5, "The window takes channels at one place, half of the neighbours on each side."),
        (
            5,
            2.0,
            0.3,
            0.75,
            "With n = 3, k = 0 and α = 1 it was right. What do α and the power apply to, and does the window follow n?",
        ),
    ]:
        wanted = nn.functional.local_response_norm(a, n, n * alpha, beta, k)
        got = function(a.clone(), n, k, alpha, beta)
        if is_close(got, nn.functional.local_response_norm(a, n, alpha, beta, k), tolerance=1e-5):
            hint = "These are torch's values. What does torch do to its alpha that the paper does not?"
        require(
            is_close(got, wanted, tolerance=1e-5),
            f"The values for n = {n}, k = {k:g}, α = {alpha:g} and β = {beta:g} are others.",
            got=got,
            hint=hint,
        )
    accept("The window runs over channels, is cut off at the first and the last, and α is not divided.")


def check_alexnet_fold_dropout(function: Callable[[nn.Linear, float], nn.Linear]) -> None:
    """Check how a layer behind dropout, trained in the paper's convention, becomes one that needs no scale at test time.

    Args:
        function: Called as `function(linear, p)`; gives a new layer that does to x what `linear` does to (1 − p)·x.

    Raises:
        WrongAnswer: If the new layer gives something else, or the old one was changed.

    Example:
        >>> def fold(linear, p):
        ...     folded = nn.Linear(linear.in_features, linear.out_features)
        ...     folded.weight.data, folded.bias.data = linear.weight * (1 - p), linear.bias.clone()
        ...     return folded
        >>> check_alexnet_fold_dropout(fold)
        Correct. The weights take the factor, the bias does not.
    """
    require_function(function)
    linear, x = nn.Linear(3, 2), _draw(4, 3, seed=1).float()
    with torch.no_grad():
        linear.weight.copy_(_draw(2, 3))
        linear.bias.copy_(torch.tensor([1.0, -2.0]))
        for p in (0.5, 0.2):
            wanted = linear((1 - p) * x)
            folded = function(linear, p)
            require(
                isinstance(folded, nn.Linear) and is_close(linear((1 - p) * x), wanted),
                "The result must be a new nn.Linear, and the given one stays as it is.",
                got=type(folded).__name__,
                hint="Build a new layer and give it the new weights.",
            )
            got = folded.to(x.dtype)(x)
            require(
                is_close(got, wanted, tolerance=1e-5),
                f"With p = {p:g} the new layer must give at x what the old one gives at (1 − p)·x.",
                got=got,
                hint="p is the share that is dropped. Write W((1 − p)x) + b out; what belongs to x?",
            )
    accept("The weights take the factor, the bias does not.")


def check_alexnet_dense_as_conv(function: Callable[[nn.Linear, int, int], nn.Conv2d]) -> None:
    """Check a convolution that is a dense layer on flattened maps, called as `function(linear, channels, side)`.

    Args:
        function: Gives the convolution.

    Raises:
        WrongAnswer: If it is none, or gives something else, on maps of the layer's size or on larger ones.

    Example:
        >>> def as_conv(linear, channels, side):
        ...     conv = nn.Conv2d(channels, linear.out_features, side)
        ...     conv.weight.data = linear.weight.reshape(-1, channels, side, side)
        ...     conv.bias.data = linear.bias
        ...     return conv
        >>> check_alexnet_dense_as_conv(as_conv)
        Correct. On larger maps it gives the dense layer's answer for every window.
    """
    require_function(function)
    channels, side = 2, 3
    linear, maps = nn.Linear(channels * side * side, 4), _draw(1, channels, 4, 5, seed=1).float()
    with torch.no_grad():
        linear.weight.copy_(_draw(4, 18))
        linear.bias.copy_(_draw(4))
        conv = function(linear, channels, side)
        require(
            isinstance(conv, nn.Conv2d) and conv.in_channels == channels and max(conv.kernel_size) <= side,
            f"The result must be an nn.Conv2d, here one that takes {channels} channels of {side}×{side}.",
            got=conv if isinstance(conv, nn.Conv2d) else type(conv).__name__,
            hint="Its kernel is as large as the maps that the dense layer takes.",
        )
        got = conv.to(maps.dtype)(maps[..., :side, :side])
        wanted = linear(maps[..., :side, :side].flatten(1))[..., None, None]
        require(
            got.shape == wanted.shape,
            f"On {side}×{side} maps there must be one place, with as many outputs as the dense layer has.",
            got=got,
            hint="At how many places does a kernel as large as the map fit?",
        )
        require(
            is_close(got, wanted, tolerance=1e-5),
            f"On {side}×{side} maps it must give one place with the dense layer's outputs.",
            got=got,
            hint="In which order does flatten put channels, rows and columns, and does the bias come along?",
        )
        windows = maps.unfold(2, side, 1).unfold(3, side, 1)  # 1×C×2×3×side×side
        wanted = linear(windows.permute(0, 2, 3, 1, 4, 5).flatten(3)).permute(0, 3, 1, 2)
        got = conv(maps)
    require(
        is_close(got, wanted, tolerance=1e-5),
        "On larger maps it must give the dense layer's outputs at each place, one pixel apart.",
        got=got,
        hint="Which stride and padding let the window stand at each place where it fits?",
    )
    accept("On larger maps it gives the dense layer's answer for every window.")


def check_alexnet_momentum(
    function: Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]],
) -> None:
    """Check a step of the paper's update rule, called as `function(w, v, gradient, lr)`.

    Args:
        function: Gives the new weights and the new velocity, with momentum 0.9 and weight decay 0.0005.

    Raises:
        WrongAnswer: If one of them is another.

    Example:
        >>> def step(w, v, gradient, lr):
        ...     v = 0.9 * v - 0.0005 * lr * w - lr * gradient
        ...     return w + v, v
        >>> check_alexnet_momentum(step)
        Correct. A velocity of the past keeps the learning rate that it was made with.
    """
    require_function(function)
    w, v, gradient = (_draw(3, seed=seed) for seed in range(3))
    for lr, velocity, slope, hint in [
        (
            0.1,
            0 * v,
            gradient,
            "Here the velocity begins at zero, so that two terms are left. Which way does each push?",
        ),
        (
            10.0,
            0 * v,
            0 * gradient,
            "Without velocity and gradient only the decay is left. Does the learning rate count?",
        ),
        (
            0.1,
            v,
            0 * gradient,
            "The velocity of the past is kept by a share; does today's learning rate touch it?",
        ),
        (
            0.01,
            v,
            gradient,
            "Compare with the other learning rate: what must not change in the part of the past?",
        ),
    ]:
        velocity_wanted = 0.9 * velocity - 0.0005 * lr * w - lr * slope
        answer = function(w.clone(), velocity.clone(), slope.clone(), lr)
        given = listed(answer)
        require(
            len(given) == 2,
            "A step gives two tensors, weights and velocity.",
            got=answer,
            hint="Return them in this order.",
        )
        for name, got, wanted in [
            ("velocity", given[1], velocity_wanted),
            ("weights", given[0], w + velocity_wanted),
        ]:
            require(
                is_close(got, wanted, tolerance=1e-9),
                f"With the learning rate {lr:g} the new {name} must be others.",
                got=got,
                hint=hint,
            )
    accept("A velocity of the past keeps the learning rate that it was made with.")


def check_alexnet_ten_crops(function: Callable[[Tensor, int], Tensor]) -> None:
    """Check the ten patches that the paper averages over at test time, called as `function(image, size)`.

    Args:
        function: Gives 10×C×size×size from an image C×H×W: the four corners, the centre, and their mirror images, in any
            order.

    Raises:
        WrongAnswer: If there are others.

    Example:
        >>> def ten(image, size):
        ...     (top, left), (bottom, right) = (0, 0), (s - size for s in image.shape[1:])
        ...     corners = [(top, left), (top, right), (bottom, left), (bottom, right), (bottom // 2, right // 2)]
        ...     crops = torch.stack([image[:, y : y + size, x : x + size] for y, x in corners])
        ...     return torch.cat([crops, crops.flip(3)])
        >>> check_alexnet_ten_crops(ten)
        Correct. Four corners, the centre, and all five mirrored.
    """
    require_function(function)
    size, image = 4, torch.arange(2 * 8 * 10, dtype=torch.float64).reshape(2, 8, 10)
    got = function(image.clone(), size)
    require(
        isinstance(got, Tensor) and tuple(got.shape) == (10, 2, size, size),
        "There must be ten patches of 2×4×4 from an image of 2×8×10.",
        got=tuple(got.shape) if isinstance(got, Tensor) else type(got).__name__,
        hint="Stack them along a new first dimension.",
    )
    places = {
        "upper left": (0, 0),
        "upper right": (0, 6),
        "lower left": (4, 0),
        "lower right": (4, 6),
        "centre": (2, 3),
    }
    for name, (y, x) in places.items():
        patch = image[:, y : y + size, x : x + size]
        for kind, wanted in (("patch", patch), ("mirror image", patch.flip(2))):
            require(
                any(torch.equal(one.double(), wanted) for one in got),
                f"The {kind} of the {name} is missing.",
                got=got,
                hint="The last patch begins at side minus size, the centre at half of that; mirroring turns columns round.",
            )
    accept("Four corners, the centre, and all five mirrored.")
