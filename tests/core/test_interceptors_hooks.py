"""Can a start, or a last hook, be made to fail, and what else can be done with it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    Delivery,
    HookFailed,
    InterceptionError,
    StartFailed,
    StartFailedError,
    Supervisor,
    default_system,
)
from policies import Phase, Restart
from tests.core.doer import Doer, stop
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer

AGAIN = Restart(max_restarts=5, within=None)


def boom(delivery: Delivery) -> None:
    raise Boom(f"{delivery.path} #{delivery.incarnation}")


@pytest.mark.parametrize("hook", ["__init__", "on_start"])
def test_the_nth_start_can_be_made_to_fail(
    system: ActorSystem, log: EventLog, trace: Trace, spec: Any, hook: str
) -> None:
    interception = system.intercept(boom, "/a", on=hook, nth=(2, 3))
    ref = system.spawn(spec(Worker, name="a", args=(trace,), policy=AGAIN))
    ref.tell(Boom("first"))
    log.wait(AgentRestarted, "/a")
    failures = [(event.incarnation, str(event.error), event.phase) for event in log.of(AgentFailed, "/a")]
    assert failures == [(1, "first", Phase.RECEIVE), (2, "/a #2", Phase.START), (3, "/a #3", Phase.START)]
    assert answer(ref, "who") == 4
    assert (interception.arrivals, interception.hits) == (4, 2)
    assert [note for note in trace.notes if note[0] == "start"] == [("start", "a", 1), ("start", "a", 4)]


def test_a_first_start_that_is_made_to_fail_leaves_no_child(system: ActorSystem, log: EventLog, spec: Any) -> None:
    with system.intercept(boom, on="on_start"), pytest.raises(StartFailedError, match="/a did not start"):
        system.spawn(spec(Doer, name="a"))
    assert log.wait(StartFailed, "/a").incarnation == 1
    assert system.spawn(spec(Doer, name="a")).ask(1) == 1


@pytest.mark.parametrize(("hook", "message"), [("on_stop", "stop"), ("on_failure", Boom("x"))])
def test_the_last_hook_can_be_made_to_fail_and_the_end_goes_on(
    system: ActorSystem, log: EventLog, trace: Trace, spec: Any, hook: str, message: Any
) -> None:
    ref = system.spawn(spec(Worker, name="a", args=(trace,)))
    system.intercept(boom, on=hook)
    system.intercept(boom, on="on_start")
    ref.tell(message)
    log.wait(AgentStopped, "/a")
    assert str(log.of(HookFailed, "/a")[0].error) == "/a #1"
    assert trace.notes == [("start", "a", 1)]


def test_a_hook_goes_on_with_its_arguments_and_knows_no_message(system: ActorSystem, spec: Any, trace: Trace) -> None:
    seen: list[Any] = []

    def note(delivery: Delivery) -> None:
        seen.append((delivery.hook, delivery.message, delivery.asked, repr(delivery), delivery.proceed()))

    for hook in ("__init__", "on_start", "on_stop", "on_failure"):
        system.intercept(note, on=hook)
    error = Boom("x")
    ref = system.spawn(spec(Worker, name="a", kwargs={"trace": trace}, policy=AGAIN))
    ref.tell(error)
    assert answer(ref, "who") == 2
    stop(ref)
    assert [name for name, *_ in seen] == ["__init__", "on_start", "on_failure", "__init__", "on_start", "on_stop"]
    assert seen[0] == ("__init__", None, False, "<Delivery /a #1: __init__>", None)
    assert [name for name, *_ in trace.notes] == ["start", "failure", "start", "stop"]


@pytest.mark.parametrize("what", ["answer", "drop", "delay", "duplicate"])
def test_a_hook_can_only_proceed_or_fail(system: ActorSystem, what: str) -> None:
    arguments = {"answer": (1,), "delay": (1.0,)}.get(what, ())
    system.intercept(lambda delivery: getattr(delivery, what)(*arguments), on="on_start")
    with pytest.raises(StartFailedError) as raised:
        system.spawn(Doer, name="a")
    assert isinstance(raised.value.cause, InterceptionError)
    assert f"cannot {what} a hook, only let it proceed, or raise: on_start" in str(raised.value.cause)


def test_a_hook_that_is_left_unsettled_has_failed(system: ActorSystem) -> None:
    system.intercept(lambda delivery: None, on="on_start")
    with pytest.raises(StartFailedError, match="without having settled it"):
        system.spawn(Doer)


def test_agents_without_a_supervisor_are_intercepted_too() -> None:
    system = default_system()
    with system.intercept(boom, on="__init__", nth=1), pytest.raises(Boom):
        Doer.start()
    with system.intercept(lambda delivery: delivery.answer(2), on=int):
        ref = Doer.start()
        assert ref.ask(1) == 2
        ref.stop()
    system.stop()


def test_children_that_start_with_their_parent_are_met(system: ActorSystem) -> None:
    with system.intercept(boom, "/crew/b", on="on_start"), pytest.raises(StartFailedError, match="/crew did not start"):
        system.spawn(Supervisor, children=[ChildSpec(Doer, name="a"), ChildSpec(Doer, name="b")], name="crew")
    assert system.select("/**") == []
