"""Do asks and trees pass the acceptance cases T20 to T23 and T44 to T49 of the systems that this one replaces?"""

from __future__ import annotations

import threading
import time

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    NameTakenError,
    Outcome,
)
from actors.testkit import Gate
from tests.core.helpers import PATIENCE, EventLog, Trace, answer, incarnation
from tests.core.scripted import doer, get, held, supervisor

case = pytest.mark.system_case


# -- ask ---------------------------------------------------------------------------------------------------------------


@case("T20")
def test_an_ask_returns_the_value_and_a_handlers_error_keeps_its_type(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    assert ref.ask("value") == "value"
    with pytest.raises(ZeroDivisionError):
        ref.ask(lambda agent: 1 / 0)


@case("T21")
def test_an_ask_of_a_stopped_agent_fails_at_once_and_names_it(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    ref.stop()
    with pytest.raises(AgentStoppedError, match="/a") as raised:
        ref.ask("too late")
    assert raised.value.path == "/a"


@case("T21")
def test_an_ask_of_a_busy_agent_times_out_in_time_and_the_late_reply_is_dropped() -> None:
    with ActorSystem("test") as system:
        log = EventLog(system)
        ref = system.spawn(doer("a"))
        gate = Gate()
        begun = time.monotonic()
        with pytest.raises(AskTimeout):
            ref.ask(lambda agent: gate.wait(), timeout=0.1)
        assert time.monotonic() - begun < 0.5
        gate.open()
        assert answer(ref, "who") == 1
        assert log.of(AgentFailed) == []


@case("T22")
def test_two_queued_asks_both_end_when_the_agent_is_stopped(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    asks = [ref.ask(number, block=False) for number in range(2)]
    ref.stop(block=False, drain=False)
    gate.open()
    for ask in asks:
        with pytest.raises(AgentStoppedError, match="/a"):
            ask.get(timeout=PATIENCE)


@case("T23")
def test_an_ask_of_oneself_is_refused_at_once(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    with pytest.raises(AskCycleError):
        ref.ask(lambda agent: agent.actor_ref.ask("never handled"))


@case("T23")
def test_parent_and_child_that_ask_each_other_do_not_deadlock(system: ActorSystem) -> None:
    parent = system.spawn(doer("parent"))
    child = parent.ask(lambda agent: agent.context.spawn(doer("child")))
    with pytest.raises(AskCycleError):
        answer(parent, lambda agent: child.ask(lambda agent: parent.ask("never handled")))
    assert incarnation(parent) == 2


# -- trees -------------------------------------------------------------------------------------------------------------


@case("T44")
def test_a_name_is_taken_once_under_one_parent_and_the_tree_stays_as_it_is(system: ActorSystem) -> None:
    parent = system.spawn(supervisor("parent", doer("child")))
    system.spawn(doer("a"))
    before = [agent.path for agent in system.tree()]
    with pytest.raises(NameTakenError, match="/a is already registered"):
        system.spawn(doer("a"))
    refused = parent.start_child(doer("child"))
    assert (refused.outcome, refused.ref) == (Outcome.ALREADY_STARTED, get(system, "/parent/child"))
    assert [agent.path for agent in system.tree()] == before


@case("T45")
def test_a_parent_that_has_ended_takes_no_children(system: ActorSystem) -> None:
    parent = system.spawn(supervisor("parent"))
    parent.stop()
    with pytest.raises(AgentStoppedError, match="/parent not found"):
        parent.start_child(doer("child"))
    assert len(system.tree()) == 0


@case("T46")
def test_the_same_name_is_allowed_under_two_parents_and_a_path_finds_one_exactly(system: ActorSystem) -> None:
    for name in ("one", "two"):
        system.spawn(supervisor(name, doer("leaf")))
    one, two = get(system, "/one/leaf"), get(system, "/two/leaf")
    assert one != two
    assert (one.path, two.path) == ("/one/leaf", "/two/leaf")
    assert system.find("/one/lea") is None
    assert system.find("/one/leaf/x") is None
    assert system.select("/*/leaf") == [one, two]


@case("T47")
def test_parents_and_children_are_known_on_three_levels_in_order_of_their_start(system: ActorSystem) -> None:
    middle = supervisor("middle", doer("z"), doer("a"))
    root = system.spawn(supervisor("root", middle, doer("leaf")))
    assert [info.name for info in root.children()] == ["middle", "leaf"]
    assert [info.name for info in get(system, "/root/middle").children()] == ["z", "a"]
    leaf = get(system, "/root/middle/z")
    assert leaf.children() == []
    parent = answer(leaf, lambda agent: agent.context.parent)
    assert parent is get(system, "/root/middle")
    assert answer(get(system, "/root/leaf"), lambda agent: agent.context.parent) is root
    assert system.find("/root/unknown") is None


@case("T48")
def test_stopping_the_root_stops_all_children_before_parents_and_every_thread(trace: Trace) -> None:
    threads = set(threading.enumerate())
    system = ActorSystem("test")
    root = system.spawn(supervisor("root", doer("first", trace), doer("last", trace, dispatcher="thread")))
    inner = answer(get(system, "/root/first"), lambda agent: agent.context.spawn(doer("inner", trace)))
    trace.clear()
    root.stop()
    assert trace.notes == [("stop", "last", 1), ("stop", "inner", 1), ("stop", "first", 1)]
    assert not inner.is_alive()
    system.stop()
    assert set(threading.enumerate()) <= threads


@case("T49")
def test_a_name_is_free_again_and_the_old_ref_does_not_reach_the_new_agent(system: ActorSystem, trace: Trace) -> None:
    old = system.spawn(doer("a"))
    old.stop()
    new = system.spawn(doer("a", trace))
    with pytest.raises(AgentStoppedError):
        old.tell("for the old one")
    assert incarnation(new) == 1
    assert trace.notes == [("start", "a", 1)]
