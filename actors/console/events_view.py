"""`actortree events LOG`: what has happened, and what happens?"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable

from actors.console.errors import ConsoleError
from actors.console.opening import opened, run_of
from actors.console.text import clean, has_colours, local_time, painted, plural, say
from actors.eventlog.kinds import KINDS
from actors.eventlog.log import Gap, Page, Reader
from actors.eventlog.records import Record

COUNT = 20
"""So many of the newest, where nobody says how many."""
_LOOK_SECONDS = 1.0  # from one look whether the run has ended to the next, while nothing comes
_AT_ONCE = 1000
_KIND_COLUMNS = max(map(len, KINDS))

_LOUD = {
    "red": (
        "agent_failed agent_start_failed agent_escalated agent_abandoned hook_failed task_failed mission_work_failed"
    ),
    "yellow": (
        "agent_suspended agent_backing_off agent_restarting dead_letter overflow log_gap agent_interrupted "
        "task_blocked task_exhausted task_killed task_lost mission_work_held mission_work_returned "
        "mission_work_blocked mission_work_killed mission_help_needed mission_watch_triggered reviewer_rejection "
        "conductor_escalation"
    ),
    "green": (
        "agent_started agent_restarted agent_resumed system_started agent_completed task_completed "
        "mission_work_completed mission_work_unblocked reviewer_approval"
    ),
    "dim": "agent_stopping agent_stopped agent_spawned agent_state_changed agent_stream usage_reported",
}
_STYLES = {kind: style for style, kinds in _LOUD.items() for kind in kinds.split()}
_BY_STATE = {
    "mission_state_changed": {
        "completed": "green", "paused": "yellow", "blocked": "yellow", "stopped": "yellow", "failed": "red",
    },
    "approval_state_changed": {
        "pending": "yellow", "approved": "green", "denied": "yellow", "expired": "yellow", "cancelled": "yellow",
    },
    "breaker_state_changed": {"open": "red", "half_open": "yellow", "closed": "green"},
}  # fmt: skip
"""Where one kind tells of several steps: by the new state."""


class Lines:
    """Writes records, one on each line: as text, or as JSON."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._colours = has_colours(sys.stdout)

    def write(self, records: Iterable[Record | Gap]) -> None:
        for record in records:
            if self._json:
                print(_as_json(record))
            elif isinstance(record, Gap):
                print(painted(f"--:--:--.---  {_gap_text(record)}", "yellow", self._colours))
            else:
                print(self._line(record))
        sys.stdout.flush()

    def _line(self, record: Record) -> str:
        kind = record.event_type
        who = record.path or record.agent_id or record.mission_id or ""
        who += f" #{record.incarnation}" if record.incarnation is not None else ""
        style = _STYLES.get(kind) or _BY_STATE.get(kind, {}).get(record.new_state or "", "")
        head = f"{local_time(record.timestamp)} {record.seq or 0:>7}  "
        said = "  ".join(clean(part) for part in (who, record.task_id, record.text) if part)
        # A kind that this reader does not know may have a longer name.
        return head + painted(f"{clean(kind):<{_KIND_COLUMNS}}", style, self._colours) + f" {said}"


def _as_json(record: Record | Gap) -> str:
    if isinstance(record, Gap):
        fields: object = {"gap": {"first_available": record.first_available, "lost": record.lost}}
    else:
        fields = record.to_fields()
    return json.dumps(fields, ensure_ascii=False, default=repr)


def _gap_text(gap: Gap) -> str:
    lost = "some records are" if gap.lost is None else "1 record is" if gap.lost == 1 else f"{gap.lost} records are"
    return f"{lost} not kept any more; the first that is has number {gap.first_available}"


def show(options: argparse.Namespace) -> int:
    if options.agent is not None and options.mission is not None:
        raise ConsoleError("--agent and --mission: one of them at a time")
    with opened(options.log, options.run) as reader:
        _show(reader, options, Lines(options.json))
    return 0


def _show(reader: Reader, options: argparse.Namespace, lines: Lines) -> None:
    view = {"agent": options.agent, "mission": options.mission}
    kinds = tuple(options.kind or ())
    newest = reader.recent(1)
    cursor = newest[-1].seq or 0 if newest else 0
    found: int
    if options.after is None:
        records = reader.recent(options.count or COUNT, **view, kinds=kinds)
        found = len(records)
        lines.write(records)
        cursor = max(cursor, records[-1].seq or 0) if records else cursor
    else:
        found, cursor = _write_after(reader, options, lines, kinds)
    if options.follow:
        _follow(reader, cursor, options, lines, kinds)
    elif not found:
        _explain_nothing(options, kinds)


def _write_after(reader: Reader, options: argparse.Namespace, lines: Lines, kinds: tuple[str, ...]) -> tuple[int, int]:
    """Write what comes after a cursor, at most as many as asked for; gives how many and the cursor to go on from."""
    cursor, found, bad = options.after, 0, 0
    while options.count is None or found < options.count:
        page: Page = reader.read(cursor, _AT_ONCE, agent=options.agent, mission=options.mission)
        bad += page.bad
        if page.gap is not None:
            lines.write([page.gap])
        fitting = [record for record in page if not kinds or record.event_type in kinds]
        if options.count is not None and found + len(fitting) >= options.count:
            fitting = fitting[: options.count - found]
            cursor = fitting[-1].seq or page.cursor if fitting else page.cursor
            lines.write(fitting)
            found += len(fitting)
            break
        lines.write(fitting)
        found += len(fitting)
        if page.cursor == cursor:
            break
        cursor = page.cursor
    if bad:
        say(f"{plural(bad, 'entry') if bad == 1 else f'{bad} entries'} passed over: no records")
    return found, cursor


def _follow(reader: Reader, cursor: int, options: argparse.Namespace, lines: Lines, kinds: tuple[str, ...]) -> None:
    """Write what comes, until the run has ended in order, or somebody presses Ctrl-C."""
    with reader.follow(cursor, agent=options.agent, mission=options.mission) as follower:
        while not follower.closed:
            batch = follower.next_batch(timeout=_LOOK_SECONDS)
            lines.write(each for each in batch if isinstance(each, Gap) or not kinds or each.event_type in kinds)
            if any(isinstance(each, Record) and each.event_type == "system_stopped" for each in batch):
                return
            if not batch:
                info = run_of(reader)
                if info is not None and info.ended and not follower.next_batch(timeout=0.0):
                    return


def _explain_nothing(options: argparse.Namespace, kinds: tuple[str, ...]) -> None:
    """Say what was not found, since that may be a mistake in what was asked for."""
    strange = [kind for kind in kinds if kind not in KINDS]
    if strange:
        say(f"no such records; the kinds that come from actortree itself are: {', '.join(sorted(KINDS))}")
    elif options.agent is not None:
        say(f"no such records of an agent {options.agent}; agents are named by their paths, such as /crew/worker")
    elif options.mission is not None:
        say(f"no such records of a mission {options.mission}")
    else:
        say("no records")
