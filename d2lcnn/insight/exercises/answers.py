"""What all checks of exercises share: how an answer is compared, refused and accepted."""

from __future__ import annotations

from collections.abc import Sequence

import torch

Numbers = float | Sequence[float] | torch.Tensor


class WrongAnswer(ValueError):
    """An answer to an exercise that is not right yet; the message says what to look at next.

    Example:
        >>> issubclass(WrongAnswer, ValueError)
        True
    """


def accept(reason: str) -> None:
    """Print that an answer is right, and what that shows.

    Args:
        reason: What has been checked, as one sentence.

    Example:
        >>> accept("Both variances agree.")
        Correct. Both variances agree.
    """
    print(f"Correct. {reason}")


def require(holds: bool, rule: str, *, got: object, hint: str) -> None:
    """Refuse an answer that breaks a rule.

    Args:
        holds: Whether the answer keeps the rule.
        rule: What is asked for, as one sentence.
        got: What the answer gave.
        hint: Where to look next, as one sentence that does not give the answer away.

    Raises:
        WrongAnswer: If the rule does not hold.

    Example:
        >>> require(3 > 2, "Three must be more than two.", got=3, hint="Count again.")
    """
    if not holds:
        raise WrongAnswer(f"{rule} Your answer gives {_shown(got)}. {hint}")


def is_close(got: object, wanted: Numbers, *, tolerance: float = 1e-6) -> bool:
    """Say whether an answer equals the wanted numbers, in shape too, up to a relative and absolute tolerance.

    Args:
        got: The answer: a number, a sequence of numbers or a tensor; anything else is not close.
        wanted: What it should be.
        tolerance: Largest difference, relative to the wanted number where that is more than 1.

    Example:
        >>> is_close([0.25, 0.5], torch.tensor([0.25, 0.5])), is_close(None, 1.0)
        (True, False)
    """
    target = torch.as_tensor(wanted, dtype=torch.float64)
    try:
        answer = torch.as_tensor(got, dtype=torch.float64).detach().to(target.device)
    except (TypeError, ValueError, RuntimeError):
        return False
    if answer.shape != target.shape:
        return False
    return bool(((answer - target).abs() <= tolerance * target.abs().clamp(min=1)).all())


def _shown(got: object) -> str:
    if isinstance(got, torch.Tensor):
        values = ", ".join(f"{value:.4g}" for value in got.detach().flatten()[:6].tolist())
        return f"a tensor of shape {tuple(got.shape)} that begins with {values}"
    return f"{got:.6g}" if isinstance(got, float) else repr(got)
