"""Does a pool give its messages to its routees, and what if one of them is not there?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Addressed,
    Agent,
    AgentBackingOff,
    AgentNotFoundError,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    Delivered,
    Escalated,
    Mailbox,
    MailboxFullError,
    NoRouteesError,
    PoolRef,
    Random,
    Resizer,
    RoundRobin,
    RouteePool,
    StartFailedError,
    StopReason,
)
from policies import Backoff, Restart, Stop
from tests.core.helpers import Boom, EventLog, Flag, Trace, assert_ended, elsewhere, result
from tests.core.worlds import World
from tests.routing.pools import Routee, make_pool, names, shares, who_handled


class Declared(RouteePool):
    routee = ChildSpec(Routee, "w")
    size = 3


def test_a_pool_is_declared_as_a_class_or_by_arguments(system: ActorSystem) -> None:
    declared = system.spawn(Declared, name="declared")
    assert names(declared) == ["w-1", "w-2", "w-3"]
    given = system.spawn(RouteePool, routee=Routee, size=2, pick=RoundRobin(), name="given")
    assert [ref.path for ref in given.routees] == ["/given/Routee-1", "/given/Routee-2"]
    assert system.spawn(Declared, size=1).ask("name") == "w-1"


def test_told_messages_go_straight_to_the_routees_although_the_pool_is_busy(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Busy(RouteePool):
        def on_receive(self, message: Any) -> Any:
            assert message.wait()

    flag = Flag()
    pool = system.spawn(spec(Busy, "pool", kwargs={"routee": spec(Routee, "w", args=(trace,)), "size": 2}))
    AgentRef.tell(pool, flag)
    for number in range(4):
        pool.tell(number)
    trace.wait_until(lambda notes: len(notes) == 6)
    assert shares(trace, range(4)) == {"w-1": 2, "w-2": 2}
    flag.set()


@pytest.mark.case(115)
def test_ten_rounds_over_ten_routees_come_out_exactly_even(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=10)

    def send(sender: int) -> None:
        for number in range(25):
            pool.tell((sender, number))

    for sending in [elsewhere(send, sender) for sender in range(4)]:
        result(sending)
    trace.wait_until(lambda notes: len(notes) == 110)
    assert set(shares(trace, [(a, b) for a in range(4) for b in range(25)]).values()) == {10}


def test_asks_are_answered_by_the_routee_that_is_picked(system: ActorSystem, spec: Any) -> None:
    pool = make_pool(system, spec, size=2)
    assert [pool.ask("name") for _ in range(3)] == ["w-1", "w-2", "w-1"]
    assert [pool.ask("name", timeout=5.0) for _ in range(3)] == ["w-2", "w-1", "w-2"]
    assert [result(pool.ask("name", block=False)) for _ in range(3)] == ["w-1", "w-2", "w-1"]
    with pytest.raises(Boom):
        pool.ask(Boom())
    with pytest.raises(ValueError, match="timeout"):
        pool.ask("name", timeout="5")  # type: ignore[call-overload]


def test_a_broadcast_reaches_all_routees(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=3)
    assert pool.broadcast("all") == Delivered(3)
    trace.wait_until(lambda notes: sum(note[0] == "all" for note in notes) == 3)
    assert sorted(who_handled(trace, "all")) == ["w-1", "w-2", "w-3"]


@pytest.mark.parametrize("overflow", ["reject", "block", "drop_newest"])
def test_a_broadcast_says_who_had_no_room_for_it(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, overflow: str
) -> None:
    pool = make_pool(system, spec, trace, size=2, mailbox=Mailbox(capacity=1, overflow=overflow))
    flag = Flag()
    pool.tell(flag)
    trace.wait_for(("holds", "w-1", 1))
    assert pool.broadcast("first") == Delivered(2)
    trace.wait_for(("first", "w-2", 1))
    delivered = pool.broadcast("second")
    flag.set()
    assert (delivered.count, delivered.dropped) == (1, 1)
    assert [(name, type(error)) for name, error in delivered.lost] == [("w-1", MailboxFullError)]
    assert [(letter.path, letter.message) for letter in log.of(DeadLetter)] == [("/pool/w-1", "second")]
    trace.wait_for(("second", "w-2", 1))


def test_a_proxy_of_a_pool_is_one_of_its_routees(system: ActorSystem) -> None:
    class Adder(Agent):
        def __init__(self) -> None:
            self.total = 0

        def add(self, number: int) -> int:
            self.total += number
            return self.total

    pool = system.spawn(RouteePool, routee=Adder, size=2)
    proxy: Any = pool.proxy()
    assert [proxy.add(1).get(), proxy.add(10).get(), proxy.add(1).get()] == [1, 10, 2]
    assert proxy.total.get() == 10


def test_a_routee_may_be_a_pool_itself(system: ActorSystem, spec: Any) -> None:
    inner = ChildSpec(RouteePool, "inner", kwargs={"routee": spec(Routee, "w"), "size": 2})
    pool = make_pool(system, spec, routee=inner, size=2)
    paths = [pool.ask("name") for _ in range(4)]
    assert Counter(paths) == {"w-1": 2, "w-2": 2}
    assert result(pool.ask("name", block=False, timeout=5.0)) == "w-1"
    pool.tell("hello")
    assert pool.stop()


# -- nobody ---------------------------------------------------------------------------


@pytest.mark.case(116)
def test_without_routees_each_message_is_an_error_at_once_and_a_dead_letter(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    pool = make_pool(system, spec, size=0)
    with pytest.raises(NoRouteesError) as raised:
        pool.tell("told")
    assert isinstance(raised.value, AgentNotFoundError)
    assert raised.value.path == "/pool"
    with pytest.raises(NoRouteesError):
        pool.ask("asked")
    with pytest.raises(NoRouteesError):
        pool.ask("asked in time", timeout=5.0)
    future = pool.ask("asked aside", block=False)
    with pytest.raises(NoRouteesError):
        result(future)
    with pytest.raises(NoRouteesError):
        pool.broadcast("all")
    dead = [(event.path, event.message, event.reason) for event in log.of(DeadLetter)]
    messages = ["told", "asked", "asked in time", "asked aside", "all"]
    assert dead == [("/pool", message, "no routees") for message in messages]


def test_who_has_ended_gets_nothing_from_that_moment_on(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=2)

    def send(event: AgentStopped) -> None:
        if event.path == "/pool/w-1":
            # The end is told of before the routee is out of the books.
            pool.tell("one")
            pool.tell("two")

    system.events.subscribe(send, AgentStopped)
    assert pool.routees[0].stop()
    trace.wait_for(("two", "w-2", 1))
    assert who_handled(trace, "one") == who_handled(trace, "two") == ["w-2"]
    assert log.of(DeadLetter) == []


def test_an_ended_pool_refuses_as_any_agent_does(system: ActorSystem, spec: Any, log: EventLog) -> None:
    pool = make_pool(system, spec, size=2)
    assert pool.stop()
    with pytest.raises(AgentStoppedError):
        pool.tell("late")
    with pytest.raises(AgentStoppedError):
        pool.ask("late")
    with pytest.raises(AgentStoppedError):
        pool.broadcast("late")
    with pytest.raises(AgentStoppedError):
        pool.resize(3)
    assert [event.reason for event in log.of(DeadLetter, "/pool")] == ["stopped"] * 3
    assert pool.routees == ()


# -- ends of routees ------------------------------------------------------------------


@pytest.mark.case(114)
@pytest.mark.parametrize("end", ["itself", "stop", "failure", "kill"])
def test_a_dead_routee_is_skipped_and_the_pool_ends_with_its_last(
    system: ActorSystem, spec: Any, log: EventLog, end: str
) -> None:
    pool = make_pool(system, spec, size=3, policy=Stop())
    first, second, third = pool.routees
    ends = {
        "itself": lambda ref: ref.tell("stop"),
        "stop": lambda ref: ref.stop(),
        "failure": lambda ref: ref.tell(Boom()),
        "kill": lambda ref: ref.stop(drain=False),
    }
    ends[end](second)
    log.wait(AgentStopped, "/pool/w-2")
    assert names(pool) == ["w-1", "w-3"]
    assert [pool.ask("name") for _ in range(4)] == ["w-1", "w-3", "w-1", "w-3"]
    ends[end](first)
    log.wait(AgentStopped, "/pool/w-1")
    assert pool.ask("name") == "w-3"
    assert pool.is_alive()
    ends[end](third)
    assert_ended(pool)
    assert log.wait(AgentStopped, "/pool").reason is StopReason.NORMAL
    assert [child.name for child in pool.children()] == []


@pytest.mark.case(114)
def test_with_a_resizer_the_pool_lives_on_without_routees_and_gets_new_ones(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, resizer=Resizer(lower=2, upper=3))
    for routee in pool.routees:
        routee.stop()
    log.wait(AgentStopped, "/pool/w-1")
    log.wait(AgentStopped, "/pool/w-2")
    with pytest.raises(NoRouteesError):
        pool.tell("too early")
    trace.wait_until(lambda notes: notes.count(("start", "w-2", 1)) == 2)
    pool.tell("in time")
    trace.wait_for(("in time", "w-1", 1))
    assert pool.is_alive()


@pytest.mark.case(114)
def test_a_permanent_pool_that_ended_with_its_last_routee_comes_back_with_new_ones(world: World, spec: Any) -> None:
    system = world.system("again", policy=Restart())
    log = EventLog(system)
    options = {"routee": spec(Routee, "w"), "size": 1}
    pool = system.spawn(spec(RouteePool, "pool", kwargs=options, restart="permanent"))
    pool.routees[0].stop()
    log.wait(AgentRestarted, "/pool")
    assert pool.ask("name", timeout=5.0) == "w-1"


def test_a_routee_that_was_terminated_can_be_started_again(system: ActorSystem, spec: Any) -> None:
    pool = make_pool(system, spec, size=2)
    assert pool.terminate_child("w-1")
    assert pool.terminate_child("w-2")
    assert pool.is_alive()
    assert pool.routees == ()
    assert pool.restart_child("w-2")
    assert pool.ask("name") == "w-2"
    assert pool.start_child(spec(Routee, "guest"))
    assert [pool.ask("name") for _ in range(2)] == ["w-2", "guest"]


# -- failures of routees --------------------------------------------------------------


@pytest.mark.case(118)
def test_a_routee_that_crashes_with_a_backlog_goes_on_with_it_without_a_new_message(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    pool.tell(flag)
    pool.tell("other")
    pool.tell(Boom())
    pool.tell("other")
    pool.tell("job 1")
    pool.tell("other")
    pool.tell("job 2")
    flag.set()
    trace.wait_for(("job 2", "w-1", 2))
    assert [note for note in trace.notes if note[1] == "w-1"] == [
        ("start", "w-1", 1), ("holds", "w-1", 1), ("failure", "w-1", 1),
        ("start", "w-1", 2), ("job 1", "w-1", 2), ("job 2", "w-1", 2),
    ]  # fmt: skip
    assert names(pool) == ["w-1", "w-2"]


@pytest.mark.case(119)
def test_by_default_a_failure_escalates_and_the_restart_of_the_pool_renews_all_routees(world: World, spec: Any) -> None:
    system = world.system("renewed", policy=Restart())
    log, trace = EventLog(system), Trace()
    routee = spec(Routee, "w", args=(trace,))
    pool = system.spawn(spec(RouteePool, "pool", kwargs={"routee": routee, "size": 3}))
    old = pool.routees
    pool.tell(Boom())
    log.wait(AgentRestarted, "/pool")
    assert log.of(Escalated)[0].path == "/pool/w-1"
    assert pool.incarnation == 2
    assert names(pool) == ["w-1", "w-2", "w-3"]
    assert set(old).isdisjoint(pool.routees)
    assert not any(ref.is_alive() for ref in old)
    assert [pool.ask("name") for _ in range(3)] == ["w-1", "w-2", "w-3"]


@pytest.mark.parametrize("pick", [RoundRobin(), Random(seed=1)], ids=lambda pick: type(pick).__name__)
def test_what_is_sent_while_the_pool_is_restarted_waits_for_its_next_routees(
    world: World, spec: Any, pick: Any
) -> None:
    system = world.system("renewed", policy=Restart())
    log, trace = EventLog(system), Trace()
    flag = Flag()

    class Slow(Routee):
        def on_start(self) -> None:
            super().on_start()
            if self.context.name == "w-1" and log.of(Escalated):
                self.trace.note("renewing")
                assert flag.wait()

    pool = system.spawn(
        spec(RouteePool, "pool", kwargs={"routee": spec(Slow, "w", args=(trace,)), "size": 2, "pick": pick})
    )
    pool.routees[1].tell(Boom())
    trace.wait_for("renewing")
    pool.tell("job 1")
    asked = pool.ask("job 2", block=False)
    pool.tell("job 3")
    assert not asked.settled
    flag.set()
    assert result(asked) == "job 2"
    trace.wait_until(lambda notes: sum(str(note[0]).startswith("job") for note in notes) == 3)
    assert log.of(DeadLetter, "/pool") == []


def test_a_routee_that_is_restarted_keeps_its_mail_and_gets_more(
    system: ActorSystem, spec: Any, trace: Trace, clock: Any, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=2, policy=Restart(backoff=Backoff(10.0, jitter=0.0)))
    pool.tell(Boom())
    log.wait(AgentBackingOff, "/pool/w-1")
    for number in range(4):
        pool.tell(number)
    trace.wait_until(lambda notes: shares(trace, range(4)) == {"w-2": 2})
    assert names(pool) == ["w-1", "w-2"]
    clock.advance(10.0)
    trace.wait_until(lambda notes: shares(trace, range(4)) == {"w-1": 2, "w-2": 2})


# -- what makes no sense --------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 2}, "routee: a ChildSpec or a subclass of Agent, not None"),
        ({"routee": "w", "size": 2}, "routee: a ChildSpec or a subclass of Agent, not 'w'"),
        ({"routee": Routee}, "size: a whole number of at least 0, not None"),
        ({"routee": Routee, "size": -1}, "size: a whole number of at least 0, not -1"),
        ({"routee": Routee, "size": True}, "size: a whole number of at least 0, not True"),
        (
            {"routee": Routee, "size": 9, "resizer": Resizer(2, 8)},
            "size: 9 is not between 2 and 8, as the resizer has it",
        ),
        ({"routee": Routee, "size": 2, "pick": RoundRobin}, "pick: a strategy such as RoundRobin"),
        ({"routee": Routee, "size": 2, "resizer": 3}, "resizer: a Resizer or None, not 3"),
        ({"routee": Routee, "size": 2, "strategy": "one"}, "strategy: one of"),
        ({"routee": ChildSpec(Routee, significant=True), "size": 2}, "significant"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value.partition(",")[0],
)
def test_a_pool_that_makes_no_sense_does_not_start(
    system: ActorSystem, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StartFailedError) as raised:
        system.spawn(RouteePool, **options, name="pool")
    assert complaint in str(raised.value.cause)
    assert system.find("/pool") is None


def test_a_routee_that_does_not_start_fails_the_start_of_the_pool(system: ActorSystem, log: EventLog) -> None:
    class Third(Routee):
        def on_start(self) -> None:
            if self.context.name == "w-3":
                raise Boom

    with pytest.raises(StartFailedError) as raised:
        system.spawn(RouteePool, routee=ChildSpec(Third, "w"), size=4, name="pool")
    assert isinstance(raised.value.cause, StartFailedError)
    assert raised.value.cause.path == "/pool/w-3"
    assert [event.path for event in log.of(AgentStopped)] == ["/pool/w-2", "/pool/w-1"]


def test_a_notice_of_a_death_that_a_pool_watches_is_its_own(system: ActorSystem, log: EventLog) -> None:
    class Watching(RouteePool):
        routee = Routee
        size = 1

        def on_start(self) -> None:
            self.context.watch(system.find("/watched"))

    system.spawn(Routee, name="watched")
    pool = system.spawn(Watching, name="pool")
    system.find("/watched").stop()  # type: ignore[union-attr]
    assert_ended(pool)
    assert "DeathPactError" in repr(log.wait(AgentStopped, "/pool").error)


def test_the_static_type_of_a_pools_ref_is_its_own() -> None:
    assert issubclass(RouteePool, Addressed)
    assert RouteePool.ref_class is PoolRef
