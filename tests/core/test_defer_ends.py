"""What if an agent never gives the answer that it has deferred?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    HandlerTimeout,
    ReplyError,
)
from actors._core.context import describe
from actors.testkit import Gate
from policies import Resume, Stop
from tests.core.clocks import WatchedClock
from tests.core.deferring import AGAIN, Clerk, Hanging, late_replies, owed, replies
from tests.core.doer import Doer, crash, dead_letters, number, stop
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, result


@pytest.fixture
def clerk(system: ActorSystem, spec: Any, trace: Trace) -> AgentRef[Clerk]:
    ref: AgentRef[Clerk] = system.spawn(spec(Clerk, name="clerk", args=(trace,), policy=AGAIN))
    return ref


# -- a handler that fails --------------------------------------------------------


@pytest.fixture(params=["inline", "queued"])
def ask(request: pytest.FixtureRequest) -> Callable[[AgentRef[Any], Any], Any]:
    """Asks an idle agent on the pool: on the asker's thread, or on one of the pool."""
    if request.param == "inline":
        return lambda agent, message: agent.ask(message)
    return answer


def test_a_handler_that_raises_after_it_has_deferred_gives_its_error_to_the_asker(
    system: ActorSystem, trace: Trace, log: EventLog, ask: Any
) -> None:
    def defer_and_fail(agent: Any) -> None:
        agent.trace.note(agent.context.defer())
        crash(agent)

    agent = system.spawn(ChildSpec(Doer, name="a", args=(trace,), policy=AGAIN))
    with pytest.raises(Boom, match=r"^crash of #1$"):
        ask(agent, defer_and_fail)
    log.wait(AgentRestarted)

    (reply,) = replies(trace)
    assert reply.settled
    assert reply.set("too late") is False
    assert log.wait(AgentFailed).error.args == ("crash of #1",)
    assert late_replies(log) == [(f"late reply, to {defer_and_fail!r:.80}", "too late")]


def test_a_handler_that_raises_after_it_has_answered_fails_and_the_asker_keeps_the_answer(
    system: ActorSystem, log: EventLog, ask: Any
) -> None:
    def answer_and_fail(agent: Any) -> None:
        agent.context.defer().set("answered")
        crash(agent)

    def refuse_and_fail(agent: Any) -> None:
        agent.context.defer().set_exception(KeyError("refused"))
        crash(agent)

    agent = system.spawn(ChildSpec(Doer, name="a", policy=AGAIN))

    assert ask(agent, answer_and_fail) == "answered"
    log.wait(AgentRestarted)
    with pytest.raises(KeyError, match="refused"):
        ask(agent, refuse_and_fail)
    log.wait(AgentRestarted, times=2)
    failures = [event.error.args for event in log.of(AgentFailed)]
    assert failures == [("crash of #1",), ("crash of #2",)]


def test_an_error_that_nobody_got_because_the_answer_came_before_was_not_replied(
    system: ActorSystem, ask: Any, log: EventLog
) -> None:
    def answer_and_fail(agent: Any) -> None:
        agent.context.defer().set("answered")
        crash(agent)

    agent = system.spawn(ChildSpec(Doer, name="a", policy=AGAIN))
    assert ask(agent, answer_and_fail) == "answered"
    log.wait(AgentRestarted)

    assert answer(agent, lambda agent: agent.context.last_failure.replied) is False


def test_a_reply_error_answers_what_was_deferred_unless_it_is_answered_and_is_no_failure(
    system: ActorSystem, log: EventLog, ask: Any
) -> None:
    def defer_and_refuse(agent: Any) -> None:
        agent.context.defer()
        raise ReplyError("refused")

    def answer_and_refuse(agent: Any) -> None:
        agent.context.defer().set("answered")
        raise ReplyError("refused")

    agent = system.spawn(Doer, name="a")

    with pytest.raises(ReplyError, match=r"^refused$"):
        ask(agent, defer_and_refuse)
    assert ask(agent, answer_and_refuse) == "answered"
    assert ask(agent, number) == 1
    assert log.of(AgentFailed) == []


def test_a_crash_report_names_the_message_whose_answer_was_deferred(
    system: ActorSystem, spec: Any, lines: list[str], log: EventLog
) -> None:
    class Failing(Agent):
        def on_receive(self, message: Any) -> None:
            self.context.defer()
            assert self.context.message == message
            raise Boom(describe(self.context.item))

    agent = system.spawn(spec(Failing, name="a", policy=AGAIN))
    with pytest.raises(Boom, match=r"^'who did it'$"):
        answer(agent, "who did it")
    log.wait(AgentRestarted)

    assert any(line.startswith("/a #1 failed in receive over 'who did it'") for line in lines)


# -- the end of the one who owes -------------------------------------------------


def test_what_an_agent_still_owes_at_its_end_is_settled_in_order(
    clerk: AgentRef[Clerk], trace: Trace, log: EventLog
) -> None:
    asked = [clerk.ask(text, block=False) for text in ("a", "b", "c")]
    told: list[str] = []
    for ask, text in zip(asked, "abc", strict=True):
        ask.add_done_callback(lambda text=text: told.append(text))
    replies(trace, 3)[1].set("in time")

    assert stop(clerk)

    assert result(asked[1]) == "in time"
    assert told == ["b", "a", "c"]
    for ask, text in ((asked[0], "a"), (asked[2], "c")):
        with pytest.raises(AgentStoppedError, match=rf"^/clerk #1 ended before it replied to '{text}'$") as caught:
            result(ask)
        assert (caught.value.path, caught.value.cause) == ("/clerk", None)
    assert replies(trace)[0].set("too late") is False
    assert late_replies(log) == [("late reply, to 'a'", "too late")]


def test_an_error_that_comes_too_late_is_a_dead_letter_with_the_error(
    clerk: AgentRef[Clerk], trace: Trace, log: EventLog
) -> None:
    clerk.ask("a", block=False)
    (reply,) = replies(trace)
    assert reply.set("in time")
    error = Boom("too late")

    assert reply.set_exception(error) is False

    letter = log.wait(DeadLetter)
    assert (letter.path, letter.why, letter.message, letter.error) == ("/clerk", "late reply, to 'a'", error, error)


def test_a_restart_settles_what_the_old_incarnation_owed_and_names_the_failure(
    clerk: AgentRef[Clerk], trace: Trace
) -> None:
    asked = clerk.ask("a", block=False)
    (reply,) = replies(trace)
    clerk.tell(crash)

    with pytest.raises(AgentStoppedError, match=r"^/clerk #1 ended before it replied to 'a'$") as caught:
        result(asked)

    assert repr(caught.value.cause) == "Boom('crash of #1')"
    assert answer(clerk, number) == 2
    assert owed(clerk) == []
    assert reply.set("by the old one") is False


def test_a_failure_that_ends_the_agent_is_the_cause(system: ActorSystem, spec: Any, trace: Trace) -> None:
    clerk = system.spawn(spec(Clerk, name="clerk", args=(trace,), policy=Stop()))
    asked = clerk.ask("a", block=False)
    clerk.tell(crash)

    with pytest.raises(AgentStoppedError) as caught:
        result(asked)
    assert repr(caught.value.cause) == "Boom('crash of #1')"


def test_an_agent_that_is_resumed_still_owes_its_answers(system: ActorSystem, spec: Any, trace: Trace) -> None:
    clerk = system.spawn(spec(Clerk, name="clerk", args=(trace,), policy=Resume()))
    asked = clerk.ask("a", block=False)
    clerk.tell(crash)
    assert answer(clerk, number) == 1

    (reply,) = replies(trace)
    assert reply.set("in spite of all") is True
    assert result(asked) == "in spite of all"


def test_the_last_hook_may_still_answer(system: ActorSystem, spec: Any, trace: Trace) -> None:
    class Polite(Clerk):
        def on_stop(self) -> None:
            for reply in self.trace.notes:
                reply.set("closed")

    clerk = system.spawn(spec(Polite, args=(trace,)))
    asked = clerk.ask("a", block=False)
    replies(trace)
    stop(clerk)

    assert result(asked) == "closed"


def test_the_end_of_the_system_settles_what_is_owed(system: ActorSystem, clerk: AgentRef[Clerk], trace: Trace) -> None:
    asked = clerk.ask("a", block=False)
    replies(trace)
    system.stop()

    with pytest.raises(AgentStoppedError, match="ended before it replied to 'a'"):
        result(asked)


def test_an_agent_keeps_no_answer_in_mind_that_nobody_waits_for(
    clerk: AgentRef[Clerk], trace: Trace, clock: WatchedClock
) -> None:
    for i in range(20):
        clerk.ask(f"a{i}", block=False)
    timed = clerk.ask("timed", block=False, timeout=5.0)
    for reply in replies(trace, 21)[:-1]:
        reply.set(None)
    assert owed(clerk) == ["timed"]

    waiting = elsewhere(timed.get)
    clock.advance_to(5.0)
    with pytest.raises(AskTimeout):
        result(waiting)

    assert owed(clerk) == []


# -- the end of the one who waits ------------------------------------------------


def test_a_reply_knows_that_its_asker_has_given_up(
    clerk: AgentRef[Clerk], trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    waiting = elsewhere(lambda: clerk.ask("a", timeout=5.0))
    (reply,) = replies(trace)
    assert not reply.cancelled
    clock.advance_to(5.0)
    with pytest.raises(AskTimeout, match=r"^no reply from /clerk within 5 seconds$"):
        result(waiting)

    assert reply.cancelled
    assert reply.settled
    assert reply.set("too late") is False
    assert late_replies(log) == [("late reply, to 'a'", "too late")]


def test_an_ask_whose_time_is_over_is_not_wanted_although_nobody_has_noticed(
    clerk: AgentRef[Clerk], trace: Trace, clock: WatchedClock
) -> None:
    asked = clerk.ask("a", block=False, timeout=5.0)
    (reply,) = replies(trace)
    clock.advance(5.0)

    assert (reply.cancelled, reply.settled) == (True, False)
    assert reply.set("at the last moment") is True
    assert result(asked) == "at the last moment"


@pytest.mark.parametrize("timeout", [None, 100.0], ids=["inline", "queued"])
def test_a_reply_knows_that_its_asker_is_to_end(system: ActorSystem, trace: Trace, timeout: float | None) -> None:
    clerk = system.spawn(Clerk, trace, name="clerk")
    asking = system.spawn(Doer, name="asking")
    asked = asking.ask(lambda _: clerk.ask("a", timeout=timeout), block=False)
    (reply,) = replies(trace)
    assert not reply.cancelled

    stopping = asking.stop(block=False, drain=False)

    assert (reply.cancelled, reply.settled) == (True, False)
    reply.set("go")
    assert result(asked) == "go"
    assert result(stopping) is True


def test_a_handler_that_has_deferred_sees_that_its_asker_has_given_up(
    system: ActorSystem, spec: Any, clock: WatchedClock
) -> None:
    gate = Gate()
    seen = Trace()

    def work(agent: Any) -> None:
        agent.context.defer()
        gate.wait()
        seen.note(agent.context.cancelled)

    agent = system.spawn(spec(Doer))
    waiting = elsewhere(lambda: agent.ask(work, timeout=5.0))
    gate.reached()
    clock.advance_to(5.0)
    with pytest.raises(AskTimeout):
        result(waiting)
    gate.open()

    seen.wait_for(True)


# -- an incarnation that is abandoned --------------------------------------------


def test_a_hanging_handler_that_has_deferred_is_replaced_and_its_asker_told_why(
    system: ActorSystem, spec: Any, trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    gate = Gate()
    agent = system.spawn(spec(Hanging, name="a", args=(trace, gate), deadline=1.0, policy=AGAIN))
    earlier = agent.ask("earlier", block=False)
    hanging = agent.ask("hang", block=False)
    gate.reached()
    clock.advance_to(1.0)

    with pytest.raises(HandlerTimeout, match=r"^/a took longer than 1 seconds over 'hang'$"):
        result(hanging)
    with pytest.raises(AgentStoppedError, match=r"^/a #1 ended before it replied to 'earlier'$") as caught:
        result(earlier)
    assert isinstance(caught.value.cause, HandlerTimeout)
    assert log.wait(AgentAbandoned).message == "'hang'"
    assert answer(agent, lambda agent: (agent.context.incarnation, agent.context.last_failure.replied)) == (2, True)
    assert replies(trace, 2)[0].set("by nobody") is False
    gate.open()
    refused = trace.wait_until(lambda notes: len(notes) == 3)[2]
    assert str(refused) == "/a #1 was abandoned: it can no longer act"
    assert dead_letters(log, "/a", "abandoned") == []


def test_an_asker_that_has_its_answer_keeps_it_when_the_handler_hangs_afterwards(
    system: ActorSystem, spec: Any, trace: Trace, clock: WatchedClock
) -> None:
    gate = Gate()
    agent = system.spawn(spec(Hanging, name="a", args=(trace, gate, "first"), deadline=1.0, policy=AGAIN))
    hanging = agent.ask("hang", block=False)
    gate.reached()
    clock.advance_to(1.0)

    assert result(hanging) == "first"
    assert answer(agent, lambda agent: (agent.context.incarnation, agent.context.last_failure.replied)) == (2, False)
    gate.open()
    trace.wait_until(lambda notes: len(notes) == 2)


def test_an_incarnation_that_was_abandoned_can_no_longer_defer(
    system: ActorSystem, spec: Any, trace: Trace, clock: WatchedClock
) -> None:
    gate = Gate()

    def hang_and_defer(agent: Any) -> None:
        gate.wait()
        try:
            agent.context.defer()
        except Cancelled as error:
            trace.note(str(error))

    agent = system.spawn(spec(Doer, name="a", deadline=1.0, policy=AGAIN))
    asked = agent.ask(hang_and_defer, block=False)
    gate.reached()
    clock.advance_to(1.0)
    with pytest.raises(HandlerTimeout):
        result(asked)
    assert answer(agent, number) == 2
    gate.open()

    trace.wait_for("/a #1 has ended: it can no longer act")


@pytest.mark.parametrize("answered", ["first", None], ids=["answered", "unanswered"])
def test_an_ask_on_the_askers_thread_over_which_the_agent_is_abandoned_is_settled_once(
    system: ActorSystem, trace: Trace, clock: WatchedClock, log: EventLog, answered: str | None
) -> None:
    gate = Gate()
    agent = system.spawn(ChildSpec(Hanging, name="a", args=(trace, gate, answered), shutdown=1.0))
    waiting = elsewhere(lambda: agent.ask("hang"))
    gate.reached()
    stopping = agent.stop(block=False, drain=False)
    clock.advance_to(1.0)
    assert result(stopping) is True
    (reply,) = replies(trace)
    assert reply.settled
    gate.open()

    if answered:
        assert result(waiting) == "first"
    else:
        with pytest.raises(AgentStoppedError, match=r"^/a did not end in time and was abandoned$"):
            result(waiting)
    assert dead_letters(log, "/a", "abandoned") == []


def test_an_ask_that_is_stashed_on_the_askers_thread_as_its_agent_hangs_is_not_handled_for_nobody(
    system: ActorSystem, trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    gate = Gate()

    class Stashing(Doer):
        def on_receive(self, message: Any) -> Any:
            if message != "stash":
                return super().on_receive(message)
            self.context.stash()
            gate.wait()

    agent = system.spawn(ChildSpec(Stashing, name="a", args=(trace,), shutdown=1.0))
    waiting = elsewhere(lambda: agent.ask("stash"))
    gate.reached()
    stopping = agent.stop(block=False, drain=False)
    clock.advance_to(1.0)
    assert result(stopping) is True
    gate.open()

    with pytest.raises(AgentStoppedError):
        result(waiting)
    assert dead_letters(log, "/a") == ["stash"]
