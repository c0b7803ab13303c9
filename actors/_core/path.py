"""What is a good name, and which paths match a pattern?"""

from __future__ import annotations

from fnmatch import fnmatchcase

from actors._core.errors import printed

_FORBIDDEN = frozenset("/*?[]\\")
_LONGEST = 255


def check_name(name: object) -> str:
    """Give back `name` if a child may have it, else raise ValueError with the name and the reason."""
    if not isinstance(name, str):
        raise ValueError(f"a name is a str, not {printed(name)}")
    if not name or len(name) > _LONGEST:
        raise ValueError(f"a name has 1 to {_LONGEST} characters: {name!r:.60}")
    if name.isalnum() or name.isidentifier():
        return name
    if name in (".", "..") or not name.isprintable() or name != name.strip() or _FORBIDDEN.intersection(name):
        raise ValueError(f"a name has no / * ? [ ] \\, no space at its ends, nothing unprintable: {name!r}")
    return name


def split(path: object) -> list[str]:
    """Split an absolute path into its names; "/" gives none. Raises ValueError for anything else."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(f"a path is a str that starts with /: {printed(path)}")
    return [part for part in path.split("/") if part]


def path_matches(names: list[str], pattern: list[str]) -> bool:
    """Tell whether a path matches a pattern, both split; `**` stands for any number of levels."""
    level = at = 0
    resume: tuple[int, int] | None = None  # the level and part to go on with if the last `**` takes one level more
    while level < len(names):
        if at < len(pattern) and pattern[at] == "**":
            at += 1
            resume = level + 1, at
        elif at < len(pattern) and matches(names[level], pattern[at]):
            level, at = level + 1, at + 1
        elif resume is not None:
            # Only the last one needs to: what an earlier one would take more, the last can take as well.
            level, at = resume
            resume = level + 1, at
        else:
            return False
    return all(part == "**" for part in pattern[at:])


def matches(name: str, pattern: str) -> bool:
    """Tell whether one name matches one part of a pattern: `*`, `?` and `[...]` as in file names."""
    return fnmatchcase(name, pattern)
