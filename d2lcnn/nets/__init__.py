"""The networks, one family per file."""

from d2lcnn.nets.lenet import (
    LeNet,
    LeNet5,
    RBFOutput,
    ScaledTanh,
    Subsampling,
    TableConv2d,
    digit_codes,
    lenet,
    lenet5,
    lenet_bn,
)

__all__ = [
    "LeNet",
    "LeNet5",
    "RBFOutput",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "digit_codes",
    "lenet",
    "lenet5",
    "lenet_bn",
]
