"""Do those who work in parallel keep their own messages, errors and state, and is there room again when one ends?

What the pool of the second source system gets wrong, as far as pools, routers and messages show it: its guard against
loops, its limits of depth and its memory are no part of the framework's core.
"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AdminResult,
    Agent,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    AskCycleError,
    Enveloped,
    HandlerTimeout,
    MemberLeft,
    MessageBus,
    NoRouteesError,
    Outcome,
    ReplyError,
    RouterRef,
    StopReason,
    Supervisor,
    Terminated,
)
from policies import Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Flag, Trace, answer, assert_ended, result
from tests.core.scripted import Doer, doer, held
from tests.routing.members import Start, got, names
from tests.routing.pools import Routee, make_pool, who_handled

system_case = pytest.mark.system_case


class Throttled(Exception):
    """An error that says whether another attempt may do better."""

    retryable = True


# -- who works ------------------------------------------------------------------------


@system_case("D1.1")
def test_a_routee_that_works_is_sent_more_by_its_own_ref_and_can_answer(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    first = pool.ask(flag, block=False)
    trace.wait_for(("holds", "w-1", 1))
    pool.routees[0].tell("more context")
    question = pool.routees[0].ask("a question", block=False)
    flag.set()
    assert [result(first), result(question)] == ["w-1", "a question"]
    assert who_handled(trace, "more context") == ["w-1"]


@system_case("D1.3")
def test_who_fails_for_good_is_named_with_its_error_and_leaves_nothing_behind(
    router: RouterRef, agent: Start, trace: Trace, log: EventLog
) -> None:
    watcher, a, b = agent("watcher"), agent("a", policy=Stop()), agent("b", policy=Stop())
    for ref in (a, b):
        router.join(ref.name, ref)
        answer(watcher, lambda agent, ref=ref: agent.context.watch(ref))
    error = Boom("a panic")
    with pytest.raises(Boom):
        answer(a, error)
    trace.wait_until(lambda notes: any(isinstance(what, Terminated) for what, *_ in notes))
    assert got(trace, watcher) == [Terminated(a, StopReason.FAILED, error)]
    assert names(router) == ["b"]
    assert answer(b, "goes on") == "goes on"
    router.join("a", agent("another"))
    assert log.wait(MemberLeft, "/router").name == "a"


@system_case("D1.4")
def test_when_all_are_cancelled_each_of_those_who_wait_hears_of_it_and_no_route_remains(
    router: RouterRef, member: Start, log: EventLog
) -> None:
    refs = [member(name) for name in "abc"]
    gates = [held(ref) for ref in refs]
    waiting = [ref.ask("work", block=False) for ref in refs]
    stopping = [ref.stop(drain=False, block=False) for ref in refs]
    for gate in gates:
        gate.open()
    for ref, asked in zip(refs, waiting, strict=True):
        with pytest.raises(AgentStoppedError) as caught:
            result(asked)
        assert caught.value.path == ref.path
    assert [result(stopped) for stopped in stopping] == [True] * 3
    assert names(router) == []
    assert sorted(event.name for event in log.of(MemberLeft)) == ["a", "b", "c"]
    assert router.broadcast("anybody?").count == 0


@system_case("D1.5")
def test_who_has_ended_makes_room_for_another_though_nobody_has_asked_for_its_result(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, dispatcher: Any
) -> None:
    crew = system.spawn(spec(Supervisor, "crew", kwargs={"max_children": 1}))

    def hire(name: str) -> AdminResult:
        return crew.start_child(doer(name, trace, dispatcher=dispatcher, restart="temporary"))

    first = hire("first").ref
    assert first is not None
    assert hire("second").outcome is Outcome.MAX_CHILDREN
    first.tell("stop")
    log.wait(AgentStopped, "/crew/first")
    second = hire("second")
    assert second
    assert answer(second.ref, "works") == "works"  # type: ignore[arg-type]


@system_case("D1.6")
def test_more_work_than_there_are_routees_waits_and_comes_back_in_the_order_in_which_it_was_given(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flags = [Flag() for _ in range(5)]
    results = [pool.ask(flag, block=False) for flag in flags]

    def at_work(notes: list[Any]) -> int:
        return [what for what, *_ in notes].count("holds")

    trace.wait_until(lambda notes: at_work(notes) == 2)
    assert sum(ref._cell.queue is not None and len(ref._cell.queue) for ref in pool.routees) == 3
    assert at_work(trace.notes) == 2
    for flag in flags:
        flag.set()
    assert [result(each) for each in results] == ["w-1", "w-2", "w-1", "w-2", "w-1"]


@pytest.mark.case(86)
def test_a_pool_that_shrinks_to_nobody_and_grows_again_has_the_same_kind_of_routees(
    system: ActorSystem, spec: Any
) -> None:
    pool = make_pool(system, spec, size=8)
    assert len({result(pool.ask("name", block=False)) for _ in range(8)}) == 8
    pool.resize(0)
    with pytest.raises(NoRouteesError, match="the pool /pool has no routees"):
        result(pool.ask("name", block=False))
    pool.resize(8)
    assert len({result(pool.ask("name", block=False)) for _ in range(8)}) == 8


# -- what goes wrong ------------------------------------------------------------------


@system_case("D1.7")
def test_an_error_reaches_the_asker_and_the_supervisor_as_it_is(system: ActorSystem, spec: Any, log: EventLog) -> None:
    pool = make_pool(system, spec, size=1)
    error = Throttled("in a minute")
    with pytest.raises(Throttled) as caught:
        result(pool.ask(error, block=False))
    assert caught.value is error
    assert log.wait(AgentFailed, "/pool/w-1").error is error


@system_case("D1.8")
def test_a_routee_that_takes_too_long_or_fails_is_restarted_and_works_on(
    system: ActorSystem, spec: Any, trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, routee=spec(Routee, "w", args=(trace,), deadline=5.0), size=1)
    flag = Flag()
    slow = pool.ask(flag, block=False)
    trace.wait_for(("holds", "w-1", 1))
    clock.advance(5.0)
    with pytest.raises(HandlerTimeout):
        result(slow)
    flag.set()
    assert result(pool.ask("who", block=False)) == 2
    pool.tell(Boom("once more"))
    log.wait(AgentRestarted, "/pool/w-1", times=2)
    assert result(pool.ask("who", block=False)) == 3


@system_case("D1.9")
def test_who_reads_several_can_tell_them_apart_and_one_that_reads_nothing_holds_nobody_up(
    system: ActorSystem, spec: Any, agent: Start, trace: Trace
) -> None:
    class Screen(Enveloped):
        def on_receive(self, message: Any) -> None:
            sender = self.envelope.sender  # type: ignore[union-attr]
            trace.note((message, sender.name, "on screen"))

    with MessageBus(system, broadcast_capacity=2, name="bus") as bus:
        bus.subscribe("asleep")
        bus.subscribe("screen", system.spawn(spec(Screen, "screen")))
        for worker in (agent("w-1"), agent("w-2")):
            answer(worker, lambda agent: [bus.broadcast(number) for number in range(10)] and None)
        seen = trace.wait_until(lambda notes: sum(note[2] == "on screen" for note in notes) == 20)
        for name in ("w-1", "w-2"):
            assert [what for what, who, on in seen if (who, on) == (name, "on screen")] == list(range(10))


# -- parents and children -------------------------------------------------------------


@system_case("D1.10")
def test_who_waits_for_one_gets_the_answer_of_that_one_though_another_ends_first(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flags = Flag(), Flag()
    first, second = (pool.ask(flag, block=False) for flag in flags)
    trace.wait_until(lambda notes: [what for what, *_ in notes].count("holds") == 2)
    flags[1].set()
    assert result(second) == "w-2"
    assert not first.settled
    flags[0].set()
    assert result(first) == "w-1"


@system_case("D1.11")
def test_a_routee_that_wants_another_from_its_own_pool_waits_for_nobody_that_waits_for_it(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, routee=spec(Doer, "w", args=(trace,)), size=1)

    def hire(agent: Agent) -> int:
        pool.resize(2)
        return len(pool.routees)

    assert result(pool.ask(hire, block=False)) == 2
    assert result(pool.routees[0].ask(lambda agent: pool.routees[1].ask("who"), block=False)) == 1
    # And two that would wait for each other are told so, at once.
    boss = system.spawn(spec(Doer, "boss", args=(trace,)))
    child = answer(boss, lambda agent: agent.context.spawn(spec(Doer, "child", args=(trace,))))
    with pytest.raises(AskCycleError, match="/boss/child -> /boss -> /boss/child"):
        answer(boss, lambda agent: child.ask(lambda agent: boss.ask("who")))


@system_case("D1.12")
def test_how_deep_an_agent_is_follows_from_its_path_whoever_has_started_it(
    system: ActorSystem, spec: Any, dispatcher: Any
) -> None:
    class Nested(Agent):
        """Starts another of its kind below it, as deep as the limit."""

        def on_receive(self, message: Any) -> Any:
            depth = self.context.path.count("/")
            if depth == 3:
                raise ReplyError(f"spawn depth limit reached ({depth}/3)")
            return self.context.spawn(spec(Nested, "sub"))

    pool = make_pool(system, spec, routee=spec(Nested, "w"), size=1)
    sub = result(pool.ask("deeper", block=False))
    assert sub.path == "/pool/w-1/sub"
    with pytest.raises(ReplyError, match="spawn depth limit reached"):
        answer(sub, "deeper")
    assert sub.children() == []
    assert answer(answer(system.spawn(spec(Nested, "top")), "deeper"), "deeper").path == "/top/sub/sub"


@system_case("D1.13")
def test_what_one_was_told_is_known_to_that_one_alone(
    system: ActorSystem, spec: Any, router: RouterRef, trace: Trace
) -> None:
    class Remembering(Doer):
        def __init__(self, trace: Trace) -> None:
            super().__init__(trace)
            self.seen = []

    pool = make_pool(system, spec, routee=spec(Remembering, "w", args=(trace,)), size=2)
    ann, bob = pool.routees
    for name, ref in (("ann", ann), ("bob", bob)):
        router.join(name, ref, [f"talk.{name}"])
        assert router.broadcast(f"for {name}", f"talk.{name}").count == 1
        router.send(name, f"to {name}")
    assert answer(ann, lambda agent: list(agent.seen)) == ["for ann", "to ann"]
    assert answer(bob, lambda agent: list(agent.seen)) == ["for bob", "to bob"]


@system_case("D1.14")
def test_nobody_speaks_as_another_not_even_as_one_who_is_outside(
    system: ActorSystem, spec: Any, agent: Start, router: RouterRef, trace: Trace
) -> None:
    class Chief(Enveloped):
        def on_receive(self, message: Any) -> Any:
            return self.envelope

    chief = system.spawn(spec(Chief, "chief"))
    a, b = agent("a"), agent("b")
    forged = answer(a, lambda agent: chief.ask("I am b"))
    assert forged.sender is a
    # Who hands on what another has sent is the one who sent it.
    assert answer(b, lambda agent: chief.ask(forged)).sender is b
    assert answer(chief, "from outside").sender is None


@system_case("D1.15")
@system_case("D0.2")
def test_a_name_that_is_taken_stays_with_the_one_who_has_it_and_comes_free_with_its_end(
    router: RouterRef, member: Start, agent: Start, trace: Trace
) -> None:
    first = member("a")
    second = agent("second")
    for _ in range(3):
        with pytest.raises(ValueError, match="a is already registered"):
            router.join("a", second)
    router.send("a", "still mine")
    assert got(trace, first) == ["still mine"]
    first.stop()
    assert_ended(first)
    router.join("a", second)
    router.send("a", "mine now")
    assert got(trace, second) == ["mine now"]
