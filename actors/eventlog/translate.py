"""What is an event of the kernel on the wire?

Plain JSON values, taken at once: no message, error or ref of the program is kept, and their texts are cut. There is no
model on this way, because it is walked for every event of a run, on the thread that reports it.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core import events
from actors._core.errors import printed, said
from actors._core.events import Event
from actors._core.messages import DeadLetterReason
from actors._core.ref import AgentRef
from actors._core.tree import limit_text
from actors.eventlog.kinds import KINDS
from actors.eventlog.records import HEAD, VERSION, Record, snake

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

Fields = dict[str, Any]

LONGEST = 200
"""Characters of a text of the program, such as that of an error or a message; what is longer is cut."""

OVERFLOW = frozenset({DeadLetterReason.FULL, DeadLetterReason.DROPPED_NEWEST, DeadLetterReason.DROPPED_OLDEST})
"""Why a dead letter is told as `overflow`."""

_HEAD_OF_EVENTS = frozenset(field.name for field in dataclasses.fields(Event))


def translate(event: Event) -> tuple[Fields, bool]:
    """Give the fields of an event as on the wire, and whether a log on this machine must not drop it.

    An event that this module does not know is told by the name of its class, with its fields as plain values. Raises
    ValueError where the program has emitted what is no Record, or a record that is in a log already.
    """
    kind = type(event)
    known = _KNOWN.get(kind)
    if known is not None:
        return known(event), kind is not events.DeadLetter
    if isinstance(event, events.Emitted):
        return _emitted(event)
    return _of_its_own(event)


def system_started(system: ActorSystem) -> Fields:
    """Give the first record of a run: the system, and the process that it lives in."""
    return {
        "version": VERSION,
        "event_type": "system_started",
        "path": "/",
        "system": system.name,
        "pid": os.getpid(),
    }


# -- the kernel's events: one function each, because that is what is fast -------------------


def _spawned(event: events.AgentSpawned) -> Fields:
    fields: Fields = {
        "version": VERSION,
        "event_type": "agent_spawned",
        "path": event.path,
        "agent_id": event.path,
        "incarnation": event.incarnation,
        "old_state": "new",
        "new_state": "starting",
        "agent": event.agent.__name__,
        "restart": str(event.restart),
    }
    limit = limit_text(event.policy)
    if limit:
        fields["limit"] = limit
    return fields


def _started(event: events.AgentStarted) -> Fields:
    fields: Fields = {
        "version": VERSION,
        "event_type": "agent_started",
        "path": event.path,
        "agent_id": event.path,
        "incarnation": event.incarnation,
        "old_state": "starting",
        "new_state": "running",
    }
    if event.agent is not None:
        fields["agent"] = event.agent.__name__
    return fields


def _start_failed(event: events.StartFailed) -> Fields:
    return _step(event, "agent_start_failed", "stopping", "stopped", event.error)


def _suspended(event: events.AgentSuspended) -> Fields:
    return _step(event, "agent_suspended", event.was.name.lower(), "suspended", event.error)


def _halted(event: events.AgentHalted) -> Fields:
    return _step(event, "agent_halted", event.was.name.lower(), "halted")


def _backing_off(event: events.AgentBackingOff) -> Fields:
    was = None if event.was is None else event.was.name.lower()
    return {**_step(event, "agent_backing_off", was, "backing_off"), "delay": event.delay}


def _restarting(event: events.AgentRestarting) -> Fields:
    return _step(event, "agent_restarting", event.was.name.lower(), "starting")


def _restarted(event: events.AgentRestarted) -> Fields:
    return _step(event, "agent_restarted", "starting", "running", event.error)


def _resumed(event: events.AgentResumed) -> Fields:
    return _step(event, "agent_resumed", "suspended", "running", event.error)


def _stopping(event: events.AgentStopping) -> Fields:
    return {**_step(event, "agent_stopping", event.was.name.lower(), "stopping"), "reason": str(event.reason)}


def _stopped(event: events.AgentStopped) -> Fields:
    fields: Fields = {
        "version": VERSION,
        "event_type": "agent_stopped",
        "path": event.path,
        "agent_id": event.path,
        "incarnation": event.incarnation,
        "old_state": "stopping",
        "new_state": "stopped",
        "reason": str(event.reason),
    }
    return fields if event.error is None else _with_error(fields, event.error)


def _step(event: Event, kind: str, old: str | None, new: str, error: BaseException | None = None) -> Fields:
    fields = _head(event, kind)
    if old is not None:
        fields["old_state"] = old
    fields["new_state"] = new
    return fields if error is None else _with_error(fields, error)


def _failed(event: events.AgentFailed) -> Fields:
    fields = _with_error(_head(event, "agent_failed"), event.error)
    return {**fields, "phase": str(event.phase), "directive": str(event.directive)}


def _escalated(event: events.Escalated) -> Fields:
    return {**_with_error(_head(event, "agent_escalated"), event.error), "parent": event.parent}


def _abandoned(event: events.AgentAbandoned) -> Fields:
    return {**_head(event, "agent_abandoned"), "in_hand": _text(event.message), "seconds": event.seconds}


def _returned(event: events.OrphanReturned) -> Fields:
    return {**_head(event, "agent_returned"), "seconds": event.seconds}


def _hook_failed(event: events.HookFailed) -> Fields:
    return _with_error(_head(event, "hook_failed"), event.error)


def _dead_letter(event: events.DeadLetter) -> Fields:
    fields = _head(event, "overflow" if event.reason in OVERFLOW else "dead_letter")
    fields["letter"] = _text(printed(event.message, 4 * LONGEST))
    fields["letter_type"] = type(event.message).__name__
    fields["reason"] = snake(event.reason)
    if event.detail is not None:
        fields["detail"] = _text(event.detail)
    if event.number:
        fields["number"] = event.number
    return fields if event.error is None else _with_error(fields, event.error)


def _system_stopped(event: events.SystemStopped) -> Fields:
    fields = {"version": VERSION, "event_type": "system_stopped", "path": event.path}
    return fields if event.error is None else _with_error(fields, event.error)


def _head(event: Event, kind: str) -> Fields:
    path = event.path
    return {
        "version": VERSION,
        "event_type": kind,
        "path": path,
        "agent_id": path,
        "incarnation": event.incarnation,
    }


def _with_error(fields: Fields, error: BaseException) -> Fields:
    fields["error"] = _encodable(said(error))
    fields["error_type"] = type(error).__name__
    return fields


_KNOWN: dict[type[Event], Callable[[Any], Fields]] = {
    events.AgentSpawned: _spawned,
    events.AgentStarted: _started,
    events.StartFailed: _start_failed,
    events.AgentSuspended: _suspended,
    events.AgentHalted: _halted,
    events.AgentBackingOff: _backing_off,
    events.AgentRestarting: _restarting,
    events.AgentRestarted: _restarted,
    events.AgentResumed: _resumed,
    events.AgentStopping: _stopping,
    events.AgentStopped: _stopped,
    events.AgentFailed: _failed,
    events.Escalated: _escalated,
    events.AgentAbandoned: _abandoned,
    events.OrphanReturned: _returned,
    events.HookFailed: _hook_failed,
    events.DeadLetter: _dead_letter,
    events.SystemStopped: _system_stopped,
}


# -- what others tell -----------------------------------------------------------------------


def _emitted(event: events.Emitted) -> tuple[Fields, bool]:
    """Give the program's record, and say which agent it is of where it does not say so itself."""
    record = event.record
    if not isinstance(record, Record):
        raise ValueError(f"{event.path} has emitted what is no Record: {printed(record, LONGEST)}")
    if record.seq is not None:
        raise ValueError(f"{event.path} has emitted a record that is in a log already: {record.event_id}")
    fields = record.to_fields()
    if event.path != "/":
        fields.setdefault("path", event.path)
        fields.setdefault("agent_id", event.path)
        fields.setdefault("incarnation", event.incarnation)
    return fields, record.lifecycle


def _of_its_own(event: Event) -> tuple[Fields, bool]:
    """Give an event of a feature, or of the program: the name of its class is its kind, and its fields are plain."""
    kind = type(event)
    name: str = snake(kind.__name__)
    ours = kind.__module__.startswith("actors.")
    if name in KINDS and not ours:
        name = f"{kind.__module__}.{name}"
    fields = _head(event, name)
    for field in dataclasses.fields(event):
        if field.name in _HEAD_OF_EVENTS:
            continue
        value = getattr(event, field.name)
        if value is not None:
            fields[f"its_{field.name}" if field.name in HEAD else field.name] = _plain(value)
    return fields, ours and name in KINDS and KINDS[name].lifecycle


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return snake(value)
    if isinstance(value, bool) or type(value) is int:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, BaseException):
        return _encodable(said(value))
    if isinstance(value, AgentRef):
        return value.path
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return _text(printed(value, 4 * LONGEST))


# -- texts ----------------------------------------------------------------------------------


def _text(text: str) -> str:
    """Give the text as one line, cut."""
    line = " ".join(text[: 4 * LONGEST].split())
    return _encodable(line if len(line) <= LONGEST else f"{line[:LONGEST]}...")


def _encodable(text: str) -> str:
    """Give the text without the halves of characters that UTF-8 cannot say."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
