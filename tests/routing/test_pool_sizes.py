"""Does a pool grow and shrink without losing anything, as it is told and as its resizer says?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentStarted,
    AgentStopped,
    AgentStoppedError,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    NoRouteesError,
    Resizer,
    StartFailedError,
    StopReason,
)
from policies import Backoff, Restart
from tests.core.helpers import Boom, EventLog, Flag, Trace, assert_ended, elsewhere, result
from tests.routing.pools import Routee, make_pool, names, shares, who_handled

# -- resize ---------------------------------------------------------------------------


def test_a_pool_grows_by_new_routees_at_its_end_and_shrinks_by_the_newest(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    pool = make_pool(system, spec, size=2)
    pool.resize(4)
    assert names(pool) == ["w-1", "w-2", "w-3", "w-4"]
    pool.resize(4)
    pool.resize(1)
    assert names(pool) == ["w-1"]
    for name in ("w-2", "w-3", "w-4"):
        assert log.wait(AgentStopped, f"/pool/{name}").reason is StopReason.SHUTDOWN
    assert [child.name for child in pool.children()] == ["w-1"]
    pool.resize(3)
    assert names(pool) == ["w-1", "w-2", "w-3"]
    assert pool.is_alive()


@pytest.mark.case(115)
def test_a_routee_that_is_taken_away_skips_and_repeats_nobody(system: ActorSystem, spec: Any) -> None:
    pool = make_pool(system, spec, size=4)
    assert [pool.ask("name") for _ in range(2)] == ["w-1", "w-2"]
    pool.routees[0].stop()
    assert pool.ask("name") == "w-3"
    pool.resize(2)
    assert [pool.ask("name") for _ in range(3)] == ["w-2", "w-3", "w-2"]


def test_who_is_retired_handles_what_it_has_and_gets_nothing_more(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    pool.broadcast(flag)
    trace.wait_until(lambda notes: sum(note[0] == "holds" for note in notes) == 2)
    for number in range(10):
        pool.tell(number)
    retired = pool.routees[1]
    pool.resize(1)
    for number in range(10, 15):
        pool.tell(number)
    assert retired.is_alive()
    assert names(pool) == ["w-1"]
    assert pool.resize(2) is None  # its name is taken as long as it is there
    assert names(pool) == ["w-1", "w-3"]
    flag.set()
    log.wait(AgentStopped, "/pool/w-2")
    trace.wait_until(lambda notes: sum(shares(trace, range(15)).values()) == 15)
    assert shares(trace, range(15)) == {"w-1": 10, "w-2": 5}
    assert log.of(DeadLetter) == []


def test_who_is_retired_comes_back_from_a_crash_for_the_rest(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, clock: Any
) -> None:
    pool = make_pool(system, spec, trace, size=2, policy=Restart(backoff=Backoff(10.0, jitter=0.0)))
    first, second = pool.routees
    second.tell(Boom())
    log.wait(AgentBackingOff, second.path)
    second.tell("rest")
    first.tell(Boom())
    log.wait(AgentBackingOff, first.path)
    pool.resize(0)
    # The first has nothing to come back for.
    log.wait(AgentStopped, first.path)
    clock.advance(10.0)
    log.wait(AgentStopped, second.path)
    assert [note[0] for note in trace.notes if note[1:] == ("w-2", 2)] == ["start", "rest", "stop"]
    assert not [note for note in trace.notes if note[1:] == ("w-1", 2)]


def test_a_pool_may_be_resized_to_nothing_and_lives(system: ActorSystem, spec: Any, log: EventLog) -> None:
    pool = make_pool(system, spec, size=2)
    pool.resize(0)
    log.wait(AgentStopped, "/pool/w-1")
    log.wait(AgentStopped, "/pool/w-2")
    assert pool.routees == ()
    pool.resize(1)
    assert pool.ask("name") == "w-1"


def test_an_inline_ask_that_is_under_way_keeps_its_routee(system: ActorSystem, spec: Any, log: EventLog) -> None:
    class Resizing(Routee):
        def on_receive(self, message: Any) -> Any:
            if message == "nobody":
                self.context.parent.resize(0)  # type: ignore[union-attr]
                return "done"
            return super().on_receive(message)

    pool = make_pool(system, spec, routee=spec(Resizing, "w"), size=1)
    routee = pool.routees[0]
    assert pool.ask("nobody") == "done"
    assert_ended(routee)
    assert log.of(DeadLetter) == []


def test_a_routee_that_does_not_start_ends_the_growth(system: ActorSystem, spec: Any) -> None:
    class Third(Routee):
        def on_start(self) -> None:
            if self.context.name == "w-3":
                raise Boom

    pool = make_pool(system, spec, routee=spec(Third, "w"), size=1)
    with pytest.raises(StartFailedError, match="/pool/w-3"):
        pool.resize(5)
    assert names(pool) == ["w-1", "w-2"]


def test_whoever_comes_second_leaves_the_resizing_to_the_first(system: ActorSystem, spec: Any, trace: Trace) -> None:
    flag = Flag()

    class Slow(Routee):
        def on_start(self) -> None:
            super().on_start()
            if self.context.name == "w-2":
                assert flag.wait()

    pool = make_pool(system, spec, routee=spec(Slow, "w", args=(trace,)), size=1)
    growing = elsewhere(pool.resize, 3)
    trace.wait_for(("start", "w-2", 1))
    pool.resize(2)
    pool.tell("meanwhile")
    assert names(pool) == ["w-1"]
    flag.set()
    result(growing)
    assert names(pool) == ["w-1", "w-2"]
    trace.wait_for(("meanwhile", "w-1", 1))


@pytest.mark.parametrize("size", [-1, 1.0, True, None, "2"], ids=repr)
def test_a_size_is_a_whole_number(system: ActorSystem, spec: Any, size: Any) -> None:
    pool = make_pool(system, spec, size=1)
    with pytest.raises(ValueError, match="size: a whole number of at least 0, not "):
        pool.resize(size)


# -- the resizer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routees", "busy", "messages", "wanted"),
    [
        (4, 4, 8, 4),
        (4, 4, 9, 5),
        (8, 8, 90, 10),
        (12, 12, 99, 12),
        (11, 11, 99, 12),
        (4, 2, 2, 4),
        (4, 1, 1, 3),
        (2, 0, 0, 2),
        (0, 0, 0, 2),
        (20, 20, 20, 12),
    ],
)
def test_a_resizer_decides(routees: int, busy: int, messages: int, wanted: int) -> None:
    assert Resizer(lower=2, upper=12).decide(routees, busy, messages) == wanted


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Resizer(lower=0), "lower: a whole number of at least 1, not 0"),
        (lambda: Resizer(lower=3, upper=2), "upper: a whole number of at least 3, not 2"),
        (lambda: Resizer(every=True), "every: a whole number of at least 1, not True"),
        (lambda: Resizer(pressure=-1), "pressure: a number from 0, not -1"),
        (lambda: Resizer(growth=float("nan")), "growth: a number from 0, not nan"),
        (lambda: Resizer(idle=1.5), "idle: a number from 0 to 1, not 1.5"),
    ],
    ids=["lower", "upper", "every", "pressure", "growth", "idle"],
)
def test_a_resizer_that_makes_no_sense_is_refused(make: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()


def test_a_pool_grows_under_pressure_and_shrinks_when_it_is_idle_by_messages_alone(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, resizer=Resizer(lower=1, upper=3, every=5))
    flag = Flag()
    for _ in range(3):
        pool.tell(flag)  # w-1 is busy with the first
    assert names(pool) == ["w-1"]
    pool.tell("fourth")
    pool.tell("fifth")
    log.wait(AgentStarted, "/pool/w-2")
    for number in range(9):
        pool.tell(number)
    trace.wait_until(lambda notes: sum(note[0] in ("fourth", "fifth") or note[0] in range(9) for note in notes) > 0)
    flag.set()
    trace.wait_until(lambda notes: sum(note[0] in range(9) for note in notes) == 9)
    for number in range(100_000):  # as many as are sent before another thread has done what the first of them asked for
        pool.ask(number, timeout=5.0)
        if log.of(AgentStopped, "/pool/w-2"):
            break
    log.wait(AgentStopped, "/pool/w-2")
    assert names(pool) == ["w-1"]
    assert log.of(DeadLetter) == []


def test_growth_keeps_no_sender_waiting(system: ActorSystem, spec: Any, trace: Trace) -> None:
    flag = Flag()

    class Slow(Routee):
        def on_start(self) -> None:
            super().on_start()
            if self.context.name != "w-1":
                assert flag.wait()

    pool = make_pool(
        system, spec, routee=spec(Slow, "w", args=(trace,)), resizer=Resizer(upper=9, every=1, pressure=0.0)
    )
    for number in range(30):
        pool.tell(number)
    trace.wait_for(("start", "w-2", 1))
    assert not [note for note in trace.notes if note[:2] == ("start", "w-3")]
    flag.set()
    trace.wait_until(lambda notes: sum(shares(trace, range(30)).values()) == 30)


def test_a_resizer_whose_routees_do_not_start_says_so_and_goes_on(
    system: ActorSystem, spec: Any, trace: Trace, lines: list[str]
) -> None:
    class First(Routee):
        def on_start(self) -> None:
            super().on_start()
            if self.context.name != "w-1":
                raise Boom

    pool = make_pool(
        system, spec, routee=spec(First, "w", args=(trace,)), resizer=Resizer(upper=9, every=1, pressure=0.0)
    )
    flag = Flag()
    pool.tell(flag)
    pool.tell("hello")
    trace.wait_for(("start", "w-2", 1))
    flag.set()
    trace.wait_for(("hello", "w-1", 1))
    trace.wait_until(lambda notes: any("/pool could not be resized to 2" in line for line in lines) or pool.tell("x"))
    assert names(pool) == ["w-1"]


# -- bounded mailboxes ----------------------------------------------------------------


def hold_all(pool: Any, trace: Trace, flag: Flag) -> None:
    trace.clear()
    pool.broadcast(flag)
    trace.wait_until(lambda notes: sum(note[0] == "holds" for note in notes) == len(pool.routees))


def test_where_one_has_no_room_the_next_that_has_some_gets_the_message(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=3, mailbox=Mailbox(2))
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.routees[0].tell("before")
    pool.routees[0].tell("before")
    for number in range(4):
        pool.tell(number)
    with pytest.raises(MailboxFullError) as raised:
        pool.tell("one too many")
    assert (raised.value.path, raised.value.capacity) == ("/pool", 6)
    with pytest.raises(MailboxFullError, match=r"/pool is full \(6 messages\)"):
        pool.ask("one too many", timeout=5.0)
    flag.set()
    trace.wait_until(lambda notes: sum(shares(trace, range(4)).values()) == 4)
    assert shares(trace, range(4)) == {"w-2": 2, "w-3": 2}


def test_a_sender_waits_for_room_only_where_there_is_none_at_all(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=2, mailbox=Mailbox(1, overflow="block"))
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.routees[0].tell("before")
    pool.tell(1)
    waiting = elsewhere(pool.tell, 2)
    asking = elsewhere(pool.ask, 3)
    assert shares(trace, range(4)) == {}
    flag.set()
    result(waiting)
    assert result(asking) == 3
    trace.wait_until(lambda notes: sum(shares(trace, range(4)).values()) == 3)


def test_a_sender_that_waits_for_room_gives_up_after_its_time(
    system: ActorSystem, spec: Any, trace: Trace, clock: Any
) -> None:
    pool = make_pool(system, spec, trace, size=2, mailbox=Mailbox(1, overflow="block", timeout=0.0))
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.tell(1)
    pool.tell(2)
    with pytest.raises(MailboxFullError, match=r"/pool is full \(2 messages\)"):
        pool.tell(3)
    flag.set()


def test_a_sender_that_waits_for_room_finds_another_routee_when_its_own_is_retired(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=1, mailbox=Mailbox(1, overflow="block"))
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.tell("before")

    def send() -> None:
        while True:
            try:
                return pool.tell("late")
            except NoRouteesError:  # the second is not there yet
                continue

    sending = elsewhere(send)
    pool.resize(0)
    pool.resize(1)
    flag.set()
    result(sending)
    trace.wait_for(("late", "w-2", 1))
    assert {event.reason for event in log.of(DeadLetter)} <= {"no routees"}


@pytest.mark.parametrize("overflow", ["drop_newest", "drop_oldest"])
def test_what_a_mailbox_drops_by_its_rule_is_a_dead_letter(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, overflow: str
) -> None:
    pool = make_pool(system, spec, trace, size=1, mailbox=Mailbox(1, overflow=overflow))
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.tell("old")
    pool.tell("new")
    dropped = "new" if overflow == "drop_newest" else "old"
    assert [(event.message, event.reason) for event in log.of(DeadLetter)] == [(dropped, f"mailbox full ({overflow})")]
    flag.set()
    kept = "old" if overflow == "drop_newest" else "new"
    trace.wait_for((kept, "w-1", 1))


# -- stop -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ref", "itself"])
def test_a_pool_that_is_stopped_first_handles_what_was_sent_to_it(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, how: str
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    hold_all(pool, trace, flag)
    for number in range(10):
        pool.tell(number)
    if how == "ref":
        stopping = pool.stop(block=False)
        again = pool.stop(block=False)
    else:
        agent: Any = pool._cell.context.agent  # type: ignore[union-attr]
        agent.stop()
        stopping = again = pool.stop(block=False)
    with pytest.raises(AgentStoppedError):
        pool.tell("late")
    with pytest.raises(AgentStoppedError):
        pool.resize(3)
    assert pool.is_alive()
    assert not stopping.settled
    flag.set()
    assert result(stopping)
    assert again.settled
    assert shares(trace, range(10)) == {"w-1": 5, "w-2": 5}
    assert [event.message for event in log.of(DeadLetter)] == ["late"]
    assert log.of(AgentStopped, "/pool")[0].reason is StopReason.REQUESTED
    assert pool.stop() is False


def test_a_pool_that_is_stopped_without_drain_waits_for_no_messages(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    hold_all(pool, trace, flag)
    for number in range(10):
        pool.tell(number)
    draining = pool.stop(block=False)
    stopping = pool.stop(block=False, drain=False)
    flag.set()
    assert result(stopping)
    assert result(draining)
    # One routee is stopped after the other, so they may go on a little.
    assert sum(shares(trace, range(10)).values()) + len(log.of(DeadLetter)) == 10
    assert {event.reason for event in log.of(DeadLetter)} <= {"stopped"}


def test_a_pool_that_is_restarted_while_it_drains_ends_nevertheless(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    hold_all(pool, trace, flag)
    stopping = pool.stop(block=False)
    restarting = elsewhere(system.guardian.ref.restart_child, "pool")
    flag.set()
    assert result(stopping)
    result(restarting)
    assert_ended(pool)


def test_a_routee_that_is_started_while_its_pool_drains_ends_with_it(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=1)
    flag = Flag()
    hold_all(pool, trace, flag)
    stopping = pool.stop(block=False)
    assert pool.start_child(spec(Routee, "late", args=(trace,)))
    flag.set()
    assert result(stopping)
    assert ("stop", "late", 1) in trace.notes


def test_a_pool_without_routees_stops_at_once(system: ActorSystem, spec: Any) -> None:
    pool = make_pool(system, spec, size=0)
    assert pool.stop()
    assert not pool.is_alive()


def test_the_system_ends_a_pool_without_handling_its_mail(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=1)
    flag = Flag()
    hold_all(pool, trace, flag)
    pool.tell("never")
    stopping = elsewhere(system.stop)
    trace.wait_until(lambda notes: pool._cell.final or flag.set() or True)
    flag.set()
    result(stopping)
    assert who_handled(trace, "never") in ([], ["w-1"])
