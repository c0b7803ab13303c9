"""How is something that went wrong said, so that its place is found?"""

from __future__ import annotations

import traceback
from typing import Any

from actors._core import events
from actors._core.errors import printed
from actors._core.orphans import Orphan

_MOST = 20  # problems of one kind that are spelled out
_LONGEST = 200  # characters of what a user made


def failure(event: Any) -> str:
    """Say which agent failed, where and with what, with the traceback."""
    error = printed(event.error, _LONGEST)
    if isinstance(event, events.SystemStopped):
        head = f"the system ended with {error}"
    elif isinstance(event, events.StartFailed):
        head = f"{event.path} did not start: {error}"
    elif isinstance(event, events.HookFailed):
        head = f"{event.path} #{event.incarnation} in a last hook: {error}"
    else:
        head = f"{event.path} #{event.incarnation} in {event.phase.value}: {error} -> {event.directive.value}"
    return f"unexpected failure: {head}\n{_indented(''.join(traceback.format_exception(event.error)))}"


def letter(event: events.DeadLetter) -> str:
    """Say what reached nobody, and why."""
    message = printed(event.message, _LONGEST)
    return f"unexpected dead letter: {message} to {event.path} #{event.incarnation}: {event.why}"


def orphan(orphan: Orphan) -> str:
    """Say which handler hangs, with its stack."""
    head = f"orphan: {orphan.path} #{orphan.incarnation} hangs in {orphan.message}, on thread {orphan.thread}"
    return f"{head}\n{_indented(orphan.stack)}"


def first(entries: list[str]) -> list[str]:
    """Leave out what is more than a reader takes in, and say how many those are."""
    more = len(entries) - _MOST
    return entries if more <= 0 else [*entries[:_MOST], f"... and {more} more"]


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())
