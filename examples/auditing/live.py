"""How does one follow an audit at the terminal? One line for each thing that happens."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

from actors import AgentAbandoned, AgentFailed, AgentRestarted, Emitted, Escalated, Event
from actors.eventlog import Record

_TOLD = {
    "mission_state_changed": ("", "●"),
    "mission_work_held": ("33", "?"),
    "mission_work_reworked": ("33", "↺"),
    "mission_work_returned": ("33", "↺"),
    "mission_work_completed": ("32", "✓"),
    "mission_work_failed": ("31", "✗"),
    "mission_work_blocked": ("33", "⊘"),
    "mission_work_killed": ("35", "†"),
    "mission_help_needed": ("35", "!"),
    "task_assigned": ("2", "▶"),
    "conductor_escalation": ("35", "!"),
    "reviewer_rejection": ("33", "↩"),
    "approval_state_changed": ("36", "?"),
}
EVENTS = (AgentAbandoned, AgentFailed, AgentRestarted, Emitted, Escalated)


class Live:
    """Writes what happens as it happens; called on whichever thread something happened."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.colours = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        # Guards that a line is written as a whole; nothing else is done under it.
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        record = getattr(event, "record", None)
        if isinstance(record, Record):
            told = _TOLD.get(record.event_type)
            if told is not None:
                self.write(told[0], told[1], *_words(record))
        elif isinstance(event, AgentFailed):
            why = str(event.error) or type(event.error).__name__
            self.write("31", "✗", event.path, f"{why} -> {event.directive.value}")
        elif isinstance(event, AgentAbandoned):
            self.write("31", "✗", event.path, "hangs: its thread is left behind, another takes its place")
        elif isinstance(event, AgentRestarted):
            self.write("33", "↻", event.path, f"starts again, incarnation {event.incarnation}")
        elif isinstance(event, Escalated):
            self.write("35", "!", event.path, "passes its failure on to its parent")

    def write(self, colour: str, glyph: str, who: str, what: str) -> None:
        line = f"{time.monotonic() - self.began:6.2f} s  {glyph} {_short(who):<13} {what}"
        if self.colours and colour:
            line = f"\x1b[{colour}m{line}\x1b[0m"
        with self._lock:
            print(line, flush=True)


def _words(record: Record) -> tuple[str, str]:
    if record.event_type == "mission_state_changed":
        return record.mission_id or "", f"{record.new_state}{f': {record.message}' if record.message else ''}"
    who = record.task_id or record.agent_id or ""
    state = (record.new_state or "").replace("_", " ")
    if record.event_type == "task_assigned":
        return who, f"{_short(record.agent_id or '')}, {record.message}"
    said: Any = record.message or ""
    return who, ": ".join(part for part in (state, said) if part) or record.event_type.replace("_", " ")


def _short(path: str) -> str:
    return path.rpartition("/")[2] or path
