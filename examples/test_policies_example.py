"""How do I test what my policies decide, without agents, threads or time? Run it with pytest."""

import pytest

from policies import Backoff, ByError, Directive, Escalate, Policy, Restart, Stop, simulate

# The policy of some crew, as the program has it.
CREW = ByError(
    {
        TimeoutError: Restart(max_restarts=3, within=60.0, backoff=Backoff(0.5, cap=1.5)),
        PermissionError: Stop(),
    },
    default=Escalate(),
)


def directives(policy: Policy, *failures: tuple[float, BaseException]) -> list[Directive]:
    return [decision.directive for decision in simulate(policy, failures)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), Directive.RESTART),
        (PermissionError(), Directive.STOP),
        (KeyError(), Directive.ESCALATE),
    ],
)
def test_each_error_has_its_answer(error: BaseException, expected: Directive) -> None:
    assert directives(CREW, (0.0, error)) == [expected]


def test_a_fourth_timeout_within_a_minute_escalates() -> None:
    *restarts, last = directives(CREW, *((at, TimeoutError()) for at in (0.0, 20.0, 40.0, 60.0)))
    assert set(restarts) == {Directive.RESTART}
    assert last is Directive.ESCALATE


def test_timeouts_that_are_far_apart_never_escalate() -> None:
    hourly = [(at * 3600.0, TimeoutError()) for at in range(100)]
    assert set(directives(CREW, *hourly)) == {Directive.RESTART}


def test_each_wait_is_twice_as_long_as_the_one_before_up_to_the_cap() -> None:
    decisions = simulate(CREW, [(0.0, TimeoutError()), (1.0, TimeoutError()), (2.5, TimeoutError())])
    assert [decision.delay for decision in decisions] == [0.5, 1.0, 1.5]
