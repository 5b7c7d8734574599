"""The checks of the comparison's exercises accept the solution and refuse plausible wrong answers."""

import math
from statistics import NormalDist, geometric_mean, harmonic_mean, mean

import numpy as np
import pytest
import torch

import d2lcnn
from d2lcnn.insight.exercises import comparing as checks

from .both_ways import accepts, refuses

NORMAL = NormalDist()


def front(points):
    return [
        i for i, a in enumerate(points) if not any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in points)
    ]


def strictly_better(points):
    return [i for i, a in enumerate(points) if not any(b[0] < a[0] and b[1] < a[1] for b in points)]


def duplicates_beat_each_other(points):
    return [
        i
        for i, a in enumerate(points)
        if not any(j != i and b[0] <= a[0] and b[1] <= a[1] for j, b in enumerate(points))
    ]


def wins(gap, one, other):
    return NORMAL.cdf(-gap / math.hypot(one, other))


def seeds(gap, deviation, chance):
    return math.ceil(2 * (NORMAL.inv_cdf(chance) * deviation / gap) ** 2)


def drawn(k):
    return torch.randn(200_000, k, generator=torch.Generator().manual_seed(0)).amax(dim=1).mean()


RIGHT = [
    (checks.check_comparing_megabytes, lambda parameters, bits: parameters * bits / 8 / 1e6),
    (checks.check_comparing_error_bar, lambda p, n: (p * (1 - p) / n) ** 0.5),
    (checks.check_comparing_front, front),
    (checks.check_comparing_front, d2lcnn.pareto_front),
    (checks.check_comparing_front, lambda points: reversed(front(points))),
    (checks.check_comparing_wins, wins),
    (checks.check_comparing_seeds, seeds),
    (checks.check_comparing_excess, drawn),
    (checks.check_comparing_mean_ratio, geometric_mean),
]
WRONG = [
    (checks.check_comparing_megabytes, lambda parameters, bits: parameters * bits / 1e6),
    (checks.check_comparing_megabytes, lambda parameters, bits: parameters * 4 / 1e6),
    (checks.check_comparing_megabytes, lambda parameters, bits: parameters * bits / 8 / 2**20),
    (checks.check_comparing_error_bar, lambda p, n: p * (1 - p) / n),
    (checks.check_comparing_error_bar, lambda p, n: (p / n) ** 0.5),
    (checks.check_comparing_error_bar, lambda p, n: 0.5 / n**0.5),
    (checks.check_comparing_front, strictly_better),
    (checks.check_comparing_front, duplicates_beat_each_other),
    (checks.check_comparing_front, lambda points: list(range(len(points)))),
    (checks.check_comparing_wins, lambda gap, one, other: 1 - wins(gap, one, other)),
    (checks.check_comparing_wins, lambda gap, one, other: NORMAL.cdf(-gap / one)),
    (checks.check_comparing_wins, lambda gap, one, other: NORMAL.cdf(-gap / (one + other))),
    (checks.check_comparing_seeds, lambda gap, deviation, chance: seeds(gap, deviation, chance) / 2),
    (checks.check_comparing_seeds, lambda gap, deviation, chance: seeds(gap, deviation, chance / 2)),
    (checks.check_comparing_seeds, lambda gap, deviation, chance: seeds(gap, deviation, chance) - 1),
    (checks.check_comparing_excess, lambda k: 0.0),
    (checks.check_comparing_excess, lambda k: (2 * math.log(k)) ** 0.5),
    (checks.check_comparing_mean_ratio, mean),
    (checks.check_comparing_mean_ratio, harmonic_mean),
    (checks.check_comparing_mean_ratio, math.prod),
]  # fmt: skip


def mask(points):
    return [i in front(points) for i in range(len(points))]


# What is no place at all is told apart from a wrong place.
NO_PLACES = [
    mask,
    lambda points: np.array(mask(points)),
    lambda points: np.where(mask(points)),
    lambda points: torch.tensor(mask(points)).nonzero(),
    lambda points: [points[i] for i in front(points)],
]
PLACES = [
    lambda points: np.where(mask(points))[0],
    lambda points: list(np.where(mask(points))[0]),
    lambda points: set(front(points)),
]
WRONG += [(checks.check_comparing_front, answer) for answer in NO_PLACES]
RIGHT += [(checks.check_comparing_front, answer) for answer in PLACES]


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


@pytest.mark.parametrize("answer", NO_PLACES)
def test_what_is_no_place_is_called_so(answer):
    with pytest.raises(d2lcnn.WrongAnswer, match="Places are asked for"):
        checks.check_comparing_front(answer)


def test_counting_from_one_is_pointed_at():
    with pytest.raises(d2lcnn.WrongAnswer, match="are other places, the first pair's being 0"):
        checks.check_comparing_front(lambda points: [i + 1 for i in front(points)])
