"""Do the promises about siblings and restart types hold: 18 and 19 of docs/semantics.md?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentFailed, AgentStopped, Outcome, StartFailedError, StopReason
from policies import Directive
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended, incarnation
from tests.core.scripted import FOREVER, doer, get, supervisor

# -- 18: strategies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "affected"),
    [("one_for_one", "b"), ("rest_for_one", "bcd"), ("one_for_all", "abcd")],
)
def test_promise_18_siblings_stop_in_reverse_then_start_in_order(
    system: ActorSystem, trace: Trace, strategy: str, affected: str
) -> None:
    children = [doer(name, trace, policy=None) for name in "abcd"]
    system.spawn(supervisor("parent", *children, strategy=strategy))
    trace.clear()
    get(system, "/parent/b").tell(Boom("it and who goes along"))
    notes = trace.wait_for(("start", affected[-1], 2))
    ends = [("failure" if name == "b" else "stop", name, 1) for name in reversed(affected)]
    assert notes == [*ends, *(("start", name, 2) for name in affected)]
    assert [incarnation(get(system, f"/parent/{name}")) for name in "abcd"] == [
        2 if name in affected else 1 for name in "abcd"
    ]


@pytest.mark.parametrize("how", ["finished", "terminated"])
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_promise_18_what_is_down_stays_down(system: ActorSystem, log: EventLog, strategy: str, how: str) -> None:
    children = [doer(name, policy=None) for name in "abc"]
    parent = system.spawn(supervisor("parent", *children, strategy=strategy))
    if how == "finished":
        get(system, "/parent/b").tell("stop")
        log.wait(AgentStopped, "/parent/b")
    else:
        assert parent.terminate_child("b")
    get(system, "/parent/a").tell(Boom("takes c along"))
    assert incarnation(get(system, "/parent/a")) == 2
    assert incarnation(get(system, "/parent/c")) == 2
    assert [(info.name, info.status) for info in parent.children()] == [
        ("a", "running"),
        ("b", "down"),
        ("c", "running"),
    ]


# -- 19: restart types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restart", "end", "comes_back"),
    [
        ("permanent", "stop", True),
        ("permanent", Boom("failed"), True),
        ("transient", "stop", False),
        ("transient", Boom("failed"), True),
        ("temporary", "stop", False),
        ("temporary", Boom("failed"), False),
    ],
)
def test_promise_19_the_restart_type_says_which_ends_lead_to_a_restart(
    system: ActorSystem, log: EventLog, restart: str, end: Any, comes_back: bool
) -> None:
    parent = system.spawn(supervisor("parent", doer("child", restart=restart, policy=None)))
    child = get(system, "/parent/child")
    child.tell(end)
    if comes_back:
        assert incarnation(child) == 2
    else:
        reason = StopReason.NORMAL if end == "stop" else StopReason.FAILED
        assert log.wait(AgentStopped, "/parent/child").reason is reason
        kept = [] if restart == "temporary" else ["child"]
        assert [info.name for info in parent.children()] == kept


def test_promise_19_a_restart_decided_for_a_temporary_child_ends_it_and_its_spec_goes(
    system: ActorSystem, log: EventLog
) -> None:
    parent = system.spawn(supervisor("parent", doer("child", restart="temporary")))
    get(system, "/parent/child").tell(Boom("its policy restarts"))
    assert log.wait(AgentFailed, "/parent/child").directive is Directive.STOP
    log.wait(AgentStopped, "/parent/child")
    assert parent.children() == []
    assert parent.restart_child("child").outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("drain", [True, False], ids=["drained", "at once"])
def test_promise_19_a_stop_from_outside_is_never_answered_by_a_restart(
    system: ActorSystem, log: EventLog, restart: str, drain: bool
) -> None:
    system.spawn(supervisor("parent", doer("child", restart=restart)))
    child = get(system, "/parent/child")
    assert child.stop(drain=drain)
    assert log.wait(AgentStopped, "/parent/child").reason is StopReason.REQUESTED
    assert not child.is_alive()
    assert system.find("/parent/child") is None
    assert child.incarnation == 1


@pytest.mark.parametrize(("auto_shutdown", "enough"), [("any_significant", 1), ("all_significant", 2)])
def test_promise_19_the_end_of_significant_children_ends_their_supervisor(
    system: ActorSystem, log: EventLog, auto_shutdown: str, enough: int
) -> None:
    significant = [doer(name, significant=True) for name in "ab"]
    parent = system.spawn(supervisor("parent", *significant, doer("other"), auto_shutdown=auto_shutdown))
    get(system, "/parent/other").tell("stop")
    log.wait(AgentStopped, "/parent/other")
    for name in "ab"[: enough - 1]:
        get(system, f"/parent/{name}").tell("stop")
        log.wait(AgentStopped, f"/parent/{name}")
    assert answer(parent, None) is None
    assert parent.is_alive()
    get(system, f"/parent/{'ab'[enough - 1]}").tell("stop")
    assert log.wait(AgentStopped, "/parent").reason is StopReason.NORMAL
    assert_ended(parent)


@pytest.mark.parametrize("auto_shutdown", ["any_significant", "all_significant"])
def test_promise_19_a_significant_child_that_is_restarted_or_terminated_ends_nobody(
    system: ActorSystem, auto_shutdown: str
) -> None:
    parent = system.spawn(supervisor("parent", doer("a", significant=True), auto_shutdown=auto_shutdown))
    child = get(system, "/parent/a")
    child.tell(Boom("a restart is no end"))
    assert incarnation(child) == 2
    assert parent.terminate_child("a")
    assert answer(parent, None) is None
    assert parent.is_alive()


def test_promise_19_significant_is_refused_where_it_means_nothing(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="permanent child never ends by itself"):
        doer("child", significant=True, restart="permanent")
    with pytest.raises(StartFailedError, match="never") as raised:
        system.spawn(supervisor("parent", doer("child", significant=True), policy=FOREVER))
    assert isinstance(raised.value.cause, ValueError)
