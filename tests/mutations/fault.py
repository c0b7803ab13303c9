"""What is a fault, and what does the source look like that has it?"""

from __future__ import annotations

import ast
from dataclasses import dataclass


class RottenFault(ValueError):
    """The place that a fault changes is not there any more, or there are two of them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One deliberate mistake in one place, which the tests are to notice.

    - `name`: what is wrong; `harm`: what would come of it.
    - `file`: from the root of the tree; `where`: the function, such as "Turn.run", or nothing for the whole file.
    - `old`, `new`: the text there, which must occur once, and what stands in its place.
    - `tests`: the files that are to notice, without tests/test_ and .py, such as "core/watch core/limits".
    """

    name: str
    harm: str
    file: str
    where: str
    old: str
    new: str
    tests: str

    @property
    def test_files(self) -> list[str]:
        """The paths of the tests that are to notice, from the root of the tree."""
        parts = (name.rpartition("/") for name in self.tests.split())
        return [f"tests/{folder}/test_{name}.py" for folder, _, name in parts]

    def put_into(self, source: str) -> str:
        """Give the source with the fault; RottenFault where its place is not found exactly once."""
        begin, end = _span(source, self.where) if self.where else (0, len(source))
        found = source.count(self.old, begin, end)
        if found != 1 or self.old == self.new:
            place = f"{self.file}, {self.where}" if self.where else self.file
            raise RottenFault(f"{self.name}: found {found} times in {place}: {self.old!r}")
        return source[:begin] + source[begin:end].replace(self.old, self.new) + source[end:]


def _span(source: str, where: str) -> tuple[int, int]:
    """Give where the function, or class, begins and ends in the source."""
    node: ast.AST = ast.parse(source)
    for name in where.split("."):
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == name]
        if not found:
            raise RottenFault(f"there is no {where}")
        node = found[-1]  # those before it are its overloads
    lines = source.splitlines(keepends=True)
    begin, end = getattr(node, "lineno", 1) - 1, getattr(node, "end_lineno", 1)
    return sum(map(len, lines[:begin])), sum(map(len, lines[:end]))
