"""Learning-rate schedules: functions from the share of the training that is done to a factor on the learning rate.

A function of one number has no state, so a resumed run needs nothing of it but the step it stands at, and it can be
drawn before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Schedule = Callable[[float], float]


def constant(*, warmup: float = 0.0) -> Schedule:
    """Keep the learning rate, after a rise from zero if one is wanted.

    Args:
        warmup: Share of the training over which the rate rises in a straight line, in [0, 1).

    Returns:
        A function from the share of the training that is done, in [0, 1], to a factor on the learning rate.

    Raises:
        ValueError: If `warmup` is out of range.

    Source:
        Goyal and others (2017), "Accurate, Large Minibatch SGD", section 2.2, for the warm-up.

    Example:
        >>> schedule = constant(warmup=0.5)
        >>> schedule(0), schedule(0.25), schedule(0.75)
        (0.0, 0.5, 1.0)
    """
    return _after_warmup(lambda _: 1.0, warmup)


def cosine(*, warmup: float = 0.0) -> Schedule:
    """Lower the learning rate to zero along half a period of the cosine.

    Args:
        warmup: Share of the training over which the rate rises first, in a straight line, in [0, 1).

    Returns:
        A function from the share of the training that is done, in [0, 1], to a factor on the learning rate.

    Raises:
        ValueError: If `warmup` is out of range.

    Source:
        Loshchilov and Hutter (2017), "SGDR", equation 5, without restarts.

    Example:
        >>> schedule = cosine()
        >>> schedule(0), round(schedule(0.5), 3), schedule(1)
        (1.0, 0.5, 0.0)
    """
    return _after_warmup(lambda share: 0.5 * (1 + math.cos(math.pi * share)), warmup)


def step_decay(*, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1, warmup: float = 0.0) -> Schedule:
    """Multiply the learning rate by a factor at certain moments, as the classic networks were trained.

    Args:
        at: The moments, as shares of the training, in (0, 1).
        factor: What the rate is multiplied by at each of them, in (0, 1].
        warmup: Share of the training over which the rate rises first, before the first moment, in [0, 1).

    Returns:
        A function from the share of the training that is done, in [0, 1], to a factor on the learning rate.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        He and others (2016), section 4.2: a tenth at 32,000 and again at 48,000 of 64,000 steps.

    Example:
        >>> schedule = step_decay()
        >>> schedule(0.49), schedule(0.5), round(schedule(0.8), 3)
        (1.0, 0.1, 0.01)
    """
    moments = [float(moment) for moment in at]
    if not all(0 < moment < 1 for moment in moments):
        raise ValueError(f"at must hold shares of the training between 0 and 1, got {at!r}.")
    if not 0 < factor <= 1:
        raise ValueError(f"factor must lie in (0, 1], got {factor!r}. A tenth is usual.")
    if moments and not warmup <= min(moments):
        raise ValueError(
            f"The warm-up, {warmup!r} of the training, must be over before the first step at {min(moments)}."
        )

    def schedule(share: float) -> float:
        return float(factor ** sum(share >= moment for moment in moments))

    rise = _check_warmup(warmup)
    # The moments count from the start of the training, warm-up included.
    return lambda share: share / rise if share < rise else schedule(share)


def _after_warmup(schedule: Schedule, warmup: float) -> Schedule:
    """Put a straight rise before a schedule, which then has the rest of the training for itself."""
    rise = _check_warmup(warmup)
    return lambda share: share / rise if share < rise else schedule((share - rise) / (1 - rise))


def _check_warmup(warmup: float) -> float:
    if isinstance(warmup, bool) or not 0 <= warmup < 1:
        raise ValueError(f"warmup is a share of the training, at least 0 and below 1, got {warmup!r}.")
    return float(warmup)
