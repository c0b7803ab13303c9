"""What was said to have happened, and which invariant does that break?

The oracle is told of everything by whoever does it: agents as they begin and end a piece of code, senders before and
after they send, the system by its events. What must hold at each instant is checked there and then, the rest by
`conclude`, once the system has ended. It knows nothing of how the kernel does what it does.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from actors import AgentFailed, DeadLetter, Escalated, Event
from tests.properties.accounts import Account, Asked, Begun, Incarnation, Letter, conclude_account, conclude_ask
from tests.properties.lives import Lives


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, and the datum that shows it."""

    invariant: str
    datum: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.datum}"


class Stopping:
    """Somebody waits for the end of an agent."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.over = False

    def ends(self) -> None:
        self.over = True


class Inside:
    """A piece of an agent's code while it runs: a hook, or a handler."""

    __slots__ = ("what", "who")

    def __init__(self, who: Incarnation, what: str) -> None:
        self.who = who
        self.what = what

    def __repr__(self) -> str:
        return f"{self.what} of {self.who}"


class Oracle:
    """All that happened in one run. May be used on any thread.

    `exact` says that one thread runs at a time and none is interrupted between the kernel's steps, so that moments can
    be compared.
    """

    def __init__(self, exact: bool) -> None:
        self.exact = exact
        self.violations: list[Violation] = []
        self.events: list[Event] = []
        self.accounts: dict[int, Account] = {}
        self.asks: list[Asked] = []
        self.stops: list[Stopping] = []
        self.lives = Lives(self.violated, exact)
        self.counts: Counter[str] = Counter()
        self._failures: list[tuple[Incarnation, BaseException]] = []
        self._inside: dict[str, list[Inside]] = {}
        self._newest: dict[str, Incarnation] = {}
        self._threads: dict[Any, tuple[Incarnation, int]] = {}
        self._numbers = itertools.count(1)
        # Guards all of these. Nothing of the kernel is called under it.
        self._lock = threading.RLock()

    def violated(self, invariant: str, datum: str) -> None:
        """Note that an invariant does not hold; nothing is raised, because an agent would only fail of it."""
        self.violations.append(Violation(invariant, datum))

    # -- code of agents: I2, I7, I10 ----------------------------------------------

    def enters(self, who: Incarnation, what: str) -> Inside:
        """A hook or a handler begins."""
        inside = Inside(who, what)
        with self._lock:
            self.counts[what] += 1
            there = self._inside.setdefault(who.path, [])
            for other in there:
                if not other.who.fenced:
                    self.violated("I2", f"{inside} begins inside {other}")
            there.append(inside)
            if who.fenced and self.exact:
                self.violated("I10", f"{inside} begins after it was abandoned")
            newest = self._newest.get(who.path)
            if newest is not None and newest is not who and self._is_older(who, newest):
                self.violated("I10", f"{inside} begins after {newest} has begun")
            self._newest[who.path] = who
            self.lives.enters(who, what)
        return inside

    def _is_older(self, who: Incarnation, newest: Any) -> bool:
        if who.ref is newest.ref:
            return bool(who.incarnation < newest.incarnation)
        return self.lives.is_earlier(who.ref, newest.ref)

    def leaves(self, inside: Inside) -> None:
        """The hook or handler has ended."""
        with self._lock:
            self._inside[inside.who.path].remove(inside)

    def raised(self, who: Incarnation, error: BaseException) -> None:
        """A failure comes out of a handler that nobody has given up: it is to be one event."""
        with self._lock:
            self._failures.append((who, error))

    def acted(self, who: Incarnation, act: str) -> None:
        """An incarnation that had been abandoned did something to others, and nothing stopped it."""
        self.violated("I10", f"{who} has done {act!r} after it was abandoned")

    def result_arrived(self, who: Incarnation, late: bool) -> None:
        """A result, a tick or a timeout that was meant for one incarnation has reached its agent."""
        if late:
            self.violated("I10", f"{who} got what was meant for another incarnation")

    # -- bounds: I1 ---------------------------------------------------------------

    def holds(self, what: str, count: int, most: int) -> None:
        """So many are there, of so many allowed."""
        self.counts["looked at bounds"] += 1
        if count > most:
            self.violated("I1", f"{what}: {count} of at most {most}")

    def runs_on(self, who: Incarnation, thread: int) -> None:
        """An agent with a thread of its own runs on this one; another only once it was abandoned there."""
        with self._lock:
            before, last = self._threads.get(who.ref, (who, thread))
            if last != thread and not before.fenced:
                self.violated("I1", f"{who.path} has a thread of its own, {last}, and runs on another, {thread}")
            shared = [ref for ref, (_, other) in self._threads.items() if other == thread and ref is not who.ref]
            if any(self.lives.is_open(ref) for ref in shared):
                self.violated("I1", f"{who.path} runs on the thread of {shared[0]}")
            self._threads[who.ref] = (who, thread)

    # -- messages: I3, I4 ---------------------------------------------------------

    def letter(self, script: Any, origin: Incarnation | None = None) -> Letter:
        """Give a message with a number of its own; `origin` is the incarnation that alone may handle it."""
        with self._lock:
            return Letter(next(self._numbers), script, origin)

    def sends(self, letter: Letter, asked: bool) -> None:
        with self._lock:
            self.accounts[letter.number] = Account(letter, asked)

    def interrupted(self, letter: Letter) -> None:
        """The sender was stopped as it sent: that may have been before or after the message was accepted."""
        with self._lock:
            self.accounts[letter.number].perhaps = True

    def copied(self, letter: Letter) -> None:
        """Somebody has put it into the mailbox once more."""
        with self._lock:
            self.accounts[letter.number].expected += 1

    def crashed(self, letter: Letter, asked: bool) -> None:
        """Somebody fails in place of its handler; who asked gets the error."""
        with self._lock:
            self.accounts[letter.number].crashed += asked

    def began(self, letter: Letter, who: Incarnation, asked: bool) -> Begun:
        """A handler begins with it."""
        with self._lock:
            begun = Begun(who, asked)
            if letter.number in self.accounts:
                self.accounts[letter.number].begun.append(begun)
            if letter.origin is not None and letter.origin is not who:
                self.violated("I10", f"{who} got a tick of {letter.origin}")
            return begun

    def asks_for(self, letter: Letter, who: str) -> Asked:
        """Somebody asks."""
        asked = Asked(letter, who)
        with self._lock:
            self.asks.append(asked)
        return asked

    def stops_one(self, what: str) -> Stopping:
        """Somebody stops an agent, and is to be told when that is done."""
        stopping = Stopping(what)
        with self._lock:
            self.stops.append(stopping)
        return stopping

    # -- what the system says -----------------------------------------------------

    def hear(self, event: Event) -> None:
        """Take an event down; subscribed to all of them."""
        with self._lock:
            self.events.append(event)
            self.counts[type(event).__name__] += 1
            try:
                if isinstance(event, DeadLetter):
                    self._bury(event)
                else:
                    self.lives.hear(event, [inside for inside in self._all_inside() if not inside.who.fenced])
            except Exception as error:  # the system would only log it
                self.violated("oracle", repr(error))

    def _all_inside(self) -> list[Inside]:
        return [inside for there in self._inside.values() for inside in there]

    def _bury(self, event: DeadLetter) -> None:
        if isinstance(event.message, Letter) and event.message.number in self.accounts:
            self.accounts[event.message.number].dead.append(event)

    # -- the end ------------------------------------------------------------------

    def conclude(self) -> None:
        """Check what holds once the system has ended: I3, I4, I6, I7."""
        for asked in self.asks:
            if datum := conclude_ask(asked):
                self.violated("I10" if asked.late else "I3", datum)
        for account in self.accounts.values():
            if datum := conclude_account(account):
                self.violated("I4", datum)
        for stopping in self.stops:
            if not stopping.over:
                self.violated("I6", f"{stopping.what} has no end")
        self.lives.conclude()
        self._conclude_failures()

    def _conclude_failures(self) -> None:
        """Each failure is told once; once more where it is also a child's that has come up to the same agent."""
        told: Counter[tuple[str, int]] = Counter()
        up: Counter[tuple[str, int]] = Counter()
        for event in self.events:
            if isinstance(event, AgentFailed):
                told[event.path, id(event.error)] += 1
            elif isinstance(event, Escalated):
                up[event.parent, id(event.error)] += 1
        for who, error in self._failures:
            key = who.path, id(error)
            least = 0 if who.fenced else 1
            if not least <= told[key] <= 1 + up[key]:
                self.violated("I7", f"{error!r} out of {who} is {told[key]} events")

    def verdict(self) -> str:
        """Give all violations as text; nothing where all holds."""
        return "\n".join(str(violation) for violation in self.violations)
