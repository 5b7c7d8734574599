"""The layout that a network trains in."""

import pytest
import torch

import d2lcnn
from d2lcnn.training.layout import fastest_layout


@pytest.mark.parametrize(
    ("recipe", "precision", "compile", "side_by_side"),
    [
        ("resnet18", "float32", False, False),
        ("resnet18", "float32", True, True),
        ("resnet18", "bfloat16", False, True),
        ("lenet", "bfloat16", False, True),
        ("lenet_bn", "bfloat16", False, False),
        ("lenet_bn", "bfloat16", True, True),
    ],
)
def test_channels_lie_side_by_side_where_that_is_faster(recipe, precision, compile, side_by_side):
    layout = fastest_layout(d2lcnn.RECIPES[recipe].build(), precision, compile=compile)
    assert layout == (torch.channels_last if side_by_side else torch.contiguous_format)
