"""What stays of an agent through its restarts, and how does a message or a command get in?

Its *turn* is the right to run it: whoever holds `lock` has the turn, and nobody waits for that lock.

- A sender appends to the queue and then looks at the gate. OPEN: it takes the turn and has the cell dispatched. HELD:
  whoever has the turn will look at the queue again before it gives the turn back. CLOSED: it takes out what is left.
- Whoever gives the turn back opens the gate first, releases the lock, and then looks at both lanes once more.

So a message is seen by one of the two, without a lock around the append.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from actors._core import events, watch
from actors._core.abandonment import Expiry
from actors._core.agent import Agent
from actors._core.commands import NEXT, Command, Drain, Notice, Start, State, Stop, Urgent
from actors._core.context import Context
from actors._core.delivery import Returned
from actors._core.errors import AgentStoppedError
from actors._core.future import Ask
from actors._core.here import here
from actors._core.life import obey
from actors._core.mailbox import BoundedQueue, ClosedQueue, Displaced, Offer, Overflow, Queue, Uncounted
from actors._core.messages import DeadLetterReason, Terminated, enclosed
from actors._core.ref import CLOSED, HELD, OPEN, AgentRef
from actors._core.spec import ChildSpec
from policies import Failure, Phase

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.clock import Timer
    from actors._core.dispatcher import Dispatcher
    from actors._core.here import Waitable
    from actors._core.supervision import Family
    from actors._core.system import ActorSystem

_LOOK, _LOOKS = 0.005, 100  # real seconds between two looks, and how many
DEEPEST = 24  # agents run inside one another on one thread; deeper ones go to the pool

# Guards the creation of what a cell has only when it needs it: queue, control lane, family, and the moment after which
# it gets no family any more. Nothing else under it.
making = threading.Lock()


class Place:
    """One agent's place in the tree: who it is, its lanes and its gate.

    Owned by the turn: context, state, incarnation, failing, obeying, restarts. Written by the agent that waits:
    waiting. Guarded by watch's lock: watchers, watching, ended. The rest is set once.
    """

    __slots__ = (
        "_backoff",
        "_guarded",
        "_stopped_event",
        "_urn",
        "answered",
        "context",
        "control",
        "dispatcher",
        "ended",
        "escalated",
        "failing",
        "failure",
        "family",
        "final",
        "gate",
        "incarnation",
        "inline",
        "kept",
        "lock",
        "name",
        "obeying",
        "parent",
        "prefix",
        "queue",
        "ref",
        "restarts",
        "revived",
        "spec",
        "state",
        "system",
        "waiting",
        "watchers",
        "watching",
    )

    def __init__(self, system: ActorSystem, parent: Cell | None, name: str, spec: ChildSpec[Any], kept: bool) -> None:
        self.system = system
        self.parent = parent
        self.name = name
        self.prefix: str | None = None  # of its children's paths
        self.spec = spec
        self.kept = kept  # its spec outlives it
        self.revived = False  # its spec was there before it
        self.state = State.NEW
        self.gate = HELD
        self.lock = threading.Lock()
        self.lock.acquire()  # the turn is its maker's
        self.queue: Queue | None = None
        self.control: deque[Command] | None = None
        self.context: Context | None = None
        self.family: Family | None = None
        self.incarnation = 0
        self.restarts = 0
        self.answered: tuple[Ask[Any], Any] | None = None  # an ask and its answer, until the turn is given back
        self.failing: Failure | None = None  # to be judged when the turn is given back
        self.failure: Failure | None = None  # the last one
        self.escalated = False
        self.obeying: Command | None = None
        self.final = False
        self.waiting: Waitable | None = None
        self.watchers: dict[Cell, None] | None = None
        self.watching: set[Cell] | None = None
        self.ended: Terminated | None = None
        self._urn: str | None = None
        self._stopped_event: threading.Event | None = None
        self._backoff: Timer | None = None
        self._guarded = False
        pooled = spec.dispatcher == "pool"
        self.dispatcher: Dispatcher = system.pool if pooled else system.own_thread(self.path)
        # Whether others' threads may run it: not if it has a thread of its own, or must be left behind when it hangs.
        self.inline = pooled and spec.deadline is None
        self.ref: AgentRef[Any] = (spec.agent.ref_class or AgentRef)(self.cell)

    # -- identity -----------------------------------------------------------------

    @property
    def path(self) -> str:
        parent = self.parent
        if parent is None:
            return "/"
        # A parent keeps its own path once a child has asked for it: one string, however many children.
        prefix = parent.prefix
        if prefix is None:
            prefix = parent.prefix = "/" if parent.parent is None else f"{parent.path}/"
        return f"{prefix}{self.name}"

    @property
    def cell(self) -> Cell:
        return cast("Cell", self)

    @property
    def settled(self) -> bool:
        """An agent that runs inside another's ask is waited for until it is done."""
        return False

    def move(self, state: State) -> None:
        """Take a legal step in the agent's life."""
        if state not in NEXT[self.state]:
            raise AssertionError(f"{self.path}: {self.state.name} -> {state.name} is not a legal step")
        self.state = state

    @property
    def handled(self) -> int:
        """How many messages this incarnation has handled; without those of a batch that has not ended."""
        return 0 if self.context is None else self.context.handled

    def record_failure(self, error: BaseException, phase: Phase, replied: bool = False) -> Failure:
        """Describe what happened, for the policy; it becomes the last failure."""
        system = self.system
        failure = self.failure = Failure(
            self.path, error, self.incarnation, phase, replied, system.clock.now(), self.handled, system.random.random()
        )
        return failure

    def say_suspended(self, failure: Failure, was: State) -> None:
        """Report that the agent waits for the decision about a failure; on the turn, before it is given back."""
        self.system.events.report(
            events.AgentSuspended, self.path, self.incarnation, self.system.clock.now(), was,
            None if failure.phase is Phase.EXIT else failure.error, failure.phase,
        )  # fmt: skip

    # -- the mailbox ends ---------------------------------------------------------

    def open_queue(self) -> Queue:
        """Give the user lane, made when it is first needed."""
        with making:
            if self.queue is None:
                mailbox = self.spec.mailbox
                if self.gate == CLOSED:
                    self.queue = ClosedQueue()
                else:
                    bounded = mailbox is not None and mailbox.capacity is not None
                    self.queue = BoundedQueue(self.cell, mailbox) if bounded and mailbox is not None else deque()
            return self.queue

    def control_lane(self) -> deque[Command]:
        """Give the control lane, made when it is first needed."""
        if self.control is None:
            with making:
                if self.control is None:
                    self.control = deque()
        return self.control

    def knock(self, queue: Queue) -> bool:
        """Called after an append that found the gate not held; False if it is closed: then the queue is drained."""
        if self.lock.acquire(False):
            if self.gate == OPEN:
                self.gate = HELD
                self.dispatcher.put(self)
            else:
                # It was suspended between the look and the lock: what waits is looked at when it runs again.
                self.give_back()
        elif self.gate == CLOSED:
            # Whoever closed the gate keeps the lock for good.
            self._drain(queue, f"{self.ref} not found")
            # What came before the end may have been handled, by a turn that another sender brought about.
            return not isinstance(queue, ClosedQueue)
        return True

    def release(self) -> bool:
        """Give the turn back; True if it was taken again because something has come meanwhile."""
        self.gate = OPEN if self.state is State.RUNNING else HELD
        self.lock.release()
        if (self.control or (self.queue and self.gate == OPEN)) and self.lock.acquire(False):
            self.gate = HELD
            return True
        return False

    def give_back(self) -> None:
        """Give the turn back, to the dispatcher if there is something to do."""
        if self.release():
            self.dispatcher.put(self)

    def free_if_taken(self) -> None:  # pragma: no cover - the test of interrupts takes the tracer's place
        """Give the turn back where this thread was interrupted, as by Ctrl-C, between taking it and saying so."""
        for _ in range(_LOOKS):
            if self.gate != OPEN or not self.lock.locked():
                return
            # Whoever else has taken it says so, or has released it, at once.
            threading.Event().wait(_LOOK)
        self.gate = HELD
        self.give_back()

    def run(self) -> None:
        """Take a turn; the lock is held."""
        raise NotImplementedError  # pragma: no cover - `Turn` does it

    def offer(self, message: Any) -> None:
        """Tell the agent a message, but never wait for room, nor for others to go first.

        Raises AgentStoppedError, or MailboxFullError also where a tell would wait. What a mailbox drops by its own
        rule, oldest or newest, is a dead letter.
        """
        queue = self.queue if self.queue is not None else self.open_queue()
        if isinstance(queue, BoundedQueue):
            outcome = queue.offer(message)
            if outcome is Offer.CLOSED:
                self.refuse(message)
            elif outcome is Offer.FULL:
                if queue.overflow != Overflow.DROP_NEWEST:
                    raise queue.full()
                queue.lose(message, DeadLetterReason.DROPPED_NEWEST)
            elif isinstance(outcome, Displaced):
                queue.lose(outcome.item, DeadLetterReason.DROPPED_OLDEST)
        else:
            queue.append(message)
        if self.gate and not self.knock(queue):
            raise AgentStoppedError(f"{self.ref} not found", path=self.path, cause=self.last_error)

    def queue_tick(self, tick: Any) -> None:
        """Queue a timer's tick; outside the bound, never refused."""
        queue = self.queue if self.queue is not None else self.open_queue()
        queue.append(tick)
        if self.gate:
            self.knock(queue)

    def post(self, command: Command, allowed: float | None = None, at_hand: list[None] | None = None) -> None:
        """Put a command on the control lane and see that it is obeyed; never blocks.

        The agent's own code may keep it waiting for `allowed` seconds (None: for ever), then it is abandoned.
        `at_hand` is not empty while the thread that gave the turn back is going to look at the lane again: it is looked
        at after the append, and emptied before that look, so one of the two sees to the command.
        """
        lane = self.control_lane()
        lane.append(command)
        if self.state is State.STOPPED:
            self.drop_control()
            return
        parked = not at_hand and self.lock.acquire(False)
        # While it is idle or suspended none of its code runs but its last hook, unless a command before this one has
        # it start again. Read in this order: what is obeyed leaves the lane only after it was noted.
        first = len(lane) == 1 and self.obeying is None
        no_code = first and self._ends_quietly and (parked or self.state is State.SUSPENDED)
        if parked:
            self.gate = HELD
            self.dispatcher.put(self)
        if allowed is not None and not command.settled and not no_code:
            Expiry(self.cell, command, allowed)

    def command_at_once(self, stop: Stop) -> bool:
        """Stop the agent here and now, on this thread, if it is idle and none of its own code would run."""
        if not self.inline or not self._ends_quietly or here.depth >= DEEPEST or not self.lock.acquire(False):
            return False
        self.gate = HELD
        here.depth += 1
        try:
            obey(self.cell, stop)
        finally:
            here.depth -= 1
        return True

    @property
    def _ends_quietly(self) -> bool:
        kind = self.spec.agent
        return kind.on_stop is Agent.on_stop and (
            kind.on_failure is Agent.on_failure or self.state is not State.SUSPENDED
        )

    def notify(self, target: Cell, notice: Terminated) -> None:
        self.post(Notice(target, notice))

    def forget_watch(self, child: Cell) -> None:
        """A child that is stopped for the restart of its parent does not send the next incarnation a notice."""
        if self.watching is not None:
            watch.unwatch(self.cell, child)

    # -- dead letters -------------------------------------------------------------

    def dead_letter(
        self,
        item: Any,
        reason: DeadLetterReason,
        error: BaseException | None = None,
        text: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Record a message that no handler will see; its asker, if it has one, is told."""
        if isinstance(item, Returned):
            item = item.item
        message = item
        if isinstance(item, Ask):
            message = item.message
            if error is None:
                why = text or f"{self.ref} stopped before handling the message"
                item.resolve(error=AgentStoppedError(why, path=self.path, cause=self.last_error))
            else:
                item.resolve(error=error)
        elif isinstance(item, Drain):
            # Whoever waits for that stop waits for the end, which is near.
            self.post(item.stop)
            return
        elif isinstance(item, Urgent):
            item.take()
            message = item.message
        elif isinstance(item, (Uncounted, Command)):
            return
        self.system.dead_letters.lose(self.cell, enclosed(message), reason, error, detail)

    @property
    def last_error(self) -> BaseException | None:
        if self.ended is not None:
            return self.ended.error
        # It is ending: whoever is turned away meanwhile learns why, too.
        return self.obeying.error if isinstance(self.obeying, Stop) else None

    def _drain(self, queue: Queue, text: str | None = None) -> None:
        # Pop is atomic: the sender that finds the gate closed and the agent that closes it share what is left.
        while True:
            try:
                item = queue.popleft()
            except IndexError:
                return
            self.dead_letter(item, DeadLetterReason.STOPPED, text=text)

    def drop_control(self) -> None:
        """Settle the commands that nobody will obey any more."""
        if self.control is None:
            return
        while True:
            try:
                command = self.control.popleft()
            except IndexError:
                return
            if isinstance(command, Urgent):
                self.dead_letter(command, DeadLetterReason.STOPPED)
            command.settle(None if isinstance(command, Start) else True)

    def close(self) -> None:
        """Close the mailbox for good; what is in it, and what still slips in, becomes dead letters."""
        self.gate = CLOSED
        self.ref._closes()
        if self.parent is not None:
            self.parent.ref._child_closes(self.cell)
        if self._stopped_event is not None:
            self._stopped_event.set()
        self.system.agent_closed(self.cell)
        with making:
            queue = self.queue
            if queue is not None:
                self.queue = ClosedQueue()
        if queue is not None:
            if isinstance(queue, BoundedQueue):
                queue.close()
            self._drain(queue)
        interceptors = self.system.interceptors
        if interceptors is not None:
            interceptors.end(self.cell)

    def refuse(self, item: Any) -> None:
        """Record what is sent to an agent that has ended; who told it gets the error, who asked finds it in the ask."""
        text = f"{self.ref} not found"
        self.dead_letter(item, DeadLetterReason.STOPPED, text=text)
        if not isinstance(item, (Ask, Uncounted)):
            raise AgentStoppedError(text, path=self.path, cause=self.last_error)

    def drop_mail(self) -> None:
        """Make dead letters of what is in the closed mailbox."""
        if self.queue is not None:
            self._drain(self.queue)
