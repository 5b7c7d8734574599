"""What all checks of exercises share: how an answer is compared, refused and accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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


def require_function(answer: object) -> None:
    """Refuse an answer that is no function where one is asked for.

    Args:
        answer: What was given to the check.

    Raises:
        WrongAnswer: If it cannot be called.

    Example:
        >>> require_function(None)
        Traceback (most recent call last):
        ...
        d2lcnn.insight.exercises.answers.WrongAnswer: A function is asked for. Your answer gives None...
    """
    require(
        callable(answer),
        "A function is asked for.",
        got=answer,
        hint="Give the function itself: its name, without brackets behind it.",
    )


def listed(answer: object) -> list[object]:
    """List what an answer of several parts holds: a sequence's, a tensor's or an array's; nothing if it has no parts.

    Args:
        answer: The answer, of whatever kind.

    Example:
        >>> listed((1, 2)), listed(torch.tensor([1, 2])), listed(None)
        ([1, 2], [1, 2], [])
    """
    held = answer.tolist() if hasattr(answer, "tolist") else answer
    return list(held) if isinstance(held, Iterable) else []


def entry(answer: object, name: str) -> object:
    """Look an entry of an answer up: None where it is missing, or where the answer has no entries at all.

    Args:
        answer: A mapping, or something else that was given in its place.
        name: The entry's name.

    Example:
        >>> entry({"batch": 2}, "batch"), entry({}, "batch"), entry(None, "batch")
        (2, None, None)
    """
    return answer.get(name) if isinstance(answer, Mapping) else None


def number(answer: object) -> float | None:
    """Read one number, from Python, a tensor or an array; None if the answer is anything else.

    Args:
        answer: The answer, of whatever kind.

    Example:
        >>> number(torch.tensor(0.5)), number([1, 2]), number("1")
        (0.5, None, None)
    """
    value = _real(answer)
    return None if value is None or value.numel() != 1 else value.item()


def is_close(got: object, wanted: Numbers, *, tolerance: float = 1e-6) -> bool:
    """Say whether an answer equals the wanted numbers, in shape too, up to a relative and absolute tolerance.

    Args:
        got: The answer: a number, a sequence of numbers, a tensor or an array; anything else is not close.
        wanted: What it should be.
        tolerance: Largest difference, relative to the wanted number where that is more than 1.

    Example:
        >>> is_close([0.25, 0.5], torch.tensor([0.25, 0.5])), is_close(None, 1.0)
        (True, False)
    """
    target = torch.as_tensor(wanted, dtype=torch.float64)
    answer = _real(got)
    if answer is None or answer.shape != target.shape:
        return False
    return bool(((answer.to(target.device) - target).abs() <= tolerance * target.abs().clamp(min=1)).all())


def _real(answer: object) -> torch.Tensor | None:
    """Read an answer as float64; None if it does not consist of real numbers."""
    if isinstance(answer, torch.Tensor) and answer.is_complex():
        return None
    if isinstance(answer, (list, tuple)):  # torch warns of gradients that a number in a list loses
        answer = [part.detach() if isinstance(part, torch.Tensor) else part for part in answer]
    try:
        return torch.as_tensor(answer, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def _shown(got: object) -> str:
    if getattr(got, "ndim", None) == 0:  # one number in a tensor or an array is shown as a number
        got = got.item()  # type: ignore[attr-defined]
    if isinstance(got, torch.Tensor):
        values = ", ".join(f"{value:.4g}" for value in got.detach().flatten()[:6].tolist())
        return f"a tensor of shape {tuple(got.shape)} that begins with {values}"
    return f"{got:.6g}" if isinstance(got, float) else repr(got)
