"""The page "How true is this book?" counts what there is, and names tests that exist."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from d2lcnn.insight.ledger import LEDGER

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
PAGE = (ROOT / "book" / "how-true.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def evidence() -> Iterator[ModuleType]:
    folder = str(ROOT / "book" / "_extensions")
    sys.path.insert(0, folder)
    try:
        import evidence

        yield evidence
    finally:
        sys.path.remove(folder)


@pytest.fixture(scope="module")
def written(evidence: ModuleType) -> dict[str, str]:
    """Each part of the page, as Markdown."""
    return {name: write(ROOT) for name, write in evidence.PARTS.items()}


def load_rules() -> ModuleType:
    spec = spec_from_file_location("rules", ROOT / "tests" / "notebooks" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables(markdown: str) -> list[list[list[str]]]:
    """Give the cells of each table, as the reader meets them, links apart."""
    blocks = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    return [[cells(line) for i, line in enumerate(block.splitlines()) if i != 1] for block in blocks]


def cells(line: str) -> list[str]:
    """Split a row where no backslash keeps the bar, and take away what marks the text up."""
    return [
        plain(cell.strip().removeprefix("**").removesuffix("**"))
        for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]
    ]


def plain(markdown: str) -> str:
    """Give text without links and without the backslashes that keep its signs from being markup."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown))


def lists(markdown: str) -> list[list[list[str]]]:
    """Give the entries of each folded list, an entry as its lines, whether these are broken or a list of their own."""
    folds = re.findall(r"<details class=\"fold.*?</details>", markdown, re.DOTALL)
    found = [re.findall(r"^- (.*(?:\n  .*)*)", fold, re.MULTILINE) for fold in folds]
    return [[plain(re.sub(r"\\?\n  (- )?", "\n", entry)).splitlines() for entry in some] for some in found]


def test_the_page_has_every_part_once(evidence: ModuleType) -> None:
    assert re.findall(r"```\{evidence\} (\w+)", PAGE) == list(evidence.PARTS)


def test_every_column_has_a_name_and_every_row_every_column(written: dict[str, str]) -> None:
    for name, markdown in written.items():
        for table in tables(markdown):
            assert len(table) > 1, name
            assert all(cell.strip() for cell in table[0]), f"{name}: {table[0]}"
            for row in table:
                assert len(row) == len(table[0]), f"{name}: {row}"
                assert all(cell.strip() for cell in row), f"{name}: {row}"


# ---------------------------------------------------------------- notebooks


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_compared_is_what_the_rules_call_compared(evidence: ModuleType, path: Path) -> None:
    rules = load_rules()
    cells = [cell for _, cell in rules.code_cells(nbformat.read(path, as_version=4))]
    kinds = [evidence.notebooks.kind(cell) for cell in evidence.notebooks.code_cells(path)]
    assert [kind == "compared" for kind in kinds] == [rules.is_compared(cell) for cell in cells]
    ignored = [kind in ("live", "machine") for kind in kinds]
    assert ignored == [rules.IGNORED in rules.tags(cell) for cell in cells]


FIGURE = {"data": {"image/png": "x", "text/plain": ["<Figure size 640x480 with 1 Axes>"]}}
CELLS = [
    ("compared", [], [{"text": ["a\n"]}], 1),
    ("compared", [], [FIGURE, {"text": "a"}], 1),
    ("compared", [], [{"data": {"text/html": "<p>"}}], 1),
    ("figure alone", [], [FIGURE], 1),
    ("only run", [], [], 1),
    ("only run", [], [{"text": " \n"}], 1),
    ("live", ["nbval-ignore-output", "remove-output"], [], 1),
    ("machine", ["nbval-ignore-output"], [{"text": "a"}], 1),
    ("skipped", ["nbval-skip"], [{"text": "a"}], 1),
    ("skipped", [], [{"text": "a"}], None),
]


@pytest.mark.parametrize(("kind", "tags", "outputs", "count"), CELLS)
def test_kinds_of_cells(
    evidence: ModuleType, kind: str, tags: list[str], outputs: list[Any], count: int | None
) -> None:
    cell = {"metadata": {"tags": tags}, "outputs": outputs, "execution_count": count}
    assert evidence.notebooks.kind(cell) == kind
    assert set(evidence.notebooks.KINDS) == {known for known, *_ in CELLS}


def test_every_notebook_has_a_row_and_the_last_row_is_the_sum(written: dict[str, str]) -> None:
    (table,) = tables(written["notebooks"])
    assert len(table) == len(NOTEBOOKS) + 2
    numbers = [[int(cell.replace(",", "")) for cell in row[1:]] for row in table[1:]]
    assert [sum(column) for column in zip(*numbers[:-1], strict=True)] == numbers[-1]
    for path in NOTEBOOKS:
        assert f"]({path.name})" in written["notebooks"]


def test_notebooks_come_in_the_books_order(
    evidence: ModuleType, written: dict[str, str], tmp_path: Path
) -> None:
    names = re.findall(r"\]\((.*)\.ipynb\)", written["notebooks"])
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert names == [name for name in re.findall(r"file: book/(.+)", contents) if name in names]
    # What the contents lack is not lost.
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text("parts: [{chapters: [{file: book/b}, {file: book/text}]}]")
    for name in ("z.ipynb", "a.ipynb", "b.ipynb"):
        (tmp_path / "book" / name).touch()
    assert [path.stem for path in evidence.notebooks.in_order(tmp_path)] == ["b", "a", "z"]


# ---------------------------------------------------------------- claims


def names_of_tests(path: Path) -> set[str]:
    """Give the tests of a file: functions, and names to which a function that makes tests was assigned."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
    }
    return {name for name in functions | assigned if name.startswith("test_")}


def test_every_named_test_exists(evidence: ModuleType) -> None:
    claims = [claim for room in evidence.claims.rooms(ROOT) for claim in room["claim"]]
    assert len(claims) > 40
    for claim in claims:
        assert set(claim) == {"says", "tests"}
        assert claim["says"].endswith(".")
        assert claim["tests"], claim["says"]
        for test in claim["tests"]:
            file, _, name = test.partition("::")
            assert (ROOT / file).is_file(), f"book/claims.toml names {file}, which is not there"
            assert name in names_of_tests(ROOT / file), f"book/claims.toml names {test}, which is not there"
    said = [claim["says"] for claim in claims]
    assert len(set(said)) == len(said)


def test_claims_are_on_the_page(evidence: ModuleType, written: dict[str, str]) -> None:
    for room in evidence.claims.rooms(ROOT):
        for claim in room["claim"]:
            assert claim["says"] in written["claims"]
            assert all(f"`{test}`" in written["claims"] for test in claim["tests"])


# ---------------------------------------------------------------- ledger, speed


def test_the_ledgers_disagreements_are_all_there(written: dict[str, str]) -> None:
    (by_paper,) = tables(written["ledger"])
    (reasons,) = lists(written["ledger"])
    others = [row for row in LEDGER if row.explanation]
    assert sum(int(row[1]) for row in by_paper[1:]) == len(LEDGER)
    assert sum(int(row[3]) for row in by_paper[1:]) == len(others)
    assert sum(len(figures) for _, *figures in reasons) == len(others)
    assert len({reason for reason, *_ in reasons}) == len(reasons), "each reason stands once"
    for row in others:
        (figures,) = (lines for said, *lines in reasons if said == f"*{row.paper}.* {row.explanation}")
        names = [row.place, " ".join(filter(None, [row.network, row.layer])), row.quantity]
        (figure,) = (line for line in figures if line.startswith(", ".join(names) + ": "))
        printed, ours = re.fullmatch(r"(\S+) printed, (\S+) ours", figure.rpartition(": ")[2]).groups()
        assert printed != ours, figure


def test_speed_names_machine_and_date(evidence: ModuleType, written: dict[str, str]) -> None:
    for path in (ROOT / "d2lcnn" / "results" / "speed").glob("*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        said = evidence.speed.of_machine(ROOT, result)
        assert said in written["speed"]
        assert result["date"] in said
        (table,) = tables(said)
        assert [row[0] for row in table[1:]] == [*result["recipes"], "geometric mean"]
        for row, entry in zip(table[1:], result["recipes"].values(), strict=False):
            assert row[1:3] == [str(len(entry["float32"])), str(entry["steps"]["ours"])]


def test_the_conditions_of_a_speed_are_those_of_its_file(evidence: ModuleType) -> None:
    path = next((ROOT / "d2lcnn" / "results" / "speed").glob("*.json"))
    result = json.loads(path.read_text(encoding="utf-8"))
    result["recipes"] = dict(list(result["recipes"].items())[:2])
    one, other = result["recipes"].values()
    for entry in (one, other):
        entry["auto_compiled"] = False
        entry["agreement"] |= {"float32_agrees": True, "steps": 7}
    said = evidence.speed.of_machine(ROOT, result)
    assert (
        "In runs of 7 steps in float32 both gave the same losses from the same seed, for all 2 recipes."
        in said
    )
    assert "compiled" not in said
    other["agreement"]["float32_agrees"] = False
    other["steps"]["d2l"] += 1
    one["auto_compiled"] = True
    said = evidence.speed.of_machine(ROOT, result)
    assert "for 1 of the 2 recipes." in said
    assert "(compiled as well: lenet)" in said
    assert tables(said)[0][2][2] == f"{other['steps']['ours']} or {other['steps']['d2l']}"


# ---------------------------------------------------------------- mutants


def mutant(**changes: Any) -> dict[str, Any]:
    given = {
        "file": "d2lcnn/nets/vgg.py",
        "line": 3,
        "kind": "constant",
        "old": "a = 1 | `b`",
        "new": "a = 2 | `b`",
    }
    found = {"test": "", "notebook": "", "asked": [], "cut": False, "shown": True}
    return {**given, **found, **changes}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three mutants: one noticed by a test, one by a notebook, one by nobody."""
    three = [
        mutant(test="tests/nets/test_vgg.py::test_x[a|b]", asked=["vgg"]),
        mutant(line=4, notebook="vgg", asked=["vgg"]),
        mutant(file="d2lcnn/data/idx.py"),
    ]
    versions = {"python": "3.11", "torch": "2"}
    (tmp_path / "book").mkdir()
    text = json.dumps(
        {"seed": 5, "date": "2026-01-02", "commit": "c", "versions": versions, "mutants": three}
    )
    (tmp_path / "book" / "mutants.json").write_text(text)
    (tmp_path / "book" / "mutants.toml").write_text("")
    return tmp_path


def test_shares_of_mutants(evidence: ModuleType, results: Path) -> None:
    said = evidence.mutants.write(results)
    assert "3 changes were drawn with seed 5" in said
    assert (
        "tests noticed 1 (33%). The notebooks were shown all 3, run the code of 2 of these, and noticed 1 (50%)."
        in said
    )
    assert "together noticed **2 (67%)**" in said
    (rooms,) = tables(said)
    assert rooms[1:] == [
        ["nets", "2", "1", "1 of 2", "2"],
        ["data", "1", "0", "0 of 1", "0"],
        ["all", "3", "1", "1 of 3", "2"],
    ]
    left, everything = lists(said)
    change = "`` a = 1 | `b` `` → `` a = 2 | `b` ``"
    assert left == [[f"`data/idx.py:3`: {change}", "not explained yet"]]
    assert everything == [
        [f"`nets/vgg.py:3`: {change}", "tests: `tests/nets/test_vgg.py::test_x`; notebooks: none"],
        [f"`nets/vgg.py:4`: {change}", "tests: none; notebooks: vgg"],
        [f"`data/idx.py:3`: {change}", "tests: none; notebooks: none runs it"],
    ]


def test_an_interrupted_run_says_so(evidence: ModuleType, results: Path) -> None:
    path = results / "book" / "mutants.json"
    result = json.loads(path.read_text())
    result["mutants"][2]["shown"] = False
    path.write_text(json.dumps(result))
    said = evidence.mutants.write(results)
    assert "The notebooks were shown 2 so far, run the code of 2 of these, and noticed 1 (50%)." in said
    assert tables(said)[0][2] == ["data", "1", "0", "not yet", "0"]
    assert lists(said)[1][2][1] == "tests: none; notebooks: not shown yet"


def test_an_explanation_stands_beside_its_survivor(evidence: ModuleType, results: Path) -> None:
    row = {
        "file": "d2lcnn/data/idx.py",
        "old": "a = 1 | `b`",
        "new": "a = 2 | `b`",
        "why": "It is *nothing*.",
    }
    lines = "\n".join(f"{key} = '''{value}'''" for key, value in row.items())
    (results / "book" / "mutants.toml").write_text(f"[[survivor]]\n{lines}\n")
    assert lists(evidence.mutants.write(results))[0][0][-1] == "It is *nothing*."


def test_every_survivor_is_explained(evidence: ModuleType) -> None:
    """And every explanation is of one."""
    result = json.loads((ROOT / "book" / "mutants.json").read_text(encoding="utf-8"))
    known = evidence.mutants.explanations(ROOT)
    left = evidence.mutants.survivors(result["mutants"])
    assert len(result["mutants"]) >= 100
    for survivor in left:
        assert evidence.mutants.explanation(survivor, known), survivor
    places = [{key: survivor[key] for key in ("file", "old", "new")} for survivor in left]
    for row in known:
        assert {key: row[key] for key in ("file", "old", "new")} in places, f"no survivor: {row}"
