"""Is each limit of a loop kept, and said in the words that those who read them know?"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.guard import (
    Allow,
    Block,
    CircuitBreak,
    Exhausted,
    LoopGuard,
    Quota,
    Stuck,
    Usage,
    Verdict,
    Warn,
    enforce,
)

system_case = pytest.mark.system_case


def kinds(verdicts: list[Verdict]) -> list[str]:
    return [type(verdict).__name__ for verdict in verdicts]


def called(guard: LoopGuard, *inputs: Any) -> list[str]:
    return kinds([guard.tool_call("search", each) for each in inputs])


# -- iterations and tool calls --------------------------------------------------------


@system_case("T63")
def test_five_iterations_are_three_allowed_and_two_with_a_warning_then_it_breaks() -> None:
    guard = LoopGuard(Quota(iterations=5))
    verdicts = [guard.iteration() for _ in range(6)]

    assert kinds(verdicts) == ["Allow"] * 3 + ["Warn"] * 2 + ["CircuitBreak"]
    assert verdicts[3] == Warn("iteration 4 of 5")
    assert verdicts[5] == CircuitBreak("max iterations reached (5)", "iterations", 6, 5)


@pytest.mark.parametrize(("most", "allowed"), [(1, 0), (2, 0), (3, 1), (4, 2), (10, 7), (15, 11), (20, 15), (100, 79)])
def test_it_warns_from_four_fifths_on_rounded_down(most: int, allowed: int) -> None:
    guard = LoopGuard(Quota(iterations=most))

    verdicts = kinds([guard.iteration() for _ in range(most + 1)])

    assert verdicts == ["Allow"] * allowed + ["Warn"] * (most - allowed) + ["CircuitBreak"]


def test_more_tool_calls_than_allowed_break_the_loop() -> None:
    guard = LoopGuard(Quota(tool_calls=3))
    verdicts = [guard.tool_call("read", {"line": line}) for line in range(4)]

    assert verdicts == [Allow()] * 3 + [CircuitBreak("max tool calls reached (3)", "tool_calls", 4, 3)]
    assert guard.tool_calls == 4


# -- the same call again --------------------------------------------------------------


@system_case("T64")
def test_the_third_equal_call_is_blocked_and_the_loop_goes_on() -> None:
    guard = LoopGuard()
    guard.tool_call("search", {"query": "key"})
    guard.tool_call("read", {"file": "a"})
    guard.tool_call("search", {"query": "key"})
    guard.tool_call("read", {"file": "b"})

    verdict = guard.tool_call("search", {"query": "key"})

    assert verdict == Block("ping-pong detected: tool 'search' called 3 times with same input")
    assert guard.broken is None
    assert guard.tool_call("search", {"query": "lock"}) == Allow()
    assert guard.iteration() == Allow()


@system_case("T64")
def test_other_inputs_and_other_tools_are_never_blocked() -> None:
    guard = LoopGuard(Quota(tool_calls=400))

    assert {type(guard.tool_call("read", {"line": line})) for line in range(200)} == {Allow}
    assert {type(guard.tool_call(f"tool-{number}", {"line": 1})) for number in range(200)} == {Allow}


@system_case("D1.17")
def test_three_equal_calls_far_apart_are_not_blocked() -> None:
    guard = LoopGuard(Quota(window=4))

    assert called(guard, "key", 1, 2, 3, "key", 4, 5, 6, "key") == ["Allow"] * 9
    assert called(guard, 7, "key", "key") == ["Allow", "Allow", "Block"]


@system_case("D1.17")
def test_four_equal_calls_in_a_row_end_the_loop_and_not_as_a_success() -> None:
    guard = LoopGuard()

    assert called(guard, "key", "key", "key") == ["Allow", "Allow", "Block"]
    verdict = guard.tool_call("search", "key")

    assert verdict == CircuitBreak(
        "ping-pong detected: tool 'search' called 4 times in a row with same input", "in_a_row", 4, 4
    )
    with pytest.raises(Exhausted, match="4 times in a row"):
        enforce(verdict)


def test_another_call_between_ends_the_row() -> None:
    guard = LoopGuard()

    assert called(guard, "key", "key", "key", "lock", "key", "key", "key") == [
        "Allow",
        "Allow",
        "Block",
        "Allow",
        "Block",
        "Block",
        "Block",
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="keys in another order"),
        pytest.param({"a": [1, {"c": 2}]}, {"a": [1, {"c": 2}]}, True, id="equal all the way down"),
        pytest.param(None, None, True, id="no input"),
        pytest.param("1", 1, False, id="a text and a number"),
        pytest.param(True, 1, False, id="a bool and a number"),
        pytest.param({"a": 1}, {"a": 2}, False, id="another value"),
        pytest.param({1: "a", "b": 2}, {1: "a", "b": 2}, True, id="keys that cannot be sorted"),
        pytest.param({"a": {1}}, {"a": {2}}, False, id="what JSON cannot write"),
        pytest.param("\ud800", "\ud800", True, id="half a character"),
        pytest.param([10**5000], [10**5000], True, id="a number too long to be written"),
    ],
)
def test_two_calls_are_equal_where_their_inputs_say_the_same(one: Any, other: Any, same: bool) -> None:
    guard = LoopGuard(Quota(repeats=2))

    assert called(guard, one, other) == ["Allow", "Block" if same else "Allow"]


def test_an_input_that_holds_itself_or_cannot_be_printed_is_counted_too() -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError

    loop: list[Any] = []
    loop.append(loop)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    guard = LoopGuard(Quota(repeats=2))

    assert called(guard, loop, loop, Unprintable(), Unprintable(), deep) == [
        "Allow",
        "Block",
        "Allow",
        "Block",
        "Allow",
    ]


# -- answers --------------------------------------------------------------------------


@system_case("T66")
def test_five_answers_in_a_row_that_were_cut_off_break_the_loop_and_a_good_one_resets() -> None:
    guard = LoopGuard()
    assert [guard.answer(truncated=True) for _ in range(4)] == [Allow()] * 4
    assert guard.answer() == Allow()
    assert [guard.answer(truncated=True) for _ in range(4)] == [Allow()] * 4

    assert guard.answer(truncated=True) == CircuitBreak("5 truncated answers in a row", "truncations", 5, 5)


def test_the_use_of_a_tool_ends_a_row_of_answers_that_were_cut_off() -> None:
    guard = LoopGuard(Quota(truncations=2))
    guard.answer(truncated=True)
    guard.tool_call("read")

    assert guard.answer(truncated=True) == Allow()


# -- budgets --------------------------------------------------------------------------


@system_case("T65")
def test_a_token_budget_warns_at_four_fifths_and_breaks_beyond_it() -> None:
    assert LoopGuard(Quota(tokens=1000)).spend(Usage(799)) == Allow()
    assert LoopGuard(Quota(tokens=1000)).spend(Usage(400, 400)) == Warn("800 of 1000 tokens used")
    guard = LoopGuard(Quota(tokens=1000))
    assert guard.spend(Usage(600, 250)) == Warn("850 of 1000 tokens used")
    assert guard.spend(Usage(150)) == Allow()

    assert guard.spend(Usage(0, 1)) == CircuitBreak("token budget exhausted: 1001 > 1000", "tokens", 1001, 1000)


@system_case("T65")
def test_without_a_token_budget_there_is_no_end() -> None:
    assert LoopGuard().spend(Usage(10**12)) == Allow()


@system_case("T65")
def test_a_cost_budget_breaks_beyond_it_and_zero_is_none() -> None:
    guard = LoopGuard(Quota(cost=1.0))
    assert [guard.spend(Usage(cost=0.5)), guard.spend(Usage(cost=0.3))] == [Allow(), Allow()]
    verdict = guard.spend(Usage(cost=0.3))

    assert isinstance(verdict, CircuitBreak)
    assert (verdict.reason, verdict.limit, verdict.allowed) == ("cost budget exceeded: $1.10 > $1.00", "cost", 1.0)
    assert LoopGuard(Quota(cost=0.0)).spend(Usage(cost=1e9)) == Allow()


def test_sums_that_are_equal_but_for_rounding_are_no_more_than_the_budget() -> None:
    guard = LoopGuard(Quota(cost=0.3))
    verdicts = [guard.spend(Usage(cost=0.1)) for _ in range(3)]

    assert guard.usage.cost > 0.3
    assert verdicts == [Allow()] * 3


def test_costs_are_said_to_the_hundredth_of_a_cent_that_tells_them_apart() -> None:
    verdict = LoopGuard(Quota(cost=0.0012)).spend(Usage(cost=0.001234))

    assert isinstance(verdict, CircuitBreak)
    assert verdict.reason == "cost budget exceeded: $0.001234 > $0.0012"


# -- failures -------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["model", "tool"])
def test_three_failures_in_a_row_end_the_loop_as_stuck(what: str) -> None:
    guard = LoopGuard()
    fail: Callable[..., Verdict] = getattr(guard, f"{what}_failed")
    assert [fail(OSError("down")), fail()] == [Allow(), Allow()]

    verdict = fail(OSError("still down"))

    reason = f"3 {what} failures in a row, the last: OSError: still down"
    assert verdict == CircuitBreak(reason, f"{what}_failures", 3, 3)  # type: ignore[arg-type]
    with pytest.raises(Stuck, match="failures in a row"):
        guard.enforce(verdict)


def test_a_success_ends_the_row_of_failures_of_its_own_kind() -> None:
    guard = LoopGuard(Quota(model_failures=2, tool_failures=2))
    guard.model_failed()
    guard.tool_failed()
    guard.answer()
    assert guard.model_failed() == Allow()
    guard.tool_succeeded()
    assert guard.tool_failed() == Allow()

    assert guard.tool_failed() == CircuitBreak("2 tool failures in a row", "tool_failures", 2, 2)


# -- the end --------------------------------------------------------------------------


def test_once_ended_it_stays_ended_and_still_counts_what_was_used() -> None:
    guard = LoopGuard(Quota(iterations=1))
    guard.iteration()
    end = guard.iteration()

    assert isinstance(end, CircuitBreak)
    assert {
        guard.broken,
        guard.iteration(),
        guard.tool_call("read"),
        guard.answer(),
        guard.answer(truncated=True),
        guard.model_failed(),
        guard.tool_failed(),
        guard.spend(Usage(5, 6)),
    } == {end}
    assert (guard.iterations, guard.usage) == (2, Usage(5, 6))


def test_the_end_of_a_loop_is_raised_with_its_numbers_and_nothing_else_is() -> None:
    for verdict in (Allow(), Warn("near"), Block("again")):
        assert enforce(verdict) is verdict
    guard = LoopGuard(Quota(tokens=10))
    with pytest.raises(Exhausted, match=r"^token budget exhausted: 11 > 10$") as raised:
        guard.enforce(guard.spend(Usage(11)))

    again = pickle.loads(pickle.dumps(raised.value))
    for error in (raised.value, again):
        assert type(error) is Exhausted
        assert (error.limit, error.used, error.allowed, error.retryable) == ("tokens", 11, 10, False)
        assert error.reason == str(error)


def test_a_guard_says_how_far_it_is() -> None:
    guard = LoopGuard(Quota(iterations=1))
    guard.iteration()
    assert repr(guard) == f"<LoopGuard open, 1 iterations, 0 tool calls, {Usage()}>"
    guard.iteration()

    assert repr(guard).startswith("<LoopGuard ended: max iterations reached (1), 2 iterations")


def test_steps_from_many_threads_are_counted_one_by_one() -> None:
    guard = LoopGuard(Quota(iterations=4000, tokens=10**9))
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(500):
            guard.iteration()
            guard.spend(Usage(1, 1, 0.5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (guard.iterations, guard.usage, guard.broken) == (4000, Usage(4000, 4000, 2000.0), None)


@given(st.lists(st.sampled_from("abc"), max_size=60), st.integers(2, 4), st.integers(4, 12))
def test_a_call_is_blocked_exactly_where_so_many_of_the_last_were_equal(
    calls: list[str], repeats: int, window: int
) -> None:
    guard = LoopGuard(Quota(tool_calls=100, repeats=repeats, window=window, in_a_row=61))

    for place, call in enumerate(calls):
        lately = calls[max(0, place + 1 - window) : place + 1]
        assert isinstance(guard.tool_call("t", call), Block) == (lately.count(call) >= repeats)
