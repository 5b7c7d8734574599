"""Functions and settings as words, which must read the same anywhere: they go into records and checkpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def in_words(function: Callable[..., Any]) -> str:
    """Name a function, and the arguments that a partial one has been given; anything else is its own `repr`.

    Args:
        function: A function, a class, a partial of one, or a callable object.

    Example:
        >>> in_words(functools.partial(print, 1, sep=", "))
        "print(1, sep=', ')"
    """
    if isinstance(function, functools.partial):
        given = [
            *map(repr, function.args),
            *(f"{name}={value!r}" for name, value in function.keywords.items()),
        ]
        return f"{function.func.__name__}({', '.join(given)})"
    return getattr(function, "__name__", None) or repr(function)
