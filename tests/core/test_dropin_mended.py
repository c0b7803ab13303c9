"""Which faults that were measured in Pykka are mended here? One test for each."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pykka
import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentFuture,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    HookFailed,
    Mailbox,
    NameTakenError,
    StartFailed,
    StartFailedError,
    default_system,
)
from actors.testkit import Gate, VirtualClock
from policies import Restart, Stop
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer

pytestmark = pytest.mark.threads_only("Pykka's threads, futures and loops")


class Noting(Agent):
    """Raises what it is told to raise, lets a gate hold it up, and notes the rest."""

    def __init__(self, trace: Trace | None = None) -> None:
        self.trace = trace or Trace()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, Gate):
            message.wait()
        self.trace.note(message)
        return message


@pytest.fixture(autouse=True)
def unsupervised() -> Iterator[ActorSystem]:
    """The default system, which is ended after the test with its threads."""
    yield default_system()
    default_system().stop(timeout=PATIENCE)


def hold(ref: Any) -> Gate:
    """Keep the agent busy until the gate is opened."""
    gate = Gate()
    ref.tell(gate)
    gate.reached()
    return gate


# -- failures ----------------------------------------------------------------------------------------------------------


def test_an_error_out_of_an_ask_is_a_failure_as_one_out_of_a_tell_is(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(ChildSpec(Noting, policy=Restart()))
    with pytest.raises(Boom):
        ref.ask(Boom("half done"))
    assert log.wait(AgentRestarted).error.args == ("half done",)
    assert log.of(AgentFailed)[0].error.args == ("half done",)
    assert ref.ask("anew") == "anew"
    assert ref.incarnation == 2


def test_an_error_out_of_on_start_is_seen_with_its_cause(system: ActorSystem, log: EventLog) -> None:
    class Broken(Agent):
        def on_start(self) -> None:
            raise Boom("no such file")

    with pytest.raises(StartFailedError) as caught:
        system.spawn(Broken, name="broken")
    assert caught.value.path == "/broken"
    assert repr(caught.value.cause) == "Boom('no such file')"
    assert log.wait(StartFailed).error is caught.value.cause
    ref = Broken.start()
    assert ref.actor_stopped.wait(PATIENCE)
    ref.stop()
    with pytest.raises(AgentStoppedError) as refused:
        ref.ask("hello")
    assert repr(refused.value.cause) == "Boom('no such file')"


def test_a_stop_of_a_failed_agent_returns_after_its_on_failure() -> None:
    gate, ended = Gate(), Trace()

    class Failing(Noting):
        def on_failure(self, *_: Any) -> None:
            gate.wait()
            ended.note("on_failure")

    ref = Failing.start()
    ref.tell(Boom())
    gate.reached()
    stopped = ref.stop(block=False)
    assert not stopped.settled
    gate.open()
    stopped.get(timeout=PATIENCE)
    assert ended.notes == ["on_failure"]


def test_a_name_is_free_only_after_on_stop(system: ActorSystem) -> None:
    gate = Gate()

    class Slow(Agent):
        def on_stop(self) -> None:
            gate.wait()

    ref = system.spawn(Slow, name="slow")
    stopped = ref.stop(block=False)
    gate.reached()
    assert not ref.is_alive()
    with pytest.raises(NameTakenError):
        system.spawn(Noting, name="slow")
    gate.open()
    assert stopped.get(timeout=PATIENCE) is True
    assert system.spawn(Noting, name="slow").ask("mine now") == "mine now"


def test_a_message_behind_a_stop_is_a_dead_letter(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(Noting, name="noting")
    gate = hold(ref)
    stopped = ref.stop(block=False)
    ref.tell("lost")
    gate.open()
    assert stopped.get(timeout=PATIENCE)
    letter = log.wait(DeadLetter)
    assert (letter.path, letter.message, letter.reason) == ("/noting", "lost", "stopped")


def test_an_ask_that_timed_out_is_not_executed_later(system: ActorSystem, clock: VirtualClock, trace: Trace) -> None:
    ref = system.spawn(Noting, trace)
    gate = hold(ref)
    outcome: AgentFuture[Any] = AgentFuture()

    def charge() -> None:
        try:
            ref.ask("charge the card", timeout=5.0)
        except AskTimeout as error:
            outcome.set(error.seconds)

    asker = threading.Thread(target=charge)
    asker.start()
    while not outcome.settled:
        clock.advance(5.0)
    asker.join(PATIENCE)
    gate.open()
    assert answer(ref, "after") == "after"
    assert "charge the card" not in trace.notes


# -- BaseException -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [SystemExit(1), asyncio.CancelledError(), GeneratorExit()], ids=["exit", "cancelled", "generator exit"]
)
def test_a_base_exception_is_the_failure_of_one_agent(error: BaseException) -> None:
    """In Pykka it stops every actor of the process, and the asker never gets an answer."""
    bystander, failing = Noting.start(), Noting.start()
    with pytest.raises(type(error)):
        failing.ask(error)
    failing.tell(error)
    assert failing.actor_stopped.wait(PATIENCE)
    assert bystander.ask("still here") == "still here"


def test_an_agent_that_asks_one_that_exits_gets_the_error_and_both_can_be_stopped() -> None:
    class Asker(Agent):
        def on_receive(self, message: Any) -> str:
            try:
                failing.ask(SystemExit(3))
            except SystemExit as error:
                return f"exit {error.code}"
            return "no error"

    failing, asker = Noting.start(), Asker.start()
    assert answer(asker, "go") == "exit 3"
    assert failing.stop()
    assert asker.stop()


def test_a_base_exception_out_of_on_start_leaves_no_zombie() -> None:
    class Exiting(Noting):
        def on_start(self) -> None:
            raise SystemExit

    ref = Exiting.start()
    assert ref.actor_stopped.wait(PATIENCE)
    assert pykka.ActorRegistry.get_all() == []
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello")


def test_a_base_exception_out_of_on_stop_lets_the_stop_end_and_is_not_run_twice(unsupervised: ActorSystem) -> None:
    log, runs = EventLog(unsupervised), Trace()

    class Exiting(Noting):
        def on_stop(self) -> None:
            runs.note("on_stop")
            raise SystemExit

    ref = Exiting.start()
    gate = hold(ref)
    stopped = ref.stop(block=False)
    behind = ref.ask("behind", block=False)
    gate.open()
    assert stopped.get(timeout=PATIENCE) is True
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=PATIENCE)
    assert runs.notes == ["on_stop"]
    assert isinstance(log.wait(HookFailed).error, SystemExit)


def test_a_base_exception_out_of_on_failure_leaves_no_ask_open() -> None:
    class Exiting(Noting):
        def on_failure(self, *_: Any) -> None:
            raise SystemExit

    ref = Exiting.start()
    gate = hold(ref)
    ref.tell(Boom())
    behind = ref.ask("behind", block=False)
    gate.open()
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=PATIENCE)
    assert ref.actor_stopped.wait(PATIENCE)


def test_a_caller_cannot_break_an_agent_through_the_future_of_its_ask(unsupervised: ActorSystem) -> None:
    log = EventLog(unsupervised)
    ref = Noting.start()
    gate = hold(ref)
    future = ref.ask("question", block=False)
    future.set_get_hook(lambda timeout: "made up")
    other = ref.ask("another", block=False)
    other.set("made up, too")
    gate.open()
    assert ref.ask("still here") == "still here"
    assert future.get(timeout=PATIENCE) == "made up"
    assert other.get(timeout=PATIENCE) == "made up, too"
    assert log.of(AgentFailed) == []


# -- stop and mailbox --------------------------------------------------------------------------------------------------


def test_a_stop_may_overtake_the_mailbox(trace: Trace) -> None:
    ref = Noting.start(trace)
    gate = hold(ref)
    for number in range(100):
        ref.tell(number)
    stopped = ref.stop(block=False, drain=False)
    gate.open()
    assert stopped.get(timeout=PATIENCE) is True
    assert trace.notes == [gate]


def test_an_agent_with_a_full_mailbox_may_tell_itself(system: ActorSystem) -> None:
    class Chatty(Noting):
        def on_receive(self, message: Any) -> Any:
            if message == "go on":
                for number in range(5):
                    self.actor_ref.tell(number)
            return super().on_receive(message)

    trace = Trace()
    bounds = Mailbox(capacity=1, overflow="block")
    ref = system.spawn(ChildSpec(Chatty, args=(trace,), mailbox=bounds))
    ref.tell("go on")
    trace.wait_for(4)
    assert trace.notes == ["go on", 0, 1, 2, 3, 4]


def test_the_timeout_of_a_stop_holds_with_a_full_mailbox() -> None:
    with ActorSystem("full", policy=Stop()) as system:
        ref = system.spawn(ChildSpec(Noting, mailbox=Mailbox(capacity=1, overflow="block")))
        gate = hold(ref)
        ref.tell("fills it")
        with pytest.raises(AskTimeout):
            ref.stop(timeout=0.05)
        gate.open()


def test_the_end_of_a_system_has_one_deadline_reaches_all_and_names_who_hung() -> None:
    gate, ended = Gate(), Trace()

    class Ends(Noting):
        def on_stop(self) -> None:
            ended.note(self.context.name)

    system = ActorSystem("main", policy=Stop())
    for name in ("first", "second"):
        system.spawn(Ends, name=name)
    hanging = system.spawn(Noting, name="hanging")
    hanging.tell(gate)
    gate.reached()
    report = system.stop(timeout=0.1)
    assert report.abandoned == ("/hanging",)
    assert ended.notes == ["second", "first"]
    gate.open()


def test_an_ask_to_oneself_raises_instead_of_hanging(system: ActorSystem) -> None:
    class Selfish(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.actor_ref.ask("me") if message == "ask" else None

    ref = system.spawn(Selfish, name="selfish")
    with pytest.raises(AskCycleError) as caught:
        ref.ask("ask")
    assert caught.value.cycle == ("/selfish", "/selfish")


# -- futures -----------------------------------------------------------------------------------------------------------


def test_awaiting_an_answer_leaves_the_event_loop_free() -> None:
    ref = Noting.start()
    gate = hold(ref)

    async def main() -> tuple[Any, int]:
        ticks = 0
        future = ref.ask("answer", block=False)

        async def tick() -> None:
            nonlocal ticks
            for _ in range(10):
                await asyncio.sleep(0)
                ticks += 1
            gate.open()

        ticking = asyncio.create_task(tick())
        value = await future
        await ticking
        return value, ticks

    assert asyncio.run(main()) == ("answer", 10)


def test_a_proxy_keeps_no_ended_agent_alive(system: ActorSystem) -> None:
    ref = system.spawn(Noting)
    proxy = ref.proxy()
    instance = weakref.ref(ref._actor_weakref())
    ref.stop()
    assert instance() is None
    assert proxy.actor_ref is ref


def test_an_ended_agent_is_reported_with_the_error_that_ended_it(system: ActorSystem, log: EventLog) -> None:
    """No peer of ours says it: in Pykka the cause of an actor's end has no name outside its log."""
    error = Boom("the cause")
    ref = system.spawn(Noting)
    ref.tell(error)
    assert log.wait(AgentStopped).error is error
    with pytest.raises(AgentStoppedError) as caught:
        ref.tell("too late")
    assert caught.value.cause is error
