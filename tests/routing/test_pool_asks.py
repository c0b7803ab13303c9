"""What is the answer where all routees of a pool are asked, or the one that was asked cannot give it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    Broadcasting,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    RouteePool,
    ScatterGather,
)
from policies import Backoff, Restart, Stop
from tests.core.helpers import Boom, EventLog, Flag, Trace, elsewhere, result
from tests.core.worlds import World
from tests.routing.pools import Routee, make_pool, who_handled


class Choosy(Routee):
    """Does to a message what it says for its own name: waits at a flag, fails, or answers."""

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, dict):
            return super().on_receive(message)
        do = message.get(self.context.name, message.get("else"))
        self.say("begins")
        if isinstance(do, Flag):
            assert do.wait()
            self.say(("cancelled", self.context.cancelled))
        if isinstance(do, Exception):
            raise do
        return self.context.name


def scatter(system: ActorSystem, spec: Any, trace: Trace | None = None, **options: Any) -> Any:
    options.setdefault("pick", ScatterGather(within=5.0))
    options.setdefault("routee", spec(Choosy, "w", args=(trace,)))
    return make_pool(system, spec, **options)


# -- scatter and gather ---------------------------------------------------------------


def test_the_first_answer_wins(system: ActorSystem, spec: Any) -> None:
    pool = scatter(system, spec, size=3)
    flag = Flag()
    assert pool.ask({"w-1": flag, "w-3": flag}) == "w-2"
    assert pool.ask({"w-1": flag, "w-3": flag}, timeout=2.0) == "w-2"
    asked = pool.ask({"w-1": flag, "w-3": flag}, block=False)
    assert result(asked) == "w-2"
    flag.set()


@pytest.mark.case(116)
def test_an_answer_comes_although_one_of_them_has_stopped(system: ActorSystem, spec: Any, log: EventLog) -> None:
    pool = scatter(system, spec, size=3)
    pool.routees[0].stop()
    assert pool.ask({"w-2": Boom()}) == "w-3"


def test_who_has_begun_is_told_that_nobody_waits_and_who_has_not_does_not_begin(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = scatter(system, spec, trace, size=3)
    busy, flag = Flag(), Flag()
    pool.routees[2].tell(busy)
    trace.wait_for(("holds", "w-3", 1))
    never = Flag()
    asked = pool.ask({"w-1": flag, "w-2": never}, block=False)
    trace.wait_for(("begins", "w-1", 1))
    trace.wait_for(("begins", "w-2", 1))
    assert not asked.settled
    flag.set()
    assert result(asked) == "w-1"
    never.set()
    busy.set()
    assert pool.routees[2].ask("name", timeout=5.0) == "w-3"
    assert ("begins", "w-3", 1) not in trace.notes
    assert ("w-3", "expired") in [(event.path.rpartition("/")[2], event.reason) for event in log.of(DeadLetter)]


def test_the_others_are_cancelled_and_their_late_answers_are_no_dead_letters(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    pool = scatter(system, spec, trace, size=2)
    flag, other = Flag(), Flag()
    asked = pool.ask({"w-1": flag, "w-2": other}, block=False)
    trace.wait_for(("begins", "w-1", 1))
    trace.wait_for(("begins", "w-2", 1))
    flag.set()
    assert result(asked) == "w-1"
    other.set()
    trace.wait_for((("cancelled", False), "w-1", 1))
    trace.wait_for((("cancelled", True), "w-2", 1))
    assert pool.routees[1].ask("name", timeout=5.0) == "w-2"
    assert log.of(DeadLetter) == []


@pytest.mark.parametrize("block", [True, False])
def test_errors_count_only_when_nobody_is_left_and_then_the_last_one(
    system: ActorSystem, spec: Any, trace: Trace, block: bool
) -> None:
    pool = scatter(system, spec, trace, size=2)
    slow = Flag()

    def ask() -> Any:
        message = {"w-1": Boom("at once"), "w-2": slow}
        return pool.ask(message) if block else result(pool.ask(message, block=False))

    asked = elsewhere(ask)
    trace.wait_for(("begins", "w-1", 1))
    trace.wait_for(("begins", "w-2", 1))
    assert not asked.settled
    slow.set()
    assert result(asked) == "w-2"
    with pytest.raises(Boom, match="one of two"):
        pool.ask({"else": Boom("one of two")})


def test_nobody_answers_within_the_time(system: ActorSystem, spec: Any, clock: Any, trace: Trace) -> None:
    pool = scatter(system, spec, trace, size=2)
    flag = Flag()
    asked = elsewhere(pool.ask, {"else": flag})
    trace.wait_until(lambda notes: sum(note[0] == "begins" for note in notes) == 2)
    clock.advance(5.0)
    with pytest.raises(AskTimeout) as raised:
        result(asked)
    assert raised.value.path == "/pool"
    flag.set()
    trace.wait_until(lambda notes: sum(note[0] == ("cancelled", True) for note in notes) == 2)


def test_a_timeout_of_the_ask_holds_if_it_is_shorter(system: ActorSystem, spec: Any, clock: Any, trace: Trace) -> None:
    pool = scatter(system, spec, trace, size=2)
    flag = Flag()
    asked = pool.ask({"else": flag}, block=False, timeout=2.0)
    clock.advance(2.0)
    with pytest.raises(AskTimeout):
        asked.get()
    flag.set()


def test_a_routee_that_asks_its_own_pool_is_answered_by_another(system: ActorSystem, spec: Any) -> None:
    class Asking(Choosy):
        def on_receive(self, message: Any) -> Any:
            if message == "ask the pool":
                return self.context.system.find("/pool").ask({})  # type: ignore[union-attr]
            return super().on_receive(message)

    pool = scatter(system, spec, routee=spec(Asking, "w"), size=2)
    assert result(pool.routees[0].ask("ask the pool", block=False)) == "w-2"
    pool.routees[1].stop()
    with pytest.raises(AskCycleError, match="/pool/w-1 -> /pool/w-1"):
        result(pool.routees[0].ask("ask the pool", block=False))


def test_a_told_message_goes_to_all(system: ActorSystem, spec: Any, trace: Trace) -> None:
    for pick in (ScatterGather(within=1.0), Broadcasting()):
        trace.clear()
        pool = scatter(system, spec, trace, size=3, pick=pick)
        pool.tell("hello")
        trace.wait_until(lambda notes: len([note for note in notes if note[0] == "hello"]) == 3)
        assert sorted(who_handled(trace, "hello")) == ["w-1", "w-2", "w-3"]
        pool.stop()


# -- broadcasting ---------------------------------------------------------------------


def test_all_answers_come_in_start_order(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = scatter(system, spec, trace, size=3, pick=Broadcasting())
    flag = Flag()
    asked = pool.ask({"w-1": flag}, block=False)
    assert result(pool.routees[2].ask("name", block=False)) == "w-3"
    assert not asked.settled
    flag.set()
    assert result(asked) == ["w-1", "w-2", "w-3"]
    assert pool.ask({}, timeout=5.0) == ["w-1", "w-2", "w-3"]
    assert pool.ask({}) == ["w-1", "w-2", "w-3"]


def test_the_first_error_in_start_order_is_raised_once_all_have_answered(system: ActorSystem, spec: Any) -> None:
    pool = scatter(system, spec, size=3, pick=Broadcasting())
    with pytest.raises(Boom, match="second"):
        pool.ask({"w-2": Boom("second"), "w-3": Boom("third")})
    assert pool.ask({}) == ["w-1", "w-2", "w-3"]


def test_all_are_waited_for_until_the_timeout(system: ActorSystem, spec: Any, clock: Any) -> None:
    pool = scatter(system, spec, size=2, pick=Broadcasting())
    flag = Flag()
    asked = pool.ask({"w-2": flag}, block=False, timeout=3.0)
    clock.advance(3.0)
    with pytest.raises(AskTimeout):
        asked.get()
    flag.set()


def test_a_routee_that_asks_all_of_its_own_pool_is_told_of_the_cycle(system: ActorSystem, spec: Any) -> None:
    class Asking(Routee):
        def on_receive(self, message: Any) -> Any:
            if message == "ask the pool":
                return self.context.system.find("/pool").ask("name")  # type: ignore[union-attr]
            return super().on_receive(message)

    pool = make_pool(system, spec, routee=spec(Asking, "w"), size=3, pick=Broadcasting())
    with pytest.raises(AskCycleError):
        result(pool.routees[1].ask("ask the pool", block=False))


def test_who_has_no_room_loses_what_goes_to_all(system: ActorSystem, spec: Any, trace: Trace, log: EventLog) -> None:
    routee = spec(Choosy, "w", args=(trace,), mailbox=Mailbox(1, overflow="block"))
    pool = scatter(system, spec, routee=routee, size=2, pick=Broadcasting())
    flag = Flag()
    pool.routees[0].tell(flag)
    trace.wait_for(("holds", "w-1", 1))
    pool.routees[0].tell("fits")
    delivered = pool.broadcast("all")
    assert (delivered.count, delivered.dropped) == (1, 1)
    assert [(name, type(error)) for name, error in delivered.lost] == [("w-1", MailboxFullError)]
    trace.wait_for(("all", "w-2", 1))
    pool.tell("told")
    assert [(event.path, event.message, event.reason) for event in log.of(DeadLetter)] == [
        ("/pool/w-1", "all", DeadLetterReason.FULL),
        ("/pool/w-1", "told", DeadLetterReason.FULL),
    ]
    trace.wait_for(("told", "w-2", 1))
    with pytest.raises(MailboxFullError, match="/pool/w-1"):
        pool.ask({})
    flag.set()


# -- the end of the one that was asked ------------------------------------------------


def test_an_ask_whose_routee_ends_is_told_so(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=2)
    flag = Flag()
    first = pool.ask(flag, block=False)
    assert pool.ask("name", timeout=5.0) == "w-2"
    second = pool.ask("name", block=False)
    trace.wait_for(("holds", "w-1", 1))
    stopping = pool.routees[0].stop(block=False, drain=False)
    flag.set()
    assert result(stopping)
    with pytest.raises(AgentStoppedError, match="w-1"):
        result(second)
    assert result(first) == "w-1"


def test_a_cycle_through_a_pool_is_found(system: ActorSystem, spec: Any) -> None:
    class Asker(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.context.system.find("/pool").ask("back", timeout=5.0)  # type: ignore[union-attr]

    class Back(Routee):
        def on_receive(self, message: Any) -> Any:
            return self.context.system.find("/asker").ask("again", timeout=5.0)  # type: ignore[union-attr]

    make_pool(system, spec, routee=spec(Back, "w"), size=1)
    asker = system.spawn(spec(Asker, "asker"))
    with pytest.raises(AskCycleError, match="/pool/w-1"):
        result(asker.ask("go", block=False))


@pytest.mark.parametrize("pick", [ScatterGather(within=50.0), Broadcasting()], ids=["first", "all"])
def test_an_ask_of_all_waits_for_the_restart_of_the_pool(world: World, spec: Any, pick: Any) -> None:
    system = world.system("renewed", policy=Restart(backoff=Backoff(10.0, jitter=0.0)))
    log, trace = EventLog(system), Trace()
    options = {"routee": spec(Choosy, "w", args=(trace,)), "size": 2, "pick": pick}
    pool = system.spawn(spec(RouteePool, "pool", kwargs=options))
    pool.routees[0].tell(Boom())
    log.wait(AgentBackingOff, "/pool")
    asked = pool.ask({}, block=False)
    pool.tell("told")
    assert not asked.settled
    world.clock.advance(10.0)
    log.wait(AgentRestarted, "/pool")
    assert result(asked) in ("w-1", "w-2", ["w-1", "w-2"])
    trace.wait_until(lambda notes: "told" in [note[0] for note in notes])


def test_what_waits_for_a_pool_that_never_comes_back_is_refused(world: World, spec: Any) -> None:
    system = world.system("gone", policy=Stop())
    pool = system.spawn(RouteePool, routee=spec(Routee, "w"), size=1, name="pool")
    log = EventLog(system)
    asked = pool.ask(Boom(), block=False)
    with pytest.raises(Boom):
        result(asked)
    assert log.wait(AgentStopped, "/pool").error is asked._error
    with pytest.raises(AgentStoppedError):
        pool.ask("late")
