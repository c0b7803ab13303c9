"""What does a program get that calls with a wrong name, type or number? Field and value, and nothing half done."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import pykka
import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
    AgentStarted,
    AgentStopped,
    ChildSpec,
    Mailbox,
    NameTakenError,
    Outcome,
    ReceiveTimeout,
    StartFailedError,
    StashError,
    Supervisor,
)
from actors.testkit import VirtualClock
from policies import Restart
from tests.core.doer import Doer
from tests.core.helpers import EventLog, Trace, answer, elsewhere

NAN = math.nan


def raises(text: str) -> Any:
    return pytest.raises(ValueError, match=f"^{text}")


class Unprepared(Agent):
    """Its class attributes are as wrong as its test says."""

    def __init__(self, **wrong: Any) -> None:
        vars(self).update(wrong)

    def on_receive(self, message: Any) -> Any:
        return self.context.spawn(message, name="child")


# -- systems ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", 5, "a name is a str, not 5"),
        ("name", "", "a name has 1 to 255 characters: ''"),
        ("name", "a/b", r"a name has no / .*: 'a/b'"),
        ("policy", "restart", "policy: a Policy or None, not 'restart'"),
        ("policy", Restart, "policy: a Policy or None, not <class"),
        ("strategy", "all", "strategy: one of one_for_one, one_for_all, rest_for_one, not 'all'"),
        ("strategy", [], r"strategy: one of .*, not \[\]"),
        ("ask_timeout", 0, "ask_timeout: seconds above 0, or None, not 0"),
        ("ask_timeout", "5", "ask_timeout: seconds above 0, or None, not '5'"),
        ("ask_timeout", True, "ask_timeout: seconds above 0, or None, not True"),
        ("ask_timeout", NAN, "ask_timeout: seconds above 0, or None, not nan"),
        ("clock", 5.0, r"clock: a Clock or None, not 5\.0"),
        ("clock", VirtualClock, r"clock: a Clock or None, not <class"),
        ("max_orphans", -1, "max_orphans: a whole number, 0 or more, not -1"),
        ("max_orphans", 1.5, r"max_orphans: a whole number, 0 or more, not 1\.5"),
        ("max_orphans", True, "max_orphans: a whole number, 0 or more, not True"),
        ("seed", "7", "seed: a whole number or None, not '7'"),
    ],
)
def test_a_system_is_refused_before_it_has_any_thread(field: str, value: Any, text: str) -> None:
    before = threading.active_count()
    with raises(text):
        ActorSystem(**{field: value})
    assert threading.active_count() == before


@pytest.mark.parametrize("call", ["stop", "wait"])
@pytest.mark.parametrize("timeout", ["5", NAN, True, [1]])
def test_a_timeout_that_is_none_stops_no_system(system: ActorSystem, call: str, timeout: Any) -> None:
    with raises(r"timeout: seconds, or None, not "):
        getattr(system, call)(timeout)
    assert not system.is_stopping
    assert answer(system.spawn(Doer), "hello") == "hello"
    assert system.stop(timeout=math.inf).complete
    assert system.wait(timeout=math.inf)


# -- specs, mailboxes, supervisors -----------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("agent", "Doer", "agent: a subclass of Agent, not 'Doer'"),
        ("agent", int, "agent: a subclass of Agent, not <class 'int'>"),
        ("agent", pykka.ThreadingActor, "agent: a subclass of Agent, not <class 'pykka"),
        ("name", "a*", r"a name has no / .*: 'a\*'"),
        ("name", " a", r"a name has no .*no space at its ends.*: ' a'"),
        ("name", "..", r"a name has no .*: '\.\.'"),
        ("name", 7, "a name is a str, not 7"),
        ("name", "a" * 256, "a name has 1 to 255 characters: 'aaa"),
        ("args", 5, "args: a tuple, not 5"),
        ("args", "ab", "args: a tuple, not 'ab'"),
        ("kwargs", [("a", 1)], r"kwargs: a mapping of names to values, not \[\('a', 1\)\]"),
        ("kwargs", {1: 2}, "kwargs: a mapping of names to values, not {1: 2}"),
        ("restart", "always", "restart: one of permanent, transient, temporary, not 'always'"),
        ("shutdown", -1, "shutdown: seconds of 0 or more, 'infinity' or 'brutal', not -1"),
        ("shutdown", "soon", "shutdown: seconds of 0 or more, 'infinity' or 'brutal', not 'soon'"),
        ("shutdown", NAN, "shutdown: seconds of 0 or more, 'infinity' or 'brutal', not nan"),
        ("significant", 1, "significant: True or False, not 1"),
        ("policy", "stop", "policy: a Policy or None, not 'stop'"),
        ("mailbox", 32, "mailbox: a Mailbox or None, not 32"),
        ("dispatcher", "process", "dispatcher: one of pool, thread, not 'process'"),
        ("deadline", 0, "deadline: seconds above 0, or None, not 0"),
        ("deadline", "1", "deadline: seconds above 0, or None, not '1'"),
        ("deadline", math.inf, "deadline: seconds above 0, or None, not inf"),
        ("keep_children", "no", "keep_children: True or False, not 'no'"),
    ],
)
def test_a_spec_names_the_field_and_the_value(field: str, value: Any, text: str) -> None:
    with raises(text):
        ChildSpec(**{"agent": Doer, field: value})


def test_a_list_of_arguments_is_as_good_as_a_tuple(system: ActorSystem, trace: Trace) -> None:
    spec: ChildSpec[Doer] = ChildSpec(Doer, args=[trace])  # type: ignore[arg-type]
    assert spec.args == (trace,)
    answer(system.spawn(spec), "hello")
    assert trace.notes == ["hello"]


def test_a_misspelt_field_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="'restarts'"):
        ChildSpec(Doer, restarts="permanent")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'capcity'"):
        Mailbox(capcity=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"capacity": 0}, "capacity: a whole number of at least 1, or None, not 0"),
        ({"capacity": 2.0}, r"capacity: a whole number of at least 1, or None, not 2\.0"),
        ({"capacity": True}, "capacity: a whole number of at least 1, or None, not True"),
        ({"overflow": "drop"}, "overflow: one of block, reject, drop_newest, drop_oldest, not 'drop'"),
        ({"overflow": "block", "timeout": -1}, "timeout: seconds, 0 or more, or None, not -1"),
        ({"overflow": "block", "timeout": "1"}, "timeout: seconds, 0 or more, or None, not '1'"),
        ({"overflow": "block", "timeout": False}, "timeout: seconds, 0 or more, or None, not False"),
        ({"timeout": 1.0}, "timeout: only overflow='block' waits, not 'reject'"),
    ],
)
def test_a_mailbox_names_the_field_and_the_value(fields: dict[str, Any], text: str) -> None:
    with raises(text):
        Mailbox(**fields)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"children": 5}, "children: a list or tuple of ChildSpecs, not 5"),
        ({"children": ChildSpec(Doer)}, "children: a list or tuple of ChildSpecs, not ChildSpec"),
        ({"children": (spec for spec in ())}, "children: a list or tuple of ChildSpecs, not <generator"),
        ({"children": [Doer]}, "children: each a ChildSpec, not <class"),
        ({"children": [ChildSpec(Doer, "a"), ChildSpec(Doer, "a")]}, "children: two are named 'a'"),
        ({"strategy": "none"}, "strategy: one of one_for_one, one_for_all, rest_for_one, not 'none'"),
        ({"auto_shutdown": "yes"}, "auto_shutdown: one of never, any_significant, all_significant, not 'yes'"),
        ({"policy": "restart"}, "policy: a Policy or None, not 'restart'"),
        ({"max_children": -1}, "max_children: a whole number, 0 or more, or None, not -1"),
        ({"max_children": "3"}, "max_children: a whole number, 0 or more, or None, not '3'"),
        ({"children": [ChildSpec(Doer, significant=True, restart="temporary")]}, "significant"),
    ],
)
def test_a_supervisor_does_not_start_with_what_makes_no_sense(
    system: ActorSystem, fields: dict[str, Any], text: str
) -> None:
    with pytest.raises(StartFailedError) as failed:
        system.spawn(ChildSpec(Supervisor, name="s", kwargs=fields))
    with raises(text):
        raise failed.value.cause
    assert len(system.tree()) == 0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"strategy": "none"}, "strategy: one of one_for_one, one_for_all, rest_for_one, not 'none'"),
        ({"auto_shutdown": "yes"}, "auto_shutdown: one of never, any_significant, all_significant, not 'yes'"),
        ({"policy": "restart"}, "policy: a Policy or None, not 'restart'"),
        ({"max_children": "3"}, "max_children: a whole number, 0 or more, or None, not '3'"),
    ],
)
def test_an_agent_with_attributes_that_make_no_sense_gets_no_child(
    system: ActorSystem, log: EventLog, wrong: dict[str, Any], text: str
) -> None:
    agent = system.spawn(Unprepared, **wrong)
    with raises(text):
        agent.start_child(ChildSpec(Doer, "child"))
    with raises(text):
        answer(agent, Doer)
    log.wait(AgentStopped, agent.path)
    assert [type(event) for event in log.of(AgentStarted)] == [AgentStarted]


# -- spawning and administering --------------------------------------------------


@pytest.mark.parametrize(
    ("spawn", "text"),
    [
        (lambda system: system.spawn("Doer"), "agent: a subclass of Agent, not 'Doer'"),
        (lambda system: system.spawn(Doer()), "agent: a subclass of Agent, not <"),
        (lambda system: system.spawn(Doer, name=3), "a name is a str, not 3"),
        (lambda system: system.spawn(Doer, name=""), "a name has 1 to 255 characters: ''"),
        (lambda system: system.spawn(Doer, name="a/b"), "a name has no / .*: 'a/b'"),
        (lambda system: system.spawn(ChildSpec(Doer), name="a"), "spawn takes either a ChildSpec alone"),
        (lambda system: system.spawn(ChildSpec(Doer), 1), "spawn takes either a ChildSpec alone"),
    ],
)
def test_a_spawn_that_makes_no_sense_starts_nobody(
    system: ActorSystem, log: EventLog, spawn: Callable[[ActorSystem], Any], text: str
) -> None:
    with raises(text):
        spawn(system)
    assert len(system.tree()) == 0
    assert log.notes == []


def test_arguments_that_the_class_does_not_take_are_a_failed_start(system: ActorSystem) -> None:
    with pytest.raises(StartFailedError, match=r"^/a did not start: TypeError\(.*'step'") as failed:
        system.spawn(Doer, step=2, name="a")
    assert (failed.value.path, type(failed.value.cause)) == ("/a", TypeError)
    assert system.find("/a") is None
    system.spawn(Doer, name="a")
    with pytest.raises(NameTakenError, match=r"^/a is already registered"):
        system.spawn(Doer, name="a")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda ref: ref.start_child(Doer), "spec: a ChildSpec, not <class"),
        (lambda ref: ref.terminate_child(5), "name: the name of a child or its ref, not 5"),
        (lambda ref: ref.restart_child(ref), "name: the name of a child, not <AgentRef /a>"),
        (lambda ref: ref.delete_child(None), "name: the name of a child, not None"),
    ],
)
def test_an_administration_call_that_makes_no_sense_changes_nothing(
    system: ActorSystem, call: Callable[[AgentRef[Any]], Any], text: str
) -> None:
    agent = system.spawn(Doer, name="a")
    assert agent.start_child(ChildSpec(Doer, "child"))
    with raises(text):
        call(agent)
    assert [(child.name, child.status) for child in agent.children()] == [("child", "running")]
    assert agent.delete_child("nobody").outcome is Outcome.NOT_FOUND
    assert agent.restart_child("nobody").outcome is Outcome.NOT_FOUND


# -- paths -----------------------------------------------------------------------


@pytest.mark.parametrize("call", ["find", "select"])
@pytest.mark.parametrize("path", ["crew", "", None, 5])
def test_a_path_that_is_none_is_refused(system: ActorSystem, call: str, path: Any) -> None:
    with raises(f"a path is a str that starts with /: {path!r}"):
        getattr(system, call)(path)


# -- asks and stops --------------------------------------------------------------


@pytest.mark.parametrize("timeout", ["5", NAN, True, {}])
@pytest.mark.parametrize("drain", [True, False])
def test_a_stop_with_a_timeout_that_is_none_stops_nobody(system: ActorSystem, timeout: Any, drain: bool) -> None:
    agent = system.spawn(Doer)
    with raises("timeout: seconds, or None, not "):
        agent.stop(timeout=timeout, drain=drain)
    assert answer(agent, "hello") == "hello"


def test_an_ask_with_a_timeout_that_is_none_asks_nothing(system: ActorSystem, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    with raises("timeout: seconds, or None, not '5'"):
        agent.ask("lost", timeout="5")  # type: ignore[call-overload]
    assert answer(agent, "hello") == "hello"
    assert trace.notes == ["hello"]


# -- inside an agent -------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda context: context.become("handler"), "handler: a callable that takes a message, not 'handler'"),
        (lambda context: context.become(None), "handler: a callable that takes a message, not None"),
        (lambda context: context.watch("/a"), "ref: an AgentRef, not '/a'"),
        (lambda context: context.unwatch(None), "ref: an AgentRef, not None"),
        (lambda context: context.pipe_to_self(5), "future: a future with add_done_callback, not 5"),
        (
            lambda context: context.pipe_to_self(elsewhere(int), convert="str"),
            "convert: a callable that takes the value, or None, not 'str'",
        ),
        (lambda context: context.set_receive_timeout(0), "seconds: above 0, or None, not 0"),
        (lambda context: context.set_receive_timeout("1"), "seconds: above 0, or None, not '1'"),
        (lambda context: context.set_receive_timeout(math.inf), "seconds: above 0, or None, not inf"),
        (lambda context: context.set_receive_timeout(1.0, ignore=int), "ignore: types of messages, not <class 'int'>"),
        (lambda context: context.set_receive_timeout(1.0, ignore=["int"]), r"ignore: types of messages, not \['int'\]"),
        (lambda context: context.timers.once("key", -1, "x"), "delay: seconds, 0 or more, not -1"),
        (lambda context: context.timers.once("key", "1", "x"), "delay: seconds, 0 or more, not '1'"),
        (lambda context: context.timers.once("key", NAN, "x"), "delay: seconds, 0 or more, not nan"),
        (lambda context: context.timers.once([], 1.0, "x"), r"key: a hashable value, not \[\]"),
        (lambda context: context.timers.every("key", 0, "x"), "interval: seconds above 0, not 0"),
        (lambda context: context.timers.every("key", True, "x"), "interval: seconds above 0, not True"),
        (lambda context: context.timers.every("key", "1", "x"), "interval: seconds above 0, not '1'"),
    ],
)
def test_a_call_of_the_context_that_makes_no_sense_leaves_all_as_it_was(
    system: ActorSystem, clock: VirtualClock, trace: Trace, call: Callable[[Any], Any], text: str
) -> None:
    agent = system.spawn(Doer, trace)

    def prepare(agent: Doer) -> None:
        agent.context.set_receive_timeout(5.0)
        agent.context.timers.once("key", 3.0, "tick")

    def misuse(agent: Doer) -> None:
        with raises(text):
            call(agent.context)

    answer(agent, prepare)
    answer(agent, misuse)
    clock.advance(3.0)
    trace.wait_for("tick")
    answer(agent, lambda _: None)
    clock.advance(5.0)
    assert trace.wait_for(ReceiveTimeout(5.0)) == ["tick", ReceiveTimeout(5.0)]


def test_a_stash_that_is_refused_answers_its_asker(system: ActorSystem) -> None:
    class Small(Doer):
        stash_capacity = 0

    agent = system.spawn(Small, name="a")
    with pytest.raises(StashError, match=r"^/a: the stash is full \(0 messages\)"):
        answer(agent, lambda agent: agent.context.stash())


# -- events and clocks -----------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda events: events.subscribe("print"), "subscriber: a callable that takes an event, not 'print'"),
        (lambda events: events.subscribe(print, "AgentStarted"), "kinds: types of events, not 'AgentStarted'"),
        (lambda events: events.subscribe(print, int), "kinds: types of events, not <class 'int'>"),
        (lambda events: events.recent(-1), "count: a whole number, 0 or more, not -1"),
        (lambda events: events.recent(True), "count: a whole number, 0 or more, not True"),
        (lambda events: events.recent(1.5), r"count: a whole number, 0 or more, not 1\.5"),
        (lambda events: events.recent(5, "AgentStarted"), "kinds: types of events, not 'AgentStarted'"),
    ],
)
def test_events_are_not_asked_for_by_what_is_none(system: ActorSystem, call: Callable[[Any], Any], text: str) -> None:
    with raises(text):
        call(system.events)
    agent = system.spawn(Doer)
    assert answer(agent, "hello") == "hello"


@pytest.mark.parametrize("seconds", [-0.1, "1", NAN, math.inf, None, True])
def test_virtual_time_passes_in_seconds(seconds: Any) -> None:
    clock = VirtualClock(7.0)
    clock.call_at(7.5, lambda: pytest.fail("the time did not come"))
    with raises("seconds: 0 or more, not "):
        clock.advance(seconds)
    assert (clock.now(), clock.next_due) == (7.0, 7.5)
    with raises("start: seconds, 0 or more, not "):
        VirtualClock(seconds)
