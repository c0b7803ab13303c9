"""What if time passed only when a test says so?"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors._core.checks import is_seconds
from actors._core.clock import FEW, Heap, Timer, Waited, drop_cancelled
from actors._core.dispatcher import OwnThread, Pool
from actors._core.here import here
from actors.testkit.activity import Activity, CountedPool, CountedThread, Work
from actors.testkit.waiting import PATIENCE, wait

DAY = 86_400.0


class VirtualClock:
    """A clock that stands still until it is advanced; give it to a system, or to several, as their `clock`.

    Limits, backoff, timers, deadlines and timeouts of those systems go by it, while their agents run on real threads,
    as ever. It knows what these still have to do, so a test need not guess when they have done it: `settle` waits for
    that. Three things are not seen, and so not waited for: what other threads than the agents' do, an agent that
    another thread's ask has answered on that thread, and work given away to executors or event loops. `system.wait` and
    `get` of a future that is no ask go by real seconds.

    A system that is stopped waits for what hangs in it until the clock has been advanced to the end of its time: by
    another thread, or by the system itself if it is a `CheckedSystem`. May be used on any thread.
    """

    def __init__(self, start: float = 0.0) -> None:
        if not is_seconds(start):
            raise ValueError(f"start: seconds, 0 or more, not {start!r}")
        self._now = start
        self._heap: Heap = []
        self._tie = itertools.count()
        self._cancelled = 0  # since the heap was last cleared of them, roughly
        self._activity = Activity()
        # Guards the time and the heap; no callback under it.
        self._lock = threading.Lock()

    # -- time ---------------------------------------------------------------------

    def now(self) -> float:
        """Give the virtual time, in seconds."""
        return self._now

    @property
    def next_due(self) -> float | None:
        """When the next timer falls due, in virtual seconds; None if none stands."""
        with self._lock:
            self._drop_cancelled()
            return self._heap[0][0] if self._heap else None

    def advance(self, seconds: float, settle: bool = False, within: float | None = None) -> None:
        """Let time pass: what falls due is called on this thread, in order, each at its own time.

        With `settle`, the agents have done all they can before the first of these, after each, and at the end, so that
        what they start on the way falls due on the way; see `settle`. Without, the agents begin what they are told
        while time passes, and this does not wait for them.
        """
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        until = self._now + seconds
        if settle:
            self.settle(within)
        while self._call_next(until):
            if settle:
                self.settle(within)
        self._pass_to(until)

    def settle(self, within: float | None = None) -> None:
        """Wait until the agents have nothing left to do at the present time; blocks, without polling.

        An agent that waits in the kernel, for an answer, for room in a mailbox, for a child, at a gate or for any
        `AgentFuture`, has nothing left to do until that comes; nor has an abandoned one. An agent that blocks on
        anything else is busy: after `within` real seconds (by default `PATIENCE`, see `dilation`) this raises an
        AssertionError with the stacks of the busy agents. Raises RuntimeError where an agent calls it.
        """
        if within is not None and not is_seconds(within):
            raise ValueError(f"within: seconds, 0 or more, or None, not {within!r}")
        if isinstance(here.work, Work) and here.work.activity is self._activity:
            raise RuntimeError("an agent cannot wait until all agents have nothing left to do")
        seconds = PATIENCE if within is None else within
        if not wait(self._activity.quiet(), seconds):
            busy = self._activity.describe()
            raise AssertionError(f"after {seconds:g} s the agents still had something to do at {self!r}:\n{busy}")

    def run_until_idle(self, limit: float = DAY, within: float | None = None) -> float:
        """Let the agents do what they can, then go on to the next timer, and so on until none stands.

        Gives the virtual seconds that have passed. A timer that repeats, as a receive timeout does, never ends: then
        this stops `limit` virtual seconds from now. Timers that would find nothing to do, such as the one over a
        deadline that was kept, are not waited for. Settles as `settle` does, `within` real seconds each time.
        """
        if not is_seconds(limit):
            raise ValueError(f"limit: seconds, 0 or more, not {limit!r}")
        begun = self._now
        self.settle(within)
        while self._has_more and self._call_next(begun + limit):
            self.settle(within)
        if self._has_more:
            self._pass_to(begun + limit)
        return self._now - begun

    # -- for a system -------------------------------------------------------------

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back when the clock has been advanced to `when`."""
        timer = Timer(when, callback, self)
        with self._lock:
            heapq.heappush(self._heap, (when, next(self._tie), timer))
        return timer

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """Wait until `future` is settled, or give False once the clock has been advanced to `deadline`."""
        if here.work is None:
            return self._wait(future, deadline, _nothing)
        with here.work.waits_for(future) as over:
            return self._wait(future, deadline, over)

    def close(self) -> None:
        """Forget all timers, of all systems."""
        with self._lock:
            self._heap.clear()

    def for_system(self, name: str) -> SystemShare:
        """Give one system its share of this clock."""
        return SystemShare(self, name)

    def make_pool(self, name: str) -> Pool:
        """Give a system threads of which the clock knows what they have to do."""
        return CountedPool(name, self._activity)

    def make_own_thread(self, name: str) -> OwnThread:
        """Give an agent a thread of its own, likewise."""
        return CountedThread(name, self._activity)

    def forget(self, share: SystemShare) -> None:
        """Forget the timers of one system."""
        with self._lock:
            self._heap[:] = [entry for entry in self._heap if entry[2].keeper is not share]
            heapq.heapify(self._heap)

    def note_cancelled(self) -> None:
        """Called by a timer that is cancelled: once they are more than half of all, they are let go."""
        self._cancelled += 1
        if self._cancelled > FEW and self._cancelled * 2 > len(self._heap):
            with self._lock:
                self._cancelled = 0
                drop_cancelled(self._heap)

    # -- inside -------------------------------------------------------------------

    def _wait(self, future: Waited, deadline: float | None, over: Callable[[], None]) -> bool:
        if deadline is None:
            with future.gate:
                return True
        woken = threading.Event()

        def wake() -> None:
            over()
            woken.set()

        future.add_done_callback(woken.set)
        timer = self.call_at(deadline, wake)
        if deadline <= self._now:
            woken.set()
        woken.wait()
        timer.cancel()
        return future.settled

    def _call_next(self, until: float) -> bool:
        """Go on to the next timer that is due by then, and call it; False if there is none."""
        # Taken and called as one piece of work: nobody finds everything settled in between.
        with self._at_work():
            timer = self._take_next(until)
            if timer is None:
                return False
            timer.fire()
            self._activity.leave_orphans()
            return True

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        work = self._activity.take(_TIMER)
        try:
            yield
        finally:
            self._activity.drop(work)

    def _take_next(self, until: float) -> Timer | None:
        with self._lock:
            self._drop_cancelled()
            if not self._heap or self._heap[0][0] > until:
                return None
            when, _, timer = heapq.heappop(self._heap)
            self._now = max(self._now, when)
            return timer

    def _pass_to(self, when: float) -> None:
        with self._lock:
            self._now = max(self._now, when)

    @property
    def _has_more(self) -> bool:
        """Whether a timer stands that would do something, as far as can be told now."""
        with self._lock:
            self._drop_cancelled()
            if self._heap and self._heap[0][2].moot is None:
                return True
            timers = [timer for _, _, timer in self._heap]
        return any(timer.callback is not None and (timer.moot is None or not timer.moot()) for timer in timers)

    def _drop_cancelled(self) -> None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)

    def __repr__(self) -> str:
        return f"<VirtualClock {self._now:g} s>"


class SystemShare:
    """What one system has of a clock that others may use, too: when the system closes it, only its timers go."""

    def __init__(self, clock: VirtualClock, name: str) -> None:
        self.clock = clock
        self._name = name
        self._closed = False
        self.now = clock.now
        self.make_pool = clock.make_pool
        self.make_own_thread = clock.make_own_thread
        self.note_cancelled = clock.note_cancelled

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """As of the clock; once the system has ended, nothing is called any more."""
        timer = self.clock.call_at(when, callback)
        timer.keeper = self
        if self._closed:
            timer.cancel()
        return timer

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """As of the clock."""
        return self.clock.wait(future, deadline)

    def close(self) -> None:
        """Forget the timers of this system."""
        self._closed = True
        self.clock.forget(self)

    def __repr__(self) -> str:
        return f"{self.clock!r} of {self._name}"


class _Timers:
    """The work of a clock: it is done as it is called, by whoever advances the clock."""

    path = "a timer"

    def run(self) -> None:
        """Nothing is left to do."""


_TIMER = _Timers()


def _nothing() -> None:
    return
