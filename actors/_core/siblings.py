"""How do the children of one agent go down and come up together?

Where a strategy takes siblings along, the whole group is halted in reverse start order and started in start order, on
the lane of its family: one command after the other, each waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core.commands import Halt, Start, State, Stop
from actors._core.dispatcher import Job
from actors._core.future import Ask
from actors._core.messages import StopReason
from actors._core.restarts import Restarts
from policies import Failure, RestartType, Strategy

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Siblings:
    """The part of a family that restarts groups; used on its lane only."""

    __slots__ = ()

    cell: Cell
    closed: bool
    _restarts: Restarts

    def live(self) -> list[Cell]:
        """Give the cells of the children that are not down, in start order."""
        raise NotImplementedError  # pragma: no cover - `Family` does it

    def submit(self, job: Callable[[], None]) -> None:
        """Have the job done on the lane."""
        raise NotImplementedError  # pragma: no cover - `Family` does it

    @property
    def _strategy(self) -> Strategy:
        return self.cell.family_strategy

    def _restart_group(self, failed: Cell, failure: Failure, delay: float) -> None:
        """Stop the affected siblings in reverse start order, then start them again in order."""
        live = {child.name: child for child in self.live()}
        if live.get(failed.name) is not failed:
            return
        affected = [live[name] for name in self._strategy.affected(list(live), failed.name)]
        for child in reversed(affected):
            if self.closed:
                return
            if child is failed:
                self._and_wait(child, Halt(failure, delay))
            elif child.spec.restart is RestartType.TEMPORARY:
                self._and_wait(child, Stop(StopReason.SHUTDOWN))
            else:
                self._and_wait(child, Halt(None))
        if delay:
            clock = self.cell.system.clock
            start = partial(self.submit, partial(self._start_when_due, failed, failure, self._restarts))
            clock.call_at(clock.now() + delay, lambda: self.cell.system.pool.put(Job(start)))
        else:
            self._start_group(failed, failure)

    def _start_when_due(self, failed: Cell, failure: Failure, restarts: Restarts) -> None:
        if restarts is self._restarts:  # not if the parent has been restarted, and has other children now
            self._start_group(failed, failure)

    def _start_group(self, failed: Cell | None, failure: Failure | None) -> None:
        """Start what is halted, in start order; the first that does not start is judged, and decides about the rest."""
        children = self.live()
        # Their time has yet to come, and brings up those who wait for them, too.
        early = [
            child
            for child in children
            if child.state is State.BACKING_OFF and not (child is failed and child.failure is failure)
        ]
        for child in children:
            if self.closed or child in early or (early and self._strategy is Strategy.ONE_FOR_ALL):
                return
            if child.state not in (State.HALTED, State.BACKING_OFF):
                continue
            if self._and_wait(child, Start(failure if child is failed else None)) is not None:
                return

    def _and_wait(self, child: Cell, command: Any) -> Any:
        done: Ask[Any] = Ask(None, child, None, None)
        command.done = done
        child.post(command, None if isinstance(command, Start) else child.spec.shutdown_seconds)
        self.cell.system.pool.make_room()
        return done.wait_quietly()
