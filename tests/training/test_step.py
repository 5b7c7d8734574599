"""One step's gradients and the watch that times it, in the cases that no run on one CPU meets."""

import pytest
import torch
from torch import nn

from d2lcnn.training import devices
from d2lcnn.training.devices import Stopwatch
from d2lcnn.training.step import Step
from d2lcnn.training.team import Team


@pytest.mark.parametrize("factor", [0.5, 1, 2])
def test_gradients_are_multiplied_and_the_loss_is_not(factor):
    net = nn.Linear(3, 4)
    step = Step(
        net, net, torch.optim.SGD(net.parameters()), lr=0.1, device=torch.device("cpu"), precision="float32",
        layout=torch.contiguous_format, schedule=None, label_smoothing=0.0, clip_norm=None, augment=None,
        team=Team(),
    )  # fmt: skip
    X, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0])
    plain = nn.functional.cross_entropy(net(X), y)
    (expected,) = torch.autograd.grad(plain, net.weight)
    loss = step.gradients(net(X), y, factor)
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(net.weight.grad, factor * expected)


def test_the_watch_of_a_gpu_adds_up_its_milliseconds(monkeypatch):
    class Event:
        """A CUDA event on a machine without CUDA: each is recorded a second and a half after the one before."""

        recorded = 0

        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            Event.recorded += 1
            self.at = 1500 * Event.recorded

        def elapsed_time(self, end):
            return float(end.at - self.at)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: None)
    monkeypatch.setattr(devices, "synchronize", lambda device: None)
    watch = Stopwatch(torch.device("cuda"))
    for _ in range(2):
        watch.start()
        watch.stop()
    assert watch.seconds() == 3.0
    assert watch.seconds() == 3.0
