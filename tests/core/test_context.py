"""What can an agent do while it handles a message, and what is refused to it once it has ended?"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentFuture,
    AgentRestarted,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    HandlerTimeout,
    Mailbox,
    MailboxFullError,
    PipeFailed,
)
from actors._core.context import Context, describe
from actors.testkit import Gate
from policies import Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, number, start, stop
from tests.core.helpers import Boom, EventLog, Flag, Trace, answer, elsewhere, result

AGAIN = Restart(max_restarts=5, within=None)


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Quiet(Agent):
    """Has no handler."""


# -- behaviour and stash ---------------------------------------------------------


def test_behaviours_are_stacked_and_the_first_one_stays(system: ActorSystem) -> None:
    class Layered(Agent):
        def on_receive(self, message: str) -> str:
            if message == "pop":
                self.context.unbecome()
            elif message.startswith("push"):
                self.context.become(lambda next_: self.on_receive(next_) if next_ == "pop" else f"{message} {next_}")
            return f"own {message}"

    agent = system.spawn(Layered)
    asked = ["a", "push1", "b", "pop", "c", "pop", "d"]
    assert [answer(agent, message) for message in asked] == [
        "own a",
        "own push1",
        "push1 b",
        "own pop",
        "own c",
        "own pop",
        "own d",
    ]


def test_an_ask_on_the_askers_thread_may_be_stashed_and_is_answered_later(system: ActorSystem) -> None:
    aside = Flag()

    class Door(Agent):
        closed = True

        def on_receive(self, message: str) -> str:
            if message == "open":
                self.closed = False
                self.context.unstash_all()
            elif self.closed:
                self.context.stash()
                aside.set()
            return f"through: {message}"

    door = system.spawn(Door)
    asking = elsewhere(lambda: door.ask("me"))
    assert aside.wait(10)
    assert not asking.settled
    assert answer(door, "open") == "through: open"
    assert result(asking) == "through: me"


# -- results of futures ----------------------------------------------------------


def piped(future: Any, convert: Any = None) -> Any:
    return lambda agent: agent.context.pipe_to_self(future, convert)


def test_the_value_of_any_future_becomes_a_message(system: ActorSystem, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    other = system.spawn(Doer)
    ours: AgentFuture[str] = AgentFuture()
    executors: Future[str] = Future()
    answer(agent, piped(ours))
    answer(agent, piped(executors, str.upper))
    answer(agent, lambda agent: agent.context.pipe_to_self(other.ask("asked", block=False)))
    trace.wait_for("asked")
    ours.set("ours")
    trace.wait_for("ours")
    executors.set_result("executor's")
    assert trace.wait_for("EXECUTOR'S") == ["asked", "ours", "EXECUTOR'S"]


def test_what_a_future_or_its_conversion_raises_becomes_a_message(system: ActorSystem, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    failed, unconverted, cancelled = Boom("failed"), Boom("not converted"), Future[Any]()

    def convert(value: Any) -> Any:
        raise unconverted

    settled: AgentFuture[int] = AgentFuture()
    settled.resolve(error=failed)
    value: AgentFuture[int] = AgentFuture()
    value.set(1)
    answer(agent, piped(settled))
    answer(agent, piped(value, convert))
    answer(agent, piped(cancelled))
    cancelled.cancel()
    notes = trace.wait_until(lambda notes: len(notes) == 3)
    assert notes[:2] == [PipeFailed(failed), PipeFailed(unconverted)]
    assert type(notes[2].error).__name__ == "CancelledError"


def test_a_result_that_comes_after_a_restart_is_a_dead_letter(system: ActorSystem, log: EventLog, trace: Trace) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", args=(trace,), policy=AGAIN))
    late: AgentFuture[str] = AgentFuture()
    answer(agent, piped(late))
    agent.tell(crash)
    log.wait(AgentRestarted)
    late.set("late")
    letter = log.of(DeadLetter, "/a")[-1]
    assert (letter.message, letter.reason) == ("late", "stale incarnation")
    assert answer(agent, number) == 2
    assert trace.notes == []


def test_a_result_for_which_there_is_no_room_is_a_dead_letter(system: ActorSystem, log: EventLog) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", mailbox=Mailbox(capacity=1)))
    results: list[AgentFuture[str]] = [AgentFuture(), AgentFuture()]
    gate = Gate()
    agent.tell(lambda agent: ([agent.context.pipe_to_self(future) for future in results], gate.wait()))
    gate.reached()
    results[0].set("first")
    results[1].set("second")
    letter = log.wait(DeadLetter, "/a")
    assert (letter.message, letter.reason, type(letter.error)) == ("second", "mailbox full", MailboxFullError)
    gate.open()


def test_a_result_that_meets_the_end_of_its_agent_is_one_dead_letter(system: ActorSystem, log: EventLog) -> None:
    gate, early = Gate(), AgentFuture[str]()

    class Slow(Doer):
        def on_stop(self) -> None:
            gate.wait()

    agent = system.spawn(Slow, name="a")
    answer(agent, piped(early))
    stopping = agent.stop(block=False)
    gate.reached()
    early.set("too late")
    gate.open()
    assert result(stopping) is True
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/a")] == [("too late", "stopped")]


@pytest.mark.parametrize("error", [Boom("no"), SystemExit(3)], ids=["error", "exit"])
def test_what_a_callback_raises_stays_with_the_callback(
    system: ActorSystem, lines: list[str], error: BaseException
) -> None:
    class Failing(Unprintable):
        def __call__(self) -> None:
            raise error

    agent = system.spawn(Doer)
    gate = Gate()
    future = agent.ask(busy_at(gate), block=False)
    gate.reached()
    future.add_done_callback(Failing())
    gate.open()
    result(future)
    assert answer(agent, "hello") == "hello"
    assert lines == ["a callback of a future failed: <Failing that cannot be printed>"]


# -- time ------------------------------------------------------------------------


def test_a_heartbeat_puts_the_deadline_off(system: ActorSystem, clock: WatchedClock) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", deadline=2.0))
    first, second = Gate(), Gate()

    def work(agent: Doer) -> str:
        first.wait()
        agent.context.heartbeat()
        second.wait()
        return "done"

    asked = agent.ask(work, block=False)
    first.reached()
    clock.advance(1.5)
    first.open()
    second.reached()
    clock.advance(1.5)
    assert system.tree().find("/a").seconds == 1.5  # type: ignore[union-attr]
    second.open()
    assert result(asked) == "done"


def test_a_heartbeat_between_messages_means_nothing(system: ActorSystem) -> None:
    agent = system.spawn(Doer)
    context = answer(agent, lambda agent: agent.context)
    context.heartbeat()
    assert answer(agent, "hello") == "hello"


def test_a_heartbeat_at_the_moment_of_the_abandonment_tells_so(system: ActorSystem) -> None:
    agent = system.spawn(Doer)
    context = answer(agent, lambda agent: agent.context)

    class Taken(list[float]):
        """A turn that is taken away between the look and the beat."""

        def __bool__(self) -> bool:
            context.fenced = True
            return True

    context.baton = Taken()
    with pytest.raises(Cancelled, match="has ended: it can no longer act"):
        context.heartbeat()
    context.fenced, context.baton = False, None


@pytest.mark.leaves_orphans
def test_an_abandoned_incarnation_gets_cancelled_from_all_that_it_does(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", deadline=1.0, policy=AGAIN))
    gate, refused = Gate(), Trace()

    def hang(agent: Doer) -> None:
        context = agent.context
        gate.wait()
        acts: dict[str, Any] = {
            "spawn": lambda: context.spawn(Doer),
            "watch": lambda: context.watch(context.ref),
            "become": lambda: context.become(print),
            "unbecome": context.unbecome,
            "stash": context.stash,
            "unstash_all": context.unstash_all,
            "timers": lambda: context.timers,
            "set_receive_timeout": lambda: context.set_receive_timeout(1.0),
            "heartbeat": context.heartbeat,
            "pipe_to_self": lambda: context.pipe_to_self(AgentFuture()),
            "check": context.check,
        }
        for name, act in acts.items():
            try:
                act()
            except Cancelled as error:
                refused.note((name, error.args[0].startswith("/a #1 ")))
        refused.note("done" if context.cancelled else "not cancelled")

    asked = agent.ask(hang, block=False)
    gate.reached()
    clock.advance_to(1.0)
    with pytest.raises(HandlerTimeout):
        result(asked)
    log.wait(AgentAbandoned)
    assert answer(agent, number) == 2
    gate.open()
    notes = refused.wait_for("done")
    assert len(notes) == 12
    assert all(told for _, told in notes[:-1])


# -- to give up ------------------------------------------------------------------


def test_an_ask_inside_an_ask_is_cancelled_with_the_first(system: ActorSystem) -> None:
    gate = Gate()

    def look(agent: Doer) -> bool:
        gate.wait()
        return agent.context.cancelled

    outer, inner = system.spawn(Doer, name="outer"), system.spawn(Doer, name="inner")
    heard = Trace()
    outer.tell(lambda _: heard.note(inner.ask(look)))
    gate.reached()
    stopping = outer.stop(block=False, drain=False)
    gate.open()
    assert result(stopping) is True
    assert heard.notes == [True]


def test_who_checks_is_told_to_give_up_only_then(system: ActorSystem) -> None:
    gate = Gate()

    def work(agent: Doer) -> None:
        agent.context.check()
        gate.wait()
        agent.context.check()

    agent = system.spawn(Doer, name="a")
    asked = agent.ask(work, block=False)
    gate.reached()
    stopping = agent.stop(block=False, drain=False)
    gate.open()
    with pytest.raises(Cancelled, match=r"^/a #1 was told to give up"):
        result(asked)
    assert result(stopping) is True


def test_who_gives_up_because_its_asker_has_is_no_failure(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    gate = Gate()

    def work(agent: Doer) -> None:
        gate.wait()
        agent.context.check()

    agent = system.spawn(Doer, name="a")
    asked = agent.ask(work, block=False, timeout=1.0)
    asked.add_done_callback(lambda: None)  # so that it ends in time, although nobody waits
    gate.reached()
    clock.advance_to(1.0)
    gate.open()
    with pytest.raises(AskTimeout):
        result(asked)
    assert answer(agent, number) == 1
    assert log.of(AgentFailed) == []


def test_two_that_have_asked_each_other_without_waiting_can_look_whether_to_give_up(system: ActorSystem) -> None:
    gate = Gate()
    first, second = system.spawn(Doer, name="first"), system.spawn(Doer, name="second")
    asked: list[AgentFuture[bool]] = []

    def look(agent: Doer) -> bool:
        return agent.context.cancelled

    def ask_back(agent: Doer) -> bool:
        asked.append(first.ask(look, block=False))
        gate.wait()
        return agent.context.cancelled

    answer(first, lambda _: asked.append(second.ask(ask_back, block=False)))
    gate.reached()
    assert result(asked[1]) is False  # while each of the two handles what the other one has asked
    gate.open()
    assert result(asked[0]) is False


def test_what_an_asker_has_in_hand_later_is_no_reason_to_give_up(system: ActorSystem, clock: WatchedClock) -> None:
    working, busy = Gate(), Gate()
    first, second = system.spawn(Doer, name="first"), system.spawn(Doer, name="second")
    asked: list[AgentFuture[bool]] = []

    def work(agent: Doer) -> bool:
        working.wait()
        return agent.context.cancelled

    def hold(_: Doer) -> None:
        busy.wait()

    answer(first, lambda _: asked.append(second.ask(work, block=False)))
    working.reached()
    impatient = first.ask(hold, block=False, timeout=1.0)
    impatient.add_done_callback(lambda: None)  # so that it ends in time, although nobody waits
    busy.reached()
    clock.advance_to(1.0)
    with pytest.raises(AskTimeout):
        result(impatient)
    working.open()
    assert result(asked[0]) is False  # nobody waits for `hold` any more, but that is another matter
    busy.open()


# -- who it is -------------------------------------------------------------------


def test_an_agent_knows_its_place(system: ActorSystem) -> None:
    top = system.spawn(Doer, name="top")
    child = answer(top, start(Doer, name="child"))

    def place(agent: Doer) -> tuple[Any, ...]:
        context = agent.context
        return (context.path, context.name, context.ref, context.parent, dict(context.children), context.system)

    assert answer(top, place) == ("/top", "top", top, None, {"child": child}, system)
    assert answer(child, place) == ("/top/child", "child", child, top, {}, system)
    assert answer(child, lambda agent: repr(agent.context)) == "<Context /top/child #1>"
    assert answer(child, lambda agent: str(agent)) == "Doer /top/child #1"


def test_what_an_agent_has_in_hand_is_described_on_one_line(system: ActorSystem) -> None:
    agent = system.spawn(Doer)
    context = answer(agent, lambda agent: agent.context)
    assert describe(context.item) == ""
    assert describe("a\nb") == r"'a\nb'"
    assert describe("x" * 100) == "'" + "x" * 79
    assert describe(Unprintable()) == "Unprintable"


def test_a_message_without_a_handler_is_logged_also_one_that_cannot_be_printed(
    system: ActorSystem, lines: list[str]
) -> None:
    quiet = system.spawn(Quiet, name="quiet")
    assert answer(quiet, Unprintable()) is None
    assert answer(quiet, "x" * 500) is None
    assert lines == ["dead letter to /quiet #1: <Unprintable that cannot be printed> (unhandled)"]
    system.stop()
    assert lines[1:] == ["1 more dead letter (unhandled): 1 to /quiet within 5 s"]


def test_a_context_whose_agent_has_ended_handles_nothing(system: ActorSystem) -> None:
    agent = system.spawn(Doer, name="a")
    context: Context = answer(agent, lambda agent: agent.context)
    stop(agent)
    with pytest.raises(AssertionError, match="no incarnation is there to handle 'late'"):
        context.receive("late")
    with pytest.raises(Cancelled, match=r"^/a #1 has ended: it can no longer act"):
        context.spawn(Doer)
    with pytest.raises(AgentStoppedError):
        agent.tell("late")
