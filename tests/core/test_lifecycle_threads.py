"""What do the threads of a pool and of a clock do at the moments at which one gives way to another?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from actors._core import dispatcher
from actors._core.clock import SystemClock, Timer
from actors._core.dispatcher import Pool, Worker
from actors.testkit import Gate
from tests.core.helpers import PATIENCE


class Task:
    """Does something, and says that it has been done."""

    def __init__(self, act: Callable[[], Any] = lambda: None) -> None:
        self._act = act
        self._done = threading.Event()

    def run(self) -> None:
        self._act()
        self._done.set()

    def wait(self) -> None:
        assert self._done.wait(PATIENCE), "it was never run"

    @property
    def is_done(self) -> bool:
        return self._done.is_set()


def close(pool: Pool) -> None:
    """End the pool and see that no thread of it is left."""
    pool.close()
    for worker in [thread for thread in threading.enumerate() if isinstance(thread, Worker) and thread.pool is pool]:
        worker.join(PATIENCE)
        assert not worker.is_alive()


# -- the pool --------------------------------------------------------------------


def test_a_task_that_comes_as_the_last_thread_is_about_to_leave_is_run_by_that_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "_IDLE_SECONDS", 0.01)
    late = Task()

    class LatePool(Pool):
        """Gets a task when its thread has found none, and before it leaves."""

        def retire(self, worker: Worker) -> bool:
            if not late.is_done:
                self.tasks.put(late)
            return super().retire(worker)

    pool = LatePool("late")
    pool.put(Task())
    late.wait()
    assert pool._started == 1
    close(pool)


def test_a_thread_that_has_had_nothing_to_do_for_long_leaves_and_a_later_task_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "_IDLE_SECONDS", 0.01)
    gone = threading.Event()

    class Watched(Pool):
        def forget(self, worker: Worker) -> None:
            super().forget(worker)
            gone.set()

    pool, later = Watched("idle"), Task()
    pool.put(Task())
    assert gone.wait(PATIENCE)
    pool.put(later)
    later.wait()
    assert pool._started >= 2
    close(pool)


def test_a_task_that_comes_as_the_monitor_falls_asleep_is_noticed_although_all_threads_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "_QUIET_TICKS", 1)
    late = Task()

    class Dozing(Pool):
        """Gets a task when its monitor has seen nothing to do, and before that is said."""

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "_armed" and not value and "_armed" in self.__dict__:
                gate.reached()
                self._most = 2
                self.put(late)
            super().__setattr__(name, value)

    gate = Gate()
    pool = Dozing("dozing", most=1)
    hanging = Task(gate.wait)
    pool.put(hanging)
    late.wait()
    assert not hanging.is_done
    gate.open()
    close(pool)


def test_a_pool_that_gets_no_more_threads_says_so_once_and_goes_on_with_those_it_has() -> None:
    gate, waiting, more = Gate(), Task(), Task()
    start = threading.Thread.start
    refused = threading.Semaphore(0)
    lines: list[str] = []

    def refuse(thread: threading.Thread) -> None:
        if type(thread) is Worker:
            refused.release()
            raise RuntimeError("can't start new thread")
        start(thread)

    pool = Pool("few")
    pool.put(Task(gate.wait))
    gate.reached()
    sink = logger.add(lambda line: lines.append(str(line)), format="{message}")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        pool.put(waiting)
        for _ in range(3):
            assert refused.acquire(timeout=PATIENCE)
        assert not waiting.is_done
        gate.open()
        waiting.wait()
    logger.remove(sink)
    assert [line.strip() for line in lines] == ["few: no thread beyond the 1 there are: can't start new thread"]
    pool.put(more)
    more.wait()
    close(pool)


def test_a_closed_pool_starts_no_thread_whatever_is_put_or_about_to_block() -> None:
    pool, task = Pool("closed"), Task()
    close(pool)
    pool.put(task)
    pool.make_room()
    assert pool.threads == 0
    assert not task.is_done


# -- the clock -------------------------------------------------------------------


def test_a_timer_that_is_cancelled_before_it_fires_does_nothing_then() -> None:
    calls: list[str] = []
    timer, other = Timer(1.0, lambda: calls.append("cancelled")), Timer(1.0, lambda: calls.append("fired"))
    timer.cancel()
    for _ in range(2):
        timer.fire()
        other.fire()
    assert calls == ["fired"]


def test_a_clock_that_was_closed_calls_nobody_any_more() -> None:
    clock = SystemClock("closed")
    called = threading.Event()
    clock.call_at(clock.now(), called.set)
    assert called.wait(PATIENCE)
    clock.close()
    timer = clock.call_at(clock.now(), called.clear)
    assert timer.callback is None
    assert called.is_set()
    clock.close()


def test_a_clock_skips_what_was_cancelled_and_keeps_the_order_of_the_rest() -> None:
    clock = SystemClock("order")
    gate, calls, done = Gate(), [], threading.Event()
    clock.call_at(clock.now(), gate.wait)
    gate.reached()
    soon = clock.now()
    for name in ("first", "cancelled", "second"):
        timer = clock.call_at(soon, lambda name=name: calls.append(name))  # type: ignore[misc]
        if name == "cancelled":
            timer.cancel()
    clock.call_at(soon + 0.001, done.set)
    gate.open()
    assert done.wait(PATIENCE)
    assert calls == ["first", "second"]
    clock.close()


def test_a_clock_may_be_closed_by_what_it_calls() -> None:
    clock = SystemClock("own")
    closed, late = threading.Event(), threading.Event()

    def close() -> None:
        clock.close()
        closed.set()

    clock.call_at(clock.now() + 0.05, late.set)
    clock.call_at(clock.now(), close)
    assert closed.wait(PATIENCE)
    assert not late.is_set()
