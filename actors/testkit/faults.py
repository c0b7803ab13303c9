"""What if just this message fails, hangs, comes late, comes twice, or never comes?

Each fault is an interceptor: it acts on the agent's turn, in place of the handler. So what the agent, its supervisor
and those who asked it then do is what they would do in earnest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

from actors._core.checks import is_seconds
from actors._core.delivery import Delivery, Returned
from actors._core.errors import AgentStoppedError
from actors._core.future import AgentFuture
from actors._core.interceptors import HOOKS
from actors._core.mailbox import BoundedQueue
from actors._core.ref import AgentRef
from actors._core.system import ActorSystem
from actors.testkit.waiting import Within

Path = str | AgentRef[Any]
Nth = int | Iterable[int] | None
F = TypeVar("F", bound="Fault")
_Act = Callable[[Delivery], object]


class InjectedFault(Exception):
    """What an agent fails with where a test makes it fail and does not say with what."""


class Fault:
    """One fault that was put into a system. May be used on any thread.

    `arrivals` counts the messages, or hooks, that were looked at; `hits` those that the fault was done to.
    """

    def __init__(self, system: ActorSystem, name: str, path: Path, on: Any, nth: Nth) -> None:
        self._system = system
        self._path = path.path if isinstance(path, AgentRef) else path
        self._name = name
        self._hits = 0
        self._waiting: list[tuple[int, AgentFuture[None]]] = []
        # Guards the count and who waits for it; nobody is told under it.
        self._lock = threading.Lock()
        self._interception = system.intercept(self._act, self._path, on, nth)

    @property
    def arrivals(self) -> int:
        return self._interception.arrivals

    @property
    def hits(self) -> int:
        return self._hits

    def reached(self, count: int = 1, within: float | None = None) -> None:
        """Wait until the fault has been done `count` times; blocks.

        Raises AssertionError after `within` seconds, None is `PATIENCE`: real ones, or a simulation's own.
        """
        if type(count) is not int or count < 1:
            raise ValueError(f"count: a whole number, 1 or more, not {count!r}")
        end = Within(within, self._system)
        there: AgentFuture[None] = AgentFuture()
        with self._lock:
            if self._hits >= count:
                return
            self._waiting.append((count, there))
        if not end.wait(there):
            raise AssertionError(f"not done {count} times within {end.seconds:g} seconds: {self!r}")

    def clear(self) -> None:
        """Take the fault away; what it holds up goes on."""
        self._interception.cancel()

    def _act(self, delivery: Delivery) -> None:
        raise NotImplementedError  # pragma: no cover - each kind of fault does it

    def _hit(self) -> None:
        with self._lock:
            self._hits += 1
            ready = [there for count, there in self._waiting if count <= self._hits]
            self._waiting = [entry for entry in self._waiting if entry[0] > self._hits]
        for there in ready:
            there.resolve()

    def __repr__(self) -> str:
        return f"<Fault {self._name} {self._path}: {self._hits} of {self.arrivals}>"


class _Simple(Fault):
    """A fault that is over as soon as it is done."""

    def __init__(self, system: ActorSystem, name: str, path: Path, on: Any, nth: Nth, act: _Act) -> None:
        self._do = act
        super().__init__(system, name, path, on, nth)

    def _act(self, delivery: Delivery) -> None:
        # Noted last: whoever waits for the fault finds it done.
        try:
            self._do(delivery)
        finally:
            self._hit()


class Hang(Fault):
    """Agents that hang until `release()`, or until the fault is cleared; then they go on with the message."""

    def __init__(self, system: ActorSystem, path: Path, on: Any, nth: Nth) -> None:
        self._released: AgentFuture[None] = AgentFuture()
        super().__init__(system, "hang", path, on, nth)

    def release(self) -> None:
        """Let those that hang go on; from now on nobody hangs here."""
        self._released.resolve()

    def clear(self) -> None:
        super().clear()
        self.release()

    def _act(self, delivery: Delivery) -> None:
        self._hang()
        delivery.proceed()

    def _hang(self) -> None:
        self._hit()
        self._system.pool.make_room()
        self._released.get()


class _Slow(Fault):
    """Agents that take so much longer, by the system's clock."""

    def __init__(self, system: ActorSystem, path: Path, seconds: float, on: Any, nth: Nth) -> None:
        self._seconds = seconds
        self._cleared: AgentFuture[None] = AgentFuture()
        super().__init__(system, f"slow by {seconds:g} s", path, on, nth)

    def clear(self) -> None:
        super().clear()
        self._cleared.resolve()

    def _act(self, delivery: Delivery) -> None:
        clock = self._system.clock
        until = clock.now() + self._seconds
        self._hit()
        self._system.pool.make_room()
        clock.wait(self._cleared, until)
        delivery.proceed()


class FullMailbox(Hang):
    """An agent that hangs in front of a full mailbox until `release()`; `filled` messages were put into it."""

    def __init__(self, system: ActorSystem, ref: AgentRef[Any]) -> None:
        self._filler = _Filler()
        self._left = 0
        self.filled = 0
        super().__init__(system, ref, object, None)
        self._name = "full mailbox"

    def fill(self, ref: AgentRef[Any], queue: BoundedQueue, message: Any, within: float | None) -> None:
        cell = ref._cell
        # Something to hang over, where nothing else waits; outside the bound, so that there is always room for it.
        cell.queue_tick(Returned(self._filler, frozenset()))
        self._left = 1
        self.reached(1, within)
        self.filled = queue.fill(self._filler if message is None else message)
        if message is None:
            self._left += self.filled
        if cell.gate:
            # It was abandoned, or has ended, just now.
            cell.knock(queue)

    def clear(self) -> None:
        self.release()
        if not self._left:
            self._interception.cancel()

    def _act(self, delivery: Delivery) -> None:
        if not self.hits:
            self._hang()
        if delivery.message is not self._filler:
            delivery.proceed()
            return
        # The agent never sees it, also when the fault is cleared while it waits.
        delivery.answer(None)
        self._left -= 1
        if not self._left and self._released.settled:
            self._interception.cancel()


class _Filler:
    """What takes up the room of a message and is handled by nobody."""

    def __repr__(self) -> str:
        return "filler"


class Faults:
    """Faults for the agents of one system, until they are cleared, which leaving the `with` block does.

    That should come before the system's end, which waits for agents that hang, within their `shutdown`.

    `path` is a pattern as for `select`, or a ref. `on` says what for: a type of messages, several, a predicate of a
    message, or a hook ("__init__", "on_start", "on_stop", "on_failure"). `nth` says which of those: a number, several,
    or None for all; counted from 1 for each fault, over all agents it is for and all their incarnations. A fault that
    was put earlier comes first. An agent meets a fault from its next message on. Ask an agent that is to hang or be
    slow with `block=False` or a timeout: an idle one would do so on the calling thread.
    """

    def __init__(self, system: ActorSystem) -> None:
        if not isinstance(system, ActorSystem):
            raise ValueError(f"system: an ActorSystem, not {system!r}")
        self._system = system
        self._faults: list[Fault] = []

    def crash(
        self,
        path: Path,
        on: Any = object,
        nth: Nth = 1,
        error: BaseException | type[BaseException] | None = None,
    ) -> Fault:
        """Fail in place of the handler or hook, with `error`: an exception, a class of them, or an InjectedFault."""
        kind = error if isinstance(error, type) else type(error)
        if error is not None and not issubclass(kind, BaseException):
            raise ValueError(f"error: an exception, a class of exceptions, or None, not {error!r}")

        def crash(delivery: Delivery) -> None:
            if error is None:
                what = delivery.hook or type(delivery.message).__name__
                raise InjectedFault(f"{delivery.path} #{delivery.incarnation} over {what}")
            raise error if isinstance(error, type) else error.with_traceback(None)

        return self._simple("crash", path, on, nth, crash)

    def hang(self, path: Path, on: Any = object, nth: Nth = 1) -> Hang:
        """Hang before the handler or hook, until `release()` of what is given back; then go on as if nothing was."""
        return self._keep(Hang(self._system, path, on, nth))

    def slow(self, path: Path, seconds: float, on: Any = object, nth: Nth = None) -> Fault:
        """Take `seconds` longer over the handler or hook, by the system's clock."""
        return self._keep(_Slow(self._system, path, _seconds(seconds), on, nth))

    def drop(self, path: Path, on: Any = object, nth: Nth = 1) -> Fault:
        """Lose the message: it is a dead letter; an ask ends at its deadline, without one at once with AskDropped."""
        return self._simple("drop", path, _no_hook(on), nth, lambda delivery: delivery.drop("dropped by a fault"))

    def duplicate(self, path: Path, on: Any = object, nth: Nth = 1) -> Fault:
        """Have the message come once more, after those that wait; the answer to the second goes nowhere."""

        def duplicate(delivery: Delivery) -> None:
            delivery.duplicate()
            delivery.proceed()

        return self._simple("duplicate", path, _no_hook(on), nth, duplicate)

    def delay(self, path: Path, seconds: float, on: Any = object, nth: Nth = 1) -> Fault:
        """Have the message come `seconds` later, by the system's clock, after those that wait then.

        It waits through restarts, and in its time it comes although the fault was cleared.
        """
        late = _seconds(seconds)
        return self._simple(f"delay by {late:g} s", path, _no_hook(on), nth, lambda delivery: delivery.delay(late))

    def fill_mailbox(self, ref: AgentRef[Any], message: Any = None, within: float | None = None) -> FullMailbox:
        """Hold the agent before its next message and fill its bounded mailbox, until `release()`; blocks until then.

        It is filled with `message`, which the agent then handles as often, or with what it never sees. Raises
        AssertionError if the agent does not get to its next message `within` seconds, None is `PATIENCE`.
        """
        if not isinstance(ref, AgentRef):
            raise ValueError(f"ref: an AgentRef, not {ref!r}")
        if not ref.is_alive():
            raise AgentStoppedError(f"{ref} not found", path=ref.path)
        queue = ref._cell.open_queue()
        if not isinstance(queue, BoundedQueue):
            raise ValueError(f"ref: an agent with a bounded mailbox, not {ref!r}")
        full = self._keep(FullMailbox(self._system, ref))
        full.fill(ref, queue, message, within)
        return full

    def clear(self) -> None:
        """Take all faults away, the last one first; agents that hang or are slow go on."""
        while self._faults:
            self._faults.pop().clear()

    def _simple(self, name: str, path: Path, on: Any, nth: Nth, act: _Act) -> Fault:
        return self._keep(_Simple(self._system, name, path, on, nth, act))

    def _keep(self, fault: F) -> F:
        self._faults.append(fault)
        return fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"<Faults of {self._system!r}: {len(self._faults)}>"


def _seconds(seconds: float) -> float:
    if not is_seconds(seconds):
        raise ValueError(f"seconds: 0 or more, not {seconds!r}")
    return seconds


def _no_hook(on: Any) -> Any:
    if isinstance(on, str) and on in HOOKS:
        raise ValueError(f"on: a hook can only crash, hang or be slow, not {on!r}")
    return on
