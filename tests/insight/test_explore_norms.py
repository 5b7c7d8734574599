"""The figure of what each norm looks at."""

import pytest
import torch
from torch import nn

from d2lcnn.insight.explore_norms import CASES, explore_norms, statistics_set
from d2lcnn.layers.batch_norm import BatchNorm2d
from d2lcnn.layers.group_norm import GroupNorm, InstanceNorm2d
from d2lcnn.layers.layer_norm import LayerNorm

X = torch.randn(4, 6, 2, 2, dtype=torch.float64)
ELEMENT = (1, 4, 0, 1)


@pytest.mark.parametrize(
    ("norm", "where"),
    [
        (BatchNorm2d(6), (slice(None), 4)),
        (LayerNorm([6, 2, 2]), (1,)),
        (GroupNorm(2, 6), (1, slice(3, 6))),
        (InstanceNorm2d(6), (1, 4)),
        (nn.ReLU(), ELEMENT),
    ],
)
def test_set_is_what_the_formula_says(norm, where):
    wanted = torch.zeros(X.shape, dtype=torch.bool)
    wanted[where] = True
    x = X.abs()  # so that no ReLU is off
    assert torch.equal(statistics_set(norm.double(), x, ELEMENT), wanted)


def test_running_statistics_stay():
    norm = BatchNorm2d(6).double()
    statistics_set(norm, X, ELEMENT)
    assert norm.num_batches_tracked == 0
    assert norm.running_mean.abs().sum() == 0


def test_position_must_fit():
    with pytest.raises(ValueError, match=r"each of the 4 dimensions, got \(1, 2\)"):
        statistics_set(BatchNorm2d(6).double(), X, (1, 2))


def test_what_weights_and_patches_count_for():
    figure = explore_norms()
    said = {name: figure.frames[name, 1][1] for name in CASES}
    assert {n for n, s in said.items() if "; the length of the row of weights does not" in s} == {
        "weight", "weight, mean of batch", "weight standardization"
    }  # fmt: skip
    assert [n for n, s in said.items() if "neither the length" in s] == ["cosine"]
    assert said["group"].startswith("12 of the cube's 96 values enter: 1 sample × 3 channels × 4 positions")
    assert said["weight"].startswith("No other value")


def test_group_norm_jumps_between_channels_3_and_4():
    pictures = [explore_norms().svg("group", channel) for channel in (1, 3, 4)]
    blue_rows = [
        {part.split('"')[1] for part in p.split(" y=")[1:] if "#2f7fc1" in part.split("/>")[0]}
        for p in pictures
    ]
    assert blue_rows[0] == blue_rows[1] != blue_rows[2]
