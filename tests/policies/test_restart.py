"""How often is a child brought back, and what comes after that?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import (
    Backoff,
    Directive,
    Escalate,
    Failure,
    History,
    Mark,
    Policy,
    Restart,
    Resume,
    Stop,
    simulate,
)

RESTART, STOP, ESCALATE = Directive.RESTART, Directive.STOP, Directive.ESCALATE
DAY = 86_400.0


def directives(policy: Policy, times: list[float]) -> list[Directive]:
    return [decision.directive for decision in simulate(policy, [(at, TimeoutError()) for at in times])]


@pytest.mark.parametrize(
    ("policy", "times", "expected"),
    [
        pytest.param(Restart(2, 10.0), [0, 1, 2], [RESTART, RESTART, ESCALATE], id="the third of two exceeds"),
        pytest.param(Restart(0), [0], [ESCALATE], id="a limit of zero is exceeded at once"),
        pytest.param(Restart(0, None, then=Stop()), [0], [STOP], id="a limit of zero in a row stops at once"),
        pytest.param(Restart(1, 1.0), [2.1 * n for n in range(50)], [RESTART] * 50, id="wide apart for ever"),
        pytest.param(Restart(2, 0.5), [0, 0.1, 0.8], [RESTART] * 3, id="the window has slid on"),
        pytest.param(Restart(2, None), [0, 0.1, 0.8, 900], [RESTART] * 2 + [ESCALATE] * 2, id="no window, no time"),
        pytest.param(Restart(1, 5.0), [1, 6], [RESTART, ESCALATE], id="the bound is inclusive"),
        pytest.param(Restart(1, 5.0), [1, 6.001], [RESTART, RESTART], id="just beyond the bound"),
        pytest.param(
            Restart(1, 30 * DAY),
            [0, 30 * DAY, 61 * DAY],
            [RESTART, ESCALATE, RESTART],
            id="a window of 30 days",
        ),
        pytest.param(Restart(5), [7.0] * 6, [RESTART] * 5 + [ESCALATE], id="five at once are five"),
        pytest.param(
            Restart(3, None, then=Stop()),
            [0, 1, 2, 3],
            [RESTART] * 3 + [STOP],
            id="four incarnations and no more",
        ),
        pytest.param(Restart(None, None), [0.0] * 100, [RESTART] * 100, id="without limit"),
        pytest.param(Restart(2, 2.0), [0, 1.5, 2.5, 3.0], [RESTART] * 3 + [ESCALATE], id="it slides, no phases"),
    ],
)
def test_a_limit_is_a_number_of_restarts_within_a_window(
    policy: Policy, times: list[float], expected: list[Directive]
) -> None:
    assert directives(policy, times) == expected


@given(st.integers(0, 5), st.integers(1, 20), st.lists(st.integers(0, 100), max_size=40).map(sorted))
def test_a_limit_is_what_counting_all_restarts_again_each_time_would_say(
    limit: int, within: int, times: list[int]
) -> None:
    restarts: list[int] = []
    expected = []
    for now in times:
        allowed = sum(now - at <= within for at in restarts) < limit
        restarts += [now] * allowed
        expected.append(RESTART if allowed else ESCALATE)

    assert directives(Restart(limit, within), [float(at) for at in times]) == expected


@pytest.mark.parametrize("phase", [0.0, 0.3, 1.7, 12_345.9, 4e9], ids=str)
def test_a_limit_does_not_depend_on_the_phase_of_the_clock(phase: float) -> None:
    times = [phase + offset for offset in (0.0, 0.5, 1.0, 1.25, 9.0)]

    assert directives(Restart(3, 2.0), times) == [RESTART, RESTART, RESTART, ESCALATE, RESTART]


def test_the_default_is_three_restarts_in_five_seconds_for_all_children_then_escalate() -> None:
    assert Restart() == Restart(max_restarts=3, within=5.0, backoff=None, per="supervisor", then=Escalate())


def test_only_the_failure_that_exceeds_the_limit_says_so_and_it_has_no_delay() -> None:
    decisions = simulate(Restart(1, 60.0, backoff=Backoff(1.0), then=Stop()), [(0.0, KeyError()), (1.0, KeyError())])

    assert [(d.directive, d.delay, d.exceeded) for d in decisions] == [
        (RESTART, 1.0, False),
        (STOP, 0.0, True),
    ]


def test_children_share_the_count_of_their_supervisor() -> None:
    decisions = simulate(Restart(2), [Failure(path, KeyError()) for path in ("/a", "/b", "/a")])

    assert [d.directive for d in decisions] == [RESTART, RESTART, ESCALATE]


def test_each_child_has_a_count_of_its_own_when_asked_for() -> None:
    paths = ("/a", "/b", "/a", "/b", "/a")
    decisions = simulate(Restart(2, per="child"), [Failure(path, KeyError()) for path in paths])

    assert [d.directive for d in decisions] == [RESTART] * 4 + [ESCALATE]
    assert (decisions[-1].history.restarts("/a"), decisions[-1].history.restarts("/b")) == (2, 2)
    assert decisions[-1].history.restarts() == 4


def test_without_a_window_a_handled_message_starts_the_count_anew() -> None:
    worked = [Failure("/a", KeyError(), at=float(n), handled=1) for n in range(15)]

    assert {d.directive for d in simulate(Restart(3, None), worked)} == {RESTART}


def test_with_a_window_a_handled_message_changes_nothing() -> None:
    worked = [Failure("/a", KeyError(), at=float(n), handled=1) for n in range(4)]

    assert [d.directive for d in simulate(Restart(3, 10.0), worked)] == [RESTART] * 3 + [ESCALATE]


def test_a_handled_message_starts_the_count_of_its_own_child_alone_anew() -> None:
    decisions = simulate(
        Restart(2, None),
        [Failure("/a", KeyError()), Failure("/b", KeyError()), Failure("/b", KeyError(), handled=9)],
    )

    assert [d.directive for d in decisions] == [RESTART] * 3
    assert decisions[-1].history.restarts("/a") == 1
    assert decisions[-1].history.restarts("/b") == 1


def test_restarts_that_fail_spend_the_limit() -> None:
    failed_starts = [Failure("/a", OSError(), at=n * 0.01) for n in range(11)]

    assert [d.directive for d in simulate(Restart(10), failed_starts)] == [RESTART] * 10 + [ESCALATE]


def test_a_history_holds_no_more_than_the_limit_needs() -> None:
    last = simulate(Restart(3, 5.0), [(2.0 * n, KeyError()) for n in range(1000)])[-1]
    unlimited = simulate(Restart(None, None), [(0.0, KeyError())] * 1000)[-1]

    assert len(last.history.marks) == 3
    assert unlimited.history == History()


def test_a_history_with_backoff_drops_children_that_have_been_quiet() -> None:
    policy = Restart(None, None, backoff=Backoff(1.0, cap=1.0))
    failures = [Failure(f"/child-{n}", KeyError(), at=float(n)) for n in range(1000)]

    assert [m.path for m in simulate(policy, failures)[-1].history.marks] == [
        "/child-997",
        "/child-998",
        "/child-999",
    ]


def test_marks_of_other_policies_are_kept_and_not_counted() -> None:
    foreign = Mark(at=0.0, path="/a", key="own")
    decision = Restart(1, backoff=Backoff(1.0)).decide(Failure("/a", KeyError(), at=0.5), History((foreign,)))

    assert decision.directive is RESTART
    assert decision.history.marks == (foreign, Mark(at=0.5, path="/a", delay=1.0))


def test_a_decision_leaves_the_history_it_was_given_as_it_was() -> None:
    before = History().restarted(Failure("/a", KeyError()))
    after = Restart().decide(Failure("/a", KeyError(), at=1.0), before).history

    assert (before.restarts(), after.restarts()) == (1, 2)


def test_the_restarts_of_a_child_that_is_gone_are_no_childs_any_more() -> None:
    history = History().restarted(Failure("/a", KeyError())).restarted(Failure("/b", KeyError()))

    gone = history.without("/a")

    assert [mark.path for mark in gone.marks] == ["", "/b"]
    assert (gone.restarts(), gone.restarts("/a"), gone.restarts("/b")) == (2, 0, 1)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(Restart(2, 60.0), Directive.ESCALATE, id="shared-in-a-window"),
        pytest.param(Restart(2, 60.0, per="child"), Directive.RESTART, id="per-child"),
        pytest.param(Restart(2, None), Directive.RESTART, id="in-a-row"),
    ],
)
def test_a_child_that_is_gone_leaves_its_restarts_to_the_limit_over_all_children_alone(
    policy: Restart, expected: Directive
) -> None:
    history = History()
    for at in (0.0, 1.0):
        history = policy.decide(Failure("/a", KeyError(), at=at), history).history

    assert policy.decide(Failure("/b", KeyError(), at=2.0), history.without("/a")).directive is expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(Resume(), Directive.RESUME), (Stop(), STOP), (Escalate(), ESCALATE)],
    ids=str,
)
def test_a_plain_policy_always_says_the_same_and_keeps_the_history(policy: Policy, expected: Directive) -> None:
    history = History().restarted(Failure("/a", KeyError()))
    decision = policy.decide(Failure("/a", KeyError()), history)

    assert (decision.directive, decision.delay, decision.exceeded) == (expected, 0.0, False)
    assert decision.history is history
