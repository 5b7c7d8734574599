"""A figure that moves: frames drawn ahead for one or two parameters, alive in notebooks, on pages and on paper.

One cell has three lives. Where a kernel runs, ipywidgets move it. A page of the book gets HTML, which
`book/_static/explorer.js` moves without a kernel, by mouse, touch and keyboard; without that script, and in print,
the first frame stands there with its caption. The stored text is the same on every machine, so nbval compares it.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from html import escape
from numbers import Real
from typing import Any

from d2lcnn.insight.svg import Drawing, label

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FONT = "font-family:system-ui,sans-serif"
Values = Sequence[float] | Sequence[str]


def _check_words(what: str, words: str) -> None:
    if not words.strip():
        raise ValueError(f"An explorer's {what} cannot be empty, got {words!r}. Say in words what it is.")


def _check_values(name: str, values: Sequence[Any]) -> None:
    numbers = [isinstance(value, Real) and not isinstance(value, bool) for value in values]
    words = [isinstance(value, str) for value in values]
    if not (all(numbers) or all(words)):
        raise ValueError(
            f"The values of a parameter are all numbers or all words, got {values} for {name!r}. Write the numbers as "
            "words to have buttons."
        )
    texts = [label(value) for value in values]
    if len(values) < 2 or len(set(texts)) < len(texts):
        raise ValueError(
            f"A parameter has at least two values that read differently, got {', '.join(texts) or 'none'} for "
            f"{name!r}. Give more, or numbers that differ in their first six digits."
        )


class Explorer:
    """A figure with one or two parameters that a reader moves.

    Numbers become a slider, words become buttons.

    Args:
        draw: Called with one value of each parameter, in their order; gives the `Drawing` and a sentence that says
            what it shows, with its numbers. It is called once for each combination, and all drawings have one size.
        parameters: One or two parameters: the name that a reader sees and hears, and its values.
        title: The figure's name.
        caption: What to see, and what to try.
        start: The values of the first frame, the one in print; None for the first of each parameter.

    Raises:
        ValueError: If there are no parameters or more than two, a parameter has fewer than two values, equal ones, or
            numbers mixed with words, `start` is not among the values, a name is empty, or a drawing is none.

    Example:
        >>> def draw(side):
        ...     drawing = Drawing(100, 100)
        ...     drawing.rectangle(0, 0, side, side)
        ...     return drawing, f"The area is {side**2}."
        >>> Explorer(draw, {"side": [10, 20, 30]}, title="A square", caption="Twice the side, four times the area.")
        A square (figure that moves)
        side: 10, 20, 30
        At side = 10: The area is 100.
        Twice the side, four times the area.
    """

    def __init__(
        self,
        draw: Callable[..., tuple[Drawing, str]],
        parameters: Mapping[str, Values],
        *,
        title: str,
        caption: str,
        start: Sequence[float | str] | None = None,
    ) -> None:
        self.title = title
        self.caption = caption
        self.parameters: dict[str, list[Any]] = {name: list(values) for name, values in parameters.items()}
        if not 1 <= len(self.parameters) <= 2:
            raise ValueError(
                f"An explorer has one or two parameters, got {len(self.parameters)}. Fix the others in `draw`."
            )
        for what in ("title", "caption"):
            _check_words(what, getattr(self, what))
        for name, values in self.parameters.items():
            _check_words("parameter's name", name)
            _check_values(name, values)
        self.start = self._position(start)
        self.frames = {
            values: self._checked(values, draw(*values))
            for values in itertools.product(*self.parameters.values())
        }
        sizes = {(drawing.width, drawing.height) for drawing, _ in self.frames.values()}
        if len(sizes) > 1:
            raise ValueError(
                f"All frames have one size, got {', '.join(f'{w} × {h}' for w, h in sorted(sizes))}. "
                "Draw each on a Drawing of the largest."
            )

    def _position(self, start: Sequence[float | str] | None) -> tuple[int, ...]:
        if start is None:
            return (0,) * len(self.parameters)
        if len(start) != len(self.parameters):
            raise ValueError(
                f"`start` has one value for each parameter, got {len(start)} for {len(self.parameters)}. "
                f"Give one for {' and one for '.join(self.parameters)}."
            )
        for value, (name, values) in zip(start, self.parameters.items()):
            if value not in values:
                raise ValueError(
                    f"The first frame must be one of the frames: {value!r} is no value of {name!r}. "
                    f"Choose one of {', '.join(map(label, values))}."
                )
        return tuple(values.index(value) for value, values in zip(start, self.parameters.values()))

    def _checked(self, values: tuple[Any, ...], frame: Any) -> tuple[Drawing, str]:
        if not (
            isinstance(frame, tuple)
            and len(frame) == 2
            and isinstance(frame[0], Drawing)
            and isinstance(frame[1], str)
        ):
            raise ValueError(
                f"`draw` gives a Drawing and a sentence, got {frame!r} for {self._named(values)}. End it with "
                "`return drawing, sentence`."
            )
        drawing, sentence = frame
        return drawing, sentence

    def _named(self, values: Sequence[Any]) -> str:
        return ", ".join(f"{name} = {label(value)}" for name, value in zip(self.parameters, values))

    def _values(self, position: Sequence[int]) -> tuple[Any, ...]:
        return tuple(values[i] for i, values in zip(position, self.parameters.values()))

    def __repr__(self) -> str:
        first = self._values(self.start)
        lines = [f"{name}: {', '.join(map(label, values))}" for name, values in self.parameters.items()]
        return "\n".join(
            [
                f"{self.title} (figure that moves)",
                *lines,
                f"At {self._named(first)}: {self.frames[first][1]}",
                self.caption,
            ]
        )

    def svg(self, *values: float | str) -> str:
        """Give one frame as an SVG picture, with its values and its sentence as alternative text.

        Args:
            values: One value of each parameter, in their order.

        Raises:
            ValueError: If there is no such frame.
        """
        if values not in self.frames:
            offered = "; ".join(
                f"{name}: {', '.join(map(label, choices))}" for name, choices in self.parameters.items()
            )
            raise ValueError(
                f"A frame is named by one value of each parameter, got {values}. Choose among {offered}."
            )
        drawing, sentence = self.frames[values]
        return (
            f'<svg viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
            f'aria-label="{escape(f"{self._named(values)}: {sentence}")}" '
            f'style="width:100%;max-width:{1.4 * drawing.width:.0f}px;height:auto;{FONT}">'
            + "".join(drawing.elements)
            + "</svg>"
        )

    def _control(self, name: str, values: Sequence[Any], first: int) -> str:
        # Nothing can move before the script is there, so the inputs start disabled.
        texts = [escape(label(value)) for value in values]
        shown = escape(name)
        if isinstance(values[0], str):
            options = "".join(
                f'<label><input type="radio" name="{shown}" value="{i}" disabled{" checked" if i == first else ""}> '
                f"{text}</label>\n"
                for i, text in enumerate(texts)
            )
            return f"<fieldset><legend>{shown}</legend>\n{options}</fieldset>"
        return (
            f'<label class="explorer-slider"><span>{shown}</span> <output>{texts[first]}</output> '
            f'<input type="range" name="{shown}" min="0" max="{len(texts) - 1}" step="1" value="{first}" '
            f'aria-label="{shown}" aria-valuetext="{texts[first]}" autocomplete="off" disabled></label>'
        )

    def html(self) -> str:
        """Give the figure for a page: its inputs, the first frame, its caption, and the other frames as data."""
        first = self._values(self.start)
        # What several frames share, such as axes, is written once.
        elements: dict[str, int] = {}
        frames = [
            [elements.setdefault(element, len(elements)) for element in drawing.elements]
            for drawing, _ in self.frames.values()
        ]
        data = {
            "parameters": [
                [name, [label(value) for value in values]] for name, values in self.parameters.items()
            ],
            "start": self.start,
            "texts": [sentence for _, sentence in self.frames.values()],
            "frames": frames,
            "elements": list(elements),
        }
        written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        # Neither `</script>` nor `<!--` may stand in a script, whatever the words are.
        written = written.replace("</", "<\\/").replace("<!", "\\u003c!")
        controls = "\n".join(
            self._control(name, values, i) for (name, values), i in zip(self.parameters.items(), self.start)
        )
        return (
            f'<figure class="explorer" aria-label="{escape(self.title)}">\n'
            # Buttons of one name belong together within a form, so that a page may hold a figure twice.
            f"<form>\n{controls}\n</form>\n"
            f"{self.svg(*first)}\n"
            f'<p class="explorer-text" aria-live="polite">{escape(self.frames[first][1])}</p>\n'
            f"<figcaption><strong>{escape(self.title)}.</strong> {escape(self.caption)}</figcaption>\n"
            f'<script type="application/json">{written}</script>\n'
            "</figure>"
        )

    def widget(self) -> Any:
        """Give the figure as an ipywidgets box that the running kernel moves."""
        # Nothing newer than ipywidgets 7.7, which Colab has.
        import ipywidgets

        controls = []
        for (name, values), first in zip(self.parameters.items(), self.start):
            kind = ipywidgets.ToggleButtons if isinstance(values[0], str) else ipywidgets.SelectionSlider
            controls.append(
                kind(
                    options=[(label(value), i) for i, value in enumerate(values)],
                    value=first,
                    description=name,
                    style={"description_width": "initial"},
                    layout={"width": "auto", "max_width": "36em"},
                )
            )
        picture = ipywidgets.HTML()
        words = ipywidgets.HTML()
        caption = ipywidgets.HTML(f"<b>{escape(self.title)}.</b> {escape(self.caption)}")

        def show(_: Any = None) -> None:
            values = self._values([control.value for control in controls])
            picture.value = self.svg(*values)
            words.value = escape(self.frames[values][1])

        for control in controls:
            control.observe(show, "value")
        show()
        return ipywidgets.VBox([*controls, picture, words, caption])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget().model_id}
        bundle = {WIDGET_VIEW: view, "text/plain": repr(self)}
        # Of two that it can show, Colab must take the live one.
        if "google.colab" not in sys.modules:
            bundle["text/html"] = self.html()
        return bundle
