"""The benchmark refuses a speed that is bought with other results."""

import functools

import pytest
import torch

import d2lcnn

CPU = torch.device("cpu")
LENET = d2lcnn.RECIPES["lenet_relu"]


@pytest.fixture
def batches():
    return [(torch.rand(8, 1, 28, 28), torch.randint(0, 10, (8,))) for _ in range(5)]


def test_our_loop_agrees(agreement, batches):
    result = agreement.compare(LENET, batches, CPU, "bfloat16")
    assert agreement.agrees(result)
    assert result["float32_agrees"] is result["auto_agrees"] is True
    assert result["d2l"]["train_loss"] == pytest.approx(result["float32"]["train_loss"], rel=1e-6)
    assert 0 < abs(result["auto_difference"]) < result["seeds_deviation"]
    assert (result["steps"], result["images"]) == (5, 8)


def test_without_another_precision_there_is_nothing_more_to_compare(agreement, batches):
    result = agreement.compare(LENET, batches, CPU, "float32")
    assert agreement.agrees(result)
    assert "auto_agrees" not in result


@pytest.mark.parametrize(
    "change", [{"init_weights": None}, {"label_smoothing": 1e-4}, {"schedule": lambda done: 1 - 1e-3}]
)
def test_other_losses_do_not_agree(agreement, batches, change):
    wrong = functools.partial(d2lcnn.train_ch6, **change)
    result = agreement.compare(LENET, batches, CPU, "float32", train=wrong)
    assert result["float32_agrees"] is False
    assert not agreement.agrees(result)


def test_a_precision_that_trains_otherwise_does_not_agree(agreement, batches):
    def wrong(*arguments, precision, **settings):
        rate = (lambda done: 20.0) if precision == "bfloat16" else None
        return d2lcnn.train_ch6(*arguments, precision=precision, schedule=rate, **settings)

    result = agreement.compare(d2lcnn.RECIPES["lenet"], batches, CPU, "bfloat16", train=wrong)
    assert result["float32_agrees"] is True
    assert result["auto_agrees"] is False
    assert not agreement.agrees(result)
