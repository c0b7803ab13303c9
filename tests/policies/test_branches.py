"""Which policy answers which error?"""

import pytest

from policies import (
    Backoff,
    ByError,
    Decision,
    Directive,
    Escalate,
    Failure,
    History,
    Mark,
    Policy,
    Restart,
    Resume,
    RetryableOnly,
    Stop,
    simulate,
)

RESUME, RESTART, STOP, ESCALATE = Directive


class Busy(Exception):
    retryable = True


class Final(Exception):
    retryable = False


class Both(KeyError, TimeoutError):
    pass


def decide(policy: Policy, error: BaseException) -> Directive:
    return policy.decide(Failure("/a", error), History()).directive


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(OSError(), STOP, id="its own class"),
        pytest.param(ConnectionResetError(), RESTART, id="the nearest class above it"),
        pytest.param(PermissionError(), STOP, id="a class further above it"),
        pytest.param(Both(), RESUME, id="of two, the first in resolution order"),
        pytest.param(ValueError(), ESCALATE, id="none, so the default"),
        pytest.param(SystemExit(), ESCALATE, id="none, for a BaseException"),
    ],
)
def test_the_most_specific_class_wins(error: BaseException, expected: Directive) -> None:
    policy = ByError({OSError: Stop(), ConnectionError: Restart(), TimeoutError: Stop(), KeyError: Resume()})

    assert decide(policy, error) is expected


def test_each_branch_counts_its_restarts_apart() -> None:
    policy = ByError({TimeoutError: Restart(1), KeyError: Restart(1, then=Stop())}, default=Restart(1))
    errors = [TimeoutError(), KeyError(), ValueError(), KeyError(), TimeoutError(), ValueError()]
    decisions = simulate(policy, [(float(n) / 10, error) for n, error in enumerate(errors)])

    assert [d.directive for d in decisions] == [RESTART, RESTART, RESTART, STOP, ESCALATE, ESCALATE]
    assert [d.exceeded for d in decisions] == [False] * 3 + [True] * 3
    assert decisions[-1].history.restarts() == 3


def test_nested_branches_count_under_the_names_of_all_levels() -> None:
    inner = ByError({TimeoutError: Restart(1)}, default=Restart(2))
    policy = ByError({OSError: inner, TimeoutError: inner})
    decisions = simulate(policy, [(0.0, TimeoutError()), (1.0, PermissionError()), (2.0, TimeoutError())])

    assert [mark.key for mark in decisions[-1].history.marks] == [
        "builtins.TimeoutError/builtins.TimeoutError",
        "builtins.OSError/default",
    ]
    assert [d.directive for d in decisions] == [RESTART, RESTART, ESCALATE]


def test_a_history_stays_in_the_order_of_time() -> None:
    policy = ByError({TimeoutError: Restart(9), KeyError: Restart(9)})
    errors = [TimeoutError(), KeyError(), TimeoutError(), KeyError()]
    last = simulate(policy, [(float(n), error) for n, error in enumerate(errors)])[-1]

    assert [mark.at for mark in last.history.marks] == [0.0, 1.0, 2.0, 3.0]


def test_a_branch_keeps_its_delay_and_its_backoff() -> None:
    policy = ByError({OSError: Restart(9, 60.0, backoff=Backoff(1.0))})

    assert [d.delay for d in simulate(policy, [(0.0, OSError()), (1.0, TimeoutError())])] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(TimeoutError(), RESTART, id="a timeout"),
        pytest.param(ConnectionRefusedError(), RESTART, id="a subclass of a retryable one"),
        pytest.param(Busy(), RESTART, id="an error that says so"),
        pytest.param(Final(), STOP, id="an error that says no"),
        pytest.param(ValueError(), STOP, id="any other"),
    ],
)
def test_only_errors_worth_another_try_restart(error: BaseException, expected: Directive) -> None:
    assert decide(RetryableOnly(), error) is expected


def test_the_two_sides_of_retryable_only_count_apart() -> None:
    policy = RetryableOnly((TimeoutError,), restart=Restart(1, then=Stop()), otherwise=Restart(1))
    decisions = simulate(policy, [(0.0, TimeoutError()), (0.1, KeyError()), (0.2, TimeoutError()), (0.3, KeyError())])

    assert [d.directive for d in decisions] == [RESTART, RESTART, STOP, ESCALATE]


class Patient(Policy):
    """Restart so many times, whatever the time between, then stop."""

    attempts: int = 2

    def decide(self, failure: Failure, history: History) -> Decision:
        if history.restarts(failure.path) < self.attempts:
            return Decision(Directive.RESTART, 1.5, history.restarted(failure, delay=1.5, step=4, key="own"))
        return Decision(Directive.STOP, history=history)


def test_a_policy_of_ones_own_sees_the_restarts_so_far_and_is_obeyed() -> None:
    decisions = simulate(Patient(), [(0.0, KeyError()), (1000.0, KeyError()), (2000.0, KeyError())])

    assert [d.directive for d in decisions] == [RESTART, RESTART, STOP]
    assert decisions[-1].history.marks[0] == Mark(0.0, "/agent", 1.5, 4, "own")


def test_a_policy_of_ones_own_is_a_branch_like_any_other() -> None:
    policy = ByError({KeyError: Patient(attempts=1)}, default=Patient(attempts=2))
    decisions = simulate(policy, [(0.0, KeyError()), (0.1, ValueError()), (0.2, KeyError()), (0.3, ValueError())])

    assert [d.directive for d in decisions] == [RESTART, RESTART, STOP, RESTART]
    assert decisions[0].history.marks[0].key == "builtins.KeyError/own"


FIVE, SEVEN = Restart(5), Restart(7)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(FIVE, FIVE, id="a restart gives itself"),
        pytest.param(RetryableOnly(restart=FIVE, otherwise=SEVEN), FIVE, id="retryable only gives its restart"),
        pytest.param(ByError({KeyError: SEVEN}, default=FIVE), FIVE, id="the default comes first"),
        pytest.param(ByError({KeyError: Stop(), OSError: SEVEN, IndexError: FIVE}), SEVEN, id="then the first branch"),
        pytest.param(ByError({KeyError: ByError({OSError: FIVE})}, default=Stop()), FIVE, id="also a nested one"),
        pytest.param(ByError({KeyError: FIVE}, default=RetryableOnly(restart=SEVEN)), SEVEN, id="within the default"),
        pytest.param(ByError({KeyError: Stop()}, default=Resume()), Restart(), id="no restart anywhere"),
        pytest.param(Stop(), Restart(), id="stop"),
        pytest.param(Escalate(), Restart(), id="escalate"),
        pytest.param(Patient(), Restart(), id="a policy of one's own"),
    ],
)
def test_a_normal_end_of_a_permanent_child_has_a_limit(policy: Policy, expected: Restart) -> None:
    assert policy.for_exit() == expected
