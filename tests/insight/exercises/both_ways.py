"""What all checks of exercises must do: accept right answers with a sentence, and refuse wrong ones with a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from d2lcnn import WrongAnswer

Check = Callable[[Any], None]
Case = tuple[Check, Any]


def accepts(right: Iterable[Case]) -> Callable[..., None]:
    """Make a test that each of these checks accepts the answer beside it."""

    @pytest.mark.parametrize(("check", "answer"), right)
    def test(check: Check, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
        check(answer)
        assert capsys.readouterr().out.startswith("Correct. ")

    return test


def refuses(wrong: Iterable[Case]) -> Callable[..., None]:
    """Make a test that each of these checks refuses the answer beside it, says what it gives, and prints nothing."""

    @pytest.mark.parametrize(("check", "answer"), wrong)
    def test(check: Check, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(WrongAnswer, match="Your answer gives"):
            check(answer)
        assert capsys.readouterr().out == ""

    return test
