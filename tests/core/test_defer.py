"""What if an agent answers later than its handler returns?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentRef,
    AgentStoppedError,
    AskCycleError,
    ChildSpec,
    DeadLetter,
    DeferError,
    Reply,
    StashError,
)
from actors._core.future import Ask
from tests.core.clocks import WatchedClock
from tests.core.deferring import AGAIN, Clerk, owed, replies
from tests.core.doer import Doer, dead_letters, number
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, result


@pytest.fixture
def clerk(system: ActorSystem, spec: Any, trace: Trace) -> AgentRef[Clerk]:
    ref: AgentRef[Clerk] = system.spawn(spec(Clerk, name="clerk", args=(trace,), policy=AGAIN))
    return ref


# -- an answer that comes later --------------------------------------------------


def test_an_ask_is_answered_by_a_later_message(clerk: AgentRef[Clerk], trace: Trace) -> None:
    asked = clerk.ask("first", block=False)
    (reply,) = replies(trace)
    assert not asked.settled
    assert reply.asker is None

    assert answer(clerk, lambda _: reply.set(42)) is True

    assert result(asked) == 42


def test_what_the_handler_returns_is_no_answer_even_if_the_answer_came_before(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    def at_once(agent: Agent) -> str:
        agent.context.defer().set("by the reply")
        return "by the handler"

    assert answer(system.spawn(spec(Doer)), at_once) == "by the reply"
    assert log.of(DeadLetter) == []


def test_answers_go_out_in_any_order(clerk: AgentRef[Clerk], trace: Trace) -> None:
    asked = [clerk.ask(text, block=False) for text in ("a", "b", "c")]
    for reply in reversed(replies(trace, 3)):
        assert reply.set(reply.message * 2)

    assert [result(ask) for ask in asked] == ["aa", "bb", "cc"]


def test_any_thread_may_answer(clerk: AgentRef[Clerk], trace: Trace) -> None:
    asked = clerk.ask("elsewhere", block=False)
    (reply,) = replies(trace)

    assert result(elsewhere(lambda: reply.set(threading.get_ident()))) is True

    assert result(asked) != threading.get_ident()


def test_another_agent_may_be_sent_the_reply_and_answer(
    system: ActorSystem, clerk: AgentRef[Clerk], trace: Trace
) -> None:
    class Answering(Agent):
        def on_receive(self, message: Reply) -> None:
            message.set(self.context.path)

    asked = clerk.ask("forward me", block=False)
    (reply,) = replies(trace)
    system.spawn(Answering, name="other").tell(reply)

    assert result(asked) == "/other"


def test_the_agent_handles_messages_while_it_owes_an_answer(clerk: AgentRef[Clerk], trace: Trace) -> None:
    clerk.ask("slow", block=False)

    assert answer(clerk, number) == 1
    assert owed(clerk) == ["slow"]


def test_an_error_may_be_the_answer_and_is_no_failure(clerk: AgentRef[Clerk], trace: Trace, log: EventLog) -> None:
    asked = clerk.ask("refuse", block=False)
    (reply,) = replies(trace)

    assert reply.set_exception(Boom("no"))

    with pytest.raises(Boom, match=r"^no$"):
        result(asked)
    assert answer(clerk, number) == 1
    assert log.of(AgentFailed) == []


def test_only_an_error_can_be_raised_to_the_asker(clerk: AgentRef[Clerk], trace: Trace) -> None:
    asked = clerk.ask("which", block=False)
    (reply,) = replies(trace)

    with pytest.raises(ValueError, match=r"^error: an exception, not 'no'$"):
        reply.set_exception("no")  # type: ignore[arg-type]

    assert not reply.settled
    assert reply.set()
    assert result(asked) is None


def test_a_method_called_by_a_proxy_may_defer(system: ActorSystem, spec: Any, trace: Trace) -> None:
    class Counter(Doer):
        def count(self, step: int) -> str:
            self.trace.note(self.context.defer())
            return f"ignored {step}"

    called = system.spawn(spec(Counter, args=(trace,))).proxy().count(3)
    (reply,) = replies(trace)
    reply.set("counted")

    assert result(called) == "counted"


@pytest.mark.threads_only("runs an event loop")
def test_asyncio_awaits_a_deferred_answer(clerk: AgentRef[Clerk], trace: Trace) -> None:
    async def ask() -> Any:
        asked = clerk.ask("await me", block=False)
        (reply,) = await asyncio.to_thread(replies, trace)
        await asyncio.to_thread(reply.set, "awaited")
        return await asked

    assert asyncio.run(ask()) == "awaited"


def test_a_reply_says_what_it_answers_and_whether_it_has(
    system: ActorSystem, clerk: AgentRef[Clerk], trace: Trace, clock: WatchedClock
) -> None:
    clerk.ask("one", block=False, timeout=5.0)
    clerk.ask("two", block=False)
    one, two = replies(trace, 2)
    assert (one.message, repr(one)) == ("one", "<Reply of /clerk to 'one', pending>")

    clock.advance(5.0)
    two.set(2)

    assert repr(one) == "<Reply of /clerk to 'one', cancelled>"
    assert repr(two) == "<Reply of /clerk to 'two', settled>"


# -- an ask on the asker's thread ------------------------------------------------


def test_an_ask_on_the_askers_thread_waits_there_until_it_is_answered(system: ActorSystem, trace: Trace) -> None:
    idents: list[int] = []

    class Noting(Clerk):
        def on_receive(self, message: Any) -> Any:
            idents.append(threading.get_ident())
            return super().on_receive(message)

    clerk = system.spawn(Noting, trace, name="noting")
    thread = elsewhere(lambda: (threading.get_ident(), clerk.ask("inline")))
    (reply,) = replies(trace)
    assert answer(clerk, number) == 1  # its turn has been given back
    reply.set("answered")

    ident, value = result(thread)
    assert value == "answered"
    assert idents[0] == ident


def test_an_ask_on_the_askers_thread_may_be_answered_before_its_handler_returns(system: ActorSystem) -> None:
    agent = system.spawn(Doer)

    assert agent.ask(lambda agent: agent.context.defer().set(1) and "ignored") == 1
    with pytest.raises(Boom, match=r"^told$"):
        agent.ask(lambda agent: agent.context.defer().set_exception(Boom("told")))
    assert agent.ask(number) == 1


@pytest.mark.parametrize("timeout", [None, 100.0], ids=["inline", "queued"])
def test_an_agent_waits_for_the_deferred_answer_of_another(
    system: ActorSystem, trace: Trace, timeout: float | None
) -> None:
    clerk = system.spawn(Clerk, trace, name="clerk")
    asking = system.spawn(Doer, name="asking")
    asked = asking.ask(lambda _: clerk.ask("please", timeout=timeout), block=False)
    (reply,) = replies(trace)
    assert reply.asker is asking
    reply.set("served")

    assert result(asked) == "served"


def test_who_waits_for_a_deferred_answer_cannot_be_asked_by_the_one_who_owes_it(
    system: ActorSystem, dispatcher: Any, trace: Trace
) -> None:
    clerk = system.spawn(ChildSpec(Clerk, name="clerk", args=(trace,), dispatcher=dispatcher))
    asking = system.spawn(Doer, name="asking")
    asked = asking.ask(lambda _: clerk.ask("please"), block=False)
    (reply,) = replies(trace)
    while not isinstance(asking._cell.waiting, Ask):  # that it has asked is known a moment before it waits
        answer(clerk, number)

    def ask_back(_: Agent) -> str:
        with pytest.raises(AskCycleError) as caught:
            asking.ask(number)
        return str(caught.value)

    assert answer(clerk, ask_back) == "blocking asks in a cycle: /clerk -> /asking -> /clerk"
    reply.set("served")
    assert result(asked) == "served"


# -- where there is nothing to defer ---------------------------------------------


def test_the_answer_to_a_told_message_cannot_be_deferred(system: ActorSystem, spec: Any, trace: Trace) -> None:
    class Refusing(Doer):
        def on_receive(self, message: Any) -> Any:
            if message != "told":
                return super().on_receive(message)
            with pytest.raises(DeferError, match=r"^/a: 'told' was told: nobody waits for an answer$") as caught:
                self.context.defer()
            self.trace.note(caught.value.path)

    agent = system.spawn(spec(Refusing, name="a", args=(trace,)))
    agent.tell("told")

    trace.wait_for("/a")


def test_to_defer_a_told_message_is_a_failure_if_nothing_is_done_about_it(
    system: ActorSystem, clerk: AgentRef[Clerk], log: EventLog
) -> None:
    clerk.tell("told")

    assert isinstance(log.wait(AgentFailed, "/clerk").error, DeferError)
    assert answer(clerk, number) == 2
    assert dead_letters(log, "/clerk", "failed") == ["told"]


def test_whether_a_message_was_asked_can_be_asked(system: ActorSystem, spec: Any, trace: Trace) -> None:
    agent = system.spawn(spec(Doer, args=(trace,)))

    def look(agent: Any) -> bool:
        agent.trace.note(agent.context.asked)
        return bool(agent.context.asked)

    assert answer(agent, look) is True
    assert agent.ask(look) is True
    agent.tell(look)
    assert trace.wait_until(lambda notes: len(notes) == 3) == [True, True, False]


def test_a_tick_and_a_hook_have_nobody_to_answer(
    system: ActorSystem, spec: Any, trace: Trace, clock: WatchedClock
) -> None:
    class Ticking(Agent):
        def on_start(self) -> None:
            self.try_to_defer()
            self.context.timers.once("tick", 1.0, "tick")

        def on_receive(self, message: Any) -> None:
            self.try_to_defer()

        def try_to_defer(self) -> None:
            try:
                self.context.defer()
            except DeferError as error:
                trace.note(str(error))

    agent = system.spawn(spec(Ticking, name="a"))
    clock.advance_to(1.0)
    trace.wait_for("/a: 'tick' was told: nobody waits for an answer")
    context = agent._cell.context

    assert context is not None
    assert trace.notes[0] == "/a: there is no message in hand to answer"
    with pytest.raises(DeferError, match="there is no message in hand"):
        context.defer()


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "queued"])
def test_a_message_is_deferred_once_and_not_stashed_as_well(system: ActorSystem, spec: Any, inline: bool) -> None:
    said: list[str] = []

    class Greedy(Agent):
        def on_receive(self, message: Any) -> None:
            first, second = message
            reply = getattr(self.context, first)()
            try:
                getattr(self.context, second)()
            except (DeferError, StashError) as error:
                said.append(str(error))
            if reply is not None:
                reply.set("done")
            else:
                self.stop()

    agent = system.spawn(spec(Greedy, name="a"))
    ask: Callable[[Any], Any] = agent.ask if inline else lambda message: answer(agent, message)

    assert ask(("defer", "defer")) == "done"
    assert ask(("defer", "stash")) == "done"
    with pytest.raises(AgentStoppedError, match="stopped before handling"):
        ask(("stash", "defer"))
    assert said == [
        "/a: the answer to the message in hand is deferred already",
        "/a: the answer to the message in hand is deferred",
        "/a: the message in hand is stashed",
    ]


def test_a_message_that_was_stashed_can_be_deferred_when_it_is_back(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Later(Clerk):
        closed = True

        def on_receive(self, message: Any) -> Any:
            if message == "open":
                self.closed = False
                self.context.unstash_all()
            elif self.closed:
                self.context.stash()
            else:
                return super().on_receive(message)

    agent = system.spawn(spec(Later, args=(trace,)))
    asked = agent.ask("question", block=False)
    agent.tell("open")
    (reply,) = replies(trace)
    reply.set("answer")

    assert result(asked) == "answer"
