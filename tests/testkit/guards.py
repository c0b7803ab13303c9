"""What does the kernel do without one of its guards? The same, but for one line, on the same lines of the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any


@contextmanager
def without(function: Callable[..., Any], guard: str, instead: str) -> Iterator[None]:
    """Have `instead` stand in the source of `function` where its `guard` is, for as long as the block runs."""
    sound: CodeType = function.__code__
    source = Path(sound.co_filename).read_text(encoding="utf-8")
    begin = source.index(f"def {function.__name__}(", _offset(source, sound.co_firstlineno))
    place = source.index(guard, begin)
    assert guard.count("\n") == instead.count("\n"), "the lines below would move"
    broken = source[:place] + instead + source[place + len(guard) :]
    (code,) = _find(compile(broken, sound.co_filename, "exec", dont_inherit=True), sound)
    assert (code.co_code, code.co_names) != (sound.co_code, sound.co_names), (
        f"{function.__qualname__} does not have the guard {guard!r}"
    )
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = sound


def _offset(source: str, line: int) -> int:
    return sum(map(len, source.splitlines(keepends=True)[: line - 1]))


def _find(code: CodeType, like: CodeType) -> list[CodeType]:
    found = [code] if (code.co_qualname, code.co_firstlineno) == (like.co_qualname, like.co_firstlineno) else []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _find(constant, like)
    return found
