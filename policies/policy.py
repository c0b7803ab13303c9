"""What does a failure mean: resume, restart, stop or escalate?"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from policies.backoff import Backoff
from policies.frozen import Count, Frozen, Seconds
from policies.limits import next_step, spent, still_needed, with_restart
from policies.names import find_class, import_path
from policies.values import Decision, Directive, Failure, History, Mark

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


class Policy(Frozen):
    """A frozen value that decides what one failure of one child means.

    Subclass it with own fields and an own `decide`. A policy does nothing itself: it reads no clock, keeps
    no state and starts no thread, so one policy may serve any number of supervisors and threads at once.
    A field annotated `Policy` takes any policy, and is written to JSON as what it is.
    """

    _kind: ClassVar[str] = ""  # the short name in JSON; a subclass without one goes by its import path

    @abstractmethod
    def decide(self, failure: Failure, history: History) -> Decision:
        """Give what to do about `failure`, and the history that the next decision is to be given."""

    def for_exit(self) -> Restart:
        """Give the limit and the backoff for bringing back a permanent child that ended normally."""
        return self._contained_restart() or Restart()

    def _contained_restart(self) -> Restart | None:
        return None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if Frozen not in cls.__bases__:  # any class but Policy, which has no name yet at this point
            return handler(source)
        # Left to itself, pydantic reads and writes the fields of the annotated class alone: none.
        any_policy = Annotated[Any, BeforeValidator(lambda value: as_policy(value))]
        return handler.generate_schema(any_policy)

    @model_serializer(mode="wrap")
    def _write_with_kind(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": kind_of(type(self)), **write(self)}

    @model_validator(mode="before")
    @classmethod
    def _read_own_kind_only(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "kind" not in data:
            return data
        if data["kind"] != kind_of(cls):
            raise ValueError(f"kind {data['kind']!r} is not {kind_of(cls)!r}")
        return {name: value for name, value in data.items() if name != "kind"}


class Resume(Policy):
    """The child keeps its state and goes on with its next message."""

    _kind: ClassVar[str] = "resume"

    def decide(self, failure: Failure, history: History) -> Decision:
        """Resume, whatever failed."""
        return Decision(Directive.RESUME, 0.0, history)


class Stop(Policy):
    """The child ends, its siblings go on."""

    _kind: ClassVar[str] = "stop"

    def decide(self, failure: Failure, history: History) -> Decision:
        """Stop, whatever failed."""
        return Decision(Directive.STOP, 0.0, history)


class Escalate(Policy):
    """The supervisor fails with the child's error as the cause, and its own parent decides."""

    _kind: ClassVar[str] = "escalate"

    def decide(self, failure: Failure, history: History) -> Decision:
        """Escalate, whatever failed."""
        return Decision(Directive.ESCALATE, 0.0, history)


class Restart(Policy):
    """A new incarnation, at most `max_restarts` times `within` seconds; beyond that, `then` decides.

    The window slides and its bound is inclusive: a restart counts while `now - at <= within`.
    `within=None` counts failures in a row instead: one that comes after a handled message starts the count
    of its child anew. `max_restarts=None` is without limit, and takes `within=None` with it.
    `per` says whose restarts are counted together: those of the "supervisor", or of the "child" alone.
    `backoff` is counted per child; without one, a restart is immediate. `then` is `Stop()` or `Escalate()`.
    """

    _kind: ClassVar[str] = "restart"
    _always_printed: ClassVar[frozenset[str]] = frozenset({"max_restarts", "within"})

    max_restarts: Count | None = 3
    within: Seconds | None = 5.0
    backoff: Backoff | None = None
    per: Literal["supervisor", "child"] = "supervisor"
    then: Policy = Escalate()

    def __init__(
        self,
        /,
        max_restarts: int | None = max_restarts,
        within: float | None = within,
        backoff: Backoff | None = backoff,
        per: Literal["supervisor", "child"] = per,
        then: Policy = then,
        **more: Any,  # a subclass's own fields; a misspelt one is refused like every other error
    ) -> None:
        more.update(max_restarts=max_restarts, within=within, backoff=backoff, per=per, then=then)
        super().__init__(**more)

    def decide(self, failure: Failure, history: History) -> Decision:
        """Restart while the limit allows it; once exceeded, give the directive of `then`."""
        quiet_period = None if self.backoff is None else self.backoff.quiet_period
        marks = still_needed(history.marks, failure, self.within, quiet_period)
        if self._is_spent(marks, failure):
            final = self.then.decide(failure, history)
            return Decision(final.directive, 0.0, History(tuple(marks)), exceeded=True)
        return self._restarted(marks, failure)

    def _is_spent(self, marks: list[Mark], failure: Failure) -> bool:
        if self.max_restarts is None:
            return False
        return spent(marks, failure.path if self.per == "child" else None) >= self.max_restarts

    def _restarted(self, marks: list[Mark], failure: Failure) -> Decision:
        step, delay = 0, 0.0
        if self.backoff is not None:
            step = next_step(marks, failure, self.backoff.quiet_period)
            delay = self.backoff.delay(step, failure.draw)
        elif self.max_restarts is None:  # nothing will ever ask for this mark
            return Decision(Directive.RESTART, 0.0, History(tuple(marks)))
        mark = Mark(failure.at, failure.path, delay, step, counts=self.max_restarts is not None)
        return Decision(Directive.RESTART, delay, History(with_restart(marks, mark)))

    def _contained_restart(self) -> Restart:
        return self

    @model_validator(mode="after")
    def _limit_and_window_agree(self) -> Self:
        if self.max_restarts is None and self.within is not None:
            raise ValueError(
                f"max_restarts=None is without limit, so within={self.within} has nothing to limit:"
                " give within=None as well"
            )
        if not isinstance(self.then, Stop | Escalate):
            raise ValueError(f"then must be Stop() or Escalate(), not {self.then!r}")
        return self


def as_policy(value: object) -> Policy:
    """Give a policy as it is, or the one that a mapping with a `kind` describes; else ValueError."""
    if isinstance(value, Policy):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"a policy is needed, not {value!r}")
    if "kind" not in value:
        raise ValueError(f"a policy needs its kind: {value!r}")
    return class_of_kind(value["kind"]).model_validate(value)


def kind_of(cls: type[Policy]) -> str:
    """Name a policy class in JSON: the built-in ones by a short name, others by their import path."""
    return cls.__dict__.get("_kind") or import_path(cls)


def class_of_kind(kind: object) -> type[Policy]:
    """Give the policy class of that name, importing its module where needed; ValueError names a wrong one."""
    if not isinstance(kind, str):
        raise ValueError(f"the kind of a policy is a text, not {kind!r}")
    for known in _subclasses(Policy):
        if kind_of(known) == kind:
            return known
    try:
        found = find_class(kind)
    except ValueError as error:
        raise ValueError(f"unknown kind of policy {kind!r}: {error}") from error
    if not issubclass(found, Policy) or inspect.isabstract(found):
        raise ValueError(f"unknown kind of policy {kind!r}: not a policy that can be built")
    return found


def _subclasses(cls: type[Any]) -> list[type[Any]]:
    """Give all subclasses, the latest defined first, so that a redefined class is found as it is now."""
    return [found for direct in reversed(cls.__subclasses__()) for found in (direct, *_subclasses(direct))]
