"""Which mistakes did the programs of the property suite find? Each is a few lines here."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from actors import (
    Agent,
    AgentAbandoned,
    AgentFuture,
    AgentRef,
    AgentStarted,
    AgentStopped,
    AgentStoppedError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    Delivery,
    Mailbox,
    ReplyError,
    StartFailed,
    StartFailedError,
)
from actors._core import parent as parent_module
from actors.testkit import Gate, RandomWalk, Simulation, explore


class Shelf(Agent):
    """Puts a message aside and answers with an error over it, once; then handles it."""

    def __init__(self) -> None:
        self.handled: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "what?":
            return self.handled
        if message == "unstash":
            self.context.unstash_all()
            return None
        self.handled.append(message)
        if self.handled.count(message) == 1:
            self.context.stash()
            raise ReplyError("later")
        return None


def test_a_told_message_that_was_put_aside_before_a_reply_error_is_no_dead_letter() -> None:
    with Simulation() as system:
        shelf = system.spawn(Shelf)
        shelf.tell("letter")
        system.settle()

        assert system.events.recent(10, DeadLetter) == []

        shelf.tell("unstash")
        assert shelf.ask("what?", timeout=1.0) == ["letter", "letter"]


class Piping(Agent):
    """Has results delivered to itself."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "itself":
            self.context.pipe_to_self(self.actor_ref.ask("answer", block=False))
            for _ in range(2):
                self.actor_ref.tell("more")
        else:
            self.got.append(message)
        return "answered"


def test_a_result_of_its_own_never_has_an_agent_wait_for_room_in_its_full_mailbox() -> None:
    with Simulation() as system:
        piping = system.spawn(ChildSpec(Piping, mailbox=Mailbox(1, overflow="block")))
        piping.tell("itself")
        system.settle()

        agent: Any = piping._actor_weakref()
        assert sorted(agent.got) == ["answer", "answered", "more", "more"]


class Clerk(Agent):
    """Answers."""

    def on_receive(self, message: Any) -> Any:
        return message


@pytest.mark.parametrize("later", [False, True])
def test_an_ask_that_was_dropped_ends_with_the_agent_if_that_is_before_its_deadline(later: bool) -> None:
    with Simulation() as system:
        clerk = system.spawn(Clerk)
        system.intercept(lambda delivery: delivery.drop("lost"), on=str)
        ask = clerk.ask("letter", block=False, timeout=2.0)
        ask.add_done_callback(lambda: None)  # somebody wants to know
        system.advance(3.0 if later else 1.0)
        assert ask.settled is later

        clerk.stop()

        with pytest.raises(AskTimeout, match="within" if later else "lost"):
            ask.get()


def test_an_ask_that_was_dropped_as_its_agent_was_abandoned_and_ended_has_an_end() -> None:
    with Simulation() as system:
        clerk = system.spawn(Clerk)

        def drop(delivery: Delivery) -> None:
            delivery.drop("lost")

        def hang(letter: DeadLetter) -> None:
            # After the drop, and still in the interceptor's hands, the agent's time is up.
            clerk.stop(drain=False, block=False)
            system.clock.wait(AgentFuture(), system.clock.now() + 60.0)

        system.events.subscribe(hang, DeadLetter)
        system.intercept(drop, on=str)
        ask = clerk.ask("letter", block=False, timeout=90.0)
        system.advance(59.0)
        assert not clerk.is_alive()
        assert not ask.settled

        system.advance(2.0)

        with pytest.raises(AskTimeout):
            ask.get()


class Hirer(Agent):
    """Gives whoever it is sent one more child."""

    def on_receive(self, ref: AgentRef[Any]) -> None:
        with suppress(AgentStoppedError):
            ref.start_child(ChildSpec(Clerk, "late"))


class Careless(Agent):
    """Has a child, tells another of itself, and does not start."""

    def __init__(self, hirer: AgentRef[Hirer]) -> None:
        self.hirer = hirer

    def on_start(self) -> None:
        self.context.spawn(Clerk, name="early")
        self.hirer.tell(self.actor_ref)
        self.context.spawn(Clerk, name="second")
        raise LookupError("does not start")


def test_no_child_is_started_below_an_agent_that_did_not_start() -> None:
    def scenario(system: Simulation) -> None:
        hirer = system.spawn(Hirer)
        with pytest.raises(StartFailedError):
            system.spawn(Careless, hirer, name="careless")
        system.settle()
        begun = {event.path for event in system.events.recent(20, AgentStarted)} - {"/", hirer.path}
        assert begun == {event.path for event in system.events.recent(20, AgentStopped)}

    explore(scenario, RandomWalk(), runs=60)


class Watching(Agent):
    """Waits at a gate where it is told to, and notes what else it is given, in which incarnation."""

    def __init__(self, gate: Gate, notes: list[Any]) -> None:
        self.gate = gate
        self.notes = notes

    def on_receive(self, message: Any) -> None:
        if isinstance(message, AgentRef):
            self.context.watch(message)
        elif message == "wait":
            self.gate.wait()
        else:
            self.notes.append((message, self.context.fenced))


def test_the_notice_of_an_end_is_not_for_an_incarnation_that_was_abandoned() -> None:
    with Gate() as gate, Simulation() as system:
        notes: list[Any] = []
        clerk = system.spawn(Clerk)
        watching = system.spawn(ChildSpec(Watching, args=(gate, notes), shutdown=1.0))
        watching.tell(clerk)
        watching.tell("wait")
        system.settle()
        clerk.stop()

        watching.stop(drain=False)

        assert system.events.recent(10, AgentAbandoned)
        assert notes == []


def test_of_two_that_add_a_callback_to_a_future_at_the_same_moment_both_are_called() -> None:
    def scenario(system: Simulation) -> None:
        future: AgentFuture[int] = AgentFuture()
        called: list[str] = []
        system.race(
            lambda: future.add_done_callback(lambda: called.append("one")),
            lambda: future.add_done_callback(lambda: called.append("other")),
        )
        future.set(7)
        assert sorted(called) == ["one", "other"]

    explore(scenario, RandomWalk(), runs=100)


def test_a_child_that_was_about_to_be_started_when_its_parent_was_abandoned_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Parent(Agent):
        def on_receive(self, spec: ChildSpec[Clerk]) -> None:
            self.context.spawn(spec)

    gate = Gate()
    begin_wait = parent_module.begin_wait

    def late(*args: Any) -> None:
        gate.wait()
        begin_wait(*args)

    monkeypatch.setattr(parent_module, "begin_wait", late)
    with gate, Simulation() as system:
        parent = system.spawn(ChildSpec(Parent, shutdown=1.0))
        parent.tell(ChildSpec(Clerk, dispatcher="thread"))
        system.settle()
        stopped = parent.stop(drain=False, block=False)
        system.advance(1.5)
        assert system.orphans

        gate.open()
        system.settle()

        assert stopped.settled
        assert system.events.recent(10, StartFailed)
        assert system.select("/**") == []
