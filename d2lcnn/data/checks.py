"""Checks that every loader makes of its numbers."""

from __future__ import annotations

import operator


def check_count(name: str, value: object, *, at_most: int | None = None) -> int:
    """Refuse what is not a whole number of at least one.

    Args:
        name: What the number is, for the message.
        value: What was given; NumPy's integers count as whole numbers, True does not.
        at_most: The largest number that makes sense.

    Raises:
        ValueError: If it is something else, below one, or above `at_most`.

    Example:
        >>> check_count("batch_size", 256)
        256
    """
    allowed = "at least 1" if at_most is None else f"between 1 and {at_most:,}"
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number, {allowed}; got {value!r}.")
    if number < 1 or (at_most is not None and number > at_most):
        raise ValueError(f"{name} must be {allowed}; got {number}.")
    return number
