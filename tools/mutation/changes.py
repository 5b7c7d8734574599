"""The small changes that can be made to a module's code.

Docstrings and other texts, `__all__`, type annotations and the words of error messages are never changed: they are prose
or are checked by other tools.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: (r"\+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: (r"\*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: (r"\*\*", "*"),
}
# The negation of these comparisons alone is one of the changes above.
NEGATED_ABOVE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
# To swap these functions' arguments is an error at once.
ORDERED = {"isinstance", "issubclass", "getattr", "hasattr", "setattr", "cast"}


@dataclass(frozen=True)
class Change:
    """One change of a module.

    Attributes:
        kind: What kind of change it is.
        line: The line where the changed text begins, from 1.
        old: The changed text.
        new: What stands in its place.
        statement: The line where the statement begins that holds the change.
        runs: The lines one of which must run for the change to have an effect. Empty where it takes effect when the
            module is imported.
        begin: The changed text's first byte in the file.
    """

    kind: str
    line: int
    old: str
    new: str
    statement: int
    runs: tuple[int, ...]
    begin: int

    def apply(self, source: bytes) -> bytes:
        """Return a module's source with the change made."""
        end = self.begin + len(self.old.encode())
        assert source[self.begin : end] == self.old.encode()
        return source[: self.begin] + self.new.encode() + source[end:]


class _Finder:
    """Walks a module and notes the changes."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.found: list[Change] = []
        self.statement: ast.stmt | None = None
        self.runs: tuple[int, ...] = ()

    def begin(self, node: ast.expr | ast.stmt) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, begin: int, end: int) -> str:
        return self.source[begin:end].decode()

    def note(self, kind: str, begin: int, end: int, new: str) -> None:
        assert self.statement is not None
        line = self.source.count(b"\n", 0, begin) + 1
        old = self.text(begin, end)
        self.found.append(Change(kind, line, old, new, self.statement.lineno, self.runs, begin))

    def operator(self, kind: str, left: ast.expr, right: ast.expr, pattern: str, new: str) -> None:
        """Note another operator between two operands; there may be parentheses around it."""
        begin = self.end(left)
        word = rf"\b{pattern}\b" if pattern[0].isalpha() else pattern
        match = re.search(word, self.text(begin, self.begin(right)))
        assert match is not None
        begin += len(self.text(begin, self.begin(right))[: match.start()].encode())
        self.note(kind, begin, begin + len(match.group().encode()), new)

    def walk(self, node: ast.AST, in_function: bool) -> None:
        """Note the changes of a node and of all below it."""
        if isinstance(node, ast.stmt):
            outer = self.statement, self.runs
            self.statement, self.runs = node, _lines_that_run(node, in_function)
            self.changes_of(node)
            for child in _code_below(node):
                is_body = isinstance(child, ast.stmt)
                inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                self.walk(child, inside if is_body else in_function)
            self.statement, self.runs = outer
            return
        self.changes_of(node)
        for child in _code_below(node):
            self.walk(child, in_function)

    def changes_of(self, node: ast.AST) -> None:
        """Note the changes of one node."""
        match node:
            case ast.Compare():
                operands = [node.left, *node.comparators]
                for left, op, right in zip(operands, node.ops, operands[1:]):
                    self.operator("comparison", left, right, *COMPARISONS[type(op)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                if not any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (left, right)):
                    self.operator("arithmetic", left, right, *ARITHMETIC[type(op)])
            case ast.BoolOp(op=op, values=values):
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for left, right in pairwise(values):
                    self.operator("and, or", left, right, old, new)
            case ast.UnaryOp(op=ast.Not() | ast.USub()):
                kind = "negation" if isinstance(node.op, ast.Not) else "sign"
                inner = self.text(
                    self.begin(node) + len("not" if kind == "negation" else "-"), self.end(node)
                )
                self.note(kind, self.begin(node), self.end(node), inner.strip())
            case ast.Constant(value=bool() as value):
                self.note("constant", self.begin(node), self.end(node), str(not value))
            case ast.Constant(value=int() as value):
                self.note("constant", self.begin(node), self.end(node), str(value + 1))
            case ast.Constant(value=float() as value):
                self.note("constant", self.begin(node), self.end(node), repr(2 * value if value else 1.0))
            case ast.Call(func=func, args=[first, second, *_]):
                self.swapped_arguments(func, first, second)
            case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
                self.note("statement", self.begin(node), self.end(node), "pass")
            case ast.Assign(targets=[ast.Subscript()]):
                self.note("statement", self.begin(node), self.end(node), "pass")
            case ast.Break():
                self.note("statement", self.begin(node), self.end(node), "continue")
            case ast.Continue():
                self.note("statement", self.begin(node), self.end(node), "break")
            case ast.Return(value=ast.expr() as value) if not _is_none(value):
                self.note("return value", self.begin(value), self.end(value), "None")
            case _:
                pass
        for test in _conditions(node):
            simple = (
                isinstance(test, ast.Compare)
                and len(test.ops) == 1
                and isinstance(test.ops[0], NEGATED_ABOVE)
            )
            if not simple and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
                begin, end = self.begin(test), self.end(test)
                self.note("condition", begin, end, f"(not ({self.text(begin, end)}))")

    def swapped_arguments(self, func: ast.expr, first: ast.expr, second: ast.expr) -> None:
        """Note a call with its first two arguments in the other order."""
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
        texts = [self.text(self.begin(x), self.end(x)) for x in (first, second)]
        if name in ORDERED or starred or texts[0] == texts[1]:
            return
        between = self.text(self.end(first), self.begin(second))
        self.note("arguments", self.begin(first), self.end(second), texts[1] + between + texts[0])


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _conditions(node: ast.AST) -> list[ast.expr]:
    """Give the conditions on which a node decides."""
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        return [node.test]
    return list(node.ifs) if isinstance(node, ast.comprehension) else []


def _lines_that_run(statement: ast.stmt, in_function: bool) -> tuple[int, ...]:
    """Give the lines of which one must run for a change in a statement's own code, not its body's, to matter."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        # Defaults and decorators are evaluated at import, and matter when the function is called.
        body = _without_docstring(statement.body)
        end = body[-1].end_lineno if body else statement.end_lineno
        assert end is not None
        return tuple(range((body[0] if body else statement).lineno, end + 1))
    if not in_function:
        return ()
    body = getattr(statement, "body", [])
    last = body[0].lineno - 1 if body else statement.end_lineno
    assert last is not None
    # The header and the body may share a line.
    return tuple(range(statement.lineno, max(last, statement.lineno) + 1))


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    return body[1:] if isinstance(first, ast.Expr) and _is_text(first.value) else body


def _is_left_out(node: ast.AST) -> bool:
    """Tell whether neither a node nor anything below it is changed."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Subscript(value=ast.Name(id="Literal")):
            return True
        case ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec" | "NewType")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__version__")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case _:
            return False


def _code_below(node: ast.AST) -> Iterator[ast.AST]:
    """Give the children of a node that may be changed."""
    for name, value in ast.iter_fields(node):
        # An error's words are prose; whether it is raised is not.
        if name in ("annotation", "returns", "type_params") or isinstance(node, ast.Raise):
            continue
        children = value if isinstance(value, list) else [value]
        if name == "body" and children and isinstance(children[0], ast.stmt):
            children = _without_docstring(children)
        yield from (c for c in children if isinstance(c, ast.AST) and not _is_left_out(c))


@cache
def find_changes(source: bytes) -> tuple[Change, ...]:
    """Give all changes that can be made to a module, a few of which may be no other program.

    Args:
        source: The module's text in UTF-8.
    """
    tree = ast.parse(source)
    finder = _Finder(source)
    for statement in _without_docstring(tree.body):
        if not _is_left_out(statement):
            finder.walk(statement, in_function=False)
    return tuple(finder.found)


def is_another_program(changed: bytes, as_written: bytes) -> bool:
    """Tell whether a changed source can be compiled and says something else."""
    try:
        tree = ast.parse(changed)
        compile(tree, "<changed>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return ast.dump(tree) != _meaning(as_written)


@cache
def _meaning(source: bytes) -> str:
    return ast.dump(ast.parse(source))


@cache
def code_lines(source: bytes) -> int:
    """Count a module's lines of code: those with a statement on them that is no docstring."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not (isinstance(node, ast.Expr) and _is_text(node.value)):
            body = getattr(node, "body", [])
            last = body[0].lineno - 1 if body else node.end_lineno
            assert last is not None
            lines |= set(range(node.lineno, max(last, node.lineno) + 1))
    return len(lines)
