"""Curves that grow while a handwritten training loop runs."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Sequence
from typing import Any

from d2lcnn.training.progress import in_notebook

REDRAW_EVERY = 0.5  # seconds: drawing takes a tenth of one, and would otherwise slow small networks down


class Animator:
    """Plot that grows with every `add`, drawn anew about twice a second in a notebook and not at all elsewhere.

    Args:
        xlabel: Label of the horizontal axis.
        ylabel: Label of the vertical axis.
        legend: One name for each curve.
        xlim: Limits of the horizontal axis.
        ylim: Limits of the vertical axis.
        xscale: "linear" or "log".
        yscale: "linear" or "log".
        fmts: Matplotlib format of each curve, used in turn.
        nrows: Rows of axes; the curves go into the first.
        ncols: Columns of axes.
        figsize: Width and height in inches.

    Differs from:
        d2l's class of this name, which draws at every call and so takes longer than LeNet's training itself.

    Example:
        >>> animator = Animator(xlabel="epoch", legend=["train loss", "test acc"])
        >>> animator.add(1, (0.9, None))
        >>> animator.add(2, (0.5, 0.8))
        >>> animator.X, animator.Y
        ([[1, 2], [2]], [[0.9, 0.5], [0.8]])
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = ("-", "m--", "g-.", "r:"),
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:
        from matplotlib.figure import Figure

        # A figure outside pyplot is shown only where we show it, not a second time at the end of the cell.
        self.fig = Figure(figsize=figsize, layout="constrained")
        self.axes = list(self.fig.subplots(nrows, ncols, squeeze=False).flat)
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self.fmts = tuple(fmts)
        self._legend = legend
        self._axes_settings: dict[str, Any] = {
            name: value
            for name, value in {
                "xlabel": xlabel, "ylabel": ylabel, "xlim": xlim, "ylim": ylim, "xscale": xscale, "yscale": yscale
            }.items()
            if value is not None
        }  # fmt: skip
        self._handle: Any = None
        self._drawn_at = 0.0
        self._stale = False

    def add(self, x: Any, y: Any) -> None:
        """Add one point to each curve.

        Args:
            x: A number for all curves, or one for each.
            y: A number, or one for each curve; None leaves a curve as it is.

        Raises:
            ValueError: If the number of values changes from call to call.
        """
        ys = list(y) if hasattr(y, "__len__") else [y]
        xs = list(x) if hasattr(x, "__len__") else [x] * len(ys)
        if not self.X:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
        if not len(xs) == len(ys) == len(self.X):
            raise ValueError(
                f"This plot has {len(self.X)} curve(s); add() was given {len(xs)} x and {len(ys)} y values. "
                "Give None for a curve that has no new point."
            )
        for i, (a, b) in enumerate(zip(xs, ys)):
            if a is not None and b is not None:
                self.X[i].append(a)
                self.Y[i].append(float(b))
        self._stale = True
        if in_notebook() and time.perf_counter() - self._drawn_at > REDRAW_EVERY:
            self._show()

    def draw(self) -> None:
        """Draw the curves as they stand onto `fig`."""
        ax = self.axes[0]
        ax.clear()
        for i, (xs, ys) in enumerate(zip(self.X, self.Y)):
            ax.plot(xs, ys, self.fmts[i % len(self.fmts)])
        ax.set(**self._axes_settings)
        if self._legend:
            ax.legend(self._legend)
        ax.grid()

    def _show(self) -> None:
        """Show the figure in its place below the cell, and see to it that the last point is shown too."""
        from IPython.display import Image, display

        if not self._stale:
            return
        self.draw()
        buffer = io.BytesIO()
        self.fig.savefig(buffer, format="png", dpi=110)
        image = Image(data=buffer.getvalue())
        if self._handle is None:
            self._handle = display(image, display_id=True)
            sys.modules["IPython"].get_ipython().events.register("post_run_cell", self._finish)
        else:
            self._handle.update(image)
        self._stale = False
        self._drawn_at = time.perf_counter()

    def _finish(self, *_: Any) -> None:
        """When the cell ends, draw what came after the last redrawing."""
        sys.modules["IPython"].get_ipython().events.unregister("post_run_cell", self._finish)
        self._show()
