"""`actortree approvals FILE`: what is to be approved, and what does a person say to it?"""

from __future__ import annotations

import argparse
import getpass
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from actors.approvals.approval import Approval
from actors.approvals.errors import ApprovalError
from actors.approvals.file import read_all
from actors.approvals.states import ApprovalState
from actors.approvals.store import Store
from actors.console.errors import ConsoleError
from actors.console.opening import said
from actors.console.text import ago, clean, lasting, plural

_S = ApprovalState
_UNFINISHED = (_S.PENDING, _S.APPROVED, _S.EXECUTING)


def show(options: argparse.Namespace) -> int:
    """List what is not over, or all."""
    with _explained():
        found = read_all(options.file)
    shown = [approval for approval in found if options.all or approval.state in _UNFINISHED]
    if options.json:
        print(json.dumps([approval.to_fields() for approval in shown], ensure_ascii=False))
        return 0
    counts = Counter(_word(approval) for approval in found)
    print(f"{plural(len(found), 'approval')}{': ' if counts else ''}{', '.join(f'{n} {w}' for w, n in counts.items())}")
    now = datetime.now(UTC)
    for approval in shown:
        _print(approval, now)
    return 0


def approve(options: argparse.Namespace) -> int:
    """Say yes, to what was asked or to what was edited."""
    with _opened(options) as store:
        payload = _edited(store.get(options.id), options.edit)
        _said(options, store.approve(options.id, payload, _who(options), options.reason, _now()))
    return 0


def deny(options: argparse.Namespace) -> int:
    """Say no."""
    with _opened(options) as store:
        outcome = "aborted" if options.abort else "refused"
        _said(options, store.refuse(options.id, outcome, _who(options), options.reason, _now()))
    return 0


def done(options: argparse.Namespace) -> int:
    """Say that what was interrupted had been done."""
    with _opened(options) as store:
        _check_interrupted(store.get(options.id))
        _said(options, store.consume(options.id, options.reason, _now()))
    return 0


def give_up(options: argparse.Namespace) -> int:
    """Say that what was interrupted will not be finished."""
    with _opened(options) as store:
        _check_interrupted(store.get(options.id))
        _said(options, store.give_up(options.id, options.reason, _now()))
    return 0


# -- the file -----------------------------------------------------------------------


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # of whoever reads what is written
    except ApprovalError as error:
        raise ConsoleError(clean(error)) from error
    except (OSError, ValueError, sqlite3.Error) as error:
        raise ConsoleError(said(error)) from error


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Store]:
    with _explained():
        read_all(options.file)  # a file that is not there is not to be made
        with closing(Store(options.file)) as store:
            yield store


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _who(options: argparse.Namespace) -> str:
    if options.by is not None:
        who: str = options.by
        return who
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # as in a container whose user has no name
        return ""


def _edited(approval: Approval, edits: list[str] | None) -> Mapping[str, str] | None:
    if not edits:
        return None
    payload = dict(approval.asked)
    for edit in edits:
        name, equals, value = edit.partition("=")
        if not equals:
            raise ConsoleError(f"--edit: NAME=VALUE, not {clean(edit)}")
        if name not in payload:
            raise ConsoleError(f"--edit: {approval.id} has no {clean(name)}; it has {clean(', '.join(payload))}")
        payload[name] = value
    return payload


def _check_interrupted(approval: Approval) -> None:
    if approval.state is _S.EXECUTING and not approval.interrupted:
        raise ConsoleError(f"{approval.id} is being executed: only the program that does so knows how that ends")


# -- what is written -----------------------------------------------------------------


def _said(options: argparse.Namespace, approval: Approval) -> None:
    if options.json:
        print(json.dumps(approval.to_fields(), ensure_ascii=False))
    else:
        edited = ", edited" if approval.edited and approval.state is _S.APPROVED else ""
        print(f"{approval.id} is {approval.state}{edited}: {clean(approval.action)}, task {clean(approval.task_id)}")


def _word(approval: Approval) -> str:
    return "interrupted" if approval.interrupted else str(approval.state)


def _print(approval: Approval, now: datetime) -> None:
    asked = ago(datetime.fromtimestamp(approval.created, UTC), now)
    agent = f" by {approval.agent_id}" if approval.agent_id else ""
    mission = f" of {approval.mission_id}" if approval.mission_id else ""
    facts = [f"asked {asked}{agent} for task {approval.task_id}{mission}", *_rest(approval, now)]
    print(f"{approval.id}  {_word(approval)}  {clean(approval.action)}")
    print(f"    {clean(', '.join(facts))}")
    for name, value in approval.payload.items():
        lines = value.splitlines() or [""]
        changed = " (edited)" if approval.asked.get(name) != value else ""
        print(f"    {clean(name)}{changed}: {clean(lines[0])}")
        for line in lines[1:]:
            print(f"        {clean(line)}")


def _rest(approval: Approval, now: datetime) -> Iterator[str]:
    if approval.state is _S.PENDING:
        if approval.editable:
            yield "may be edited"
        if approval.deadline is not None:
            left = approval.deadline - now.timestamp()
            yield f"denied in {lasting(left)}" if left > 0 else "its time is over"
        return
    word = "begun" if approval.state is _S.EXECUTING else approval.outcome
    by = f" by {approval.by}" if approval.by else ""
    reason = f": {approval.reason}" if approval.reason else ""
    yield f"{word} {ago(datetime.fromtimestamp(approval.changed, UTC), now)}{'' if word == 'begun' else by}{reason}"
