"""What all checks of exercises share."""

import numpy as np
import pytest
import torch

from d2lcnn.insight.exercises.answers import WrongAnswer, accept, is_close, listed, number, require


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (1, 1.0),
        (0.1 + 0.2, 0.3),
        ([1, 2], torch.tensor([1.0, 2.0])),
        (torch.ones(2, 1), torch.ones(2, 1)),
        (np.array([1, 2]), [1.0, 2.0]),
        (np.float32(1), 1.0),
        ([torch.ones((), requires_grad=True), np.int64(2)], [1.0, 2.0]),
        (1e9 + 1, 1e9),
    ],
)
def test_equal_answers_are_close(got, wanted):
    assert is_close(got, wanted)


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        (1.001, 1.0),
        (None, 1.0),
        ("1", 1.0),
        ([1, 2], [1.0, 3.0]),
        ([1, 2], 1.0),
        (torch.ones(2), torch.ones(2, 1)),
        (float("nan"), 1.0),
        (float("inf"), 1.0),
        (10**400, 1.0),
        (torch.tensor(1 + 1j), 1.0),
        (1 + 1j, 1.0),
    ],
)
def test_other_answers_are_not(got, wanted):
    assert not is_close(got, wanted)


def test_tolerance_is_relative_to_large_numbers_and_absolute_for_small_ones():
    assert is_close(1005.0, 1000.0, tolerance=0.01)
    assert not is_close(1020.0, 1000.0, tolerance=0.01)
    assert is_close(0.005, 0.0, tolerance=0.01)


def test_a_refusal_names_rule_value_and_hint():
    with pytest.raises(WrongAnswer, match=r"The mean must be 0\. Your answer gives 0\.5\. Subtract it\."):
        require(False, "The mean must be 0.", got=0.5, hint="Subtract it.")
    with pytest.raises(WrongAnswer, match=r"a tensor of shape \(2, 3\) that begins with 1, 1"):
        require(False, "It must be zero.", got=torch.ones(2, 3, requires_grad=True), hint="Look.")


@pytest.mark.parametrize("got", [5, torch.tensor(5), np.int64(5), np.array(5)])
def test_a_number_is_shown_as_one_wherever_it_comes_from(got):
    with pytest.raises(WrongAnswer, match=r"Your answer gives 5\."):
        require(False, "It must be four.", got=got, hint="Count.")


@pytest.mark.parametrize("answer", [[1, 2], (1, 2), torch.tensor([1, 2]), np.array([1, 2]), range(1, 3)])
def test_parts_are_listed_whatever_holds_them(answer):
    assert listed(answer) == [1, 2]
    assert number(answer) is None


@pytest.mark.parametrize("answer", [None, 1, torch.tensor(1), np.float64(1)])
def test_what_has_no_parts_lists_none(answer):
    assert listed(answer) == []


def test_an_accepted_answer_says_so(capsys):
    require(True, "The mean must be 0.", got=0.0, hint="Subtract it.")
    accept("The mean is 0.")
    assert capsys.readouterr().out == "Correct. The mean is 0.\n"
