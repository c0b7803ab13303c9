"""What is there to find in a file? One examiner a kind, which knows nothing of agents."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from auditing.files import File, Kind

LONG_LINE = 120
LONG_FUNCTION = 60
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\]\(<?([^)\s>]+)")
_NOT_A_FILE = re.compile(r"[a-z][a-z0-9+.-]*:|[#/]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A problem in a file; the heavier, the further up in the list."""

    weight: int
    name: str
    line: int
    text: str


@dataclass(slots=True)
class Seen:
    """What one file holds: counts that add up, the longest thing with its place, and the problems."""

    file: File
    counts: Counter[str] = field(default_factory=Counter)
    longest: tuple[int, str] = (0, "")
    findings: list[Finding] = field(default_factory=list)

    def problem(self, weight: int, line: int, text: str) -> None:
        self.findings.append(Finding(weight, self.file.name, line, text))

    def measure(self, length: int, line: int) -> None:
        self.longest = max(self.longest, (length, f"{self.file.name}:{line}"))


class Examiner:
    """Looks at a file that was read; what it does not expect it raises."""

    def look(self, seen: Seen, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            seen.problem(70, data.count(b"\n", 0, error.start) + 1, f"not UTF-8: {error.reason}")
        else:
            seen.counts["lines"] = text.count("\n") + (text[-1:] not in ("", "\n"))
            self.look_at_text(seen, text)

    def look_at_text(self, seen: Seen, text: str) -> None:
        """Add what is to be seen in the text."""


class TextExaminer(Examiner):
    """Lines, and those that are too long."""

    def look(self, seen: Seen, data: bytes) -> None:
        if b"\0" in data[:8192]:
            seen.problem(10, 1, "not a text, by what is in it")
        else:
            super().look(seen, data)

    def look_at_text(self, seen: Seen, text: str) -> None:
        for number, line in enumerate(text.split("\n"), 1):
            seen.measure(len(line), number)
            seen.counts["long lines"] += len(line) > LONG_LINE
        if seen.counts["long lines"]:
            count = seen.counts["long lines"]
            seen.problem(10 + min(count, 9), 0, f"lines above {LONG_LINE} characters: {count}")


class BinaryExaminer(Examiner):
    """Bytes, and no more than that."""

    def look(self, seen: Seen, data: bytes) -> None:
        seen.measure(len(data), 0)


class DataExaminer(Examiner):
    """JSON and TOML: is it valid?"""

    def look_at_text(self, seen: Seen, text: str) -> None:
        is_toml = seen.file.path.suffix.lower() == ".toml"
        try:
            tomllib.loads(text) if is_toml else json.loads(text)
        except ValueError as error:
            line = getattr(error, "lineno", None) or int((re.findall(r"at line (\d+)", str(error)) or ["0"])[0])
            seen.problem(80, line, f"not valid {'TOML' if is_toml else 'JSON'}: {error}")
        else:
            seen.counts["valid"] = 1


class MarkdownExaminer(Examiner):
    """Headings, and relative links that lead nowhere."""

    def look_at_text(self, seen: Seen, text: str) -> None:
        in_code = False
        for number, line in enumerate(text.split("\n"), 1):
            if _FENCE.match(line):
                in_code = not in_code
            elif not in_code:
                seen.counts["headings"] += re.match(r"#{1,6} ", line) is not None
                for target in _LINK.findall(_CODE.sub("", line)):
                    self._follow(seen, number, target)

    def _follow(self, seen: Seen, line: int, target: str) -> None:
        if _NOT_A_FILE.match(target):
            return
        seen.counts["relative links"] += 1
        if not (seen.file.path.parent / Path(unquote(target.partition("#")[0]))).exists():
            seen.problem(60, line, f"the link leads nowhere: {target}")


class PythonExaminer(Examiner):
    """Functions, the longest of them, and public names without a word of explanation."""

    def look_at_text(self, seen: Seen, text: str) -> None:
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            seen.problem(90, getattr(error, "lineno", None) or 0, f"not valid Python: {error}")
            return
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._measure(seen, node)
        self._count_undocumented(seen, module.body)
        if seen.counts["undocumented"]:
            count = seen.counts["undocumented"]
            seen.problem(20 + min(count, 19), 0, f"public names without a docstring: {count}")

    def _measure(self, seen: Seen, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        seen.counts["functions"] += 1
        seen.measure(length, function.lineno)
        if length > LONG_FUNCTION:
            seen.problem(40, function.lineno, f"{function.name} is {length} lines long")

    def _count_undocumented(self, seen: Seen, body: list[ast.stmt]) -> None:
        """Count in a module or class; what is inside a function, or private, or a test, is nobody's to look up."""
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith(("_", "test_", "Test")):
                seen.counts["undocumented"] += ast.get_docstring(node, clean=False) is None
                if isinstance(node, ast.ClassDef):
                    self._count_undocumented(seen, node.body)


EXAMINERS: dict[Kind, type[Examiner]] = {
    Kind.PYTHON: PythonExaminer,
    Kind.MARKDOWN: MarkdownExaminer,
    Kind.DATA: DataExaminer,
    Kind.TEXT: TextExaminer,
    Kind.BINARY: BinaryExaminer,
}
