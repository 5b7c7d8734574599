"""The chapter's self-checks accept a right answer and refuse plausible wrong ones."""

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn import WrongAnswer


def test_counts():
    d2lcnn.check_ics_counts(128, 128)


@pytest.mark.parametrize(("parameters", "running"), [(64, 128), (128, 64), (128, 129), (256, 128), (2, 2)])
def test_wrong_counts(parameters, running):
    with pytest.raises(WrongAnswer, match="64 channels"):
        d2lcnn.check_ics_counts(parameters, running)


def forward(dims=(0, 2, 3), correction=0, inside=True):
    def function(x, gamma, beta, eps):
        mean, var = x.mean(dims, keepdim=True), x.var(dims, correction=correction, keepdim=True)
        root = (var + eps).sqrt() if inside else var.sqrt() + eps
        return gamma.reshape(-1, 1, 1) * (x - mean) / root + beta.reshape(-1, 1, 1)

    return function


def test_forward():
    d2lcnn.check_ics_forward(forward())


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"dims": (0,)}, "four dimensions"),
        ({"dims": (2, 3)}, "four dimensions"),
        ({"dims": (0, 1, 2, 3)}, "four dimensions"),
        ({"correction": 1}, "four dimensions"),
        ({"inside": False}, "Where does ε stand"),
    ],
)
def test_wrong_forward(wrong, hint):
    with pytest.raises(WrongAnswer, match=hint):
        d2lcnn.check_ics_forward(forward(**wrong))


def test_running_update():
    d2lcnn.check_ics_running_update(lambda running, x, m: m * running + (1 - m) * x.var(0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda running, x, m: (1 - m) * running + m * x.var(0), "momentum 1"),
        (lambda running, x, m: m * running + (1 - m) * x.var(0, correction=0), "unbiased"),
        (lambda running, x, m: m * running + (1 - m) * x.std(0), "unbiased"),
    ],
)
def test_wrong_running_update(wrong, message):
    with pytest.raises(WrongAnswer, match=message):
        d2lcnn.check_ics_running_update(wrong)


def root(x, eps):
    return (x.square().mean(0) + eps).sqrt()


def test_backward():
    d2lcnn.check_ics_backward(
        lambda up, x, eps: (up - x / root(x, eps) ** 2 * (up * x).mean(0)) / root(x, eps)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda up, x, eps: up / root(x, eps),  # the root taken for a constant
        lambda up, x, eps: (up - up.mean(0) - x / root(x, eps) ** 2 * (up * x).mean(0)) / root(x, eps),
        lambda up, x, eps: (up - x / root(x, eps) ** 2 * (up * x).sum(0)) / root(x, eps),
        lambda up, x, eps: (up - x / root(x, 0) ** 2 * (up * x).mean(0)) / root(x, 0),
    ],
)
def test_wrong_backward(wrong):
    with pytest.raises(WrongAnswer, match="autograd"):
        d2lcnn.check_ics_backward(wrong)


def folded(scale_of, bias_of, *, in_place=False):
    def function(norm, linear):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        shift = norm.bias - scale * norm.running_mean
        result = linear if in_place else nn.Linear(3, 3).double()
        bias = bias_of(linear, shift)
        result.weight.data = scale_of(linear, scale)
        result.bias.data = bias
        return result

    return function


def columns(linear, scale):
    return linear.weight * scale


def through_weight(linear, shift):
    return linear.bias + linear.weight @ shift


def test_fold_before():
    answer = folded(columns, through_weight)
    d2lcnn.check_ics_fold_before(answer)
    d2lcnn.check_ics_fold_before(lambda norm, linear: answer(norm, linear).float())  # right up to rounding


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (folded(lambda linear, s: linear.weight * s[:, None], through_weight), "must give"),
        (folded(columns, lambda linear, t: linear.bias + t), "must give"),
        (folded(columns, lambda linear, t: linear.weight @ t), "must give"),
        (folded(columns, through_weight, in_place=True), "left as they were"),
        (
            lambda norm, linear: nn.Sequential(norm, linear),
            "must be one nn.Linear. Your answer gives 'Sequential'",
        ),
        (lambda norm, linear: lambda x: linear(norm(x)), "must be one nn.Linear"),
    ],
)
def test_wrong_fold_before(wrong, message):
    with pytest.raises(WrongAnswer, match=message):
        d2lcnn.check_ics_fold_before(wrong)


def standardized(x, correction=0):
    return (x - x.mean(0)) / x.std(0, correction=correction)


def test_ghost():
    d2lcnn.check_ics_ghost(lambda x, size: torch.cat([standardized(part) for part in x.split(size)]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, size: standardized(x),
        lambda x, size: torch.cat([standardized(part, 1) for part in x.split(size)]),
        lambda x, size: torch.cat([standardized(part) for part in x.split(size) if len(part) == size]),
        lambda x, size: torch.cat([standardized(part) for part in x.chunk(size)]),
    ],
)
def test_wrong_ghost(wrong):
    with pytest.raises(WrongAnswer, match="of 10 examples"):
        d2lcnn.check_ics_ghost(wrong)
