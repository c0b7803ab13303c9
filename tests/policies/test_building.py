"""Is a policy checked when it is built, frozen afterwards, and printed as the call that builds it?"""

import copy
import decimal
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

import policies
from policies import (
    Backoff,
    ByError,
    Directive,
    Escalate,
    Policy,
    Restart,
    Resume,
    RetryableOnly,
    Stop,
    simulate,
)

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("build", "field", "value"),
    [
        pytest.param(lambda: Restart(-1), "max_restarts", "-1", id="a limit below zero"),
        pytest.param(lambda: Restart(True), "max_restarts", "True", id="a bool as a limit"),
        pytest.param(lambda: Restart(2.5), "max_restarts", "2.5", id="half a restart"),
        pytest.param(lambda: Restart("3"), "max_restarts", "'3'", id="a text as a limit"),
        pytest.param(lambda: Restart(within=0), "within", "0", id="a window of zero"),
        pytest.param(lambda: Restart(within=-1.5), "within", "-1.5", id="a window below zero"),
        pytest.param(lambda: Restart(within=NAN), "within", "nan", id="a window that is no number"),
        pytest.param(lambda: Restart(within=INFINITE), "within", "inf", id="an endless window"),
        pytest.param(lambda: Restart(within=True), "within", "True", id="a bool as a window"),
        pytest.param(lambda: Restart(None, 5.0), "max_restarts", "within=5.0", id="no limit in a window"),
        pytest.param(lambda: Restart(None), "max_restarts", "within=5.0", id="no limit in the default window"),
        pytest.param(lambda: Restart(per="system"), "per", "'system'", id="an unknown owner of the count"),
        pytest.param(lambda: Restart(backoff=3.0), "backoff", "3.0", id="a number as backoff"),
        pytest.param(lambda: Restart(then=Resume()), "then", "Resume()", id="then resume"),
        pytest.param(lambda: Restart(then="stop"), "then", "'stop'", id="then a text"),
        pytest.param(lambda: Restart(attempts=3), "attempts", "3", id="an unknown field"),
        pytest.param(lambda: Stop(delay=3), "delay", "3", id="an unknown field of a plain policy"),
        pytest.param(lambda: Backoff(0.0), "initial", "0.0", id="no delay"),
        pytest.param(lambda: Backoff(NAN), "initial", "nan", id="a delay that is no number"),
        pytest.param(lambda: Backoff(True), "initial", "True", id="a bool as a delay"),
        pytest.param(lambda: Backoff(60.0), "cap", "cap=30.0", id="a cap below the first delay"),
        pytest.param(lambda: Backoff(1.0, cap=INFINITE), "cap", "inf", id="no cap"),
        pytest.param(lambda: Backoff(1.0, factor=0.5), "factor", "0.5", id="delays that shrink"),
        pytest.param(lambda: Backoff(1.0, jitter=1.5), "jitter", "1.5", id="more jitter than delay"),
        pytest.param(lambda: Backoff(1.0, reset=0), "reset", "0", id="no quiet period"),
        pytest.param(lambda: ByError({}), "branches", "empty", id="no branch"),
        pytest.param(lambda: ByError([Stop()]), "branches", "[Stop()]", id="branches that are no mapping"),
        pytest.param(lambda: ByError({int: Stop()}), "branches", "'int'", id="a class that is no exception"),
        pytest.param(lambda: ByError({KeyError(): Stop()}), "branches", "KeyError()", id="an error, not a class"),
        pytest.param(lambda: ByError({KeyError: 3}), "branches", "3", id="a branch that is no policy"),
        pytest.param(lambda: ByError({KeyError: Stop()}, default=None), "default", "None", id="no default"),
        pytest.param(lambda: RetryableOnly((int,)), "retryable", "'int'", id="a retryable int"),
        pytest.param(lambda: RetryableOnly(KeyError), "retryable", "KeyError", id="a class without a tuple"),
        pytest.param(lambda: RetryableOnly(restart=Stop()), "restart", "Stop()", id="a restart that stops"),
    ],
)
def test_a_wrong_value_is_refused_by_field_and_value(build: Callable[[], Policy], field: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        build()

    assert field in str(refused.value)
    assert value in str(refused.value)


def test_two_classes_of_one_name_are_refused_since_they_would_share_a_count() -> None:
    twins = [type("Twin", (Exception,), {"__module__": "somewhere"}) for _ in range(2)]

    with pytest.raises(ValueError, match=r"share one count: \{somewhere\.Twin: Stop\(\)"):
        ByError({twin: Stop() for twin in twins})


def test_a_policy_without_a_decision_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="decide"):
        Policy()  # type: ignore[abstract]


SAMPLES = [
    (Restart(), "Restart(max_restarts=3, within=5.0)"),
    (Restart(5), "Restart(max_restarts=5, within=5.0)"),
    (
        Restart(None, None, backoff=Backoff(0.1), per="child", then=Stop()),
        "Restart(max_restarts=None, within=None, backoff=Backoff(initial=0.1, cap=30.0), per='child', then=Stop())",
    ),
    (Backoff(1, 2, 3, 0.5, 4), "Backoff(initial=1.0, cap=2.0, factor=3.0, jitter=0.5, reset=4.0)"),
    (Stop(), "Stop()"),
    (Escalate(), "Escalate()"),
    (Resume(), "Resume()"),
    (RetryableOnly(), "RetryableOnly()"),
    (
        RetryableOnly([TimeoutError], Restart(1), Resume()),
        "RetryableOnly(retryable=(TimeoutError,), restart=Restart(max_restarts=1, within=5.0), otherwise=Resume())",
    ),
    (RetryableOnly(()), "RetryableOnly(retryable=())"),
    (RetryableOnly((OSError, KeyError)), "RetryableOnly(retryable=(OSError, KeyError))"),
    (
        ByError({KeyError: Stop(), decimal.InvalidOperation: Resume()}, default=Stop()),
        "ByError({KeyError: Stop(), decimal.InvalidOperation: Resume()}, default=Stop())",
    ),
]


@pytest.mark.parametrize(("policy", "text"), SAMPLES, ids=[text for _, text in SAMPLES])
def test_a_policy_prints_as_the_line_that_builds_it(policy: object, text: str) -> None:
    assert repr(policy) == str(policy) == text
    assert eval(text, {"decimal": decimal, **vars(policies)}) == policy


@pytest.mark.parametrize("policy", [sample for sample, _ in SAMPLES], ids=repr)
def test_a_policy_is_a_value_that_can_be_copied_hashed_and_not_changed(policy: Policy) -> None:
    twins = [
        pickle.loads(pickle.dumps(policy)),
        copy.deepcopy(policy),
        type(policy).model_validate(policy.model_dump()),
    ]

    assert twins == [policy] * 3
    assert {hash(twin) for twin in twins} == {hash(policy)}
    with pytest.raises(ValidationError, match="frozen"):
        policy.within = 3.0  # type: ignore[attr-defined]


def test_the_branches_of_a_policy_can_be_read_and_not_changed() -> None:
    given = {KeyError: Stop(), OSError: Restart(1)}
    policy = ByError(given)
    given.clear()

    assert dict(policy.branches) == {KeyError: Stop(), OSError: Restart(1)}
    assert len(policy.branches) == 2
    assert not hasattr(policy.branches, "__setitem__")
    assert policy == ByError({OSError: Restart(1), KeyError: Stop()})


class Labelled(Restart):
    label: str = "none"


def test_a_restart_may_be_given_fields_of_its_own() -> None:
    policy = Labelled(2, label="crew")

    assert repr(policy) == "Labelled(max_restarts=2, within=5.0, label='crew')"
    assert simulate(policy, [(0.0, KeyError())])[0].directive is Directive.RESTART


def test_policies_load_neither_actors_nor_anything_an_actor_needs() -> None:
    script = "import policies, sys; print({'actors', 'loguru', 'pykka'} & set(sys.modules))"
    folder = str(Path(policies.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )

    assert ran.stdout.strip() == "set()"


def test_every_public_name_is_there_and_the_package_says_whose_it_is() -> None:
    assert all(hasattr(policies, name) for name in policies.__all__)
    assert policies.__all__ == sorted(policies.__all__)
    assert policies.__actortree__ == "0.1.0"
    assert (Path(policies.__file__).parent / "py.typed").exists()
