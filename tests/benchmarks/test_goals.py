"""When is a goal of the benchmarks met, and what is a ratio?"""

import pytest

from benchmarks.row import Goal, Metric, Row


@pytest.mark.parametrize(
    ("goal", "ours", "theirs", "met"),
    [
        pytest.param(Goal(at_least=15, peer="pykka"), 150.0, 10.0, True, id="a multiple that is just reached"),
        pytest.param(Goal(at_least=15, peer="pykka"), 149.0, 10.0, False, id="a multiple that is missed"),
        pytest.param(Goal(at_most=20), 20.0, None, True, id="a bound that is just kept"),
        pytest.param(Goal(at_most=20), 20.1, None, False, id="a bound that is exceeded"),
        pytest.param(Goal(at_most=20), 0.0, None, True, id="zero is a measurement"),
        pytest.param(Goal(at_most=20), None, None, None, id="ours was not measured"),
        pytest.param(Goal(at_least=1, peer="otp"), 5.0, None, None, id="the peer was not measured"),
    ],
)
def test_a_goal_is_met_missed_or_cannot_be_judged(
    goal: Goal, ours: float | None, theirs: float | None, met: bool | None
) -> None:
    assert goal.met(ours, theirs) is met


def test_a_goal_reads_as_it_is_judged() -> None:
    assert str(Goal(at_least=0.4, peer="otp")) == ">= 0.4x otp"
    assert str(Goal(at_most=1800)) == "<= 1,800"


def test_a_ratio_says_how_many_times_better_ours_is_in_either_direction() -> None:
    rate = Metric("rate", "tell", "messages/s")
    lateness = Metric("late", "a timeout fires late by", "ms", "lower")
    assert rate.ratio(30.0, 10.0) == 3.0
    assert lateness.ratio(10.0, 30.0) == 3.0
    assert rate.ratio(None, 10.0) is None


def test_a_quick_run_repeats_less_and_never_nothing() -> None:
    row = Row("tell", "how", (), sizes={"pykka": 1_000, "otp": 5}, quick=20)
    assert [row.size("pykka", quick) for quick in (False, True)] == [1_000, 50]
    assert row.size("otp", quick=True) == 1
    assert row.size("xoscar", quick=True) is None
