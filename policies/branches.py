"""Which policy answers which error?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from policies.names import exception_path, find_exception, import_path, source_name
from policies.policy import Escalate, Policy, Restart, Stop, as_policy
from policies.values import Decision, Failure, History, Mark


def decide_apart(key: str, policy: Policy, failure: Failure, history: History) -> Decision:
    """Let one branch decide with the restarts that bear its key alone: branches never share a count.

    The branch sees its marks as if it were asked directly; those of other branches are carried past it.
    """
    inside = History(tuple(_keyed(mark, mark.key[len(key) + 1 :]) for mark in history.marks if _belongs(mark, key)))
    decision = policy.decide(failure, inside)
    outside = [mark for mark in history.marks if not _belongs(mark, key)]
    bound = [_keyed(mark, f"{key}/{mark.key}" if mark.key else key) for mark in decision.history.marks]
    marks = sorted([*outside, *bound], key=lambda mark: mark.at)
    return Decision(decision.directive, decision.delay, History(tuple(marks)), decision.exceeded)


class Branches(Mapping[type[BaseException], Policy]):
    """The policies by exception class: a mapping that cannot be changed, and so can be hashed."""

    __slots__ = ("_policies",)

    def __init__(self, policies: Mapping[type[BaseException], Policy]) -> None:
        self._policies = dict(policies)

    def __getitem__(self, error: type[BaseException]) -> Policy:
        return self._policies[error]

    def __iter__(self) -> Iterator[type[BaseException]]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __hash__(self) -> int:
        return hash(frozenset(self._policies.items()))

    def __repr__(self) -> str:
        pairs = (f"{source_name(error)}: {policy!r}" for error, policy in self._policies.items())
        return f"{{{', '.join(pairs)}}}"


def _as_exception(value: object) -> type[BaseException]:
    if isinstance(value, str):
        return find_exception(value)
    if not (isinstance(value, type) and issubclass(value, BaseException)):
        raise ValueError(f"{value!r} is not an exception class")
    return value


def _as_branches(value: object) -> Branches:
    if not isinstance(value, Mapping):
        raise ValueError(f"a mapping of exception classes to policies is needed, not {value!r}")
    if not value:
        raise ValueError("the mapping is empty: the default alone would be the policy")
    branches = Branches({_as_exception(error): as_policy(policy) for error, policy in value.items()})
    if len({import_path(error) for error in branches}) < len(value):
        raise ValueError(f"two classes go by the same name, and would share one count: {branches!r}")
    return branches


def _branches_by_path(branches: Branches) -> dict[str, Any]:
    return {exception_path(error): policy for error, policy in branches.items()}


BranchesField = Annotated[Branches, PlainValidator(_as_branches), PlainSerializer(_branches_by_path, when_used="json")]
ExceptionClass = Annotated[
    type[BaseException],
    BeforeValidator(_as_exception),
    PlainSerializer(exception_path, return_type=str, when_used="json"),
]


class ByError(Policy):
    """The policy of the most specific class of the error decides, or `default` where none fits.

    The most specific class is the first one in the error's method resolution order. Each branch counts its
    restarts apart, and may be any policy, another `ByError` too.
    """

    _kind: ClassVar[str] = "by_error"

    branches: BranchesField
    default: Policy = Escalate()

    def __init__(
        self, /, branches: Mapping[type[BaseException], Policy], default: Policy = default, **more: Any
    ) -> None:
        more.update(branches=branches, default=default)
        super().__init__(**more)

    def decide(self, failure: Failure, history: History) -> Decision:
        """Give the decision of the branch that fits the error best."""
        for error in type(failure.error).__mro__:
            if error in self.branches:
                return decide_apart(import_path(error), self.branches[error], failure, history)
        return decide_apart("default", self.default, failure, history)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield (None if name == "branches" else name), value

    @model_validator(mode="wrap")  # a "before" would run after the constructor
    @classmethod
    def _branches_are_given(cls, data: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        cls._refuse_without("branches", data)
        return build(data)

    def _contained_restart(self) -> Restart | None:
        for policy in (self.default, *self.branches.values()):
            if (found := policy._contained_restart()) is not None:
                return found
        return None


class RetryableOnly(Policy):
    """`restart` decides for errors that are worth another try, `otherwise` for all others.

    An error is worth another try where it is an instance of one of the classes in `retryable`, or has an
    attribute `retryable` that is true. The two policies count their restarts apart.
    """

    _kind: ClassVar[str] = "retryable_only"

    retryable: tuple[ExceptionClass, ...] = (TimeoutError, ConnectionError)
    restart: SerializeAsAny[Annotated[Restart, BeforeValidator(as_policy)]] = Restart()
    otherwise: Policy = Stop()

    def __init__(
        self,
        /,
        retryable: Iterable[type[BaseException]] = retryable,
        restart: Restart = restart,
        otherwise: Policy = otherwise,
        **more: Any,
    ) -> None:
        more.update(retryable=retryable, restart=restart, otherwise=otherwise)
        super().__init__(**more)

    def decide(self, failure: Failure, history: History) -> Decision:
        """Give the decision of `restart` for an error worth another try, else that of `otherwise`."""
        if isinstance(failure.error, self.retryable) or getattr(failure.error, "retryable", False):
            return decide_apart("restart", self.restart, failure, history)
        return decide_apart("otherwise", self.otherwise, failure, history)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, (print_classes(value) if name == "retryable" else value)

    def _contained_restart(self) -> Restart:
        return self.restart


def print_classes(classes: tuple[type, ...]) -> tuple[type, ...]:
    """Give classes that print as a program would write them."""
    return _Classes(classes)


class _Classes(tuple[type, ...]):
    """Classes that print as a program would write them."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = ", ".join(source_name(cls) for cls in self)
        return f"({names},)" if len(self) == 1 else f"({names})"


def _belongs(mark: Mark, key: str) -> bool:
    return mark.key == key or mark.key.startswith(f"{key}/")


def _keyed(mark: Mark, key: str) -> Mark:
    # Not dataclasses.replace: it takes several times as long, twice for each mark and decision.
    return Mark(mark.at, mark.path, mark.delay, mark.step, key, mark.counts)
