"""Do futures hold what Pykka's hold, and the timeouts that Pykka's do not?"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest

from actors import ActorSystem, Agent, AgentFuture, AskTimeout, get_all
from actors.testkit import Gate, VirtualClock
from tests.core.helpers import PATIENCE, Flag, Trace

pytestmark = pytest.mark.threads_only("Pykka's threads, futures and loops")

SHORT = 0.05
"""Real seconds of a timeout that is meant to pass."""


class Echo(Agent):
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Gate):
            message.wait()
        return message


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], Any]], AgentFuture[Any]]]:
    """Runs a call on a thread of its own and gives a future of what it gives or raises."""
    threads: list[threading.Thread] = []

    def start(call: Callable[[], Any]) -> AgentFuture[Any]:
        done: AgentFuture[Any] = AgentFuture()

        def run() -> None:
            try:
                done.set(call())
            except BaseException as error:
                done.resolve(error=error)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return done

    yield start
    for thread in threads:
        thread.join(PATIENCE)


def settled(value: Any) -> AgentFuture[Any]:
    future: AgentFuture[Any] = AgentFuture()
    future.set(value)
    return future


# -- what they derive --------------------------------------------------------------------------------------------------


def test_a_future_is_derived_as_pykka_derives_it() -> None:
    numbers = settled([3, 4, 5])
    assert numbers.map(len).get() == 3
    assert numbers.filter(lambda number: number > 3).get() == [4, 5]
    assert numbers.reduce(lambda left, right: left + right).get() == 12
    assert numbers.reduce(lambda left, right: left + right, 100).get() == 112
    assert settled("a").join(settled("b"), settled("c")).get() == ["a", "b", "c"]
    assert numbers.map(sum).map(str).join(numbers.filter(None)).get() == ["12", [3, 4, 5]]


def test_futures_of_pykka_may_be_joined() -> None:
    pykkas: pykka.ThreadingFuture[str] = pykka.ThreadingFuture()
    pykkas.set("pykka's")
    joined = settled("ours").join(pykkas)
    assert joined.get() == ["ours", "pykka's"]

    async def main() -> Any:
        return await settled("ours").join(pykkas)

    assert asyncio.run(main()) == ["ours", "pykka's"]


def test_what_the_function_raises_is_raised_by_every_get_and_it_runs_once() -> None:
    runs = Trace()

    def divide(number: int) -> float:
        runs.note(number)
        return 1 / number

    derived = settled(0).map(divide)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            derived.get()
    assert runs.notes == [0]


def test_the_function_runs_once_although_many_threads_get_the_value(in_thread: Any) -> None:
    runs, gate = Trace(), Gate()
    source: AgentFuture[int] = AgentFuture()

    def double(number: int) -> int:
        runs.note(number)
        gate.wait()
        return 2 * number

    derived = source.map(double)
    results = [in_thread(derived.get) for _ in range(4)]
    source.set(21)
    gate.reached()
    gate.open()
    assert get_all(results, timeout=PATIENCE) == [42] * 4
    assert runs.notes == [21]


def test_a_function_that_raises_a_base_exception_leaves_nobody_waiting(in_thread: Any) -> None:
    def leave(value: Any) -> None:
        raise SystemExit(4)

    derived = settled(1).map(leave)
    for result in [in_thread(derived.get), in_thread(derived.get)]:
        with pytest.raises(SystemExit):
            result.get(timeout=PATIENCE)


def test_a_derived_future_takes_no_value_from_outside() -> None:
    derived = settled(1).map(str)
    with pytest.raises(queue.Full):
        derived.set("made up")
    with pytest.raises(queue.Full):
        derived.set_exception((ValueError, ValueError(), None))
    with pytest.raises(queue.Full):
        derived.set_get_hook(lambda timeout: "made up")
    assert derived.get() == "1"


def test_a_hook_that_is_set_while_somebody_waits_gives_its_value(in_thread: Any) -> None:
    future: AgentFuture[str] = AgentFuture()
    waiting = in_thread(lambda: future.get(timeout=PATIENCE))
    future.set_get_hook(lambda timeout: "hooked")
    assert waiting.get(timeout=PATIENCE) == "hooked"
    with pytest.raises(queue.Full):
        future.set("too late")
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda timeout: "too late, too")


def test_a_callback_that_raises_hurts_neither_the_other_callbacks_nor_the_one_who_settles() -> None:
    future: AgentFuture[int] = AgentFuture()
    called = Trace()

    def fail() -> None:
        raise ValueError("the callback's own")

    future.add_done_callback(fail)
    future.add_done_callback(lambda: called.note("second"))
    future.set(1)
    future.add_done_callback(fail)
    future.add_done_callback(lambda: called.note("late"))
    assert called.notes == ["second", "late"]


# -- timeouts ----------------------------------------------------------------------------------------------------------


def test_get_all_has_one_deadline_for_all(system: ActorSystem, clock: VirtualClock, in_thread: Any) -> None:
    gate = Gate()
    busy = system.spawn(Echo)
    busy.tell(gate)
    gate.reached()
    answers = [busy.ask(number, block=False) for number in range(4)]
    result = in_thread(lambda: get_all(answers, timeout=3.0))
    while clock.next_due is None:
        assert not result.settled
    clock.advance(3.0)
    with pytest.raises(AskTimeout):
        result.get(timeout=PATIENCE)
    assert clock.now() == 3.0
    gate.open()
    assert get_all(answers) == [0, 1, 2, 3]


def test_a_deadline_of_plain_futures_is_shared_too() -> None:
    futures: list[AgentFuture[int]] = [AgentFuture() for _ in range(1000)]
    with pytest.raises(pykka.Timeout):
        get_all(futures, timeout=SHORT)
    # A timeout each would be 50 seconds.


@pytest.mark.parametrize(
    "derive",
    [
        lambda source: source.map(str),
        lambda source: source.filter(None),
        lambda source: source.join(settled(1)),
        lambda source: source.reduce(max),
    ],
    ids=["map", "filter", "join", "reduce"],
)
def test_a_timeout_holds_although_another_thread_waits_for_the_same_future(derive: Any, in_thread: Any) -> None:
    source: AgentFuture[Any] = AgentFuture()
    derived = derive(source)
    patient = in_thread(derived.get)
    with pytest.raises(AskTimeout):
        derived.get(timeout=SHORT)
    assert not patient.settled
    source.set([1, 2])
    patient.get(timeout=PATIENCE)
    assert derived.get(timeout=0) == patient.get()


def test_a_timeout_holds_although_another_thread_computes_the_value(in_thread: Any) -> None:
    gate = Gate()

    def compute(value: int) -> int:
        gate.wait()
        return value + 1

    derived = settled(1).map(compute)
    computing = in_thread(derived.get)
    gate.reached()
    with pytest.raises(AskTimeout):
        derived.get(timeout=SHORT)
    gate.open()
    assert computing.get(timeout=PATIENCE) == derived.get() == 2


def test_a_joined_future_has_one_deadline_on_its_systems_clock(
    system: ActorSystem, clock: VirtualClock, in_thread: Any
) -> None:
    gate = Gate()
    first, second = system.spawn(Echo), system.spawn(Echo)
    second.tell(gate)
    gate.reached()
    joined = first.ask("quick", block=False).join(second.ask("slow", block=False))
    result = in_thread(lambda: joined.get(timeout=60.0))
    while clock.next_due is None:
        assert not result.settled
    clock.advance(60.0)
    with pytest.raises(AskTimeout):
        result.get(timeout=PATIENCE)
    gate.open()
    assert joined.get() == ["quick", "slow"]


def test_a_derived_future_can_be_awaited_and_has_callbacks(system: ActorSystem) -> None:
    ref = system.spawn(Echo)
    derived = ref.ask(20, block=False).map(lambda number: number + 1).join(ref.ask(21, block=False))
    done = Flag()
    derived.add_done_callback(done.set)

    async def main() -> Any:
        return await derived

    assert asyncio.run(main()) == [21, 21]
    assert done.wait(PATIENCE)


def test_a_future_that_is_awaited_after_its_loop_was_closed_is_settled_in_peace(system: ActorSystem) -> None:
    gate = Gate()
    ref = system.spawn(Echo)
    ref.tell(gate)
    gate.reached()
    future = ref.ask("late", block=False)

    async def main() -> None:
        await asyncio.wait_for(future_of(future), SHORT)

    async def future_of(future: AgentFuture[Any]) -> Any:
        return await future

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(main())
    gate.open()
    assert future.get(timeout=PATIENCE) == "late"
