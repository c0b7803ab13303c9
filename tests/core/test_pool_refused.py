"""What does the pool do while the machine gives it no more threads?"""

import threading

import pytest

from actors._core.dispatcher import Pool, Worker
from tests.core.helpers import PATIENCE


class Done:
    """A task that says when it has been run."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def run(self) -> None:
        self.done.set()


def refuse(monkeypatch: pytest.MonkeyPatch, kind: type[threading.Thread]) -> None:
    """Let no thread of exactly that kind be started."""
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if type(thread) is kind:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)


def test_a_pool_that_gets_no_monitor_works_and_gets_one_with_a_later_task() -> None:
    pool, first, second = Pool("pool"), Done(), Done()
    with pytest.MonkeyPatch.context() as patched:
        refuse(patched, threading.Thread)
        pool.put(first)
        assert first.done.wait(PATIENCE)
        assert pool._monitor is None
    pool.put(second)
    assert second.done.wait(PATIENCE)
    pool.close()


def test_a_pool_that_gets_no_thread_runs_its_tasks_once_it_gets_one() -> None:
    pool, first, second = Pool("pool"), Done(), Done()
    with pytest.MonkeyPatch.context() as patched:
        refuse(patched, Worker)
        pool.put(first)
        assert pool.threads == 0
    pool.put(second)
    assert first.done.wait(PATIENCE)
    assert second.done.wait(PATIENCE)
    pool.close()
