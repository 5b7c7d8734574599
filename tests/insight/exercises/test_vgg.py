"""The checks of VGG's exercises accept the solution and refuse plausible wrong answers."""

import pytest
import torch
from torch import nn

from d2lcnn import WrongAnswer
from d2lcnn.insight import build_on_meta, receptive_field
from d2lcnn.insight.exercises import vgg as checks
from d2lcnn.nets.vgg import VGG

from .both_ways import accepts, refuses

FIELDS = {"A": 134, "B": 140, "C": 140, "D": 196, "E": 252}


def from_channels_last(weight, channels, side):
    return weight.reshape(-1, side, side, channels).permute(0, 3, 1, 2)


def as_convolution(weight, channels, side):
    conv = nn.Conv2d(channels, len(weight), side)
    with torch.no_grad():
        conv.weight.copy_(from_channels_last(weight, channels, side))
    return conv


RIGHT = [
    (checks.check_vgg_layers, lambda k: (k - 1) // 2),
    (checks.check_vgg_ratio, lambda k: 9 * ((k - 1) // 2) / k**2),
    (checks.check_vgg_doubling, lambda k: (4.5 + 9 * ((k - 1) // 2 - 1)) / (k**2 / 2)),
    (checks.check_vgg_pooled, 37_694_248),
    (checks.check_vgg_fields, FIELDS),
    (checks.check_vgg_fields, {name: torch.tensor(side) for name, side in FIELDS.items()}),
    (checks.check_vgg_convolution, from_channels_last),
    (checks.check_vgg_convolution, as_convolution),
    (checks.check_vgg_convolution, lambda *dense: as_convolution(*dense).weight),
    (checks.check_vgg_convolution, lambda *dense: from_channels_last(*dense).numpy()),
    (checks.check_vgg_deviation, lambda channels, k: (2 / (channels * k * k)) ** 0.5),
]
WRONG = [
    (checks.check_vgg_layers, lambda k: k // 3),
    (checks.check_vgg_layers, lambda k: k - 2),
    (checks.check_vgg_layers, lambda k: None),
    (checks.check_vgg_ratio, lambda k: 9 / k**2),
    (checks.check_vgg_ratio, lambda k: 27 / k**2),
    (checks.check_vgg_ratio, lambda k: k**2 / (9 * (k - 1) / 2)),
    (checks.check_vgg_doubling, lambda k: 9 * (k - 1) / (2 * k**2)),
    (checks.check_vgg_doubling, lambda k: 9 * (k - 2) / (2 * k**2)),
    (checks.check_vgg_doubling, lambda k: 9 * (k - 1) / k**2),
    (checks.check_vgg_doubling, lambda k: None),
    (checks.check_vgg_pooled, 138_357_544),
    (checks.check_vgg_pooled, 37_694_248 - 4096),
    (checks.check_vgg_pooled, 138_357_544 - 49 * 512 * 4096),
    (checks.check_vgg_pooled, None),
    (checks.check_vgg_fields, {}),
    (checks.check_vgg_fields, FIELDS | {"C": 196}),
    (checks.check_vgg_fields, FIELDS | {"A": 150}),
    (checks.check_vgg_fields, dict.fromkeys(FIELDS, 224)),
    (checks.check_vgg_fields, dict.fromkeys(FIELDS)),
    (checks.check_vgg_fields, list(FIELDS.values())),
    (checks.check_vgg_convolution, lambda weight, channels, side: weight),
    (checks.check_vgg_convolution, lambda weight, channels, side: weight.reshape(-1, channels, side, side)),
    (
        checks.check_vgg_convolution,
        lambda weight, channels, side: weight.reshape(-1, side, side, channels).permute(0, 3, 2, 1),
    ),
    (checks.check_vgg_convolution, lambda weight, channels, side: None),
    (checks.check_vgg_convolution, lambda weight, channels, side: weight.reshape(-1, side, side, channels)),
    (checks.check_vgg_deviation, lambda channels, k: (1 / (channels * k * k)) ** 0.5),
    (checks.check_vgg_deviation, lambda channels, k: 2 / (channels * k * k)),
    (checks.check_vgg_deviation, lambda channels, k: 0.01),
]


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


def test_a_pair_of_sides_is_told_from_a_wrong_side():
    with pytest.raises(WrongAnswer, match=r"not one number.*\(134, 134\)"):
        checks.check_vgg_fields({name: (side, side) for name, side in FIELDS.items()})


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_those_of_the_networks(name):
    table = receptive_field(build_on_meta(lambda: VGG(name)), (1, 3, 224, 224))
    size = [row.size for row in table if row.kind == "Conv2d"][-1]
    assert size == (FIELDS[name], FIELDS[name]) == (checks._FIELDS[name],) * 2
