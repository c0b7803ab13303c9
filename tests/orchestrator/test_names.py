"""What is registered, what is refused, and what does the tree of names say?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentNotFoundError,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    Mailbox,
    NameTakenError,
    StopReason,
    TooManyChildren,
)
from actors.orchestrator import (
    AlreadyRegisteredError,
    DefaultSupervisor,
    NotRegisteredError,
    NotRunningError,
    Orchestrator,
    OrchestratorRef,
)
from policies import Restart
from tests.core.helpers import EventLog, Trace
from tests.core.scripted import at_once
from tests.orchestrator.deeds import looking, work


def never() -> Any:
    raise AssertionError("the factory was called")


def test_an_orchestrator_is_empty_and_its_rules_are_said_when_it_is_made(crew: OrchestratorRef) -> None:
    assert crew.names == ()
    assert crew.children() == []
    crew.add_agent("a", work())
    agent = crew.spawn("a").ref
    assert agent._cell.spec.mailbox == Mailbox(32, "reject")
    assert agent._cell.known_policy == DefaultSupervisor(max_restarts=3)


@pytest.mark.system_case("D2.4")
def test_the_rules_hold_for_all_agents_whenever_they_are_registered(system: ActorSystem) -> None:
    rules = {"policy": DefaultSupervisor(7), "mailbox": Mailbox(5), "max_children": 2}
    crew = system.spawn(Orchestrator, name="crew", **rules)
    crew.add_agent("before", work())
    first = crew.spawn("before")
    crew.add_agent("after", work())
    second = crew.spawn("after")
    for handle in (first, second):
        assert handle.ref._cell.spec.mailbox == Mailbox(5)
        assert handle.ref._cell.known_policy == DefaultSupervisor(7)
    crew.add_agent("third", work())
    with pytest.raises(TooManyChildren) as refused:
        crew.spawn("third")
    assert (refused.value.path, refused.value.most) == ("/crew", 2)


def test_an_orchestrator_may_declare_its_rules(system: ActorSystem) -> None:
    class Strict(Orchestrator):
        policy = DefaultSupervisor(max_restarts=0)
        mailbox = Mailbox(1)

    crew = system.spawn(Strict, name="crew")
    crew.add_agent("a", work())
    handle = crew.spawn("a")
    assert handle.ref._cell.spec.mailbox == Mailbox(1)
    assert handle.ref._cell.known_policy == DefaultSupervisor(max_restarts=0)


@pytest.mark.system_case("T44")
@pytest.mark.system_case("D2.11")
def test_a_name_that_is_taken_is_refused_and_nothing_changes(crew: OrchestratorRef) -> None:
    crew.add_agent("x", never)
    crew.add_agent("p", never)
    for again in (lambda: crew.add_agent("x", never), lambda: crew.add_child("x", "p", never)):
        with pytest.raises(AlreadyRegisteredError, match=r"^agent 'x' already registered$") as refused:
            again()
        assert (refused.value.agent, refused.value.path) == ("x", "/crew/x")
        assert isinstance(refused.value, NameTakenError)
    assert (crew.names, crew.children_of("p"), crew.parent_of("x")) == (("x", "p"), (), None)


@pytest.mark.system_case("T45")
def test_an_unknown_parent_is_refused_before_anything_else_and_nothing_changes(crew: OrchestratorRef) -> None:
    crew.add_agent("x", never)
    with pytest.raises(NotRegisteredError, match=r"^parent agent 'p' not registered$") as refused:
        crew.add_child("x", "p", never)
    assert refused.value.agent == "p"
    assert crew.names == ("x",)


@pytest.mark.system_case("T47")
def test_the_names_are_one_flat_space_over_a_tree_of_any_depth(crew: OrchestratorRef) -> None:
    crew.add_agent("root", never)
    crew.add_child("left", "root", never)
    crew.add_child("right", "root", never)
    crew.add_child("leaf", "left", never)
    for number in range(20):
        crew.add_child(f"deep-{number}", f"deep-{number - 1}" if number else "leaf", never)
    assert crew.names[:4] == ("root", "left", "right", "leaf")
    assert [crew.children_of(name) for name in ("root", "left", "right", "nobody")] == [
        ("left", "right"), ("leaf",), (), None,
    ]  # fmt: skip
    assert [crew.parent_of(name) for name in ("root", "left", "leaf", "nobody")] == [None, "root", "left", None]
    assert crew.parent_of("deep-19") == "deep-18"
    assert (crew.contains("deep-19"), crew.contains("nobody")) == (True, False)


def test_who_is_unknown_is_not_started_and_the_error_says_who(crew: OrchestratorRef) -> None:
    with pytest.raises(NotRegisteredError, match=r"^agent not registered: x$") as refused:
        crew.spawn("x")
    assert isinstance(refused.value, AgentNotFoundError)
    with pytest.raises(NotRegisteredError):
        crew.handle("x")
    with pytest.raises(NotRegisteredError):
        crew.remove("x")


@pytest.mark.parametrize(
    ("name", "factory", "options"),
    [
        ("a/b", work(), {}),
        ("", work(), {}),
        (7, work(), {}),
        ("a", "no factory", {}),
        ("a", looking(name="b"), {}),
        ("a", work(), {"deadline": -1.0}),
        ("a", work(), {"policy": "restart"}),
        ("a", work(), {"mailbox": 32}),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_registered(
    crew: OrchestratorRef, name: Any, factory: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r".+"):
        crew.add_agent(name, factory, **options)
    assert crew.names == ()


@pytest.mark.parametrize("options", [{"policy": "stop"}, {"mailbox": 32}, {"max_children": -1}])
def test_an_orchestrator_with_rules_that_make_no_sense_does_not_start(
    system: ActorSystem, options: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match=next(iter(options))):
        system.spawn(ChildSpec(Orchestrator, "crew", kwargs=options))
    assert system.find("/crew") is None


def test_of_many_who_register_one_name_one_does(crew: OrchestratorRef) -> None:
    def register() -> bool:
        try:
            crew.add_agent("x", never)
        except AlreadyRegisteredError:
            return False
        return True

    assert sorted(at_once(*[register] * 8)) == [False] * 7 + [True]
    assert crew.names == ("x",)


def test_what_is_registered_stays_through_a_restart_of_the_orchestrator(crew: OrchestratorRef, trace: Trace) -> None:
    crew.add_agent("a", work(trace))
    handle = crew.spawn("a")
    assert crew._cell.parent is not None
    crew._cell.parent.ref.restart_child("crew")
    assert (crew.names, handle.is_done, trace.count("made")) == (("a",), True, 1)
    with pytest.raises(NotRunningError, match=r"^agent not running: a$"):
        crew.handle("a")
    assert crew.spawn("a").send_message("hello") == ["hello"]


@pytest.mark.system_case("D2.12")
def test_an_agent_is_removed_with_those_under_it_children_first(crew: OrchestratorRef, trace: Trace) -> None:
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("other", None)):
        make = looking(trace)
        crew.add_child(name, parent, make) if parent else crew.add_agent(name, make)
    handles = [crew.spawn(name) for name in ("a", "b", "c")]
    other = crew.spawn("other")
    assert crew.remove("a") == ("c", "b", "a")
    assert [note[1] for note in trace.notes if note[0] == "stop"] == ["c", "b", "a"]
    assert [handle.is_done for handle in handles] == [True] * 3
    assert (crew.names, other.is_done) == (("other",), False)
    crew.add_agent("a", make, policy=Restart())
    assert crew.spawn("a").send_messages([lambda agent: agent.context.incarnation]) == 1


def test_an_agent_that_is_removed_while_it_starts_does_not_stay(crew: OrchestratorRef, log: EventLog) -> None:
    def make() -> Any:
        crew.remove("a")
        return work()()

    crew.add_agent("a", make)
    with pytest.raises(NotRegisteredError):
        crew.spawn("a")
    assert log.wait(AgentStopped, "/crew/a").reason is StopReason.REQUESTED


def test_an_agent_whose_name_is_given_to_another_while_it_starts_does_not_stay(
    crew: OrchestratorRef, log: EventLog
) -> None:
    def make() -> Any:
        crew.remove("a")
        crew.add_agent("a", work())
        return work()()

    crew.add_agent("a", make)
    with pytest.raises(AgentStoppedError, match=r"^/crew/a was removed while it started$"):
        crew.spawn("a")
    log.wait(AgentStopped, "/crew/a")
    assert crew.spawn("a").send_message("the other") == ["the other"]


def test_an_orchestrator_prints_what_it_has(crew: OrchestratorRef) -> None:
    crew.add_agent("x", work())
    text = "<OrchestratorRef /crew agents=['x'] policy=DefaultSupervisor(max_restarts=3) mailbox=Mailbox("
    assert repr(crew).startswith(text)
    assert repr(crew.spawn("x")) == "<AgentHandle 'x' running>"
