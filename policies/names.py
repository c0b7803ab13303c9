"""How is a class written as text, and found again?"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


def import_path(cls: type) -> str:
    """Name a class by the module and the name it is defined under, such as "builtins.TimeoutError"."""
    return f"{cls.__module__}.{cls.__qualname__}"


def source_name(cls: type) -> str:
    """Name a class as a program would write it: a builtin by its name alone."""
    return cls.__qualname__ if cls.__module__ == "builtins" else import_path(cls)


def find_class(path: str) -> type:
    """Give the class at an import path, importing its module; ValueError names a path that has none."""
    parts = path.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(f"{path!r} is not the import path of a class")
    module, inner = _import_longest(parts)
    found: Any = module
    for name in inner:
        found = getattr(found, name, None)
    if not isinstance(found, type):
        raise ValueError(f"there is no class at {path!r}")
    return found


def find_exception(path: str) -> type[BaseException]:
    """Give the exception class at an import path; ValueError names a path that has none."""
    found = find_class(path)
    if not issubclass(found, BaseException):
        raise ValueError(f"{path!r} is not an exception class")
    return found


def exception_path(cls: type[BaseException]) -> str:
    """Name an exception class by its import path; ValueError where reading it back would not find it."""
    path = import_path(cls)
    if find_exception(path) is not cls:
        raise ValueError(f"another class than {cls!r} is found at {path!r}")
    return path


def _import_longest(parts: list[str]) -> tuple[ModuleType, list[str]]:
    """Import the longest leading part of a dotted path that is a module; give it and the rest."""
    cause: Exception | None = None
    for cut in range(len(parts) - 1, 0, -1):
        try:
            return import_module(".".join(parts[:cut])), parts[cut:]
        except Exception as error:  # a module that is imported runs, and may raise what it likes
            cause = error
    raise ValueError(f"{'.'.join(parts)!r} cannot be imported") from cause
