"""What does a row of `actortree top` say of an agent, and what is left out where there is little room?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from actors.console.text import STYLES, ago, clean, glyph, lasting
from actors.eventlog.fold import LoggedAgent

Cell = tuple[str, str]
"""Text and style."""

_SLOW, _SLOWER = 10.0, 60.0  # seconds in a handler
_FULL, _FULLER = 0.8, 1.0  # of a bounded mailbox
_WIDE, _NARROW = 140, 90


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `cell` gives text and style of name, agent and the time; an elastic one takes what room is left."""

    title: str
    cell: Callable[[str, LoggedAgent, datetime], Cell]
    most: int
    least: int = 0
    right: bool = False
    elastic: bool = False
    keeps_end: bool = False  # what is too long is cut at its beginning: of a path the end says more


def _name(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return name, "dim" if agent.state == "stopped" else ""


def _class(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return clean(agent.agent), "dim"


def _state(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    word = f"{agent.state} ({agent.reason})" if agent.reason else agent.state
    if agent.waits_for:
        word += f" for {clean(agent.waits_for)}"
    return f"{glyph(agent.state)} {word}", STYLES.get(agent.state, "")


def _state_alone(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return f"{glyph(agent.state)} {agent.state}", STYLES.get(agent.state, "")


def _incarnation(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return f"#{agent.incarnation}" if agent.incarnation else "", ""


def _restarts(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    most = "<=" if agent.lost and agent.restarts else ""
    text = f"{most}{agent.restarts}"
    if agent.limit:
        text += f" ({agent.limit})"
    return text, "yellow" if agent.restarts else "dim"


def _restarts_alone(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    limit = agent.limit.partition(" ")[0]
    return f"{agent.restarts}/{limit}" if limit else f"{agent.restarts}", "yellow" if agent.restarts else "dim"


def _mailbox(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    if not agent.capacity:
        return f"{agent.mailbox}", "" if agent.mailbox else "dim"
    share = agent.mailbox / agent.capacity
    style = "bold red" if share >= _FULLER else "yellow" if share >= _FULL else "" if agent.mailbox else "dim"
    return f"{agent.mailbox}/{agent.capacity}", style


def _seconds(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    if not agent.message:
        return "", ""
    style = "bold red" if agent.seconds >= _SLOWER else "yellow" if agent.seconds >= _SLOW else ""
    return lasting(agent.seconds), style


def _in_hand(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return clean(agent.message), ""


def _failure(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return clean(agent.last_failure), "red"


def _failed(name: str, agent: LoggedAgent, now: datetime) -> Cell:
    return ago(agent.failed_at, now), "red"


_AGENT = Column("AGENT", _name, most=24, least=12, elastic=True)
_PATH = replace(_AGENT, keeps_end=True)
_CLASS = Column("CLASS", _class, most=16)
_STATE = Column("STATE", _state, most=20, least=13, elastic=True)
_INCARNATION = Column("INC", _incarnation, most=5, right=True)
_RESTARTS = Column("RESTARTS (LIMIT)", _restarts, most=18, right=True)
_MAILBOX = Column("MAILBOX", _mailbox, most=11, right=True)
_SECONDS = Column("TIME", _seconds, most=8, right=True)
_IN_HAND = Column("IN HAND", _in_hand, most=20, least=8, elastic=True)
_FAILED = Column("FAILED", _failed, most=11, right=True)
_FAILURE = Column("LAST FAILURE", _failure, most=30, least=10, elastic=True)
_SHORT_STATE = Column("STATE", _state_alone, most=13)
_SHORT_RESTARTS = Column("RST", _restarts_alone, most=7, right=True)
_SHORT_MAILBOX = Column("MAIL", _mailbox, most=9, right=True)

_ALL = (_AGENT, _CLASS, _STATE, _INCARNATION, _RESTARTS, _MAILBOX, _SECONDS, _IN_HAND, _FAILED, _FAILURE)
_MOST = (_AGENT, _CLASS, _SHORT_STATE, _SHORT_RESTARTS, _SHORT_MAILBOX, _SECONDS, _IN_HAND, _FAILURE)
_FEW = (_AGENT, _SHORT_STATE, _SHORT_RESTARTS, _SHORT_MAILBOX, _SECONDS, _IN_HAND)


def columns_for(total: int, paths: bool) -> Sequence[Column]:
    """Give the columns for which there is room in so many columns of a terminal; the first has paths, or a tree."""
    _, *others = _ALL if total >= _WIDE else _MOST if total >= _NARROW else _FEW
    return (_PATH if paths else _AGENT, *others)
