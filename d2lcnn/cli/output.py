"""What the commands print: results on standard output, how they get on on standard error."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from d2lcnn.training.history import CURVES, History


def print_json(value: Any) -> None:
    """Print a value as one JSON document.

    Args:
        value: Plain data.

    Example:
        >>> print_json({"accuracy": 0.5})
        {
         "accuracy": 0.5
        }
    """
    print(json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False))


def last_epoch(history: History) -> dict[str, Any]:
    """Give what a run measured after its last whole epoch, and its speed, as plain data.

    Args:
        history: The run's history.

    Example:
        >>> history = History(num_epochs=2, device="cpu", device_name="a CPU", precision="float32")
        >>> last_epoch(history)
        {'epochs': 0, 'num_epochs': 2, 'wall_seconds': 0, 'examples_per_second': None}
    """
    speed = history.examples_per_second
    return {
        "epochs": len(history),
        "num_epochs": history.num_epochs,
        **{name: getattr(history, name)[-1] for name in CURVES if getattr(history, name)},
        "wall_seconds": history.wall_seconds,
        "examples_per_second": speed if math.isfinite(speed) else None,
    }


@contextmanager
def epochs_told() -> Iterator[None]:
    """Print a line after each epoch on standard error where no progress bar is shown, as in the log of a job.

    Example:
        >>> with epochs_told():
        ...     pass
    """
    if sys.stderr.isatty():
        yield
        return
    logger = logging.getLogger("d2lcnn")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
