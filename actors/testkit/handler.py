"""What does one handler of one agent do with one message?

`run_handler` runs it on the calling thread, in well under a millisecond, and gives what came of it as values. Nothing
else of a system runs; see `actors.testkit.standins` for how that is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from actors._core.agent import Agent
from actors._core.cell import Cell
from actors._core.commands import State
from actors._core.context import NOTHING
from actors._core.errors import StartFailedError, printed
from actors._core.future import AgentFuture
from actors._core.here import here
from actors._core.life import begin, construct, run_code
from actors._core.path import split
from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec
from actors.testkit.effects import (
    Asked,
    Became,
    Deferred,
    Effect,
    Raised,
    Spawned,
    Stashed,
    Stopped,
    TimerSet,
    Told,
    Watched,
)
from actors.testkit.noting import Answers, HandlerContext
from actors.testkit.standins import HandlerCell, HandlerSystem, StandIn, StandInCell
from policies import Resume

A = TypeVar("A", bound=Agent)
E = TypeVar("E", bound=Effect)


@dataclass(frozen=True, slots=True, eq=False)
class HandlerRun(Generic[A]):
    """What came of one message; `again` sends the next one to the same instance.

    - `agent`: the instance, for a look at its state.
    - `message`: what it was sent.
    - `effects`: all that it did, in order; if it raised, that is the last.
    - `error`: what it raised, else None.
    - `failed`: whether its supervisor would have had to decide; not so for a `ReplyError` or a bad request.
    - `started`: what `__init__` and `on_start` did.
    """

    agent: A
    message: Any
    effects: tuple[Effect, ...]
    error: BaseException | None
    failed: bool
    started: tuple[Effect, ...]
    _cell: HandlerCell = field(repr=False)
    _ask: AgentFuture[Any] | None = field(repr=False)

    # -- what the asker gets ------------------------------------------------------

    @property
    def answer(self) -> Any:
        """What the asker has got by now; None where it has no answer, or an error."""
        ask = self._ask
        return ask.get() if ask is not None and ask.settled and ask._error is None else None

    @property
    def answered(self) -> bool:
        """Whether the asker has an answer or an error by now; not so for what is stashed or deferred."""
        return self._ask is not None and self._ask.settled

    # -- what was done ------------------------------------------------------------

    def of(self, kind: type[E]) -> tuple[E, ...]:
        """Give the effects of that kind, in order."""
        return tuple(effect for effect in self.effects if isinstance(effect, kind))

    @property
    def told(self) -> tuple[Told, ...]:
        """The messages it sent."""
        return self.of(Told)

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The messages it asked."""
        return self.of(Asked)

    @property
    def spawned(self) -> tuple[Spawned, ...]:
        """The agents it started."""
        return self.of(Spawned)

    @property
    def stopped(self) -> tuple[Stopped, ...]:
        """The agents it told to stop, itself among them."""
        return self.of(Stopped)

    @property
    def watched(self) -> tuple[Watched, ...]:
        """The agents it began to watch."""
        return self.of(Watched)

    @property
    def timers(self) -> tuple[TimerSet, ...]:
        """The timers it started."""
        return self.of(TimerSet)

    @property
    def stashed(self) -> bool:
        """Whether it put the message aside."""
        return bool(self.of(Stashed))

    @property
    def deferred(self) -> bool:
        """Whether it put the answer off."""
        return bool(self.of(Deferred))

    @property
    def became(self) -> tuple[Became, ...]:
        """The handlers it changed to."""
        return self.of(Became)

    # -- the next message ---------------------------------------------------------

    def again(self, message: Any, *, answers: Answers | None = None, asked: bool = True) -> HandlerRun[A]:
        """Send another message to the same instance, also after a failure, with the state that is there.

        `answers` replace those given before; None keeps them.
        """
        if answers is not None:
            _context(self._cell).answers = _check_answers(answers)
        return _send(self._cell, self.agent, message, asked, self.started)

    def __repr__(self) -> str:
        came = "raised" if self.error is not None else "answer"
        value = printed(self.answer if self.error is None else self.error, 80)
        return f"<HandlerRun {type(self.agent).__name__} {printed(self.message, 80)}: {came} {value}>"


def run_handler(
    agent: type[A],
    message: Any = NOTHING,
    *,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
    parent: AgentRef[Any] | None = None,
    peers: Iterable[AgentRef[Any]] = (),
    state: Mapping[str, Any] | None = None,
    answers: Answers | None = None,
    asked: bool = True,
    on_start: bool = True,
) -> HandlerRun[A]:
    """Make an agent and have it handle one message, on this thread; gives what it answered, did and raised.

    - `message`: none sends nothing, for a look at what `on_start` did.
    - `args`, `kwargs`: what `__init__` gets.
    - `name`, `parent`: who it is; without a parent it is a top-level agent.
    - `peers`: stand-ins that it finds with `system.find` and `system.select`. Those in arguments, in messages or as
      parent need not be among them; make them with `stand_in`.
    - `state`: attributes, set after the start and before the message.
    - `answers`: what the agents it asks answer, by path or by type of message (the type goes first, `object` is any).
      An exception is raised, a function is called with the message, anything else is the answer. An ask that is waited
      for without one raises HandlerTestError here, as does whatever else a handler test has not got.
    - `asked`: whether the message was asked; else it was told.
    - `on_start`: False skips it, and the declared children with it.

    Raises StartFailedError if `__init__` or `on_start` raises. Of agents of a running system, and of threads, nothing
    is noted: what the handler does with those, it really does.
    """
    parent_cell = None if parent is None else _check_stand_in("parent", parent)
    known = [ref for ref in peers if _check_stand_in("peers", ref)]
    spec = ChildSpec(agent, name, args, kwargs or {}, policy=Resume())
    system = HandlerSystem()
    above = parent_cell or system.guardian
    above.own_family()  # its supervisor is asked, and says to resume it
    cell = HandlerCell(system, above, name or system.make_name(agent), spec)
    context = cell.context = HandlerContext(cell, _check_answers(answers or {}))
    cell.incarnation = 1
    system.known = [*([] if parent is None else [parent]), cell.ref, *known]
    started = _start(cell, context, on_start)
    instance: Any = context.agent
    for attribute, value in (state or {}).items():
        setattr(instance, attribute, value)
    if message is NOTHING:
        return HandlerRun(instance, NOTHING, (), None, False, started, cell, None)
    return _send(cell, instance, message, asked, started)


@overload
def stand_in(path: str, *, alive: bool = True) -> AgentRef[Agent]: ...


@overload
def stand_in(path: str, agent: type[A], *, alive: bool = True) -> AgentRef[A]: ...


def stand_in(path: str, agent: type[Agent] = Agent, *, alive: bool = True) -> AgentRef[Any]:
    """Give a ref for the handlers under test: what they do with it is noted, no agent is behind it.

    `agent` is the class that its proxy is of. One that is not `alive` behaves as the ref of an agent that has ended.
    """
    names = split(path)
    if not names:
        raise ValueError(f"path: that of an agent, not {path!r}")
    system = HandlerSystem()
    cell: Cell = system.guardian
    for number, name in enumerate(names, 1):
        kind: type[Agent] = agent if number == len(names) else Agent
        cell = StandInCell(system, cell, name, ChildSpec(kind, name), False)
    if not alive and isinstance(cell, StandInCell):
        cell.leave()
    return cell.ref


def _start(cell: HandlerCell, context: HandlerContext, on_start: bool) -> tuple[Effect, ...]:
    error = begin(cell, None) if on_start else _construct_only(cell, context)
    _raise_refused(context)
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is not None:
        raise StartFailedError(cell.path, error) from error
    cell.give_back()
    return tuple(context.effects)


def _construct_only(cell: HandlerCell, context: HandlerContext) -> BaseException | None:
    try:
        run_code(context, "__init__", construct, context)
    except BaseException as error:
        return error
    cell.move(State.STARTING)
    context.bind()
    cell.move(State.RUNNING)
    return None


def _send(cell: HandlerCell, agent: Any, message: Any, asked: bool, started: tuple[Effect, ...]) -> HandlerRun[Any]:
    context = _context(cell)
    context.effects, context.raised = [], None
    failure = cell.failure
    ref: AgentRef[Any] = AgentRef(cell)
    ask: AgentFuture[Any] | None = None
    outer, here.context = here.context, None
    try:
        if asked:
            ask = ref.ask(message, block=False)
        else:
            ref.tell(message)
    finally:
        here.context = outer
    error = context.raised
    _raise_refused(context)
    if isinstance(error, KeyboardInterrupt):
        raise error
    if error is not None:
        context.note(Raised(error))
    return HandlerRun(agent, message, tuple(context.effects), error, cell.failure is not failure, started, cell, ask)


def _context(cell: HandlerCell) -> HandlerContext:
    context = cell.context
    assert isinstance(context, HandlerContext)
    return context


def _raise_refused(context: HandlerContext) -> None:
    refused, context.refused = context.refused, None
    if refused is not None:
        raise refused


def _check_stand_in(parameter: str, ref: object) -> Cell:
    if not isinstance(ref, StandIn):
        raise ValueError(f"{parameter}: made with stand_in, not {ref!r}")
    return ref._cell


def _check_answers(answers: Any) -> Answers:
    if not isinstance(answers, Mapping):
        raise ValueError(f"answers: a mapping of paths, or types of messages, to answers, not {answers!r}")
    for key in answers:
        if not isinstance(key, type):
            split(key)
    return answers
