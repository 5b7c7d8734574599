"""Data sets, as batches that live on the training device."""

from d2lcnn.data.augment import RandomCrops, RandomFlips
from d2lcnn.data.batches import Batches
from d2lcnn.data.device import try_gpu
from d2lcnn.data.fast import fast_mode
from d2lcnn.data.loaders import (
    load_data_cifar10,
    load_data_digits,
    load_data_fashion_mnist,
    load_data_folder,
    load_data_mnist,
)
from d2lcnn.data.resize import resize_images

__all__ = [
    "Batches",
    "RandomCrops",
    "RandomFlips",
    "fast_mode",
    "load_data_cifar10",
    "load_data_digits",
    "load_data_fashion_mnist",
    "load_data_folder",
    "load_data_mnist",
    "resize_images",
    "try_gpu",
]
