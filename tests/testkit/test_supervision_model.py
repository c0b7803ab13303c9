"""Does the model of supervision say what the promises say?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from actors import Agent, ChildSpec, Supervisor
from actors.testkit import SupervisorModel, strategies
from actors.testkit.ledger_model import Ledger, restart_inside
from policies import Backoff, ByError, Escalate, Failure, Policy, Restart, Resume, RetryableOnly, Stop, simulate

FOREVER = Restart(None, within=None)


def crew(*children: str | ChildSpec[Any], above: Policy = FOREVER, restart: str = "transient", **rules: Any) -> Any:
    """A model of a supervisor of those children, without the steps of its start."""
    specs = [ChildSpec(Agent, child) if isinstance(child, str) else child for child in children]
    rules.setdefault("policy", FOREVER)
    model = SupervisorModel(ChildSpec(Supervisor, "crew", policy=above, restart=restart), specs, **rules)
    model.steps.clear()
    return model


def seen(model: SupervisorModel, *kinds: str) -> list[str]:
    """What happened since the last look, one text each: "start a 2"; of some kinds only, if they are given."""
    steps = [f"{step.what} {step.path.removeprefix('/crew/')} {step.value}" for step in model.steps]
    model.steps.clear()
    return [text for text in steps if not kinds or text.split()[0] in kinds]


def statuses(model: SupervisorModel) -> dict[str, str]:
    return {name: str(child.status) for name, child in model.children.items()}


def test_the_children_start_in_order_before_their_supervisor_is_up() -> None:
    model = SupervisorModel(ChildSpec(Supervisor, "crew"), [ChildSpec(Agent, "a"), ChildSpec(Agent, "b")])

    assert seen(model) == ["start /crew 1", "start a 1", "up a 1", "start b 1", "up b 1", "up /crew 1"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", ["failure b 1", "start b 2"]),
        ("one_for_all", ["stop c 1", "failure b 1", "stop a 1", "start a 2", "start b 2", "start c 2"]),
        ("rest_for_one", ["stop c 1", "failure b 1", "start b 2", "start c 2"]),
    ],
)
def test_siblings_stop_from_the_last_to_the_first_and_start_from_the_first_to_the_last(
    strategy: str, expected: list[str]
) -> None:
    model = crew("a", "b", "c", strategy=strategy)

    model.fail("b", ValueError())

    assert seen(model, "start", "stop", "failure") == expected


@pytest.mark.parametrize(
    ("restart", "after"),
    [
        ("permanent", {"end": "up", "fail": "up", "stop": "down"}),
        ("transient", {"end": "down", "fail": "up", "stop": "down"}),
        ("temporary", {"end": "forgotten", "fail": "forgotten", "stop": "forgotten"}),
    ],
)
@pytest.mark.parametrize("how", ["end", "fail", "stop"])
def test_the_restart_type_says_which_ends_lead_to_a_restart(restart: str, after: dict[str, str], how: str) -> None:
    model = crew(ChildSpec(Agent, "a", restart=restart))

    getattr(model, how)(*(["a", ValueError()] if how == "fail" else ["a"]))

    outcome = {None: "forgotten", "running": "up", "down": "down"}[statuses(model).get("a")]
    assert outcome == after[how]


@pytest.mark.parametrize(("seconds", "ended"), [(1.0, True), (1.0625, False)])
def test_a_restart_as_old_as_the_window_still_counts(seconds: float, ended: bool) -> None:
    model = crew("a", policy=Restart(1, within=1.0), above=Stop())
    model.fail("a", ValueError())

    model.advance(seconds)
    model.fail("a", ValueError())

    assert (model.supervisor.status == "down") is ended


def test_failures_in_a_row_are_those_without_a_handled_message_between_them() -> None:
    model = crew("a", policy=Restart(1, within=None), above=Stop())
    model.fail("a", ValueError())
    model.tell("a")
    model.fail("a", ValueError())
    assert model.supervisor.status == "running"

    model.advance(1000.0)
    model.fail("a", ValueError())

    assert seen(model, "escalated", "ended") == [
        "escalated a RestartLimitExceeded", "ended a failed", "ended /crew failed",
    ]  # fmt: skip


def test_a_backoff_grows_to_its_cap_starts_over_after_a_quiet_period_and_lets_mail_wait() -> None:
    model = crew("a", policy=Restart(None, within=None, backoff=Backoff(1.0, cap=3.0, reset=4.0)))
    for _ in range(3):
        model.fail("a", ValueError())
        assert statuses(model) == {"a": "backing_off"}
        model.tell("a")
        model.advance(3.0)
        assert model.children["a"].handled == 1

    assert seen(model, "backing_off") == ["backing_off a 1.0", "backing_off a 2.0", "backing_off a 3.0"]
    model.advance(4.0)
    model.fail("a", ValueError())
    model.advance(3.0)
    assert seen(model, "backing_off") == ["backing_off a 3.0"]  # four seconds are not more than four
    model.advance(4.0625)
    model.fail("a", ValueError())
    assert seen(model, "backing_off") == ["backing_off a 1.0"]


def test_a_start_that_fails_is_one_more_failure_and_the_fresh_sibling_goes_down_again() -> None:
    model = crew("a", "b", strategy="one_for_all")
    model.broken["/crew/b"] = [ValueError()]

    model.fail("a", KeyError())

    assert seen(model, "start", "stop", "failure") == [
        "stop b 1", "failure a 1", "start a 2", "start b 2", "stop a 2", "start a 3", "start b 3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (Resume(), ["failed a escalate", "failed /crew resume"]),
        (FOREVER, ["failed a escalate", "failed /crew restart"]),
        (Stop(), ["failed a escalate", "failed /crew stop"]),
        (Escalate(), ["failed a escalate", "failed /crew escalate"]),
    ],
)
def test_what_a_supervisor_escalates_its_own_parent_decides(above: Policy, expected: list[str]) -> None:
    model = crew("a", "b", policy=Escalate(), above=above)
    error = ValueError()

    model.fail("a", error)

    assert seen(model, "failed") == expected
    assert model.failed is (error if above == Escalate() else None)
    there = above in (Resume(), FOREVER)
    assert statuses(model) == ({"a": "running", "b": "running"} if there else {})


def test_a_supervisor_that_is_restarted_has_its_declared_children_and_none_that_were_added() -> None:
    model = crew("a", "b")
    model.start_child(ChildSpec(Agent, "c"))
    model.terminate_child("a")
    seen(model)

    model.fail_supervisor(ValueError())

    assert seen(model) == [
        "failed /crew restart", "stop c 1", "ended c shutdown", "stop b 1", "ended b shutdown", "failure /crew 1",
        "start /crew 2", "start a 1", "up a 1", "start b 1", "up b 1", "up /crew 2",
    ]  # fmt: skip
    assert list(statuses(model)) == ["a", "b"]


@pytest.mark.parametrize(("auto", "ends"), [("any_significant", "b"), ("all_significant", "ab")])
def test_the_end_of_significant_children_ends_their_supervisor(auto: str, ends: str) -> None:
    model = crew(*[ChildSpec(Agent, name, significant=True) for name in "ab"], "c", auto_shutdown=auto)

    for name in ends:
        assert model.supervisor.status == "running"
        model.end(name)

    assert seen(model, "ended")[-2:] == [
        "ended a shutdown" if auto == "any_significant" else "ended c shutdown", "ended /crew normal",
    ]  # fmt: skip


def test_what_is_down_stays_down_when_a_sibling_fails() -> None:
    model = crew("a", "b", "c", "d", strategy="one_for_all")
    model.end("b")
    model.terminate_child("c")

    model.fail("a", ValueError())

    assert statuses(model) == {"a": "running", "b": "down", "c": "down", "d": "running"}


def test_administration_gives_the_outcomes_of_otp() -> None:
    model = crew("a", max_children=2)
    spec = ChildSpec(Agent, "b")

    assert model.start_child(ChildSpec(Agent, "a")) == "already_started"
    assert model.delete_child("a") == "running"
    assert model.start_child(spec) == "ok"
    assert model.start_child(ChildSpec(Agent, "c")) == "max_children"
    assert model.terminate_child("b") == model.terminate_child("b") == "ok"
    assert model.start_child(spec) == "already_present"
    model.broken["/crew/b"] = [ValueError()]
    assert model.restart_child("b") == "start_failed"
    assert model.restart_child("b") == "ok"
    assert model.children["b"].incarnation == 1
    assert model.restart_child("a") == "ok"
    assert model.children["a"].incarnation == 2
    assert model.terminate_child("b") == model.delete_child("b") == "ok"
    assert [getattr(model, call)("b") for call in ("terminate_child", "restart_child", "delete_child")] == (
        ["not_found"] * 3
    )


def test_a_child_that_waits_for_its_restart_is_restarting_until_it_is_terminated() -> None:
    model = crew("a", policy=Restart(backoff=Backoff(1.0)))
    model.fail("a", ValueError())

    assert model.restart_child("a") == model.delete_child("a") == "restarting"
    assert model.terminate_child("a") == "ok"
    model.advance(10.0)

    assert statuses(model) == {"a": "down"}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("one_for_one", ["start a 2", "start a 3"]), ("one_for_all", ["start a 2", "start a 3", "start b 2"])],
)
def test_a_child_without_a_state_starts_afresh_where_its_supervisor_is_resumed(
    strategy: str, expected: list[str]
) -> None:
    model = crew("a", "b", policy=Escalate(), strategy=strategy, above=Resume())
    model.broken["/crew/a"] = [ValueError()]

    assert model.restart_child("a") == "start_failed"

    assert seen(model, "start") == expected


def test_a_start_that_fails_cannot_be_resumed_and_is_tried_again_within_a_limit() -> None:
    model = crew("a", policy=Resume(), above=Stop())
    model.broken["/crew/a"] = [ValueError() for _ in range(4)]

    model.restart_child("a")

    assert seen(model, "start", "escalated") == [
        "start a 2", "start a 3", "start a 4", "start a 5", "escalated a RestartLimitExceeded",
    ]  # fmt: skip


def test_nobody_of_a_group_comes_up_before_the_backoff_that_it_waits_for_is_over() -> None:
    model = crew("a", "b", strategy="one_for_all", policy=Restart(backoff=Backoff(2.0, cap=2.0)))
    model.fail("b", ValueError())
    model.terminate_child("b")
    model.restart_child("b")
    model.advance(1.0)
    model.fail("b", ValueError())

    model.advance(1.0)
    assert statuses(model) == {"a": "halted", "b": "backing_off"}
    model.advance(1.0)
    assert statuses(model) == {"a": "running", "b": "running"}


@pytest.mark.parametrize(
    ("policy", "limit"),
    [
        (Restart(7), 7),
        (RetryableOnly(restart=Restart(6)), 6),
        (ByError({KeyError: ByError({OSError: Restart(5)}), OSError: Restart(4)}, default=Stop()), 5),
        (ByError({KeyError: Stop()}), 3),
        (Escalate(), 3),
    ],
)
def test_a_normal_end_goes_by_the_first_limit_in_the_policy(policy: Policy, limit: int) -> None:
    assert restart_inside(policy) == policy.for_exit()
    assert restart_inside(policy).max_restarts == limit


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(strategies.policies(depth=2), strategies.failure_scripts())
def test_the_ledger_decides_as_policies_do(policy: Policy, script: list[Failure]) -> None:
    ledger = Ledger()

    verdicts = [tuple(ledger.decide(policy, failure)) for failure in script]

    decisions = simulate(policy, script)
    assert verdicts == [(decision.directive, decision.delay, decision.exceeded) for decision in decisions]


def test_a_policy_of_an_unknown_class_is_asked_itself() -> None:
    class Twice(Restart):
        def decide(self, failure: Failure, history: Any) -> Any:
            return super().decide(failure, history) if history.restarts() < 2 else Stop().decide(failure, history)

    model = crew("a", policy=Twice(5))

    for _ in range(3):
        model.fail("a", ValueError())

    assert seen(model, "failed") == ["failed a restart", "failed a restart", "failed a stop"]
