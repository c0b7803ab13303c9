"""Does a checked system in virtual time come to its end, whatever its agents wait for?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from actors import AgentRef, AgentStopped, ChildSpec
from actors.testkit import CheckedSystem, Gate, VirtualClock
from actors.testkit import ending as ending_module
from tests.core.helpers import PATIENCE
from tests.testkit.clocked import HOUR, Doer


@pytest.fixture
def hangs() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def hang(ref: AgentRef[Doer], until: threading.Event) -> None:
    """Have the agent wait for what the library does not see, and be back once it does."""
    inside = threading.Event()
    ref.tell(lambda agent: inside.set() or until.wait())
    assert inside.wait(PATIENCE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs here would hang for ever."""
    monkeypatch.setattr(ending_module, "PATIENCE", 0.2)


def test_leaving_the_block_leaves_a_handler_behind_that_hangs_in_virtual_time(hangs: threading.Event) -> None:
    system = CheckedSystem(clock=VirtualClock())
    system.allow_orphans()
    begun = time.monotonic()

    with system:
        hang(system.spawn(ChildSpec(Doer, "a", shutdown=HOUR)), hangs)

    assert [orphan.path for orphan in system.orphans] == ["/a"]
    assert system.clock.now() >= HOUR
    assert time.monotonic() - begun < PATIENCE


def test_a_stop_that_is_given_a_virtual_time_leaves_behind_what_hangs_beyond_it(hangs: threading.Event) -> None:
    system = CheckedSystem(clock=VirtualClock())
    for name in "ab":
        hang(system.spawn(ChildSpec(Doer, name, shutdown="infinity")), hangs)

    report = system.stop(timeout=HOUR)

    assert (report.complete, set(report.abandoned)) == (True, {"/a", "/b"})
    assert system.stop() is report


def test_an_agent_that_is_done_with_its_work_in_earnest_is_not_left_behind() -> None:
    clock = VirtualClock()
    with CheckedSystem(clock=clock) as system, Gate() as gate:
        system.spawn(Doer).tell(lambda agent: gate.wait())
        gate.reached()
        system.events.subscribe(lambda event: None, AgentStopped)
        gate.open()

    assert clock.now() == 0.0


def test_no_time_passes_for_a_system_that_ends_without(hangs: threading.Event) -> None:
    clock = VirtualClock()
    with CheckedSystem(clock=clock) as system:
        system.spawn(Doer).tell("a message")
        system.spawn(Doer).ask("another")

    assert clock.now() == 0.0


def test_what_virtual_time_does_not_end_is_given_up_and_shown_with_its_stack(hangs: threading.Event) -> None:
    system = CheckedSystem("endless", clock=VirtualClock())
    system.allow_orphans()
    hang(system.spawn(ChildSpec(Doer, "a", shutdown="infinity")), hangs)

    with pytest.raises(AssertionError, match=r"(?s)does not stop.*/a #1 has been in.*until\.wait"):
        system.stop()

    hangs.set()
    assert system.wait(PATIENCE)


def test_a_timer_that_goes_on_for_ever_does_not_keep_a_stop_from_being_given_up(hangs: threading.Event) -> None:
    def start(agent: Doer) -> None:
        agent.context.timers.every("tick", 1.0, "tick")

    system = CheckedSystem(clock=VirtualClock())
    system.spawn(Doer).ask(start)
    hang(system.spawn(ChildSpec(Doer, shutdown="infinity")), hangs)

    with pytest.raises(AssertionError, match="does not stop"):
        system.stop()

    hangs.set()
    assert system.wait(PATIENCE)


def test_an_agent_stops_its_checked_system_without_waiting() -> None:
    clock = VirtualClock()
    system = CheckedSystem(clock=clock)

    assert not system.spawn(Doer).ask(lambda agent: agent.context.system.stop()).complete

    assert system.wait(PATIENCE)


def test_a_checked_system_of_the_machines_time_is_stopped_as_ever(hangs: threading.Event) -> None:
    system = CheckedSystem()
    hang(system.spawn(ChildSpec(Doer, "a", shutdown=0.1)), hangs)

    assert system.stop().abandoned == ("/a",)
