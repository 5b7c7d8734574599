"""Fast mode: one switch, and all the numbers that it brings.

With `D2LCNN_FAST=1` in the environment the course's loaders serve scikit-learn's handwritten digits, which need no
download, and `train_ch6` trains on them for a few epochs only, so that every notebook runs in seconds.
"""

from __future__ import annotations

import os

FAST_BATCH_SIZE = 32  # the largest batch; 1,437 training images then still make 45 steps
FAST_EPOCHS = 2  # the cap that train_ch6 applies to a fast loader
# Up to 64×64 pixels a loader serves all its digits. Above, it serves 40 for training, each digit at least once and one
# batch that is not full, and half as many for testing, which AlexNet at 224×224 and ResNet-18 at 96×96 pass in seconds on
# one thread; of images above 224×224 fewer yet, as many as have no more pixels together.
FAST_FULL_SIZE = 64 * 64
FAST_IMAGES = 40
FAST_PIXELS = FAST_IMAGES * 224 * 224


def fast_mode() -> bool:
    """Tell whether fast mode is on, that is, whether the environment has `D2LCNN_FAST=1`.

    Raises:
        ValueError: If the variable holds anything but nothing, 0 or 1.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", D2LCNN_FAST="1"):
        ...     fast_mode()
        True
    """
    value = os.environ.get("D2LCNN_FAST", "")
    if value not in ("", "0", "1"):
        raise ValueError(
            f"D2LCNN_FAST must be 1 (fast mode) or 0 (full data); the environment has {value!r}."
        )
    return value == "1"


def fast_counts(height: int, width: int, train: int, test: int) -> tuple[int, int]:
    """Say how many training and test images fast mode serves at a size.

    Args:
        height: Height of the served images, in pixels.
        width: Width of the served images, in pixels.
        train: Number of training images that there are.
        test: Number of test images that there are.

    Example:
        >>> fast_counts(28, 28, 1437, 360)
        (1437, 360)
        >>> fast_counts(96, 96, 1437, 360), fast_counts(448, 448, 1437, 360)
        ((40, 20), (10, 5))
    """
    pixels = height * width
    if pixels <= FAST_FULL_SIZE:
        return train, test
    served = min(FAST_IMAGES, max(1, FAST_PIXELS // pixels))
    return min(train, served), min(test, max(1, served // 2))
