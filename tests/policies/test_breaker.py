"""When does a circuit breaker open, let a probe through, and close again?"""

import copy
import json
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies import (
    Admission,
    CallEnd,
    Circuit,
    CircuitBreaker,
    CircuitState,
    Policy,
    Restart,
    breaker_from_json,
    breaker_to_json,
    policy_from_json,
    policy_to_json,
    simulate_calls,
)

CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN
SUCCEEDED, FAILED, UNANSWERED = CallEnd.SUCCEEDED, CallEnd.FAILED, CallEnd.UNANSWERED
DOWN = OSError("down")
WELL = None


class Refused(Exception):
    """An answer of the resource: it will not do that."""


class VeryRefused(Refused):
    pass


def seen(breaker: CircuitBreaker, *calls: tuple[float, BaseException | None]) -> list[tuple[bool, CircuitState]]:
    return [(said.admitted, said.circuit.state) for said in simulate_calls(breaker, calls)]


def open_circuit(breaker: CircuitBreaker) -> Circuit:
    """The circuit after as many failures at time 0 as it takes."""
    return simulate_calls(breaker, [(0.0, DOWN)] * breaker.failures)[-1].circuit


# -- closed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("breaker", "calls", "state"),
    [
        pytest.param(CircuitBreaker(3), [(0, DOWN), (1, DOWN)], CLOSED, id="one too few"),
        pytest.param(CircuitBreaker(3), [(0, DOWN), (1, DOWN), (2, DOWN)], OPEN, id="as many as it takes"),
        pytest.param(CircuitBreaker(1), [(0, DOWN)], OPEN, id="the first"),
        pytest.param(CircuitBreaker(2, 10.0), [(0, DOWN), (10, DOWN)], OPEN, id="at the end of the window"),
        pytest.param(CircuitBreaker(2, 10.0), [(0, DOWN), (10.5, DOWN)], CLOSED, id="beyond the window"),
        pytest.param(CircuitBreaker(2, 10.0), [(0, DOWN), (8, DOWN)], OPEN, id="within the window"),
        pytest.param(CircuitBreaker(3, 10.0), [(0, DOWN), (8, DOWN), (11, DOWN), (17, DOWN)], OPEN, id="it slides"),
        pytest.param(CircuitBreaker(2), [(0, DOWN), (1, WELL), (2, DOWN)], OPEN, id="a success between counts not"),
        pytest.param(CircuitBreaker(2, None), [(0, DOWN), (1, WELL), (2, DOWN)], CLOSED, id="not in a row"),
        pytest.param(CircuitBreaker(2, None), [(0, DOWN), (9e9, DOWN)], OPEN, id="in a row, however late"),
        pytest.param(CircuitBreaker(1), [(0, KeyboardInterrupt())], CLOSED, id="a call that was given up"),
        pytest.param(CircuitBreaker(1, ignores=[Refused]), [(0, VeryRefused())], CLOSED, id="an answer that refuses"),
        pytest.param(CircuitBreaker(1, ignores=[Refused]), [(0, DOWN)], OPEN, id="no answer"),
        pytest.param(
            CircuitBreaker(2, None, ignores=[Refused]), [(0, DOWN), (1, Refused()), (2, DOWN)], CLOSED, id="an answer"
        ),
    ],
)
def test_it_opens_after_so_many_failures_near_enough(
    breaker: CircuitBreaker, calls: list[tuple[float, BaseException | None]], state: CircuitState
) -> None:
    said = simulate_calls(breaker, calls)

    assert [each.admitted for each in said] == [True] * len(calls)
    assert said[-1].circuit.state is state


def test_no_more_failures_are_remembered_than_are_needed() -> None:
    said = simulate_calls(CircuitBreaker(3, 10.0), [(float(second * 6), DOWN) for second in range(100)])

    assert {len(each.circuit.failures) for each in said} == {1, 2}


# -- open -----------------------------------------------------------------------------


def test_nothing_is_let_through_until_its_time_is_over() -> None:
    breaker = CircuitBreaker(2, open_for=30.0)

    assert seen(breaker, (0, DOWN), (1, DOWN), (2, WELL), (30.9, WELL), (31, WELL), (32, WELL)) == [
        (True, CLOSED),
        (True, OPEN),
        (False, OPEN),
        (False, OPEN),
        (True, CLOSED),
        (True, CLOSED),
    ]


def test_a_refusal_changes_nothing_and_says_until_when() -> None:
    breaker = CircuitBreaker(1, open_for=30.0)
    circuit = open_circuit(breaker)

    assert circuit == Circuit(OPEN, 2, until=30.0)
    assert breaker.admit(circuit, 29.9) == Admission(False, circuit)
    assert breaker.after(circuit, circuit.turn, 29.9, FAILED) == circuit


# -- half open ------------------------------------------------------------------------


def test_a_probe_that_fails_opens_it_for_as_long_again() -> None:
    breaker = CircuitBreaker(2, open_for=30.0)

    assert seen(breaker, (0, DOWN), (0, DOWN), (30, DOWN), (59, WELL), (60, WELL)) == [
        (True, CLOSED),
        (True, OPEN),
        (True, OPEN),
        (False, OPEN),
        (True, CLOSED),
    ]


def test_only_so_many_probes_are_let_through_and_all_of_them_have_to_succeed() -> None:
    breaker = CircuitBreaker(1, open_for=30.0, probes=2)
    first = breaker.admit(open_circuit(breaker), 30.0)
    second = breaker.admit(first.circuit, 31.0)
    third = breaker.admit(second.circuit, 32.0)
    assert [first.admitted, second.admitted, third.admitted] == [True, True, False]
    assert third.circuit == Circuit(HALF_OPEN, 3, until=60.0, admitted=2)

    half = breaker.after(third.circuit, 3, 33.0, SUCCEEDED)
    assert half == Circuit(HALF_OPEN, 3, until=60.0, admitted=2, succeeded=1)
    assert breaker.after(half, 3, 34.0, SUCCEEDED) == Circuit(turn=4)
    assert breaker.after(half, 3, 34.0, FAILED) == Circuit(OPEN, 4, until=64.0)


def test_a_probe_that_is_given_up_makes_room_for_another() -> None:
    breaker = CircuitBreaker(1, open_for=30.0)
    probing = breaker.admit(open_circuit(breaker), 30.0).circuit

    given_up = breaker.after(probing, probing.turn, 31.0, UNANSWERED)

    assert breaker.admit(given_up, 31.0) == Admission(True, probing)


def test_probes_that_never_end_make_room_after_as_long_again_and_count_no_more() -> None:
    breaker = CircuitBreaker(1, open_for=30.0)
    hung = breaker.admit(open_circuit(breaker), 30.0).circuit
    assert not breaker.admit(hung, 59.9).admitted

    again = breaker.admit(hung, 60.0)

    assert again == Admission(True, Circuit(HALF_OPEN, hung.turn + 1, until=90.0, admitted=1))
    assert breaker.after(again.circuit, hung.turn, 61.0, FAILED) == again.circuit


@pytest.mark.parametrize("end", CallEnd)
def test_a_call_that_began_before_it_opened_changes_nothing_when_it_ends(end: CallEnd) -> None:
    breaker = CircuitBreaker(1)
    begun = breaker.admit(Circuit(), 0.0).circuit
    opened = breaker.after(begun, begun.turn, 1.0, FAILED)
    probing = breaker.admit(opened, 31.0).circuit

    for later in (opened, probing):
        assert breaker.after(later, begun.turn, 32.0, end) == later


calls = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 7.0]), st.sampled_from([DOWN, WELL, KeyboardInterrupt()])))
breakers = st.builds(
    CircuitBreaker,
    st.integers(1, 3),
    st.none() | st.just(2.0),
    open_for=st.sampled_from([1.0, 5.0]),
    probes=st.integers(1, 2),
    ignores=st.lists(st.sampled_from([KeyError, Refused]), max_size=2),
)


@given(breakers, calls)
def test_whatever_happens_it_is_open_for_its_time_and_never_for_ever(
    breaker: CircuitBreaker, steps: list[tuple[float, BaseException | None]]
) -> None:
    at, rows = 0.0, []
    for wait, error in steps:
        at += wait
        rows.append((at, error))

    circuit = Circuit()
    for said in simulate_calls(breaker, rows):
        assert said.circuit.turn >= circuit.turn
        assert len(said.circuit.failures) < breaker.failures
        assert (said.circuit.until is None) == (said.circuit.state is CLOSED)
        if not said.admitted:
            assert said.circuit == circuit
        circuit = said.circuit

    late = at + 2 * breaker.open_for
    tail = [(late + number * breaker.open_for, WELL) for number in range(breaker.probes)]
    *_, last = simulate_calls(breaker, rows + tail)
    assert last.admitted
    assert last.circuit.state is CLOSED or last.circuit.succeeded == 1


# -- as a value -----------------------------------------------------------------------


@given(breakers)
def test_a_breaker_comes_back_from_json_as_it_was(breaker: CircuitBreaker) -> None:
    assert breaker_from_json(breaker_to_json(breaker)) == breaker
    assert CircuitBreaker.model_validate_json(breaker.model_dump_json()) == breaker


def test_json_says_that_it_is_a_circuit_breaker() -> None:
    text = breaker_to_json(CircuitBreaker(ignores=(Refused,)))

    assert json.loads(text) == {
        "kind": "circuit_breaker",
        "failures": 5,
        "within": 60.0,
        "open_for": 30.0,
        "probes": 1,
        "ignores": [f"{__name__}.Refused"],
    }
    assert breaker_from_json('{"kind": "circuit_breaker", "probes": 2}') == CircuitBreaker(probes=2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("[]", "needs its kind", id="no object"),
        pytest.param('{"failures": 3}', "needs its kind", id="no kind"),
        pytest.param(policy_to_json(Restart()), "'restart' is not 'circuit_breaker'", id="a policy"),
        pytest.param('{"kind": "circuit_breaker", "limit": 3}', "limit", id="an unknown field"),
        pytest.param('{"kind": "circuit_breaker", "ignores": ["os.nothing"]}', "os.nothing", id="an unknown class"),
        pytest.param("{", "Expecting", id="no JSON"),
    ],
)
def test_json_that_is_no_circuit_breaker_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        breaker_from_json(text)


def test_a_circuit_breaker_is_no_policy_of_a_supervisor() -> None:
    assert not isinstance(CircuitBreaker(), Policy)
    with pytest.raises(ValueError, match="unknown kind of policy 'circuit_breaker'"):
        policy_from_json(breaker_to_json(CircuitBreaker()))


@pytest.mark.parametrize(
    ("build", "field"),
    [
        pytest.param(lambda: CircuitBreaker(0), "failures", id="no failure"),
        pytest.param(lambda: CircuitBreaker(True), "failures", id="a bool"),
        pytest.param(lambda: CircuitBreaker(within=0), "within", id="no window"),
        pytest.param(lambda: CircuitBreaker(open_for=float("inf")), "open_for", id="open for ever"),
        pytest.param(lambda: CircuitBreaker(probes=0), "probes", id="no probe"),
        pytest.param(lambda: CircuitBreaker(ignores=(3,)), "ignores", id="no class"),  # type: ignore[arg-type]
        pytest.param(lambda: CircuitBreaker(limit=3), "limit", id="an unknown field"),
    ],
)
def test_a_breaker_that_makes_no_sense_is_refused_by_name(build: Callable[[], CircuitBreaker], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        build()


def test_a_breaker_is_a_value_and_prints_as_the_call_that_makes_it() -> None:
    breaker = CircuitBreaker(3, ignores=(KeyError, Refused), probes=2)

    assert repr(breaker) == (
        f"CircuitBreaker(failures=3, within=60.0, probes=2, ignores=(KeyError, {__name__}.Refused))"
    )
    assert repr(CircuitBreaker()) == "CircuitBreaker(failures=5, within=60.0)"
    assert pickle.loads(pickle.dumps(breaker)) == copy.deepcopy(breaker) == breaker
    assert len({breaker, copy.deepcopy(breaker)}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        breaker.probes = 3  # type: ignore[misc]
