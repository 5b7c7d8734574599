"""The course's training runs as data: which network, on what, with which settings."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from d2lcnn.data import Batches, load_data_cifar10, load_data_fashion_mnist, load_data_mnist
from d2lcnn.nets.alexnet import course_alexnet
from d2lcnn.nets.densenet import course_densenet
from d2lcnn.nets.googlenet import course_googlenet
from d2lcnn.nets.lenet import LeNet, lenet, lenet_bn
from d2lcnn.nets.mobilenet_v1 import MobileNetV1
from d2lcnn.nets.nin import course_nin
from d2lcnn.nets.norm_resnet import NORMS, course_norm_net
from d2lcnn.nets.resnet import course_resnet18
from d2lcnn.nets.vgg import course_vgg11
from d2lcnn.training.words import in_words


@dataclass(frozen=True)
class Recipe:
    """A training run as data.

    Args:
        build: Makes a fresh network.
        batch_size: Images in a batch.
        resize: Side of the square images, in pixels.
        lr: Learning rate.
        num_epochs: Passes over the training data.
        load: Loads the data: called as `load(batch_size, resize=…, device=…)`, gives training and test batches.
        optimizer: Called as `optimizer(parameters, lr=lr)`.
        about: What is special about it, in a few words.

    Example:
        >>> RECIPES["lenet"].lr, RECIPES["lenet"].batch_size
        (0.9, 256)
    """

    build: Callable[[], nn.Module]
    batch_size: int
    resize: int
    lr: float
    num_epochs: int = 10
    load: Callable[..., tuple[Batches, Batches]] = load_data_fashion_mnist
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD
    about: str = ""

    def settings(self) -> dict[str, Any]:
        """Give the recipe as plain data, for the record of a run."""
        return {
            "build": in_words(self.build),
            "batch_size": self.batch_size,
            "resize": self.resize,
            "lr": self.lr,
            "num_epochs": self.num_epochs,
            "data": in_words(self.load).removeprefix("load_data_"),
            "optimizer": in_words(self.optimizer),
            "about": self.about,
        }


def lenet_relu() -> LeNet:
    """Build the course's LeNet with ReLU in place of the sigmoid.

    Example:
        >>> type(lenet_relu().conv1_act).__name__
        'ReLU'
    """
    return LeNet(activation_layer=nn.ReLU)


def lenet_max() -> LeNet:
    """Build the course's LeNet with maximum in place of average pooling.

    Example:
        >>> type(lenet_max().pool1).__name__
        'MaxPool2d'
    """
    return LeNet(pool_layer=nn.MaxPool2d)


def lenet_relu_max() -> LeNet:
    """Build the course's LeNet with ReLU and maximum pooling, as it is mostly drawn today.

    Example:
        >>> net = lenet_relu_max()
        >>> type(net.conv1_act).__name__, type(net.pool1).__name__
        ('ReLU', 'MaxPool2d')
    """
    return LeNet(activation_layer=nn.ReLU, pool_layer=nn.MaxPool2d)


RECIPES: dict[str, Recipe] = {
    "lenet": Recipe(lenet, 256, 28, 0.9, about="sigmoid, average pooling"),
    "lenet_bn": Recipe(lenet_bn, 256, 28, 1.0, about="batch normalization before each sigmoid"),
    "lenet_max": Recipe(lenet_max, 256, 28, 0.9, about="sigmoid, maximum pooling"),
    "lenet_relu": Recipe(lenet_relu, 256, 28, 0.1, about="ReLU, average pooling"),
    "lenet_relu_max": Recipe(lenet_relu_max, 256, 28, 0.1, about="ReLU, maximum pooling"),
    "lenet_mnist": Recipe(lenet, 256, 28, 0.9, load=load_data_mnist, about="sigmoid, average pooling"),
    "alexnet": Recipe(course_alexnet, 128, 224, 0.01, about="one channel, ten classes"),
    "vgg11": Recipe(course_vgg11, 128, 224, 0.05, about="a quarter of the channels"),
    "nin": Recipe(course_nin, 128, 224, 0.1, about="one channel, ten classes"),
    "googlenet": Recipe(course_googlenet, 128, 96, 0.1, about="biases and no norm"),
    "resnet18": Recipe(course_resnet18, 256, 96, 0.05, about="biases, no norm on the shortcuts"),
    "densenet": Recipe(course_densenet, 256, 96, 0.1, about="four blocks of four, growth rate 32"),
    "mobilenet_v1": Recipe(MobileNetV1, 256, 96, 0.1, about="one channel, ten classes"),
}

# Chapter 3: one plain net with each norm, at the batch size at which it circulates ...
for _norm in NORMS:
    RECIPES[f"norm_{_norm}"] = Recipe(
        functools.partial(course_norm_net, _norm),
        batch_size=64,
        resize=32,
        lr=1e-3,
        num_epochs=5,
        load=load_data_cifar10,
        optimizer=torch.optim.Adam,
        about=f"plain net with {NORMS[_norm].title}",
    )
# ... and at others, on a fifth of the images. Adam's rate goes with the root of the batch size, which keeps the noise
# of its updates alike (Malladi and others 2022).
SWEEP_BATCH_SIZES = (1, 2, 4, 16, 64, 256)
for _norm in NORMS:
    for _size in SWEEP_BATCH_SIZES:
        RECIPES[f"norm_{_norm}_batch{_size}"] = Recipe(
            functools.partial(course_norm_net, _norm),
            batch_size=_size,
            resize=32,
            lr=1e-3 * math.sqrt(_size / 64),
            num_epochs=5,
            load=functools.partial(load_data_cifar10, subset=10_000),
            optimizer=torch.optim.Adam,
            about=f"plain net with {NORMS[_norm].title}, batch size {_size}, 10,000 training images",
        )
