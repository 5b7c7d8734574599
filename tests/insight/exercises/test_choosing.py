"""The checks of the exercises on choosing a norm accept the solution and refuse plausible wrong answers."""

from d2lcnn.insight.exercises import choosing as checks

from .both_ways import accepts, refuses

ONE = {
    "batch, 8 features": False,
    "batch, 8 maps of 4×4": True,
    "batch, 8 maps of 1×1": False,
    "layer, 8 features": True,
    "instance, 8 maps of 1×1": False,
    "group, 4 groups of 8 maps of 1×1": True,
}


def two(a, b, eps):
    half = (a - b) / 2
    return half / (half**2 + eps) ** 0.5, -half / (half**2 + eps) ** 0.5


def transfer(content, style, dims=(2, 3), correction=0):
    c_mean, c_std = (
        content.mean(dims, keepdim=True),
        content.std(dims, correction=correction, keepdim=True),
    )
    s_mean, s_std = style.mean(dims, keepdim=True), style.std(dims, correction=0, keepdim=True)
    return (content - c_mean) / c_std * s_std + s_mean


def noise(n, p, between, within):
    return ((between**2 + within**2 / p) / n) ** 0.5


RIGHT = [
    (checks.check_choosing_batch_of_one, ONE),
    (checks.check_choosing_two_values, two),
    (checks.check_choosing_pooled, lambda m, v: (m.mean(0), v.mean(0) + m.var(0, correction=0))),
    (checks.check_choosing_transfer, transfer),
    (checks.check_choosing_noise, noise),
    (checks.check_choosing_stream, lambda blocks, variance: (1 + 2 * blocks * variance) ** 0.5),
]
WRONG = [
    (checks.check_choosing_batch_of_one, {}),
    (checks.check_choosing_batch_of_one, ONE | {"batch, 8 maps of 4×4": False}),
    (checks.check_choosing_batch_of_one, ONE | {"group, 4 groups of 8 maps of 1×1": False}),
    (checks.check_choosing_batch_of_one, ONE | {"instance, 8 maps of 1×1": True}),
    (checks.check_choosing_two_values, lambda a, b, eps: (1.0, -1.0)),
    (checks.check_choosing_two_values, lambda a, b, eps: [v / 2**0.5 for v in two(a, b, eps)]),
    (checks.check_choosing_two_values, lambda a, b, eps: None),
    (checks.check_choosing_pooled, lambda m, v: None),
    (checks.check_choosing_pooled, lambda m, v: (m.mean(0), v.mean(0))),
    (checks.check_choosing_pooled, lambda m, v: (m.mean(0), v.mean(0) + m.var(0))),
    (checks.check_choosing_pooled, lambda m, v: (m, v.mean(0) + m.var(0, correction=0))),
    (checks.check_choosing_transfer, lambda content, style: transfer(style, content)),
    (checks.check_choosing_transfer, lambda content, style: transfer(content, style, dims=(0, 2, 3))),
    (checks.check_choosing_transfer, lambda content, style: transfer(content, style, correction=1)),
    (checks.check_choosing_transfer, lambda content, style: content),
    (checks.check_choosing_noise, lambda n, p, between, within: ((between**2 + within**2) / (n * p)) ** 0.5),
    (checks.check_choosing_noise, lambda n, p, between, within: noise(n, p, between, within) ** 2),
    (checks.check_choosing_noise, lambda n, p, between, within: between / n**0.5),
    (checks.check_choosing_stream, lambda blocks, variance: (1 + blocks * variance) ** 0.5),
    (checks.check_choosing_stream, lambda blocks, variance: 1 + 2 * blocks * variance),
    (checks.check_choosing_stream, lambda blocks, variance: (1 + variance) ** blocks),
]


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)
