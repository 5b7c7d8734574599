"""What holds for every check: an exercise left open is no error, and numbers may come in any container."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from numbers import Real

import numpy as np
import pytest
import torch

import d2lcnn
from d2lcnn import WrongAnswer

CHECKS = [getattr(d2lcnn, name) for name in d2lcnn.__all__ if name.startswith("check_")]
CHAPTERS = [
    import_module(f"{__package__}.test_{name}")
    for name in (
        "alexnet",
        "choosing",
        "comparing",
        "densenet",
        "googlenet",
        "mobilenet",
        "nin",
        "normalization",
        "resnet",
        "vanishing_gradients",
        "vgg",
    )
]
RIGHT = [(d2lcnn.check_ics_counts, (128, 128)), *(case for chapter in CHAPTERS for case in chapter.RIGHT)]


def arguments(check):
    return list(inspect.signature(check).parameters.values())


def takes_a_function(check):
    return arguments(check)[0].annotation.startswith("Callable")


@pytest.mark.parametrize("check", CHECKS)
def test_none_is_no_answer(check):
    with pytest.raises(WrongAnswer, match="Your answer gives None"):
        check(*[None] * len(arguments(check)))


@pytest.mark.parametrize("check", list(filter(takes_a_function, CHECKS)))
def test_a_function_that_gives_nothing_is_no_answer(check):
    with pytest.raises(WrongAnswer, match="Your answer gives"):
        check(lambda *_: None)


def array(numbers):
    return np.asarray(numbers)[()]  # of one number numpy's scalar


def tensor(numbers):
    return torch.as_tensor(np.asarray(numbers))


def tensors(numbers):
    return tensor(numbers) if isinstance(numbers, Real) else [tensor(one) for one in numbers]


def in_container(answer, container):
    """Put the numbers of an answer, or of what a function answers, into a container; leave all else as it is."""
    if isinstance(answer, Mapping):
        return {name: in_container(value, container) for name, value in answer.items()}
    if inspect.isfunction(answer):
        return lambda *given: in_container(answer(*given), container)
    some = answer if isinstance(answer, (list, tuple)) else [answer]
    return container(answer) if all(isinstance(one, Real) for one in some) else answer


@pytest.mark.parametrize("container", [array, tensor, tensors])
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_numbers_may_come_as_tensors_and_arrays(check, answer, container, capsys):
    given = in_container(answer, container)
    check(*given) if len(arguments(check)) == 2 else check(given)
    assert capsys.readouterr().out.startswith("Correct. ")
