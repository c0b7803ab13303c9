"""How does an agent ask another without waiting, and without ever being left without an answer?

The answer comes as a message of its own: what the other has answered, that it took too long, or why there is none.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from actors._core.checks import is_seconds
from actors._core.errors import ActorError, AskTimeout, Cancelled, printed
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence
from actors._core.messages import DeadLetterReason, FrameworkMessage
from actors._core.ref import AgentRef
from actors.typed.accepted import Accepted
from actors.typed.asking import Asking, Target
from actors.typed.envelope import Envelope, EnvelopedRef, numbers_of, seal, written
from actors.typed.generics import argument_of
from actors.typed.ref import TypedRef

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors._core.timers import Timers

M = TypeVar("M")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Answer(FrameworkMessage):
    """What came of the question that `Questions.ask` has given this correlation id."""

    correlation_id: str
    question: Any


@dataclass(frozen=True, slots=True)
class Answered(Answer, Generic[R]):
    """The other has answered: granted or refused, the answer says so."""

    answer: R


@dataclass(frozen=True, slots=True)
class TimedOut(Answer):
    """The time was over before there was an answer; one that comes yet is a dead letter."""

    error: AskTimeout


@dataclass(frozen=True, slots=True)
class AnswerFailed(Answer):
    """There is no answer, because of `error`.

    AgentStoppedError where the other has ended, MailboxFullError where it has no room, InvalidMessageError where what
    it gave is not of the type that the question is `Asking` for, or whatever it raised.
    """

    error: BaseException


class Questions:
    """The questions that one incarnation has asked: `Questions(self.context)`, on its turn.

    Each is answered by exactly one message to the agent itself, an `Answer`: outside the bound of its mailbox, and
    whatever it accepts from others. Questions that are open when the incarnation ends are not answered any more: what
    comes for them is a dead letter.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        # Whoever takes a question out, the answer or the one who withdraws it, has settled it: pop is atomic.
        self._open: dict[str, AgentFuture[Any]] = {}

    def ask(
        self,
        ref: Target[M],
        message: M,
        timeout: float,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Ask an agent and go on; gives the correlation id that the answer will have. Never blocks.

        `timeout`: seconds, by the system's clock. An Enveloped agent has the id on its envelope, too; it answers as any
        ask is answered, by what its handler returns or with `context.defer()`. Raises InvalidMessageError for what the
        other does not accept.
        """
        if not is_seconds(timeout, above=0.0):
            raise ValueError(f"timeout: seconds above 0, not {timeout!r}")
        if fence.raised:
            before_acting()
        timers = self._context.timers  # raises Cancelled once the incarnation has ended
        target: Any = ref
        number = f"{self._context.system.name}-q{next(numbers_of(self._context.system))}"
        envelope = seal(target, message, headers, number)
        item = envelope if isinstance(target, EnvelopedRef) else envelope.message
        future = self._send(target, item, envelope, timeout)
        self._open[number] = future
        future.add_done_callback(partial(self._settled, number, envelope.message, target, timers))
        return number

    def withdraw(self, correlation_id: str) -> bool:
        """Give a question up, and tell whether it was open: then nothing comes of it, and nobody begins with it."""
        future = self._open.pop(correlation_id, None)
        if isinstance(future, Ask):
            future.given_up = True
            future.resolve(error=Cancelled(f"{self._context.path} has withdrawn its question {correlation_id}"))
        return future is not None

    @property
    def open(self) -> tuple[str, ...]:
        """The correlation ids of the questions that have no answer yet, oldest first."""
        return tuple(self._open)

    # -- there ---------------------------------------------------------------------

    def _send(self, ref: AgentRef[Any], item: Any, envelope: Envelope, timeout: float) -> AgentFuture[Any]:
        if type(ref).ask is not AgentRef.ask and not isinstance(ref, TypedRef):
            with written(envelope):
                return self._in_time(ref, ref.ask(item, block=False, timeout=timeout), timeout)
        # As an ask, but without waiting for room, whatever the mailbox says.
        cell = ref._cell
        ask: Ask[Any] = Ask(item, cell, self._context, cell.system.clock.now() + timeout)
        try:
            cell.offer(ask)
        except ActorError as error:
            ask.resolve(error=error)
        return ask

    def _in_time(self, ref: AgentRef[Any], future: AgentFuture[Any], timeout: float) -> AgentFuture[Any]:
        """See that a future ends in time also where a ref has made it in a way of its own."""
        if isinstance(future, Ask):
            return future
        ends: AgentFuture[Any] = AgentFuture()
        clock = self._context.system.clock

        def end() -> None:
            ends.resolve(error=AskTimeout(ref.path, timeout))

        timer = clock.call_at(clock.now() + timeout, end)

        def pass_on() -> None:
            timer.cancel()
            try:
                ends.resolve(future.get())
            except BaseException as error:
                ends.resolve(error=error)

        future.add_done_callback(pass_on)
        return ends

    # -- and back ------------------------------------------------------------------

    def _settled(self, number: str, question: Any, ref: AgentRef[Any], timers: Timers) -> None:
        future = self._open.pop(number, None)
        if future is None:
            return
        context = self._context
        answer = self._answer(number, question, ref, future)
        if context.is_current:
            # A tick is outside the bound of the mailbox, and is never refused.
            timers.once(("answer", number), 0.0, answer)
        else:
            context.cell.dead_letter(answer, DeadLetterReason.STALE)

    def _answer(self, number: str, question: Any, ref: AgentRef[Any], future: AgentFuture[Any]) -> Answer:
        try:
            value = future.get()
        except AskTimeout as error:
            late = error.path == ref.path  # or else the other has waited in vain for somebody
            return TimedOut(number, question, error) if late else AnswerFailed(number, question, error)
        except BaseException as error:
            return AnswerFailed(number, question, error)
        wanted = _answers_to(type(question))
        if wanted is None or wanted.fits(value):
            return Answered(number, question, value)
        why = f"as the answer of {ref.path} to {printed(question, 80)}: "
        return AnswerFailed(number, question, wanted.refusal(self._context.path, value, why))


_wanted: weakref.WeakKeyDictionary[type, Accepted | None] = weakref.WeakKeyDictionary()


def _answers_to(kind: type) -> Accepted | None:
    """Give what messages of a class are answered with; None where they do not say."""
    try:
        return _wanted[kind]
    except KeyError:
        form = argument_of(kind, Asking) if issubclass(kind, Asking) else None
        wanted = _wanted[kind] = None if form is None else Accepted(kind.__name__, form, kind.__module__)
        return wanted
