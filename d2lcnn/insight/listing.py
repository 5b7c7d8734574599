"""The package's own source as a highlighted listing, so that what a page shows is what runs."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def show_source(*objects: Callable[..., Any] | type, docstrings: bool = False) -> Any:
    """Show the source of functions or classes as a Python listing in a notebook.

    Args:
        *objects: Functions or classes whose source is at hand.
        docstrings: Whether to keep their docstrings, which the API page prints.

    Returns:
        An IPython Markdown object, which a notebook renders.

    Raises:
        TypeError: If an object has no Python source, such as a builtin.

    Example:
        >>> from d2lcnn.nets.lenet import lenet
        >>> print(show_source(lenet).data)
        ```python
        def lenet(in_channels: int = 1, num_classes: int = 10) -> LeNet:
            return LeNet(in_channels, num_classes)
        ```
    """
    from IPython.display import Markdown

    listings = [textwrap.dedent(inspect.getsource(thing)).rstrip() for thing in objects]
    if not docstrings:
        listings = [_without_docstrings(listing) for listing in listings]
    return Markdown("```python\n" + "\n\n\n".join(listings) + "\n```")


def _without_docstrings(source: str) -> str:
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        first = node.body[0]
        # A body that is nothing but its docstring keeps it: without it the listing would not be Python.
        if ast.get_docstring(node) is not None and len(node.body) > 1 and first.end_lineno is not None:
            end = first.end_lineno
            if end < len(lines) and not lines[end].strip():
                end += 1  # the empty line between docstring and body goes with it
            for i in range(first.lineno - 1, end):
                lines[i] = "\0"
    return "\n".join(line for line in lines if line != "\0")
