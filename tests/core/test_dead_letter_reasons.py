"""For which reasons does a message become a dead letter, and what does it take for each?

Each reason has a scenario: it gives the path at which, and the message with which, the one dead letter is to be found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFuture,
    AgentNotFoundError,
    AgentRestarted,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    HandlerTimeout,
    InvalidMessageError,
    Mailbox,
    MailboxFullError,
    NoRouteesError,
    ReplyError,
    RouteePool,
    Router,
    Send,
)
from actors.testkit import Gate
from policies import Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, stop
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, result

R = DeadLetterReason


class Lost(NamedTuple):
    """Where, what, and the class of the error that comes with it."""

    path: str
    message: Any
    error: type[BaseException] | None = None


class Stage(NamedTuple):
    """What a scenario has at hand."""

    system: ActorSystem
    clock: WatchedClock
    log: EventLog

    def agent(self, name: str = "a", **options: Any) -> Any:
        return self.system.spawn(ChildSpec(Doer, name, policy=Restart(), **options))

    def busy(self, mailbox: Mailbox | None = None) -> tuple[Any, Gate]:
        """Give an agent with a message in hand, and another that fills its mailbox if that has a bound."""
        agent, gate = self.agent(mailbox=mailbox), Gate()
        agent.tell(busy_at(gate))
        gate.reached()
        if mailbox is not None:
            agent.tell("first")
        return agent, gate

    def letter(self) -> DeadLetter:
        letter: DeadLetter = self.log.wait(DeadLetter)
        return letter


Scenario = Callable[[Stage], Lost]


def to_one_that_has_ended(stage: Stage) -> Lost:
    agent = stage.agent()
    stop(agent)
    with pytest.raises(AgentStoppedError):
        agent.tell("message")
    return Lost("/a", "message")


def over_which_its_handler_fails(stage: Stage) -> Lost:
    stage.agent().tell(crash)
    return Lost("/a", crash, Boom)


def whose_handler_misses_its_deadline(stage: Stage) -> Lost:
    gate = Gate()
    message = busy_at(gate)
    stage.agent(deadline=1.0).tell(message)
    gate.reached()
    stage.clock.advance(1.0)
    stage.letter()
    gate.open()
    return Lost("/a", message, HandlerTimeout)


def whose_asker_has_given_up(stage: Stage) -> Lost:
    agent, gate = stage.busy()
    asking = elsewhere(lambda: agent.ask("message", timeout=1.0))
    stage.clock.wait_for_timer(1.0)
    stage.clock.advance(1.0)
    with pytest.raises(AskTimeout):
        result(asking)
    gate.open()
    return Lost("/a", "message", AskTimeout)


def for_which_there_is_no_room(stage: Stage) -> Lost:
    agent, gate = stage.busy(Mailbox(1, "reject"))
    with pytest.raises(MailboxFullError):
        agent.tell("message")
    gate.open()
    return Lost("/a", "message", MailboxFullError)


def that_is_too_new(stage: Stage) -> Lost:
    agent, gate = stage.busy(Mailbox(1, "drop_newest"))
    agent.tell("message")
    gate.open()
    return Lost("/a", "message")


def that_is_too_old(stage: Stage) -> Lost:
    agent, gate = stage.busy(Mailbox(1, "drop_oldest"))
    agent.tell("message")
    gate.open()
    return Lost("/a", "first")


def to_a_member_that_there_is_not(stage: Stage) -> Lost:
    message = Send("nobody", "message")
    stage.system.spawn(Router, name="router").tell(message)
    return Lost("/router", message, AgentNotFoundError)


def to_a_pool_of_nobody(stage: Stage) -> Lost:
    with pytest.raises(NoRouteesError):
        stage.system.spawn(RouteePool, Doer, 0, name="pool").tell("message")
    return Lost("/pool", "message", NoRouteesError)


def over_which_a_filter_fails(stage: Stage) -> Lost:
    def fail(_: Any) -> bool:
        raise Boom("in a filter")

    router = stage.system.spawn(Router, name="router")
    router.join("a", stage.agent())
    router.subscribe("a", "topic", where=fail)
    router.broadcast("message", topic="topic")
    return Lost("/a", "message", Boom)


def that_the_agent_does_not_know(stage: Stage) -> Lost:
    stage.system.spawn(Agent, name="a").tell("message")
    return Lost("/a", "message")


class Numbers(Doer):
    """Takes numbers only."""

    accepts = int


class Piping(Numbers):
    """Has the value of a future come as a message."""

    def __init__(self, future: AgentFuture[Any]) -> None:
        super().__init__()
        self.future = future

    def on_start(self) -> None:
        self.context.pipe_to_self(self.future)


def that_the_agent_does_not_accept(stage: Stage) -> Lost:
    router = stage.system.spawn(Router, name="router")
    router.join("a", stage.system.spawn(Numbers, name="a"))
    router.broadcast("message")
    return Lost("/a", "message", InvalidMessageError)


def of_the_agent_to_itself_that_it_does_not_accept(stage: Stage) -> Lost:
    piped: AgentFuture[str] = AgentFuture()
    stage.system.spawn(Piping, piped, name="a")
    piped.resolve("message")
    return Lost("/a", "message", InvalidMessageError)


def that_is_answered_with_an_error_though_told(stage: Stage) -> Lost:
    def refuse(_: Doer) -> None:
        raise ReplyError("no")

    stage.agent().tell(refuse)
    return Lost("/a", refuse, ReplyError)


def that_is_an_answer_for_nobody(stage: Stage) -> Lost:
    gate = Gate()
    asking = elsewhere(lambda: stage.agent().ask(lambda _: (gate.wait(), "the answer")[1], timeout=1.0))
    gate.reached()
    stage.clock.advance(1.0)
    with pytest.raises(AskTimeout):
        result(asking)
    gate.open()
    return Lost("/a", "the answer")


def for_an_incarnation_that_has_ended(stage: Stage) -> Lost:
    piped: AgentFuture[str] = AgentFuture()
    agent = stage.agent()
    answer(agent, lambda agent: agent.context.pipe_to_self(piped))
    with pytest.raises(Boom):
        answer(agent, crash)
    stage.log.wait(AgentRestarted)
    piped.resolve("message")
    return Lost("/a", "message")


def of_an_incarnation_that_was_abandoned(stage: Stage) -> Lost:
    full, gate = stage.busy(Mailbox(1, "block", 60.0))
    cut_off = Trace()

    def send(_: Doer) -> None:
        try:
            full.tell("message")
        except Cancelled as error:
            cut_off.note(type(error))

    asking = elsewhere(lambda: stage.agent("sender", deadline=1.0).ask(send))
    stage.clock.wait_for_timer(60.0)
    stage.clock.advance(1.0)
    with pytest.raises(HandlerTimeout):
        result(asking)
    cut_off.wait_for(Cancelled)
    gate.open()
    return Lost("/a", "message", Cancelled)


def that_an_interceptor_drops(stage: Stage) -> Lost:
    stage.system.intercept(lambda delivery: delivery.drop(), "/a")
    stage.agent().tell("message")
    return Lost("/a", "message")


SCENARIOS: dict[R, list[Scenario]] = {
    R.STOPPED: [to_one_that_has_ended],
    R.FAILED: [over_which_its_handler_fails],
    R.ABANDONED: [whose_handler_misses_its_deadline],
    R.EXPIRED: [whose_asker_has_given_up],
    R.FULL: [for_which_there_is_no_room],
    R.DROPPED_NEWEST: [that_is_too_new],
    R.DROPPED_OLDEST: [that_is_too_old],
    R.NO_MEMBER: [to_a_member_that_there_is_not],
    R.NO_ROUTEES: [to_a_pool_of_nobody],
    R.FILTER_FAILED: [over_which_a_filter_fails],
    R.UNHANDLED: [that_the_agent_does_not_know],
    R.REFUSED: [that_the_agent_does_not_accept, of_the_agent_to_itself_that_it_does_not_accept],
    R.UNANSWERED: [that_is_answered_with_an_error_though_told],
    R.LATE_REPLY: [that_is_an_answer_for_nobody],
    R.STALE: [for_an_incarnation_that_has_ended, of_an_incarnation_that_was_abandoned],
    R.DROPPED: [that_an_interceptor_drops],
}


def test_each_reason_has_its_scenario() -> None:
    assert [*SCENARIOS] == [*R]


@pytest.mark.parametrize(
    ("reason", "scenario"), [(reason, each) for reason, scenarios in SCENARIOS.items() for each in scenarios]
)
def test_a_message_is_one_dead_letter_as_an_event_and_among_those_that_are_kept(
    system: ActorSystem, clock: WatchedClock, log: EventLog, reason: R, scenario: Scenario
) -> None:
    lost = scenario(Stage(system, clock, log))
    letter = log.wait(DeadLetter)
    assert (letter.path, letter.message, letter.reason) == (lost.path, lost.message, reason)
    assert (None if letter.error is None else type(letter.error)) == lost.error
    assert letter.at == clock.now()
    assert log.of(DeadLetter) == [*system.dead_letters] == [letter]
    assert system.dead_letters.list(lost.path, reason) == [letter]
    assert system.dead_letters.discard(letter) == 1
    assert len(system.dead_letters) == 0
