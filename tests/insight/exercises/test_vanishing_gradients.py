"""The checks of the exercises on vanishing gradients accept the solution and refuse plausible wrong answers."""

import math

import torch

from d2lcnn.insight.exercises import vanishing_gradients as checks

from .both_ways import accepts, refuses


def chain(x, weights, f, slope, *, with_slope=True, own_input=True):
    h, sums = [x], []
    for weight in weights[:-1]:
        sums.append(h[-1] * weight)
        h.append(f(sums[-1]))
    back, found = 1.0, []
    for i in reversed(range(len(weights))):
        found.insert(0, back * (h[i] if own_input else x))
        if i:
            back = back * weights[i] * (slope(sums[i - 1]) if with_slope else 1.0)
    return found


def simulated(f, moment):
    s = torch.randn(1_000_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return moment(f(s)).rsqrt().item()


def total_norm(gradients):
    return math.sqrt(sum(g.square().sum().item() for g in gradients))


def clipped(gradients, largest):
    factor = min(1.0, largest / total_norm(gradients))
    return [g * factor for g in gradients]


def fans(n_in, n_out, side, groups):
    return n_in * side**2 // groups, n_out * side**2 // groups


def always_scaled(gradients, largest):
    return [g * (largest / total_norm(gradients)) for g in gradients]


RIGHT = [
    (checks.check_vanishing_bound, math.sqrt(6 / 1040)),
    (checks.check_vanishing_bound, 0.076),
    (checks.check_vanishing_chain, chain),
    (checks.check_vanishing_leaky, lambda a: math.sqrt(2 / (1 + a**2))),
    (checks.check_vanishing_fans, fans),
    (checks.check_vanishing_gain, lambda f: simulated(f, lambda z: z.square().mean())),
    (checks.check_vanishing_clip, clipped),
    (checks.check_vanishing_branch, lambda depth: math.sqrt(2 ** (1 / depth) - 1)),
    (checks.check_vanishing_branch, lambda depth: torch.tensor(2.0).pow(1 / depth).sub(1).sqrt()),
]
WRONG = [
    (checks.check_vanishing_bound, math.sqrt(3 / 1040)),
    (checks.check_vanishing_bound, math.sqrt(2 / 1040)),
    (checks.check_vanishing_bound, math.sqrt(6 / 784)),
    (checks.check_vanishing_bound, None),
    (checks.check_vanishing_chain, lambda *args: chain(*args, with_slope=False)),
    (checks.check_vanishing_chain, lambda *args: chain(*args, own_input=False)),
    (checks.check_vanishing_chain, lambda *args: chain(*args)[::-1]),
    (checks.check_vanishing_chain, lambda *args: []),
    (checks.check_vanishing_chain, lambda *args: None),
    (checks.check_vanishing_leaky, lambda a: math.sqrt(2)),
    (checks.check_vanishing_leaky, lambda a: math.sqrt(2 / (1 + a))),
    (checks.check_vanishing_leaky, lambda a: 2 / (1 + a**2)),
    (checks.check_vanishing_fans, lambda n_in, n_out, side, groups: (n_in // groups, n_out // groups)),
    (checks.check_vanishing_fans, lambda n_in, n_out, side, groups: (n_in * side**2, n_out * side**2)),
    (checks.check_vanishing_fans, lambda n_in, n_out, side, groups: fans(n_out, n_in, side, groups)),
    (
        checks.check_vanishing_fans,
        lambda n_in, n_out, side, groups: (n_in // groups * side**2, n_out * side**2),
    ),
    (checks.check_vanishing_fans, lambda *args: None),
    (checks.check_vanishing_gain, lambda f: simulated(f, lambda z: z.var())),
    (checks.check_vanishing_gain, lambda f: simulated(f, lambda z: z.square().mean()) ** 2),
    (checks.check_vanishing_gain, lambda f: 5 / 3 if f is torch.tanh else math.sqrt(2)),
    (checks.check_vanishing_clip, lambda gradients, largest: [clipped([g], largest)[0] for g in gradients]),
    (checks.check_vanishing_clip, lambda gradients, largest: [g.clamp(-largest, largest) for g in gradients]),
    (checks.check_vanishing_clip, always_scaled),
    (checks.check_vanishing_clip, lambda gradients, largest: None),
    (checks.check_vanishing_branch, lambda depth: 1 / depth),
    (checks.check_vanishing_branch, lambda depth: 1 / math.sqrt(depth)),
    (checks.check_vanishing_branch, lambda depth: 2 ** (1 / depth) - 1),
]


test_accepts = accepts(RIGHT)
test_refuses = refuses(WRONG)
