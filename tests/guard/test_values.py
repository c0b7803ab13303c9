"""Do usage, quotas and manifests add up, refuse what they cannot be, and name all that is wrong?"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from actors.guard import TIERS, Manifest, ManifestError, Privacy, Quota, Usage, UsageByTier

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, tokens, tokens, st.integers(0, 10**6).map(float))
tiers = st.dictionaries(st.sampled_from(["Tier 1", "Tier 4", "Tier 9", "local"]), usages).map(UsageByTier)


# -- usage ----------------------------------------------------------------------------


def test_usage_is_added_and_its_total_is_the_tokens_in_both_directions() -> None:
    both = Usage(10, 5, 0.25) + Usage(1, 2, 0.5)

    assert both == Usage(11, 7, 0.75)
    assert (both.total, Usage().total) == (18, 0)
    assert sum([Usage(1), Usage(2)], Usage()) == Usage(3)
    with pytest.raises(TypeError):
        Usage() + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("build", "field"),
    [
        pytest.param(lambda: Usage(-1), "input_tokens", id="less than no token"),
        pytest.param(lambda: Usage(0, -1), "output_tokens", id="less than no answer"),
        pytest.param(lambda: Usage(1.5), "input_tokens", id="half a token"),  # type: ignore[arg-type]
        pytest.param(lambda: Usage(True), "input_tokens", id="a bool"),
        pytest.param(lambda: Usage(cost=-0.01), "cost", id="a cost below zero"),
        pytest.param(lambda: Usage(cost=float("nan")), "cost", id="a cost that is no number"),
        pytest.param(lambda: Usage(cost=float("inf")), "cost", id="an endless cost"),
        pytest.param(lambda: Usage(cost="1"), "cost", id="a text"),  # type: ignore[arg-type]
    ],
)
def test_usage_below_zero_or_of_no_number_is_refused_by_name(build: Callable[[], Usage], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        build()


def test_each_of_the_four_tiers_begins_at_zero_with_the_label_of_its_model() -> None:
    assert UsageByTier().as_json() == {
        "Tier 1": {"input": 0, "output": 0, "cost": 0.0, "model": "gemini-3.1-pro-preview"},
        "Tier 2": {"input": 0, "output": 0, "cost": 0.0, "model": "gemini-3-flash-preview"},
        "Tier 3": {"input": 0, "output": 0, "cost": 0.0, "model": "gemini-2.5-flash-lite"},
        "Tier 4": {"input": 0, "output": 0, "cost": 0.0, "model": "gemini-2.5-flash-lite"},
    }


def test_usage_is_booked_to_its_tier_and_the_one_before_is_left_as_it_was() -> None:
    before = UsageByTier()
    after = before.with_usage("Tier 3", Usage(10, 2)).with_usage("Tier 3", Usage(1)).with_usage("local", Usage(5))

    assert (after["Tier 3"], after["local"], after["Tier 1"]) == (Usage(11, 2), Usage(5), Usage())
    assert (after.unknown, before.unknown) == (("local",), ())
    assert (after.model("Tier 3"), after.model("local")) == ("gemini-2.5-flash-lite", "")
    assert after.total == Usage(16, 2)
    assert before == UsageByTier() == dict.fromkeys(TIERS, Usage())
    assert repr(after) == f"UsageByTier({{'Tier 3': {Usage(11, 2)!r}, 'local': {Usage(5)!r}}})"
    assert not hasattr(after, "__setitem__")


def test_tiers_of_ones_own_are_known_like_the_others() -> None:
    own = UsageByTier(tiers={"big": "model-b"}).with_usage("big", Usage(1))

    assert (list(own), own.unknown, own.model("big")) == (["big"], (), "model-b")
    assert list(own + UsageByTier()) == ["big", *TIERS]
    assert (own + UsageByTier()).unknown == ()


@pytest.mark.parametrize("wrong", [{"Tier 1": 3}, {1: Usage()}, {"Tier 1": None}])
def test_what_is_no_tier_or_no_usage_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="a tier's name and its Usage"):
        UsageByTier(wrong)


@given(tiers, tiers, tiers)
def test_sums_of_tiers_do_not_depend_on_the_order_and_lose_nothing(
    one: UsageByTier, two: UsageByTier, three: UsageByTier
) -> None:
    assert one + two == two + one
    assert hash(one + two) == hash(two + one)
    assert (one + two) + three == one + (two + three)
    assert (one + two).total == one.total + two.total
    assert one + UsageByTier() == one
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    with pytest.raises(TypeError):
        one + {}  # type: ignore[operator]


# -- quotas ---------------------------------------------------------------------------


def test_the_default_quota_is_that_of_every_agent() -> None:
    quota = Quota()

    assert (quota.iterations, quota.tool_calls, quota.tokens, quota.cost) == (20, 50, None, 0.0)
    assert (quota.repeats, quota.truncations, quota.model_failures, quota.tool_failures) == (3, 5, 3, 3)
    assert repr(Quota(tokens=5)) == "Quota(tokens=5)"
    assert Quota.model_validate_json(Quota(cost=1.5).model_dump_json()) == Quota(cost=1.5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("iterations", 0),
        ("iterations", True),
        ("tool_calls", -1),
        ("tokens", 0),
        ("cost", -1.0),
        ("cost", float("nan")),
        ("repeats", 1),
        ("window", 2),
        ("in_a_row", 1),
        ("truncations", 0),
        ("model_failures", 0),
        ("tool_failures", 0),
        ("iteration", 5),
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        Quota(**{field: value})


# -- manifests ------------------------------------------------------------------------


def test_a_manifest_says_what_is_so_unless_it_is_told_otherwise() -> None:
    manifest = Manifest()

    assert (manifest.name, manifest.max_tokens, manifest.temperature) == ("unnamed-agent", 4096, 0.3)
    assert (manifest.capabilities, manifest.privacy) == ({"rag", "memory"}, Privacy.SOVEREIGN)
    assert manifest.quota == Quota()
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    assert Manifest.problems() == manifest.problems() == ()


def test_all_that_is_wrong_with_a_manifest_is_named_at_once() -> None:
    wrong: dict[str, Any] = {
        "name": "",
        "max_tokens": 0,
        "temperature": 2.1,
        "quota": {"iterations": 0, "tool_calls": 0, "tokens": 0},
        "remote_model": "gpt",
        "model_repo": "org/model",
        "model_path": "/models/m.bin",
        "colour": "red",
    }
    problems = Manifest.problems(**wrong)

    beginnings = ["name:", "max_tokens:", "temperature:", "quota.iterations:", "quota.tool_calls:", "quota.tokens:"]
    beginnings += ["colour:", "privacy: sovereign forbids the remote_model 'gpt'", "model_repo and model_path exclude"]
    assert len(problems) == len(beginnings)
    assert all(problem.startswith(start) for problem, start in zip(problems, beginnings, strict=True))
    with pytest.raises(ManifestError) as raised:
        Manifest(**wrong)
    again = pickle.loads(pickle.dumps(raised.value))
    assert raised.value.problems == again.problems == problems
    assert str(raised.value) == "; ".join(problems)
    assert isinstance(raised.value, ValueError)


@pytest.mark.parametrize("temperature", [-0.1, 2.01, float("nan")])
def test_a_temperature_beyond_zero_to_two_is_refused(temperature: float) -> None:
    assert [problem[:12] for problem in Manifest.problems(temperature=temperature)] == ["temperature:"]
    assert [Manifest(temperature=edge).temperature for edge in (0, 2)] == [0, 2]


def test_a_manifest_read_from_json_is_checked_the_same() -> None:
    with pytest.raises(ValueError, match="sovereign forbids the remote_model 'gpt'"):
        Manifest.model_validate_json('{"remote_model": "gpt"}')

    read = Manifest.model_validate_json('{"remote_model": "gpt", "privacy": "standard", "quota": {"iterations": 4}}')
    assert (read.remote_model, read.quota.iterations) == ("gpt", 4)


def test_a_tool_is_refused_for_want_of_a_capability_and_the_network_to_what_is_sovereign() -> None:
    manifest = Manifest(name="reader", capabilities={"memory", "network"})
    abroad = Manifest(privacy="standard", capabilities={"network"})

    assert manifest.refusal("memory") is None
    assert manifest.refusal("shell") == "reader has no capability 'shell'"
    assert manifest.refusal("network") == "reader is sovereign: nothing of it uses the network"
    assert abroad.refusal("network") is None
