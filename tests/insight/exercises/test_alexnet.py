"""The checks of AlexNet's exercises accept the solution and refuse plausible wrong answers."""

import pytest
import torch
from torch import nn

from d2lcnn.insight.exercises import alexnet as checks
from d2lcnn.insight.exercises.answers import WrongAnswer

from .both_ways import accepts, refuses

SIDES = [63, 31, 31, 15, 15, 15, 15, 7]
torch_lrn = nn.functional.local_response_norm


def lrn(a, n, k, alpha, beta):
    energy = torch.stack(
        [a[:, max(0, i - n // 2) : i + n // 2 + 1].square().sum(1) for i in range(a.shape[1])], dim=1
    )
    return a / (k + alpha * energy) ** beta


def over_pixels(a, n, k, alpha, beta):
    return a / (k + alpha * n * nn.functional.avg_pool2d(a.square(), (1, n), 1, (0, n // 2))) ** beta


def folded(factor, bias_factor=None):
    def fold(linear, p):
        layer = nn.Linear(linear.in_features, linear.out_features)
        layer.weight.data = linear.weight * factor(p)
        layer.bias.data = linear.bias * (bias_factor or (lambda p: 1))(p)
        return layer

    return fold


def fold_by_copying(linear, p):
    layer = nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        layer.weight.copy_(linear.weight * (1 - p))
        layer.bias.copy_(linear.bias)
    return layer


def fold_in_place(linear, p):
    linear.weight.mul_(1 - p)
    return linear


def as_conv(order=(0, 1, 2, 3), bias=True, **settings):
    def convert(linear, channels, side):
        conv = nn.Conv2d(channels, linear.out_features, side, **settings)
        shape = [linear.out_features, channels, side, side]
        inverse = [order.index(i) for i in range(4)]
        conv.weight.data = linear.weight.reshape([shape[i] for i in order]).permute(inverse).clone()
        conv.bias.data = linear.bias * bias
        return conv

    return convert


def momentum(w, v, gradient, lr):
    v = 0.9 * v - 0.0005 * lr * w - lr * gradient
    return w + v, v


def torchs_momentum(w, v, gradient, lr):
    v = 0.9 * v + gradient + 0.0005 * w
    return w - lr * v, v


def rescaled_past(w, v, gradient, lr):
    v = lr * (0.9 * v / 0.1 - 0.0005 * w - gradient)
    return w + v, v


def decay_without_rate(w, v, gradient, lr):
    v = 0.9 * v - 0.0005 * w - lr * gradient
    return w + v, v


def old_velocity(w, v, gradient, lr):
    return w + v, momentum(w, v, gradient, lr)[1]


def ten_crops(mirror=3, centre=2):
    def crops(image, size):
        bottom, right = (side - size for side in image.shape[1:])
        places = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // centre, right // centre)]
        found = torch.stack([image[:, y : y + size, x : x + size] for y, x in places])
        return torch.cat([found, found.flip(mirror)])

    return crops


RIGHT = [
    (checks.check_alexnet_sides, SIDES),
    (checks.check_alexnet_sides, tuple(SIDES)),
    (checks.check_alexnet_grouped, lambda c, o, k, g: o * (c // g * k**2 + 1)),
    (checks.check_alexnet_lrn, lrn),
    (checks.check_alexnet_fold_dropout, folded(lambda p: 1 - p)),
    (checks.check_alexnet_fold_dropout, fold_by_copying),
    (checks.check_alexnet_fold_dropout, lambda linear, p: folded(lambda p: 1 - p)(linear, p).double()),
    (checks.check_alexnet_dense_as_conv, as_conv()),
    (checks.check_alexnet_dense_as_conv, lambda *given: as_conv()(*given).double()),
    (checks.check_alexnet_momentum, momentum),
    (checks.check_alexnet_momentum, lambda *given: list(momentum(*given))),
    (checks.check_alexnet_ten_crops, ten_crops()),
    (checks.check_alexnet_ten_crops, lambda image, size: ten_crops()(image, size).flip(0)),
]
WRONG = [
    (checks.check_alexnet_sides, []),
    (checks.check_alexnet_sides, [63, 31, 27, 13, 11, 9, 7, 3]),
    (checks.check_alexnet_sides, [65, 32, 32, 15, 15, 15, 15, 7]),
    (checks.check_alexnet_sides, [62, *SIDES[1:]]),
    (checks.check_alexnet_grouped, lambda c, o, k, g: o * c * k**2 + o),
    (checks.check_alexnet_grouped, lambda c, o, k, g: o // g * (c // g) * k**2 + o),
    (checks.check_alexnet_grouped, lambda c, o, k, g: o * (c // g) * k**2),
    (checks.check_alexnet_grouped, lambda c, o, k, g: None),
    (checks.check_alexnet_lrn, lambda a, n, k, alpha, beta: torch_lrn(a, n, alpha, beta, k)),
    (checks.check_alexnet_lrn, over_pixels),
    (checks.check_alexnet_lrn, lambda a, n, k, alpha, beta: lrn(a, 2 * n + 1, k, alpha, beta)),
    (checks.check_alexnet_lrn, lambda a, n, k, alpha, beta: a / (k + alpha * a.square()) ** beta),
    (checks.check_alexnet_lrn, lambda a, n, k, alpha, beta: None),
    (checks.check_alexnet_fold_dropout, folded(lambda p: 1 / (1 - p))),
    (checks.check_alexnet_fold_dropout, folded(lambda p: p)),
    (checks.check_alexnet_fold_dropout, folded(lambda p: 1 - p, lambda p: 1 - p)),
    (checks.check_alexnet_fold_dropout, fold_in_place),
    (checks.check_alexnet_fold_dropout, lambda linear, p: None),
    (checks.check_alexnet_dense_as_conv, as_conv(order=(0, 2, 3, 1))),
    (checks.check_alexnet_dense_as_conv, as_conv(order=(0, 1, 3, 2))),
    (checks.check_alexnet_dense_as_conv, as_conv(bias=False)),
    (checks.check_alexnet_dense_as_conv, as_conv(stride=3)),
    (checks.check_alexnet_dense_as_conv, as_conv(padding=1)),
    (checks.check_alexnet_dense_as_conv, lambda linear, channels, side: linear),
    (checks.check_alexnet_dense_as_conv, lambda linear, channels, side: nn.Conv2d(channels * side**2, 4, 1)),
    (checks.check_alexnet_dense_as_conv, lambda linear, channels, side: nn.Conv2d(channels, 4, side**2)),
    (checks.check_alexnet_momentum, torchs_momentum),
    (checks.check_alexnet_momentum, rescaled_past),
    (checks.check_alexnet_momentum, decay_without_rate),
    (checks.check_alexnet_momentum, old_velocity),
    (checks.check_alexnet_momentum, lambda w, v, gradient, lr: w),
    (checks.check_alexnet_ten_crops, ten_crops(mirror=2)),
    (checks.check_alexnet_ten_crops, ten_crops(centre=3)),
    (checks.check_alexnet_ten_crops, lambda image, size: ten_crops()(image, size)[:5]),
    (checks.check_alexnet_ten_crops, lambda image, size: tuple(ten_crops()(image, size))),
    (checks.check_alexnet_ten_crops, lambda image, size: None),
]


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)


@pytest.mark.parametrize(
    ("check", "answer", "hint"),
    [
        (
            checks.check_alexnet_lrn,
            lambda a, n, k, alpha, beta: torch_lrn(a, n, alpha, beta, k),
            "torch's values",
        ),
        (checks.check_alexnet_lrn, over_pixels, "window takes channels"),
        (checks.check_alexnet_dense_as_conv, as_conv(padding=1), "how many places"),
    ],
)
def test_hint_is_about_the_mistake(check, answer, hint):
    with pytest.raises(WrongAnswer, match=hint):
        check(answer)
