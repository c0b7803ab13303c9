"""How does one message reach one agent?

A cell is what stays of an agent through its restarts: its ref, mailbox, children and watchers. Its *turn* is the right
to run it: whoever holds `lock` has the turn, and nobody waits for that lock.

- A sender appends to the queue and then looks at the gate. OPEN: it takes the turn and has the cell dispatched. HELD:
  whoever has the turn will look at the queue again before it gives the turn back. CLOSED: it takes out what is left.
- Whoever gives the turn back opens the gate first, releases the lock, and then looks at both lanes once more.

So a message is seen by one of the two, without a lock around the append.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from itertools import repeat
from threading import get_ident
from typing import TYPE_CHECKING, Any

from actors._core import events, proxies, watch
from actors._core._pykka import ActorStop
from actors._core.agent import Agent
from actors._core.commands import NEXT, Command, Drain, Notice, Start, State, Stop
from actors._core.context import NOTHING, OUTSIDE, STASHED, Context
from actors._core.dispatcher import OwnThread
from actors._core.errors import AgentStoppedError, AskTimeout, Cancelled, ReplyError, StartFailedError
from actors._core.future import Ask
from actors._core.here import begin_wait, here
from actors._core.life import (
    Abandoned,
    Expiry,
    abandon,
    begin,
    construct,
    make_failure,
    new_context,
    obey,
    orphan_returned,
    run_code,
    running_since,
)
from actors._core.mailbox import BoundedQueue, Queue, Uncounted
from actors._core.messages import StopReason, Terminated
from actors._core.path import check_name
from actors._core.ref import CLOSED, HELD, OPEN, AgentRef
from actors._core.spec import ChildSpec
from actors._core.supervision import Down, Family, Job
from actors._core.timers import TICKS
from policies import AutoShutdown, Failure, Phase, Policy, Restart, RestartType, Strategy

if TYPE_CHECKING:
    from actors._core.clock import Timer
    from actors._core.dispatcher import Dispatcher
    from actors._core.here import Waitable
    from actors._core.system import ActorSystem

_BATCH = 256  # messages of one turn, before others get theirs
_DEEPEST = 24  # agents run inside one another on one thread; deeper ones go to the pool
_AGAIN, _DONE, _GONE = 1, 2, 3

_DEFAULT_POLICY = Restart()

# Guards the creation of what a cell has only when it needs it: queue, control lane, family. Nothing else under it.
_making = threading.Lock()

_ASK, _PROXY, _TICK, _DRAIN, _NOTICE, _PYKKA_STOP = range(1, 7)
_KINDS: dict[type, int] = {
    Ask: _ASK,
    Drain: _DRAIN,
    Notice: _NOTICE,
    ActorStop: _PYKKA_STOP,
    **dict.fromkeys(TICKS, _TICK),
    **dict.fromkeys(proxies.HANDLERS, _PROXY),
}


class Cell:
    """One agent's place in the tree; see the module for who may touch what.

    Owned by the turn: context, state, incarnation, failing, obeying, restarts. Written by the agent that waits:
    waiting. Guarded by watch's lock: watchers, watching, ended. The rest is set once.
    """

    __slots__ = (
        "_backoff",
        "_guarded",
        "_stopped_event",
        "_urn",
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
        self.ref: AgentRef[Any] = AgentRef(self)

    # -- identity ------------------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        if self.parent is None:
            return "/"
        prefix = self.parent.path
        return f"/{self.name}" if prefix == "/" else f"{prefix}/{self.name}"

    @property
    def cell(self) -> Cell:
        return self

    @property
    def settled(self) -> bool:
        """An agent that runs inside another's ask is waited for until it is done."""
        return False

    def move(self, state: State) -> None:
        """Take a legal step in the agent's life."""
        if state not in NEXT[self.state]:
            raise AssertionError(f"{self.path}: {self.state.name} -> {state.name} is not a legal step")
        self.state = state

    # -- the mailbox ends ------------------------------------------------------------------------------------------------

    def open_queue(self) -> Queue:
        """Give the user lane, made when it is first needed."""
        with _making:
            if self.queue is None:
                mailbox = self.spec.mailbox
                bounded = mailbox is not None and mailbox.capacity is not None
                self.queue = BoundedQueue(self, mailbox) if bounded and mailbox is not None else deque()
            return self.queue

    def control_lane(self) -> deque[Command]:
        """Give the control lane, made when it is first needed."""
        if self.control is None:
            with _making:
                if self.control is None:
                    self.control = deque()
        return self.control

    def knock(self, queue: Queue) -> bool:
        """Called after an append that found the gate not held; False if it is closed: then the queue is drained."""
        if self.gate == CLOSED:
            self._drain(queue, f"{self.ref} not found")
            return False
        if self.lock.acquire(False):
            if self.gate == OPEN:
                self.gate = HELD
                self.dispatcher.put(self)
            else:
                # It was suspended between the look and the lock: what waits is looked at when it runs again.
                self._give_back()
        return True

    def _give_back(self) -> None:
        if self._release():
            self.dispatcher.put(self)

    def queue_tick(self, tick: Any) -> None:
        """Queue a timer's tick; outside the bound, never refused."""
        queue = self.queue if self.queue is not None else self.open_queue()
        queue.append(tick)
        if self.gate:
            self.knock(queue)

    def post(self, command: Command, allowed: float | None = None) -> None:
        """Put a command on the control lane and see that it is obeyed; never blocks.

        The agent's own code may keep it waiting for `allowed` seconds (None: for ever), then it is abandoned.
        """
        self.control_lane().append(command)
        if self.state is State.STOPPED:
            self._drop_control()
            return
        parked = self.lock.acquire(False)
        if parked:
            self.gate = HELD
            self.dispatcher.put(self)
        if allowed is not None and not command.settled and not (parked and self._ends_quietly):
            Expiry(self, command, allowed)

    def command_at_once(self, stop: Stop) -> bool:
        """Stop the agent here and now, on this thread, if it is idle and none of its own code would run."""
        if not self.inline or not self._ends_quietly or here.depth >= _DEEPEST or not self.lock.acquire(False):
            return False
        self.gate = HELD
        here.depth += 1
        try:
            obey(self, stop)
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
            watch.unwatch(self, child)

    # -- dead letters ------------------------------------------------------------------------------------------------------

    def dead_letter(self, item: Any, reason: str, error: BaseException | None = None, text: str | None = None) -> None:
        """Record a message that no handler will see; its asker, if it has one, is told."""
        message = item
        if isinstance(item, Ask):
            message = item.message
            if error is None:
                why = text or f"{self.ref} stopped before handling the message"
                item.resolve(error=AgentStoppedError(why, path=self.path, cause=self._last_error))
            else:
                item.resolve(error=error)
        elif isinstance(item, Drain):
            item.stop.settle()
            return
        elif isinstance(item, (Uncounted, Command)):
            return
        now = self.system.clock.now()
        self.system.events.publish(events.DeadLetter(self.path, self.incarnation, now, message, reason, error))

    @property
    def _last_error(self) -> BaseException | None:
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
            self.dead_letter(item, "stopped", text=text)

    def close(self) -> None:
        """Close the mailbox for good; what is in it, and what still slips in, becomes dead letters."""
        self.gate = CLOSED
        if self._stopped_event is not None:
            self._stopped_event.set()
        self.system.agent_closed(self)
        if self.queue is not None:
            if isinstance(self.queue, BoundedQueue):
                self.queue.close()
            self._drain(self.queue)

    # -- the turn ------------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take a turn; the lock is held. Obeys commands first, then handles a batch of messages."""
        try:
            if self._turn():
                self.dispatcher.put(self)
        except Abandoned:
            return

    def _turn(self) -> bool:
        """Run until there is nothing to do (False) or others are to have their turn (True, the lock is still held)."""
        while True:
            if self.failing is not None:
                if not self._release_failed():
                    return False
            elif self.control:
                obey(self, self.control.popleft())
                if self.state is State.STOPPED:
                    return False
            elif self.state is State.RUNNING and self.queue:
                outcome = self._work(self.queue)
                if outcome != _DONE:
                    return outcome == _AGAIN
            elif not self._release():
                return False

    def _release(self) -> bool:
        """Give the turn back; True if it was taken again because something has come meanwhile."""
        self.gate = OPEN if self.state is State.RUNNING else HELD
        self.lock.release()
        if (self.control or (self.queue and self.gate == OPEN)) and self.lock.acquire(False):
            self.gate = HELD
            return True
        return False

    def _release_failed(self) -> bool:
        """Give the turn back and have the failure judged; True if the turn was taken again."""
        failure, self.failing = self.failing, None
        assert failure is not None
        if self.state is State.STARTING and self._abandoned_start(failure):
            return False
        parent = self.parent
        assert parent is not None
        assert parent.family is not None
        family = parent.family
        self.gate = HELD
        self.lock.release()
        if self.dispatcher is self.system.pool and here.depth == 0:
            family.submit(lambda: family.judge(self, failure))
        else:
            # Not on its own thread, nor inside another agent: the lane may have to wait for either.
            self.system.pool.put(Job(lambda: family.submit(lambda: family.judge(self, failure))))
        if self.control and self.lock.acquire(False):
            self.gate = HELD
            return True
        return False

    def _abandoned_start(self, failure: Failure) -> bool:
        """A start hung and was abandoned; True if it was the first, which ends the agent."""
        command, self.obeying = self.obeying, None
        context = self.context
        if context is not None:
            context.ending = True
            if self.family is not None:
                self.family.stop_all(None, final=False)
            context.end()
        first = self.incarnation == 1 and command is not None and command.done is not None
        if first:
            self.first_start_failed(failure.error)
        else:
            self.move(State.SUSPENDED)
        if command is not None:
            command.settle(failure.error)
        return first

    def _work(self, queue: Queue) -> int:
        """Handle up to a batch of messages. The hot loop of the library: a plain message costs no call but its own."""
        context = self.context
        assert context is not None
        outer = here.context
        here.context = context
        context.thread = get_ident()
        baton: list[float] = []
        context.baton = baton
        popleft, take, give, now = queue.popleft, baton.append, baton.pop, self.system.clock.now
        guarded = self.spec.deadline is not None
        handled = 0
        outcome = _AGAIN
        for _ in repeat(None, _BATCH):
            if self.control:
                outcome = _DONE
                break
            try:
                item = popleft()
            except IndexError:
                outcome = _DONE
                break
            kind = _KINDS.get(type(item))
            if kind is None:
                context.item = item
                take(now())
                if guarded:
                    self.guard_deadline(context)
                try:
                    context.receive(item)
                except BaseException as error:
                    outcome = self._raised(context, item, error, handled)
                    handled = 0
                    break
                try:
                    give()
                except IndexError:
                    orphan_returned(context)
                    here.context = outer
                    return _GONE
                handled += 1
            else:
                context.handled += handled
                handled = 0
                outcome = self._handle_special(kind, item, context, baton)
                if outcome != _AGAIN:
                    break
        here.context = outer
        if outcome != _GONE:
            context.handled += handled
            context.baton = None
            if self.failing is None:
                context.item = NOTHING
        return outcome

    def _handle_special(self, kind: int, item: Any, context: Context, baton: list[float]) -> int:
        """Handle what is not a plain message; _AGAIN: go on with the next."""
        message = item
        ask: Ask[Any] | None = None
        if kind == _ASK:
            ask = item
            message = item.message
            if item.settled or (item.deadline is not None and self.system.clock.now() >= item.deadline):
                self._expire(item)
                return _AGAIN
        elif kind == _TICK:
            if not item.take():
                return _AGAIN
            message = item.message
            item = message
        elif kind == _NOTICE:
            if not watch.take(self, item.target):
                return _AGAIN
            message = item.message
        elif kind in (_DRAIN, _PYKKA_STOP):
            self.control_lane().appendleft(item.stop if kind == _DRAIN else Stop(StopReason.REQUESTED))
            return _DONE
        context.item = item
        context.ask = ask
        baton.append(self.system.clock.now())
        self.guard_deadline(context)
        handler = proxies.HANDLERS.get(type(message))
        try:
            value = context.receive(message) if handler is None else handler(context.agent, message)
        except BaseException as error:
            return self._raised(context, item, error, 0)
        try:
            baton.pop()
        except IndexError:
            orphan_returned(context)
            return _GONE
        context.ask = None
        context.handled += 1
        if ask is not None and context.item is not STASHED and not ask.resolve(value):
            self._late(message, value)
        return _AGAIN

    def _expire(self, ask: Ask[Any]) -> None:
        seconds = 0.0 if ask.deadline is None else self.system.clock.now() - ask.deadline
        self.dead_letter(ask, "expired", AskTimeout(self.path, max(0.0, seconds)))

    def _late(self, message: Any, value: Any) -> None:
        now = self.system.clock.now()
        self.system.events.publish(
            events.DeadLetter(self.path, self.incarnation, now, value, f"late reply to {message!r:.80}")
        )

    def deliver(self, message: Any) -> None:
        """Hand a message of the framework to the agent's handler; on the turn, outside a batch."""
        context = self.context
        assert context is not None
        outer = here.context
        here.context = context
        context.thread = get_ident()
        baton = context.baton = []
        outcome = self._handle_special(0, message, context, baton)
        here.context = outer
        if outcome == _GONE:
            raise Abandoned
        context.baton = None
        if self.failing is None:
            context.item = NOTHING

    # -- what came out of a handler --------------------------------------------------------------------------------------------

    def _raised(self, context: Context, item: Any, error: BaseException, handled: int) -> int:
        """Decide what an exception out of a handler is: an answer, the caller's own error, or a failure."""
        try:
            assert context.baton is not None
            context.baton.pop()
        except IndexError:
            orphan_returned(context)
            return _GONE
        context.handled += handled
        context.ask = None
        ask = item if isinstance(item, Ask) else None
        answer = self._answer_in(context, error)
        if answer is not None:
            context.handled += 1
            if ask is not None:
                ask.resolve(error=answer)
            else:
                self.dead_letter(item, f"nobody to answer with {type(answer).__name__}", answer)
            return _DONE
        replied = ask is not None and ask.resolve(error=error)
        if ask is None and context.item is not STASHED:
            self.dead_letter(item, "failed", error)
        self._fail(error, replied)
        return _DONE

    def _answer_in(self, context: Context, error: BaseException) -> BaseException | None:
        if isinstance(error, ReplyError):
            return error
        if isinstance(error, proxies.BadRequest):
            return error.error
        if isinstance(error, Cancelled) and context.cancelled:
            return error
        return None

    def _fail(self, error: BaseException, replied: bool) -> None:
        self.failing = make_failure(self, error, Phase.RECEIVE, replied)
        self.move(State.SUSPENDED)

    # -- asks on the asker's thread --------------------------------------------------------------------------------------------

    def answer(self, message: Any) -> Any:
        """Answer an ask on this thread, which has just taken the idle agent's turn: no thread is switched."""
        self.gate = HELD
        if self.control or self.queue or self.state is not State.RUNNING or here.depth >= _DEEPEST:
            return self._answer_in_line(message)
        context = self.context
        assert context is not None
        asker = here.context
        here.context = context
        here.depth += 1
        if asker is not None:
            asker.cell.waiting = self
        context.asker = asker or OUTSIDE
        context.thread = get_ident()
        context.item = message
        context.baton = baton = [self.system.clock.now()]
        raised: BaseException | None = None
        try:
            handler = proxies.HANDLERS.get(type(message))
            value = context.receive(message) if handler is None else handler(context.agent, message)
        except BaseException as error:
            raised = error
        here.context = asker
        here.depth -= 1
        if asker is not None:
            asker.cell.waiting = None
        try:
            baton.pop()
        except IndexError:
            orphan_returned(context)
            raise AgentStoppedError(f"{self.path} was abandoned over this ask", path=self.path) from raised
        context.baton = None
        if raised is not None:
            try:
                raise self._settle_inline(context, raised)
            finally:
                raised = None  # its traceback holds this frame
        context.asker = None
        context.handled += 1
        stashed = context.ask
        context.ask = None
        context.item = NOTHING
        self.gate = OPEN
        self.lock.release()
        if (self.control or self.queue) and self.lock.acquire(False):
            self.gate = HELD
            self.dispatcher.put(self)
        return value if stashed is None else self.ref._wait_for(stashed, None)

    def _answer_in_line(self, message: Any) -> Any:
        """Something is ahead of the ask: queue it, and let the pool take the turn."""
        ask: Ask[Any] = Ask(message, self, here.context, None)
        queue = self.queue if self.queue is not None else self.open_queue()
        try:
            queue.append(ask)
        finally:
            self.dispatcher.put(self)
        if self.gate:
            self.knock(queue)
        return self.ref._wait_for(ask, None)

    def _settle_inline(self, context: Context, error: BaseException) -> BaseException:
        """Settle an exception out of an inline ask and give what the asker is to get."""
        answer = self._answer_in(context, error)
        context.asker = context.ask = None
        if answer is None:
            self._fail(error, True)
            # Its supervisor decides on another thread: the asker has its error at once.
            self.dispatcher.put(self)
            return error
        context.handled += 1
        context.item = NOTHING
        self._give_back()
        return answer

    # -- deadlines ---------------------------------------------------------------------------------------------------------------

    def guard_deadline(self, context: Context) -> None:
        """See that somebody watches the code that has just begun; nobody does while nothing runs."""
        deadline = self.spec.deadline
        if deadline is not None and not self._guarded:
            self._guarded = True
            clock = self.system.clock
            clock.call_at(clock.now() + deadline, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        # Unguarded first, looked at after: code that begins meanwhile is seen here or arms the guard itself.
        self._guarded = False
        deadline = self.spec.deadline
        started = running_since(self.context)
        if started is None or deadline is None:
            return
        clock = self.system.clock
        due = started + deadline
        if due <= clock.now():
            if abandon(self, deadline):
                return
            due = clock.now() + deadline
        self._guarded = True
        clock.call_at(due, self._look_at_deadline)

    def leave_thread(self) -> None:
        """Its code hangs: an own thread is given up for a new one; a pool has others."""
        if isinstance(self.dispatcher, OwnThread):
            self.dispatcher.put(None)
            self.dispatcher = self.system.own_thread(self.path)

    # -- the ends of a life --------------------------------------------------------------------------------------------------------

    def end_for_good(self) -> None:
        with _making:
            self.final = True

    def check_not_ended(self) -> None:
        if self.final:
            raise AgentStoppedError(f"{self.ref} not found", path=self.path, cause=self._last_error)

    @property
    def ends_children(self) -> bool:
        """Whether its children are to end with it, or with one of its ancestors."""
        context = self.context
        if self.final or (context is not None and context.ending and not self.spec.keep_children):
            return True
        return self.parent is not None and self.parent.ends_children

    def comes_back(self) -> bool:
        """Whether a normal end is followed by another incarnation, if its supervisor agrees."""
        parent = self.parent
        return (
            self.spec.restart is RestartType.PERMANENT
            and self.state is State.RUNNING
            and parent is not None
            and parent.family is not None
            and not parent.family.closed
        )

    def back_off(self, delay: float, failure: Failure | None) -> None:
        self.say_backing_off(delay)
        clock = self.system.clock
        self._backoff = clock.call_at(clock.now() + delay, lambda: self.post(Start(failure)))

    def say_backing_off(self, delay: float) -> None:
        now = self.system.clock.now()
        self.system.events.publish(events.AgentBackingOff(self.path, self.incarnation, now, delay))

    def cancel_backoff(self) -> None:
        timer, self._backoff = self._backoff, None
        if timer is not None:
            timer.cancel()

    def stopped(self, reason: StopReason, error: BaseException | None) -> None:
        """Leave the tree: free the name, tell the watchers, settle what was still asked for."""
        self.move(State.STOPPED)
        notice = Terminated(self.ref, reason, error)
        parent = self.parent
        family = None if parent is None else parent.family
        if family is not None:
            keep = (self.kept and self.spec.restart is not RestartType.TEMPORARY) or self.revived
            family.remove(self, keep_spec=keep)
        watch.ended(self, notice)
        now = self.system.clock.now()
        self.system.events.publish(events.AgentStopped(self.path, self.incarnation, now, reason, error))
        if family is not None:
            family.child_ended(self, reason)
        self._leave()

    def first_start_failed(self, error: BaseException) -> None:
        """The agent has never run: it leaves no trace but an event."""
        self.end_for_good()
        self.move(State.STOPPING)
        self.close()
        self.move(State.STOPPED)
        if self.parent is not None and self.parent.family is not None:
            self.parent.family.remove(self, keep_spec=self.revived)
        watch.ended(self, Terminated(self.ref, StopReason.FAILED, error))
        now = self.system.clock.now()
        self.system.events.publish(events.StartFailed(self.path, self.incarnation, now, error))
        self._leave()

    def _leave(self) -> None:
        self.queue = None
        self.system.agent_ended(self)
        self._drop_control()
        if isinstance(self.dispatcher, OwnThread):
            self.dispatcher.put(None)

    def _drop_control(self) -> None:
        control = self.control
        while control:
            try:
                command = control.popleft()
            except IndexError:
                return
            command.settle(None if isinstance(command, Start) else True)

    @property
    def stopped_event(self) -> threading.Event:
        """An event that is set once the agent takes no more messages."""
        if self._stopped_event is None:
            with _making:
                if self._stopped_event is None:
                    self._stopped_event = threading.Event()
        if self.gate == CLOSED:
            self._stopped_event.set()
        return self._stopped_event

    # -- children --------------------------------------------------------------------------------------------------------------------

    def own_family(self) -> Family:
        """Give the books of its children; raises AgentStoppedError once it has ended."""
        with _making:
            if self.family is None:
                if self.final:
                    raise AgentStoppedError(f"{self.path} has stopped: it takes no children", path=self.path)
                self.family = Family(self)
            return self.family

    def spawn(self, agent: Any, args: tuple[Any, ...], name: str | None, kwargs: Mapping[str, Any]) -> AgentRef[Any]:
        """Start a child from a class and its arguments, or from one spec."""
        if isinstance(agent, ChildSpec):
            if args or kwargs or name is not None:
                raise ValueError(f"spawn takes either a ChildSpec alone or a class with its arguments: {agent!r:.100}")
            spec = agent
        else:
            spec = ChildSpec(agent, None, args, kwargs)
            if name is not None:
                check_name(name)
        return self.start_child(spec, name or spec.name, kept=False).ref

    def start_static(self, spec: ChildSpec[Any]) -> None:
        """Start a child that the agent's class declares, unless it lived through the restart."""
        if spec.name is not None and isinstance(self.own_family().get(spec.name), Cell):
            return
        self.start_child(spec, spec.name, kept=True)

    def start_child(self, spec: ChildSpec[Any], name: str | None, kept: bool) -> Cell:
        """Start a child and wait until its `on_start` has succeeded; raises StartFailedError."""
        family = self.own_family()
        child = Cell(self.system, self, name or self.system.make_name(spec.agent), spec, kept)
        child.revived = kept and isinstance(family.get(child.name), Down)
        family.admit(child, self.most_children)
        if child.inline and here.depth < _DEEPEST:
            error = child._start_here()
        else:
            error = child._start_elsewhere()
        if error is not None:
            if isinstance(error, KeyboardInterrupt):
                raise error
            raise StartFailedError(child.path, error) from error
        return child

    def start_unsupervised(self, spec: ChildSpec[Any]) -> Cell:
        """Start a child as Pykka does: `__init__` here, `on_start` on its own turn; nobody waits for it."""
        child = Cell(self.system, self, self.system.make_name(spec.agent), spec, False)
        self.own_family().admit(child)
        try:
            context = new_context(child, None)
            run_code(context, "__init__", construct, context)
            child.system.agent_begins(child)
        except BaseException as error:
            child.first_start_failed(error)
            raise
        child.control_lane().append(Start())
        child.dispatcher.put(child)
        return child

    def _start_here(self) -> BaseException | None:
        outer = here.context
        if outer is not None:
            outer.cell.waiting = self
        try:
            error = begin(self, None)
        except Abandoned:
            return AgentStoppedError(f"{self.path} was abandoned while it started", path=self.path)
        finally:
            if outer is not None:
                outer.cell.waiting = None
        if error is not None:
            self.first_start_failed(error)
            return error
        self._give_back()
        return None

    def _start_elsewhere(self) -> BaseException | None:
        done: Ask[Any] = Ask(None, self, here.context, None)
        self.control_lane().append(Start(done=done))
        self.dispatcher.put(self)
        context = here.context
        if context is not None:
            begin_wait(context.cell, done)
        self.system.pool.make_room()
        try:
            error = done.wait_quietly()
        finally:
            if context is not None:
                context.cell.waiting = None
        if error is None and self.final:
            return AgentStoppedError(f"{self.path} was stopped before it had started", path=self.path)
        return error  # type: ignore[no-any-return]

    # -- what the agent says of its children -------------------------------------------------------------------------------------------

    @property
    def _agent(self) -> Agent | None:
        return None if self.context is None else self.context.agent

    @property
    def family_policy(self) -> Policy:
        agent = self._agent
        policy = agent.policy if agent is not None else self.spec.agent.policy
        return _DEFAULT_POLICY if policy is None else policy

    @property
    def family_strategy(self) -> Strategy:
        agent = self._agent
        return Strategy(agent.strategy if agent is not None else self.spec.agent.strategy)

    @property
    def auto_shutdown(self) -> AutoShutdown:
        agent = self._agent
        return AutoShutdown.NEVER if agent is None else AutoShutdown(agent.auto_shutdown)

    @property
    def most_children(self) -> int | None:
        agent = self._agent
        return None if agent is None else agent.max_children

    @property
    def in_hand(self) -> Any:
        return NOTHING if self.context is None else self.context.item

    @property
    def urn(self) -> str:
        if self._urn is None:
            with _making:
                if self._urn is None:
                    self._urn = self.system.make_urn()
        return self._urn
