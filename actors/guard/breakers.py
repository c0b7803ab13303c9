"""How do all who call one resource learn at once that it is down, and that it is back?"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import ParamSpec, Self, TypeVar

from actors._core.clock import Clock
from actors._core.errors import ActorError, Cancelled, said
from actors._core.system import ActorSystem
from actors.eventlog.work_kinds import BreakerStateChangedRecord
from policies.breaker import CallEnd, Circuit, CircuitBreaker, CircuitState

P = ParamSpec("P")
T = TypeVar("T")


class CircuitOpenError(ActorError):
    """The resource has failed too often and is not called now; worth another try at `until`, on the clock.

    `retry_after` is how many seconds that is from the moment of the refusal.
    """

    retryable = True

    def __init__(self, resource: str, until: float, retry_after: float) -> None:
        super().__init__(f"the circuit of '{resource}' is open, for another {retry_after:.3g} s")
        self.resource = resource
        self.until = until
        self.retry_after = retry_after


class _Guarded:
    """One resource: its policy and what that remembers."""

    def __init__(self, name: str, policy: CircuitBreaker) -> None:
        self.name = name
        self.policy = policy
        self.circuit = Circuit()


class Breakers:
    """A circuit breaker for each resource, shared by all who call it: `with breakers["api"]:`.

    A resource is a name; `each` has the policies of those that have one of their own, `policy` is for all others.
    Made of a system, its clock is the breakers', and each change of a state is told among its events, once and in
    order, as a `breaker_state_changed` record with the resource as its `scope`; made of a clock, nobody is told.

    All methods are for any thread, and none of them ever waits: what may not be called is refused at once.
    """

    def __init__(
        self,
        of: ActorSystem | Clock,
        policy: CircuitBreaker | None = None,
        each: Mapping[str, CircuitBreaker] | None = None,
    ) -> None:
        self._system = of if isinstance(of, ActorSystem) else None
        self._now: Callable[[], float] = of.clock.now if isinstance(of, ActorSystem) else of.now
        self._policy = policy if policy is not None else CircuitBreaker()
        self._each = dict(each or {})
        self._resources: dict[str, _Guarded] = {}
        # Guards the resources, their circuits and what is to be told of them, so that it is told in the order in which
        # it happened. Policies decide under it; no call of a resource, no subscriber and no other lock.
        self._lock = threading.Lock()
        self._untold: deque[BreakerStateChangedRecord] = deque()
        # Held by the one thread that tells, and never waited for.
        self._telling = threading.Lock()

    def __getitem__(self, resource: str) -> Breaker:
        """Give the breaker of a resource, known before or not; each time an object of its own."""
        if not isinstance(resource, str):
            raise ValueError(f"resource: a name, not {resource!r}")
        with self._lock:
            guarded = self._resources.get(resource)
            if guarded is None:
                guarded = self._resources[resource] = _Guarded(resource, self._each.get(resource, self._policy))
        return Breaker(self, guarded)

    def circuits(self) -> Mapping[str, Circuit]:
        """Give what is remembered of each resource now; a snapshot."""
        with self._lock:
            return MappingProxyType({name: guarded.circuit for name, guarded in self._resources.items()})

    # -- for its breakers ---------------------------------------------------------

    def admit(self, guarded: _Guarded) -> int:
        """Give the turn in which the call is made; raises CircuitOpenError where it may not be made."""
        at = self._now()
        with self._lock:
            admission = guarded.policy.admit(guarded.circuit, at)
            self._change(guarded, admission.circuit, "its time is over: the next calls are probes")
        self._tell()
        if not admission.admitted:
            until = admission.circuit.until or 0.0
            raise CircuitOpenError(guarded.name, until, until - at)
        return admission.circuit.turn

    def ended(self, guarded: _Guarded, turn: int, error: BaseException | None) -> None:
        """Say that a call that was admitted in that turn has ended, with an error or, `None`, a value."""
        end = _end_of(guarded.policy, error)
        why = said(error) if error is not None and end is CallEnd.FAILED else "the probes have succeeded"
        at = self._now()
        with self._lock:
            self._change(guarded, guarded.policy.after(guarded.circuit, turn, at, end), why)
        self._tell()

    def _change(self, guarded: _Guarded, circuit: Circuit, why: str) -> None:
        old, guarded.circuit = guarded.circuit, circuit
        if circuit.state is not old.state and self._system is not None:
            record = BreakerStateChangedRecord(
                scope=guarded.name, old_state=old.state, new_state=circuit.state, message=why
            )
            self._untold.append(record)

    def _tell(self) -> None:
        """Have told what is untold, by this thread or the one that is at it; again, for what came as that one ended."""
        while self._untold and self._system is not None and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    self._system.emit(self._untold.popleft())
            finally:
                self._telling.release()


class Breaker:
    """The breaker of one resource, for one `with` block at a time; `call` is for any number of threads at once."""

    def __init__(self, breakers: Breakers, guarded: _Guarded) -> None:
        self._breakers = breakers
        self._guarded = guarded
        # Whoever pops the token may enter a `with` block: pop is atomic, so that is one thread.
        self._token: list[None] = [None]
        self._turn = 0

    @property
    def resource(self) -> str:
        """The name of what it guards."""
        return self._guarded.name

    @property
    def state(self) -> CircuitState:
        """Which calls are made; it stays open until somebody calls after its time."""
        return self._guarded.circuit.state

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that uses the resource, and give or raise what it does; raises CircuitOpenError instead.

        What a coroutine does is not seen here: await it in a `with` block.
        """
        turn = self._breakers.admit(self._guarded)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            self._breakers.ended(self._guarded, turn, error)
            raise
        self._breakers.ended(self._guarded, turn, None)
        return value

    def __enter__(self) -> Self:
        try:
            self._token.pop()
        except IndexError:
            text = f"this breaker is in a with block already: take breakers[{self.resource!r}] anew for each"
            raise RuntimeError(text) from None
        try:
            self._turn = self._breakers.admit(self._guarded)
        except BaseException:
            self._token.append(None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        turn = self._turn
        self._token.append(None)
        self._breakers.ended(self._guarded, turn, error)

    def __repr__(self) -> str:
        return f"<Breaker {self.resource} {self.state.value}>"


def _end_of(policy: CircuitBreaker, error: BaseException | None) -> CallEnd:
    # One who was told to give up, or whom the breaker of another resource has refused, has no answer of this one.
    return CallEnd.UNANSWERED if isinstance(error, Cancelled | CircuitOpenError) else policy.end_of(error)
