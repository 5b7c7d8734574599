"""Which changes are tried: some of each module, more of the longer ones, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from mutation.changes import Change, code_lines, find_changes, is_another_program

# Lines of code. The shorter modules of a room are drawn from together.
A_STRATUM_OF_ITS_OWN = 40


@dataclass(frozen=True)
class Mutant:
    """A change and the file it is made in, as a path from the project's root."""

    file: str
    change: Change

    @property
    def name(self) -> str:
        """What tells this mutant from all others."""
        return f"{self.file}:{self.change.line} {self.change.begin} {self.change.kind}"

    def describe(self, root: Path) -> dict[str, object]:
        """Give what is said of this mutant in the results.

        Args:
            root: The project's folder.
        """
        change = self.change
        source = (root / self.file).read_bytes()
        first, end = source.rfind(b"\n", 0, change.begin) + 1, change.begin + len(change.old.encode())
        last = source.find(b"\n", end)
        before = source[first : change.begin].decode()
        after = source[end : last if last >= 0 else None].decode()
        return {
            "file": self.file,
            "line": change.line,
            "kind": change.kind,
            "old": (before + change.old + after).strip(),
            "new": (before + change.new + after).strip(),
        }


def strata(package: Path) -> dict[str, list[Path]]:
    """Divide a package's modules: each long one by itself, the short ones of a folder together.

    Args:
        package: The package's folder. Modules without anything to change are left out.
    """
    divided: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if not find_changes(source):
            continue
        name = path.relative_to(package.parent).as_posix()
        if code_lines(source) < A_STRATUM_OF_ITS_OWN:
            name = f"{path.parent.relative_to(package.parent).as_posix()}/ (short modules)"
        divided.setdefault(name, []).append(path)
    return divided


def allocate(lines: dict[str, int], number: int) -> dict[str, int]:
    """Share a number of mutants out: one to each stratum, the others where there are most lines for each mutant.

    Args:
        lines: Each stratum's lines of code.
        number: Of mutants, at least one for each stratum.

    Raises:
        ValueError: If there are fewer mutants than strata.
    """
    if number < len(lines):
        raise ValueError(
            f"each stratum needs a mutant: got {number} for {len(lines)} strata; take --number {len(lines)} or more"
        )
    shares = dict.fromkeys(lines, 1)
    for _ in range(number - len(lines)):
        most = max(lines, key=lambda name: (lines[name] / (shares[name] + 1), name))
        shares[most] += 1
    return shares


def draw(package: Path, number: int, seed: int) -> list[Mutant]:
    """Draw mutants of a package.

    In each stratum a statement is drawn first, so that long tables of numbers do not crowd out the code. Each stratum has
    random numbers of its own, so that an edit of one module leaves the mutants of the others as they were.
    """
    divided = strata(package)
    lines = {name: sum(code_lines(path.read_bytes()) for path in paths) for name, paths in divided.items()}
    drawn: list[Mutant] = []
    for name, share in allocate(lines, number).items():
        chance = random.Random(f"{seed} {name}")
        statements: dict[tuple[str, int], list[Mutant]] = {}
        for path in divided[name]:
            file = path.relative_to(package.parent).as_posix()
            for change in find_changes(path.read_bytes()):
                statements.setdefault((file, change.statement), []).append(Mutant(file, change))
        order = sorted(statements)
        chance.shuffle(order)
        for statement in order:
            if share == 0:
                break
            mutant = chance.choice(statements[statement])
            source = (package.parent / mutant.file).read_bytes()
            if is_another_program(mutant.change.apply(source), source):
                drawn.append(mutant)
                share -= 1
    return drawn
