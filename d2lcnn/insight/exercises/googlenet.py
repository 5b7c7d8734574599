"""Self-checks of the chapter on GoogLeNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from d2lcnn.insight.exercises.answers import accept, is_close, listed, require, require_function
from d2lcnn.nets.googlenet import INCEPTIONS, FactorizedInception


def check_googlenet_channels(answer: Sequence[int] | Tensor) -> None:
    """Check the channels that leave the nine Inception blocks.

    Args:
        answer: Nine numbers, for 3a, 3b, 4a to 4e, 5a and 5b.

    Raises:
        WrongAnswer: If one is another.

    Example:
        >>> check_googlenet_channels([416] * 9)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Block 3a gives another number of channels. Your answer gives 416...
    """
    given = listed(answer)
    require(len(given) == 9, "There are nine blocks.", got=answer, hint="Give one number for each.")
    for (name, (c1, c2, c3, c4)), got in zip(INCEPTIONS.items(), given, strict=True):
        require(
            is_close(got, c1 + c2[1] + c3[1] + c4),
            f"Block {name} gives another number of channels.",
            got=got,
            hint="Which convolutions stand at the end of a path, and what is done with what they give?",
        )
    accept("The ends of the four paths, side by side; the reductions stay inside.")


def check_googlenet_cost(cost: Callable[[int, int, int, int], float]) -> None:
    """Check the multiply-adds, for one position, of a path that reduces before a large kernel.

    Args:
        cost: Called with the channels that come in, those it reduces to, those that go out, and the kernel's side.

    Raises:
        WrongAnswer: If it gives another number for one of several paths.

    Example:
        >>> check_googlenet_cost(lambda m, r, c, k: k * k * m * c)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The path 192 → 16 → 32 with k=5 costs something else...
    """
    require_function(cost)
    for m, r, c, k in ((192, 16, 32, 5), (480, 96, 208, 3), (7, 3, 2, 1)):
        require(
            is_close(cost(m, r, c, k), m * r + k * k * r * c),
            f"The path {m} → {r} → {c} with k={k} costs something else.",
            got=cost(m, r, c, k),
            hint="There are two convolutions; a weight is used once for each position.",
        )
    accept("Two cheap convolutions in place of a dear one.")


def check_googlenet_merge(merge: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Check the weights of one 5×5 convolution that does what a 1×1, a 3×3 and a 5×5 do side by side.

    Args:
        merge: Called with the weights of the three, out×in×k×k; gives the weights of the one, their outputs in order.

    Raises:
        WrongAnswer: If the one convolution, with padding 2, gives something else than the three side by side.

    Example:
        >>> check_googlenet_merge(lambda one, three, five: five)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: The kernel is 9×4×5×5. Your answer gives (4, 4, 5, 5)...
    """
    require_function(merge)
    own = torch.Generator().manual_seed(0)
    # float32, so that an answer may copy weights into a new tensor; the outputs in float64, so that copies are exact.
    weights = [torch.randn(out, 4, k, k, generator=own) for out, k in ((2, 1), (3, 3), (4, 5))]
    x = torch.randn(2, 4, 7, 7, dtype=torch.float64, generator=own)
    wanted = torch.cat(
        [nn.functional.conv2d(x, w.double(), padding=w.shape[-1] // 2) for w in weights], dim=1
    )
    got = merge(*weights)
    shape = tuple(got.shape) if isinstance(got, Tensor) else got
    require(
        shape == (9, 4, 5, 5),
        "The kernel is 9×4×5×5.",
        got=shape,
        hint="All outputs come from kernels of one size; how does a small kernel become a large one that does the same?",
    )
    require(
        is_close(nn.functional.conv2d(x, got.double(), padding=2), wanted),
        "The outputs are not those of the three, in their order.",
        got=got,
        hint="The middle of a small kernel has to stay in the middle.",
    )
    accept("Three sizes side by side are one large kernel, most of it zero.")


def check_googlenet_factors(answer: Sequence[float] | Tensor) -> None:
    """Check the shares of weights that are left when kernels are factorized, with equal channels throughout.

    Args:
        answer: For a 5×5 as two 3×3, and for a 7×7 as 1×7 and 7×1, the weights left, as shares of the whole kernel's.

    Raises:
        WrongAnswer: If one is another.

    Example:
        >>> check_googlenet_factors((9 / 25, 2 / 7))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: Two 3×3 keep another share. Your answer gives 0.36...
    """
    given = listed(answer)
    require(len(given) == 2, "Two shares are asked for.", got=answer, hint="First the 5×5, then the 7×7.")

    def weights(module: nn.Module) -> int:
        return sum(p.numel() for p in module.parameters() if p.dim() == 4)

    with torch.device("meta"):
        two = FactorizedInception(8, 8, (8, 8), (8, 8), 8, norm_layer=None)
        thin = FactorizedInception(8, 8, (8, 8), (8, 8), 8, kernel_size=7, asymmetric=True, norm_layer=None)
    shares = (weights(two.path3[1:]) / (25 * 64), weights(thin.path2[1:]) / (49 * 64))
    for name, got, right in zip(("Two 3×3 keep", "1×7 and 7×1 keep"), given, shares, strict=True):
        require(
            is_close(got, right, tolerance=1e-3),
            f"{name} another share.",
            got=got,
            hint="Count the weights of both convolutions, and divide by those of the one.",
        )
    accept("18 of 25, and 2 of 7.")


def check_googlenet_smoothing(loss: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Check a cross-entropy with smoothed labels.

    Args:
        loss: Called with logits N×K, labels and the share ε that is spread over all K classes; gives the mean loss.

    Raises:
        WrongAnswer: If it differs from torch's.

    Example:
        >>> check_googlenet_smoothing(lambda z, y, eps: nn.functional.cross_entropy(z, y))
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: With ε = 0.1 the loss is another. Your answer gives ...
    """
    require_function(loss)
    own = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(6, 5, dtype=torch.float64, generator=own), torch.tensor([0, 1, 2, 3, 4, 0])
    for eps in (0.0, 0.1):
        wanted = nn.functional.cross_entropy(logits, labels, label_smoothing=eps)
        got = loss(logits.clone(), labels.clone(), eps)  # an answer may work in place
        require(
            is_close(got, wanted),
            f"With ε = {eps:g} the loss is another.",
            got=got,
            hint="The right class keeps 1 − ε and gets its part of ε as well; the mean is over examples.",
        )
    accept("The same as torch's, with and without smoothing.")
