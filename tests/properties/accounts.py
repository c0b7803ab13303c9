"""What became of one message, and of one ask?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from actors import DeadLetter


class Incarnation:
    """One incarnation of an agent, as the oracle knows it: to look at it calls nothing of the kernel."""

    __slots__ = ("context", "incarnation", "keeps_children", "path", "ref")

    def __init__(self, context: Any) -> None:
        self.context = context
        self.path: str = context.path
        self.incarnation: int = context.incarnation
        self.ref = context.ref
        self.keeps_children: bool = context.cell.spec.keep_children

    @property
    def fenced(self) -> bool:
        """Whether it was abandoned."""
        return bool(self.context.fenced)

    def __repr__(self) -> str:
        return f"{self.path} #{self.incarnation}"


@dataclass(frozen=True, eq=False)
class Letter:
    """A message of the programs; it has a number for each time that it is sent."""

    number: int
    script: Any = ()
    origin: Incarnation | None = None

    def __repr__(self) -> str:
        return f"letter {self.number}"


@dataclass(frozen=True)
class Answer:
    """What a handler answers with; `late` says that its incarnation had ended or was abandoned before."""

    number: int
    path: str
    incarnation: int
    late: bool


class Begun:
    """One handling of a message. `end` is done, raised, stashed, or None as long as it has not returned."""

    __slots__ = ("asked", "end", "who")

    def __init__(self, who: Incarnation, asked: bool) -> None:
        self.who = who
        self.asked = asked
        self.end: str | None = None

    def __repr__(self) -> str:
        return f"#{self.who.incarnation} {self.end}{', asked' if self.asked else ''}"


@dataclass
class Account:
    """One message: how many outcomes it is to have, its handlings and its dead letters."""

    letter: Letter
    asked: bool
    expected: int = 1
    perhaps: bool = False  # its sender was stopped in the middle of sending it
    crashed: int = 0  # how often its handler was kept from an ask, and an error was the answer
    begun: list[Begun] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)

    def __str__(self) -> str:
        dead = [f"{letter.reason!r} at {letter.path} #{letter.incarnation}" for letter in self.dead]
        kind = "ask" if self.asked else "tell"
        return f"{kind} {self.letter.number}: begun {self.begun}, dead letters {dead}, crashed {self.crashed}"


def conclude_account(account: Account) -> str | None:
    """Say what is wrong with it: each time that a message was accepted it is handled, or a dead letter, just once.

    A failing handler makes a dead letter of what was told; who asked has the error instead. What is stashed comes to
    its end later. What an incarnation was abandoned over counts as the kernel says, also where its handler was done in
    the same moment.
    """
    given_up = _abandonments(account)
    outcomes = account.crashed + len(account.dead)
    for begun in account.begun:
        # What it was abandoned over has its dead letter; a stashed message comes to its end later.
        handled = begun.asked or begun.end == "done"
        outcomes += handled and begun.end != "stashed" and begun not in given_up
    if outcomes == account.expected or (account.perhaps and outcomes == account.expected - 1):
        return None
    return f"{outcomes} outcomes instead of {account.expected}: {account}"


def _abandonments(account: Account) -> list[Begun]:
    """Give the handlings over which the agent was abandoned, as the dead letters say."""
    found: list[Begun] = []
    for letter in account.dead:
        those = [
            begun
            for begun in account.begun
            if letter.reason == "abandoned" and begun.who.incarnation == letter.incarnation and begun not in found
        ]
        # One that has not returned, if there is one: the last is done at the same moment.
        found += [begun for begun in those if begun.end is None][:1] or those[-1:]
    return found


class Asked:
    """One ask: who asks, and what came of it."""

    __slots__ = ("answers", "late", "letter", "who", "wrong")

    def __init__(self, letter: Letter, who: str) -> None:
        self.letter = letter
        self.who = who
        self.answers = 0
        self.late = False
        self.wrong: Any = None

    def ends(self, value: Any = None, error: BaseException | None = None) -> None:
        """It has ended; called with the value or the error, each time that somebody is told."""
        self.answers += 1
        if error is not None:
            return
        if not isinstance(value, Answer) or value.number != self.letter.number:
            self.wrong = value
        elif value.late:
            self.late = True
            self.wrong = value


def conclude_ask(asked: Asked) -> str | None:
    """Say what is wrong with it: it ends once, with the answer to just that message, or with an error."""
    if asked.answers != 1:
        return f"the ask of {asked.letter} by {asked.who} has ended {asked.answers} times"
    if asked.wrong is not None:
        return f"the ask of {asked.letter} by {asked.who} has ended with {asked.wrong!r}"
    return None
