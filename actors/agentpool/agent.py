"""What does one write for a pool to spawn?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from inspect import isasyncgen, iscoroutine, isgenerator
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.agent import Agent
from actors._core.errors import Cancelled, ReplyError, printed, said
from actors._core.mailbox import Late
from actors._core.messages import FrameworkMessage
from actors.agentpool.seat import Seat, seat_of
from actors.agentpool.values import POLICY
from actors.guard import Exhausted

if TYPE_CHECKING:
    from actors._core.context import Context, Handler
    from actors._core.spec import ChildSpec

Steps = Generator[Any, Any, Any]


class _Begin(FrameworkMessage):
    """Tells an incarnation to run its query."""

    __slots__ = ("query",)

    def __init__(self, query: Any) -> None:
        self.query = query

    def __repr__(self) -> str:
        return f"run({printed(self.query, 80)})"


class _GoOn(FrameworkMessage):
    """Tells an incarnation to go on with what it runs, because of `future` if that is not None."""

    __slots__ = ("future", "steps")

    def __init__(self, steps: Steps, future: Any) -> None:
        self.steps = steps
        self.future = future

    def __repr__(self) -> str:
        return "run, after a yield"


class _Resumed(FrameworkMessage):
    """Tells an incarnation whose work has failed, and that goes on all the same, that this was its result."""

    __slots__ = ("error", "incarnation")

    def __init__(self, incarnation: int, error: BaseException) -> None:
        self.incarnation = incarnation
        self.error = error


class PoolAgent(Agent):
    """An agent that does one piece of work in an AgentPool, and then ends: what `run` gives is its result.

    `run` may block. Where it is a generator, the agent handles its mailbox, with `on_receive`, at each `yield`:
    `yield` alone lets what waits go first, `answer = yield future` goes on when the future is settled, without a thread
    that waits for it. What `run` raises is a failure, so the pool's policy decides: a restart begins `run` again, after
    the messages that wait. `guard.Exhausted` is the end of the work and no failure, where the pool has a policy of its
    own. An agent that ends by itself before that has no value: it was stopped.
    """

    _seat: Seat | None = None
    _steps: Steps | None = None

    def run(self, query: Any) -> Any:
        """Do the work and give its value, or be a generator that does."""
        raise NotImplementedError(f"{type(self).__name__} has no run(query)")

    @property
    def seat(self) -> Seat:
        """What it has from its pool; raises RuntimeError where no pool has spawned it."""
        if self._seat is None:
            self._seat = seat_of(self.context)
        if self._seat is None:
            raise RuntimeError(f"{self.context.path} was not spawned by a pool, so it has no seat")
        return self._seat

    @property
    def _child_specs(self) -> Sequence[ChildSpec[Any]]:  # type: ignore[override]
        """No children; asked for by the kernel once `on_start` has succeeded, at each start: the time to begin."""
        seat = seat_of(self.context)
        if seat is not None:
            self.context.cell.queue_tick(Late(lambda: _Begin(seat.query)))
        return ()

    def _around(self, handler: Handler) -> Handler:
        around = super()._around(handler)

        def receive(message: Any) -> Any:
            if isinstance(message, _Begin):
                return self._guarded(self._begin)
            if isinstance(message, _GoOn):
                return self._guarded(lambda: self._go_on(message))
            if isinstance(message, _Resumed):
                return self._resumed(message)
            return around(message)

        return receive

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do a part of the work; where that raises, it is over, if the agent itself is not."""
        try:
            work()
        except BaseException as error:
            context = self.context
            given_up = isinstance(error, Cancelled) and (context.cancelled or self.seat.token.cancelled)
            if isinstance(error, ReplyError) or given_up:
                # To the kernel an answer: but nobody asked for this work, and it has come to its end.
                self._end_with(None, error)
                return
            if isinstance(error, Exhausted) and context.cell.known_policy is POLICY:
                # Another policy is asked what that means; by this one it is an end, like any other.
                logger.info("{} ran out: {}", context.path, said(error))
                self._end_with(None, error)
                return
            # Of no use to the next incarnation, if there is one: it runs the query again.
            number, raised = context.incarnation, error
            context.cell.queue_tick(Late(lambda: _Resumed(number, raised)))
            raise

    def _resumed(self, message: _Resumed) -> None:
        if message.incarnation == self.context.incarnation:
            self._end_with(None, message.error)

    def _begin(self) -> None:
        seat = self.seat
        if seat.pool.has_answer(seat):
            self.stop()  # an incarnation before this one gave it, and failed over a later message
            return
        result = self.run(seat.query)
        if iscoroutine(result) or isasyncgen(result):
            if iscoroutine(result):
                result.close()
            raise TypeError(f"{seat.path} was given an async function: a pool runs plain ones, and generators")
        if isgenerator(result):
            self._steps = result
            self._step(result, lambda: next(result))
        else:
            self._end_with(result)

    def _go_on(self, message: _GoOn) -> None:
        steps, future = message.steps, message.future
        if steps is not self._steps:
            return  # of an incarnation before this one
        if future is None:
            self._step(steps, lambda: next(steps))
            return
        try:
            value = future.get() if hasattr(future, "get") else future.result()
        except BaseException as error:
            raised = error
            self._step(steps, lambda: steps.throw(raised))
        else:
            self._step(steps, lambda: steps.send(value))

    def _step(self, steps: Steps, advance: Callable[[], Any]) -> None:
        """Run it until it yields or ends."""
        try:
            waits_for = advance()
        except StopIteration as end:
            self._end_with(end.value)
            return
        if waits_for is None:
            self.context.cell.queue_tick(Late(lambda: _GoOn(steps, None)))
        elif hasattr(waits_for, "add_done_callback"):
            context = self.context
            waits_for.add_done_callback(lambda *_: _wake(context, steps, waits_for))
        else:
            raise TypeError(f"run yields None or a future, not {waits_for!r:.200}")

    def _end_with(self, value: Any, error: BaseException | None = None) -> None:
        self._steps = None
        if self.context.is_current and self.seat.pool.note_answer(self.seat, value, error):
            self.stop()


def _wake(context: Context, steps: Steps, future: Any) -> None:
    """On the thread that settles the future: have the agent go on, if it is still the same incarnation."""
    if context.is_current:
        context.cell.queue_tick(Late(lambda: _GoOn(steps, future)))


class FunctionAgent(PoolAgent):
    """An agent whose work is a function of the query; `current_seat()` gives it the seat."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs

    def run(self, query: Any) -> Any:
        return self._function(query, *self._args, **self._kwargs)
