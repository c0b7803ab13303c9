"""Does a stop that is given a time keep it, also where what hangs is no agent?"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, AgentStopped, ChildSpec, Clock, SystemStopped
from actors._core import system as system_module
from actors.testkit import Gate, VirtualClock
from tests.core.doer import Doer
from tests.core.helpers import PATIENCE, Trace, elsewhere, result
from tests.core.scripted import held

SOON = 0.05


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


@pytest.fixture
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is waited for beyond its time would come."""
    monkeypatch.setattr(system_module, "_GRACE_SECONDS", SOON)


def with_subscriber_at(gate: Gate, clock: Clock | None = None) -> ActorSystem:
    """A system of one agent, about whose end a subscriber hears and hangs."""
    system = ActorSystem("test", clock=clock)
    system.spawn(Doer, name="a")
    system.events.subscribe(lambda event: gate.wait(), AgentStopped)
    return system


@pytest.mark.usefixtures("soon_given_up")
@pytest.mark.parametrize("clock", [None, VirtualClock()], ids=["machine", "virtual"])
def test_a_second_stop_waits_for_the_first_no_longer_than_it_is_given(gate: Gate, clock: Clock | None) -> None:
    system = with_subscriber_at(gate, clock)
    first = elsewhere(system.stop)
    gate.reached()

    assert not system.stop(timeout=SOON).complete
    gate.open()

    assert result(first).complete
    assert system.stop(timeout=SOON) == result(first)


@pytest.mark.usefixtures("soon_given_up")
def test_a_stop_is_back_in_time_although_a_subscriber_hangs_and_goes_on_to_its_end(gate: Gate) -> None:
    system = with_subscriber_at(gate)
    begun = time.monotonic()

    report = system.stop(timeout=SOON)

    assert (report.complete, report.abandoned) == (False, ())
    assert SOON <= report.seconds <= time.monotonic() - begun
    gate.open()
    assert system.wait()
    assert system.stop().complete


def test_a_report_that_is_not_complete_names_whom_the_stop_has_left_behind_so_far(gate: Gate) -> None:
    with Gate() as hangs:
        system = with_subscriber_at(gate)
        system.spawn(ChildSpec(Doer, "b", shutdown="infinity")).tell(lambda agent: hangs.wait())
        hangs.reached()

        assert system.stop(timeout=SOON).abandoned == ("/b",)
        gate.open()
        assert system.stop().abandoned == ("/b",)


def test_a_stop_that_is_given_a_time_leaves_no_thread(gate: Gate) -> None:
    before = set(threading.enumerate())
    gate.open()

    assert with_subscriber_at(gate).stop(timeout=10.0).complete

    assert set(threading.enumerate()) == before


def test_ctrl_c_during_a_stop_that_is_given_a_time_ends_it_at_once(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    system = ActorSystem("test")
    system.spawn(ChildSpec(Doer, "a", shutdown="infinity")).tell(lambda agent: gate.wait())
    gate.reached()
    wait = system._wait_for_end
    waits = iter([KeyboardInterrupt])

    def interrupted(timeout: float | None) -> bool:
        for error in waits:
            raise error
        return wait(timeout)

    monkeypatch.setattr(system, "_wait_for_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        system.stop(timeout=1000.0)

    assert system.stop().abandoned == ("/a",)


class NoThread:
    def start(self) -> None:
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("idle", [True, False], ids=["a thread of the pool", "the caller"])
def test_where_no_thread_can_be_had_another_one_stops_the_system(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, idle: bool
) -> None:
    system = ActorSystem("test")
    system.events.subscribe(lambda event: trace.note(threading.current_thread().name), SystemStopped)
    if idle:
        held(system.spawn(Doer)).open()
        until = time.monotonic() + PATIENCE
        while not system.pool.idle:  # it is, a moment after it has handled that
            assert time.monotonic() < until
    with monkeypatch.context() as no_threads:
        no_threads.setattr(threading.Thread, "start", NoThread.start)
        assert system.stop(timeout=10.0).complete

    assert trace.notes == ["test-1" if idle else threading.current_thread().name]


PROGRAM = """
import threading
from actors import ActorSystem, Agent, AgentStopped
from actors._core import system as module

module._JOIN_SECONDS = module._GRACE_SECONDS = 0.1
hangs = threading.Event()

class Echo(Agent):
    def on_receive(self, message):
        return message

def hang(event):
    hangs.set()
    threading.Event().wait(60)

system = ActorSystem("forgotten")
system.spawn(Echo).ask("something that a thread of the pool handles", timeout=10)
system.events.subscribe(hang, AgentStopped)
if {stopped}:
    threading.Thread(target=system.stop, daemon=True).start()
    assert hangs.wait(10)
print("end of main", flush=True)
"""


@pytest.mark.parametrize("stopped", [True, False], ids=["being stopped", "forgotten"])
def test_a_program_ends_although_a_subscriber_hangs(packages_folder: Path, stopped: bool) -> None:
    ran: Any = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(stopped=stopped)],
        env={"PYTHONPATH": str(packages_folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("end of main\n", "", 0)
