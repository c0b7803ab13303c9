"""Do the promises about asks hold: 3, 6 and 7 of docs/semantics.md?"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    HandlerTimeout,
    Reply,
    default_system,
    get_all,
    stop_all,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Aside, Boom, Flag, Meeting, Trace, answer, assert_ended, elsewhere
from tests.core.scripted import FOREVER, Doer, doer, held

# -- 3: every ask ends -------------------------------------------------------------------------------------------------


def test_promise_03_an_ask_ends_with_the_handlers_value(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    assert ref.ask("here") == "here"
    assert answer(ref, "there") == "there"


def test_promise_03_an_ask_ends_with_the_handlers_own_exception(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    error = Boom("mine")
    with pytest.raises(Boom) as inline:
        ref.ask(error)
    with pytest.raises(Boom) as pooled:
        answer(ref, error)
    assert inline.value is error
    assert pooled.value is error


def test_promise_03_an_ask_ends_with_agent_stopped_error_when_the_agent_stops_first(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    asks = [ref.ask(number, block=False) for number in range(3)]
    ref.stop(block=False, drain=False)
    gate.open()
    for ask in asks:
        with pytest.raises(AgentStoppedError, match="/a"):
            ask.get(timeout=PATIENCE)


def test_promise_03_an_ask_ends_with_ask_timeout(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    asking = elsewhere(ref.ask, "late", timeout=2.0)
    clock.advance_once_due(2.0)
    with pytest.raises(AskTimeout, match="/a within 2 seconds"):
        asking.get()
    gate.open()


def test_promise_03_an_ask_ends_with_handler_timeout(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a", deadline=3.0))
    gate = Gate()
    ask = ref.ask(lambda agent: gate.wait(), block=False)
    gate.reached()
    clock.advance(3.0)
    with pytest.raises(HandlerTimeout, match="/a took longer than 3 seconds"):
        ask.get(timeout=PATIENCE)
    gate.open()


def test_promise_03_an_ask_whose_deadline_has_passed_is_not_executed(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    expired = ref.ask("expired", block=False, timeout=1.0)
    in_time = ref.ask("in time", block=False, timeout=1.5)
    clock.advance(1.0)
    gate.open()
    assert in_time.get() == "in time"
    with pytest.raises(AskTimeout):
        expired.get()
    assert trace.notes == [("start", "a", 1), ("in time", "a", 1)]


@pytest.mark.threads_only("runs an event loop")
@pytest.mark.parametrize("how", ["got", "awaited", "called back", "piped"])
def test_promise_03_an_ask_that_does_not_block_ends_at_its_own_timeout(
    system: ActorSystem, clock: WatchedClock, trace: Trace, how: str
) -> None:
    busy, other = system.spawn(doer("busy")), system.spawn(doer("other", trace))
    gate = held(busy)

    async def wait() -> Any:
        return await busy.ask("late", block=False, timeout=2.0)

    def get_called_back() -> Any:
        future, done = busy.ask("late", block=False, timeout=2.0), Flag()
        future.add_done_callback(done.set)
        assert done.wait(PATIENCE)
        return future.get(timeout=0.0)

    def get_piped() -> None:
        answer(other, lambda agent: agent.context.pipe_to_self(busy.ask("late", block=False, timeout=2.0)))
        (failed, _, _) = trace.wait_until(lambda notes: len(notes) == 2)[-1]
        raise failed.error

    ways = {
        "got": busy.ask("late", block=False, timeout=2.0).get,
        "awaited": lambda: asyncio.run(wait()),
        "called back": get_called_back,
        "piped": get_piped,
    }
    waiting = elsewhere(ways[how])
    clock.advance_once_due(2.0)
    with pytest.raises(AskTimeout, match="/busy within 2 seconds"):
        waiting.get()
    gate.open()


def test_promise_03_an_answer_that_was_put_off_comes_once_or_ends_with_its_incarnation(
    system: ActorSystem, spec: Any
) -> None:
    ref = system.spawn(spec(Doer, name="a"))
    owed: list[Reply] = []
    first, second = (ref.ask(lambda agent: owed.append(agent.context.defer()), block=False) for _ in range(2))
    ref.ask("both are put off")
    assert (first.settled, second.settled) == (False, False)

    assert [owed[0].set("comes once"), owed[0].set("not twice")] == [True, False]
    assert first.get(timeout=PATIENCE) == "comes once"

    with pytest.raises(Boom):
        answer(ref, Boom("the end of this incarnation"))
    with pytest.raises(AgentStoppedError, match=r"^/a #1 ended before it replied to "):
        second.get(timeout=PATIENCE)
    assert owed[1].set("too late") is False


@pytest.mark.parametrize("deadline", [None, 0.02], ids=["on the asker's thread too", "with abandoned threads"])
def test_promise_03_no_interleaving_of_stops_restarts_and_hangs_leaves_an_ask_open(deadline: float | None) -> None:
    ends = Trace()
    gate = Gate()

    def hang(agent: Doer) -> None:
        gate.wait()

    def ask(asker: int) -> None:
        for number in range(60):
            message = Boom(number) if number % 7 == 0 else hang if deadline and number % 20 == asker else number
            try:
                answered = ref.ask(message) if number % 2 else answer(ref, message)
            except Exception as error:
                answered = type(error)
            ends.note(number if answered == number else answered)

    with ActorSystem("storm", policy=FOREVER) as system:
        ref = system.spawn(doer("a", deadline=deadline))
        askers = [elsewhere(ask, asker) for asker in range(4)]
        ends.wait_until(lambda notes: len(notes) > 150)
        ref.stop(drain=False)
        for asker in askers:
            asker.get()
        gate.open()
    assert len(ends.notes) == 4 * 60
    allowed = {Boom, AgentStoppedError, HandlerTimeout} if deadline else {Boom, AgentStoppedError}
    assert {end for end in ends.notes if isinstance(end, type)} <= allowed


# -- 6: cycles ---------------------------------------------------------------------------------------------------------


def test_promise_06_an_ask_to_oneself_raises(system: ActorSystem, spec: Any) -> None:
    ref = system.spawn(spec(Doer, "a"))
    with pytest.raises(AskCycleError, match="/a -> /a"):
        ref.ask(lambda agent: agent.actor_ref.ask("never handled"))


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_promise_06_a_cycle_of_asks_raises_and_names_the_path(system: ActorSystem, spec: Any, names: str) -> None:
    refs = [system.spawn(spec(Doer, name, policy=FOREVER)) for name in names]
    last = refs[-1]

    def back(agent: Doer) -> Any:
        return refs[0].ask("never handled")

    question: Any = back
    for ref in reversed(refs[1:]):
        question = partial(lambda ref, question, agent: ref.ask(question), ref, question)
    with pytest.raises(AskCycleError) as raised:
        refs[0].ask(question)
    cycle = raised.value.cycle
    assert cycle[0] == cycle[-1] == last.path
    assert list(cycle[1:]) == [ref.path for ref in refs]
    assert " -> ".join(cycle) in str(raised.value)


def test_promise_06_two_that_ask_each_other_at_the_same_moment_do_not_hang(system: ActorSystem) -> None:
    for number in range(20):
        a, b = system.spawn(doer(f"a{number}")), system.spawn(doer(f"b{number}"))
        meet = Meeting(2)

        def ask_other(other: Any, agent: Doer, meet: Meeting = meet) -> Any:
            meet.wait()
            return other.ask("who")

        asks = [a.ask(partial(ask_other, b), block=False), b.ask(partial(ask_other, a), block=False)]
        ends = [elsewhere(ask.get, timeout=PATIENCE) for ask in asks]
        errors = [end for end in map(_error_of, ends) if end is not None]
        assert errors
        assert {type(error) for error in errors} == {AskCycleError}


# -- 7: asyncio, one deadline ------------------------------------------------------------------------------------------


@pytest.mark.threads_only("runs an event loop")
def test_promise_07_awaiting_an_ask_leaves_the_loop_free(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    gate = Gate()

    async def main() -> Any:
        loop = asyncio.get_running_loop()

        def answer_once_the_loop_opens_the_gate(agent: Doer) -> str:
            loop.call_soon_threadsafe(gate.open)
            gate.wait()
            return "answered"

        return await ref.ask(answer_once_the_loop_opens_the_gate, block=False)

    assert asyncio.run(main()) == "answered"


@pytest.mark.threads_only("runs an event loop")
def test_promise_07_awaiting_an_ask_raises_what_the_handler_raised(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))

    async def main() -> Any:
        return await ref.ask(Boom("awaited"), block=False)

    with pytest.raises(Boom, match="awaited"):
        asyncio.run(main())


def test_promise_07_get_all_keeps_one_deadline_for_all(system: ActorSystem, clock: WatchedClock) -> None:
    refs = [system.spawn(doer(name)) for name in "abc"]
    gates = [held(ref) for ref in refs]
    asks = [ref.ask("late", block=False) for ref in refs]
    getting = elsewhere(get_all, asks, timeout=1.0)
    clock.waits.wait_for(1.0)
    clock.advance(0.6)
    gates[0].open()
    assert clock.waits.wait_until(lambda deadlines: len(deadlines) == 2) == pytest.approx([1.0, 1.0])
    clock.advance(0.5)
    with pytest.raises(AskTimeout):
        getting.get()
    for gate in gates:
        gate.open()


def test_promise_07_stop_all_keeps_one_deadline_and_tells_all(trace: Trace) -> None:
    gates = []
    try:
        refs = [Doer.start(trace) for _ in range(3)]
        gates = [held(ref) for ref in refs]
        begun = time.monotonic()
        with pytest.raises(AskTimeout):
            stop_all(timeout=0.3)
        assert 0.3 <= time.monotonic() - begun < 0.8
        for gate in gates:
            gate.open()
        for ref in refs:
            assert_ended(ref)
    finally:
        for gate in gates:
            gate.open()
        default_system().stop()


def _error_of(aside: Aside) -> BaseException | None:
    try:
        aside.get()
    except Exception as error:
        return error
    return None
