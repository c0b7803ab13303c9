"""May a call of a resource be made, or has it failed so often that it is spared for a while?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from policies.branches import ExceptionClass, print_classes
from policies.frozen import Frozen, Seconds

AtLeastOne = Annotated[int, Field(strict=True, ge=1)]
_KIND = "circuit_breaker"


class CircuitState(StrEnum):
    """Which calls of a resource are made."""

    CLOSED = "closed"
    """All of them."""
    OPEN = "open"
    """None, until its time is over."""
    HALF_OPEN = "half_open"
    """A few, the probes: what becomes of them decides."""


class CallEnd(StrEnum):
    """What became of a call that was made."""

    SUCCEEDED = "succeeded"
    """The resource has answered, be it with an error that is no fault of its own."""
    FAILED = "failed"
    """The resource has failed."""
    UNANSWERED = "unanswered"
    """The call was given up, which says nothing about the resource."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What a breaker remembers of one resource; `Circuit()` is the start of every resource."""

    state: CircuitState = CircuitState.CLOSED
    turn: int = 1
    """Grows with each change of what is let through; the end of a call of an earlier turn changes nothing."""
    failures: tuple[float, ...] = ()
    """When the failures that still count happened, oldest first; while it is closed."""
    until: float | None = None
    """While it is open, when it lets a probe through; while half open, when probes that have not ended are lost."""
    admitted: int = 0
    """The probes that were let through, while it is half open."""
    succeeded: int = 0
    """The probes that have succeeded, while it is half open."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether one call may be made, and what is to be remembered of it."""

    admitted: bool
    circuit: Circuit


class CircuitBreaker(Frozen):
    """After `failures` failures at most `within` seconds apart, no call is made for `open_for` seconds.

    The window slides and its bound is inclusive; `within=None` counts failures in a row instead. After `open_for`
    seconds as many calls as `probes` are let through: when all of them succeed it closes, when one fails it opens for
    as long again, and those that have not ended after another `open_for` seconds are lost and make room for others.
    An error that is an instance of a class in `ignores` is an answer of the resource, and counts as success.

    A frozen value that decides and does nothing: it reads no clock and keeps no state.
    """

    _always_printed: ClassVar[frozenset[str]] = frozenset({"failures", "within"})

    failures: AtLeastOne = 5
    within: Seconds | None = 60.0
    open_for: Seconds = 30.0
    probes: AtLeastOne = 1
    ignores: tuple[ExceptionClass, ...] = ()

    def __init__(
        self,
        /,
        failures: int = failures,
        within: float | None = within,
        open_for: float = open_for,
        probes: int = probes,
        ignores: Iterable[type[BaseException]] = ignores,
        **unknown: Any,  # handed on, so that a misspelt field in JSON is refused like every other error
    ) -> None:
        unknown.update(failures=failures, within=within, open_for=open_for, probes=probes, ignores=ignores)
        super().__init__(**unknown)

    def admit(self, circuit: Circuit, at: float) -> Admission:
        """Say whether a call may be made `at` that time, in monotonic seconds."""
        if circuit.until is None:
            return Admission(True, circuit)
        if at >= circuit.until:
            probing = Circuit(CircuitState.HALF_OPEN, circuit.turn + 1, until=at + self.open_for, admitted=1)
            return Admission(True, probing)
        if circuit.state is CircuitState.HALF_OPEN and circuit.admitted < self.probes:
            return Admission(True, replace(circuit, admitted=circuit.admitted + 1))
        return Admission(False, circuit)

    def end_of(self, error: BaseException | None) -> CallEnd:
        """Say what the error of a call, `None` where it has a value, means for its resource."""
        if error is None or isinstance(error, self.ignores):
            return CallEnd.SUCCEEDED
        return CallEnd.FAILED if isinstance(error, Exception) else CallEnd.UNANSWERED

    def after(self, circuit: Circuit, turn: int, at: float, end: CallEnd) -> Circuit:
        """Give what to remember once a call has ended `at` that time; `turn` is that of its admission."""
        if turn != circuit.turn:
            return circuit
        if circuit.state is CircuitState.CLOSED:
            return self._after_call(circuit, at, end)
        if circuit.state is CircuitState.HALF_OPEN:
            return self._after_probe(circuit, at, end)
        return circuit

    def _after_call(self, circuit: Circuit, at: float, end: CallEnd) -> Circuit:
        if end is CallEnd.SUCCEEDED and self.within is None:
            return replace(circuit, failures=())
        if end is not CallEnd.FAILED:
            return circuit
        failures = (*(when for when in circuit.failures if self.within is None or at - when <= self.within), at)
        return self._opened(circuit, at) if len(failures) >= self.failures else replace(circuit, failures=failures)

    def _after_probe(self, circuit: Circuit, at: float, end: CallEnd) -> Circuit:
        if end is CallEnd.FAILED:
            return self._opened(circuit, at)
        if end is CallEnd.UNANSWERED:
            return replace(circuit, admitted=circuit.admitted - 1)
        if circuit.succeeded + 1 == self.probes:
            return Circuit(turn=circuit.turn + 1)
        return replace(circuit, succeeded=circuit.succeeded + 1)

    def _opened(self, circuit: Circuit, at: float) -> Circuit:
        return Circuit(CircuitState.OPEN, circuit.turn + 1, until=at + self.open_for)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, (print_classes(value) if name == "ignores" else value)

    @model_serializer(mode="wrap")
    def _write_with_kind(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": _KIND, **write(self)}

    @model_validator(mode="before")
    @classmethod
    def _read_own_kind_only(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "kind" not in data:
            return data
        if data["kind"] != _KIND:
            raise ValueError(f"kind {data['kind']!r} is not {_KIND!r}")
        return {name: value for name, value in data.items() if name != "kind"}


def simulate_calls(breaker: CircuitBreaker, calls: Iterable[tuple[float, BaseException | None]]) -> list[Admission]:
    """Give what a breaker says to calls that take no time, each a pair of seconds and error (`None` for a value).

    The circuit of each is that after the call has ended.
    """
    circuit, said = Circuit(), []
    for at, error in calls:
        admission = breaker.admit(circuit, at)
        circuit = admission.circuit
        if admission.admitted:
            circuit = breaker.after(circuit, circuit.turn, at, breaker.end_of(error))
        said.append(Admission(admission.admitted, circuit))
    return said
