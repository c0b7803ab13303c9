"""What does an agent under test do with its context?

Its incarnation is one of the kernel's that notes what it is asked to do, and does as much of it as concerns the agent
alone: the stash fills, timers stand, behaviours change. What would reach others, or come back later, is only noted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import partial
from typing import Any, NoReturn

from actors._core.cell import Cell
from actors._core.context import Context
from actors._core.future import Ask
from actors._core.here import here
from actors._core.proxies import BadRequest
from actors._core.ref import AgentRef
from actors._core.replies import Reply
from actors._core.timers import Timers
from actors.testkit import effects

Answers = Mapping[str | type, Any]


class HandlerTestError(AssertionError):
    """The handler needs what the test has not provided, or what no handler test has; raised by the test as well."""


def refuse(text: str) -> NoReturn:
    """Raise HandlerTestError, and once more when the handler is over, whatever it makes of it."""
    error = HandlerTestError(text)
    context = here.context
    if isinstance(context, HandlerContext) and context.refused is None:
        context.refused = error
    raise error


def recorder(what: str) -> HandlerContext:
    """Give the agent under test whose code runs on this thread."""
    context = here.context
    if not isinstance(context, HandlerContext):
        refuse(f"{what}: it is a stand-in, which only the code of an agent in run_handler can use, on its own thread")
    return context


class HandlerContext(Context):
    """The incarnation under test: does what a context does and notes it."""

    __slots__ = ("answers", "effects", "raised", "refused")

    def __init__(self, cell: Cell, answers: Answers) -> None:
        super().__init__(cell, 1, None)
        self.answers = answers
        self.effects: list[effects.Effect] = []
        self.raised: BaseException | None = None  # by the handler
        self.refused: HandlerTestError | None = None

    def note(self, effect: effects.Effect) -> None:
        self.effects.append(effect)

    def answer(self, ask: Ask[Any]) -> None:
        """Settle the ask as the test has said, if it has."""
        *kinds, _ = type(ask.message).__mro__
        keys: list[Any] = [*kinds, ask.cell.path, object]
        for key in keys:
            if key in self.answers:
                _settle(ask, self.answers[key])
                return

    def handler(self) -> Callable[[Any], Any]:
        return partial(self._run, super().handler())

    def call_proxied(self, handler: Callable[[Any, Any], Any], message: Any) -> Any:
        return self._run(partial(super().call_proxied, handler), message)

    def _run(self, handler: Callable[[Any], Any], message: Any) -> Any:
        try:
            return handler(message)
        except BaseException as error:
            self.raised = error.error if isinstance(error, BadRequest) else error
            raise

    def watch(self, ref: AgentRef[Any]) -> None:
        super().watch(ref)
        self.note(effects.Watched(ref.path))

    def unwatch(self, ref: AgentRef[Any]) -> None:
        super().unwatch(ref)
        self.note(effects.Unwatched(ref.path))

    def stash(self) -> None:
        message = self.message
        super().stash()
        self.note(effects.Stashed(message))

    def return_stash(self) -> None:
        stash, self._stash = self._stash, None
        for item in stash or ():
            self.note(effects.Unstashed(item.message if isinstance(item, Ask) else item))

    def defer(self) -> Reply:
        message = self.message
        reply = super().defer()
        self.note(effects.Deferred(message))
        ask = reply._ask

        def replied() -> None:
            # What it raises afterwards settles the ask as well, but not as a reply.
            if here.context is self and (ask._error is None or ask._error is not self.raised):
                self.note(effects.Replied(message, ask._value, ask._error))

        ask.add_done_callback(replied)
        return reply

    def emit(self, record: Any) -> None:
        super().emit(record)
        self.note(effects.Emitted(record))

    def become(self, handler: Callable[[Any], Any]) -> None:
        super().become(handler)
        self.note(effects.Became(handler))

    def unbecome(self) -> None:
        became = bool(self._behaviours)
        super().unbecome()
        if became:
            self.note(effects.Unbecame())

    @property
    def timers(self) -> Timers:
        self._may_act()
        if self._timers is None:
            self._timers = _NotedTimers(self)
        return self._timers

    def set_receive_timeout(self, seconds: float | None, ignore: Collection[type] = ()) -> None:
        super().set_receive_timeout(seconds, ignore)
        self.note(effects.ReceiveTimeoutSet(seconds, tuple(ignore)))

    def pipe_to_self(self, future: Any, convert: Callable[[Any], Any] | None = None) -> None:
        before = len(self.effects)
        super().pipe_to_self(future, convert)
        self.effects.insert(before, effects.Piped(future))

    def _deliver_result(self, future: Any, convert: Callable[[Any], Any] | None) -> None:
        # What comes later, or from another thread, is the test's to send.
        if here.context is self:
            super()._deliver_result(future, convert)


class _NotedTimers(Timers):
    """Timers that stand and never fire."""

    def __init__(self, context: HandlerContext) -> None:
        super().__init__(context)
        self._note = context.note
        self._replacing = False

    def _start(self, key: Hashable, delay: float, message: Any, interval: float | None) -> None:
        self._replacing = True
        try:
            super()._start(key, delay, message, interval)
        finally:
            self._replacing = False
        self._note(effects.TimerSet(key, delay, message, interval))

    def cancel(self, key: Hashable) -> bool:
        stood = super().cancel(key)
        if stood and not self._replacing:
            self._note(effects.TimerCancelled(key))
        return stood


def _settle(ask: Ask[Any], answer: Any) -> None:
    try:
        value = answer(ask.message) if callable(answer) and not isinstance(answer, type) else answer
    except BaseException as error:
        value = error
    if isinstance(value, BaseException):
        ask.resolve(error=value)
    else:
        ask.resolve(value)
