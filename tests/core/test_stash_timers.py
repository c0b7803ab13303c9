"""What becomes of messages that an agent puts aside, and of those that it has delivered to itself later?"""

from typing import Any

import pytest

from actors import ActorSystem, AgentRestarted, ReceiveTimeout, StashError
from actors.testkit import Gate
from policies import Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, dead_letters, number, stop
from tests.core.helpers import EventLog, Trace, answer, result

AGAIN = Restart(max_restarts=5, within=None)


class Stashing(Doer):
    """Puts whole numbers aside until it is sent "open"; notes what does not go."""

    stash_capacity = 20
    closed = True

    def on_receive(self, message: Any) -> Any:
        if message == "open":
            self.closed = False
            self.context.unstash_all()
        elif isinstance(message, int) and self.closed:
            try:
                self.context.stash()
            except StashError as error:
                self.trace.note((message, error.path))
        else:
            return super().on_receive(message)


@pytest.mark.case(102)
def test_a_full_stash_refuses_one_more_and_all_in_it_are_dead_letters_in_order_at_the_end(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Stashing, name="a", args=(trace,)))
    for i in range(21):
        agent.tell(i)

    stop(agent)

    assert trace.notes == [(20, "/a")]
    assert dead_letters(log, "/a", "stopped") == list(range(20))


@pytest.mark.case(102)
def test_a_stash_error_that_is_not_caught_is_a_failure_over_that_message_only(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    class OneOnly(Doer):
        stash_capacity = 1

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, int) and self.context.incarnation == 1:
                self.context.stash()
                return None
            return super().on_receive(message)

    agent = system.spawn(spec(OneOnly, name="a", args=(trace,), policy=AGAIN))
    agent.tell(1)
    agent.tell(2)

    assert answer(agent, number) == 2
    assert trace.notes == [1]
    assert dead_letters(log, "/a", "failed") == [2]


@pytest.mark.case(103)
def test_what_was_stashed_before_a_crash_is_handled_after_the_restart_ahead_of_the_mailbox(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    class OpenLater(Stashing):
        @property
        def closed(self) -> bool:  # type: ignore[override]
            return self.context.incarnation == 1

    agent = system.spawn(spec(OpenLater, name="a", args=(trace,), policy=AGAIN))
    gate = Gate()
    agent.tell(1)
    agent.tell(2)
    agent.tell(lambda agent: (gate.wait(), crash(agent)))
    gate.reached()
    agent.tell(3)
    gate.open()

    assert answer(agent, number) == 2
    assert trace.notes == [1, 2, 3]


@pytest.mark.case(103)
def test_an_ask_that_was_stashed_before_a_crash_is_answered_after_the_restart(system: ActorSystem, spec: Any) -> None:
    class AnswersLater(Doer):
        def on_receive(self, message: Any) -> Any:
            if message == "question" and self.context.incarnation == 1:
                self.context.stash()
                return None
            return super().on_receive(message)

    agent = system.spawn(spec(AnswersLater, name="a", policy=AGAIN))
    asked = agent.ask("question", block=False)
    agent.tell(crash)

    assert answer(agent, number) == 2
    assert asked.get(timeout=10) == "question"


def test_an_ask_that_was_stashed_on_the_askers_thread_is_given_up_with_its_asker(
    system: ActorSystem, trace: Trace
) -> None:
    def put_aside_once(agent: Doer) -> bool:
        if not trace.count("aside"):
            agent.context.stash()
            trace.note("aside")
            return False
        gate.wait()
        return agent.context.cancelled

    gate = Gate()
    agent = system.spawn(Doer, name="a")
    asking = system.spawn(Doer, name="asking")
    given_up: list[bool] = []
    asking.tell(lambda _: given_up.append(agent.ask(put_aside_once)))
    trace.wait_for("aside")

    agent.tell(lambda agent: agent.context.unstash_all())
    gate.reached()
    ended = asking.stop(block=False, drain=False)
    gate.open()

    assert result(ended) is True
    assert given_up == [True]


@pytest.mark.case(103)
def test_the_same_message_cannot_be_stashed_twice(system: ActorSystem, spec: Any, log: EventLog, trace: Trace) -> None:
    def stash_twice(agent: Doer) -> None:
        if agent.trace.notes:
            return
        agent.context.stash()
        try:
            agent.context.stash()
        except StashError as error:
            agent.trace.note(str(error))

    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    agent.tell(stash_twice)

    assert answer(agent, number) == 1
    assert trace.notes == ["/a: the message in hand is stashed already"]
    stop(agent)
    assert dead_letters(log, "/a", "stopped") == [stash_twice]


@pytest.mark.case(104)
def test_unstashing_handles_what_was_stashed_and_keeps_what_is_stashed_again_meanwhile(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class OddOnesStay(Doer):
        opened = False

        def on_receive(self, message: Any) -> Any:
            if message == "open":
                self.opened = True
                self.context.unstash_all()
            elif isinstance(message, int) and (not self.opened or message % 2):
                self.trace.note(("stashed", message))
                self.context.stash()
            else:
                return super().on_receive(message)

    agent = system.spawn(spec(OddOnesStay, name="a", args=(trace,)))
    for i in (1, 2, 3, 4):
        agent.tell(i)
    answer(agent, number)
    trace.clear()

    agent.tell("open")
    agent.tell("behind")

    answer(agent, number)
    assert trace.notes == [("stashed", 1), 2, ("stashed", 3), 4, "behind"]


def _once(key: str, delay: float, message: Any) -> Any:
    return lambda agent: agent.context.timers.once(key, delay, message)


@pytest.mark.case(105)
@pytest.mark.parametrize(
    ("make_stale", "delivered"),
    [
        pytest.param(_once("key", 1.0, "new"), ["new"], id="replaced"),
        pytest.param(lambda agent: agent.context.timers.cancel("key"), [], id="cancelled"),
        pytest.param(crash, [], id="restarted"),
    ],
)
@pytest.mark.parametrize("kind", ["once", "every"])
def test_a_tick_that_waits_in_the_mailbox_is_discarded_when_its_timer_stands_no_more(
    system: ActorSystem, clock: WatchedClock, spec: Any, trace: Trace, kind: str, make_stale: Any, delivered: list[str]
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,), policy=AGAIN))
    answer(agent, lambda agent: getattr(agent.context.timers, kind)("key", 1.0, "old"))
    gate = Gate()
    agent.tell(lambda agent: (gate.wait(), make_stale(agent)))
    gate.reached()
    clock.advance(1.0)
    gate.open()

    answer(agent, number)
    assert trace.notes == []
    clock.advance(5.0)
    answer(agent, number)
    assert trace.notes == delivered


@pytest.mark.case(105)
def test_timers_of_the_same_key_belong_to_the_incarnation_that_started_them(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    class Ticking(Doer):
        def on_start(self) -> None:
            self.context.timers.every("tick", 1.0, f"tick of {self.context.incarnation}")

    agent = system.spawn(spec(Ticking, name="a", args=(trace,), policy=AGAIN))
    clock.advance(1.0)
    answer(agent, number)
    clock.advance(0.5)
    agent.tell(crash)
    log.wait(AgentRestarted, "/a")

    clock.advance(0.6)
    answer(agent, number)
    assert trace.notes == ["tick of 1"]
    clock.advance(0.5)
    answer(agent, number)
    assert trace.notes == ["tick of 1", "tick of 2"]


class Unimportant:
    """A message that does not count as one."""


@pytest.mark.case(106)
def test_excluded_messages_do_not_put_off_a_receive_timeout_and_others_do(
    system: ActorSystem, clock: WatchedClock, spec: Any, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    answer(agent, lambda agent: agent.context.set_receive_timeout(1.0, ignore=[Unimportant]))

    clock.advance(0.6)
    answer(agent, "counts")
    clock.advance(0.6)
    unimportant = Unimportant()
    answer(agent, unimportant)
    assert trace.notes == ["counts", unimportant]
    clock.advance(0.4)

    assert trace.wait_for(ReceiveTimeout(1.0)) == ["counts", unimportant, ReceiveTimeout(1.0)]


@pytest.mark.case(106)
def test_a_receive_timeout_can_be_set_by_each_incarnation_and_ends_with_it(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    class Waiting(Doer):
        def on_start(self) -> None:
            if self.context.incarnation < 3:
                self.context.set_receive_timeout(float(self.context.incarnation))

    agent = system.spawn(spec(Waiting, name="a", args=(trace,), policy=AGAIN))
    clock.advance(0.5)
    agent.tell(crash)
    log.wait(AgentRestarted, "/a")
    clock.advance(1.9)
    assert trace.notes == []
    clock.advance(0.1)
    trace.wait_for(ReceiveTimeout(2.0))

    agent.tell(crash)
    log.wait(AgentRestarted, "/a", times=2)
    clock.advance(100.0)

    assert answer(agent, number) == 3
    assert trace.notes == [ReceiveTimeout(2.0)]


@pytest.mark.case(106)
def test_a_receive_timeout_dies_with_its_agent(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    answer(agent, lambda agent: agent.context.set_receive_timeout(1.0))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    stopping = agent.stop(block=False, drain=False)
    clock.advance(0.5)
    gate.open()
    assert stopping.get(timeout=10) is True

    clock.advance(100.0)

    assert trace.notes == []
    assert dead_letters(log, "/a") == []
    assert clock.next_due is None


@pytest.mark.case(103)
def test_a_hook_has_no_message_in_hand_to_stash(system: ActorSystem, spec: Any, log: EventLog, trace: Trace) -> None:
    class StashesInItsHooks(Doer):
        def on_start(self) -> None:
            self.try_to_stash()

        def on_failure(self, *_failure: Any) -> None:
            self.try_to_stash()

        def try_to_stash(self) -> None:
            try:
                self.context.stash()
            except StashError as error:
                self.trace.note(str(error))

    agent = system.spawn(spec(StashesInItsHooks, name="a", args=(trace,), policy=AGAIN))
    agent.tell(crash)

    assert answer(agent, number) == 2
    assert trace.notes == ["/a: there is no message in hand to stash"] * 3
