"""How does what an agent says while it works look in the log?

As text and plain values, cut: the log keeps nothing of the program's own, and nothing of it can fail there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

from pydantic import BaseModel

from actors._core.errors import printed
from actors.eventlog.records import snake
from actors.eventlog.work_kinds import AgentStreamRecord

LONGEST = 200
"""Of a text in the log, in characters; what is longer is cut, and ends in "..."."""
MOST_FIELDS = 20
_AS_IT_IS = (int, bool)


def record_of(event: Any) -> AgentStreamRecord:
    """Give the record of something that was said: its text, and of what is no text its kind and its fields, too.

    The text is its `text`, else its `reason`, else what its fields say.
    """
    if isinstance(event, str):
        return AgentStreamRecord(message=_cut(str(event)))
    kind = snake(type(event).__name__)
    found = _fields_of(event)
    for name in ("text", "reason"):
        if isinstance(found.get(name), str):
            return AgentStreamRecord(message=found.pop(name), kind=kind, fields=found or None)
    if found and not isinstance(event, Mapping):
        facts = ", ".join(f"{name} {value}" for name, value in found.items())
        message = f"{kind.replace('_', ' ')}: {facts}"
    else:
        message = printed(event, LONGEST + 1)
    return AgentStreamRecord(message=_cut(message), kind=kind, fields=found or None)


def _fields_of(event: Any) -> dict[str, Any]:
    """Give the first fields of a dataclass, a model or a mapping as plain values; of anything else none.

    Those that are None are absent, as in any record.
    """
    named: Iterable[tuple[str, Any]]
    try:
        if is_dataclass(event):
            named = ((each.name, getattr(event, each.name)) for each in fields(event))
        elif isinstance(event, BaseModel):
            named = event
        elif isinstance(event, Mapping):
            named = ((str(name), value) for name, value in event.items())
        else:
            return {}
        present = ((name, value) for name, value in named if value is not None)
        return {_cut(name): _plain(value) for name, value in islice(present, MOST_FIELDS)}
    except Exception:  # it is the program's own, and may raise anything
        return {}


def _plain(value: Any) -> Any:
    if type(value) in _AS_IT_IS or (type(value) is float and math.isfinite(value)):
        return value
    return _cut(str(value) if isinstance(value, str) else printed(value, LONGEST + 1))


def _cut(text: str) -> str:
    # What cannot be written in UTF-8 would cost the log the whole record.
    text = text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
