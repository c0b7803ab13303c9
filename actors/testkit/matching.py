"""Is this message the one that a test expects, and if not, how do they differ?"""

from __future__ import annotations

import dataclasses
from types import UnionType
from typing import Any

from actors._core.errors import printed

MOST = 300  # characters of a value in an error
_KINDS = (type, UnionType)


def matches(what: object, message: object) -> bool:
    """Tell whether `message` is what is expected.

    A type, or a union of types: it is an instance. A predicate: it holds. Anything else: it is equal. Never raises:
    what cannot be told of a message does not hold for it.
    """
    return message is what or _outcome(what, message) is True


def _outcome(what: Any, message: object) -> bool | Exception:
    try:
        if isinstance(what, _KINDS):
            return isinstance(message, what)
        return bool(what(message) if callable(what) else what == message)
    except Exception as error:
        # A predicate is written for one kind of message, and looks at all.
        return error


def wanted(what: object) -> str:
    """Give the text for what is expected."""
    if what is object:
        return "a message"
    if isinstance(what, type):
        return what.__name__
    if isinstance(what, UnionType):
        return " | ".join(wanted(kind) for kind in what.__args__)
    if callable(what):
        return f"what {getattr(what, '__qualname__', None) or printed(what, MOST)} accepts"
    return printed(what, MOST)


def shown(message: object) -> str:
    """Give one line for a message that came."""
    return " ".join(printed(message, MOST).split())


def difference(what: object, message: object) -> str:
    """Give a line on why a message is not what was expected; empty where both texts say all."""
    outcome = _outcome(what, message)
    if isinstance(outcome, Exception):
        return f"to look at it raised {shown(outcome)}"
    if isinstance(what, _KINDS):
        return f"it is of type {type(message).__name__}"
    if callable(what):
        return ""
    if type(what) is not type(message):
        return f"it is of type {type(message).__name__}, not {type(what).__name__}"
    ours, theirs = _fields(what), _fields(message)
    parts = [
        f"{name} is {_field(theirs, name)}, not {_field(ours, name)}"
        for name in {**ours, **theirs}
        if name not in ours or name not in theirs or _differ(ours[name], theirs[name])
    ]
    return "; ".join(parts)


def _field(fields: dict[str, Any], name: str) -> str:
    return shown(fields[name]) if name in fields else "not there"


def _differ(ours: Any, theirs: Any) -> bool:
    try:
        return bool(ours != theirs)
    except Exception:
        return True


def _fields(value: Any) -> dict[str, Any]:
    """Give the fields of a dataclass, a pydantic model or a named tuple, or the items of a dict; of others, none."""
    if isinstance(value, dict):
        return {f"[{name!r}]": item for name, item in value.items()}
    if dataclasses.is_dataclass(value):
        names: Any = [field.name for field in dataclasses.fields(value) if field.compare]
    else:
        names = getattr(type(value), "model_fields", None) or getattr(type(value), "_fields", ())
    return {name: getattr(value, name, None) for name in names}
