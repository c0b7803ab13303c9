"""How does a worker hear, while it is busy, what concerns its work?

Its ref looks at each message on its way into the mailbox: a `Cancel` reaches the work at once, and what there is to
know for it is at hand there. Nothing goes past the mailbox: each of them is handled there in its turn, too.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors._core.future import AgentFuture
from actors._core.ref import AgentRef
from actors.guard.cancel import CancelToken
from actors.typed import AdditionalContext, Cancel, TypedRef
from actors.work.assignment import Assignment
from actors.work.standing import Standing, WorkState

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Tray:
    """What is at hand for the work of one worker, through its restarts; may be used on any thread."""

    def __init__(self) -> None:
        # Guards all that follows; nothing else happens under it.
        self._lock = threading.Lock()
        self._open: list[Assignment] = []  # asked for and not answered
        self._tokens: list[tuple[Assignment, CancelToken]] = []  # of those that were begun
        self._cancels: list[Cancel] = []  # that were obeyed on their way, and are not handled yet
        self._notes: list[Any] = []
        self._ticket: str | None = None  # whose attempts have had the notes so far
        self._last: Assignment | None = None  # that was begun

    def open(self, assignment: Assignment) -> None:
        with self._lock:
            self._open.append(assignment)

    def token_of(self, assignment: Assignment) -> CancelToken:
        """Give a token that ends what an attempt waits for: when that is given up, and at its end."""
        token = CancelToken(assignment.cancel)
        with self._lock:
            self._tokens.append((assignment, token))
        return token

    def close(self, assignment: Assignment) -> None:
        """The attempt has ended, somehow: whoever still waits for its sake, such as an abandoned thread, need not."""
        with self._lock:
            if assignment in self._open:
                self._open.remove(assignment)
            tokens = [token for own, token in self._tokens if own is assignment]
            self._tokens = [entry for entry in self._tokens if entry[0] is not assignment]
        for token in tokens:
            token.cancel(f"{assignment.key} has ended")

    def cancel(self, reason: str, task_id: str | None = None) -> None:
        """Give up what is open: one ticket, or all work."""
        with self._lock:
            meant = [each for each in self._open if task_id in (None, each.ticket.id)]
        for assignment in meant:
            assignment.cancel.cancel(reason)

    def obey(self, message: Cancel) -> None:
        """Do what a message on its way into the mailbox says."""
        with self._lock:
            self._cancels.append(message)
        self.cancel(message.reason, message.task_id)

    def handle(self, message: Cancel) -> None:
        """Do what a message out of the mailbox says, unless that was done: it says nothing of what was asked since."""
        with self._lock:
            done = any(each is message for each in self._cancels)
            self._cancels = [each for each in self._cancels if each is not message]
        if not done:
            self.cancel(message.reason, message.task_id)

    def release(self, reason: str) -> None:
        """End what the attempts under way wait for."""
        with self._lock:
            tokens = [token for _, token in self._tokens]
        for token in tokens:
            token.cancel(reason)

    def note(self, message: Any) -> None:
        """Keep something to know; once, however often it comes by."""
        with self._lock:
            if not any(each is message for each in self._notes):
                self._notes.append(message)

    def begin(self, assignment: Assignment) -> None:
        """Note for whom the notes are from here on: a further attempt at a ticket hears those of the earlier, too."""
        with self._lock:
            if self._ticket not in (None, assignment.ticket.id):
                self._notes.clear()
            self._ticket, self._last = assignment.ticket.id, assignment

    def end(self, assignment: Assignment) -> None:
        """The ticket needs no further attempt here; unless an abandoned thread says so that comes late."""
        with self._lock:
            if self._last is assignment:
                self._ticket = self._last = None
                self._notes.clear()

    def since(self, count: int) -> tuple[Any, ...]:
        """Give the notes after the first so many, oldest first."""
        with self._lock:
            return tuple(self._notes[count:])


class WorkerRef(TypedRef[Any]):
    """The way to a worker: as any ref, and `cancel` ends its work at once, `interrupt` has it stand still.

    Both act on a worker that is busy, too.
    """

    __slots__ = ("standing", "tray")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.tray = Tray()
        self.standing = Standing(cell)

    # -- work -------------------------------------------------------------------------

    @property
    def work_state(self) -> WorkState:
        """Whether it is idle, working, paused from `interrupt` until `resume`, or has stopped for good."""
        return self.standing.state

    def interrupt(self, reason: str = "") -> bool:
        """Have the worker go no further with its work, and begin no other, until `resume`; never blocks.

        It stands still at its next step: a generator at its next `yield`, a function where it looks, that is in
        `job.check`, `progress`, `spend`, and where it calls a tool. What has no further step ends. Mail is handled
        meanwhile as while it works, a cancel ends the work, a stop the worker, and its deadline does not pass. A
        restart changes nothing about it: the next incarnation stands still, too.

        Gives whether it was not interrupted before. Raises AgentStoppedError, naming it, when it has ended or was told
        to.
        """
        return self.standing.interrupt(reason)

    def resume(self) -> None:
        """Have an interrupted worker go on where it stands, or begin what it was asked for meanwhile; never blocks.

        Raises NotInterruptedError, or AgentStoppedError when it has ended, naming it.
        """
        self.standing.resume()

    def cancel(self, reason: str, task_id: str | None = None) -> None:
        """Give the ticket that is named up, or all that it was asked for so far. Never blocks; nothing is sent."""
        self.tray.cancel(reason, task_id)

    def stop(self, *, block: bool = True, timeout: float | None = None, drain: bool = True) -> Any:
        """Stop the worker as any agent; with `drain=False` what its work waits for ends at once.

        So does the work of one that is interrupted, with or without: it does not go on first.
        """
        if not self.standing.leave() and drain:
            return super().stop(block=block, timeout=timeout)
        stopped = super().stop(block=False, timeout=timeout, drain=drain)
        self.tray.release(f"{self.path} is to end")
        return stopped.get() if block else stopped

    # -- messages ---------------------------------------------------------------------

    def admit(self, message: Any) -> Any:
        """Give what goes into the mailbox for this message, and see that the work hears of it at once."""
        message = super().admit(message)
        self._hear(message)
        return message

    def tell(self, message: Any) -> None:
        """Send a message and go on; a Cancel, and what there is to know, reach work that runs at once."""
        message = super().admit(message)
        if isinstance(message, Cancel):
            self._hear(message)  # before anybody can handle it
            AgentRef.tell(self, message)
        else:
            AgentRef.tell(self, message)
            self._hear(message)  # only now: what the mailbox refuses was not said

    def _hear(self, message: Any) -> None:
        if isinstance(message, Cancel):
            self.tray.obey(message)
        elif isinstance(message, AdditionalContext):
            self.tray.note(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and give the answer, or with `block=False` a future of it."""
        message = self.admit(message)
        if not isinstance(message, Assignment):
            return AgentRef.ask(self, message, block=block, timeout=timeout)
        # Open before it is in the mailbox: a Cancel that is sent next finds it.
        self.tray.open(message)
        if block:
            try:
                return AgentRef.ask(self, message, timeout=timeout)
            finally:
                self._answered(message)
        future = AgentRef.ask(self, message, block=False, timeout=timeout)
        # As of a plain future: that it is open does not make an ask end in time.
        AgentFuture.add_done_callback(future, lambda: self._answered(message))
        return future

    def _answered(self, assignment: Assignment) -> None:
        self.standing.answered(assignment)
        self.tray.close(assignment)
