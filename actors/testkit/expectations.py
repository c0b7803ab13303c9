"""What does a test expect to go wrong, and what went wrong that it did not expect?"""

from __future__ import annotations

import functools
import operator
import threading
from collections.abc import Callable
from types import TracebackType, UnionType
from typing import Any, NamedTuple, Self

from actors._core import events
from actors._core.errors import AgentStoppedError, HandlerTimeout, StartFailedError
from actors._core.future import AgentFuture
from actors._core.messages import StopReason
from actors._core.path import path_matches, split
from actors._core.system import ActorSystem
from actors.testkit import problems
from actors.testkit.matching import matches, wanted
from actors.testkit.waiting import Within
from policies import Phase

Kind = type[BaseException] | tuple[type[BaseException], ...] | UnionType | Callable[[BaseException], object]

_FAILURES = (events.AgentFailed, events.StartFailed, events.HookFailed)
_LIVES = (events.AgentStarted, events.AgentStopped)
_NOTED = (*_FAILURES, *_LIVES, events.Escalated, events.DeadLetter, events.SystemStopped)


class _Seen(NamedTuple):
    """One thing that went wrong.

    `ending`: the system was stopping already. `told`: it is the failure of a child that was seen before, on its way up.
    `number`: how many were seen before it.
    """

    event: Any
    ending: bool
    told: bool
    number: int


class Expected:
    """A failure, or a dead letter, that a test has announced.

    As a context manager it waits, where the block ends, until it has come as often as announced.
    """

    def __init__(
        self, book: Expectations, letter: bool, what: Any, path: str | None, reason: str | None, times: int | None
    ) -> None:
        if path is not None:
            split(path)
        if times is not None and (type(times) is not int or times < 1):
            raise ValueError(f"times: a whole number of at least 1, or None for any, not {times!r}")
        self._book = book
        self._letter = letter
        self._what = what
        self._path = path
        self._reason = reason
        self.times = times

    @property
    def events(self) -> tuple[events.Event, ...]:
        """Give the events that count for it so far, oldest first."""
        return tuple(seen.event for seen in sorted(self._book.counted(self), key=lambda seen: seen.number))

    def fits(self, event: Any) -> bool:
        """Tell whether such an event was announced; may call a predicate of the test's."""
        if isinstance(event, events.DeadLetter) is not self._letter:
            return False
        if self._path is not None and not path_matches(split(event.path), split(self._path)):
            return False
        if self._letter and self._reason not in (None, event.reason, event.detail):
            return False
        return matches(self._what, event.message if self._letter else event.error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and not self._book.wait(lambda: self._book.lacks(self) == 0, None):
            raise AssertionError(str(self))

    def __str__(self) -> str:
        kind = "dead letter" if self._letter else "failure"
        what = "" if self._what is object else f" {wanted(self._what)}"
        path = f" of {self._path}" if self._path is not None else ""
        reason = f" ({self._reason})" if self._reason is not None else ""
        count = "any number of times" if self.times is None else f"{len(self.events)} of {self.times}"
        return f"expected {kind}{what}{path}{reason}: came {count}"

    def __repr__(self) -> str:
        return f"<{self}>"


class Expectations:
    """Everything that goes wrong in one system, and what of it was announced. May be used on any thread.

    What counts: an exception out of a hook or handler, whether its asker got it or not, and an escalation that ended
    the system; a message that nobody handled; a handler that was abandoned and has not returned. An event counts for
    the first expectation that it fits and that wants one more, whether that was announced before or after it.

    What does not: a failed message's dead letter, since the failure counts; a failure that is escalated as it is, or
    is that of a child that did not start, at the parents; and what the end of the system brings about. That is what
    happens once it is stopping: messages that are left in the mailbox of an agent which is stopped because the system
    is (not by itself, nor on request), or are sent there, and handlers that fail because their message was.
    """

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self._seen: list[_Seen] = []
        self._expected: list[Expected] = []
        self._last: dict[str, BaseException] = {}  # the last failure of each agent
        self._rising: list[tuple[str, BaseException]] = []  # escalated to that agent, and not its failure yet
        self._ended_alone: set[str] = set()
        self._waiting: list[tuple[Callable[[], bool], AgentFuture[None]]] = []
        self._over = False
        self._orphans_pass = False
        # Guards all of these; under it nothing is resolved and no predicate called.
        self._lock = threading.Lock()
        system.events.subscribe(self._note, *_NOTED)

    def expect_failure(
        self,
        kind: Kind,
        path: str | None = None,
        times: int | None = 1,
    ) -> Expected:
        """Announce a failure: an exception type, several, or a predicate of the exception.

        `path` may have wildcards, as in `ActorSystem.select`; None is any agent. `times` None: any number, also none.
        """
        what: Any = functools.reduce(operator.or_, kind) if isinstance(kind, tuple) and kind else kind
        kinds = what.__args__ if isinstance(what, UnionType) else (what,)
        predicate = callable(what) and not isinstance(what, type)
        if not predicate and not all(isinstance(one, type) and issubclass(one, BaseException) for one in kinds):
            raise ValueError(f"kind: exception types or a predicate, not {kind!r}")
        return self._add(Expected(self, False, what, path, None, times))

    def expect_dead_letter(
        self, what: Any = object, path: str | None = None, reason: str | None = None, times: int | None = 1
    ) -> Expected:
        """Announce a dead letter: `what` is a type of message, a predicate, or a value that the message equals.

        `path` is of the recipient, `reason` the reason or the detail of the `DeadLetter`; see `expect_failure` for
        `path` and `times`.
        """
        return self._add(Expected(self, True, what, path, reason, times))

    def allow_orphans(self) -> None:
        """Let handlers pass that were abandoned and have not returned."""
        self._orphans_pass = True

    def report(self, missing: bool = True) -> str:
        """Give all that is not as announced as text, empty if nothing is; without `missing` not what never came."""
        taken, left = self._assign()
        failures = [problems.failure(seen.event) for seen in left if not isinstance(seen.event, events.DeadLetter)]
        letters = [problems.letter(seen.event) for seen in left if isinstance(seen.event, events.DeadLetter)]
        lacking = [str(one) for one in taken if missing and self._lack(one, taken)]
        orphans = [] if self._orphans_pass else [problems.orphan(orphan) for orphan in self._system.orphans]
        parts = [*problems.first(failures), *lacking, *problems.first(letters), *problems.first(orphans)]
        if not parts:
            return ""
        return "\n".join([f"system {self._system.name!r}: not all went as expected", *parts])

    def verify(self, within: float | None = None) -> None:
        """Raise one AssertionError that lists all that is not as announced.

        While the system runs it waits for what was announced and has yet to come, at most `within` seconds (None:
        `PATIENCE`), and judges what was reported by then. Once the system has stopped, everything was reported.
        """
        self.wait_for_announced(within)
        if text := self.report():
            raise AssertionError(text)

    def wait_for_announced(self, within: float | None = None) -> bool:
        """Wait until all that was announced has come, and tell whether it has; blocks while the system runs.

        At most `within` seconds (None: `PATIENCE`).
        """
        return self.wait(lambda: not self._lacking() or self._over, within) and not self._lacking()

    # -- counting -----------------------------------------------------------------

    def counted(self, one: Expected) -> list[_Seen]:
        """Give what counts for one expectation so far, oldest first."""
        return self._assign()[0][one]

    def lacks(self, one: Expected) -> int:
        """Give how many more are to come for one expectation."""
        return self._lack(one, self._assign()[0])

    def wait(self, over: Callable[[], bool], within: float | None) -> bool:
        """Wait until `over()`, looked at after each event; gives what it gives. Blocks at most `within` seconds."""
        patience = Within(within, self._system)
        future: AgentFuture[None] = AgentFuture()
        entry = (over, future)
        with self._lock:
            self._waiting.append(entry)
        try:
            return over() or patience.wait(future) or over()
        finally:
            with self._lock:
                self._waiting.remove(entry)

    def _add(self, one: Expected) -> Expected:
        with self._lock:
            self._expected.append(one)
        return one

    def _lacking(self) -> bool:
        taken = self._assign()[0]
        return any(self._lack(one, taken) for one in taken)

    @staticmethod
    def _lack(one: Expected, taken: dict[Expected, list[_Seen]]) -> int:
        return max(0, (one.times or 0) - len(taken[one]))

    def _assign(self) -> tuple[dict[Expected, list[_Seen]], list[_Seen]]:
        """Divide what was seen among the expectations, and give what is left over."""
        with self._lock:
            seen = list(self._seen)
            # Those that take any number take what the others leave.
            expected = sorted(self._expected, key=lambda one: one.times is None)
            alone = frozenset(self._ended_alone)
        taken: dict[Expected, list[_Seen]] = {one: [] for one in expected}
        left = [one for one in seen if not _is_excused(one, alone) and not _place(one, taken, set())]
        # What need not be announced may have been, all the same.
        for one in seen:
            if _is_excused(one, alone):
                _place(one, taken, set())
        return taken, left

    # -- noting -------------------------------------------------------------------

    def _note(self, event: Any) -> None:
        ending = self._system.is_stopping
        with self._lock:
            if isinstance(event, _FAILURES):
                self._see(event, ending, self._is_told(event))
                self._last[event.path] = event.error
            elif isinstance(event, events.Escalated):
                if self._last.get(event.path) is event.error:
                    self._rising.append((event.parent, event.error))
            elif isinstance(event, events.DeadLetter):
                self._see(event, ending, False)
            elif isinstance(event, events.SystemStopped):
                self._over = True
                if event.error is not None:
                    self._see(event, ending, self._rises("/", event.error))
            else:
                self._note_life(event, ending)
            waiting = list(self._waiting)
        for over, future in waiting:
            if over():
                future.resolve()

    def _see(self, event: Any, ending: bool, told: bool) -> None:
        self._seen.append(_Seen(event, ending, told, len(self._seen)))

    def _note_life(self, event: Any, ending: bool) -> None:
        if isinstance(event, events.AgentStarted):
            self._ended_alone.discard(event.path)
        elif event.reason in (StopReason.NORMAL, StopReason.REQUESTED) or (
            # A failure that the end overtakes ends the agent, too: then it is the end that did it.
            event.reason is StopReason.FAILED and not ending
        ):
            self._ended_alone.add(event.path)

    def _is_told(self, event: Any) -> bool:
        error = event.error
        at_start = isinstance(event, events.StartFailed) or (
            isinstance(event, events.AgentFailed) and event.phase is Phase.START
        )
        if at_start and isinstance(error, StartFailedError) and self._last.get(error.path) is error.cause:
            return True
        return self._rises(event.path, error)

    def _rises(self, path: str, error: BaseException) -> bool:
        for index, (parent, rising) in enumerate(self._rising):
            if parent == path and rising is error:
                del self._rising[index]
                return True
        return False


def _is_excused(seen: _Seen, ended_alone: frozenset[str]) -> bool:
    event = seen.event
    if not isinstance(event, events.DeadLetter):
        return seen.told or (seen.ending and _met_the_end(event, ended_alone))
    if event.reason == "failed" or isinstance(event.error, HandlerTimeout):
        return True
    return seen.ending and event.reason in ("stopped", "abandoned") and event.path not in ended_alone


def _met_the_end(event: Any, ended_alone: frozenset[str]) -> bool:
    """Whether the handler failed because it sent something to an agent that the end had stopped."""
    error = event.error
    return (
        isinstance(event, events.AgentFailed)
        and event.phase is Phase.RECEIVE
        and isinstance(error, AgentStoppedError)
        and error.path not in ended_alone
    )


def _place(seen: _Seen, taken: dict[Expected, list[_Seen]], tried: set[Expected]) -> bool:
    """Count the event for an expectation that it fits, although another may have to move for it."""
    for one, counted in taken.items():
        if one in tried or not one.fits(seen.event):
            continue
        tried.add(one)
        if one.times is None or len(counted) < one.times:
            counted.append(seen)
            return True
        for index, other in enumerate(counted):
            if _place(other, taken, tried):
                counted[index] = seen
                return True
    return False
