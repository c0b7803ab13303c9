"""Do the promises about failures hold: 8 to 12 of docs/semantics.md?"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    DeadLetter,
    Escalated,
    HookFailed,
    ReplyError,
    StartFailedError,
    SystemFailed,
)
from actors.testkit import Gate
from policies import Decision, Directive, Failure, History, Policy, Stop
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer
from tests.core.scripted import Doer, at_once, deciding, doer, get, held, supervisor

NOT_EXCEPTIONS = [SystemExit(3), asyncio.CancelledError(), GeneratorExit(), BaseException("bare")]
by_name = pytest.mark.parametrize("error", NOT_EXCEPTIONS, ids=lambda error: type(error).__name__)


# -- 8: a failure is one agent's alone ---------------------------------------------------------------------------------


@by_name
@pytest.mark.parametrize("asked", [False, True], ids=["told", "asked"])
def test_promise_08_what_a_handler_raises_fails_that_agent_alone(
    system: ActorSystem, log: EventLog, error: BaseException, asked: bool
) -> None:
    failing, sibling = system.spawn(doer("failing")), system.spawn(doer("sibling"))
    if asked:
        with pytest.raises(type(error)):
            failing.ask(error)
    else:
        failing.tell(error)
    assert answer(failing, "who") == 2
    assert answer(sibling, "who") == 1
    assert [event.path for event in log.of(AgentFailed)] == ["/failing"]


@by_name
def test_promise_08_what_a_start_raises_fails_that_agent_alone(system: ActorSystem, error: BaseException) -> None:
    class Unstartable(Doer):
        def on_start(self) -> None:
            raise error

    def spawn(agent: Doer) -> None:
        agent.context.spawn(Unstartable, name="child")

    parent = system.spawn(doer("parent"))
    with pytest.raises(StartFailedError) as from_outside:
        system.spawn(Unstartable, name="child")
    with pytest.raises(StartFailedError) as from_an_agent:
        answer(parent, spawn)
    assert from_outside.value.cause is from_an_agent.value.cause is error
    assert answer(parent, "who") == 2


@by_name
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_promise_08_what_a_last_hook_raises_stops_nobody_else(
    system: ActorSystem, log: EventLog, error: BaseException, hook: str
) -> None:
    def raises(self: Any, *_: Any) -> None:
        raise error

    kind = type("Raises", (Doer,), {hook: raises})
    sibling = system.spawn(doer("sibling"))
    ref: AgentRef[Any] = system.spawn(ChildSpec(kind, "a", policy=Stop()))
    if hook == "on_stop":
        ref.stop()
    else:
        ref.tell(Boom("for on_failure"))
    assert log.wait(HookFailed, "/a").error is error
    log.wait(AgentStopped, "/a")
    assert answer(sibling, "who") == 1


# -- 9: asked or told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["told", "asked inline", "asked"])
def test_promise_09_the_policy_decides_alike_whether_asked_or_told(
    system: ActorSystem, log: EventLog, how: str
) -> None:
    ref = system.spawn(doer("a"))
    error = Boom(how)
    if how == "told":
        ref.tell(error)
    else:
        with pytest.raises(Boom):
            ref.ask(error) if how == "asked inline" else answer(ref, error)
    restarted = log.wait(AgentRestarted, "/a")
    assert (restarted.incarnation, restarted.error) == (2, error)
    assert log.wait(AgentFailed, "/a").directive is Directive.RESTART


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def at_the_gate(gate: Gate) -> Policy:
    """A policy that restarts, once its gate is open."""

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Decision(Directive.RESTART, 0.0, history)

    return deciding(decide)


@pytest.mark.parametrize("block", [True, False], ids=["inline", "queued"])
def test_promise_09_the_asker_gets_the_error_before_the_policy_has_decided(
    system: ActorSystem, gate: Gate, at_the_gate: Policy, block: bool
) -> None:
    ref = system.spawn(doer("a", policy=at_the_gate))
    with pytest.raises(Boom):
        ref.ask(Boom("at once")) if block else answer(ref, Boom("at once"))
    gate.reached()
    assert ref.incarnation == 1
    gate.open()
    assert answer(ref, "who") == 2


def test_promise_09_a_reply_error_is_an_answer_and_no_failure(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(doer("a", policy=Stop()))
    error = ReplyError("no such book")
    for ask in (ref.ask, partial(answer, ref)):
        with pytest.raises(ReplyError, match="no such book"):
            ask(error)
    assert answer(ref, "who") == 1
    assert log.of(AgentFailed) == []


def test_promise_09_a_bad_request_to_a_proxy_is_the_callers_error_only(system: ActorSystem, log: EventLog) -> None:
    class Shop(Doer):
        def buy(self, book: str) -> str:
            return book

    proxy = system.spawn(ChildSpec(Shop, "shop", policy=Stop())).proxy()
    with pytest.raises(AttributeError, match="sell"):
        proxy.sell("a book")
    with pytest.raises(TypeError, match="buy"):
        proxy.buy("a", "b", "c").get()
    assert proxy.buy("a book").get() == "a book"
    assert log.of(AgentFailed) == []


# -- 10: beside the parent's work --------------------------------------------------------------------------------------


def test_promise_10_a_busy_parents_failed_child_is_restarted_within_50_ms() -> None:
    with ActorSystem("test") as system:
        log = EventLog(system)
        parent = system.spawn(doer("parent"))
        child = parent.ask(lambda agent: agent.context.spawn(doer("child")))
        gate = held(parent)
        seconds = []
        for number in range(5):
            child.tell(Boom(number))
            restarted = log.wait(AgentRestarted, "/parent/child", times=number + 1)
            seconds.append(restarted.at - log.wait(AgentFailed, "/parent/child", times=number + 1).at)
        snapshot = system.tree().find("/parent")
        assert snapshot is not None
        assert snapshot.state == "busy"
        gate.open()
    assert min(seconds) < 0.05


def test_promise_10_failures_of_siblings_are_handled_one_after_the_other(
    system: ActorSystem, gate: Gate, at_the_gate: Policy, log: EventLog
) -> None:
    system.spawn(supervisor("parent", *(doer(name, policy=at_the_gate) for name in "abc")))
    refs = [get(system, f"/parent/{name}") for name in "abc"]
    refs[0].tell(Boom("first"))
    gate.reached()
    for ref in refs[1:]:
        ref.tell(Boom("while the first is decided"))
    for ref in refs[1:]:
        log.wait(DeadLetter, ref.path)
    assert log.of(AgentFailed) == []
    gate.open()
    for ref in refs:
        assert answer(ref, "who") == 2


def test_promise_10_no_two_decisions_of_one_family_overlap(system: ActorSystem) -> None:
    inside = threading.Lock()
    overlaps = Trace()

    def decide(failure: Failure, history: History) -> Decision:
        if not inside.acquire(False):
            overlaps.note(failure)
            return Decision(Directive.STOP, 0.0, history)
        decision = Decision(Directive.RESTART, 0.0, history)
        inside.release()
        return decision

    names = [str(number) for number in range(8)]
    children = [doer(name, policy=None) for name in names]
    system.spawn(supervisor("parent", *children, policy=deciding(decide)))
    refs = [get(system, f"/parent/{name}") for name in names]
    for _ in range(10):
        at_once(*(partial(ref.tell, Boom("all at once")) for ref in refs))
    assert [answer(ref, "who") for ref in refs] == [11] * 8
    assert overlaps.notes == []


# -- 11: the failing message -------------------------------------------------------------------------------------------


def test_promise_11_the_failing_message_is_a_dead_letter_with_its_cause(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace))
    error = Boom("over this message")
    ref.tell(error)
    assert answer(ref, "who") == 2
    letters = [(letter.path, letter.message, letter.reason, letter.error) for letter in log.of(DeadLetter)]
    assert letters == [("/a", error, "failed", error)]


def test_promise_11_what_waits_behind_it_survives_the_restart_in_order(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    ref.tell(Boom("ahead of them"))
    asks = [ref.ask(number, block=False) for number in range(5)]
    gate.open()
    assert [ask.get() for ask in asks] == list(range(5))
    assert trace.notes[-5:] == [(number, "a", 2) for number in range(5)]


# -- 12: a policy that raises ------------------------------------------------------------------------------------------


def _raises(failure: Failure, history: History) -> Decision:
    raise KeyError("the policy's own")


def _exits(failure: Failure, history: History) -> Decision:
    raise SystemExit("the policy's own")


def _forgets(failure: Failure, history: History) -> Decision:
    return None  # type: ignore[return-value]


@pytest.mark.parametrize(("decide", "kind"), [(_raises, KeyError), (_exits, SystemExit), (_forgets, TypeError)])
def test_promise_12_a_policy_that_raises_escalates_with_both_causes(
    system: ActorSystem, log: EventLog, decide: Any, kind: type[BaseException]
) -> None:
    parent = system.spawn(supervisor("parent", doer("child", policy=deciding(decide))))
    error = Boom("the child's")
    get(system, "/parent/child").tell(error)
    escalated = log.wait(Escalated, "/parent/child")
    assert type(escalated.error) is kind
    assert escalated.error.__cause__ is error
    assert log.wait(AgentFailed, "/parent/child").directive is Directive.ESCALATE
    log.wait(AgentStopped, "/parent")
    assert not parent.is_alive()


def test_promise_12_at_the_root_a_policy_that_raises_stops_the_system_with_both_causes() -> None:
    system = ActorSystem("test", policy=deciding(_raises))
    error = Boom("the child's")
    system.spawn(doer("a", policy=None)).tell(error)
    with pytest.raises(SystemFailed) as failed:
        system.wait(PATIENCE)
    assert type(failed.value.cause) is KeyError
    assert failed.value.cause.__cause__ is error
