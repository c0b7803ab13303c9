"""How does an agent's turn go: which message next, and what becomes of what its handler returns or raises?"""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import Any

from actors._core import proxies, watch
from actors._core._pykka import ActorStop
from actors._core.abandonment import Abandoned, orphan_returned
from actors._core.commands import Drain, Notice, State, Stop, Urgent
from actors._core.context import NOTHING, OUTSIDE, STASHED, Context
from actors._core.delivery import Returned
from actors._core.dispatcher import Job
from actors._core.errors import AgentStoppedError, AskTimeout, Cancelled, ReplyError, printed
from actors._core.future import Ask
from actors._core.here import here
from actors._core.life import obey
from actors._core.mailbox import Late
from actors._core.messages import DeadLetterReason, StopReason
from actors._core.place import DEEPEST, Place
from actors._core.ref import HELD, OPEN
from actors._core.timers import TICKS
from policies import Failure, Phase

_AGAIN, _EMPTY, _DONE, _GONE = 1, 2, 3, 4

_ASK, _PROXY, _TICK, _DRAIN, _NOTICE, _PYKKA_STOP, _RETURNED = range(1, 8)
_KINDS: dict[type, int] = {
    Ask: _ASK,
    Drain: _DRAIN,
    Notice: _NOTICE,
    ActorStop: _PYKKA_STOP,
    Returned: _RETURNED,
    **dict.fromkeys((*TICKS, Late, Urgent), _TICK),
    **dict.fromkeys(proxies.HANDLERS, _PROXY),
}


class Turn(Place):
    """What is done with the turn, by the one thread that has it."""

    __slots__ = ()

    def run(self) -> None:
        """Take a turn; the lock is held. Obeys commands first, then handles a batch of messages."""
        try:
            while True:
                if self.control or self.failing is not None or self.state is not State.RUNNING:
                    if not self._attend():
                        return
                    continue
                outcome = self._work()
                if outcome == _EMPTY:
                    # The way most turns end, and `release` in full: open, release, look once more.
                    answered, self.answered = self.answered, None
                    self.gate = OPEN
                    self.lock.release()
                    if answered is not None:
                        # Only now, as the last thing: the asker wakes up to an idle agent and a free interpreter.
                        self._reply(*answered)
                    if not (self.queue or self.control) or not self.lock.acquire(False):
                        return
                    self.gate = HELD
                elif outcome == _AGAIN:
                    self.dispatcher.put(self)
                    return
                elif outcome == _GONE:
                    return
        except Abandoned:
            return

    def _attend(self) -> bool:
        """Do what comes before any message; False when the turn has been given back or is not ours any more."""
        if self.failing is not None:
            return self._release_failed()
        if self.control:
            # Noted before it leaves the lane, for those who look whether anything is ahead of their command.
            self.obeying = self.control[0]
            obey(self.cell, self.control.popleft())
            return self.state is not State.STOPPED
        return self.release()

    def _release_failed(self) -> bool:
        """Give the turn back and have the failure judged; True if the turn was taken again."""
        failure, self.failing = self.failing, None
        assert failure is not None
        if self.state is State.STARTING and self._abandoned_start(failure):
            return False
        self.say_suspended(failure, State.STARTING if failure.phase is Phase.START else State.RUNNING)
        parent = self.parent
        assert parent is not None
        family = parent.family
        assert family is not None
        self.gate = HELD
        self.lock.release()
        if self.dispatcher is self.system.pool:
            at_hand: list[None] = [None]
            family.submit(partial(family.judge, self.cell, failure, at_hand))
            at_hand.clear()
        else:
            # Not on its own thread: the lane may have to wait for that.
            self.system.pool.put(Job(partial(family.submit, partial(family.judge, self.cell, failure))))
        if self.control and self.lock.acquire(False):
            self.gate = HELD
            return True
        return False

    def _abandoned_start(self, failure: Failure) -> bool:
        """A start hung and was abandoned; True if it was the first, which ends the agent."""
        command, self.obeying = self.obeying, None
        context = self.context
        assert context is not None
        context.ending = True
        if self.family is not None:
            self.family.stop_all(None, final=False)
        context.end()
        # Somebody waits for the first start: on the thread that hangs, where it came without a command, or elsewhere.
        first = self.incarnation == 1 and (command is None or command.done is not None)
        if first:
            self.first_start_failed(failure.error)
        else:
            self.move(State.SUSPENDED)
        if command is not None:
            command.settle(failure.error)
        return first

    def first_start_failed(self, error: BaseException) -> None:
        """The agent has never run: it leaves no trace but an event."""
        raise NotImplementedError  # pragma: no cover - `Cell` does it

    def _work(self) -> int:
        """Handle up to a batch of messages. The hot loop of the library: a plain message costs no call but its own."""
        queue = self.queue
        if not queue:
            return _EMPTY
        context = self.context
        assert context is not None
        here.context = context
        context.thread = get_ident()
        context.baton = baton = []
        system = self.system
        now = system.clock.now
        guarded = not self.inline
        handled = 0
        outcome = _AGAIN
        for _ in system.batch:
            if self.control:
                outcome = _DONE
                break
            try:
                item = queue.popleft()
            except IndexError:
                outcome = _EMPTY
                break
            if self.answered is not None:
                self._reply_now()
            kind = _KINDS.get(type(item))
            if kind is None:
                context.item = item
                baton.append(now())
                if guarded:
                    self.guard_deadline(context)
                try:
                    context.receive(item)
                except BaseException as error:
                    outcome = self._raised(context, item, error, handled)
                    handled = 0
                    break
                try:
                    baton.pop()
                except IndexError:
                    outcome = _GONE
                    break
                handled += 1
            else:
                outcome = self._handle_special(kind, item, context, baton)
                if outcome != _AGAIN:
                    break
        else:
            if not queue:
                outcome = _EMPTY
        here.context = None
        if outcome == _GONE:
            orphan_returned(context)
            return _GONE
        context.handled += handled
        context.baton = None
        if self.failing is None:
            context.item = NOTHING
        if outcome != _EMPTY and self.answered is not None:
            self._reply_now()
        return outcome

    def _reply_now(self) -> None:
        answered, self.answered = self.answered, None
        assert answered is not None
        self._reply(*answered)

    def _reply(self, ask: Ask[Any], value: Any) -> None:
        if not ask.resolve(value):
            # Given up meanwhile: the answer reaches nobody, least of all the asker's next ask.
            detail = f"to {printed(ask.message, 80)}"
            self.system.dead_letters.lose(self.cell, value, DeadLetterReason.LATE_REPLY, detail=detail)

    def guard_deadline(self, context: Context) -> None:
        """See that somebody watches the code that has just begun."""
        raise NotImplementedError  # pragma: no cover - `Cell` does it

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
            if not watch.take(self.cell, item.target):
                return _AGAIN
            message = item.message
            item = message
        elif kind in (_DRAIN, _PYKKA_STOP):
            self.control_lane().appendleft(item.stop if kind == _DRAIN else Stop(StopReason.REQUESTED))
            return _DONE
        elif kind == _RETURNED:
            return self._handle_returned(item, context, baton)
        context.item = item
        context.ask = ask
        baton.append(self.system.clock.now())
        self.guard_deadline(context)
        handler = proxies.HANDLERS.get(type(message))
        try:
            value = context.receive(message) if handler is None else context.call_proxied(handler, message)
        except BaseException as error:
            return self._raised(context, item, error, 0)
        try:
            baton.pop()
        except IndexError:
            return _GONE
        context.ask = None
        context.handled += 1
        if ask is not None and context.item is item:  # else it is stashed, or its answer deferred
            self.answered = (ask, value)
        return _AGAIN

    def _handle_returned(self, returned: Returned, context: Context, baton: list[float]) -> int:
        """Handle what an interceptor had put back, as the ask or the plain message that it was."""
        item = returned.item
        context.returned = returned
        outcome = self._handle_special(_ASK if isinstance(item, Ask) else 0, item, context, baton)
        context.returned = None
        return outcome

    def _expire(self, ask: Ask[Any]) -> None:
        seconds = 0.0 if ask.deadline is None else self.system.clock.now() - ask.deadline
        self.dead_letter(ask, DeadLetterReason.EXPIRED, AskTimeout(self.path, max(0.0, seconds)))

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
            orphan_returned(context)
            raise Abandoned
        context.baton = None
        if self.failing is None:
            context.item = NOTHING

    # -- what came out of a handler -----------------------------------------------

    def _raised(self, context: Context, item: Any, error: BaseException, handled: int) -> int:
        """Decide what an exception out of a handler is: an answer, the caller's own error, or a failure."""
        try:
            assert context.baton is not None
            context.baton.pop()
        except IndexError:
            return _GONE
        context.handled += handled
        ask = item if isinstance(item, Ask) else None
        answer = self._answer_in(context, error)
        context.ask = None
        if answer is not None:
            context.handled += 1
            if ask is not None:
                ask.resolve(error=answer)
            elif context.item is not STASHED:
                self.dead_letter(item, DeadLetterReason.UNANSWERED, answer)
            return _DONE
        replied = ask is not None and ask.resolve(error=error)
        if ask is None and context.item is not STASHED:
            self.dead_letter(item, DeadLetterReason.FAILED, error)
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
        self.failing = self.record_failure(error, Phase.RECEIVE, replied)
        self.move(State.SUSPENDED)

    # -- asks on the asker's thread -----------------------------------------------

    def answer(self, message: Any) -> Any:
        """Answer an ask on this thread, which has just taken the idle agent's turn: no thread is switched."""
        self.gate = HELD
        if self.control or self.queue or self.state is not State.RUNNING or here.depth >= DEEPEST:
            return self._answer_in_line(message)
        context = self.context
        assert context is not None
        asker = here.context
        context.asker = asker or OUTSIDE
        context.item = message
        # Ctrl-C, or what else a signal handler raises, comes where a call has just ended. The turn is given back there.
        try:
            context.thread = get_ident()
            context.baton = baton = [self.system.clock.now()]
        except BaseException:  # pragma: no cover - the test of interrupts takes the tracer's place
            self._leave_inline(context)
            raise
        here.context = context
        here.depth += 1
        if asker is not None:
            asker.cell.waiting = self
        raised: BaseException | None = None
        try:
            handler = proxies.HANDLERS.get(type(message))
            value = context.receive(message) if handler is None else context.call_proxied(handler, message)
        except BaseException as error:
            raised = error
        here.context = asker
        here.depth -= 1
        if asker is not None and asker.cell.waiting is self:
            # Not if the asker was abandoned meanwhile: then that is what its next incarnation waits for.
            asker.cell.waiting = None
        try:
            baton.pop()
        except IndexError:
            orphan_returned(context)
            return self._abandoned_inline(context, raised)
        except BaseException:  # pragma: no cover - the test of interrupts takes the tracer's place
            context.baton = None
            if raised is None:
                self._leave_inline(context)
            else:
                self._settle_inline(context, raised)
            raise
        context.baton = None
        if raised is not None:
            deferred = context.ask
            try:
                raised = self._settle_inline(context, raised)
                if raised is not None:
                    raise raised
            finally:
                raised = None  # its traceback holds this frame
            assert deferred is not None
            return deferred.get()
        context.asker = None
        context.handled += 1
        stashed = context.ask
        context.ask = None
        context.item = NOTHING
        self.gate = OPEN
        try:
            self.lock.release()
        finally:
            if (self.control or self.queue) and self.lock.acquire(False):
                self.gate = HELD
                self.dispatcher.put(self)
        return value if stashed is None else self.ref._wait_for(stashed, None)

    def _leave_inline(self, context: Context) -> None:  # pragma: no cover - as above
        """Give the turn back of an inline ask whose asker was interrupted before the handler began or after its end."""
        context.baton = None
        context.asker = context.ask = None
        context.item = NOTHING
        self.give_back()

    def _answer_in_line(self, message: Any) -> Any:
        """Something is ahead of the ask: queue it, and let the pool take the turn."""
        ask: Ask[Any] = Ask(message, self.cell, here.context, None)
        queue = self.queue if self.queue is not None else self.open_queue()
        # First: the append may have to wait for room, which only a turn can make.
        self.dispatcher.put(self)
        queue.append(ask)
        if self.gate:
            self.knock(queue)
        return self.ref._wait_for(ask, None)

    def _settle_inline(self, context: Context, error: BaseException) -> BaseException | None:
        """Settle an exception out of an inline ask and give what the asker is to get; None: it has its answer."""
        answer = self._answer_in(context, error)
        ask = context.ask
        told = error if answer is None else answer
        replied = ask is None or ask.resolve(error=told)
        context.asker = context.ask = None
        if answer is None:
            self._fail(error, replied)
            # Its supervisor decides on another thread: the asker has its error at once.
            self.dispatcher.put(self)
        else:
            context.handled += 1
            context.item = NOTHING
            self.give_back()
        return told if replied else None

    def _abandoned_inline(self, context: Context, raised: BaseException | None) -> Any:
        """Give the answer to an ask over which the agent was abandoned on this thread, if there is one, or raise."""
        error = AgentStoppedError(f"{self.path} was abandoned over this ask", path=self.path)
        ask = context.ask
        if ask is None or ask.resolve(error=error):
            raise error from raised
        return ask.get()
