"""Which policies, specs, supervisors and failures does Hypothesis try?

Importing this needs `hypothesis`. All times are multiples of 1/16 s, so that sums and differences are exact and a test
can hit the very edge of a window. The defaults are small, because faults in supervision show in small trees.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from actors._core.agent import Agent
from actors._core.spec import ChildSpec
from actors.supervisor import Supervisor
from actors.testkit.from_hypothesis import SearchStrategy, st
from policies import (
    AutoShutdown,
    Backoff,
    ByError,
    Escalate,
    Failure,
    Policy,
    Restart,
    RestartType,
    Resume,
    RetryableOnly,
    Stop,
    Strategy,
)

NAMES = ("a", "b", "c", "d")
ERRORS: tuple[type[Exception], ...] = (ValueError, KeyError, TimeoutError)

# Strategies are made once each and kept: to make one takes far longer than to draw from it.


def _mostly(*choices: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Any of these; what is named several times comes as often, and what comes first is where shrinking goes."""
    which = st.integers(0, len(choices) - 1)

    @st.composite
    def chosen(draw: Any) -> Any:
        return draw(choices[draw(which)])

    return chosen()


@functools.cache
def seconds(most: float = 4.0) -> SearchStrategy[float]:
    """Times above zero, up to `most` seconds."""
    return st.integers(1, int(most * 16)).map(lambda count: count / 16)


def errors(kinds: Sequence[type[BaseException]] = ERRORS) -> SearchStrategy[BaseException]:
    """Exceptions to fail with, each a new one."""
    return _errors(tuple(kinds))


@functools.cache
def _errors(kinds: tuple[type[BaseException], ...]) -> SearchStrategy[BaseException]:
    return st.sampled_from(kinds).map(lambda kind: kind("on purpose"))


@functools.cache
def backoffs(jitter: float = 0.0) -> SearchStrategy[Backoff]:
    """Backoffs; without jitter unless it is given."""

    def build(initial: float, more: float, factor: float, reset: float | None) -> Backoff:
        return Backoff(initial, cap=initial + more, factor=factor, jitter=jitter, reset=reset)

    return st.builds(build, seconds(1.0), seconds(), st.sampled_from([1.0, 1.5, 2.0, 3.0]), st.none() | seconds())


@functools.cache
def restarts(jitter: float = 0.0) -> SearchStrategy[Restart]:
    """Restarts of every kind: with a window, in a row and without limit, for each child and for all, with a backoff."""
    backoff = st.none() | backoffs(jitter)
    rest = {
        "backoff": backoff,
        "per": st.sampled_from(["supervisor", "child"]),
        "then": st.sampled_from([Escalate(), Stop()]),
    }
    most = st.sampled_from([1, 2, 3, 0])
    windowed = st.builds(Restart, max_restarts=most, within=seconds(), **rest)
    in_a_row = st.builds(Restart, max_restarts=most, within=st.none(), **rest)
    endless = backoff.map(lambda backoff: Restart(None, within=None, backoff=backoff))
    return _mostly(windowed, windowed, windowed, in_a_row, endless)


def policies(kinds: Sequence[type[BaseException]] = ERRORS, depth: int = 1) -> SearchStrategy[Policy]:
    """Policies, mostly a Restart; `kinds` are the errors that they tell apart, inside one another `depth` times."""
    return _policies(tuple(kinds), depth)


@functools.cache
def _policies(kinds: tuple[type[BaseException], ...], depth: int) -> SearchStrategy[Policy]:
    plain: SearchStrategy[Policy] = st.sampled_from([Resume(), Stop(), Escalate()])
    if not depth:
        return _mostly(restarts(), restarts(), restarts(), plain)
    inner = _policies(kinds, depth - 1)
    by_error = st.builds(ByError, st.dictionaries(st.sampled_from(kinds), inner, min_size=1), default=inner)
    some = st.lists(st.sampled_from(kinds), unique=True)
    retryable = st.builds(RetryableOnly, some, restart=restarts(), otherwise=inner)
    return _mostly(inner, inner, inner, by_error, retryable)


def child_specs(
    agent: type[Agent] | Sequence[type[Agent]] = Agent,
    names: Sequence[str] = NAMES,
    significant: bool = False,
) -> SearchStrategy[ChildSpec[Any]]:
    """Specs of children of one of the classes; some have a policy of their own.

    Some are significant if `significant` says so, which the supervisor's `auto_shutdown` must allow.
    """
    return _child_specs(_child_classes(agent), tuple(names), significant)


@functools.cache
def _child_specs(
    agents: tuple[type[Agent], ...], names: tuple[str, ...], significant: bool
) -> SearchStrategy[ChildSpec[Any]]:
    fields = {
        "agent": st.sampled_from(agents),
        "name": st.sampled_from(names),
        "policy": _mostly(st.none(), st.none(), st.none(), policies()),
        "shutdown": st.sampled_from([5.0, 5.0, 5.0, "infinity", "brutal"]),
        "dispatcher": st.sampled_from(["pool", "pool", "pool", "thread"]),
    }
    ending = [RestartType.TRANSIENT, RestartType.TEMPORARY]
    plain = st.builds(ChildSpec, restart=st.sampled_from([*ending, RestartType.PERMANENT]), **fields)
    if not significant:
        return plain
    return _mostly(plain, st.builds(ChildSpec, restart=st.sampled_from(ending), significant=st.just(True), **fields))


@st.composite
def supervisors(
    draw: Any,
    agent: type[Supervisor] = Supervisor,
    name: str = "supervisor",
    child: type[Agent] | Sequence[type[Agent]] = Agent,
    policy: Policy | None = None,
    strategy: Strategy | str | None = None,
    above: Policy | None = None,
    names: Sequence[str] = NAMES,
) -> ChildSpec[Any]:
    """Specs of supervisors, with one child or more, up to as many as there are `names`.

    `policy` is what the supervisor does about its children, `above` what its own parent does about it; what is None is
    drawn.
    """
    auto = draw(_AUTO_SHUTDOWN)
    children = draw(_children(_child_classes(child), tuple(names), auto is not AutoShutdown.NEVER))
    kwargs = {
        "children": children,
        "policy": draw(policies()) if policy is None else policy,
        "strategy": draw(_STRATEGY) if strategy is None else Strategy(strategy),
        "auto_shutdown": auto,
        "max_children": draw(st.sampled_from([None, None, len(children), len(children) + 1])),
    }
    return ChildSpec(
        agent, name, kwargs=kwargs, restart=draw(_RESTART), policy=draw(_above()) if above is None else above
    )


@functools.cache
def _above() -> SearchStrategy[Policy]:
    # Mostly one under which there is a supervisor afterwards.
    return _mostly(st.just(Restart(None, within=None)), st.just(Resume()), policies())


_AUTO_SHUTDOWN = st.sampled_from([AutoShutdown.NEVER, AutoShutdown.NEVER, *AutoShutdown])
_STRATEGY = st.sampled_from(Strategy)
_RESTART = st.sampled_from([RestartType.TRANSIENT, *RestartType])


def _child_classes(child: type[Agent] | Sequence[type[Agent]]) -> tuple[type[Agent], ...]:
    return (child,) if isinstance(child, type) else tuple(child)


@functools.cache
def _children(
    agents: tuple[type[Agent], ...], names: tuple[str, ...], significant: bool
) -> SearchStrategy[list[ChildSpec[Any]]]:
    some = _child_specs(agents, names, significant)
    return st.lists(some, min_size=1, max_size=len(names), unique_by=lambda spec: spec.name or "")


@st.composite
def failure_scripts(
    draw: Any,
    paths: Sequence[str] = ("/crew/a", "/crew/b"),
    kinds: Sequence[type[BaseException]] = ERRORS,
    most: int = 12,
) -> list[Failure]:
    """Rows of failures, oldest first, for `policies.simulate`."""
    at = 0.0
    script = []
    for error in draw(st.lists(errors(kinds), max_size=most)):
        at += draw(st.just(0.0) | seconds())
        handled = draw(st.integers(0, 1))
        script.append(Failure(draw(st.sampled_from(list(paths))), error, at=at, handled=handled))
    return script
