"""Which ends of which children end their supervisor?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    HandlerTimeout,
    OrphanReturned,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, end, end_of, number, stopped, tree_of
from tests.core.helpers import EventLog, answer


def find(system: ActorSystem, path: str) -> AgentRef[Any]:
    ref = system.find(path)
    assert ref is not None, f"no {path}"
    return ref


def supervisor(system: ActorSystem, spec: Any, auto_shutdown: str, *children: Any, **options: Any) -> AgentRef[Any]:
    kwargs = {"children": children, "auto_shutdown": auto_shutdown, **options}
    ref: AgentRef[Any] = system.spawn(spec(Supervisor, name="p", kwargs=kwargs))
    return ref


def hang_over_its_deadline(ref: AgentRef[Any], clock: WatchedClock, seconds: float) -> Gate:
    """Have the agent hang until its deadline has passed, and give the gate that holds it."""
    gate = Gate()
    ref.tell(busy_at(gate))
    gate.reached()
    clock.advance_to(clock.now() + seconds)
    return gate


@pytest.mark.case(87)
def test_a_transient_significant_child_ends_its_supervisor_by_a_normal_end_only(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    parent = supervisor(
        system,
        spec,
        "any_significant",
        spec(Doer, name="other"),
        spec(Doer, name="child", significant=True, deadline=1.0),
    )
    child = find(system, "/p/child")

    child.tell(crash)
    assert answer(child, number) == 2
    clock.advance(2.0)
    gate = hang_over_its_deadline(child, clock, 1.0)
    assert isinstance(log.wait(AgentRestarted, "/p/child", times=2).error, HandlerTimeout)
    gate.open()
    log.wait(OrphanReturned)
    assert parent.terminate_child("child")
    assert answer(parent, "barrier") is None
    assert parent.is_alive()

    again = parent.restart_child("child").ref
    assert again is not None
    again.tell(end)

    assert end_of(log, "/p") is StopReason.NORMAL
    assert stopped(log)[-2:] == [("/p/other", StopReason.SHUTDOWN), ("/p", StopReason.NORMAL)]
    assert tree_of(system) == []


@pytest.mark.case(88)
@pytest.mark.parametrize("how", ["end", "crash", "hang"])
def test_a_temporary_significant_child_ends_its_supervisor_by_any_end_of_its_own(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, how: str
) -> None:
    supervisor(
        system,
        spec,
        "any_significant",
        spec(Doer, name="other"),
        spec(Doer, name="child", restart="temporary", significant=True, deadline=1.0),
    )
    child = find(system, "/p/child")

    if how == "hang":
        gate = hang_over_its_deadline(child, clock, 1.0)
        assert end_of(log, "/p") is StopReason.NORMAL
        gate.open()
        log.wait(OrphanReturned)
    else:
        child.tell(end if how == "end" else crash)

    assert end_of(log, "/p") is StopReason.NORMAL
    assert [path for path, _ in stopped(log)] == ["/p/child", "/p/other", "/p"]


@pytest.mark.case(88)
def test_terminating_a_temporary_significant_child_does_not_end_its_supervisor(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent = supervisor(
        system, spec, "any_significant", spec(Doer, name="child", restart="temporary", significant=True)
    )

    assert parent.terminate_child("child")

    assert end_of(log, "/p/child") is StopReason.SHUTDOWN
    assert answer(parent, "barrier") is None
    assert parent.is_alive()


@pytest.mark.case(89)
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_with_all_significant_only_the_last_significant_end_ends_the_supervisor(
    system: ActorSystem, spec: Any, log: EventLog, restart: str
) -> None:
    parent = supervisor(
        system,
        spec,
        "all_significant",
        spec(Doer, name="first", restart=restart, significant=True),
        spec(Doer, name="last", restart=restart, significant=True),
        spec(Doer, name="other"),
    )

    find(system, "/p/first").tell(end)
    assert end_of(log, "/p/first") is StopReason.NORMAL
    assert answer(parent, "barrier") is None
    assert parent.is_alive()
    find(system, "/p/last").tell(end)

    assert end_of(log, "/p") is StopReason.NORMAL
    assert log.of(AgentStopped, "/p/other")[0].reason is StopReason.SHUTDOWN


@pytest.mark.case(90)
@pytest.mark.parametrize("auto_shutdown", ["any_significant", "all_significant"])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_significant_child_that_ends_because_a_sibling_failed_does_not_end_the_supervisor(
    system: ActorSystem, spec: Any, log: EventLog, strategy: str, auto_shutdown: str
) -> None:
    parent = supervisor(
        system,
        spec,
        auto_shutdown,
        spec(Doer, name="failing"),
        spec(Doer, name="temporary", restart="temporary", significant=True),
        spec(Doer, name="transient", restart="transient", significant=True),
        strategy=strategy,
    )
    failing, transient = find(system, "/p/failing"), find(system, "/p/transient")

    failing.tell(crash)

    assert answer(failing, number) == 2
    assert answer(transient, number) == (1 if strategy == "one_for_one" else 2)
    assert answer(parent, "barrier") is None
    assert parent.is_alive()
    ended = [] if strategy == "one_for_one" else [("/p/temporary", StopReason.SHUTDOWN)]
    assert stopped(log) == ended


@pytest.mark.case(91)
@pytest.mark.parametrize("significant", [True, False])
def test_a_supervisor_that_shuts_itself_down_is_an_end_for_the_one_above(
    system: ActorSystem, spec: Any, log: EventLog, significant: bool
) -> None:
    inner = {"children": [spec(Doer, name="worker", significant=True)], "auto_shutdown": "any_significant"}
    parent = supervisor(
        system, spec, "any_significant", spec(Supervisor, name="b", kwargs=inner, significant=significant)
    )

    find(system, "/p/b/worker").tell(end)

    assert end_of(log, "/p/b") is StopReason.NORMAL
    if significant:
        assert end_of(log, "/p") is StopReason.NORMAL
        assert [path for path, _ in stopped(log)] == ["/p/b/worker", "/p/b", "/p"]
    else:
        assert answer(parent, "barrier") is None
        assert parent.is_alive()
        assert [info.status for info in parent.children()] == ["down"]
