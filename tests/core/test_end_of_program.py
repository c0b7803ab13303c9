"""What becomes of a system that its program forgets to stop?"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from actors import ActorSystem, Agent, Clock
from actors._core.clock import SystemClock
from actors._core.dispatcher import Pool
from actors.testkit import VirtualClock
from tests.core.doer import Doer

PROGRAM = """
import threading
from actors import ActorSystem, Agent, ChildSpec

hangs = threading.Event()

class Talker(Agent):
    def on_receive(self, message):
        if message == "hang":
            hangs.set()
            threading.Event().wait(60)
        return message

    def on_stop(self):
        print("stopped", self.context.name, flush=True)

system = ActorSystem("forgotten")
first = system.spawn(Talker, name="first")
print(first.ask("hello"), flush=True)
second = system.spawn(ChildSpec(Talker, name="second", shutdown=0.1))
if {hang}:
    second.tell("hang")
    assert hangs.wait(10)
print("end of main", flush=True)
"""


@pytest.mark.parametrize(
    ("hang", "expected"),
    [
        pytest.param(False, ["stopped second", "stopped first"], id="idle"),
        pytest.param(True, ["stopped first"], id="with-a-handler-that-hangs"),
    ],
)
def test_a_forgotten_system_is_stopped_in_order_as_the_program_ends(
    packages_folder: Path, hang: bool, expected: list[str]
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(hang=hang)],
        env={"PYTHONPATH": str(packages_folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=True,
    )
    assert ran.stdout.splitlines() == ["hello", "end of main", *expected]
    assert ran.stderr == ""


class _NoThread:
    """Stands for `threading.Thread` in an interpreter that starts none any more."""

    def __init__(self, **_: object) -> None: ...

    def start(self) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")


def test_a_clock_without_a_thread_fires_what_is_due_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Thread", _NoThread)
    clock = SystemClock("ending")
    fired: list[str] = []
    clock.call_at(time.monotonic(), lambda: fired.append("due"))
    clock.call_at(time.monotonic() + 3600.0, lambda: fired.append("not due"))
    clock.fire_due()
    assert fired == ["due"]
    clock.close()
    clock.fire_due()
    assert fired == ["due"]


def test_a_clock_with_a_thread_leaves_its_timers_to_that() -> None:
    clock = SystemClock("going")
    threads: list[str] = []
    fired = threading.Event()

    def fire() -> None:
        threads.append(threading.current_thread().name)
        fired.set()

    clock.call_at(time.monotonic(), fire)
    clock.fire_due()
    assert fired.wait(10)
    assert threads == ["going-clock"]
    clock.close()


def test_who_waits_in_a_helped_pool_runs_its_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool("ending")
    pool.helped = True
    ran: list[str] = []
    looks: list[None] = []

    class Task:
        def run(self) -> None:
            ran.append(threading.current_thread().name)

    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", _NoThread.start)
        pool.put(Task())
        pool.tasks.put(None)
        pool.help_until(lambda: bool(ran) and len(looks) > 3, lambda: looks.append(None))
    assert ran == [threading.current_thread().name]
    pool.close()


@pytest.mark.parametrize("clock", [None, VirtualClock()], ids=["own-clock", "virtual-clock"])
def test_a_helped_system_stops_without_any_thread_of_its_own(
    monkeypatch: pytest.MonkeyPatch, clock: Clock | None
) -> None:
    stopped: list[str] = []

    class Last(Agent):
        def on_stop(self) -> None:
            stopped.append(threading.current_thread().name)

    system = ActorSystem("ending", clock=clock)
    system.spawn(Last)
    system.spawn(Doer)
    system.pool.helped = True
    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", _NoThread.start)
        report = system.stop(timeout=5.0)
    assert stopped == [threading.current_thread().name]
    assert report.abandoned == ()


def test_a_helped_pool_says_nothing_of_a_monitor_that_it_cannot_have(
    monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    pool = Pool("ending")
    began, go_on = threading.Event(), threading.Event()

    class Task:
        def run(self) -> None:
            began.set()
            assert go_on.wait(10)

    class Nothing:
        def run(self) -> None:
            return

    pool.make_room()
    pool.tasks.put(Task())
    pool.make_room()
    assert began.wait(10)
    pool.helped = True
    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", _NoThread.start)
        pool.put(Nothing())
    assert lines == []
    assert pool.threads == 1
    go_on.set()
    pool.close()
    pool.join(time.monotonic() + 10)
