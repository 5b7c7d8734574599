"""Schedules: their values, and that training follows them step by step."""

import math
from typing import ClassVar

import pytest
import torch
from torch import nn

import d2lcnn
from d2lcnn import constant_schedule, cosine_schedule, step_schedule, train_ch6


def test_values():
    assert [constant_schedule()(t) for t in (0, 0.5, 1)] == [1, 1, 1]
    assert [cosine_schedule()(t) for t in (0, 1)] == [1, 0]
    assert cosine_schedule()(0.25) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert [step_schedule(at=(0.4, 0.6), factor=0.5)(t) for t in (0.39, 0.4, 0.59, 0.6, 1)] == [
        1, 0.5, 0.5, 0.25, 0.25
    ]  # fmt: skip


def test_warmup_rises_in_a_straight_line_and_then_hands_over():
    for schedule in (constant_schedule(warmup=0.2), cosine_schedule(warmup=0.2), step_schedule(warmup=0.2)):
        assert [schedule(t) for t in (0, 0.05, 0.1)] == pytest.approx([0, 0.25, 0.5])
        assert schedule(0.2) == pytest.approx(1)
    assert cosine_schedule(warmup=0.2)(0.6) == pytest.approx(0.5)  # half way through what is left
    assert step_schedule(warmup=0.2)(0.5) == 0.1  # the moments count from the very start


@pytest.mark.parametrize("warmup", [-0.1, 1, 1.5, math.nan, True])
@pytest.mark.parametrize("make", [constant_schedule, cosine_schedule, step_schedule])
def test_warmup_out_of_range(make, warmup):
    with pytest.raises(ValueError, match=r"warm-?up"):
        make(warmup=warmup)


def test_steps_out_of_range():
    with pytest.raises(ValueError, match="shares of the training"):
        step_schedule(at=(0.5, 30))
    with pytest.raises(ValueError, match=r"factor must lie in \(0, 1\], got 0"):
        step_schedule(factor=0)
    with pytest.raises(ValueError, match="must be over before"):
        step_schedule(at=(0.1,), warmup=0.3)


class Rates(torch.optim.SGD):
    """SGD that notes its rate at every step."""

    seen: ClassVar[list[float]] = []

    def step(self, *args):
        Rates.seen.append(self.param_groups[0]["lr"])
        return super().step(*args)


def test_training_sets_the_rate_before_every_step():
    Rates.seen.clear()
    data = [(torch.eye(4), torch.arange(4))] * 5
    train_ch6(
        nn.Linear(4, 4), data, data, 2, 0.5, "cpu", optimizer=Rates, schedule=cosine_schedule(warmup=0.2)
    )
    assert Rates.seen == pytest.approx([0.5 * cosine_schedule(warmup=0.2)(i / 10) for i in range(10)])


def test_a_schedule_needs_a_known_length():
    class Endless:
        def __iter__(self):
            return iter([(torch.eye(4), torch.arange(4))])

    with pytest.raises(ValueError, match="number of batches"):
        train_ch6(nn.Linear(4, 4), Endless(), Endless(), 1, 0.5, "cpu", schedule=cosine_schedule())


def test_a_resumed_run_goes_on_along_its_schedule_and_refuses_another(tmp_path):
    images = torch.randint(0, 256, (40, 1, 4, 4), dtype=torch.uint8)
    data = d2lcnn.Batches(images, torch.arange(40) % 4, 8, shuffle=True, device="cpu")
    path = tmp_path / "state.pt"

    class Stop(Exception):
        pass

    class UntilEpoch2(d2lcnn.Batches):
        passes = 0

        def __iter__(self):
            self.passes += 1
            if self.passes == 3:
                raise Stop
            return super().__iter__()

    def fit(batches, schedule, epochs=4, **choices):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
        train_ch6(net, batches, data, epochs, 0.3, "cpu", seed=1, schedule=schedule, **choices)
        return net[1].weight

    whole = fit(data, cosine_schedule())
    breaks, rest = (
        UntilEpoch2(images, torch.arange(40) % 4, 8, shuffle=True, device="cpu") for _ in range(2)
    )
    with pytest.raises(Stop):
        fit(breaks, cosine_schedule(), checkpoint=path)
    # Two passes are left, so whoever began anew would be stopped as well.
    assert torch.equal(fit(rest, cosine_schedule(), resume=path), whole)
    with pytest.raises(ValueError, match="another run.*schedule"):
        fit(data, step_schedule(), resume=path)
    with pytest.raises(ValueError, match="another run.*length: 4 in the checkpoint, 6 now"):
        fit(data, cosine_schedule(), epochs=6, resume=path)
