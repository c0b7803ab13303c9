"""Which subscriptions does a topic meet, and which of its messages do they want?

A topic is a name of parts with dots between them, such as `builds.linux.done`. In a pattern each part is matched with
the part at its level, with `*`, `?` and `[...]` as in file names; `**` stands for any number of parts, also none.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, get_origin

from actors._core.errors import printed
from actors._core.path import path_matches

if TYPE_CHECKING:
    from actors.routing.endpoint import Endpoint
    from actors.routing.protocol import Where

_WILD = frozenset("*?[")


def is_pattern(topic: str) -> bool:
    """Whether it stands for more than one topic."""
    return not _WILD.isdisjoint(topic)


def check_pattern(topic: object) -> str:
    """Give back what can be subscribed to, a topic or a pattern, or raise ValueError."""
    if not isinstance(topic, str) or not all(topic.split(".")) or topic != topic.strip():
        raise ValueError(f"topic: names with dots between them, such as builds.done or builds.*, not {printed(topic)}")
    return topic


def check_topic(topic: object) -> str:
    """Give back what can be broadcast to or raise ValueError: a pattern is for those who subscribe."""
    checked = check_pattern(topic)
    if is_pattern(checked):
        raise ValueError(f"topic: patterns are for subscriptions, a message has one topic, not {topic!r}")
    return checked


def topic_matches(topic: str, pattern: str) -> bool:
    """Tell whether a topic is one that the pattern stands for."""
    return topic == pattern or path_matches(topic.split("."), pattern.split("."))


def check_where(where: object) -> Callable[[Any], Any] | None:
    """Give the predicate that `where` stands for, None for all messages, or raise ValueError."""
    if where is None:
        return None
    kinds: Any = where if isinstance(where, tuple) else (where,)
    if kinds and all(map(_tells_instances, kinds)):
        return lambda message: isinstance(message, kinds)
    if callable(where) and get_origin(where) is None and not isinstance(where, type) and not iscoroutinefunction(where):
        return where
    raise ValueError(f"where: a type, types, a predicate of a message, or None, not {printed(where)}")


def _tells_instances(kind: object) -> bool:
    """Whether it is a type that `isinstance` takes: Any, or a Protocol that is not for run time, is none."""
    try:
        return isinstance(kind, type) and isinstance(None, kind) in (True, False)
    except TypeError:
        return False


class Subscription:
    """One member's to one topic or pattern; `wants` is None for all messages. `over` is for the member's endpoint."""

    __slots__ = ("endpoint", "over", "topic", "wants")

    def __init__(self, endpoint: Endpoint, topic: str, where: Where | None) -> None:
        self.topic = check_pattern(topic)
        self.wants = check_where(where)
        self.endpoint = endpoint
        self.over = False
