"""The checks of the norms' exercises accept the solution and refuse plausible wrong answers."""

import torch

from d2lcnn.insight.exercises import normalization as checks

from .both_ways import accepts, refuses

AXES = {"batch": (0, 3, 4), "layer": (1, 2, 3, 4), "group": (2, 3, 4), "instance": (3, 4)}
COUNTS = {"batch": (128, 128), "layer": (8192, 0), "group": (128, 0), "instance": (0, 0)}


def rms(x, weight, eps):
    return weight * x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


def masked(x, lengths):
    steps = x[torch.arange(x.shape[1]) < lengths[:, None]]
    return (x - steps.mean(0)) / steps.std(0, correction=0)


def over_all_steps(x, lengths):
    return (x - x.mean((0, 1))) / x.std((0, 1), correction=0)


def mean_over_real_steps_alone(x, lengths):
    steps = x[torch.arange(x.shape[1]) < lengths[:, None]]
    return (x - steps.mean(0)) / x.std((0, 1), correction=0)


def unbiased(x, lengths):
    steps = x[torch.arange(x.shape[1]) < lengths[:, None]]
    return (x - steps.mean(0)) / steps.std(0)


RIGHT = [
    (checks.check_norms_axes, AXES),
    (checks.check_norms_axes, AXES | {"instance": {-1, -2}}),
    (checks.check_norms_counts, COUNTS),
    (checks.check_norms_gradient, lambda weights, data: 1 / weights),
    (checks.check_norms_rms, rms),
    (checks.check_norms_equilibrium, lambda lr, decay, slope: (lr * slope**2 / (2 * decay)) ** 0.25),
    (checks.check_norms_masked, masked),
    (checks.check_norms_adam, 1),
]
WRONG = [
    (checks.check_norms_axes, {}),
    (checks.check_norms_axes, AXES | {"batch": (0, 2, 3)}),
    (checks.check_norms_axes, AXES | {"group": (0, 2, 3, 4)}),
    (checks.check_norms_axes, AXES | {"layer": (2, 3, 4)}),
    (checks.check_norms_axes, AXES | {"instance": (2, 3, 4)}),
    (checks.check_norms_axes, AXES | {"batch": (0, 3, 9)}),
    (checks.check_norms_axes, AXES | {"instance": 4}),
    (checks.check_norms_counts, COUNTS | {"instance": 0}),
    (checks.check_norms_counts, COUNTS | {"batch": (128, 0)}),
    (checks.check_norms_counts, COUNTS | {"layer": (128, 0)}),
    (checks.check_norms_counts, COUNTS | {"group": (64, 0)}),
    (checks.check_norms_counts, COUNTS | {"instance": (128, 0)}),
    (checks.check_norms_counts, {}),
    (checks.check_norms_gradient, lambda weights, data: weights),
    (checks.check_norms_gradient, lambda weights, data: data / weights),
    (checks.check_norms_gradient, lambda weights, data: None),
    (checks.check_norms_rms, lambda x, weight, eps: rms(x - x.mean(-1, keepdim=True), weight, eps)),
    (checks.check_norms_rms, lambda x, weight, eps: weight * x / (x.square().mean(-1, keepdim=True).sqrt() + eps)),
    (checks.check_norms_rms, lambda x, weight, eps: weight * x / (x.square().mean() + eps).sqrt()),
    (checks.check_norms_equilibrium, lambda lr, decay, slope: (lr * slope**2 / (2 * decay)) ** 0.5),
    (checks.check_norms_equilibrium, lambda lr, decay, slope: (lr * slope / (2 * decay)) ** 0.25),
    (checks.check_norms_equilibrium, lambda lr, decay, slope: (lr * slope**2 / decay) ** 0.25),
    (checks.check_norms_masked, over_all_steps),
    (checks.check_norms_masked, mean_over_real_steps_alone),
    (checks.check_norms_masked, unbiased),
    (checks.check_norms_masked, lambda x, lengths: None),
    (checks.check_norms_adam, 2),
    (checks.check_norms_adam, 0),
    (checks.check_norms_adam, None),
]  # fmt: skip


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)
