"""Who starts and retires the routees of a pool?"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.dispatcher import Job
from actors._core.errors import AgentStoppedError, NameTakenError
from actors._core.here import here
from actors._core.messages import StopReason
from actors.routing.resizing import Resizer
from actors.routing.roster import Register

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context
    from actors._core.spec import ChildSpec


class Sizing:
    """The size of one pool. One thread at a time changes it, for all that want that; nobody waits for it."""

    __slots__ = ("_busy", "_jobs", "_may_look", "_next_number", "_register", "_retired", "_started", "resizer", "spec")

    def __init__(self, register: Register, started: Callable[[], None]) -> None:
        self.spec: ChildSpec[Any] | None = None  # of a routee, but for its name
        self.resizer: Resizer | None = None
        self._register = register
        self._started = started  # called after each start
        self._retired: set[Cell] = set()  # and have not ended
        self._next_number = itertools.count(1).__next__
        self._may_look: list[None] = [None]  # whoever pops it has the size changed, and then puts it back
        self._jobs: deque[Callable[[], None]] = deque()
        # Held by the thread that changes the size; never waited for.
        self._busy = threading.Lock()

    def spec_of(self, number: int) -> ChildSpec[Any]:
        """Give the spec of one of the routees, which are counted from 1."""
        spec = self.spec
        assert spec is not None
        return replace(spec, name=f"{spec.name or spec.agent.__name__}-{number}")

    # -- as it is told ------------------------------------------------------------

    def resize(self, size: int) -> None:
        """Have so many routees, here and now, unless a thread is at it already; raises what a start raises."""
        errors: list[BaseException] = []
        self._submit(partial(self._fit, size, errors))
        if errors:
            raise errors[0]

    def _submit(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        while self._jobs and self._busy.acquire(False):
            try:
                while self._jobs:
                    self._jobs.popleft()()
            finally:
                self._busy.release()

    def _fit(self, size: int, errors: list[BaseException]) -> None:
        """Raises nothing: the thread may be that of somebody else."""
        try:
            while not self._start_and_retire(size):
                continue
        except BaseException as error:
            errors.append(error)

    def _start_and_retire(self, size: int) -> bool:
        """Do so; False where the pool has been restarted meanwhile, and has other routees than those counted here."""
        register = self._register
        cell = register.cell
        incarnation = cell.incarnation
        if not (register.is_up or self._is_at_its_start(here.context)):
            raise AgentStoppedError(f"{cell.path} is being restarted", path=cell.path)
        routees = register.renew().routees
        for _ in range(size - len(routees)):
            self._start_one()
            if cell.incarnation != incarnation:
                return False
        for routee in reversed(routees[size:]):
            self._retired.add(routee.cell)
            routee.retire()
        return cell.incarnation == incarnation

    def _is_at_its_start(self, context: Context | None) -> bool:
        """Whether the pool's own code has the size changed, before its start is over."""
        return context is not None and context is self._register.cell.context and not context.ending

    def _start_one(self) -> None:
        register = self._register
        while True:
            # The lowest number that is free: so that what belongs to a name comes back to it.
            taken = {name for name, _ in register.family.entries()}
            specs = (self.spec_of(number) for number in itertools.count(1))
            spec = next(spec for spec in specs if spec.name not in taken)
            try:
                register.cell.start_child(spec, spec.name, kept=True)
            except NameTakenError:
                continue  # just now, by the next incarnation of the pool or with start_child
            self._started()
            return

    def retire_all(self) -> None:
        """Have all routees end behind what they have."""
        for routee in reversed(self._register.renew().routees):
            self._retired.add(routee.cell)
            routee.retire()

    def forget(self, child: Cell, reason: StopReason) -> bool:
        """A child has ended: forget its spec, unless somebody terminated it; tells whether it was retired."""
        retired = child in self._retired
        self._retired.discard(child)
        if retired or reason is not StopReason.SHUTDOWN:
            self._register.family.delete(child.name)
        return retired

    # -- as the resizer says ------------------------------------------------------

    def count(self) -> None:
        """A message is about to be sent: look at the size, if it is time for that."""
        assert self.resizer is not None
        if self._next_number() % self.resizer.every == 0:
            self.look()

    def look(self) -> None:
        """Ask the resizer, and have done what it says on another thread."""
        resizer = self.resizer
        assert resizer is not None
        messages = [routee.messages for routee in self._register.present().routees]
        wanted = resizer.decide(len(messages), sum(map(bool, messages)), sum(messages))
        if wanted == len(messages):
            return
        try:
            self._may_look.pop()
        except IndexError:
            return  # somebody is at it
        self._register.cell.system.pool.put(Job(partial(self._resize_aside, wanted)))

    def _resize_aside(self, size: int) -> None:
        try:
            self.resize(size)
        except AgentStoppedError:
            return  # the pool ends, or is restarted
        except Exception as error:
            path = self._register.cell.path
            logger.opt(exception=error).error("{} could not be resized to {}", path, size)
        finally:
            self._may_look.append(None)
