"""A progress bar with the live loss, which keeps quiet where nobody watches."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any

WORTH_SAYING = 90  # seconds


def in_notebook() -> bool:
    """Tell whether this code runs in a Jupyter kernel.

    Example:
        >>> in_notebook()
        False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


class ProgressBar:
    """One bar over all steps of a run, with epoch, loss and accuracy beside it and the time left at its end.

    Args:
        total: Number of steps of the whole run, None if it is not known.
        done: Steps that an earlier, resumed run has already made.
        show: True or False; None shows it in a notebook or on a terminal only.

    Example:
        >>> with ProgressBar(10, show=False) as bar:
        ...     bar.step()
        ...     bar.tell("epoch 1/1", loss=0.5)
    """

    def __init__(self, total: int | None, *, done: int = 0, show: bool | None = None) -> None:
        if show is None:
            show = in_notebook() or sys.stderr.isatty()
        self._bar: Any = _make_bar(total, done) if show else None
        self._said_how_long = False

    def step(self) -> None:
        """Count one step."""
        if self._bar is not None:
            self._bar.update()

    def tell(self, description: str, **numbers: float) -> None:
        """Show where the run stands.

        Args:
            description: What is being done.
            **numbers: What to show beside the bar.
        """
        if self._bar is not None:
            if not self._said_how_long:
                self._say_how_long()
            self._bar.set_description(description, refresh=False)
            self._bar.set_postfix({name: f"{value:.3f}" for name, value in numbers.items()})

    def _say_how_long(self) -> None:
        """Judge by the first steps how long all of them will take, and say so if it is worth saying."""
        self._said_how_long = True
        bar = self._bar
        if bar.total and bar.n > bar.initial:
            seconds = (bar.total - bar.initial) * bar.format_dict["elapsed"] / (bar.n - bar.initial)
            if seconds > WORTH_SAYING:
                # On a terminal beside the bar: a command's standard output is its result alone.
                bar.write(
                    f"Training will take about {seconds / 60:.0f} min here, and the time to evaluate.",
                    file=sys.stdout if in_notebook() else sys.stderr,
                )

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _make_bar(total: int | None, done: int) -> Any:
    with warnings.catch_warnings():
        # Without ipywidgets tqdm warns and falls back to text, which is all that we want of it then.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

        return tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)
