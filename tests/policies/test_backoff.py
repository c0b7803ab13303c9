"""How long does a restart wait, and when does it start over?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import Backoff, Failure, Restart, simulate

TEN_THOUSAND_DAYS = 10_000 * 86_400.0


@pytest.mark.parametrize(
    ("backoff", "step", "expected"),
    [
        pytest.param(Backoff(0.2), 0, 0.2, id="the first"),
        pytest.param(Backoff(0.2), 3, 1.6, id="doubled three times"),
        pytest.param(Backoff(0.1, cap=0.3), 2, 0.3, id="never above the cap"),
        pytest.param(Backoff(1.0, factor=1.0), 2**31 - 1, 1.0, id="a factor of one stays"),
        pytest.param(Backoff(1.0, cap=9.0), 2**31 - 1, 9.0, id="a power beyond any float"),
        pytest.param(Backoff(TEN_THOUSAND_DAYS, cap=TEN_THOUSAND_DAYS), 2**31 - 1, TEN_THOUSAND_DAYS, id="10,000 days"),
        pytest.param(Backoff(1e300, cap=1e308, factor=1e300), 1, 1e308, id="a product beyond any float"),
    ],
)
def test_a_delay_grows_by_its_factor_up_to_the_cap(backoff: Backoff, step: int, expected: float) -> None:
    assert backoff.delay(step) == pytest.approx(expected)


@given(
    st.floats(0.001, 1e6),
    st.floats(0.0, 1.0),
    st.integers(0, 2**31 - 1),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_no_draw_and_no_step_leads_out_of_zero_to_cap(initial: float, jitter: float, step: int, draw: float) -> None:
    backoff = Backoff(initial, cap=1e6, jitter=jitter)

    assert 0.0 <= backoff.delay(step, draw) <= 1e6


@pytest.mark.parametrize(("draw", "expected"), [(0.0, 0.5), (0.5, 1.0), (0.75, 1.25)], ids=str)
def test_jitter_shortens_or_lengthens_a_delay_by_its_share(draw: float, expected: float) -> None:
    assert Backoff(1.0, jitter=0.5).delay(0, draw) == pytest.approx(expected)


def test_a_negative_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step must be 0 or more, not -1"):
        Backoff(1.0).delay(-1)


def delays(policy: Restart, times: list[float]) -> list[float]:
    return [decision.delay for decision in simulate(policy, [(at, OSError()) for at in times])]


def test_failures_right_after_one_another_wait_longer_each_time() -> None:
    policy = Restart(10, 60.0, backoff=Backoff(0.2, cap=1.0))

    assert delays(policy, [0.0, 0.3, 0.8, 1.7, 2.8]) == pytest.approx([0.2, 0.4, 0.8, 1.0, 1.0])


@pytest.mark.parametrize(
    ("reset", "second", "expected"),
    [
        pytest.param(2.0, 3.0, 2.0, id="exactly the quiet period is not longer"),
        pytest.param(2.0, 3.001, 1.0, id="longer than the quiet period"),
        pytest.param(None, 9.0, 2.0, id="the cap stands in: not longer"),
        pytest.param(None, 9.001, 1.0, id="the cap stands in: longer"),
    ],
)
def test_a_quiet_period_starts_over_and_is_counted_from_the_restart(
    reset: float | None, second: float, expected: float
) -> None:
    policy = Restart(10, 60.0, backoff=Backoff(1.0, cap=8.0, reset=reset))

    assert delays(policy, [0.0, second]) == [1.0, expected]


def test_each_child_has_a_delay_of_its_own() -> None:
    policy = Restart(10, 60.0, backoff=Backoff(1.0))
    failures = [Failure(path, OSError()) for path in ("/a", "/a", "/b", "/a")]

    assert [decision.delay for decision in simulate(policy, failures)] == [1.0, 2.0, 1.0, 4.0]


def test_a_delay_grows_on_after_its_restarts_have_left_the_window() -> None:
    policy = Restart(1, 2.0, backoff=Backoff(1.0, cap=60.0))
    decisions = simulate(policy, [(at, OSError()) for at in (0.0, 3.0, 8.0, 20.0)])

    assert [decision.delay for decision in decisions] == [1.0, 2.0, 4.0, 8.0]
    assert [decision.history.restarts() for decision in decisions] == [1, 1, 1, 1]
    assert len(decisions[-1].history.marks) == 1


def test_a_handled_message_ends_a_row_of_failures_and_not_the_growth_of_the_delay() -> None:
    policy = Restart(2, None, backoff=Backoff(1.0))
    failures = [Failure("/a", OSError(), at=float(n), handled=1) for n in range(5)]

    assert [decision.delay for decision in simulate(policy, failures)] == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_the_draw_of_a_failure_is_the_jitter_of_its_restart() -> None:
    policy = Restart(backoff=Backoff(1.0, jitter=1.0))

    assert [simulate(policy, [(0.0, OSError())], draw=draw)[0].delay for draw in (0.0, 0.25, 0.5)] == [
        0.0,
        0.5,
        1.0,
    ]
