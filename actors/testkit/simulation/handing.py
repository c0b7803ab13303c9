"""How do many threads hand the run from one to the next, so that only one of them goes on?

Whoever is `current` has the run. It makes another one current and wakes it, and then parks. A thread that waits keeps
its stack, so code that blocks needs no change.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from threading import get_ident
from types import FrameType
from typing import Any

from actors._core.frames import current_frames
from actors._core.here import fence, here
from actors.testkit.simulation.errors import SimulationError
from actors.testkit.simulation.strands import Strand, Unwind

Chosen = Strand | Callable[[], None]  # a thread that goes on, or something new to be run

_REPEATED = 100  # times that code may ignore that its simulation is over
_LOOK_SECONDS = 0.2  # in which Ctrl-C is noticed at the latest, if it comes right before the test's thread parks
_JOIN_SECONDS = 1.0  # for a thread of a simulation that was given up


class Handing:
    """The threads of one simulation: the test's own, `main`, and those that carry tasks, made as they are needed."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.steps = 0
        self.tracer: Callable[..., Any] | None = None
        self.closing = False
        self.broken = False  # some thread has the run and does not give it back
        self.spoilt = False  # a thread that had not the run has left something half done
        self._interrupted = False
        self._strands: list[Strand] = []
        self._idle: list[Strand] = []
        self.main = Strand("test")
        self.main.thread = threading.current_thread()
        self.main.ident = get_ident()
        self.current = self.main

    def choose(self, strand: Strand) -> Chosen:
        """Choose who goes on, on the thread of the strand that cannot, or that others may overtake."""
        raise NotImplementedError  # pragma: no cover - `Scheduler` does it

    # -- from the first to the last -------------------------------------------------

    def begin(self) -> None:
        """Make the calling thread the simulation's first."""
        if here.scheduler is not None:
            raise SimulationError("a simulation runs on this thread: end that first")
        here.scheduler = self  # type: ignore[assignment]
        fence.up()

    def end(self) -> None:
        """End every other thread; the calling thread is an ordinary one again. Raises what it was still to be told."""
        self.closing = True
        self.tracer = None
        hanging = self.current if self.broken else None
        try:
            for strand in [strand for strand in self._strands if strand not in self._idle and strand is not hanging]:
                self._end(strand)
        finally:
            for strand in self._idle:
                strand.job = None
                strand.parked.release()
                assert strand.thread is not None
                strand.thread.join()
            self._idle.clear()
            here.scheduler = None
            fence.down()
        failure, self.main.failure = self.main.failure, None
        if failure is not None:
            raise failure

    def _end(self, strand: Strand) -> None:
        """Wake a thread to an exception; it runs to its end and gives the run back."""
        if not self.broken:
            self._hand_to(strand)
            self._park(self.main)
        else:
            # Nobody gives anything back any more: each is let go, and left behind if it does not end.
            self._hand_to(strand)
            assert strand.thread is not None
            strand.thread.join(_JOIN_SECONDS)

    @property
    def is_outside(self) -> bool:
        """Whether the calling thread is the test's own, and runs no agent."""
        return self.main.ident == get_ident() and here.context is None

    # -- from one to the next -------------------------------------------------------

    def mine(self) -> Strand:
        """Give the strand of the calling thread, which has the run; raises where it has not."""
        strand = self.current
        if strand.ident == get_ident():
            return strand
        if self.broken:
            if get_ident() != self.main.ident:
                raise Unwind
            raise SimulationError("this simulation was given up")
        error = SimulationError(
            f"{threading.current_thread().name} is no thread of this simulation: what a handler starts by itself "
            "(a thread, an executor) cannot be simulated, and a simulation is used on the thread that made it"
        )
        if not self.closing:
            self.spoilt = True
            self.fail(error)  # nobody may be there to see it on that thread
        raise error

    def fail(self, error: BaseException) -> None:
        """Have the test's own thread raise this."""
        self.main.failure = error

    def give_on(self, strand: Strand) -> None:
        """Let the others run until this strand is chosen; its thread calls."""
        chosen = self.choose(strand)
        if chosen is strand:
            return
        try:
            self._go_on_with(chosen)
            self._park(strand)
        except KeyboardInterrupt:
            # Only here does Ctrl-C find the test's thread without the run.
            self._interrupt()
            self._park(strand)

    def _go_on_with(self, chosen: Chosen) -> None:
        if isinstance(chosen, Strand):
            self._hand_to(chosen)
            return
        strand = self._idle.pop() if self._idle else self._new_strand()
        strand.job = chosen
        self._hand_to(strand)

    def _hand_to(self, strand: Strand) -> None:
        self.current = strand
        try:
            strand.parked.release()
        except RuntimeError:
            # The test's thread has found that it is current before it was woken, see `_park_main`.
            assert strand is self.main

    def _park(self, strand: Strand) -> None:
        if strand is not self.main:
            strand.parked.acquire()
            self._set_tracer(strand)
            if self.closing:
                self.unwind(strand)
        else:
            self._park_main(strand)

    def _park_main(self, strand: Strand) -> None:
        # Ctrl-C may come after the lock was taken and before anybody knows: what counts is who is current, and the lock
        # only wakes this thread, perhaps for nothing. It is also the one that notices when the others come to nothing.
        seen, since = self.steps, time.monotonic()
        while self.current is not strand:
            try:
                woken = strand.parked.acquire(timeout=min(self._patience, _LOOK_SECONDS))
            except KeyboardInterrupt:
                self._interrupt()
                continue
            if woken:
                continue
            if seen != self.steps:
                seen, since = self.steps, time.monotonic()
            elif time.monotonic() >= since + self._patience:
                self.broken = self.closing = True
                raise SimulationError(
                    f"{self.current.label} has been running for {self._patience:g} s without a step: it computes, or "
                    f"blocks on what is not the library's\n{_stack_of(self.current)}"
                )

    def _interrupt(self) -> None:
        """The first Ctrl-C is raised once the test has the run again; a second one does not wait for that."""
        if self._interrupted:
            self.broken = self.closing = True
            raise KeyboardInterrupt
        self._interrupted = True
        self.fail(KeyboardInterrupt())

    def unwind(self, strand: Strand) -> None:
        """Have a thread that goes on although the simulation is over leave what it is in."""
        if strand is self.main:
            return
        strand.unwound += 1
        if strand.unwound > _REPEATED:
            self._hand_to(self.main)
            strand.parked.acquire()
        raise Unwind

    # -- the threads that carry tasks -----------------------------------------------

    def _new_strand(self) -> Strand:
        strand = Strand("")
        name = f"simulation-{len(self._strands) + 1}"
        strand.thread = threading.Thread(target=self._carry, args=(strand,), name=name, daemon=True)
        strand.thread.start()
        strand.ident = strand.thread.ident
        self._strands.append(strand)
        return strand

    def _carry(self, strand: Strand) -> None:
        """Run tasks, one after the other, on this thread; park while there is none for it."""
        here.scheduler = self  # type: ignore[assignment]
        strand.parked.acquire()
        while (job := strand.job) is not None:
            strand.take(job)
            self._set_tracer(strand)
            try:
                job()
            except Unwind:
                pass
            except BaseException as error:
                if not self.closing:
                    self.fail(error)
            del job
            strand.clear()
            if strand.traced:
                sys.settrace(strand.outer_tracer)
                strand.traced = False
            if self.broken:
                return
            chosen = self.main if self.closing else self.choose(strand)
            if not isinstance(chosen, Strand):
                strand.job = chosen
                continue
            self._idle.append(strand)
            self._hand_to(chosen)
            strand.parked.acquire()

    def _set_tracer(self, strand: Strand) -> None:
        if self.tracer is not None and not strand.traced:
            strand.outer_tracer = sys.gettrace()
            sys.settrace(self.tracer)
            strand.traced = True
            frame: FrameType | None = sys._getframe(1)
            while frame is not None:  # what it has begun already, too
                frame.f_trace = self.tracer(frame, "call", None) or frame.f_trace
                frame = frame.f_back
        elif self.tracer is None and strand.traced:
            sys.settrace(strand.outer_tracer)
            strand.traced = False


def _stack_of(strand: Strand) -> str:
    frame = current_frames().get(strand.ident or 0)
    return "" if frame is None else "".join(traceback.format_stack(frame))
