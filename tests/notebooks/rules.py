"""The rules that every notebook of the book is held to: each gives the list of a notebook's breaches."""

from __future__ import annotations

import ast
import math
import re
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator
from html.parser import HTMLParser

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

IGNORED = "nbval-ignore-output"
# Ways to keep nbval from comparing that the one above does not need.
OTHER_NBVAL_TAGS = {"nbval-skip", "nbval-check-output", "nbval-raises-exception", "raises-exception"}
NBVAL_COMMENT = re.compile(r"#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)")
# What nbval leaves out of its comparison.
NOT_COMPARED = {"image/png", "image/jpeg", "application/vnd.jupyter.widget-view+json"}

SHORTEST_ALT = 20  # characters
MEDIAN_LINES, NINTH_DECILE_LINES, WORDS_PER_LINE = 6, 15, 8

DIRECTIVE = re.compile(r"^ {0,3}(`{3,}|:{3,}|~{3,})\{")
SOLUTION_HEADING = re.compile(r"#### Solution\b")
SOLUTION_OPENING = re.compile(r'<details class="solution">\s*<summary>.+?</summary>', re.DOTALL)

Rule = Callable[[NotebookNode], list[str]]


def tags(cell: NotebookNode) -> set[str]:
    """Give a cell's tags."""
    return set(cell.metadata.get("tags", []))


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Give the code cells that are not empty, each with its position among all cells."""
    return [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]


def parse(cell: NotebookNode) -> ast.Module:
    """Parse a code cell as IPython does, with its magics turned into calls."""
    return ast.parse(TransformerManager().transform_cell(cell.source))


def code_lines(cell: NotebookNode) -> int:
    """Count the lines of a code cell that are neither empty nor a comment alone."""
    lines = (line.strip() for line in cell.source.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


def is_compared(cell: NotebookNode) -> bool:
    """Tell whether nbval compares any text of what a cell gives."""
    if tags(cell) & ({IGNORED} | OTHER_NBVAL_TAGS) or NBVAL_COMMENT.search(cell.source):
        return False
    for output in cell.outputs:
        texts = [output.get("text", "")]
        texts += [text for kind, text in output.get("data", {}).items() if kind not in NOT_COMPARED]
        # A figure's text is `<Figure size 640x480 with 1 Axes>`, whatever it shows.
        if any(str(text).strip() and not str(text).startswith("<Figure size") for text in texts):
            return True
    return False


def called_name(call: ast.Call) -> str:
    """Give the last part of the name that a call calls: `evaluate` for `d2l.evaluate(net)`."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def checks_something(cell: NotebookNode) -> bool:
    """Tell whether a cell asserts, raises, or calls something whose business is to raise."""
    for node in ast.walk(parse(cell)):
        if isinstance(node, ast.Assert | ast.Raise):
            return True
        if isinstance(node, ast.Call) and re.match(r"(assert|check)_?", called_name(node)):
            return True
    return False


def top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when the cell runs: everything but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from top_level(child)


def executed(notebook: NotebookNode) -> list[str]:
    """Every code cell was executed, once each, from the top: nbval compares nothing where the count is null."""
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    empty = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and not c.source.strip()]
    breaches = [f"cell {i} is empty" for i in empty]
    if counts != list(range(1, len(counts) + 1)):
        breaches.append(f"execution counts are {counts}; run make execute")
    if not counts:
        breaches.append("no code cell")
    return breaches


def no_errors(notebook: NotebookNode) -> list[str]:
    """No cell shows an error."""
    return [
        f"cell {i} shows {output.ename}"
        for i, cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error"
    ]


def compares_enough(notebook: NotebookNode) -> list[str]:
    """More cells are compared than ignored."""
    compared = sum(is_compared(cell) for _, cell in code_cells(notebook))
    ignored = sum(IGNORED in tags(cell) for _, cell in code_cells(notebook))
    return [] if compared > ignored else [f"{compared} cells compared, {ignored} ignored"]


def only_one_way_to_ignore(notebook: NotebookNode) -> list[str]:
    """The tag nbval-ignore-output is the only way out of the comparison."""
    breaches = []
    for i, cell in code_cells(notebook):
        found = sorted(tags(cell) & OTHER_NBVAL_TAGS) + NBVAL_COMMENT.findall(cell.source)
        breaches += [f"cell {i} uses {name}" for name in found]
    return breaches


def ignored_then_checked(notebook: NotebookNode) -> list[str]:
    """After an ignored cell comes one with compared output that asserts what the prose claims."""
    cells = code_cells(notebook)
    breaches = []
    for position, (i, cell) in enumerate(cells):
        if IGNORED in tags(cell):
            following = cells[position + 1][1] if position + 1 < len(cells) else None
            if following is None or not is_compared(following) or not checks_something(following):
                breaches.append(
                    f"cell {i} is ignored, and no cell with an assert and compared output follows"
                )
    return breaches


def alt_texts(notebook: NotebookNode) -> list[str]:
    """Every figure has an alt text that says something."""
    breaches = []
    for i, cell in code_cells(notebook):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            if len(alt.strip()) < SHORTEST_ALT:
                breaches.append(f"cell {i} shows a figure; its metadata mystnb.image.alt is {alt!r}")
    return breaches


def pictures_sized(notebook: NotebookNode) -> list[str]:
    """Every picture says how large it is in a page, as those of matplotlib do that `make execute` has drawn."""
    return [
        f"cell {i} shows a picture that does not say its size: draw it with matplotlib, and run make execute"
        for i, cell in code_cells(notebook)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
        and not {"width", "height"} <= set(output.metadata.get("image/png", {}))
    ]


class ExplorerParts(HTMLParser):
    """What a reader who does not see a moving figure has of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag with its attributes."""
        self.found.append((tag, {name: (value or "").strip() for name, value in attrs}))


def explorers_named(notebook: NotebookNode) -> list[str]:
    """Every figure that moves has a name, a picture in words, named inputs with the value in words, and a caption."""
    breaches = []
    for i, cell in code_cells(notebook):
        for output in cell.outputs:
            text = output.get("data", {}).get("text/html", "")
            if 'class="explorer"' not in text:
                continue
            parts = ExplorerParts(text).found
            tags_found = [tag for tag, _ in parts]
            missing = [
                f"{tag} without {name}"
                for tag, attributes in parts
                for name in {"figure": ["aria-label"], "svg": ["role", "aria-label"]}.get(tag, [])
                + (["aria-label", "aria-valuetext"] if attributes.get("type") == "range" else [])
                if not attributes.get(name)
            ]
            missing += [f"no {tag}" for tag in ("svg", "input", "figcaption") if tag not in tags_found]
            if "radio" in {attributes.get("type") for _, attributes in parts} and not re.search(
                r"<legend>[^<]*\S[^<]*</legend>", text
            ):
                missing.append("buttons without a legend")
            breaches += [f"cell {i} shows a figure that moves with {what}" for what in missing]
    return breaches


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Give the names that a cell's code binds, in functions and classes too, but not their attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def is_from_package(node: ast.AST) -> bool:
    """Tell whether an import takes names from the package, under the names they have there."""
    return (
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "d2lcnn"
        and all(alias.asname in (None, alias.name) for alias in node.names)
    )


class WithoutPackageImports(ast.NodeTransformer):
    """Take out `from d2lcnn import …`, which binds the exported names to what they are."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | None:
        """Drop the import if it is the package's."""
        return None if is_from_package(node) else node


def no_redefinitions(exported: Collection[str]) -> Rule:
    """Make the rule that no cell redefines one of the names that the package exports."""

    def rule(notebook: NotebookNode) -> list[str]:
        return [
            f"cell {i} redefines {name}, which d2lcnn exports"
            for i, cell in code_cells(notebook)
            for name in sorted(set(bound_names(WithoutPackageImports().visit(parse(cell)))) & set(exported))
        ]

    return rule


def install_cell_first(notebook: NotebookNode) -> list[str]:
    """The first code cell installs the package where it is missing, and the book hides it."""
    cells = code_cells(notebook)
    if not cells:
        return ["no code cell"]
    i, cell = cells[0]
    breaches = []
    if "import d2lcnn" not in cell.source or "ModuleNotFoundError" not in cell.source:
        breaches.append(f"cell {i}, the first code cell, does not install d2lcnn where it is missing")
    if "remove-cell" not in tags(cell):
        breaches.append(f"cell {i}, the install cell, lacks the tag remove-cell")
    return breaches


def no_semicolons(notebook: NotebookNode) -> list[str]:
    """No cell ends with `;`: under nbval it no longer suppresses the output."""
    return [
        f"cell {i} ends with ';'" for i, cell in code_cells(notebook) if cell.source.rstrip().endswith(";")
    ]


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    """Give the calls in a node, itself included."""
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def loads_live_data(node: ast.AST) -> bool:
    """Tell whether a loader is called whose data fast mode replaces; UCI digits are the same everywhere."""
    loaders = {called_name(call) for call in calls_in(node)}
    return any(name.startswith("load_data_") and name != "load_data_digits" for name in loaders)


def live_training_hidden(notebook: NotebookNode) -> list[str]:
    """A cell that trains on a course data set is neither compared nor shown: fast mode's numbers are nobody's."""
    breaches = []
    live: set[str] = set()
    for i, cell in code_cells(notebook):
        trains = False
        for node in top_level(parse(cell)):
            if isinstance(node, ast.Assign):
                targets = {
                    name.id
                    for target in node.targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                }
                live = live | targets if loads_live_data(node.value) else live - targets
            if isinstance(node, ast.Call) and called_name(node) == "train_ch6":
                names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                trains = trains or bool(names & live) or loads_live_data(node)
        missing = {IGNORED, "remove-output"} - tags(cell)
        if trains and missing:
            breaches.append(f"cell {i} trains live and lacks the tags {sorted(missing)}")
    return breaches


def no_directives(notebook: NotebookNode) -> list[str]:
    """No text cell holds a MyST directive, which Colab shows raw; roles such as {cite:p} are fine."""
    return [
        f"cell {i} holds a directive: {line.strip()}"
        for i, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if DIRECTIVE.match(line)
    ]


def folds_in_jupyter_and_colab(i: int, cell: NotebookNode) -> list[str]:
    """Give what keeps one solution's code from being folded."""
    breaches = []
    if "solution" not in tags(cell):
        breaches.append(f"cell {i} stands in a solution and lacks the tag solution")
    if cell.metadata.get("cellView") != "form" or not re.match(r"# @title \S", cell.source):
        breaches.append(
            f"cell {i}: Colab folds it only with metadata cellView form and a first line # @title …"
        )
    if not cell.metadata.get("jupyter", {}).get("source_hidden"):
        breaches.append(f"cell {i}: JupyterLab folds it only with metadata jupyter.source_hidden")
    return breaches


def solutions_folded(notebook: NotebookNode) -> list[str]:
    """Every solution is folded in the book, in JupyterLab and on Colab."""
    collapsed = notebook.metadata.get("colab", {}).get("collapsed_sections", [])
    breaches = []
    opened_at: int | None = None
    codes = 0
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if opened_at is None:
                breaches += (
                    [f"cell {i} is tagged solution and stands in none"] if "solution" in tags(cell) else []
                )
            else:
                codes += 1
                breaches += folds_in_jupyter_and_colab(i, cell)
            continue
        if opened_at is not None and cell.source.startswith("</details>"):
            breaches += [] if codes else [f"cell {opened_at} opens a solution without code"]
            opened_at = None
        is_heading = SOLUTION_HEADING.match(cell.source) is not None
        if not is_heading:
            if '<details class="solution">' in cell.source:
                breaches.append(f"cell {i} opens a solution and does not begin with '#### Solution …'")
            continue
        if opened_at is not None:
            breaches.append(
                f"cell {opened_at} opens a solution that is not closed before the next, in cell {i}"
            )
        opened_at, codes = i, 0
        if not SOLUTION_OPENING.search(cell.source):
            breaches.append(f'cell {i} lacks <details class="solution"><summary>…</summary>')
        if cell.get("id") not in collapsed:
            breaches.append(f"cell {i}: its id {cell.get('id')!r} is missing in colab.collapsed_sections")
        if not cell.metadata.get("jp-MarkdownHeadingCollapsed"):
            breaches.append(f"cell {i}: its metadata lacks jp-MarkdownHeadingCollapsed")
    if opened_at is not None:
        breaches.append(
            f"cell {opened_at} opens a solution that is never closed by a cell starting with </details>"
        )
    return breaches


def imported_names(tree: ast.AST) -> set[str]:
    """Give the names that a cell's imports bind."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for node in imports for alias in node.names}


def listings_apart(notebook: NotebookNode) -> list[str]:
    """A cell that shows the package's source is tagged listing and does nothing else, so that it can be left out."""
    breaches = []
    listed: set[str] = set()
    for i, cell in code_cells(notebook):
        tree = parse(cell)
        is_listing = "listing" in tags(cell)
        if not is_listing and "show_source" in {called_name(call) for call in calls_in(tree)}:
            breaches.append(f"cell {i} shows source and lacks the tag listing")
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if is_listing:
            listed |= imported_names(tree)
            for node in tree.body:
                shows = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
                if not isinstance(node, ast.Import | ast.ImportFrom) and not (
                    shows and called_name(node.value) == "show_source"
                ):
                    breaches.append(f"cell {i} is tagged listing and does more than show source")
        else:
            listed -= imported_names(tree)
            breaches += [f"cell {i} needs {name}, imported by a listing" for name in sorted(used & listed)]
    return breaches


def short_code_long_prose(notebook: NotebookNode) -> list[str]:
    """Code comes in small pieces, with prose around them."""
    shown = [cell for _, cell in code_cells(notebook) if "remove-cell" not in tags(cell)]
    lines = sorted(code_lines(cell) for cell in shown)
    if not lines:
        return ["no code cell"]
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    ninth_decile = lines[math.ceil(0.9 * len(lines)) - 1]
    breaches = []
    if statistics.median(lines) > MEDIAN_LINES:
        breaches.append(
            f"the median code cell has {statistics.median(lines)} lines, more than {MEDIAN_LINES}"
        )
    if ninth_decile > NINTH_DECILE_LINES:
        breaches.append(f"one code cell in ten has {ninth_decile} lines or more, above {NINTH_DECILE_LINES}")
    if words < WORDS_PER_LINE * sum(lines):
        breaches.append(
            f"{words} words of prose for {sum(lines)} lines of code; {WORDS_PER_LINE} a line are needed"
        )
    return breaches


def rules(exported: Iterable[str]) -> dict[str, Rule]:
    """Give every rule by name.

    Args:
        exported: The names that the package exports.
    """
    return {
        "executed": executed,
        "no_errors": no_errors,
        "compares_enough": compares_enough,
        "only_one_way_to_ignore": only_one_way_to_ignore,
        "ignored_then_checked": ignored_then_checked,
        "alt_texts": alt_texts,
        "pictures_sized": pictures_sized,
        "explorers_named": explorers_named,
        "no_redefinitions": no_redefinitions(set(exported)),
        "install_cell_first": install_cell_first,
        "no_semicolons": no_semicolons,
        "live_training_hidden": live_training_hidden,
        "no_directives": no_directives,
        "solutions_folded": solutions_folded,
        "listings_apart": listings_apart,
        "short_code_long_prose": short_code_long_prose,
    }
