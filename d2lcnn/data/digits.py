"""The handwritten digits that come with scikit-learn: real images that need no download."""

from __future__ import annotations

import torch

from d2lcnn.data.download import Arrays
from d2lcnn.data.resize import resize_images

NUMERALS = tuple(str(digit) for digit in range(10))


def read_digits(size: int = 8, channels: int = 1) -> Arrays:
    """Read the 1,797 UCI digits, in a fixed stratified split of 1,437 for training and 360 for testing.

    Args:
        size: Side of the images in pixels; 8 is their own.
        channels: How often the one grey channel is repeated.

    Shape:
        → 1437×channels×size×size and 360×channels×size×size, uint8.

    Source:
        Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, the test part; in
        `sklearn.datasets.load_digits`. Grey levels 0..16 become 0..255.

    Example:
        >>> digits = read_digits()
        >>> len(digits.train_images), len(digits.test_images), int(digits.train_images.max())
        (1437, 360, 255)
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    levels = torch.from_numpy(data.images).unsqueeze(1) * (255 / 16)
    images = resize_images(levels, size).round().to(torch.uint8).repeat(1, channels, 1, 1)
    labels = torch.from_numpy(data.target)
    train, test = train_test_split(range(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    return Arrays(images[train], labels[train], images[test], labels[test], NUMERALS)
