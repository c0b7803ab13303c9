"""Does a policy come back from JSON as it was?"""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import (
    Backoff,
    ByError,
    Decision,
    Directive,
    Escalate,
    Failure,
    History,
    Policy,
    Restart,
    Resume,
    RetryableOnly,
    Stop,
    policy_from_json,
    policy_to_json,
)


class Outer:
    class Inner(Exception):
        pass


class Cautious(Policy):
    """Ask another policy, and turn a restart of an old incarnation into a stop."""

    inner: Policy = Restart()
    oldest: int = 5

    def decide(self, failure: Failure, history: History) -> Decision:
        if failure.incarnation > self.oldest:
            return Decision(Directive.STOP, history=history)
        return self.inner.decide(failure, history)


class Labelled(Restart):
    label: str = "none"


seconds = st.floats(0.001, 1e9)
backoffs = st.builds(Backoff, seconds, cap=st.just(1e9), factor=st.floats(1, 10), jitter=st.floats(0, 1), reset=seconds)
ends = st.sampled_from([Stop(), Escalate()])
restarts = st.builds(
    Restart,
    st.integers(0, 100),
    st.none() | seconds,
    backoff=st.none() | backoffs,
    per=st.sampled_from(["supervisor", "child"]),
    then=ends,
)
errors = st.sampled_from([TimeoutError, KeyError, BaseException, json.JSONDecodeError, Outer.Inner])
nested = st.recursive(
    st.just(Resume()) | ends | restarts,
    lambda inner: st.one_of(
        st.builds(ByError, st.dictionaries(errors, inner, min_size=1), default=inner),
        st.builds(RetryableOnly, st.lists(errors), restart=restarts, otherwise=inner),
        st.builds(Cautious, inner=inner, oldest=st.integers()),
    ),
    max_leaves=5,
)


@given(nested)
def test_every_policy_comes_back_as_it_was(policy: Policy) -> None:
    text = policy_to_json(policy)

    assert policy_from_json(text) == policy
    assert type(policy).model_validate_json(policy.model_dump_json()) == policy
    assert Policy.model_validate_json(text) == policy


def test_json_names_policies_by_kind_and_errors_by_import_path() -> None:
    policy = ByError({TimeoutError: Stop(), Outer.Inner: Cautious(inner=Resume())})

    assert json.loads(policy_to_json(policy)) == {
        "kind": "by_error",
        "branches": {
            "builtins.TimeoutError": {"kind": "stop"},
            f"{__name__}.Outer.Inner": {
                "kind": f"{__name__}.Cautious",
                "inner": {"kind": "resume"},
                "oldest": 5,
            },
        },
        "default": {"kind": "escalate"},
    }


def test_defaults_may_be_left_out_of_json() -> None:
    assert policy_from_json('{"kind": "restart", "max_restarts": 7}') == Restart(7)
    assert policy_from_json('{"kind": "retryable_only"}') == RetryableOnly()


def test_a_subclass_of_a_built_in_policy_keeps_its_own_fields() -> None:
    policy = RetryableOnly(restart=Labelled(2, label="crew"))

    assert policy_from_json(policy_to_json(policy)) == policy


def test_a_class_defined_again_is_found_as_it_is_now() -> None:
    def define(default: int) -> type[Policy]:
        class Local(Stop):
            size: int = default

        return Local

    first, second = define(1), define(2)

    assert type(policy_from_json(policy_to_json(second()))) is second is not first


def test_a_policy_of_a_module_not_yet_imported_is_imported(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_policies_for_json.py").write_text(
        "from policies import Stop\nclass Mine(Stop):\n    size: int = 1\n"
    )
    monkeypatch.syspath_prepend(folder)

    assert repr(policy_from_json('{"kind": "own_policies_for_json.Mine", "size": 3}')) == "Mine(size=3)"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("nothing", "Expecting value", id="no JSON"),
        pytest.param("[]", "a policy is needed, not []", id="a list"),
        pytest.param("{}", "needs its kind", id="no kind"),
        pytest.param('{"kind": 3}', "not 3", id="a number as kind"),
        pytest.param('{"kind": "resurrect"}', "'resurrect'", id="an unknown kind"),
        pytest.param('{"kind": "nowhere.Policy"}', "'nowhere.Policy'", id="a kind of an unknown module"),
        pytest.param('{"kind": "builtins.int"}', "'builtins.int'", id="a kind that is no policy"),
        pytest.param('{"kind": "policies.Policy"}', "'policies.Policy'", id="a kind that cannot be built"),
        pytest.param('{"kind": "policies.simulate"}', "'policies.simulate'", id="a kind that is a function"),
        pytest.param('{"kind": "policies..Stop"}', "'policies..Stop'", id="a path with a hole"),
        pytest.param('{"kind": "restart", "limit": 3}', "limit", id="an unknown field"),
        pytest.param('{"kind": "restart", "self": 3}', "self", id="a field named self"),
        pytest.param('{"kind": "restart", "within": -1}', "within", id="a wrong value"),
        pytest.param('{"kind": "restart", "backoff": {}}', "Backoff needs initial", id="a backoff without delay"),
        pytest.param('{"kind": "by_error"}', "ByError needs branches", id="no branches"),
        pytest.param(
            '{"kind": "by_error", "branches": {"no.Such": {"kind": "stop"}}}',
            "'no.Such'",
            id="an unknown error",
        ),
        pytest.param(
            '{"kind": "by_error", "branches": {"builtins.NoSuch": {"kind": "stop"}}}',
            "'builtins.NoSuch'",
            id="a class that is not in its module",
        ),
        pytest.param('{"kind": "retryable_only", "retryable": ["builtins.int"]}', "'builtins.int'", id="no exception"),
    ],
)
def test_json_that_is_no_policy_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        policy_from_json(text)


def test_a_kind_is_refused_by_the_class_of_another() -> None:
    with pytest.raises(ValueError, match="kind 'stop' is not 'restart'"):
        Restart.model_validate_json('{"kind": "stop"}')


def test_a_concrete_policy_may_be_read_without_its_kind() -> None:
    assert Restart.model_validate_json('{"max_restarts": 1}') == Restart(1)


def test_an_error_that_could_not_be_found_again_is_not_written() -> None:
    class Local(Exception):
        pass

    with pytest.raises(ValueError, match=r"Local' is not the import path of a class"):
        policy_to_json(ByError({Local: Stop()}))


def test_an_error_that_hides_behind_the_name_of_another_is_not_written() -> None:
    impostor = type("KeyError", (Exception,), {"__module__": "builtins"})

    with pytest.raises(ValueError, match=r"another class .* is found at 'builtins\.KeyError'"):
        policy_to_json(ByError({impostor: Stop()}))
