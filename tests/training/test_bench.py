"""The measurement of speed is honest: the limit is the same training without its trimmings, and counts are right."""

import dataclasses

import pytest
import torch

import d2lcnn
from d2lcnn.training import bench as module
from d2lcnn.training.bench import Limit, Plan, Rates, bench, measure_round, stand_in

CPU = torch.device("cpu")
LENET = dataclasses.replace(d2lcnn.RECIPES["lenet"], batch_size=8)


class Spy:
    """Builds a recipe's network, and notes what each training batch meets."""

    def __init__(self, recipe):
        self.seen = []
        self.recipe = dataclasses.replace(recipe, build=lambda: self.build(recipe), optimizer=FusedSGD)

    def build(self, recipe):
        net = recipe.build()
        net.register_forward_hook(lambda net, args, y_hat: self.note(net, args[0], y_hat))
        return net

    def note(self, net, X, y_hat):
        if not net.training:
            return
        convs = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
        self.seen.append(
            {
                "net": [(name, tuple(p.shape)) for name, p in net.named_parameters()],
                "batch": (tuple(X.shape), X.dtype, X.stride()),
                "output": y_hat.dtype,
                "layout": [
                    m.weight.is_contiguous(memory_format=torch.channels_last) and not m.weight.is_contiguous()
                    for m in convs
                ],
            }
        )


class FusedSGD(torch.optim.SGD):
    """Notes how it is made; train_ch6 gives `fused` to classes of torch.optim."""

    made: list = []  # noqa: RUF012

    def __init__(self, params, lr, *, fused=None):
        FusedSGD.made.append((lr, fused))
        super().__init__(params, lr=lr, fused=fused)


FusedSGD.__module__ = "torch.optim.sgd"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_limit_differs_from_train_ch6_only_in_its_trimmings(precision):
    FusedSGD.made = []
    spy = Spy(LENET)
    recipe = spy.recipe
    train_iter = stand_in(recipe, 2, CPU)
    limit = Limit(recipe, train_iter, CPU, precision)
    limit.epoch()
    theirs = spy.seen[:]
    spy.seen.clear()
    d2lcnn.train_ch6(
        recipe.build(), train_iter, train_iter, 1, recipe.lr, CPU, precision=precision,
        optimizer=recipe.optimizer, progress=False,
    )  # fmt: skip
    assert len(theirs) == len(spy.seen) == 2
    assert theirs == spy.seen
    assert any(theirs[0]["layout"]) == (precision == "bfloat16")
    assert theirs[0]["output"] == getattr(torch, precision)
    assert FusedSGD.made == [(recipe.lr, True if precision == "bfloat16" else None)] * 2


def test_the_limit_trains():
    limit = Limit(
        d2lcnn.RECIPES["lenet_relu"], stand_in(d2lcnn.RECIPES["lenet_relu"], 2, CPU), CPU, "float32"
    )
    before = [p.clone() for p in limit.net.parameters()]

    def loss():
        with torch.no_grad():
            return sum(float(torch.nn.functional.cross_entropy(limit.net(X), y)) for X, y in limit.batches)

    first = loss()
    for _ in range(3):
        limit.epoch()
    assert loss() < first
    assert all(not torch.equal(a, b) for a, b in zip(before, limit.net.parameters(), strict=True))


def test_both_networks_are_compiled_alike(monkeypatch):
    compiled = []

    def compile_(net, **settings):
        compiled.append((type(net).__name__, settings.get("mode") in (None, "default")))
        return net

    monkeypatch.setattr(torch, "compile", compile_)
    measure_round(LENET, stand_in(LENET, 1, CPU), 1, CPU, "float32")
    assert compiled == []
    measure_round(LENET, stand_in(LENET, 1, CPU), 1, CPU, "float32", compile=True)
    assert compiled == [("LeNet", True)] * 2


def test_epochs_alternate_and_the_first_of_each_does_not_count(monkeypatch):
    order = []
    epoch = Limit.epoch

    def noted(self):
        assert torch.is_grad_enabled()
        order.append("limit")
        return epoch(self)

    class Noted(d2lcnn.Batches):
        def __iter__(self):
            order.append("ours")
            return super().__iter__()

    train_iter = stand_in(LENET, 3, CPU)
    train_iter.__class__ = Noted
    monkeypatch.setattr(Limit, "epoch", noted)
    rates = measure_round(LENET, train_iter, 2, CPU, "float32")
    # The first pass is the one that the limit keeps.
    assert order == ["ours"] + ["ours", "limit"] * 3
    assert len(rates.ours) == len(rates.compute) == len(rates.limit) == 2
    assert all(ours <= compute for ours, compute in zip(rates.ours, rates.compute, strict=True))


def test_rates_are_examples_per_second(monkeypatch):
    history = d2lcnn.History(num_epochs=3, device="cpu", device_name="", precision="float32")
    history.examples, history.seconds, history.compute_seconds = [24] * 3, [9.0, 2.0, 4.0], [9.0, 1.0, 3.0]

    def train_ch6(net, train_iter, test_iter, *_, **__):
        for _ in range(3):
            list(test_iter)
        return history

    monkeypatch.setattr(module, "train_ch6", train_ch6)
    seconds = iter([7.0, 1.0, 3.0])
    monkeypatch.setattr(Limit, "epoch", lambda self: next(seconds))
    rates = measure_round(LENET, stand_in(LENET, 3, CPU), 2, CPU, "float32")
    assert rates == Rates(ours=[12.0, 6.0], compute=[24.0, 8.0], limit=[24.0, 8.0])
    assert rates.share_of_limit == (12 / 24 + 6 / 8) / 2


def test_the_result_is_plain_data_of_all_rounds(monkeypatch):
    rounds = iter(
        [Rates([10.0], [11.0], [20.0]), Rates([30.0], [33.0], [30.0]), Rates([20.0], [22.0], [50.0])]
    )
    monkeypatch.setattr(module, "step_seconds", lambda *_: 0.01)
    monkeypatch.setattr(module, "measure_round", lambda *_, **__: next(rounds))
    result = bench("lenet", device="cpu", precision="bfloat16", seconds=0.5)
    assert result["steps"] == 4
    assert (result["ours"], result["compute"], result["limit"]) == (20.0, 22.0, 30.0)
    assert result["share_of_limit"] == 0.5
    assert result["precision"] == "bfloat16"
    assert (result["batch_size"], result["resize"]) == (256, 28)


@pytest.mark.parametrize("seconds_of_step", [0.0004, 0.01, 0.5, 0.66, 0.67, 30.0])
def test_a_plan_takes_about_its_time(seconds_of_step):
    plan = Plan.for_step(seconds_of_step, seconds=8.0)
    took = plan.rounds * (plan.epochs + 1) * plan.steps * seconds_of_step
    assert plan.steps in range(1, 201)
    assert took <= 8.0 or plan == Plan(rounds=3, epochs=1, steps=1)
    slow = 3 * (3 + 1) * seconds_of_step > 8.0
    assert (plan.epochs == 1) is slow
    assert took > 3.9 or plan.steps == 200 or slow


@pytest.mark.parametrize(("step", "seconds"), [(0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0)])
def test_a_plan_needs_times(step, seconds):
    with pytest.raises(ValueError, match="above 0 seconds"):
        Plan.for_step(step, seconds=seconds)


def test_bad_settings():
    with pytest.raises(ValueError, match="no recipe 'lenett'"):
        bench("lenett")
    with pytest.raises(ValueError, match="at least 1 epoch that counts, got 0"):
        measure_round(LENET, stand_in(LENET, 1, CPU), 0, CPU, "float32")


@pytest.mark.parametrize("name", module.BENCHED)
def test_stand_ins_are_what_the_recipe_takes(name):
    recipe = d2lcnn.RECIPES[name]
    small = dataclasses.replace(recipe, batch_size=2)
    X, y = next(iter(stand_in(small, 1, CPU)))
    assert X.shape == (2, 1, recipe.resize, recipe.resize)
    with torch.no_grad():
        assert recipe.build().eval()(X).shape == (2, 10)
    assert y.dtype == torch.int64


def test_ctrl_c_ends_a_measurement(monkeypatch):
    history = d2lcnn.History(
        num_epochs=2, device="cpu", device_name="", precision="float32", interrupted=(1, 1)
    )
    monkeypatch.setattr(module, "train_ch6", lambda *_, **__: history)
    with pytest.raises(KeyboardInterrupt):
        measure_round(LENET, stand_in(LENET, 1, CPU), 1, CPU, "float32")


def test_an_optimizer_without_a_fused_form_is_taken_as_it_is():
    recipe = dataclasses.replace(LENET, optimizer=torch.optim.Rprop)
    limit = Limit(recipe, stand_in(recipe, 1, CPU), CPU, "bfloat16")
    assert type(limit.optimizer) is torch.optim.Rprop
