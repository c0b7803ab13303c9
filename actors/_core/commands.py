"""What can an agent's supervisor, or the kernel, tell it to do?

Commands travel on the control lane: they overtake all messages, are never dropped, and are obeyed on the agent's turn.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from actors._core.mailbox import Uncounted
from actors._core.messages import StopReason, Terminated

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.future import Ask
    from policies import Failure


class State(Enum):
    """Where an agent is in its life; the legal steps are in `NEXT`."""

    # An Enum hashes its name in Python code; there is one object of each state, so its identity does as well.
    __hash__ = object.__hash__

    NEW = auto()
    STARTING = auto()
    RUNNING = auto()
    SUSPENDED = auto()  # failed, and its supervisor has not decided yet
    HALTED = auto()  # between two incarnations, waiting for its siblings
    BACKING_OFF = auto()  # between two incarnations, waiting for its time
    STOPPING = auto()
    STOPPED = auto()


_BETWEEN = frozenset({State.STARTING, State.STOPPING})
NEXT: dict[State, frozenset[State]] = {
    State.NEW: _BETWEEN,
    State.STARTING: frozenset({State.RUNNING, State.SUSPENDED, State.STOPPING}),
    State.RUNNING: frozenset({State.SUSPENDED, State.HALTED, State.BACKING_OFF, State.STARTING, State.STOPPING}),
    State.SUSPENDED: frozenset({State.RUNNING, State.HALTED, State.BACKING_OFF, State.STARTING, State.STOPPING}),
    State.HALTED: frozenset({State.BACKING_OFF, *_BETWEEN}),
    State.BACKING_OFF: frozenset({State.HALTED, *_BETWEEN}),
    State.STOPPING: frozenset({State.STOPPED}),
    State.STOPPED: frozenset(),
}


class Command:
    """One thing to do; `done`, where somebody waits for it, is settled when it is done or has become moot."""

    __slots__ = ("done", "settled")

    def __init__(self, done: Ask[Any] | None = None) -> None:
        self.done = done
        self.settled = False

    def is_late(self, cell: Cell) -> bool:
        """Whether it was meant for an earlier incarnation."""
        return False

    def settle(self, value: Any = True) -> None:
        self.settled = True
        if self.done is not None:
            self.done.resolve(value)


class Start(Command):
    """Start the next incarnation; `done` gets the error if that fails, else None."""

    __slots__ = ("failure",)

    def __init__(self, failure: Failure | None = None, done: Ask[Any] | None = None) -> None:
        super().__init__(done)
        self.failure = failure


class Suspend(Command):
    """Handle no message until the decision about this failure, which is a child's, has come."""

    __slots__ = ("failure",)

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class Resume(Command):
    """Go on with the state there is."""

    __slots__ = ("failure",)

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class Halt(Command):
    """End the incarnation and stay down; with a delay, say that the agent is backing off."""

    __slots__ = ("delay", "failure")

    def __init__(self, failure: Failure | None, delay: float = 0.0, done: Ask[Any] | None = None) -> None:
        super().__init__(done)
        self.failure = failure
        self.delay = delay

    def is_late(self, cell: Cell) -> bool:
        failure = self.failure
        return failure is not None and failure.path == cell.path and failure.incarnation != cell.incarnation


class Restart(Halt):
    """End the incarnation and start the next, after the delay."""

    __slots__ = ()


class Stop(Command):
    """End for good; `deadline` (clock seconds) is for the whole subtree.

    `asked` says that somebody wants just that, and it is no consequence of something else.
    """

    __slots__ = ("asked", "deadline", "error", "reason")

    def __init__(
        self,
        reason: StopReason,
        error: BaseException | None = None,
        deadline: float | None = None,
        done: Ask[Any] | None = None,
        asked: bool = False,
    ) -> None:
        super().__init__(done)
        self.asked = asked or reason in (StopReason.NORMAL, StopReason.REQUESTED)
        self.reason = reason
        self.error = error
        self.deadline = deadline


class Notice(Command, Uncounted):
    """A watched agent has ended."""

    __slots__ = ("message", "target")

    def __init__(self, target: Cell, message: Terminated) -> None:
        super().__init__()
        self.target = target
        self.message: Any = message


class Urgent(Notice):
    """A control message, to be delivered ahead of all that wait.

    It takes the message out of `waiting` when its turn comes: those that were put there first are delivered first,
    also where several of these found the agent down.
    """

    __slots__ = ("_waiting",)

    def __init__(self, waiting: deque[Any]) -> None:
        Command.__init__(self)
        self._waiting = waiting

    def take(self) -> bool:
        self.message = self._waiting.popleft()
        return True


class Drain(Uncounted):
    """A stop that waits its turn among the messages, as Pykka's does."""

    __slots__ = ("stop",)

    def __init__(self, stop: Stop) -> None:
        self.stop = stop
