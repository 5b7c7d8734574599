"""Every notebook of the book keeps the rules, and every rule finds what it forbids."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import d2lcnn

from .rules import is_compared, rules

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
RULES = rules(d2lcnn.__all__)


@functools.cache
def read(path: Path) -> NotebookNode:
    """Read a notebook, once for all rules, which only look at it."""
    return nbformat.read(path, as_version=4)


def test_book_has_notebooks() -> None:
    assert NOTEBOOKS, "no notebook in book/: every test below would pass for want of one"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_rule(path: Path, rule: str) -> None:
    breaches = RULES[rule](read(path))
    assert not breaches, f"{path.name}, {RULES[rule].__doc__ or rule}\n" + "\n".join(breaches)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_valid_and_ends_with_a_newline(path: Path) -> None:
    nbformat.validate(read(path))
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert '"application/vnd.jupyter.widget' not in text


PROSE = "Words that say what the code beside them does and why anybody should care about it. " * 8


def printed(text: str) -> Any:
    return new_output("stream", name="stdout", text=text)


def figure(**size: int) -> Any:
    return new_output(
        "display_data",
        data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 640x480 with 1 Axes>"},
        metadata={"image/png": size} if size else {},
    )


def moving(old: str = "", new: str = "") -> Any:
    """A figure that moves, with a slider and buttons, in which one text is replaced by another."""
    explorer = d2lcnn.Explorer(
        lambda x, word: (d2lcnn.Drawing(10, 10), f"{x} {word}"),
        {"side": [1, 2], "word": ["a", "b"]},
        title="Name",
        caption="What to see.",
    )
    assert old in explorer.html()
    return new_output("display_data", data={"text/html": explorer.html().replace(old, new)})


def good_notebook() -> Any:
    """Make a notebook that keeps every rule and has a case for each."""
    cells = [
        new_markdown_cell("# Title\n\n" + PROSE),
        new_code_cell(
            "try:\n    import d2lcnn\nexcept ModuleNotFoundError:\n    %pip install -q x\n    import d2lcnn",
            metadata={"tags": ["remove-cell"]},
        ),
        new_code_cell(
            "train_iter, test_iter = d2lcnn.load_data_fashion_mnist(256)\nlen(train_iter)",
            outputs=[printed("45")],
        ),
        new_code_cell(
            "history = d2lcnn.train_ch6(net, train_iter, test_iter, 10, 0.9, device)",
            metadata={"tags": ["nbval-ignore-output", "remove-output"]},
        ),
        new_code_cell("assert len(history) > 0\nprint('trained')", outputs=[printed("trained")]),
        new_code_cell(
            "plt.plot([1, 2])\nprint('two points')",
            metadata={"mystnb": {"image": {"alt": "A line that rises from one to two."}}},
            outputs=[figure(width=640, height=480), printed("two points"), moving()],
        ),
        new_markdown_cell(
            '#### Solution 1\n\n<details class="solution"><summary>Solution 1</summary>\n\nSee {cite:p}`x`.',
            id="solution-1",
            metadata={"jp-MarkdownHeadingCollapsed": True},
        ),
        new_code_cell(
            "# @title Solution 1\nprint(1)",
            metadata={"tags": ["solution"], "cellView": "form", "jupyter": {"source_hidden": True}},
            outputs=[printed("1")],
        ),
        new_markdown_cell("</details>"),
        new_code_cell(
            "from d2lcnn.training.step import Step\n\nd2lcnn.show_source(Step.update)",
            metadata={"tags": ["listing"]},
            outputs=[printed("def step")],
        ),
    ]
    count = 0
    for cell in cells:
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
    return new_notebook(cells=cells, metadata={"colab": {"collapsed_sections": ["solution-1"]}})


@pytest.mark.parametrize("rule", RULES)
def test_good_notebook_passes(rule: str) -> None:
    assert RULES[rule](good_notebook()) == []


INSTALL, LOAD, TRAIN, CHECK, PLOT, SOLUTION, SOLUTION_CODE, CLOSING, LISTING = range(1, 10)


def tagged(position: int, *tags: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position].metadata["tags"] = list(tags)

    return change


def source(position: int, text: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position].source = text

    return change


def metadata(position: int, **values: object) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position].metadata.update(nbformat.from_dict(values))

    return change


def outputs(position: int, *values: NotebookNode) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position].outputs = list(values)

    return change


def count(position: int, value: int | None) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[position].execution_count = value

    return change


def without(position: int) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        del notebook.cells[position]

    return change


def ignore_all(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["nbval-ignore-output"]


def no_collapsed_sections(notebook: NotebookNode) -> None:
    del notebook.metadata["colab"]


def split_solution_heading(notebook: NotebookNode) -> None:
    heading, _, rest = notebook.cells[SOLUTION].source.partition("\n")
    notebook.cells[SOLUTION].source = rest.strip()
    notebook.cells.insert(SOLUTION, new_markdown_cell(heading))


LONG = "\n".join(f"a{i} = {i}" for i in range(16))

BAD = [
    ("executed", count(CHECK, None)),
    ("executed", count(CHECK, 9)),
    ("executed", source(CHECK, "")),
    ("executed", lambda notebook: notebook.update(cells=[])),
    ("no_errors", outputs(CHECK, new_output("error", ename="ValueError", evalue="x", traceback=[]))),
    ("compares_enough", ignore_all),
    ("only_one_way_to_ignore", tagged(CHECK, "nbval-skip")),
    ("only_one_way_to_ignore", tagged(CHECK, "raises-exception")),
    ("only_one_way_to_ignore", source(CHECK, "# NBVAL_IGNORE_OUTPUT\nassert history\nprint('trained')")),
    ("ignored_then_checked", source(CHECK, "print('trained')")),
    ("ignored_then_checked", source(CHECK, "'assert'\nprint('trained')")),
    ("ignored_then_checked", outputs(CHECK)),
    ("ignored_then_checked", outputs(CHECK, printed(" \n"))),
    ("ignored_then_checked", outputs(CHECK, figure())),
    ("ignored_then_checked", tagged(SOLUTION_CODE, "nbval-ignore-output")),
    ("alt_texts", metadata(PLOT, mystnb={})),
    ("alt_texts", metadata(PLOT, mystnb={"image": {"alt": "too short"}})),
    ("alt_texts", metadata(PLOT, mystnb={"image": {"alt": " " * 40}})),
    ("pictures_sized", outputs(PLOT, figure())),
    ("pictures_sized", outputs(PLOT, printed("two points"), figure(width=640))),
    (
        "explorers_named",
        outputs(CHECK, moving('<figure class="explorer" aria-label="Name"', '<figure class="explorer"')),
    ),
    ("explorers_named", outputs(CHECK, moving('aria-label="Name"', 'aria-label=" "'))),
    ("explorers_named", outputs(CHECK, moving('role="img" aria-label', 'role="img" data-label'))),
    ("explorers_named", outputs(CHECK, moving('aria-label="side"', ""))),
    ("explorers_named", outputs(CHECK, moving('aria-valuetext="1"', ""))),
    ("explorers_named", outputs(CHECK, moving("<legend>word</legend>", "<legend> </legend>"))),
    ("explorers_named", outputs(CHECK, moving("figcaption", "p"))),
    ("explorers_named", outputs(CHECK, moving("<input", "<meter"))),
    ("no_redefinitions", source(PLOT, "def train_ch6(net):\n    pass")),
    ("no_redefinitions", source(PLOT, "class Timer:\n    pass")),
    ("no_redefinitions", source(PLOT, "a, (accuracy, b) = 1, (2, 3)")),
    ("no_redefinitions", source(PLOT, "for Timer in range(3):\n    pass")),
    ("no_redefinitions", source(PLOT, "from d2l.torch import Timer")),
    ("no_redefinitions", source(PLOT, "from d2lcnn import accuracy as Timer")),
    ("install_cell_first", source(INSTALL, "import torch")),
    ("install_cell_first", tagged(INSTALL)),
    ("install_cell_first", without(INSTALL)),
    ("no_semicolons", source(PLOT, "plt.plot([1, 2]);\n")),
    ("live_training_hidden", tagged(TRAIN, "nbval-ignore-output")),
    ("live_training_hidden", tagged(TRAIN, "remove-output")),
    (
        "live_training_hidden",
        source(PLOT, "for lr in (1, 2):\n    train_ch6(net, train_iter, test_iter, 1, lr, device)"),
    ),
    (
        "live_training_hidden",
        source(PLOT, "d2lcnn.train_ch6(net, *d2lcnn.load_data_mnist(256), 1, 0.9, device)"),
    ),
    ("no_directives", source(0, "```{figure} a.png\n```")),
    ("no_directives", source(0, "Text\n\n:::{note}\nHidden on Colab.\n:::")),
    ("solutions_folded", no_collapsed_sections),
    ("solutions_folded", split_solution_heading),
    ("solutions_folded", metadata(SOLUTION, **{"jp-MarkdownHeadingCollapsed": False})),
    ("solutions_folded", source(SOLUTION, "#### Solution 1")),
    ("solutions_folded", source(SOLUTION, '#### Solution 1\n\n<details class="solution">')),
    ("solutions_folded", without(SOLUTION)),
    ("solutions_folded", without(SOLUTION_CODE)),
    ("solutions_folded", without(CLOSING)),
    ("solutions_folded", source(CLOSING, "The end. </details>")),
    ("solutions_folded", tagged(SOLUTION_CODE)),
    ("solutions_folded", metadata(SOLUTION_CODE, cellView="")),
    ("solutions_folded", metadata(SOLUTION_CODE, jupyter={})),
    ("solutions_folded", source(SOLUTION_CODE, "print(1)")),
    ("listings_apart", tagged(LISTING)),
    ("listings_apart", source(LISTING, "net = 1\nd2lcnn.show_source(net)")),
    ("listings_apart", source(LISTING, "print(d2lcnn.show_source(net))")),
    (
        "listings_apart",
        lambda notebook: notebook.cells.append(new_code_cell("print(Step)", execution_count=8)),
    ),
    ("short_code_long_prose", source(0, "# Title")),
    ("short_code_long_prose", source(CHECK, LONG)),
    (
        "short_code_long_prose",
        lambda notebook: [source(i, LONG[:41])(notebook) for i in (LOAD, TRAIN, CHECK, PLOT)],
    ),
]


@pytest.mark.parametrize(("rule", "change"), BAD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BAD)])
def test_rule_finds_breach(rule: str, change: Callable[[NotebookNode], None]) -> None:
    notebook = copy.deepcopy(good_notebook())
    change(notebook)
    assert RULES[rule](notebook)


def test_every_rule_is_tested() -> None:
    assert {name for name, _ in BAD} == set(RULES)


def test_training_on_digits_may_be_compared() -> None:
    notebook = good_notebook()
    notebook.cells[LOAD].source = "train_iter, test_iter = d2lcnn.load_data_digits(32)"
    notebook.cells[TRAIN].metadata["tags"] = []
    assert RULES["live_training_hidden"](notebook) == []


def test_importing_from_the_package_is_no_redefinition() -> None:
    notebook = good_notebook()
    notebook.cells[
        PLOT
    ].source = "import d2lcnn as d2l\nfrom d2lcnn import Timer, accuracy\nfrom d2lcnn.training import History"
    assert RULES["no_redefinitions"](notebook) == []


def test_figure_alone_counts_as_not_compared() -> None:
    assert not is_compared(new_code_cell("plt.plot()", outputs=[figure()]))
    assert is_compared(new_code_cell("plt.plot()", outputs=[figure(), printed("x")]))
    table = new_output("display_data", data={"text/html": "<table></table>"})
    assert is_compared(new_code_cell("rows", outputs=[table]))
