"""The checks of NiN's exercises accept the solution and refuse plausible wrong answers."""

import re

import pytest
import torch
from torch import nn

from d2lcnn import WrongAnswer
from d2lcnn.insight.exercises import nin as checks

from .both_ways import accepts, refuses

COUNTS = {"3×3": 73_856, "1×1": 16_512}


def merge(first, second, *, bias=True):
    merged = nn.Conv2d(
        first.in_channels, second.out_channels, first.kernel_size, padding=first.padding
    ).double()
    mixing = second.weight[:, :, 0, 0]
    with torch.no_grad():
        merged.weight.copy_(torch.einsum("om,mcij->ocij", mixing, first.weight))
        merged.bias.copy_(mixing @ first.bias + second.bias if bias else second.bias)
    return merged


def merge_into_the_first(first, second):
    """In place: the first layer becomes the merged one."""
    merged = merge(first, second)
    first.weight, first.bias, first.out_channels = merged.weight, merged.bias, merged.out_channels
    return first


def merge_without_padding(first, second):
    merged = merge(first, second)
    merged.padding = (0, 0)
    return merged


def plain_sum_of_biases(first, second):
    merged = merge(first, second)
    with torch.no_grad():
        merged.bias.copy_(second.bias + first.bias.mean())
    return merged


def average_matrix(channels, height, width):
    share = torch.full((1, height * width), 1 / (height * width), dtype=torch.float64)
    return torch.kron(torch.eye(channels, dtype=torch.float64), share)


def interleaved(channels, height, width):
    return torch.eye(channels, dtype=torch.float64).repeat(1, height * width) / (height * width)


def class_map(features, weight, bias, labels):
    return nn.functional.conv2d(features, weight[:, :, None, None], bias)[range(len(labels)), labels]


def soft_maximum(maps, r):
    return (torch.logsumexp(r * maps, dim=(2, 3)) - torch.tensor(float(maps[0, 0].numel())).log()) / r


RIGHT = [
    (checks.check_nin_counts, COUNTS),
    (checks.check_nin_merge, merge),
    (checks.check_nin_merge, lambda first, second: merge(first, second).float()),
    (checks.check_nin_merge, merge_into_the_first),
    (checks.check_nin_average_matrix, average_matrix),
    (checks.check_nin_class_map, class_map),
    (checks.check_nin_least_side, lambda side: 32 * side + 35),
    (checks.check_nin_soft_maximum, soft_maximum),
]
WRONG = [
    (checks.check_nin_counts, {}),
    (checks.check_nin_counts, COUNTS | {"3×3": 73_728}),  # no bias
    (checks.check_nin_counts, COUNTS | {"1×1": 64 * 128 + 128}),
    (checks.check_nin_counts, COUNTS | {"1×1": 256}),
    (checks.check_nin_merge, lambda first, second: merge(first, second, bias=False)),
    (checks.check_nin_merge, plain_sum_of_biases),
    (checks.check_nin_merge, merge_without_padding),
    (checks.check_nin_merge, lambda first, second: second),
    (checks.check_nin_merge, lambda first, second: None),
    (checks.check_nin_average_matrix, interleaved),
    (checks.check_nin_average_matrix, lambda c, h, w: average_matrix(c, h, w) * h * w),  # a sum
    (checks.check_nin_average_matrix, lambda c, h, w: average_matrix(c, h, w).T),
    (checks.check_nin_average_matrix, lambda c, h, w: None),
    (checks.check_nin_class_map, lambda f, w, b, y: class_map(f, w, torch.zeros_like(b), y)),
    (checks.check_nin_class_map, lambda f, w, b, y: class_map(f, w, b, y) / f[0, 0].numel()),
    (checks.check_nin_class_map, lambda f, w, b, y: class_map(f, w, b, y.flip(0))),
    (checks.check_nin_class_map, lambda f, w, b, y: class_map(f.relu(), w, b, y)),
    (checks.check_nin_least_side, lambda side: 32 * side + 34),
    (checks.check_nin_least_side, lambda side: 32 * side + 64),  # 224 for 5
    (checks.check_nin_least_side, lambda side: 67 * side),
    (checks.check_nin_soft_maximum, lambda m, r: torch.logsumexp(r * m, dim=(2, 3)) / r),  # a sum
    (checks.check_nin_soft_maximum, lambda m, r: soft_maximum(m, r)[..., None, None]),
    (checks.check_nin_soft_maximum, lambda m, r: soft_maximum(m, r) * r),
    (checks.check_nin_soft_maximum, lambda m, r: (r * m).exp().mean(dim=(2, 3)).log() / r),  # overflows
    (checks.check_nin_soft_maximum, lambda m, r: m.amax(dim=(2, 3))),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (checks.check_nin_merge, merge_without_padding, r"2×5×6×7\. Your answer gives '2×5×4×5'.*padding"),
        (checks.check_nin_merge, lambda first, second: first, "how many maps"),
        (checks.check_nin_merge, lambda first, second: None, "is an nn.Conv2d"),
        (checks.check_nin_merge, lambda *both: merge(*both, bias=False), "What becomes of the first bias"),
        (
            checks.check_nin_soft_maximum,
            lambda m, r: soft_maximum(m, r)[..., None, None],
            r"2×3 numbers\. Your answer gives '2×3×1×1'.*kept",
        ),
    ],
)
def test_hint_is_about_the_mistake(check, answer, message):
    with pytest.raises(WrongAnswer, match=message):
        check(answer)


def test_the_hint_on_the_least_side_does_not_give_the_formula():
    with pytest.raises(WrongAnswer) as refusal:
        checks.check_nin_least_side(lambda side: 0)
    said = str(refusal.value).replace("Your answer gives 0", "")
    assert "(m" not in said
    assert not re.search(r"\b(32|35|67)\b", said)
