"""Is a resource that has failed too often spared by all who call it, and is each change of its circuit told once?"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorSystem, AgentRestarted, Cancelled, Emitted
from actors.eventlog import MemoryLog, record
from actors.guard import Breakers, CircuitOpenError
from actors.testkit import Gate
from policies import CircuitBreaker, CircuitState, Restart, RetryableOnly
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, result
from tests.core.scripted import doer

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at


def make(*args: Any, **options: Any) -> tuple[Breakers, Time]:
    time = Time()
    return Breakers(time, CircuitBreaker(*args, **options)), time  # type: ignore[arg-type]


def fails(error: BaseException | None = None) -> None:
    raise error or OSError("down")


def failing(breakers: Breakers, resource: str = "api", times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="down"):
            breakers[resource].call(fails)


def steps(log: EventLog) -> list[tuple[str, str, str]]:
    records = [event.record for event in log.of(Emitted)]
    return [(each.scope, each.old_state, each.new_state) for each in records]


# -- calls ----------------------------------------------------------------------------


def test_a_call_gives_and_raises_what_its_function_does() -> None:
    breakers, _ = make(5)
    error = KeyError("own")

    assert breakers["api"].call(int, "11", base=2) == 3
    with pytest.raises(KeyError) as raised:
        breakers["api"].call(fails, error)
    assert raised.value is error


def test_what_has_failed_too_often_is_not_called_until_its_time_is_over() -> None:
    breakers, time = make(2, open_for=30.0)
    failing(breakers, times=2)
    calls: list[int] = []

    with pytest.raises(CircuitOpenError, match="the circuit of 'api' is open, for another 30 s") as raised:
        breakers["api"].call(calls.append, 1)
    assert (raised.value.resource, raised.value.until, raised.value.retry_after) == ("api", 130.0, 30.0)
    time.at = 129.0
    with pytest.raises(CircuitOpenError, match="for another 1 s"), breakers["api"]:
        calls.append(2)
    assert calls == []

    time.at = 130.0
    breakers["api"].call(calls.append, 3)
    assert (calls, breakers["api"].state) == ([3], CLOSED)


def test_another_resource_goes_on_and_may_have_a_policy_of_its_own() -> None:
    time = Time()
    breakers = Breakers(time, CircuitBreaker(1), {"db": CircuitBreaker(2)})  # type: ignore[arg-type]
    failing(breakers, "api")
    failing(breakers, "db")

    assert {name: circuit.state for name, circuit in breakers.circuits().items()} == {"api": OPEN, "db": CLOSED}
    assert breakers["db"].call(int) == 0
    failing(breakers, "db")
    assert breakers["db"].state is OPEN
    assert (repr(breakers["db"]), breakers["db"].resource) == ("<Breaker db open>", "db")


def test_all_who_call_one_resource_share_its_circuit() -> None:
    breakers, _ = make(2)
    first, second = breakers["api"], breakers["api"]
    for each in (first, second):
        with pytest.raises(OSError, match="down"):
            each.call(fails)

    with pytest.raises(CircuitOpenError):
        first.call(int)


def test_a_block_counts_as_a_call() -> None:
    breakers, time = make(1, open_for=30.0)
    breaker = breakers["api"]
    with pytest.raises(OSError, match="down"), breaker:
        fails()
    assert breaker.state is OPEN
    time.at += 30.0

    with breakers["api"] as again:
        assert breaker.state is again.state is HALF_OPEN
    assert breaker.state is CLOSED


def test_one_breaker_is_for_one_block_at_a_time_and_says_so() -> None:
    breakers, _ = make(1)
    breaker = breakers["api"]
    with breaker:
        with pytest.raises(RuntimeError, match=r"take breakers\['api'\] anew for each"), breaker:
            pytest.fail("entered twice")
        with breakers["api"]:
            assert breaker.call(int) == 0
    failing(breakers)
    for _ in range(2):
        with pytest.raises(CircuitOpenError), breaker:
            pytest.fail("entered an open circuit")


def test_a_block_in_a_generator_may_end_on_another_thread() -> None:
    breakers, _ = make(1)

    def work() -> Iterator[None]:
        with breakers["api"]:
            yield
            raise OSError("down")

    steps = work()
    next(steps)
    failures: list[BaseException] = []

    def end() -> None:
        try:
            next(steps)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=end)
    thread.start()
    thread.join()

    assert len(failures) == 1
    assert breakers["api"].state is OPEN


@pytest.mark.parametrize(
    "error",
    [Cancelled("told to give up"), KeyboardInterrupt(), CircuitOpenError("other", 1.0, 1.0)],
    ids=["cancelled", "interrupted", "another circuit is open"],
)
def test_a_call_that_was_given_up_says_nothing_about_the_resource(error: BaseException) -> None:
    breakers, time = make(1, open_for=30.0)
    with pytest.raises(type(error)):
        breakers["api"].call(fails, error)
    assert breakers["api"].state is CLOSED
    failing(breakers)
    time.at += 30.0
    with pytest.raises(type(error)):
        breakers["api"].call(fails, error)

    assert breakers["api"].state is HALF_OPEN
    assert breakers["api"].call(int) == 0
    assert breakers["api"].state is CLOSED


def test_a_call_that_ends_late_neither_opens_nor_closes_what_has_changed_since() -> None:
    breakers, time = make(1, open_for=30.0)
    early, late = breakers["api"], breakers["api"]
    early.__enter__()
    late.__enter__()
    failing(breakers)
    time.at += 30.0
    with breakers["api"] as probe:
        early.__exit__(None, None, None)
        assert probe.state is HALF_OPEN
        late.__exit__(OSError, OSError(), None)
        assert probe.state is HALF_OPEN

    assert probe.state is CLOSED


@pytest.mark.parametrize("wrong", [None, 3, ("api",)])
def test_a_resource_is_a_name(wrong: Any) -> None:
    with pytest.raises(ValueError, match="resource: a name"):
        make()[0][wrong]


def test_the_refusal_is_worth_another_try_and_travels() -> None:
    error = pickle.loads(pickle.dumps(CircuitOpenError("api", 130.0, 30.0)))

    assert (error.resource, error.until, error.retry_after, error.retryable) == ("api", 130.0, 30.0, True)


# -- agents ---------------------------------------------------------------------------


def test_agents_share_a_circuit_and_each_change_is_told_once(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, dispatcher: Any
) -> None:
    breakers = Breakers(system, CircuitBreaker(2, open_for=30.0))
    down = [True]

    def fetch(_: Any) -> str:
        def use() -> str:
            trace.note("called")
            if down[0]:
                raise Boom("no route")
            return "page"

        return breakers["api"].call(use)

    policy = Restart(max_restarts=None, within=None)
    system_crew = system.spawn(doer("crew", trace, policy=policy))
    names = ("a", "b", "c")
    a, b, c = (system_crew.start_child(doer(name, trace, dispatcher=dispatcher)).ref for name in names)

    for ref, kind in ((a, Boom), (b, Boom), (c, CircuitOpenError)):
        with pytest.raises(kind):
            answer(ref, fetch)
    assert trace.count("called") == 2
    clock.advance(30.0)
    down[0] = False

    assert [answer(ref, fetch) for ref in (c, a)] == ["page", "page"]
    assert steps(log) == [
        ("api", "closed", "open"),
        ("api", "open", "half_open"),
        ("api", "half_open", "closed"),
    ]
    messages = [event.record.message for event in log.of(Emitted)]
    assert messages == ["Boom: no route", "its time is over: the next calls are probes", "the probes have succeeded"]


def test_an_answer_that_refuses_closes_the_circuit_and_is_told_as_a_success(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    breakers = Breakers(system, CircuitBreaker(1, open_for=30.0, ignores=[Boom]))
    failing(breakers)
    clock.advance(30.0)
    with pytest.raises(Boom):
        breakers["api"].call(fails, Boom("not for you"))

    assert [event.record.message for event in log.of(Emitted)][-1] == "the probes have succeeded"
    assert breakers["api"].state is CLOSED


def test_an_agent_that_met_an_open_circuit_is_restarted_as_one_whose_error_is_worth_another_try(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, dispatcher: Any
) -> None:
    breakers = Breakers(system, CircuitBreaker(1, open_for=30.0))
    with pytest.raises(OSError, match="down"):
        breakers["api"].call(fails)
    crew = system.spawn(doer("crew", trace, policy=RetryableOnly()))
    worker = crew.start_child(doer("worker", trace, dispatcher=dispatcher)).ref

    with pytest.raises(CircuitOpenError):
        answer(worker, lambda _: breakers["api"].call(int))

    log.wait(AgentRestarted, "/crew/worker")
    clock.advance(30.0)
    assert answer(worker, lambda _: breakers["api"].call(int)) == 0


def test_only_so_many_probes_are_under_way_at_once(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, dispatcher: Any
) -> None:
    breakers = Breakers(system, CircuitBreaker(1, open_for=30.0, probes=2))
    with pytest.raises(OSError, match="down"):
        breakers["api"].call(fails)
    clock.advance(30.0)
    gate = Gate("probe")

    def probe(_: Any) -> str:
        with breakers["api"]:
            gate.wait()
            return "up"

    a, b, c = (system.spawn(doer(name, trace, dispatcher=dispatcher)) for name in "abc")
    with gate:
        probes = [ref.ask(probe, block=False) for ref in (a, b)]
        gate.reached(2)
        with pytest.raises(CircuitOpenError):
            answer(c, probe)

    assert [result(each) for each in probes] == ["up", "up"]
    assert breakers["api"].state is CLOSED


def test_a_probe_that_hangs_makes_room_for_another_after_as_long_again(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, dispatcher: Any
) -> None:
    breakers = Breakers(system, CircuitBreaker(1, open_for=30.0))
    with pytest.raises(OSError, match="down"):
        breakers["api"].call(fails)
    clock.advance(30.0)
    gate = Gate("hung probe")

    def hang(_: Any) -> None:
        with breakers["api"]:
            gate.wait()
            raise Boom

    hung = system.spawn(doer("hung", trace, dispatcher=dispatcher))
    with gate:
        lost = hung.ask(hang, block=False)
        gate.reached()
        clock.advance(30.0)
        assert breakers["api"].call(int) == 0
    with pytest.raises(Boom):
        result(lost)

    assert breakers["api"].state is CLOSED
    assert [new for _, _, new in steps(log)] == ["open", "half_open", "closed"]


def test_changes_are_records_of_the_log(system: ActorSystem, log: EventLog) -> None:
    kept = MemoryLog()
    recording = record(system, kept)
    failing(Breakers(system, CircuitBreaker(1)))
    recording.close()

    found = [each for each in kept.read() if each.event_type == "breaker_state_changed"]
    assert [(each.scope, each.old_state, each.new_state) for each in found] == [("api", "closed", "open")]
    assert found[0].message == "OSError: down"


def test_a_subscriber_may_call_the_resource_and_changes_are_still_told_in_order(system: ActorSystem) -> None:
    breakers = Breakers(system, CircuitBreaker(1, open_for=30.0), {"db": CircuitBreaker(1)})
    told: list[tuple[str, str]] = []

    def hear(event: Any) -> None:
        if isinstance(event, Emitted):
            if event.record.scope == "api":
                failing(breakers, "db")
            told.append((event.record.scope, event.record.new_state))

    with_events: Callable[..., Any] = system.events.subscribe
    with_events(hear)
    failing(breakers, "api")

    assert told == [("api", "open"), ("db", "open")]
